r"""The error of LegT's readouts at every frequency.

With $q_N(s) = \det(sI - A)$ the errors of the closed LegT system in steady state are

$$ u - \hat u = \frac{s^N}{q_N(s)} u, \qquad
   u' - y_D = \left(s + \frac{N^2}{\theta} - D\right) \frac{s^N}{q_N(s)} u, \qquad
   u' - y_i = \frac{s^{N+1}}{q_N(s)} u. $$

So among all $D$ the gain $N^2/\theta$ is the best at every real frequency:
$|E_D(i\omega)|^2 = |E_i(i\omega)|^2 \left(1 + (N^2/\theta - D)^2/\omega^2\right)$.

Why.
$A + B 1^\top$ is strictly upper triangular (it is the derivative on coefficients), so
$1 - 1^\top (sI - A)^{-1} B = \det(sI - A - B 1^\top)/\det(sI - A) = s^N/q_N$. Route (i) is the time derivative of
$\hat u$, and the readouts differ by a multiple of $u - \hat u$.

Assumes.
- steady state: after transients, or a polynomial or exponential input

Source.
derived here
"""

from collections.abc import Callable, Iterator

import sympy as sp
from flint import fmpq_poly

from constructions import legs, legt
from constructions.state_space import StateSpace
from numeric.analysis.rational_matrices import matrix, monomial, row, transfer
from numeric.words.telescoping import Equation, Step
from proofs.forms import Mutant, Same, claim, derived, exactly
from proofs.hippo._assembled import legt_arrays
from proofs.hippo.legt_readout import steps as readouts

System = Callable[..., StateSpace]


def factorial_ratio(N: int) -> int:
    """(2N-1)!/(N-1)! = q_N(0), with theta = 1."""
    value = 1
    for j in range(N, 2 * N):
        value *= j
    return value


@exactly(range(1, 41))
def exact(N: int, system: System = legt.system) -> Iterator[Same]:
    """Polynomial identities between q_N and the numerators of all readouts, from integer characteristic polynomials."""
    one = system(N)
    right = legt.ends(N)[0]
    value, q = transfer(one.A, one.B, right, 0)
    yield Same("value error", q - value, monomial(N))
    for route in legt.ROUTES:
        s = system(N, route)
        numerator, _ = transfer(s.A, s.B, s.C, s.D)
        want = fmpq_poly([{"i": 0, "ii": N * N, "iii": -N}[route], 1]) * monomial(N)
        yield Same(f"error of route {route}", monomial(1) * q - numerator, want)
    lifted = matrix(one.A) + matrix(one.B) * row(right)
    yield Same("nilpotent", lifted.charpoly(), monomial(N))


@derived(legt_arrays)
def steps(below: Callable[..., sp.Expr] = legt.below, gain: Callable[..., sp.Expr] = legt.gain) -> Iterator[Step]:
    """The two facts about matrices, and the algebra of the readouts, for all N."""
    n, s, N, G, D = sp.symbols("n s N G D")
    yield Equation(
        "$A + B 1^\\top$ on and below the diagonal",
        below(n) + legt.drive(n),
        sp.Integer(0),
        "strictly upper triangular, so $\\det(sI - A - B 1^\\top) = s^N$ and $1 - G = s^N/q_N$ (determinant lemma)",
    )
    yield from readouts.of(gain=gain)  # among them that y_i is the derivative of the reconstructed value G u
    k = sp.Symbol("k")
    yield Equation(
        "difference of readouts",
        legt.readout(k, D) - legt.readout(k, gain(N, "i")),
        gain(N, "i") - D,
        "$y_D - y_i = (D - N^2)(u - \\hat u)$, since the entries differ by one number in all columns",
    )
    yield Equation(
        "any readout",
        s * (1 - G) - (D - gain(N, "i")) * (1 - G),
        (s + N**2 - D) * (1 - G),
        "so $u' - y_D = (s + N^2 - D) s^N/q_N u$",
    )


def _gains(change: Callable[[int], int]) -> System:
    """LegT with route i's C and the gain replaced, consistently (C follows D) or not."""

    def build(N: int, route: str = "i") -> StateSpace:
        s = legt.system(N, route)
        if route != "i":
            return s
        D = change(N)
        return StateSpace(s.A, s.B, legt.readout(0, D) + legt.system(N, "ii").C, D)

    return build


def _inconsistent(N: int, route: str = "i") -> StateSpace:
    s = legt.system(N, route)
    return StateSpace(s.A, s.B, s.C, -s.D)


CLAIM = claim(
    __name__,
    exact.checks() | steps.checks(),
    exact.mutant("sign_of_gain", "D = -N^2 with route (i)'s C", system=_inconsistent),
    Mutant(
        "smaller_gain",
        "the consistent gain (N-1)^2: converges, but loses one degree",
        exact.checks(system=_gains(lambda N: (N - 1) ** 2)) | steps.checks(gain=lambda N, r: (N - 1) ** 2),
    ),
    exact.mutant("legs_matrix", "LegS's matrices used as LTI", system=legs.system),
    steps.mutant("lower_triangle", "the diagonal of A half as large", below=lambda n: -n),
)
