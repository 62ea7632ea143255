"""In words: what a claimed order is worth, and why."""

from __future__ import annotations

from numeric.analysis.rates import Grade, Worth
from reports.said.kinds import said


@said.register
def _(found: Grade) -> str:
    if found.measured is None:
        return _why(found)
    theta, N = found.measured
    if found.word is Worth.UNDECIDED:
        name, order = ("N", N) if theta.sharp_enough else ("theta", theta)
        return f"the order in {name} is {order}: measure more or larger sizes"
    return f"{_why(found)} (measured: theta^({theta}), N^({N}))"


def _why(found: Grade) -> str:
    (a, b), (theta, N) = found.claimed, found.true
    if a > theta:
        return f"as theta falls the error is of order theta^{theta:g}, larger than theta^{a:g}"
    if b < N:
        return f"as N grows the error is of order N^{N:g}, larger than N^{b:g}"
    if (a, b) == (theta, N):
        return "both exponents are attained"
    return f"true, but theta^{theta:g} N^{N:g} holds as well"
