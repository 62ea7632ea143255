"""Parameters of the learner that nothing in the target stands for: what has been inferred for them, by sizes.

Main definition: `Inferred`. `proofs.audit.inference` fills it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import product
from typing import Any

import numpy as np
import torch
from torch import Tensor

from constructions.learners import Parameter
from numeric.deciding.programs import Sizes
from proofs.target.gates import Value

Numbers = tuple[Fraction, ...]
_EXPONENTS = (0, 0.5, -0.5, 1, -1, 1.5, -1.5, 2, -2)
"""Powers of N, f and m that a step size has."""
_ROUNDED, _FITTED = 2.0**-44, 2.0**-18
"""So far may numbers be from such a power, relatively: those of one token, which a few hundred roundings of constants such
as f**-0.5 can have moved, and those of a fit."""
_POWERS = {0: "", 1: " N", -1: "/N"}
Key = tuple[tuple[str, int], ...]


def key(X: Any, Y: Any) -> Key:
    """The sizes of a context."""
    return (("N", X.shape[0]), ("f", X.shape[1]), ("m", Y.shape[1]))


def key_of(sizes: Sizes) -> Key:
    """These sizes."""
    return tuple((k, sizes[k]) for k in ("N", "f", "m"))


@dataclass
class Inferred:
    """The values of some parameters by sizes: one number each, or one a channel or pair of channels.

    how: in words. note: what has to be said of them. fits: the numbers by context length that a fit at (f, m) found, None
    where it found none. borrowed: the sizes whose numbers are those of another f and m.
    """

    parameters: tuple[Parameter, ...] = ()
    known: dict[Key, dict[str, Numbers]] = field(default_factory=dict)
    how: str = "from one token"
    note: str = ""
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

    # --- words ---------------------------------------------------------------------------------------------------

    def described(self, sizes: Sizes, others: Sequence[Sizes] = ()) -> dict[str, str]:
        """Each parameter in words, at the f and m of `sizes`, and at `others` where it is another number there."""
        return {name: self._described(name, sizes, others) for name in self.names}

    def _described(self, name: str, sizes: Sizes, others: Sequence[Sizes]) -> str:
        by_length = self._lengths(name, sizes["f"], sizes["m"])
        here = by_length.get(sizes["N"])
        if here is None:
            return "not inferred"
        lengths = ", ".join(map(str, sorted(by_length)))
        several = len(by_length) > 1  # one length shows no power of N
        power, nearly = (_power(by_length), _power(by_length, _nearest)) if several else (None, None)
        if power is None and nearly is not None:
            number = ", ".join(f"{_nearest(v / Fraction(sizes['N']) ** nearly):.15g}" for v in here)
            text = f"{number}{_POWERS[nearly]} up to rounding (at f={sizes['f']}, N = {lengths})"
        elif power is None:
            text = "; ".join(f"{shown(v)} at N={n}" for n, v in sorted(by_length.items()))
        else:
            text = shown(tuple(v / Fraction(sizes["N"]) ** power for v in here)) + _POWERS[power]
            text += f" (at f={sizes['f']}, the same for N = {lengths})"
        text += self._elsewhere(name, sizes, others, power if power is not None else nearly or 0)
        return f"{text}, inferred {self.how}"

    def _elsewhere(self, name: str, sizes: Sizes, others: Sequence[Sizes], power: int) -> str:
        """The numbers at other f and m, where they are other."""
        base = self._lengths(name, sizes["f"], sizes["m"])[sizes["N"]]
        here = tuple(v / Fraction(sizes["N"]) ** power for v in base)
        text = ""
        for at in others:
            found = self._lengths(name, at["f"], at["m"]).get(at["N"], ())
            numbers = tuple(v / Fraction(at["N"]) ** power for v in found)
            if numbers and [*map(_nearest, numbers)] != [*map(_nearest, here)]:
                text += f"; {shown(numbers)}{_POWERS[power]} at (f, m) = ({at['f']}, {at['m']})"
        return text


def _value(numbers: Numbers, like: Tensor) -> Value:
    if len(numbers) == 1:
        return Value(numbers[0])
    f = like.shape[1]
    array = torch.stack([Value(v).tensor(like) for v in numbers])
    return Value(array[None, :], ("f",)) if len(numbers) == f else Value(array.reshape(f, f), ("f", "f"))


def _nearest(number: Fraction) -> float:
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


def shown(numbers: Numbers) -> str:
    """The numbers in words."""
    words = [str(v) if v.denominator < 10**6 else f"{float(v):.17g}" for v in numbers]
    return words[0] if len(words) == 1 else f"({', '.join(words)})"
