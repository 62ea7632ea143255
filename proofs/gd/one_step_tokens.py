r"""One GD-SSM layer on interleaved tokens is one gradient-descent step at every prefix.

For tokens $x_1, y_1, \dots, x_N, y_N, x_q$ the layer
$S_t = S_{t-1} + (Z_t^\top w_q Z_t)^\top$, $o_t = C S_t Z_t^\top D$ over windows $Z_t = (x_t, y_t, x_{t+1})$ with
$w_q = e_1 e_2^\top$, $C = -\frac{\eta}{N} I$, $D = e_3$ gives

$$ -o_t = \frac{\eta}{N} \sum_{s \le t} y_s \, \langle x_s, x_{t+1} \rangle = W_1^{(t)} x_{t+1}, \qquad
   W_1^{(t)} = 0 - \frac{\eta t}{N} \nabla L_t(0), $$

for every $t$, where $L_t$ is the mean loss of the first $t$ pairs and $x_{N+1} = x_q$; at $t = N$ it is one step of
size $\eta$.

Why.
With $w_q = e_1 e_2^\top$ the input gate is $x_t y_t^\top$, so $S_t = \sum_{s \le t} y_s x_s^\top =
Y_t^\top X_t$, and $D = e_3$ reads it at $x_{t+1}$. From $\nabla L_t(0) = -\frac{1}{t} Y_t^\top X_t$ a step of size
$\eta t / N$ from $0$ gives $\frac{\eta}{N} Y_t^\top X_t$.

Assumes.
- $W_0 = 0$; decay 1; tokens zero padded to $\max(f, m)$
- the prediction is $-o_t$: the layer outputs minus the prediction

Source.
arXiv 2410.11687 (normal tokens, vector target) and its published code

Departs.
- the constant is $\eta/N$; the published code's is $lr/P$ with $P$ the state size (see gd.step_size)
- any $f$, $m$, $N$; every prefix row is claimed, not only the last

Systems.
- GD-SSM, vector target: one step of batch gradient descent from $W_0 = 0$, exactly, at every prefix
"""

# Over 120 lines: the claim that the others lean on: each way to build the layer wrongly, slips, and a figure.

from collections.abc import Callable

from constructions import autograd_descent, gd_ssm
from constructions.namespace import Array, namespace, unit
from numeric.deciding import float_identity, strategies
from numeric.deciding.comparison import Comparison
from numeric.entropy import Entropy
from numeric.words.session import Invariant
from numeric.words.whole import Spec
from proofs.figure import Columns, Figure, Series, one
from proofs.forms import Identity, Large, claim
from proofs.kernel.rung import kernel_check


def layer(X: Array, Y: Array, x_q: Array, eta: Array) -> Array:
    """All rows of one layer with the published weights and scale eta/N: (N, m)."""
    return gd_ssm.predictions(X, Y, x_q, eta / X.shape[0])


def learner(X: Array, Y: Array, x_q: Array, eta: Array) -> Array:
    """One autograd step on each prefix from W = 0, asked at the next input: (N, m)."""
    return autograd_descent.prefix_predictions(X, Y, x_q, eta)


def with_weights(
    w_q: tuple[int, int] = (0, 1), readout: int = 2, decay: float = 1.0, stride: int = 2
) -> Callable[..., Array]:
    """A layer with other weights: window weight e_i e_j^T, readout row, decay, and first window."""

    def program(X: Array, Y: Array, x_q: Array, eta: Array) -> Array:
        sequence = gd_ssm.tokens(X, Y, x_q)
        weights = gd_ssm.published(eta / X.shape[0], sequence.shape[1], decay)
        left, right = (unit(i, gd_ssm.WINDOW, eta) for i in w_q)
        weights = gd_ssm.Parameters(
            left[:, None] @ right[None, :], weights.decay, weights.C, unit(readout, gd_ssm.WINDOW, eta)
        )
        return -gd_ssm.layer(sequence, weights, stride)[:, : Y.shape[1]]

    return program


def shifted_window(X: Array, Y: Array, x_q: Array, eta: Array) -> Array:
    """Windows that start one token late: (y_t, x_{t+1}, y_{t+1})."""
    xp = namespace(X)
    sequence = gd_ssm.tokens(X, Y, x_q)
    late = xp.concat([sequence[1:, :], 0 * sequence[:1, :]], axis=0)
    weights = gd_ssm.published(eta / X.shape[0], sequence.shape[1])
    return -gd_ssm.layer(late, weights)[:, : Y.shape[1]]


