r"""States and parameters of GD-SSM and linear self-attention.

For one gradient-descent step with $f$ inputs and $m$ outputs, $P = \max(f, m)$:

- GD-SSM with a free decay for each state entry stores $2P^2 + 12$ numbers ($w_q$: 9, decay: $P^2$, $C$: $P^2$, $D$: 3),
  and $mf$ of its $P^2$ state entries are ever used;
- linear self-attention stores $4(f+m)^2$ numbers ($W_K$, $W_Q$, $W_V$, $P$), $3(f+m)^2$ without $P$: this is $12f^2$
  for $m = f$ only;
- a layer of linear self-attention with any weights that takes the step from $0$ at all queries has a $W_K^\top W_Q$ of
  rank $f$ or more (the construction's is $f$), so key and query maps into $m < f$ dimensions ($m \times f$ each) cannot
  do it;
- the gated network has $mf + f$ neurons, of which $mf$ keep anything.

As these constructions stand, all three keep $mf$ numbers of the context for the step ($\sum_i W_V e_i (W_K e_i)^\top$
in attention); counts of stored parameters compare storage formats, not what the step needs.

Why.
Counted on the arrays that the constructions build. Where $W_K^\top W_Q (x_q, 0) = 0$ attention leaves the query's token
as it is, whatever the context and the other weights; but a step on one pair with $x_1 = x_q \ne 0$ and $y_1 \ne 0$ does
not predict $0$. So the first $f$ columns of $W_K^\top W_Q$ are independent. A product through $m$ dimensions has rank
at most $m$.

Assumes.
- the counts are the constructions'; the published code stores dead parameters too
- the bound on the rank: one layer, one head

Source.
arXiv 2410.11687 (its comparison of sizes); counts derived here

Departs.
- the source counts $mf$ input parameters for GD-SSM (its $w_q$ has 9), $12f^2$ for attention (only if $m = f$ and
  without $P$), and $O(f^4)$ neurons for the gated network (they are $f^2 + f$, see gd.gated_rnn_counts)

Systems.
- GD-SSM, vector target: $mf$ states and $2P^2 + 12$ parameters for one step, $P = \max(f, m)$ [figures: GD-SSM]
- LSA (linear self-attention): $4(f+m)^2$ parameters for one step [figures: linear self-attention, W_K]
"""

# Over 120 lines: each count has arrays of its own, and the table is part of the claim.

import numpy as np

from constructions import gated_rnn, gd_ssm, linear_attention
from constructions.gradient_descent import step
from constructions.namespace import Array, namespace, zeros
from numeric.finding import Finding
from proofs.forms import Identity, Kind, Large, Rung, Settings, Witness, checked, claim, together
from proofs.gd._counts import Count, agree

LARGEST = 5


def gd_ssm_parameters(f: int, m: int) -> int:
    """Entries of w_q, the decay, C and D of the construction at width max(f, m)."""
    weights = gd_ssm.published(np.asarray(1.0), max(f, m))
    return sum(int(array.size) for array in (weights.w_q, weights.decay, weights.C, weights.D))


def gd_ssm_state(f: int, m: int) -> int:
    """State entries that are ever different from 0: those of B, in a state of width max(f, m)."""
    width = max(f, m)
    X, Y = np.ones((2, f)), np.ones((2, m))
    Z = gd_ssm.windows(gd_ssm.tokens(X, Y, np.ones(f)))
    weights = gd_ssm.published(np.asarray(1.0), width)
    return int(np.count_nonzero(gd_ssm.input_gate(Z, weights.w_q)[0, ...]))


def attention_parameters(f: int, m: int) -> int:
    """Entries of W_K, W_Q, W_V and P."""
    weights = linear_attention.descent_weights(np.ones((m, f)), np.asarray(1.0))
    return sum(int(array.size) for array in (weights.key, weights.query, weights.value, weights.out))


def attention_state(f: int, m: int) -> int:
    """Entries of sum_i (W_V e_i) (W_K e_i)^T that are ever different from 0."""
    weights = linear_attention.descent_weights(np.zeros((m, f)), np.asarray(1.0))
    token = np.ones(f + m)
    return int(np.count_nonzero(np.outer(weights.value @ token, weights.key @ token)))


def attention_without_out(f: int, m: int) -> int:
    """Entries of W_K, W_Q and W_V."""
    weights = linear_attention.descent_weights(np.ones((m, f)), np.asarray(1.0))
    return sum(int(array.size) for array in (weights.key, weights.query, weights.value))


def kept_neurons(f: int, m: int) -> int:
    """The gated network's neurons that keep anything, that is with decay 1."""
    return int(np.count_nonzero(gated_rnn.descent_weights(f, m, np.eye(1)).decay))


def key_rank(f: int, m: int) -> int:
    """The rank of W_K^T W_Q in the construction."""
    weights = linear_attention.descent_weights(np.ones((m, f)), np.asarray(1.0))
    return int(np.linalg.matrix_rank(weights.key.T @ weights.query))


def key_entries(f: int, m: int) -> int:
    """How many entries of W_K^T W_Q are not zero: it compares inputs."""
    weights = linear_attention.descent_weights(np.ones((m, f)), np.asarray(1.0))
    return int(np.count_nonzero(weights.key.T @ weights.query))


