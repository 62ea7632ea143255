"""Code that other kernels than torch's run: what a call of it did, so that a recorded call can be held against a bare one.

Main definition: `Watch`. Such code is recorded on arrays of our own, which it can notice; so its path, bytecode by
bytecode, has to be the one that it takes on real arrays, beside equal bits.
"""

from __future__ import annotations

import sys
import sysconfig
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from types import CodeType, FrameType
from typing import Any

from numeric.tape.places import UNKNOWN, skips
from numeric.tape.storage_tape import Place
from numeric.tape.uncollected import uncollected

_STANDARD = tuple(sysconfig.get_paths()[name] for name in ("stdlib", "platstdlib"))
_HELD = threading.local()


class Watch:
    """Inside the block, on this thread, calls of foreign code add to `path`.

    own: whether results keep the bits of the foreign kernels (else those of torch's kernels, which a replay gives, and
    no path is kept).
    path: code objects and positions in them, in order. ran: whether foreign code ran at all.
    """

    def __init__(self, own: bool = True) -> None:
        self.own = own
        self.ran = False
        self.path: list[tuple[CodeType, int]] = []
        self._skipped: dict[CodeType, bool] = {}

    def __enter__(self) -> Watch:
        self._before = getattr(_HELD, "watch", None)
        _HELD.watch = self
        return self

    def __exit__(self, *error: Any) -> None:
        _HELD.watch = self._before

    def parts_from(self, other: Watch) -> Place | None:
        """The first line at which the paths differ, None where they don't."""
        if self.path == other.path:
            return None
        shared = zip(self.path, other.path, strict=False)
        k = next((k for k, (a, b) in enumerate(shared) if a != b), min(len(self.path), len(other.path)))
        longer = self.path if len(self.path) > k else other.path
        # where it decided: the last position that both reached
        code, position = longer[max(k - 1, 0)] if longer else (None, 0)
        return UNKNOWN if code is None else (code.co_filename, _line(code, position))

    def _trace(self, frame: FrameType, event: str, argument: Any) -> Callable[..., Any] | None:
        code = frame.f_code
        if code.co_filename.startswith("<") and frame.f_back is not None:
            code = frame.f_back.f_code  # code without a file is its caller's
        skipped = self._skipped.get(code)
        if skipped is None:
            skipped = self._skipped[code] = _passes(code.co_filename)
        if skipped:
            return None
        frame.f_trace_opcodes, frame.f_trace_lines = True, False
        return self._step

    def _step(self, frame: FrameType, event: str, argument: Any) -> Callable[..., Any]:
        if event == "opcode":
            self.path.append((frame.f_code, frame.f_lasti))
        return self._step


def watched() -> Watch | None:
    """The innermost watch of this thread."""
    return getattr(_HELD, "watch", None)


@contextmanager
def followed() -> Iterator[None]:
    """Around a call of foreign code: its path goes to the watch, if there is one."""
    watch = watched()
    if watch is None:
        yield
        return
    watch.ran = True
    if not watch.own:
        yield  # nobody compares its path
        return
    before = sys.gettrace()
    with uncollected():  # whom a collection calls back, and when, is no choice of the code's
        sys.settrace(watch._trace)
        try:
            yield
        finally:
            sys.settrace(before)


def apart(function: Callable[..., Any]) -> Callable[..., Any]:
    """`function`, a part of this package that foreign code calls, without the cost of being followed."""

    @wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        trace = sys.gettrace()
        if not isinstance(getattr(trace, "__self__", None), Watch):
            return function(*args, **kwargs)
        sys.settrace(None)
        try:
            return function(*args, **kwargs)
        finally:
            sys.settrace(trace)

    return call


def _passes(file: str) -> bool:
    return skips(file) or (file.startswith(_STANDARD) and "site-packages" not in file)


def _line(code: CodeType, position: int) -> int:
    lines = (line for start, end, line in code.co_lines() if start <= position < end and line is not None)
    return next(lines, code.co_firstlineno)
