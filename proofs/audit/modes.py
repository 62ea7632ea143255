"""The ways in which a target is called besides the audit's own: do they change what it computes?

Without gradients, in inference mode, on inputs that require gradients, or one that does, on parameters of a model, on
gates that are Python numbers, under autocast, with float32 as torch's default, on one tensor for X and Y, in training and
after it, in float32, on arrays with other strides, again after other data, many times, and in a process without this
package. The same bits settle it; other bits are compared with the learner within rounding bounds, in that mode.
Main definition: `modes`.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor
from torch.utils._pytree import tree_map_only

from numeric.deciding.programs import Program, Sizes
from numeric.entropy import Entropy
from numeric.finding import Finding, Said, Verdict
from numeric.tape.dispatch import Dispatch
from proofs.audit import fresh
from proofs.audit.compared import How
from proofs.audit.findings import Act, CallAgain, Calls, Harmless, Moved, Untried
from proofs.audit.generators import unseeded
from proofs.audit.handed import Argument, Handed, Seen, differentiable, number, parameter, requiring, sliced, strided
from proofs.audit.inference import at_length
from proofs.audit.mode_calls import mode_calls
from proofs.audit.mode_runs import Runs, bare, equal, far_lengths
from proofs.audit.results import results_kept
from proofs.audit.rows import Row
from proofs.audit.switches import asked_for
from proofs.audit.together import (
    AUTOCAST,
    FLOAT32,
    GRADIENTS,
    STRIDES,
    TRAINING,
    Through,
    Way,
    layered,
    together,
)
from proofs.audit.whole import Found
from proofs.audit.world import Mode, Refusal, Same
from proofs.target.adapters import Adapter, adapt
from proofs.target.calling import raised
from proofs.target.case import Case
from proofs.target.loading import Target
from proofs.target.source.lines import Lines

PARAMETERS = "inputs that are parameters"
_CALLS = 16
"""How often the same call is made, at least."""
_MOST = 320
"""And at most, where the code mentions integers that a counter may run to."""
_WIDE, _FEW = 64, 3
"""Integers up to here, and the largest so many, are passed in width by calls before."""


@dataclass(frozen=True)
class Modes:
    """What was found, and the rows of what differs. calls: sizes of further calls in which every mode gave the plain numbers."""

    modes: tuple[Mode, ...]
    rows: tuple[Row, ...] = ()
    calls: tuple[Sizes, ...] = ()
    refusals: tuple[Refusal, ...] = ()


def modes(
    case: Case,
    loaded: Target,
    adapter: Any,
    text: str | None,
    kinds: tuple[How, ...],
    sizes: Sizes,
    mentioned: Sequence[int],
    entropy: Entropy,
    square: Sizes | None = None,
    memory: bool = False,
    fixed: Collection[str] = (),
    whole: Found | None = None,
) -> Modes:
    """All modes at these sizes. adapter: as the user gave it; text: the target's name, where a process can load it; square:
    sizes with f = m at which the sides agree. memory: whether calls use what earlier ones left. fixed: sizes that
    stay. whole: what whole calls showed.
    """
    data = case.draw(sizes, torch.Generator().manual_seed(entropy.child("modes").below(2**31)))
    try:
        plain = case.layer(**data).detach().clone()
    except Exception as error:  # it needs another mode than torch's own
        return Modes((Mode("plain", Same.RAISES, raised(error)),))
    runs = Runs(case, loaded, kinds, sizes, data, plain, entropy.child("modes"))
    runs.compare("no_grad", _without_gradients(torch.no_grad))
    runs.compare("inference_mode", _without_gradients(torch.inference_mode))
    runs.compare("inputs that require grad", _under(torch.enable_grad, differentiable))
    alone = _alone(runs, loaded, adapter)
    _handed(runs, loaded, adapter)
    for name, layer, dtype, why in (
        ("autocast", _under(_autocast), torch.bfloat16, Harmless.AUTOCAST),
        ("default dtype float32", _single_default, torch.float32, Harmless.DEFAULT),
    ):
        runs.compare(name, layer, _rounds(runs, layer, dtype, why))
    if square is not None:
        _one_tensor(runs, square)
    runs.single(far_lengths(kinds, sizes, mentioned) if "N" not in fixed else ())
    runs.compare("strided inputs", _through(loaded, adapter)(Handed(strided)))
    runs.compare("slices of wider arrays", _through(loaded, adapter)(Handed(sliced)))
    _training(runs)
    for name, mode in asked_for(runs.words):
        runs.compare(name, _under(mode))
    if text is not None:
        _fresh(runs, adapter, text)
        for others in _others(sizes, mentioned) if memory else ():
            _fresh(runs, adapter, text, others)
        if memory:
            _fresh(runs, adapter, text, short=True)
            _set_anew(runs, adapter, text)
    _again(runs, mentioned)
    results_kept(runs, whole or Found(), lambda seen: _adapter(loaded, adapter, seen))
    for generator in unseeded(lambda: case.layer(**data), plain):
        runs.add(f"numbers of {generator}'s generator", Same.RANDOM, Untried.UNSEEDED)
    ways = _ways(runs, alone)
    together(case, ways, data, runs.within, _through(loaded, adapter), runs.words, runs.add)
    if runs.rows:
        return Modes(tuple(runs.found), tuple(runs.rows))

    def adapted(chosen: Sequence[Way]) -> Adapter:
        return _adapter(loaded, adapter, Seen(loaded.call, *(w.handed for w in chosen if w.handed is not None)))

    ways = [way for way in ways if way.kind != AUTOCAST]  # whose products have few digits wherever it meets one
    if any(m.name == PARAMETERS and m.same in (Same.BITS, Same.ROUNDING) for m in runs.found):
        ways.append(Way(GRADIENTS, PARAMETERS, torch.enable_grad, handed=Handed(parameter)))
    far = mode_calls(case, ways, adapted, whole or Found(), sizes, mentioned, entropy.child("mode calls"), fixed)
    return Modes((*runs.found, *far.modes), tuple(far.rows), tuple(far.sizes), tuple(far.refusals))


def _under(
    mode: Callable[[], Any], change: Callable[[Mapping[str, Any]], Mapping[str, Any]] = dict
) -> Callable[[Case], Program]:
    def under(case: Case) -> Program:
        def run(**inputs: Any) -> Any:
            with mode():
                return case.layer(**change(inputs))

        return run

    return under


def _without_gradients(mode: Callable[[], Any]) -> Callable[[Case], Program]:
    under = _under(mode)
    return lambda case: under(replace(case, grad=False))


def _autocast() -> Any:
    return torch.autocast("cpu", dtype=torch.bfloat16)


class _Computed(Dispatch):  # type: ignore[no-untyped-call]
    """Notes whether anything is computed in this type."""

    found = False

    def __init__(self, dtype: torch.dtype) -> None:
        super().__init__()
        self.dtype = dtype

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        self.found = self.found or any(leaf.dtype == self.dtype for leaf in fresh.leaves(result))
        return result


def _single_default(case: Case) -> Program:
    return replace(case, default=torch.float32).layer


def _rounds(runs: Runs, layer: Callable[[Case], Program], dtype: torch.dtype, why: Said) -> Said | None:
    """`why`, if the layer computes anything in this type: then other numbers are none of the target's claim."""
    try:
        with _Computed(dtype) as seen:
            layer(runs.case)(**runs.data)
    except Exception:  # what it raises there is said
        return None
    return why if seen.found else None


