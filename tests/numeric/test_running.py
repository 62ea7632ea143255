"""The running bound: the very bits of a plain call, and never exceeded against exact rationals, on every flavour."""

from __future__ import annotations

import math
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from torch import Tensor

from numeric.carriers.running import Running
from numeric.deciding.programs import fractions, rational, recorded, replayed
from numeric.deciding.strategies import FLAVOURS, PROBLEM, Arrays, draw, problems
from numeric.tape.notes import Record, notes
from numeric.tape.refusals import Refused

F = torch.nn.functional
SIZES = {"N": 4, "f": 3, "m": 2}
DTYPES = {"float64": torch.float64, "float32": torch.float32}
Program = Callable[..., Tensor]


def loop(X: Tensor, Y: Tensor, x_q: Tensor, W0: Tensor, eta: Tensor) -> Tensor:
    """One step as a recurrence, state written in place."""
    state = torch.zeros_like(W0)
    for i in range(len(X)):
        state += torch.outer(Y[i] - W0 @ X[i], X[i])
    return W0 @ x_q + eta / len(X) * (state @ x_q)


def slices(X: Tensor, Y: Tensor, x_q: Tensor, W0: Tensor, eta: Tensor) -> Tensor:
    """The same with slices of a buffer, a running sum, and a transposed product."""
    buffer = X.new_zeros(len(X), W0.shape[0], W0.shape[1])
    for i in range(len(X)):
        buffer[i, :, :] = (Y[i] - X[i] @ W0.t())[:, None] * X[i]
        buffer[i].mul_(0.5).add_(buffer[i].clone())
    return W0 @ x_q + buffer.cumsum(0)[-1].t().contiguous().t() @ x_q * eta / len(X)


def autograd(X: Tensor, Y: Tensor, x_q: Tensor, W0: Tensor, eta: Tensor) -> Tensor:
    """The same by autograd of the mean loss."""
    with torch.enable_grad():
        leaf = W0.detach().requires_grad_()
        (gradient,) = torch.autograd.grad(((X @ leaf.t() - Y) ** 2).sum() / (2 * len(X)), leaf)
    return (W0 - eta * gradient) @ x_q


def optimiser(X: Tensor, Y: Tensor, x_q: Tensor, W0: Tensor, eta: Tensor) -> Tensor:
    """Two steps of SGD with momentum and weight decay, on a linear layer and MSELoss."""
    layer = torch.nn.Linear(W0.shape[1], W0.shape[0], bias=False)
    layer.weight = torch.nn.Parameter(W0.detach().clone())
    steps = torch.optim.SGD(layer.parameters(), lr=0.1, momentum=0.9, weight_decay=0.01, foreach=False)
    with torch.enable_grad():
        for _ in range(2):
            steps.zero_grad()
            (eta * F.mse_loss(layer(X), Y)).backward()
            steps.step()
    return layer.weight.detach() @ x_q


def constants(X: Tensor, Y: Tensor, x_q: Tensor, W0: Tensor, eta: Tensor) -> Tensor:
    """Python numbers met in every way they can enter."""
    mask = torch.arange(W0.shape[1]) % 2 == 0
    A = torch.where(mask, W0, 0.1).masked_fill(~mask, 0.3) * 0.7 + 1e-3
    A[0, 0] = 0.2
    B = torch.full_like(W0, 1 / 3)
    B[:, 0].fill_(0.6)
    return (A - 0.9 * B + F.pad(W0, (0, 1), value=0.1)[:, 1:] / 3) @ x_q - eta * 0.1


def products(X: Tensor, Y: Tensor, x_q: Tensor, W0: Tensor, eta: Tensor) -> Tensor:
    """Scans of products, powers, einsum, a batched product and a convolution."""
    scan = (X * 0.5).cumprod(0) + X.prod(0) ** 3
    both = torch.einsum("nf,nm->mf", scan, Y) + torch.bmm(Y.t()[None], X[None])[0]
    return F.conv1d(both[None], W0[:, :, None][:, :1].expand(-1, both.shape[0], -1), bias=eta.expand(W0.shape[0]))[0][
        :, 0
    ]


def quotients(X: Tensor, Y: Tensor, x_q: Tensor, W0: Tensor, eta: Tensor) -> Tensor:
    """Divisions by data."""
    return (W0 @ x_q) / (1 + (x_q * x_q).sum()) + (eta / (2 + eta * eta)) * Y.mean(0)


