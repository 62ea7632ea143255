"""In words: the contracts of an operator, and what was found of them."""

from __future__ import annotations

from proofs.contract.findings import (
    Absent,
    At,
    Contract,
    CutAfter,
    NoArgument,
    NotFiniteAt,
    NoValue,
    OnlyExactly,
    OtherNumbers,
    OtherState,
    Random,
    Refuses,
    Reminder,
    TooLong,
    Why,
)
from reports.said.kinds import listed, said

PROMISES = {
    Contract.CAUSAL: "no output depends on later tokens",
    Contract.HEADS: "no head depends on another",
    Contract.BATCH: "no batch entry depends on another",
    Contract.SPLIT: "two calls, the state handed on, are one",
    Contract.DECODE: "a call and then one for each token are one call",
    Contract.PACKED: "packed sequences are separate ones",
    Contract.PADDING: "tokens behind, and how many they are, change nothing before them",
    Contract.CHUNKS: "the size of chunks changes nothing",
    Contract.LINEAR: "linear in the values, jointly with a state",
    Contract.STRIDES: "inputs that are not contiguous give the same",
    Contract.MODES: "the same without gradients, in inference mode, with gradients, in eval",
    Contract.FINITE: "finite where the formula has a value",
    Contract.INPUTS: "a call leaves its inputs as they were",
    Contract.DETERMINISTIC: "the same call gives the same, and what it returned stays",
}
"""What each contract says."""
_ABSENT = {
    Absent.ONE_SEQUENCE: "a call takes one sequence",
    Absent.NO_HEADS: "it takes no heads",
    Absent.LAST: "it is read at its last position alone",
    Absent.ALL_TOKENS: "each position reads all tokens",
    Absent.NO_STATE_BACK: "no state comes back",
}
_WHY = {
    Why.NO_BOUND: "numbers differ, and nothing says by how much rounding may move them",
    Why.REPEATS_NOTHING: "exact arithmetic sees a difference that plain calls do not show",
}


@said.register
def _(found: Absent) -> str:
    return _ABSENT[found]


@said.register
def _(found: NoArgument) -> str:
    return (
        f"no argument {listed(found.names)}"
        if len(found.names) == 1
        else f"none of the arguments {listed(found.names)}"
    )


@said.register
def _(found: Why) -> str:
    return _WHY[found]


@said.register
def _(found: OtherState) -> str:
    return f"a further state is not handed on: {listed(found.names)}"


@said.register
def _(found: Reminder) -> str:
    return "is the layout right? kv takes [B, T, H, d], and kv:BHTD [B, H, T, d], whose tokens are no heads"


@said.register
def _(found: Refuses) -> str:
    return f"a call that it needs: {said(found.why)}"


@said.register
def _(found: TooLong) -> str:
    return f"not compared: it takes more than {found.operations:,} operations"


@said.register
def _(found: CutAfter) -> str:
    return f"the call is cut after {found.tokens} token{'s' if found.tokens > 1 else ''}"


@said.register
def _(found: NoValue) -> str:
    return "no finite output there, and nothing shows that the formula has a value"


@said.register
def _(found: NotFiniteAt) -> str:
    where = {At.ZERO_GATE: f"{found.gate} = 0", At.STRONG_DECAY: "a decay of 2^-20 in each of many tokens"}.get(
        found.at
    )
    where = where or found.at.value
    exact = found.at in (At.LONG, At.STRONG_DECAY)
    size = f"exactly it is at most {found.size:.3g}" if exact else f"beside it the largest output is {found.size:.3g}"
    return f"{found.value} at {where}; {size}"


@said.register
def _(found: OtherNumbers) -> str:
    what = f"{found.what}: " if found.what else ""
    return f"{what}plain calls differ by {found.part:.3g} of the largest output"


@said.register
def _(found: OnlyExactly) -> str:
    return (
        f"the same exactly, but not as it runs: plain calls in float64 differ by {found.part:.3g} of the largest number"
    )


@said.register
def _(found: Random) -> str:
    return (
        f"it is random from call to call: two calls on the same inputs differ by {found.part:.3g} of the largest output"
    )
