"""Ways in which numbers of the data leave a program without an operation: `x.numpy()`, `float(x)`, `repr(x)`, `data_ptr()`.

Main definition: `escapes`. The program runs once more under a function mode, beside the recorder, which knows what is
data; that run is not the recording, since a function mode can switch torch to other kernels.
"""

from __future__ import annotations

import ast
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from functools import cache
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

from numeric.tape.recorder import Recorder, _key, leave_alone
from numeric.tape.storage_tape import Escape, Place

_METHODS = (
    "item tolist numpy data_ptr untyped_storage storage __bool__ __float__ __int__ __index__ __complex__ __array__ "
    "apply_ map_ map2_ __repr__ __str__ __format__ __reduce_ex__ __dlpack__ __contains__ __hash__"
).split()
WATCHED = {getattr(Tensor, name): name for name in _METHODS if name not in ("__hash__",)}
"""Methods of a tensor that hand out its numbers."""


_RECORDER = Recorder._window.__code__.co_filename


class _Watch(TorchFunctionMode):
    def __init__(self, recorder: Recorder) -> None:
        super().__init__()
        self.recorder = recorder
        self.found: dict[Escape, None] = {}

    def __torch_function__(self, func: Callable[..., Any], types: Any, args: Any = (), kwargs: Any = None) -> Any:
        name = WATCHED.get(func)
        if name is not None and sys._getframe(1).f_code.co_filename == _RECORDER:
            name = None  # the recorder's own look at a storage, below code that is not Python's (torch.jit)
        if name is not None and args and isinstance(args[0], Tensor) and _key(args[0]) in self.recorder._known:
            place = self.recorder.places(2)
            if place[0]:
                self.found[Escape(f"Tensor.{name}", place, only_raises(place))] = None
        return func(*args, **(kwargs or {}))


leave_alone(_Watch.__torch_function__)


def escapes(program: Callable[..., Any], inputs: Mapping[str, Tensor]) -> tuple[Escape, ...]:
    """How numbers of the data leave `program` by Python's own means, in a run of its own on copies of `inputs`."""
    copies = {name: value.detach().clone() for name, value in inputs.items()}
    recorder = Recorder(copies)
    # a compiler that target code loaded would trace the watch; what it compiles is run as it is written
    loaded = "torch._dynamo" in sys.modules
    with (
        torch.no_grad(),
        torch.compiler.set_stance("force_eager") if loaded else nullcontext(),
        _threads(recorder) as started,
        recorder,
        _Watch(recorder) as watch,
    ):
        program(**copies)
    return (*watch.found, *started)


_START = threading.Thread.start
_LOCK = threading.Lock()
_WATCHED: dict[int, Callable[[], None]] = {}
"""What to call when a thread starts another, by its identity; `Thread.start` is Python's own where it is empty."""


def _started(thread: threading.Thread) -> None:
    told = _WATCHED.get(threading.get_ident())
    if told is not None:
        told()
    _START(thread)


@contextmanager
def _threads(recorder: Recorder) -> Iterator[list[Escape]]:
    """Threads that this thread starts inside the block: modes see nothing of what data they are given."""
    started: list[Escape] = []
    here = threading.get_ident()
    with _LOCK:
        _WATCHED[here] = lambda: started.append(Escape("threading.Thread.start", recorder.places(2)))
        threading.Thread.start = _started  # type: ignore[assignment, method-assign]
    try:
        yield started
    finally:
        with _LOCK:
            _WATCHED.pop(here, None)
            if not _WATCHED:
                threading.Thread.start = _START  # type: ignore[method-assign]


def only_raises(place: Place) -> bool:
    """Whether the line is an `assert`, or an `if` that does nothing but raise: there data can end a call, not change it."""
    file, line = place
    spans = _guards(file)
    return any(first <= line <= last for first, last in spans)


@cache
def _guards(file: str) -> tuple[tuple[int, int], ...]:
    try:
        tree = ast.parse(Path(file).read_text("utf-8"))
    except (OSError, SyntaxError, ValueError):
        return ()
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Assert):
            found.append((node.lineno, node.end_lineno or node.lineno))
        elif isinstance(node, ast.If) and not node.orelse and all(isinstance(s, ast.Raise) for s in node.body):
            found.append((node.test.lineno, node.test.end_lineno or node.test.lineno))
    return tuple(found)
