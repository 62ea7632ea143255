"""What the lint passes over: a bound hidden there is refuted by the rung that is named, in the quick profile."""

from __future__ import annotations

import inspect

import pytest

from constructions import learners, optimiser, scan, trade_off
from constructions.namespace import namespace
from numeric.finding import Verdict
from proofs import registry
from proofs.evidence import Rung, Settings
from proofs.hippo import trade_off as claimed_trade_off
from tests.constructions.test_lint import LEFT

BLOCKS, KERNELS = ("hippo.scan", Rung.EXACT), ("hippo.scan_rounding", Rung.SAMPLED)
CHOICE, STEPS = ("hippo.trade_off", Rung.MEASURED), ("gd.optimiser_step", Rung.EXACT)


def late(axis, past=100):
    """Doubled from the hundredth entry on, along the axis."""

    def change(x):
        xp = namespace(x)
        if x.shape[axis] <= past:
            return x
        index = [slice(None)] * x.ndim
        early, index[axis] = [*index], slice(past, None)
        early[axis] = slice(None, past)
        return xp.concat([x[tuple(early)], 2 * x[tuple(index)]], axis=axis)

    return lambda right: lambda *arguments, **named: change(right(*arguments, **named))


def capped(name, most):
    """The argument `name` taken as at most `most`."""

    def around(right):
        def run(*arguments, **named):
            bound = inspect.signature(right).bind(*arguments, **named)
            bound.arguments[name] = min(bound.arguments[name], most)
            return right(*bound.args, **bound.kwargs)

        return run

    return around


# a frame of the FFT can be too short to hold the kernel, which is an error, or longer than need be; no number depends on it
HIDDEN = {
    "scan.py": [
        (scan, "columns", late(1), BLOCKS),
        (scan, "kernel", late(0), BLOCKS),
        (scan, "recurrence", late(0), BLOCKS),
        (scan, "blocked", late(0), BLOCKS),
        (scan, "_toeplitz", late(0), BLOCKS),
        (scan, "_power", lambda right: lambda A, n: right(A, n) * 2 ** (n == 64), KERNELS),
        (scan, "convolution", late(0), KERNELS),
        (scan, "kernel_length", lambda right: lambda *system: min(right(*system), 33), KERNELS),
        (scan, "tail", lambda right: lambda *at: right(*at) * 2.0 ** (-99 * (at[-1] > 16)), KERNELS),
    ],
    "trade_off.py": [
        (trade_off, "LARGEST", lambda _: 5, CHOICE),
        (trade_off, "_window", lambda right: lambda N, share: right(min(N, 6), share), CHOICE),
        (trade_off, "_truncation", lambda right: lambda N, y: right(min(N, 6), y), CHOICE),
        (claimed_trade_off, "law", lambda right: lambda share: right(max(share, 1e-3)), CHOICE),
    ],
    "optimiser.py": [(optimiser, "sgd", capped("steps", 9), STEPS)],
}
CASES = [
    pytest.param(module, name, around, seen, id=f"{name}: {seen[0]} {seen[1].value}")
    for places in HIDDEN.values()
    for module, name, around, seen in places
]


def test_every_exemption_is_looked_at():
    """The primitives have their definitions in test_primitives, the registry its test below."""
    assert set(LEFT) == {*HIDDEN, "primitives.py", "learners/__init__.py"}


@pytest.mark.parametrize(("module", "name", "around", "seen"), CASES)
def test_a_hidden_bound_is_refuted(monkeypatch, module, name, around, seen):
    id, rung = seen
    check = registry.claim(id).checks[rung]
    monkeypatch.setattr(module, name, around(getattr(module, name)))
    assert check(Settings(seed=1, verdict_only=True)).verdict is Verdict.REFUTED


def test_the_registry_holds_no_learner():
    """Calls and steps are in the learners' own files, which the lint reads."""
    for learner in learners.library().values():
        for function in filter(None, (learner.call, learner.step)):
            assert function.__module__.startswith("constructions.learners."), learner.id
