"""In words: what the engines on numbers find, and what has to be believed."""

from __future__ import annotations

from numeric.deciding.findings import (
    Beyond,
    BreaksBound,
    ByConstants,
    DiffersAtRational,
    DiffersAtTrial,
    InExact,
    ManyTerms,
    NoBound,
    NoExactMeaning,
    NoPolynomial,
    NotAssessed,
    NotFinite,
    NothingAssessed,
    On,
    OtherPolynomial,
    OtherShape,
    UnstableBound,
    WeakBounds,
    ZeroDivisors,
)
from numeric.finding import Flag
from numeric.tape.blocks import NoLoop, NotFollowed
from numeric.tape.notes import Cast, Constant, Guard, Written
from numeric.trust import Derivation, Trust
from reports.said.kinds import said

_TRUST = {
    Trust.SCHWARTZ_ZIPPEL: "the Schwartz-Zippel lemma with the computed degree and height",
    Trust.RULES: "the rules of the replay (numeric/tape/rules)",
    Trust.RECORDING: "the rules of the replay (numeric/tape/rules), and that a recording accepted at fresh points stands for "
    "the code at these sizes",
    Trust.RECORDED: "a recording accepted at fresh points stands for the code at these sizes",
    Trust.LOGARITHMS: "variables and their logarithms are algebraically independent",
    Trust.POOL: "the operating system's entropy pool is uniform",
    Trust.HASH: "SHAKE-256 of the given seed is as good as uniform",
    Trust.IEEE: "IEEE 754 arithmetic, rounding to nearest (gradual underflow was checked)",
    Trust.CLASSICAL: "sums and matrix products are classical: any order, but no fast multiplication, no reduced precision",
    Trust.ARB: "Arb's enclosures",
    Trust.BALLS: "ball arithmetic (Arb), and the rules in numeric/deciding/balls.py",
    Trust.POINTS: "the points drawn stand for all",
    Trust.FIRST_ORDER: "a first-order rounding bound, without its terms of second order",
    Trust.COEFFICIENTS: "FLINT's polynomial arithmetic (coefficients)",
    Trust.IMPLIED: "that the listed steps imply the statement",
    Trust.PRIMITIVES: "that the plain primitives compute what their words stand for (checked at small sizes)",
    Trust.CASTS: "torch's casts to float64 are exact",
    Trust.COARSE: "the float64 run is not further from the exact value than from the float32 run",
    Trust.DERIVATIVES: "torch's derivative of each operation of the recording that gradients are compared with",
}
_DERIVED = {"a-priori": "numeric/carriers/a_priori.py", "running": "numeric/carriers/running.py"}


@said.register
def _(trust: Trust) -> str:
    return _TRUST[trust]


@said.register
def _(trust: Derivation) -> str:
    return f"the derivation of the {trust.name} rounding bound ({_DERIVED[trust.name]})"


# --- what two sides give ------------------------------------------------------------------------------------------------


@said.register
def _(found: OtherShape) -> str:
    (left, right), (one, other) = found.sides, found.shapes
    return f"{left} returns shape {one}, {right} returns {other}"


@said.register
def _(found: DiffersAtTrial) -> str:
    text = f"the sides differ at a random point of GF(p), trial {found.trial}"
    return text if found.shown else f"{text}; no counterexample with small integers was met"


@said.register
def _(found: WeakBounds) -> str:
    return (
        f"the bounds (degree 2^{found.degree:.0f}, coefficients of {found.height:.1e} bits, divisors of "
        f"degree 2^{found.divisors:.0f}) are too weak for primes of {found.bits} bits; try smaller sizes"
    )


@said.register
def _(found: ZeroDivisors) -> str:
    return f"a divisor was 0 at most of {found.points} random points"


@said.register
def _(found: NoExactMeaning) -> str:
    seen = f"; no difference at rational points of size up to {found.size}" if found.size else ""
    return f"no exact meaning: {found.refusal}{seen}"


@said.register
def _(found: DiffersAtRational) -> str:
    return f"the sides differ at a rational point (the code is no polynomial: {found.refusal})"


@said.register
def _(found: ManyTerms) -> str:
    terms = f"up to {found.terms:.1g} terms at these sizes, more than {found.most:.1g}"
    return f"{terms}; use smaller sizes or the exact rung"


@said.register
def _(found: NoPolynomial) -> str:
    return f"no polynomial: {found.refusal}"


