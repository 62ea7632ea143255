"""Operators as strangers write them: true ones, and such with one fault, some for each contract."""

from __future__ import annotations

import torch
from torch import nn

FAULTS = {}
"""The contract that each of these breaks, and the gates it is called with."""
TRUE = {}
"""The adapter and gates of these, which break none."""


def planted(contract, **gates):
    def keep(layer):
        FAULTS[layer.__name__] = contract, gates
        return layer

    return keep


def true(adapter="kv", **gates):
    def keep(layer):
        TRUE[layer.__name__] = adapter, gates
        return layer

    return keep


@true()
def chunked(q, k, v, beta, initial_state=None, output_final_state=False, cu_seqlens=None, chunk_size=2):
    """Linear attention with a step for each token, by chunks; packed sequences one after the other."""
    if cu_seqlens is not None:
        outs, states = [], []
        ends = cu_seqlens.tolist()
        for i, (a, b) in enumerate(zip(ends[:-1], ends[1:], strict=True)):
            start = None if initial_state is None else initial_state[i : i + 1]
            out, S = chunked(q[:, a:b], k[:, a:b], v[:, a:b], beta[:, a:b], start, True, None, chunk_size)
            outs.append(out)
            states.append(S)
        return torch.cat(outs, 1), torch.cat(states)
    B, T, H, K = k.shape
    S = k.new_zeros(B, H, K, v.shape[-1]) if initial_state is None else initial_state
    q, k, v, beta = (x.transpose(1, 2) for x in (q, k, v, beta))
    out = []
    for a in range(0, T, chunk_size):
        Q, K, V, b = (x[:, :, a : a + chunk_size] for x in (q, k, v, beta))
        scores = (Q @ K.transpose(-1, -2)).tril()
        out.append(Q @ S + scores @ (b[..., None] * V))
        S = S + K.transpose(-1, -2) @ (b[..., None] * V)
    return torch.cat(out, 2).transpose(1, 2), S if output_final_state else None


@true(g="log(decay)")
def recurrent(q, k, v, g, initial_state=None, output_final_state=False):
    """Retention with a logarithm of the decay for each token."""
    B, T, H, K = k.shape
    S = k.new_zeros(B, H, K, v.shape[-1]) if initial_state is None else initial_state
    out = []
    for t in range(T):
        S = S * g[:, t].exp()[..., None, None] + k[:, t][..., :, None] * v[:, t][..., None, :]
        out.append((q[:, t][..., None, :] @ S)[..., 0, :])
    return torch.stack(out, 1), S


@true()
def softmax(q, k, v):
    """Causal attention: no rational function, and linear in the values."""
    scores = torch.einsum("bthd,bshd->bhts", q, k)
    later = torch.ones(q.shape[1], q.shape[1], dtype=torch.bool).triu(1)
    return torch.einsum("bhts,bshe->bthe", scores.masked_fill(later, -torch.inf).softmax(-1), v)


@true()
class Projected(nn.Module):
    """A module with weights of its own."""

    def __init__(self):
        super().__init__()
        self.gain = nn.Parameter(torch.tensor([2.0, 3.0]))

    def forward(self, q, k, v):
        return _attended(q, k, v) * self.gain[: q.shape[2], None]


@true(None)
def one_sequence(X, Y, x_q, eta):
    return eta * Y.T @ (X @ x_q)


def two_states(q, k, v, beta, initial_state=None, initial_sum=None, output_final_state=False):
    """Linear attention over the sum of the steps, which is a state of its own."""
    out, S = chunked(q, k, v, beta, initial_state, True)
    total = beta.cumsum(1) + (0 if initial_sum is None else initial_sum[:, None])
    return out * total[..., None], S, total[:, -1]


def _summed(q, k, v, initial_state=None):
    S = torch.einsum("bthd,bthe->bhde", k, v)
    out = _attended(q, k, v)
    if initial_state is None:
        return out, S
    return out + torch.einsum("bthd,bhde->bthe", q, initial_state), S + initial_state


def plain_state(q, k, v, initial_state=None, output_final_state=False):
    return _summed(q, k, v, initial_state)


