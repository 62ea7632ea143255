"""What a layer's gates are to the learner found, and the audit with gates and rates as indeterminates.

Main definitions: `roles_of`, `audited`.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import flint

from numeric.balls import BITS, ball
from numeric.box import Arithmetic, Box, Undefined, as_floats
from numeric.interpreter import Refused
from numeric.programs import WrongResult
from proofs import fit
from proofs.audit import Audit, audit
from proofs.case import Case
from proofs.fit import Data, Solution
from proofs.identification import Role, shown
from proofs.learners import learner
from proofs.subject import Subject, rational, signed
from proofs.target import TargetError

FRESH = "9/16"
"""A second value of each gate, to see which of the learner's numbers it moves."""


def roles_of(subject: Subject, solution: Solution) -> tuple[tuple[Role, ...], dict[str, str]]:
    """For each chosen gate the number that it moves, and how; and each number in words."""
    model = solution.model
    texts = [shown(v, p) for v, p in zip(solution.numbers, solution.powers, strict=True)]
    roles = []
    for gate, value in subject.layer.chosen.items():
        case = subject.layer.with_gates({gate: signed(gate, FRESH)})
        moved = _again(subject, case, solution)
        if moved is None:
            roles.append(Role(gate, "", "moves more than the learner's numbers", ""))
            continue
        changed = [k for k, (a, b) in enumerate(zip(solution.numbers, moved, strict=True)) if not fit._alike(a, b)]
        if not changed:
            roles.append(Role(gate, "", "changes nothing", value))
            continue
        before = (Fraction(value), Fraction(signed(gate, FRESH)))
        for k in changed:
            roles.append(_role(gate, model.names[k], before, (solution.numbers[k], moved[k]), solution.powers[k]))
            if len(changed) == 1 and roles[-1].expression:
                texts[k] = roles[-1].inverse
    values = dict(zip(model.names, texts, strict=True))
    gauge = " (a gauge: the others go with it)"
    values |= {name: f"{value}{gauge if value == 1 else ''}" for name, value in model.pinned.items()}
    return tuple(roles), values


def _again(subject: Subject, case: Case, solution: Solution) -> list[Any] | None:
    """The numbers of the same model at other gates, at N = 5."""
    case.axes = dict(subject.layer.case.axes)
    data = Data(Box(case.layer, subject.at["f"], subject.at["m"], subject.box.arithmetic))
    begin = as_floats(fit.column(solution.numbers))
    try:
        found = fit.least_squares(solution.model, data, fit.LONG, [list(begin), *(list(begin * c) for c in (1.2, 0.8))])
        if found.residual > fit.POLISHED:
            return None
        if subject.box.arithmetic is Arithmetic.FLOAT:
            return list(found.theta)
        sharp = fit.polish(solution.model, data, found)
    except (Undefined, WrongResult):
        return None
    return None if sharp is None or sharp[1] > fit._DIGITS else sharp[0]


def audited(subject: Subject, solution: Solution, roles: Sequence[Role]) -> Audit | None:
    """The audit against the learner found, with each gate an expression in the learner's parameters.

    None where the learner, so varied, can't be written as one.
    """
    model = solution.model
    bound = {role.number: role for role in roles if role.expression}
    loose = [n for n, v in zip(model.names, solution.numbers, strict=True) if n not in bound and not rational([v])]
    if model.unit_inputs or model.unit_query or any(slot.size for slot in model.slots) or loose:
        return None
    gates = dict(subject.layer.given)
    gates |= {role.gate: role.expression for role in bound.values()}
    gates |= {gate: value for gate, value in subject.layer.chosen.items() if gate not in gates}
    for name, value, power in zip(model.names, solution.numbers, solution.powers, strict=True):
        if name not in bound:
            text = _constant(value, power)
            gates["readout" if name == "readout scale" else name] = text
    gates |= {name: str(value) for name, value in model.pinned.items()}
    try:
        learner(model.learner.id)
        sizes = {"f": subject.at["f"], "m": subject.at["m"]}
        return audit(subject.layer.named, model.learner.id, subject.adapter, gates, subject.settings, sizes)
    except (TargetError, WrongResult, Refused):
        return None


def _role(gate: str, number: str, gates: tuple[Fraction, Fraction], values: tuple[Any, Any], power: int) -> Role:
    """How the gate makes the number: the number itself, a multiple, its complement, or its logarithm."""
    g, h = gates
    a, b = values
    per = {0: "", 1: "*N", -1: "/N"}[power]
    undo = {0: "", 1: "/N", -1: "*N"}[power]
    scale = Fraction(1, fit.LONG) ** power
    if isinstance(a, Fraction) and isinstance(b, Fraction):
        a, b = a * scale, b * scale
        if a / g == b / h:
            c = a / g
            if c == 1:
                return Role(gate, number, f"{gate}{per}", f"{number}{undo}", f"the argument {gate}{per}")
            return Role(gate, number, f"{shown(c)} {gate}{per}", f"{number}{undo}/({c})", f"{shown(c)} {gate}{per}")
        if a == 1 - g and b == 1 - h and not power:
            return Role(gate, number, f"1 - {gate}", f"1 - {number}", f"1 - {gate}")
        if a * g == b * h:
            return Role(
                gate,
                number,
                f"{shown(a * g)}/{gate}{per}",
                f"({a * g})/({number}{undo})",
                f"{shown(a * g)}/{gate}{per}",
            )
    elif not power:
        with flint.ctx.workprec(BITS):
            if all(fit._alike(v, ball(x).exp()) for v, x in ((a, g), (b, h))):
                return Role(gate, number, f"exp({gate})", f"log({number})", f"exp({gate})")
            if all(fit._alike(v, 1 / (1 + (-ball(x)).exp())) for v, x in ((a, g), (b, h))):
                return Role(gate, number, f"sigmoid({gate})", "", f"sigmoid({gate})")
    return Role(gate, number, f"moved by {gate}", "", "")


def _constant(value: Any, power: int) -> str:
    """A number as an expression in N."""
    if isinstance(value, Fraction):
        value = value / Fraction(fit.LONG) ** power
        text = str(value)
    else:
        text = f"{float(as_floats([value])[0]) / fit.LONG**power:.17g}"
    return f"{text}*N" if power == 1 else f"{text}/N" if power == -1 else text
