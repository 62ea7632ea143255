"""Two layers: are they one function? Each is audited as a target, with the other in a learner's place.

So what an audit asks of a target is asked of both: sizes past their integers, modes, lines that never ran, what calls leave
behind. Both are called alike: whole arrays on both sides, casts lifted on both or on none, the same state handed in.
Main definition: `same`.
"""

from __future__ import annotations

import shlex
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import Enum, auto
from itertools import product
from typing import Any

import torch
from torch import Tensor

from constructions.learners import Domain, Each, Learner, Parameter
from numeric.deciding.programs import Sizes
from numeric.entropy import Entropy
from proofs.audit.answer import Answer, Word
from proofs.audit.calls import Calls
from proofs.audit.places import parted
from proofs.audit.preflight import SIZES, try_at
from proofs.audit.reach import Loaded
from proofs.audit.run import GRADIENTS_TOO, Named, checked, forget, judged
from proofs.audit.sweep import PART, apart
from proofs.evidence import Settings
from proofs.target.adapters import FINAL, STATES, Adapter, adapt
from proofs.target.case import INDETERMINATE, Case
from proofs.target.deadline import ending
from proofs.target.gates import logged, mentioned
from proofs.target.inferred import Inferred
from proofs.target.loading import Target, TargetError, load

ASIDE = ("cu_seqlens", "cu_seq_lens")
"""Names under which operators take where the sequences packed into one batch entry begin: no variable."""
_SIZES = frozenset({"N", "f", "m", "X"})
"""What expressions name besides variables."""
_CELLS = ((2, 6), (2, 2), (1, 1))
"""Batch entries and heads at which it is seen which arguments both layers take: first such that no axis is as long as another."""
_TAKEN = (frozenset({"q", "k", "v"}), frozenset({"query", "key", "value"}))
"""The data of a layer, by which it is told from a learner."""
_ORDER = (Word.PROVED, Word.AGREES, Word.UNDECIDED, Word.REFUTED)
"""What of two answers is the answer: the later one."""


class _Fit(Enum):
    """Whether both layers run, and give numbers."""

    NONE = auto()
    RUNS = auto()
    FINITE = auto()


@dataclass(frozen=True)
class Side:
    """One of the two layers as the user named it. gates: expressions; opened: arguments that are variables by name."""

    named: Loaded
    adapter: Adapter
    gates: Mapping[str, str]
    opened: frozenset[str] = frozenset()

    @property
    def loaded(self) -> Target:
        return self.named.loaded

    def needs(self) -> set[str]:
        """The variables that it can't be called without."""
        bare = {n for n in self.adapter.required if n not in self.gates and n != "W0"} | self.opened
        return bare.union(*(mentioned(t) - _SIZES for t in self.gates.values()))

    def left(self, name: str) -> bool:
        """Whether this argument may be left out, and is None then."""
        return name in self.adapter.named and dict(self.loaded.defaults).get(name) == "None"

    def fed(self, variable: str) -> set[str]:
        """The arguments that a variable goes to."""
        return {n for n in self.adapter.named if variable in mentioned(self.gates.get(n, n))}

    def case(self, learner: Learner) -> Case:
        case = replace(Case.of(self.loaded.text, self.adapter, learner, self.gates), inferred=Inferred(()))
        return replace(case, axes={name: options[0] for name, options in case.options.items()})


