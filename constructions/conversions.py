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
    return _PUBLISHED[name](N)


def _legt(N: int) -> tuple[Array, Array]:
    return _matrices(orthonormal(legt.system(N), legt.norms(N), 2.0))


def _legs(N: int) -> tuple[Array, Array]:
    return _matrices(orthonormal(legs.system(N), legs.norms(N)))


def _lmu(N: int) -> tuple[Array, Array]:
    s, sign = legt.system(N), legt.ends(N)[1]
    return (sign[:, None] * s.A * sign[None, :]).astype(np.float64), (sign * s.B).astype(np.float64)


def _fout(N: int) -> tuple[Array, Array]:
    if N % 2 or N < 2:
        raise ValueError(f"N is {N}; the published Fourier matrices have an even number of states")
    M = np.arange(2, N, 2).shape[0]  # a harmonic each two states after the first two
    active = orthonormal(fout.system(M, 2 * pi), fout.norms(M), 2.0)
    places = np.delete(np.eye(N), 1, axis=0)
    return places.T @ active.A @ places, active.B @ places


def _matrices(found: StateSpace) -> tuple[Array, Array]:
    return found.A, found.B


_PUBLISHED = {"legt": _legt, "lmu": _lmu, "legs": _legs, "fout": _fout}
