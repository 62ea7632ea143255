r"""Mamba-2 is a discounted gradient step at every token.

The recurrence $S_t = a_t S_{t-1} + \Delta_t x_t B_t^\top$, $y_t = S_t C_t$, and its dual
$(L \odot C B^\top) \operatorname{diag}(\Delta) x$ with $L_{ts} = a_t \cdots a_{s+1}$ are the same, and at every token

$$ y_t = W_1 C_t, \qquad
   W_1 = -\nabla \Bigl( \tfrac12 \sum_{s \le t} \Delta_s \, a_{s+1} \cdots a_t \norm{W B_s - x_s}^2 \Bigr)_{W = 0} , $$

one gradient-descent step of size 1 from $0$ on discounted least squares with keys $B$, values $x$ and query $C$.
$\Delta_t$ is the weight of its own pair and, as $a_t = e^{\Delta_t A}$, $A < 0$, also the discount of all earlier ones:
the two cannot be chosen apart, and no pair is kept in full once a later one is written with weight (gd.mamba_limit).

Why.
By induction on tokens the state is $X^\top D B$ with $D_{ss} = \Delta_s a_{s+1} \cdots a_t$.

Assumes.
- $\Delta$ and $a$ given, however the layer computes them; without skip, convolution and norm

Source.
arXiv 2405.21060 (both forms); the reading derived here

Systems.
- Mamba-2 (SSD): in both forms one gradient step on discounted least squares, discount and step tied by $\Delta$
"""

from constructions import ssd
from constructions.autograd_descent import descend
from constructions.namespace import Array, filled, namespace, zeros
from numeric.words.session import Invariant
from numeric.words.whole import Spec
from proofs.forms import Identity, Large, claim


def forms(x: Array, B: Array, C: Array, Delta: Array, a: Array) -> Array:
    """The outputs of the recurrence and of the masked product: (2, N, p)."""
    return namespace(x).stack([ssd.recurrent(x, B, C, Delta, a), ssd.dual(x, B, C, Delta, a)])


def loss(W: Array, B: Array, x: Array, Delta: Array, faded: Array) -> Array:
    """1/2 sum_s Delta_s faded_s |W B_s - x_s|^2."""
    residual = W @ B.mT - x.mT
    return namespace(x).sum(faded[None, :] * residual * (Delta[None, :] * residual)) / 2


def learner(x: Array, B: Array, C: Array, Delta: Array, a: Array) -> Array:
    """At every token one autograd step from 0 on its pairs so far, weights Delta_s a_{s+1} ... a_t; twice: (2, N, p)."""
    start = zeros((x.shape[1], B.shape[1]), x)

    def weights(t: int, x: Array, B: Array, Delta: Array, a: Array) -> Array:
        return descend(start, B, x, Delta, namespace(x).decay_to_end(a, x), eta=1, of=loss)

    rows = (namespace(x).prefixes(weights, x, B, Delta, a) @ C[:, :, None])[:, :, 0]
    return namespace(x).stack([rows, rows])


def own_decay(x: Array, B: Array, C: Array, Delta: Array, a: Array) -> Array:
    """A pair is discounted by its own decay too."""
    return learner(x, B, C, Delta * a, a)


def state(x: Array, B: Array, Delta: Array, a: Array) -> Array:
    """x^T diag(Delta_s a_{s+1} ... a_t) B over the tokens so far."""
    return x.mT @ (namespace(x).decay_to_end(a, x)[:, None] * (Delta[:, None] * B))


IDENTITY = Identity(
    shapes={"x": ("N", "p"), "B": ("N", "n"), "C": ("N", "n"), "Delta": ("N",), "a": ("N",)},
    left=forms,
    right=learner,
    names=("Mamba-2's two forms", "discounted step, twice"),
    sizes=({"p": 2, "n": 2, "N": 3}, {"p": 4, "n": 4, "N": 10}),
    large=Large({"p": 17, "n": 18, "N": 100}),
    symbolic_sizes={"p": 1, "n": 1, "N": 3},
    positive=("Delta", "a"),
    whole=Spec({"ssd.recurrent": Invariant(state)}),
)

CLAIM = claim(
    __name__,
    IDENTITY.checks(),
    IDENTITY.mutant("own_decay", "a pair is discounted by its own decay too", right=own_decay),
    IDENTITY.mutant(
        "no_step_size", "weights without Delta", right=lambda Delta, **at: learner(Delta=filled(1, Delta), **at)
    ),
    IDENTITY.mutant(
        "not_decayed",
        "earlier weights stay",
        right=lambda a, **at: learner(a=filled(1, a), **at),
        sizes={"p": 1, "n": 1, "N": 3},
    ),
    IDENTITY.mutant("wrong_gradient", "the gradient of another loss", right=lambda x, **at: learner(x=-x, **at)),
)
