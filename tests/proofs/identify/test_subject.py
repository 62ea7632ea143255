"""proofs/identify/subject.py: which numbers a layer's gates are set to while its learner is unknown."""

from __future__ import annotations

import pytest

from proofs.evidence import Settings
from proofs.identify.run import callable_at
from proofs.identify.subject import Layer
from proofs.target.adapters import adapt
from proofs.target.loading import TargetError, load


def decayed(X, Y, x_q, forget, g):
    W = X.new_zeros(Y.shape[1], X.shape[1])
    for x, y in zip(X, Y, strict=True):
        W = forget.exp() * W + g * y[:, None] * x
    return W @ x_q


def checked(X, Y, x_q, forget, g):
    if (forget > 0).any():
        raise ValueError("a logarithm of a decay is at most 0")
    return decayed(X, Y, x_q, forget, g)


def both(X, Y, x_q, forget, g):
    if (forget > 0).any() or (g > 0).any():
        raise ValueError("neither is positive")
    return decayed(X, Y, x_q, forget, g)


def ready(layer):
    loaded = load(layer)
    return callable_at(Layer.of(layer, loaded, adapt(loaded, None), {}), {}, Settings(seed=1), {})[0]


@pytest.mark.parametrize("layer", [decayed, checked])
def test_a_logarithm_of_a_decay_is_known_by_what_the_code_does(layer):
    """It is called `forget`, and what is called `g` is none."""
    assert ready(layer).chosen == {"forget": "-1/2", "g": "3/4"}


def test_a_layer_that_runs_at_no_such_gates_says_so():
    with pytest.raises(TargetError, match="neither is positive"):
        ready(both)
