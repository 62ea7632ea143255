"""Learners against other people's packages: torch.optim, padasip, scipy, mpmath; exactly, or on numbers that do not round."""

from fractions import Fraction

import numpy as np
import pytest
import torch
from scipy import signal

from constructions.learners import library
from numeric.deciding.balls import evaluate
from tests.constructions.learners._problems import F, M, N, counted, equal, eye, parameters, predict, problem


def dyadic(seed=0):
    data = problem(seed)
    return {n: torch.tensor(a.astype(float)) for n, a in data.items()}, data


def optimised(optimiser, batches, repeat=1):
    """torch.optim on 1/2 |W x - y|^2 summed over each batch: the prediction."""
    floats, _ = dyadic()
    W = torch.nn.Parameter(floats["W0"].clone())
    steps = optimiser([W])
    for batch in batches:
        for _ in range(repeat):
            steps.zero_grad()
            (((floats["X"][batch] @ W.T - floats["Y"][batch]) ** 2).sum() / 2).backward()
            steps.step()
    return (W.detach() @ floats["x_q"]).tolist()


TOKENS = [slice(t, t + 1) for t in range(N)]
RATE = Fraction(1, 8)


@pytest.mark.parametrize(
    ("id", "values", "optimiser", "batches", "repeat"),
    [
        ("gd", {"eta": RATE * N}, {}, [slice(None)] * 2, 1),
        ("online_gd", {"beta": RATE}, {}, TOKENS, 1),
        ("heavy_ball", {"beta": RATE, "mu": Fraction(1, 2)}, {"momentum": 0.5}, TOKENS, 1),
        ("step_then_decay", {"beta": RATE, "weight_decay": Fraction(1, 2)}, {"weight_decay": 0.5}, TOKENS, 1),
        ("mini_batch", {"beta": RATE}, {}, [slice(0, 2), slice(2, 4)], 1),
        ("repeated_steps", {"beta": RATE}, {}, TOKENS, 2),
        ("sliding_window", {"beta": RATE}, {}, [slice(max(0, t - 1), t + 1) for t in range(N)], 1),
    ],
)
def test_against_torch_optim(id, values, optimiser, batches, repeat):
    found = counted(id)
    _, data = dyadic()
    values = {n: np.array(v, dtype=object) for n, v in values.items()}
    theirs = optimised(lambda weights: torch.optim.SGD(weights, lr=float(RATE), **optimiser), batches, repeat)
    assert equal(predict(found, **data, **values), [Fraction(v) for v in theirs])


@pytest.mark.parametrize(
    ("id", "kind", "names"),
    [
        ("online_gd", "FilterLMS", {"mu": "beta"}),
        ("nlms", "FilterNLMS", {"mu": "mu", "eps": "eps"}),
        ("rls", "FilterRLS", {"mu": "decay", "eps": "lam"}),
    ],
)
def test_against_padasip(id, kind, names):
    filters = pytest.importorskip("padasip.filters")
    found = library()[id]
    values, data = parameters(found, each=False), problem()
    data["Y"], data["W0"] = data["Y"][:, :1], 0 * data["W0"][:1]
    theirs = getattr(filters, kind)(F, w="zeros", **{n: values[p][()] for n, p in names.items()})
    theirs.w = data["W0"][0].copy()
    if kind == "FilterRLS":
        theirs.R = eye(F) / values["lam"][()]
    for x, y in zip(data["X"], data["Y"], strict=True):
        theirs.adapt(y[0], x)
    assert equal(predict(found, **data, **values), [theirs.predict(data["x_q"])])


@pytest.mark.parametrize("id", ["discounted_gd", "channel_discount"])
def test_a_discount_is_a_recursive_filter(id):
    """scipy's filter y_t = decay y_{t-1} + eta v_t on the products, in float64 on dyadic numbers."""
    floats, data = dyadic()
    data["W0"] = 0 * data["W0"]
    products = np.einsum("tm,tf->tmf", floats["Y"].numpy(), floats["X"].numpy())
    theirs = signal.lfilter([0.25], [1, -0.5], products, axis=0)[-1] @ floats["x_q"].numpy()
    values = {"eta": np.array(Fraction(1, 4), dtype=object), "decay": np.array(Fraction(1, 2), dtype=object)}
    assert equal(predict(library()[id], **data, **values), [Fraction(v) for v in theirs])


