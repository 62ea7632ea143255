"""Before the rungs: the sizes that a target takes, how it reads its arguments, and how its result is scaled.

Plain float64 calls choose how a case is asked; the rungs judge it.
Main definitions: `preflight`, `admits`, `refuses`, `try_at`, `in_blocks`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import product
from typing import Any

import torch
from torch import Tensor

from numeric.deciding import float_identity
from numeric.deciding.comparison import Comparison
from numeric.deciding.programs import Program, Sizes, concrete
from numeric.entropy import Entropy
from numeric.finding import Told, Verdict
from proofs.audit.inference import borrow, infer
from proofs.audit.notes import Scaled
from proofs.shown import words
from proofs.target.calling import raised
from proofs.target.case import READOUT, Case, Form
from proofs.target.gates import Axes
from proofs.target.loading import TargetError
from proofs.target.notes import Quirk

SIZES: tuple[Sizes, ...] = (
    {"f": 4, "m": 3, "N": 5},
    {"f": 4, "m": 4, "N": 5},
    {"f": 4, "m": 1, "N": 5},
    *({"f": 4, "m": m, "N": N} for N in (8, 16, 32, 64) for m in (3, 4)),
)
"""Sizes tried in turn until the target takes one; some take whole blocks of tokens alone."""
LIMIT = 2**20
"""The most numbers that the inputs of a target may be."""


@dataclass(frozen=True)
class _Failed:
    """A call that failed: whose code, with what, at which sizes and axes of the variables."""

    learner: bool
    error: Exception
    sizes: Sizes
    axes: dict[str, Axes]

    @property
    def telling(self) -> tuple[bool, int]:
        """Which failure is told: a learner's beside a target that runs, then the one with the plainest arguments."""
        return self.learner, -sum(map(len, self.axes.values()))


def preflight(case: Case, fixed: Mapping[str, int], entropy: Entropy) -> tuple[Case, dict[str, int]]:
    """The case as its target takes it, and sizes at which it does. Raises TargetError if none works."""
    _affordable({**SIZES[0], **fixed})
    wrong = [s for s in fixed if s not in ("f", "m", "N") or fixed[s] < 1]
    if wrong:
        raise TargetError(f"size {wrong[0]}={fixed[wrong[0]]}: expected f, m or N, at least 1")
    failed: _Failed | None = None
    axes = [dict(zip(case.options, chosen, strict=True)) for chosen in product(*case.options.values())]
    for sizes in SIZES:
        here = {**sizes, **fixed}
        for grad, lift, form, chosen in product((False, True), (False, True), Form, axes):
            tried = replace(case, needs_lift=lift, grad=grad, form=form, axes=chosen)
            ran = False
            try:
                try_at(tried, here, entropy)
                infer(tried, here)
                ran = True
                _learns_at(tried, here, entropy)
                sides = (side for side in (tried, tried.twin) if side is not None)
                if not all(_as_one_number(side, here, entropy) for side in sides):
                    continue
            except TargetError:
                raise
            except Exception as failure:
                new = _Failed(ran, failure, here, chosen)
                failed = new if failed is None or new.telling > failed.telling else failed
                continue
            found = _scaled(tried, here, entropy)
            if lift:
                found.note(Quirk.LIFTED)
            return found, here
    assert failed is not None
    listed = "; ".join(" ".join(f"{k}={v}" for k, v in {**s, **fixed}.items()) for s in SIZES[:3])
    shapes = concrete(replace(case, axes=failed.axes).shapes, failed.sizes)
    other = f"the learner {case.chosen.id}" if case.other is None else case.other.text
    side = other if failed.learner else case.text
    raise TargetError(
        f"{side} {words(raised(failed.error))}; called with {', '.join(f'{name} {shape}' for name, shape in shapes.items())} in "
        f"float64 (sizes tried: {listed}); fix sizes with --size, or use an adapter"
    )


