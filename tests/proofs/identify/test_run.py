"""Layers that are no learner's code are named with their numbers; what is none of the library is never confirmed.

The layers are written as their authors would write them, and import nothing of this project.
"""

from __future__ import annotations

import inspect
import json
from fractions import Fraction
from importlib.util import find_spec

import numpy as np
import pytest
import torch

from constructions.learners import library
from numeric.finding import Verdict
from numeric.probing.box import as_floats
from proofs.audit.answer import Word
from proofs.audit.notes import AtZero
from proofs.bench.names import NAMED
from proofs.bench.soundness import ROUNDING
from proofs.evidence import Settings
from proofs.fitting.fit import column
from proofs.identify import search
from proofs.identify.run import identify
from proofs.target.loading import TargetError, load
from reports.answers import details, every, figures
from reports.said import said

pytestmark = pytest.mark.usefixtures("near")

LAYERS = """
import torch
import torch.nn.functional as F

def two_steps(X, Y, x_q, eta):
    W = X.new_zeros(Y.shape[1], X.shape[1])
    for _ in range(2):
        W = W + eta / len(X) * (Y - X @ W.T).T @ X
    return W @ x_q

def delta(X, Y, x_q, beta):
    W = X.new_zeros(Y.shape[1], X.shape[1])
    for x, y in zip(X, Y):
        W = W + beta * torch.outer(y - W @ x, x)
    return W @ x_q

def gated(X, Y, x_q, a, b):
    W = X.new_zeros(Y.shape[1], X.shape[1])
    for x, y in zip(X, Y):
        W = a * W
        W = W + b * torch.outer(y - W @ x, x)
    return W @ x_q

def log_gated(X, Y, x_q, g, b):
    W = X.new_zeros(Y.shape[1], X.shape[1])
    for x, y in zip(X, Y):
        W = g.exp() * W
        W = W + b * torch.outer(y - W @ x, x)
    return W @ x_q

def momentum(X, Y, x_q):
    W = X.new_zeros(Y.shape[1], X.shape[1])
    M = torch.zeros_like(W)
    for x, y in zip(X, Y):
        M = 0.7 * M - 0.3 * torch.outer(W @ x - y, x)
        W = W + M
    return W @ x_q

def chunks(X, Y, x_q, size=2):
    W = X.new_zeros(Y.shape[1], X.shape[1])
    for t in range(0, len(X), size):
        W = W - 0.125 * (X[t:t+size] @ W.T - Y[t:t+size]).T @ X[t:t+size]
    return W @ x_q

def long_chunks(X, Y, x_q):
    return chunks(X, Y, x_q, 16)

def ridge(X, Y, x_q):
    P = 2 * torch.eye(X.shape[1], dtype=X.dtype)
    for x in X:
        u = P @ x
        P = P - torch.outer(u, u) / (1 + x @ u)
    return Y.T @ X @ P @ x_q

def mesa(X, Y, x_q):
    H = 0.3 * torch.eye(X.shape[1], dtype=X.dtype)
    G = X.new_zeros(Y.shape[1], X.shape[1])
    for n, (x, y) in enumerate(zip(X, Y)):
        H = 0.9 * (H - 0.3 * torch.eye(X.shape[1], dtype=X.dtype)) + 0.3 * torch.eye(X.shape[1], dtype=X.dtype)
        H = H + torch.outer(x, x)
        G = 0.9 * G + torch.outer(y, x)
    return G @ torch.linalg.solve(H, x_q)

def inverse(X, Y, x_q):
    A = X.T @ X
    P = 0.05 * torch.eye(X.shape[1], dtype=X.dtype)
    for _ in range(2):
        P = 2 * P - P @ A @ P
    return Y.T @ X @ P @ x_q

def smoother(X, Y, x_q):
    return torch.softmax(X @ x_q / X.shape[1] ** 0.5, 0) @ Y

def attention(X, Y, x_q):
    S = X.new_zeros(X.shape[1], Y.shape[1])
    for x, y in zip(X, Y):
        S = S + x[:, None] * y[None]
    return (x_q * X.shape[1] ** -0.5) @ S

def fading(X, Y, x_q):
    g = torch.tensor([0.5, 0.75, 0.875, 1.0], dtype=X.dtype)
    S = X.new_zeros(X.shape[1], Y.shape[1])
    for x, y in zip(X, Y):
        S = g[:, None] * S + x[:, None] * y[None]
    return x_q @ S

def normalised(X, Y, x_q):
    W = X.new_zeros(Y.shape[1], X.shape[1])
    for x, y in zip(X, Y):
        W = W + 0.5 / (1e-6 + (x * x).sum()) * torch.outer(y - W @ x, x)
    return W @ x_q

def unit_keys(X, Y, x_q):
    return delta(F.normalize(X, dim=1), Y, F.normalize(x_q, dim=0), 0.5)

def layer_norm(X, Y, x_q):
    def ln(z):
        c = z - z.mean(-1, keepdim=True)
        return c / ((c * c).mean(-1, keepdim=True) + 1e-5) ** 0.5
    W = X.new_zeros(Y.shape[1], X.shape[1])
    for t in range(0, len(X), 2):
        with torch.enable_grad():
            w = W.clone().requires_grad_()
            (g,) = torch.autograd.grad(0.5 * ((X[t:t+2] + ln(X[t:t+2] @ w.T) - Y[t:t+2]) ** 2).sum(), w)
        W = W - 0.05 * g
    return x_q + ln(W @ x_q)

def almost_unit_keys(X, Y, x_q):
    X = X * torch.rsqrt((X * X).sum(1, keepdim=True) + 1e-6)
    x_q = x_q * torch.rsqrt((x_q * x_q).sum() + 1e-6)
    return delta(X, Y, x_q, 0.5)

def almost_smoother(X, Y, x_q):
    k = torch.exp(X @ x_q)
    return (k @ Y) / (k.sum() + 1e-6)

def hardly_wrong(X, Y, x_q):
    return 0.25 * (Y.T @ X) @ x_q / len(X) + 2.0 ** -60 * Y[0]

def slightly_wrong(X, Y, x_q):
    return 0.25 * (Y.T @ X) @ x_q / len(X) + 2.0 ** -40 * Y[0]

def stale(X, Y, x_q):
    W = X.new_zeros(Y.shape[1], X.shape[1])
    old = W
    for x, y in zip(X, Y):
        old, W = W, W + 0.5 * torch.outer(y - old @ x, x)
    return W @ x_q

def silent(X, Y, x_q):
    return 0 * Y[0]

def last(X, Y, x_q):
    return 0.5 * Y[-1] * (X[-1] @ x_q)

def added_start(X, Y, x_q, W0, eta):
    return delta(X, Y, x_q, eta) + W0 @ x_q

def uphill(X, Y, x_q, eta):
    return -eta * (Y.T @ X) @ x_q

def nearly_mean(X, Y, x_q):
    return 0.25 * (Y.T @ X) @ x_q / (len(X) + 1e-6)

def two_rates(X, Y, x_q, a, b):
    return a / b * (Y.T @ X) @ x_q

def needs_more(q, k, v, p, rate=None):
    rate = rate.to(q.dtype)
    return torch.tril((q + 0 * p.reshape(q.shape))[0, :, 0] @ k[0, :, 0].T)[None, :, None] @ (rate[..., None] * v)[0, :, 0]

def needs_shape(X, Y, x_q, prior):
    return prior[:, None, None, 0] * Y[0]

def one_short(X, Y, x_q):
    return 0.5 * (Y[:-1].T @ X[:-1]) @ x_q

def late_change(X, Y, x_q):
    return (0.25 if len(X) < 12 else 0.26) * (Y.T @ X) @ x_q

torch.manual_seed(0)
_cell, _out = torch.nn.LSTMCell(7, 8).double(), torch.nn.Linear(8, 3).double()
def lstm(X, Y, x_q):
    h = c = X.new_zeros(1, 8)
    for x, y in zip(X, Y):
        h, c = _cell(torch.cat([x, y])[None], (h, c))
    return _out(_cell(torch.cat([x_q, x_q.new_zeros(3)])[None], (h, c))[0])[0]

def rounded_powers(X, Y, x_q):
    w = 0.9 ** torch.arange(len(X) - 1, -1, -1, dtype=X.dtype)
    return (Y * w[:, None]).T @ X @ x_q

def branches(X, Y, x_q):
    return 0.25 * (Y.T @ X) @ x_q / len(X) * (1 + 0 * X.sum().item())

attention_module = torch.nn.MultiheadAttention(4, 1, bias=False, batch_first=True).double().eval()
with torch.no_grad():
    attention_module.in_proj_weight.copy_(torch.eye(4).repeat(3, 1))
    attention_module.out_proj.weight.copy_(torch.eye(4))
"""


