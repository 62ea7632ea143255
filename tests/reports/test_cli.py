"""The command: reports/cli.py, reports/terminal.py and the main job, on toy claims."""

from __future__ import annotations

import dataclasses
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from constructions.learners import library
from numeric.finding import Counterexample
from proofs.audit.answer import Answer, Parting, Word
from proofs.bench.claims import Bench, Seen
from proofs.evidence import Rung, Settings
from proofs.target.loading import TargetError
from proofs.verify.sight import Place, Sight
from reports import __main__ as job
from reports import cli
from reports.answers import lines

ROOT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.usefixtures("toys")


@dataclass
class Said:
    """What one call of the command gave."""

    status: int
    out: str
    err: str


Command = Callable[..., Said]


@pytest.fixture
def ssmproof(capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Command:
    """The command, run in an empty folder."""
    monkeypatch.chdir(tmp_path)

    def call(*arguments: str) -> Said:
        status = cli.main(arguments)
        return Said(status, *capsys.readouterr())

    return call


REFUTED = Answer(
    target="layer.py:f",
    adapter="layer(X, Y, x_q)",
    named=True,
    learner=library()["gd"],
    word=Word.REFUTED,
    reason="the layer has the opposite sign",
    rows=(),
    parting=Parting(Counterexample({"N": 1}, {"X": [["1"]]}, ["1"], ["-1"])),
)


@pytest.fixture
def audits(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Any, ...]]:
    """A stand-in for what answers audits, and the calls it gets."""
    calls: list[tuple[Any, ...]] = []

    def ask(*arguments: Any) -> Answer:
        calls.append(arguments)
        if arguments[0] == "nowhere:f":
            raise TargetError("TARGET is 'nowhere:f'; there is no module 'nowhere'")
        return REFUTED

    monkeypatch.setattr("proofs.identify.ask.ask", ask)
    return calls


WRONG = [
    ("verify toy.hols", "error: no claim matches 'toy.hols'; near ids: toy.holds, toy.false, toy.open, toy.optional"),
    ("verify zzz", "error: no claim matches 'zzz'; `ssmproof claims` lists all"),
    ("verify toy.holds --rung exakt", "'exakt' is not one of 'sampled', 'measured', 'exact'"),
    ("verify toy.holds --rung kernel", "error: no claim chosen has a check on kernel; rungs there are: sampled"),
    ("verify toy.holds --profile slow", "'slow' is not one of 'quick', 'full'"),
    ("verify toy.holds --device gpu", "'gpu' is not one of 'cpu', 'cuda', 'auto'"),
    ("verify toy.holds --seed -1", "greater than or equal to 0"),
    ("verify toy.holds --seed x", "'--seed'"),
    ("verify toy.holds --jobs 0", "greater than or equal to 1"),
    ("verify toy.holds --json no/where.json", "error: no/where.json: there is no folder no; make it first"),
    ("verify toy.holds --json .", "error: . is a folder; give a file name"),
    ("verify toy.holds --out a_file", "error: a_file is a file; give a folder"),
    ("report toy.holds --out /proc/x", "error: /proc/x: the folder /proc can't be written to; choose another"),
    ("verify toy.holds --frobnicate", "No such option: --frobnicate"),
    ("frobnicate", "No such command 'frobnicate'"),
    ("show", "Missing argument 'ID'"),
    ("show toy.hold", "error: no claim matches 'toy.hold'; near ids: toy.holds"),
    ("show toy.*", "error: show takes one claim's id, not the pattern 'toy.*'; list the ids with: ssmproof claims"),
    ("show toy.holds --from a_file", "error: a_file holds no run (Expecting value"),
    ("show toy.holds --from missing.json", "error: missing.json can't be read (No such file or directory); make it"),
    ("claims nothing.*", "error: no claim matches 'nothing.*'"),
    ("report toy.holds --format docx", "error: format is 'docx'; expected some of md,tex,html,pdf, with commas"),
    ("report --from schema.json", "error: schema.json holds no run (not a run of this version: schema is 7, "),
    ("report --from a_file", "(char 0)); give --from a file that this wrote: ssmproof verify --json run.json"),
    ("audit", "Missing argument 'TARGET'"),
    ("audit nowhere:f", "error: TARGET is 'nowhere:f'; there is no module 'nowhere'"),
    ("audit layer.py:f --gate beta", "error: --gate is 'beta'; expected NAME=VALUE, such as --gate beta=1"),
    ("audit layer.py:f --gate =1", "error: --gate is '=1'; expected NAME=VALUE"),
    ("audit layer.py:f --gate b=1 --gate b=2", "error: --gate b is given twice; give it once"),
    ("audit layer.py:f --size N", "error: --size is 'N'; expected NAME=VALUE, such as --size N=1"),
    ("audit layer.py:f --size T=3", "error: --size names 'T'; expected f, m or N"),
    ("audit layer.py:f --size N=0", "error: --size N is '0'; expected a whole number, 1 or more"),
    ("audit layer.py:f --size N=two", "error: --size N is 'two'; expected a whole number, 1 or more"),
]


