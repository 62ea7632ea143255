"""Fingerprints of what evidence is about, and what a module rests on; both from the imports, read off the source.

Main definitions: `fingerprints`, `stale`, `Stale`, `at_one_moment`; `reached` and `below` serve `proofs.verify.graph` too.
Nothing is imported to find out: files are parsed, so the answer is the same on a machine without a GPU or Coq.
"""

from __future__ import annotations

import ast
import contextlib
import hashlib
import importlib.metadata
import json
import os
import platform
from collections.abc import Callable, Iterable, Iterator
from contextvars import ContextVar
from dataclasses import dataclass
from functools import cache, wraps
from pathlib import Path
from typing import Any, TypeVar, cast

import constructions
import numeric
import proofs
from numeric.finding import Said
from proofs import registry
from proofs.claim import Claim
from proofs.evidence import Evidence, Fingerprints

DECIDING = ("numpy", "scipy", "sympy", "mpmath", "torch", "python-flint", "symengine")
"""The libraries whose answers a verdict rests on, by distribution name."""

REMOVED = "claim"
"""What `Stale.changed` holds when the claim itself is gone."""

_MODEL = ("proofs.claim", "proofs.evidence", "proofs.figure", "proofs.registry")


F = TypeVar("F", bound=Callable[..., Any])
_MOMENT: ContextVar[dict[Any, Any] | None] = ContextVar("moment", default=None)


@contextlib.contextmanager
def at_one_moment() -> Iterator[None]:
    """Inside, files are looked at once for all claims, and taken to stay as they were found."""
    token = _MOMENT.set({})
    try:
        yield
    finally:
        _MOMENT.reset(token)


def _once(function: F) -> F:
    """A function that looks at files, its answers kept inside `at_one_moment`."""

    @wraps(function)
    def run(*names: Any) -> Any:
        seen = _MOMENT.get()
        if seen is None:
            return function(*names)
        if (function, names) not in seen:
            seen[function, names] = function(*names)
        return seen[function, names]

    return cast(F, run)


@dataclass(frozen=True)
class Stale(Said):
    """One piece of evidence that no longer speaks about today's code, and which parts changed since."""

    claim: str
    rung: str
    changed: tuple[str, ...]


def fingerprints(claim: Claim) -> Fingerprints:
    """The fingerprints of `claim` as its files are now."""
    words = json.dumps([claim.statement, list(claim.assumptions), claim.source])
    files = reached(claim.module)
    sides = sorted((name, _digest(path)) for name, path in files.items())
    if "proofs.kernel.rung" in files:  # the theorems are sides too, and the pins say what they state
        sides += [(path.name, _digest(path)) for path in _theorems()]
    return Fingerprints(statement=_sha(words), sides=_sha(json.dumps(sides)), engines=_engines())


def stale(evidence: Iterable[Evidence]) -> tuple[Stale, ...]:
    """Which of `evidence` (a run's, say) no longer matches the claims as they are now."""
    now: dict[str, Fingerprints | None] = {}
    found = []
    for item in evidence:
        if item.claim not in now:
            now[item.claim] = fingerprints(registry.claim(item.claim)) if item.claim in registry.ids() else None
        today = now[item.claim]
        if today is None:
            found.append(Stale(item.claim, item.rung.value, (REMOVED,)))
            continue
        parts = ("statement", "sides", "engines")
        changed = tuple(p for p in parts if getattr(today, p) != getattr(item.fingerprints, p))
        if changed:
            found.append(Stale(item.claim, item.rung.value, changed))
    return tuple(found)


@cache
def version(distribution: str) -> str | None:
    """The installed version of a distribution, or None."""
    try:
        return importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return None


@_once
def reached(module: str) -> dict[str, Path]:
    """`module` and every module of `constructions` and `proofs` it imports, transitively: name -> file."""
    found: dict[str, Path] = {}
    waiting = [module]
    while waiting:
        name = waiting.pop()
        path = _file(name)
        if path is None or name in found:
            continue
        found[name] = path
        waiting += _sides(name, path, path.stat().st_mtime_ns)
    return found


def below(module: str) -> tuple[str, ...]:
    """The modules of claims and constructions that `module` imports; a helper's imports count as the module's own."""
    found: set[str] = set()
    waiting, seen = [module], {module}
    while waiting:
        name = waiting.pop()
        path = _file(name)
        for other in _sides(name, path, path.stat().st_mtime_ns) if path else ():
            if other in seen or _file(other) is None:
                continue
            seen.add(other)
            if other.removeprefix("proofs.") in registry.ids() or other.startswith("constructions."):
                found.add(other)
            else:
                waiting.append(other)
    return tuple(sorted(found))


def _is_side(name: str) -> bool:
    """True for what a claim's two sides and its checks are made of; the evidence model and the engines are not."""
    top, *rest = name.split(".")
    return top == "constructions" or (top == "proofs" and bool(rest) and name not in _MODEL)


@_once
def _file(name: str) -> Path | None:
    top, *rest = name.split(".")
    package = {"constructions": constructions, "proofs": proofs}.get(top)
    for home in package.__path__ if package else ():
        base = os.path.join(home, *rest)  # thousands of names are looked up, and most are none
        for path in (f"{base}.py",) * bool(rest) + (os.path.join(base, "__init__.py"),):
            if os.path.isfile(path):
                return Path(path)
    return None


@cache
def _sides(module: str, path: Path, changed: int) -> tuple[str, ...]:
    """What `module` imports of the sides, each once."""
    return tuple(dict.fromkeys(name for name in _imports(module, path) if _is_side(name)))


def _imports(module: str, path: Path) -> Iterator[str]:
    """Every name `module` imports, as if each were a module; names that are none have no file and drop out."""
    package = module if path.name == "__init__.py" else module.rpartition(".")[0]
    for node in _statements(ast.parse(path.read_text("utf-8"), str(path))):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                above = package.split(".")[: len(package.split(".")) - node.level + 1]
                base = ".".join([*above, base] if base else above)
            names = [base, *(f"{base}.{alias.name}" for alias in node.names)]
        else:
            continue
        for name in names:
            parts = name.split(".")
            # importing a.b.c runs a and a.b too, so their sources are part of the side
            yield from (".".join(parts[:k]) for k in range(1, len(parts) + 1))


def _statements(module: ast.Module) -> Iterator[ast.AST]:
    """All statements, those in others too; expressions hold none."""
    waiting: list[ast.AST] = [module]
    while waiting:
        node = waiting.pop()
        yield node
        for name in ("body", "orelse", "finalbody", "handlers", "cases"):
            below = getattr(node, name, ())
            waiting += below if isinstance(below, list) else ()  # a lambda's body is an expression


def _theorems() -> list[Path]:
    return [p for home in proofs.__path__ for kind in ("*.v", "*.json") for p in sorted(Path(home, "coq").glob(kind))]


@_once
def _engines() -> str:
    sources = [_digest(p) for home in numeric.__path__ for p in sorted(Path(home).rglob("*.py"))]
    versions = [f"{name} {version(name)}" for name in DECIDING]
    return _sha(json.dumps([sources, versions, platform.python_version()]))


@_once
def _digest(path: Path) -> str:
    return _hashed(path, path.stat().st_mtime_ns)


@cache
def _hashed(path: Path, changed: int) -> str:
    # as text, so that a checkout with other line ends has the same fingerprint
    return _sha(path.read_text("utf-8"))


def _sha(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
