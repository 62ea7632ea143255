"""Programs and their inputs: what every engine evaluates.

A program is a callable of named arrays; `Shapes` gives each name its shape in words (`{"X": ("N", "f"), "eta": ()}`),
and sizes turn the words into numbers. `Recorded` is a program with the tapes of its calls, one for each size.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextvars import ContextVar
from fractions import Fraction
from functools import partial
from itertools import product
from typing import Any
from weakref import WeakSet

import numpy as np
import torch
from torch import Tensor

from numeric.carriers.carrier import Carrier, Parts
from numeric.carriers.handles import Handles, Rationals, as_fraction
from numeric.tape.acceptance import POINTS, WARM, accept, accept_straight
from numeric.tape.local_check import Known
from numeric.tape.notes import Record, notes
from numeric.tape.numbers import Logarithms, Pair
from numeric.tape.refusals import NoTensor
from numeric.tape.replay import Machine
from numeric.tape.storage_tape import Tape
from numeric.tape.straight import chooses

Program = Callable[..., Any]
Shapes = Mapping[str, tuple[str | int, ...]]
Sizes = Mapping[str, int]


_KEPT = 12
"""So many tapes a program keeps; the oldest goes first."""


class WrongResult(Exception):
    """A program returned something that is not one array of the expected shape."""


def concrete(shapes: Shapes, sizes: Sizes) -> dict[str, tuple[int, ...]]:
    """Each input's shape as numbers. Raises KeyError naming a size that `sizes` lacks."""
    return {
        name: tuple(word if isinstance(word, int) else sizes[word] for word in shape) for name, shape in shapes.items()
    }


class Recorded:
    """A program with its tapes, one for each set of shapes and dtype. Called, it is the program itself.

    positive: inputs that are drawn from (0, 1) when it is recorded, such as decays whose logarithms it takes. own: it is
    this project's, so that where its code can't choose it is recorded at fewer points.
    """

    def __init__(self, program: Program, positive: Sequence[str] = (), own: bool = False) -> None:
        self.program, self.positive, self.own = program, tuple(positive), own
        self._tapes: dict[Any, Tape | Exception] = {}
        self._once: dict[Any, Tape] = {}
        self._chose: bool | None = None
        _HELD.add(self)
        self.__name__ = getattr(program, "__name__", type(program).__name__)

    def __call__(self, *args: Any, **inputs: Any) -> Any:
        return self.program(*args, **inputs)

    def at(self, shapes: Mapping[str, tuple[int, ...]], dtype: torch.dtype = torch.float64) -> Tape:
        """The accepted tape at these shapes.

        Raises Refused where a recording does not count, WrongResult for a result that is no tensor, and what the
        program raises.
        """
        if _LIGHT.get():
            return self.once(shapes, dtype)
        return self._full(shapes, dtype)

    def _full(self, shapes: Mapping[str, tuple[int, ...]], dtype: torch.dtype) -> Tape:
        key = (tuple(shapes.items()), dtype)
        if key not in self._tapes:
            self._make_room(self._tapes)
            try:
                self._tapes[key] = self._accepted(shapes, dtype)
            except Exception as error:
                self._tapes[key] = error
        found = self._tapes[key]
        if isinstance(found, Exception):
            raise found.with_traceback(None)
        return found

    def once(self, shapes: Mapping[str, tuple[int, ...]], dtype: torch.dtype = torch.float64) -> Tape:
        """A tape at these shapes, recorded once and compared with one bare call: enough where no verdict rests on it,
        as in the search for a counterexample, which is run again as it is found.

        Raises as `at` does.
        """
        key = (tuple(shapes.items()), dtype)
        if key in self._tapes:
            return self._full(shapes, dtype)
        if key not in self._once:
            self._make_room(self._once)
            self._once[key] = self._accepted(shapes, dtype, points=1)
        return self._once[key]

    def forget(self) -> None:
        """Drop the tapes: the program is recorded again when it is asked for."""
        self._tapes.clear()
        self._once.clear()
        self._chose = None

    def _chooses(self, inputs: Mapping[str, Tensor], asked: bool) -> bool:
        """Whether the code can choose. Not asked, it is taken to be as it was at other sizes: in a search no verdict rests
        on it."""
        if asked or self._chose is None:
            self._chose = chooses(self.program, inputs) is not None
        return self._chose

    def _make_room(self, tapes: dict[Any, Any]) -> None:
        while len(tapes) >= _KEPT:
            tapes.pop(next(iter(tapes)))

    def _accepted(self, shapes: Mapping[str, tuple[int, ...]], dtype: torch.dtype, points: int = POINTS) -> Tape:
        def draw(number: int, everywhere: bool = False) -> dict[str, Tensor]:
            generator = torch.Generator().manual_seed(1_000 + number)
            out = {}
            for name, shape in shapes.items():
                if everywhere or name in self.positive:
                    value = 0.05 + 0.9 * torch.rand(shape, generator=generator, dtype=torch.float64)
                else:
                    value = torch.randn(shape, generator=generator, dtype=torch.float64)
                out[name] = value.to(dtype)
            return out

        try:
            if self.own and not self._chooses(draw(WARM), asked=points > 1 or _LIGHT.get()):
                for point in (draw, partial(draw, everywhere=True)):
                    tape = accept_straight(self.program, point, points=points, known=_KNOWN)
                    if tape is not None:
                        return tape
            with torch.no_grad():
                tried = [self.program(**draw(k)) for k in range(WARM, WARM + points)]
            if any(isinstance(t, Tensor) and not bool(torch.isfinite(t).all()) for t in tried):
                draw = partial(draw, everywhere=True)  # logarithms and roots are defined there
            return accept(self.program, draw, points=points)
        except NoTensor as error:
            raise WrongResult(str(error)) from None


