"""What is asked of one target: its calls and their sizes, and how a contract is decided by two programs.

Main definitions: `Asking`, `Pair`, `decided`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace

from numeric.deciding.programs import Sizes
from numeric.entropy import Entropy
from numeric.finding import Finding, Said, Told, Verdict
from proofs.audit.rows import Check, Row
from proofs.contract.findings import MORE, Checked, Contract, Kept, Refuses
from proofs.contract.judging import FLAT as FLAT
from proofs.contract.judging import Judge, small
from proofs.contract.operator import Operator, Side

FROM = "from any state"
_MORE = (40, 64, 129, 257)
"""Tokens of plain calls beyond those that are proved: around the sizes of chunks and windows."""


@dataclass(frozen=True)
class Asking:
    """One target's calls and the sizes of them.

    calls: from no state, and from any where one can be handed in. far: further numbers of tokens; long: those of a call that
    only has to be finite. block: the number of tokens that it takes a multiple of. free: whether no number of tokens is set.
    """

    plain: Operator
    calls: tuple[Operator, ...]
    judge: Judge
    at: Mapping[str, int]
    far: tuple[int, ...]
    long: int
    block: int
    free: bool
    entropy: Entropy

    def with_tokens(self, N: int) -> dict[str, int]:
        """One entry and head with so many tokens."""
        return {**self.at, "B": 1, "H": 1, "N": N}

    @property
    def cut(self) -> dict[str, int]:
        """The base sizes, with as many tokens as can be cut."""
        return {**self.at, "N": max(self.at["N"], 2 * self.block if self.block > 1 else 2)}

    def cuts(self, N: int) -> tuple[int, ...]:
        """Where a call of N tokens is cut, () for everywhere; of a long one around half, which is where a chunk ends, and
        between blocks where a target takes those alone."""
        if self.at["N"] >= N and self.block == 1:
            return ()
        half = max(1, N // (2 * self.block)) * self.block
        return tuple(c for c in (half, half + self.block) if c < N)

    @property
    def one_sequence(self) -> bool:
        """Whether the target's convention has no batch entries, heads and positions."""
        return self.plain.case.adapter.whole is None


def absent(contract: Contract, why: Said) -> Checked:
    return Checked(contract, Kept.ABSENT, why=why)


@dataclass(frozen=True)
class Pair:
    """Two programs of calls, with what they are called; axes: as for `small`."""

    left: Side
    right: Side
    names: tuple[str, str]
    axes: str = ""
    least: Mapping[str, int] | None = None


def decided(
    asking: Asking,
    contract: Contract,
    pair: Pair,
    asked: Iterable[tuple[Operator, Sizes, str]],
    sampled: bool = False,
) -> Checked:
    """The contract by this pair, of each of these calls at these sizes, up to the first that is refuted. sampled: by plain
    calls, where a recording does not show the difference."""
    rows: list[Row] = []
    judge = replace(asking.judge, exact=False) if sampled else asking.judge
    for operator, sizes, variant in asked:
        why = operator.refused((pair.left, pair.right), sizes)
        if why is not None:
            rows.append(_open(sizes, Refuses(why), variant))
            continue
        here = operator.ask(pair.left, pair.right, sizes, pair.names, pair.least)
        row = judge.row(contract.value, here, variant)
        rows.append(row)
        if row.finding.verdict is Verdict.REFUTED:
            entropy = asking.entropy.child("small", contract.value)
            shown = small(here, row, entropy, pair.axes)
            broken = Checked.of(contract, tuple(rows))
            return replace(broken, counterexample=shown.counterexample, reproduced=shown.reproduced, place=shown.place)
    return Checked.of(contract, tuple(rows))


def longer(
    asking: Asking, found: Checked, pair: Pair, change: Callable[[Operator], Operator] = lambda operator: operator
) -> Checked:
    """The contract, also asked of plain calls of more tokens, which prove nothing and may break it."""
    if not asking.free or found.kept not in (Kept.PROVED, Kept.AGREES):
        return found
    rows, operator, block = list(found.rows), change(asking.calls[-1]), asking.block
    for N in sorted({-(-N // block) * block for N in _MORE}):
        sizes, here = asking.with_tokens(N), replace(operator, cuts=asking.cuts(N))
        if here.refused((pair.left, pair.right), sizes) is not None:
            continue
        asked = here.ask(pair.left, pair.right, sizes, pair.names, pair.least)
        rows.append(asking.judge.plain(found.contract.value, asked, MORE))
        if rows[-1].finding.verdict is Verdict.REFUTED:
            shown = small(asked, rows[-1], asking.entropy.child("small", found.contract.value), pair.axes)
            broken = Checked.of(found.contract, tuple(rows))
            return replace(broken, counterexample=shown.counterexample, reproduced=shown.reproduced, place=shown.place)
    return Checked.of(found.contract, tuple(rows), found.why)


def _open(sizes: Sizes, why: Told, variant: str = "") -> Row:
    return Row(Check.SAMPLED, sizes, Finding(Verdict.UNDECIDED, reason=why), variant)


def variants(
    asking: Asking,
    change: Callable[[Operator], Operator] = lambda operator: operator,
    calls: Iterable[Operator] | None = None,
    far: bool = True,
    base: Sizes | None = None,
    cuts: Callable[[int], tuple[int, ...]] | None = None,
) -> Iterable[tuple[Operator, Sizes, str]]:
    """The calls from no state and from any, at the base sizes, and at the far ones from the widest of these."""
    known = list(asking.calls if calls is None else calls)
    base = asking.at if base is None else base
    where = asking.cuts if cuts is None else cuts
    for operator in known:
        variant = FROM if operator.state is not None else ""
        yield replace(change(operator), cuts=where(base["N"])), base, variant
    for N in asking.far if far else ():
        operator = known[-1]
        variant = FROM if operator.state is not None else ""
        yield replace(change(operator), cuts=where(N)), asking.with_tokens(N), variant
