"""True layers for the soundness bench, written as their authors would: heads, chunks, masks, solves, log gates.

None imports a construction or a learner of this project, so that agreement is no tautology. Every layer is a function
of its inputs alone, for `proofs.mutations` to break its source. `CORPUS` names, for each, the learner that it runs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import torch


def batch_step(X, Y, x_q, eta):  # type: ignore[no-untyped-def]
    """One step from zero, as a sum of outer products."""
    N = X.shape[0]
    S = torch.zeros(Y.shape[1], X.shape[1], dtype=X.dtype, device=X.device)
    for t in range(N):
        S = S + torch.outer(Y[t], X[t])
    return (eta / N) * (S @ x_q)


def batch_step_masked(X, Y, x_q, eta):  # type: ignore[no-untyped-def]
    """One step from zero as causal linear attention over all positions, read at the last one."""
    N = X.shape[0]
    Q = x_q.expand(N, -1)
    scores = torch.tril(Q @ X.T)
    out = scores @ Y
    return eta * out[N - 1] / N


def three_steps(X, Y, x_q, eta, W0):  # type: ignore[no-untyped-def]
    """Three steps from W0 with the gradient written out."""
    N = X.shape[0]
    W = W0
    for _ in range(3):
        R = X @ W.T - Y
        W = W - (eta / N) * (R.T @ X)
    return W @ x_q


def gated_window(X, Y, x_q, eta):  # type: ignore[no-untyped-def]
    """One step from zero as a diagonal recurrence on windows (x_i, y_i, x_{i+1}) of padded tokens."""
    N, f = X.shape
    m = Y.shape[1]
    queries = torch.cat([X[1:], x_q[None]])
    Z = X.new_zeros(m, f)
    Lambda = torch.ones_like(Z)
    for t in range(N):
        U = Y[t].unsqueeze(1) * X[t].unsqueeze(0)
        Z = Lambda * Z + U
        y = -(-(eta / N) * Z) @ queries[t]
    return y


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


def delta_rule(q, k, v, beta):  # type: ignore[no-untyped-def]
    """[B, T, H, D] delta rule, recurrent."""
    B, T, H, D = q.shape
    S = torch.zeros(B, H, D, v.shape[-1], dtype=q.dtype, device=q.device)
    o = []
    for t in range(T):
        read = (S * k[:, t, :, :, None]).sum(-2)
        u = beta[:, t, :, None] * (v[:, t] - read)
        S = S + k[:, t].unsqueeze(-1) * u.unsqueeze(-2)
        o.append(torch.einsum("bhk,bhkv->bhv", q[:, t], S))
    return torch.stack(o, dim=1)


def delta_rule_chunk(q, k, v, beta):  # type: ignore[no-untyped-def]
    """[B, T, H, D] delta rule in chunked form: one triangular solve, no loop over tokens."""
    T = q.shape[1]
    q, k, v = (x.transpose(1, 2) for x in (q, k, v))
    b = beta.transpose(1, 2)[..., None]
    A = torch.tril((b * k) @ k.transpose(-1, -2), -1) + torch.eye(T, dtype=q.dtype)
    U = torch.linalg.solve_triangular(A, b * v, upper=False, unitriangular=True)
    o = torch.tril(q @ k.transpose(-1, -2)) @ U
    return o.transpose(1, 2)


def gated_delta(q, k, v, alpha, beta):  # type: ignore[no-untyped-def]
    """[B, T, H, D] gated delta rule: decay, then correct at the decayed point."""
    B, T, H, D = q.shape
    S = torch.zeros(B, H, D, v.shape[-1], dtype=q.dtype, device=q.device)
    o = []
    for t in range(T):
        S = S * alpha[:, t, :, None, None]
        read = (S * k[:, t, :, :, None]).sum(-2)
        u = beta[:, t, :, None] * (v[:, t] - read)
        S = S + k[:, t].unsqueeze(-1) * u.unsqueeze(-2)
        o.append(torch.einsum("bhk,bhkv->bhv", q[:, t], S))
    return torch.stack(o, dim=1)


def momentum_memory(X, Y, x_q, eta, mu):  # type: ignore[no-untyped-def]
    """Online steps with a velocity: heavy ball."""
    W = X.new_zeros(Y.shape[1], X.shape[1])
    M = torch.zeros_like(W)
    for x, y in zip(X.unbind(0), Y.unbind(0), strict=True):
        error = W @ x - y
        M = mu * M + torch.outer(error, x)
        W = W - eta * M
    return W @ x_q


def pairs_at_a_time(X, Y, x_q, rate):  # type: ignore[no-untyped-def]
    """Test-time training on mini-batches of two, from zero."""
    W = X.new_zeros(Y.shape[1], X.shape[1])
    for t in range(0, X.shape[0], 2):
        K, V = X[t : t + 2], Y[t : t + 2]
        W = W - rate * (K @ W.T - V).T @ K
    return W @ x_q


def ridge_solve(X, Y, x_q, ridge):  # type: ignore[no-untyped-def]
    """Ridge regression by one linear solve."""
    eye = torch.eye(X.shape[1], dtype=X.dtype)
    H = X.T @ X + ridge * eye
    return (torch.linalg.solve(H, X.T @ Y)).T @ x_q


def recursive_ridge(X, Y, x_q, ridge):  # type: ignore[no-untyped-def]
    """Ridge regression by recursive least squares: a gain, an error, a rank-one update of the inverse."""
    P = torch.eye(X.shape[1], dtype=X.dtype) / ridge
    W = X.new_zeros(Y.shape[1], X.shape[1])
    for x, y in zip(X, Y, strict=True):
        Px = P @ x
        gain = Px / (1 + x @ Px)
        W = W + torch.outer(y - W @ x, gain)
        P = P - torch.outer(gain, Px)
    return W @ x_q


def normalised_step(X, Y, x_q, rate, eps):  # type: ignore[no-untyped-def]
    """Normalised least mean squares."""
    W = X.new_zeros(Y.shape[1], X.shape[1])
    for x, y in zip(X, Y, strict=True):
        error = y - W @ x
        W = W + rate / (eps + x @ x) * torch.outer(error, x)
    return W @ x_q


def implicit_step(X, Y, x_q, beta):  # type: ignore[no-untyped-def]
    """One proximal step a token, in closed form."""
    W = X.new_zeros(Y.shape[1], X.shape[1])
    for x, y in zip(X, Y, strict=True):
        e = beta / (1 + beta * (x @ x))
        W = W - e * torch.outer(W @ x - y, x)
    return W @ x_q


def softmax_attention(q, k, v):  # type: ignore[no-untyped-def]
    """[B, T, H, D] softmax attention of the last query over all tokens, scaled."""
    scores = torch.einsum("bthd,bshd->bhts", q, k) * q.shape[-1] ** -0.5
    return torch.einsum("bhts,bshd->bthd", torch.softmax(scores, dim=-1), v)


def two_inversions(X, Y, x_q, alpha):  # type: ignore[no-untyped-def]
    """Least squares with two Newton-Schulz iterations on the covariance."""
    S = X.T @ X
    M = alpha * S
    for _ in range(2):
        M = 2 * M - M @ S @ M
    return Y.T @ X @ M @ x_q


def decaying_memory(X, Y, x_q, eta, mu, decay):  # type: ignore[no-untyped-def]
    """A memory with momentum and forgetting; the gradient is taken before the memory fades."""
    W = X.new_zeros(Y.shape[1], X.shape[1])
    S = torch.zeros_like(W)
    for x, y in zip(X, Y, strict=True):
        S = mu * S - eta * torch.outer(W @ x - y, x)
        W = decay * W + S
    return W @ x_q


@dataclass(frozen=True)
class Entry:
    """One true layer: the learner it runs, how it is called, and its gates in that learner's parameters."""

    layer: Callable[..., Any]
    against: str
    gates: Mapping[str, str] = field(default_factory=dict)
    adapter: str | None = None
    exact: bool = True

    def __post_init__(self) -> None:
        object.__setattr__(self, "gates", MappingProxyType(dict(self.gates)))

    @property
    def name(self) -> str:
        """The layer's name."""
        return self.layer.__name__


