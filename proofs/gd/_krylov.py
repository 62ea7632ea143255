"""Relations of conjugate gradients that several derivations use, on the code's own step run on matrix words."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from constructions import conjugate_gradient
from constructions.namespace import Array
from numeric.words import matrix
from numeric.words.derivation import Obligation

FIRST = {"A": [[1, 0], [0, 2]], "w": [[0], [0]], "r": [[1], [1]], "p": [[1], [1]]}
"""The first iteration on b = (1, 1) from 0: values at which a false relation shows."""
Step = Callable[[Array, Array, Array, Array], tuple[Array, Array, Array]]


def letters() -> dict[str, Any]:
    """A symmetric A (f, f) and columns (f, 1): iterate w, residual r, direction p, and older ones."""
    columns = {name: matrix(name, "f", 1) for name in ("w", "r", "p", "v", "v'", "u")}
    return {"A": matrix("A", "f", "f", "symmetric")} | columns


def orthogonality(step: Step | None = None) -> Iterator[Obligation]:
    """After a step (the code's own unless given) the new residual is orthogonal to all earlier ones, the new direction
    conjugate to all earlier ones.

    Induction hypotheses: p . r = |r|^2; r . A p = p . A p; for an older residual v: r . v = 0 and v . A p = 0; for an
    older direction u, A u is a multiple of v - v', a difference of older residuals.
    """
    step = step or conjugate_gradient.step
    x = letters()
    A, w, r, p, v, v_1, u = (x[name] for name in ("A", "w", "r", "p", "v", "v'", "u"))
    _, R, P = step(w, r, p, A)
    length, energy = ((p.mT @ r, r.mT @ r),), ((r.mT @ A @ p, p.mT @ A @ p),)
    older = tuple((old.mT @ x, 0 * (r.mT @ r)) for old in (v, v_1) for x in (r, A @ p))
    zero = 0 * (r.mT @ r)
    b = matrix("b", "f", 1)
    yield Obligation(
        "the residual", b - A @ step(w, b - A @ w, p, A)[0], step(w, b - A @ w, p, A)[1],
        r"The recursion's $r$ is the residual $b - A w$ of the new point.",
    )  # fmt: skip
    at = FIRST | {"v": [[0], [0]], "v'": [[0], [0]], "u": [[0], [0]]}
    yield Obligation(
        "orthogonal to the last residual", R.mT @ r, zero,
        r"Since $p = r + \beta q$ with $q$ conjugate to $p$, $r \cdot A p = p \cdot A p$.", energy, at,
    )  # fmt: skip
    yield Obligation(
        "orthogonal to the last direction", R.mT @ p, zero,
        r"$p \cdot r = \norm{r}^2$: the step length is that of the exact line search.", length, at,
    )  # fmt: skip
    yield Obligation(
        "orthogonal to an older residual", R.mT @ v, zero,
        r"$r \cdot v = 0$, and $v$ is a combination of directions conjugate to $p$.", older, at,
    )  # fmt: skip
    yield Obligation(
        "length kept", P.mT @ R, R.mT @ R, r"So $p \cdot r = \norm{r}^2$ holds again.", length, at,
    )  # fmt: skip
    yield Obligation(
        "conjugate to the last direction", P.mT @ A @ p, zero,
        r"This is what $\beta$ is chosen for.", energy, at,
    )  # fmt: skip
    yield Obligation(
        "conjugate to an older direction", P.mT @ A @ u, zero,
        r"$A u$ is a multiple of a difference $v - v'$ of older residuals, and $p \cdot A u = 0$.",
        ((A @ u, v - v_1), (p.mT @ v, p.mT @ v_1), *older), at,
    )  # fmt: skip
