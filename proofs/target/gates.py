"""Values of gates: numbers, names and arithmetic between them, written by the user; no code runs.

A name stands for an array with axes: none (one number), "N" (one a token), "f" (one an input channel), or both. Arrays
are laid out with all their axes, (N, 1) for one number a token, so that they combine by broadcasting.
"""

from __future__ import annotations

import ast
import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import torch
from torch import Tensor

from constructions.learners import Domain
from proofs.target.loading import TargetError

Axes = tuple[str, ...]
_DIGIT = 2**52
_BITS = 1100
"""Bits of the longest numerator or denominator: float64's largest number has 1024, its smallest 1074."""
_TEXT = 1000
"""Characters of the longest expression."""
_FUNCTIONS: Mapping[str, tuple[Callable[[float], float], Callable[[Tensor], Tensor]]] = {
    "log": (math.log, torch.log),
    "exp": (math.exp, torch.exp),
    "sigmoid": (lambda x: 1 / (1 + math.exp(-x)), torch.sigmoid),
}
_POINTS = tuple(Fraction(n, 97) for n in (89, 3, 61, 41, 73, 29, 7))
"""Values between 0 and 1 for what an expression names, to see whether it can be what it stands for."""


@dataclass(frozen=True)
class Value:
    """A number, or a tensor with its axes: 0-d for none, else (N or 1, f or 1)."""

    held: Fraction | Tensor
    axes: Axes = ()

    def tensor(self, like: Tensor) -> Tensor:
        """The value as a tensor of `like`'s arithmetic: 0-d, (N,), (f,) or (N, f). Fractions are quotients.

        A number that float64 holds, such as a root as Python rounds it, stays one constant.
        """
        if isinstance(self.held, Fraction):
            if abs(self.held) < 2**1000 and Fraction(float(self.held)) == self.held:
                return like.new_full((), float(self.held))
            top, bottom = (_whole(like, n) for n in (self.held.numerator, self.held.denominator))
            return top if self.held.denominator == 1 else top / bottom
        if self.axes == ("N",):
            return self.held[:, 0]
        return self.held[0, :] if self.axes == ("f",) else self.held


def _whole(like: Tensor, number: int) -> Tensor:
    """An integer as a 0-d tensor, put together of digits that a float64 holds: exact numbers keep all of them."""
    rest, digit = divmod(number, _DIGIT) if abs(number) > 2 * _DIGIT else (0, number)
    held = like.new_full((), digit)
    return _whole(like, rest) * _DIGIT + held if rest else held


def laid_out(array: Tensor, axes: Axes) -> Value:
    """An array of shape (), (N,), (f,) or (N, f) as a value."""
    if axes == ("N",):
        return Value(array[:, None], axes)
    return Value(array[None, :] if axes == ("f",) else array, axes)


def mentioned(text: str) -> set[str]:
    """The names in an expression; none if it is no expression (`value` says what is wrong with it)."""
    try:
        return {node.id for node in ast.walk(ast.parse(text, mode="eval")) if isinstance(node, ast.Name)} - set(
            _FUNCTIONS
        )
    except SyntaxError:
        return set()


def logged(text: str) -> set[str]:
    """The names in an expression that a logarithm is taken of."""
    try:
        calls = [node for node in ast.walk(ast.parse(text, mode="eval")) if isinstance(node, ast.Call)]
    except SyntaxError:
        return set()
    taken = [arg for c in calls if isinstance(c.func, ast.Name) and c.func.id == "log" for arg in c.args]
    return set().union(*(mentioned(ast.unparse(arg)) for arg in taken))


def is_logarithm(text: str) -> bool:
    """Whether an expression is the logarithm of one."""
    try:
        found = ast.parse(text.strip(), mode="eval").body
    except SyntaxError:
        return False
    return isinstance(found, ast.Call) and isinstance(found.func, ast.Name) and found.func.id == "log"


