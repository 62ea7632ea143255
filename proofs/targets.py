"""Real input: layers that nobody here wrote, audited by the main job. Versions are pinned in proofs/targets.txt."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.util import find_spec

from numeric.finding import Verdict
from proofs.audit import Audit, audit
from proofs.evidence import Settings

INSTALL = "python3 -m pip install --no-deps -r proofs/targets.txt"


@dataclass(frozen=True)
class Case:
    """One audit with the verdict it has to end with. package: what has to be importable."""

    title: str
    package: str
    target: str
    expected: Verdict
    against: str = "gd"
    adapter: str | None = None
    gates: Mapping[str, str] = field(default_factory=dict)
    sizes: Mapping[str, int] | None = None

    def missing(self) -> str:
        """Why it can't run, with the remedy; empty if it can."""
        if find_spec(self.package) is None:
            return f"{self.package} is not installed: {INSTALL}"
        return ""

    def audit(self, settings: Settings) -> Audit:
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


CASES = (
    Case(
        "fla-core, linear attention (one file of it, loaded alone)",
        "einops",
        "fla/ops/linear_attn/naive.py:naive_recurrent_linear_attn",
        Verdict.CONFIRMED,
        adapter="kv",
        gates={"scale": "eta/N"},
    ),
    Case(
        "fla-core, linear attention with its own scale, the step size inferred",
        "einops",
        "fla/ops/linear_attn/naive.py:naive_recurrent_linear_attn",
        Verdict.CONFIRMED,
        adapter="kv",
    ),
    Case(
        "opengdn, gated delta rule at alpha = 1, a single context token",
        "opengdn",
        "opengdn:gated_delta",
        Verdict.CONFIRMED,
        adapter="kv",
        gates={"alpha": "1", "beta": "eta"},
        sizes={"N": 1},
    ),
    Case(
        "opengdn, gated delta rule at alpha = 1, several tokens: not one batch step",
        "opengdn",
        "opengdn:gated_delta",
        Verdict.REFUTED,
        adapter="kv",
        gates={"alpha": "1", "beta": "eta/N"},
    ),
)
