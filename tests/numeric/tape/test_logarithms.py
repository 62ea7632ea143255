"""Logarithms in exact arithmetic: each rule against the product it stands for, wrong decays refuted, the rest refused."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
import torch

from numeric.carriers.a_priori import APriori
from numeric.carriers.finite_field import FiniteField
from numeric.carriers.handles import Handles, Rationals, as_fraction
from numeric.carriers.running import Running
from numeric.deciding import polynomial_identity
from numeric.deciding.comparison import Comparison
from numeric.deciding.exact_identity import decide
from numeric.deciding.float_identity import decide as decide_floats
from numeric.deciding.programs import Recorded, WrongResult, rational, run
from numeric.entropy import Entropy
from numeric.finding import Verdict
from numeric.tape.recorder import record
from numeric.tape.refusals import Refused
from numeric.tape.replay import Machine
from reports.said import said

pytestmark = pytest.mark.usefixtures("float64_by_default")

F = torch.nn.functional
P61 = 2305843009213693921
N, D = 4, 3
SHAPES = {"a": (N, D), "x": (N, D)}
MASK = torch.tensor([[True, False, True], [False, False, True], [True, True, False], [False, True, True]])
ROWS = torch.tensor([2, 0, 2])
INF = float("inf")

Program = Callable[..., Any]


def written(target: Any, change: Callable[[Any], Any]) -> Any:
    """The target after a change in place."""
    change(target)
    return target


def segments(a: Any) -> Any:
    """The products of a from j + 1 to i, 0 above the diagonal: what exp(segsum) is."""
    rows = []
    for i in range(N):
        row = [
            torch.stack([a[t] for t in range(j + 1, i + 1)]).prod(0) if j < i else a[i] * 0 + 1 for j in range(i + 1)
        ]
        rows.append(torch.stack(row + [a[i] * 0] * (N - 1 - i)))
    return torch.stack(rows)


TRUE: dict[str, tuple[Program, Program]] = {
    # what it is: (written with logarithms g = log a, written without)
    "exp(log)": (lambda a, x: a.log().exp() * x, lambda a, x: a * x),
    "sum": (lambda a, x: (a.log() + x.log()).exp(), lambda a, x: a * x),
    "difference": (lambda a, x: (a.log() - x.log()).exp() * x, lambda a, x: a + 0 * x),
    "rsub": (lambda a, x: torch.rsub(a.log(), x.log()).exp() * a, lambda a, x: x + 0 * a),
    "negative": (lambda a, x: (-a.log()).exp() * a * x, lambda a, x: x + 0 * a),
    "multiple": (lambda a, x: (3 * a.log() - 2 * x.log()).exp() * x * x, lambda a, x: a**3 + 0 * x),
    "multiples by a tensor": (
        lambda a, x: (a.log() * torch.tensor([0, 1, 2])).exp() * x,
        lambda a, x: torch.stack([x[:, 0], a[:, 1] * x[:, 1], a[:, 2] ** 2 * x[:, 2]], 1),
    ),
    "alpha": (lambda a, x: torch.add(a.log(), x.log(), alpha=2).exp(), lambda a, x: a * x * x),
    "cumsum": (lambda a, x: a.log().cumsum(0).exp() * x, lambda a, x: a.cumprod(0) * x),
    "total": (lambda a, x: a.log().sum(0).exp() * x, lambda a, x: a.prod(0) * x),
    "total of all": (lambda a, x: a.log().sum().exp() * x, lambda a, x: a.prod() * x),
    "double sum": (lambda a, x: a.log().sum((0, 1), keepdim=True).exp() * x, lambda a, x: a.prod() * x),
    "reversed cumsum": (
        lambda a, x: a.log().flip(0).cumsum(0).flip(0).exp() * x,
        lambda a, x: a.flip(0).cumprod(0).flip(0) * x,
    ),
    "padding": (
        lambda a, x: F.pad(a.log(), (0, 0, 1, 0)).cumsum(0).exp()[:-1] * x,
        lambda a, x: torch.cat([torch.ones(1, D), a.cumprod(0)[:-1]]) * x,
    ),
    "triangle": (
        lambda a, x: torch.einsum(
            "ijd,jd->id",
            (a.log().cumsum(0)[:, None] - a.log().cumsum(0)[None]).movedim(2, 0).tril().exp().tril().movedim(0, 2),
            x,
        ),
        lambda a, x: torch.einsum("ijd,jd->id", segments(a), x),
    ),
    "minus infinity": (lambda a, x: a.log().masked_fill(MASK, -INF).exp() * x, lambda a, x: a.masked_fill(MASK, 0) * x),
    "zero": (lambda a, x: a.log().masked_fill(MASK, 0).exp() * x, lambda a, x: a.masked_fill(MASK, 1) * x),
    "where": (lambda a, x: torch.where(MASK, a.log(), 0.0).exp() * x, lambda a, x: torch.where(MASK, a, 1.0) * x),
    "plain mask added": (
        lambda a, x: (a.log() + torch.zeros(N, D).masked_fill(MASK, -INF)).exp() * x,
        lambda a, x: a.masked_fill(MASK, 0) * x,
    ),
    "shifted": (
        lambda a, x: torch.cat([torch.full_like(a.log()[:1], -INF), a.log()[:-1]]).exp() + x,
        lambda a, x: torch.cat([a[:1] * 0, a[:-1]]) + x,
    ),
    "moved": (
        lambda a, x: a.log().roll(1, 0).t().contiguous().t().repeat(2, 1)[:N].unsqueeze(0).expand(2, N, D)[1].exp() * x,
        lambda a, x: a.roll(1, 0) * x,
    ),
    "rows": (lambda a, x: a.log()[ROWS].exp() * x[:3], lambda a, x: a[ROWS] * x[:3]),
    "split": (lambda a, x: a.log().split(2)[1].exp() * x[:2], lambda a, x: a[2:] * x[:2]),
    "zeros filled in parts": (
        lambda a, x: written(torch.zeros(N + 1, D), lambda g: g[1:].copy_(a.log())).exp()[1:] * x,
        lambda a, x: a * x,
    ),
    "what stays zero": (
        lambda a, x: written(torch.zeros(N + 1, D), lambda g: g.__setitem__(slice(1, None), a.log())).exp()[:-1] * x,
        lambda a, x: torch.cat([torch.ones(1, D), a[:-1]]) * x,
    ),
    "empty filled": (
        lambda a, x: written(torch.empty_like(a), lambda g: [g[i].copy_(a[i].log()) for i in range(N)]).exp() * x,
        lambda a, x: a * x,
    ),
    "running total in place": (
        lambda a, x: written(torch.zeros(D), lambda g: [g.add_(a[i].log()) for i in range(N)]).exp() * x,
        lambda a, x: a.prod(0) * x,
    ),
    "log in place": (lambda a, x: written(a.clone(), lambda b: b.log_()).exp() * x, lambda a, x: a * x),
    "exp in place": (lambda a, x: written(a.log(), lambda b: b.exp_()) * x, lambda a, x: a * x),
    "entries put": (
        lambda a, x: written(a.log(), lambda g: g.index_put_((torch.tensor([1]),), x.log()[:1])).exp(),
        lambda a, x: torch.cat([a[:1], x[:1], a[2:]]),
    ),
    "narrow cast": (lambda a, x: a.log().float().exp() * x, lambda a, x: a * x),
    "log1p": (lambda a, x: torch.log1p(a).exp() * x, lambda a, x: (1 + a) * x),
    "expm1": (lambda a, x: torch.expm1(a.log()) * x, lambda a, x: (a - 1) * x),
    "logsumexp": (lambda a, x: torch.logsumexp(a.log(), 0).exp() * x, lambda a, x: a.sum(0) * x),
    "logcumsumexp": (lambda a, x: a.log().logcumsumexp(0).exp() * x, lambda a, x: a.cumsum(0) * x),
    "logaddexp": (lambda a, x: torch.logaddexp(a.log(), x.log()).exp(), lambda a, x: a + x),
    "softmax": (lambda a, x: a.log().softmax(0) * x, lambda a, x: a / a.sum(0) * x),
    "log_softmax": (lambda a, x: a.log().log_softmax(0).exp() * x, lambda a, x: a / a.sum(0) * x),
    "sigmoid": (lambda a, x: a.log().sigmoid() * x, lambda a, x: a / (1 + a) * x),
    "logsigmoid": (lambda a, x: F.logsigmoid(a.log()).exp() * x, lambda a, x: a / (1 + a) * x),
    "gradient": (lambda a, x: gradient(lambda b: ((2 * b.log()).exp() * x).sum(), a), lambda a, x: 2 * a * x),
}


def gradient(loss: Callable[[Any], Any], at: Any) -> Any:
    with torch.enable_grad():
        b = at.detach().requires_grad_()
        return torch.autograd.grad(loss(b), b)[0]


@pytest.mark.parametrize("name", TRUE)
def test_rules_by_residues(name: str) -> None:
    found = decide(Comparison(*TRUE[name], SHAPES, {}, entropy=Entropy(1)))
    assert found.verdict is Verdict.CONFIRMED, found.reason


@pytest.mark.parametrize("name", TRUE)
def test_rules_at_rational_points(name: str) -> None:
    generator = np.random.default_rng(5)
    points = {n: generator.integers(1, 9, s) for n, s in SHAPES.items()}
    inputs = {n: np.vectorize(Fraction, otypes=[object])(p) for n, p in points.items()}
    with_logs, without = (rational(p, inputs)[0] for p in TRUE[name])
    assert (with_logs == without).all()


SUMS = {"logsumexp", "logcumsumexp", "logaddexp", "softmax", "log_softmax", "sigmoid", "logsigmoid"}
"""Rules whose results are divided by sums of data, which no polynomial is."""


@pytest.mark.parametrize("many", [80, 0], ids=["FLINT", "SymEngine"])
@pytest.mark.parametrize(
    "name", [n for n in TRUE if n not in {"softmax", "log_softmax", "sigmoid", "logsigmoid", "gradient"}]
)
def test_rules_by_polynomials(name: str, many: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(polynomial_identity, "_MANY_VARIABLES", many)
    found = polynomial_identity.decide(Comparison(*TRUE[name], SHAPES, {}))
    assert found.verdict is Verdict.CONFIRMED, found.reason


FLOATS = set(TRUE) - SUMS - {"multiples by a tensor", "expm1", "log1p", "narrow cast"}
"""Rules that running bounds follow: sums of logarithms, masks of minus infinity, and their exp."""


@pytest.mark.parametrize("name", sorted(FLOATS))
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_rules_in_floats(name: str, dtype: str) -> None:
    generator = np.random.default_rng(5)
    draws = [{n: generator.uniform(0.1, 2, s) for n, s in SHAPES.items()} for _ in range(3)]
    found = decide_floats(Comparison(*TRUE[name]), draws, dtype=dtype)
    assert found.verdict is Verdict.CONFIRMED, found.reason
    assert float(found.figures["worst error / bound"]) <= 1 and found.figures["outputs not assessable"] == 0


def decayed(a: Any, x: Any) -> Any:
    state, out = torch.zeros(D), []
    for decay, token in zip(a, x, strict=True):
        state = decay * state + token
        out.append(state)
    return torch.stack(out)


def by_ratios(shift: int = 0, sign: int = 1, clip: bool = False) -> Program:
    def program(a: Any, x: Any) -> Any:
        g = sign * a.log().cumsum(0)
        lower = g.roll(shift, 0)
        decay = (g[:, None] - lower[None]).movedim(2, 0).tril(-1 if clip else 0).exp().tril(-1 if clip else 0)
        return torch.einsum("dij,jd->id", decay, x)

    return program


MUTANTS: dict[str, Program] = {
    "decay one step late": by_ratios(shift=1),
    "growth instead of decay": by_ratios(sign=-1),
    "the token itself left out": by_ratios(clip=True),
    "decay by the square": lambda a, x: decayed((2 * a.log()).exp(), x),
    "nothing decays": lambda a, x: decayed((0 * a.log()).exp(), x),
    "a factor of 1 + 2^-40": lambda a, x: decayed(a.log().exp() * (1 + 2.0**-40), x),
}


def test_ratios_of_decays_are_the_recurrence() -> None:
    assert decide(Comparison(by_ratios(), decayed, SHAPES, {}, entropy=Entropy(1))).verdict is Verdict.CONFIRMED


@pytest.mark.parametrize("mutant", MUTANTS)
def test_wrong_decay_is_refuted(mutant: str) -> None:
    shapes = {"a": ("N", D), "x": ("N", D)}
    found = decide(
        Comparison(MUTANTS[mutant], decayed, shapes, {"N": N}, entropy=Entropy(1), admits=lambda s: s["N"] == N)
    )
    assert found.verdict is Verdict.REFUTED
    assert found.counterexample is not None
    assert all(Fraction(v) >= 0 for row in found.counterexample.inputs["a"] for v in row)


REFUSED: dict[str, tuple[Program, str, str]] = {
    # what the code does: (the code, the operation named, a word of the reason)
    "exp of data": (lambda g, x: x.exp(), "exp", "log gate"),
    "data added": (lambda g, x: (g + x).exp(), "add", "gate of its own"),
    "data times": (lambda g, x: (g * x).exp(), "mul", "one log gate"),
    "constant added": (lambda g, x: (g + 0.3).exp(), "add", "exp(0.3)"),
    "half": (lambda g, x: (g * 0.5).exp(), "mul", "a root"),
    "divided": (lambda g, x: (g / 16).exp(), "div", "a root"),
    "high power": (lambda g, x: (g * 1000).exp(), "mul", "above 64"),
    "base two": (lambda g, x: torch.exp2(g), "exp2", "logarithms where it needs numbers"),
    "mean": (lambda g, x: g.mean().exp(), "mean", "logarithms where it needs numbers"),
    "product": (lambda g, x: g @ x.t(), "mm", "logarithms where it needs numbers"),
    "softplus": (lambda g, x: F.softplus(g), "softplus", "logarithms where it needs numbers"),
    "softplus of data": (lambda g, x: F.softplus(x), "softplus", "give the gate"),
    "logsigmoid of data": (lambda g, x: F.logsigmoid(x), "log_sigmoid_forward", "give the gate"),
    "clamp": (lambda g, x: g.clamp(min=-5.0).exp(), "clamp", "piecewise"),
    "maximum": (lambda g, x: (g - g.max()).exp(), "max", "piecewise"),
    "branch": (lambda g, x: x if g[0, 0] > 0 else -x, "_local_scalar_dense", "data-dependent"),
    "item": (lambda g, x: x * g.sum().item(), "_local_scalar_dense", "data-dependent"),
    "as integers": (lambda g, x: g.long(), "_to_copy", "data-dependent"),
    "one tensor for both": (lambda g, x: torch.cat([g, x]), "cat", "data added to a logarithm"),
    "written among numbers": (lambda g, x: written(x * 1, lambda z: z[0].copy_(g[0])), "copy_", "one tensor"),
    "numbers written among them": (lambda g, x: written(g, lambda z: z[0].copy_(x[0])), "copy_", "one tensor"),
    "written beside a number": (
        lambda g, x: written(torch.zeros(2, N, D), lambda z: [z[0].copy_(x), z[1].copy_(g)]),
        "copy_",
        "one tensor",
    ),
    "padded": (lambda g, x: F.pad(g, (1, 1), value=2.0), "constant_pad_nd", "exp(2)"),
    "complex": (lambda g, x: g * 1j, "mul", "complex"),
    "bits": (lambda g, x: g.view(torch.int64) * x, "torch.int64", "can't hold"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_the_rest_is_refused(case: str) -> None:
    code, operation, reason = REFUSED[case]
    carrier = FiniteField(torch.tensor([P61]))
    a, x = (carrier.lift(torch.full((N, D), v, dtype=torch.float64)) for v in (2.0, 3.0))
    with pytest.raises(Refused) as caught:
        run(Recorded(lambda a, x: code(a.log(), x), positive=("a",)), carrier, {"a": a, "x": x})
    assert operation in caught.value.operation and reason in said(caught.value.reason)
    assert "test_logarithms.py" in caught.value.where


def test_minus_infinity_is_not_subtracted() -> None:
    def program(a: Any, x: Any) -> Any:
        g = a.log().masked_fill(MASK, -INF)
        return (x.log() - g).exp()

    assert decide(Comparison(program, program, SHAPES, {}, entropy=Entropy(1))).verdict is Verdict.UNDECIDED


def test_a_logarithm_is_no_result() -> None:
    carrier = FiniteField(torch.tensor([P61]))
    with pytest.raises(WrongResult, match="logarithm"):
        run(lambda a: a.log(), carrier, {"a": carrier.lift(torch.ones(2))})


def test_negative_numbers_have_none() -> None:
    point = {"a": np.array([Fraction(-2)], dtype=object)}
    with pytest.raises(ZeroDivisionError, match="negative"):
        rational(lambda a: a.log().exp(), point)
    point["a"][0] = Fraction(0)
    assert rational(lambda a: a.log().exp(), point)[0][0] == 0


def test_order_is_that_of_the_numbers_held() -> None:
    carrier = Handles(Rationals())
    a = carrier.lift(torch.tensor([0.5, 1.0, 2.0]))

    def below(a: Any) -> Any:
        return torch.where(a.log() < 0, a, 0 * a)

    def later(a: Any) -> Any:
        return torch.where(a.log() >= a.log().flip(0), a, 0 * a)

    found = [
        [float(as_fraction(v)) for v in carrier.get(run(Recorded(p, ("a",)), carrier, {"a": a}))]
        for p in (below, later)
    ]
    assert found == [[0.5, 0, 0], [0, 1, 2]]


def test_logarithms_of_constants_stay_constants() -> None:
    def program(x: Any) -> Any:
        return torch.log(torch.full((), 2.0)) * x

    found = decide(Comparison(program, lambda x: float(np.log(2.0)) * x, {"x": (2,)}, {}, entropy=Entropy(1)))
    assert found.verdict is Verdict.CONFIRMED and "constant" in said(found.flags[0])


def function_of(function: Callable[..., Any]) -> Callable[..., Any]:
    return lambda x: function(x)


@pytest.mark.parametrize("function", [torch.exp, torch.log])
def test_running_bounds_hold_against_many_digits(function: Callable[..., Any]) -> None:
    """exp and log with an error in their argument: the exact value lies within the bound."""
    import mpmath

    carrier = Running()
    points = torch.tensor([1e-300, 1e-8, 0.1, 1.0, 3.0, 50.0, 700.0])
    error = points * 2.0**-40
    points = points.double()
    tape, _ = record(function_of(function), {"x": points})
    out = Machine(tape, carrier).run({"x": (points[None], error.double()[None])}, {"x": points[None]})
    value, bound = (p[0] for p in (out.parts[0], carrier.bound(out.parts)))
    exact = {torch.exp: mpmath.exp, torch.log: mpmath.log}[function]
    with mpmath.workdps(60):
        for held, e, x, slack in zip(value.tolist(), bound.tolist(), points.tolist(), error.tolist(), strict=True):
            for end in (mpmath.mpf(x) - slack, mpmath.mpf(x) + slack):
                assert abs(exact(end) - mpmath.mpf(held)) <= e
            assert e < 1 or abs(held) > 1


def test_minus_infinity_by_overflow_has_no_bound() -> None:
    """As a constant of the code it masks; as the sum of two large numbers it says nothing."""
    carrier = Running()
    x = torch.tensor([-1.7e308, 1.0], dtype=torch.float64)

    def found(program: Any) -> Any:
        return Machine(record(program, {"x": x})[0], carrier).run({"x": carrier.inputs(x[None])}, {"x": x[None]}).parts

    overflown = found(lambda x: (x + x).exp())
    masked = found(lambda x: x.masked_fill(torch.tensor([True, False]), -INF).add(1.0).exp())
    assert carrier.bound(overflown)[0, 0] > 1 or not torch.isfinite(carrier.bound(overflown)[0, 0])
    assert masked[0][0, 0] == 0 and carrier.bound(masked)[0, 0] < 1e-300


def test_no_a_priori_bound() -> None:
    carrier = APriori()
    with pytest.raises(Refused, match="no a-priori rounding bound"):
        run(Recorded(lambda x: x.log(), ("x",)), carrier, {"x": carrier.inputs(torch.ones(1, 2, dtype=torch.float64))})


def segment_sums(g: Any) -> Any:
    """Sums of g from j + 1 to i, minus infinity above the diagonal, as state-space duality writes them."""
    size = g.shape[-1]
    below, on = (torch.ones(size, size, dtype=torch.bool).tril(k) for k in (-1, 0))
    return g[..., None].expand(*g.shape, size).masked_fill(~below, 0).cumsum(-2).masked_fill(~on, -INF)


def dual(a: Any, x: Any, b: Any, c: Any, chunk: int = 2) -> Any:
    """Chunked state-space duality with one decay a token: a (T,), x (T, p), b and c (T, n)."""
    g, x, b, c = (t.reshape(len(t) // chunk, chunk, *t.shape[1:]) for t in (a.log(), x, b, c))
    total = g.cumsum(-1)
    inside = torch.einsum("zln,zsn,zls,zsp->zlp", c, b, segment_sums(g).exp(), x)
    states = torch.einsum("zln,zl,zlp->zpn", b, (total[:, -1:] - total).exp(), x)
    states = torch.cat([torch.zeros_like(states[:1]), states])
    between = segment_sums(F.pad(total[:, -1], (1, 0))).exp()
    states = torch.einsum("zy,ypn->zpn", between, states)[:-1]
    return (inside + torch.einsum("zln,zpn,zl->zlp", c, states, total.exp())).flatten(0, 1)


def recurrent(a: Any, x: Any, b: Any, c: Any, late: bool = False) -> Any:
    state, out = torch.zeros(x.shape[1], b.shape[1]), []
    for t in range(len(a)):
        state = a[t] * (state + torch.outer(x[t], b[t])) if late else a[t] * state + torch.outer(x[t], b[t])
        out.append(state @ c[t])
    return torch.stack(out)


def test_state_space_duality() -> None:
    shapes = {"a": (6,), "x": (6, 2), "b": (6, 3), "c": (6, 3)}
    for chunk in (2, 3):
        found = decide(
            Comparison(lambda chunk=chunk, **data: dual(**data, chunk=chunk), recurrent, shapes, {}, entropy=Entropy(1))
        )
        assert found.verdict is Verdict.CONFIRMED, found.reason
    wrong = decide(
        Comparison(dual, lambda **data: recurrent(**data, late=True), shapes, {}, entropy=Entropy(1)), shrinking=False
    )
    assert wrong.verdict is Verdict.REFUTED
    generator = np.random.default_rng(2)
    found = decide_floats(Comparison(dual, recurrent), [{n: generator.uniform(0.3, 1, s) for n, s in shapes.items()}])
    assert found.verdict is Verdict.CONFIRMED, found.reason
