"""Real input: layers that nobody here wrote, audited by the main job. Versions are pinned in proofs/targets.txt."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.util import find_spec

from proofs.audit.answer import Answer, Word
from proofs.audit.run import audit
from proofs.evidence import Settings

INSTALL = "python3 -m pip install --no-deps -r proofs/targets.txt"


@dataclass(frozen=True)
class Installed:
    """One audit with the answer it has to end with. package: what has to be importable."""

    title: str
    package: str
    target: str
    expected: Word
    against: str = "gd"
    adapter: str | None = None
    gates: Mapping[str, str] = field(default_factory=dict)
    sizes: Mapping[str, int] | None = None

    def missing(self) -> str:
        """Why it can't run, with the remedy; empty if it can."""
        if find_spec(self.package) is None:
            return f"{self.package} is not installed: {INSTALL}"
        return ""

    def audit(self, settings: Settings) -> Answer:
        """The audit."""
        return audit(self.target, self.against, self.adapter, self.gates, settings, self.sizes)

    @property
    def command(self) -> str:
        """The command line that repeats it."""
        words = ["ssmproof audit", self.target, f"--against {self.against}"]
        words += [f"--adapter {self.adapter}"] if self.adapter else []
        words += [f"--gate {name}={value}" for name, value in self.gates.items()]
        words += [f"--size {name}={value}" for name, value in (self.sizes or {}).items()]
        return " ".join(words)


_FLA = "fla/ops/{}/naive.py:{}"
_OWN = "proofs/bench/foreign.py:"
_PADASIP = "padasip.filters:Filter"


def _fla(
    title: str,
    operator: str,
    name: str,
    against: str,
    gates: Mapping[str, str] | None = None,
    *,
    adapter: str = "kv",
    expected: Word = Word.PROVED,
    sizes: Mapping[str, int] | None = None,
) -> Installed:
    """One file of fla-core, loaded alone."""
    target = _FLA.format(operator, name)
    return Installed(f"fla-core, {title}", "fla", target, expected, against, adapter, gates or {}, sizes)


