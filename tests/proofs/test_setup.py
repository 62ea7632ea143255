"""The two commands that set everything up: proofs/_setup.py, with the processes they start replaced by records."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from proofs import _setup

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A checkout with nothing but what the set-up reads."""
    (tmp_path / "proofs").mkdir()
    (tmp_path / "pyproject.toml").write_text("[project]\n")
    (tmp_path / "proofs/constraints.txt").write_text("torch==2.13.0\n")
    (tmp_path / "proofs/targets.txt").write_text("layers==1\n")
    return tmp_path


class Recorder:
    """Stands for subprocess.call: notes each command, and makes the interpreter that `venv` would make."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.commands: list[str] = []
        self.failing = ""

    def __call__(self, command: list[str], **options: object) -> int:
        text = " ".join(command).replace(str(self.home), "ROOT").replace(sys.executable, "python3")
        self.commands.append(text)
        if " -m venv " in text:
            python = Path(command[-1]) / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
            python.parent.mkdir(parents=True, exist_ok=True)
            python.write_text("")
        return 1 if self.failing and self.failing in text else 0

    def take(self) -> list[str]:
        """The commands since the last time, shortened."""
        taken, self.commands = self.commands, []
        plain = [c.replace("--quiet --disable-pip-version-check ", "") for c in taken]
        return [re.sub(r"^\S*\.venv\S*", "venv-python", c) for c in plain]


@pytest.fixture
def calls(home: Path, monkeypatch: pytest.MonkeyPatch) -> Recorder:
    recorder = Recorder(home)
    monkeypatch.setattr(subprocess, "call", recorder)
    monkeypatch.delenv("SSMPROOF_HERE", raising=False)
    return recorder


MAKE = "python3 -m venv --clear ROOT/.venv"
INSTALL = "venv-python -m pip install --editable ROOT[dev] --constraint ROOT/proofs/constraints.txt"
TARGETS = "venv-python -m pip install --no-deps --requirement ROOT/proofs/targets.txt"
HAS_PIP = "venv-python -c import pip"


def test_first_and_later_runs(home: Path, calls: Recorder) -> None:
    python = _setup.provision(home)
    assert python.parent.parent == home / ".venv"
    assert calls.take() == [MAKE, INSTALL, TARGETS]
    _setup.provision(home)
    assert calls.take() == []


@pytest.mark.parametrize(
    ("file", "expected"),
    [
        ("pyproject.toml", [HAS_PIP, INSTALL]),
        ("proofs/constraints.txt", [HAS_PIP, INSTALL]),
        ("proofs/targets.txt", [TARGETS]),
    ],
)
def test_only_what_changed_is_installed_again(home: Path, calls: Recorder, file: str, expected: list[str]) -> None:
    _setup.provision(home)
    calls.take()
    (home / file).write_text("# changed\n")
    _setup.provision(home)
    assert calls.take() == expected


def test_a_moved_checkout_is_installed_again(home: Path, calls: Recorder) -> None:
    _setup.provision(home)
    calls.take()
    moved = home.rename(home.with_name("moved"))
    _setup.provision(moved)
    assert any("--editable" in c for c in calls.take())


def test_a_half_made_environment_is_made_anew(home: Path, calls: Recorder) -> None:
    calls.failing = "install"
    with pytest.raises(_setup.SetupFailed):
        _setup.provision(home)
    calls.take()
    calls.failing = "import pip"
    _setup.provision(home)
    assert calls.take() == [HAS_PIP, MAKE, INSTALL, TARGETS]


@pytest.mark.parametrize(
    ("failing", "text"),
    [("venv", "apt-get install python3-venv"), ("--editable", "is the network up?")],
)
def test_failure_is_one_line_with_the_remedy(
    home: Path, calls: Recorder, capsys: pytest.CaptureFixture[str], failing: str, text: str
) -> None:
    calls.failing = f"-m {failing}" if failing == "venv" else failing
    assert _setup.run("reports", [], home) == 2
    said = capsys.readouterr().err.splitlines()
    assert len(said) == 2 and said[0].startswith("setting up") and text in said[1]
    assert not (home / ".venv/ssmproof-installed").exists()


def test_missing_targets_fail_nothing_and_are_tried_again(
    home: Path, calls: Recorder, capsys: pytest.CaptureFixture[str]
) -> None:
    calls.failing = "--no-deps"
    _setup.provision(home)
    assert "their audits will be 'not run'" in capsys.readouterr().err
    calls.take()
    calls.failing = ""
    _setup.provision(home)
    assert calls.take() == [TARGETS]


def test_an_old_python_is_told(home: Path, calls: Recorder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_setup, "OLDEST", (4, 0))
    with pytest.raises(_setup.SetupFailed, match=r"this is Python 3\.\d+.*; expected 4\.0 or newer"):
        _setup.provision(home)
    assert calls.commands == []


def test_the_users_own_environment_is_left_alone(home: Path, calls: Recorder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSMPROOF_HERE", "1")
    (home / "three.py").write_text("import sys\nraise SystemExit(len(sys.argv))\n")
    assert _setup.run("three", ["a", "b"], home) == 3
    assert calls.commands == []


PARALLEL = ["-n", "auto", "--dist", "worksteal", "-m", "not slow"]


@pytest.mark.parametrize(("package", "module", "first"), [("proofs", "reports", []), ("tests", "pytest", PARALLEL)])
def test_what_the_two_commands_run(
    monkeypatch: pytest.MonkeyPatch, package: str, module: str, first: list[str]
) -> None:
    import runpy

    seen: list[tuple[str, list[str]]] = []

    def run(module: str, arguments: list[str]) -> int:
        seen.append((module, list(arguments)))
        return 0

    monkeypatch.setattr(_setup, "run", run)
    monkeypatch.setattr(sys, "argv", [package, "-k", "x"])
    with pytest.raises(SystemExit) as end:
        runpy.run_path(str(ROOT / package / "__main__.py"), run_name="__main__")
    assert end.value.code == 0
    assert seen == [(module, [*first, "-k", "x"])]


def test_the_setup_needs_the_standard_library_only() -> None:
    for path in (ROOT / "proofs/_setup.py", ROOT / "proofs/__main__.py", ROOT / "proofs/__init__.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            for name in names:
                assert name.split(".")[0] in {*sys.stdlib_module_names, "proofs"}, f"{path.name} imports {name}"


def _pins(file: str) -> dict[str, str]:
    lines = [line for line in (ROOT / "proofs" / file).read_text("utf-8").splitlines() if not line.startswith("#")]
    assert all(re.fullmatch(r"[\w.-]+==[\w.]+", line) for line in lines), "every line pins one exact version"
    return {re.sub(r"[-_.]+", "-", n).lower(): v for n, _, v in (line.partition("==") for line in lines)}


def test_everything_asked_for_is_pinned() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    asked = project["dependencies"] + project["optional-dependencies"]["dev"]
    asked += project["optional-dependencies"]["cluster"]
    names = {re.sub(r"[-_.]+", "-", re.match(r"[\w.-]+", a)[0]).lower() for a in asked}  # type: ignore[index]
    pins = _pins("constraints.txt")
    assert names - {"ssmproof"} <= set(pins)
    assert next(iter(pins)) == "torch" and pins["torch"] == "2.13.0"
    assert {"fla-core", "opengdn"} <= set(_pins("targets.txt"))
