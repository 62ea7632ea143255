"""In words: why an identification's answer is what it is, what it notes, models and their numbers."""

from __future__ import annotations

import math
from fractions import Fraction

from numeric.probing.box import as_floats
from proofs.fitting.fit import Cause, Fails, NearlyPower, Number, Off
from proofs.fitting.laws import Law
from proofs.fitting.models import Model
from proofs.identify.reasons import (
    At,
    AtSizes,
    Biased,
    ComparedDigits,
    Differ,
    EveryValue,
    FitsBut,
    FitsUpTo,
    FloatsOnly,
    ForAllChannels,
    GatesOpen,
    GatesSampled,
    NoneFits,
    NoneNear,
    NoNumbers,
    NoPower,
    NoRung,
    NotAtOtherSize,
    Noted,
    NotThere,
    NoValue,
    OtherNumber,
    OutsideDomain,
    Raises,
    RoundedConstants,
    SameDigits,
    Silent,
    StartOpen,
    Stuck,
    Superset,
    Votes,
    WithinRounding,
    WithNumbers,
)
from reports.said.kinds import cut, listed, said

# --- models and numbers -------------------------------------------------------------------------------------------------


def number(value: Number) -> str:
    """A short fraction, a decimal, or a float64, as `--gate` takes them; of any other number what float64 makes of it."""
    if isinstance(value, Fraction) and value.denominator < 1000:
        return str(value)
    near = float(as_floats([value])[0])
    text = repr(near).removesuffix(".0")
    return text if math.isfinite(near) and value in (Fraction(text), Fraction(near)) else f"about {text}"


@said.register
def _(model: Model) -> str:
    text = model.learner.id
    if model.unit_inputs or model.unit_query:
        which = " and ".join(n for n, on in (("inputs", model.unit_inputs), ("query", model.unit_query)) if on)
        text += f" on {which} of norm 1"
    return text + (" with a readout scale" if model.readout else "")


@said.register
def _(law: Law) -> str:
    text = law.text(number(law.constant))
    if law.gauge:
        return f"{text} (a gauge: the others go with it)"
    if len(law.factors) == 1 and text == law.factors[0].gate:
        text = f"the argument {text}"
    text += "".join(f"; {number(value)} at (f, m) = ({f}, {m})" for f, m, value in law.elsewhere)
    return f"{text} at the gates seen; how {listed(law.moved)} makes it was not found" if law.open else text


@said.register
def _(other: WithNumbers) -> str:
    return ", ".join([said(other.model), *(f"{name} = {said(value)}" for name, value in other.numbers)])


@said.register
def _(other: Superset) -> str:
    return f"{other.learner} with {other.name} = {other.value}"


@said.register
def _(other: ForAllChannels) -> str:
    return f"{other.learner} with one number for all channels"


# --- fits ---------------------------------------------------------------------------------------------------------------

_CAUSE = {
    Cause.OFF: "it does not fit",
    Cause.GAUGE: "its numbers can't be told apart",
    Cause.NO_LAW: "its numbers change with N in no simple way",
}


@said.register
def _(cause: Cause) -> str:
    return _CAUSE[cause]


@said.register
def _(why: Fails) -> str:
    return f"it does not run: {why.message}"


@said.register
def _(why: Off) -> str:
    return f"off by {why.residual:.2g} at N = {why.N}{', to all digits' if why.digits else ''}"


@said.register
def _(why: NearlyPower) -> str:
    return f"its numbers go with N but for a relative {why.off:.2g}"


@said.register
def _(why: FitsBut) -> str:
    return f"fits, but {said(why.why)}"


@said.register
def _(why: OutsideDomain) -> str:
    at = ", ".join(f"{law.name} = {said(law)}" for law in why.laws)
    return f"fits at {at} only, and {', '.join(f'{name} has to be {domain}' for name, domain in why.wanted)}"


@said.register
def _(why: AtSizes) -> str:
    return f"{said(why.reason)} ({' '.join(f'{name}={size}' for name, size in why.sizes)})"


@said.register
def _(why: FitsUpTo) -> str:
    return f"fits up to {why.tokens} tokens, but at N = {why.N} it is off by {why.gap:.2g}"


# --- checks -------------------------------------------------------------------------------------------------------------


def _before(place: At) -> str:
    """The place, before what was found there."""
    if place.floats:
        return "in float64 "
    if place.tokens:
        return f"with {place.tokens} tokens "
    return f"at f = {place.f}{f', m = {place.m}' if place.m else ''} " if place.f else ""


@said.register
def _(found: Differ) -> str:
    text = f"{_before(found.place)}they differ by a relative {found.gap:.2g}"
    text += f" at N = {found.place.N}" if found.place.N else ""
    gates = ", ".join(f"{gate} = {value}" for gate, value in found.gates)
    return f"{text} and {gates}" if gates else text


