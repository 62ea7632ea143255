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
import shutil
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import CodeType, FunctionType, MethodType, ModuleType
from typing import Any

from numeric.finding import Verdict
from proofs.claim import Claim
from proofs.evidence import Extent, Rung, Settings
from proofs.fingerprints import fingerprints, reached

SETTINGS = Settings(seed=1, verdict_only=True)
"""The same points for every look."""

INTERFACE = ("constructions", "constructions.namespace", "constructions.primitives")
"""What every arithmetic brings its own of: making arrays of a namespace is no construction."""

_ALONE = threading.Lock()
"""What is planted is planted for the whole process, so threads look one after the other."""

HOOKS: dict[str, Callable[..., Any]] = {}
"""What stands in for each planted function while it is planted."""

Change = Callable[[Any, str], Any]
"""A new value for a field of a result, from the old one and the field's name."""


@dataclass(frozen=True)
class Sight:
    """What one check ran of the constructions, and what of it it does not see: places, `module.function: field` each."""

    ran: tuple[str, ...]
    blind: tuple[str, ...]

    @property
    def seen(self) -> frozenset[str]:
        """The places whose perturbation it notices."""
        return frozenset(self.ran) - frozenset(self.blind)


def place(name: str, field: str = "") -> str:
    """A field of a function's result; a result that is one array is the function itself."""
    return f"{name}: {field}" if field else name


# --------------------------------------------------------------------------------------------------------------------
# Results and their fields


def changed(value: Any, change: Change, field: str = "") -> Any:
    """`value` with `change` applied to every number, array or matrix of words in it.

    Fields are named by their way in: `.C`, `[1]`; the items of a list are one field, since their number is data; a
    function's result is the field `()`.
    """
    if value is None or isinstance(value, (str, bool, type, ModuleType)):
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
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        parts = {
            f.name: changed(getattr(value, f.name), change, f"{field}.{f.name}") for f in dataclasses.fields(value)
        }
        return dataclasses.replace(value, **{name: part for name, part in parts.items() if name in _made_of(value)})
    if isinstance(value, (FunctionType, MethodType, partial)):  # polynomials are callable too, and are values
        return lambda *args, **kwargs: changed(value(*args, **kwargs), change, f"{field}()")
    return change(value, field)


def _made_of(value: Any) -> set[str]:
    return {f.name for f in dataclasses.fields(value) if f.init}


