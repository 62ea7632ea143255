"""In words: why an audit's answer is what it is, what its checks find, and the world in which it holds."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from proofs.audit.answer import Start
from proofs.audit.findings import (
    Act,
    Apart,
    Argument,
    BallsOnly,
    BeyondPrecision,
    CallAgain,
    Calls,
    CastsChange,
    EqualDigits,
    Exactly,
    FewDigits,
    GradientNotFinite,
    GradientOf,
    GradientsDiffer,
    Harmless,
    Incomparable,
    Moved,
    MovedBy,
    OffFirstOrder,
    OnExact,
    Special,
    StateShape,
    Unstable,
    Untried,
    WideBalls,
)
from proofs.audit.reasons import (
    Beside,
    Bounded,
    Broke,
    GradientsSampled,
    Lawless,
    NotMade,
    NotSeen,
    OneNumber,
    Overflow,
    Proved,
    Roundings,
    Run,
    RunDiffers,
    RunUnsure,
    Same,
    Where,
    With,
)
from proofs.audit.rows import rung
from proofs.audit.world import Gradients, Grouping, Left, Limit, Mode, Positions, Refusal, State, Typed
from proofs.audit.world import Same as InMode
from reports.said.kinds import listed, said

# --- reasons ------------------------------------------------------------------------------------------------------------

_RUN = {
    Run.AGREES: "the float run agrees",
    Run.LIFTED: "the float run agrees with its casts lifted",
    Run.FIRST: "the float run agrees within its first-order rounding bound",
    Run.DIFFERS: "the float run differs",
    Run.UNSURE: "the float run could not be assessed",
}


@said.register
def _(run: Run) -> str:
    return _RUN[run]


@said.register
def _(found: Where) -> str:
    if found.width is None:
        return "at no size"
    text = f"at (f, m) = {found.width} for "
    text += "every N by induction" if found.every else f"N = {listed(found.lengths)}"
    return text + "".join(f", and at {listed(pairs)} for N = {N}" for N, pairs in found.others)


@said.register
def _(found: Same) -> str:
    text = f"the same {'' if found.alike else 'rational '}function of all inputs, {said(found.where)}"
    if found.chance is not None:
        text += f", wrong with probability at most 2^{found.chance:.1f}"
    return text + (", with constants read as the numbers they are roundings of (each is listed)" if found.read else "")


@said.register
def _(reason: Proved) -> str:
    text = f"{said(reason.same)}; {said(reason.run)}"
    if reason.run is Run.AGREES:
        return f"{text} within its rounding bound"
    if reason.run is Run.LIFTED:
        return f"{text}, and as it is within the float32 bound: the casts are listed"
    return text


@said.register
def _(reason: RunUnsure) -> str:
    return f"exactly {said(reason.same)}; but {said(Run.UNSURE)}: {said(reason.why)}"


@said.register
def _(why: NotMade) -> str:
    return {NotMade.RUN: "it was not made"}[why]


@said.register
def _(why: Overflow) -> str:
    return f"{why.outputs} outputs, or their bounds, overflow"


@said.register
def _(reason: RunDiffers) -> str:
    differs = f"{said(Run.DIFFERS)}: {said(reason.why)}"
    if reason.where is None:
        return differs
    return f"exactly they are the same rational function, {said(reason.where)}; but {differs}"


@said.register
def _(reason: Beside) -> str:
    return f"{said(reason.reason)} ({said(reason.other)})"


@said.register
def _(reason: Roundings) -> str:
    why = f"they agree within the {reason.dtype} rounding bound, as they would if constants of the code are rounded"
    return f"{said(reason.reason)}; but {why}{'; not proved' if reason.open else ''}"


@said.register
def _(reason: OneNumber) -> str:
    return (
        f"{said(reason.reason)}, with {listed(reason.names)} one number for each token; with one number for the context it "
        f"is the learner, {said(reason.where)}: if that is what it takes, annotate the argument as float"
    )


@said.register
def _(reason: Broke) -> str:
    return f"{rung(reason.check, reason.variant)}: {said(reason.reason)}"


@said.register
def _(reason: Lawless) -> str:
    why = f"{reason.name} was inferred for each size, and is no constant times powers of N, f and m"
    return f"{said(reason.reason)}; but {why}: --gate {reason.name}=... says what it is"


@said.register
def _(reason: NotSeen) -> str:
    return f"{said(reason.reason)}; but not seen in full: {said(reason.doubt)}"


@said.register
def _(reason: Bounded) -> str:
    return f"{said(reason.reason)}; but floats end: {'; '.join(said(limit) for limit in reason.limits)}"


@said.register
def _(reason: GradientsSampled) -> str:
    return f"{said(reason.reason)}; but the gradients agree within rounding alone"


@said.register
def _(reason: With) -> str:
    return f"at {reason.name} = 0 {said(reason.reason)}"


# --- findings -----------------------------------------------------------------------------------------------------------

_PLAIN = {
    Apart.AT_A_POINT: "the sides differ at a rational point, enclosed in balls that do not meet",
    Apart.IN_BALLS: "the sides lie in balls that do not meet",
    Exactly.ONLY: "exact values: plain float64 calls do not show the difference there, or have no value",
    Exactly.SHOWN: "values to 17 digits",
    Incomparable.NO_NUMBERS: "the outputs, or their bound, are no numbers to compare",
    Incomparable.NOT_FINITE: "returned NaN or infinity",
    Incomparable.DEAR: "not compared: it takes more operations than are left of what an audit spends on further calls",
    Incomparable.STATELESS: "not compared: one of the layers takes no state",
    Harmless.AUTOCAST: "what it computes in float32 is bfloat16 there",
    Harmless.DEFAULT: "what it makes without a dtype is float32 there",
    Moved.MODE: "it gives other numbers than without this mode",
    Moved.NUMBERS: "the same numbers as floats give another result",
    Moved.PARAMETERS: "what a call kept of its parameters goes on being used once they are set to others",
    Moved.RESULTS: "what a call returned is changed by a later call",
    Moved.PROCESS: "a process without this package gets other numbers from the same call",
    Moved.PROCESS_AFTER: "a process without this package gets other numbers from the same call, after other calls",
    Untried.LIFTED: "its casts are lifted here",
    Untried.UNSEEDED: "it draws some, and seeds none",
}


@said.register(Apart)
@said.register(Exactly)
@said.register(Incomparable)
@said.register(Harmless)
@said.register(Moved)
@said.register(Untried)
def _(found: Any) -> str:
    return _PLAIN[found]


@said.register
def _(found: BallsOnly) -> str:
    return f"not compared: balls are run on {found.tokens} tokens at most"


@said.register
def _(found: WideBalls) -> str:
    return f"balls of {found.bits} bits are too wide here: {found.width:.1g} relative"


@said.register
def _(found: FewDigits) -> str:
    if found.least:
        return f"the first-order bound leaves fewer than {found.digits} digits of the outputs"
    return f"the rounding bound leaves {found.digits} digits of the outputs"


@said.register
def _(found: Unstable) -> str:
    left, right = found.sides
    times = f"its bound is up to {found.ratio:.1e} times that of {right}"
    return f"{left} agrees to first order, but {times}: numerically unstable"


@said.register
def _(found: OffFirstOrder) -> str:
    (left, right), bound = found.sides, found.bound
    times = found.error / bound if bound else math.inf
    return (
        f"{left}'s float64 run is off by {found.error:.3g} from {right}'s exact value, {times:.3g} times the {bound:.3g} "
        "that rounding allows to first order"
    )


@said.register
def _(found: EqualDigits) -> str:
    taken = f", with {found.read}" if found.read else ""
    return (
        f"equal to {found.digits:.0f} digits at {found.points} rational points for N = {listed(found.lengths)}{taken}: "
        f"sampled, no proof; a float64 run of the layer is off by up to {found.off:.1g} of the largest entry"
    )


@said.register
def _(found: StateShape) -> str:
    return f"takes a state of shape {found.wanted} and returns one of shape {found.shape}"


@said.register
def _(found: OnExact) -> str:
    return f"on exact numbers the target {said(found.what)}"


@said.register
def _(found: CastsChange) -> str:
    change = f"casts to {listed(found.dtypes)} change it by {found.share:.2g} of the largest output"
    return f"the float64 run differs: {change}"


@said.register
def _(found: BeyondPrecision) -> str:
    return (
        f"on {found.draws} of {found.draws} draws the sides differ by at least {found.least:.0f} times what "
        "a change from float32 to float64 changes in the layer"
    )


@said.register
def _(argument: Argument) -> str:
    name = "the start" if argument.name == "S" else argument.name
    return f"{name} (by {argument.variable})" if argument.variable else name


@said.register
def _(found: GradientOf) -> str:
    return f"the gradient of {said(found.argument)}, entry after entry"


@said.register
def _(found: GradientsDiffer) -> str:
    missing = [said(one.argument) for one in found.off if one.missing]
    other = [said(one.argument) for one in found.off if not one.missing]
    parts = ["no gradient comes back from the state after"] if found.detached else []
    if missing:
        parts.append(f"{_gradients(missing)} {'are' if len(missing) > 1 else 'is'} missing (None)")
    if other:
        parts.append(f"{_gradients(other)} differ{'' if len(other) > 1 else 's'}")
    tokens = [one.token for one in found.off if one.token is not None and not one.missing]
    where = f"at N = {found.N}" + (f", token {min(tokens)}" if tokens else "")
    return f"{'; '.join(parts)}: " + (f"first {where}" if found.first else f"{where}, and not at N = {found.N - 1}")


@said.register
def _(found: GradientNotFinite) -> str:
    names = [said(argument) for argument in found.arguments]
    verb = "are" if len(names) > 1 else "is"
    return f"{_gradients(names)} {verb} not finite {_SPECIAL[found.point]}, where outputs are"


_SPECIAL = {
    Special.ZERO_TOKEN: "at a token of zeros",
    Special.TINY_GATES: "at gates near 0",
    Special.ONES: "at gates of 1",
    Special.ZERO_GATES: "at gates of 0",
}


@said.register
def _(point: Special) -> str:
    return _SPECIAL[point]


def _gradients(names: Sequence[str]) -> str:
    return f"the gradient{'s' if len(names) > 1 else ''} of {listed(names)}"


@said.register
def _(found: Act) -> str:
    return f"{listed(found.layers)} act"


@said.register
def _(found: CallAgain) -> str:
    return f"call {found.number} with the same inputs gives other numbers than the first"


@said.register
def _(found: MovedBy) -> str:
    part = " of a row's largest" if found.what is Moved.MODE else ""
    return f"{said(found.what)}, by up to {found.most:.3g}{part}"


@said.register
def _(found: Calls) -> str:
    return f"{found.number} calls"


@said.register
def _(start: Start) -> str:
    return {Start.ZERO: "0", Start.ANY: "any matrix"}[start]


# --- the world ----------------------------------------------------------------------------------------------------------

_WORLD = {
    Positions.NONE: "the call has one prediction",
    Positions.EVERY: "every position",
    Positions.SOME: "some positions",
    Positions.LAST: "the last position",
    State.NONE: "no state",
    State.NOT_RUN: "a state that was not tried",
    State.CONTINUES: "two calls are one",
    State.START: "the state is the learner's start and memory",
    State.SHARED: "from any state, and so is the state after",
    State.APART: "from a state they differ, or leave another one",
    State.BROKEN: "two calls are not one",
    InMode.BITS: "the same bits",
    InMode.ROUNDING: "the same within rounding bounds",
    InMode.DIFFERS: "differs",
    InMode.RAISES: "raises",
    InMode.RANDOM: "random",
    InMode.NOT_RUN: "not run",
    InMode.UNCOMPARED: "other bits, which nothing here can compare",
}


@said.register(Positions)
@said.register(State)
@said.register(InMode)
def _(found: Any) -> str:
    return _WORLD[found]


@said.register
def _(found: Gradients) -> str:
    parts = [f"exactly at N = {listed(found.exact)}"] if found.exact else []
    parts += [f"within rounding at N = {listed(found.rounded)}"] if found.rounded else []
    parts += [f"few N at {listed(found.widths)}"] if found.widths else []
    if max(found.cells) > 1:
        parts.append(f"{found.cells[0]} batch entries and {found.cells[1]} heads in the shortest calls alone")
    after = " and of the state after" if found.state else ""
    return (
        f"gradients of outputs{after} by {listed(map(said, found.of))}, all at once, in float64 and in no other mode, and not "
        f"by parameters of the layer's own, {', '.join(parts)}"
    )


def named(mode: Mode) -> str:
    """The mode, and where else it was tried."""
    return mode.name + (f" (at N = {listed(mode.further)} too)" if mode.further else "")


@said.register
def _(mode: Mode) -> str:
    return f"{named(mode)}: {said(mode.same)}{f' ({said(mode.why)})' if mode.why else ''}"


@said.register
def _(left: Left) -> str:
    return {Left.NOTHING: "it returns no state after where none is handed in"}[left]


@said.register
def _(constant: Typed) -> str:
    return (
        f"the constant {constant.double:.6g} at {constant.place} depends on the dtype: it is {constant.single:.6g} where the "
        "inputs are float32, and the answer is for that of float64"
    )


@said.register
def _(limit: Limit) -> str:
    if limit.names:
        here, before = f"with every {listed(limit.names)} 2^{limit.strength} at N = {limit.N}", f"2^{limit.weaker}"
    else:
        here, before = f"at N = {limit.N}", f"N = {limit.fine}"
    return (
        f"in {limit.dtype} the layer leaves their range {here}, where the learner is finite (at {before} it does not)"
    )


@said.register
def _(grouping: Grouping) -> str:
    return {Grouping.OTHER: "it takes fewer heads of keys, and pairs them otherwise than each with its group"}[grouping]


@said.register
def _(refusal: Refusal) -> str:
    return refused((refusal,))


def refused(alike: Sequence[Refusal]) -> str:
    """Refusals of the same thing for the same reason, at their sizes, in a line."""
    lengths: dict[tuple[Any, ...], list[int]] = {}
    for refusal in alike:
        fixed = tuple((k, n) for k, n in refusal.sizes.items() if k != "N")
        lengths.setdefault(fixed, []).extend([refusal.sizes["N"]] if "N" in refusal.sizes else [])
    at = [
        " ".join([*(f"{k}={n}" for k, n in fixed), *([f"N={listed(N)}"] if N else [])]) for fixed, N in lengths.items()
    ]
    return f"{alike[0].what}, at {'; '.join(at)}: {said(alike[0].why)}"
