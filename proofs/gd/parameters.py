r"""The weights of one step, solved for.

Let $f = m \ge 2$ and $N \ge 2$. Among all weights $(w_q, C, D, a)$ of the layer of gd.one_step_tokens, the last output
is minus one gradient-descent step of size $\eta = cN$ for every context of length $N$ if and only if

$$ w_q = \alpha \, e_1 e_2^\top, \qquad D = \beta \, e_3, \qquad C = -\frac{c}{\alpha \beta} I, \qquad a = 1 $$

for some $\alpha, \beta \ne 0$. At the smallest sizes other weights do it too: for $N = 1$, where the decay is never
used, $w_q = \alpha \, e_3 e_2^\top$ and $D = \beta \, e_1$; for $f = m = 1$, where $x_t y_t = y_t x_t$,
$w_q = \alpha \, e_2 e_1^\top$.

Why.
The difference of output and step is a polynomial in the data; each coefficient is an equation in the weights. Their
Gröbner basis over $\mathbb{Q}(c)$ at $f = m = N = 2$ is computed and is the one of the claimed weights. Larger sizes
contain these equations. With pairs of zeros in front of the last pair the equations force $w_{33} = 0$; then zeros
leave no trace in the state. Contexts of two pairs after zeros, on two of the coordinates, meet no other weights than
the entries of $C$ and $a$ there, as a layer of width two would: so all off-diagonal entries of $C$ are $0$, its
diagonal entries equal and all $a$ are $1$. Conversely these weights take the step at all sizes by gd.one_step_tokens
and gd.scale_gauge.

Assumes.
- one $a$ per state entry, constant in time

Source.
derived here; arXiv 2410.11687 gives the weights without deriving them

Systems.
- GD-SSM, vector target: its weights are forced, up to two scales, by demanding one step
"""

# Over 120 lines: the polynomial system of the weights is solved: its solutions, other sizes, zeros in front.

from collections.abc import Mapping, Sequence
from itertools import combinations

import sympy as sp

from constructions import gd_ssm
from constructions.namespace import Array, namespace, unit, zeros
from numeric.finding import Finding, Verdict, combine
from proofs.forms import Identity, Large, Rung, Settings, both, checked, claim, covering
from proofs.gd._weight_equations import SCALE, TOKENS, WIDTH, basis, equations, solution, unknowns

TRUST = "FLINT's Groebner basis over Q, reduced by SymPy over Q(c)"


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


@checked(Rung.SYMBOLIC)
def check(settings: Settings, claim: Sequence[sp.Expr] | None = None) -> Finding:
    """The check that the solved weights are exactly the claimed ones: the two systems have one Groebner basis."""
    solved = solution()
    other = sp.groebner(
        list(claim if claim is not None else claimed()), *unknowns().all, domain=sp.QQ.frac_field(SCALE), order="lex"
    )
    figures = {"width": WIDTH, "tokens": TOKENS, "equations": len(equations()), "unknowns": 20}
    settings_used = {"solution": [sp.latex(e) + " = 0" for e in solved]}
    if set(solved) == set(other.exprs):
        return Finding(Verdict.CONFIRMED, figures=figures, settings=settings_used, trust=(TRUST,))
    extra = [e for e in solved if other.reduce(e)[1] != 0]
    missing = [e for e in other.exprs if e not in set(solved)]
    return Finding(
        Verdict.REFUTED,
        reason="the solved weights satisfy "
        + ", ".join(f"{e} = 0" for e in (extra or solved)[:4])
        + (f"; the claim says {', '.join(f'{e} = 0' for e in missing[:4])}" if missing else ""),
        figures=figures,
        settings=settings_used,
    )


INPUTS_SWAPPED = {"w_32": 1, "D_1": 1}
"""x_q in the gate and x_t in the readout; every decay is 0."""
PAIR_SWAPPED = {"w_21": 1, "D_3": 1, "a_11": 1}
"""y_t x_t in place of x_t y_t."""


def others(width: int, tokens: int, kept: Mapping[str, int]) -> Finding:
    """Whether these weights take the step (with C = -c I and 0 for the rest) at this width and context length."""
    weights = unknowns(width)
    values = {w: kept.get(str(w), 0) for w in weights.all} | {weights.C[i, i]: -SCALE for i in range(width)}
    left = {sp.expand(e.xreplace(values)) for e in equations(width, tokens)} - {0}
    figures = {f"equations that other weights solve, width {width}, N = {tokens}": len(equations(width, tokens))}
    if left:
        return Finding(Verdict.REFUTED, f"width {width}, N = {tokens}: {min(left, key=str)} is left", figures=figures)
    return Finding(Verdict.CONFIRMED, figures=figures, trust=("SymPy's expansion",))


@checked(Rung.SYMBOLIC)
def boundary(settings: Settings, tokens: int = 1, width: int = 1) -> Finding:
    """At N = 1, and at f = m = 1, other weights take the step too."""
    return combine([others(WIDTH, tokens, INPUTS_SWAPPED), others(width, TOKENS, PAIR_SWAPPED)])


