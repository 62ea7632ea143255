"""Constants that the type of the inputs decides are named; what float32 rounds, and what is cast, is none."""

import pytest
import torch

from numeric.entropy import Entropy
from proofs.audit.by_dtype import typed
from proofs.audit.preflight import preflight
from proofs.target.adapters import adapt
from proofs.target.case import Case
from proofs.target.learners import learner
from proofs.target.loading import load
from reports.said import said

LAYERS = """
import torch

def base(X, Y, x_q, eta, factor):
    return eta / len(X) * factor * (Y.T @ (X @ x_q))

def epsilon(X, Y, x_q, eta):
    return base(X, Y, x_q, eta, 1 / (1 + torch.finfo(X.dtype).eps))

def branch(X, Y, x_q, eta):
    return base(X, Y, x_q, eta, 1.0 if X.dtype == torch.float64 else 2.0)

def table(X, Y, x_q, eta):
    weights = 0.9 ** torch.arange(len(X), dtype=X.dtype)
    return base(X, weights[:, None] * Y, x_q, eta, 1 / 3)

def cast(X, Y, x_q, eta):
    return base(X.float(), Y.float(), x_q.float(), eta.float(), 0.1).to(X.dtype)
"""


@pytest.mark.parametrize("name, numbers", [("epsilon", 0), ("branch", 1), ("table", 0), ("cast", 0)])
def test_constants_of_the_type_are_named(tmp_path, name, numbers):
    path = tmp_path / "layers.py"
    path.write_text(LAYERS)
    case = Case.of(name, adapt(load(f"{path}:{name}"), None), learner("gd"), {})
    case, at = preflight(case, {}, Entropy(0))
    found = typed(case, case.draw(at, torch.Generator().manual_seed(0)))
    assert len(found) == numbers
    if found:
        assert (found[0].double, found[0].single) == (1.0, 2.0) and "layers.py:5 depends on the dtype" in said(found[0])


def test_a_machine_epsilon_is_named(tmp_path):
    path = tmp_path / "layers.py"
    path.write_text(LAYERS.replace("1 / (1 + torch.finfo(X.dtype).eps)", "(x_q @ x_q + torch.finfo(X.dtype).eps)"))
    case = Case.of("epsilon", adapt(load(f"{path}:epsilon"), None), learner("gd"), {})
    case, at = preflight(case, {}, Entropy(0))
    (found,) = typed(case, case.draw(at, torch.Generator().manual_seed(0)))
    assert (found.double, found.single) == (2.0**-52, 2.0**-23)
