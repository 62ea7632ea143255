"""What Coq says of a theorem, and of its ties to code, as data; `reports.said` has the words."""

from __future__ import annotations

from dataclasses import dataclass

from numeric.finding import Said


@dataclass(frozen=True)
class Rests(Said):
    """A theorem rests on these axioms, which it may; on none it is closed."""

    axioms: tuple[str, ...]


@dataclass(frozen=True)
class NotAllowed(Said):
    """A theorem rests on axioms that it may not rest on."""

    lemma: str
    axioms: tuple[str, ...]


@dataclass(frozen=True)
class StaleTheorem(Said):
    """What a theorem states, or a definition below it, is not what was pinned. definitions: those below it, None for the
    statement; pinned: the versions of Coq and mathcomp, None where nothing was."""

    lemma: str
    definitions: tuple[str, ...] | None
    pinned: tuple[str, str] | None


@dataclass(frozen=True)
class TieFails(Said):
    """A Python function raised this on fractions."""

    tie: str
    kind: str
    message: str


@dataclass(frozen=True)
class OtherFunction(Said):
    """A Python function is another one than Coq's."""

    python: str
    definition: str


@dataclass(frozen=True)
class AtTie(Said):
    """A counterexample of this tie."""

    name: str


@dataclass(frozen=True)
class Kernel(Said):
    """Coq's kernel, which has to be believed."""

    version: str


@dataclass(frozen=True)
class Definitions(Said):
    """The definitions of mathcomp."""

    version: str
