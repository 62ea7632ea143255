"""What the command line asks: does the target run the named learner, and what else does it run if it does not?

Main definitions: `ask`, `ask_layers`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from numeric.finding import Verdict
from proofs.audit.answer import Answer, Check, Word, of
from proofs.audit.layers import same
from proofs.audit.run import Named, audit
from proofs.evidence import Settings
from proofs.identify.run import identify
from proofs.target.case import INDETERMINATE, READOUT
from proofs.target.gates import mentioned


def ask(
    target: Named,
    against: str | None = None,
    adapter: Named | None = None,
    gates: Mapping[str, str] | None = None,
    settings: Settings = Settings(),  # noqa: B008 (frozen)
    sizes: Mapping[str, int] | None = None,
    gradients: bool = False,
) -> Answer:
    """The audit against a learner, and for a refuted layer what it runs instead; without a learner, identification.

    Arguments and errors as for `proofs.audit.audit`.
    """
    gates, sizes = dict(gates or {}), dict(sizes or {})
    if against is None:
        return identify(target, adapter, gates, settings, sizes)
    found = audit(target, against, adapter, gates, settings, sizes, gradients)
    if found.word is not Word.REFUTED or found.of_gradients:
        return found
    return replace(found, instead=_instead(target, adapter, found, gates, settings, sizes))


def ask_layers(
    target: Named,
    against: Named,
    adapter: Named | None = None,
    against_adapter: Named | None = None,
    gates: Mapping[str, str] | None = None,
    against_gates: Mapping[str, str] | None = None,
    settings: Settings = Settings(),  # noqa: B008 (frozen)
    sizes: Mapping[str, int] | None = None,
    gradients: bool = False,
) -> Answer:
    """Whether two layers are one function; where they are not, what each of them runs, if that can be said.

    Arguments and errors as for `proofs.audit.layers.same`.
    """
    found = same(target, against, adapter, against_adapter, gates, against_gates, settings, sizes, gradients)
    if found.word is not Word.REFUTED or found.of_gradients:
        return found
    own = adapter if against_adapter is None else against_adapter
    first = _identified(target, adapter, gates or {}, settings)
    second = _identified(against, own, {**(gates or {}), **(against_gates or {})}, settings)
    return replace(found, each=tuple(one for one in (first, second) if one is not None))


def _identified(target: Named, adapter: Named | None, gates: Mapping[str, str], settings: Settings) -> Answer | None:
    """What a layer runs; None where that can't be said. A gate that is an expression in variables is left to the search."""
    own = {n: t for n, t in gates.items() if t == INDETERMINATE or mentioned(t) <= {"N", "f", "m", "X"}}
    try:
        found = identify(target, adapter, own, settings)
    except Exception:  # it adds to an answer that stands without it
        return None
    return found if found.accepted(sampled=True) else None


def _instead(
    target: Named,
    adapter: Named | None,
    found: Answer,
    gates: Mapping[str, str],
    settings: Settings,
    sizes: Mapping[str, int],
) -> Answer | None:
    """What a refuted layer runs instead; None where that can't be looked for. Its gates are set where they are numbers."""
    asked = found.learner
    assert asked is not None
    numbers = {*asked.names, READOUT} & set(gates)
    exact = of(found.rows, Check.EXACT)
    if exact and not numbers and all(row.finding.verdict is Verdict.CONFIRMED for row in exact):
        return None  # one sequence at a time it is the learner
    known = {"N", "f", "m", "X"}
    own = {
        name: text
        for name, text in gates.items()
        if name not in (*asked.names, READOUT) and (text == INDETERMINATE or mentioned(text) <= known)
    }
    try:
        other = identify(target, adapter, own, settings, {name: sizes[name] for name in sizes if name != "N"})
    except Exception:  # it adds to an answer that stands without it
        return None
    same = other.learner is not None and other.learner.same(asked)
    # the learner itself, at no other numbers than the audit allowed: one sequence at one width shows nothing new
    return None if same and not numbers and other.word is not Word.BIASED else other
