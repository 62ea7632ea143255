"""`ssmproof new`: each template passes the linters, fails its check with what to fill in, and holds once it is filled in."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from reports.cli import main

ROOT = Path(__file__).resolve().parents[2]
IMPORTS = "from constructions import half_layer\nfrom constructions.autograd_descent import descend\n"
START = "Y.new_zeros(Y.shape[1], X.shape[1])"
FILLED = {
    "claim": [
        (r'raise NotImplementedError\("gd.half_step: call.*', "return half_layer.layer(X, Y, x_q, eta)"),
        (r'raise NotImplementedError\("gd.half_step: write.*', f"return descend({START}, X, Y, eta=eta / 2) @ x_q"),
        ("(?=from constructions.namespace)", IMPORTS),
    ],
    "learner": [("raise NotImplementedError.*", "return (W0 + eta * Y.mT @ X) @ x_q")],
    "layer": [
        ("raise NotImplementedError.*", "return eta / (2 * X.shape[0]) * (Y.mT @ X) @ x_q"),
        ("x_q: Array\\)", "x_q: Array, eta: Array)"),
    ],
}


@pytest.fixture
def copy(tmp_path):
    """A working copy of the code rooms, in which files may be made."""
    import shutil

    for room in ("constructions", "numeric", "proofs", "reports"):
        shutil.copytree(ROOT / room, tmp_path / room, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


def run(copy, *words):
    return subprocess.run(
        [sys.executable, *words], cwd=copy, env={"PYTHONPATH": str(copy), "PATH": "", "HOME": str(copy)},
        capture_output=True, text=True, check=False,
    )  # fmt: skip


def fill(copy, kind, path):
    text = (copy / path).read_text()
    for what, by in FILLED[kind]:
        text, times = re.subn(what, lambda _, by=by: by, text)
        assert times, what
    (copy / path).write_text(text)


def test_each_is_begun_fails_says_why_and_is_finished(copy):
    made = {
        "layer": ("half_layer", "constructions/half_layer.py"),
        "claim": ("gd.half_step", "proofs/gd/half_step.py"),
        "learner": ("half", "constructions/learners/half.py"),
    }
    for kind, (name, path) in made.items():
        done = run(copy, "-m", "reports", "new", kind, name)
        assert done.returncode == 0 and (copy / path).is_file(), done.stderr
    paths = [path for _, path in made.values()]
    linted = run(copy, "-m", "ruff", "check", *paths)
    formatted = run(copy, "-m", "ruff", "format", "--check", *paths)
    assert linted.returncode == 0 and formatted.returncode == 0, linted.stdout + formatted.stdout

    empty = run(copy, "-m", "reports", "verify", "gd.half_step", "--seed", "1")
    assert empty.returncode != 0 and "gd.half_step: call the construction in layer()" in empty.stdout + empty.stderr
    (copy / "mine.py").write_text("def layer(X, Y, x_q, eta):\n    return eta * Y.T @ (X @ x_q)\n")
    asked = run(copy, "-m", "reports", "audit", "mine.py:layer", "--against", "half", "--seed", "1")
    assert asked.returncode in (2, 3) and "half: write the algorithm in predict()" in asked.stdout + asked.stderr

    for kind, (_, path) in made.items():
        fill(copy, kind, path)
    good = run(copy, "-m", "reports", "verify", "gd.half_step", "--seed", "1")
    assert good.returncode == 0 and "confirmed" in good.stdout, good.stdout + good.stderr
    same = run(copy, "-m", "reports", "audit", "mine.py:layer", "--against", "half", "--seed", "1")
    assert same.returncode == 0 and same.stdout.startswith("PROVED"), same.stdout + same.stderr


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["claim", "half_step"], "chapters are"),
        (["claim", "nowhere.half_step"], "chapters are"),
        (["claim", "gd.delta_rule"], "is there already"),
        (["learner", "class"], "can't name a file"),
        (["learner", "../gd"], "can't name a file"),
        (["layer", "gd_ssm"], "is there already"),
    ],
)
def test_a_bad_name_is_one_message(words, said, capsys):
    assert main(["new", *words]) == 2
    assert said in capsys.readouterr().err


def test_the_version_is_printed(capsys):
    assert main(["--version"]) == 0
    assert re.fullmatch(r"ssmproof \d+\.\d+\S*\n", capsys.readouterr().out)
