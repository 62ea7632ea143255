"""How a command ends: a user's mistake is one line and status 2, never a traceback; what was found before it stands.

Main definitions: `Wrong`, `guarded`, `crashing`, `end`.
"""

from __future__ import annotations

import faulthandler
import os
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import NoReturn

from proofs.mistake import UserMistake
from reports.files import hush

_ENDING = os._exit
"""As it was before anybody's code ran."""
INTERRUPTED = 130
"""Exit status after Ctrl-C, as shells have it."""


class Wrong(UserMistake):
    """A command that is given what it can't take."""


def guarded(work: Callable[[], int | None]) -> int:
    """The exit status of `work`; what it raises becomes one line on standard error."""
    if "numpy" not in sys.modules:
        # The order of a sum depends on the number of threads: with one, the same seed gives the same bytes for any
        # number of --jobs. It has to be said before the libraries load.
        for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
            os.environ.setdefault(name, "1")
    try:
        status = work() or 0
    except UserMistake as mistake:
        print(f"error: {mistake}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return INTERRUPTED
    except BaseException as error:  # also a SystemExit: no command of this one ends by it
        print(f"error: {_placed(error)}", file=sys.stderr)
        return 3
    with suppress(BrokenPipeError):
        sys.stdout.flush()
        return status
    hush(sys.stdout)  # nobody reads on: what was found stands
    return status


def crashing() -> None:
    """From now on a crash below Python, as of somebody's kernel, says on standard error which line called it."""
    with suppress(OSError, ValueError, AttributeError):  # standard error may be no file
        faulthandler.enable(all_threads=False)


def end(status: int) -> NoReturn:
    """End the process with this status, past what somebody else's code has left to run at its end."""
    if "proofs.target.loading" in sys.modules:
        with suppress(OSError, ValueError):
            sys.stdout.flush()
            sys.stderr.flush()
        _ENDING(status)
    raise SystemExit(status)


def _placed(error: BaseException) -> str:
    """An unforeseen error with its innermost place, in one line."""
    import traceback

    frames = traceback.extract_tb(error.__traceback__)
    place = f" (at {frames[-1].filename}:{frames[-1].lineno} in {frames[-1].name})" if frames else ""
    return f"{type(error).__name__}: {' '.join(str(error).split())}{place}"
