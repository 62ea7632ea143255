"""The numeric tie of the kernel rung: Coq's definitions and the project's Python functions on the same fractions.

A theorem speaks of Coq definitions. For each definition `proofs/coq` has a program on lists and a theorem that the
program computes it, for every size. A `Tie` runs that program inside Coq (binary fractions, `vm_compute`) and a Python
function on the same numbers; the results have to be the same fractions, so that a drift between the two is seen.
Main definitions: `Tie`, `TIES`, `draw`, `agreement`. Adding a tie is one entry of `TIES`.
"""

from __future__ import annotations

import importlib
import json
import random
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from types import MappingProxyType
from typing import Any

import numpy as np

from numeric.finding import Counterexample

Numbers = Mapping[str, Any]
"""Drawn data by name: an int, a Fraction, or an object array of Fractions."""
Rows = list[list[Fraction]]

SIZES: Mapping[str, int] = MappingProxyType({"f": 3, "m": 2, "N": 4, "k": 3})


@dataclass(frozen=True)
class Tie:
    """One Coq program against one Python function.

    program: a Coq program; its value is a list of rows (`scalar`: a single number). arguments: sizes and data, in order.
    theorem: the Coq theorem that the program computes the definition. definition: that definition, for messages.
    data: shape of every datum by names of sizes; () is a scalar. A vector is given to Coq as a matrix of one row.
    python: "module:function". adapter: calls it with the data; the result is squeezed and compared row by row.
    """

    program: str
    arguments: str
    theorem: str
    definition: str
    data: Mapping[str, tuple[str, ...]]
    python: str
    adapter: Callable[[Callable[..., Any], Any], Any]
    sizes: Mapping[str, int] = field(default_factory=lambda: SIZES)
    scalar: bool = False


class Data(dict[str, Any]):
    """Drawn data with attribute access, so that an adapter reads `d.X`."""

    def __getattr__(self, name: str) -> Any:
        try:
            return self[name]
        except KeyError:
            raise AttributeError(f"no datum {name!r}; there are {', '.join(self)}") from None


def draw(name: str, tie: Tie, seed: int) -> Data:
    """Small fractions for every datum of the tie called `name`; the same for the same seed."""
    source = random.Random(f"{seed}:{name}")
    data = Data(tie.sizes)
    for label, shape in tie.data.items():
        dims = tuple(tie.sizes[s] for s in shape)
        flat = [Fraction(source.choice([-1, 1]) * source.randint(1, 9), source.randint(1, 5)) for _ in range(_product(dims))]
        data[label] = np.array(flat, dtype=object).reshape(dims) if dims else flat[0]
    return data


def _product(dims: tuple[int, ...]) -> int:
    total = 1
    for size in dims:
        total *= size
    return total


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
        found = getattr(importlib.import_module(module), name)
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
        sizes={k: v for k, v in tie.sizes.items() if isinstance(v, int)},
        inputs={k: _text(data[k]) for k in tie.data},
        left=_text(np.array(coq, dtype=object)),
        right=_text(np.array(python, dtype=object)),
        left_name=f"Coq {tie.definition}",
        right_name=tie.python,
        note=f"numeric tie {name}",
    )


def _vector(rows: Rows) -> Rows:
    return [[row[0] for row in rows]] if rows and all(len(row) == 1 for row in rows) else rows


def _text(value: Any) -> Any:
    return str(value) if isinstance(value, (Fraction, int)) else [_text(v) for v in value]


def table(**ties: Tie) -> Mapping[str, Tie]:
    """A read-only table of ties."""
    return MappingProxyType(ties)


PROBLEM = {"X": ("N", "f"), "Y": ("N", "m"), "W0": ("m", "f")}

TIES: Mapping[str, Tie] = table(
    gated_state=Tie(
        "gated_state_exec",
        "m f a u Z N",
        "gated_state_execE",
        "gated_state",
        {"a": ("N", "m", "f"), "u": ("N", "m", "f"), "Z": ("m", "f")},
        "constructions.gated_accumulator:recurrence",
        lambda call, d: call(d.a, d.u, d.Z)[-1],
    ),
    gd_ssm_state=Tie(
        "gd_ssm_state_exec",
        "m f Y X N",
        "gd_ssm_state_execE",
        "gd_ssm_state",
        {"X": ("N", "f"), "Y": ("N", "m"), "q": ("f",)},
        "constructions.two_accumulators:states",
        lambda call, d: call(d.X, d.Y, d.q)[1][: d.m, : d.f],
    ),
    gd_ssm_output=Tie(
        "gd_ssm_output_exec",
        "m f N c W0 X Y q",
        "gd_ssm_output_execE",
        "gd_ssm_output",
        PROBLEM | {"q": ("f",), "c": ()},
        "constructions.two_accumulators:prediction",
        lambda call, d: call(d.X, d.Y, d.q, d.W0, d.c),
    ),
    loss=Tie(
        "loss_exec",
        "m f N W0 X Y",
        "loss_execE",
        "loss",
        PROBLEM,
        "constructions.gradient_descent:loss",
        lambda call, d: call(d.W0, d.X, d.Y),
        scalar=True,
    ),
    gradient=Tie(
        "gradient_exec",
        "m f N W0 X Y",
        "gradient_execE",
        "gradient",
        PROBLEM,
        "constructions.gradient_descent:gradient",
        lambda call, d: call(d.W0, d.X, d.Y),
    ),
    gd_step=Tie(
        "gd_step_exec",
        "m f N eta W0 X Y",
        "gd_step_execE",
        "gd_step",
        PROBLEM | {"eta": ()},
        "constructions.gradient_descent:step",
        lambda call, d: call(d.W0, d.X, d.Y, d.eta),
    ),
    gd=Tie(
        "gd_exec",
        "m f N eta k W0 X Y",
        "gd_execE",
        "gd",
        PROBLEM | {"eta": ()},
        "constructions.gradient_descent:descend",
        lambda call, d: call(d.W0, d.X, d.Y, d.eta, d.k),
    ),
)
