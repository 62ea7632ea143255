r"""LegT is the Pade approximant of a delay, and lossless.

For the closed LegT system, with $z = \theta s$,

$$ \theta^N q_N(s) = \sum_{j=0}^{N} \frac{(2N-1-j)!\, N!}{(N-1)!\, j!\, (N-j)!} z^j , $$

and the delayed output $\sum_k (-1)^k a_k$ has the transfer function $F = p_N/q_N$ with
$\theta^N p_N = \sum_{j<N} (-1)^j \frac{(2N-1-j)!}{j!\,(N-1-j)!} z^j$, the $[N-1/N]$ Pade approximant of $e^{-z}$:
$e^{-z} \theta^N q_N - \theta^N p_N = (-1)^N \frac{N!}{(2N)!} z^{2N} + O(z^{2N+1})$. On the imaginary axis
$|q_N|^2 - |p_N|^2 = \omega^{2N}$, so $|u - \hat u|^2 + |F u|^2 = |u|^2$ at each frequency, and the coefficients of
$|q_N(i\omega)|^2$ are positive.

Why.
$A + r^2 \hat e \hat e^\top$ is strictly lower triangular, so both ends see the error $s^N/q_N$; with the left-end error
of the exact projection $O(z^N)$ the closure error is $O(z^{2N})$, and a quotient of degrees $(N-1, N)$ that agrees to
that order is the Pade approximant. $A + A^\top = -(g g^\top + \hat g \hat g^\top)$ (orthonormal basis) makes the
two-input system lossless. The polynomials are computed for each $N$.

Assumes.
- the $N$ listed; the energy balance is hippo.dissipativity, for all $N$

Source.
derived here; the Pade property of LegT is known (Voelker 2019 thesis)
"""

from collections.abc import Callable, Iterator
from math import comb, factorial

from flint import fmpq, fmpq_poly

from constructions import legt
from numeric.analysis.rational_matrices import exponential, matrix, monomial, row, transfer
from proofs.forms import Same, claim, exactly
from proofs.hippo.legt_transfer import factorial_ratio


def denominator(N: int) -> fmpq_poly:
    """q_N(s) = sum_j (2N-1-j)! N! / ((N-1)! j! (N-j)!) s^j, theta = 1."""
    top = factorial(N - 1)
    return fmpq_poly([fmpq(factorial(2 * N - 1 - j) * comb(N, j), top) for j in range(N + 1)])


def numerator(N: int) -> fmpq_poly:
    """p_N(s): the numerator of the [N-1/N] Pade approximant of e^{-s} over the same denominator."""
    top = factorial(N - 1)
    return fmpq_poly([fmpq((-1) ** j * factorial(2 * N - 1 - j) * comb(N - 1, j) * N, top * N) for j in range(N)])


def on_axis(p: fmpq_poly) -> fmpq_poly:
    """|p(iy)|^2 as a polynomial in y."""
    c = p.coeffs()
    even = fmpq_poly([v * (-1) ** (j // 2) if j % 2 == 0 else 0 for j, v in enumerate(c)])
    odd = fmpq_poly([v * (-1) ** (j // 2) if j % 2 else 0 for j, v in enumerate(c)])
    return even * even + odd * odd


def modulus(N: int, j: int) -> fmpq:
    """The coefficient of y^{2j} in |q_N(iy)|^2: positive for every j."""
    bottom = fmpq(1)
    for i in range(j):
        bottom *= fmpq(2 * N - 1 - 2 * i, 2)
    value = (
        fmpq(factorial(N) * factorial(2 * N - 1 - j), factorial(N - j) * factorial(2 * N - 1) * factorial(j) * 4**j)
        / bottom
    )
    return value * factorial_ratio(N) ** 2 * (2 if j == N else 1)


@exactly(range(1, 41))
def exact(
    N: int,
    q: Callable[[int], fmpq_poly] = denominator,
    order: Callable[[int], int] = lambda N: 2 * N,
    gap: Callable[[int], int] = lambda N: 2 * N,
) -> Iterator[Same]:
    """Characteristic polynomial, delayed output, order of agreement with e^{-s}, losslessness, positivity."""
    s = legt.system(N)
    left = legt.ends(N)[1]
    delayed, found = transfer(s.A, s.B, left, 0)
    yield Same("denominator", found, q(N))
    yield Same("delayed output", delayed, numerator(N))
    top = order(N)
    rest = (exponential(top, -1) * found - delayed).truncate(top + 1)
    lead = fmpq((-1) ** N * factorial(N), factorial(2 * N))
    yield Same("agreement with the delay", rest, monomial(top, lead))
    yield Same("lossless", on_axis(found) - on_axis(delayed), monomial(gap(N)))
    yield Same(
        "positive coefficients",
        on_axis(found).coeffs(),
        [modulus(N, j // 2) if j % 2 == 0 else 0 for j in range(2 * N + 1)],
    )
    yield Same("their signs", [int(c > 0) for c in on_axis(found).coeffs()], [1 - j % 2 for j in range(2 * N + 1)])
    lifted = matrix(s.A) + matrix(legt.drive(1) * 0 + s.B * left) * row(left)
    yield Same("nilpotent", lifted.charpoly(), monomial(N))


CLAIM = claim(
    __name__,
    exact.checks(),
    exact.mutant(
        "diagonal_pade",
        "the [N/N] Pade denominator",
        q=lambda N: fmpq_poly([fmpq(factorial(2 * N - j) * comb(N, j), factorial(N)) for j in range(N + 1)]),
    ),
    exact.mutant("order", "agreement with the delay to order 2N + 1", order=lambda N: 2 * N + 1),
    exact.mutant("gap", "|q|^2 - |p|^2 of degree 2N - 2", gap=lambda N: 2 * N - 2),
)
