"""No tape outlives what a test exchanges in the code; where compiled Coq files are kept."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from numeric.deciding import programs
from proofs.audit import far_calls, longer, mode_calls, sweep


@pytest.fixture(autouse=True)
def _no_tape_of_other_code(request: pytest.FixtureRequest) -> Iterator[None]:
    """Programs keep their tapes; one of the code as it is must not stand for code that is broken, nor the reverse."""
    exchanging = "monkeypatch" in request.fixturenames
    if exchanging:
        programs.forget()
    yield
    if exchanging:
        programs.forget()


@pytest.fixture
def coq_cache(pytestconfig: pytest.Config, monkeypatch: pytest.MonkeyPatch) -> None:
    """Compiled files stay in pytest's own cache folder from run to run."""
    monkeypatch.setenv("SSMPROOF_KERNEL_CACHE", str(pytestconfig.cache.mkdir("coq")))


@pytest.fixture
def near(request: pytest.FixtureRequest) -> Iterator[None]:
    """Audits go to few of the sizes that are run whatever a code says: for tests of what an answer says of a layer, not of
    how far it was followed. Slow tests go to all."""
    with pytest.MonkeyPatch.context() as patch:
        if request.node.get_closest_marker("slow") is None:
            patch.setattr(longer, "ALWAYS", (7, 33))
            patch.setattr(longer, "WIDE", longer.WIDE[:2])
            for calls in (sweep, far_calls, mode_calls):
                patch.setattr(calls, "_BUDGET", 10_000)
        yield
