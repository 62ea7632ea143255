"""What a layer's gates are to the learner found: at random values, together, then in an audit with gates as indeterminates.

Main definitions: `laws_of`, `audited`, `seen_only`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from fractions import Fraction
from itertools import permutations
from typing import Any

import flint

from constructions.learners import Domain
from numeric.deciding.balls import BITS, ball
from numeric.deciding.programs import WrongResult
from numeric.entropy import Entropy
from numeric.finding import Finding, Key, Quantity, Verdict
from numeric.probing.box import Arithmetic, Undefined, as_floats
from numeric.tape.refusals import Refused
from proofs.audit.answer import Answer, Role
from proofs.audit.rows import Check, Row
from proofs.audit.run import compared
from proofs.fitting import fit
from proofs.fitting.fit import Data, Fit, Number, Solution
from proofs.fitting.laws import Factor, Law, factor_of
from proofs.fitting.models import SCALE
from proofs.identify.reasons import At, Differ
from proofs.identify.subject import Subject, agreement, digits, fresh, learner_box, rational
from proofs.target.case import INDETERMINATE, READOUT
from proofs.target.loading import TargetError

_VALUES = 3
"""Values of a gate beside the one that it was identified at, by itself and together with all others."""
_GRID = 1024
"""They are odd multiples of 1/1024 between 1/8 and 7/8: Python and float64 hold them as they are."""
_EXCHANGED = 4
"""The most numbers whose orders are tried."""
_LENGTHS = (7, 12)
"""Context lengths of the last check, which no fit and no row has."""

Gates = dict[str, Fraction]


def laws_of(subject: Subject, solution: Solution) -> tuple[tuple[Law, ...], tuple[Role, ...]]:
    """Each of the learner's numbers as a law of sizes and gates, and what each gate does.

    A law is kept if it holds at all values drawn, of one gate and of all gates together.
    """
    entropy = Entropy(subject.settings.seed).child("gates")
    seen = {gate: Fraction(value) for gate, value in subject.layer.chosen.items()}
    moves: dict[int, dict[str, tuple[list[Fraction], list[Number]]]] = {}
    roles = []
    for gate in seen:
        values = [_drawn(seen[gate], entropy) for _ in range(_VALUES)]
        numbers = [_again(subject, {gate: value}, solution) for value in values]
        found = [n for n in numbers if n is not None]
        if len(found) < _VALUES:
            roles.append(Role(gate, fits=False, followed=False))
            continue
        columns = [[was, *(n[k] for n in found)] for k, was in enumerate(solution.numbers)]
        moved = [k for k, column in enumerate(columns) if any(not fit.alike(column[0], v) for v in column[1:])]
        for k in moved:
            moves.setdefault(k, {})[gate] = [seen[gate], *values], columns[k]
        roles.append(Role(gate, tuple(solution.model.names[k] for k in moved)))
    laws = [_law(solution, k, moves.get(k, {}), seen) for k in range(len(solution.model.names))]
    if len(seen) > 1 and all(role.fits for role in roles):
        for _ in range(_VALUES):
            point = {gate: _drawn(value, entropy) for gate, value in seen.items()}
            again = _again(subject, point, solution, [law.at(point, fit.LONG, 1, 1) for law in laws])
            laws = [law if again is not None and _holds(law, point, again[k]) else _open(law, solution, k)
                    for k, law in enumerate(laws)]  # fmt: skip
    open = {law.name for law in laws if law.open}
    roles = [replace(role, followed=role.followed and not open & set(role.moves)) for role in roles]
    pinned = [Law(name, Fraction(value), gauge=value == 1) for name, value in solution.model.pinned.items()]
    return (*laws, *pinned), tuple(roles)


def at_one_token(name: str, number: Number, tokens: int) -> Law:
    """The law of a number of a fit whose gates are what they were."""
    return Law(name, _shorn(number, tokens, (), {}), tokens)


def _drawn(seen: Fraction, entropy: Entropy) -> Fraction:
    """A value for a gate, of the sign of the one seen."""
    odd = 2 * (_GRID // 16 + entropy.below(3 * _GRID // 8)) + 1
    return Fraction(odd if seen > 0 else -odd, _GRID)


def _law(solution: Solution, k: int, moved: Mapping[str, tuple[list[Fraction], list[Number]]], seen: Gates) -> Law:
    name, tokens = solution.model.names[k], solution.powers[k]
    factors = [factor_of(gate, values, numbers) for gate, (values, numbers) in moved.items()]
    bare = Law(name, _shorn(solution.numbers[k], tokens, (), seen), tokens, moved=tuple(moved), open=bool(moved))
    if not all(factors):
        return bare
    known = tuple(factor for factor in factors if factor is not None)
    return replace(bare, constant=_shorn(solution.numbers[k], tokens, known, seen), factors=known, open=False)


def _shorn(number: Number, tokens: int, factors: Sequence[Factor], seen: Gates) -> Number:
    """The number at the fits' length without its power of N and the factors of its gates."""
    with flint.ctx.workprec(BITS):
        for value in (Fraction(fit.LONG) ** tokens, *(factor.value(seen[factor.gate]) for factor in factors)):
            exact = isinstance(number, Fraction) and isinstance(value, Fraction)
            number = number / value if exact else ball(number) / ball(value)
    return number if isinstance(number, Fraction) else fit.rationalised(number)


