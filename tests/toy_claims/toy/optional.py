"""A claim one of whose rungs this machine lacks."""

from __future__ import annotations

from proofs.claim import Claim
from proofs.evidence import Kind, Rung
from proofs.toy._parts import confirms, not_run, wrong_sign

CLAIM = Claim(
    __name__,
    title="A claim one of whose rungs this machine lacks",
    kind=Kind.IDENTITY,
    statement=r"$a + b = b + a$ for all $a, b$.",
    derivation="Addition commutes.",
    source="derived here",
    checks={Rung.EXACT: confirms, Rung.KERNEL: not_run},
    mutants=(wrong_sign(),),
)
