r"""FouT: exact coefficients and the closed equation lead to different limits.

Feed FouT's route (i) with the exact Fourier coefficients of the window instead of the closed equation's states. As the
number $M$ of harmonics grows

$$ y_i \to \tfrac{1}{2} \left(u'(t) + u'(t - \theta)\right) + \tfrac{2}{\pi^2} \left(u'(t) - u'(t - \theta)\right), $$

at distance $O(1/M)$: off by a further $\frac{2}{\pi^2} (u'(t) - u'(t-\theta))$ from the limit on closed states
(hippo.fout_limit). Neither is the derivative.

Why.
On $u = e^{st}$, $\theta = 1$, the coefficients are $2 (1 - e^{-s})(s, w_m)/(s^2 + w_m^2)$. $2N (u - S)$ and the sine
terms both diverge like $M$ and cancel; what is left is $s (1 + e^{-s})/2$, and the tail of $S$,
$(1 - e^{-s}) s/(2 \pi^2 M)$, times $4 M$.

Assumes.
- one frequency at a time, below the resonances

Source.
derived here
"""

from collections.abc import Callable, Iterator
from functools import cache

from flint import acb, arb

from constructions import fout
from numeric.analysis import peano
from numeric.analysis.rates import fit
from proofs.forms import Kind, Rate, Settings, claim, orders

SIZES = (24, 32, 48, 64, 96, 128, 192, 256)
FREQUENCIES = (1, 2)
"""s = i and 2i, theta = 1."""

Limit = Callable[[acb], acb]


@cache
def output(M: int, frequency: int) -> acb:
    """y_i/u on u = e^{st}: the construction's C and D on the exact coefficients of e^{-s tau} over the window."""
    s = acb(0, frequency)
    drop = 1 - (-s).exp()
    omega = 2 * arb.pi()
    made = fout.system(M, omega)
    y = made.C[0] * drop / s + made.D
    for m in range(1, M + 1):
        w = m * omega
        y += (made.C[2 * m - 1] * s + made.C[2 * m] * w) * 2 * drop / (s * s + w * w)
    return y


def mean(s: acb) -> acb:
    """(u'(t) + u'(t - theta))/2 over u: the limit on closed states."""
    return s * (1 + (-s).exp()) / 2


def limit(s: acb) -> acb:
    """That plus 2/pi^2 (u'(t) - u'(t - theta))."""
    return mean(s) + 2 / arb.pi() ** 2 * s * (1 - (-s).exp())


@orders("Arb's ball arithmetic")
def measure(settings: Settings, claimed: Limit = limit, order: float = -1) -> Iterator[Rate]:
    """Order in M of the distance to the limit."""
    with peano.precision(128):
        for frequency in FREQUENCIES:
            wanted = claimed(acb(0, frequency))
            distances = [float(abs(output(M, frequency) - wanted)) for M in SIZES]
            yield Rate(f"s = {frequency}i: distance to the limit", fit(SIZES, distances), order)


CLAIM = claim(
    __name__,
    measure.checks(),
    measure.mutant("same_limit", "the limit on closed states", claimed=mean),
    measure.mutant("derivative", "the derivative itself", claimed=lambda s: s),
    measure.mutant("second_order", "the limit is reached at order M^(-2)", order=-2),
    kind=Kind.CONVERGENCE,
)
