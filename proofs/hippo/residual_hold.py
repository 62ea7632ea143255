r"""Holding the residual predicts the next sample without the step's error.

Let $\bar A$, $\bar B$ be a generalised bilinear scheme for LegT. The prediction $\hat u_{k+1}$ that keeps the residual
$u - g^\top x$ over one step,

$$ \hat u_{k+1} = \frac{u_k - g^\top x_k + g^\top \bar A x_k + (1-\alpha) g^\top \bar B u_k}{1 - \alpha g^\top \bar B}, $$

has in steady state on $u_k = z^k$ exactly the error

$$ u_{k+1} - \hat u_{k+1} = \frac{z - 1}{1 - \alpha g^\top \bar B} \cdot \frac{\sigma^N}{q_N(\sigma)} u_k, \qquad
   \sigma = \frac{z-1}{h(1 + \alpha(z-1))}, $$

with $1 - \alpha g^\top \bar B = \left. s^N/q_N(s)\right|_{s = 1/(\alpha h)} \in (0, 1]$. So Euler's error and the
scheme's are both gone for every $\alpha$, and the prediction is exact on polynomial sequences of degree at most $N$;
$\alpha = 0$ is forward Euler with route (i).

Why.
The residual is $E u$ with $E = \sigma^N/q_N(\sigma)$ (hippo.legt_transfer under the scheme's substitution). The true
next residual is $E z$, the held one $E$; the difference divided by $1 - \alpha g^\top \bar B$ is the error.

Assumes.
- steady state
- exact rung: the $N$ listed, every $z$, $h$ and $\alpha$

Source.
derived here
"""

# Over 120 lines: the formula and the run on sequences in rationals, and equations for all N.

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import sympy as sp
from flint import fmpq

from constructions import legt
from constructions.discretisation import Discrete, gbt
from constructions.predictors import residual_hold
from constructions.state_space import StateSpace
from numeric.analysis.rational_matrices import matrix, objects, solve
from numeric.words.telescoping import Equation, Step
from proofs.forms import Draw, Same, at_points, claim, derived, joint, together
from proofs.hippo import _scalar
from proofs.hippo.legt_pade import denominator
from proofs.hippo.one_step_error import response, schemes, tied

Predictor = Callable[[StateSpace, Any, fmpq, fmpq], Discrete]


def held(system: StateSpace, end: Any, h: fmpq, alpha: fmpq) -> Discrete:
    """The construction on exact numbers."""
    return residual_hold(system, end, h, alpha, solve)


def driven(N: int) -> StateSpace:
    """LegT's A and B on exact numbers; the prediction brings its own readout."""
    s = legt.system(N)
    return StateSpace(objects(s.A), objects(s.B), objects(np.zeros(N, dtype=np.int64)), fmpq(0))


def gain(N: int, h: fmpq, alpha: fmpq) -> fmpq:
    """1 - alpha g.B = s^N/q_N(s) at s = 1/(alpha h), and 1 for alpha = 0."""
    if not alpha:
        return fmpq(1)
    s = 1 / (alpha * h)
    return s**N / denominator(N)(s)


@at_points(lambda N: 8 * N + 2, range(1, 7), range(1, 13))
def exact(N: int, draw: Draw, predict: Predictor = held, power: Callable[[int], int] = lambda N: N) -> Iterator[Same]:
    """z - H_p(z) against the formula at drawn z, h and alpha: quotients of degrees 5N + 2, 5N and 3N + 1, 3N, where the
    divisor adds 2N to hippo.one_step_error's 3N."""
    q = denominator(N)
    z, h = draw("z", N), draw("h", N)
    s, end = driven(N), objects(legt.ends(N)[0])
    # so s^N/q_N(s) lies in (0, 1) for every s > 0
    yield Same("q_N is monic with positive coefficients", [q[N], *(c for c in q.coeffs() if not c > 0)], [fmpq(1)])
    for name, alpha in schemes(draw, N).items():
        at = {"z": z, "h": h, "alpha": alpha}
        d = predict(s, end, h, alpha)
        sigma = (z - 1) / (h * (1 + alpha * (z - 1)))
        want = (z - 1) * sigma ** power(N) / q(sigma) / gain(N, h, alpha)
        yield Same(name, z - response(d, z), want, at)
        whole = 1 - alpha * (end @ gbt(s, h, alpha, "P", solve).B_now)
        yield Same(f"{name}: the divisor", whole, gain(N, h, alpha), at)


