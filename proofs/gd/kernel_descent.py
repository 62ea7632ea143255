r"""Gradient descent on features, in kernel form.

For any features $\phi$ (the rows of $\Phi$, and $\phi(x_q)$, are indeterminates here), $k$ gradient-descent steps on
$L(W) = \frac{1}{2N} \sum_i \norm{W \phi(x_i) - y_i}^2$ predict at $x_q$

$$ W_0 \phi(x_q) + \frac{\eta}{N} \, (Y - \Phi W_0^\top)^\top \sum_{j<k} \Bigl( I - \frac{\eta}{N} \kappa \Bigr)^j \kappa_q , \qquad
   \kappa = \Phi \Phi^\top, \quad \kappa_q = \Phi \, \phi(x_q) . $$

Every claim about steps on raw inputs holds with $\phi(x)$ in place of $x$; with $W_0 = 0$ only the kernel enters.

Why.
The residuals obey $r_{k+1} = (I - \frac{\eta}{N} \kappa) r_k$ and the prediction gains
$\frac{\eta}{N} r_k^\top \kappa_q$, by induction on $k$.

Assumes.
- the features are fixed: they are not trained in context

Source.
derived here; kernel view of von Oswald et al. 2023 (arXiv 2212.07677)

Systems.
- Descent on fixed features: gradient descent that sees the features through their kernel only
"""

from functools import partial

from constructions import autograd_descent, kernel_descent
from constructions.gradient_descent import step
from constructions.namespace import Array
from numeric.words.session import Invariant, Iterated
from numeric.words.whole import Spec
from proofs.forms import EXACTLY, Identity, Large, claim
from proofs.kernel.rung import kernel_check

STEPS = 3


def formula(Phi: Array, Y: Array, phi_q: Array, W0: Array, eta: Array, steps: int = STEPS) -> Array:
    """The kernel form with scale eta/N: (m,)."""
    return of_kernel(Phi @ Phi.mT, Phi @ phi_q, Phi, Y, phi_q, W0, eta, steps)


def of_kernel(
    kappa: Array, kappa_q: Array, Phi: Array, Y: Array, phi_q: Array, W0: Array, eta: Array, steps: int
) -> Array:
    """The same with another kernel."""
    return kernel_descent.predict(kappa, kappa_q, W0 @ phi_q, Y - Phi @ W0.mT, eta / Phi.shape[0], steps)


def learner(Phi: Array, Y: Array, phi_q: Array, W0: Array, eta: Array, steps: int = STEPS) -> Array:
    """k autograd steps on the features' weights, asked at phi(x_q): (m,)."""
    return autograd_descent.descend(W0, Phi, Y, eta=eta, steps=steps) @ phi_q


def centred(Phi: Array, Y: Array, phi_q: Array, W0: Array, eta: Array, steps: int = STEPS) -> Array:
    """The kernel of centred features."""
    moved = Phi - Phi[:1, :]
    return of_kernel(moved @ moved.mT, moved @ phi_q, Phi, Y, phi_q, W0, eta, steps)


def doubled(Phi: Array, Y: Array, phi_q: Array, W0: Array, eta: Array, steps: int = STEPS) -> Array:
    """The kernel counted twice."""
    return of_kernel(2 * (Phi @ Phi.mT), Phi @ phi_q, Phi, Y, phi_q, W0, eta, steps)


def carried(Phi: Array, Y: Array, phi_q: Array, W: Array) -> tuple[Array, Array]:
    """The prediction and the residuals of weights W."""
    return W @ phi_q, Y - Phi @ W.mT


def first_weights(W0: Array) -> Array:
    """W_0."""
    return W0


def next_weights(W: Array, Phi: Array, Y: Array, eta: Array) -> Array:
    """One step on the features."""
    return step(W, Phi, Y, eta)


IDENTITY = Identity(
    shapes={"Phi": ("N", "p"), "Y": ("N", "m"), "phi_q": ("p",), "W0": ("m", "p"), "eta": ()},
    left=formula,
    right=learner,
    names=("kernel form", "gradient descent on features"),
    sizes=({"N": 4, "p": 3, "m": 2}, {"N": 8, "p": 24, "m": 4}),
    large=Large({"N": 130, "p": 20, "m": 21}, partial(formula, steps=12), partial(learner, steps=12), quick=True),
    symbolic_sizes={"N": 2, "p": 1, "m": 1},
    whole=Spec(
        {"kernel_descent.predict": Invariant(carried, companions={"W": Iterated(first_weights, next_weights)})},
        counts={"steps": "k"},
    ),
)

CLAIM = claim(
    __name__,
    IDENTITY.checks() | kernel_check("gd_gram_form").checks(),
    IDENTITY.mutant("centred_kernel", "the kernel of centred features", left=centred),
    IDENTITY.mutant("doubled_kernel", "the kernel counted twice", left=doubled, sizes={"N": 2, "p": 2, "m": 2}),
    IDENTITY.mutant("one_step_less", "one step less", left={"steps": STEPS - 1}, rungs=EXACTLY),
)
