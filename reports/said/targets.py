"""In words: what is noted about a target, what came of calling it, what its source and its calls show."""

from __future__ import annotations

import linecache
from pathlib import Path

from proofs.audit.edges import Edge
from proofs.audit.kept import Kept
from proofs.target.notes import Evaluated, HandsToNumpy, Place, Quirk, Raised, ReadAsFloat64, ReadAsOneAxis
from proofs.target.source.length_numbers import MakesNumbers
from proofs.target.source.lines import Unrun
from proofs.target.source.outside import Outside
from proofs.target.source.scripted import Scripted
from reports.said.kinds import listed, said

_NOTES = {
    Quirk.WRITES: "it writes to its inputs (it was given copies)",
    Quirk.LIFTED: "it fails in float64, for the casts to float32 in it; they were taken for casts to float64",
}


@said.register
def _(note: Quirk) -> str:
    return _NOTES[note]


@said.register
def _(note: Evaluated) -> str:
    return f"in training mode ({listed(note.layers)} would act); it was run in evaluation mode"


@said.register
def _(note: ReadAsFloat64) -> str:
    return f"its parameters are {listed(note.dtypes)}; they were read as the float64 numbers they are"


@said.register
def _(note: ReadAsOneAxis) -> str:
    return f"it returns an array of {note.axes} axes, which was read as one, (m,)"


def _at(place: Place | None) -> str:
    return f" at {place.file}:{place.line}, {place.text}" if place is not None else ""


@said.register
def _(found: Raised) -> str:
    return f"raised {found.kind}{': ' + found.message if found.message else ''}{_at(found.place)}"


@said.register
def _(found: HandsToNumpy) -> str:
    where = _at(found.place)
    return f"hands tensors to numpy{where}: use torch's function, or keep numpy code in functions that call nothing of torch"


@said.register
def _(found: MakesNumbers) -> str:
    return f"line {found.line} may make other numbers of other lengths"


@said.register
def _(code: Unrun) -> str:
    first, last = code.lines
    where = f"line {first}" if first == last else f"lines {first} to {last}"
    outcome = f": {code.condition} was {'never' if code.never else 'always'} true" if code.condition else ""
    outcome = f": {code.named[0]}, which line {code.named[1]} names, was never called" if code.named else outcome
    return f"{where} of {Path(code.file).name} {'ran in part' if code.part else 'never ran'}{outcome}"


@said.register
def _(read: Outside) -> str:
    where = f"line {read.at} of {Path(read.file).name}"
    others = "where it says something else the layer may differ" if read.constant else "other calls may differ"
    return f"{where} reads {read.name}, which no argument gives: {others}"


@said.register
def _(code: Scripted) -> str:
    places = "one place" if code.decisions == 1 else f"{code.decisions} places"
    return f"torch.jit code {code.name} decides at {places}, and nothing tells which of its lines ran"


@said.register
def _(bound: Edge) -> str:
    text = " ".join(linecache.getline(bound.file, bound.at).split())
    where = f"line {bound.at} of {Path(bound.file).name}"
    if not bound.turn:
        return f"{where} has a bound that no call reached, and a larger {bound.name} may: {text}"
    return f"{where} has a bound that no call reached, near {bound.name} = {bound.turn}: {text}"


@said.register
def _(kept: Kept) -> str:
    where = f"line {kept.at} of {Path(kept.file).name}"
    if kept.doubt:
        return f"{where} changes {kept.name} with each call, and calls use it: further calls may differ"
    return f"{where} keeps {kept.name} from call to call{', and calls use it' if kept.used else ''}"
