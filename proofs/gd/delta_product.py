r"""DeltaProduct takes several stochastic gradient steps a token.

For every token DeltaProduct's memory takes $n_h$ gradient steps, one after another, on
$\frac12 \norm{W k_{t,j} - v_{t,j}}^2$ with step sizes $\beta_{t,j}$: the delta rule on a context of $N n_h$ pairs. With
the same pair and step size $n$ times the result is one step of size

$$ \beta_{(n)} = \frac{1 - (1 - \beta \norm{k}^2)^n}{\norm{k}^2} , $$

which is $1 - (1 - \beta)^n$ for unit keys: repetition alone gives nothing that another $\beta$ does not.

Why.
gd.delta_rule for each pair. After a step of size $b$ the error of the same pair is $1 - b \norm{k}^2$ times what it
was, so $b' = b + \beta (1 - b \norm{k}^2)$.

Assumes.
- keys, values and step sizes given; no decay

Source.
arXiv 2502.10297 (update); derived here

Systems.
- DeltaProduct: $n_h$ stochastic gradient steps a token, one after another
"""

# Over 120 lines: a product of different pairs and of one pair repeated, each with its own two sides.

from collections.abc import Iterator

from constructions import delta_product, delta_rule, online_descent
from constructions.gradient_descent import step
from constructions.namespace import Array, filled
from numeric.words import matrix, scalar
from numeric.words.derivation import Obligation
from proofs.forms import EXACTLY, Identity, Large, Rung, claim, together


def layer(K: Array, V: Array, beta: Array, W0: Array) -> Array:
    """The memory after all tokens: (m, f)."""
    return delta_product.layer(W0, K, V, beta)


def learner(K: Array, V: Array, beta: Array, W0: Array, last: bool = True) -> Array:
    """One autograd step for every pair of every token, in order (not `last`: without each token's last pair): (m, f)."""
    W = W0
    for t in range(K.shape[0]):
        kept = slice(0, K.shape[1] if last else K.shape[1] - 1)
        W = online_descent.online(W, K[t, kept, :], V[t, kept, :], beta[t, kept])
    return W


def at_once(K: Array, V: Array, beta: Array, W0: Array) -> Array:
    """All pairs of a token in one step from the same memory: (m, f)."""
    W = W0
    for t in range(K.shape[0]):
        moved = [
            online_descent.online(W, K[t, j : j + 1, :], V[t, j : j + 1, :], beta[t, j : j + 1]) - W
            for j in range(K.shape[1])
        ]
        W = W + sum(moved[1:], start=moved[0])
    return W


def same_pair(k: Array, v: Array, beta: Array, W0: Array, times: int = 3) -> Array:
    """The same pair `times` in one token, all with step size beta: (m, f)."""
    return delta_product.layer(W0, k.expand(1, times, -1), v.expand(1, times, -1), beta.expand(1, times))


def one_step(k: Array, v: Array, beta: Array, W0: Array, unit: bool = False) -> Array:
    """One autograd step of size (1 - (1 - beta |k|^2)^3)/|k|^2 (`unit`: with 1 for |k|^2): (m, f)."""
    square = k @ k if not unit else filled(1, beta)
    kept = 1 - beta * square
    return online_descent.online(W0, k[None, :], v[None, :], ((1 - kept * kept * kept) / square)[None])


def derive(kept: bool = True) -> Iterator[Obligation]:
    """One pair is one step from any memory; a repetition more changes only the step size, whose closed form is kept."""
    W, k, v = matrix("W", "m", "f"), matrix("k", "f", 1), matrix("v", "m", 1)
    beta, b, p, n = scalar("beta"), scalar("b"), scalar("p"), scalar("n")
    yield Obligation(
        "one pair",
        delta_rule.step(W, k, v, beta),
        step(W, k.mT, v.mT, beta),
        r"So the pairs of a token are as many steps on their own losses, each from where the last one ended.",
    )
    yield Obligation(
        "the same pair again",
        delta_rule.step(step(W, k.mT, v.mT, b), k, v, beta),
        step(W, k.mT, v.mT, delta_product.repeated(b, beta, k.mT @ k if kept else k.mT @ k / 2)),
        r"The error after a step of size $b$ is $1 - b \norm{k}^2$ times the first one.",
    )
    yield Obligation(
        "its size",
        delta_product.repeated((1 - p) / n, beta, n),
        (1 - p * (1 - beta * n)) / n,
        r"With $p = (1 - \beta \norm{k}^2)^j$ and $n = \norm{k}^2$: from $b = 0$, $p = 1$ to the closed form for every $j$.",
    )


IDENTITY = Identity(
    shapes={"K": ("N", "h", "f"), "V": ("N", "h", "m"), "beta": ("N", "h"), "W0": ("m", "f")},
    left=layer,
    right=learner,
    names=("DeltaProduct", "gradient steps"),
    sizes=({"f": 2, "m": 2, "N": 2, "h": 2}, {"f": 6, "m": 4, "N": 6, "h": 3}),
    large=Large({"f": 20, "m": 21, "N": 100, "h": 2}),
    symbolic_sizes={"f": 1, "m": 1, "N": 2, "h": 2},
    derive=derive,
)
REPEATED = Identity(
    shapes={"k": ("f",), "v": ("m",), "beta": (), "W0": ("m", "f")},
    left=same_pair,
    right=one_step,
    names=("the same pair three times", "one step"),
    sizes=({"f": 2, "m": 2}, {"f": 5, "m": 4}),
    large=Large({"f": 20, "m": 21}, quick=True),
    rungs=(Rung.EXACT,),
)

CLAIM = claim(
    __name__,
    together(IDENTITY.checks(), REPEATED.checks()),
    IDENTITY.mutant("at_once", "all pairs of a token from the same memory", right=at_once),
    IDENTITY.mutant("one_pair_less", "without each token's last pair", right={"last": False}, rungs=EXACTLY),
    REPEATED.mutant("unit_keys", "1 - (1 - beta)^n for keys of any length", right={"unit": True}),
    IDENTITY.mutant("half_length", "half the length in the repeated step", derive={"kept": False}),
)
