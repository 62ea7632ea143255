r"""The one-step prediction error, exactly.

Discretise LegT by the generalised bilinear transform with its own mixture of samples. In steady state on $u_k = z^k$
the prediction $u_k + h y_k$ of $u_{k+1}$ has the error (times $u_k$), for the gain $D$,

$$ P = \left[z - 1 - h\sigma\right] + h \left(\sigma + \tfrac{N^2}{\theta} - D\right) \frac{\sigma^N}{q_N(\sigma)}, \qquad
   \sigma = \frac{z - 1}{h (1 + \alpha (z - 1))}. $$

With $z = e^{sh}$ the bracket is $\alpha h^2 s^2 + O(h^3)$. For forward Euler it vanishes: Euler's error and the error
of the discretisation cancel, and with route (i) the prediction is exact on polynomial sequences of degree at most $N$.

Why.
The scheme is the substitution $s \to \sigma$ in the continuous transfer function, whose error is hippo.legt_transfer's.

Assumes.
- steady state
- exact rung: the $N$ listed, every $z$, $h$ and $\alpha$
- the proper convention of the hold (P for forward Euler, S4 for backward Euler)

Source.
derived here
"""

# Over 120 lines: the formula and the run on sequences in rationals, and equations for all N.

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import sympy as sp
from flint import fmpq

from constructions import legt
from constructions.discretisation import Discrete, gbt
from constructions.state_space import StateSpace
from numeric.analysis.rational_matrices import characteristic, identity, matrix, number, objects, row, solve
from numeric.words.telescoping import Equation, Step
from proofs.forms import Draw, Mutant, Same, at_points, claim, derived, together
from proofs.hippo import _scalar

Scheme = Callable[[StateSpace, Any, Any], Discrete]


def schemes(draw: Draw, N: int) -> dict[str, fmpq]:
    """alpha of the three schemes with a name, and a drawn one for all others."""
    return {"forward Euler": fmpq(0), "Tustin": fmpq(1, 2), "backward Euler": fmpq(1), "drawn alpha": draw("alpha", N)}


def proper(system: StateSpace, h: fmpq, alpha: fmpq) -> Discrete:
    """The construction's scheme on exact numbers."""
    return gbt(system, h, alpha, "proper", solve)


def tied(discrete: Discrete, h: Any) -> Discrete:
    """For mutants: a gain that is right at h = 1/7 alone."""
    return replace(discrete, D=discrete.D + 1000 * (7 * h - 1))


def exact_system(N: int, route: str = "i") -> StateSpace:
    """LegT on fmpq objects."""
    s = legt.system(N, route)
    return StateSpace(objects(s.A), objects(s.B), objects(s.C), number(s.D))


def response(d: Discrete, z: fmpq) -> fmpq:
    """C (z - A)^{-1} (B_now + z B_next) + D."""
    x = (z * identity(len(d.A)) - matrix(d.A)).solve(matrix(d.B_now + z * d.B_next))
    value: fmpq = (row(d.C) * x)[0, 0] + number(d.D)
    return value


@at_points(lambda N: 6 * N + 6, range(1, 7), range(1, 13))
def exact(N: int, draw: Draw, scheme: Scheme = proper, gain: Callable[[int], int] | None = None) -> Iterator[Same]:
    """z - 1 - h H_d(z) against the formula at drawn z, h and alpha.

    The determinant of z (1 - alpha h A) - (1 + (1 - alpha) h A) has degree 3N in the three, so the left side is a quotient
    of degrees 3N + 1 and 3N; the right side is one of degrees 3N + 6 and 3N + 5.
    """
    q = characteristic(legt.system(N).A)
    z, h = draw("z", N), draw("h", N)
    for route in legt.ROUTES:
        s = exact_system(N, route)
        extra = N * N - (gain(N) if gain and route == "i" else legt.gain(N, route))
        for name, alpha in schemes(draw, N).items():
            d = scheme(s, h, alpha)
            sigma = (z - 1) / (h * (1 + alpha * (z - 1)))
            want = (z - 1 - h * sigma) + h * (sigma + extra) * sigma**N / q(sigma)
            at = {"z": z, "h": h, "alpha": alpha}
            yield Same(f"{name}, route {route}", z - 1 - h * response(d, z), want, at)


