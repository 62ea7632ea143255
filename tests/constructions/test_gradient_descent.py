"""The learner: its closed form, autograd and torch.optim.SGD on integers, where floats are exact."""

import subprocess
import sys

import numpy as np
import pytest
import torch

from constructions import autograd_descent, gradient_descent, optimiser, residual_stack


def problem(seed, f=3, m=2, N=4):
    rng = np.random.default_rng(seed)
    return [rng.integers(-3, 4, s).astype(float) for s in ((m, f), (N, f), (N, m), (f,))]


def test_the_loss_is_half_the_mean_of_squared_residuals():
    W, X, Y, _ = problem(0)
    assert gradient_descent.loss(W, X, Y) == sum(np.sum((W @ x - y) ** 2) for x, y in zip(X, Y, strict=True)) / 8


def test_three_ways_to_the_same_gradient():
    W, X, Y, _ = problem(1)
    written = gradient_descent.gradient(W, X, Y)
    entries = np.zeros_like(W)
    for i, j in np.ndindex(W.shape):  # the loss is quadratic in each entry: a central difference of step 1 is exact
        up, down = W.copy(), W.copy()
        up[i, j] += 1
        down[i, j] -= 1
        entries[i, j] = (gradient_descent.loss(up, X, Y) - gradient_descent.loss(down, X, Y)) / 2
    assert np.array_equal(written, entries)
    tensors = [torch.from_numpy(a) for a in (W, X, Y)]
    assert np.array_equal(autograd_descent.gradient(*tensors).numpy(), written)


def test_several_steps_by_three_learners_and_by_layers():
    W, X, Y, q = (torch.from_numpy(a) for a in problem(2))
    eta = torch.tensor(0.5, dtype=torch.float64)
    written = gradient_descent.descend(W, X, Y, eta, 3)
    assert torch.equal(autograd_descent.descend(W, X, Y, eta=eta, steps=3), written)
    assert torch.equal(optimiser.sgd(W, X, Y, eta=eta, steps=3), written)
    assert torch.equal(residual_stack.predict(X, Y, q, W, eta / 4, 3), written @ q)


def test_the_start_is_not_written_to():
    W, X, Y, _ = (torch.from_numpy(a) for a in problem(3))
    before = W.clone()
    optimiser.sgd(W, X, Y, eta=0.5, steps=2)
    assert torch.equal(W, before)
    assert not W.requires_grad


@pytest.mark.parametrize("named", [{}, {"momentum": 0.5}, {"momentum": 0.9, "nesterov": True}, {"weight_decay": 0.1}])
def test_the_bare_optimiser_does_what_torchs_own_does(named):
    """Bit for bit, over several steps, with the learning rate changed on the way."""
    start = torch.randn(3, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    ends = []
    for kind in (torch.optim.SGD, optimiser.SGD):
        weight = torch.nn.Parameter(start.clone())
        steps = kind([weight], lr=1.0, foreach=False, **named)
        for k in range(4):
            steps.param_groups[0]["lr"] = 0.5**k
            steps.zero_grad()
            (weight**2).sum().mul(0.3).backward()
            steps.step()
        ends.append(weight.detach())
    assert torch.equal(*ends)
    assert not torch.equal(ends[0], start)


def test_the_bare_optimiser_does_not_import_torchs_compiler():
    code = (
        "import sys, torch; from constructions.optimiser import sgd; one = torch.ones(1, 1);"
        "sgd(one, one, one, eta=0.5, steps=2); assert 'torch._dynamo' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
