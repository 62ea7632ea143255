"""Solvers and systems broken in the code that runs: no rung of their claims may stay confirmed."""

import pytest

from constructions import (
    activated_layers,
    conjugate_gradient,
    delay_modes,
    delta_rule,
    descent_limit,
    diagonal_ssm,
    gated_rnn_symmetric,
    griffin_block,
    hyena,
    published_parameters,
    quasi_newton,
    retnet,
    rg_lru,
    samba,
    softmax_attention,
    ssd,
    titans,
)
from numeric.finding import Verdict
from proofs import registry
from proofs.evidence import Rung, Settings
from proofs.verify import sight


def scaled(module, name, factor=2):
    """The function with its result, or the first of its results, multiplied."""
    whole = getattr(module, name)

    def broken(*args, **kwargs):
        found = whole(*args, **kwargs)
        return (factor * found[0], *found[1:]) if isinstance(found, tuple) else factor * found

    return module, name, broken


def replaced(module, name, broken):
    return module, name, broken


def steepest(w, r, p, A):
    alpha = (r.mT @ r) / (p.mT @ (A @ p))
    after = r - alpha * (A @ p)
    return w + alpha * p, after, after


def rank_one(H, s, y):
    return H + (s - H @ y) @ (s - H @ y).mT / (y.mT @ (s - H @ y)) * 2


def at_decayed(M, S, k, v, mu, theta, alpha):
    S = mu * S - theta * (((1 - alpha) * M @ k - v) @ k.mT)
    return (1 - alpha) * M + S, S


def newest_decayed(S, k, v, gamma):
    return gamma * (S + v @ k.mT)


def untied(S, x, B, Delta, a):
    return a * S + x @ B.mT


def squared(h, x, a, b):
    return a * h + b * x * x


def conjugated(h, write, decay):
    return decay[0] * h[0] + decay[1] * h[1] + write[0], decay[0] * h[1] - decay[1] * h[0] + write[1]


def backward(lam, step):
    below = (1 - step * lam[0], -step * lam[1])
    return diagonal_ssm.divide((1 + 0 * step, 0 * step), below), diagonal_ssm.divide((step, 0 * step), below)


def exchanged(W_V, W_K, W_Q, made=gated_rnn_symmetric.attention_weights):
    return made(W_V, W_Q, W_K)


EVERY_RUNG = {
    "gd.cg_terminates": [replaced(conjugate_gradient, "step", steepest), scaled(conjugate_gradient, "step")],
    "gd.cg_bfgs": [
        replaced(quasi_newton, "update", rank_one),
        replaced(conjugate_gradient, "step", steepest),
        scaled(quasi_newton, "line_search"),
    ],
    "gd.convergence_error": [scaled(descent_limit, "contract", -1), scaled(descent_limit, "after")],
    "gd.convergence_rate": [scaled(descent_limit, "rate")],
    "gd.titans": [replaced(titans, "step", at_decayed)],
    "gd.delay_modes": [scaled(delay_modes, "readout")],
    "gd.delay_bound": [replaced(delay_modes, "annihilator", lambda lam: lam[[0] * (len(lam) + 1)])],
    "gd.gelu_limit": [scaled(activated_layers, "product_sums")],
    "gd.softmax_smoother": [scaled(softmax_attention, "mean")],
    "gd.softmax_expansion": [scaled(softmax_attention, "mean")],
    "gd.s5_lti": [replaced(diagonal_ssm, "advance", conjugated)],
    "gd.s4d_kernel": [replaced(diagonal_ssm, "advance", conjugated)],
    "gd.lru_variance": [scaled(diagonal_ssm, "advance")],
    "gd.delta_product": [scaled(delta_rule, "step")],
    "gd.retnet": [replaced(retnet, "step", newest_decayed), scaled(retnet, "chunk"), scaled(retnet, "parallel")],
    "gd.ssd_dual": [replaced(ssd, "step", untied), scaled(ssd, "dual")],
    "gd.hyena_weighted_step": [scaled(hyena, "convolve"), scaled(hyena, "shift")],
    "gd.hyena_degree": [replaced(hyena, "convolve", lambda h, z: z * z + h)],
    "gd.samba": [scaled(samba, "mamba_layer")],
    "gd.griffin_block": [replaced(rg_lru, "step", squared)],
    "gd.stored_parameters": [replaced(published_parameters, "decay", lambda stored, exp: 0 * stored["Lambda_re"])],
}
"""What every rung sees: the derivations run these functions too."""

REWIRED = {
    "gd.griffin_block": [replaced(griffin_block, "convolved", lambda V, w: V * V.roll(1, 0))],
    "gd.gated_rnn_symmetric": [replaced(gated_rnn_symmetric, "attention_weights", exchanged)],
}
"""Breaks of another kind than those with which it is measured what each rung sees."""


def cases(table):
    return [
        pytest.param(id, patch, id=f"{id}: {patch[0].__name__.split('.')[-1]}.{patch[1]} {k}")
        for id, patches in table.items()
        for k, patch in enumerate(patches)
    ]


@pytest.mark.parametrize(("id", "patch"), cases(EVERY_RUNG))
def test_no_rung_stays_confirmed(monkeypatch, id, patch):
    claim = registry.claim(id)
    monkeypatch.setattr(*patch)
    verdicts = {rung: check(Settings(seed=1)).verdict for rung, check in claim.checks.items()}
    assert Verdict.CONFIRMED not in verdicts.values(), verdicts
    assert Verdict.REFUTED in verdicts.values(), verdicts


@pytest.mark.parametrize(("id", "patch"), cases(REWIRED))
def test_every_rung_that_is_said_to_see_it_refutes(monkeypatch, id, patch):
    claim = registry.claim(id)
    broken = f"{patch[0].__name__.removeprefix('constructions.')}.{patch[1]}"
    labels = sight.labels(claim, sight.look(claim))
    monkeypatch.setattr(*patch)
    verdicts = {
        r: claim.checks[r](Settings(seed=1)).verdict for r, missed in labels.items() if broken not in (missed or ())
    }
    assert verdicts and set(verdicts.values()) == {Verdict.REFUTED}, verdicts


def test_the_bilinear_rule_is_seen_by_the_rungs_that_prove_it(monkeypatch):
    """The sampled rung of S4D runs the hold; the others run both discretisations."""
    claim = registry.claim("gd.s4d_kernel")
    monkeypatch.setattr(diagonal_ssm, "bilinear", backward)
    for rung in (Rung.EXACT, Rung.UNIVERSAL):
        assert claim.checks[rung](Settings(seed=1)).verdict is Verdict.REFUTED
