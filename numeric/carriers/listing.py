"""A carrier that computes nothing and lists what there is to compute: straight line code on one flat memory.

Main definition: `Listing`. A part is an int64 tensor of addresses, 0 for the number zero; each operation's results have the
next free addresses. So views, moves and masks leave no instruction, and what is listed needs no engine to be run again.
The instructions are those of `proofs/audit/certificate_checker.py`, whose docstring says what they mean.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from numeric.carriers.carrier import Carrier, Parts, broadcast, broadcast_shapes

Root = tuple[int, int]
"""q and k of a number r with r**k = q."""


class Listing(Carrier):
    """Instructions with the addresses of what they read.

    roots: the numbers that have addresses of their own behind the inputs. read: floats that stand for other numbers, each as
    (numerator, denominator, exponents of roots).
    """

    name = "straight line code"
    dtypes = (torch.int64,)

    def __init__(
        self, roots: Sequence[Root] = (), read: Mapping[float, tuple[int, int, Mapping[Root, int]]] | None = None
    ) -> None:
        self.code: list[list[Any]] = []
        self.logarithms = False
        """Whether a logarithm was taken."""
        self._starts: list[int] = []
        """The first address of each instruction's results."""
        self._next = 1
        self._roots, self._read = tuple(roots), dict(read or {})
        self._root_at: dict[Root, int] = {}
        self._known: dict[float, int] = {}
        self._copies: dict[tuple[int, ...], int] = {}

    def inputs(self, shapes: Mapping[str, tuple[int, ...]]) -> dict[str, Parts]:
        """The inputs' parts, and after them the roots; before anything is listed."""
        found: dict[str, Parts] = {name: (self._taken(shape),) for name, shape in shapes.items()}
        self._root_at = {root: int(self._taken(())) for root in self._roots}
        return found

    def window(self, addresses: Tensor) -> list[Any]:
        """Addresses (*shape) as [offset, strides]; entries that lie otherwise are copied first."""
        shape = addresses.shape
        if addresses.numel() == 0:
            return [0, [0] * len(shape)]
        offset = int(addresses.reshape(-1)[0])
        strides = [
            int(addresses[tuple(int(k == d) for k in range(len(shape)))]) - offset if n > 1 else 0
            for d, n in enumerate(shape)
        ]
        grid = torch.tensor(offset)
        for n, stride in zip(shape, strides, strict=True):
            grid = grid[..., None] + stride * torch.arange(n)
        if torch.equal(grid, addresses):
            return [offset, strides]
        flat = tuple(addresses.reshape(-1).tolist())
        if flat not in self._copies:
            self._copies[flat] = self._next
            self._listed(["copy", [len(flat)], list(flat)], (len(flat),))
        dense = torch.arange(addresses.numel()).reshape(shape)
        return [self._copies[flat], [dense.stride(d) if n > 1 else 0 for d, n in enumerate(shape)]]

    def finished(self, output: Tensor) -> tuple[list[list[Any]], list[Any]]:
        """The code, without what nothing reads, and the output's window."""
        window = self.window(output)
        ends = [*self._starts[1:], self._next]
        starts = torch.tensor(self._starts)
        live = torch.zeros(len(self.code), dtype=torch.bool)

        def mark(places: Tensor) -> None:
            blocks = torch.searchsorted(starts, places, right=True) - 1
            live[blocks[blocks >= 0]] = True

        mark(_places(window, tuple(output.shape)))
        for number in reversed(range(len(self.code))):
            if bool(live[number]):
                for places in _read_by(self.code[number]):
                    mark(places)
        code: list[list[Any]] = []
        for number, line in enumerate(self.code):
            count = ends[number] - self._starts[number]
            if bool(live[number]):
                code.append(line)
            elif code and code[-1][0] == "skip":
                code[-1] = ["skip", [code[-1][1][0] + count]]
            else:
                code.append(["skip", [count]])
        return code, window

    def _taken(self, shape: Sequence[int]) -> Tensor:
        count = math.prod(shape)
        found = torch.arange(self._next, self._next + count).reshape(1, *shape)
        self._next += count
        return found

    def _listed(self, line: list[Any], shape: Sequence[int]) -> Tensor:
        self.code.append(line)
        self._starts.append(self._next)
        return self._taken(shape)

    def _elementwise(self, op: str, a: Parts, b: Parts) -> Parts:
        shape = broadcast_shapes(a[0].shape, b[0].shape)[1:]
        if math.prod(shape) == 0:
            return self.zeros(shape)
        # an axis of size 1 has stride 0, so that the window is also the broadcast one
        operands = [self.window(p[0][0]) for p in (a, b)]
        return (self._listed([op, list(shape), *operands], shape),)

    def lift(self, values: Tensor) -> Parts:
        flat = values.double().reshape(-1)
        distinct, which = torch.unique(flat, return_inverse=True)
        numbers = distinct.tolist()
        plain = [v for v in numbers if v != 0 and v not in self._known and not self._rooted(v)]
        if plain:
            first = self._next
            self._listed(["const", [_as_integers(*self._rational(v)) for v in plain]], (len(plain),))
            self._known |= {v: first + k for k, v in enumerate(plain)}
        for value in numbers:
            if value != 0 and value not in self._known:
                self._known[value] = self._of_roots(value)
        table = torch.tensor([self._known.get(v, 0) if v != 0 else 0 for v in numbers], dtype=torch.int64)
        return (table[which].reshape(1, *values.shape),)

    def constant(self, value: float | int) -> Parts:
        if isinstance(value, int) and value != float(value):
            return (self._listed(["const", [value]], ()).reshape(1),)
        return self.lift(torch.tensor(float(value), dtype=torch.float64))

    def _rooted(self, value: float) -> bool:
        return bool(value in self._read and self._read[value][2])

    def _rational(self, value: float) -> tuple[int, int]:
        return self._read[value][:2] if value in self._read else value.as_integer_ratio()

    def _of_roots(self, value: float) -> int:
        top, bottom, exponents = self._read[value]
        held: Parts = (self._listed(["const", [_as_integers(top, bottom)]], (1,)),)
        for root, exponent in exponents.items():
            power = self.power((torch.tensor([[self._root_at[root]]]),), abs(exponent))
            held = self.mul(held, power) if exponent > 0 else self.div(held, power)
        return int(held[0])

    def add(self, a: Parts, b: Parts) -> Parts:
        return self._elementwise("add", a, b)

    def sub(self, a: Parts, b: Parts) -> Parts:
        return self._elementwise("sub", a, b)

    def neg(self, a: Parts) -> Parts:
        return self._elementwise("sub", (torch.zeros_like(a[0]),), a)

    def mul(self, a: Parts, b: Parts) -> Parts:
        return self._elementwise("mul", a, b)

    def div(self, a: Parts, b: Parts) -> Parts:
        if bool((b[0] == 0).any()):
            raise ZeroDivisionError("a divisor is the constant 0")
        return self._elementwise("div", a, b)

    def log(self, a: Parts) -> Parts:
        self.logarithms = True
        return a

    def matmul(self, a: Parts, b: Parts) -> Parts:
        x, y = a[0][0], b[0][0]
        batch, n, k, last = broadcast(x.shape[0], y.shape[0]), x.shape[1], x.shape[2], y.shape[2]
        if 0 in (batch, n, k, last):
            return self.zeros((batch, n, last))
        (left, (l0, l1, l2)), (right, (r0, r1, r2)) = self.window(x), self.window(y)
        line = ["dot", [batch, n, last, k], [left, [l0, l1, 0, l2]], [right, [r0, 0, r2, r1]]]
        return (self._listed(line, (batch, n, last)),)

    def sum(self, a: Parts, dims: Sequence[int], keepdim: bool) -> Parts:
        out = a[0]
        for dim in sorted((d % a[0].ndim for d in dims), reverse=True):
            last = out.movedim(dim, -1)[0]
            shape = last.shape[:-1]
            if last.numel() == 0:
                out = torch.zeros((1, *shape), dtype=torch.int64)
            else:
                one = [int(self.constant(1)[0]), [0] * last.ndim]
                out = self._listed(["dot", list(last.shape), self.window(last), one], shape)
            out = out.unsqueeze(dim) if keepdim else out
        return (out,)

    def nonzero(self, a: Parts) -> Tensor:
        return a[0] != 0  # the first that is no structural zero; one that vanishes nevertheless ends the check


def _as_integers(top: int, bottom: int) -> int | list[int]:
    return top if bottom == 1 else [top, bottom]


def _places(window: list[Any], shape: Sequence[int]) -> Tensor:
    offset, strides = window
    found = torch.tensor(offset)
    for n, stride in zip(shape, strides, strict=True):
        found = found[..., None] + stride * torch.arange(n)
    return found.reshape(-1)


def _read_by(line: list[Any]) -> list[Tensor]:
    op, shape, *operands = line
    if op == "const":
        return []
    if op == "copy":
        return [torch.tensor(operands[0])]
    return [_places(operand, shape) for operand in operands]
