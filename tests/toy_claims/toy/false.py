"""A claim that is refuted."""

from __future__ import annotations

from proofs.claim import Claim
from proofs.evidence import Kind, Rung
from proofs.toy._parts import confirms, refutes, wrong_sign

CLAIM = Claim(
    __name__,
    title="A claim that is refuted",
    kind=Kind.IDENTITY,
    statement=r"$a + b = b + a$ for all $a, b$.",
    derivation="Addition commutes.",
    source="derived here",
    checks={Rung.SAMPLED: confirms, Rung.EXACT: refutes},
    mutants=(wrong_sign(),),
)
