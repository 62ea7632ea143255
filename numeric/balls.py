"""Ball arithmetic: torch code, unmodified, at 256 bits, each number enclosed with a proved radius (Arb).

Main definitions: `evaluate`, `Balls`, `BallInterpreter`. Here exp, softmax, roots and norms have a meaning, which they
have not in the exact arithmetics: a program of these runs at a rational point, and its value is a ball. Two balls that
do not meet prove that two programs differ; two that meet agree to as many digits as the radii say, which is no proof.
Source: F. Johansson, Arb, IEEE Trans. Computers 66 (2017); the rules for torch's functions are their definitions.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from typing import Any

import flint
import numpy as np
import torch
from flint import arb, fmpq
from torch import Tensor

from numeric import operations
from numeric.carrier import NoRule, Parts
from numeric.handles import Handles
from numeric.interpreter import Exact, Interpreter, Record
from numeric.programs import Program, run

BITS = 256
"""Working precision; the balls of a forward pass are some 70 digits wide at worst, unless the code is unstable."""


class _Reals:
    """Enclosures of real numbers."""

    name = f"balls of {BITS} bits (Arb)"

    def from_fraction(self, top: int, bottom: int) -> Any:
        return arb(fmpq(top, bottom))

    def divide(self, a: Any, b: Any) -> Any:
        if b.contains(0):
            raise ZeroDivisionError("a divisor may be 0")
        return a / b


class Balls(Handles):
    """The carrier of real balls. Comparisons have an answer unless two balls meet."""

    keeps_logarithms = False

    def __init__(self) -> None:
        super().__init__(_Reals())
        self.decides_order = True

    def put(self, values: Sequence[Any], shape: Sequence[int]) -> Parts:
        indices = []
        for value in values:
            if value.is_zero():
                indices.append(0)
            else:
                indices.append(len(self._store))
                self._store.append(value)
        return (torch.tensor(indices, dtype=torch.int64).reshape(tuple(shape)),)

    def compare(self, name: str, a: Parts, b: Parts) -> Tensor:
        holds = getattr(operator, name)
        left, right = torch.broadcast_tensors(a[0], b[0])  # type: ignore[no-untyped-call]
        answers = []
        for i, j in zip(left.reshape(-1).tolist(), right.reshape(-1).tolist(), strict=True):
            x, y = self._store[i], self._store[j]
            if x.overlaps(y) and not (x.is_exact() and y.is_exact()):
                raise NoRule("a comparison is too close to call at this precision")
            answers.append(bool(holds(x, y)))
        return torch.tensor(answers, dtype=torch.bool).reshape(left.shape)

    def apply(self, function: Callable[[Any], Any], a: Parts) -> Parts:
        """A real function, entrywise. Raises NoRule where it has no real value."""

        def one(value: Any) -> Any:
            found = function(value)
            if not found.is_finite():
                raise NoRule(f"no real value at {float(value.mid()):.3g}")
            return found

        return self.put([one(self._store[i]) for i in a[0].reshape(-1).tolist()], a[0].shape)


def _dims(parts: Parts, dim: Any) -> list[int]:
    ndim = parts[0].ndim
    if dim is None or (isinstance(dim, Sequence) and not dim):
        return list(range(ndim))
    return [d % max(1, ndim) for d in ([dim] if isinstance(dim, int) else dim)] if ndim else []


def _sigmoid(x: Any) -> Any:
    return 1 / (1 + (-x).exp())


ENTRYWISE: Mapping[str, Callable[[Any], Any]] = {
    "exp": lambda x: x.exp(),
    "exp2": lambda x: (x * arb.const_log2()).exp(),
    "expm1": lambda x: x.expm1(),
    "log": lambda x: x.log(),
    "log2": lambda x: x.log() / arb.const_log2(),
    "log10": lambda x: x.log() / arb.const_log10(),
    "log1p": lambda x: x.log1p(),
    "sqrt": lambda x: x.sqrt(),
    "rsqrt": lambda x: x.rsqrt(),
    "sigmoid": _sigmoid,
    "tanh": lambda x: x.tanh(),
    "sin": lambda x: x.sin(),
    "cos": lambda x: x.cos(),
    "silu": lambda x: x * _sigmoid(x),
    "erf": lambda x: x.erf(),
    "log_sigmoid_forward": lambda x: -(1 + (-x).exp()).log(),
}
"""Functions of one number by their aten names."""


class BallInterpreter(Interpreter):  # type: ignore[no-untyped-call]
    """The interpreter on balls, with rules for the functions that only real numbers have."""

    carrier: Balls

    def __init__(self) -> None:
        super().__init__(Balls())

    def __torch_dispatch__(
        self, func: Any, types: Sequence[type], args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        full = func._schema.name.split("::")[1]
        inplace = full.endswith("_") and not full.endswith("__")
        name = full[:-1] if inplace else full
        rule = _rule(name, args)
        if rule is None or not operations.tensors((args, kwargs or {})):
            return super().__torch_dispatch__(func, types, args, kwargs)
        self.record.note(str(func))
        try:
            found = rule(self, *args, **(kwargs or {}))
        except (NoRule, ZeroDivisionError) as error:
            raise self.refuse(f"aten.{func.__name__}", str(error)) from None
        if isinstance(found, tuple) and isinstance(found[0], Exact):
            return found
        made = self.wrap(tuple(p.clone(memory_format=torch.contiguous_format) for p in found))
        if not inplace:
            return made
        with self:
            return args[0].copy_(made)


def _rule(name: str, args: tuple[Any, ...]) -> Callable[..., Any] | None:
    if name in ENTRYWISE:
        return lambda interp, a, **_: _entrywise(interp, name, a)
    if name == "pow" and not (isinstance(args[1], int) or (isinstance(args[1], float) and args[1].is_integer())):
        return _pow
    return _RULES.get(name)


def _entrywise(interp: BallInterpreter, name: str, a: Any) -> Any:
    found = interp.carrier.apply(ENTRYWISE[name], interp.parts(a))
    if name == "log_sigmoid_forward":
        return interp.wrap(found), interp.wrap(interp.carrier.zeros(found[0].shape))
    return found


def _pow(interp: BallInterpreter, a: Any, exponent: Any) -> Parts:
    base, power = interp.parts(a), interp.parts(exponent)
    if power[0].numel() == 1:
        store = interp.carrier._store
        value = store[int(power[0].reshape(-1)[0])]
        if value.is_exact() and value * 2 == (value * 2).floor():
            whole = int(float((value - arb(1) / 2).mid()))  # half-integers by roots, which keep to the reals at 0
            return interp.carrier.apply(lambda x: x.sqrt() * x**whole if whole else x.sqrt(), base)
    logs = interp.carrier.apply(lambda x: x.log(), base)
    return interp.carrier.apply(lambda x: x.exp(), interp.carrier.mul(logs, power))


def _softmax(interp: BallInterpreter, a: Any, dim: int, half_to_float: bool = False, *, log: bool = False) -> Parts:
    carrier, parts = interp.carrier, interp.parts(a)
    dim = dim % max(1, parts[0].ndim)
    powers = carrier.apply(ENTRYWISE["exp"], parts)
    total = carrier.sum(powers, [dim], True)
    return carrier.sub(parts, carrier.apply(ENTRYWISE["log"], total)) if log else carrier.div(powers, total)


def _log_softmax(interp: BallInterpreter, a: Any, dim: int, half_to_float: bool = False) -> Parts:
    return _softmax(interp, a, dim, log=True)


def _logsumexp(interp: BallInterpreter, a: Any, dim: Any, keepdim: bool = False) -> Parts:
    carrier, parts = interp.carrier, interp.parts(a)
    dims = _dims(parts, dim)
    return carrier.apply(ENTRYWISE["log"], carrier.sum(carrier.apply(ENTRYWISE["exp"], parts), dims, keepdim))


def _softplus(interp: BallInterpreter, a: Any, beta: Any = 1, threshold: Any = 20) -> Parts:
    # beyond the threshold torch returns x itself, which is another function by less than exp(-20)
    carrier = interp.carrier
    scaled = carrier.mul(interp.parts(a), interp.parts(beta))
    logs = carrier.apply(lambda x: (1 + x.exp()).log(), scaled)
    return carrier.div(logs, interp.parts(beta))


def _gelu(interp: BallInterpreter, a: Any, *, approximate: str = "none") -> Parts:
    def exact(x: Any) -> Any:
        return x * (1 + (x / arb(2).sqrt()).erf()) / 2

    def tanh(x: Any) -> Any:
        return x * (1 + ((2 / arb.pi()).sqrt() * (x + arb(fmpq(44715, 10**6)) * x**3)).tanh()) / 2

    return interp.carrier.apply(exact if approximate == "none" else tanh, interp.parts(a))


def _norm(interp: BallInterpreter, a: Any, ord: Any = 2, dim: Any = None, keepdim: bool = False, **_: Any) -> Parts:
    if ord != 2:
        raise NoRule(f"only the Euclidean norm has a rule, not order {ord}")
    carrier, parts = interp.carrier, interp.parts(a)
    squares = carrier.mul(parts, parts)
    dims = _dims(parts, dim)
    return carrier.apply(ENTRYWISE["sqrt"], carrier.sum(squares, dims, keepdim) if dims else squares)


def _layer_norm(interp: BallInterpreter, a: Any, shape: Any, weight: Any, bias: Any, eps: float) -> tuple[Exact, ...]:
    carrier, parts = interp.carrier, interp.parts(a)
    dims = list(range(parts[0].ndim - len(shape), parts[0].ndim))
    count = torch.tensor(float(np.prod(shape)), dtype=torch.float64)
    mean = carrier.div_constant(carrier.sum(parts, dims, True), count)
    centred = carrier.sub(parts, mean)
    variance = carrier.div_constant(carrier.sum(carrier.mul(centred, centred), dims, True), count)
    scale = carrier.apply(ENTRYWISE["rsqrt"], carrier.add(variance, interp.parts(float(eps))))
    out = carrier.mul(centred, scale)
    if weight is not None:
        out = carrier.mul(out, interp.parts(weight))
    if bias is not None:
        out = carrier.add(out, interp.parts(bias))
    return tuple(interp.wrap(p) for p in (out, mean, scale))


def _layer_norm_backward(
    interp: BallInterpreter,
    grad: Any,
    a: Any,
    shape: Any,
    mean: Any,
    scale: Any,
    weight: Any,
    bias: Any,
    wanted: Sequence[bool],
) -> tuple[Exact | None, ...]:
    with interp:
        dims = tuple(range(a.ndim - len(shape), a.ndim))
        outer = tuple(range(a.ndim - len(shape)))
        centred = (a - mean) * scale
        g = grad if weight is None else grad * weight
        inner = g - g.mean(dims, keepdim=True) - centred * (g * centred).mean(dims, keepdim=True)
        moved = inner * scale
        slope = (grad * centred).sum(outer) if outer else grad * centred
        shift = grad.sum(outer) if outer else grad
    first, *rest = (found if want else None for found, want in zip((moved, slope, shift), wanted, strict=True))
    return (first if first is not None else moved, *rest)


def _softmax_backward(interp: BallInterpreter, grad: Any, out: Any, dim: int, dtype: Any) -> Parts:
    with interp:
        found = (grad - (grad * out).sum(dim, keepdim=True)) * out
    return interp.parts(found)


def _tanh_backward(interp: BallInterpreter, grad: Any, out: Any) -> Parts:
    with interp:
        found = grad * (1 - out * out)
    return interp.parts(found)


def _sigmoid_backward(interp: BallInterpreter, grad: Any, out: Any) -> Parts:
    with interp:
        found = grad * out * (1 - out)
    return interp.parts(found)


def _attention(
    interp: BallInterpreter,
    q: Any,
    k: Any,
    v: Any,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    *,
    attn_mask: Any = None,
    scale: float | None = None,
) -> tuple[Any, Any]:
    if dropout_p or (attn_mask is not None and attn_mask.dtype != torch.bool):
        raise NoRule("attention with dropout or with a mask of numbers has no rule")
    if is_causal:
        attn_mask = torch.ones(q.shape[-2], k.shape[-2], dtype=torch.bool).tril()
    with interp:
        factor = torch.tensor(q.shape[-1], dtype=torch.float64) ** -0.5 if scale is None else scale
        scores = q @ k.mT * (float(factor))
        powers = torch.exp(scores)
        if attn_mask is not None:
            powers = powers.masked_fill(~attn_mask, 0.0)
        total = powers.sum(-1, keepdim=True)
        out = (powers / total) @ v
        logs = torch.log(total[..., 0])
    return out, logs


_RULES: Mapping[str, Callable[..., Any]] = {
    "_softmax": _softmax,
    "_safe_softmax": lambda interp, a, dim, dtype=None: _softmax(interp, a, dim),
    "_log_softmax": _log_softmax,
    "logsumexp": _logsumexp,
    "softplus": _softplus,
    "gelu": _gelu,
    "linalg_vector_norm": _norm,
    "norm": lambda interp, a, p=2, dim=None, keepdim=False, **_: _norm(interp, a, p or 2, dim, keepdim),
    "native_layer_norm": _layer_norm,
    "native_layer_norm_backward": _layer_norm_backward,
    "_softmax_backward_data": _softmax_backward,
    "tanh_backward": _tanh_backward,
    "sigmoid_backward": _sigmoid_backward,
    "_scaled_dot_product_flash_attention_for_cpu": _attention,
}


def evaluate(program: Program, inputs: Mapping[str, np.ndarray]) -> tuple[np.ndarray, Record]:
    """The program's value at a point (object arrays of Fraction or of balls), as balls, and what it did on the way.

    Raises Refused for an operation without a rule, or a comparison that the precision does not decide.
    """
    with flint.ctx.workprec(BITS):
        interp = BallInterpreter()
        carrier = interp.carrier
        parts = {name: carrier.put([ball(v) for v in array.reshape(-1)], array.shape) for name, array in inputs.items()}
        return carrier.get(run(program, interp, parts).parts), interp.record


def ball(value: Any) -> Any:
    """A rational number as a ball of the working precision; balls as they are."""
    if isinstance(value, (int, Fraction)):
        return arb(fmpq(value.numerator, value.denominator))
    return value if isinstance(value, arb) else arb(value)
