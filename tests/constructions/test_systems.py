"""Published layers against independent code: torch, scipy, numpy and fla, where they have the same layer."""

from importlib.util import find_spec

import numpy as np
import pytest
import torch
from scipy.signal import cont2discrete

from constructions import (
    activated_layers,
    delay_modes,
    delta_product,
    diagonal_ssm,
    griffin_block,
    hyena,
    retnet,
    samba,
    selective_mamba,
    softmax_attention,
    ssd,
    titans,
)
from proofs.target import load


def draws(seed, *shapes):
    rng = np.random.default_rng(seed)
    return [rng.normal(size=s) for s in shapes]


def integers(seed, *shapes):
    rng = np.random.default_rng(seed)
    return [torch.from_numpy(rng.integers(-2, 3, s).astype(float)) for s in shapes]


def test_softmax_attention_is_torchs():
    K, V, q = (torch.from_numpy(a) for a in draws(0, (6, 4), (6, 3), (4,)))
    theirs = torch.nn.functional.scaled_dot_product_attention(q[None, :], K, V, scale=0.5)[0]
    torch.testing.assert_close(softmax_attention.attend(K, V, q, 0.5, torch.exp), theirs)


def test_a_sliding_window_is_masked_attention():
    E, V, K, Q, P = (torch.from_numpy(a) for a in draws(1, (7, 4), (3, 4), (2, 4), (2, 4), (4, 3)))
    band = torch.ones(7, 7, dtype=torch.bool).tril() & ~torch.ones(7, 7, dtype=torch.bool).tril(-3)
    theirs = torch.nn.functional.scaled_dot_product_attention(E @ Q.T, E @ K.T, E @ V.T, attn_mask=band, scale=0.5)
    ours = samba.window_layer(E, samba.Attention(V, K, Q, P), 3, 0.5, torch.exp)
    torch.testing.assert_close(ours, E + theirs @ P.T)


@pytest.mark.parametrize("method", ["zoh", "bilinear"])
def test_discretised_modes_are_scipys(method):
    lam, step = (np.array([-0.7, -0.2]), np.array([1.3, 0.4])), 0.3
    if method == "zoh":
        kept = (np.exp(step * lam[0]) * np.cos(step * lam[1]), np.exp(step * lam[0]) * np.sin(step * lam[1]))
        scale = diagonal_ssm.zoh(lam, kept)
    else:
        kept, scale = diagonal_ssm.bilinear(lam, np.array([step, step]))
    for j in range(2):
        turn = np.array([[lam[0][j], -lam[1][j]], [lam[1][j], lam[0][j]]])
        A, B, *_ = cont2discrete((turn, np.array([[1.0], [0.0]]), np.eye(2), np.zeros((2, 1))), step, method)
        np.testing.assert_allclose([A[0, 0], A[1, 0]], [kept[0][j], kept[1][j]])
        np.testing.assert_allclose(B[:, 0], [scale[0][j], scale[1][j]])


def test_outputs_are_complex_recurrences():
    U, a, b, B, C, D = draws(2, (5, 2), (3,), (3,), (2, 3, 2), (2, 2, 3), (2, 2))
    found = diagonal_ssm.outputs(U, (a, b), (B[0], B[1]), (C[0], C[1]), D)
    h, wanted = np.zeros(3, dtype=complex), []
    for u in U:
        h = (a + 1j * b) * h + (B[0] + 1j * B[1]) @ u
        wanted.append(2 * ((C[0] + 1j * C[1]) @ h).real + D @ u)
    np.testing.assert_allclose(found, wanted)


def test_lru_modes_lie_on_the_sphere():
    lam, gamma = diagonal_ssm.sphere(np.array([0.5, 0.0]), np.array([0.25, 2.0]))
    np.testing.assert_allclose(gamma**2, 1 - lam[0] ** 2 - lam[1] ** 2)


def test_hyena_convolves_as_numpy():
    h, z = (a.numpy() for a in integers(3, (6, 2), (6, 2)))
    wanted = np.stack([np.convolve(h[:, c], z[:, c])[:6] for c in range(2)], axis=1)
    assert np.array_equal(hyena.convolve(h, z), wanted)
    assert np.array_equal(hyena.layer(z, [z, h], [hyena.shift(6, z), h])[1], h[1] * h[0] * z[1] * z[0])


