"""Identifying the learner that a layer runs, without a name given: probes, fits, and then proof where proof is possible.

Main definition: `identify`. A fit is only a guess; what is confirmed was verified on inputs that no fit saw, at other
context lengths, exactly where the layer's code is rational and on balls of 256 bits where it is not.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

import flint
import numpy as np
import torch

from constructions.learners import Class, Domain, Learner, library
from numeric import exact_identity
from numeric.balls import BITS, ball
from numeric.box import Arithmetic, Box, Undefined, as_floats, generic
from numeric.entropy import Entropy
from numeric.finding import Counterexample, Figure, Finding, Verdict
from numeric.interpreter import Refused
from numeric.probes import Probe, ask, broken
from numeric.programs import Sizes, WrongResult
from proofs import fit
from proofs.adapters import Adapter, adapt
from proofs.audit import CONTEXTS, Audit, Row, audit
from proofs.case import INDETERMINATE, Case
from proofs.evidence import Settings
from proofs.fit import Data, Miss, Model, Solution
from proofs.identification import Identification, Role, shown, sources
from proofs.learners import learner
from proofs.target import Target, TargetError, load

GATES = ("1/2", "3/4", "5/8", "3/8", "7/8", "1/4")
"""Values given to a layer's gates while its learner is unknown, in the order of its arguments."""
FRESH = "9/16"
"""Another value, to see which of the learner's numbers a gate moves."""
FAR = 33
"""A context length beyond all fits, checked at one point: some codes change their ways there (chunks, windows)."""
BIASED = 2.0**-10
"""Relative residual up to which the learner is named although it is not what the layer computes."""
_BALL_BITS = 160
"""Bits of agreement that a comparison of balls has to show."""
_MOST = 3
"""Largest number of fitted numbers that the search goes up to, beside matrices and numbers by channel."""

_NOTHING = Learner("none", "no learner", "", "", lambda X, Y, x_q, W0: W0 @ x_q, (), start=False)
"""Stands in a case for the learner that is not known yet."""


def identify(
    target: str,
    adapter: str | None = None,
    gates: Mapping[str, str] | None = None,
    settings: Settings = Settings(),  # noqa: B008 (frozen)
    sizes: Mapping[str, int] | None = None,
) -> Identification:
    """Which learner of the library the layer `target` runs from W0 = 0, with which numbers, and how sure that is.

    target, adapter, gates, sizes: as for `proofs.audit.audit`; a gate that is needed and not given is set to several
    values. Raises TargetError for wrong usage.
    """
    loaded = load(target)
    layer = _Layer(target, loaded, adapt(loaded, adapter), dict(gates or {}))
    at = layer.case.preflight(dict(sizes or {}), Entropy(settings.seed if settings.seed is not None else 0))
    box = Box(layer.case.layer, at["f"], at["m"])
    probes = ask(box)
    data = Data(box)
    search = _search(box, data, probes, at)
    answer = _Answer(layer, adapter, settings, at, box, data, probes, search)
    return answer.found() if search.solution is not None else answer.none()


class _Layer:
    """The target with its gates: those given, and values chosen for the ones it needs."""

    def __init__(self, text: str, loaded: Target, adapted: Adapter, gates: dict[str, str]) -> None:
        self.text, self.loaded, self.adapter = text, loaded, adapted
        self.given = {name: value for name, value in gates.items() if value != INDETERMINATE}
        needed = [n for n in adapted.required if n not in self.given and n != "W0"]
        needed += [n for n in gates if n not in self.given and n not in needed]
        self.chosen = dict(zip(needed, GATES, strict=False))
        if len(needed) > len(GATES):
            raise TargetError(
                f"{text} needs {len(needed)} gates: give values to some of {', '.join(needed)} with --gate"
            )
        self.case = self.with_gates({})

    def with_gates(self, other: Mapping[str, str]) -> Case:
        """The case with other values for some of the chosen gates."""
        return Case(self.text, self.adapter, _NOTHING, {**self.given, **self.chosen, **other})


