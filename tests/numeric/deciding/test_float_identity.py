"""The sampled rung on a layer, its learner, and everything that can be wrong with a layer."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from numeric.carriers.a_priori import APriori
from numeric.deciding import backends, float_identity, strategies
from numeric.deciding.comparison import Comparison
from numeric.deciding.float_comparison import Floats, Tally
from numeric.deciding.programs import concrete, recorded, replayed
from numeric.deciding.strategies import PROBLEM
from numeric.entropy import Entropy
from numeric.finding import Finding, Flag, Verdict
from numeric.tape.notes import Written
from reports.said import said

SIZES = {"N": 5, "f": 3, "m": 3}


def spec(X: Tensor, Y: Tensor, x_q: Tensor, W0: Tensor, eta: Tensor) -> Tensor:
    """One step of gradient descent by autograd."""
    with torch.enable_grad():
        leaf = W0.detach().requires_grad_()
        (gradient,) = torch.autograd.grad(((X @ leaf.t() - Y) ** 2).sum() / (2 * len(X)), leaf)
    return (W0 - eta * gradient) @ x_q


def layer(
    X: Any,
    Y: Any,
    x_q: Any,
    W0: Any,
    eta: Any,
    *,
    sign: int = 1,
    count: float = 0,
    skip: int = 0,
    shift: int = 0,
    transposed: bool = False,
    query: bool = False,
    start: bool = True,
    decay: float = 1.0,
    over: float | None = None,
    change: Callable[[Any], Any] = lambda S: S,
) -> Any:
    """The same as a recurrence; numpy or torch. The options are the mutants."""
    N = X.shape[0]
    state = 0 * W0
    for i in range(N - skip):
        x, y = X[(i + shift) % N, :], Y[i, :]
        r = (y - W0 @ x) if start else y
        state = decay * state + (x[:, None] * r[None, :] if transposed else r[:, None] * x[None, :])
    if query:
        state = state + (x_q - W0 @ x_q)[:, None] * x_q[None, :]
    return W0 @ x_q + sign * eta / ((over or N) + count) * (change(state) @ x_q)


def mutant(**options: Any) -> Callable[..., Any]:
    return lambda **inputs: layer(**inputs, **options)


def cast(S: Tensor) -> Tensor:
    return S.float().to(S.dtype)


REFUTED = {
    "sign": mutant(sign=-1),
    "window off by one": mutant(shift=1),
    "eta over P": mutant(over=3),
    "last token missing": mutant(skip=1),
    "transposed outer product": mutant(transposed=True),
    "query in the context": mutant(query=True),
    "W0 term missing": mutant(start=False),
    "decay 1 - 2^-30": mutant(decay=1 - 2.0**-30),
    "N + 1e-8": mutant(count=1e-8),
    "float32 cast": mutant(change=cast),
}
ROUNDING_ONLY = {"float32 cast"}


def draws(
    seed: int = 0, dtype: str = "float64", flavours: Any = tuple(strategies.FLAVOURS)
) -> list[dict[str, np.ndarray]]:
    generator = np.random.default_rng(seed)
    return [strategies.draw(f, SIZES, PROBLEM, generator, dtype=dtype) for f in flavours]


def check(left: Callable[..., Any], **options: Any) -> Finding:
    return float_identity.check(
        Comparison(left, spec, PROBLEM, SIZES, entropy=Entropy(5), names=("layer", "GD")), numpy=False, **options
    )


def figures(finding: Finding, word: str) -> list[float]:
    return [float(v) for name, v in finding.figures.items() if word in name and isinstance(v, (int, float))]


def test_true_identity_is_confirmed_in_both_precisions() -> None:
    finding = check(layer, thorough=True)
    assert finding.verdict is Verdict.CONFIRMED, finding.reason
    assert finding.settings["backends"] == ["torch cpu, float64", "torch cpu, float32"]
    assert 0 < max(figures(finding, "worst error / bound")) <= 1
    assert max(figures(finding, "ratio of bounds, max")) < float_identity.RATIO
    assert min(figures(finding, "outputs assessed")) > 0
    (gap,) = figures(finding, "error(float32) / error(float64)")
    # both errors are rounding errors, so their ratio is near that of the units; 2^29 up to a factor of a thousand
    assert 2.0**19 < gap < 2.0**39
    assert finding.trust and not finding.counterexample and "inf" not in map(str, finding.figures.values())


@pytest.mark.parametrize("name", REFUTED)
def test_mutant_is_refuted(name: str) -> None:
    finding = check(REFUTED[name])
    assert finding.verdict is Verdict.REFUTED, finding
    found = finding.counterexample
    assert found is not None and found.left != found.right
    point = {n: np.array(_floats(v)) for n, v in found.inputs.items()}
    # the counterexample, pasted, refutes again
    again = float_identity.decide(Comparison(REFUTED[name], spec), [point], shrinking=False)
    assert again.verdict is Verdict.REFUTED
    if name in ROUNDING_ONLY:
        assert "in exact arithmetic they agree" in said(finding.reason)
        assert any(
            "cast to torch.float32" in flag and "test_float_identity.py:" in flag for flag in map(said, finding.flags)
        )
        assert all(n <= 2 for n in found.sizes.values())
    else:
        assert "exact arithmetic has them differ" in said(finding.reason)
        assert all(Fraction(v).denominator == 1 for v in _flat(list(found.inputs.values())))


def _floats(nested: Any) -> Any:
    return [_floats(v) for v in nested] if isinstance(nested, list) else float(Fraction(nested))


def _flat(nested: Any) -> list[Any]:
    return [w for v in nested for w in _flat(v)] if isinstance(nested, list) else [nested]


def test_unstable_mutant_is_undecided_by_the_ratio_of_bounds() -> None:
    finding = check(mutant(change=lambda S: (S + 1e12) - 1e12))
    assert finding.verdict is Verdict.UNDECIDED
    assert "numerically unstable" in said(finding.reason) and "within its own rounding bound" in said(finding.reason)
    (largest,) = figures(finding, "ratio of bounds, max")
    (median,) = figures(finding, "ratio of bounds, median")
    assert largest >= median > 1e9


def test_piecewise_mutants_are_undecided_by_name() -> None:
    finding = check(mutant(change=lambda S: S.clamp(-1e6, 1e6)))
    assert finding.verdict is Verdict.UNDECIDED
    assert "aten.clamp" in said(finding.reason) and "test_float_identity.py:" in said(finding.reason)
    assert "layer" in said(finding.reason) and "piecewise" in said(finding.reason)


def test_a_branch_on_data_is_followed_at_each_point() -> None:
    finding = check(mutant(change=lambda S: 2 * S if S.max() > 1e6 else S))
    assert finding.verdict is Verdict.REFUTED


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_numpy_runs_the_same_functions(dtype: str) -> None:
    moments = lambda X, Y, x_q, W0, eta: W0 @ x_q + (eta / X.shape[0]) * ((Y.T @ X - W0 @ (X.T @ X)) @ x_q)  # noqa: E731
    finding = float_identity.decide(Comparison(layer, moments), draws(dtype=dtype), backend="numpy", dtype=dtype)
    assert finding.verdict is Verdict.CONFIRMED, finding.reason
    assert "a-priori" in " ".join(map(said, finding.trust)) and "running and" not in " ".join(map(said, finding.trust))
    wrong = float_identity.decide(
        Comparison(mutant(skip=1), moments, shapes=PROBLEM), draws(dtype=dtype), backend="numpy", dtype=dtype
    )
    assert wrong.verdict is Verdict.REFUTED and wrong.counterexample is not None
    assert wrong.counterexample.sizes["N"] == 1


def test_torch_only_functions_say_so_on_numpy() -> None:
    finding = float_identity.decide(Comparison(layer, spec), draws(), backend="numpy")
    assert finding.verdict is Verdict.UNDECIDED and said(finding.reason).startswith("right raised")


def test_cuda_without_a_device_is_not_run() -> None:
    if torch.cuda.is_available():
        pytest.skip("there is a CUDA device")
    finding = float_identity.decide(Comparison(layer, spec), draws(), backend="torch cuda")
    assert finding.verdict is Verdict.NOT_RUN and "CUDA" in said(finding.reason)
    whole = check(layer, device="cuda")
    assert whole.verdict is Verdict.NOT_RUN and "CUDA" in said(whole.reason)
    assert check(layer, device="auto").verdict is Verdict.CONFIRMED


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_cuda_within_the_a_priori_bound(dtype: str) -> None:
    finding = float_identity.decide(Comparison(layer, spec), draws(dtype=dtype), backend="torch cuda", dtype=dtype)
    assert finding.verdict is Verdict.CONFIRMED, finding.reason


def test_tf32_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    before = torch.backends.cuda.matmul.allow_tf32
    try:
        torch.backends.cuda.matmul.allow_tf32 = True
        assert "TF32" in backends.unusable("torch cuda", "float32")
        assert "TF32" in backends.reduced("convolution", "torch cuda", "float32") or not torch.backends.cudnn.allow_tf32
        assert not backends.reduced("matmul", "torch cuda", "float64")
    finally:
        torch.backends.cuda.matmul.allow_tf32 = before


def test_reduced_precision_on_cpu_is_refused() -> None:
    before = torch.get_float32_matmul_precision()
    try:
        torch.set_float32_matmul_precision("medium")
        finding = float_identity.decide(Comparison(layer, spec), draws(dtype="float32"), dtype="float32")
        assert finding.verdict is Verdict.NOT_RUN and "highest" in said(finding.reason)
    finally:
        torch.set_float32_matmul_precision(before)


def test_flushing_subnormals_is_refused() -> None:
    if not torch.set_flush_denormal(True):
        pytest.skip("this processor can't flush subnormal numbers")
    try:
        for backend in ("torch cpu", "numpy"):
            assert "subnormal" in backends.unusable(backend, "float64")
    finally:
        torch.set_flush_denormal(False)


def test_nothing_assessable_is_undecided() -> None:
    huge = {n: np.full_like(a, 1e300) for n, a in draws()[0].items()}
    finding = float_identity.decide(Comparison(layer, spec), [huge])
    assert finding.verdict is Verdict.UNDECIDED and "nothing could be assessed" in said(finding.reason)
    assert finding.figures["outputs assessed"] == 0
    assert float_identity.decide(Comparison(layer, spec), []).verdict is Verdict.UNDECIDED


def test_shapes_must_agree() -> None:
    finding = float_identity.decide(Comparison(lambda **d: layer(**d)[:2], spec), draws(), shrinking=False)
    assert (
        finding.verdict is Verdict.REFUTED and "shape (2,)" in said(finding.reason) and "(3,)" in said(finding.reason)
    )


@pytest.mark.parametrize(
    ("program", "word"),
    [
        (lambda **d: 1 // 0, "ZeroDivisionError"),
        (lambda **d: None, "returned NoneType"),
        (lambda **d: (spec(**d), spec(**d)), "returned tuple"),
        (lambda **d: spec(**d) > 0, "returned Tensor"),
        (lambda X, **d: X.numpy() @ X.numpy().T, "can't be followed"),
    ],
)
def test_failing_code_is_undecided_with_its_reason(program: Callable[..., Any], word: str) -> None:
    finding = float_identity.decide(Comparison(program, spec), draws())
    assert finding.verdict is Verdict.UNDECIDED and word in said(finding.reason) and "left" in said(finding.reason)


def test_randomness_is_refused() -> None:
    finding = float_identity.decide(Comparison(lambda **d: spec(**d) + 0 * torch.randn(3), spec), draws())
    assert finding.verdict is Verdict.UNDECIDED and "random" in said(finding.reason)


def test_writing_to_an_input_is_reported() -> None:
    def greedy(X: Tensor, Y: Tensor, x_q: Tensor, W0: Tensor, eta: Tensor) -> Tensor:
        out = layer(X, Y, x_q, W0, eta)
        X *= 2
        return out

    problem = draws(flavours=("gaussian",))
    kept = problem[0]["X"].copy()
    finding = float_identity.decide(Comparison(greedy, spec), problem)
    assert finding.verdict is Verdict.CONFIRMED and Flag(Written("X"), "left") in finding.flags
    assert (problem[0]["X"] == kept).all()


def test_division_by_data_is_bounded_on_torch_and_flagged_elsewhere() -> None:
    shapes = {"X": ("N", "f"), "a": ()}

    def left(X: Any, a: Any) -> Any:
        return (X / a).sum(0)

    def right(X: Any, a: Any) -> Any:
        return X.sum(0) / a

    finding = float_identity.check(
        Comparison(left, right, shapes, {"N": 4, "f": 2}, entropy=Entropy(1)), positive=("a",)
    )
    assert finding.verdict is Verdict.CONFIRMED, finding.reason
    assert any("numpy" in flag and "division by data" in flag for flag in map(said, finding.flags))
    assert finding.settings["backends"] == ["torch cpu, float64", "torch cpu, float32"]


def test_constants_are_flagged() -> None:
    finding = float_identity.decide(Comparison(lambda **d: 0.1 * spec(**d), lambda **d: spec(**d) * 0.1), draws())
    assert finding.verdict is Verdict.CONFIRMED and any("0.1 at" in flag for flag in map(said, finding.flags))


def test_same_seed_same_finding() -> None:
    one, two = check(layer), check(layer)
    assert one.figures == two.figures and one.settings == two.settings
    bad = [check(REFUTED["float32 cast"]) for _ in range(2)]
    assert bad[0].counterexample is not None and bad[1].counterexample is not None
    assert bad[0].counterexample.to_json() == bad[1].counterexample.to_json()


def test_the_comparison_is_exact() -> None:
    """A difference above the sum of bounds by less than a rounding error is seen, and equality passes."""
    engine = Floats(Comparison(spec, spec), "torch cpu", "float64", {})
    tally = Tally()
    one, tiny = np.array([1.0]), 2.0**-60
    yes = np.array([True])
    assert engine._compare(one, np.array([1 + 2.0**-52]), np.array([2.0**-52]), np.array([0.0]), yes, tally) is None
    below = np.array([2.0**-52 - 2.0**-105])
    wrong = engine._compare(one, np.array([1 + 2.0**-52]), below, np.array([0.0]), yes, tally)
    assert wrong is not None and wrong.place == (0,)
    # 1 - (-tiny) rounds to 1, yet it is larger than the bound 1
    assert engine._compare(one, np.array([-tiny]), one, np.array([0.0]), yes, tally) is not None
    assert engine._compare(one, np.array([tiny]), one, np.array([0.0]), yes, tally) is None
    assert engine._compare(np.array([1e308]), np.array([-1e308]), np.array([1e308]), np.array([9e307]), yes, tally)


def bounds_together_and_apart(drawn: list[dict[str, Any]], dtype: str) -> list[tuple[Any, Any]]:
    """A-priori bounds and conditions of both sides, from one replay for all draws and from one each."""
    together, apart = (Floats(Comparison(layer, spec).recorded(), "torch cpu", dtype, {}, ()) for _ in range(2))
    together.foresee(drawn)
    assert all(together.cache[side, "a-priori", dtype] for side in ("left", "right"))
    found = []
    for k, inputs in enumerate(drawn):
        for engine in (together, apart):
            assert engine.assess(inputs, Tally(), key=k) is None
        for side in ("left", "right"):
            one, other = (engine.cache[side, dtype, k] for engine in (together, apart))
            found += [(one.a_priori, other.a_priori), (one.condition, other.condition)]
    return found


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_bounds_of_all_draws_are_those_of_each(dtype: str) -> None:
    """On small integers, whose sums have no rounding whatever their order, the same bits."""
    generator = np.random.default_rng(3)
    shapes = concrete(PROBLEM, SIZES | {"N": 4})  # by which a division is exact
    drawn = [{n: generator.integers(-3, 4, s).astype(float) for n, s in shapes.items()} for _ in range(8)]
    for together, apart in bounds_together_and_apart(drawn, dtype):
        np.testing.assert_array_equal(together, apart)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_bounds_of_all_flavours_are_those_of_each(dtype: str) -> None:
    """Up to the order of a kernel's sums: each is within the slack (6 n + 9) u that `APriori.bound` derives for its own
    rounding, for n operations on the way to an output; two of them are apart by at most twice that."""
    drawn = [
        {
            n: np.asarray(a, dtype=dtype).astype(float)
            for n, a in strategies.draw(f, SIZES, PROBLEM, np.random.default_rng(3), dtype=dtype).items()
        }
        for f in strategies.FLAVOURS
    ]
    carrier, shapes = APriori(backends.DTYPES[dtype]), concrete(PROBLEM, SIZES)
    given = {name: carrier.inputs(torch.tensor(drawn[0][name])[None].to(carrier.precision)) for name in shapes}
    count = max(
        int(replayed(recorded(side).at(shapes, carrier.precision), carrier, given)[0].max()) for side in (layer, spec)
    )
    own = (6 * count + 9) * 2.0**-53
    for together, apart in bounds_together_and_apart(drawn, dtype):
        np.testing.assert_allclose(together, apart, rtol=2 * own / (1 - own), atol=0)


def divided(a: Any, b: Any, *, wrong: float = 0.0) -> Any:
    """A product of quotients by data, which leaves the running bound alone."""
    return ((a / b) @ (a / b)) * (b + wrong)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("program", [divided, lambda a, b: (a @ a) * b], ids=["divided", "polynomial"])
def test_running_bounds_of_all_draws_are_those_of_each(program: Any, dtype: str) -> None:
    """Value and bound, and the loose measure where there is no a-priori bound, on powers of two: the same bits."""
    generator = np.random.default_rng(5)
    drawn = [{n: 2.0 ** generator.integers(-3, 4, (3, 3)) for n in ("a", "b")} for _ in range(5)]
    together, apart = (Floats(Comparison(program, program).recorded(), "torch cpu", dtype, {}) for _ in range(2))
    together.foresee(drawn)
    assert all((side, "running", dtype, k) in together.cache for side in ("left", "right") for k in range(5))
    for k, inputs in enumerate(drawn):
        for engine in (together, apart):
            assert engine.assess(inputs, Tally(), key=k) is None
        for side in ("left", "right"):
            one, other = (engine.cache[side, dtype, k] for engine in (together, apart))
            np.testing.assert_array_equal(one.value, other.value)
            np.testing.assert_array_equal(one.running, other.running)
            if program is divided:
                loose = [engine.cache[side, "loose", dtype, k] for engine in (together, apart)]
                np.testing.assert_array_equal(*loose)
                assert str(one.refusal) == str(other.refusal)


def test_a_wrong_side_is_refuted_at_any_of_the_draws_followed_together() -> None:
    """The first draw is a root of what is wrong; the true side beside it is confirmed."""
    drawn = [{n: np.random.default_rng(k).random((3, 3)) + 1 for n in ("a", "b")} for k in range(5)]

    def late(a: Any, b: Any) -> Any:
        return divided(a, b, wrong=(a - drawn[0]["a"][0, 0])[0, 0] * (b - drawn[1]["b"][0, 0])[0, 0] * 1e-9)

    assert float_identity.decide(Comparison(divided, divided), drawn).verdict is Verdict.CONFIRMED
    assert float_identity.decide(Comparison(late, divided), drawn[:1]).verdict is Verdict.CONFIRMED
    assert float_identity.decide(Comparison(late, divided), drawn).verdict is Verdict.REFUTED


def test_draws_of_different_shapes_are_bounded_one_by_one() -> None:
    drawn = [strategies.draw("gaussian", SIZES | {"N": n}, PROBLEM, np.random.default_rng(n)) for n in (2, 3)]
    assert float_identity.decide(Comparison(layer, spec), drawn).verdict is Verdict.CONFIRMED


def test_unknown_backend() -> None:
    with pytest.raises(ValueError, match="torch cpu, numpy, torch cuda"):
        float_identity.decide(Comparison(layer, spec), draws(), backend="tpu")


def test_draws_that_are_not_followed_have_the_a_priori_bound_alone() -> None:
    draws = [strategies.draw("gaussian", SIZES, PROBLEM, np.random.default_rng(seed)) for seed in (1, 2)]
    found = {
        name: float_identity.decide(Comparison(layer, spec), draws, followed=followed)
        for name, followed in (("all", None), ("first", {0}), ("none", ()))
    }
    assert {f.verdict for f in found.values()} == {Verdict.CONFIRMED}
    for name, bounds in (("first", {"a-priori", "running"}), ("none", {"a-priori"})):
        assert {
            b for b in ("a-priori", "running") if any(f"the {b} rounding" in t for t in map(said, found[name].trust))
        } == bounds
    sharpest, loosest = (found[name].figures["worst error / bound"] for name in ("all", "none"))
    assert isinstance(sharpest, float) and isinstance(loosest, float) and 0 < loosest <= sharpest < 1


def test_a_draw_is_followed_where_the_a_priori_bound_is_missing() -> None:
    def divided(x: Any, y: Any) -> Any:
        return (x / y) * 3

    draws = [{"x": np.array([1.0, 2.0]), "y": np.array([3.0, 7.0])}]
    found = float_identity.decide(Comparison(divided, lambda x, y: 3 * x / y), draws, followed=())
    assert found.verdict is Verdict.CONFIRMED and "the running rounding" in said(found.trust[-1])


@pytest.mark.parametrize(
    ("thorough", "draws"), [(False, {"float64": 8, "float32": 5}), (True, {"float64": 80, "float32": 80})]
)
def test_how_many_draws_are_made(thorough: bool, draws: dict[str, int]) -> None:
    shapes = {"x": (2,)}
    found = float_identity.check(
        Comparison(lambda x: x + x, lambda x: 2 * x, shapes, {}, entropy=Entropy(1)), thorough=thorough
    )
    assert {dtype: found.figures[f"numpy, {dtype}: draws"] for dtype in draws} == draws
