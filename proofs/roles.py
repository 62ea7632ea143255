"""What a layer's gates are to the learner found, and the audit with gates and rates as indeterminates.

Main definitions: `roles_of`, `audited`.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import flint

from constructions.learners import Domain
from numeric.balls import BITS, ball
from numeric.box import Arithmetic, Box, Undefined, as_floats
from numeric.programs import WrongResult
from numeric.tape.refusals import Refused
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
    roles: list[Role] = []
    moves: dict[int, list[tuple[str, int | None]]] = {}
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
            after = solution.numbers[k], moved[k]
            roles.append(_role(gate, model.names[k], before, after, solution.powers[k]))
            moves.setdefault(k, []).append((gate, _exponent(before, after)))
            if len(changed) == 1 and roles[-1].expression:
                texts[k] = roles[-1].inverse
    for k, several in moves.items():
        if len(several) > 1:
            texts[k] = _product(subject, solution, k, several)
    values = dict(zip(model.names, texts, strict=True))
    gauge = " (a gauge: the others go with it)"
    values |= {name: f"{value}{gauge if value == 1 else ''}" for name, value in model.pinned.items()}
    return tuple(roles), values


def _exponent(gates: tuple[Fraction, Fraction], values: tuple[Any, Any]) -> int | None:
    """p where the number goes as gate**p, 1 or -1; None if it does neither."""
    if not rational(values):
        return None
    ratio, change = values[0] / values[1], gates[0] / gates[1]
    return 1 if ratio == change else -1 if ratio == 1 / change else None


def _product(subject: Subject, solution: Solution, k: int, moved: Sequence[tuple[str, int | None]]) -> str:
    """The number in words where several gates move it: a product of them, or the number at the gates seen."""
    number, power = solution.numbers[k], solution.powers[k]
    over = under = ""
    for gate, exponent in moved:
        if exponent is None:
            return shown(number, power)
        number = number / Fraction(subject.layer.chosen[gate]) ** exponent
        if exponent == 1:
            over += f" {gate}"
        else:
            under += f"/{gate}"
    return shown(number, power) + over + under


def outside_domains(solution: Solution, roles: Sequence[Role]) -> dict[str, str]:
    """The numbers that the learner can't have, with what they have to be; a gate's domain is its user's business.

    A step size or a readout of the wrong sign, by itself or as a multiple of a gate, is none of a learner's.
    """
    gated = {role.number: role for role in roles if role.number}
    out = {}
    for name, number, domain in zip(
        solution.model.names, as_floats(fit.column(solution.numbers)), solution.model.domains, strict=True
    ):
        role = gated.get(name)
        if role is not None and not (role.meaning.startswith("-") and number < 0):
            continue
        if domain is not Domain.REAL and (number < 0 or (domain is Domain.UNIT and number > 1 and role is None)):
            out[name] = f"has to be {domain}"
    return out


def _again(subject: Subject, case: Case, solution: Solution) -> list[Any] | None:
    """The numbers of the same model at other gates, at N = 5."""
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
