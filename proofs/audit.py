"""The audit: does somebody else's layer run the named learner, exactly? With which step size, and where does it depart?

The target runs unmodified, in float64 and on exact numbers; the learner is a loss and autograd in the same arithmetic.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import TYPE_CHECKING, Any, overload

import numpy as np
import torch

from constructions.learners import Learner
from numeric import exact_identity, float_identity, strategies
from numeric.entropy import Entropy
from numeric.finding import Counterexample, Finding, Verdict, frozen
from numeric.programs import Sizes, WrongResult, concrete, smaller, text
from proofs.adapters import adapt
from proofs.case import Case
from proofs.evidence import Settings
from proofs.hints import hints
from proofs.induction import every_length
from proofs.learners import learner
from proofs.target import TargetError as TargetError
from proofs.target import load

if TYPE_CHECKING:
    from proofs.identification import Identification

CONTEXTS = (1, 2, 9)
"""Further context lengths, at the same f and m."""
_POINTS = 5
"""Rational points a length where only enclosures decide."""
_FAR = 1000.0
"""How many times the change of precision a difference has to be before it refutes; a true identity gives about 2^-29."""
NAMES = ("layer", "learner")
_SHOWN = 3
"""How many lines that the verdict does not cover fit a screen."""
EVERY_LENGTH = "exact, every N"
"""The rung's name where one token from an arbitrary memory settles all lengths."""


@dataclass(frozen=True)
class Row:
    """One check of the audit: where it was made and what was found."""

    rung: str
    sizes: Mapping[str, int]
    finding: Finding


@dataclass(frozen=True)
class Audit:
    """The answer about one target. `parameters`: the step size and gates it holds with."""

    target: str
    learner: Learner
    adapter: str
    verdict: Verdict
    reason: str
    rows: tuple[Row, ...]
    parameters: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "parameters", frozen(self.parameters))

    @property
    def counterexample(self) -> Counterexample | None:
        """The smallest one found, if the verdict is refuted."""
        if self.verdict is not Verdict.REFUTED:
            return None
        return next((r.finding.counterexample for r in self.rows if r.finding.counterexample), None)

    @property
    def flags(self) -> tuple[str, ...]:
        """What the code does that the verdict does not cover, each once."""
        shown = [r for r in self.rows if r.rung.startswith("exact") and r.finding.flags] or self.rows
        return tuple(dict.fromkeys(flag for row in shown for flag in row.finding.flags))

    @property
    def status(self) -> int:
        """Exit status: 0 confirmed, 1 refuted, 3 undecided."""
        return {Verdict.CONFIRMED: 0, Verdict.REFUTED: 1}.get(self.verdict, 3)

    def lines(self) -> list[str]:
        """The answer for a terminal: what it is, how sure, what to look at."""
        proved = any(r.rung == "exact" and r.finding.verdict is Verdict.CONFIRMED for r in self.rows)
        heading = self.verdict.value.upper()
        out = [
            f"{heading}{', not proved' if self.verdict is Verdict.CONFIRMED and not proved else ''}: {self.target}",
            f"  against   {self.learner.id}: {self.learner.title}",
            f"  called as {self.adapter}",
        ]
        out += [f"  with      {name} = {value}" for name, value in self.parameters.items()]
        if self.learner.gauge and self.verdict is Verdict.CONFIRMED:
            out.append(f"  likewise  {self.learner.gauge}")
        if self.reason:
            out.append(f"  why       {self.reason}")
        out += [f"  {line}" for line in self._evidence()]
        out += [f"  note      {note}" for note in (*self.notes, *self.flags[:_SHOWN])]
        if len(self.flags) > _SHOWN:
            out.append(f"  note      and {len(self.flags) - _SHOWN} more of this kind: see --json")
        if self.counterexample is not None:
            out.append("  counterexample")
            out += [f"    {line}" for line in self.counterexample.lines()]
        return out

    def _evidence(self) -> list[str]:
        """One line a rung and verdict; context lengths that ended alike share a line."""
        groups: dict[tuple[str, Verdict, tuple[tuple[str, int], ...]], list[Row]] = {}
        for row in self.rows:
            fixed = tuple((k, v) for k, v in row.sizes.items() if k != "N")
            groups.setdefault((row.rung, row.finding.verdict, fixed), []).append(row)
        lines = []
        for (rung, verdict, fixed), rows in groups.items():
            sizes = " ".join(f"{k}={v}" for k, v in fixed)
            lengths = ", ".join(map(str, sorted(row.sizes["N"] for row in rows if "N" in row.sizes)))
            text = f"{rung:<23} {verdict.value}, {sizes} N={lengths or 'any, by induction'}"
            chances = [row.finding.figures.get("failure probability, log2") for row in rows]
            worst = [float(c) for c in chances if isinstance(c, (int, float))]
            if worst and verdict is Verdict.CONFIRMED:
                text += f"; failure probability at most 2^{max(worst):.1f}"
            figures = rows[0].finding.figures
            if "worst error / bound" in figures and verdict is Verdict.CONFIRMED:
                text += f"; worst error / bound {figures['worst error / bound']}"
            lines.append(text)
        return lines

    def to_json(self) -> dict[str, Any]:
        """The object that `ssmproof audit --json` writes."""
        return {
            "verdict": self.verdict.value,
            "target": self.target,
            "learner": self.learner.id,
            "adapter": self.adapter,
            "parameters": dict(self.parameters),
            "equivalent": [self.learner.gauge] if self.learner.gauge else [],
            "probes": {},
            "reason": self.reason,
            "notes": list(self.notes),
            "flags": list(self.flags),
            "evidence": [
                {
                    "rung": row.rung,
                    "sizes": dict(row.sizes),
                    "verdict": row.finding.verdict.value,
                    "figures": dict(row.finding.figures),
                    "reason": row.finding.reason,
                    "trust": list(row.finding.trust),
                }
                for row in self.rows
            ],
            "counterexample": self.counterexample.to_json() if self.counterexample else None,
        }

    def __str__(self) -> str:
        return "\n".join(self.lines())

    def _repr_markdown_(self) -> str:
        return "```\n" + str(self) + "\n```"


