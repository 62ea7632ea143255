r"""Without an output gate one layer cannot take a gradient-descent step.

Let one layer have any input gate on windows, a state $S_t = \Lambda \odot S_{t-1} + \phi(Z_t)$ with decays constant in
time, and an output that is linear in the state plus any function of the last window. Then the output is a sum of
functions of single windows, and its second mixed difference in two tokens that share no window is $0$. One
gradient-descent step on $N \ge 2$ pairs has

$$ \Delta_{x_1} \Delta_{x_q} F = \frac{\eta}{N} \, y_1 \, (v \cdot w) \ne 0 $$

for moves $v$ of $x_1$ and $w$ of $x_q$, and $x_1$ shares no window with $x_q$. So no such layer computes the step.

Why.
$o = \sum_t K_{N-t} \phi(Z_t) + \psi(Z_N)$ is additively separable over windows. For $N = 1$ all tokens share one
window, and only the degree argument remains (gate quadratic: degree 2 against 3).

Assumes.
- one layer; $N \ge 2$; the exact rungs take the quadratic gate of gd.one_step_tokens for $\phi$ and $\psi$

Source.
derived here

Systems.
- GD-SSM without the output gate: no gradient-descent step on two or more pairs, at any size
"""

# Over 120 lines: mixed differences over windows of tokens, their witness and a run of the layer.

from collections.abc import Iterator

from constructions import autograd_descent, gd_ssm
from constructions.gated_accumulator import accumulate, recurrence
from constructions.namespace import Array, namespace
from numeric.deciding.programs import Program
from numeric.words import matrix, scalar
from numeric.words.blocks import blocks
from numeric.words.derivation import Obligation, coefficient
from proofs.forms import Identity, Kind, Large, Rung, Witness, claim, impossible


def layer(U: Array, w_q: Array, decay: Array, R: Array, Q: Array) -> Array:
    """The sum of R * S over the last state S, plus the last window's own quadratic form: (1,)."""
    xp = namespace(U)
    Z = gd_ssm.windows(U)
    state = recurrence(decay, gd_ssm.input_gate(Z, w_q).mT, 0 * decay)[-1, ...]
    return (xp.sum(R * state) + xp.sum(Q * gd_ssm.input_gate(Z[-1, ...], w_q)))[None]


def moved(parity: int, apart: bool = True, gated: bool = False) -> Program:
    """Half of the mixed difference: the first token moved by V[0] and the last by V[1] (`apart`: else the last two)."""

    def program(U: Array, V: Array, w_q: Array, decay: Array, R: Array, Q: Array) -> Array:
        xp = namespace(U)

        def at(first: int, last: int) -> Array:
            place = 0 if apart else U.shape[0] - 2
            rows = [U[t, :] for t in range(U.shape[0])]
            rows[place] = rows[place] + first * V[0, :]
            rows[-1] = rows[-1] + last * V[1, :]
            sequence = xp.stack(rows)
            out = layer(sequence, w_q, decay, R, Q)
            return out * sequence[-1, 0] if gated else out

        return at(0, 0) + at(1, 1) if parity == 0 else at(0, 1) + at(1, 0)

    return program


def step_difference(X: Array, Y: Array, x_q: Array, V: Array, eta: Array) -> Array:
    """The mixed difference of one autograd step in x_1 (by V[0]) and x_q (by V[1]): (m,)."""
    xp = namespace(X)

    def at(first: int, last: int) -> Array:
        inputs = xp.concat([X[:1, :] + first * V[:1, :], X[1:, :]], axis=0)
        W0 = X.new_zeros(Y.shape[1], X.shape[1])
        return autograd_descent.descend(W0, inputs, Y, eta=eta) @ (x_q + last * V[1, :])

    return at(1, 1) - at(1, 0) - at(0, 1) + at(0, 0)


def derive(shared: bool = False) -> Iterator[Obligation]:
    """Along two tokens that share no window (moves a and b) no state has a term ab; the readout is linear."""
    a, b = scalar("a"), scalar("b")
    rows = [matrix(name, "d", 1) for name in ("x", "y", "x'")]
    move, other = matrix("v", "d", 1), matrix("w", "d", 1)
    w_q = blocks([[scalar(f"w_{i}{j}") for j in (1, 2, 3)] for i in (1, 2, 3)])
    first = blocks([[(rows[0] + a * move).mT], [rows[1].mT], [(rows[2] + (b * other if shared else 0 * other)).mT]])
    last = blocks([[rows[0].mT], [rows[1].mT], [(rows[2] + b * other).mT]])
    S, P, Q = (matrix(name, "d", "d") for name in ("S_0", "S_1", "S_2"))
    state = S + a * P + a * a * Q
    for name, window in (("a window with the first token", first), ("a window with the last token", last)):
        after = accumulate(state, gd_ssm.input_gate(window, w_q).mT, 1)
        yield Obligation(
            name,
            coefficient(coefficient(after, a, 1), b, 1),
            0 * S,
            r"The write depends on one of the two moves only, so the state stays without a term $ab$ (entrywise decays, and "
            r"any gate function of the window, do not change that), and so does every linear readout of it.",
        )


IDENTITY = Identity(
    shapes={"U": ("L", "d"), "V": (2, "d"), "w_q": (3, 3), "decay": ("d", "d"), "R": ("d", "d"), "Q": ("d", "d")},
    left=moved(0),
    right=moved(1),
    names=("neither or both tokens moved", "one token moved"),
    sizes=({"L": 5, "d": 2}, {"L": 9, "d": 3}),
    large=Large({"L": 130, "d": 20}),
    derive=derive,
    admits=lambda sizes: sizes["L"] >= 5,
    numpy=True,
)
POINT = {"X": [[1], [1]], "Y": [[1], [1]], "x_q": [1], "V": [[1], [1]], "eta": 1}
RUN = {"U": [[1], [2], [3], [4], [5]], "w_q": gd_ssm.PAIR, "decay": [["1/2"]], "R": [[1]], "Q": [[1]]}
"""Writes 1 * 2 and 3 * 4: the state 13, and 12 of the last window."""

CLAIM = claim(
    __name__,
    impossible(
        IDENTITY.checks(),
        Witness(step_difference, POINT, ["1/2"], "mixed difference of the step, N = 2, eta = 1"),
        Witness(layer, RUN, [25], "output for the tokens 1 to 5"),
    ),
    IDENTITY.mutant(
        "with_output_gate", "with an output gate too", left=moved(0, gated=True), right=moved(1, gated=True)
    ),
    IDENTITY.mutant(
        "neighbours",
        "for two tokens of one window",
        left=moved(0, apart=False),
        right=moved(1, apart=False),
        rungs=(Rung.EXACT,),
    ),
    IDENTITY.mutant("shared_window", "for two tokens that share a window", derive={"shared": True}),
    kind=Kind.IMPOSSIBILITY,
)
