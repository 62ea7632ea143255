"""True layers that read a discounted sum of keys and values, or a kernel smoother of the values."""

from __future__ import annotations

import torch

from proofs.bench.corpus.entry import Entry


def linear_attention(q, k, v, scale=None):  # type: ignore[no-untyped-def]
    """[B, T, H, D] causal linear attention, recurrent, with the usual readout scale."""
    B, T, H, D = q.shape
    scale = D**-0.5 if scale is None else scale
    S = torch.zeros(B, H, D, v.shape[-1], dtype=q.dtype, device=q.device)
    o = torch.zeros_like(v)
    for t in range(T):
        S = S + torch.einsum("bhk,bhv->bhkv", k[:, t], v[:, t])
        o[:, t] = torch.einsum("bhk,bhkv->bhv", q[:, t] * scale, S)
    return o


def retention(q, k, v, gamma):  # type: ignore[no-untyped-def]
    """[B, T, H, D] retention in its recurrent form, one decay."""
    B, T, H, D = q.shape
    S = torch.zeros(B, H, D, v.shape[-1], dtype=q.dtype, device=q.device)
    out = []
    for t in range(T):
        S = gamma[:, t, :, None, None] * S + k[:, t, :, :, None] * v[:, t, :, None, :]
        out.append((q[:, t, :, :, None] * S).sum(-2))
    return torch.stack(out, dim=1)


def retention_log(q, k, v, g):  # type: ignore[no-untyped-def]
    """[B, T, H, D] scalar-gated linear attention in parallel form, the gate given as a logarithm."""
    T = q.shape[1]
    total = g.cumsum(1)
    decay = (total[:, :, None] - total[:, None, :]).exp()
    scores = torch.einsum("bthd,bshd->btsh", q, k) * decay
    scores = scores * torch.ones(T, T, dtype=q.dtype).tril()[None, :, :, None]
    return torch.einsum("btsh,bshd->bthd", scores, v)


def softmax_attention(q, k, v):  # type: ignore[no-untyped-def]
    """[B, T, H, D] softmax attention of the last query over all tokens, scaled."""
    scores = torch.einsum("bthd,bshd->bhts", q, k) * q.shape[-1] ** -0.5
    return torch.einsum("bhts,bshd->bthd", torch.softmax(scores, dim=-1), v)


def linear_attention_heads_merged(q, k, v, scale=None):  # type: ignore[no-untyped-def]
    """[B, T, H, D] causal linear attention, heads merged into the batch, bmm and an in-place triangle."""
    B, T, H, D = q.shape
    scale = D**-0.5 if scale is None else scale
    q, k, v = (x.permute(0, 2, 1, 3).reshape(B * H, T, -1) for x in (q, k, v))
    scores = torch.bmm(q, k.mT).tril_().mul_(scale)
    return torch.bmm(scores, v).view(B, H, T, -1).transpose(1, 2)


def linear_attention_state(q, k, v, initial_state=None):  # type: ignore[no-untyped-def]
    """[B, T, H, D] linear attention by cumsum over tokens, a memory handed in and out."""
    S = torch.cumsum(k.unsqueeze(-1) * v.unsqueeze(-2), dim=1)
    if initial_state is not None:
        S = S + initial_state.unsqueeze(1)
    return torch.matmul(q.unsqueeze(-2), S).squeeze(-2), S[:, -1]


def linear_attention_chunk(q, k, v):  # type: ignore[no-untyped-def]
    """[B, T, H, D] linear attention in chunks of 16 padded at the end, each with the earlier chunks' memory."""
    T = q.shape[1]
    rest = (16 - T % 16) % 16
    q, k, v = (torch.nn.functional.pad(x, (0, 0, 0, 0, 0, rest)).transpose(1, 2) for x in (q, k, v))
    q, k, v = (x.reshape(*x.shape[:2], -1, 16, x.shape[3]) for x in (q, k, v))
    written = k.mT @ v
    before = written.cumsum(2) - written
    within = (q @ k.mT) * torch.ones(16, 16, dtype=q.dtype, device=q.device).tril()
    return (q @ before + within @ v).flatten(2, 3)[:, :, :T].transpose(1, 2)


