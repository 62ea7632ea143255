r"""S5 is a real LTI system of twice its size and takes no gradient step.

S5 before its non-linearity, $h_t = \bar\Lambda h_{t-1} + \bar B u_t$, $o_t = 2 \operatorname{Re}(C h_t) + D u_t$ with
the zero-order hold $\bar\Lambda = e^{\Delta \Lambda}$, $\bar B = \Lambda^{-1} (\bar\Lambda - I) B$, equals the real
linear time-invariant system on $(\operatorname{Re} h, \operatorname{Im} h)$ for all complex parameters. So
gd.lti_affine holds for it: its outputs are linear in the tokens, it forms no product $y_t x_t^\top$, and with any
number of modes it does not compute a gradient-descent step. Nor does one such layer of fixed size with any function of
its state and token behind it, for all context lengths (gd.lti_readout); two of them with GELU approach the step
(gd.gelu_limit).

Why.
Multiplication by $a + ib$ is the real matrix with rows $(a, -b)$ and $(b, a)$.

Assumes.
- $\bar\Lambda$ enters as a number of its own; $\Lambda$ has no mode $0$

Source.
arXiv 2208.04933 (S5); derived here

Systems.
- S5: linear in its tokens: without a gate or activation no gradient-descent step, at any size
"""

from collections.abc import Iterator

from constructions import diagonal_ssm, lti
from constructions.namespace import Array, namespace
from numeric.words import scalar
from numeric.words.blocks import blocks
from numeric.words.derivation import Obligation
from proofs.forms import Identity, Kind, Large, Rung, Short, claim, impossible
from proofs.gd._learners import NOT_AFFINE

PAIRS = ("lam", "kept", "B", "C")


def layer(U: Array, lam: Array, kept: Array, B: Array, C: Array, D: Array) -> Array:
    """S5 with a zero-order hold; complex parameters as (2, ...): (T, q)."""
    return diagonal_ssm.s5(U, (lam[0], lam[1]), (kept[0], kept[1]), (B[0], B[1]), (C[0], C[1]), D)


def real(U: Array, lam: Array, kept: Array, B: Array, C: Array, D: Array, factor: int = 2) -> Array:
    """The general LTI layer on the state (Re h, Im h): (T, q)."""
    xp = namespace(U)

    def diagonal(v: Array) -> Array:
        return xp.eye(v.shape[0], dtype=v.dtype) * v[:, None]

    def turning(z: Array) -> Array:
        x, y = diagonal(z[0]), diagonal(z[1])
        return xp.concat([xp.concat([x, -y], axis=1), xp.concat([y, x], axis=1)], axis=0)

    inverse = xp.stack([lam[0], -lam[1]]) / (lam[0] * lam[0] + lam[1] * lam[1])
    less = xp.stack([kept[0] - 1, kept[1]])
    write = turning(inverse) @ turning(less) @ xp.concat([B[0], B[1]], axis=0)
    none = 0 * xp.concat([lam[0], lam[0]], axis=0)
    read = factor * xp.concat([C[0], -C[1]], axis=1)
    return lti.outputs(U, turning(kept), write, read, D, none, 0 * D[:, 0])


def gated(U: Array, lam: Array, kept: Array, B: Array, C: Array, D: Array) -> Array:
    """With an output gate: every output times the first entry of its token."""
    return layer(U, lam, kept, B, C, D) * U[:, :1]


def derive(hold: int = 1) -> Iterator[Obligation]:
    """One mode and one input: the pair arithmetic is the real 2 x 2 system, and the hold has the right fixed point."""
    x, y, a, b = (scalar(name) for name in ("x", "y", "a", "b"))
    p, q, u = scalar("p"), scalar("q"), scalar("u")
    after = diagonal_ssm.advance((p, q), (x * u, y * u), (a, b))
    yield Obligation(
        "one mode",
        blocks([[after[0]], [after[1]]]),
        lti.step(
            blocks([[p], [q]]), blocks([[u]]), blocks([[a, -b], [b, a]]), blocks([[x], [y]]), blocks([[0 * a], [0 * a]])
        ),
        r"A complex mode $a + ib$ is the real matrix $\begin{pmatrix} a & -b \\ b & a \end{pmatrix}$; modes do not meet.",
    )
    scale = diagonal_ssm.zoh((x, y), (a, b))
    back = diagonal_ssm.multiply((x, y), scale)
    for part, found, wanted in (("real", back[0], a - hold), ("imaginary", back[1], b)):
        yield Obligation(
            f"the hold, {part} part",
            found,
            wanted,
            r"$\lambda \bar B = (\bar\lambda - 1) B$: under a constant input the state tends to $-B u/\lambda$, as the continuous "
            r"one does.",
        )


IDENTITY = Identity(
    shapes={
        "U": ("T", "p"), "lam": (2, "n"), "kept": (2, "n"), "B": (2, "n", "p"), "C": (2, "q", "n"), "D": ("q", "p"),
    },
    left=layer,
    right=real,
    names=("S5", "real LTI system"),
    sizes=({"T": 3, "p": 2, "n": 2, "q": 2}, {"T": 6, "p": 3, "n": 4, "q": 2}),
    large=Large({"T": 20, "p": 17, "n": 3, "q": 18}, short=Short.DEGREE),
    derive=derive,
    numpy=True,
)  # fmt: skip

CLAIM = claim(
    __name__,
    impossible(IDENTITY.checks(), NOT_AFFINE),
    IDENTITY.mutant("no_conjugates", "without the factor 2 of the conjugate modes", right={"factor": 1}),
    IDENTITY.mutant("output_gate", "with an output gate it still is one", left=gated, rungs=(Rung.EXACT,)),
    IDENTITY.mutant("other_hold", "lam B = (decay + 1) B_c", derive={"hold": -1}),
    kind=Kind.IMPOSSIBILITY,
)
