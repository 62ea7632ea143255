"""Two whole programs on matrix words: equal for all sizes, by the equations that their recurrences owe.

Main definitions: `Spec`, `decide`.
Confirmed: every equation owed holds, both results are the same words, every function that ran is in the language of
`numeric.tape.lint`, nothing was refused on the way, and at three small sizes the words have the value that the plain
programs have there. Refuted: the plain programs differ at small sizes; where the code was refused, that says nothing of
the words, and the finding has the refusal. Undecided: everything else, with its reason; in particular a difference of
words refutes nothing, since different letters may be equal.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

import numpy as np

from numeric.deciding.programs import Program, Recorded, Shapes, Sizes, rational, recorded, text
from numeric.entropy import Entropy
from numeric.finding import Counterexample, Finding, Refusal, Said, Verdict
from numeric.tape.straight import outside, watched
from numeric.trust import Trust
from numeric.words import derivation, letters
from numeric.words.algebra import Hadamard, matrix, scalar, vector
from numeric.words.concrete import Point, stored
from numeric.words.findings import (
    FixedCounts,
    NeverAsked,
    NotInductive,
    OtherWords,
    OutsideWords,
    RaisedAt,
    Swallowed,
    Unheld,
    ZeroAt,
)
from numeric.words.primitives import Several
from numeric.words.recurrences import ChunkRows
from numeric.words.sequences import BEFORE, CHUNK, Last, Seq, one_more, rows
from numeric.words.session import Invariant, Session, running

_TUPLES = {t.__new__.__code__ for t in (letters.Letter, letters.Atom, Hadamard)}
"""Constructors without a source: of the engine's named tuples."""


@dataclass(frozen=True)
class Spec:
    """How two programs run on words.

    invariants: by the name of the recurrence (`retnet.recurrent`); several where it is used for several things: the first
    that is inductive is taken. counts: keywords of the programs that are numbers of
    steps, and the symbol of each.
    """

    invariants: Mapping[str, Invariant | tuple[Invariant, ...]] = field(default_factory=dict)
    counts: Mapping[str, str] = field(default_factory=dict)


def decide(left: Program, right: Program, shapes: Shapes, spec: Spec, small: Sequence[Sizes], *,
           names: tuple[str, str] = ("left", "right"), entropy: Entropy | None = None, second_opinion: bool = True,
           limit: int = 24) -> Finding:  # fmt: skip
    """The verdict on left == right for all sizes; `small`: where the words are held against the plain runs, with counts."""
    sides = left, right
    left, right = (program.program if isinstance(program, Recorded) else program for program in sides)
    session = Session(invariants=spec.invariants)
    session.inputs = _inputs(session, shapes)
    session.given = {x.origin[1].name: x for x in session.inputs.values()}
    session.sizes = {word: scalar(word) for shape in shapes.values() for word in shape if isinstance(word, str)}
    takes = all(name in inspect.signature(program).parameters for name in spec.counts for program in (left, right))
    counts = {name: scalar(symbol) for name, symbol in spec.counts.items()} if takes else {}
    session.inputs |= counts
    letters.latched.clear()
    reason: Said | None = None
    results = list[Any]()
    with running(session), watched(_TUPLES) as ran:
        try:
            arrays = {name: session.inputs[name] for name in shapes}
            results = [program(**arrays, **counts) for program in (left, right)]
            _compare(session, results[0], results[1])
        except (TypeError, AttributeError, ArithmeticError, LookupError, ValueError) as error:
            reason = OutsideWords(type(error).__name__, str(error))
    hidden = outside(ran)
    if not takes:
        reason = reason or FixedCounts(tuple(sorted(spec.counts)))
    if reason is None and letters.latched:
        reason = Swallowed(str(letters.latched[0]))
    reason = hidden or reason or _unused(spec, session)
    refused = Refusal.LINT if hidden else Refusal.WORDS if reason else None
    reason = reason or (None if small else Unheld.NO_SIZES)
    found = derivation.decide(lambda: session.obligations, second_opinion=second_opinion, limit=limit)
    if reason is None and found.verdict is not Verdict.CONFIRMED:
        steps = tuple((who, repr(a), repr(b)) for who, a, b in session.differences)
        reason = NotInductive(found.reason, steps)
    seen, symbols = None, spec.counts if takes else {}
    for k, sizes in enumerate(small):
        seen, wrong = _at(session, None if reason else results, sides, shapes, symbols, sizes,
                          (entropy or Entropy(0)).child(k), names)  # fmt: skip
        if seen is not None:
            break
        reason = reason or wrong
    return _finding(found, reason, refused, seen, session, small)


def _finding(
    found: Finding,
    reason: Said | None,
    refused: Refusal | None,
    seen: Counterexample | None,
    session: Session,
    small: Sequence[Sizes],
) -> Finding:
    verdict = Verdict.REFUTED if seen else Verdict.UNDECIDED if reason else Verdict.CONFIRMED
    trust = [*(part for part in found.trust if part is not Trust.IMPLIED), Trust.PRIMITIVES]
    figures = {**found.figures, "invariants": len(session.used), "sizes run plainly": len(small)}
    settings = {**found.settings, "engine": "matrix words, whole programs", "sizes": [dict(s) for s in small]}
    return Finding(verdict, reason or "", figures=figures, settings=settings,
                   trust=tuple(trust), flags=found.flags, counterexample=seen, refused=refused)  # fmt: skip


