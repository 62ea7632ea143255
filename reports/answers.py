"""Answers in words: what `ssmproof audit` prints, writes as JSON, and adds to the report.

Main definitions: `lines`, `world`, `to_json`, `figures`, `details`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np

from constructions.learners import Domain
from numeric.finding import Counterexample, Flag, Key, Told, Verdict
from numeric.probing.probes import Probe
from numeric.tape.notes import Constant
from proofs.audit.answer import Answer, Check, Parting, Role, Word, chance_of, run_of
from proofs.audit.reasons import Run
from proofs.audit.rows import Row
from proofs.audit.sweep import EVERY
from proofs.audit.world import Refusal, Same, State, World
from proofs.figure import Columns, Figure, Panel, Series
from proofs.fitting.fit import Miss
from proofs.target.source.lines import Unrun
from reports.said import pasted, said
from reports.said.audits import named, refused
from reports.said.kinds import cut, ranges
from reports.said.parameters import each, within
from reports.said.probes import TITLES

_ROWS = 12
"""How many rows of an input are printed."""
_VALUES = "forward values alone, no backward passes"
_WORLD = 8
"""How many lines of its world are printed."""
_FLAGS = 3
"""How many lines that the verdict does not cover fit a screen."""
_INTEGERS = 4
"""Integers that a line lists."""
_SOURCE = 3
"""Lines of the layer that are printed."""
_UNREAD = ("P0n",)
"""Probes that say, where they hold, that a part of the input is not read."""
_TELLING = ("P1", "P4", "P8", "P9", "P10")
"""Probes named on the terminal; the report has them all."""


def lines(answer: Answer) -> list[str]:
    """The answer for a terminal: what it is, how sure, what to look at."""
    out = [f"{answer.word}: {answer.target}"]
    out += _compared(answer) if answer.named else _sought(answer)
    return out + list(_beside(answer))


def _compared(answer: Answer) -> Iterator[str]:
    """Of a learner that was named."""
    learner = answer.learner
    assert learner is not None
    yield f"  against   {learner.id}: {learner.title}"
    yield f"  called as {answer.adapter}"
    yield from _with(answer)
    if learner.gauge and answer.accepted(sampled=True):
        yield f"  likewise  {learner.gauge}"
    yield f"  why       {said(answer.reason)}"
    if answer.instead is not None:
        yield from (f"  instead   {line}" for line in _summary(answer.instead))
    yield from (f"  {line}" for line in _evidence(answer))


def _sought(answer: Answer) -> Iterator[str]:
    """Of a learner that was looked for."""
    held = answer.accepted(sampled=True)
    if answer.model is not None:
        runs = {Word.PROVED: "runs", Word.AGREES: "agrees"}.get(answer.word, "near to")
        yield f"  {runs:<9} {said(answer.model)}: {answer.model.learner.title}"
    yield from _with(answer)
    if held:
        yield f"  from      W0 = {said(answer.start)}"
    if answer.free:
        yield f"  for every {'; '.join(every(answer))}"
    yield f"  called as {answer.adapter}"
    if answer.gates:
        yield f"  seen at   {', '.join(f'{name} = {value}' for name, value in answer.gates.items())}"
    yield from (f"  gate      {r.gate}: {_role(r)}" for r in answer.roles if r.idle or not (r.fits and r.followed))
    yield f"  why       {said(answer.reason)}"
    yield from (f"  {line}" for line in _evidence(answer))
    yield from (f"  same as   {said(other)}" for other in answer.equivalent)
    if answer.supersets:
        yield f"  also      {'; '.join(map(said, answer.supersets))}"
    if answer.learner is not None and answer.learner.gauge and answer.bias is None:
        yield f"  gauge     {answer.learner.gauge}"
    told = _told(answer)
    yield from (f"  {p.id:<9} {TITLES[p.id]}: {said(p.answer)}" for p in answer.probes if p.id in told)
    if answer.nearest is not None and not held:
        yield f"  nearest   {_miss(answer.nearest)}"
    yield from (f"  look at   {where}: {line}" for where, line in answer.source[:_SOURCE])


def _with(answer: Answer) -> Iterator[str]:
    yield from (f"  with      {name} = {said(value)}" for name, value in answer.parameters.items())


def _summary(answer: Answer) -> Iterator[str]:
    """What a refuted layer runs instead, in a few lines; none if that is not known."""
    if answer.model is not None:
        near = "near to" if answer.word is Word.BIASED else "the layer runs"
        sure = "" if answer.word in (Word.PROVED, Word.BIASED) else " (not proved)"
        yield f"{near} {said(answer.model)}: {answer.model.learner.title}{sure}"
        yield from (f"with {name} = {said(value)}" for name, value in answer.parameters.items())
    if answer.word is Word.BIASED:
        yield said(answer.reason)
    yield from (f"the argument {role.gate} changes nothing" for role in answer.roles if role.idle)
    yield from (said(p.answer) for p in answer.probes if p.id in _UNREAD and p.holds)


def _evidence(answer: Answer) -> list[str]:
    """One line a rung and verdict; context lengths that ended alike share a line."""
    lifted = answer.word is Word.PROVED and run_of(answer.rows)[0] is Run.LIFTED
    groups: dict[tuple[Check, str, Verdict, tuple[tuple[str, int], ...]], list[Row]] = {}
    for row in answer.rows:
        fixed = tuple((k, v) for k, v in row.sizes.items() if k != "N")
        groups.setdefault((row.check, row.variant, row.finding.verdict, fixed), []).append(row)
    out = []
    merged: dict[tuple[Any, ...], list[tuple[str, str, list[Row]]]] = {}  # widths that are confirmed share a line
    for (check, variant, verdict, fixed), rows in groups.items():
        lengths = ", ".join(map(str, sorted({row.sizes["N"] for row in rows if "N" in row.sizes})))
        alone = verdict is not Verdict.CONFIRMED or [name for name, _ in fixed] != ["f", "m"]
        further = verdict is Verdict.CONFIRMED and variant  # the calls of a world share one
        place = (check, variant, verdict, *(() if further else (lengths, fixed if alone else ())))
        widths = "".join(f" {k}={v}" for k, v in fixed)
        merged.setdefault(place, []).append((widths, f" N={lengths or 'any, by induction'}", rows))
    for (_, _, verdict, *_), parts in merged.items():
        after = [N for _, N, _ in parts[1:]] + [""]
        sizes = ";".join(w + N * (nxt != N) for (w, N, _), nxt in zip(parts, after, strict=True))
        rows = [row for _, _, group in parts for row in group]
        rung = rows[0].rung
        text = f"{rung:<23} {verdict.value},{sizes}"
        if lifted and rows[0].of(Check.FLOAT) and verdict is Verdict.REFUTED:
            out.append(f"{rung:<23} off by its casts, which are listed below,{sizes}")
            continue
        chance = chance_of(rows)
        if verdict is Verdict.CONFIRMED and chance is not None:
            text += f"; failure probability at most 2^{chance:.1f}"
        for name, worst in ((Key.SHARE, max), (Key.DIGITS, min)):
            held = [row.finding.figures[name] for row in rows if name in row.finding.figures]
            if held and verdict is Verdict.CONFIRMED:
                numbers = [value for value in held if isinstance(value, (int, float))]
                text += f"; {name} {worst(numbers) if numbers else held[0]}"
        blind = sum(int(row.finding.figures.get(Key.UNASSESSED) or 0) for row in rows)
        if blind:
            text += f"; {blind} outputs could not be assessed"
        if verdict is not Verdict.CONFIRMED and rows[0].finding.reason:
            text += f": {cut(said(rows[0].finding.reason))}"
        out.append(text)
    return out


def _taken(flag: Told) -> bool:
    """Whether constants were taken for other numbers, which the reason says are listed."""
    return isinstance(flag, Flag) and isinstance(flag.what, Constant) and bool(flag.what.read)


def _beside(answer: Answer) -> Iterator[str]:
    """The last lines: what it was tested in, what has to be trusted, notes, and where the sides part."""
    tested = world(answer.world) if answer.world is not None else []
    yield from (f"  world     {line}" for line in tested[:_WORLD])
    if len(tested) > _WORLD:
        yield f"  world     and {len(tested) - _WORLD} more lines: see --json"
    if answer.trust:
        yield f"  trust     {'; '.join(_once(answer.trust))}"
    casts = answer.word is Word.PROVED and run_of(answer.rows)[0] is Run.LIFTED
    flags = _once(sorted(answer.flags, key=lambda flag: not _taken(flag)))
    told = flags if casts else flags[:_FLAGS]
    yield from (f"  note      {note}" for note in (*_once(answer.notes), *told))
    if len(flags) > len(told):
        yield f"  note      and {len(flags) - len(told)} more of this kind: see --json"
    yield from _parted(answer)


def _parted(answer: Answer) -> Iterator[str]:
    part = answer.parting
    if part is None:
        return
    found = part.counterexample
    yield "  counterexample, run again as plain calls" if part.reproduced else "  counterexample"
    sizes = {n: np.shape(v) for n, v in found.inputs.items()}
    long = {n: shape for n, shape in sizes.items() if shape and (shape[0] > _ROWS or np.prod(shape) > 4 * _ROWS)}
    if long:
        listed = ", ".join(f"{n} {shape}" for n, shape in long.items())
        yield f"    of {listed}: too long to print"
        yield f"    ssmproof audit {answer.target} {answer.options} --json -"
    else:
        yield from (f"    {line}" for line in pasted(found))
    if part.largest is not None:
        at = " ".join(f"{k}={v}" for k, v in part.sizes.items())
        yield f"  largest   {part.largest:.2g} of the largest output, on Gaussian draws at {at}"
    if part.first is not None:
        yield f"  first at  N = {part.first}"


def world(tested: World) -> list[str]:
    """The world in a line, then what was refused, and what never ran."""
    calls = [f"heads {tested.heads}, batch {tested.batch}, {said(tested.positions)}"]
    calls[0] += f" of {tested.tokens} tokens" if tested.tokens > 1 else ""
    calls += [f"of {_listed(tested.far)} tokens as its parts alone"] if tested.far else []
    if any(tested.cells):
        calls.append(f"{tested.cells[0]} batch entries and {tested.cells[1]} heads as each alone")
    calls += [said(tested.state)] if tested.state is not State.NONE else []
    sizes = f"N = {_listed(tested.lengths)} at (f, m) = {tested.width}"
    others = [w for w in tested.widths if w != tested.width]
    sizes += f", few N at {_listed(others)}" if others else ""
    same = [m for m in tested.modes if m.same in (Same.BITS, Same.ROUNDING)]
    at = f"also, at N = {tested.modes_at} alone, " if tested.modes_at else "also "
    modes = [at + ", ".join(map(named, same))] if same else []
    if tested.modes_calls:
        further = ", ".join(" ".join(f"{k}={n}" for k, n in here.items()) for here in tested.modes_calls)
        modes.append(f"gradients enabled, strides, float32 and training, to 6 digits (3 in float32), at {further} too")
    out = ["; ".join([*calls, sizes, *modes, tested.dtype, _VALUES])]
    out += _plain(tested)
    out += [said(m) for m in tested.modes if m not in same]
    for head, numbers in enumerate(tested.by_head, 1):
        out.append(f"head {head} has " + ", ".join(f"{name} = {said(number)}" for name, number in numbers.items()))
    far = [c for c in tested.integers if 2 * c + 1 > max(tested.lengths, default=0)]
    if tested.lengths and far:
        out.append(
            f"no N passes {_first(far)}, which the code mentions or computes: longer contexts may be another thing"
        )
    widest = max((max(w) for w in tested.widths), default=0)
    wide = [c for c in tested.integers if c >= widest]
    if tested.widths and wide:
        out.append(
            f"no f or m passes {_first(wide)}, which the code mentions or computes: wider ones may be another thing"
        )
    pairs = zip(tested.cells, tested.plain.cells, (tested.batch, tested.heads), strict=True)
    several = [max(far, plain) for far, plain, tried in pairs if tried > 1]
    many = [c for c in tested.integers if c >= min(several, default=c + 1)]
    if many:
        out.append(
            f"no number of batch entries or heads passes {_first(many)}, which the code mentions or computes: more may be "
            "another thing"
        )
    groups: dict[tuple[str, str], list[Refusal]] = {}
    for refusal in tested.refusals:  # sizes that were refused alike share a line
        groups.setdefault((refusal.what, said(refusal.why)), []).append(refusal)
    out += [refused(group) for group in groups.values()]
    return out + [said(seen) for seen in (*tested.scripts, *tested.edges, *tested.kept, *tested.outside, *tested.unrun)]


def _plain(tested: World) -> list[str]:
    """Where plain calls agree, in a line."""
    plain = tested.plain
    alike: dict[tuple[int, ...], list[tuple[int, int]]] = {}
    for width, lengths in plain.elsewhere:
        alike.setdefault(lengths, []).append(width)
    parts = [f"N = {ranges(plain.lengths)} at (f, m) = {tested.width}"] if plain.lengths else []
    parts += [f"N = {ranges(lengths)} at {_listed(widths)}" for lengths, widths in alike.items()]
    every, some = ([N for N in plain.whole if (N <= EVERY) is short] for short in (True, False))
    parts += [f"every position of {_listed(every)} tokens"] if every else []
    parts += [f"some positions of {_listed(some)} tokens"] if some else []
    parts += [f"{_listed(plain.handed)} tokens in two calls"] if plain.handed else []
    parts += [f"entries and heads of {ranges(plain.parts)} tokens as each alone"] if plain.parts else []
    parts += [f"two heads of queries for one of keys at {_listed(plain.groups)} tokens"] if plain.groups else []
    return [f"plain calls, to 6 digits: {'; '.join(parts)}"] if parts else []


def _once(found: Iterable[Told]) -> list[str]:
    """The words of each; what differs in digits that are not shown is said once."""
    return list(dict.fromkeys(map(said, found)))


def _first(integers: Sequence[int]) -> str:
    return f"{_listed(integers[:_INTEGERS])}{' and more' if len(integers) > _INTEGERS else ''}"


def _listed(values: Sequence[object]) -> str:
    return ", ".join(map(str, values))


def every(answer: Answer) -> tuple[str, ...]:
    """What it holds for all values of, or for all drawn where they are."""
    known = answer.learner.parameters if answer.learner is not None and answer.word is Word.AGREES else ()
    domains = {parameter.name: parameter.domain for parameter in known}
    return tuple(name + within(domains.get(name, Domain.REAL)) + each(axes) for name, axes in answer.free.items())


def _role(role: Role) -> str:
    """What a gate does."""
    if not role.fits:
        return "moves more than the learner's numbers"
    if not role.moves:
        return "changes nothing"
    return f"moves {', '.join(role.moves)}" + ("" if role.followed else "; how is not found")


def _told(answer: Answer) -> tuple[str, ...]:
    """The probes for the terminal: for no match also those that ruled learners out, most often first."""
    if answer.accepted(sampled=True):
        return _TELLING
    votes = list(answer.ruled_out.values())
    return tuple(sorted(set(votes), key=lambda id: -votes.count(id))[:3]) + _TELLING


def _miss(miss: Miss) -> str:
    """A learner that does not fit, in one line."""
    numbers = ", ".join(f"{n} = {v:.6g}" for n, v in zip(miss.model.names, miss.theta, strict=False))
    return f"{said(miss.model)}{' with ' + numbers if numbers else ''}: {said(miss.why)}"


# --------------------------------------------------------------------------------------------------------------------
# Files


def to_json(answer: Answer) -> dict[str, Any]:
    """The object that `ssmproof audit --json` writes."""
    return {
        "answer": answer.word.value,
        "verdict": answer.verdict.value,
        "status": answer.status,
        "target": answer.target,
        "adapter": answer.adapter,
        "parameters": {name: said(value) for name, value in answer.parameters.items()},
        "reason": said(answer.reason),
        Key.CHANCE.value: chance_of(answer.rows) if answer.word is Word.PROVED else None,
        "world": _json_world(answer.world) if answer.world is not None else None,
        "trust": _once(answer.trust),
        "notes": _once(answer.notes),
        "flags": _once(answer.flags),
        "evidence": [_json_row(row) for row in answer.rows],
        "counterexample": _json_counterexample(answer.counterexample) if answer.counterexample else None,
        "parting": _json_parting(answer.parting) if answer.parting else None,
        "learner": answer.learner.id if answer.learner is not None else None,
    } | (_json_compared(answer) if answer.named else _json_sought(answer))


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
        "reproduced by plain calls": part.reproduced,
        "largest relative difference seen": part.largest,
        "at": dict(part.sizes),
        "first N at which the sides part": part.first,
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
        "nearest": _miss(answer.nearest) if answer.nearest is not None else None,
        "ruled out": dict(answer.ruled_out),
        "source": [{"place": where, "line": line} for where, line in answer.source],
    }


def figures(answer: Answer) -> tuple[Figure, ...]:
    """The probes that have a curve as one figure of small panels."""
    columns: dict[str, tuple[float, ...]] = {}
    panels = []
    for probe in answer.probes:
        if not probe.columns:
            continue
        (x, across), (y, up) = tuple(probe.columns.items())[:2]
        columns[f"{probe.id} {x}"], columns[f"{probe.id} {y}"] = across, up
        series = Series("layer", f"{probe.id} {x}", measured=f"{probe.id} {y}", joined=True)
        panels.append(Panel(x, y, (series,), title=f"{probe.id}: {TITLES[probe.id]}"))
    shown: Columns = columns
    return (Figure("probes", "Probes of the layer, output 1.", lambda: shown, tuple(panels)),) if panels else ()


def details(answer: Answer) -> str:
    """Markdown for the report: the equation of a learner that was looked for, every probe, grids, the lines that matter."""
    if answer.named:
        return ""
    parts = []
    if answer.learner is not None:
        parts.append(f"The learner, {answer.learner.title} ({answer.learner.source}):\n\n$${answer.learner.latex}$$")
    rows = ["| probe | question | answer |", "|:--|:-----|:----------|"]
    rows += [f"| {p.id} | {TITLES[p.id]} | {_bar(said(p.answer))} |" for p in answer.probes]
    parts.append("\n".join(rows))
    parts += [f"{p.id}, {TITLES[p.id]}:\n\n$${_matrix(p.grid)}$$" for p in answer.probes if p.grid]
    if answer.source:
        code = "\n".join(f"{line}  # {where}" for where, line in answer.source)
        parts.append(f"The layer's lines that matter:\n\n```python\n{code}\n```")
    return "\n\n".join(parts)


def _bar(text: str) -> str:
    return text.replace("|", r"\|").replace("<", r"\<").replace("*", r"\*")


def _matrix(grid: Sequence[Sequence[float]]) -> str:
    rows = r" \\ ".join(" & ".join(f"{v:.4g}" for v in row) for row in np.array(grid))
    return rf"\begin{{pmatrix}} {rows} \end{{pmatrix}}"
