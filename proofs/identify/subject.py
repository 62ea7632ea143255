"""What an identification asks about: a target with its gates as numbers, its box, probes and fit data.

Main definitions: `Subject`, `Layer`, `learner_box`, `agreement`.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import combinations, product
from typing import Any

import flint
import numpy as np
import torch

from constructions.learners import Learner
from numeric.deciding.balls import BITS, ball, evaluate
from numeric.deciding.programs import Sizes
from numeric.entropy import Entropy
from numeric.probing.box import Arithmetic, Box, Undefined, as_floats, generic
from numeric.probing.exponents import negative
from numeric.probing.probes import SLOPE, Probe
from numeric.tape.refusals import Refused
from proofs.audit.preflight import SIZES, try_at
from proofs.audit.run import Named
from proofs.evidence import Settings
from proofs.fitting import fit
from proofs.fitting.fit import Data
from proofs.fitting.models import Model
from proofs.target.adapters import Adapter
from proofs.target.case import INDETERMINATE, Case, Form
from proofs.target.gates import mentioned, value
from proofs.target.loading import Target, TargetError

GATES = ("1/2", "3/4", "5/8", "3/8", "7/8", "1/4")
"""Values given to a layer's gates while its learner is unknown, in the order of its arguments."""
_NOTHING = Learner("none", "no learner", "", "", lambda X, Y, x_q, W0: W0 @ x_q, (), start=False)
"""Stands in a case for the learner that is not known yet."""


@dataclass(frozen=True)
class Layer:
    """The target with its gates: those given, and values chosen for the ones it needs."""

    named: Named
    loaded: Target
    given: Mapping[str, str]
    chosen: Mapping[str, str]
    case: Case

    @staticmethod
    def of(named: Named, loaded: Target, adapted: Adapter, gates: Mapping[str, str]) -> Layer:
        """Of a target and the gates given for it. Raises TargetError for too many that are needed."""
        given = {name: value for name, value in gates.items() if value != INDETERMINATE}
        needed = [n for n in adapted.required if n not in given and n != "W0"]
        needed += [n for n in gates if n not in given and n not in needed]
        chosen = dict(zip(needed, GATES, strict=False))
        if len(needed) > len(GATES):
            raise TargetError(
                f"{loaded.text} needs {len(needed)} gates: give values to some of {', '.join(needed)} with --gate"
            )
        return Layer(named, loaded, given, chosen, Case.of(loaded.text, adapted, _NOTHING, {**given, **chosen}))

    @property
    def text(self) -> str:
        """The target's name."""
        return self.loaded.text

    @property
    def adapter(self) -> Adapter:
        """How it is called."""
        return self.case.adapter

    def with_gates(self, other: Mapping[str, str]) -> Case:
        """The case with other values for some of the chosen gates, called as the first one is."""
        return self.case.anew({**self.given, **self.chosen, **other})

    def boxed(self, other: Mapping[str, str], f: int, m: int, like: Box | None = None) -> Box:
        """The layer at other values of some gates, as a box at f and m; gates that are tensors in a call are data of it.

        like: the box whose arithmetic it has, if there is one already.
        """
        case = self.with_gates(other)
        held = self._held(case)
        if like is None:
            return Box(case.layer, f, m, held=held)
        return Box(case.layer, f, m, like.arithmetic, held if like.held else None)

    def _held(self, case: Case) -> dict[str, Fraction]:
        """The needed gates that are numbers."""
        numbers = {name: _number(case.gates.get(name)) for name in self.adapter.required}
        return {name: number for name, number in numbers.items() if number is not None}

    def logarithms(self, f: int, m: int) -> frozenset[str]:
        """The chosen gates with which what the target takes the exponential of grows, as its recording shows it."""
        case = self.with_gates({})
        held = self._held(case)
        point = {"X": generic((3, f), 0), "Y": generic((3, m), 1), "x_q": generic((f,), 2), **held}
        tensors = {name: torch.tensor(as_floats(value)) for name, value in point.items()}
        try:
            return negative(case.layer, tensors, [gate for gate in self.chosen if gate in held])
        except Exception:  # anybody's code, which takes the gates for something else than tensors
            return frozenset()

    def turned(self, gates: Collection[str]) -> Layer:
        """The layer with the other sign of some chosen gates."""
        chosen = {gate: str(-Fraction(text)) if gate in gates else text for gate, text in self.chosen.items()}
        case = replace(self.case.anew({**self.given, **chosen}), notes=dict(self.case.notes))
        return replace(self, chosen=chosen, case=case)

    def running(self) -> Layer:
        """Where the target raises at positive gates, the layer with one of them negative at which it runs; else itself."""
        for gate in self.chosen:
            other = self.turned({gate})
            if _runs(self, {**self.given, **other.chosen}):
                return other
        return self


def _number(text: str | None) -> Fraction | None:
    """The number that a gate is; None for an expression."""
    if text is None or text == INDETERMINATE or mentioned(text):
        return None
    found = value(text, {}).held
    return found if isinstance(found, Fraction) else None


def is_number(text: str) -> bool:
    """Whether a gate's text is a number."""
    return _number(text) is not None


