"""The learners a layer can run in context: one file each, its own definition (a loss and autograd, or a solver).

Called as learner.call(X (N, f), Y (N, m), x_q (f,), W0 (m, f), **parameters) -> (m,), torch tensors of any arithmetic.
`library()` finds every file of this folder; adding a learner is one new file that defines `LEARNER`.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import cache
from typing import Any


class Domain(StrEnum):
    """Where a parameter lives. COUNT parameters are Python integers, all others 0-d tensors (or (N,) where `each` says so)."""

    POSITIVE = "positive"
    NONNEGATIVE = "0 or more"
    UNIT = "between 0 and 1"
    REAL = "any number"
    COUNT = "a count, at least 1"


class Each(StrEnum):
    """What a parameter has one value for: the whole context (), each token (N,), each input channel (f,), each token
    and channel (N, f), or each pair of channels (f, f)."""

    CONTEXT = "context"
    TOKEN = "token"
    CHANNEL = "channel"
    TOKEN_CHANNEL = "token and channel"
    MATRIX = "pair of channels"


class Class(StrEnum):
    """The prediction as a function of context, query and parameters."""

    POLYNOMIAL = "polynomial"
    RATIONAL = "rational"
    TRANSCENDENTAL = "transcendental"


@dataclass(frozen=True)
class Parameter:
    """One parameter of a learner.

    meaning: in words, with units (what a step is divided by). neutral: the value at which the learner becomes a simpler
    one, None if there is none. each: a value with `each` TOKEN or CHANNEL may also be given as one number for all.
    default: the count that the bare id stands for.
    """

    name: str
    latex: str
    meaning: str
    domain: Domain = Domain.POSITIVE
    neutral: int | None = None
    each: Each = Each.CONTEXT
    default: int | None = None


@dataclass(frozen=True)
class Learner:
    """A learning algorithm with its parameters open (or, after `given`, some of them filled in).

    call(X, Y, x_q, W0, **parameters) -> (m,); parameters that are missing take no default. start: whether W0 matters.
    simpler: ids of learners that this one becomes at the neutral value of the parameter named (`{"beta": "online_gd"}`).
    order: whether the order of the tokens matters. source: the paper and equation, or "derived here".
    gauge: what can't be told apart from outside, in words. values: the counts that are filled in, of the learner `base`.
    step(W (m, f), x (f,), y (m,), W0 (m, f), N, **parameters of the token) -> (m, f), where the prediction is W_N x_q and
    W_t a recursion from W_0 = W0 over the tokens (N: their number, which a mean divides by); None where it is none.
    """

    id: str
    title: str
    latex: str
    source: str
    call: Callable[..., Any]
    parameters: tuple[Parameter, ...]
    kind: Class = Class.POLYNOMIAL
    start: bool = True
    order: bool = True
    simpler: tuple[tuple[str, str], ...] = ()
    gauge: str = ""
    values: tuple[tuple[str, int], ...] = ()
    base: str = ""
    step: Callable[..., Any] | None = None

    @property
    def family(self) -> str:
        """The learner's id without counts."""
        return self.base or self.id

    def same(self, other: Learner) -> bool:
        """Whether it is the same algorithm at the same counts, whichever of them its id leaves out."""
        return (self.family, self.values) == (other.family, other.values)

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the parameters that are still open."""
        return tuple(p.name for p in self.parameters)

    def given(self, **values: int) -> Learner:
        """This learner with counts filled in, such as steps=3; its id says so."""
        call, step, inner = self.call, self.step, dict(values)
        return replace(
            self,
            id=":".join([self.id, *(str(v) for v in inner.values())]),
            call=lambda X, Y, x_q, W0, **rest: call(X, Y, x_q, W0, **inner, **rest),
            step=step and (lambda W, x, y, W0, N, **rest: step(W, x, y, W0, N, **inner, **rest)),
            parameters=tuple(p for p in self.parameters if p.name not in inner),
            values=(*self.values, *inner.items()),
            base=self.family,
        )


@cache
def library() -> dict[str, Learner]:
    """All learners of this folder by id (the file's name), sorted."""
    found = {}
    for module in sorted(pkgutil.iter_modules(__path__), key=lambda m: m.name):
        if not module.name.startswith("_"):
            found[module.name] = importlib.import_module(f"{__name__}.{module.name}").LEARNER
    return found
