"""Complex tensors as pairs: every operation against pairs written out, views, a diagonal complex state, what is refused."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
import torch

from numeric.carriers.finite_field import FiniteField
from numeric.deciding.comparison import Comparison
from numeric.deciding.exact_identity import decide
from numeric.deciding.float_identity import decide as decide_floats
from numeric.deciding.programs import WrongResult, rational, run
from numeric.entropy import Entropy
from numeric.finding import Verdict
from numeric.tape.refusals import Refused
from reports.said import said

N, D = 4, 3
P61 = 2305843009213693921
SHAPES = {"a": (N, D, 2), "b": (N, D, 2), "x": (N, D)}
MASK = torch.tensor([[True, False, True], [False, False, True], [True, True, False], [False, True, True]])
CONSTANT = torch.tensor([[1 + 2j, 0.5j, -3]], dtype=torch.complex128)

Case = Callable[[Any, Any, Any], Any]
pair = torch.view_as_complex
real = torch.view_as_real


def both(re: Any, im: Any) -> Any:
    return torch.stack([re, im], -1)


def times(a: Any, b: Any) -> Any:
    (p, q), (r, s) = a.unbind(-1), b.unbind(-1)
    return both(p * r - q * s, p * s + q * r)


def over(a: Any, b: Any) -> Any:
    r, s = b.unbind(-1)
    return times(a, both(r, -s)) / (r * r + s * s)[..., None]


def written(target: Any, change: Callable[[Any], Any]) -> Any:
    change(target)
    return target


def scanned(a: Any) -> Any:
    out = [a[0]]
    for row in a[1:]:
        out.append(times(out[-1], row))
    return torch.stack(out)


def state(a: Any, x: Any) -> Any:
    h = torch.zeros(D, dtype=torch.complex64)
    out = []
    for decay, token in zip(pair(a), x, strict=True):
        h = decay * h + token
        out.append((h * CONSTANT[0]).real)
    return torch.stack(out)


def state_in_pairs(a: Any, x: Any) -> Any:
    h, out = torch.zeros(D, 2, dtype=torch.float64), []
    c = torch.view_as_real(CONSTANT[0])
    for decay, token in zip(a, x, strict=True):
        h = times(decay, h) + both(token, torch.zeros_like(token))
        out.append(times(h, c)[..., 0])
    return torch.stack(out)


CASES: dict[str, tuple[Case, Case]] = {
    "add": (lambda a, b, x: real(pair(a) + pair(b)), lambda a, b, x: a + b),
    "add reals": (lambda a, b, x: real(pair(a) + x), lambda a, b, x: a + both(x, 0 * x)),
    "subtract": (lambda a, b, x: real(x - 2 * pair(b)), lambda a, b, x: both(x, 0 * x) - 2 * b),
    "alpha": (lambda a, b, x: real(torch.sub(pair(a), pair(b), alpha=3)), lambda a, b, x: a - 3 * b),
    "multiply": (lambda a, b, x: real(pair(a) * pair(b)), lambda a, b, x: times(a, b)),
    "multiply by reals": (lambda a, b, x: real(x * pair(b)), lambda a, b, x: x[..., None] * b),
    "multiply by i": (lambda a, b, x: real(1j * pair(a)), lambda a, b, x: both(-a[..., 1], a[..., 0])),
    "reals times i": (lambda a, b, x: real(x * 2j), lambda a, b, x: both(0 * x, 2 * x)),
    "constant": (lambda a, b, x: real(pair(a) * CONSTANT), lambda a, b, x: times(a, torch.view_as_real(CONSTANT))),
    "divide": (lambda a, b, x: real(pair(a) / pair(b)), lambda a, b, x: over(a, b)),
    "reciprocal": (lambda a, b, x: real(1 / pair(b)), lambda a, b, x: over(both(1 + 0 * x, 0 * x), b)),
    "power": (lambda a, b, x: real(pair(a) ** 3), lambda a, b, x: times(a, times(a, a))),
    "negative power": (lambda a, b, x: real(pair(a) ** -2), lambda a, b, x: over(both(1 + 0 * x, 0 * x), times(a, a))),
    "negative": (lambda a, b, x: real(-pair(a)), lambda a, b, x: -a),
    "conjugate": (lambda a, b, x: real(pair(a).conj() * pair(a)), lambda a, b, x: both((a * a).sum(-1), 0 * x)),
    "matrices": (
        lambda a, b, x: real(pair(a) @ pair(b).t()),
        lambda a, b, x: times(a[:, None], b[None]).sum(2),
    ),
    "hermitian": (
        lambda a, b, x: real(pair(a).mH @ pair(b)),
        lambda a, b, x: times(both(a[..., 0], -a[..., 1])[:, :, None], b[:, None]).sum(0),
    ),
    "matrix times reals": (
        lambda a, b, x: real(pair(a).t() @ x.to(torch.complex128)),
        lambda a, b, x: torch.einsum("ndc,ne->dec", a, x),
    ),
    "einsum": (
        lambda a, b, x: real(torch.einsum("nd,nd,nd->n", pair(a), pair(b), x.to(torch.complex128))),
        lambda a, b, x: (times(a, b) * x[..., None]).sum(1),
    ),
    "addmm": (
        lambda a, b, x: real(torch.addmm(pair(a), x.to(torch.complex128), pair(b)[:D], beta=2)),
        lambda a, b, x: 2 * a + torch.einsum("nd,dec->nec", x, b[:D]),
    ),
    "sum and mean": (lambda a, b, x: real(pair(a).sum(0) + pair(b).mean(0)), lambda a, b, x: a.sum(0) + b.mean(0)),
    "cumsum": (lambda a, b, x: real(pair(a).cumsum(0)), lambda a, b, x: a.cumsum(0)),
    "cumprod": (lambda a, b, x: real(pair(a).cumprod(0)), lambda a, b, x: scanned(a)),
    "prod": (lambda a, b, x: real(pair(a).prod(0)), lambda a, b, x: scanned(a)[-1]),
    "where": (
        lambda a, b, x: real(torch.where(MASK, pair(a), pair(b))),
        lambda a, b, x: torch.where(MASK[..., None], a, b),
    ),
    "masked fill": (
        lambda a, b, x: real(pair(a).masked_fill(MASK, 0)),
        lambda a, b, x: a.masked_fill(MASK[..., None], 0),
    ),
    "moved": (
        lambda a, b, x: real(pair(a).roll(1, 0).flip(1).t().contiguous().t()[1:].repeat(2, 1)),
        lambda a, b, x: a.roll(1, 0).flip(1)[1:].repeat(2, 1, 1),
    ),
    "joined": (
        lambda a, b, x: real(torch.cat([pair(a), x.to(torch.complex64)])),
        lambda a, b, x: torch.cat([a, both(x, 0 * x)]),
    ),
    "split": (lambda a, b, x: real(pair(a).split(2)[1]), lambda a, b, x: a[2:]),
    "parts": (lambda a, b, x: pair(a).real * pair(b).imag, lambda a, b, x: a[..., 0] * b[..., 1]),
    "made of parts": (
        lambda a, b, x: real(torch.complex(x, 2 * x) * pair(a)),
        lambda a, b, x: times(both(x, 2 * x), a),
    ),
    "written through a view": (
        lambda a, b, x: written(a.clone(), lambda c: pair(c)[1:].mul_(2j)) * 1,
        lambda a, b, x: torch.cat([a[:1], both(-2 * a[1:, :, 1], 2 * a[1:, :, 0])]),
    ),
    "imaginary part written": (
        lambda a, b, x: real(written(pair(a).clone(), lambda c: c.imag.copy_(x))),
        lambda a, b, x: both(a[..., 0], x),
    ),
    "slice assigned": (
        lambda a, b, x: real(written(torch.zeros(N, D, dtype=torch.complex128), lambda c: c[1:].copy_(pair(a)[1:]))),
        lambda a, b, x: torch.cat([0 * a[:1], a[1:]]),
    ),
    "filled": (
        lambda a, b, x: real(written(torch.empty_like(pair(a)), lambda c: c.fill_(1 + 2j)) * x),
        lambda a, b, x: both(x, 2 * x),
    ),
    "accumulated": (
        lambda a, b, x: real(written(torch.zeros_like(x, dtype=torch.complex64), lambda c: c.add_(pair(a)).add_(x))),
        lambda a, b, x: a + both(x, 0 * x),
    ),
    "viewed": (
        lambda a, b, x: real(pair(a).view(-1).view(D, N).as_strided((2, 2), (1, 3), 1) * 1j),
        lambda a, b, x: times(a.reshape(-1, 2)[torch.tensor([[1, 4], [2, 5]])], torch.tensor([0.0, 1.0])),
    ),
    "state": (lambda a, b, x: state(a, x), lambda a, b, x: state_in_pairs(a, x)),
}


@pytest.mark.parametrize("name", CASES)
def test_operations_by_residues(name: str) -> None:
    found = decide(Comparison(*CASES[name], SHAPES, {}, entropy=Entropy(1)))
    assert found.verdict is Verdict.CONFIRMED, found.reason


@pytest.mark.parametrize("name", CASES)
def test_operations_are_torchs_own(name: str) -> None:
    """The complex code at rational points against torch's complex128, where all numbers are exact or nearly so."""
    generator = np.random.default_rng(3)
    points = {n: generator.integers(1, 5, s).astype(float) for n, s in SHAPES.items()}
    plain = CASES[name][0](**{n: torch.tensor(p) for n, p in points.items()})
    exact, _ = rational(CASES[name][0], {n: np.vectorize(Fraction, otypes=[object])(p) for n, p in points.items()})
    assert exact.shape == tuple(plain.shape)
    divides = name in {"divide", "reciprocal", "negative power"}
    for got, want in zip(exact.reshape(-1), plain.double().reshape(-1).tolist(), strict=True):
        assert got == Fraction(want) or (divides and abs(got - Fraction(want)) <= abs(got) * Fraction(1, 2**48))


