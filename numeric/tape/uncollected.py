"""Blocks in which no garbage collection happens.

Main definition: `uncollected`.
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
