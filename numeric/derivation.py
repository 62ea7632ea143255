r"""Derivations for all sizes: obligations (equations between matrix words), ways to make them, and what decides them.

Main definitions: `Obligation`, `decide`; `token_induction`, `step_induction`, `invariance`, `loss_expansion`; `rewrite`,
`evaluate`, `example`, `coefficient`.
A derivation is a function that yields obligations. Each is decided by the normal form of `numeric.words`, and the cheap
ones again by SymPy. That the obligations together imply the claim is left to the reader; each says why it is there.
"""

from __future__ import annotations

import inspect
import math
import random
from collections import ChainMap
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import reduce
from itertools import chain
from pathlib import Path
from typing import Any, cast

import numpy as np

from numeric.blocks import Blocks, blocks, cut
from numeric.finding import Counterexample, Finding, Verdict
from numeric.words import (
    ONE,
    Atom,
    Letter,
    Ratio,
    ShapeError,
    Unsupported,
    Word,
    Words,
    eye,
    lift,
    matrix,
    same_shape,
    scalar,
    spell,
    times,
    trace,
    zeros,
)

# ---------------------------------------------------------------------------------------- rules, values, examples

Rules = Sequence[tuple[Words, Words]]
"""Assumed equations (left, right); each left is a single word."""


def rewrite(x: Any, rules: Rules, limit: int = 100) -> Any:
    """Puts right for left for each assumed equation, inside words and traces, until nothing matches.

    Each left is one word with coefficient 1, perhaps a 1x1 form (`A @ Ainv`, `u.mT @ u`); transposed equations are used
    too. Sound wherever the equations hold; not complete: different results do not refute. Unsupported after `limit`
    rounds, and for a left side that is no single word.
    """
    if isinstance(x, Blocks):
        return x.each(lambda entry: rewrite(entry, rules, limit), ("rewrite", x))
    table: list[tuple[Word, Words]] = []
    for left, right in rules:
        same_shape("rule", left, right)
        for side, value in ((left, right), (left.mT, right.mT)):
            found = [atom.word for atom in side.value.used()] if side.small else [*side.terms]
            if len(found) != 1 or not found[0] or side != spell(found[0], side.rows):
                raise Unsupported(f"the left side of a rule must be one word with coefficient 1, not {left!r}")
            table.append((found[0], value * eye(1) if value.small else value))
    matched = True

    def image(word: Word, rows: Ratio, cyclic: bool = False) -> Words:
        nonlocal matched
        for i in range(len(word)):
            before, rest = ((), word[i:] + word[:i]) if cyclic else (word[:i], word[i:])
            for pattern, value in table:
                if rest[: len(pattern)] == pattern:
                    matched = True
                    front = spell(before, before[0].rows if before else value.rows)
                    return cast(Words, front @ value @ spell(rest[len(pattern) :], value.cols))
        return spell(word, rows)

    def atom(a: Atom) -> Words:
        return trace(image(a.word, a.word[0].rows, a.kind == "trace")) if a.word else lift(times(ONE, [a]))

    for _ in range(limit):
        if not matched:
            return x
        matched = False
        x = x.map(image, atom, ("rewrite", x))
    raise Unsupported(f"rewriting did not end in {limit} rounds; do the rules go round in a circle?")


def symbols(*matrices: Any) -> tuple[dict[str, Letter], set[str]]:
    """The letters (untransposed, by name) and the names of all scalars and sizes in these matrices.

    Unsupported if one name stands for two things.
    """
    letters: dict[str, Letter] = {}
    sizes: list[Ratio] = []
    for x in chain.from_iterable(chain(*m.entries) if isinstance(m, Blocks) else [m] for m in matrices):
        sizes += [x.rows, x.cols, *x.terms.values()]
        for word in chain(x.terms, (atom.word for c in x.terms.values() for atom in c.used())):
            for found in (letter.mT if letter.transposed else letter for letter in word):
                if letters.setdefault(found.name, found) != found:
                    raise Unsupported(f"two matrices are called {found.name}: their shape or kind differs")
    sizes += [size for letter in letters.values() for size in (letter.rows, letter.cols)]
    names = {atom.name for size in sizes for atom in size.used() if not atom.word}
    if names & letters.keys():
        raise Unsupported(f"a matrix and a scalar share a name: {sorted(names & letters.keys())}")
    return letters, names


