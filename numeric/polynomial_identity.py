"""The symbolic rung: two programs compute identical polynomials at one size, coefficients compared. No probability.

Work is estimated first, from the computed heights: the number of terms is at most the 1-norm of an integer polynomial.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import torch

from numeric.degree import Height
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


def estimate(program: Program, shapes: dict[str, tuple[int, ...]]) -> float:
    """An upper estimate of how many terms the expanded results have, all outputs together."""
    carrier = Height()
    interp = Interpreter(carrier)
    heights = run(program, interp, {n: carrier.indeterminate(s) for n, s in shapes.items()}).parts[0]
    return float(torch.exp2(heights.clamp(max=1000)).sum())


def decide(
    left: Program,
    right: Program,
    shapes: Shapes,
    sizes: Sizes,
    *,
    names: tuple[str, str] = ("left", "right"),
    admits: Callable[[Sizes], bool] = lambda sizes: True,
    entropy: Entropy | None = None,
) -> Finding:
    """Whether both programs give identical polynomials in all entries of the inputs at these sizes.

    Undecided when the code is no polynomial, or the estimate passes `TERMS` (the reason says how many terms).
    """
    here = concrete(shapes, sizes)
    settings = {"sizes": dict(sizes), "seed": entropy.seed if entropy else None}
    try:
        work = max(estimate(left, here), estimate(right, here))
        if work > TERMS:
            return Finding(
                Verdict.UNDECIDED,
                reason=f"up to 2^{math.log2(work):.0f} terms at these sizes, more than {TERMS}; use smaller sizes or the "
                "exact rung",
                settings=settings,
            )
        variables = [f"{name}{'_'.join(map(str, i))}" for name, s in here.items() for i in np.ndindex(s)]
        make = SymenginePolynomials if len(variables) > _MANY_VARIABLES else FlintPolynomials
        ring = make(variables)
        results = []
        for program in (left, right):
            carrier = Handles(ring)
            point, at = {}, iter(variables)
            for name, shape in here.items():
                point[name] = carrier.put([ring.variables[next(at)] for _ in range(math.prod(shape))], shape)
            results.append(carrier.get(run(program, Interpreter(carrier), point).parts))
    except Refused as refusal:
        return Finding(Verdict.UNDECIDED, reason=f"no polynomial: {refusal}", settings=settings)
    settings |= {"engine": ring.name}
    a, b = results
    if a.shape != b.shape:
        return Finding(
            Verdict.REFUTED, reason=f"{names[0]} returns shape {a.shape}, {names[1]} returns {b.shape}", settings=settings
        )
    for index in np.ndindex(a.shape):
        if not ring.equal(a[index], b[index]):
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
        trust=(ring.name, "the interpreter's rules (numeric/operations.py, numeric/arithmetic.py)"),
    )
