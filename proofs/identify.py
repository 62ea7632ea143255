"""Identifying the learner that a layer runs, without a name given: probes, fits, and then proof where proof is possible.

Main definition: `identify`. A fit is only a guess; what is confirmed was verified on inputs that no fit saw, at other
context lengths, exactly where the layer's code is rational and on balls of 256 bits where it is not.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from constructions.learners import Domain, library
from numeric.box import Arithmetic, Box, as_floats
from numeric.entropy import Entropy
from numeric.finding import Verdict
from numeric.probes import ask
from proofs import fit
from proofs.adapters import adapt
from proofs.audit import Audit, Named
from proofs.audit_rows import CONTEXTS, Row
from proofs.departure import apart, bias, counterexample, only_last, plainer, within_rounding
from proofs.evidence import Settings
from proofs.fit import Data, Miss, Model, Solution
from proofs.identification import Identification, Role, shown, sources
from proofs.roles import audited, outside_domains, roles_of
from proofs.search import BIASED, Search, search
from proofs.solution_checks import FAR, agrees, ball_row, exact_rows, far, float_row, other_size, same_at, short
from proofs.subject import Layer, Subject, fresh, learner_box, rational, remedy
from proofs.target import TargetError, load


def identify(
    target: Named,
    adapter: Named | None = None,
    gates: Mapping[str, str] | None = None,
    settings: Settings = Settings(),  # noqa: B008 (frozen)
    sizes: Mapping[str, int] | None = None,
) -> Identification:
    """Which learner of the library the layer `target` runs from W0 = 0, with which numbers, and how sure that is.

    target, adapter, gates, sizes: as for `proofs.audit.audit`, text or the callables themselves; a gate that is needed
    and not given is set to several values. Raises TargetError for wrong usage.
    """
    loaded = load(target)
    layer = Layer(target, loaded, adapt(loaded, adapter), dict(gates or {}))
    layer.case.notes += loaded.notes
    try:
        at = layer.case.preflight(dict(sizes or {}), Entropy(settings.seed if settings.seed is not None else 0))
    except TargetError as error:
        raise TargetError(f"{error}{remedy(layer, dict(gates or {}))}") from None
    box = Box(layer.case.layer, at["f"], at["m"])
    subject = Subject(layer, adapter, settings, at, box, Data(box), ask(box), tuple(sizes or ()))
    found = search(subject)
    return _none(subject, found) if found.solution is None else _identified(subject, found, found.solution)


def _identified(subject: Subject, found: Search, solution: Solution, retry: bool = True) -> Identification:
    """The solution, verified; if that fails, no match."""
    roles, values = roles_of(subject, solution)
    outside = outside_domains(solution, roles)
    if outside:
        return _outside(subject, found, solution, outside)
    rows, verified, broken = _verified(subject, solution, roles)
    if broken is not None:
        theta = tuple(as_floats(fit.column(solution.numbers)))
        return _none(subject, found, Miss(solution.model, BIASED, fit.LONG, f"fits, but {broken.reason}", theta), rows)
    own = [] if verified is not None else list(rows)  # a confirmed audit has judged its own rows
    long = far(subject, solution)
    if long is not None:
        own.append(long)
        rows.append(long)
    broke = next((r for r in own if r.finding.verdict is Verdict.REFUTED), None)
    if broke is not None:
        return _broken_at(subject, found, solution, broke, rows, retry)
    verdict, reason = _judge(subject, rows)
    if verified is not None:
        verdict, reason = Verdict.CONFIRMED, verified.reason
    other, values = other_size(subject, solution, values)
    if other is not None:
        rows.append(other)
        if other.finding.verdict is Verdict.REFUTED:
            verdict, reason = Verdict.UNDECIDED, f"{reason}, at f = {subject.at['f']}; but {other.finding.reason}"
    takes = "W0" in subject.layer.adapter.named and solution.model.learner.start
    notes: tuple[str, ...] = (
        ("it takes W0, and is this learner from W0 = 0 only, as far as was confirmed",)
        if takes and verified is None
        else ()
    )
    if verified is None and any(role.number for role in roles):
        notes = (*notes, "each gate was set to two values only: what it is to the learner is not proved for others")
    same = [s for s in found.equals if agrees(subject, s)]
    return _made(
        subject,
        verdict,
        reason,
        solution.model,
        rows,
        parameters=values,
        roles=roles,
        notes=notes,
        equivalent=tuple(_named(s) for s in same if not s.model.wide),
        supersets=(
            *_supersets(subject, solution),
            *(f"{s.model.learner.id} with one number for all channels" for s in same if s.model.wide),
        ),
        start=verified.parameters.get("W0", "0") if verified is not None else "0",
        world=verified.world if verified is not None else None,
        every=_every(verified) if verified is not None else (),
    )


def _outside(subject: Subject, found: Search, solution: Solution, outside: Mapping[str, str]) -> Identification:
    """A learner's function at numbers that the learner can't have, such as a step up the gradient."""
    model = solution.model
    inside = [
        min(max(abs(v), 0.0), 1.0 if d is Domain.UNIT else math.inf)
        for v, d in zip(as_floats(fit.column(solution.numbers)), model.domains, strict=True)
    ]
    why = f"fits at {', '.join(f'{n} = {shown(v, p)}' for n, v, p in _listed(solution) if n in outside)} only, and "
    why += ", ".join(f"{name} {what}" for name, what in outside.items())
    gap = apart(subject, learner_box(model, inside, subject.box), fresh(fit.LONG, subject.at["f"], subject.at["m"], 0))
    return _none(subject, found, Miss(model, max(gap, BIASED), fit.LONG, why, tuple(inside)))


def _listed(solution: Solution) -> Iterator[tuple[str, Any, int]]:
    """Each number's name, value and power of N."""
    return zip(solution.model.names, solution.numbers, solution.powers, strict=True)


