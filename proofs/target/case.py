"""A target and a learner as two programs of the same inputs: which parameter is which, at which sizes.

Learner parameters are variables. A target's argument is an expression in them (`--gate beta=eta`), the parameter of its
own name, a number, or `free`. A parameter that nothing in the target stands for is inferred (`proofs.audit.inference`).
Main definition: `Case`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from enum import Enum, auto
from fractions import Fraction
from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from constructions.learners import Domain, Each, Learner
from numeric.deciding.lifting import Lifted
from numeric.deciding.programs import Program, Shapes, Sizes, concrete
from numeric.finding import Said, Told
from proofs.target.adapters import Adapter, Gate
from proofs.target.calling import called, copied, prediction
from proofs.target.deadline import limited
from proofs.target.gates import Axes, Value, laid_out, mentioned, outside, value
from proofs.target.inferred import Inferred, key
from proofs.target.loading import TargetError
from proofs.target.notes import Quirk, ReadAsOneAxis
from proofs.target.source.lines import Lines

INDETERMINATE = "free"
"""The gate value that stands for every number."""
NAMES = ("layer", "learner")
"""The two sides, as findings call them."""
LAYERS = (NAMES[0], "other layer")
"""The same of two layers."""
READOUT = "readout"
"""The name of the factor between the learner's prediction and the target's."""
_HALVINGS = 5
"""Draws that are tried until a target has finite answers."""
_AXES: Mapping[Each, tuple[Axes, ...]] = {
    Each.CONTEXT: ((),),
    Each.TOKEN: (("N",), ()),
    Each.CHANNEL: (("f",), ()),
    Each.TOKEN_CHANNEL: (("N", "f"), ("N",), ("f",), ()),
}


class Form(Enum):
    """How one number for an optional argument is given: as a Python number, a 0-d tensor, or an array of it (N,)."""

    NUMBERS = auto()
    TENSORS = auto()
    ARRAYS = auto()


class AnyMatrix(Said, Enum):
    """A matrix of which nothing is assumed."""

    START = auto()
    CHANNELS = auto()


@dataclass(frozen=True)
class AnyNumber(Said):
    """A number of which nothing is assumed, one for each of these axes. bound: the gate's expression in it, where it has one
    of its own name. domain: where it was drawn, where no more than that is known."""

    axes: Axes
    name: str = ""
    bound: Told = ""
    domain: Domain = Domain.REAL


@dataclass(frozen=True)
class RoundedGate(Said):
    """A gate's number as float64 rounds it."""

    text: str