def offset_state(q, k, v, initial_state=None, output_final_state=False):
    """The state goes by 10^15, beside which a float64 keeps one digit after the point."""
    out, S = _summed(q, k, v, initial_state)
    return out, (S + 10.0**15) - 10.0**15


def short_state(q, k, v, initial_state=None, output_final_state=False):
    """The state is rounded to bfloat16 between calls."""
    out, S = _summed(q, k, v, initial_state)
    return out, S.bfloat16().to(S.dtype)


def single_state(q, k, v, initial_state=None, output_final_state=False):
    """The state is rounded to float32 between calls."""
    out, S = _summed(q, k, v, initial_state)
    return out, S.float().to(S.dtype)


def leaks_late(q, k, v):
    """Reads later values past 40 tokens, by a number that the code does not write as one."""
    late = k[0, :, 0, 0].numel() ** 2 > len("x" * 1600)
    return _attended(q, k, v) + late * v.flip(1)


def needs_many(q, k, v):
    """Refuses every call that is tried."""
    assert q.shape[1] > 1000
    return v


def _attended(q, k, v, mask=True):
    scores = torch.einsum("bthd,bshd->bhts", q, k)
    return torch.einsum("bhts,bshe->bthe", scores.tril() if mask else scores, v)


@true()
def zero_keys(q, k, v):
    """Keys of norm 1, without an epsilon: values beside a key of 0 depend on where from, and none is promised."""
    return _attended(q, k / k.norm(dim=-1, keepdim=True), v)


@true()
def refuses_zero_keys(q, k, v):
    """Divides by the keys' product, and raises where there is nothing to divide by."""
    size = (k * k).sum((1, 2, 3), keepdim=True)
    if bool((size == 0).any()):
        raise ValueError("no key")
    return _attended(q, k, v / size.sqrt()) / size


# --- one fault each -----------------------------------------------------------------------------------------------------


@planted("causal")
def lost_mask(q, k, v):
    return _attended(q, k, v, mask=False)


@planted("causal")
def looks_ahead(q, k, v):
    """Each position reads the next token's key too."""
    ahead = torch.cat([k[:, 1:], k[:, -1:]], 1)
    return _attended(q, k, v) + (q * ahead).sum(-1, keepdim=True) * v


@planted("causal")
def late_mask(q, k, v):
    """The mask of the second block of 8 tokens is lost."""
    if q.shape[1] <= 8:
        return _attended(q, k, v)
    rest = _attended(q[:, 8:], k[:, 8:], v[:, 8:], mask=False)
    inter = torch.einsum("bthd,bshd,bshe->bthe", q[:, 8:], k[:, :8], v[:, :8])
    return torch.cat([_attended(q[:, :8], k[:, :8], v[:, :8]), rest + inter], 1)


@planted("heads")
def mixed_heads(q, k, v):
    return _attended(q, k, v) + v.mean(2, keepdim=True)


@planted("heads")
def state_of_another_head(q, k, v, beta, initial_state=None, output_final_state=False):
    start = None if initial_state is None else initial_state.flip(1)
    return chunked(q, k, v, beta, start, output_final_state)


@planted("batch")
def mixed_batch(q, k, v):
    return _attended(q, k - k.mean(0, keepdim=True), v)


