"""A claim none of whose rungs this machine has."""

from __future__ import annotations

from proofs.claim import Claim
from proofs.evidence import Kind, Rung
from proofs.toy._parts import not_run, wrong_sign

CLAIM = Claim(
    __name__,
    title="A claim none of whose rungs this machine has",
    kind=Kind.IDENTITY,
    statement=r"$a + b = b + a$ for all $a, b$.",
    derivation="Addition commutes.",
    source="derived here",
    checks={Rung.KERNEL: not_run},
    mutants=(wrong_sign(not_run, Rung.KERNEL),),
)
