"""Rules for aten operations in any carrier: what moves numbers, what computes with them, what is refused and why."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import torch
from torch import Tensor
from torch.utils._mode_utils import no_dispatch

from numeric import arithmetic
from numeric.carrier import NoRule, Parts
from numeric.interpreter import Exact, Interpreter, caller, leaves, map_parts, mapped

MOVES = frozenset(
    """
    _reshape_alias _unsafe_view alias as_strided as_strided_copy cat chunk clone concat constant_pad_nd contiguous
    detach diag_embed diagonal diagonal_backward diagonal_scatter expand expand_copy flip gather index index_select
    lift_fresh movedim narrow permute permute_copy reflection_pad1d repeat roll rot90 select select_backward
    select_scatter slice slice_backward slice_scatter split split_with_sizes squeeze stack swapaxes t take
    take_along_dim transpose tril triu unbind unfold unsqueeze view view_copy
    """.split()
)
"""Operations that only move numbers (or put zeros): torch runs them on each part, views stay views."""

_GATHERS = frozenset("cat concat stack select_scatter slice_scatter diagonal_scatter".split())
"""Moves whose tensors are all data; the tensors beside the first one in other moves are indices."""

FACTORIES = frozenset("zeros zeros_like new_zeros ones ones_like new_ones eye full full_like new_full".split())
EMPTY = frozenset("empty empty_like new_empty empty_strided new_empty_strided empty_permuted".split())
RANDOM = frozenset(
    "rand rand_like randn randn_like randint randint_like randperm bernoulli bernoulli_ uniform_ normal normal_ "
    "exponential_ multinomial native_dropout poisson geometric_ cauchy_ log_normal_ random_".split()
)
COMPARISONS = frozenset("lt le gt ge eq ne".split())
_WHOLE = frozenset("add sub rsub mul neg".split())
_SMALL = 2**20
"""Sums, differences and products of integers up to this size are exact in every float type but half."""
REASONS = {
    "transcendental": "exp exp2 expm1 log log2 log10 log1p logaddexp logsumexp logcumsumexp sigmoid tanh sin cos tan "
    "sinh cosh softplus silu gelu elu mish erf erfc lgamma digamma _softmax _log_softmax logit hardswish atan2 "
    "_scaled_dot_product_attention_math _scaled_dot_product_flash_attention_for_cpu",
    "algebraic (a root), not rational": "sqrt rsqrt linalg_vector_norm norm native_layer_norm native_group_norm "
    "_fused_rms_norm native_batch_norm cdist _cdist_forward",
    "piecewise": "abs clamp clamp_min clamp_max relu relu6 hardtanh hardsigmoid leaky_relu threshold maximum minimum "
    "max min amax amin aminmax sign floor ceil round trunc frac fmod remainder median mode",
    "data-dependent": "_local_scalar_dense item argmax argmin argsort sort topk nonzero unique _unique2 equal "
    "is_nonzero searchsorted bucketize histc bincount any all isnan isinf isfinite logical_and logical_or logical_not "
    "allclose",
}
_WHY = {name: why for why, names in REASONS.items() for name in names.split()}


def plain(interp: Interpreter, func: Any, name: str, args: Any, kwargs: Any) -> Any:
    """An operation on plain tensors only: run as it is, except that new float tensors become exact ones.

    Code writes its results into tensors it makes with `zeros` and the like, so those have to hold exact numbers.
    """
    if name in RANDOM:
        raise interp.refuse(f"aten.{func.__name__}", "random: the result differs from call to call")
    result = func(*args, **kwargs)
    if not isinstance(result, Tensor) or not result.dtype.is_floating_point:
        return result
    if name in FACTORIES and bool(torch.isfinite(result).all()):
        made = _made(interp, name, interp.carrier.lift(result), kwargs, result.dtype)
        made.plain = result.clone()  # memory of its own: it is marked when data is written
        return made
    if name in EMPTY:
        return _made(interp, name, interp.carrier.uninitialised(result.shape), kwargs, result.dtype)
    return result


def _made(interp: Interpreter, name: str, parts: Parts, kwargs: Any, dtype: torch.dtype) -> Exact:
    wanted = kwargs.get("dtype")
    if wanted is not None and wanted.is_floating_point and _narrow(interp, wanted):
        interp.record.casts.setdefault(f"{name}(dtype={wanted}) at {caller()}")
    if interp.carrier.follows_kernel:
        parts = (parts[0].to(dtype), *parts[1:])
    return interp.wrap(parts)


def _narrow(interp: Interpreter, dtype: torch.dtype) -> bool:
    return torch.finfo(dtype).bits < torch.finfo(interp.carrier.precision).bits


def exact(interp: Interpreter, func: Any, full: str, args: Any, kwargs: Any) -> Any:
    """An operation with at least one exact operand."""
    result = _computed(interp, func, full, args, kwargs)
    if full in _WHOLE and isinstance(result, Exact):
        result.plain = _whole_numbers(func, args, kwargs)
    return result


def _computed(interp: Interpreter, func: Any, full: str, args: Any, kwargs: Any) -> Any:
    inplace = full.endswith("_") and not full.endswith("__")
    name = full[:-1] if inplace else full
    if name in FACTORIES or name in EMPTY:
        return _like(interp, func, name, args, kwargs)
    if name == "copy":
        return _write(interp, args[0], interp.parts(args[1]), func)
    if kwargs.get("out") is not None:
        target = kwargs["out"]
        result = exact(interp, func.overloadpacket, name, args, {k: v for k, v in kwargs.items() if k != "out"})
        return _write(interp, target, result.parts, func)
    if name in MOVES and not (name == "constant_pad_nd" and (kwargs.get("value") or (args[2:] and args[2]))):
        return _reshape_in_place(interp, func, args, kwargs) if inplace else _move(interp, func, name, args, kwargs)
    if name == "_to_copy":
        return _cast(interp, func, args, kwargs)
    if name in COMPARISONS and (constants := _constants(args, kwargs)) is not None:
        return func(*constants[0], **constants[1])
    rule = arithmetic.RULES.get(name)
    if rule is None:
        return _elsewhere(interp, func, name, args, kwargs)
    result = rule(interp, *args, **kwargs)
    if isinstance(result, Tensor):
        return result
    result = _settled(result, tensors((args, kwargs)))
    if inplace:
        return _in_place(interp, func, args, kwargs, result)
    return interp.wrap(_follow(interp, func, args, kwargs, result))


def _settled(result: Parts, operands: list[Exact]) -> Parts:
    """`result` in memory of its own, all parts laid out alike: torch's results share no memory with their operands."""
    held = {p.untyped_storage().data_ptr() for o in operands for p in o.parts}
    head = result[0]
    if head.untyped_storage().data_ptr() in held or not _compact(head):
        head = head.clone(memory_format=torch.contiguous_format)
    out = [head]
    for part in result[1:]:
        alike = part.stride() == head.stride() and _compact(part)
        if not alike or part.untyped_storage().data_ptr() in held:
            part = torch.empty_strided(head.shape, head.stride(), dtype=part.dtype).copy_(part)
        out.append(part)
    return tuple(out)


