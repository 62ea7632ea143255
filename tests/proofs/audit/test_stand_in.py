"""A user's adapter has to make its prediction of what the target returns, at every size; how is its own affair."""

import pytest

from numeric.entropy import Entropy
from proofs.audit.answer import Word
from proofs.audit.notes import CallsOften
from proofs.audit.preflight import preflight
from proofs.audit.run import compared
from proofs.audit.stand_in import relies
from proofs.evidence import Settings
from proofs.identify import identify
from proofs.target.adapters import adapt
from proofs.target.case import Case
from proofs.target.learners import learner
from proofs.target.loading import TargetError, load

CODE = """
import torch

def layer(X, Y, x_q, eta):
    return eta / len(X) * (Y.T @ (X @ x_q))

def calls(target, X, Y, x_q, eta):
    return target(X, Y, x_q, eta)

def never(target, X, Y, x_q, eta):
    return eta / len(X) * (Y.T @ (X @ x_q))

def drops(target, X, Y, x_q, eta):
    return never(target, X, Y, x_q, eta) + 0 * target(X, Y, x_q, eta)

def cancels(target, X, Y, x_q, eta):
    return never(target, X, Y, x_q, eta) + (target(X, Y, x_q, eta) - target(X, Y, x_q, eta))

def short(target, X, Y, x_q, eta):
    return (target if len(X) <= 40 else layer)(X, Y, x_q, eta)

def narrow(target, X, Y, x_q, eta):
    return target(X, Y, x_q, eta) if X.shape[1] <= 4 else never(target, X, Y, x_q, eta)

def by_token(target, X, Y, x_q, eta):
    return sum(target(X[t : t + 1], Y[t : t + 1], x_q, eta) for t in range(len(X))) / len(X)

def by_column(target, X, Y, x_q, eta):
    return torch.cat([target(X, Y[:, [c]], x_q, eta) for c in range(Y.shape[1])])

def asks_what_it_is(net, X, Y, x_q, eta):
    assert isinstance(net, torch.nn.Module) and net.scale.ndim == 0
    return net.predict(net.read(X, Y), x_q, eta)["out"]

class Net(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.scale = torch.nn.Parameter(torch.ones(()))
    def read(self, X, Y):
        return Y.T @ X / len(X)
    def predict(self, state, x_q, eta):
        return {"out": self.scale * eta * state @ x_q, "state": state}
    def forward(self, X, Y, x_q, eta):
        return self.predict(self.read(X, Y), x_q, eta)["out"]

def descends(SGD, X, Y, x_q, eta):
    with torch.enable_grad():
        W = torch.nn.Parameter(X.new_zeros(Y.shape[1], X.shape[1]))
        steps = SGD([W], lr=1.0, foreach=False)
        torch.autograd.backward(eta * ((X @ W.T - Y) ** 2).sum() / (2 * len(X)))
        steps.step()
        return W.detach() @ x_q
"""


@pytest.fixture(scope="module")
def code(tmp_path_factory):
    path = tmp_path_factory.mktemp("code") / "adapted.py"
    path.write_text(CODE)
    return path


def judged(code, adapter, target="layer", sizes=({},)):
    text, by = (f"{code}:{target}" if "." not in target else target), f"{code}:{adapter}"
    loaded = load(text)
    case = Case.of(text, adapt(loaded, by), learner("gd"), {})
    case, at = preflight(case, {}, Entropy(0))
    relies(case, loaded, by, [{**at, **other} for other in sizes])
    return case


@pytest.mark.parametrize(
    ("adapter", "target"),
    [
        ("calls", "layer"),
        ("by_token", "layer"),
        ("by_column", "layer"),
        ("calls", "Net"),
        ("asks_what_it_is", "Net"),
        ("descends", "torch.optim:SGD"),
    ],
)
def test_an_adapter_that_uses_its_target_is_taken(code, adapter, target):
    case = judged(code, adapter, target)
    often = [note for note in case.notes if isinstance(note, CallsOften)]
    number = {"by_token": 5, "by_column": 3, "asks_what_it_is": 2, "descends": 2}.get(adapter)
    assert often == ([CallsOften(number, 5)] if number else [])


@pytest.mark.parametrize(
    ("adapter", "sizes", "why"),
    [
        ("never", {}, "at f=4 m=3 N=5: never calls .*:layer; it has to return"),
        ("drops", {}, "its prediction is the same whatever .*:layer returns"),
        ("cancels", {}, "its prediction is the same whatever"),
        ("short", {"N": 41}, "at f=4 m=3 N=41: never calls"),
        ("narrow", {"f": 5}, "at f=5 m=3 N=5: never calls"),
    ],
)
def test_one_that_does_not_is_wrong_usage(code, adapter, sizes, why):
    if sizes:
        judged(code, adapter)
    with pytest.raises(TargetError, match=why):
        judged(code, adapter, sizes=({}, sizes))


def test_one_that_only_reads_what_the_target_holds_is_wrong_usage(code):
    with pytest.raises(TargetError, match="never calls"):
        judged(code, "never", "Net")


@pytest.mark.parametrize("adapter", ["never", "drops", "short", "narrow"])
def test_no_audit_ends_with_such_an_adapter(code, adapter):
    with pytest.raises(TargetError, match="its first argument"):
        compared(f"{code}:layer", "gd", f"{code}:{adapter}", settings=Settings(seed=1))


def test_no_identification_does(code):
    with pytest.raises(TargetError, match="never calls"):
        identify(f"{code}:layer", f"{code}:never", settings=Settings(seed=1))


def test_a_true_layer_is_proved_through_one(code):
    answer = compared(f"{code}:layer", "gd", f"{code}:by_token", settings=Settings(seed=1))
    often = [note for note in answer.notes if isinstance(note, CallsOften)]
    assert answer.word is Word.PROVED and often == [CallsOften(5, 5)], str(answer)