@checked(Rung.SYMBOLIC)
def silence(settings: Settings, name: str = "w_33") -> Finding:
    """After a pair of zeros too the weight of x_{t+1} with itself is forced to be 0, so that zeros in front leave no trace."""
    asked = sp.Symbol(name)
    used = [e for e in equations(tokens=1, before=1) if e.has(asked) or e.has(SCALE)]
    solved = basis(used, unknowns())
    figures = {f"equations with {name} or c after zeros": len(used)}
    if solved.contains(asked):
        return Finding(Verdict.CONFIRMED, figures=figures, trust=(TRUST,))
    return Finding(Verdict.REFUTED, f"{name} = 0 does not follow from the equations", figures=figures)


def wide(X: Array, Y: Array, x_q: Array, w_q: Array, C: Array, D: Array, decay: Array, silent: bool = True) -> Array:
    """Two pairs after one of zeros, on every two coordinates i < j of a wide layer: the last output there, (pairs, 2).

    w_q with 0 for w_33, unless not `silent`.
    """
    xp, rows = namespace(X), []
    for chosen in combinations(range(C.shape[0]), WIDTH):
        E = xp.stack([unit(i, C.shape[0], X) for i in chosen])
        first = zeros((1, C.shape[0]), X)
        sequence = gd_ssm.tokens(xp.concat([first, X @ E], axis=0), xp.concat([first, Y @ E], axis=0), x_q @ E)
        weights = gd_ssm.Parameters(_without_last(w_q) if silent else w_q, decay, C, D)
        rows.append(E @ gd_ssm.layer(sequence, weights)[-1, :])
    return xp.stack(rows)


def narrow(X: Array, Y: Array, x_q: Array, w_q: Array, C: Array, D: Array, decay: Array) -> Array:
    """The same two pairs alone, through the layer of width 2 with the weights' own entries there: (pairs, 2)."""
    xp, rows = namespace(X), []
    for chosen in combinations(range(C.shape[0]), WIDTH):
        E = xp.stack([unit(i, C.shape[0], X) for i in chosen])
        weights = gd_ssm.Parameters(_without_last(w_q), E @ decay @ E.mT, E @ C @ E.mT, D)
        rows.append(gd_ssm.layer(gd_ssm.tokens(X, Y, x_q), weights)[-1, :])
    return xp.stack(rows)


def _without_last(w_q: Array) -> Array:
    last = unit(gd_ssm.WINDOW - 1, gd_ssm.WINDOW, w_q)
    return w_q - last[:, None] * (last @ w_q @ last) * last[None, :]


CONTAINED = Identity(
    shapes={
        "X": (TOKENS, WIDTH), "Y": (TOKENS, WIDTH), "x_q": (WIDTH,), "w_q": (3, 3), "C": ("d", "d"), "D": (3,),
        "decay": ("d", "d"),
    },
    left=wide,
    right=narrow,
    names=("wide layer after zeros", "layer of width 2"),
    sizes=({"d": 3}, {"d": 5}),
    large=Large({"d": 20}),
    numpy=True,
    rungs=(Rung.EXACT,),
    part={Rung.EXACT: "that a wider layer contains the layer of width 2"},
)  # fmt: skip


def table() -> str:
    """The solved weights as a Markdown list."""
    lines = [f"- ${sp.latex(e)} = 0$" for e in solution()]
    return (
        "Solved for all 20 unknowns ($w_q$, $C$, $D$, the decay $a$), with $c = \\eta/N$; what is not listed is free:\n\n"
        + "\n".join(lines)
        + "\n\nSo $w_q = \\alpha\\, e_1 e_2^\\top$, $D = \\beta\\, e_3$, $C = -\\frac{\\eta}{N \\alpha \\beta} I$, "
        "decay 1: the published weights at $\\alpha = \\beta = 1$, and only their two scales are free."
    )


CLAIM = claim(
    __name__,
    CONTAINED.checks()
    | {
        Rung.SYMBOLIC: covering(
            "the solutions at f = m = N = 2, the other ones at the smallest sizes, and that zeros in front force w_33 = 0",
            both(check.check(), boundary.check(), silence.check()),
        )
    },
    CONTAINED.mutant("zeros_seen", "zeros in front leave no trace with any w_33", left={"silent": False}),
    boundary.mutant("other_pair", "the inputs may change places at N = 2 too", tokens=2),
    boundary.mutant("other_width", "x and y may change places at f = m = 2 too", width=2),
    silence.mutant("others_forced", "zeros in front force w_12 = 0", name="w_12"),
    check.mutant("sign", "C = +c/(alpha beta) I", claim=claimed(sign=1)),
    check.mutant("transposed", "w_q = alpha e_2 e_1^T", claim=claimed(window=(2, 1))),
    check.mutant("no_gauge", "the weights are unique (beta = 1)", claim=claimed(gauge_fixed=True)),
    check.mutant("readout", "D = beta e_1", claim=claimed(readout=1)),
    parameters=table,
)
