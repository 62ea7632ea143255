"""Identifying the learner that a layer runs, without a name given: probes, fits, and then proof where proof is possible.

Main definition: `identify`. A fit is only a guess; what is confirmed was verified on inputs that no fit saw, at other
context lengths, exactly where the layer's code is rational and on balls of 256 bits where it is not.
"""

from __future__ import annotations

import math
import shlex
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from constructions.learners import Domain, library
from numeric.entropy import Entropy
from numeric.finding import Key, Told, Verdict
from numeric.probing.box import Arithmetic, Undefined, as_floats
from numeric.probing.probes import ask
from proofs.audit.answer import Answer, Check, Start, Word, chance_of, of, run_of
from proofs.audit.notes import AtZero
from proofs.audit.preflight import preflight
from proofs.audit.reasons import Run, RunDiffers, Same, where
from proofs.audit.rows import CONTEXTS, Row
from proofs.audit.run import Named, at_defaults, checked
from proofs.audit.stand_in import relies
from proofs.evidence import Settings
from proofs.fitting import fit
from proofs.fitting.fit import Cause, Data, Miss, Solution
from proofs.fitting.laws import Law
from proofs.fitting.models import Model, Slot
from proofs.identify.departure import apart, bias, epsilon, only_last, parted, plainer, within_rounding
from proofs.identify.reasons import (
    AtSizes,
    EveryValue,
    FitsBut,
    FitsUpTo,
    ForAllChannels,
    GatesOpen,
    GatesSampled,
    NoneFits,
    NoneNear,
    NoRung,
    NotAtOtherSize,
    Noted,
    NoValue,
    OutsideDomain,
    RoundedConstants,
    SameDigits,
    Silent,
    StartOpen,
    Stuck,
    Superset,
    Votes,
    WithinRounding,
    WithNumbers,
)
from proofs.identify.roles import at_one_token, audited, laws_of, outside_domains, recheck, seen_only
from proofs.identify.search import BIASED, Search, search
from proofs.identify.sources import sources
from proofs.identify.subject import Layer, Subject, fresh, is_number, learner_box, rational, remedy
from proofs.identify.verification import (
    FAR,
    agrees,
    ball_row,
    exact_rows,
    far,
    float_row,
    float_runs,
    other_size,
    same_at,
)
from proofs.target.adapters import adapt
from proofs.target.case import INDETERMINATE
from proofs.target.deadline import ending
from proofs.target.loading import TargetError, load


def identify(
    target: Named,
    adapter: Named | None = None,
    gates: Mapping[str, str] | None = None,
    settings: Settings = Settings(),  # noqa: B008 (frozen)
    sizes: Mapping[str, int] | None = None,
) -> Answer:
    """Which learner of the library the layer `target` runs from W0 = 0, with which numbers, and how sure that is.

    target, adapter, gates, sizes: as for `proofs.audit.audit`, text or the callables themselves; a gate that is needed
    and not given is set to several values; of sizes f and m may be fixed. Raises TargetError for wrong usage.
    """
    with ending():
        return _identify(target, adapter, gates, settings, sizes)


def _identify(
    target: Named,
    adapter: Named | None,
    gates: Mapping[str, str] | None,
    settings: Settings,
    sizes: Mapping[str, int] | None,
) -> Answer:
    checked(dict(gates or {}), dict(sizes or {}))
    if "N" in (sizes or {}):  # how a number goes with N is part of what is looked for
        raise TargetError(
            "size N: a learner is looked for at several context lengths; leave N out, or name the learner to compare with"
        )
    loaded = load(target)
    layer = Layer.of(target, loaded, adapt(loaded, adapter), gates or {})
    layer.case.note(*loaded.notes)
    layer, at = callable_at(layer, sizes or {}, settings, gates or {})
    relies(layer.case, loaded, adapter, [at])
    at_defaults(layer.case, loaded)
    box = layer.boxed({}, at["f"], at["m"])
    subject = Subject(layer, adapter, settings, at, box, Data(box), ask(box), tuple(sizes or ()))
    found = search(subject)
    if found.solution is None:
        return _none(subject, found)
    wider = _for_every_gate(subject, found.solution) if not rational(found.solution.numbers) else None
    return wider if wider is not None else _identified(subject, found, found.solution)


