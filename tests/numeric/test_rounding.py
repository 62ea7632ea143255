"""The a-priori bound against exact rationals: never exceeded, whatever the order of operations, on every flavour."""

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

from numeric.carriers.a_priori import APriori
from numeric.deciding.programs import fractions, rational, run
from numeric.deciding.strategies import FLAVOURS, PROBLEM, Arrays, draw, problems
from numeric.tape.refusals import Refused

SIZES = {"N": 4, "f": 3, "m": 2}
DTYPES = {"float64": torch.float64, "float32": torch.float32}


def loop(X: Any, Y: Any, x_q: Any, W0: Any, eta: Any) -> Any:
    """One step as a recurrence over tokens; numpy or torch."""
    state = 0 * W0
    for i in range(X.shape[0]):
        state = state + (Y[i, :] - W0 @ X[i, :])[:, None] * X[i, :][None, :]
    return W0 @ x_q + eta / X.shape[0] * (state @ x_q)


def gram(X: Any, Y: Any, x_q: Any, W0: Any, eta: Any) -> Any:
    """The same step through the moments of the data."""
    return W0 @ x_q + (eta / X.shape[0]) * ((Y.T @ X - W0 @ (X.T @ X)) @ x_q)


def scaled_first(X: Any, Y: Any, x_q: Any, W0: Any, eta: Any) -> Any:
    """The same step, the small factors multiplied first."""
    return W0 @ x_q + ((eta * Y - eta * (X @ W0.T)).T * (X @ x_q)[None, :]).sum(1) / X.shape[0]


PROGRAMS: dict[str, Callable[..., Any]] = {"loop": loop, "gram": gram, "scaled first": scaled_first}


def a_priori(program: Callable[..., Any], inputs: Arrays, dtype: str) -> np.ndarray:
    carrier = APriori(DTYPES[dtype])
    tensors = {name: torch.tensor(a, dtype=DTYPES[dtype]) for name, a in inputs.items()}
    found: np.ndarray = carrier.bound(
        run(program, carrier, {name: carrier.inputs(t[None]) for name, t in tensors.items()})
    )[0].numpy()
    return found


def exact(program: Callable[..., Any], inputs: Arrays) -> np.ndarray:
    return rational(program, {n: fractions(a.reshape(-1).tolist(), a.shape) for n, a in inputs.items()})[0]


def within(values: Any, exact_values: np.ndarray, bound: np.ndarray) -> float:
    """Checks every entry that can be assessed in rationals; the largest error/bound."""
    worst = Fraction(0)
    rows = zip(np.ravel(values).tolist(), exact_values.reshape(-1), bound.reshape(-1).tolist(), strict=True)
    for value, true, allowed in rows:
        if math.isfinite(value) and math.isfinite(allowed):
            error = abs(Fraction(value) - true)
            assert error <= Fraction(allowed)
            if error:
                worst = max(worst, error / Fraction(allowed))
    return float(worst)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("flavour", FLAVOURS)
def test_bound_holds_on_numpy_and_torch(flavour: str, dtype: str) -> None:
    generator = np.random.default_rng(11)
    for _ in range(3):
        inputs = draw(flavour, SIZES, PROBLEM, generator, dtype=dtype)
        true = exact(loop, inputs)
        for program in PROGRAMS.values():
            bound = a_priori(program, inputs, dtype)
            with np.errstate(all="ignore"):
                on_numpy = program(**{n: a.astype(dtype) for n, a in inputs.items()})
            within(on_numpy.astype(float), true, bound)
            on_torch = program(**{n: torch.tensor(a, dtype=DTYPES[dtype]) for n, a in inputs.items()})
            within(on_torch.double().numpy(), true, bound)


@given(problems(N=(1, 3), f=(1, 3), m=(1, 2)))
def test_bound_holds_on_any_problem(problem: Arrays) -> None:
    true = exact(gram, problem)
    for program in PROGRAMS.values():
        with np.errstate(all="ignore"):
            within(program(**problem), true, a_priori(program, problem, "float64"))


def rounded(value: Fraction) -> Fraction:
    return Fraction(float(value)) if value else value


