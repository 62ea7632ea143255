"""A construction broken in the code that runs: no rung of its claim may stay confirmed, derivations included."""

from dataclasses import replace

import pytest

from constructions import constructed_tokens, gd_ssm, residual_stack, two_accumulators
from numeric.finding import Verdict
from proofs import registry
from proofs.evidence import Rung, Settings

PUBLISHED = gd_ssm.published
CONSTRUCTED = constructed_tokens.weights
LAYER = residual_stack.layer


def publish(**changes):
    def published(scale, width, decay=None):
        made = PUBLISHED(scale, width, decay)
        return replace(made, **{name: change(getattr(made, name)) for name, change in changes.items()})

    return gd_ssm, "published", published


def construct(**changes):
    def weights(scale, f):
        made = CONSTRUCTED(scale, f)
        return replace(made, **{name: change(getattr(made, name)) for name, change in changes.items()})

    return constructed_tokens, "weights", weights


def stack(X, residual, prediction, query, scale):
    return LAYER(X, residual, prediction, query, 2 * scale)


TOKENS = ("gd.one_step_tokens", "gd.one_step_scalar", "gd.step_size", "gd.recency_weighted")
BROKEN = {
    "sign of C": (publish(C=lambda C: -C), TOKENS),
    "factor of C": (publish(C=lambda C: C * 2), TOKENS),
    "readout of another row": (publish(D=lambda D: D[[2, 1, 0]]), TOKENS),
    "decay": (publish(decay=lambda a: a * 0.5), ("gd.one_step_tokens",)),
    "transposed window weights": (publish(w_q=lambda w: w.mT), ("gd.one_step_tokens",)),
    "sign of B": (construct(B=lambda B: -B), ("gd.one_step_constructed",)),
    "gate that reads nothing": (construct(D=lambda D: D * 0), ("gd.one_step_constructed",)),
    "decay of constructed tokens": (construct(decay=lambda a: a * 0.5), ("gd.one_step_constructed",)),
    "layer of the stack": ((residual_stack, "layer", stack), ("gd.stacked_steps",)),
}
CASES = [pytest.param(patch, id, id=f"{name}: {id}") for name, (patch, ids) in BROKEN.items() for id in ids]


@pytest.mark.parametrize(("patch", "id"), CASES)
def test_no_rung_stays_confirmed(monkeypatch, patch, id):
    claim = registry.claim(id)
    monkeypatch.setattr(*patch)
    verdicts = {rung: check(Settings(seed=1)).verdict for rung, check in claim.checks.items()}
    assert Verdict.CONFIRMED not in verdicts.values(), verdicts
    assert verdicts[Rung.EXACT] is verdicts[Rung.UNIVERSAL] is Verdict.REFUTED


def test_exchanged_accumulators(monkeypatch):
    monkeypatch.setitem(two_accumulators.GATES, "B", (1, 0))
    claim = registry.claim("gd.one_step_start")
    verdicts = {rung: check(Settings(seed=1)).verdict for rung, check in claim.checks.items()}
    assert Verdict.CONFIRMED not in verdicts.values(), verdicts
