"""Whole calls: batch entries, heads, every position and the state, each with a target that gets it wrong."""

import pytest
import torch

from numeric.entropy import Entropy
from numeric.finding import Verdict
from proofs.audit.calls import Calls
from proofs.audit.compared import How, of_the_state, within_rounding
from proofs.audit.preflight import preflight
from proofs.audit.whole import POSITIONS, START, STATE, whole_rows
from proofs.audit.world import Positions, State
from proofs.target.adapters import adapt
from proofs.target.case import Case
from proofs.target.learners import learner
from proofs.target.loading import load
from reports.said import said

LAYERS = """
import torch

def delta(q, k, v, beta, initial_state=None, output_final_state=False, scale=1.0):
    B, T, H, D = k.shape
    S = k.new_zeros(B, H, D, v.shape[-1]) if initial_state is None else initial_state
    out = []
    for t in range(T):
        error = v[:, t] - torch.einsum("bhdm,bhd->bhm", S, k[:, t])
        S = S + torch.einsum("bhd,bhm->bhdm", k[:, t], beta[:, t, :, None] * error)
        out.append(scale * torch.einsum("bhdm,bhd->bhm", S, q[:, t]))
    return torch.stack(out, 1), S

def old(q, k, v, beta, initial_state=None, output_final_state=False):
    out, S = delta(q, k, v, beta, initial_state)
    return out, delta(q[:, :-1], k[:, :-1], v[:, :-1], beta[:, :-1], initial_state)[1] if k.shape[1] > 1 else S

def cleared(q, k, v, beta, initial_state=None, output_final_state=False):
    out, S = delta(q, k, v, beta, initial_state)
    return out, S * 0

def ignored(q, k, v, beta, initial_state=None, output_final_state=False):
    return delta(q, k, v, beta)

def twice(q, k, v, beta, initial_state=None, output_final_state=False):
    return delta(q, k, v, beta, None if initial_state is None else 2 * initial_state)

def turned(q, k, v, beta, initial_state=None, output_final_state=False):
    return delta(q, k, v, beta, None if initial_state is None else initial_state.mT)

def turned_if_square(q, k, v, beta, initial_state=None, output_final_state=False):
    alone = initial_state is not None and k.shape[0] * k.shape[2] == 1 and k.shape[3] == v.shape[3]
    return delta(q, k, v, beta, initial_state.mT if alone else initial_state)

def doubled_inside(q, k, v, beta, initial_state=None, output_final_state=False):
    out, S = delta(q, k, v, beta, None if initial_state is None else initial_state / 3)
    return out, 3 * S

def batch_summed(q, k, v, beta):
    out = delta(q, k, v, beta)[0]
    return out.sum(0, keepdim=True).expand(out.shape)

def heads_summed(q, k, v, beta):
    out = delta(q, k, v, beta)[0]
    return out.sum(2, keepdim=True).expand(out.shape)

def first_gate(q, k, v, beta):
    return delta(q, k, v, beta[:, :, :1].expand(beta.shape))[0]

def last_only(q, k, v, beta):
    out = delta(q, k, v, beta)[0]
    return torch.cat([0 * out[:, :-1], out[:, -1:]], 1)

def own_decay(q, k, v, mixed=0.0):
    S = k.new_zeros(k.shape[0], k.shape[2], k.shape[3], v.shape[-1])
    gamma = 1 - 2.0 ** (-2 - torch.arange(k.shape[2]))[:, None, None]
    out = []
    for t in range(k.shape[1]):
        S = gamma * S + k[:, t, :, :, None] * v[:, t, :, None, :]
        out.append(torch.einsum("bhkv,bhk->bhv", S + mixed * S.flip(1), q[:, t]))
    return torch.stack(out, 1)

def own_decay_mixed(q, k, v):
    return own_decay(q, k, v, mixed=1.0 if q.shape[2] > 1 else 0.0)

def wide_gates(q, k, v, beta):
    S = k.new_zeros(k.shape[0], k.shape[2], k.shape[3], v.shape[-1])
    out = []
    for t in range(k.shape[1]):
        error = v[:, t] - torch.einsum("bhdm,bhd->bhm", S, k[:, t])
        S = S + torch.einsum("bhd,bhm->bhdm", beta[:, t] * k[:, t], error)  # one rate for each channel
        out.append(torch.einsum("bhdm,bhd->bhm", S, q[:, t]))
    return torch.stack(out, 1)

def one_batch_entry(q, k, v, beta):
    assert q.shape[0] == 1, "one batch entry only"
    return delta(q, k, v, beta)[0]

def heads_first(q, k, v, beta):
    q, k, v, beta = (a.transpose(1, 2) for a in (q, k, v, beta))
    return delta(q, k, v, beta)[0].transpose(1, 2)

def exclusive(q, k, v, beta):
    S = k.new_zeros(k.shape[0], k.shape[2], k.shape[3], v.shape[-1])
    out = []
    for t in range(k.shape[1]):
        out.append(torch.einsum("bhdm,bhd->bhm", S, q[:, t]))
        S = delta(q[:, t:t + 1], k[:, t:t + 1], v[:, t:t + 1], beta[:, t:t + 1], S)[1]
    return torch.stack(out, 1)

def last_position(q, k, v, beta):
    return delta(q, k, v, beta)[0][:, -1:]

def mean(q, k, v, scale):
    scores = scale * torch.einsum("bqhd,bkhd->bhqk", q, k).tril()
    return torch.einsum("bhqk,bkhv->bqhv", scores, v)

def no_mask(q, k, v, scale):
    return torch.einsum("bqhd,bkhd,bkhv->bqhv", q, k, v) * scale

def one_scale(q, k, v, scale):
    return mean(q, k, v, scale) * torch.arange(1, q.shape[1] + 1)[None, :, None, None] / q.shape[1]


def interleaved(Z):
    x, y = Z[:, 0::2], Z[:, 1::2]
    scores = torch.einsum("bqd,bkd->bqk", x, x[:, :-1]).tril(-1)
    out = torch.zeros_like(Z)
    out[:, 0::2] = scores @ y
    return out

def interleaved_no_mask(Z):
    x, y = Z[:, 0::2], Z[:, 1::2]
    out = torch.zeros_like(Z)
    out[:, 0::2] = torch.einsum("bqd,bkd->bqk", x, x[:, :-1]) @ y
    return out

def interleaved_batch(Z):
    out = interleaved(Z)
    return out.mean(0, keepdim=True).expand(out.shape)

def joint(Z, f=4):
    x, y = Z[..., :f], Z[..., f:]
    S = torch.einsum("bqd,bkd->bqk", x, x).tril() @ y
    return torch.cat([x, S], -1)

def joint_no_mask(Z, f=4):
    x, y = Z[..., :f], Z[..., f:]
    return torch.cat([x, x @ (x.mT @ y)], -1)

def attention(query, keys, values):
    return query @ (keys.mT @ values)

def attention_first(query, keys, values):
    return query[:, :1].expand(query.shape) @ (keys.mT @ values)
"""


