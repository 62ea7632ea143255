"""proofs/hippo/_scan_floors.py: floors hold on systems and inputs that were not in the claim, and where there is none."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from constructions import scan
from numeric.finding import Verdict
from proofs.evidence import Rung, Settings
from proofs.hippo._scan_cases import exact
from proofs.hippo._scan_floors import floors, gamma
from proofs.hippo.scan_rounding import CLAIM


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 2**32), size=st.integers(1, 6), radius=st.sampled_from([0.3, 0.9, 0.99]))
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_random_systems_keep_their_floors(dtype: str, seed: int, size: int, radius: float) -> None:
    generator = np.random.default_rng(seed)
    A = generator.standard_normal((size, size))
    A *= radius / max(float(np.abs(np.linalg.eigvals(A)).max()), 1e-3)
    parts = [
        np.asarray(p, dtype=dtype) for p in (A, *generator.standard_normal((2, size)), generator.standard_normal())
    ]
    u = np.asarray(generator.uniform(-1, 1, 200), dtype=dtype)
    wide = [p.astype(float) for p in parts]
    try:
        allowed = floors(*wide[:3], float(wide[3]), 1.0, 200, dtype, 32, 200)
    except ValueError as error:  # a very non-normal draw in float32
        assert "floor" in str(error)
        return
    want = exact(*wide[:3], float(wide[3]), u.astype(float))
    half = 2.0**-53 * float(np.abs(want).max())
    for found, bound in (
        (scan.recurrence(*parts, u), allowed.recurrence),
        (scan.blocked(*parts, u, block=32), allowed.blocked),
        (scan.convolution(*parts, u), allowed.convolution),
    ):
        assert np.abs(found.astype(float) - want).max() <= bound + half


def test_cuda_is_run_or_said_to_be_missing() -> None:
    found = CLAIM.checks[Rung.SAMPLED](Settings(device="cuda", seed=1))
    if torch.cuda.is_available():
        assert found.verdict is Verdict.CONFIRMED, found.reason
        assert "torch cuda, float32: blocked, worst error / floor" in found.figures
    else:
        assert found.verdict is Verdict.NOT_RUN and "no CUDA device" in found.reason


def test_no_floor_without_forgetting() -> None:
    with pytest.raises(ValueError, match="forgets too slowly"):
        floors(np.eye(2), np.ones(2), np.ones(2), 0.0, 1.0, 100, "float64", 32, 100)


def test_gamma() -> None:
    assert gamma(3, 0.01) == 0.03 / 0.97
