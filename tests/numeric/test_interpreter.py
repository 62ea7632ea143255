"""The interpreter as a whole: random programs with in-place writes through views, ways out, buffers, casts."""

from __future__ import annotations

import copy
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from numeric import arithmetic, modular
from numeric.carrier import Carrier
from numeric.degree import Degree, Height
from numeric.finite_field import FiniteField
from numeric.handles import Handles, Rationals, as_fraction
from numeric.interpreter import Exact, Interpreter, Refused
from numeric.rounding import APriori
from numeric.running import Running

F = torch.nn.functional
P31, P61 = 2147483629, 2305843009213693921
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


@dataclass(frozen=True)
class Move:
    """One step of a random program: what is done to which tensors of the pool."""

    kind: str
    which: int
    first: int
    second: int


def perform(move: Move, pool: list[Tensor]) -> None:
    x, y = pool[move.first], pool[move.second]
    if move.kind == "new":
        pool.append(NEW[move.which](x, y))
    elif move.kind == "view":
        pool.append(VIEWS[move.which](x))
    else:
        WRITES[move.which](x, y)


def start(generator: np.random.Generator) -> list[Tensor]:
    return [torch.from_numpy(generator.integers(-3, 4, (SIDE, SIDE)).astype(float)) for _ in range(3)]


def random_program(generator: np.random.Generator, length: int) -> tuple[list[Tensor], list[Move], list[Tensor]]:
    """Inputs, moves that keep all numbers small, and the float64 results. Views stay in the pool."""
    inputs = start(generator)
    pool = [x.clone() for x in inputs]
    moves: list[Move] = []
    while len(moves) < length:
        kind = ("new", "view", "write")[generator.choice(3, p=[0.5, 0.15, 0.35])]
        which = int(generator.integers({"new": len(NEW), "view": len(VIEWS), "write": len(WRITES)}[kind]))
        move = Move(kind, which, *(int(i) for i in generator.integers(len(pool), size=2)))
        # copy.deepcopy keeps which tensors of the pool share memory
        trial = copy.deepcopy(pool)
        try:
            perform(move, trial)
        except RuntimeError:  # a view that this layout does not have
            continue
        if all(bool((t.abs() < LIMIT).all()) and bool((t * 2**10 == (t * 2**10).round()).all()) for t in trial):
            pool, moves = trial, [*moves, move]
    return inputs, moves, pool


def run_program(carrier: Carrier, inputs: list[Tensor], moves: list[Move]) -> list[Exact]:
    interp = Interpreter(carrier)
    pool: list[Any] = [interp.wrap(tuple(p.clone() for p in carrier.lift(x))) for x in inputs]
    with interp:
        for move in moves:
            perform(move, pool)
    return pool


@pytest.mark.parametrize("block", range(8))
def test_random_programs(block: int) -> None:
    """64 programs a block: residues, rationals, running values and bounds against float64, which is exact here."""
    generator = np.random.default_rng(block)
    seen = set()
    for number in range(64):
        inputs, moves, plain = random_program(generator, 12)
        seen |= {(m.kind, m.which) for m in moves}
        prime = P31 if number % 2 else P61
        for got, want in zip(run_program(FiniteField(prime), inputs, moves), plain, strict=True):
            assert torch.equal(got.parts[0], modular.lift(want, prime)), moves
            assert got.stride() == want.stride()
        running, prior = Running(), APriori()
        for got, want in zip(run_program(running, inputs, moves), plain, strict=True):
            assert torch.equal(got.parts[0], want), moves
            assert bool((running.bound(got.parts) >= 0).all())
        for got, want in zip(run_program(prior, inputs, moves), plain, strict=True):
            assert bool((got.parts[1] + prior.bound(got.parts) >= want.abs()).all()), moves
        if number % 8 == 0:
            rationals = Handles(Rationals())
            for got, want in zip(run_program(rationals, inputs, moves), plain, strict=True):
                found = [as_fraction(v) for v in rationals.get(got.parts).reshape(-1)]
                assert found == [Fraction(v) for v in want.reshape(-1).tolist()], moves
    assert len(seen) > 0.95 * (len(NEW) + len(VIEWS) + len(WRITES))


@pytest.mark.parametrize("make", [Degree, Height])
def test_aliasing_in_every_carrier(make: Callable[[], Carrier]) -> None:
    """A result never shares memory with its operand, even where the rule has nothing to compute."""
    carrier = make()
    interp = Interpreter(carrier)
    x: Any = interp.wrap(carrier.lift(torch.full((2, 2), 3.0, dtype=torch.float64)))
    before = [p.clone() for p in x.parts]
    with interp:
        for result in (-x, x * 1, x.float(), x.sum(()), x + 0, x.prod(0), x / 1):
            result.zero_()
    assert all(torch.equal(p, q) for p, q in zip(x.parts, before, strict=True))


