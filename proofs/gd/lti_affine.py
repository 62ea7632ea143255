r"""No LTI state space without gates computes a gradient-descent step.

For every linear time-invariant system $h_t = A h_{t-1} + B u_t + b$, $o_t = C h_t + D u_t + d$, of any size, and every
stack of such systems without a non-linearity between them, $o(2U) - 2\,o(U) + o(0) = 0$ for all token sequences $U$.
For one gradient-descent step $F(U) = \frac{\eta}{N} \sum_i y_i (x_i \cdot x_q)$,

$$ F(2U) - 2 F(U) + F(0) = 6 F(U) , $$

which is $6 \eta$ for $f = m = N = 1$ and all tokens $1$. So no such system computes $F$, however large.

Why.
The outputs are affine in $U$: the defect of the state is multiplied by $A$ at every token and starts at $0$. $F$ is
homogeneous of degree 3, and $8 - 2 + 0 = 6$.

Assumes.
- no non-linearity and no product of two inputs anywhere; parameters do not depend on the input

Source.
derived here; layers of arXiv 2208.04933 (S5), 2206.11893 (S4D), 2303.06349 (LRU)

Systems.
- Linear state spaces (LTI): no gradient-descent step: without gates outputs are affine in the tokens
"""

from collections.abc import Iterator

from constructions import lti
from constructions.namespace import Array
from numeric.words import matrix
from numeric.words.derivation import Obligation
from proofs.forms import Identity, Kind, Large, Rung, Witness, claim, impossible
from proofs.gd._learners import step_defect
from proofs.kernel.rung import kernel_check


def system(U: Array, A: Array, B: Array, C: Array, D: Array, b: Array, d: Array) -> Array:
    """Two such systems in a row, the second with the same A, b, C, D and d on its own width: outputs (T, p)."""
    first = lti.outputs(U, A, B, C, D, b, d)
    return lti.outputs(first, A, B, C, D, b, d)


def doubled(U: Array, A: Array, B: Array, C: Array, D: Array, b: Array, d: Array, gated: bool = False) -> Array:
    """o(2U): (T, p); `gated`: every output times its input."""
    return gate(2 * U, A, B, C, D, b, d) if gated else system(2 * U, A, B, C, D, b, d)


def twice(U: Array, A: Array, B: Array, C: Array, D: Array, b: Array, d: Array, gated: bool = False) -> Array:
    """2 o(U) - o(0): (T, p)."""
    run = gate if gated else system
    return 2 * run(U, A, B, C, D, b, d) - run(0 * U, A, B, C, D, b, d)


def gate(U: Array, A: Array, B: Array, C: Array, D: Array, b: Array, d: Array) -> Array:
    """The outputs times the inputs, entrywise."""
    return system(U, A, B, C, D, b, d) * U


def derive(double: int = 2) -> Iterator[Obligation]:
    """The affine defect h(2U) - 2 h(U) + h(0) of the state is multiplied by A at every token; it starts at 0."""
    A, B, C, D = matrix("A", "n", "n"), matrix("B", "n", "p"), matrix("C", "q", "n"), matrix("D", "q", "p")
    b, d, u = matrix("b", "n", 1), matrix("d", "q", 1), matrix("u", "p", 1)
    h_2, h_1, h_0 = (matrix(f"h_{i}", "n", 1) for i in (2, 1, 0))
    next_2, next_1, next_0 = lti.step(h_2, 2 * u, A, B, b), lti.step(h_1, u, A, B, b), lti.step(h_0, 0 * u, A, B, b)
    yield Obligation(
        "one more token",
        next_2 - double * next_1 + next_0,
        A @ (h_2 - double * h_1 + h_0),
        r"The inputs $2u$, $u$ and $0$ cancel in the defect, and so do the biases; at $h = 0$ the defect is 0.",
    )
    yield Obligation(
        "readout",
        lti.read(h_2, 2 * u, C, D, d) - double * lti.read(h_1, u, C, D, d) + lti.read(h_0, 0 * u, C, D, d),
        C @ (h_2 - double * h_1 + h_0),
        r"The output's defect is $C$ times the state's, hence 0. A further system without non-linearity keeps it 0.",
    )


IDENTITY = Identity(
    shapes={
        "U": ("T", "p"),
        "A": ("n", "n"),
        "B": ("n", "p"),
        "C": ("p", "n"),
        "D": ("p", "p"),
        "b": ("n",),
        "d": ("p",),
    },
    left=doubled,
    right=twice,
    names=("o(2U)", "2 o(U) - o(0)"),
    sizes=({"T": 3, "p": 2, "n": 2}, {"T": 6, "p": 3, "n": 5}),
    large=Large({"T": 130, "p": 17, "n": 17}),
    derive=derive,
    numpy=True,
)
WITNESS = {"X": [[1]], "Y": [[1]], "x_q": [1], "eta": 1}

CLAIM = claim(
    __name__,
    impossible(IDENTITY.checks(), Witness(step_defect, WITNESS, [6], "F(2U) - 2 F(U) + F(0) at all tokens 1, eta = 1"))
    | kernel_check("lti_output_affine", "lti_no_step", "lti_stack_affine", "lti_stack_no_step").checks(),
    IDENTITY.mutant(
        "output_gate", "with an output gate the layer is still affine", left={"gated": True}, right={"gated": True}
    ),
    IDENTITY.mutant(
        "linear",
        "linear, not only affine: o(2U) = 2 o(U) in spite of the biases",
        right=lambda **at: 2 * system(**at),
        rungs=(Rung.EXACT,),
    ),
    IDENTITY.mutant("other_multiple", "o(2U) - 3 o(U) + o(0)", derive={"double": 3}),
    kind=Kind.IMPOSSIBILITY,
)
