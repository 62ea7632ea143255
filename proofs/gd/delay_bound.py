"""A delay by one token on T tokens needs T - 1 modes: fewer obey a recurrence that a delay breaks."""

from __future__ import annotations

from constructions import delay_modes
from constructions.namespace import Array, namespace
from proofs.claim import Claim, System
from proofs.evidence import Kind, Rung
from proofs.forms.identity import Identity, Large
from proofs.gd._witness import impossible, nonzero


def response(lam: Array, c: Array, skip: Array, length: int) -> Array:
    """The layer's outputs on the impulse 1, 0, 0, ...: (length,)."""
    u = namespace(c).stack([c[0] - c[0] + (1 if t == 0 else 0) for t in range(length)])
    return delay_modes.outputs(u, lam, c, skip)


def later(lam: Array, c: Array, skip: Array) -> Array:
    """Minus sum_{i >= 1} p_i h_{1+i}, p the polynomial with the zeros lam, h the impulse response: (1,)."""
    n = lam.shape[0]
    h = response(lam, c, skip, n + 2)
    return -(delay_modes.annihilator(lam)[1:] @ h[2:])[None]


def first(lam: Array, c: Array, skip: Array, start: int = 1, sign: int = -1) -> Array:
    """prod_j (-lam_j) times the response one token later: (1,)."""
    product = lam[0] - lam[0] + 1
    for j in range(lam.shape[0]):
        product = product * sign * lam[j]
    return (product * response(lam, c, skip, 2)[start])[None]


def constant(lam: Array) -> Array:
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
)
POINT = {"lam": ["1/2", "-1/3", "2/3"]}

CLAIM = Claim(
    __name__,
    title="A delay by one token on T tokens needs T - 1 modes",
    kind=Kind.BOUND,
    statement=r"""Let a diagonal linear recurrence have $n$ modes $\lambda_j \ne 0$ (real or complex, any readout) and a skip,
with the impulse response $o_0, o_1, \dots$ Then, with $\prod_j (z - \lambda_j) = \sum_i p_i z^i$,

$$ \Bigl( \prod_j (-\lambda_j) \Bigr) o_1 = - \sum_{i=1}^{n} p_i \, o_{1+i} . $$

A delay by one token on $T$ tokens has $o_1 = 1$ and $o_2 = \dots = o_{T-1} = 0$; for $T - 1 \ge n + 1$ the right side would
be $0$ and the left one is not. So $n \ge T - 1$: no such layer of fixed size delays exactly for all lengths, and an exact
product $y_t x_t^\top$ on interleaved tokens needs the sliding window (or a shift memory, gd.h3_weighted_step). $T - 1$ modes
are enough (gd.delay_modes, which also says how near a single mode comes).""",
    derivation=r"""The response $t \ge 1$ tokens later is $\sum_j c_j \lambda_j^t$, and $\sum_i p_i \lambda_j^i = 0$ for every
$j$.""",
    assumptions=(
        "a diagonalisable recurrence; modes that are 0 count as the skip",
        "one side is one product, the other a sum that cancels, so the sampled rung would call it unstable and is left out",
    ),
    systems=(
        System(
            "Diagonal recurrences on raw tokens", "no delay by one token on $T$ tokens with fewer than $T - 1$ modes"
        ),
    ),
    source="derived here (Vandermonde)",
    checks=impossible(
        {rung: check for rung, check in IDENTITY.checks().items() if rung is not Rung.SAMPLED},
        nonzero(constant, POINT, ["1/9"], "product of the negative modes at 1/2, -1/3, 2/3"),
    ),
    mutants=(
        IDENTITY.mutant(
            "from_the_start",
            "with the response at once in place of o_1",
            right=lambda lam, c, skip: first(lam, c, skip, start=0),
            rungs=(Rung.EXACT, Rung.SYMBOLIC),
        ),
        IDENTITY.mutant(
            "sign",
            "the product of the modes, not of their negatives",
            right=lambda lam, c, skip: first(lam, c, skip, sign=1),
            rungs=(Rung.EXACT,),
        ),
    ),
)
