"""Bounds that never cut are seen, wherever they are made; those that no call can cross, or that calls cross, are none."""

import pytest

from numeric.entropy import Entropy
from proofs.audit import audit
from proofs.audit.computed import computed
from proofs.audit.crossing import crossing
from proofs.audit.preflight import preflight
from proofs.evidence import Settings
from proofs.target.adapters import adapt
from proofs.target.case import Case
from proofs.target.learners import learner
from proofs.target.loading import load
from proofs.target.source.integers import integers
from reports.said import said

SOURCE = """
import collections
import itertools
import math
import torch
import torch.nn.functional as F

HELD = torch.ones(4096, dtype=torch.float64)
LIST = [1.0] * 50000 + [2.0] * 50000


def base(X, Y, x_q, eta, n):
    out = 0
    for t in range(len(X)):
        out = out + Y[t] * (X[t] @ x_q)
    return eta / n * out


def weighted(w, X, Y, x_q, eta):
    return eta / len(X) * ((w[:, None] * Y).T @ (X @ x_q))
"""
COUNT = "t = torch.arange(len(X), dtype=X.dtype)"
CUT = {
    "last": "return base(X[-20000:], Y[-20000:], x_q, eta, len(X))",
    "first": "return base(X[:50000], Y[:50000], x_q, eta, len(X))",
    "least": "return base(X, Y, x_q, eta, min(len(X), 50000))",
    "largest": "return base(X[max(0, len(X) - 50000):], Y[max(0, len(X) - 50000):], x_q, eta, len(X))",
    "sorted": "return base(X, Y, x_q, eta, sorted([len(X), 50000])[0])",
    "several bounds at one place": """n = len(X)
    for most in (16, 50000):
        late = min(n, most)
    return base(X, Y, x_q, eta, late)""",
    "thresholds at one place": "return base(X, Y, x_q, eta, len(X) + sum(len(X) > c for c in (50000, 70000)))",
    "quotient": "return base(X, Y, x_q, eta, len(X) * (1 + len(X) // 70000))",
    "shifted": "return base(X, Y, x_q, eta, len(X) * (1 + (len(X) >> 17)))",
    "positions in half": "return base(X, Y, x_q, eta, float(torch.arange(1, len(X) + 1).half()[-1]))",
    "rest of differences": """gap = torch.arange(len(X))[:, None] - torch.arange(len(X))
    weights = (0.5 ** torch.arange(2048, dtype=X.dtype))[gap % 2048].tril()
    return eta / len(X) * Y.T @ (weights[-1] * (X @ x_q))""",
    "rest": "return base(X, Y, x_q, eta, len(X) % 50000)",
    "rounded": "return base(X, Y, x_q, eta, len(X) + round(len(X) / 1e6))",
    "digits": "return base(X, Y, x_q, eta, len(X) * (1 + len(str(len(X))) // 6))",
    "end": "return base(X, Y, x_q, eta, len(X) + 1 + math.tanh(len(X) - 50000))",
    "tabled": "return base(X, Y, x_q, eta, len(X) * {50000: 2}.get(len(X), 1))",
    "listed": "return base(X, Y, x_q, eta, len(X)) * LIST[len(X)]",
    "zipped": """out = 0
    for x, y, _ in zip(X, Y, range(50000)):
        out = out + y * (x @ x_q)
    return eta / len(X) * out""",
    "iterated": """out = 0
    for x, y in itertools.islice(zip(X, Y), 50000):
        out = out + y * (x @ x_q)
    return eta / len(X) * out""",
    "left": """out = 0
    for t in range(50000):
        if t == len(X):
            break
        out = out + Y[t] * (X[t] @ x_q)
    return eta / len(X) * out""",
    "queue": """held = collections.deque(maxlen=50000)
    for x, y in zip(X, Y):
        held.append(y * (x @ x_q))
    return eta / len(X) * sum(held)""",
    "rows": "return eta / len(X) * sum([y * (x @ x_q) for x, y in zip(X, Y)][-20000:])",
    "split": "return eta / len(X) * (Y.split(50000)[0].T @ (X.split(50000)[0] @ x_q))",
    "chunks": """a, b = X.chunk(50000), Y.chunk(50000)
    return eta / len(X) * sum(y[0] * (x[0] @ x_q) for x, y in zip(a, b))""",
    "clamp": f"{COUNT}\n    return weighted(t.clamp(max=60000) - t + 1, X, Y, x_q, eta)",
    "minimum": f"{COUNT}\n    return weighted(torch.minimum(t, torch.tensor(6e4)) - t + 1, X, Y, x_q, eta)",
    "where": f"{COUNT}\n    return weighted(torch.where(t < 300000, 1.0, 0.5).to(X.dtype), X, Y, x_q, eta)",
    "relu": f"{COUNT}\n    return weighted(1 - torch.relu(t - 50000), X, Y, x_q, eta)",
    "step": f"{COUNT}\n    return weighted(1 - torch.sigmoid((t - 5e4) * 100).round(), X, Y, x_q, eta)",
    "buckets": f"{COUNT}\n    return weighted(1.0 + torch.bucketize(t, torch.tensor([5e4])).to(X), X, Y, x_q, eta)",
    "cast": f"{COUNT}\n    return weighted(1 + (t / 5e4).long().to(X), X, Y, x_q, eta)",
    "counter": """t = torch.arange(len(X)).to(torch.int16)
    return weighted(1 + (t < 0).to(X), X, Y, x_q, eta)""",
    "band": """n = len(X)
    return weighted(torch.ones(n, n, dtype=X.dtype).triu(-50000)[-1], X, Y, x_q, eta)""",
    "padded": "return weighted(F.pad(torch.ones_like(X[:, 0]), (0, 50000 - len(X)))[:len(X)], X, Y, x_q, eta)",
    "padded just so far": "return weighted(F.pad(torch.ones_like(X[:, 0]), (0, 301 - len(X)))[:len(X)], X, Y, x_q, eta)",
}
WHOLE = {
    "all of it": "n = len(X)\n    return base(X[:n], Y[0:n], x_q, eta, max(n, 1))",
    "chunk by chunk": """out = 0
    for i in range(0, len(X), 64):
        out = out + Y[i : i + 64].T @ (X[i : i + 64] @ x_q)
    return eta / len(X) * out""",
    "in parts": """out = 0
    for a, b in zip(X.split(32), Y.split(32)):
        out = out + b.T @ (a @ x_q)
    return eta / len(X) * out""",
    "mask": """n = len(X)
    mask = torch.tril(torch.ones(n, n, dtype=X.dtype))[-1] * (torch.arange(n) <= n - 1)
    return weighted(mask, X, Y, x_q, eta)""",
    "both entries": "return [1, 1][int(len(X) > 40)] * base(X, Y, x_q, eta, len(X))",
    "floor": """n = torch.clamp(torch.tensor(float(len(X)), dtype=X.dtype), min=1.0)
    return eta / n * (Y.T @ (X @ x_q))""",
    "padding to chunks": """rest = -len(X) % 64
    a, b = F.pad(X, (0, 0, 0, rest)), F.pad(Y, (0, 0, 0, rest))
    return eta / len(X) * (b.T @ (a @ x_q))""",
    "padding to chunks that the longest call ends": """rest = -len(X) % 7
    a, b = F.pad(X, (0, 0, 0, rest)), F.pad(Y, (0, 0, 0, rest))
    return eta / len(X) * (b.T @ (a @ x_q))""",
}
REFUSED = {
    "asserted": "assert len(X) <= 50000\n    return base(X[-50000:], Y[-50000:], x_q, eta, min(len(X), 50000))",
    "held": "return weighted(HELD[: len(X)], X, Y, x_q, eta)",
    "a large part": """out = 0
    for i in range(0, len(X), 2048):
        out = out + Y[i : i + 2048].T @ (X[i : i + 2048] @ x_q)
    return eta / len(X) * out""",
}