def test_griffins_convolution_is_torchs():
    V, w = integers(4, (6, 3), (4, 3))
    padded = torch.nn.functional.pad(V.T[None], (3, 0))
    theirs = torch.nn.functional.conv1d(padded, w.flip(0).T[:, None, :], groups=3)[0].T
    assert torch.equal(griffin_block.convolved(V, w), theirs)


def test_a_mode_short_of_the_horizon_is_late_by_one():
    lam = np.array([0.5, 0.25])
    c = delay_modes.readout(lam)
    assert np.array_equal(delay_modes.outputs(np.array([1.0, 0.0, 0.0]), lam, c, -c.sum()), [0.0, 1.0, 0.0])
    assert np.array_equal(delay_modes.annihilator(lam), [0.125, -0.75, 1.0])


def test_titans_by_hand():
    one = torch.ones(2, 1, dtype=torch.float64)
    half = torch.full((2,), 0.5, dtype=torch.float64)
    found = titans.layer(4 * one[:1], one, 0 * one, half, 2 * half, half)
    # S = -4, M = 2 - 4 = -2; S = -2 + 2 = 0, M = -1
    assert found.tolist() == [[-1.0]]


def test_ssd_with_decay_one_is_causal_linear_attention():
    x, B, C, delta = integers(5, (5, 2), (5, 3), (5, 3), (5,))
    one = 0 * delta + 1
    wanted = ((C @ B.T).tril() * delta[None, :]) @ x
    assert torch.equal(ssd.recurrent(x, B, C, delta, one), wanted)
    assert torch.equal(ssd.dual(x, B, C, delta, one), wanted)


def test_mamba_computes_its_gates():
    U, W_B, W_C, W_Delta, bias = (torch.from_numpy(a) for a in draws(6, (4, 3), (2, 3), (2, 3), (3, 3), (3,)))
    A = -torch.tensor([[1.0, 2.0]] * 3, dtype=torch.float64)
    found = selective_mamba.layer(U, W_B, W_C, W_Delta, bias, A, torch.nn.functional.softplus, torch.exp)
    h = torch.zeros(3, 2, dtype=torch.float64)
    for u in U:
        delta = torch.nn.functional.softplus(W_Delta @ u + bias)[:, None]
        h = torch.exp(delta * A) * h + delta * u[:, None] * (W_B @ u)[None, :]
    torch.testing.assert_close(found, h @ (W_C @ U[-1]))


def test_gelu_layers_approach_the_step():
    X, Y, q = (torch.from_numpy(a) for a in draws(7, (4, 2), (4, 2), (2,)))
    step = 0.25 * Y.T @ X @ q
    errors = []
    for delta in (0.1, 0.05):
        found = activated_layers.predict(
            X, Y, q, 0.25, torch.nn.functional.gelu, torch.tensor((2 * np.pi) ** -0.5), torch.tensor(delta).double()
        )
        errors.append(float((found - step).abs().max()))
    assert 3 < errors[0] / errors[1] < 5  # order 2


@pytest.mark.skipif(find_spec("fla") is None, reason="fla-core is not installed")
def test_retention_is_flas():
    q, k, v = (torch.from_numpy(a).float() for a in draws(8, (7, 4), (7, 4), (7, 4)))
    theirs = load("fla/ops/retention/naive.py:naive_retention").call(*(a.expand(1, 3, 7, 4) for a in (q, k, v)))
    for head in range(3):
        ours = retnet.parallel(q / 2, k, v, torch.tensor(retnet.head_decay(head)))
        torch.testing.assert_close(ours, theirs[0, head])


@pytest.mark.skipif(find_spec("fla") is None, reason="fla-core is not installed")
def test_delta_product_is_flas():
    K, V, beta, q = (a.float() for a in integers(9, (2, 3, 4), (2, 3, 2), (2, 3), (2, 4)))
    product = load("fla/ops/gated_delta_product/naive.py:naive_recurrent_gated_delta_product").call
    flat = [a.reshape(1, 6, 1, -1) for a in (K, V)]
    _, state = product(q.reshape(1, 2, 1, 4), *flat, None, beta.reshape(1, 6, 1), 1.0, num_householder=3)
    assert torch.equal(delta_product.layer(torch.zeros(2, 4), K, V, beta), state[0, 0].T)