@pytest.mark.parametrize(("line", "text"), WRONG, ids=[w[0] for w in WRONG])
def test_wrong_calls(ssmproof: Command, audits: object, tmp_path: Path, line: str, text: str) -> None:
    (tmp_path / "a_file").write_text("")
    (tmp_path / "schema.json").write_text('{"schema": 7}')
    said = ssmproof(*line.split())
    assert said.status == 2
    assert text in said.err.replace("\n", " ")
    assert said.out == "" and "Traceback" not in said.err
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a_file", "schema.json"]
    assert said.err.startswith("error: ") and len(said.err.splitlines()) == 1


def test_an_unforeseen_error_is_one_line_with_its_place(ssmproof: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*arguments: object) -> None:
        raise RuntimeError("what\never")

    monkeypatch.setattr("proofs.verify.run.verify", broken)
    said = ssmproof("verify", "toy.holds")
    assert said.status == 3
    assert said.err.startswith("error: RuntimeError: what ever (at ") and said.err.endswith(" in broken)\n")


@pytest.mark.parametrize(
    ("claim", "status", "lines"),
    [
        ("holds", 0, ["mutants: 2 refuted, 0 survived", "1 of 1 claim confirmed: 1 for all sizes"]),
        ("holds", 0, ["seed: 3; profile: quick"]),
        ("false", 1, ["toy.false exact: refuted", "X = [[1]]"]),
        ("false", 1, ["repeat: ssmproof verify toy.false --rung exact --seed 3"]),
        ("open", 3, ["toy.open sampled: undecided", "the residue 1e-8 is below what this arithmetic can see"]),
        ("optional", 0, ["kernel not run for 1 claim: coqc is not installed; apt-get install coq"]),
        ("survivor", 1, ["toy.survivor, mutant wrong_sign: survived", "exact: confirmed", "mutants: 1 survived"]),
        ("raising", 3, ["repeat: ssmproof verify toy.raising --rung exact --seed 3"]),
    ],
)
def test_verify_says_what_was_found(ssmproof: Command, claim: str, status: int, lines: list[str]) -> None:
    said = ssmproof("verify", f"toy.{claim}", "--seed", "3")
    assert said.status == status
    shown = [line.strip() for line in said.out.splitlines()]
    assert shown[0].split()[0] == "claim" and shown[0].endswith("settled on")
    for line in lines:
        assert line in shown
    assert "\x1b" not in said.out + said.err


def test_progress_is_plain_lines_beside_the_answer(ssmproof: Command) -> None:
    said = ssmproof("verify", "toy.false")
    assert said.err.splitlines() == [
        "[1/3] toy.false sampled: confirmed",
        "[2/3] toy.false exact: refuted",
        "[3/3] toy.false exact, mutant wrong_sign: refuted",
    ]


