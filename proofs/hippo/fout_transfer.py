r"""FouT's readouts, exactly.

Let $S$ be the transfer function of FouT's value at lag zero, $N = 2M+1$, $w_m = 2\pi m/\theta$, $q = \det(sI-A)$. Then
$1 - S = \frac{1}{1+R} = \frac{1}{q} s \prod_{m \le M} (s^2 + w_m^2)$ with
$R = \frac{2}{\theta} \left[\frac{1}{s} + \sum_{m \le M} \frac{2s}{s^2+w_m^2}\right]$, and in steady state

$$ u' - y_i = s (1 - S) u, \qquad u' - y_{ii} = \left(s + \tfrac{2N}{\theta}\right) (1 - S) u . $$

Both are exact on constants and on harmonics $m \le M$ of period $\theta$. As $M \to \infty$,
$1 - S \to \frac{1}{2}(1 - e^{-\theta s})$: route (i) has the bias $\frac{1}{2}(u'(t) - u'(t-\theta))$, which does not
vanish, and route (ii) diverges like $N$.

Why.
One harmonic is a resonator; the closure is the feedback $S = R(1 - S)$.

Assumes.
- steady state
- exact rung: the $M$ listed

Source.
arXiv 2008.07669 (FouT matrices); transfer functions derived here

Departs.
- exact arithmetic treats $2\pi$ as an unknown: the identity holds for every value in its place
"""

# Over 120 lines: an equation for each step from one harmonic to the closed loop.

from collections.abc import Callable, Iterator

import sympy as sp
from flint import fmpq, fmpq_poly

from constructions import fout
from constructions.state_space import StateSpace
from numeric.analysis.rational_matrices import monomial, transfer
from numeric.words.telescoping import Equation, Step
from proofs.forms import Draw, Same, at_points, claim, derived


def resonators(M: int, omega: fmpq, last: int = 0) -> fmpq_poly:
    """prod_{m=last+1}^{M} (s^2 + (m omega)^2)."""
    value = fmpq_poly([1])
    for m in range(last + 1, M + 1):
        value *= fmpq_poly([(m * omega) ** 2, 0, 1])
    return value


@at_points(
    lambda M: 2 * M + 2,
    range(6),
    range(11),
    size="M",
    part="the transfer functions; their limits are hippo.fout_limit's",
)
def exact(M: int, draw: Draw, route: Callable[..., StateSpace] = fout.system) -> Iterator[Same]:
    """Numerators over q = det(sI - A), polynomials in s with coefficients of degree at most 2M + 2 in a drawn omega."""
    omega = draw("omega", M)
    s = route(M, omega)
    value, q = transfer(s.A, s.B, fout.end(M), 0)
    free = monomial(1) * resonators(M, omega)
    at = {"omega": omega}
    yield Same("value error: (1 - S) q = s prod (s^2 + w_m^2)", q - value, free, at)
    numerator, _ = transfer(s.A, s.B, s.C, s.D)
    yield Same("route i: s (1 - S)", monomial(1) * q - numerator, monomial(1) * free, at)
    r = route(M, omega, "ii")
    numerator, _ = transfer(r.A, r.B, r.C, r.D)
    want = fmpq_poly([2 * (2 * M + 1), 1]) * free
    yield Same("route ii: (s + 2N)(1 - S)", monomial(1) * q - numerator, want, at)


@derived(part="one harmonic of the system and the closed loop; not the determinant, nor the limit of many harmonics")
def steps(factor: int = 2) -> Iterator[Step]:
    """For all M: one resonator's part of R, the closure, and the difference of the routes."""
    s, w, R, S, N, u = sp.symbols("s w R S N u")
    turn = fout.rotation(1, w)
    made, e, r2 = fout.system(1, w), fout.end(1), fout.norms(1)
    change = e @ turn  # the derivative of the value at lag zero under the shift alone
    yield Equation("gain of route i", sp.sympify(made.D), sp.Integer(sum(factor * r2 * e)), "the sum of the inputs")
    for k in range(3):
        yield Equation(
            f"readout of state {k}",
            sp.sympify(made.C[k]),
            sp.sympify(change[k] - 6 * e[k]),
            "$y_i$ is the derivative of $S u$: the shift, and the closure's $-2N = -6$ times $S$",
        )
    for n in range(3):
        yield Equation(
            f"input of state {n}", sp.sympify(made.B[n]), sp.Integer(factor * r2[n] * e[n]), "the closure's share"
        )
        for k in range(3):
            yield Equation(
                f"entry ({n}, {k}) of $A$",
                sp.sympify(made.A[n, k]),
                sp.sympify(turn[n, k] - factor * int(r2[n] * e[n] * e[k])),
                "the shift and the closure's feedback, one harmonic",
            )
    yield Equation(
        "shift of a cosine",
        sp.diff(sp.cos(w * u), u) / sp.sin(w * u),
        turn[1, 2],
        "with the lag as variable $\\int u(t-\\tau) \\phi'(\\tau) d\\tau$ remains, and $\\cos' = -w \\sin$",
    )
    yield Equation("shift of a sine", sp.diff(sp.sin(w * u), u) / sp.cos(w * u), turn[2, 1], "$\\sin' = w \\cos$")
    yield Equation(
        "the closure",
        u - (2 * S - u),
        factor * (u - S),
        "$\\phi(0) u(t) - \\phi(\\theta) u(t-\\theta)$ with the midpoint rule",
    )
    yield Equation(
        "one harmonic",
        sp.Integer(factor)
        * sp.Matrix([[1, 0]]).dot((s * sp.eye(2) - sp.Matrix([[0, -w], [w, 0]])).inv() * sp.Matrix([2, 0])),
        4 * s / (s**2 + w**2),
        "cosine and sine turn into each other; $r^2 = 2$ for both, input factor 2",
    )
    yield Equation("the constant", sp.Integer(factor) / s, 2 / s, "the mean")
    yield Equation(
        "the closed loop",
        R * (1 - S).subs(S, R / (1 + R)),
        R / (1 + R),
        "$S = R (1 - S)$ is solved by $S = R/(1+R)$, so $1 - S = 1/(1+R)$",
    )
    yield Equation("routes", s * (1 - S) + 2 * N * (1 - S), (s + 2 * N) * (1 - S), "$y_i = y_{ii} + 2N (u - S)$")


def _naive(M: int, omega: fmpq, route: str = "i") -> StateSpace:
    """The closure u(t - theta) = S in place of 2S - u: half the feedback and half the input."""
    s = fout.system(M, omega, route)
    W = fout.rotation(M, omega)
    return StateSpace(W + (s.A - W) / fmpq(2), s.B, s.C, s.D)


CLAIM = claim(
    __name__,
    exact.checks() | steps.checks(),
    exact.mutant("value_is_input", "S read as u(t) in the closure (naive closure u(t - theta) = S)", route=_naive),
    steps.mutant("input_factor", "input factor 1 in place of 2", factor=1),
)
