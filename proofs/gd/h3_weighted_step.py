r"""H3 takes one recency-weighted gradient step.

On the typed tokens $(x_1, 0), (0, y_1), \dots, (x_q, 0)$ let H3's keys and queries read the first part of a token and
its values the second, and let its diagonal memory decay by $a$. Then $\frac{\eta}{N}$ times its last output is one
gradient-descent step of size $\eta$ from $W_0 = 0$ on

$$ \frac{1}{2N} \sum_{t=1}^{N} a^{2(N-t)+1} \norm{W x_t - y_t}^2 , $$

asked at $x_q$; at $a = 1$ on the plain loss. The shift memory does what the sliding window does in GD-SSM: it brings
$x_t$ to $y_t$.

Why.
At $y_t$ the shifted key is $x_t$, so $y_t x_t^\top$ is written; at $x_t$ the value is $0$. Each token decays the state
once: twice for every later pair, and once for the query.

Assumes.
- $W_0 = 0$; typed tokens; an ideal shift by one token and one decay for all channels

Source.
arXiv 2212.14052 (layer); arXiv 2407.10005 for its reading as a weighted step; derived here

Systems.
- H3: one gradient step on recency-weighted least squares; the shift memory brings key to value
"""

from collections.abc import Iterator

from constructions import h3
from constructions.autograd_descent import descend
from constructions.gated_accumulator import accumulate
from constructions.gradient_descent import weighted_loss
from constructions.namespace import Array, filled, identity, namespace, zeros
from numeric.words import matrix, scalar
from numeric.words.blocks import blocks
from numeric.words.derivation import Obligation
from proofs.forms import EXACTLY, Identity, Large, Short, claim


def layer(X: Array, Y: Array, x_q: Array, a: Array, eta: Array) -> Array:
    """eta/N times the last output: keys and queries read the x part, values the y part: (m,)."""
    xp = namespace(X)
    f, m = X.shape[1], Y.shape[1]
    on_x = xp.concat([identity(f, X), zeros((f, m), X)], axis=1)
    on_y = xp.concat([zeros((m, f), X), identity(m, X)], axis=1)
    return eta / X.shape[0] * h3.layer(h3.tokens(X, Y, x_q), on_y, on_x, on_x, a)[-1, :]


def learner(X: Array, Y: Array, x_q: Array, a: Array, eta: Array, per_token: int = 2, offset: int = 1) -> Array:
    """One autograd step from 0 on the loss with weights a^(per_token (N - t) + offset): (m,)."""
    N = X.shape[0]
    weights = []
    for t in range(1, N + 1):
        power = filled(1, a)
        for _ in range(per_token * (N - t) + offset):
            power = power * a
        weights.append(power)
    W0 = X.new_zeros(Y.shape[1], X.shape[1])
    return descend(W0, X, Y, namespace(X).stack(weights), eta=eta, of=weighted_loss) @ x_q


def derive(decays: int = 2) -> Iterator[Obligation]:
    """One pair of tokens: at x_t the value is 0, at y_t the shift holds x_t; the state is a Y^T V X before each x."""
    X, Y, V = matrix("X", "N", "f"), matrix("Y", "N", "m"), matrix("V", "N", "N", "diagonal")
    x, y, a = matrix("x", "f", 1), matrix("y", "m", 1), scalar("a")
    state = Y.mT @ V @ X
    at_x = accumulate(state, 0 * (y @ x.mT), a)
    square = a * a if decays == 2 else a
    yield Obligation(
        "one more pair",
        accumulate(at_x, y @ x.mT, a),
        blocks([[Y], [y.mT]]).mT @ blocks([[square * V, 0 * (X @ x)], [0 * (X @ x).mT, 1]]) @ blocks([[X], [x.mT]]),
        r"The two tokens of a pair decay the state twice, and the second writes $y_t x_t^\top$; at first the state is 0.",
    )
    yield Obligation(
        "the query",
        accumulate(state, 0 * (y @ x.mT), a),
        a * state,
        r"The query's token has value 0: it decays the state once more and reads it at $x_q$.",
    )


IDENTITY = Identity(
    shapes={"X": ("N", "f"), "Y": ("N", "m"), "x_q": ("f",), "a": (), "eta": ()},
    left=layer,
    right=learner,
    sizes=({"f": 2, "m": 2, "N": 3}, {"f": 4, "m": 3, "N": 10}),
    large=Large({"f": 3, "m": 4, "N": 130}, short=Short.WORK),
    symbolic_sizes={"f": 1, "m": 1, "N": 2},
    positive=("a",),
    derive=derive,
)

CLAIM = claim(
    __name__,
    IDENTITY.checks(),
    IDENTITY.mutant("one_decay_a_pair", "weights a^(N-t)", right={"per_token": 1, "offset": 0}, derive={"decays": 1}),
    IDENTITY.mutant("query_decay_forgotten", "weights a^(2(N-t))", right={"offset": 0}, rungs=EXACTLY),
)