def _one_tensor(runs: Runs, sizes: Sizes) -> None:
    """X and Y the same tensor, as in self-supervised calls; the learner gets its numbers twice."""
    case, name = runs.case, "X is Y"
    data = case.draw(sizes, torch.Generator().manual_seed(runs.entropy.child("square").below(2**31)))
    data["Y"] = data["X"].clone()
    try:
        plain = case.layer(**data).detach().clone()
    except Exception as error:  # the target is anybody's code
        return runs.add(name, Same.RAISES, raised(error))
    twin = replace(runs, sizes=sizes, data=data, plain=plain)
    return twin.compare(name, lambda case: lambda X, Y, **rest: case.layer(X=X, Y=X, **rest))


def _adapter(loaded: Target, adapter: Any, seen: Seen) -> Adapter:
    return adapt(replace(loaded, call=seen), adapter)


def _through(loaded: Target, adapter: Any) -> Through:
    """The layer with its target's arguments changed on their way in."""

    def through(*changes: Handed) -> Callable[[Case], Program]:
        def layer(case: Case) -> Program:
            return lambda **inputs: case.through(_adapter(loaded, adapter, Seen(loaded.call, *changes)), **inputs)

        return layer

    return through


def _alone(runs: Runs, loaded: Target, adapter: Any) -> list[Way]:
    """Each argument of the target alone requires grad; the ways that change nothing. One mode where all do alike."""
    seen = Seen(loaded.call)
    try:
        runs.case.through(_adapter(loaded, adapter, seen), **runs.data)
    except Exception:  # the target is anybody's code: it ran before
        return []
    given: dict[Argument, None] = {}
    for args, kwargs in seen.calls:
        named: list[tuple[Argument, Any]] = [*enumerate(args), *kwargs.items()]
        given |= dict.fromkeys(a for a, value in named if isinstance(value, Tensor) and value.is_floating_point())
    ways: list[Way] = []
    first = len(runs.found)
    for argument in given:
        called = loaded.parameters[argument] if isinstance(argument, int) else argument
        way = Way(GRADIENTS, f"{called} alone requires grad", torch.enable_grad, handed=Handed(requiring, (argument,)))
        runs.compare(way.name, layered((way,), _through(loaded, adapter)))
        ways += [way] if runs.found[-1].same in (Same.BITS, Same.ROUNDING) else []
    tried = runs.found[first:]
    if len({m.same for m in tried}) == 1 < len(tried) and tried[0].same in (Same.BITS, Same.ROUNDING, Same.RAISES):
        runs.found[first:] = [replace(tried[0], name="each argument alone requires grad")]
    return ways


