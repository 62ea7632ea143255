"""Forms of a state space that lose their digits in float64 for large N, and are refused there: modal and companion.

LegT's and LegS's matrices are far from normal: the condition of their eigenvectors grows geometrically with N, and the
coefficients of det(sI - A) grow factorially. Both are harmless for FouT, and exact numbers have neither trouble.
Source: standard forms; the growth is measured in hippo.modal_form.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from constructions.namespace import Array
from constructions.state_space import StateSpace

UNIT = 2.0**-53


class IllConditioned(ValueError):
    """A form whose float64 entries would carry fewer digits than were asked for; the message says what to use."""


@dataclass(frozen=True)
class Modal:
    """x' = diag(poles) x + B u, y = C x + D u, complex128; `vectors` (N, N) maps x back, `condition` is its 2-norm
    condition."""

    poles: Array
    B: Array
    C: Array
    D: float
    vectors: Array
    condition: float


def modal(system: StateSpace, digits: float = 6) -> Modal:
    """The diagonal form of an orthonormal float64 system, with at least `digits` decimal digits of e^{At}.

    A computed e^{At} = V e^{Lt} V^{-1} is wrong by about N cond(V) unit roundings. Raises IllConditioned if that leaves
    fewer digits.
    """
    poles, vectors = np.linalg.eig(system.A)
    condition = np.linalg.cond(vectors)
    left = -np.log10(system.order * condition * UNIT)
    if not left >= digits:
        raise IllConditioned(
            f"diagonalising this system with N = {system.order} leaves {max(left, 0):.0f} of the {digits} digits asked "
            f"for (condition of the eigenvectors: {condition:.1e}); use constructions.discretisation (gbt, zoh, foh), "
            "which never diagonalises, or fewer states"
        )
    return Modal(
        poles,
        np.linalg.solve(vectors, system.B.astype(complex)),
        system.C @ vectors,
        1.0 * system.D,
        vectors,
        condition,
    )


def companion(coefficients: Array) -> Array:
    """The companion matrix (N, N), float64, of s^N + coefficients[N-1] s^(N-1) + ... + coefficients[0], integers.

    Raises IllConditioned if a coefficient is no float64, for then the poles are not the polynomial's: q_N of LegT has
    such coefficients from N = 16 on.
    """
    whole = np.asarray(coefficients, dtype=object)
    if any(c.bit_length() > 1023 or float(c) != c for c in map(int, whole)):
        raise IllConditioned(
            f"a coefficient of the polynomial of degree {len(whole)} is no float64: the largest has "
            f"{max(len(str(abs(int(c)))) for c in whole)} digits; keep the state-space form (constructions.legt), whose "
            "entries are below 2N, or exact numbers"
        )
    N = whole.shape[0]
    return np.concatenate([np.eye(N, N - 1, k=-1), -whole.astype(np.float64)[:, None]], axis=1)
