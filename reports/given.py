"""What the command's repeated options hold: names and values.

Main definitions: `pairs`, `whole`.
"""

from __future__ import annotations

from collections.abc import Sequence

from reports.ending import Wrong


def pairs(option: str, given: Sequence[str], example: str) -> dict[str, str]:
    """Texts NAME=VALUE by name. Raises Wrong with the option and an example."""
    found: dict[str, str] = {}
    for pair in given:
        name, equals, value = (part.strip() for part in pair.partition("="))
        if not (name and equals and value):
            raise Wrong(f"{option} is {pair!r}; expected NAME=VALUE, such as {option} {example}")
        if name in found:
            raise Wrong(f"{option} {name} is given twice; give it once")
        found[name] = value
    return found


def whole(name: str, value: str) -> int:
    """A size's whole number. Raises Wrong."""
    if name not in ("f", "m", "N"):
        raise Wrong(f"--size names {name!r}; expected f, m or N")
    if not value.isdecimal() or int(value) < 1:
        raise Wrong(f"--size {name} is {value!r}; expected a whole number, 1 or more")
    return int(value)
