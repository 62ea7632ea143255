"""The published matrices' own formulas, typed from their code, against constructions/conversions.py."""

from __future__ import annotations

import numpy as np
import pytest

from constructions.conversions import published


def theirs(name: str, N: int) -> tuple[np.ndarray, np.ndarray]:
    """The formulas of the published code (state-spaces/s4, transition())."""
    Q = np.arange(N, dtype=np.float64)
    if name == "legt":
        R = (2 * Q + 1) ** 0.5
        j, i = np.meshgrid(Q, Q)
        return -0.5 * R[:, None] * np.where(i < j, (-1.0) ** (i - j), 1) * R[None, :], 0.5 * R
    if name == "lmu":
        R = (2 * Q + 1)[:, None]
        j, i = np.meshgrid(Q, Q)
        return np.where(i < j, -1, (-1.0) ** (i - j + 1)) * R, ((-1.0) ** Q[:, None] * R)[:, 0]
    if name == "legs":
        r = np.sqrt(2 * Q + 1)
        return -(np.tril(r[:, None] * r[None, :], -1) + np.diag(Q + 1)), r
    freqs = np.arange(N // 2)
    d = np.stack([np.zeros(N // 2), freqs], axis=-1).reshape(-1)[1:]
    A = np.pi * (-np.diag(d, 1) + np.diag(d, -1))
    B = np.zeros(N)
    B[0::2], B[0] = 2**0.5, 1
    return A - B[:, None] * B[None, :], B


@pytest.mark.parametrize("N", [2, 4, 64])
@pytest.mark.parametrize("name", ["legt", "lmu", "legs", "fout"])
def test_same_as_published(name: str, N: int) -> None:
    """Entry by entry within the roundings of the two ways to multiply square roots: eight at most on each side."""
    A, B = published(name, N)
    A2, B2 = theirs(name, N)
    bound = 16 * 2.0**-53
    assert np.all(np.abs(A - A2) <= bound * np.maximum(np.abs(A2), np.abs(A) * 0 + (name == "fout") * 2))
    assert np.all(np.abs(B - B2) <= bound * np.abs(B2))


def test_dead_state() -> None:
    """The published Fourier matrices have a zero row and column; so A is singular."""
    A, B = published("fout", 8)
    assert not A[1].any() and not A[:, 1].any() and B[1] == 0


def test_unknown_name() -> None:
    """Names and sizes that make no sense are refused."""
    with pytest.raises(ValueError, match="expected one of"):
        published("legz", 4)
    with pytest.raises(ValueError, match="even"):
        published("fout", 5)
