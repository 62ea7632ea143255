"""Tensors of logarithms in exact arithmetic: a log-decay g = log alpha, for which exp(cumsum(g)) is a product of alphas.

An entry stands for log b and holds b. Sums of logarithms are products of the numbers held, differences quotients, whole
multiples powers; `exp` hands b back, so nothing transcendental is left. `log` of data makes such a tensor: an identity
that holds for the b held at every point holds for the logarithms wherever they exist. What has no rational exp (data
added to a logarithm, half of it, a constant such as 0.3) is refused.
Carriers that follow floating point have no such tensors; there a logarithm is a number like any other.
Derived here; the rules are the functional equations of exp and log.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor

from numeric import arithmetic, operations
from numeric.carrier import NoRule, Parts
from numeric.interpreter import Exact, Interpreter, Memory, leaves, map_parts

_FILLS = frozenset("tril triu constant_pad_nd diag_embed select_backward slice_backward diagonal_backward".split())
"""Moves that put zeros; log 1 is 0, so here they put ones."""
_POWERS = 64
"""Largest whole multiple of a logarithm that is taken as a power."""


def made(interp: Interpreter, name: str, a: Any) -> Exact:
    """`log` or `log1p` of data: the tensor that stands for its logarithm, of the same shape."""
    parts = interp.parts(a)
    if name == "log1p":
        parts = interp.carrier.add(parts, interp.carrier.constant(1))
    return _wrap(interp, interp.carrier.log(parts), tensors_of=(a,))


def _wrap(interp: Interpreter, parts: Parts, tensors_of: Any = ()) -> Exact:
    return interp.wrap(operations.settled(parts, operations.tensors(tensors_of)), Memory(log=True))


def held(interp: Interpreter, value: Any) -> Parts:
    """The numbers b whose logarithms `value` stands for; the constants 0 and minus infinity are log 1 and log 0."""
    if isinstance(value, Exact) and value.memory.log:
        return value.parts
    plain = value
    if isinstance(value, Exact):
        plain = value.constant()
        if plain is None:
            raise NoRule(
                "transcendental: data added to a logarithm, so that its exp is no rational function; give the factor "
                "inside the exp as a gate of its own"
            )
    plain = plain.double() if isinstance(plain, Tensor) else torch.tensor(float(plain), dtype=torch.float64)
    none = torch.isneginf(plain)
    if not bool((none | (plain == 0)).all()):
        shown = next(v for v in plain.reshape(-1).tolist() if v != 0 and v != -torch.inf)
        raise NoRule(f"transcendental: exp({shown:.6g}) is no rational number; give the factor as a gate of its own")
    return interp.carrier.lift((~none).double())


def computed(interp: Interpreter, func: Any, full: str, args: Any, kwargs: Any) -> Any:
    """An operation with at least one tensor of logarithms among its operands."""
    inplace = full.endswith("_") and not full.endswith("__")
    name = full[:-1] if inplace else full
    if name in operations.FACTORIES or name in operations.EMPTY:
        return operations.exact(interp, func, full, args, kwargs)
    if name == "copy":
        return operations.write(interp, args[0], held(interp, args[1]), log=True)
    if kwargs.get("out") is not None:
        raise NoRule("writes logarithms to out=; assign the result instead")
    if inplace and torch.Tag.inplace_view in func.tags:
        return operations.reshape_in_place(interp, func, args, kwargs)
    if name in operations.MOVES and not inplace:
        return _move(interp, func, name, args, kwargs)
    if name == "_to_copy":
        return _cast(interp, args, kwargs)
    if name in _COMPARED:
        return interp.carrier.compare(name, held(interp, args[0]), held(interp, args[1]))
    if name in _NUMBERS:
        result, log = _NUMBERS[name](interp, *args, **kwargs), False
    elif name in _LOGARITHMS:
        result, log = _LOGARITHMS[name](interp, *args, **kwargs), True
    else:
        return _elsewhere(interp, func, name, args, kwargs)
    if inplace:
        return operations.write(interp, args[0], result, log=log)
    parts = operations.settled(result, operations.tensors((args, kwargs)))
    made = interp.wrap(parts, Memory(log=log))
    return (made, interp.wrap(interp.carrier.zeros(()))) if name == "log_sigmoid_forward" else made


def _elsewhere(interp: Interpreter, func: Any, name: str, args: Any, kwargs: Any) -> Any:
    if name in arithmetic.ORDERED or name in operations.RANDOM:
        return operations.refuse(name)
    smaller = operations.decomposition(func)
    if smaller is None or name in operations.WHY or name in arithmetic.RULES:
        raise NoRule(
            "takes logarithms where it needs numbers; only sums, differences and whole multiples of logarithms have "
            "a rational exp"
        )
    with interp:
        return smaller(*args, **kwargs)


def _move(interp: Interpreter, func: Any, name: str, args: Any, kwargs: Any) -> Any:
    if any(isinstance(v, torch.dtype) for v in leaves((args, kwargs))):
        raise NoRule("reads the bits of numbers as another type")
    count = len(interp.carrier.dtypes)
    if name in operations.GATHERS:
        # the first argument is a list of tensors, or the tensor with what is put into it
        several = isinstance(args[0], (list, tuple))
        lifted = [held(interp, v) for v in (args[0] if several else args[:2])]
        rest = args[1 if several else 2 :]
        columns = ([p[i] for p in lifted] for i in range(count))
        return _wrap(interp, tuple(func(*((c,) if several else c), *rest, **kwargs) for c in columns))
    source = args[0]
    if operations.tensors((args[1:], kwargs)):
        raise NoRule("data-dependent: an index that is data")
    moved = [map_parts(func, i, interp, args, kwargs) for i in range(count)]
    if name in _FILLS:
        if name == "constant_pad_nd" and len(args) > 2 and args[2] not in (0, -torch.inf):
            raise NoRule("transcendental: pads logarithms with a constant other than 0")
        where = (torch.ones(source.shape, dtype=torch.float64), *args[1:])
        kept = func(*(where[:2] if name == "constant_pad_nd" else where), **kwargs) != 0
        fill = held(interp, args[2] if name == "constant_pad_nd" and len(args) > 2 else 0)
        if name == "constant_pad_nd":
            moved = [func(p, args[1]) for p in source.parts]
        return _wrap(interp, tuple(torch.where(kept, m, f) for m, f in zip(moved, fill, strict=True)))
    if isinstance(moved[0], Tensor):
        return interp.wrap(tuple(moved), _shared(source, moved[0]))
    return type(moved[0])(
        interp.wrap(tuple(m[i] for m in moved), _shared(source, moved[0][i])) for i in range(len(moved[0]))
    )


def _shared(source: Exact, part: Tensor) -> Memory:
    same = part.untyped_storage().data_ptr() == source.parts[0].untyped_storage().data_ptr()
    return source.memory if same else Memory(log=True)


def _cast(interp: Interpreter, args: Any, kwargs: Any) -> Exact:
    dtype = kwargs.get("dtype")
    if dtype is not None and not dtype.is_floating_point:
        raise NoRule(f"data-dependent: a conversion to {dtype} cuts digits")
    if dtype is not None and dtype != args[0].dtype:
        operations.note_cast(interp, dtype)
    return _wrap(interp, args[0].parts, tensors_of=args)


# --- rules ---------------------------------------------------------------------------------------------------------


def _add(interp: Interpreter, a: Any, b: Any, *, alpha: Any = 1) -> Parts:
    return interp.carrier.mul(held(interp, a), _multiple(interp, held(interp, b), alpha))


def _sub(interp: Interpreter, a: Any, b: Any, *, alpha: Any = 1) -> Parts:
    return interp.carrier.ratio(held(interp, a), _multiple(interp, held(interp, b), alpha))


def _rsub(interp: Interpreter, a: Any, b: Any, alpha: Any = 1) -> Parts:
    return _sub(interp, b, a, alpha=alpha)


def _neg(interp: Interpreter, a: Any) -> Parts:
    return _multiple(interp, held(interp, a), -1)


def _mul(interp: Interpreter, a: Any, b: Any) -> Parts:
    first = isinstance(a, Exact) and a.memory.log
    log, factor = (a, b) if first else (b, a)
    if isinstance(factor, Exact):
        constant = None if factor.memory.log else factor.constant()
        if constant is None:
            raise NoRule(
                "transcendental: a logarithm times data, whose exp is a power with data in the exponent; give the "
                "product as one log gate"
            )
        factor = constant
    return _multiple(interp, held(interp, log), factor)


def _div(interp: Interpreter, a: Any, b: Any, *, rounding_mode: str | None = None) -> Parts:
    if isinstance(b, (Exact, Tensor)) or rounding_mode is not None or b not in (1, -1):
        raise NoRule("algebraic (a root), not rational: a fraction of a logarithm; give the divided log gate")
    return _multiple(interp, held(interp, a), int(b))


def _multiple(interp: Interpreter, parts: Parts, factor: Any) -> Parts:
    """The number held by `factor` times the logarithm: a power, for whole factors."""
    if isinstance(factor, (int, float)) and factor == 1:
        return parts
    times = torch.as_tensor(factor).double()
    if bool((times != times.round()).any()):
        raise NoRule("algebraic (a root), not rational: a fraction of a logarithm; give the multiple as a log gate")
    if times.numel() and bool(times.abs().max() > _POWERS):
        raise NoRule(f"a multiple of a logarithm above {_POWERS}")
    shape = np.broadcast_shapes(times.shape, parts[0].shape)
    one = interp.carrier.constant(1)
    out = tuple(p.expand(shape) for p in one)
    for value in sorted(set(times.reshape(-1).tolist())):
        if value == 0:
            continue
        power = interp.carrier.power(parts, abs(int(value)))
        if value < 0:
            power = interp.carrier.ratio(one, power)
        out = tuple(torch.where(times == value, p, o) for p, o in zip(power, out, strict=True))
    return out


def _sum(interp: Interpreter, a: Any, dim: Any = None, keepdim: bool = False, *, dtype: Any = None) -> Parts:
    parts = held(interp, a)
    for d in sorted(arithmetic.dims(parts, dim), reverse=True):
        if parts[0].shape[d] == 0:
            raise NoRule("the sum of no logarithms")
        parts = interp.carrier.prod(parts, d, keepdim)
    return parts


def _cumsum(interp: Interpreter, a: Any, dim: int, *, dtype: Any = None) -> Parts:
    parts = held(interp, a)
    return interp.carrier.cumprod(parts, dim % max(1, parts[0].ndim))


def _where(interp: Interpreter, condition: Any, a: Any = None, b: Any = None) -> Parts:
    if isinstance(condition, Exact) or a is None:
        raise NoRule("data-dependent: the condition or the result's shape depends on data")
    return tuple(torch.where(condition, x, y) for x, y in zip(held(interp, a), held(interp, b), strict=True))


def _masked_fill(interp: Interpreter, a: Any, mask: Any, value: Any) -> Parts:
    return _where(interp, mask, value, a)


def _fill(interp: Interpreter, a: Any, value: Any) -> Parts:
    return tuple(p.expand(a.shape).clone() for p in held(interp, value))


def _zero(interp: Interpreter, a: Any) -> Parts:
    return _fill(interp, a, 0)


def _index_put(interp: Interpreter, a: Any, indices: Any, values: Any, accumulate: bool = False, *rest: Any) -> Parts:
    if accumulate or any(isinstance(index, Exact) for index in indices):
        raise NoRule("logarithms are put at given places only, not added")
    own, new = held(interp, a), held(interp, values)
    return tuple(torch.ops.aten.index_put(o, list(indices), n.to(o.dtype)) for o, n in zip(own, new, strict=True))


def _logaddexp(interp: Interpreter, a: Any, b: Any) -> Parts:
    return _again(interp, interp.carrier.add(_exp(interp, a), _exp(interp, b)))


def _logsumexp(interp: Interpreter, a: Any, dim: Any, keepdim: bool = False) -> Parts:
    numbers = _exp(interp, a)
    return _again(interp, interp.carrier.sum(numbers, arithmetic.dims(numbers, dim), keepdim))


def _logcumsumexp(interp: Interpreter, a: Any, dim: int) -> Parts:
    numbers = _exp(interp, a)
    return _again(interp, interp.carrier.cumsum(numbers, dim % max(1, numbers[0].ndim)))


def _softmax(interp: Interpreter, a: Any, dim: int, half_to_float: bool = False) -> Parts:
    numbers = _exp(interp, a)
    total = interp.carrier.sum(numbers, [dim % max(1, numbers[0].ndim)], True)
    return interp.carrier.div(numbers, total)


def _again(interp: Interpreter, numbers: Parts) -> Parts:
    return interp.carrier.log(numbers)


def _exp(interp: Interpreter, a: Any) -> Parts:
    return interp.carrier.exp(held(interp, a))


def _expm1(interp: Interpreter, a: Any) -> Parts:
    return interp.carrier.sub(_exp(interp, a), interp.carrier.constant(1))


def _above(interp: Interpreter, a: Any) -> Parts:
    return interp.carrier.add(_exp(interp, a), interp.carrier.constant(1))


def _sigmoid(interp: Interpreter, a: Any) -> Parts:
    return interp.carrier.div(_exp(interp, a), _above(interp, a))


_COMPARED = frozenset("lt le gt ge eq ne".split())
_NUMBERS: dict[str, Callable[..., Parts]] = {
    "exp": _exp,
    "expm1": _expm1,
    "sigmoid": _sigmoid,
    "_softmax": _softmax,
}
"""aten name -> the numbers it returns."""
_LOGARITHMS: dict[str, Callable[..., Parts]] = {
    "add": _add,
    "sub": _sub,
    "rsub": _rsub,
    "neg": _neg,
    "mul": _mul,
    "div": _div,
    "sum": _sum,
    "cumsum": _cumsum,
    "where": _where,
    "masked_fill": _masked_fill,
    "fill": _fill,
    "zero": _zero,
    "index_put": _index_put,
    "_index_put_impl": _index_put,
    "logaddexp": _logaddexp,
    "logsumexp": _logsumexp,
    "logcumsumexp": _logcumsumexp,
    "_log_softmax": lambda interp, *args: _again(interp, _softmax(interp, *args)),
    "log_sigmoid_forward": lambda interp, a: _again(interp, _sigmoid(interp, a)),
}
"""aten name -> the numbers whose logarithms it returns."""
