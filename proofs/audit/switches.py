"""Settings of torch that code may ask for, and do another thing by: each is switched for a call.

Main definition: `asked_for`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch


@contextmanager
def _determined() -> Iterator[None]:
    before, warns = torch.are_deterministic_algorithms_enabled(), torch.is_deterministic_algorithms_warn_only_enabled()
    torch.use_deterministic_algorithms(not before)
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(before, warn_only=warns)


@contextmanager
def _imprecise() -> Iterator[None]:
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("medium" if before == "highest" else "highest")
    try:
        yield
    finally:
        torch.set_float32_matmul_precision(before)


_SETTINGS: Mapping[str, tuple[str, Callable[[], Any]]] = {
    "deterministic": ("deterministic algorithms", _determined),
    "matmul_precision": ("float32 products in another precision", _imprecise),
}
"""Settings of the process that code may ask for, by a part of the name by which it does."""


def asked_for(words: Collection[str]) -> Iterator[tuple[str, Callable[[], Any]]]:
    """The other values of the settings that code asks for, given the names in it."""
    for part, (name, mode) in _SETTINGS.items():
        if any(part in word for word in words):
            yield name, mode
