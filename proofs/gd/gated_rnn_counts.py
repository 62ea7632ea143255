r"""A gated network needs of the order of f squared neurons; f to the fourth counts dense parameters.

The gated linear recurrent network of gd.gated_rnn_attention has, for attention with $a = r = d$,

$$ d^2 + d \text{ neurons}, \qquad 2d^4 + 5d^3 + 5d^2 + 3d \text{ stored parameters}; $$

and for one gradient-descent step with $f$ inputs and $m$ outputs (values $y$, keys and queries $x$)

$$ n = mf + f \text{ neurons}, \qquad n + 2n(f + m + 1) + 2mfn + m^2 f \text{ stored}, \qquad
   6mf + 2f \text{ of them not zero.} $$

With $m = f$ the neurons are $f^2 + f$ and the dense parameters $2f^4 + O(f^3)$: the two orders in dispute count
different things.

Why.
The arrays are $\lambda$ ($n$), $W_m, W_x$ ($n \times (f+m+1)$ each), $O_m, O_x$ ($mf \times n$ each) and $D$
($m \times mf$). Not zero are the $mf$ ones of $\lambda$, $n$ each of $W_m$ and $W_x$, $mf$ each of $O_m$, $O_x$ and
$D$.

Assumes.
- dense matrices stored as they are; the decays counted

Source.
derived here; the disputed order is arXiv 2410.11687's count for arXiv 2309.01775

Departs.
- the source compares $O(f^4)$ for the gated network with $O(f^2)$ for GD-SSM

Systems.
- Gated linear RNN: $mf + f$ neurons for one step; of the order of $f^4$ dense parameters [figures: neurons, one descent
  step]
"""

import numpy as np

from constructions import gated_rnn
from numeric.finding import Finding
from proofs.forms import Kind, Rung, Settings, checked, claim
from proofs.gd._counts import Count, agree

LARGEST = 6
"""Both sizes run from 1 to this; a polynomial of degree at most 5 in each size is determined by its values there."""


def generic(d: int) -> gated_rnn.Weights:
    """The network for any W_V, W_K, W_Q (d, d)."""
    one = np.eye(d)
    return gated_rnn.attention_weights(one, one, one)


def nonzero(weights: gated_rnn.Weights) -> int:
    """How many stored entries are not zero."""
    arrays = (weights.decay, weights.W_m, weights.W_x, weights.O_m, weights.O_x, weights.D)
    return sum(int(np.count_nonzero(array)) for array in arrays)


def descent(f: int, m: int) -> gated_rnn.Weights:
    """The network for one gradient-descent step with f inputs and m outputs."""
    return gated_rnn.descent_weights(f, m, np.eye(1))


TABLE: dict[str, tuple[Count, Count]] = {
    "neurons, attention with a = r = d": (lambda d, _: generic(d).neurons, lambda d, _: d**2 + d),
    "stored parameters, attention with a = r = d": (
        lambda d, _: generic(d).parameters,
        lambda d, _: 2 * d**4 + 5 * d**3 + 5 * d**2 + 3 * d,
    ),
    "neurons, one descent step": (lambda f, m: descent(f, m).neurons, lambda f, m: m * f + f),
    "stored parameters, one descent step": (
        lambda f, m: descent(f, m).parameters,
        lambda f, m: (m * f + f) * (1 + 2 * (f + m + 1) + 2 * m * f) + m**2 * f,
    ),
    "non-zero parameters, one descent step": (lambda f, m: nonzero(descent(f, m)), lambda f, m: 6 * m * f + 2 * f),
}


@checked(Rung.EXACT)
def check(settings: Settings, changes: dict[str, Count] | None = None) -> Finding:
    """Every count of the table, on arrays built for all sizes up to LARGEST, against its polynomial."""
    return agree(
        TABLE,
        changes,
        LARGEST,
        "the counts are polynomials of degree at most 5 in each size, as the code's shapes show",
    )


def table() -> str:
    """The counts at a few sizes as a Markdown table."""
    rows = ["| f | m | neurons | stored | non-zero |", "|---|---|---|---|---|"]
    for f, m in ((1, 1), (5, 1), (10, 1), (5, 5), (10, 10)):
        weights = descent(f, m)
        rows.append(f"| {f} | {m} | {weights.neurons} | {weights.parameters} | {nonzero(weights)} |")
    return "The network of one gradient-descent step:\n\n" + "\n".join(rows)


CLAIM = claim(
    __name__,
    check.checks(),
    check.mutant("fourth_power", "f^4 neurons", changes={"neurons, one descent step": lambda f, m: m**2 * f**2 + f}),
    check.mutant(
        "no_queries",
        "the query neurons are not counted",
        changes={"neurons, attention with a = r = d": lambda d, _: d**2},
    ),
    check.mutant(
        "biases_missing",
        "the constant input is not counted",
        changes={
            "stored parameters, one descent step": lambda f, m: (m * f + f) * (1 + 2 * (f + m) + 2 * m * f) + m**2 * f
        },
    ),
    kind=Kind.COUNT,
    parameters=table,
)
