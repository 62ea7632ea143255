"""What becomes of a check that does not end as one, as data; `reports.said` has the words."""

from __future__ import annotations

from dataclasses import dataclass

from numeric.finding import Said


@dataclass(frozen=True)
class CheckRaised(Said):
    """A check raised an exception. error: its class and message; place: file, line and function, where it is known."""

    error: str
    place: tuple[str, int, str] | None


@dataclass(frozen=True)
class WorkerFailed(Said):
    """A process that runs checks died, with this message."""

    error: str


@dataclass(frozen=True)
class Interrupted(Said):
    """A run ended after so many of its units."""

    done: int
    units: int
