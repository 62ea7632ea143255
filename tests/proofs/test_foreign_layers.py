"""Unmodified reference layers of fla-core on exact numbers: recurrent form = chunked form, decays given as logarithms."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from importlib.util import find_spec
from typing import Any

import numpy as np
import pytest
import torch

from numeric.carriers.degree import Degree
from numeric.carriers.finite_field import FiniteField
from numeric.deciding.comparison import Comparison
from numeric.deciding.exact_identity import decide
from numeric.deciding.float_identity import decide as decide_floats
from numeric.deciding.lifting import Lifted
from numeric.deciding.programs import Recorded, run
from numeric.entropy import Entropy
from numeric.finding import Verdict
from numeric.tape.refusals import Refused
from proofs.target.loading import load
from reports.said import said

pytestmark = [
    pytest.mark.skipif(find_spec("fla") is None or find_spec("einops") is None, reason="fla-core is not installed"),
    pytest.mark.usefixtures("float64_by_default"),
]

B, T, H, K, V = 1, 6, 2, 4, 3
P61 = 2305843009213693921
CHUNK = {"chunk_size": 3}


def lifted(program: Callable[..., Any]) -> Callable[..., Any]:
    def run(**given: Any) -> Any:
        with Lifted():
            return program(**given)

    return run


@dataclass(frozen=True)
class Operator:
    """One function. inputs: k (K channels), v (V channels), s (one number a token and head), or a shape; L: a logarithm.

    heads_first: layout BHTD, else BTHD. fixed: arguments that are no data. mixes: it computes with float32 and float64
    at once when given float64, and raises, so that it runs with its casts lifted.
    """

    target: str
    inputs: Mapping[str, Any]
    fixed: Mapping[str, Any] = field(default_factory=dict)
    heads_first: bool = False
    length: int = T
    mixes: bool = False

    def shapes(self) -> dict[str, tuple[int, ...]]:
        tokens = (B, H, self.length) if self.heads_first else (B, self.length, H)
        channels = {"k": (*tokens, K), "v": (*tokens, V), "s": tokens}
        return {n: w if isinstance(w, tuple) else channels[w.removeprefix("L")] for n, w in self.inputs.items()}

    def program(self) -> Callable[..., Any]:
        call = load(f"fla/ops/{self.target}").call
        logs = {n for n, w in self.inputs.items() if isinstance(w, str) and w.startswith("L")}

        def run(**given: Any) -> Any:
            out = call(**{n: t.log() if n in logs else t for n, t in given.items()}, **self.fixed)
            return out[0] if isinstance(out, tuple) else out

        return lifted(run) if self.mixes else run


QKV = {"q": "k", "k": "k", "v": "v"}
DELTA = QKV | {"beta": "s"}
ROTATED = QKV | {"alpha": "k", "beta": "k"}
PAIRS: dict[str, tuple[Operator, Operator]] = {
    "linear attention": (
        Operator("linear_attn/naive.py:naive_recurrent_linear_attn", QKV, length=64),
        Operator("linear_attn/naive.py:naive_chunk_linear_attn", QKV, length=64),
    ),
    "normalised linear attention": (
        Operator("linear_attn/naive.py:naive_recurrent_linear_attn", QKV, {"normalize": True}, length=64),
        Operator("linear_attn/naive.py:naive_chunk_linear_attn", QKV, {"normalize": True}, length=64),
    ),
    "delta rule": (
        Operator("delta_rule/naive.py:delta_rule_recurrence", DELTA, heads_first=True),
        Operator("delta_rule/naive.py:delta_rule_chunkwise", DELTA, CHUNK, heads_first=True),
    ),
    "delta rule, parallel": (
        Operator("delta_rule/naive.py:delta_rule_recurrence", DELTA, heads_first=True, length=8),
        Operator("delta_rule/naive.py:delta_rule_parallel", DELTA, {"BM": 4, "BN": 2}, heads_first=True, length=8),
    ),
    "gated delta rule": (
        Operator("gated_delta_rule/naive.py:naive_recurrent_gated_delta_rule", DELTA | {"g": "Ls"}, length=5),
        Operator("gated_delta_rule/naive.py:naive_chunk_gated_delta_rule", DELTA | {"g": "Ls"}, CHUNK, length=5),
    ),
    "simple gated linear attention": (
        Operator("simple_gla/naive.py:naive_recurrent_simple_gla", QKV | {"g": "Ls"}, length=5),
        Operator("simple_gla/naive.py:naive_chunk_simple_gla", QKV | {"g": "Ls"}, CHUNK, length=5),
    ),
    "simple gated linear attention, parallel": (
        Operator("simple_gla/naive.py:naive_recurrent_simple_gla", QKV | {"g": "Ls"}),
        Operator("simple_gla/naive.py:naive_parallel_simple_gla", QKV | {"g": "Ls"}),
    ),
    "KDA": (
        Operator("kda/naive.py:naive_recurrent_kda", DELTA | {"g": "Lk"}),
        Operator("kda/naive.py:naive_chunk_kda", DELTA | {"g": "Lk"}, CHUNK),
    ),
    "RWKV-6": (
        Operator(
            "rwkv6/recurrent_naive.py:naive_recurrent_rwkv6", QKV | {"w": "Lk", "u": (H, K)}, {"scale": 1.0}, True
        ),
        Operator("rwkv6/chunk_naive.py:naive_chunk_rwkv6", QKV | {"w": "Lk", "u": (H, K)}, CHUNK, True),
    ),
    "identity plus low rank": (
        Operator("generalized_delta_rule/iplr/naive.py:iplr_recurrence", ROTATED, {}, True, mixes=True),
        Operator("generalized_delta_rule/iplr/naive.py:iplr_chunkwise", ROTATED, CHUNK, True, mixes=True),
    ),
    "diagonal plus low rank": (
        Operator(
            "generalized_delta_rule/dplr/naive.py:dplr_recurrence",
            ROTATED | {"gk": "Lk"},
            {},
            True,
            mixes=True,
        ),
        Operator(
            "generalized_delta_rule/dplr/naive.py:dplr_chunkwise",
            ROTATED | {"gk": "Lk"},
            CHUNK,
            True,
            mixes=True,
        ),
    ),
    "GDN-2": (
        Operator("gdn2/naive.py:naive_recurrent_gdn2", QKV | {"g": "Lk", "b": "k", "w": "v"}, length=5),
        Operator("gdn2/naive.py:naive_chunk_gdn2", QKV | {"g": "Lk", "b": "k", "w": "v"}, CHUNK, length=5),
    ),
}
MOMENTUM = DELTA | {"p": "k", "log_alpha": "Ls", "log_mu": "Ls", "eta": "s"}
DIFFERENT: dict[str, tuple[Operator, Operator]] = {
    # found by these engines: the two forms of Comba decay the error read-out differently
    "Comba": (
        Operator("comba/naive.py:naive_recurrent_comba", DELTA | {"p": "k", "g": "Ls"}, length=2),
        Operator("comba/naive.py:naive_chunk_comba", DELTA | {"p": "k", "g": "Ls"}, {"chunk_size": 2}, length=2),
    ),
    # the chunked form takes the logarithm of beta + 1e-6
    "momentum": (
        Operator("momentum_delta_rule/naive.py:recurrent_momentum_delta_rule_ref", MOMENTUM, length=2),
        Operator("momentum_delta_rule/naive.py:chunk_momentum_delta_rule_ref", MOMENTUM, {"chunk_size": 2}, length=2),
    ),
}
ALONE: dict[str, Operator] = {
    "gated linear attention": Operator("gla/naive.py:naive_recurrent_gla", QKV | {"gk": "Lk"}),
    "retention": Operator("retention/naive.py:naive_retention", QKV, heads_first=True),
    "gated delta product": Operator(
        "gated_delta_product/naive.py:naive_recurrent_gated_delta_product",
        {"q": "k", "k": (B, 2 * T, H, K), "v": (B, 2 * T, H, V), "g": "Ls", "beta": (B, 2 * T, H)},
        {"scale": 0.5, "num_householder": 2},
    ),
    "HGRN": Operator("hgrn/naive.py:naive_recurrent_hgrn", {"x": (B, T, K), "g": (B, T, K)}),
    "mesa layer": Operator(
        "mesa_net/naive.py:naive_mesa_net_exact",
        {"q": "k", "k": "k", "v": "k", "g": "Ls", "lamb": (H, K), "beta": "s"},
        mixes=True,
    ),
    "log-linear attention": Operator(
        "log_linear_attn/naive.py:naive_log_linear_attn", QKV | {"g": "Ls", "level_scales": (B, 8, H, 4)}, length=8
    ),
    "based": Operator("based/naive.py:naive_parallel_based", QKV, {"use_norm": True}, True),
    "rebased": Operator("rebased/naive.py:naive_parallel_rebased", QKV, {"use_norm": True}, True),
}
ALONE["HGRN"] = Operator("hgrn/naive.py:naive_recurrent_hgrn", {"x": (B, T, K)}, {"g": torch.zeros(B, T, K)})
REFUSED: dict[str, tuple[Operator, str, str]] = {
    "slots": (Operator("abc/naive.py:naive_recurrent_abc", QKV | {"s": "Lk"}, {}, True), "_softmax", "abc/naive.py:55"),
    "TTT": (
        Operator(
            "ttt/naive.py:chunk_ttt_linear_ref",
            {"q": "k", "k": "k", "v": "k", "w": (H, K), "b": (H, K), "eta": (B, 4, H, 1)},
            {"mini_batch_size": 2},
            length=4,
        ),
        "sqrt",
        "ttt/naive.py:52",
    ),
    "softmax attention": (Operator("attn/naive.py:naive_parallel_attn", QKV), "masked_fill", "attn/naive.py:70"),
    "decay given as a number": (
        Operator("gla/naive.py:naive_recurrent_gla", QKV | {"gk": "k"}),
        "exp",
        "gla/naive.py:37",
    ),
}


def residues(shapes: Mapping[str, tuple[int, ...]], entropy: Entropy) -> dict[str, tuple[torch.Tensor]]:
    """One random point of GF(P61)."""
    return {n: (entropy.residues(s, P61)[None],) for n, s in shapes.items()}


@pytest.mark.parametrize("name", PAIRS)
def test_both_forms_are_the_same_function(name: str) -> None:
    first, second = PAIRS[name]
    assert first.shapes() == second.shapes()
    found = decide(Comparison(first.program(), second.program(), first.shapes(), {}, entropy=Entropy(1)))
    assert found.verdict is Verdict.CONFIRMED, found.reason
    assert float(found.figures["failure probability, log2"]) <= -100


@pytest.mark.parametrize("name", DIFFERENT)
def test_forms_that_differ(name: str) -> None:
    first, second = DIFFERENT[name]
    found = decide(Comparison(first.program(), second.program(), first.shapes(), {}, entropy=Entropy(1)))
    assert found.verdict is Verdict.REFUTED and found.counterexample is not None
    point = {n: torch.tensor(np.array(a, dtype=float)) for n, a in found.counterexample.inputs.items()}
    left, right = (lifted(op.program())(**{n: t.clone() for n, t in point.items()}) for op in (first, second))
    assert not torch.equal(left, right)


@pytest.mark.parametrize("name", ["gated delta rule", "KDA", "diagonal plus low rank", "GDN-2"])
def test_one_wrong_decay_is_refuted(name: str) -> None:
    """The last token's decay forgotten in one of the two forms."""
    first, second = PAIRS[name]
    gate = next(n for n, w in first.inputs.items() if str(w).startswith("L"))
    right = second.program()

    def forgets(**given: Any) -> Any:
        decay = given[gate].clone()
        token = decay.select(2 if second.heads_first else 1, -1)
        token.fill_(1)
        return right(**(given | {gate: decay}))

    found = decide(Comparison(first.program(), forgets, first.shapes(), {}, entropy=Entropy(1)), shrinking=False)
    assert found.verdict is Verdict.REFUTED


