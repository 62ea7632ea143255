"""Layers that are the named learner, in code that rounds, casts, takes logarithms or keeps a literal: they are proved."""

from __future__ import annotations

from pathlib import Path

import pytest

from proofs.audit.answer import Word
from proofs.audit.run import audit
from proofs.evidence import Settings
from reports.said import said

pytestmark = pytest.mark.slow  # whole audits

HEAD = "import torch\n\n"
ONLINE = """
def layer(X, Y, x_q, {argument}):
    W = X.new_zeros(Y.shape[1], X.shape[1])
    for t in range(len(X)):
        W = W + {step} * torch.outer(Y[t] - W @ X[t], X[t])
    return W @ x_q
"""
STEP = """
def layer(X, Y, x_q, dt):  # Mamba with A = -1, float32 inside
    S = X.new_zeros(Y.shape[1], X.shape[1])
    for t in range(X.shape[0]):
        S = torch.exp({sign}dt[t]) * S + dt[t] * torch.outer(Y[t].float(), X[t].float())
    return S @ x_q
"""
SEGSUM = """
def layer(X, Y, x_q, dt):
    a = -(dt.expand(X.shape[0])).float().cumsum(0)
    n = X.shape[0]
    L = (a[:, None] - a[None, :]).masked_fill(~torch.tril(torch.ones(n, n, dtype=torch.bool)), -torch.inf).exp()
    return dt * ((L[-1] * (X.float() @ x_q.float())) @ Y.float())
"""
LEAK = """
def layer(q, k, v):  # no causal mask: at its last position alone it is a step of gradient descent
    q, k, v = (a.to(torch.float32) for a in (q, k, v))
    return torch.einsum("bqhd,bkhd,bkhv->bqhv", q / q.shape[-1] ** 0.5, k, v)
"""


def found(folder: Path, source: str, against: str | None = None, **options):
    path = folder / f"layer_{abs(hash(source))}.py"
    path.write_text(HEAD + source)
    return audit(f"{path}:layer", against, settings=Settings(seed=1), **options)


def test_a_step_that_is_a_function_of_a_gate_is_told(tmp_path):
    small = {"f": 2, "m": 1, "N": 2}
    answer = found(tmp_path, ONLINE.format(argument="g", step="torch.exp(g)"), sizes=small)
    assert answer.word is Word.PROVED, answer.reason
    assert said(answer.parameters["beta"]) == "exp(g)"


def test_a_step_beside_its_exponential_is_exact(tmp_path):
    gates = {"dt": "-log(decay)", "eta": "-log(decay)"}
    small = {"f": 2, "m": 2, "N": 3}
    right = found(tmp_path, STEP.format(sign="-"), "discounted_gd", gates=gates, sizes=small)
    assert right.word is Word.PROVED, right.reason
    assert found(tmp_path, STEP.format(sign="-2 * "), "discounted_gd", gates=gates, sizes=small).word is Word.REFUTED


def test_a_gate_given_as_a_number_is_proved_for_every_number(tmp_path):
    answer = found(tmp_path, SEGSUM, gates={"dt": "1/4"}, sizes={"f": 2, "m": 2, "N": 3})
    assert answer.word is Word.PROVED, answer.reason
    assert {n: said(v) for n, v in answer.parameters.items()} == {"eta": "the argument dt", "decay": "exp(-dt)"}
    assert any("dt = 1/4" in note for note in map(said, answer.notes))


def test_a_missing_mask_is_shown_where_it_is(tmp_path):
    answer = found(tmp_path, LEAK, "gd", adapter="kv")
    assert answer.word is Word.REFUTED and "all positions" in said(answer.reason)
    # position 1 reads token 2, which gd on token 1 alone can't
    assert set(answer.counterexample.inputs) == {"q", "k", "v"}


def test_the_librarys_attention_scales_both_sides_by_a_root(tmp_path: Path) -> None:
    (tmp_path / "library.py").write_text(
        "import torch\n\ndef layer(q, k, v):\n"
        "    return torch.nn.functional.scaled_dot_product_attention(q, k, v, is_causal=True)\n"
    )
    found = audit(
        f"{tmp_path / 'library.py'}:layer", "softmax_smoother", "kv:BHTD", {"scale": "f**-0.5"}, Settings(seed=1)
    )
    assert found.word is Word.AGREES and "0.7071067811865476 as (1/2)^(1/2)" in said(found.reason)


POWERS = """
def layer(X, Y, x_q, eta, gamma{kind}):
    age = torch.arange(X.shape[0] - 1, -1, -1, dtype=X.dtype)
    return eta * ((Y * (gamma**age)[:, None]).T @ (X @ x_q))
"""


@pytest.mark.parametrize(("kind", "word"), [("", Word.UNDECIDED), (": float", Word.PROVED)])
def test_one_number_for_the_context_is_not_refuted_by_one_for_each_token(tmp_path, kind, word):
    small = {"f": 2, "m": 1, "N": 3}
    answer = found(tmp_path, POWERS.format(kind=kind), "discounted_gd", gates={"gamma": "decay"}, sizes=small)
    assert answer.word is word, answer.reason
    assert word is Word.PROVED or "annotate the argument as float" in said(answer.reason)
