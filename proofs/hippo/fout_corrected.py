r"""FouT's corrected readouts.

With the cosine entries of FouT's route (i) raised by $\frac{\theta}{4} \omega_m w_m^2$ for the $J$ highest harmonics,
$\omega_m = \prod_{i \ne m} \frac{m^2}{m^2-i^2}$ over those harmonics, the error in steady state is

$$ u' - y = s (1 - S) \prod_{m=M-J+1}^{M} \frac{s^2}{s^2 + w_m^2} u, $$

in the notation of hippo.fout_transfer, and $s^{N+1}/q$ for $J = M$.

Why.
The correction replaces factors $s^2 + w_m^2$ of the numerator by $s^2$; the partial fractions of
$\prod s^2/(s^2 + w_m^2) - 1$ give $\omega_m$. Checked for each $M$ and $J$ as an identity in $s$ and $\omega$.

Assumes.
- steady state
- the $M$ listed

Source.
derived here

Departs.
- exact arithmetic treats $2\pi$ as an unknown: the identity holds for every value in its place
"""

from collections.abc import Callable, Iterator

from flint import fmpq

from constructions import fout
from constructions.state_space import StateSpace
from numeric.analysis.rational_matrices import monomial, transfer
from proofs.forms import Draw, Same, at_points, claim
from proofs.hippo.fout_transfer import resonators

Corrected = Callable[[int, fmpq, int], StateSpace]


@at_points(lambda M: 2 * M + 2, range(1, 6), range(1, 11), size="M")
def exact(M: int, draw: Draw, corrected: Corrected = fout.corrected) -> Iterator[Same]:
    """Numerators over q = det(sI - A), polynomials in s with coefficients of degree at most 2M + 2 in a drawn omega."""
    omega = draw("omega", M)
    for J in range(1, M + 1):
        c = corrected(M, omega, J)
        numerator, q = transfer(c.A, c.B, c.C, c.D)
        want = monomial(2 + 2 * J) * resonators(M - J, omega)
        yield Same(f"corrected, J = {J}", monomial(1) * q - numerator, want, {"omega": omega, "J": J})


def _without_weight(M: int, omega: fmpq, J: int) -> StateSpace:
    s = fout.corrected(M, omega, J)
    C = fout.system(M, omega).C.copy()
    for m in range(M - J + 1, M + 1):
        C[2 * m - 1] += (m * omega) ** 2 / 4
    return StateSpace(s.A, s.B, C, s.D)


def _half(M: int, omega: fmpq, J: int) -> StateSpace:
    s, plain = fout.corrected(M, omega, J), fout.system(M, omega)
    return StateSpace(s.A, s.B, (s.C + plain.C) / fmpq(2), s.D)


CLAIM = claim(
    __name__,
    exact.checks(),
    exact.mutant("no_product", "the correction without the weights omega_m", corrected=_without_weight),
    exact.mutant("half_correction", "half of the correction", corrected=_half),
)
