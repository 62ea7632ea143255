r"""Griffin's recurrent block with given gates takes no gradient step.

The block $o_t = W_o \bigl( g(W_g u_t) \odot h_t \bigr)$, $h$ the RG-LRU of a convolution of the tokens (width 4, or
any), is for given gates $a_t$, $i_t$ and any function $g$ affine in the tokens before the last one. So its mixed
difference in two of them, $x_1$ and $y_1$ on interleaved tokens, is $0$, and so it is on joint tokens in two parts of
one token; a gradient-descent step has

$$ \Delta_{x_1} \Delta_{y_1} F = \frac{\eta}{N} \, z \, (v \cdot x_q) \ne 0 $$

for moves $v$ of $x_1$ and $z$ of $y_1$. The block multiplies by the query, not target with input. In the layer the
gates are sigmoids of the tokens: then $i_t \odot x_t$ is such a product, which this argument does not exclude (mutant
`input_gate_computed`); or the attention beside the block forms it.

Why.
$a_t h_{t-1} + \sqrt{1 - a_t^2} \, i_t x_t$ is affine in the state and the input, and the convolution is linear.

Assumes.
- gates given, not computed from the tokens
- the exact rung takes a quadratic for $g$; differences of whole runs cancel in floats, so the sampled rung is left out

Source.
arXiv 2402.19427 (block); derived here

Systems.
- Griffin (RG-LRU): for given gates no gradient-descent step: no product of target and input
"""

# Over 120 lines: the block's mixed differences, their witness and a run of the block.

from collections.abc import Iterator

import torch

from constructions import griffin_block, rg_lru
from constructions.autograd_descent import descend
from constructions.namespace import Array
from numeric.deciding.programs import Program
from numeric.words import scalar
from numeric.words.derivation import Obligation, coefficient
from proofs.forms import Identity, Kind, Large, Rung, Witness, claim, impossible


def activation(z: Array) -> Array:
    """Any function of the last token does; a quadratic here."""
    return z + z * z


def moved(parity: int, last: bool = False, computed: bool = False) -> Program:
    """Half of the mixed difference of the block in the first token (by V[0]) and the second (by V[1]).

    `last`: the last token in place of the second; `computed`: the input gate i is the input itself, not given.
    """

    def program(U: Array, V: Array, W_x: Array, W_g: Array, W_o: Array, w: Array, t: Array, i: Array) -> Array:
        def at(first: int, second: int) -> Array:
            rows = [U[s, :] for s in range(U.shape[0])]
            place = U.shape[0] - 1 if last else 1
            rows[0] = rows[0] + first * V[0, :]
            rows[place] = rows[place] + second * V[1, :]
            tokens = torch.stack(rows)
            gates = griffin_block.convolved(tokens @ W_x.mT, w) if computed else i
            return griffin_block.last(tokens, W_x, W_g, W_o, w, t, gates, activation)

        return at(0, 0) + at(1, 1) if parity == 0 else at(0, 1) + at(1, 0)

    return program


def block(U: Array, W_x: Array, W_g: Array, W_o: Array, w: Array, t: Array, i: Array) -> Array:
    """The block's output at the last token: (q,)."""
    return griffin_block.last(U, W_x, W_g, W_o, w, t, i, activation)


def step_difference(X: Array, Y: Array, x_q: Array, V: Array, Z: Array, eta: Array) -> Array:
    """The mixed difference of one autograd step in x_1 (by V) and y_1 (by Z): (m,)."""

    def at(first: int, second: int) -> Array:
        inputs, targets = torch.cat([X[:1, :] + first * V, X[1:, :]]), torch.cat([Y[:1, :] + second * Z, Y[1:, :]])
        return descend(X.new_zeros(Y.shape[1], X.shape[1]), inputs, targets, eta=eta) @ x_q

    return at(1, 1) - at(1, 0) - at(0, 1) + at(0, 0)


def derive(given: bool = True) -> Iterator[Obligation]:
    """Along moves a, b of two earlier tokens no entry of the state has a term ab."""
    a, b = scalar("a"), scalar("b")
    h_0, h_1, h_2, x_0, x_1, x_2, gate = (scalar(n) for n in ("h_0", "h_1", "h_2", "x_0", "x_1", "x_2", "i"))
    decay, write = rg_lru.gates(scalar("t"))
    h, x = h_0 + a * h_1 + b * h_2, x_0 + a * x_1 + b * x_2
    after = rg_lru.step(h, x, decay, write * (gate if given else x))
    yield Obligation(
        "one more token",
        coefficient(coefficient(after, a, 1), b, 1),
        scalar(0),
        r"State and convolved input are affine in the earlier tokens; given gates keep them so, and the other branch sees the last "
        r"token only.",
    )


IDENTITY = Identity(
    shapes={
        "U": ("T", "p"), "V": (2, "p"), "W_x": ("d", "p"), "W_g": ("d", "p"), "W_o": ("q", "d"), "w": (4, "d"),
        "t": ("T", "d"), "i": ("T", "d"),
    },
    left=moved(0),
    right=moved(1),
    names=("neither or both tokens moved", "one token moved"),
    sizes=({"T": 3, "p": 1, "d": 1, "q": 1}, {"T": 7, "p": 3, "d": 4, "q": 2}),
    large=Large({"T": 130, "p": 17, "d": 5, "q": 18}),
    positive=("t", "i"),
    derive=derive,
    admits=lambda sizes: sizes["T"] >= 3,
    rungs=(Rung.EXACT, Rung.UNIVERSAL),
)  # fmt: skip
POINT = {"X": [[1]], "Y": [[1]], "x_q": [1], "V": [[1]], "Z": [[1]], "eta": 1}
RUN = {
    "U": [[1], [2]],
    "w": [[1], [0], [0], [0]],
    "t": [["1/2"]] * 2,
    "i": [[1], [1]],
    **{name: [[1]] for name in ("W_x", "W_g", "W_o")},
}
"""Decay 3/5 and scale 4/5: the state 12/25 + 8/5, times 2 + 4."""

CLAIM = claim(
    __name__,
    impossible(
        IDENTITY.checks(),
        Witness(step_difference, POINT, [1], "mixed difference of the step in x_1 and y_1, all 1, eta = 1"),
        Witness(block, RUN, ["312/25"], "output for the tokens 1 and 2"),
    ),
    IDENTITY.mutant(
        "input_gate_computed",
        "with the input gate computed from the tokens too",
        left=moved(0, computed=True),
        right=moved(1, computed=True),
        derive={"given": False},
    ),
    IDENTITY.mutant(
        "with_the_query", "for an earlier token and the last one", left=moved(0, last=True), right=moved(1, last=True)
    ),
    kind=Kind.IMPOSSIBILITY,
)
