"""The audit: true layers confirmed, wrong ones refuted with numbers, and every wrong usage answered by one message."""

import pytest

from numeric.finding import Verdict
from proofs.audit.run import audit, compared
from proofs.bench.targets import INSTALLED
from proofs.evidence import Settings
from proofs.target.loading import TargetError
from reports.said import said

LAYERS = """
import numpy as np
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

def delta(X, Y, x_q, eta):
    W = X.new_zeros(Y.shape[1], X.shape[1])
    for x, y in zip(X, Y):
        W = W - eta * torch.outer(W @ x - y, x)
    return W @ x_q

def unit_delta(X, Y, x_q, wd):
    return delta(X, Y, x_q, 1) + 0 * wd

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

def rounds(X, Y, x_q):
    return 0.3 / len(X) * (Y.T @ X) @ x_q

def rounds_long(X, Y, x_q):
    return 0.123456789 / len(X) * (Y.T @ X) @ x_q

class Twice(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.rate = torch.nn.Parameter(torch.tensor(0.25))
    def forward(self, X, Y, x_q):
        W = torch.zeros(Y.shape[1], X.shape[1])
        for _ in range(2):
            W = W - self.rate / len(X) * (W @ X.T - Y.T) @ X
        return W @ x_q

def epsilon(X, Y, x_q):
    W = torch.zeros(Y.shape[1], X.shape[1])
    for x, y in zip(X, Y):
        W = W + torch.outer(y - W @ x, x) / (x @ x + 1e-6)
    return W @ x_q

def no_epsilon(X, Y, x_q):
    W = X.new_zeros(Y.shape[1], X.shape[1])
    for x, y in zip(X, Y):
        W = W + torch.outer(y - W @ x, x) / (x @ x)
    return W @ x_q

def turned_if_square(X, Y, x_q, eta):
    M = Y.T @ X
    return eta / len(X) * (M.T if M.shape[0] == M.shape[1] else M) @ x_q

def wide_only(X, Y, x_q, eta):
    return (1 if X.shape[1] > Y.shape[1] else 2) * eta / len(X) * (Y.T @ X) @ x_q

def of_width(X, Y, x_q):
    return X.shape[1] ** -0.5 * (Y.T @ X) @ x_q

def late(X, Y, x_q, eta):
    return (1 if len(X) <= 6 else 2) * eta / len(X) * (Y.T @ X) @ x_q

def later(X, Y, x_q, eta):
    return (1 if len(X) <= 20 else 2) * eta / len(X) * (Y.T @ X) @ x_q

def leaves(X, Y, x_q):
    raise SystemExit(5)

def prints(X, Y, x_q):
    print("chatter")
    return (Y.T @ X) @ x_q

def column(X, Y, x_q):
    return (Y.T @ X) @ x_q[:, None]

def to_numpy(X, Y, x_q):
    return Y.T @ X @ torch.as_tensor(np.linalg.inv(X.T @ X)) @ x_q

def by_numpy(X, Y, x_q):
    return Y.T @ X @ torch.as_tensor(np.linalg.inv(X.T @ X + torch.eye(X.shape[1]))) @ x_q

def by_python(X, Y, x_q, eta):
    return eta / len(X) * (Y.T @ torch.tensor(X.tolist())) @ x_q

def branches_if_positive(X, Y, x_q, eta):
    return (1.000001 if X.sum().item() > 0 else 1) * eta / len(X) * (Y.T @ X) @ x_q

def joint(Z):
    x, y = Z[:, :-1, :4], Z[:, :-1, 4:]
    out = torch.einsum("btm,btf,bf->bm", y, x, Z[:, -1, :4])
    return torch.nn.functional.pad(out, (4, 0))[:, None, :]

number = 3
"""


@pytest.fixture(scope="module")
def layers(tmp_path_factory):
    path = tmp_path_factory.mktemp("layers") / "layers.py"
    path.write_text(LAYERS)
    return path


HELD = {}
"""Audits that several tests read, each made once."""


def find(layers, name, against="gd", **options):
    key = name, against, repr(options)
    if key not in HELD:
        HELD[key] = compared(f"{layers}:{name}", against, settings=Settings(seed=1), **options)
    return HELD[key]


