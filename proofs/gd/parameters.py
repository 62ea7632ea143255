"""Which weights make the layer a gradient-descent step: solved for, not only checked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
import sympy as sp

from constructions import gd_ssm
from constructions.gradient_descent import step
from numeric.finding import Finding, Verdict
from proofs.claim import Check, Claim, Kind, Mutant, System
from proofs.evidence import Rung, Settings

WIDTH, TOKENS = 2, 2
SCALE = sp.Symbol("c")


@dataclass(frozen=True)
class Unknowns:
    """The layer's weights as unknowns: w_q (3, 3), C (d, d), D (3), decay (d, d)."""

    w_q: sp.Matrix
    C: sp.Matrix
    D: sp.Matrix
    decay: sp.Matrix

    @property
    def all(self) -> list[sp.Symbol]:
        """Every unknown, in the order of elimination."""
        return [*self.w_q, *self.C, *self.D, *self.decay]


def unknowns(width: int = WIDTH) -> Unknowns:
    """Fresh symbols, counted from 1 as in the paper."""

    def square(name: str, rows: int, cols: int) -> sp.Matrix:
        return sp.Matrix(rows, cols, lambda i, j: sp.Symbol(f"{name}_{i + 1}{j + 1}"))

    return Unknowns(
        square("w", 3, 3),
        square("C", width, width),
        sp.Matrix(3, 1, lambda i, _: sp.Symbol(f"D_{i + 1}")),
        square("a", width, width),
    )


def equations(weights: Unknowns, width: int = WIDTH, tokens: int = TOKENS) -> set[sp.Expr]:
    """The coefficients, in the data, of (layer's last output) + (one step of size cN from 0): all have to vanish.

    Both sides are the code that runs, `gd_ssm.layer` and `gradient_descent.step`, on arrays of SymPy symbols.
    """

    def symbols(name: str, rows: int) -> np.ndarray:
        return np.array([[sp.Symbol(f"{name}{t}_{i}") for i in range(width)] for t in range(rows)], dtype=object)

    X, Y, x_q = symbols("x", tokens), symbols("y", tokens), symbols("q", 1)[0]
    w_q, C, decay = (np.array(m.tolist(), dtype=object) for m in (weights.w_q, weights.C, weights.decay))
    D = np.array(list(weights.D), dtype=object)
    output = gd_ssm.layer(gd_ssm.tokens(X, Y, x_q), gd_ssm.Parameters(w_q, decay, C, D))[-1]
    stepped = step(np.zeros((width, width), dtype=object), X, Y, SCALE * tokens) @ x_q
    data = [*X.reshape(-1), *Y.reshape(-1), *x_q]
    found: set[sp.Expr] = set()
    for entry in output + stepped:
        found.update(sp.Poly(sp.expand(entry), *data).coeffs())
    return found


@cache
def solution(width: int = WIDTH, tokens: int = TOKENS) -> tuple[sp.Expr, ...]:
    """The reduced Groebner basis of the equations over Q(c): the weights solved for, everything else forced."""
    weights = unknowns(width)
    basis = sp.groebner(
        sorted(equations(weights, width, tokens), key=str), *weights.all, domain=sp.QQ.frac_field(SCALE), order="lex"
    )
    return tuple(basis.exprs)


def claimed(
    window: tuple[int, int] = (1, 2), readout: int = 3, sign: int = -1, gauge_fixed: bool = False
) -> list[sp.Expr]:
    """The claimed answer as equations: w_q = alpha e_i e_j^T, D = beta e_k, alpha beta C = sign c I, decay 1."""
    weights = unknowns()
    i, j = window
    k = readout
    kept = weights.w_q[i - 1, j - 1] * weights.D[k - 1]
    out = [w for n, w in enumerate(weights.w_q) if n != 3 * (i - 1) + (j - 1)]
    out += [D for n, D in enumerate(weights.D) if n != k - 1]
    out += [weights.C[r, s] for r in range(WIDTH) for s in range(WIDTH) if r != s]
    out += [weights.C[r, r] - weights.C[0, 0] for r in range(1, WIDTH)]
    out += [a - 1 for a in weights.decay]
    out.append(kept * weights.C[0, 0] - sign * SCALE)
    if gauge_fixed:
        out.append(weights.D[k - 1] - 1)
    return out


