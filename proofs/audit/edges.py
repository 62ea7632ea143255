"""Bounds that never cut: `X[-20000:]`, `min(N, 50000)`, `t // 70000`, `arange(N) < 300000` at lengths that none of them reaches.

Each place where a number, a length or an index that no data decides meets a bound is noted with the side that it was on
and how far from the bound. A place with one side in all calls, to whose bound longer (or wider) calls come nearer, is one
that some call crosses, as a comparison with one outcome is.
Main definitions: `Edges`, `Edge`.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Hashable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from numeric.finding import Said

Site = tuple[Hashable, ...]
"""A place of the code: its file, its line, and what tells it from others there."""

_CONSTANTS = 64
"""Different bounds at a place, past which it is no bound that all calls share."""
_LARGEST = 2**40
_AGAIN = 2
"""What was made longer so often goes on to be."""


@dataclass(frozen=True)
class Edge(Said):
    """A bound that no call reached. name: the size that comes nearer to it; turn: about where it gets there, 0 where that
    can't be said. rest: whether it is the end of something of which calls have read a part."""

    file: str
    at: int
    name: str
    turn: int = 0
    rest: bool = False


@dataclass
class _Side:
    """The sides of a bound that were seen in the calls of some sizes, and the least distance from it."""

    sides: set[Hashable] = field(default_factory=set)
    distance: float = math.inf


At = tuple[tuple[str, int], ...]
"""Sizes of a call, by name."""


def at_sizes(sizes: Mapping[str, int]) -> At:
    return tuple(sorted(sizes.items()))


class Edges:
    """What was noted, by place, and by place and constant: one place may serve several bounds."""

    def __init__(self) -> None:
        self.at: At = ()
        self._seen: dict[tuple[Site, Hashable], dict[At, _Side]] = {}
        self._constants: dict[Site, int] = {}
        self._rest: set[Site] = set()
        self._ends: dict[Site, dict[At, int]] = {}
        self._flat: dict[Site, dict[At, tuple[set[Hashable], set[float]]]] = {}

    def begin(self, sizes: Mapping[str, int]) -> None:
        """The next notes are of a call at these sizes."""
        self.at = at_sizes(sizes)

    def note(
        self,
        site: Site,
        sides: Iterable[Hashable],
        distance: float,
        constants: Iterable[float | None] = (),
        rest: bool = False,
        end: int | None = None,
    ) -> None:
        """That something was on these sides of a bound, and how far from it; constants: numbers that may be the bound; rest:
        see `Edge`; end: where what is read ends."""
        if not math.isfinite(distance):
            return
        sides = frozenset(sides)
        if end is not None:
            ends = self._ends.setdefault(site, {})
            ends[self.at] = max(end, ends.get(self.at, 0))
        if rest:
            self._rest.add(site)
        for constant in (None, *constants):
            key = site, constant
            if constant is not None and key not in self._seen:
                self._constants[site] = self._constants.get(site, 0) + 1
                if self._constants[site] > _CONSTANTS:
                    continue
            side = self._seen.setdefault(key, {}).setdefault(self.at, _Side())
            side.sides |= sides
            side.distance = min(side.distance, distance)

    def saturated(self, site: Site, values: Iterable[Hashable], arguments: Iterable[float]) -> None:
        """That a function gave these values of these arguments: one value of all arguments may be its end, as of tanh."""
        self._flat.setdefault(site, {}).setdefault(self.at, (set(), set()))[0].update(values)
        self._flat[site][self.at][1].update(arguments)

    def open(self, base: Mapping[str, int], among: Collection[At]) -> tuple[Edge, ...]:
        """The bounds that were never reached, of calls that differ from those at `base` in one size. among: the calls that
        count."""
        found: dict[tuple[str, int, str], Edge] = {}
        seen = {key: kept for key, runs in self._seen.items() if (kept := _those(runs, among))}
        for (site, constant), runs in seen.items():
            if constant is not None and len(runs) < len(seen[site, None]):
                continue  # no bound of every call
            if len(set().union(*(run.sides for run in runs.values()))) > 1:
                continue
            for name in base:
                distances = {size: side.distance for size, side in _series(runs, base, name)}
                edge = _approached(site, name, distances, site in self._rest)
                if edge is not None and not self._grows(site, base, name, among):
                    found.setdefault((edge.file, edge.at, name), edge)
        for site, all_flat in self._flat.items():
            flat = _those(all_flat, among)
            if len(set().union(*(values for values, _ in flat.values()))) > 1:
                continue
            for name in base:
                if len({frozenset(arguments) for _, (_, arguments) in _series(flat, base, name)}) > 1:
                    edge = Edge(*_place(site), name)
                    found.setdefault((edge.file, edge.at, name), edge)
        return tuple(found.values())

    def _grows(self, site: Site, base: Mapping[str, int], name: str, among: Collection[At]) -> bool:
        """Whether what is read there is made longer again and again by longer calls, as a mask that is doubled."""
        ends = dict(_series(_those(self._ends.get(site, {}), among), base, name))
        lengths = [*ends.values()]  # in the order of the calls
        return len({*lengths}) > _AGAIN and lengths == sorted(lengths) and all(ends[size] >= size for size in ends)


_T = TypeVar("_T")


def _those(runs: Mapping[At, _T], among: Collection[At]) -> dict[At, _T]:
    return {at: seen for at, seen in runs.items() if at in among}


def _series(runs: Mapping[At, _T], base: Mapping[str, int], name: str) -> Iterator[tuple[int, _T]]:
    """What was seen in calls that differ from the base in one size."""
    for at, seen in runs.items():
        sizes = dict(at)
        if all(sizes[other] == base[other] for other in base if other != name):
            yield sizes[name], seen


def _place(site: Site) -> tuple[str, int]:
    file, at = site[:2]
    assert isinstance(file, str) and isinstance(at, int)
    return file, at


def _approached(site: Site, name: str, distances: Mapping[int, float], rest: bool) -> Edge | None:
    """The bound, if larger sizes come nearer to it."""
    sizes = sorted(distances)
    last = sizes[-1] if sizes else 0
    if len(sizes) < 2 or not min(distances.values()) == distances[last] < distances[sizes[0]]:
        return None
    steps = [distances[b] - distances[a] for a, b in zip(sizes, sizes[1:], strict=False)]
    if not distances[last] and max(steps) * 2 > max(distances.values()):
        return None  # it goes up and down, as a padding to whole blocks, and the longest call just ends one
    before = next((s for s in reversed(sizes[:-1]) if distances[s] > distances[last]), sizes[0])
    turn = last + distances[last] * (last - before) / (distances[before] - distances[last])
    return Edge(*_place(site), name, math.ceil(turn) if turn < _LARGEST else 0, rest)
