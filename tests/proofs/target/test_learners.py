"""From text to learner: library ids with counts, a user's file, and one message for the rest."""

import pytest
import torch

from constructions.learners import library
from proofs.target.learners import learner
from proofs.target.loading import TargetError

MINE = """
def mine(X, Y, x_q, W0, rate, power=2):
    return W0 @ x_q + rate * (Y.T @ X) @ x_q

def plain(X, Y, x_q):
    return Y[0]

def short(X, Y):
    return Y[0]
"""


@pytest.fixture
def mine(tmp_path):
    path = tmp_path / "mine.py"
    path.write_text(MINE)
    return path


def test_library_ids():
    assert set(library()) >= {"gd", "online_gd", "ridge", "softmax_smoother", "titans"}
    for id, found in library().items():
        counts = sum("count" in p.domain for p in found.parameters)
        chosen = learner(":".join([id, *["3"] * counts]))
        assert not any("count" in p.domain for p in chosen.parameters)
        assert [value for _, value in chosen.values] == [3] * counts


def test_the_bare_id_of_gd_is_one_step():
    assert learner("gd").values == (("steps", 1),) and learner("gd").id == "gd"
    assert learner("gd:3").values == (("steps", 3),) and learner("gd:3").id == "gd:3"


def test_a_file_of_ones_own(mine):
    found = learner(f"{mine}:mine")
    assert found.names == ("rate",) and found.start
    X, one = torch.eye(2, dtype=torch.float64), torch.tensor(1.0, dtype=torch.float64)
    assert found.call(X, X, X[0], X, rate=one).tolist() == [2.0, 0.0]
    assert learner(f"{mine}:plain").names == () and not learner(f"{mine}:plain").start


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("gdd", "no learner 'gdd'; near names: gd"),
        ("mini_bach:2", "near names: mini_batch"),
        ("gd:0", "at least 1, such as gd:2"),
        ("gd:two", "at least 1, such as gd:2"),
        ("gd:1:2", "expected at most 1"),
        ("online_gd:2", "it has no counts"),
        ("mini_batch", "needs the number of tokens a batch: write mini_batch:2"),
        ("FILE:short", "expected learner"),
        ("FILE:nothing", "near names"),
    ],
)
def test_wrong_learners_get_one_message(mine, text, message):
    with pytest.raises(TargetError, match=message) as caught:
        learner(text.replace("FILE", str(mine)))
    assert "\n" not in str(caught.value)
