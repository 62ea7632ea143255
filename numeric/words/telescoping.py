r"""Derivations for all sizes about sums: equations between rational functions of n, k, N, and telescoping sums, each
checked.

Main definitions: `Equation`, `Sum`, `decide`. An equation holds if its difference is the zero rational function
after reducing
sign symbols ((-1)^n is a symbol whose square is 1). A sum needs its antidifference F: F(n+1) - F(n) has to be the
summand and
F(upper+1) - F(lower) the value; both are equations, so nothing rests on a summation algorithm. Source:
Gosper/Zeilberger's
certificates; derived here for this use.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice, product

import sympy as sp

from numeric.finding import Counterexample, Finding, Verdict
from numeric.trust import Trust
from numeric.words.findings import Cancels, Hollow, LeftOver


@dataclass(frozen=True)
class Equation:
    """left = right as rational functions. signs: symbols that stand for (-1)^something. why: the step in words.

    shown: LaTeX to print in place of "left = right".
    """

    name: str
    left: sp.Expr
    right: sp.Expr
    why: str
    signs: tuple[sp.Symbol, ...] = ()
    shown: str = ""

    def latex(self) -> str:
        """The equation as printed."""
        return self.shown or f"{sp.latex(self.left)} = {sp.latex(self.right)}"


@dataclass(frozen=True)
class Sum:
    """sum_{index=lower}^{upper} summand = value, shown by an antidifference.

    alternating: maps the sign symbols that flip when the index grows by one; the expressions they stand for at the
    two ends are
    given by `at_lower`, `at_upper` (values of the sign symbols at index = lower and index = upper + 1).
    """

    name: str
    index: sp.Symbol
    summand: sp.Expr
    antidifference: sp.Expr
    lower: sp.Expr
    upper: sp.Expr
    value: sp.Expr
    why: str
    alternating: sp.Symbol | None = None
    at_lower: sp.Expr = field(default_factory=lambda: sp.Integer(1))
    at_upper: sp.Expr = field(default_factory=lambda: sp.Integer(1))
    signs: tuple[sp.Symbol, ...] = ()
    shown: str = ""

    def equations(self) -> Iterator[Equation]:
        """The two equations that together give the sum (also the empty sum)."""
        n, F, s = self.index, self.antidifference, self.alternating
        later = F.subs(n, n + 1) if s is None else F.subs({n: n + 1, s: -s}, simultaneous=True)
        signs = self.signs + ((s,) if s is not None else ())
        yield Equation(
            f"{self.name}: telescopes", later - F, self.summand, f"{self.why}; the summand is a difference", signs
        )
        low = F.subs(n, self.lower) if s is None else F.subs({n: self.lower, s: self.at_lower}, simultaneous=True)
        high = (
            F.subs(n, self.upper + 1) if s is None else F.subs({n: self.upper + 1, s: self.at_upper}, simultaneous=True)
        )
        head = rf"\sum_{{{sp.latex(n)}={sp.latex(self.lower)}}}^{{{sp.latex(self.upper)}}}"
        shown = self.shown or rf"{head} \left({sp.latex(self.summand)}\right) = {sp.latex(self.value)}"
        yield Equation(self.name, high - low, self.value, self.why, signs, shown)


Step = Equation | Sum


def reduced(expression: sp.Expr, signs: Iterable[sp.Symbol]) -> sp.Expr:
    """The canonical form of a rational function with sign symbols; 0 exactly when it vanishes for every sign."""
    found = sp.cancel(sp.together(expression))
    top, bottom = sp.fraction(found)
    for s in signs:
        top = sp.rem(sp.expand(top), s**2 - 1, s)
    return sp.cancel(sp.expand(top) / bottom)


def decide(steps: Callable[[], Iterable[Step]]) -> Finding:
    """Checks every step; the first that fails refutes, with the smallest numbers at which its sides differ."""
    shown: list[dict[str, str]] = []
    count = 0
    for step in steps():
        for equation in step.equations() if isinstance(step, Sum) else (step,):
            count += 1
            left_over = reduced(equation.left - equation.right, equation.signs)
            holds = left_over == 0
            shown.append(
                {
                    "name": equation.name,
                    "latex": equation.latex(),
                    "why": equation.why,
                    "verdict": "confirmed" if holds else "refuted",
                }
            )
            if not holds:
                found = _example(equation)
                return Finding(
                    Verdict.REFUTED,
                    LeftOver(equation.name, str(left_over), summed=True),
                    figures={"steps": count},
                    settings={"engine": "telescoping", "steps": shown},
                    counterexample=found,
                )
    if not shown:
        return Finding(Verdict.UNDECIDED, Hollow.EMPTY)
    return Finding(
        Verdict.CONFIRMED,
        figures={"steps": count},
        settings={"engine": "telescoping", "steps": shown},
        trust=(Cancels(sp.__version__), Trust.IMPLIED),
    )


def _example(equation: Equation) -> Counterexample | None:
    names = sorted((equation.left.free_symbols | equation.right.free_symbols) - set(equation.signs), key=str)
    spans = [range(1, 6)] * len(names) + [(1, -1)] * len(equation.signs)
    points = sorted(islice(product(*spans), 20000), key=lambda p: sum(map(abs, p)))
    for point in points:
        at: Mapping[sp.Symbol, int] = dict(zip([*names, *equation.signs], point, strict=True))
        left, right = equation.left.subs(at), equation.right.subs(at)
        if left != right and left.is_number and right.is_number and left.is_finite and right.is_finite:
            values = {str(n): str(v) for n, v in at.items()}
            return Counterexample({}, values, str(left), str(right), "left side", "right side", equation.name)
    return None