@said.register
def _(found: NoNumbers) -> str:
    return f"no numbers fit at N = {found.N}"


@said.register
def _(found: Raises) -> str:
    return f"the target raised {found.kind}: {found.message}"


@said.register
def _(found: ComparedDigits) -> str:
    return f"only {found.digits} digits could be compared"


@said.register
def _(found: FloatsOnly) -> str:
    return f"the code runs in float64 only: {cut(said(found.why))}"


@said.register
def _(found: NoPower) -> str:
    return f"at f = {found.f} its numbers go with no power of m, for m = {listed(found.outputs)}"


@said.register
def _(found: NotThere) -> str:
    return f"{_before(found.place)}it is not this learner: off by {found.off:.2g}"


@said.register
def _(found: OtherNumber) -> str:
    return f"{_before(found.place)}it takes {found.name} = {number(found.found)}, not {number(found.wanted)}"


# --- answers ------------------------------------------------------------------------------------------------------------


@said.register
def _(reason: SameDigits) -> str:
    digits = f"to {reason.digits} digits" if reason.digits is not None else "exactly"
    why = f" ({cut(said(reason.refused))})" if reason.refused else ""
    return (
        f"the same {digits} at every point drawn, for contexts up to {reason.tokens} tokens; sampled, not a proof for all "
        f"inputs{why}"
    )


@said.register
def _(why: NoRung) -> str:
    return {NoRung.DECIDES: "no rung decides"}[why]


@said.register
def _(reason: WithinRounding) -> str:
    return f"agrees within rounding at every point drawn; not a proof ({said(reason.why)})"


@said.register
def _(reason: NotAtOtherSize) -> str:
    return f"{said(reason.reason)}, at f = {reason.f}; but {said(reason.why)}"


@said.register
def _(reason: GatesOpen) -> str:
    return f"{said(reason.reason)}, at the gates seen; how {listed(reason.gates)} makes its numbers was not found"


@said.register
def _(reason: GatesSampled) -> str:
    return f"{said(reason.reason)}; how the gates make its numbers holds at all values drawn, and is not proved"


@said.register
def _(reason: StartOpen) -> str:
    return f"{said(reason.reason)}, from W0 = 0; what W0 does was not confirmed"


# --- no match -----------------------------------------------------------------------------------------------------------


@said.register
def _(reason: NoValue) -> str:
    return f"it has no value at a point drawn: {reason.why}"


@said.register
def _(reason: Silent) -> str:
    return {Silent.ZERO: "its output is 0 at every point drawn"}[reason]


@said.register
def _(votes: Votes) -> str:
    return "ruled out by " + ", ".join(f"{probe} ({count} learners)" for probe, count in votes.counts)


@said.register
def _(reason: NoneNear) -> str:
    return f"no learner of the library is near: {said(reason.votes)}"


@said.register
def _(reason: NoneFits) -> str:
    votes = f" ({said(reason.votes)})" if reason.votes is not None else ""
    return f"no learner of the library fits; the nearest, {said(reason.model)}, {said(reason.why)}{votes}"


@said.register
def _(reason: Stuck) -> str:
    return f"{said(reason.model)} fits to {reason.residual:.1g} in float64, but {said(reason.why)}"


@said.register
def _(reason: RoundedConstants) -> str:
    return (
        f"agrees within the {reason.dtype} rounding bound at every point drawn, but not exactly: {said(reason.why)}, as "
        "constants that the code rounds would make it; not a proof"
    )


@said.register
def _(reason: Biased) -> str:
    model, epsilon = said(reason.model), reason.epsilon
    text = f"the right family, but biased: {model} is off by a relative {reason.residual:.2g} at N = {reason.N}"
    if not reason.digits:
        return text
    text += ", and that does not go away with more digits"
    if epsilon is None:
        return f"{text}; no epsilon beside a normaliser was found to explain it"
    under = " under a root" if epsilon.root else ""
    at = "" if epsilon.degree == 0 else f", and less by t**-{epsilon.degree} for one t times as long"
    return (
        f"{text}; it has an epsilon of {epsilon.value:g}{under} beside a normaliser that is 1 for a token of norm 1{at}"
    )


# --- notes --------------------------------------------------------------------------------------------------------------

_NOTES = {
    Noted.START: "it takes W0, and is this learner from W0 = 0 only, as far as was confirmed",
    Noted.LAST: "only the last token counts: is the layout right? see --adapter",
    Noted.DIGITS: "to more digits than float64 has, in which they differ; plain float64 calls do not",
}


@said.register
def _(note: Noted) -> str:
    return _NOTES[note]


@said.register
def _(note: EveryValue) -> str:
    every = ", ".join(gate for gate, _ in note.gates)
    return f"it holds for every {every}, and so at {', '.join(f'{gate} = {text}' for gate, text in note.gates)}"
