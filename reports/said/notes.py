"""In words: what an audit notes beside its answer."""

from __future__ import annotations

from proofs.audit.induction import BlockRepeats, FromAnyMemory
from proofs.audit.notes import (
    AskedFor,
    AtDefaults,
    AtZero,
    CallsOften,
    Factor,
    FailsAt,
    Hint,
    Inferable,
    LargeInteger,
    LengthLeftOut,
    NoDifference,
    NotEvery,
    NotFitted,
    OtherAdapter,
    OtherNumbers,
    Rounds,
    Scaled,
    Unsettled,
    WidthLeftOut,
)
from proofs.target.case import READOUT
from reports.said.kinds import listed, said
from reports.said.parameters import numbers


@said.register
def _(note: Scaled) -> str:
    return f"its readout is scaled by f**-0.5 (seen at f={note.f} and {4 * note.f})"


@said.register
def _(note: AtDefaults) -> str:
    left = [f"{name} = {text}" for name, text in note.values]
    return f"left at {'its default' if len(left) == 1 else 'their defaults'}: {listed(left)}"


@said.register
def _(note: AtZero) -> str:
    if note.raised:
        return f"at {note.name} = 0 a side raises {note.raised}: the answer is for other values"
    return f"at {note.name} = 0 the layer is not finite and the other side is: the answer is for other values"


@said.register
def _(note: CallsOften) -> str:
    return f"its adapter calls it {note.calls} times for one prediction at N = {note.N}: the answer is about both"


# --- left out -----------------------------------------------------------------------------------------------------------


@said.register
def _(why: Rounds) -> str:
    return {Rounds.THERE: "it rounds constants there"}[why]


@said.register
def _(note: LengthLeftOut) -> str:
    return f"a context of {note.length} tokens was left out on the exact rung: {said(note.why)}"


@said.register
def _(note: WidthLeftOut) -> str:
    return f"(f, m) = {note.width} was left out on the exact rung: {said(note.why)}"


@said.register
def _(note: NoDifference) -> str:
    return f"at f={note.f}, m={note.m} no difference was seen: see --size f={note.f} --size m={note.m}"


# --- every N ------------------------------------------------------------------------------------------------------------

_UNSETTLED = {
    Unsettled.LINES: "lines never ran",
    Unsettled.INTEGERS: "no calls that could be afforded pass every integer of the code",
}


@said.register
def _(why: Unsettled) -> str:
    return _UNSETTLED[why]


@said.register
def _(why: LargeInteger) -> str:
    far = "recordings are made" if why.recorded else "calls are taken apart"
    return f"the code has an integer of {why.integer}, and {far} up to {why.tokens} tokens"


@said.register
def _(why: FailsAt) -> str:
    return f"it does not run on {why.tokens} tokens: {why.raised}"


@said.register
def _(note: NotEvery) -> str:
    return f"no answer for every N: {said(note.why)}"


@said.register
def _(found: FromAnyMemory) -> str:
    factor = "" if found.memory.factor == "1" else f"{found.memory.factor} "
    holds = "S^T" if found.memory.transposed else "S"
    return (
        f"one token from any memory S takes W = {factor}{holds} to the learner's next W; calls on T tokens are T calls on "
        f"one (run at T = {listed(found.tokens)})"
    )


@said.register
def _(trust: BlockRepeats) -> str:
    return f"longer calls repeat the block of {trust.operations} operations that {trust.tokens} tokens repeat"


# --- numbers ------------------------------------------------------------------------------------------------------------


@said.register
def _(note: Inferable) -> str:
    alone = " ".join(f"--gate {name}={text}" for name, text in note.gates)
    return f"without {alone} it is inferred, as the code rounds it"


@said.register
def _(note: AskedFor) -> str:
    return (
        f"the answers ask for {note.name} = {numbers((note.number,))}, which is not {note.domain}: it was tested "
        f"with {numbers((note.other,))}"
    )


@said.register
def _(note: NotFitted) -> str:
    return f"no {listed(note.names)} was found that fits; the nearest leaves {note.residual:.1e} relative"


@said.register
def _(note: OtherNumbers) -> str:
    return f"with {listed(note.names)} as found at another width the sides differ"


# --- what to try --------------------------------------------------------------------------------------------------------


@said.register
def _(hint: Hint) -> str:
    return {Hint.REVERSED: "in floats it agrees with the tokens in reverse order"}[hint]


@said.register
def _(hint: Factor) -> str:
    if hint.sizes is None:
        return f'the layer is {hint.text} times the learner: see --gate "{READOUT}={hint.text}"'
    here = " ".join(f"{name}={size}" for name, size in hint.sizes)
    return f"at {here}, and not at other sizes, the layer is {hint.text} times the learner"


@said.register
def _(hint: OtherAdapter) -> str:
    return f"it agrees with --adapter {hint.name}"