@pytest.mark.parametrize("flavour", [f for f in FLAVOURS if f != "badly scaled"])
def test_any_order_with_and_without_fused_multiply_add(flavour: str) -> None:
    """A scalar product in four orders, two of them fused; floats made by rounding rationals."""
    generator = np.random.default_rng(3)
    shapes = {"a": ("N",), "b": ("N",)}
    for _ in range(5):
        inputs = draw(flavour, {"N": 7}, shapes, generator)
        a, b = ([Fraction(v) for v in inputs[n].tolist()] for n in "ab")
        true = np.array([sum((x * y for x, y in zip(a, b, strict=True)), Fraction(0))], dtype=object)
        bound = a_priori(lambda a, b: (a[None, :] @ b[:, None])[0], inputs, "float64")
        products = [rounded(x * y) for x, y in zip(a, b, strict=True)]
        forward, backward, fused, tree = Fraction(0), Fraction(0), Fraction(0), products
        for k in range(7):
            forward = rounded(forward + products[k])
            backward = rounded(backward + products[-1 - k])
            fused = rounded(fused + a[k] * b[k])
        while len(tree) > 1:
            tree = [rounded(sum(tree[i : i + 2], Fraction(0))) for i in range(0, len(tree), 2)]
        for value in (forward, backward, fused, tree[0]):
            within([float(value)], true, bound)


@pytest.mark.parametrize(
    ("program", "count"),
    [
        (lambda x, y: x, 0),
        (lambda x, y: -x, 0),
        (lambda x, y: x + y, 1),
        (lambda x, y: x - y, 1),
        (lambda x, y: x * y, 1),
        (lambda x, y: (x + y) * x, 2),
        (lambda x, y: (x + y) * (x - y), 3),
        (lambda x, y: x / 3, 2),
        (lambda x, y: x * 0.1, 1),
        (lambda x, y: x @ y, 4),
        (lambda x, y: x.sum(), 3),
        (lambda x, y: x.cumsum(0)[2], 2),
        (lambda x, y: x.prod(), 3),
        (lambda x, y: x**2, 1),
        (lambda x, y: x.mean(), 5),
        (lambda x, y: x + torch.zeros(4, dtype=torch.float64), 0),
        (lambda x, y: x * 0 + y, 0),
        (lambda x, y: torch.stack([x, 0 * y]).sum(0), 0),
        (lambda x, y: torch.addcmul(y, x, y), 2),
        (lambda x, y: x.index_add(0, torch.tensor([0, 0, 0, 1]), y * y), 5),
        (lambda x, y: torch.addmv(x, torch.outer(x, y), y), 6),
    ],
)
def test_rounding_counts(program: Callable[..., Tensor], count: int) -> None:
    carrier = APriori()
    ones = torch.ones(4, dtype=torch.float64)
    parts = run(program, carrier, {"x": carrier.inputs(ones[None]), "y": carrier.inputs(ones[None])})
    assert int(parts[0].max()) == count


def test_single_precision_rounds_its_constants() -> None:
    for constant, count in ((0.1, 2), (0.5, 1), (2**24 + 1, 2)):
        carrier = APriori(torch.float32)
        parts = run(lambda x, c=constant: x * c, carrier, {"x": carrier.inputs(torch.ones(1, 2))})
        assert parts[0].tolist() == [[count, count]]
    parts = APriori(torch.float32).lift(torch.tensor([1e-50, 1e300], dtype=torch.float64))
    assert parts[2][0, 0] > 0 and math.isinf(parts[1][0, 1])


def test_majorant_is_the_polynomial_with_plus_signs() -> None:
    """|W0||x_q| + eta/N (|W0||X| + |Y|)|X|^T |x_q|, on integers, where it is exact."""
    inputs = draw("dyadic", {"N": 4, "f": 3, "m": 2}, PROBLEM, np.random.default_rng(5), multiples={"eta": 4})
    a = {name: np.abs(array) for name, array in inputs.items()}
    closed = a["W0"] @ a["x_q"] + a["eta"] / 4 * ((a["W0"] @ a["X"].T + a["Y"].T) @ a["X"] @ a["x_q"])
    for program in (loop, gram):
        carrier = APriori()
        wrapped = {n: carrier.inputs(torch.tensor(x)[None]) for n, x in inputs.items()}
        assert run(program, carrier, wrapped)[1][0].tolist() == closed.tolist()


