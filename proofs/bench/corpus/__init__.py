"""True layers for the soundness bench, written as their authors would: heads, chunks, masks, solves, log gates.

None imports a construction or a learner of this project, so that agreement is no tautology. Every layer is a function
of its inputs alone with one `return`, its last statement, for `proofs.bench.mutations` to break its source: `torch` is the one
name that it takes from outside. `CORPUS` names, for each, the learner that it runs.
"""

from proofs.bench.corpus import attention, batch, delta, online, solvers
from proofs.bench.corpus.attention import retention_log
from proofs.bench.corpus.batch import batch_step
from proofs.bench.corpus.entry import Entry
from proofs.bench.corpus.online import decaying_memory

CORPUS: tuple[Entry, ...] = (
    *batch.ENTRIES,
    *attention.ENTRIES,
    *delta.ENTRIES,
    *online.ENTRIES,
    *solvers.ENTRIES,
)
"""The layers, each with its learner."""

__all__ = ["CORPUS", "Entry", "batch_step", "decaying_memory", "retention_log"]