def callable_at(
    layer: Layer, sizes: Mapping[str, int], settings: Settings, gates: Mapping[str, str]
) -> tuple[Layer, Mapping[str, int]]:
    """The layer as it can be called, and at which sizes: its gates are positive, but those that are logarithms of decays.

    Raises TargetError where it can't be called.
    """

    def tried(layer: Layer) -> tuple[Layer, Mapping[str, int]]:
        entropy = Entropy(settings.seed if settings.seed is not None else 0)
        case, at = preflight(layer.case, sizes, entropy)
        return replace(layer, case=case), at

    try:
        found, at = tried(layer)
    except TargetError as error:
        other = layer.running()
        if other is layer:
            raise TargetError(f"{error}{remedy(layer, gates)}") from None
        found, at = tried(other)
    turned = found.logarithms(at["f"], at["m"])
    return tried(found.turned(turned)) if turned else (found, at)


def _for_every_gate(subject: Subject, solution: Solution) -> Answer | None:
    """The answer with the gates that were given as numbers left free, if that is proved.

    A number of the learner that is no fraction, such as exp(-1/4), has no exact form; as exp(-dt) it has.
    """
    layer = subject.layer
    numbers = {gate: text for gate, text in layer.given.items() if gate in layer.adapter.required and is_number(text)}
    if not numbers or outside_domains(solution, [at_one_token(n, v, 0) for n, v in _numbers_of(solution)]):
        return None
    free = {**layer.given, **dict.fromkeys(numbers, INDETERMINATE)}
    sizes = {name: subject.at[name] for name in subject.fixed}
    try:
        other = identify(layer.named, subject.adapter, free, subject.settings, sizes)
    except TargetError:
        return None
    if other.word is not Word.PROVED:
        return None
    return replace(other, notes=(*other.notes, EveryValue(tuple(numbers.items()))))


def _numbers_of(solution: Solution) -> Iterator[tuple[str, Any]]:
    yield from zip(solution.model.names, solution.numbers, strict=True)


