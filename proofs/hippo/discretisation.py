"""The generalised bilinear transform with one input sample is the proper one, and SciPy's result is right to rounding."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from flint import fmpq

from constructions import discretisation, legs, legt
from constructions.discretisation import Discrete, gbt
from constructions.state_space import StateSpace, orthonormal
from numeric.finding import Counterexample, Finding, Verdict
from numeric.rational_matrices import number, objects, solve
from proofs.claim import Check, Claim, Kind, Mutant
from proofs.evidence import Rung, Settings
from proofs.hippo._checks import Same, exactly
from proofs.hippo.one_step_error import SCHEMES, STEP, exact_system, response

Single = Callable[[StateSpace, Any, Any], Discrete]
UNIT = 2.0**-53


def single(system: StateSpace, h: Any, alpha: Any) -> Discrete:
    """The construction on exact numbers."""
    return discretisation.single_input(system, h, alpha, solve)


def exact(build: Single = single) -> Check:
    """One transfer function, at 2N + 3 values of z: both sides are quotients of degree at most N + 1."""

    def compare(N: int) -> Iterator[Same]:
        s, h = exact_system(N), number(STEP)
        for name, share in SCHEMES.items():
            alpha = number(share)
            proper, one = gbt(s, h, alpha, "proper", solve), build(s, h, alpha)
            for j in range(2 * N + 3):
                z = fmpq(j + 5, 2)
                yield Same(f"transfer function, {name}", response(one, z), response(proper, z), {"z": z, "h": h})

    return exactly(compare, range(1, 7), range(1, 13))


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


def sampled(change: Callable[[Any], Any] = lambda parts: parts) -> Check:
    """scipy.signal.cont2discrete against the exact rational result for the same float64 matrices, entry by entry."""

    def run(settings: Settings) -> Finding:
        from scipy.signal import cont2discrete

        sizes = (4, 12) if settings.profile == "quick" else (4, 12, 32)
        worst = 0.0
        for name, family in (("LegT", legt), ("LegS", legs)):
            for N in sizes:
                s = orthonormal(family.system(N), legt.norms(N))
                h = 2.0**-6
                for alpha in (0.5, 1.0, 0.25):
                    parts = cont2discrete((s.A, s.B[:, None], s.C[None, :], [[s.D]]), h, method="gbt", alpha=alpha)
                    A, B, C = change((parts[0], parts[1][:, 0], parts[2][0]))
                    lifted = StateSpace(objects(s.A), objects(s.B), objects(s.C), number(round(s.D)))
                    want = single(lifted, fmpq(1, 64), fmpq(int(4 * alpha), 4))
                    left = np.eye(N) - alpha * h * s.A
                    inverse = np.linalg.inv(left)
                    entries = np.eye(N) + alpha * h * np.abs(s.A)
                    shifted = np.eye(N) + (1 - alpha) * h * np.abs(s.A)
                    for part, found, exact_part, bound in (
                        ("A", A, want.A, solve_bound(left, A, inverse, entries, shifted)),
                        ("B", B, want.B_now, solve_bound(left, B, inverse, entries, h * np.abs(s.B))),
                        ("C", C, want.C, solve_bound(left.T, C, inverse.T, entries.T, np.abs(s.C))),
                    ):
                        error = np.array([[float(v)] for v in (objects(found) - exact_part).ravel()], dtype=float)
                        size, most = np.abs(error.ravel()), np.ravel(bound)
                        # structural zeros have the bound 0 and must be exact
                        ratio = np.where(size > most, np.inf, 0.0)
                        np.divide(size, most, out=ratio, where=most > 0)
                        worst = max(worst, float(ratio.max()))
                        if ratio.max() > 1:
                            at = int(ratio.argmax())
                            return Finding(
                                Verdict.REFUTED,
                                f"{part} of {name} at N = {N}, alpha = {alpha}: off by {float(ratio.max()):.3g} times the bound",
                                counterexample=Counterexample(
                                    {"N": N},
                                    {"alpha": str(alpha), "h": "1/64"},
                                    repr(float(np.ravel(found)[at])),
                                    repr(float(exact_part.ravel()[at])),
                                    "SciPy",
                                    "exact",
                                    f"{part}, flat entry {at}",
                                ),
                            )
        return Finding(
            Verdict.CONFIRMED,
            figures={"worst error over bound": worst},
            settings={"sizes": {"N": str(sizes)}, "dtype": "float64"},
            trust=("Higham's bound for LU with partial pivoting, its inverse and majorants in float64",),
        )

    return run


def _same_C(system: StateSpace, h: Any, alpha: Any) -> Discrete:
    d = single(system, h, alpha)
    return Discrete(d.A, d.B_now, d.B_next, system.C, d.D)


def _same_D(system: StateSpace, h: Any, alpha: Any) -> Discrete:
    d = single(system, h, alpha)
    return Discrete(d.A, d.B_now, d.B_next, d.C, system.D)


CLAIM = Claim(
    __name__,
    title="One input sample per step: the proper bilinear scheme, and SciPy's",
    kind=Kind.IDENTITY,
    statement=r"""The generalised bilinear scheme $x_{k+1} = \bar A x_k + \bar B \left((1-\alpha) u_k + \alpha
u_{k+1}\right)$, $y_k = C x_k + D u_k$ has the transfer function of $w_{k+1} = \bar A w_k + \bar B u_k$, $y_k = C (I -
\alpha h A)^{-1} w_k + \left(D + \alpha C (I - \alpha h A)^{-1} h B\right) u_k$. So a hold of one sample is proper if
and only if $C$ and $D$ are changed with it; `scipy.signal.cont2discrete` does so, and its matrices are right to the
rounding of one linear solve.""",
    derivation=r"""With $x_k = (I - \alpha h A)^{-1} \left(w_k + \alpha h B u_k\right)$ the first recurrence turns
into the second. Exact rationals at more points than the degree decide the equality of the transfer functions.""",
    source="derived here; the bound is Higham 2002, theorem 9.4",
    checks={Rung.SAMPLED: sampled(), Rung.EXACT: exact()},
    mutants=(
        Mutant("same_C", "C is kept", {Rung.EXACT: exact(_same_C)}),
        Mutant("same_D", "D is kept", {Rung.EXACT: exact(_same_D)}),
        Mutant(
            "float32",
            "SciPy's matrices rounded to float32",
            {Rung.SAMPLED: sampled(lambda parts: tuple(p.astype(np.float32).astype(np.float64) for p in parts))},
        ),
    ),
)
