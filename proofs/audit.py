"""The audit: does somebody else's layer run the named learner, exactly? With which step size, and where does it depart?

The target runs unmodified, in float64 and on exact numbers; the learner is a loss and autograd in the same arithmetic.
"""

from __future__ import annotations

import ast
import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

import numpy as np
import torch
from torch import Tensor

from constructions.learners import Learner
from numeric import exact_identity, float_identity, strategies
from numeric.entropy import Entropy
from numeric.finding import Counterexample, Finding, Verdict, frozen
from numeric.interpreter import Refused
from numeric.programs import Program, Shapes, Sizes, WrongResult, concrete, fractions, rational
from proofs.adapters import Adapter, adapt, number
from proofs.evidence import Settings
from proofs.learners import learner
from proofs.target import TargetError, load

SIZES: tuple[Sizes, ...] = ({"f": 4, "m": 3, "N": 5}, {"f": 4, "m": 4, "N": 5}, {"f": 4, "m": 1, "N": 5})
"""Sizes tried in turn until the target takes one."""
CONTEXTS = (1, 2, 9)
"""Further context lengths, at the same f and m."""
_FAR = 1000.0
"""How many times the change of precision a difference has to be before it refutes; a true identity gives about 2^-29."""
INDETERMINATE = "free"
"""The gate value that stands for every number."""


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
        shown = [r for r in self.rows if r.rung == "exact" and r.finding.flags] or self.rows
        return tuple(dict.fromkeys(flag for row in shown for flag in row.finding.flags))

    @property
    def status(self) -> int:
        """Exit status: 0 confirmed, 1 refuted, 3 undecided."""
        return {Verdict.CONFIRMED: 0, Verdict.REFUTED: 1}.get(self.verdict, 3)

    def lines(self) -> list[str]:
        """The answer for a terminal: what it is, how sure, what to look at."""
        out = [
            f"{self.verdict.value.upper()}: {self.target}",
            f"  against   {self.learner.id}: {self.learner.title}",
            f"  called as {self.adapter}",
        ]
        out += [f"  with      {name} = {value}" for name, value in self.parameters.items()]
        if self.reason:
            out.append(f"  why       {self.reason}")
        out += [f"  {line}" for line in self._evidence()]
        out += [f"  note      {note}" for note in (*self.notes, *self.flags)]
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
            lengths = ", ".join(str(row.sizes["N"]) for row in rows)
            text = f"{rung:<17} {verdict.value}, {sizes} N={lengths}"
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
            "equivalent": [],
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


def audit(
    target: str,
    against: str | None = "gd",
    adapter: str | None = None,
    gates: Mapping[str, str] | None = None,
    settings: Settings = Settings(),  # noqa: B008 (frozen)
    sizes: Mapping[str, int] | None = None,
) -> Audit:
    """Compare the layer `target` with the learner `against` on the exact and the sampled rung.

    target, adapter: see `proofs.target` and `proofs.adapters`. gates: values of the target's named arguments by name:
    a number, `eta`, `eta/N` and the like, or `free` (an indeterminate). sizes: some of f, m, N, to fix them.
    A step size the target has no argument for is inferred from one token. Raises TargetError for wrong usage.
    """
    gates = dict(gates or {})
    loaded = load(target)
    if against is None:
        raise TargetError("name a learner with --against, such as gd or gd:2; identifying one is not offered yet")
    chosen = learner(against)
    adapted = adapt(loaded, adapter)
    case = _Case(target, adapted, chosen, gates)
    at, notes = case.preflight(dict(sizes or {}), Entropy(settings.seed if settings.seed is not None else 0))
    fixed = sizes is not None and "N" in sizes
    rows: list[Row] = []
    entropy = Entropy(settings.seed)
    lengths = (at["N"],) if fixed else (at["N"], *CONTEXTS)
    for k, length in enumerate(lengths):
        here = {**at, "N": length}
        finding = case.exact(here, entropy.child(k), settings.target_log2)
        rows.append(Row("exact", here, finding))
        if finding.verdict is not Verdict.CONFIRMED:
            break
    rows += case.floats(at, entropy.child("sampled"), settings, rows)
    verdict, reason = _judge(rows)
    return Audit(target, chosen, adapted.text, verdict, reason, tuple(rows), case.described(at), tuple(notes))