@dataclass(frozen=True)
class Subject:
    """A layer under identification, and all that was asked of it once."""

    layer: Layer
    adapter: Named | None
    settings: Settings
    at: Sizes
    box: Box
    data: Data
    probes: tuple[Probe, ...]
    fixed: tuple[str, ...] = ()

    @property
    def slope(self) -> float:
        """The response to one token, where fits of step sizes begin."""
        found = next((p.figures.get(SLOPE) for p in self.probes if p.id == "P11"), None)
        return found if isinstance(found, float) else 0.0


def remedy(layer: Layer, gates: Mapping[str, str]) -> str:
    """What to add to the command where the target does not run: gates found by trying, or an adapter.

    Optional arguments that are None by default may be needed after all, and a required one may be a vector for each
    token, as the inputs are.
    """
    adapter, open = layer.adapter, [n for n in layer.adapter.required if n not in gates and n != "W0"]
    signature = inspect.signature(layer.loaded.call).parameters
    absent = [n for n in adapter.named if n in signature and signature[n].default is None and n not in gates]
    for count in range(len(absent) + 1):
        for chosen, vector in product(combinations(absent, count), (None, *open)):
            added = dict.fromkeys(chosen, INDETERMINATE) | ({vector: "X"} if vector else {})
            if added and _runs(layer, {**gates, **added}):
                return "; it runs with " + " ".join(f"--gate {name}={value}" for name, value in added.items())
    if not open:
        return ""
    return (
        f"; {', '.join(open)} got one number a token: for anything else write an adapter of a few lines (proofs/bench/foreign.py "
        f"has some), adapter(layer, X, Y, x_q, {', '.join(open)}) -> (m,), and give --adapter file.py:adapter"
    )


def _runs(layer: Layer, gates: dict[str, str]) -> bool:
    """Whether the target returns a prediction with these gates, in any form of its arguments."""
    try:
        case = Layer.of(layer.named, layer.loaded, layer.adapter, gates).case
    except TargetError:
        return False
    for lift, form in product((False, True), Form):
        try:
            try_at(replace(case, needs_lift=lift, form=form), SIZES[0], Entropy(0))
        except Exception:  # the target is anybody's code
            continue
        return True
    return False


def fresh(N: int, f: int, m: int, draw: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A point that no fit saw."""
    salt = 50_000 + 100 * N + 10 * draw
    return generic((N, f), salt + 1), generic((N, m), salt + 2), generic((f,), salt + 3)


def learner_box(model: Model, numbers: Sequence[Any], like: Box) -> Box:
    """The model with these numbers as a box in the arithmetic of `like`."""
    if like.arithmetic is Arithmetic.FLOAT:
        theta = torch.tensor(as_floats(fit.column(numbers)))

        def plain(X: Any, Y: Any, x_q: Any) -> Any:
            return model(X, Y, x_q, theta)

        return Box(plain, like.f, like.m, Arithmetic.FLOAT)
    exact = [Fraction(v) if isinstance(v, float) else v for v in numbers]
    if rational(exact):
        trial = Box(model.at(exact), like.f, like.m)
        if trial.arithmetic is not Arithmetic.FLOAT:
            return trial
    return _Balls(model, exact, like.f, like.m)


def _known(value: Any) -> Any:
    """A number that no fraction is, with the radius to which fits know it: 60 digits."""
    with flint.ctx.workprec(BITS):
        return flint.arb(value.mid(), abs(float(value.mid())) * 2.0**-200)


class _Balls(Box):
    """A model whose numbers are balls."""

    def __init__(self, model: Model, numbers: Sequence[Any], f: int, m: int) -> None:
        def program(X: Any, Y: Any, x_q: Any) -> Any:
            raise NotImplementedError

        super().__init__(program, f, m, Arithmetic.BALLS)
        self.model, self.numbers = model, fit.column([v if isinstance(v, Fraction) else _known(v) for v in numbers])

    def _value(self, point: dict[str, np.ndarray]) -> np.ndarray:
        try:
            return evaluate(self.model, {**point, "theta": self.numbers})[0]
        except (Refused, ZeroDivisionError) as error:
            raise Undefined(str(error)) from None


def agreement(a: np.ndarray, b: np.ndarray) -> tuple[float, float]:
    """Bits to which two values agree, infinite for equal fractions; and, if they provably differ, the relative gap."""
    bits, gap = math.inf, 0.0
    with flint.ctx.workprec(BITS):
        left, right = [ball(v) for v in a], [ball(v) for v in b]
        scale = max((abs(float(v.mid())) for v in (*left, *right)), default=0.0) or 1.0
        for x, y, p, q in zip(left, right, a, b, strict=True):
            if isinstance(p, Fraction) and isinstance(q, Fraction):
                if p != q:
                    gap = max(gap, float(abs(p - q)) / scale)
            elif not x.overlaps(y):
                gap = max(gap, float(abs(x - y).upper()) / scale)
            else:
                wide = float((x - y).rad()) / scale + float(abs((x - y).mid())) / scale
                bits = min(bits, -math.log2(wide) if wide > 0 else math.inf)
    return bits, gap


def digits(bits: float) -> int | str:
    """Decimal digits, for a figure."""
    return "all" if bits == math.inf else int(bits * math.log10(2))


def rational(numbers: Sequence[Any]) -> bool:
    """Whether all are fractions."""
    return all(isinstance(v, Fraction) for v in numbers)
