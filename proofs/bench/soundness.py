"""The soundness bench: true layers must never be refuted, broken ones never confirmed.

Every layer of `proofs.bench.corpus` and every single mistake of `proofs.bench.mutations` in it is written to a file and audited as
a stranger's layer, against the learner that the unbroken layer runs. Whether a mistake changes the layer at all is
decided without the audit: by plain float64 calls of both versions on the same draws.
Main definitions: `Audited`, `Bench`, `run`.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from constructions.learners import Each
from numeric.entropy import Entropy
from numeric.finding import Verdict
from proofs.audit.answer import Word
from proofs.bench.corpus import CORPUS, Entry, public
from proofs.bench.hidden_mistakes import Situation
from proofs.bench.mutations import Mutation, mutations
from proofs.bench.trials import TRUE, Trial, Trials, in_files
from proofs.evidence import Settings
from proofs.shown import words
from proofs.target.gates import is_logarithm
from proofs.target.learners import learner

_OF_ONE = 4
"""Mutants of one layer in a sample."""
ROUNDING = 2.0**-44
"""Two orders of summing a few dozen float64 products differ by less than this, relatively; the smallest mistake made
here, a cast to float32, changes about 2^-25. The bench prints the gap that it saw."""
SINGLE = 2.0**-15
"""The same for float32."""
SIZES: tuple[Mapping[str, int], ...] = ({"f": 4, "m": 4, "N": 5}, {"f": 4, "m": 4, "N": 8})
LONG: Mapping[str, int] = {"f": 4, "m": 4, "N": 70}
"""Past every chunk of the layers; what comes out after so many tokens may have lost digits, so only what is `FAR` counts."""
FAR = 2.0**-10


@dataclass(frozen=True, kw_only=True)
class Audited(Trial):
    """One audit of the bench.

    flagged: the audit said something about the code besides the verdict, such as that it rounds to float32.
    rung: where it was refuted. others: whether it was confirmed with other parameters than the true layer: then the audit
    has named another instance of the learner (2 x the step size), which is right.
    """

    rung: str = ""
    flagged: bool = False
    others: bool = False

    @property
    def missed(self) -> bool:
        """A mistake that changes the layer, confirmed without a word."""
        silent = not (self.kind == "float cast" and self.flagged) and not self.others
        return not self.true and self.held and silent

    @property
    def false_alarm(self) -> bool:
        """A true layer, refuted."""
        return self.true and self.word is Word.REFUTED


@dataclass(frozen=True)
class Bench(Trials[Audited]):
    """All audits."""

    @property
    def passed(self) -> bool:
        """Nothing missed, no false alarm, every true layer confirmed."""
        return bool(self.true) and all(t.held for t in self.true) and not self.missed

    @property
    def missed(self) -> tuple[Audited, ...]:
        """Mistakes that were confirmed."""
        return tuple(t for t in self.trials if t.missed)

    def to_json(self) -> dict[str, Any]:
        """The object that `ssmproof soundness --json` writes."""
        return {
            "passed": self.passed,
            "equivalent": self.equivalent,
            "failing": self.failing,
            "trials": [vars(t) | {"missed": t.missed, "false_alarm": t.false_alarm} for t in self.trials],
        }


def run(
    sample: int | None = None,
    seed: int = 0,
    jobs: int = 1,
    progress: Callable[[int, int, str, str], None] = lambda done, total, what, verdict: None,
    entries: Sequence[Entry] | None = None,
) -> Bench:
    """Audit all true layers, public ones among them, and all their mutants.

    With `sample` so many mutants drawn with `seed`, and the layers that they are mutants of; all of `entries`, if given.
    """
    chosen = (*CORPUS, *public.entries()) if entries is None else tuple(entries)
    planned = plan(chosen, sample, seed)
    if entries is None and sample is not None:
        drawn = {entry.name for entry, _, _ in planned.broken}
        chosen = tuple(entry for entry in chosen if entry.name in drawn)
    versions = [*((entry, None, 0.0) for entry in chosen), *planned.broken]
    trials = in_files(trial, versions, jobs, progress)
    true = {t.layer: t.parameters for t in trials if t.true}
    trials = [replace(t, others=t.held and t.parameters != true[t.layer]) for t in trials]
    return Bench(tuple(trials), planned.equivalent, planned.failing)


@dataclass(frozen=True)
class Plan:
    """The mutants to try, each with its change; how many were left out since they change nothing, or no longer run."""

    broken: tuple[tuple[Entry, Mutation, float], ...]
    equivalent: int
    failing: int


def plan(entries: Sequence[Entry], sample: int | None, seed: int, everywhere: bool = False) -> Plan:
    """All mutants of the layers in an order drawn with `seed`, or `sample` of them, each kind in turn: mutants of few layers,
    since a true layer takes longer than all that are refuted.

    everywhere: only those that act wherever the layer is called.
    """
    every = [
        (entry, m) for entry in entries for m in mutations(entry.source, entry.adapter) if not (everywhere and m.where)
    ]
    drawn = [every[int(k)] for k in Entropy(seed).generator().permutation(len(every))]
    if sample is not None:
        layers = [*dict.fromkeys(entry.name for entry, _ in drawn)][: math.ceil(sample / _OF_ONE)]
        drawn = [(entry, mutation) for entry, mutation in drawn if entry.name in layers]
    turn: Counter[str] = Counter()
    turns = []
    for entry, mutation in drawn:
        turns.append((turn[mutation.kind], entry, mutation))
        turn[mutation.kind] += 1
    broken: list[tuple[Entry, Mutation, float]] = []
    equivalent = failing = 0
    for _, entry, mutation in sorted(turns, key=lambda item: item[0]):
        if sample is not None and len(broken) >= sample:
            break
        changed = difference(entry, mutation)
        if changed is None:
            failing += 1
        elif changed <= ROUNDING:
            equivalent += 1
        else:
            broken.append((entry, mutation, changed))
    return Plan(tuple(broken), equivalent, failing)


def trial(entry: Entry, mutation: Mutation | None, changed: float, path: Path) -> Audited:
    """Write one version to `path` and audit it there."""
    from proofs.audit.run import compared
    from proofs.target.loading import TargetError

    path.write_text(source(entry, mutation), "utf-8")
    told = version(entry, mutation, changed)
    try:
        found = compared(f"{path}:{entry.name}", entry.against, entry.adapter, dict(entry.gates), Settings(seed=1), {})
    except TargetError as error:
        return Audited(**told, word=None, reason=str(error))
    return Audited(
        **told,
        word=found.word,
        reason=words(found.reason),
        parameters=tuple((name, words(value)) for name, value in found.parameters.items()),
        rung=next((r.rung for r in found.rows if r.finding.verdict is Verdict.REFUTED), ""),
        flagged=bool(found.flags),
    )


def version(entry: Entry, mutation: Mutation | None, changed: float) -> dict[str, Any]:
    """What a trial says of the version that was tried."""
    kind, change = (mutation.kind, mutation.change) if mutation else (TRUE, "")
    return {"layer": entry.name, "kind": kind, "change": change, "changed": changed}


def source(entry: Entry, mutation: Mutation | None) -> str:
    """A file with one version of the layer."""
    return f"{entry.module}\n\n{mutation.source if mutation else entry.source}\n"


def difference(entry: Entry, mutation: Mutation) -> float | None:
    """How far the mutant is from the layer: the largest change of an output over the largest output, on float64 draws.

    None if it raises, or returns another shape, NaN or infinity: nobody would audit that.
    """
    namespace: dict[str, Any] = {}
    exec(compile(source(entry, mutation), f"<{mutation.kind}>", "exec"), namespace)
    if mutation.where is not None:
        return _where(entry, namespace[entry.name], mutation.where)
    worst = 0.0
    for k, sizes in enumerate((*SIZES, LONG)):
        arguments = draws(entry, sizes, k)
        true = _answer(entry.layer(*arguments))
        try:
            other = _answer(namespace[entry.name](*arguments))
        except Exception:
            return None
        if not isinstance(other, torch.Tensor) or other.shape != true.shape or not bool(torch.isfinite(other).all()):
            return None
        # an audit reads the last position
        last = (Ellipsis,) if true.ndim == 1 else (0, 0, -1) if _heads_first(entry) else (0, -1, 0)
        off = float((other[last] - true[last]).abs().max() / true[last].abs().max())
        if off > max(FAR if sizes is LONG else 0.0, ROUNDING * _condition(entry, arguments, true, last)):
            worst = max(worst, off)
    return worst


def _condition(entry: Entry, arguments: Sequence[torch.Tensor], true: torch.Tensor, last: tuple[Any, ...]) -> float:
    """How many times, at least 1, the rounding unit of float32 the true layer's answer moves by when it is computed there.

    Infinity where it moves by as much as it is: such a point shows no difference of two layers.
    """
    other = _answer(entry.layer(*(a.float() for a in arguments))).double()
    moved = float((other[last] - true[last]).abs().max() / true[last].abs().max())
    return max(1.0, moved / 2.0**-24) if moved < 1 else math.inf


def _where(entry: Entry, other: Callable[..., Any], where: Situation) -> float | None:
    """The same in a situation; in float32 what rounding may make of it counts for nothing."""
    worst = 0.0
    with ExitStack() as modes:
        if where.inference:
            modes.enter_context(torch.inference_mode())
        if where.no_grad:
            modes.enter_context(torch.no_grad())
        for call in range(where.calls):
            arguments = draws(entry, where.sizes, call, where)
            try:
                true, found = _answer(entry.layer(*arguments)).detach(), _answer(other(*arguments))
            except Exception:
                return None  # some layers do not take inputs that require gradients
            if not isinstance(found, torch.Tensor) or found.shape != true.shape:
                return None
            found = found.detach()
            if not bool(torch.isfinite(found).all()):
                return None
            worst = max(worst, float((found - true).abs().max() / true.abs().max()))
    return worst if not where.single or worst > SINGLE else 0.0


def _answer(result: Any) -> Any:
    """What a layer answers, without the memory that it may return beside it."""
    return result[0] if isinstance(result, tuple) else result


def _heads_first(entry: Entry) -> bool:
    return "BHTD" in (entry.adapter or "")


def draws(entry: Entry, sizes: Mapping[str, int], seed: int, where: Situation | None = None) -> list[torch.Tensor]:
    """Gaussian data and gates between 1/4 and 3/4, in the order of the layer's parameters.

    A gate that is a logarithm is one, and a number that the learner has for the whole context is the same for all tokens.
    """
    where = where or Situation()
    import inspect

    generator = torch.Generator().manual_seed(seed)

    def normal(*shape: int) -> torch.Tensor:
        return torch.randn(*shape, generator=generator, dtype=torch.float64)

    f, m, N, B, H = sizes["f"], sizes["m"], sizes["N"], where.batch, where.heads
    constant = {p.name for p in learner(entry.against).parameters if p.each is Each.CONTEXT}
    found = []
    required = [p for p in inspect.signature(entry.layer).parameters.values() if p.default is p.empty]
    for parameter in required:
        shape = {
            "X": (N, f), "Y": (N, m), "x_q": (f,), "W0": (m, f),
            "q": (B, N, H, f), "k": (B, N, H, f), "v": (B, N, H, m),
        }.get(parameter.name)  # fmt: skip
        if shape is not None:
            value = where.scale * normal(*shape)
            if where.strided:
                value = value.repeat_interleave(2, -1)[..., ::2]
        else:
            axes = entry.axes.get(parameter.name, "N" if entry.adapter else "")
            gate = tuple(sizes[axis] for axis in axes)
            if entry.adapter:  # a head behind the tokens
                gate = (B, gate[0], H, *gate[1:])
            value = torch.rand(gate, generator=generator, dtype=torch.float64) / 2 + 0.25
            stands = entry.gates.get(parameter.name, parameter.name)
            value = value.log() if is_logarithm(stands) else value
            if entry.adapter and stands in constant:
                value = value[:, :1].expand(gate).clone()
        value = value.transpose(1, 2) if _heads_first(entry) else value
        found.append(value.to(torch.float32) if where.single else value)
    return [v.requires_grad_() if where.requires_grad else v for v in found]
