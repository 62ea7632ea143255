"""The degree of a prediction in the tokens tells batch steps from online passes: 2k + 1 against 2N + 1."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from fractions import Fraction
from itertools import product
from math import prod
from typing import Any

from constructions import autograd_descent, online_descent
from constructions.namespace import Array
from numeric.exact_identity import bounds
from numeric.finding import Counterexample, Finding, Verdict
from numeric.handles import FlintPolynomials, Handles
from numeric.interpreter import Interpreter
from numeric.programs import run
from proofs.claim import Check, Claim, Mutant
from proofs.evidence import Kind, Rung, Settings

TOKENS = (2, 3, 4)
WIDTHS = ((1, 1), (3, 2))
"""(f, m)."""


def batch(steps: int) -> Callable[..., Array]:
    """`steps` autograd steps of size N from 0 (step 1 on the sum), asked at x_q."""

    def program(X: Array, Y: Array, x_q: Array) -> Array:
        W0 = X.new_zeros(Y.shape[1], X.shape[1])
        return autograd_descent.descend(W0, X, Y, eta=1, steps=steps, of=online_descent.token_loss) @ x_q

    return program


def online(X: Array, Y: Array, x_q: Array) -> Array:
    """One online autograd pass of step 1 from 0, asked at x_q."""
    W0 = X.new_zeros(Y.shape[1], X.shape[1])
    return online_descent.online(W0, X, Y, X.new_ones(X.shape[0])) @ x_q


def along(program: Callable[..., Array], shapes: Mapping[str, tuple[int, ...]]) -> dict[int, Fraction]:
    """The coefficients, by power of s, of the first output if every entry of the inputs is s."""
    ring = FlintPolynomials(["s"])
    carrier = Handles(ring)
    s = ring.variables["s"]
    parts = {name: carrier.put([s] * prod(shape), shape) for name, shape in shapes.items()}
    value: Any = carrier.get(run(program, Interpreter(carrier), parts).parts).reshape(-1)[0]
    return {int(powers[0]): Fraction(int(c.p), int(c.q)) for powers, c in value.terms()}


def check(batch_degree: Callable[[int], int] | None = None, online_degree: Callable[[int], int] | None = None) -> Check:
    """The degree along the line of equal tokens against the claimed one, and the bound from the code as upper bound."""

    def rule(k: int) -> int:
        return 2 * k + 1

    def decide(settings: Settings) -> Finding:
        figures: dict[str, int | str] = {}
        for N, (f, m) in product(TOKENS, WIDTHS):
            shapes = {"X": (N, f), "Y": (N, m), "x_q": (f,)}
            at = f"N = {N}, f = {f}, m = {m}"
            cases = [(f"batch, {k} steps, {at}", batch(k), (batch_degree or rule)(k)) for k in (1, 2, 3)]
            cases.append((f"online, {at}", online, (online_degree or rule)(N)))
            for name, program, claimed in cases:
                coefficients = along(program, shapes)
                found, most = max(coefficients), bounds(program, shapes).numerator
                figures[f"{name}: degree, top coefficient"] = f"{found}, {coefficients[found]}"
                if found > claimed or most < claimed:
                    return Finding(
                        Verdict.REFUTED,
                        reason=f"{name}: degree {found}, claimed {claimed}",
                        figures=figures,
                        counterexample=Counterexample(
                            {"N": N, "f": f, "m": m}, {}, str(found), str(claimed), "degree", "claimed"
                        ),
                    )
                if not found == claimed == most:
                    return Finding(
                        Verdict.UNDECIDED,
                        reason=f"{name}: degree {found} seen, at most {most} by the code",
                        figures=figures,
                    )
        return Finding(
            Verdict.CONFIRMED,
            figures=figures,
            settings={
                "engine": "polynomials in one scale s of all tokens; degree bounds of the code",
                "N": list(TOKENS),
                "f, m": [list(width) for width in WIDTHS],
            },
            trust=(
                "FLINT's polynomial arithmetic",
                "the interpreter's rules (numeric/operations.py, numeric/arithmetic.py)",
            ),
        )

    return decide


CLAIM = Claim(
    __name__,
    title="Degrees: a batch step 3, k batch steps 2k + 1, an online pass 2N + 1",
    kind=Kind.COUNT,
    statement=r"""As polynomials in all tokens together, from $W_0 = 0$, the predictions $W x_q$ have the degrees

$$ \text{one batch step: } 3, \qquad k \text{ batch steps: } 2k + 1, \qquad \text{one online pass over } N \text{
tokens: } 2N + 1, $$

the first two for every $N$. The online top coefficient is
$(-1)^{N-1} \eta^N y_1 (x_1 \cdot x_2) \cdots (x_{N-1} \cdot x_N)(x_N \cdot x_q)$. So no layer whose degree does not
grow with the context computes
the online pass for all $N$, and no layer of degree 3 does for $N \ge 2$.""",
    derivation=r"""The closed forms gd.closed_form_steps and gd.online_expansion show the degrees; with all tokens
    equal to $s$ the top
coefficients are $\pm$ positive numbers, so nothing cancels.""",
    assumptions=(r"$W_0 = 0$; checked for $N = 2, 3, 4$, $k \le 3$ with $f = m = 1$ and with $f = 3$, $m = 2$",),
    source="derived here",
    checks={Rung.EXACT: check()},
    mutants=(
        Mutant("online_like_batch", "the online pass has degree 3", {Rung.EXACT: check(online_degree=lambda N: 3)}),
        Mutant("cubed", "k steps have degree 3^k", {Rung.EXACT: check(batch_degree=lambda k: 3**k)}),
        Mutant("one_less", "the online pass has degree 2N - 1", {Rung.EXACT: check(online_degree=lambda N: 2 * N - 1)}),
    ),
)