def _holds(law: Law, gates: Gates, number: Number) -> bool:
    return law.open or fit.alike(law.at(gates, fit.LONG, 1, 1), number)


def _open(law: Law, solution: Solution, k: int) -> Law:
    """The law as a number at the gates seen: how they make it is not known."""
    seen = _shorn(solution.numbers[k], law.tokens, (), {})
    return replace(law, constant=seen, factors=(), open=True)


def seen_only(
    laws: Sequence[Law], roles: Sequence[Role], solution: Solution
) -> tuple[tuple[Law, ...], tuple[Role, ...]]:
    """Laws and roles without the expressions that an audit has refuted."""
    names = list(solution.model.names)
    shorn = tuple(
        _open(law, solution, names.index(law.name)) if law.name in names and law.moved else law for law in laws
    )
    return shorn, tuple(replace(role, followed=False) for role in roles)


def outside_domains(solution: Solution, laws: Sequence[Law]) -> dict[str, Domain]:
    """The numbers that the learner can't have, with where they have to live; a gate's domain is its user's business.

    A step size or a readout of the wrong sign, by itself or as a multiple of a gate, is none of a learner's.
    """
    by_name = {law.name: law for law in laws}
    out: dict[str, Domain] = {}
    for name, number, domain in zip(
        solution.model.names, as_floats(fit.column(solution.numbers)), solution.model.domains, strict=True
    ):
        law = by_name[name]
        if law.moved and not (number < 0 and not law.open and float(as_floats([law.constant])[0]) < 0):
            continue
        if domain is not Domain.REAL and (number < 0 or (domain is Domain.UNIT and number > 1 and not law.moved)):
            out[name] = domain
    return out


def _again(
    subject: Subject, gates: Gates, solution: Solution, near: Sequence[Number] | None = None
) -> list[Any] | None:
    """The numbers of the same model at other gates, at N = 5. near: where they are looked for, the solution's by default."""
    other = {gate: str(value) for gate, value in gates.items()}
    data = Data(subject.layer.boxed(other, subject.at["f"], subject.at["m"], subject.box))
    near = solution.numbers if near is None else near
    begin = as_floats(fit.column(near))
    try:
        found = fit.least_squares(solution.model, data, fit.LONG, [list(begin), *(list(begin * c) for c in (1.2, 0.8))])
        if found.residual > fit.POLISHED:
            return None
        if subject.box.arithmetic is Arithmetic.FLOAT:
            return list(found.theta)
        sharp = fit.polish(solution.model, data, found)
        if sharp is None or sharp[1] > fit.DIGITS:
            return None
        return _exchanged(solution, data, near, sharp[0])
    except (Undefined, WrongResult):
        return None


def _exchanged(solution: Solution, data: Data, near: Sequence[Number], numbers: list[Any]) -> list[Any]:
    """The numbers in the order that leaves most of them as they were, of the orders that fit: the decays of a momentum and
    of its memory, say, can be exchanged."""
    kept = sum(map(fit.alike, near, numbers))
    best = numbers
    for order in permutations(numbers) if len(numbers) <= _EXCHANGED else ():
        alike = sum(map(fit.alike, near, order))
        if alike > kept:
            sharp = fit.polish(solution.model, data, Fit(as_floats(fit.column(order)), 0.0, fit.LONG))
            if sharp is not None and sharp[1] <= fit.DIGITS and sum(map(fit.alike, near, sharp[0])) > kept:
                kept, best = alike, sharp[0]
    return best


