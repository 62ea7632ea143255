"""`ssmproof contract`: what every operator of its kind promises, checked on one target, with no learner.

Main definition: `contracts`.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import product

from numeric.deciding.programs import Sizes
from numeric.entropy import Entropy
from numeric.finding import Told, Verdict
from proofs.audit.layers import Side, side_of, variables
from proofs.audit.notes import AtDefaults
from proofs.audit.preflight import SIZES
from proofs.audit.rows import Row
from proofs.audit.run import Named, checked
from proofs.contract import promises, repeated
from proofs.contract.asking import Asking
from proofs.contract.findings import Checked, Contract, Contracts, Kept, Reminder
from proofs.contract.judging import Judge
from proofs.contract.operator import Operator, whole_of
from proofs.evidence import Settings
from proofs.target.adapters import FINAL, STATES
from proofs.target.case import Case
from proofs.target.deadline import ending
from proofs.target.loading import TargetError
from proofs.target.source.integers import integers

_LONGEST = 300
"""The most tokens of a call that is compared."""
_FAR = 17
"""Tokens of a longer call where the code mentions no integer."""
_LONG = 1000
"""Tokens of a call whose outputs have to be finite."""
_CELLS = 2
"""Batch entries and heads."""
_TOKENS = 3
"""Tokens of a call, where the target takes so few."""
_AXES = (("f", "m"), ("m", "f"))
PROMISES: Mapping[Contract, Callable[[Asking], Checked]] = {
    Contract.CAUSAL: promises.causal,
    Contract.HEADS: promises.heads,
    Contract.BATCH: promises.batch,
    Contract.SPLIT: promises.split,
    Contract.DECODE: promises.decode,
    Contract.PACKED: promises.packed,
    Contract.PADDING: promises.padding,
    Contract.CHUNKS: promises.chunks,
    Contract.LINEAR: promises.linear,
    Contract.STRIDES: promises.strides,
    Contract.MODES: repeated.modes,
    Contract.FINITE: promises.finite_outputs,
    Contract.INPUTS: promises.inputs,
    Contract.DETERMINISTIC: repeated.deterministic,
}


def contracts(
    target: Named,
    adapter: Named | None = None,
    gates: Mapping[str, str] | None = None,
    settings: Settings = Settings(),  # noqa: B008 (frozen)
    sizes: Mapping[str, int] | None = None,
    only: Iterable[str] = (),
) -> Contracts:
    """The contracts of one target, or those of them that are named.

    target, adapter, gates: as for `proofs.audit.audit`; what no gate sets is a variable of its name, and names in expressions
    are variables too (`g=log(decay)`). sizes: some of f, m, N, to fix them; of N, no longer calls are made then.
    Raises TargetError for wrong usage, and for a target that takes no call of any size tried.
    """
    with ending():
        gates, fixed = dict(gates or {}), dict(sizes or {})
        checked(gates, fixed)
        wanted = _wanted(only)
        side = side_of(target, adapter, gates, tuple(gates))
        case = side.case(variables(side, side, fixed))
        case.note(*side.loaded.notes)
        operator, at = _taken(side, case, fixed)
        entropy = Entropy(settings.seed)
        mentioned = integers(side.loaded.call)
        judge = Judge(entropy, settings.target_log2 - 5)
        calls, zeros = _stateful(operator, at, judge)
        asking = Asking(
            operator,
            calls,
            judge,
            at,
            tuple(_far(at, mentioned, fixed)),
            _long(at, fixed),
            at["N"] if at["N"] > SIZES[0]["N"] and "N" not in fixed else 1,
            "N" not in fixed,
            entropy,
        )
        random = repeated.randomness(asking)
        found: list[Checked] = []
        for contract in wanted:
            if random is not None:
                kept = Kept.BROKEN if contract is Contract.DETERMINISTIC else Kept.UNDECIDED
                found.append(replace(random, contract=contract, kept=kept))
            else:
                found.append(PROMISES[contract](asking))
        longest = max([at["N"], *asking.far])
        return Contracts(
            target=side.loaded.text,
            adapter=case.adapter.text,
            checked=tuple(found),
            free=dict(case.axes),
            gates=gates,
            notes=tuple([*operator.case.notes, *_defaults(side, operator.case), *_reminders(case, found)]),
            integers=tuple(c for c in mentioned if c >= longest),
            options=_options(adapter, gates, fixed, only),
            zeros=zeros,
            seed=settings.seed,
        )


def _wanted(only: Iterable[str]) -> list[Contract]:
    asked = list(only)
    known = [c.value for c in Contract]
    for name in asked:
        if name not in known:
            raise TargetError(f"no contract {name!r}; there are {', '.join(known)}")
    return [c for c in Contract if not asked or c.value in asked]


def _taken(side: Side, case: Case, fixed: Sizes) -> tuple[Operator, dict[str, int]]:
    """The operator as it runs, and the sizes at which it does: several entries and heads if it takes them.

    Raises TargetError if no call gives numbers.
    """
    whole = whole_of(case.adapter)
    many = case.adapter.whole is not None
    cells = [(_CELLS, _CELLS), (1, _CELLS), (_CELLS, 1), (1, 1)] if whole.heads else [(_CELLS, 1), (1, 1)]
    why: Told = ""
    few = [{**SIZES[0], "N": _TOKENS}, *SIZES]
    for sizes, lift, grad in product(few, (False, True), (False, True)):
        for B, H in cells if many else [(1, 1)]:
            at = {"B": B, "H": H, **sizes, **fixed}
            held = replace(case, needs_lift=lift, grad=grad)
            for wide in (False, True):
                plain = Operator(held, whole, wide=wide, loaded=side.loaded, adapter=side.named.adapter)
                refused = plain.refused((Operator.full,), at)
                if refused is None:
                    return plain, at
                why = why or refused
    from proofs.shown import words

    raise TargetError(
        f"{case.text} {words(why)}; called on whole arrays in float64 at f, m, N of {', '.join(_listed(s) for s in SIZES[:3])} "
        "and more; fix sizes with --size, set arguments with --gate, or use an adapter"
    )


def _listed(sizes: Sizes) -> str:
    return "/".join(str(sizes[n]) for n in "fmN")


def _stateful(plain: Operator, at: Sizes, judge: Judge) -> tuple[tuple[Operator, ...], Row | None]:
    """The calls to ask about, and the row that shows that a call without a state is one from zeros.

    Where it is, those from any state; else those from none too. Where none can be handed in, those from none, which give
    one back where they do.
    """
    back = replace(plain, after=True)
    if not plain.returns_state(at):
        back = plain
    for axes in _AXES if plain.whole.state else ():
        held = replace(plain, state=axes, after=True)
        lifted = replace(held, case=replace(held.case, lifted=True))  # a state is often kept in float32
        for operator in (held, lifted):
            if operator.returns_its_state(at):
                asked = operator.ask(Operator.from_none, Operator.from_zeros, at, ("no state", "zeros"))
                row = judge.row("zeros", asked)
                if row.finding.verdict is Verdict.CONFIRMED:
                    return (operator,), row
                return (back, operator), None
    return (back,), None


def _far(at: Sizes, mentioned: Sequence[int], fixed: Sizes) -> Iterator[int]:
    """Numbers of tokens past the largest integer of the code that calls can pass; whole blocks where it takes those alone."""
    if "N" in fixed:
        return
    block = at["N"] if at["N"] > SIZES[0]["N"] else 1
    c = max((c for c in mentioned if 2 * c + 1 <= _LONGEST), default=0)
    N = 2 * c + 1 if 2 * c + 1 > 9 else _FAR  # cut in two it has parts of c and of c + 1 tokens
    yield -(-N // block) * block


def _long(at: Sizes, fixed: Sizes) -> int:
    block = at["N"] if at["N"] > SIZES[0]["N"] else 1
    return fixed.get("N", -(-_LONG // block) * block)


def _defaults(side: Side, case: Case) -> Iterator[Told]:
    """The named arguments that no call gave."""
    given = {*case.gates, *case.shapes, *STATES, *FINAL}
    left = tuple((n, text) for n, text in side.loaded.defaults if n in case.adapter.named and n not in given)
    if left:
        yield AtDefaults(left)


def _reminders(case: Case, found: Iterable[Checked]) -> Iterator[Told]:
    broken = {c.contract for c in found if c.kept is Kept.BROKEN}
    if case.adapter.whole is not None and Contract.HEADS in broken:
        yield Reminder.LAYOUT


def _options(adapter: Named | None, gates: Mapping[str, str], sizes: Sizes, only: Iterable[str]) -> str:
    """The question's options as on the command line."""
    words = [f"--adapter {adapter}"] if isinstance(adapter, str) else []
    words += [f"--gate {shlex.quote(f'{name}={value}')}" for name, value in gates.items()]
    words += [f"--size {name}={size}" for name, size in sizes.items()]
    return " ".join([*words, *(f"--only {name}" for name in only)])
