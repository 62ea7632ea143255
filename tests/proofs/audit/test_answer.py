"""What an answer's word rests on, and what is printed beside it: each kind of layer that once passed, or was misnamed."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
import torch

from numeric.finding import Finding, Verdict
from numeric.trust import Derivation
from proofs.audit.answer import Check, Run, Word, chance_of, run_of
from proofs.audit.reasons import where
from proofs.audit.rows import Row
from proofs.evidence import Settings
from proofs.identify.ask import ask
from proofs.target.loading import TargetError, load
from reports.said import said

pytestmark = pytest.mark.usefixtures("near")

LAYERS = """
import torch

def good(X, Y, x_q, eta):
    return eta / len(X) * (Y.T @ (X @ x_q))

def defaults(X, Y, x_q, eta, scale=2.0):
    return scale / 2 * good(X, Y, x_q, eta)

def zero(X, Y, x_q):
    return Y[0] * 0

def absorbs(X, Y, x_q, eta):
    return (good(X, Y, x_q, eta) + 1e40) - 1e40

def halves(X, Y, x_q, eta):
    return good(X.bfloat16().to(X.dtype), Y, x_q, eta)

def singles(X, Y, x_q, eta):
    return good(X.float().to(X.dtype), Y, x_q, eta)

def online(X, Y, x_q, b):
    W = X.new_zeros(Y.shape[1], X.shape[1])
    for t in range(len(X)):
        W = W + b * torch.outer(Y[t] - W @ X[t], X[t])
    return W @ x_q

def product(X, Y, x_q, lr, d):
    return online(X, Y, x_q, lr * (1 - d))

def polynomial(X, Y, x_q, g):
    return online(X, Y, x_q, g + (g - 1 / 2) * (g - 9 / 16))

def squashed(X, Y, x_q, g):
    return online(X, Y, x_q, torch.sigmoid(g))

def idle(X, Y, x_q, rate, wd):
    return online(X, Y, x_q, rate + 0 * wd)

def late(X, Y, x_q):
    W = X.new_zeros(Y.shape[1], X.shape[1])
    for t in range(len(X)):
        W = W + (0.5 if t < 8 else 0.25) * torch.outer(Y[t] - W @ X[t], X[t])
    return W @ x_q

def normalised(X, Y, x_q):
    return (X @ x_q) @ Y / ((X @ x_q).sum() + 1e-10)

def resets(X, Y, x_q, decay):
    b = decay.cumprod(0)
    return (Y * (X @ x_q / b)[:, None]).sum(0) * b[-1]

def solves(X, Y, x_q):
    return Y.T @ X @ torch.linalg.solve(X.T @ X + torch.eye(X.shape[1], dtype=X.dtype), x_q)

def solves_another(X, Y, x_q):
    return (solves(X, Y, x_q) + 1e40) - 1e40
