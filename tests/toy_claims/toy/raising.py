"""A claim whose check raises."""

from __future__ import annotations

from numeric.finding import Finding
from proofs.claim import Claim
from proofs.evidence import Kind, Rung, Settings
from proofs.toy._parts import confirms, wrong_sign


def _broken(settings: Settings) -> Finding:
    raise ZeroDivisionError("division by\nzero")


CLAIM = Claim(
    __name__,
    title="A claim whose check raises",
    kind=Kind.IDENTITY,
    statement=r"$a + b = b + a$ for all $a, b$.",
    derivation="Addition commutes.",
    source="derived here",
    checks={Rung.SAMPLED: confirms, Rung.EXACT: _broken},
    mutants=(wrong_sign(),),
)