@dataclass
class _Search:
    """What the fits found: the simplest solution, others as simple, and the misses, nearest first."""

    solution: Solution | None = None
    equals: list[Solution] = field(default_factory=list)
    misses: list[Miss] = field(default_factory=list)
    excluded: dict[str, Probe] = field(default_factory=dict)
    left: list[Model] = field(default_factory=list)


def _search(box: Box, data: Data, probes: Sequence[Probe], at: Sizes) -> _Search:
    """Models in order of simplicity, those that a probe rules out left aside, until one fits; then the ones as simple."""
    by_id = {p.id: p for p in probes}
    slope = _slope(probes)
    unit = (_nearly(by_id.get("P7x")), _nearly(by_id.get("P7q")))
    found = _Search()
    cheap = [m for m in fit.models(library(), at["f"], at["m"], unit) if _size(m) <= _MOST]
    for model in cheap:
        if found.solution is not None and model.complexity > found.solution.model.complexity:
            break
        reason = _ruled_out(model, box, probes)
        if reason is not None:
            found.excluded.setdefault(model.learner.id, reason)
            continue
        result = fit.fit(model, data, slope)
        if isinstance(result, Miss):
            found.misses.append(result)
        else:
            found.equals.append(result)
            found.solution = result
    if found.equals:
        found.equals.sort(key=lambda solution: solution.rank)
        found.solution = found.equals.pop(0)
    found.misses.sort(key=lambda miss: (miss.N == fit.ONE, miss.residual, miss.model.complexity))
    return found


def _slope(probes: Sequence[Probe]) -> float:
    """The response to one token, where fits of step sizes begin."""
    found = next((p.figures.get("step size times readout scale") for p in probes if p.id == "P11"), None)
    return found if isinstance(found, float) else 0.0


def _size(model: Model) -> int:
    """How many parameters are fitted, a vector or matrix counting once."""
    return len(model.slots) + model.readout + sum(v != 1 for _, v in model.learner.values)


def _nearly(probe: Probe | None) -> bool:
    if probe is None:
        return False
    gap = probe.figures.get("gap")
    return isinstance(gap, float) and gap < BIASED


def _ruled_out(model: Model, box: Box, probes: Sequence[Probe]) -> Probe | None:
    """A probe whose answer no numbers of the model can give."""
    degree = next((p for p in probes if p.id == "P8"), None)
    plain = not (model.unit_inputs or model.unit_query)
    if degree is not None and plain and degree.holds is not None:
        smooth = model.learner.kind is Class.POLYNOMIAL
        varies = bool(degree.figures.get("degree"))  # a polynomial of degree 0 may be a smoother whose scale is 0
        if smooth is not degree.holds and (varies or not degree.holds):
            near = box.arithmetic is Arithmetic.BALLS or model.learner.kind is Class.POLYNOMIAL
            if not (smooth and near and _maybe_epsilon(probes)):
                return degree
    numbers = [
        {"positive": 0.4, "between 0 and 1": 0.7}.get(d.value, 0.3) + k / 16 for k, d in enumerate(model.domains)
    ]
    theta = torch.tensor(numbers, dtype=torch.float64)

    def program(X: Any, Y: Any, x_q: Any) -> Any:
        return model(X, Y, x_q, theta)

    return broken(Box(program, box.f, box.m, Arithmetic.FLOAT), probes)


def _maybe_epsilon(probes: Sequence[Probe]) -> bool:
    """Whether an equality holds but for an epsilon, so that degrees say nothing about the family."""
    gaps = [p.figures.get("gap") for p in probes]
    return any(isinstance(gap, float) and 0 < gap < BIASED for gap in gaps)


