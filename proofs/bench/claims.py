"""The bench of the claims' own checks: what of the code a claim depends on does each of its rungs not see?

Main definitions: `Seen`, `Bench`, `run`. How it is measured is told in `proofs.verify.sight`, which keeps what was measured; the
bench measures afresh.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from proofs import registry
from proofs.claim import Claim
from proofs.evidence import Rung
from proofs.verify import sight
from proofs.verify.run import look, spread
from proofs.verify.sight import Place, Sight


@dataclass(frozen=True)
class Seen:
    """What the rungs of one claim see. unmeasured: rungs that did not confirm the claim as it is, so nothing was seen."""

    claim: str
    sights: Mapping[Rung, Sight]
    unmeasured: tuple[Rung, ...] = ()

    @property
    def depends(self) -> frozenset[Place]:
        """The places that the claim depends on."""
        return sight.depends(self.sights)

    def unseen(self, rung: Rung) -> tuple[Place, ...]:
        """What this rung does not see of them, functions as a whole where none of their places is seen."""
        return sight.unseen(self.sights, rung) or ()

    @property
    def silent(self) -> tuple[Place, ...]:
        """What the sides run and no rung sees."""
        return sight.silent(self.sights)

    def to_json(self) -> dict[str, Any]:
        """One row of the bench."""
        rungs = {
            r.value: {"ran": _told(s.ran), "blind": _told(s.blind), "unseen": _told(self.unseen(r))}
            for r, s in self.sights.items()
        }
        return {
            "claim": self.claim,
            "rungs": rungs,
            "unmeasured": [r.value for r in self.unmeasured],
            "seen by no rung": _told(self.silent),
        }


def _told(places: Iterable[Place]) -> list[str]:
    return [str(place) for place in places]


@dataclass(frozen=True)
class Bench:
    """All claims looked at."""

    claims: tuple[Seen, ...]

    @property
    def passed(self) -> bool:
        """Every rung was measured, but the kernel's where there is no Coq: a label that nobody measured says nothing."""
        return bool(self.claims) and not any(r is not Rung.KERNEL for seen in self.claims for r in seen.unmeasured)

    def pairs(self, rung: Rung) -> tuple[int, int]:
        """How many places the claims with this rung depend on, and how many of those it does not see."""
        own = [seen for seen in self.claims if rung in seen.sights]
        return sum(len(s.depends) for s in own), sum(len(s.depends - s.sights[rung].seen) for s in own)

    def to_json(self) -> dict[str, Any]:
        """The object that `ssmproof soundness --claims --json` writes."""
        totals = {r.value: dict(zip(("places", "unseen"), self.pairs(r), strict=True)) for r in Rung}
        return {"passed": self.passed, "pairs": totals, "claims": [seen.to_json() for seen in self.claims]}


def run(
    sample: int | None = None,
    seed: int = 0,
    jobs: int = 1,
    progress: Callable[[int, int, object, object], None] = lambda done, total, what, verdict: None,
    claims: Sequence[Claim] | None = None,
) -> Bench:
    """Look at all claims, or at `sample` of them drawn with `seed`."""
    chosen = list(registry.select() if claims is None else claims)
    if sample is not None and sample < len(chosen):
        chosen = sorted(random.Random(seed).sample(chosen, sample), key=lambda c: c.id)
    found: dict[str, Mapping[Rung, Sight]] = {}
    for done, (k, row) in enumerate(spread(look, [(c.id, True) for c in chosen], jobs), start=1):
        found[chosen[k].id] = row
        progress(done, len(chosen), chosen[k].id, "looked at")
    rows = [(c, found[c.id]) for c in chosen]
    return Bench(tuple(Seen(c.id, s, tuple(r for r in sight.deciding(c) if r not in s)) for c, s in rows))
