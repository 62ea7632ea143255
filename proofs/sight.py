"""What a claim's checks look at: every construction function they run is perturbed, and each check runs again.

A check that stays confirmed when a function's result is another one does not see that function, whatever its derivation
says. The result is perturbed field by field, by something added: a fresh letter to matrix words, fixed constants
elsewhere (a factor would miss what starts at zero or may be rescaled). A function that other rungs of the claim run and
this one does not is unseen too. Kept in the user's cache folder by fingerprint, so that only what changed is looked at
again. Main definitions: `look`, `unseen`, `Sight`; `planted`, `perturbed` for tests.
"""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import importlib
import inspect
import json
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import CodeType, FunctionType, MappingProxyType, ModuleType
from typing import Any

import numpy as np
import torch

from numeric.blocks import Blocks
from numeric.finding import Verdict
from numeric.words import Words, matrix, scalar
from proofs.claim import Claim
from proofs.evidence import Fingerprints, Rung, Settings
from proofs.fingerprints import fingerprints, reached

SETTINGS = Settings(seed=1, shrinking=False)
"""The same points for every look; a difference needs no small counterexample to be one."""

INTERFACE = ("constructions", "constructions.namespace")
"""What every arithmetic brings its own of: making arrays of a namespace is no construction."""

HOOKS: dict[str, Callable[..., Any]] = {}
"""What stands in for each planted function while it is planted."""

Change = Callable[[Any, str], Any]
"""A new value for a field of a result, from the old one and the field's name."""


@dataclass(frozen=True)
class Sight:
    """What one check ran of the constructions (`ran`), and the fields of those results that it does not see."""

    ran: tuple[str, ...]
    blind: tuple[str, ...]


# --------------------------------------------------------------------------------------------------------------------
# Results and their fields


def changed(value: Any, change: Change, field: str = "") -> Any:
    """`value` with `change` applied to every number, array or matrix of words in it.

    Fields are named by their way in: `.C`, `[1]`; the items of a list are one field, since their number is data; a
    function's result is the field `()`.
    """
    if value is None or isinstance(value, (str, bool, np.bool_, type, ModuleType)):
        return value
    if isinstance(value, tuple):
        named = getattr(value, "_fields", None)
        labels = [f".{name}" for name in named] if named else [f"[{k}]" for k in range(len(value))]
        items = [changed(item, change, field + label) for item, label in zip(value, labels, strict=True)]
        return type(value)(*items) if named else tuple(items)
    if isinstance(value, list):
        return [changed(item, change, f"{field}[]") for item in value]
    if isinstance(value, Mapping):
        return {key: changed(item, change, f"{field}[{key}]") for key, item in value.items()}
    if dataclasses.is_dataclass(value):
        parts = {f.name: changed(getattr(value, f.name), change, f"{field}.{f.name}") for f in dataclasses.fields(value)}
        return dataclasses.replace(value, **{name: part for name, part in parts.items() if name in _made_of(value)})
    if callable(value):
        return lambda *args, **kwargs: changed(value(*args, **kwargs), change, f"{field}()")
    return change(value, field)


def _made_of(value: Any) -> set[str]:
    return {f.name for f in dataclasses.fields(value) if f.init}


