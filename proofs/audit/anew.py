"""A counterexample of a layer that keeps things between calls, in a process where no call was made before.

There it may give the learner's numbers: then the difference needs an earlier call, of another size as a rule, and the
answer says which; where none of a few shows it, it prints no numbers.
Main definition: `anew`.
"""

from __future__ import annotations

import dis
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import replace
from fractions import Fraction
from functools import _lru_cache_wrapper
from typing import Any

import numpy as np
import torch
from torch import Tensor

from numeric.deciding.programs import Sizes, concrete
from proofs.audit import fresh
from proofs.audit.answer import Parting
from proofs.audit.handed import Seen
from proofs.audit.parting import digits
from proofs.audit.sweep import PART, apart
from proofs.target.adapters import adapt
from proofs.target.case import Case
from proofs.target.loading import Target
from proofs.target.source.integers import codes, functions

_SETS = frozenset(("STORE_ATTR", "STORE_GLOBAL", "STORE_DEREF", "DELETE_ATTR"))
_TABLES = (list, dict, set, deque, _lru_cache_wrapper)
_FURTHER = 13
"""So many more tokens, or channels, than the counterexample's."""


def anew(part: Parting, case: Case, loaded: Target, adapter: Any, text: str | None) -> Parting:
    """The same in a fresh process: as it is, after an earlier call, or without numbers. text: the target's name, where a
    process can load it."""
    found = part.counterexample
    inputs = {name: torch.tensor(_floats(np.array(value, dtype=object))) for name, value in found.inputs.items()}
    if text is None or not part.reproduced or set(inputs) != set(case.shapes) or not keeps(loaded.call):
        return part
    if case.lifted or case.needs_lift:
        return part
    try:
        with torch.no_grad():
            right, here = case.learner(**inputs), case.layer(**inputs)
        out = _out(case, loaded, adapter, text, inputs)
    except Exception:  # no fresh process, or none that can make the calls: it was run again in this one
        return part
    try:
        if apart(out, here) <= PART:
            return part
        part = replace(part, largest=None, first=None)  # other calls came before these too
        if apart(out, right) > PART:
            return _shown(part, out, right)
        for sizes in _others(found.sizes):
            point = {n: torch.full(s, 0.5, dtype=torch.float64) for n, s in concrete(case.shapes, sizes).items()}
            after = _out(case, loaded, adapter, text, inputs, point)
            if apart(after, right) > PART:
                return replace(_shown(part, after, right), before=sizes)
    except Exception:  # what the target raises at these sizes
        pass
    return replace(part, reproduced=False, largest=None, first=None, before={})


def keeps(call: Any) -> bool:
    """Whether a target's code may leave anything for later calls: it sets an attribute or a global, or holds a table."""
    found = functions(call)
    made = [code for f in found if f.__name__ != "__init__" for code in codes(f.__code__)]
    if any(i.opname in _SETS for code in made for i in dis.get_instructions(code)):
        return True
    held = [v for f in found for n, v in f.__globals__.items() if not n.startswith("__")]
    held += [v for f in found for v in (*(f.__defaults__ or ()), *vars(f).values())]
    own = vars(torch.nn.Module())
    held += [v for n, v in getattr(call, "__dict__", {}).items() if n not in own]
    return any(isinstance(v, _TABLES) for v in held if v is not call)


_floats = np.vectorize(lambda v: float(Fraction(v)), otypes=[float])


def _others(sizes: Sizes) -> Iterator[Sizes]:
    """Sizes of a call before: fewer tokens, then more, then other widths, and the same."""
    yield from ({**sizes, "N": n} for n in dict.fromkeys((1, 2, sizes["N"] - 1)) if 0 < n < sizes["N"])
    yield from ({**sizes, name: sizes[name] + more} for more in (1, _FURTHER) for name in ("N", "f", "m"))
    yield dict(sizes)


def _out(
    case: Case,
    loaded: Target,
    adapter: Any,
    text: str,
    inputs: Mapping[str, Tensor],
    before: Mapping[str, Tensor] | None = None,
) -> Tensor:
    """The prediction of a plain call in a fresh process, after a call on `before`. Raises what the target does there, and
    fresh.Unavailable."""
    earlier, seen = Seen(loaded.call), Seen(loaded.call)
    if before is not None:
        case.through(adapt(replace(loaded, call=earlier), adapter), **before)
    case.through(adapt(replace(loaded, call=seen), adapter), **inputs)
    held = dict(loaded.call.named_parameters()) if isinstance(loaded.call, torch.nn.Module) else {}
    state = {name: p.detach() for name, p in held.items()}
    results = fresh.calls(text, seen.calls, loaded.numpy, earlier.calls, state)
    given = iter(fresh.filled(seen.results, results))
    found: Tensor = case.through(adapt(replace(loaded, call=lambda *args, **kwargs: next(given)), adapter), **inputs)
    return found


def _shown(part: Parting, out: Tensor, right: Tensor) -> Parting:
    """The counterexample with these values."""
    left, other = digits([out.tolist(), right.tolist()])
    return replace(part, counterexample=replace(part.counterexample, left=left, right=other))
