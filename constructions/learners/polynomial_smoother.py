"""Nadaraya-Watson smoothing with a quadratic kernel c0 + c1 s + c2 s^2, s = x . x_q."""

from __future__ import annotations

from typing import Any

from constructions.learners import Class, Domain, Learner, Parameter


def predict(X: Any, Y: Any, x_q: Any, W0: Any, c0: Any, c1: Any, c2: Any) -> Any:
    """The prediction (m,); c0, c1, c2 0-d."""
    s = X @ x_q
    kernel = c0 + c1 * s + c2 * s * s
    return (kernel @ Y) / kernel.sum()


LEARNER = Learner(
    "polynomial_smoother",
    title="kernel smoother with a quadratic kernel",
    latex=r"\hat y = \arg\min_c \sum_i (c_0 + c_1 s_i + c_2 s_i^2) \lVert c - y_i \rVert^2, \quad s_i = x_i \cdot x_q",
    source="arXiv 2402.18668 (Based, normalised)",
    call=predict,
    parameters=tuple(
        Parameter(f"c{d}", f"c_{d}", f"weight of degree {d} in the kernel", Domain.REAL, neutral=0) for d in range(3)
    ),
    kind=Class.RATIONAL,
    order=False,
    start=False,
    gauge="the three weights have a common factor",
)
