"""The symbolic rung: two programs compute identical polynomials at one size, coefficients compared. No probability.

Work is estimated first: the code is run on the number of terms each value could have if nothing merged.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
import torch

from numeric.carrier import Carrier, NoRule, Parts, stride_sum
from numeric.entropy import Entropy
from numeric.finding import Finding, Verdict
from numeric.handles import FlintPolynomials, Handles, SymenginePolynomials
from numeric.interpreter import Interpreter, Refused
from numeric.programs import Program, Shapes, Sizes, concrete, run
from numeric.shrink import counterexample

TERMS = 2_000_000
"""Largest estimated number of terms that is started on."""
_MANY_VARIABLES = 80
"""Above this FLINT's dense exponent vectors cost more than SymEngine's sparse ones."""


class Terms(Carrier):
    """One float64 part: an upper bound for the number of monomials, as if none merged."""

    name = "number of terms"
    dtypes = (torch.float64,)

    def lift(self, values: torch.Tensor) -> Parts:
        return ((values != 0).double(),)

    def add(self, a: Parts, b: Parts) -> Parts:
        return (a[0] + b[0],)

    def neg(self, a: Parts) -> Parts:
        return a

    def mul(self, a: Parts, b: Parts) -> Parts:
        return (a[0] * b[0],)

    def div(self, a: Parts, b: Parts) -> Parts:
        raise NoRule("division by data: the result is a rational function, not a polynomial")

    def ratio(self, a: Parts, b: Parts) -> Parts:
        if bool((b[0] > 1).any()):
            raise NoRule("the logarithm of a sum, subtracted: the result is a rational function, not a polynomial")
        return (a[0] * torch.ones_like(b[0]),)

    def div_constant(self, a: Parts, values: torch.Tensor) -> Parts:
        return (a[0] + torch.zeros(values.shape, dtype=torch.float64),)

    def matmul(self, a: Parts, b: Parts) -> Parts:
        return (a[0] @ b[0],)

    def sum(self, a: Parts, dims: Sequence[int], keepdim: bool) -> Parts:
        return (stride_sum(a[0], dims, keepdim),)


def estimate(program: Program, shapes: dict[str, tuple[int, ...]]) -> float:
    """An upper estimate of how many terms the expanded results have, all outputs together."""
    carrier = Terms()
    ones = {name: (torch.ones(shape, dtype=torch.float64),) for name, shape in shapes.items()}
    return float(run(program, Interpreter(carrier), ones).parts[0].sum())


def decide(
    left: Program,
    right: Program,
    shapes: Shapes,
    sizes: Sizes,
    *,
    names: tuple[str, str] = ("left", "right"),
    admits: Callable[[Sizes], bool] = lambda sizes: True,
    entropy: Entropy | None = None,
    shrinking: bool = True,
) -> Finding:
    """Whether both programs give identical polynomials in all entries of the inputs at these sizes.

    shrinking: whether to look for a counterexample; differing coefficients refute without one.
    Undecided when the code is no polynomial, or the estimate passes `TERMS` (the reason says how many terms).
    """
    here = concrete(shapes, sizes)
    settings = {"sizes": dict(sizes), "seed": entropy.seed if entropy else None}
    try:
        work = max(estimate(left, here), estimate(right, here))
        if work > TERMS:
            return Finding(
                Verdict.UNDECIDED,
                reason=f"up to {work:.1g} terms at these sizes, more than {TERMS:.1g}; use smaller sizes or the exact rung",
                settings=settings,
            )
        variables = [f"{name}{'_'.join(map(str, i))}" for name, s in here.items() for i in np.ndindex(s)]
        make = SymenginePolynomials if len(variables) > _MANY_VARIABLES else FlintPolynomials
        ring = make(variables)
        results: list[np.ndarray] = []
        flags: tuple[str, ...] = ()
        for side, program in zip(names, (left, right), strict=True):
            carrier = Handles(ring)
            interp = Interpreter(carrier)
            point, at = {}, iter(variables)
            for name, shape in here.items():
                point[name] = carrier.put([ring.variables[next(at)] for _ in range(math.prod(shape))], shape)
            results.append(carrier.get(run(program, interp, point).parts))
            flags += interp.record.flags(side)
    except Refused as refusal:
        return Finding(Verdict.UNDECIDED, reason=f"no polynomial: {refusal}", settings=settings)
    settings |= {"engine": ring.name}
    a, b = results
    if a.shape != b.shape:
        return Finding(
            Verdict.REFUTED,
            reason=f"{names[0]} returns shape {a.shape}, {names[1]} returns {b.shape}",
            settings=settings,
        )
    for index in np.ndindex(a.shape):
        if not ring.equal(a[index], b[index]):
            found = None
            if shrinking:
                found = counterexample(left, right, shapes, sizes, entropy or Entropy(), names=names, admits=admits)
            return Finding(
                Verdict.REFUTED,
                reason=f"the polynomials of output {list(index)} differ",
                settings=settings,
                counterexample=found,
            )
    return Finding(
        Verdict.CONFIRMED,
        figures={"variables": len(variables), "terms": sum(ring.terms(v) for v in a.reshape(-1))},
        settings=settings,
        flags=flags,
        trust=(ring.name, "the interpreter's rules (numeric/operations.py, numeric/arithmetic.py)"),
    )
