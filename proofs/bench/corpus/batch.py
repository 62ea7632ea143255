"""True layers that run batch gradient descent, in the shapes of sums, of automatic derivatives and of powers."""

from __future__ import annotations

import torch

from proofs.bench.corpus.entry import Entry


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


def autograd_step(X, Y, x_q, eta):  # type: ignore[no-untyped-def]
    """One step from zero with torch.autograd's gradient of the mean squared error."""
    with torch.enable_grad():
        W = X.new_zeros(Y.shape[1], X.shape[1]).requires_grad_()
        loss = torch.nn.functional.mse_loss(X @ W.mT, Y) * Y.shape[1] / 2
        (slope,) = torch.autograd.grad(loss, W)
    return (W.detach() - eta * slope) @ x_q


def functional_gradient(X, Y, x_q, eta, W0):  # type: ignore[no-untyped-def]
    """Two steps from W0 with the gradient by torch.func.grad."""
    slope = torch.func.grad(lambda W: (torch.nn.functional.linear(X, W) - Y).square().sum(-1).mean() / 2)
    W = W0
    for _ in range(2):
        W = W - eta * slope(W)
    return torch.mv(W, x_q)


def pullback_step(X, Y, x_q, eta, W0):  # type: ignore[no-untyped-def]
    """One step from W0: the residuals pulled back through the model by torch.func.vjp."""
    predicted, pull = torch.func.vjp(lambda W: torch.einsum("mf,nf->nm", W, X), W0)  # type: ignore[misc]
    (slope,) = pull((predicted - Y) / len(X))
    return (W0 - eta * slope).matmul(x_q)


def three_way_contraction(X, Y, x_q, eta):  # type: ignore[no-untyped-def]
    """One step from zero as one einsum, no memory kept."""
    return torch.einsum("nm,nf,f->m", Y, X, x_q) * eta / len(Y)


def residual_step_baddbmm(X, Y, x_q, eta, W0):  # type: ignore[no-untyped-def]
    """One step from W0: baddbmm of the scaled residuals onto a batch of one memory."""
    R = (Y - X @ W0.mT).mul(eta).div(X.size(0))
    W = torch.baddbmm(W0.unsqueeze(0), R.mT.unsqueeze(0), X.unsqueeze(0))
    return torch.bmm(W, x_q.view(1, -1, 1)).flatten()


def rank_one_in_place(X, Y, x_q, eta):  # type: ignore[no-untyped-def]
    """One step from zero, the memory grown in place by addr_ from the last token to the first."""
    rate = eta / X.shape[0]
    W = X.new_zeros(Y.shape[1], X.shape[1])
    for t in reversed(range(X.shape[0])):
        W.addr_(rate * Y[t], X[t])
    return W.mv(x_q)


def segment_sum(X, Y, x_q, eta):  # type: ignore[no-untyped-def]
    """One step from zero: the pairs' products scattered into one row by index_add_, the memory transposed."""
    N, f = X.shape
    products = (X.unsqueeze(2) * Y.unsqueeze(1)).reshape(N, -1)
    total = torch.zeros(1, products.shape[1], dtype=X.dtype, device=X.device)
    total.index_add_(0, torch.zeros(N, dtype=torch.long, device=X.device), products)
    return x_q @ total.view(f, -1) * (eta / N)


def preallocated(X, Y, x_q, eta):  # type: ignore[no-untyped-def]
    """One step from zero into arrays made beforehand, by out=."""
    G = torch.empty(Y.shape[1], X.shape[1], dtype=X.dtype, device=X.device)
    y = torch.empty(Y.shape[1], dtype=X.dtype, device=X.device)
    torch.mm(Y.t(), X, out=G)
    torch.mv(G, x_q, out=y)
    return y.mul_(eta).div_(X.shape[0])


def pairwise_tree(X, Y, x_q, eta):  # type: ignore[no-untyped-def]
    """One step from zero, summed pairwise as a tree whose odd one waits."""
    parts = Y * (X @ x_q).unsqueeze(-1)
    while parts.shape[0] > 1:
        half = parts.shape[0] // 2
        parts = torch.cat([parts[:half] + parts[half : 2 * half], parts[2 * half :]])
    return eta * parts.squeeze(0) / len(X)


def two_halves(X, Y, x_q, eta):  # type: ignore[no-untyped-def]
    """One step from zero on two workers' halves of the context, averaged by their sizes."""
    N = X.shape[0]
    X1, X2 = X.tensor_split(2)
    Y1, Y2 = Y.tensor_split(2)
    first = X1.mT @ Y1
    second = X2.mT @ Y2
    return ((first + second) * (eta / N)).mT @ x_q


def two_convolutions(X, Y, x_q, eta):  # type: ignore[no-untyped-def]
    """One step from zero as two conv1d: a strided one scores the tokens, one over time weighs the targets."""
    N, f = X.shape
    scores = torch.nn.functional.conv1d(X.reshape(1, 1, N * f), x_q.view(1, 1, f), stride=f)
    return torch.nn.functional.conv1d(Y.mT.unsqueeze(1), scores * eta).flatten() / N


def strided_windows(X, Y, x_q, eta):  # type: ignore[no-untyped-def]
    """One step from zero on the flat stream x_1 y_1 x_2 y_2 ..., read back by as_strided."""
    N, f = X.shape
    m = Y.shape[1]
    stream = torch.cat([X, Y], dim=1).flatten()
    keys = stream.as_strided((N, f), (f + m, 1))
    values = stream.as_strided((N, m), (f + m, 1), f)
    return eta / N * (values.mT @ (keys @ x_q))


