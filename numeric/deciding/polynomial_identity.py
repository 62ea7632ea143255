"""The symbolic rung: two programs compute identical polynomials at one size, coefficients compared. No probability.

Work is estimated first: the code is run on the number of terms each value could have if nothing merged.
"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from numeric.carriers.handles import FlintPolynomials, Handles, SymenginePolynomials
from numeric.carriers.terms import Terms
from numeric.deciding.comparison import Comparison
from numeric.deciding.findings import ManyTerms, NoPolynomial, OtherPolynomial, OtherShape
from numeric.deciding.programs import Program, concrete, recorded, replayed
from numeric.deciding.shrink import counterexample
from numeric.entropy import Entropy
from numeric.finding import Finding, Flag, Verdict
from numeric.tape.notes import notes
from numeric.tape.refusals import Refused
from numeric.trust import Trust

TERMS = 2_000_000
"""Largest estimated number of terms that is started on."""
_MANY_VARIABLES = 80
"""Above this FLINT's dense exponent vectors cost more than SymEngine's sparse ones."""


def estimate(program: Program, shapes: dict[str, tuple[int, ...]]) -> float:
    """An upper estimate of how many terms the expanded results have, all outputs together."""
    carrier = Terms()
    inputs = {name: carrier.indeterminate(shape) for name, shape in shapes.items()}
    return float(replayed(recorded(program).at(shapes), carrier, inputs)[0].sum())


def decide(asked: Comparison, *, shrinking: bool = True) -> Finding:
    """Whether both programs give identical polynomials in all entries of the inputs at the sizes asked for.

    shrinking: whether to look for a counterexample; differing coefficients refute without one.
    Undecided when the code is no polynomial, or the estimate passes `TERMS` (the reason says how many terms).
    """
    here, names = concrete(asked.shapes, asked.sizes), asked.names
    settings = {"sizes": dict(asked.sizes), "seed": asked.entropy.seed if asked.entropy else None}
    asked = asked.recorded()
    left, right = asked.tapes
    try:
        work = max(estimate(left, here), estimate(right, here))
        if work > TERMS:
            return Finding(
                Verdict.UNDECIDED,
                reason=ManyTerms(work, TERMS),
                settings=settings,
            )
        variables = [f"{name}{'_'.join(map(str, i))}" for name, s in here.items() for i in np.ndindex(s)]
        make = SymenginePolynomials if len(variables) > _MANY_VARIABLES else FlintPolynomials
        ring = make(variables)
        results: list[np.ndarray] = []
        flags: tuple[Flag, ...] = ()
        for side, program in zip(names, (left, right), strict=True):
            carrier = Handles(ring)
            point, at = {}, iter(variables)
            for name, shape in here.items():
                point[name] = carrier.put([ring.variables[next(at)] for _ in range(math.prod(shape))], shape)
            tape = program.at(here)
            results.append(carrier.get(replayed(tape, carrier, point)))
            flags += notes(tape).flags(side)
    except Refused as refusal:
        return Finding(Verdict.UNDECIDED, reason=NoPolynomial(str(refusal)), settings=settings)
    settings |= {"engine": ring.name}
    a, b = results
    if a.shape != b.shape:
        return Finding(
            Verdict.REFUTED,
            reason=OtherShape(names, (a.shape, b.shape)),
            settings=settings,
        )
    for index in np.ndindex(a.shape):
        if not ring.equal(a[index], b[index]):
            found = None
            if shrinking:
                found = counterexample(replace(asked, entropy=asked.entropy or Entropy()))
            return Finding(
                Verdict.REFUTED,
                reason=OtherPolynomial(index),
                settings=settings,
                counterexample=found,
            )
    return Finding(
        Verdict.CONFIRMED,
        figures={"variables": len(variables), "terms": sum(ring.terms(v) for v in a.reshape(-1))},
        settings=settings,
        flags=flags,
        trust=(ring.name, Trust.RULES),
    )
