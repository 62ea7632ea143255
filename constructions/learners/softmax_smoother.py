"""Nadaraya-Watson smoothing with the kernel exp(scale x . x_q): the constant that fits the locally weighted targets."""

from __future__ import annotations

from typing import Any

import torch

from constructions.learners import Class, Domain, Learner, Parameter


def predict(X: Any, Y: Any, x_q: Any, W0: Any, scale: Any) -> Any:
    """The prediction (m,); scale 0-d."""
    return torch.softmax(scale * (X @ x_q), 0) @ Y


LEARNER = Learner(
    "softmax_smoother",
    title="kernel smoother with an exponential kernel (softmax attention)",
    latex=r"\hat y = \arg\min_c \sum_i e^{s\, x_i \cdot x_q} \lVert c - y_i \rVert^2",
    source="Nadaraya 1964, Watson 1964; arXiv 2501.12352",
    call=predict,
    parameters=(Parameter("scale", "s", "scale of the inner products", Domain.REAL),),
    kind=Class.TRANSCENDENTAL,
    order=False,
    start=False,
)