def test_the_table(ssmproof: Command) -> None:
    said = ssmproof("verify", "toy.holds", "toy.optional", "--rung", "exact", "--rung", "universal")
    assert [line.split() for line in said.out.splitlines()[:5]] == [
        ["claim", "exact", "universal", "settled", "on"],
        ["toy.holds", "confirmed", "confirmed", "universal"],
        ["failure", "2^-118.4", "steps", "3"],
        ["toy.optional", "confirmed", "-", "exact,", "at", "listed", "sizes"],
        ["failure", "2^-118.4"],
    ]


def test_json_file_and_standard_output(ssmproof: Command, tmp_path: Path) -> None:
    ssmproof("verify", "toy.*", "--seed", "3", "--json", "out.json")
    written = json.loads((tmp_path / "out.json").read_text())
    assert list(written) == ["schema", "environment", "settled", "evidence", "mutants"]
    said = ssmproof("verify", "toy.*", "--seed", "3", "--json", "-")
    printed = json.loads(said.out)
    assert "6 of 8 claims confirmed: 2 for all sizes, 3 at listed sizes, 1 measured" in said.err
    for data in (written, printed):
        for row in data["evidence"] + data["mutants"]:
            row["seconds"] = 0
    assert printed == written


def test_verify_writes_evidence_and_report(ssmproof: Command, tmp_path: Path) -> None:
    said = ssmproof("verify", "toy.holds", "--out", "a/b")
    names = ["evidence.json", "report.html", "report.md", "report.pdf", "report.tex"]
    assert sorted(p.name for p in (tmp_path / "a/b").iterdir()) == names
    assert all(f"wrote a/b/{name}" in said.out for name in names)


def test_report_from_a_file_is_the_same_again(ssmproof: Command, tmp_path: Path) -> None:
    ssmproof("verify", "toy.*", "--seed", "3", "--out", "first")
    said = ssmproof("report", "--from", "first/evidence.json", "--format", "md,pdf", "--out", "second")
    assert said.status == 1 and said.err == ""
    assert sorted(p.name for p in (tmp_path / "second").iterdir()) == ["report.md", "report.pdf"]
    for name in ("report.md", "report.pdf"):
        assert (tmp_path / "first" / name).read_bytes() == (tmp_path / "second" / name).read_bytes()


def test_claims(ssmproof: Command) -> None:
    said = ssmproof("claims", "toy.h*", "--json", "-")
    (row,) = json.loads(said.out)["claims"]
    assert row["id"] == "toy.holds" and row["rungs"] == ["sampled", "exact", "universal"]
    assert row["mutants"] == ["wrong_sign", "tiny_shift"]
    assert "One layer reads out one gradient step" in said.err


def test_claims_by_system(ssmproof: Command, tmp_path: Path) -> None:
    plain = ssmproof("claims", "toy.holds", "--systems", "--json", "-")
    first, second = json.loads(plain.out)["systems"]
    assert (first["system"], second["computes"]) == ("Another layer", r"one step of size $\eta$")
    assert first["rung"] is None and "settled on" not in plain.err
    assert ssmproof("verify", "toy.holds", "--json", str(tmp_path / "run.json")).status == 0
    settled = ssmproof("claims", "toy.holds", "--systems", "--from", str(tmp_path / "run.json"), "--json", "-")
    assert [row["rung"] for row in json.loads(settled.out)["systems"]] == ["universal", "universal"]
    assert "settled on" in settled.err and "steps 3" in settled.err


def test_claims_as_a_graph(ssmproof: Command) -> None:
    assert "toy.above <- toy.holds" in ssmproof("claims", "toy.above", "--graph", "text").out
    assert '"toy.above" -> "toy.holds";' in ssmproof("claims", "toy.above", "--graph", "dot").out
    assert "n0 --> n1" in ssmproof("claims", "toy.above", "--graph", "mermaid").out


