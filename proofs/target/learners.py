"""From text to learner: a library id (`gd`, `gd:2`, `online_gd`) or a user's file `path/to/file.py:function`.

Each is its own definition (a loss and autograd, or a solver), never a layer's algebra.
"""

from __future__ import annotations

import difflib
from dataclasses import replace
from typing import Any

import torch

from constructions.learners import Domain, Each, Learner, Parameter, library
from proofs.target.calling import copied
from proofs.target.deadline import limited
from proofs.target.loading import TargetError, held, load


def learner(text: str) -> Learner:
    """The learner called `text`, its counts filled in. Raises TargetError for an unknown one, with the near ids."""
    if not isinstance(text, str):
        raise TargetError(f"learner {text!r}: expected a library id such as gd, or path/to/file.py:function")
    name, *counts = text.split(":")
    if name in library():
        return _counted(library()[name], text, counts)
    if ".py:" in text or (":" in text and "." in name):
        return _own(text)
    near = difflib.get_close_matches(name, library(), n=3, cutoff=0.3)
    close = f"near names: {', '.join(near)}; " if near else ""
    raise TargetError(f"no learner {text!r}; {close}library: {', '.join(library())}; or path/to/file.py:function")


def _counted(found: Learner, text: str, counts: list[str]) -> Learner:
    wanted = [p for p in found.parameters if p.domain is Domain.COUNT]
    example = ":".join([found.id, *("2" for _ in wanted)])
    if len(counts) > len(wanted):
        takes = f"such as {example}" if wanted else "it has no counts"
        raise TargetError(
            f"learner {text!r}: {len(counts)} counts after the id, expected at most {len(wanted)}; {takes}"
        )
    values: dict[str, int] = {}
    for parameter, count in zip(wanted, counts, strict=False):
        if not (count.isascii() and count.isdigit() and len(count) < 7 and int(count) > 0):
            raise TargetError(f"learner {text!r}: expected the {parameter.meaning}, at least 1, such as {example}")
        values[parameter.name] = int(count)
    for parameter in wanted[len(counts) :]:
        if parameter.default is None:
            raise TargetError(f"learner {text!r} needs the {parameter.meaning}: write {example}, for instance")
        values[parameter.name] = parameter.default
    return replace(found.given(**values), id=text) if values else found


def _own(text: str) -> Learner:
    own = load(text)
    if len(own.parameters) < 3:
        raise TargetError(
            f"{text} takes ({', '.join(own.parameters)}); expected learner(X, Y, x_q[, W0][, any named parameters])"
        )
    start = "W0" in own.parameters[3:]
    names = tuple(p for p in own.parameters[3:] if p != "W0" and p in own.required)

    def call(X: Any, Y: Any, x_q: Any, W0: Any, **values: Any) -> Any:
        at = " x ".join(map(str, X.shape))
        late = limited(f"the learner {text}", lambda: f"with inputs of {at} numbers")
        with held(f"the learner {text}"), late, torch.enable_grad():
            given = copied({"X": X, "Y": Y, "x_q": x_q, **({"W0": W0} if start else {}), **values})
            data = [given.pop(name) for name in ("X", "Y", "x_q")]
            out = own.call(*data, **given)
        return out.detach() if type(out) is torch.Tensor else out

    return Learner(
        text,
        title=f"the learner {text}",
        latex=r"\text{" + text.replace("_", r"\_") + "}",
        source=text,
        call=call,
        parameters=tuple(
            Parameter(n, rf"\text{{{n}}}", f"the parameter {n} of {text}", Domain.REAL, each=Each.TOKEN) for n in names
        ),
        start=start,
    )
