"""Rules for aten operations in any carrier: what moves numbers, what computes with them, what is refused and why."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any, NoReturn

import torch
from torch import Tensor
from torch.utils._mode_utils import no_dispatch

from numeric import arithmetic
from numeric.carrier import NoRule, Parts
from numeric.interpreter import Exact, Interpreter, Memory, caller, leaves, map_parts, mapped

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

GATHERS = frozenset("cat concat stack select_scatter slice_scatter diagonal_scatter".split())
"""Moves whose tensors are all data; the tensors beside the first one in other moves are indices."""

FACTORIES = frozenset("zeros zeros_like new_zeros ones ones_like new_ones eye full full_like new_full".split())
EMPTY = frozenset("empty empty_like new_empty empty_strided new_empty_strided empty_permuted".split())
RANDOM = frozenset(
    "rand rand_like randn randn_like randint randint_like randperm bernoulli bernoulli_ uniform_ normal normal_ "
    "exponential_ multinomial native_dropout poisson geometric_ cauchy_ log_normal_ random_".split()
)
RANDOMLY = "random: the result differs from call to call; call eval() on the module, or give the draw as an input"
COMPARISONS = frozenset("lt le gt ge eq ne".split())
_WHOLE = frozenset("add sub rsub mul neg".split())
LOGARITHMS = frozenset(("log", "log1p"))
TRANSCENDENTAL = LOGARITHMS | {"exp"}
_SMALL = 2**20
"""Sums, differences and products of integers up to this size are exact in every float type but half."""
REASONS = {
    "transcendental; give the gate it computes as an input, or its argument as a log gate (the log of an input)": "exp "
    "exp2 expm1 sigmoid softplus log_sigmoid_forward tanh",
    "transcendental; a smoother with these weights is no rational function of its input": "_softmax _log_softmax "
    "logsumexp logcumsumexp logaddexp _scaled_dot_product_attention_math "
    "_scaled_dot_product_flash_attention_for_cpu",
    "transcendental; leave the activation out, or give what it returns as an input": "silu gelu elu mish erf erfc "
    "hardswish logit",
    "transcendental": "log2 log10 sin cos tan sinh cosh lgamma digamma atan2 polar angle",
    "algebraic (a root), not rational; give data that is normalised already, or turn the normalisation off": "sqrt rsqrt "
    "linalg_vector_norm norm native_layer_norm native_group_norm _fused_rms_norm cdist _cdist_forward",
    "algebraic (a root), not rational; it normalises by the batch: call eval() on the module": "native_batch_norm",
    "a transform by roots of unity, which are not rational; write the convolution out (F.conv1d)": "_fft_r2c _fft_c2r "
    "_fft_c2c",
    "factors a matrix by roots or decisions; write the solution as torch.linalg.solve or inv": "linalg_cholesky_ex "
    "cholesky_solve linalg_lstsq linalg_pinv _linalg_svd linalg_eig _linalg_eigh linalg_qr linalg_lu_factor_ex "
    "linalg_matrix_exp",
    "piecewise": "abs clamp clamp_min clamp_max relu relu6 hardtanh hardsigmoid leaky_relu threshold maximum minimum "
    "max min amax amin aminmax sign floor ceil round trunc frac fmod remainder median mode",
    "data-dependent: a number of the data decides what the code does": "_local_scalar_dense item argmax argmin argsort "
    "sort topk nonzero unique _unique2 equal is_nonzero searchsorted bucketize histc bincount any all isnan isinf "
    "isfinite logical_and logical_or logical_not allclose",
}
"""Why operations are refused, and what to do about it."""
WHY = {name: why for why, names in REASONS.items() for name in names.split()}


def plain(interp: Interpreter, func: Any, name: str, args: Any, kwargs: Any) -> Any:
    """An operation on plain tensors only: run as it is, except that new float tensors become exact ones.

    Code writes its results into tensors it makes with `zeros` and the like, so those have to hold exact numbers.
    """
    if name in RANDOM:
        raise interp.refuse(f"aten.{func.__name__}", RANDOMLY)
    if func._schema.is_mutable and name != "detach_":
        _keep_outer(interp, func, args)
    result = func(*args, **kwargs)
    if name == "lift_fresh" or (func._schema.returns and func._schema.returns[0].alias_info is None):
        interp.own |= {_place(t) for t in leaves(result) if isinstance(t, Tensor)}
    if not isinstance(result, Tensor):
        return result
    if result.dtype.is_complex and (name in FACTORIES or name in EMPTY):
        from numeric import complex_pairs

        if _narrow(interp, result.real.dtype):
            interp.record.casts.setdefault(f"{name}(dtype={result.dtype}) at {caller()}")
        return complex_pairs.lifted(interp, torch.zeros_like(result) if name in EMPTY else result)
    if not result.dtype.is_floating_point:
        return result
    if name in FACTORIES and bool(torch.isfinite(result).all()):
        made = _made(interp, name, interp.carrier.lift(result), kwargs, result.dtype)
        made.plain = result.clone()  # memory of its own: it is marked when data is written
        made.memory.blank = not bool(result.any())
        return made
    if name in EMPTY:
        made = _made(interp, name, interp.carrier.uninitialised(result.shape), kwargs, result.dtype)
        made.memory.blank = True
        return made
    return result


def _place(value: Tensor) -> int:
    """Where a plain tensor lies in memory; 0 for the wrappers of torch.func, which lie nowhere and outlive no call."""
    try:
        return value.untyped_storage().data_ptr()
    except RuntimeError:
        return 0


def _keep_outer(interp: Interpreter, func: Any, args: Any) -> None:
    """Refuse a write of constants into a tensor that outlives the call, such as a counter of batches."""
    for argument, value in zip(func._schema.arguments, args, strict=False):
        written = argument.alias_info is not None and argument.alias_info.is_write and isinstance(value, Tensor)
        if written and _place(value) not in interp.own:
            raise interp.refuse(
                f"aten.{func.__name__}",
                "writes to a tensor that outlives the call (a buffer or a global); call eval() on the module, or "
                "make the tensor inside the call",
            )


def _made(interp: Interpreter, name: str, parts: Parts, kwargs: Any, dtype: torch.dtype) -> Exact:
    wanted = kwargs.get("dtype")
    if wanted is not None and wanted.is_floating_point and _narrow(interp, wanted):
        interp.record.casts.setdefault(f"{name}(dtype={wanted}) at {caller()}")
    if interp.carrier.follows_kernel:
        parts = (parts[0].to(dtype), *parts[1:])
    return interp.wrap(parts)


def _narrow(interp: Interpreter, dtype: torch.dtype) -> bool:
    return torch.finfo(dtype).bits < torch.finfo(interp.carrier.precision).bits


def note_cast(interp: Interpreter, dtype: torch.dtype) -> None:
    """Record a conversion to `dtype` if it rounds."""
    if _narrow(interp, dtype):
        interp.record.casts.setdefault(f"cast to {dtype} at {caller()}")


def exact(interp: Interpreter, func: Any, full: str, args: Any, kwargs: Any) -> Any:
    """An operation with at least one exact operand."""
    result = _computed(interp, func, full, args, kwargs)
    if full in _WHOLE and isinstance(result, Exact):
        result.plain = _whole_numbers(func, args, kwargs)
    return result


def infinite(interp: Interpreter, func: Any, full: str, args: Any, kwargs: Any) -> Any:
    """An operation on numbers with plus or minus infinity: of constants, for a mask that is added to logarithms."""
    constants = _constants(args, kwargs)
    if constants is None:
        return exact(interp, func, full, args, kwargs)
    if not func._schema.is_mutable:
        return func(*constants[0], **constants[1])
    if not interp.carrier.keeps_logarithms:
        return exact(interp, func, full, args, kwargs)
    from numeric import logarithms

    return logarithms.computed(interp, func, full, args, kwargs)


def _computed(interp: Interpreter, func: Any, full: str, args: Any, kwargs: Any) -> Any:
    inplace = full.endswith("_") and not full.endswith("__")
    name = full[:-1] if inplace else full
    if name in FACTORIES or name in EMPTY:
        return _like(interp, func, name, args, kwargs)
    if name == "copy":
        return _copy(interp, args[0], args[1])
    if kwargs.get("out") is not None:
        target = kwargs["out"]
        result = exact(interp, func.overloadpacket, name, args, {k: v for k, v in kwargs.items() if k != "out"})
        return write(interp, target, result.parts)
    if name in MOVES and not (name == "constant_pad_nd" and (kwargs.get("value") or (args[2:] and args[2]))):
        return reshape_in_place(interp, func, args, kwargs) if inplace else _move(interp, func, name, args, kwargs)
    if name == "_to_copy":
        return _cast(interp, func, args, kwargs)
    if name in COMPARISONS and (constants := _constants(args, kwargs)) is not None:
        return func(*constants[0], **constants[1])
    if name in TRANSCENDENTAL and interp.carrier.keeps_logarithms and _constants(args, kwargs) is not None:
        return _elsewhere(interp, func, name, args, kwargs)
    if name in LOGARITHMS and interp.carrier.keeps_logarithms:
        from numeric import logarithms

        made = logarithms.made(interp, name, args[0])
        return write(interp, args[0], made.parts, log=True) if inplace else made
    rule = arithmetic.RULES.get(name)
    if rule is None:
        return _elsewhere(interp, func, name, args, kwargs)
    if isinstance(kwargs.get("dtype"), torch.dtype) and kwargs["dtype"].is_floating_point:
        note_cast(interp, kwargs["dtype"])
    result = rule(interp, *args, **kwargs)
    if isinstance(result, Tensor):
        return result
    if isinstance(result[0], tuple):
        held = tensors((args, kwargs))
        return tuple(r if isinstance(r, Tensor) else interp.wrap(settled(r, held)) for r in result)
    result = settled(result, tensors((args, kwargs)))
    if inplace:
        return _in_place(interp, func, args, kwargs, result)
    return interp.wrap(_follow(interp, func, args, kwargs, result))


def settled(result: Parts, operands: list[Exact]) -> Parts:
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
    if name in GATHERS:
        # integer tensors are data here, unlike in the moves that take indices
        args, kwargs = mapped(lambda v: v.double() if _whole(v) else v, (args, kwargs))
    elif tensors((args[1:], kwargs)):
        raise NoRule("data-dependent: an index that is data")
    moved = [map_parts(func, i, interp, args, kwargs) for i in range(count)]
    constants = _constants(args, kwargs, marked=True)
    plain = None if constants is None else func(*constants[0], **constants[1])
    if isinstance(moved[0], Tensor):
        made = interp.wrap(tuple(moved), _memory(args[0], moved[0]))
        made.plain = plain
        return made
    several = [interp.wrap(tuple(m[i] for m in moved), _memory(args[0], moved[0][i])) for i in range(len(moved[0]))]
    for i, made in enumerate(several):
        made.plain = None if plain is None else plain[i]
    return type(moved[0])(several)


def _memory(source: Any, part: Tensor) -> Memory | None:
    """The source's own memory for a view of it."""
    if isinstance(source, Exact) and part.untyped_storage().data_ptr() == source.parts[0].untyped_storage().data_ptr():
        return source.memory
    return None


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