@pytest.mark.parametrize("options", [("--systems", "--graph", "dot"), ("--from", "run.json")])
def test_claims_with_options_that_do_not_fit(ssmproof: Command, options: tuple[str, ...]) -> None:
    said = ssmproof("claims", "toy.holds", *options)
    assert said.status == 2 and "--systems" in said.err


def test_show(ssmproof: Command, tmp_path: Path) -> None:
    said = ssmproof("show", "toy.above")
    assert said.status == 0
    for text in (
        "toy.above: A claim that rests on another",
        "rests on: toy.holds",
        r"L(W) = \frac{1}{2N}\sum_{i=1}^{N} \norm{W x_i - y_i}^2",
        "- $W_0 = 0$",
        r"$$W_q = \begin{pmatrix}",
        "exact: confirmed (degree 6; failure 2^-118.4; points 2)",
        "  trusts: Schwartz-Zippel with a computed degree",
        "tiny_shift: refuted - N + 1e-8 instead of N",
        "  sampled: undecided, blind: a shift of 1e-8 is below the float32 bound",
    ):
        assert text in said.out
    ssmproof("verify", "toy.false", "--json", "e.json")
    again = ssmproof("show", "toy.false", "--from", "e.json")
    assert again.status == 0 and again.err == "" and "    X = [[1]]" in again.out


def test_audit(ssmproof: Command, audits: list[tuple[Any, ...]], tmp_path: Path) -> None:
    line = "audit layer.py:f --against gd --gate beta=1 --size N=1 --size f=4 --seed 4 --json a.json"
    said = ssmproof(*line.split())
    assert said.status == 1
    assert said.out.splitlines() == lines(REFUTED)
    assert "  why       the layer has the opposite sign" in lines(REFUTED) and "    X = [[1]]" in lines(REFUTED)
    assert json.loads((tmp_path / "a.json").read_text())["learner"] == "gd"
    assert audits == [("layer.py:f", "gd", None, {"beta": "1"}, Settings(seed=4), {"N": 1, "f": 4}, False)]
    ssmproof("audit", "layer.py:f", "--out", "o")
    assert audits[1] == ("layer.py:f", None, None, {}, Settings(), None, False)  # without --against: identify
    assert "### layer.py:f against gd" in (tmp_path / "o/report.md").read_text()


