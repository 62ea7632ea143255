"""Expansions in the step h of the sampled LegT equation, for every scheme, convention of holding and route.

Main definitions: `quotient` (a scheme as a function of hA), `expansion`, `leading`.
"""

from __future__ import annotations

from math import factorial

from flint import fmpq, fmpq_mat, fmpq_series

from constructions import legt
from constructions.state_space import StateSpace
from numeric.analysis.rational_matrices import identity, matrix, number, row

TERMS = 6


ALPHA = {"FE": fmpq(0), "Tustin": fmpq(1, 2), "BE": fmpq(1), "ZOH": fmpq(0)}


def share(method: str, convention: str) -> fmpq:
    """The weight of the sample after the step."""
    return {"P": fmpq(0), "S4": fmpq(1), "proper": ALPHA[method]}[convention]


def quotient(method: str) -> tuple[list[fmpq], list[fmpq], list[fmpq]]:
    """Coefficients of l, f, b in X = hA: the step matrix is f/l, the input h b/l B; the exponential's are cut off."""
    if method == "ZOH":
        return (
            [fmpq(1)],
            [fmpq(1, factorial(j)) for j in range(TERMS)],
            [fmpq(1, factorial(j + 1)) for j in range(TERMS - 1)],
        )
    return [fmpq(1), -ALPHA[method]], [fmpq(1), 1 - ALPHA[method]], [fmpq(1)]


def polynomial(coefficients: list[fmpq], X: fmpq_mat) -> fmpq_mat:
    """sum_j c_j X^j."""
    total, power = X * 0, identity(X.nrows())
    for c in coefficients:
        total, power = total + power * c, X * power
    return total


def series(method: str) -> tuple[fmpq_series, fmpq_series]:
    """(f/l, b/l) as Taylor series in hA."""
    below, f, b = (fmpq_series(part, prec=TERMS) for part in quotient(method))
    return f / below, b / below


def expansion(s: StateSpace, method: str, convention: str, orders: int = 3) -> list[list[fmpq]]:
    """m[j][i]: the sampled transfer function is sum_j s^j sum_i m[j][i] h^i, for j < 3 and i < orders.

    With w = sh: C (e^w - f)^{-1} h b c(e^w) B, expanded in w; each coefficient is a Laurent series in hA, so that a
    term h^i C A^{i-j-1} B remains. c = 1 (P), z (S4) or the scheme's mixture.
    """
    f, b = series(method)
    later = fmpq_series([share(method, convention)])
    shifted = fmpq_series([-f[j + 1] for j in range(TERMS - 1)], prec=TERMS - 1)  # 1 - f = X * shifted
    inverse = 1 / shifted
    X = fmpq_series([0, 1], prec=TERMS - 1)
    # X^{j+1} times the coefficient of w^j of 1/(e^w - f)
    phi = [inverse, -inverse * inverse, inverse**3 - inverse**2 * X / 2]
    mixed = [phi[0], phi[1] + X * phi[0] * later, phi[2] + X * phi[1] * later + X * X * phi[0] * later / 2]
    A, B, C = matrix(s.A), matrix(s.B), row(s.C)
    powers = {}
    state = B
    for power in range(-1, -4, -1):
        state = A.solve(state)
        powers[power] = (C * state)[0, 0]
    state = B
    for power in range(orders):
        powers[power] = (C * state)[0, 0]
        state = A * state
    out = []
    for j in range(3):
        full = mixed[j] * b
        out.append([full[i] * powers[i - j - 1] for i in range(orders)])
    out[0][0] += number(s.D)
    return out


def leading(N: int, method: str, convention: str, route: str) -> tuple[list[fmpq], fmpq, fmpq]:
    """([must vanish], a N^2, b) for LegT with N states at theta = 1."""
    if route == "matched":
        plain = legt.system(N, "ii")
        m = expansion(StateSpace(plain.A, plain.B, legt.ends(N)[0], 0), method, convention)
        # y = (z - 1)/h times the value: s (1 + sh/2 + ...) times it
        one = m[0]
        two = [m[1][0], m[1][1] + m[0][0] / 2]
        return [fmpq(0), 1 - one[0], two[0]], -one[1], fmpq(1, 2) - two[1]
    m = expansion(legt.system(N, route), method, convention)
    return [m[0][0], 1 - m[1][0], m[2][0]], -m[1][1], fmpq(1, 2) - m[2][1]