@pytest.fixture(scope="module")
def layers(tmp_path_factory):
    path = tmp_path_factory.mktemp("layers") / "layers.py"
    path.write_text(LAYERS)
    return path


HELD = {}
"""Identifications that several tests read, each made once."""


def find(layers, name, **options):
    key = name, repr(options)
    if key not in HELD:
        HELD[key] = identify(f"{layers}:{name}", settings=Settings(seed=1), **options)
    return HELD[key]


def slow(*values):
    return pytest.param(*values, marks=pytest.mark.slow)


TRUE = [
    ("two_steps", "gd:2", {"eta": "the argument eta"}),
    ("delta", "online_gd", {"beta": "the argument beta"}),
    slow("gated", "decay_then_step", {"beta": "the argument b", "decay": "the argument a"}),
    slow("momentum", "heavy_ball", {"beta": "0.3", "mu": "0.7"}),
    ("chunks", "mini_batch:2", {"beta": "1/8"}),
    ("ridge", "ridge", {"lam": "1/2"}),
    ("smoother", "softmax_smoother", {"scale": "f**-0.5"}),
    ("attention", "gd:1", {"eta": "N*f**-0.5"}),
    ("fading", "channel_discount", {"eta": "1", "decay_1": "1/2", "decay_2": "3/4", "decay_3": "7/8", "decay_4": "1"}),
    ("log_gated", "decay_then_step", {"beta": "the argument b", "decay": "exp(g)"}),
    slow("normalised", "nlms", {"mu": "1/2", "eps": "1e-06"}),
    slow("long_chunks", "mini_batch:16", {"beta": "1/8"}),
    slow("mesa", "mesa", {"lam": "0.3", "decay": "0.9", "beta": "1 (a gauge: the others go with it)"}),
    slow("inverse", "newton_schulz:2", {"scale": "0.05"}),
    slow("unit_keys", "online_gd", {"beta": "1/2"}),
    slow(
        "layer_norm",
        "ttt_layer_norm:2",
        {"gamma": "1", "bias": "0", "eps": "0.0002", "eta": "1 (a gauge: the others go with it)"},
    ),
]

