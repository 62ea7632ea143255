r"""LRU's normaliser keeps the state's variance at one; the layer stays linear in its tokens.

LRU's recurrence $h_t = \lambda \odot h_{t-1} + \gamma \odot (B u_t)$, $\gamma = \sqrt{1 - |\lambda|^2}$,
$o_t = \operatorname{Re}(C h_t) + D u_t$, has, for inputs $B u_t$ of variance 1 that are independent over time,

$$ E |h_T|^2 = \gamma^2 \sum_{j<T} |\lambda|^{2j} = 1 - |\lambda|^{2T} $$

in every mode: that is all the normaliser does. The outputs are linear in the tokens, so the layer forms no product
$y_t x_t^\top$, and with any parameters and size does not compute a gradient-descent step (gd.lti_affine).

Why.
A mode multiplies $|h|^2$ by $|\lambda|^2$ and independent noise adds $\gamma^2$; without a state it is $0$.

Assumes.
- $\lambda$ and $\gamma$ are given by a point of the sphere $|\lambda|^2 + \gamma^2 = 1$, so that no root is taken

Source.
arXiv 2303.06349 (LRU, section 3.4 for the normaliser)

Systems.
- LRU: a normalised LTI state space: no gradient-descent step, at any size
"""

# Over 120 lines: two statements, the normaliser's and that the layer is additive.

from collections.abc import Iterator

from constructions import diagonal_ssm
from constructions.namespace import Array, filled, identity, namespace
from numeric.words import scalar
from numeric.words.derivation import Obligation
from proofs.forms import Identity, Kind, Large, Rung, Short, claim, impossible, together
from proofs.gd._learners import NOT_AFFINE


def responses(z: Array, U: Array, normalised: bool = True) -> Array:
    """The sum of |h|^2 over the impulse responses of the last state, real and imaginary part read apart: (n,)."""
    lam, gamma = diagonal_ssm.sphere(z[0], z[1])
    n, T = z.shape[1], U.shape[0]
    one, total = identity(n, z), 0 * gamma
    if not normalised:
        gamma = 0 * gamma + 1
    for s in range(T):
        impulse = namespace(z).stack([0 * one[0, :1] + (1 if t == s else 0) for t in range(T)])
        B, none = (one[:, :1] * 0 + 1, one[:, :1] * 0), one[:, :1] * 0
        real = diagonal_ssm.lru(impulse, lam, gamma, B, (one, 0 * one), none)[-1, :]
        imaginary = diagonal_ssm.lru(impulse, lam, gamma, B, (0 * one, -one), none)[-1, :]
        total = total + real * real + imaginary * imaginary
    return total


def share_reached(z: Array, U: Array, power: int = 1) -> Array:
    """1 - |lam|^(2T): (n,)."""
    lam, _ = diagonal_ssm.sphere(z[0], z[1])
    size, product = lam[0] * lam[0] + lam[1] * lam[1], filled(1, lam[0])
    for _ in range(power * U.shape[0]):
        product = product * size
    return 1 - product


def layer(U: Array, z: Array, B: Array, C: Array, D: Array) -> Array:
    """LRU with modes and normaliser from z; B and C as (2, ...): (T, q)."""
    lam, gamma = diagonal_ssm.sphere(z[0], z[1])
    return diagonal_ssm.lru(U, lam, gamma, (B[0], B[1]), (C[0], C[1]), D)


def summed(U: Array, V: Array, z: Array, B: Array, C: Array, D: Array) -> Array:
    """The layer on U + V: (T, q)."""
    return layer(U + V, z, B, C, D)


def parts(U: Array, V: Array, z: Array, B: Array, C: Array, D: Array, times: int = 1) -> Array:
    """The layer on U plus the layer on V, the latter `times`: (T, q)."""
    return layer(U, z, B, C, D) + times * layer(V, z, B, C, D)


def gated(U: Array, z: Array, B: Array, C: Array, D: Array) -> Array:
    """Every output times the first entry of its token: (T, q)."""
    return layer(U, z, B, C, D) * U[:, :1]


def derive(sign: int = 1) -> Iterator[Obligation]:
    """One mode: if the state has the size 1 - s, a token of independent noise takes it to 1 - s |lam|^2."""
    x, y, s, p, q = (scalar(name) for name in ("x", "y", "s", "p", "q"))
    lam, gamma = diagonal_ssm.sphere(x, y)
    square = lam[0] * lam[0] + lam[1] * lam[1]
    after = diagonal_ssm.advance((p, q), (0 * p, 0 * q), lam)
    yield Obligation(
        "a mode turns and shrinks",
        after[0] * after[0] + after[1] * after[1],
        square * (p * p + q * q),
        r"Without input $|h'|^2 = |\lambda|^2 |h|^2$.",
    )
    yield Obligation(
        "one more token",
        square * (1 - s) + gamma * gamma,
        1 - sign * square * s,
        r"Independent noise of variance 1 adds $\gamma^2 = 1 - |\lambda|^2$; from $s = 1$ (no state) it goes to $s = "
        r"|\lambda|^{2T}$.",
    )


SIZE = Identity(
    shapes={"z": (2, "n"), "U": ("T", 1)},
    left=responses,
    right=share_reached,
    names=("summed squares of the responses", "1 - |lam|^2T"),
    sizes=({"n": 2, "T": 2}, {"n": 3, "T": 6}),
    large=Large({"n": 3, "T": 16}, short=Short.WORK),
    derive=derive,
)
SUM = Identity(
    shapes={
        "U": ("T", "p"), "V": ("T", "p"), "z": (2, "n"), "B": (2, "n", "p"), "C": (2, "q", "n"), "D": ("q", "p"),
    },
    left=summed,
    right=parts,
    names=("LRU on U + V", "LRU on U plus LRU on V"),
    sizes=({"T": 3, "p": 2, "n": 2, "q": 1}, {"T": 6, "p": 3, "n": 4, "q": 2}),
    large=Large({"T": 40, "p": 17, "n": 2, "q": 18}, short=Short.DEGREE),
    rungs=(Rung.EXACT,),
)  # fmt: skip

CLAIM = claim(
    __name__,
    impossible(together(SIZE.checks(), SUM.checks()), NOT_AFFINE),
    SIZE.mutant("not_normalised", "without gamma", left={"normalised": False}, rungs=(Rung.SAMPLED, Rung.EXACT)),
    SIZE.mutant("power_T", "1 - |lam|^4T", right={"power": 2}, rungs=(Rung.EXACT,)),
    SUM.mutant(
        "output_gate",
        "with an output gate it is still additive",
        left=lambda U, V, z, B, C, D: gated(U + V, z, B, C, D),
        right=lambda U, V, z, B, C, D: gated(U, z, B, C, D) + gated(V, z, B, C, D),
    ),
    SIZE.mutant("grows", "noise takes it to 1 + s |lam|^2", derive={"sign": -1}),
    kind=Kind.IMPOSSIBILITY,
)