Named = str | Callable[..., Any]
"""A target or an adapter: text, as on the command line, or the callable itself."""


@overload
def audit(
    target: Named,
    against: str = ...,
    adapter: Named | None = ...,
    gates: Mapping[str, str] | None = ...,
    settings: Settings = ...,
    sizes: Mapping[str, int] | None = ...,
) -> Audit: ...


@overload
def audit(
    target: Named,
    against: None,
    adapter: Named | None = ...,
    gates: Mapping[str, str] | None = ...,
    settings: Settings = ...,
    sizes: Mapping[str, int] | None = ...,
) -> Identification: ...


def audit(
    target: Named,
    against: str | None = "gd",
    adapter: Named | None = None,
    gates: Mapping[str, str] | None = None,
    settings: Settings = Settings(),  # noqa: B008 (frozen)
    sizes: Mapping[str, int] | None = None,
) -> Audit | Identification:
    """Compare the layer `target` with the learner `against` on the exact and the sampled rung; None: identify it.

    target, adapter: see `proofs.target` and `proofs.adapters`. gates: by name, values of the target's named arguments
    and of the learner's parameters: a number, an expression in the learner's parameters and N, f, m (see
    `proofs.gates`), or `free` (an indeterminate); `readout`: the factor between the learner's prediction and the
    target's. sizes: some of f, m, N, to fix them. Raises TargetError for wrong usage.
    """
    if against is None:
        from proofs.identify import identify

        return identify(target, adapter, gates, settings, sizes)
    loaded = load(target)
    chosen = learner(against)
    adapted = adapt(loaded, adapter)
    case = Case(loaded.text, adapted, chosen, gates or {})
    case.notes += loaded.notes
    at = case.preflight(dict(sizes or {}), Entropy(settings.seed if settings.seed is not None else 0))
    fixed = sizes is not None and "N" in sizes
    entropy = Entropy(settings.seed)
    rows: list[Row] = []
    left_out: list[int] = []
    for k, length in enumerate((at["N"],) if fixed else (at["N"], *CONTEXTS)):
        here = {**at, "N": length}
        if k and not case.admits(here):
            left_out.append(length)
            continue
        finding = _exact(case, here, entropy.child(k), settings.target_log2)
        rows.append(Row("exact", here, finding))
        if finding.verdict is not Verdict.CONFIRMED:
            break
    if left_out:
        case.notes.append(f"it fails on contexts of {', '.join(map(str, left_out))} tokens, which were left out")
    if not fixed and all(row.finding.verdict is Verdict.CONFIRMED for row in rows):
        induction = every_length(case, at, entropy.child("every N"), settings.target_log2)
        if induction is not None:
            rows.append(Row(EVERY_LENGTH, {k: n for k, n in at.items() if k != "N"}, induction))
    rows += _floats(case, at, entropy.child("sampled"), rows)
    verdict, reason = _judge(rows)
    if verdict is Verdict.REFUTED:
        case.notes += hints(case, loaded, adapter, gates or {}, at)
    return Audit(loaded.text, chosen, adapted.text, verdict, reason, tuple(rows), case.described(at), tuple(case.notes))


