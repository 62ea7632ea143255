"""The claims table at the end of a pytest run: reports/pytest_plugin.py."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from proofs.evidence import Extent, Grade, Rung
from reports.pytest_plugin import _SIZES, GRADES, RUNGS

ROOT = Path(__file__).resolve().parents[2]

MARKED = """
import pytest

@pytest.mark.claim("C1", "universal")
def test_holds(): pass

@pytest.mark.claim("C7", "universal")
def test_a_part(record_property): record_property("claim part", "one case")

@pytest.mark.claim("C7", "exact")
def test_the_whole(): pass

@pytest.mark.claim("C8", "universal")
def test_nobody_looked(record_property): record_property("claim unmeasured", "nobody looked")

@pytest.mark.claim("C2", "exact")
def test_skipped(): pytest.skip("no")

@pytest.mark.claim("C3", "sampled")
@pytest.mark.parametrize("k", [1, 2])
def test_fails_once(k): assert k == 1

@pytest.fixture
def broken(): raise RuntimeError("set-up")

@pytest.mark.claim("C4", "sampled")
def test_error(broken): pass

@pytest.mark.claim(id="C1", rung="sampled")
@pytest.mark.claim("C5", "sampled")
def test_two_claims(): pass

@pytest.mark.claim("C6", "exact")
@pytest.mark.xfail(strict=True)
def test_expected_failure(): assert False

def test_no_claim(): pass
"""

TABLE = [
    "rung          holds    fails  not run",
    "sampled           2        2        0",
    "exact             1        0        2",
    "universal         3        0        0",
    "1 for all sizes, 1 in part, 0 at listed sizes, 1 measured",
    "1 hold, but how far is open: nobody looked",
    "  C3 (sampled): fails",
    "  C4 (sampled): fails",
    "  C2 (exact): not run",
    "  C6 (exact): not run",
]


@pytest.mark.parametrize("workers", [[], ["-n2"]], ids=["one process", "xdist"])
def test_table_and_file(pytester: pytest.Pytester, workers: list[str]) -> None:
    if workers:
        pytest.importorskip("xdist")
    pytester.makepyfile(MARKED)
    pytester.makeini("[pytest]\naddopts = --strict-markers")
    done = _pytest(pytester, "--claims-json", "claims.json", *workers)
    lines = done.stdout.splitlines()
    start = next(k for k, line in enumerate(lines) if "claims by rung" in line)
    assert lines[start + 1 : start + 11] == TABLE
    data = json.loads((pytester.path / "claims.json").read_text())
    assert data["schema"] == 2
    assert data["settled"] == {"for all sizes": 1, "in part": 1, "at listed sizes": 0, "measured": 1}
    assert data["open"] == 1
    assert [r["claim"] for r in data["claims"] if r["part"]] == ["C7"]
    assert [(r["claim"], r["rung"], r["state"], r["tests"]) for r in data["claims"]] == [
        ("C1", "sampled", "holds", 1),
        ("C1", "universal", "holds", 1),
        ("C2", "exact", "not run", 1),
        ("C3", "sampled", "fails", 2),
        ("C4", "sampled", "fails", 1),
        ("C5", "sampled", "holds", 1),
        ("C6", "exact", "not run", 1),
        ("C7", "exact", "holds", 1),
        ("C7", "universal", "holds", 1),
        ("C8", "universal", "holds", 1),
    ]


@pytest.mark.parametrize(
    ("marker", "text"),
    [
        ('claim("C1", "exakt")', "the marker is claim('C1', 'exakt'); expected @pytest.mark.claim(id, rung)"),
        ('claim("C1")', "the marker is claim('C1',)"),
        ("claim(1, 'exact')", "the marker is claim(1, 'exact')"),
    ],
)
def test_a_wrong_marker_stops_at_collection(pytester: pytest.Pytester, marker: str, text: str) -> None:
    pytester.makepyfile(f"import pytest\n@pytest.mark.{marker}\ndef test_it(): pass\n")
    done = _pytest(pytester)
    assert done.returncode == 4
    assert text in done.stdout + done.stderr


def test_a_wrong_path_is_told_before_the_run(pytester: pytest.Pytester) -> None:
    pytester.makepyfile("def test_it(): pass\n")
    done = _pytest(pytester, "--claims-json", "no/where.json")
    assert done.returncode == 4 and "there is no folder" in done.stderr


def test_without_claims_nothing_is_printed(pytester: pytest.Pytester) -> None:
    pytester.makepyfile("def test_it(): pass\n")
    done = _pytest(pytester)
    assert done.returncode == 0 and "claims by rung" not in done.stdout


def test_rungs_are_those_of_the_evidence_model() -> None:
    assert tuple(r.value for r in Rung) == RUNGS
    assert tuple(g.value for g in Grade) == GRADES
    place = {Extent.ALL: Grade.ALL, Extent.LISTED: Grade.LISTED, Extent.POINTS: Grade.MEASURED}
    assert {r.value: GRADES[_SIZES[r.value]] for r in Rung} == {r.value: place[r.extent].value for r in Rung}


def test_the_plugin_is_light() -> None:
    code = "import sys, pytest; old = set(sys.modules); import reports.pytest_plugin; print(*set(sys.modules) - old)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)
    assert set(done.stdout.split()) == {"reports", "reports.pytest_plugin"}


def _pytest(pytester: pytest.Pytester, *arguments: str) -> subprocess.CompletedProcess[str]:
    """A pytest of its own in the test's folder, with the plugin as `-p` (also where it is an entry point)."""
    path = f"import sys; sys.path.insert(0, {str(ROOT)!r}); import pytest; sys.exit(pytest.main(sys.argv[1:]))"
    options = ["-p", "reports.pytest_plugin", "-p", "no:cacheprovider", "-q", *arguments]
    return subprocess.run(
        [sys.executable, "-c", path, *options], cwd=pytester.path, capture_output=True, text=True, check=False
    )
