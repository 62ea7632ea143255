"""The numeric ties of the kernel rung: each Coq program with the Python function that has to give the same fractions.

Main definition: `TIES`. Adding a tie is one entry. Functions on torch tensors run in rational arithmetic, the others on
arrays of fractions.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from fractions import Fraction
from types import MappingProxyType
from typing import Any

import numpy as np

from constructions.autograd_descent import descend
from numeric.analysis.rational_matrices import identity, matrix, number
from numeric.carriers.handles import as_fraction
from numeric.deciding.programs import rational, recorded
from proofs.kernel.evaluation import Data, Tie, ladder

AUTOGRAD = "constructions.autograd_descent:descend"


def _columns(answer: Callable[[Any], Any], width: int) -> Any:
    """The matrix whose column j is what `answer` gives for the unit vector j."""
    return np.stack([answer(column) for column in _unit_matrix(width)], axis=1)


def _unit_matrix(size: int) -> Any:
    return np.array([[Fraction(i == j) for j in range(size)] for i in range(size)], dtype=object)


def _ones(size: int) -> Any:
    return np.array([Fraction(1)] * size, dtype=object)


def _torch(program: Callable[..., Any], **arrays: Any) -> Any:
    """A program on torch tensors, in rational arithmetic."""
    return rational(
        recorded(program, own=True), {name: np.asarray(value, dtype=object) for name, value in arrays.items()}
    )[0]


def _module(function: Callable[..., Any]) -> Any:
    return importlib.import_module(function.__module__)


def _slope(loss: Callable[..., Any], d: Data, *weights: Any) -> Any:
    """The first-order part of the loss along H, from three values of the loss: ((L(W + tH) - L(W))/t - t L_0(H)."""
    moved, here = loss(d.W0 + d.t * d.H, d.X, d.Y, *weights), loss(d.W0, d.X, d.Y, *weights)
    return (moved - here) / d.t - d.t * loss(d.H, d.X, 0 * d.Y, *weights)


def _online(step: Callable[..., Any], d: Data) -> Any:
    W = d.W0
    for t in range(d.N):
        W = step(W, d.X[t : t + 1], d.Y[t : t + 1], d.beta[t])
    return W


def _two_pass(layer: Callable[..., Any], d: Data) -> Any:
    residual, prediction = d.Y - d.X @ d.W0.T, d.W0 @ d.q[:, None]
    for _ in range(d.k):
        residual, prediction = layer(d.X, residual, prediction, d.q[:, None], d.c)
    return residual


def _causal(layer: Callable[..., Any], d: Data) -> Any:
    residual = d.Y - d.X @ d.W0.T
    for _ in range(d.k):
        residual, _ = layer(d.X, residual, d.c)
    return residual


def _causal_form(powers_summed: Callable[..., Any], d: Data) -> Any:
    M = powers_summed(_module(powers_summed).prefix_gram(d.X).T, d.c, d.k)
    return d.W0 @ d.q + d.c * ((d.Y - d.X @ d.W0.T).T @ M @ d.X @ d.q)


def _attention(layer: Callable[..., Any], d: Data) -> Any:
    return layer(d.E, _module(layer).Weights(d.key, d.query, d.value, d.out))


def _attention_stack(layer: Callable[..., Any], d: Data) -> Any:
    module = _module(layer)
    E, weights = module.tokens(d.X, d.Y, d.q, d.W0), module.descent_weights(d.W0, d.c)
    for _ in range(d.k):
        E = layer(E, weights)
    return E


def _gated(memory: Callable[..., Any], d: Data, values: Any) -> Any:
    return memory(d.X, values, np.repeat(d.g[:, None], d.f, axis=1), _ones(d.N))


def _published(layer: Callable[..., Any], d: Data) -> Any:
    return layer(d.E, _module(layer).Parameters(d.w, d.decay, d.C, d.D))[-1]


def _published_rows(layer: Callable[..., Any], d: Data) -> Any:
    module = _module(layer)
    return layer(module.tokens(d.X, d.Y, d.q), module.published(np.asarray(d.c, dtype=object), d.f, d.a))


def _any_weights(layer: Callable[..., Any], d: Data) -> Any:
    module = _module(layer)
    return layer(module.tokens(d.X, d.Y, d.q), module.Parameters(d.w, d.decay, d.C, d.D))[d.t]


def _windows(windows: Callable[..., Any], d: Data) -> Any:
    """The theorems' tokens have their own widths: the zeros that pad the code's to one width are left out."""
    rows = windows(_module(windows).tokens(d.X, d.Y, d.q))
    return np.concatenate([rows[:, 0, : d.f], rows[:, 1, : d.m], rows[:, 2, : d.f]], axis=1)


def _two_systems(outputs: Callable[..., Any], d: Data) -> Any:
    first = outputs(d.U, d.A, d.B, d.C, d.D, d.b, d.e)
    return outputs(first, d.A2, d.B2, d.C2, d.D2, d.b2, d.e2)[d.t]


def _output_gated(outputs: Callable[..., Any], d: Data) -> Any:
    left, right = outputs(d.U, d.A, d.B, d.C, d.D, d.b, d.e), outputs(d.U, d.A, d.B, d.G, d.H, d.b, d.g)
    return d.P @ (left[-1] * right[-1])


def _delayed_gain(true_readout: Callable[..., Any], d: Data) -> Any:
    """What the delayed sample must be multiplied by for a constant to have the derivative 0."""
    return -(true_readout(0, d.N, (-1) ** d.N) + _module(true_readout).gain(d.N, "i")) / d.theta


def _power_state(system: Callable[..., Any], d: Data) -> Any:
    """The state a on u(t) = t^i at t = 1: the solution of i a = A a + B."""
    s = system(d.N)
    return [as_fraction(v) for v in (number(d.i) * identity(d.N) - matrix(s.A)).solve(matrix(s.B)).entries()]


def _over_theta(part: str, route: str) -> Callable[[Callable[..., Any], Any], Any]:
    """One matrix of a LegT system, at its time scale."""
    return lambda system, d: np.asarray(getattr(system(d.N, route), part), dtype=object) / d.theta


PROBLEM = {"X": ("N", "f"), "Y": ("N", "m"), "W0": ("m", "f")}
ASKED = PROBLEM | {"q": ("f",), "c": ()}
SQUARE = {"X": ("N", "f"), "Y": ("N", "f"), "q": ("f",)}
SYSTEM = {"A": ("n", "n"), "B": ("n", "d"), "b": ("n",), "C": ("p", "n"), "D": ("p", "d"), "e": ("p",), "U": ("N", "d")}
LAYER = {"w": ("three", "three"), "decay": ("f", "f"), "C": ("f", "f"), "D": ("three",)}
THETA: Mapping[str, tuple[str, ...]] = {"theta": ()}
STATES = ladder(N=(6, 1, 3))

# fmt: off
TIES: Mapping[str, Tie] = MappingProxyType({
    # The loss, its gradient, and descent on it
    "loss": Tie(
        "loss_exec", "m f N W0 X Y", "loss", PROBLEM,
        "constructions.gradient_descent:loss", lambda call, d: call(d.W0, d.X, d.Y), scalar=True,
    ),
    "gradient": Tie(
        "gradient_exec", "m f N W0 X Y", "gradient", PROBLEM,
        "constructions.gradient_descent:gradient", lambda call, d: call(d.W0, d.X, d.Y),
    ),
    "slope": Tie(
        "slope_exec", "m f N W0 X Y H", "inner (gradient W) H", PROBLEM | {"H": ("m", "f"), "t": ()},
        "constructions.gradient_descent:loss", _slope, scalar=True,
    ),
    "gd_step": Tie(
        "gd_step_exec", "m f N eta W0 X Y", "gd_step", PROBLEM | {"eta": ()},
        "constructions.gradient_descent:step", lambda call, d: call(d.W0, d.X, d.Y, d.eta),
    ),
    "gd": Tie(
        "gd_exec", "m f N eta k W0 X Y", "gd", PROBLEM | {"eta": ()},
        "constructions.gradient_descent:descend", lambda call, d: call(d.W0, d.X, d.Y, d.eta, d.k),
    ),
    "gd_autograd": Tie(
        "gd_exec", "m f N eta k W0 X Y", "gd", PROBLEM | {"eta": ()},
        AUTOGRAD,
        lambda call, d: _torch(lambda W, X, Y, eta: call(W, X, Y, eta=eta, steps=d.k), W=d.W0, X=d.X, Y=d.Y, eta=d.eta),
    ),
    "online_gd": Tie(
        "online_gd_exec", "m f beta X Y W0 N", "online_gd", PROBLEM | {"beta": ("N",)},
        "constructions.gradient_descent:step", _online,
    ),
    "online_autograd": Tie(
        "online_gd_exec", "m f beta X Y W0 N", "online_gd", PROBLEM | {"beta": ("N",)},
        "constructions.online_descent:online",
        lambda call, d: _torch(lambda W, X, Y, beta: call(W, X, Y, beta), W=d.W0, X=d.X, Y=d.Y, beta=d.beta),
    ),
    "prefix_steps": Tie(
        "prefix_steps_exec", "m f N eta X Y q", "a step on each prefix",
        {"X": ("N", "f"), "Y": ("N", "m"), "q": ("f",), "eta": ()},
        "constructions.autograd_descent:prefix_predictions",
        lambda call, d: _torch(lambda X, Y, q, eta: call(X, Y, q, eta), X=d.X, Y=d.Y, q=d.q, eta=d.eta),
    ),
    "weighted_loss": Tie(
        "weighted_loss_exec", "m f N w W0 X Y", "weighted_loss", PROBLEM | {"w": ("N",)},
        "constructions.gradient_descent:weighted_loss", lambda call, d: call(d.W0, d.X, d.Y, d.w), scalar=True,
    ),
    "weighted_slope": Tie(
        "weighted_slope_exec", "m f N w W0 X Y H", "inner (weighted_gradient W) H",
        PROBLEM | {"w": ("N",), "H": ("m", "f"), "t": ()},
        "constructions.gradient_descent:weighted_loss", lambda call, d: _slope(call, d, d.w), scalar=True,
    ),
    "weighted_step": Tie(
        "weighted_gd_step_exec", "m f N w eta W0 X Y", "weighted_gd_step", PROBLEM | {"w": ("N",), "eta": ()},
        "constructions.gradient_descent:weighted_loss",
        lambda call, d: _torch(
            lambda W, X, Y, w, eta: descend(W, X, Y, w, eta=eta, of=call),
            W=d.W0, X=d.X, Y=d.Y, w=d.w, eta=d.eta,
        ),
    ),
    # Accumulators and the published layer
    "gated_state": Tie(
        "gated_state_exec", "m f a u Z N", "gated_state",
        {"a": ("N", "m", "f"), "u": ("N", "m", "f"), "Z": ("m", "f")},
        "constructions.gated_accumulator:gated_recurrence", lambda call, d: call(d.a, d.u, d.Z)[-1],
    ),
    "gd_ssm_state": Tie(
        "gd_ssm_state_exec", "m f Y X N", "gd_ssm_state", {"X": ("N", "f"), "Y": ("N", "m"), "q": ("f",)},
        "constructions.two_accumulators:states", lambda call, d: call(d.X, d.Y, d.q)[1][: d.m, : d.f],
    ),
    "gd_ssm_output": Tie(
        "gd_ssm_output_exec", "m f N c W0 X Y q", "gd_ssm_output", ASKED,
        "constructions.two_accumulators:prediction", lambda call, d: call(d.X, d.Y, d.q, d.W0, d.c),
    ),
    "published_prediction": Tie(
        # the published weights start at 0: from W0 they get the residual targets
        "gd_ssm_output_exec", "m f N c W0 X Y q", "gd_ssm_output", ASKED,
        "constructions.gd_ssm:predictions",
        lambda call, d: call(d.X, d.Y - d.X @ d.W0.T, d.q, np.asarray(d.c, dtype=object))[-1] + d.W0 @ d.q,
    ),
    "published_rows": Tie(
        "published_rows_exec", "f N c a X Y q", "published_layer", SQUARE | {"c": (), "a": ()},
        "constructions.gd_ssm:layer", _published_rows, sizes=ladder(f=(2, 3), N=(3, 2)),
    ),
    "gd_ssm_layer": Tie(
        "gd_ssm_layer_exec", "f w decay C D E k", "gd_ssm_layer", LAYER | {"E": ("L", "f")},
        "constructions.gd_ssm:layer", _published, sizes=ladder(f=(2, 3), k=(2, 0), L=(7, 3), three=3),
    ),
    "gated_layer": Tie(
        "gated_layer_exec", "f N w decay C D X Y q t", "gated_layer with the published gates", LAYER | SQUARE,
        "constructions.gd_ssm:layer", _any_weights, sizes=ladder(f=(2, 3), N=(3, 2), t=(1, 0), three=3),
    ),
    "window": Tie(
        "window_exec", "f m N X Y q", "window", {"X": ("N", "f"), "Y": ("N", "m"), "q": ("f",)},
        "constructions.gd_ssm:windows", _windows, sizes=ladder(f=(2, 3, 2), m=(2, 2, 3), N=(3, 2, 1)),
    ),
    # Several steps
    "closed_form": Tie(
        "closed_form_exec", "m f N c k W0 X Y", "matrix_power and geometric_sum", PROBLEM | {"c": ()},
        "constructions.closed_form_descent:solution",
        lambda call, d: call(d.W0, d.X.T @ d.X, d.Y.T @ d.X, d.c, d.k),
    ),
    "two_pass_stack": Tie(
        "two_pass_stack_exec", "m f N c k W0 X Y q", "two_pass_stack at the query", ASKED,
        "constructions.residual_stack:predict", lambda call, d: call(d.X, d.Y, d.q, d.W0, d.c, d.k),
    ),
    "two_pass_residuals": Tie(
        "two_pass_residuals_exec", "m f N c k W0 X Y q", "two_pass_stack in the tokens", ASKED,
        "constructions.residual_stack:layer", _two_pass,
    ),
    "causal_stack": Tie(
        "causal_stack_exec", "m f N c k W0 X Y q", "causal_stack at the query", ASKED,
        "constructions.causal_stack:predict", lambda call, d: call(d.X, d.Y, d.q, d.W0, d.c, d.k),
    ),
    "causal_residuals": Tie(
        "causal_residuals_exec", "m f N c k W0 X Y q", "causal_stack in the tokens", ASKED,
        "constructions.causal_stack:layer", _causal,
    ),
    "causal_gram": Tie(
        "causal_gram_exec", "f N X", "causal_gram", {"X": ("N", "f")},
        "constructions.causal_stack:prefix_gram", lambda call, d: call(d.X).T,
    ),
    "causal_form": Tie(
        "causal_form_exec", "m f N c k W0 X Y q", "sum of powers of 1 - c causal_gram", ASKED,
        "constructions.causal_stack:powers_summed", _causal_form,
    ),
    "gram_form": Tie(
        "gram_form_exec", "m f N c k W0 X Y q", "sum of powers of 1 - c gram", ASKED,
        "constructions.kernel_descent:predict",
        lambda call, d: call(d.X @ d.X.T, d.X @ d.q, d.W0 @ d.q, d.Y - d.X @ d.W0.T, d.c, d.k),
    ),
    "power_sum": Tie(
        "power_sum_exec", "n c S k", "geometric_sum", {"c": (), "S": ("n", "n")},
        "constructions.causal_stack:powers_summed", lambda call, d: call(d.S, d.c, d.k), sizes=ladder(n=(3, 2), k=(3, 1)),
    ),
    "batch_matrix": Tie(
        "batch_matrix_exec", "f N c k X", "geometric_sum of the gram matrix", {"X": ("N", "f"), "c": ()},
        "constructions.update_matrices:batch", lambda call, d: call(d.X, d.c, d.k),
    ),
    "causal_matrix": Tie(
        "causal_matrix_exec", "f N c k X", "geometric_sum of causal_gram", {"X": ("N", "f"), "c": ()},
        "constructions.update_matrices:causal", lambda call, d: call(d.X, d.c, d.k),
    ),
    "two_accumulators": Tie(
        "two_accumulators_exec", "m f N c k W0 X Y", "two_accumulators", PROBLEM | {"c": ()},
        "constructions.accumulator_steps:prediction",
        lambda call, d: -_columns(lambda q: call(d.X, d.Y, q, d.W0, d.c, d.k), d.f),
    ),
    "two_accumulators_once": Tie(
        "two_accumulators_exec", "m f N c k W0 X Y", "two_accumulators after one product", PROBLEM | {"c": ()},
        "constructions.two_accumulators:prediction",
        lambda call, d: -_columns(lambda q: call(d.X, d.Y, q, d.W0, d.c), d.f),
        sizes=ladder(f=(3, 2), m=(2, 4), N=(4, 3), k=1),
    ),
    "newton_schulz": Tie(
        "newton_schulz_exec", "n c S k", "newton_schulz", {"c": (), "S": ("n", "n")},
        "constructions.newton_schulz:weights", lambda call, d: call(d.S, _unit_matrix(d.n), d.c, d.k),
        sizes=ladder(n=(3, 2), k=(2, 3)),
    ),
    "newton_schulz_weights": Tie(
        "newton_schulz_weights_exec", "m f N c k X Y", "cross_moment times newton_schulz",
        {"X": ("N", "f"), "Y": ("N", "m"), "c": ()},
        "constructions.newton_schulz:weights", lambda call, d: call(d.X.T @ d.X, d.Y.T @ d.X, d.c, d.k),
        sizes=ladder(f=(2, 3), m=(2, 1), N=(3, 2), k=(2, 1)),
    ),
    # Other layers
    "delta_rule": Tie(
        "delta_rule_exec", "m f beta X Y W0 N", "delta_rule", PROBLEM | {"beta": ("N",)},
        "constructions.delta_rule:layer", lambda call, d: call(d.W0, d.X, d.Y, d.beta),
    ),
    "lsa_layer": Tie(
        "lsa_layer_exec", "d N key query value out E", "lsa_layer",
        {name: ("d", "d") for name in ("key", "query", "value", "out")} | {"E": ("L", "d")},
        "constructions.linear_attention:layer", _attention, sizes=ladder(d=(3, 2), N=(3, 5), L=(4, 6)),
    ),
    "lsa_stack": Tie(
        "lsa_stack_exec", "m f N c k W0 X Y q", "lsa_stack in every token", ASKED,
        "constructions.linear_attention:layer", _attention_stack, sizes=ladder(f=(2, 3), m=(2, 1), N=(3, 2), k=(2, 1)),
    ),
    "discounted_state": Tie(
        "discounted_state_exec", "m f g Y X N", "discounted_state",
        {"X": ("N", "f"), "Y": ("N", "m"), "g": ("N",)},
        "constructions.gated_linear_attention:memory", lambda call, d: _gated(call, d, d.Y),
    ),
    "discounted_output": Tie(
        "discounted_output_exec", "m f N c g W0 X Y q", "discounted_output", ASKED | {"g": ("N",)},
        "constructions.gated_linear_attention:memory",
        lambda call, d: d.W0 @ d.q + d.c * (_gated(call, d, d.Y - d.X @ d.W0.T) @ d.q),
    ),
    "discount": Tie(
        "discount_exec", "g N", "discount", {"g": ("N",)},
        "constructions.gated_linear_attention:memory",
        lambda call, d: call(_ones(d.N)[:, None], _unit_matrix(d.N), d.g[:, None], _ones(d.N)),
    ),
    "power_discount": Tie(
        "power_discount_exec", "a N", "discount by one number", {"X": ("N", "f"), "a": ()},
        "constructions.update_matrices:discounted",
        lambda call, d: np.diagonal(call(d.X, np.asarray(d.a, dtype=object))),
    ),
    "gated_attention": Tie(
        "gated_attention_exec", "m f alpha r V X N", "gated_attention",
        {"X": ("N", "f"), "V": ("N", "m"), "alpha": ("N", "f"), "r": ("N",)},
        "constructions.gated_linear_attention:memory", lambda call, d: call(d.X, d.V, d.alpha, d.r),
    ),
    "faded_keys": Tie(
        "faded_keys_exec", "f N alpha X", "faded_key", {"X": ("N", "f"), "alpha": ("N", "f")},
        "constructions.gated_linear_attention:memory",
        lambda call, d: call(d.X, _unit_matrix(d.N), d.alpha, _ones(d.N)),
    ),
    "lti_output": Tie(
        "lti_output_exec", "n d p A B b C D e N r U", "lti_output", SYSTEM,
        "constructions.lti:outputs", lambda call, d: call(d.U, d.A, d.B, d.C, d.D, d.b, d.e)[-1],
        sizes=ladder(n=(3, 1), d=(2, 3), p=(2, 1), N=(4, 2), r=(3, 1)),
    ),
    "lti_stack": Tie(
        "lti_stack_exec", "n d p A B b C D e n2 m A2 B2 b2 C2 D2 e2 t U", "stack_output",
        SYSTEM | {"A2": ("n2", "n2"), "B2": ("n2", "p"), "b2": ("n2",), "C2": ("m", "n2"), "D2": ("m", "p"), "e2": ("m",)},
        "constructions.lti:outputs", _two_systems,
        sizes=ladder(n=(2, 3), d=(2, 1), p=(3, 2), n2=(2, 1), m=(2, 3), N=(3, 2), t=(2, 1)),
    ),
    "output_gated": Tie(
        "output_gated_exec", "n d p m A B b C G D H e g P N r U", "output_gated",
        SYSTEM | {"G": ("p", "n"), "H": ("p", "d"), "g": ("p",), "P": ("m", "p")},
        "constructions.lti:outputs", _output_gated, sizes=ladder(n=(2, 3), d=(2, 1), p=(3, 2), m=(2, 1), N=(3, 2), r=(2, 1)),
    ),
    # Legendre polynomials, LegT and LegS
    "legendre": Tie(
        "legendre_exec", "v N", "legendre", {"v": ()},
        "constructions.predictors:legendre", lambda call, d: call(d.N + 1, d.v), sizes=STATES,
    ),
    "ends": Tie(
        "ends_exec", "N", "legendre at 1 and -1", {},
        "constructions.legt:ends", lambda call, d: np.stack(call(d.N)), sizes=STATES,
    ),
    "legt_A": Tie("legt_A_exec", "N theta", "legt_A", THETA,
                  "constructions.legt:system", _over_theta("A", "i"), sizes=STATES),
    "legt_B": Tie("legt_B_exec", "N theta", "legt_B", THETA,
                  "constructions.legt:system", _over_theta("B", "i"), sizes=STATES),
    "route_i_C": Tie("route_i_C_exec", "N theta", "route_i_C", THETA,
                     "constructions.legt:system", _over_theta("C", "i"), sizes=STATES),
    "route_i_D": Tie("route_i_D_exec", "N theta", "route_i_D", THETA,
                     "constructions.legt:system", _over_theta("D", "i"), sizes=STATES, scalar=True),
    "route_ii_C": Tie("route_ii_C_exec", "N theta", "route_ii_C", THETA,
                      "constructions.legt:system", _over_theta("C", "ii"), sizes=STATES),
    "route_iii_C": Tie("route_iii_C_exec", "N theta", "route_iii_C", THETA,
                       "constructions.legt:system", _over_theta("C", "iii"), sizes=STATES),
    "route_iii_D": Tie("route_iii_D_exec", "N theta", "route_iii_D", THETA,
                       "constructions.legt:system", _over_theta("D", "iii"), sizes=STATES, scalar=True),
    "delayed_C": Tie(
        "delayed_C_exec", "N theta", "delayed_C", THETA, "constructions.legt:true_readout",
        lambda call, d: [call(k, d.N, (-1) ** (d.N - k)) / d.theta for k in range(d.N)], sizes=STATES,
    ),
    "delayed_D": Tie(
        "delayed_D_exec", "N theta", "delayed_D", THETA, "constructions.legt:true_readout", _delayed_gain,
        sizes=ladder(N=(5, 3)), scalar=True,
    ),
    "legs_A": Tie("legs_A_exec", "N", "legs_A", {},
                  "constructions.legs:system", lambda call, d: call(d.N).A, sizes=STATES),
    "legs_B": Tie("legs_B_exec", "N", "legs_B", {},
                  "constructions.legs:system", lambda call, d: call(d.N).B, sizes=STATES),
    "legs_state": Tie(
        "legs_state_exec", "N i", "legs_state on a power of t", {},
        "constructions.legs:system", _power_state, sizes=ladder(N=(6, 4), i=(3, 5)),
    ),
    "legs_C": Tie("route_i_C_exec", "N theta", "route_i_C", THETA,
                  "constructions.legs:system", _over_theta("C", "i"), sizes=STATES),
    "legs_D": Tie("route_i_D_exec", "N theta", "route_i_D", THETA,
                  "constructions.legs:system", _over_theta("D", "i"), sizes=STATES, scalar=True),
})
# fmt: on
"""The ties by name; the programs and their theorems are in proofs/coq/Executable*.v."""
