"""What the toy claims share."""

from __future__ import annotations

from numeric.finding import Counterexample, Finding, Verdict
from proofs.claim import Check, Mutant
from proofs.evidence import Rung, Settings


def confirms(settings: Settings) -> Finding:
    """The exact rung's answer for a true statement."""
    return Finding(
        Verdict.CONFIRMED,
        figures={"degree": 6, "failure_log2": -118.4, "points": 2},
        settings={"sizes": {"f": 3, "m": 2, "N": 5}, "seed": settings.seed},
        trust=("Schwartz-Zippel with a computed degree",),
    )


def refutes(settings: Settings) -> Finding:
    """A refutation with a counterexample of one token."""
    return Finding(
        Verdict.REFUTED,
        figures={"points": 1},
        settings={"seed": settings.seed},
        counterexample=Counterexample(
            sizes={"f": 1, "m": 1, "N": 1},
            inputs={"X": [["1"]], "Y": [["1"]], "x_q": ["1"], "eta": "1/2"},
            left=["-1/2"],
            right=["1/2"],
            left_name="layer",
            right_name="learner",
        ),
    )


def undecided(settings: Settings) -> Finding:
    """No answer, with the reason."""
    return Finding(Verdict.UNDECIDED, reason="the residue 1e-8 is below what this arithmetic can see")


def not_run(settings: Settings) -> Finding:
    """A rung that this machine lacks."""
    return Finding(Verdict.NOT_RUN, reason="coqc is not installed; apt-get install coq")


def wrong_sign(check: Check = refutes, rung: Rung = Rung.EXACT) -> Mutant:
    """A mutant with one check."""
    return Mutant("wrong_sign", "the update is added with the opposite sign", {rung: check})
