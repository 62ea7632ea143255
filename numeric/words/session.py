"""One run of programs on matrix words: the letters it invents, what they stand for, and the equations it owes.

Main definitions: `Session`, `Invariant`, `Iterated`, `active`.
An invented letter is keyed by its definition, so that two programs that define the same thing get the same letter:
equal letters are equal, different ones may be equal too. Each has a value at concrete sizes, which ties it to the code.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

from numeric.words.algebra import Words, lift, spell, vector
from numeric.words.blocks import Blocks
from numeric.words.derivation import Obligation
from numeric.words.letters import ONE, Atom, Letter, Ratio, Unsupported, constant, times

Value = Callable[["Any"], Any]
"""What an invented letter is at a point (`numeric.words.concrete.Point`): an array of fractions, or a fraction."""


@dataclass(frozen=True)
class Iterated:
    """A companion of an iteration: the sequence with this start and this step, both from the programs' inputs by name.

    start(**inputs) and step(state, **inputs); the state is a matrix or a tuple of them.
    """

    start: Callable[..., Any]
    step: Callable[..., Any]


@dataclass(frozen=True)
class Invariant:
    """What the state of one recurrence is, in closed form, by the names of what it depends on.

    state: of a fold or of chunks, from the first t tokens of its sequences (`X`, `Y`, ...) and the inputs that are no
    sequences; of an iteration, from the inputs, its companions and `start`. rows: what has been read so far, stacked.
    companions: of an iteration. relations: equations between companions that hold at the start and are kept.
    """

    state: Callable[..., Any]
    rows: Callable[..., Any] | None = None
    companions: Mapping[str, Iterated] = field(default_factory=dict)
    relations: Callable[..., Sequence[tuple[Any, Any]]] | None = None


@dataclass
class Session:
    """What a run needs and leaves.

    inputs: the programs' by name, counts included; sizes: the dimensions by name; given: inputs and chunks of them, by
    letter. known: invented letters by definition; values: what each is at a point; masked, diagonals: what is inside;
    grown: what a letter of all tokens is, cut before the last. generic: names of what belongs to one moment; followers:
    letters of a next token, and what is next after the last. used: invariants that were asked for. families,
    differences: recurrences without an invariant, and how their steps differ. walked: lengths of the sequences whose
    steps are being taken; depth: how deep the recurrences are nested.
    """

    invariants: Mapping[str, Any] = field(default_factory=dict)
    inputs: dict[str, Any] = field(default_factory=dict)
    sizes: dict[str, Any] = field(default_factory=dict)
    given: dict[str, Any] = field(default_factory=dict)
    obligations: list[Obligation] = field(default_factory=list)
    known: dict[Any, Any] = field(default_factory=dict)
    values: dict[str, Value] = field(default_factory=dict)
    grown: dict[str, Callable[[], Any]] = field(default_factory=dict)
    diagonals: dict[str, Any] = field(default_factory=dict)
    masked: dict[str, Any] = field(default_factory=dict)
    used: set[str] = field(default_factory=set)
    names: set[str] = field(default_factory=set)
    generic: set[str] = field(default_factory=set)
    followers: list[tuple[Any, Any]] = field(default_factory=list)
    owed: set[Any] = field(default_factory=set)
    families: dict[Any, list[Any]] = field(default_factory=dict)
    differences: list[tuple[str, Any, Any]] = field(default_factory=list)
    walked: list[Ratio] = field(default_factory=list)
    depth: int = 0

    def name(self, wanted: str) -> str:
        """`wanted`, with primes where it is taken."""
        while wanted in self.names:
            wanted += "'"
        self.names.add(wanted)
        return wanted

    def letter(self, what: Any, wanted: str, shape: tuple[Any, ...], value: Value, kind: str = "general") -> Any:
        """The letter with this definition: a matrix, a vector or a scalar, by the length of `shape`."""
        if what not in self.known:
            name = self.name(wanted)
            self.values[name] = value
            if all(s.one for s in map(ratio, shape)):
                atom = Atom("name", name, ())
                found = Words(ONE, ONE, [((), times(ONE, [atom]))], ("name", atom), len(shape))
            else:
                rows, cols = (*map(ratio, shape), ONE)[:2]
                letter = Letter(name, False, kind, rows, cols)  # type: ignore[arg-type]
                found = spell((letter,), rows)
                found = vector(found, 1) if len(shape) == 1 else found
            self.known[what] = found
        return self.known[what]

    def owe(self, name: str, left: Any, right: Any, why: str, rules: Sequence[tuple[Words, Words]] = ()) -> None:
        """One equation more that the result rests on; of tuples, one for each component."""
        lefts, rights = parts(left), parts(right)
        if len(lefts) != len(rights):
            raise Unsupported(f"{name}: {len(lefts)} components on the left, {len(rights)} on the right")
        for i, (a, b) in enumerate(zip(lefts, rights, strict=True)):
            a, b = (x if isinstance(x, Blocks) else lift(x) for x in (a, b))
            if NotImplemented in (type(a), type(b)) or a is NotImplemented or b is NotImplemented:
                raise Unsupported(f"{name}: a side is no matrix of words")
            if a.ndim != b.ndim:
                raise Unsupported(f"{name}: {a.ndim} axes on the left, {b.ndim} on the right")
            label = name if len(lefts) == 1 else f"{name}, component {i + 1}"
            what = (label, key(a), key(b))
            if what not in self.owed:  # a step runs twice
                self.owed.add(what)
                self.obligations.append(Obligation(label, a, b, why, tuple(rules)))


_ACTIVE: ContextVar[Session | None] = ContextVar("session", default=None)


def current() -> Session | None:
    """The run in progress, if there is one."""
    return _ACTIVE.get()


def active() -> Session:
    """The run in progress; Unsupported outside one."""
    session = current()
    if session is None:
        raise Unsupported(
            "broadcasting, recurrences and powers of symbols need a run of whole programs (numeric.words.whole)"
        )
    return session


@contextmanager
def running(session: Session) -> Iterator[Session]:
    """Makes `session` the active one."""
    token = _ACTIVE.set(session)
    try:
        yield session
    finally:
        _ACTIVE.reset(token)


def parts(x: Any) -> tuple[Any, ...]:
    """The components of a state."""
    return tuple(x) if isinstance(x, tuple) else (x,)


def whole(components: Sequence[Any], like: Any) -> Any:
    """Components as a state again: a tuple, or the one matrix."""
    return tuple(components) if isinstance(like, tuple) else components[0]


def ratio(size: Any) -> Ratio:
    """A size as an element of the coefficient field."""
    if isinstance(size, Ratio):
        return size
    return constant(size) if isinstance(size, int) else size.value


def key(x: Any) -> Any:
    """What `x` is, as a key: equal for equal normal forms."""
    if isinstance(x, tuple):
        return ("tuple", *map(key, x))
    if hasattr(x, "elem"):
        return ("sequence", x.length, key(x.elem))
    if isinstance(x, Blocks):
        return ("blocks", x.ndim, tuple(tuple(map(key, row)) for row in x.entries))
    if isinstance(x, Words):
        return ("words", x.rows, x.cols, x.ndim, frozenset(x.terms.items()))
    found = lift(x)
    if found is NotImplemented:
        raise Unsupported(f"{type(x).__name__} is no matrix of words")
    return key(found)


def letters(*values: Any) -> dict[str, Letter | None]:
    """The names of all letters (with the letter) and scalars (None) that occur."""
    found: dict[str, Letter | None] = {}

    def coefficient(c: Ratio) -> None:
        for atom in c.used():
            if atom.word:
                word(atom.word)
            else:
                found.setdefault(atom.name, None)

    def word(w: Sequence[Letter]) -> None:
        for x in w:
            found[x.name] = x.mT if x.transposed else x

    for value in values:
        for part in parts(value):
            for row in part.entries if isinstance(part, Blocks) else [[part]]:
                for entry in row:
                    for w, c in lift(entry).terms.items():
                        word(w)
                        coefficient(c)
    return found


def call(function: Callable[..., Any], pool: Mapping[str, Any], what: str) -> Any:
    """`function` with the arguments that it names, taken from the pool."""
    wanted = inspect.signature(function).parameters
    missing = [name for name in wanted if name not in pool]
    if missing:
        raise Unsupported(f"{what} asks for {missing}; it may use {sorted(pool)}")
    return function(**{name: pool[name] for name in wanted})


def title(step: Callable[..., Any]) -> str:
    """The name of a recurrence: the module and the function that holds its step, such as `retnet.recurrent`."""
    module = str(getattr(step, "__module__", "")).rpartition(".")[2]
    return f"{module}.{step.__qualname__.split('.<locals>')[0]}"
