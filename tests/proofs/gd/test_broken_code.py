"""A construction broken in the code that runs: no rung of its claim may stay confirmed, derivations included."""

from dataclasses import replace

import pytest

from constructions import (
    causal_stack,
    constructed_tokens,
    delta_rule,
    gated_accumulator,
    gated_linear_attention,
    gated_rnn,
    gd_ssm,
    kernel_descent,
    mesa_layer,
    residual_stack,
    two_accumulators,
)
from numeric.finding import Verdict
from proofs import registry
from proofs.evidence import Rung, Settings
from proofs.gd import one_step_tokens
from reports.said import said

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


def wrong(module, name, change):
    """A function of a construction whose results are changed."""
    right = getattr(module, name)

    def broken(*arguments, **named):
        return change(right(*arguments, **named))

    return module, name, broken


def attend(**changes):
    right = gated_rnn.attention_weights

    def weights(W_V, W_K, W_Q):
        made = right(W_V, W_K, W_Q)
        return replace(made, **{name: change(getattr(made, name)) for name, change in changes.items()})

    return gated_rnn, "attention_weights", weights


def doubled(x):
    return 2 * x


def second(change):
    return lambda pair: (pair[0], change(pair[1]))


def first(change):
    return lambda pair: (change(pair[0]), pair[1])


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
    "gated memory": (wrong(gated_linear_attention, "step", doubled), ("gd.gated_attention",)),
    "products of the network": (wrong(gated_rnn, "products", doubled), ("gd.gated_rnn_attention",)),
    "step of the network": (wrong(gated_accumulator, "accumulate", doubled), ("gd.gated_rnn_attention",)),
    "decays of the network": (attend(decay=lambda a: a * 0.5), ("gd.gated_rnn_attention",)),
    "gates of the network": (attend(W_x=lambda w: w * 2), ("gd.gated_rnn_attention",)),
    "readout of the network": (attend(O_x=lambda w: w * 2), ("gd.gated_rnn_attention",)),
    "sums of the network": (attend(D=lambda w: w * 2), ("gd.gated_rnn_attention",)),
    "state of the causal layer": (wrong(causal_stack, "write", doubled), ("gd.causal_stack",)),
    "residual of the causal layer": (wrong(causal_stack, "correct", doubled), ("gd.causal_stack",)),
    "readout of the causal layer": (wrong(causal_stack, "readout", doubled), ("gd.causal_stack",)),
    "start of the causal stack": (wrong(causal_stack, "start", first(doubled)), ("gd.causal_stack",)),
    "powers of the formula": (wrong(causal_stack, "power_step", second(doubled)), ("gd.causal_stack",)),
    "rank-one update": (wrong(mesa_layer, "inverse_step", doubled), ("gd.mesa_ridge", "gd.mesa_forgetting")),
    "memory of the mesa layer": (wrong(mesa_layer, "token", second(doubled)), ("gd.mesa_ridge", "gd.mesa_forgetting")),
    "readout of the mesa layer": (wrong(mesa_layer, "solution", doubled), ("gd.mesa_ridge", "gd.mesa_forgetting")),
    "gates of the scan": (wrong(gated_accumulator, "combine", first(doubled)), ("gd.parallel_scan",)),
    "states of the scan": (wrong(gated_accumulator, "combine", second(doubled)), ("gd.parallel_scan",)),
    "residuals of the kernel": (wrong(kernel_descent, "residual_step", doubled), ("gd.kernel_descent",)),
    "predictions of the kernel": (wrong(kernel_descent, "prediction_step", doubled), ("gd.kernel_descent",)),
    "transitions": (wrong(delta_rule, "step", doubled), ("gd.transitions_commute", "gd.delta_rule", "gd.gated_delta")),
}
READ_OFF = ("attention_weights",)
"""Weights that a derivation reads off the code: where they are not what it can use, it is undecided."""
CASES = [pytest.param(patch, id, id=f"{name}: {id}") for name, (patch, ids) in BROKEN.items() for id in ids]


@pytest.mark.parametrize(("patch", "id"), CASES)
def test_no_rung_stays_confirmed(monkeypatch, patch, id):
    claim = registry.claim(id)
    monkeypatch.setattr(*patch)
    verdicts = {rung: check(Settings(seed=1)).verdict for rung, check in claim.checks.items()}
    assert Verdict.CONFIRMED not in verdicts.values(), verdicts
    assert verdicts[Rung.EXACT] is Verdict.REFUTED
    assert verdicts[Rung.UNIVERSAL] is Verdict.REFUTED or patch[1] in READ_OFF


def test_exchanged_accumulators(monkeypatch):
    monkeypatch.setitem(two_accumulators.GATES, "B", ((0, 0, 0), (1, 0, 0), (0, 0, 0)))
    claim = registry.claim("gd.one_step_start")
    verdicts = {rung: check(Settings(seed=1)).verdict for rung, check in claim.checks.items()}
    assert Verdict.CONFIRMED not in verdicts.values(), verdicts


def test_an_offset_that_cancels_confirms_nothing():
    """(o + 1e12) - 1e12 is o on paper, so no mutant; in floating point its own bound is far above the learner's."""
    shifted = replace(one_step_tokens.IDENTITY, left=lambda **at: (one_step_tokens.layer(**at) + 1e12) - 1e12)
    finding = shifted.sampled(Settings(seed=1))
    assert finding.verdict is Verdict.UNDECIDED and "numerically unstable" in said(finding.reason)
