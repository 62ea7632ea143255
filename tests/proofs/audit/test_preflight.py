"""Before an audit: a readout's scale is taken from the answers only where they tell it from none."""

from __future__ import annotations

from pathlib import Path

import pytest

from numeric.entropy import Entropy
from proofs.audit.preflight import preflight
from proofs.target.adapters import adapt
from proofs.target.case import READOUT, Case
from proofs.target.learners import learner
from proofs.target.loading import load

LAYERS = """
import torch

def layer(q, k, v, beta, scale=1.0):
    assert q.shape[1] % 64 == 0, "a multiple of 64 tokens"
    S = k.new_zeros(k.shape[0], k.shape[2], k.shape[3], v.shape[-1])
    out = []
    for t in range(k.shape[1]):
        error = (v[:, t] - torch.einsum("bhdm,bhd->bhm", S, k[:, t])) * beta[:, t, :, None]
        S = S + torch.einsum("bhd,bhm->bhdm", k[:, t], error)
        out.append(scale * torch.einsum("bhdm,bhd->bhm", S, q[:, t]))
    return torch.stack(out, 1)

def as_it_is(q, k, v, beta):
    return layer(q, k, v, beta)

def scaled(q, k, v, beta):
    return layer(q, k, v, beta, q.shape[-1] ** -0.5)
"""


@pytest.mark.parametrize(("name", "readout"), [("as_it_is", None), ("scaled", "f**-0.5")])
def test_a_scale_is_found_in_long_contexts_where_there_is_one(tmp_path: Path, name: str, readout: str | None) -> None:
    path = tmp_path / "scales.py"
    path.write_text(LAYERS)
    target = load(f"{path}:{name}")
    case, at = preflight(Case.of(name, adapt(target, "kv"), learner("online_gd"), {}), {}, Entropy(0))
    assert at["N"] == 64 and case.gates.get(READOUT) == readout