def _handed(runs: Runs, loaded: Target, adapter: Any) -> None:
    """Arguments as a model has them: all of them parameters, the start and the gates alone, gates Python's numbers."""
    runs.compare(PARAMETERS, _through(loaded, adapter)(Handed(parameter)))
    named = runs.case.adapter.named
    if not named:
        return None
    runs.compare("start and gates that are parameters", _through(loaded, adapter)(Handed(parameter, named)))
    name, seen = "gates that are Python numbers", Seen(loaded.call, Handed(number, named))
    try:
        out = runs.case.through(_adapter(loaded, adapter, seen), **runs.data).detach().clone()
    except Exception as error:  # the target is anybody's code
        return runs.add(name, Same.RAISES, raised(error))
    if not any(isinstance(value, float) for _, kwargs in seen.calls for value in kwargs.values()):
        return None
    if equal(out, runs.plain):
        return runs.add(name, Same.BITS)
    if not set(runs.kinds) & {How.FLOAT, How.LIFTED}:  # no bound says what is rounding
        return runs.add(name, Same.UNCOMPARED)
    return runs.moved(name, out, Moved.NUMBERS)


def _training(runs: Runs) -> None:
    """A module in training mode; what dropout and batch normalisation do there is known, and noted at loading."""
    module = runs.loaded.call
    if not isinstance(module, torch.nn.Module):
        return
    kinds = (torch.nn.modules.batchnorm._BatchNorm, torch.nn.modules.dropout._DropoutNd)
    lively = sorted({type(m).__name__ for m in module.modules() if isinstance(m, kinds)})
    with _trained(module):
        harmless = Act(tuple(lively)) if lively else None
        runs.compare("training", bare, harmless)
        module.eval()
        runs.compare("after training", bare, harmless)


@contextmanager
def _trained(module: torch.nn.Module) -> Iterator[None]:
    before = copy.deepcopy(module.state_dict())
    module.train()
    try:
        yield
    finally:
        module.eval()
        module.load_state_dict(before)


def _ways(runs: Runs, alone: Sequence[Way]) -> list[Way]:
    """The modes that gave the numbers of the plain run, or rounded them."""
    module = runs.loaded.call
    ways = [
        *([] if runs.case.grad else [Way(GRADIENTS, "no_grad", torch.no_grad)]),
        *([] if runs.case.grad else [Way(GRADIENTS, "inference_mode", torch.inference_mode)]),
        Way(GRADIENTS, "inputs that require grad", torch.enable_grad, differentiable),
        Way(AUTOCAST, "autocast", _autocast),
        Way(FLOAT32, "float32", change=lambda inputs: {n: t.float() for n, t in inputs.items()}),
        Way(STRIDES, "strided inputs", handed=Handed(strided)),
        Way(STRIDES, "slices of wider arrays", handed=Handed(sliced)),
    ]
    if isinstance(module, torch.nn.Module):
        ways.append(Way(TRAINING, "training", lambda: _trained(module)))
    held = {m.name for m in runs.found if m.same in (Same.BITS, Same.ROUNDING)}
    return [*alone, *(w for w in ways if w.name in held)]  # strides come last, after copies


def _again(runs: Runs, mentioned: Sequence[int]) -> None:
    """The same call after one with other data, and then again and again: past what a counter in the code may run to."""
    case, name = runs.case, "called again"
    other = case.draw(runs.sizes, torch.Generator().manual_seed(runs.entropy.child("other").below(2**31)))
    times = min(_MOST, max([_CALLS, *(c + 2 for c in mentioned if c < _MOST)]))
    try:
        case.layer(**other)
        for number in range(2, times + 1):
            out = case.layer(**runs.data).detach()
            if not equal(out, runs.plain):
                return runs.moved(name, out, CallAgain(number))
    except Exception as error:  # the target is anybody's code
        return runs.add(name, Same.RAISES, raised(error))
    return runs.add(name, Same.BITS, Calls(times))


