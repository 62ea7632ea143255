"""The lines of a layer that matter for what it computes.

Main definition: `sources`.
"""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from numeric.tape.numpy.programs import made_of


def sources(call: Callable[..., Any], most: int = 12) -> tuple[tuple[str, str], ...]:
    """The lines of the layer that matter: updates of a state, then what is returned; ("file:line", text)."""
    function = call.forward if isinstance(call, torch.nn.Module) else made_of(call)
    try:
        text, first = inspect.getsourcelines(function)
        file = inspect.getsourcefile(function) or "?"
        tree = ast.parse(textwrap.dedent("".join(text)))
    except (OSError, TypeError, SyntaxError):
        return ()
    updates: list[int] = []
    returns: list[int] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.AugAssign):
            updates.append(node.lineno)
        elif isinstance(node, ast.Assign):
            names = {t.id for target in node.targets for t in ast.walk(target) if isinstance(t, ast.Name)}
            read = {t.id for t in ast.walk(node.value) if isinstance(t, ast.Name)}
            if names & read and any(isinstance(n, (ast.BinOp, ast.Call)) for n in ast.walk(node.value)):
                updates.append(node.lineno)
        elif isinstance(node, ast.Return) and node.value is not None:
            returns.append(node.lineno)
    chosen = [*sorted(set(returns)), *sorted(set(updates) - set(returns))][:most]
    return tuple((f"{_placed(file)}:{first + k - 1}", text[k - 1].strip()) for k in sorted(chosen))


def _placed(file: str) -> str:
    path = Path(file)
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else file
