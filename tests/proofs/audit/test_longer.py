"""Sizes past the integers of the code: what breaks there is seen, what is refused is named, true layers hold."""

import pytest

from numeric.entropy import Entropy
from numeric.finding import Verdict
from numeric.tape.refusals import OtherBits
from proofs.audit import longer
from proofs.audit.compared import How, Question
from proofs.audit.longer import longer_rows
from proofs.audit.preflight import preflight
from proofs.target.adapters import adapt
from proofs.target.case import Case
from proofs.target.learners import learner
from proofs.target.loading import load
from proofs.target.source.integers import integers
from reports.said import said

LAYERS = """
import collections
import torch

def linear(q, k, v, chunk=20, carry=True, keep=1.0):
    S = q.new_zeros(q.shape[0], q.shape[2], q.shape[3], v.shape[-1])
    outs = []
    for t in range(0, q.shape[1], chunk):
        Q, K, V = (a[:, t : t + chunk].transpose(1, 2) for a in (q, k, v))
        o = (Q @ K.mT).tril() @ V
        outs.append(((o + Q @ S) if carry else o).transpose(1, 2))
        S = keep * S + K.mT @ V
    return torch.cat(outs, 1)

def three(q, k, v):
    return linear(q, k, v, chunk=3)

def no_carry(q, k, v):
    return linear(q, k, v, carry=False)

def forgets(q, k, v):
    return linear(q, k, v, keep=0.0)

def whole_chunks(q, k, v):
    assert q.shape[1] % 16 == 0, "a multiple of 16"
    return linear(q, k, v, chunk=16)

def step(X, Y, x_q, eta):
    return eta / len(X) * (Y.T @ (X @ x_q))

def from_12(X, Y, x_q, eta):
    return step(X, Y, x_q, eta) * (2 if len(X) >= 12 else 1)

def at_3(X, Y, x_q, eta):
    return step(X, Y, x_q, eta) * (2 if len(X) == 3 else 1)

def wider_than_6(X, Y, x_q, eta):
    return step(X, Y, x_q, eta) * (2 if X.shape[1] > 6 else 1)

def rest_of_3(X, Y, x_q, eta):
    return step(X, Y, x_q, eta) * (2 if len(X) > 8 and len(X) % 8 == 3 else 1)

def even(X, Y, x_q, eta):
    return step(X, Y, x_q, eta) if len(X) % 2 or len(X) < 3 else step(X[:-1], Y[:-1], x_q, eta * (len(X) - 1) / len(X))

def wide_power(X, Y, x_q, eta):
    return step(X, Y, x_q, eta) * (2 if X.shape[1].bit_length() > 3 and X.shape[1].bit_count() == 1 else 1)

def window(X, Y, x_q, eta):
    return step(X[-40:], Y[-40:], x_q, eta)

def far_window(X, Y, x_q, eta):
    return step(X[-5000:], Y[-5000:], x_q, eta)

def table(X, Y, x_q, eta):
    places = torch.ones(4096, dtype=X.dtype)
    places[3000:] = 0
    return step(X * places[: len(X), None], Y, x_q, eta)

def parts(X, Y, x_q, eta):
    return sum(step(X[:, i : i + 96], Y, x_q[i : i + 96], eta) for i in range(0, max(X.shape[1] - 95, 1), 96))

def slots(X, Y, x_q, beta, most=310):
    W = X.new_zeros(Y.shape[1], X.shape[1])
    for x, y in collections.deque(zip(X, Y), maxlen=most):
        W = W + beta * torch.outer(y - W @ x, x)
    return W @ x_q

def low_rank(X, Y, x_q, lam, most=6):
    A, x, r = X.T @ X + lam * torch.eye(X.shape[1], dtype=X.dtype), 0 * x_q, x_q
    p = r
    for _ in range(min(X.shape[1], most)):
        a = (r @ r) / (p @ (A @ p))
        x, new = x + a * p, r - a * (A @ p)
        p, r = new + (new @ new) / (r @ r) * p, new
    return Y.T @ (X @ x)

def refuses(X, Y, x_q, eta):
    if len(X) == 11:
        raise ValueError("eleven is too many")
    return step(X, Y, x_q, eta) + 0 * 10

def sorts_later(X, Y, x_q, eta):
    return step(*((X, Y) if len(X) < 17 else ((a[(X @ x_q).topk(16).indices]) for a in (X, Y))), x_q, eta)

def short_rank(X, Y, x_q, lam):
    return low_rank(X, Y, x_q, lam, int(4.2 * X.shape[1] ** 0.5))

def softmax(X, Y, x_q):
    return torch.softmax(X @ x_q, 0) @ Y

def softmax_window(X, Y, x_q):
    return softmax(X[-10:], Y[-10:], x_q)
"""


@pytest.fixture(scope="module")
def layers(tmp_path_factory):
    path = tmp_path_factory.mktemp("layers") / "longer.py"
    path.write_text(LAYERS)
    return path


def ready(layers, name, against="gd", adapter=None, gates=None):
    case = Case.of(name, adapt(load(f"{layers}:{name}"), adapter), learner(against), gates or {})
    return preflight(case, {}, Entropy(0))


