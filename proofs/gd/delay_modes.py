r"""T - 1 modes and a skip delay by one token on a horizon of T tokens.

Let $\lambda_1, \dots, \lambda_n$ be different and not $0$, $n = T - 1$. The diagonal recurrence
$h_t = \lambda \odot h_{t-1} + u_t$ with the output $o_t = c \cdot h_t - \left( \sum_j c_j \right) u_t$,

$$ c_j = \frac{1}{\lambda_j} \prod_{i \ne j} \frac{\lambda_i}{\lambda_i - \lambda_j} , $$

gives $o_t = u_{t-1}$ on the first $T$ tokens, exactly. Fewer modes cannot (gd.delay_bound). Approximately one mode can:
with $n = 1$, $c = 1/\lambda$, the output is $\sum_{j \ge 1} \lambda^{j-1} u_{t-j}$, which tends to the delay for
$\lambda \to 0$ while the readout weights grow like $1/\lambda$.

Why.
With $d_j = c_j \lambda_j$ the Lagrange basis at $0$: $\sum_j d_j \lambda_j^{s} = [s = 0]$ for $s < n$, and the response
$s + 1$ tokens later is $\sum_j c_j \lambda_j^{s+1}$. The skip, a mode $\lambda = 0$, removes the response at once.

Source.
derived here

Systems.
- Diagonal recurrences on raw tokens: $T - 1$ modes delay by one token on $T$ tokens; one mode does so in a limit
"""

# Over 120 lines: many modes and a single one, each with its own two sides, and the responses on symbols.

from collections.abc import Iterator
from dataclasses import replace
from functools import partial

import numpy as np
import sympy as sp

from constructions import delay_modes
from constructions.namespace import Array, filled, namespace
from numeric.finding import Finding
from numeric.words import telescoping
from numeric.words.telescoping import Equation
from proofs.forms import Identity, Large, Mutant, Rung, Settings, checked, claim, together
from proofs.forms.identity import ALL


def layer(u: Array, lam: Array, skipped: bool = True) -> Array:
    """The modes with the interpolating readout, and the skip that makes the first response 0: (T,)."""
    c = delay_modes.readout(lam)
    total = namespace(lam).sum(c)
    return delay_modes.outputs(u, lam, c, -total if skipped else 0 * total)


def delayed(u: Array, lam: Array, by: int = 1) -> Array:
    """The input `by` tokens late, zeros first: (T,)."""
    return namespace(u).concat([0 * u[:by], u[: u.shape[0] - by]], axis=0)


def single(u: Array, lam: Array) -> Array:
    """One mode, the first of lam, with the readout 1/lam and the skip -1/lam: (T,)."""
    return layer(u, lam[:1])


def decaying(u: Array, lam: Array, power: int = 1) -> Array:
    """What one mode does: sum_{j >= 1} lam^(power (j - 1)) u_{t-j}, by delays: (T,)."""
    total, factor = 0 * u, filled(1, lam[0])
    for j in range(1, u.shape[0]):
        total = total + factor * delayed(u, lam, j)
        for _ in range(power):
            factor = factor * lam[0]
    return total


def equations(largest: int, skipped: bool = True) -> Iterator[Equation]:
    """The impulse responses of the layer's own outputs on SymPy symbols, for 1 to `largest` modes."""
    for n in range(1, largest + 1):
        symbols = sp.symbols(f"lambda_1:{n + 1}")
        impulse = np.array([sp.Integer(int(t == 0)) for t in range(n + 1)], dtype=object)
        response = layer(impulse, np.array(symbols, dtype=object), skipped)
        for t in range(n + 1):
            yield Equation(
                f"{n} modes, {t} tokens later", response[t], sp.Integer(int(t == 1)),
                r"$\sum_j c_j \lambda_j \, p(\lambda_j) = p(0)$ for every polynomial $p$ of degree below the number of modes.",
                shown=rf"o_{{{t}}} = {int(t == 1)}",
            )  # fmt: skip


@checked(Rung.SYMBOLIC)
def symbolic(settings: Settings, skipped: bool = True) -> Finding:
    """The equations, as rational functions of the modes."""
    return telescoping.decide(lambda: equations(4 if settings.profile == "full" else 3, skipped))


IDENTITY = Identity(
    shapes={"u": ("T",), "lam": ("n",)},
    left=layer,
    right=delayed,
    names=("modes", "delay"),
    sizes=({"T": 4, "n": 3}, {"T": 7, "n": 6}),
    large=Large({"T": 101, "n": 100}),
    admits=lambda sizes: sizes["T"] == sizes["n"] + 1,
    numpy=True,
)
ONE = Identity(
    shapes={"u": ("T",), "lam": (1,)},
    left=single,
    right=decaying,
    names=("one mode", "decaying sum of delays"),
    sizes=({"T": 4}, {"T": 9}),
    large=Large({"T": 130}),
    numpy=True,
    rungs=(Rung.EXACT,),
)

CLAIM = claim(
    __name__,
    together(IDENTITY.checks(), ONE.checks(), symbolic.checks()),
    IDENTITY.mutant("two_tokens", "a delay by two", right={"by": 2}),
    Mutant(
        "no_skip",
        "without the skip",
        {Rung.EXACT: replace(IDENTITY, left=partial(layer, skipped=False)).exact} | symbolic.checks(skipped=False),
    ),
    ONE.mutant("one_mode_faster", "one mode's error decays like lambda^2j", right={"power": 2}),
    Mutant(
        "one_token_more",
        "T - 1 modes on T + 1 tokens",
        {Rung.EXACT: replace(IDENTITY, admits=ALL, sizes=({"T": 5, "n": 3},)).exact},
    ),
)
