r"""Derivations for all sizes: obligations (equations between matrix words), ways to make them, and what decides them.

Main definitions: `Obligation`, `decide`; `token_induction`, `step_induction`, `invariance`, `loss_expansion`.
A derivation is a function that yields obligations. Each is decided by the normal form of `numeric.words`, and the cheap
ones again by SymPy. That the obligations together imply the claim is left to the reader; each says why it is there.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np

from numeric.finding import Counterexample, Finding, Said, Told, Verdict
from numeric.trust import Trust
from numeric.words import Letter, ShapeError, Unsupported, Words, lift, matrix, same_shape, scalar, trace, zeros
from numeric.words.blocks import Blocks, blocks, cut
from numeric.words.findings import (
    Abstains,
    Agrees,
    At,
    Checker,
    FixedSize,
    Hollow,
    LeftOver,
    NotFollowing,
    OpinionsDiffer,
    OutsideWords,
    ShapesDiffer,
)
from numeric.words.values import Rules, alike, difference, named, symbols
from numeric.words.values import coefficient as coefficient
from numeric.words.values import evaluate as evaluate
from numeric.words.values import example as example
from numeric.words.values import rewrite as rewrite

# ---------------------------------------------------------------------------------------------------- obligations


@dataclass(frozen=True, eq=False)
class Obligation:
    """One equation of a derivation: left = right for all sizes and all values of the symbols.

    why: a sentence with dollar mathematics. assumptions: equations used as rewrite rules. where: values of the symbols
    that satisfy the assumptions; with assumptions, only a difference at such values refutes.
    """

    name: str
    left: Any
    right: Any
    why: str
    assumptions: Rules = ()
    where: Mapping[str, Any] | None = None

    def __post_init__(self) -> None:
        for side in ("left", "right"):
            value = getattr(self, side)
            value = value if isinstance(value, Blocks) else lift(value)
            if value is NotImplemented:
                raise Unsupported(f"the {side} side of {self.name!r} is {getattr(self, side)!r}, no matrix of words")
            object.__setattr__(self, side, value)
        if not self.name.strip() or not self.why.strip():
            raise ValueError(f"the obligation {self.name!r} needs a name and a reason why it is there")

    def latex(self) -> str:
        """The equation as it was written, with its assumptions, without dollar signs."""
        from numeric.words.printing import formula  # SymPy is loaded only to print, and for a second opinion

        given = ", ".join(f"{formula(left)} = {formula(right)}" for left, right in self.assumptions)
        return f"{formula(self.left)} = {formula(self.right)}" + (rf" \quad \text{{given }} {given}" if given else "")


Derivation = Callable[[], Iterable[Obligation]]


@dataclass(frozen=True, eq=False)
class Companion:
    """What a closed form depends on, beside k: its value at k, at k + 1, and at the start (`first`)."""

    now: Any
    next: Any
    first: Any


def _state(x: Any) -> tuple[Any, ...]:
    return tuple(x) if isinstance(x, (tuple, list)) else (x,)


def _equations(name: str, left: Any, right: Any, why: str, rules: Rules) -> Iterator[Obligation]:
    a, b = _state(left), _state(right)
    if len(a) != len(b):
        raise ShapeError(f"{name}: {len(a)} components on the left, {len(b)} on the right")
    for i, (x, y) in enumerate(zip(a, b, strict=True)):
        yield Obligation(name if len(a) == 1 else f"{name}, component {i + 1}", x, y, why, rules)


def step_induction(
    recurrence: Callable[..., Any],
    closed: Callable[..., Any],
    companions: Sequence[Companion],
    initial: Any,
    *,
    name: str = "k",
    assumptions: Rules = (),
) -> Iterator[Obligation]:
    """Shows state_k = closed(companions at k) for every k, for state_{k+1} = recurrence(state_k) and state_0 = initial.

    The state is a matrix or a tuple of them; `recurrence` takes its components, `closed` takes the companions' values.
    """
    start, now, after = ([getattr(c, at) for c in companions] for at in ("first", "now", "next"))
    why = f"Base case of the induction on ${name}$: the closed form at the start is the initial state."
    yield from _equations(f"base case of {name}", closed(*start), initial, why, assumptions)
    why = f"Induction step in ${name}$: the closed form, put into the recurrence, gives the closed form one step later."
    stepped = recurrence(*_state(closed(*now)))
    yield from _equations(f"step of {name}", stepped, closed(*after), why, assumptions)


def token_induction(
    step: Callable[..., Any],
    closed: Callable[..., Any],
    sequences: Sequence[Words],
    tokens: Sequence[Words],
    initial: Any = None,
    *,
    companions: Sequence[Companion] = (),
    name: str = "N",
    assumptions: Rules = (),
) -> Iterator[Obligation]:
    """Shows that a scan over tokens computes a closed form, for every number of tokens.

    sequences: letters with one row a token, such as X (N, f). tokens: the next token of each, as a column, such as
    x (f, 1). `step(*state, *tokens)` is the scan's step; `closed(*sequences, *companions)` the state after N tokens;
    `initial` the state before the first (zero if left out). At N = 0 the sequences are empty; a step appends a row.
    """
    for sequence, token in zip(sequences, tokens, strict=True):
        same_shape("token", token, zeros(sequence.cols, 1))
    grown = [
        Companion(sequence, blocks([[sequence], [token.mT]]), zeros(0, sequence.cols))
        for sequence, token in zip(sequences, tokens, strict=True)
    ]
    everything = [*grown, *companions]
    if initial is None:
        state = _state(closed(*(c.now for c in everything)))
        initial = tuple(zeros(x.rows, x.cols) for x in state)

    def recurrence(*state: Any) -> Any:
        return step(*state, *tokens)

    yield from step_induction(recurrence, closed, everything, initial, name=name, assumptions=assumptions)


def invariance(
    recurrence: Callable[..., Any],
    invariant: Callable[..., Any],
    state: Any,
    initial: Any = None,
    value: Any = None,
    *,
    name: str = "the invariant",
    assumptions: Rules = (),
) -> Iterator[Obligation]:
    """Shows that a step from any state leaves `invariant(*state)` alone, and that it is `value` at `initial`."""
    if initial is not None:
        why = "The invariant has this value at the start."
        yield from _equations(f"{name} at the start", invariant(*_state(initial)), value, why, assumptions)
    why = "One step from an arbitrary state leaves the invariant as it is, so it holds after every number of steps."
    stepped = invariant(*_state(recurrence(*_state(state))))
    yield from _equations(f"{name} after a step", stepped, invariant(*_state(state)), why, assumptions)


def loss_expansion(
    loss: Callable[[Any], Words],
    letter: Words,
    claimed: Words | None = None,
    *,
    direction: str = "H",
    t: str = "t",
    quadratic: bool = True,
    name: str = "the loss",
) -> Iterator[Obligation]:
    r"""Shows that `claimed` (the traces' gradient if left out) is the gradient of a loss, by two independent ways.

    The loss is run at $W$ and at $W + tH$. With $G$ the gradient, $L(W + tH) = L(W) + t \langle G, H \rangle + t^2 Q$,
    where $Q$ is free of $t$ (`quadratic`) or polynomial in it, and $\langle G, H \rangle$ for all $H$ determines $G$.
    Unsupported if the gradient is zero: the loss then says nothing about the letter.
    """
    h, at = matrix(direction, letter.rows, letter.cols), scalar(t)
    value = loss(letter)
    letters, names = symbols(value)
    if direction in letters or t in names:
        raise Unsupported(f"{direction} or {t} occurs in the loss; give other names for the direction and the scalar")
    traced = value.gradient(letter)
    gradient = traced if claimed is None else claimed
    if traced.is_zero:
        raise Unsupported(f"the gradient of {name} by {letter!r} is zero: the loss does not depend on it")
    if claimed is not None:
        why = f"The gradient of {name}, from its traces: cut at each ${letter.latex()}$, rotate, transpose."
        yield Obligation(f"gradient of {name}", traced, claimed, why)
    moved = loss(letter + at * h)
    parts = moved.coefficients(at)
    zero = scalar(0)
    inner = trace(gradient.mT @ h)
    line = f"${letter.latex()} + {at.latex()} {h.latex()}$"
    yield Obligation(f"{name} at no step", parts.get(0, zero), value, f"On {line} the constant term is {name} itself.")
    why = rf"On {line} the linear term is $\langle G, {h.latex()} \rangle$."
    yield Obligation(f"slope of {name}", parts.get(1, zero), inner, why)
    second = parts.get(2, zero)
    if not quadratic:
        second = sum((at ** (p - 2) * part for p, part in parts.items() if p > 2), second)
    kind = f"term free of ${at.latex()}$" if quadratic else "polynomial"
    why = f"What is left is ${at.latex()}^2$ times a {kind}."
    yield Obligation(f"remainder of {name}", moved, value + at * inner + at**2 * second, why)
    why = rf"The linear term, as a functional of ${h.latex()}$, determines the gradient."
    yield Obligation(f"uniqueness for {name}", parts.get(1, zero).gradient(h), gradient, why)


# ------------------------------------------------------------------------------------------------------- decision


def decide(derive: Derivation, *, second_opinion: bool = True, limit: int = 24) -> Finding:
    """Decides every obligation of a derivation, in order, up to the first that fails.

    Confirmed: each has one normal form on both sides, and one of them at least could have failed: a step that compares a
    calculation with itself, or numbers with numbers, is listed but does not count. Refuted: the shapes of two operands
    contradict each other, or an obligation leaves a difference (the reason shows it, with a small counterexample).
    Undecided: an operation outside the class, a difference that the assumptions might explain away, or SymPy disagrees.
    second_opinion: also ask SymPy, about obligations whose blind expansion has at most `limit` terms on either side.
    """
    log = _Log()

    def finding(verdict: Verdict, reason: Told = "", found: Counterexample | None = None) -> Finding:
        return _finding(verdict, reason, found, log, second_opinion)

    last = At()
    try:
        for obligation in derive():
            last = At(obligation.name)
            stop = _decided(obligation, log, limit if second_opinion else 0)
            if stop:
                return finding(*stop)
            last = At(obligation.name, after=True)
    except ShapeError as error:
        return finding(Verdict.REFUTED, ShapesDiffer(last, str(error)))
    except (TypeError, AttributeError, ArithmeticError, LookupError) as error:
        return finding(Verdict.UNDECIDED, OutsideWords(type(error).__name__, str(error), last))
    if not log.steps:
        return finding(Verdict.UNDECIDED, Hollow.EMPTY)
    if log.hollow == len(log.steps):
        return finding(Verdict.UNDECIDED, Hollow.FIRM)
    return finding(Verdict.CONFIRMED)


@dataclass
class _Log:
    """The steps taken, as they are listed, and how many words they compared; which of them can't fail (`hollow`), and
    what the second opinion on them was: how often it agreed, was not asked (`skipped`), and where it abstained, and why."""

    steps: list[dict[str, str]] = field(default_factory=list)
    words: int = 0
    hollow: int = 0
    agrees: int = 0
    skipped: int = 0
    abstained: list[tuple[str, Told]] = field(default_factory=list)


def _decided(o: Obligation, log: _Log, limit: int) -> tuple[Verdict, Told, Counterexample | None] | None:
    """Decides one obligation and notes it down; what to stop with, or None if it holds."""
    step = {"name": o.name, "latex": o.latex(), "why": o.why, "verdict": "undecided", "second opinion": "not asked"}
    log.steps.append(step)
    symbols(o.left, o.right)
    if (o.left.rows, o.left.cols) != (o.right.rows, o.right.cols):
        raise ShapeError(f"the left side is {o.left.shape}, the right side {o.right.shape}")
    left, right = (rewrite(side, o.assumptions) for side in (o.left, o.right))
    rest = left - right
    holds = bool(rest.is_zero)
    step["verdict"] = "confirmed" if holds else "refuted"
    step["normal form"] = left.latex() if holds else f"{left.latex()} \\ne {right.latex()}"
    log.words += _length(left) + _length(right)
    log.hollow += alike(o.left, o.right) or not (named(o.left) or named(o.right))
    if not limit or o.assumptions or _work(o.left, o.right) > limit:
        log.skipped += 1
    else:
        opinion, seen = _second_opinion(o.left, o.right)
        step["second opinion"] = {True: "equal", False: "different", None: "abstains"}[opinion]
        log.abstained += [(o.name, seen)] if opinion is None else []
        if opinion is not None and opinion != holds:
            step["verdict"] = "undecided"
            return Verdict.UNDECIDED, OpinionsDiffer(o.name, repr(rest), seen), None
        log.agrees += opinion is not None
    return None if holds else _failure(o, rest, step)


def _failure(o: Obligation, rest: Any, step: dict[str, str]) -> tuple[Verdict, Told, Counterexample | None]:
    over = repr(rest)
    if not o.assumptions:
        found = example(o.left, o.right)
        letters, _ = symbols(o.left, o.right)
        fixed = [x.name for x in letters.values() for s in (x.rows, x.cols) if not s.used() and not s.one and s]
        if found or not fixed:
            return Verdict.REFUTED, LeftOver(o.name, over), found
        step["verdict"] = "undecided"
        return Verdict.UNDECIDED, FixedSize(o.name, over, fixed[0]), None
    if o.where is not None:
        for a, b in o.assumptions:
            if np.any(evaluate(a - b, o.where) != 0):
                raise Unsupported(f"the values given for {o.name!r} do not satisfy the assumption {a!r} = {b!r}")
        found = difference(o.left, o.right, dict(o.where), ())
        if found:
            return Verdict.REFUTED, LeftOver(o.name, over), found
    step["verdict"] = "undecided"
    return Verdict.UNDECIDED, NotFollowing(o.name, over), None


def _length(x: Any) -> int:
    entries = chain(*x.entries) if isinstance(x, Blocks) else [x]
    return sum(len(entry.terms) for entry in entries)


def _work(left: Any, right: Any) -> float:
    from numeric.words.second_opinion import work

    try:
        return max(work(left), work(right))
    except RecursionError:
        return math.inf


def _second_opinion(left: Any, right: Any) -> tuple[bool | None, Told]:
    from numeric.words.second_opinion import second_opinion

    if not isinstance(left, Blocks) and not isinstance(right, Blocks):
        return second_opinion(left, right)
    form = left if isinstance(left, Blocks) else right
    pairs = [chain(*cut(x, form.heights, form.widths).entries) for x in (left, right)]
    answers = [second_opinion(a, b) for a, b in zip(*pairs, strict=True)]
    return max(answers, key=lambda answer: (True, None, False).index(answer[0]))


def _finding(verdict: Verdict, reason: Told, found: Counterexample | None, log: _Log, asked: bool) -> Finding:
    texts = [Path(inspect.getfile(kind)).read_text(encoding="utf-8") for kind in (Words, Letter)]
    lines = sum(len(text.splitlines()) for text in texts)
    trust: list[Said] = [Checker(lines), Trust.COEFFICIENTS, Trust.IMPLIED]
    if log.agrees:
        import sympy

        trust.append(Agrees(sympy.__version__, log.agrees, len(log.steps)))
    return Finding(
        verdict,
        reason,
        figures={
            "steps": len(log.steps) - log.hollow,
            "words compared": log.words,
            "steps that can't fail": log.hollow,
            "second opinion agrees": log.agrees,
            "second opinion abstains": len(log.abstained),
            "second opinion not asked": log.skipped,
        },
        settings={"engine": "matrix words", "second opinion": asked, "steps": [dict(step) for step in log.steps]},
        trust=tuple(trust),
        flags=tuple(Abstains(name, seen) for name, seen in log.abstained),
        counterexample=found,
    )
