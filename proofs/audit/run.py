"""The audit: does somebody else's layer run the named learner, exactly? With which step size, and where does it depart?

The target runs unmodified, in float64 and on exact numbers; the learner is a loss and autograd in the same arithmetic.
"""

from __future__ import annotations

import functools
import shlex
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import torch

from constructions.learners import Domain
from numeric.deciding import float_identity
from numeric.deciding.comparison import Comparison
from numeric.deciding.findings import ByConstants
from numeric.deciding.programs import Sizes
from numeric.entropy import Entropy
from numeric.finding import Finding, Key, Told, Verdict
from proofs.audit.anew import anew
from proofs.audit.answer import Answer, Check, Start, Word, chance_of, of, run_of
from proofs.audit.hints import hints
from proofs.audit.induction import every_length
from proofs.audit.notes import AtDefaults, AtZero, Inferable, NoDifference, NotEvery, Unsettled
from proofs.audit.parting import parting
from proofs.audit.preflight import preflight, refuses
from proofs.audit.reach import Loaded, reach
from proofs.audit.reasons import (
    Beside,
    Bounded,
    Broke,
    GradientsSampled,
    Lawless,
    NotSeen,
    OneNumber,
    Proved,
    Roundings,
    Run,
    RunDiffers,
    RunUnsure,
    Same,
    With,
    unsure,
    where,
)
from proofs.audit.rows import Row, floats, lengths, outcome, rounds, widths
from proofs.audit.stand_in import relies
from proofs.audit.world import Plain
from proofs.evidence import Settings
from proofs.target.adapters import adapt
from proofs.target.case import Case
from proofs.target.deadline import ending
from proofs.target.learners import learner
from proofs.target.loading import Target, load
from proofs.target.loading import TargetError as TargetError
from proofs.target.source.integers import functions

_OF_ONE_SEQUENCE = (Check.EXACT, Check.FLOAT, Check.LIFTED, Check.SINGLE, Check.FIRST, Check.BALLS, Check.SAMPLED)
"""Rows that say the same of two layers whichever of them is the target."""
GRADIENTS_TOO = " --gradients"
"""The option on the command line."""
_SHARED = 5
"""Bits that the probability of one row is smaller by, so that the sum of up to 32 of them keeps to the target."""


Named = str | Callable[..., Any]
"""A target or an adapter: text, as on the command line, or the callable itself."""


def audit(
    target: Named,
    against: str = "gd",
    adapter: Named | None = None,
    gates: Mapping[str, str] | None = None,
    settings: Settings = Settings(),  # noqa: B008 (frozen)
    sizes: Mapping[str, int] | None = None,
    gradients: bool = False,
) -> Answer:
    """Compare the layer `target` with the learner `against` on the exact and the sampled rung.

    target, adapter: see `proofs.target.loading`, `proofs.target.adapters`. gates: by name, values of the target's named
    arguments and of the learner's parameters: a number, an expression in the learner's parameters and N, f, m (see
    `proofs.target.gates`), or `free` (an indeterminate); `readout`: the factor between the learner's prediction and the
    target's. sizes: some of f, m, N, to fix them. gradients: whether the target's backward pass is held against the
    derivatives of the learner too. Raises TargetError for wrong usage.
    """
    with ending():
        return compared(target, against, adapter, gates, settings, sizes, gradients=gradients)


def differentiable(named: Loaded, gradients: bool) -> None:
    """Raise TargetError where gradients are asked of a target that has none."""
    if gradients and named.loaded.numpy:
        raise TargetError(f"{named.loaded.text} is numpy code, which has no backward pass: leave out --gradients")


def checked(gates: Mapping[str, str], sizes: Mapping[str, int]) -> None:
    """Raise TargetError for gates and sizes of another type."""
    for name, text in gates.items():
        if not isinstance(text, str):
            raise TargetError(f"gate {name}: expected text, such as {name}={str(text)!r}; found {type(text).__name__}")
    for name, size in sizes.items():
        if isinstance(size, bool) or not isinstance(size, int):
            raise TargetError(f"size {name}: expected a whole number, found {size!r}")


