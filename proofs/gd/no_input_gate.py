r"""Without an input gate one layer cannot take a gradient-descent step.

Let one layer have a linear time-invariant state of any size and a multiplicative output gate: its output is a sum of
products of two functionals that are affine in the state and the last token. Then every third mixed difference of the
output in the tokens is $0$. One gradient-descent step has, in the directions $y_1$, $x_1$ and $x_q$ at $f = m = N = 1$,

$$ \Delta_{y_1} \Delta_{x_1} \Delta_{x_q} F = \eta \ne 0 . $$

So no such layer on raw tokens computes the step: a product of inputs before the state (an input gate), or products made
when the tokens were built (gd.one_step_constructed), or a second layer (gd.two_layers) is needed.

Why.
State and last token are affine in the sequence, so the output has degree 2 at most; the third difference of a
polynomial of degree 2 vanishes. $F$ has the term $\frac{\eta}{N} y_1 (x_1 \cdot x_q)$.

Assumes.
- one layer; raw tokens; the gate multiplies two affine functionals

Source.
derived here

Systems.
- GD-SSM without the input gate: no gradient-descent step, at any size
"""

# Over 120 lines: mixed differences of any number of directions, in numbers and on words.

from collections.abc import Iterator

from constructions import autograd_descent, lti
from constructions.namespace import Array, namespace
from numeric.deciding.programs import Program
from numeric.words import Words, matrix, scalar
from numeric.words.derivation import Obligation, coefficient
from proofs.forms import Identity, Kind, Large, Rung, Witness, claim, impossible
from proofs.kernel.rung import kernel_check


def layer(U: Array, A: Array, B: Array, C: Array, D: Array, b: Array, d: Array, G: Array, g: Array) -> Array:
    """An LTI layer with a multiplicative output gate: (C h + D u + d) * (G u + g) at the last token, (q,)."""
    return lti.outputs(U, A, B, C, D, b, d)[-1, :] * (G @ U[-1, :] + g)


def differences(function: Program, U: Array, directions: tuple[Array, ...], parity: int) -> Array:
    """The terms of the mixed difference along the directions whose number of moves has this parity, added up."""
    total: Array = None
    for chosen in range(1 << len(directions)):
        moves = [v for i, v in enumerate(directions) if chosen >> i & 1]
        if (len(directions) - len(moves)) % 2 != parity:
            continue
        at = U
        for v in moves:
            at = at + v
        value = function(at)
        total = value if total is None else total + value
    return total


def half(parity: int, count: int = 3, cube: bool = False) -> Program:
    """Half of the mixed difference of the layer (the moves of one parity), along `count` directions."""

    def program(
        U: Array,
        V1: Array,
        V2: Array,
        V3: Array,
        A: Array,
        B: Array,
        C: Array,
        D: Array,
        b: Array,
        d: Array,
        G: Array,
        g: Array,
    ) -> Array:
        def function(at: Array) -> Array:
            out = layer(at, A, B, C, D, b, d, G, g)
            return out * (G @ at[-1, :]) if cube else out

        return differences(function, U, (V1, V2, V3)[:count], parity)

    return program


def step_difference(X: Array, Y: Array, x_q: Array, eta: Array) -> Array:
    """The mixed difference of one autograd step in (y_1, x_1, x_q) from all tokens 0, by X, Y and x_q: (m,)."""
    xp = namespace(X)

    def F(kept: int) -> Array:
        parts = [array if kept >> i & 1 else 0 * array for i, array in enumerate((X, Y, x_q))]
        W0 = X.new_zeros(Y.shape[1], X.shape[1])
        return autograd_descent.descend(W0, parts[0], parts[1], eta=eta) @ parts[2]

    signs = [(-1) ** (3 - bin(kept).count("1")) for kept in range(8)]
    return xp.sum(xp.stack([sign * F(kept) for kept, sign in enumerate(signs)]), axis=0)


def derive(factors: int = 2) -> Iterator[Obligation]:
    """Along three directions every affine functional of the tokens is affine; a product of two has no term abc."""
    a, b, c = (scalar(name) for name in ("a", "b", "c"))

    def functional(name: str) -> Words:
        h_0, h_1, h_2, h_3 = (matrix(f"h_{i}", "n", 1) for i in range(4))
        value: Words = matrix(name, 1, "n") @ (h_0 + a * h_1 + b * h_2 + c * h_3)
        return value

    product = functional("p") * functional("q")
    if factors == 3:
        product = product * functional("r")
    found = product
    for name in (a, b, c):
        found = coefficient(found, name, 1)
    yield Obligation(
        "no mixed term",
        found,
        0 * matrix("h_0", 1, 1),
        r"The state and the last token, stacked, are affine in the tokens (gd.lti_affine): $h_0 + a h_1 + b h_2 + c h_3$. A "
        r"product of two functionals of it has degree 2, so no term $abc$; sums of such products have none either.",
    )


IDENTITY = Identity(
    shapes={
        "U": ("T", "p"),
        "V1": ("T", "p"),
        "V2": ("T", "p"),
        "V3": ("T", "p"),
        "A": ("n", "n"),
        "B": ("n", "p"),
        "C": ("q", "n"),
        "D": ("q", "p"),
        "b": ("n",),
        "d": ("q",),
        "G": ("q", "p"),
        "g": ("q",),
    },
    left=half(1),
    right=half(0),
    names=("moves of odd parity", "moves of even parity"),
    sizes=({"T": 2, "p": 2, "n": 2, "q": 1}, {"T": 5, "p": 3, "n": 4, "q": 2}),
    large=Large({"T": 130, "p": 17, "n": 17, "q": 18}),
    derive=derive,
    numpy=True,
)
ONES = {"X": [[1]], "Y": [[1]], "x_q": [1], "eta": 1}

CLAIM = claim(
    __name__,
    impossible(IDENTITY.checks(), Witness(step_difference, ONES, [1], "third difference of the step, eta = 1"))
    | kernel_check(
        "output_gated_no_step", states="the conclusion, that no such layer takes the step, not the mixed differences"
    ).checks(),
    IDENTITY.mutant(
        "second_difference", "already the second differences vanish", left=half(1, count=2), right=half(0, count=2)
    ),
    IDENTITY.mutant(
        "two_gates",
        "with a second output gate too",
        left=half(1, cube=True),
        right=half(0, cube=True),
        rungs=(Rung.EXACT,),
    ),
    IDENTITY.mutant("three_factors", "a product of three functionals", derive={"factors": 3}),
    kind=Kind.IMPOSSIBILITY,
)
