"""True layers that step token by token with more than a plain gradient: momentum, decay, normalised and implicit steps."""

from __future__ import annotations

import torch

from proofs.bench.corpus.entry import Entry


def momentum_memory(X, Y, x_q, eta, mu):  # type: ignore[no-untyped-def]
    """Online steps with a velocity: heavy ball."""
    W = X.new_zeros(Y.shape[1], X.shape[1])
    M = torch.zeros_like(W)
    for x, y in zip(X.unbind(0), Y.unbind(0), strict=True):
        error = W @ x - y
        M = mu * M + torch.outer(error, x)
        W = W - eta * M
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


def decaying_memory(X, Y, x_q, eta, mu, decay):  # type: ignore[no-untyped-def]
    """A memory with momentum and forgetting; the gradient is taken before the memory fades."""
    W = X.new_zeros(Y.shape[1], X.shape[1])
    S = torch.zeros_like(W)
    for x, y in zip(X, Y, strict=True):
        S = mu * S - eta * torch.outer(W @ x - y, x)
        W = decay * W + S
    return W @ x_q


def momentum_two_points(X, Y, x_q, eta, mu):  # type: ignore[no-untyped-def]
    """Heavy ball without a velocity: the last two memories, extrapolated and corrected."""
    before = now = X.new_zeros(Y.shape[1], X.shape[1])
    for x, y in zip(X, Y, strict=True):
        before, now = now, now + mu * (now - before) - eta * (now @ x - y).unsqueeze(-1) * x
    return now @ x_q


def momentum_delta(q, k, v, beta, mu):  # type: ignore[no-untyped-def]
    """[B, T, H, D] delta rule with momentum, a rate and a factor a token, velocity and memory in one array."""
    B, T, H, D = q.shape
    both = q.new_zeros(2, B, H, D, v.shape[-1])
    M, S = both.unbind()
    o = torch.zeros_like(v)
    for t in range(T):
        error = torch.einsum("bhkv,bhk->bhv", S, k[:, t]) - v[:, t]
        M.mul_(mu[:, t, :, None, None]).add_(k[:, t, :, :, None] * error[:, :, None, :])
        S.sub_(beta[:, t, :, None, None] * M)
        o[:, t] = (q[:, t, :, None, :] @ both[1]).squeeze(-2)
    return o


def momentum_unrolled(X, Y, x_q, eta, mu):  # type: ignore[no-untyped-def]
    """Heavy ball as one linear recurrence on memory and velocity, stacked into a matrix of blocks."""
    f = X.shape[1]
    eye = torch.eye(f, dtype=X.dtype, device=X.device)
    Z = X.new_zeros(Y.shape[1], 2 * f)
    for t in range(X.shape[0]):
        P = torch.outer(X[t], X[t])
        M = torch.cat([torch.cat([eye - eta * P, P], 1), torch.cat([-eta * mu * eye, mu * eye], 1)])
        push = torch.outer(Y[t], X[t])
        Z = Z @ M + torch.cat([eta * push, -push], 1)
    return Z[:, :f] @ x_q


def weight_decay_by_gradient(X, Y, x_q, beta, weight_decay):  # type: ignore[no-untyped-def]
    """A step a token on the squared error plus an L2 penalty, by autograd."""
    W = X.new_zeros(Y.shape[1], X.shape[1])
    with torch.enable_grad():
        for x, y in zip(X, Y, strict=True):
            W = W.detach().requires_grad_()
            penalty = weight_decay * W.square().sum()
            loss = ((torch.mv(W, x) - y).square().sum() + penalty) / 2
            W = W - beta * torch.autograd.grad(loss, [W])[0]
    return torch.mv(W.detach(), x_q)


def weight_decay_kernel(q, k, v, beta, weight_decay):  # type: ignore[no-untyped-def]
    """[B, T, H, D] delta rule with L2 weight decay: what stays is one minus the rate times the penalty."""
    keep = 1 - beta * weight_decay
    S = torch.zeros_like(k[:, 0].unsqueeze(-1) * v[:, 0].unsqueeze(-2))
    out = []
    for t in range(k.shape[1]):
        key = k[:, t].unsqueeze(-1)
        error = key.transpose(-1, -2) @ S - v[:, t].unsqueeze(-2)
        S = keep[:, t, :, None, None] * S - beta[:, t, :, None, None] * (key @ error)
        out.append(q[:, t].unsqueeze(-2) @ S)
    return torch.cat(out, -2).transpose(1, 2)


def normalised_step_per_token(X, Y, x_q, mu, eps, W0):  # type: ignore[no-untyped-def]
    """Normalised least mean squares from W0: the rates of all tokens beforehand, a running residual for every token."""
    gains = (mu / (eps + X.pow(2).sum(1)))[:, None] * X
    everything = torch.cat([X, x_q[None]])
    left = everything @ W0.mT
    for t in range(X.shape[0]):
        left = left + torch.outer(everything @ gains[t], Y[t] - left[t])
    return left[-1]


