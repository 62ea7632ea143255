r"""Lower bounds on the state of a recurrent model.

Let a recurrent model with a differentiable state map and read-out compute, for every context and every continuation,
the predictions of one of these learners. Its state has at least

$$ \begin{array}{ll}
\text{one batch step, or one online pass} & mf \\
k \ge 2 \text{ batch steps} & mf + f(f+1)/2 \\
\text{linear self-attention on joint tokens} & (f+m)(f+m+1)/2
\end{array} $$

numbers, and that many suffice: $B$, or $W$; $A$ and $B$; $\sum u u^\top$. GD-SSM's $mf$ is the least for one step; the
published three-layer block keeps $3f^2$ numbers where $f^2 + f(f+1)/2$ suffice.

Why.
All future predictions are a differentiable function of the state, so by the chain rule the rank of their derivative by
the context is at most the dimension of the state. The rank is computed exactly at a random integer point, and the rank
at one point bounds the largest rank from below. The states named are sufficient by gd.one_step_tokens, gd.delta_rule,
gd.two_accumulator_steps.

Assumes.
- state map and read-out differentiable (no coding of many numbers in one)
- computed at small sizes: $f \le 2$, $m \le 2$, two steps; the pattern is claimed for all

Source.
derived here

Systems.
- GD-SSM, vector target: keeps $mf$ numbers, the least for one step [figures: one batch step]
- LSA (linear self-attention): needs $(f+m)(f+m+1)/2$ numbers on joint tokens, and no fewer [figures: linear
  self-attention]
"""

# Over 120 lines: lower bounds as ranks: every learner, its derivative, and the runs that reach the bound.

from collections.abc import Callable
from typing import Any

import flint
import numpy as np
import torch

from constructions import autograd_descent, online_descent
from constructions.namespace import Array
from numeric.carriers.handles import FlintPolynomials
from numeric.deciding.programs import recorded
from numeric.entropy import Entropy
from numeric.finding import Counterexample, Finding, Verdict
from proofs.forms import Kind, Rung, Settings, Witness, both, checked, claim, covering
from proofs.gd._polynomials import TRUST, values

Count = Callable[[int, int], int]
SIZES = ((1, 1), (2, 1), (2, 2))
FUTURES = 4
"""Continuations of 0 to 3 tokens."""
TRIES = 3


def descent(X: Array, Y: Array, steps: int) -> Array:
    """The weights after `steps` autograd steps of size 1 on the summed loss, from 0."""
    W0 = X.new_zeros(Y.shape[1], X.shape[1])
    return autograd_descent.descend(W0, X, Y, eta=1, steps=steps, of=online_descent.token_loss)


def online(X: Array, Y: Array) -> Array:
    """The weights after one online pass of step 1 from 0."""
    return online_descent.online(X.new_zeros(Y.shape[1], X.shape[1]), X, Y, X.new_ones(X.shape[0]))


def attention(X: Array, Y: Array) -> Array:
    """The memory of linear self-attention on joint tokens u = (x, y): sum u u^T."""
    U = torch.cat([X, Y], 1)
    return U.mT @ U


