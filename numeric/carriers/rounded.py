"""What one operation gives on given floats: a float64 value and a bound for how far any kernel's result is from it.

Main definition: `Rounded`, `Running` that follows no kernel. A rule that runs in it is evaluated as it is written, in
float64, with the running bound e of that evaluation. A kernel evaluates the same expression in its own dtype, with unit
roundoff u', in any order, and by another formula at times (Welford's mean, Smith's quotient, a product scaled before or
after), which takes at most three roundings where the rule takes one. Both are within their own bound of the exact
result, so they are at most e (1 + 3 u'/u) apart: `allowed`.
Functions of real numbers are evaluated in Arb on the operands as they are, and rounded; for more entries than is
quick, by torch's float64 functions, a sample of which is held against Arb. Linear systems have the bound of Gaussian
elimination with partial pivoting, with the factors that torch found.

Source: N. J. Higham, Accuracy and Stability of Numerical Algorithms, 2nd ed., section 3.3, theorem 9.4.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import flint
import torch
from flint import arb
from torch import Tensor

from numeric.carriers.a_priori import UNIT, smallest_subnormal, unit_roundoff
from numeric.carriers.balls import ENTRYWISE
from numeric.carriers.carrier import OutsideDomain, Parts, broadcast_shapes
from numeric.carriers.running import _ULPS, Running, _gamma, _up

_BITS = 106
"""Of the balls in which functions are evaluated: twice float64's."""
_ONE_BY_ONE = 1 << 10
"""So many entries are evaluated in Arb; of more, so many are."""
_AT_ONCE: Mapping[Any, Callable[[Tensor], Tensor]] = {
    ENTRYWISE[name]: getattr(torch, name)
    for name in "exp exp2 expm1 log log2 log10 log1p sqrt rsqrt sigmoid tanh sin cos erf".split()
} | {
    ENTRYWISE["silu"]: torch.nn.functional.silu,
    ENTRYWISE["log_sigmoid_forward"]: torch.nn.functional.logsigmoid,
}


