r"""The derivative readouts of LegT and LegS, for all N.

In the coefficient basis, with $\hat u = \sum_k a_k$ the reconstruction of the present sample, the readouts
$y = \sum_k C_k a_k + D u$ are $C_k = \left(k(k+1) - \theta D\right)/\theta$ with

$$ \text{(i)} \ D = \frac{N^2}{\theta}, \qquad \text{(ii)} \ D = 0, \qquad \text{(iii)} \ D = \frac{N(N+1)}{\theta}; $$

(i) is the time derivative of $\hat u$ under the closed equation, (ii) the slope of the reconstructed polynomial at its
right end. So $y_D = y_{ii} + D (u - \hat u)$. LegS has the same three readouts with $t$ in place of $\theta$.

With the delayed sample at hand the exact derivative of the projection's end value is

$$ \theta y = \sum_k \left(k(k+1) - N^2 - (-1)^{N-k} N\right) a_k + N^2 u + N (-1)^N u(t-\theta) . $$

In the orthonormal basis $C_k$ carries the factor $\sqrt{2k+1}$.

Why.
Route (i) is $\hat u' = \sum_n a_n'$: a column sum of $A$ and the sum of $B$, both telescoping. Route (ii) is
$\frac{2}{\theta} \sum_k a_k P_k'(1)$. Each step is checked for symbolic $n$, $k$, $N$.

Source.
derived here; arXiv 2407.09375 announces explicit weights
"""

# Over 120 lines: the readouts of every route and of the delayed sample, each with its sums for all N.

from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np
import sympy as sp
from flint import fmpq, fmpq_mat, fmpq_poly

from constructions import legs, legt
from constructions.state_space import StateSpace
from numeric.analysis.rational_matrices import matrix, row
from numeric.words.telescoping import Equation, Step, Sum
from proofs.forms import Mutant, Same, claim, derived, exactly, joint
from proofs.hippo._assembled import legs_arrays, legt_arrays
from proofs.hippo._legendre_integrals import integral
from proofs.kernel.rung import kernel_check

Readout = Callable[..., sp.Expr]


@derived(legt_arrays, legs_arrays)
def steps(
    readout: Readout = legt.readout, gain: Readout = legt.gain, true_readout: Readout = legt.true_readout
) -> Iterator[Step]:
    """All routes for symbolic k and N: row sums of A by telescoping. sigma = (-1)^(n-k), tau = (-1)^(N-k)."""
    n, k, N = (sp.Symbol(s, integer=True, nonnegative=True) for s in ("n", "k", "N"))
    sigma, tau, start = sp.Symbol("sigma"), sp.Symbol("tau"), sp.Symbol("rho")
    yield Sum(
        "input gain, route i",
        n,
        legt.drive(n),
        n**2,
        sp.Integer(0),
        N - 1,
        gain(N, "i"),
        "$D = \\sum_n B_n$, since $u_h' = \\sum_n a_n'$",
    )
    yield Sum(
        "column below the diagonal", n, legt.below(n), -(n**2), k, N - 1, k**2 - N**2, "rows $n \\ge k$ of column $k$"
    )
    yield Sum(
        "column above the diagonal",
        n,
        legt.above(n, sigma),
        n * sigma,
        sp.Integer(0),
        k - 1,
        k,
        "rows $n < k$ of column $k$; $(-1)^{n-k}$ alternates",
        sigma,
        at_lower=start,
        at_upper=sp.Integer(1),
    )
    yield Equation(
        "route i", k**2 - N**2 + k, readout(k, gain(N, "i")), "the column sum of $A$: $C_k = \\sum_n A_{nk}$"
    )
    yield Equation(
        "route ii, slope of the basis",
        2 * k * (k + 1) / 2,
        readout(k, gain(N, "ii")),
        "$\\frac{2}{\\theta} P_k'(1)$ with $P_k'(1) = k(k+1)/2$; no input term",
    )
    slope: Callable[[sp.Expr], sp.Expr] = lambda j: j * (j + 1) / 2  # noqa: E731
    yield Equation(
        "slope of a Legendre polynomial at 1",
        slope(n + 1) - slope(n - 1),
        2 * n + 1,
        "$P_{n+1}'(1) - P_{n-1}'(1) = (2n+1) P_n(1)$, with $P_0'(1) = 0$ and $P_1'(1) = 1$",
    )
    yield Equation(
        "the family",
        readout(k, gain(N, "iii")) - readout(k, gain(N, "ii")),
        -gain(N, "iii"),
        "route iii adds $D (u - u_h)$ to route ii with $D = N(N+1)$",
    )
    yield Sum(
        "true column",
        n,
        (2 * n + 1) * (sigma - 1),
        -n * sigma - n**2,
        k,
        N - 1,
        true_readout(k, N, tau),
        "the delayed sample is kept, so only $-2(2n+1)$ where $n-k$ is odd remains",
        sigma,
        at_lower=sp.Integer(1),
        at_upper=tau,
    )
    yield Sum(
        "gain of the delayed sample",
        n,
        -(2 * n + 1) * sigma,
        n * sigma,
        sp.Integer(0),
        N - 1,
        N * tau,
        "$-\\sum_n (2n+1)(-1)^n = N (-1)^N$, here with $k = 0$",
        sigma,
        at_lower=sp.Integer(1),
        at_upper=tau,
    )
    yield Sum(
        "LegS column", n, legs.below(n), -(n**2), k + 1, N - 1, (k + 1) ** 2 - N**2, "rows below the diagonal of LegS"
    )
    yield Equation(
        "LegS, route i",
        (k + 1) ** 2 - N**2 + legs.diagonal(k),
        readout(k, gain(N, "i")),
        "the same readout although the matrices differ",
    )


