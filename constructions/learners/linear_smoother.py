"""Nadaraya-Watson smoothing with the kernel x . x_q: normalised linear attention."""

from __future__ import annotations

from typing import Any

from constructions.learners import Class, Learner


def predict(X: Any, Y: Any, x_q: Any, W0: Any) -> Any:
    """The prediction (m,)."""
    kernel = X @ x_q
    return (kernel @ Y) / kernel.sum()


LEARNER = Learner(
    "linear_smoother",
    title="kernel smoother with the inner product as kernel (normalised linear attention)",
    latex=r"\hat y = \arg\min_c \sum_i (x_i \cdot x_q) \lVert c - y_i \rVert^2",
    source="arXiv 2006.16236",
    call=predict,
    parameters=(),
    kind=Class.RATIONAL,
    order=False,
    start=False,
)
