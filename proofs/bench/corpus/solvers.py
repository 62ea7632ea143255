"""True layers that solve for the memory, exactly or by a few iterations of a solver."""

from __future__ import annotations

import torch

from proofs.bench.corpus.entry import Entry


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


def two_inversions(X, Y, x_q, alpha):  # type: ignore[no-untyped-def]
    """Least squares with two Newton-Schulz iterations on the covariance."""
    S = X.T @ X
    M = alpha * S
    for _ in range(2):
        M = 2 * M - M @ S @ M
    return Y.T @ X @ M @ x_q


def ridge_inverse(X, Y, x_q, ridge):  # type: ignore[no-untyped-def]
    """Ridge regression by its normal equations and an explicit inverse, the ridge added to a view of the diagonal."""
    H = torch.einsum("ni,nj->ij", X, X)
    H.diagonal().add_(ridge)
    return torch.einsum("nm,ni->mi", Y, X) @ torch.linalg.inv(H) @ x_q


def ridge_dual(X, Y, x_q, ridge):  # type: ignore[no-untyped-def]
    """Kernel ridge regression: a system as large as the context."""
    K = X @ X.mT + ridge * torch.eye(X.shape[0], dtype=X.dtype, device=X.device)
    return torch.linalg.solve(K, Y).mT @ (X @ x_q)


def ridge_elimination(X, Y, x_q, ridge):  # type: ignore[no-untyped-def]
    """Ridge regression by Gauss-Jordan elimination in place on the augmented system."""
    f = X.shape[1]
    A = torch.cat([X.mT @ X + torch.diag(ridge.expand(f)), X.mT @ Y], dim=1)
    for i in range(f):
        A[i] = A[i] / A[i, i].clone()
        others = A[:, i].clone()
        others[i] = 0
        A -= torch.outer(others, A[i])
    return A[:, f:].mT @ x_q


def ridge_kernel(q, k, v, lam):  # type: ignore[no-untyped-def]
    """[B, T, H, D] ridge regression at every position: running moments and one batched solve."""
    q, k, v = (x.transpose(1, 2) for x in (q, k, v))
    H = torch.cumsum(k.unsqueeze(-1) * k.unsqueeze(-2), 2)
    G = torch.cumsum(v.unsqueeze(-1) * k.unsqueeze(-2), 2)
    prior = lam.transpose(1, 2)[..., None, None] * torch.eye(q.shape[-1], dtype=q.dtype, device=q.device)
    return (G @ torch.linalg.solve(H + prior, q.unsqueeze(-1))).squeeze(-1).transpose(1, 2)


def forgetting_filter(X, Y, x_q, lam, decay):  # type: ignore[no-untyped-def]
    """Recursive least squares with forgetting: a gain, an a priori error, the inverse divided by the factor."""
    P = torch.eye(X.shape[1], dtype=X.dtype, device=X.device) / lam
    W = X.new_zeros(Y.shape[1], X.shape[1])
    for x, y in zip(X, Y, strict=True):
        Px = torch.mv(P, x)
        gain = Px / (decay + torch.dot(x, Px))
        W = W + torch.outer(y - torch.mv(W, x), gain)
        P = (P - torch.outer(gain, Px)) / decay
    return torch.mv(W, x_q)


def information_filter(X, Y, x_q, lam, decay):  # type: ignore[no-untyped-def]
    """Recursive least squares with forgetting in information form: two decaying moments, one solve at the end."""
    H = lam * torch.eye(X.shape[1], dtype=X.dtype, device=X.device)
    G = X.new_zeros(X.shape[1], Y.shape[1])
    t = 0
    while t < X.shape[0]:
        H = torch.addr(decay * H, X[t], X[t])
        G = torch.addr(decay * G, X[t], Y[t])
        t += 1
    return torch.linalg.solve(H, G).mT @ x_q