def perturbed(value: Any, key: str) -> Any:
    """Twice `value`, plus something fixed for this key and the value's shape times one plus its square.

    The fixed part is a letter of its own for matrix words, whole numbers elsewhere. A factor alone would miss what starts
    at zero or may be rescaled, a summand what may be shifted, and both together a statement that something is affine.
    """
    import numpy as np  # none of these before there is something to perturb: listing claims should stay quick

    from numeric.blocks import Blocks, blocks
    from numeric.words import Words, matrix, scalar, trace

    fixed = [1 + digit % 9 for digit in hashlib.sha256(key.encode()).digest()]
    if isinstance(value, Blocks):
        rows = enumerate(value.entries)
        return blocks([[perturbed(x, f"{key} {i} {j}") for j, x in enumerate(row)] for i, row in rows])
    if isinstance(value, Words):
        name = _letter(key, value.rows, value.cols, value.ndim)
        letter = matrix(name, value.rows, value.cols) if value.ndim else scalar(name)
        return value + value + letter * _bent(lambda: trace(value.mT @ value) if value.ndim else value * value)
    if isinstance(value, int):
        return 2 * value + fixed[0]  # a size squared would be work, not another place to look
    added: Any = fixed[0]
    torch = sys.modules.get("torch")
    tensor = torch is not None and isinstance(value, torch.Tensor)
    if (tensor or isinstance(value, np.ndarray)) and value.ndim:
        numbers = [fixed[k % len(fixed)] + k // len(fixed) % 5 for k in range(int(np.prod(value.shape)))]
        added = np.array(numbers).reshape(tuple(value.shape))
        if torch is not None and tensor:
            added = torch.tensor(added, dtype=value.dtype, device=value.device)
    return value + value + added * _bent(lambda: value * value)


def _bent(square: Callable[[], Any]) -> Any:
    """One plus the square, or one where there is no such thing."""
    try:
        return 1 + square()
    except Exception:
        return 1


_LETTERS: dict[tuple[Any, ...], str] = {}


def _letter(*key: Any) -> str:
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
def planted(
    table: Mapping[str, FunctionType], hook: Callable[[str, Callable[..., Any]], Callable[..., Any]]
) -> Iterator[None]:
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
        with _within(seconds):
            return claim.checks[rung](SETTINGS).verdict is Verdict.CONFIRMED
    except (Exception, SystemExit, _Late):
        return False


def sight(claim: Claim, rung: Rung) -> Sight | None:
    """What the check runs and does not see of the constructions; None if it does not confirm the claim as it is."""
    sides = functions(_modules(claim))
    fields: dict[str, dict[str, None]] = {}

    def noting(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def run(*args: Any, **kwargs: Any) -> Any:
            own = fields.setdefault(name, {})
            return changed(function(*args, **kwargs), lambda value, field: (own.setdefault(field), value)[1])

        return run

    start = time.process_time()
    with planted(sides, noting):
        if not _stands(claim, rung):
            return None
    seconds = time.process_time() - start
    places = [(name, field) for name, own in fields.items() for field in own]
    missed = [(name, field) for name, field in places if not _notices(claim, rung, sides[name], name, field, seconds)]
    return Sight(tuple(sorted(place(*p) for p in places)), tuple(sorted(place(*p) for p in missed)))


def _notices(claim: Claim, rung: Rung, function: FunctionType, name: str, field: str, seconds: float) -> bool:
    def wrong(value: Any, at: str) -> Any:
        try:
            return perturbed(value, place(name, field)) if at == field else value
        except Exception:  # what can't be perturbed stays as it is, and counts as unseen
            return value

    def hook(_: str, whole: Callable[..., Any]) -> Callable[..., Any]:
        return lambda *args, **kwargs: changed(whole(*args, **kwargs), wrong)

    with planted({name: function}, hook):
        return not _stands(claim, rung, seconds + 1)


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
    construction changed since, unless it has to be measured afresh."""
    kept = None if fresh else known(claim)
    if kept is None:
        serving = deciding(claim)
        with _ALONE:
            found = {rung: sight(claim, rung) for rung in dict.fromkeys(serving.values())}
        kept = {rung: own for rung, served in serving.items() if (own := found[served]) is not None}
        _keep(claim, kept)
    return kept


def by_itself(claim: Claim) -> bool:
    """Whether no look is needed to say what its rungs cover: one rung alone sees all that the claim is known to rest on,
    and a claim whose files reach no construction is about none."""
    return len(claim.rungs) == 1 or not _modules(claim)


def depends(sights: Mapping[Rung, Sight]) -> frozenset[str]:
    """The places that the claim depends on: those that a rung which runs both whole sides notices.

    A derivation or a theorem may run helpers of its own, on which nothing of the claim rests but that very proof.
    """
    return frozenset[str]().union(*(s.seen for s in _finite(sights)))


def unseen(sights: Mapping[Rung, Sight], rung: Rung) -> tuple[str, ...] | None:
    """What the claim depends on and this rung does not see; None if the rung was not looked at.

    A function is named as a whole where no field that matters is seen.
    """
    if rung not in sights:
        return None
    needed = depends(sights)
    missing = needed - sights[rung].seen
    said = []
    for name in sorted({p.partition(": ")[0] for p in missing}):
        own = {p for p in needed if p.partition(": ")[0] == name}
        said += [name] if own <= missing else sorted(own & missing)
    return tuple(said)


def labels(claim: Claim, sights: Mapping[Rung, Sight] | None) -> dict[Rung, tuple[str, ...] | None]:
    """What each rung of the claim does not see, given what was looked at; None where nobody looked."""
    if by_itself(claim):
        return dict.fromkeys(claim.rungs, ())
    return {rung: unseen(sights or {}, rung) for rung in claim.rungs}


def silent(sights: Mapping[Rung, Sight]) -> tuple[str, ...]:
    """What the sides run and no rung sees: the claim says nothing about it, or holds whatever it is."""
    run = frozenset[str]().union(*(s.ran for s in _finite(sights)))
    return tuple(sorted(run - frozenset[str]().union(*(s.seen for s in sights.values()))))


def _finite(sights: Mapping[Rung, Sight]) -> list[Sight]:
    return [s for rung, s in sights.items() if rung.extent is not Extent.ALL] or list(sights.values())


# --------------------------------------------------------------------------------------------------------------------
# The cache


def known(claim: Claim) -> dict[Rung, Sight] | None:
    """What was seen of the claim when its files and its constructions were as they are now; None if never."""
    try:
        data = json.loads(_file(claim).read_text("utf-8"))
        if data["key"] != _key(claim):
            return None
        return {Rung(r): Sight(tuple(s["ran"]), tuple(s["blind"])) for r, s in data["rungs"].items()}
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _keep(claim: Claim, sights: Mapping[Rung, Sight]) -> None:
    data = {"key": _key(claim), "rungs": {r.value: {"ran": s.ran, "blind": s.blind} for r, s in sights.items()}}
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
    return [marks.statement, marks.sides, own, *tools]


def _file(claim: Claim) -> Path:
    setting = os.environ.get("SSMPROOF_SIGHT_CACHE")
    home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "ssmproof" / "sight"
    return (Path(setting) if setting else home) / f"{claim.id}.json"
