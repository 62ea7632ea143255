"""In words: what derivations on matrix words, of steps and of whole programs, find."""

from __future__ import annotations

from numeric.tape.lint import Holds, Lacking, Offence
from numeric.tape.straight import HandsOut, Hides, KeepsState, NoSource
from numeric.words.findings import (
    Abstains,
    Agrees,
    At,
    Cancels,
    Checker,
    FixedCounts,
    FixedSize,
    Hollow,
    LeftOver,
    NeverAsked,
    NoRule,
    NotFollowing,
    NotInductive,
    OpinionsDiffer,
    OtherShapes,
    OtherWords,
    OutsideWords,
    Raised,
    RaisedAt,
    ShapesDiffer,
    Swallowed,
    Unheld,
    ZeroAt,
)
from reports.said.kinds import said

_HOLLOW = {
    Hollow.EMPTY: "the derivation has no steps, and an empty one confirms nothing",
    Hollow.FIRM: "no step can fail: each compares a calculation with itself, or constants",
}


@said.register
def _(why: Hollow) -> str:
    return _HOLLOW[why]


def _step(at: At) -> str:
    if not at.name:
        return "the first step"
    return f"the step {'after ' if at.after else ''}{at.name!r}"


@said.register
def _(found: ShapesDiffer) -> str:
    return f"in {_step(found.at)} shapes differ: {found.message}"


@said.register
def _(found: OutsideWords) -> str:
    what = f"outside matrix words: {found.kind}: {found.message}"
    return f"in {_step(found.at)} something is {what}" if found.at is not None else what


@said.register
def _(found: LeftOver) -> str:
    return f"{found.step} fails; {'left over' if found.summed else 'what is left over'}: {found.rest}"


@said.register
def _(found: FixedSize) -> str:
    return f"{found.step}: what is left over: {found.rest}; not conclusive, since {found.letter} has a fixed size"


@said.register
def _(found: NotFollowing) -> str:
    return f"{found.step} does not follow from its assumptions by rewriting; what is left over: {found.rest}"


@said.register
def _(found: OpinionsDiffer) -> str:
    return f"{found.step}: matrix words leave over {found.words}, SymPy leaves over {said(found.sympy)}"


@said.register
def _(found: Abstains) -> str:
    return f"the second opinion on {found.step!r} abstains: {said(found.why)}"


@said.register
def _(found: OtherShapes) -> str:
    return f"shapes {found.left} and {found.right}"


@said.register
def _(found: NoRule) -> str:
    return f"SymPy has no rule for 1x1 factors or diagonal matrices; it is left with {found.rest}"


@said.register
def _(found: Raised) -> str:
    return f"SymPy: {found.kind}: {found.message}"


@said.register
def _(trust: Checker) -> str:
    return f"the step checker numeric/words, letters and algebra ({trust.lines} lines)"


@said.register
def _(trust: Agrees) -> str:
    return f"second opinion: SymPy {trust.version} agrees on {trust.agrees} of {trust.steps} steps"


@said.register
def _(trust: Cancels) -> str:
    return f"SymPy {trust.version}'s cancel on rational functions"


# --- whole programs -----------------------------------------------------------------------------------------------------

_UNHELD = {
    Unheld.NO_SIZES: "no small sizes to hold the words against",
    Unheld.DIFFER: "they differ at small sizes",
}


@said.register
def _(found: Unheld) -> str:
    return _UNHELD[found]


@said.register
def _(found: FixedCounts) -> str:
    return f"a program takes no {list(found.names)}: its counts are fixed"


@said.register
def _(found: Swallowed) -> str:
    return f"a refusal was swallowed: {found.refusal}"


@said.register
def _(found: NotInductive) -> str:
    steps = "".join(f"; the steps of {who} differ: {one} and {other}" for who, one, other in found.steps)
    return f"not inductive, or different words: {said(found.reason)}{steps}"


@said.register
def _(found: NoSource) -> str:
    return f"{found.name} has no source to read"


@said.register
def _(found: KeepsState) -> str:
    return f"{found.file}:{found.line} {found.name} could keep state from call to call: {said(found.what)}"


@said.register
def _(found: Holds) -> str:
    if found.module:
        return f"{found.name} is the module {found.module}"
    return f"{found.name} is of type {found.kind}, which can keep state"


@said.register
def _(found: Hides) -> str:
    return f"{found.file}:{found.offence.line} could hide a branch or a loop: {said(found.offence)}"


_LACKING = {
    Lacking.ASSIGNMENT: "an assignment to {}",
    Lacking.ATTRIBUTE: "the attribute {}",
    Lacking.CALL: "a call of {}",
    Lacking.COMPREHENSION: "a comprehension over what is no literal: {}",
    Lacking.DECORATOR: "the decorator {}",
    Lacking.DEFAULT: "a default value that can keep state: {}",
    Lacking.GUARD: "in a guard: {}",
    Lacking.IMPORT: "an import of {}",
    Lacking.INTEGERS: "integer arithmetic: {}",
    Lacking.NAME: "the name {}",
    Lacking.POWER: "a power that is no number: {}",
    Lacking.SLICE: "a slice with bounds: {}",
    Lacking.STATEMENT: "{}",
    Lacking.TABLE: "a table that is looked up: {}",
    Lacking.TRUTH: "a truth value: {}",
    Lacking.WRITING: "{}, which writes in place",
}


@said.register
def _(found: Offence) -> str:
    return _LACKING[found.lacking].format(found.shown)


@said.register
def _(found: HandsOut) -> str:
    return f"{found.name} takes numbers of a tensor by {found.method}"


@said.register
def _(found: NeverAsked) -> str:
    return f"no recurrence is called {list(found.names)}: the invariant was never asked for"


@said.register
def _(found: ZeroAt) -> str:
    return f"a division by zero at {dict(found.sizes)}: nothing to hold the words against"


@said.register
def _(found: RaisedAt) -> str:
    return f"at {dict(found.sizes)} a program raised {found.kind}: {found.message}"


@said.register
def _(found: OtherWords) -> str:
    return f"at {dict(found.sizes)} the words of {found.side} are {found.words}, the plain run gives {found.plain}"
