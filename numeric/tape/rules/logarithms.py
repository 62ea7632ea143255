"""Tensors of logarithms in exact arithmetic: a log-decay g = log alpha, for which exp(cumsum(g)) is a product of alphas.

An entry stands for log b and holds b. Sums of logarithms are products of the numbers held, differences quotients, whole
multiples powers; `exp` hands b back, so nothing transcendental is left. `log` of data makes such a tensor: an identity
that holds for the b held at every point holds for the logarithms wherever they exist. What has no rational exp (data
added to a logarithm, half of it, a constant such as 0.3) is refused.
Derived here; the rules are the functional equations of exp and log.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from numeric.carriers.carrier import NoRule, broadcast_shapes
from numeric.tape.numbers import Logarithms, Numbers
from numeric.tape.rules.arithmetic import dims
from numeric.tape.storage_tape import Constant, Window

_POWERS = 64
"""Largest whole multiple of a logarithm that is taken as a power."""


def made_of(name: str) -> Callable[..., Logarithms]:
    """`log` or `log1p` of data: the tensor that stands for its logarithm, of the same shape."""

    def rule(m: Any, a: Any) -> Logarithms:
        value = m.numbers(a)
        if name == "log1p":
            value = value + m.numbers(1)
        return _again(value)

    return rule


def _again(value: Numbers) -> Logarithms:
    return Logarithms(value.carrier, value.carrier.log(value.parts))


def _numbers(value: Numbers) -> Numbers:
    """exp: the numbers held."""
    return Numbers(value.carrier, value.carrier.exp(value.parts))


def _add(m: Any, a: Any, b: Any, *, alpha: Any = 1) -> Logarithms:
    return _product(m.logarithms(a), _multiple(m, m.logarithms(b), alpha))


def _sub(m: Any, a: Any, b: Any, *, alpha: Any = 1) -> Logarithms:
    return _quotient(m.logarithms(a), _multiple(m, m.logarithms(b), alpha))


def _product(a: Logarithms, b: Logarithms) -> Logarithms:
    return Logarithms(a.carrier, (Numbers(a.carrier, a.parts) * Numbers(b.carrier, b.parts)).parts)


def _quotient(a: Logarithms, b: Logarithms) -> Logarithms:
    from numeric.tape.numbers import aligned

    return Logarithms(a.carrier, a.carrier.ratio(*aligned(a, b)))


def _mul(m: Any, a: Any, b: Any) -> Logarithms:
    log, factor = (a, b) if m.is_logarithm(a) else (b, a)
    if isinstance(factor, Window) and m.constant(factor) is None:
        raise NoRule(
            "transcendental: a logarithm times data, whose exp is a power with data in the exponent; give the "
            "product as one log gate"
        )
    return _multiple(m, m.logarithms(log), factor)


def _div(m: Any, a: Any, b: Any, *, rounding_mode: str | None = None) -> Logarithms:
    if isinstance(b, Constant) and b.value.numel() == 1:
        b = b.value.item()
    if isinstance(b, (Window, Constant)) or rounding_mode is not None or b not in (1, -1):
        raise NoRule("algebraic (a root), not rational: a fraction of a logarithm; give the divided log gate")
    return _multiple(m, m.logarithms(a), int(b))


def _multiple(m: Any, held: Logarithms, factor: Any) -> Logarithms:
    """The number held by `factor` times the logarithm: a power, for whole factors."""
    if isinstance(factor, (int, float)) and factor == 1:
        return held
    if isinstance(factor, (Constant, Window)):
        factor = m.constant(factor)
    times = torch.as_tensor(factor).double()
    if bool((times != times.round()).any()):
        raise NoRule("algebraic (a root), not rational: a fraction of a logarithm; give the multiple as a log gate")
    if times.numel() and bool(times.abs().max() > _POWERS):
        raise NoRule(f"a multiple of a logarithm above {_POWERS}")
    shape = broadcast_shapes(times.shape, held.shape)
    one = Logarithms(m.carrier, m.numbers(1).parts)
    out: Any = one.expand(shape)
    for value in sorted(set(times.reshape(-1).tolist())):
        if value == 0:
            continue
        power = Logarithms(m.carrier, m.carrier.power(held.parts, abs(int(value))))
        if value < 0:
            power = _quotient(one, power)
        out = power.expand(shape).chosen((times == value)[None], out)
    return out


def _sum(m: Any, a: Any, dim: Any = None, keepdim: bool = False, *, dtype: Any = None) -> Logarithms:
    held: Any = m.logarithms(a)
    for d in sorted(dims(held, dim), reverse=True):
        if held.shape[d] == 0:
            raise NoRule("the sum of no logarithms")
        held = Logarithms(m.carrier, m.carrier.prod(held.parts, d + 1, keepdim))
    return held


def _cumsum(m: Any, a: Any, dim: int, *, dtype: Any = None) -> Logarithms:
    held = m.logarithms(a)
    return Logarithms(m.carrier, m.carrier.cumprod(held.parts, dim % max(1, held.ndim) + 1))


def _exp(m: Any, a: Any) -> Numbers:
    return _numbers(m.logarithms(a))


def _expm1(m: Any, a: Any) -> Numbers:
    return _exp(m, a) - m.numbers(1)


def _sigmoid(m: Any, a: Any) -> Numbers:
    value = _exp(m, a)
    return value / (value + m.numbers(1))


def _softmax(m: Any, a: Any, dim: int, half_to_float: bool = False) -> Numbers:
    value = _exp(m, a)
    return value / value.sum([dim % max(1, value.ndim)], True)


def _logaddexp(m: Any, a: Any, b: Any) -> Logarithms:
    return _again(_exp(m, a) + _exp(m, b))


def _logsumexp(m: Any, a: Any, dim: Any, keepdim: bool = False) -> Logarithms:
    value = _exp(m, a)
    return _again(value.sum(dims(value, dim), keepdim))


def _logcumsumexp(m: Any, a: Any, dim: int) -> Logarithms:
    value = _exp(m, a)
    return _again(value.cumsum(dim % max(1, value.ndim)))


def _comparison(name: str) -> Callable[..., Tensor]:
    def rule(m: Any, a: Any, b: Any) -> Tensor:
        found: Tensor = m.logarithms(a).compare(name, m.logarithms(b))
        return found

    return rule


_MAKING: dict[str, Callable[..., Any]] = {
    "add": _add,
    "sub": _sub,
    "rsub": lambda m, a, b, alpha=1: _sub(m, b, a, alpha=alpha),
    "neg": lambda m, a: _multiple(m, m.logarithms(a), -1),
    "mul": _mul,
    "div": _div,
    "sum": _sum,
    "cumsum": _cumsum,
    "logaddexp": _logaddexp,
    "logsumexp": _logsumexp,
    "logcumsumexp": _logcumsumexp,
    "_log_softmax": lambda m, a, dim, half=False: _again(_softmax(m, a, dim)),
    "log_sigmoid_forward": lambda m, a: (_again(_sigmoid(m, a)), None),
}
"""aten name -> the numbers whose logarithms it returns (and None for what has no rule)."""
ENDING: dict[str, Callable[..., Any]] = {name: _comparison(name) for name in ("lt", "le", "gt", "ge", "eq", "ne")} | {
    "exp": _exp,
    "expm1": _expm1,
    "sigmoid": _sigmoid,
    "_softmax": _softmax,
    "_safe_softmax": lambda m, a, dim, dtype=None: _softmax(m, a, dim),
}
"""aten name -> the numbers it returns; the logarithm keeps the order."""
KEEPING = frozenset(_MAKING) | {"_to_copy"}
"""Operations on logarithms that return logarithms."""
RULES: dict[str, Callable[..., Any]] = {**_MAKING, **ENDING}
