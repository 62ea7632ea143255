"""Parameters of the learner that nothing in the target stands for: inferred from the target's answers.

One number that the learner's answer to a single token is affine in (a step size) comes from that token, exactly. Others
are fitted (`proofs.fitting.fit`) where the target has no indeterminates of its own. What is inferred only makes the claim that
the rungs then test.
Main definitions: `infer`, `at_length`, `borrow`, `refitted`.
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

from constructions.learners import Domain, Each, Parameter
from numeric.deciding.programs import Sizes, WrongResult, concrete, fractions, rational
from numeric.tape.refusals import Refused
from proofs.audit.notes import AskedFor, NotFitted
from proofs.target.case import Case
from proofs.target.inferred import How, Numbers, key_of
from proofs.target.loading import TargetError

if TYPE_CHECKING:
    from proofs.fitting.fit import Data, Solution


def infer(case: Case, sizes: Sizes) -> None:
    """Find the parameters that nothing stands for, at these sizes, and note what has to be said of them.

    Raises TargetError where it can't be done: then the numbers have to be given.
    """
    _find(case, sizes)
    if case.inferred.note is not None:
        case.note(case.inferred.note)


def _find(case: Case, sizes: Sizes) -> None:
    held, here = case.inferred, key_of(sizes)
    if not held.parameters or here in held.known:
        return
    channels = any(p.each is Each.CHANNEL for p in held.parameters)  # of which one token sees one
    found = _fitted(case, sizes) if channels else None
    found = found or _affine(case, sizes) or _fitted(case, sizes)
    if found is None:
        raise TargetError(
            f"{case.text} has no argument for {', '.join(held.names)} of {case.chosen.id}, and no value was found: give "
            f"--gate {held.names[0]}=..., or bind one of its arguments "
            f"({', '.join(case.adapter.named) or 'it has none'}) to it"
        )
    held.known[here] = {p.name: tuple(_admissible(case, p, v) for v in found[p.name]) for p in held.parameters}


def at_length(case: Case, sizes: Sizes, law: bool = False) -> None:
    """Infer at these sizes, or, where the target does not run there, from other lengths: as a power of N.

    law: other lengths come first, if there are some: one alone tells no law. What is inferred is only a claim, to be
    tested. Raises TargetError where neither is possible.
    """
    held, here = case.inferred, key_of(sizes)
    if here in held.known or not held.parameters:
        return
    found = held.by_law(sizes) if law and held.several(sizes) else None
    if found is None:
        try:
            _find(case, sizes)
        except Exception:  # whatever a target raises at a length that it does not take
            found = held.by_law(sizes)
            if found is None:
                raise
    if found is not None:
        held.known[here] = found


def borrow(case: Case, sizes: Sizes, other: Sizes) -> None:
    """Take numbers found by a fit at other f and m for these, where another fit would cost seconds.

    Raises ValueError where they can't be those of another f.
    """
    held, here, there = case.inferred, key_of(sizes), {**other, "N": sizes["N"]}
    if not held.fits or here in held.known:
        return
    _find(case, there)
    values = held.known[key_of(there)]
    if sizes["f"] != other["f"] and any(len(numbers) > 1 for numbers in values.values()):
        raise ValueError("one number for each channel says nothing about other channels")
    held.known[here] = dict(values)
    held.borrowed.add(here)


def refitted(case: Case, sizes: Sizes) -> bool:
    """Whether numbers that were borrowed for these sizes are now replaced by those of a fit there."""
    held, here = case.inferred, key_of(sizes)
    if here not in held.borrowed:
        return False
    held.borrowed.discard(here)
    at = (sizes["f"], sizes["m"])
    held.fits[at] = _fit(case, *at)
    found = _fitted(case, sizes)
    if found is None:
        return False
    del held.known[here]  # now the last that was found
    held.known[here] = found
    return True


def _admissible(case: Case, parameter: Parameter, number: Fraction) -> Fraction:
    """The number, or one that the parameter may be, with a note: no step size is 0 or negative, no decay above 1."""
    if parameter.domain is Domain.POSITIVE and number <= 0:
        other = -number or Fraction(1)
    elif parameter.domain is Domain.NONNEGATIVE and number < 0:
        other = -number
    elif parameter.domain is Domain.UNIT and not 0 <= number <= 1:
        other = Fraction(1, 2)
    else:
        return number
    case.inferred.note = AskedFor(parameter.name, number, parameter.domain, other)
    return other


def _affine(case: Case, sizes: Sizes) -> dict[str, Numbers] | None:
    """From the token e_1 -> e_1, asked at e_1, among zero tokens, with all variables 1.

    Raises TargetError for a number that is another with one of them 1/2: of any value of that one it is none.
    """
    held = case.inferred
    if len(held.parameters) != 1 or held.parameters[0].each is Each.MATRIX:
        return None
    (name,) = held.names
    found = _at_one_token(case, sizes, name, {})
    for variable in case.axes if found is not None else ():
        try:
            other = _at_one_token(case, sizes, name, {variable: Fraction(1, 2)})
        except Exception:  # no value there, or none that is told: what was found is only a claim
            continue
        if other is not None and found is not None and abs(other - found) > abs(found) / 2**30:  # both may be rounded
            raise TargetError(
                f"{name} of {case.chosen.id} was given nothing to stand for it, and goes with {variable}, which is free: "
                f"with {variable} = 1 it is {found}, with {variable} = 1/2 {other}; give --gate {variable}={name}, or "
                f"another expression in {name}"
            )
    return None if found is None else {name: (found,)}


def _at_one_token(case: Case, sizes: Sizes, name: str, values: Mapping[str, Fraction]) -> Fraction | None:
    """The number with which learner and layer answer alike, these variables given, others 1; None where it is no such one."""
    held = case.inferred
    point = {n: fractions([0] * math.prod(s), s) for n, s in concrete(case.shapes, sizes).items()}
    for entry, index in (("X", (0, 0)), ("Y", (0, 0)), ("x_q", (0,))):
        point[entry][index] = Fraction(1)
    for variable in case.axes:
        point[variable] = fractions([values.get(variable, Fraction(1))] * point[variable].size, point[variable].shape)
    answers = []
    for trial in (0, 1, 2):
        tried = replace(case, inferred=replace(held, known={key_of(sizes): {name: (Fraction(trial),)}}))
        try:
            answers.append(_answer(tried.learner, point))
        except WrongResult:
            raise
        except Exception:  # the learner has no value there, such as 0/0 for a ridge of 0
            return None
    slope = answers[1] - answers[0]
    if slope == 0 or answers[2] - answers[1] != slope:
        return None
    return (_answer(case.layer, point) - answers[0]) / slope


def _fitted(case: Case, sizes: Sizes) -> dict[str, Numbers] | None:
    held, at = case.inferred, (sizes["f"], sizes["m"])
    if case.axes or case.starts or (held.fits and at not in held.fits):
        return None  # a fit takes seconds: counterexamples keep to the f and m of the first one
    if at not in held.fits:
        held.fits[at] = _fit(case, *at)
    found = held.fits[at]
    if found is None:
        return None
    held.how = How.FIT
    numbers = [_fraction(v) for v in found(sizes["N"])]
    if len(numbers) == len(held.parameters):
        return {name: (number,) for name, number in zip(held.names, numbers, strict=True)}
    return {held.names[0]: tuple(numbers)} if len(held.parameters) == 1 else None


def _fit(case: Case, f: int, m: int) -> Callable[[int], Sequence[Any]] | None:
    """The numbers by context length, or those that come nearest, with a note that says so."""
    from numeric.probing.box import Box
    from proofs.fitting.fit import Data, Miss, Solution, fit, least_squares
    from proofs.fitting.models import Model, Slot

    held = case.inferred

    def call(X: Any, Y: Any, x_q: Any, W0: Any, **theta: Any) -> Any:
        values = case.parameters(X, Y, {}, given=theta)
        out = case.chosen.call(X, Y, x_q, W0, **values)
        factor = case.factor(X, Y, {})
        return out if factor is None else factor * out

    learner = replace(case.chosen, call=call, parameters=held.parameters)
    shapes: dict[Each, list[tuple[int, ...]]] = {Each.CHANNEL: [(), (f,)], Each.MATRIX: [(f, f)]}
    data = Data(Box(case.layer, f, m))
    nearest: Miss | None = None
    for chosen in product(*(shapes.get(p.each, [()]) for p in held.parameters)):
        slots = tuple(Slot(p, shape) for p, shape in zip(held.parameters, chosen, strict=True))
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
    held.note = NotFitted(held.names, nearest.residual)
    theta, model, known = list(nearest.theta), nearest.model, {nearest.N: [*nearest.theta]}

    def nearest_at(N: int) -> Sequence[Any]:
        if N not in known:
            grown = [v * N / nearest.N for v in theta]
            known[N] = least_squares(model, data, N, [theta, grown]).theta.tolist()
        return known[N]

    return nearest_at


def _answer(program: Callable[..., Any], point: Mapping[str, np.ndarray]) -> Fraction:
    try:
        found: Fraction = rational(program, point, searching=True)[0][0]  # a claim, to be tested
        return found
    except (Refused, ZeroDivisionError):
        floats = {n: torch.tensor(np.asarray(a, dtype=float)) for n, a in point.items()}
        held = float(program(**floats)[0].detach())
        return Fraction(held if math.isfinite(held) else 0.0)


def _numbers(found: Solution, data: Data, N: int) -> Sequence[Any]:
    """A solution's numbers at N, as the code rounds them there."""
    return found.at(N, data) or found.guess(N)


def _fraction(number: Any) -> Fraction:
    if isinstance(number, float):  # a guess: the short number beside it is a better one
        short = Fraction(number).limit_denominator(2**12)
        return short if abs(float(short) - number) <= 2.0**-30 * abs(number) else Fraction(number)
    if isinstance(number, Fraction):
        return number
    top, exponent = number.mid().man_exp()
    return Fraction(int(top)) * Fraction(2) ** int(exponent)
