"""Every learner against somebody else's: torch.optim, padasip, scipy, FLINT's solver, or sums written out in fractions.

Comparisons are exact: rational arithmetic on both sides, or float64 on dyadic numbers with nothing to round.
"""

from dataclasses import replace
from fractions import Fraction

import flint
import numpy as np
import pytest
import torch
from scipy import signal

from constructions.learners import Domain, Each, library
from numeric.balls import evaluate
from numeric.programs import rational

F, M, N = 3, 2, 4
SHAPES = {
    Each.CONTEXT: (),
    Each.TOKEN: (N,),
    Each.CHANNEL: (F,),
    Each.TOKEN_CHANNEL: (N, F),
    Each.MATRIX: (F, F),
}


def draw(shape, seed, low=-3, scale=1):
    """Integers from `low` to 4 over `scale`, none 0."""
    generator = np.random.default_rng(seed)
    values = generator.integers(low, 4, shape)
    out = np.empty(shape, dtype=object)
    for index in np.ndindex(*shape):
        out[index] = Fraction(int(values[index]) or 4, scale)
    return out


def problem(seed=0, scale=1):
    shapes = {"X": (N, F), "Y": (N, M), "x_q": (F,), "W0": (M, F)}
    return {name: draw(shape, seed + k, scale=scale) for k, (name, shape) in enumerate(shapes.items())}


def counted(id):
    """The learner with 2 for each count."""
    found = library()[id]
    counts = {p.name: 2 for p in found.parameters if p.domain is Domain.COUNT}
    return found.given(**counts) if counts else found


def parameters(found, seed=10, each=True):
    """A value of each open parameter, of its widest shape or one number for all."""
    wide = lambda p: each or p.each is Each.MATRIX or p.name == "p"  # noqa: E731
    return {
        p.name: draw(SHAPES[p.each] if wide(p) else (), seed + k, low=1, scale=8)
        for k, p in enumerate(found.parameters)
    }


def predict(found, **inputs):
    return rational(found.call, inputs)[0]


def equal(a, b):
    a, b = np.asarray(a, dtype=object).reshape(-1), np.asarray(b, dtype=object).reshape(-1)
    return a.shape == b.shape and all(Fraction(x) == Fraction(y) for x, y in zip(a, b, strict=True))


def outer(a, b):
    return np.multiply.outer(a, b)


def solve(A, B):
    """A^{-1} B by FLINT."""

    def matrix(array):
        return flint.fmpq_mat(*array.shape, [flint.fmpq(v.numerator, v.denominator) for v in array.reshape(-1)])

    found = matrix(A).solve(matrix(B))
    out = np.empty(B.shape, dtype=object)
    for index in np.ndindex(*B.shape):
        value = found[index]
        out[index] = Fraction(int(value.p), int(value.q))
    return out


def power(A, k):
    out = eye(len(A))
    for _ in range(k):
        out = out @ A
    return out


def eye(n):
    out = np.empty((n, n), dtype=object)
    for index in np.ndindex(n, n):
        out[index] = Fraction(int(index[0] == index[1]))
    return out


def weights_after(W, tokens, change):
    """W after change(W, x, y, t) a token."""
    for t, (x, y) in enumerate(tokens):
        W = change(W, x, y, t)
    return W


# --- sums and loops written out in fractions ------------------------------------------------------------------------


def gd(X, Y, x_q, W0, eta, steps=2):
    for _ in range(steps):
        W0 = W0 - eta / N * (W0 @ X.T - Y.T) @ X
    return W0 @ x_q


def preconditioned_gd(X, Y, x_q, W0, eta):
    for _ in range(2):
        W0 = W0 - (W0 @ X.T - Y.T) @ X / N * eta[None, :]
    return W0 @ x_q


def matrix_gd(X, Y, x_q, W0, P):
    return (W0 - (W0 @ X.T - Y.T) @ X @ P / N) @ x_q


def gd_plus_plus(X, Y, x_q, W0, eta, gamma):
    """von Oswald's layers on tokens (x, y - W0 x): attention without softmax moves both parts at once."""
    R, asked, moved = Y - X @ W0.T, x_q, -(W0 @ x_q)
    for _ in range(2):
        R, moved, X, asked = (
            R - eta / N * (X @ X.T) @ R,
            moved - eta / N * (asked @ X.T) @ R,
            X - gamma * X @ (X.T @ X),
            asked - gamma * (X.T @ X) @ asked,
        )
    return -moved


