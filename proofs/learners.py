"""The learners an audit can compare with, by id: `gd` (one step), `gd:3` (three steps), or a user's file.

Each is its own definition (a loss and autograd), never a layer's algebra. Called as learner(X, Y, x_q, W0, eta) -> (m,).
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from constructions import autograd_descent
from proofs.target import TargetError, load


@dataclass(frozen=True)
class Learner:
    """A learner with its parameters filled in. steps is None where the count is not a number of gradient steps."""

    id: str
    title: str
    latex: str
    call: Callable[..., Any]
    takes: tuple[str, ...] = ("W0", "eta")
    steps: int | None = None


def _gd(steps: int) -> Learner:
    def call(X: Any, Y: Any, x_q: Any, W0: Any, eta: Any) -> Any:
        return autograd_descent.descend(W0, X, Y, eta=eta, steps=steps) @ x_q

    return Learner(
        "gd" if steps == 1 else f"gd:{steps}",
        f"{steps} step{'s' if steps > 1 else ''} of batch gradient descent on the mean squared loss",
        r"W_{j+1} = W_j - \eta \nabla L(W_j), \quad L(W) = \frac{1}{2N} \sum_i \lVert W x_i - y_i \rVert^2, \quad "
        rf"\hat y = W_{{{steps}}} x_q",
        call,
        steps=steps,
    )


LIBRARY: Mapping[str, Callable[[int], Learner]] = {"gd": _gd}


def learner(text: str) -> Learner:
    """The learner called `text`. Raises TargetError for an unknown one, with the near ids."""
    name, _, count = text.partition(":")
    if name in LIBRARY:
        if count and not (count.isascii() and count.isdigit() and int(count) > 0):
            raise TargetError(
                f"learner {text!r}: expected a number of steps after the colon, at least 1, such as {name}:2"
            )
        return LIBRARY[name](int(count or 1))
    if ".py:" in text or (":" in text and "." in name):
        own = load(text)
        takes = tuple(p for p in own.parameters[3:] if p in ("W0", "eta"))
        other = set(own.required[3:]) - {"W0", "eta"}
        if len(own.parameters) < 3 or other:
            raise TargetError(f"{text} takes ({', '.join(own.parameters)}); expected learner(X, Y, x_q[, W0][, eta])")

        def call(X: Any, Y: Any, x_q: Any, W0: Any, eta: Any) -> Any:
            return own.call(X, Y, x_q, **{n: v for n, v in (("W0", W0), ("eta", eta)) if n in takes})

        return Learner(text, f"the learner {text}", r"\text{" + text.replace("_", r"\_") + "}", call, takes)
    near = difflib.get_close_matches(name, LIBRARY, n=3, cutoff=0.3) or list(LIBRARY)
    raise TargetError(f"no learner {text!r}; library: {', '.join(near)}; or path/to/file.py:function")