def _identified(subject: Subject, found: Search, solution: Solution, retry: bool = True) -> Answer:
    """The solution, verified; if that fails, no match."""
    laws, roles = laws_of(subject, solution)
    outside = outside_domains(solution, laws)
    if outside:
        return _outside(subject, found, solution, laws, outside)
    other, wide = other_size(subject, solution, laws)
    free = other is not None and other.finding.verdict is Verdict.CONFIRMED and not any(law.elsewhere for law in wide)
    whole = audited(subject, solution, wide, roles, widths=True) if free else None
    whole = whole or audited(subject, solution, laws, roles)
    if whole is not None and whole.word is Word.REFUTED and any(law.factors for law in laws):
        laws, roles = seen_only(laws, roles, solution)  # no expression outlives an audit that refutes it
        other, wide = other_size(subject, solution, laws)
        whole = audited(subject, solution, laws, roles)
    if whole is not None and whole.word is Word.REFUTED and whole.world is not None:
        # it agrees on one sequence, and not in whole calls, at other sizes or in other modes
        theta = tuple(as_floats(fit.column(solution.numbers)))
        miss = Miss(solution.model, BIASED, fit.LONG, FitsBut(whole.reason), theta)
        return _none(subject, found, miss, whole.rows)
    verified = whole if whole is not None and whole.accepted(sampled=True) else None
    rows = list(verified.rows) if verified is not None else _verified(subject, solution)
    own = [] if verified is not None else list(rows)  # an audit that holds has judged its own rows
    starts = "W0" in subject.layer.adapter.named and solution.model.learner.start and verified is None
    if whole is not None and whole.word is Word.REFUTED and not starts:
        # what refutes the audit refutes this, but for constants that the code rounds to another number at each length
        own += [row for row in whole.rows if solution.steady or row.variant]
    checks = [row for row in (far(subject, solution), *recheck(subject, solution, laws)) if row is not None]
    own, rows = [*own, *checks], [*rows, *checks]
    broke = next((r for r in own if r.finding.verdict is Verdict.REFUTED and not _rounds(r, rows)), None)
    if broke is not None:
        return _broken_at(subject, found, solution, laws, broke, rows, retry)
    word, reason = _judge(subject, rows) if verified is None else (verified.word, verified.reason)
    if (
        whole is not None
        and whole.world is not None
        and whole.world.doubt is not None
        and word in (Word.PROVED, Word.AGREES)
    ):
        word, reason = Word.UNDECIDED, whole.reason
    laws = wide
    if other is not None:
        rows.append(other)
        if other.finding.verdict is Verdict.REFUTED:
            word, reason = Word.UNDECIDED, NotAtOtherSize(reason, subject.at["f"], other.finding.reason)
    notes: list[Told] = [n for n in verified.notes if isinstance(n, AtZero)] if verified is not None else []
    loose = [role for role in roles if not (role.followed and role.fits)]
    if loose and word in (Word.PROVED, Word.AGREES):
        word, reason = Word.UNDECIDED, GatesOpen(reason, tuple(role.gate for role in loose))
    elif verified is None and word is Word.PROVED and any(role.moves for role in roles):
        word, reason = Word.AGREES, GatesSampled(reason)
    if starts:
        notes.append(Noted.START)
        if word in (Word.PROVED, Word.AGREES):
            word, reason = Word.UNDECIDED, StartOpen(reason)
    same = [s for s in found.equals if agrees(subject, s)]
    return _made(
        subject,
        word,
        reason,
        solution.model,
        rows,
        parameters={law.name: law for law in laws},
        laws=laws,
        roles=roles,
        notes=tuple(notes),
        equivalent=tuple(_named(s) for s in same if not s.model.wide),
        supersets=(
            *_supersets(subject, solution),
            *(ForAllChannels(s.model.learner.id) for s in same if s.model.wide),
        ),
        start=verified.start if verified is not None else Start.ZERO,
        world=verified.world if verified is not None else None,
        free=verified.free if verified is not None else {},
    )


def _rounds(row: Row, rows: Sequence[Row]) -> bool:
    """Whether a float row is off by casts alone."""
    return row.of(Check.FLOAT) and run_of(rows)[0] is Run.LIFTED


def _outside(
    subject: Subject, found: Search, solution: Solution, laws: Sequence[Law], outside: Mapping[str, Domain]
) -> Answer:
    """A learner's function at numbers that the learner can't have, such as a step up the gradient."""
    model = solution.model
    inside = [
        min(max(abs(v), 0.0), 1.0 if d is Domain.UNIT else math.inf)
        for v, d in zip(as_floats(fit.column(solution.numbers)), model.domains, strict=True)
    ]
    why = OutsideDomain(tuple(law for law in laws if law.name in outside), tuple(outside.items()))
    gap = apart(subject, learner_box(model, inside, subject.box), fresh(fit.LONG, subject.at["f"], subject.at["m"], 0))
    return _none(subject, found, Miss(model, max(gap, BIASED), fit.LONG, why, tuple(inside)))