def online_gd(X, Y, x_q, W0, beta):
    return weights_after(W0, zip(X, Y, strict=True), lambda W, x, y, t: W - beta[t] * outer(W @ x - y, x)) @ x_q


def discounted_gd(X, Y, x_q, W0, eta, decay):
    found = W0
    for i in range(N):
        weight = eta[i] * np.prod(decay[i + 1 :], initial=Fraction(1))
        found = found - weight * outer(W0 @ X[i] - Y[i], X[i])
    return found @ x_q


def channel_discount(X, Y, x_q, W0, eta, decay):
    found = W0
    for i in range(N):
        weight = eta[i] * np.prod(decay[i + 1 :], axis=0, initial=Fraction(1))
        found = found - outer(W0 @ X[i] - Y[i], weight * X[i])
    return found @ x_q


def nlms(X, Y, x_q, W0, mu, eps):
    return (
        weights_after(W0, zip(X, Y, strict=True), lambda W, x, y, t: W - mu[t] / (eps + x @ x) * outer(W @ x - y, x))
        @ x_q
    )


def decay_then_step(X, Y, x_q, W0, beta, decay):
    def change(W, x, y, t):
        return decay[t] * W - beta[t] * outer(decay[t] * (W @ x) - y, x)

    return weights_after(W0, zip(X, Y, strict=True), change) @ x_q


def channel_decay_then_step(X, Y, x_q, W0, beta, decay):
    def change(W, x, y, t):
        W = W @ (eye(F) * decay[t])
        return W @ (eye(F) - beta[t] * outer(x, x)) + beta[t] * outer(y, x)

    return weights_after(W0, zip(X, Y, strict=True), change) @ x_q


def step_then_decay(X, Y, x_q, W0, beta, weight_decay):
    def change(W, x, y, t):
        return (1 - beta[t] * weight_decay[t]) * W - beta[t] * outer(W @ x - y, x)

    return weights_after(W0, zip(X, Y, strict=True), change) @ x_q


def heavy_ball(X, Y, x_q, W0, beta, mu):
    W, velocity = W0, 0 * W0
    for t in range(N):
        velocity = mu[t] * velocity + outer(W @ X[t] - Y[t], X[t])
        W = W - beta[t] * velocity
    return W @ x_q


def titans(X, Y, x_q, W0, theta, mu, decay):
    W, S = W0, 0 * W0
    for t in range(N):
        S = mu[t] * S - theta[t] * outer(W @ X[t] - Y[t], X[t])
        W = decay[t] * W + S
    return W @ x_q


def mini_batch(X, Y, x_q, W0, beta):
    for t in range(0, N, 2):
        A, B = X[t : t + 2], Y[t : t + 2]
        W0 = W0 - beta * (A @ W0.T - B).T @ A
    return W0 @ x_q


def repeated_steps(X, Y, x_q, W0, beta):
    def change(W, x, y, t):
        fixed = eye(F) - beta[t] * outer(x, x)
        return W @ fixed @ fixed + beta[t] * outer(y, x) @ (eye(F) + fixed)

    return weights_after(W0, zip(X, Y, strict=True), change) @ x_q


def oblique_delta(X, Y, x_q, W0, beta, decay, p):
    def change(W, x, y, t):
        return decay[t] * W @ (eye(F) - beta[t] * outer(p[t], x)) + beta[t] * outer(y, x)

    return weights_after(W0, zip(X, Y, strict=True), change) @ x_q


def sliding_window(X, Y, x_q, W0, beta):
    W = W0
    for t in range(N):
        W = W - beta[t] * sum(outer(W @ X[i] - Y[i], X[i]) for i in range(max(0, t - 1), t + 1))
    return W @ x_q


def implicit_step(X, Y, x_q, W0, beta):
    """The proximal point solves W (I + beta x x^T) = W' + beta y x^T."""

    def change(W, x, y, t):
        return solve(eye(F) + beta[t] * outer(x, x), (W + beta[t] * outer(y, x)).T).T

    return weights_after(W0, zip(X, Y, strict=True), change) @ x_q


def ridge(X, Y, x_q, W0, lam):
    return solve(X.T @ X + lam * eye(F), X.T @ Y + lam * W0.T).T @ x_q


