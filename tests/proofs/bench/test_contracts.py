"""The operators of the table of contracts: enough of them, each found where it is said to be."""

from __future__ import annotations

from importlib.util import find_spec

import pytest

from proofs.audit.answer import Word
from proofs.bench import contracts
from proofs.bench.contracts import OPERATORS, Operator
from proofs.contract.findings import Contracts
from proofs.target.loading import load


def test_operators_have_titles_of_their_own() -> None:
    assert len(OPERATORS) >= 40 and len({operator.title for operator in OPERATORS}) == len(OPERATORS)


@pytest.mark.skipif(find_spec("fla") is None, reason="fla-core is not installed")
def test_operators_are_there() -> None:
    for operator in OPERATORS:
        assert find_spec(operator.package) is None or load(operator.target).parameters, operator.title


def test_what_is_missing_or_refused_has_a_line() -> None:
    missing = Operator("missing", "nowhere:layer", package="no_such_package")
    wrong = Operator("wrong", "proofs/bench/foreign.py:nothing")
    seen: list[str] = []
    lines = contracts.run([missing, wrong], 1, lambda line: seen.append(line.operator.title))
    assert seen == ["missing", "wrong"]
    assert "is not installed" in str(lines[0].found) and "has no 'nothing'" in str(lines[1].found)


@pytest.mark.slow
def test_a_public_operator_keeps_its_contracts() -> None:
    found = contracts.run([OPERATORS[0]], 1)[0].found
    assert isinstance(found, Contracts) and found.word is Word.AGREES
