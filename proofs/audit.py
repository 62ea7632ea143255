"""The audit: does somebody else's layer run the named learner, exactly? With which step size, and where does it depart?

The target runs unmodified, in float64 and on exact numbers; the learner is a loss and autograd in the same arithmetic.
"""

from __future__ import annotations

import math
import re
import shlex
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
from proofs.case import Case, raised
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
FAR = 33
"""A longer one: some codes change their ways there (chunks, windows)."""
SHORT = 3
"""The context length at other f and m."""
OTHER = (((3, 3), (4, 4)), ((2, 4), (4, 6)), ((1, 1),))
"""Further (f, m), f equal to m and below it; the second of a pair where f**0.5 is rounded at the first."""
_POINTS = 5
"""Rational points a length where only enclosures decide."""
_FAR = 1000.0
"""How many times the change of precision a difference has to be before it refutes; a true identity gives about 2^-29."""
NAMES = ("layer", "learner")
_ROWS = 12
"""How many rows of an input are printed."""
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
    """The answer about one target.

    parameters: the step size and gates it holds with. options: what repeats the audit on the command line.
    """

    target: str
    learner: Learner
    adapter: str
    verdict: Verdict
    reason: str
    rows: tuple[Row, ...]
    parameters: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    options: str = ""

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
            out += [f"    {line}" for line in self._pasted(self.counterexample)]
        return out

    def _pasted(self, found: Counterexample) -> list[str]:
        """The counterexample's lines; shapes only where it is too long for a screen."""
        long = {n: np.shape(v) for n, v in found.inputs.items() if len(v) > _ROWS or np.size(v) > 4 * _ROWS}
        if not long:
            return found.lines()
        shapes = ", ".join(f"{n} {shape}" for n, shape in long.items())
        return [f"of {shapes}: too long to print", f"ssmproof audit {self.target} {self.options} --json -"]

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
    fixed = dict(sizes or {})
    at = case.preflight(fixed, Entropy(settings.seed if settings.seed is not None else 0))
    entropy = Entropy(settings.seed)
    rows = _lengths(case, at, fixed, entropy, settings.target_log2)
    rounded = case.rounded() if rows[-1].finding.verdict is Verdict.REFUTED else None
    if rounded is not None:
        again = _lengths(rounded, at, fixed, entropy.child("rounded gates"), settings.target_log2)
        if again[-1].finding.verdict is Verdict.CONFIRMED:
            case, rows = rounded, again
    if rows[-1].finding.verdict is Verdict.CONFIRMED:
        induction = None if "N" in fixed else every_length(case, at, entropy.child("every N"), settings.target_log2)
        if induction is not None:
            rows.append(Row(EVERY_LENGTH, {k: n for k, n in at.items() if k != "N"}, induction))
        if not {"f", "m"} & set(fixed):
            rows += _widths(case, at, fixed, entropy.child("f and m"), settings.target_log2)
    rows += _floats(case, _refuted_at(rows) or at, entropy.child("sampled"), rows)
    verdict, reason = _judge(rows)
    if verdict is Verdict.REFUTED:
        case.notes += hints(case, loaded, adapter, gates or {}, at)
    elif verdict is Verdict.UNDECIDED and _refuted_at(rows) is not None:
        alone = [f"--gate {name}={case.gates[name]}" for name in chosen.names if case.given(name)]
        if alone:
            case.note(f"without {' '.join(alone)} it is inferred, as the code rounds it")
    widths = [r.sizes for r in rows if r.rung == "exact" and any(r.sizes[k] != at[k] for k in ("f", "m"))]
    if verdict is Verdict.REFUTED and widths:
        case.note(f"at f={at['f']}, m={at['m']} no difference was seen: see --size f={at['f']} --size m={at['m']}")
    parameters = case.described(at, widths)
    given = _options(against, adapter, gates, sizes)
    return Audit(loaded.text, chosen, adapted.text, verdict, reason, tuple(rows), parameters, tuple(case.notes), given)


def _options(
    against: str, adapter: Named | None, gates: Mapping[str, str] | None, sizes: Mapping[str, int] | None
) -> str:
    """The audit's options as on the command line."""
    words = [f"--against {against}", *([f"--adapter {adapter}"] if isinstance(adapter, str) else [])]
    words += [f"--gate {shlex.quote(f'{name}={value}')}" for name, value in (gates or {}).items()]
    return " ".join([*words, *(f"--size {name}={size}" for name, size in (sizes or {}).items())])


def _lengths(case: Case, at: Sizes, fixed: Sizes, entropy: Entropy, target_log2: float) -> list[Row]:
    """The exact rung at one context length after the other, up to the first that does not confirm."""
    rows: list[Row] = []
    left_out: list[int] = []
    for k, length in enumerate((at["N"],) if "N" in fixed else (at["N"], *CONTEXTS, FAR)):
        here = {**at, "N": length}
        if k and (length in (at["N"], *left_out) or not case.admits(here)):
            left_out.append(length)
            continue
        finding = _exact(case, here, entropy.child(k), target_log2)
        if length == FAR and finding.verdict is Verdict.UNDECIDED:
            finding = _sampled(case, here, entropy.child("far"))
            if finding.verdict is not Verdict.CONFIRMED:
                left_out.append(length)
                continue
            rows.append(Row("sampled, float64", here, finding))
            rows.insert(0, rows.pop())  # the last row is the exact one that decides
            continue
        rows.append(Row("exact", here, finding))
        if finding.verdict is not Verdict.CONFIRMED:
            break
    left_out = [n for n in left_out if n != at["N"]]
    if left_out:
        case.note(
            f"contexts of {', '.join(map(str, left_out))} tokens were left out: it does not run, or is not decided, there"
        )
    return rows


