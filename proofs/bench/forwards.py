"""What a verdict costs, counted in forward passes: CPU seconds of each stage over those of running both programs once.

Main definition: `costs`. Such figures stay the same on a slow or a busy machine.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from numeric.deciding import exact_identity
from numeric.deciding.comparison import Comparison
from numeric.deciding.programs import Program, Sizes, concrete, recorded
from numeric.entropy import Entropy
from numeric.finding import Finding, Quantity, Verdict
from numeric.tape.recorder import record

SHAPES = {"X": ("N", "d"), "Y": ("N", "d"), "eta": ()}


def delta_rule(X: Tensor, Y: Tensor, eta: Tensor) -> Tensor:
    """Every prediction of the delta rule, token by token."""
    W = X.new_zeros(Y.shape[1], X.shape[1])
    out = []
    for x, y in zip(X, Y, strict=True):
        W = W + eta * torch.outer(y - W @ x, x)
        out.append(W @ x)
    return torch.stack(out)


def householder(X: Tensor, Y: Tensor, eta: Tensor) -> Tensor:
    """The same with the memory multiplied by I - eta x x^T."""
    W, one = X.new_zeros(Y.shape[1], X.shape[1]), torch.eye(X.shape[1], dtype=X.dtype)
    out = []
    for x, y in zip(X, Y, strict=True):
        W = W @ (one - eta * torch.outer(x, x)) + eta * torch.outer(y, x)
        out.append(W @ x)
    return torch.stack(out)


def masked_product(X: Tensor, Y: Tensor, eta: Tensor) -> Tensor:
    """Causal linear attention: one masked product."""
    return eta * ((X @ X.mT).tril() @ Y)


def einsum(X: Tensor, Y: Tensor, eta: Tensor) -> Tensor:
    """The same by einsum."""
    mask = torch.ones(len(X), len(X), dtype=X.dtype).tril()
    return torch.einsum("tf,sf,ts,sm->tm", X, X, mask * eta, Y)


@dataclass(frozen=True)
class Cost:
    """Of one exact verdict. recording, accepting, verdict: CPU seconds over `forward`, those of both programs once.

    limit: the most forwards that the verdict may take, its recordings given.
    """

    name: str
    forward: float
    recording: float
    accepting: float
    verdict: float
    limit: float
    found: Finding

    @property
    def passed(self) -> bool:
        """Whether it was confirmed within the limit."""
        return self.found.verdict is Verdict.CONFIRMED and self.verdict <= self.limit

    @property
    def figures(self) -> dict[str, Quantity]:
        """As a row of the bench shows them."""
        return {
            "forwards a verdict": round(self.verdict, 1),
            "forwards a recording": round(self.recording, 1),
            "forwards to accept one": round(self.accepting, 1),
            "trials": self.found.figures.get("trials", 0),
        }


_PAIRS: tuple[tuple[str, Program, Program, Sizes, float], ...] = (
    ("delta rule", delta_rule, householder, {"d": 4, "N": 33}, 15.0),
    ("delta rule", delta_rule, householder, {"d": 4, "N": 512}, 15.0),
    ("delta rule", delta_rule, householder, {"d": 64, "N": 512}, 40.0),
    ("linear attention", masked_product, einsum, {"d": 64, "N": 512}, 60.0),
)


def costs(entropy: Entropy) -> Iterator[Cost]:
    """One cost for each pair of programs and sizes."""
    for name, left, right, sizes, limit in _PAIRS:
        yield _cost(f"{name}, (d, N) = ({sizes['d']}, {sizes['N']})", left, right, sizes, limit, entropy)


def _cost(title: str, left: Program, right: Program, sizes: Sizes, limit: float, entropy: Entropy) -> Cost:
    shapes = concrete(SHAPES, sizes)
    generator = torch.Generator().manual_seed(entropy.below(1 << 31))
    given = {k: torch.randn(s, generator=generator, dtype=torch.float64) for k, s in shapes.items()}
    with torch.no_grad():
        forward, _ = _least(lambda: (left(**given), right(**given)), 5)
        recording, _ = _least(lambda: (record(left, given), record(right, given)), 3)
    a, b = recorded(left), recorded(right)
    accepting, _ = _least(lambda: (a.at(shapes), b.at(shapes)), 1)
    verdict, found = _least(lambda: exact_identity.decide(Comparison(a, b, SHAPES, sizes, entropy=entropy)), 3)
    return Cost(title, forward, recording / forward, accepting / forward, verdict / forward, limit, found)


def _least(work: Callable[[], Any], runs: int) -> tuple[float, Any]:
    """The least CPU seconds of some runs, and what the last one gave."""
    spent, result = [], None
    for _ in range(runs):
        start = time.process_time()
        result = work()
        spent.append(time.process_time() - start)
    return max(min(spent), 1e-9), result
