"""How numbers follow from gates: the forms are told apart by random values, and an expression means what it says."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import flint
import pytest

from numeric.deciding.balls import BITS, ball
from numeric.probing.box import as_floats
from proofs.fitting.laws import Factor, Kind, Law, factor_of
from proofs.target.gates import Value, value
from reports.said import said

F = Fraction
GATES = [F(1, 2), F(9, 16), F(301, 1024), F(777, 1024)]


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (lambda g: 3 * g, "g"),
        (lambda g: 1 - g, "(1 - g)"),
        (lambda g: 5 - 2 * g, "(1 - 2/5*g)"),
        (lambda g: 4 / g, "g"),
        (lambda g: 1 / (1 + g), "(1 + g)"),
        (lambda g: g + (g - F(1, 2)) * (g - F(9, 16)), None),  # g at the first two values
        (lambda g: g * g, "(g*g)"),
        (lambda g: g * g + 1, None),
    ],
)
def test_rational_forms(number, text):
    found = factor_of("g", GATES, [number(g) for g in GATES])
    assert (found.text if found else None) == text
    if found is not None:
        shares = {number(g) / found.value(g) for g in GATES}
        assert len(shares) == 1


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (lambda g: g.exp(), "exp(g)"),
        (lambda g: 3 * (-g).exp(), "exp(-g)"),
        (lambda g: 1 / (1 + (-g).exp()), "sigmoid(g)"),
        (lambda g: g.tanh(), None),
    ],
)
def test_forms_that_are_not_rational(number, text):
    with flint.ctx.workprec(BITS):
        values = [number(ball(g)) for g in GATES]
    found = factor_of("g", GATES, values)
    assert (found.text if found else None) == text


G, H = Factor("g", Kind.AFFINE), Factor("h", Kind.AFFINE, F(1), F(-1))
LAWS = [
    (Law("eta", F(3, 8)), "3/8", 0.375),
    (Law("eta", F(1), tokens=1), "N", 9.0),
    (Law("eta", F(1), tokens=-1), "1/N", 1 / 9),
    (Law("eta", F(2), tokens=1, width=F(-1, 2)), "2*N*f**-0.5", 9.0),
    (Law("eta", F(1), factors=(G,), moved=("g",)), "g", 0.25),
    (Law("eta", F(1), factors=(G, H), moved=("g", "h")), "g*(1 - h)", 0.125),
    (Law("eta", F(3, 2), tokens=-1, factors=(H,), moved=("h",)), "3/2*(1 - h)/N", 1 / 12),
    (Law("eta", F(3), tokens=1, factors=(Factor("g", Kind.RECIPROCAL),), moved=("g",)), "3*N/g", 108.0),
    (Law("eta", F(1), outputs=-1), "m**-1", 1 / 3),
]


@pytest.mark.parametrize(("law", "text", "number"), LAWS, ids=[text for _, text, _ in LAWS])
def test_an_expression_is_read_back_as_the_number(law, text, number):
    assert law.expression == text
    names = {"N": F(9), "f": F(4), "m": F(3), "g": F(1, 4), "h": F(1, 2)}
    read = value(law.expression, {name: Value(size) for name, size in names.items()}).held
    exact = law.at({"g": F(1, 4), "h": F(1, 2)}, 9, 4, 3)
    assert float(read) == float(as_floats([exact])[0]) == number


@pytest.mark.parametrize("law", [law for law, *_ in LAWS if len(law.factors) == 1], ids=lambda law: law.expression)
def test_a_gate_is_read_back_from_the_number(law):
    gate = law.factors[0].gate
    number = law.at({gate: F(1, 7)}, 9, 4, 3)
    assert value(law.inverse(), {law.name: Value(number), "N": Value(F(9))}).held == F(1, 7)


def test_words_say_what_is_not_known():
    law = Law("beta", F(1, 4), factors=(G,), moved=("g",))
    assert said(replace(law, constant=F(1))) == "the argument g"
    assert "was not found" in said(replace(law, factors=(), open=True))
    assert "1/2 at (f, m) = (9, 3)" in said(Law("beta", F(1, 4), elsewhere=((9, 3, F(1, 2)),)))


@pytest.mark.parametrize(("power", "text"), [(2, "(g*g)"), (3, "(g*g*g)")])
def test_a_power_of_a_gate_is_found(power, text):
    gates = [Fraction(1, 2), Fraction(1, 3), Fraction(3, 5), Fraction(5, 7)]
    found = factor_of("g", gates, [3 * g**power for g in gates])
    assert found is not None and found.text == text and found.inverse("beta") == ""
    assert factor_of("g", gates, [g**power + 1 for g in gates]) is None
