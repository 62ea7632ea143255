r"""One gated layer cannot take two gradient-descent steps, nor an online pass.

A gated layer with window-quadratic input gate and linear output gate is homogeneous of degree 3 for every value of
$w_q$, $C$, $D$ and every decay constant in time: $o(sU) = s^3 \, o(U)$. Two gradient-descent steps and an online pass
over $N \ge 2$ tokens are not:

$$ F(2U) - 8 F(U) \ne 0 $$

at the explicit points listed in the evidence. So one such layer takes one step, and no more.

Why.
Each write is quadratic in the tokens, the readout multiplies by one token more, and the decay does not depend on the
tokens. $k$ steps have terms of every odd degree from 3 to $2k + 1$ (gd.closed_form_steps), an online pass up to
$2N + 1$ (gd.online_expansion).

Assumes.
- gates without biases; decay independent of the tokens
- $W_0 = 0$

Source.
derived here, for the layer of arXiv 2410.11687

Systems.
- GD-SSM, vector target: cannot take two steps, nor an online pass, with any weights
"""

# Over 120 lines: two targets, two steps and an online pass, with a witness each.

from collections.abc import Iterator

from constructions import gd_ssm, gradient_descent, online_descent
from constructions.gated_accumulator import accumulate
from constructions.namespace import Array, namespace
from numeric.words import matrix, scalar
from numeric.words.blocks import blocks
from numeric.words.derivation import Obligation
from proofs.forms import Identity, Kind, Large, Rung, Witness, both, claim, impossible
from proofs.kernel.rung import kernel_check


def scaled(U: Array, w_q: Array, decay: Array, C: Array, D: Array, s: Array) -> Array:
    """The layer on s U: (T, d)."""
    return gd_ssm.layer(s * U, gd_ssm.Parameters(w_q, decay, C, D))


def cubed(U: Array, w_q: Array, decay: Array, C: Array, D: Array, s: Array, power: int = 3) -> Array:
    """s^power times the layer on U: (T, d)."""
    return s**power * gd_ssm.layer(U, gd_ssm.Parameters(w_q, decay, C, D))


def biased(U: Array, w_q: Array, decay: Array, C: Array, D: Array, s: Array) -> Array:
    """The layer on s U with a constant 1 added to every gate."""
    Z = gd_ssm.windows(s * U)
    writes = gd_ssm.input_gate(Z, w_q).mT + 1
    state, rows = 0 * writes[0, ...], []
    for t in range(Z.shape[0]):
        state = accumulate(state, writes[t, ...], decay.mT)
        rows.append(gd_ssm.output_gate(state, Z[t, ...], C, D[:, None])[:, 0])
    return namespace(U).stack(rows)


def two_steps(X: Array, Y: Array, x_q: Array, eta: Array) -> Array:
    """F(2U) - 8 F(U) for two steps F: (m,)."""

    def F(k: int) -> Array:
        return gradient_descent.descend(X.new_zeros(Y.shape[1], X.shape[1]), k * X, k * Y, eta, 2) @ (k * x_q)

    return F(2) - 8 * F(1)


def online_pass(X: Array, Y: Array, x_q: Array, eta: Array) -> Array:
    """F(2U) - 8 F(U) for one online pass F: (m,)."""

    def F(k: int) -> Array:
        W = online_descent.online(X.new_zeros(Y.shape[1], X.shape[1]), k * X, k * Y, eta.expand(X.shape[0]))
        return W @ (k * x_q)

    return F(2) - 8 * F(1)


def derive(power: int = 2) -> Iterator[Obligation]:
    """The code's gates on s times the window: s^2 in the state, s^3 in the output, for all weights."""
    window = blocks([[matrix(name, "d", 1).mT] for name in ("x", "y", "x'")])
    w_q = blocks([[scalar(f"w_{i}{j}") for j in (1, 2, 3)] for i in (1, 2, 3)])
    D = blocks([[scalar(f"D_{i}")] for i in (1, 2, 3)])
    C, S, s = matrix("C", "d", "d"), matrix("S", "d", "d"), scalar("s")
    square = s**power
    yield Obligation(
        "input gate",
        gd_ssm.input_gate(s * window, w_q),
        square * gd_ssm.input_gate(window, w_q),
        r"Every write has degree 2, and the decay, constant in time, keeps $s^2$ in front of the state (entrywise).",
    )
    yield Obligation(
        "output gate",
        gd_ssm.output_gate(square * S, s * window, C, D),
        s * square * gd_ssm.output_gate(S, window, C, D),
        r"The readout multiplies by one more token: degree 3.",
    )


IDENTITY = Identity(
    shapes={"U": ("L", "d"), "w_q": (3, 3), "decay": ("d", "d"), "C": ("d", "d"), "D": (3,), "s": ()},
    left=scaled,
    right=cubed,
    names=("layer on sU", "s^3 times the layer on U"),
    sizes=({"L": 5, "d": 2}, {"L": 7, "d": 3}),
    large=Large({"L": 130, "d": 20}, quick=True),
    derive=derive,
    admits=lambda sizes: sizes["L"] >= gd_ssm.WINDOW,
    numpy=True,
)
ONES = {"X": [[1], [1]], "Y": [[1], [1]], "x_q": [1], "eta": 1}

CLAIM = claim(
    __name__,
    impossible(
        IDENTITY.checks(),
        both(
            Witness(two_steps, ONES, [-24], "F(2U) - 8 F(U), two steps, N = 2, all entries 1, eta = 1"),
            Witness(online_pass, ONES, [-24], "F(2U) - 8 F(U), online pass, N = 2, all entries 1, eta = 1"),
        ),
    )
    | kernel_check(
        "published_layer_degree",
        "published_layer_no_steps",
        "published_layer_no_online",
        "published_layer_is_gated",
        "gated_layer_degree",
        "gated_layer_no_steps",
    ).checks(),
    IDENTITY.mutant("degree_two", "homogeneous of degree 2", right={"power": 2}, derive={"power": 1}),
    IDENTITY.mutant("gate_with_bias", "a bias in the gate", left=biased, rungs=(Rung.EXACT,)),
    kind=Kind.IMPOSSIBILITY,
)
