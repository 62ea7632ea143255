"""Residues mod several primes at once against Python's integers: worst entries, dead trials, exact constants."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from numeric.carriers.finite_field import FiniteField
from numeric.entropy import Entropy

PRIMES = {
    "small": [3, 65537, 5],
    "31 bits": [1073741827, 2147483629, 2147483647, 2147483587],
    "61 bits": [1152921504606847009, 2305843009213693921, 2305843009213693951],
    "mixed": [2147483659, 2305843009213693951, 2147483647],
}
"""Both ends of each length, and the first prime above 2**31."""


@pytest.fixture(params=PRIMES)
def field(request: pytest.FixtureRequest) -> FiniteField:
    return FiniteField(torch.tensor(PRIMES[request.param]))


def residues(field: FiniteField, *shape: int, seed: int = 0) -> Tensor:
    return torch.stack([Entropy(f"{seed} {k}").residues(shape, p) for k, p in enumerate(field.primes)])


def worst(field: FiniteField) -> Tensor:
    """0, 1 and the entries next to p, p/2 and p/3 of each trial, shape (K, 7)."""
    return torch.tensor([[0, 1 % p, 2 % p, p - 1, p // 2, p // 3, (p - 2)] for p in field.primes])


def whole(a: Tensor) -> np.ndarray:
    return np.array(a.tolist(), dtype=object)


def same(field: FiniteField, found: Tensor, wanted: Callable[[int], np.ndarray]) -> bool:
    """Whether trial k is wanted(k) mod its prime."""
    assert found.dtype == torch.int64 and found.shape[0] == len(field.primes)
    return all(bool(np.all(whole(found[k]) == wanted(k) % p)) for k, p in enumerate(field.primes))


def test_entrywise(field: FiniteField) -> None:
    a = torch.cat([worst(field), residues(field, 30)], 1)[:, :, None]
    b = torch.cat([worst(field), residues(field, 20, seed=1)], 1)[:, None, :]
    x, y = whole(a), whole(b)
    assert same(field, field.mul((a,), (b,))[0], lambda k: x[k] * y[k])
    assert same(field, field.add((a,), (b,))[0], lambda k: x[k] + y[k])
    assert same(field, field.sub((a,), (b,))[0], lambda k: x[k] - y[k])
    assert same(field, field.neg((a,))[0], lambda k: -x[k])
    assert same(field, field.power((a,), 13)[0], lambda k: x[k] ** 13)


def test_what_all_trials_share_broadcasts(field: FiniteField) -> None:
    a = residues(field, 2, 3)
    (zero,) = field.zeros((2, 3))
    assert zero.shape == (1, 2, 3)
    assert torch.equal(field.add((a,), (zero,))[0], a)
    assert not field.mul((zero,), (a,))[0].any() and not field.add((zero,), (zero,))[0].any()
    assert not field.matmul((zero[:, None],), (a.mT[:, None],))[0].any()
    for scan in (field.cumsum, field.cumprod):
        assert not scan((zero,), 1)[0].any() and not field.sum((zero,), [2], True)[0].any()


@pytest.mark.parametrize("size", [(2, 2, 2), (3, 0, 2), (1, 300, 1), (300, 2, 3), (17, 40, 33), (64, 64, 64)])
def test_matmul(field: FiniteField, size: tuple[int, int, int]) -> None:
    n, length, width = size
    a, b = residues(field, 1, n, length), residues(field, 1, length, width, seed=1)
    a[:, :, : n // 2], b[:, :, :, : width // 2] = (
        torch.tensor(field.primes).sub(1).view(-1, 1, 1, 1),
        torch.tensor([p // 2 for p in field.primes]).view(-1, 1, 1, 1),
    )
    x, y = whole(a).reshape(a.shape), whole(b).reshape(b.shape)
    assert same(field, field.matmul((a,), (b,))[0], lambda k: x[k] @ y[k] if length else np.zeros((1, n, width), int))


def test_batches_broadcast(field: FiniteField) -> None:
    for n in (2, 40):
        a, b = residues(field, 3, n, 5), residues(field, 1, 5, n, seed=1)
        x, y = whole(a), whole(b)
        assert same(field, field.matmul((a,), (b,))[0], lambda k, x=x, y=y: np.matmul(x[k], y[k]))


def test_matmul_longer_than_one_chunk(field: FiniteField) -> None:
    """Entries whose low halves and limbs are all ones, of which sums in one piece would not fit."""
    length = (1 << 17) + 3
    left = [max((p >> 42 << 42) or (p >> 16 << 16), 1) - 1 for p in field.primes]
    a, b = (torch.tensor(v)[:, None, None, None] for v in (left, [p - 1 for p in field.primes]))
    a, b = a.expand(-1, 1, 2, length), b.expand(-1, 1, length, 2)
    for way in (field._by_limbs, field._by_halves) if field._short else (field._by_limbs,):
        assert same(field, way(a, b), lambda k: np.full((1, 2, 2), -length * left[k], dtype=object))


def test_sums_and_scans(field: FiniteField) -> None:
    a = residues(field, 50, 2)
    a[:, ::3] = torch.tensor(field.primes)[:, None, None] - 1
    x = whole(a)
    assert same(field, field.sum((a,), [1], False)[0], lambda k: x[k].sum(0))
    assert same(field, field.sum((a,), [1, 2], True)[0], lambda k: x[k].sum(keepdims=True))
    assert same(field, field.cumsum((a,), 1)[0], lambda k: np.cumsum(x[k], 0))
    assert same(field, field.cumprod((a,), 1)[0], lambda k: np.cumprod(x[k], 0))
    assert same(field, field.prod((a[:, :7],), 1, False)[0], lambda k: x[k, :7].prod(0))
    many = torch.tensor(field.primes)[:, None].sub(1).expand(-1, 200_000)
    assert same(field, field.sum((many,), [1], True)[0], lambda k: np.array([-200_000], dtype=object))
    assert same(field, field.cumsum((many,), 1)[0], lambda k: -np.arange(1, 200_001).astype(object))


def test_scans_of_large_slices_go_step_by_step(field: FiniteField) -> None:
    a = residues(field, 3, 9000)
    assert torch.equal(field.cumprod((a,), 1)[0][:, -1], field.prod((a,), 1, False)[0])


@pytest.mark.parametrize("count", [1, 5, 8, 9, 83])
def test_inverses(field: FiniteField, count: int) -> None:
    a = residues(field, count)
    a += a == 0
    assert same(field, field.mul((a,), (field.inverse(a),))[0], lambda k: np.ones(count, dtype=object))
    assert not field.dead.any()


def test_a_zero_divisor_kills_its_trial_alone(field: FiniteField) -> None:
    a = residues(field, 3, 7)
    a += a == 0
    a[1, 2, 5] = 0
    found = field.inverse(a)
    assert field.dead.tolist() == [k == 1 for k in range(len(field.primes))]
    assert found[1, 2, 5] == 0 and torch.equal(field.mul((a,), (found,))[0] == 0, a == 0)
    field.div(field.constant(1), (torch.zeros(1, dtype=torch.int64),))
    assert field.dead.all()


def test_pivots_are_chosen_in_each_trial_and_singular_ones_die(field: FiniteField) -> None:
    n = 4
    a, b = residues(field, 2, n, n), residues(field, 2, n, 3, seed=1)
    a[0, :, 0, 0] = 0  # this trial alone has to exchange rows
    a[1, 1] = 0
    a[1, 1, 0] = 1
    x = field.solve((a,), (b,))
    again = field.matmul((a,), x)[0]
    good = [k for k in range(len(field.primes)) if not field.dead[k]]
    assert bool(field.dead[1]) and (field.primes[0] < 100 or len(good) == len(field.primes) - 1)
    assert torch.equal(again[good], b[good])


def exactly(value: float, p: int) -> int:
    held = Fraction(value)
    return held.numerator * pow(held.denominator, -1, p) % p


@given(
    st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1, max_size=8), st.sampled_from(list(PRIMES))
)
@settings(max_examples=50)
def test_lift_reads_floats_as_the_dyadic_numbers_they_are(values: list[float], which: str) -> None:
    field = FiniteField(torch.tensor(PRIMES[which]))
    (got,) = field.lift(torch.tensor(values, dtype=torch.float64))
    assert got.tolist() == [[exactly(v, p) for v in values] for p in field.primes]
    (one,) = field.constant(values[0])
    assert torch.equal(one, got[:, 0])


def test_lift_of_extremes(field: FiniteField) -> None:
    values = [0.0, -0.0, 5e-324, -5e-324, 2.0**-1022, 1.7976931348623157e308, -1.0, 2.0**53 + 2, 2.0**63, -(2.0**63)]
    for some in (values, [2.0**63, 1.0], [3.0, -7.0]):
        (got,) = field.lift(torch.tensor(some, dtype=torch.float64))
        assert got.tolist() == [[exactly(v, p) for v in some] for p in field.primes]
    assert field.lift(torch.zeros(0, 3, dtype=torch.float64))[0].shape == (len(field.primes), 0, 3)
    assert field.lift(torch.tensor(0.1, dtype=torch.float64))[0].tolist() == [exactly(0.1, p) for p in field.primes]
    assert field.constant(-(10**40))[0].tolist() == [-(10**40) % p for p in field.primes]


def test_constant_divisors(field: FiniteField) -> None:
    a = residues(field, 3, 2)
    x = whole(a)
    over = torch.tensor([[[7.0, 0.5]]], dtype=torch.float64)
    (found,) = field.div_constant((a,), over)
    assert same(field, field.mul((found,), field.lift(over[0]))[0], lambda k: x[k])


@pytest.mark.parametrize("primes", [[2], [4, (1 << 61) + 15], []])
def test_what_is_no_list_of_primes(primes: list[int]) -> None:
    with pytest.raises(ValueError, match="primes must be"):
        FiniteField(torch.tensor(primes, dtype=torch.int64))