def test_an_answer_without_a_certificate_says_so_and_has_no_status_of_0(
    ssmproof: Command, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for word, status in ((Word.REFUTED, 1), (Word.AGREES, 3), (Word.PROVED, 3)):
        monkeypatch.setattr("proofs.identify.ask.ask", lambda *_, word=word: dataclasses.replace(REFUTED, word=word))
        said = ssmproof("audit", "layer.py:f", "--accept", "sampled", "--certificate", "c.json.gz")
        assert said.status == status
        assert said.out.splitlines()[-1].startswith("  leaves    no certificate: ")
        assert not (tmp_path / "c.json.gz").exists()
    assert "no folder no" in ssmproof("audit", "layer.py:f", "--certificate", "no/c.json.gz").err


@dataclass
class Row:
    """As proofs.bench.timings gives."""

    name: str
    cpu_seconds: float
    baseline_seconds: float | None
    ratio: float | None
    limit: float | None
    passed: bool
    figures: dict[str, Any] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        return dict(self.__dict__)


@pytest.mark.parametrize(("passed", "status"), [(True, 0), (False, 1)])
def test_bench(ssmproof: Command, monkeypatch: pytest.MonkeyPatch, passed: bool, status: int) -> None:
    first = Row("exact 10", 0.5, 61.0, 122.0, 2.0, True, {"failure, log2": -104.0})
    rows = [first, Row("b", 1.0, None, None, 0.1, passed)]

    def run(progress: Callable[[str], None]) -> list[Row]:
        progress("exact 10 ...")
        return rows

    monkeypatch.setattr("proofs.bench.timings.run", run)
    said = ssmproof("bench", "--json", "b.json")
    assert said.status == status and said.err == "exact 10 ...\n"
    assert said.out.splitlines()[1].split() == ["exact", "10", "0.5", "61", "122", "2", "passed", "failure", "2^-104"]
    data = json.loads(Path("b.json").read_text())
    assert data["rows"][0]["ratio"] == 122.0 and list(data) == ["schema", "environment", "rows"]


@dataclass
class Case:
    """As proofs.bench.targets lists."""

    title: str
    absent: str = ""
    expected: Word = Word.REFUTED
    broken: bool = False

    def missing(self) -> str:
        return self.absent

    def audit(self, settings: Settings) -> Answer:
        if self.broken:
            raise TypeError("a new version wants other arguments")
        return REFUTED


@pytest.mark.parametrize(
    ("cases", "status"),
    [
        ([Case("one"), Case("two", "not installed")], 0),
        ([Case("one", expected=Word.PROVED)], 1),
        ([Case("three", broken=True), Case("one")], 3),
    ],
)
def test_the_main_job(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    cases: list[Case],
    status: int,
) -> None:
    monkeypatch.setattr("proofs.bench.targets.INSTALLED", cases)
    real = cli.run_claims
    monkeypatch.setattr(cli, "run_claims", lambda to, _, *rest, **named: real(to, ["toy.holds"], *rest, **named))
    assert job.main_job(tmp_path / "out", jobs=1) == status
    said = capsys.readouterr().out
    assert "audit one:\n  REFUTED: layer.py:f\n" in said
    assert ("audit two: not run, not installed" in said) == (cases[-1].title == "two")
    assert ("could not be made: TypeError: a new version" in said) == cases[0].broken
    assert ("expected PROVED, found REFUTED" in said) == (status == 1)
    assert {p.suffix for p in (tmp_path / "out").iterdir()} == {".json", ".md", ".tex", ".html", ".pdf"}
    assert "### layer.py:f against gd" in (tmp_path / "out/report.md").read_text()


@pytest.mark.parametrize("arguments", [["--help"], ["verify", "--help"], ["verify", "no.such"]])
def test_the_command_starts_without_the_heavy_libraries(arguments: list[str]) -> None:
    code = (
        "import sys; from reports import cli; status = cli.main(sys.argv[1:]);"
        "print(status, [m for m in ('torch', 'sympy', 'scipy', 'numpy', 'jinja2', 'pypandoc') if m in sys.modules])"
    )
    where = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, env=where)
    assert done.stdout.splitlines()[-1] == f"{2 if 'no.such' in arguments else 0} []", done.stderr


ENDING = """
import ctypes, time
def interrupts(X, Y, x_q):
    raise KeyboardInterrupt
def crashes(X, Y, x_q):
    return ctypes.string_at(0)
def waits(X, Y, x_q):
    time.sleep(100)
"""


