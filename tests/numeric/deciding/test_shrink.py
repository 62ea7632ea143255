"""Counterexamples get small: sizes, zeros, then small integers."""

from fractions import Fraction

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from numeric.deciding.comparison import Comparison
from numeric.deciding.programs import fractions, smaller
from numeric.deciding.shrink import among_polynomials, counterexample, difference, differs, search, shrink, values
from numeric.entropy import Entropy
from numeric.tape.refusals import Refused

SHAPES = {"x": ("n",)}


def test_sizes_come_smallest_first():
    assert list(smaller({"a": 2, "b": 3}))[:4] == [
        {"a": 1, "b": 1},
        {"a": 1, "b": 2},
        {"a": 2, "b": 1},
        {"a": 1, "b": 3},
    ]


def test_what_needs_three_entries_is_found_at_three():
    def late(x):
        return x + (x[2] if len(x) > 2 else 0)

    at, *_ = search(Comparison(late, lambda x: x, SHAPES, {"n": 6}, entropy=Entropy(1)))
    assert at == {"n": 3}


def test_only_the_entries_that_matter_stay():
    point = {"x": fractions([7, 8, 9, 10, 11], (5,))}
    left, right = (lambda x: x.sum() + x[3] ** 2), (lambda x: x.sum())
    small, both = shrink(left, right, point, values(left, right, point))
    assert small["x"].tolist() == [0, 0, 0, 1, 0]
    assert [value.tolist() for value in both] == [2, 1]


def test_large_numbers_become_powers_of_ten():
    def clipped(x):
        return x.clamp(max=5000)

    found = counterexample(Comparison(clipped, lambda x: x, SHAPES, {"n": 2}, entropy=Entropy(1)), scales=(3, 10**6))
    assert found.inputs["x"] == ["10000"]
    assert (found.left, found.right) == (["5000"], ["10000"])


def test_equal_sides_have_none():
    assert counterexample(Comparison(lambda x: x, lambda x: x, SHAPES, {"n": 2}, entropy=Entropy(1))) is None


def test_a_pole_is_no_difference():
    point = {"x": np.array([Fraction(0)], dtype=object)}
    assert not differs(lambda x: 1 / x, lambda x: 2 / x, point)
    assert differs(lambda x: 1 / (x + 1), lambda x: 2 / (x + 1), point)


def test_sizes_that_the_code_refuses_are_passed_over():
    def picky(x):
        return x.reshape(2, -1).sum() + 1

    at, *_ = search(Comparison(picky, lambda x: x.sum(), SHAPES, {"n": 4}, entropy=Entropy(1)))
    assert at == {"n": 2}


def test_torch_sees_copies():
    def writing(x):
        x += 1
        return x

    assert differs(writing, lambda x: x, {"x": fractions([1], (1,))})
    assert not differs(lambda x: (x.mul_(2), x)[1], lambda x: torch.add(x, x), {"x": fractions([1], (1,))})


@given(
    st.lists(st.integers(-2, 2), min_size=6, max_size=6),
    st.lists(st.integers(-2, 2), min_size=6, max_size=6),
)
def test_a_difference_of_polynomials_is_met_exactly_where_there_is_one(first, second):
    """Random quadratic forms: `difference` answers for the polynomials, and its values are those of the programs."""

    def form(c):
        return lambda x: (c[0] + c[1] * x[0] + c[2] * x[1] + c[3] * x[0] ** 2 + c[4] * x[0] * x[1] + c[5] * x[1] ** 2)[
            None
        ]

    left, right = form(first), form(second)
    found = difference(left, right, {"x": (2,)})
    assert (found is None) == (first == second)
    if found is not None:
        point, both = found
        assert [b.tolist() for b in both] == [b.tolist() for b in values(left, right, point)]
        assert both[0][0] != both[1][0]


def test_polynomials_with_many_terms_are_left_to_points():
    def large(x):
        return (x.sum() ** 12)[None]

    with pytest.raises(Refused, match="terms"):
        difference(large, lambda x: large(x) + 1, {"x": (12,)})
    found = counterexample(Comparison(large, lambda x: large(x) + x.prod(), SHAPES, {"n": 3}, entropy=Entropy(1)))
    assert found.left != found.right


def test_only_the_smallest_sizes_are_tried_among_polynomials():
    def late(x):
        return x + (x[4] if len(x) > 4 else 0)

    asked = Comparison(late, lambda x: x, SHAPES, {"n": 5})
    assert among_polynomials(asked, tries=4) is None
    assert dict(among_polynomials(asked, tries=5).sizes) == {"n": 5}
    assert among_polynomials(Comparison(lambda x: 1 / x, lambda x: x, SHAPES, {"n": 1})) is None