@dataclass(frozen=True, eq=False)
class Case:
    """The two programs `layer` and `learner`, of X, Y, x_q, perhaps W0, and the variables.

    axes: what one value of each variable is for. needs_lift, lifted: whether casts to float32 inside the target become
    casts to float64, in plain calls or always. grad: whether it is called with gradients on, without which it raises.
    default: the dtype of tensors that the target makes without naming one, if it is not that of its inputs. given_as: what
    gates are in the answer, where not their text.
    inferred, lines, notes: what calls of it leave behind, the same for all cases that `replace` makes of it.
    other: the layer that stands in the learner's place, where two are compared. turned: whether it holds its state with the
    axes in the other order than that one does. counted: the lines with which those of the other layer count as compared.
    """

    text: str
    adapter: Adapter
    chosen: Learner
    gates: Mapping[str, str]
    inferred: Inferred
    lines: Lines
    notes: dict[Told, None] = field(default_factory=dict)
    axes: Mapping[str, Axes] = field(default_factory=dict)
    form: Form = Form.NUMBERS
    needs_lift: bool = False
    lifted: bool = False
    grad: bool = False
    default: torch.dtype | None = None
    given_as: Mapping[str, Said] = field(default_factory=dict)
    other: Case | None = None
    turned: bool = False
    counted: Lines | None = None

    @staticmethod
    def of(text: str, adapter: Adapter, chosen: Learner, gates: Mapping[str, str]) -> Case:
        """The case of a target and a learner, its variables as wide as they may be. Raises TargetError for wrong gates."""
        case = Case(text, adapter, chosen, dict(gates), Inferred(), Lines(adapter.homes))
        case._check()
        linked = set(adapter.named) | {n for v in gates.values() if v != INDETERMINATE for n in mentioned(v)}
        alone = tuple(p for p in chosen.parameters if p.name not in linked and p.name not in gates)
        case = replace(case, inferred=Inferred(alone))
        return replace(case, axes={name: options[0] for name, options in case.options.items()})

    def anew(self, gates: Mapping[str, str] | None = None, adapter: Adapter | None = None) -> Case:
        """A case with other gates, or another adapter, called as this one is. What calls leave behind is its own."""
        other = Case.of(self.text, adapter or self.adapter, self.chosen, self.gates if gates is None else gates)
        return replace(self._likewise(other), other=self.other, turned=self.turned)

    def _likewise(self, case: Case) -> Case:
        return replace(case, axes=self.axes, form=self.form, needs_lift=self.needs_lift, grad=self.grad)

    @cached_property
    def twin(self) -> Case | None:
        """The other layer, called as this one is. Its lines are followed where this one's count as compared."""
        if self.other is None:
            return None
        alone = replace(self, other=None, lines=Lines(()))
        lines = self.other.lines if self.lines is self.counted else alone.lines
        return replace(self._likewise(self.other), lifted=self.lifted, lines=lines, notes={}, other=alone)

    @property
    def sides(self) -> tuple[str, str]:
        """What findings call the two programs."""
        return NAMES if self.other is None else LAYERS

    @property
    def reads_last(self) -> bool:
        """Whether whole calls are compared at their last position only."""
        wholes = (case.adapter.whole for case in (self, self.other) if case is not None)
        return any(whole is not None and whole.last for whole in wholes)

    @property
    def starts(self) -> bool:
        """Whether W0 is an input."""
        return "W0" in self.adapter.named and self.chosen.start and "W0" not in self.gates

    @property
    def positive(self) -> tuple[str, ...]:
        """The parameters that have to be positive."""
        domains = (Domain.POSITIVE, Domain.NONNEGATIVE, Domain.UNIT)
        return tuple(p.name for p in self.chosen.parameters if p.domain in domains)

    @cached_property
    def options(self) -> Mapping[str, tuple[Axes, ...]]:
        """What one value of each variable may be for, widest first."""
        found: dict[str, tuple[Axes, ...]] = {}
        for parameter in self.chosen.parameters:
            bound = parameter.name in self.gates and not self._open(parameter.name)
            if not bound and parameter not in self.inferred.parameters and parameter.each is not Each.MATRIX:
                found[parameter.name] = self._axes(parameter.name, _AXES[parameter.each])
        for gate in (g for g, v in self.gates.items() if v == INDETERMINATE):
            options: tuple[Axes, ...] = (("N",), ("N", "f"), ()) if gate not in self.adapter.single else ((),)
            if gate in mentioned(self.gates.get(READOUT, "")):
                options = ((),)
            for fed in (p for p in self.chosen.parameters if gate in mentioned(self.gates.get(p.name, ""))):
                options = tuple(o for o in options if o in _AXES.get(fed.each, ((),)))
            found.setdefault(gate, options)
        return found

    def _check(self) -> None:
        adapter, names = self.adapter, self.chosen.names
        known = (*adapter.named, *(n for n in names if n not in adapter.named), READOUT)
        for gate, text in self.gates.items():
            if gate not in known:
                raise TargetError(
                    f"gate {gate!r}: {self.text} takes {', '.join(adapter.named) or 'no named arguments'} besides the "
                    f"data, and {self.chosen.id} has {', '.join(names) or 'no parameters'}"
                )
            known_names = ("N", "f", "m", "X", *names)
            if text != INDETERMINATE and mentioned(text) - {*known_names, *adapter.named}:
                value(text, dict.fromkeys(known_names, Value(Fraction(1))))  # says which names there are
            self.in_domain(gate, text, {})
            if text == INDETERMINATE and gate == READOUT:
                raise TargetError(f"gate {READOUT}: expected a number or an expression, such as {READOUT}=f**-0.5")
        stands = {*self.gates, "W0", *names}
        missing = [n for n in adapter.required if n not in stands]
        if missing:
            example = next((n for n in names if n not in adapter.named), "1")
            raise TargetError(
                f"{self.text} needs {', '.join(missing)}: give --gate {missing[0]}={example} (or log({example}), "
                f"{example}/N and the like), a number, or --gate {missing[0]}={INDETERMINATE} for every value"
            )

    def in_domain(self, gate: str, text: str, sizes: Sizes) -> None:
        """Refuse what the learner's parameter can't be at these sizes, such as a step of 0, at which all learners agree."""
        parameter = next((p for p in self.chosen.parameters if p.name == gate), None)
        if (
            text == INDETERMINATE
            or (parameter is None and gate != READOUT)
            or mentioned(text) & {"N", "f", "m"} - {*sizes}
        ):
            return
        found = outside(text, parameter.domain if parameter is not None else None, sizes)
        if found is not None:
            at = ", ".join(f"{name}={size}" for name, size in sizes.items() if name in mentioned(text))
            what = (
                f"{gate} of {self.chosen.id} has to be {parameter.domain}"
                if parameter
                else "a readout of 0 reads nothing"
            )
            said = f"gate {gate}={text}" + (f" is {found}{' at ' + at if at else ''}" if mentioned(text) else "")
            raise TargetError(f"{said}: {what}")

    def _open(self, name: str) -> bool:
        """Whether a parameter of this name stays a variable although a gate of that name is given."""
        text = self.gates.get(name, name)
        return text == INDETERMINATE or (name in self.adapter.named and name in mentioned(text))

    def _axes(self, name: str, options: tuple[Axes, ...]) -> tuple[Axes, ...]:
        """What one value of the variable may be for, widest first; arguments that are one number narrow it."""
        feeds = [g for g in self.adapter.named if name in mentioned(self.gates.get(g, g))]
        return ((),) if feeds and all(g in self.adapter.single for g in feeds) else options

    # --- inputs --------------------------------------------------------------------------------------------------

    @property
    def shapes(self) -> Shapes:
        """The indeterminates of both programs."""
        shapes: dict[str, tuple[str | int, ...]] = {"X": ("N", "f"), "Y": ("N", "m"), "x_q": ("f",)}
        if self.starts:
            shapes["W0"] = ("m", "f")
        for parameter in self.chosen.parameters:
            if parameter.each is Each.MATRIX and parameter.name in self.adapter.named:
                shapes[parameter.name] = ("f", "f")
        return shapes | {name: tuple(axes) for name, axes in self.axes.items()}

    def draw(self, sizes: Sizes, generator: torch.Generator, shapes: Shapes | None = None) -> dict[str, Tensor]:
        """Gaussian float64 inputs; variables that have to be positive between 0 and 1. shapes: if not one sequence's."""
        draws = {}
        for name, shape in concrete(self.shapes if shapes is None else shapes, sizes).items():
            make = torch.rand if name in self.positive else torch.randn
            draws[name] = make(shape, generator=generator, dtype=torch.float64)
        return draws

    def gentler(
        self, sizes: Sizes, generator: torch.Generator, shapes: Shapes | None = None
    ) -> Iterator[dict[str, Tensor]]:
        """A draw, then with its variables halved again and again: log(1 - a b) has no value at every a and b."""
        draws = self.draw(sizes, generator, shapes)
        for k in range(_HALVINGS):
            yield {name: t * 0.5**k if name in self.axes else t for name, t in draws.items()}

    def names(self, X: Tensor, Y: Tensor, inputs: Mapping[str, Any], N: Any = None) -> dict[str, Value]:
        """What expressions may name: sizes, and the learner's parameters. N: a tensor that stands for the size."""
        found: dict[str, Value] = {
            "N": Value(Fraction(X.shape[0])) if N is None else Value(N),
            "f": Value(Fraction(X.shape[1])),
            "m": Value(Fraction(Y.shape[1])),
            "X": Value(X, ("N", "f")),
        }
        for name, axes in self.axes.items():
            found[name] = laid_out(inputs[name], axes)
        found |= self.inferred.values(X, Y, N)
        for parameter in self.chosen.parameters:
            if parameter.name not in found and parameter.name in self.gates:
                found[parameter.name] = value(self.gates[parameter.name], found)
        return found

    # --- programs ------------------------------------------------------------------------------------------------

    def arguments(self, X: Any, Y: Any, inputs: Mapping[str, Any], N: Any = None) -> dict[str, Any]:
        """The target's named arguments: `Gate`s, or Python numbers for optional ones."""
        names = self.names(X, Y, inputs, N)
        given: dict[str, Any] = {}
        for gate in self.adapter.named:
            if gate == "W0" and gate not in self.gates:
                if self.starts:
                    given[gate] = inputs[gate]
                elif gate in self.adapter.required:
                    given[gate] = X.new_zeros(Y.shape[1], X.shape[1])
                continue
            text = self.gates.get(gate)
            if text is not None and text != INDETERMINATE:
                held = value(text, names) if gate not in inputs or gate in self.shapes else Value(inputs[gate])
            elif gate in names and gate not in ("N", "f", "m", "X"):
                held = names[gate]
            elif gate in inputs:  # a matrix of channels stands in no expression
                given[gate] = Gate(inputs[gate], ("f", "f"))
                continue
            else:
                continue
            if isinstance(held.held, Fraction) and gate not in self.adapter.required and self.form is Form.NUMBERS:
                given[gate] = int(held.held) if held.held.denominator == 1 else float(held.held)
                continue
            tensor = held.tensor(X)
            if self.form is Form.ARRAYS and not held.axes and gate not in self.adapter.single:
                given[gate] = Gate(tensor.expand(X.shape[0]), ("N",))
            else:
                given[gate] = Gate(tensor, held.axes)
        return given

    def layer(self, X: Any, Y: Any, x_q: Any, **inputs: Any) -> Any:
        """The target's prediction (m,)."""
        return self.through(self.adapter, X, Y, x_q, **inputs)

    def through(self, adapter: Adapter, X: Any, Y: Any, x_q: Any, **inputs: Any) -> Any:
        """The prediction of the target as this adapter calls it."""
        with self.running(X), self.copies({"X": X, "Y": Y, "x_q": x_q, **inputs}) as given:
            X, Y, x_q = (given.pop(name) for name in ("X", "Y", "x_q"))
            out = adapter.call(X, Y, x_q, **self.arguments(X, Y, given))
        if type(X) is Tensor and isinstance(out, Tensor) and out.ndim != 1 and out.numel() == Y.shape[1]:
            self.note(ReadAsOneAxis(out.ndim))
        found = prediction(out, Y.shape[1])
        return found.detach() if self.grad and not torch.is_grad_enabled() else found

    @contextmanager
    def copies(self, inputs: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
        """Copies of the inputs for one call of the target; that it writes to them is noted. A parameter that reaches it in
        expressions alone, as decay in log(decay), is none of its arguments."""
        within = {n for n in self.chosen.names if n not in self.adapter.named}
        given = dict(inputs) | copied({n: value for n, value in inputs.items() if n not in within})
        tensors = [t for t in given.values() if isinstance(t, Tensor) and not t.is_inference()]
        yield dict(given)
        if any(t._version for t in tensors):
            self.note(Quirk.WRITES)

    @contextmanager
    def running(self, like: Any) -> Iterator[None]:
        """How the target is run on tensors like this one: see `called`; bare runs leave their lines in `lines`."""
        bare = type(like) is Tensor
        lift = (self.lifted or (self.needs_lift and bare)) and like.dtype == torch.float64
        with (
            called(self.default or like.dtype),
            limited(self.text, lambda: _at(like)),
            torch.enable_grad() if self.grad else nullcontext(),
            Lifted() if lift else nullcontext(),
            self.lines.followed() if bare else nullcontext(),
        ):
            yield

    def parameters(
        self, X: Any, Y: Any, inputs: Mapping[str, Any], N: Any = None, given: Mapping[str, Any] | None = None
    ) -> dict[str, Any]:
        """The learner's parameters as tensors; `given`: those that are known already."""
        names = self.names(X, Y, inputs, N)
        given = dict(given or {})
        for parameter in self.chosen.parameters:
            name = parameter.name
            if name in given:
                continue
            if name in inputs and parameter.each is Each.MATRIX:
                given[name] = inputs[name]
                continue
            if name not in names:
                raise ValueError(f"no value of {name} was inferred at N={X.shape[0]}")
            held = names[name]
            if held.axes not in _AXES.get(parameter.each, (("f", "f"),)):
                raise TargetError(
                    f"{name} of {self.chosen.id} is one number for each {parameter.each}, and the gates make it one for "
                    f"each {' and '.join({'N': 'token', 'f': 'channel'}[a] for a in held.axes)}; bind other gates"
                )
            array = held.tensor(X)
            if parameter.each is Each.TOKEN_CHANNEL and held.axes:
                wide = array[:, None] if held.axes == ("N",) else array
                array = wide.expand(X.shape[0], X.shape[1])
            given[name] = array
        return given

    def factor(self, X: Any, Y: Any, inputs: Mapping[str, Any], N: Any = None) -> Any:
        """The readout factor, a 0-d tensor; None if it is 1."""
        if READOUT not in self.gates or READOUT in self.adapter.named:
            return None
        return value(self.gates[READOUT], self.names(X, Y, inputs, N)).tensor(X)

    def learner(self, X: Any, Y: Any, x_q: Any, **inputs: Any) -> Any:
        """The learner's prediction (m,), times the readout factor if one is given; the other layer's, where it is one."""
        if self.twin is not None:
            return self.twin.layer(X, Y, x_q, **inputs)
        W0 = inputs["W0"] if self.starts else X.new_zeros(Y.shape[1], X.shape[1])
        out = self.chosen.call(X, Y, x_q, W0, **self.parameters(X, Y, inputs))
        factor = self.factor(X, Y, inputs)
        return out if factor is None else factor * out

    def given(self, name: str) -> bool:
        """Whether a parameter of the learner is a number by a gate, and no argument of the target."""
        text = self.gates.get(name)
        return text is not None and name not in self.adapter.named and not mentioned(text)

    def rounded(self) -> Case | None:
        """This case with numbers of gates as float64 rounds them, as a code's constants are; None if all are short."""
        gates = {}
        for name, text in self.gates.items():
            if text != INDETERMINATE and not mentioned(text):
                exact = value(text, {}).held
                near = Fraction(float(exact))
                if near != exact:
                    gates[name] = str(near)
        if not gates:
            return None
        given = {name: RoundedGate(self.gates[name]) for name in gates}
        return replace(self.anew({**self.gates, **gates}), notes=dict(self.notes), given_as=given)

    def alone(self) -> Case | None:
        """This case with one number for the context where it has one for each token; None where it has none, or where the
        target always gets arrays."""
        if self.adapter.whole is not None or not any("N" in axes for axes in self.axes.values()):
            return None
        return replace(self.anew(), axes=dict.fromkeys(self.axes, ()))

    def smaller(self, program: Program) -> Program:
        """The program, with the parameter inferred at whatever sizes a counterexample is searched at."""

        def run(**inputs: Any) -> Any:
            if self.inferred.names and key(inputs["X"], inputs["Y"]) not in self.inferred.known:
                raise ValueError("no parameter was inferred at these sizes")
            return program(**inputs)

        return run

    # --- what is said of it --------------------------------------------------------------------------------------

    def note(self, *notes: Told) -> None:
        """Say each of these once in the answer."""
        self.notes.update(dict.fromkeys(notes))

    def described(self, sizes: Sizes, others: Sequence[Sizes] = (), drawn: bool = False) -> dict[str, Told]:
        """What gates and parameters are, at these sizes and, where other, at the others. drawn: as numbers drawn show it,
        which parameters have in their domains alone."""
        domains = {p.name: p.domain for p in self.chosen.parameters if drawn}
        out: dict[str, Told] = {g: self.given_as.get(g, v) for g, v in self.gates.items() if v != INDETERMINATE}
        out |= self.inferred.described(sizes, others)
        for name, axes in self.axes.items():
            domain = domains.get(name, Domain.REAL)
            own = (name, out[name]) if name in out else ("", "")
            out[name] = AnyNumber(axes, *own, domain)
        for parameter in self.chosen.parameters:
            if parameter.name in self.shapes and parameter.each is Each.MATRIX:
                out[parameter.name] = AnyMatrix.CHANNELS
        out["W0"] = AnyMatrix.START if self.starts else "0"
        return out


def _at(like: Any) -> str:
    """Where a target was called: the shape of its inputs, and how large their entries are."""
    shape = " x ".join(map(str, like.shape))
    if type(like) is not Tensor or not like.numel():
        return f"with inputs of {shape} numbers"
    return f"with inputs of {shape} numbers up to {float(like.abs().max()):.3g}"
