"""The carrier of real balls: numbers at 256 bits, each enclosed with a proved radius (Arb).

Main definitions: `Balls`, `ENTRYWISE`. Here exp, softmax, roots and norms have a meaning, which they have not in the
exact arithmetics: a program of these runs at a rational point, and its value is a ball. Two balls that do not meet
prove that two programs differ; two that meet agree to as many digits as the radii say, which is no proof.
Whoever computes with balls sets the precision: `with flint.ctx.workprec(BITS)`.
Source: F. Johansson, Arb, IEEE Trans. Computers 66 (2017).
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import Any

import torch
from flint import arb, fmpq
from torch import Tensor

from numeric.carriers.carrier import NoRule, Parts
from numeric.carriers.computed import error_of
from numeric.carriers.handles import Handles

BITS = 256
"""Working precision; the balls of a forward pass are some 70 digits wide at worst, unless the code is unstable."""


class _Reals:
    """Enclosures of real numbers."""

    name = f"balls of {BITS} bits (Arb)"

    def from_fraction(self, top: int, bottom: int) -> Any:
        return arb(fmpq(top, bottom))

    def divide(self, a: Any, b: Any) -> Any:
        if b.contains(0):
            raise ZeroDivisionError("a divisor may be 0")
        return a / b


class Balls(Handles):
    """The carrier of real balls. Comparisons have an answer unless two balls meet."""

    keeps_logarithms = False

    def __init__(self, read: Mapping[float, Any] | None = None, share: float = 0.0) -> None:
        """read: constants of the code with the balls they are taken for. share: how far constants that were computed may be
        from what was meant, as in `numeric.carriers.computed`."""
        super().__init__(_Reals())
        self.decides_order = True
        self._read, self._share = read or {}, share

    def lift(self, values: Tensor) -> Parts:
        """Infinities too, which mask entries of a softmax or a maximum."""
        found = [self._number(v) for v in values.reshape(-1).tolist()]
        if self._share:
            errors = error_of(values, self._share).reshape(-1).tolist()
            found = [arb(v, e) if e else v for v, e in zip(found, errors, strict=True)]
        return self.put(found, values.shape)

    def constant(self, value: float | int) -> Parts:
        return (
            super().constant(value) if isinstance(value, int) else self.lift(torch.tensor(value, dtype=torch.float64))
        )

    def _number(self, value: float) -> Any:
        return self._read[value] if value in self._read else _float(value)

    def _is_zero(self, value: Any) -> bool:
        return bool(value.is_zero())

    def compare(self, name: str, a: Parts, b: Parts) -> Tensor:
        holds = getattr(operator, name)
        left, right = torch.broadcast_tensors(a[0], b[0])  # type: ignore[no-untyped-call]
        answers = []
        for i, j in zip(left.reshape(-1).tolist(), right.reshape(-1).tolist(), strict=True):
            x, y = self._store[i], self._store[j]
            if x.overlaps(y) and not (x.is_exact() and y.is_exact()):
                raise NoRule("a comparison is too close to call at this precision")
            answers.append(bool(holds(x, y)))
        return torch.tensor(answers, dtype=torch.bool).reshape(left.shape)

    def apply(self, function: Callable[[Any], Any], a: Parts) -> Parts:
        """A real function, entrywise. Raises NoRule where it has no real value."""

        def one(value: Any) -> Any:
            found = function(value)
            if not found.is_finite():
                raise NoRule(f"no real value at {float(value.mid()):.3g}")
            return found

        return self._map(one, a)

    def log(self, a: Parts) -> Parts:
        return self.apply(ENTRYWISE["log"], a)

    def exp(self, a: Parts) -> Parts:
        return self.apply(ENTRYWISE["exp"], a)


def _float(value: float) -> Any:
    return arb(value) if math.isinf(value) else arb(fmpq(*value.as_integer_ratio()))


def _sigmoid(x: Any) -> Any:
    return 1 / (1 + (-x).exp())


def _step(name: str) -> Callable[[Any], Any]:
    """A function with jumps: no number where a ball holds one."""

    def found(x: Any) -> Any:
        whole = (-(-x).floor() if x < 0 else x.floor()) if name == "trunc" and (x < 0 or x >= 0) else None
        if whole is None:
            whole = x.floor() if name == "floor" else x.ceil() if name == "ceil" else arb("nan")
        return whole if whole.is_exact() else arb("nan")

    return found


ENTRYWISE: Mapping[str, Callable[[Any], Any]] = {
    "exp": lambda x: x.exp(),
    "exp2": lambda x: (x * arb.const_log2()).exp(),
    "expm1": lambda x: x.expm1(),
    "log": lambda x: x.log(),
    "log2": lambda x: x.log() / arb.const_log2(),
    "log10": lambda x: x.log() / arb.const_log10(),
    "log1p": lambda x: x.log1p(),
    "sqrt": lambda x: x.sqrt(),
    "rsqrt": lambda x: x.rsqrt(),
    "sigmoid": _sigmoid,
    "tanh": lambda x: x.tanh(),
    "sin": lambda x: x.sin(),
    "cos": lambda x: x.cos(),
    "silu": lambda x: x * _sigmoid(x),
    "erf": lambda x: x.erf(),
    "erfc": lambda x: x.erfc(),
    "tan": lambda x: x.tan(),
    "sinh": lambda x: x.sinh(),
    "cosh": lambda x: x.cosh(),
    "asin": lambda x: x.asin(),
    "acos": lambda x: x.acos(),
    "atan": lambda x: x.atan(),
    "asinh": lambda x: x.asinh(),
    "acosh": lambda x: x.acosh(),
    "atanh": lambda x: x.atanh(),
    "lgamma": lambda x: abs(x.gamma()).log(),
    "digamma": lambda x: x.digamma(),
    "floor": _step("floor"),
    "ceil": _step("ceil"),
    "trunc": _step("trunc"),
    "log_sigmoid_forward": lambda x: -(1 + (-x).exp()).log(),
}
"""Functions of one number by their aten names."""


def ball(value: Any) -> Any:
    """A rational number as a ball of the working precision; balls as they are."""
    if isinstance(value, (int, Fraction)):
        return arb(fmpq(value.numerator, value.denominator))
    return value if isinstance(value, arb) else arb(value)