def _compact(part: Tensor) -> bool:
    return part.untyped_storage().nbytes() == part.numel() * part.element_size()


def _move(interp: Interpreter, func: Any, name: str, args: Any, kwargs: Any) -> Any:
    count = len(interp.carrier.dtypes)
    if any(isinstance(v, torch.dtype) for v in leaves((args, kwargs))):
        raise NoRule("reads the bits of numbers as another type")
    if name in _GATHERS:
        # integer tensors are data here, unlike in the moves that take indices
        args, kwargs = mapped(lambda v: v.double() if _whole(v) else v, (args, kwargs))
    elif tensors((args[1:], kwargs)):
        raise NoRule("data-dependent: an index that is data")
    moved = [map_parts(func, i, interp, args, kwargs) for i in range(count)]
    constants = _constants(args, kwargs, marked=True)
    plain = None if constants is None else func(*constants[0], **constants[1])
    if isinstance(moved[0], Tensor):
        made = interp.wrap(tuple(moved))
        made.plain = plain
        return made
    several = [interp.wrap(tuple(m[i] for m in moved)) for i in range(len(moved[0]))]
    for i, made in enumerate(several):
        made.plain = None if plain is None else plain[i]
    return type(moved[0])(several)


def _constants(args: Any, kwargs: Any, marked: bool = False) -> tuple[Any, Any] | None:
    """The arguments with plain numbers for constants; None if one is data. marked: entries may be NaN, for data."""
    held = tensors((args, kwargs))
    if any(t.plain is None if marked else t.constant() is None for t in held):
        return None

    def pick(value: Any) -> Any:
        return value.plain if isinstance(value, Exact) else value

    return mapped(pick, args), mapped(pick, kwargs)


