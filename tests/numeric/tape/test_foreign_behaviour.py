"""What user code does beside computing: writes to inputs and buffers, randomness, training mode; each with file and line."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from einops import rearrange, repeat

from numeric.carriers.finite_field import FiniteField
from numeric.deciding.comparison import Comparison
from numeric.deciding.exact_identity import decide
from numeric.deciding.programs import run
from numeric.entropy import Entropy
from numeric.finding import Verdict
from numeric.tape.notes import notes
from numeric.tape.recorder import record
from numeric.tape.refusals import Refused
from reports.said import said

pytestmark = pytest.mark.usefixtures("float64_by_default")

nn, F = torch.nn, torch.nn.functional
P61 = 2305843009213693921
SHAPES = {"x": (4, 3)}


def changed(x: Any, change: Callable[[Any], Any]) -> Any:
    change(x)
    return x


WRITES: dict[str, Callable[[Any], Any]] = {
    "in place": lambda x: changed(x, lambda t: t.mul_(2)),
    "operator": lambda x: changed(x, lambda t: t.__iadd__(t)),
    "entry": lambda x: changed(x, lambda t: t.__setitem__(0, 2 * t[0])),
    "through a view": lambda x: changed(x, lambda t: t.view(-1)[3:].unsqueeze(0).add_(1)),
    "through detach": lambda x: changed(x, lambda t: t.detach().t().neg_()),
    "masked": lambda x: changed(x, lambda t: t.masked_fill_(torch.eye(4, 3).bool(), 0)),
    "copied into": lambda x: changed(x, lambda t: t[1].copy_(t[2])),
    "triangle": lambda x: changed(x, lambda t: t.tril_()),
    "out": lambda x: changed(x, lambda t: torch.mul(t, 2, out=t)),
    "put": lambda x: changed(x, lambda t: t.index_put_((torch.tensor([1]),), t[:1].clone())),
}
READS: dict[str, Callable[[Any], Any]] = {
    "copies": lambda x: changed(x.clone(), lambda t: t.mul_(2)),
    "contiguous transpose": lambda x: changed(x.t().contiguous(), lambda t: t.mul_(2)),
    "new values": lambda x: changed(x * 1, lambda t: t.add_(1)),
    "views": lambda x: x.view(-1).unsqueeze(0).squeeze(0)[1:] + 1,
}


@pytest.mark.parametrize("name", [*WRITES, *READS])
def test_writes_to_inputs_are_reported(name: str) -> None:
    code = (WRITES | READS)[name]
    start = torch.ones(4, 3, dtype=torch.float64)
    tape, _ = record(code, {"x": start})
    assert bool((start == 1).all()) and bool(notes(tape).writes) == (name in WRITES)


COUNTER = torch.zeros((), dtype=torch.long)
STEPS: dict[str, tuple[Callable[[Any], Any], str, str]] = {
    "a counter": (lambda x: x + changed(COUNTER, lambda c: c.add_(1)), "the code", "random"),
    "dropout": (lambda x: nn.Dropout(0.5)(x), "the code", "random"),
    "random start": (lambda x: x + torch.rand(3), "the code", "random"),
    "permutation": (lambda x: x[torch.randperm(4)], "the code", "random"),
    "branch": (lambda x: x if x.mean() > 0 else -x, "aten._local_scalar_dense", "data-dependent"),
    "loop until": (
        lambda x: sum((x for _ in range(int(x[0, 0].abs() + 2))), x),
        "aten._local_scalar_dense",
        "data-dependent",
    ),
    "layer norm": (lambda x: nn.LayerNorm(3)(x), "aten.native_layer_norm", "normalisation off"),
    "normalised keys": (lambda x: F.normalize(x, dim=-1), "aten.linalg_vector_norm", "normalised already"),
    "silu": (lambda x: F.silu(x), "aten.silu", "leave the activation out"),
    "variance in floats": (lambda x: x.var(-1).rsqrt(), "aten.rsqrt", "a root"),
}


@pytest.mark.parametrize("name", STEPS)
def test_what_is_no_function_of_the_inputs_is_refused(name: str) -> None:
    code, operation, reason = STEPS[name]
    carrier = FiniteField(torch.tensor([P61]))
    with pytest.raises(Refused) as caught:
        run(code, carrier, {"x": carrier.lift(torch.ones(4, 3))})
    assert operation in caught.value.operation and reason in said(caught.value.reason)
    if operation.startswith("aten."):
        assert caught.value.where.endswith(f"test_foreign_behaviour.py:{code.__code__.co_firstlineno}")


def test_tensors_made_inside_may_be_written() -> None:
    def program(x: Any) -> Any:
        count = torch.zeros((), dtype=torch.long)
        mask = torch.arange(3) < 2
        for _ in x:
            count += 1
            mask.logical_not_()
        literal = torch.tensor([1, 2, 3])
        literal[0] = 5
        return torch.where(mask, x * count, x * literal)

    want = decide(Comparison(program, lambda x: x * torch.tensor([4, 4, 3]), SHAPES, {}, entropy=Entropy(1)))
    assert want.verdict is Verdict.CONFIRMED, want.reason


def test_batch_norm_in_evaluation_is_an_affine_map() -> None:
    norm = nn.BatchNorm1d(3, eps=0).eval()
    norm.running_mean.copy_(torch.tensor([1.0, 2.0, -1.0]))
    norm.running_var.copy_(torch.tensor([4.0, 0.25, 1.0]))
    scale = torch.tensor([0.5, 2.0, 1.0])
    found = decide(
        Comparison(norm, lambda input: (input - norm.running_mean) * scale, {"input": (4, 3)}, {}, entropy=Entropy(1))
    )
    assert found.verdict is Verdict.CONFIRMED, found.reason
    wrong = decide(Comparison(norm, lambda input: input * scale, {"input": (4, 3)}, {}, entropy=Entropy(1)))
    assert wrong.verdict is Verdict.REFUTED


class Mixer(nn.Module):
    """Depthwise causal convolution, projections and a gated state: parameters are constants of the code."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv1d(3, 3, 2, padding=1, groups=3, bias=False)
        self.key, self.out = nn.Linear(3, 2, bias=False), nn.Linear(2, 3)
        self.register_buffer("mask", torch.tril(torch.ones(4, 4)).bool())

    def forward(self, x: Any) -> Any:
        mixed = self.conv(rearrange(x, "t d -> 1 d t"))[..., : len(x)]
        k = self.key(rearrange(mixed, "1 d t -> t d"))
        scores = torch.einsum("td,sd->ts", k, k).masked_fill(~self.mask, 0)
        return self.out(scores @ k) + repeat(x.sum(0), "d -> t d", t=len(x))


