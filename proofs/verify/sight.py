"""What a claim's checks look at: every construction function they run is perturbed, and each check runs again.

A check that stays confirmed when a function's result is another one does not see that function, whatever its derivation
says. Results are perturbed field by field (`numeric.probing.planting`). A function that other rungs of the claim run and this one
does not is unseen too, and one that no rung sees is unseen by all; but a value that goes nowhere (one field of a
system, say, of which the claim takes another) is nothing that the claim depends on: with something unusable in its place
the check still confirms, and nobody has looked at it.
Kept in the user's cache folder by fingerprint, so that only what changed is looked at again.
Main definitions: `look`, `labels`, `unseen`, `silent`, `Sight`, `Place`.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import signal
import sys
import threading
import time
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import astuple, dataclass, fields
from pathlib import Path
from types import FunctionType
from typing import Any

from numeric.finding import Verdict
from numeric.probing.planting import Hook, disturbing, functions, noting, planted, withholding
from proofs.claim import Claim
from proofs.evidence import Extent, Rung, Settings
from proofs.verify.fingerprints import fingerprints, reached

SETTINGS = Settings(seed=1, verdict_only=True)
"""The same points for every look."""

INTERFACE = ("constructions", "constructions.namespace", "constructions.primitives")
"""What every arithmetic brings its own of: making arrays of a namespace is no construction."""

_ALONE = threading.Lock()
"""What is planted is planted for the whole process, so threads look one after the other."""


@dataclass(frozen=True, order=True)
class Place:
    """A field of a function's result; a result that is one array is the function itself. function: `module.function`."""

    function: str
    field: str = ""

    def __str__(self) -> str:
        return f"{self.function}: {self.field}" if self.field else self.function


@dataclass(frozen=True)
class Sight:
    """What one check ran of the constructions, and what of it it does not see.

    idle: those of the latter whose values go nowhere in it.
    """

    ran: tuple[Place, ...]
    blind: tuple[Place, ...]
    idle: tuple[Place, ...] = ()

    @property
    def seen(self) -> frozenset[Place]:
        """The places whose perturbation it notices."""
        return frozenset(self.ran) - frozenset(self.blind)


# --------------------------------------------------------------------------------------------------------------------
# Looking


def _modules(claim: Claim) -> list[str]:
    return sorted(n for n in reached(claim.module) if n.startswith("constructions") and n not in INTERFACE)


class _Late(BaseException):
    """A check took longer than it may; no Exception, so that a check can't swallow it."""


@contextlib.contextmanager
def _within(seconds: float) -> Iterator[None]:
    """Raise _Late after so many CPU seconds (0: never), where there is such a timer and this is the main thread."""
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


def _stands(claim: Claim, rung: Rung, seconds: float = 0) -> bool:
    """Whether the check confirms. One that does not within the time is not confirmed: perturbed equations can explode."""
    try:
        with _within(seconds), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of what a perturbed calculation warns is of no interest
            return claim.checks[rung](SETTINGS).verdict is Verdict.CONFIRMED
    except (Exception, SystemExit, _Late):
        return False


def sight(claim: Claim, rung: Rung) -> Sight | None:
    """What the check runs and does not see of the constructions; None if it does not confirm the claim as it is."""
    sides, found = functions(_modules(claim), "constructions"), dict[str, dict[str, None]]()
    start = time.process_time()
    with _planted(sides, noting(found)):
        if not _stands(claim, rung):
            return None
    seconds = time.process_time() - start
    places = sorted(Place(name, field) for name, own in found.items() for field in own)
    missed = [p for p in places if not _notices(claim, rung, sides[p.function], p, seconds)]
    idle = [p for p in missed if _unneeded(claim, rung, sides[p.function], p)]
    return Sight(tuple(places), tuple(missed), tuple(idle))


def _notices(claim: Claim, rung: Rung, function: FunctionType, place: Place, seconds: float) -> bool:
    """A derivation has to notice without plain arrays: those it runs have some sizes, and its word is for all."""
    from numeric.deciding import programs

    with (
        _planted({place.function: function}, disturbing(place.field, arrays=rung is not Rung.UNIVERSAL)),
        programs.lightly(),
    ):
        return not _stands(claim, rung, seconds + 1)


def _unneeded(claim: Claim, rung: Rung, function: FunctionType, place: Place) -> bool:
    looks: list[str] = []
    with _planted({place.function: function}, withholding(place.field, looks)):
        return _stands(claim, rung) and not looks


@contextlib.contextmanager
def _planted(table: Mapping[str, FunctionType], hook: Hook) -> Iterator[None]:
    """With no tape kept and the caches of constructions and claims empty: what is kept from before hides whether a
    function runs."""
    _forget()
    try:
        with planted(table, hook):
            yield
    finally:
        _forget()


def _forget() -> None:
    from numeric.deciding import programs
    from proofs import registry

    programs.forget()
    rooms = ("constructions.", *{f"proofs.{id.partition('.')[0]}." for id in registry.ids()})
    for name, module in list(sys.modules.items()):
        if name.startswith(rooms):
            for value in vars(module).values():
                clear = getattr(value, "cache_clear", None)
                if callable(clear):
                    clear()