def test_bounds_are_not_vacuous() -> None:
    """On ordinary data there are errors to bound, all entries are assessed, and the bound is not far off."""
    generator = np.random.default_rng(7)
    ratios = []
    for _ in range(20):
        inputs = draw("gaussian", SIZES, PROBLEM, generator)
        bound = a_priori(loop, inputs, "float64")
        assert np.isfinite(bound).all() and (bound > 0).all()
        ratios.append(within(loop(**inputs), exact(loop, inputs), bound))
    assert max(ratios) > 2.0**-10


def test_without_underflow_the_bound_is_false() -> None:
    generator = np.random.default_rng(9)
    broken = 0
    for _ in range(20):
        inputs = draw("underflow", SIZES, PROBLEM, generator)
        carrier = APriori()
        parts = run(loop, carrier, {n: carrier.inputs(torch.tensor(a)[None]) for n, a in inputs.items()})
        alone = carrier.bound((parts[0], parts[1], torch.zeros_like(parts[2])))[0].tolist()
        with np.errstate(all="ignore"):
            values = loop(**inputs).tolist()
        rows = zip(values, exact(loop, inputs), alone, strict=True)
        broken += sum(math.isfinite(v) and math.isfinite(b) and abs(Fraction(v) - t) > Fraction(b) for v, t, b in rows)
    assert broken


def test_what_nobody_has_written_has_no_bound() -> None:
    carrier = APriori()
    with pytest.raises(Refused):
        run(lambda x: torch.empty_like(x) * 0.5, carrier, {"x": carrier.inputs(torch.ones(1, 3, dtype=torch.float64))})


@pytest.mark.parametrize(
    ("program", "reason"),
    [
        (lambda x: 1 / x, "division by data"),
        (lambda x: x**-1, "division by data"),
        (lambda x: x.abs(), "piecewise"),
        (lambda x: x.clamp(-1, 1), "piecewise"),
        (lambda x: torch.where(x > 0, x, 0), "data-dependent"),
        (lambda x: x.max(), "piecewise"),
        (lambda x: x.exp(), "transcendental"),
        (lambda x: torch.linalg.solve_triangular(x, x, upper=False, unitriangular=True), "blocks"),
        (lambda x: torch.addcdiv(x, x, torch.full((2, 2), 3.0), value=2), "kernels differ"),
    ],
)
def test_what_has_no_bound(program: Callable[[Tensor], Tensor], reason: str) -> None:
    carrier = APriori()
    with pytest.raises(Refused, match=reason):
        run(program, carrier, {"x": carrier.inputs(torch.ones(1, 2, 2, dtype=torch.float64))})


@pytest.mark.parametrize("exponent", [2, 3, 5, 8])
@pytest.mark.parametrize("size", [1.1, 1e-60, 1e30])
def test_powers(exponent: int, size: float) -> None:
    values = torch.tensor([size, -size / 3], dtype=torch.float64)
    bound = a_priori(lambda x: x**exponent, {"x": values.numpy()}, "float64")
    true = np.array([Fraction(v) ** exponent for v in values.tolist()], dtype=object)
    within((values**exponent).numpy(), true, bound)
    within(values.numpy() ** exponent, true, bound)


def test_scaling_before_or_after_a_product() -> None:
    """alpha (A B), (alpha A) B and A (alpha B) lose differently by underflow; the bound covers each."""
    a, b = np.array([[1e-170, 3e-170]]), np.array([[1e-150], [7e-150]])
    alpha, scale = 1e200, Fraction(1e200)
    bound = a_priori(lambda a, b: torch.addmm(a[:, :1], a, b, beta=0, alpha=alpha), {"a": a, "b": b}, "float64")
    true = np.array([scale * sum(Fraction(x) * Fraction(y) for x, y in zip(a[0], b[:, 0], strict=True))], dtype=object)
    for value in (alpha * (a @ b), (alpha * a) @ b, a @ (alpha * b)):
        within(value, true, bound)
