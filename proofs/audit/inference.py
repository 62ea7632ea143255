"""Parameters of the learner that nothing in the target stands for: inferred from the target's answers.

One number that the learner's answer to a single token is affine in (a step size) comes from that token, exactly. Others
are fitted (`proofs.fitting.fit`) where the target has no indeterminates of its own. What is inferred only makes the claim that
the rungs then test.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from fractions import Fraction
from functools import partial
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from constructions.learners import Domain, Each, Parameter
from numeric.deciding.programs import Sizes, WrongResult, concrete, fractions, rational
from numeric.tape.refusals import Refused
from proofs.target.gates import Value
from proofs.target.loading import TargetError

if TYPE_CHECKING:
    from proofs.audit.case import Case
    from proofs.fitting.fit import Data, Solution

Numbers = tuple[Fraction, ...]
_POWERS = {0: "", 1: " N", -1: "/N"}
Key = tuple[tuple[str, int], ...]


def key(X: Any, Y: Any) -> Key:
    """The sizes of a context."""
    return (("N", X.shape[0]), ("f", X.shape[1]), ("m", Y.shape[1]))


class Inference:
    """The values of some parameters by sizes: one number each, or one a channel or pair of channels."""

    def __init__(self, case: Case, parameters: tuple[Parameter, ...]) -> None:
        self.case, self.parameters = case, parameters
        self.known: dict[Key, dict[str, Numbers]] = {}
        self.how = "from one token"
        self.note = ""
        self._borrowed: set[Key] = set()
        self._fits: dict[tuple[int, int], Callable[[int], Sequence[Any]] | None] = {}

    @property
    def names(self) -> tuple[str, ...]:
        """What is inferred."""
        return tuple(p.name for p in self.parameters)

    def values(self, X: Tensor, Y: Tensor, N: Any = None) -> dict[str, Value]:
        """The values at the sizes of a context; N: a tensor that stands for its length."""
        if N is None:
            return {name: _value(numbers, X) for name, numbers in self.known.get(key(X, Y), {}).items()}
        found = {}
        for name in self.names:
            by_length = self._lengths(name, X.shape[1], Y.shape[1])
            power = _power(by_length)
            if power is not None and all(len(v) == 1 for v in by_length.values()):
                at, (number,) = next(iter(by_length.items()))
                share = number / Fraction(at) ** power
                found[name] = Value(N * share.numerator / share.denominator if power else share)
        return found

    def _lengths(self, name: str, f: int, m: int) -> dict[int, Numbers]:
        return {dict(k)["N"]: v[name] for k, v in self.known.items() if (dict(k)["f"], dict(k)["m"]) == (f, m)}

    def find(self, sizes: Sizes) -> None:
        """Infer at these sizes. Raises TargetError where it can't be done: then the numbers have to be given."""
        here = tuple((k, sizes[k]) for k in ("N", "f", "m"))
        if not self.parameters or here in self.known:
            return
        channels = any(p.each is Each.CHANNEL for p in self.parameters)  # of which one token sees one
        try:
            found = self._fitted(sizes) if channels else None
            found = found or self._affine(here, sizes) or self._fitted(sizes)
        finally:
            self.known.pop(here, None)
        if found is None:
            case, names = self.case, ", ".join(self.names)
            raise TargetError(
                f"{case.text} has no argument for {names} of {case.chosen.id}, and no value was found: give --gate "
                f"{self.names[0]}=..., or bind one of its arguments ({', '.join(case.adapter.named) or 'it has none'}) "
                "to it"
            )
        self.known[here] = {p.name: tuple(self._admissible(p, v) for v in found[p.name]) for p in self.parameters}

    def at_length(self, sizes: Sizes, law: bool = False) -> None:
        """Infer at these sizes, or, where the target does not run there, from other lengths: as a power of N.

        law: other lengths come first, if there are some. What is inferred is only a claim, to be tested. Raises
        TargetError where neither is possible.
        """
        key = tuple((k, sizes[k]) for k in ("N", "f", "m"))
        if key in self.known or not self.parameters:
            return
        several = all(len(self._lengths(name, sizes["f"], sizes["m"])) > 1 for name in self.names)
        found = self._by_law(sizes) if law and several else None  # one length alone tells no law
        if found is None:
            try:
                self.find(sizes)
            except Exception:  # whatever a target raises at a length that it does not take
                found = self._by_law(sizes)
                if found is None:
                    raise
        if found is not None:
            self.known[key] = found

    def _by_law(self, sizes: Sizes) -> dict[str, Numbers] | None:
        """The numbers at other lengths as constants times one power of N; None where they are not."""
        found = {}
        for name in self.names:
            by_length = self._lengths(name, sizes["f"], sizes["m"])
            power = _power(by_length)
            if power is None:
                return None
            at, numbers = next(iter(by_length.items()))
            found[name] = tuple(v * Fraction(sizes["N"], at) ** power for v in numbers)
        return found

    def borrow(self, sizes: Sizes, other: Sizes) -> None:
        """Take numbers found by a fit at other f and m for these, where another fit would cost seconds.

        Raises ValueError where they can't be those of another f.
        """
        here = tuple((k, sizes[k]) for k in ("N", "f", "m"))
        there = {**other, "N": sizes["N"]}
        if not self._fits or here in self.known:
            return
        self.find(there)
        values = self.known[tuple((k, there[k]) for k in ("N", "f", "m"))]
        if sizes["f"] != other["f"] and any(len(numbers) > 1 for numbers in values.values()):
            raise ValueError("one number for each channel says nothing about other channels")
        self.known[here] = dict(values)
        self._borrowed.add(here)

    def refitted(self, sizes: Sizes) -> bool:
        """Whether numbers that were borrowed for these sizes are now replaced by those of a fit there."""
        here = tuple((k, sizes[k]) for k in ("N", "f", "m"))
        if here not in self._borrowed:
            return False
        self._borrowed.discard(here)
        at = (sizes["f"], sizes["m"])
        self._fits[at] = self._fit(*at)
        found = self._fitted(sizes)
        if found is None:
            return False
        self.known = {k: v for k, v in self.known.items() if k != here} | {here: found}
        return True

    def _admissible(self, parameter: Parameter, number: Fraction) -> Fraction:
        """The number, or one that the parameter may be, with a note: no step size is 0 or negative, no decay above 1."""
        if parameter.domain is Domain.POSITIVE and number <= 0:
            other = -number or Fraction(1)
        elif parameter.domain is Domain.UNIT and not 0 <= number <= 1:
            other = Fraction(1, 2)
        else:
            return number
        self.note = (
            f"the answers ask for {parameter.name} = {_shown((number,))}, which is not {parameter.domain}: it was tested "
            f"with {_shown((other,))}"
        )
        return other

    def _affine(self, here: Key, sizes: Sizes) -> dict[str, Numbers] | None:
        """From the token e_1 -> e_1, asked at e_1, among zero tokens."""
        if len(self.parameters) != 1 or self.parameters[0].each is Each.MATRIX:
            return None
        case, name = self.case, self.names[0]
        point = {n: fractions([0] * math.prod(s), s) for n, s in concrete(case.shapes, sizes).items()}
        for entry, index in (("X", (0, 0)), ("Y", (0, 0)), ("x_q", (0,))):
            point[entry][index] = Fraction(1)
        for variable in case.axes:
            point[variable] = fractions([1] * point[variable].size, point[variable].shape)
        answers = []
        for trial in (0, 1, 2):
            self.known[here] = {name: (Fraction(trial),)}
            try:
                answers.append(_answer(case.learner, point))
            except WrongResult:
                raise
            except Exception:  # the learner has no value there, such as 0/0 for a ridge of 0
                return None
        slope = answers[1] - answers[0]
        if slope == 0 or answers[2] - answers[1] != slope:
            return None
        return {name: ((_answer(case.layer, point) - answers[0]) / slope,)}

    def _fitted(self, sizes: Sizes) -> dict[str, Numbers] | None:
        case, at = self.case, (sizes["f"], sizes["m"])
        if case.axes or case.starts or (self._fits and at not in self._fits):
            return None  # a fit takes seconds: counterexamples keep to the f and m of the first one
        if at not in self._fits:
            self._fits[at] = self._fit(*at)
        found = self._fits[at]
        if found is None:
            return None
        self.how = "by a fit"
        numbers = [_fraction(v) for v in found(sizes["N"])]
        if len(numbers) == len(self.parameters):
            return {name: (number,) for name, number in zip(self.names, numbers, strict=True)}
        return {self.names[0]: tuple(numbers)} if len(self.parameters) == 1 else None

    def _fit(self, f: int, m: int) -> Callable[[int], Sequence[Any]] | None:
        """The numbers by context length, or those that come nearest, with a note that says so."""
        from numeric.probing.box import Box
        from proofs.fitting.fit import Data, Miss, Solution, fit, least_squares
        from proofs.fitting.models import Model, Slot

        case = self.case

        def call(X: Any, Y: Any, x_q: Any, W0: Any, **theta: Any) -> Any:
            values = case.parameters(X, Y, {}, given=theta)
            out = case.chosen.call(X, Y, x_q, W0, **values)
            factor = case.factor(X, Y, {})
            return out if factor is None else factor * out

        learner = replace(case.chosen, call=call, parameters=self.parameters)
        shapes: dict[Each, list[tuple[int, ...]]] = {Each.CHANNEL: [(), (f,)], Each.MATRIX: [(f, f)]}
        data = Data(Box(case.layer, f, m))
        nearest: Miss | None = None
        for chosen in product(*(shapes.get(p.each, [()]) for p in self.parameters)):
            slots = tuple(Slot(p, shape) for p, shape in zip(self.parameters, chosen, strict=True))
            try:
                found = fit(Model(learner, slots), data, 0.5)
            except Exception:  # the target has no value at the points of a fit
                return None
            if isinstance(found, Solution):
                return partial(_numbers, found, data)
            if found.theta and (nearest is None or found.residual < nearest.residual):
                nearest = found
        if nearest is None:
            return None
        self.note = (
            f"no {', '.join(self.names)} was found that fits; the nearest leaves {nearest.residual:.1e} relative"
        )
        theta, model, known = list(nearest.theta), nearest.model, {nearest.N: [*nearest.theta]}

        def nearest_at(N: int) -> Sequence[Any]:
            if N not in known:
                grown = [v * N / nearest.N for v in theta]
                known[N] = least_squares(model, data, N, [theta, grown]).theta.tolist()
            return known[N]

        return nearest_at

    # --- words ---------------------------------------------------------------------------------------------------

    def described(self, sizes: Sizes, others: Sequence[Sizes] = ()) -> dict[str, str]:
        """Each parameter in words, at the f and m of `sizes`, and at `others` where it is another number there."""
        return {name: self._described(name, sizes, others) for name in self.names}

    def _described(self, name: str, sizes: Sizes, others: Sequence[Sizes]) -> str:
        by_length = self._lengths(name, sizes["f"], sizes["m"])
        here = by_length.get(sizes["N"])
        if here is None:
            return "not inferred"
        several = len(by_length) > 1  # one length shows no power of N
        power, nearly = (_power(by_length), _power(by_length, _nearest)) if several else (None, None)
        if power is None and nearly is not None:
            number = ", ".join(f"{_nearest(v / Fraction(sizes['N']) ** nearly):.15g}" for v in here)
            text = f"{number}{_POWERS[nearly]} up to rounding (at f={sizes['f']}, N = {sorted(by_length)})"
        elif power is None:
            text = "; ".join(f"{_shown(v)} at N={n}" for n, v in sorted(by_length.items()))
        else:
            text = _shown(tuple(v / Fraction(sizes["N"]) ** power for v in here)) + _POWERS[power]
            text += f" (at f={sizes['f']}, the same for N = {sorted(by_length)})"
        text += self._elsewhere(name, sizes, others, power if power is not None else nearly or 0)
        return f"{text}, inferred {self.how}"

    def _elsewhere(self, name: str, sizes: Sizes, others: Sequence[Sizes], power: int) -> str:
        """The numbers at other f and m, where they are other."""
        base = self._lengths(name, sizes["f"], sizes["m"])[sizes["N"]]
        here = tuple(v / Fraction(sizes["N"]) ** power for v in base)
        text = ""
        for at in others:
            found = self._lengths(name, at["f"], at["m"]).get(at["N"], ())
            numbers = tuple(v / Fraction(at["N"]) ** power for v in found)
            if numbers and [*map(_nearest, numbers)] != [*map(_nearest, here)]:
                text += f"; {_shown(numbers)}{_POWERS[power]} at (f, m) = ({at['f']}, {at['m']})"
        return text


