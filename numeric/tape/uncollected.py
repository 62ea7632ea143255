"""Blocks in which no garbage collection happens, and processes in which it is rare.

Main definitions: `uncollected`, `seldom`. A collection goes through all of torch's and SymPy's objects and frees next to
nothing, since what this project makes has few cycles; at Python's own settings collections take a tenth of the time.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def uncollected() -> Iterator[None]:
    """Put collections off until the block ends: each goes through all of torch's objects, and calls others back."""
    collects = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collects:
            gc.enable()


def seldom() -> None:
    """From now on collect after 50,000 new objects, not after 700: for processes that are this project's own."""
    gc.set_threshold(50_000)
