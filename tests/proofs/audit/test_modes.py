"""Modes of running: a target that looks at one of them differs there, and only there; others keep their bits."""

import pytest

from numeric.entropy import Entropy
from numeric.finding import Verdict
from proofs.audit.answer import Word
from proofs.audit.compared import How
from proofs.audit.findings import Act
from proofs.audit.mode_runs import far_lengths
from proofs.audit.modes import modes
from proofs.audit.preflight import preflight
from proofs.audit.run import compared
from proofs.audit.world import Mode, Same, World
from proofs.evidence import Settings
from proofs.target.adapters import adapt
from proofs.target.case import Case
from proofs.target.learners import learner
from proofs.target.loading import load
from reports.answers import world
from reports.said import said

LAYERS = """
import random
import sys
import torch

def step(X, Y, x_q, eta):
    return eta / len(X) * (Y.T @ (X @ x_q))

def no_grad(X, Y, x_q, eta):
    return step(X, Y, x_q, eta) * (1 if torch.is_grad_enabled() or torch.is_inference_mode_enabled() else 2)

def inference_mode(X, Y, x_q, eta):
    return step(X, Y, x_q, eta) * (2 if torch.is_inference_mode_enabled() else 1)

def Y_grad(X, Y, x_q, eta):
    return step(X, Y, x_q, eta) * (2 if Y.requires_grad and not Y.is_leaf else 1)

def X_grad(X, Y, x_q, eta):
    return step(X, Y, x_q, eta) * (2 if X.requires_grad and not Y.requires_grad else 1)

def leaf(X, Y, x_q, eta):
    return step(X, Y, x_q, eta) * (1 + X.is_leaf * X.requires_grad)

def parameter(X, Y, x_q, eta):
    return step(X, Y, x_q, eta) * (1 + isinstance(X, torch.nn.Parameter))

def rate_alone(X, Y, x_q, eta):
    return step(X, Y, x_q, eta) * (1 + (eta.requires_grad > X.requires_grad))

def number(X, Y, x_q, eta):
    return step(X, Y, x_q, eta) * (2 - torch.is_tensor(eta))

def any_number(X, Y, x_q, eta):
    return step(X, Y, x_q, float(eta) if isinstance(eta, float) else eta)

def default(X, Y, x_q, eta):
    return step(X, Y, x_q, eta) * (1 + (torch.get_default_dtype() != X.dtype))

def made_by_default(X, Y, x_q, eta):
    return step(X, Y, x_q, eta) * torch.tensor(3).rsqrt() ** 2 * 3

class Learns(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.register_buffer("mean", torch.zeros((), dtype=torch.float64))
    def forward(self, X, Y, x_q, eta):
        out = step(X - self.mean * (not self.training), Y, x_q, eta)
        self.mean += self.training * X.detach().mean()
        return out

class Watches(Learns):
    def forward(self, X, Y, x_q, eta):
        self.mean += self.training * X.detach().mean()
        return step(X, Y, x_q, eta)

def autocast(X, Y, x_q, eta):
    return step(X, Y, x_q, eta) * (2 if torch.is_autocast_enabled("cpu") else 1)

def single(X, Y, x_q, eta):
    return step(X.float(), Y.float(), x_q.float(), eta).to(X.dtype)

def one_tensor(X, Y, x_q, eta):
    return step(X, Y, x_q, eta) * (2 if X is Y else 1)

def float32(X, Y, x_q, eta):
    return step(X, Y, x_q, eta) * (2 if X.dtype == torch.float32 else 1)

def Y_alone(X, Y, x_q, eta):
    return step(X, Y, x_q, eta) * (1 + Y.requires_grad * (1 - X.requires_grad))

def query_alone(X, Y, x_q, eta):
    return step(X, Y, x_q, eta) * (1 + x_q.requires_grad * (1 - X.requires_grad))

def gate_alone(X, Y, x_q, eta):
    return step(X, Y, x_q, eta) * (1 + (eta.requires_grad and not X.requires_grad and not eta.is_leaf))

def Y_alone_in_float32(X, Y, x_q, eta):
    return Y_alone(X, Y, x_q, eta) if X.dtype == torch.float32 else step(X, Y, x_q, eta)

def as_in_memory(array):
    strides = (array.shape[1], 1) if array.ndim == 2 else (1,)
    return torch.as_strided(array, array.shape, strides, array.storage_offset())

def rows_in_memory(X, Y, x_q, eta):
    return step(as_in_memory(X.contiguous() if X.T.is_contiguous() else X), Y, x_q, eta)

def query_in_memory(X, Y, x_q, eta):
    return step(X, Y, as_in_memory(x_q), eta)

def sliced_without_gradients(X, Y, x_q, eta):
    rows = X.stride(1) == 1 and not X.is_contiguous()
    return step(X, Y, x_q, eta) * (1 + (rows and not torch.is_grad_enabled() and not torch.is_inference_mode_enabled()))

def contiguous(X, Y, x_q, eta):
    return step(X.contiguous(), Y.contiguous(), x_q.contiguous(), eta)

def chunked(X, Y, x_q, eta, size=40, kept=1):
    W = X.new_zeros(Y.shape[1], X.shape[1])
    for x, y in zip(X.split(size), Y.split(size)):
        W = kept * W + y.T @ x
    return eta / len(X) * W @ x_q

def chunks_lost_in_float32(X, Y, x_q, eta):
    return chunked(X, Y, x_q, eta, kept=int(X.dtype != torch.float32))

def strided(X, Y, x_q, eta):
    return step(X, Y, x_q, eta) * (1 if X.is_contiguous() else 2)

def fresh(X, Y, x_q, eta):
    return step(X, Y, x_q, eta) * (1 if "proofs.audit.modes" in sys.modules else 2)

class Rate(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.rate = torch.nn.Parameter(torch.tensor(0.37))
    def forward(self, X, Y, x_q, eta):
        return step(X, Y, x_q, eta) * torch.sigmoid(self.rate)

rate = Rate()

class Training(torch.nn.Module):
    def forward(self, X, Y, x_q, eta):
        return step(X, Y, x_q, eta) * (2 if self.training else 1)

START = torch.are_deterministic_algorithms_enabled()

def deterministic(X, Y, x_q, eta):
    return step(X, Y, x_q, eta) * (1 if torch.are_deterministic_algorithms_enabled() == START else 2)

def precision(X, Y, x_q, eta):
    return step(X, Y, x_q, eta) * (1 if torch.get_float32_matmul_precision() == "highest" else 2)

class TrainingOnGradients(torch.nn.Module):
    def forward(self, X, Y, x_q, eta):
        return step(X, Y, x_q, eta) * (1 + self.training * x_q.requires_grad)

class ThreeAtOnce(torch.nn.Module):
    def forward(self, X, Y, x_q, eta):
        return step(X, Y, x_q, eta) * (1 + self.training * x_q.requires_grad * (X.dtype == torch.float32))

class SameAtOnce(torch.nn.Module):
    def forward(self, X, Y, x_q, eta):
        if self.training and x_q.requires_grad and X.dtype == torch.float32:
            return step(X, Y, x_q, eta).clone()
        return step(X, Y, x_q, eta)

def float32_on_gradients(X, Y, x_q, eta):
    return step(X, Y, x_q, eta) * (1 + (X.dtype == torch.float32) * X.requires_grad)

def strided_without_gradients(X, Y, x_q, eta):
    apart = not X.is_contiguous() and not torch.is_grad_enabled() and not torch.is_inference_mode_enabled()
    return step(X, Y, x_q, eta) * (1 + apart)

class Dropout(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.drop = torch.nn.Dropout(0.5)
    def forward(self, X, Y, x_q, eta):
        return step(self.drop(X), Y, x_q, eta)

class Counts(torch.nn.Module):
    calls = 0
    def forward(self, X, Y, x_q, eta):
        self.calls += 1
        return step(X, Y, x_q, eta) * (2 if self.calls > 90 else 1)

def rarely(X, Y, x_q, eta):
    return step(X, Y, x_q, eta) * (2 if random.random() < 1e-6 else 1)

def seeded(X, Y, x_q, eta):
    torch.manual_seed(3)
    return step(X, Y, x_q, eta) + 0 * torch.rand(())

def module(X, Y, x_q, eta):
    linear = torch.nn.Linear(X.shape[1], Y.shape[1], bias=False, dtype=X.dtype)
    linear.weight.data.zero_()
    return step(X, Y, x_q, eta) + linear(x_q).detach()

def torch_rarely(X, Y, x_q, eta):
    return step(X, Y, x_q, eta) * (2 if torch.rand(()) < 1e-6 else 1)

def raises(X, Y, x_q, eta):
    W = torch.zeros(Y.shape[1], X.shape[1], requires_grad=True)
    with torch.enable_grad():
        (g,) = torch.autograd.grad(((X @ W.T - Y) ** 2).sum() / 2, W)
    return -eta / len(X) * g @ x_q

def descends(X, Y, x_q, eta, rate=1):
    W = torch.zeros(Y.shape[1], X.shape[1], dtype=X.dtype, requires_grad=True)
    (g,) = torch.autograd.grad(((X @ W.T - Y) ** 2).sum() / 2, W)
    return -rate * eta / len(X) * g @ x_q

def descends_twice(X, Y, x_q, eta):
    return descends(X, Y, x_q, eta, 2)
"""