def normalised_step_kernel(q, k, v, mu, eps):  # type: ignore[no-untyped-def]
    """[B, T, H, D] delta rule whose keys are divided by their squared norms, a small number added."""
    B, T, H, D = q.shape
    written = k / ((k * k).sum(-1, keepdim=True) + eps.unsqueeze(-1))
    S = q.new_zeros(B, H, D, v.shape[-1])
    o = []
    for t in range(T):
        error = v[:, t] - torch.einsum("bhk,bhkv->bhv", k[:, t], S)
        S = S + mu[:, t, :, None, None] * torch.einsum("bhk,bhv->bhkv", written[:, t], error)
        o.append(torch.einsum("bhk,bhkv->bhv", q[:, t], S))
    return torch.stack(o, 1)


def proximal_solve(X, Y, x_q, beta):  # type: ignore[no-untyped-def]
    """The implicit step of each token as a linear system: (W + beta y x^T) (I + beta x x^T)^-1."""
    W = X.new_zeros(Y.shape[1], X.shape[1])
    eye = torch.eye(X.shape[1], dtype=X.dtype, device=X.device)
    for x, y, b in zip(X, Y, beta, strict=True):
        W = torch.linalg.solve(eye + b * torch.outer(x, x), W + b * torch.outer(y, x), left=False)
    return W @ x_q


def proximal_kernel(q, k, v, beta):  # type: ignore[no-untyped-def]
    """[B, T, H, D] delta rule with the implicit step's rate, beta / (1 + beta |k|^2) (Longhorn)."""
    rate = 1 / (1 / beta + torch.einsum("bthd,bthd->bth", k, k))
    S = torch.zeros(*q.shape[:1], *q.shape[2:], v.shape[3], dtype=q.dtype, device=q.device)
    o = torch.empty_like(v)
    for t in range(q.shape[1]):
        key = k[:, t, :, :, None]
        S = S - rate[:, t, :, None, None] * (key * (key * S).sum(-2, keepdim=True) - key * v[:, t, :, None, :])
        o[:, t] = (q[:, t, :, :, None] * S).sum(-2)
    return o


def root_mean_steps(X, Y, x_q, beta, eps):  # type: ignore[no-untyped-def]
    """Adagrad, one step a token: sums of squares in place, addcdiv."""
    W = X.new_zeros(Y.shape[1], X.shape[1])
    total = torch.zeros_like(W)
    for x, y in zip(X, Y, strict=True):
        slope = torch.outer(W @ x - y, x)
        total.addcmul_(slope, slope)
        W = torch.addcdiv(W, -beta * slope, total.sqrt().add_(eps))
    return W @ x_q


def neural_memory(q, k, v, theta, mu, alpha):  # type: ignore[no-untyped-def]
    """[B, T, H, D] Titans' linear memory: surprise with momentum, a gate that forgets, a list of all memories."""
    zero = torch.zeros_like(v[:, 0].unsqueeze(-1) * k[:, 0].unsqueeze(-2))
    momentum, memories = zero, [zero]
    for t in range(q.shape[1]):
        surprise = torch.einsum("bhvk,bhk->bhv", memories[-1], k[:, t]) - v[:, t]
        push = theta[:, t, :, None, None] * surprise.unsqueeze(-1) * k[:, t].unsqueeze(-2)
        momentum = mu[:, t, :, None, None] * momentum - push
        memories.append((1 - alpha[:, t, :, None, None]) * memories[-1] + momentum)
    return torch.einsum("bthvk,bthk->bthv", torch.stack(memories[1:], 1), q)


def layer_norm_batches(X, Y, x_q, eta, eps, W0):  # type: ignore[no-untyped-def]
    """TTT-Linear with the gradient through layer norm written out, batches of four."""
    f, W = X.shape[1], W0
    for K, V in zip(X.split(4), Y.split(4), strict=True):
        Z = K @ W.mT
        deviation = (Z.var(-1, correction=0, keepdim=True) + eps).sqrt()
        unit = (Z - Z.mean(-1, keepdim=True)) / deviation
        error = K + unit - V
        back = f * error - error.sum(-1, keepdim=True) - unit * (error * unit).sum(-1, keepdim=True)
        W = W - eta * (back / (f * deviation)).mT @ K
    z = W @ x_q
    return x_q + (z - z.mean()) / (z.var(correction=0) + eps).sqrt()


ENTRIES = (
    Entry(momentum_memory, "heavy_ball", {"eta": "beta"}, named=True),
    Entry(normalised_step, "nlms", {"rate": "mu"}, named=True),
    Entry(implicit_step, "implicit_step", named=True),
    Entry(decaying_memory, "titans", {"eta": "theta"}, named=True),
    Entry(momentum_two_points, "heavy_ball", {"eta": "beta"}),
    Entry(momentum_delta, "heavy_ball", adapter="kv"),
    Entry(momentum_unrolled, "heavy_ball", {"eta": "beta"}),
    Entry(weight_decay_by_gradient, "step_then_decay"),
    Entry(weight_decay_kernel, "step_then_decay", adapter="kv"),
    Entry(normalised_step_per_token, "nlms", axes={"mu": "N"}),
    Entry(normalised_step_kernel, "nlms", adapter="kv"),
    Entry(proximal_solve, "implicit_step", axes={"beta": "N"}),
    Entry(proximal_kernel, "implicit_step", adapter="kv"),
    Entry(root_mean_steps, "adagrad", exact=False),
    Entry(neural_memory, "titans", {"alpha": "1-decay"}, "kv"),
    Entry(layer_norm_batches, "ttt_layer_norm:4", {"gamma": "1", "bias": "0"}, exact=False),
)
