r"""A fixed-size LTI state with any readout cannot take a gradient-descent step on all contexts.

Let $h$ be the last state of a linear time-invariant system on joint tokens $(x_i, y_i)$, $i \le N$, and let
$\psi(h, x_q)$ be any function (an MLP, gates, anything). If $\psi(h, x_q) = \frac{\eta}{N} \sum_i y_i (x_i \cdot x_q)$
for all contexts of length $N$, then

$$ \dim h \ge N (f + m) . $$

So no system of fixed size takes the step at every context length. For one fixed $N$ a state that stores the whole
context can.

Why.
The map from contexts to $h$ is affine; if $\dim h < N(f+m)$ its linear part has a kernel vector $v \ne 0$, and
$h(U + v) = h(U)$ for all $U$, so $F(U + v) = F(U)$. With $v = (a, b)$ the difference $F(U+v) - F(U)$ has the
coefficient $Y^\top a \, q$ of the targets and $b^\top X q$ of the inputs; both vanish for all $X$, $Y$, $q$ only if
$a = b = 0$.

Assumes.
- the state equation is linear and does not depend on the input; the readout is arbitrary

Source.
derived here

Systems.
- Linear state spaces (LTI): with any readout no state of fixed size takes the step at every context length
"""

# Over 120 lines: contexts that a system cannot tell apart are constructed, and shown to differ for all sizes.

from collections.abc import Iterator
from functools import partial

import flint
import numpy as np

from constructions import gradient_descent, lti
from constructions.namespace import Array
from numeric.deciding.programs import fractions, rational, text
from numeric.entropy import Entropy
from numeric.finding import Finding, Verdict, combine
from numeric.words import Words, derivation, matrix, scalar, zeros
from numeric.words.derivation import Obligation
from proofs.forms import Kind, Rung, Settings, checked, claim
from proofs.kernel.rung import kernel_check

SIZES = ({"N": 2, "f": 1, "m": 1}, {"N": 3, "f": 2, "m": 1})
SYSTEMS = 10
"""How many random systems are tried; the last one gives the witness."""


def state(U: Array, A: Array, B: Array) -> Array:
    """The last state (n,) of h_t = A h_{t-1} + B u_t on joint tokens U (N, f+m)."""
    n = A.shape[0]
    one = A.new_ones(n).diag_embed()
    return lti.outputs(U, A, B, one, 0 * B, 0 * A[0, :], 0 * A[0, :])[-1, :]


def target(U: Array, x_q: Array) -> Array:
    """One step of size N from 0 on the joint tokens U (N, f+m), asked at x_q: (m,)."""
    f = x_q.shape[0]
    X, Y = U[:, :f], U[:, f:]
    return gradient_descent.step(X.new_zeros(Y.shape[1], f), X, Y, X.shape[0]) @ x_q


def formula(U: np.ndarray, x_q: np.ndarray, weight: int = 1) -> np.ndarray:
    """weight * Y^T X x_q, of which the derivation speaks: (m,)."""
    f = len(x_q)
    found: np.ndarray = weight * U[:, f:].T @ (U[:, :f] @ x_q)
    return found


def kernel(A: np.ndarray, B: np.ndarray, N: int) -> list[int] | None:
    """An integer vector that A^(N-1) B, ..., B maps to 0, or None."""
    n, p = B.shape
    columns: list[np.ndarray] = []
    block = B
    for _ in range(N):
        columns.insert(0, block)
        block = A @ block
    reach = np.concatenate(columns, axis=1)
    null, rank = flint.fmpz_mat(n, N * p, [int(v) for v in reach.reshape(-1)]).nullspace()
    return [int(null[i, 0]) for i in range(N * p)] if rank else None


