"""Predicting the next sample from past ones without a state space: polynomials through or near them, least squares.

Each linear predictor is a kernel p (M,): the prediction of u_{k+1} is sum_m p_m u_{k-m}. `fitted` alone looks at the
data before it predicts. Source: polynomial extrapolation and Savitzky-Golay (1964) are standard; `fitted` is dynamic mode
decomposition with delays (Schmid 2010; Arbabi and Mezic 2017), a vector autoregression by least squares.
"""

from __future__ import annotations

import numpy as np
from numpy.polynomial.legendre import legvander

from constructions.namespace import Array, namespace


def differences(taps: int) -> Array:
    """The polynomial of degree < taps through the last `taps` samples, one step on: p_m = (-1)^m C(taps, m+1)."""
    if taps < 1:
        raise ValueError(f"taps is {taps}; expected at least one sample")
    zero, one = np.zeros(1), np.ones(1)
    xp = namespace(one)

    def difference(c: Array) -> Array:
        return np.concatenate([c, zero]) - np.concatenate([zero, c])

    return np.asarray(-xp.drop(xp.iterate(difference, one, taps), 1))  # the next difference of order `taps` is zero


def savitzky_golay(window: int, degree: int) -> Array:
    """The least-squares polynomial over the last `window` samples, one step on.

    In Legendre polynomials: the monomials of scipy.signal.savgol_coeffs lose all but four digits at window 65, degree 7.
    Raises ValueError unless 0 <= degree < window.
    """
    if not 0 <= degree < window:
        raise ValueError(f"degree is {degree}; expected 0 or more and fewer than the {window} samples")
    inside, ahead = 1 - 2 / window * np.arange(window), np.array([1 + 2 / window])
    return np.asarray(legvander(ahead, degree)[0] @ np.linalg.pinv(legvander(inside, degree)))


def fitted(past: Array, delays: int) -> Array:
    """The least-squares matrix (d delays + 1, d) that takes the last `delays` samples and 1 to the next; past (T, d)."""
    if len(past) <= delays:
        raise ValueError(f"{len(past)} samples; expected more than {delays}")
    xp = namespace(past)
    wanted = xp.drop(past.T, delays).T
    return np.asarray(np.linalg.lstsq(xp.earlier(delayed(past, delays)), wanted, rcond=None)[0])


def delayed(u: Array, delays: int) -> Array:
    """Rows u_k, u_{k-1}, ..., 1 for k = delays-1, ..., T-1: (T - delays + 1, d delays + 1)."""
    parts = np.flip(namespace(u).windows(u, delays, 1), axis=1)
    return np.concatenate([parts.reshape(parts.shape[0], -1), np.ones((parts.shape[0], 1))], axis=1)
