"""Float32 inside: run in float64 with the casts named, whatever the code writes to ask for it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from numeric.entropy import Entropy
from numeric.exact_identity import decide
from numeric.finding import Verdict
from numeric.lifting import Lifted, lifted
from numeric.programs import recorded
from numeric.tape.float_replay import replay
from numeric.tape.notes import notes

F = torch.nn.functional
X = torch.tensor([[1.1, -2.3], [0.7, 3.9]], dtype=torch.float64)
WEIGHT = torch.tensor([[0.1, 0.2], [0.3, 0.4]])  # float32, made before

CASTS: dict[str, Callable[[Tensor], Any]] = {
    "float": lambda x: x.float() @ x.float(),
    "half": lambda x: x.half() * 3,
    "bfloat16": lambda x: x.bfloat16() * 3,
    "to a type": lambda x: x.to(torch.float32) / 3,
    "to a keyword": lambda x: x.to(dtype=torch.float32) / 3,
    "type": lambda x: x.type(torch.float32) / 3,
    "type by name": lambda x: x.type("torch.FloatTensor") / 3,
    "zeros": lambda x: torch.zeros(2, 2, dtype=torch.float32).copy_(x),
    "zeros like": lambda x: torch.zeros_like(x, dtype=torch.float32) + x,
    "new zeros": lambda x: x.new_zeros(2, 2, dtype=torch.float32).add_(x),
    "literal": lambda x: torch.tensor([0.1, 0.2], dtype=torch.float32) * x,
    "sum": lambda x: x.sum(0, dtype=torch.float32) / 3,
    "softmax": lambda x: F.softmax(x, -1, dtype=torch.float32),
    "eye": lambda x: torch.eye(2, dtype=torch.float) @ x,
}
QUIET: dict[str, Callable[[Tensor], Any]] = {
    "default type": lambda x: torch.zeros(2, 2) + torch.tensor(0.1) * x,
    "weights made before": lambda x: x @ WEIGHT,
    "weights of a module": lambda x: F.linear(x, torch.nn.Parameter(WEIGHT)),
    "wide already": lambda x: x.double() / 3,
    "integers": lambda x: x * torch.arange(2),
}


def exactly(code: Callable[[Tensor], Any]) -> Tensor:
    """What the code means in float64: every narrow name replaced by hand."""
    wide = {
        "float": lambda x: x @ x,
        "half": lambda x: x * 3,
        "bfloat16": lambda x: x * 3,
        "zeros": lambda x: x,
        "zeros like": lambda x: x,
        "new zeros": lambda x: x,
        "literal": lambda x: torch.tensor([0.1, 0.2], dtype=torch.float64) * x,
        "sum": lambda x: x.sum(0) / 3,
        "softmax": lambda x: F.softmax(x, -1),
        "eye": lambda x: x,
        "default type": lambda x: torch.tensor(0.1, dtype=torch.float64) * x,
        "weights made before": lambda x: x @ WEIGHT.double(),
        "weights of a module": lambda x: x @ WEIGHT.double().t(),
        "integers": lambda x: x * torch.arange(2),
    }
    name = next(n for n, c in (CASTS | QUIET).items() if c is code)
    return wide.get(name, lambda x: x / 3)(X)


@pytest.mark.parametrize("name", [*CASTS, *QUIET])
def test_code_runs_in_float64(name: str) -> None:
    code = (CASTS | QUIET)[name]
    with Lifted() as lift:
        result = code(X.clone())
    assert result.dtype == torch.float64 and torch.equal(result, exactly(code))
    assert bool(lift.casts) == (name in CASTS)
    for cast in lift.casts:
        assert "test_lifting.py" in cast and str(code.__code__.co_firstlineno) in cast


def test_the_default_type_comes_back() -> None:
    assert torch.get_default_dtype() == torch.float32
    with pytest.raises(ZeroDivisionError), Lifted():
        assert torch.get_default_dtype() == torch.float64
        raise ZeroDivisionError
    assert torch.get_default_dtype() == torch.float32 and X.float().dtype == torch.float32


def test_what_was_narrow_before_is_not_written() -> None:
    before = WEIGHT.clone()
    with Lifted():
        (X @ WEIGHT).mul_(2)
    assert torch.equal(WEIGHT, before) and WEIGHT.dtype == torch.float32


def test_complex_numbers() -> None:
    with Lifted() as lift:
        z = torch.zeros(2, dtype=torch.complex64) + X[0] * 1j
    assert z.dtype == torch.complex128 and torch.equal(z.imag, X[0]) and lift.casts


def recurrence(x: Tensor) -> Tensor:
    state = torch.zeros(2, dtype=torch.float32)
    for row in x:
        state = 0.9 * state + row.float()
    return state


def test_a_program_lifted() -> None:
    """The identity that float32 hides shows, and a false one stays false."""
    casts: dict[str, None] = {}
    want = 0.9 * X[0] + X[1]
    assert not torch.equal(recurrence(X).double(), want)
    assert torch.equal(lifted(recurrence, casts)(x=X), want) and len(casts) == 2
    assert not torch.equal(lifted(lambda x: recurrence(x) * (1 + 2.0**-40))(x=X), want)


@pytest.mark.parametrize("name", [*CASTS, *QUIET])
def test_lifted_code_is_recorded(name: str) -> None:
    """The tape of the lifted program: the bits of its bare run, no number that escaped, nothing narrower than float64."""
    code = lifted((CASTS | QUIET)[name])
    tape = recorded(code).at({"x": (2, 2)})
    assert not tape.escapes and not tape.faults
    assert torch.equal(replay(tape, {"x": X}), code(x=X.clone()))
    assert torch.equal(code(x=X.clone()), exactly((CASTS | QUIET)[name]))
    assert all(s.dtype not in (torch.float32, torch.float16, torch.bfloat16) for s in tape.storages)
    assert not notes(tape).casts


def test_a_lifted_recurrence_is_exact() -> None:
    """The cast that hides an identity is on the tape without lifting, and is gone with it."""

    def half(x: Tensor) -> Tensor:
        state = torch.zeros(2, dtype=torch.float32)
        for row in x:
            state = 0.5 * state + row.float()
        return state

    def wide(x: Tensor) -> Tensor:
        return 0.5 * x[0] + x[1]

    assert notes(recorded(half).at({"x": (2, 2)})).casts
    found = decide(lifted(half), wide, {"x": (2, 2)}, {}, entropy=Entropy(1))
    assert found.verdict is Verdict.CONFIRMED, found.reason
    false = decide(lifted(lambda x: half(x) * (1 + 2.0**-40)), wide, {"x": (2, 2)}, {}, entropy=Entropy(1))
    assert false.verdict is Verdict.REFUTED
