"""What calls keep: a cache by length alone holds numbers of another dtype, or of parameters that were set anew since."""

from __future__ import annotations

from pathlib import Path

import pytest

from numeric.entropy import Entropy
from proofs.audit.compared import How
from proofs.audit.modes import modes
from proofs.audit.preflight import preflight
from proofs.audit.world import Same
from proofs.target.adapters import adapt
from proofs.target.case import Case
from proofs.target.learners import learner
from proofs.target.loading import load

LAYERS = """
import torch

KEPT = {}

def powers(n, dtype, key):
    if key not in KEPT:
        KEPT[key] = torch.tensor(0.9, dtype=dtype) ** torch.arange(n - 1, -1, -1, dtype=dtype)
    return KEPT[key].to(dtype)

def by_length(X, Y, x_q):
    return (Y * powers(len(X), X.dtype, len(X))[:, None]).T @ (X @ x_q)

def by_dtype(X, Y, x_q):
    return (Y * powers(len(X), X.dtype, (len(X), X.dtype))[:, None]).T @ (X @ x_q)

class Stale(torch.nn.Module):
    def __init__(self, watching=False):
        super().__init__()
        self.decay = torch.nn.Parameter(torch.tensor(0.75, dtype=torch.float64))
        self.cache, self.watching = {}, watching

    def forward(self, X, Y, x_q):
        key = len(X), float(self.decay.detach()) if self.watching else 0
        if key not in self.cache:
            with torch.no_grad():
                self.cache[key] = self.decay ** torch.arange(len(X) - 1, -1, -1)
        return (Y * self.cache[key].to(X)[:, None]).T @ (X @ x_q)

class Watching(Stale):
    def __init__(self):
        super().__init__(True)
"""


@pytest.mark.parametrize(
    ("name", "mode"),
    [
        ("by_length", "fresh process, float32 first"),
        ("by_dtype", ""),
        ("Stale", "parameters set later"),
        ("Watching", ""),
    ],
)
def test_what_a_call_keeps_is_right_for_the_next(tmp_path: Path, name: str, mode: str) -> None:
    path = tmp_path / "caches.py"
    path.write_text(LAYERS)
    target = load(f"{path}:{name}")
    gates = {"eta": "1", "decay": "9/10" if name.startswith("by") else "3/4"}
    case, at = preflight(Case.of(name, adapt(target, None), learner("discounted_gd"), gates), {}, Entropy(0))
    found = modes(case, target, None, f"{path}:{name}", (How.FLOAT,), at, (), Entropy(1), memory=True)
    assert [m.name for m in found.modes if m.same is Same.DIFFERS] == ([mode] if mode else [])
    tried = {m.name for m in found.modes if m.same is not Same.NOT_RUN}
    assert "fresh process, float32 first" in tried
    assert ("parameters set later" in tried) is (name in ("Stale", "Watching"))
