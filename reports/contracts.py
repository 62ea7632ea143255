"""Contracts in words and as JSON: what `ssmproof contract` prints and writes, and the table of many operators.

Main definitions: `lines`, `to_json`, `table`, `benched`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from numeric.finding import Key, Verdict
from proofs.audit.answer import Place, Word, chance_of
from proofs.audit.rows import Check, Row
from proofs.contract.findings import MORE, Checked, Contract, Contracts, Kept, OnlyExactly
from reports.answers import once
from reports.said import pasted, said
from reports.said.contracts import PROMISES
from reports.said.kinds import cut, ranges
from reports.said.parameters import each

if TYPE_CHECKING:
    from reports.terminal import Screen

WORDS = {
    Word.PROVED: "CONTRACTS KEPT",
    Word.AGREES: "CONTRACTS KEPT AT ALL POINTS DRAWN",
    Word.REFUTED: "CONTRACT BROKEN",
}
_NUMBERS = 48
"""Of the most numbers in an input that is printed."""
_INTEGERS = 4
_SIGNS = {Kept.PROVED: "=", Kept.AGREES: "~", Kept.BROKEN: "X", Kept.UNDECIDED: "?", Kept.ABSENT: "."}
_WIDTH = 15


def word(found: Contracts) -> str:
    """What it ends with."""
    return WORDS.get(found.word, "CONTRACTS UNDECIDED")


def lines(found: Contracts) -> list[str]:
    """For a terminal: one line a contract, those that are broken first, with their counterexamples."""
    out = [f"{word(found)}: {found.target}", f"  called as {found.adapter}"]
    out += [f"  with      {name} = {text}" for name, text in found.gates.items()]
    if found.free:
        out.append(f"  for every {'; '.join(name + each(axes) for name, axes in found.free.items())}")
    for kept in (Kept.BROKEN, Kept.UNDECIDED, Kept.PROVED, Kept.AGREES, Kept.ABSENT):
        for checked in found.checked:
            if checked.kept is kept:
                out += _contract(checked)
    out += [f"  world     {line}" for line in world(found)]
    if found.trust:
        out.append(f"  trust     {'; '.join(once(found.trust))}")
    return out + [f"  note      {note}" for note in (*once(found.notes), *once(found.flags)[:3])]


def _contract(checked: Checked) -> Iterator[str]:
    head = f"  {checked.kept.value:<{_WIDTH}} {checked.contract.value}: {PROMISES[checked.contract]}"
    if checked.kept is Kept.ABSENT:
        yield f"  {checked.kept.value:<{_WIDTH}} {checked.contract.value}: {said(checked.why)}"
        return
    yield head
    indent = " " * (_WIDTH + 3)
    for line in evidence(checked):
        yield f"{indent}{line}"
    if checked.place is not None:
        yield f"{indent}first at {_place(checked.place)}"
    if checked.counterexample is not None:
        again = ", run again as plain calls" if checked.reproduced else ""
        yield f"{indent}counterexample{again}"
        sizes = {name: np.size(value) for name, value in checked.counterexample.inputs.items()}
        if max(sizes.values(), default=0) > _NUMBERS:
            yield f"{indent}  of {', '.join(f'{name} {size} numbers' for name, size in sizes.items())}: see --json"
        else:
            yield from (f"{indent}  {line}" for line in pasted(checked.counterexample))


def _place(place: Place) -> str:
    parts = (("position", place.position), ("batch entry", place.entry), ("head", place.head))
    return ", ".join(f"{name} {number}" for name, number in parts if number)


def evidence(checked: Checked) -> Iterator[str]:
    """The checks of one contract, those alike in a line: on which rung, at which sizes, how sure."""
    groups: dict[tuple[str, Verdict, str], list[Row]] = {}
    for row in checked.rows:
        why = cut(said(row.finding.reason)) if row.finding.verdict is not Verdict.CONFIRMED else ""
        groups.setdefault((row.check.value, row.finding.verdict, why), []).append(row)
    for (rung, verdict, why), rows in groups.items():
        variants = [variant for variant in dict.fromkeys(row.variant for row in rows) if variant]
        text = f"{rung} {verdict.value}, {_sized(rows)}"
        text += f" ({'; '.join(variants)})" if variants else ""
        chance = chance_of(rows)
        if verdict is Verdict.CONFIRMED and chance is not None:
            text += f"; failure probability at most 2^{chance:.1f}"
        yield text + (f": {why}" if why else "")
    if not checked.rows and checked.why:
        yield said(checked.why)


def _sized(rows: Sequence[Row]) -> str:
    cells: dict[tuple[int, ...], list[int]] = {}
    for row in rows:
        cells.setdefault(tuple(row.sizes[n] for n in "BHfm"), []).append(row.sizes["N"])
    return "; ".join(
        " ".join(f"{n}={size}" for n, size in zip("BHfm", cell, strict=True)) + f" N={ranges(lengths)}"
        for cell, lengths in cells.items()
    )


def world(found: Contracts) -> Iterator[str]:
    """What all of it was checked in."""
    kept = [c for c in found.checked if c.kept is not Kept.ABSENT]
    exact = [c.contract.value for c in kept if any(r.check is Check.EXACT for r in c.rows)]
    drawn = [c.contract.value for c in kept if c.contract.value not in exact]
    parts = [f"in GF(p), for all numbers: {', '.join(exact)}"] if exact else []
    parts += [f"at numbers drawn alone: {', '.join(drawn)}"] if drawn else []
    yield "; ".join([*parts, "float64, forward values alone", f"seed {found.seed}"])
    if found.zeros is not None:
        how = "exactly" if found.zeros.check is Check.EXACT else "at numbers drawn"
        yield f"a call without a state is one from a state of zeros, {how}: what holds from any state holds from none"
    ran = [row for c in kept if c.contract is not Contract.FINITE for row in c.rows if _ran(row)]
    lengths = [row.sizes["N"] for row in ran if row.variant != MORE]
    more = [row.sizes["N"] for row in ran if row.variant == MORE]
    if lengths:
        some = ", ".join(map(str, found.integers[:_INTEGERS]))
        some += " and more" if len(found.integers) > _INTEGERS else ""
        told = f", nor than {some}, which the code mentions" if some else ""
        told += f", but for plain calls of up to {max(more)}" if more else ""
        yield f"no compared call has more tokens than {max(lengths)}{told}: longer ones may be another thing"


def _ran(row: Row) -> bool:
    """Whether both calls were made and compared."""
    return row.finding.verdict is not Verdict.UNDECIDED or isinstance(row.finding.reason, OnlyExactly)


def to_json(found: Contracts) -> dict[str, Any]:
    """The object that `ssmproof contract --json` writes."""
    return {
        "schema": 1,
        "answer": word(found),
        "status": found.status,
        "target": found.target,
        "adapter": found.adapter,
        "options": found.options,
        "seed": found.seed,
        "gates": dict(found.gates),
        "free": {name: list(axes) for name, axes in found.free.items()},
        "contracts": [_json(checked) for checked in found.checked],
        "no state is zeros": _row(found.zeros) if found.zeros is not None else None,
        "world": list(world(found)),
        "integers not passed": list(found.integers),
        "trust": once(found.trust),
        "notes": once(found.notes),
        "flags": once(found.flags),
    }


def _json(checked: Checked) -> dict[str, Any]:
    told, place = checked.counterexample, checked.place
    return {
        "contract": checked.contract.value,
        "promise": PROMISES[checked.contract],
        "kept": checked.kept.value,
        "why": said(checked.why),
        Key.CHANCE.value: chance_of(checked.rows) if checked.kept is Kept.PROVED else None,
        "evidence": [_row(row) for row in checked.rows],
        "counterexample": told.to_json() | {"note": said(told.note)} if told is not None else None,
        "reproduced by plain calls": checked.reproduced if told is not None else None,
        "first place": {"position": place.position, "entry": place.entry, "head": place.head} if place else None,
    }


def _row(row: Row) -> dict[str, Any]:
    return {
        "rung": row.rung,
        "sizes": dict(row.sizes),
        "verdict": row.finding.verdict.value,
        "figures": dict(row.finding.figures),
        "reason": said(row.finding.reason),
    }


def table(rows: Iterable[tuple[str, Contracts | str]]) -> Iterator[str]:
    """Many operators: a sign a contract, = proved, ~ at all points drawn, X broken, ? undecided, . does not apply."""
    found = list(rows)
    width = max(len(title) for title, _ in found)
    yield " " * width + "  " + " ".join(f"{c.value[:6]:<6}" for c in Contract)
    for title, told in found:
        if isinstance(told, str):
            yield f"{title:<{width}}  {told}"
            continue
        signs = {c.contract: _SIGNS[c.kept] for c in told.checked}
        yield f"{title:<{width}}  " + " ".join(f"{signs.get(c, ' '):<6}" for c in Contract)
    yield "= proved  ~ at all points drawn  X broken  ? undecided  . does not apply"


def benched(screen: Screen, seed: int) -> list[dict[str, Any]]:
    """Check the operators of the bench, print the table, and return what was found of each as JSON."""
    from proofs.bench.contracts import OPERATORS, Line, run

    def told(line: Line) -> None:
        screen.tell(f"{line.seconds:6.1f} CPU s  {line.operator.title}")

    found = run(OPERATORS, seed, told)
    for line in table((line.operator.title, line.found) for line in found):
        screen.say(line)
    return [
        {"title": line.operator.title, "CPU seconds": round(line.seconds, 1)}
        | ({"not run": line.found} if isinstance(line.found, str) else to_json(line.found))
        for line in found
    ]
