"""The tables of proofs/hippo: every statement has claims, every false one has mutants, and every name exists."""

from __future__ import annotations

import re

import proofs.hippo
from proofs import registry

ROWS = {
    found[1]: found[2].split()
    for line in (proofs.hippo.__doc__ or "").splitlines()
    if (found := re.match(r"([HF]\d+) .*?  ((?:\w+(?:/\w+)?\s?)+)$", line))
}


def test_all_statements_are_listed() -> None:
    """H01 to H20 and F1 to F9, in order, none empty."""
    assert list(ROWS) == [f"H{k:02}" for k in range(1, 21)] + [f"F{k}" for k in range(1, 10)]
    assert all(ROWS.values())


def test_names_exist() -> None:
    """Claims are in the registry; a mutant belongs to its claim; a false statement names a mutant at least."""
    for statement, names in ROWS.items():
        for name in names:
            id, _, mutant = name.partition("/")
            claim = registry.claim(f"hippo.{id}")
            assert not mutant or mutant in {m.id for m in claim.mutants}, f"{statement}: {name}"
        if statement.startswith("F"):
            assert any("/" in name for name in names), statement


def test_no_row_is_lost() -> None:
    """As many rows as lines that start like one."""
    lines = [line for line in (proofs.hippo.__doc__ or "").splitlines() if re.match(r"[HF]\d+ ", line)]
    assert len(lines) == len(ROWS) == 29