def _others(sizes: Sizes, mentioned: Sequence[int]) -> Iterator[list[dict[str, int]]]:
    """Sizes to call at before, the largest first: each list differs from the audit's in one of them alone."""
    near = [c + 1 for c in mentioned if c <= _WIDE][-_FEW:]
    lengths = [_MOST, *(c + 1 for c in mentioned if c < _MOST)][: _FEW + 1]
    for name, values in (("N", lengths), ("f", [_WIDE + 3, *near]), ("m", [_WIDE + 3, *near])):
        yield [{**sizes, name: n} for n in values]


def _differing(others: Sequence[Sizes], sizes: Sizes) -> str:
    return next(name for name in sizes if any(other[name] != sizes[name] for other in others))


def _fresh(runs: Runs, adapter: Any, text: str, first: Sequence[Sizes] = (), short: bool = False) -> None:
    """The call in a fresh process, after calls at the sizes `first`. short: after the same call in float32."""
    name = f"fresh process, after calls at other {_differing(first, runs.sizes)}" if first else "fresh process"
    name = "fresh process, float32 first" if short else name
    if runs.case.needs_lift or runs.case.lifted:
        return runs.add(name, Same.NOT_RUN, Untried.LIFTED)
    before = Seen(runs.loaded.call)
    for sizes in first:
        generator = torch.Generator().manual_seed(runs.entropy.child("first").below(2**31))
        with suppress(Exception):  # the target is anybody's code, and may refuse them
            at_length(runs.case, sizes, law=True)
            unseen = replace(runs.case, lines=Lines(()))  # nothing is compared here
            unseen.through(_adapter(runs.loaded, adapter, before), **unseen.draw(sizes, generator))
    seen = Seen(runs.loaded.call)
    try:
        runs.case.through(_adapter(runs.loaded, adapter, seen), **runs.data)
        earlier = [*before.calls[: len(before.results)], *([_rounded(c) for c in seen.calls] if short else [])]
        results = fresh.calls(text, seen.calls, runs.loaded.numpy, earlier)
    except fresh.Unavailable as error:
        return runs.add(name, Same.NOT_RUN, str(error))
    except Exception as error:  # the target is anybody's code
        return runs.add(name, Same.RAISES, raised(error))
    here = [fresh.leaves(result) for result in seen.results]
    alike = len(here) == len(results) and all(
        len(a) == len(b) and all(equal(x, y) for x, y in zip(a, b, strict=True))
        for a, b in zip(here, results, strict=True)
    )
    if alike:
        return runs.add(name, Same.BITS)
    why = Moved.PROCESS_AFTER if first or short else Moved.PROCESS
    try:
        given = iter(fresh.filled(seen.results, results))
        stub = adapt(replace(runs.loaded, call=lambda *args, **kwargs: next(given)), adapter)
        out = runs.case.through(stub, **runs.data)
    except Exception:  # the results have another form there
        return runs.add(name, Same.DIFFERS, why, Finding(Verdict.REFUTED, reason=why))
    return runs.moved(name, out, why)


_LESS = 15 / 16
"""What parameters are multiplied by: decays stay decays."""


def _set_anew(runs: Runs, adapter: Any, text: str) -> None:
    """A module whose parameters are set to others, as by training or from a file, after a call, and before any."""
    module, name = runs.loaded.call, "parameters set later"
    held = dict(module.named_parameters()) if isinstance(module, torch.nn.Module) else {}
    others = {n: p.detach() * _LESS for n, p in held.items() if p.is_floating_point()}
    if not others:
        return None
    seen = Seen(module)
    try:
        runs.case.through(_adapter(runs.loaded, adapter, seen), **runs.data)
        after, before = (fresh.calls(text, seen.calls, runs.loaded.numpy, calls, others) for calls in (seen.calls, ()))
    except fresh.Unavailable as error:
        return runs.add(name, Same.NOT_RUN, str(error))
    except Exception as error:  # the target is anybody's code
        return runs.add(name, Same.RAISES, raised(error))
    pairs = [(a, b) for x, y in zip(after, before, strict=True) for a, b in zip(x, y, strict=False)]
    if all(equal(a, b) for a, b in pairs):
        return runs.add(name, Same.BITS)
    return runs.add(name, Same.DIFFERS, Moved.PARAMETERS, Finding(Verdict.REFUTED, reason=Moved.PARAMETERS))


def _rounded(call: fresh.Call) -> fresh.Call:
    """The call with its numbers in float32."""
    return tree_map_only(Tensor, lambda t: t.float() if t.is_floating_point() else t, call)