def reshape_in_place(interp: Interpreter, func: Any, args: Any, kwargs: Any) -> Exact:
    """A move in place: a view of itself, or entries set to zero."""
    target = args[0]
    for i in range(len(target.parts)):
        map_parts(func, i, interp, args, kwargs)
    if torch.Tag.inplace_view not in func.tags and target.memory.owner is not None:
        interp.record.writes.setdefault(f"writes to its input {target.memory.owner} at {caller()}")
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
    elif bool((torch.isfinite(shaped) | (torch.isneginf(shaped) & interp.carrier.follows_kernel)).all()):
        parts = interp.carrier.lift(shaped.double())
    elif interp.carrier.keeps_logarithms and bool((torch.isneginf(shaped) | (shaped == 0)).all()):
        parts = interp.carrier.lift((shaped == 0).double())
        return interp.wrap(_strided(parts, shaped), Memory(log=True))
    else:
        raise NoRule("a constant tensor with NaN or infinite entries")
    made = _made(interp, name, _strided(parts, shaped), kwargs, shaped.dtype)
    made.memory.blank = name in EMPTY or not bool(shaped.any())
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
        made = interp.wrap(tuple(p.clone() for p in interp.parts(args[0])))
    else:
        if not dtype.is_floating_point:
            constant = args[0].constant()
            if constant is not None:
                return func(constant, **kwargs)
            raise NoRule(f"data-dependent: a conversion to {dtype} cuts digits")
        note_cast(interp, dtype)
        made = interp.wrap(settled(interp.carrier.cast(interp.parts(args[0]), dtype), tensors(args)))
    if args[0].memory.blank and args[0].plain is not None:
        made.plain, made.memory.blank = args[0].plain.clone(), True
    return made


