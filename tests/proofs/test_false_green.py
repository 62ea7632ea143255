"""No target ends an audit with a status of its own, and no edited file is answered for from memory."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from proofs.audit.run import audit
from proofs.evidence import Settings
from proofs.target.loading import TargetError, held, load
from reports import cli
from reports.said import said

ROOT = Path(__file__).resolve().parents[2]
HEAD = "import os, sys\nimport torch\n\ndef right(X, Y, x_q, eta):\n    return eta / len(X) * (Y.T @ X) @ x_q\n\n"
ENDING = {
    "exit_in_call": "def layer(X, Y, x_q, eta):\n    sys.exit(0)\n",
    "os_exit_in_call": "def layer(X, Y, x_q, eta):\n    os._exit(0)\n",
    "exec_in_call": "def layer(X, Y, x_q, eta):\n    os.execv('/bin/true', ['true'])\n",
    "late": (
        "calls = [0]\n\ndef layer(X, Y, x_q, eta):\n    calls[0] += 1\n    if calls[0] > 4:\n        os._exit(0)\n"
        "    return right(X, Y, x_q, eta)\n"
    ),
    "exit_in_constructor": (
        "class layer(torch.nn.Module):\n    def __init__(self):\n        super().__init__()\n        sys.exit(0)\n"
    ),
    "os_exit_at_import": "os._exit(0)\n\ndef layer(X, Y, x_q, eta):\n    return right(X, Y, x_q, eta)\n",
    "base_exception": (
        "class Stop(BaseException):\n    pass\n\ndef layer(X, Y, x_q, eta):\n    raise Stop('no such thing')\n"
    ),
}


@pytest.mark.parametrize("name", ENDING)
@pytest.mark.parametrize("options", [("--against", "gd"), ()], ids=["against", "identify"])
def test_a_target_that_ends_the_process_has_no_verdict(tmp_path, capsys, name, options):
    path = tmp_path / f"{name}.py"
    path.write_text(HEAD + ENDING[name])
    assert cli.main(["audit", f"{path}:layer", *options, "--seed", "1"]) in (2, 3)
    told = capsys.readouterr()
    assert "Traceback" not in told.err and (told.err.count("\n") == 1 or name == "late")


@pytest.mark.parametrize("body", ["sys.exit(0)", "os._exit(0)", "raise KeyError('beta')"])
def test_a_learner_that_fails_is_named(tmp_path, capsys, body):
    path = tmp_path / "pair.py"
    path.write_text(f"{HEAD}def learner(X, Y, x_q, eta):\n    {body}\n")
    assert cli.main(["audit", f"{path}:right", "--against", f"{path}:learner", "--seed", "1"]) == 2
    assert "the learner" in capsys.readouterr().err


def test_exits_are_as_before_outside_a_target():
    assert (
        subprocess.run([sys.executable, "-c", "import os, proofs.target.loading; os._exit(7)"], cwd=ROOT).returncode
        == 7
    )
    with pytest.raises(TargetError, match=r"calls exit\(3\)"), held("it"):
        sys.exit(3)
    with pytest.raises(KeyboardInterrupt), held("it"):
        raise KeyboardInterrupt


def test_an_edited_file_is_read_again(tmp_path):
    path, helper = tmp_path / "mine.py", tmp_path / "my_helper_module.py"
    helper.write_text("factor = 1\n")
    path.write_text("from my_helper_module import factor\n\ndef layer(X, Y, x_q, eta):\n"
                    "    return factor * eta / len(X) * (Y.T @ X) @ x_q\n")  # fmt: skip
    target = f"{path}:layer"
    assert audit(target, "gd", settings=Settings(seed=1), sizes={"N": 2}).status == 0
    assert load(target).call is load(target).call  # as it was, it is the same module
    helper.write_text("factor = 2\n")
    assert audit(target, "gd", settings=Settings(seed=1), sizes={"N": 2}).status == 1
    path.write_text("def layer(X, Y, x_q, eta):\n    return eta / len(X) * (Y.T @ X) @ x_q\n")
    assert audit(target, "gd", settings=Settings(seed=1), sizes={"N": 2}).status == 0


def test_a_learner_that_was_edited_is_read_again(tmp_path):
    path = tmp_path / "ours.py"
    for factor, status in ((1, 0), (2, 1)):
        path.write_text(f"{HEAD}def learner(X, Y, x_q, eta):\n    return {factor} * right(X, Y, x_q, eta)\n")
        found = audit(f"{path}:right", f"{path}:learner", settings=Settings(seed=1), sizes={"N": 2})
        assert found.status == status, str(found)


@pytest.mark.parametrize("seed", [-1, "x", [1], 1.0, True])
def test_seeds_are_checked_in_one_place(seed):
    with pytest.raises(ValueError, match="expected a whole number"):
        Settings(seed=seed)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"target": None}, "target None: expected text"),
        ({"against": 5}, "learner 5: expected a library id"),
        ({"gates": {"eta": 0.5}}, "gate eta: expected text"),
        ({"sizes": {"N": "5"}}, "size N: expected a whole number, found '5'"),
    ],
)
def test_arguments_of_another_type_get_one_message(arguments, message):
    with pytest.raises(TargetError, match=message):
        audit(**{"target": lambda X, Y, x_q: Y[0], "against": "gd"} | arguments)


def test_a_reader_that_goes_away_changes_no_status(tmp_path):
    path = tmp_path / "mine.py"
    path.write_text(HEAD)
    audited = f"{sys.executable} -m reports audit {path}:right --against gd --size N=2 --seed 1"
    command = f"{audited} | head -c 1; exit ${{PIPESTATUS[0]}}"
    done = subprocess.run(
        ["bash", "-c", command], cwd=ROOT, capture_output=True, text=True, env={**os.environ, "PYTHONPATH": str(ROOT)}
    )
    assert done.returncode == 0 and done.stdout == "P" and "Traceback" not in done.stderr


def test_a_learner_may_use_autograd_and_take_parameters_per_token(tmp_path):
    path = tmp_path / "own.py"
    path.write_text(
        """
