"""In words: what becomes of a claim's checks, what Coq says of theorems, and a counterexample."""

from __future__ import annotations

from numeric.finding import Counterexample
from proofs.evidence import Extent
from proofs.kernel.findings import (
    AtTie,
    Definitions,
    Kernel,
    NotAllowed,
    OtherFunction,
    Rests,
    StaleTheorem,
    TieFails,
)
from proofs.verify.findings import CheckRaised, Interrupted, WorkerFailed
from proofs.verify.fingerprints import REMOVED, Stale
from reports.said import pasted
from reports.said.kinds import listed, said


@said.register
def _(found: Counterexample) -> str:
    return "\n".join(pasted(found))


_EXTENT = {
    Extent.ALL: "all sizes",
    Extent.LISTED: "the sizes listed",
    Extent.POINTS: "the points drawn or measured",
}


@said.register
def _(extent: Extent) -> str:
    return _EXTENT[extent]


# --- runs ---------------------------------------------------------------------------------------------------------------


@said.register
def _(found: CheckRaised) -> str:
    where = ", at {}:{} in {}".format(*found.place) if found.place is not None else ""
    return f"the check raised {found.error}{where}"


@said.register
def _(found: WorkerFailed) -> str:
    return f"a worker process failed ({found.error}); try --jobs 1"


@said.register
def _(found: Interrupted) -> str:
    return f"interrupted after {found.done} of {found.units} units"


@said.register
def _(old: Stale) -> str:
    if old.changed == (REMOVED,):
        return f"{old.claim} ({old.rung}): no claim has this id any more"
    return f"{old.claim} ({old.rung}): {listed(old.changed)} changed since"


# --- theorems -----------------------------------------------------------------------------------------------------------


@said.register
def _(found: Rests) -> str:
    if not found.axioms:
        return "closed under the global context"
    return f"rests on the allowed axioms {listed(found.axioms)}"


@said.register
def _(found: NotAllowed) -> str:
    return f"{found.lemma} rests on axioms that are not allowed: {listed(found.axioms)}"


@said.register
def _(found: StaleTheorem) -> str:
    kind, what = "statement", "statement"
    if found.definitions is not None:
        kind, what = "definition", f"definitions below the statement ({listed(found.definitions)})"
    made = "pinned with Coq {}, mathcomp {}".format(*found.pinned) if found.pinned is not None else "not pinned"
    return f"stale {kind}: the {what} of {found.lemma} changed ({made}); read it, then python -m proofs.kernel --pin"


@said.register
def _(found: TieFails) -> str:
    return f"numeric tie {found.tie}: {found.kind}: {found.message}"


@said.register
def _(found: OtherFunction) -> str:
    return f"the theorem is about another function: {found.python} differs from Coq's {found.definition}"


@said.register
def _(note: AtTie) -> str:
    return f"numeric tie {note.name}"


@said.register
def _(trust: Kernel) -> str:
    return f"Coq's kernel {trust.version}"


@said.register
def _(trust: Definitions) -> str:
    return f"mathcomp {trust.version}'s definitions"
