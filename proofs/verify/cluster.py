"""The workers of a Dask cluster in place of processes of this machine: the same units, the same answers.

Main definitions: `workers`, `client_here`, `spread_over`, `NoCluster`.
"""

from __future__ import annotations

import hashlib
import pickle
import platform
import re
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from proofs.mistake import UserMistake
from proofs.verify.fingerprints import version

_ROOT = Path(__file__).resolve().parents[2]
_ROOMS = ("constructions", "numeric", "proofs", "reports")
_SECONDS = 10
"""For which the scheduler may let us wait."""


_CLIENT: ContextVar[Any] = ContextVar("client", default=None)


class NoCluster(UserMistake):
    """The cluster can't be used; the message says what it lacks."""


@contextmanager
def workers(address: str) -> Iterator[int]:
    """Inside the block, work for several processes goes to the workers of this scheduler; yields the number to ask for.

    address: where `dask scheduler` listens, as tcp://host:8786. A worker that is lost costs what it was working on,
    which others do again. A target's calls have no time limit there: workers do not run in a main thread.
    Raises NoCluster where nobody answers, there are no workers, one has several threads (recordings and modes of
    PyTorch are a process's own) or one has other code or other versions of packages than this machine.
    """
    if find_spec("distributed") is None:
        raise NoCluster("--cluster needs Dask; install it with: pip install 'ssmproof[cluster]'")
    from distributed import Client

    if not re.fullmatch(r"[a-z]+://\S+", address):
        raise NoCluster(f"{address!r} is no scheduler's address; expected one such as tcp://localhost:8786")
    try:
        client: Any = Client(address, timeout=_SECONDS, set_as_default=False)  # type: ignore[no-untyped-call]
    except (OSError, ValueError, TypeError) as error:
        raise NoCluster(f"no Dask scheduler answers at {address!r} ({type(error).__name__})") from error
    with client:
        _usable(client, address)
        token = _CLIENT.set(client)
        try:
            yield len(client.nthreads())
        finally:
            _CLIENT.reset(token)


def client_here() -> Any:
    """The client of the cluster that work goes to; None outside `workers`."""
    return _CLIENT.get()


def spread_over(
    client: Any, function: Callable[..., Any], work: Sequence[tuple[Any, ...]]
) -> Generator[tuple[int, Any], None, None]:
    """The function's answers for each piece of work, with its number, in any order; raises what a piece raised.

    Not joblib's backend for Dask: where a piece of work has cost several workers, it waits for ever.
    """
    from distributed import as_completed

    pieces = [pickle.dumps((function, arguments)) for arguments in work]
    futures = {client.submit(_done, piece, pure=False): k for k, piece in enumerate(pieces)}
    try:
        done = as_completed(list(futures), loop=client.loop, with_results=True)  # type: ignore[no-untyped-call]
        for future, answer in done:
            yield futures[future], pickle.loads(answer)
    finally:
        client.cancel(list(futures))


def _done(piece: bytes) -> bytes:
    """One piece of work, in bytes both ways: Dask would hand an enumeration's texts on as plain texts."""
    function, arguments = pickle.loads(piece)
    return pickle.dumps(function(*arguments))


def _usable(client: Any, address: str) -> None:
    threads = client.nthreads()
    if not threads:
        raise NoCluster(
            f"the scheduler at {address} has no workers; start some with: dask worker {address} --nthreads 1"
        )
    several = [worker for worker, count in threads.items() if count > 1]
    if several:
        raise NoCluster(f"worker {several[0]} has {threads[several[0]]} threads; start it with: --nthreads 1")
    here = code_and_packages()
    for worker, there in client.run(code_and_packages, on_error="return").items():
        if isinstance(there, BaseException):
            raise NoCluster(f"ssmproof is not installed at worker {worker} as it is here ({type(there).__name__})")
        other = [name for name, mark in here.items() if there.get(name) != mark]
        if other:
            raise NoCluster(f"worker {worker} differs from this machine in {', '.join(other)}; install the same there")


def code_and_packages() -> dict[str, str]:
    """What answers rest on, each with its version; of the project's code a hash."""
    digest = hashlib.sha256()
    for file in sorted(path for room in _ROOMS for path in (_ROOT / room).rglob("*.py")):
        digest.update(f"{file.relative_to(_ROOT)}\0".encode() + file.read_bytes())
    packages = ("torch", "numpy", "scipy", "sympy", "mpmath", "python-flint", "symengine", "hypothesis")
    return {"ssmproof": digest.hexdigest(), "Python": platform.python_version()} | {
        name: version(name) or "not installed" for name in packages
    }
