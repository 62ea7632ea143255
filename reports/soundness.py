"""The benches of broken layers in words: what became of true layers and of their mutants.

Main definitions: `audits`, `names`.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator

from proofs.audit.answer import Word
from proofs.bench.names import Names
from proofs.bench.soundness import ROUNDING, Bench
from proofs.bench.trials import Trial


def audits(found: Bench) -> Iterator[str]:
    """What `ssmproof soundness` prints."""
    true, broken = found.true, found.broken
    caught = Counter(t.rung for t in broken if t.word is Word.REFUTED)
    flagged = sum(t.kind == "float cast" and t.word is Word.PROVED and t.flagged for t in broken)
    yield (
        f"true layers   {len(true)}: proved {sum(t.word is Word.PROVED for t in true)}, "
        f"agrees {sum(t.word is Word.AGREES for t in true)}, false alarms {sum(t.false_alarm for t in true)}"
    )
    yield f"mutants       {len(broken)} tried; {found.equivalent} more change nothing, {found.failing} no longer run"
    yield "  caught      " + ", ".join(f"{n} on the {rung} rung" for rung, n in sorted(caught.items()))
    yield f"  flagged     {flagged} that only round to float32: the same function, and the audit says so"
    yield f"  renamed     {sum(t.others for t in broken)} confirmed with other parameters than the true layer's"
    yield f"  undecided   {sum(t.open for t in broken)}"
    yield f"  missed      {len(found.missed)}"
    for kind in sorted({t.kind for t in broken}):
        of = [t for t in broken if t.kind == kind]
        yield f"    {kind:<15} {len(of):>4} tried, {sum(t.word is Word.REFUTED for t in of):>4} refuted"
    least = min((t.changed for t in broken), default=math.nan)
    if least > 0:
        yield f"smallest change by a mutant, relatively: 2^{math.log2(least):.1f}"
    wrong = (t for t in found.trials if t.missed or t.false_alarm or (t.true and t.open))
    yield from (f"WRONG  {_version(t)} ({t.word}: {t.reason})" for t in wrong)
    yield from _open(broken)


def names(found: Names) -> Iterator[str]:
    """What `ssmproof soundness --identify` prints."""
    true, broken = found.true, found.broken
    named = [t for t in broken if t.held]
    ends = Counter(t.word for t in broken)
    yield f"true layers   {len(true)}: named rightly {sum(not t.wrong for t in true)}"
    yield f"mutants       {len(broken)} tried; {found.equivalent} more change nothing, {found.failing} no longer run"
    yield (
        f"  named       {len(named)}: the true layer's learner with other numbers, or with casts to float32 that are noted, "
        f"{sum(t.named == t.expected for t in named)}; another learner {sum(t.named != t.expected for t in named)}"
    )
    yield f"  no match    {ends[Word.NO_MATCH]}"
    yield f"  biased      {ends[Word.BIASED]}"
    yield f"  undecided   {sum(t.open for t in broken)}"
    yield f"  wrong       {sum(t.wrong for t in broken)}"
    for kind in sorted({t.kind for t in broken}):
        of = Counter(t.word for t in broken if t.kind == kind)
        each = ", ".join(f"{of[word]} {word.lower()}" for word in Word if of[word])
        yield f"    {kind:<15} {of.total():>4} tried: {each}"
    offs = [t.off for t in found.trials if t.held]
    control = [off for t in true for off in t.control]
    if offs:
        yield f"largest difference from the learner named: {_power(max(offs))} (allowed 2^{math.log2(ROUNDING):g})"
    if control:
        told = len(control) - sum(t.blind for t in true)
        yield (
            f"control: the check tells {told} of {len(control)} mutants from the true layer's learner, the nearest by "
            f"{_power(min(control))}"
        )
    yield from (f"WRONG  {_version(t)} ({t.word} {t.named}: {t.reason})" for t in found.wrong)
    yield from _open(broken)


def _version(trial: Trial) -> str:
    return f"{trial.layer}, {trial.kind}: {trial.change}"


def _open(trials: tuple[Trial, ...]) -> Iterator[str]:
    return (f"undecided  {_version(t)} ({t.reason})" for t in trials if t.open)


def _power(size: float) -> str:
    return f"2^{math.log2(size):.1f}" if 0 < size < math.inf else f"{size:g}"
