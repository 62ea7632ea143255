"""The numeric tie of the kernel rung: Coq's definitions and the project's Python functions on the same fractions.

A theorem speaks of Coq definitions. For each definition `proofs/coq` has a program on lists and a theorem that the
program computes it, for every size. A `Tie` runs that program inside Coq (binary fractions, `vm_compute`) and a Python
function on the same numbers; the results have to be the same fractions, so that a drift between the two is seen.
Main definitions: `Tie`, `TIES`, `draw`, `agreement`. Adding a tie is one entry of `TIES`.
"""

from __future__ import annotations

import importlib
import json
import math
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

    program: a Coq program; its value is a list of rows (`scalar`: a single number).
    arguments: names of sizes and data, in the program's order.
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
        dims = tuple(tie.sizes[size] for size in shape)
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


PROBLEM = {"X": ("N", "f"), "Y": ("N", "m"), "W0": ("m", "f")}
ASKED = PROBLEM | {"q": ("f",), "c": ()}
STATES: Mapping[str, int] = MappingProxyType({"N": 6})


def _columns(answer: Callable[[Any], Any], width: int) -> Any:
    """The matrix whose column j is what `answer` gives for the unit vector j."""
    return np.stack([answer(column) for column in _unit_matrix(width)], axis=1)


def _unit_matrix(size: int) -> Any:
    return np.array([[Fraction(i == j) for j in range(size)] for i in range(size)], dtype=object)


def _online(step: Callable[..., Any], d: Data) -> Any:
    W = d.W0
    for t in range(d.N):
        W = step(W, d.X[t : t + 1], d.Y[t : t + 1], d.beta[t])
    return W


def _attention(layer: Callable[..., Any], d: Data) -> Any:
    weights = importlib.import_module(layer.__module__).Weights
    return layer(d.E, weights(d.key, d.query, d.value, d.out))


def _gated(memory: Callable[..., Any], d: Data, values: Any) -> Any:
    ones = np.array([Fraction(1)] * d.N, dtype=object)
    return memory(d.X, values, np.repeat(d.g[:, None], d.f, axis=1), ones)


def _published(layer: Callable[..., Any], d: Data) -> Any:
    weights = importlib.import_module(layer.__module__).Parameters
    return layer(d.E, weights(d.w, d.decay, d.C, d.D))[-1]


def _windows(windows: Callable[..., Any], d: Data) -> Any:
    found = windows(importlib.import_module(windows.__module__).tokens(d.X, d.Y, d.q))
    return found.reshape(d.N, -1)


