"""The ways of running a discrete system, and the predictors, broken in the code that runs: no rung stays confirmed."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from constructions import scan
from numeric.finding import Verdict
from proofs import registry
from proofs.evidence import Settings
from proofs.hippo import _predictors_compared, _window_predictor, in_context

EVERY = ("hippo.scan", "hippo.scan_rounding", "hippo.in_context", "hippo.predictor_comparison")
BROKEN: dict[str, tuple[Any, str, Callable[[Any], Any], tuple[str, ...]]] = {
    "columns": (scan, "columns", lambda x: x * 2, EVERY),
    "power of a block": (scan, "_power", lambda x: -x, EVERY[:3]),
    "block's matrix": (scan, "_toeplitz", lambda x: x.T, EVERY[:3]),
    "kernel": (scan, "kernel", lambda x: -x, EVERY),
    "recurrence": (scan, "recurrence", lambda x: -x, EVERY[:2]),
    "start": (scan, "_start", lambda x: x + 1, EVERY[:3]),
    "layer": (_window_predictor, "layer", lambda d: type(d)(d.A, d.B_now, d.B_next, d.C, -d.D), EVERY[2:3]),
    "differences": (_predictors_compared, "differences", lambda p: 2 * p, EVERY[3:]),
    "Savitzky-Golay": (_predictors_compared, "savitzky_golay", lambda p: 2 * p, EVERY[3:]),
}
CASES = [
    pytest.param(module, name, change, id, id=f"{title}: {id}")
    for title, (module, name, change, ids) in BROKEN.items()
    for id in ids
]


def forget() -> None:
    """What was computed with other code."""
    beside = ("hippo._scan_cases", "hippo._scan_integers", "hippo._window_predictor", "hippo._predictors_compared")
    for name in (*EVERY, *beside):
        for held in vars(importlib.import_module(f"proofs.{name}")).values():
            if hasattr(held, "cache_clear"):
                held.cache_clear()


@pytest.fixture
def fresh() -> Iterator[None]:
    forget()
    yield
    forget()


@pytest.mark.usefixtures("fresh")
@pytest.mark.parametrize(("module", "name", "change", "id"), CASES)
def test_no_rung_stays_confirmed(
    monkeypatch: pytest.MonkeyPatch, module: Any, name: str, change: Callable[[Any], Any], id: str
) -> None:
    right = getattr(module, name)
    monkeypatch.setattr(module, name, lambda *arguments, **named: change(right(*arguments, **named)))
    claim = registry.claim(id)
    if module is _window_predictor:
        # the check holds the layer it was made with
        checks = {rung: in_context.bounds.check(discrete=_window_predictor.layer) for rung in claim.checks}
    else:
        checks = dict(claim.checks)
    verdicts = {rung: check(Settings(seed=1)).verdict for rung, check in checks.items()}
    assert set(verdicts.values()) == {Verdict.REFUTED}, verdicts