def rls(X, Y, x_q, W0, lam, decay):
    D = eye(N) * np.array([decay ** (N - 1 - i) for i in range(N)])
    prior = decay**N * lam
    return solve(X.T @ D @ X + prior * eye(F), X.T @ D @ Y + prior * W0.T).T @ x_q


def mesa(X, Y, x_q, W0, lam, beta, decay):
    D = eye(N) * np.array([beta[i] * np.prod(decay[i + 1 :], initial=Fraction(1)) for i in range(N)])
    return solve(X.T @ D @ X + eye(F) * lam, X.T @ D @ Y).T @ x_q


def krylov(A, b, k=2):
    """The point of span(b, ..., A^{k-1} b) that minimises z A z/2 - b z."""
    K = np.stack([power(A, j) @ b for j in range(k)], 1)
    return K @ solve(K.T @ A @ K, (K.T @ b)[:, None])[:, 0]


def conjugate_gradient(X, Y, x_q, W0, lam):
    A = X.T @ X + lam * eye(F)
    rows = [W0[r] + krylov(A, X.T @ Y[:, r] - A @ W0[r]) for r in range(M)]
    return np.stack(rows) @ x_q


def mesa_cg(X, Y, x_q, W0, lam, decay):
    D = eye(N) * np.array([np.prod(decay[i + 1 :], initial=Fraction(1)) for i in range(N)])
    return Y.T @ D @ X @ krylov(X.T @ D @ X + lam * eye(F), x_q)


def newton_schulz(X, Y, x_q, W0, scale):
    """Two iterations are the first four terms of Neumann's series."""
    A = X.T @ X
    return Y.T @ X @ sum(scale * power(eye(F) - scale * A, j) for j in range(4)) @ x_q


def iterative_newton(X, Y, x_q, W0, alpha):
    A = X.T @ X
    return Y.T @ X @ sum(alpha * A @ power(eye(F) - alpha * A @ A, j) for j in range(4)) @ x_q


def linear_smoother(X, Y, x_q, W0):
    return sum((X[i] @ x_q) * Y[i] for i in range(N)) / sum(X[i] @ x_q for i in range(N))


def polynomial_smoother(X, Y, x_q, W0, c0, c1, c2):
    kernel = [c0 + c1 * (x @ x_q) + c2 * (x @ x_q) ** 2 for x in X]
    return sum(k * y for k, y in zip(kernel, Y, strict=True)) / sum(kernel)


def polynomial_gd(X, Y, x_q, W0, eta0, eta1, eta2):
    return sum((eta0 + eta1 * (x @ x_q) + eta2 * (x @ x_q) ** 2) * y for x, y in zip(X, Y, strict=True))


WRITTEN_OUT = [
    gd,
    preconditioned_gd,
    matrix_gd,
    gd_plus_plus,
    online_gd,
    discounted_gd,
    channel_discount,
    nlms,
    decay_then_step,
    channel_decay_then_step,
    step_then_decay,
    heavy_ball,
    titans,
    mini_batch,
    repeated_steps,
    oblique_delta,
    sliding_window,
    implicit_step,
    ridge,
    rls,
    mesa,
    conjugate_gradient,
    mesa_cg,
    newton_schulz,
    iterative_newton,
    linear_smoother,
    polynomial_smoother,
    polynomial_gd,
]
NOT_RATIONAL = {"softmax_smoother", "adagrad", "ttt_layer_norm"}


def test_every_learner_has_a_check():
    assert {f.__name__ for f in WRITTEN_OUT} | NOT_RATIONAL == set(library())


@pytest.mark.parametrize("oracle", WRITTEN_OUT, ids=lambda f: f.__name__)
@pytest.mark.parametrize("seed", [0, 100])
def test_it_is_what_its_formula_says(oracle, seed):
    found = counted(oracle.__name__)
    values, data = parameters(found, seed + 10), problem(seed)
    given = {n: v[()] if v.ndim == 0 else v for n, v in values.items()}
    assert equal(predict(found, **data, **values), oracle(**data, **given))


