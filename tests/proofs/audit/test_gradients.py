"""Gradients: planted faults of backward passes are named by argument, and true ones are never refused."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from numeric.entropy import Entropy
from numeric.finding import Verdict
from proofs.audit.answer import Answer, Word
from proofs.audit.compared import How
from proofs.audit.findings import Argument, GradientNotFinite, GradientOff, GradientsDiffer, Special
from proofs.audit.gradients import Compared, gradient_rows
from proofs.audit.layers import same
from proofs.audit.run import audit
from proofs.audit.whole import Found
from proofs.evidence import Settings
from proofs.target.adapters import adapt
from proofs.target.case import Case
from proofs.target.learners import learner
from proofs.target.loading import TargetError, load
from reports.said import said

LAYERS = """
import torch
from torch.utils.checkpoint import checkpoint

class Step(torch.autograd.Function):
    @staticmethod
    def forward(ctx, S, k, v, b):
        e = v - torch.einsum("bhdm,bhd->bhm", S, k)
        ctx.save_for_backward(S, k, e, b)
        return S + b[..., None, None] * k[..., None] * e[..., None, :]

    @staticmethod
    def backward(ctx, g):
        S, k, e, b = ctx.saved_tensors
        ge = torch.einsum("bhdm,bhd,bh->bhm", g, k, b)
        gS = g - k[..., None] * ge[..., None, :]
        gk = torch.einsum("bhdm,bhm,bh->bhd", g, e, b) - torch.einsum("bhdm,bhm->bhd", S, ge)
        gb = torch.einsum("bhdm,bhd,bhm->bh", g, k, e)
        return gS, gk, ge, gb

def step(S, k, v, b):
    e = v - torch.einsum("bhdm,bhd->bhm", S, k)
    return S + b[..., None, None] * k[..., None] * e[..., None, :]

def start(q, v, S):
    return q.new_zeros(q.shape[0], q.shape[2], q.shape[3], v.shape[-1]) if S is None else S

def part(S, q, k, v, beta):
    out = []
    for t in range(k.shape[1]):
        S = step(S, k[:, t], v[:, t], beta[:, t])
        out.append(torch.einsum("bhdm,bhd->bhm", S, q[:, t]))
    return S, torch.stack(out, 1)

def recurrent(q, k, v, beta, initial_state=None, output_final_state=False):
    S, out = part(start(q, v, initial_state), q, k, v, beta)
    return out, S

def truncated(q, k, v, beta):
    S, out = start(q, v, None), []
    for t in range(k.shape[1]):
        S = S.detach() if t % 100 == 0 else S
        S = step(S, k[:, t], v[:, t], beta[:, t])
        out.append(torch.einsum("bhdm,bhd->bhm", S, q[:, t]))
    return torch.stack(out, 1)

def custom(q, k, v, beta):
    S, out = start(q, v, None), []
    for t in range(k.shape[1]):
        S = Step.apply(S, k[:, t], v[:, t], beta[:, t])
        out.append(torch.einsum("bhdm,bhd->bhm", S, q[:, t]))
    return torch.stack(out, 1)

def checkpointed(q, k, v, beta, reentrant=False):
    S, outs = start(q, v, None), []
    for i in range(0, k.shape[1], 2):
        S, o = checkpoint(part, S, *(a[:, i : i + 2] for a in (q, k, v, beta)), use_reentrant=reentrant)
        outs.append(o)
    return torch.cat(outs, 1)

def chunked(q, k, v, beta, initial_state=None, output_final_state=False):
    S, outs = start(q, v, initial_state), []
    for i in range(0, k.shape[1], 2):
        qi, ki, vi, bi = (a[:, i : i + 2].transpose(1, 2) for a in (q, k, v, beta))
        A = torch.eye(ki.shape[2], dtype=k.dtype) + (bi[..., None] * (ki @ ki.mT)).tril(-1)
        u = torch.linalg.solve_triangular(A, bi[..., None] * (vi - ki @ S), upper=False)
        outs.append((qi @ S + (qi @ ki.mT).tril() @ u).transpose(1, 2))
        S = S + ki.mT @ u
    return torch.cat(outs, 1), S

class Scan(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, a):
        x = x.clone()
        for t in range(1, x.shape[1]):
            x[:, t] += a[:, t] * x[:, t - 1]
        ctx.save_for_backward(x, a)
        return x

    @staticmethod
    def backward(ctx, g):
        x, a = ctx.saved_tensors
        g = g.clone()
        for t in range(x.shape[1] - 2, -1, -1):
            g[:, t] += a[:, t + 1] * g[:, t + 1]
        da = torch.zeros_like(a)
        da[:, 1:] = g[:, 1:] * x[:, :-1]
        return g, da

def scanned(q, k, v, g):
    x = torch.einsum("bthd,bthm->bthdm", k, v)
    return torch.einsum("bthdm,bthd->bthm", Scan.apply(x, g.exp()[..., None, None].expand(x.shape)), q)

