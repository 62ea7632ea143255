"""Descent on any features: k steps depend on the features only through their kernel."""

from collections.abc import Iterator
from functools import partial

from constructions import autograd_descent, kernel_descent
from constructions.gradient_descent import step
from constructions.namespace import Array
from numeric.derivation import Obligation
from numeric.words import matrix, scalar
from proofs.claim import Claim, System
from proofs.evidence import Kind, Rung
from proofs.identity import Identity, Large
from proofs.kernel import kernel_check

STEPS = 3
EXACTLY = (Rung.EXACT, Rung.SYMBOLIC)


def formula(
    Phi: Array, Y: Array, phi_q: Array, W0: Array, eta: Array, steps: int = STEPS, centred: bool = False
) -> Array:
    """The kernel form with scale eta/N: (m,)."""
    features = Phi - Phi[:1, :] if centred else Phi
    kappa, kappa_q = features @ features.mT, features @ phi_q
    return kernel_descent.predict(kappa, kappa_q, W0 @ phi_q, Y - Phi @ W0.mT, eta / Phi.shape[0], steps)


def learner(Phi: Array, Y: Array, phi_q: Array, W0: Array, eta: Array, steps: int = STEPS) -> Array:
    """Autograd steps on the features' weights, asked at phi(x_q): (m,)."""
    return autograd_descent.descend(W0, Phi, Y, eta=eta, steps=steps) @ phi_q


def derive(centre: int = 1) -> Iterator[Obligation]:
    """Induction on steps: the residuals and the prediction of W_k go to those of W_{k+1}."""
    Phi, Y, W = matrix("Phi", "N", "p"), matrix("Y", "N", "m"), matrix("W_k", "m", "p")
    q, eta = matrix("q", "p", 1), scalar("eta")
    scale, kappa, following = eta / scalar("N"), Phi @ Phi.mT, step(W, Phi, Y, eta)
    r = Y - Phi @ W.mT
    yield Obligation(
        "residuals",
        kernel_descent.residual_step(r, centre * kappa, scale),
        Y - Phi @ following.mT,
        r"$r_{k+1} = (I - c\kappa) r_k$ for the residuals $r_k = Y - \Phi W_k^\top$.",
    )
    yield Obligation(
        "prediction",
        kernel_descent.prediction_step((W @ q).mT, r, (Phi @ q).mT, scale),
        (following @ q).mT,
        r"A step adds $c \, r_k^\top \kappa_q$ to the prediction; the features occur in $\kappa$ and $\kappa_q$ only.",
    )


IDENTITY = Identity(
    shapes={"Phi": ("N", "p"), "Y": ("N", "m"), "phi_q": ("p",), "W0": ("m", "p"), "eta": ()},
    left=formula,
    right=learner,
    names=("kernel form", "gradient descent on features"),
    sizes=({"N": 4, "p": 3, "m": 2}, {"N": 8, "p": 24, "m": 4}),
    large=Large({"N": 130, "p": 20, "m": 21}, partial(formula, steps=12), partial(learner, steps=12), quick=True),
    symbolic_sizes={"N": 2, "p": 1, "m": 1},
    torch_only=True,
    derive=derive,
)

CLAIM = Claim(
    __name__,
    title="Gradient descent on features, in kernel form",
    kind=Kind.IDENTITY,
    statement=r"""For any features $\phi$ (the rows of $\Phi$, and $\phi(x_q)$, are indeterminates here), $k$
    gradient-descent steps on
$L(W) = \frac{1}{2N} \sum_i \norm{W \phi(x_i) - y_i}^2$ predict at $x_q$

$$ W_0 \phi(x_q) + \frac{\eta}{N} \, (Y - \Phi W_0^\top)^\top \sum_{j<k} \Bigl( I - \frac{\eta}{N} \kappa \Bigr)^j
\kappa_q ,
   \qquad \kappa = \Phi \Phi^\top, \quad \kappa_q = \Phi \, \phi(x_q) . $$

Every claim about steps on raw inputs holds with $\phi(x)$ in place of $x$; with $W_0 = 0$ only the kernel enters.""",
    derivation=r"""The residuals obey $r_{k+1} = (I - \frac{\eta}{N} \kappa) r_k$ and the prediction gains
$\frac{\eta}{N} r_k^\top \kappa_q$, by induction on $k$.""",
    assumptions=(r"the features are fixed: they are not trained in context",),
    source="derived here; kernel view of von Oswald et al. 2023 (arXiv 2212.07677)",
    systems=(System("Descent on fixed features", "gradient descent that sees the features through their kernel only"),),
    checks={**IDENTITY.checks(), Rung.KERNEL: kernel_check("gd_gram_form")},
    mutants=(
        IDENTITY.mutant(
            "centred_kernel",
            "the kernel of centred features",
            left=lambda Phi, Y, phi_q, W0, eta: formula(Phi, Y, phi_q, W0, eta, centred=True),
        ),
        IDENTITY.mutant("doubled_kernel", "the kernel counted twice", derive=lambda: derive(centre=2)),
        IDENTITY.mutant(
            "one_step_less",
            "one step less",
            left=lambda Phi, Y, phi_q, W0, eta: formula(Phi, Y, phi_q, W0, eta, STEPS - 1),
            rungs=EXACTLY,
        ),
    ),
)