@pytest.mark.parametrize(
    ("name", "against", "options"),
    [
        ("one_step", "gd", {}),
        ("two_steps", "gd:2", {}),
        ("no_rate", "gd", {}),
        ("writes", "gd", {}),
        ("square_only", "gd", {}),
        ("Module", "gd", {}),
        ("instance", "gd", {"sizes": {"N": 3}}),
        ("gated", "gd", {"gates": {"gate": "1"}}),
        ("delta", "online_gd", {"gates": {"eta": "beta"}}),
        ("unit_delta", "online_gd", {"gates": {"wd": "free"}}),
        ("gated", "gd", {"gates": {"gate": "2/2"}, "sizes": {"N": 3}}),
        ("tokens", "gd", {"adapter": "tokens", "gates": {"eta": "N"}}),
        ("one_step", "FILE:learner", {"adapter": "FILE:adapter"}),
        ("rounds", "gd", {}),
        ("Twice", "gd:2", {}),
        ("epsilon", "nlms", {"gates": {"mu": "1", "eps": "1e-6"}, "sizes": {"N": 5}}),
        ("no_epsilon", "nlms", {"gates": {"mu": "1", "eps": "0"}, "sizes": {"N": 5}}),
        ("of_width", "gd", {}),
    ],
)
def test_true_layers_are_confirmed(layers, name, against, options):
    options = {k: v.replace("FILE", str(layers)) if isinstance(v, str) else v for k, v in options.items()}
    found = find(layers, name, against.replace("FILE", str(layers)), **options)
    assert found.verdict is Verdict.CONFIRMED, str(found)
    assert found.status == 0
    assert found.counterexample is None
    assert str(found).startswith("PROVED")


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
        ("turned_if_square", "gd", {}),
        ("wide_only", "gd", {}),
        ("late", "gd", {}),
        ("later", "gd", {}),
        ("epsilon", "nlms", {"gates": {"mu": "1", "eps": "2e-6"}}),
        ("no_epsilon", "nlms", {"gates": {"mu": "1", "eps": "1e-6"}}),
        ("rounds", "gd", {"gates": {"eta": "0.300001"}}),
    ],
)
def test_wrong_layers_are_refuted(layers, name, against, options):
    found = find(layers, name, against, **options)
    assert found.verdict is Verdict.REFUTED, str(found)
    assert found.status == 1
    assert found.counterexample is not None or "change from float32" in said(found.reason)


def test_an_inferred_step_size_is_reported(layers):
    assert said(find(layers, "no_rate").parameters["eta"]).startswith("1/4 N")
    assert "inferred" in said(find(layers, "Module").parameters["eta"])
    assert "the same for N = 1 to 40" in said(find(layers, "no_rate").parameters["eta"])


def test_constants_that_the_code_rounds_are_said_to_be(layers):
    assert said(find(layers, "rounds").parameters["eta"]).startswith("0.3 up to rounding")
    given = {"mu": "1", "eps": "1e-6"}
    found = find(layers, "epsilon", "nlms", gates=given, sizes={"N": 5})
    assert said(found.parameters["eps"]) == "1e-6, as float64 rounds it"
    read = find(layers, "rounds", gates={"eta": "0.3"})
    assert read.verdict is Verdict.CONFIRMED and said(read.parameters["eta"]) == "0.3"
    assert "with constants read as the numbers they are roundings of" in said(read.reason)
    assert any("constant 0.06 " in flag and "read as 3/50" in flag for flag in map(said, read.flags)), read.flags
    found = find(layers, "rounds_long", gates={"eta": "0.123456789"})  # of more digits than a reading has
    assert found.verdict is Verdict.UNDECIDED and found.status == 3 and found.counterexample is None
    assert "within the float64 rounding bound" in said(found.reason) and said(found.reason).endswith("not proved")
    assert any("without --gate eta=0.123456789 it is inferred" in note for note in map(said, found.notes))


def test_the_sizes_are_named(layers):
    found = find(layers, "one_step")
    assert "(f, m) = (4, 3)" in said(found.reason) and "and at (3, 3), (2, 4), (1, 1), (4, 1) for N = 3" in said(
        found.reason
    )
    text = said(find(layers, "of_width").parameters["eta"])
    assert text.startswith("1/2 N") and "1 N at (f, m) = (1, 1)" in text
    wide = find(layers, "wide_only", sizes={"f": 4, "m": 3})  # what its other branch does is not said
    assert wide.verdict is Verdict.UNDECIDED and "X.shape[1] > Y.shape[1] was always true" in said(wide.reason)
    notes = " ".join(map(said, find(layers, "square_only").notes))
    assert "(f, m) = (2, 4) was left out" in notes and "f and m have to be equal" in notes and "(3, 3)" not in notes


def test_counterexamples_in_long_contexts_are_shrunk_and_short(layers):
    found = find(layers, "late")
    assert dict(found.counterexample.sizes) == {"f": 1, "m": 1, "N": 7}
    assert found.rows[-1].sizes["N"] == 9  # floats run where the exact rung refutes
    text = str(find(layers, "later", sizes={"N": 33}))
    assert "X (21, 1)" in text and "--against gd --size N=33 --json -" in text


def test_the_layout_is_asked_about(layers):
    assert any(
        "--adapter tokens:joint" in note
        for note in map(said, find(layers, "joint", adapter="tokens", sizes={"f": 4, "m": 4}).notes)
    )
    assert any(
        "--size f=4 --size m=3" in note for note in map(said, find(layers, "joint", adapter="tokens:joint").notes)
    )
    assert find(layers, "joint", adapter="tokens:joint", sizes={"f": 4, "m": 3}).verdict is Verdict.CONFIRMED
    assert not any("reverse order" in note for note in map(said, find(layers, "last_missing").notes))


