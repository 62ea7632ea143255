"""How far an audit's agreement reaches: whole calls, sizes past the code, modes, lines; the answer's world.

Run when an audit has confirmed; ends at the first refutation.
Main definitions: `reach`, `Reach`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch

from numeric.deciding.programs import Sizes
from numeric.entropy import Entropy
from numeric.finding import Verdict
from proofs.audit.answer import Parting
from proofs.audit.by_dtype import typed
from proofs.audit.compared import by_lifting, how
from proofs.audit.computed import LONGER, NOTED, Computed, computed
from proofs.audit.crossing import crossing
from proofs.audit.far_calls import Far, far_calls
from proofs.audit.finite import limits
from proofs.audit.gradients import Compared, gradient_rows
from proofs.audit.kept import idle, kept
from proofs.audit.longer import FARTHEST, Longer, longer_rows
from proofs.audit.modes import Modes, modes
from proofs.audit.points import special_row
from proofs.audit.rows import Row
from proofs.audit.sweep import Swept, sweep
from proofs.audit.whole import Found, whole_rows
from proofs.audit.world import Refusal, State, World
from proofs.target.adapters import FINAL, STATES
from proofs.target.case import INDETERMINATE, Case
from proofs.target.loading import Target
from proofs.target.source.branches import refusing
from proofs.target.source.integers import integers, scripts
from proofs.target.source.options import options_of
from proofs.target.source.outside import outside

_FAR = 3
"""The longest contexts at which the sides agreed, that bounds are looked for at."""


_HANDED = (State.CONTINUES, State.START, State.SHARED)
"""A state that some calls gave and others left out."""


@dataclass(frozen=True)
class Reach:
    """Rows of the further checks, and the world of all of them. integers: those of the code, and those that it computes of
    the audit's widths; parting: where gradients part."""

    rows: tuple[Row, ...]
    world: World
    integers: tuple[int, ...] = ()
    parting: Parting | None = None

    @property
    def refuted(self) -> Row | None:
        """The row that refutes, if one does."""
        return next((r for r in self.rows if r.finding.verdict is Verdict.REFUTED), None)


@dataclass(frozen=True)
class Loaded:
    """A target as the user named it: loaded, its adapter, and its text where another process can load it."""

    loaded: Target
    adapter: Any
    text: str | None


