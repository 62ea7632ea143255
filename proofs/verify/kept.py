"""Evidence kept from earlier runs: what a unit of work found, for as long as nothing it rests on is another.

It rests on the claim's statement, on its sides, on the engines and libraries (their fingerprints), on the settings with
their seed, and on the machine. What was decided is kept, and mutants that a rung is known to be blind for; what else was
undecided or not run is looked for again. In the user's cache folder; SSMPROOF_EVIDENCE_CACHE names another, "off" none.
Main definition: `Kept`.
"""

from __future__ import annotations

import contextlib
import json
import os
import platform
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from numeric.finding import Verdict
from proofs.claim import Claim
from proofs.evidence import Fingerprints, Rung, Settings

Answer = tuple[dict[str, Any], float]
"""A unit's finding as plain data, and the CPU seconds it took."""
Name = tuple[Rung, str | None]
"""A unit of one claim: the rung, and the mutant if it is one."""


class Kept:
    """What earlier runs with these settings found. device: as the run names it. used: how many answers were taken."""

    def __init__(self, settings: Settings, device: str) -> None:
        self.used = 0
        coq = str(shutil.which("coqc"))
        own = [settings.profile, settings.seed, settings.target_log2, settings.verdict_only]
        self._surroundings = [*own, device, platform.platform(), coq]
        place = os.environ.get("SSMPROOF_EVIDENCE_CACHE")
        cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "ssmproof" / "evidence"
        self._home = None if place == "off" else Path(place) if place else cache

    def known(self, claim: Claim, marks: Fingerprints) -> dict[Name, Answer]:
        """What is kept of the claim's units; nothing where anything they rest on has changed."""
        if self._home is None:
            return {}
        try:
            data = json.loads(self._file(claim).read_text("utf-8"))
            if data["key"] != self._key(marks):
                return {}
            return {(Rung(rung), mutant): (row, float(seconds)) for rung, mutant, row, seconds in data["units"]}
        except (OSError, ValueError, KeyError, TypeError):
            return {}

    def keep(self, claim: Claim, marks: Fingerprints, found: Mapping[Name, Answer]) -> None:
        """Write down what was found of the claim, beside what is kept. A folder that can't be written is no reason to fail."""
        if self._home is None:
            return
        decided = (Verdict.CONFIRMED.value, Verdict.REFUTED.value)
        now = {**self.known(claim, marks), **found}
        blind = {(rung, mutant.id) for mutant in claim.mutants for rung in mutant.blind}
        rows = [[*name, *a] for name, a in now.items() if a[0]["verdict"] in decided or name in blind]
        path = self._file(claim)
        with contextlib.suppress(OSError):
            path.parent.mkdir(parents=True, exist_ok=True)
            part = path.with_name(f".{path.name}.{os.getpid()}.part")
            part.write_text(json.dumps({"key": self._key(marks), "units": rows}), "utf-8")
            os.replace(part, path)

    def _key(self, marks: Fingerprints) -> list[Any]:
        return [marks.statement, marks.sides, marks.engines, *self._surroundings]

    def _file(self, claim: Claim) -> Path:
        assert self._home is not None
        return self._home / f"{claim.id}.json"
