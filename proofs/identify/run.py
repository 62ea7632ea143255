"""Identifying the learner that a layer runs, without a name given: probes, fits, and then proof where proof is possible.

Main definition: `identify`. A fit is only a guess; what is confirmed was verified on inputs that no fit saw, at other
context lengths, exactly where the layer's code is rational and on balls of 256 bits where it is not.
"""

from __future__ import annotations

import math
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from constructions.learners import Domain, library
from numeric.entropy import Entropy
from numeric.finding import Key, Verdict
from numeric.probing.box import Arithmetic, Undefined, as_floats
from numeric.probing.probes import ask
from proofs.audit.answer import Answer, Check, Run, Start, Word, chance_of, of, run_of, short, where
from proofs.audit.preflight import preflight
from proofs.audit.rows import CONTEXTS, Row
from proofs.audit.run import Named, at_defaults, checked
from proofs.evidence import Settings
from proofs.fitting import fit
from proofs.fitting.fit import Cause, Data, Miss, Solution
from proofs.fitting.laws import Law
from proofs.fitting.models import Model, Slot
from proofs.identify.departure import apart, bias, epsilon, only_last, parted, plainer, within_rounding
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
    and not given is set to several values. Raises TargetError for wrong usage.
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
    loaded = load(target)
    layer = Layer.of(target, loaded, adapt(loaded, adapter), gates or {})
    layer.case.note(*loaded.notes)
    try:
        case, at = preflight(layer.case, sizes or {}, Entropy(settings.seed if settings.seed is not None else 0))
    except TargetError as error:
        raise TargetError(f"{error}{remedy(layer, dict(gates or {}))}") from None
    at_defaults(case, loaded)
    layer = replace(layer, case=case)
    box = layer.boxed({}, at["f"], at["m"])
    subject = Subject(layer, adapter, settings, at, box, Data(box), ask(box), tuple(sizes or ()))
    found = search(subject)
    if found.solution is None:
        return _none(subject, found)
    wider = _for_every_gate(subject, found.solution) if not rational(found.solution.numbers) else None
    return wider if wider is not None else _identified(subject, found, found.solution)


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
    said = ", ".join(f"{gate} = {text}" for gate, text in numbers.items())
    return replace(other, notes=(*other.notes, f"it holds for every {', '.join(numbers)}, and so at {said}"))


def _numbers_of(solution: Solution) -> Iterator[tuple[str, Any]]:
    yield from zip(solution.model.names, solution.numbers, strict=True)


def _identified(subject: Subject, found: Search, solution: Solution, retry: bool = True) -> Answer:
    """The solution, verified; if that fails, no match."""
    laws, roles = laws_of(subject, solution)
    outside = outside_domains(solution, laws)
    if outside:
        return _outside(subject, found, solution, laws, outside)
    whole = audited(subject, solution, laws, roles)
    if whole is not None and whole.word is Word.REFUTED and any(law.factors for law in laws):
        laws, roles = seen_only(laws, roles, solution)  # no expression outlives an audit that refutes it
        whole = audited(subject, solution, laws, roles)
    if whole is not None and whole.word is Word.REFUTED and whole.world is not None:
        # it agrees on one sequence, and not in whole calls, at other sizes or in other modes
        theta = tuple(as_floats(fit.column(solution.numbers)))
        miss = Miss(solution.model, BIASED, fit.LONG, f"fits, but {whole.reason}", theta)
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
    if whole is not None and whole.world is not None and whole.world.doubt and word in (Word.PROVED, Word.AGREES):
        word, reason = Word.UNDECIDED, whole.reason
    other, laws = other_size(subject, solution, laws)
    if other is not None:
        rows.append(other)
        if other.finding.verdict is Verdict.REFUTED:
            word, reason = Word.UNDECIDED, f"{reason}, at f = {subject.at['f']}; but {other.finding.reason}"
    notes: list[str] = []
    loose = [role for role in roles if not (role.followed and role.fits)]
    if loose and word in (Word.PROVED, Word.AGREES):
        names = ", ".join(role.gate for role in loose)
        word, reason = Word.UNDECIDED, f"{reason}, at the gates seen; how {names} makes its numbers was not found"
    elif verified is None and word is Word.PROVED and any(role.moves for role in roles):
        word = Word.AGREES
        reason += "; how the gates make its numbers holds at all values drawn, and is not proved"
    if starts:
        notes.append("it takes W0, and is this learner from W0 = 0 only, as far as was confirmed")
        if word in (Word.PROVED, Word.AGREES):
            word, reason = Word.UNDECIDED, f"{reason}, from W0 = 0; what W0 does was not confirmed"
    same = [s for s in found.equals if agrees(subject, s)]
    return _made(
        subject,
        word,
        reason,
        solution.model,
        rows,
        parameters={law.name: law.words for law in laws},
        laws=laws,
        roles=roles,
        notes=tuple(notes),
        equivalent=tuple(_named(s) for s in same if not s.model.wide),
        supersets=(
            *_supersets(subject, solution),
            *(f"{s.model.learner.id} with one number for all channels" for s in same if s.model.wide),
        ),
        start=verified.start if verified is not None else Start.ZERO,
        world=verified.world if verified is not None else None,
        free=verified.free if verified is not None else {},
    )


def _rounds(row: Row, rows: Sequence[Row]) -> bool:
    """Whether a float row is off by casts alone."""
    return row.of(Check.FLOAT) and run_of(rows)[0] is Run.LIFTED