@pytest.fixture(scope="module")
def layers(tmp_path_factory):
    path = tmp_path_factory.mktemp("layers") / "moods.py"
    path.write_text(LAYERS)
    return path


def found(layers, name):
    target = load(f"{layers}:{name}")
    case = Case.of(name, adapt(target, None), learner("gd"), {})
    case, at = preflight(case, {}, Entropy(0))
    kinds = (How.EXACT, How.FLOAT)
    return modes(case, target, None, f"{layers}:{name}", kinds, at, (50,), Entropy(1), {**at, "f": 3, "m": 3})


def test_a_true_layer_keeps_its_bits(layers):
    result = found(layers, "step")
    assert {m.name: m.same for m in result.modes} == {
        "no_grad": Same.BITS,
        "inference_mode": Same.BITS,
        "inputs that require grad": Same.BITS,
        "each argument alone requires grad": Same.BITS,
        "inputs that are parameters": Same.BITS,
        "start and gates that are parameters": Same.BITS,
        "gates that are Python numbers": Same.BITS,
        "autocast": Same.BITS,
        "default dtype float32": Same.BITS,
        "X is Y": Same.BITS,
        "float32": Same.ROUNDING,
        "strided inputs": Same.BITS,
        "slices of wider arrays": Same.BITS,
        "fresh process": Same.BITS,
        "called again": Same.BITS,
        "results held over a later call": Same.BITS,
        "two of these at once": Same.ROUNDING,
    }
    assert not result.rows
    assert {m.name: m.further for m in result.modes if m.further} == {"float32": (101,)}