def compared(
    target: Named,
    against: str,
    adapter: Named | None = None,
    gates: Mapping[str, str] | None = None,
    settings: Settings = Settings(),  # noqa: B008 (frozen)
    sizes: Mapping[str, int] | None = None,
    lenient: bool = True,
    gradients: bool = False,
) -> Answer:
    """The audit, as a part of another one: of a call that takes too long that is told.

    lenient: a layer that is refuted by one number a token, and not by one for the context, is undecided.
    """
    gates, fixed = dict(gates or {}), dict(sizes or {})
    checked(gates, fixed)
    loaded = load(target)
    forget(loaded.call)
    case = Case.of(loaded.text, adapt(loaded, adapter), learner(against), gates)
    named = Loaded(loaded, adapter, target if isinstance(target, str) else None)
    options = _options(against, adapter, gates, fixed) + GRADIENTS_TOO * gradients
    return judged(case, named, fixed, settings, options, lenient, gradients=gradients)


def judged(
    case: Case,
    named: Loaded,
    fixed: Mapping[str, int],
    settings: Settings,
    options: str,
    lenient: bool = True,
    before: Answer | None = None,
    gradients: bool = False,
) -> Answer:
    """The audit of a case: of a target against a learner, or against another layer. options: what repeats it on the command
    line. lenient: as for `compared`. before: that of the other layer against this one, whose rows for one sequence at
    sizes that no code chose are these too. gradients: as for `audit`.
    """
    differentiable(named, gradients)
    loaded, chosen, gates = named.loaded, case.chosen, case.gates
    case.note(*loaded.notes)
    case, at = preflight(case, fixed, Entropy(settings.seed if settings.seed is not None else 0))
    relies(case, loaded, named.adapter, [at])
    at_defaults(case, loaded)
    _in_domains(case, at)
    entropy = Entropy(settings.seed)
    target_log2 = settings.target_log2 - _SHARED
    shared = [] if before is None else of(before.rows, *_OF_ONE_SEQUENCE)
    seen = before.world.integers if before is not None and before.world is not None else None
    one: list[Row] = []
    if shared and shared[0].sizes == at:
        rows = shared
    else:
        case, rows, one = _of_one_sequence(case, at, fixed, entropy, target_log2, lenient)
    rows += _at_zero(case, at, entropy.child("at 0"))
    word, reason = _judge(rows)
    if word is Word.REFUTED and one and outcome(one).verdict is Verdict.CONFIRMED:
        # what it makes of one number for each token does not refute a layer that takes one for the context
        varied = tuple(name for name, axes in case.axes.items() if "N" in axes)
        word, reason = Word.UNDECIDED, OneNumber(reason, varied, where(one))
    world, part = None, None
    if word in (Word.PROVED, Word.AGREES):
        reached = reach(case, named, rows, at, fixed, entropy.child("reach"), target_log2, seen, gradients)
        part = reached.parting
        world, broke = reached.world, reached.refuted
        if broke is not None:
            word, reason = Word.REFUTED, Broke(broke.check, broke.variant, broke.finding.reason)
        elif "N" not in fixed and world.every_length:
            induction = every_length(case, at, entropy.child("every N"), target_log2, reached.integers)
            if induction is not None:
                rows.append(Row(Check.EVERY, {k: n for k, n in at.items() if k != "N"}, induction))
                word, reason = _judge(rows)
        elif "N" not in fixed and case.adapter.stateful is not None and chosen.step is not None:
            case.note(NotEvery(Unsettled.LINES if world.open else Unsettled.INTEGERS))
        rows += reached.rows
        if word in (Word.PROVED, Word.AGREES):
            relies(case, loaded, named.adapter, _agreed(rows, world.plain, at))
        if word in (Word.PROVED, Word.AGREES) and world.limits:
            reason = Bounded(reason, world.limits)
        if word is Word.PROVED and gradients and not (world.gradients and world.gradients.exact):
            word, reason = Word.AGREES, GradientsSampled(reason)
        lawless = case.inferred.lawless()
        if word in (Word.PROVED, Word.AGREES) and lawless:
            word, reason = Word.UNDECIDED, Lawless(reason, lawless)
        if word in (Word.PROVED, Word.AGREES) and world.doubt is not None:
            word, reason = Word.UNDECIDED, NotSeen(reason, world.doubt)
    others = [r.sizes for r in of(rows, Check.EXACT) if any(r.sizes[k] != at[k] for k in ("f", "m"))]
    if word is Word.REFUTED and part is None:
        case.note(*(hints(case, loaded, named.adapter, gates, at) if case.other is None else ()))
        if others and _refuted_at(rows) is not None:
            case.note(NoDifference(at["f"], at["m"]))
    elif word is Word.UNDECIDED and _refuted_at(rows) is not None:
        alone = tuple((name, case.gates[name]) for name in chosen.names if case.given(name))
        if alone:
            case.note(Inferable(alone))
    if word is Word.REFUTED and part is None:
        part = parting(case, rows, at)
        if part is not None and not part.mode and case.other is None:
            part = anew(part, case, loaded, named.adapter, named.text)
    return Answer(
        target=loaded.text,
        adapter=case.adapter.text,
        named=True,
        word=word,
        reason=reason,
        rows=tuple(rows),
        parameters=case.described(at, others, drawn=word is Word.AGREES),
        parting=part,
        notes=tuple(case.notes),
        options=options,
        learner=chosen,
        world=world,
        free=dict(case.axes),
        start=Start.ANY if case.starts else Start.ZERO,
    )