def _inputs(session: Session, shapes: Shapes) -> dict[str, Any]:
    """A matrix, a vector or a scalar for each input."""
    found: dict[str, Any] = {}
    taken = {word for shape in shapes.values() for word in shape if isinstance(word, str)}
    session.names |= {*shapes, *taken, *BEFORE, CHUNK}
    for name, shape in shapes.items():
        if len(shape) > 2:
            raise letters.Unsupported(f"the input {name} has {len(shape)} axes")
        word = name if name not in taken else f"{name}'"
        if not shape:
            found[name] = scalar(word)
        elif len(shape) == 2:
            found[name] = matrix(word, *shape)
        else:
            found[name] = vector(matrix(word, shape[0], 1), 1)
    return found


def _compare(session: Session, left: Any, right: Any) -> None:
    """Owes that two results are equal, token by token where one of them is a sequence."""
    why = "The results of both programs."
    if isinstance(left, Several) and isinstance(right, Several):
        if len(left.several) != len(right.several):
            raise letters.ShapeError(f"{len(left.several)} results on the left, {len(right.several)} on the right")
        for a, b in zip(left.several, right.several, strict=True):
            _compare(session, a, b)
    elif isinstance(left, ChunkRows) or isinstance(right, ChunkRows):
        if not (isinstance(left, ChunkRows) and isinstance(right, ChunkRows)) or left.recurrence != right.recurrence:
            raise letters.Unsupported("rows read from chunks of different recurrences")
        _compare(session, left.rows, right.rows)
    elif isinstance(left, Seq) or isinstance(right, Seq):
        a, b = rows(left), rows(right)
        if a.length != b.length:
            raise letters.ShapeError("sequences of different lengths")
        session.owe("every row", a.elem, b.elem, why + " Row $t + 1$ from the first $t$ tokens and the next.")
    elif isinstance(left, Last) or isinstance(right, Last):
        a, b = (x.value if isinstance(x, Last) else one_more(x) for x in (left, right))
        session.owe("the last row", a, b, why + " Over $t + 1$ tokens, cut before the last.")
    else:
        session.owe("the result", left, right, why)


_TUPLES = {t.__new__.__code__ for t in (letters.Letter, letters.Atom, Hadamard)}


def _unused(spec: Spec, session: Session) -> NeverAsked | None:
    left = tuple(sorted(set(spec.invariants) - session.used))
    return NeverAsked(left) if left else None


# ------------------------------------------------------------------------------------------- at small sizes


_THIRDS = (-7, -6, -5, -4, -2, -1, 1, 2, 4, 5, 6, 7)
"""Numerators of the rationals drawn."""


def _at(session: Session, results: list[Any] | None, programs: tuple[Program, Program], shapes: Shapes,
        symbols: Mapping[str, str], sizes: Sizes, entropy: Entropy,
        names: tuple[str, str]) -> tuple[Counterexample | None, Said | None]:  # fmt: skip
    """Runs both programs plainly in rationals: a counterexample, or what is wrong with the words' values."""
    draw = entropy.generator()
    inputs = {}
    for name, shape in shapes.items():
        size = tuple(word if isinstance(word, int) else sizes[word] for word in shape)
        # neither 0 nor 1 or -1, where too much is equal
        flat = [Fraction(int(n), 3) for n in draw.choice(_THIRDS, int(np.prod(size, dtype=int)))]
        inputs[name] = np.array(flat, dtype=object).reshape(size)
    counts = {name: int(sizes[symbol]) for name, symbol in symbols.items()}
    try:
        plain = [rational(_with(program, counts), inputs)[0] for program in programs]
    except ZeroDivisionError:
        return None, ZeroAt(tuple(sizes.items()))
    except Exception as error:
        return None, RaisedAt(tuple(sizes.items()), type(error).__name__, str(error))
    if plain[0].shape != plain[1].shape or not np.array_equal(plain[0], plain[1]):
        shown = {name: text(array) for name, array in inputs.items()}
        return Counterexample(dict(sizes), shown, text(plain[0]), text(plain[1]), *names), Unheld.DIFFER
    if results is None:
        return None, None
    point = Point(session, _given(session, inputs, counts, sizes, shapes))
    for side, result, expected in zip(names, results, plain, strict=True):
        found = np.asarray(point.of(result), dtype=object)
        if found.shape != expected.shape or not np.array_equal(found, expected):
            return None, OtherWords(tuple(sizes.items()), side, str(text(found)), str(text(expected)))
    return None, None


def _with(program: Program, counts: Mapping[str, int]) -> Program:
    """The program with these counts; where it takes none it is itself, with the tapes it has."""
    own = isinstance(program, Recorded) and program.own
    return recorded(lambda **inputs: program(**inputs, **counts), own=own) if counts else program


def _given(
    session: Session, inputs: Mapping[str, Any], counts: Mapping[str, int], sizes: Sizes, shapes: Shapes
) -> dict[str, Any]:
    """The values of inputs, sizes and counts by the names of their letters."""
    found: dict[str, Any] = {name: Fraction(value) for name, value in sizes.items()}
    for name, array in inputs.items():
        word = session.inputs[name].origin[1].name
        found[word] = stored(array)
    return found
