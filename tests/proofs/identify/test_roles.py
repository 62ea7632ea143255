"""What a gate is to the learner found: one entry of it is not the gate."""

from __future__ import annotations

import pytest
import torch

from proofs.audit.answer import Word
from proofs.evidence import Settings
from proofs.identify.run import identify
from reports.said import said

pytestmark = pytest.mark.usefixtures("near")


def delta(X, Y, x_q, b):
    W = X.new_zeros(Y.shape[1], X.shape[1])
    for x, y in zip(X, Y, strict=True):
        W = W + b * torch.outer(y - W @ x, x)
    return W @ x_q


def first_entry(X, Y, x_q, g):
    return delta(X, Y, x_q, g.reshape(-1)[0])


def whole(X, Y, x_q, g: float):
    return delta(X, Y, x_q, g)


def test_a_gate_of_which_one_entry_is_used_is_no_parameter():
    found = identify(first_entry, settings=Settings(seed=1))
    assert found.word is Word.UNDECIDED and "how g makes its numbers was not found" in said(found.reason)


@pytest.mark.slow
def test_a_gate_that_is_used_whole_is_one():
    found = identify(whole, settings=Settings(seed=1))
    assert found.word is Word.PROVED and said(found.parameters["beta"]) == "the argument g"


CACHED = """
import functools
import pytest
import torch

@functools.lru_cache(None)
def start(m, f):
    return torch.zeros(m, f, dtype=torch.float64)

def layer(X, Y, x_q, beta):
    W = start(Y.shape[1], X.shape[1])
    for x, y in zip(X, Y):
        W = W + beta * torch.outer(y - W @ x, x)
    return W @ x_q
"""


def test_what_calls_before_the_audit_left_in_a_cache_hides_nothing(tmp_path):
    path = tmp_path / "cached.py"
    path.write_text(CACHED)
    found = identify(f"{path}:layer", settings=Settings(seed=1))
    assert found.word is Word.PROVED, str(found)