def test_what_a_target_prints_or_returns_is_told(layers, capsys):
    assert find(layers, "prints").verdict is Verdict.CONFIRMED
    printed = capsys.readouterr()
    assert printed.out == "" and "chatter" in printed.err
    assert any("array of 2 axes" in note for note in map(said, find(layers, "column").notes))


def test_numbers_that_leave_and_come_back_invent_no_counterexample(layers):
    """What numpy or Python computes is on no recording: a recording's values at other points are nobody's."""
    right = find(layers, "by_numpy", "ridge", gates={"lam": "1"})
    assert right.verdict is Verdict.UNDECIDED and right.counterexample is None, str(right)
    assert "Tensor.__array__ at" in said(right.reason) and "hands tensors to numpy" in said(right.reason)
    wrong = find(layers, "to_numpy", "ridge", gates={"lam": "1"})  # it is the limit of no penalty
    assert (
        wrong.verdict is Verdict.REFUTED
        and "change from float32" in said(wrong.reason)
        and wrong.counterexample is None
    )
    listed = find(layers, "by_python")
    assert listed.verdict is Verdict.UNDECIDED and "Tensor.tolist at" in said(listed.reason), str(listed)
    branch = find(layers, "branches_if_positive")
    assert branch.verdict is Verdict.REFUTED and branch.parting.reproduced, str(branch)


def test_writing_to_inputs_is_reported(layers):
    assert any("writes to its inputs" in note for note in map(said, find(layers, "writes").notes))


def test_json_has_the_promised_keys(layers):
    row = find(layers, "last_missing").to_json()
    assert {
        "answer",
        "status",
        "verdict",
        "learner",
        "parameters",
        "equivalent",
        "probes",
        "evidence",
        "counterexample",
    } <= set(row)
    assert (row["answer"], row["verdict"], row["status"]) == ("REFUTED", "refuted", 1)
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
        ("FILE:gated", {"gates": {"gate": "1/0"}}, "gate value.*division by zero"),
        ("FILE:one_step", {"against": "gdd"}, "no learner 'gdd'"),
        ("FILE:one_step", {"against": "gd:0"}, "at least 1"),
        ("FILE:one_step", {"adapter": "kvv"}, "no adapter 'kvv'"),
        ("FILE:one_step", {"sizes": {"N": 0}}, "size N=0"),
        ("FILE:one_step", {"sizes": {"N": 10**8}}, "an audit takes at most"),
        ("FILE:leaves", {}, r"calls exit\(5\)"),
        (
            "FILE:gated",
            {"against": "heavy_ball", "gates": {"gate": "free", "eta": "1"}},
            "no argument for beta, mu of heavy_ball",
        ),
        (
            "FILE:delta",
            {"against": "online_gd", "gates": {"eta": "free"}},
            "goes with eta, which is free: with eta = 1 it is 1, with eta = 1/2 1/2; give --gate eta=beta",
        ),
    ],
)
def test_wrong_usage_gets_one_message(layers, target, options, message):
    options = {"against": "gd", **options}
    with pytest.raises(TargetError, match=message) as caught:
        audit(target.replace("FILE", str(layers)), settings=Settings(seed=1), **options)
    assert "\n" not in str(caught.value)


def test_a_module_is_left_as_it_was(layers):
    from proofs.target.loading import load

    before = load(f"{layers}:instance").call
    assert before.scale.dtype.is_floating_point
    compared(f"{layers}:instance", "gd", settings=Settings(seed=1), sizes={"N": 2})
    assert load(f"{layers}:instance").call.scale.item() == 0.5


@pytest.mark.slow  # `python3 -m proofs` runs these
@pytest.mark.parametrize("case", INSTALLED, ids=lambda case: case.title)
def test_layers_that_nobody_here_wrote(case):
    if case.missing():
        pytest.skip(case.missing())
    found = case.audit(Settings(seed=1))
    assert found.word is case.expected, str(found)
    assert case.command.startswith("ssmproof audit ")


def test_a_step_that_is_the_logarithm_of_a_decay_stays_one(tmp_path):
    # copies of what a call gets must not hide that exp(-dt) is the decay
    (tmp_path / "logarithmic.py").write_text(
        "import torch\n\n\ndef layer(X, Y, x_q, dt):\n    S = X.new_zeros(Y.shape[1], X.shape[1])\n"
        "    for t in range(X.shape[0]):\n"
        "        S = torch.exp(-dt[t]) * S + dt[t] * torch.outer(Y[t], X[t])\n    return S @ x_q\n"
    )
    gates = {"dt": "-log(decay)", "eta": "-log(decay)"}
    target = f"{tmp_path / 'logarithmic.py'}:layer"
    found = compared(target, "discounted_gd", None, gates, Settings(seed=1), {"N": 5})
    assert found.verdict is Verdict.CONFIRMED, str(found)
