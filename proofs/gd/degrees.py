r"""Degrees: a batch step 3, k batch steps 2k + 1, an online pass 2N + 1.

As polynomials in all tokens together, from $W_0 = 0$ and with step $c$ on sums over tokens, the predictions $W x_q$
have the degrees

$$ \text{one batch step: } 3, \qquad k \text{ batch steps: } 2k + 1, \qquad
   \text{one online pass over } N \text{ tokens: } 2N + 1, $$

the first two for every $N$. The parts of these degrees are $(-1)^{k-1} c^k B A^{k-1} x_q$ for $k$ batch steps, with
$A = X^\top X$ and $B = Y^\top X$, and $(-1)^{N-1} c^N y_1 (x_1 \cdot x_2) \cdots (x_{N-1} \cdot x_N)(x_N \cdot x_q)$
for the online pass. So no layer whose degree does not grow with the context computes the online pass for all $N$, and
no layer of degree 3 does for $N \ge 2$.

Why.
The closed forms gd.closed_form_steps and gd.online_expansion show the degrees and these parts, for all sizes; neither
part is $0$: with all tokens and $c$ equal to $1$ they are $\pm$ positive numbers.

Assumes.
- $W_0 = 0$; computed for $N \le 4$, $k \le 3$ with $f = m = 1$ and with $f = 3$, $m = 2$

Source.
derived here
"""

# Over 120 lines: degrees are read off polynomials in one check, for two learners and their top parts.

from collections.abc import Callable
from functools import partial
from itertools import product
from typing import Any

from constructions import autograd_descent, online_descent
from constructions.namespace import Array
from numeric.finding import Counterexample, Finding, Verdict
from proofs.forms import Kind, Rung, Settings, checked, claim
from proofs.gd._polynomials import TRUST, Monomial, expanded

TOKENS = (1, 2, 3, 4)
WIDTHS = ((1, 1), (3, 2))
"""(f, m)."""
STEPS = (1, 2, 3)

Terms = dict[Monomial, Any]
Program = Callable[..., Array]


def batch(X: Array, Y: Array, x_q: Array, c: Array, steps: int) -> Array:
    """Autograd steps from 0 of step c on the sum over tokens, asked at x_q: (m,)."""
    W0 = X.new_zeros(Y.shape[1], X.shape[1])
    return autograd_descent.descend(W0, X, Y, eta=c, steps=steps, of=online_descent.token_loss) @ x_q


def online(X: Array, Y: Array, x_q: Array, c: Array) -> Array:
    """One online autograd pass of step c from 0, asked at x_q: (m,)."""
    W0 = X.new_zeros(Y.shape[1], X.shape[1])
    return online_descent.online(W0, X, Y, c.expand(X.shape[0])) @ x_q


def batch_top(X: Array, Y: Array, x_q: Array, c: Array, steps: int, sign: int = -1) -> Array:
    """(-1)^(k-1) c^k B A^(k-1) x_q for k steps: (m,)."""
    found = c * x_q
    for _ in range(steps - 1):
        found = sign * c * (X.mT @ (X @ found))
    return Y.mT @ (X @ found)


def online_top(X: Array, Y: Array, x_q: Array, c: Array, sign: int = -1) -> Array:
    """(-1)^(N-1) c^N y_1 (x_1 . x_2) ... (x_{N-1} . x_N) (x_N . x_q): (m,)."""
    found, last = c * Y[0, :], X[0, :]
    for t in range(1, X.shape[0]):
        found, last = sign * c * found * (last @ X[t, :]), X[t, :]
    return found * (last @ x_q)


def size(monomial: Monomial) -> int:
    """The degree in the tokens: the step size does not count."""
    return sum(entry.name != "c" for entry in monomial)


def top(terms: Terms) -> tuple[int, Terms]:
    """The degree in the tokens, and the terms of that degree."""
    most = max(map(size, terms), default=0)
    return most, {m: c for m, c in terms.items() if size(m) == most}


@checked(Rung.EXACT, part="the degrees and their parts at N <= 4, k <= 3, (f, m) = (1, 1) and (3, 2)")
def check(
    settings: Settings,
    of_batch: Callable[[int], int] = lambda k: 2 * k + 1,
    of_online: Callable[[int], int] = lambda N: 2 * N + 1,
    batch_part: Program = batch_top,
    online_part: Program = online_top,
) -> Finding:
    """All predictions expanded in all entries of the tokens, at small sizes: degree and top part."""
    figures: dict[str, int | str] = {}
    for N, (f, m) in product(TOKENS, WIDTHS):
        shapes = {"X": (N, f), "Y": (N, m), "x_q": (f,), "c": ()}
        cases: list[tuple[str, Program, int, Program]] = [
            (f"batch, {k} steps", partial(batch, steps=k), of_batch(k), partial(batch_part, steps=k)) for k in STEPS
        ]
        cases.append(("online", online, of_online(N), online_part))
        for name, program, degree, part in cases:
            found, wanted = expanded(program, shapes), expanded(part, shapes)
            figures[f"{name}, N = {N}, f = {f}, m = {m}: degree"] = top(found[0])[0]
            for output, formula in zip(found, wanted, strict=True):
                most, terms = top(output)
                if most != degree:
                    shown = Counterexample({"N": N, "f": f, "m": m}, {}, str(most), str(degree), "degree", "claimed")
                    return Finding(
                        Verdict.REFUTED, f"{name}: degree {most}, claimed {degree}", figures, counterexample=shown
                    )
                if terms != formula:
                    differ = min(key for key in {*terms, *formula} if terms.get(key) != formula.get(key))
                    shown = Counterexample(
                        {"N": N, "f": f, "m": m}, {"monomial": " ".join(map(str, differ))},
                        str(terms.get(differ, 0)), str(formula.get(differ, 0)), "coefficient", "claimed",
                    )  # fmt: skip
                    return Finding(Verdict.REFUTED, f"{name}: another top part", figures, counterexample=shown)
    return Finding(
        Verdict.CONFIRMED,
        figures=figures,
        settings={
            "engine": "polynomials in all entries of the tokens and the step",
            "N": list(TOKENS),
            "k": list(STEPS),
            "f, m": [list(width) for width in WIDTHS],
        },
        trust=TRUST,
    )


CLAIM = claim(
    __name__,
    check.checks(),
    check.mutant("online_like_batch", "the online pass has degree 3", of_online=lambda N: 3),
    check.mutant("cubed", "k steps have degree 3^k", of_batch=lambda k: 3**k),
    check.mutant("one_less", "the online pass has degree 2N - 1", of_online=lambda N: 2 * N - 1),
    check.mutant("online_sign", "the online top part without its sign", online_part=partial(online_top, sign=1)),
    check.mutant("batch_sign", "the batch top part without its sign", batch_part=partial(batch_top, sign=1)),
    check.mutant(
        "first_target_last",
        "the online top part with the last target",
        online_part=lambda X, Y, x_q, c: online_top(X, Y.flip(0), x_q, c),
    ),
    kind=Kind.COUNT,
)
