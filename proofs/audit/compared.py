"""Two programs compared on the rung that the audit itself could use: exact, float64 within rounding bounds, or balls.

Main definitions: `How`, `how`, `compared`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from fractions import Fraction
from functools import cached_property, partial
from typing import Any

import numpy as np

from numeric.deciding import exact_identity, float_identity, strategies
from numeric.deciding.comparison import Comparison
from numeric.deciding.findings import OtherShape
from numeric.deciding.programs import Program, Shapes, Sizes, recorded, text
from numeric.deciding.readings import Reading, listed
from numeric.entropy import Entropy
from numeric.finding import Counterexample, Finding, Key, Quantity, Said, Verdict
from numeric.trust import Trust
from proofs.audit.enclosures import point, width
from proofs.audit.findings import Apart, Exactly, WideBalls
from proofs.audit.preflight import admits
from proofs.audit.rows import Check, Row, of
from proofs.target.calling import raised
from proofs.target.case import NAMES, Case

_DRAWS = 2
_POINTS = 2


class How(StrEnum):
    """How two programs are compared."""

    EXACT = Check.EXACT.value
    FLOAT = Check.FLOAT.value
    LIFTED = Check.LIFTED.value
    BALLS = Check.BALLS.value

    @property
    def check(self) -> Check:
        """The same among all ways."""
        return Check(self.value)


def how(rows: Sequence[Row]) -> tuple[How, ...]:
    """The rungs on which the audit's rows confirmed, the strongest first. Where lifted casts agree, bounds that the casts
    happen to keep are used no more: they may not keep others."""
    exact = [r.finding.verdict for r in of(rows, Check.EXACT)]
    found = [How.EXACT] if exact and all(v is Verdict.CONFIRMED for v in exact) else []
    for kind in (How.FLOAT, How.LIFTED, How.BALLS):
        if any(r.finding.verdict is Verdict.CONFIRMED for r in of(rows, kind.check)):
            found.append(kind)
    return tuple(k for k in found if k is not How.FLOAT or How.LIFTED not in found)


def by_lifting(kinds: Sequence[How]) -> bool:
    """Whether float runs agreed with casts lifted only: plain calls of such code are made so too, or they may raise."""
    return How.LIFTED in kinds and How.FLOAT not in kinds


@dataclass(frozen=True)
class Question:
    """Whether two programs of a case agree at some sizes. sides: both, of the case as it is run. names: what findings call
    them."""

    case: Case
    sides: Callable[[Case], tuple[Program, Program]]
    shapes: Shapes
    sizes: Sizes
    names: tuple[str, str] = NAMES
    admits: Callable[[Sizes], bool] = lambda sizes: True
    shrinking: bool = True

    @cached_property
    def _both(self) -> tuple[Program, Program]:
        left, right = self.sides(self.case)
        return recorded(left, self.positive), recorded(right, self.positive)

    @property
    def left(self) -> Program:
        """The first program."""
        return self._both[0]

    @property
    def right(self) -> Program:
        """The second one."""
        return self._both[1]

    @property
    def positive(self) -> tuple[str, ...]:
        """Inputs between 0 and 1."""
        return self.case.positive

    def lifting(self, lifted: bool) -> Question:
        """The same question of calls whose casts to float32 are lifted, or are not."""
        return self if self.case.lifted is lifted else replace(self, case=replace(self.case, lifted=lifted))


def of_one_sequence(case: Case, sizes: Sizes) -> Question:
    """Whether the layer is the learner."""
    return Question(
        case, lambda held: (held.layer, held.learner), case.shapes, sizes, case.sides, partial(admits, case)
    )


def compared(kind: How, asked: Question, entropy: Entropy, target_log2: float) -> Finding:
    """The answer on one rung; undecided where a side raises."""
    try:
        if kind is How.EXACT:
            found = exact_identity.decide(
                Comparison(
                    asked.left,
                    asked.right,
                    asked.shapes,
                    asked.sizes,
                    entropy=entropy,
                    names=asked.names,
                    admits=asked.admits,
                ),
                target_log2=target_log2,
                shrinking=asked.shrinking,
                positive=asked.positive,
                rounded=True,
            )
            return _but_for_constants(asked, found)
        if kind is How.BALLS:
            points = [point(asked.shapes, asked.sizes, salt, asked.positive) for salt in range(_POINTS)]
            return enclosed(asked, points)
        generator = entropy.generator()
        draws = [
            dict(strategies.draw("gaussian", asked.sizes, asked.shapes, generator, positive=asked.positive))
            for _ in range(_DRAWS)
        ]
        return within_rounding(kind, asked, draws, entropy)
    except Exception as error:  # the target is anybody's code, and may refuse what it is given
        return Finding(Verdict.UNDECIDED, reason=raised(error))


def _but_for_constants(asked: Question, found: Finding) -> Finding:
    """An exact refutation, undecided where its counterexample is no more than roundings in constants that are computed."""
    from numeric.deciding.balls import by_constants

    if found.counterexample is None:
        return found
    fractions: Any = np.vectorize(Fraction, otypes=[object])
    here = {name: fractions(np.array(a, dtype=object)) for name, a in found.counterexample.inputs.items()}
    assert isinstance(found.reason, Said)
    try:
        why = by_constants(asked.left, asked.right, here, asked.names, found.reason)
    except Exception:  # what the target raises at this size, or an operation without a rule
        return found
    return Finding(Verdict.UNDECIDED, reason=why) if why is not None else found


def within_rounding(
    kind: How,
    asked: Question,
    draws: Sequence[Mapping[str, np.ndarray]],
    entropy: Entropy,
    here: bool = False,
    followed: Container[int] | None = None,
) -> Finding:
    """Whether float64 runs at these draws agree within their rounding bounds. here: by a-priori bounds of recordings made
    on these very draws, which is cheap. followed: the draws that have a running bound in any case."""
    held = asked.lifting(kind is How.LIFTED or asked.case.needs_lift)
    return float_identity.decide(
        Comparison(held.left, held.right, names=asked.names, shapes=asked.shapes, entropy=entropy),
        draws,
        shrinking=False,
        followed=() if here else followed,
        at_point=here,
    )


def of_the_state(
    kind: How, asked: Question, found: Finding, draws: Sequence[Mapping[str, np.ndarray]], entropy: Entropy
) -> tuple[How, Finding]:
    """The answer with casts lifted, where floats are refuted in calls from a state: it may be cast where no output is, as
    where it is handed on in float32. The casts are among the flags."""
    if kind is not How.FLOAT or found.verdict is not Verdict.REFUTED or "S" not in asked.shapes:
        return kind, found
    lifted = within_rounding(How.LIFTED, asked, draws, entropy, here=True)
    if lifted.verdict is not Verdict.CONFIRMED:
        return kind, found
    return How.LIFTED, replace(lifted, flags=(*found.flags, *lifted.flags))


def enclosed(asked: Question, points: Sequence[Mapping[str, np.ndarray]]) -> Finding:
    """Both sides in balls of 256 bits, at rational points; where they differ, with constants as in `numeric.deciding.readings`,
    and undecided where roundings in constants that are computed explain that."""
    from numeric.deciding.balls import by_constants

    found = _enclosed(asked, points, read=False)
    found = _enclosed(asked, points, read=True) if found.counterexample is not None else found
    if found.counterexample is None:
        return found
    why = [by_constants(asked.left, asked.right, here, asked.names, Apart.AT_A_POINT) for here in points]
    return Finding(Verdict.UNDECIDED, reason=why[0]) if why[0] is not None and None not in why else found


def _enclosed(asked: Question, points: Sequence[Mapping[str, np.ndarray]], read: bool) -> Finding:
    from numeric.deciding.balls import BITS, evaluate_both

    apart: list[float] = []
    constants: dict[float, Reading] = {}
    for here in points:
        left, right, known = evaluate_both(asked.left, asked.right, here, read)
        constants |= known
        if left.shape != right.shape:
            return Finding(Verdict.REFUTED, reason=OtherShape(asked.names, (left.shape, right.shape)))
        for a, b in zip(left.reshape(-1), right.reshape(-1), strict=True):
            if not a.overlaps(b):
                return _apart(asked, here, left, right)
            apart.append(width(a, b))
    worst = max(2.0**-1000, *apart)
    if not worst < 2.0 ** (-BITS // 2):
        return Finding(Verdict.UNDECIDED, reason=WideBalls(BITS, worst))
    figures: dict[str, Quantity] = {"digits": math.floor(-math.log10(worst)), "outputs compared": len(apart)}
    if constants:
        figures[Key.READ] = listed(constants)
    return Finding(Verdict.CONFIRMED, figures=figures, trust=(Trust.ARB, Trust.POINTS))


def _apart(asked: Question, here: Mapping[str, np.ndarray], left: np.ndarray, right: np.ndarray) -> Finding:
    digits: Any = np.vectorize(lambda v: f"{float(v.mid()):.17g}", otypes=[object])
    return Finding(
        Verdict.REFUTED,
        reason=Apart.AT_A_POINT,
        trust=(Trust.ARB,),
        counterexample=Counterexample(
            asked.sizes,
            {name: text(array) for name, array in here.items()},
            text(digits(left)),
            text(digits(right)),
            *asked.names,
            note=Exactly.SHOWN,
        ),
    )
