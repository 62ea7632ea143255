"""Every claim on every rung, and every mutant: the project's own statements, run by pytest."""

import pytest

from numeric.deciding import programs
from numeric.finding import Verdict
from proofs import registry
from proofs.evidence import Evidence, Fingerprints, MutantEvidence, Outcome, Rung, Settings
from proofs.verify import sight
from reports.said import said
from reports.words import covered

SETTINGS = Settings(seed=20241101)
MARKS = Fingerprints("", "", "")
OPTIONAL = {Rung.KERNEL}
CHECKS = [
    pytest.param(c, r, id=f"{c.id}-{r.value}", marks=pytest.mark.claim(c.id, r.value))
    for c in registry.select()
    for r in c.rungs
]
MUTANTS = [pytest.param(c, m, id=f"{c.id}-{m.id}") for c in registry.select() for m in c.mutants]


@pytest.mark.parametrize(("claim", "rung"), CHECKS)
def test_confirmed(claim, rung, record_property):
    finding = claim.checks[rung](SETTINGS)
    if finding.verdict is Verdict.NOT_RUN and rung in OPTIONAL:
        pytest.skip(said(finding.reason))
    assert finding.verdict is Verdict.CONFIRMED, f"{finding.reason}\n{finding.counterexample}"
    assert finding.figures, "a confirmation comes with figures"
    assert finding.trust, "a confirmation says what is trusted"
    # what it sees of the code is measured by a run or by the bench, not here
    unseen = sight.labels(claim, sight.known(claim))[rung]
    evidence = Evidence(claim.id, rung, finding, 0.0, MARKS, unseen)
    if unseen is None and rung in sight.deciding(claim):
        record_property(
            "claim unmeasured", "what the rungs see of the code was not measured (`ssmproof verify` measures it)"
        )
    if not evidence.whole:
        record_property("claim part", covered(evidence))


@pytest.mark.parametrize(("claim", "mutant"), MUTANTS)
def test_mutant_is_dealt_with(claim, mutant):
    with programs.lightly():  # as in a run
        findings = {r: check(SETTINGS) for r, check in mutant.checks.items()}
    findings = {r: f for r, f in findings.items() if r not in OPTIONAL or f.verdict is not Verdict.NOT_RUN}
    if not findings:
        pytest.skip("its only rung is optional, and can't run here")
    evidence = MutantEvidence(claim.id, mutant.id, mutant.description, findings, mutant.blind, 0.0)
    assert evidence.outcome not in (Outcome.SURVIVED, Outcome.REFUSED, Outcome.NOT_RUN), {
        r.value: (f.verdict.value, f.reason) for r, f in findings.items()
    }
    for rung, finding in findings.items():
        if rung not in mutant.blind:
            assert finding.verdict is Verdict.REFUTED, f"{rung.value}: {finding.verdict.value}: {finding.reason}"


def test_no_mutant_that_any_rung_sees_ends_without_a_refutation():
    """At least one mutant of every claim is refuted by a rung that is not optional."""
    for claim in registry.select():
        seen = [m for m in claim.mutants if set(m.checks) - set(m.blind) - OPTIONAL]
        assert seen, claim.id


@pytest.mark.parametrize(
    "claim", [pytest.param(c, id=c.id) for c in registry.select() if any(Rung.UNIVERSAL in m.checks for m in c.mutants)]
)
def test_the_universal_rung_refutes_a_mutant_that_it_saw(claim):
    """One whose code the lint refuses, or which has no words, falls to plain runs at small sizes, as on any rung."""
    with programs.lightly():
        found = (m.checks[Rung.UNIVERSAL](SETTINGS) for m in claim.mutants if Rung.UNIVERSAL in m.checks)
        assert any(f.verdict is Verdict.REFUTED and f.refused is None for f in found)