# --- ways out ----------------------------------------------------------------------------------------------------

BUFFER = torch.zeros(3, dtype=torch.float64)
ROUTES: dict[str, tuple[Callable[[Tensor], Any], str, str]] = {
    # what the code does: (the code, the operation named, a word of the reason)
    "item": (lambda x: x.sum().item(), "_local_scalar_dense", "data-dependent"),
    "float()": (lambda x: float(x[0, 0]), "_local_scalar_dense", "data-dependent"),
    "range(int(x))": (lambda x: list(range(int(x[0, 0]))), "_local_scalar_dense", "data-dependent"),
    "if": (lambda x: x if x.sum() > 0 else -x, "gt", "data-dependent"),
    "where on a comparison": (lambda x: torch.where(x > 0, x, 0), "gt", "data-dependent"),
    "equality": (lambda x: (x == 0).any(), "eq", "data-dependent"),
    "allclose": (lambda x: torch.allclose(x, x), "allclose", "data-dependent"),
    "long": (lambda x: x.long(), "_to_copy", "data-dependent"),
    "bool": (lambda x: x.bool(), "_to_copy", "data-dependent"),
    "argmax": (lambda x: x.argmax(), "argmax", "data-dependent"),
    "sort": (lambda x: x.sort(), "sort", "data-dependent"),
    "topk": (lambda x: x.topk(1), "topk", "data-dependent"),
    "nonzero": (lambda x: x.nonzero(), "nonzero", "data-dependent"),
    "index by data": (lambda x: BUFFER[x], "index", "data-dependent"),
    "gather by data": (lambda x: x.gather(0, x), "gather", "data-dependent"),
    "put at data": (lambda x: x.index_put((x,), x), "index_put", "data-dependent"),
    "fill with data": (lambda x: torch.full_like(x, x[0, 0]), "_local_scalar_dense", "data-dependent"),
    "abs": (lambda x: x.abs(), "abs", "piecewise"),
    "clamp": (lambda x: x.clamp(0, 1), "clamp", "piecewise"),
    "relu": (lambda x: x.relu(), "relu", "piecewise"),
    "max": (lambda x: x.max(), "max", "piecewise"),
    "round": (lambda x: x.round(), "round", "piecewise"),
    "floor division": (lambda x: x // 2, "div", "piecewise"),
    "remainder": (lambda x: x % 2, "remainder", "piecewise"),
    "sigmoid": (lambda x: x.sigmoid(), "sigmoid", "transcendental"),
    "softmax": (lambda x: x.softmax(0), "_softmax", "transcendental"),
    "attention": (lambda x: F.scaled_dot_product_attention(x[None], x[None], x[None]), "_softmax", "transcendental"),
    "x**x": (lambda x: x**x, "pow", "transcendental"),
    "2**x": (lambda x: 2**x, "pow", "transcendental"),
    "square root": (lambda x: x**0.5, "pow", "algebraic"),
    "norm": (lambda x: x.norm(), "linalg_vector_norm", "algebraic"),
    "layer norm": (lambda x: F.layer_norm(x, (3,)), "native_layer_norm", "algebraic"),
    "dropout": (lambda x: F.dropout(x, 0.5), "bernoulli_", "random"),
    "randn": (lambda x: x + torch.randn(3, 3), "randn", "random"),
    "randn_like": (lambda x: x + torch.randn_like(x), "randn_like", "random"),
    "fft": (lambda x: torch.fft.fft(x), "_fft_r2c", "roots of unity"),
    "determinant": (lambda x: torch.linalg.det(x), "_linalg_det", "no exact rule"),
    "two-dimensional convolution": (lambda x: F.conv2d(x[None, None], x[None, None]), "convolution", "one-dimensional"),
    "scatter with a reduction": (
        lambda x: x.scatter(0, torch.zeros(1, 3, dtype=torch.long), x, reduce="multiply"),
        "scatter",
        "reduction",
    ),
    "fused optimiser": (lambda x: torch._foreach_add([x, x], 1), "_foreach_add", "foreach=False"),
    "NaN": (lambda x: x + float("nan"), "add", "not a number"),
    "infinite tensor": (lambda x: x + torch.full((3,), float("inf")), "add", "infinite"),
    "complex size": (lambda x: (x * 1j).abs(), "abs", "algebraic"),
    "bits as integers": (lambda x: x.view(torch.int64), "view", "bits"),
    "other storage": (lambda x: x.set_(BUFFER), "set_", "no exact rule"),
    "buffer copy": (lambda x: BUFFER.copy_(x[0]), "copy_", "did not make"),
    "buffer add": (lambda x: BUFFER.add_(x[0]), "add_", "did not make"),
    "buffer entry": (lambda x: BUFFER.__setitem__(0, x[0, 0]), "copy_", "did not make"),
    "replaced data": (lambda x: setattr(x, "data", BUFFER), ".data", "none that the interpreter made"),
}
RAISE = {
    # these are stopped by torch itself
    "numpy": lambda x: x.numpy(),
    "asarray": lambda x: np.asarray(x),
    "tolist": lambda x: x.tolist(),
    "storage": lambda x: x.untyped_storage()[0],
    "tensor of entries": lambda x: torch.tensor([x[0, 0]]),
}


VALUES = torch.tensor([[1.0, 2, -3], [2, 1, 4], [5, -2, 1]], dtype=torch.float64)


def wrapped(carrier: Carrier) -> tuple[Interpreter, Any]:
    interp = Interpreter(carrier)
    return interp, interp.wrap(tuple(p.clone() for p in carrier.lift(VALUES)))


@pytest.mark.parametrize("route", ROUTES)
@pytest.mark.parametrize("carrier", [FiniteField(P31), Running()], ids=["GF(p)", "running"])
def test_way_out_is_refused(route: str, carrier: Carrier) -> None:
    code, operation, reason = ROUTES[route]
    interp, x = wrapped(carrier)
    with pytest.raises(Refused) as caught, interp, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        code(x)
    assert operation in caught.value.operation and reason in caught.value.reason
    file, _, line = caught.value.where.rpartition(":")
    assert __file__.endswith(file) and int(line) == code.__code__.co_firstlineno
    assert not BUFFER.any()


@pytest.mark.parametrize("route", RAISE)
def test_way_out_that_torch_stops(route: str) -> None:
    interp, x = wrapped(FiniteField(P31))
    with pytest.raises(Exception, match=r".") as caught, interp:
        RAISE[route](x)
    assert not isinstance(caught.value, AssertionError)


def test_function_through_numpy_is_stopped() -> None:
    class Doubled(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Tensor) -> Tensor:
            return torch.as_tensor(np.asarray(x.detach().numpy()) * 2)

        @staticmethod
        def backward(ctx: Any, g: Tensor) -> Tensor:
            return g

    interp, x = wrapped(FiniteField(P31))
    with pytest.raises(RuntimeError), interp:
        Doubled.apply(x)


def test_outside_the_block_nothing_computes() -> None:
    _, x = wrapped(FiniteField(P31))
    with pytest.raises(RuntimeError, match="outside its Interpreter"):
        x + x


# --- modules, constants, casts -----------------------------------------------------------------------------------


class Layer(torch.nn.Module):
    """A module with a parameter, a buffer, and a state made inside the call."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = torch.nn.Parameter(torch.tensor([[1.0, 2.0, 3.0], [0.5, 0.0, -1.0]], dtype=torch.float64))
        self.register_buffer("steps", torch.zeros(1, dtype=torch.float64))

    def forward(self, x: Tensor, *, keep: bool = False) -> Tensor:
        state = torch.zeros(2, 3, dtype=x.dtype)
        for row in x:
            state[:] = state * 0.25 + self.weight * row
        if keep:
            self.steps += x.sum()
        return state @ x.t() / 4


def test_modules_run_unmodified() -> None:
    layer = Layer()
    before = {name: value.clone() for name, value in layer.state_dict().items()}
    carrier = FiniteField(P61)
    interp, x = wrapped(carrier)
    weight = carrier.lift(layer.weight.detach())
    with interp:
        direct = layer(x)
        passed = torch.func.functional_call(layer, {"weight": interp.wrap(weight)}, (x,))
    want = modular.lift(layer(VALUES).detach(), P61)
    assert torch.equal(direct.parts[0], want) and torch.equal(passed.parts[0], want)
    assert all(torch.equal(value, layer.state_dict()[name]) for name, value in before.items())
    with pytest.raises(Refused, match="did not make"), interp:
        layer(x, keep=True)
    assert not layer.steps.any()
    assert interp.record.constants and "test_interpreter.py" in next(iter(interp.record.constants))


def test_autograd_and_optimisers_run() -> None:
    """The gradient of a mean of squares, three ways, with a count that is no power of two."""
    carrier = Handles(Rationals())
    interp, x = wrapped(carrier)
    target: Any = interp.wrap(carrier.lift(torch.tensor([1.0, -1.0, 2.0], dtype=torch.float64)))
    weight: Any = interp.wrap(carrier.lift(torch.tensor([2.0, 0.0, 1.0], dtype=torch.float64)))
    with interp:
        written = 2 * (x.t() @ (x @ weight - target)) / 3
        leaf = weight.detach().requires_grad_()
        (found,) = torch.autograd.grad(F.mse_loss(x @ leaf, target), leaf)
        parameter = torch.nn.Parameter(weight.detach().clone())
        optimiser = torch.optim.SGD([parameter], lr=1.0, foreach=False)
        ((x @ parameter - target) ** 2).mean().backward()
        optimiser.step()
        stepped = weight - parameter.detach()
    values = [[as_fraction(v) for v in carrier.get(r.parts)] for r in (written, found, stepped)]
    rows, targets, weights = VALUES.tolist(), (1, -1, 2), (2, 0, 1)
    by_hand = [
        Fraction(2, 3)
        * sum(
            Fraction(row[i]) * (sum(Fraction(r) * w for r, w in zip(row, weights, strict=True)) - t)
            for row, t in zip(rows, targets, strict=True)
        )
        for i in range(3)
    ]
    assert values == [by_hand] * 3


def test_casts_are_recorded_with_their_line() -> None:
    for carrier in (FiniteField(P31), Running(), APriori()):
        interp, x = wrapped(carrier)
        with interp:
            x.float().double()
            x.to(torch.bfloat16)
            torch.zeros(3, dtype=torch.float32)
            x.double()
        notes = list(interp.record.casts)
        assert len(notes) == 3 and all("test_interpreter.py:" in note for note in notes)
        assert "float32" in notes[0] and "bfloat16" in notes[1]


def test_writing_into_a_narrower_tensor_is_recorded() -> None:
    interp, x = wrapped(Running())
    with interp:
        narrow = torch.zeros(3, 3, dtype=torch.float32)
        narrow += x / 3
        narrow[0] = x[0] / 3
    assert [note for note in interp.record.casts if "written into" in note]
    plain = torch.zeros(3, 3, dtype=torch.float32)
    plain += VALUES / 3
    assert torch.equal(narrow.parts[0], plain)  # type: ignore[attr-defined]


def test_in_single_precision_only_narrower_types_are_casts() -> None:
    carrier = Running(torch.float32)
    interp = Interpreter(carrier)
    x: Any = interp.wrap(carrier.inputs(torch.ones(3)))
    with interp:
        total = torch.zeros(3, dtype=torch.float32) + x.double().float()
        assert total.dtype == torch.float32
        assert not interp.record.casts
        x.half()
    assert len(interp.record.casts) == 1


# --- numbers with an order ---------------------------------------------------------------------------------------

ORDERED: list[Callable[[Tensor], Tensor]] = [
    lambda x: x.abs(),
    lambda x: x.relu(),
    lambda x: x.sign(),
    lambda x: x.clamp(-2, 3),
    lambda x: x.clamp(max=1),
    lambda x: x.clamp_min(0),
    lambda x: x.clamp_max(2),
    lambda x: torch.maximum(x, x.t()),
    lambda x: torch.minimum(x, x.t()),
    lambda x: x.max(),
    lambda x: x.min(),
    lambda x: x.amax(1, keepdim=True),
    lambda x: x.amin((0, 1)),
    lambda x: torch.where(x > 0, x, -x),
    lambda x: torch.where(x <= x.t(), x, 0),
    lambda x: x * (x != 2),
    lambda x: torch.where(x >= 1, x, 0),
    lambda x: torch.where(x < 1, x, 0),
    lambda x: torch.where(x == x.t(), x, 0),
    lambda x: -x if x.max() > 4 else x,
]


@pytest.mark.parametrize("number", range(len(ORDERED)))
def test_rationals_have_an_order(number: int) -> None:
    carrier = Handles(Rationals())
    interp, x = wrapped(carrier)
    plain = ORDERED[number](VALUES)
    with interp:
        got: Any = ORDERED[number](x)
    found = [as_fraction(v) for v in carrier.get(got.parts).reshape(-1)]
    assert got.shape == plain.shape and found == [Fraction(v) for v in plain.reshape(-1).tolist()]


def test_every_comparison_and_piecewise_rule_is_met() -> None:
    interp, x = wrapped(Handles(Rationals()))
    with interp:
        for program in ORDERED:
            program(x)
    met = {name.split(".")[1] for name in interp.record.operations}
    assert {"lt", "le", "gt", "ge", "eq", "ne"} | arithmetic.ORDERED <= met
