r"""S4D is a convolution channel by channel: linear in the tokens.

S4D before its non-linearity gives in every channel

$$ o_t = \sum_{j=0}^{t-1} 2 \operatorname{Re} \bigl( C \bar\Lambda^j \bar B \bigr) u_{t-j} + D u_t , $$

with $\bar\Lambda = e^{\Delta\Lambda}$, $\bar B = \Lambda^{-1}(\bar\Lambda - 1) B$ (zero-order hold) or
$\bar\Lambda = \frac{1 + \Delta\Lambda/2}{1 - \Delta\Lambda/2}$, $\bar B = \frac{\Delta}{1 - \Delta\Lambda/2} B$
(bilinear). It is linear in the tokens, and channels do not meet: it forms neither $y_t x_t^\top$ nor a product with the
query, so it takes no gradient-descent step (gd.lti_affine), with any parameters and any size.

Why.
Unrolled recurrence. The bilinear rule is the trapezoid's, the hold the exact solution for a constant input.

Assumes.
- $e^{\Delta\Lambda}$ enters as a number of its own; no mode is $0$
- the sampled rung runs the hold only

Source.
arXiv 2206.11893 (S4D)

Systems.
- S4D: a convolution channel by channel: no gradient-descent step, at any size
"""

# Over 120 lines: two discretisations, each with its own two sides.

from collections.abc import Iterator

from constructions import diagonal_ssm
from constructions.namespace import Array, namespace
from numeric.words import scalar
from numeric.words.blocks import blocks
from numeric.words.derivation import Obligation
from proofs.forms import Identity, Kind, Large, Rung, Short, claim, impossible, together
from proofs.gd._learners import NOT_AFFINE


def held(U: Array, lam: Array, kept: Array, B: Array, C: Array, D: Array) -> Array:
    """S4D with a zero-order hold; complex parameters as (2, H, n): (T, H)."""
    decay = (kept[0], kept[1])
    scale = diagonal_ssm.zoh((lam[0], lam[1]), decay)
    return diagonal_ssm.s4d(U, decay, scale, (B[0], B[1]), (C[0], C[1]), D)


def bilinear(U: Array, lam: Array, step: Array, B: Array, C: Array, D: Array) -> Array:
    """S4D with the bilinear rule, one step (H,) a channel: (T, H)."""
    decay, scale = diagonal_ssm.bilinear((lam[0], lam[1]), step[:, None] + 0 * lam[0])
    return diagonal_ssm.s4d(U, decay, scale, (B[0], B[1]), (C[0], C[1]), D)


def convolved(U: Array, decay: Array, write: Array, C: Array, D: Array, late: int = 0) -> Array:
    """sum_j 2 Re(C decay^j write) u_{t-j} + D u_t, the powers by repeated products: (T, H)."""
    kernel, power = [], write
    for _ in range(U.shape[0]):
        kernel.append(2 * (C[0] * power[0] - C[1] * power[1]).sum(1))
        power = (decay[0] * power[0] - decay[1] * power[1], decay[0] * power[1] + decay[1] * power[0])
    rows = []
    for t in range(U.shape[0]):
        total = D * U[t, :]
        for s in range(t + 1 - late):
            total = total + kernel[t - s - late] * U[s, :]
        rows.append(total)
    return namespace(U).stack(rows)


def by_hold(U: Array, lam: Array, kept: Array, B: Array, C: Array, D: Array, late: int = 0) -> Array:
    """The convolution with the hold's kernel; the input matrix solves lam x = (kept - 1) B, by Cramer's rule: (T, H)."""
    right = ((kept[0] - 1) * B[0] - kept[1] * B[1], (kept[0] - 1) * B[1] + kept[1] * B[0])
    size = lam[0] ** 2 + lam[1] ** 2
    write = ((lam[0] * right[0] + lam[1] * right[1]) / size, (lam[0] * right[1] - lam[1] * right[0]) / size)
    return convolved(U, kept, write, C, D, late)


