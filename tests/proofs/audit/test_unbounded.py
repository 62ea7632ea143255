"""Layers whose float runs have no rounding bound (solvers, roots, exponentials): what exact numbers and balls do not see."""

import pytest

from proofs.audit.answer import Word
from proofs.audit.run import compared
from proofs.evidence import Settings
from reports.said import said

LAYERS = """
import torch

def solve(X, Y, x_q, lam):
    return Y.T @ torch.linalg.solve(X @ X.T + lam * torch.eye(len(X), dtype=X.dtype), X @ x_q)

def solve_on_gradients(X, Y, x_q, lam):
    return solve(X, Y, x_q, lam) * (2 if X.requires_grad else 1)

def solve_in_inference(X, Y, x_q, lam):
    return solve(X, Y, x_q, lam) * (2 if torch.is_inference_mode_enabled() else 1)

def softmax(X, Y, x_q):
    return Y.T @ torch.softmax(X @ x_q * X.shape[1] ** -0.5, 0)

def softmax_of_strides(X, Y, x_q):
    return softmax(X, Y, x_q) * (1 if X.is_contiguous() else 2)

def softmax_in_float32(X, Y, x_q):
    return softmax(X, Y, x_q) * (2 if X.dtype == torch.float32 else 1)

def softmax_short(X, Y, x_q):
    return softmax(X.bfloat16().double(), Y, x_q)

def softmax_half(X, Y, x_q):
    return softmax(X.to(torch.float16).to(X.dtype), Y, x_q)

def softmax_capped(X, Y, x_q):
    return Y.T @ torch.softmax(torch.nn.functional.hardtanh(X @ x_q * X.shape[1] ** -0.5, -500.0, 500.0), 0)

def softmax_floored(X, Y, x_q):
    return Y.T @ torch.softmax((X @ x_q * X.shape[1] ** -0.5).clamp(min=-500.0), 0)

def softmax_far_out(X, Y, x_q):
    return softmax(X, Y, x_q) * max(1.0, len(X) / (40 * X.shape[1]))

def softmax_bounded(X, Y, x_q):
    longest = max(len(X), 80 * X.shape[1])
    return softmax(X, Y, x_q) * (longest / longest)

def softmax_signs(X, Y, x_q):
    return softmax(X, Y, x_q) * torch.ones(3).bfloat16().double()[0]
"""


@pytest.fixture(scope="module")
def layers(tmp_path_factory):
    path = tmp_path_factory.mktemp("layers") / "unbounded.py"
    path.write_text(LAYERS)
    return path


@pytest.mark.parametrize(
    ("name", "word", "told"),
    [
        ("solve", Word.PROVED, ""),
        ("solve_on_gradients", Word.REFUTED, "mode, inputs that require grad"),
        ("solve_in_inference", Word.UNDECIDED, "inference_mode: other bits, which nothing here can compare"),
        ("softmax", Word.AGREES, ""),
        ("softmax_signs", Word.AGREES, ""),  # these numbers are the same in bfloat16
        ("softmax_of_strides", Word.REFUTED, "mode, strided inputs"),
        ("softmax_in_float32", Word.REFUTED, "mode, float32"),
        ("softmax_capped", Word.REFUTED, "along"),
        ("softmax_floored", Word.REFUTED, "against"),
        ("softmax_short", Word.REFUTED, "casts to bfloat16 change it"),
        ("softmax_half", Word.REFUTED, "casts to float16 change it"),
    ],
)
def test_what_modes_and_short_types_change_is_seen(layers, name, word, told):
    solver = name.startswith("solve")
    found = compared(
        f"{layers}:{name}",
        "ridge" if solver else "softmax_smoother",
        None,
        {} if solver else {"scale": "f**-0.5"},
        Settings(seed=1),
        {"N": 3, "f": 2, "m": 2},
    )
    assert found.word is word and told in said(found.reason), found.reason


@pytest.mark.parametrize(("name", "word"), [("softmax_far_out", Word.UNDECIDED), ("softmax_bounded", Word.AGREES)])
def test_a_bound_past_all_that_was_compared_is_not_reached(layers, name, word):
    found = compared(
        f"{layers}:{name}", "softmax_smoother", None, {"scale": "f**-0.5"}, Settings(seed=1), {"f": 4, "m": 1}
    )
    assert found.word is word, found.reason
    assert ("has a bound that no call reached" in said(found.reason)) is (word is Word.UNDECIDED), found.reason