def _copy(interp: Interpreter, target: Any, value: Any) -> Any:
    if isinstance(target, Exact) and target.memory.log:
        from numeric import logarithms

        if not _covers(target):
            return write(interp, target, logarithms.held(interp, value), log=True)
    return write(interp, target, interp.parts(value))


def write(interp: Interpreter, target: Any, parts: Parts, *, log: bool = False) -> Any:
    """Write numbers into `target`; log: they stand for their logarithms. Returns the target."""
    if not isinstance(target, Exact):
        raise NoRule(
            "writes a computed number into a tensor that the interpreter did not make (a buffer, a parameter or a "
            "literal); make it with torch.zeros inside the call, or pass it in"
        )
    if target.memory.log is not log:
        _change(interp, target, log)
    _mark(interp, target)
    if interp.carrier.follows_kernel and parts[0].dtype != target.dtype:
        _note_narrowing(interp, parts, target)
        parts = interp.carrier.cast(parts, target.dtype)
    for own, new in zip(target.parts, parts, strict=True):
        own.copy_(new)
    return target


def _covers(target: Exact) -> bool:
    return target.parts[0].untyped_storage().nbytes() == target.numel() * target.parts[0].element_size()


def _change(interp: Interpreter, target: Exact, log: bool) -> None:
    """Turn memory of numbers into memory of logarithms, or back, where nothing in it is kept."""
    if not _covers(target):
        if not (log and target.memory.blank):
            raise NoRule("puts logarithms and numbers into one tensor; keep them apart")
        # log 1 = 0: what was zero stays zero
        for part, one in zip(target.parts, interp.carrier.constant(1), strict=True):
            whole = part.untyped_storage().nbytes() // part.element_size()
            part.as_strided((whole,), (1,), 0).copy_(one)
    target.memory.log = log