PROGRAMS = [loop, slices, autograd, optimiser, constants, products, quotients]


def follow(program: Program, inputs: Arrays, dtype: str) -> tuple[Tensor, Tensor, Record]:
    """Value, bound and record of the run under the carrier."""
    carrier = Running(DTYPES[dtype])
    tensors = {n: torch.tensor(a, dtype=DTYPES[dtype]) for n, a in inputs.items()}
    tape = recorded(program).at({n: tuple(t.shape) for n, t in tensors.items()}, DTYPES[dtype])
    parts = replayed(
        tape,
        carrier,
        {n: carrier.inputs(t[None]) for n, t in tensors.items()},
        {n: t[None] for n, t in tensors.items()},
    )
    return parts[0][0], carrier.bound(parts)[0], notes(tape, DTYPES[dtype])


def plain(program: Program, inputs: Arrays, dtype: str) -> Tensor:
    return program(**{n: torch.tensor(a, dtype=DTYPES[dtype]) for n, a in inputs.items()}).detach()


def same_bits(a: Tensor, b: Tensor) -> bool:
    return a.dtype == b.dtype and bool(((a == b) | (a.isnan() & b.isnan())).all())


def exact(program: Program, inputs: Arrays) -> list[Fraction]:
    found = rational(program, {n: fractions(a.reshape(-1).tolist(), a.shape) for n, a in inputs.items()})[0]
    return list(found.reshape(-1))


def check(program: Program, inputs: Arrays, dtype: str) -> list[float]:
    """Bits and bound at one point; error/bound of each entry that can be assessed."""
    value, bound, record = follow(program, inputs, dtype)
    assert same_bits(value, plain(program, inputs, dtype))
    assert not record.casts
    ratios = []
    for v, true, e in zip(value.reshape(-1).tolist(), exact(program, inputs), bound.reshape(-1).tolist(), strict=True):
        if math.isfinite(v) and math.isfinite(e):
            error = abs(Fraction(v) - true)
            assert error <= Fraction(e), (program.__name__, float(error), e)
            ratios.append(float(error / Fraction(e)) if error else 0.0)
    return ratios


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("flavour", FLAVOURS)
def test_bits_and_bound(flavour: str, dtype: str) -> None:
    generator = np.random.default_rng(13)
    assessed = 0
    for _ in range(2):
        inputs = draw(flavour, SIZES, PROBLEM, generator, dtype=dtype)
        for program in PROGRAMS:
            assessed += len(check(program, inputs, dtype))
    assert assessed


@given(problems(N=(1, 3), f=(1, 3), m=(1, 2)))
def test_bits_and_bound_on_any_problem(problem: Arrays) -> None:
    for program in (loop, autograd, quotients):
        check(program, problem, "float64")


@pytest.mark.parametrize("dtype", DTYPES)
def test_bounds_are_not_vacuous(dtype: str) -> None:
    generator = np.random.default_rng(1)
    ratios = [
        r for _ in range(10) for r in check(loop, draw("gaussian", SIZES, PROBLEM, generator, dtype=dtype), dtype)
    ]
    assert len(ratios) == 20 and max(ratios) > 2.0**-7


MATRICES: list[Callable[[Tensor, Tensor], Tensor]] = [
    lambda a, b: a @ b,
    lambda a, b: b.t() @ a.t(),
    lambda a, b: a[:, ::2] @ b[::2],
    lambda a, b: torch.addmm(torch.ones(b.shape[1], dtype=a.dtype), a, b, beta=0.3, alpha=-0.7),
    lambda a, b: a @ b[:, 0],
    lambda a, b: (a[None].expand(3, -1, -1) @ b[None]).sum(0),
    lambda a, b: torch.einsum("ij,jk->ki", a, b),
    lambda a, b: F.linear(a, b.t(), b.sum(0)),
    lambda a, b: a.cumsum(1).cumsum(0),
    lambda a, b: a.mean(0) - a.sum() / 7,
    lambda a, b: F.conv1d(a[None], a[:, None, :1].expand(-1, a.shape[0], -1), groups=1)[0],
    lambda a, b: a.t().contiguous().reshape(-1).unfold(0, 2, 1).prod(1),
    lambda a, b: torch.nn.functional.mse_loss(a, a.flip(0)),
]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(
    "shape", [(1, 2, 1), (3, 5, 7), (2, 130, 3), (17, 33, 9), (64, 64, 64), (5, 1, 6), (33, 257, 2)]
)
def test_bits_of_matrix_kernels(shape: tuple[int, int, int], dtype: str) -> None:
    """Sizes on both sides of the blocks that kernels use; the bound against the product in higher precision."""
    generator = np.random.default_rng(shape[1])
    n, k, m = shape
    inputs = {"a": generator.standard_normal((n, k)), "b": generator.standard_normal((k, m))}
    inputs = {name: np.asarray(a, dtype=dtype).astype(float) for name, a in inputs.items()}
    for program in MATRICES:
        value, bound, _ = follow(program, inputs, dtype)
        assert same_bits(value, plain(program, inputs, dtype))
        assert bool(torch.isfinite(bound).all()) and value.stride() == plain(program, inputs, dtype).stride()
    value, bound, _ = follow(MATRICES[0], inputs, dtype)
    for i, j in ((0, 0), (n - 1, m - 1)):
        terms = zip(inputs["a"][i].tolist(), inputs["b"][:, j].tolist(), strict=True)
        true = sum((Fraction(x) * Fraction(y) for x, y in terms), Fraction(0))
        assert abs(Fraction(value[i, j].item()) - true) <= Fraction(bound[i, j].item())


