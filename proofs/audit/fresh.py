"""A process that has imported torch and nothing of this package: what a target does there, it does for its user.

`calls` sends the arguments of plain calls and gets the results. One such process is started for each of ours, and forks
for each request, so that every target is imported anew.
"""

from __future__ import annotations

import os
import select
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

_SECONDS = 60.0
Call = tuple[tuple[Any, ...], Mapping[str, Any]]
"""Positional and keyword arguments."""

_SERVER = """
import os, resource, sys
import torch
torch.set_num_threads(int(sys.argv[1]))
LIMIT = int(sys.argv[2])

def loaded(place, name, numpy):
    import importlib, importlib.util, inspect
    if place.endswith(".py"):
        path = os.path.abspath(place)
        spec = importlib.util.spec_from_file_location("target", path)
        found = importlib.util.module_from_spec(spec)
        sys.modules["target"] = found
        sys.path.insert(0, os.path.dirname(path))
        spec.loader.exec_module(found)
    else:
        sys.path.insert(0, os.getcwd())
        found = importlib.import_module(place)
    for part in name.split("."):
        found = getattr(found, part)
    if inspect.isclass(found):
        found = found()
    if isinstance(found, torch.nn.Module):
        found = found.double().eval()
    if not numpy:
        return found
    def plain(value):
        if not isinstance(value, torch.Tensor):
            return value
        array = value.numpy()
        return array if array.ndim else array[()]
    import numpy as np
    return lambda *a, **k: torch.as_tensor(np.asarray(found(*map(plain, a), **{n: plain(v) for n, v in k.items()})))

def leaves(value):
    if isinstance(value, torch.Tensor):
        return [value.detach().clone()]
    if isinstance(value, dict):
        value = list(value.values())
    return [leaf for item in value for leaf in leaves(item)] if isinstance(value, (tuple, list)) else []

def work(request):
    sys.stdout = sys.stderr = open(os.devnull, "w")
    resource.setrlimit(resource.RLIMIT_CPU, (LIMIT, LIMIT))  # a loop that does not end outlives nobody
    try:
        asked = torch.load(request, weights_only=True)
        call = loaded(asked["place"], asked["name"], asked["numpy"])
        torch.set_default_dtype(torch.float64)
        for a, k in asked["before"]:
            try:
                call(*a, **k)
            except Exception:
                pass
        if asked["state"]:
            call.load_state_dict(asked["state"], strict=False)
        answer = {"results": [leaves(call(*a, **k)) for a, k in asked["calls"]]}
    except BaseException as error:
        answer = {"error": (type(error).__name__ + ": " + (str(error).splitlines() or [""])[0])[:200]}
    torch.save(answer, request + ".out")

for line in sys.stdin:
    request = line.rstrip("\\n")
    child = os.fork()
    if child == 0:
        try:
            work(request)
        finally:
            os._exit(0)
    os.waitpid(child, 0)
    print("done", flush=True)
"""


class Unavailable(Exception):
    """No fresh process, or no answer from it; the message says why."""


@cache
def start() -> subprocess.Popen[str]:
    """The process, started once. Raises Unavailable where none can be."""
    if not hasattr(os, "fork"):
        raise Unavailable("this system can't fork processes")
    command = [sys.executable, "-c", _SERVER, str(torch.get_num_threads()), str(int(_SECONDS))]
    return subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )


def calls(
    text: str,
    made: Sequence[Call],
    numpy: bool,
    before: Sequence[Call] = (),
    state: Mapping[str, Tensor] | None = None,
) -> list[list[Tensor]]:
    """The tensors that each of the calls of the target `text` returns in a fresh process. numpy: it takes numpy arrays.
    before: calls that are made first, which it may refuse. state: parameters of a module that are set then.

    Raises Unavailable.
    """
    place, _, name = text.rpartition(":")
    with tempfile.TemporaryDirectory() as folder:
        request = str(Path(folder) / "request")
        try:
            asked = {"place": _found(place), "name": name, "numpy": numpy}
            asked |= {"calls": [list(call) for call in made], "before": [list(call) for call in before]}
            asked |= {"state": dict(state or {})}
            torch.save(asked, request)
            torch.load(request, weights_only=True)
        except Exception as error:
            raise Unavailable(f"its arguments can't be sent: {type(error).__name__}") from None
        server = start()
        if server.poll() is not None or server.stdin is None or server.stdout is None:
            start.cache_clear()
            raise Unavailable("the fresh process ended")
        server.stdin.write(request + "\n")
        server.stdin.flush()
        if not select.select([server.stdout], [], [], _SECONDS)[0]:
            server.kill()
            start.cache_clear()
            raise Unavailable(f"no answer within {_SECONDS:.0f} seconds")
        server.stdout.readline()
        try:
            answer = torch.load(request + ".out", weights_only=True)
        except Exception:
            raise Unavailable("the process ended without a result") from None
    if "error" in answer:
        raise Unavailable(f"raised {answer['error']}")
    results: list[list[Tensor]] = answer["results"]
    return results


def _found(place: str) -> str:
    """The file where targets are looked for, or the package."""
    if not place.endswith(".py"):
        return place
    path = next((p for p in (Path(base or ".") / place for base in ("", *sys.path)) if p.is_file()), Path(place))
    return str(path.resolve())


def leaves(value: Any) -> list[Tensor]:
    """The tensors in a result, as `calls` returns them."""
    if isinstance(value, Tensor):
        return [value.detach()]
    if isinstance(value, dict):
        value = list(value.values())
    return [leaf for item in value for leaf in leaves(item)] if isinstance(value, (tuple, list)) else []


def filled(results: Sequence[Any], with_leaves: Sequence[Sequence[Tensor]]) -> list[Any]:
    """Results with other tensors in them, those of `calls`."""
    rest = iter([leaf for result in with_leaves for leaf in result])
    return [_replaced(result, rest) for result in results]


def _replaced(result: Any, leaves: Iterator[Tensor]) -> Any:
    """A result with other tensors in it."""
    if isinstance(result, Tensor):
        return next(leaves)
    if isinstance(result, dict):
        return {key: _replaced(value, leaves) for key, value in result.items()}
    if isinstance(result, (tuple, list)):
        return [_replaced(item, leaves) for item in result]
    return result