def test_the_dtype_is_tried_past_the_integers_of_the_code_where_that_can_be_afforded(layers):
    assert far_lengths((How.FLOAT,), {"N": 5}, (2, 3, 40, 149, 150)) == [299, 81, 7, 33]
    assert far_lengths((How.BALLS,), {"N": 5}, (2, 3, 40)) == [7, 33]
    assert far_lengths((How.FLOAT,), {"N": 64}, ()) == []
    result = found(layers, "chunked")
    assert not result.rows and Mode("float32", Same.ROUNDING, further=(101,)) in result.modes
    assert "float32 (at N = 101 too)" in world(World(modes=result.modes, modes_at=5))[0]


@pytest.mark.parametrize(
    ("name", "mode"),
    [
        ("no_grad", "no_grad"),
        ("inference_mode", "inference_mode"),
        ("Y_grad", "inputs that require grad"),
        ("X_grad", "X alone requires grad"),
        ("Y_alone", "Y alone requires grad"),
        ("query_alone", "x_q alone requires grad"),
        ("gate_alone", "eta alone requires grad"),
        ("rows_in_memory", "slices of wider arrays"),
        ("query_in_memory", "strided inputs"),
        ("Y_alone_in_float32", "Y alone requires grad, float32"),
        ("sliced_without_gradients", "no_grad, slices of wider arrays"),
        ("leaf", "inputs that are parameters"),
        ("parameter", "inputs that are parameters"),
        ("rate_alone", "start and gates that are parameters"),
        ("number", "gates that are Python numbers"),
        ("default", "default dtype float32"),
        ("Learns", "after training"),
        ("autocast", "autocast"),
        ("one_tensor", "X is Y"),
        ("float32", "float32"),
        ("chunks_lost_in_float32", "float32"),
        ("strided", "strided inputs"),
        ("fresh", "fresh process"),
        ("Training", "training"),
        ("Counts", "called again"),
        ("float32_on_gradients", "inputs that require grad, float32"),
        ("deterministic", "deterministic algorithms"),
        ("precision", "float32 products in another precision"),
        ("strided_without_gradients", "no_grad, strided inputs"),
        ("TrainingOnGradients", "inputs that require grad, training"),
        ("ThreeAtOnce", "inputs that require grad, float32, training"),
    ],
)
def test_a_mode_that_changes_the_target_is_refuted_by_name(layers, name, mode):
    result = found(layers, name)
    assert mode in [m.name for m in result.modes if m.same is Same.DIFFERS]
    alone = [m.name for m in result.modes if m.same is Same.DIFFERS and "," not in m.name]
    also = {
        "Y_grad": ["Y alone requires grad"],
        "rate_alone": ["eta alone requires grad"],
        "strided": ["slices of wider arrays"],
    }
    assert sorted(alone) == sorted([mode, *also.get(name, ())] if "," not in mode else [])
    assert f"mode, {mode}" in [r.rung for r in result.rows]
    assert result.rows[0].finding.verdict is Verdict.REFUTED


