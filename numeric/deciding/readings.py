"""Constants that a code rounded, read as the algebraic numbers they stand for: 1/3, f**-0.5, f**-0.25, 0.9**20.

Main definitions: `Reading`, `read`, `readings`, `AlgebraicField`. A float64 that is the nearest to (a/b)^(1/k) for small
a, b and k = 1, 2, 4, or its neighbour where no float is that number, may be meant as that (short dyadic numbers are what
they are); the exact rung then runs in GF(p) for
primes in which the roots exist, beside the dyadic reading, which is what the code computes. Roots of composites are
products of roots of their prime factors, so that relations between the radicals hold as they do for positive reals.
A float64 that is within k + 1 + 2 k |log b| roundings of the k-th power of another constant b of the code, a small fraction,
is read as that power: so many does a loop of products make, a power of a rounded base, and exp(k log b).
Derived here.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache

import numpy as np
import torch
from flint import fmpz, nmod
from flint.utils.flint_exceptions import DomainError
from torch import Tensor

from numeric.carriers.carrier import Parts
from numeric.carriers.finite_field import FiniteField
from numeric.entropy import Entropy
from numeric.tape.storage_tape import Constant, Tape

SIZE = 1 << 12
"""Largest numerator and denominator of what a constant is read as."""
_SHORT = 1 << 20
"""Dyadic numbers with denominators up to this are what they are."""
_ENTRIES = 1 << 16
"""Constant tensors with more entries are not looked through."""
_BASES, _POWER = 64, 1 << 11
"""So many fractions, and exponents up to so large, are tried as powers."""
_NEAR = 1e-6
"""Exponents are looked at exactly where their logarithms are so near to an integer."""


@dataclass(frozen=True)
class Reading:
    """sign * (a/b)^(power/root) for the float it is the nearest of; root 1, 2 or 4, and power 1 but for roots of 1."""

    sign: int
    top: int
    bottom: int
    root: int
    power: int = 1

    def __str__(self) -> str:
        number = f"{self.top}/{self.bottom}" if self.bottom != 1 else str(self.top)
        if self.root > 1:
            number = f"({number})^(1/{self.root})"
        elif self.power > 1:
            number = f"({number})^{self.power}"
        return f"-{number}" if self.sign < 0 else number


@lru_cache(maxsize=1 << 14)
def read(value: float) -> Reading | None:
    """What a float64 may be a rounding of; None where it is short itself, or nothing small is near."""
    if not math.isfinite(value) or value == 0:
        return None
    exact = Fraction(abs(value))
    if exact.denominator <= _SHORT:
        return None
    for root in (1, 2, 4):
        near = (exact**root).limit_denominator(SIZE)
        if not 0 < near.numerator <= SIZE:
            continue
        best = _nearest(near, root)
        # 1 / f**0.5 is rounded twice; what a float holds exactly is no rounding of its neighbour
        if best == abs(value) or (Fraction(best) ** root != near and abs(value) in _neighbours(best)):
            return Reading(-1 if value < 0 else 1, near.numerator, near.denominator, root)
    return None


def _neighbours(value: float) -> tuple[float, float]:
    return math.nextafter(value, 0.0), math.nextafter(value, math.inf)


def _nearest(number: Fraction, root: int) -> float:
    """The float64 nearest to a root of a fraction."""
    if root == 1:
        return float(number)
    # an integer root of the scaled number has 200 bits more than a float
    shift = 260
    scaled = (number.numerator << (shift * root)) // number.denominator
    held = math.isqrt(scaled)
    return float(Fraction(held if root == 2 else math.isqrt(held), 1 << shift))


def readings(*tapes: Tape) -> dict[float, Reading]:
    """The constants of recordings that may be roundings, with what they are read as."""
    values = {value for tape in tapes for value in _constants(tape)}
    found = {value: reading for value in values if (reading := read(value)) is not None}
    return found | _powers(values - {*found}, _bases(values, found))


def _constants(tape: Tape) -> Iterator[float]:
    for operation in tape.operations:
        for operand in operation.operands():
            yield from _floats(operand)
    for storage in tape.storages:
        if storage.initial is not None and storage.initial.dtype == torch.float64:
            yield from _floats(Constant(storage.initial, ("", 0)))


def _bases(values: Iterable[float], known: Mapping[float, Reading]) -> list[Fraction]:
    """The small fractions among constants, other than 1, whose powers others may be: the largest below 1 come first."""
    bases = {Fraction(r.top, r.bottom) for r in known.values() if r.root == 1}
    for value in values:
        if value not in known and math.isfinite(value) and value != 0 and abs(value) <= SIZE:
            short = Fraction(abs(value))
            bases |= {short} if short.denominator <= SIZE and short.numerator <= SIZE else set()
    kept = [b for b in bases if any(n & (n - 1) for n in (b.numerator, b.denominator))]  # powers of 2 are what they are
    return sorted(kept, key=lambda b: (b > 1, abs(b - 1)))[:_BASES]


def _powers(values: Iterable[float], bases: Sequence[Fraction]) -> dict[float, Reading]:
    """Those of the values that are powers of a base, with them."""
    left = np.array([v for v in values if math.isfinite(v) and v != 0 and Fraction(v).denominator > _SHORT])
    found: dict[float, Reading] = {}
    for base in bases if left.size else ():
        exponents = np.log(np.abs(left)) / math.log(base)
        near = np.rint(exponents)
        close = (near >= 2) & (near <= _POWER) & (np.abs(exponents - near) < _NEAR)
        for value, k in zip(left[close].tolist(), near[close].astype(int).tolist(), strict=True):
            exact = base**k
            roundings = k + 1 + math.ceil(2 * k * abs(math.log(base)))
            if value not in found and abs(Fraction(abs(value)) - exact) <= exact * roundings * Fraction(1, 2**53):
                found[value] = Reading(-1 if value < 0 else 1, base.numerator, base.denominator, 1, k)
    return found


def denominator_log2(known: Iterable[Reading]) -> float:
    """log2 of a number that clears the denominators of readings: of a root, that of its radicand does."""
    clears = fmpz(1)
    for reading in known:
        clears = clears.lcm(fmpz(reading.bottom) ** reading.power)
    return math.log2(int(clears))


def listed(known: Mapping[float, Reading]) -> str:
    """Constants with what they are read as."""
    return ", ".join(f"{value!r} as {reading}" for value, reading in sorted(known.items()))


def _floats(operand: object) -> Iterable[float]:
    if isinstance(operand, float):
        return (operand,)
    if isinstance(operand, Constant) and operand.value.dtype.is_floating_point and operand.value.numel() <= _ENTRIES:
        flat: list[float] = torch.unique(operand.value.double()).tolist()
        return flat
    return ()


class AlgebraicField(FiniteField):
    """GF(p) for primes in which the roots of some readings exist, with those constants read as such."""

    def __init__(self, primes: Tensor, known: Mapping[float, Reading]) -> None:
        super().__init__(primes)
        self.known = known
        roots = {q: [_fourth_root(q, p) or 0 for p in self.primes] for q in radicands(known.values())}
        self._values = {value: self._residues(reading, roots) for value, reading in known.items()}

    def _residues(self, reading: Reading, roots: Mapping[int, list[int]]) -> list[int]:
        out = []
        for k, p in enumerate(self.primes):
            number = reading.sign % p
            for part, sign in ((reading.top, 1), (reading.bottom, -1)):
                if reading.root == 1:
                    number = number * pow(part, sign * reading.power, p) % p
                    continue
                for q, times in fmpz(part).factor():
                    # the fourth root's square is the square root
                    base = roots[int(q)][k] if reading.root == 4 else pow(roots[int(q)][k], 2, p)
                    number = number * pow(base, sign * int(times), p) % p
            out.append(number)
        return out

    def lift(self, values: Tensor) -> Parts:
        (lifted,) = super().lift(values)
        for value, residues in self._values.items():
            places = values == value
            if bool(places.any()):
                column = torch.tensor(residues).reshape(-1, *(1,) * values.ndim)
                lifted = torch.where(places[None], column, lifted)
        return (lifted,)

    def constant(self, value: float | int) -> Parts:
        if isinstance(value, float) and value in self._values:
            return (torch.tensor(self._values[value], dtype=torch.int64),)
        return super().constant(value)


def radicands(known: Iterable[Reading]) -> set[int]:
    """The primes whose roots the readings need."""
    found: set[int] = set()
    for reading in known:
        if reading.root > 1:
            for part in (reading.top, reading.bottom):
                found |= {int(q) for q, _ in fmpz(part).factor()}
    return found


def prime(entropy: Entropy, bits: int, wanted: set[int]) -> int:
    """A random prime modulo which each of `wanted` has a fourth root."""
    while True:
        p = entropy.prime(bits)
        if all(_fourth_root(q, p) is not None for q in wanted):
            return p


def _fourth_root(q: int, p: int) -> int | None:
    """A fourth root of q mod p, by square roots; None where there is none."""
    root = _square_root(q, p)
    tries = () if root is None else (root, p - root)
    return next((fourth for candidate in tries if (fourth := _square_root(candidate, p)) is not None), None)


def _square_root(a: int, p: int) -> int | None:
    try:
        return int(nmod(a, p).sqrt())
    except DomainError:
        return None
