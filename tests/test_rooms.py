"""Rooms know each other by import statements alone, which import-linter reads: a name built as a string counts as one."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
FOLDERS = ("constructions", "numeric", "proofs", "reports")
IMPORTERS = ("import_module", "__import__", "find_spec", "resolve_name", "run_module")


def named(text: str, own: str) -> Iterator[str]:
    """The calls that import a module by a text which begins with the name of another folder than their `own`."""
    tree = ast.parse(text)
    renamed = {
        alias.asname: alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
        if alias.asname
    }
    for call in (node for node in ast.walk(tree) if isinstance(node, ast.Call)):
        name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
        if renamed.get(name, name) not in IMPORTERS:
            continue
        for argument in (*call.args, *(keyword.value for keyword in call.keywords)):
            texts = [n.value for n in ast.walk(argument) if isinstance(n, ast.Constant) and isinstance(n.value, str)]
            if any(t.partition(".")[0] in FOLDERS and t.partition(".")[0] != own for t in texts):
                yield f"line {call.lineno}: {ast.unparse(call)}"


@pytest.mark.parametrize("folder", FOLDERS)
def test_no_room_imports_another_by_a_text(folder: str) -> None:
    files = sorted((ROOT / folder).rglob("*.py"))
    assert files
    found = {str(f.relative_to(ROOT)): list(named(f.read_text("utf-8"), folder)) for f in files}
    assert {name: lines for name, lines in found.items() if lines} == {}


@pytest.mark.parametrize(
    ("planted", "seen"),
    [
        ('importlib.import_module("reports.figures")', True),
        ('import_module(f"reports.{name}")', True),
        ('__import__("reports")', True),
        ('import_module(name="reports" + ".figures")', True),
        ('from importlib import import_module as load\nload("reports.cli")', True),
        ('importlib.import_module(f"proofs.{id}")', False),
        ("importlib.import_module(name)", False),
        ('importlib.import_module("torch")', False),
        ('print("reports.figures")', False),
    ],
)
def test_a_planted_one_is_seen(planted: str, seen: bool) -> None:
    assert bool(list(named(planted, "proofs"))) == seen
