r"""What closing LegT's equation costs: sup-norm and mean-square bounds.

Let $\gamma$ be the impulse response from the left end to the reconstructed present value,
$\Gamma = g^\top (sI-A)^{-1} \hat g/\theta$, and $|u^{(k+1)}| \le U_{k+1}$, $1 \le k \le N$. In steady state route (i)
of the closed LegT equation obeys

$$ |u' - y_i| \le \norm{\kappa_k}_1 U_{k+1} \le \left(1 + \norm{\gamma}_1\right) C_{k,N} \left(\tfrac{\theta}{2}\right)^k U_{k+1} $$

for every $N$, with the constants $C_{k,N}$ of hippo.derivative_bound; $\kappa_k$ has the transfer function
$s^{N-k}/q_N$, and its norm is the sharp constant. For the $N$ checked, $\norm{\gamma}_1 \le 1.43$; beyond them it grows
slowly. The order $\theta^{K-1} N^{3/2-K}$, $K = k+1$, is kept if $\norm{\gamma}_1$ stays bounded, which is open. In the
mean square the closure costs no more than the projection's error at the left end:
$|\Gamma(i\omega)|^2 = 1 - \omega^{2N}/|q_N(i\omega)|^2 \le 1$.

Why.
The closed error is $\epsilon - \gamma * \delta$ with the projection's errors at the two ends (hippo.projection_error),
and both are at most $C_{k,N} (\theta/2)^k U$. $u' - y_i$ is the value error for $u'$. The norms are bracketed by balls:
panel integrals from below, Cauchy-Schwarz with the panel's Gramian from above, the tail by $|e^{A}| < 1$.

Assumes.
- steady state
- the norms: $N = 2, 3, 4, 6, 8, 12, 16$ ($24$ and $32$ as well in full), $k \le 6$; nothing bounds $\norm{\gamma}_1$
  for all $N$ here

Source.
derived here (B7 and the L2 form of the closure error)
"""

# Over 120 lines: norms by panels in balls, and the transfer functions they are of.

from collections.abc import Callable, Iterator
from functools import cache

import numpy as np
from flint import arb, fmpq

from constructions import legt
from numeric.analysis import impulse_norms, peano
from numeric.analysis.rational_matrices import matrix, monomial, number, transfer
from proofs.forms import Bound, Kind, Same, Settings, claim, exactly, never_exceeded
from proofs.hippo.dissipativity import symmetric_part
from proofs.hippo.legt_pade import on_axis

GRID = {2: (1024, 6), 3: (512, 6), 4: (512, 5), 6: (256, 4), 8: (160, 4), 12: (128, 3), 16: (128, 3)}
"""N -> (panels per window, windows before the tail bound)."""

FULL = GRID | {24: (160, 3), 32: (192, 2)}
CLOSURE = fmpq(143, 100)
"""What |gamma|_1 is at most for these N; it is more from N = 160 on."""

Limit = Callable[[arb, int, int], arb]


@cache
def norms(N: int) -> tuple[arb, tuple[arb, ...]]:
    """(|gamma|_1, (|kappa_k|_1 for k = 1, ..., min(N, 6))) at theta = 1."""
    s = legt.system(N)
    right, left = legt.ends(N)
    panels, length = FULL[N]
    with peano.precision(120 + 8 * N):
        rows = impulse_norms.readouts(s.A, right, min(N, 6))
        r2 = legt.norms(N)
        (gamma,) = impulse_norms.l1_norms(s.A, rows[:1], s.B * left, r2, panels, length)
        return gamma, tuple(impulse_norms.l1_norms(s.A, rows[1:], s.B, r2, panels, length))


def proved(gamma: arb, k: int, N: int) -> arb:
    """(1 + |gamma|_1) C_{k,N}/2^k."""
    return (1 + gamma) * arb(peano.constant_squared(k, N)).sqrt() / 2**k


@never_exceeded(part="the norms; that they are the readout's is the exact rung's")
def measure(settings: Settings, limit: Limit = proved, closure: fmpq = CLOSURE) -> Iterator[Bound]:
    """The closure's norm, and the sharp constants of the closed equation against their bounds."""
    for N in GRID if settings.profile == "quick" else FULL:
        gamma, kappa = norms(N)
        with peano.precision(120 + 8 * N):
            yield Bound("|gamma|_1", gamma, arb(closure), {"N": N})
            for k, found in enumerate(kappa, start=1):
                yield Bound("|kappa_k|_1", found, limit(gamma, k, N), {"N": N, "k": k})


@exactly(range(1, 13), range(1, 25), part="transfer functions and the mean square; the norms are measured")
def exact(N: int, extra: int = 0, route: str = "i") -> Iterator[Same]:
    """The kernels' transfer functions, and that the closure passes no frequency amplified."""
    s = legt.system(N, route)
    right, left = legt.ends(N)
    rows = impulse_norms.readouts(s.A, right, N)
    for k in range(1, N + 1):
        row = np.array(rows[k].entries(), dtype=object)
        p, q = transfer(s.A, s.B, -row, 0)
        yield Same("kappa_k is s^(N-k)/q", p, monomial(N - k), {"k": k})
    p, q = transfer(s.A, s.B, s.C, s.D)
    yield Same("u' - y_i is s^(N+1)/q", monomial(1) * q - p, monomial(N + 1))
    energy = np.outer(right, right) + np.outer(left, left)
    yield Same("no state grows in the norm of the tails", matrix(symmetric_part(s.A, legt.norms(N))), matrix(-energy))
    p, q = transfer(s.A, s.B * left, right, 0)
    yield Same("|Gamma|^2 = 1 - w^(2N)/|q|^2", on_axis(q) - on_axis(p), monomial(2 * N + extra))
    yield Same("Gamma(0)", p(fmpq(0)) / q(fmpq(0)), number((-1) ** (N - 1)))


def table() -> str:
    """The closure's norms, as a Markdown table."""
    lines = ["| $N$ | $\\norm{\\gamma}_1$ |", "|--:|--:|"]
    lines += [f"| {N} | {norms(N)[0].str(4)} |" for N in GRID]
    return "\n".join(lines)


CLAIM = claim(
    __name__,
    measure.checks() | exact.checks(),
    measure.mutant(
        "no_closure",
        "the closed equation obeys the exact projection's bound",
        limit=lambda gamma, k, N: proved(arb(0), k, N),
    ),
    measure.mutant("only_closure", "the bound without its 1", limit=lambda gamma, k, N: proved(gamma - 1, k, N)),
    measure.mutant("contraction", "|gamma|_1 is at most 1", closure=fmpq(1)),
    exact.mutant("route_ii", "the same kernels for route (ii)", route="ii"),
    exact.mutant("gap", "|Gamma|^2 = 1 - w^(2N+2)/|q|^2", extra=2),
    kind=Kind.BOUND,
    parameters=table,
)
