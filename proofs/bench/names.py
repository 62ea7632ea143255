"""The soundness bench of identification: what a layer is named is checked by calling it, with nothing of the search.

Layers of `proofs.bench.corpus` (those `named`), and single mistakes of `proofs.bench.mutations` in them, are identified
as a stranger's files. What gets a name has to be the learner of that name at the numbers in the answer's words: plain
float64 calls of both, on Gaussian draws at sizes that no probe and no fit used, with gates that the identification never
set. The difference is judged against rounding, whose size the layer's own change from float32 to float64 shows.
Main definitions: `Naming`, `Names`, `run`, `departure`.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from constructions.learners import Each
from numeric.deciding.lifting import Lifted
from numeric.finding import Verdict
from proofs.audit.answer import Answer, Check, Start, of
from proofs.bench.corpus import CORPUS, Entry
from proofs.bench.mutations import Mutation
from proofs.bench.soundness import ROUNDING, draws, plan, source, version
from proofs.bench.trials import Trial, Trials, in_files
from proofs.evidence import Settings
from proofs.fitting.models import SCALE, Slot
from proofs.identify.run import identify
from proofs.shown import words
from proofs.target.gates import Value, laid_out, value
from proofs.target.learners import learner
from proofs.target.loading import TargetError, load

LENGTHS = (13, 17)
"""Context lengths of the check: no probe, fit or row of an identification has them."""
OTHER_SIZES: Mapping[str, int] = {"f": 6, "m": 5, "N": 13}
"""Where the answer is for other f and m too."""
NAMED = tuple(entry for entry in CORPUS if entry.named)
"""The true layers of this bench."""


@dataclass(frozen=True, kw_only=True)
class Naming(Trial):
    """One identification of the bench.

    named: the learner in the answer. expected: the true layer's. off: the largest difference between the layer and the
    learner so named, relative to the output or what rounding makes of it (`departure`); NaN where none is named.
    control: for a true layer, the same of its mutants against *its* learner, which the check has to tell apart.
    """

    named: str
    expected: str
    off: float = math.nan
    control: tuple[float, ...] = ()

    @property
    def wrong(self) -> bool:
        """Named, and not what it was named; or a true layer that was not named as its learner."""
        if self.true and not (self.held and self.named == self.expected):
            return True
        return self.held and not self.off <= ROUNDING

    @property
    def blind(self) -> int:
        """How many mutants the check could not tell from the true layer."""
        return sum(off <= ROUNDING for off in self.control)


@dataclass(frozen=True)
class Names(Trials[Naming]):
    """All identifications."""

    @property
    def wrong(self) -> tuple[Naming, ...]:
        """Wrong names, and true layers without theirs."""
        return tuple(t for t in self.trials if t.wrong)

    @property
    def passed(self) -> bool:
        """Every true layer named rightly, no wrong name, and the check tells every mutant from the true layer."""
        return bool(self.true) and not self.wrong and not any(t.blind for t in self.trials)

    def to_json(self) -> dict[str, Any]:
        """The object that `ssmproof soundness --identify --json` writes."""
        return {
            "passed": self.passed,
            "equivalent": self.equivalent,
            "failing": self.failing,
            "trials": [
                vars(t) | {"off": _finite(t.off), "control": [_finite(off) for off in t.control], "wrong": t.wrong}
                for t in self.trials
            ],
        }


def run(
    sample: int | None = None,
    seed: int = 0,
    jobs: int = 1,
    progress: Callable[[int, int, str, str], None] = lambda done, total, what, verdict: None,
    entries: Sequence[Entry] | None = None,
) -> Names:
    """Identify all true layers and all their mutants, or `sample` mutants drawn with `seed`, and check every name."""
    chosen = NAMED if entries is None else tuple(entries)
    planned = plan(chosen, sample, seed, everywhere=True)  # a name is checked at a few points of one situation
    work: list[tuple[Entry, Mutation | None, float, tuple[Mutation, ...]]] = []
    for entry in chosen:
        work.append((entry, None, 0.0, tuple(m for e, m, _ in planned.broken if e is entry)))
    work += [(*item, ()) for item in planned.broken]
    trials = in_files(naming, work, jobs, progress)
    return Names(tuple(trials), planned.equivalent, planned.failing)


def naming(entry: Entry, mutation: Mutation | None, changed: float, others: Sequence[Mutation], path: Path) -> Naming:
    """Write one version to `path`, identify it there, and check the name; `others`: mutants to tell it from."""
    path.write_text(source(entry, mutation), "utf-8")
    told = version(entry, mutation, changed)
    target, expected = f"{path}:{entry.name}", learner(entry.against)
    try:
        answer = identify(target, entry.adapter, settings=Settings(seed=1))
    except TargetError as error:
        return Naming(**told, word=None, reason=str(error), named="", expected=expected.id)
    found = answer.model.learner if answer.model is not None else None
    named = "" if found is None else expected.id if found.same(expected) else found.id
    off, control = math.nan, []
    if answer.accepted(sampled=True):
        off = departure(load(target).call, entry, answer)
        for k, other in enumerate(others):
            beside = path.with_name(f"{path.stem}_{k}.py")
            beside.write_text(source(entry, other), "utf-8")
            control.append(departure(load(f"{beside}:{entry.name}").call, entry, answer))
    return Naming(
        **told,
        word=answer.word,
        reason=words(answer.reason),
        parameters=tuple((name, words(value)) for name, value in answer.parameters.items()),
        named=named,
        expected=expected.id,
        off=off,
        control=tuple(control),
    )


def departure(layer: Callable[..., Any], entry: Entry, answer: Answer) -> float:
    """How far `layer` is from the learner that `answer` names, at the numbers in its words; infinite if one fails.

    The largest difference on the draws, relative to the layer's largest output there, or to its change from float32 to
    float64 over float32's unit roundoff where that is more: so much a rounding error of relative size 1 changes it.
    """
    at = answer.rows[0].sizes
    places = [{"f": at["f"], "m": at["m"], "N": N} for N in LENGTHS]
    elsewhere = any(r.finding.verdict is Verdict.CONFIRMED for r in of(answer.rows, Check.SIZES))
    if elsewhere and not any(law.elsewhere for law in answer.laws):
        places.append({**OTHER_SIZES, "m": OTHER_SIZES["f"] if at["f"] == at["m"] else OTHER_SIZES["m"]})
    return max(_departure(layer, entry, answer, sizes, k) for k, sizes in enumerate(places))


def _departure(layer: Callable[..., Any], entry: Entry, answer: Answer, sizes: Mapping[str, int], seed: int) -> float:
    required = [p.name for p in inspect.signature(entry.layer).parameters.values() if p.default is p.empty]
    given = dict(zip(required, draws(entry, sizes, 100 + seed), strict=True))
    if entry.adapter:
        X, Y, x_q = given["k"][0, :, 0], given["v"][0, :, 0], given["q"][0, -1, 0]
    else:
        X, Y, x_q = given["X"], given["Y"], given["x_q"]
    if "W0" in given and answer.start is Start.ZERO:
        given["W0"] = torch.zeros_like(given["W0"])
    gates = {}
    for gate, seen in answer.gates.items():
        given[gate], gates[gate] = _gate(gate, seen, given[gate], answer)

    def prediction(arguments: Mapping[str, Tensor]) -> Tensor:
        with torch.no_grad():
            out: Tensor = layer(**arguments)
        return (out[0, -1, 0] if entry.adapter else out).double()

    try:
        with Lifted() if answer.casts else nullcontext():
            fine = prediction(given)
        coarse = fine if answer.casts else prediction({name: array.float() for name, array in given.items()})
        right = _learner(answer, X, Y, x_q, given.get("W0", torch.zeros(Y.shape[1], X.shape[1]).double()), gates)
    except Exception:  # the layer is anybody's code
        return math.inf
    size = max(fine.abs().max(), (fine - coarse).abs().max() / (torch.finfo(torch.float32).eps / 2))
    off = float((fine - right).abs().max() / size)
    return off if math.isfinite(off) else math.inf


def _gate(gate: str, seen: str, drawn: Tensor, answer: Answer) -> tuple[Tensor, Value]:
    """What the layer gets for a gate, and what it is in the words of the answer.

    One number a token where the answer is for those, one number where it is for such, else the one it was seen at.
    """
    moved = [law.name for law in answer.laws if gate in law.moved]
    idle = any(role.gate == gate and role.idle for role in answer.roles)
    if not moved and not idle:
        drawn = torch.full_like(drawn, float(Fraction(seen)))
    elif any("N" in answer.free.get(name, ()) for name in (gate, *moved)):
        return drawn, laid_out(drawn.reshape(-1), ("N",)) if drawn.ndim else Value(drawn)
    one = drawn.reshape(-1)[0]
    return one.expand(drawn.shape).clone(), Value(one)


def _learner(answer: Answer, X: Tensor, Y: Tensor, x_q: Tensor, W0: Tensor, gates: Mapping[str, Value]) -> Tensor:
    """The prediction of the learner named, at the numbers in words."""
    model = answer.model
    assert model is not None
    (N, f), m = X.shape, Y.shape[1]
    names = {"N": Value(Fraction(N)), "f": Value(Fraction(f)), "m": Value(Fraction(m)), **gates}
    numbers = {law.name: _number(law.expression, names, X) for law in answer.laws}
    scale = numbers.pop(SCALE, X.new_ones(()))
    slots = {slot.parameter.name: slot for slot in model.slots}
    values = {p.name: _shaped(slots.get(p.name) or Slot(p), numbers, N, f) for p in model.learner.parameters}
    if model.unit_inputs:
        X = X / X.norm(dim=1, keepdim=True)
    if model.unit_query:
        x_q = x_q / x_q.norm()
    return scale * model.learner.call(X, Y, x_q, W0, **values)


def _shaped(slot: Slot, numbers: Mapping[str, Tensor], N: int, f: int) -> Tensor:
    """The parameter that the numbers of a slot make."""
    each = slot.parameter.each
    if not slot.size:
        held = numbers[slot.parameter.name]
        return held[:, None].expand(N, f) if each is Each.TOKEN_CHANNEL and held.ndim else held
    array = torch.stack([numbers[name] for name in slot.names]).reshape(slot.size)
    return array.expand(N, f) if each is Each.TOKEN_CHANNEL else array


def _number(expression: str, names: Mapping[str, Value], like: Tensor) -> Tensor:
    """The number that an expression of an answer means, () or (N,)."""
    found = value(expression, names)
    return like.new_full((), float(found.held)) if isinstance(found.held, Fraction) else found.tensor(like)


def _finite(off: float) -> float | None:
    """The number, None for one that JSON has no word for."""
    return off if math.isfinite(off) else None