@dataclass(frozen=True)
class _Answer:
    """The evidence for what a search found, put into an `Identification`."""

    layer: _Layer
    adapter: str | None
    settings: Settings
    at: Sizes
    box: Box
    data: Data
    probes: tuple[Probe, ...]
    search: _Search

    @property
    def slope(self) -> float:
        """The response to one token."""
        return _slope(self.probes)

    # --- a learner fits ------------------------------------------------------------------------------------------

    def found(self) -> Identification:
        """The solution, verified; if that fails, no match."""
        solution = self.search.solution
        assert solution is not None
        roles, values = self._roles(solution)
        rows, verified = self._verified(solution, roles)
        far = self._far(solution)
        if far is not None:
            rows.append(far)
        broke = next((r for r in rows if r.finding.verdict is Verdict.REFUTED), None)
        if broke is not None:
            miss = Miss(
                solution.model, math.nan, broke.sizes.get("N", 0), f"fits, but breaks at N = {broke.sizes['N']}"
            )
            return self.none(miss, rows)
        verdict, reason = self._judge(rows)
        same = [s for s in self.search.equals if self._agrees(s)]
        return self._made(
            verdict,
            reason,
            solution.model,
            rows,
            parameters=values,
            roles=roles,
            equivalent=tuple(self._named(s) for s in same if not s.model.wide),
            supersets=(
                *self._supersets(solution),
                *(f"{s.model.learner.id} with one number for all channels" for s in same if s.model.wide),
            ),
            start=verified.parameters.get("W0", "0") if verified is not None else "0",
            every=tuple(f"{n}: {t}" for n, t in verified.parameters.items() if "any number" in t) if verified else (),
        )

    def _judge(self, rows: Sequence[Row]) -> tuple[Verdict, str]:
        exact = [r for r in rows if r.rung.startswith("exact")]
        unsure = next((r for r in rows if r.finding.verdict is not Verdict.CONFIRMED), None)
        if exact and all(r.finding.verdict is Verdict.CONFIRMED for r in exact):
            return Verdict.CONFIRMED, "the same rational function of all inputs"
        sampled = [r for r in rows if r.finding.verdict is Verdict.CONFIRMED and "digits agreed" in r.finding.figures]
        if unsure is None and sampled:
            least = [d for r in sampled if isinstance(d := r.finding.figures["digits agreed"], int)]
            digits = f"to {min(least)} digits" if least else "exactly"
            return Verdict.CONFIRMED, (
                f"the same {digits} at every point drawn, for contexts up to {FAR} tokens; sampled, not a proof "
                f"for all inputs ({_short(self.box.refused)})"
            )
        said = unsure.finding.reason if unsure is not None else "no rung decides"
        return Verdict.UNDECIDED, f"agrees within rounding at every point drawn; not a proof ({said})"

    def _verified(self, solution: Solution, roles: Sequence[Role]) -> tuple[list[Row], Audit | None]:
        """Rows on fresh data, and the audit with gates and rates as indeterminates where the learner can be so called."""
        whole = self._audited(solution, roles)
        if whole is not None and whole.verdict is Verdict.CONFIRMED:
            return list(whole.rows), whole
        if self.box.arithmetic is Arithmetic.EXACT and _rational(solution.numbers):
            return self._exact_rows(solution), None
        if self.box.arithmetic is Arithmetic.FLOAT or not solution.exact:
            return [self._float_row(solution)], None
        return [self._ball_row(solution, N) for N in (fit.LONG, *CONTEXTS, 12)], None

    def _exact_rows(self, solution: Solution) -> list[Row]:
        rows = []
        entropy = Entropy(self.settings.seed).child("identify")
        shapes = {"X": ("N", self.at["f"]), "Y": ("N", self.at["m"]), "x_q": (self.at["f"],)}
        for N in (fit.LONG, *CONTEXTS):
            numbers = solution.at(N, self.data)
            here = {"f": self.at["f"], "m": self.at["m"], "N": N}
            if numbers is None or not _rational(numbers):
                rows.append(Row("exact", here, Finding(Verdict.REFUTED, reason=f"no numbers fit at N = {N}")))
                break
            try:
                finding = exact_identity.decide(
                    self.layer.case.layer,
                    solution.model.at(numbers),
                    shapes,
                    {"N": N},
                    entropy=entropy.child(N),
                    target_log2=self.settings.target_log2,
                    names=("layer", "learner"),
                )
            except (WrongResult, RuntimeError, TypeError, ValueError) as error:
                finding = Finding(Verdict.UNDECIDED, reason=f"the target raised {type(error).__name__}: {error}")
            if finding.verdict is Verdict.UNDECIDED:
                rows.append(self._ball_row(solution, N))
            else:
                rows.append(Row("exact", here, finding))
            if rows[-1].finding.verdict is Verdict.REFUTED:
                break
        return rows

    def _ball_row(self, solution: Solution, N: int) -> Row:
        """Layer and learner at two fresh points, on balls or rational numbers."""
        here = {"f": self.at["f"], "m": self.at["m"], "N": N}
        least, gap = math.inf, 0.0
        try:
            numbers = solution.at(N, self.data)
            if numbers is None:
                return Row("sampled", here, Finding(Verdict.REFUTED, reason=f"no numbers fit at N = {N}"))
            other = _learner_box(solution.model, numbers, self.box)
            for draw in range(2):
                point = fresh(N, self.at["f"], self.at["m"], draw)
                bits, apart = _agreement(self.box(*point), other(*point))
                least, gap = min(least, bits), max(gap, apart)
        except Undefined as error:
            return Row("sampled", here, Finding(Verdict.UNDECIDED, reason=str(error)))
        figures = {
            "digits agreed": int(min(least, BITS) * math.log10(2)),
            "points": 2,
            "arithmetic": str(self.box.arithmetic),
        }
        if gap:
            reason = f"they differ by a relative {gap:.2g}"
            return Row("sampled", here, Finding(Verdict.REFUTED, reason=reason, figures=figures))
        if least < _BALL_BITS:
            reason = f"only {figures['digits agreed']} digits could be compared"
            return Row("sampled", here, Finding(Verdict.UNDECIDED, reason=reason, figures=figures))
        trust = ("ball arithmetic (Arb), and the rules in numeric/balls.py",)
        return Row("sampled", here, Finding(Verdict.CONFIRMED, figures=figures, trust=trust))

    def _float_row(self, solution: Solution) -> Row:
        """Only float64 runs: agreement to half of the digits at fresh points, which confirms nothing."""
        worst = 0.0
        for N in (fit.LONG, *CONTEXTS):
            other = _learner_box(solution.model, solution.guess(N), self.box)
            for draw in range(3):
                point = fresh(N, self.at["f"], self.at["m"], draw)
                worst = max(worst, self.box.gap(self.box(*point), other(*point)))
        here = {"f": self.at["f"], "m": self.at["m"], "N": max(CONTEXTS)}
        if worst:
            reason = f"in float64 they differ by a relative {worst:.2g}"
            return Row("sampled, float64", here, Finding(Verdict.REFUTED, reason=reason))
        reason = f"the code runs in float64 only: {_short(self.box.refused)}"
        return Row("sampled, float64", here, Finding(Verdict.UNDECIDED, reason=reason))

    def _far(self, solution: Solution) -> Row | None:
        """One point with many tokens."""
        here = {"f": self.at["f"], "m": self.at["m"], "N": FAR}
        try:
            numbers = solution.at(FAR, self.data)
            if numbers is None:
                return Row("one long context", here, Finding(Verdict.REFUTED, reason=f"no numbers fit at N = {FAR}"))
            X, Y, q = fresh(FAR, self.at["f"], self.at["m"], 0)
            point = (X / 4, Y, q)
            bits, gap = _agreement(self.box(*point), _learner_box(solution.model, numbers, self.box)(*point))
        except Undefined:
            return None
        figures: dict[str, Figure] = {"digits agreed": _digits(bits)}
        if gap and not (self.box.arithmetic is Arithmetic.FLOAT and gap < fit.POLISHED):
            reason = f"with {FAR} tokens they differ by a relative {gap:.2g}"
            return Row("one long context", here, Finding(Verdict.REFUTED, reason=reason))
        if self.box.arithmetic is Arithmetic.FLOAT or bits < _BALL_BITS:
            return None
        return Row("one long context", here, Finding(Verdict.CONFIRMED, figures=figures))

    def _agrees(self, solution: Solution) -> bool:
        return self._ball_row(solution, 9).finding.verdict is Verdict.CONFIRMED

    # --- what gates do -------------------------------------------------------------------------------------------

    def _roles(self, solution: Solution) -> tuple[tuple[Role, ...], dict[str, str]]:
        """For each chosen gate the number that it moves, and how; and each number in words."""
        model = solution.model
        texts = [shown(v, p) for v, p in zip(solution.numbers, solution.powers, strict=True)]
        roles = []
        for gate, value in self.layer.chosen.items():
            case = self.layer.with_gates({gate: FRESH})
            moved = self._again(case, solution)
            if moved is None:
                roles.append(Role(gate, "", "moves more than the learner's numbers", ""))
                continue
            changed = [k for k, (a, b) in enumerate(zip(solution.numbers, moved, strict=True)) if not fit._alike(a, b)]
            if not changed:
                roles.append(Role(gate, "", "changes nothing", value))
                continue
            before = (Fraction(value), Fraction(FRESH))
            for k in changed:
                roles.append(_role(gate, model.names[k], before, (solution.numbers[k], moved[k]), solution.powers[k]))
                if len(changed) == 1 and roles[-1].expression:
                    texts[k] = roles[-1].inverse
        return tuple(roles), dict(zip(model.names, texts, strict=True))

    def _again(self, case: Case, solution: Solution) -> list[Any] | None:
        """The numbers of the same model at other gates, at N = 5."""
        case.axes = dict(self.layer.case.axes)
        data = Data(Box(case.layer, self.at["f"], self.at["m"], self.box.arithmetic))
        begin = as_floats(fit.column(solution.numbers))
        try:
            found = fit.least_squares(
                solution.model, data, fit.LONG, [list(begin), *(list(begin * c) for c in (1.2, 0.8))]
            )
            if found.residual > fit.POLISHED:
                return None
            if self.box.arithmetic is Arithmetic.FLOAT:
                return list(found.theta)
            sharp = fit.polish(solution.model, data, found)
        except (Undefined, WrongResult):
            return None
        return None if sharp is None or sharp[1] > fit._DIGITS else sharp[0]

    def _audited(self, solution: Solution, roles: Sequence[Role]) -> Audit | None:
        """The audit against the learner found, with each gate an expression in the learner's parameters.

        None where the learner, so varied, can't be written as one.
        """
        model = solution.model
        bound = {role.number: role for role in roles if role.expression}
        loose = [n for n, v in zip(model.names, solution.numbers, strict=True) if n not in bound and not _rational([v])]
        if model.unit_inputs or model.unit_query or any(slot.size for slot in model.slots) or loose:
            return None
        gates = dict(self.layer.given)
        gates |= {role.gate: role.expression for role in bound.values()}
        gates |= {gate: value for gate, value in self.layer.chosen.items() if gate not in gates}
        for name, value, power in zip(model.names, solution.numbers, solution.powers, strict=True):
            if name not in bound:
                text = _constant(value, power)
                gates["readout" if name == "readout scale" else name] = text
        gates |= {name: str(value) for name, value in model.pinned.items()}
        try:
            learner(model.learner.id)
            sizes = {"f": self.at["f"], "m": self.at["m"]}
            return audit(self.layer.text, model.learner.id, self.adapter, gates, self.settings, sizes)
        except (TargetError, WrongResult, Refused):
            return None

    # --- what else it is -----------------------------------------------------------------------------------------

    def _supersets(self, solution: Solution) -> Iterator[str]:
        """Learners of the library that become this one at the neutral value of a parameter, each fitted there."""
        values = dict(solution.model.learner.values)
        base = solution.model.learner.id.split(":")[0]
        for other in library().values():
            for name, simpler in other.simpler:
                parameter = next(p for p in other.parameters if p.name == name)
                if simpler != base or parameter.neutral is None:
                    continue
                counts = {p.name: values.get(p.name, p.default) for p in other.parameters if p.domain is Domain.COUNT}
                counts |= {name: parameter.neutral} if parameter.domain is Domain.COUNT else {}
                if any(v is None for v in counts.values()):
                    continue
                filled = other.given(**{n: v for n, v in counts.items() if v is not None}) if counts else other
                pinned = {} if parameter.domain is Domain.COUNT else {name: parameter.neutral}
                slots = tuple(fit.Slot(p) for p in filled.parameters if p.name not in pinned)
                model = Model(filled, slots, pinned, solution.model.readout)
                if isinstance(fit.fit(model, self.data, self.slope), Solution):
                    yield f"{other.id} with {name} = {parameter.neutral}"

    def _named(self, solution: Solution) -> str:
        pairs = zip(solution.model.names, solution.numbers, solution.powers, strict=True)
        numbers = ", ".join(f"{n} = {shown(v, p)}" for n, v, p in pairs)
        return f"{solution.model.text}, {numbers}" if numbers else solution.model.text

    # --- no learner fits -----------------------------------------------------------------------------------------

    def none(self, miss: Miss | None = None, rows: Sequence[Row] = ()) -> Identification:
        """No match: the nearest learner, how far it is off, which probe speaks against it, and a counterexample."""
        nearest = miss or next(iter(self.search.misses), None)
        biased = nearest is not None and 0 < nearest.residual < BIASED
        stuck = [m for m in self.search.misses if "can't be told apart" in m.why and m.residual < fit.POLISHED]
        notes = []
        if stuck and not biased:
            notes.append(f"{stuck[0].model.text} fits to {stuck[0].residual:.1g} in float64, but {stuck[0].why}")
        verdict = Verdict.UNDECIDED if stuck and miss is None else Verdict.REFUTED
        counterexample = self._counterexample(nearest) if nearest is not None else None
        if nearest is None:
            reason = "every learner of the library is ruled out by a probe"
        elif biased:
            reason = self._bias(nearest)
        else:
            reason = f"no learner of the library fits; the nearest, {nearest.model.text}, {nearest.why}"
        return self._made(
            verdict,
            reason,
            nearest.model if nearest and biased else None,
            rows,
            nearest=nearest,
            bias=nearest.residual if nearest and biased else None,
            counterexample=counterexample,
            notes=tuple(notes),
            ruled_out={id: probe.id for id, probe in self.search.excluded.items()},
        )

    def _bias(self, miss: Miss) -> str:
        text = (
            f"the right family, but biased: {miss.model.text} is off by a relative {miss.residual:.2g} at N = {miss.N}"
        )
        text += ", and that does not go away with more digits"
        if self.box.arithmetic is Arithmetic.FLOAT:
            return text
        sizes = []
        other = _learner_box(miss.model, list(miss.theta), self.box)
        for factor in (1, 8):
            X, Y, q = fresh(fit.LONG, self.at["f"], self.at["m"], 0)
            try:
                sizes.append(self.box.gap(self.box(X * factor, Y, q), other(X * factor, Y, q)))
            except Undefined:
                return text
        if sizes[0] and sizes[1] < sizes[0] / 8:
            power = round(math.log10(miss.residual))
            text += f"; at 8 times the inputs it is {sizes[0] / max(sizes[1], 1e-300):.0f} times less, as an epsilon of about "
            text += f"1e{power} beside a norm or a squared norm would make it"
        return text

    def _counterexample(self, miss: Miss) -> Counterexample | None:
        """Small numbers at which the layer and the nearest learner differ visibly."""
        if len(miss.theta) != len(miss.model.names):
            theta: Sequence[Any] = ()
            solution = self.search.solution
            if solution is None:
                return None
            theta = solution.guess(max(miss.N, 1))
        else:
            theta = miss.theta
        for N in dict.fromkeys((1, 2, 3, miss.N)):
            if N < 1:
                continue
            other = _learner_box(miss.model, list(theta), self.box)
            point = fresh(N, self.at["f"], self.at["m"], 0)
            point = tuple(np.vectorize(lambda v: Fraction(round(v)), otypes=[object])(a) for a in point)
            floor = min(miss.residual, fit.NEAR) / 16 if miss.residual > 0 else 0.0
            if self._apart(other, point) > floor:
                return self._shrunk(other, point, floor, miss.model.text, N)
        return None

    def _apart(self, other: Box, point: Any) -> float:
        try:
            return self.box.gap(self.box(*point), other(*point))
        except Undefined:
            return 0.0

    def _shrunk(self, other: Box, point: Any, floor: float, name: str, N: int) -> Counterexample:
        current = [a.copy() for a in point]
        for which, array in enumerate(current):
            for index in np.ndindex(array.shape):
                for simple in (Fraction(0), Fraction(1)):
                    if array[index] == simple:
                        break
                    before = array[index]
                    array[index] = simple
                    if self._apart(other, current) > floor:
                        break
                    array[index] = before
            current[which] = array
        values = [[f"{v:.12g}" for v in as_floats(b(*current))] for b in (self.box, other)]
        inputs = {n: _nested(a) for n, a in zip(("X", "Y", "x_q"), current, strict=True)}
        sizes = {"f": self.at["f"], "m": self.at["m"], "N": N}
        return Counterexample(sizes, inputs, values[0], values[1], "layer", name, "decimal digits of both values")

    # --- in one piece --------------------------------------------------------------------------------------------

    def _made(
        self, verdict: Verdict, reason: str, model: Model | None, rows: Sequence[Row], **rest: Any
    ) -> Identification:
        chosen = {**self.layer.given, **self.layer.chosen}
        notes = (*self.layer.case.notes, *rest.pop("notes", ()))
        return Identification(
            target=self.layer.text,
            adapter=self.layer.adapter.text,
            verdict=verdict,
            reason=reason,
            model=model,
            probes=self.probes,
            rows=tuple(rows),
            gates=chosen,
            arithmetic=str(self.box.arithmetic),
            notes=notes,
            source=sources(self.layer.loaded.call),
            adapter_option=self.adapter,
            **rest,
        )