def _widths(case: Case, at: Sizes, fixed: Sizes, entropy: Entropy, target_log2: float) -> list[Row]:
    """The exact rung at other f and m, in a short context, where the target takes them; up to the first refutation.

    A refutation that floats do not see is left to other sizes: the square root of f is a rounded constant at some.
    """
    rows: list[Row] = []
    left_out: list[str] = []
    for k, tries in enumerate(OTHER):
        for f, m in tries:
            here = {"f": f, "m": m, "N": fixed.get("N", SHORT)}
            if (f, m) == (at["f"], at["m"]):
                continue
            if not case.admits_at_width(here, at):
                left_out.append(f"({f}, {m})")
                continue
            child = entropy.child(10 * k + f)
            finding = _exact(case, here, child, target_log2)
            if finding.verdict is Verdict.REFUTED and case.inference.refitted(here):
                finding = _exact(case, here, child, target_log2)
            if finding.verdict is Verdict.REFUTED and (f, m) != tries[-1] and _agrees(case, here, finding, child):
                left_out.append(f"({f}, {m})")
                continue
            rows.append(Row("exact", here, finding))
            break
        if rows and rows[-1].finding.verdict is Verdict.REFUTED:
            break
    if left_out:
        case.note(f"(f, m) = {', '.join(left_out)} were left out: it does not run, or rounds constants, there")
    return [row for row in rows if row.finding.verdict is not Verdict.UNDECIDED]


def _refuted_at(rows: list[Row]) -> Sizes | None:
    """The sizes of the exact refutation."""
    return next((r.sizes for r in rows if r.rung == "exact" and r.finding.verdict is Verdict.REFUTED), None)


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
        there = floats[-1] if floats and floats[-1].sizes == _refuted_at(rows) else None
        if worst.verdict is Verdict.REFUTED and there and there.finding.verdict is Verdict.CONFIRMED:
            precision = there.rung.removeprefix("sampled, ")
            why = (
                f"they agree within the {precision} rounding bound, as they would if constants of the code are rounded"
            )
            if precision == "float64" and _rounds(worst):
                return Verdict.UNDECIDED, f"{worst.reason}; but {why}; not proved"
            return worst.verdict, f"{worst.reason}; but {why}"
        return worst.verdict, worst.reason
    every = next((r.finding for r in rows if r.rung == EVERY_LENGTH), None)
    same = f"the same rational function of all inputs, {_where(rows, every is not None)}"
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


def _where(rows: list[Row], every: bool) -> str:
    """The sizes at which the exact rung confirmed, in words."""
    exact = [r.sizes for r in rows if r.rung == "exact"]
    first = (exact[0]["f"], exact[0]["m"])
    lengths = sorted(s["N"] for s in exact if (s["f"], s["m"]) == first)
    more = [s for s in exact if (s["f"], s["m"]) != first]
    widths = ", ".join(f"({s['f']}, {s['m']})" for s in more)
    text = f"at (f, m) = {first} for "
    text += "every N by induction" if every else f"N = {', '.join(map(str, lengths))}"
    text += f", and at {widths} for N = {more[0]['N']}" if more else ""
    return text if every else f"{text}; checked up to N = {lengths[-1]}"


def _rounds(finding: Finding) -> bool:
    """Whether the layer computes with a constant that is rounded: none of few binary digits."""
    held = [re.search(r"^layer: constant (\S+) ", flag) for flag in finding.flags]
    return any(found is not None and not _short(found[1]) for found in held)


def _short(text: str) -> bool:
    try:
        return Fraction(float(text)).denominator <= 2**10
    except (ValueError, OverflowError):  # an array: its numbers are not known
        return False


def _agrees(case: Case, sizes: Sizes, finding: Finding, entropy: Entropy) -> bool:
    """Whether a refutation is about rounded constants: float64 runs, casts lifted, agree within their bound."""
    case.lifted = any("float32" in flag for flag in finding.flags)
    agreed = _rounds(finding) and _sampled(case, sizes, entropy, finding).verdict is Verdict.CONFIRMED
    case.lifted = False
    return agreed


def _sampled(case: Case, sizes: Sizes, entropy: Entropy, exact: Finding | None = None) -> Finding:
    """The float64 rung at these sizes, and at the counterexample of the exact one."""
    return float_identity.decide(
        case.layer,
        case.learner,
        _draws(case, sizes, entropy, exact),
        dtype="float64",
        names=NAMES,
        shapes=case.shapes,
        entropy=entropy,
        shrinking=False,
    )


def _draws(case: Case, sizes: Sizes, entropy: Entropy, exact: Finding | None) -> list[dict[str, np.ndarray]]:
    """Four Gaussian draws, and the point at which the exact rung saw a difference, if it did."""
    generator = entropy.generator()
    draws = [dict(strategies.draw("gaussian", sizes, case.shapes, generator, positive=case.positive)) for _ in range(4)]
    found = exact.counterexample if exact is not None else None
    if found is not None and (not case.inference.names or found.sizes == sizes):  # else its numbers are other ones
        inputs = found.inputs
        draws.append({n: np.vectorize(_float, otypes=[float])(np.array(v, dtype=object)) for n, v in inputs.items()})
    return draws


def _float(text: Any) -> float:
    return float(Fraction(text))


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
        return Finding(Verdict.UNDECIDED, reason=f"on exact numbers the target {raised(error)}")


def _floats(case: Case, sizes: Sizes, entropy: Entropy, exact: list[Row]) -> list[Row]:
    """The sampled rung on torch: float64; if the code rounds to float32, float64 with its casts lifted, and float32.

    Where no bound exists: enclosures, or else the change of precision.
    """
    seen = next((r.finding for r in exact if r.rung == "exact" and r.finding.verdict is Verdict.REFUTED), None)
    draws = _draws(case, sizes, entropy, seen)

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
