"""Targets and learners that write to what they are given: each call gets copies, so that no other call sees it."""

import pytest
import torch

from proofs.audit.answer import Check, Word
from proofs.audit.run import compared
from proofs.evidence import Settings
from proofs.target.calling import copied
from proofs.target.notes import Quirk

CODE = """
import torch

def delta(q, k, v, beta, initial_state=None, output_final_state=False, times=1.0):
    q.mul_(times)
    k.neg_(), v.neg_()
    S = k.new_zeros(k.shape[0], k.shape[2], k.shape[3], v.shape[-1]) if initial_state is None else initial_state
    out = []
    for t in range(q.shape[1]):
        u = beta[:, t, :, None] * (v[:, t] - torch.einsum("bhk,bhkv->bhv", k[:, t], S))
        S += k[:, t, :, :, None] * u[:, :, None, :]
        out.append(torch.einsum("bhk,bhkv->bhv", q[:, t], S))
    return torch.stack(out, 1), S

def twice(q, k, v, beta, initial_state=None, output_final_state=False):
    return delta(q, k, v, beta, initial_state, output_final_state, 2.0)

def weights(X, Y, x_q, W0, beta):
    for x, y in zip(X, Y):
        W0 += beta * torch.outer(y - W0 @ x, x)
    X.zero_(), beta.zero_()
    return W0 @ x_q

def one_short(X, Y, x_q, W0, beta):
    return weights(X[1:], Y[1:], x_q, W0, beta)

def written_learner(X, Y, x_q, W0, beta):
    return weights(X, Y, x_q, W0, beta)
"""


@pytest.fixture(scope="module")
def code(tmp_path_factory):
    path = tmp_path_factory.mktemp("code") / "writing.py"
    path.write_text(CODE)
    return path


@pytest.mark.parametrize(
    ("name", "against", "adapter", "word"),
    [
        ("delta", "online_gd", "kv", Word.PROVED),
        ("twice", "online_gd", "kv", Word.REFUTED),
        ("weights", "online_gd", None, Word.PROVED),
        ("weights", "written_learner", None, Word.PROVED),
        ("one_short", "online_gd", None, Word.REFUTED),
    ],
)
def test_writing_to_its_inputs_is_said_and_no_difference(code, name, against, adapter, word):
    against = f"{code}:{against}" if against in CODE else against
    sizes = {} if name == "delta" else {"N": 5}
    answer = compared(f"{code}:{name}", against, adapter, settings=Settings(seed=1), sizes=sizes)
    assert answer.word is word and Quirk.WRITES in answer.notes, str(answer)
    if name == "delta":
        assert any(row.check is Check.EVERY for row in answer.rows), (
            "two calls are one, with a state that is written to"
        )


def test_what_is_one_tensor_stays_one():
    X = torch.ones(2, 2)
    given = copied({"X": X, "Y": X, "q": X.T, "n": 3})
    assert given["X"] is given["Y"] and given["n"] == 3
    assert not {id(X), X.data_ptr()} & {id(given["X"]), given["X"].data_ptr(), given["q"].data_ptr()}
