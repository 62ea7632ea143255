r"""The published block's rows before the last read later pairs, and miss gradient descent by what these add.

The published three-layer block of gd.three_layer_block returns its input in rows $1, \dots, N+1$, and in row
$N + 1 + t$, with $A_t = \sum_{s \le t} x_s x_s^\top$, $B_t = \sum_{s \le t} y_s x_s^\top$, $B = B_N$ and $c = \eta/N$,

$$ o_{N+1+t} = u_{N+1+t} - \left( 2c B_t - c^2 B A_t \right) x_{t+1} , $$

where $u$ is the input. This is $u_{N+1+t} - W_2^{(t)} x_{t+1}$, with $W_2^{(t)}$ after two gradient-descent steps of
size $\eta t/N$ from $0$ on the first $t$ pairs, plus

$$ c^2 (B - B_t) A_t x_{t+1} , \qquad B - B_t = \sum_{s > t} y_s x_s^\top : $$

for $t < N$ it reads the pairs after $t$, and is not two steps on the first $t$ pairs unless this is $0$, as where all
later $x_s$ are orthogonal to the earlier ones.

Why.
All three layers read the same tokens; the code multiplies $Z_2(t) = -cA_t$ by $Z_1(N) = -cB$, not by $Z_1(t)$. The $N$
results are put below $N + 1$ zero rows before the skip connection. Two steps on the first $t$ pairs are
$2cB_t - c^2 B_t A_t$ (gd.closed_form_steps), and $x_s^\top A_t = \sum_{r \le t} (x_s \cdot x_r) x_r^\top$.

Assumes.
- $f = m$; decay 1

Source.
arXiv 2410.11687, published code (multi-step form)

Departs.
- the constant is $\eta/N$; the published code's is $lr/P$

Systems.
- GD-SSM, several steps: the published block's other rows read later pairs, and miss two steps by what these add
"""

# Over 120 lines: the rows' formula and their gap to gradient descent, each written out.

from collections.abc import Iterator

from constructions import autograd_descent, gd_ssm, three_layer_block
from constructions.gated_accumulator import accumulate
from constructions.gd_ssm import WINDOW, input_gate
from constructions.namespace import Array, namespace
from numeric.words import matrix, scalar
from numeric.words.blocks import blocks
from numeric.words.derivation import Obligation
from proofs.forms import EXACTLY, Identity, Large, Rung, claim, together


def layer(X: Array, Y: Array, x_q: Array, eta: Array) -> Array:
    """The block's whole output with scale eta/N: (2N+1, f)."""
    return three_layer_block.block(gd_ssm.tokens(X, Y, x_q), eta / X.shape[0])


def formula(X: Array, Y: Array, x_q: Array, eta: Array, whole: bool = True) -> Array:
    """The input plus, in row N+1+t, -(2c B_t - c^2 B A_t) x_{t+1}; `whole`: B over all pairs, else B_t."""
    xp = namespace(X, Y, x_q)
    N, c = X.shape[0], eta / X.shape[0]
    following = xp.concat([X[1:, :], x_q[None, :]], axis=0)
    found = []
    for t in range(1, N + 1):
        A_t, B_t = X[:t, :].mT @ X[:t, :], Y[:t, :].mT @ X[:t, :]
        B = Y.mT @ X if whole else B_t
        found.append(-(2 * c * B_t - c * c * (B @ A_t)) @ following[t - 1, :])
    sequence = gd_ssm.tokens(X, Y, x_q)
    return sequence + xp.concat([0 * sequence[: N + 1, :], xp.stack(found)], axis=0)


def descent_on_prefixes(X: Array, Y: Array, x_q: Array, eta: Array) -> Array:
    """The input minus, in row N+1+t, two autograd steps on the first t pairs, asked at x_{t+1}."""
    xp = namespace(X, Y, x_q)
    N = X.shape[0]
    following = xp.concat([X[1:, :], x_q[None, :]], axis=0)
    W0 = X.new_zeros(Y.shape[1], X.shape[1])
    found = [
        autograd_descent.descend(W0, X[:t, :], Y[:t, :], eta=eta * t / N, steps=2) @ following[t - 1, :]
        for t in range(1, N + 1)
    ]
    sequence = gd_ssm.tokens(X, Y, x_q)
    return sequence - xp.concat([0 * sequence[: N + 1, :], xp.stack(found)], axis=0)


