"""The audit: true layers confirmed, wrong ones refuted with numbers, and every wrong usage answered by one message."""

import pytest

from numeric.finding import Verdict
from proofs.audit import audit
from proofs.evidence import Settings
from proofs.target import TargetError
from proofs.targets import CASES

LAYERS = """
import torch

def one_step(X, Y, x_q, W0, eta):
    state = torch.zeros(Y.shape[1], X.shape[1])
    for x, y in zip(X, Y):
        state += torch.outer(y - W0 @ x, x)
    return W0 @ x_q + eta / len(X) * state @ x_q

def two_steps(X, Y, x_q, eta):
    A, B, c = X.T @ X, Y.T @ X, eta / len(X)
    return (2 * c * B - c * c * B @ A) @ x_q

def no_rate(X, Y, x_q):
    return 0.25 * (Y.T @ X) @ x_q

def last_missing(X, Y, x_q, W0, eta):
    return one_step(X[:-1], Y[:-1], x_q, W0, eta)

def writes(X, Y, x_q, eta):
    X *= 1
    return eta / len(X) * (Y.T @ X) @ x_q

def square_only(X, Y, x_q, eta):
    assert X.shape[1] == Y.shape[1], "f and m have to be equal"
    return eta / len(X) * (Y.T @ X) @ x_q

class Module(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.scale = torch.nn.Parameter(torch.tensor(0.5))
    def forward(self, X, Y, x_q):
        return self.scale * (Y.T @ X) @ x_q

class Smoother(torch.nn.Module):
    def forward(self, X, Y, x_q):
        return torch.softmax(X @ x_q, 0) @ Y

instance = Module()

class NeedsArguments(torch.nn.Module):
    def __init__(self, size):
        super().__init__()

def gated(X, Y, x_q, eta, gate):
    return gate * eta / len(X) * (Y.T @ X) @ x_q

def tokens(sequence):
    x, y = sequence[:, 0:-1:2], sequence[:, 1::2]
    return torch.einsum("btm,btf,bf->bm", y, x, sequence[:, -1])[:, None, :]

def raises(X, Y, x_q):
    raise KeyError("no such thing")

def shape(X, Y, x_q):
    return X

def whole(X, Y, x_q):
    return (Y.T @ X @ x_q).long()

def infinite(X, Y, x_q):
    return Y[0] / 0

def text(X, Y, x_q):
    return "hello"

def random(X, Y, x_q):
    return torch.randn(Y.shape[1])

def nan(X, Y, x_q):
    return Y[0] / 0 * 0

def learner(X, Y, x_q, eta):
    return eta * (Y.T @ X) @ x_q / X.shape[0]

def adapter(layer, X, Y, x_q, eta):
    return layer(X, Y, x_q, X.new_zeros(Y.shape[1], X.shape[1]), eta)

number = 3
"""


@pytest.fixture(scope="module")
def layers(tmp_path_factory):
    path = tmp_path_factory.mktemp("layers") / "layers.py"
    path.write_text(LAYERS)
    return path


def find(layers, name, against="gd", **options):
    return audit(f"{layers}:{name}", against, settings=Settings(seed=1), **options)


@pytest.mark.parametrize(
    ("name", "against", "options"),
    [
        ("one_step", "gd", {}),
        ("two_steps", "gd:2", {}),
        ("no_rate", "gd", {}),
        ("writes", "gd", {}),
        ("square_only", "gd", {}),
        ("Module", "gd", {}),
        ("instance", "gd", {}),
        ("gated", "gd", {"gates": {"gate": "1"}}),
        ("gated", "gd", {"gates": {"gate": "2/2"}}),
        ("tokens", "gd", {"adapter": "tokens", "gates": {"eta": "N"}}),
        ("one_step", "FILE:learner", {"adapter": "FILE:adapter"}),
    ],
)
def test_true_layers_are_confirmed(layers, name, against, options):
    options = {k: v.replace("FILE", str(layers)) if isinstance(v, str) else v for k, v in options.items()}
    found = find(layers, name, against.replace("FILE", str(layers)), **options)
    assert found.verdict is Verdict.CONFIRMED, str(found)
    assert found.status == 0
    assert found.counterexample is None
    assert str(found).startswith("CONFIRMED")