TIES: Mapping[str, Tie] = MappingProxyType(
    {
        "gated_state": Tie(
            "gated_state_exec",
            "m f a u Z N",
            "gated_state_execE",
            "gated_state",
            {"a": ("N", "m", "f"), "u": ("N", "m", "f"), "Z": ("m", "f")},
            "constructions.gated_accumulator:recurrence",
            lambda call, d: call(d.a, d.u, d.Z)[-1],
        ),
        "gd_ssm_state": Tie(
            "gd_ssm_state_exec",
            "m f Y X N",
            "gd_ssm_state_execE",
            "gd_ssm_state",
            {"X": ("N", "f"), "Y": ("N", "m"), "q": ("f",)},
            "constructions.two_accumulators:states",
            lambda call, d: call(d.X, d.Y, d.q)[1][: d.m, : d.f],
        ),
        "gd_ssm_output": Tie(
            "gd_ssm_output_exec",
            "m f N c W0 X Y q",
            "gd_ssm_output_execE",
            "gd_ssm_output",
            ASKED,
            "constructions.two_accumulators:prediction",
            lambda call, d: call(d.X, d.Y, d.q, d.W0, d.c),
        ),
        "published_prediction": Tie(
            # the published weights start at 0: from W0 they get the residual targets
            "gd_ssm_output_exec",
            "m f N c W0 X Y q",
            "gd_ssm_output_execE",
            "gd_ssm_output",
            ASKED,
            "constructions.gd_ssm:predictions",
            lambda call, d: call(d.X, d.Y - d.X @ d.W0.T, d.q, np.asarray(d.c, dtype=object))[-1] + d.W0 @ d.q,
        ),
        "gd_ssm_layer": Tie(
            "gd_ssm_layer_exec",
            "f w decay C D E k",
            "gd_ssm_layer_execE",
            "gd_ssm_layer",
            {"w": ("three", "three"), "decay": ("f", "f"), "C": ("f", "f"), "D": ("three",), "E": ("L", "f")},
            "constructions.gd_ssm:layer",
            _published,
            sizes=MappingProxyType({"f": 2, "k": 2, "L": 7, "three": 3}),
        ),
        "window": Tie(
            "window_exec",
            "f m N X Y q",
            "window_execE",
            "window",
            {"X": ("N", "f"), "Y": ("N", "m"), "q": ("f",)},
            "constructions.gd_ssm:windows",
            _windows,
            sizes=MappingProxyType({"f": 2, "m": 2, "N": 3}),
        ),
        "loss": Tie(
            "loss_exec",
            "m f N W0 X Y",
            "loss_execE",
            "loss",
            PROBLEM,
            "constructions.gradient_descent:loss",
            lambda call, d: call(d.W0, d.X, d.Y),
            scalar=True,
        ),
        "gradient": Tie(
            "gradient_exec",
            "m f N W0 X Y",
            "gradient_execE",
            "gradient",
            PROBLEM,
            "constructions.gradient_descent:gradient",
            lambda call, d: call(d.W0, d.X, d.Y),
        ),
        "gd_step": Tie(
            "gd_step_exec",
            "m f N eta W0 X Y",
            "gd_step_execE",
            "gd_step",
            PROBLEM | {"eta": ()},
            "constructions.gradient_descent:step",
            lambda call, d: call(d.W0, d.X, d.Y, d.eta),
        ),
        "gd": Tie(
            "gd_exec",
            "m f N eta k W0 X Y",
            "gd_execE",
            "gd",
            PROBLEM | {"eta": ()},
            "constructions.gradient_descent:descend",
            lambda call, d: call(d.W0, d.X, d.Y, d.eta, d.k),
        ),
        "closed_form": Tie(
            "closed_form_exec",
            "m f N c k W0 X Y",
            "closed_form_execE",
            "matrix_power and geometric_sum",
            PROBLEM | {"c": ()},
            "constructions.closed_form_descent:solution",
            lambda call, d: call(d.W0, d.X.T @ d.X, d.Y.T @ d.X, d.c, d.k),
        ),
        "two_pass_stack": Tie(
            "two_pass_stack_exec",
            "m f N c k W0 X Y q",
            "two_pass_stack_execE",
            "two_pass_stack",
            ASKED,
            "constructions.residual_stack:predict",
            lambda call, d: call(d.X, d.Y, d.q, d.W0, d.c, d.k),
        ),
        "causal_stack": Tie(
            "causal_stack_exec",
            "m f N c k W0 X Y q",
            "causal_stack_execE",
            "causal_stack",
            ASKED,
            "constructions.causal_stack:predict",
            lambda call, d: call(d.X, d.Y, d.q, d.W0, d.c, d.k),
        ),
        "causal_gram": Tie(
            "causal_gram_exec",
            "f N X",
            "causal_gram_execE",
            "causal_gram",
            {"X": ("N", "f")},
            "constructions.causal_stack:prefix_gram",
            lambda call, d: call(d.X).T,
        ),
        "two_accumulators": Tie(
            "two_accumulators_exec",
            "m f N c k W0 X Y",
            "two_accumulators_execE",
            "two_accumulators",
            PROBLEM | {"c": ()},
            "constructions.accumulator_steps:prediction",
            lambda call, d: -_columns(lambda q: call(d.X, d.Y, q, d.W0, d.c, d.k), d.f),
        ),
        "delta_rule": Tie(
            "delta_rule_exec",
            "m f beta X Y W0 N",
            "delta_rule_execE",
            "delta_rule",
            PROBLEM | {"beta": ("N",)},
            "constructions.delta_rule:layer",
            lambda call, d: call(d.W0, d.X, d.Y, d.beta),
        ),
        "online_gd": Tie(
            "online_gd_exec",
            "m f beta X Y W0 N",
            "online_gd_execE",
            "online_gd",
            PROBLEM | {"beta": ("N",)},
            "constructions.gradient_descent:step",
            _online,
        ),
        "lsa_layer": Tie(
            "lsa_layer_exec",
            "d N key query value out E",
            "lsa_layer_execE",
            "lsa_layer",
            {name: ("d", "d") for name in ("key", "query", "value", "out")} | {"E": ("L", "d")},
            "constructions.linear_attention:layer",
            _attention,
            sizes=MappingProxyType({"d": 3, "N": 3, "L": 4}),
        ),
        "lsa_stack": Tie(
            "lsa_answer_exec",
            "m f N c k W0 X Y q",
            "lsa_answer_execE",
            "lsa_stack",
            ASKED,
            "constructions.linear_attention:predict",
            lambda call, d: np.concatenate([d.q, -call(d.X, d.Y, d.q, d.W0, d.c, d.k)]),
            sizes=MappingProxyType({"f": 2, "m": 2, "N": 3, "k": 2}),
        ),
        "discounted_state": Tie(
            "discounted_state_exec",
            "m f g Y X N",
            "discounted_state_execE",
            "discounted_state",
            {"X": ("N", "f"), "Y": ("N", "m"), "g": ("N",)},
            "constructions.gated_linear_attention:memory",
            lambda call, d: _gated(call, d, d.Y),
        ),
        "discounted_output": Tie(
            "discounted_output_exec",
            "m f N c g W0 X Y q",
            "discounted_output_execE",
            "discounted_output",
            ASKED | {"g": ("N",)},
            "constructions.gated_linear_attention:memory",
            lambda call, d: d.W0 @ d.q + d.c * (_gated(call, d, d.Y - d.X @ d.W0.T) @ d.q),
        ),
        "weighted_loss": Tie(
            "weighted_loss_exec",
            "m f N w W0 X Y",
            "weighted_loss_execE",
            "weighted_loss",
            PROBLEM | {"w": ("N",)},
            "constructions.gradient_descent:weighted_loss",
            lambda call, d: call(d.W0, d.X, d.Y, d.w),
            scalar=True,
        ),
        "lti_output": Tie(
            "lti_output_exec",
            "n d m A B b C D e N r U",
            "lti_output_execE",
            "lti_output",
            {"A": ("n", "n"), "B": ("n", "d"), "b": ("n",), "C": ("m", "n"), "D": ("m", "d"), "e": ("m",)}
            | {"U": ("N", "d")},
            "constructions.lti:outputs",
            lambda call, d: call(d.U, d.A, d.B, d.C, d.D, d.b, d.e)[-1],
            sizes=MappingProxyType({"n": 3, "d": 2, "m": 2, "N": 4, "r": 3}),
        ),
        "newton_schulz": Tie(
            "newton_schulz_exec",
            "n c S k",
            "newton_schulz_execE",
            "newton_schulz",
            {"c": (), "S": ("n", "n")},
            "constructions.newton_schulz:weights",
            lambda call, d: call(d.S, _unit_matrix(d.n), d.c, d.k),
            sizes=MappingProxyType({"n": 3, "k": 2}),
        ),
        "legendre": Tie(
            "legendre_exec",
            "v N",
            "legendre_execE",
            "legendre",
            {"v": ()},
            "constructions.predictors:legendre",
            lambda call, d: call(d.N + 1, d.v),
            sizes=STATES,
        ),
        "legt_A": Tie(
            "legt_A_exec",
            "N theta",
            "legt_A_execE",
            "legt_A",
            {"theta": ()},
            "constructions.legt:system",
            lambda call, d: call(d.N).A.astype(object) / d.theta,
            sizes=STATES,
        ),
        "legt_B": Tie(
            "legt_B_exec",
            "N theta",
            "legt_B_execE",
            "legt_B",
            {"theta": ()},
            "constructions.legt:system",
            lambda call, d: call(d.N).B.astype(object) / d.theta,
            sizes=STATES,
        ),
        "route_i_C": Tie(
            "route_i_C_exec",
            "N theta",
            "route_i_C_execE",
            "route_i_C",
            {"theta": ()},
            "constructions.legt:system",
            lambda call, d: call(d.N, "i").C.astype(object) / d.theta,
            sizes=STATES,
        ),
        "route_i_D": Tie(
            "route_i_D_exec",
            "N theta",
            "route_i_D_execE",
            "route_i_D",
            {"theta": ()},
            "constructions.legt:system",
            lambda call, d: call(d.N, "i").D / d.theta,
            sizes=STATES,
            scalar=True,
        ),
        "route_ii_C": Tie(
            "route_ii_C_exec",
            "N theta",
            "route_ii_C_execE",
            "route_ii_C",
            {"theta": ()},
            "constructions.legt:system",
            lambda call, d: call(d.N, "ii").C.astype(object) / d.theta,
            sizes=STATES,
        ),
        "legs_A": Tie(
            "legs_A_exec",
            "N",
            "legs_A_execE",
            "legs_A",
            {},
            "constructions.legs:system",
            lambda call, d: call(d.N).A,
            sizes=STATES,
        ),
        "legs_B": Tie(
            "legs_B_exec",
            "N",
            "legs_B_execE",
            "legs_B",
            {},
            "constructions.legs:system",
            lambda call, d: call(d.N).B,
            sizes=STATES,
        ),
    }
)
"""The ties by name; the programs and their theorems are in proofs/coq/Executable*.v."""