def linear_attention_strict(q, k, v):  # type: ignore[no-untyped-def]
    """[B, T, H, D] linear attention to strictly earlier tokens: read first, write afterwards."""
    B, T, H, D = q.shape
    S = q.new_zeros(B, H, v.shape[-1], D)
    o = torch.empty_like(v)
    for t in range(T):
        o[:, t] = torch.einsum("bhvk,bhk->bhv", S, q[:, t])
        S += v[:, t, :, :, None] @ k[:, t, :, None, :]
    return o


def linear_attention_grouped(q, k, v):  # type: ignore[no-untyped-def]
    """[B, T, H, D] causal linear attention with the heads as one group of several: a five-way einsum."""
    B, T, H = q.shape[:3]
    q, k, v = (x.reshape(B, T, 1, H, -1) for x in (q, k, v))
    causal = torch.arange(T, device=q.device)[:, None] >= torch.arange(T, device=q.device)
    scores = torch.where(causal[:, :, None, None], torch.einsum("btghd,bsghd->btsgh", q, k), 0.0)
    return torch.einsum("btsgh,bsghe->btghe", scores, v).flatten(2, 3)


def weighted_by_powers(X, Y, x_q, gamma):  # type: ignore[no-untyped-def]
    """One discounted step: powers of one decay by age, the youngest token's is 1."""
    age = torch.arange(X.shape[0] - 1, -1, -1, device=X.device)
    return torch.mv(Y.mT, gamma.view(1) ** age * torch.mv(X, x_q))


def weighted_by_cumprod(X, Y, x_q, eta, decay):  # type: ignore[no-untyped-def]
    """One discounted step with a rate and a decay a token: later decays by a cumulative product from the end."""
    later = torch.cat([decay.new_ones(1), decay.flip(0)[:-1]]).cumprod(0).flip(0)
    return ((eta * later * (X @ x_q)).unsqueeze(1) * Y).sum(0)


def retention_bhtd(q, k, v, gamma):  # type: ignore[no-untyped-def]
    """[B, H, T, D] retention with the memory transposed, written through a view of a preallocated output."""
    o = torch.zeros_like(v)
    S = q.new_zeros(q.shape[0], q.shape[1], v.shape[-1], q.shape[3])
    for t, (row, decay) in enumerate(zip(o.unbind(2), gamma.unbind(2), strict=True)):
        S.mul_(decay[..., None, None]).add_(v[:, :, t, :, None] * k[:, :, t, None, :])
        row.copy_((S @ q[:, :, t, :, None]).squeeze(-1))
    return o


def retention_chunk(q, k, v, gamma):  # type: ignore[no-untyped-def]
    """[B, T, H, D] retention in chunks of 4 with a shorter last one: a triangle inside, a decayed memory between."""
    S = q.new_zeros(q.shape[0], q.shape[2], q.shape[3], v.shape[3])
    out = []
    for Q, K, V, g in zip(*(x.transpose(1, 2).split(4, dim=2) for x in (q, k, v, gamma[..., None])), strict=True):
        through = g.cumprod(2)
        triangle = torch.tril(through / through.mT)
        out.append(through * (Q @ S) + (Q @ K.mT * triangle) @ V)
        S = through[:, :, -1:] * S + (through[:, :, -1:] / through * K).mT @ V
    return torch.cat(out, dim=2).transpose(1, 2)