def _judge(rows: list[Row]) -> tuple[Verdict, str]:
    """The exact rung decides where it can; floats only where the code leaves rational functions."""
    exact = [r.finding for r in rows if r.rung == "exact"]
    floats = [r for r in rows if r.rung.startswith("sampled")]
    worst = next((f for f in exact if f.verdict is not Verdict.CONFIRMED), None)
    refuted = next((r.finding for r in floats if r.finding.verdict is Verdict.REFUTED), None)
    if worst is not None:
        if worst.verdict is Verdict.UNDECIDED and refuted is not None:
            return Verdict.REFUTED, f"{refuted.reason} ({worst.reason})"
        if worst.verdict is Verdict.UNDECIDED and rows[-1].rung == "sampled, balls":
            return rows[-1].finding.verdict, f"{rows[-1].finding.reason} ({worst.reason})"
        if worst.verdict is Verdict.REFUTED and floats and floats[-1].finding.verdict is Verdict.CONFIRMED:
            precision = floats[-1].rung.removeprefix("sampled, ")
            return worst.verdict, (
                f"{worst.reason}; but they agree within the {precision} rounding bound, as they would if constants of the "
                "code are rounded"
            )
        return worst.verdict, worst.reason
    every = next((r.finding for r in rows if r.rung == EVERY_LENGTH), None)
    lengths = ", ".join(map(str, sorted(r.sizes["N"] for r in rows if r.rung == "exact")))
    same = f"the same rational function of all inputs, for {'every N by induction' if every else f'N = {lengths}'}"
    if refuted is None:
        off = next((r.finding for r in floats if r.finding.verdict is not Verdict.CONFIRMED), None)
        return Verdict.CONFIRMED, same + (
            f"; in floats: {off.reason}" if off else ", and within the rounding bound in floats"
        )
    if floats[-1].finding.verdict is Verdict.CONFIRMED and any(f.flags for f in exact):
        return (
            Verdict.CONFIRMED,
            f"{same}; it computes in float32 inside (see the notes), within the float32 rounding bound",
        )
    lifted = any("lifted" in r.rung and r.finding.verdict is Verdict.CONFIRMED for r in floats)
    where = (
        "within the rounding bound with its casts to float32 lifted, but not as it is"
        if lifted
        else "but not in float64"
    )
    return Verdict.CONFIRMED, f"{same}; {where}: {refuted.reason}"


def _exact(case: Case, sizes: Sizes, entropy: Entropy, target_log2: float) -> Finding:
    """The exact rung at these sizes."""
    try:
        case.infer(sizes)
        return exact_identity.decide(
            case.layer,
            case.smaller(case.learner),
            case.shapes,
            sizes,
            entropy=entropy,
            target_log2=target_log2,
            names=NAMES,
            admits=case.admits,
        )
    except (WrongResult, RuntimeError, TypeError, ValueError) as error:
        return Finding(Verdict.UNDECIDED, reason=f"on exact numbers the target raised {type(error).__name__}: {error}")


def _floats(case: Case, sizes: Sizes, entropy: Entropy, exact: list[Row]) -> list[Row]:
    """The sampled rung on torch: float64; if the code rounds to float32, float64 with its casts lifted, and float32.

    Where no bound exists: enclosures, or else the change of precision.
    """
    generator = entropy.generator()
    draws = [dict(strategies.draw("gaussian", sizes, case.shapes, generator, positive=case.positive)) for _ in range(4)]

    def row(dtype: str, lifted: bool) -> Row:
        case.lifted = lifted
        finding = float_identity.decide(
            case.layer,
            case.learner,
            draws,
            dtype=dtype,
            names=NAMES,
            shapes=case.shapes,
            entropy=entropy,
            shrinking=False,
        )
        case.lifted = False
        return Row(f"sampled, {dtype}{' lifted' if lifted else ''}", sizes, finding)

    rows = [row("float64", case.needs_lift)]
    casts = any("float32" in flag for flag in (*rows[0].finding.flags, *exact[-1].finding.flags))
    if rows[0].finding.verdict is Verdict.REFUTED and casts:
        rows.append(row("float64", True))
        if rows[-1].finding.verdict is not Verdict.REFUTED:
            rows.append(row("float32", False))
    if exact[-1].finding.verdict is Verdict.UNDECIDED and rows[0].finding.verdict is Verdict.UNDECIDED:
        enclosed = _balls(case, sizes)
        if enclosed is not None:
            return [*rows, Row("sampled, balls", sizes, enclosed)]
        change = _change_of_precision(case, draws)
        if change is not None:
            rows.append(Row("sampled", sizes, change))
    return rows