@planted("split")
def stale_state(q, k, v, beta, initial_state=None, output_final_state=False):
    """The state after lacks the last chunk."""
    out, _ = chunked(q, k, v, beta, initial_state, True)
    T = 2 * ((k.shape[1] - 1) // 2)
    if T == 0:
        S = k.new_zeros(*k.shape[0:3:2], k.shape[-1], v.shape[-1]) if initial_state is None else initial_state
        return out, S
    _, S = chunked(q[:, :T], k[:, :T], v[:, :T], beta[:, :T], initial_state, True)
    return out, S


@planted("split")
def dropped_term(q, k, v, beta, initial_state=None, output_final_state=False):
    """A state that is handed in is read by the first chunk alone."""
    out, S = chunked(q, k, v, beta, None, True)
    if initial_state is not None:
        out = torch.cat([out[:, :2] + torch.einsum("bthd,bhde->bthe", q[:, :2], initial_state), out[:, 2:]], 1)
        S = S + initial_state
    return out, S


@planted("decode")
def one_token_otherwise(q, k, v, beta, initial_state=None, output_final_state=False):
    """The path for one token forgets its step."""
    if k.shape[1] == 1:
        beta = torch.ones_like(beta)
    return chunked(q, k, v, beta, initial_state, True)


@planted("packed")
def packed_ignored(q, k, v, beta, initial_state=None, output_final_state=False, cu_seqlens=None):
    out, S = chunked(q, k, v, beta, None, True)
    return out, S if cu_seqlens is None else S.repeat(len(cu_seqlens) - 1, 1, 1, 1)


@planted("padding")
def padding_leaks(q, k, v):
    """Normalised by the length of the call."""
    return _attended(q, k, v) / k.shape[1]


@planted("chunks")
def chunk_term(q, k, v, beta, chunk_size=4):
    """Later chunks don't read what came before them."""
    outs = [chunked(*(x[:, a : a + chunk_size] for x in (q, k, v, beta)))[0] for a in range(0, k.shape[1], chunk_size)]
    return torch.cat(outs, 1)


@planted("linear")
def squared_values(q, k, v):
    return _attended(q, k, v * v)


@planted("linear")
def affine(q, k, v):
    return _attended(q, k, v) + 1


@planted("strides")
def by_strides(q, k, v):
    """Reads storage in order, whatever the strides."""
    if not k.is_contiguous():
        k = k.flip(-1)
    return _attended(q, k, v)


@planted("modes")
def by_gradients(q, k, v):
    return _attended(q, k, v) * (2 if q.requires_grad else 1)


@planted("modes")
class Trained(nn.Module):
    """Counts what train() told it."""

    def __init__(self):
        super().__init__()
        self.scale = 1.0

    def train(self, mode=True):
        self.scale = 2.0 if mode else self.scale
        return super().train(mode)

    def forward(self, q, k, v):
        return _attended(q, k, v) * self.scale


@planted("finite", g="log(decay)")
def zero_gate(q, k, v, g):
    """The decay from s to t as a difference of sums of logarithms: no number where a decay is 0."""
    G = g.cumsum(1).transpose(1, 2)
    decay = (G[..., :, None] - G[..., None, :]).tril().exp().tril()
    scores = torch.einsum("bthd,bshd->bhts", q, k) * decay
    return torch.einsum("bhts,bshe->bthe", scores, v)


@planted("finite", g="log(decay)")
def overflows(q, k, v, g):
    """The same as a quotient, which overflows on the way."""
    G = g.cumsum(1)
    return _attended(q * G.exp()[..., None], k * (-G).exp()[..., None], v)


@planted("finite")
def equal_keys(q, k, v):
    """Divides by the spread of the keys, which a key of its own cancels."""
    spread = ((k - k[:, :1]) ** 2).sum((1, 3), keepdim=True)
    return _attended(q, k, v) * (spread / spread)


@planted("inputs")
def writes_inputs(q, k, v):
    q *= 0.5
    return _attended(q, k, v)


@planted("inputs")
def writes_state(q, k, v, beta, initial_state=None, output_final_state=False):
    """The state that is handed in is the one that comes back, changed in place."""
    out, S = chunked(q, k, v, beta, initial_state, True)
    if initial_state is not None:
        initial_state.copy_(S)
        return out, initial_state
    return out, S


_BUFFER = {}


@planted("deterministic")
def buffer_overwritten(q, k, v, beta, initial_state=None, output_final_state=False):
    """Every call returns one and the same array."""
    out, S = chunked(q, k, v, beta, initial_state, True)
    held = _BUFFER.setdefault(tuple(S.shape), torch.empty_like(S))
    held.copy_(S)
    return out, held


@planted("deterministic")
def drops(q, k, v):
    return torch.nn.functional.dropout(_attended(q, k, v), 0.5)


_CALLS = [0]


@planted("deterministic")
def counts(q, k, v):
    """Every ninth call is another."""
    _CALLS[0] += 1
    return _attended(q, k, v) * (2 if _CALLS[0] % 9 == 0 else 1)


_LONGEST = [0]


@planted("deterministic")
def remembers(q, k, v):
    """Scaled by the longest call so far."""
    _LONGEST[0] = max(_LONGEST[0], k.shape[1])
    return _attended(q, k, v) * _LONGEST[0]
