"""Public operators for the soundness bench: files of fla-core, each with a wrapper that gives its output alone.

Mistakes are made in the wrapper, before and after the operator's own code, which is read where it is installed. None is
there where fla-core is not.
"""

from __future__ import annotations

import ast
import inspect
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from proofs.audit.answer import Word
from proofs.bench.corpus.entry import Entry
from proofs.bench.targets import INSTALLED, Installed
from proofs.target.loading import load

_AXES: dict[str, dict[str, str]] = {
    "naive_recurrent_kda": {"g": "Nf"},
    "naive_recurrent_gla": {"gk": "Nf"},
    "naive_recurrent_gdn2": {"g": "Nf", "b": "Nf", "w": "Nm"},
    "naive_recurrent_comba": {"p": "Nf"},
}
"""Arguments with a value for each channel."""
_OPERATORS = ("kv", "kv:BHTD")
"""How they are called."""
_WHOLE_CHUNKS = ("delta_rule_chunkwise",)
"""Operators that take lengths of whole chunks alone."""


def entries() -> tuple[Entry, ...]:
    """The key/value operators that the main job proves, once each, at any length and with the gates of their own."""
    found: dict[str, Entry] = {}
    for case in INSTALLED:
        if case.package == "fla" and case.expected is Word.PROVED and case.adapter in _OPERATORS:
            for entry in _entry(case):
                found.setdefault(case.target, entry)
    return tuple(found.values())


def _entry(case: Installed) -> Iterator[Entry]:
    if case.missing() or case.sizes or case.target.endswith(_WHOLE_CHUNKS):
        return
    operator = load(case.target)
    if not set(case.gates) & set(operator.parameters) <= set(operator.required):
        return  # what has a default is no argument of the wrapper
    name = operator.call.__name__
    text = _wrapper(name, operator.required)
    module = Path(inspect.getsourcefile(operator.call) or "").read_text("utf-8")
    namespace: dict[str, Any] = {"__name__": name}
    exec(compile(module + text, name, "exec"), namespace)
    called, axes = namespace[f"{name}_called"], _AXES.get(name, {})
    yield Entry(called, case.against, case.gates, case.adapter, axes=axes, text=text, module=module)


def _wrapper(name: str, parameters: tuple[str, ...]) -> str:
    given = ", ".join(f"{p}={p}" for p in parameters)
    return ast.unparse(
        ast.parse(
            f"def {name}_called({', '.join(parameters)}):\n"
            f"    found = {name}({given})\n"
            "    return found[0] if isinstance(found, tuple) else found\n"
        )
    )