def _judge(rows: list[Row]) -> tuple[Verdict, str]:
    """The exact rung decides where it can; floats only where the code leaves rational functions."""
    exact = [r.finding for r in rows if r.rung == "exact"]
    floats = [r for r in rows if r.rung != "exact"]
    worst = next((f for f in exact if f.verdict is not Verdict.CONFIRMED), None)
    refuted = next((r.finding for r in floats if r.finding.verdict is Verdict.REFUTED), None)
    if worst is not None:
        if worst.verdict is Verdict.UNDECIDED and refuted is not None:
            return Verdict.REFUTED, f"{refuted.reason} ({worst.reason})"
        return worst.verdict, worst.reason
    same = "the same rational function of all inputs"
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
    return Verdict.CONFIRMED, f"{same}; but not in float64: {refuted.reason}"


class _Case:
    """One target with its learner, as two programs of the same inputs."""

    def __init__(self, text: str, adapter: Adapter, chosen: Learner, gates: dict[str, str]) -> None:
        self.text, self.adapter, self.learner, self.gates = text, adapter, chosen, gates
        unknown = [g for g in gates if g not in (*adapter.named, "eta")]
        if unknown:
            raise TargetError(
                f"gate {unknown[0]!r}: {text} takes {', '.join(adapter.named) or 'no named arguments'} besides the data"
            )
        missing = [n for n in adapter.required if n not in gates and n not in ("W0", "eta")]
        if missing:
            raise TargetError(
                f"{text} needs {', '.join(missing)}: give --gate {missing[0]}=1 (or eta, eta/N), or "
                f"--gate {missing[0]}={INDETERMINATE} for every value"
            )
        self.free = tuple(g for g, v in gates.items() if v == INDETERMINATE)
        self.starts = "W0" in adapter.named and chosen.start
        given = "eta" in adapter.named or any("eta" in _names(v) for v in gates.values())
        self.infers = "eta" in chosen.names and not given and "eta" not in gates
        if self.infers and chosen.id not in ("gd", "gd:1"):
            raise TargetError(
                f"{text} has no argument eta, and {chosen.id} takes a step size: give --gate eta=..., or bind one of "
                f"{', '.join(adapter.named) or 'its arguments'} to eta"
            )
        self._step: dict[tuple[tuple[str, int], ...], Fraction] = {}

    @property
    def shapes(self) -> Shapes:
        """The indeterminates of both programs."""
        shapes: dict[str, tuple[str | int, ...]] = {"X": ("N", "f"), "Y": ("N", "m"), "x_q": ("f",)}
        if self.starts:
            shapes["W0"] = ("m", "f")
        if not self.infers and "eta" in self.learner.names and self.gates.get("eta", "eta") == "eta":
            shapes["eta"] = ()
        return shapes | {gate: () for gate in self.free}

    def _eta(self, X: Any, inputs: Mapping[str, Any], sizes: Mapping[str, Any]) -> Any:
        if "eta" in inputs:
            return inputs["eta"]
        if "eta" in self.gates:
            return _tensor(number(self.gates["eta"], sizes), X)
        return None

    def layer(self, X: Any, Y: Any, x_q: Any, **inputs: Any) -> Any:
        """The target's prediction (m,)."""
        sizes = {"N": X.shape[0], "f": X.shape[1], "m": Y.shape[1]}
        eta = self._eta(X, inputs, sizes)
        names = sizes if eta is None else sizes | {"eta": eta}
        given: dict[str, Any] = {}
        for gate in self.adapter.named:
            if gate in self.free or (gate == "W0" and self.starts):
                given[gate] = inputs[gate]
            elif gate == "eta" and eta is not None:
                given[gate] = eta
            elif gate == "W0" and gate in self.adapter.required:
                given[gate] = X.new_zeros(Y.shape[1], X.shape[1])
            elif gate in self.gates:
                value = number(self.gates[gate], names)
                given[gate] = _tensor(value, X) if gate in self.adapter.required else _plain(value)
        with _default_dtype(X.dtype):
            out = self.adapter.call(X, Y, x_q, **given)
        if not isinstance(out, Tensor):
            raise WrongResult(f"returned {type(out).__name__}, expected a tensor of shape (m,) = ({Y.shape[1]},)")
        if out.numel() != Y.shape[1]:
            raise WrongResult(f"returned shape {tuple(out.shape)}, expected (m,) = ({Y.shape[1]},)")
        return out.reshape(-1)

    def target(self, X: Any, Y: Any, x_q: Any, **inputs: Any) -> Any:
        """The learner's prediction (m,)."""
        sizes = {"N": X.shape[0], "f": X.shape[1], "m": Y.shape[1]}
        eta = self._eta(X, inputs, sizes)
        if self.infers:
            c = self._step[tuple(sizes.items())]
            eta = X.new_full((), c.numerator) * sizes["N"] / c.denominator
        W0 = inputs["W0"] if self.starts else X.new_zeros(Y.shape[1], X.shape[1])
        return self.learner.call(X, Y, x_q, W0, **({} if eta is None else {"eta": eta}))

    def preflight(self, fixed: dict[str, int], entropy: Entropy) -> tuple[dict[str, int], list[str]]:
        """Sizes that the target takes, and what plain float64 calls show. Raises TargetError if none works."""
        wrong = [s for s in fixed if s not in ("f", "m", "N") or fixed[s] < 1]
        if wrong:
            raise TargetError(f"size {wrong[0]}={fixed[wrong[0]]}: expected f, m or N, at least 1")
        error: Exception | None = None
        for sizes in SIZES:
            here = {**sizes, **fixed}
            try:
                return here, self._try(here, entropy)
            except TargetError:
                raise
            except WrongResult as wrong_result:
                raise TargetError(f"{self.text} {wrong_result}; use an adapter that picks the prediction") from None
            except Exception as failure:
                error = error or failure
        tried = "; ".join(" ".join(f"{k}={v}" for k, v in {**s, **fixed}.items()) for s in SIZES)
        text = str(error).splitlines()[0][:200] if str(error) else ""
        raise TargetError(
            f"{self.text} raised {type(error).__name__}: {text} (sizes tried: {tried}); fix sizes with --size, or use "
            "an adapter"
        )

    def _try(self, sizes: dict[str, int], entropy: Entropy) -> list[str]:
        notes = []
        generator = torch.Generator().manual_seed(entropy.below(2**31))
        shapes = concrete(self.shapes, sizes)
        data = {n: torch.randn(s, generator=generator, dtype=torch.float64) for n, s in shapes.items()}
        results = []
        for _ in range(2):
            copies = {n: t.clone() for n, t in data.items()}
            before = {n: t._version for n, t in copies.items()}
            with torch.no_grad():
                results.append(self.layer(**copies))
            if any(t._version != before[n] for n, t in copies.items()):
                notes.append("it writes to its inputs (it was given copies)")
        if not torch.equal(*results) and not bool(torch.isnan(results[0]).any()):
            raise TargetError(
                f"{self.text} is random from call to call: two calls on the same inputs differ by "
                f"{float((results[0] - results[1]).abs().max()):.2g}; seed it, or call eval() on it"
            )
        if not bool(torch.isfinite(results[0]).all()):
            raise TargetError(f"{self.text} returns NaN or infinity on Gaussian inputs of size {sizes}")
        return list(dict.fromkeys(notes))

    def _infer(self, sizes: Sizes) -> None:
        """The step size per token, from one token e_1 -> e_1 asked at e_1 and N-1 zero tokens."""
        key = tuple((k, sizes[k]) for k in ("N", "f", "m"))
        if not self.infers or key in self._step:
            return
        point = {name: fractions([0] * math.prod(shape), shape) for name, shape in concrete(self.shapes, sizes).items()}
        for name, index in (("X", (0, 0)), ("Y", (0, 0)), ("x_q", (0,))):
            point[name][index] = Fraction(1)
        for gate in self.free:
            point[gate][()] = Fraction(1)
        try:
            self._step[key] = rational(self.layer, point)[0][0]
        except (Refused, ZeroDivisionError):
            floats = {n: torch.tensor(a.astype(float)) for n, a in point.items()}
            value = float(self.layer(**floats)[0])
            self._step[key] = Fraction(value if math.isfinite(value) else 0.0)

    def exact(self, sizes: Sizes, entropy: Entropy, target_log2: float) -> Finding:
        """The exact rung at these sizes."""
        try:
            self._infer(sizes)
            return exact_identity.decide(
                self.layer,
                self._smaller(self.target),
                self.shapes,
                sizes,
                entropy=entropy,
                target_log2=target_log2,
                names=("layer", "learner"),
                admits=self._admits(sizes),
            )
        except (WrongResult, RuntimeError, TypeError, ValueError) as error:
            return Finding(
                Verdict.UNDECIDED, reason=f"on exact numbers the target raised {type(error).__name__}: {error}"
            )

    def _smaller(self, program: Program) -> Program:
        """The learner, with the step size inferred at whatever sizes a counterexample is searched at."""

        def run(**inputs: Any) -> Any:
            X, Y = inputs["X"], inputs["Y"]
            key = (("N", X.shape[0]), ("f", X.shape[1]), ("m", Y.shape[1]))
            if self.infers and key not in self._step:
                raise ValueError(f"no step size was inferred at {dict(key)}")
            return program(**inputs)

        return run

    def _admits(self, sizes: Sizes) -> Callable[[Sizes], bool]:
        def admits(candidate: Sizes) -> bool:
            try:
                with torch.no_grad():
                    self._try(dict(candidate), Entropy(0))
                self._infer(candidate)
            except Exception:
                return False
            return True

        return admits

    def floats(self, sizes: Sizes, entropy: Entropy, settings: Settings, exact: list[Row]) -> list[Row]:
        """The sampled rung on torch: float64; float32 too if the code rounds to it; else the change of precision."""
        generator = entropy.generator()
        draws = [dict(strategies.draw("gaussian", sizes, self.shapes, generator)) for _ in range(4)]
        rows = []
        for dtype in ("float64", "float32"):
            finding = float_identity.decide(
                self.layer,
                self.target,
                draws,
                dtype=dtype,
                names=("layer", "learner"),
                shapes=self.shapes,
                entropy=entropy,
                shrinking=False,
            )
            rows.append(Row(f"sampled, {dtype}", sizes, finding))
            if finding.verdict is not Verdict.REFUTED or not finding.flags:
                break
        if exact[-1].finding.verdict is Verdict.UNDECIDED and rows[0].finding.verdict is Verdict.UNDECIDED:
            change = self._change_of_precision(draws)
            if change is not None:
                rows.append(Row("sampled", sizes, change))
        return rows

    def _change_of_precision(self, draws: list[dict[str, np.ndarray]]) -> Finding | None:
        """A refutation without a bound: the sides differ by far more than float32 and float64 runs of the layer do."""
        ratios = []
        for draw in draws:
            single = {n: torch.tensor(np.asarray(a, dtype=np.float32)) for n, a in draw.items()}
            double = {n: t.double() for n, t in single.items()}
            try:
                with torch.no_grad():
                    coarse, fine = self.layer(**single).double(), self.layer(**double).double()
                right = self.target(**double).double()
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

    def described(self, sizes: Sizes) -> dict[str, str]:
        """The step size and gates in words."""
        out = {g: ("any number" if v == INDETERMINATE else v) for g, v in self.gates.items()}
        if self.infers:
            key = tuple((k, sizes[k]) for k in ("N", "f", "m"))
            steps = {dict(k)["N"]: c for k, c in self._step.items() if dict(k)["f"] == sizes["f"]}
            c = self._step.get(key)
            if c is not None:
                shown = str(c) if c.denominator < 10**6 else f"{float(c):.17g}"
                same = len(set(steps.values())) == 1
                out["eta"] = f"{shown} N" + (
                    f" (at f={sizes['f']}, the same for N = {sorted(steps)})"
                    if same
                    else f" at N={sizes['N']}, f={sizes['f']}"
                )
                out["eta"] += ", inferred from one token"
        elif "eta" in self.shapes:
            out.setdefault("eta", "any number")
        out["W0"] = "any matrix" if self.starts else "0"
        return out


@contextmanager
def _default_dtype(dtype: torch.dtype) -> Iterator[None]:
    """Tensors that the target makes without naming a dtype have that of its inputs."""
    before = torch.get_default_dtype()
    torch.set_default_dtype(dtype)
    try:
        yield
    finally:
        torch.set_default_dtype(before)


def _names(text: str) -> set[str]:
    try:
        return {node.id for node in ast.walk(ast.parse(text, mode="eval")) if isinstance(node, ast.Name)}
    except SyntaxError:
        return set()  # `number` says what is wrong with it


def _tensor(value: Any, like: Any) -> Any:
    return value if isinstance(value, Tensor) else like.new_full((), float(value))


def _plain(value: Any) -> Any:
    return float(value) if isinstance(value, Fraction) else value