def same(
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
    """Whether two layers are one function of data, gates and state.

    adapter, gates: as for `proofs.audit.audit`. The other layer has the same adapter and, for arguments of the same names,
    the same gates where against_adapter and against_gates do not say otherwise. What neither sets is a variable of its
    name, one and the same for both; names in expressions are variables too (`g=log(decay)`). gradients: whether the backward
    pass of each is held against the derivatives of the other's function too. Raises TargetError for wrong usage.
    """
    with ending():
        gates, own, fixed = dict(gates or {}), dict(against_gates or {}), dict(sizes or {})
        checked(gates, fixed)
        checked(own, {})
        called = adapter if against_adapter is None else against_adapter
        one = side_of(target, adapter, gates, tuple(gates))
        two = side_of(against, called, {**gates, **own}, tuple(own))
        learner = variables(one, two, fixed)
        pair = _paired(one.case(learner), two.case(learner), fixed)
        options = _options(against, adapter, called, gates, own, fixed) + GRADIENTS_TOO * gradients
        return _answer(pair, (one, two), fixed, settings, options, gradients)


def names_a_layer(against: str) -> bool:
    """Whether this names a layer by what it takes: a learner is a function of (X, Y, x_q), and a layer of (q, k, v), say."""
    if ":" not in against or not any(mark in against.rpartition(":")[0] for mark in "./"):
        return False
    found = load(against)
    return isinstance(found.call, torch.nn.Module) or any(names <= set(found.parameters) for names in _TAKEN)


def _answer(
    pair: tuple[Case, Case],
    sides: tuple[Side, Side],
    fixed: Sizes,
    settings: Settings,
    options: str,
    gradients: bool,
) -> Answer:
    found: list[Answer] = []
    for case, side in zip(pair, sides, strict=True):
        told = judged(case, side.named, fixed, settings, options, False, found[0] if found else None, gradients)
        assert case.other is not None
        found.append(replace(parted(told, case, fixed), other=case.other.text))
        if told.word is Word.REFUTED:
            break
    first, *rest = found
    if not rest:
        return first
    (second,) = rest
    if _ORDER.index(second.word) <= _ORDER.index(first.word):
        return replace(first, second=second)
    return replace(first, word=second.word, reason=second.reason, parting=second.parting, second=second)


def side_of(given: Named, adapter: Named | None, gates: Mapping[str, str], own: tuple[str, ...]) -> Side:
    """own: the gates that have to be this layer's; others may be the other one's."""
    loaded = load(given)
    forget(loaded.call)
    found = adapt(loaded, adapter)
    for name in own:
        if name not in found.named:
            raise TargetError(
                f"gate {name!r}: {loaded.text} takes {', '.join(found.named) or 'no named arguments'} besides the data"
            )
    kept = {n: t for n, t in gates.items() if n in found.named}
    opened = frozenset(n for n, t in kept.items() if t == INDETERMINATE)
    named = Loaded(loaded, adapter, given if isinstance(given, str) else None)
    return Side(named, found, {n: t for n, t in kept.items() if n not in opened}, opened)


# --------------------------------------------------------------------------------------------------------------------
# What both are called with


def variables(one: Side, two: Side, fixed: Sizes) -> Learner:
    """The learner that stands for the other layer: its parameters are the variables of both, as wide as both take them."""
    needed = sorted(one.needs() | two.needs())
    for name in needed:
        for side, other in ((one, two), (two, one)):
            if name in _SIZES and name in side.adapter.named:
                raise TargetError(
                    f"{side.loaded.text} takes {name}, which is a size in expressions: give its variable another name, such "
                    f"as --gate {name}={name}_gate"
                )
            if name in side.adapter.required and not other.fed(name):
                raise TargetError(
                    f"{side.loaded.text} needs {name}, which {other.loaded.text} does not take: set it for the first with "
                    f"--gate, for the second with --against-gate {name}=..."
                )
    bound = {*one.gates, *two.gates, *STATES, *FINAL, *ASIDE, "W0", *needed}
    spare = [n for n in one.adapter.named if one.left(n) and two.left(n) and n not in bound]
    logs = set().union(*(logged(t) for side in (one, two) for t in side.gates.values()))
    start = all("W0" in side.adapter.named for side in (one, two))

    def single(name: str) -> bool:
        return any(side.fed(name) & set(side.adapter.single) for side in (one, two))

    def learner(chosen: Mapping[str, Each], positive: Collection[str] = ()) -> Learner:
        domains = {n: Domain.UNIT if n in logs else Domain.POSITIVE if n in positive else Domain.REAL for n in chosen}
        parameters = tuple(
            Parameter(n, rf"\text{{{n}}}", f"the variable {n}", domains[n], each=each) for n, each in chosen.items()
        )
        there = two.loaded.text
        return Learner(there, f"the layer {there}", "", there, _never, parameters, start=start)

    wide = (Each.TOKEN, Each.TOKEN_CHANNEL, Each.CHANNEL, Each.CONTEXT)
    forms = [(Each.CONTEXT,) if single(n) else wide for n in needed]
    widest = dict(zip(needed, (options[0] for options in forms), strict=True))
    for cells, sizes, lift in product(_CELLS, SIZES, (False, True)):
        here = {**sizes, **fixed}
        for chosen in (dict(zip(needed, each, strict=True)) for each in _nearest(forms)):
            fit = _fit(one, two, learner(chosen), here, lift, cells)
            if fit is _Fit.NONE:
                continue
            for name in spare:
                tried = [{**chosen, name: each} for each in wide[:2] if not single(name)]
                fits = (t for t in tried if _fit(one, two, learner(t), here, lift, cells) is fit)
                chosen = next(fits, chosen)
            free = [n for n in chosen if n not in logs]
            for positive in ((), *((n,) for n in free), free):
                found = learner(chosen, positive)
                if fit is _Fit.FINITE or _fit(one, two, found, here, lift, cells) is _Fit.FINITE:
                    return found
            return learner(chosen)
    return learner(widest)


def _nearest(forms: Sequence[Sequence[Each]]) -> list[tuple[Each, ...]]:
    """All combinations of these forms, those first that differ least from the first forms."""
    return sorted(product(*forms), key=lambda each: sum(e is not f[0] for e, f in zip(each, forms, strict=True)))


def _never(*data: Any, **values: Any) -> Any:
    raise NotImplementedError("the other layer is called through its own case")


def _fit(one: Side, two: Side, learner: Learner, sizes: Sizes, lift: bool, cells: tuple[int, int]) -> _Fit:
    """How both layers run with these variables, on whole calls too: there no shape fits by accident."""
    try:
        case = replace(one.case(learner), other=two.case(learner), needs_lift=lift)
    except TargetError:
        return _Fit.NONE
    found = _Fit.FINITE
    B, H = cells
    for side in (case, case.twin):
        assert side is not None
        try:
            try_at(side, sizes, Entropy(0))
        except TargetError:  # it ran
            found = _Fit.RUNS
            continue
        except Exception:  # the targets are anybody's code
            return _Fit.NONE
        whole = side.adapter.whole
        alone = replace(side, other=None)
        if whole is not None and Calls(alone, whole).refuses({**sizes, "B": B, "H": H if whole.heads else 1}):
            return _Fit.NONE
    return found


def _paired(one: Case, two: Case, fixed: Sizes) -> tuple[Case, Case]:
    """Each with the other in the learner's place, the second one's state turned where it is the first one's then alone."""
    turned = _turned(one, two, fixed)
    first = replace(one, other=replace(two, turned=turned), counted=one.lines)
    return first, replace(two, other=one, turned=turned, counted=two.lines)


def _turned(one: Case, two: Case, fixed: Sizes) -> bool:
    """Whether both layers leave the same outputs and state if one of them holds its state with the axes in the other order,
    and only then, in a plain call; the rungs judge it."""
    wholes = one.adapter.whole, two.adapter.whole
    if not all(whole is not None and whole.state for whole in wholes):
        return False
    for sizes, (B, H), lift in product(SIZES, _CELLS, (False, True)):
        here = {**sizes, **fixed, "B": B, "H": H}
        for axes in (("f", "m"), ("m", "f")):
            agree = [_agree(replace(one, lifted=lift), replace(two, turned=t), axes, here) for t in (False, True)]
            if any(found is not None for found in agree):
                return agree[1] is True and agree[0] is not True
    return False


def _agree(one: Case, two: Case, axes: tuple[str, str], sizes: Sizes) -> bool | None:
    """Whether plain calls from a state of these axes agree; None where a layer takes none."""
    case = replace(one, other=two)
    assert case.adapter.whole is not None
    calls = Calls(case, case.adapter.whole, axes, cuts=(1,))
    try:
        data = case.draw(sizes, torch.Generator().manual_seed(0), calls.shapes)
        with torch.no_grad():
            left, right = (_plain(side, data) for side in calls.both)
    except Exception:  # the targets are anybody's code
        return None
    return apart(left, right) <= PART


def _plain(calls: Calls, data: Mapping[str, Tensor]) -> Tensor:
    found: Tensor = calls.in_one(**data)
    return found


def _options(
    against: Named,
    adapter: Named | None,
    own: Named | None,
    gates: Mapping[str, str] | None,
    against_gates: Mapping[str, str] | None,
    sizes: Sizes,
) -> str:
    """The question's options as on the command line."""

    def said() -> Iterator[str]:
        yield f"--against {against if isinstance(against, str) else getattr(against, '__qualname__', '')}"
        for option, value in (("--adapter", adapter), ("--against-adapter", own)):
            yield from [f"{option} {value}"] if isinstance(value, str) else []
        for option, given in (("--gate", gates), ("--against-gate", against_gates)):
            yield from (f"{option} {shlex.quote(f'{n}={t}')}" for n, t in (given or {}).items())
        yield from (f"--size {n}={size}" for n, size in sizes.items())

    return " ".join(said())
