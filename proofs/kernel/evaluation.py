"""The numeric tie of the kernel rung: Coq's definitions and the project's Python functions on the same fractions.

A theorem speaks of Coq definitions. For each definition `proofs/coq` has a program on lists and a theorem that the
program computes it, for every size. A `Tie` runs that program inside Coq (binary fractions, `vm_compute`) and a Python
function on the same numbers; the results have to be the same fractions, so that a drift between the two is seen.
Main definitions: `Tie`, `draw`, `agreement`. The ties are in `kernel_ties`.
"""

from __future__ import annotations

import importlib
import json
import math
import random
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from types import MappingProxyType
from typing import Any

import numpy as np

from numeric.finding import Counterexample
from proofs.kernel.findings import AtTie

Numbers = Mapping[str, Any]
"""Drawn data by name: an int, a Fraction, or an object array of Fractions."""
Rows = list[list[Fraction]]

Sizes = Mapping[str, int]


def ladder(**sizes: int | tuple[int, ...]) -> tuple[Sizes, ...]:
    """Several settings of the sizes, the k-th from the k-th numbers; a size given once is the same in all."""
    count = max((len(v) for v in sizes.values() if isinstance(v, tuple)), default=1)
    return tuple(
        MappingProxyType({name: v[k] if isinstance(v, tuple) else v for name, v in sizes.items()}) for k in range(count)
    )


SIZES = ladder(f=(3, 2, 1), m=(2, 4, 1), N=(4, 3, 1), k=(3, 2, 1))


@dataclass(frozen=True)
class Tie:
    """One Coq program against one Python function.

    program: a Coq program; its value is a list of rows (`scalar`: a single number).
    arguments: names of sizes and data, in the program's order.
    definition: what it computes, for messages; the Coq theorem that it does so is called like the program, with an E.
    data: shape of every datum by names of sizes; () is a scalar. A vector is given to Coq as a matrix of one row.
    sizes: those it is run at; they are what it covers.
    python: "module:function". adapter: calls it with the data; the result is squeezed and compared row by row.
    """

    program: str
    arguments: str
    definition: str
    data: Mapping[str, tuple[str, ...]]
    python: str
    adapter: Callable[[Callable[..., Any], Any], Any]
    sizes: tuple[Sizes, ...] = SIZES
    scalar: bool = False

    @property
    def theorem(self) -> str:
        """The Coq theorem that the program computes the definition."""
        return f"{self.program}E"


class Data(dict[str, Any]):
    """Drawn data with attribute access, so that an adapter reads `d.X`."""

    def __getattr__(self, name: str) -> Any:
        if name not in self:
            raise AttributeError(f"no datum {name!r}; there are {', '.join(self)}")
        return self[name]


def draw(name: str, tie: Tie, seed: int, sizes: Sizes | None = None) -> Data:
    """Small fractions for every datum of the tie called `name`, at its first sizes or those given; fixed by the seed."""
    sizes = tie.sizes[0] if sizes is None else sizes
    source = random.Random(f"{seed}:{name}:{sorted(sizes.items())}")
    data = Data(sizes)
    for label, shape in tie.data.items():
        dims = tuple(sizes[size] for size in shape)
        flat = [_fraction(source) for _ in range(math.prod(dims))]
        data[label] = np.array(flat, dtype=object).reshape(dims) if dims else flat[0]
    return data


def _fraction(source: random.Random) -> Fraction:
    return Fraction(source.choice([-1, 1]) * source.randint(1, 9), source.randint(1, 5))


def literal(value: Any) -> str:
    """A Coq term for an int (a nat), a Fraction, or an array of Fractions (a vector becomes one row)."""
    if isinstance(value, int):
        return str(value)
    if isinstance(value, Fraction):
        return f"({value.numerator} # {value.denominator})%Q"
    array = np.atleast_2d(value)
    return _nested(array)


def _nested(value: Any) -> str:
    if isinstance(value, Fraction):
        return literal(value)
    return "[:: " + "; ".join(_nested(v) for v in value) + "]"


def coq_term(tie: Tie, data: Data) -> str:
    """The program applied to the data, printed as rows of numerator-denominator pairs."""
    values = " ".join(literal(data[name]) for name in tie.arguments.split())
    return f"{'show_scalar' if tie.scalar else 'show'} ({tie.program} (K := binary_fractions) {values})"


def parse(output: str) -> Rows:
    """Rows of fractions from what Coq printed for `coq_term`. Raises ValueError where it is something else."""
    found = re.fullmatch(r"\s*=\s*(.*?)\s*:\s*seq \(seq .*\)\s*", output, re.DOTALL)
    if not found:
        raise ValueError(f"not a value of rows: {output[:200]!r}")
    text = re.sub(r"%\w+|::", "", found[1]).replace(";", ",")
    text = re.sub(r"\(\s*(-?\d+)\s*\)", r"\1", text).replace("(", "[").replace(")", "]")
    return [[Fraction(n, d) for n, d in row] for row in json.loads(text)]


def resolve(reference: str) -> Callable[..., Any]:
    """The function called "module:function". Raises LookupError where there is none."""
    module, _, name = reference.partition(":")
    try:
        found: Callable[..., Any] = getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError) as error:
        raise LookupError(f"{reference} can't be loaded: {error}") from None
    if not callable(found):
        raise LookupError(f"{reference} is not a function")
    return found


def python_rows(tie: Tie, data: Data, function: Callable[..., Any]) -> Rows:
    """The Python function's result on the data as rows of fractions."""
    array = np.atleast_2d(np.asarray(tie.adapter(function, data), dtype=object))
    if array.ndim != 2:
        raise ValueError(f"{tie.python} returned shape {array.shape}; expected a scalar, a vector or a matrix")
    return [[Fraction(entry) for entry in row] for row in array]


def agreement(name: str, tie: Tie, data: Data, coq: Rows, function: Callable[..., Any]) -> Counterexample | None:
    """None if both sides are the same fractions, else the data with both results.

    A column and a row of the same numbers are the same vector.
    """
    python = python_rows(tie, data, function)
    if _vector(coq) == _vector(python):
        return None
    return Counterexample(
        sizes={k: data[k] for k in tie.sizes[0]},
        inputs={k: _text(data[k]) for k in tie.data},
        left=_text(np.array(coq, dtype=object)),
        right=_text(np.array(python, dtype=object)),
        left_name=f"Coq {tie.definition}",
        right_name=tie.python,
        note=AtTie(name),
    )


def _vector(rows: Rows) -> Rows:
    return [[row[0] for row in rows]] if rows and all(len(row) == 1 for row in rows) else rows


def _text(value: Any) -> Any:
    return str(value) if isinstance(value, (Fraction, int)) else [_text(v) for v in value]