@pytest.fixture(scope="module")
def layers(tmp_path_factory):
    path = tmp_path_factory.mktemp("layers") / "whole.py"
    path.write_text(LAYERS)
    return path


def found(layers, name, against="online_gd", adapter="kv", gates=None, kinds=(How.EXACT,)):
    target = load(f"{layers}:{name}")
    case = Case.of(name, adapt(target, adapter), learner(against), gates or {})
    case, at = preflight(case, {}, Entropy(0))
    return whole_rows(case, at, {}, kinds, Entropy(1), -100.0)


def verdicts(result):
    return {row.rung.removeprefix("exact, "): row.finding.verdict for row in result.rows}


def test_a_true_operator_holds_at_every_position_and_its_state_is_the_learners(layers):
    result = found(layers, "delta")
    assert verdicts(result) == dict.fromkeys((POSITIONS, STATE, START), Verdict.CONFIRMED)
    assert (result.batch, result.heads, result.positions, result.tokens) == (2, 2, Positions.EVERY, 3)
    assert result.state is State.START and not [r for r in result.refusals if r.what != STATE]


@pytest.mark.parametrize("name", ["batch_summed", "heads_summed", "first_gate", "last_only"])
def test_mixed_cells_and_silent_positions_are_refuted(layers, name):
    result = found(layers, name)
    assert verdicts(result) == {POSITIONS: Verdict.REFUTED}
    example = result.rows[0].finding.counterexample
    assert max(example.sizes.values()) == 2 and set(example.inputs) == {"q", "k", "v", "beta"}


@pytest.mark.parametrize("name", ["old", "cleared", "ignored", "twice", "turned", "turned_if_square"])
def test_a_state_that_is_not_handed_on_is_refuted(layers, name):
    result = found(layers, name)
    assert verdicts(result)[POSITIONS] is Verdict.CONFIRMED and verdicts(result)[STATE] is Verdict.REFUTED
    assert result.state is State.BROKEN and result.rows[-1].finding.counterexample is not None


def test_a_state_of_another_form_is_not_called_the_learners(layers):
    assert found(layers, "doubled_inside").state is State.CONTINUES


@pytest.mark.parametrize(
    ("name", "adapter", "against", "gates"),
    [
        ("heads_first", "kv:BHTD", "online_gd", {}),
        ("exclusive", "kv:exclusive", "online_gd", {}),
        ("mean", "kv", "gd", {"scale": "eta/N"}),
        ("interleaved", "tokens", "gd", {}),
        ("joint", "tokens:joint", "gd", {}),
        ("attention", "attention", "gd", {}),
    ],
)
def test_other_layouts_hold(layers, name, adapter, against, gates):
    result = found(layers, name, against, adapter, gates)
    assert verdicts(result) == {POSITIONS: Verdict.CONFIRMED} and result.positions is Positions.EVERY
    assert result.batch == 2 and result.heads == (2 if adapter.startswith("kv") else 1)


