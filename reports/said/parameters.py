"""In words: what the gates of a target and the parameters of its learner are."""

from __future__ import annotations

from constructions.learners import Domain
from proofs.target.case import AnyMatrix, AnyNumber, RoundedGate
from proofs.target.gates import Axes
from proofs.target.inferred import How, Number, Numbers, Unknown, nearest
from reports.said.kinds import listed, ranges, said

_POWERS = {0: "", 1: " N", -1: "/N"}
_HOW = {How.TOKEN: "from one token", How.FIT: "by a fit"}
_DOMAINS = {
    Domain.POSITIVE: " above 0",
    Domain.NONNEGATIVE: " not below 0",
    Domain.UNIT: " between 0 and 1",
}
_AXES = {"N": "token", "f": "channel"}


def numbers(found: Numbers) -> str:
    """One number, or all of them in parentheses."""
    words = [str(v) if v.denominator < 10**6 else f"{float(v):.17g}" for v in found]
    return words[0] if len(words) == 1 else f"({listed(words)})"


def within(domain: Domain) -> str:
    """Where numbers were drawn; empty for all."""
    return _DOMAINS.get(domain, "")


def each(axes: Axes) -> str:
    """What there is one for; empty for one number."""
    return f", one for each {' and '.join(_AXES[a] for a in axes)}" if axes else ""


@said.register
def _(matrix: AnyMatrix) -> str:
    return "any matrix"


@said.register
def _(number: AnyNumber) -> str:
    every = "any number" + within(number.domain) + each(number.axes)
    return f"{said(number.bound)}, with {number.name} {every}" if number.name else every


@said.register
def _(gate: RoundedGate) -> str:
    return f"{gate.text}, as float64 rounds it"


@said.register
def _(number: Unknown) -> str:
    return {Unknown.NUMBER: "not inferred"}[number]


@said.register
def _(number: Number) -> str:
    lengths = ranges([N for N, _ in number.by_length])
    if number.power is None:
        text = "; ".join(f"{numbers(found)} at N={N}" for N, found in number.by_length)
    elif number.rounded:
        constants = listed(f"{nearest(v):.15g}" for v in number.numbers)
        text = f"{constants}{_POWERS[number.power]} up to rounding (at f={number.f}, N = {lengths})"
    else:
        text = f"{numbers(number.numbers)}{_POWERS[number.power]} (at f={number.f}, the same for N = {lengths})"
    power = _POWERS[number.power or 0]
    text += "".join(f"; {numbers(found)}{power} at (f, m) = ({f}, {m})" for f, m, found in number.elsewhere)
    return f"{text}, inferred {_HOW[number.how]}"
