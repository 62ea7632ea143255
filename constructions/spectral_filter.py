"""Gradient descent as a filter of the spectrum: k steps from 0 multiply each eigendirection of A by its own number.

    W_k u = h_k(lam) B u  for A u = lam u,   h_k(lam) = scale sum_{j<k} (1 - scale lam)^j = (1 - (1 - scale lam)^k)/lam
Ridge has h(lam) = 1/(lam + ridge), least squares 1/lam. A = X^T X, B = Y^T X, scale = eta/N.
Source: derived here.
"""

from __future__ import annotations

from constructions.namespace import Array, filled, namespace


def extend(h: Array, lam: Array, scale: Array) -> Array:
    """h_{k+1} from h_k: h + scale (1 - lam h)."""
    return h + scale * (1 - lam * h)


def gain(lam: Array, scale: Array, steps: int) -> Array:
    """h_k(lam) as a quotient, 0-d; lam not 0."""

    def once(power: Array) -> Array:
        return power * (1 - scale * lam)

    return (1 - namespace(lam).iterate(once, filled(1, lam), steps)) / lam
