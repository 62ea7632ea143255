"""Claims whose constructions a test breaks are recorded anew, before and after."""

from collections.abc import Iterator

import pytest

from numeric import programs


@pytest.fixture(autouse=True)
def _no_tapes_of_other_code(request: pytest.FixtureRequest) -> Iterator[None]:
    patched = "monkeypatch" in request.fixturenames
    if patched:
        programs.forget()
    yield
    if patched:
        programs.forget()
