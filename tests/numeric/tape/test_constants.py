"""Constants of the code (masks, identity matrices) may be compared and converted; data written into them may not."""

import pytest
import torch

from numeric.deciding.comparison import Comparison
from numeric.deciding.exact_identity import decide
from numeric.entropy import Entropy
from numeric.finding import Verdict
from reports.said import said

SHAPES = {"X": ("N", "f"), "q": ("f",)}
SIZES = {"N": 4, "f": 3}


def causal(X, q):
    return torch.stack([sum(X[t] @ X[s] * (X[s] @ q) for s in range(t + 1)) for t in range(len(X))])


def by_bool(X, q):
    mask = torch.tril(torch.ones(len(X), len(X))).bool()
    return (X @ X.T).masked_fill(~mask, 0) @ X @ q


def by_comparison(X, q):
    keep = 1 - torch.triu(torch.ones(len(X), len(X)), 1)
    return (X @ X.T).masked_fill(keep == 0, 0) @ X @ q


def by_like(X, q):
    mask = torch.ones_like(X @ X.T).tril().to(torch.bool)
    return torch.where(mask, X @ X.T, 0) @ X @ q


@pytest.mark.parametrize("masked", [by_bool, by_comparison, by_like])
def test_masks_made_of_constants_are_exact(masked):
    assert decide(Comparison(masked, causal, SHAPES, SIZES, entropy=Entropy(1))).verdict is Verdict.CONFIRMED


def into_a_view(X, q):
    mask = torch.ones(len(X), len(X)).tril()
    row = mask[0]
    row[1] = X[0, 0]
    return (X @ X.T).masked_fill(mask == 0, 0) @ X @ q


def through_a_view(X, q):
    mask = torch.ones(len(X), len(X)).tril()
    view = mask.view(-1)
    mask += X.sum()
    return (X @ X.T).masked_fill(view.view(mask.shape).bool(), 0) @ X @ q


def in_arithmetic(X, q):
    return (X @ X.T).masked_fill((torch.ones(len(X), 1) * X[0, 0]).bool(), 0) @ X @ q


@pytest.mark.parametrize("masked", [into_a_view, through_a_view, in_arithmetic])
def test_data_written_into_a_constant_is_seen(masked):
    found = decide(Comparison(masked, causal, SHAPES, SIZES, entropy=Entropy(1)))
    assert found.verdict is not Verdict.CONFIRMED
    assert "data-dependent" in said(found.reason)


def test_a_function_of_constants_is_a_constant():
    def scaled(X, q):
        return X @ q * torch.exp(torch.ones(1))[0]

    found = decide(
        Comparison(scaled, lambda X, q: X @ q * torch.exp(torch.ones(1))[0], SHAPES, SIZES, entropy=Entropy(1))
    )
    assert found.verdict is Verdict.CONFIRMED
    assert found.flags
    assert decide(Comparison(scaled, lambda X, q: X @ q, SHAPES, SIZES, entropy=Entropy(1))).verdict is Verdict.REFUTED


def test_joined_constants_keep_what_their_arithmetic_is():
    def joined(X, q):
        third = torch.stack([X.new_full((), 1.0) / 3, X.new_full((), 2.0)])
        return X @ q * torch.cat([third, third])[2]

    assert (
        decide(Comparison(joined, lambda X, q: X @ q / 3, SHAPES, SIZES, entropy=Entropy(1))).verdict
        is Verdict.CONFIRMED
    )
    rounded = decide(Comparison(joined, lambda X, q: X @ q * (1 / 3), SHAPES, SIZES, entropy=Entropy(1)))
    assert rounded.verdict is Verdict.REFUTED
