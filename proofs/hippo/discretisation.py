r"""One input sample per step: the proper bilinear scheme, and SciPy's.

The generalised bilinear scheme $x_{k+1} = \bar A x_k + \bar B \left((1-\alpha) u_k + \alpha u_{k+1}\right)$,
$y_k = C x_k + D u_k$ has the transfer function of $w_{k+1} = \bar A w_k + \bar B u_k$,
$y_k = C (I - \alpha h A)^{-1} w_k + \left(D + \alpha C (I - \alpha h A)^{-1} h B\right) u_k$. So a hold of one sample
is proper if and only if $C$ and $D$ are changed with it; `scipy.signal.cont2discrete` does so, and its matrices are
right to the rounding of one linear solve.

Why.
With $x_k = (I - \alpha h A)^{-1} \left(w_k + \alpha h B u_k\right)$ the first recurrence turns into the second. The
transfer functions agree for symbols, one eigenvalue at a time, and for drawn systems at drawn rationals.

Assumes.
- sampled rung: SciPy alone; exact rung: a drawn system for each $N$ listed, every $z$, $h$ and $\alpha$

Source.
derived here; the bound is Higham 2002, theorem 9.4
"""

# Over 120 lines: SciPy's matrices need rounding bounds of their own.

from collections.abc import Callable, Iterator
from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np
import sympy as sp
from flint import fmpq

from constructions import discretisation, legs, legt
from constructions.discretisation import Discrete, gbt
from constructions.state_space import StateSpace, orthonormal
from numeric.analysis.rational_matrices import number, objects, solve
from numeric.entropy import Entropy
from numeric.finding import Counterexample, Finding, Verdict
from numeric.words.telescoping import Equation, Step
from proofs.forms import Draw, Mutant, Rung, Same, Settings, at_points, checked, claim, derived
from proofs.hippo import _scalar
from proofs.hippo.matched_hold import transfer
from proofs.hippo.one_step_error import response, schemes, tied

Single = Callable[[StateSpace, Any, Any], Discrete]
UNIT = 2.0**-53


def single(system: StateSpace, h: Any, alpha: Any) -> Discrete:
    """The construction on exact numbers."""
    return discretisation.single_input(system, h, alpha, solve)


def drawn(N: int, draw: Draw) -> StateSpace:
    """Any system: numbers in (-1/2, 1/2]."""
    entries = [[draw("system", N, i, j) - fmpq(1, 2) for j in range(N + 2)] for i in range(N + 1)]
    rows = np.array(entries, dtype=object)
    return StateSpace(rows[:N, :N], rows[:N, N], rows[N, :N], rows[N, N])


@at_points(lambda N: 8 * N + 2, range(1, 7), range(1, 13), part="the two transfer functions, not SciPy")
def exact(N: int, draw: Draw, build: Single = single) -> Iterator[Same]:
    """One transfer function, of a drawn system at drawn z, h and alpha: quotients of degrees 5N + 2, 5N and 3N, 3N in the
    latter (hippo.one_step_error's counting; one sample adds (I - alpha h A)^{-1} twice)."""
    s, z, h = drawn(N, draw), draw("z", N), draw("h", N)
    for name, alpha in schemes(draw, N).items():
        proper, one = gbt(s, h, alpha, "proper", solve), build(s, h, alpha)
        at = {"z": z, "h": h, "alpha": alpha}
        yield Same(f"transfer function, {name}", response(one, z), response(proper, z), at)


def one_state(system: StateSpace, h: Any, alpha: Any) -> Discrete:
    """The construction on symbols."""
    return discretisation.single_input(system, h, alpha, _scalar.solve)


@derived(part="the two transfer functions, one eigenvalue at a time; not SciPy")
def steps(build: Single = one_state) -> Iterator[Step]:
    """One eigenvalue, every z, h and alpha; D once."""
    z, h, alpha, a, b, c, D = sp.symbols("z h alpha a b c D")
    s = _scalar.system(a, b, c, D)
    one, two = build(s, h, alpha), gbt(s, h, alpha, "proper", _scalar.solve)
    yield Equation(
        "the constructions' own transfer functions, one eigenvalue",
        transfer(one, z),
        transfer(two, z),
        "one input sample with $C$ and $D$ changed, and the scheme's own mixture",
    )
    yield Equation("the sample after is not used", one.B_next[0], sp.Integer(0), "one input sample a step")


def solve_bound(left: Any, found: Any, inverse: Any, entries: Any, target: Any) -> Any:
    """Entrywise bound of |computed - exact| for LU with partial pivoting (Higham 2002, theorem 9.4).

    (M + E) found = Y + F with |E| <= gamma_3n P^T |L| |U| + gamma_3 |M|, |F| <= gamma_3 |Y|, hence
    |found - exact| <= |M^-1| (|E| |found| + |F|). `entries` and `target` are the majorants of M and Y.
    """
    from scipy.linalg import lu

    n = len(left)
    P, L, U = lu(left)
    gamma = [k * UNIT / (1 - k * UNIT) for k in (3 * n, 3)]
    E = gamma[0] * (P @ (np.abs(L) @ np.abs(U))) + gamma[1] * entries
    return np.abs(inverse) @ (E @ np.abs(found) + gamma[1] * target)


