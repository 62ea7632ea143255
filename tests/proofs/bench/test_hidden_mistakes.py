"""Mistakes that act only somewhere: each acts in its situation, and only there where it says so."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from proofs.bench.corpus import CORPUS, Entry
from proofs.bench.hidden_mistakes import HIDDEN, Hidden, Situation, hidden
from proofs.bench.mutations import Mutation, mutations
from proofs.bench.soundness import ROUNDING, SINGLE, difference, draws

ENTRIES = {e.name: e for e in CORPUS}
ELSEWHERE = {
    "late branch", "one length", "one width", "wide branch", "default limit", "second chunk", "window", "late gate",
    "heads mixed", "heads in another order", "batch mixed", "first of the batch", "first head's gate",
    "state between calls", "float32 alone", "gradients wanted", "no gradients", "inference mode", "strides",
    "refusal swallowed", "assert swallowed", "any error swallowed",
}  # fmt: skip


def made(entry: Entry) -> dict[str, Mutation]:
    return {m.kind: m for m in mutations(entry.source, entry.adapter) if m.where is not None}


@pytest.mark.parametrize("mistake", HIDDEN, ids=lambda h: h.kind)
def test_a_mistake_acts_where_it_says(mistake: Hidden) -> None:
    names = ("decaying_memory", "batch_step") if mistake.needs == "gates" else ("delta_rule", "batch_step")
    seen = 0
    for entry in map(ENTRIES.__getitem__, names):
        mutation = made(entry).get(mistake.kind)
        if mutation is None:
            continue
        acts = difference(entry, mutation)
        assert acts is not None and acts > ROUNDING
        if mistake.kind in ELSEWHERE:
            usual = Mutation(mutation.kind, mutation.line, mutation.change, mutation.source, Situation())
            assert difference(entry, usual) == 0.0
        seen += 1
    assert seen


def test_each_kind_has_its_own_name() -> None:
    """That each of them is made is asked in test_soundness.py."""
    assert len({h.kind for h in HIDDEN}) == len(HIDDEN)


def test_what_a_layer_lacks_is_not_changed() -> None:
    assert not {"heads mixed", "previous gate", "gates multiplied"} & set(made(ENTRIES["batch_step"]))
    assert not {"gate squared", "late gate"} & set(made(ENTRIES["softmax_attention"]))
    assert not list(hidden(ENTRIES["delta_rule"].source, "tokens"))


def test_parameters_may_change_their_meaning_before_the_end() -> None:
    """The chunk form turns q around before its result is made: lengths are those of the q that was given."""
    entry = ENTRIES["delta_rule_chunk"]
    assert (difference(entry, made(entry)["late branch"]) or 0) > ROUNDING


def test_a_difference_of_float32_is_no_rounding() -> None:
    entry = ENTRIES["batch_step"]
    rounded: dict[str, Any] = {"torch": torch}
    source = made(entry)["float32 alone"].source.replace("2 * out", "(1 + 2.0**-20) * out")
    exec(source, rounded)
    mutation = Mutation("float32 alone", 1, "", source, Situation(single=True))
    assert difference(entry, mutation) == 0.0 < SINGLE


def test_draws_are_those_of_the_situation() -> None:
    where = Situation({"N": 7}, batch=2, heads=3, scale=10.0, requires_grad=True, strided=False)
    q, k, v, beta = draws(ENTRIES["delta_rule"], where.sizes, 0, where)
    assert q.shape == k.shape == (2, 7, 3, 4) and v.shape == (2, 7, 3, 4) and beta.shape == (2, 7, 3)
    assert q.requires_grad and float(beta.detach().max()) < 1 < float(q.detach().abs().max())
    strided = draws(ENTRIES["batch_step"], Situation().sizes, 0, Situation(strided=True))
    assert not strided[0].is_contiguous()
    assert draws(ENTRIES["batch_step"], Situation().sizes, 0, Situation(single=True))[0].dtype is torch.float32