LEARNERS: dict[str, tuple[Callable[[Array, Array], Array], Count]] = {
    "one batch step": (lambda X, Y: descent(X, Y, 1), lambda f, m: m * f),
    "two batch steps": (lambda X, Y: descent(X, Y, 2), lambda f, m: m * f + f * (f + 1) // 2),
    "online pass": (online, lambda f, m: m * f),
    "linear self-attention": (attention, lambda f, m: (f + m) * (f + m + 1) // 2),
}


def rank(learner: Callable[[Array, Array], Array], f: int, m: int, entropy: Entropy) -> int:
    """The rank, at a random integer point, of the derivative of all future weights by a context of f + m + 1 tokens."""
    N = f + m + 1

    def draw(*shape: int) -> np.ndarray:
        return np.array([entropy.below(9) - 4 for _ in range(int(np.prod(shape)))]).reshape(shape)

    X, Y = draw(N, f), draw(N, m)
    futures = [(draw(j, f), draw(j, m)) for j in range(FUTURES)]

    @recorded
    def program(X: Array, Y: Array) -> Array:
        found = []
        for inputs, targets in futures:
            after = (torch.tensor(part, dtype=torch.float64) for part in (inputs, targets))
            longer = [torch.cat([now, then]) if then.shape[0] else now for now, then in zip((X, Y), after, strict=True)]
            found.append(learner(*longer).reshape(-1))
        return torch.cat(found)

    rows = []
    ring = FlintPolynomials(["e"])
    e: Any = ring.variables["e"]
    for place in range(N * (f + m)):
        flat = np.empty(N * (f + m), dtype=object)
        flat[:] = [ring.from_fraction(int(v), 1) for v in (*X.reshape(-1), *Y.reshape(-1))]
        flat[place] = flat[place] + e
        at = {"X": flat[: N * f].reshape(N, f), "Y": flat[N * f :].reshape(N, m)}
        rows.append([dict(value.terms()).get((1,), 0) for value in values(program, ring, at).reshape(-1)])
    return int(flint.fmpq_mat(len(rows), len(rows[0]), [flint.fmpq(c) for row in rows for c in row]).rank())


@checked(Rung.EXACT)
def check(settings: Settings, changes: dict[str, Count] | None = None) -> Finding:
    """Every learner's rank at small sizes against the claimed number."""
    entropy = Entropy(settings.seed)
    figures: dict[str, int] = {}
    for k, (f, m) in enumerate(SIZES if settings.profile == "full" else SIZES[1:2]):
        for name in changes or LEARNERS:
            learner, formula = LEARNERS[name]
            enough = formula(f, m)
            claimed = (changes or {}).get(name, formula)(f, m)
            found = 0
            for again in range(TRIES):
                # a special point can show too small a rank
                if found < min(claimed, enough):
                    found = max(found, rank(learner, f, m, entropy.child(name, k, again)))
            figures[f"{name}, f = {f}, m = {m}: rank"] = found
            if found == claimed <= enough:
                continue
            shown = f"{name}: rank {found} at a random point, {enough} numbers suffice, claimed {claimed}"
            if found < claimed <= enough:
                return Finding(Verdict.UNDECIDED, reason=shown, figures=dict(figures))
            return Finding(
                Verdict.REFUTED,
                reason=shown,
                figures=dict(figures),
                counterexample=Counterexample({"f": f, "m": m}, {}, str(found), str(claimed), "rank", "claimed"),
            )
    return Finding(
        Verdict.CONFIRMED,
        figures=dict(figures),
        settings={"engine": "exact derivatives (coefficients of e), rank over Q", "seed": entropy.seed},
        trust=("FLINT's rank", *TRUST),
    )


PAIRS = {"X": [[1], [2]], "Y": [[1], [1]]}
RUNS = tuple(
    Witness(learner, PAIRS, [[weight]], f"{name} from 0 for the pairs (1, 1), (2, 1)")
    for name, learner, weight in (
        ("one batch step", lambda X, Y: descent(X, Y, 1), 3),
        ("a batch step twice", lambda X, Y: descent(X, Y, 2), -9),
        ("online pass", online, -1),
    )
)
"""A rank is the same for every invertible function of the weights, so it does not tell which learner it is of."""

CLAIM = claim(
    __name__,
    {Rung.EXACT: covering("the sizes named in the figures, and k = 2", both(check.check(), *RUNS))},
    check.mutant("two_steps_like_one", "two steps need mf", changes={"two batch steps": lambda f, m: m * f}),
    check.mutant(
        "online_needs_more",
        "the online pass needs A too",
        changes={"online pass": lambda f, m: m * f + f * (f + 1) // 2},
    ),
    check.mutant(
        "attention_not_symmetric",
        "linear self-attention needs (f+m)^2",
        changes={"linear self-attention": lambda f, m: (f + m) ** 2},
    ),
    kind=Kind.BOUND,
)