@exactly(range(1, 41))
def exact(
    N: int, readout: Readout = legt.readout, gain: Readout = legt.gain, true_readout: Readout = legt.true_readout
) -> Iterator[Same]:
    """Row sums of the integer matrices, and the slopes of the Legendre polynomials, for each N."""
    ones = fmpq_mat(1, N, [1] * N)
    want = {r: row([readout(k, gain(N, r)) for k in range(N)]) for r in legt.ROUTES}
    for name, system in (("LegT", legt.system(N)), ("LegS", legs.system(N))):
        yield Same(f"C of route i, {name}", ones * matrix(system.A), want["i"])
        yield Same(f"D of route i, {name}", (ones * matrix(system.B))[0, 0], fmpq(gain(N, "i")))
    for name, assemble in (("LegT", legt.system), ("LegS", legs.system)):
        for route in legt.ROUTES:
            made = assemble(N, route)
            yield Same(f"C of route {route} as {name} is assembled", row(made.C), want[route])
            yield Same(f"D of route {route} as {name} is assembled", fmpq(int(made.D)), fmpq(gain(N, route)))
    P = [fmpq_poly.legendre_p(k) for k in range(N)]
    yield Same(
        "C of route ii", row([]) if not N else fmpq_mat(1, N, [2 * p.derivative()(fmpq(1)) for p in P]), want["ii"]
    )
    yield Same("D of route ii", fmpq(gain(N, "ii")), fmpq(0))
    yield Same("D of route iii", fmpq(gain(N, "iii")), fmpq(N * (N + 1)))
    delayed = [[(2 * n + 1) * -integral(P[n].derivative() * P[k]) for k in range(N)] for n in range(N)]
    signs = [(-1) ** (N - k) for k in range(N)]
    yield Same(
        "C with the delayed sample",
        ones * matrix(np.array(delayed, dtype=object)),
        row([true_readout(k, N, signs[k]) for k in range(N)]),
    )


def _negative_gain(N: int, route: str) -> StateSpace:
    made = legt.system(N, route)
    return StateSpace(made.A, made.B, made.C, -made.D)


KERNEL = kernel_check(
    "route_i_C_closed_form",
    "route_i_D_closed_form",
    "route_ii_C_closed_form",
    "route_difference",
    "route_iii_difference",
    "delayed_readout_exact",
    "legs_route_i",
    "legs_route_i_D",
    "legendre_derivative_at_1",
    "legendre_derivative_difference",
    states="the readout with the delayed sample for polynomial inputs, and of LegS's readouts route (i)",
)

CLAIM = claim(
    __name__,
    exact.checks() | steps.checks() | KERNEL.checks(),
    joint(
        "sign_of_gain",
        "D = -N^2",
        exact,
        steps,
        gain=lambda N, route: -legt.gain(N, route) if route == "i" else legt.gain(N, route),
    ),
    Mutant(
        "assembled_gain",
        "the systems are put together with D = -N^2",
        replace(KERNEL, python={"route_i_D": _negative_gain}).checks(),
    ),
    joint("off_by_one", "C_k with k(k-1) for k(k+1)", exact, steps, readout=lambda k, D: k * (k - 1) - D),
    joint(
        "smaller_gain",
        "C for N^2 but D = (N-1)^2",
        exact,
        steps,
        gain=lambda N, route: (N - 1) ** 2 if route == "i" else legt.gain(N, route),
    ),
    joint(
        "forgotten_two",
        "the slope of the basis without the window's factor 2",
        exact,
        steps,
        readout=lambda k, D: k * (k + 1) / 2 - D if isinstance(k, sp.Expr) else fmpq(k * (k + 1), 2) - D,
    ),
    joint(
        "true_sign",
        "the delayed term with the other sign",
        exact,
        steps,
        true_readout=lambda k, N, p: legt.true_readout(k, N, -p),
    ),
)
