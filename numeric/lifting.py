"""Code that rounds to float32 inside, run in float64: `with Lifted() as casts:` maps every narrower type to the wider one.

Reference implementations convert to float32 (`.float()`, `.to(torch.float32)`, `zeros(dtype=torch.float32)`), which hides
an identity behind 1e-7. Inside the block they run unmodified in float64, so that it shows to 1e-16; `casts` says where
they would have rounded, with file and line. Tensors that were float32 before are widened as they are read, never written.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

from numeric.tape.places import Places, shown
from numeric.tape.storage_tape import leaves

WIDE = {
    torch.float32: torch.float64,
    torch.float16: torch.float64,
    torch.bfloat16: torch.float64,
    torch.complex64: torch.complex128,
    torch.complex32: torch.complex128,
}
_NAMED: dict[str, tuple[str, torch.dtype]] = {
    "float": ("double", torch.float32),
    "half": ("double", torch.float16),
    "bfloat16": ("double", torch.bfloat16),
    "cfloat": ("cdouble", torch.complex64),
}
"""Methods of a tensor that name the type they round to."""
_TYPES = {"torch.FloatTensor": torch.float32, "torch.HalfTensor": torch.float16, "torch.BFloat16Tensor": torch.bfloat16}


class Lifted(TorchFunctionMode):
    """Inside the block float32 and narrower mean float64, complex64 means complex128, also as torch's default.

    casts: lines that would have rounded, in the order met, as text; empty if the code keeps to float64 by itself.
    """

    def __init__(self) -> None:
        super().__init__()
        self.casts: dict[str, None] = {}
        self._places = Places()

    def __enter__(self) -> Lifted:
        self._before = torch.get_default_dtype()
        torch.set_default_dtype(torch.float64)
        super().__enter__()  # type: ignore[no-untyped-call]
        return self

    def __exit__(self, *error: Any) -> None:
        super().__exit__(*error)  # type: ignore[no-untyped-call]
        torch.set_default_dtype(self._before)

    def __torch_function__(self, func: Callable[..., Any], types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        name = getattr(func, "__name__", "")
        if name == "__get__":
            return func(*args, **kwargs)
        if name in _NAMED and args and isinstance(args[0], Tensor) and args[0].dtype != _NAMED[name][1]:
            wider, dtype = _NAMED[name]
            self._note(f"cast to {dtype}")
            return getattr(args[0], wider)(*args[1:], **kwargs)
        if name == "type" and len(args) > 1 and isinstance(args[1], str) and args[1] in _TYPES:
            args = (args[0], _TYPES[args[1]], *args[2:])
        # what a method with a trailing underscore (or an assignment) writes to keeps its type
        kept = id(args[0]) if args and (name.endswith("_") or "out" in kwargs) else None

        def widen(value: Any) -> Any:
            if isinstance(value, torch.dtype) and value in WIDE:
                self._note(f"{name}(dtype={value})")
                return WIDE[value]
            if isinstance(value, Tensor) and value.dtype in WIDE and id(value) != kept and value.is_leaf:
                return value.to(WIDE[value.dtype])
            return value

        if any(isinstance(v, (Tensor, torch.dtype)) for v in leaves((args, kwargs))):
            args, kwargs = _mapped(widen, args), _mapped(widen, kwargs)
        return func(*args, **kwargs)

    def _note(self, what: str) -> None:
        self.casts.setdefault(f"{what} at {shown(self._places(2))}")


def _mapped(function: Callable[[Any], Any], value: Any) -> Any:
    """A nesting of tuples, lists and dictionaries with `function` of each leaf."""
    if isinstance(value, dict):
        return {name: _mapped(function, item) for name, item in value.items()}
    if type(value) in (tuple, list):
        return type(value)(_mapped(function, item) for item in value)
    return function(value)


def lifted(program: Callable[..., Any], casts: dict[str, None] | None = None) -> Callable[..., Any]:
    """`program` with every narrower type widened; `casts` collects the lines that would have rounded."""

    def run(*args: Any, **kwargs: Any) -> Any:
        with Lifted() as lift:
            result = program(*args, **kwargs)
        if casts is not None:
            casts.update(lift.casts)
        return result

    return run
