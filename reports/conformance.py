"""The conformance bench in words: a table of what replays gave, why they were refused, and what is wrong."""

from __future__ import annotations

import importlib.util
import time
from collections import Counter
from collections.abc import Callable, Iterator

from proofs.bench.conformance import Conformance, Verdict, Way, run
from proofs.mistake import UserMistake
from reports.said import said
from reports.words import counted

_SHOWN = 12
"""Reasons of refusals that are listed."""


class MissingSamples(UserMistake):
    """PyTorch's samples can't be made here; the message says what to install."""


def conforming(seed: int, progress: Callable[[int, int, object, object], None]) -> tuple[Conformance, Iterator[str]]:
    """The bench and its lines. Raises MissingSamples."""
    if importlib.util.find_spec("expecttest") is None:
        raise MissingSamples(
            "--conformance needs PyTorch's samples, which need the package expecttest; pip install expecttest"
        )
    start = time.process_time()
    found = run(seed=seed, progress=progress)
    return found, lines(found, time.process_time() - start)


def lines(found: Conformance, seconds: float | None = None) -> Iterator[str]:
    """What `ssmproof soundness --conformance` prints."""
    spent = "" if seconds is None else f", in {seconds:.0f} CPU s"
    yield (
        f"{counted(found.samples, 'sample')} of {counted(found.operators, 'float64 operator')} (seed {found.seed}){spent}; "
        f"{found.left_out} more are too large, or refused by torch itself"
    )
    counts = Counter((o.way, o.verdict) for o in found.outcomes)
    yield f"{'replayed in':18s}" + "".join(f"{v.value:>16s}" for v in Verdict)
    for way in Way:
        yield f"{way.value:18s}" + "".join(f"{counts[way, verdict]:16d}" for verdict in Verdict)
    reasons = Counter(o.detail for o in found.outcomes if o.way is Way.RATIONALS and o.verdict is Verdict.REFUSED)
    if reasons:
        yield "refused by the rationals:"
    for reason, count in reasons.most_common(_SHOWN):
        yield f"  {count:6d}  {said(reason)}"
    if len(reasons) > _SHOWN:
        yield f"  and {sum(reasons.values()) - sum(n for _, n in reasons.most_common(_SHOWN))} for other reasons"
    for outcome in found.bad:
        yield (
            f"{outcome.verdict.value.upper()}: {outcome.operator}, {outcome.call.value}, {outcome.layout.value} operands, "
            f"in {outcome.way.value}: {said(outcome.detail)}"
        )
    yield (
        "every replay equals torch where it has a value"
        if found.passed
        else (f"NOT CONFORMING: {counted(len(found.bad), 'replay')} wrong or broken")
    )
