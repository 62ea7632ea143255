"""`said` with the kinds of all rooms."""

from reports.said import (
    audits,
    benches,
    claims,
    contracts,
    derivations,
    identification,
    notes,
    numbers,
    parameters,
    probes,
    rates,
    targets,
)
from reports.said.kinds import said

__all__ = [
    "audits",
    "benches",
    "claims",
    "contracts",
    "derivations",
    "identification",
    "notes",
    "numbers",
    "parameters",
    "probes",
    "rates",
    "said",
    "targets",
]
