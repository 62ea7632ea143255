r"""Mamba's S6 on two or more pairs takes a gradient-descent step only in the limit of no decay.

Let S6 have constant $\Delta = \frac{\eta}{N}$ and decay $a = e^{\Delta A}$ in every entry, with keys $B_t$, values
$u_t$ and query $C$. Its last output is

$$ W_1 C - (1 - a) \, \frac{\eta}{N} \sum_{t=1}^{N} \left( 1 + a + \dots + a^{N-t-1} \right) u_t (B_t \cdot C) , $$

$W_1$ after one gradient-descent step of size $\eta$ from $0$ on keys and values. For $N = 1$ this is the step, at every
decay. For $N \ge 2$ and $a < 1$ (as $A < 0$ strictly) the step is not reached on all contexts: with all keys, values
and $C$ equal to $1$ the error is not $0$; it is $0$ where the sum is, for instance where $B_t \cdot C = 0$ for all
$t < N$. The error tends to $0$ as $1 - a = O(|A|)$ when $A \to 0$, with the coefficient
$\frac{\eta}{N} \sum_t (N - t) u_t (B_t \cdot C)$.

Why.
$1 - a^{j} = (1 - a)(1 + a + \dots + a^{j-1})$ for each token's weight $a^{N-t}$; by induction on tokens the remainder
obeys $R' = aR + G$. With all keys, values and $C$ equal to $1$ every term of the sum is at least 1, but the last, which
is empty.

Assumes.
- constant $\Delta$, the same decay $a$ in every entry
- no skip connection

Source.
arXiv 2312.00752 (update); derived here

Systems.
- Mamba (S6): for a constant step one gradient-descent step, on two or more pairs only in the limit of no decay; error
  $O(|A|)$
"""

# Over 120 lines: an identity, the case of one pair, and a context that misses the step beside two that do not.

from collections.abc import Iterator

from constructions import autograd_descent, mamba
from constructions.gated_accumulator import accumulate
from constructions.namespace import Array, filled, zeros
from numeric.words import matrix, scalar
from numeric.words.derivation import Obligation
from proofs.forms import Identity, Kind, Large, Rung, Short, Witness, claim, impossible, together


def layer(u: Array, B: Array, C: Array, eta: Array, a: Array) -> Array:
    """S6 with Delta = eta/N for all tokens and channels and every decay a: (m,)."""
    N, m = u.shape
    Delta = zeros((N, m), u) + eta / N
    return mamba.read(u, B, C, Delta, zeros((N, m, B.shape[1]), u) + a)


def learner(u: Array, B: Array, C: Array, eta: Array, a: Array, off: int = 0) -> Array:
    """One autograd step on keys B and values u, minus (1 - a) times the sum of its decayed remainders: (m,)."""
    N = u.shape[0]
    step = autograd_descent.descend(u.new_zeros(u.shape[1], B.shape[1]), B, u, eta=eta) @ C
    lost = 0 * step
    for t in range(N):
        powers, power = 0 * a, filled(1, a)
        for _ in range(N - 1 - t + off):
            powers, power = powers + power, power * a
        lost = lost + powers * (eta / N) * u[t, :] * (B[t, :] @ C)
    return step - (1 - a) * lost


def defect(u: Array, B: Array, C: Array, eta: Array, a: Array) -> Array:
    """The layer's output minus the plain step: (m,)."""
    return layer(u, B, C, eta, a) - learner(u, B, C, eta, filled(1, a))


def derive(factor: int = 1) -> Iterator[Obligation]:
    """Induction on tokens: S = B - (1 - a) R, where R' = a R + B; so the error has a factor 1 - a for every N."""
    G, R, k, v = matrix("G", "m", "n"), matrix("R", "m", "n"), matrix("k", "n", 1), matrix("v", "m", 1)
    a = scalar("a")
    yield Obligation(
        "one more token",
        accumulate(G - (1 - a) * R, v @ k.mT, a),
        (G + v @ k.mT) - (1 - a) * (factor * a * R + G),
        r"With $G$ the undecayed sum and $S = G - (1 - a) R$: $a S + v k^\top = G' - (1 - a)(a R + G)$. At the start all are 0, "
        r"so $R = \sum_t (1 + a + \dots + a^{N-t-1}) v_t k_t^\top$, a polynomial in $a$.",
    )


IDENTITY = Identity(
    shapes={"u": ("N", "m"), "B": ("N", "n"), "C": ("n",), "eta": (), "a": ()},
    left=layer,
    right=learner,
    names=("S6", "step minus (1 - a) times the remainder"),
    sizes=({"N": 4, "m": 2, "n": 2}, {"N": 12, "m": 4, "n": 4}),
    large=Large({"N": 130, "m": 21, "n": 20}),
    symbolic_sizes={"N": 3, "m": 1, "n": 2},
    positive=("a",),
    derive=derive,
)
ONE = Identity(
    shapes=IDENTITY.shapes,
    left=layer,
    right=lambda u, B, C, eta, a: learner(u, B, C, eta, filled(1, a)),
    names=("S6", "the step"),
    sizes=({"N": 1, "m": 2, "n": 2}, {"N": 1, "m": 4, "n": 4}),
    large=Large({"N": 1, "m": 21, "n": 20}, quick=True, short=Short.STATED),
    positive=("a",),
    rungs=(Rung.EXACT,),
)
"""One pair: nothing decays."""
POINT = {"u": [[1], [1]], "B": [[1], [1]], "C": [1], "eta": 2, "a": "9/10"}
SINGLE = {"u": [[1]], "B": [[1]], "C": [1], "eta": 2, "a": "9/10"}
HIDDEN = {"u": [[1], [1]], "B": [[0], [1]], "C": [1], "eta": 2, "a": "9/10"}
MEANING = "S6 minus the step, eta = 2, a = 9/10"
MISSED = ["-1/10"]

WITNESS = Witness(defect, POINT, MISSED, f"{MEANING}, N = 2, all 1")

CLAIM = claim(
    __name__,
    impossible(together(IDENTITY.checks(), ONE.checks()), WITNESS),
    WITNESS.mutant(
        "never_reached", "the step is missed for one pair too", point=SINGLE, meaning=f"{MEANING}, N = 1, all 1"
    ),
    WITNESS.mutant(
        "missed_everywhere", "two pairs always miss the step", point=HIDDEN, meaning=f"{MEANING}, N = 2, first key 0"
    ),
    IDENTITY.mutant(
        "exact_step", "S6 takes the step at every decay", right=lambda a, **at: learner(a=filled(1, a), **at)
    ),
    IDENTITY.mutant(
        "off_by_one", "the newest token is decayed too", right={"off": 1}, rungs=(Rung.EXACT, Rung.SYMBOLIC)
    ),
    IDENTITY.mutant("remainder_doubled", "the remainder is twice as large", derive={"factor": 2}),
    kind=Kind.CONVERGENCE,
)
