"""What a call returned, looked at again after a later call: a buffer that every call fills is nobody's result.

The first results are held as they are, not copied; then the target is called on other data, and from the very state that
the first call returned, as where two continuations share a prefix. A target that writes to the state it is handed is
noted elsewhere, and is not asked the second question.
Main definition: `results_kept`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from numeric.finding import Finding, Verdict
from proofs.audit import fresh
from proofs.audit.calls import Calls
from proofs.audit.findings import Moved, MovedBy
from proofs.audit.handed import Seen
from proofs.audit.mode_runs import Runs, equal
from proofs.audit.whole import Found
from proofs.audit.world import Same
from proofs.target.adapters import STATES, Adapter
from proofs.target.calling import raised

KEPT, SHARED = "results held over a later call", "one state for two continuations"


def results_kept(runs: Runs, whole: Found, adapted: Callable[[Seen], Adapter]) -> None:
    """Whether results stay what they were. whole: what whole calls showed; adapted: the adapter of a target in a call's
    place."""
    try:
        first, _ = _called(runs, whole, adapted, "first")
        held, copies = first, [t.clone() for t in first]
        _, (args, kwargs) = _called(runs, whole, adapted, "second")
        if _moved(runs, KEPT, held, copies):
            return
        state = next((n for n in STATES if n in runs.loaded.optional), None)
        if state is None or len(held) < 2 or not whole.tokens:
            return
        own = held[1].clone()
        with torch.set_grad_enabled(runs.case.grad):
            runs.loaded.call(*args, **{**kwargs, state: own})
            if not equal(own, copies[1]):
                return
            runs.loaded.call(*args, **{**kwargs, state: held[1]})
        _moved(runs, SHARED, held, copies)
    except Exception as error:  # the target is anybody's code
        runs.add(KEPT, Same.RAISES, raised(error))


def _called(
    runs: Runs, whole: Found, adapted: Callable[[Seen], Adapter], what: str
) -> tuple[list[Tensor], tuple[Any, Any]]:
    """The tensors of a call's result, in the target's own memory, and the call."""
    case, seen = runs.case, Seen(runs.loaded.call)
    adapter = adapted(seen)
    generator = torch.Generator().manual_seed(runs.entropy.child("results", what).below(2**31))
    with torch.set_grad_enabled(runs.case.grad):
        if adapter.whole is None or not whole.tokens:
            case.through(adapter, **case.draw(runs.sizes, generator))
        else:
            calls = Calls(case, adapter.whole, wide=whole.wide)
            sizes = {**runs.sizes, "B": max(1, whole.batch), "H": max(1, whole.heads)}
            calls.returned(**case.draw(sizes, generator, calls.shapes))
    return fresh.leaves(seen.results[-1]), seen.calls[-1]


def _moved(runs: Runs, name: str, held: list[Tensor], copies: list[Tensor]) -> bool:
    """Keep whether what was returned is what it was."""
    apart = [(a, b) for a, b in zip(held, copies, strict=True) if not equal(a, b)]
    if not apart:
        runs.add(name, Same.BITS)
        return False
    most = max(float((a - b).abs().nan_to_num(nan=float("inf")).max()) for a, b in apart)
    why = MovedBy(Moved.RESULTS, most)
    runs.add(name, Same.DIFFERS, why, Finding(Verdict.REFUTED, reason=why))
    return True
