r"""The written learner equals autograd and torch.optim.SGD.

Three steps $W \leftarrow W - \frac{\eta}{N} (W X^\top - Y^\top) X$ give the same $W$ as three steps of
`torch.optim.SGD` on $L(W) = \frac{1}{2N} \sum_i \norm{W x_i - y_i}^2$, gradient by autograd, from any $W_0$.

Why.
Both are $W \leftarrow W - \eta \nabla L(W)$; that the written gradient is $\nabla L$ is gd.loss_gradient. Here neither
side shares code with the other below the loss.

Source.
derived here; torch.optim.SGD without momentum or weight decay

Departs.
- the optimiser runs at learning rate 1 on $\eta L$, so that $\eta$ can stay an indeterminate
"""

from functools import partial

from constructions import optimiser as torch_optimiser
from constructions.gradient_descent import descend
from constructions.namespace import Array
from proofs.forms import Identity, Large, claim

STEPS = 3


def written(X: Array, Y: Array, W0: Array, eta: Array, steps: int = STEPS) -> Array:
    """Steps with the gradient as written down: (m, f)."""
    return descend(W0, X, Y, eta, steps)


def optimiser(X: Array, Y: Array, W0: Array, eta: Array, steps: int = STEPS) -> Array:
    """Steps of torch.optim.SGD on the stated loss: (m, f)."""
    return torch_optimiser.sgd(W0, X, Y, eta=eta, steps=steps)


IDENTITY = Identity(
    shapes={"X": ("N", "f"), "Y": ("N", "m"), "W0": ("m", "f"), "eta": ()},
    left=written,
    right=optimiser,
    names=("written learner", "torch.optim.SGD"),
    sizes=({"f": 4, "m": 3, "N": 6}, {"f": 10, "m": 10, "N": 20}),
    large=Large({"f": 20, "m": 21, "N": 130}, partial(written, steps=12), partial(optimiser, steps=12), quick=True),
    symbolic_sizes={"f": 1, "m": 3, "N": 2},
)

CLAIM = claim(
    __name__,
    IDENTITY.checks(),
    IDENTITY.mutant("one_step_less", "one step less", left=lambda X, Y, W0, eta: descend(W0, X, Y, eta, STEPS - 1)),
    IDENTITY.mutant(
        "summed_loss",
        "the written step of the summed loss",
        left=lambda X, Y, W0, eta: descend(W0, X, Y, eta * X.shape[0], STEPS),
    ),
    IDENTITY.mutant(
        "mean_over_outputs",
        "the mean over outputs too, as torch.nn.MSELoss takes it",
        left=lambda X, Y, W0, eta: descend(W0, X, Y, 2 * eta / Y.shape[1], STEPS),
    ),
)