@at_points(lambda N: 2 * N + 8, range(1, 9), range(1, 13))
def sequences(
    N: int, draw: Draw, scheme: Scheme = proper, degree: Callable[[int], int] = lambda N: N
) -> Iterator[Same]:
    """Forward Euler with route (i), run in rationals on u_k = (kh)^p at a drawn h: the prediction is the next sample for
    p <= N.

    The run starts in the steady state x_0 = -sum_j (hA)^{-1-j} h B (Delta^j u)_0, and the recurrence itself makes
    the rest. h^p, up to p + 1 divisions by h and five steps make the degree.
    """
    h = draw("h", N)
    s = exact_system(N)
    d = scheme(s, h, fmpq(0))
    for p in range(degree(N) + 1):
        u = [(k * h) ** p for k in range(p + 6)]
        state, differences = matrix(s.B) * h, list(u)
        x = matrix(s.B) * 0
        for _ in range(p + 1):
            state = (h * matrix(s.A)).solve(state)
            x -= state * differences[0]
            differences = [b - a for a, b in zip(differences, differences[1:], strict=False)]
        now = np.array([x[i, 0] for i in range(N)], dtype=object)
        for k in range(4):
            predicted = u[k] + h * (d.C @ now + d.D * u[k])
            name = f"prediction on degree {'N + 1' if p == N + 1 else '<= N'}"
            yield Same(name, predicted, u[k + 1], {"p": p, "k": k, "h": h})
            now = d.A @ now + d.B_now * u[k] + d.B_next * u[k + 1]


def one_eigenvalue(system: StateSpace, h: Any, alpha: Any) -> Discrete:
    """The construction's scheme on symbols."""
    return gbt(system, h, alpha, "proper", _scalar.solve)


@derived(part="one eigenvalue at a time, the rest by hippo.legt_transfer; sequences are the exact rung's")
def steps(
    mixture: Callable[[sp.Expr, sp.Expr], sp.Expr] = lambda alpha, z: 1 - alpha + alpha * z,
    lead: sp.Expr | None = None,
    scheme: Scheme = one_eigenvalue,
) -> Iterator[Step]:
    """The substitution, the cancellation for forward Euler, and the leading term of the bracket."""
    z, h, alpha, A, B, C, D, w, e = sp.symbols("z h alpha A B C D w e")
    sigma = (z - 1) / (h * (1 + alpha * (z - 1)))
    x = B / (sigma - A)
    d = scheme(_scalar.system(A, B, C, D), h, alpha)
    yield Equation("its readout of the state", d.C[0], C, "the continuous one, whatever $h$ and $\\alpha$")
    yield Equation("its gain", d.D, D, "the continuous one, whatever $h$ and $\\alpha$")
    yield Equation(
        "the construction's scheme, one eigenvalue",
        (d.B_now[0] + z * d.B_next[0]) / (z - d.A[0, 0]),
        x,
        "its transfer function at $z$ is the continuous one at $\\sigma$",
    )
    yield Equation(
        "the scheme is a substitution",
        (1 - alpha * h * A) * z * x,
        (1 + (1 - alpha) * h * A) * x + h * B * mixture(alpha, z),
        "with $x = (\\sigma - A)^{-1} B$ the recurrence holds for $u_k = z^k$ (all matrices commute)",
    )
    yield Equation(
        "total error",
        z - 1 - h * (sigma - e),
        (z - 1 - h * sigma) + h * e,
        "$H(\\sigma) = \\sigma - \\sigma^{N+1}/q_N(\\sigma)$",
    )
    yield Equation(
        "forward Euler", (z - 1 - h * sigma).subs(alpha, 0), sp.Integer(0), "the bracket vanishes identically"
    )
    bracket = sp.series(sp.exp(w) - 1 - (sp.exp(w) - 1) / (1 + alpha * (sp.exp(w) - 1)), w, 0, 3).removeO()
    yield Equation(
        "leading term",
        sp.expand(bracket),
        (lead if lead is not None else alpha) * w**2,
        "with $w = sh$, to second order",
    )


CLAIM = claim(
    __name__,
    together(exact.checks(), sequences.checks(), steps.checks()),
    Mutant(
        "other_hold",
        "the same schemes with the sample before the step held",
        together(
            exact.checks(scheme=lambda s, h, a: gbt(s, h, a, "P", solve)),
            sequences.checks(scheme=lambda s, h, a: gbt(s, h, a, "P", solve)),
            steps.checks(mixture=lambda a, z: sp.Integer(1)),
        ),
    ),
    sequences.mutant(
        "late_sample", "forward Euler with the sample after the step", scheme=lambda s, h, a: gbt(s, h, a, "S4", solve)
    ),
    Mutant(
        "tied_gain",
        "a gain that is right at h = 1/7 alone",
        exact.checks(scheme=lambda s, h, a: tied(proper(s, h, a), h))
        | steps.checks(scheme=lambda s, h, a: tied(one_eigenvalue(s, h, a), h)),
    ),
    sequences.mutant("degree", "exact on sequences of degree N + 1", degree=lambda N: N + 1),
    exact.mutant("smaller_gain", "the formula with D = (N-1)^2", gain=lambda N: (N - 1) ** 2),
    steps.mutant("lead", "the bracket starts with (alpha - 1/2) h^2 s^2", lead=sp.Symbol("alpha") - sp.Rational(1, 2)),
)
