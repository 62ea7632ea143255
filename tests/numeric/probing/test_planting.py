"""Planted functions: seen by everyone, taken away again, and results that are perturbed field by field."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import pytest
import torch

from constructions import autograd_descent, gradient_descent, legt
from numeric.probing import planting
from numeric.probing.planting import (
    Unusable,
    at_a_point,
    changed,
    disturbing,
    functions,
    noting,
    perturbed,
    planted,
    withholding,
)
from numeric.words import matrix, scalar
from numeric.words.blocks import blocks

# --------------------------------------------------------------------------------------------- planting


def test_a_planted_function_is_seen_by_whoever_holds_it_and_comes_back() -> None:
    """By a reference, by modules that imported it, and as a default argument."""
    table = functions(["constructions.gradient_descent"], "constructions")
    X, Y, W = torch.ones(2, 2), torch.ones(2, 2), torch.zeros(2, 2)
    held = gradient_descent.gradient
    slope, stepped, moved = held(W, X, Y), gradient_descent.step(W, X, Y, 1), autograd_descent.descend(W, X, Y, eta=1)

    with planted(
        {name: table[name] for name in ("gradient_descent.gradient", "gradient_descent.loss")},
        lambda name, whole: lambda *args, **kwargs: 3 * whole(*args, **kwargs),
    ):
        assert torch.equal(held(W, X, Y), 3 * slope) and gradient_descent.gradient is held
        assert torch.equal(gradient_descent.step(W, X, Y, eta=1), 3 * stepped)
        assert torch.equal(autograd_descent.descend(W, X, Y, eta=1), 3 * moved)
    assert torch.equal(held(W, X, Y), slope) and torch.equal(autograd_descent.descend(W, X, Y, eta=1), moved)
    assert not planting.HOOKS


def test_it_comes_back_after_an_error_too() -> None:
    table = functions(["constructions.legt"], "constructions")
    code, defaults = legt.system.__code__, legt.system.__defaults__
    with pytest.raises(ZeroDivisionError), planted(table, lambda name, whole: whole):
        assert legt.system.__code__ is not code and legt.system(2).A.shape == (2, 2)
        raise ZeroDivisionError
    assert (legt.system.__code__, legt.system.__defaults__) == (code, defaults)


def test_methods_and_every_function_of_a_file_are_found() -> None:
    assert {"state_space.StateSpace.order", "state_space.orthonormal"} <= set(
        functions(["constructions.state_space"], "constructions")
    )
    assert "legt.system" not in functions(["constructions.legs"], "constructions"), "it is named where it is defined"


# ----------------------------------------------------------------------------------------- perturbations


def test_each_field_of_a_result_is_one_place() -> None:
    system = legt.system(2)
    fields: dict[str, None] = {}

    def note(value: object, field: str) -> object:
        fields[field] = None
        return value

    same = changed({"s": system, "many": [1, 2], "f": (lambda x: (x, x), None)}, note)
    assert np.array_equal(same["s"].A, system.A) and same["f"][0](4) == (4, 4)
    assert list(fields) == ["[s].A", "[s].B", "[s].C", "[s].D", "[many][]", "[f][0]()[0]", "[f][0]()[1]"]


@pytest.mark.parametrize(
    "value",
    [0, 0.0, Fraction(0), np.zeros((2, 3)), np.array([Fraction(0)], dtype=object), torch.zeros(2), torch.zeros(())],
    ids=str,
)
def test_zero_becomes_something_else_the_same_each_time(value: object) -> None:
    once, twice = np.asarray(perturbed(value, "a")), np.asarray(perturbed(value, "a"))
    assert once.shape == np.shape(value) and (once != 0).all() and (once == twice).all()


def test_words_get_a_letter_of_their_own() -> None:
    W, eta = matrix("W", "m", "f"), scalar("eta")
    for x in (W, eta):
        assert not (perturbed(x, "a") - 2 * x).is_zero
        assert (perturbed(x, "a") - perturbed(x, "a")).is_zero and not (perturbed(x, "a") - perturbed(x, "b")).is_zero
    row = blocks([[W], [matrix("v", 1, "f")]])
    assert not (perturbed(row, "a") - row).is_zero


def test_what_cannot_be_perturbed_stays_and_says_so() -> None:
    with pytest.raises(TypeError, match="object can't be perturbed"):
        perturbed(object(), "a")
    kept = object()
    assert disturbing("", True)("f", lambda: kept)() is kept


@dataclass(frozen=True)
class Pair:
    """A value of some arithmetic that has no sum."""

    first: object
    count: int = 2


Pair.__module__ = "numeric.pairs"


def test_what_has_no_sum_is_perturbed_inside() -> None:
    W = matrix("W", "m", "f")
    assert changed(Pair(W), lambda value, field: (field, type(value))) == ("", Pair)
    moved = perturbed(Pair(W), "a")
    assert moved.first != W and moved.count == 2


def test_a_derivation_is_asked_without_plain_arrays() -> None:
    W, x = matrix("W", "m", "f"), np.ones(2)
    hook = disturbing("[0]", arrays=False)("f", lambda value: (value, value))
    assert (hook(x)[0] == x).all() and hook(W)[0] != W and hook(W)[1] == W
    assert (disturbing("[0]", arrays=True)("f", lambda value: (value, value))(x)[0] != x).all()


def test_fields_are_noted_and_results_left_alone() -> None:
    fields: dict[str, dict[str, None]] = {}
    assert noting(fields)("f", lambda: (1, {"a": 2.0}))() == (1, {"a": 2.0})
    assert {name: list(own) for name, own in fields.items()} == {"f": ["[0]", "[1][a]"]}


# --------------------------------------------------------------------------------------------- withholding


def test_what_is_withheld_can_be_carried_on_and_not_be_looked_at() -> None:
    looks: list[str] = []
    none = Unusable(looks)
    carried = [2 * none + 1, -(none / 3), Fraction(1, 2) - none, np.arange(3) * none, abs(none) ** 2, none @ none]
    assert all(x is none for x in carried) and not looks
    array = np.array([none, none], dtype=object)
    assert all(x is none for x in np.concatenate([array + 1, array * np.ones(2)])) and not looks
    for look in (bool, str, hash, lambda x: x == 1, lambda x: x < 1, lambda x: range(x), lambda x: list(x)):
        with pytest.raises(TypeError):
            look(none)
    assert len(looks) == 7
    with pytest.raises(AttributeError):
        none.sqrt  # noqa: B018
    assert looks[-1] == "sqrt"


def test_withheld_fields() -> None:
    """What sums a field up looks at it once it is compared; another field is as it was; a tensor can't be withheld."""
    table = functions(["constructions.legt"], "constructions")
    looks: list[str] = []
    with planted({"legt.system": table["legt.system"]}, withholding(".C", looks)):
        s = legt.system(3)
        assert s.D == 9 and s.C.sum() is s.C[0] and not looks
        with pytest.raises(TypeError):
            assert s.C[0] == 1
    assert looks == ["its value"]
    looks.clear()
    named = withholding("", looks)
    assert torch.equal(named("f", lambda: torch.ones(2))(), torch.ones(2)) and looks == ["Tensor"]


def test_a_proof_by_one_point_sees_plain_arrays_in_a_derivation_too() -> None:
    run = disturbing("", arrays=False)("f", lambda: torch.ones(2))
    assert torch.equal(run(), torch.ones(2))
    with at_a_point():
        assert not torch.equal(run(), torch.ones(2))
    assert torch.equal(run(), torch.ones(2))
