"""Complex tensors in any carrier: a pair of real ones, so that code with a complex state needs no arithmetic of its own.

An operation on complex numbers is done by its real ones, which go through the interpreter again. Both halves lie in one
storage, entry beside entry as torch lays complex numbers out, so `view_as_real`, `view_as_complex`, `.real` and slices
stay views. Conjugates are copies. What is no polynomial of real and imaginary part (abs, angle, polar, exp) is refused.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils._mode_utils import no_dispatch

from numeric import operations
from numeric.carrier import NoRule
from numeric.interpreter import Exact, Interpreter, Memory, mapped

MAKERS = frozenset("view_as_complex complex".split())
"""Operations that make complex tensors of real ones."""
_LINEAR = frozenset("neg sum mean cumsum trace negative".split())
_PRODUCTS = frozenset("mul mm bmm mv dot ger multiply".split())
_SUMS = frozenset("add sub rsub subtract".split())
_REFUSED = {
    "abs": "algebraic (a root), not rational: the absolute value of a complex number",
    "angle": "transcendental: the angle of a complex number",
    "sgn": "algebraic (a root), not rational: the direction of a complex number",
    "polar": "transcendental: give the number itself as real and imaginary part",
    "exp": "transcendental: the exp of a complex number; give the factor as a complex gate, by its parts",
    "log": "transcendental: the log of a complex number",
}

Half = Any
"""A real tensor or number, or None for zero."""


def pack(interp: Interpreter, real: Half, imaginary: Half) -> Exact:
    """The complex tensor with these halves (exact real tensors; None for zero)."""
    a = None if real is None else interp.parts(real)
    b = None if imaginary is None else interp.parts(imaginary)
    shape = np.broadcast_shapes(*(h[0].shape for h in (a, b) if h is not None))
    halves = [interp.carrier.zeros(shape) if h is None else tuple(p.expand(shape) for p in h) for h in (a, b)]
    both = [torch.stack([r, i.to(r.dtype)], -1) for r, i in zip(*halves, strict=True)]
    return _of(interp, both)


def _of(interp: Interpreter, both: list[Tensor], memory: Memory | None = None) -> Exact:
    """The complex tensor over parts with a last dimension (real, imaginary)."""
    parts = (*(p[..., 0] for p in both), *(p[..., 1] for p in both))
    return Exact(parts, _complex(interp, parts[0]), memory)


def _complex(interp: Interpreter, part: Tensor) -> torch.dtype:
    return torch.complex64 if interp.carrier.follows_kernel and part.dtype == torch.float32 else torch.complex128


def lifted(interp: Interpreter, value: Tensor) -> Exact:
    """A complex tensor of constants."""
    with no_dispatch():  # the interpreter may be on
        plain = value.detach().resolve_conj()
        if not bool(torch.isfinite(torch.view_as_real(plain)).all()):
            raise NoRule("a constant tensor with NaN or infinite entries")
        wide = plain if interp.carrier.follows_kernel else plain.to(torch.complex128)
        both = interp.parts(torch.view_as_real(wide).contiguous())
        return _of(interp, [p.clone(memory_format=torch.contiguous_format) for p in both])


def _halves(interp: Interpreter, value: Any) -> tuple[Half, Half]:
    if isinstance(value, Exact):
        if not value.dtype.is_complex:
            return value, None
        n = len(value.parts) // 2
        return interp.wrap(value.parts[:n], value.memory), interp.wrap(value.parts[n:], value.memory)
    if isinstance(value, Tensor):
        return _halves(interp, lifted(interp, value)) if value.dtype.is_complex else (value, None)
    if isinstance(value, complex):
        return (value.real or None), (value.imag or None)
    return value, None


def computed(interp: Interpreter, func: Any, full: str, args: Any, kwargs: Any) -> Any:
    """An operation with a complex operand, or one that makes a complex tensor."""
    inplace = full.endswith("_") and not full.endswith("__")
    name = full[:-1] if inplace else full
    if any(t.memory.log for t in operations.tensors((args, kwargs))):
        raise NoRule("mixes a logarithm with complex numbers")
    if kwargs.get("out") is not None:
        raise NoRule("writes complex numbers to out=; assign the result instead")
    if name in operations.FACTORIES or name in operations.EMPTY:
        return _like(interp, func, args, kwargs)
    if name == "view_as_complex":
        return _of(interp, list(args[0].parts), args[0].memory)
    if name == "view_as_real":
        return _view_as_real(interp, args[0])
    if name in operations.MOVES and not inplace:
        return _move(interp, func, name, args, kwargs)
    if name == "copy":
        return _write(interp, args[0], *_halves(interp, args[1]))
    if name in ("resolve_conj", "resolve_neg"):
        return args[0]
    if name in _REFUSED:
        raise NoRule(_REFUSED[name])
    with interp:
        found = _computed(interp, func, name, args, kwargs)
    if found is None:
        return _elsewhere(interp, func, name, args, kwargs)
    if inplace:
        return _write(interp, args[0], *found)
    return pack(interp, *found)


def _elsewhere(interp: Interpreter, func: Any, name: str, args: Any, kwargs: Any) -> Any:
    if name in operations.WHY or name in operations.RANDOM:
        operations.refuse(name)
    smaller = operations.decomposition(func)
    if smaller is None:
        raise NoRule("no exact rule for it on complex numbers")
    with interp:
        return smaller(*args, **kwargs)


def _computed(interp: Interpreter, func: Any, name: str, args: Any, kwargs: Any) -> tuple[Half, Half] | None:
    """Real and imaginary part, by operations on reals; None for an operation that is not known here."""
    aten: Any = torch.ops.aten
    packet = func.overloadpacket
    if name == "complex":
        return args[0], args[1]
    if name == "_to_copy":
        return _cast(interp, args[0], kwargs.get("dtype"))
    if name in ("_conj", "_conj_physical", "conj_physical"):
        real, imaginary = _halves(interp, args[0])
        return real, None if imaginary is None else -imaginary
    if name in _LINEAR:
        real, imaginary = _halves(interp, args[0])
        rest = {k: v for k, v in kwargs.items() if k != "dtype"}
        return _half(packet, real, args[1:], rest), _half(packet, imaginary, args[1:], rest)
    if name in _SUMS:
        pairs = zip(_halves(interp, args[0]), _halves(interp, args[1]), strict=True)
        alpha = kwargs.get("alpha", 1)
        real, imaginary = (_sum(name, x, y, alpha) for x, y in pairs)
        return real, imaginary
    if name in _PRODUCTS:
        return _product(packet, _halves(interp, args[0]), _halves(interp, args[1]))
    if name == "vdot":
        real, imaginary = _halves(interp, args[0])
        return _product(aten.dot, (real, None if imaginary is None else -imaginary), _halves(interp, args[1]))
    if name in ("div", "true_divide", "reciprocal"):
        top, bottom = ((1.0, None), args[0]) if name == "reciprocal" else (_halves(interp, args[0]), args[1])
        return _quotient(top, _halves(interp, bottom))
    if name in ("pow", "square"):
        return _power(_halves(interp, args[0]), 2 if name == "square" else args[1])
    if name in ("cumprod", "prod"):
        return _running_product(interp, name, *args)
    if name in ("addmm", "baddbmm", "addmv"):
        product = _product(
            {"addmm": aten.mm, "baddbmm": aten.bmm, "addmv": aten.mv}[name], *(_halves(interp, a) for a in args[1:3])
        )
        scaled = _product(aten.mul, product, _halves(interp, kwargs.get("alpha", 1)))
        start = _product(aten.mul, _halves(interp, args[0]), _halves(interp, kwargs.get("beta", 1)))
        return _sum("add", start[0], scaled[0], 1), _sum("add", start[1], scaled[1], 1)
    if name in ("where", "masked_fill"):
        mask, a, b = args if name == "where" else (args[1], args[2], args[0])
        (x, u), (y, v) = _halves(interp, a), _halves(interp, b)
        shape = np.broadcast_shapes(*(t.shape for t in (mask, a, b) if isinstance(t, Tensor)))
        zero = operations.tensors((a, b))[0].new_zeros(shape, dtype=torch.float64)
        return tuple(  # type: ignore[return-value]
            torch.where(mask, zero if p is None else p, zero if q is None else q) for p, q in ((x, y), (u, v))
        )
    if name == "fill":
        real, imaginary = _halves(interp, args[1])
        zero = _halves(interp, args[0])[0].new_zeros(args[0].shape)
        return zero + (real or 0), zero + (imaginary or 0)
    if name == "zero":
        zero = _halves(interp, args[0])[0].new_zeros(args[0].shape)
        return zero, zero
    return None


def _half(packet: Any, half: Half, rest: Any, kwargs: Any) -> Half:
    return None if half is None else packet(half, *rest, **kwargs)


def _sum(name: str, a: Half, b: Half, alpha: Any) -> Half:
    if name == "rsub":
        a, b = b, a
    b = None if b is None else (b * alpha if alpha != 1 else b)
    if b is not None and name != "add":
        b = -b
    return b if a is None else a if b is None else a + b


def _product(packet: Callable[..., Any], a: tuple[Half, Half], b: tuple[Half, Half]) -> tuple[Half, Half]:
    def times(x: Half, y: Half) -> Half:
        if x is None or y is None:
            return None
        plain = not isinstance(x, Tensor) or not isinstance(y, Tensor)
        return x * y if plain else packet(x, y)

    return _sum("sub", times(a[0], b[0]), times(a[1], b[1]), 1), _sum("add", times(a[0], b[1]), times(a[1], b[0]), 1)


def _quotient(top: tuple[Half, Half], bottom: tuple[Half, Half]) -> tuple[Half, Half]:
    c, d = bottom
    if d is None:
        return tuple(None if h is None else h / c for h in top)  # type: ignore[return-value]
    size = d * d if c is None else c * c + d * d
    real, imaginary = _product(lambda x, y: x * y, top, (c, -d))
    return None if real is None else real / size, None if imaginary is None else imaginary / size


def _power(a: tuple[Half, Half], exponent: Any) -> tuple[Half, Half]:
    if isinstance(exponent, (float, complex)) and exponent == int(exponent.real):
        exponent = int(exponent.real)
    if not isinstance(exponent, int):
        raise NoRule("algebraic or transcendental: a power of a complex number that is no whole number")
    result: tuple[Half, Half] = (1.0, None)
    for _ in range(abs(exponent)):
        result = _product(lambda x, y: x * y, result, a)
    return result if exponent >= 0 else _quotient((1.0, None), result)


def _running_product(interp: Interpreter, name: str, a: Any, dim: int | None = None, *rest: Any) -> tuple[Half, Half]:
    if dim is None:
        a, dim = a.reshape(-1), 0
    real, imaginary = _halves(interp, a)
    steps = [(real.select(dim, 0), imaginary.select(dim, 0))]
    for t in range(1, a.shape[dim]):
        steps.append(_product(lambda x, y: x * y, steps[-1], (real.select(dim, t), imaginary.select(dim, t))))
    if name == "prod":
        return steps[-1]
    return torch.stack([s[0] for s in steps], dim), torch.stack([s[1] for s in steps], dim)


def _cast(interp: Interpreter, a: Any, dtype: torch.dtype | None) -> tuple[Half, Half]:
    if dtype is not None and not dtype.is_complex:
        raise NoRule(f"a conversion of complex numbers to {dtype} drops the imaginary part; take .real")
    if dtype is not None:
        operations.note_cast(interp, torch.float32 if dtype == torch.complex64 else torch.float64)
    real, imaginary = _halves(interp, a)
    return real.clone(), None if imaginary is None else imaginary.clone()


def _view_as_real(interp: Interpreter, a: Any) -> Exact:
    n = len(a.parts) // 2
    shape = (*a.shape, 2)
    both = tuple(p.as_strided(shape, (*p.stride(), 1), p.storage_offset()) for p in a.parts[:n])
    return interp.wrap(both, a.memory)


def _move(interp: Interpreter, func: Any, name: str, args: Any, kwargs: Any) -> Any:
    if name in operations.GATHERS:
        several = isinstance(args[0], (list, tuple))
        pairs = [_pair(interp, v) for v in (args[0] if several else args[:2])]
        rest = args[1:] if several else args[2:]
        count = len(pairs[0])
        moved = [
            func([p[i] for p in pairs], *rest, **kwargs) if several else func(*(p[i] for p in pairs), *rest, **kwargs)
            for i in range(count)
        ]
        return _repacked(interp, moved)
    source = args[0]
    rest = list(args[1:])
    if operations.tensors((rest, kwargs)):
        raise NoRule("data-dependent: an index that is data")
    if name.startswith("as_strided"):
        rest = [rest[0], [s * 2 for s in rest[1]], *(2 * r for r in rest[2:3] if r is not None)]
    moved = []
    for i, part in enumerate(source.parts):
        given = list(rest)
        if name.startswith("as_strided") and len(given) == 3:
            given[2] += int(i >= len(source.parts) // 2)
        moved.append(func(part, *given, **kwargs))
    if isinstance(moved[0], Tensor):
        return _viewed(interp, source, moved)
    return type(moved[0])(_viewed(interp, source, [m[k] for m in moved]) for k in range(len(moved[0])))


def _viewed(interp: Interpreter, source: Exact, moved: list[Tensor]) -> Exact:
    if moved[0].untyped_storage().data_ptr() == source.parts[0].untyped_storage().data_ptr():
        return Exact(tuple(moved), source.dtype, source.memory)
    return _repacked(interp, moved)


def _repacked(interp: Interpreter, moved: list[Tensor]) -> Exact:
    n = len(moved) // 2
    return _of(interp, [torch.stack([r, i], -1) for r, i in zip(moved[:n], moved[n:], strict=True)])


def _pair(interp: Interpreter, value: Any) -> tuple[Tensor, ...]:
    return (
        value.parts
        if isinstance(value, Exact) and value.dtype.is_complex
        else pack(interp, *_halves(interp, value)).parts
    )


def _like(interp: Interpreter, func: Any, args: Any, kwargs: Any) -> Any:
    dtype = kwargs.get("dtype")
    if dtype is not None and not dtype.is_complex:
        real = mapped(lambda v: _halves(interp, v)[0], args)
        with interp:
            return func(*real, **kwargs)
    shown = mapped(lambda v: torch.zeros(v.shape, dtype=torch.complex128) if isinstance(v, Exact) else v, args)
    made = func(*shown, **(kwargs | {"dtype": torch.complex128}))
    empty = func.overloadpacket.__name__ in operations.EMPTY
    return lifted(interp, torch.zeros_like(made) if empty else made)


def _write(interp: Interpreter, target: Any, real: Half, imaginary: Half) -> Any:
    if not isinstance(target, Exact) or not target.dtype.is_complex:
        raise NoRule("writes complex numbers into a tensor that does not hold any, or that outlives the call")
    own = _halves(interp, target)
    with interp:
        # the values first: the target may be among the operands
        values = [0 if h is None else h.clone() if isinstance(h, Tensor) else h for h in (real, imaginary)]
        for half, value in zip(own, values, strict=True):
            half.copy_(value) if isinstance(value, Tensor) else half.fill_(value)
    return target