def _outside(
    subject: Subject, found: Search, solution: Solution, laws: Sequence[Law], outside: Mapping[str, str]
) -> Answer:
    """A learner's function at numbers that the learner can't have, such as a step up the gradient."""
    model = solution.model
    inside = [
        min(max(abs(v), 0.0), 1.0 if d is Domain.UNIT else math.inf)
        for v, d in zip(as_floats(fit.column(solution.numbers)), model.domains, strict=True)
    ]
    why = f"fits at {', '.join(f'{law.name} = {law.words}' for law in laws if law.name in outside)} only, and "
    why += ", ".join(f"{name} {what}" for name, what in outside.items())
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
        sizes = " ".join(f"{name}={size}" for name, size in row.sizes.items())
        said = f"{Run.DIFFERS}: {row.finding.reason}" if row.of(Check.FLOAT) else f"{row.finding.reason} ({sizes})"
        return _none(subject, found, Miss(solution.model, BIASED, fit.LONG, f"fits, but {said}", theta), rows)
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
    why = f"fits up to {low} tokens, but at N = {high} it is off by {gap:.2g}"
    return _none(subject, found, Miss(solution.model, gap, high, why, theta), rows)


def _judge(subject: Subject, rows: Sequence[Row]) -> tuple[Word, str]:
    exact = of(rows, Check.EXACT)
    unsure = next((r for r in rows if r.finding.verdict is not Verdict.CONFIRMED and not _rounds(r, rows)), None)
    if exact and unsure is None and not of(rows, Check.BALLS):
        text = f"the same rational function of all inputs, {where(rows)}"
        chance = chance_of(rows)
        return Word.PROVED, text + (f", wrong with probability at most 2^{chance:.1f}" if chance is not None else "")
    sampled = [r for r in rows if r.finding.verdict is Verdict.CONFIRMED and Key.DIGITS in r.finding.figures]
    if unsure is None and sampled:
        least = [d for r in sampled if isinstance(d := r.finding.figures[Key.DIGITS], int)]
        digits = f"to {min(least)} digits" if least else "exactly"
        return Word.AGREES, (
            f"the same {digits} at every point drawn, for contexts up to {FAR} tokens; sampled, not a proof "
            f"for all inputs ({short(subject.box.refused)})"
        )
    said = unsure.finding.reason if unsure is not None else "no rung decides"
    return Word.UNDECIDED, f"agrees within rounding at every point drawn; not a proof ({said})"


def _verified(subject: Subject, solution: Solution) -> list[Row]:
    """Rows on fresh data, at the gates that the solution was found with."""
    if subject.box.arithmetic is Arithmetic.EXACT and rational(solution.numbers):
        return [*exact_rows(subject, solution), *float_runs(subject, solution)]
    if subject.box.arithmetic is Arithmetic.FLOAT or not solution.exact:
        return [float_row(subject, solution)]
    return [ball_row(subject, solution, N) for N in (fit.LONG, *CONTEXTS, 12)]


def _supersets(subject: Subject, solution: Solution) -> Iterator[str]:
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
                yield f"{other.id} with {name} = {parameter.neutral}"


def _named(solution: Solution) -> str:
    pairs = zip(solution.model.names, solution.numbers, solution.powers, strict=True)
    values = {n: at_one_token(n, v, p).words for n, v, p in pairs}
    values |= {n: str(v) for n, v in solution.model.pinned.items()}
    numbers = ", ".join(f"{n} = {v}" for n, v in values.items())
    return f"{solution.model.text}, {numbers}" if numbers else solution.model.text


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
    notes = []
    if stuck and not biased:
        notes.append(f"{stuck[0].model.text} fits to {stuck[0].residual:.1g} in float64, but {stuck[0].why}")
    word = Word.UNDECIDED if stuck and miss is None and not biased else Word.BIASED if biased else Word.NO_MATCH
    rounding = within_rounding(subject, nearest) if nearest is not None and biased else None
    beside = None
    try:
        zero, valueless = _is_zero(subject), ""
    except Undefined as error:
        zero, valueless = False, str(error)
    if valueless:
        nearest, biased, rounding, word = None, False, None, Word.UNDECIDED
        reason = f"it has no value at a point drawn: {valueless}"
    elif zero:
        nearest, biased, rounding, word = None, False, None, Word.NO_MATCH
        reason = "its output is 0 at every point drawn"
    elif word is Word.UNDECIDED:
        nearest, reason, notes = None, notes[0], []
    elif nearest is None:
        reason = f"no learner of the library is near: {_votes(found)}"
    elif rounding is not None:
        word, rows = Word.UNDECIDED, [*rows, rounding]
        reason = f"agrees within the {rounding.finding.settings['dtype']} rounding bound at every point drawn, but not exactly: "
        reason += f"{nearest.why}, as constants that the code rounds would make it; not a proof"
    elif biased:
        beside = epsilon(subject, nearest)
        reason = bias(subject, nearest, beside)
    else:
        reason = f"no learner of the library fits; the nearest, {nearest.model.text}, {nearest.why}"
        reason += f" ({_votes(found)})" if found.excluded else ""
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


def _votes(found: Search) -> str:
    """Which probes rule out how many learners."""
    ids = [probe.id for probe in found.excluded.values()]
    ranked = sorted(set(ids), key=lambda id: (-ids.count(id), id))
    return "ruled out by " + ", ".join(f"{id} ({ids.count(id)} learners)" for id in ranked)


def _made(subject: Subject, word: Word, reason: str, model: Model | None, rows: Sequence[Row], **rest: Any) -> Answer:
    if only_last(subject):
        rest["notes"] = (*rest.get("notes", ()), "only the last token counts: is the layout right? see --adapter")
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