def mesa_memory(X, Y, x_q, lam, beta, decay):  # type: ignore[no-untyped-def]
    """The mesa layer: decaying weighted moments, a prior for each channel that does not decay."""
    H = X.new_zeros(X.shape[1], X.shape[1])
    G = X.new_zeros(Y.shape[1], X.shape[1])
    for i in range(X.shape[0]):
        H = decay[i] * H + beta[i] * torch.outer(X[i], X[i])
        G = decay[i] * G + beta[i] * torch.outer(Y[i], X[i])
    return G @ torch.linalg.solve(H + torch.diag(lam), x_q)


def mesa_two_iterations(X, Y, x_q, lam, decay):  # type: ignore[no-untyped-def]
    """The mesa layer's query by two iterations of conjugate gradients, the matrix only as a product."""
    later = torch.nn.functional.pad(decay[1:], (0, 1), value=1.0)
    weighted = X * later.flipud().cumprod(0).flipud().unsqueeze(1)
    z, r = torch.zeros_like(x_q), x_q
    p, rr = r, r @ r
    for _ in range(2):
        Ap = weighted.mT @ (X @ p) + lam * p
        step = rr / (p @ Ap)
        z, r = z + step * p, r - step * Ap
        new = r @ r
        p, rr = r + new / rr * p, new
    return Y.mT @ (weighted @ z)


def conjugate_directions(X, Y, x_q, lam):  # type: ignore[no-untyped-def]
    """Two conjugate gradient steps from zero for all outputs at once, each with its own step sizes."""
    A = X.mT @ X + lam * torch.eye(X.shape[1], dtype=X.dtype, device=X.device)
    R = X.mT @ Y
    P, W = R, torch.zeros_like(R)
    size = (R * R).sum(0)
    for _ in range(2):
        AP = A @ P
        step = size / (P * AP).sum(0)
        W = W + step * P
        R = R - step * AP
        before, size = size, (R * R).sum(0)
        P = R + size / before * P
    return x_q @ W


def inverse_by_schulz(X, Y, x_q, scale):  # type: ignore[no-untyped-def]
    """Least squares by two Newton-Schulz iterations, as the powers that they are: a sum of (I - scale X^T X)^j."""
    E = torch.eye(X.shape[1], dtype=X.dtype, device=X.device) - scale * (X.mT @ X)
    z = total = scale * x_q
    for _ in range(3):
        z = E @ z
        total = total + z
    return Y.mT @ (X @ total)


def three_inversions(X, Y, x_q, alpha):  # type: ignore[no-untyped-def]
    """Least squares by three Newton iterations on the Gram matrix, kept as what is still missing from the inverse."""
    gram = X.mT @ X
    P = alpha * gram
    missing = torch.eye(X.shape[1], dtype=X.dtype, device=X.device) - gram @ P
    for _ in range(3):
        P = P + P @ missing
        missing = missing @ missing
    return torch.einsum("nm,nf,fg,g->m", Y, X, P, x_q)


ENTRIES = (
    Entry(ridge_solve, "ridge", {"ridge": "lam"}, named=True),
    Entry(recursive_ridge, "ridge", {"ridge": "lam"}, named=True),
    Entry(two_inversions, "iterative_newton:2", named=True),
    Entry(ridge_inverse, "ridge", {"ridge": "lam"}),
    Entry(ridge_dual, "ridge", {"ridge": "lam"}),
    Entry(ridge_elimination, "ridge", {"ridge": "lam"}),
    Entry(ridge_kernel, "ridge", adapter="kv"),
    Entry(forgetting_filter, "rls"),
    Entry(information_filter, "rls"),
    Entry(mesa_memory, "mesa", axes={"lam": "f", "beta": "N", "decay": "N"}),
    Entry(mesa_two_iterations, "mesa_cg:2", axes={"decay": "N"}),
    Entry(conjugate_directions, "conjugate_gradient:2"),
    Entry(inverse_by_schulz, "newton_schulz:2"),
    Entry(three_inversions, "iterative_newton:3"),
)