@pytest.mark.parametrize(
    ("name", "status", "told"),
    [
        ("interrupts", 130, "interrupted\n"),
        ("crashes", -signal.SIGSEGV, 'layer.py", line 6 in crashes'),
        ("waits", 2, "did not return within 1 s, called with inputs"),
    ],
)
def test_a_target_that_ends_its_process_is_told(tmp_path: Path, name: str, status: int, told: str) -> None:
    (tmp_path / "layer.py").write_text(ENDING)
    command = [sys.executable, "-m", "reports", "audit", f"{tmp_path / 'layer.py'}:{name}", "--against", "gd"]
    done = subprocess.run([*command, "--call-seconds", "0.1"], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == status, done.stderr
    assert told in done.stderr


def test_what_is_written_below_python_is_not_in_the_answer(tmp_path: Path) -> None:
    path = tmp_path / "loud.py"
    path.write_text(
        "import ctypes, os\n"
        "def layer(X, Y, x_q, eta):\n"
        "    os.write(1, b'a library is loud\\n'), ctypes.CDLL(None).printf(b'and C keeps it\\n')\n"
        "    return eta / len(X) * (Y.T @ (X @ x_q))\n"
    )
    command = [sys.executable, "-m", "reports", "audit", f"{path}:layer", "--against", "gd", "--seed", "1"]
    done = subprocess.run([*command, "--json", "-"], capture_output=True, text=True, cwd=ROOT)
    assert json.loads(done.stdout)["target"] == f"{path}:layer"
    assert "a library is loud" in done.stderr and "and C keeps it" in done.stderr


@pytest.mark.parametrize(("no_color", "coloured"), [("", True), ("1", False)])
def test_colours_on_a_terminal_only_and_never_with_no_color(
    monkeypatch: pytest.MonkeyPatch, toys: Path, no_color: str, coloured: bool
) -> None:
    """FORCE_COLOR stands for the terminal: a pseudo-terminal is not there on every system."""
    import io

    from rich.console import Console

    from proofs.verify.run import verify
    from reports.terminal import Screen, show_run

    monkeypatch.setenv("NO_COLOR", no_color)
    console = Console(file=io.StringIO(), force_terminal=True, width=120, color_system="standard", highlight=False)
    show_run(Screen(console, console), verify(["toy.false"]))
    text = console.file.getvalue()  # type: ignore[attr-defined]
    assert ("\x1b[1;31m" in text or "\x1b[31m" in text) == coloured


def test_a_bar_on_a_terminal(toys: Path) -> None:
    import io

    from rich.console import Console

    from proofs.verify.run import verify
    from reports.terminal import watching

    console = Console(file=io.StringIO(), force_terminal=True, width=100)
    with watching(console) as progress:
        verify(["toy.false"], progress=progress)
    text = console.file.getvalue()  # type: ignore[attr-defined]
    assert "3/3" in text and "toy.false exact, mutant wrong_sign: refuted" in text


def test_what_rungs_do_not_see(ssmproof: Command, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    first, second, silent, idle = Place("a.f", "[0]"), Place("a.f", "[1]"), Place("a.silent"), Place("a.idle")
    sights = {
        Rung.EXACT: Sight((first, second, silent, idle), (silent, idle), (idle,)),
        Rung.UNIVERSAL: Sight((first,), ()),
    }
    bench = Bench((Seen("toy.holds", sights), Seen("toy.open", {}, (Rung.EXACT,))))
    monkeypatch.setattr("proofs.bench.claims.run", lambda *_: bench)
    said = ssmproof("soundness", "--claims", "--json", "out.json")
    assert said.status == 1  # one rung could not be measured
    assert said.out.splitlines() == [
        "toy.holds",
        "  exact does not see a.silent",
        "  universal does not see a.f: [1], a.silent",
        "  run, and seen by no rung: a.silent",
        "toy.open",
        "  exact: not measured, since it does not confirm the claim",
        "2 claims; exact: 2 of 2 seen; universal: 1 of 2 seen",
    ]
    written = json.loads((tmp_path / "out.json").read_text())
    assert written["claims"][0]["rungs"]["universal"]["unseen"] == ["a.f: [1]", "a.silent"] and not written["passed"]
    assert ssmproof("soundness", "--claims", "--identify").err == (
        "error: --identify, --claims and --conformance are benches of their own; ask for one\n"
    )


def test_a_second_run_says_what_it_took(ssmproof: Command, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("SSMPROOF_EVIDENCE_CACHE", str(tmp_path / "kept"))
    call = ("verify", "toy.holds", "--seed", "1", "--json", "run.json")
    first, data = ssmproof(*call), Path("run.json").read_bytes()
    second = ssmproof(*call)
    assert (second.status, second.out, Path("run.json").read_bytes()) == (first.status, first.out, data)
    assert "from earlier runs" in second.err and "from earlier runs" not in first.err
    assert "from earlier runs" not in ssmproof(*call, "--fresh").err