def retention_scan(q, k, v, gamma):  # type: ignore[no-untyped-def]
    """[B, T, H, D] retention by an associative scan written out: at each doubling, what lies 1, 2, 4, ... tokens back."""
    T = q.shape[1]
    S = torch.einsum("bthk,bthv->bthkv", k, v)
    a = gamma[..., None, None]
    reach = 1
    while reach < T:
        S = torch.cat([S[:, :reach], S[:, reach:] + a[:, reach:] * S[:, :-reach]], 1)
        a = torch.cat([a[:, :reach], a[:, reach:] * a[:, :-reach]], 1)
        reach *= 2
    return torch.einsum("bthk,bthkv->bthv", q, S)


def retention_rescaled(q, k, v, gamma):  # type: ignore[no-untyped-def]
    """[B, T, H, D] retention as plain linear attention of rescaled queries and keys."""
    total = gamma.cumprod(1).unsqueeze(-1)
    memory = ((k / total)[..., :, None] * v[..., None, :]).cumsum(1)
    return ((q * total)[..., None, :] @ memory)[..., 0, :]


def gated_channels(q, k, v, g):  # type: ignore[no-untyped-def]
    """[B, T, H, D] gated linear attention, a log gate for each channel."""
    B, T, H, D = q.shape
    S = torch.zeros(B, H, D, v.shape[-1], dtype=q.dtype, device=q.device)
    out = q.new_empty(B, T, H, v.shape[-1])
    for t in range(T):
        S = S * g[:, t].exp().unsqueeze(-1) + k[:, t].unsqueeze(-1) * v[:, t].unsqueeze(-2)
        out[:, t].copy_((q[:, t].unsqueeze(-1) * S).sum(-2))
    return out


def gated_channels_chunk(q, k, v, alpha):  # type: ignore[no-untyped-def]
    """[B, T, H, D] gated linear attention in chunks of 4: queries and keys carry the gates' products."""
    T = q.shape[1]
    S = q.new_zeros(q.shape[0], q.shape[2], q.shape[3], v.shape[3])
    o = torch.zeros_like(v)
    for start in range(0, T, 4):
        here = slice(start, min(start + 4, T))
        K, V = k[:, here].transpose(1, 2), v[:, here].transpose(1, 2)
        b = alpha[:, here].transpose(1, 2).cumprod(2)
        Q = q[:, here].transpose(1, 2) * b
        o[:, here] = (Q @ S + torch.tril(Q @ (K / b).mT) @ V).transpose(1, 2)
        S = b[:, :, -1, :, None] * (S + (K / b).mT @ V)
    return o


def quadratic_features(q, k, v):  # type: ignore[no-untyped-def]
    """[B, T, H, D] linear attention on the features 1, x, x x/sqrt(2): a Taylor series of exp to degree 2."""

    def lifted(x: torch.Tensor) -> torch.Tensor:
        squares = (x.unsqueeze(-1) * x.unsqueeze(-2)).flatten(-2) / 2**0.5
        return torch.cat([torch.ones_like(x[..., :1]), x, squares], -1)

    scores = torch.einsum("bthd,bshd->bhts", lifted(q), lifted(k)).tril()
    return torch.einsum("bhts,bshd->bthd", scores, v)


def normalised_attention(q, k, v):  # type: ignore[no-untyped-def]
    """[B, T, H, D] linear attention divided by the sum of its weights, both as running sums."""
    memory = (k[..., :, None] * v[..., None, :]).cumsum(1)
    weight = k.cumsum(1)
    return torch.einsum("bthk,bthkv->bthv", q, memory) / (q * weight).sum(-1, keepdim=True)


def taylor_smoother(X, Y, x_q, c0, c1, c2):  # type: ignore[no-untyped-def]
    """A smoother with a quadratic kernel; a column of ones in the values carries the denominator."""
    s = torch.einsum("nf,f->n", X, x_q)
    powers = torch.stack([torch.ones_like(s), s, s * s], dim=1)
    kernel = powers @ torch.stack([c0, c1, c2])
    sums = kernel @ torch.nn.functional.pad(Y, (0, 1), value=1.0)
    return sums[:-1] / sums[-1]