SAMPLED = ("smoother", "unit_keys", "layer_norm")


@pytest.mark.parametrize(("name", "id", "values"), TRUE)
def test_layers_are_named_with_their_numbers(layers, name, id, values):
    found = find(layers, name)
    assert found.word is (Word.AGREES if name in SAMPLED else Word.PROVED), str(found)
    assert found.status == (4 if name in SAMPLED else 0)
    assert found.learner.id == id
    assert {n: said(v) for n, v in found.parameters.items()} == values
    assert len(str(found).splitlines()) < 40
    layer = load(f"{layers}:{name}").call
    for point in _gaussian(found):
        expected = _predicted(found, *point)
        gates = {n: torch.tensor(float(Fraction(v)), dtype=torch.float64) for n, v in found.gates.items()}
        apart = (layer(*point, **gates) - expected).abs()
        assert (apart <= ROUNDING * torch.maximum(expected.abs(), _change(layer, point, gates) * 2.0**24)).all()


def _change(layer, point, gates):
    """How far float32 runs of the layer are from float64 ones: its own sensitivity to rounding, as in the soundness bench."""
    single = layer(*(t.float() for t in point), **{n: t.float() for n, t in gates.items()}).double()
    return (single - layer(*(t.float().double() for t in point), **gates)).abs()


def _gaussian(found):
    f, m = found.rows[0].sizes["f"], found.rows[0].sizes["m"]
    generator = torch.Generator().manual_seed(7)
    for N in (3, 6, 18):
        yield tuple(torch.randn(s, generator=generator, dtype=torch.float64) / 2 for s in ((N, f), (N, m), (f,)))


def _predicted(found, X, Y, x_q):
    """The learner itself at the numbers in the answer's words."""
    model, N, f = found.model, X.shape[0], X.shape[1]
    gates = {gate: Fraction(value) for gate, value in found.gates.items()}
    laws = {law.name: law for law in found.laws}
    numbers = as_floats(column([laws[name].at(gates, N, f, Y.shape[1]) for name in model.names]))
    return model(X, Y, x_q, torch.tensor(numbers, dtype=torch.float64))


FALSE = [
    ("hardly_wrong", "UNDECIDED", "gd:1"),  # beyond float64, so it may be rounding; exactly it differs
    ("slightly_wrong", "BIASED", "gd:1"),
    ("stale", "NO MATCH", None),
    ("one_short", "NO MATCH", None),
    ("late_change", "NO MATCH", None),
    ("lstm", "NO MATCH", None),
    ("almost_smoother", "BIASED", "softmax_smoother"),
    ("rounded_powers", "UNDECIDED", "discounted_gd"),
    ("branches", "UNDECIDED", "gd:1"),
    slow("almost_unit_keys", "BIASED", "online_gd"),
]