def descent_and_gap(X: Array, Y: Array, x_q: Array, eta: Array, gap: int = 1) -> Array:
    """Two autograd steps on each prefix, and in row N+1+t c^2 (B - B_t) A_t x_{t+1} (times `gap`)."""
    xp = namespace(X, Y, x_q)
    N, c = X.shape[0], eta / X.shape[0]
    following = xp.concat([X[1:, :], x_q[None, :]], axis=0)
    found = [c * c * (Y[t:, :].mT @ X[t:, :]) @ (X[:t, :].mT @ X[:t, :]) @ following[t - 1, :] for t in range(1, N + 1)]
    rows = descent_on_prefixes(X, Y, x_q, eta)
    return rows + gap * xp.concat([0 * rows[: N + 1, :], xp.stack(found)], axis=0)


def derive(swapped: bool = False) -> Iterator[Obligation]:
    """The states at window t, by the layers' own gate; then their combination with the final Z_1."""
    X, Y = matrix("X", "t", "f"), matrix("Y", "t", "f")
    x, y, following = (matrix(name, "f", 1) for name in ("x", "y", "x'"))
    window = blocks([[x.mT], [y.mT], [following.mT]])
    for name, total, other, longer in (("A", X.mT @ X, 0, [[X], [x.mT]]), ("B", Y.mT @ X, 1, [[Y], [y.mT]])):
        weights = blocks([[int((i, j) == (0, other)) for j in range(WINDOW)] for i in range(WINDOW)])
        yield Obligation(
            f"one more token, {name}",
            accumulate(total, input_gate(window, weights).mT, 1),
            blocks(longer).mT @ blocks([[X], [x.mT]]),
            rf"The accumulator ${name}_t$ over one pair more; with no pairs it is 0.",
        )
    A_t, B_t, B, c = (*(matrix(name, "f", "f") for name in ("A_t", "B_t", "B")), scalar("c"))
    yield Obligation(
        "the combination",
        three_layer_block.combine(-c * B_t, -c * B, -c * A_t, -c * B_t),
        -(2 * c * B_t - c * c * ((B_t if swapped else B) @ A_t)),
        r"The source takes $Z_1$ at the last window, $-cB$, and the other states at window $t$.",
    )


IDENTITY = Identity(
    shapes={"X": ("N", "f"), "Y": ("N", "f"), "x_q": ("f",), "eta": ()},
    left=layer,
    right=formula,
    names=("block", "formula"),
    sizes=({"f": 3, "N": 4}, {"f": 6, "N": 12}),
    large=Large({"f": 20, "N": 130}),
    symbolic_sizes={"f": 1, "N": 2},
    derive=derive,
    numpy=True,
)

GAP = Identity(
    shapes=IDENTITY.shapes,
    left=layer,
    right=descent_and_gap,
    names=("block", "two steps on each prefix and the gap"),
    sizes=({"f": 2, "N": 4}, {"f": 6, "N": 12}),
    large=Large({"f": 20, "N": 130}),
    rungs=(Rung.EXACT,),
)

CLAIM = claim(
    __name__,
    together(IDENTITY.checks(), GAP.checks()),
    GAP.mutant("gap_doubled", "twice the gap", right={"gap": 2}),
    IDENTITY.mutant(
        "is_gradient_descent", "every row is two steps on its prefix", right=descent_on_prefixes, rungs=EXACTLY
    ),
    IDENTITY.mutant(
        "causal_product", "Z_1 at window t in the product", right={"whole": False}, derive={"swapped": True}
    ),
    IDENTITY.mutant(
        "no_skip",
        "no input added",
        right=lambda X, Y, x_q, eta: formula(X, Y, x_q, eta) - gd_ssm.tokens(X, Y, x_q),
        rungs=EXACTLY,
    ),
)
