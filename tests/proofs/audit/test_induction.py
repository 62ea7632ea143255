"""All context lengths from one token: settled where the memory is in reach, and never where one statement fails."""

from functools import cache

import pytest

from numeric.entropy import Entropy
from numeric.finding import Verdict
from proofs.audit.answer import Check
from proofs.audit.induction import every_length
from proofs.audit.inference import infer
from proofs.audit.preflight import preflight
from proofs.audit.run import compared
from proofs.evidence import Settings
from proofs.target.adapters import adapt
from proofs.target.case import Case
from proofs.target.learners import learner
from proofs.target.loading import load
from proofs.target.source.integers import integers
from reports.said import said

LAYERS = """
import torch

def delta(q, k, v, beta, initial_state=None, output_final_state=False, start=0.0, grown=1.0, long=9, memory=1.0):
    B, T, H, D = q.shape
    S = torch.zeros(B, H, D, v.shape[-1]) + start if initial_state is None else initial_state
    o = []
    for t in range(T):
        rate = beta[:, t, :, None] * (grown if T > long else 1.0)
        u = rate * (v[:, t] - (S * k[:, t, :, :, None]).sum(-2))
        S = S + k[:, t, :, :, None] * u[:, :, None, :]
        o.append(torch.einsum("bhk,bhkv->bhv", q[:, t], S))
    return torch.stack(o, 1), memory * S if output_final_state else None

def outer(q, k, v, alpha, beta, state=None):
    S = q.new_zeros(1, 1, v.shape[-1], q.shape[-1]) if state is None else state
    o = []
    for t in range(q.shape[1]):
        a, b = alpha[:, t, :, None, None], beta[:, t, :, None, None]
        S = a * S
        S = S - b * ((S @ k[:, t, :, :, None]) - v[:, t, :, :, None]) @ k[:, t, :, None, :]
        o.append((S @ q[:, t, :, :, None])[..., 0])
    return torch.stack(o, 1), S

def summed(q, k, v, scale=1.0, initial_state=None, output_final_state=False):
    S = torch.zeros(1, 1, q.shape[-1], v.shape[-1]) if initial_state is None else initial_state
    o = []
    for t in range(q.shape[1]):
        S = S + k[:, t, :, :, None] * v[:, t, :, None, :]
        o.append(scale * torch.einsum("bhk,bhkv->bhv", q[:, t], S))
    return torch.stack(o, 1), S if output_final_state else None

def other_start(q, k, v, beta, initial_state=None, output_final_state=False):
    return delta(q, k, v, beta, initial_state, output_final_state, start=1.0)

def scaled_memory(q, k, v, beta, initial_state=None, output_final_state=False):
    return delta(q, k, v, beta, initial_state, output_final_state, memory=2.0)

def two_is_special(q, k, v, beta, initial_state=None, output_final_state=False):
    return delta(q, k, v, beta, initial_state, output_final_state, grown=2.0, long=4)

def weights(X, Y, x_q, W0, beta):
    W = W0
    for t in range(len(X)):
        W = W - beta[t] * torch.outer(W @ X[t] - Y[t], X[t])
    return W @ x_q

def batch(X, Y, x_q, W0, eta):
    return (W0 - eta / len(X) * (X @ W0.T - Y).T @ X) @ x_q
"""


@pytest.fixture(scope="module")
def layers(tmp_path_factory):
    path = tmp_path_factory.mktemp("layers") / "memories.py"
    path.write_text(LAYERS)
    return path


@cache
def _found(target, against, adapter, gates):
    # at one width: that others are tried too is the business of test_run.py
    return compared(target, against, adapter, dict(gates), Settings(seed=1), {"f": 4, "m": 3})


def find(path, name, against, adapter="kv", gates=None):
    return _found(f"{path}:{name}", against, adapter, tuple((gates or {}).items()))


def induced(path, name, against, adapter, gates):
    """The induction alone, of a layer that agrees with the learner."""
    target = load(f"{path}:{name}")
    case = Case.of(name, adapt(target, adapter), learner(against), gates)
    case, at = preflight(case, {"f": 4, "m": 3}, Entropy(1))
    for N in (1, 2, 5):  # a step size that nothing in the call stands for is a power of N
        infer(case, {**at, "N": N})
    return every_length(case, at, Entropy(2), -107.0, integers(target.call))


def every(found):
    return [row.finding for row in found.rows if row.rung == Check.EVERY]


@pytest.mark.parametrize(
    ("name", "against", "adapter", "gates"),
    [
        ("outer", "decay_then_step", "kv", {"alpha": "decay"}),
        ("summed", "gd", "kv", {}),
        ("summed", "discounted_gd", "kv", {"decay": "1", "scale": "1", "eta": "1"}),
        ("weights", "online_gd", None, {}),
    ],
)
def test_one_token_settles_every_length(layers, name, against, adapter, gates):
    finding = induced(layers, name, against, adapter, gates)
    assert finding.verdict is Verdict.CONFIRMED and finding.figures["failure probability, log2"] <= -100


def test_what_one_token_settles_is_said(layers):
    found = find(layers, "delta", "online_gd")
    assert found.verdict is Verdict.CONFIRMED, str(found)
    (finding,) = every(found)
    assert finding.verdict is Verdict.CONFIRMED and finding.figures["failure probability, log2"] <= -100
    assert "for every N by induction" in said(found.reason) and "N=any, by induction" in str(found)
    assert any("longer calls repeat the block" in text for text in map(said, finding.trust))


def test_without_a_memory_in_reach_the_lengths_are_named(layers):
    found = find(layers, "batch", "gd", None)  # its memory is not W alone
    assert found.verdict is Verdict.CONFIRMED and not every(found)
    assert "for N = 1, 2, 5, 9" in said(found.reason)


@pytest.mark.parametrize(
    ("name", "adapter"),
    [
        ("other_start", "kv"),
        ("two_is_special", "kv"),
        ("scaled_memory", "kv"),  # what it returns is no memory to go on from
        ("delta", "kv:exclusive"),  # but the last position reads its own token
    ],
)
def test_other_learners_are_refuted_before(layers, name, adapter):
    found = find(layers, name, "online_gd", adapter)
    assert found.verdict is Verdict.REFUTED and not every(found)


def test_lengths_that_no_call_was_made_at_are_trusted_not_proved(layers):
    """What changes its ways beyond all lengths that were run is the limit that the trust names."""
    found = find(layers, "delta", "online_gd")
    (finding,) = every(found)
    assert said(finding.reason).endswith(
        "(run at T = 2, 3, 4, 5, 7, 9, 10, 19)"
    )  # the code has a 2 and a 9, and makes 3 and 4 of the widths