INSTALLED = (
    _fla("linear attention", "linear_attn", "naive_recurrent_linear_attn", "gd", {"scale": "eta/N"}),
    _fla("linear attention with its own scale", "linear_attn", "naive_recurrent_linear_attn", "gd"),
    _fla("delta rule", "delta_rule", "delta_rule_recurrence", "online_gd", adapter="kv:BHTD"),
    _fla("delta rule by chunks", "delta_rule", "delta_rule_chunkwise", "online_gd", adapter="kv:BHTD"),
    _fla(
        "delta rule: not batch gradient descent",
        "delta_rule",
        "delta_rule_recurrence",
        "gd",
        {"beta": "eta/N"},
        adapter="kv:BHTD",
        expected=Word.REFUTED,
    ),
    _fla(
        "gated delta rule",
        "gated_delta_rule",
        "naive_recurrent_gated_delta_rule",
        "decay_then_step",
        {"g": "log(decay)"},
    ),
    _fla("Kimi delta attention", "kda", "naive_recurrent_kda", "channel_decay_then_step", {"g": "log(decay)"}),
    _fla(
        "simple gated linear attention",
        "simple_gla",
        "naive_recurrent_simple_gla",
        "discounted_gd",
        {"g": "log(decay)", "eta": "1"},
    ),
    _fla("gated linear attention", "gla", "naive_recurrent_gla", "channel_discount", {"gk": "log(decay)", "eta": "1"}),
    _fla("retention", "retention", "naive_retention", "discounted_gd", adapter="kv:BHTD", sizes={"N": 5}),
    _fla("Comba", "comba", "naive_recurrent_comba", "oblique_delta", {"g": "log(decay)"}),
    _fla(
        "Comba: no gradient step where it reads elsewhere",
        "comba",
        "naive_recurrent_comba",
        "decay_then_step",
        {"g": "log(decay)", "p": "free"},
        expected=Word.REFUTED,
    ),
    _fla(
        "gated delta rule 2 with its gates apart: SGD with weight decay",
        "gdn2",
        "naive_recurrent_gdn2",
        "step_then_decay",
        {"g": "log(1-beta*weight_decay)", "b": "beta/(1-beta*weight_decay)", "w": "beta"},
    ),
    _fla(
        "momentum delta rule",
        "momentum_delta_rule",
        "recurrent_momentum_delta_rule_ref",
        "titans",
        {"log_alpha": "log(decay)", "log_mu": "log(mu)", "p": "X", "eta": "theta", "beta": "1"},
    ),
    _fla(
        "Based without its normaliser",
        "based",
        "naive_parallel_based",
        "polynomial_gd",
        {"scale": "1", "use_norm": "0", "eta0": "1", "eta1": "1", "eta2": "1/2"},
        adapter="kv:BHTD",
    ),
    _fla(
        "Based: its normaliser adds 1e-6",
        "based",
        "naive_parallel_based",
        "polynomial_smoother",
        {"scale": "1", "c0": "1", "c1": "1", "c2": "1/2"},
        adapter="kv:BHTD",
        expected=Word.REFUTED,
    ),
    _fla("mesa net", "mesa_net", "naive_mesa_net_exact", "mesa", {"g": "log(decay)"}, adapter=f"{_OWN}mesa"),
    Installed(
        "opengdn, gated delta rule",
        "opengdn",
        "opengdn:gated_delta",
        Word.PROVED,
        "decay_then_step",
        "kv",
        {"alpha": "decay"},
    ),
    Installed(
        "opengdn, gated delta rule at alpha = 1, a single context token",
        "opengdn",
        "opengdn:gated_delta",
        Word.PROVED,
        adapter="kv",
        gates={"alpha": "1", "beta": "eta"},
        sizes={"N": 1},
    ),
    Installed(
        "opengdn, gated delta rule at alpha = 1, several tokens: not one batch step",
        "opengdn",
        "opengdn:gated_delta",
        Word.REFUTED,
        adapter="kv",
        gates={"alpha": "1", "beta": "eta/N"},
    ),
    Installed(
        "opengdn, gated delta rule: not SGD with weight decay",
        "opengdn",
        "opengdn:gated_delta",
        Word.REFUTED,
        "step_then_decay",
        "kv",
        {"alpha": "1-beta*weight_decay"},
    ),
    # the same rational functions; but padasip's base class has a branch for a width of -1, which no call can reach
    Installed("padasip, LMS", "padasip", f"{_PADASIP}LMS", Word.UNDECIDED, "online_gd", f"{_OWN}lms", {"mu": "beta"}),
    Installed("padasip, NLMS", "padasip", f"{_PADASIP}NLMS", Word.UNDECIDED, "nlms", f"{_OWN}normalised"),
    Installed(
        "padasip, RLS",
        "padasip",
        f"{_PADASIP}RLS",
        Word.UNDECIDED,
        "rls",
        f"{_OWN}normalised",
        {"mu": "decay", "eps": "lam"},
    ),
    Installed(
        "padasip, RLS: its prior is forgotten, a mesa layer's is not",
        "padasip",
        f"{_PADASIP}RLS",
        Word.REFUTED,
        "mesa",
        f"{_OWN}normalised",
        {"mu": "decay", "eps": "lam", "beta": "1"},
    ),
    Installed("torch.optim.SGD", "torch", "torch.optim:SGD", Word.PROVED, "online_gd", f"{_OWN}optimiser"),
    Installed(
        "torch.optim.SGD with momentum",
        "torch",
        "torch.optim:SGD",
        Word.PROVED,
        "heavy_ball",
        f"{_OWN}momentum",
        {"mu": "1/2"},
    ),
    Installed(
        "torch.optim.SGD with weight decay",
        "torch",
        "torch.optim:SGD",
        Word.PROVED,
        "step_then_decay",
        f"{_OWN}decayed",
        {"beta": "1/2", "weight_decay": "1/4"},
    ),
    Installed("torch.nn.MultiheadAttention", "torch", f"{_OWN}attention", Word.AGREES, "softmax_smoother"),
    Installed("torch.nn.MultiheadAttention: not gradient descent", "torch", f"{_OWN}attention", Word.REFUTED, "gd"),
    Installed("torch.nn.LSTM: not gradient descent", "torch", f"{_OWN}lstm", Word.REFUTED, "online_gd"),
)
