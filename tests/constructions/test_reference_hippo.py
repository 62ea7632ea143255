"""The HiPPO constructions against reference values: claims compare them with each other, where a common factor is unseen.

data/hippo_reference.json holds values of N = 4, theta = 1, h = 0.01 (and Peano constants of N = 4, 8, 16), computed with 60
digits from the defining integrals and formulas by other code and written with 30; its `_meta` gives the normalisations. Every
value is compared: the constructions run in 400-bit balls, in the orthonormal basis, and agree to the last written digit.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from decimal import Decimal
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from flint import acb, acb_mat, arb, arb_mat, fmpq, fmpq_poly

from constructions import discretisation, legs, legs_recursion, legt, predictors
from constructions.discretisation import Discrete
from constructions.state_space import StateSpace
from numeric.analysis import peano
from numeric.analysis.rational_matrices import characteristic, matrix, number, objects, power, solve

N = 4
BITS = 400
H = fmpq(1, 100)
REFERENCE = json.loads((Path(__file__).parent / "data" / "hippo_reference.json").read_text("utf-8"))
WORDS = ("_meta", "note")
GIVEN = ("N", "theta", "alpha")


def leaves(tree: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Paths of all values that are to be reproduced: neither words nor the sizes that were given."""
    for key, value in tree.items():
        if key not in WORDS and key not in GIVEN:
            yield from leaves(value, (*path, key)) if isinstance(value, dict) else [(*path, key)]


def ball(text: Any) -> arb:
    """A written number as a ball: half a unit of its last digit for 30 digits, none for integers, ratios and zeros."""
    if not isinstance(text, str) or "/" in text or not Decimal(text):
        exact = Fraction(text) if not isinstance(text, str) or "/" in text else Fraction(0)
        return arb(fmpq(exact.numerator, exact.denominator))
    middle = Fraction(Decimal(text))
    unit = Fraction(10) ** Decimal(text).as_tuple().exponent
    half = unit / 2 if len(text.replace("-", "").replace(".", "").lstrip("0")) > 20 else Fraction(0)
    mid, rad = (arb(fmpq(v.numerator, v.denominator)) for v in (middle, half))
    return arb(mid, rad) if half else mid


def root(n: int) -> arb:
    return arb(2 * n + 1).sqrt()


def state(column: Any) -> list[arb]:
    """A column of coefficients in the orthonormal basis."""
    return [exactly(v) / root(n) for n, v in enumerate(column)]


def read(row: Any) -> list[arb]:
    """A row that reads coefficients, on the orthonormal state."""
    return [exactly(v) * root(n) for n, v in enumerate(row)]


def between(A: Any) -> list[list[arb]]:
    """A matrix between coefficients, in the orthonormal basis."""
    return [[exactly(A[i][j]) * root(j) / root(i) for j in range(N)] for i in range(N)]


def exactly(v: Any) -> arb:
    return v if isinstance(v, arb) else arb(number(v))


def exponential(m: Any) -> Any:
    return np.array(arb_mat([[exactly(v) for v in row] for row in m.tolist()]).exp().tolist(), dtype=object)


def rational(family: Any, route: str = "i") -> StateSpace:
    s = family.system(N, route)
    return StateSpace(objects(s.A), objects(s.B), objects(s.C), number(s.D))


def scheme(d: Discrete, B: str = "Bbar") -> dict[str, Any]:
    """A and the whole input B_now + B_next of a bilinear scheme."""
    return {"Abar": between(d.A), B: state(d.B_now + d.B_next)}


def schemes(family: Any) -> dict[str, Any]:
    s = rational(family)
    found: dict[str, Any] = {
        name: scheme(discretisation.gbt(s, H, alpha, "proper", solve))
        for name, alpha in (
            ("forward_euler", fmpq(0)),
            ("gbt_0.25", fmpq(1, 4)),
            ("bilinear", fmpq(1, 2)),
            ("backward_euler", fmpq(1)),
        )
    }
    zero, first = discretisation.zoh(s, H, "P", exponential), discretisation.foh(s, H, exponential)
    found["zoh"] = scheme(zero)
    found["foh"] = {
        "Abar": between(first.A),
        "F1_on_u_k": state(first.B_now + first.B_next),
        "F2_on_du": state(first.B_next),
    }
    return found


