"""Looking ahead by any step, and derivatives of any order, exact to degree N; and the general principle behind them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from fractions import Fraction
from math import factorial

from flint import fmpq, fmpq_mat

from constructions import fout, legs, legt, predictors
from constructions.state_space import StateSpace
from numeric.rational_matrices import identity, matrix, moments, monomial, number, row, transfer
from proofs.claim import Check, Claim, Kind, Mutant
from proofs.evidence import Rung
from proofs.hippo._checks import Same, exactly
from proofs.hippo.legt_exactness import projected

STEPS = (Fraction(1, 7), Fraction(1), Fraction(-1, 3))
Look = Callable[[int, Fraction, str], StateSpace]
Slope = Callable[[int, int, str], StateSpace]


def closed_errors(s: StateSpace, count: int) -> list[fmpq]:
    """Taylor coefficients of the transfer function: what the readout makes of t^j/j! at t = 0, closed states."""
    return moments(s.A, s.B, s.C, s.D, count)


def exact_errors(s: StateSpace, count: int) -> list[fmpq]:
    """The same with states that are exact projections."""
    found, scale = [], 1
    for p in range(count):
        scale *= max(p, 1)
        a = projected(s.order, p)
        y = sum((number(c) * x for c, x in zip(s.C, a, strict=True)), fmpq(0)) + (number(s.D) if p == 0 else 0)
        found.append(y / scale)
    return found


def flattest(system: StateSpace) -> tuple[fmpq_mat, fmpq]:
    """(c A, c B) with c = -e_N^T K^{-1} A^N, K = [B, AB, ...]: Ackermann's formula puts all poles of A + B c at 0."""
    A, B = matrix(system.A), matrix(system.B)
    N = system.order
    columns, power = [B], identity(N)
    for _ in range(N - 1):
        columns.append(A * columns[-1])
    for _ in range(N):
        power = A * power
    K = fmpq_mat(N, N, [columns[j][i, 0] for i in range(N) for j in range(N)])
    last = fmpq_mat(1, N, [0] * (N - 1) + [1])
    c = last * K.inv() * power * fmpq(-1)
    return c * A, (c * B)[0, 0]


def exact(look: Look = predictors.ahead, slope: Slope = predictors.derivative, naive_legs: bool = False) -> Check:
    """Taylor coefficients up to degree N, for closed and for exact states; and the flattest readouts of three
    families."""

    def compare(N: int) -> Iterator[Same]:
        for state, errors in (("closed", closed_errors), ("exact", exact_errors)):
            for h in STEPS:
                want = [number(h**j) / factorial(j) for j in range(N + 1)]
                yield Same(f"looking ahead, {state} states", errors(look(N, h, state), N + 1), want, {"h": h})
            for m in range(1, min(N, 4) + 1):
                want = [fmpq(int(j == m)) for j in range(N + 1)]
                yield Same(f"derivative of order {m}, {state} states", errors(slope(N, m, state), N + 1), want)
        one, three = legt.system(N, "i"), legt.system(N, "iii")
        yield Same("first derivative, closed: route i", slope(N, 1, "closed").C, list(one.C))
        yield Same("first derivative, exact: route iii", slope(N, 1, "exact").C, list(three.C))
        families = [("LegT", one), ("LegS", legs.system(N) if naive_legs else legs.matched(N))]
        if N % 2:
            M, omega = N // 2, Fraction(3, 2)
            families.append(("FouT", fout.corrected(M, omega, M) if M else fout.system(0, omega)))
        for name, s in families:
            C, D = flattest(s)
            yield Same(f"the flattest readout, {name}", C, row(s.C))
            yield Same(f"its gain, {name}", D, number(s.D))
            numerator, q = transfer(s.A, s.B, s.C, s.D)
            yield Same(f"its error, {name}", monomial(1) * q - numerator, monomial(N + 1))

    return exactly(compare, range(1, 10), range(1, 21))


def _other(N: int, h: Fraction, state: str) -> StateSpace:
    return predictors.ahead(N, h, "exact" if state == "closed" else "closed")


def _no_residual(N: int, h: Fraction, state: str) -> StateSpace:
    s = predictors.ahead(N, h, state)
    return StateSpace(s.A, s.B, s.C + s.D, 0)


def _other_slope(N: int, m: int, state: str) -> StateSpace:
    return predictors.derivative(N, m, "closed")


CLAIM = Claim(
    __name__,
    title="Looking ahead, higher derivatives, and the flattest readout",
    kind=Kind.IDENTITY,
    statement=r"""From LegT's state the readouts $y = \sum_n (c_n - D) a_n + D u$ with $c_n = P_n(1 + 2h/\theta)$ give
$u(t + h)$, and with $c_n = \left(\tfrac{2}{\theta}\right)^m \frac{(n+m)!}{2^m m! (n-m)!}$ the $m$-th derivative,
exactly on polynomials of degree at most $N$, if $D$ is the same functional of $\frac{1}{2}(P_N + P_{N-1})$ for states
of the closed equation, and of $P_N$ for exact projections. In general, for controllable $(A, B)$ the readout $C = c
A$, $D = c B$ with $c = -e_N^\top [B, AB, \ldots]^{-1} A^N$ is the only one with $u' - y = s^{N+1}/\det(sI - A)\, u$;
it is route (i) for LegT, the matched readout for LegS as a time-invariant system, and the fully corrected one ($J =
M$) for FouT.""",
    derivation=r"""The residual $u - \hat u$ vanishes on degree below $N$; on degree $N$ it is that of one polynomial,
which fixes $D$: $P_N$ for the exact projection, $\frac{1}{2}(P_N + P_{N-1})$ for the closed equation. Ackermann's
formula places all poles of $A + B c$ at zero, so $\det(sI - A - Bc) = s^N$.""",
    assumptions=("steady state", r"the $N$, $h$, $m \le 4$ listed; FouT with a rational number in place of $2\pi$"),
    source="derived here; Ackermann 1972 for the pole placement",
    checks={Rung.EXACT: exact()},
    mutants=(
        Mutant("other_gain", "the gains of closed and exact states exchanged", {Rung.EXACT: exact(_other)}),
        Mutant(
            "no_residual", "extrapolation without the residual is exact to degree N", {Rung.EXACT: exact(_no_residual)}
        ),
        Mutant(
            "one_gain", "derivatives with the closed gain for exact states too", {Rung.EXACT: exact(slope=_other_slope)}
        ),
        Mutant("naive_legs", "LegS's naive readout is the flattest one", {Rung.EXACT: exact(naive_legs=True)}),
    ),
)