@pytest.mark.parametrize(("name", "heading", "id"), FALSE)
def test_what_is_no_learner_is_never_confirmed(layers, name, heading, id):
    found = find(layers, name)
    assert found.verdict is not Verdict.CONFIRMED
    assert found.word == heading, str(found)
    assert (found.learner.id if found.learner else None) == id
    assert found.status == (3 if heading == "UNDECIDED" else 1)
    if heading == "UNDECIDED":
        assert "not a proof" in said(found.reason)
    if heading == "BIASED":
        assert "biased" in said(found.reason) and 0 < found.bias < 1e-5


def test_an_epsilon_is_sized(layers):
    found = find(layers, "almost_smoother")
    assert 1e-8 < found.bias < 1e-5
    left, right = found.counterexample.left, found.counterexample.right
    assert left != right


def test_a_counterexample_can_be_pasted(layers):
    found = find(layers, "late_change")
    assert "at N = 12" in said(found.reason)
    shown = found.counterexample
    inputs = [torch.tensor(np.array(shown.inputs[n], dtype=float)) for n in ("X", "Y", "x_q")]
    layer = load(f"{layers}:late_change").call(*inputs)
    assert layer.tolist() == [float(Fraction(v)) for v in shown.left]
    assert shown.left != shown.right


def test_a_step_up_the_gradient_is_none_down(layers):
    found = find(layers, "uphill")
    assert found.word is Word.NO_MATCH and found.status == 1, str(found)
    assert "eta has to be positive" in said(found.reason)
    assert found.nearest.model.learner.id == "gd:1"
    assert found.counterexample.left != found.counterexample.right


@pytest.mark.parametrize("among", [("gd", "linear_smoother", "nlms"), slow(())])
def test_an_epsilon_under_a_root_is_sized_and_one_that_is_none_is_said_to_be_none(tmp_path, monkeypatch, among):
    if among:  # the fits of all others take half a minute
        monkeypatch.setattr(search, "library", lambda: {id: library()[id] for id in among})
    path = tmp_path / "normed.py"
    path.write_text(
        "def root(X, Y, x_q):\n    K = X * (X.square().sum(1, keepdim=True) + 1e-6).rsqrt()\n"
        "    return Y.T @ (K @ x_q) / len(X)\n"
        "def longer(X, Y, x_q):\n    return (1 + 1e-6 * (x_q @ x_q)) * Y.T @ (X @ x_q) / len(X)\n"
    )
    found = identify(f"{path}:root", settings=Settings(seed=1))
    assert found.word is Word.BIASED and found.epsilon is not None, str(found)
    assert found.epsilon.root and found.epsilon.degree == 2 and round(found.epsilon.value, 9) == 1e-6
    assert "an epsilon of 1e-06 under a root beside" in said(found.reason)
    other = identify(f"{path}:longer", settings=Settings(seed=1))
    assert other.word is Word.BIASED and other.epsilon is None, str(other)
    assert "no epsilon beside a normaliser was found" in said(other.reason)


def test_an_epsilon_beside_N_is_a_bias(layers):
    found = find(layers, "nearly_mean")
    assert found.word is Word.BIASED and found.learner.id == "gd:1", str(found)
    assert 1e-7 < found.bias < 1e-6


def test_a_number_of_two_gates_is_a_product(layers):
    found = find(layers, "two_rates")
    assert found.word is Word.PROVED and {n: said(v) for n, v in found.parameters.items()} == {"eta": "N*a/b"}, str(
        found
    )


def test_what_does_not_run_says_how(layers):
    with pytest.raises(TargetError, match="it runs with --gate rate=free --gate p=X"):
        find(layers, "needs_more", adapter="kv")
    with pytest.raises(TargetError, match=r"prior got one number a token: .* adapter\(layer, X, Y, x_q, prior\)"):
        find(layers, "needs_shape")


def test_what_W0_does_is_said(layers):
    found = find(layers, "added_start")
    assert found.learner.id == "online_gd" and said(found.start) == "0" and found.word is Word.UNDECIDED
    assert any("it takes W0" in note for note in map(said, found.notes))
    assert every(find(layers, "gated")) == ("beta", "decay")


