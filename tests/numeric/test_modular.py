"""Residue arithmetic against Python's integers, at the largest primes of each size and at the worst entries."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from numeric import modular
from numeric.entropy import Entropy
from numeric.finite_field import FiniteField

PRIMES = [2, 3, 65537, 1073741827, 2147483629, 2147483647, 2147483659, 1152921504606847009, 2305843009213693921]
"""Small ones, both ends of 31 bits, the first above 2**31, both ends of 61 bits."""
LARGE = PRIMES[3:]


def residues(p: int, *shape: int, seed: int = 0) -> torch.Tensor:
    return Entropy(seed).residues(shape, p)


def product(a: torch.Tensor, b: torch.Tensor, p: int) -> list[list[int]]:
    left, right = a.tolist(), b.T.tolist()
    return [[sum(x * y for x, y in zip(row, column, strict=True)) % p for column in right] for row in left]


@pytest.mark.parametrize("p", PRIMES)
def test_multiply(p: int) -> None:
    edge = torch.tensor(sorted({0, 1, p - 1, p // 2, p // 3, (p - 1) // 2}))
    a = torch.cat([edge, residues(p, 200)])
    got = modular.multiply(a[:, None], a[None, :], p)
    assert got.tolist() == [[x * y % p for y in a.tolist()] for x in a.tolist()]


@pytest.mark.parametrize("p", LARGE)
@pytest.mark.parametrize("length", [0, 1, 2, 3, 7, 1025])
def test_matmul(p: int, length: int) -> None:
    for a, b in (
        (residues(p, 3, length), residues(p, length, 2, seed=1)),
        (torch.full((2, length), p - 1), torch.full((length, 2), p - 1)),
        (torch.full((1, length), p // 2), torch.full((length, 1), p - 1)),
    ):
        assert modular.matmul(a, b, p).tolist() == product(a, b, p)


@pytest.mark.parametrize("p", [2147483629, 2305843009213693921])
def test_matmul_large_and_batched(p: int) -> None:
    a, b = residues(p, 130, 40), residues(p, 40, 3, seed=1)
    assert modular.matmul(a, b, p).tolist() == product(a, b, p)
    left, right = residues(p, 3, 2, 5), residues(p, 3, 5, 4, seed=2)
    assert [m.tolist() for m in modular.matmul(left, right, p)] == [
        product(x, y, p) for x, y in zip(left, right, strict=True)
    ]


def test_matmul_longer_than_one_chunk() -> None:
    p, length = 2147483629, (1 << 15) + 3
    a, b = torch.full((1, length), p - 1), torch.full((length, 1), p - 2)
    assert modular.matmul(a, b, p).item() == length * (p - 1) * (p - 2) % p


@pytest.mark.parametrize("p", LARGE)
def test_power_and_inverse(p: int) -> None:
    a = torch.cat([torch.tensor([1, p - 1, p // 2]), residues(p, 80) | 1]) % p
    a = a[a != 0]
    assert modular.power(a, 0, p).tolist() == [1] * len(a)
    assert modular.power(a, 13, p).tolist() == [pow(x, 13, p) for x in a.tolist()]
    for few in (a, a[:5]):  # two ways of inverting
        assert modular.inverse(few, p).tolist() == [pow(x, -1, p) for x in few.tolist()]
    with pytest.raises(ZeroDivisionError):
        modular.inverse(torch.tensor([3, 0]), p)


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1, max_size=8), st.sampled_from(LARGE))
def test_lift_reads_floats_as_the_dyadic_numbers_they_are(values: list[float], p: int) -> None:
    got = modular.lift(torch.tensor(values, dtype=torch.float64), p).tolist()
    exact = [Fraction(v) for v in values]
    assert got == [v.numerator * pow(v.denominator, -1, p) % p for v in exact]


def test_lift_of_extremes() -> None:
    p = 2305843009213693921
    values = [0.0, -0.0, 5e-324, -5e-324, 2.0**-1022, 1.7976931348623157e308, -1.0, 2.0**53 + 2]
    got = modular.lift(torch.tensor(values, dtype=torch.float64), p).tolist()
    assert got == [Fraction(v).numerator * pow(Fraction(v).denominator, -1, p) % p for v in values]
    assert modular.lift(torch.zeros(0, 3), p).shape == (0, 3)


@pytest.mark.parametrize("p", [2147483629, 2305843009213693921])
def test_sums_of_many_residues(p: int) -> None:
    field = FiniteField(p)
    a = torch.full((5000, 2), p - 1)
    a[::3] = p // 2
    want = sum(a[:, 0].tolist()) % p
    assert field.sum((a,), [0], False)[0].tolist() == [want, want]
    assert field.sum((a,), [0, 1], True)[0].tolist() == [[2 * want % p]]
    partial = np.cumsum(a[:50, 0].numpy().astype(object)) % p
    assert field.cumsum((a[:50],), 0)[0][:, 1].tolist() == partial.tolist()
    assert field.constant(-(10**40))[0].item() == -(10**40) % p