def _of_one_sequence(
    case: Case, at: Sizes, fixed: Mapping[str, int], entropy: Entropy, target_log2: float, lenient: bool
) -> tuple[Case, list[Row], list[Row]]:
    """The rows for one sequence at sizes that no code chose, with the case that they are of; and, of a layer that is refuted
    by one number a token, the exact ones by one for the context."""
    rows = lengths(case, at, fixed, entropy, target_log2)
    rounded = case.rounded() if outcome(rows).verdict is Verdict.REFUTED else None
    if rounded is not None:
        again = lengths(rounded, at, fixed, entropy.child("rounded gates"), target_log2)
        if outcome(again).verdict is Verdict.CONFIRMED:
            case, rows = rounded, again
    single = case.alone() if lenient and outcome(rows).verdict is Verdict.REFUTED else None
    one: list[Row] = []
    if single is not None and not refuses(single, at):
        one = lengths(single, at, fixed, entropy.child("one number"), target_log2)
    if outcome(rows).verdict is Verdict.CONFIRMED and not {"f", "m"} & set(fixed):
        rows += widths(case, at, fixed, entropy.child("f and m"), target_log2)
    for row in rows:
        _in_domains(case, row.sizes)
    rows += floats(case, _refuted_at(rows) or at, entropy.child("sampled"), rows)
    return case, rows, one


def at_defaults(case: Case, loaded: Target) -> None:
    """Note the named arguments that no call gave: the answer is for their defaults."""
    given = {*case.gates, *case.shapes, *case.inferred.names}
    left = tuple((name, text) for name, text in loaded.defaults if name in case.adapter.named and name not in given)
    if left:
        case.note(AtDefaults(left))


def _in_domains(case: Case, sizes: Sizes) -> None:
    """Raise TargetError where a gate, at these sizes, is none of what its parameter can be."""
    for gate, text in case.gates.items():
        case.in_domain(gate, text, sizes)


def _at_zero(case: Case, sizes: Sizes, entropy: Entropy) -> list[Row]:
    """Plain calls with each variable at 0, which no random point is: another branch shows, and what is not finite there."""
    rows = []
    for name in case.axes:
        parameter = next((p for p in case.chosen.parameters if p.name == name), None)
        if parameter is not None and parameter.domain is Domain.POSITIVE:
            continue
        data = case.draw(sizes, torch.Generator().manual_seed(entropy.child(name).below(2**31)))
        data[name] = torch.zeros_like(data[name])
        try:
            with torch.no_grad():
                left, right = case.layer(**data), case.learner(**data)
        except Exception as error:  # anybody's code: it has no value there
            case.note(AtZero(name, type(error).__name__))
            continue
        if not bool(torch.isfinite(right).all()):
            continue
        if not bool(torch.isfinite(left).all()):
            case.note(AtZero(name))
            continue
        held = replace(case, lifted=True)
        finding = float_identity.decide(
            Comparison(held.layer, held.learner, names=case.sides),
            [{n: t.numpy() for n, t in data.items()}],
            shrinking=False,
        )
        if finding.verdict is Verdict.REFUTED:
            rows.append(Row(Check.SAMPLED, sizes, replace(finding, reason=With(name, finding.reason)), f"{name} = 0"))
    return rows