def _broken_at(
    subject: Subject,
    found: Search,
    solution: Solution,
    laws: Sequence[Law],
    row: Row,
    rows: Sequence[Row],
    retry: bool,
) -> Answer:
    """A solution that fails on longer contexts: the shortest such length may be that of a batch or a window."""
    low, high = fit.LONG, row.sizes.get("N", fit.LONG)
    if high <= low or same_at(subject, solution, high):  # not the length, but its floats or fresh gates
        theta = tuple(as_floats(fit.column(solution.numbers)))
        reason = row.finding.reason
        why = FitsBut(RunDiffers(reason) if row.of(Check.FLOAT) else AtSizes(reason, tuple(row.sizes.items())))
        return _none(subject, found, Miss(solution.model, BIASED, fit.LONG, why, theta), rows)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if same_at(subject, solution, middle) else (low, middle)
    for other in library().values():
        counts = [p for p in other.parameters if p.domain is Domain.COUNT and p.neutral == 1]
        if len(counts) != 1 or not retry:
            continue
        filled = other.given(**{counts[0].name: low})
        model = Model(filled, tuple(Slot(p) for p in filled.parameters), {}, solution.model.readout)
        longer = fit.fit(model, subject.data, subject.slope)
        if isinstance(longer, Solution) and same_at(subject, longer, high) and same_at(subject, longer, FAR):
            return _identified(subject, Search(longer), longer, retry=False)
    theta = tuple(as_floats(fit.column(solution.guess(high))))
    gap = apart(
        subject, learner_box(solution.model, list(theta), subject.box), fresh(high, subject.at["f"], subject.at["m"], 0)
    )
    return _none(subject, found, Miss(solution.model, gap, high, FitsUpTo(low, high, gap), theta), rows)


def _judge(subject: Subject, rows: Sequence[Row]) -> tuple[Word, Told]:
    exact = of(rows, Check.EXACT)
    unsure = next((r for r in rows if r.finding.verdict is not Verdict.CONFIRMED and not _rounds(r, rows)), None)
    if exact and unsure is None and not of(rows, Check.BALLS):
        return Word.PROVED, Same(where(rows), chance_of(rows))
    sampled = [r for r in rows if r.finding.verdict is Verdict.CONFIRMED and Key.DIGITS in r.finding.figures]
    if unsure is None and sampled:
        least = [d for r in sampled if isinstance(d := r.finding.figures[Key.DIGITS], int)]
        return Word.AGREES, SameDigits(min(least) if least else None, FAR, subject.box.refused)
    return Word.UNDECIDED, WithinRounding(unsure.finding.reason if unsure is not None else NoRung.DECIDES)


def _verified(subject: Subject, solution: Solution) -> list[Row]:
    """Rows on fresh data, at the gates that the solution was found with."""
    if subject.box.arithmetic is Arithmetic.EXACT and rational(solution.numbers):
        return [*exact_rows(subject, solution), *float_runs(subject, solution)]
    if subject.box.arithmetic is Arithmetic.FLOAT or not solution.exact:
        return [float_row(subject, solution)]
    return [ball_row(subject, solution, N) for N in (fit.LONG, *CONTEXTS, 12)]


def _supersets(subject: Subject, solution: Solution) -> Iterator[Superset]:
    """Learners of the library that become this one at the neutral value of a parameter, each fitted there."""
    values = dict(solution.model.learner.values)
    base = solution.model.family
    for other in library().values():
        for name, simpler in other.simpler:
            parameter = next(p for p in other.parameters if p.name == name)
            if simpler != base or parameter.neutral is None:
                continue
            counts = {p.name: values.get(p.name, p.default) for p in other.parameters if p.domain is Domain.COUNT}
            counts |= {name: parameter.neutral} if parameter.domain is Domain.COUNT else {}
            if any(v is None for v in counts.values()):
                continue
            filled = other.given(**{n: v for n, v in counts.items() if v is not None}) if counts else other
            pinned = {} if parameter.domain is Domain.COUNT else {name: parameter.neutral}
            slots = tuple(Slot(p) for p in filled.parameters if p.name not in pinned)
            model = Model(filled, slots, pinned, solution.model.readout)
            if isinstance(fit.fit(model, subject.data, subject.slope), Solution):
                yield Superset(other.id, name, parameter.neutral)


def _named(solution: Solution) -> WithNumbers:
    pairs = zip(solution.model.names, solution.numbers, solution.powers, strict=True)
    values: dict[str, Told] = {n: at_one_token(n, v, p) for n, v, p in pairs}
    values |= {n: str(v) for n, v in solution.model.pinned.items()}
    return WithNumbers(solution.model, tuple(values.items()))


