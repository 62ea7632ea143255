"""The rows of an audit: one check each, on one rung at one size.

Exact at several context lengths and widths, and the float runs beside it; `proofs.audit.enclosures` where no bound exists.
Main definitions: `Check`, `Row`, `lengths`, `widths`, `floats`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from fractions import Fraction
from functools import partial
from typing import Any

import numpy as np
import torch

from numeric.deciding import exact_identity, float_identity, strategies
from numeric.deciding.comparison import Comparison
from numeric.deciding.lifting import Lifted
from numeric.deciding.programs import Sizes, WrongResult, concrete
from numeric.deciding.witnesses import Witness, keep
from numeric.entropy import Entropy
from numeric.finding import Finding, Flag, Key, Told, Verdict
from numeric.tape.notes import Cast, Constant, notes
from numeric.trust import Trust
from proofs.audit.enclosures import enclosures
from proofs.audit.findings import BeyondPrecision, CastsChange, OnExact
from proofs.audit.first_order import first_order_finding
from proofs.audit.gentle import gentle
from proofs.audit.inference import infer, refitted
from proofs.audit.notes import LengthLeftOut, Rounds, WidthLeftOut
from proofs.audit.preflight import admits, in_blocks, refuses, refuses_width
from proofs.target.calling import raised
from proofs.target.case import NAMES, Case

CONTEXTS = (1, 2, 9)
"""Further context lengths, at the same f and m."""
FAR = 33
"""A longer one: some codes change their ways there (chunks, windows)."""
SHORT = 3
"""The context length at other f and m."""
OTHER = (((3, 3), (4, 4)), ((2, 4), (4, 6)), ((1, 1),), ((4, 1),))
"""Further (f, m), f equal to m, below it, and above the one output that most problems have; the second of a pair where
f**0.5 is rounded at the first."""
_NEAR = 2
"""Draws at which the float run is held against its exact value."""
BEYOND = 1000.0
"""How many times the change of precision a difference has to be before it refutes; a true identity gives about 2^-29."""


class Check(StrEnum):
    """How a row was found."""

    EXACT = "exact"
    EVERY = "exact, every N"
    FLOAT = "sampled, float64"
    LIFTED = "sampled, float64 lifted"
    SINGLE = "sampled, float32"
    BALLS = "sampled, balls"
    SAMPLED = "sampled"
    FIRST = "sampled, float64 to first order"
    LONG = "one long context"
    SIZES = "other sizes"
    FRESH = "fresh gates and sizes"
    MODE = "mode"

    @property
    def floats(self) -> bool:
        """Whether it judges the float run as it is, against a bound."""
        return self in (Check.FLOAT, Check.LIFTED, Check.SINGLE)


def rung(check: Check, variant: str) -> str:
    """The name of rows of this check and variant."""
    return f"{check}, {variant}" if variant else check.value


@dataclass(frozen=True)
class Row:
    """One check of the audit: how and where it was made and what was found.

    variant: what was asked, if not the call of one sequence at numbers drawn; such rows only have to hold.
    """

    check: Check
    sizes: Mapping[str, int]
    finding: Finding
    variant: str = ""

    @property
    def rung(self) -> str:
        """The check and its variant, as rows are named."""
        return rung(self.check, self.variant)

    def of(self, *checks: Check) -> bool:
        """Whether it is the call of one sequence, in one of these ways."""
        return self.check in checks and not self.variant


def of(rows: Sequence[Row], *checks: Check) -> list[Row]:
    """The calls of one sequence, made in these ways."""
    return [row for row in rows if row.of(*checks)]


def outcome(rows: Sequence[Row]) -> Finding:
    """What the exact rung ends with: the finding that does not confirm, if there is one, else the last that does."""
    exact = [row.finding for row in of(rows, Check.EXACT)]
    return next((finding for finding in exact if finding.verdict is not Verdict.CONFIRMED), exact[-1])


def lengths(case: Case, at: Sizes, fixed: Sizes, entropy: Entropy, target_log2: float) -> list[Row]:
    """The exact rung at one context length after the other, up to the first that is refuted.

    The first has to be decided; further ones that are not, or that the target refuses, are left out, and said to be.
    """
    rows: list[Row] = []
    left_out: dict[int, Told] = {}
    others = () if "N" in fixed else dict.fromkeys(in_blocks(N, at) for N in (*CONTEXTS, FAR))
    for k, length in enumerate((at["N"], *others)):
        here = {**at, "N": length}
        if k and length == at["N"]:
            continue
        why = refuses(case, here) if k else None
        if why is None:
            finding = _exact(case, here, entropy.child(k), target_log2)
            why = finding.reason if k and finding.verdict is Verdict.UNDECIDED else None
        if why is not None:
            left_out[length] = why
            continue
        rows.append(Row(Check.EXACT, here, finding))
        if finding.verdict is not Verdict.CONFIRMED:
            break
    for length, why in left_out.items():
        case.note(LengthLeftOut(length, why))
    return rows


def widths(case: Case, at: Sizes, fixed: Sizes, entropy: Entropy, target_log2: float) -> list[Row]:
    """The exact rung at other f and m, in a short context, where the target takes them; up to the first refutation.

    A refutation that floats do not see is left to other sizes: the square root of f is a rounded constant at some.
    """
    rows: list[Row] = []
    left_out: dict[tuple[int, int], Told] = {}
    for k, tries in enumerate(OTHER):
        for f, m in tries:
            here = {"f": f, "m": m, "N": fixed.get("N", in_blocks(SHORT, at))}
            if (f, m) == (at["f"], at["m"]):
                continue
            why = refuses_width(case, here, at)
            if why is not None:
                left_out[f, m] = why
                continue
            child = entropy.child(10 * k + f)
            finding = _exact(case, here, child, target_log2)
            if finding.verdict is Verdict.REFUTED and refitted(case, here):
                finding = _exact(case, here, child, target_log2)
            if finding.verdict is Verdict.REFUTED and (f, m) != tries[-1] and _agrees(case, here, finding, child):
                left_out[f, m] = Rounds.THERE
                continue
            if finding.verdict is Verdict.UNDECIDED:
                left_out[f, m] = finding.reason
            else:
                rows.append(Row(Check.EXACT, here, finding))
            break
        if rows and outcome(rows).verdict is Verdict.REFUTED:
            break
    for pair, why in left_out.items():
        case.note(WidthLeftOut(pair, why))
    return rows


def rounds(finding: Finding) -> bool:
    """Whether the layer computes with a constant that is rounded: none of few binary digits."""
    held = [f.what.number for f in flagged(finding) if f.side == NAMES[0] and isinstance(f.what, Constant)]
    return any(number is None or Fraction(number).denominator > 2**10 for number in held)


def casts(*findings: Finding) -> bool:
    """Whether the code of a side rounds to float32 inside."""
    told = (flag.what for finding in findings for flag in flagged(finding))
    return any(isinstance(what, Cast) and what.dtype == "float32" for what in told)


def flagged(finding: Finding) -> list[Flag]:
    """The flags as the engine made them; a finding that was read from a file has their texts only."""
    return [flag for flag in finding.flags if isinstance(flag, Flag)]


def _agrees(case: Case, sizes: Sizes, finding: Finding, entropy: Entropy) -> bool:
    """Whether a refutation is about rounded constants: float64 runs, casts lifted, agree within their bound."""
    held = replace(case, lifted=casts(finding))
    return rounds(finding) and _sampled(held, sizes, entropy, finding).verdict is Verdict.CONFIRMED


def _sampled(case: Case, sizes: Sizes, entropy: Entropy, exact: Finding | None = None) -> Finding:
    """The float64 rung at these sizes, and at the counterexample of the exact one."""
    return float_identity.decide(
        Comparison(case.layer, case.learner, names=case.sides, shapes=case.shapes, entropy=entropy),
        _draws(case, sizes, entropy, exact),
        dtype="float64",
        shrinking=False,
    )


def _draws(case: Case, sizes: Sizes, entropy: Entropy, exact: Finding | None) -> list[dict[str, np.ndarray]]:
    """Four draws, Gaussian or, of long contexts, gentle; and the point at which the exact rung saw a difference, if it did."""
    generator = entropy.generator()
    if sizes["N"] < FAR:
        draws = [
            dict(strategies.draw("gaussian", sizes, case.shapes, generator, positive=case.positive)) for _ in range(4)
        ]
    else:
        points = (gentle(case, case.shapes, sizes, entropy.child("gentle", k)) for k in range(4))
        draws = [{n: np.asarray(a, dtype=np.float64) for n, a in point.items()} for point in points]
    found = exact.counterexample if exact is not None else None
    if found is not None and (not case.inferred.names or found.sizes == sizes):  # else its numbers are other ones
        inputs = found.inputs
        draws.append({n: np.vectorize(_float, otypes=[float])(np.array(v, dtype=object)) for n, v in inputs.items()})
    return draws


def _float(text: Any) -> float:
    return float(Fraction(text))


def _exact(case: Case, sizes: Sizes, entropy: Entropy, target_log2: float) -> Finding:
    """The exact rung at these sizes."""
    try:
        infer(case, sizes)
        asked = Comparison(
            case.layer,
            case.smaller(case.learner),
            case.shapes,
            sizes,
            entropy=entropy,
            names=case.sides,
            admits=partial(admits, case),
        )
        if case.other is not None:
            asked = asked.recorded(case.positive)
            alike = _alike(asked)
            if alike is not None:
                return alike
        return exact_identity.decide(asked, target_log2=target_log2, positive=case.positive, rounded=True)
    except (WrongResult, RuntimeError, TypeError, ValueError) as error:
        return Finding(Verdict.UNDECIDED, reason=OnExact(raised(error)))


def _alike(asked: Comparison) -> Finding | None:
    """The finding of two layers that leave one and the same recording: they run the same operations on the same data."""
    here = concrete(asked.shapes, asked.sizes)
    try:
        left, right = (side.at(here) for side in asked.tapes)
    except Exception:  # a refusal, or what the target raises, is the exact rung's to say
        return None
    if left.random or left.faults or left.digest != right.digest:
        return None
    seen = (notes(tape).flags(name) for tape, name in zip((left, right), asked.names, strict=True))
    found = Finding(
        Verdict.CONFIRMED,
        figures={Key.RECORDINGS: "equal"},
        trust=(Trust.RECORDED,),
        flags=tuple(flag for flags in seen for flag in flags),
    )
    return keep(Witness(found, asked.shapes, asked.sizes, (left, right), {}))


def floats(case: Case, sizes: Sizes, entropy: Entropy, exact: list[Row]) -> list[Row]:
    """The sampled rung on torch: float64; if the code rounds to float32, float64 with its casts lifted, and float32.

    Where no bound exists: enclosures, or else the change of precision.
    """
    seen = next((r.finding for r in of(exact, Check.EXACT) if r.finding.verdict is Verdict.REFUTED), None)
    draws = _draws(case, sizes, entropy, seen)

    def row(check: Check) -> Row:
        held = replace(case, lifted=check is Check.LIFTED)
        finding = float_identity.decide(
            Comparison(held.layer, held.learner, names=case.sides, shapes=case.shapes, entropy=entropy),
            draws,
            dtype="float32" if check is Check.SINGLE else "float64",
            shrinking=False,
        )
        return Row(check, sizes, finding)

    plain, ended = row(Check.LIFTED if case.needs_lift else Check.FLOAT), outcome(exact)
    rows = [plain]
    if plain.finding.verdict is Verdict.UNDECIDED or plain.finding.figures.get(Key.UNASSESSED):
        near = first_order_finding(replace(case, lifted=case.needs_lift), draws[:_NEAR])
        rows += [Row(Check.FIRST, sizes, near)] if near is not None else []
    if plain.check is Check.FLOAT and casts(plain.finding, ended):
        lifted = row(Check.LIFTED)
        off = plain.finding.verdict is Verdict.REFUTED
        rows += [lifted] if off or lifted.finding.verdict is Verdict.CONFIRMED else []
        if off and lifted.finding.verdict is not Verdict.REFUTED:
            rows.append(row(Check.SINGLE))
    if ended.verdict is Verdict.UNDECIDED and plain.finding.verdict is Verdict.UNDECIDED:
        enclosed = enclosures(case, sizes, CONTEXTS)
        if enclosed is not None:
            rounded = _rounded(case, draws, _short(plain.finding, ended, enclosed))
            rows += [Row(Check.SAMPLED, sizes, rounded, "short types")] if rounded is not None else []
            return [*rows, Row(Check.BALLS, sizes, enclosed)]
        change = _change_of_precision(case, draws)
        if change is not None:
            rows.append(Row(Check.SAMPLED, sizes, change))
    return rows


def _short(*findings: Finding) -> frozenset[torch.dtype]:
    """The types shorter than float32 that the layer rounds to, where exact numbers do not see that."""
    own = (f.what for finding in findings for f in flagged(finding) if f.side == NAMES[0])
    named = {what.dtype for what in own if isinstance(what, Cast)}
    return frozenset(getattr(torch, name) for name in named if torch.finfo(getattr(torch, name)).bits < 32)


def _rounded(case: Case, draws: list[dict[str, np.ndarray]], dtypes: frozenset[torch.dtype]) -> Finding | None:
    """A refutation of float runs by casts to these types, without which other bits come out."""
    for draw in draws if dtypes else ():
        inputs = {n: torch.tensor(np.asarray(a, dtype=np.float64)) for n, a in draw.items()}
        with torch.no_grad():
            run = case.layer(**inputs)
            with Lifted(dtypes):
                unrounded = case.layer(**inputs)
        if not torch.equal(run, unrounded):
            share = float((run - unrounded).abs().max() / unrounded.abs().max())
            names = tuple(sorted(str(d).removeprefix("torch.") for d in dtypes))
            return Finding(Verdict.REFUTED, reason=CastsChange(names, share), trust=(Trust.CASTS,))
    return None


def _change_of_precision(case: Case, draws: list[dict[str, np.ndarray]]) -> Finding | None:
    """A refutation without a bound: the sides differ by far more than float32 and float64 runs of the layer do."""
    ratios = []
    for draw in draws:
        single = {n: torch.tensor(np.asarray(a, dtype=np.float32)) for n, a in draw.items()}
        double = {n: t.double() for n, t in single.items()}
        try:
            with torch.no_grad():
                coarse, fine = case.layer(**single).double(), case.layer(**double).double()
            right = case.learner(**double).double()
        except Exception:
            return None
        apart, change = (fine - right).abs(), (fine - coarse).abs()
        scale = torch.finfo(torch.float32).eps * torch.maximum(fine.abs(), right.abs())
        ratios.append(float((apart / (change + scale).clamp(min=1e-300)).max()))
    if not min(ratios) > BEYOND:
        return None
    return Finding(
        Verdict.REFUTED,
        reason=BeyondPrecision(len(ratios), min(ratios)),
        figures={"least difference / change of precision": round(min(ratios), 1)},
        trust=(Trust.COARSE,),
    )
