"""True layers that run one gradient step a token: the delta rule and its kin, by loops, products, scans and solves."""

from __future__ import annotations

import torch

from proofs.bench.corpus.entry import Entry


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


def pairs_at_a_time(X, Y, x_q, rate):  # type: ignore[no-untyped-def]
    """Test-time training on mini-batches of two, from zero."""
    W = X.new_zeros(Y.shape[1], X.shape[1])
    for t in range(0, X.shape[0], 2):
        K, V = X[t : t + 2], Y[t : t + 2]
        W = W - rate * (K @ W.T - V).T @ K
    return W @ x_q


def delta_read_backwards(X, Y, x_q, beta):  # type: ignore[no-untyped-def]
    """The delta rule with no memory at all: the query goes back through the tokens and loses what each one writes."""
    answer = Y.new_zeros(Y.shape[1])
    for i in range(X.shape[0] - 1, -1, -1):
        written = beta[i] * torch.dot(X[i], x_q)
        answer = answer + written * Y[i]
        x_q = x_q - written * X[i]
    return answer


def delta_products(X, Y, x_q, beta, W0):  # type: ignore[no-untyped-def]
    """The delta rule from W0 by explicit products of I - beta x x^T."""
    f = X.shape[1]
    keeps = torch.eye(f, dtype=X.dtype, device=X.device) - beta[:, None, None] * X[:, :, None] * X[:, None, :]
    W = W0
    for keep, x, y in zip(keeps, X, beta[:, None] * Y, strict=True):
        W = torch.addmm(y[:, None] * x[None, :], W, keep)
    return W @ x_q


def delta_affine_tree(X, Y, x_q, alpha, beta):  # type: ignore[no-untyped-def]
    """The gated delta rule as one product of affine maps in homogeneous coordinates, multiplied as a tree."""
    (N, f), m = X.shape, Y.shape[1]
    maps = torch.eye(f + m, dtype=X.dtype, device=X.device).repeat(N, 1, 1)
    kx = beta[:, None, None] * X[:, :, None]
    maps[:, :f, :f] = alpha[:, None, None] * (maps[:, :f, :f] - kx @ X[:, None, :])
    maps[:, f:, :f] = (kx @ Y[:, None, :]).mT
    while len(maps) > 1:
        even = len(maps) // 2 * 2
        maps = torch.cat([torch.bmm(maps[0:even:2], maps[1:even:2]), maps[even:]])
    return maps[0, f:, :f] @ x_q


def delta_inverse(q, k, v, beta):  # type: ignore[no-untyped-def]
    """[B, H, T, D] delta rule by the explicit inverse of a unit triangle, found row by row in place."""
    T = q.shape[2]
    A = -(beta.unsqueeze(-1) * k @ k.mT).tril(-1)
    for i in range(1, T):
        A[..., i, :i] = A[..., i, :i] + (A[..., i, :, None].clone() * A[..., :, :i].clone()).sum(-2)
    A = A + torch.eye(T, dtype=q.dtype, device=q.device)
    return (q @ k.mT).tril() @ (A @ (beta.unsqueeze(-1) * v))


def delta_squarings(q, k, v, beta):  # type: ignore[no-untyped-def]
    """[B, T, H, D] delta rule: the inverse of a unit triangle as a product of I + A^(2^j), A nilpotent."""
    T = q.shape[1]
    q, k, v, beta = (x.transpose(1, 2) for x in (q, k, v, beta.unsqueeze(-1)))
    power = -torch.tril((beta * k) @ k.mT, diagonal=-1)
    corrected = beta * v
    span = 1
    while span < T:
        corrected = corrected + power @ corrected
        power = power @ power
        span = 2 * span
    return torch.transpose(torch.tril(q @ k.mT) @ corrected, 1, 2)


