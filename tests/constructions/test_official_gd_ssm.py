"""GD-SSM's constructions against outputs of the published code: here a common factor of both sides of a claim would show.

reference/gd_ssm.json says where its numbers come from. Both computed the same polynomial of the same floats, in another
order, so each is within gamma_n A of the exact value: A the polynomial at the absolute values with every sign plus,
which the construction itself gives, n the most roundings that a monomial passes through.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import flint
import numpy as np
import pytest
from flint import arb

from constructions import affine_embedding, constructed_tokens, gd_ssm, three_layer_block
from constructions.gradient_descent import descend

Data = dict[str, np.ndarray]
DATA: dict[str, Any] = json.loads((Path(__file__).parent / "reference" / "gd_ssm.json").read_text("utf-8"))
UNIT = 2.0**-53
BITS = 45
"""2^7 roundings of float64 in one product: more than any order of the read-out's sums of 11 terms makes."""


def reference(name: str) -> Data:
    """One run of the published code; c is its constant."""
    found = {key: np.asarray(value) for key, value in DATA[name].items()}
    return found | ({"c": found["lr"] / found["P"]} if "lr" in found else {})


def roundings(data: Data) -> int:
    """What a term of one layer passes: 6 in the gate, 2 a token in the recurrence, then C, the window's D and the product."""
    length, width = data["seq"].shape
    return 6 + length + 1 + width + 6 + width + 1


def bound(majorant: np.ndarray, n: int) -> np.ndarray:
    """gamma_n A for each of two computations; A was rounded as often."""
    gamma = n * UNIT / (1 - n * UNIT)
    return 2 * gamma * np.abs(majorant) / (1 - gamma)


def same(found: np.ndarray, wanted: np.ndarray, allowed: np.ndarray) -> None:
    """Within the bound, which would show a factor of 1 + 10^-9."""
    assert np.all(np.abs(found - wanted) <= allowed)
    assert np.any(np.abs((1 + 1e-9) * found - wanted) > allowed)


def positive(weights: gd_ssm.Parameters) -> gd_ssm.Parameters:
    """All weights by their absolute values."""
    return gd_ssm.Parameters(*(np.abs(w) for w in (weights.w_q, weights.decay, weights.C, weights.D)))


def descent(data: Data, W0: np.ndarray, steps: int) -> tuple[np.ndarray, np.ndarray]:
    """Steps of size lr N/P at the query, and the same with every sign plus: a step adds c (W X^T + Y^T) X."""
    X, x_q, N = data["X"], data["xq"], len(data["X"])
    Y = data["Y"] if "Y" in data else data["y"][:, None]
    found = descend(W0, X, Y, data["c"] * N, steps) @ x_q
    most = descend(np.abs(W0), np.abs(X), -np.abs(Y), -data["c"] * N, steps)
    return found, most @ np.abs(x_q)


@pytest.mark.parametrize("name", ["a0", "a2"])
def test_constructed_tokens(name: str) -> None:
    """Form (a): the tokens exactly, and all outputs."""
    data = reference(name)
    sequence = constructed_tokens.tokens(data["X"], data["y"], data["xq"])
    assert np.array_equal(sequence, data["seq"])
    weights = constructed_tokens.weights(data["c"], data["X"].shape[1])
    plus = constructed_tokens.Weights(np.abs(weights.B), weights.D, weights.decay)
    allowed = bound(constructed_tokens.layer(np.abs(sequence), plus), roundings(data))
    same(constructed_tokens.layer(sequence, weights), data["out"], allowed)


@pytest.mark.parametrize("name", ["b0", "b2", "c0"])
def test_one_layer(name: str) -> None:
    """Forms (b) and (c): the tokens exactly, and all outputs."""
    data = reference(name)
    make, target = (gd_ssm.tokens, data["Y"]) if "Y" in data else (gd_ssm.scalar_tokens, data["y"])
    sequence = make(data["X"], target, data["xq"])
    assert np.array_equal(sequence, data["seq"])
    weights = gd_ssm.published(data["c"], sequence.shape[1])
    allowed = bound(gd_ssm.layer(np.abs(sequence), positive(weights)), roundings(data))
    same(gd_ssm.layer(sequence, weights), data["out"], allowed)


@pytest.mark.parametrize("name", ["a0", "a2", "b0", "b2", "c0"])
def test_the_codes_own_descent(name: str) -> None:
    """Its loop of gradient descent, and the prediction it reads off, are one step of size lr N/P from 0."""
    data = reference(name)
    outputs = data["Y"].shape[1] if "Y" in data else 1
    found, most = descent(data, np.zeros((outputs, data["X"].shape[1])), 1)
    for wanted in (data["gd_pred"], data["pred"]):
        same(found, wanted, bound(most, 2 * roundings(data)))


