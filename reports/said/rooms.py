"""`said` with the kinds of all rooms."""

from reports.said import (
    audits,
    benches,
    claims,
    derivations,
    identification,
    notes,
    numbers,
    parameters,
    probes,
    targets,
)
from reports.said.kinds import said

__all__ = [
    "audits",
    "benches",
    "claims",
    "derivations",
    "identification",
    "notes",
    "numbers",
    "parameters",
    "probes",
    "said",
    "targets",
]