def _every(verified: Audit) -> tuple[str, ...]:
    """What the audit left free: the learner's parameters, one for each token where the layer takes that."""
    free = {
        n: t.rpartition("any number")[2].removeprefix(", ") for n, t in verified.parameters.items() if "any number" in t
    }
    return tuple(name + (f", {each}" if each else "") for name, each in free.items())


def _broken_at(
    subject: Subject, found: Search, solution: Solution, row: Row, rows: Sequence[Row], retry: bool
) -> Identification:
    """A solution that fails on longer contexts: the shortest such length may be that of a batch or a window."""
    low, high = fit.LONG, row.sizes["N"]
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if same_at(subject, solution, middle) else (low, middle)
    for other in library().values():
        counts = [p for p in other.parameters if p.domain is Domain.COUNT and p.neutral == 1]
        if len(counts) != 1 or not retry:
            continue
        filled = other.given(**{counts[0].name: low})
        model = Model(filled, tuple(fit.Slot(p) for p in filled.parameters), {}, solution.model.readout)
        longer = fit.fit(model, subject.data, subject.slope)
        if isinstance(longer, Solution) and same_at(subject, longer, high) and same_at(subject, longer, FAR):
            return _identified(subject, Search(longer), longer, retry=False)
    theta = tuple(as_floats(fit.column(solution.guess(high))))
    gap = apart(
        subject, learner_box(solution.model, list(theta), subject.box), fresh(high, subject.at["f"], subject.at["m"], 0)
    )
    why = f"fits up to {low} tokens, but at N = {high} it is off by {gap:.2g}"
    return _none(subject, found, Miss(solution.model, gap, high, why, theta), rows)


def _judge(subject: Subject, rows: Sequence[Row]) -> tuple[Verdict, str]:
    exact = [r for r in rows if r.rung.startswith("exact")]
    unsure = next((r for r in rows if r.finding.verdict is not Verdict.CONFIRMED), None)
    if exact and all(r.finding.verdict is Verdict.CONFIRMED for r in exact):
        return Verdict.CONFIRMED, "the same rational function of all inputs"
    sampled = [r for r in rows if r.finding.verdict is Verdict.CONFIRMED and "digits agreed" in r.finding.figures]
    if unsure is None and sampled:
        least = [d for r in sampled if isinstance(d := r.finding.figures["digits agreed"], int)]
        digits = f"to {min(least)} digits" if least else "exactly"
        return Verdict.CONFIRMED, (
            f"the same {digits} at every point drawn, for contexts up to {FAR} tokens; sampled, not a proof "
            f"for all inputs ({short(subject.box.refused)})"
        )
    said = unsure.finding.reason if unsure is not None else "no rung decides"
    return Verdict.UNDECIDED, f"agrees within rounding at every point drawn; not a proof ({said})"


def _verified(
    subject: Subject, solution: Solution, roles: Sequence[Role]
) -> tuple[list[Row], Audit | None, Audit | None]:
    """Rows on fresh data; the audit with gates and rates as indeterminates, where the learner can be so called and it
    confirms; and that audit where it agrees on one sequence, but not in whole calls, at other sizes or in other modes."""
    whole = audited(subject, solution, roles)
    if whole is not None and whole.verdict is Verdict.CONFIRMED:
        return list(whole.rows), whole, None
    if whole is not None and whole.verdict is Verdict.REFUTED and whole.world is not None:
        return list(whole.rows), None, whole
    if subject.box.arithmetic is Arithmetic.EXACT and rational(solution.numbers):
        return exact_rows(subject, solution), None, None
    if subject.box.arithmetic is Arithmetic.FLOAT or not solution.exact:
        return [float_row(subject, solution)], None, None
    return [ball_row(subject, solution, N) for N in (fit.LONG, *CONTEXTS, 12)], None, None


