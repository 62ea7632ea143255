"""The entries of which a derivation speaks for all N, and the arrays that are put together from them, at some N."""

from collections.abc import Callable, Iterator

import numpy as np

from constructions import legs, legt
from constructions.state_space import StateSpace
from numeric.analysis.rational_matrices import objects
from proofs.forms import Same


def legt_arrays(N: int) -> Iterator[Same]:
    """LegT's A, B, C and D, entry by entry."""
    A = [[legt.below(n) if k <= n else legt.above(n, (-1) ** (n - k)) for k in range(N)] for n in range(N)]
    yield from _arrays("LegT", legt.system, A, N)
    signs = [[1, (-1) ** n] for n in range(N)]
    yield Same("end values", objects(np.stack(legt.ends(N), axis=1)), objects(np.array(signs)))


def legs_arrays(N: int) -> Iterator[Same]:
    """LegS's, whose A is lower triangular."""
    A = [[legs.below(n) if k < n else legs.diagonal(n) if k == n else 0 for k in range(N)] for n in range(N)]
    yield from _arrays("LegS", legs.system, A, N)


def _arrays(name: str, system: Callable[..., StateSpace], A: list[list[int]], N: int) -> Iterator[Same]:
    for route in legt.ROUTES:
        s, D = system(N, route), legt.gain(N, route)
        for part, found, claimed in (
            ("A", s.A, np.array(A)),
            ("B", s.B, np.array([legt.drive(n) for n in range(N)])),
            ("C", s.C, np.array([legt.readout(k, D) for k in range(N)])),
            ("D", np.array([s.D]), np.array([D])),
        ):
            yield Same(f"{part} of {name} as it is put together, route {route}", objects(found), objects(claimed))