@pytest.mark.parametrize(
    ("name", "against", "options"),
    [
        ("one_step", "gd:2", {}),
        ("two_steps", "gd", {}),
        ("no_rate", "gd:2", {}),
        ("last_missing", "gd", {}),
        ("gated", "gd", {"gates": {"gate": "free"}}),
        ("gated", "gd", {"gates": {"gate": "0.999999"}}),
        ("Smoother", "gd", {}),
    ],
)
def test_wrong_layers_are_refuted(layers, name, against, options):
    found = find(layers, name, against, **options)
    assert found.verdict is Verdict.REFUTED, str(found)
    assert found.status == 1
    assert found.counterexample is not None or "change from float32" in found.reason


def test_an_inferred_step_size_is_reported(layers):
    assert find(layers, "no_rate").parameters["eta"].startswith("1/4 N")
    assert "inferred" in find(layers, "Module").parameters["eta"]


def test_writing_to_inputs_is_reported(layers):
    assert any("writes to its inputs" in note for note in find(layers, "writes").notes)


def test_json_has_the_promised_keys(layers):
    row = find(layers, "last_missing").to_json()
    assert {"verdict", "learner", "parameters", "equivalent", "probes", "evidence", "counterexample"} <= set(row)
    assert row["verdict"] == "refuted"
    assert row["counterexample"]["sizes"] == {"f": 1, "m": 1, "N": 2}


@pytest.mark.parametrize(
    ("target", "options", "message"),
    [
        ("nothing", {}, "expected package.module:name"),
        ("no/such/file.py:layer", {}, "no file"),
        ("no_such_package:layer", {}, "importing no_such_package failed.*for a file write its path"),
        ("FILE:one_stp", {}, "near names: one_step"),
        ("FILE:number", {}, "expected a function"),
        ("FILE:NeedsArguments", {}, "does not build without arguments"),
        ("FILE:raises", {}, "raised KeyError.*no such thing"),
        ("FILE:shape", {}, r"returned shape \(5, 4\), expected \(m,\)"),
        ("FILE:text", {}, "returned str"),
        ("FILE:whole", {}, "returned a tensor of torch.int64, expected floating point"),
        ("FILE:one_step", {"gates": {"eta": "0"}}, "gate eta=0: eta of gd has to be positive"),
        ("FILE:one_step", {"gates": {"eta": "-1/2"}}, "has to be positive"),
        ("FILE:one_step", {"sizes": {"q": 3}}, "size q=3: expected f, m or N"),
        ("FILE:infinite", {}, "returns NaN or infinity"),
        ("FILE:random", {}, "random from call to call"),
        ("FILE:nan", {}, "NaN"),
        ("FILE:tokens", {}, "Use --adapter"),
        ("FILE:gated", {}, "needs gate"),
        ("FILE:one_step", {"gates": {"nope": "1"}}, "gate 'nope'"),
        ("FILE:gated", {"gates": {"gate": "__import__('os')"}}, "gate value"),
        ("FILE:gated", {"gates": {"gate": "1/0"}}, "gate value"),
        ("FILE:one_step", {"against": "gdd"}, "no learner 'gdd'"),
        ("FILE:one_step", {"against": "gd:0"}, "at least 1"),
        ("FILE:one_step", {"adapter": "kvv"}, "no adapter 'kvv'"),
        ("FILE:one_step", {"sizes": {"N": 0}}, "size N=0"),
        (
            "FILE:gated",
            {"against": "heavy_ball", "gates": {"gate": "free", "eta": "1"}},
            "no argument for beta, mu of heavy_ball",
        ),
    ],
)
def test_wrong_usage_gets_one_message(layers, target, options, message):
    options = {"against": "gd", **options}
    with pytest.raises(TargetError, match=message) as caught:
        audit(target.replace("FILE", str(layers)), settings=Settings(seed=1), **options)
    assert "\n" not in str(caught.value)


def test_a_module_is_left_as_it_was(layers):
    from proofs.target import load

    before = load(f"{layers}:instance").call
    assert before.scale.dtype.is_floating_point
    find(layers, "instance")
    assert load(f"{layers}:instance").call.scale.item() == 0.5


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.title)
def test_layers_that_nobody_here_wrote(case):
    if case.missing():
        pytest.skip(case.missing())
    found = case.audit(Settings(seed=1))
    assert found.verdict is case.expected, str(found)
    assert case.command.startswith("ssmproof audit ")
