"""k Newton-Schulz iterations are 2^k steps of gradient descent from zero."""

from collections.abc import Iterator
from functools import partial

from constructions import autograd_descent, newton_schulz
from constructions.closed_form_descent import extend
from constructions.namespace import Array
from numeric.derivation import Obligation
from numeric.words import eye, matrix, scalar
from proofs.claim import Claim, System
from proofs.evidence import Kind, Rung
from proofs.identity import Identity, Large
from proofs.kernel import kernel_check

ITERATIONS = 2


def solver(X: Array, Y: Array, eta: Array, iterations: int = ITERATIONS) -> Array:
    """B P_k with P_0 = eta/N I: (m, f)."""
    return newton_schulz.weights(X.mT @ X, Y.mT @ X, eta / X.shape[0], iterations)


def learner(X: Array, Y: Array, eta: Array, steps: int = 2**ITERATIONS) -> Array:
    """Autograd steps from 0: (m, f)."""
    return autograd_descent.descend(X.new_zeros(Y.shape[1], X.shape[1]), X, Y, eta=eta, steps=steps)


def derive(doubled: bool = True) -> Iterator[Obligation]:
    """Residuals I - A P are squared by an iteration and multiplied by I - cA by a step, and each determines P."""
    A, P, one = matrix("A", "f", "f", "symmetric"), matrix("P", "f", "f"), eye("f")
    Q, S, c = matrix("Q", "f", "f"), matrix("S", "f", "f"), scalar("c")
    residual = one - P @ A
    yield Obligation(
        "an iteration squares the residual",
        one - newton_schulz.step(P, A) @ A,
        residual - residual @ P @ A if doubled else residual,
        r"$I - P(2I - AP)A = (I - PA)^2$, and $I - P_0 A = I - cA$.",
    )
    power, total = extend(Q, S, one - c * A, one)
    yield Obligation(
        "a step multiplies it once",
        one - c * (total @ A) - power,
        (one - c * (S @ A) - Q) @ (one - c * A),
        r"With $P = c S$, $S = \sum_{j<k} (I - cA)^j$ and $Q = (I - cA)^k$: $I - PA = Q$ holds for $k = 0$ and is kept, so $k$ "
        r"steps from 0 have the residual $(I - cA)^k$.",
    )
    yield Obligation(
        "doubling the sum",
        newton_schulz.step(c * S, A),
        c * (S + (one - c * (S @ A)) @ S),
        r"Where $I - cSA = (I - cA)^k$, the iterate is $c \sum_{j<2k} (I - cA)^j$: the step count doubles, from 1 at the start.",
    )


IDENTITY = Identity(
    shapes={"X": ("N", "f"), "Y": ("N", "m"), "eta": ()},
    left=solver,
    right=learner,
    names=("Newton-Schulz", "gradient descent"),
    sizes=({"f": 2, "m": 2, "N": 3}, {"f": 6, "m": 3, "N": 9}),
    large=Large({"f": 20, "m": 21, "N": 130}, partial(solver, iterations=5), partial(learner, steps=32)),
    symbolic_sizes={"f": 2, "m": 1, "N": 1},
    torch_only=True,
    derive=derive,
)

CLAIM = Claim(
    __name__,
    title="k Newton-Schulz iterations are 2^k gradient-descent steps",
    kind=Kind.IDENTITY,
    statement=r"""Newton-Schulz $P_{k+1} = P_k (2I - A P_k)$ from $P_0 = \frac{\eta}{N} I$, $A = X^\top X$, gives the
    predictor

$$ Y^\top X P_k = W_{2^k} , $$

the weights after $2^k$ gradient-descent steps of size $\eta$ from $W_0 = 0$.""",
    derivation=r"""$I - P_{k+1} A = (I - P_k A)^2$ with $I - P_0 A = I - cA$, $c = \eta/N$, while $j$ steps from $0$
    have
$P = c \sum_{i<j} (I - cA)^i$ and $I - PA = (I - cA)^j$ (gd.closed_form_steps). The iterate at $k$ is that sum for $j
= 2^k$:
$P(2I - AP) = P + (I - PA) P$ adds the second half.""",
    assumptions=(r"$W_0 = 0$ and $P_0$ a multiple of the identity",),
    source="derived here; arXiv 2310.17086 compares the two in context",
    systems=(System("Newton-Schulz", "$k$ iterations are $2^k$ steps of batch gradient descent from 0"),),
    checks={
        **IDENTITY.checks(),
        Rung.KERNEL: kernel_check("newton_schulz_closed_form", "newton_schulz_residual", "newton_schulz_gd"),
    },
    mutants=(
        IDENTITY.mutant("linear_count", "k + 1 steps", right=lambda X, Y, eta: learner(X, Y, eta, ITERATIONS + 1)),
        IDENTITY.mutant("residual_kept", "an iteration leaves the residual", derive=lambda: derive(doubled=False)),
        IDENTITY.mutant(
            "one_iteration_more",
            "2^(k+1) steps",
            right=lambda X, Y, eta: learner(X, Y, eta, 2 ** (ITERATIONS + 1)),
            rungs=(Rung.EXACT,),
        ),
    ),
)