def value(text: str, names: Mapping[str, Value]) -> Value:
    """The value of an expression: numbers, names, + - * /, powers of numbers, log, exp, sigmoid.

    Raises TargetError with what is allowed.
    """
    if len(text) > _TEXT:
        raise TargetError(f"gate value {text[:40]!r}...: {len(text)} characters; expected at most {_TEXT}")
    wrong = f"gate value {text!r}: use a number, one of {_listed(names)}, + - * / of those, or log(), exp(), sigmoid() of them"

    def visit(node: ast.expr) -> Value:
        match node:
            case ast.Constant(value=bool()):
                pass
            case ast.Constant(value=int() | float()):
                return Value(_literal(ast.get_source_segment(text, node) or ""))
            case ast.Name(id=name) if name in names:
                return names[name]
            case ast.UnaryOp(op=ast.USub(), operand=inner):
                found = visit(inner)
                return Value(-found.held, found.axes)
            case ast.Call(func=ast.Name(id=name), args=[inner], keywords=[]) if name in _FUNCTIONS:
                return _applied(name, visit(inner))
            case ast.BinOp(left=left, op=ast.Pow(), right=right):
                base, power = visit(left).held, visit(right).held
                if isinstance(base, Fraction) and isinstance(power, Fraction):
                    return Value(_power(base, power))
            case ast.BinOp(left=left, op=operator, right=right):
                a, b = visit(left), visit(right)
                held = _combined(operator, a.held, b.held)
                if held is not None:
                    if isinstance(held, Fraction):
                        _bounded(held)
                    return Value(held, tuple(axis for axis in ("N", "f") if axis in a.axes + b.axes))
        raise TargetError(wrong)

    try:
        return visit(ast.parse(text.strip(), mode="eval").body)
    except (SyntaxError, ValueError, ZeroDivisionError, OverflowError, RecursionError, MemoryError) as error:
        if isinstance(error, TargetError):
            raise
        if isinstance(error, OverflowError):
            raise TargetError(f"gate value {text!r}: its numbers are beyond those of float64") from None
        if isinstance(error, ZeroDivisionError):
            raise TargetError(f"{wrong}; this is a division by zero") from None
        raise TargetError(wrong) from None


def outside(text: str, domain: Domain | None, sizes: Mapping[str, int]) -> Fraction | None:
    """A value of the expression at these sizes that is not in the domain (None: not 0), if it never is; else None.

    What it names besides the sizes stands for numbers between 0 and 1.
    """
    known = {name: Value(Fraction(size)) for name, size in sizes.items()}
    free = sorted(mentioned(text) - set(known))
    if "X" in free:
        return None
    found = Fraction(0)
    for turn in range(len(_POINTS) if free else 1):
        point = {name: Value(_POINTS[(turn + k) % len(_POINTS)]) for k, name in enumerate(free)}
        try:
            found = Fraction(value(text, known | point).held)  # type: ignore[arg-type]  # no name stands for a tensor
        except TargetError:  # a logarithm or a quotient without a value there
            return None
        low = {None: found == 0, Domain.POSITIVE: found <= 0, Domain.NONNEGATIVE: found < 0}
        low[Domain.UNIT] = not 0 <= found <= 1
        if not low.get(domain, False):
            return None
    return found


def _listed(names: Iterable[str]) -> str:
    return ", ".join(names)


def _applied(name: str, found: Value) -> Value:
    on_floats, on_tensors = _FUNCTIONS[name]
    if isinstance(found.held, Fraction):
        return Value(Fraction(on_floats(float(found.held))))  # as Python code rounds it
    return Value(on_tensors(found.held), found.axes)


def _literal(digits: str) -> Fraction:
    """A number as it is written. Raises OverflowError for one that no float64 is near, before it is computed."""
    mantissa, _, exponent = digits.lower().replace("_", "").partition("e")
    if len(exponent) > 6 or abs(int(exponent or 0)) + len(mantissa) > _BITS // 2:
        raise OverflowError
    return _bounded(Fraction(digits))


def _bounded(number: Fraction) -> Fraction:
    if max(abs(number.numerator), number.denominator).bit_length() > 4 * _BITS or abs(number) >= 2**1024:
        raise OverflowError
    return number


def _power(base: Fraction, power: Fraction) -> Fraction:
    if power.denominator == 1:
        size = max(abs(base.numerator), base.denominator).bit_length()
        if abs(power.numerator) * (size - 1) > 4 * _BITS:
            raise OverflowError
        return _bounded(base**power.numerator)
    root = float(base) ** float(power)
    if isinstance(root, complex):
        raise ValueError
    return Fraction(root)  # as Python code rounds it


def _combined(operator: ast.operator, a: Any, b: Any) -> Any:
    """a + b and so on; a fraction meets a tensor as numerator and denominator, which is exact in exact arithmetic."""
    match operator:
        case ast.Add():
            return _sum(a, b)
        case ast.Sub():
            return _sum(a, -b)
        case ast.Mult():
            if isinstance(a, Fraction) and isinstance(b, Tensor):
                a, b = b, a
            return a * b.numerator / b.denominator if isinstance(a, Tensor) and isinstance(b, Fraction) else a * b
        case ast.Div():
            if isinstance(a, Tensor) and isinstance(b, Fraction):
                return a * b.denominator / b.numerator
            return a.numerator / (b * a.denominator) if isinstance(a, Fraction) and isinstance(b, Tensor) else a / b
    return None


def _sum(a: Any, b: Any) -> Any:
    if isinstance(a, Fraction) and isinstance(b, Tensor):
        a, b = b, a
    if isinstance(a, Tensor) and isinstance(b, Fraction):
        return a + b.numerator if b.denominator == 1 else (a * b.denominator + b.numerator) / b.denominator
    return a + b
