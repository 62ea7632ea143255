"""The number of monomials is never below the true one."""

from __future__ import annotations

import pytest
import torch

from numeric.carriers.carrier import NoRule
from numeric.carriers.handles import FlintPolynomials, Handles
from numeric.carriers.terms import Terms


def test_terms_bound_the_expanded_polynomials() -> None:
    names = [f"x{i}" for i in range(4)]
    ring = FlintPolynomials(names)
    found = []
    for carrier in (Terms(), Handles(ring)):
        if isinstance(carrier, Terms):
            x = carrier.indeterminate((1, 2, 2))
        else:
            x = carrier.put([ring.variables[n] for n in names], (1, 2, 2))
        y = carrier.sub(carrier.matmul(x, x), carrier.div_constant(x, torch.full((1, 1, 1, 1), 3.0)))
        y = carrier.cumsum(carrier.mul(y, x), 2)
        found.append((carrier, carrier.power(carrier.sum(y, [3], False), 2)))
    (_, (bound,)), (exact, parts) = found
    true = [len(p) for p in exact.get(parts).flat]
    assert all(t <= b for t, b in zip(true, bound.reshape(-1).tolist(), strict=True)) and min(true) > 12


def test_what_leaves_polynomials() -> None:
    carrier = Terms()
    x = carrier.indeterminate(())
    with pytest.raises(NoRule, match="rational function"):
        carrier.div(x, x)
    with pytest.raises(NoRule, match="logarithm of a sum"):
        carrier.ratio(x, carrier.add(x, x))
    assert carrier.ratio(x, x)[0].tolist() == [1.0]
    assert carrier.constant(0)[0].tolist() == [0.0] and carrier.constant(10**400)[0].tolist() == [1.0]