def _answer(program: Callable[..., Any], point: Mapping[str, np.ndarray]) -> Fraction:
    try:
        found: Fraction = rational(program, point)[0][0]
        return found
    except (Refused, ZeroDivisionError):
        floats = {n: torch.tensor(np.asarray(a, dtype=float)) for n, a in point.items()}
        held = float(program(**floats)[0].detach())
        return Fraction(held if math.isfinite(held) else 0.0)


def _numbers(found: Solution, data: Data, N: int) -> Sequence[Any]:
    """A solution's numbers at N, as the code rounds them there."""
    return found.at(N, data) or found.guess(N)


def _value(numbers: Numbers, like: Tensor) -> Value:
    if len(numbers) == 1:
        return Value(numbers[0])
    f = like.shape[1]
    array = torch.stack([Value(v).tensor(like) for v in numbers])
    return Value(array[None, :], ("f",)) if len(numbers) == f else Value(array.reshape(f, f), ("f", "f"))


def _nearest(number: Fraction) -> float:
    """The number to 15 digits."""
    return float(f"{float(number):.15g}")


def _power(by_length: Mapping[int, Numbers], read: Callable[[Fraction], Any] = lambda number: number) -> int | None:
    """p with numbers = constants * N^p, for p = 0, 1, -1; None if there is none. read: what has to be the same."""
    for power in (0, 1, -1) if len(by_length) > 1 else (1,):
        if len({tuple(read(v / Fraction(n) ** power) for v in numbers) for n, numbers in by_length.items()}) == 1:
            return power
    return None


def _shown(numbers: Numbers) -> str:
    words = [str(v) if v.denominator < 10**6 else f"{float(v):.17g}" for v in numbers]
    return words[0] if len(words) == 1 else f"({', '.join(words)})"


def _fraction(number: Any) -> Fraction:
    if isinstance(number, float):  # a guess: the short number beside it is a better one
        short = Fraction(number).limit_denominator(2**12)
        return short if abs(float(short) - number) <= 2.0**-30 * abs(number) else Fraction(number)
    if isinstance(number, Fraction):
        return number
    top, exponent = number.mid().man_exp()
    return Fraction(int(top)) * Fraction(2) ** int(exponent)
