"""What the published normalisation lr/P means: a step of size lr N/P on the mean loss."""

from typing import Any

from constructions import autograd_descent, gd_ssm
from constructions.namespace import Array, namespace, zeros
from numeric.words.session import Invariant
from numeric.words.whole import Spec
from proofs.claim import Claim, Kind, System
from proofs.evidence import Rung
from proofs.forms.identity import Identity, Large
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
    return stepping(X, Y, x_q, lr * X.shape[0] / state_size(X, Y))


def stepping(X: Array, Y: Array, x_q: Array, eta: Array) -> Array:
    """One autograd step of size eta from 0, asked at x_q."""
    return autograd_descent.descend(zeros((Y.shape[1], X.shape[1]), X), X, Y, eta=eta) @ x_q


IDENTITY = Identity(
    shapes={"X": ("N", "f"), "Y": ("N", "m"), "x_q": ("f",), "lr": ()},
    left=layer,
    right=learner,
    sizes=({"f": 4, "m": 4, "N": 7}, {"f": 10, "m": 10, "N": 40}),
    large=Large({"f": 20, "m": 21, "N": 130}, quick=True),
    symbolic_sizes={"f": 2, "m": 2, "N": 3},
    torch_only=True,
    whole=Spec({"gated_accumulator.recurrence": Invariant(memory)}),
)

CLAIM = Claim(
    __name__,
    title="The published constant lr/P is a step of size lr N/P",
    kind=Kind.IDENTITY,
    statement=r"""With the published constant $C = -\frac{lr}{P} I$, $P$ the state size, the layer's last row is one
gradient-descent step on the mean loss of size

$$ \eta = \frac{lr \, N}{P} , $$

not $lr$: the two agree only when $N = P$.""",
    derivation=r"""The layer gives $\frac{lr}{P} Y^\top X x_q$ and a step of size $\eta$ gives $\frac{\eta}{N} Y^\top X x_q$.
A layer with fixed weights therefore cannot follow $1/N$ at two context lengths.""",
    assumptions=(r"$W_0 = 0$; decay 1; tokens of width $P = \max(f, m)$",),
    source="arXiv 2410.11687, published code (its `gd_lr` and `ssm_size_base`)",
    departures=(r"the source states $\eta = lr$; its default $N = P = 10$ hides the difference",),
    systems=(System("GD-SSM, vector target", r"with the published constant $lr/P$ a step of size $lr \, N/P$"),),
    checks={
        **IDENTITY.checks(),
        Rung.KERNEL: kernel_check(
            "published_layer_step",
            "one_step_constant",
            states="published_layer_step with eta = lr N/P, so that eta/N = lr/P, is the claim for f = m = P; zero padding is "
            "checked on the other rungs. one_step_constant is about a layer that accumulates the residuals y - W0 x instead",
        ),
    },
    mutants=(
        IDENTITY.mutant(
            "eta_is_lr",
            "the step size is lr",
            right=lambda X, Y, x_q, lr: stepping(X, Y, x_q, lr),
        ),
        IDENTITY.mutant(
            "inverse_ratio",
            "the step size is lr P/N",
            right=lambda X, Y, x_q, lr: stepping(X, Y, x_q, lr * state_size(X, Y) / X.shape[0]),
        ),
    ),
)