def _whole_numbers(func: Any, args: Any, kwargs: Any) -> Tensor | None:
    """The result for constants that are small integers, where floats are exact."""
    constants = _constants(args, kwargs)
    if constants is None:
        return None
    numbers = [v for v in leaves(constants) if isinstance(v, (Tensor, int, float)) and not isinstance(v, bool)]
    values = [torch.as_tensor(v).double() for v in numbers]
    if any(bool((v != v.round()).any()) or bool((v.abs() > _SMALL).any()) for v in values):
        return None
    result: Tensor = func(*constants[0], **constants[1])
    return result


def _reshape_in_place(interp: Interpreter, func: Any, args: Any, kwargs: Any) -> Exact:
    target = args[0]
    for i in range(len(target.parts)):
        map_parts(func, i, interp, args, kwargs)
    if torch.Tag.inplace_view in func.tags:
        with no_dispatch():
            func(*args, **kwargs)  # the wrapper's own shape
    if target.plain is not None:
        func(target.plain, *args[1:], **kwargs)
    return target


def _like(interp: Interpreter, func: Any, name: str, args: Any, kwargs: Any) -> Any:
    dtype = kwargs.get("dtype")
    if dtype is not None and not dtype.is_floating_point:
        return map_parts(func, 0, interp, args, kwargs)
    if tensors(args[1:]):
        raise NoRule("data-dependent: a fill value that is data; multiply `ones` by it instead")
    # parts may be integers, which could not hold a fill value such as 0.5
    wide = kwargs if interp.carrier.follows_kernel else kwargs | {"dtype": torch.float64}
    shaped = map_parts(func, 0, interp, args, wide)
    if name in EMPTY:
        parts = interp.carrier.uninitialised(shaped.shape)
    elif bool(torch.isfinite(shaped).all()):
        parts = interp.carrier.lift(shaped.double())
    else:
        raise NoRule("a constant tensor with NaN or infinite entries")
    made = _made(interp, name, _strided(parts, shaped), kwargs, shaped.dtype)
    if name not in EMPTY:
        made.plain = shaped.clone()
    return made


def _strided(parts: Parts, like: Tensor) -> Parts:
    # autograd makes gradients with the parameter's strides and later takes views of them
    out = tuple(torch.empty_strided(like.shape, like.stride(), dtype=p.dtype) for p in parts)
    for target, source in zip(out, parts, strict=True):
        target.copy_(source)
    return out


def _cast(interp: Interpreter, func: Any, args: Any, kwargs: Any) -> Any:
    dtype = kwargs.get("dtype")
    if dtype is None or dtype == args[0].dtype:
        return interp.wrap(tuple(p.clone() for p in interp.parts(args[0])))
    if not dtype.is_floating_point:
        constant = args[0].constant()
        if constant is not None:
            return func(constant, **kwargs)
        raise NoRule(f"data-dependent: a conversion to {dtype} cuts digits")
    if _narrow(interp, dtype):
        interp.record.casts.setdefault(f"cast to {dtype} at {caller()}")
    return interp.wrap(_settled(interp.carrier.cast(interp.parts(args[0]), dtype), tensors(args)))


