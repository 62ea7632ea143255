"""Carriers whose numbers are Python objects: rationals and polynomials. Part 0 holds indices into a list of them.

Index 0 is zero, so slicing, padding and zeros still run in torch. Arithmetic loops in Python: for small sizes, for
counterexamples, and for the rung that compares polynomials coefficient by coefficient. One point at a time is usual,
with K = 1; operations take any K.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Iterable, Sequence
from fractions import Fraction
from typing import Any, Protocol

import flint
import numpy as np
import symengine
import torch
from torch import Tensor

from numeric.carriers.carrier import Carrier, NoRule, OutsideDomain, Parts, same_batch, terms


class Ring(Protocol):
    """Where the objects live: they support + - * and, where it is exact, division."""

    name: str

    def from_fraction(self, top: int, bottom: int) -> Any:
        """The constant top/bottom."""

    def divide(self, a: Any, b: Any) -> Any:
        """a/b. Raises ZeroDivisionError, or NoRule where the quotient leaves the ring."""


class Quotient:
    """A fraction of FLINT polynomials in lowest terms, for exponentials of negative logarithms."""

    __slots__ = ("bottom", "top")

    def __init__(self, top: Any, bottom: Any) -> None:
        self.top, self.bottom = top, bottom

    @staticmethod
    def of(top: Any, bottom: Any) -> Any:
        """top/bottom, as a polynomial where it is one. Raises ZeroDivisionError."""
        if bottom.is_zero():
            raise ZeroDivisionError("a divisor is the zero polynomial")
        shared = top.gcd(bottom)
        top, bottom = top / shared, bottom / shared
        return top / bottom.leading_coefficient() if bottom.is_constant() else Quotient(top, bottom)

    def __add__(self, other: Any) -> Any:
        if not isinstance(other, Quotient):
            return Quotient.of(self.top + other * self.bottom, self.bottom)
        return Quotient.of(self.top * other.bottom + other.top * self.bottom, self.bottom * other.bottom)

    def __mul__(self, other: Any) -> Any:
        if not isinstance(other, Quotient):
            return Quotient.of(self.top * other, self.bottom)
        return Quotient.of(self.top * other.top, self.bottom * other.bottom)

    __radd__, __rmul__ = __add__, __mul__

    def __neg__(self) -> Quotient:
        return Quotient(-self.top, self.bottom)

    def __sub__(self, other: Any) -> Any:
        return self + (-other)

    def __rsub__(self, other: Any) -> Any:
        return -self + other

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Quotient):
            return False  # in lowest terms it is no polynomial
        return bool(self.top * other.bottom == other.top * self.bottom)

    __hash__ = None  # type: ignore[assignment]

    def __len__(self) -> int:
        return len(self.top)

    def is_zero(self) -> bool:
        """Whether it is 0, which would be a polynomial."""
        return False

    def subs(self, values: dict[str, Any]) -> Any:
        """The quotient with numbers for some variables. Raises ZeroDivisionError."""
        return Quotient.of(self.top.subs(values), self.bottom.subs(values))


class Rationals:
    """Q, by FLINT."""

    name = "rationals"

    def from_fraction(self, top: int, bottom: int) -> Any:
        return flint.fmpq(top, bottom)

    def divide(self, a: Any, b: Any) -> Any:
        return a / b


class FlintPolynomials:
    """Q[x_1, ..., x_n] with expanded terms, by FLINT: fast where the variables are few."""

    def __init__(self, variables: Sequence[str]) -> None:
        self.name = f"polynomials in {len(variables)} variables over Q (FLINT)"
        self.context = flint.fmpq_mpoly_ctx.get(tuple(variables) or ("x",), flint.Ordering.degrevlex)
        self.variables = dict(zip(variables, self.context.gens(), strict=False))

    def from_fraction(self, top: int, bottom: int) -> Any:
        return self.context.constant(flint.fmpq(top, bottom))

    def divide(self, a: Any, b: Any) -> Any:
        if b.is_zero():
            raise ZeroDivisionError("a divisor is the zero polynomial")
        if not b.is_constant():
            raise NoRule("division by data: the result is a rational function, not a polynomial")
        return a / b.leading_coefficient()

    def ratio(self, a: Any, b: Any) -> Any:
        if isinstance(a, Quotient) or isinstance(b, Quotient):
            (p, q), (r, t) = ((x.top, x.bottom) if isinstance(x, Quotient) else (x, self._one()) for x in (a, b))
            return Quotient.of(p * t, q * r)
        return Quotient.of(a, b)

    def _one(self) -> Any:
        return self.from_fraction(1, 1)

    def equal(self, a: Any, b: Any) -> bool:
        """Whether all coefficients agree."""
        return bool(a == b)

    def terms(self, a: Any) -> int:
        """How many monomials `a` has."""
        return len(a)


class SymenginePolynomials:
    """The same by SymEngine, which stores only the variables that occur: for many variables."""

    def __init__(self, variables: Sequence[str]) -> None:
        self.name = f"polynomials in {len(variables)} variables over Q (SymEngine)"
        self.variables = {v: symengine.Symbol(v) for v in variables}

    def from_fraction(self, top: int, bottom: int) -> Any:
        return symengine.Integer(top) / symengine.Integer(bottom)

    def divide(self, a: Any, b: Any) -> Any:
        if b == 0:
            raise ZeroDivisionError("a divisor is the zero polynomial")
        if not b.is_Number:
            raise NoRule("division by data: the result is a rational function, not a polynomial")
        return a / b

    def ratio(self, a: Any, b: Any) -> Any:
        # powers of symbols cancel by themselves, negative ones too; sums would not
        if b == 0:
            raise ZeroDivisionError("a divisor is the zero polynomial")
        if any(part.is_Add for part in (b, *b.args)):
            raise NoRule("the logarithm of a sum, subtracted: the result is a rational function, not a polynomial")
        return a / b

    def equal(self, a: Any, b: Any) -> bool:
        """Whether the difference expands to zero."""
        return bool(symengine.expand(a - b) == 0)

    def terms(self, a: Any) -> int:
        """How many monomials `a` has when expanded."""
        return len(symengine.expand(a).args) or 1


class Handles(Carrier):
    """The carrier of a ring's objects."""

    dtypes = (torch.int64,)

    def __init__(self, ring: Ring) -> None:
        self.ring = ring
        self.name = ring.name
        self.decides_order = isinstance(ring, Rationals)
        self._store: list[Any] = [ring.from_fraction(0, 1)]

    def put(self, values: Sequence[Any], shape: Sequence[int]) -> Parts:
        """The parts, of shape (1, *shape), that stand for `values` (ring elements, row-major)."""
        return self.stored(values, (1, *shape))

    def stored(self, values: Iterable[Any], shape: Sequence[int]) -> Parts:
        """The parts, of this shape, that stand for `values`: every result passes here."""
        indices = []
        for value in values:
            if self._is_zero(value):
                indices.append(0)
            else:
                indices.append(len(self._store))
                self._store.append(value)
        return (torch.tensor(indices, dtype=torch.int64).reshape(tuple(shape)),)

    def _is_zero(self, value: Any) -> bool:
        return bool(value == self._store[0])

    def get(self, a: Parts) -> np.ndarray:
        """The ring elements of the one trial, as an object array of the shape that `put` was given."""
        (part,) = a
        if part.shape[0] != 1:
            raise ValueError(f"one trial can be read, not {part.shape[0]}")
        flat = np.empty(part.numel(), dtype=object)
        for i, index in enumerate(part.reshape(-1).tolist()):
            flat[i] = self._store[index]  # one by one: numpy would unpack a polynomial into its terms
        return flat.reshape(tuple(part.shape[1:]))

    def lift(self, values: Tensor) -> Parts:
        ratios = [v.as_integer_ratio() for v in values.reshape(-1).tolist()]
        return self.put([self.ring.from_fraction(int(t), int(b)) for t, b in ratios], values.shape)

    def constant(self, value: float | int) -> Parts:
        top, bottom = value.as_integer_ratio()
        return self.put([self.ring.from_fraction(top, bottom)], ())

    def _map(self, function: Callable[..., Any], *operands: Parts) -> Parts:
        arrays = torch.broadcast_tensors(*(o[0] for o in operands))  # type: ignore[no-untyped-call]
        store = self._store
        columns = [a.reshape(-1).tolist() for a in arrays]
        rows = zip(*columns, strict=True)
        return self.stored([function(*(store[i] for i in row)) for row in rows], arrays[0].shape)

    def add(self, a: Parts, b: Parts) -> Parts:
        return self._map(operator.add, a, b)

    def sub(self, a: Parts, b: Parts) -> Parts:
        return self._map(operator.sub, a, b)

    def neg(self, a: Parts) -> Parts:
        return self._map(operator.neg, a)

    def mul(self, a: Parts, b: Parts) -> Parts:
        return self._map(operator.mul, a, b)

    def div(self, a: Parts, b: Parts) -> Parts:
        return self._map(self.ring.divide, a, b)

    def log(self, a: Parts) -> Parts:
        """`a` itself. Raises OutsideDomain for numbers below 0 (0 is the logarithm minus infinity)."""
        if self.decides_order and any(self._store[i] < 0 for i in set(a[0].reshape(-1).tolist())):
            raise OutsideDomain("the logarithm of a negative number")
        return a

    def matmul(self, a: Parts, b: Parts) -> Parts:
        (x,), (y,) = same_batch(a, b)
        *lead, n, width = *x.shape[:-1], y.shape[-1]
        out = []
        for rows, columns in zip(x.flatten(0, -3).tolist(), y.mT.flatten(0, -3).tolist(), strict=True):
            for row in rows:
                for column in columns:
                    out.append(self._total(zip(row, column, strict=True)))
        return self.stored(out, (*lead, n, width))

    def _total(self, pairs: Iterable[tuple[int, int]]) -> Any:
        store = self._store
        total = store[0]
        for i, j in pairs:
            if i and j:
                total = total + store[i] * store[j]
        return total

    def sum(self, a: Parts, dims: Sequence[int], keepdim: bool) -> Parts:
        part = a[0]
        dims = [d % part.ndim for d in dims]
        kept = [d for d in range(part.ndim) if d not in dims]
        count = math.prod(part.shape[d] for d in kept)
        rows = part.permute(*kept, *dims).reshape(count, terms(part.shape, dims))
        shape = [1 if d in dims else n for d, n in enumerate(part.shape)] if keepdim else [part.shape[d] for d in kept]
        store, out = self._store, []
        for row in rows.tolist():
            total = store[0]
            for index in row:
                if index:
                    total = total + store[index]
            out.append(total)
        return self.stored(out, shape)

    def ratio(self, a: Parts, b: Parts) -> Parts:
        # a ring may let quotients of what logarithms were taken of leave it, until they meet their divisors
        return self._map(getattr(self.ring, "ratio", self.ring.divide), a, b)

    def nonzero(self, a: Parts) -> Tensor:
        return a[0] != 0

    def compare(self, name: str, a: Parts, b: Parts) -> Tensor:
        if not self.decides_order:
            return super().compare(name, a, b)
        function = getattr(operator, name)
        left, right = torch.broadcast_tensors(a[0], b[0])  # type: ignore[no-untyped-call]
        pairs = zip(left.reshape(-1).tolist(), right.reshape(-1).tolist(), strict=True)
        answers = [bool(function(self._store[i], self._store[j])) for i, j in pairs]
        return torch.tensor(answers, dtype=torch.bool).reshape(left.shape)


def as_fraction(value: Any) -> Fraction:
    """A FLINT rational as Python's."""
    return Fraction(int(value.p), int(value.q))
