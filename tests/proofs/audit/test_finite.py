"""Where floats end: quotients of powers leave them at some length or strength of decays, powers of differences do not."""

import pytest

from numeric.entropy import Entropy
from proofs.audit.answer import Word
from proofs.audit.finite import limits
from proofs.audit.preflight import preflight
from proofs.audit.reasons import Bounded
from proofs.audit.run import audit
from proofs.evidence import Settings
from proofs.target.adapters import adapt
from proofs.target.case import Case
from proofs.target.learners import learner
from proofs.target.loading import load

LAYERS = """
import torch

def _read(q, k, v, mask):
    return torch.einsum("bthd,bshd,tsbh,bshm->bthm", q, k, mask, v)

def quotients(q, k, v):
    p = 0.5 ** torch.arange(q.shape[1], dtype=q.dtype)
    return _read(q, k, v, (p[:, None] / p).tril()[..., None, None].expand(-1, -1, *q.shape[::2][:1], q.shape[2]))

def differences(q, k, v):
    t = torch.arange(q.shape[1], dtype=q.dtype)
    mask = (0.5 ** (t[:, None] - t).clamp(min=0)).tril()
    return _read(q, k, v, mask[..., None, None].expand(-1, -1, q.shape[0], q.shape[2]))

def gates_apart(q, k, v, g):
    c = g.cumsum(1)[..., None]
    A = torch.einsum("bthd,bshd->bhts", q * c.exp(), k * (-c).exp()).tril()
    return torch.einsum("bhts,bshm->bthm", A, v)

def gates_together(q, k, v, g):
    c = g.cumsum(1)
    d = c[:, :, None] - c[:, None]
    mask = d.masked_fill(d > 0, 0).exp().movedim(0, 2)
    return _read(q, k, v, mask * torch.ones_like(mask[:, :, 0, 0]).tril()[..., None, None])
"""
HALF, GATES = {"eta": "1", "decay": "1/2"}, {"eta": "1", "g": "log(decay)"}


@pytest.fixture(scope="module")
def layers(tmp_path_factory):
    path = tmp_path_factory.mktemp("layers") / "finite.py"
    path.write_text(LAYERS)
    return path


def found(layers, name, gates):
    case = Case.of(name, adapt(load(f"{layers}:{name}"), "kv"), learner("discounted_gd"), gates)
    case, at = preflight(case, {}, Entropy(0))
    return limits(case, at, {}, Entropy(1), False)


def test_quotients_of_powers_leave_the_floats_at_a_length_and_powers_of_differences_do_not(layers):
    double, single = found(layers, "quotients", HALF)
    assert (double.dtype, double.N, double.fine) == ("float64", 1076, 1075)  # 2^-1075 is 0
    assert (single.dtype, single.N, single.fine) == ("float32", 151, 150)
    assert found(layers, "differences", HALF) == ()


def test_quotients_of_gates_leave_the_floats_where_decays_are_strong_and_differences_do_not(layers):
    double, single = found(layers, "gates_apart", GATES)
    assert (double.dtype, double.names, double.N) == ("float64", ("decay",), 64)
    assert double.strength == double.weaker - 1 == -17  # 63 such decays are below 2^-1024 together
    assert (single.dtype, single.strength) == ("float32", -2)
    assert found(layers, "gates_together", GATES) == ()


def test_what_is_proved_says_where_floats_end(layers):
    answer = audit(f"{layers}:quotients", "discounted_gd", "kv", HALF, Settings(seed=1))
    assert answer.word is Word.PROVED and isinstance(answer.reason, Bounded)
    assert "but floats end: in float64 the layer leaves their range at N = 1076" in str(answer)
    answer = audit(f"{layers}:differences", "discounted_gd", "kv", HALF, Settings(seed=1))
    assert answer.word is Word.PROVED and "floats end" not in str(answer)
