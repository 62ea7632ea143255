"""A stand-in for the target: it calls the target and returns other numbers than it does.

An adapter of the user's own is code between the audit and the target. One that never calls the target, or drops what it
returns, would be audited in its place: its prediction has to change with the numbers of the stand-in.
Main definitions: `StandIn`, `relies`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from numeric.deciding.programs import Sizes
from numeric.entropy import Entropy
from proofs.audit.inference import at_length
from proofs.audit.notes import CallsOften
from proofs.target.adapters import adapt
from proofs.target.case import Case
from proofs.target.loading import Stop, Target, TargetError
from proofs.target.source.lines import Lines

_PLAIN = (bool, int, float, complex, str, bytes, type(None), torch.Size, torch.dtype, torch.device, np.dtype)


@dataclass
class _Calls:
    """How often a target was called, and the tensors that it got, with their versions then: what it writes to them counts
    as returned."""

    number: int = 0
    given: dict[int, tuple[Tensor, int]] = field(default_factory=dict)

    def before(self, arguments: Any) -> None:
        self.number += 1
        for tensor in _tensors(arguments):
            self.given[id(tensor)] = (tensor, tensor._version)

    def after(self) -> None:
        for key, (tensor, version) in self.given.items():
            if tensor._version != version:
                with torch.no_grad():
                    tensor.copy_(_others(tensor))
                self.given[key] = (tensor, tensor._version)


class StandIn:
    """A target, or a part of one, of which each array that comes out has other numbers, always the same for the same ones."""

    def __init__(self, held: Any, calls: _Calls) -> None:
        self.__dict__.update(_held=held, _calls=calls, __wrapped__=held)

    @property  # type: ignore[misc]
    def __class__(self) -> Any:  # an adapter may ask what it was given
        return type(self._held)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        self._calls.before((args, kwargs))
        result = self._held(*args, **kwargs)
        self._calls.after()
        return _changed(result, self._calls)

    def __getattr__(self, name: str) -> Any:
        return _changed(getattr(self._held, name), self._calls)

    def __setattr__(self, name: str, value: Any) -> None:
        setattr(self._held, name, value)


def _tensors(value: Any) -> Iterator[Tensor]:
    if type(value) in (Tensor, torch.nn.Parameter) and not value.is_inference():
        yield value
    elif isinstance(value, (tuple, list, Mapping)):
        for item in value.values() if isinstance(value, Mapping) else value:
            yield from _tensors(item)


def _others(numbers: Any) -> Any:
    """Other numbers for floating-point ones, elementwise, 0 included."""
    floats = numbers.is_floating_point() if isinstance(numbers, Tensor) else np.asarray(numbers).dtype.kind in "fc"
    if not floats:
        return numbers
    return 1.5 * numbers + (numbers.cos() if isinstance(numbers, Tensor) else np.cos(numbers))


def _changed(value: Any, calls: _Calls) -> Any:
    """What comes out of a target with other numbers in it; an object, a method or a class stands in for itself."""
    if isinstance(value, (Tensor, np.ndarray, np.floating)):
        return _others(value)
    if isinstance(value, _PLAIN):
        return 1.5 * value + 1 if type(value) is float else value
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return type(value)(*(_changed(item, calls) for item in value))
    if isinstance(value, (tuple, list)):
        return type(value)(_changed(item, calls) for item in value)
    if isinstance(value, dict):
        return {name: _changed(item, calls) for name, item in value.items()}
    return StandIn(value, calls)


def relies(case: Case, loaded: Target, adapter: str | Callable[..., Any] | None, asked: Sequence[Sizes]) -> None:
    """Check that a user's adapter makes its prediction of what the target returns, at all of these sizes.

    Where it calls the target more than once at the first of them the case notes how often. Raises TargetError for one that
    does not call the target, or whose prediction is the same whatever the target returns.
    """
    if case.adapter.own is None:
        return
    case = replace(case, lines=Lines(()))  # what only the stand-in runs is not the code that was compared
    for number, sizes in enumerate({tuple(sorted(sizes.items())): sizes for sizes in asked}.values()):
        calls = _Calls()
        stand_in = adapt(replace(loaded, call=StandIn(loaded.call, calls)), adapter)
        data = case.draw(sizes, torch.Generator().manual_seed(Entropy(0).child("stand-in").below(2**31)))
        try:
            at_length(case, sizes, law=True)
            with torch.no_grad():
                plain = case.layer(**data)
        except Exception:  # the target is anybody's code, and what it refuses was said
            continue
        try:
            with torch.no_grad():
                other = case.through(stand_in, **data)
            same = torch.equal(plain, other)
        except Stop:
            raise
        except Exception:  # other numbers are more than the adapter takes: it looks at them
            same = False
        if calls.number and not same:
            if number == 0 and calls.number > 1:
                case.note(CallsOften(calls.number, sizes["N"]))
            continue
        at = " ".join(f"{name}={size}" for name, size in sizes.items())
        why = (
            f"its prediction is the same whatever {loaded.text} returns"
            if calls.number
            else f"never calls {loaded.text}"
        )
        raise TargetError(
            f"adapter {case.adapter.text}, at {at}: {why}; it has to return what its first argument makes of the inputs"
        )
