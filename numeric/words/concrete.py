"""Words at concrete sizes: every invented letter by its definition, so that a result can be held against a plain run.

Main definition: `Point`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from fractions import Fraction
from typing import Any

import numpy as np

from numeric.words.algebra import Words, lift
from numeric.words.blocks import Blocks
from numeric.words.letters import Unsupported
from numeric.words.sequences import BEFORE, Seq
from numeric.words.session import Session, ratio
from numeric.words.values import evaluate


def stored(value: Any) -> Any:
    """A value as letters keep it: a fraction, or an array of two axes."""
    array = np.asarray(value, dtype=object)
    if not array.ndim:
        return Fraction(array.item())
    return array[:, None] if array.ndim == 1 else array


class Point(Mapping[str, Any]):
    """Values of all letters: inputs as object arrays of fractions, sizes, the number of tokens before the generic one."""

    def __init__(self, session: Session, given: Mapping[str, Any], t: int | None = None) -> None:
        self.session, self.given, self.cache = session, dict(given), dict[str, Any]()
        self.time = t

    @property
    def t(self) -> int:
        """The number of tokens before the generic one; Unsupported where there is no such token."""
        if self.time is None:
            raise Unsupported("a value at a generic token, outside any sequence")
        return self.time

    def at(self, t: int | None, **given: Any) -> Point:
        """The same point at another token (or at none), with some values replaced."""
        return Point(self.session, {**self.given, **given}, t)

    def __getitem__(self, name: str) -> Any:
        if name in BEFORE and self.time is not None:
            return Fraction(self.time)
        if name in self.given:
            return self.given[name]
        if name not in self.cache:
            self.cache[name] = stored(self.session.values[name](self))
        return self.cache[name]

    def __contains__(self, name: object) -> bool:
        return name in self.given or name in self.session.values or (name in BEFORE and self.time is not None)

    def __iter__(self) -> Iterator[str]:
        return iter({**self.given, **self.session.values})

    def __len__(self) -> int:
        return len({**self.given, **self.session.values})

    def number(self, size: Any) -> int:
        """A size or a count."""
        return int(evaluate(lift(ratio(size)), self))

    def of(self, x: Any) -> Any:
        """The value of words, blocks, sequences, or of what knows its own: an object array, or a fraction."""
        if isinstance(x, tuple):
            return tuple(map(self.of, x))
        if hasattr(x, "at_point"):
            return x.at_point(self)
        if isinstance(x, Seq):
            found = [self.at(t).of(x.elem) for t in range(self.number(x.length))]
            return np.array(found, dtype=object)
        if not isinstance(x, (Words, Blocks)):
            return Fraction(x)
        value = evaluate(x, self)
        return value[:, 0] if x.ndim == 1 else value
