"""The contracts of many operators: other people's, the true layers of the soundness bench, the project's own.

Nothing is expected of an operator beforehand: what is broken is a finding, with a counterexample that plain calls show.
Main definitions: `OPERATORS`, `run`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from importlib.util import find_spec
from time import process_time

from proofs.bench.targets import INSTALL
from proofs.contract.check import contracts
from proofs.contract.findings import Contracts
from proofs.evidence import Settings
from proofs.mistake import UserMistake


@dataclass(frozen=True)
class Operator:
    """One operator and how it is called. package: what has to be importable."""

    title: str
    target: str
    adapter: str | None = "kv"
    gates: Mapping[str, str] = field(default_factory=dict)
    sizes: Mapping[str, int] | None = None
    package: str = "torch"


@dataclass(frozen=True)
class Line:
    """What was found of one operator: its contracts, or why they could not be asked for; process CPU seconds."""

    operator: Operator
    found: Contracts | str
    seconds: float


def _fla(
    title: str, place: str, gates: Mapping[str, str] | None = None, adapter: str = "kv", file: str = "naive"
) -> Operator:
    """One function of fla-core: folder:name."""
    folder, _, name = place.partition(":")
    return Operator(f"fla {title}", f"fla/ops/{folder}/{file}.py:{name}", adapter, gates or {}, package="fla")


def _own(file: str, *names: str, adapter: str = "kv") -> Iterator[Operator]:
    """True layers of the soundness bench."""
    for name in names:
        yield Operator(f"corpus {name}", f"proofs/bench/corpus/{file}.py:{name}", adapter)


_LOG = {"g": "log(decay)"}
_SMALL = {"chunk_size": "4"}
"""Of forms that take whole chunks alone."""
OPERATORS: tuple[Operator, ...] = (
    _fla("linear attention", "linear_attn:naive_recurrent_linear_attn"),
    _fla("linear attention, chunks", "linear_attn:naive_chunk_linear_attn"),
    _fla("delta rule", "delta_rule:delta_rule_recurrence", adapter="kv:BHTD"),
    _fla("delta rule, chunks", "delta_rule:delta_rule_chunkwise", _SMALL, "kv:BHTD"),
    _fla("delta rule, parallel", "delta_rule:delta_rule_parallel", {"BM": "4", "BN": "4"}, "kv:BHTD"),
    _fla("gated delta rule", "gated_delta_rule:naive_recurrent_gated_delta_rule", _LOG),
    _fla("gated delta rule, chunks", "gated_delta_rule:naive_chunk_gated_delta_rule", _LOG),
    _fla("KDA", "kda:naive_recurrent_kda", _LOG),
    _fla("KDA, chunks", "kda:naive_chunk_kda", {**_LOG, **_SMALL}),
    _fla("simple GLA", "simple_gla:naive_recurrent_simple_gla", _LOG),
    _fla("simple GLA, chunks", "simple_gla:naive_chunk_simple_gla", _LOG),
    _fla("simple GLA, parallel", "simple_gla:naive_parallel_simple_gla", _LOG),
    _fla("GLA", "gla:naive_recurrent_gla", {"gk": "log(decay)"}),
    _fla("retention", "retention:naive_retention", adapter="kv:BHTD"),
    _fla("Comba", "comba:naive_recurrent_comba", _LOG),
    _fla("Comba, chunks", "comba:naive_chunk_comba", _LOG),
    _fla("GDN-2", "gdn2:naive_recurrent_gdn2", _LOG),
    _fla("GDN-2, chunks", "gdn2:naive_chunk_gdn2", _LOG),
    _fla(
        "momentum delta rule",
        "momentum_delta_rule:recurrent_momentum_delta_rule_ref",
        {"log_alpha": "log(decay)", "log_mu": "log(mu)", "beta": "beta", "eta": "eta"},
    ),
    _fla(
        "momentum delta rule, chunks",
        "momentum_delta_rule:chunk_momentum_delta_rule_ref",
        {"log_alpha": "log(decay)", "log_mu": "log(mu)"},
    ),
    _fla("Based", "based:naive_parallel_based", adapter="kv:BHTD"),
    _fla("Based, chunks", "based:naive_chunk_based", _SMALL, "kv:BHTD"),
    _fla("ReBased", "rebased:naive_parallel_rebased", adapter="kv:BHTD"),
    _fla("DPLR", "generalized_delta_rule/dplr:dplr_recurrence", {"gk": "log(decay)"}, "kv:BHTD"),
    _fla("DPLR, chunks", "generalized_delta_rule/dplr:dplr_chunkwise", {"gk": "log(decay)", **_SMALL}, "kv:BHTD"),
    _fla("IPLR", "generalized_delta_rule/iplr:iplr_recurrence", adapter="kv:BHTD"),
    _fla("IPLR, chunks", "generalized_delta_rule/iplr:iplr_chunkwise", _SMALL, "kv:BHTD"),
    _fla("gated delta product", "gated_delta_product:naive_recurrent_gated_delta_product", {**_LOG, "scale": "1"}),
    _fla("ABC", "abc:naive_recurrent_abc", adapter="kv:BHTD"),
    _fla("GSA", "gsa:naive_recurrent_gsa"),
    _fla("forgetting attention", "forgetting_attn:naive_forgetting_attn", _LOG),
    _fla("stick-breaking attention", "stickbreaking_attn:naive_stickbreaking_attn"),
    _fla("deltaformer", "deltaformer:naive_deltaformer_attn", {"beta": "beta"}),
    _fla("PaTH attention", "path_attn:naive_path_attn", {**_LOG, "scale": "1"}),
    _fla("softmax attention", "attn:naive_parallel_attn"),
    _fla("Parallax", "parallax:naive_parallax"),
    _fla(
        "preconditioned gated delta rule",
        "precond_gated_delta_rule:naive_recurrent_precond_gated_delta_rule",
        {**_LOG, "g_atk": "log(decay)"},
    ),
    _fla("preconditioned KDA", "precond_kda:naive_recurrent_precond_kda", {**_LOG, "g_atk": "log(decay)"}),
    Operator("opengdn gated delta rule", "opengdn:gated_delta", gates={"alpha": "decay"}, package="opengdn"),
    Operator(
        "opengdn gated delta rule, chunks",
        "opengdn.chunkwise:gated_delta_chunkwise",
        gates={"alpha": "decay"},
        package="opengdn",
    ),
    Operator("torch.nn.MultiheadAttention", "proofs/bench/foreign.py:attention", None),
    *_own("attention", "linear_attention", "linear_attention_heads_merged", "normalised_attention"),
    *_own("delta", "delta_inverse", adapter="kv:BHTD"),
    *_own("delta", "delta_squarings", "delta_chunk_16", "delta_transposed_state", "delta_batched", "delta_by_gradient"),
    *_own("online", "momentum_delta", "weight_decay_kernel", "normalised_step_kernel", "proximal_kernel"),
    *_own("solvers", "ridge_kernel"),
)


def run(
    operators: Iterable[Operator], seed: int | None, told: Callable[[Line], None] = lambda line: None
) -> list[Line]:
    """The contracts of each. told: gets every line as it is found."""
    lines = []
    for operator in operators:
        before = process_time()
        lines.append(Line(operator, _found(operator, seed), process_time() - before))
        told(lines[-1])
    return lines


def _found(operator: Operator, seed: int | None) -> Contracts | str:
    if find_spec(operator.package) is None:
        return f"{operator.package} is not installed: {INSTALL}"
    try:
        return contracts(operator.target, operator.adapter, operator.gates, Settings(seed=seed), operator.sizes)
    except UserMistake as mistake:
        return str(mistake)
