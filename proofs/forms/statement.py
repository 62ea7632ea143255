r"""A claim's statement as the docstring of its file: read from the source, so that what is printed is what is written.

Main definitions: `Statement`, `read`, `claim`. The grammar, each label on a line of its own:

    r\"""Title in one sentence.

    The statement, Markdown with dollar mathematics.

    Why.       how it follows
    Assumes.   - an assumption (as many as there are; the label may be missing)
    Source.    paper and equation
    Departs.   - where the statement differs from its source (may be missing)
    Systems.   - name: what the claim settles about it [figures: how the names of those to quote start] (may be missing)
    \"""
"""

from __future__ import annotations

import ast
import sys
import tokenize
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from proofs.claim import Check, Claim, Kind, Mutant, System
from proofs.evidence import Rung
from proofs.figure import Figure

REQUIRED = ("Why", "Source")
LISTS = ("Assumes", "Departs", "Systems")


@dataclass(frozen=True)
class Statement:
    """What a claim says, by the parts of its docstring."""

    title: str
    statement: str
    derivation: str
    source: str
    assumptions: tuple[str, ...] = ()
    departures: tuple[str, ...] = ()
    systems: tuple[System, ...] = ()


def claim(
    module: str,
    checks: Mapping[Rung, Check],
    *mutants: Mutant,
    kind: Kind = Kind.IDENTITY,
    parameters: Callable[[], str] | None = None,
    figures: tuple[Figure, ...] = (),
) -> Claim:
    """The claim of a file (its `__name__`) whose docstring is its statement."""
    said = read(Path(str(sys.modules[module].__file__)).read_text(encoding="utf-8"), module)
    return Claim(
        module, kind=kind, checks=checks, mutants=mutants, parameters=parameters, figures=figures, **vars(said)
    )


def read(source: str, module: str) -> Statement:
    """The statement of a module's source. Raises ValueError naming the module and what is wrong with its docstring."""
    written = _first(source)
    if written.type != tokenize.STRING:
        raise ValueError(f"{module}: no docstring; the statement is the docstring of its file")
    if not written.string.startswith('r"""'):
        raise ValueError(f'{module}: the docstring is no raw string; write r""" so that backslashes stay')
    title, _, text = ast.literal_eval(written.string).strip().partition("\n")
    parts = _parts(text, module)
    if not title.endswith(".") or not parts[""]:
        raise ValueError(
            f"{module}: a docstring begins with a title that ends with a full stop, and then the statement"
        )
    missing = [label for label in REQUIRED if not parts.get(label)]
    if missing:
        raise ValueError(f"{module}: the docstring lacks {', '.join(f'{label}.' for label in missing)}")
    items = {label: _items(parts[label], label, module) if label in parts else () for label in LISTS}
    return Statement(
        title=title.removesuffix("."),
        statement=parts[""],
        derivation=parts["Why"],
        source=" ".join(parts["Source"].split()),
        assumptions=items["Assumes"],
        departures=items["Departs"],
        systems=tuple(_system(item, module) for item in items["Systems"]),
    )


def _first(source: str) -> tokenize.TokenInfo:
    """The first token of a module's code; no more of it is read."""
    lines = iter(source.splitlines(keepends=True))
    blank = (tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE)
    return next(t for t in tokenize.generate_tokens(lambda: next(lines, "")) if t.type not in blank)


def _parts(text: str, module: str) -> dict[str, str]:
    """The text by its labels; what comes before the first one under the empty label."""
    found: dict[str, list[str]] = {"": []}
    label = ""
    for line in text.splitlines():
        word = line.strip().removesuffix(".")
        if line.strip() == f"{word}." and word.isalpha() and word.istitle():
            if word not in (*REQUIRED, *LISTS) or word in found:
                raise ValueError(
                    f"{module}: the label {line.strip()!r}; the labels are {[*REQUIRED, *LISTS]}, each once"
                )
            label = word
        found.setdefault(label, []).append("" if word == label else line)
    return {label: "\n".join(lines).strip() for label, lines in found.items()}


def _items(text: str, label: str, module: str) -> tuple[str, ...]:
    """The entries of a list; lines that don't begin one go on with it."""
    found: list[str] = []
    for line in text.splitlines():
        if line.startswith("- "):
            found.append(line[2:].strip())
        elif found and line.strip():
            found[-1] += " " + line.strip()
        elif line.strip():
            raise ValueError(f"{module}: {label}. is a list; its entries begin with '- ', not {line.strip()!r}")
    if not found:
        raise ValueError(f"{module}: {label}. has no entries; leave it out")
    return tuple(found)


def _system(item: str, module: str) -> System:
    name, colon, computes = item.partition(": ")
    if not colon:
        raise ValueError(f"{module}: a system is 'name: what it computes', not {item!r}")
    computes, bracket, figures = computes.partition(" [figures: ")
    if bracket and not (figures.endswith("]") and figures.strip(" ]")):
        raise ValueError(f"{module}: the figures of a system end its entry, '[figures: how they start]', not {item!r}")
    return System(name, computes, figures.removesuffix("]"))