def test_module_parameters_are_exact_constants() -> None:
    layer = Mixer()
    before = {n: p.clone() for n, p in layer.state_dict().items()}
    taps = layer.conv.weight.detach()[:, 0]
    key, out, bias = (p.detach() for p in (layer.key.weight, layer.out.weight, layer.out.bias))

    def written_out(x: Any, shift: int = 1) -> Any:
        late = torch.cat([x.new_zeros(shift, 3), x[:-shift]])
        k = (late * taps[:, 0] + x * taps[:, 1]) @ key.t()
        rows = [sum((k[t] @ k[s]) * k[s] for s in range(t + 1)) for t in range(4)]
        return torch.stack(rows) @ out.t() + bias + x.sum(0)

    found = decide(Comparison(layer, written_out, SHAPES, {}, entropy=Entropy(1)))
    assert found.verdict is Verdict.CONFIRMED, found.reason
    assert all(torch.equal(p, before[n]) for n, p in layer.state_dict().items())
    assert (
        decide(Comparison(layer, lambda x: written_out(x, 2), SHAPES, {}, entropy=Entropy(1))).verdict
        is Verdict.REFUTED
    )
    off = dict(layer.named_parameters())["out.bias"]
    nudged = {"out.bias": off * (1 + 2.0**-50)}

    def called(x: Any) -> Any:
        return torch.func.functional_call(layer, nudged, (x,))

    assert decide(Comparison(called, written_out, SHAPES, {}, entropy=Entropy(1))).verdict is Verdict.REFUTED


def test_parameters_as_indeterminates() -> None:
    """Weights given through functional_call are inputs like any other: the identity holds for all of them."""
    layer = nn.Linear(3, 2)
    shapes = {"x": (4, 3), "weight": (2, 3), "bias": (2,)}

    def called(x: Any, weight: Any, bias: Any) -> Any:
        return torch.func.functional_call(layer, {"weight": weight, "bias": bias}, (x,))

    found = decide(Comparison(called, lambda x, weight, bias: x @ weight.t() + bias, shapes, {}, entropy=Entropy(1)))
    assert found.verdict is Verdict.CONFIRMED and not found.flags
    assert decide(
        Comparison(called, lambda x, weight, bias: x @ weight.t(), shapes, {}, entropy=Entropy(1))
    ).verdict is (Verdict.REFUTED)
