"""Code that can't choose, and the one recording that is enough for it."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch

from numeric.deciding.programs import recorded
from numeric.tape import acceptance
from numeric.tape.refusals import Refused
from numeric.tape.straight import chooses, outside, watched
from reports.said import said

CODE = """
import numpy as np
import torch

HELD = torch.zeros(())
CALLS = []


def straight(X, Y):
    rows = [X[t, :] @ Y[t, :] for t in range(X.shape[0])]
    return torch.stack(rows) if X.shape[0] > 1 else rows[0][None]


def filled(X, Y):
    rows = []
    for t in range(X.shape[0]):
        rows.append(X[t, :] @ Y[t, :])
    rows[0] = 2 * rows[0]
    return torch.stack(rows)


def guarded(X, Y):
    if X.shape != Y.shape:
        raise ValueError("shapes")
    return X * Y


def counts(X, Y):
    CALLS.append(1)
    return X * Y


def adds(X, Y):
    held = HELD.add_(1)
    return torch.where(held > 4, 2 * X * Y, X * Y)


def writes(X, Y):
    held = torch.mul(HELD, 2, out=HELD)
    return torch.where(held > 4, 2 * X * Y, X * Y)


def catches(X, Y):
    try:
        return X * Y
    except ValueError:
        return X


def hands(X, Y):
    return X * Y * float(np.linalg.matrix_rank(X.numpy()))


def converts(X, Y):
    return X * Y * np.linalg.matrix_rank(X)


def lists(X, Y):
    return X * Y * (X.tolist() is not None)


def sets(X, Y):
    before = torch.set_num_threads(1)
    return X * Y


def branches(X, Y):
    return 2 * X * Y if X.sum() > 100 else X * Y


def scripted_inside(X, Y):
    return SCRIPTED(X) * Y


def normalised(X, Y):
    return MODULE(X) * Y


@torch.jit.script
def SCRIPTED(x):
    return x * 2


MODULE = torch.nn.BatchNorm1d(2, dtype=torch.float64)


def counter():
    calls = [0]

    def program(X, Y):
        calls[0] = calls[0] + 1
        return X * Y

    return program
"""
SHAPES = {"X": (3, 2), "Y": (3, 2)}


@pytest.fixture(scope="module")
def code(tmp_path_factory: pytest.TempPathFactory) -> ModuleType:
    path = tmp_path_factory.mktemp("straight") / "straight_code.py"
    path.write_text(CODE)
    spec = importlib.util.spec_from_file_location("straight_code", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def inputs() -> dict[str, torch.Tensor]:
    return {"X": torch.tensor(np.arange(1.0, 7).reshape(3, 2)), "Y": torch.ones(3, 2, dtype=torch.float64)}


@pytest.mark.parametrize("name", ["straight", "filled", "guarded", "branches"])
def test_what_a_size_decides_lasts_for_no_other_call(code: ModuleType, name: str) -> None:
    """A branch on data is none of the watch's: a recording has the number that it takes."""
    assert chooses(getattr(code, name), inputs()) is None


def test_what_holds_for_every_size_is_asked_for_more(code: ModuleType) -> None:
    with watched() as ran:
        code.straight(**inputs())
    why = outside(ran)
    assert why is not None and ("range" in said(why) or "comprehension" in said(why))


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("counts", "CALLS.append"),
        ("adds", "add_, which writes in place"),
        ("writes", "out, which writes in place"),
        ("catches", "Try"),
        ("hands", "by numpy"),
        ("converts", "by numpy"),
        ("lists", "by tolist"),
        ("scripted_inside", "SCRIPTED is of type ScriptFunction"),
        ("normalised", "MODULE is of type BatchNorm1d"),
        ("sets", "set_num_threads, which writes in place"),
    ],
)
def test_what_may_matter_to_another_call_is_seen(code: ModuleType, name: str, why: str) -> None:
    found = chooses(getattr(code, name), inputs())
    assert found is not None and why in said(found)


def test_a_counter_in_a_closure_is_seen(code: ModuleType) -> None:
    found = chooses(code.counter(), inputs())
    assert found is not None and "an assignment to calls[0]" in said(found)


def test_what_another_package_runs_is_asked_too() -> None:
    import mpmath

    assert chooses(lambda X, Y: X * int(mpmath.mpf(1)) * Y, inputs())


@pytest.fixture
def taken(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Which way of accepting was taken, call by call."""
    from numeric.deciding import programs

    found: list[str] = []

    def noting(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **kwargs: Any) -> Any:
            found.append(name)
            return function(*args, **kwargs)

        return call

    monkeypatch.setattr(programs, "accept", noting("long", acceptance.accept))
    monkeypatch.setattr(programs, "accept_straight", noting("short", acceptance.accept_straight))
    return found


def test_one_recording_is_the_tape_of_the_longer_way(code: ModuleType, taken: list[str]) -> None:
    short = recorded(code.straight, own=True).at(SHAPES)
    long = recorded(code.straight).at(SHAPES)
    assert taken == ["short", "long"] and short.digest == long.digest


@pytest.mark.parametrize("name", ["counts", "adds", "catches", "hands", "lists"])
def test_what_may_choose_is_accepted_the_longer_way(code: ModuleType, taken: list[str], name: str) -> None:
    code.HELD.zero_()
    try:
        recorded(getattr(code, name), own=True).at(SHAPES)
    except Refused:
        assert name in ("adds", "hands", "lists")
    assert taken == ["long"]


def test_a_branch_on_data_is_refused_as_ever(code: ModuleType, taken: list[str]) -> None:
    with pytest.raises(Refused, match="a number of the data decides what the code does"):
        recorded(code.branches, own=True).at(SHAPES)
    assert taken[-1] == "long"


def test_a_program_of_somebody_else_is_accepted_the_longer_way(code: ModuleType, taken: list[str]) -> None:
    recorded(code.straight).at(SHAPES)
    recorded(code.straight).once({"X": (4, 2), "Y": (4, 2)})
    assert taken == ["long", "long"]
