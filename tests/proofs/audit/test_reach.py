"""How far an audit's word reaches: its world is data, and "every N" needs all lines run and all integers passed."""

import json

import pytest

from numeric.finding import Verdict
from proofs.audit.answer import Check, Word
from proofs.audit.world import Positions, Same, State
from proofs.evidence import Settings
from proofs.identify.ask import ask
from reports.answers import world as listed
from reports.said import said

LAYERS = """
import torch

def delta(q, k, v, beta, initial_state=None, output_final_state=False, late=10**6):
    B, T, H, D = k.shape
    S = k.new_zeros(B, H, D, v.shape[-1]) if initial_state is None else initial_state
    out = []
    for t in range(T):
        error = v[:, t] - torch.einsum("bhdm,bhd->bhm", S, k[:, t])
        S = S + torch.einsum("bhd,bhm->bhdm", k[:, t], beta[:, t, :, None] * error)
        out.append(torch.einsum("bhdm,bhd->bhm", S, q[:, t]))
    return torch.stack(out, 1), S

def late(q, k, v, beta, initial_state=None, output_final_state=False):
    out, S = delta(q, k, v, beta, initial_state)
    return (2 * out if q.shape[1] > len(LONG) else out), S

LONG = "x" * 40_000

def no_mask(q, k, v):
    return torch.einsum("bqhd,bkhd,bkhv->bqhv", q, k, v)

def step(X, Y, x_q, eta):
    if len(X) == 1:
        raise ValueError("one token is too few")
    return eta / len(X) * (Y.T @ (X @ x_q))

def from_34(X, Y, x_q, eta):
    return eta / len(X) * (Y.T @ (X @ x_q)) * (2 if len(X) > 33 else 1)
"""


@pytest.fixture(scope="module")
def layers(tmp_path_factory):
    path = tmp_path_factory.mktemp("layers") / "reach.py"
    path.write_text(LAYERS)
    return path


def find(layers, name, against="gd", adapter=None):
    return ask(f"{layers}:{name}", against, adapter, settings=Settings(seed=1))


@pytest.mark.usefixtures("near")
def test_every_length_and_what_it_rests_on(layers):
    found = find(layers, "delta", "online_gd", "kv")
    world = found.world
    assert found.verdict is Verdict.CONFIRMED and world.state is State.START and world.positions is Positions.EVERY
    assert not world.beyond and 10**6 in world.integers  # no call is as long as that
    assert not any(row.rung == Check.EVERY for row in found.rows)
    assert {m.name for m in world.modes if m.same in (Same.BITS, Same.ROUNDING)} >= {"no_grad", "fresh process"}
    assert json.loads(json.dumps(found.to_json()))["world"]["heads"] == 2
    assert listed(world)[0].startswith("heads 2, batch 2, every position of 3 tokens; ")


@pytest.mark.usefixtures("near")
def test_a_line_that_never_ran_keeps_the_word_away(layers):
    found = find(layers, "late", "online_gd", "kv")
    assert found.word is Word.UNDECIDED and "q.shape[1] > len(LONG) was never true" in said(found.reason)
    assert not any(row.rung == Check.EVERY for row in found.rows)
    assert [u.condition for u in found.world.open] == ["q.shape[1] > len(LONG)"]
    assert any("q.shape[1] > len(LONG) was never true" in line for line in str(found).splitlines())


def test_further_checks_refute(layers):
    found = find(layers, "no_mask", "gd", "kv")
    assert found.verdict is Verdict.REFUTED and "all positions" in said(found.reason)
    assert dict(found.counterexample.sizes) == {"B": 1, "H": 1, "N": 2, "f": 1, "m": 1}
    assert find(layers, "from_34").verdict is Verdict.REFUTED


def test_refused_sizes_are_in_the_world(layers):
    found = find(layers, "step")
    assert found.verdict is Verdict.CONFIRMED and 1 not in found.world.lengths
    refused = {r.sizes["N"]: said(r.why) for r in found.world.refusals}
    assert refused[1].startswith("raised ValueError: one token is too few")


def test_identification_takes_the_same_reach(layers):
    found = ask(f"{layers}:no_mask", None, "kv", settings=Settings(seed=1))
    assert found.verdict is Verdict.REFUTED and "all positions" in said(found.reason)
