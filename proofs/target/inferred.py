"""Parameters of the learner that nothing in the target stands for: what has been inferred for them, by sizes.

Main definition: `Inferred`. `proofs.audit.inference` fills it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum, auto
from fractions import Fraction
from itertools import product
from typing import Any

import numpy as np
import torch
from torch import Tensor

from constructions.learners import Parameter
from numeric.deciding.programs import Sizes
from numeric.finding import Said
from proofs.target.gates import Value

Numbers = tuple[Fraction, ...]
_EXPONENTS = (0, 0.5, -0.5, 1, -1, 1.5, -1.5, 2, -2)
"""Powers of N, f and m that a step size has."""
_ROUNDED, _FITTED = 2.0**-44, 2.0**-18
"""So far may numbers be from such a power, relatively: those of one token, which a few hundred roundings of constants such
as f**-0.5 can have moved, and those of a fit."""
Key = tuple[tuple[str, int], ...]


def key(X: Any, Y: Any) -> Key:
    """The sizes of a context."""
    return (("N", X.shape[0]), ("f", X.shape[1]), ("m", Y.shape[1]))


def key_of(sizes: Sizes) -> Key:
    """These sizes."""
    return tuple((k, sizes[k]) for k in ("N", "f", "m"))


class How(Enum):
    """Where numbers come from."""

    TOKEN = auto()
    """The answer to one token."""
    FIT = auto()


class Unknown(Said, Enum):
    """What is known of a number that is not known."""

    NUMBER = auto()
    """It was not inferred."""


Elsewhere = tuple[int, int, Numbers]
"""f, m, and the numbers there without their power of N."""


@dataclass(frozen=True)
class Number(Said):
    """What was inferred for a parameter at one f, by context length.

    power: of N, by which `numbers` are multiplied at each of the lengths; None where there is none. rounded: up to rounding.
    elsewhere: where other f and m have other numbers.
    """

    f: int
    by_length: tuple[tuple[int, Numbers], ...]
    how: How
    power: int | None
    numbers: Numbers
    rounded: bool
    elsewhere: tuple[Elsewhere, ...] = ()


@dataclass
class Inferred:
    """The values of some parameters by sizes: one number each, or one a channel or pair of channels.

    how: where they come from. note: what has to be said of them. fits: the numbers by context length that a fit at (f, m)
    found, None where it found none. borrowed: the sizes whose numbers are those of another f and m.
    """

    parameters: tuple[Parameter, ...] = ()
    known: dict[Key, dict[str, Numbers]] = field(default_factory=dict)
    how: How = How.TOKEN
    note: Said | None = None
    fits: dict[tuple[int, int], Callable[[int], Sequence[Any]] | None] = field(default_factory=dict)
    borrowed: set[Key] = field(default_factory=set)

    @property
    def names(self) -> tuple[str, ...]:
        """What is inferred."""
        return tuple(p.name for p in self.parameters)

    def values(self, X: Tensor, Y: Tensor, N: Any = None) -> dict[str, Value]:
        """The values at the sizes of a context; N: a tensor that stands for its length."""
        if N is None:
            return {name: _value(numbers, X) for name, numbers in self.known.get(key(X, Y), {}).items()}
        found = {}
        for name in self.names:
            by_length = self._lengths(name, X.shape[1], Y.shape[1])
            power = _power(by_length)
            if power is not None and all(len(v) == 1 for v in by_length.values()):
                at, (number,) = next(iter(by_length.items()))
                share = number / Fraction(at) ** power
                found[name] = Value(N * share.numerator / share.denominator if power else share)
        return found

    def _lengths(self, name: str, f: int, m: int) -> dict[int, Numbers]:
        return {dict(k)["N"]: v[name] for k, v in self.known.items() if (dict(k)["f"], dict(k)["m"]) == (f, m)}

    def several(self, sizes: Sizes) -> bool:
        """Whether the numbers are known at more than one length."""
        return all(len(self._lengths(name, sizes["f"], sizes["m"])) > 1 for name in self.names)

    def by_law(self, sizes: Sizes) -> dict[str, Numbers] | None:
        """The numbers at other lengths as constants times one power of N; None where they are not."""
        found = {}
        for name in self.names:
            by_length = self._lengths(name, sizes["f"], sizes["m"])
            power = _power(by_length)
            if power is None:
                return None
            at, numbers = next(iter(by_length.items()))
            found[name] = tuple(v * Fraction(sizes["N"], at) ** power for v in numbers)
        return found

    def lawless(self) -> str:
        """The parameter whose numbers are no constant times powers of N, f and m, over all sizes where it is known."""
        slack = _FITTED if self.fits else _ROUNDED
        for name in self.names:
            known = {k: v[name] for k, v in self.known.items() if k not in self.borrowed and len(v[name]) == 1}
            if len(known) > 1 and not _monomial({k: float(v) for k, (v,) in known.items()}, slack):
                return name
        return ""

    # --- what was found ------------------------------------------------------------------------------------------

    def described(self, sizes: Sizes, others: Sequence[Sizes] = ()) -> dict[str, Said]:
        """Each parameter at the f and m of `sizes`, and at `others` where it is another number there."""
        return {name: self._described(name, sizes, others) for name in self.names}

    def _described(self, name: str, sizes: Sizes, others: Sequence[Sizes]) -> Said:
        by_length = self._lengths(name, sizes["f"], sizes["m"])
        here = by_length.get(sizes["N"])
        if here is None:
            return Unknown.NUMBER
        several = len(by_length) > 1  # one length shows no power of N
        power, nearly = (_power(by_length), _power(by_length, nearest)) if several else (None, None)
        law = power if power is not None else nearly
        return Number(
            sizes["f"],
            tuple(sorted(by_length.items())),
            self.how,
            law,
            tuple(v / Fraction(sizes["N"]) ** (law or 0) for v in here),
            rounded=power is None,
            elsewhere=tuple(self._elsewhere(name, sizes, others, law or 0)),
        )

    def _elsewhere(self, name: str, sizes: Sizes, others: Sequence[Sizes], power: int) -> Iterator[Elsewhere]:
        """The numbers at other f and m, where they are other."""
        base = self._lengths(name, sizes["f"], sizes["m"])[sizes["N"]]
        here = tuple(v / Fraction(sizes["N"]) ** power for v in base)
        for at in others:
            found = self._lengths(name, at["f"], at["m"]).get(at["N"], ())
            numbers = tuple(v / Fraction(at["N"]) ** power for v in found)
            if numbers and [*map(nearest, numbers)] != [*map(nearest, here)]:
                yield at["f"], at["m"], numbers


def _value(numbers: Numbers, like: Tensor) -> Value:
    if len(numbers) == 1:
        return Value(numbers[0])
    f = like.shape[1]
    array = torch.stack([Value(v).tensor(like) for v in numbers])
    return Value(array[None, :], ("f",)) if len(numbers) == f else Value(array.reshape(f, f), ("f", "f"))


def nearest(number: Fraction) -> float:
    """The number to 15 digits."""
    return float(f"{float(number):.15g}")


def _power(by_length: Mapping[int, Numbers], read: Callable[[Fraction], Any] = lambda number: number) -> int | None:
    """p with numbers = constants * N^p, for p = 0, 1, -1; None if there is none. read: what has to be the same."""
    for power in (0, 1, -1) if len(by_length) > 1 else (1,):
        if len({tuple(read(v / Fraction(n) ** power) for v in numbers) for n, numbers in by_length.items()}) == 1:
            return power
    return None


def _monomial(values: Mapping[Key, float], slack: float) -> bool:
    """Whether the values are c N^a f^b m^c for some of `_EXPONENTS`, up to a relative slack."""
    numbers = np.array(list(values.values()))
    if not numbers.any():
        return True
    if not (numbers > 0).all() and not (numbers < 0).all():
        return False
    sizes = np.log(np.array([[n for _, n in k] for k in values], dtype=float))
    exponents = np.array(list(product(_EXPONENTS, repeat=3)))
    left = np.log(np.abs(numbers))[:, None] - sizes @ exponents.T
    return bool((np.ptp(left, axis=0) < slack).any())