@said.register
def _(found: OtherPolynomial) -> str:
    return f"the polynomials of output {list(found.index)} differ"


@said.register
def _(found: NoBound) -> str:
    return f"no rounding bound: {found.refusal}"


@said.register
def _(found: BreaksBound) -> str:
    left, right = found.sides
    times = f"{found.times:.3g} times " if found.times is not None else ""
    return (
        f"output {list(found.place)}: {left} and {right} differ by {found.error:.3g}, "
        f"{times}the {found.bound:.3g} that rounding allows"
    )


_EXACT = {
    InExact.DIFFER: "exact arithmetic has them differ too",
    InExact.AGREE: "in exact arithmetic they agree there, so digits are lost inside",
}


@said.register
def _(found: InExact) -> str:
    return _EXACT[found]


@said.register
def _(found: Beyond) -> str:
    return f"{said(found.difference)}; {said(found.exact)}"


@said.register
def _(found: ByConstants) -> str:
    named = ", ".join(f"{side}: {text} at {place}" for side, text, place in found.constants)
    return f"{said(found.difference)}, which a few roundings in constants explain that are computed ({named})"


@said.register
def _(found: NothingAssessed) -> str:
    return f"nothing could be assessed: all {found.outputs} outputs of {found.draws} draws, or bounds, overflow"


@said.register
def _(found: UnstableBound) -> str:
    left, right = found.sides
    return (
        f"{left} agrees within its own rounding bound, but that bound is up to {found.largest:.1e} times that of "
        f"{right} (median {found.median:.1e}): numerically unstable"
    )


@said.register
def _(found: On) -> str:
    return f"{found.backend}, {found.dtype}: {said(found.what)}"


@said.register
def _(found: NotAssessed) -> str:
    return f"{found.backend}, {found.dtype} not assessed: {said(found.why)}"


# --- flags --------------------------------------------------------------------------------------------------------------

_LISTED = 3
"""Numbers of an array of constants that a flag lists."""


@said.register
def _(flag: Flag) -> str:
    what = said(flag.what)
    if not flag.side:
        return what
    alone = isinstance(flag.what, NotFinite) or (isinstance(flag.what, Written) and not flag.what.copied)
    return f"{flag.side} {what}" if alone else f"{flag.side}: {what}"


@said.register
def _(found: Cast) -> str:
    unseen = ": exact arithmetic does not see its rounding" if found.exact else ""
    return f"cast to torch.{found.dtype} at {found.place}{unseen}"


@said.register
def _(found: Constant) -> str:
    return f"constant {found.text} at {found.place}, read as {_read(found)}"


def _read(found: Constant) -> str:
    """What its numbers are read as, where those that are known are taken for others."""
    if not found.read:
        return "the dyadic number it is" if found.alone else "the dyadic numbers it is made of"
    if found.alone:
        return f"{found.read[0][1]}, which it is to within rounding"
    shown = ", ".join(f"{value!r} as {reading}" for value, reading in found.read[:_LISTED])
    more = f" and {len(found.read) - _LISTED} more" if len(found.read) > _LISTED else ""
    return f"numbers to within rounding ({shown}{more}), the rest as the dyadic numbers they are"


@said.register
def _(found: Written) -> str:
    return f"writes to its input {found.name}{'; it was given a copy' if found.copied else ''}"


@said.register
def _(found: Guard) -> str:
    return f"{found.what} at {found.place} checks the data, and can only raise"


@said.register
def _(found: NotFinite) -> str:
    return f"has NaN or infinite outputs at some draw where {found.other} is finite"


# --- loops --------------------------------------------------------------------------------------------------------------

_LOOP = {
    NoLoop.LOOKED: "a number of the data was looked at",
    NoLoop.ONCE: "no operation is made once a token",
    NoLoop.REPEATS: "its operations do not repeat from token to token",
    NoLoop.GROWS: "it does not grow by one repetition a token",
    NoLoop.TAIL: "what follows the last token is another thing at another length",
    NoLoop.ROWS: "it reads its tokens, or its memory, at places that are in no row",
    NoLoop.MIXES: "what is computed for all tokens at once mixes them",
    NoLoop.OTHER: "what is computed for all tokens at once is another function for another token",
}


@said.register
def _(why: NoLoop) -> str:
    return _LOOP[why]


@said.register
def _(why: NotFollowed) -> str:
    return f"what is computed for all tokens at once could not be followed: {why.refusal}"
