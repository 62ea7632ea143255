"""The three audits of `examples`: each file's own command, run as it is written there, gives its answer."""

from __future__ import annotations

import ast
import json
import os
import shlex
from pathlib import Path

import pytest

from reports.cli import main

ROOT = Path(__file__).resolve().parents[2]


def command(name: str) -> list[str]:
    """The words of the command in the file's docstring, after `ssmproof`."""
    text = ast.get_docstring(ast.parse((ROOT / "examples" / name).read_text("utf-8"))) or ""
    (line,) = [line for line in text.splitlines() if line.strip().startswith("ssmproof ")]
    return shlex.split(line)[1:]


def answer(name: str, tmp_path: Path) -> tuple[int, dict[str, object]]:
    """The command's exit status and its JSON."""
    file = tmp_path / "audit.json"
    before = Path.cwd()
    os.chdir(ROOT)
    try:
        status = main([*command(name), "--seed", "1", "--json", str(file)])
    finally:
        os.chdir(before)
    return status, json.loads(file.read_text("utf-8"))


def test_every_example_is_tested():
    assert {p.name for p in (ROOT / "examples").glob("*.py")} == {
        "chunked_delta.py", "divided_by_the_width.py", "unknown_memory.py",
    }  # fmt: skip


@pytest.mark.slow
def test_exact_match(tmp_path: Path):
    status, found = answer("chunked_delta.py", tmp_path)
    assert (status, found["verdict"], found["learner"]) == (0, "confirmed", "online_gd")


def test_refuted(tmp_path: Path):
    status, found = answer("divided_by_the_width.py", tmp_path)
    assert (status, found["verdict"]) == (1, "refuted")
    shown = found["counterexample"]
    assert isinstance(shown, dict)
    assert shown["sizes"] == {"f": 1, "m": 1, "N": 2}, "the smallest context whose length is not its width"


@pytest.mark.slow
def test_identified(tmp_path: Path):
    status, found = answer("unknown_memory.py", tmp_path)
    assert (status, found["verdict"], found["learner"]) == (0, "confirmed", "titans")
    parameters = found["parameters"]
    assert isinstance(parameters, dict)
    assert [parameters[name] for name in ("theta", "mu", "decay")] == ["1/4", "1/2", "7/8"]


@pytest.mark.parametrize("name", ["chunked_delta.py", "divided_by_the_width.py", "unknown_memory.py"])
def test_an_example_needs_nothing_of_this_project(name: str):
    tree = ast.parse((ROOT / "examples" / name).read_text("utf-8"))
    imported = {a.name for n in ast.walk(tree) if isinstance(n, ast.Import) for a in n.names}
    assert imported == {"torch"}
    assert not [n for n in ast.walk(tree) if isinstance(n, ast.ImportFrom)]