"""


@pytest.fixture(scope="module")
def layers(tmp_path_factory):
    path = tmp_path_factory.mktemp("answers") / "answers.py"
    path.write_text(LAYERS)
    return path


def find(layers, name, against="gd", **options):
    return ask(f"{layers}:{name}", against, settings=Settings(seed=1), **options)


@pytest.mark.parametrize(
    ("gates", "sizes", "message"),
    [
        ({"readout": "0", "eta": "1"}, {}, "gate readout=0: a readout of 0 reads nothing"),
        ({"eta": "N-N"}, {}, "gate eta=N-N is 0 at N=5: eta of gd has to be positive"),
        ({"eta": "-N"}, {}, "gate eta=-N is -5 at N=5"),
        ({"eta": "f-4"}, {"f": 4, "m": 3}, "gate eta=f-4 is 0 at f=4"),
        ({"eta": "6-N"}, {}, "gate eta=6-N is -3 at N=9"),
        ({"eta": "1e400"}, {}, "beyond those of float64"),
        ({"eta": "2**2**30"}, {}, "beyond those of float64"),
    ],
)
def test_gates_outside_their_domain_are_wrong_usage(layers, gates, sizes, message):
    with pytest.raises(TargetError, match=message.replace("*", r"\*")):
        find(layers, "good" if "6-N" in gates.values() else "zero", gates=gates, sizes=sizes)


def test_only_a_float_run_that_agrees_is_proved(layers):
    found = find(layers, "absorbs")
    assert found.word in (Word.REFUTED, Word.UNDECIDED), str(found)
    assert find(layers, "halves").word is Word.REFUTED
    single = find(layers, "singles")
    assert single.word is Word.PROVED and "casts" in said(single.reason)
    assert sum("cast to torch.float32" in line for line in str(single).splitlines()) >= 1
    assert not any("refuted" in line for line in str(single).splitlines())


def test_where_no_bound_exists_the_float_run_is_held_against_its_exact_value(layers):
    found = find(layers, "solves", "ridge", gates={"lam": "1"}, sizes={"f": 4, "m": 3, "N": 3})
    assert found.word is Word.PROVED and "first-order rounding bound" in said(found.reason), str(found)
    found = find(layers, "solves_another", "ridge", gates={"lam": "1"}, sizes={"f": 4, "m": 3, "N": 3})
    assert found.word in (Word.REFUTED, Word.UNDECIDED), str(found)


def test_the_trust_is_printed(layers):
    text = str(find(layers, "good"))
    assert "  trust     the Schwartz-Zippel lemma" in text and "wrong with probability at most 2^-" in text


def test_gates_that_make_one_number_together_are_proved_together(layers):
    found = find(layers, "product", None)
    assert found.word is Word.PROVED and found.learner.id == "online_gd"
    assert {n: said(v) for n, v in found.parameters.items()} == {"beta": "lr*(1 - d)"}
    assert set(found.free) == {"lr", "d"}


def test_a_law_that_two_values_suggest_is_not_printed(layers):
    found = find(layers, "polynomial", None)
    assert found.word is Word.UNDECIDED and "was not found" in said(found.parameters["beta"])
    assert not found.laws[0].factors


def test_a_law_of_exponentials_is_proved(layers):  # sigmoid(g) is e^g / (1 + e^g), g and e^g are independent
    found = find(layers, "squashed", None)
    assert found.word is Word.PROVED and said(found.parameters["beta"]) == "sigmoid(g)", str(found)


def test_a_late_change_is_no_learner(layers):
    found = find(layers, "late", None)
    assert found.word is Word.NO_MATCH and "at N = 9" in said(found.reason)
    shown = found.counterexample
    layer = load(f"{layers}:late").call(*(torch.tensor(np.array(shown.inputs[n], float)) for n in ("X", "Y", "x_q")))
    assert layer.tolist() == [float(v) for v in shown.left] != [float(v) for v in shown.right]


def test_a_refuted_layer_is_said_to_be_what_it_is(layers):
    found = find(layers, "product", "gd", gates={"lr": "1/2", "d": "1/4"})
    assert found.word is Word.REFUTED and found.instead.learner.id == "online_gd"
    assert any("instead   the layer runs online_gd" in line for line in str(found).splitlines())
    idle = find(layers, "idle", "gd", gates={"rate": "eta/N", "wd": "free"})
    assert any("instead   the argument wd changes nothing" in line for line in str(idle).splitlines()), str(idle)


def test_an_epsilon_is_the_one_in_the_code(layers):
    found = find(layers, "normalised", None)
    # at one token of norm 1 the learner is (1 + epsilon) times the layer in rational numbers: the code's own constant
    assert found.word is Word.BIASED and found.epsilon.value == 1e-10
    against = find(layers, "normalised", "linear_smoother")
    assert against.word is Word.REFUTED and any("epsilon of 1e-10" in line for line in str(against).splitlines())


def test_any_number_is_tried_at_0(layers):
    found = find(layers, "resets", "discounted_gd", gates={"eta": "1"})
    assert any("at decay = 0 the layer is not finite" in note for note in map(said, found.notes)), str(found)


def test_a_counterexample_is_what_plain_calls_give(layers):
    found = find(layers, "late", "online_gd", gates={"beta": "1/2"}, sizes={"f": 1, "m": 1})
    assert found.word is Word.REFUTED and found.parting.reproduced and found.parting.first == 9
    assert 0 < found.parting.largest < 2
    shown = found.counterexample
    data = [
        torch.tensor(np.vectorize(lambda v: float(Fraction(v)))(np.array(shown.inputs[n]))) for n in ("X", "Y", "x_q")
    ]
    assert [f"{v:.12g}" for v in load(f"{layers}:late").call(*data).tolist()] == list(shown.left)


def row(rung, verdict, N=5, **figures):
    reason = "" if verdict is Verdict.CONFIRMED else "so it is"
    return Row(rung, {"f": 4, "m": 3, "N": N}, Finding(verdict, reason=reason, figures=figures))


YES, NO, OPEN = Verdict.CONFIRMED, Verdict.REFUTED, Verdict.UNDECIDED


@pytest.mark.parametrize(
    ("rows", "run"),
    [
        ([], Run.UNSURE),
        ([row(Check.FLOAT, YES)], Run.AGREES),
        ([row(Check.FLOAT, NO)], Run.DIFFERS),
        ([row(Check.FLOAT, OPEN)], Run.UNSURE),
        ([row(Check.FLOAT, NO), row(Check.LIFTED, YES), row(Check.SINGLE, YES)], Run.LIFTED),
        ([row(Check.FLOAT, NO), row(Check.LIFTED, YES), row(Check.SINGLE, NO)], Run.DIFFERS),
        ([row(Check.FLOAT, NO), row(Check.LIFTED, NO)], Run.DIFFERS),
        ([row(Check.LIFTED, YES)], Run.LIFTED),
        (
            [row(Check.FLOAT, YES), Row(Check.FLOAT, {"N": 9}, Finding(YES, figures={"outputs not assessable": 1}))],
            Run.UNSURE,
        ),
    ],
)
def test_what_float_runs_show(rows, run):
    assert run_of(rows)[0] is run


def test_words_and_their_status():
    assert [(w.status, w.verdict) for w in (Word.PROVED, Word.AGREES, Word.BIASED, Word.UNDECIDED)] == [
        (0, YES), (4, YES), (1, NO), (3, OPEN),
    ]  # fmt: skip
    rows = [row("exact", YES, N, **{"failure probability, log2": -100.0}) for N in (1, 2)] + [row("exact", OPEN, 9)]
    assert chance_of(rows) == -99.0
    assert said(where(rows)) == "at (f, m) = (4, 3) for N = 1, 2"


def test_what_has_to_be_trusted_is_said_once_and_no_inner_place_is_told(layers):
    found = find(layers, "good", "gd")
    assert not any("constructions/" in flag or "proofs/" in flag for flag in map(said, found.flags))
    bounds = [trust for trust in found.trust if isinstance(trust, Derivation)]
    assert len(bounds) == len({bound.name for bound in bounds}) and len(set(found.trust)) == len(found.trust)


def test_arguments_that_no_call_gave_are_named(layers):
    assert "left at its default: scale = 2.0" in map(said, find(layers, "defaults").notes)
    assert not any("default" in note for note in map(said, find(layers, "defaults", gates={"scale": "2"}).notes))
