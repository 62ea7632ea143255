"""Counterexamples of layers that keep things between calls: in a fresh process they are as printed, or their call before is."""

import pytest

from numeric.finding import Counterexample
from proofs.audit.anew import anew, keeps
from proofs.audit.answer import Parting
from proofs.target.adapters import adapt
from proofs.target.case import Case
from proofs.target.learners import learner
from proofs.target.loading import load

LAYERS = """
import torch

def step(X, Y, x_q, eta):
    return eta / len(X) * (Y.T @ (X @ x_q))

def twice(X, Y, x_q, eta):
    return 2 * step(X, Y, x_q, eta)

class Base(torch.nn.Module):
    held = None

    def forward(self, X, Y, x_q, eta):
        self.held = self.held or self.first(X)
        return self.factor(X) * step(X, Y, x_q, eta)

    def first(self, X):
        return X.shape[1]

class Double(Base):
    def factor(self, X):
        return 2.0

class Width(Base):
    def factor(self, X):
        return X.shape[1] / self.held

class Longer(Base):
    def first(self, X):
        return len(X)

    def factor(self, X):
        return 2.0 if len(X) > self.held else 1.0

class Many(Base):
    calls = 0

    def factor(self, X):
        self.calls += 1
        return 2.0 if self.calls > 2 else 1.0
"""


@pytest.fixture(scope="module")
def layers(tmp_path_factory):
    path = tmp_path_factory.mktemp("layers") / "anew.py"
    path.write_text(LAYERS)
    return path


def found(layers, name):
    text = f"{layers}:{name}"
    target = load(text)
    case = Case.of(name, adapt(target, None), learner("gd"), {})
    inputs = {"X": [["1"], ["0"]], "Y": [["1"], ["0"]], "x_q": ["1"], "eta": "2"}
    shown = Counterexample({"N": 2, "f": 1, "m": 1}, inputs, ["2"], ["1"], "layer", "learner")
    if name != "Double":
        target.call.held = 2 if name == "Width" else 1
        target.call.calls = 9
    return anew(Parting(shown, True, 1.0, {"N": 2}, 2), case, target, None, text)


def test_what_a_fresh_process_shows_too_stays(layers):
    part = found(layers, "Double")
    assert part.before is None and part.counterexample.left == ["2"] and part.first == 2


@pytest.mark.parametrize("name, size", [("Width", ("f", 2)), ("Longer", ("N", 1))])
def test_the_call_before_is_named_without_which_there_is_no_difference(layers, name, size):
    part = found(layers, name)
    assert part.before is not None and part.before[size[0]] == size[1] and part.reproduced
    assert part.counterexample.left != part.counterexample.right == ["1"] and part.first is None


def test_without_such_a_call_no_numbers_are_shown(layers):
    part = found(layers, "Many")
    assert part.before == {} and not part.reproduced


def test_code_that_leaves_nothing_is_not_asked(layers):
    assert keeps(load(f"{layers}:Double").call) and not keeps(load(f"{layers}:twice").call)
