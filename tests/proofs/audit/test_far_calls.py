"""Whole calls past the integers of the code: what goes wrong only between chunks, entries or heads, or with a state."""

import pytest

from numeric.entropy import Entropy
from numeric.finding import Verdict
from proofs.audit.compared import How
from proofs.audit.far_calls import ALONE, far_calls
from proofs.audit.preflight import preflight
from proofs.audit.whole import STATE, Found
from proofs.target.adapters import adapt
from proofs.target.case import Case
from proofs.target.learners import learner
from proofs.target.loading import load
from proofs.target.source.integers import integers

LAYERS = """
import torch

def chunked(q, k, v, initial_state=None, output_final_state=False, between=None, after=None, chunk=4):
    S = k.new_zeros(k.shape[0], k.shape[2], k.shape[3], v.shape[-1]) if initial_state is None else initial_state
    outs, before = [], S
    for t in range(0, q.shape[1], chunk):
        before = S
        S = between(S, initial_state) if between and t else S
        Q, K, V = (a[:, t : t + chunk].transpose(1, 2) for a in (q, k, v))
        outs.append(((Q @ K.mT).tril() @ V + Q @ S).transpose(1, 2))
        S = S + K.mT @ V
    return torch.cat(outs, 1), before if after and t else S

def batch_mean(q, k, v, initial_state=None, output_final_state=False):
    return chunked(q, k, v, initial_state, between=lambda S, old: S.mean(0, keepdim=True).expand_as(S))

def heads_turned(q, k, v, initial_state=None, output_final_state=False):
    return chunked(q, k, v, initial_state, between=lambda S, old: S.flip(1))

def old_state(q, k, v, initial_state=None, output_final_state=False):
    return chunked(q, k, v, initial_state, after=True)

def start_again(q, k, v, initial_state=None, output_final_state=False):
    return chunked(q, k, v, initial_state, between=lambda S, old: S if old is None else S + old)

def halved(q, k, v, initial_state=None, output_final_state=False):
    return chunked(q, k, v, None if initial_state is None else initial_state / (1 if q.shape[1] < 7 else 2))

def third_head(q, k, v, initial_state=None, output_final_state=False):
    return chunked(q, k, v[:, :, [min(h, 1) for h in range(v.shape[2])]], initial_state)

def fifth_entry(q, k, v, initial_state=None, output_final_state=False):
    out, S = chunked(q, k, v, initial_state)
    return torch.cat([out[:4], 0 * out[4:]]), S

def sixth_head(q, k, v, initial_state=None, output_final_state=False):
    out, S = chunked(q, k, v, initial_state)
    return torch.cat([out[:, :, :5], 0 * out[:, :, 5:]], 2), S

def narrow(q, k, v, initial_state=None, output_final_state=False):
    S = torch.zeros(k.shape[0], k.shape[2], k.shape[3], v.shape[-1], dtype=torch.float32)
    q, k, v = (a.to(torch.float32) for a in (q, k, v))
    return chunked(q, k, v, S if initial_state is None else initial_state)  # which a float64 state raises in

def narrow_and_turned(q, k, v, initial_state=None, output_final_state=False):
    out, S = narrow(q, k, v, initial_state)
    return out.flip(2) if q.shape[1] > 6 else out, S
"""


@pytest.fixture(scope="module")
def layers(tmp_path_factory):
    path = tmp_path_factory.mktemp("layers") / "far.py"
    path.write_text(LAYERS)
    return path


@pytest.mark.parametrize(
    ("name", "what"),
    [
        ("chunked", ""),
        ("batch_mean", ALONE),
        ("heads_turned", ALONE),
        ("old_state", STATE),
        ("start_again", STATE),
        ("halved", STATE),
        ("third_head", ALONE),
        ("fifth_entry", ALONE),
        ("sixth_head", ALONE),
    ],
)
def test_what_few_tokens_do_not_show(layers, name, what):
    target = load(f"{layers}:{name}")
    case = Case.of(name, adapt(target, "kv"), learner("gd"), {})
    case, at = preflight(case, {}, Entropy(0))
    few = Found(rows=(object(),), batch=2, heads=2, axes=("f", "m"))
    found = far_calls(case, few, at, {}, (How.FLOAT,), integers(target.call), Entropy(1))
    refuted = [row.rung for row in found.rows if row.finding.verdict is Verdict.REFUTED]
    assert refuted == ([f"sampled, float64, {what}"] if what else [])
    assert what or found.cells >= (5, 6)
    assert what or len(found.tokens) > len([c for c in integers(target.call) if c <= 130])


@pytest.mark.parametrize(("name", "verdict"), [("narrow", Verdict.CONFIRMED), ("narrow_and_turned", Verdict.REFUTED)])
def test_casts_are_lifted_where_they_were_so_far(layers, name, verdict):
    target = load(f"{layers}:{name}")
    case = Case.of(name, adapt(target, "kv"), learner("gd"), {})
    case, at = preflight(case, {}, Entropy(0))
    few = Found(rows=(object(),), batch=2, heads=2, axes=("f", "m"))
    found = far_calls(case, few, at, {}, (How.EXACT, How.LIFTED), (4,), Entropy(1))
    assert not found.refusals and not case.lifted
    assert {row.rung for row in found.rows} <= {f"sampled, float64 lifted, {what}" for what in (ALONE, STATE)}
    assert found.rows[-1].finding.verdict is verdict
