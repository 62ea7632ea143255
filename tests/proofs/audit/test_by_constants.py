"""Constants that either side computes by rounded functions: their roundings refute nothing, and other constants do."""

import math
import re

import pytest

from numeric.carriers.computed import inexact
from proofs.audit.answer import Word
from proofs.audit.run import audit
from proofs.evidence import Settings

LAYERS = """
import math
import torch

def window(n, off=0.0):
    return torch.hann_window(n, periodic=True, dtype=torch.float64) + off

def weighted(X, Y, x_q):
    return (Y * window(len(X))[:, None]).T @ (X @ x_q)

def other_weights(X, Y, x_q):
    return (Y * window(len(X), 1e-10)[:, None]).T @ (X @ x_q)

def kernel(X, Y, x_q):
    return (Y * window(len(X))[:, None]).T @ (X @ x_q).tanh()

def other_kernel(X, Y, x_q):
    return (Y * window(len(X), 1e-10)[:, None]).T @ (X @ x_q).tanh()

def learner(X, Y, x_q):
    n, out = len(X), 0
    for i in range(n):
        out = out + (0.5 - 0.5 * math.cos(2 * math.pi * i / n)) * Y[i] * (X[i] @ x_q) if n > 1 else Y[0] * (X[0] @ x_q)
    return out

def squashed(X, Y, x_q):
    n, out = len(X), 0
    for i in range(n):
        weight = 0.5 - 0.5 * math.cos(2 * math.pi * i / n) if n > 1 else 1.0
        out = out + weight * Y[i] * (X[i] @ x_q).tanh()
    return out
"""


@pytest.fixture
def layers(tmp_path):
    path = tmp_path / "layers.py"
    path.write_text(LAYERS)
    return path


@pytest.mark.parametrize(
    "name, against, word",
    [
        ("weighted", "learner", Word.UNDECIDED),
        ("other_weights", "learner", Word.REFUTED),
        ("kernel", "squashed", Word.UNDECIDED),
        ("other_kernel", "squashed", Word.REFUTED),
    ],
)
def test_roundings_of_constants_refute_nothing(layers, name, against, word):
    answer = audit(f"{layers}:{name}", f"{layers}:{against}", settings=Settings(seed=1))
    assert answer.word is word, str(answer)
    if word is Word.UNDECIDED:
        assert re.search(r"a few roundings in constants .*layer: .* at \S*layers.py:6, learner: ", str(answer))


def test_numbers_that_somebody_wrote_are_no_computed_ones():
    for value in (0.9, 1e-10, 1 / 1024, 3.0, -0.125, 0.333333, 1e-16, 31 / 32):
        assert not inexact(value)
    for value in (1 - 0.9, math.cos(1), 0.9**7, 1 / 3, math.sin(math.pi) ** 2):
        assert inexact(value)