@pytest.mark.parametrize("oracle", WRITTEN_OUT, ids=lambda f: f.__name__)
def test_every_parameter_and_the_start_matter_as_declared(oracle):
    """So that the comparison above can fail: a changed parameter changes the answer."""
    found = counted(oracle.__name__)
    values, data = parameters(found), problem()
    before = predict(found, **data, **values)
    for name in values:
        assert not equal(
            before,
            predict(found, **data, **(values | {name: np.asarray(values[name] + Fraction(1, 16), dtype=object)})),
        )
    moved = predict(found, **(data | {"W0": data["W0"] + Fraction(1)}), **values)
    assert equal(before, moved) is not found.start


@pytest.mark.parametrize("id", sorted(set(library()) - NOT_RATIONAL))
def test_the_order_matters_as_declared(id):
    found = counted(id)
    values, data = parameters(found, each=False), problem()
    turned = data | {"X": data["X"][::-1].copy(), "Y": data["Y"][::-1].copy()}
    same = {n: v[::-1].copy() if n == "p" else v for n, v in values.items()}
    assert equal(predict(found, **data, **values), predict(found, **turned, **same)) is not found.order


@pytest.mark.parametrize("id", [id for id, found in sorted(library().items()) if found.step is not None])
@pytest.mark.parametrize("each", [True, False])
def test_the_step_folds_to_the_prediction(id, each):
    found = counted(id) if id != "gd" else library()["gd"].given(steps=1)
    values, data = parameters(found, each=each), problem()

    def folded(X, Y, x_q, W0, **given):
        W = W0
        for t in range(N):
            here = {
                p.name: given[p.name][t]
                if p.each in (Each.TOKEN, Each.TOKEN_CHANNEL) and given[p.name].ndim
                else given[p.name]
                for p in found.parameters
            }
            W = found.step(W, X[t], Y[t], W0, N, **here)
        return W @ x_q

    assert equal(predict(found, **data, **values), rational(folded, data | values)[0])


def test_several_steps_are_no_recursion_over_tokens():
    with pytest.raises(ValueError, match="2 steps"):
        library()["gd"].given(steps=2).step(None, None, None, None, N, eta=1)


SAME = {
    "gd_plus_plus": ("gd", {}),
    "discounted_gd": ("gd", {"eta": ("eta", N)}),
    "channel_discount": ("gd", {"eta": ("eta", N)}),
    "decay_then_step": ("online_gd", {}),
    "channel_decay_then_step": ("online_gd", {}),
    "step_then_decay": ("online_gd", {}),
    "heavy_ball": ("online_gd", {}),
    "titans": ("heavy_ball", {"beta": ("theta", 1)}),
    "mini_batch": ("online_gd", {}),
    "repeated_steps": ("online_gd", {}),
    "sliding_window": ("online_gd", {}),
    "rls": ("ridge", {}),
    "mesa": ("ridge", {}),
}
"""What a learner is at the neutral value of the parameter it names, and whose value each parameter there has, times what."""


@pytest.mark.parametrize("id", [id for id, found in sorted(library().items()) if found.simpler])
def test_the_neutral_value_gives_the_simpler_learner(id):
    found = library()[id]
    ((name, other),) = found.simpler
    neutral = next(p.neutral for p in found.parameters if p.name == name)
    assert (other, neutral is not None) == (SAME[id][0], True)
    counts = {p.name: neutral if p.name == name else 2 for p in found.parameters if p.domain is Domain.COUNT}
    found = found.given(**counts)
    values, data = parameters(found, each=False), problem()
    values |= {name: np.array(Fraction(neutral), dtype=object)} if name in values else {}
    values |= {"beta": np.array(Fraction(1), dtype=object)} if id == "mesa" else {}
    data |= {} if found.start else {"W0": 0 * data["W0"]}
    steps = {"steps": 2 if "steps" in counts else 1} if other == "gd" else {}
    simple = library()[other].given(**steps)
    borrowed = {}
    for p in simple.parameters:
        source, factor = SAME[id][1].get(p.name, (p.name, 1))
        borrowed[p.name] = np.array(values[source][()] * factor, dtype=object)
    assert equal(predict(found, **data, **values), predict(simple, **data, **borrowed))


# --- other people's packages ----------------------------------------------------------------------------------------


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


def test_a_learner_says_what_it_is():
    for id, found in library().items():
        assert found.id == id and found.title and found.latex and found.source
        assert len({p.name for p in found.parameters}) == len(found.parameters)
        assert replace(found).names == found.names