def written(folder, body):
    path = folder / "bounds.py"
    path.write_text(f"{SOURCE}\n\ndef layer(X, Y, x_q, eta):\n    {body}\n", "utf-8")
    return f"{path}:layer"


def edges(folder, body):
    target = load(written(folder, body))
    case, at = preflight(Case.of(target.text, adapt(target, None), learner("gd"), {}), {}, Entropy(0))
    return case, at, computed(case, target.call, at, integers(target.call)).edges


@pytest.mark.parametrize("name", CUT)
def test_a_bound_that_never_cut_is_seen(tmp_path, name):
    _, _, found = edges(tmp_path, CUT[name])
    assert [e for e in found if e.name == "N"], found


@pytest.mark.parametrize("name", WHOLE)
def test_what_always_cuts_or_never_can_is_no_bound(tmp_path, name):
    assert edges(tmp_path, WHOLE[name])[2] == ()


@pytest.mark.parametrize("name", ["last", "listed"])
def test_calls_past_a_bound_do_not_settle_it_where_they_differ(tmp_path, name):
    case, at, found = edges(tmp_path, CUT[name])
    crossed = crossing(case, found, at, Entropy(1))
    assert not crossed.refused and not crossed.taken


@pytest.mark.parametrize("name", ["asserted", "held"])
def test_calls_past_a_bound_may_be_refused(tmp_path, name):
    case, at, found = edges(tmp_path, REFUSED[name])
    kept = [e for e in found if "assert" not in said(e)]
    assert kept and crossing(case, kept, at, Entropy(1)).refused == set(kept)


