"""Answers as JSON: the object that `ssmproof audit --json` writes.

Main definition: `to_json`.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from numeric.finding import Counterexample, Key
from numeric.probing.probes import Probe
from proofs.audit.answer import Answer, Parting, Word, chance_of
from proofs.audit.rows import Row
from proofs.audit.world import Gradients, World
from proofs.target.source.lines import Unrun
from reports.answers import every, miss, once, word
from reports.said import said
from reports.said.probes import TITLES


def to_json(answer: Answer) -> dict[str, Any]:
    """The object that `ssmproof audit --json` writes."""
    return {
        "answer": word(answer),
        "verdict": answer.verdict.value,
        "status": answer.status,
        "target": answer.target,
        "adapter": answer.adapter,
        "parameters": {name: said(value) for name, value in answer.parameters.items()},
        "reason": said(answer.reason),
        Key.CHANCE.value: chance_of(answer.rows) if answer.word is Word.PROVED else None,
        "world": _json_world(answer.world) if answer.world is not None else None,
        "trust": once(answer.trust),
        "notes": once(answer.notes),
        "flags": once(answer.flags),
        "evidence": [_json_row(row) for row in answer.rows],
        "counterexample": _json_counterexample(answer.counterexample) if answer.counterexample else None,
        "parting": _json_parting(answer.parting) if answer.parting else None,
        "learner": answer.learner.id if answer.learner is not None else None,
    } | (_json_of_two(answer) if answer.other else _json_compared(answer) if answer.named else _json_sought(answer))


def _json_of_two(answer: Answer) -> dict[str, Any]:
    return {
        "learner": None,
        "other": answer.other,
        "other's audit": to_json(answer.second) if answer.second is not None else None,
        "each": [to_json(part) for part in answer.each],
    }


def _json_row(row: Row) -> dict[str, Any]:
    return {
        "rung": row.rung,
        "sizes": dict(row.sizes),
        "verdict": row.finding.verdict.value,
        "figures": dict(row.finding.figures),
        "reason": said(row.finding.reason),
        "trust": [said(t) for t in row.finding.trust],
    }


def _json_counterexample(found: Counterexample) -> dict[str, Any]:
    return found.to_json() | {"note": said(found.note)}


def _json_parting(part: Parting) -> dict[str, Any]:
    """What the counterexample alone does not say."""
    return {
        "reproduced by plain calls": part.reproduced and not part.mode,
        "mode": part.mode,
        "after a call at": dict(part.before) if part.before is not None else None,
        "largest relative difference seen": part.largest,
        "at": dict(part.sizes),
        "first N at which the sides part": part.first,
        "first place there": asdict(part.place) if part.place is not None else None,
    }


def _json_world(tested: World) -> dict[str, Any]:
    return {
        "batch": tested.batch,
        "heads": tested.heads,
        "positions": said(tested.positions),
        "tokens": tested.tokens,
        "tokens in parts": list(tested.far),
        "entries and heads": list(tested.cells),
        "state": said(tested.state),
        "lengths": list(tested.lengths),
        "widths": [list(w) for w in tested.widths],
        "width": list(tested.width),
        "plain calls": {
            "lengths": list(tested.plain.lengths),
            "elsewhere": [{"width": list(w), "lengths": list(N)} for w, N in tested.plain.elsewhere],
            "every position": list(tested.plain.whole),
            "in two calls": list(tested.plain.handed),
            "each alone": list(tested.plain.parts),
            "grouped heads": list(tested.plain.groups),
        },
        "modes": [
            {"mode": m.name, "result": said(m.same), "why": said(m.why), "further N": list(m.further)}
            for m in tested.modes
        ],
        "modes beside the plain call": [dict(sizes) for sizes in tested.modes_calls],
        "dtype": tested.dtype,
        "constants of the dtype": [said(constant) for constant in tested.typed],
        "floats end": [said(limit) for limit in tested.limits],
        "gradients": _json_gradients(tested.gradients) if tested.gradients is not None else None,
        "integers": list(tested.integers),
        "beyond every integer of the code": tested.beyond,
        "refusals": [{"what": r.what, "sizes": dict(r.sizes), "why": said(r.why)} for r in tested.refusals],
        "by head": [{name: said(number) for name, number in numbers.items()} for numbers in tested.by_head],
        "kept from call to call": [
            {"name": k.name, "file": k.file, "line": k.at, "counts": k.counts, "used": k.used} for k in tested.kept
        ],
        "read from outside": [
            {"name": o.name, "file": o.file, "line": o.at, "constant": o.constant} for o in tested.outside
        ],
        "code of torch.jit": [{"name": s.name, "decisions": s.decisions} for s in tested.scripts],
        "bounds not reached": [
            {"file": e.file, "line": e.at, "size": e.name, "near": e.turn or None} for e in tested.edges
        ],
        "never ran": [_json_unrun(u) for u in tested.unrun],
    }


def _json_gradients(found: Gradients) -> dict[str, Any]:
    return {
        "by": [said(argument) for argument in found.of],
        "exact at N": list(found.exact),
        "within rounding at N": list(found.rounded),
        "widths": [list(width) for width in found.widths],
        "batch entries and heads": list(found.cells),
        "of the state": found.state,
    }


def _json_unrun(code: Unrun) -> dict[str, Any]:
    return {
        "file": code.file,
        "lines": list(code.lines),
        "condition": code.condition,
        "never": code.never,
        "option": code.option,
        "in part": code.part,
        "named": list(code.named) if code.named else None,
    }


def _json_probe(probe: Probe) -> dict[str, Any]:
    """Columns and grids with all their digits."""
    return {
        "title": TITLES[probe.id],
        "holds": probe.holds,
        "answer": said(probe.answer),
        "figures": dict(probe.figures),
        "columns": {name: list(values) for name, values in probe.columns.items()},
        "grid": [list(row) for row in probe.grid],
    }


def _json_compared(answer: Answer) -> dict[str, Any]:
    gauge = answer.learner.gauge if answer.learner is not None else ""
    return {
        "equivalent": [gauge] if gauge else [],
        "probes": {},
        "instead": to_json(answer.instead) if answer.instead is not None else None,
    }


def _json_sought(answer: Answer) -> dict[str, Any]:
    return {
        "variant": said(answer.model) if answer.model is not None else None,
        "expressions": {law.name: law.expression for law in answer.laws if not law.open},
        "W0": said(answer.start),
        "for every": list(every(answer)),
        "gates": {r.gate: {"moves": list(r.moves), "followed": r.followed, "fits": r.fits} for r in answer.roles},
        "seen at": dict(answer.gates),
        "equivalent": [said(other) for other in answer.equivalent],
        "also": [said(other) for other in answer.supersets],
        "probes": {p.id: _json_probe(p) for p in answer.probes},
        "arithmetic": answer.arithmetic,
        "bias": answer.bias,
        "epsilon": answer.epsilon.value if answer.epsilon is not None else None,
        "nearest": miss(answer.nearest) if answer.nearest is not None else None,
        "ruled out": dict(answer.ruled_out),
        "source": [{"place": where, "line": line} for where, line in answer.source],
    }