def reach(
    case: Case,
    named: Loaded,
    rows: Sequence[Row],
    at: Sizes,
    fixed: Sizes,
    entropy: Entropy,
    target_log2: float,
    before: Sequence[int] | None = None,
    gradients: bool = False,
) -> Reach:
    """Further checks of a case on which `rows` agree. fixed: sizes that the user fixed. before: integers for which the special
    points were compared, with this layer in the learner's place. gradients: whether backward passes are compared too.
    """
    kinds = how(rows)
    keeps = kept(case, named.loaded.call, at)  # before calls at further sizes fill what it keeps
    written = integers(named.loaded.call)
    made = computed(case, named.loaded.call, at, written)
    turns = {e.turn for e in made.edges if 1 < e.turn <= FARTHEST}
    mentioned = tuple(sorted({*written, *made.integers, *turns}))
    whole, far, longer, swept, ran, slopes = Found(), Far(), Longer(), Swept(), Modes(()), Compared()
    seen = tuple(sorted({r.sizes["N"] for r in rows if "N" in r.sizes and _same_width(r.sizes, at)}))
    widths = dict.fromkeys((r.sizes["f"], r.sizes["m"]) for r in rows)

    odd = special_row(case, kinds, at, entropy.child("points"), mentioned, before)
    points = (odd,) if odd is not None else ()

    def done() -> bool:
        found = (*points, *whole.rows, *far.rows, *longer.rows, *swept.rows, *ran.rows, *slopes.rows)
        return any(r.finding.verdict is Verdict.REFUTED for r in found)

    if not done():
        whole = whole_rows(case, at, fixed, kinds, entropy.child("whole"), target_log2)
    if not done():
        far = far_calls(case, whole, at, fixed, kinds, mentioned, entropy.child("far calls"))
    if not done():
        longer = longer_rows(
            case, at, fixed, kinds, mentioned, entropy.child("longer"), target_log2, seen, list(widths)
        )
    if not done():
        swept = sweep(case, at, fixed, kinds, whole, mentioned, made.at_width, entropy.child("sweep"), target_log2)
    if not done():
        square = next(
            (r.sizes for r in rows if r.sizes["f"] == r.sizes["m"] > 1 and r.finding.verdict is Verdict.CONFIRMED), None
        )
        child = entropy.child("modes")
        memory = any(k.used for k in keeps)
        ran = modes(
            case,
            named.loaded,
            named.adapter,
            named.text,
            kinds,
            at,
            mentioned,
            child,
            square,
            memory,
            tuple(fixed),
            whole,
        )
    if gradients and not done():
        child = entropy.child("gradients")
        slopes = gradient_rows(case, whole, at, fixed, kinds, mentioned, child, target_log2)
    reached = LONGER if "N" in fixed else max((*seen, *longer.lengths, at["N"]))
    if not done() and reached < LONGER:  # a bound that was passed where nothing was compared is none that was reached
        made = computed(case, named.loaded.call, at, mentioned, reached=reached, before=made)
    if not done() and (made.edges or made.constant):
        widest = {
            name: max([at[name], *(w[k] for w in (*longer.widths, *dict(swept.plain.elsewhere)))])
            for k, name in enumerate(("f", "m"))
        }
        called = {"N": max([reached, *swept.plain.lengths]), **widest}
        child = entropy.child("edges")
        made = _further(case, named.loaded.call, at, fixed, made, mentioned, longer, reached, called, child)
    child = entropy.child("floats")
    alike = typed(case, case.draw(at, torch.Generator().manual_seed(0))) if not done() and kinds else ()
    ends = limits(case, at, fixed, child, by_lifting(kinds)) if not done() and kinds else ()
    unnoted = (Refusal(NOTED, dict(at), made.unnoted, unlike=True),) if made.unnoted is not None else ()
    world = World(
        batch=whole.batch,
        heads=whole.heads,
        positions=whole.positions,
        tokens=whole.tokens,
        far=far.tokens,
        cells=far.cells,
        state=whole.state,
        by_head=whole.by_head,
        limits=ends,
        typed=alike,
        of_two=case.twin is not None and case.twin.adapter.whole is not None,
        lengths=tuple(sorted({*seen, *longer.lengths})),
        widths=tuple(dict.fromkeys((*widths, *longer.widths))),
        modes=ran.modes,
        modes_at=at["N"],
        modes_calls=ran.calls,
        integers=mentioned,
        beyond=longer.beyond,
        refusals=(
            *whole.refusals,
            *far.refusals,
            *longer.refusals,
            *swept.refusals,
            *ran.refusals,
            *slopes.refusals,
            *unnoted,
        ),
        gradients=slopes.covers,
        plain=swept.plain,
        width=(at["f"], at["m"]),
        kept=keeps,
        edges=made.edges,
        outside=tuple(f.told for f in outside(case.lines) if f.told.constant or not idle(case, at, f.space, f.name)),
        scripts=scripts(named.loaded.call),
        unrun=case.lines.unrun(
            named.loaded.call,
            _options(case, named.loaded),
            case.adapter.own,
            made.constant,
            frozenset({*FINAL, *STATES}) if whole.state in _HANDED else frozenset(),
        ),
    )
    return Reach(
        (*points, *whole.rows, *far.rows, *longer.rows, *swept.rows, *ran.rows, *slopes.rows),
        world,
        tuple(sorted({*mentioned, *made.at_width})),
        slopes.parting,
    )


def _further(
    case: Case,
    call: Any,
    at: Sizes,
    fixed: Sizes,
    made: Computed,
    mentioned: Sequence[int],
    longer: Longer,
    reached: int,
    called: Mapping[str, int],
    entropy: Entropy,
) -> Computed:
    """What the code computes, looked at where the sides agreed far out too, and past the bounds that no call reached."""
    edges = [e for e in made.edges if e.name not in fixed and not refusing(e.file, e.at)]
    found = crossing(case, edges, at, entropy, called)
    far = [{**at, "N": N} for N in sorted(longer.lengths)[-_FAR:]]
    wide = [{**at, "f": f, "m": m} for f, m in longer.widths]
    alone = [{**at, name: sizes[name]} for sizes in wide for name in ("f", "m")]
    past = (*far, *wide, *alone, *found.taken)
    made = computed(case, call, at, mentioned, (*past, *found.fresh), reached, made)
    if found.fresh:
        past = (*past, *(sizes for sizes in found.fresh if found.agree(sizes)))
        made = computed(case, call, at, mentioned, past, reached, made)
    shut = {(e.file, e.at, e.name) for e in found.refused}
    edges = [e for e in made.edges if e.name not in fixed and not refusing(e.file, e.at)]
    return replace(made, edges=tuple(e for e in edges if (e.file, e.at, e.name) not in shut))


def _same_width(sizes: Sizes, at: Sizes) -> bool:
    return (sizes.get("f"), sizes.get("m")) == (at["f"], at["m"])


def _options(case: Case, loaded: Target) -> frozenset[str]:
    """Arguments of the target to which the audit gave no tensor."""
    named = set(case.adapter.named)
    given = {g for g in named if g in case.axes or g in case.chosen.names or case.gates.get(g) == INDETERMINATE}
    given |= {g for g, text in case.gates.items() if g in named and not _number(text)}
    own = case.adapter.own is not None  # then the source of its calls says what it gives
    data = frozenset(p for p in loaded.parameters if p not in {*named, *FINAL, *STATES} and not own)
    return options_of(loaded.call, data, frozenset(given))


def _number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