def perturbed(value: Any, key: str) -> Any:
    """Twice `value` plus something fixed for this key and the value's shape: a letter of its own, or whole numbers."""
    value = value + value
    if isinstance(value, (Words, Blocks)):
        if not value.ndim:
            return value + scalar(_letter(key))
        return value + matrix(_letter(f"{key} {value.rows!r} {value.cols!r}"), value.rows, value.cols)
    digits = hashlib.sha256(key.encode()).digest()
    if isinstance(value, (np.ndarray, torch.Tensor)) and value.ndim:
        count = int(np.prod(value.shape))
        added = np.array([1 + digits[k % len(digits)] % 9 + k // len(digits) % 5 for k in range(count)])
        if isinstance(value, torch.Tensor):
            return value + torch.tensor(added.reshape(tuple(value.shape)), dtype=value.dtype, device=value.device)
        return value + added.reshape(value.shape)
    return value + (1 + digits[0] % 9)


_LETTERS: dict[str, str] = {}


def _letter(key: str) -> str:
    return _LETTERS.setdefault(key, f"Planted_{len(_LETTERS)}")


# --------------------------------------------------------------------------------------------------------------------
# Planting


def _shim(*args: Any, **kwargs: Any) -> Any:
    from proofs.sight import HOOKS as hooks  # the code runs with the globals of the function it is planted in

    return hooks["NAME"](*args, **kwargs)


def _code(name: str, of: FunctionType) -> CodeType:
    consts = tuple(name if value == "NAME" else value for value in _shim.__code__.co_consts)
    return _shim.__code__.replace(co_consts=consts, co_name=of.__name__, co_qualname=of.__qualname__)


def functions(modules: Sequence[str]) -> dict[str, FunctionType]:
    """The functions and methods that these modules of the constructions define, by `module.function`."""
    found: dict[str, FunctionType] = {}
    for name in modules:
        module = importlib.import_module(name)
        for owner, held in [(module, ""), *((c, f"{c.__name__}.") for c in vars(module).values() if _own(c, module))]:
            for value in vars(owner).values():
                function = inspect.unwrap(getattr(value, "fget", getattr(value, "__func__", value)))
                if (
                    isinstance(function, FunctionType)
                    and function.__code__.co_filename == module.__file__
                    and not function.__code__.co_freevars
                ):
                    found[f"{name.removeprefix('constructions.')}.{held}{function.__name__}"] = function
    return found


def _own(value: Any, module: ModuleType) -> bool:
    return isinstance(value, type) and value.__module__ == module.__name__


@contextlib.contextmanager
def planted(table: Mapping[str, FunctionType], hook: Callable[[str, Callable[..., Any]], Callable[..., Any]]) -> Iterator[None]:
    """While it lasts, each function of the table does what `hook(name, the function)` does, wherever it is referred to.

    The code is exchanged inside the function objects, so that names imported elsewhere, default arguments and
    programs that hold the function see it too. Values kept by `functools.cache` are forgotten before and after.
    """
    kept = [(f, f.__code__, f.__defaults__, f.__kwdefaults__) for f in table.values()]
    _forget()
    try:
        for name, function in table.items():
            signature = inspect.signature(function)
            whole = FunctionType(
                function.__code__, function.__globals__, function.__name__, function.__defaults__, function.__closure__
            )
            whole.__kwdefaults__ = function.__kwdefaults__
            HOOKS[name] = hook(name, whole)
            function.__signature__ = signature  # type: ignore[attr-defined]
            function.__code__, function.__defaults__, function.__kwdefaults__ = _code(name, function), None, None
        yield
    finally:
        for function, code, defaults, keywords in kept:
            function.__code__, function.__defaults__, function.__kwdefaults__ = code, defaults, keywords
            function.__dict__.pop("__signature__", None)
        HOOKS.clear()
        _forget()


def _forget() -> None:
    """Empty the caches of constructions and claims: a value kept from before hides whether a function runs."""
    for name, module in list(sys.modules.items()):
        if name.startswith("constructions.") or (name.startswith("proofs.") and name.count(".") > 1):
            for value in vars(module).values():
                clear = getattr(value, "cache_clear", None)
                if callable(clear):
                    clear()


# --------------------------------------------------------------------------------------------------------------------
# Looking


def _sides(claim: Claim) -> dict[str, FunctionType]:
    own = [n for n in reached(claim.module) if n.startswith("constructions") and n not in INTERFACE]
    return functions(sorted(own))


class _Late(BaseException):
    """A check took longer than it may; no Exception, so that a check can't swallow it."""


@contextlib.contextmanager
def _within(seconds: float) -> Iterator[None]:
    """Raise _Late after so many CPU seconds, where the system has such a timer and this is the main thread."""
    if not hasattr(signal, "setitimer") or threading.current_thread() is not threading.main_thread():
        yield
        return

    def late(*_: Any) -> None:
        raise _Late

    before = signal.signal(signal.SIGVTALRM, late)
    signal.setitimer(signal.ITIMER_VIRTUAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)


def _stands(claim: Claim, rung: Rung, seconds: float) -> bool:
    """Whether the check confirms. One that does not within the time is not confirmed: perturbed equations can explode."""
    try:
        with _within(seconds):
            return claim.checks[rung](SETTINGS).verdict is Verdict.CONFIRMED
    except (Exception, SystemExit, _Late):
        return False


def ran(claim: Claim, rung: Rung) -> tuple[dict[str, tuple[str, ...]], float]:
    """The construction functions that the check runs, each with the fields of its results; and its CPU seconds."""
    seen: dict[str, dict[str, None]] = {}

    def noting(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        fields = seen.setdefault(name, {})

        def note(value: Any, field: str) -> Any:
            fields[field] = None
            return value

        def run(*args: Any, **kwargs: Any) -> Any:
            fields.setdefault("ran")
            return changed(function(*args, **kwargs), note)

        return run

    start = time.process_time()
    with planted(_sides(claim), noting):
        claim.checks[rung](SETTINGS)
    runs = {name: tuple(f for f in fields if f != "ran") for name, fields in seen.items() if fields}
    return runs, time.process_time() - start


def blind(claim: Claim, rung: Rung, runs: Mapping[str, Sequence[str]], seconds: float) -> tuple[str, ...]:
    """The fields of results, of those that the check runs, that it stays confirmed without."""
    sides, found = _sides(claim), []
    for name, fields in runs.items():
        missed = [field for field in fields if not _notices(claim, rung, name, field, sides, seconds)]
        found += [name] if missed and len(missed) == len(fields) else [f"{name}: {field}" for field in missed]
    return tuple(found)


def _notices(
    claim: Claim, rung: Rung, name: str, field: str, sides: Mapping[str, FunctionType], seconds: float
) -> bool:
    def wrong(value: Any, at: str) -> Any:
        try:
            return perturbed(value, f"{name}{field}") if at == field else value
        except Exception:  # what can't be perturbed stays as it is, and counts as unseen
            return value

    def hook(_: str, function: Callable[..., Any]) -> Callable[..., Any]:
        return lambda *args, **kwargs: changed(function(*args, **kwargs), wrong)

    with planted({name: sides[name]}, hook):
        return not _stands(claim, rung, seconds + 1)