def fresh(N: int, f: int, m: int, draw: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A point that no fit saw."""
    salt = 50_000 + 100 * N + 10 * draw
    return generic((N, f), salt + 1), generic((N, m), salt + 2), generic((f,), salt + 3)


def _learner_box(model: Model, numbers: Sequence[Any], like: Box) -> Box:
    """The model with these numbers as a box in the arithmetic of `like`."""
    if like.arithmetic is Arithmetic.FLOAT:
        theta = torch.tensor(as_floats(fit.column(numbers)))

        def plain(X: Any, Y: Any, x_q: Any) -> Any:
            return model(X, Y, x_q, theta)

        return Box(plain, like.f, like.m, Arithmetic.FLOAT)
    exact = [Fraction(v) if isinstance(v, float) else v for v in numbers]
    if _rational(exact):
        trial = Box(model.at(exact), like.f, like.m)
        if trial.arithmetic is not Arithmetic.FLOAT:
            return trial
    return _Balls(model, exact, like.f, like.m)


class _Balls(Box):
    """A model whose numbers are balls."""

    def __init__(self, model: Model, numbers: Sequence[Any], f: int, m: int) -> None:
        def program(X: Any, Y: Any, x_q: Any) -> Any:
            raise NotImplementedError

        super().__init__(program, f, m, Arithmetic.BALLS)
        self.model, self.numbers = model, fit.column(numbers)

    def _value(self, point: dict[str, np.ndarray]) -> np.ndarray:
        from numeric.balls import evaluate

        try:
            return evaluate(self.model, {**point, "theta": self.numbers})[0]
        except (Refused, ZeroDivisionError) as error:
            raise Undefined(str(error)) from None


def _agreement(a: np.ndarray, b: np.ndarray) -> tuple[float, float]:
    """Bits to which two values agree, infinite for equal fractions; and, if they provably differ, the relative gap."""
    bits, gap = math.inf, 0.0
    with flint.ctx.workprec(BITS):
        left, right = [ball(v) for v in a], [ball(v) for v in b]
        scale = max((abs(float(v.mid())) for v in (*left, *right)), default=0.0) or 1.0
        for x, y, p, q in zip(left, right, a, b, strict=True):
            if isinstance(p, Fraction) and isinstance(q, Fraction):
                if p != q:
                    gap = max(gap, float(abs(p - q)) / scale)
            elif not x.overlaps(y):
                gap = max(gap, float(abs(x - y).upper()) / scale)
            else:
                wide = float((x - y).rad()) / scale + float(abs((x - y).mid())) / scale
                bits = min(bits, -math.log2(wide) if wide > 0 else math.inf)
    return bits, gap


def _digits(bits: float) -> int | str:
    return "all" if bits == math.inf else int(bits * math.log10(2))


def _rational(numbers: Sequence[Any]) -> bool:
    return all(isinstance(v, Fraction) for v in numbers)


def _role(gate: str, number: str, gates: tuple[Fraction, Fraction], values: tuple[Any, Any], power: int) -> Role:
    """How the gate makes the number: the number itself, a multiple, its complement, or its logarithm."""
    g, h = gates
    a, b = values
    per = {0: "", 1: "*N", -1: "/N"}[power]
    undo = {0: "", 1: "/N", -1: "*N"}[power]
    scale = Fraction(1, fit.LONG) ** power
    if isinstance(a, Fraction) and isinstance(b, Fraction):
        a, b = a * scale, b * scale
        if a / g == b / h:
            c = a / g
            if c == 1:
                return Role(gate, number, f"{gate}{per}", f"{number}{undo}", f"the argument {gate}{per}")
            return Role(gate, number, f"{shown(c)} {gate}{per}", f"{number}{undo}/({c})", f"{shown(c)} {gate}{per}")
        if a == 1 - g and b == 1 - h and not power:
            return Role(gate, number, f"1 - {gate}", f"1 - {number}", f"1 - {gate}")
        if a * g == b * h:
            return Role(
                gate,
                number,
                f"{shown(a * g)}/{gate}{per}",
                f"({a * g})/({number}{undo})",
                f"{shown(a * g)}/{gate}{per}",
            )
    elif not power:
        with flint.ctx.workprec(BITS):
            if all(fit._alike(v, ball(x).exp()) for v, x in ((a, g), (b, h))):
                return Role(gate, number, f"exp({gate})", f"log({number})", f"exp({gate})")
            if all(fit._alike(v, 1 / (1 + (-ball(x)).exp())) for v, x in ((a, g), (b, h))):
                return Role(gate, number, f"sigmoid({gate})", "", f"sigmoid({gate})")
    return Role(gate, number, f"moved by {gate}", "", "")


def _constant(value: Any, power: int) -> str:
    """A number as an expression in N."""
    if isinstance(value, Fraction):
        value = value / Fraction(fit.LONG) ** power
        text = str(value)
    else:
        text = f"{float(as_floats([value])[0]) / fit.LONG**power:.17g}"
    return f"{text}*N" if power == 1 else f"{text}/N" if power == -1 else text


def _short(reason: str) -> str:
    return reason if len(reason) < 160 else reason[:157] + "..."


def _nested(array: Any) -> Any:
    return [_nested(v) for v in array] if isinstance(array, np.ndarray) else str(array)
