r"""No diagonal transition in a fixed basis acts on W as the delta rule does.

The delta rule multiplies $W$ by $I - r x x^\top$. For two inputs $x$, $z$ the commutator of these transitions has

$$ \norm{[I - r x x^\top, \, I - r z z^\top]}_F^2 = 2 r^4 (x \cdot z)^2 \left( \norm{x}^2 \norm{z}^2 - (x \cdot z)^2 \right) , $$

not $0$ unless the inputs are orthogonal or parallel; for $x = (1, 0)$, $z = (1, 1)$, $r = 1$ it is $2$. Transitions
that are diagonal in one fixed basis commute, even if they depend on the input. So a diagonal recurrence that acts on
$W$ itself is not the delta rule for $f \ge 2$. A larger state is not excluded by this argument.

Why.
$[x x^\top, z z^\top] = (x \cdot z)(x z^\top - z x^\top)$, and
$\norm{x z^\top - z x^\top}_F^2 = 2 \norm{x}^2 \norm{z}^2 - 2 (x \cdot z)^2$.

Assumes.
- the state is $W$ itself, or $W$ in one fixed basis
- $f \ge 2$

Source.
derived here

Systems.
- Diagonal recurrences on W: not the delta rule: their transitions commute, its transitions don't
"""

from collections.abc import Iterator

from constructions import delta_rule, gated_linear_attention
from constructions.namespace import Array, identity, namespace
from numeric.words import Words, eye, matrix, scalar, trace, zeros
from numeric.words.derivation import Obligation
from proofs.forms import Identity, Kind, Large, Rung, Witness, claim, impossible


def transition(k: Array, rate: Array, one: Array) -> Array:
    """I - rate k k^T, (f, f): what the delta rule multiplies W by, for a column k (f, 1) and the identity."""
    return delta_rule.step(one, k, 0 * k, rate)


def commutator_norm(x: Array, z: Array, rate: Array) -> Array:
    """The squared Frobenius norm of the commutator of two transitions: (1,)."""
    one = identity(x.shape[0], x)
    first, second = transition(x[:, None], rate, one), transition(z[:, None], rate, one)
    difference = first @ second - second @ first
    return namespace(x).sum(difference * difference)[None]


def formula(x: Array, z: Array, rate: Array, factor: int = 2) -> Array:
    """2 rate^4 (x . z)^2 (|x|^2 |z|^2 - (x . z)^2): (1,)."""
    inner = x @ z
    return (factor * rate**4 * inner * inner * ((x @ x) * (z @ z) - inner * inner))[None]


def derive(factor: int = 2) -> Iterator[Obligation]:
    """The norm of the commutator by traces; and that diagonal matrices commute."""
    x, z, rate = matrix("x", "f", 1), matrix("z", "f", 1), scalar("r")
    first, second = transition(x, rate, eye("f")), transition(z, rate, eye("f"))
    difference: Words = first @ second - second @ first
    inner = trace(x.mT @ z)
    yield Obligation(
        "norm of the commutator",
        trace(difference.mT @ difference),
        factor * rate**4 * inner * inner * (trace(x.mT @ x) * trace(z.mT @ z) - inner * inner),
        r"The commutator is $r^2 (x \cdot z)(x z^\top - z x^\top)$; it vanishes only for $x \cdot z = 0$ or $x \parallel z$.",
    )
    D, E, Q = matrix("D", "f", "f", "diagonal"), matrix("E", "f", "f", "diagonal"), matrix("Q", "f", "f")
    nothing = zeros("f", 1)

    def both(first: Words, second: Words) -> Words:
        """Two gates of gated linear attention, one after the other, with nothing written, in the basis Q."""
        once = gated_linear_attention.step(Q, nothing, nothing, first)
        return gated_linear_attention.step(once, nothing, nothing, second) @ Q.mT

    yield Obligation(
        "diagonal transitions",
        both(D, E),
        both(E, D),
        r"With $Q^{-1} = Q^\top$ the transitions $Q D Q^\top$ and $Q E Q^\top$ of one basis have the products $Q D E Q^\top$, "
        r"in both orders the same, whatever the gates are computed from.",
    )


IDENTITY = Identity(
    shapes={"x": ("f",), "z": ("f",), "rate": ()},
    left=formula,
    right=commutator_norm,
    names=("formula", "commutator"),
    sizes=({"f": 3}, {"f": 8}),
    large=Large({"f": 20}, quick=True),
    symbolic_sizes={"f": 2},
    derive=derive,
    numpy=True,
)
POINT = {"x": [1, 0], "z": [1, 1], "rate": 1}

CLAIM = claim(
    __name__,
    impossible(
        IDENTITY.checks(),
        Witness(commutator_norm, POINT, [2], "squared norm of the commutator at x = (1, 0), z = (1, 1), r = 1"),
    ),
    IDENTITY.mutant("factor_one", "without the factor 2", left={"factor": 1}, derive={"factor": 1}),
    IDENTITY.mutant(
        "commute",
        "the transitions commute",
        left=lambda **at: 0 * formula(**at),
        rungs=(Rung.SAMPLED, Rung.EXACT, Rung.SYMBOLIC),
    ),
    kind=Kind.IMPOSSIBILITY,
)
