"""Functions of real numbers (exp, roots, norms, softmax, layer norm), where a carrier has real numbers: balls.

Source: the definitions in torch's documentation.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from flint import arb, fmpq

from numeric.carriers.balls import ENTRYWISE
from numeric.carriers.carrier import NoRule
from numeric.tape.numbers import Numbers, stacked
from numeric.tape.rules import piecewise
from numeric.tape.rules.arithmetic import dims, is_data
from numeric.tape.storage_tape import Constant, Operation


def found(operation: Operation) -> Callable[..., Any] | None:
    """The rule for one of these, called as rule(machine, *arguments)."""
    base = operation.base
    if base in ENTRYWISE:
        return _entrywise(base)
    if base == "pow" and not _whole(operation.args[1]):
        return _pow
    return _RULES.get(base)


def _whole(exponent: Any) -> bool:
    if isinstance(exponent, Constant):
        return not exponent.value.dtype.is_complex and bool((exponent.value == exponent.value.round()).all())
    return isinstance(exponent, int) or (isinstance(exponent, float) and exponent.is_integer())


def _entrywise(name: str) -> Callable[..., Any]:
    def rule(m: Any, a: Any, *_: Any, **__: Any) -> Any:
        result = apply(m, name, m.numbers(a))
        return (result, None) if name == "log_sigmoid_forward" else result

    return rule


def apply(m: Any, name: str, a: Numbers) -> Numbers:
    """A function of one number, entrywise."""
    return a.made(m.carrier.apply(ENTRYWISE[name], a.parts))


def _pow(m: Any, a: Any, exponent: Any) -> Numbers:
    power = exponent.value.item() if isinstance(exponent, Constant) and exponent.value.numel() == 1 else exponent
    base = m.numbers(a)
    if isinstance(power, float) and (2 * power).is_integer():
        whole = int(power - 0.5)  # half-integers by roots, which keep to the reals at 0
        return base.made(m.carrier.apply(lambda x: x.sqrt() * x**whole if whole else x.sqrt(), base.parts))
    if not is_data(a) and not is_data(exponent):
        raise NoRule("a power of constants")
    return apply(m, "exp", apply(m, "log", base) * m.numbers(exponent))


def _softmax(m: Any, a: Any, dim: int, half_to_float: Any = False, *, log: bool = False) -> Numbers:
    value = m.numbers(a)
    along = [dim % max(1, value.ndim)] if value.ndim else []
    powers = apply(m, "exp", value)
    total = powers.sum(along, True)
    return value - apply(m, "log", total) if log else powers / total


def _logsumexp(m: Any, a: Any, dim: Any, keepdim: bool = False) -> Numbers:
    value = m.numbers(a)
    return apply(m, "log", apply(m, "exp", value).sum(dims(value, dim), keepdim))


def _logaddexp(m: Any, a: Any, b: Any) -> Numbers:
    return apply(m, "log", apply(m, "exp", m.numbers(a)) + apply(m, "exp", m.numbers(b)))


def _softplus(m: Any, a: Any, beta: Any = 1, threshold: Any = 20) -> Numbers:
    # beyond the threshold torch returns x itself, which is another function by less than exp(-20)
    value, scale = m.numbers(a), m.numbers(beta)
    scaled = value * scale
    logs = scaled.made(m.carrier.apply(lambda x: (1 + x.exp()).log(), scaled.parts))
    inside = scaled.compare("le", m.numbers(threshold))
    return (logs / scale).chosen(inside, value)


def _gelu(m: Any, a: Any, *, approximate: str = "none") -> Numbers:
    # written out as kernels do, which lose digits where 1 + erf is near 0
    def exact(x: Any) -> Any:
        return (x / arb(2).sqrt()).erf()

    def tanh(x: Any) -> Any:
        return ((2 / arb.pi()).sqrt() * (x + arb(fmpq(44715, 10**6)) * x**3)).tanh()

    value = m.numbers(a)
    inner = value.made(m.carrier.apply(exact if approximate == "none" else tanh, value.parts))
    return value * (inner + m.numbers(1)) * m.numbers(0.5)


def _norm(m: Any, a: Any, ord: Any = 2, dim: Any = None, keepdim: bool = False, **_: Any) -> Numbers:
    value = m.numbers(a)
    if ord == 2:
        return apply(m, "sqrt", (value * value).sum(dims(value, dim), keepdim))
    size = piecewise.absolute(m, value)
    if ord == 1:
        return size.sum(dims(value, dim), keepdim)
    if ord in (float("inf"), -float("inf")):
        return piecewise.RULES["amax" if ord > 0 else "amin"](m, size, dim, keepdim)
    raise NoRule(f"no rule for the norm of order {ord}")


def _remainder(rounding: str) -> Callable[..., Numbers]:
    """a - n b for the whole number n nearest to a / b on one side."""

    def rule(m: Any, a: Any, b: Any) -> Numbers:
        value, divisor = m.numbers(a), m.numbers(b)
        return value - apply(m, rounding, value / divisor) * divisor

    return rule


def _batch_norm(
    m: Any, a: Any, weight: Any, bias: Any, mean: Any, variance: Any, training: bool, momentum: float, eps: float
) -> tuple[Any, ...]:
    value = m.numbers(a)
    others = [d for d in range(value.ndim) if d != 1]
    shape = [1, -1] + [1] * (value.ndim - 2)
    if training:
        count = float(np.prod([value.shape[d] for d in others]))
        centre = value.sum(others, True).over(count)
        spread = ((value - centre) * (value - centre)).sum(others, True).over(count)
    else:
        centre, spread = (m.numbers(v).reshape(*shape) for v in (mean, variance))
    scale = apply(m, "rsqrt", spread + m.numbers(float(eps)))
    out = (value - centre) * scale
    if weight is not None:
        out = out * m.numbers(weight).reshape(*shape)
    if bias is not None:
        out = out + m.numbers(bias).reshape(*shape)
    return (out, centre.reshape(-1), scale.reshape(-1)) if training else (out, None, None)


def _cholesky(m: Any, a: Any, upper: bool = False, **_: Any) -> Numbers:
    """The factor L with L L^T = A, column by column."""
    value = m.numbers(a)
    n = value.shape[-1]
    zero = value.select(-1, 0).select(-1, 0) * m.numbers(0)
    factor: list[list[Numbers]] = [[zero] * n for _ in range(n)]
    for j in range(n):
        for i in range(j, n):
            left = value.select(-2, i).select(-1, j)
            for k in range(j):
                left = left - factor[i][k] * factor[j][k]
            factor[i][j] = apply(m, "sqrt", left) if i == j else left / factor[j][j]
    rows = [stacked(row, value.ndim - 2) for row in factor]
    out = stacked(rows, value.ndim - 2)
    return out.mT if upper else out


def _layer_norm(m: Any, a: Any, shape: Any, weight: Any, bias: Any, eps: float) -> tuple[Numbers, ...]:
    value = m.numbers(a)
    along = list(range(value.ndim - len(shape), value.ndim))
    count = float(np.prod(shape))
    mean = value.sum(along, True).over(count)
    centred = value - mean
    variance = (centred * centred).sum(along, True).over(count)
    scale = apply(m, "rsqrt", variance + m.numbers(float(eps)))
    out = centred * scale
    if weight is not None:
        out = out * m.numbers(weight)
    if bias is not None:
        out = out + m.numbers(bias)
    return out, mean, scale


def _rms_norm(m: Any, a: Any, shape: Any, weight: Any, eps: float | None) -> tuple[Numbers, ...]:
    value = m.numbers(a)
    along = list(range(value.ndim - len(shape), value.ndim))
    square = (value * value).sum(along, True).over(float(np.prod(shape)))
    scale = apply(m, "rsqrt", square + m.numbers(torch.finfo(torch.float64).eps if eps is None else float(eps)))
    out = value * scale
    return (out if weight is None else out * m.numbers(weight)), scale


def _layer_norm_backward(
    m: Any, grad: Any, a: Any, shape: Any, mean: Any, scale: Any, weight: Any, bias: Any, wanted: Sequence[bool]
) -> tuple[Numbers | None, ...]:
    value, g0, s = m.numbers(a), m.numbers(grad), m.numbers(scale)
    along = list(range(value.ndim - len(shape), value.ndim))
    outer = list(range(value.ndim - len(shape)))
    count = float(np.prod(shape))
    centred = (value - m.numbers(mean)) * s
    g = g0 if weight is None else g0 * m.numbers(weight)
    inner = g - g.sum(along, True).over(count) - centred * (g * centred).sum(along, True).over(count)
    return tuple(
        value if want else None
        for value, want in zip((inner * s, (g0 * centred).sum(outer), g0.sum(outer)), wanted, strict=True)
    )


def _softmax_backward(m: Any, grad: Any, out: Any, dim: int, dtype: Any) -> Numbers:
    g, held = m.numbers(grad), m.numbers(out)
    return (g - (g * held).sum([dim % g.ndim], True)) * held


def _tanh_backward(m: Any, grad: Any, out: Any) -> Numbers:
    held = m.numbers(out)
    return m.numbers(grad) * (m.numbers(1) - held * held)


def _sigmoid_backward(m: Any, grad: Any, out: Any) -> Numbers:
    held = m.numbers(out)
    return m.numbers(grad) * held * (m.numbers(1) - held)


def _attention(
    m: Any,
    q: Any,
    k: Any,
    v: Any,
    *rest: Any,
    attn_mask: Any = None,
    scale: float | None = None,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    **_: Any,
) -> tuple[Any, Any]:
    if len(rest) > 0 and not isinstance(rest[0], (int, float, bool)):
        attn_mask, rest = rest[0], rest[1:]
    dropout_p = rest[0] if len(rest) > 0 else dropout_p
    is_causal = rest[1] if len(rest) > 1 else is_causal
    if dropout_p:
        raise NoRule("attention with dropout is random")
    query, key = m.numbers(q), m.numbers(k)
    factor = apply(m, "rsqrt", m.numbers(query.shape[-1])) if scale is None else m.numbers(float(scale))
    powers = apply(m, "exp", query @ key.mT * factor)
    if is_causal:
        attn_mask = Constant(torch.ones(query.shape[-2], key.shape[-2], dtype=torch.bool).tril(), ("", 0))
    if isinstance(attn_mask, Constant):
        mask = attn_mask.value
        kept = mask.double() if mask.dtype == torch.bool else None
        if kept is None:
            powers = powers * apply(m, "exp", m.numbers(attn_mask))
        else:
            powers = powers * Numbers(m.carrier, m.carrier.lift(kept))
    elif attn_mask is not None:
        powers = powers * apply(m, "exp", m.numbers(attn_mask))
    total = powers.sum([powers.ndim - 1], True)
    return (powers / total) @ m.numbers(v), apply(m, "log", total).select(-1, 0)


_RULES: Mapping[str, Callable[..., Any]] = {
    "_softmax": _softmax,
    "_safe_softmax": lambda m, a, dim, dtype=None: _softmax(m, a, dim),
    "_log_softmax": lambda m, a, dim, half_to_float=False: _softmax(m, a, dim, log=True),
    "logsumexp": _logsumexp,
    "logaddexp": _logaddexp,
    "softplus": _softplus,
    "gelu": _gelu,
    "cholesky": _cholesky,
    "linalg_cholesky_ex": lambda m, a, upper=False, **_: (_cholesky(m, a, upper), None),
    "native_batch_norm": _batch_norm,
    "_native_batch_norm_legit_no_training": lambda m, a, weight, bias, mean, variance, momentum, eps: _batch_norm(
        m, a, weight, bias, mean, variance, False, momentum, eps
    ),
    "nan_to_num": lambda m, a, *_, **__: m.numbers(a),
    "remainder": _remainder("floor"),
    "fmod": _remainder("trunc"),
    "frac": lambda m, a: _remainder("trunc")(m, a, 1),
    "linalg_vector_norm": _norm,
    "norm": lambda m, a, p=2, dim=None, keepdim=False, **_: _norm(m, a, 2 if p is None else p, dim, keepdim),
    "native_layer_norm": _layer_norm,
    "_fused_rms_norm": _rms_norm,
    "native_layer_norm_backward": _layer_norm_backward,
    "_softmax_backward_data": _softmax_backward,
    "tanh_backward": _tanh_backward,
    "sigmoid_backward": _sigmoid_backward,
    "_scaled_dot_product_flash_attention_for_cpu": _attention,
    "_scaled_dot_product_attention_math": _attention,
}