@pytest.mark.parametrize("seed", range(6))
def test_bits_of_random_programs(seed: int) -> None:
    """Chains of random operations and in-place writes through views, on numbers that round at every step."""
    generator = np.random.default_rng(seed)
    steps = generator.integers(0, len(_STEPS), (12, 30))
    for chain in steps:

        def program(x: Tensor, y: Tensor, chain: Any = chain) -> Tensor:
            x, y = x.clone(), y.clone()
            for which in chain:
                x = _STEPS[which](x, y)
                x = x / 4 if which % 3 == 0 else x
            return x + y

        inputs = {n: generator.standard_normal((4, 4)) for n in "xy"}
        for dtype in DTYPES:
            value, bound, record = follow(program, {n: np.asarray(a, dtype=dtype) for n, a in inputs.items()}, dtype)
            assert same_bits(value, plain(program, inputs, dtype)) and not record.casts
            assert bool((bound >= 0).all())


def _write(x: Tensor, change: Callable[[Tensor], Any]) -> Tensor:
    change(x)
    return x


_STEPS: list[Callable[[Tensor, Tensor], Tensor]] = [
    lambda x, y: x @ y,
    lambda x, y: x + 0.1 * y,
    lambda x, y: torch.rsub(x, y, alpha=0.3),
    lambda x, y: x.t() * 0.7,
    lambda x, y: x.cumsum(0) / 3,
    lambda x, y: _write(x, lambda z: z[1:].add_(y[:-1], alpha=0.3)),
    lambda x, y: _write(x, lambda z: z.t()[0].mul_(y[2])),
    lambda x, y: _write(x, lambda z: z.diagonal().copy_(y[0] * 1.1)),
    lambda x, y: _write(x, lambda z: z.__setitem__((slice(None), 1), y[1] / 7)),
    lambda x, y: _write(x, lambda z: z.index_put_((torch.tensor([0, 0, 2]),), y[:3].clone(), accumulate=True)),
    lambda x, y: _write(x, lambda z: z[:2].addmm_(y[:2], y, beta=0.5)),
    lambda x, y: _write(y, lambda z: z[0].div_(1.7)) * 0.9 + x * 0,
    lambda x, y: torch.addcmul(x, y, y, value=-0.3),
    lambda x, y: x.mean(1, keepdim=True) + torch.baddbmm(x[None], y[None], y[None], alpha=0.1)[0],
    lambda x, y: torch.cat([x[2:], y[:2] * 0.3]).roll(1, 0),
    lambda x, y: x * 0.75 + 0.25 * y,
    lambda x, y: F.pad(x, (1, 0))[:, :4] + (y**3) * 0.01,
    lambda x, y: x.sub_(x.clone() * 0.5),
]


# --- what the bound does not forgive, and what it can't assess ---------------------------------------------------


def cast_inside(X: Tensor, Y: Tensor, x_q: Tensor, W0: Tensor, eta: Tensor) -> Tensor:
    return loop(X.float().to(X.dtype), Y, x_q, W0, eta)


