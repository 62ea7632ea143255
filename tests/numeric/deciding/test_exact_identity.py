"""The exact rung: true identities confirmed, planted bugs refuted, and a failure probability that is computed."""

import math
import random

import pytest
import torch

from numeric.carriers.degree import Degree
from numeric.deciding.comparison import Comparison
from numeric.deciding.exact_identity import Chance, bounds, decide
from numeric.deciding.programs import concrete
from numeric.entropy import Entropy
from numeric.finding import Verdict
from reports.said import pasted, said

SHAPES = {"X": ("N", "f"), "Y": ("N", "m"), "q": ("f",), "eta": ()}
SIZES = {"f": 3, "m": 2, "N": 4}


def loop(X, Y, q, eta):
    state = X.new_zeros(Y.shape[1], X.shape[1])
    for x, y in zip(X, Y, strict=True):
        state += torch.outer(y, x)
    return eta / X.shape[0] * state @ q


def autograd(X, Y, q, eta):
    W = X.new_zeros(Y.shape[1], X.shape[1]).requires_grad_()
    with torch.enable_grad():
        (g,) = torch.autograd.grad(((X @ W.T - Y) ** 2).sum() / (2 * len(X)), W)
    return -eta * g @ q


def find(left, right=autograd, shapes=SHAPES, sizes=SIZES, **options):
    return decide(Comparison(left, right, shapes, sizes, entropy=Entropy(1)), **options)


def test_a_true_identity_is_confirmed_with_its_probability():
    found = find(loop)
    assert found.verdict is Verdict.CONFIRMED
    assert found.figures["failure probability, log2"] <= -100
    assert found.figures["degree"] == 4
    assert found.counterexample is None
    assert found.trust


@pytest.mark.parametrize(
    "wrong",
    [
        lambda X, Y, q, eta: -loop(X, Y, q, eta),
        lambda X, Y, q, eta: loop(X, Y, q, eta) * X.shape[0] / X.shape[1],
        lambda X, Y, q, eta: loop(X[:-1], Y[:-1], q, eta * (1 - 1 / X.shape[0])),
        lambda X, Y, q, eta: loop(X, Y, q, eta * (1 - 2.0**-50)),
        lambda X, Y, q, eta: loop(X, Y, q, eta) + 2147483629 * q.sum(),
        lambda X, Y, q, eta: loop(X.flip(0), Y, q, eta),
    ],
)
def test_bugs_are_refuted_with_numbers_to_paste(wrong):
    found = find(wrong)
    assert found.verdict is Verdict.REFUTED
    assert found.counterexample is not None
    scope = {}
    exec("\n".join(line for line in pasted(found.counterexample) if not line.startswith("#")), scope)
    inputs = {name: torch.tensor(scope[name], dtype=torch.float64) for name in SHAPES}
    assert not torch.equal(wrong(**inputs), autograd(**inputs))


def test_the_counterexample_is_the_smallest():
    found = find(lambda X, Y, q, eta: -loop(X, Y, q, eta)).counterexample
    assert dict(found.sizes) == {"f": 1, "m": 1, "N": 1}
    assert dict(found.inputs) == {"X": [["1"]], "Y": [["1"]], "q": ["1"], "eta": "1"}
    assert (found.left, found.right) == (["-1"], ["1"])


def test_a_fixed_public_prime_would_miss_what_a_random_one_sees():
    p = 2147483629

    def wrong(x):
        return x + p * x**2

    assert decide(Comparison(wrong, lambda x: x, {"x": ()}, {}, entropy=Entropy(1))).verdict is Verdict.REFUTED
    assert bounds(wrong, {"x": ()}).height_log2 > math.log2(p)


def test_shapes_that_differ_are_refuted():
    found = find(lambda X, Y, q, eta: loop(X, Y, q, eta)[:1])
    assert found.verdict is Verdict.REFUTED
    assert "shape" in said(found.reason)


def test_a_rational_function_is_decided_with_its_divisors_counted():
    shapes = {"a": ("n",), "b": ("n",)}

    def left(a, b):
        return (a / b).cumsum(0)

    def right(a, b):
        return torch.stack([sum(a[i] / b[i] for i in range(t + 1)) for t in range(len(a))])

    found = decide(Comparison(left, right, shapes, {"n": 4}, entropy=Entropy(1)))
    assert found.verdict is Verdict.CONFIRMED
    assert found.figures["degree of divisors"] > 0
    wrong = decide(Comparison(left, lambda a, b: right(a, b) + 1, shapes, {"n": 4}, entropy=Entropy(1)))
    assert wrong.verdict is Verdict.REFUTED


def test_a_divisor_that_is_zero_is_undecided():
    found = decide(Comparison(lambda x: x / (x - x), lambda x: x, {"x": ()}, {}, entropy=Entropy(1)))
    assert found.verdict is not Verdict.CONFIRMED


