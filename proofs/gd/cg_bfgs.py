r"""Conjugate gradients are BFGS with exact line search.

On the least-squares loss, from the same $W_0$ and with $H_0 = I$ or $3 I$, every iterate of BFGS with exact line search
equals the iterate of conjugate gradients (row by row of $W$, until the gradient is $0$):

$$ H_k \nabla L(w_k) = -p_k \ (H_0 = I), \qquad w_{k+1} = w_k + t_k p_k . $$

Both see the loss through gradients alone; neither is a fixed number of gradient-descent steps (gd.cg_targets).

Why.
$H_k$ is the identity on the residuals still to come, because they are orthogonal to all $s_j$ and $y_j$ so far. One
update then gives $H_{k+1} r_{k+1} = r_{k+1} + \frac{\norm{r_{k+1}}^2}{\norm{r_k}^2} p_k$.

Assumes.
- $H_0$ of another form gives other iterates; the derivation is for $H_0 = I$
- exact arithmetic: next to the solution the quotients of residuals lose all digits, so the sampled rung is left out

Source.
Nazareth 1979

Systems.
- Conjugate gradients: BFGS with exact line search from $H_0 = I$, iterate by iterate
"""

# Over 120 lines: BFGS and steepest descent are written out as algorithms, and one step takes several equations.

from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from functools import partial

import torch

from constructions import conjugate_gradient, quasi_newton
from constructions.autograd_descent import gradient
from constructions.namespace import Array, identity
from numeric.words import matrix, scalar
from numeric.words.derivation import Obligation
from proofs.forms import Identity, Large, Rung, Short, claim, together
from proofs.gd import _krylov


def steps(X: Array) -> int:
    """How many: one less than solve the problem, at least two."""
    return max(2, min(X.shape) - 1)


def solver(X: Array, Y: Array, W0: Array) -> Array:
    """The first iterates of conjugate gradients: (steps, m, f)."""
    return conjugate_gradient.iterates(W0, X, Y, steps(X))


def learner(X: Array, Y: Array, W0: Array, scale: int = 1, skewed: int = 0) -> Array:
    """The first iterates of BFGS, gradients of the mean squared loss by autograd: (steps, m, f).

    From H = scale I; `skewed` is added to its first entry.
    """

    def output(i: int) -> Array:
        y = Y[:, i : i + 1]
        first = identity(X.shape[1], X)[:, :1]
        H = scale * identity(X.shape[1], X) + skewed * (first @ first.mT)
        return quasi_newton.iterates(lambda w: gradient(w.mT, X, y).mT, W0[i, :][:, None], H, steps(X))

    return torch.stack([output(i) for i in range(Y.shape[1])], dim=1)


def gradient_steps(X: Array, Y: Array, W0: Array) -> Array:
    """Gradient steps with exact line search, as BFGS would take with H = I throughout: (steps, m, f)."""
    rows = []
    for i in range(Y.shape[1]):
        w, y, found = W0[i, :][:, None], Y[:, i : i + 1], []
        for _ in range(steps(X)):
            g = gradient(w.mT, X, y).mT
            w = w + quasi_newton.line_search(g, -g, gradient((w - g).mT, X, y).mT - g) * -g
            found.append(w[:, 0])
        rows.append(torch.stack(found))
    return torch.stack(rows, dim=1)


def derive(inverse: bool = True) -> Iterator[Obligation]:
    """BFGS's step length and next direction are those of conjugate gradients, and H is I on what is still to come.

    Hypotheses at one step: the directions agree, d = p; g = -r; H r' = r' for the next residual r' and for all later
    ones; and the relations of conjugate gradients (gd.cg_terminates): p . r = |r|^2, r . r' = 0, p . r' = 0.
    """
    x = _krylov.letters()
    A, w, r, p, v = (x[name] for name in ("A", "w", "r", "p", "v"))
    H, r_1, t = matrix("H", "f", "f", "symmetric"), matrix("r'", "f", 1), scalar("t")
    at = _krylov.FIRST | {"H": [[1, 0], [0, 1]], "v": [[0], [0]], "t": Fraction(2, 3)}
    yield Obligation(
        "step length",
        w + quasi_newton.line_search(-r, p, A @ p) * p,
        conjugate_gradient.step(w, r, p, A)[0],
        r"Along $p$ the gradient $-r$ changes by $A p$; $p \cdot r = \norm{r}^2$.",
        ((p.mT @ r, r.mT @ r),),
        at,
    )
    zero = 0 * (r.mT @ r)
    s, y = t * p, t * (A @ p)
    yield Obligation(
        "later residuals stay",
        quasi_newton.update(H, s, y) @ v,
        v,
        r"For a residual $v$ after the next: $H v = v$, $p \cdot v = 0$ and $v \cdot A p = 0$; at the start $H = I$.",
        ((H @ v, v), (p.mT @ v, zero), (v.mT @ A @ p, zero)),
        at,
    )
    # the new residual as a letter: A p = (r - r')/t, with t the step length |r|^2/(p . A p)
    rules = (
        (A @ p, (r - r_1) / t), (p.mT @ r, r.mT @ r), (p.mT @ r_1, zero), (r.mT @ r_1, zero), (H @ r_1, r_1),
    )  # fmt: skip
    updated = quasi_newton.update(H, s, r - r_1) if inverse else H - (s @ s.mT) / (s.mT @ (r - r_1))
    yield Obligation(
        "next direction",
        updated @ r_1,
        conjugate_gradient.step(w, r, p, A)[2],
        r"$H' r' = r' + \frac{\norm{r'}^2}{\norm{r}^2} p$, the next direction of conjugate gradients, since $-g' = r'$.",
        rules,
        at | {"r'": [[Fraction(1, 3)], [Fraction(-1, 3)]]},
    )


IDENTITY = Identity(
    shapes={"X": ("N", "f"), "Y": ("N", "m"), "W0": ("m", "f")},
    left=solver,
    right=learner,
    names=("conjugate gradients", "BFGS"),
    sizes=({"f": 3, "m": 2, "N": 3}, {"f": 4, "m": 2, "N": 6}),
    large=Large({"f": 3, "m": 1, "N": 130}, quick=True, short=Short.DEGREE),
    derive=derive,
    admits=lambda sizes: min(sizes["f"], sizes["N"]) >= 2,
    rungs=(Rung.EXACT, Rung.UNIVERSAL),
    part={Rung.UNIVERSAL: "one step from H_0 = I, by the relations of gd.cg_terminates"},
)
SCALED = replace(IDENTITY, right=lambda X, Y, W0: learner(X, Y, W0, scale=3), derive=None)

CLAIM = claim(
    __name__,
    together(IDENTITY.checks(), SCALED.checks()),
    IDENTITY.mutant("steepest", "gradient steps with exact line search", right=gradient_steps, rungs=(Rung.EXACT,)),
    SCALED.mutant("other_start", "H_0 = diag(4, 3, ..., 3) does as well", right=partial(learner, scale=3, skewed=1)),
    IDENTITY.mutant("rank_one", "H' = H - s s^T/(s . y)", derive={"inverse": False}),
)