class Rounded(Running):
    """Parts: v and e, both float64. `dtypes`: those that the kernel reads and writes; the coarsest one decides."""

    follows_kernel = False
    decides_order = True
    name = "one operation's rounding bound"

    def __init__(self, dtypes: Iterable[torch.dtype] = (), *, logarithms: bool = False) -> None:
        super().__init__()
        self.keeps_logarithms = logarithms
        narrow = [d for d in dtypes if d.is_floating_point and torch.finfo(d).bits < 64]
        coarsest = max(narrow, key=unit_roundoff, default=torch.float64)
        self.ratio_of_units = unit_roundoff(coarsest) / UNIT
        least = max((smallest_subnormal(d) for d in narrow), default=smallest_subnormal(torch.float64))
        self._least = 4 * max(least / self.ratio_of_units, smallest_subnormal(torch.float64))

    def allowed(self, parts: Parts) -> Tensor:
        """How far a kernel's result may be from part 0; infinite or NaN where that can't be said."""
        known = torch.isfinite(parts[0]) | (parts[1] == 0)  # a move keeps infinities
        return _up(torch.where(known, parts[1], torch.inf) * (1 + 3 * self.ratio_of_units))

    def lift(self, values: Tensor) -> Parts:
        held = values.double()[None]
        return held, torch.zeros_like(held)

    def constant(self, value: float | int) -> Parts:
        held, error = super().constant(value)
        # a number written in the code takes the dtype of the tensor it meets
        return held, _up(error + held.abs() * UNIT) if self.ratio_of_units > 1 else error

    def cast(self, a: Parts, dtype: torch.dtype) -> Parts:
        return a[0], _up(a[1] + a[0].abs() * UNIT + self._least)

    def accumulate(self, c: Parts, product: Parts, length: int) -> Parts:
        value, error = self.add(c, product)
        return value, _up(error + c[0].abs() * _gamma(length))  # a kernel may start its sum from c

    def log(self, a: Parts) -> Parts:
        return a if self.keeps_logarithms else super().log(a)

    def exp(self, a: Parts) -> Parts:
        return a if self.keeps_logarithms else super().exp(a)

    def compare(self, name: str, a: Parts, b: Parts) -> Tensor:
        answer: Tensor = getattr(operator, name)(a[0], b[0])
        return answer

    def nonzero(self, a: Parts) -> Tensor:
        return a[0] != 0

    def apply(self, function: Callable[[Any], Any], a: Parts) -> Parts:
        """A real function, entrywise; NaN where it has no real value."""
        value, error = torch.broadcast_tensors(*a)  # type: ignore[no-untyped-call]
        many = _AT_ONCE.get(function)
        flat, errors = value.reshape(-1), error.reshape(-1)
        if many is None or len(flat) <= _ONE_BY_ONE or bool((errors != 0).any()):
            found = _enclosed(function, flat, errors)
            return tuple(p.reshape(value.shape) for p in found)
        plain = many(flat)
        own = _up(plain.abs() * (_ULPS * UNIT) + _ULPS * self._least)
        some = torch.linspace(0, len(flat) - 1, _ONE_BY_ONE).long()
        middle, radius = _enclosed(function, flat[some], errors[some])
        plain, own = plain.clone(), own.clone()
        plain[some], own[some] = middle, torch.maximum(radius, own[some])
        return plain.reshape(value.shape), own.reshape(value.shape)

    def solve(self, a: Parts, b: Parts) -> Parts:
        """X with A X = B; e bounds what elimination in float64 may be off by: |A^-1| gamma_3n |L| |U| |X|."""
        lead = broadcast_shapes(a[0].shape[:-2], b[0].shape[:-2])
        matrix, right = (p.expand(*lead, *p.shape[-2:]).contiguous() for p in (a[0], b[0]))
        n = matrix.shape[-1]
        try:
            inverse = torch.linalg.inv(matrix)
        except RuntimeError:
            raise ZeroDivisionError("a matrix is singular") from None
        solution = inverse @ right
        permutation, lower, upper = torch.linalg.lu(matrix)
        backward = permutation @ (lower.abs() @ upper.abs()) * _gamma(3 * n)
        # that the inverse is an approximate one is covered as long as |I - inverse A| is well below 1
        off = (torch.eye(n, dtype=torch.float64) - inverse @ matrix).abs().sum(-1).amax(-1)
        off = off + (n + 1) * UNIT * (inverse.abs() @ matrix.abs()).sum(-1).amax(-1)
        grown = torch.where(off < 0.5, 1 / (1 - off), torch.inf)[..., None, None]
        size = inverse.abs()
        residual = (matrix @ solution - right).abs() + _gamma(n + 1) * (matrix.abs() @ solution.abs() + right.abs())
        given = a[1] @ solution.abs() + b[1]
        error = size @ (residual + backward @ solution.abs() + given) * grown
        return solution, _up(error, 8 * n + 32)


def _enclosed(function: Callable[[Any], Any], values: Tensor, errors: Tensor) -> Parts:
    """The function of balls, as middle and a radius that covers the library's own error of a few units too."""
    middles, radii = [], []
    with flint.ctx.workprec(_BITS):
        for value, error in zip(values.tolist(), errors.tolist(), strict=True):
            try:
                found = function(arb(value, error))
                if not found.is_finite():
                    raise OutsideDomain("no real value")
                middles.append(float(found.mid()))
                radii.append(float(found.rad()))
            except (ZeroDivisionError, ValueError, OverflowError):
                middles.append(torch.nan)
                radii.append(torch.inf)
    made = torch.tensor(middles, dtype=torch.float64)
    return made, _up(torch.tensor(radii, dtype=torch.float64) + made.abs() * (_ULPS * UNIT) + _ULPS * 2.0**-1074)