def test_adagrad_against_torch_optim():
    """A scalar problem whose roots and quotients are dyadic: gradients 5 and 12, eps = 3."""
    X, rate = torch.ones(2, 1, dtype=torch.float64), 8.0
    Y = torch.tensor([[-5.0], [-17.0]], dtype=torch.float64)
    W = torch.nn.Parameter(torch.zeros(1, 1, dtype=torch.float64))
    steps = torch.optim.Adagrad([W], lr=rate, eps=3.0, foreach=False)
    seen = []
    for x, y in zip(X, Y, strict=True):
        steps.zero_grad()
        ((W @ x - y) ** 2).sum().div(2).backward()
        seen.append(float(W.grad))
        steps.step()
    assert seen == [5.0, 12.0]
    query = torch.ones(1, dtype=torch.float64)
    one = torch.tensor(1.0, dtype=torch.float64)
    ours = library()["adagrad"].call(X, Y, query, torch.zeros(1, 1, dtype=torch.float64), beta=rate * one, eps=3 * one)
    assert ours.tolist() == W.detach()[0].tolist() == [-11.0]


def test_softmax_smoother_against_high_precision():
    import mpmath

    data = problem(scale=2)
    del data["W0"]
    inputs = data | {
        "W0": np.zeros((M, F), dtype=object) + Fraction(0),
        "scale": np.array(Fraction(1, 2), dtype=object),
    }
    ours = evaluate(library()["softmax_smoother"].call, inputs)[0]
    with mpmath.workdps(90):
        kernel = [mpmath.exp(mpmath.mpf(1) / 2 * _mp(x @ data["x_q"])) for x in data["X"]]
        for k in range(M):
            theirs = mpmath.fsum(w * _mp(y[k]) for w, y in zip(kernel, data["Y"], strict=True)) / mpmath.fsum(kernel)
            # 90 digits against balls: what is left is the ball's radius and a rounding of the conversion
            apart = abs(mpmath.mpf(ours[k].mid().str(80, radius=False)) - theirs)
            assert apart < mpmath.mpf(10) ** -70
            changed = mpmath.fsum(_mp(y[k]) for y in data["Y"]) / N
            assert abs(theirs - changed) > mpmath.mpf(10) ** -3  # scale 0 is another answer


def _mp(value):
    import mpmath

    return mpmath.mpf(value.numerator) / value.denominator


def test_softmax_smoother_is_the_locally_weighted_constant():
    """The weighted sum of squares has gradient 0 there, up to the enclosure's width."""
    data = problem(scale=2) | {"scale": np.array(Fraction(1, 2), dtype=object)}

    def slope(X, Y, x_q, W0, scale):
        c = library()["softmax_smoother"].call(X, Y, x_q, W0, scale=scale)
        return (torch.exp(scale * (X @ x_q))[:, None] * (c - Y)).sum(0)

    found = evaluate(slope, data)[0]
    assert all(v.contains(0) and float(v.rad()) < 1e-60 for v in found)


def test_ttt_against_layer_norm_and_torch_optim():
    """Numbers with nothing to round: the two entries of W x differ by 2, so the variance is 1, and eps is 3."""
    W0 = torch.tensor([[1.0, 0.0], [-1.0, 2.0]], dtype=torch.float64)
    X = torch.eye(2, dtype=torch.float64)
    Y = torch.tensor([[3.0, 1.0], [-1.0, 2.0]], dtype=torch.float64)
    gamma, bias = torch.tensor([2.0, 4.0], dtype=torch.float64), torch.tensor([1.0, 0.0], dtype=torch.float64)
    W = torch.nn.Parameter(W0.clone())
    steps = torch.optim.SGD([W], lr=4.0)
    out = X + torch.nn.functional.layer_norm(X @ W.T, (2,), gamma, bias, 3.0)
    (((out - Y) ** 2).sum() / 2).backward()
    steps.step()
    x_q = torch.tensor([0.0, 2.0], dtype=torch.float64)
    assert abs(float((W.detach() @ x_q)[0] - (W.detach() @ x_q)[1])) == 2  # here too
    theirs = x_q + torch.nn.functional.layer_norm(W.detach() @ x_q, (2,), gamma, bias, 3.0)
    one = torch.tensor(1.0, dtype=torch.float64)
    found = library()["ttt_layer_norm"].given(size=2)
    ours = found.call(X, Y, x_q, W0, eta=4 * one, gamma=gamma, bias=bias, eps=3 * one)
    assert ours.tolist() == theirs.tolist()
    assert found.call(X, Y, x_q, W0, eta=2 * one, gamma=gamma, bias=bias, eps=3 * one).tolist() != theirs.tolist()