def audited(
    subject: Subject, solution: Solution, laws: Sequence[Law], roles: Sequence[Role], widths: bool = False
) -> Answer | None:
    """The audit against the learner found, for all values of the gates whose part is known.

    widths: whether the laws hold at other f and m too.

    A gate is given as an expression in the number that it alone makes, or, where several make one, left free and the number
    given as the expression. None where the learner, so varied, can't be written as one.
    """
    model = solution.model
    if model.unit_inputs or model.unit_query or any(slot.size for slot in model.slots):
        return None
    if any(not law.factors and not rational([law.constant]) for law in laws) or not all(r.fits for r in roles):
        return None
    gates = dict(subject.layer.given)
    loose = {role.gate for role in roles if role.idle}
    for law in laws:
        own = READOUT if law.name == SCALE else law.name
        alone = [role.gate for role in roles if law.name in role.moves and role.moves == (law.name,)]
        inverse = law.inverse() if law.moved and list(law.moved) == alone and own != READOUT else ""
        if inverse:
            gates[law.factors[0].gate] = inverse
            continue
        if own in subject.layer.adapter.named:  # one name for two things can't be bound to both
            return None
        gates[own] = law.expression
        loose |= {factor.gate for factor in law.factors}
    for gate, value in subject.layer.chosen.items():
        gates.setdefault(gate, INDETERMINATE if gate in loose else value)
    sizes = {} if widths else {"f": subject.at["f"], "m": subject.at["m"]}
    try:
        named, id = subject.layer.named, model.learner.id
        return compared(named, id, subject.adapter, gates, subject.settings, sizes, lenient=False)
    except (TargetError, WrongResult, Refused):
        return None


def recheck(subject: Subject, solution: Solution, laws: Sequence[Law]) -> list[Row]:
    """Layer and learner again, at gates and lengths that nothing before has used: what is printed holds there too."""
    entropy = Entropy(subject.settings.seed).child("last")
    rows: list[Row] = []
    seen = {gate: Fraction(value) for gate, value in subject.layer.chosen.items()}
    for N in _LENGTHS:
        gates = {gate: _drawn(value, entropy) for gate, value in seen.items()}
        if any(law.open for law in laws):
            gates = seen
        numbers = _numbers(subject, solution, laws, gates, N)
        if numbers is None:
            continue
        row = _compared(subject, solution, gates, numbers, N)
        if row is None:
            continue
        rows.append(row)
        if row.finding.verdict is Verdict.REFUTED:
            break
    return rows


def _numbers(subject: Subject, solution: Solution, laws: Sequence[Law], gates: Gates, N: int) -> list[Number] | None:
    if not solution.steady and not gates:  # constants of the code are rounded: those of this length
        return solution.at(N, subject.data)
    by_name = {law.name: law for law in laws}
    return [by_name[name].at(gates, N, 1, 1) for name in solution.model.names]


def _compared(subject: Subject, solution: Solution, gates: Gates, numbers: Sequence[Number], N: int) -> Row | None:
    f, m = subject.at["f"], subject.at["m"]
    here = {"f": f, "m": m, "N": N}
    X, Y, q = fresh(N, f, m, 3)
    box = subject.layer.boxed({gate: str(value) for gate, value in gates.items()}, f, m, subject.box)
    try:
        point = (X / 2, Y, q)
        left, right = box(*point), learner_box(solution.model, numbers, box)(*point)
    except Undefined:
        return None
    if subject.box.arithmetic is Arithmetic.FLOAT:
        gap, bits = box.gap(left, right), 0.0
    else:
        bits, gap = agreement(left, right)
    if gap and not (not solution.steady and subject.layer.chosen):
        differ = Differ(gap, At(N=N), tuple((gate, str(value)) for gate, value in gates.items()))
        return Row(Check.FRESH, here, Finding(Verdict.REFUTED, reason=differ))
    figures: dict[str, Quantity] = {Key.DIGITS: digits(bits)}
    return Row(Check.FRESH, here, Finding(Verdict.CONFIRMED, figures=figures))
