"""Running rounding bounds: the program's own floating values, each with a bound for its distance from the exact one.

Main definition: `Running`, a carrier with two parts: value v, in the program's dtype, and error e >= |v - exact|.
v is what torch's own kernel returns on the operands' values, so it is the number that a plain call gives, bit for bit.
For each operation a float64 value is computed beside it by a formula whose rounding is known, and e grows by the
distance between the two: the bound holds whatever the kernel's order of summation.

Source: N. J. Higham, Accuracy and Stability of Numerical Algorithms, 2nd ed., section 3.3 (running error analysis);
the underflow terms and the slack for the bound's own rounding are derived below.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from numeric.carriers.a_priori import SUBNORMAL, UNIT
from numeric.carriers.carrier import Carrier, Parts, terms


def _up(e: Tensor, roundings: int | Tensor = 8) -> Tensor:
    """`e`, a sum of non-negative terms evaluated with at most `roundings` roundings a term, made an upper bound."""
    return e * (1 + (2 * roundings + 4) * UNIT)


_ULPS = 8
"""Largest relative error of a library's float64 `exp` and `log`, in units of roundoff (four units in the last place;
glibc, SLEEF and SVML state at most one). What the program's own kernel returns is compared with it, not trusted."""


class Running(Carrier):
    """Parts: v (any floating dtype), e (float64), for a program that is declared to run in `dtype`.

    Formulas work on v in float64, in which every narrower v is exact. A product's e gains 4 subnormals: one for
    the underflow of the product, the others for those in the evaluation of e.
    A value narrower than the declared dtype was cast there by the code: its rounding is *not* in e, so that the bound
    stays that of the declared precision and a hidden cast shows as a violation.
    `underflow=False` leaves the subnormals out: no bound then, but a measure of stability that scaling can't distort.
    """

    follows_kernel = True
    keeps_logarithms = False
    name = "running rounding bound"

    def __init__(self, dtype: torch.dtype = torch.float64, *, underflow: bool = True) -> None:
        if dtype not in (torch.float64, torch.float32):
            raise ValueError(f"dtype is {dtype}; rounding bounds exist for torch.float64 and torch.float32")
        self.precision = dtype
        self.dtypes = (dtype, torch.float64)
        self._least = 4 * SUBNORMAL if underflow else 0.0

    def inputs(self, values: Tensor) -> Parts:
        """Arguments of the program, with trial axis: floats of its own dtype, exact as they are."""
        return values, torch.zeros(values.shape, dtype=torch.float64)

    def bound(self, parts: Parts) -> Tensor:
        """The bound, shape of the parts, float64: inf or NaN where it is not assessable (overflow)."""
        return torch.where(torch.isfinite(parts[0].double()), parts[1], torch.inf)

    def follow(self, parts: Parts, before: Tensor, kernel: Tensor) -> Parts:
        """The parts of `kernel`, the program's own value, where `before` is a value whose error is `parts[1]`."""
        error = parts[1]
        if self._wide(kernel.dtype):
            wide, held = kernel.double(), before.double()
            error = _up(error + torch.where(wide == held, 0.0, (wide - held).abs()), 2)  # infinities are equal too
        return kernel, error

    def cast(self, a: Parts, dtype: torch.dtype) -> Parts:
        value = a[0].to(dtype)
        return self.follow(a, a[0], value)

    def lift(self, values: Tensor) -> Parts:
        value = values if values.dtype.is_floating_point else values.double()
        error = torch.zeros(value.shape, dtype=torch.float64)
        if value.ndim == 0 and value.dtype == torch.float64 and self.precision != torch.float64:
            # a 0-d constant takes the dtype of the tensor it meets
            held = value.to(self.precision).double()
            return held[None], _up(torch.where(held == value, 0.0, (held - value).abs()))[None]
        return value[None], error[None]

    def constant(self, value: float | int) -> Parts:
        held, error = super().constant(value)
        if isinstance(value, int) and int(float(value)) != value:
            error = _up(error + held.abs() * UNIT)
        return held, error

    def uninitialised(self, shape: Sequence[int]) -> Parts:
        value, error = super().uninitialised(shape)
        return value, error + torch.inf

    def add(self, a: Parts, b: Parts) -> Parts:
        value = a[0].double() + b[0].double()
        error = _up(a[1] + b[1] + value.abs() * UNIT)
        none = torch.isneginf(value)
        if bool(none.any()):
            # minus infinity as a constant of the code (a mask) plus a number; one by overflow has no bound
            masked = (torch.isneginf(a[0]) & (a[1] == 0) & torch.isfinite(b[1])) | (
                torch.isneginf(b[0]) & (b[1] == 0) & torch.isfinite(a[1])
            )
            error = torch.where(none & masked, 0.0, error)
        return value, error

    def neg(self, a: Parts) -> Parts:
        return -a[0], a[1]

    def mul(self, a: Parts, b: Parts) -> Parts:
        left, right = a[0].double(), b[0].double()
        value = left * right
        return value, _up(left.abs() * b[1] + a[1] * (right.abs() + b[1]) + value.abs() * UNIT + self._least)

    def div(self, a: Parts, b: Parts) -> Parts:
        top, bottom = a[0].double(), b[0].double()
        value = top / bottom
        # |a/b - v1/v2| <= (e1 + |v1/v2| e2) / (|v2| - e2); the divisor rounded down
        room = (bottom.abs() - b[1]) * (1 - 4 * UNIT)
        error = _up(
            (a[1] + (value.abs() * (1 + 2 * UNIT) + self._least) * b[1] + self._least) / room
            + value.abs() * UNIT
            + self._least
        )
        return value, torch.where(room > 0, error, torch.inf)

    def div_constant(self, a: Parts, values: Tensor) -> Parts:
        return self.div(a, self.lift(values[0]))

    def matmul(self, a: Parts, b: Parts) -> Parts:
        left, right = a[0].double(), b[0].double()
        length = left.shape[-1]
        value = left @ right
        size = right.abs()
        error = (left.abs() @ size) * _gamma(length) + length * self._least
        if bool((a[1] != 0).any()):
            error = error + a[1] @ (size + b[1])
        if bool((b[1] != 0).any()):
            error = error + left.abs() @ b[1]
        return value, _up(error, length + 8)

    def sum(self, a: Parts, dims: Sequence[int], keepdim: bool) -> Parts:
        value = a[0].double()
        count = terms(value.shape, dims)
        total, size, error = (p.sum(dim=tuple(dims), keepdim=keepdim) for p in (value, value.abs(), a[1]))
        return total, _up(error + size * _gamma(count), count + 8)

    def cumsum(self, a: Parts, dim: int) -> Parts:
        value = a[0].double()
        if value.shape[dim] == 0:
            return value, a[1]
        count = value.shape[dim]
        return value.cumsum(dim), _up(a[1].cumsum(dim) + value.abs().cumsum(dim) * _gamma(count), count + 8)

    def exp(self, a: Parts) -> Parts:
        """exp(v); its error is at most exp(v) (exp(e) - 1), and the library's own."""
        value = torch.exp(a[0].double())
        own = value * (_ULPS * UNIT) + _ULPS * self._least
        return value, _up(value * (1 + _ULPS * UNIT) * torch.expm1(a[1]) * (1 + _ULPS * UNIT) + own)

    def log(self, a: Parts) -> Parts:
        """log(v); |log v - log x| <= e/(v - e) where v > e, and the library's own error."""
        held = a[0].double()
        value = torch.log(held)
        room = (held - a[1]) * (1 - 4 * UNIT)
        own = value.abs() * (_ULPS * UNIT) + self._least
        return value, torch.where(room > 0, _up(a[1] / room + own), torch.inf)

    def _wide(self, dtype: torch.dtype) -> bool:
        return torch.finfo(dtype).bits >= torch.finfo(self.precision).bits


def _gamma(count: int) -> float:
    # gamma_n of float64, rounded up by the count of one more; a sum of n terms needs n - 1
    return (count + 1) * UNIT / (1 - (count + 1) * UNIT)
