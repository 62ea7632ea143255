"""Inputs used both as numbers and as logarithms: true pairs confirmed, false ones refuted, the rest as before."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch

from numeric.deciding.comparison import Comparison
from numeric.deciding.exact_identity import decide
from numeric.deciding.programs import recorded
from numeric.entropy import Entropy
from numeric.finding import Verdict
from numeric.tape.faces import opened
from numeric.tape.refusals import Refused
from numeric.trust import Trust

N, D = 4, 3
SHAPES = {"g": (N,), "x": (N, D)}
Program = Callable[..., Any]


def scan(decay: Any, step: Any, x: Any) -> Any:
    """S_t = decay_t S_(t-1) + step_t x_t."""
    S = x[0] * 0
    for t in range(N):
        S = decay[t] * S + step[t] * x[t]
    return S


def segments(g: Any, x: Any) -> Any:
    """The same as one masked sum: exp(a_t - a_s), a the running sums of -g."""
    a = (-g).float().cumsum(0)
    mask = torch.ones(N, N, dtype=torch.bool).tril()
    L = (a[:, None] - a[None]).masked_fill(~mask, -torch.inf).exp()
    return L[-1].to(g) @ (g[:, None] * x)


SAME: dict[str, tuple[Program, Program]] = {
    "mamba's step": (lambda g, x: scan(torch.exp(-g), g, x), segments),
    "log beside its argument": (
        lambda g, x: scan(g, -torch.log(g), x),
        lambda g, x: scan(torch.exp(2 * g.log() - g.log()), g.log() - 2 * torch.log(g), x),
    ),
    "sigmoid": (lambda g, x: g @ x * torch.sigmoid(g[0]), lambda g, x: (x.T @ g) * g[0].exp() / (1 + torch.exp(g[0]))),
    "sums of both": (lambda g, x: (g.sum() * g.sum().exp()) * x, lambda g, x: sum(g) * torch.exp(g).prod() * x),
}
OTHER: dict[str, tuple[Program, Program]] = {
    "the step of the next token": (lambda g, x: scan(torch.exp(-g), g.roll(1), x), SAME["mamba's step"][1]),
    "growth": (lambda g, x: scan(torch.exp(g), g, x), segments),
    "to first order": (lambda g, x: scan(torch.exp(-g), 1 - torch.exp(-g), x), segments),
    "another base": (lambda g, x: scan(g, -torch.log(g), x), lambda g, x: scan(g, 1 - g, x)),
    "log of what was written to an input": (lambda g, x: g.mul_(2).log()[0] * x, lambda g, x: g.log()[0] * x),
    "log of the wrong entry": (lambda g, x: g[0] * g[1].log() * x, lambda g, x: g[0] * g[0].log() * x),
}


@pytest.fixture(autouse=True)
def _float64() -> Any:
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(before)


@pytest.mark.parametrize("name", SAME)
def test_true_pairs_are_confirmed(name: str) -> None:
    found = decide(Comparison(*SAME[name], SHAPES, {}, entropy=Entropy(1)), positive=("g",))
    assert found.verdict is Verdict.CONFIRMED, found.reason
    assert Trust.LOGARITHMS in found.trust


@pytest.mark.parametrize("name", OTHER)
def test_false_pairs_are_refuted(name: str) -> None:
    found = decide(Comparison(*OTHER[name], SHAPES, {}, entropy=Entropy(1)), positive=("g",))
    assert found.verdict in ((Verdict.UNDECIDED, Verdict.REFUTED) if "written" in name else (Verdict.REFUTED,))


@pytest.mark.parametrize(
    "program",
    [
        lambda g, x: torch.exp(g[0] * g[1]) * x,  # no whole multiple
        lambda g, x: torch.exp(g * 0.5) * g @ x,  # a root
        lambda g, x: torch.log(g + g.roll(1)) @ x,  # a sum's logarithm as a number
        lambda g, x: (g.log() @ x) * torch.log1p(g[0]),
    ],
)
def test_what_has_no_second_face_is_refused(program: Program) -> None:
    found = decide(Comparison(program, lambda g, x: 2 * program(g, x), SHAPES, {}, entropy=Entropy(1)), positive=("g",))
    assert found.counterexample is None or found.verdict is Verdict.REFUTED
    assert found.verdict is not Verdict.CONFIRMED
    with pytest.raises(Refused):
        from numeric.deciding.exact_identity import bounds

        bounds(program, SHAPES)


def test_tapes_without_both_stay_what_they_are() -> None:
    for program in (lambda g, x: g @ x, lambda g, x: g.log().cumsum(0).exp() @ x):
        tape = recorded(program, ("g",)).at(SHAPES)
        assert opened(tape) is tape
