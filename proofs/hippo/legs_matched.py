r"""The matched readout of time-invariant LegS.

For $a' = (A a + B u)/\theta$ with LegS's matrices and $\hat s = \theta s$ the readout $C = c A/\theta$,
$D = c B/\theta = N(N+1)/(2\theta)$ with

$$ c_n = \sum_{j=n+1}^{N} \frac{(-1)^{N-j} j^N}{(j-1)!\,(N-j)!} \cdot \frac{((j-1)!)^2}{(j-1-n)!\,(j+n)!} $$

has the error $u' - y = s \prod_{j=1}^{N} \frac{\hat s}{\hat s + j} u$: exact on polynomials of degree at most $N$.

Why.
It is the maximally flat readout, $s q - \text{numerator} = \hat s^{N+1}$ with $q = \prod_{j \le N} (\hat s + j)$:
computed for each $N$ in rationals.

Assumes.
- steady state
- the $N$ listed

Source.
derived here
"""

from collections.abc import Callable, Iterator

from flint import fmpq

from constructions import legs
from constructions.state_space import StateSpace
from numeric.analysis.rational_matrices import monomial, number, transfer
from proofs.forms import Same, claim, exactly
from proofs.hippo.legs_lti import product


@exactly(range(1, 41))
def exact(N: int, matched: Callable[[int], StateSpace] = legs.matched) -> Iterator[Same]:
    """Numerator, denominator and gain, from characteristic polynomials."""
    m = matched(N)
    numerator, q = transfer(m.A, m.B, m.C, m.D)
    yield Same("denominator", q, product(range(1, N + 1)))
    yield Same("error", monomial(1) * q - numerator, monomial(N + 1))
    yield Same("gain", number(m.D), fmpq(N * (N + 1), 2))


def _naive_columns(N: int) -> StateSpace:
    s = legs.matched(N)
    return StateSpace(s.A, s.B, legs.system(N).C.astype(object), s.D)


def _twice(N: int) -> StateSpace:
    s = legs.matched(N)
    return StateSpace(s.A, s.B, s.C, 2 * s.D)


CLAIM = claim(
    __name__,
    exact.checks(),
    exact.mutant("naive_columns", "the naive columns with the matched gain", matched=_naive_columns),
    exact.mutant("gain", "the gain N(N+1)", matched=_twice),
    exact.mutant("naive", "the naive route (i)", matched=legs.system),
)
