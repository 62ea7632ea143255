"""The matrix M (N, N) of each variant, W = rate Y^T M X from W_0 = 0: which tokens' targets meet which tokens' inputs.

G = X X^T, L its strict lower triangle, T = tril(G). rate multiplies sums over tokens (eta/N for a mean loss).
    batch, k steps        sum_{j<k} (I - rate G)^j
    causal stack, k       sum_{j<k} (I - rate T^T)^j
    online, one pass      (I + rate L^T)^{-1}
    decay a               diag(a^{N-t})
Source: derived here.
"""

from __future__ import annotations

from constructions.causal_stack import powers_summed, prefix_gram
from constructions.namespace import Array, identity, namespace


def strict_triangle(X: Array) -> Array:
    """The strict lower triangle of X X^T, shape (N, N)."""
    return namespace(X).tril(X @ X.mT, k=-1)


def batch(X: Array, rate: Array, steps: int) -> Array:
    """M of `steps` batch steps."""
    return powers_summed(X @ X.mT, rate, steps)


def causal(X: Array, rate: Array, layers: int) -> Array:
    """M of a causal stack of `layers` layers."""
    return powers_summed(prefix_gram(X).mT, rate, layers)


def online(X: Array, rate: Array) -> Array:
    """M of one online pass: the inverse of I + rate L^T, as the sum of the N powers of -rate L^T (nilpotent)."""
    one, L = identity(X.shape[0], X), strict_triangle(X)

    def once(total: Array) -> Array:
        return one - rate * (L.mT @ total)

    return namespace(X).iterate(once, one, X.shape[0] - 1)


def discounted(X: Array, decay: Array) -> Array:
    """M of a layer with scalar decay (0-d): diag(decay^{N-t})."""
    return identity(X.shape[0], X) * namespace(X).decay_to_end(decay, X)[:, None]


def weights(M: Array, X: Array, Y: Array, rate: Array) -> Array:
    """rate Y^T M X, shape (m, f)."""
    return rate * (Y.mT @ M @ X)
