r"""Looking ahead, higher derivatives, and the flattest readout.

From LegT's state the readouts $y = \sum_n (c_n - D) a_n + D u$ with $c_n = P_n(1 + 2h/\theta)$ give $u(t + h)$, and
with $c_n = \left(\tfrac{2}{\theta}\right)^m \frac{(n+m)!}{2^m m! (n-m)!}$ the $m$-th derivative, exactly on polynomials
of degree at most $N$, if $D$ is the same functional of $\frac{1}{2}(P_N + P_{N-1})$ for states of the closed equation,
and of $P_N$ for exact projections. In general, for controllable $(A, B)$ the readout $C = c A$, $D = c B$ with
$c = -e_N^\top [B, AB, \ldots]^{-1} A^N$ is the only one with $u' - y = s^{N+1}/\det(sI - A)\, u$; it is route (i) for
LegT, the matched readout for LegS as a time-invariant system, and the fully corrected one ($J = M$) for FouT.

Why.
The residual $u - \hat u$ vanishes on degree below $N$; on degree $N$ it is that of one polynomial, which fixes $D$:
$P_N$ for the exact projection, $\frac{1}{2}(P_N + P_{N-1})$ for the closed equation. Ackermann's formula places all
poles of $A + B c$ at zero, so $\det(sI - A - Bc) = s^N$. It is the only one as $(C, D) \mapsto$ numerator has full
rank.

Assumes.
- steady state
- the $N$ and $m \le 4$ listed, every $h$; FouT with a rational number in place of $2\pi$

Source.
derived here; Ackermann 1972 for the pole placement
"""

# Over 120 lines: closed and exact states, readouts ahead and of any derivative, and as many wrong ones.

from collections.abc import Callable, Iterable, Iterator
from fractions import Fraction
from math import factorial

import numpy as np
from flint import fmpq, fmpq_mat

from constructions import fout, legs, legt, predictors
from constructions.state_space import StateSpace
from numeric.analysis.rational_matrices import (
    characteristic,
    identity,
    matrix,
    moments,
    monomial,
    number,
    row,
    transfer,
)
from proofs.forms import Draw, Same, at_points, claim
from proofs.hippo.legt_exactness import projected

Look = Callable[[int, fmpq, str], StateSpace]
Systems = Iterable[tuple[str, StateSpace]]
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


def freedom(s: StateSpace) -> int:
    """The rank of (C, D) -> the numerator of C (sI - A)^{-1} B + D: N + 1 where no two readouts have one response."""
    N = s.order
    numerators = [transfer(s.A, s.B, [int(i == j) for j in range(N)], 0)[0] for i in range(N)]
    numerators.append(characteristic(s.A))
    return int(fmpq_mat(N + 1, N + 1, [p[j] for p in numerators for j in range(N + 1)]).rank())


def families(N: int) -> Iterator[tuple[str, StateSpace]]:
    """The systems with the readouts that are claimed to be the flattest."""
    yield "LegT", legt.system(N, "i")
    yield "LegS", legs.matched(N)
    if N % 2:
        M, omega = N // 2, Fraction(3, 2)
        yield "FouT", fout.corrected(M, omega, M) if M else fout.system(0, omega)


@at_points(lambda N: N, range(1, 10), range(1, 21))
def exact(
    N: int,
    draw: Draw,
    look: Look = predictors.ahead,
    slope: Slope = predictors.derivative,
    flat: Callable[[int], Systems] = families,
) -> Iterator[Same]:
    """Taylor coefficients up to degree N, polynomials in h of that degree, at a drawn h, for closed and for exact states;
    and the flattest readouts of three families, which no other readout shares its response with."""
    h = draw("h", N)
    for state, errors in (("closed", closed_errors), ("exact", exact_errors)):
        want = [h**j / factorial(j) for j in range(N + 1)]
        yield Same(f"looking ahead, {state} states", errors(look(N, h, state), N + 1), want, {"h": h})
        for m in range(1, min(N, 4) + 1):
            want = [fmpq(int(j == m)) for j in range(N + 1)]
            yield Same(f"derivative of order {m}, {state} states", errors(slope(N, m, state), N + 1), want)
    one, three = legt.system(N, "i"), legt.system(N, "iii")
    yield Same("first derivative, closed: route i", slope(N, 1, "closed").C, list(one.C))
    yield Same("first derivative, exact: route iii", slope(N, 1, "exact").C, list(three.C))
    for name, s in flat(N):
        yield Same(f"no other readout has its response, {name}", freedom(s), s.order + 1)
        C, D = flattest(s)
        yield Same(f"the flattest readout, {name}", C, row(s.C))
        yield Same(f"its gain, {name}", D, number(s.D))
        numerator, q = transfer(s.A, s.B, s.C, s.D)
        yield Same(f"its error, {name}", monomial(1) * q - numerator, monomial(s.order + 1))


def _other(N: int, h: fmpq, state: str) -> StateSpace:
    return predictors.ahead(N, h, "exact" if state == "closed" else "closed")


def _no_residual(N: int, h: fmpq, state: str) -> StateSpace:
    s = predictors.ahead(N, h, state)
    return StateSpace(s.A, s.B, s.C + s.D, 0)


def _tied(N: int, h: fmpq, state: str) -> StateSpace:
    s = predictors.ahead(N, h, state)
    return StateSpace(s.A, s.B, s.C, s.D + 1000 * (7 * h - 1))


def _unreached(N: int) -> StateSpace:
    s = legt.system(N)
    A = np.zeros((N + 1, N + 1), dtype=np.int64)
    A[:N, :N], A[N, N] = s.A, -1
    return StateSpace(A, np.append(s.B, 0), np.append(s.C, 0), s.D)


def _other_slope(N: int, m: int, state: str) -> StateSpace:
    return predictors.derivative(N, m, "closed")


CLAIM = claim(
    __name__,
    exact.checks(),
    exact.mutant("other_gain", "the gains of closed and exact states exchanged", look=_other),
    exact.mutant("no_residual", "extrapolation without the residual is exact to degree N", look=_no_residual),
    exact.mutant("tied_gain", "a gain that is right at h = 1/7 alone", look=_tied),
    exact.mutant("one_gain", "derivatives with the closed gain for exact states too", slope=_other_slope),
    exact.mutant("naive_legs", "LegS's naive readout is the flattest one", flat=lambda N: [("LegS", legs.system(N))]),
    exact.mutant(
        "unreached",
        "only one even where the input does not reach a state, as in the published Fourier matrices",
        flat=lambda N: [("LegT and one more state", _unreached(N))],
    ),
)