def delta_chunk_16(q, k, v, beta):  # type: ignore[no-untyped-def]
    """[B, T, H, D] delta rule in chunks of 16: padded at the end, a triangular solve in each, a memory between them."""
    B, T, H, D = q.shape
    C = 16
    pad = -T % C
    q, k, v, b = (
        torch.nn.functional.pad(x, (0, 0, 0, 0, 0, pad)).transpose(1, 2).reshape(B, H, (T + pad) // C, C, -1)
        for x in (q, k, v, beta[..., None])
    )
    triangle = torch.tril(b * k @ k.mT, -1) + torch.eye(C, dtype=q.dtype, device=q.device)
    w = torch.linalg.solve_triangular(triangle, b * k, upper=False)
    u = torch.linalg.solve_triangular(triangle, b * v, upper=False)
    S = q.new_zeros(B, H, D, v.shape[-1])
    o = torch.zeros_like(v)
    for i in range((T + pad) // C):
        fresh = u[:, :, i] - w[:, :, i] @ S
        o[:, :, i] = q[:, :, i] @ S + (q[:, :, i] @ k[:, :, i].mT).tril() @ fresh
        S = S + k[:, :, i].mT @ fresh
    return o.reshape(B, H, T + pad, -1)[:, :, :T].transpose(1, 2)


def delta_chunk_64(q, k, v, beta, initial_state=None):  # type: ignore[no-untyped-def]
    """[B, T, H, D] delta rule in chunks of 64, the last one shorter, by torch.linalg.inv; a memory in and out."""
    S = q.new_zeros(q.shape[0], q.shape[2], q.shape[3], v.shape[3]) if initial_state is None else initial_state
    q, k, v = (x.movedim(1, 2) for x in (q, k, v))
    beta = beta.movedim(1, 2)[..., None]
    o = []
    for Q, K, V, b in zip(q.split(64, 2), k.split(64, 2), v.split(64, 2), beta.split(64, 2), strict=True):
        eye = torch.eye(Q.shape[2], dtype=Q.dtype, device=Q.device)
        inverse = torch.linalg.inv(eye + torch.tril(b * (K @ K.mT), -1))
        errors = inverse @ (b * (V - K @ S))
        o.append(Q @ S + torch.tril(Q @ K.mT) @ errors)
        S = S + K.mT @ errors
    return torch.cat(o, 2).movedim(2, 1), S


def delta_transposed_state(q, k, v, beta):  # type: ignore[no-untyped-def]
    """[B, T, H, D] delta rule with values in rows, vector by matrix products, and a while loop that pops tokens."""
    S = torch.zeros(*q.shape[:1], q.shape[2], v.shape[3], q.shape[3], dtype=q.dtype, device=q.device)
    waiting = list(zip(q.unbind(1), k.unbind(1), v.unbind(1), beta.unbind(1), strict=True))[::-1]
    answers = []
    while waiting:
        query, key, value, rate = waiting.pop()
        miss = torch.matmul(S, key.unsqueeze(-1)).squeeze(-1).neg().add(value)
        S = S.addcmul((rate.unsqueeze(-1) * miss).unsqueeze(-1), key.unsqueeze(-2))
        answers += [torch.matmul(S, query.unsqueeze(-1)).squeeze(-1)]
    return torch.stack(answers, 1)


def delta_batched(q, k, v, beta):  # type: ignore[no-untyped-def]
    """[B, T, H, D] delta rule, heads and batch as one axis, the memory moved by baddbmm."""
    B, T, H, D = q.shape
    q, k, v = (x.transpose(1, 2).flatten(0, 1) for x in (q, k, v))
    rate = beta.transpose(1, 2).reshape(B * H, T, 1)
    S = q.new_zeros(B * H, D, v.shape[-1])
    o = v.new_empty(v.shape)
    for t in range(T):
        key = k[:, t : t + 1]
        error = torch.baddbmm(v[:, t : t + 1], key, S, alpha=-1)
        S = torch.baddbmm(S, key.mT, error * rate[:, t : t + 1])
        o[:, t : t + 1] = q[:, t : t + 1].bmm(S)
    return o.unflatten(0, (B, H)).transpose(1, 2)


def delta_by_gradient(q, k, v, beta):  # type: ignore[no-untyped-def]
    """[B, T, H, D] delta rule as a fast weight: the gradient of each token's loss by torch.func.grad."""
    slope = torch.func.grad(lambda S, k, v: (torch.einsum("bhk,bhkv->bhv", k, S) - v).pow(2).sum() / 2)
    S = q.new_zeros(*k.shape[:1], *k.shape[2:], v.shape[-1])
    out = []
    for t in range(k.size(1)):
        S = S - beta[:, t, :, None, None] * slope(S, k[:, t], v[:, t])
        out.append((q[:, t].unsqueeze(-2) @ S).squeeze(-2))
    return torch.stack(out, dim=1)


def delta_reduced(X, Y, x_q, beta, W0):  # type: ignore[no-untyped-def]
    """The delta rule from W0 as a reduction over the tokens."""
    from functools import reduce

    tokens = zip(X.unbind(), Y.unbind(), beta.unbind(), strict=True)
    W = reduce(lambda W, at: W - at[2] * torch.outer(W @ at[0] - at[1], at[0]), tokens, W0)
    return W @ x_q


def delta_mapped(q, k, v, beta):  # type: ignore[no-untyped-def]
    """[B, T, H, D] delta rule of one head, mapped over heads and batch by torch.vmap."""

    def one_head(q: torch.Tensor, k: torch.Tensor, v: torch.Tensor, beta: torch.Tensor) -> torch.Tensor:
        S = k.new_zeros(k.shape[1], v.shape[1])
        out = []
        for query, key, value, rate in zip(q, k, v, beta, strict=True):
            S = S + rate * torch.outer(key, value - key @ S)
            out.append(query @ S)
        return torch.stack(out)

    return torch.vmap(torch.vmap(one_head, in_dims=1, out_dims=1))(q, k, v, beta)


def gated_delta_chunk(q, k, v, g, beta):  # type: ignore[no-untyped-def]
    """[B, T, H, D] gated delta rule in chunks of 4 with log gates: decays as exponentials of cumulative differences."""
    S = q.new_zeros(q.shape[0], q.shape[2], q.shape[3], v.shape[3])
    q, k, v, g, beta = (x.transpose(1, 2) for x in (q, k, v, g[..., None], beta[..., None]))
    o = torch.zeros_like(v)
    for start in range(0, q.shape[2], 4):
        Q, K, V, b = (x[:, :, start : start + 4] for x in (q, k, v, beta))
        total = g[:, :, start : start + 4].cumsum(2)
        decay = (total - total.mT).tril().exp().tril()
        triangle = torch.eye(Q.shape[2], dtype=Q.dtype, device=Q.device) + torch.tril(b * (K @ K.mT) * decay, -1)
        errors = torch.linalg.solve_triangular(triangle, b * (V - total.exp() * (K @ S)), upper=False)
        o[:, :, start : start + 4] = (Q * total.exp()) @ S + (Q @ K.mT * decay) @ errors
        left = total[:, :, -1:]
        S = left.exp() * S + (K * (left - total).exp()).mT @ errors
    return o.transpose(1, 2)


def kimi_delta(q, k, v, g, beta):  # type: ignore[no-untyped-def]
    """[B, T, H, D] delta rule after a decay of each channel, log gates, the memory in place."""
    B, T, H, D = q.shape
    S = q.new_zeros(B, H, D, v.shape[-1])
    o = torch.zeros(B, T, H, v.shape[-1], dtype=q.dtype, device=q.device)
    for t in range(T):
        S *= g[:, t].exp()[..., None]
        S += torch.einsum("bhk,bhv->bhkv", beta[:, t, :, None] * k[:, t], v[:, t] - (k[:, t, :, :, None] * S).sum(-2))
        o[:, t] = torch.einsum("bhk,bhkv->bhv", q[:, t], S)
    return o


def error_read_elsewhere(X, Y, x_q, beta, decay, p):  # type: ignore[no-untyped-def]
    """The oblique delta rule: the error is read at p, written at the token, as one transition matrix a token."""
    W = X.new_zeros(Y.shape[1], X.shape[1])
    for i in range(len(X)):
        transition = torch.diag(torch.ones_like(x_q)) - beta[i] * torch.outer(p[i], X[i])
        W = decay[i] * W @ transition + beta[i] * torch.outer(Y[i], X[i])
    return W @ x_q


def two_steps_in_one(X, Y, x_q, beta):  # type: ignore[no-untyped-def]
    """Two gradient steps on each token folded into one with rate beta (2 - beta |x|^2)."""
    rates = beta * (2 - beta * torch.linalg.vecdot(X, X))
    W = X.new_zeros(Y.shape[1], X.shape[1])
    for x, y, rate in zip(X, Y, rates, strict=True):
        W += torch.outer(rate * (y - W @ x), x)
    return W @ x_q


def last_three_tokens(X, Y, x_q, beta):  # type: ignore[no-untyped-def]
    """A step a token on the summed loss of the last three: windows by unfold of zero-padded tokens."""
    before = torch.nn.functional.pad(torch.cat([X, Y], 1), (0, 0, 2, 0))
    W = X.new_zeros(Y.shape[1], X.shape[1])
    for window, rate in zip(before.unfold(0, 3, 1), beta, strict=True):
        keys, values = window.split([X.shape[1], Y.shape[1]])
        W = W - rate * (W @ keys - values) @ keys.mT
    return W @ x_q


def fours_by_attention(X, Y, x_q, beta):  # type: ignore[no-untyped-def]
    """Mini-batches of four in the dual form: within the last batch attention, before it a memory."""
    W = X.new_zeros(X.shape[1], Y.shape[1])
    *earlier, last = torch.split(torch.cat([X, Y], 1), 4)
    for batch in earlier:
        K, V = batch[:, : X.shape[1]], batch[:, X.shape[1] :]
        W = W + beta * torch.einsum("ni,nj->ij", K, V - K @ W)
    K, V = last[:, : X.shape[1]], last[:, X.shape[1] :]
    return x_q @ W + beta * ((K @ x_q) @ (V - K @ W))


def sixteens_padded(X, Y, x_q, beta):  # type: ignore[no-untyped-def]
    """Mini-batches of sixteen as a scan over a padded, reshaped context; zero tokens push nothing."""
    N = X.shape[0]
    full = (N + 15) // 16 * 16
    keys = torch.cat([X, X.new_zeros(full - N, X.shape[1])]).view(-1, 16, X.shape[1])
    values = torch.cat([Y, Y.new_zeros(full - N, Y.shape[1])]).view(-1, 16, Y.shape[1])
    W = torch.zeros_like(values[0].mT @ keys[0])
    for K, V in zip(keys, values, strict=True):
        W = torch.sub(W, beta * torch.mm((torch.mm(K, W.mT) - V).mT, K))
    return W @ x_q


ENTRIES = (
    Entry(delta_rule, "online_gd", {}, "kv", named=True),
    Entry(delta_rule_chunk, "online_gd", {}, "kv", named=True),
    Entry(gated_delta, "decay_then_step", {"alpha": "decay"}, "kv", named=True),
    Entry(pairs_at_a_time, "mini_batch:2", {"rate": "beta"}, named=True),
    Entry(delta_read_backwards, "online_gd", axes={"beta": "N"}),
    Entry(delta_products, "online_gd", axes={"beta": "N"}),
    Entry(delta_affine_tree, "decay_then_step", {"alpha": "decay"}, axes={"alpha": "N", "beta": "N"}),
    Entry(delta_inverse, "online_gd", adapter="kv:BHTD"),
    Entry(delta_squarings, "online_gd", adapter="kv"),
    Entry(delta_chunk_16, "online_gd", adapter="kv"),
    Entry(delta_chunk_64, "online_gd", adapter="kv"),
    Entry(delta_transposed_state, "online_gd", adapter="kv"),
    Entry(delta_batched, "online_gd", adapter="kv"),
    Entry(delta_by_gradient, "online_gd", adapter="kv"),
    Entry(delta_reduced, "online_gd", axes={"beta": "N"}),
    Entry(delta_mapped, "online_gd", adapter="kv"),
    Entry(gated_delta_chunk, "decay_then_step", {"g": "log(decay)"}, "kv"),
    Entry(kimi_delta, "channel_decay_then_step", {"g": "log(decay)"}, "kv", axes={"g": "Nf"}),
    Entry(error_read_elsewhere, "oblique_delta", axes={"beta": "N", "decay": "N", "p": "Nf"}),
    Entry(two_steps_in_one, "repeated_steps:2", axes={"beta": "N"}),
    Entry(last_three_tokens, "sliding_window:3", axes={"beta": "N"}),
    Entry(fours_by_attention, "mini_batch:4"),
    Entry(sixteens_padded, "mini_batch:16"),
)
