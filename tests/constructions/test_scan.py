"""constructions/scan.py: shapes, starts, truncation, backends; agreement itself is claimed in hippo.scan and
hippo.scan_rounding."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.signal import dlsim

from constructions import legt, scan
from constructions.discretisation import Discrete, foh, gbt, run, zoh
from constructions.state_space import orthonormal

SYSTEM = orthonormal(legt.system(5), legt.norms(5))


def _parts(division: int = 32) -> tuple[np.ndarray, np.ndarray, np.ndarray, float]:
    return scan.standard(gbt(SYSTEM, 1 / division, 0.5))


@given(
    samples=st.integers(1, 70),
    shape=st.sampled_from([(), (1,), (2,), (2, 3)]),
    block=st.sampled_from([1, 2, 8, 64, 256]),
)
def test_ways_agree_on_integers(samples: int, shape: tuple[int, ...], block: int) -> None:
    """With whole numbers below 2^53 nothing rounds, so blocks and recurrence are equal for every size and start."""
    generator = np.random.default_rng([samples, block, len(shape)])
    A = np.array([[0.0, 1.0], [-1.0, 0.0]])
    B, C, D = np.array([1.0, -2.0]), np.array([3.0, 1.0]), 2.0
    u = generator.integers(-4, 5, (samples, *shape)).astype(float)
    start = generator.integers(-4, 5, (2, *shape)).astype(float)
    want = scan.recurrence(A, B, C, D, u, start)
    assert want.shape == u.shape
    assert np.array_equal(scan.blocked(A, B, C, D, u, start, block=block), want)
    # the FFT rounds; results are whole numbers below 2^12, and half a unit is far above its error
    assert np.array_equal(np.round(scan.convolution(A, B, C, D, u, start)), want)


def test_standard_form_is_the_scheme_with_the_next_sample() -> None:
    u = np.random.default_rng(1).standard_normal((40, 2))
    for d in (gbt(SYSTEM, 1 / 32, 0.5), zoh(SYSTEM, 1 / 32, "S4"), foh(SYSTEM, 1 / 32)):
        want = run(d, u, start=np.zeros((5, 2)))
        found = scan.recurrence(*scan.standard(d), u, -d.B_next[:, None] * u[0])
        # 40 contracting steps of 6 products, states below 40 in size, |C| below 5^3
        assert np.abs(found - want).max() <= 40 * 12 * 2.0**-53 * 40 * 125


def test_dlsim_gives_the_same() -> None:
    A, B, C, D = _parts()
    u = np.random.default_rng(2).standard_normal(300)
    _, y, _ = dlsim((A, B[:, None], C[None, :], [[D]], 1.0), u)
    assert np.abs(scan.blocked(A, B, C, D, u) - y[:, 0]).max() <= 300 * 12 * 2.0**-53 * np.abs(y).max() * 125


def test_dtype_and_namespace_are_kept() -> None:
    parts = _parts()
    u = np.random.default_rng(3).standard_normal((50, 2))
    for way in (scan.recurrence, scan.blocked, scan.convolution):
        narrow = [np.asarray(p, dtype=np.float32) for p in parts]
        assert way(*narrow, u.astype(np.float32)).dtype == np.float32
        tensors = [torch.tensor(p, dtype=torch.float32) for p in parts]
        found = way(*tensors, torch.tensor(u, dtype=torch.float32))
        assert isinstance(found, torch.Tensor) and found.dtype == torch.float32 and found.shape == (50, 2)


def test_only_the_array_standard_is_used() -> None:
    strict = pytest.importorskip("array_api_strict")
    A, B, C, D = _parts()
    u = np.random.default_rng(4).standard_normal((40, 2))
    held = [strict.asarray(part) for part in (A, B, C)]
    for way in (scan.recurrence, scan.blocked, scan.convolution):
        found = np.asarray(way(*held, float(D), strict.asarray(u)))
        assert np.array_equal(found, way(A, B, C, D, u))


@pytest.mark.parametrize("length", [2, 5, 17, 65, 257])
def test_truncation_stays_below_its_bound(length: int) -> None:
    """The worst bounded input for a truncated kernel is the sign of what was cut off."""
    A, B, C, D = _parts()
    whole = scan.kernel(A, B, C, D, 2000)
    lost = np.abs(whole[length:]).sum()
    bound = scan.tail(A, B, C, length)
    assert lost <= bound
    u = np.sign(whole[::-1])
    cut = scan.convolution(A, B, C, D, u, length=length)[-1] - scan.convolution(A, B, C, D, u)[-1]
    assert abs(abs(cut) - lost) <= 1e-11 * np.abs(whole).sum()  # the FFT's own error, of order log2(4000) 2^-52
    assert scan.tail(A, B, C, 513) < 1e-12


def test_kernel_length_is_the_shortest_power() -> None:
    A, B, C, _ = _parts()
    length = scan.kernel_length(A, B, C, 1e-6)
    assert scan.tail(A, B, C, length) <= 1e-6 < scan.tail(A, B, C, (length - 1) // 2 + 1)


def test_refusals() -> None:
    A, B, C, D = _parts()
    with pytest.raises(ValueError, match="power of two"):
        scan.blocked(A, B, C, D, np.ones(10), block=3)
    with pytest.raises(ValueError, match="at least one sample"):
        scan.kernel(A, B, C, D, 0)
    with pytest.raises(ValueError, match="forgets too slowly"):
        scan.kernel_length(np.eye(5), B, C, 1e-6, most=64)
    with pytest.raises(ValueError, match="forgets too slowly"):
        scan.kernel_length(*scan.standard(Discrete(2 * np.eye(5), B, 0 * B, C, D))[:3], 1e-6, most=64)
