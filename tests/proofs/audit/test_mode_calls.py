"""Modes in whole and long calls: what a mode changes only with several entries, heads, tokens or a state is found there."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from numeric.entropy import Entropy
from proofs.audit.compared import How
from proofs.audit.modes import Modes, modes
from proofs.audit.preflight import preflight
from proofs.audit.whole import Found
from proofs.audit.world import Same
from proofs.target.adapters import adapt
from proofs.target.case import Case
from proofs.target.learners import learner
from proofs.target.loading import load

LAYERS = """
import torch

def attends(q, k, v, initial_state=None):
    S = k.new_zeros(k.shape[0], k.shape[2], k.shape[3], v.shape[3]) if initial_state is None else initial_state
    s = torch.einsum("bihd,bjhd->bhij", q, k).tril()
    out = torch.einsum("bhij,bjhm->bihm", s, v) + torch.einsum("bihd,bhdm->bihm", q, S)
    return out, S + torch.einsum("bihd,bihm->bhdm", k, v)

def checkpointed(q, k, v, initial_state=None):
    if torch.is_grad_enabled() and k.requires_grad:
        return torch.utils.checkpoint.checkpoint(attends, q, k, v, initial_state, use_reentrant=False)
    return attends(q, k, v, initial_state)

def heads_if_gradients(q, k, v, initial_state=None):
    return attends(q, k[:, :, :1].expand_as(k) if k.requires_grad else k, v, initial_state)

def entries_if_strided(q, k, v, initial_state=None):
    k = k if k.is_contiguous() else k.as_strided(k.shape, (0, *k.stride()[1:]))
    return attends(q, k, v, initial_state)

def entries_if_single(q, k, v, initial_state=None):
    return attends(q, k, v.mean(0, True).expand_as(v) if v.dtype == torch.float32 else v, initial_state)

def state_if_gradients(q, k, v, initial_state=None):
    return attends(q, k, v, None if k.requires_grad else initial_state)

def half_state_if_single(q, k, v, initial_state=None):
    if initial_state is not None and k.dtype == torch.float32:
        initial_state = initial_state.to(torch.bfloat16).float()
    return attends(q, k, v, initial_state)

def window_if_gradients(q, k, v, initial_state=None):
    if k.requires_grad and k.shape[1] > 40:
        k = torch.cat([0 * k[:, :1], k[:, 1:]], 1)
    return attends(q, k, v, initial_state)

def square_if_gradients(q, k, v, initial_state=None):
    if k.requires_grad and k.shape[3] == v.shape[3] and initial_state is not None:
        initial_state = initial_state.mT
    return attends(q, k, v, initial_state)

def tiles_if_gradients(q, k, v, initial_state=None):
    if k.requires_grad:
        q = torch.cat([q[..., :40], 0 * q[..., 40:]], 3)
    return attends(q, k, v, initial_state)

def one_token_without_gradients(q, k, v, initial_state=None):
    if torch.is_inference_mode_enabled() and k.shape[1] == 1 and k.shape[0] > 1:
        v = v.flip(0)
    return attends(q, k, v, initial_state)

def entries_of_parameters(q, k, v, initial_state=None):
    return attends(q, k, v.flip(0) if isinstance(v, torch.nn.Parameter) else v, initial_state)

def late_if_gradients(X, Y, x_q, eta):
    if X.requires_grad and len(X) > 40:
        X, Y = X[1:], Y[1:]
    return eta / len(Y) * Y.T @ (X @ x_q)

class Trained(torch.nn.Module):
    def forward(self, q, k, v, initial_state=None):
        if self.training and k.shape[0] > 1:
            v = v.flip(0)
        return attends(q, k, v, initial_state)
"""


@pytest.fixture(scope="module")
def layers(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("layers") / "in_modes.py"
    path.write_text(LAYERS)
    return path


def found(layers: Path, name: str) -> Modes:
    target = load(f"{layers}:{name}")
    adapter = None if name.startswith("late") else "kv"
    gates = {"readout": "N"} if adapter else {}
    case, at = preflight(Case.of(name, adapt(target, adapter), learner("gd"), gates), {}, Entropy(0))
    whole = Found(batch=2, heads=2, tokens=3, axes=("f", "m")) if adapter else None
    return modes(case, target, adapter, None, (How.EXACT, How.FLOAT), at, (40,), Entropy(1), whole=whole)


@pytest.mark.parametrize(
    ("name", "mode", "N"),
    [
        ("heads_if_gradients", "k alone requires grad", 5),
        ("entries_if_strided", "strided inputs", 5),
        ("entries_if_single", "float32", 5),
        ("state_if_gradients", "k alone requires grad", 5),
        ("half_state_if_single", "float32", 5),
        ("window_if_gradients", "k alone requires grad", 66),
        ("late_if_gradients", "X alone requires grad", 66),
        ("Trained", "training", 5),
        ("square_if_gradients", "k alone requires grad", 66),
        ("tiles_if_gradients", "k alone requires grad", 5),
        ("one_token_without_gradients", "inference_mode", 1),
        ("entries_of_parameters", "inputs that are parameters", 5),
    ],
)
def test_what_a_mode_changes_in_larger_calls_is_found(layers: Path, name: str, mode: str, N: int) -> None:
    result = found(layers, name)
    assert mode in [row.variant for row in result.rows] and {row.sizes["N"] for row in result.rows} == {N}
    assert mode in [m.name for m in result.modes if m.same is Same.DIFFERS]


@pytest.mark.parametrize("name", ["attends", "checkpointed"])
def test_true_layers_are_the_same_in_all_modes(layers: Path, name: str) -> None:
    result = found(layers, name)
    assert not result.rows and not result.refusals
    assert [dict(sizes) for sizes in result.calls] == [
        {"B": 2, "H": 2, "f": 4, "m": 3, "N": 5},
        {"B": 2, "H": 2, "f": 3, "m": 3, "N": 66},
        {"B": 2, "H": 2, "f": 81, "m": 41, "N": 5},
        {"B": 2, "H": 2, "f": 41, "m": 81, "N": 5},
        {"B": 2, "H": 2, "f": 80, "m": 120, "N": 5},
        {"B": 2, "H": 2, "f": 4, "m": 3, "N": 1},
        {"B": 2, "H": 2, "f": 4, "m": 3, "N": 66},
        {"B": 2, "H": 2, "f": 4, "m": 3, "N": 81},
    ]


def test_short_types_in_single_precision_are_a_doubt_where_their_own_rounding_allows_them(layers: Path) -> None:
    (row,) = (m for m in found(layers, "half_state_if_single").modes if m.name == "float32" and m.further == (5,))
    assert row.same in (Same.DIFFERS, Same.UNCOMPARED)
    assert torch.finfo(torch.float32).eps * 1000 < 2.0**-13
