"""Learners among each other: steps that fold to the prediction, neutral values, and what can't be told apart."""

from fractions import Fraction

import numpy as np
import pytest

from constructions.learners import Domain, Each, library
from numeric.deciding.programs import rational
from tests.constructions.learners._problems import F, M, N, counted, equal, parameters, predict, problem


@pytest.mark.parametrize("id", [id for id, found in sorted(library().items()) if found.step is not None])
@pytest.mark.parametrize("each", [True, False])
def test_the_step_folds_to_the_prediction(id, each):
    found = counted(id) if id != "gd" else library()["gd"].given(steps=1)
    values, data = parameters(found, each=each), problem()

    def folded(X, Y, x_q, W0, **given):
        W = W0
        for t in range(N):
            here = {
                p.name: given[p.name][t]
                if p.each in (Each.TOKEN, Each.TOKEN_CHANNEL) and given[p.name].ndim
                else given[p.name]
                for p in found.parameters
            }
            W = found.step(W, X[t], Y[t], W0, N, **here)
        return W @ x_q

    assert equal(predict(found, **data, **values), rational(folded, data | values)[0])


def test_several_steps_are_no_recursion_over_tokens():
    with pytest.raises(ValueError, match="2 steps"):
        library()["gd"].given(steps=2).step(None, None, None, None, N, eta=1)


SAME = {
    "gd_plus_plus": ("gd", {}),
    "discounted_gd": ("gd", {"eta": ("eta", N)}),
    "channel_discount": ("gd", {"eta": ("eta", N)}),
    "decay_then_step": ("online_gd", {}),
    "channel_decay_then_step": ("online_gd", {}),
    "step_then_decay": ("online_gd", {}),
    "heavy_ball": ("online_gd", {}),
    "titans": ("heavy_ball", {"beta": ("theta", 1)}),
    "mini_batch": ("online_gd", {}),
    "repeated_steps": ("online_gd", {}),
    "sliding_window": ("online_gd", {}),
    "rls": ("ridge", {}),
    "mesa": ("ridge", {}),
}
"""What a learner is at the neutral value of the parameter it names, and whose value each parameter there has, times what."""


@pytest.mark.parametrize("id", [id for id, found in sorted(library().items()) if found.simpler])
def test_the_neutral_value_gives_the_simpler_learner(id):
    found = library()[id]
    ((name, other),) = found.simpler
    neutral = next(p.neutral for p in found.parameters if p.name == name)
    assert (other, neutral is not None) == (SAME[id][0], True)
    counts = {p.name: neutral if p.name == name else 2 for p in found.parameters if p.domain is Domain.COUNT}
    found = found.given(**counts)
    values, data = parameters(found, each=False), problem()
    values |= {name: np.array(Fraction(neutral), dtype=object)} if name in values else {}
    values |= {"beta": np.array(Fraction(1), dtype=object)} if id == "mesa" else {}
    data |= {} if found.start else {"W0": 0 * data["W0"]}
    steps = {"steps": 2 if "steps" in counts else 1} if other == "gd" else {}
    simple = library()[other].given(**steps)
    borrowed = {}
    for p in simple.parameters:
        source, factor = SAME[id][1].get(p.name, (p.name, 1))
        borrowed[p.name] = np.array(values[source][()] * factor, dtype=object)
    assert equal(predict(found, **data, **values), predict(simple, **data, **borrowed))


def scalar(top, bottom=1):
    return np.array(Fraction(top, bottom), dtype=object)


def test_decay_then_step_is_weight_decay_up_to_a_readout_scale():
    data = problem() | {"W0": np.zeros((M, F), dtype=object) + Fraction(0)}
    decayed = predict(library()["decay_then_step"], **data, beta=scalar(1, 4), decay=scalar(1, 2))
    rates = {"beta": scalar(1, 8), "weight_decay": scalar(4)}
    assert equal(decayed / 2, predict(library()["step_then_decay"], **data, **rates))
    rates["weight_decay"] = scalar(3)
    assert not equal(decayed / 2, predict(library()["step_then_decay"], **data, **rates))


@pytest.mark.parametrize("iterations", [1, 2, 3])
def test_newton_schulz_doubles_the_steps_of_gradient_descent(iterations):
    data = problem() | {"W0": np.zeros((M, F), dtype=object) + Fraction(0)}
    found = predict(library()["newton_schulz"].given(iterations=iterations), **data, scale=scalar(1, 8))
    steps = [library()["gd"].given(steps=2**iterations + extra) for extra in (0, -1)]
    assert equal(found, predict(steps[0], **data, eta=scalar(N, 8)))
    assert not equal(found, predict(steps[1], **data, eta=scalar(N, 8)))


def test_repeated_steps_on_unit_keys_are_one_larger_step():
    data = problem()
    data["X"] = np.array([[Fraction(3, 5), Fraction(4, 5), Fraction(0)]] * N, dtype=object)
    repeated = predict(library()["repeated_steps"].given(times=3), **data, beta=scalar(1, 4))
    assert equal(repeated, predict(library()["online_gd"], **data, beta=scalar(64 - 27, 64)))
    assert not equal(repeated, predict(library()["online_gd"], **data, beta=scalar(3, 4)))


def test_a_mesa_layer_sees_only_the_ratio_of_prior_and_weights():
    data = problem()
    found = [
        predict(library()["mesa"], **data, lam=scalar(1, k), beta=scalar(3, k), decay=scalar(1, 2)) for k in (1, 4)
    ]
    assert equal(*found)
