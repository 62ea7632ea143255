"""Published HiPPO matrices from the constructions here: which time scale, basis and ordering each of them has.

Names as in the S4 code base: `legt` is LegT with theta = 2; `lmu` is LegT with theta = 1 in the basis (-1)^n a_n;
`legs` is LegS;
`fout` (also called `fourier`) is FouT with theta = 2 and a dead second state (sine of frequency zero), so its A is
singular.
Reading `legt` or `fout` as theta = 1 makes every derivative wrong by the factor two.
"""

from __future__ import annotations

from math import pi

import numpy as np

from constructions import fout, legs, legt
from constructions.namespace import Array
from constructions.state_space import StateSpace, orthonormal

NAMES = ("legt", "lmu", "legs", "fout")


def published(name: str, N: int) -> tuple[Array, Array]:
    """A (N, N) and B (N,) in float64, as the published code of that name returns them. N is even for `fout`."""
    if name not in NAMES:
        raise ValueError(f"name is {name!r}; expected one of {', '.join(NAMES)}")
    if name == "lmu":
        s = legt.system(N)
        sign = legt.ends(N)[1]
        return (sign[:, None] * s.A * sign[None, :]).astype(np.float64), (sign * s.B).astype(np.float64)
    if name == "fout":
        if N % 2 or N < 2:
            raise ValueError(f"N is {N}; the published Fourier matrices have an even number of states")
        M = N // 2 - 1
        active = orthonormal(fout.system(M, 2 * pi), fout.norms(M), 2.0)
        places = [0, *range(2, N)]
        A, B = np.zeros((N, N)), np.zeros(N)
        A[np.ix_(places, places)], B[places] = active.A, active.B
        return A, B
    found: StateSpace = orthonormal(
        *((legt.system(N), legt.norms(N), 2.0) if name == "legt" else (legs.system(N), legs.norms(N)))
    )
    return found.A, found.B
