"""Evidence: what a mutant's outcome is, and that weak findings need reasons."""

import pytest

from numeric.finding import Counterexample, Finding, Refusal, Verdict, combine
from proofs.evidence import Evidence, Fingerprints, Grade, MutantEvidence, Outcome, Rung, Settings, Settled
from reports.said import pasted

CONFIRMED = Finding(Verdict.CONFIRMED)
FLAGGED = Finding(Verdict.CONFIRMED, flags=("a cast",))
REFUTED = Finding(Verdict.REFUTED, reason="differs")
REFUSED = Finding(Verdict.REFUTED, reason="a branch", refused=Refusal.LINT)
UNDECIDED = Finding(Verdict.UNDECIDED, reason="no rule")
NOT_RUN = Finding(Verdict.NOT_RUN, reason="no device")


@pytest.mark.parametrize(
    ("findings", "blind", "outcome"),
    [
        ({Rung.EXACT: REFUTED}, {}, Outcome.REFUTED),
        ({Rung.EXACT: CONFIRMED}, {}, Outcome.SURVIVED),
        ({Rung.EXACT: FLAGGED}, {}, Outcome.SURVIVED),
        ({Rung.EXACT: CONFIRMED}, {Rung.EXACT: "rounding"}, Outcome.SURVIVED),
        ({Rung.EXACT: FLAGGED}, {Rung.EXACT: "rounding"}, Outcome.FLAGGED),
        ({Rung.EXACT: UNDECIDED}, {}, Outcome.SURVIVED),
        ({Rung.EXACT: UNDECIDED}, {Rung.EXACT: "order"}, Outcome.UNDECIDED),
        ({Rung.EXACT: FLAGGED, Rung.SAMPLED: REFUTED}, {Rung.EXACT: "rounding"}, Outcome.REFUTED),
        ({Rung.EXACT: CONFIRMED, Rung.SAMPLED: REFUTED}, {Rung.EXACT: "rounding"}, Outcome.SURVIVED),
        ({Rung.UNIVERSAL: REFUSED}, {}, Outcome.REFUSED),
        ({Rung.UNIVERSAL: REFUSED, Rung.EXACT: REFUTED}, {}, Outcome.REFUTED),
        ({Rung.UNIVERSAL: REFUSED, Rung.EXACT: CONFIRMED}, {}, Outcome.SURVIVED),
        ({Rung.EXACT: NOT_RUN}, {}, Outcome.NOT_RUN),
        ({Rung.EXACT: NOT_RUN, Rung.SAMPLED: REFUTED}, {}, Outcome.REFUTED),
    ],
)
def test_outcomes(findings, blind, outcome):
    assert MutantEvidence("c", "m", "d", findings, blind, 0.0).outcome is outcome


@pytest.mark.parametrize("verdict", [Verdict.UNDECIDED, Verdict.NOT_RUN, Verdict.REFUTED])
def test_a_weak_finding_needs_a_reason(verdict):
    with pytest.raises(ValueError, match="needs a"):
        Finding(verdict)


def test_combining_keeps_the_worst_and_confirms_nothing_from_nothing():
    assert combine([CONFIRMED, UNDECIDED, REFUTED]) is REFUTED
    assert combine([CONFIRMED, NOT_RUN]) is NOT_RUN
    assert combine([CONFIRMED, REFUSED]) is REFUSED
    assert combine([REFUSED, UNDECIDED, REFUTED]) is REFUTED  # an engine that saw it says more
    assert combine(
        [Finding(Verdict.CONFIRMED, figures={"a": 1}), Finding(Verdict.CONFIRMED, figures={"a": 2})]
    ).figures == {
        "a": 1,
        "a [1]": 2,
    }
    with pytest.raises(ValueError, match="nothing was checked"):
        combine([])


def test_findings_are_frozen():
    finding = Finding(Verdict.CONFIRMED, figures={"a": 1})
    with pytest.raises(TypeError):
        finding.figures["a"] = 2


def test_a_counterexample_is_python():
    found = Counterexample({"n": 1}, {"x": [["1", "-1/2"]]}, ["0"], ["3"], "layer", "learner")
    assert pasted(found) == ["x = [[1, -1/2]]", "# layer: [0]", "# learner: [3]"]
    assert found.to_json()["layer"] == ["0"]


@pytest.mark.parametrize("wrong", [{"profile": "slow"}, {"device": "tpu"}, {"target_log2": 3}])
def test_settings_are_checked(wrong):
    with pytest.raises(ValueError, match="expected"):
        Settings(**wrong)


def evidence(
    rung: Rung, part: str = "", unseen: tuple[str, ...] | None = (), verdict: Verdict = Verdict.CONFIRMED
) -> Evidence:
    return Evidence("a.b", rung, Finding(verdict, "why", part=part), 0.0, Fingerprints("", "", ""), unseen)


MEASURED, EXACT, UNIVERSAL, KERNEL = Rung.MEASURED, Rung.EXACT, Rung.UNIVERSAL, Rung.KERNEL


@pytest.mark.parametrize(
    ("found", "rung", "parts", "grade"),
    [
        # a stronger rung that covers a part takes nothing away from a weaker one that covers all
        ([evidence(UNIVERSAL), evidence(KERNEL, "f = m")], UNIVERSAL, [KERNEL], Grade.ALL),
        ([evidence(EXACT), evidence(UNIVERSAL, unseen=("a.f",))], EXACT, [UNIVERSAL], Grade.PART),
        ([evidence(EXACT), evidence(UNIVERSAL, unseen=None)], EXACT, [UNIVERSAL], Grade.PART),
        ([evidence(EXACT), evidence(UNIVERSAL, verdict=Verdict.UNDECIDED)], EXACT, [], Grade.LISTED),
        ([evidence(MEASURED), evidence(EXACT, "the norms")], MEASURED, [EXACT], Grade.MEASURED),
        ([evidence(MEASURED, unseen=None)], MEASURED, [], Grade.MEASURED),
        ([evidence(EXACT, "the norms")], None, [EXACT], Grade.PART),
        ([evidence(UNIVERSAL), evidence(EXACT, verdict=Verdict.REFUTED)], None, [], None),
        ([], None, [], None),
    ],
)
def test_what_a_claim_is_settled_on(
    found: list[Evidence], rung: Rung | None, parts: list[Rung], grade: Grade | None
) -> None:
    settled = Settled.of(found)
    assert (settled.rung, [e.rung for e in settled.parts], settled.grade) == (rung, parts, grade)
    assert bool(settled) == (grade is not None)