@pytest.mark.parametrize(
    ("name", "adapter", "gates"),
    [
        ("no_mask", "kv", {"scale": "eta/N"}),
        ("one_scale", "kv", {"scale": "eta/N"}),
        ("interleaved_no_mask", "tokens", {}),
        ("interleaved_batch", "tokens", {}),
        ("joint_no_mask", "tokens:joint", {}),
        ("attention_first", "attention", {}),
    ],
)
def test_other_layouts_are_refuted(layers, name, adapter, gates):
    assert verdicts(found(layers, name, "gd", adapter, gates)) == {POSITIONS: Verdict.REFUTED}


def test_the_last_position_alone_can_be_asked_for(layers):
    result = found(layers, "no_mask", "gd", "kv:last", {"scale": "eta/N"})
    assert verdicts(result) == {POSITIONS: Verdict.CONFIRMED} and result.positions is Positions.LAST


def test_what_a_target_refuses_is_named(layers):
    result = found(layers, "one_batch_entry")
    assert (result.batch, result.heads) == (1, 2) and "one batch entry only" in said(result.refusals[0].why)
    result = found(layers, "last_position")
    assert (
        result.positions is Positions.LAST
        and not result.rows
        and "expected (2, 3, 2, 3)" in said(result.refusals[0].why)
    )


def test_floats_and_balls_ask_the_same(layers):
    for kind in (How.FLOAT, How.BALLS):
        assert found(layers, "delta", kinds=(kind,)).rows[0].finding.verdict is Verdict.CONFIRMED
        assert found(layers, "heads_summed", kinds=(kind,)).rows[0].finding.verdict is Verdict.REFUTED


def test_heads_may_have_numbers_of_their_own_but_not_mix(layers):
    result = found(layers, "own_decay", "discounted_gd")
    assert verdicts(result) == {POSITIONS: Verdict.CONFIRMED}
    assert [said(numbers["decay"]).split()[0] for numbers in result.by_head] == ["3/4", "7/8"]
    assert verdicts(found(layers, "own_decay_mixed", "discounted_gd")) == {POSITIONS: Verdict.REFUTED}


def test_gates_may_be_wanted_for_each_channel(layers):
    result = found(layers, "wide_gates")
    assert verdicts(result) == {POSITIONS: Verdict.CONFIRMED} and (result.batch, result.heads) == (2, 2)


KEPT_IN_FLOAT32 = """
import torch

def layer(q, k, v, beta, initial_state=None, output_final_state=False):
    has_start = initial_state is not None
    S = initial_state.to(k.dtype) if has_start else k.new_zeros(k.shape[0], k.shape[2], k.shape[3], v.shape[-1])
    out = []
    for t in range(k.shape[1]):
        error = (v[:, t] - torch.einsum("bhdm,bhd->bhm", S, k[:, t])) * beta[:, t, :, None]
        S = S + torch.einsum("bhd,bhm->bhdm", k[:, t], error)
        out.append(torch.einsum("bhdm,bhd->bhm", S, q[:, t]))
    return torch.stack(out, 1), S.float() if output_final_state else None

def lossy(q, k, v, beta, initial_state=None, output_final_state=False):
    out, S = layer(q, k, v, beta, initial_state, output_final_state)
    return out, S * (1 + 2.0**-30) if output_final_state else None
"""


@pytest.mark.parametrize(("name", "kind"), [("layer", How.LIFTED), ("lossy", How.FLOAT)])
def test_a_state_that_is_handed_on_in_float32_is_lifted_and_one_that_is_changed_is_not(tmp_path, name, kind):
    path = tmp_path / "kept.py"
    path.write_text(KEPT_IN_FLOAT32)
    target = load(f"{path}:{name}")
    case, at = preflight(Case.of(name, adapt(target, "kv"), learner("online_gd"), {}), {}, Entropy(0))
    calls = Calls(case, case.adapter.whole, ("f", "m"))
    asked = calls.asked(Calls.in_two, Calls.in_one, {"B": 1, "H": 1, **at})
    draw = {n: t.numpy() for n, t in case.draw(asked.sizes, torch.Generator().manual_seed(1), asked.shapes).items()}
    plain = within_rounding(How.FLOAT, asked, [draw], Entropy(1), here=True)
    assert plain.verdict is Verdict.REFUTED
    taken, found = of_the_state(How.FLOAT, asked, plain, [draw], Entropy(1))
    assert taken is kind and found.verdict is (Verdict.CONFIRMED if kind is How.LIFTED else Verdict.REFUTED)
    assert kind is How.FLOAT or any("cast to torch.float32" in said(flag) for flag in found.flags)
