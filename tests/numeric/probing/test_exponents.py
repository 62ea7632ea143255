"""numeric/probing/exponents.py: the sign of a decay's exponent is read off the code, whatever an input is called."""

from __future__ import annotations

import pytest
import torch

from numeric.probing.exponents import negative

POINT = {name: torch.tensor(value) for name, value in {"a": 0.5, "b": 0.75, "x": 0.25}.items()}


@pytest.mark.parametrize(
    ("program", "found"),
    [
        (lambda a, b, x: a.exp() * x + b, {"a"}),
        (lambda a, b, x: (-a).exp() * x + b, set()),
        (lambda a, b, x: (a * b).exp() * x, {"a"}),  # one of the two
        (lambda a, b, x: (-a * b).exp() * x, set()),
        (lambda a, b, x: torch.exp2(b) * x * a, {"b"}),
        (lambda a, b, x: torch.expm1(a + b) * x, {"a", "b"}),
        (lambda a, b, x: (-(a.exp()) * b).exp() * x, set()),  # a grows in one and falls in the other
        (lambda a, b, x: torch.sigmoid(a) * b * x, set()),  # between 0 and 1 at any number
        (lambda a, b, x: a.mul(1.0).exp_() * b * x, {"a"}),
    ],
)
def test_what_is_exponentiated_falls(program, found):
    assert negative(program, POINT, ["a", "b"]) == found