def collision(sizes: dict[str, int], entropy: Entropy, missing: int, weight: int) -> Finding:
    """At some sizes: a move of the context that a random system does not see and F does; and that F is the derivation's."""
    N, f, m = sizes["N"], sizes["f"], sizes["m"]
    n, p = N * (f + m) - missing, f + m

    def draw(*shape: int) -> np.ndarray:
        return fractions([entropy.below(7) - 3 for _ in range(int(np.prod(shape)))], shape)

    settings = {"sizes": sizes | {"n": n}, "seed": entropy.seed, "engine": "rational arithmetic"}
    for _ in range(SYSTEMS):
        A, B, U, x_q = draw(n, n), draw(n, p), draw(N, p), fractions([1] * f, (f,))
        found = kernel(A, B, N)
        if found is None:
            break
    if found is None:
        return Finding(
            Verdict.REFUTED,
            reason=f"a system with n = {n} state numbers, A = {text(A)}, B = {text(B)}, forgets no direction of "
            f"N = {N} tokens of {p} numbers",
            settings=settings,
        )
    moved = U + fractions(found, (N, p))
    before, after = (rational(state, {"U": at, "A": A, "B": B})[0] for at in (U, moved))
    there, here = (rational(target, {"U": at, "x_q": x_q})[0] for at in (U, moved))
    while (there == here).all():
        U, x_q = draw(N, p), draw(f)
        there, here = (rational(target, {"U": at, "x_q": x_q})[0] for at in (U, U + fractions(found, (N, p))))
        before, after = (rational(state, {"U": at, "A": A, "B": B})[0] for at in (U, U + fractions(found, (N, p))))
    if (there != formula(U, x_q, weight)).any():
        return Finding(Verdict.REFUTED, reason=f"a step from 0 is {text(there)}", settings=settings)
    if (before != after).any():
        return Finding(Verdict.REFUTED, reason="the state sees the kernel vector", settings=settings)
    return Finding(
        Verdict.CONFIRMED,
        figures={"state numbers": n, "numbers in the context": N * p, "F moves by": str(text(here - there))},
        settings=settings | {"context": text(U), "move": [str(v) for v in found], "x_q": text(x_q)},
        trust=("FLINT's integer null space", "rational arithmetic (FLINT)"),
    )


@checked(Rung.EXACT)
def check(settings: Settings, missing: int = 1, weight: int = 1) -> Finding:
    """For random systems with N(f+m) - missing state numbers."""
    entropy = Entropy(settings.seed)
    return combine([collision(dict(at), entropy.child(k), missing, weight) for k, at in enumerate(SIZES)])


def derive(factor: int = 1) -> Iterator[Obligation]:
    """F(U + v) - F(U) as a polynomial in the context: its coefficients force v = 0."""
    X, Y, a, b = (matrix(n, "N", size) for n, size in (("X", "f"), ("Y", "m"), ("a", "f"), ("b", "m")))
    s, t, q = scalar("s"), scalar("t"), matrix("q", "f", 1)

    def F(X: Words, Y: Words) -> Words:
        found: Words = gradient_descent.step(zeros("m", "f"), X, Y, scalar("N")) @ q
        return found

    moved = F(s * X + a, t * Y + b) - F(s * X, t * Y)
    none = 0 * F(X, Y)
    for name, part, value in (("targets", moved.coefficients(t).get(1, none), Y.mT @ a @ q),
                              ("inputs", moved.coefficients(s).get(1, none), factor * b.mT @ X @ q)):  # fmt: skip
        yield Obligation(
            f"coefficient of the {name}",
            part,
            value,
            r"If $F(U + v) = F(U)$ for all $U$, then $Y^\top a q = 0$ for all $Y$, $q$, so $a = 0$; and $b^\top X q = 0$ "
            r"for all $X$, $q$, so $b = 0$: the only move that $F$ never sees is 0.",
        )


@checked(Rung.UNIVERSAL)
def universal(settings: Settings, factor: int = 1) -> Finding:
    """The derivation for all sizes."""
    return derivation.decide(partial(derive, factor))


CLAIM = claim(
    __name__,
    check.checks() | universal.checks() | kernel_check("lti_readout_no_step").checks(),
    check.mutant("one_more", "N(f+m) state numbers do not suffice either", missing=0),
    check.mutant("twice_as_far", "a step of size N from 0 predicts 2 Y^T X x_q", weight=2),
    universal.mutant("doubled_coefficient", "the coefficient of the inputs is twice as large", factor=2),
    kind=Kind.IMPOSSIBILITY,
)
