"""What a call returned stays what it was: a buffer of the module's that each call fills is found, a copy of it is not."""

import pytest
import torch

from numeric.entropy import Entropy
from proofs.audit.compared import How
from proofs.audit.mode_runs import Runs
from proofs.audit.preflight import preflight
from proofs.audit.results import KEPT, SHARED, results_kept
from proofs.audit.whole import Found
from proofs.audit.world import Same
from proofs.target.adapters import adapt
from proofs.target.case import Case
from proofs.target.learners import learner
from proofs.target.loading import load

LAYERS = """
import torch

class Cell(torch.nn.Module):
    held = None

    def forward(self, q, k, v, beta, initial_state=None, output_final_state=False):
        B, T, H, d = k.shape
        S = k.new_zeros(B, H, d, v.shape[-1]) if initial_state is None else self.begin(initial_state)
        out = []
        for t in range(T):
            e = (v[:, t] - torch.einsum("bhdm,bhd->bhm", S, k[:, t])) * beta[:, t, :, None]
            S = S + torch.einsum("bhd,bhm->bhdm", k[:, t], e)
            out.append(torch.einsum("bhdm,bhd->bhm", S, q[:, t]))
        return torch.stack(out, 1), self.after(S) if output_final_state else None

    def begin(self, S):
        return S

    def after(self, S):
        return S

class Copied(Cell):
    def after(self, S):
        self.held = S
        return S.clone()

class Buffer(Cell):
    def after(self, S):
        if self.held is None or self.held.shape != S.shape:
            self.held = torch.empty_like(S)
        return self.held.copy_(S)

class Own(Cell):
    held = ()

    def begin(self, S):
        return S.mul_(2).div(2) if any(S.data_ptr() == own.data_ptr() for own in self.held) else S

    def after(self, S):
        self.held = (*self.held, S)
        return S

class Written(Cell):
    def begin(self, S):
        return S.mul_(0.5)

class Rows(torch.nn.Module):
    held = None

    def forward(self, X, Y, x_q, eta):
        if self.held is None:
            self.held = torch.zeros(Y.shape[1], dtype=Y.dtype)
        return self.held.copy_(eta * Y.T @ (X @ x_q))
"""


@pytest.fixture(scope="module")
def layers(tmp_path_factory):
    path = tmp_path_factory.mktemp("layers") / "results.py"
    path.write_text(LAYERS)
    return path


def modes(layers, name, against="online_gd", adapter="kv", whole=None):
    target = load(f"{layers}:{name}")
    case = Case.of(name, adapt(target, adapter), learner(against), {})
    case, at = preflight(case, {}, Entropy(0))
    data = case.draw(at, torch.Generator().manual_seed(0))
    runs = Runs(case, target, (How.FLOAT,), at, data, case.layer(**data), Entropy(1))
    whole = Found(batch=2, heads=2, tokens=3) if adapter == "kv" else Found()
    results_kept(runs, whole, lambda seen: adapt(type(target)(**{**vars(target), "call": seen}), adapter))
    return {mode.name: mode.same for mode in runs.found}, runs.rows


@pytest.mark.parametrize("name", ["Cell", "Copied"])
def test_results_of_their_own_stay(layers, name):
    assert modes(layers, name) == ({KEPT: Same.BITS, SHARED: Same.BITS}, [])


@pytest.mark.parametrize("name, mode", [("Buffer", KEPT), ("Own", SHARED)])
def test_results_that_a_later_call_overwrites_are_found(layers, name, mode):
    found, rows = modes(layers, name)
    assert found[mode] is Same.DIFFERS and [row.variant for row in rows] == [mode]


def test_a_state_that_is_written_to_is_no_result_that_changes(layers):
    assert modes(layers, "Written") == ({KEPT: Same.BITS}, [])


def test_outputs_of_a_module_are_held_too(layers):
    found, rows = modes(layers, "Rows", "gd", None)
    assert found == {KEPT: Same.DIFFERS} and rows
