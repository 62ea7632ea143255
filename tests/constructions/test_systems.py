"""Published layers against independent code: torch, scipy, numpy, FLINT and fla, where they have the same layer."""

from fractions import Fraction
from importlib.util import find_spec

import numpy as np
import pytest
import torch
from flint import arb, arb_mat, fmpq
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
from numeric.deciding.balls import evaluate
from numeric.deciding.comparison import Comparison
from numeric.deciding.float_identity import decide
from numeric.finding import Verdict
from proofs.target.loading import load


def draws(seed, *shapes):
    rng = np.random.default_rng(seed)
    return [rng.normal(size=s) for s in shapes]


def integers(seed, *shapes):
    rng = np.random.default_rng(seed)
    return [torch.from_numpy(rng.integers(-2, 3, s).astype(float)) for s in shapes]


def rational(seed, *shapes):
    """Arrays of eighths, for enclosures."""
    rng = np.random.default_rng(seed)
    return [np.vectorize(lambda v: Fraction(int(v), 8), otypes=[object])(rng.integers(-12, 13, s)) for s in shapes]


def meet(ours, theirs, **inputs):
    """Both programs enclosed in balls of 256 bits at these rational points: every pair of balls meets, and is narrow."""
    left, right = (evaluate(program, inputs)[0].reshape(-1) for program in (ours, theirs))
    assert len(left) == len(right) > 0
    for a, b in zip(left, right, strict=True):
        assert a.overlaps(b) and a.rad() < arb("1e-30") and b.rad() < arb("1e-30")


def test_softmax_attention_is_torchs():
    K, V, q = rational(0, (6, 4), (6, 3), (4,))
    sdpa = torch.nn.functional.scaled_dot_product_attention
    meet(
        lambda K, V, q: softmax_attention.attend(K, V, q, 0.25, torch.exp),
        lambda K, V, q: sdpa(q[None, :], K, V, scale=0.25)[0],  # torch scales by a root, which has to be exact
        K=K, V=V, q=q,
    )  # fmt: skip


def test_a_sliding_window_is_masked_attention():
    E, V, K, Q, P = rational(1, (7, 4), (3, 4), (2, 4), (2, 4), (4, 3))
    band = torch.ones(7, 7, dtype=torch.bool).tril() & ~torch.ones(7, 7, dtype=torch.bool).tril(-3)

    def theirs(E, V, K, Q, P):
        weights = torch.exp((E @ Q.T) @ (E @ K.T).T * 0.5) * band
        return E + (weights / weights.sum(-1, keepdim=True)) @ (E @ V.T) @ P.T

    def ours(E, V, K, Q, P):
        return samba.window_layer(E, samba.Attention(V, K, Q, P), 3, 0.5, torch.exp)

    meet(ours, theirs, E=E, V=V, K=K, Q=Q, P=P)


def test_held_modes_are_flints_matrix_exponential():
    """The exponential of [[step lam, step], [0, 0]], lam as a rotation, encloses decay and factor."""
    lam, step = (np.array([fmpq(-7, 10), fmpq(-1, 5)]), np.array([fmpq(13, 10), fmpq(2, 5)])), fmpq(3, 10)
    balls = tuple(np.vectorize(arb, otypes=[object])(part) for part in lam)
    turns = [((step * re).exp(), step * im) for re, im in zip(*balls, strict=True)]
    kept = (np.array([r * im.cos() for r, im in turns]), np.array([r * im.sin() for r, im in turns]))
    scale = diagonal_ssm.zoh(balls, kept)
    for j in range(2):
        re, im = (step * part[j] for part in lam)
        block = arb_mat([[re, -im, step], [im, re, 0], [0, 0, 0]]).exp()
        for k in range(2):
            for ours, theirs in ((kept[k][j], block[k, 0]), (scale[k][j], block[k, 2])):
                assert ours.overlaps(theirs) and ours.rad() < arb("1e-12") and theirs.rad() < arb("1e-12")


