"""What data decides and no operation shows: a recording does not count where the code turns at numbers no draw has."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from torch import Tensor

from numeric.deciding.programs import recorded
from numeric.tape.refusals import DataDependent

LAYERS: list[Callable[..., Tensor]] = []


def tricks(function: Callable[..., Tensor]) -> Callable[..., Tensor]:
    LAYERS.append(function)
    return function


@tricks
def swallowed_assert(X: Tensor, q: Tensor) -> Tensor:
    try:
        assert X.abs().max() < 1e3
    except AssertionError:
        return 2 * (X @ q)
    return X @ q


@tricks
def suppressed_check(X: Tensor, q: Tensor) -> Tensor:
    factor = 2
    with contextlib.suppress(ValueError):
        if X.abs().max() > 1e3:
            raise ValueError
        factor = 1
    return factor * (X @ q)


@tricks
def asserted_number(X: Tensor, q: Tensor) -> Tensor:
    assert (k := int(X.abs().max() > 1e3)) >= 0  # noqa: RUF018 (the trick)
    return (1 + k) * (X @ q)


@tricks
def looked_at_by_numpy(X: Tensor, q: Tensor) -> Tensor:
    seen = np.zeros(X.shape)
    torch.from_numpy(seen).copy_(X)
    return X @ q * (2 if np.abs(seen).max() > 1e3 else 1)


@tricks
def looked_at_by_a_view(X: Tensor, q: Tensor) -> Tensor:
    held = torch.zeros(X.shape, dtype=X.dtype)
    seen = held.numpy()
    held += X
    return X @ q * (2 if np.abs(seen).max() > 1e3 else 1)


@tricks
def looked_at_by_a_thread(X: Tensor, q: Tensor) -> Tensor:
    with ThreadPoolExecutor(1) as pool:
        large = pool.submit(lambda: bool(X.abs().max() > 1e3)).result()
    return X @ q * (2 if large else 1)


@tricks
def looked_at_entry_by_entry(X: Tensor, q: Tensor) -> Tensor:
    found: list[float] = []
    X.clone().apply_(lambda v: found.append(v) or v)
    return X @ q * (2 if max(map(abs, found)) > 1e3 else 1)


@pytest.mark.parametrize("layer", LAYERS, ids=lambda f: f.__name__)
def test_a_turn_at_large_numbers_is_no_recording(layer: Callable[..., Tensor]) -> None:
    with pytest.raises(DataDependent):
        recorded(layer).at({"X": (5, 4), "q": (4,)})


def test_a_check_that_only_raises_is_listed() -> None:
    def checked(X: Tensor, q: Tensor) -> Tensor:
        assert X.abs().max() < 1e3
        return X @ q

    tape = recorded(checked).at({"X": (5, 4), "q": (4,)})
    assert tape.escapes and all(e.guard for e in tape.escapes)


def test_data_on_another_thread_is_named_whatever_it_decides() -> None:
    def threaded(X: Tensor, q: Tensor) -> Tensor:
        seen: list[bool] = []
        thread = threading.Thread(target=lambda: seen.append(bool(X.abs().max() > 1e200)))
        thread.start()
        thread.join()
        return X @ q * (1 + seen[0])

    with pytest.raises(DataDependent, match="on another thread"):
        recorded(threaded).at({"X": (5, 4), "q": (4,)})
    assert threading.Thread.start.__module__ == "threading"