def narrow_buffer(X: Tensor, Y: Tensor, x_q: Tensor, W0: Tensor, eta: Tensor) -> Tensor:
    state = torch.zeros(W0.shape, dtype=torch.float32)
    for i in range(len(X)):
        state += torch.outer(Y[i] - W0 @ X[i], X[i])
    return W0 @ x_q + eta / len(X) * (state.to(W0.dtype) @ x_q)


@pytest.mark.parametrize("program", [cast_inside, narrow_buffer])
def test_hidden_casts_break_the_bound(program: Program) -> None:
    """The bound stays that of the declared precision, so the cast shows, and it is recorded."""
    inputs = draw("gaussian", SIZES, PROBLEM, np.random.default_rng(2))
    value, bound, record = follow(program, inputs, "float64")
    assert same_bits(value, plain(program, inputs, "float64"))
    errors = [abs(Fraction(v) - t) for v, t in zip(value.tolist(), exact(loop, inputs), strict=True)]
    assert all(e > 1000 * Fraction(b) for e, b in zip(errors, bound.tolist(), strict=True))
    assert record.casts and "test_running.py" in next(iter(record.casts)).place


@pytest.mark.parametrize("program", [cast_inside, narrow_buffer])
def test_casts_to_the_declared_precision_are_part_of_the_bound(program: Program) -> None:
    generator = np.random.default_rng(2)
    for _ in range(3):
        check(program, draw("gaussian", SIZES, PROBLEM, generator, dtype="float32"), "float32")


def test_wider_arithmetic_inside_is_followed() -> None:
    def wide(X: Tensor, Y: Tensor, x_q: Tensor, W0: Tensor, eta: Tensor) -> Tensor:
        return loop(X.double(), Y.double(), x_q.double(), W0.double(), eta.double()).to(X.dtype)

    generator = np.random.default_rng(4)
    for _ in range(3):
        check(wide, draw("gaussian", SIZES, PROBLEM, generator, dtype="float32"), "float32")


def test_overflow_and_near_zero_divisors_are_not_assessable() -> None:
    def program(x: Tensor, y: Tensor) -> Tensor:
        return torch.stack([x * x - x * x, 1 / (y - y), 1 / ((y + 1e-3) - y - 1e-3), (x * x) * 0, y + y])

    inputs = {"x": np.array(1e200), "y": np.array(0.1)}
    _, bound, _ = follow(program, inputs, "float64")
    assert torch.isfinite(bound).tolist() == [False, False, False, False, True]
    with pytest.raises(Refused):
        follow(lambda x, y: torch.empty_like(x) * y, inputs, "float64")


def test_single_precision_overflow_is_not_assessable() -> None:
    inputs = {"x": np.array([1e30, 1.0])}
    _, bound, _ = follow(lambda x: (x * x) / 3, inputs, "float32")
    assert torch.isfinite(bound).tolist() == [False, True]


def test_underflow_term() -> None:
    """(1e-200 * 1e-200) * 1e300: the value is 0, the bound has to reach the exact 1e-100."""
    inputs = {"x": np.array(1e-200), "z": np.array(1e300)}
    value, bound, _ = follow(lambda x, z: (x * x) * z, inputs, "float64")
    assert float(value) == 0 and Fraction(float(bound)) >= Fraction(1e-200) ** 2 * Fraction(1e300)
    carrier = Running(underflow=False)
    tensors = {n: torch.tensor(a) for n, a in inputs.items()}
    tape = recorded(lambda x, z: (x * x) * z).at({"x": (), "z": ()})
    parts = replayed(
        tape,
        carrier,
        {n: carrier.inputs(t[None]) for n, t in tensors.items()},
        {n: t[None] for n, t in tensors.items()},
    )
    assert float(carrier.bound(parts)) == 0


def test_integers_beyond_the_format() -> None:
    inputs = {"x": np.array([1.0, 3.0])}
    value, bound, _ = follow(lambda x: x * (2**53 + 1), inputs, "float64")
    for v, x, e in zip(value.tolist(), (1, 3), bound.tolist(), strict=True):
        assert abs(Fraction(v) - x * (2**53 + 1)) <= Fraction(e)


@pytest.mark.parametrize("program", [lambda x: x.abs(), lambda x: x.clamp(0, 1), lambda x: x.tanh(), lambda x: x.max()])
def test_what_has_no_bound(program: Program) -> None:
    with pytest.raises(Refused):
        follow(program, {"x": np.ones(3)}, "float64")


def test_formats() -> None:
    with pytest.raises(ValueError, match="rounding bounds exist"):
        Running(torch.bfloat16)