def test_bilinear_modes_are_scipys():
    """Modes and steps at which every float64 operation of both is exact."""
    lam, step = (np.array([-4.0, -12.0]), np.array([8.0, 0.0])), 0.5
    kept, scale = diagonal_ssm.bilinear(lam, np.array([step, step]))
    for j in range(2):
        turn = np.array([[lam[0][j], -lam[1][j]], [lam[1][j], lam[0][j]]])
        A, B, *_ = cont2discrete((turn, np.array([[1.0], [0.0]]), np.eye(2), np.zeros((2, 1))), step, "bilinear")
        assert A[:, 0].tolist() == [kept[0][j], kept[1][j]]
        assert B[:, 0].tolist() == [scale[0][j], scale[1][j]]


def test_outputs_are_complex_recurrences():
    U, a, b, B, C, D = (t.numpy() for t in integers(2, (5, 2), (3,), (3,), (2, 3, 2), (2, 2, 3), (2, 2)))
    found = diagonal_ssm.outputs(U, (a, b), (B[0], B[1]), (C[0], C[1]), D)
    h, wanted = np.zeros(3, dtype=complex), []
    for u in U:
        h = (a + 1j * b) * h + (B[0] + 1j * B[1]) @ u
        wanted.append(2 * ((C[0] + 1j * C[1]) @ h).real + D @ u)
    assert np.array_equal(found, wanted)  # small whole numbers


def test_lru_modes_lie_on_the_sphere():
    lam, gamma = diagonal_ssm.sphere(np.array([Fraction(1, 2), Fraction(0)]), np.array([Fraction(1, 4), Fraction(2)]))
    assert (gamma**2 == 1 - lam[0] ** 2 - lam[1] ** 2).all()


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
    U, W_B, W_C, W_Delta, bias = rational(6, (4, 3), (2, 3), (2, 3), (3, 3), (3,))
    A = -torch.tensor([[1.0, 2.0]] * 3, dtype=torch.float64)

    def ours(U, W_B, W_C, W_Delta, bias):
        return selective_mamba.layer(U, W_B, W_C, W_Delta, bias, A, torch.nn.functional.softplus, torch.exp)

    def by_hand(U, W_B, W_C, W_Delta, bias):
        h = U.new_zeros(3, 2)
        for u in U:
            delta = torch.nn.functional.softplus(W_Delta @ u + bias)[:, None]
            h = torch.exp(delta * A) * h + delta * u[:, None] * (W_B @ u)[None, :]
        return h @ (W_C @ U[-1])

    meet(ours, by_hand, U=U, W_B=W_B, W_C=W_C, W_Delta=W_Delta, bias=bias)


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
    """In float32, which fla computes in, within the rounding bounds of both."""
    q, k, v = draws(8, (7, 4), (7, 4), (7, 4))
    naive = load("fla/ops/retention/naive.py:naive_retention").call
    for head in range(3):
        found = decide(
            Comparison(
                lambda q, k, v, head=head: retnet.parallel(q / 2, k, v, q.new_tensor(retnet.head_decay(head))),
                lambda q, k, v, head=head: naive(*(a.expand(1, 3, 7, 4) for a in (q, k, v)))[0, head],
            ),
            [{"q": q, "k": k, "v": v}],
            dtype="float32",
            shrinking=False,
        )
        assert found.verdict is Verdict.CONFIRMED, found.reason


@pytest.mark.skipif(find_spec("fla") is None, reason="fla-core is not installed")
def test_delta_product_is_flas():
    K, V, beta, q = (a.float() for a in integers(9, (2, 3, 4), (2, 3, 2), (2, 3), (2, 4)))
    product = load("fla/ops/gated_delta_product/naive.py:naive_recurrent_gated_delta_product").call
    flat = [a.reshape(1, 6, 1, -1) for a in (K, V)]
    _, state = product(q.reshape(1, 2, 1, 4), *flat, None, beta.reshape(1, 6, 1), 1.0, num_householder=3)
    assert torch.equal(delta_product.layer(torch.zeros(2, 4), K, V, beta), state[0, 0].T)
