"""The one table of claims: every module in a folder of `proofs` that is a chapter, which `CHAPTER` in its `__init__` says.

Ids come from file names, so two claims can't share one. `claims()` imports all claim files; `claim(id)` only one.
"""

from __future__ import annotations

import ast
import difflib
import fnmatch
import importlib.util
import pkgutil
from collections.abc import Iterable
from functools import cache
from pathlib import Path

import proofs
from proofs.claim import Claim
from proofs.mistake import UserMistake


class UnknownClaim(UserMistake, LookupError):
    """No claim has the id or matches the pattern; the message lists the near ones."""


@cache
def ids() -> tuple[str, ...]:
    """All claim ids, sorted; files are listed, not imported. A file whose name starts with `_` holds no claim."""
    found = []
    for folder in pkgutil.iter_modules(proofs.__path__):
        package = importlib.util.find_spec(f"proofs.{folder.name}") if folder.ispkg else None
        if package is not None and _is_chapter(Path(package.origin or "")):
            found += [
                f"{folder.name}.{module.name}"
                for module in pkgutil.iter_modules(package.submodule_search_locations)
                if not module.name.startswith("_")
            ]
    return tuple(sorted(found))


def _is_chapter(init: Path) -> bool:
    """Whether the file of a package gives it a `CHAPTER`; other rooms are not imported, some would load torch."""
    body = ast.parse(init.read_text("utf-8")).body
    names = {t.id for node in body if isinstance(node, ast.Assign) for t in node.targets if isinstance(t, ast.Name)}
    return "CHAPTER" in names


@cache
def claim(id: str) -> Claim:
    """The claim called `id`. Raises UnknownClaim with the near ids."""
    if id not in ids():
        raise UnknownClaim(_unknown(id))
    module = importlib.import_module(f"proofs.{id}")
    found = getattr(module, "CLAIM", None)
    if not isinstance(found, Claim):
        raise TypeError(f"proofs/{id.replace('.', '/')}.py defines no CLAIM; start its name with '_' if it holds none")
    if found.id != id:
        raise ValueError(f"{id}: CLAIM was made with {found.module!r}; write claim(__name__, ...)")
    return found


def select(patterns: Iterable[str] = ()) -> list[Claim]:
    """The claims whose id matches one of `patterns` (shell wildcards; none means all), in order of id.

    Raises UnknownClaim if a pattern matches nothing.
    """
    wanted: dict[str, None] = {}
    for pattern in list(patterns) or ["*"]:
        hits = fnmatch.filter(ids(), pattern)
        if not hits:
            raise UnknownClaim(_unknown(pattern))
        wanted.update(dict.fromkeys(hits))
    return [claim(id) for id in sorted(wanted)]


def _unknown(id: str) -> str:
    near = difflib.get_close_matches(id, ids(), n=4, cutoff=0.4) or [i for i in ids() if id.strip("*") in i][:4]
    hint = f"near ids: {', '.join(near)}" if near else "`ssmproof claims` lists all"
    return f"no claim matches {id!r}; {hint}"
