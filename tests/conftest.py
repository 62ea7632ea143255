"""Test-wide settings: Hypothesis profiles, one torch thread, and the toy claims."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

import reports.shown  # noqa: F401 (answers print themselves, whatever distribution is installed)
from numeric.tape.uncollected import seldom

settings.register_profile("dev", max_examples=25, deadline=None)
settings.register_profile("thorough", max_examples=2000, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("ci", settings.get_profile("ci"), max_examples=25)  # Hypothesis' own, at as many examples
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci" if "CI" in os.environ else "dev"))

os.environ["SSMPROOF_EVIDENCE_CACHE"] = "off"  # a test runs what it tests

TOYS = Path(__file__).resolve().parent / "toy_claims"


seldom()


def pytest_collection_finish() -> None:
    """What is loaded by now, torch and thousands of tests, stays: no collection of garbage goes through it again."""
    gc.freeze()


@pytest.fixture(autouse=True, scope="session")
def _torch_steady() -> None:
    """One thread and deterministic algorithms, so that a failure looks the same everywhere."""
    import torch

    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    torch.manual_seed(0)


@pytest.fixture
def float64_by_default() -> Iterator[None]:
    """Tensors made without naming a dtype are of float64, as where an audit calls a target."""
    import torch

    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(before)


@pytest.fixture
def toys(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The claims of tests/toy_claims, found by the registry as `toy.*` beside the real ones."""
    import proofs
    from proofs import registry

    caches = registry.ids, registry.claim  # a test may replace them before the clean-up

    def forget() -> None:
        for cached in caches:
            cached.cache_clear()
        for name in [n for n in sys.modules if n == "proofs.toy" or n.startswith("proofs.toy.")]:
            del sys.modules[name]
        proofs.__dict__.pop("toy", None)

    monkeypatch.setattr(proofs, "__path__", [*proofs.__path__, str(TOYS)])
    forget()
    yield TOYS / "toy"
    forget()