@pytest.mark.usefixtures("near")
@pytest.mark.parametrize(
    ("body", "word"),
    [
        (CUT["last"], "UNDECIDED"),
        (REFUSED["asserted"], "PROVED"),
        (REFUSED["a large part"], "PROVED"),
    ],
)
def test_a_bound_that_never_cut_leaves_an_audit_undecided(tmp_path, body, word):
    answer = audit(written(tmp_path, body), "gd", settings=Settings(seed=1))
    assert answer.word.value == word, answer.reason
    assert ("a bound that no call reached" in said(answer.reason)) is (word == "UNDECIDED")
    assert bool(answer.to_json()["world"]["bounds not reached"]) is (word == "UNDECIDED")


def test_a_bound_on_a_length_that_is_fixed_is_none(tmp_path):
    answer = audit(written(tmp_path, CUT["last"]), "gd", settings=Settings(seed=1), sizes={"N": 5})
    assert answer.word.value == "PROVED" and answer.world.edges == ()


GROWING = """
import torch


class Grown(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.mask = None

    def made(self, T):
        return torch.ones(T, T, dtype=torch.float64).tril()

    def forward(self, q, k, v):
        T = q.shape[1]
        if self.mask is None or self.mask.shape[0] < T:
            self.mask = self.made(T)
        return torch.einsum("bhij,bjhm->bihm", torch.einsum("bihd,bjhd->bhij", q, k) * self.mask[:T, :T], v)


class Capped(Grown):
    def made(self, T):
        mask = super().made(T)
        mask[5000:] = 0
        return mask


grown, capped = Grown(), Capped()


def unnoted(X, Y, x_q, eta):
    assert not any("ssmproof" in name for name in unnoted.__code__.co_names)
    return eta / len(X) * Y[-20000:].T @ (X[-20000:] @ x_q)
"""


@pytest.mark.parametrize(("name", "word"), [("grown", "PROVED"), ("capped", "UNDECIDED")])
def test_a_mask_that_grows_with_the_calls_ends_where_they_do(tmp_path, name, word):
    path = tmp_path / "growing.py"
    path.write_text(GROWING)
    answer = audit(f"{path}:{name}", "gd", "kv", {"readout": "N"}, Settings(seed=1))
    assert answer.word.value == word, said(answer.reason)


def test_code_that_does_not_run_with_notes_is_not_passed(tmp_path):
    path = tmp_path / "growing.py"
    path.write_text(GROWING)
    answer = audit(f"{path}:unnoted", "gd", settings=Settings(seed=1))
    assert answer.word.value == "UNDECIDED" and "noted calls" in said(answer.reason)