@pytest.mark.parametrize("name", ["multiply", "matrices", "parts", "cumsum", "state"])
def test_operations_within_their_rounding_bounds(name: str) -> None:
    generator = np.random.default_rng(3)
    draws = [{n: generator.standard_normal(s) for n, s in SHAPES.items()} for _ in range(3)]
    found = decide_floats(Comparison(*CASES[name]), draws)
    assert found.verdict is Verdict.CONFIRMED, found.reason


MUTANTS: dict[str, tuple[Case, Case]] = {
    "conjugate forgotten": (CASES["hermitian"][0], lambda a, b, x: times(a[:, :, None], b[:, None]).sum(0)),
    "sign of i squared": (CASES["multiply"][0], lambda a, b, x: times(a, both(b[..., 0], -b[..., 1]))),
    "imaginary part taken": (lambda a, b, x: pair(a).imag, lambda a, b, x: a[..., 0]),
    "state not rotated": (CASES["state"][0], lambda a, b, x: state_in_pairs(both(a[..., 0], 0 * x), x)),
}


@pytest.mark.parametrize("name", MUTANTS)
def test_wrong_complex_code_is_refuted(name: str) -> None:
    assert decide(Comparison(*MUTANTS[name], SHAPES, {}, entropy=Entropy(1))).verdict is Verdict.REFUTED


