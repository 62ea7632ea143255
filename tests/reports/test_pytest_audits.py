"""Audits as tests, in a stranger's repository: reports/pytest_audits.py."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from proofs.target.loading import TargetError
from reports.pytest_audits import assert_learner, assert_same_layer
from reports.said import said

ROOT = Path(__file__).resolve().parents[2]

LAYERS = """
import torch

def delta(X, Y, x_q, beta):
    W = torch.zeros(Y.shape[1], X.shape[1], dtype=X.dtype)
    for x, y in zip(X, Y):
        W = W - beta * torch.outer(W @ x - y, x)
    return W @ x_q

def stale(X, Y, x_q, beta):
    W = torch.zeros(Y.shape[1], X.shape[1], dtype=X.dtype)
    for x, y in zip(X[:-1], Y[:-1]):
        W = W - beta * torch.outer(W @ x - y, x)
    return W @ x_q
"""

MARKED = """
import pytest

@pytest.mark.icl_audit("layers.py:delta", against="online_gd", sizes={"N": 5})
def test_delta(): pass

@pytest.mark.icl_audit("layers.py:delta", learner="online_gd")
def test_identified(): pass

@pytest.mark.icl_audit("layers.py:stale", against="online_gd", expect="refuted")
def test_known_to_be_wrong(): pass

@pytest.mark.icl_audit("layers.py:stale", against="online_gd")
def test_stale(): raise AssertionError("the body must not run")

def test_fixture(assert_learner):
    from layers import delta
    found = assert_learner(delta, "online_gd", gates={"beta": "beta"}, sizes={"N": 5})
    assert found.word == "PROVED"

def test_fixture_fails(assert_learner):
    from layers import stale
    assert_learner(stale, "online_gd")

@pytest.mark.icl_audit("layers.py:missing", against="gd")
def test_missing(): pass

def test_no_such_learner(assert_learner):
    assert_learner("layers.py:delta", "online_dg")