def check(claim: Sequence[sp.Expr] | None = None) -> Check:
    """The check that the solved weights are exactly the claimed ones: the two systems have one Groebner basis."""

    def run(settings: Settings) -> Finding:
        basis = solution()
        other = sp.groebner(
            list(claim if claim is not None else claimed()),
            *unknowns().all,
            domain=sp.QQ.frac_field(SCALE),
            order="lex",
        )
        figures = {"width": WIDTH, "tokens": TOKENS, "equations": len(equations(unknowns())), "unknowns": 20}
        settings_used = {"solution": [sp.latex(e) + " = 0" for e in basis]}
        if set(basis) == set(other.exprs):
            return Finding(
                Verdict.CONFIRMED, figures=figures, settings=settings_used, trust=("SymPy's Groebner basis over Q(c)",)
            )
        extra = [e for e in basis if other.reduce(e)[1] != 0]
        missing = [e for e in other.exprs if e not in set(basis)]
        return Finding(
            Verdict.REFUTED,
            reason="the solved weights satisfy "
            + ", ".join(f"{e} = 0" for e in (extra or basis)[:4])
            + (f"; the claim says {', '.join(f'{e} = 0' for e in missing[:4])}" if missing else ""),
            figures=figures,
            settings=settings_used,
        )

    return run


def table() -> str:
    """The solved weights as a Markdown list."""
    lines = [f"- ${sp.latex(e)} = 0$" for e in solution()]
    return (
        "Solved for all 20 unknowns ($w_q$, $C$, $D$, the decay $a$), with $c = \\eta/N$; what is not listed is free:\n\n"
        + "\n".join(lines)
        + "\n\nSo $w_q = \\alpha\\, e_1 e_2^\\top$, $D = \\beta\\, e_3$, $C = -\\frac{\\eta}{N \\alpha \\beta} I$, "
        "decay 1: the published weights at $\\alpha = \\beta = 1$, and only their two scales are free."
    )


CLAIM = Claim(
    __name__,
    title="The weights of one step, solved for",
    kind=Kind.IDENTITY,
    statement=r"""Among all weights $(w_q, C, D, a)$ of the layer of gd.one_step_tokens, the last output is minus one
gradient-descent step of size $\eta = cN$ for every context if and only if

$$ w_q = \alpha \, e_1 e_2^\top, \qquad D = \beta \, e_3, \qquad C = -\frac{c}{\alpha \beta} I, \qquad a = 1 $$

for some $\alpha, \beta \ne 0$.""",
    derivation=r"""The difference of output and step is a polynomial in the data; each coefficient is an equation in the
weights. Their Gröbner basis over $\mathbb{Q}(c)$ is computed and is the one of the claimed weights. Width and context length
two are enough for necessity (longer contexts give more equations), and gd.one_step_tokens with gd.scale_gauge is sufficiency
for all sizes.""",
    assumptions=(r"width $f = m = 2$ and $N = 2$ for the necessity", r"one $a$ per state entry, constant in time"),
    source="derived here; arXiv 2410.11687 gives the weights without deriving them",
    systems=(System("GD-SSM, vector target", "its weights are forced, up to two scales, by demanding one step"),),
    checks={Rung.SYMBOLIC: check()},
    parameters=table,
    mutants=(
        Mutant("sign", "C = +c/(alpha beta) I", {Rung.SYMBOLIC: check(claimed(sign=1))}),
        Mutant("transposed", "w_q = alpha e_2 e_1^T", {Rung.SYMBOLIC: check(claimed(window=(2, 1)))}),
        Mutant("no_gauge", "the weights are unique (beta = 1)", {Rung.SYMBOLIC: check(claimed(gauge_fixed=True))}),
        Mutant("readout", "D = beta e_1", {Rung.SYMBOLIC: check(claimed(readout=1))}),
    ),
)