def found(layers, name, against="gd", adapter=None, gates=None, kinds=(How.FLOAT,)):
    case, at = ready(layers, name, against, adapter, gates)
    mentioned = integers(load(f"{layers}:{name}").call)
    return longer_rows(case, at, {}, kinds, mentioned, Entropy(1), -100.0, (1, 2, 5, 9, 33))


@pytest.mark.parametrize(
    ("name", "adapter", "gates"), [("linear", "kv", {}), ("step", None, {}), ("three", "kv", {"readout": "N"})]
)
def test_true_layers_hold_past_every_integer(layers, name, adapter, gates):
    result = found(layers, name, adapter=adapter, gates=gates)
    assert result.beyond and 129 in result.lengths and {(17, 19), (19, 17)} <= set(result.widths)
    assert all(row.finding.verdict is Verdict.CONFIRMED for row in result.rows)
    assert all(row.finding.figures["digits"] >= 6 for row in result.rows)


@pytest.mark.parametrize(
    ("name", "adapter", "size"),
    [
        ("no_carry", "kv", {"N": 41}),
        ("forgets", "kv", {"N": 41}),
        ("from_12", None, {"N": 25}),
        ("at_3", None, {"N": 3}),
        ("wider_than_6", None, {"f": 7}),
        ("window", None, {"N": 81}),
        ("rest_of_3", None, {"N": 11}),
        ("even", None, {"N": 4}),
        ("wide_power", None, {"f": 8}),
    ],
)
def test_what_changes_its_ways_is_refuted(layers, name, adapter, size):
    result = found(layers, name, adapter=adapter)
    row = result.rows[-1]
    assert row.finding.verdict is Verdict.REFUTED and not result.beyond
    assert {k: row.sizes[k] for k in size} == size


@pytest.mark.parametrize(
    ("name", "against", "kinds", "size"),
    [
        ("far_window", "gd", (How.FLOAT,), {"N": 5001}),
        ("table", "gd", (How.FLOAT,), {"N": 3001}),
        ("parts", "gd", (How.FLOAT,), {"f": 97}),
        ("slots", "online_gd", (How.FLOAT,), {"N": 311}),
        ("low_rank", "ridge", (How.FLOAT,), {"f": 7, "N": 9}),
        pytest.param("short_rank", "ridge", (How.EXACT, How.FLOAT), {"f": 19, "N": 21}, marks=pytest.mark.slow),
    ],
)
def test_what_ends_far_out_is_refuted(layers, name, against, kinds, size):
    row = found(layers, name, against, kinds=kinds).rows[-1]
    assert row.finding.verdict is Verdict.REFUTED, row
    assert {k: row.sizes[k] for k in size} == size


def test_a_small_size_gets_an_exact_counterexample(layers):
    row = found(layers, "at_3", kinds=(How.EXACT, How.FLOAT)).rows[-1]
    assert row.rung == "exact, longer" and dict(row.finding.counterexample.sizes) == {"f": 1, "m": 1, "N": 3}


def test_refused_sizes_are_named(layers):
    result = found(layers, "refuses")
    (why,) = [said(r.why) for r in result.refusals if r.sizes["N"] == 11]
    assert why.startswith("raised ValueError: eleven is too many")
    assert not result.beyond


def test_of_whole_blocks_alone_other_lengths_are_made_of_them(layers):
    result = found(layers, "whole_chunks", "gd", "kv")
    assert {32, 48, 144} <= set(result.lengths) and not any("multiple of 16" in said(r.why) for r in result.refusals)


@pytest.mark.parametrize(("name", "unlike"), [("sorts_later", [True]), ("step", []), ("refuses", [False]), ("few", [])])
def test_a_size_that_no_rung_follows_is_told_from_one_that_is_refused(layers, name, unlike):
    case, at = ready(layers, {"few": "sorts_later"}.get(name, name))
    search = longer.Search(case, (How.EXACT, How.FLOAT), Entropy(1), -100.0)
    search.ask("longer", {**at, "N": {"refuses": 11, "few": 16}.get(name, 18)})
    assert [r.unlike for r in search.refusals] == unlike


@pytest.mark.parametrize(("name", "unlike"), [("step", False), ("from_12", True)])
def test_other_bits_of_a_recording_are_held_against_plain_calls(layers, monkeypatch, name, unlike):
    def other_bits(program, shapes):
        raise OtherBits("a call")

    monkeypatch.setattr(longer, "bounds", other_bits)
    case, at = ready(layers, name)
    sizes = {**at, "N": 23}
    asked = Question(case, lambda held: (held.layer, held.learner), case.shapes, sizes)
    search = longer.Search(case, (How.EXACT,), Entropy(1), -100.0)
    assert search._unlike(asked, [longer.gentle(case, case.shapes, sizes, Entropy(2))]) is unlike


def test_balls_reach_as_far_where_nothing_else_decides(layers):
    kinds, gates = (How.BALLS,), {"scale": "1"}
    assert 129 in found(layers, "softmax", "softmax_smoother", gates=gates, kinds=kinds).lengths
    row = found(layers, "softmax_window", "softmax_smoother", gates=gates, kinds=kinds).rows[-1]
    assert row.finding.verdict is Verdict.REFUTED and row.sizes["N"] > 10