def in_blocks(N: int, at: Sizes) -> int:
    """The context length to ask about in the place of N: of a target that takes no context of `SIZES[0]` the next of whole
    blocks, such as it takes."""
    block = at["N"] if at["N"] > SIZES[0]["N"] else 1
    return -(-N // block) * block


def _affordable(sizes: Sizes) -> None:
    numbers = sizes["N"] * (sizes["f"] + sizes["m"]) + sizes["f"] * sizes["m"]
    if numbers > LIMIT:
        raise TargetError(
            f"sizes {', '.join(f'{k}={v}' for k, v in sizes.items())}: {numbers} numbers of input, and an audit "
            f"takes at most {LIMIT}; give smaller ones"
        )


def try_at(case: Case, sizes: Sizes, entropy: Entropy) -> None:
    """Plain calls at these sizes. Raises what the target raises; TargetError for a random or a NaN result."""
    for data in case.gentler(sizes, torch.Generator().manual_seed(entropy.below(2**31))):
        with torch.no_grad():
            one, again = case.layer(**data), case.layer(**data)
        if not torch.equal(one, again) and not bool(torch.isnan(one).any()):
            raise TargetError(
                f"{case.text} is random from call to call: two calls on the same inputs differ by "
                f"{float((one - again).abs().max()):.2g}; seed it, or call eval() on it"
            )
        if bool(torch.isfinite(one).all()):
            return
    raise TargetError(
        f"{case.text} returns NaN or infinity on Gaussian inputs of size "
        f"{' '.join(f'{k}={n}' for k, n in sizes.items())}: keep "
        "logarithms, roots and quotients away from 0 there, by an adapter that prepares the inputs, say"
    )


def admits(case: Case, sizes: Sizes) -> bool:
    """Whether a counterexample may have these sizes."""
    return refuses(case, sizes) is None


def refuses(case: Case, sizes: Sizes) -> Told | None:
    """What is wrong with a plain call at these sizes; None if nothing is."""
    try:
        infer(case, sizes)
        with torch.no_grad():
            try_at(case, sizes, Entropy(0))
            if case.twin is not None:
                try_at(case.twin, sizes, Entropy(0))
    except Exception as error:  # the target is anybody's code
        return str(error) if isinstance(error, TargetError) else raised(error)
    return None


def refuses_width(case: Case, sizes: Sizes, other: Sizes) -> Told | None:
    """What is wrong with these f and m, None if nothing is; a fit's numbers are borrowed from the other sizes."""
    try:
        borrow(case, sizes, other)
    except Exception as error:  # whatever a target raises there
        return raised(error)
    return refuses(case, sizes)


def _learns_at(case: Case, sizes: Sizes, entropy: Entropy) -> None:
    if case.twin is not None:
        return try_at(case.twin, sizes, entropy)
    data = case.draw(sizes, torch.Generator().manual_seed(entropy.below(2**31)))
    with torch.no_grad():
        out = case.learner(**data)
    if out.shape != (sizes["m"],):
        raise ValueError(f"the learner {case.chosen.id} returned shape {tuple(out.shape)}, expected ({sizes['m']},)")
    return None


def _as_one_number(case: Case, sizes: Sizes, entropy: Entropy) -> bool:
    """Whether arrays of one and the same number do what that number does, where the target takes both.

    Else the target reads an array as something else, and broadcasting made it fit.
    """
    if not any(case.axes.values()):
        return True
    data = case.draw(sizes, torch.Generator().manual_seed(entropy.below(2**31)))
    alone = {n: t.reshape(-1)[0] if case.axes.get(n) else t for n, t in data.items()}
    wide = replace(case, lifted=True)

    def many(**inputs: Any) -> Any:
        return wide.layer(**{n: t.expand(data[n].shape).clone() for n, t in inputs.items()})

    one = replace(wide, axes=dict.fromkeys(case.axes, ())).layer
    return _compared(many, one, alone) is not Verdict.REFUTED


def _scaled(case: Case, sizes: Sizes, entropy: Entropy) -> Case:
    """The case with the readout scale f**-0.5 where a key/value operator has it at two sizes; the rungs then test it."""
    asked = case.adapter.scaled and case.other is None and not case.inferred.names and READOUT not in case.gates
    if not asked or set(case.adapter.single) & set(case.gates) or not _has_scale(case, sizes, entropy):
        return case
    case.note(Scaled(sizes["f"]))
    return replace(case, gates={**case.gates, READOUT: "f**-0.5"})


def _has_scale(case: Case, sizes: Sizes, entropy: Entropy) -> bool:
    """Whether the target is the learner times f**-0.5, and not the learner, at two sizes."""

    def scaled(**inputs: Any) -> Any:
        return case.learner(**inputs) * inputs["X"].shape[1] ** -0.5

    layer = replace(case, lifted=True).layer
    for f in (sizes["f"], 4 * sizes["f"]):
        draws = case.gentler({**sizes, "f": f}, torch.Generator().manual_seed(entropy.below(2**31)))
        data = next((draw for draw in map(_short, draws) if _finite(layer, draw)), None)
        if data is None or _compared(layer, scaled, data) is not Verdict.CONFIRMED:
            return False
        if _compared(layer, case.learner, data) is not Verdict.REFUTED:  # a bound that allows both says nothing
            return False
    return True


def _short(draw: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The draw with keys of length 1 at most, with which weights do not grow from token to token."""
    return {**draw, "X": draw["X"] / draw["X"].norm(dim=1).max()}


def _finite(program: Program, data: Mapping[str, Tensor]) -> bool:
    try:
        with torch.no_grad():
            return bool(torch.isfinite(program(**data)).all())
    except Exception:  # what a target may raise on such inputs, which its own run then shows
        return False


def _compared(left: Program, right: Program, data: Mapping[str, Tensor]) -> Verdict:
    """Whether two float64 programs agree on `data` within their rounding bounds."""
    try:
        return float_identity.decide(
            Comparison(left, right), [{n: t.numpy() for n, t in data.items()}], shrinking=False
        ).verdict
    except Exception:  # what a target may raise on such inputs, which its own run then shows
        return Verdict.UNDECIDED