def overflowing(q, k, v, g):
    c = g.cumsum(1).transpose(1, 2)
    decay = torch.exp(c[..., :, None] - c[..., None, :]).tril()
    return torch.einsum("bhts,bshm->bthm", torch.einsum("bthd,bshd->bhts", q, k) * decay, v)

def quiet(X, Y, x_q, eta):
    with torch.no_grad():
        return eta * Y.T @ (X @ x_q) / len(X)

def plain(X, Y, x_q, eta):
    return eta * Y.T @ (X @ x_q) / len(X)

def rooted(X, Y, x_q, beta):
    W = X.new_zeros(Y.shape[1], X.shape[1])
    for t in range(len(X)):
        W = W + beta[t] * torch.outer(Y[t] - W @ X[t], X[t]) / (1 + (X[t] * X[t]).sum().sqrt() ** 2)
    return W @ x_q

def numbers(X, Y, x_q, eta):
    import numpy
    return eta * Y.T @ (X @ x_q) / len(X)
"""

FAULTS = {
    "start": ("part(start(q, v, initial_state)", "part(start(q, v, initial_state).detach()"),
    "after": ("    return out, S\n", "    return out, S.detach()\n"),
    "rate": ("gb = torch.einsum", "gb = 2 * torch.einsum"),
    "key": ('- torch.einsum("bhdm,bhm->bhd", S, ge)', ""),
    "entries": ("return gS, gk, ge, gb", "return gS, gk, ge, gb.mean(0, keepdim=True).expand_as(gb)"),
    "lost": ("return gS, gk, ge, gb", "return gS, gk, ge, None"),
    "inter": ("outs.append((qi @ S +", "outs.append((qi @ S + 0 * (qi @ S.detach()) - qi @ (S - S.detach()) +"),
    "decay": ("return g, da", "return g, da.flip(1)"),
    "block": ("g[:, t] += a[:, t + 1] * g[:, t + 1]", "g[:, t] += (t % 4 != 3) * a[:, t + 1] * g[:, t + 1]"),
}
SLOW = pytest.mark.slow
GATED = {"g": "log(decay)", "eta": "1"}


def written(folder: Path, fault: str = "") -> str:
    text = LAYERS
    if fault:
        old, new = FAULTS[fault]
        assert old in text
        text = text.replace(old, new)
    path = folder / f"{fault or 'true'}.py"
    path.write_text(text)
    return str(path)


def asked(file: str, name: str, against: str = "online_gd", **options: object) -> Answer:
    gates = GATED if name in ("scanned", "overflowing") else {}
    if gates:
        against = "discounted_gd"
    given = {"adapter": "kv", "gates": gates, "settings": Settings(seed=1), "gradients": True} | options
    return audit(f"{file}:{name}", against, **given)  # type: ignore[arg-type]


def reason(answer: Answer) -> object:
    return next(row.finding.reason for row in answer.rows if row.finding.verdict is Verdict.REFUTED)


def slopes(file: str, name: str, N: int, state: bool = False) -> Compared:
    """The gradients alone, at one N: what an audit asks when the values agree."""
    loaded, gates = load(f"{file}:{name}"), GATED if name == "scanned" else {}
    case = Case.of(loaded.text, adapt(loaded, "kv"), learner("discounted_gd" if gates else "online_gd"), gates)
    found = Found(batch=2, heads=2, tokens=N, axes=("f", "m") if state else None)
    kinds = (How.EXACT, How.FLOAT)
    return gradient_rows(case, found, {"f": 2, "m": 3, "N": N}, {"N": N, "f": 2}, kinds, (), Entropy(1), -100.0)


@pytest.mark.parametrize(
    "name, N, state",
    [
        ("recurrent", 2, True),
        ("custom", 2, False),
        ("scanned", 3, False),
        ("chunked", 3, False),
        ("checkpointed", 3, False),
    ],
)
def test_true_passes_agree(tmp_path: Path, name: str, N: int, state: bool) -> None:
    found = slopes(written(tmp_path), name, N, state)
    assert all(row.finding.verdict is Verdict.CONFIRMED for row in found.rows) and not found.refusals
    assert found.covers is not None and found.covers.exact == (N,) and found.covers.state is state
    assert found.covers.cells == (2, 2) and found.parting is None


@pytest.mark.parametrize(
    "fault, name, N, arguments",
    [
        ("start", "recurrent", 1, {"S"}),
        ("after", "recurrent", 1, {"k", "v", "beta", "S"}),
        ("rate", "custom", 1, {"beta"}),
        ("entries", "custom", 1, {"beta"}),
        ("lost", "custom", 1, {"beta"}),
        ("key", "custom", 2, {"k"}),
        ("inter", "chunked", 3, {"k", "v", "beta"}),
        ("decay", "scanned", 2, {"g"}),
    ],
)
def test_wrong_passes_are_named(tmp_path: Path, fault: str, name: str, N: int, arguments: set[str]) -> None:
    found = slopes(written(tmp_path, fault), name, N, state=name == "recurrent")
    why, part = found.rows[-1].finding.reason, found.parting
    assert isinstance(why, GradientsDiffer) and {one.argument.name for one in why.off} == arguments
    assert (why.N, why.first, why.detached) == (N, True, fault == "after")
    assert [one.missing for one in why.off] == [fault in ("start", "lost")] * len(arguments)
    assert part is not None and part.reproduced and part.counterexample.left != part.counterexample.right


def test_words() -> None:
    k, g = GradientOff(Argument("k"), token=3), GradientOff(Argument("g", "decay"), missing=True)
    assert said(GradientsDiffer((g,), 1, True)) == "the gradient of g (by decay) is missing (None): first at N = 1"
    far = said(GradientsDiffer((k, replace(k, argument=Argument("S"))), 101, False, detached=True))
    why = "no gradient comes back from the state after; the gradients of k, the start differ"
    assert far == f"{why}: at N = 101, token 3, and not at N = 100"


SHORT = {"f": 2, "m": 2, "N": 2}
"""Sizes at which an audit is quick."""


def test_without_any_graph(tmp_path: Path) -> None:
    file = written(tmp_path)
    found = asked(file, "quiet", "gd", adapter=None, sizes=SHORT)
    assert found.word is Word.REFUTED and "the gradients of X, Y, x_q, eta are missing (None)" in str(found)
    found = asked(file, "plain", "gd", adapter=None, sizes=SHORT)
    assert found.word is Word.PROVED and "gradients of outputs by X, Y, x_q, eta, all at once, in float64" in str(found)
    assert "no backward passes" not in str(found)
    assert "forward values alone, no backward passes" in str(audit(f"{file}:quiet", "gd", sizes=SHORT))


def test_usage(tmp_path: Path) -> None:
    with pytest.raises(TargetError, match="no backward pass"):
        file = tmp_path / "numbers.py"
        file.write_text(
            "import numpy as np\n\ndef layer(X, Y, x_q, eta):\n    return np.asarray(eta * Y.T @ (X @ x_q))\n"
        )
        audit(f"{file}:layer", "gd", gradients=True)


@SLOW
@pytest.mark.parametrize("fault, name", [("start", "recurrent"), ("inter", "chunked"), ("block", "scanned")])
def test_audits_of_wrong_passes(tmp_path: Path, fault: str, name: str) -> None:
    found = asked(written(tmp_path, fault), name, sizes={"f": 2, "m": 2, "N": 6})
    assert found.word is Word.REFUTED and found.status == 1 and found.of_gradients, str(found)
    assert isinstance(reason(found), GradientsDiffer) and "run again as plain calls" in str(found)
    assert found.parting is not None and found.parting.reproduced and found.instead is None


@SLOW
def test_truncation(tmp_path: Path) -> None:
    found = asked(written(tmp_path), "truncated")
    why = reason(found)
    assert isinstance(why, GradientsDiffer) and why.N == 101 and not why.first
    assert "at N = 101, token 1, and not at N = 100" in str(found)


@SLOW
@pytest.mark.parametrize("name", ["recurrent", "custom", "checkpointed", "chunked", "scanned"])
def test_true_ones(tmp_path: Path, name: str) -> None:
    found = asked(written(tmp_path), name)
    assert found.word is Word.PROVED, str(found)
    covered = found.world.gradients if found.world is not None else None
    assert covered is not None and {3, 9, 33} <= {*covered.exact} and 129 in {*covered.exact, *covered.rounded}
    assert covered.state is (name in ("recurrent", "chunked"))


@SLOW
def test_reentrant_checkpoints(tmp_path: Path) -> None:
    found = asked(written(tmp_path), "checkpointed", gates={"reentrant": "1"}, sizes=SHORT)
    assert found.word is Word.PROVED, str(found)


@SLOW
def test_special_points(tmp_path: Path) -> None:
    found = asked(written(tmp_path), "overflowing")
    assert reason(found) == GradientNotFinite((Argument("g", "decay"),), Special.TINY_GATES)
    found = asked(written(tmp_path), "rooted", "nlms", adapter=None, gates={"eps": "1", "beta": "mu"})
    assert reason(found) == GradientNotFinite((Argument("X"),), Special.ZERO_TOKEN)


@SLOW
def test_layers(tmp_path: Path) -> None:
    true, wrong, sizes = written(tmp_path), written(tmp_path, "inter"), {"f": 2, "m": 2, "N": 4}

    def both(one: str, other: str) -> Answer:
        return same(one, other, "kv", settings=Settings(seed=1), sizes=sizes, gradients=True)

    found = both(f"{true}:recurrent", f"{true}:chunked")
    assert found.word is Word.PROVED and found.second is not None, str(found)
    assert all(one.world is not None and one.world.gradients is not None for one in (found, found.second))
    for pair in ((f"{true}:recurrent", f"{wrong}:chunked"), (f"{wrong}:chunked", f"{true}:recurrent")):
        found = both(*pair)  # whichever it is whose pass is wrong
        asked = found.second or found
        assert found.word is Word.REFUTED and found.of_gradients and asked.target == f"{wrong}:chunked", str(found)