def evaluate(x: Any, values: Mapping[str, Any]) -> Any:
    """The value at exact numbers: an object array of fractions, or a fraction for a scalar.

    values: for each letter a nested list or array of shape (rows, cols), for each scalar a number; sizes may be left
    out where they are a dimension of a letter. ShapeError if an array has the wrong shape, KeyError if a value is
    missing, ZeroDivisionError at a pole.
    """
    letters, names = symbols(x)
    arrays = {name: np.array(values[name], dtype=object) for name in letters}
    numbers = {name: Fraction(values[name]) for name in names if name in values}
    for name, letter in letters.items():
        for size, found in zip((letter.rows, letter.cols), arrays[name].shape, strict=True):
            if (used := size.used()) and size == times(ONE, used[:1]):
                numbers.setdefault(used[0].name, Fraction(found))

    def number(r: Ratio) -> Fraction:
        return Fraction(r.at(lambda a: np.trace(product(a.word, ONE)) if a.word else numbers[a.name]))

    def product(word: Word, rows: Ratio) -> Any:
        if not word:
            return np.vectorize(Fraction, otypes=[object])(np.eye(int(number(rows)), dtype=int))
        return reduce(np.matmul, (arrays[a.name].T if a.transposed else arrays[a.name] for a in word))

    for name, letter in letters.items():
        expected = (int(number(letter.rows)), int(number(letter.cols)))
        if arrays[name].shape != expected:
            raise ShapeError(f"{name} has shape {arrays[name].shape}; expected {expected}")
    if isinstance(x, Blocks):
        return np.block(
            [
                [evaluate(entry, ChainMap(dict[str, Any](numbers), cast(Any, values))) for entry in row]
                for row in x.entries
            ]
        )
    if not x.ndim:
        return number(x.value)
    total = np.full((int(number(x.rows)), int(number(x.cols))), Fraction(0), dtype=object)
    return sum((number(c) * product(word, x.rows) for word, c in x.terms.items()), total)


