"""A claim that stands on every rung, with a mutant that one rung cannot see."""

from __future__ import annotations

from numeric.finding import Finding, Verdict
from proofs.claim import Claim, Mutant, System
from proofs.evidence import Kind, Rung, Settings
from proofs.toy._parts import confirms, refutes, undecided, wrong_sign


def _sampled(settings: Settings) -> Finding:
    return Finding(
        Verdict.CONFIRMED,
        figures={"draws": 40, "worst_ratio": 0.25, "worst_error": 1.1e-16, "bound_there": 4.4e-16},
        settings={"seed": settings.seed, "dtype": "float64"},
        trust=("IEEE 754 arithmetic", "the rounding bound's derivation"),
    )


def _universal(settings: Settings) -> Finding:
    steps = [
        {"name": "definition", "latex": r"L(W) = \frac{1}{2N}\sum_{i=1}^{N}\norm{W x_i - y_i}^2", "why": "the loss"},
        {
            "name": "expansion",
            "latex": r"L(W+tH) = L(W) + t\,\langle G, H\rangle + \tfrac{t^2}{2N}\sum_{i=1}^{N}\norm{H x_i}^2",
            "why": "bilinearity; holds for every $H$, so $G$ is unique",
        },
        {
            "name": "gradient",
            "latex": r"\begin{aligned} G &= \frac{1}{N}\sum_{i=1}^{N} (W x_i - y_i)\,x_i^\top \\"
            r" &= \frac{1}{N}\Bigl(W \sum_i x_i x_i^\top - \sum_i y_i x_i^\top\Bigr) \end{aligned}",
            "why": "read off the coefficient of $t$",
        },
    ]
    return Finding(
        Verdict.CONFIRMED,
        figures={"steps": len(steps)},
        settings={"steps": steps},
        trust=("the step checker",),
    )


def _parameters() -> str:
    return "$$W_q = \\begin{pmatrix} 0 & 1 & 0 \\\\ 0 & 0 & 1 \\end{pmatrix}, \\qquad c = \\frac{\\eta}{N}$$"


CLAIM = Claim(
    __name__,
    title="One layer reads out one gradient step",
    kind=Kind.IDENTITY,
    statement=(
        r"For every $N \ge 1$, $f$, $m$, every context $X \in \mathbb{R}^{N\times f}$, $Y \in \mathbb{R}^{N\times m}$ "
        "and every step $\\eta$,\n\n"
        r"$$\mathrm{layer}(X, Y, x_q) = (W_0 - \eta \nabla L(W_0))\, x_q,"
        r" \qquad L(W) = \frac{1}{2N}\sum_{i=1}^{N} \norm{W x_i - y_i}^2 .$$"
    ),
    derivation=(
        "The state is a sum of outer products, so the read-out is bilinear:\n\n"
        r"$$S_N = \sum_{i=1}^{N} y_i x_i^\top, \qquad \frac{\eta}{N} S_N x_q = -\eta \nabla L(0)\, x_q .$$"
        "\n\nNothing else enters."
    ),
    source="Toy (2024), Proposition 1, eq. (7)",
    assumptions=(r"the query is not part of the context", r"$W_0 = 0$"),
    departures=(r"the source writes the step as $\eta/P$; here it is $\eta/N$",),
    systems=(System("Toy layer", r"one step of size $\eta$"), System("Another layer", "the same", figures="deg")),
    parameters=_parameters,
    checks={Rung.SAMPLED: _sampled, Rung.EXACT: confirms, Rung.UNIVERSAL: _universal},
    mutants=(
        wrong_sign(),
        Mutant(
            "tiny_shift",
            "N + 1e-8 instead of N",
            {Rung.SAMPLED: undecided, Rung.EXACT: refutes},
            blind={Rung.SAMPLED: "a shift of 1e-8 is below the float32 bound"},
        ),
    ),
)
