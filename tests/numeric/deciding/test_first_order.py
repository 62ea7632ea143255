"""First-order bounds: they hold against balls, leave digits, and a kernel that loses more is seen."""

import pytest
import torch

from numeric.deciding.balls import evaluate
from numeric.deciding.first_order import first_order
from numeric.deciding.programs import fractions, recorded


def solved(A, b):
    return torch.linalg.solve(A, b)


def solved_from_the_right(A, b):
    return torch.linalg.solve(A, torch.stack([b, b * b, 1 + b]), left=False).sum(0)


def inverted(A, b):
    return torch.linalg.inv(A)[0] + torch.linalg.inv(A.mT)[-1]


def inverted_batches(A, b):
    return torch.linalg.inv(torch.stack([A, A @ A]))[1, :, 0]


def products(A, b):
    return ((A @ b).cumsum(0) / (1 + (b * b).sum())).exp()


def absorbed(A, b):
    return (A @ b + 1e12) - 1e12


def shares(program, n, off=0.0):
    """The largest error over its bound, and the largest bound over the result, of three draws."""
    run, worst, wide = recorded(program), 0.0, 0.0
    for seed in range(3):
        generator = torch.Generator().manual_seed(seed)
        data = {
            name: torch.randn(shape, generator=generator, dtype=torch.float64)
            for name, shape in (("A", (n, n)), ("b", (n,)))
        }
        found = first_order(run.at({name: tuple(t.shape) for name, t in data.items()}), data)
        exact, _ = evaluate(run, {name: fractions(t.reshape(-1).tolist(), tuple(t.shape)) for name, t in data.items()})
        for value, bound, ball in zip(found.value.tolist(), found.bound.tolist(), exact, strict=True):
            worst = max(worst, abs(float((ball - value * (1 + off)).mid())) / bound)
        wide = max(wide, float(found.bound.max() / found.value.abs().max()))
    return worst, wide


@pytest.mark.parametrize("n", [1, 2, 5, 9])
@pytest.mark.parametrize("program", [solved, solved_from_the_right, inverted, inverted_batches, products])
def test_the_error_is_within_the_bound_and_the_bound_leaves_digits(program, n):
    worst, wide = shares(program, n)
    assert 0 < worst <= 1 and wide < 1e-8


@pytest.mark.parametrize("program", [solved, solved_from_the_right, inverted])
def test_a_worse_run_is_beyond_the_bound(program):
    assert shares(program, 2, off=1e-11)[0] > 1


@pytest.mark.parametrize("n", [1, 2, 5, 33, 129])
def test_an_inverse_is_a_solution_for_the_identity(n):
    A = torch.randn(2, n, n, generator=torch.Generator().manual_seed(n), dtype=torch.float64)
    for matrix in (A, A.mT):
        assert torch.equal(
            torch.linalg.inv(matrix), torch.linalg.solve(matrix, torch.eye(n, dtype=A.dtype).expand_as(A))
        )


def test_what_absorbs_digits_has_a_wide_bound():
    assert shares(absorbed, 3)[1] > 1e-6