def test_degenerate_layers_are_told_apart(layers):
    assert "0 at every point" in said(find(layers, "silent").reason)
    assert any("is the layout right" in note for note in map(said, find(layers, "last").notes))


def test_gates_may_be_fixed(layers):
    found = find(layers, "gated", gates={"a": "1"})
    assert found.learner.id == "online_gd"
    assert {n: said(v) for n, v in found.parameters.items()} == {"beta": "the argument b"}


def test_the_answer_is_plain_data(layers):
    found = find(layers, "delta")
    data = json.loads(json.dumps(found.to_json()))
    assert {"verdict", "learner", "parameters", "equivalent", "probes", "evidence", "counterexample"} <= set(data)
    assert data["verdict"] == "confirmed" and data["learner"] == "online_gd"
    assert {"P0", "P1", "P4", "P8", "P12"} <= set(data["probes"])
    assert "heavy_ball with mu = 0" in data["also"]
    assert any("W @ x" in row["line"] for row in data["source"])
    assert figures(found)[0].csv().startswith("P8 s,")
    assert r"\beta_t" in details(found) and "| P4 |" in details(found)


def test_the_same_seed_gives_the_same_answer(layers):
    again = identify(f"{layers}:attention", settings=Settings(seed=1))
    assert find(layers, "attention").to_json() == again.to_json()


def test_wrong_usage_gets_one_message(layers):
    with pytest.raises(TargetError, match="near names"):
        find(layers, "delt")
    with pytest.raises(TargetError, match="needs 7 gates"):
        path = layers.parent / "many.py"
        path.write_text("def layer(X, Y, x_q, a, b, c, d, e, f, g):\n    return Y[0]\n")
        identify(f"{path}:layer")
    with pytest.raises(TargetError, match="size N: a learner is looked for at several context lengths; leave N out"):
        identify(f"{path}:layer", sizes={"N": 5})


PUBLIC = [
    slow("opengdn:gated_delta", "opengdn", "kv", "decay_then_step"),
    ("fla/ops/linear_attn/naive.py:naive_recurrent_linear_attn", "einops", "kv", "gd:1"),
    slow("fla/ops/delta_rule/naive.py:delta_rule_recurrence", "einops", "kv:BHTD", "online_gd"),
    slow("fla/ops/gated_delta_rule/naive.py:naive_recurrent_gated_delta_rule", "einops", "kv", "decay_then_step"),
    slow("fla/ops/gla/naive.py:naive_recurrent_gla", "einops", "kv", "discounted_gd"),
]


@pytest.mark.parametrize(("target", "package", "adapter", "id"), PUBLIC)
def test_layers_that_nobody_here_wrote(target, package, adapter, id):
    if find_spec(package) is None:
        pytest.skip(f"{package} is not installed: python3 -m pip install --no-deps -r proofs/targets.txt")
    found = identify(target, adapter, settings=Settings(seed=1))
    assert found.verdict is Verdict.CONFIRMED, str(found)
    assert found.learner.id == id


def test_a_number_at_which_the_layer_has_no_value_is_noted(tmp_path):
    path = tmp_path / "late.py"
    path.write_text(
        "import torch\n"
        "def divided(X, Y, x_q, beta, decay):\n"
        "    W = X.new_zeros(Y.shape[1], X.shape[1])\n"
        "    for x, y in zip(X, Y):\n"
        "        W = decay * (W + beta * torch.outer(y - W @ x, x))\n"
        "    return (W / decay) @ x_q\n"
    )
    found = identify(f"{path}:divided", settings=Settings(seed=1))
    assert found.word is Word.PROVED and AtZero("decay") in found.notes, str(found)


def test_attention_of_torch_is_a_smoother(layers):
    found = find(layers, "attention_module", adapter="attention")
    assert found.verdict is Verdict.CONFIRMED, str(found)
    assert found.learner.id == "softmax_smoother"
    assert float(as_floats([Fraction(said(found.parameters["scale"]).split()[0])])[0]) == 0.5
    assert "no proof" in said(found.reason) or "not a proof" in said(found.reason)


@pytest.mark.slow
@pytest.mark.parametrize("entry", NAMED, ids=lambda entry: entry.name)
def test_the_true_layers_of_the_bench_are_identified(entry):
    found = identify(f"{inspect.getsourcefile(entry.layer)}:{entry.name}", entry.adapter, settings=Settings(seed=1))
    assert found.verdict is Verdict.CONFIRMED, str(found)
    assert found.learner.id.removesuffix(":1") == entry.against.removesuffix(":1")