KEYS = """
import torch

def attends(q, k, v):
    return torch.einsum("bihd,bjhd,bjhm->bihm", q, k, v)

def values_alone(q, k, v):
    return attends(q, k, v) * (1 + v.requires_grad * (1 - k.requires_grad))

def keys_alone(q, k, v):
    return attends(q, k, v) * (1 + k.requires_grad * (1 - q.requires_grad))

def of_one_projection(q, k, v):
    rows = k.stride(-1) == 1 and k.stride(1) > k.shape[2] * k.shape[3]
    return attends(q, k, v) * (1 + rows)
"""


@pytest.mark.parametrize(
    ("name", "mode"),
    [
        ("attends", ""),
        ("values_alone", "v alone requires grad"),
        ("keys_alone", "k alone requires grad"),
        ("of_one_projection", "slices of wider arrays"),
    ],
)
def test_arguments_are_those_of_the_target_however_it_is_called(tmp_path, name, mode):
    path = tmp_path / "keys.py"
    path.write_text(KEYS)
    target = load(f"{path}:{name}")
    case, at = preflight(Case.of(name, adapt(target, "kv"), learner("gd"), {"readout": "N"}), {}, Entropy(0))
    result = modes(case, target, "kv", None, (How.EXACT, How.FLOAT), at, (), Entropy(1))
    differing = [m.name for m in result.modes if m.same is Same.DIFFERS]
    assert differing == ([mode] if mode else []) and bool(result.rows) is bool(mode)
    assert mode or {"each argument alone requires grad", "slices of wider arrays"} <= {m.name for m in result.modes}


def test_branches_of_several_modes_run(layers):
    result = found(layers, "SameAtOnce")
    assert not result.rows and result.modes[-1].name == "two of these at once"


def test_parameters_are_in_the_fresh_process_what_they_are_here(layers):
    (mode,) = [m for m in found(layers, "rate").modes if m.name == "fresh process"]
    assert mode.same is Same.BITS


def test_what_autocast_rounds_is_no_claim_of_the_target(layers):
    result = found(layers, "single")
    (mode,) = [m for m in result.modes if m.name == "autocast"]
    assert "bfloat16" in said(mode.why) and not any(row.rung == "mode, autocast" for row in result.rows)


@pytest.mark.parametrize(("name", "word"), [("descends", Word.PROVED), ("descends_twice", Word.REFUTED)])
def test_a_target_that_needs_gradients_gets_them_and_raises_without(layers, name, word):
    answer = compared(f"{layers}:{name}", "gd", settings=Settings(seed=1))
    assert answer.word is word, str(answer)
    if word is Word.PROVED:
        raising = {m.name for m in answer.world.modes if m.same is Same.RAISES}
        assert raising == {"no_grad", "inference_mode"}


@pytest.mark.parametrize("name", ["any_number", "made_by_default", "Watches", "contiguous"])
def test_what_only_looks_at_how_it_is_called_is_no_fault(layers, name):
    result = found(layers, name)
    differing = {m.name: said(m.why) for m in result.modes if m.same not in (Same.BITS, Same.ROUNDING)}
    default = {"default dtype float32": "what it makes without a dtype is float32 there"}
    assert not result.rows and differing == (default if name == "made_by_default" else {})


def test_draws_of_its_own_are_seen_without_the_one_that_counts(layers):
    result = found(layers, "rarely")
    assert [m.name for m in result.modes if m.same is Same.RANDOM] == ["numbers of random's generator"]
    assert any(m.same is Same.RANDOM for m in found(layers, "torch_rarely").modes)


@pytest.mark.parametrize("name", ["seeded", "module"])
def test_draws_that_change_nothing_are_no_fault(layers, name):
    assert not any(m.same is Same.RANDOM for m in found(layers, name).modes)


def test_dropout_is_no_fault(layers):
    result = found(layers, "Dropout")
    training = next(m for m in result.modes if m.name == "training")
    assert training.same is Same.RANDOM and training.why == Act(("Dropout",)) and not result.rows


def test_a_mode_that_is_refused_is_named(layers):
    result = found(layers, "raises")
    assert next(m for m in result.modes if m.name == "inference_mode").same is Same.RAISES and not result.rows
