"""Matrix words with numbers put into them, and rewritten by assumed equations.

Main definitions: `rewrite`, `symbols`, `evaluate`, `example`, `difference`.
"""

from __future__ import annotations

import random
from collections import ChainMap
from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction
from functools import reduce
from itertools import chain
from typing import Any, cast

import numpy as np

from numeric.finding import Counterexample
from numeric.words.algebra import Words, eye, lift, same_shape, spell, trace
from numeric.words.blocks import Blocks
from numeric.words.letters import ONE, Atom, Letter, Ratio, ShapeError, Unsupported, Word, times

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
        found = difference(left, right, values, sizes)
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


def difference(left: Any, right: Any, values: Mapping[str, Any], sizes: Iterable[str]) -> Counterexample | None:
    """The two values at these numbers, where there are such and they differ. sizes: which of the numbers are sizes."""
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
