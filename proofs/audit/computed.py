"""Integers that a target's code computes and that no size or data decides: int("4" + "8"), comb(9, 3), an entry of a table.

Each expression of the target's functions is noted while the target is called at a few sizes, on code that is the target's
with a note around every expression; what has one and the same whole number at all of them is such an integer, as a literal
is; a comparison that has one and the same outcome, and is no test, is a branch that was taken one way, as `x[n > 40]` is;
and a bound that all calls kept to one side of is one that nobody saw cut (`proofs.audit.edges`).
These calls are looked at for that alone: no verdict rests on them.
Main definitions: `computed`, `Computed`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import torch

from numeric.deciding.programs import Sizes
from numeric.entropy import Entropy
from numeric.finding import Told
from proofs.audit.edges import Edge, Site, at_sizes
from proofs.audit.noting import Notes, Place, noting
from proofs.audit.watched import Watched
from proofs.target.calling import raised
from proofs.target.case import Case
from proofs.target.source.integers import functions
from proofs.target.source.lines import Lines

_LONG, LONGER = 37, 301
"""Contexts in which chunks and windows are under way, and past the integers that further calls pass; longer than those of
the rows, so that what is made anew for a longer context, such as a mask, is made twice."""
NOTED = "noted calls"
_NEAR = 3
"""Integers of the code that are run as lengths too."""


@dataclass(frozen=True)
class Computed:
    """integers: from 2 on, sorted; at_width: those that are so for every context of the audit's f and m. constant: comparisons
    that had one outcome, by their place. edges: bounds that no call reached. unnoted: what the target raises at the audit's
    sizes while this is noted, where a plain call runs."""

    integers: tuple[int, ...] = ()
    at_width: tuple[int, ...] = ()
    constant: Mapping[Place, bool] = field(default_factory=dict)
    edges: tuple[Edge, ...] = ()
    notes: Notes | None = field(default=None, repr=False, compare=False)
    unnoted: Told | None = None


def computed(
    case: Case,
    call: Any,
    at: Sizes,
    mentioned: Sequence[int] = (),
    beyond: Sequence[Sizes] = (),
    reached: int = LONGER,
    before: Computed | None = None,
) -> Computed:
    """What the target's code computes; nothing where its source can't be read. mentioned: the integers of its code;
    beyond: further sizes, which it is known to take; reached: the longest context that counts as a call; before: what was
    found of it already, whose calls are not made again."""
    followed = case.lines.own
    case = replace(case, lines=Lines(()))  # the lines that run here are none of the target's
    near = list(_sizes(at))
    further = [sizes for sizes in _further(at, mentioned) if sizes["N"] <= reached]
    wanted = {at_sizes(sizes): sizes for sizes in (*near, *further, *beyond)}
    unnoted = before.unnoted if before is not None else None
    with noting(functions(call), before.notes if before is not None else None) as notes:
        if not notes.changed:
            return Computed()
        for sizes in (sizes for place, sizes in wanted.items() if place not in notes.begun):
            notes.begin(sizes)
            try:
                data = case.draw(sizes, torch.Generator().manual_seed(Entropy(0).below(2**31)))
                with Watched(notes.edges, data, followed), torch.no_grad():
                    case.layer(**data)
                notes.end()
            except Exception as error:  # the target is anybody's code; other calls say what it raises
                if sizes == at:
                    unnoted = raised(error)
    ran = {place: notes.ran[place] for place in wanted if place in notes.ran}
    seen = [ran[place] for place in map(at_sizes, near) if place in ran]
    narrow = [ran[p] for p, sizes in wanted.items() if p in ran and all(sizes[n] == at[n] for n in ("f", "m"))]
    edges = notes.edges.open(at, wanted)
    return Computed(_constant(seen), _constant(narrow), notes.constant(wanted), edges, notes, unnoted)


def _constant(seen: Sequence[Mapping[Site, set[int]]]) -> tuple[int, ...]:
    """The whole numbers of expressions that have one in all these calls."""
    sites = {site for site in set().union(*seen) if len(site) < 3 or all(site in found for found in seen)}
    alike = [set().union(*(found[site] for found in seen if site in found)) for site in sites]
    return tuple(sorted({size for values in alike if len(values) == 1 for size in values if size >= 2}))


def _sizes(at: Sizes) -> Iterator[dict[str, int]]:
    """The audit's, a long one, and such as differ in each, of which a target may raise at some."""
    yield dict(at)
    changes: Sequence[Mapping[str, int]] = (
        {"N": _LONG},
        {"N": at["N"] + 2},
        {"f": at["f"] + 1, "m": at["m"] + 2},
        {"f": at["f"] + 1},
        {"m": at["m"] + 2},
        {"f": at["f"] + 2, "m": at["f"] + 2},
    )
    for change in changes:
        yield {**at, **change}


def _further(at: Sizes, mentioned: Sequence[int]) -> Iterator[dict[str, int]]:
    """Sizes at which comparisons have their other outcome."""
    near = [c for c in mentioned if c < LONGER][-_NEAR:]
    for change in ({"N": 1}, {"N": LONGER}, *({"N": c} for c in near), {"f": 1}, {"m": 1}):
        yield {**at, **change}
