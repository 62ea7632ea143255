r"""The sharp constants tend to their closed forms.

The sharp constants of hippo.derivative_rate over their asymptotic forms, with the constants $c_K$, $d_k$ and those of
route (iii) and of the delayed sample, differ from one by a quantity of order $N^{-2}$ for the value, routes (i), (ii)
and with the delayed sample, and of order $N^{-1}$ for route (iii). So the closed forms are the limits.

Why.
Darboux's asymptotics of Jacobi polynomials and the mean $2/\pi$ of $|\cos|$ give the constants; a wrong constant would
leave a difference of order $N^0$, so measuring the order of the difference checks the constant.

Assumes.
- states are exact projections
- $K$ = 3, 4; $K$ = 2 for the value

Source.
derived here
"""

from collections.abc import Callable, Iterator, Mapping
from math import pi

from numeric.analysis import peano
from numeric.analysis.rates import fit
from proofs.forms import Kind, Rate, Settings, claim, orders
from proofs.hippo._sharp_constants import sharp
from proofs.hippo.derivative_rate import constants

SIZES = (12, 16, 20, 24, 28, 32, 36, 40)
LARGER = (16, 20, 24, 32, 40, 48, 56, 64)

ORDERS: Mapping[tuple[str, int], float] = {
    ("value", 2): -2,
    ("value", 3): -2,
    ("value", 4): -2,
    ("i", 3): -2,
    ("i", 4): -2,
    ("ii", 3): -2,
    ("ii", 4): -2,
    ("true", 3): -2,
    ("true", 4): -2,
    ("iii", 3): -1,
}
"""Order in N of ratio - 1. (At K = 2 routes (i) and "true" are faster still, and route (ii) diverges.)"""

Constant = Callable[[str, int], float]


def limit(name: str, K: int) -> float:
    """The constant of the asymptotic form."""
    return peano.asymptotic(name, K)[1]


@orders("Arb's ball arithmetic for the norms")
def measure(
    settings: Settings, claimed: Mapping[tuple[str, int], float] = ORDERS, constant: Constant = limit
) -> Iterator[Rate]:
    """Orders of |sharp constant/(c N^p) - 1|."""
    sizes = SIZES if settings.profile == "quick" else LARGER
    for (name, K), order in claimed.items():
        power = float(peano.asymptotic(name, K)[0])
        ratios = [float(sharp(name, K, N)) / (constant(name, K) * N**power) for N in sizes]
        yield Rate(f"{name}, K = {K}: ratio - 1", fit(sizes, [abs(r - 1) for r in ratios]), order)


CLAIM = claim(
    __name__,
    measure.checks(),
    measure.mutant(
        "mean_of_cosine", "the mean of |cos| taken as 1/2", constant=lambda name, K: limit(name, K) * pi / 4
    ),
    measure.mutant(
        "same_constant",
        "route (i) with the constant of route (ii)",
        constant=lambda name, K: limit("ii" if name == "i" else name, K),
    ),
    measure.mutant("first_order", "the value's constant is approached at order 1/N", claimed={("value", 3): -1}),
    kind=Kind.CONVERGENCE,
    parameters=constants,
)