@at_points(lambda N: 16 * N + 16, range(1, 6), range(1, 10))
def sequences(
    N: int, draw: Draw, predict: Predictor = held, degree: Callable[[int], int] = lambda N: N
) -> Iterator[Same]:
    """The prediction run in rationals on u_k = (kh)^p from the steady state, at drawn h and alpha: the next sample for
    p <= N.

    The steady state of x' = A x + B v under a scheme is sum_j -A^{-1-j} B times the j-th difference quotient of its
    mixture; it is found here by solving for the polynomial state that the recurrence itself maps to the next. Up to
    p + 1 <= N + 1 solves of degree 2, three steps of degree 2N, h^p and the divisor's 2N make the degree.
    """
    h = draw("h", N)
    s, end = driven(N), objects(legt.ends(N)[0])
    for name, alpha in schemes(draw, N).items():
        d = predict(s, end, h, alpha)
        for p in range(degree(N) + 1):
            u = [(k * h) ** p for k in range(p + 6)]
            now = polynomial_state(d, u, p)
            for k in range(3):
                predicted = d.C @ now + d.D * u[k]
                yield Same(f"{name}, run on polynomials", predicted, u[k + 1], {"p": p, "k": k, "h": h, "alpha": alpha})
                now = d.A @ now + d.B_now * u[k] + d.B_next * u[k + 1]


def polynomial_state(d: Discrete, u: list[fmpq], p: int) -> np.ndarray:
    """x_0 with x_{k+1} = A x_k + B_now u_k + B_next u_{k+1} polynomial in k: x = sum_j (Delta - (A - I))^{-1} applied to
    the differences, (A - I)^{-1} taken j + 1 times."""
    N = len(d.A)
    shifted = matrix(d.A - np.eye(N, dtype=np.int64))
    drive = [d.B_now * u[k] + d.B_next * u[k + 1] for k in range(p + 2)]
    total = np.array([fmpq(0)] * N, dtype=object)
    for j in range(p + 1):
        column = matrix(drive[0])
        for _ in range(j + 1):
            column = shifted.solve(column)
        total = total - np.array(column.entries(), dtype=object)
        drive = [b - a for a, b in zip(drive, drive[1:], strict=False)]
    return total


@derived(
    part="one eigenvalue at a time, the rest by hippo.legt_transfer; neither sequences nor the range of the divisor"
)
def steps(mixed: Callable[[sp.Expr, sp.Expr], sp.Expr] = lambda alpha, p: alpha * p) -> Iterator[Step]:
    """The error from the two balances; E is the residual's transfer function, b = g.B of the scheme, G = g.A x."""
    z, alpha, b, G, E = sp.symbols("z alpha b G E")
    a, h, g = sp.symbols("a h g")
    one = _scalar.system(a, b, sp.Integer(1), sp.Integer(0))
    made = residual_hold(one, np.array([g], dtype=object), h, alpha, _scalar.solve)
    M, B = (1 + (1 - alpha) * h * a) / (1 - alpha * h * a), h * b / (1 - alpha * h * a)
    for name, found, wanted in (
        ("state's share", made.C[0], g * M - g),
        ("sample's share", made.D, 1 + (1 - alpha) * g * B),
    ):
        yield Equation(
            f"the construction's prediction, {name}",
            found * (1 - alpha * g * B),
            wanted,
            "one eigenvalue; $g \\bar A$ and $g \\bar B$ are the scheme's",
        )
    yield Equation("its states", made.A[0, 0] - M, sp.Integer(0), "the scheme's own")
    yield Equation("its input", made.B_now[0] + z * made.B_next[0], (1 - alpha + alpha * z) * B, "the scheme's mixture")
    p = (1 - (1 - E) + G + (1 - alpha) * b) / (1 - alpha * b)
    yield Equation(
        "the prediction holds the residual",
        p - G - b * ((1 - alpha) + mixed(alpha, p)),
        E,
        "$g x_k = (1 - E) u_k$ in steady state; solved for $p$",
    )
    later = z - E * z  # g.x_{k+1}
    true = G + b * ((1 - alpha) + alpha * z)
    yield Equation(
        "the error",
        ((z - p) * (1 - alpha * b)).subs(G, sp.solve(sp.Eq(true, later), G)[0]),
        (z - 1) * E,
        "the true step has the residual $E z$; the difference is $(1 - \\alpha b)(z - p) = (z - 1) E$",
    )


def _without_division(system: StateSpace, end: Any, h: fmpq, alpha: fmpq) -> Discrete:
    """The mixture's second sample replaced by the first: no division by 1 - alpha g.B."""
    d = held(system, end, h, alpha)
    below = gain(len(end), h, alpha)
    return Discrete(d.A, d.B_now, d.B_next, d.C * below, d.D * below + (1 - below))


CLAIM = claim(
    __name__,
    together(exact.checks(), sequences.checks(), steps.checks()),
    joint("no_division", "without the division by 1 - alpha g B", exact, sequences, predict=_without_division),
    exact.mutant(
        "tied_gain", "a gain that is right at h = 1/7 alone", predict=lambda s, end, h, a: tied(held(s, end, h, a), h)
    ),
    sequences.mutant("degree", "exact on sequences of degree N + 1", degree=lambda N: N + 1),
    exact.mutant("power", "the error with sigma^(N+1)", power=lambda N: N + 1),
    steps.mutant("old_sample", "the scheme's second sample replaced by the first", mixed=lambda alpha, p: alpha),
)
