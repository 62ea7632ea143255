"""Discretisations against scipy.signal.cont2discrete and python-control, matrix by matrix."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.signal import cont2discrete

from constructions import legs, legt
from constructions.discretisation import foh, gbt, single_input, zoh
from constructions.state_space import StateSpace, orthonormal

N, H = 9, 2.0**-6
BOUND = 2 * N * 2.0**-43
"""Twice the distance to ball arithmetic that test_discretisation allows each of two float64 computations."""

SYSTEMS = {"LegT": legt, "LegS": legs}
GBT = {"euler": 0.0, "bilinear": 0.5, "backward_diff": 1.0}


def system(name: str) -> StateSpace:
    """The family with route (i), orthonormal."""
    return orthonormal(SYSTEMS[name].system(N), legt.norms(N))


def columns(s: StateSpace) -> tuple[np.ndarray, ...]:
    """As the packages want them."""
    return s.A, s.B[:, None], s.C[None, :], np.array([[s.D]])


def same(found: tuple[np.ndarray, ...], wanted: tuple[np.ndarray, ...]) -> None:
    """Entrywise, relative to each matrix' largest entry."""
    for a, b in zip(found, wanted, strict=True):
        assert np.all(np.abs(np.ravel(a) - np.ravel(b)) <= BOUND * max(1.0, float(np.abs(b).max())))


def ours(s: StateSpace, method: str, alpha: float | None = None) -> tuple[np.ndarray, ...]:
    """(A, B, C, D) of the single-input realisation that the packages return."""
    if method == "zoh":
        d = zoh(s, H)
    elif method == "foh":
        d = foh(s, H)
        # the packages' state is x - B_next u
        return d.A, d.B_now + d.A @ d.B_next, d.C, np.array(d.D + d.C @ d.B_next)
    else:
        d = single_input(s, H, GBT[method] if alpha is None else alpha)
    return d.A, d.B_now, d.C, np.array(d.D)


@pytest.mark.parametrize("name", list(SYSTEMS))
@pytest.mark.parametrize("method", ["zoh", "foh", *GBT])
def test_scipy(name: str, method: str) -> None:
    """Zero- and first-order hold, both Euler methods and Tustin's."""
    s = system(name)
    same(ours(s, method), cont2discrete(columns(s), H, method=method)[:4])


@pytest.mark.parametrize("name", list(SYSTEMS))
@pytest.mark.parametrize("alpha", [0.25, 1 / 3, 0.75])
def test_scipy_general(name: str, alpha: float) -> None:
    """The generalised bilinear transform at other parameters."""
    s = system(name)
    same(ours(s, "gbt", alpha), cont2discrete(columns(s), H, method="gbt", alpha=alpha)[:4])


@pytest.mark.parametrize("name", list(SYSTEMS))
@pytest.mark.parametrize("method", ["zoh", "foh", *GBT])
def test_control(name: str, method: str) -> None:
    """python-control's sample_system."""
    control = pytest.importorskip("control", reason="python-control is not installed: pip install control")
    s = system(name)
    d = control.sample_system(control.ss(*columns(s)), H, method=method)
    same(ours(s, method), (d.A, d.B, d.C, d.D))


def test_control_response() -> None:
    """The same outputs for a ramp, sample by sample: python-control's simulation against the recurrence."""
    control = pytest.importorskip("control", reason="python-control is not installed: pip install control")
    from constructions.discretisation import run

    s = system("LegT")
    t = H * np.arange(200)
    d = control.sample_system(control.ss(*columns(s)), H, method="bilinear")
    y = control.forced_response(d, t, t).outputs
    # at sample 0 the mixture has no sample before it: start the recurrence at the packages' zero state
    proper = gbt(s, H, 0.5)
    found = run(proper, t, np.zeros(N) + proper.B_next * t[0])
    assert np.abs(found - y).max() <= 200 * N**2 * BOUND