def _balls(case: Case, sizes: Sizes) -> Finding | None:
    """Both sides at rational points, enclosed to about 70 digits; None where the code does not run on balls.

    Balls that do not meet refute. Balls that meet, at more points than one length has, agree to the digits stated,
    which is no proof.
    """
    from numeric.balls import BITS

    apart: list[float] = []
    off: list[float] = []
    tried: list[int] = []
    for length in (sizes["N"], *CONTEXTS):
        here = {**sizes, "N": length}
        if length != sizes["N"] and not case.admits(here):
            continue
        tried.append(length)
        for salt in range(_POINTS):
            point = _point(case, here, salt)
            found = _enclosed(case, point)
            if found is None:
                return None
            left, right = found
            for a, b in zip(left, right, strict=True):
                if not a.overlaps(b):
                    return _refuted_by_balls(case, here)
                apart.append(float(abs(a - b).upper()) / max(1e-300, float(abs(b).upper())))
            off.append(_rounding(case, point, left))
    worst, lengths = max(2.0**-1000, *apart), ", ".join(map(str, sorted(tried)))
    if not worst < 2.0 ** (-BITS // 2):
        return Finding(Verdict.UNDECIDED, reason=f"balls of {BITS} bits are too wide here: {worst:.1g} relative")
    return Finding(
        Verdict.CONFIRMED,
        reason=f"equal to {-math.log10(worst):.0f} digits at {_POINTS} rational points for N = {lengths}: "
        f"sampled, no proof; a float64 run of the layer is off by up to {max(off):.1g} of the largest entry",
        figures={
            "digits": math.floor(-math.log10(worst)),
            "outputs compared": len(apart),
            "float64 run, relative error": float(f"{max(off):.2g}"),
        },
        trust=("Arb's enclosures", f"{_POINTS} points a length stand for all"),
    )


def _rounding(case: Case, point: Mapping[str, np.ndarray], enclosed: Any) -> float:
    """How far the layer's float64 run at the point is from its enclosure, relative to the largest entry."""
    floats = {n: torch.tensor(np.asarray(a, dtype=np.float64)) for n, a in point.items()}
    with torch.no_grad():
        run = case.layer(**floats).tolist()
    size = max(abs(float(v.mid())) for v in enclosed) or 1.0
    return max(abs(float((v - x).mid())) for v, x in zip(enclosed, run, strict=True)) / size


def _enclosed(case: Case, point: Mapping[str, np.ndarray]) -> tuple[Any, Any] | None:
    """Both sides at a rational point as arrays of balls."""
    from numeric.balls import evaluate

    try:
        return tuple(evaluate(case.smaller(p), point)[0].reshape(-1) for p in (case.layer, case.learner))  # type: ignore[return-value]
    except Exception:  # an operation without a rule, or what the target raises on such tensors
        return None


def _point(case: Case, sizes: Sizes, salt: int, whole: bool = False) -> dict[str, np.ndarray]:
    from numeric.box import generic

    point = {}
    for k, (name, shape) in enumerate(concrete(case.shapes, sizes).items()):
        values = generic(shape, 100 * salt + 7 * k + sizes["N"])
        if name in case.positive:  # decays and rates between 0 and 1
            values = np.vectorize(lambda v: abs(v) / 2, otypes=[object])(values)
        elif whole:
            values = np.vectorize(lambda v: Fraction(round(v) or 1), otypes=[object])(values)
        point[name] = values
    return point


def _refuted_by_balls(case: Case, sizes: Sizes) -> Finding:
    """The refutation with a point of the smallest sizes at which the balls do not meet."""
    for here in smaller(sizes):
        if not case.admits(here):
            continue
        for salt in range(2):
            point = _point(case, here, salt, whole=True)
            found = _enclosed(case, point)
            if found is not None and any(not a.overlaps(b) for a, b in zip(*found, strict=True)):
                left, right = ([f"{float(v.mid()):.17g}" for v in side] for side in found)
                inputs = {name: text(array) for name, array in point.items()}
                return Finding(
                    Verdict.REFUTED,
                    reason="the sides differ at a rational point, enclosed in balls that do not meet",
                    trust=("Arb's enclosures",),
                    counterexample=Counterexample(here, inputs, left, right, *NAMES, note="values to 17 digits"),
                )
    return Finding(Verdict.REFUTED, reason="the sides lie in balls that do not meet", trust=("Arb's enclosures",))


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
    if not min(ratios) > _FAR:
        return None
    return Finding(
        Verdict.REFUTED,
        reason=f"on {len(ratios)} of {len(ratios)} draws layer and learner differ by at least {min(ratios):.0f} times what "
        "a change from float32 to float64 changes in the layer",
        figures={"least difference / change of precision": round(min(ratios), 1)},
        trust=("the float64 run is not further from the exact value than from the float32 run",),
    )
