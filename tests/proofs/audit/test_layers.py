"""Layer against layer: true pairs are one function, planted faults are found, both sides are asked the same."""

from __future__ import annotations

from pathlib import Path

import pytest

from proofs.audit.answer import Answer, Check, Word, of
from proofs.audit.layers import names_a_layer, same
from proofs.audit.world import State
from proofs.evidence import Settings
from proofs.target.loading import TargetError

LAYERS = """
import torch

def recurrent(q, k, v, beta, initial_state=None, output_final_state=False):
    B, T, H, K = k.shape
    S = k.new_zeros(B, H, K, v.shape[-1]) if initial_state is None else initial_state
    out = []
    for t in range(T):
        S = S + beta[:, t][..., None, None] * k[:, t][..., :, None] * v[:, t][..., None, :]
        out.append((q[:, t][..., None, :] @ S)[..., 0, :])
    return torch.stack(out, 1), S

def chunked(q, k, v, beta, initial_state=None, output_final_state=False):
    B, T, H, K = k.shape
    S = k.new_zeros(B, H, K, v.shape[-1]) if initial_state is None else initial_state
    q, k, v, beta = (x.transpose(1, 2) for x in (q, k, v, beta))
    out = []
    for a in range(0, T, 4):
        Q, K, V, b = (x[:, :, a : a + 4] for x in (q, k, v, beta))
        inter, scores = Q @ S, (Q @ K.transpose(-1, -2)).tril()
        out.append(inter + scores @ (b[..., None] * V))
        S = S + K.transpose(-1, -2) @ (b[..., None] * V)
    return torch.cat(out, 2).transpose(1, 2), S

def single(q, k, v, beta, initial_state=None, output_final_state=False):
    S = None if initial_state is None else initial_state.float()
    out, S = recurrent(*(x.float() for x in (q, k, v, beta)), S)
    return out.to(q.dtype), S

def single_too(q, k, v, beta, initial_state=None, output_final_state=False):
    S = None if initial_state is None else initial_state.float()
    out, S = chunked(*(x.float() for x in (q, k, v, beta)), S)
    return out.to(q.dtype), S

def halves(q, k, v, beta, initial_state=None, output_final_state=False):
    out, S = single_too(q, k, v, beta, initial_state)
    return out.to(torch.bfloat16).to(q.dtype), S

def late_too(q, k, v, beta, initial_state=None, output_final_state=False):
    out, S = chunked(q, k, v, beta, initial_state)
    return (2 * out if k.shape[1] > 20_000 else out), S

def turned_state(q, k, v, beta, initial_state=None, output_final_state=False):
    S = None if initial_state is None else initial_state.transpose(-1, -2)
    out, S = chunked(q, k, v, beta, S)
    return out, S.transpose(-1, -2)

def single_blocks(q, k, v, beta, initial_state=None, output_final_state=False):
    assert k.shape[1] % 4 == 0
    return single_too(q, k, v, beta, initial_state)

def halved(q, k, v, beta, initial_state=None, output_final_state=False):
    out, S = recurrent(q, k, v, beta, initial_state)
    return out.to(torch.bfloat16).to(q.dtype), S

def late(q, k, v, beta, initial_state=None, output_final_state=False):
    out, S = recurrent(q, k, v, beta, initial_state)
    return (2 * out if k.shape[1] > 20_000 else out), S

def unmasked(q, k, v):
    return torch.einsum("bthd,bshd,bshe->bthe", q, k, v)

def unmasked_too(q, k, v):
    return (q.transpose(1, 2) @ (k.transpose(1, 2).transpose(-1, -2) @ v.transpose(1, 2))).transpose(1, 2)

def mixed(q, k, v):
    return unmasked(q, k, v) + v.mean(2, keepdim=True)

def mixed_too(q, k, v):
    return v.sum(2, keepdim=True) / v.shape[2] + unmasked_too(q, k, v)

def plain(X, Y, x_q, eta):
    return eta * Y.T @ (X @ x_q)

def turned(X, Y, x_q, eta):
    return (eta * Y.T @ X) @ x_q

def softened(q, k, v):
    return torch.softmax(q.transpose(1, 2) @ k.transpose(1, 2).transpose(-1, -2), -1) @ v.transpose(1, 2)

def forgetting(q, k, v, f):
    return unmasked(q, k, v) * f[..., None]

def gated(q, k, v, gate):
    return unmasked(q, k, v) * gate[..., None]
"""

FAULTS = {
    "inter": ("inter, scores = Q @ S", "inter, scores = 0 * (Q @ S)"),
    "second": ("inter, scores = Q @ S", "inter, scores = (1 + (a == 8)) * (Q @ S)"),
    "head": ("inter, scores = Q @ S", "inter, scores = (Q @ S).flip(1)"),
    "mask": (".tril()", ""),
    "stale": ("        S = S + K", "        S = S + (a + 4 < T) * K"),
    "entries": ("inter, scores = Q @ S", "inter, scores = Q @ S.flip(0)"),
    "traced": (
        "    return torch.cat(out, 2)",
        "    if q.requires_grad: out[-1] = 2 * out[-1]\n    return torch.cat(out, 2)",
    ),
    "narrow": (
        "    return torch.cat(out, 2)",
        "    if q.dtype == torch.float32: S = 2 * S\n    return torch.cat(out, 2)",
    ),
}


