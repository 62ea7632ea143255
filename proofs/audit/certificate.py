"""What an answer's exact rows rest on, as data that anyone can check again: see `proofs.audit.certificate_checker`.

Both recordings of a row are listed as straight line code, on the same indeterminates; the checker's own functions say what
they come to.
Main definitions: `certified`, `Certified`, `identity_of`, `sealed`.
"""

from __future__ import annotations

import gzip
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from flint import fmpz

from numeric.carriers.listing import Listing, Root
from numeric.deciding.programs import WrongResult, concrete, replayed
from numeric.deciding.readings import Reading, radicands
from numeric.deciding.witnesses import Witness
from numeric.finding import Verdict
from numeric.tape.faces import opened
from numeric.tape.refusals import Refused
from numeric.tape.storage_tape import Tape
from proofs.audit.answer import Answer
from proofs.audit.certificate_checker import check, claims_of, derived, plain
from proofs.audit.rows import Check, Row
from proofs.audit.whole import START

_SIDES = ("A", "B")
_CHANCE = -120
"""An identity has so many trials that its exponent is at most this, and its certificate's below -100."""
_TRIALS = 8


@dataclass(frozen=True)
class LeftOut:
    """An exact row that a certificate does not have, and why; None where it is found by other ways than two recordings."""

    row: Row
    why: str | None


@dataclass(frozen=True)
class Certified:
    """What a certificate says of an answer: identities as its checker reads them, the rows they are of, and the exact rows
    that it leaves out. logarithms: whether a side takes logarithms of its inputs; further: inputs that stand for the exp or
    the log of another; known: constants with what they are read as."""

    identities: tuple[dict[str, Any], ...]
    rows: tuple[Row, ...]
    left_out: tuple[LeftOut, ...]
    logarithms: bool
    further: tuple[str, ...]
    known: Mapping[float, Reading]


def certified(answer: Answer, witnesses: Sequence[Witness]) -> Certified:
    """The exact rows of an answer as identities; of two layers, those of both audits. witnesses: those kept while it was
    found."""
    by_finding = {id(w.finding): w for w in witnesses}
    further_rows = answer.second.rows if answer.second is not None else ()
    found: list[tuple[Row, dict[str, Any]]] = []
    left: list[LeftOut] = []
    logarithms, further, known = False, dict[str, None](), dict[float, Reading]()
    for row in {id(r.finding): r for r in (*answer.rows, *further_rows)}.values():
        if row.check not in (Check.EXACT, Check.EVERY) or row.finding.verdict is not Verdict.CONFIRMED:
            continue
        witness = by_finding.get(id(row.finding))
        if witness is None:
            left.append(LeftOut(row, None))
            continue
        try:
            identity, logs = identity_of(row, witness)
        except (Refused, WrongResult, ValueError, ZeroDivisionError) as why:
            left.append(LeftOut(row, str(why)))
            continue
        found.append((row, identity))
        logarithms |= logs
        further |= dict.fromkeys(n for n in identity["variables"] if n not in witness.shapes)
        known |= witness.known
    rows, identities = tuple(r for r, _ in found), tuple(i for _, i in found)
    return Certified(identities, rows, tuple(left), logarithms, tuple(further), known)


def sealed(statement: dict[str, Any]) -> bytes:
    """A file's bytes: a statement with what its checker makes of it. Raises ValueError where the checker rejects it."""
    data = gzip.compress(plain({**statement, "claims": claims_of(statement)}).encode(), mtime=0)
    check(data)
    return data


def identity_of(row: Row, witness: Witness) -> tuple[dict[str, Any], bool]:
    """One row, with the trials that it takes, and whether logarithms are taken in it. Raises Refused, WrongResult, ValueError
    or ZeroDivisionError where it has no code, or code that the checker rejects."""
    roots, read = _read(witness.known)
    shapes: dict[str, list[str]] = {name: [str(w) for w in words] for name, words in witness.shapes.items()}
    sizes = {
        str(w): n
        for s, there in zip(witness.shapes.values(), concrete(witness.shapes, witness.sizes).values(), strict=True)
        for w, n in zip(s, there, strict=True)
    }
    tapes = [opened(tape) for tape in witness.tapes]
    for tape in tapes:
        for name in tape.inputs:
            shapes.setdefault(name, shapes.get(name.partition(" ")[2], []))
    listed = [_listed(tape, roots, read) for tape in tapes]
    (output,) = {shape for _, shape, _ in listed}
    identity = {
        "what": row.rung,
        "sizes": sizes,
        "variables": shapes,
        "output": _parts(row.variant, output, shapes, sizes),
        "roots": [list(root) for root in roots],
        "trials": 1,
        **{name: side for name, (side, _, _) in zip(_SIDES, listed, strict=True)},
    }
    for trials in range(1, _TRIALS + 1):
        identity["trials"] = trials
        if derived(identity, "", 0)["chance"] <= _CHANCE:
            break
    return identity, any(logs for _, _, logs in listed)


def _listed(
    tape: Tape, roots: Sequence[Root], read: Mapping[float, tuple[int, int, Mapping[Root, int]]]
) -> tuple[dict[str, Any], tuple[int, ...], bool]:
    """One side, the shape of its output, and whether it takes logarithms."""
    listing = Listing(roots, read)
    (output,) = replayed(tape, listing, listing.inputs({name: w.size for name, w in tape.inputs.items()}))
    code, window = listing.finished(output[0].reshape(-1))
    side = {"inputs": list(tape.inputs), "code": code, "out": window}
    return side, tuple(output.shape[1:]), listing.logarithms


def _parts(
    variant: str, shape: tuple[int, ...], shapes: Mapping[str, list[str]], sizes: Mapping[str, int]
) -> list[list[str]]:
    """The axes of each part of the output: predictions, and states that are handed on."""
    found: list[list[str]] = [["m"]]
    if variant == START:
        found = [["B", "H", "m"], ["B", "H", "m", "f"]]
    elif "S" in shapes and len(shape) == 2:
        found = [["B", "N", "H", "m"], shapes["S"]] * shape[0]
    elif len(shape) == 4:
        found = [["B", "N", "H", "m"] if shape[1] == sizes["N"] else ["B", "H", "m"]]
    if math.prod(shape) != sum(math.prod(sizes[a] for a in axes) for axes in found):
        raise ValueError(f"an output of shape {shape}")
    return found


def _read(known: Mapping[float, Reading]) -> tuple[list[Root], dict[float, tuple[int, int, Mapping[Root, int]]]]:
    """Roots, and each constant that is read as something else by a rational factor and powers of them."""
    fourth = radicands(r for r in known.values() if r.root == 4)
    roots = {q: (q, 4 if q in fourth else 2) for q in sorted(radicands(known.values()))}
    found: dict[float, tuple[int, int, Mapping[Root, int]]] = {}
    for value, reading in known.items():
        if reading.root == 1:
            power = reading.power
            found[value] = reading.sign * reading.top**power, reading.bottom**power, {}
            continue
        exponents: dict[Root, int] = {}
        for number, sign in ((reading.top, 1), (reading.bottom, -1)):
            for q, times in fmpz(number).factor():
                root = roots[int(q)]
                exponents[root] = exponents.get(root, 0) + sign * int(times) * root[1] // reading.root
        found[value] = reading.sign, 1, exponents
    return list(roots.values()), found
