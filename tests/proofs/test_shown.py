"""How a notebook that imports only `proofs` shows what it has: proofs/shown.py and the distribution's entry points."""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from proofs import shown
from proofs.figure import Figure, Series, one

ROOT = Path(__file__).resolve().parents[2]

NOTEBOOK = """
import sys
from proofs.audit.answer import Answer, Word
from proofs.figure import Figure, Series, one
from proofs.kernel.findings import Rests
from proofs.shown import words
answer = Answer(target="a.py:f", adapter="", named=False, learner=None, word=Word.NO_MATCH, reason="no", rows=())
figure = Figure("f", "A caption.", lambda: {"a": [1.0], "b": [2.0]}, one("x", "y", [Series("s", "a", "b")]))
assert not {"reports", "matplotlib"} & set(sys.modules)
print(words("as it is"), "reports" in sys.modules)
print(words(Rests(())))
print(answer._repr_markdown_())
print(answer.to_json()["answer"], "<svg" in figure._repr_svg_())
"""


def test_the_installed_distribution_says_who_shows_it(tmp_path: Path) -> None:
    """A fresh process, with no more than the metadata that an installation makes of pyproject.toml."""
    (tmp_path / "ssmproof-0.dist-info").mkdir()
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["entry-points"][shown.GROUP]
    lines = [f"[{shown.GROUP}]", *(f"{name} = {value}" for name, value in declared.items())]
    (tmp_path / "ssmproof-0.dist-info" / "entry_points.txt").write_text("\n".join(lines))
    (tmp_path / "ssmproof-0.dist-info" / "METADATA").write_text("Metadata-Version: 2.1\nName: ssmproof\nVersion: 0\n")
    path = os.pathsep.join([str(tmp_path), str(ROOT)])
    done = subprocess.run(
        [sys.executable, "-c", NOTEBOOK], env={**os.environ, "PYTHONPATH": path}, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[:2] == ["as it is False", "closed under the global context"]
    assert done.stdout.splitlines()[2:4] == ["```", "NO MATCH: a.py:f"]
    assert done.stdout.splitlines()[-1] == "NO MATCH True"


def test_with_nothing_that_shows_it_the_remedy_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shown, "_MAKERS", {})
    monkeypatch.setattr(shown, "entry_points", lambda group: ())
    figure = Figure("f", "A caption.", lambda: {"a": [1.0], "b": [2.0]}, one("x", "y", [Series("s", "a", "b")]))
    with pytest.raises(shown.NotShown, match=r"nothing installed makes FIGURE; .*pip install -e"):
        figure._repr_svg_()