"""


@pytest.fixture(scope="module")
def outcome(tmp_path_factory: pytest.TempPathFactory) -> subprocess.CompletedProcess[str]:
    """One pytest run of the marked tests in a folder of their own."""
    folder = tmp_path_factory.mktemp("strangers")
    (folder / "layers.py").write_text(LAYERS)
    (folder / "test_layers.py").write_text(MARKED)
    return run(folder)


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    options = ["-p", "reports.pytest_audits", "-p", "no:cacheprovider", "-p", "no:xdist", "-q", *arguments]
    command = [sys.executable, "-m", "pytest", *options, "--rootdir", str(folder), "-c", "/dev/null"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, env=environment(), check=False)


def environment() -> dict[str, str]:
    import os

    return {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), "."]), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}


def test_verdicts(outcome: subprocess.CompletedProcess[str]):
    assert "4 failed, 4 passed" in outcome.stdout, outcome.stdout + outcome.stderr
    assert "the body must not run" not in outcome.stdout


def test_a_failure_shows_the_answer(outcome: subprocess.CompletedProcess[str]):
    assert "expected proved" in outcome.stdout
    assert "REFUTED" in outcome.stdout
    assert "counterexample" in outcome.stdout


def test_the_table(outcome: subprocess.CompletedProcess[str]):
    table = outcome.stdout[outcome.stdout.index(" audits ") :]
    rows = [line.split() for line in table.splitlines()]
    assert ["proved", "layers.py:delta", "online_gd"] in rows
    assert ["refuted", "layers.py:stale", "online_gd"] in rows
    assert ["not", "run", "layers.py:missing", "gd"] in rows


def test_a_mistake_is_one_message_without_a_traceback(outcome: subprocess.CompletedProcess[str]):
    assert "layers.py has no 'missing'" in outcome.stdout
    assert "no learner 'online_dg'" in outcome.stdout
    assert "TargetError" not in outcome.stdout
    shown = outcome.stdout[: outcome.stdout.index(" short test summary")]
    assert "During handling" not in shown and shown.count("layers.py has no 'missing'") == 1
    assert "where accepted" not in shown and "def run(" not in shown  # the answer, and not how it is asked for


@pytest.mark.parametrize(
    ("marker", "message"),
    [
        ("icl_audit()", "expected one target"),
        ("icl_audit('layers.py:delta', agianst='gd')", "icl_audit('layers.py:delta', agianst='gd'); expected"),
        ("icl_audit('layers.py:delta')", "names no learner"),
        ("icl_audit('layers.py:delta', against=None)", "names no learner"),
        ("icl_audit('layers.py:delta', against='gd', seed=-1)", "seed is -1; expected a whole number"),
        ("icl_audit('layers.py:delta', against='gd', seed='x')", "seed is 'x'; expected a whole number"),
        ("icl_audit('layers.py:delta', against='gd', seed=[1])", "seed is [1]; expected a whole number"),
        ("icl_audit('layers.py:delta', against='gd', accept='all')", "accept of proved, sampled"),
        ("icl_audit('layers.py:delta', against='gd', expect='maybe')", "expect is one of proved, agrees, refuted"),
        ("icl_same('layers.py:delta')", "expected two targets"),
        ("icl_same('layers.py:delta', 'layers.py:stale', expect='proved')", "expect is one of same, different"),
    ],
)
def test_wrong_markers_are_usage_errors(tmp_path: Path, marker: str, message: str):
    (tmp_path / "test_it.py").write_text(f"import pytest\n\n@pytest.mark.{marker}\ndef test_it(): pass\n")
    done = run(tmp_path)
    assert done.returncode == 4
    assert message in done.stdout + done.stderr


def test_unknown_learner_and_missing_layer_say_so():
    def layer(X: torch.Tensor, Y: torch.Tensor, x_q: torch.Tensor) -> torch.Tensor:
        return Y.mT @ X @ x_q

    with pytest.raises(TargetError, match=r"no learner 'online_sgd'.*online_gd"):
        assert_learner(layer, "online_sgd")
    with pytest.raises(TargetError, match="learner None: expected a library id"):
        assert_learner(layer, None)  # type: ignore[arg-type]
    with pytest.raises(TargetError, match="no file"):
        assert_learner("nowhere.py:layer", "gd")
    with pytest.raises(AssertionError, match="REFUTED"):
        assert_learner(layer, "online_gd")
    assert said(assert_learner(layer, "gd", sizes={"N": 5}).parameters["eta"]).startswith("5 at N=5")


def test_what_only_agrees_passes_where_it_is_accepted():
    def layer(X: torch.Tensor, Y: torch.Tensor, x_q: torch.Tensor) -> torch.Tensor:
        return torch.softmax(X @ x_q, 0) @ Y

    asked: dict[str, Any] = {"gates": {"scale": "1"}, "sizes": {"N": 5}}
    with pytest.raises(AssertionError, match="AGREES"):
        assert_learner(layer, "softmax_smoother", **asked)
    assert assert_learner(layer, "softmax_smoother", **asked, accept="sampled").status == 4


def test_loading_the_plugin_imports_nothing_heavy():
    code = "import sys, pytest; old = set(sys.modules); import reports.pytest_audits; print(*set(sys.modules) - old)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    assert set(done.stdout.split()) == {"reports", "reports.pytest_audits"}


SAME = """
import pytest

@pytest.mark.icl_same("layers.py:delta", "layers.py:delta")
def test_same(): pass

@pytest.mark.icl_same("layers.py:delta", "layers.py:stale", expect="different")
def test_known_to_differ(): pass

@pytest.mark.icl_same("layers.py:delta", "layers.py:stale")
def test_differs(): raise AssertionError("the body must not run")

def test_fixture(assert_same_layer):
    from layers import delta
    assert_same_layer(delta, "layers.py:delta")
"""


def test_two_layers_as_tests(tmp_path: Path):
    (tmp_path / "layers.py").write_text(LAYERS)
    (tmp_path / "test_same.py").write_text(SAME)
    done = run(tmp_path)
    assert "1 failed, 3 passed" in done.stdout, done.stdout + done.stderr
    assert "DIFFERENT" in done.stdout and "first at  N = 1" in done.stdout
    assert "the body must not run" not in done.stdout


def test_two_layers_asserted_outside_a_test():
    def layer(X: torch.Tensor, Y: torch.Tensor, x_q: torch.Tensor) -> torch.Tensor:
        return Y.mT @ X @ x_q

    with pytest.raises(ValueError, match="accept is 'all'"):
        assert_same_layer(layer, layer, accept="all")
