"""Convolutions and averages over windows, in any number of dimensions."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from numeric.carriers.carrier import NoRule
from numeric.tape.numbers import Numbers, concatenated

_MOST = 2**12
"""Entries of a plane whose averages are taken by one matrix."""


def convolution(
    m: Any,
    x: Any,
    w: Any,
    bias: Any,
    stride: Sequence[int],
    padding: Sequence[int],
    dilation: Sequence[int],
    transposed: bool,
    output_padding: Sequence[int],
    groups: int,
    *_: Any,
) -> Numbers:
    """aten's convolution; a transposed one spreads its data and runs over it with the flipped weight."""
    data, weight = m.numbers(x), m.numbers(w)
    count = len(stride)
    space = range(-count, 0)
    alone = data.ndim == count + 1
    data = data.unsqueeze(0) if alone else data
    if transposed:
        weight = _turned(weight, groups, space)
        data = data.moved(lambda p: _spread(p, stride))
        left = [dilation[i] * (weight.shape[i] - 1) - padding[i] for i in space]
        right = [n + output_padding[i] for i, n in zip(space, left, strict=True)]
        stride = [1] * count
    else:
        left = right = list(padding)
    sides = [n for pair in reversed(list(zip(left, right, strict=True))) for n in pair]
    data = data.moved(lambda p: torch.nn.functional.pad(p, sides))
    taps = tuple(weight.shape[-count:])

    def cut(part: Tensor) -> Tensor:
        for i in range(count):
            reach = dilation[i] * (taps[i] - 1) + 1
            part = part.unfold(3 + i, reach, stride[i])[..., :: dilation[i]]
        return part

    # [batch, channel, place, tap] times [out, channel in group, tap]
    windows = data.moved(cut)
    batch, channels = windows.shape[:2]
    places = tuple(windows.shape[2 : 2 + count])
    per, outs, area, reach = channels // groups, weight.shape[0] // groups, math.prod(places), math.prod(taps)
    order = (0, 1, *range(3, 3 + count), 2, *range(3 + count, 3 + 2 * count))
    pieces = []
    for g in range(groups):
        left_side = windows.moved(lambda p, g=g: p[:, :, g * per : (g + 1) * per].permute(order)).reshape(
            batch * area, per * reach
        )
        right_side = weight.moved(
            lambda p, g=g: p[:, g * outs : (g + 1) * outs].reshape(p.shape[0], outs, per * reach).mT
        )
        pieces.append((left_side @ right_side).reshape(batch, area, outs).mT.reshape(batch, outs, *places))
    out: Numbers = concatenated(pieces, 1)
    if bias is not None:
        out = m.numbers(bias).reshape(1, -1, *(1,) * count).expand(out.shape).accumulate(out, per * reach)
    return out.reshape(*out.shape[1:]) if alone else out


def _turned(weight: Numbers, groups: int, space: range) -> Numbers:
    """[in, out in group, tap] as [out, in in group, tap], the taps in reverse."""
    ins, outs, *taps = weight.shape
    parted = weight.reshape(groups, ins // groups, outs, *taps).moved(lambda p: p.transpose(2, 3).flip(list(space)))
    return parted.reshape(groups * outs, ins // groups, *taps)


def _spread(part: Tensor, stride: Sequence[int]) -> Tensor:
    """The entries `stride` apart, with zeros between."""
    sizes = [max(0, (n - 1) * s + 1) for n, s in zip(part.shape[-len(stride) :], stride, strict=True)]
    out = part.new_zeros(*part.shape[: -len(stride)], *sizes)
    places: tuple[Any, ...] = (..., *(slice(None, None, s) for s in stride))
    out[places] = part
    return out


def averaging(name: str, count: int) -> Callable[..., Numbers]:
    """A mean over windows of the last `count` axes; which entries are in which, torch says on unit vectors."""
    function = getattr(torch.ops.aten, name)

    def rule(m: Any, a: Any, *args: Any, **kwargs: Any) -> Numbers:
        value = m.numbers(a)
        plane = tuple(value.shape[-count:])
        n = math.prod(plane)
        if n > _MOST:
            raise NoRule(f"averages over windows of more than {_MOST} entries")
        shares = function(torch.eye(n, dtype=torch.float64).reshape(n, 1, *plane), *args, **kwargs)
        sizes = tuple(shares.shape[2:])
        shares = shares.reshape(n, -1)
        inside = (shares != 0).double()
        members = (1 / shares.abs().amax(0)).nan_to_num(posinf=1).round() * shares.sum(0).sign().where(
            shares.abs().amax(0) > 0, torch.ones(())
        )
        total = value.reshape(math.prod(value.shape[:-count]), n) @ Numbers(m.carrier, m.carrier.lift(inside))
        return total.over(members).reshape(*value.shape[:-count], *sizes)

    return rule


def trilinear(
    m: Any, a: Any, b: Any, c: Any, open_a: Any, open_b: Any, open_c: Any, along: Any, unroll_dim: int = 1
) -> Numbers:
    """A product of three, with new axes, summed along some: what `nn.Bilinear` runs on."""
    factors = []
    for value, opened in ((a, open_a), (b, open_b), (c, open_c)):
        factor = m.numbers(value)
        for dim in sorted(opened):
            factor = factor.unsqueeze(dim)
        factors.append(factor)
    product: Numbers = factors[0] * factors[1] * factors[2]
    return product.sum([d % product.ndim for d in along])


RULES: dict[str, Callable[..., Any]] = {
    "convolution": convolution,
    "_convolution": convolution,
    "avg_pool2d": averaging("avg_pool2d", 2),
    "avg_pool3d": averaging("avg_pool3d", 3),
    "_adaptive_avg_pool2d": averaging("_adaptive_avg_pool2d", 2),
    "_trilinear": trilinear,
}