def by_rule(U: Array, lam: Array, step: Array, B: Array, C: Array, D: Array) -> Array:
    """The convolution with the bilinear kernel, written with real numbers: (T, H)."""
    h = step[:, None]
    size = (1 - h * lam[0] / 2) ** 2 + (h * lam[1] / 2) ** 2
    square = (lam[0] ** 2 + lam[1] ** 2) * h * h / 4
    decay = ((1 - square) / size, h * lam[1] / size)
    right = ((1 - h * lam[0] / 2) * h / size, h * h * lam[1] / 2 / size)
    write = (right[0] * B[0] - right[1] * B[1], right[0] * B[1] + right[1] * B[0])
    return convolved(U, decay, write, C, D)


def derive(half: int = 2) -> Iterator[Obligation]:
    """The bilinear rule is the trapezoid's: h' - h = step (lam (h' + h)/2 + B u), for one complex mode."""
    x, y, h = scalar("x"), scalar("y"), scalar("h")
    p, q, u, v = (scalar(name) for name in ("p", "q", "u", "v"))
    decay, scale = diagonal_ssm.bilinear((x, y), h)
    write = diagonal_ssm.multiply(scale, (u, v))
    after = diagonal_ssm.advance((p, q), write, decay)
    turned = diagonal_ssm.multiply((x, y), ((after[0] + p) / half, (after[1] + q) / half))
    yield Obligation(
        "trapezoid",
        blocks([[after[0] - p], [after[1] - q]]),
        blocks([[h * (turned[0] + u)], [h * (turned[1] + v)]]),
        r"One step of $h' = \lambda h + B u$ with the average of old and new state; $(u, v)$ stands for $B u_t$.",
    )
    a, b = scalar("a"), scalar("b")
    back = diagonal_ssm.multiply((x, y), diagonal_ssm.zoh((x, y), (a, b)))
    for part, found, wanted in (("real", back[0], a - 1), ("imaginary", back[1], b)):
        yield Obligation(
            f"the hold, {part} part",
            found,
            wanted,
            r"$\lambda \bar B = (\bar\lambda - 1) B$, the exact solution for an input that is constant over the step.",
        )


SHAPES = {"U": ("T", "H"), "lam": (2, "H", "n"), "B": (2, "H", "n"), "C": (2, "H", "n"), "D": ("H",)}
HOLD = Identity(
    shapes=SHAPES | {"kept": (2, "H", "n")},
    left=held,
    right=by_hold,
    names=("S4D", "convolution"),
    sizes=({"T": 2, "H": 2, "n": 1}, {"T": 8, "H": 3, "n": 4}),
    large=Large({"T": 40, "H": 1, "n": 1}, short=Short.DEGREE),
    derive=derive,
)
RULE = Identity(
    shapes=SHAPES | {"step": ("H",)},
    left=bilinear,
    right=by_rule,
    names=("S4D", "convolution"),
    sizes=({"T": 2, "H": 1, "n": 2}, {"T": 6, "H": 3, "n": 4}),
    large=Large({"T": 40, "H": 1, "n": 1}, short=Short.DEGREE),
    rungs=(Rung.EXACT,),
)

CLAIM = claim(
    __name__,
    impossible(together(HOLD.checks(), RULE.checks()), NOT_AFFINE),
    HOLD.mutant("one_late", "the kernel one token late", right={"late": 1}),
    RULE.mutant(
        "euler",
        "the bilinear rule is the Euler step 1 + step lam",
        right=lambda U, lam, step, B, C, D: convolved(
            U, (1 + step[:, None] * lam[0], step[:, None] * lam[1]), step[:, None] * B, C, D
        ),
    ),
    HOLD.mutant("whole", "lam (h' + h) in place of its half", derive={"half": 1}),
    kind=Kind.IMPOSSIBILITY,
)
