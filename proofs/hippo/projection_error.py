r"""The projection's error, and what the closure does to it.

For $u = e^{st}$, $z = \theta s$, the exact Legendre projection of the window misses the present sample by $\epsilon u$
and the delayed one by $\delta u$, with

$$ \epsilon(z) = z^N \frac{N!}{(2N)!} \, {}_1F_1(N; 2N+1; -z), \qquad \delta(z) = e^{-z} \epsilon(-z) . $$

The closed LegT equation misses the delayed sample by $\delta s^N/q_N = O(z^{2N})$ and the present one by
$s^N/q_N = \epsilon - \Gamma \delta$, $\Gamma = g^\top (sI - A)^{-1} \hat g/\theta$, $\Gamma(0) = (-1)^{N-1}$: closing
the equation raises the delayed output's order from $N$ to $2N$ and doubles the leading error of the present one.

Why.
Taylor coefficients in $z$ from rational integrals of $t^p$, for each $N$. Over $p!$ they are $(-1)^p$ times rational
functions of the order $p$, of degrees at most $2N$, so the orders up to $3N + 1$ decide all. Kummer's transformation
gives $\delta = (-z)^N \frac{N!}{(2N)!} \, {}_1F_1(N+1; 2N+1; -z)$.

Assumes.
- the $N$ listed; every order in $z$

Source.
derived here
"""

from collections.abc import Callable, Iterator

from flint import fmpq, fmpq_poly

from constructions import legt
from numeric.analysis.rational_matrices import exponential, matrix, moments, monomial, row, transfer
from proofs.forms import Same, claim, exactly
from proofs.hippo.legt_exactness import central, projected

Closed = Callable[[int, int], fmpq_poly]


def kummer(a: int, b: int, terms: int) -> fmpq_poly:
    """The Taylor polynomial of 1F1(a; b; z)."""
    value, found = fmpq(1), []
    for j in range(terms):
        found.append(value)
        value = value * fmpq(a + j, (b + j) * (j + 1))
    return fmpq_poly(found)


def flipped(p: fmpq_poly) -> fmpq_poly:
    """p(-z)."""
    return fmpq_poly([c * (-1) ** j for j, c in enumerate(p.coeffs())])


def right_error(N: int, terms: int) -> fmpq_poly:
    """z^N N!/(2N)! 1F1(N; 2N+1; -z): 1 - (the projection of e^{z(x-1)/2} at x = 1)."""
    return (monomial(N, central(N)) * flipped(kummer(N, 2 * N + 1, terms))).truncate(terms)


def left_error(N: int, terms: int) -> fmpq_poly:
    """sum_p (-z)^p p!/((p-N)! (p+N)!) = (-z)^N N!/(2N)! 1F1(N+1; 2N+1; -z): the same at x = -1."""
    return (monomial(N, central(N) * (-1) ** N) * flipped(kummer(N + 1, 2 * N + 1, terms))).truncate(terms)


@exactly(range(1, 13), range(1, 31))
def exact(N: int, closed: Closed = right_error, sign: int = -1) -> Iterator[Same]:
    """Taylor coefficients in z = theta s, enough of them to decide those of every order p.

    Over p! the projection's coefficients and the closed forms of epsilon and delta are (-1)^p times rational functions of p
    with the denominator (p+1)...(p+N) and numerators of degree N. Times (p+N)! (p-N)! / (p-N-1)! the coefficients of
    q (epsilon - Gamma delta) are (-1)^p times polynomials in p of degree 2N, and those of q e^{-z} - delta z^N times p! of
    degree N. So the orders up to 3N + 1 decide; Kummer's transformation gives delta its closed form.
    """
    terms = 3 * N + 2
    table, scale = [], 1
    for p in range(terms):
        scale *= max(p, 1)
        table.append([a / scale for a in projected(N, p)])
    error = closed(N, terms)
    value = fmpq_poly([sum(a, fmpq(0)) for a in table])
    yield Same("right-end error", 1 - value, error)
    left = fmpq_poly([sum((a * (-1) ** n for n, a in enumerate(row_)), fmpq(0)) for row_ in table])
    delta = (exponential(terms, -1) * flipped(error)).truncate(terms)
    yield Same("left-end error", (exponential(terms, -1) - left).truncate(terms), delta)
    yield Same("left-end error, closed form", delta, left_error(N, terms))
    s = legt.system(N)
    right, other = legt.ends(N)
    numerator, q = transfer(s.A, s.B, other, 0)
    closure = (exponential(terms, -1) * q - numerator).truncate(terms)
    yield Same("closure error", closure, (delta * monomial(N)).truncate(terms))
    reached = fmpq_poly(moments(s.A, s.B * other, right, 0, terms))
    lti = 1 - fmpq_poly(moments(s.A, s.B, right, 0, terms))
    yield Same("closed value error", lti, (error + sign * reached * delta).truncate(terms))
    yield Same("leading terms: twice as large", lti[N], 2 * error[N])
    gain = (row(right) * matrix(s.A).solve(matrix(s.B * other)))[0, 0] * -1
    yield Same("gain from the left end at s = 0", gain, fmpq((-1) ** (N - 1)))


def _kummer(shift: int) -> Closed:
    return lambda N, terms: (monomial(N, central(N)) * flipped(kummer(N, 2 * N + shift, terms))).truncate(terms)


CLAIM = claim(
    __name__,
    exact.checks(),
    exact.mutant("kummer_2N", "1F1(N; 2N; -z)", closed=_kummer(0)),
    exact.mutant(
        "late",
        "the projection's error with a term of order N + 9 more",
        closed=lambda N, terms: (right_error(N, terms) + monomial(N + 9)).truncate(terms),
    ),
    exact.mutant("no_closure", "the closure adds to the error with the other sign", sign=1),
    exact.mutant(
        "closed_constant",
        "the exact projection's error with the closed equation's constant (N-1)!/(2N-1)!",
        closed=lambda N, terms: right_error(N, terms) * 2,
    ),
)
