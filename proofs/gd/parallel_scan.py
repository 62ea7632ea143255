r"""The parallel scan equals the recurrence.

With the associative product $(a, u) \circ (b, v) = (ba, \; bu + v)$, the prefix products of
$(a_1, u_1 + a_1 z_0), (a_2, u_2), \dots$ computed by doubling have the states $z_t = a_t z_{t-1} + u_t$ as second
parts.

Why.
The product is associative: both bracketings of three pairs give $(cba, \; cbu + cv + w)$. Doubling computes each prefix
product with $\lceil \log_2 T \rceil$ rounds, and associativity makes the bracketing irrelevant.

Source.
Blelloch 1990, prefix sums and their applications, section 1.4; derived here
"""

from collections.abc import Iterator

from constructions import gated_accumulator
from constructions.namespace import Array, namespace
from numeric.words import Words, scalar
from numeric.words.derivation import Obligation
from proofs.forms import Identity, Large, claim

Pair = tuple[Words, Words]


def gates_not_combined(a: Array, u: Array, z0: Array) -> Array:
    """The doubling rounds with the gates of the first round only."""
    xp = namespace(u)
    state = xp.concat([(u[0, ...] + a[0, ...] * z0)[None, ...], u[1:, ...]], axis=0)
    reach = 1
    while reach < u.shape[0]:
        moved = state[reach:, ...] + a[reach:, ...] * state[:-reach, ...]
        state = xp.concat([state[:reach, ...], moved], axis=0)
        reach *= 2
    return state


def derive(combine_gates: bool = True) -> Iterator[Obligation]:
    """The pair product is associative and its second part is the state after both steps."""

    def product(first: Pair, second: Pair) -> Pair:
        gate, write = gated_accumulator.combine(first, second)
        return (gate if combine_gates else second[0]), write

    one, two, three = ((scalar(a), scalar(u)) for a, u in (("a", "u"), ("b", "v"), ("c", "w")))
    left, right = product(product(one, two), three), product(one, product(two, three))
    yield Obligation("associative, gates", left[0], right[0], r"Both bracketings have the gate $cba$.")
    yield Obligation("associative, states", left[1], right[1], r"Both bracketings have the state $cbu + cv + w$.")
    z = scalar("z")
    gate, write = product(one, two)
    yield Obligation(
        "two steps in one",
        gated_accumulator.accumulate(z, write, gate),
        gated_accumulator.accumulate(gated_accumulator.accumulate(z, one[1], one[0]), two[1], two[0]),
        r"The product of two steps does what the two steps do, from any state $z$.",
    )


IDENTITY = Identity(
    shapes={"a": ("T", "d"), "u": ("T", "d"), "z0": ("d",)},
    left=lambda a, u, z0: gated_accumulator.parallel_scan(a, u, z0),
    right=lambda a, u, z0: gated_accumulator.gated_recurrence(a, u, z0),
    names=("parallel scan", "recurrence"),
    sizes=({"T": 7, "d": 3}, {"T": 100, "d": 4}),
    large=Large({"T": 130, "d": 20}, quick=True),
    symbolic_sizes={"T": 6, "d": 2},
    positive=("a",),
    derive=derive,
    numpy=True,
)

CLAIM = claim(
    __name__,
    IDENTITY.checks(),
    IDENTITY.mutant(
        "gates_not_combined",
        "later rounds reuse single gates",
        left=gates_not_combined,
        derive={"combine_gates": False},
    ),
    IDENTITY.mutant(
        "start_dropped",
        "the start z_0 is forgotten",
        left=lambda a, u, z0: gated_accumulator.parallel_scan(a, u, 0 * z0),
    ),
)
