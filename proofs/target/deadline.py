"""A time limit for each call of somebody else's code: a loop that does not end at some point ends the audit, not the day.

The limit counts CPU seconds of the thread, and ten times as many on the clock for code that waits. It holds in the main
thread of systems with interval timers; elsewhere calls are as long as they are.
Main definitions: `limited`, `ending`, `Late`.
"""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from proofs.target.loading import Stop, TargetError

VARIABLE = "SSMPROOF_CALL_SECONDS"
"""The environment variable that sets the limit."""
SECONDS = 60.0
"""More than a compiler takes in a first call."""
_WAITING = 10
"""Seconds on the clock for each second of CPU time that a call may take."""
_EVERY = 0.5
"""Seconds between two looks at the time."""
_ROOMS = tuple(f"{Path(__file__).resolve().parents[2] / room}/" for room in ("numeric", "proofs", "reports"))
_TARGETS = tuple(f"{Path(__file__).resolve().parents[1] / 'bench'}/{name}" for name in ("corpus/", "foreign.py"))


class Late(Stop):
    """A call took longer than it may; nothing that targets catch, and nothing that an audit goes on after."""


def seconds() -> float:
    """The limit in CPU seconds. Raises TargetError for one that is no positive number."""
    text = os.environ.get(VARIABLE, "")
    try:
        found = float(text or SECONDS)
    except ValueError:
        found = 0.0
    if not 0 < found < 1e6:
        raise TargetError(f"{VARIABLE}={text!r}: expected a number of seconds above 0")
    return found


@contextmanager
def limited(what: str, point: Callable[[], str]) -> Iterator[None]:
    """Inside the block, code that takes too long is left by Late, which names `what` and the point."""
    usable = hasattr(signal, "setitimer") and threading.current_thread() is threading.main_thread()
    if not usable:
        yield
        return
    limit = seconds()
    cpu, clock = time.thread_time(), time.monotonic()

    def look(number: int, frame: FrameType | None) -> None:
        used, waited = time.thread_time() - cpu, time.monotonic() - clock
        if (used < limit and waited < _WAITING * limit) or (_ours(frame) and waited < 2 * _WAITING * limit):
            return
        spent = f"{limit:g} s of CPU time" if used >= limit else f"{_WAITING * limit:g} s"
        raise Late(
            f"{what} did not return within {spent}, called {point()}: a loop that does not end there, or a slow one; "
            f"nothing is said about it (--call-seconds, or {VARIABLE}, sets the limit)"
        )

    before = signal.signal(signal.SIGALRM, look)
    left, every = signal.setitimer(signal.ITIMER_REAL, _EVERY, _EVERY)
    try:
        yield
    finally:
        passed = time.monotonic() - clock
        signal.setitimer(signal.ITIMER_REAL, max(left - passed, 1e-3) if left else 0.0, every)
        signal.signal(signal.SIGALRM, before)


def _ours(frame: FrameType | None) -> bool:
    """Whether this package's own code runs, in which an end would leave things half done."""
    file = frame.f_code.co_filename if frame is not None else ""
    return file.startswith(_ROOMS) and not file.startswith(_TARGETS)


@contextmanager
def ending() -> Iterator[None]:
    """Around a whole audit: a call that took too long is what it says. Raises TargetError."""
    try:
        yield
    except Late as late:
        raise TargetError(str(late)) from None