REFUSED: dict[str, tuple[Callable[[Any], Any], str, str]] = {
    "size": (lambda z: z.abs(), "abs", "a root"),
    "angle": (lambda z: z.angle(), "angle", "transcendental"),
    "exp": (lambda z: z.exp(), "exp", "complex gate"),
    "root": (lambda z: z**0.5, "pow", "whole number"),
    "real numbers of them": (lambda z: z.to(torch.float64), "_to_copy", ".real"),
    "into a real tensor": (lambda z: torch.zeros(2, dtype=torch.float64).copy_(z), "copy_", "drops the imaginary part"),
    "polar": (lambda z: torch.polar(z.real, z.imag), "polar", "transcendental"),
    "comparison": (lambda z: (z == z.conj()).all(), "eq", ""),
    "item": (lambda z: z.real * z[0].item().real, "_local_scalar_dense", "data-dependent"),
    "infinite": (lambda z: z * torch.tensor([complex("inf"), 0]), "mul", "infinite"),
    "transform": (lambda z: torch.fft.ifft(z), "_fft_c2c", "roots of unity"),
    "transform of real numbers": (lambda z: torch.fft.rfft(z.real), "_fft_r2c", "roots of unity"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_polynomial_of_the_parts_is_refused(name: str) -> None:
    code, operation, reason = REFUSED[name]
    carrier = FiniteField(torch.tensor([P61]))
    with pytest.raises(Refused) as caught:
        run(lambda a: code(pair(a)), carrier, {"a": carrier.lift(torch.ones(2, 2))})
    assert operation in caught.value.operation and reason in said(caught.value.reason)
    assert "test_complex_pairs.py" in caught.value.where


def changed(write: Callable[[Any, Any, Any], Any]) -> Case:
    def program(a: Any, b: Any, x: Any) -> Any:
        z = pair(a).clone()
        write(z, pair(b), x)
        return real(z)

    return program


LAZY: dict[str, tuple[Case, Case]] = {
    # torch conjugates and negates when it reads: what is written has to go into memory the other way round
    "conjugate copied": (changed(lambda z, b, x: z.conj().copy_(b)), lambda a, b, x: both(b[..., 0], -b[..., 1])),
    "conjugate added to": (changed(lambda z, b, x: z.conj().add_(b)), lambda a, b, x: a + both(b[..., 0], -b[..., 1])),
    "negated copied": (changed(lambda z, b, x: z.conj().imag.copy_(x)), lambda a, b, x: both(a[..., 0], -x)),
    "negated multiplied": (
        changed(lambda z, b, x: z.conj().imag.mul_(x)),
        lambda a, b, x: both(a[..., 0], a[..., 1] * x),
    ),
}


@pytest.mark.parametrize("name", LAZY)
def test_writes_through_lazy_conjugates(name: str) -> None:
    found = decide(Comparison(*LAZY[name], SHAPES, {}, entropy=Entropy(1)))
    assert found.verdict is Verdict.CONFIRMED, found.reason
    generator = np.random.default_rng(3)
    draws = [{n: generator.standard_normal(s) for n, s in SHAPES.items()} for _ in range(2)]
    assert decide_floats(Comparison(*LAZY[name]), draws).verdict is Verdict.CONFIRMED
    wrong = LAZY[name][0], lambda **data: LAZY[name][1](**data) * (1 + 2.0**-40)
    assert decide_floats(Comparison(*wrong), draws).verdict is Verdict.REFUTED


def test_complex_numbers_are_no_result() -> None:
    carrier = FiniteField(torch.tensor([P61]))
    with pytest.raises(WrongResult, match="view_as_real"):
        run(lambda a: pair(a), carrier, {"a": carrier.lift(torch.ones(2, 2))})


def test_a_narrow_zero_rounds_nothing() -> None:
    """The state starts as complex64 zeros, and torch promotes the first product: no number is ever rounded to it."""
    x, a = (torch.randn(*SHAPES[n], dtype=torch.float64) for n in ("x", "a"))
    assert state(a, x).dtype is torch.float64
    found = decide(Comparison(*CASES["state"], SHAPES, {}, entropy=Entropy(1)))
    assert not any("cast" in flag for flag in map(said, found.flags))


def test_narrow_types_are_recorded() -> None:
    found = decide(Comparison(*CASES["accumulated"], SHAPES, {}, entropy=Entropy(1)))
    assert any("complex64" in flag and "test_complex_pairs.py" in flag for flag in map(said, found.flags))


def recurrence(x: Any, decay: Any, b: Any, c: Any) -> Any:
    """A diagonal complex state, as in linear recurrent units: real part of the read-out."""
    state, out = torch.zeros(len(decay), dtype=torch.complex128), []
    for token in x:
        state = pair(decay) * state + pair(b) @ token.to(torch.complex128)
        out.append((pair(c) @ state).real)
    return torch.stack(out)


def kernel(x: Any, decay: Any, b: Any, c: Any, late: int = 0) -> Any:
    """The same by its impulse response."""
    taps = torch.stack([(pair(c) * pair(decay) ** (k + late)) @ pair(b) for k in range(len(x))]).real
    return torch.stack([sum(taps[t - s] @ x[s] for s in range(t + 1)) for t in range(len(x))])


def test_complex_recurrence_is_its_convolution() -> None:
    shapes = {"x": (4, 2), "decay": (3, 2), "b": (3, 2, 2), "c": (2, 3, 2)}
    found = decide(Comparison(recurrence, kernel, shapes, {}, entropy=Entropy(1)))
    assert found.verdict is Verdict.CONFIRMED, found.reason
    late = decide(
        Comparison(recurrence, lambda **data: kernel(**data, late=1), shapes, {}, entropy=Entropy(1)), shrinking=False
    )
    assert late.verdict is Verdict.REFUTED
