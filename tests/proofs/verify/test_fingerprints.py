"""What evidence is about, read off the imports: proofs/verify/fingerprints.py."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

import constructions
import numeric
import proofs
from proofs import registry
from proofs.verify.fingerprints import Stale, at_one_moment, below, fingerprints, reached, stale
from proofs.verify.run import verify
from reports.said import said

FILES = {
    "proofs/box/__init__.py": 'CHAPTER = "Box"\n',
    "proofs/box/one.py": "import math\nfrom constructions import layer\nfrom proofs.claim import Claim\n",
    "proofs/box/two.py": "def late():\n    from . import one as other\n    return other\n",
    "proofs/box/three.py": "from .two import late\nfrom numeric.engine import x\nimport proofs.helper\n",
    "proofs/box/alone.py": "from proofs.evidence import Rung\n",
    "proofs/helper.py": "",
    "constructions/layer.py": "from constructions.deep.part import thing\n",
    "constructions/deep/__init__.py": "",
    "constructions/deep/part.py": "from ..layer import back\n",
    "constructions/unused.py": "",
    "numeric/engine.py": "x = 1\n",
}


@pytest.fixture
def box(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A small project beside the real one: files as above, found through the packages' own paths."""
    for name, text in FILES.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    for package in (proofs, constructions, numeric):
        monkeypatch.setattr(package, "__path__", [*package.__path__, str(tmp_path / package.__name__)])
    registry.ids.cache_clear()
    yield tmp_path
    monkeypatch.undo()
    registry.ids.cache_clear()
    proofs.__dict__.pop("box", None)


@pytest.mark.parametrize(
    ("module", "expected"),
    [
        ("alone", "proofs.box.alone"),
        ("one", "constructions constructions.deep constructions.deep.part constructions.layer proofs.box.one"),
    ],
)
def test_what_a_file_reaches(box: Path, module: str, expected: str) -> None:
    assert sorted(reached(f"proofs.box.{module}")) == expected.split()


def test_relative_late_and_transitive_imports_are_seen(box: Path) -> None:
    found = reached("proofs.box.three")
    assert {"proofs.box.two", "proofs.box.one", "proofs.box", "proofs.helper", "constructions.layer"} <= set(found)
    assert not any("engine" in name or "unused" in name for name in found)


def test_a_change_shows_in_the_right_part(box: Path, toys: Path) -> None:
    claim = dataclasses.replace(registry.claim("toy.holds"), module="proofs.box.three")
    before = fingerprints(claim)
    assert fingerprints(claim) == before

    other = dataclasses.replace(claim, statement=claim.statement + "!")
    assert fingerprints(other).statement != before.statement
    assert dataclasses.replace(fingerprints(other), statement=before.statement) == before

    (box / "constructions/unused.py").write_text("y = 2\n")
    assert fingerprints(claim) == before
    _change(box / "constructions/deep/part.py", "z = 3\n")
    after = fingerprints(claim)
    assert after.sides != before.sides
    assert dataclasses.replace(after, sides=before.sides) == before

    _change(box / "numeric/engine.py", "x = 2\n")
    assert fingerprints(claim).engines != before.engines


def test_at_one_moment_files_are_looked_at_once_and_afterwards_again(box: Path, toys: Path) -> None:
    claim = dataclasses.replace(registry.claim("toy.holds"), module="proofs.box.three")
    with at_one_moment():
        before = fingerprints(claim)
        _change(box / "constructions/deep/part.py", "z = 4\n")
        _change(box / "numeric/engine.py", "x = 4\n")
        assert fingerprints(claim) == before
    after = fingerprints(claim)
    assert after.sides != before.sides
    assert after.engines != before.engines


def test_line_ends_do_not_matter(box: Path, toys: Path) -> None:
    claim = dataclasses.replace(registry.claim("toy.holds"), module="proofs.box.one")
    before = fingerprints(claim)
    path = box / "proofs/box/one.py"
    _change(path, path.read_text().replace("\n", "\r\n"))
    assert fingerprints(claim) == before


def _change(path: Path, text: str) -> None:
    moment = path.stat().st_mtime_ns
    path.write_bytes(text.encode())
    os.utime(path, ns=(moment + 10**9, moment + 10**9))  # a coarse file clock must not hide the change


def test_what_a_module_rests_on_directly(box: Path) -> None:
    assert below("proofs.box.two") == ("proofs.box.one",)
    assert below("proofs.box.one") == ("constructions.layer",)
    (box / "proofs/helper.py").write_text("import constructions.unused\n")
    assert below("proofs.box.three") == ("constructions.unused", "proofs.box.two")


def test_stale_evidence(toys: Path) -> None:
    run = verify(["toy.holds"])
    assert stale(run.evidence) == ()
    first = run.evidence[0]
    old = dataclasses.replace(first, fingerprints=dataclasses.replace(first.fingerprints, engines="0"))
    gone = dataclasses.replace(first, claim="toy.gone")
    assert stale([old, gone]) == (
        Stale("toy.holds", "sampled", ("engines",)),
        Stale("toy.gone", "sampled", ("claim",)),
    )
    assert [said(s) for s in stale([old, gone])] == [
        "toy.holds (sampled): engines changed since",
        "toy.gone (sampled): no claim has this id any more",
    ]


def test_a_changed_theorem_shows_where_a_claim_has_the_kernel_rung(box: Path) -> None:
    before = {id: fingerprints(registry.claim(id)) for id in ("gd.delta_rule", "gd.titans")}
    (box / "proofs" / "coq").mkdir()
    (box / "proofs" / "coq" / "New.v").write_text("Theorem t : True. Proof. exact I. Qed.\n")
    assert fingerprints(registry.claim("gd.delta_rule")).sides != before["gd.delta_rule"].sides
    assert fingerprints(registry.claim("gd.titans")) == before["gd.titans"]