def _is_zero(subject: Subject) -> bool:
    """Whether the layer's output is 0 at the points drawn. Raises Undefined where it has no value there."""
    box = subject.box
    return not any(as_floats(box(*fresh(fit.LONG, box.f, box.m, draw))).any() for draw in range(2))


def _none(subject: Subject, found: Search, miss: Miss | None = None, rows: Sequence[Row] = ()) -> Answer:
    """No match: the nearest learner, how far it is off, which probe speaks against it, and a counterexample."""
    nearest = miss or next(iter(found.misses), None)
    biased = nearest is not None and 0 < nearest.residual < BIASED and nearest.cause is not Cause.GAUGE
    if nearest is not None and biased and miss is None:
        nearest = plainer(subject, nearest)
    stuck = [m for m in found.misses if m.cause is Cause.GAUGE and m.residual < fit.POLISHED]
    notes: list[Told] = []
    if stuck and not biased:
        notes.append(Stuck(stuck[0].model, stuck[0].residual, stuck[0].why))
    word = Word.UNDECIDED if stuck and miss is None and not biased else Word.BIASED if biased else Word.NO_MATCH
    rounding = within_rounding(subject, nearest) if nearest is not None and biased else None
    beside = None
    reason: Told
    try:
        zero, valueless = _is_zero(subject), ""
    except Undefined as error:
        zero, valueless = False, str(error)
    if valueless:
        nearest, biased, rounding, word = None, False, None, Word.UNDECIDED
        reason = NoValue(valueless)
    elif zero:
        nearest, biased, rounding, word = None, False, None, Word.NO_MATCH
        reason = Silent.ZERO
    elif word is Word.UNDECIDED:
        nearest, reason, notes = None, notes[0], []
    elif nearest is None:
        reason = NoneNear(_votes(found))
    elif rounding is not None:
        word, rows = Word.UNDECIDED, [*rows, rounding]
        reason = RoundedConstants(rounding.finding.settings["dtype"], nearest.why)
    elif biased:
        beside = epsilon(subject, nearest)
        reason = bias(subject, nearest, beside)
    else:
        reason = NoneFits(nearest.model, nearest.why, _votes(found) if found.excluded else None)
    return _made(
        subject,
        word,
        reason,
        nearest.model if nearest and biased else None,  # named, though not confirmed
        rows,
        nearest=nearest,
        bias=nearest.residual if nearest and biased and rounding is None else None,
        epsilon=beside,
        parting=parted(subject, nearest) if nearest is not None else None,
        notes=tuple(notes),
        ruled_out={id: probe.id for id, probe in found.excluded.items()},
    )


def _votes(found: Search) -> Votes:
    """Which probes rule out how many learners, most first."""
    counts = Counter(probe.id for probe in found.excluded.values())
    return Votes(tuple(sorted(counts.items(), key=lambda item: (-item[1], item[0]))))


def _made(subject: Subject, word: Word, reason: Told, model: Model | None, rows: Sequence[Row], **rest: Any) -> Answer:
    if only_last(subject):
        rest["notes"] = (*rest.get("notes", ()), Noted.LAST)
    chosen = {**subject.layer.given, **subject.layer.chosen}
    notes = (*subject.layer.case.notes, *rest.pop("notes", ()))
    return Answer(
        target=subject.layer.text,
        adapter=subject.layer.adapter.text,
        named=False,
        learner=model.learner if model is not None else None,
        word=word,
        reason=reason,
        model=model,
        probes=subject.probes,
        rows=tuple(rows),
        gates=chosen,
        arithmetic=str(subject.box.arithmetic),
        notes=notes,
        options=_options(subject),
        source=sources(subject.layer.loaded.call),
        **rest,
    )


def _options(subject: Subject) -> str:
    """The identification's options as on the command line."""
    words = [f"--adapter {subject.adapter}"] if isinstance(subject.adapter, str) else []
    words += [f"--gate {shlex.quote(f'{name}={value}')}" for name, value in subject.layer.given.items()]
    return " ".join([*words, *(f"--size {name}={subject.at[name]}" for name in subject.fixed)])
