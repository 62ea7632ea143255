r"""A delay by one token on T tokens needs T - 1 modes.

Let a diagonal linear recurrence have $n$ modes $\lambda_j \ne 0$ (real or complex, any readout) and a skip, with the
impulse response $o_0, o_1, \dots$ Then, with $\prod_j (z - \lambda_j) = \sum_i p_i z^i$,

$$ \Bigl( \prod_j (-\lambda_j) \Bigr) o_1 = - \sum_{i=1}^{n} p_i \, o_{1+i} . $$

A delay by one token on $T$ tokens has $o_1 = 1$ and $o_2 = \dots = o_{T-1} = 0$; for $T - 1 \ge n + 1$ the right side
would be $0$ and the left one is not. So $n \ge T - 1$: no such layer of fixed size delays exactly for all lengths, and
an exact product $y_t x_t^\top$ on interleaved tokens needs the sliding window (or a shift memory, gd.h3_weighted_step).
$T - 1$ modes are enough (gd.delay_modes, which also says how near a single mode comes).

Why.
The response $t \ge 1$ tokens later is $\sum_j c_j \lambda_j^t$, and $\sum_i p_i \lambda_j^i = 0$ for every $j$.

Assumes.
- a diagonalisable recurrence; modes that are 0 count as the skip
- one side is one product, the other a sum that cancels, so the sampled rung would call it unstable and is left out

Source.
derived here (Vandermonde)

Systems.
- Diagonal recurrences on raw tokens: no delay by one token on $T$ tokens with fewer than $T - 1$ modes
"""

from constructions import delay_modes
from constructions.namespace import Array, filled, namespace
from proofs.forms import EXACTLY, Identity, Kind, Large, Rung, Witness, claim, impossible


def response(lam: Array, c: Array, skip: Array, length: int) -> Array:
    """The layer's outputs on the impulse 1, 0, 0, ...: (length,)."""
    u = namespace(c).stack([filled(1 if t == 0 else 0, c[0]) for t in range(length)])
    return delay_modes.outputs(u, lam, c, skip)


def later(lam: Array, c: Array, skip: Array) -> Array:
    """Minus sum_{i >= 1} p_i h_{1+i}, p the polynomial with the zeros lam, h the impulse response: (1,)."""
    n = lam.shape[0]
    h = response(lam, c, skip, n + 2)
    return -(delay_modes.annihilator(lam)[1:] @ h[2:])[None]


def first(lam: Array, c: Array, skip: Array, start: int = 1, sign: int = -1) -> Array:
    """prod_j (-lam_j) times the response one token later: (1,)."""
    product = filled(1, lam[0])
    for j in range(lam.shape[0]):
        product = product * sign * lam[j]
    return (product * response(lam, c, skip, 2)[start])[None]


def product_of_modes(lam: Array) -> Array:
    """prod_j (-lam_j): what a delay would need to be 0: (1,)."""
    return delay_modes.annihilator(lam)[:1]


IDENTITY = Identity(
    shapes={"lam": ("n",), "c": ("n",), "skip": ()},
    left=later,
    right=first,
    names=("later responses", "first response"),
    sizes=({"n": 3}, {"n": 8}),
    large=Large({"n": 20}, quick=True),
    symbolic_sizes={"n": 3},
    numpy=True,
    rungs=EXACTLY,
)
POINT = {"lam": ["1/2", "-1/3", "2/3"]}

CLAIM = claim(
    __name__,
    impossible(
        IDENTITY.checks(), Witness(product_of_modes, POINT, ["1/9"], "product of the negative modes at 1/2, -1/3, 2/3")
    ),
    IDENTITY.mutant("from_the_start", "with the response at once in place of o_1", right={"start": 0}),
    IDENTITY.mutant("sign", "the product of the modes, not of their negatives", right={"sign": 1}, rungs=(Rung.EXACT,)),
    kind=Kind.BOUND,
)
