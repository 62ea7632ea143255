r"""Diagonalising LegT or LegS: where float64 loses its digits, and is refused.

In float64 the modal form $e^{At} = V e^{\Lambda t} V^{-1}$ of LegT and LegS loses about $\log_{10} \mathrm{cond}(V)$
digits, and the condition of the eigenvectors grows geometrically with $N$: from $N$ = 32 on none is left.
`constructions.modal.modal` gives the form only where it has the digits asked for, and raises `IllConditioned` with the
condition number elsewhere; what it accepts has them, and what it refuses at $N = 32$ is wrong. FouT's form is harmless.

Why.
The accepted and the refused forms against the exponential in balls at $h = \theta/128$. (SciPy's `expm`, which
`constructions.discretisation` uses, does not diagonalise.) That the bases are orthonormal is hippo.dissipativity.

Assumes.
- the $N$ listed
- six digits

Source.
derived here; the growth is measured
"""

# Over 120 lines: what a diagonal form has to satisfy, and each reason to refuse it.

from collections.abc import Callable, Mapping
from functools import cache

import numpy as np
from flint import arb, arb_mat, fmpq

from constructions import fout, legs, legt
from constructions.modal import IllConditioned, Modal, modal
from constructions.state_space import StateSpace, orthonormal
from numeric.analysis import peano
from numeric.analysis.rational_matrices import matrix
from numeric.finding import Counterexample, Finding, Quantity, Verdict
from proofs.forms import Kind, Rung, Settings, both, checked, claim
from proofs.hippo import dissipativity

STEP = fmpq(1, 128)
DIGITS = 6
CASES: Mapping[str, tuple[int, ...]] = {"LegT": (4, 8, 16, 32), "LegS": (4, 8, 12, 32), "FouT": (9, 33)}
REFUSED = {("LegT", 32), ("LegS", 32)}

Diagonalise = Callable[[StateSpace], Modal]


def guarded(system: StateSpace) -> Modal:
    """The construction with the digits of the claim."""
    return modal(system, DIGITS)


def coefficients(family: str, N: int) -> tuple[StateSpace, np.ndarray]:
    """The system in its coefficient basis, with ones for input and output, and the squared weights; FouT with 2 pi in
    float64, taken exactly."""
    if family == "FouT":
        A, norms = fout.system(N // 2, 2 * np.pi).A, fout.norms(N // 2)
    else:
        A, norms = (legt.system(N) if family == "LegT" else legs.system(N)).A, legt.norms(N)
    return StateSpace(A, np.ones(N), np.ones(N), 1), norms


@cache
def exact(family: str, N: int) -> list[list[arb]]:
    """e^{A h} in the orthonormal basis, in balls."""
    system, norms = coefficients(family, N)
    with peano.precision(200):
        entries = [[arb(float(v)) for v in r] for r in system.A.tolist()]
        A = arb_mat(entries) if family == "FouT" else arb_mat(matrix(system.A))
        e = (A * arb(STEP)).exp().tolist()
        roots = [arb(int(v)).sqrt() for v in norms]
        return [[e[i][j] * roots[j] / roots[i] for j in range(N)] for i in range(N)]


def error(family: str, N: int, form: Modal) -> float:
    """The largest entry of V e^{Lh} V^{-1} - e^{Ah}."""
    h = float(STEP.p) / float(STEP.q)
    found = (form.vectors * np.exp(form.poles * h)) @ np.linalg.inv(form.vectors)
    with peano.precision(200):
        return max(
            float(abs(arb(float(found[i, j].real)) - exact(family, N)[i][j]).abs_upper())
            for i in range(N)
            for j in range(N)
        )


def misfit(system: StateSpace, form: Modal, norms: np.ndarray) -> str:
    """What of the form is not the system's with ones for input and output, or not where the digits end; else empty."""
    r, allowed = np.sqrt(norms.astype(float)), 10.0**-DIGITS
    if not np.abs(form.vectors @ form.B * r - 1).max() <= allowed:
        return "B"
    if not np.abs(form.C @ np.linalg.inv(form.vectors) / r - 1).max() <= allowed:
        return "C"
    if form.D != 1:
        return "D"
    left = -np.log10(len(r) * form.condition * 2.0**-53)
    try:
        modal(system, left - 0.01)
    except IllConditioned:
        return f"refused at {left - 0.01:.2f} digits"
    try:
        modal(system, left + 0.01)
    except IllConditioned:
        return ""
    return f"accepted at {left + 0.01:.2f} digits"


@checked(Rung.MEASURED)
def check(
    settings: Settings, diagonalise: Diagonalise = guarded, refused: frozenset[tuple[str, int]] = frozenset(REFUSED)
) -> Finding:
    """Accepted forms have the digits that were asked for; the refused cases are the stated ones; unguarded ones fail."""
    figures: dict[str, Quantity] = {}
    for family, sizes in CASES.items():
        for N in sizes:
            system = orthonormal(*coefficients(family, N))
            name = f"{family}, N = {N}"
            try:
                form = diagonalise(system)
            except IllConditioned:
                unguarded = modal(system, -400)
                wrong = error(family, N, unguarded)
                figures[f"{name}: condition, refused"] = f"{unguarded.condition:.1e}"
                figures[f"{name}: error if it were not"] = f"{wrong:.1e}"
                if (family, N) not in refused:
                    return _refuted(name, N, "refused", "accepted", figures)
                if wrong <= 10.0**-DIGITS:
                    return _refuted(name, N, f"{wrong:.2e}", f"more than 1e-{DIGITS}", figures)
                continue
            found = error(family, N, form)
            if unlike := misfit(system, form, coefficients(family, N)[1]):
                return _refuted(name, N, unlike, "the form of this system", figures)
            if form.condition != (condition := float(np.linalg.cond(form.vectors))):
                return _refuted(name, N, f"condition {form.condition:.3g}", f"{condition:.3g}", figures)
            figures[f"{name}: condition, error"] = f"{form.condition:.1e}, {found:.1e}"
            if (family, N) in refused:
                return _refuted(name, N, "accepted", "refused", figures)
            if found > 10.0**-DIGITS:
                return _refuted(name, N, f"{found:.2e}", f"at most 1e-{DIGITS}", figures)
    return Finding(
        Verdict.CONFIRMED,
        figures=figures,
        settings={"dtype": "float64", "h": str(STEP), "digits": DIGITS},
        trust=("Arb's matrix exponential", "LAPACK's eigenvectors are what a user would get"),
    )


def _refuted(name: str, N: int, found: str, claimed: str, figures: dict[str, Quantity]) -> Finding:
    shown = Counterexample({"N": N}, {"h": str(STEP)}, found, claimed, "found", "claimed", name)
    return Finding(Verdict.REFUTED, f"{name}: {found}, claimed {claimed}", figures=figures, counterexample=shown)


CLAIM = claim(
    __name__,
    {Rung.MEASURED: both(check.check(), dissipativity.exact.check())},
    check.mutant(
        "no_guard", "the modal form without its guard", diagonalise=lambda s: modal(s, -400), refused=frozenset()
    ),
    check.mutant("guard_fout", "FouT is refused as well", refused=frozenset(REFUSED | {("FouT", 33)})),
    check.mutant("twelve_digits", "all listed forms have twelve digits", diagonalise=lambda s: modal(s, 12)),
    kind=Kind.BOUND,
)