@pytest.mark.parametrize(
    ("wrong", "name"),
    [
        (lambda X, Y, q, eta: loop(X, Y, q, eta).clamp(-1e6, 1e6), "aten.clamp"),
        (lambda X, Y, q, eta: loop(X, Y, q, eta) * (2 if X.max() > 1e6 else 1), "aten._local_scalar_dense"),
    ],
)
def test_code_with_an_order_is_refuted_at_rational_points(wrong, name):
    found = find(wrong)
    assert found.verdict is Verdict.REFUTED
    assert name in said(found.reason)
    assert "test_exact_identity.py" in said(found.reason)


def test_code_outside_rational_functions_is_undecided_with_the_line():
    found = find(lambda X, Y, q, eta: loop(torch.tanh(X), Y, q, eta))
    assert found.verdict is Verdict.UNDECIDED
    assert "aten.tanh.default at" in said(found.reason)
    assert "transcendental" in said(found.reason)


def test_a_true_piecewise_identity_stays_undecided():
    found = find(lambda X, Y, q, eta: loop(torch.maximum(X, X), Y, q, eta))
    assert found.verdict is Verdict.UNDECIDED
    assert "no difference at rational points" in said(found.reason)


def test_a_cast_is_flagged():
    found = find(lambda X, Y, q, eta: loop(X.float().double(), Y, q, eta))
    assert found.verdict is Verdict.CONFIRMED
    assert any("float32" in flag and "test_exact_identity.py" in flag for flag in map(said, found.flags))


def test_code_that_changes_from_call_to_call_is_undecided():
    calls = []

    def changing(X, Y, q, eta):
        calls.append(1)
        out = loop(X, Y, q, eta)
        return out + 0 * out if len(calls) % 2 else out

    found = find(changing)
    assert found.verdict is Verdict.UNDECIDED
    assert "call to call" in said(found.reason)


def test_the_degree_bound_is_the_degree():
    """Interpolation on a random line shows the degree that is there; the bound may not be below it."""
    rng = random.Random(0)
    here = concrete(SHAPES, SIZES)
    claimed = bounds(loop, here).numerator
    start, slope = (
        {n: torch.tensor([rng.randrange(-9, 9) for _ in range(math.prod(s))]).reshape(s) for n, s in here.items()}
        for _ in range(2)
    )
    values = [int((4 * loop(**{n: (start[n] + t * slope[n]).double() for n in here}))[0]) for t in range(claimed + 2)]
    for _ in range(claimed):
        values = [b - a for a, b in zip(values, values[1:], strict=False)]
    assert values[0] == values[1] != 0


def test_a_trial_with_more_bits_fails_less():
    assert Chance(61, 10, 20, 0).log2 < Chance(31, 10, 20, 0).log2 < 0
    assert Chance(31, 2**40, 20, 0).log2 == 0
    assert Chance(31, 0, 0, 0).log2 == -math.inf


def towers(steps):
    def program(x):
        for _ in range(steps):
            x = (x * 0.5) ** (1 << 30)
        return x

    return program


def divided(X, prior):
    P = torch.eye(2, dtype=torch.float64) / prior
    for x in X:
        k = P @ x / (1 + x @ P @ x)
        P = P - torch.outer(k, x @ P)
    return P


@pytest.mark.parametrize("steps", [3, 40])
def test_bounds_beyond_every_prime_are_undecided_with_them(steps):
    """Degree 2^(30 steps), beyond the largest float where there are many steps."""
    found = find(towers(steps), towers(steps), {"x": (2,)}, {})
    assert found.verdict is Verdict.UNDECIDED and "too weak" in said(found.reason)


def test_bounds_that_explode_are_undecided():
    """A recursion that divides by what it has divided: each token multiplies the bounds."""
    found = find(divided, divided, {"X": ("N", 2), "prior": ()}, {"N": 130})
    assert found.verdict is Verdict.UNDECIDED and "too weak" in said(found.reason)


@pytest.mark.parametrize("height", [1e300, math.inf, math.nan])
@pytest.mark.parametrize("dimension", [1, 16])
def test_no_height_is_too_large_to_be_said(height, dimension):
    assert Chance(61, 10, height, 0, dimension).log2 == 0
    assert Chance(61, 1 << 1100, 20, 0).log2 == 0
    assert Chance(61, 10, 20, 1 << 1100).log2 == 0


def test_divisors_of_no_bound_do_not_wrap_around():
    carrier = Degree()
    codes = torch.full((1, 1 << 14), 1 << 50)
    carrier.div((codes, torch.zeros_like(codes)), (codes, torch.zeros_like(codes)))
    assert carrier.divisors > 1 << 62