def deciding(claim: Claim) -> dict[Rung, Rung]:
    """For each rung to look at, the rung whose look serves: the exact one where both decide one pair of sides.

    Draws repeat at points what an exact rung decides; beside one that is about other sides they are left out.
    """
    sides = getattr(claim.checks.get(Rung.EXACT), "__self__", None)
    found = {}
    for rung in claim.rungs:
        if (
            sides is not None
            and rung.extent is not Extent.ALL
            and getattr(claim.checks[rung], "__self__", None) is sides
        ):
            found[rung] = Rung.EXACT
        elif rung is not Rung.SAMPLED or Rung.EXACT not in claim.checks:
            found[rung] = rung
    return found


def look(claim: Claim, fresh: bool = False) -> dict[Rung, Sight]:
    """What the claim's checks see; rungs that do not confirm are left out. From the cache where neither claim nor
    construction nor engine changed since, unless it has to be measured afresh."""
    kept = None if fresh else known(claim)
    if kept is None:
        serving = deciding(claim)
        with _ALONE:
            found = {rung: sight(claim, rung) for rung in dict.fromkeys(serving.values())}
        kept = {rung: own for rung, served in serving.items() if (own := found[served]) is not None}
        _keep(claim, kept)
    return kept


def by_itself(claim: Claim) -> bool:
    """Whether no look is needed to say what its rungs cover: a claim whose files reach no construction is about none."""
    return not _modules(claim)


def depends(sights: Mapping[Rung, Sight]) -> frozenset[Place]:
    """The places that the claim depends on: those that a rung which runs both whole sides notices.

    A derivation or a theorem may run helpers of its own, on which nothing of the claim rests but that very proof.
    """
    return frozenset[Place]().union(*(s.seen for s in _finite(sights)))


def unseen(sights: Mapping[Rung, Sight], rung: Rung) -> tuple[Place, ...] | None:
    """What the claim depends on, or runs unseen by any rung, and this rung does not see; None if it was not looked at.

    A function is named as a whole where no field that matters is seen.
    """
    if rung not in sights:
        return None
    needed = depends(sights) | frozenset(silent(sights))
    missing = needed - sights[rung].seen
    found: list[Place] = []
    for name in sorted({p.function for p in missing}):
        own = {p for p in needed if p.function == name}
        found += [Place(name)] if own <= missing else sorted(own & missing)
    return tuple(found)


def labels(claim: Claim, sights: Mapping[Rung, Sight] | None) -> dict[Rung, tuple[str, ...] | None]:
    """What each rung of the claim does not see, as evidence names it; None where nobody looked."""
    if by_itself(claim):
        return dict.fromkeys(claim.rungs, ())
    missed = {rung: unseen(sights or {}, rung) for rung in claim.rungs}
    return {rung: None if places is None else tuple(map(str, places)) for rung, places in missed.items()}


def silent(sights: Mapping[Rung, Sight]) -> tuple[Place, ...]:
    """What the sides run and look at, and no rung sees: the claim says nothing about it, or holds whatever it is."""
    run = frozenset[Place]().union(*(frozenset(s.ran) - frozenset(s.idle) for s in _finite(sights)))
    return tuple(sorted(run - frozenset[Place]().union(*(s.seen for s in sights.values()))))


def _finite(sights: Mapping[Rung, Sight]) -> list[Sight]:
    return [s for rung, s in sights.items() if rung.extent is not Extent.ALL] or list(sights.values())


# --------------------------------------------------------------------------------------------------------------------
# The cache

_PARTS = tuple(part.name for part in fields(Sight))


def known(claim: Claim) -> dict[Rung, Sight] | None:
    """What was seen of the claim when its files, its constructions and the engines were as they are now; None if never."""
    try:
        data = json.loads(_file(claim).read_text("utf-8"))
        if data["key"] != _key(claim):
            return None
        return {
            Rung(r): Sight(*(tuple(Place(*p) for p in s[part]) for part in _PARTS)) for r, s in data["rungs"].items()
        }
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _keep(claim: Claim, sights: Mapping[Rung, Sight]) -> None:
    rows = {r.value: {part: [astuple(p) for p in getattr(s, part)] for part in _PARTS} for r, s in sights.items()}
    data = {"key": _key(claim), "rungs": rows}
    path = _file(claim)
    with contextlib.suppress(OSError):  # a cache that can't be written is no reason to fail
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_name(f".{path.name}.{os.getpid()}.part")
        part.write_text(json.dumps(data), "utf-8")
        os.replace(part, path)


def _key(claim: Claim) -> list[str]:
    marks = fingerprints(claim)
    tools = [str(shutil.which("coqc"))] if Rung.KERNEL in claim.checks else []
    own = hashlib.sha256(Path(__file__).read_bytes()).hexdigest()
    return [marks.statement, marks.sides, marks.engines, own, *tools]


def _file(claim: Claim) -> Path:
    setting = os.environ.get("SSMPROOF_SIGHT_CACHE")
    home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "ssmproof" / "sight"
    return (Path(setting) if setting else home) / f"{claim.id}.json"