import torch

def layer(X, Y, x_q, beta):
    W = X.new_zeros(Y.shape[1], X.shape[1])
    for t in range(len(X)):
        W = W + beta[t] * torch.outer(Y[t] - W @ X[t], X[t])
    return W @ x_q

def learner(X, Y, x_q, beta):
    W = X.new_zeros(Y.shape[1], X.shape[1])
    for t in range(len(X)):
        V = W.detach().requires_grad_()
        loss = ((V @ X[t] - Y[t]) ** 2).sum() / 2
        W = W - beta[t] * torch.autograd.grad(loss, V)[0]
    return W @ x_q

def other(X, Y, x_q, beta):
    return learner(X, Y, x_q, beta.flip(0))
"""
    )
    found = audit(f"{path}:layer", f"{path}:learner", settings=Settings(seed=1), sizes={"N": 3})
    assert found.verdict.value != "refuted" and said(found.parameters["beta"]) == "any number, one for each token", str(
        found
    )
    assert audit(f"{path}:layer", f"{path}:other", settings=Settings(seed=1), sizes={"N": 3}).status == 1


def test_what_a_target_leaves_to_the_end_changes_no_status(tmp_path):
    path = tmp_path / "late.py"
    path.write_text(
        "import atexit, os\natexit.register(lambda: os._exit(0))\n\n\n"
        "def layer(X, Y, x_q, eta):\n    return eta * (Y.T @ (X @ x_q))\n"
    )
    command = [
        sys.executable,
        "-m",
        "reports",
        "audit",
        f"{path}:layer",
        "--against",
        "gd",
        "--size",
        "N=2",
        "--seed",
        "1",
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=200)
    assert done.returncode == 1 and done.stdout.startswith("REFUTED")
