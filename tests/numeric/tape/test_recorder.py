"""Recording: random programs with in-place writes through views, aliases, and the ways in which data gets out."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from numeric.carriers.handles import Handles, Rationals, as_fraction
from numeric.tape.acceptance import accept
from numeric.tape.float_replay import replay
from numeric.tape.local_check import differences
from numeric.tape.recorder import record
from numeric.tape.refusals import Refused
from numeric.tape.replay import Machine
from numeric.tape.storage_tape import Constant, same_bits
from reports.said import said

F = torch.nn.functional
SIDE = 3
LIMIT = 2.0**40
"""Integers stay below this, so that float64 is exact and one more product fits."""

# --- random programs ---------------------------------------------------------------------------------------------

Step = Callable[[list[Tensor]], Tensor | None]
ROWS = torch.tensor([2, 0, 2])
MASK = torch.tensor([[True, False, True], [False, False, True], [True, True, False]])
HALF = torch.tensor([[0.5, 2.0, -1.0]] * SIDE, dtype=torch.float64)
WHOLE = torch.tensor([[1, -2, 0]])

NEW: list[Callable[[Tensor, Tensor], Tensor]] = [
    lambda x, y: x + y,
    lambda x, y: x - 2 * y,
    lambda x, y: 1 - x,
    lambda x, y: x * y,
    lambda x, y: x @ y,
    lambda x, y: torch.addmm(x, y, x, alpha=2),
    lambda x, y: x * HALF,
    lambda x, y: x + WHOLE,
    lambda x, y: x / 2,
    lambda x, y: (x @ y[:, 0])[:, None] + y,
    lambda x, y: x.cumsum(0),
    lambda x, y: x.sum(1, keepdim=True) - y,
    lambda x, y: x.t().contiguous(),
    lambda x, y: x.flip(0).roll(1, 1),
    lambda x, y: x.tril() + y.triu(1),
    lambda x, y: torch.cat([x[1:], y[:1]]),
    lambda x, y: torch.stack([x, y], 1).sum(1),
    lambda x, y: x[ROWS],
    lambda x, y: x.gather(1, torch.tensor([[0, 2, 1]] * SIDE)),
    lambda x, y: torch.where(MASK, x, y),
    lambda x, y: x.masked_fill(MASK, 3),
    lambda x, y: F.pad(x, (1, 0))[:, :SIDE],
    lambda x, y: torch.einsum("ij,kj->ik", x, y),
    lambda x, y: torch.outer(x[0], y[:, 1]),
    lambda x, y: x.reshape(-1).unfold(0, SIDE, SIDE).clone(),
    lambda x, y: x.diagonal().diag_embed() + y,
    lambda x, y: x.prod(0, keepdim=True) + 0 * y,
    lambda x, y: F.conv1d(x[None], y[:, :, None])[0],
    lambda x, y: x**2 - y,
    lambda x, y: torch.zeros_like(x) + y.trace(),
]
VIEWS: list[Callable[[Tensor], Tensor]] = [
    lambda x: x.t(),
    lambda x: x.detach(),
    lambda x: x[:, :],
    lambda x: x.view(SIDE, SIDE),
    lambda x: x.as_strided((SIDE, SIDE), x.stride(), x.storage_offset()),
    lambda x: x.unsqueeze(0).permute(0, 2, 1)[0],
]
WRITES: list[Callable[[Tensor, Tensor], Any]] = [
    lambda x, y: x.add_(y.clone()),
    lambda x, y: x[1:].sub_(y[:-1].clone()),
    lambda x, y: x.t()[0].mul_(y[2].clone()),
    lambda x, y: x.__setitem__((slice(None), 1), y[1].clone()),
    lambda x, y: x.__setitem__((MASK,), 2.0),
    lambda x, y: x.diagonal().copy_(y[0].clone()),
    lambda x, y: x[::2, ::2].fill_(-1),
    lambda x, y: x[0].zero_(),
    lambda x, y: x.index_put_((ROWS,), y.clone(), accumulate=True),
    lambda x, y: x.index_add_(0, ROWS, y.clone()),
    lambda x, y: x.copy_(y.clone()),
    lambda x, y: x[1].neg_(),
    lambda x, y: x.tril_(1),
    lambda x, y: x.addcmul_(y.clone(), HALF),
    lambda x, y: x[2].div_(2),
    lambda x, y: x.cumsum_(1),
    lambda x, y: x[:2, :2].addmm_(y[:2].clone(), y[:, :2].clone()),
    lambda x, y: x.masked_fill_(MASK, 0),
    lambda x, y: x.scatter_(1, ROWS[:, None], 1.0),
]


def random_program(seed: int) -> tuple[dict[str, Tensor], Callable[..., Tensor], Tensor]:
    """Inputs, a program of moves that keep all numbers small, and its result. Views stay in the pool."""
    generator = np.random.default_rng(seed)
    inputs = {n: torch.from_numpy(generator.integers(-3, 4, (SIDE, SIDE)).astype(float)) for n in "abc"}
    moves: list[tuple[Any, int, int]] = []

    def program(**given: Tensor) -> Tensor:
        pool = list(given.values())
        for table, first, second in moves:
            made = table(pool[first], pool[second])
            if isinstance(made, Tensor) and table not in WRITES:
                pool.append(made)
        return torch.stack(pool)

    while len(moves) < 12:
        which = (NEW, VIEWS, WRITES)[generator.choice(3, p=[0.5, 0.15, 0.35])]
        step: Any = which[int(generator.integers(len(which)))]
        table = (lambda x, y, step=step: step(x)) if which is VIEWS else step
        size = 3 + sum(t not in WRITES for t, _, _ in moves)
        moves.append((table, *(int(i) for i in generator.integers(size, size=2))))
        if not bool((program(**{n: v.clone() for n, v in inputs.items()}).abs() < LIMIT).all()):
            moves.pop()
    return inputs, program, program(**{n: v.clone() for n, v in inputs.items()})


@pytest.mark.parametrize("seed", range(30))
def test_random_programs_replay_exactly(seed: int) -> None:
    inputs, program, plain = random_program(seed)
    tape, value = record(program, inputs)
    assert same_bits(value, plain) and same_bits(replay(tape, inputs), plain) and not list(differences(tape, inputs))
    carrier = Handles(Rationals())
    found = Machine(tape, carrier).run({n: carrier.lift(v) for n, v in inputs.items()})
    exact = [as_fraction(v) for v in carrier.get(found.parts).reshape(-1)]  # type: ignore[union-attr]
    assert exact == [Fraction(v) for v in plain.reshape(-1).tolist()]


def draw(number: int) -> dict[str, Tensor]:
    return {"x": torch.randn(4, 3, generator=torch.Generator().manual_seed(number), dtype=torch.float64)}


def swallowed(x: Tensor) -> Tensor:
    try:
        return x * float(x.sum().item())
    except RuntimeError:
        return x


REFUSED: dict[str, tuple[Callable[[Tensor], Any], str]] = {
    "item": (lambda x: x * 2 if x.max().item() < 100 else x * 3, "data-dependent"),
    "swallowed": (swallowed, "data-dependent"),
    "numpy": (lambda x: x * float(x.numpy()[0, 0]), ""),
    "text": (lambda x: x if "9" in repr(x) else x * 1.0, ""),
    "pointer": (lambda x: x * (x.data_ptr() % 2 + 1), ""),
    "mask": (lambda x: x[x > 0].sum() + 0 * x, "data-dependent"),
    "random": (lambda x: x + torch.rand(3), "random"),
    "memory": (lambda x: x + torch.empty(3, dtype=x.dtype), ""),
}


@pytest.mark.parametrize("name", REFUSED)
def test_data_that_gets_out_is_refused(name: str) -> None:
    program, reason = REFUSED[name]
    with pytest.raises(Refused) as caught:
        accept(program, draw)
    assert reason in said(caught.value.reason)


def guarded(x: Tensor) -> Tensor:
    assert torch.isfinite(x).all()
    return x * 2


def data_replaced(x: Tensor) -> Tensor:
    y = x * 1
    y.data = x * 3
    return y


FINE: list[Callable[[Tensor], Tensor]] = [
    guarded,
    data_replaced,
    lambda x: x * 2 if type(x) is Tensor and not hasattr(x, "parts") else x,
    lambda x: x.clone().as_strided((3, 2), (1, 3)).add_(1),
    lambda x: torch.add(x, x, out=torch.empty(0, dtype=x.dtype)),
    lambda x: checkpoint(lambda y: y * y, x, use_reentrant=False),
    lambda x: torch.func.jacrev(lambda y: y * y)(x).sum((0, 1)) * x,
    lambda x: torch.func.jvp(lambda y: (y @ x.T).sum(0), (x,), (x,))[1],
    lambda x: torch.linalg.inv(x.T @ x) @ x.T,
    torch.no_grad()(lambda x: x + 1),
    torch.inference_mode()(lambda x: x + 1),
]


@pytest.mark.parametrize("number", range(len(FINE)))
def test_what_only_computes_is_accepted(number: int) -> None:
    tape = accept(FINE[number], draw)
    assert not tape.faults and all(e.guard for e in tape.escapes)


LARGE = torch.arange(64, dtype=torch.float64).reshape(8, 8)
PARTS = {
    "a corner": LARGE[:3, :3],
    "every other row, turned": LARGE[:6:2, :3].T,
    "one row for all": LARGE[:1, :3].expand(3, 3),
    "rows that overlap": LARGE.flatten().unfold(0, 3, 1)[:3],
}


@pytest.mark.parametrize("name", PARTS)
def test_parts_of_something_larger_are_kept_as_they_lie(name: str) -> None:
    part = PARTS[name]

    def program(x: Tensor) -> Tensor:
        return (x.t() * part).t() + part.t()

    tape = accept(program, lambda k: {"x": torch.full((3, 3), k + 1.0, dtype=torch.float64)})
    x = torch.rand(3, 3, dtype=torch.float64)
    assert torch.equal(replay(tape, {"x": x}), program(x))
    held = [o for operation in tape.operations for o in operation.operands() if isinstance(o, Constant)]
    assert held and all(same_bits(c.value, part) or same_bits(c.value, part.t()) for c in held)
    strides = {tuple(c.value.stride()) for c in held}
    assert name == "rows that overlap" or strides <= {part.stride(), part.t().stride()}