Parts = tuple[Any, Any, Any, Any]


def gain_bound(C: Any, B: Any, B_bound: Any, D: float, alpha: float) -> float:
    """Bound of the computed D + alpha C.B, from that of B: N products and sums, one product and one sum more."""
    n = len(C) + 2
    gamma = n * UNIT / (1 - n * UNIT)
    return float(alpha * (np.abs(C) @ B_bound) + gamma * (abs(D) + alpha * (np.abs(C) @ (np.abs(B) + B_bound))))


@checked(Rung.SAMPLED, part="SciPy's matrices for LegT and LegS")
def sampled(settings: Settings, change: Callable[[Parts], Parts] = lambda parts: parts) -> Finding:
    """scipy.signal.cont2discrete against the exact rational result for the same float64 matrices, entry by entry, at a
    drawn step for each."""
    from scipy.signal import cont2discrete

    sizes = (4, 12) if settings.profile == "quick" else (4, 12, 32)
    entropy = Entropy(settings.seed)
    worst = dict.fromkeys("ABCD", 0.0)
    for name, family in (("LegT", legt), ("LegS", legs)):
        for N in sizes:
            s = orthonormal(family.system(N), legt.norms(N))
            for alpha in (0.5, 1.0, 0.25):
                h = (1 + entropy.child("scipy", name, N, alpha).below(1 << 20)) / (1 << 24)
                found = cont2discrete((s.A, s.B[:, None], s.C[None, :], [[s.D]]), h, method="gbt", alpha=alpha)
                A, B, C, D = change((found[0], found[1][:, 0], found[2][0], found[3][0]))
                lifted = StateSpace(objects(s.A), objects(s.B), objects(s.C), number(Fraction(s.D)))
                want = single(lifted, number(Fraction(h)), number(Fraction(alpha)))
                left = np.eye(N) - alpha * h * s.A
                inverse = np.linalg.inv(left)
                entries = np.eye(N) + alpha * h * np.abs(s.A)
                shifted = np.eye(N) + (1 - alpha) * h * np.abs(s.A)
                B_bound = solve_bound(left, B, inverse, entries, h * np.abs(s.B))
                for part, computed, exact_part, bound in (
                    ("A", A, want.A, solve_bound(left, A, inverse, entries, shifted)),
                    ("B", B, want.B_now, B_bound),
                    ("C", C, want.C, solve_bound(left.T, C, inverse.T, entries.T, np.abs(s.C))),
                    ("D", D, np.array([want.D]), np.array([gain_bound(s.C, B, B_bound, s.D, alpha)])),
                ):
                    size = np.abs((objects(computed) - exact_part).ravel().astype(float))
                    most = np.ravel(bound)
                    # structural zeros have the bound 0 and must be exact
                    ratio = np.where(size > most, np.inf, 0.0)
                    np.divide(size, most, out=ratio, where=most > 0)
                    worst[part] = max(worst[part], float(ratio.max()))
                    if ratio.max() > 1:
                        at = int(ratio.argmax())
                        return Finding(
                            Verdict.REFUTED,
                            f"{part} of {name} at N = {N}, alpha = {alpha}: off by {float(ratio.max()):.3g} times the bound",
                            counterexample=Counterexample(
                                {"N": N},
                                {"alpha": str(alpha), "h": repr(h)},
                                repr(float(np.ravel(computed)[at])),
                                repr(float(exact_part.ravel()[at])),
                                "SciPy",
                                "exact",
                                f"{part}, flat entry {at}",
                            ),
                        )
    return Finding(
        Verdict.CONFIRMED,
        figures={f"{part}: worst error over bound": value for part, value in worst.items()},
        settings={"sizes": {"N": str(sizes)}, "dtype": "float64", "seed": settings.seed},
        trust=("Higham's bound for LU with partial pivoting, its inverse and majorants in float64",),
    )


def _wrong(id: str, text: str, change: Callable[[Discrete, StateSpace, Any], Discrete]) -> Mutant:
    def of(build: Single) -> Single:
        return lambda system, h, alpha: change(build(system, h, alpha), system, h)

    checks = {Rung.EXACT: exact.check(build=of(single)), Rung.UNIVERSAL: steps.check(build=of(one_state))}
    return Mutant(id, text, checks)


def _narrow(parts: Parts) -> Parts:
    A, B, C, D = (np.asarray(p, dtype=np.float32).astype(np.float64) for p in parts)
    return A, B, C, D


CLAIM = claim(
    __name__,
    sampled.checks() | exact.checks() | steps.checks(),
    _wrong("same_C", "C is kept", lambda d, s, h: replace(d, C=s.C)),
    _wrong("same_D", "D is kept", lambda d, s, h: replace(d, D=s.D)),
    _wrong("tied_gain", "a gain that is right at h = 1/7 alone", lambda d, s, h: tied(d, h)),
    sampled.mutant("scipy_gain", "SciPy returns the gain 10^9", change=lambda parts: (*parts[:3], np.array([1e9]))),
    sampled.mutant("float32", "SciPy's matrices rounded to float32", change=lambda parts: _narrow(parts)),
)