def last_token_missing(X: Array, Y: Array, x_q: Array, eta: Array) -> Array:
    """Row t leaves out the pair t."""
    xp = namespace(X)
    rows = gd_ssm.layer(gd_ssm.tokens(X, Y, x_q), gd_ssm.published(eta / X.shape[0], max(X.shape[1], Y.shape[1])))
    following = xp.concat([X[1:, :], x_q[None, :]], axis=0)
    own = (eta / X.shape[0]) * xp.sum(X * following, axis=1)[:, None] * Y
    return -rows[:, : Y.shape[1]] - own


def query_in_context(X: Array, Y: Array, x_q: Array, eta: Array) -> Array:
    """The query is counted as a context token with itself as target (needs f = m)."""
    xp = namespace(X)
    rows = layer(X, Y, x_q, eta)
    following = xp.concat([X[1:, :], x_q[None, :]], axis=0)
    return rows + (eta / X.shape[0]) * following * xp.sum(following * following, axis=1)[:, None]


def memory(X: Array, Y: Array, x_q: Array) -> Array:
    """The state after the pairs (X, Y), zero padded as the tokens are: Y^T X."""
    X, Y, _ = namespace(X).pad(X, Y, x_q)
    return Y.mT @ X


IDENTITY = Identity(
    shapes={"X": ("N", "f"), "Y": ("N", "m"), "x_q": ("f",), "eta": ()},
    left=layer,
    right=learner,
    sizes=({"f": 4, "m": 3, "N": 6}, {"f": 2, "m": 5, "N": 9}, {"f": 10, "m": 10, "N": 20}),
    large=Large({"f": 20, "m": 21, "N": 130}),
    symbolic_sizes={"f": 2, "m": 2, "N": 3},
    whole=Spec({"gated_accumulator.recurrence": Invariant(memory)}),
)
SQUARE = {"f": 3, "m": 3, "N": 4}


def columns() -> Columns:
    """Worst error over its bound for one normal problem of each length, f = 4, m = 3, torch CPU."""
    lengths = (4, 8, 16, 32)
    found: dict[str, list[float]] = {"N": [float(N) for N in lengths], "bound": [1.0] * len(lengths)}
    for dtype in ("float64", "float32"):
        for N in lengths:
            sizes = {"f": 4, "m": 3, "N": N}
            drawn = Entropy("lengths").child(N).generator()
            problem = strategies.draw("gaussian", sizes, IDENTITY.shapes, drawn, dtype=dtype)
            figures = float_identity.decide(Comparison(layer, learner), [problem], dtype=dtype, shrinking=False).figures
            found.setdefault(dtype, []).append(float(figures["worst error / bound"] or 0))
    return found


CLAIM = claim(
    __name__,
    IDENTITY.checks()
    | kernel_check(
        "gd_ssm_state_sum",
        "one_step_from_zero",
        "published_rows",
        "published_layer_step",
        states="the claim for f = m = d; zero padding to that width is checked on the other rungs",
    ).checks(),
    IDENTITY.mutant("sign", "the outputs without the minus sign", left=lambda X, Y, x_q, eta: -layer(X, Y, x_q, eta)),
    IDENTITY.mutant(
        "eta_over_P",
        "divided by the state size P instead of N",
        left=lambda X, Y, x_q, eta: gd_ssm.predictions(X, Y, x_q, eta / max(X.shape[1], Y.shape[1])),
    ),
    IDENTITY.mutant("window_off_by_one", "windows start at y_t instead of x_t", left=shifted_window),
    IDENTITY.mutant("last_token_missing", "row t leaves out pair t", left=last_token_missing),
    IDENTITY.mutant(
        "transposed_outer_product",
        "w_q = e_2 e_1^T: the state is X^T Y (f = m, so that shapes agree)",
        left=with_weights(w_q=(1, 0)),
        sizes=SQUARE,
    ),
    IDENTITY.mutant(
        "query_in_context", "the query counted as a context token (f = m)", left=query_in_context, sizes=SQUARE
    ),
    IDENTITY.mutant("decay", "decay 1 - 2^-30 instead of 1", left=with_weights(decay=1 - 2.0**-30)),
    *IDENTITY.slips(),
    figures=(
        Figure(
            "rounding",
            r"""How far layer and learner are apart in floating point, over the sum of their rounding bounds: the worst output of
one normal problem of each length, $f = 4$, $m = 3$ (dots). Above the line at 1 the claim would be refuted.""",
            columns,
            one(
                "context length $N$",
                "worst error / bound",
                [
                    Series("float64", "N", "float64"),
                    Series("float32", "N", "float32"),
                    Series("bound", "N", theory="bound"),
                ],
                "xy",
            ),
        ),
    ),
)
