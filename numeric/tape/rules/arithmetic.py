"""Sums, products and quotients. One function an operation; names are aten's."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import torch
from torch import Tensor

from numeric.carriers.carrier import NoRule, broadcast_shapes
from numeric.tape.numbers import Numbers
from numeric.tape.refusals import WHY
from numeric.tape.storage_tape import Constant, Window


def _scaled(m: Any, a: Numbers, factor: Any) -> Numbers:
    if isinstance(factor, (int, float)) and factor == 1:
        return a
    return a * m.numbers(factor)


def _scaled_product(
    m: Any, product: Callable[[Numbers, Numbers], Numbers], a: Numbers, b: Numbers, factor: Any
) -> Numbers:
    # kernels multiply by the factor before or after the product, which matters where products underflow
    after = _scaled(m, product(a, b), factor)
    if not m.carrier.any_order or (isinstance(factor, (int, float)) and factor == 1):
        return after
    before = product(_scaled(m, a, factor), b), product(a, _scaled(m, b, factor))
    return after.made(m.carrier.worst([after.parts, *(w.parts for w in before)]))


def dims(a: Numbers, dim: Any) -> list[int]:
    """The dimensions that `dim` names, all for None or an empty list, non-negative."""
    if dim is None or (isinstance(dim, Sequence) and not dim):
        return list(range(a.ndim))
    given = [dim] if isinstance(dim, int) else list(dim)
    return [d % max(1, a.ndim) for d in given] if a.ndim else []


def is_data(value: Any) -> bool:
    """Whether an operand depends on the inputs."""
    return isinstance(value, Window)


def add(m: Any, a: Any, b: Any, *, alpha: Any = 1) -> Numbers:
    return m.numbers(a) + _scaled(m, m.numbers(b), alpha)


def sub(m: Any, a: Any, b: Any, *, alpha: Any = 1) -> Numbers:
    return m.numbers(a) - _scaled(m, m.numbers(b), alpha)


def rsub(m: Any, a: Any, b: Any, alpha: Any = 1) -> Numbers:
    return sub(m, b, a, alpha=alpha)


def mul(m: Any, a: Any, b: Any) -> Numbers:
    return m.numbers(a) * m.numbers(b)


def div(m: Any, a: Any, b: Any, *, rounding_mode: str | None = None) -> Numbers:
    if rounding_mode is not None:
        raise NoRule(f"piecewise: rounding mode {rounding_mode!r}")
    rounds = m.carrier.any_order or m.carrier.follows_kernel
    plain = m.constant(b) if isinstance(b, Constant) or rounds else None
    if plain is None and (is_data(b) or isinstance(b, Numbers)):
        return m.numbers(a) / m.numbers(b)
    value = plain if plain is not None else torch.tensor(b, dtype=torch.float64)
    if bool((value == 0).any()):
        raise ZeroDivisionError("a divisor is the constant 0")
    return m.numbers(a).over(value)


def reciprocal(m: Any, a: Any) -> Numbers:
    return div(m, 1, a)


def neg(m: Any, a: Any) -> Numbers:
    return -m.numbers(a)


def positive(m: Any, a: Any) -> Numbers:
    return m.numbers(a)


def exp(m: Any, a: Any) -> Numbers:
    if m.carrier.keeps_logarithms:
        raise NoRule(
            "transcendental: exp of data; give the gate it computes as an input, or its argument as a log gate (the "
            "log of an input)"
        )
    value = m.numbers(a)
    return value.made(m.carrier.exp(value.parts))


def log(m: Any, a: Any) -> Numbers:
    value = m.numbers(a)
    return value.made(m.carrier.log(value.parts))


def square(m: Any, a: Any) -> Numbers:
    return pow(m, a, 2)


def pow(m: Any, a: Any, exponent: Any) -> Numbers:
    plain = m.constant(exponent) if isinstance(exponent, (Constant, Window)) else torch.tensor(exponent)
    if plain is None or not is_data(a):
        raise NoRule("transcendental: an exponent that is data")
    if plain.dtype.is_complex or not bool((plain == plain.round()).all()):
        shown = f"the power {plain.item()}" if plain.numel() == 1 else "powers that are no whole numbers"
        raise NoRule(f"algebraic, not rational: {shown}")
    value = m.numbers(a)
    shape = broadcast_shapes(plain.shape, value.shape)
    ones = Numbers(m.carrier, m.carrier.lift(torch.ones(value.shape, dtype=torch.float64)))
    out: Numbers | None = None
    for whole in sorted({int(e) for e in plain.reshape(-1).tolist()}):
        power = value.power(abs(whole)) if whole else ones
        power = (power if whole >= 0 else m.numbers(1) / power).expand(shape)
        out = power if out is None else power.chosen((plain == whole)[None], out)
    return ones.expand(shape) if out is None else out


def mm(m: Any, a: Any, b: Any, alpha: Any = 1, **_: Any) -> Numbers:
    return _scaled_product(m, Numbers.__matmul__, m.numbers(a), m.numbers(b), alpha)


def mv(m: Any, a: Any, v: Any, alpha: Any = 1) -> Numbers:
    return _scaled_product(m, Numbers.times_vector, m.numbers(a), m.numbers(v), alpha)


def dot(m: Any, a: Any, b: Any) -> Numbers:
    return (m.numbers(a).unsqueeze(0) @ m.numbers(b).unsqueeze(1)).reshape()


def addmm(m: Any, c: Any, a: Any, b: Any, *, beta: Any = 1, alpha: Any = 1) -> Numbers:
    return _accumulate(m, c, mm(m, a, b, alpha), beta, m.numbers(a).shape[-1])


def addmv(m: Any, c: Any, a: Any, v: Any, *, beta: Any = 1, alpha: Any = 1) -> Numbers:
    return _accumulate(m, c, mv(m, a, v, alpha), beta, m.numbers(a).shape[-1])


def addbmm(m: Any, c: Any, a: Any, b: Any, *, beta: Any = 1, alpha: Any = 1) -> Numbers:
    shape = m.numbers(a).shape
    return _accumulate(m, c, mm(m, a, b, alpha).sum([0]), beta, shape[0] * shape[-1])


def addr(m: Any, c: Any, a: Any, b: Any, *, beta: Any = 1, alpha: Any = 1) -> Numbers:
    return _accumulate(m, c, ger(m, a, b, alpha), beta, 1)


def ger(m: Any, a: Any, b: Any, alpha: Any = 1) -> Numbers:
    return _scaled_product(m, Numbers.__mul__, m.numbers(a).unsqueeze(1), m.numbers(b).unsqueeze(0), alpha)


def _accumulate(m: Any, c: Any, product: Numbers, beta: Any, length: int) -> Numbers:
    if isinstance(beta, (int, float)) and beta == 0:
        return product
    return _scaled(m, m.numbers(c), beta).accumulate(product, length)


def addcmul(m: Any, c: Any, a: Any, b: Any, *, value: Any = 1) -> Numbers:
    return m.numbers(c) + _scaled_product(m, Numbers.__mul__, m.numbers(a), m.numbers(b), value)


def addcdiv(m: Any, c: Any, a: Any, b: Any, *, value: Any = 1) -> Numbers:
    if m.carrier.any_order and value != 1:
        raise NoRule("kernels differ in when they multiply by the value; write the product and the quotient apart")
    return m.numbers(c) + _scaled(m, div(m, a, b), value)


def lerp(m: Any, a: Any, b: Any, weight: Any) -> Numbers:
    if m.carrier.any_order:
        raise NoRule("kernels differ in how they interpolate; write the two products out")
    start = m.numbers(a)
    return start + m.numbers(weight) * (m.numbers(b) - start)


def sum(m: Any, a: Any, dim: Any = None, keepdim: bool = False, *, dtype: Any = None) -> Numbers:
    value = m.numbers(a)
    return value.sum(dims(value, dim), keepdim)


def mean(m: Any, a: Any, dim: Any = None, keepdim: bool = False, *, dtype: Any = None) -> Numbers:
    value = m.numbers(a)
    along = dims(value, dim)
    count = terms(value, along)
    if count == 0:
        raise NoRule("the mean of no numbers")
    return value.sum(along, keepdim).over(torch.tensor(float(count), dtype=torch.float64))


def terms(a: Numbers, along: Sequence[int]) -> int:
    """How many entries a sum along these dimensions adds up."""
    count = 1
    for d in along:
        count *= a.shape[d]
    return count


def mse_loss(m: Any, a: Any, b: Any, reduction: int = 1) -> Numbers:
    apart = m.numbers(a) - m.numbers(b)
    square = apart * apart
    along = list(range(square.ndim))
    if reduction == 0:
        return square
    total = square.sum(along)
    return total.over(float(square.numel())) if reduction == 1 else total


def mse_loss_backward(m: Any, grad: Any, a: Any, b: Any, reduction: int) -> Numbers:
    # torch's own decomposition multiplies by the rounded 2/n
    slope = (m.numbers(a) - m.numbers(b)) * m.numbers(2)
    if reduction == 1:
        slope = slope.over(float(slope.numel()))
    return slope * m.numbers(grad)


def cumsum(m: Any, a: Any, dim: int, *, dtype: Any = None) -> Numbers:
    value = m.numbers(a)
    return value.cumsum(dim % value.ndim) if value.ndim else value


def cumprod(m: Any, a: Any, dim: int, *, dtype: Any = None) -> Numbers:
    value = m.numbers(a)
    return value.cumprod(dim % value.ndim) if value.ndim else value


def prod(m: Any, a: Any, dim: int | None = None, keepdim: bool = False, *, dtype: Any = None) -> Numbers:
    value = m.numbers(a)
    if dim is None:
        value, dim = value.reshape(-1), 0
    if value.ndim == 0:
        return value
    if value.shape[dim] == 0:
        return Numbers(m.carrier, m.carrier.lift(torch.ones(_dropped(value.shape, dim, keepdim), dtype=torch.float64)))
    return value.prod(dim % value.ndim, keepdim)


def _dropped(shape: Sequence[int], dim: int, keepdim: bool) -> list[int]:
    kept = list(shape)
    kept[dim] = 1
    return kept if keepdim else [n for d, n in enumerate(kept) if d != dim % len(kept)]


def trace(m: Any, a: Any) -> Numbers:
    return m.numbers(a).moved(lambda p: p.diagonal(dim1=1, dim2=2)).sum([0])


def var(m: Any, a: Any, dim: Any = None, *, correction: Any = None, keepdim: bool = False) -> Numbers:
    """The variance: the mean square of the distances from the mean."""
    if m.carrier.follows_kernel or m.carrier.any_order:
        raise NoRule("kernels differ in how they find a variance; write the mean of squares out")
    value = m.numbers(a)
    along = dims(value, dim)
    count = terms(value, along)
    below = count - (1 if correction is None else correction)
    if below <= 0:
        raise NoRule("the variance of too few numbers")
    distance = value - value.sum(along, True).over(float(count)) if along else value - value
    return (distance * distance).sum(along, keepdim).over(float(below))


def var_mean(m: Any, a: Any, dim: Any = None, *, correction: Any = None, keepdim: bool = False) -> Any:
    """Both, as a pair."""
    return var(m, a, dim, correction=correction, keepdim=keepdim), mean(m, a, dim, keepdim)


def native_batch_norm(
    m: Any, a: Any, weight: Any, bias: Any, mean: Any, variance: Any, training: bool, momentum: float, eps: float
) -> Any:
    """In evaluation: an affine map, whose scale is a function of constants."""
    spread = m.constant(variance) if variance is not None else None
    if training or spread is None or mean is None:
        raise NoRule(WHY["native_batch_norm"])
    value = m.numbers(a)
    shape = [1, -1] + [1] * (value.ndim - 2)
    scale = Numbers(m.carrier, m.carrier.lift((spread.double() + eps).rsqrt().reshape(shape)))
    out = (value - m.numbers(mean).reshape(*shape)) * scale
    if weight is not None:
        out = out * m.numbers(weight).reshape(*shape)
    return (out if bias is None else out + m.numbers(bias).reshape(*shape)), None, None


# --- sums at places ----------------------------------------------------------------------------------------------------


def index_put(m: Any, a: Any, indices: Any, values: Any, accumulate: bool = False, *rest: Any) -> Numbers:
    """With accumulate; without it is a move."""
    own = m.numbers(a)
    plain = tuple(slice(None) if i is None else _index(i) for i in indices)
    places = torch.arange(own.numel()).reshape(own.shape)[plain]
    return _add_at(m, own, places.reshape(-1), m.numbers(values).expand(places.shape).reshape(-1))


def _index(value: Any) -> Tensor:
    if not isinstance(value, Constant):
        raise NoRule("data-dependent: an index that is data")
    return value.value


def _add_at(m: Any, own: Numbers, places: Tensor, new: Numbers) -> Numbers:
    """own, flat, with new[i] added at places[i]: as many additions in a row as meet at one place."""
    flat = own.reshape(-1)
    carrier = m.carrier
    if carrier.any_order or carrier.follows_kernel:
        hits = torch.zeros(flat.numel(), len(places), dtype=torch.float64)
        hits[places, torch.arange(len(places))] = 1
        added = Numbers(carrier, carrier.lift(hits)) @ new.unsqueeze(-1)
        most = int(hits.sum(1).max()) if hits.numel() else 0
        return flat.accumulate(added.squeeze(-1), most).reshape(*own.shape)
    order = torch.argsort(places, stable=True)
    places = places[order]
    first = torch.ones_like(places, dtype=torch.bool)
    first[1:] = places[1:] != places[:-1]
    rank = torch.arange(len(places)) - torch.cummax(torch.where(first, torch.arange(len(places)), 0), 0).values
    for turn in range(int(rank.max()) + 1 if len(rank) else 0):
        take = rank == turn
        at, chosen = places[take], order[take]
        total = flat.moved(partial(_columns, at)) + new.moved(partial(_columns, chosen))
        trials = total.parts[0].shape[0]
        parts = []
        for f, t in zip(flat.parts, total.parts, strict=True):
            wide = f.expand(trials, -1).clone()
            wide[:, at] = t.to(wide.dtype)
            parts.append(wide)
        flat = flat.made(tuple(parts))
    return flat.reshape(*own.shape)


def _columns(places: Tensor, part: Tensor) -> Tensor:
    return part[:, places]


def index_add(m: Any, a: Any, dim: int, index: Any, source: Any, *, alpha: Any = 1) -> Numbers:
    own = m.numbers(a)
    shape = own.shape
    places = torch.arange(own.numel()).reshape(shape).index_select(dim, _index(index)).reshape(-1)
    return _add_at(m, own, places, _scaled(m, m.numbers(source), alpha).reshape(-1))


def scatter_add(m: Any, a: Any, dim: int, index: Any, source: Any) -> Numbers:
    own, at = m.numbers(a), _index(index)
    places = torch.arange(own.numel()).reshape(own.shape).gather(dim, at).reshape(-1)
    cut = tuple(slice(0, n) for n in at.shape)
    return _add_at(m, own, places, m.numbers(source).moved(lambda p: p[(slice(None), *cut)]).reshape(-1))


def scatter(m: Any, a: Any, dim: int, index: Any, source: Any, *, reduce: str | None = None) -> Numbers:
    """With reduce="add"; without it is a move."""
    if reduce != "add":
        raise NoRule(f"no rule for the reduction {reduce!r}; use scatter_add")
    at = _index(index)
    new = source if isinstance(source, (Window, Constant)) else Constant(torch.full(at.shape, float(source)), ("", 0))
    return scatter_add(m, a, dim, index, new)


def unfold_backward(m: Any, grad: Any, sizes: Any, dim: int, size: int, step: int) -> Numbers:
    places = torch.arange(torch.Size(sizes).numel()).reshape(sizes).unfold(dim, size, step).reshape(-1)
    return _add_at(m, Numbers(m.carrier, m.carrier.zeros(tuple(sizes))), places, m.numbers(grad).reshape(-1))


def scatter_reduce(
    m: Any, a: Any, dim: int, index: Any, source: Any, reduce: str, *, include_self: bool = True
) -> Numbers:
    if reduce != "sum" or not include_self:
        raise NoRule(f"no rule for the reduction {reduce!r}; use scatter_add")
    return scatter_add(m, a, dim, index, source)


RULES: dict[str, Callable[..., Any]] = {
    rule.__name__: rule
    for rule in (
        add, sub, rsub, mul, div, reciprocal, neg, positive, exp, log, square, pow, mm, mv, dot, addmm, addmv, addbmm,
        addr, ger, addcmul, addcdiv, lerp, sum, mean, mse_loss, mse_loss_backward, cumsum, cumprod, prod, trace, var,
        var_mean, index_put, index_add, scatter, scatter_add, unfold_backward, scatter_reduce, native_batch_norm,
    )
} | {
    "bmm": mm,
    "baddbmm": addmm,
    "vdot": dot,
    "true_divide": div,
    "divide": div,
    "subtract": sub,
    "multiply": mul,
    "negative": neg,
    "_index_put_impl": index_put,
}  # fmt: skip
"""aten name -> rule, called as rule(machine, *arguments)."""
