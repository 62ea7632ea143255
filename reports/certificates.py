"""Certificates of answers, as files that `proofs/audit/certificate_checker.py` checks with Python alone.

Main definitions: `certificate`, `NoCertificate`.
"""

from __future__ import annotations

import hashlib
import inspect
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from numeric.deciding.readings import listed
from numeric.deciding.witnesses import Witness
from proofs.audit import certificate_checker
from proofs.audit.answer import Answer
from proofs.audit.certificate import Certified, certified, sealed
from proofs.target.loading import load
from reports.answers import once, word
from reports.said import said

CHECKER = Path(certificate_checker.__file__)
"""The file that checks a certificate."""


class NoCertificate(Exception):
    """An answer of which nothing can be certified; the message says why."""


def certificate(answer: Answer, witnesses: Sequence[Witness]) -> tuple[bytes, list[str]]:
    """The bytes of an answer's certificate, and lines that say what it has and what it leaves out.

    witnesses: those kept while the answer was found. Raises NoCertificate for an answer that is not proved, or whose exact
    rows have no straight line code on both sides.
    """
    if not answer.accepted():
        raise NoCertificate(f"no certificate: the answer is {word(answer)}, and only exact rows of a proof have one")
    found = certified(answer, witnesses)
    left = [_left_out(found)] if found.left_out else []
    if not found.identities:
        raise NoCertificate("; ".join(["no certificate: no exact row has straight line code on both sides", *left]))
    about = {name: _line(text) for name, text in _about(answer)}
    if left:
        about["not here"] = _line(left[0])
    statement = {
        "form": certificate_checker.FORM,
        "about": about,
        "assumes": list(dict.fromkeys(map(_line, _assumed(found)))),
        "identities": list(found.identities),
    }
    try:
        data = sealed(statement)
    except ValueError as why:
        raise NoCertificate(f"no certificate: {why}") from None
    rows = f"{len(found.identities)} identities, {len(data):,} bytes"
    return data, [f"{rows}; {CHECKER.name} checks them with Python alone", *(f"not in it: {one}" for one in left)]


def _line(text: str) -> str:
    """A text that prints as a line of its own."""
    return "".join(c for c in " ".join(text.split()) if c.isprintable())


def _left_out(found: Certified) -> str:
    """The exact rows that have no identity, with the reasons."""
    told = []
    for one in found.left_out:
        sizes = " ".join(f"{name}={size}" for name, size in one.row.sizes.items())
        told.append(f"{one.row.rung} at {sizes} ({one.why or 'it rests on more than two recordings'})")
    return "; ".join(told)


def _about(answer: Answer) -> Iterator[tuple[str, str]]:
    """Names: what A and B are recordings of, and how they were called."""
    yield "A", answer.target
    source = _source(answer.target)
    if source:
        yield "A's file", source
    learner = answer.learner
    if answer.other:
        yield "B", answer.other
        source = _source(answer.other)
    elif learner is not None:
        yield "B", f"{learner.id}: {learner.title}"
        source = _hashed(learner.call)
    if source:
        yield "B's file", source
    yield "called as", answer.adapter
    with_ = "; ".join(f"{name} = {said(value)}" for name, value in answer.parameters.items())
    if with_:
        yield "with", with_
    if answer.options:
        yield "question", f"ssmproof audit {answer.target} {answer.options}"
    yield "answer", word(answer)


def _assumed(found: Certified) -> Iterator[str]:
    """What the identities take for granted beside the recordings."""
    if found.logarithms:
        yield (
            "a logarithm of an input is written as the number it is taken of: sums of logarithms are products, and exp "
            "gives the number back, which holds wherever the logarithms exist"
        )
    for name in found.further:
        yield f"{name!r} and what it is taken of are independent variables, as exp and log of a variable are"
    if found.known:
        yield f"rounded constants are read as the numbers they stand for: {listed(found.known)}"
    yield from once(flag for row in found.rows for flag in row.finding.flags)


def _source(target: str) -> str:
    """The file that a target lies in, with the hash of its text; empty where there is none."""
    with suppress(Exception):  # a name beside the certificate
        return _hashed(load(target).call)
    return ""


def _hashed(call: Callable[..., Any]) -> str:
    with suppress(TypeError, OSError):
        named = inspect.unwrap(call) if inspect.isroutine(inspect.unwrap(call)) else type(call)
        file = inspect.getsourcefile(named)
        if file is not None:
            return f"{Path(file).name}, SHA-256 {hashlib.sha256(Path(file).read_bytes()).hexdigest()}"
    return ""