def _options(
    against: str, adapter: Named | None, gates: Mapping[str, str] | None, sizes: Mapping[str, int] | None
) -> str:
    """The audit's options as on the command line."""
    words = [f"--against {against}", *([f"--adapter {adapter}"] if isinstance(adapter, str) else [])]
    words += [f"--gate {shlex.quote(f'{name}={value}')}" for name, value in (gates or {}).items()]
    return " ".join([*words, *(f"--size {name}={size}" for name, size in (sizes or {}).items())])


def _agreed(rows: list[Row], plain: Plain, at: Sizes) -> list[Sizes]:
    """The sizes of one sequence at which the sides agreed, the audit's own first."""
    seen = [{name: row.sizes.get(name, 0) for name in ("f", "m", "N")} for row in rows]
    seen += [{**at, "N": N} for N in plain.lengths]
    seen += [{"f": f, "m": m, "N": N} for (f, m), lengths in plain.elsewhere for N in lengths]
    return [at, *(sizes for sizes in seen if all(sizes.values()))]


def _refuted_at(rows: list[Row]) -> Sizes | None:
    """The sizes of the exact refutation."""
    return next((r.sizes for r in of(rows, Check.EXACT) if r.finding.verdict is Verdict.REFUTED), None)


def _judge(rows: list[Row]) -> tuple[Word, Told]:
    """The exact rung decides where it can, and is proved only beside a float run that agrees; else balls, which sample."""
    exact = [r.finding for r in of(rows, Check.EXACT)]
    run, off = run_of(rows)
    refuted = next((f for f in exact if f.verdict is Verdict.REFUTED), None)
    if refuted is not None:
        return _refuted(rows, refuted)
    decided = [f for f in exact if f.verdict is Verdict.CONFIRMED]
    open = next((f for f in exact if f.verdict is not Verdict.CONFIRMED), None)
    own = (Check.EXACT, Check.FLOAT, Check.LIFTED, Check.SINGLE, Check.FIRST)  # judged by themselves
    judged = [r.finding for r in rows if not r.of(*own)]
    broken = next((f for f in judged if f.verdict is Verdict.REFUTED), None)
    if broken is not None:
        return Word.REFUTED, Beside(broken.reason, open.reason) if open is not None and not decided else broken.reason
    if run is Run.DIFFERS:
        assert off is not None
        differs = RunDiffers(off.reason, where(rows) if decided else None)
        return Word.REFUTED, differs if decided or open is None else Beside(differs, open.reason)
    if not decided:
        assert open is not None
        balls = next((r.finding for r in of(rows, Check.BALLS)), None)
        if balls is not None and balls.verdict is Verdict.CONFIRMED:
            return Word.AGREES, Beside(balls.reason, open.reason)
        return Word.UNDECIDED, balls.reason if balls is not None else open.reason
    alike = all(f.figures.get(Key.RECORDINGS) for f in decided)
    if run is Run.UNSURE:
        return Word.UNDECIDED, RunUnsure(Same(where(rows), alike=alike), unsure(off))
    read = any(row.finding.figures.get(Key.READ) for row in rows)
    return Word.PROVED, Proved(Same(where(rows), chance_of(rows), read, alike), run)


def forget(call: Any) -> None:
    """Empty what functools keeps for a target's functions: calls before this audit would hide from it what they ran."""
    for function in functions(call):
        for held in function.__globals__.values():
            if isinstance(held, functools._lru_cache_wrapper):
                held.cache_clear()


def _refuted(rows: list[Row], found: Finding) -> tuple[Word, Told]:
    """An exact refutation; undecided where rounded constants of the code may be all there is to it."""
    floats = of(rows, Check.FLOAT, Check.LIFTED, Check.SINGLE)
    there = floats[-1] if floats and floats[-1].sizes == _refuted_at(rows) else None
    if there is not None and isinstance(there.finding.reason, ByConstants):
        return Word.UNDECIDED, Beside(found.reason, there.finding.reason)
    if there is None or there.finding.verdict is not Verdict.CONFIRMED:
        return Word.REFUTED, found.reason
    if there.check is Check.SINGLE:
        return Word.REFUTED, Roundings(found.reason, "float32", open=False)
    open = rounds(found)
    return Word.UNDECIDED if open else Word.REFUTED, Roundings(found.reason, "float64", open)
