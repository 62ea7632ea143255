"""Tapes that were written to a file are the tapes that come back: digest, bits, residues."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from numeric.carriers.finite_field import FiniteField
from numeric.deciding.programs import Recorded, recorded, replayed
from numeric.tape.float_replay import replay
from numeric.tape.saving import FORM, load, save
from numeric.tape.storage_tape import Constant, same_bits

SHAPES = {"X": (5, 4), "Y": (5, 3)}


def delta(X: Tensor, Y: Tensor) -> Tensor:
    W = X.new_zeros(3, 4)
    for x, y in zip(X, Y, strict=True):
        W = W + 0.1 * torch.outer(y - W @ x, x)
    return W


def in_place(X: Tensor, Y: Tensor) -> Tensor:
    out = torch.zeros(5, 3, dtype=X.dtype)
    out[1:].add_(Y[:-1], alpha=2)
    out.T[0].mul_(X[:, 0])
    return out


def complex_pairs(X: Tensor, Y: Tensor) -> Tensor:
    z = torch.complex(X[:, :3], Y)
    return torch.view_as_real(z.conj() * z * (1 + 2j)).sum(-1)


def masked(X: Tensor, Y: Tensor) -> Tensor:
    mask = torch.arange(5)[:, None] >= torch.arange(5)
    return torch.where(mask, X @ X.T, torch.zeros((), dtype=X.dtype)) @ Y.to(torch.float32).to(torch.float64)


def together(X: Tensor, Y: Tensor) -> Tensor:
    pair = [X.clone(), Y.clone()]
    torch._foreach_add_(pair, 1.0)
    return torch.nn.functional.conv1d(pair[0].T[None], torch.ones(2, 4, 2, dtype=X.dtype))[0] + pair[1][1:, :2].T.mean()


def nothing_read(X: Tensor, Y: Tensor) -> Tensor:
    return torch.ones(3, dtype=torch.float64) / 3


@pytest.mark.parametrize("program", [delta, in_place, complex_pairs, masked, together, nothing_read])
def test_what_comes_back_is_what_was_written(program: Callable[..., Tensor], tmp_path: Path) -> None:
    held: Recorded = recorded(program)
    tape = held.at(SHAPES)
    save(tape, tmp_path / "tape.pt")
    found = load(tmp_path / "tape.pt")
    assert found is not tape and found.digest == tape.digest and found.operations == tape.operations
    assert (found.inputs, found.output, found.escapes) == (tape.inputs, tape.output, tape.escapes)
    if isinstance(tape.output, Constant):
        return
    given = {name: torch.randn(shape, dtype=torch.float64) for name, shape in SHAPES.items()}
    assert same_bits(replay(found, given), program(**given))
    field = FiniteField(torch.tensor([1_000_003, 1_000_033]))
    point = {name: field.lift(torch.arange(1.0, 1 + a * b).reshape(1, a, b)[0]) for name, (a, b) in SHAPES.items()}
    assert torch.equal(replayed(found, field, point)[0], replayed(tape, field, point)[0])


def test_a_constant_that_is_read_often_is_stored_once(tmp_path: Path) -> None:
    eye = torch.eye(4, dtype=torch.float64)
    tape = recorded(lambda X, Y: X @ eye + (X + 1) @ eye).at(SHAPES)
    save(tape, tmp_path / "tape.pt")
    assert len(torch.load(tmp_path / "tape.pt", weights_only=True)["constants"]) == 1


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"no tape at all", "holds no tape"),
        (b"", "holds no tape"),
        ({"form": "another"}, f"of the form {FORM!r}"),
        ([1, 2], f"of the form {FORM!r}"),
    ],
)
def test_other_files_are_no_tapes(content: Any, told: str, tmp_path: Path) -> None:
    file = tmp_path / "tape.pt"
    if isinstance(content, bytes):
        file.write_bytes(content)
    else:
        torch.save(content, file)
    with pytest.raises(ValueError, match=told):
        load(file)


def test_an_operator_that_is_not_there_is_named(tmp_path: Path) -> None:
    tape = recorded(delta).at(SHAPES)
    save(tape, tmp_path / "tape.pt")
    content = torch.load(tmp_path / "tape.pt", weights_only=True)
    content["operations"][0] = ("elsewhere.delta_rule.default", *content["operations"][0][1:])
    torch.save(content, tmp_path / "tape.pt")
    with pytest.raises(ValueError, match=r"no operator elsewhere\.delta_rule\.default"):
        load(tmp_path / "tape.pt")


def test_code_in_a_file_is_not_run(tmp_path: Path) -> None:
    class Payload:
        def __reduce__(self) -> Any:
            return (Path.touch, (tmp_path / "ran",))

    torch.save({"form": FORM, "storages": Payload()}, tmp_path / "tape.pt")
    with pytest.raises(ValueError, match="holds no tape"):
        load(tmp_path / "tape.pt")
    assert not (tmp_path / "ran").exists()
