"""What is found, in words: `said` of a finding's data, one function a kind, in a file for each room that finds it.

Main definitions: `said`, `pasted`.
"""

from __future__ import annotations

from numeric.finding import Counterexample, Nested, Told


def said(found: Told) -> str:
    """The words of what was found; a text is somebody else's, and is said as it is."""
    if isinstance(found, str):
        return found
    from reports.said.rooms import said as known  # the rooms import torch, which a text does not need

    return known(found)


def pasted(found: Counterexample) -> list[str]:
    """Python assignments, one an input, then the two values found there."""
    out = [f"{name} = {_paste(value)}" for name, value in found.inputs.items()]
    out.append(f"# {found.left_name}: {_paste(found.left)}")
    out.append(f"# {found.right_name}: {_paste(found.right)}")
    return out + ([f"# {said(found.note)}"] if found.note else [])


def _paste(value: Nested) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(_paste(v) for v in value) + "]"
    return repr(value)
