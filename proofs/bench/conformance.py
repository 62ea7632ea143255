"""The conformance bench: do replays give what torch gives, on PyTorch's own samples of its operators?

Main definitions: `run`, `judged`. Each sample of `op_db` with small dyadic numbers, called plainly, in place and with
`out=`, on contiguous, transposed, strided and expanded operands, is recorded; its tape is replayed by torch's kernels
(equal bits), in rationals and balls (equal to torch within the rounding bound of the same replay), in GF(p) (equal to
the rationals), and as polynomials, whose true degree and height may not exceed those that the carriers bound.
Compared are the results and, in place, the operands. The samples need the package `expecttest`.
"""

from __future__ import annotations

import itertools
import random
import traceback
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from enum import StrEnum
from typing import Any

import flint
import torch
from torch import Tensor

from numeric.carriers.balls import BITS, Balls
from numeric.carriers.carrier import Carrier, NoRule, Parts
from numeric.carriers.degree import Degree, Height
from numeric.carriers.finite_field import FiniteField
from numeric.carriers.handles import FlintPolynomials, Handles, Rationals, as_fraction
from numeric.carriers.rounded import Rounded
from numeric.finding import Told
from numeric.tape.acceptance import FAST_PATHS
from numeric.tape.float_replay import ReplayFailed, replay
from numeric.tape.numbers import Numbers
from numeric.tape.recorder import record
from numeric.tape.refusals import RANDOMLY, Refused
from numeric.tape.replay import Machine
from numeric.tape.storage_tape import Tape, same_bits
from proofs.bench.judgements import Above, Failed, ManyVariables, OtherCount, OtherResidues, OtherValue, Why
from proofs.shown import words

PRIMES = (2147483629, 2147483587)
MOST_NUMBERS = 300
"""Samples with more numbers are left out: exact arithmetic works one by one."""
FEW_VARIABLES = 24
"""So many entries are replaced by indeterminates at most."""
EACH = 8
"""Samples of an operator."""


class Call(StrEnum):
    PLAIN = "plain"
    IN_PLACE = "in place"
    OUT = "out="


class Layout(StrEnum):
    CONTIGUOUS = "contiguous"
    TRANSPOSED = "transposed"
    STRIDED = "strided"
    EXPANDED = "expanded"


class Way(StrEnum):
    """What a tape is replayed in."""

    FLOAT = "float64"
    RATIONALS = "rationals"
    BALLS = "balls"
    FIELD = "GF(p)"
    POLYNOMIALS = "degree and height"


class Verdict(StrEnum):
    EQUAL = "equal"
    REFUSED = "refused"
    WRONG = "wrong"
    INTERNAL = "internal error"


@dataclass(frozen=True)
class Sample:
    """One call: `program(**inputs)` returns what is compared, as one vector."""

    operator: str
    call: Call
    layout: Layout
    program: Callable[..., Tensor]
    inputs: Mapping[str, Tensor]


@dataclass(frozen=True)
class Outcome:
    """What one replay of one sample gave. detail: why it is refused, or what is wrong."""

    operator: str
    call: Call
    layout: Layout
    way: Way
    verdict: Verdict
    detail: Told = ""
    refused: str = ""


@dataclass(frozen=True)
class Conformance:
    """What all of them gave. left_out: samples that are too large, that torch itself refuses, or without numbers."""

    outcomes: tuple[Outcome, ...]
    samples: int
    left_out: int
    operators: int
    seed: int
    unsampled: tuple[str, ...] = field(default=())

    @property
    def passed(self) -> bool:
        """No replay gave another result, or broke."""
        return not self.bad

    @property
    def bad(self) -> tuple[Outcome, ...]:
        """Wrong results and internal errors."""
        return tuple(o for o in self.outcomes if o.verdict in (Verdict.WRONG, Verdict.INTERNAL))

    def to_json(self) -> dict[str, Any]:
        """The object that `ssmproof soundness --conformance --json` writes."""
        outcomes = [asdict(o) | {"detail": words(o.detail)} for o in self.outcomes]
        return vars(self) | {"outcomes": outcomes}


