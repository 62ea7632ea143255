"""Rules of aten's arithmetic in terms of a carrier's few primitives. One function an operation; names are aten's."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from numeric.carrier import NoRule, Parts, terms
from numeric.interpreter import Exact, Interpreter

Rule = Callable[..., Parts | Tensor | tuple[Any, ...]]


def _scaled(interp: Interpreter, parts: Parts, factor: Any) -> Parts:
    if isinstance(factor, (int, float)) and factor == 1:
        return parts
    return interp.carrier.mul(parts, interp.parts(factor))


def _scaled_product(
    interp: Interpreter, product: Callable[[Parts, Parts], Parts], a: Parts, b: Parts, factor: Any
) -> Parts:
    # kernels multiply by the factor before or after the product, which matters where products underflow
    after = _scaled(interp, product(a, b), factor)
    if not interp.carrier.any_order or factor == 1:
        return after
    before = product(_scaled(interp, a, factor), b), product(a, _scaled(interp, b, factor))
    return interp.carrier.worst([after, *before])


def dims(parts: Parts, dim: Any) -> list[int]:
    """The dimensions that `dim` names, all for None or an empty list, non-negative."""
    ndim = parts[0].ndim
    if dim is None or (isinstance(dim, Sequence) and not dim):
        return list(range(ndim))
    given = [dim] if isinstance(dim, int) else list(dim)
    return [d % max(1, ndim) for d in given] if ndim else []


def add(interp: Interpreter, a: Any, b: Any, *, alpha: Any = 1) -> Parts:
    return interp.carrier.add(interp.parts(a), _scaled(interp, interp.parts(b), alpha))


def sub(interp: Interpreter, a: Any, b: Any, *, alpha: Any = 1) -> Parts:
    return interp.carrier.sub(interp.parts(a), _scaled(interp, interp.parts(b), alpha))


def rsub(interp: Interpreter, a: Any, b: Any, alpha: Any = 1) -> Parts:
    return sub(interp, b, a, alpha=alpha)


def mul(interp: Interpreter, a: Any, b: Any) -> Parts:
    return interp.carrier.mul(interp.parts(a), interp.parts(b))


def div(interp: Interpreter, a: Any, b: Any, *, rounding_mode: str | None = None) -> Parts:
    if rounding_mode is not None:
        raise NoRule(f"piecewise: rounding mode {rounding_mode!r}")
    if isinstance(b, Exact):
        return interp.carrier.div(interp.parts(a), b.parts)
    value = b.detach() if isinstance(b, Tensor) else torch.tensor(b, dtype=torch.float64)
    if not interp.carrier.follows_kernel:
        value = value.double()
    return interp.carrier.div_constant(interp.parts(a), value)


def reciprocal(interp: Interpreter, a: Any) -> Parts:
    return div(interp, 1, a)


def neg(interp: Interpreter, a: Any) -> Parts:
    return interp.carrier.neg(interp.parts(a))


def exp(interp: Interpreter, a: Any) -> Parts:
    if interp.carrier.keeps_logarithms:
        raise NoRule(
            "transcendental: exp of data; give the gate it computes as an input, or its argument as a log gate (the "
            "log of an input)"
        )
    return interp.carrier.exp(interp.parts(a))


def log(interp: Interpreter, a: Any) -> Parts:
    return interp.carrier.log(interp.parts(a))


def square(interp: Interpreter, a: Any) -> Parts:
    return pow(interp, a, 2)


def pow(interp: Interpreter, a: Any, exponent: Any) -> Parts:
    if isinstance(exponent, Tensor) or not isinstance(a, Tensor):
        raise NoRule("transcendental: an exponent that is data")
    if isinstance(exponent, float) and exponent.is_integer():
        exponent = int(exponent)
    if not isinstance(exponent, int):
        raise NoRule(f"algebraic, not rational: the power {exponent}")
    parts = interp.parts(a)
    if exponent == 0:
        return interp.carrier.lift(torch.ones(parts[0].shape, dtype=torch.float64))
    power = interp.carrier.power(parts, abs(exponent))
    return power if exponent > 0 else interp.carrier.div(interp.carrier.constant(1), power)


def mm(interp: Interpreter, a: Any, b: Any, alpha: Any = 1) -> Parts:
    return _scaled_product(interp, interp.carrier.matmul, interp.parts(a), interp.parts(b), alpha)


def mv(interp: Interpreter, a: Any, v: Any, alpha: Any = 1) -> Parts:
    column = tuple(p[:, None] for p in interp.parts(v))
    product = _scaled_product(interp, interp.carrier.matmul, interp.parts(a), column, alpha)
    return tuple(p[:, 0] for p in product)


def dot(interp: Interpreter, a: Any, b: Any) -> Parts:
    product = interp.carrier.matmul(
        tuple(p[None, :] for p in interp.parts(a)), tuple(p[:, None] for p in interp.parts(b))
    )
    return tuple(p[0, 0] for p in product)


def addmm(interp: Interpreter, c: Any, a: Any, b: Any, *, beta: Any = 1, alpha: Any = 1) -> Parts:
    return _accumulate(interp, c, mm(interp, a, b, alpha), beta, a.shape[-1])


def addmv(interp: Interpreter, c: Any, a: Any, v: Any, *, beta: Any = 1, alpha: Any = 1) -> Parts:
    return _accumulate(interp, c, mv(interp, a, v, alpha), beta, a.shape[-1])


def addbmm(interp: Interpreter, c: Any, a: Any, b: Any, *, beta: Any = 1, alpha: Any = 1) -> Parts:
    length = a.shape[0] * a.shape[-1]
    return _accumulate(interp, c, interp.carrier.sum(mm(interp, a, b, alpha), [0], False), beta, length)


def addr(interp: Interpreter, c: Any, a: Any, b: Any, *, beta: Any = 1, alpha: Any = 1) -> Parts:
    return _accumulate(interp, c, ger(interp, a, b, alpha), beta, 1)


def ger(interp: Interpreter, a: Any, b: Any, alpha: Any = 1) -> Parts:
    column, row = tuple(p[:, None] for p in interp.parts(a)), tuple(p[None, :] for p in interp.parts(b))
    return _scaled_product(interp, interp.carrier.mul, column, row, alpha)


def _accumulate(interp: Interpreter, c: Any, product: Parts, beta: Any, length: int) -> Parts:
    if isinstance(beta, (int, float)) and beta == 0:
        return product
    total = interp.carrier.accumulate(_scaled(interp, interp.parts(c), beta), product, length)
    return tuple(p.contiguous() for p in total)  # as torch's own, whatever the layout of c


def addcmul(interp: Interpreter, c: Any, a: Any, b: Any, *, value: Any = 1) -> Parts:
    product = _scaled_product(interp, interp.carrier.mul, interp.parts(a), interp.parts(b), value)
    return interp.carrier.add(interp.parts(c), product)


def addcdiv(interp: Interpreter, c: Any, a: Any, b: Any, *, value: Any = 1) -> Parts:
    if interp.carrier.any_order and value != 1:
        raise NoRule("kernels differ in when they multiply by the value; write the product and the quotient apart")
    return interp.carrier.add(interp.parts(c), _scaled(interp, div(interp, a, b), value))


def sum(interp: Interpreter, a: Any, dim: Any = None, keepdim: bool = False, *, dtype: Any = None) -> Parts:
    parts = interp.parts(a)
    along = dims(parts, dim)
    return interp.carrier.sum(parts, along, keepdim) if along else parts


def mean(interp: Interpreter, a: Any, dim: Any = None, keepdim: bool = False, *, dtype: Any = None) -> Parts:
    parts = interp.parts(a)
    along = dims(parts, dim)
    count = torch.tensor(float(terms(parts[0].shape, along)), dtype=torch.float64)
    if count == 0:
        raise NoRule("the mean of no numbers")
    return interp.carrier.div_constant(interp.carrier.sum(parts, along, keepdim) if along else parts, count)


def mse_loss_backward(interp: Interpreter, grad: Any, a: Any, b: Any, reduction: int) -> Parts:
    # torch's own decomposition multiplies by the rounded 2/n
    slope = _scaled(interp, sub(interp, a, b), 2)
    if reduction == 1:
        slope = interp.carrier.div_constant(slope, torch.tensor(float(a.numel()), dtype=torch.float64))
    return interp.carrier.mul(slope, interp.parts(grad))


def cumsum(interp: Interpreter, a: Any, dim: int, *, dtype: Any = None) -> Parts:
    parts = interp.parts(a)
    return interp.carrier.cumsum(parts, dim % max(1, parts[0].ndim))


def cumprod(interp: Interpreter, a: Any, dim: int, *, dtype: Any = None) -> Parts:
    parts = interp.parts(a)
    return interp.carrier.cumprod(parts, dim % max(1, parts[0].ndim))


def prod(interp: Interpreter, a: Any, dim: int | None = None, keepdim: bool = False, *, dtype: Any = None) -> Parts:
    parts = interp.parts(a)
    if dim is None:
        parts, dim = tuple(p.reshape(-1) for p in parts), 0
    if parts[0].ndim == 0:
        return parts
    if parts[0].shape[dim] == 0:
        raise NoRule("the product of no numbers")
    return interp.carrier.prod(parts, dim % parts[0].ndim, keepdim)


def trace(interp: Interpreter, a: Any) -> Parts:
    return interp.carrier.sum(tuple(p.diagonal() for p in interp.parts(a)), [0], False)


def where(interp: Interpreter, condition: Any, a: Any = None, b: Any = None) -> Parts:
    if isinstance(condition, Exact) or a is None:
        raise NoRule("data-dependent: the condition or the result's shape depends on data")
    left, right = interp.parts(a), interp.parts(b)
    return tuple(torch.where(condition, x, y) for x, y in zip(left, right, strict=True))


def masked_fill(interp: Interpreter, a: Any, mask: Any, value: Any) -> Parts:
    return where(interp, mask, value, a)


def fill(interp: Interpreter, a: Any, value: Any) -> Parts:
    return tuple(v.expand(a.shape).clone() for v in interp.parts(value))


def zero(interp: Interpreter, a: Any) -> Parts:
    return interp.carrier.zeros(a.shape)


def constant_pad_nd(interp: Interpreter, a: Any, pad: Any, value: Any = 0) -> Parts:
    parts = interp.parts(a)
    inside = torch.nn.functional.pad(torch.ones(parts[0].shape, dtype=torch.bool), pad)
    return tuple(
        torch.where(inside, torch.nn.functional.pad(p, pad), v) for p, v in zip(parts, interp.parts(value), strict=True)
    )


def index_put(interp: Interpreter, a: Any, indices: Any, values: Any, accumulate: bool = False, *rest: Any) -> Parts:
    _plain_index(*indices)
    own, new = interp.parts(a), interp.parts(values)
    if not accumulate:
        return tuple(torch.ops.aten.index_put(o, list(indices), n.to(o.dtype)) for o, n in zip(own, new, strict=True))
    # one target at a time, since the same entry may be hit twice
    places = torch.arange(own[0].numel()).reshape(own[0].shape)[tuple(slice(None) if i is None else i for i in indices)]
    new = tuple(n.expand(places.shape).reshape(-1) for n in new)
    return _add_at(interp, own, places.reshape(-1), new)


def _plain_index(*indices: Any) -> None:
    if any(isinstance(index, Exact) for index in indices):
        raise NoRule("data-dependent: an index that is data")


def _add_at(interp: Interpreter, own: Parts, places: Tensor, new: Parts) -> Parts:
    flat = [o.clone().reshape(-1) for o in own]
    if interp.carrier.any_order:
        hits = torch.zeros(len(flat[0]), len(places), dtype=torch.float64)
        hits[places, torch.arange(len(places))] = 1
        added = interp.carrier.matmul(interp.carrier.lift(hits), tuple(n[:, None] for n in new))
        most = int(hits.sum(1).max()) if hits.numel() else 0
        total = interp.carrier.accumulate(tuple(f[:, None] for f in flat), added, most)
        return tuple(t.reshape(o.shape) for t, o in zip(total, own, strict=True))
    if interp.carrier.follows_kernel:
        flat[0] = flat[0].double()
    order = torch.argsort(places, stable=True)
    places = places[order]
    first = torch.ones_like(places, dtype=torch.bool)
    first[1:] = places[1:] != places[:-1]
    rank = torch.arange(len(places)) - torch.cummax(torch.where(first, torch.arange(len(places)), 0), 0).values
    for round in range(int(rank.max()) + 1 if len(rank) else 0):
        take = rank == round
        at, chosen = places[take], order[take]
        total = interp.carrier.add(tuple(f[at] for f in flat), tuple(n[chosen] for n in new))
        for f, t in zip(flat, total, strict=True):
            f[at] = t
    return tuple(f.reshape(o.shape) for f, o in zip(flat, own, strict=True))


def index_add(interp: Interpreter, a: Any, dim: int, index: Tensor, source: Any, *, alpha: Any = 1) -> Parts:
    _plain_index(index)
    own = interp.parts(a)
    shape = own[0].shape
    places = torch.arange(own[0].numel()).reshape(shape).index_select(dim, index).reshape(-1)
    new = tuple(p.reshape(-1) for p in _scaled(interp, interp.parts(source), alpha))
    return _add_at(interp, own, places, new)


def scatter(interp: Interpreter, a: Any, dim: int, index: Tensor, source: Any, *, reduce: str | None = None) -> Parts:
    _plain_index(index)
    if reduce is not None:
        raise NoRule(f"no rule for the reduction {reduce!r}; use scatter_add")
    own, new = interp.parts(a), interp.parts(source)
    new = tuple(n.to(o.dtype) for o, n in zip(own, new, strict=True))
    if new[0].ndim == 0 and index.ndim:
        new = tuple(n.expand(index.shape) for n in new)
    return tuple(o.scatter(dim, index, n) for o, n in zip(own, new, strict=True))


def scatter_add(interp: Interpreter, a: Any, dim: int, index: Tensor, source: Any) -> Parts:
    _plain_index(index)
    own = interp.parts(a)
    places = torch.arange(own[0].numel()).reshape(own[0].shape).gather(dim, index).reshape(-1)
    cut = tuple(slice(0, n) for n in index.shape)
    return _add_at(interp, own, places, tuple(p[cut].reshape(-1) for p in interp.parts(source)))


def unfold_backward(interp: Interpreter, grad: Any, sizes: Any, dim: int, size: int, step: int) -> Parts:
    places = torch.arange(torch.Size(sizes).numel()).reshape(sizes).unfold(dim, size, step).reshape(-1)
    flat = tuple(p.reshape(-1) for p in interp.parts(grad))
    return _add_at(interp, interp.carrier.zeros(sizes), places, flat)


def convolution(
    interp: Interpreter,
    x: Any,
    w: Any,
    bias: Any,
    stride: Any,
    padding: Any,
    dilation: Any,
    transposed: bool,
    output_padding: Any,
    groups: int,
) -> Parts:
    if transposed or len(stride) != 1:
        raise NoRule("only one-dimensional, untransposed convolutions have a rule")
    data, weight = interp.parts(x), interp.parts(w)
    data = tuple(torch.nn.functional.pad(p, (padding[0], padding[0])) for p in data)
    reach = dilation[0] * (weight[0].shape[-1] - 1) + 1
    # [batch, channel, place, tap] times [out, channel in group, tap]
    windows = tuple(p.unfold(-1, reach, stride[0])[..., :: dilation[0]] for p in data)
    batch, channels, places, taps = windows[0].shape
    per = channels // groups
    outs = weight[0].shape[0] // groups
    pieces = []
    for g in range(groups):
        left = tuple(
            p[:, g * per : (g + 1) * per].permute(0, 2, 1, 3).reshape(batch * places, per * taps) for p in windows
        )
        right = tuple(p[g * outs : (g + 1) * outs].reshape(outs, per * taps).T for p in weight)
        product = interp.carrier.matmul(left, right)
        pieces.append(tuple(p.reshape(batch, places, outs).permute(0, 2, 1) for p in product))
    out = tuple(torch.cat([piece[i] for piece in pieces], 1) for i in range(len(data)))
    if bias is not None:
        start = tuple(p[None, :, None].expand(out[0].shape) for p in interp.parts(bias))
        out = interp.carrier.accumulate(start, out, per * taps)
    return out


def triangular_solve(
    interp: Interpreter, a: Any, b: Any, *, upper: bool, left: bool = True, unitriangular: bool = False
) -> Parts:
    """`linalg.solve_triangular`: substitution, row by row."""
    if interp.carrier.any_order:
        raise NoRule("kernels may invert blocks of the matrix, which has no a-priori rounding bound")
    matrix, rhs = interp.parts(a), interp.parts(b)
    if not left:
        matrix, rhs, upper = tuple(p.mT for p in matrix), tuple(p.mT for p in rhs), not upper
    batch = np.broadcast_shapes(matrix[0].shape[:-2], rhs[0].shape[:-2])
    matrix = tuple(p.expand(*batch, *p.shape[-2:]) for p in matrix)
    rhs = tuple(p.expand(*batch, *p.shape[-2:]) for p in rhs)
    n = matrix[0].shape[-1]
    rows: dict[int, Parts] = {}
    for i in reversed(range(n)) if upper else range(n):
        value = tuple(p[..., i, :] for p in rhs)
        for j, row in rows.items():
            factor = tuple(p[..., i, j, None] for p in matrix)
            value = interp.carrier.sub(value, interp.carrier.mul(factor, row))
        if not unitriangular:
            value = interp.carrier.div(value, tuple(p[..., i, i, None] for p in matrix))
        rows[i] = value
    out = tuple(torch.stack([rows[i][k] for i in range(n)], -2) for k in range(len(rhs)))
    return out if left else tuple(p.mT for p in out)


def solve(interp: Interpreter, a: Any, b: Any, *, left: bool = True, check_errors: bool = False) -> tuple[Any, ...]:
    """`linalg.solve`: the solution; the factors, pivots and error codes beside it are zeros, not to be used."""
    code = torch.zeros(a.shape[:-2], dtype=torch.int32)
    return _solved(interp, interp.parts(a), interp.parts(b), left), torch.zeros(()), code, code.clone()


def inverse(interp: Interpreter, a: Any, *, check_errors: bool = False) -> tuple[Any, ...]:
    """`linalg.inv`, likewise."""
    matrix = interp.parts(a)
    eye = interp.carrier.lift(torch.eye(matrix[0].shape[-1], dtype=torch.float64))
    return _solved(interp, matrix, eye, True), torch.zeros(a.shape[:-2], dtype=torch.int32)


def _solved(interp: Interpreter, matrix: Parts, rhs: Parts, left: bool) -> Parts:
    if interp.carrier.follows_kernel or interp.carrier.any_order:
        raise NoRule("no rounding bound for kernels that solve linear systems")
    vector = rhs[0].ndim == 1 or (rhs[0].ndim + 1 == matrix[0].ndim and rhs[0].shape == matrix[0].shape[:-1])
    if vector:
        rhs = tuple(p.unsqueeze(-1) for p in rhs)
    if not left:
        matrix, rhs = tuple(p.mT for p in matrix), tuple(p.mT for p in rhs)
    batch = np.broadcast_shapes(matrix[0].shape[:-2], rhs[0].shape[:-2])
    matrix = tuple(p.expand(*batch, *p.shape[-2:]) for p in matrix)
    rhs = tuple(p.expand(*batch, *p.shape[-2:]) for p in rhs)
    out = interp.carrier.solve(matrix, rhs)
    out = out if left else tuple(p.mT for p in out)
    return tuple(p.squeeze(-1) for p in out) if vector else out


def var(interp: Interpreter, a: Any, dim: Any = None, *, correction: Any = None, keepdim: bool = False) -> Parts:
    """The variance: the mean square of the distances from the mean."""
    if interp.carrier.follows_kernel or interp.carrier.any_order:
        raise NoRule("kernels differ in how they find a variance; write the mean of squares out")
    parts = interp.parts(a)
    along = dims(parts, dim)
    count = terms(parts[0].shape, along)
    below = count - (1 if correction is None else correction)
    if below <= 0:
        raise NoRule("the variance of too few numbers")
    total = interp.carrier.sum(parts, along, True) if along else parts
    distance = interp.carrier.sub(
        parts, interp.carrier.div_constant(total, torch.tensor(float(count), dtype=torch.float64))
    )
    square = interp.carrier.mul(distance, distance)
    return interp.carrier.div_constant(
        interp.carrier.sum(square, along, keepdim) if along else square, torch.tensor(float(below), dtype=torch.float64)
    )


def var_mean(interp: Interpreter, a: Any, dim: Any = None, *, correction: Any = None, keepdim: bool = False) -> Any:
    """Both, as a pair."""
    return var(interp, a, dim, correction=correction, keepdim=keepdim), mean(interp, a, dim, keepdim)


_COMPARISONS = ("lt", "le", "gt", "ge", "eq", "ne")


def _comparison(name: str) -> Rule:
    def rule(interp: Interpreter, a: Any, b: Any) -> Tensor:
        return interp.carrier.compare(name, interp.parts(a), interp.parts(b))

    return rule


ORDERED = frozenset("abs clamp clamp_min clamp_max relu maximum minimum max min amax amin sign".split())
"""Piecewise operations, possible where numbers have an order."""


def ordered(interp: Interpreter, func: Any, name: str, args: Any, kwargs: Any) -> Any:
    """A piecewise operation on numbers: choose by comparisons."""
    carrier = interp.carrier

    def choose(a: Parts, b: Parts, greater: bool) -> Parts:
        takes = carrier.compare("ge" if greater else "le", a, b)
        return tuple(torch.where(takes, x, y) for x, y in zip(a, b, strict=True))

    a = interp.parts(args[0])
    if name == "abs":
        return interp.wrap(choose(a, carrier.neg(a), True))
    if name == "relu":
        return interp.wrap(choose(a, carrier.constant(0), True))
    if name == "sign":
        zero = carrier.constant(0)
        values = carrier.compare("gt", a, zero).double() - carrier.compare("lt", a, zero).double()
        return interp.wrap(carrier.lift(values))
    if name.startswith("clamp"):
        names = {"clamp": ("min", "max"), "clamp_min": ("min",), "clamp_max": ("max",)}[name]
        limits = dict(zip(names, args[1:], strict=False)) | kwargs
        for which in ("min", "max"):
            if limits.get(which) is not None:
                a = choose(a, interp.parts(limits[which]), which == "min")
        return interp.wrap(a)
    greater = name in ("maximum", "max", "amax")
    if name in ("maximum", "minimum") or (len(args) == 2 and isinstance(args[1], Tensor)):
        return interp.wrap(choose(a, interp.parts(args[1]), greater))
    if name in ("max", "min") and len(args) > 1:
        raise NoRule("data-dependent: the position of a maximum")
    along = dims(a, args[1] if len(args) > 1 else kwargs.get("dim"))
    keep = bool(args[2]) if len(args) > 2 else bool(kwargs.get("keepdim", False))
    for d in sorted(along, reverse=True):
        slices = [tuple(p.select(d, i) for p in a) for i in range(a[0].shape[d])]
        best = slices[0]
        for item in slices[1:]:
            best = choose(best, item, greater)
        a = tuple(p.unsqueeze(d) for p in best) if keep else best
    return interp.wrap(a)


_NAMED: tuple[Rule, ...] = (
    add,
    sub,
    rsub,
    mul,
    div,
    reciprocal,
    neg,
    exp,
    log,
    square,
    pow,
    mm,
    mv,
    dot,
    addmm,
    addmv,
    addbmm,
    addr,
    ger,
    addcmul,
    addcdiv,
    sum,
    mean,
    cumsum,
    cumprod,
    prod,
    trace,
    var,
    var_mean,
    where,
    masked_fill,
    fill,
    zero,
    constant_pad_nd,
    index_put,
    index_add,
    scatter,
    scatter_add,
    mse_loss_backward,
    unfold_backward,
    convolution,
)
RULES: dict[str, Rule] = (
    {rule.__name__: rule for rule in _NAMED}
    | {
        "bmm": mm,
        "baddbmm": addmm,
        "vdot": dot,
        "true_divide": div,
        "subtract": sub,
        "multiply": mul,
        "negative": neg,
        "_index_put_impl": index_put,
        "linalg_solve_triangular": triangular_solve,
        "_linalg_solve_ex": solve,
        "linalg_inv_ex": inverse,
    }
    | {name: _comparison(name) for name in _COMPARISONS}
)
"""aten name -> rule. A rule returns parts, a plain tensor for a comparison, or a tuple of parts for several results."""