def readout(s: Any, C: str = "C", D: str = "D") -> dict[str, Any]:
    return {C: read(s.C), D: exactly(s.D)}


def of_legt() -> dict[str, Any]:
    s = legt.system(N)
    one = rational(legt)
    q = characteristic(s.A)
    poles = sorted((z for z, _ in q.numer().complex_roots()), key=lambda z: (float(z.real.mid()), float(z.imag.mid())))
    ends = objects(legt.ends(N)[0])
    single = {route: discretisation.single_input(rational(legt, route), H, fmpq(1, 2), solve) for route in ("i", "ii")}
    ahead = predictors.ahead(N, H)
    return {
        "A": between(s.A),
        "B": state(s.B),
        "g_right_end": read(legt.ends(N)[0]),
        **{f"route_{route}": readout(legt.system(N, route)) for route in legt.ROUTES},
        "charpoly_q_ascending": [exactly(c) for c in q.coeffs()],
        "charpoly_q_N4_integers": [exactly(c) for c in q.coeffs()],
        "poles": [[z.real, z.imag] for z in poles],
        "disc_h_0.01": schemes(legt),
        "zoh_discrete_route_i": readout(
            discretisation.matched(discretisation.zoh(one, H, "P", exponential), ends, H),
            "C_d=g(Abar-I)/h",
            "D_d=g Bbar/h",
        ),
        "bilinear_single_input_realisation": {
            f"route_{route}": readout(d, "Cbar", "Dbar") for route, d in single.items()
        },
        "residual_hold_predictor_bilinear": readout(predictors.residual_hold(one, ends, H, fmpq(1, 2), solve)),
        "window_extrapolator_h_0.01": {
            "plain_C": read([c + ahead.D for c in ahead.C]),
            "lti_corrected": readout(ahead),
            "exact_projection_corrected": readout(predictors.ahead(N, H, "exact")),
        },
        "next_state_euler_route_i": {"C=h C_i": read(one.C * H), "D=1+h D_i": exactly(1 + H * one.D)},
        **{f"derivative_order_{m}_lti": readout(predictors.derivative(N, m)) for m in (2, 3)},
    }


def one_step(name: str) -> tuple[Any, Any, Any]:
    """(Abar, B_now, B_next) of the scaled recursion's step from k = 10 to 11, by its linearity, coefficient basis."""

    def last(places: dict[int, int], samples: int) -> Any:
        u = objects(np.array([places.get(k, 0) for k in range(samples)]))
        return legs_recursion.states(N, u, name, solve, power)

    impulses = [{place: 1} for place in (5, 6, 7, 8)]
    before, after = (np.stack([last(p, samples) for p in impulses], axis=1) for samples in (11, 12))
    A = solve(before.T, after.T).T
    now = last({10: 1}, 12) - A @ last({10: 1}, 11)
    return A, now, last({11: 1}, 12) - A @ last({11: 1}, 11)


