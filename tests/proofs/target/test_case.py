"""How a target and a learner are put together: parameters per token and channel, gates, readouts, what is inferred."""

from dataclasses import FrozenInstanceError, replace

import pytest
import torch

from numeric.entropy import Entropy
from numeric.finding import Verdict
from proofs.audit.answer import Word
from proofs.audit.preflight import preflight
from proofs.audit.run import audit, compared
from proofs.evidence import Settings
from proofs.target.adapters import adapt
from proofs.target.case import Case
from proofs.target.learners import learner
from proofs.target.loading import TargetError, load
from reports.said import said

LAYERS = """
import torch

def delta(q, k, v, beta, scale=None, half=False):
    B, T, H, D = q.shape
    assert beta.shape == (B, T, H)
    scale = D ** -0.5 if scale is None else scale
    S, o = torch.zeros(B, H, D, v.shape[-1]), []
    for t in range(T):
        u = beta[:, t, :, None] * (v[:, t] - (S * k[:, t, :, :, None]).sum(-2))
        S = S + k[:, t, :, :, None] * u[:, :, None, :]
        o.append(torch.einsum("bhk,bhkv->bhv", q[:, t], S) * scale)
    return torch.stack(o, 1)

def halved(q, k, v, beta):
    return delta(q, k, v, beta, 0.5)

def heads_first(q, k, v, beta):
    q, k, v, beta = (x.transpose(1, 2) for x in (q, k, v, beta))
    return delta(q, k, v, beta, 1.0).transpose(1, 2)

def before(q, k, v, beta):
    o = delta(q, k, v, beta, 1.0)
    S, out = torch.zeros(1, 1, q.shape[-1], v.shape[-1]), []
    for t in range(q.shape[1]):
        out.append(torch.einsum("bhk,bhkv->bhv", q[:, t], S))
        u = beta[:, t, :, None] * (v[:, t] - (S * k[:, t, :, :, None]).sum(-2))
        S = S + k[:, t, :, :, None] * u[:, :, None, :]
    return torch.stack(out, 1)

def wrong_query(q, k, v, beta):
    return delta(q.roll(1, 1), k, v, beta)

def ascent(X, Y, x_q):
    return -0.5 * (Y.T @ X) @ x_q

def nothing(X, Y, x_q):
    return 0 * (Y.T @ X) @ x_q

def channels(q, k, v, g):
    assert g.shape == q.shape
    S = torch.zeros(1, 1, q.shape[-1], v.shape[-1])
    for t in range(q.shape[1]):
        S = g[:, t].exp()[..., None] * S + k[:, t, :, :, None] * v[:, t, :, None, :]
    return torch.einsum("bhk,bhkv->bhv", q[:, -1], S)[:, None]

def last_rate(X, Y, x_q, beta):
    W = torch.zeros(Y.shape[1], X.shape[1])
    for x, y in zip(X, Y):
        W = W - beta[-1] * torch.outer(W @ x - y, x)
    return W @ x_q

def each_rate(X, Y, x_q, beta):
    W = torch.zeros(Y.shape[1], X.shape[1])
    for t in range(len(X)):
        W = W - beta[t] * torch.outer(W @ X[t] - Y[t], X[t])
    return W @ x_q

def shares(X, Y, x_q):
    weights = torch.tensor([1.0, 0.5, 0.25, 2.0])
    return (Y.T @ X) @ (weights * x_q) / len(X)

def momentum(X, Y, x_q):
    W = torch.zeros(Y.shape[1], X.shape[1])
    M = 0 * W
    for x, y in zip(X, Y):
        M = 0.5 * M + torch.outer(W @ x - y, x)
        W = W - 0.25 * M
    return W @ x_q

def rounded(X, Y, x_q):
    A, B, c = X.T @ X, Y.T @ X, 0.1
    return (2 * c * B - c * c * B @ A) @ x_q

def smoother(X, Y, x_q):
    return torch.softmax(0.5 * X @ x_q, 0) @ Y

def cut(X, Y, x_q):
    return (torch.softmax(0.5 * X @ x_q, 0) @ Y).float().double()

def nearly(X, Y, x_q):
    w = torch.exp(0.5 * X @ x_q)
    return w @ Y / (w.sum() + 1e-12)

def single(X, Y, x_q, eta):
    S = torch.zeros(Y.shape[1], X.shape[1], dtype=torch.float32)
    return ((S + (Y.T @ X).float()) @ (eta / len(X) * x_q).float()).to(X.dtype)

def mixed(X, Y, x_q, eta):
    return torch.einsum("mf,f->m", (Y.T @ X).float(), x_q * eta / len(X))

def step(W, x, y, beta):
    return W - beta * torch.outer(W @ x - y, x)

def turned_step(S, x, y, beta, decay):
    S = decay * S
    return S + beta * torch.outer(x, y - x @ S)

def by_width(X, Y, x_q, eta):
    return eta / X.shape[1] * (Y.T @ X) @ x_q

def doubled(X, Y, x_q, beta):
    return 2 * each_rate(X, Y, x_q, beta)

def backwards(X, Y, x_q, beta):
    return each_rate(X.flip(0), Y.flip(0), x_q, beta)

attention = torch.nn.MultiheadAttention(4, 1, bias=False, batch_first=True)
with torch.no_grad():
    attention.in_proj_weight.copy_(torch.eye(4).repeat(3, 1))
    attention.out_proj.weight.copy_(torch.eye(4))

def one_token(layer, X, Y, x_q, beta):
    return layer(x_q[None, None, None].expand(1, len(X), 1, -1), X[None, :, None], Y[None, :, None],
                 beta.expand(len(X))[None, :, None])[0, -1, 0]
"""

