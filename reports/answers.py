"""Answers in words: what `ssmproof audit` prints, and adds to the report; `reports.answers_json` has what it writes.

Main definitions: `lines`, `world`, `figures`, `details`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from constructions.learners import Domain
from numeric.finding import Flag, Key, Told, Verdict
from numeric.tape.notes import Constant
from proofs.audit.answer import Answer, Check, Parting, Role, Word, chance_of, run_of
from proofs.audit.reasons import Run
from proofs.audit.rows import Row
from proofs.audit.sweep import EVERY
from proofs.audit.world import Refusal, Same, State, World
from proofs.figure import Columns, Figure, Panel, Series
from proofs.fitting.fit import Miss
from reports.said import pasted, said
from reports.said.audits import named, refused
from reports.said.kinds import cut, ranges
from reports.said.parameters import each, within
from reports.said.probes import TITLES

_ROWS = 12
"""How many rows of an input are printed."""
_VALUES = "forward values alone, no backward passes"
_READ = "a learner, run as it is called, its own modes not tried; proofs.audit.layers.same and the marker icl_same compare layers"
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
_OF_TWO = {Word.PROVED: "SAME FUNCTION", Word.REFUTED: "DIFFERENT"}
_TELLING = ("P1", "P4", "P8", "P9", "P10")
"""Probes named on the terminal; the report has them all."""


def lines(answer: Answer) -> list[str]:
    """The answer for a terminal: what it is, how sure, what to look at."""
    out = [f"{word(answer)}: {answer.target}"]
    if answer.other:
        out += of_two(answer)
    else:
        out += _compared(answer) if answer.named else _sought(answer)
    return out + list(_beside(answer))


def word(answer: Answer) -> str:
    """What it ends with: of two layers, whether they are one function."""
    return _OF_TWO.get(answer.word, answer.word.value) if answer.other else answer.word.value


def of_two(answer: Answer) -> Iterator[str]:
    """Of two layers: what is said of both, then what was seen when the other one was the target."""
    second = answer.second
    yield f"  against   {answer.other}"
    yield f"  called as {answer.adapter}"
    if second is not None and second.adapter != answer.adapter:
        yield f"  and as    {second.adapter}"
    yield from _with(answer)
    yield f"  why       {said(answer.reason)}"
    for one in answer.each:
        yield from (f"  {'first' if one.target == answer.target else 'second':<9} {line}" for line in _summary(one))
    alike = sorted({r.sizes["N"] for r in answer.rows if r.finding.figures.get(Key.RECORDINGS)})
    if alike:
        yield f"  alike     both leave one and the same recording at N = {_listed(alike)}"
    yield from (f"  {line}" for line in _evidence(answer))
    if second is not None:
        tested = world(second.world) if second.world is not None else []
        notes = [note for note in once(second.notes) if note not in once(answer.notes)]
        own = replace(second, rows=tuple(row for row in second.rows if row not in answer.rows))
        yield from (f"  other     {line}" for line in (*_evidence(own), *tested[:_WORLD], *notes))


def _compared(answer: Answer) -> Iterator[str]:
    """Of a learner that was named."""
    learner = answer.learner
    assert learner is not None
    yield f"  against   {learner.id}: {learner.title}"
    if learner.source == learner.id:  # a function of the user's
        yield f"  read as   {_READ}"
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
        yield f"  nearest   {miss(answer.nearest)}"
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
        yield f"  trust     {'; '.join(once(answer.trust))}"
    casts = answer.word is Word.PROVED and run_of(answer.rows)[0] is Run.LIFTED
    flags = once(sorted(answer.flags, key=lambda flag: not _taken(flag)))
    told = flags if casts else flags[:_FLAGS]
    yield from (f"  note      {note}" for note in (*once(answer.notes), *told))
    if len(flags) > len(told):
        yield f"  note      and {len(flags) - len(told)} more of this kind: see --json"
    yield from _parted(answer)


def _parted(answer: Answer) -> Iterator[str]:
    part = answer.parting
    if part is None:
        return
    found = part.counterexample
    if part.before is not None and not part.before:
        yield "  counterexample: none to print, a fresh process gives the learner's numbers; it takes calls before, of other sizes"
        return
    earlier = " ".join(f"{k}={n}" for k, n in (part.before or {}).items())
    yield f"  {heading(part)}" + (f", after a call at {earlier} on numbers that are 1/2" if earlier else "")
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
        place = part.place
        where = (
            f", position {place.position}, batch entry {place.entry}, head {place.head}" if place is not None else ""
        )
        yield f"  first at  N = {part.first}{where}"


def heading(part: Parting) -> str:
    """What stands above a counterexample: in which calls it was seen."""
    if part.mode:
        return f"counterexample in the mode {part.mode}" + (", run again there" if part.reproduced else "")
    return "counterexample, run again as plain calls" if part.reproduced else "counterexample"


def world(tested: World) -> list[str]:
    """The world in a line, then what was refused, and what never ran."""
    calls = [f"heads {tested.heads}, batch {tested.batch}, {said(tested.positions)}"]
    calls[0] += f" of {tested.tokens} tokens" if tested.tokens > 1 else ""
    parts, alone = ("", "") if tested.of_two else (" as its parts alone", " as each alone")
    calls += [f"of {_listed(tested.far)} tokens{parts}"] if tested.far else []
    if any(tested.cells):
        calls.append(f"{tested.cells[0]} batch entries and {tested.cells[1]} heads{alone}")
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
    passes = _VALUES if tested.gradients is None else f"forward values and {said(tested.gradients)}"
    out = ["; ".join([*calls, sizes, *modes, tested.dtype, passes])]
    out += _plain(tested)
    out += [said(m) for m in tested.modes if m not in same]
    for head, numbers in enumerate(tested.by_head, 1):
        out.append(f"head {head} has " + ", ".join(f"{name} = {said(number)}" for name, number in numbers.items()))
    longest = max((*tested.lengths, *tested.plain.lengths), default=0)
    far = [c for c in tested.integers if 2 * c + 1 > longest]
    if tested.lengths and far:
        out.append(
            f"no N passes {_first(far)}, which the code mentions or computes: longer contexts may be another thing"
        )
    widest = max((max(w) for w in (*tested.widths, *dict(tested.plain.elsewhere))), default=0)
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
    return out + [
        said(seen)
        for seen in (*tested.typed, *tested.scripts, *tested.edges, *tested.kept, *tested.outside, *tested.unrun)
    ]


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
    alone = "" if tested.of_two else " as each alone"
    parts += [f"entries and heads of {ranges(plain.parts)} tokens{alone}"] if plain.parts else []
    parts += [f"two heads of queries for one of keys at {_listed(plain.groups)} tokens"] if plain.groups else []
    return [f"plain calls, to 6 digits: {'; '.join(parts)}"] if parts else []


def once(found: Iterable[Told]) -> list[str]:
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


def miss(found: Miss) -> str:
    """A learner that does not fit, in one line."""
    numbers = ", ".join(f"{n} = {v:.6g}" for n, v in zip(found.model.names, found.theta, strict=False))
    return f"{said(found.model)}{' with ' + numbers if numbers else ''}: {said(found.why)}"


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