def softmax_library(q, k, v):  # type: ignore[no-untyped-def]
    """[B, H, T, D] causal softmax attention by the library's own function."""
    return torch.nn.functional.scaled_dot_product_attention(q, k, v, is_causal=True)


def softmax_by_hand(q, k, v):  # type: ignore[no-untyped-def]
    """[B, T, H, D] causal softmax attention: -inf above the diagonal, exponentials, their sum."""
    T = q.shape[1]
    scores = torch.einsum("bthd,bshd->bhts", q * q.shape[-1] ** -0.5, k)
    future = torch.ones(T, T, dtype=torch.bool, device=q.device).triu(1)
    weights = scores.masked_fill(future, float("-inf")).exp()
    return torch.einsum("bhts,bshd->bthd", weights / weights.sum(-1, keepdim=True), v)


def softmax_running(q, k, v):  # type: ignore[no-untyped-def]
    """[B, T, H, D] causal softmax attention key by key: running sums of weighted values and of weights."""
    D = q.shape[3]
    total = torch.zeros_like(v)
    weights = torch.zeros_like(v[..., :1])
    for s in range(q.shape[1]):
        weight = ((q[:, s:] * k[:, s : s + 1]).sum(-1, keepdim=True) * D**-0.5).exp()
        total[:, s:] += weight * v[:, s : s + 1]
        weights[:, s:] += weight
    return total / weights


ENTRIES = (
    Entry(linear_attention, "gd", adapter="kv", named=True),
    Entry(retention, "discounted_gd", {"gamma": "decay", "eta": "1"}, "kv", named=True),
    Entry(retention_log, "discounted_gd", {"g": "log(decay)", "eta": "1"}, "kv", named=True),
    Entry(softmax_attention, "softmax_smoother", {"scale": "f**-0.5"}, "kv:last", exact=False, named=True),
    Entry(linear_attention_heads_merged, "gd", adapter="kv"),
    Entry(linear_attention_state, "gd", {"eta": "N"}, "kv"),
    Entry(linear_attention_chunk, "gd", {"eta": "N"}, "kv"),
    Entry(linear_attention_strict, "gd", {"eta": "N"}, "kv:exclusive"),
    Entry(linear_attention_grouped, "gd", {"eta": "N"}, "kv"),
    Entry(weighted_by_powers, "discounted_gd", {"gamma": "decay", "eta": "1"}),
    Entry(weighted_by_cumprod, "discounted_gd", axes={"eta": "N", "decay": "N"}),
    Entry(retention_bhtd, "discounted_gd", {"gamma": "decay", "eta": "1"}, "kv:BHTD"),
    Entry(retention_chunk, "discounted_gd", {"gamma": "decay", "eta": "1"}, "kv"),
    Entry(retention_scan, "discounted_gd", {"gamma": "decay", "eta": "1"}, "kv"),
    Entry(retention_rescaled, "discounted_gd", {"gamma": "decay", "eta": "1"}, "kv"),
    Entry(gated_channels, "channel_discount", {"g": "log(decay)", "eta": "1"}, "kv", axes={"g": "Nf"}),
    Entry(gated_channels_chunk, "channel_discount", {"alpha": "decay", "eta": "1"}, "kv", axes={"alpha": "Nf"}),
    Entry(quadratic_features, "polynomial_gd", {"eta0": "1", "eta1": "1", "eta2": "1/2"}, "kv"),
    Entry(normalised_attention, "linear_smoother", adapter="kv"),
    Entry(taylor_smoother, "polynomial_smoother"),
    Entry(softmax_library, "softmax_smoother", {"scale": "f**-0.5"}, "kv:BHTD", exact=False),
    Entry(softmax_by_hand, "softmax_smoother", {"scale": "f**-0.5"}, "kv", exact=False),
    Entry(softmax_running, "softmax_smoother", {"scale": "f**-0.5"}, "kv", exact=False),
)
