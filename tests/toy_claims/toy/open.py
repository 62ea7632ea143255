"""A claim on which a rung has no answer."""

from __future__ import annotations

from proofs.claim import Claim
from proofs.evidence import Kind, Rung
from proofs.toy._parts import confirms, undecided, wrong_sign

CLAIM = Claim(
    __name__,
    title="A claim on which a rung has no answer",
    kind=Kind.IDENTITY,
    statement=r"$a + b = b + a$ for all $a, b$.",
    derivation="Addition commutes.",
    source="derived here",
    checks={Rung.SAMPLED: undecided, Rung.EXACT: confirms},
    mutants=(wrong_sign(),),
)