FILTER = """
import numpy as np

def lms(X, Y, x_q, mu):
    w = np.zeros((Y.shape[1], X.shape[1]))
    for x, y in zip(X, Y):
        w = w + mu * np.outer(y - w @ x, x)
    return w @ x_q

def signed(X, Y, x_q, mu):
    w = np.zeros((Y.shape[1], X.shape[1]))
    for x, y in zip(X, Y):
        w = w + mu * np.outer(np.sign(y - w @ x), x)
    return w @ x_q
"""


@pytest.fixture(scope="module")
def layers(tmp_path_factory):
    folder = tmp_path_factory.mktemp("layers")
    (folder / "layers.py").write_text(LAYERS)
    (folder / "filters.py").write_text(FILTER)
    return folder


HELD = {}
"""Audits that several tests read, each made once."""


def find(folder, name, against, adapter=None, gates=None, **options):
    file = "filters.py" if name in ("lms", "signed") else "layers.py"
    adapter = adapter.replace("FILE", str(folder / "layers.py")) if adapter else None
    key = name, against, adapter, repr(gates or {}), repr(options)
    if key not in HELD:
        HELD[key] = compared(f"{folder / file}:{name}", against, adapter, gates, Settings(seed=1), **options)
    return HELD[key]


EACH = "any number, one for each token"


@pytest.mark.parametrize(
    ("name", "against", "adapter", "gates", "expected"),
    [
        ("delta", "online_gd", "kv", {}, {"readout": "f**-0.5", "beta": EACH}),
        ("delta", "online_gd", "kv", {"scale": "1"}, {"scale": "1", "beta": EACH}),
        ("delta", "online_gd", "kv", {"beta": "free"}, {"readout": "f**-0.5", "beta": EACH}),
        ("delta", "online_gd", "kv", {"beta": "1/2", "scale": "1"}, {"beta": "1/2"}),
        ("delta", "online_gd", "kv", {"beta": "2*beta", "readout": "1/2", "scale": "1"}, None),
        ("halved", "online_gd", "kv", {"readout": "1/2"}, {"readout": "1/2"}),
        ("heads_first", "online_gd", "kv:BHTD", {}, {"beta": EACH}),
        ("before", "online_gd", "kv:exclusive", {}, {"beta": EACH}),
        ("channels", "channel_discount", "kv", {"g": "log(decay)", "eta": "1"}, {"g": "log(decay)"}),
        ("each_rate", "online_gd", None, {}, {"beta": EACH}),
        ("delta", "online_gd", "FILE:one_token", {"readout": "f**-0.5"}, {"beta": EACH}),
        ("momentum", "heavy_ball", None, {}, {"beta": "1/4 at N=5", "mu": "1/2 at N=5"}),
        ("shares", "preconditioned_gd", None, {}, {"eta": "(1, 1/2, 1/4, 2) at N=5"}),
        ("smoother", "softmax_smoother", None, {}, {"scale": "1/2"}),
        ("single", "gd", None, {}, {"eta": "any number"}),
        ("step", "online_gd", "step", {}, {"beta": EACH}),
        ("turned_step", "decay_then_step", "step:transposed", {}, {"decay": EACH}),
        ("attention", "softmax_smoother", "attention", {}, {"scale": "1/2"}),
        ("mixed", "gd", None, {}, {"eta": "any number"}),
        ("lms", "online_gd", None, {"mu": "beta"}, {"mu": "beta"}),
    ],
)
def test_true_layers(layers, name, against, adapter, gates, expected):
    whole = name in ("step", "single", "smoother") or (name == "delta" and not gates)  # all lengths; else one of them
    found = find(layers, name, against, adapter, gates, **({} if whole else {"sizes": {"N": 5}}))
    if expected is None:
        assert found.verdict is Verdict.REFUTED, str(found)  # twice the rate at half the readout is another learner
        return
    assert found.verdict is Verdict.CONFIRMED, str(found)
    for parameter, value in expected.items():
        assert said(found.parameters[parameter]).startswith(value), dict(found.parameters)


