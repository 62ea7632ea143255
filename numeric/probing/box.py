"""A layer or a learner as a closed box: X (N, f), Y (N, m), x_q (f,) in, a prediction (m,) out, in one arithmetic.

Main definitions: `Box`, `Arithmetic`, `Undefined`. The arithmetic is the strongest that the code allows: rational
numbers, else balls of 256 bits, else float64.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from enum import StrEnum
from fractions import Fraction
from typing import Any

import flint
import numpy as np
import torch

from numeric.deciding.balls import BITS, ball, evaluate
from numeric.deciding.programs import Program, WrongResult, rational, recorded
from numeric.tape.notes import Record
from numeric.tape.refusals import Refused

HALF_THE_DIGITS = 2.0**-26
"""Where only float64 runs, two numbers count as one if they share half of its digits. It steers a search; nothing is
confirmed by it."""


class Arithmetic(StrEnum):
    """What a box computes with."""

    EXACT = "rational numbers"
    BALLS = f"balls of {BITS} bits"
    FLOAT = "float64"


class Undefined(Exception):
    """The box has no value at a point: a divisor is 0, or the code raises there."""


class Box:
    """A program at fixed f and m. Points are object arrays of Fraction; so are values, or balls, or float64 arrays.

    held: further inputs that keep one value, such as gates: functions of them are not rounded, as those of constants are.
    They are left out where the code runs in float64 only with them. Raises Undefined where the code has no value.
    `refused`: why the code does not run on rational numbers.
    """

    def __init__(
        self,
        program: Program,
        f: int,
        m: int,
        arithmetic: Arithmetic | None = None,
        held: Mapping[str, Fraction] | None = None,
    ) -> None:
        self.program, self.f, self.m = recorded(program), f, m
        self.refused = ""
        self.held = {name: np.array(value, dtype=object) for name, value in (held or {}).items()}
        self.record = Record()
        self.calls = 0
        self._known: dict[Any, np.ndarray] = {}
        self.arithmetic = arithmetic if arithmetic is not None else self._strongest()
        if self.arithmetic is Arithmetic.FLOAT and arithmetic is None and self.held:
            self.held, self.refused = {}, ""
            self.arithmetic = self._strongest()

    def __call__(self, X: np.ndarray, Y: np.ndarray, x_q: np.ndarray) -> np.ndarray:
        key = (X.shape, tuple(X.flat), tuple(Y.flat), tuple(x_q.flat))
        if key not in self._known:
            self.calls += 1
            value = self._value({"X": X, "Y": Y, "x_q": x_q, **self.held})
            if value.shape != (self.m,):
                raise WrongResult(f"returned shape {value.shape}, expected (m,) = ({self.m},)")
            self._known[key] = value
        return self._known[key]

    def floats(self, X: np.ndarray, Y: np.ndarray, x_q: np.ndarray) -> np.ndarray:
        """The value rounded to float64."""
        return as_floats(self(X, Y, x_q))

    def same(self, a: Any, b: Any) -> bool:
        """Whether two values agree: exactly, in balls that meet, or in float64 to half of the digits."""
        left, right = np.atleast_1d(np.asarray(a, dtype=object)), np.atleast_1d(np.asarray(b, dtype=object))
        balls = any(isinstance(v, flint.arb) for v in (*left.flat, *right.flat))
        if self.arithmetic is Arithmetic.EXACT and not balls:
            return bool((left == right).all())
        if balls:
            with flint.ctx.workprec(BITS):
                return all(ball(x).overlaps(ball(y)) for x, y in zip(left.flat, right.flat, strict=True))
        x, y = as_floats(left), as_floats(right)
        scale = max(float(np.abs(x).max(initial=0)), float(np.abs(y).max(initial=0)))
        return bool((np.abs(x - y) <= HALF_THE_DIGITS * scale).all())

    def gap(self, a: Any, b: Any) -> float:
        """How far two values are apart, relative to the larger one; 0 where they agree."""
        if self.same(a, b):
            return 0.0
        with flint.ctx.workprec(BITS):
            pairs = list(zip(np.atleast_1d(a).flat, np.atleast_1d(b).flat, strict=True))
            mixed = any(isinstance(v, flint.arb) for pair in pairs for v in pair)
            apart = np.abs(as_floats([ball(x) - ball(y) if mixed else x - y for x, y in pairs])).max()
        scale = max(np.abs(as_floats(np.atleast_1d(v))).max() for v in (a, b))
        return float(apart / scale) if scale else math.inf

    def _strongest(self) -> Arithmetic:
        N = 3
        X, Y, x_q = (generic(shape, k) for k, shape in enumerate(((N, self.f), (N, self.m), (self.f,))))
        point = {"X": X, "Y": Y, "x_q": x_q, **self.held}
        for arithmetic, run in ((Arithmetic.EXACT, rational), (Arithmetic.BALLS, evaluate)):
            try:
                _, self.record = run(self.program, point)
            except Refused as refusal:
                self.refused = self.refused or str(refusal)
            except ZeroDivisionError:
                return arithmetic
            except Exception as error:  # code of any kind runs here
                self.refused = self.refused or f"{type(error).__name__}: {error}"
            else:
                return arithmetic
        return Arithmetic.FLOAT

    def _value(self, point: dict[str, np.ndarray]) -> np.ndarray:
        try:
            if self.arithmetic is Arithmetic.EXACT:
                return rational(self.program, point)[0]
            if self.arithmetic is Arithmetic.BALLS:
                return evaluate(self.program, point)[0]
            with torch.no_grad():
                tensors = {name: torch.tensor(array.astype(np.float64)) for name, array in point.items()}
                value = self.program(**tensors).detach().double().numpy()
        except WrongResult:
            raise
        except ZeroDivisionError:
            raise Undefined("a divisor is 0") from None
        except Exception as error:
            raise Undefined(f"{type(error).__name__}: {(str(error).splitlines() or [''])[0]}") from None
        if not np.isfinite(value).all():
            raise Undefined("NaN or infinity")
        return np.asarray(value)


def as_floats(values: Any) -> np.ndarray:
    """Fractions, balls (their midpoints) or floats as float64."""
    array = np.asarray(values, dtype=object)
    flat = [float(v.mid()) if isinstance(v, flint.arb) else float(v) for v in array.reshape(-1)]
    return np.array(flat, dtype=np.float64).reshape(array.shape)


def generic(shape: tuple[int, ...], salt: int = 0) -> np.ndarray:
    """Eighths between -2 and 2, none 0, in no simple relation: the digits of a linear congruence from `salt`."""
    out = np.empty(shape, dtype=object)
    state = 2 * salt + 1
    for index in np.ndindex(shape):
        state = (state * 48271 + 11) % 2147483647
        value = state >> 7
        out[index] = Fraction((1 if value & 1 else -1) * (1 + (value >> 1) % 15), 8)
    return out