def test_any_weights() -> None:
    """One layer with weights drawn at random, and its decay from what the code stores."""
    data = reference("g0")
    weights = gd_ssm.Parameters(data["w_q"], data["Lambda_bar"], data["C"], data["D"])
    allowed = bound(gd_ssm.layer(np.abs(data["seq"]), positive(weights)), roundings(data))
    same(gd_ssm.layer(data["seq"], weights), data["out"], allowed)
    with flint.ctx.workprec(BITS):
        for place in np.ndindex(*data["Lambda_bar"].shape):
            decay = (arb(float(data["Lambda_re"][place])) * arb(float(data["log_step"][place[1], 0])).exp()).exp()
            assert decay.contains(arb(float(data["Lambda_bar"][place])))


E12, E11 = gd_ssm.PAIR, three_layer_block.SQUARE
WITH_E33, WITH_E11 = ((0, 1, 0), (0, 0, 0), (0, 0, 1)), ((1, 1, 0), (0, 0, 0), (0, 0, 0))
WEIGHTS = {
    "out": three_layer_block.PUBLISHED,
    "out_e33": (WITH_E33, E11, WITH_E33),
    "out_e11": (WITH_E11, E11, WITH_E11),
    "out_gdparams": (E12, E12, E12),
}


def block(sequence: np.ndarray, data: Data, weights: Any) -> tuple[np.ndarray, np.ndarray]:
    """The block's output, and the same with every sign plus."""
    return (
        three_layer_block.block(sequence, data["c"], weights),
        three_layer_block.block(np.abs(sequence), -data["c"], weights),
    )


@pytest.mark.parametrize("name", list(WEIGHTS))
def test_three_layers(name: str) -> None:
    """Form (d) with the window weights that the code has at one place or another."""
    data = reference("d0")
    found, most = block(data["seq"], data, WEIGHTS[name])
    same(found, data[name], bound(most, 2 * roundings(data)))


def test_six_layers() -> None:
    """The block twice: the second one's results are added to the original tokens, not to the first one's output."""
    data = reference("d0")
    first, plus = block(data["seq"], data, WEIGHTS["out"])
    found = three_layer_block.block(first, data["c"]) - first + data["seq"]
    most = three_layer_block.block(plus, -data["c"])
    # a term of the second block has at most 5 tokens, each with the roundings of the first
    same(found, data["out_6layer"], bound(most, 6 * 2 * roundings(data)))


@pytest.mark.parametrize(("name", "start", "minus"), [("gd_pred", 0, 0), ("pred", 0, 1), ("gd_pred_W0minusI", -1, 0)])
def test_the_codes_own_two_steps(name: str, start: int, minus: int) -> None:
    """Two steps from 0, from -I, and what the code reads off: two steps from 0 less x_q."""
    data = reference("d0")
    found, most = descent(data, start * np.eye(data["X"].shape[1]), 2)
    same(found - minus * data["xq"], data[name], bound(most + np.abs(data["xq"]), 3 * roundings(data)))


def read_out(data: Data) -> Callable[[list[arb]], arb]:
    """The published read-out (z sigmoid(gelu(z) K_2 + b_2)) K_3 + b_3, gelu in its tanh form."""

    def gelu(z: arb) -> arb:
        return z * (1 + ((2 / arb.pi()).sqrt() * (z + arb("0.044715") * z**3)).tanh()) / 2

    def ball(array: np.ndarray) -> np.ndarray:
        return np.vectorize(lambda x: arb(float(x)), otypes=[object])(array)

    K_2, b_2, K_3, b_3 = (ball(data[name]) for name in ("out2_w", "out2_b", "out3_w", "out3_b"))

    def read(z: list[arb]) -> arb:
        gates = np.array([gelu(x) for x in z]) @ K_2 + b_2
        return (np.array([x / (1 + (-g).exp()) for x, g in zip(z, gates, strict=True)]) @ K_3 + b_3)[0]

    return read


def test_non_linear_form() -> None:
    """Form (e) at every prefix: z of the affine embedding within its bound, then the read-out in balls."""
    data = reference("e0")
    tokens = data["seq"][:, 0]
    X, Y, x_q = tokens[:-1:2], tokens[1::2], tokens[-1]
    following, read = np.append(X[1:], x_q), read_out(data)
    w, b, c, seen = data["enc_w"][0], data["enc_b"], data["c"], []
    for t in range(1, len(X) + 1):
        z = affine_embedding.layer(X[:t], Y[:t], following[t - 1], w, b, c)
        most = affine_embedding.layer(np.abs(X[:t]), np.abs(Y[:t]), abs(following[t - 1]), np.abs(w), np.abs(b), -c)
        allowed = bound(most, roundings(data) + len(w))
        with flint.ctx.workprec(BITS):
            found = read([arb(float(v), float(r)) for v, r in zip(z, allowed, strict=True)])
        assert found.contains(arb(float(data["out"][t - 1, 0])))
        seen.append((found * (1 + arb(1e-9))).contains(arb(float(data["out"][t - 1, 0]))))
    assert not all(seen)
    assert data["pred"] == -data["out"][-1]