def run(
    share: float = 1.0,
    seed: int = 0,
    progress: Callable[[int, int, str, str], None] = lambda done, total, what, verdict: None,
    operators: str = "",
) -> Conformance:
    """Judge the samples of a share of the operators, drawn by the seed. operators: only those whose name contains it."""
    found: list[Outcome] = []
    count = left_out = 0
    unsampled: list[str] = []
    seen = set()
    drawn = random.Random(seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        infos = [i for i in operator_infos() if operators in i.name and drawn.random() <= share]
        for done, info in enumerate(infos):
            before = len(found)
            seen.add(info.name)
            for sample in samples(info, unsampled):
                outcomes = judged(sample)
                count += bool(outcomes)
                left_out += not outcomes
                found += outcomes
            worst = max((o.verdict for o in found[before:]), key=list(Verdict).index, default=Verdict.REFUSED)
            progress(done + 1, len(infos), info.name, worst.value)
    return Conformance(tuple(found), count, left_out, len(seen), seed, tuple(unsampled))


def operator_infos() -> list[Any]:
    """PyTorch's list of its operators that compute with float64."""
    from torch.testing._internal.common_methods_invocations import op_db

    return [info for info in op_db if torch.float64 in info.dtypes]


def samples(info: Any, unsampled: list[str]) -> Iterator[Sample]:
    """The calls of one operator."""
    try:
        torch.manual_seed(0)
        drawn = list(itertools.islice(info.sample_inputs("cpu", torch.float64, requires_grad=False), 40))
    except Exception:
        unsampled.append(info.name)
        return
    # spread over what PyTorch lists, which goes from plain to special
    kept = [drawn[i] for i in sorted({k * (len(drawn) - 1) // max(1, EACH - 1) for k in range(EACH)})] if drawn else []
    for number, sample in enumerate(kept):
        for call in Call:
            function = {Call.PLAIN: info.op, Call.IN_PLACE: info.inplace_variant, Call.OUT: info.op}[call]
            if function is None or (call is Call.OUT and not info.supports_out):
                continue
            for layout in Layout:
                if layout is not Layout.CONTIGUOUS and number > 1:
                    continue
                name = f"{info.name}.{info.variant_test_name}" if info.variant_test_name else info.name
                made = _made(name, function, sample, call, layout)
                if made is not None:
                    yield made


def _made(name: str, function: Callable[..., Any], sample: Any, call: Call, layout: Layout) -> Sample | None:
    from torch.utils import _pytree

    leaves, structure = _pytree.tree_flatten((sample.input, sample.args, sample.kwargs))
    inputs: dict[str, Tensor] = {}
    views: dict[str, Callable[[Tensor], Tensor]] = {}
    for place, leaf in enumerate(leaves):
        if isinstance(leaf, Tensor) and leaf.dtype == torch.float64 and leaf.layout == torch.strided:
            laid = _laid(_dyadic(leaf.detach()), layout)
            if laid is None:
                return None
            inputs[f"t{place}"], views[f"t{place}"] = laid
    if not inputs or not all(bool(torch.isfinite(v).all()) for v in inputs.values()):
        return None
    if sum(v.numel() for v in inputs.values()) > MOST_NUMBERS:
        return None

    def program(**given: Tensor) -> Tensor:
        placed = [views[f"t{i}"](given[f"t{i}"]) if f"t{i}" in given else leaf for i, leaf in enumerate(leaves)]
        first, args, kwargs = _pytree.tree_unflatten(placed, structure)
        if call is Call.OUT:
            like = function(first, *args, **kwargs)
            into = (
                type(like)(torch.empty_like(v) for v in like) if type(like) in (list, tuple) else torch.empty_like(like)
            )
            function(first, *args, **kwargs, out=into)
            return _vector([into])
        result = function(first, *args, **kwargs)
        return _vector([result, list(given.values())] if call is Call.IN_PLACE else [result])

    return Sample(name, call, layout, program, inputs)


def _dyadic(value: Tensor) -> Tensor:
    """Eighths near to `value`, 0 only where that is."""
    near = (value * 8).round()
    near = torch.where((near == 0) & (value != 0), torch.where(value < 0, -1.0, 1.0), near)
    return (near / 8).clamp(-64, 64)


def _laid(value: Tensor, layout: Layout) -> tuple[Tensor, Callable[[Tensor], Tensor]] | None:
    """A contiguous base and how to take the operand from it; 0-d operands stay as they are."""
    if layout is Layout.CONTIGUOUS or value.ndim == 0:
        return value.contiguous(), lambda base: base
    if layout is Layout.TRANSPOSED:
        return (
            (value.mT.contiguous(), lambda base: base.mT) if value.ndim > 1 else (value.contiguous(), lambda base: base)
        )
    if layout is Layout.STRIDED:
        wide = value.new_full((*value.shape[:-1], 2 * value.shape[-1]), 0.5)
        wide[..., ::2] = value
        return wide, lambda base: base[..., ::2]
    if value.shape[0] < 2:
        return None
    return value[:1].contiguous(), lambda base, shape=value.shape: base.expand(shape)


def _vector(results: Sequence[Any]) -> Tensor:
    """All numbers of the results, one after the other: floats and complex ones where there are any."""
    from torch.utils import _pytree

    leaves = [v for v in _pytree.tree_leaves(list(results)) if isinstance(v, Tensor)]
    numbers = [v for v in leaves if v.dtype.is_floating_point or v.dtype.is_complex]
    flat = []
    for value in numbers or leaves:
        if value.dtype.is_complex:
            flat.append(torch.view_as_real(value.resolve_conj()).reshape(-1).double())
        else:
            flat.append(value.reshape(-1).double())
    return torch.cat(flat)


# --- one sample ----------------------------------------------------------------------------------------------------------


def judged(sample: Sample) -> list[Outcome]:
    """The outcomes of all replays of a sample; none where torch itself refuses the call, or its result has no numbers."""

    def outcome(way: Way, verdict: Verdict, detail: Told = "", refused: str = "") -> Outcome:
        return Outcome(sample.operator, sample.call, sample.layout, way, verdict, detail, refused)

    given = sample.inputs
    try:
        plain, again = (sample.program(**{n: v.clone() for n, v in given.items()}) for _ in range(2))
    except Exception:
        return []
    if not plain.numel() or plain.numel() > 4 * MOST_NUMBERS:
        return []
    if not same_bits(plain, again):
        return [outcome(w, Verdict.REFUSED, RANDOMLY) for w in Way]
    try:
        tape, value = record(sample.program, given)
        if any(o.base in FAST_PATHS for o in tape.operations):
            return []
    except Exception as error:
        return [outcome(Way.FLOAT, Verdict.INTERNAL, _told(error))]
    barred = tape.faults or tuple(e for e in tape.escapes if not e.guard)
    if barred:
        return [outcome(w, Verdict.REFUSED, Why.NO_RECORDING, barred[0].what) for w in Way]
    if not same_bits(plain, value):
        return [outcome(w, Verdict.REFUSED, Why.OTHER_RUN) for w in Way]
    if any(torch.Tag.nondeterministic_seeded in getattr(o.function, "tags", ()) for o in tape.operations):
        return [outcome(w, Verdict.REFUSED, RANDOMLY) for w in Way]
    found = [outcome(Way.FLOAT, *_attempt(lambda: _in_floats(tape, given, plain)))]
    if found[0].verdict is Verdict.WRONG and _unsteady(sample, plain):
        return [outcome(w, Verdict.REFUSED, RANDOMLY) for w in Way]
    try:
        allowed = _bound(tape, given)
    except Exception as error:
        found.append(outcome(Way.RATIONALS, Verdict.INTERNAL, replace(_told(error), bound=True)))
        allowed = None
    exact: list[Any] = []
    ways: dict[Way, Callable[[], tuple[Verdict, Told, str]]] = {
        Way.RATIONALS: lambda: _in_rationals(tape, given, plain, allowed, exact),
        Way.BALLS: lambda: _in_balls(tape, given, plain, allowed),
        Way.FIELD: lambda: _in_field(tape, given, exact),
        Way.POLYNOMIALS: lambda: _degree_and_height(tape, given),
    }
    return found + [outcome(way, *_attempt(work)) for way, work in ways.items()]


def _unsteady(sample: Sample, plain: Tensor, calls: int = 20) -> bool:
    """Whether bare calls differ, as where torch's kernel reads memory that nothing wrote; memory is used in between."""
    for k in range(calls):
        used = [torch.full((n,), float(k), dtype=torch.float64) for n in range(1, 50)]
        del used
        if not same_bits(plain, sample.program(**{n: v.clone() for n, v in sample.inputs.items()})):
            return True
    return False


_Found = tuple[Verdict, Told, str]
_FINE: _Found = (Verdict.EQUAL, "", "")


def _attempt(work: Callable[[], _Found]) -> _Found:
    try:
        return work()
    except Refused as refusal:
        return Verdict.REFUSED, refusal.reason, refusal.operation
    except ReplayFailed as failure:
        return Verdict.WRONG, str(failure), ""
    except NoRule as reason:
        return Verdict.REFUSED, str(reason), ""
    except ZeroDivisionError:
        return Verdict.REFUSED, Why.ZERO, ""
    except Exception as error:
        return Verdict.INTERNAL, _told(error), ""


def _told(error: Exception) -> Failed:
    frames = [f for f in traceback.extract_tb(error.__traceback__) if "/numeric/" in f.filename]
    place = (frames[-1].name, frames[-1].lineno or 0) if frames else None
    return Failed(type(error).__name__, place, " ".join(str(error).split())[:160])


def _parts(
    tape: Tape, carrier: Carrier, given: Mapping[str, Tensor], lifted: Mapping[str, Parts] | None = None
) -> Parts:
    inputs = lifted or {name: carrier.lift(value) for name, value in given.items()}
    found = Machine(tape, carrier).run(inputs)
    if type(found) is not Numbers:
        raise NoRule("returned a logarithm")
    return found.parts


def _in_floats(tape: Tape, given: Mapping[str, Tensor], plain: Tensor) -> _Found:
    same = same_bits(replay(tape, given), plain)
    return _FINE if same else (Verdict.WRONG, Why.BITS, "")


def _bound(tape: Tape, given: Mapping[str, Tensor]) -> tuple[Tensor, Tensor] | None:
    """The value and how far torch's may be from it, entry by entry; None where a rule is missing."""
    narrow = {w.dtype for o in tape.operations for w in o.outputs if w is not None and w.dtype.is_floating_point}
    carrier = Rounded(narrow)
    try:
        parts = _parts(tape, carrier, given)
    except (Refused, NoRule, ZeroDivisionError):
        return None
    return parts[0][0], carrier.allowed(parts)[0]


def _far(plain: Tensor, exact: Tensor, allowed: tuple[Tensor, Tensor] | None) -> _Found:
    """Torch's values against exact ones (rounded to float64), within the bound."""
    if exact.shape != plain.shape:
        return Verdict.WRONG, OtherCount(tuple(exact.shape), tuple(plain.shape)), ""
    if allowed is None:
        return _FINE if torch.equal(plain, exact) else (Verdict.REFUSED, Why.NO_BOUND, "")
    room = allowed[1] + exact.abs() * 2.0**-52
    apart = (plain - exact).abs()
    over = torch.isfinite(room) & ~(apart <= room)
    if bool(over.any()):
        where = int(over.long().argmax())
        return Verdict.WRONG, OtherValue(exact[where].item(), plain[where].item()), ""
    if not bool(torch.isfinite(room).any()):
        return Verdict.REFUSED, Why.NO_BOUND, ""
    return _FINE


def _in_rationals(
    tape: Tape, given: Mapping[str, Tensor], plain: Tensor, allowed: tuple[Tensor, Tensor] | None, exact: list[Any]
) -> _Found:
    carrier = Handles(Rationals())
    found = [as_fraction(v) for v in carrier.get(_parts(tape, carrier, given)).reshape(-1)]
    exact.extend(found)
    return _far(plain, torch.tensor([float(v) for v in found], dtype=torch.float64), allowed)


def _in_balls(tape: Tape, given: Mapping[str, Tensor], plain: Tensor, allowed: tuple[Tensor, Tensor] | None) -> _Found:
    with flint.ctx.workprec(BITS):
        carrier = Balls()
        found = carrier.get(_parts(tape, carrier, given)).reshape(-1)
        if any(float(v.rad()) > 2.0**-60 * (1 + abs(float(v.mid()))) for v in found):
            return Verdict.WRONG, Why.WIDE, ""
        middles = torch.tensor([float(v.mid()) for v in found], dtype=torch.float64)
    return _far(plain, middles, allowed)


def _in_field(tape: Tape, given: Mapping[str, Tensor], exact: Sequence[Any]) -> _Found:
    carrier = FiniteField(torch.tensor(PRIMES))
    parts = _parts(tape, carrier, given)
    if bool(carrier.dead.all()):
        raise ZeroDivisionError
    if not exact:
        return Verdict.WRONG, Why.VALUE, ""
    (part,) = parts
    rows = part.expand(len(PRIMES), -1).tolist()
    for prime, row, dead in zip(PRIMES, rows, carrier.dead.tolist(), strict=True):
        if not dead and row != [v.numerator * pow(v.denominator, -1, prime) % prime for v in exact]:
            return Verdict.WRONG, OtherResidues(prime), ""
    return _FINE


def _degree_and_height(tape: Tape, given: Mapping[str, Tensor]) -> _Found:
    """The true degree and height of the polynomials against their bounds."""
    count = sum(v.numel() for v in given.values())
    if count > FEW_VARIABLES:
        return Verdict.REFUSED, ManyVariables(FEW_VARIABLES), ""
    ring = FlintPolynomials([f"x{i}" for i in range(count)])
    carrier = Handles(ring)
    variables = iter(ring.variables.values())
    lifted = {n: carrier.put([next(variables) for _ in range(v.numel())], v.shape) for n, v in given.items()}
    polynomials = carrier.get(_parts(tape, carrier, given, lifted)).reshape(-1)
    bounds = []
    for made in (Degree(), Height()):
        parts = {n: made.indeterminate(v.shape) for n, v in given.items()}
        numerator, denominator = _parts(tape, made, given, parts)
        if bool(denominator.any()):
            raise NoRule("a rational function")
        bounds.append(numerator.reshape(-1).tolist())
    for polynomial, degree, height in zip(polynomials, *bounds, strict=True):
        if polynomial.is_zero():
            continue
        norm = sum(abs(as_fraction(c)) for c in polynomial.coeffs())
        if polynomial.total_degree() > degree - 1:
            return Verdict.WRONG, Above("degree", polynomial.total_degree(), degree - 1), ""
        if norm > 2.0**height - 1 and float(1 + norm) > 2.0 ** (height * (1 + 2.0**-40) + 2.0**-40):
            return Verdict.WRONG, Above("height", float(norm), 2.0**height - 1), ""
    return _FINE


__all__ = ["Call", "Conformance", "Layout", "Outcome", "Sample", "Verdict", "Way", "judged", "run", "samples"]
