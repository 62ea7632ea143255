"""Answers' certificates: what they have, what they leave out, and answers that have none."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from constructions.learners import library
from numeric.deciding.comparison import Comparison
from numeric.deciding.exact_identity import decide
from numeric.deciding.witnesses import Witness, witnessed
from numeric.entropy import Entropy
from numeric.finding import Finding, Verdict
from proofs.audit import certificate_checker as checker
from proofs.audit.answer import Answer, Check, Word
from proofs.audit.rows import Row
from reports.certificates import NoCertificate, certificate

SIZES = {"f": 2, "m": 2, "N": 3}
TARGET = "examples/divided_by_the_width.py:predict"


def both(X: Any, Y: Any, x_q: Any) -> Any:
    return x_q @ X.T @ Y


def sums(X: Any, Y: Any, x_q: Any) -> Any:
    return sum((x_q @ x) * y for x, y in zip(X, Y, strict=True))


def unread(X: Any, Y: Any, x_q: Any) -> Any:
    return x_q @ X[1:].T @ Y[1:]


def _answer(*programs: Any) -> tuple[Answer, list[Witness]]:
    """An answer with an exact row for each program against itself or a program, and its witnesses."""
    shapes = {"X": ("N", "f"), "Y": ("N", "m"), "x_q": ("f",)}
    with witnessed() as kept:
        found = [decide(Comparison(a, b, shapes, SIZES, entropy=Entropy(1))) for a, b in programs]
    rows = tuple(Row(Check.EXACT, SIZES, finding) for finding in found)
    return Answer(
        target=TARGET, adapter="layer", named=True, learner=library()["gd"], word=Word.PROVED, reason="", rows=rows
    ), kept


def test_a_certificate_names_both_sides_and_says_what_it_leaves_out() -> None:
    answer, kept = _answer((both, sums))
    induction = Row(Check.EVERY, {"f": 2, "m": 2}, Finding(Verdict.CONFIRMED))
    data, told = certificate(dataclasses.replace(answer, rows=(*answer.rows, induction)), kept)
    statement, claims = checker.check(data)
    about = statement["about"]
    assert about["A"] == TARGET and about["A's file"].startswith("divided_by_the_width.py, SHA-256 ")
    assert about["B"].startswith("gd: ") and about["B's file"].startswith("gd.py, SHA-256 ")
    assert about["answer"] == "PROVED" and "every N at f=2 m=2" in about["not here"]
    assert len(claims["identities"]) == 1 and claims["chance"] <= -100
    assert told[0].startswith("1 identities, ") and "every N" in told[1]


@pytest.mark.parametrize("word", [Word.AGREES, Word.REFUTED, Word.UNDECIDED])
def test_what_is_not_proved_has_no_certificate(word: Word) -> None:
    answer, kept = _answer((both, sums))
    with pytest.raises(NoCertificate, match=word.value):
        certificate(dataclasses.replace(answer, word=word), kept)


def test_without_recordings_there_is_no_certificate() -> None:
    answer, _ = _answer((both, sums))
    with pytest.raises(NoCertificate, match="no exact row"):
        certificate(answer, [])


def test_witnesses_are_kept_where_somebody_asks_and_only_of_confirmations() -> None:
    _, kept = _answer((both, sums), (both, unread))
    assert [witness.finding.verdict for witness in kept] == [Verdict.CONFIRMED]
    with witnessed() as none:
        pass
    assert none == []