def _in_place(interp: Interpreter, func: Any, args: Any, kwargs: Any, result: Parts) -> Any:
    target = args[0]
    if not isinstance(target, Exact) or not interp.carrier.follows_kernel:
        return write(interp, target, result)
    _mark(interp, target)
    _note_narrowing(interp, result, target)
    map_parts(func, 0, interp, args, kwargs)
    shifted = interp.carrier.follow(result, result[0], target.parts[0])
    for own, new in zip(target.parts[1:], shifted[1:], strict=True):
        own.copy_(new)
    return target


def _mark(interp: Interpreter, target: Exact) -> None:
    """What is written is no constant any more; views of it share the memory, so they see the mark."""
    target.memory.blank = False
    if target.memory.owner is not None:
        interp.record.writes.setdefault(f"writes to its input {target.memory.owner} at {caller()}")
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
    if name == "native_batch_norm" and not args[5]:
        return _batch_norm(interp, *args)
    if name in WHY:
        refuse(name)
    if name in RANDOM:
        raise NoRule(RANDOMLY)
    if name.startswith("_foreach"):
        raise NoRule("fused over several tensors; pass foreach=False to the optimiser")
    smaller = decomposition(func)
    if smaller is None:
        raise NoRule("no exact rule for it")
    with interp:
        result = smaller(*args, **kwargs)
    if interp.carrier.follows_kernel and isinstance(result, Exact) and not func._schema.is_mutable:
        return interp.wrap(_follow(interp, func, args, kwargs, result.parts))
    return result


def refuse(name: str) -> NoReturn:
    """Raise NoRule for an operation that is known to leave rational functions."""
    raise NoRule(WHY.get(name, RANDOMLY))


def _batch_norm(interp: Interpreter, x: Any, weight: Any, bias: Any, mean: Any, var: Any, *rest: Any) -> Any:
    """Batch normalisation in evaluation: an affine map, given the running statistics."""
    shape = [1, -1] + [1] * (x.ndim - 2)
    scale = torch.rsqrt(var + rest[-1])
    scale = scale if weight is None else scale * weight
    with interp:
        out = (x - mean.view(shape)) * scale.view(shape)
        out = out if bias is None else out + bias.view(shape)
        return out, x.new_zeros(0), x.new_zeros(0)


def _whole(value: Any) -> bool:
    return isinstance(value, Tensor) and not isinstance(value, Exact) and not value.dtype.is_floating_point


@cache
def decomposition(func: Any) -> Callable[..., Any] | None:
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
