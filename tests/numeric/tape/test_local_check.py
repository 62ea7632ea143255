"""The check of each recorded operation's rule against torch's kernel: it finds planted wrong rules, and no others."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from numeric.carriers.balls import ENTRYWISE
from numeric.tape import moves, rules
from numeric.tape.acceptance import accept
from numeric.tape.local_check import LASTING, Difference, Known, check, differences
from numeric.tape.numbers import Numbers
from numeric.tape.recorder import record
from numeric.tape.refusals import Refused
from numeric.tape.rules import arithmetic, functions, logarithms, pairs, piecewise, windows


def drawn(*shape: int, seed: int = 0, positive: bool = False) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    if positive:
        return 0.05 + 0.9 * torch.rand(shape, generator=generator, dtype=torch.float64)
    return torch.randn(shape, generator=generator, dtype=torch.float64)


VALUES = {
    "x": drawn(6, 4),
    "y": drawn(6, 4, seed=1),
    "q": drawn(4, 4, seed=2),
    "k": drawn(2, 5, 4, seed=3),
    "p": drawn(6, 4, seed=4, positive=True),
}


def inputs(program: Callable[..., Any]) -> dict[str, Tensor]:
    code = program.__code__
    return {name: VALUES[name] for name in code.co_varnames[: code.co_argcount]}


def found(program: Callable[..., Any], given: Mapping[str, Tensor] | None = None) -> list[Any]:
    given = given or inputs(program)
    tape, _ = record(program, given)
    return list(differences(tape, given))


# --- wrong rules ---------------------------------------------------------------------------------------------------------


def half(m: Any, a: Any, *rest: Any, **named: Any) -> Numbers:
    return m.numbers(a) * m.numbers(0.5)


PLANTED: dict[str, tuple[Any, str, Any, Callable[..., Any]]] = {
    # operation: the table, the entry, the wrong rule, code that runs into it
    "aten.clamp_min_.default": (
        piecewise.RULES,
        "clamp_min",
        lambda m, a, low: m.numbers(a),
        lambda x: x.clamp_min_(0),
    ),
    "aten.relu_.default": (piecewise.RULES, "relu", lambda m, a: m.numbers(a), lambda x: F.relu(x, inplace=True)),
    "aten.addmm.default": (
        rules.TABLE,
        "addmm",
        lambda m, c, a, b, *, beta=1, alpha=1: arithmetic.addmm(m, c, a, b, alpha=alpha),
        lambda q: torch.addmm(q, q, q, beta=2),
    ),
    "aten.cumsum.default": (
        rules.TABLE,
        "cumsum",
        lambda m, a, dim, *, dtype=None: arithmetic.cumsum(m, a, dim) - m.numbers(a),
        lambda x: x.cumsum(0),
    ),
    "aten.mean.dim": (
        rules.TABLE,
        "mean",
        lambda m, a, dim, keepdim=False: arithmetic.sum(m, a, dim, keepdim).over(7.0),
        lambda x: x.mean(0),
    ),
    "aten.convolution.default": (
        rules.TABLE,
        "convolution",
        lambda m, x, w, bias, stride, padding, dilation, *rest: windows.convolution(
            m, x, w, bias, stride, padding, [1], *rest
        ),
        lambda k: F.conv1d(k, k[:, :, :2], dilation=2),
    ),
    "aten.index_add.default": (
        rules.TABLE,
        "index_add",
        lambda m, a, dim, index, source, *, alpha=1: m.numbers(a),
        lambda x: x.index_add(0, torch.tensor([0, 0, 1]), x[:3]),
    ),
    "aten._linalg_solve_ex.default": (
        rules.TABLE,
        "_linalg_solve_ex",
        lambda m, a, b, **_: (m.numbers(a).mT.solve(m.numbers(b)), None, None, None),
        lambda q, x: torch.linalg.solve(q, x.T),
    ),
    "aten.sigmoid.default": (ENTRYWISE, "sigmoid", lambda x: 1 / (1 + x.exp()), lambda x: x.sigmoid()),
    "aten._softmax.default": (
        functions._RULES,
        "_softmax",
        lambda m, a, dim, half_to_float: functions._softmax(m, a, 1 - dim),
        lambda q: q.softmax(1),
    ),
    "aten.native_layer_norm.default": (
        functions._RULES,
        "native_layer_norm",
        lambda m, a, shape, weight, bias, eps: functions._layer_norm(m, a, shape, weight, bias, 2 * eps),
        lambda x: F.layer_norm(x, (4,)),
    ),
    "aten.sub.Tensor": (
        logarithms.RULES,
        "sub",
        lambda m, a, b, *, alpha=1: logarithms._add(m, a, b, alpha=alpha),
        lambda p: (p.log() - p.log()[:1]).exp(),
    ),
    "aten.mul.Tensor": (
        pairs._RULES,
        "mul",
        lambda m, a, b: pairs.product(Numbers.__mul__, m.pair(a), pairs._conjugate(m, b)),
        lambda x, y: (torch.complex(x, y) * torch.complex(y, x)).real,
    ),
}


@pytest.mark.parametrize("operation", PLANTED)
def test_planted_wrong_rule_is_named(operation: str, monkeypatch: pytest.MonkeyPatch) -> None:
    table, entry, wrong, program = PLANTED[operation]
    assert not found(program)
    monkeypatch.setitem(table, entry, wrong)
    (difference,) = found(program)
    assert isinstance(difference, Difference) and difference.operation == operation
    assert difference.place == (__file__, program.__code__.co_firstlineno)
    if difference.apart is not None and difference.allowed is not None:
        assert difference.apart > difference.allowed < 1e-12


def test_a_move_that_forgets_an_operand_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        rules, "move", lambda operation: moves.Move((operation.args[0],), (torch.arange(1, 25),), ((6, 4),))
    )
    (difference,) = found(lambda x: x.flip(0))
    assert difference.operation == "aten.flip.default"


def test_acceptance_refuses_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(piecewise.RULES, "relu", lambda m, a: m.numbers(a))
    program = lambda x: x.relu_()  # noqa: E731
    with pytest.raises(Refused, match=r"aten\.relu_\.default at .*test_local_check\.py:\d+: its rule is not what"):
        accept(program, lambda k: {"x": drawn(6, 4, seed=k)})


def test_aliased_operands_that_torch_reads_while_it_writes() -> None:
    """S.addmm_(S, M) is garbage in torch where blocks are written before they are read."""
    (difference,) = found(lambda q: (lambda s: s.addmm_(s, q))(q.clone()), {"q": drawn(40, 40)})
    assert difference.operation == "aten.addmm_.default"


# --- right rules ---------------------------------------------------------------------------------------------------------

RIGHT: list[Callable[..., Any]] = [
    lambda x: x.abs_().sign_() + x.clamp_(-0.5, 0.5),
    lambda x: x.softmax(-1) @ x.T + x.logsumexp(1),
    lambda x: F.gelu(x) + F.gelu(x, approximate="tanh") + F.silu(x) + F.softplus(x) + F.logsigmoid(x),
    lambda x: F.normalize(x, dim=-1) + F.rms_norm(x, (4,)) + F.layer_norm(x, (4,)),
    lambda x: F.group_norm(x, 2),
    lambda x: x.var(0) + x.std(0) + x.amax(0) + x.expm1() + torch.log1p(x * x),
    lambda p: (p.log().cumsum(0)[-1:] - p.log().cumsum(0)).exp() + p**1.7 + p**0.5 + p**-2,
    lambda q, x: torch.linalg.solve(q, x.T) + torch.linalg.inv(q) @ x.T,
    lambda q, x: torch.cholesky_solve(x.T, torch.linalg.cholesky(q @ q.T + torch.eye(4, dtype=q.dtype))),
    lambda q, x: torch.linalg.solve_triangular(q.tril(), x.T, upper=False),
    lambda x, y: ((torch.complex(x, y) / torch.complex(y, x)) ** 3).imag,
    lambda k: F.scaled_dot_product_attention(k, k, k, is_causal=True),
    lambda x, y: (x.float() @ y.float().T).double() + x.float().softmax(-1).sum() + (x.bfloat16() * y.bfloat16()).sum(),
    lambda x, y: torch.einsum("td,te->tde", x, y).cumsum(0) + F.mse_loss(x, y) + F.cosine_similarity(x, y).sum(),
    lambda x: x.repeat(50, 20).softmax(-1),
]


@pytest.mark.parametrize("number", range(len(RIGHT)))
def test_right_rules_pass(number: int) -> None:
    assert not found(RIGHT[number])


def test_a_loop_is_checked_a_few_times(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []
    rule = rules.TABLE["add"]
    monkeypatch.setitem(rules.TABLE, "add", lambda *args, **named: calls.append(1) or rule(*args, **named))

    def loop(x: Tensor) -> Tensor:
        state = torch.zeros(4, dtype=x.dtype)
        for _ in range(20):
            state = state + x[0]
        return state

    assert not found(loop) and len(calls) <= 4


def test_recordings_that_share_what_they_know_check_a_rule_a_few_times(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is new, by its size or by the constants it takes, is checked as ever, and a wrong rule found."""
    calls = []
    rule = rules.TABLE["add"]
    monkeypatch.setitem(rules.TABLE, "add", lambda *args, **named: calls.append(1) or rule(*args, **named))
    known = Known()

    def recorded(size: int, places: list[int], seed: int) -> list[Any]:
        given = {"x": drawn(size, 4, seed=seed)}
        tape, _ = record(lambda x: x.index_select(0, torch.tensor(places)) + x[:2], given)
        return list(differences(tape, given, known))

    for seed in range(2 * LASTING):
        assert not recorded(6, [1, 0], seed)
    assert len(calls) == LASTING
    assert not recorded(7, [1, 0], 1) and len(calls) == LASTING  # the windows that are added have the same strides
    assert max(known.values()) == LASTING and len(known) == 3
    monkeypatch.setattr(
        rules, "move", lambda operation: moves.Move((operation.args[0],), (torch.arange(1, 9),), ((2, 4),))
    )
    assert not recorded(6, [1, 0], 1)
    (difference,) = recorded(6, [2, 0], 1)
    assert isinstance(difference, Difference) and difference.operation == "aten.index_select.default"


def test_overflow_everywhere_is_no_check() -> None:
    unchecked, *_ = found(lambda x: x * 1e308 * 1e308 * 0.5, {"x": torch.full((3,), 5.0, dtype=torch.float64)})
    assert not isinstance(unchecked, Difference) and unchecked.operation == "aten.mul.Tensor"


def test_what_grows_with_the_number_of_unknowns_is_checked_near_0(monkeypatch: pytest.MonkeyPatch) -> None:
    def chunk(x: Tensor) -> Tensor:
        return torch.linalg.inv(torch.eye(len(x), dtype=x.dtype) + torch.tril(x @ x.mT, -1))

    given = {"x": drawn(64, 65)}
    tape, _ = record(chunk, given)
    unchecked, *_ = differences(tape, given)  # its inverse has entries of 65^63
    assert not isinstance(unchecked, Difference)
    check(tape, given)
    rule = rules.TABLE["linalg_inv_ex"]
    monkeypatch.setitem(rules.TABLE, "linalg_inv_ex", lambda *a, **k: [rule(*a, **k)[0] * a[0].numbers(0.5), None])
    wrong, _ = record(chunk, given)
    with pytest.raises(Refused, match="is not what torch"):
        check(wrong, given)