@pytest.mark.parametrize(
    ("name", "against", "adapter", "gates"),
    [
        ("halved", "online_gd", "kv", {}),  # 1/2 is f**-0.5 at f = 4 only
        ("delta", "online_gd", "kv", {"readout": "1"}),
        ("wrong_query", "online_gd", "kv", {}),
        ("ascent", "gd", None, {}),
        ("nothing", "gd", None, {}),
        ("step", "gd", "step", {"beta": "eta/N"}),
        ("turned_step", "step_then_decay", "step:transposed", {"decay": "1-beta*weight_decay"}),
        ("attention", "linear_smoother", "attention", {}),
        ("delta", "online_gd", "kv:BHTD", {"readout": "f**-0.5"}),
        ("heads_first", "online_gd", "kv", {}),
        ("last_rate", "online_gd", None, {}),
        ("before", "online_gd", "kv", {}),
        ("channels", "discounted_gd", "kv", {"g": "free", "eta": "1", "decay": "1"}),
        ("shares", "gd", None, {}),
        ("momentum", "online_gd", None, {}),
        ("momentum", "ridge", None, {}),
        ("nearly", "softmax_smoother", None, {}),
        ("smoother", "softmax_smoother", None, {"scale": "0.5000001"}),
        ("signed", "online_gd", None, {"mu": "beta"}),
    ],
)
def test_wrong_layers(layers, name, against, adapter, gates):
    try:
        found = find(layers, name, against, adapter, gates)
    except TargetError:
        assert name in ("heads_first", "delta")  # the wrong layout does not fit the shapes
        return
    assert found.verdict is not Verdict.CONFIRMED, str(found)
    assert found.verdict is Verdict.REFUTED or name == "channels", str(found)


@pytest.mark.parametrize(
    ("name", "against", "adapter", "gates", "hint"),
    [
        ("by_width", "gd", None, {}, 'N/f times the learner: see --gate "readout=N/f"'),
        ("doubled", "online_gd", None, {}, '2 times the learner: see --gate "readout=2"'),
        ("backwards", "online_gd", None, {"beta": "1/2"}, "the tokens in reverse order"),
        ("before", "online_gd", "kv", {}, "--adapter kv:exclusive"),
        ("halved", "online_gd", "kv", {}, '--gate "readout=1/2"'),
    ],
)
def test_a_refutation_suggests_what_would_agree(layers, name, against, adapter, gates, hint):
    found = find(layers, name, against, adapter, gates)
    assert found.verdict is Verdict.REFUTED
    assert any(hint in note for note in map(said, found.notes)), found.notes


def test_a_step_settles_every_length(layers):
    assert "every N by induction" in said(find(layers, "step", "online_gd", "step").reason)


def test_a_case_is_not_changed_by_how_it_is_run(layers):
    target = load(f"{layers / 'layers.py'}:delta")
    case, at = preflight(Case.of("delta", adapt(target, "kv"), learner("online_gd"), {}), {}, Entropy(0))
    lifted = replace(case, lifted=True)
    with pytest.raises(FrozenInstanceError):
        case.lifted = True
    lifted.layer(**lifted.draw(at, torch.Generator().manual_seed(0)))
    lifted.note("said of both", "and this")
    assert not case.lifted and list(case.notes)[-2:] == ["said of both", "and this"]
    other = case.anew({**case.gates, "scale": "1"})
    other.note("said of the other")
    assert (other.axes, other.form) == (case.axes, case.form) and "said of the other" not in case.notes