TABLE: dict[str, tuple[Count, Count]] = {
    "GD-SSM, parameters with any decay": (gd_ssm_parameters, lambda f, m: 2 * max(f, m) ** 2 + 12),
    "GD-SSM, state entries in use": (gd_ssm_state, lambda f, m: m * f),
    "linear self-attention, W_K, W_Q, W_V and P": (attention_parameters, lambda f, m: 4 * (f + m) ** 2),
    "linear self-attention without P": (attention_without_out, lambda f, m: 3 * (f + m) ** 2),
    "linear self-attention, rank of W_K^T W_Q": (key_rank, lambda f, m: f),
    "linear self-attention, entries of W_K^T W_Q": (key_entries, lambda f, m: f),
    "linear self-attention, state entries in use": (attention_state, lambda f, m: m * f),
    "gated network, neurons": (lambda f, m: gated_rnn.descent_weights(f, m, np.eye(1)).neurons, lambda f, m: m * f + f),
    "gated network, neurons that keep anything": (kept_neurons, lambda f, m: m * f),
}


def unseen_query(X: Array, Y: Array, x_q: Array, K: Array, Q: Array, V: Array, P: Array, seen: int = 0) -> Array:
    """The query's token after any attention layer whose W_K^T W_Q sends it to 0 (`seen`: or not): (f + m,).

    W_K is K less its part along W_Q (x_q, 0).
    """
    E = linear_attention.tokens(X, Y, x_q, zeros((Y.shape[1], X.shape[1]), X))
    asked = Q @ E[-1, :]
    key = K - (1 - seen) * asked[:, None] * (asked @ K)[None, :] / (asked @ asked)
    return linear_attention.layer(E, linear_attention.Weights(key, Q, V, P))[-1, :]


def query_token(X: Array, Y: Array, x_q: Array, K: Array, Q: Array, V: Array, P: Array) -> Array:
    """The query's token (x_q, 0), as it came: (f + m,)."""
    return namespace(x_q).concat([x_q, 0 * Y[0, :]], axis=0)


def stepped(X: Array, Y: Array, x_q: Array) -> Array:
    """One step of size 1 from 0, asked at x_q: (m,)."""
    return step(zeros((Y.shape[1], X.shape[1]), X), X, Y, 1) @ x_q


UNSEEN = Identity(
    shapes={"X": ("N", "f"), "Y": ("N", "m"), "x_q": ("f",)} | {name: ("f + m", "f + m") for name in "KQVP"},
    left=unseen_query,
    right=query_token,
    names=("the query's token after the layer", "before it"),
    sizes=({"N": 3, "f": 2, "m": 1, "f + m": 3}, {"N": 4, "f": 2, "m": 3, "f + m": 5}),
    large=Large({"N": 130, "f": 20, "m": 21, "f + m": 41}, quick=True),
    admits=lambda sizes: sizes["f"] + sizes["m"] == sizes["f + m"],
    numpy=True,
    rungs=(Rung.EXACT,),
)
AT_ITSELF = {"X": [[1]], "Y": [[1]], "x_q": [1]}
SEEN = Witness(stepped, AT_ITSELF, [1], "a step on one pair, asked at its input")


@checked(Rung.EXACT)
def check(settings: Settings, changes: dict[str, Count] | None = None) -> Finding:
    """Every count of the table on arrays built for all sizes up to LARGEST."""
    return agree(
        TABLE,
        changes,
        LARGEST,
        "the counts are polynomials of degree 2 in each size on either side of f = m, as the shapes show",
    )


def table() -> str:
    """The counts as a Markdown table."""
    sizes = ((2, 1), (10, 1), (5, 5), (10, 10))
    rows = ["| what | " + " | ".join(f"f = {f}, m = {m}" for f, m in sizes) + " |", "|---" * (len(sizes) + 1) + "|"]
    rows += [
        f"| {name} | " + " | ".join(str(counted(f, m)) for f, m in sizes) + " |" for name, (counted, _) in TABLE.items()
    ]
    return "Counted on the constructions' own arrays:\n\n" + "\n".join(rows)


CLAIM = claim(
    __name__,
    together(check.checks(), UNSEEN.checks(), SEEN.checks()),
    UNSEEN.mutant("any_key", "attention leaves every query's token as it is", left={"seen": 1}),
    SEEN.mutant(
        "predicts_nothing",
        "a step on y = 0 predicts something else than 0",
        point=AT_ITSELF | {"Y": [[0]]},
        meaning="a step on one pair with y = 0",
    ),
    check.mutant(
        "all_neurons_keep",
        "all neurons of the gated network keep something",
        changes={"gated network, neurons that keep anything": lambda f, m: m * f + f},
    ),
    check.mutant(
        "attention_keeps_all",
        "attention keeps (f + m)^2 numbers",
        changes={"linear self-attention, state entries in use": lambda f, m: (f + m) ** 2},
    ),
    check.mutant(
        "twelve_f_squared",
        "attention has 12 f^2 numbers for every m",
        changes={"linear self-attention without P": lambda f, m: 12 * f**2},
    ),
    check.mutant(
        "all_state_used",
        "all P^2 state entries are used",
        changes={"GD-SSM, state entries in use": lambda f, m: max(f, m) ** 2},
    ),
    check.mutant(
        "rank_m", "W_K^T W_Q of rank min(f, m) suffices", changes={"linear self-attention, rank of W_K^T W_Q": min}
    ),
    kind=Kind.COUNT,
    parameters=table,
)
