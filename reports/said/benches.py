"""In words: what the replays of torch's samples gave."""

from __future__ import annotations

from proofs.bench.judgements import Above, Failed, ManyVariables, OtherCount, OtherResidues, OtherValue, Why
from reports.said.kinds import said

_WHY = {
    Why.NO_RECORDING: "the recording does not count",
    Why.OTHER_RUN: "the recording differs from a bare call",
    Why.BITS: "other bits",
    Why.ZERO: "a divisor is 0 at this point",
    Why.NO_BOUND: "no bound to compare with",
    Why.WIDE: "a ball is wide",
    Why.VALUE: "a value where the rationals have none",
}


@said.register
def _(why: Why) -> str:
    return _WHY[why]


@said.register
def _(found: OtherCount) -> str:
    return f"{found.found} numbers, torch has {found.torch}"


@said.register
def _(found: OtherValue) -> str:
    return f"{found.found:.9g}, torch {found.torch:.9g}"


@said.register
def _(found: OtherResidues) -> str:
    return f"other residues mod {found.prime} than the rationals have"


@said.register
def _(found: ManyVariables) -> str:
    return f"more than {found.most} variables"


@said.register
def _(found: Above) -> str:
    return f"{found.name} {found.found:.6g}, bound {found.bound:.6g}"


@said.register
def _(found: Failed) -> str:
    place = " at {}:{}".format(*found.place) if found.place is not None else ""
    return f"{'in the bound: ' if found.bound else ''}{found.kind}{place}: {found.message}"
