"""What the published normalisation lr/P means: a step of size lr N/P on the mean loss."""

from collections.abc import Iterator

from constructions import autograd_descent, gd_ssm
from constructions.gradient_descent import step
from constructions.namespace import Array
from numeric.blocks import blocks
from numeric.derivation import Obligation
from numeric.words import Words, matrix, scalar, zeros
from proofs.claim import Claim, Kind, System
from proofs.evidence import Rung
from proofs.gd._weights import published
from proofs.identity import Identity, Large
from proofs.kernel import kernel_check


def layer(X: Array, Y: Array, x_q: Array, lr: Array) -> Array:
    """The layer's last row with the published scale lr/P, P = max(f, m): (m,)."""
    return gd_ssm.predictions(X, Y, x_q, lr / state_size(X, Y))[-1, :]


def state_size(X: Array, Y: Array) -> int:
    """P: the width of tokens and state."""
    return int(max(X.shape[1], Y.shape[1]))


def learner(X: Array, Y: Array, x_q: Array, lr: Array) -> Array:
    """One autograd step of size lr N/P on the mean loss: (m,)."""
    return stepping(X, Y, x_q, lr * X.shape[0] / state_size(X, Y))


def stepping(X: Array, Y: Array, x_q: Array, eta: Array) -> Array:
    """One autograd step of size eta from 0, asked at x_q."""
    return autograd_descent.descend(X.new_zeros(Y.shape[1], X.shape[1]), X, Y, eta=eta) @ x_q


def derive(eta: Words | None = None) -> Iterator[Obligation]:
    """The readout with scale lr/P against a step of size lr N/P (or `eta`)."""
    X, Y = matrix("X", "N", "P"), matrix("Y", "N", "P")
    x, y, query = (matrix(name, "P", 1) for name in ("x", "y", "q"))
    lr, count, width = scalar("lr"), scalar("N"), scalar("P")
    window = blocks([[x.mT], [y.mT], [query.mT]])
    coded = published(lr / width, "P")
    yield Obligation(
        "readout",
        -gd_ssm.output_gate(Y.mT @ X, window, coded.C, coded.D),
        step(zeros("P", "P"), X, Y, lr * count / width if eta is None else eta) @ query,
        r"$\frac{lr}{P} Y^\top X q$ on one side, $\frac{1}{N} \cdot \frac{lr N}{P} Y^\top X q$ on the other.",
    )


IDENTITY = Identity(
    shapes={"X": ("N", "f"), "Y": ("N", "m"), "x_q": ("f",), "lr": ()},
    left=layer,
    right=learner,
    sizes=({"f": 4, "m": 4, "N": 7}, {"f": 10, "m": 10, "N": 40}),
    large=Large({"f": 20, "m": 21, "N": 130}, quick=True),
    symbolic_sizes={"f": 2, "m": 2, "N": 3},
    torch_only=True,
    derive=derive,
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
            derive=lambda: derive(scalar("lr")),
        ),
        IDENTITY.mutant(
            "inverse_ratio",
            "the step size is lr P/N",
            right=lambda X, Y, x_q, lr: stepping(X, Y, x_q, lr * state_size(X, Y) / X.shape[0]),
            derive=lambda: derive(scalar("lr") * scalar("P") / scalar("N")),
        ),
    ),
)
