"""No tape outlives what a test exchanges in the code."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from numeric import programs


@pytest.fixture(autouse=True)
def _no_tape_of_other_code(request: pytest.FixtureRequest) -> Iterator[None]:
    """Programs keep their tapes; one of the code as it is must not stand for code that is broken, nor the reverse."""
    exchanging = "monkeypatch" in request.fixturenames
    if exchanging:
        programs.forget()
    yield
    if exchanging:
        programs.forget()