def _supersets(subject: Subject, solution: Solution) -> Iterator[str]:
    """Learners of the library that become this one at the neutral value of a parameter, each fitted there."""
    values = dict(solution.model.learner.values)
    base = solution.model.learner.id.split(":")[0]
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
            slots = tuple(fit.Slot(p) for p in filled.parameters if p.name not in pinned)
            model = Model(filled, slots, pinned, solution.model.readout)
            if isinstance(fit.fit(model, subject.data, subject.slope), Solution):
                yield f"{other.id} with {name} = {parameter.neutral}"


def _named(solution: Solution) -> str:
    values = {n: shown(v, p) for n, v, p in _listed(solution)} | {n: str(v) for n, v in solution.model.pinned.items()}
    numbers = ", ".join(f"{n} = {v}" for n, v in values.items())
    return f"{solution.model.text}, {numbers}" if numbers else solution.model.text


def _none(subject: Subject, found: Search, miss: Miss | None = None, rows: Sequence[Row] = ()) -> Identification:
    """No match: the nearest learner, how far it is off, which probe speaks against it, and a counterexample."""
    nearest = miss or next(iter(found.misses), None)
    biased = nearest is not None and 0 < nearest.residual < BIASED and nearest.why != fit.GAUGE
    if nearest is not None and biased and miss is None:
        nearest = plainer(subject, nearest)
    stuck = [m for m in found.misses if m.why == fit.GAUGE and m.residual < fit.POLISHED]
    notes = []
    if stuck and not biased:
        notes.append(f"{stuck[0].model.text} fits to {stuck[0].residual:.1g} in float64, but {stuck[0].why}")
    verdict = Verdict.UNDECIDED if stuck and miss is None and not biased else Verdict.REFUTED
    rounding = within_rounding(subject, nearest) if nearest is not None and biased else None
    if not any(as_floats(subject.box(*fresh(fit.LONG, subject.box.f, subject.box.m, draw))).any() for draw in range(2)):
        nearest, biased, rounding, reason = None, False, None, "its output is 0 at every point drawn"
    elif nearest is None:
        reason = f"no learner of the library is near: {_votes(found)}"
    elif rounding is not None:
        verdict, rows = Verdict.UNDECIDED, [*rows, rounding]
        reason = f"agrees within the {rounding.rung.split()[-1]} rounding bound at every point drawn, but not exactly: "
        reason += f"{nearest.why}, as constants that the code rounds would make it; not a proof"
    elif biased:
        reason = bias(subject, nearest)
    else:
        reason = f"no learner of the library fits; the nearest, {nearest.model.text}, {nearest.why}"
        reason += f" ({_votes(found)})" if found.excluded else ""
    return _made(
        subject,
        verdict,
        reason,
        nearest.model if nearest and biased else None,  # named, though not confirmed
        rows,
        nearest=nearest,
        bias=nearest.residual if nearest and biased and rounding is None else None,
        counterexample=counterexample(subject, nearest) if nearest is not None else None,
        notes=tuple(notes),
        ruled_out={id: probe.id for id, probe in found.excluded.items()},
    )


def _votes(found: Search) -> str:
    """Which probes rule out how many learners."""
    ids = [probe.id for probe in found.excluded.values()]
    ranked = sorted(set(ids), key=lambda id: (-ids.count(id), id))
    return "ruled out by " + ", ".join(f"{id} ({ids.count(id)} learners)" for id in ranked)


def _made(
    subject: Subject, verdict: Verdict, reason: str, model: Model | None, rows: Sequence[Row], **rest: Any
) -> Identification:
    if only_last(subject):
        rest["notes"] = (*rest.get("notes", ()), "only the last token counts: is the layout right? see --adapter")
    chosen = {**subject.layer.given, **subject.layer.chosen}
    notes = (*subject.layer.case.notes, *rest.pop("notes", ()))
    return Identification(
        target=subject.layer.text,
        adapter=subject.layer.adapter.text,
        verdict=verdict,
        reason=reason,
        model=model,
        probes=subject.probes,
        rows=tuple(rows),
        gates=chosen,
        arithmetic=str(subject.box.arithmetic),
        notes=notes,
        source=sources(subject.layer.loaded.call),
        **rest,
    )
