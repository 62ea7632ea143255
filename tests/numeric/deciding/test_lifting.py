"""Float32 inside, run in float64: whatever the code writes to ask for it; nothing else is changed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from numeric.deciding.comparison import Comparison
from numeric.deciding.exact_identity import decide
from numeric.deciding.lifting import Lifted
from numeric.deciding.programs import recorded
from numeric.entropy import Entropy
from numeric.finding import Verdict
from numeric.tape.float_replay import replay
from numeric.tape.notes import notes

F = torch.nn.functional
X = torch.tensor([[1.1, -2.3], [0.7, 3.9]], dtype=torch.float64)

LIFTED: dict[str, tuple[Callable[[Tensor], Any], Callable[[Tensor], Any]]] = {
    "float": (lambda x: x.float() @ x.float(), lambda x: x @ x),
    "to a type": (lambda x: x.to(torch.float32) / 3, lambda x: x / 3),
    "to a keyword": (lambda x: x.to(dtype=torch.float32) / 3, lambda x: x / 3),
    "type": (lambda x: x.type(torch.float32) / 3, lambda x: x / 3),
    "zeros": (lambda x: torch.zeros(2, 2, dtype=torch.float32).copy_(x), lambda x: x),
    "zeros like": (lambda x: torch.zeros_like(x, dtype=torch.float32) + x, lambda x: x),
    "new zeros": (lambda x: x.new_zeros(2, 2, dtype=torch.float32).add_(x), lambda x: x),
    "literal": (
        lambda x: torch.tensor([0.1, 0.2], dtype=torch.float32) * x,
        lambda x: torch.tensor([0.1, 0.2], dtype=torch.float64) * x,
    ),
    "sum": (lambda x: x.sum(0, dtype=torch.float32) / 3, lambda x: x.sum(0) / 3),
    "softmax": (lambda x: F.softmax(x, -1, dtype=torch.float32), lambda x: F.softmax(x, -1)),
    "eye": (lambda x: torch.eye(2, dtype=torch.float) @ x, lambda x: x),
    "wide already": (lambda x: x.double() / 3, lambda x: x / 3),
    "integers": (lambda x: x * torch.arange(2), lambda x: x * torch.arange(2)),
}


def lifted(program: Callable[..., Any]) -> Callable[..., Any]:
    def run(*args: Any, **kwargs: Any) -> Any:
        with Lifted():
            return program(*args, **kwargs)

    return run


@pytest.mark.parametrize("name", LIFTED)
def test_code_runs_in_float64(name: str) -> None:
    code, meant = LIFTED[name]
    result = lifted(code)(X.clone())
    assert result.dtype == torch.float64 and torch.equal(result, meant(X))


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_shorter_types_stay(dtype: torch.dtype) -> None:
    """What rounds to fewer digits than float32 has is no float64 run that lost a few: it has to show."""
    assert lifted(lambda x: x.to(dtype))(X).dtype == dtype


@pytest.mark.parametrize("short", [lambda x: x.bfloat16(), lambda x: x.half(), lambda x: x.to(torch.float16)])
def test_shorter_types_are_lifted_where_they_are_asked_for(short: Callable[..., Any]) -> None:
    with Lifted((torch.float16, torch.bfloat16)):
        assert torch.equal(short(X), X) and X.float().dtype == torch.float32


def test_what_was_narrow_before_stays() -> None:
    weight = torch.tensor([[0.1, 0.2], [0.3, 0.4]])
    with pytest.raises(RuntimeError):
        lifted(lambda x: x @ weight)(X)


def test_it_ends_with_the_block() -> None:
    with pytest.raises(ZeroDivisionError), Lifted():
        assert X.float().dtype == torch.float64
        raise ZeroDivisionError
    assert X.float().dtype == torch.float32


@pytest.mark.parametrize("name", LIFTED)
def test_lifted_code_is_recorded(name: str) -> None:
    """The tape of the lifted program: the bits of its bare run, no number that escaped, nothing narrower than float64."""
    code, meant = LIFTED[name]
    tape = recorded(lifted(code)).at({"x": (2, 2)})
    assert not tape.escapes and not tape.faults and not notes(tape).casts
    assert torch.equal(replay(tape, {"x": X}), meant(X))
    assert all(s.dtype not in (torch.float32, torch.float16, torch.bfloat16) for s in tape.storages)


def half(x: Tensor) -> Tensor:
    """A recurrence whose state is kept in float32."""
    state = torch.zeros(2, dtype=torch.float32)
    for row in x:
        state = 0.5 * state + row.float()
    return state


def test_a_lifted_recurrence_is_exact() -> None:
    """The cast that hides an identity is on the tape without lifting, and is gone with it; a false one stays false."""

    def wide(x: Tensor) -> Tensor:
        return 0.5 * x[0] + x[1]

    assert not torch.equal(half(X / 3).double(), wide(X / 3)) and torch.equal(lifted(half)(X / 3), wide(X / 3))
    assert notes(recorded(half).at({"x": (2, 2)})).casts
    found = decide(Comparison(lifted(half), wide, {"x": (2, 2)}, {}, entropy=Entropy(1)))
    assert found.verdict is Verdict.CONFIRMED, found.reason
    false = decide(Comparison(lifted(lambda x: half(x) * (1 + 2.0**-40)), wide, {"x": (2, 2)}, {}, entropy=Entropy(1)))
    assert false.verdict is Verdict.REFUTED