def _write(interp: Interpreter, target: Any, parts: Parts, func: Any) -> Any:
    if not isinstance(target, Exact):
        raise NoRule(
            "writes a computed number into a tensor that the interpreter did not make (a buffer, a parameter or a "
            "literal); make it with torch.zeros inside the call, or pass it in"
        )
    _mark(target)
    if interp.carrier.follows_kernel and parts[0].dtype != target.dtype:
        _note_narrowing(interp, parts, target)
        parts = interp.carrier.cast(parts, target.dtype)
    for own, new in zip(target.parts, parts, strict=True):
        own.copy_(new)
    return target


def _in_place(interp: Interpreter, func: Any, args: Any, kwargs: Any, result: Parts) -> Any:
    target = args[0]
    if not isinstance(target, Exact):
        return _write(interp, target, result, func)
    if not interp.carrier.follows_kernel:
        return _write(interp, target, result, func)
    _mark(target)
    _note_narrowing(interp, result, target)
    map_parts(func, 0, interp, args, kwargs)
    shifted = interp.carrier.follow(result, result[0], target.parts[0])
    for own, new in zip(target.parts[1:], shifted[1:], strict=True):
        own.copy_(new)
    return target


def _mark(target: Exact) -> None:
    """What is written is no constant any more; views of it share the memory, so they see the mark."""
    if target.plain is not None:
        target.plain.fill_(torch.nan)


def _note_narrowing(interp: Interpreter, parts: Parts, target: Exact) -> None:
    if _narrow(interp, target.dtype) and torch.finfo(parts[0].dtype).bits > torch.finfo(target.dtype).bits:
        interp.record.casts.setdefault(f"written into a {target.dtype} tensor at {caller()}")


def _follow(interp: Interpreter, func: Any, args: Any, kwargs: Any, result: Parts) -> Parts:
    if not interp.carrier.follows_kernel:
        return result
    kernel = map_parts(func, 0, interp, args, kwargs)
    return interp.carrier.follow(result, result[0], kernel)


def _elsewhere(interp: Interpreter, func: Any, name: str, args: Any, kwargs: Any) -> Any:
    if name in arithmetic.ORDERED and interp.carrier.decides_order:
        return arithmetic.ordered(interp, func, name, args, kwargs)
    if not func._schema.is_mutable and (constants := _constants(args, kwargs)) is not None:
        return func(*constants[0], **constants[1])  # of constants only: floating point is what the code computes
    if name in _WHY:
        raise NoRule(_WHY[name])
    if name in RANDOM:
        raise NoRule("random: the result differs from call to call")
    if name.startswith("_foreach"):
        raise NoRule("fused over several tensors; pass foreach=False to the optimiser")
    smaller = _decomposition(func)
    if smaller is None:
        raise NoRule("no exact rule for it")
    with interp:
        result = smaller(*args, **kwargs)
    if interp.carrier.follows_kernel and isinstance(result, Exact) and not func._schema.is_mutable:
        return interp.wrap(_follow(interp, func, args, kwargs, result.parts))
    return result


def _whole(value: Any) -> bool:
    return isinstance(value, Tensor) and not isinstance(value, Exact) and not value.dtype.is_floating_point


@cache
def _decomposition(func: Any) -> Callable[..., Any] | None:
    if torch._C._dispatch_has_kernel_for_dispatch_key(func.name(), torch._C.DispatchKey.CompositeImplicitAutograd):
        return func.decompose
    from torch._decomp import decomposition_table  # a second's import, only for rare operations

    return decomposition_table.get(func)


def unwrap(value: Any) -> Any:
    """The first part of each exact tensor in a nested value (plain tensors as they are)."""
    return mapped(lambda v: v.parts[0] if isinstance(v, Exact) else v, value)


def tensors(value: Any) -> list[Exact]:
    """The exact tensors in a nested value."""
    return [v for v in leaves(value) if isinstance(v, Exact)]