def test_what_is_only_sampled_says_so(layers):
    found = find(layers, "smoother", "softmax_smoother")
    assert found.word is Word.AGREES and found.status == 4 and str(found).startswith("AGREES")
    assert "sampled, no proof" in said(found.reason)
    others = find(layers, "cut", "softmax_smoother")
    figures = [next(r for r in f.rows if r.rung == "sampled, balls").finding.figures for f in (found, others)]
    cut = [f["float64 run, relative error"] for f in figures]
    assert cut[0] < 2.0**-44 and cut[1] > 2.0**-40  # the layer that rounds to float32 shows


def test_a_gate_that_is_only_drawn_is_said_with_where_it_was(tmp_path):
    path = tmp_path / "roots.py"
    path.write_text(
        "def by_root(X, Y, x_q, eta):\n    return (eta * eta).sqrt() / len(X) * (Y.T @ (X @ x_q))\n"
        "def plain(X, Y, x_q, eta):\n    return eta / len(X) * (Y.T @ (X @ x_q))\n"
    )
    root, plain = (compared(f"{path}:{name}", "gd", settings=Settings(seed=1)) for name in ("by_root", "plain"))
    assert root.word is Word.AGREES and said(root.parameters["eta"]) == "any number above 0"
    assert plain.word is Word.PROVED and said(plain.parameters["eta"]) == "any number"


def test_rounded_constants_are_named(layers):
    """0.1 and its square are rounded, each its own way: the layer is two steps of N/10 in the numbers that they stand for."""
    found = find(layers, "rounded", "gd:2")
    assert found.word is Word.PROVED and said(found.parameters["eta"]).startswith("1/10 N"), str(found)
    assert "constants read as the numbers they are roundings of" in said(found.reason)
    assert any("no eta was found that fits" in note for note in map(said, found.notes))


def test_casts_are_lifted_and_reported(layers):
    found = find(layers, "single", "gd")
    verdicts = {row.rung: row.finding.verdict for row in found.rows}
    assert verdicts["sampled, float64"] is Verdict.REFUTED
    assert verdicts["sampled, float64 lifted"] is verdicts["sampled, float32"] is Verdict.CONFIRMED
    assert any("float32" in flag for flag in map(said, found.flags))
    assert any("casts to float32" in note for note in map(said, find(layers, "mixed", "gd").notes))


def test_the_answer_fits_a_screen(layers):
    for found in (find(layers, "delta", "online_gd", "kv"), find(layers, "single", "gd")):
        assert len(str(found).splitlines()) <= 25


@pytest.mark.parametrize(
    ("name", "against", "adapter", "gates", "message"),
    [
        ("delta", "gd", "kv", {}, "needs beta: give --gate beta=eta .or log.eta., eta/N"),
        ("delta", "gd", "kv", {"beta": "eta", "readout": "free"}, "gate readout: expected a number"),
        ("delta", "online_gd", "kv", {"gamma": "1"}, "gate 'gamma': .* takes beta, scale, half .*online_gd has beta"),
        ("delta", "gd", "kv", {"beta": "rate"}, "gate value 'rate': use a number, one of N, f, m, X, eta"),
        ("delta", "decay_then_step", "kv", {}, "no argument for decay of decay_then_step.*--gate decay="),
    ],
)
def test_wrong_gates_get_one_message(layers, name, against, adapter, gates, message):
    with pytest.raises(TargetError, match=message) as caught:
        find(layers, name, against, adapter, gates)
    assert "\n" not in str(caught.value)


def test_callables_are_targets_too():
    def layer(X, Y, x_q, eta):
        return eta / len(X) * (Y.T @ X) @ x_q

    def adapter(target, X, Y, x_q, eta):
        return target(X, Y, x_q, 2 * eta) / 2

    for called in (None, adapter):
        found = audit(layer, "gd", called, settings=Settings(seed=1), sizes={"N": 5})
        assert found.verdict is Verdict.CONFIRMED, str(found)