CORPUS: tuple[Entry, ...] = (
    Entry(batch_step, "gd"),
    Entry(batch_step_masked, "gd"),
    Entry(three_steps, "gd:3"),
    Entry(gated_window, "gd"),
    Entry(linear_attention, "gd", adapter="kv"),
    Entry(retention, "discounted_gd", {"gamma": "decay", "eta": "1"}, "kv"),
    Entry(retention_log, "discounted_gd", {"g": "log(decay)", "eta": "1"}, "kv"),
    Entry(delta_rule, "online_gd", {}, "kv"),
    Entry(delta_rule_chunk, "online_gd", {}, "kv"),
    Entry(gated_delta, "decay_then_step", {"alpha": "decay"}, "kv"),
    Entry(momentum_memory, "heavy_ball", {"eta": "beta"}),
    Entry(pairs_at_a_time, "mini_batch:2", {"rate": "beta"}),
    Entry(ridge_solve, "ridge", {"ridge": "lam"}),
    Entry(recursive_ridge, "ridge", {"ridge": "lam"}),
    Entry(normalised_step, "nlms", {"rate": "mu"}),
    Entry(implicit_step, "implicit_step"),
    Entry(softmax_attention, "softmax_smoother", {"scale": "f**-0.5"}, "kv:last", exact=False),
    Entry(two_inversions, "iterative_newton:2"),
    Entry(decaying_memory, "titans", {"eta": "theta"}),
)
"""The layers, each with its learner. exact: whether the audit can end in a proof (softmax is outside rational functions)."""
