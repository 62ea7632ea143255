r"""The published constant lr/P is a step of size lr N/P.

With the published constant $C = -\frac{lr}{P} I$, $P$ the state size, the layer's last row is one gradient-descent step
on the mean loss of size

$$ \eta = \frac{lr \, N}{P} , $$

not $lr$: the two agree only when $N = P$.

Why.
The layer gives $\frac{lr}{P} Y^\top X x_q$ and a step of size $\eta$ gives $\frac{\eta}{N} Y^\top X x_q$. A layer with
fixed weights therefore cannot follow $1/N$ at two context lengths.

Assumes.
- $W_0 = 0$; decay 1; tokens of width $P = \max(f, m)$

Source.
arXiv 2410.11687, published code (its `gd_lr` and `ssm_size_base`)

Departs.
- the source states $\eta = lr$; its default $N = P = 10$ hides the difference

Systems.
- GD-SSM, vector target: with the published constant $lr/P$ a step of size $lr \, N/P$
"""

from typing import Any

from constructions import gd_ssm
from constructions.namespace import Array, namespace
from numeric.words.session import Invariant
from numeric.words.whole import Spec
from proofs.forms import Identity, Large, claim
from proofs.gd._learners import from_zero
from proofs.gd.one_step_tokens import memory
from proofs.kernel.rung import kernel_check


def layer(X: Array, Y: Array, x_q: Array, lr: Array) -> Array:
    """The layer's last row with the published scale lr/P, P = max(f, m): (m,)."""
    return namespace(X).last(gd_ssm.predictions(X, Y, x_q, lr / state_size(X, Y)))


def state_size(X: Array, Y: Array) -> Any:
    """P: the width of tokens and state."""
    return namespace(X).pad(X, Y)[0].shape[1]


def learner(X: Array, Y: Array, x_q: Array, lr: Array) -> Array:
    """One autograd step of size lr N/P on the mean loss: (m,)."""
    return from_zero(X, Y, x_q, lr * X.shape[0] / state_size(X, Y))


IDENTITY = Identity(
    shapes={"X": ("N", "f"), "Y": ("N", "m"), "x_q": ("f",), "lr": ()},
    left=layer,
    right=learner,
    sizes=({"f": 4, "m": 4, "N": 7}, {"f": 10, "m": 10, "N": 40}),
    large=Large({"f": 20, "m": 21, "N": 130}, quick=True),
    symbolic_sizes={"f": 2, "m": 2, "N": 3},
    whole=Spec({"gated_accumulator.recurrence": Invariant(memory)}),
)

CLAIM = claim(
    __name__,
    IDENTITY.checks()
    | kernel_check(
        "published_layer_step",
        "one_step_constant",
        states="published_layer_step with eta = lr N/P, so that eta/N = lr/P, is the claim for f = m = P; zero padding is "
        "checked on the other rungs. one_step_constant is about a layer that accumulates the residuals y - W0 x instead",
    ).checks(),
    IDENTITY.mutant("eta_is_lr", "the step size is lr", right=lambda X, Y, x_q, lr: from_zero(X, Y, x_q, lr)),
    IDENTITY.mutant(
        "inverse_ratio",
        "the step size is lr P/N",
        right=lambda X, Y, x_q, lr: from_zero(X, Y, x_q, lr * state_size(X, Y) / X.shape[0]),
    ),
)