def recorded(program: Program, positive: Sequence[str] = (), own: bool = False) -> Recorded:
    """The program with its tapes; one that has them already as it is. positive, own: see `Recorded`."""
    return program if isinstance(program, Recorded) else Recorded(program, positive, own)


_HELD: WeakSet[Recorded] = WeakSet()
_KNOWN = Known()
"""Rules that were held against torch's kernels, in recordings of code that can't choose."""
_LIGHT: ContextVar[bool] = ContextVar("light", default=False)


@contextlib.contextmanager
def lightly() -> Iterator[None]:
    """Record once where several recordings would be compared: for programs that a check has to refute, since what is
    refuted was seen to be different, and what is not counts against the check."""
    token = _LIGHT.set(True)
    try:
        yield
    finally:
        _LIGHT.reset(token)


def forget() -> None:
    """Drop every tape there is: what programs call does something else from now on."""
    for held in list(_HELD):
        held.forget()
    _KNOWN.clear()


def run(program: Program, carrier: Carrier, inputs: Mapping[str, Parts], *, searching: bool = False) -> Parts:
    """The program's result in a carrier, from parts (trials, *shape) by name.

    searching: no verdict rests on it, so one recording is enough. Raises Refused, and WrongResult where the result is no
    tensor of real numbers.
    """
    shapes = {name: tuple(parts[0].shape[1:]) for name, parts in inputs.items()}
    held = recorded(program)
    return replayed(held.once(shapes) if searching else held.at(shapes), carrier, inputs)


def replayed(
    tape: Tape, carrier: Carrier, inputs: Mapping[str, Parts], floats: Mapping[str, Tensor] | None = None
) -> Parts:
    """A tape's result in a carrier. Raises Refused, and WrongResult where the result is no tensor of real numbers."""
    found = Machine(tape, carrier).run(inputs, floats)
    if isinstance(found, Logarithms):
        raise WrongResult("returned a logarithm, which is no rational function; return its exp")
    if isinstance(found, Pair):
        raise WrongResult("returned complex numbers; return .real, or torch.view_as_real of them")
    return found.parts


def rational(
    program: Program, inputs: Mapping[str, np.ndarray], *, searching: bool = False
) -> tuple[np.ndarray, Record]:
    """The program's value at rational inputs (object arrays of Fraction), exactly, and what it did on the way.

    searching: as for `run`.
    """
    carrier = Handles(Rationals())
    parts = {
        name: carrier.put(
            [carrier.ring.from_fraction(v.numerator, v.denominator) for v in array.reshape(-1)], array.shape
        )
        for name, array in inputs.items()
    }
    shapes = {name: tuple(array.shape) for name, array in inputs.items()}
    tape = recorded(program).once(shapes) if searching else recorded(program).at(shapes)
    result = carrier.get(replayed(tape, carrier, parts))
    out = np.empty(result.size, dtype=object)
    for i, value in enumerate(result.reshape(-1)):
        out[i] = as_fraction(value)
    return out.reshape(result.shape), notes(tape)


def smaller(sizes: Sizes, limit: int = 5, far: int = 64) -> Iterator[dict[str, int]]:
    """All sizes up to the given ones and at most `limit` each, smallest total first; then single ones up to `far`.

    Beyond the limit one size grows alone, the others being 1, and then again with the others at their limit.
    """
    names = list(sizes)
    ladder = product(*(range(1, min(limit, sizes[n]) + 1) for n in names))
    for values in sorted(ladder, key=lambda v: (sum(v), v)):
        yield dict(zip(names, values, strict=True))
    for name, others in product((n for n in names if limit < sizes[n]), (1, limit)):
        if others > 1 and all(sizes[n] == 1 for n in names if n != name):
            continue
        for value in range(limit + 1, min(sizes[name], far) + 1):
            yield {n: min(others, sizes[n]) for n in names} | {name: value}


def text(array: Any) -> Any:
    """Exact numbers as nested lists of text, for a counterexample."""
    nested = array.tolist() if isinstance(array, np.ndarray) else array
    return [text(item) for item in nested] if isinstance(nested, list) else str(nested)


def fractions(array: Any, shape: tuple[int, ...]) -> np.ndarray:
    """A flat sequence of numbers as an object array of Fraction."""
    flat = np.empty(len(array), dtype=object)
    for i, value in enumerate(array):
        flat[i] = Fraction(value)
    return flat.reshape(shape)