@pytest.mark.parametrize("name", ALONE)
def test_the_rest_runs_end_to_end(name: str) -> None:
    """Over GF(p) and on degrees; the residues agree with torch's own float64 run on whole numbers."""
    operator = ALONE[name]
    program, shapes = Recorded(operator.program()), operator.shapes()
    degree = Degree()
    if not any(str(w).startswith("L") for w in operator.inputs.values()):
        bound = run(program, degree, {n: degree.indeterminate(s) for n, s in shapes.items()})[0]
        assert int(bound.max()) > 1
    entropy = Entropy(2)
    point = residues(shapes, entropy)
    first, again = (run(program, FiniteField(torch.tensor([P61])), point)[0] for _ in range(2))
    assert torch.equal(first, again) and bool((first != 0).any())
    assert decide(Comparison(program, program, shapes, {}, entropy=entropy)).verdict is Verdict.CONFIRMED
    nudged = decide(
        Comparison(lambda **given: program(**given) * (1 + 2.0**-40), program, shapes, {}, entropy=entropy),
        shrinking=False,
    )
    assert nudged.verdict is Verdict.REFUTED


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_refused_and_where(name: str) -> None:
    operator, operation, where = REFUSED[name]
    carrier = FiniteField(torch.tensor([P61]))
    with pytest.raises(Refused) as caught:
        run(operator.program(), carrier, residues(operator.shapes(), Entropy(3)))
    assert operation in caught.value.operation and where in caught.value.where


@pytest.mark.parametrize(
    "name", ["delta rule", "gated delta rule", "simple gated linear attention", "KDA", "diagonal plus low rank"]
)
def test_in_floats_within_running_bounds(name: str) -> None:
    """Both forms unmodified but for the lifted casts: within the rounding bounds of their own operations."""
    first, second = PAIRS[name]
    generator = np.random.default_rng(1)
    draws = [{n: generator.uniform(0.2, 1, s) for n, s in first.shapes().items()} for _ in range(2)]
    found = decide_floats(Comparison(lifted(first.program()), lifted(second.program())), draws)
    assert found.verdict is Verdict.CONFIRMED, found.reason
    plain = decide_floats(Comparison(*(replace(form, mixes=False).program() for form in (first, second))), draws)
    if name == "diagonal plus low rank":  # as it is it multiplies float32 by float64, and raises
        assert plain.verdict is Verdict.UNDECIDED and "raised RuntimeError" in said(plain.reason)
    else:
        assert plain.verdict is Verdict.REFUTED and any("torch.float32" in flag for flag in map(said, plain.flags))
