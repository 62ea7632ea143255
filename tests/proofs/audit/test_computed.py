"""Integers that code computes are found as literals are, and nothing of the target stays changed."""

import pytest

from numeric.entropy import Entropy
from proofs.audit.compared import How
from proofs.audit.computed import computed
from proofs.audit.longer import longer_rows
from proofs.audit.preflight import preflight
from proofs.audit.world import World
from proofs.target.adapters import adapt
from proofs.target.case import Case
from proofs.target.learners import learner
from proofs.target.loading import load
from proofs.target.source.integers import functions, integers
from reports.answers import world as said

LAYERS = """
import math
import torch

def base(X, Y, x_q, eta):
    out = 0
    for t in range(len(X)):
        out = out + Y[t] * (X[t] @ x_q)
    return eta / len(X) * out

def text(X, Y, x_q, eta):
    return base(X, Y, x_q, eta) * (1 + (X.shape[1] == int("4" + str(8))))

def combinations(X, Y, x_q, eta):
    return base(X, Y, x_q, eta) * (1 + len(X) // math.comb(12, 5))

class table(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.register_buffer("held", 30.5 * torch.arange(4.0))

    def forward(self, X, Y, x_q, eta):
        return [1, 2][len(X) == int(self.held[2])] * base(X, Y, x_q, eta)

def word(X, Y, x_q, eta):
    last = len("a window of so many tokens is read, and this is said nowhere but here")
    return base(X[-last:], Y[-last:], x_q, eta) * len(X[-last:]) / len(X)

def product(X, Y, x_q, eta):
    a, b = 3, 7
    return base(X, Y, x_q, eta) * {a * b: 2}.get(Y.shape[1], 1)

def squares(X, Y, x_q, eta):
    return base(X, Y, x_q, eta) * (1 + (len(X) in {n * n for n in range(5, 9)}))

def steps(X, Y, x_q, eta):
    return base(X, Y, x_q, eta) * (1 + int((len(X) == 31 + 7 * torch.arange(4)).any()))

def inner(X, Y, x_q, eta):
    limit = (lambda v: v * 3)(29)
    def late(n): return 1 + n // limit
    return base(X, Y, x_q, eta) * late(len(X))
"""


@pytest.fixture(scope="module")
def layers(tmp_path_factory):
    path = tmp_path_factory.mktemp("layers") / "computed_sizes.py"
    path.write_text(LAYERS)
    return path


def opened(layers, name):
    target = load(f"{layers}:{name}")
    case = Case.of(target.text, adapt(target, None), learner("gd"), {})
    return target, *preflight(case, {}, Entropy(0))


@pytest.mark.parametrize(
    ("name", "size"),
    [
        ("text", 48),
        ("combinations", 792),
        ("table", 61),
        ("word", 69),
        ("product", 21),
        ("inner", 87),
        ("squares", 49),
        ("steps", 45),
    ],
)
def test_an_integer_that_is_computed_is_one_of_the_code(layers, name, size):
    target, case, at = opened(layers, name)
    before = [f.__code__ for f in functions(target.call)]
    found = computed(case, target.call, at).integers
    assert size in found and size not in integers(target.call)
    assert not set(found) & set(at.values()) - {2, 3}  # sizes and counters are none
    assert [f.__code__ for f in functions(target.call)] == before
    assert not any("ssmproof_noted" in name for f in functions(target.call) for name in f.__globals__)


def test_loops_and_sizes_are_no_integers_of_the_code(layers):
    target, case, at = opened(layers, "base")
    assert computed(case, target.call, at).integers == ()
    lines = case.lines.unrun(target.call)
    computed(case, target.call, at)
    assert case.lines.unrun(target.call) == lines


@pytest.mark.parametrize(
    ("name", "differs"), [("text", True), ("table", True), ("word", True), ("product", True), ("base", False)]
)
def test_sizes_go_past_what_is_computed(layers, name, differs):
    target, case, at = opened(layers, name)
    mentioned = sorted({*integers(target.call), *computed(case, target.call, at).integers})
    found = longer_rows(case, at, {}, (How.FLOAT,), mentioned, Entropy(1), -100.0)
    assert any(row.finding.verdict.value == "refuted" for row in found.rows) is differs
    assert found.beyond is not differs


def test_what_no_length_passes_is_said():
    world = World(lengths=(1, 2, 129), integers=(4, 792))
    assert any("no N passes 792" in line for line in said(world))
    assert not any("no N passes" in line for line in said(World(lengths=(1, 9, 129), integers=(4, 64))))


def test_wrappers_of_torch_func_are_noted_without_their_numbers(tmp_path):
    path = tmp_path / "wrapped.py"
    path.write_text("""
import torch

def step(X, Y, x_q, eta):
    def loss(W):
        return 0.5 * (X @ W.T - Y).square().sum() / len(X)
    W = X.new_zeros(Y.shape[1], X.shape[1])
    return (W - eta * torch.func.grad(loss)(W)) @ x_q
""")
    target, case, at = opened(path, "step")
    assert computed(case, target.call, at).unnoted is None
