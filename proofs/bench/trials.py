"""What the two benches of broken layers share: one version of a layer and the answer about it, all of them, and their files.

Main definitions: `Trial`, `Trials`, `in_files`.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

from proofs.audit.answer import Word
from proofs.verify.run import spread

TRUE = "none"
"""The kind of mistake in a true layer."""


@dataclass(frozen=True, kw_only=True)
class Trial:
    """One version of a layer and what it was answered. kind: the mistake; changed: by how much, relatively.

    word: None where the version can't be audited; reason, parameters: as the answer says them.
    """

    layer: str
    kind: str
    change: str
    changed: float
    word: Word | None
    reason: str
    parameters: tuple[tuple[str, str], ...] = ()

    @property
    def true(self) -> bool:
        """Whether it is the layer as it should be."""
        return self.kind == TRUE

    @property
    def held(self) -> bool:
        """Whether it was said to be the learner."""
        return self.word in (Word.PROVED, Word.AGREES)

    @property
    def open(self) -> bool:
        """Whether it was not decided."""
        return self.word in (Word.UNDECIDED, None)


T = TypeVar("T", bound=Trial)


@dataclass(frozen=True)
class Trials(Generic[T]):
    """All trials. equivalent: mistakes that change nothing. failing: mistakes with which the layer no longer runs."""

    trials: tuple[T, ...]
    equivalent: int
    failing: int

    @property
    def true(self) -> tuple[T, ...]:
        """Those of true layers."""
        return tuple(t for t in self.trials if t.true)

    @property
    def broken(self) -> tuple[T, ...]:
        """Those of broken ones."""
        return tuple(t for t in self.trials if not t.true)


def in_files(
    ask: Callable[..., T],
    versions: Sequence[tuple[Any, ...]],
    jobs: int,
    progress: Callable[[int, int, str, str], None],
) -> list[T]:
    """`ask(*version, path)` of each version, an entry first, with a file of its own to write to."""
    trials: dict[int, T] = {}
    work = [(ask, item, f"{item[0].name}_{k}.py") for k, item in enumerate(versions)]
    with closing(spread(_in_file, work, jobs)) as found:
        for k, trial in found:
            trials[k] = trial
            progress(len(trials), len(work), f"{trial.layer}, {trial.kind}", trial.word or "not run")
    return [trials[k] for k in range(len(work))]


def _in_file(ask: Callable[..., T], version: tuple[Any, ...], name: str) -> T:
    """Run where the worker is, which may share no folder with this machine."""
    with tempfile.TemporaryDirectory() as folder:
        return ask(*version, Path(folder) / name)
