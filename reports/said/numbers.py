"""In words: what the engines on numbers find, and what has to be believed."""

from __future__ import annotations

from numeric.trust import Derivation, Trust
from reports.said.kinds import said

_TRUST = {
    Trust.SCHWARTZ_ZIPPEL: "the Schwartz-Zippel lemma with the computed degree and height",
    Trust.RULES: "the rules of the replay (numeric/tape/rules)",
    Trust.RECORDING: "the rules of the replay (numeric/tape/rules), and that a recording accepted at fresh points stands for "
    "the code at these sizes",
    Trust.LOGARITHMS: "variables and their logarithms are algebraically independent",
    Trust.POOL: "the operating system's entropy pool is uniform",
    Trust.HASH: "SHAKE-256 of the given seed is as good as uniform",
    Trust.IEEE: "IEEE 754 arithmetic, rounding to nearest (gradual underflow was checked)",
    Trust.CLASSICAL: "sums and matrix products are classical: any order, but no fast multiplication, no reduced precision",
    Trust.ARB: "Arb's enclosures",
    Trust.BALLS: "ball arithmetic (Arb), and the rules in numeric/deciding/balls.py",
    Trust.POINTS: "the points drawn stand for all",
    Trust.FIRST_ORDER: "a first-order rounding bound, without its terms of second order",
    Trust.CASTS: "torch's casts to float64 are exact",
    Trust.COARSE: "the float64 run is not further from the exact value than from the float32 run",
}
_DERIVED = {"a-priori": "numeric/carriers/a_priori.py", "running": "numeric/carriers/running.py"}


@said.register
def _(trust: Trust) -> str:
    return _TRUST[trust]


@said.register
def _(trust: Derivation) -> str:
    return f"the derivation of the {trust.name} rounding bound ({_DERIVED[trust.name]})"