def complex_pairs(X, Y, x_q, eta):  # type: ignore[no-untyped-def]
    """One step from zero: neighbouring channels as complex numbers, inner products as real parts."""
    N, f = X.shape
    keys = torch.view_as_complex(torch.nn.functional.pad(X, (0, f % 2)).reshape(N, -1, 2))
    query = torch.view_as_complex(torch.nn.functional.pad(x_q, (0, f % 2)).reshape(-1, 2))
    scores = (keys.conj() * query).sum(-1).real
    return (eta / N) * torch.sum(scores[:, None] * Y, dim=0)


def steps_by_recursion(X, Y, x_q, eta, W0):  # type: ignore[no-untyped-def]
    """Three steps from W0 by a function that calls itself."""

    def descend(W: torch.Tensor, left: int) -> torch.Tensor:
        return W if left == 0 else descend(W + eta * (Y - X @ W.mT).mT @ X / X.shape[0], left - 1)

    return descend(W0, 3) @ x_q


def covariance_steps(X, Y, x_q, eta, W0):  # type: ignore[no-untyped-def]
    """Four steps from W0, the context only as two moments."""
    N = X.shape[0]
    C, B = torch.cov(X.mT, correction=0), Y.mT @ X / N
    C = C + torch.outer(X.mean(0), X.mean(0))
    W = W0
    count = 0
    while count < 4:
        W = torch.add(W, eta * (B - W @ C))
        count += 1
    return W @ x_q


def affine_power(X, Y, x_q, eta):  # type: ignore[no-untyped-def]
    """Four steps from zero as the fourth power of one affine map in homogeneous coordinates."""
    N, f = X.shape
    m = Y.shape[1]
    step = torch.eye(f + m, dtype=X.dtype, device=X.device)
    step[:f, :f] -= eta * (X.mT @ X) / N
    step[f:, :f] = eta * (Y.mT @ X) / N
    return torch.linalg.matrix_power(step, 4)[f:, :f] @ x_q


def residual_stream(X, Y, x_q, eta):  # type: ignore[no-untyped-def]
    """Three steps from zero as three layers of linear attention that subtract from the y part of joint tokens."""
    N, f = X.shape
    query = torch.cat([x_q, Y.new_zeros(Y.shape[1])])
    E = torch.cat([torch.cat([X, Y], 1), query[None]])
    for _ in range(3):
        scores = E[:, :f] @ E[:N, :f].mT
        E = E - torch.nn.functional.pad(scores @ E[:N, f:] * (eta / N), (f, 0))
    return -E[N, f:]


def matrix_chain(X, Y, x_q, P):  # type: ignore[no-untyped-def]
    """One preconditioned step from zero as a chain of matrices, multiplied in the cheapest order."""
    return torch.linalg.multi_dot([Y.mT / Y.shape[0], X, P, x_q])


def step_per_channel(X, Y, x_q, eta, W0):  # type: ignore[no-untyped-def]
    """One step from W0 with a step size for each channel, contracted by tensordot."""
    slope = torch.tensordot(X @ W0.mT - Y, X, dims=([0], [0])) / X.shape[0]
    return torch.tensordot(W0 - slope * eta, x_q, dims=1)


def changed_inputs(X, Y, x_q, eta, gamma):  # type: ignore[no-untyped-def]
    """GD++ from zero, two steps: residuals, inputs and query are rewritten between them."""
    N = X.shape[0]
    R, out = Y, torch.zeros_like(Y[0])
    for _ in range(2):
        M = eta * (R.mT @ X) / N
        out = out + M @ x_q
        R = R - X @ M.mT
        mixing = torch.eye(X.shape[1], dtype=X.dtype, device=X.device) - gamma * (X.mT @ X)
        X, x_q = X @ mixing, mixing @ x_q
    return out


def horner_kernel(X, Y, x_q, eta0, eta1, eta2):  # type: ignore[no-untyped-def]
    """One step on polynomial features as a kernel machine, the kernel by Horner's rule."""
    s = X @ x_q
    return torch.addmv(Y.new_zeros(Y.shape[1]), Y.mT, (eta2 * s + eta1) * s + eta0)


ENTRIES = (
    Entry(batch_step, "gd", named=True),
    Entry(batch_step_masked, "gd", named=True),
    Entry(three_steps, "gd:3", named=True),
    Entry(gated_window, "gd", named=True),
    Entry(autograd_step, "gd"),
    Entry(functional_gradient, "gd:2"),
    Entry(pullback_step, "gd"),
    Entry(three_way_contraction, "gd"),
    Entry(residual_step_baddbmm, "gd"),
    Entry(rank_one_in_place, "gd"),
    Entry(segment_sum, "gd"),
    Entry(preallocated, "gd"),
    Entry(pairwise_tree, "gd"),
    Entry(two_halves, "gd"),
    Entry(two_convolutions, "gd"),
    Entry(strided_windows, "gd"),
    Entry(complex_pairs, "gd"),
    Entry(steps_by_recursion, "gd:3"),
    Entry(covariance_steps, "gd:4"),
    Entry(affine_power, "gd:4"),
    Entry(residual_stream, "gd:3"),
    Entry(matrix_chain, "matrix_gd", axes={"P": "ff"}),
    Entry(step_per_channel, "preconditioned_gd", axes={"eta": "f"}),
    Entry(changed_inputs, "gd_plus_plus:2"),
    Entry(horner_kernel, "polynomial_gd"),
)