SLOW = pytest.mark.slow


@pytest.fixture(scope="module")
def layers(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("layers") / "pairs.py"
    chunked = LAYERS[LAYERS.index("def chunked") : LAYERS.index("def single(")]
    faulty = [chunked.replace("chunked", name).replace(*change) for name, change in FAULTS.items()]
    path.write_text("\n".join([LAYERS, *faulty]))
    return path


def ask(layers: Path, one: str, two: str, adapter: str | None = "kv") -> Answer:
    return same(f"{layers}:{one}", f"{layers}:{two}", adapter, settings=Settings(seed=1))


def test_a_recurrence_and_its_chunks_are_one_function_with_their_states(layers: Path) -> None:
    found = ask(layers, "recurrent", "chunked")
    assert found.word is Word.PROVED and found.status == 0, found.reason
    assert found.second is not None and found.second.word is Word.PROVED
    for world in (found.world, found.second.world):
        assert world is not None and (world.batch, world.heads, world.state) == (2, 2, State.SHARED)
        assert {5, 9} <= set(world.lengths) and world.beyond


@pytest.mark.parametrize("fault, first", [("inter", 5), ("second", 9), ("head", 5), ("mask", 2), ("entries", 5)])
def test_planted_faults_are_found_with_their_place(layers: Path, fault: str, first: int) -> None:
    found = ask(layers, "recurrent", fault)
    assert found.word is Word.REFUTED and found.status == 1, found.reason
    assert found.parting is not None and found.parting.reproduced
    assert found.parting.first == first and found.parting.place is not None
    assert found.parting.place.position == (1 if fault == "mask" else first)


@pytest.mark.parametrize("fault", ["stale", *(pytest.param(name, marks=SLOW) for name in ("traced", "narrow"))])
def test_a_stale_state_and_modes_of_the_second_are_found(layers: Path, fault: str) -> None:
    """Values in float64 agree; the state, a run that is traced, or one in float32 does not."""
    found = ask(layers, "recurrent", fault)
    assert found.word is Word.REFUTED and found.other.endswith(fault), found.reason


@SLOW
def test_states_with_other_axes_are_compared(layers: Path) -> None:
    turned = ask(layers, "recurrent", "turned_state")
    assert turned.word is Word.PROVED and turned.world is not None and turned.world.state is State.SHARED


@SLOW
def test_layers_of_whole_blocks_alone_are_compared_at_several(layers: Path) -> None:
    blocks = ask(layers, "single", "single_blocks")
    assert blocks.word is Word.PROVED, blocks.reason
    assert {row.sizes["N"] for row in of(blocks.rows, Check.EXACT)} == {8, 16, 40}


@pytest.mark.parametrize(
    "one, two",
    [
        pytest.param("single", "single_too", marks=SLOW),
        pytest.param("recurrent", "single_too", marks=SLOW),
        pytest.param("single", "chunked", marks=SLOW),
    ],
)
def test_casts_are_lifted_on_both_sides(layers: Path, one: str, two: str) -> None:
    found = ask(layers, one, two)
    assert found.word is Word.PROVED and found.casts, found.reason


@pytest.mark.parametrize("one, two", [("recurrent", "halved"), ("single", "halves")])
def test_a_cast_that_changes_the_outputs_is_no_proof(layers: Path, one: str, two: str) -> None:
    assert ask(layers, one, two).status != 0


@pytest.mark.slow
@pytest.mark.parametrize("one, two", [("late", "chunked"), ("recurrent", "late_too")])
def test_a_branch_that_never_ran_on_either_side_is_no_proof(layers: Path, one: str, two: str) -> None:
    found = ask(layers, one, two)
    assert found.status != 0, found.reason


def test_layers_that_are_no_learners_are_compared_with_each_other(layers: Path) -> None:
    """Neither is causal, and both mix heads: what is asked is whether they are one function."""
    for pair in (("unmasked", "unmasked_too"), ("mixed", "mixed_too")):
        assert ask(layers, *pair).word is Word.PROVED
    assert ask(layers, "unmasked", "mixed").word is Word.REFUTED


def test_one_sequence_is_enough_of_a_convention(layers: Path) -> None:
    assert ask(layers, "plain", "turned", None).word is Word.PROVED


def test_equal_recordings_are_one_function(layers: Path) -> None:
    found = ask(layers, "plain", "plain", None)
    assert found.word is Word.PROVED and found.rows[0].finding.figures["recordings"] == "equal"


def test_wrong_usage_is_one_message(layers: Path) -> None:
    with pytest.raises(TargetError, match=r"needs gate, which .*unmasked does not take"):
        ask(layers, "gated", "unmasked")
    with pytest.raises(TargetError, match=r"takes f, which is a size .*--gate f=f_gate"):
        ask(layers, "forgetting", "forgetting")
    with pytest.raises(TargetError, match="gate 'other'"):
        same(f"{layers}:plain", f"{layers}:turned", gates={"other": "1"})
    assert names_a_layer(f"{layers}:recurrent") and not names_a_layer(f"{layers}:plain") and not names_a_layer("gd:2")