def of_legs() -> dict[str, Any]:
    s, repaired = legs.system(N), legs.matched(N)
    steps: dict[str, Any] = {}
    for name, ours, now, later in (
        ("exact_zoh", "zoh", "Bbar", ""),
        ("forward_euler_A_over_k", "forward", "Bbar", ""),
        ("backward_euler", "backward", "", "Bbar"),
        ("trapezoid", "trapezoid", "B_on_u_k", "B_on_u_k1"),
    ):
        A, B_now, B_next = one_step(ours)
        steps[name] = (
            {"Abar": between(A)} | ({now: state(B_now)} if now else {}) | ({later: state(B_next)} if later else {})
        )
    steps["exact_foh"] = {"on_du": state(one_step("foh")[2])}
    return {
        "A": between(s.A),
        "B": state(s.B),
        "routes_at_t=1_or_theta=1": {route: readout(legs.system(N, route)) for route in legt.ROUTES},
        "lti_moment_matched": {
            "c_over_r_rational": [exactly(c) for c in legs.taper(N)],
            "c": read(legs.taper(N)),
            **readout(repaired, "C=cA", "D=cB"),
        },
        "lti_disc_theta1_h_0.01": schemes(legs),
        "scaled_step_k10_to_k11": steps,
        "monomial_factor_rho_N(p)": {
            "N4_p0.5": missed(4, fmpq(1, 2)),
            "N8_p2.5": missed(8, fmpq(5, 2)),
            "N4_p4": missed(4, fmpq(4)),
        },
        "lti_naive_relative_error": {
            "N4_omega1_route_i: w/sqrt(w^2+N^2)": relative(4, 1),
            "N16_omega2_route_i": relative(16, 2),
            "N4_ramp_gain_route_ii": ramp(4),
        },
    }


def missed(size: int, p: fmpq) -> arb:
    """1 - the reconstructed value of t^p at t = 1."""
    s = legs.system(size)
    return exactly(1 - sum(solve(objects(np.eye(size, dtype=np.int64)) * p - objects(s.A), objects(s.B))))


def relative(size: int, w: int) -> arb:
    """|u' - y_i|/|u'| at theta omega = w."""
    s = legs.system(size)
    left = acb_mat([[acb(int(-s.A[i, j]), w if i == j else 0) for j in range(size)] for i in range(size)])
    x = left.solve(acb_mat([[int(b)] for b in s.B]))
    y = sum((int(c) * x[i, 0] for i, c in enumerate(s.C)), acb(int(s.D)))
    return abs(acb(0, w) - y) / w


def ramp(size: int) -> arb:
    """The gain of route (ii) on u = t: -C A^{-2} B."""
    s = legs.system(size, "ii")
    twice = solve(objects(s.A), solve(objects(s.A), objects(s.B)))
    return exactly(-(objects(s.C) @ twice))


def of_peano() -> dict[str, Any]:
    names = {"value": "value", "route_i": "i", "route_ii": "ii", "route_iii": "iii", "true_derivative": "true"}
    return {
        f"N{size}_K{K}": {name: peano.l1_norm(peano.functional(ours, K, size)) for name, ours in names.items()}
        | {"value_bound_CS": arb(peano.constant_squared(K, size)).sqrt()}
        for size in (4, 8, 16)
        for K in (2, 3, 4)
    }


@cache
def found() -> dict[str, Any]:
    with peano.precision(BITS):
        return {"legt": of_legt(), "legs": of_legs(), "peano_constants": of_peano()}


def paired(ours: Any, theirs: Any) -> Iterator[tuple[arb, arb]]:
    if isinstance(theirs, list):
        assert len(ours) == len(theirs)
        for a, b in zip(ours, theirs, strict=True):
            yield from paired(a, b)
    else:
        yield ours, ball(theirs)


@pytest.mark.parametrize("path", list(leaves(REFERENCE)), ids=" ".join)
def test_reference(path: tuple[str, ...]) -> None:
    ours, theirs = found(), REFERENCE
    for key in path:
        ours, theirs = ours[key], theirs[key]
    with peano.precision(BITS):
        for value, written in paired(ours, theirs):
            assert value.rad() < arb(10) ** -40 and written.overlaps(value), f"{value} against {written}"


def test_a_last_digit_is_seen() -> None:
    """One unit more in the thirtieth digit is another number."""
    with peano.precision(BITS):
        third, other = ball("0.333333333333333333333333333333"), ball("0.333333333333333333333333333334")
        assert third.overlaps(arb(1) / 3) and not other.overlaps(arb(1) / 3)
        assert not ball("0.0").overlaps(arb(10) ** -60)


def test_the_integers_are_the_polynomial() -> None:
    assert characteristic(legt.system(N).A) == fmpq_poly(REFERENCE["legt"]["charpoly_q_N4_integers"])
    assert matrix(legt.system(N).A).det() == 840
