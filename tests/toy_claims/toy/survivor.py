"""A claim whose check can't fail."""

from __future__ import annotations

from proofs.claim import Claim
from proofs.evidence import Kind, Rung
from proofs.toy._parts import confirms, wrong_sign

CLAIM = Claim(
    __name__,
    title="A claim whose check can't fail",
    kind=Kind.IDENTITY,
    statement=r"$a + b = b + a$ for all $a, b$.",
    derivation="Addition commutes.",
    source="derived here",
    checks={Rung.EXACT: confirms},
    mutants=(wrong_sign(confirms),),
)
