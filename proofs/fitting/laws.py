"""How a learner's number follows from a target's gates and sizes: found from its values at random gates, told as an expression.

Main definitions: `Factor`, `Law`, `factor_of`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction

import flint

from numeric.deciding.balls import BITS, ball
from numeric.finding import Said
from numeric.probing.box import as_floats
from proofs.fitting.fit import Number, alike

ZERO = Fraction(0)


class Kind(StrEnum):
    """The forms of a factor."""

    AFFINE = "affine"
    RECIPROCAL = "reciprocal"
    EXP = "exp"
    SIGMOID = "sigmoid"
    POWER = "power"


_POWERS = (2, 3)
"""Powers of a gate that are tried, beside the gate and its reciprocal."""


@dataclass(frozen=True)
class Factor:
    """One gate's part in a number: a + b gate, its reciprocal, exp(b gate), sigmoid(gate), or gate**b."""

    gate: str
    kind: Kind
    a: Fraction = ZERO
    b: Fraction = Fraction(1)

    def value(self, gate: Fraction) -> Number:
        """The factor at a value of the gate."""
        if self.kind is Kind.POWER:
            return gate ** int(self.b)
        linear = self.a + self.b * gate
        if self.kind is Kind.AFFINE:
            return linear
        if self.kind is Kind.RECIPROCAL:
            return 1 / linear
        with flint.ctx.workprec(BITS):
            power = ball(self.b * gate).exp()
            return power if self.kind is Kind.EXP else power / (1 + power)

    @property
    def text(self) -> str:
        """The factor, or for a reciprocal what it divides by, as an expression."""
        if self.kind is Kind.POWER:
            return f"({'*'.join([self.gate] * int(self.b))})"
        slope = self.gate if abs(self.b) == 1 else f"{abs(self.b)}*{self.gate}"
        if self.kind in (Kind.EXP, Kind.SIGMOID):
            return f"{self.kind}({'-' if self.b < 0 else ''}{slope})"
        if not self.a:
            return slope if self.b > 0 else f"(-{slope})"
        return f"({self.a} {'+' if self.b > 0 else '-'} {slope})"

    def inverse(self, text: str) -> str:
        """The gate as an expression in the factor's value `text`; empty where it is none."""
        if self.kind in (Kind.SIGMOID, Kind.POWER):
            return ""
        if self.kind is Kind.EXP:
            return f"log({text})" if self.b == 1 else f"log({text})/({self.b})"
        linear = f"1/({text})" if self.kind is Kind.RECIPROCAL else text
        if not self.a:
            return linear if self.b == 1 else f"({linear})/({self.b})"
        if self.b == -1:
            return f"{self.a} - {linear}"
        return f"({linear} - {self.a})/({self.b})" if self.b != 1 else f"{linear} - {self.a}"


@dataclass(frozen=True)
class Law(Said):
    """A learner's number: constant * N**tokens * f**width * m**outputs, times a factor for each gate that moves it.

    constant: what is left at one token, and at f and m of 1 where it goes with those. moved: the gates that move it; open:
    it is not found how. elsewhere: its values at other (f, m), where no power makes them.
    """

    name: str
    constant: Number
    tokens: int = 0
    width: Fraction = ZERO
    outputs: int = 0
    factors: tuple[Factor, ...] = ()
    moved: tuple[str, ...] = ()
    open: bool = False
    elsewhere: tuple[tuple[int, int, Number], ...] = ()
    gauge: bool = False

    def at(self, gates: Mapping[str, Fraction], N: int, f: int, m: int) -> Number:
        """The number there."""
        with flint.ctx.workprec(BITS):
            found = self.constant
            sizes = Fraction(N) ** self.tokens * Fraction(m) ** self.outputs
            found = found * sizes if isinstance(found, Fraction) else ball(found) * ball(sizes)
            if self.width.denominator == 1:
                scale = Fraction(f) ** int(self.width)
                found = found * scale if isinstance(found, Fraction) else found * ball(scale)
            elif self.width:
                found = ball(found) * ball(Fraction(f)) ** ball(self.width)
            for factor in self.factors:
                value = factor.value(gates[factor.gate])
                exact = isinstance(found, Fraction) and isinstance(value, Fraction)
                found = found * value if exact else ball(found) * ball(value)
            return found

    def text(self, number: str) -> str:
        """The number as an expression, `number` standing for the constant."""
        text = "" if number == "1" else number
        if self.tokens == 1:
            text = f"{text}*N" if text else "N"
        for power, size in ((self.width, "f"), (Fraction(self.outputs), "m")):
            if power:
                scale = size if power == 1 else f"{size}**{_exponent(power)}"
                text = f"{text}*{scale}" if text else scale
        over = [f.text for f in self.factors if f.kind is not Kind.RECIPROCAL]
        under = [f.text for f in self.factors if f.kind is Kind.RECIPROCAL] + (["N"] if self.tokens == -1 else [])
        return "/".join(["*".join([*([text] if text else []), *over]) or "1", *under])

    @property
    def expression(self) -> str:
        """The number as an expression in N, f, m and gates, as `--gate` takes it; every digit of a fraction is there."""
        return self.text(_exact(self.constant))

    def inverse(self) -> str:
        """The one gate that moves it as an expression in the number; empty where that is none."""
        if len(self.factors) != 1 or self.width or self.outputs:
            return ""
        divided = self.name + {0: "", 1: "/N", -1: "*N"}[self.tokens]
        if not (isinstance(self.constant, Fraction) and self.constant == 1):
            divided += f"/({_exact(self.constant)})"
        return self.factors[0].inverse(divided)


def factor_of(gate: str, gates: Sequence[Fraction], values: Sequence[Number]) -> Factor | None:
    """The form with which a number follows a gate through all of its values; None if none of the forms does."""
    if all(isinstance(v, Fraction) for v in values):
        for kind in (Kind.AFFINE, Kind.RECIPROCAL):
            if kind is Kind.RECIPROCAL and not all(values):
                continue
            ys = values if kind is Kind.AFFINE else [1 / v for v in values]
            b = (ys[1] - ys[0]) / (gates[1] - gates[0])
            a = ys[0] - b * gates[0]
            if b and all(y == a + b * g for y, g in zip(ys, gates, strict=True)):
                return Factor(gate, kind) if not a else Factor(gate, kind, Fraction(1), b / a)
        for power in _POWERS:
            if len({v / g**power for v, g in zip(values, gates, strict=True)}) == 1:
                return Factor(gate, Kind.POWER, b=Fraction(power))
        return None
    with flint.ctx.workprec(BITS):
        for kind, sign in ((Kind.EXP, 1), (Kind.EXP, -1), (Kind.SIGMOID, 1), (Kind.SIGMOID, -1)):
            factor = Factor(gate, kind, ZERO, Fraction(sign))
            shares = [ball(v) / ball(factor.value(g)) for v, g in zip(values, gates, strict=True)]
            if all(alike(shares[0], share) for share in shares[1:]):
                return factor
    return None


def _exact(value: Number) -> str:
    return str(value) if isinstance(value, Fraction) else f"{float(as_floats([value])[0]):.17g}"


def _exponent(power: Fraction) -> str:
    return str(power) if power.denominator == 1 else f"{float(power):g}"