def example(left: Any, right: Any, tries: int = 200) -> Counterexample | None:
    """Small sizes and small integers at which two matrices of one shape differ, or None if none was found."""
    letters, names = symbols(left, right)
    dimensions = [s for x in (left, right, *letters.values()) for s in (x.rows, x.cols)]
    sizes = {atom.name for s in dimensions for atom in s.used()}
    draw = random.Random(0)
    for attempt in range(tries):
        # all sizes and entries are 1 at first; then sizes grow to 3, and entries differ
        values: dict[str, Any] = {n: 1 + attempt * draw.randrange(4) // tries for n in sorted(sizes)}
        values |= {n: draw.randint(1, 3) if attempt else 1 for n in sorted(names - sizes)}
        if any(x.kind == "isometry" and _at(x.rows, values) < _at(x.cols, values) for x in letters.values()):
            continue
        for name, letter in sorted(letters.items()):
            values[name] = _draw(letter, values, draw if attempt else None)
        found = _difference(left, right, values, sizes)
        if found:
            return found
    return None


def _draw(letter: Letter, values: Mapping[str, Any], draw: random.Random | None) -> Any:
    rows, cols = _at(letter.rows, values), _at(letter.cols, values)
    if letter.kind == "isometry":
        return np.eye(rows, cols, dtype=int).astype(object)
    flat = [draw.randint(-2, 2) if draw else 1 for _ in range(rows * cols)]
    entries = np.array(flat, dtype=object).reshape(rows, cols)
    if letter.kind == "symmetric":
        entries = np.tril(entries) + np.tril(entries, -1).T
    return entries * np.eye(rows, dtype=int) if letter.kind == "diagonal" else entries


def _at(size: Ratio, values: Mapping[str, Any]) -> int:
    return int(size.at(lambda a: Fraction(values[a.name])))


def _difference(left: Any, right: Any, values: Mapping[str, Any], sizes: Iterable[str]) -> Counterexample | None:
    try:
        a, b = evaluate(left, values), evaluate(right, values)
    except ZeroDivisionError:
        return None
    if np.array_equal(a, b):
        return None
    inputs = {name: _nested(value) for name, value in values.items() if name not in sizes}
    return Counterexample({name: int(values[name]) for name in sorted(sizes)}, inputs, _nested(a), _nested(b))


def _nested(x: Any) -> Any:
    return [_nested(row) for row in x] if isinstance(x, (np.ndarray, list, tuple)) else str(x)


def coefficient(x: Words, t: Words, power: int) -> Words:
    """The coefficient of a power of the named scalar t; one that is zero keeps where it comes from."""
    found = x.coefficients(t).get(power)
    return Words(x.rows, x.cols, [], ("coefficient", x, t, power), x.ndim) if found is None else found


def alike(left: Any, right: Any) -> bool:
    """Whether two matrices were written as one calculation: the same operations on the same letters."""
    if left is right:
        return True
    if isinstance(left, (Words, Blocks)):
        return type(left) is type(right) and alike(left.origin, right.origin)
    if type(left) in (tuple, list) and type(left) is type(right):
        return len(left) == len(right) and all(map(alike, left, right))
    return type(left) is type(right) and bool(left == right)


def named(x: Any) -> bool:
    """Whether a letter or a named scalar was used to write `x`."""
    if isinstance(x, (Words, Blocks)):
        return named(x.origin)
    return any(map(named, x)) if type(x) in (tuple, list) else isinstance(x, (Letter, Atom))


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
    steps: list[dict[str, str]] = []
    count = {"words": 0, "hollow": 0, "agrees": 0, "abstains": 0, "skipped": 0}

    def finding(verdict: Verdict, reason: str = "", found: Counterexample | None = None) -> Finding:
        return _finding(verdict, reason, found, steps, count, second_opinion)

    last = "the first step"
    try:
        for obligation in derive():
            last = f"the step {obligation.name!r}"
            stop = _decided(obligation, steps, count, limit if second_opinion else 0)
            if stop:
                return finding(*stop)
            last = f"the step after {obligation.name!r}"
    except ShapeError as error:
        return finding(Verdict.REFUTED, f"in {last} shapes differ: {error}")
    except (TypeError, AttributeError, ArithmeticError, LookupError) as error:
        reason = f"in {last} something is outside matrix words: {type(error).__name__}: {error}"
        return finding(Verdict.UNDECIDED, reason)
    if not steps:
        return finding(Verdict.UNDECIDED, "the derivation has no steps, and an empty one confirms nothing")
    if count["hollow"] == len(steps):
        return finding(Verdict.UNDECIDED, "no step can fail: each compares a calculation with itself, or constants")
    return finding(Verdict.CONFIRMED)


def _decided(
    o: Obligation, steps: list[dict[str, str]], count: dict[str, int], limit: int
) -> tuple[Verdict, str, Counterexample | None] | None:
    """Decides one obligation and notes it down; what to stop with, or None if it holds."""
    step = {"name": o.name, "latex": o.latex(), "why": o.why, "verdict": "undecided", "second opinion": "not asked"}
    steps.append(step)
    symbols(o.left, o.right)
    if (o.left.rows, o.left.cols) != (o.right.rows, o.right.cols):
        raise ShapeError(f"the left side is {o.left.shape}, the right side {o.right.shape}")
    left, right = (rewrite(side, o.assumptions) for side in (o.left, o.right))
    difference = left - right
    holds = bool(difference.is_zero)
    step["verdict"] = "confirmed" if holds else "refuted"
    step["normal form"] = left.latex() if holds else f"{left.latex()} \\ne {right.latex()}"
    count["words"] += _length(left) + _length(right)
    count["hollow"] += alike(o.left, o.right) or not (named(o.left) or named(o.right))
    if not limit or o.assumptions or _work(o.left, o.right) > limit:
        count["skipped"] += 1
    else:
        opinion, seen = _second_opinion(o.left, o.right)
        step["second opinion"] = {True: "equal", False: "different", None: f"abstains: {seen}"}[opinion]
        if opinion is not None and opinion != holds:
            step["verdict"] = "undecided"
            reason = f"{o.name}: matrix words leave over {difference!r}, SymPy leaves over {seen}"
            return Verdict.UNDECIDED, reason, None
        count["abstains" if opinion is None else "agrees"] += 1
    return None if holds else _failure(o, difference, step)


def _failure(o: Obligation, difference: Any, step: dict[str, str]) -> tuple[Verdict, str, Counterexample | None]:
    over = f"what is left over: {difference!r}"
    if not o.assumptions:
        found = example(o.left, o.right)
        letters, _ = symbols(o.left, o.right)
        fixed = [x.name for x in letters.values() for s in (x.rows, x.cols) if not s.used() and not s.one and s]
        if found or not fixed:
            return Verdict.REFUTED, f"{o.name} fails; {over}", found
        step["verdict"] = "undecided"
        return Verdict.UNDECIDED, f"{o.name}: {over}; not conclusive, since {fixed[0]} has a fixed size", None
    if o.where is not None:
        for a, b in o.assumptions:
            if np.any(evaluate(a - b, o.where) != 0):
                raise Unsupported(f"the values given for {o.name!r} do not satisfy the assumption {a!r} = {b!r}")
        found = _difference(o.left, o.right, dict(o.where), ())
        if found:
            return Verdict.REFUTED, f"{o.name} fails; {over}", found
    step["verdict"] = "undecided"
    return Verdict.UNDECIDED, f"{o.name} does not follow from its assumptions by rewriting; {over}", None


def _length(x: Any) -> int:
    entries = chain(*x.entries) if isinstance(x, Blocks) else [x]
    return sum(len(entry.terms) for entry in entries)


def _work(left: Any, right: Any) -> float:
    from numeric.words.second_opinion import work

    try:
        return max(work(left), work(right))
    except RecursionError:
        return math.inf


def _second_opinion(left: Any, right: Any) -> tuple[bool | None, str]:
    from numeric.words.second_opinion import second_opinion

    if not isinstance(left, Blocks) and not isinstance(right, Blocks):
        return second_opinion(left, right)
    form = left if isinstance(left, Blocks) else right
    pairs = [chain(*cut(x, form.heights, form.widths).entries) for x in (left, right)]
    answers = [second_opinion(a, b) for a, b in zip(*pairs, strict=True)]
    return max(answers, key=lambda answer: (True, None, False).index(answer[0]))


def _finding(
    verdict: Verdict,
    reason: str,
    found: Counterexample | None,
    steps: Sequence[Mapping[str, str]],
    count: Mapping[str, int],
    asked: bool,
) -> Finding:
    texts = [Path(inspect.getfile(kind)).read_text(encoding="utf-8") for kind in (Words, Letter)]
    lines = sum(len(text.splitlines()) for text in texts)
    checker = f"the step checker numeric/words, letters and algebra ({lines} lines)"
    trust = [checker, "FLINT's polynomial arithmetic (coefficients)"]
    trust.append("that the listed steps imply the statement")
    if count["agrees"]:
        import sympy

        trust.append(f"second opinion: SymPy {sympy.__version__} agrees on {count['agrees']} of {len(steps)} steps")
    flags = tuple(f"the second opinion on {s['name']!r} {s['second opinion']}"
                  for s in steps if s["second opinion"].startswith("abstains"))  # fmt: skip
    return Finding(
        verdict,
        reason,
        figures={
            "steps": len(steps) - count["hollow"],
            "words compared": count["words"],
            "steps that can't fail": count["hollow"],
            "second opinion agrees": count["agrees"],
            "second opinion abstains": count["abstains"],
            "second opinion not asked": count["skipped"],
        },
        settings={"engine": "matrix words", "second opinion": asked, "steps": [dict(step) for step in steps]},
        trust=tuple(trust),
        flags=flags,
        counterexample=found,
    )
