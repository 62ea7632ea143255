"""When a recording counts as the program: bare bits, one canonical form at fresh points, a replay with the same bits, and
no number of the data that escaped.

Main definitions: `accept`, `accept_straight`. A recording runs alone, and is compared with calls in which nothing of this
package is on.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from numeric.tape.escapes import escapes, only_raises
from numeric.tape.float_replay import ReplayFailed, replay
from numeric.tape.foreign import Watch
from numeric.tape.local_check import Known, check
from numeric.tape.places import shown
from numeric.tape.recorder import record
from numeric.tape.refusals import RANDOMLY, WHY, DataDependent, NoTensor, OtherBits, Refused
from numeric.tape.storage_tape import Escape, Tape, same_bits

FAST_PATHS = frozenset("_native_multi_head_attention _transformer_encoder_layer_fwd _nested_tensor_from_mask".split())
"""Fused kernels without a rule; the module takes another path when they are switched off."""
CHANGING = "the code runs other operations, or with other constants, from call to call"
UNWATCHED = (
    "it raises while its calls are watched, which a plain call does not, so that no way out for the data can be seen"
)
THREAD = "works on another thread, whose operations no recording has"
LOOKS = "the code takes another path while it is recorded: it looks at what kind of array it was given"
DECIDES = "data-dependent: a number of the data decides what the code does"
TO_NUMPY = (
    "hands tensors to numpy, where no operation is seen: use torch's function, or keep numpy code in functions that call "
    "nothing of torch"
)
_TO_NUMPY = ("numpy", "__array__", "__dlpack__")
WARM = 2
"""Calls before the first recording, in which caches and compilers settle."""
POINTS = 3

Draw = Callable[[int], Mapping[str, Tensor]]
Change = Callable[[Tensor], Tensor]
FAR: tuple[Change, ...] = (
    *(lambda x, c=c: c * x for c in (10.0, -1e3, 1e6, 1e12, 1e-6)),
    torch.zeros_like,
    lambda x: x[:1].expand(x.shape).clone() if x.ndim else x,
)
"""Points at which numbers pass what a code may compare them with: large, small, none, and rows that are all equal."""
ENDLESS = ("polygamma", "special_zeta")
"""Operators that do not end at such points."""
ELSEWHERE = "data-dependent: at larger, smaller or equal numbers the code takes another path"


class Changing(Refused):
    """Recordings at several points are not the same."""


def accept(program: Callable[..., Any], draw: Draw, *, points: int = POINTS) -> Tape:
    """The tape of `program`, recorded at points `draw(0)`, `draw(1)`, ... and accepted.

    points: how many recordings are compared. Raises Refused with the reason where a recording does not count, and what
    the program raises.
    """
    for k in range(WARM if points > 1 else 0):
        _bare(program, draw(k))
    with contextlib.ExitStack() as settings:
        try:
            tape = _recorded(program, draw, settings, points)
        except Changing:
            _guards(_escapes(program, draw(WARM + points)))  # numbers that left and came back as constants are why
            raise
        found = {e: None for e in (*tape.escapes, *_escapes(program, draw(WARM + points)))}
        if points > 1 and not tape.faults:
            _elsewhere(program, tape, draw(WARM))
    marked = _guards(found)
    return replace(tape, escapes=marked)


def accept_straight(
    program: Callable[..., Any], draw: Draw, *, points: int = POINTS, known: Known | None = None
) -> Tape | None:
    """The tape of a program that can't choose (`numeric.tape.straight`); None where `accept` has to say what is wrong.

    One recording is enough. Its code keeps nothing from call to call and catches nothing, so that at one size only numbers
    of the data could lead it elsewhere, or come back as constants; none leaves by a method, as the watch says, and none by
    an operation, as the recording says. More calls, and points far off, could not show anything else. Bits and rules are
    held against torch's as in `accept`, and at a second point the replay has the bits of the code.
    points: 1 compares the recording with a bare call and no more. known: rules that other recordings were held against
    torch's kernels with. Raises Refused where a rule is not what torch computes.
    """
    inputs = draw(WARM)
    tape, value = record(program, inputs, seed=WARM)
    fused = any(o.base in FAST_PATHS for o in tape.operations)
    if fused or tape.faults or tape.escapes or tape.random or not bool(torch.isfinite(value).all()):
        return None
    plain = _bare(program, inputs)
    if not same_bits(value, plain):
        return None
    if points == 1:
        return tape
    further = draw(WARM + 1)
    try:
        same = same_bits(replay(tape, inputs), plain) and same_bits(replay(tape, further), _bare(program, further))
    except ReplayFailed:
        return None
    if not same:
        return None
    check(tape, inputs, known)
    return tape


def _escapes(program: Callable[..., Any], inputs: Mapping[str, Tensor]) -> tuple[Escape, ...]:
    """Ways out for the data that are no operations. Raises Refused where they can't be seen."""
    try:
        return escapes(program, inputs)
    except Exception as error:
        raise Refused("the code", "a watched run", f"{UNWATCHED} ({type(error).__name__})") from None


def recorded_here(program: Callable[..., Any], inputs: Mapping[str, Tensor]) -> Tape:
    """The tape of one call, which says what that call computed and nothing of any other. Raises Refused where a bare call
    has other bits, or the tape's replay has."""
    plain = _bare(program, inputs)
    tape, value = record(program, inputs)
    try:
        same = same_bits(plain, value) and same_bits(replay(tape, inputs), plain)
    except ReplayFailed as failure:
        raise Refused("the recording", "a replay", str(failure)) from None
    if not same:
        raise OtherBits("a call")
    return tape


def _elsewhere(program: Callable[..., Any], tape: Tape, inputs: Mapping[str, Tensor]) -> None:
    """The replay against bare runs at points that no draw comes near; where the code raises there, that is its word.

    What leaves a program by a way that no recorder sees, and what it does after a check of its own has failed, shows here.
    Raises Refused.
    """
    for operation in tape.operations:
        if any(name in str(operation.function) for name in ENDLESS):
            raise Refused(
                str(operation.function), "a point far off", "its kernel takes a step for each unit of its argument"
            )
    for change in FAR:
        there = {name: change(value) for name, value in inputs.items()}
        with Watch() as unseen:
            try:
                plain = _bare(program, there)
            except Exception:
                continue
        if unseen.ran:  # its kernels are not torch's: its path is compared
            with Watch() as seen:
                again, value = record(program, there)
            if not same_bits(plain, value) or seen.parts_from(unseen) is not None or again.digest != tape.digest:
                raise DataDependent("the code", "a point far off", ELSEWHERE)
            continue
        try:
            same = same_bits(replay(tape, there), plain)
        except ReplayFailed:
            same = False
        if not same:
            raise DataDependent("the code", "a point far off", ELSEWHERE)


def _guards(found: Iterable[Escape]) -> tuple[Escape, ...]:
    """Escapes that can only raise, marked as that. Raises Refused for any other."""
    marked = tuple(replace(e, guard=e.guard or only_raises(e.place)) for e in found)
    for escape in marked:
        if not escape.guard:
            library, _, named = escape.what.partition(".")
            name = named.split(".")[0] if library in ("aten", "numpy") else ""
            other = THREAD if library == "threading" else DECIDES
            reason = TO_NUMPY if named in _TO_NUMPY else WHY.get(name, other)
            raise DataDependent(escape.what, shown(escape.place), escape.why or reason)
    return marked


def _recorded(program: Callable[..., Any], draw: Draw, settings: contextlib.ExitStack, points: int) -> Tape:
    """One tape for all points, each recording compared with a bare run and with its own replay."""
    first: Tape | None = None
    for k in range(WARM, WARM + points):
        inputs = draw(k)
        if k == WARM + 1:
            _bare(program, inputs)  # so that recordings are not every other call
        with Watch() as seen:
            tape, value = record(program, inputs, seed=k)
        if first is None and any(o.base in FAST_PATHS for o in tape.operations):
            settings.enter_context(_without_fast_paths())
            with Watch() as seen:
                tape, value = record(program, inputs, seed=k)
        with Watch() as unseen:
            plain = _bare(program, inputs)
        if not same_bits(plain, value):
            again = _bare(program, inputs)
            if tape.random or not same_bits(plain, again):  # two draws may be equal by chance
                raise Refused("the code", "two calls", RANDOMLY)
            raise Refused(
                "the recording",
                "a bare run",
                "the code computes other bits while it is recorded: it reads memory that nothing wrote, or it looks at "
                "how it is called",
            )
        _guards(tape.escapes)  # they are why recordings may differ
        parted = seen.parts_from(unseen)
        if parted is not None:
            raise Refused("the recording", shown(parted), LOOKS)
        if first is not None and tape.digest != first.digest:
            if tape.random:
                raise Refused("the recording", "a fresh point", RANDOMLY)
            raise Changing("the recording", "a fresh point", CHANGING)
        if tape.faults:
            first = first or tape
            continue  # a replay refuses it by name
        if seen.ran:  # a replay has torch's own kernels, so it is held against a recording that has them too
            with Watch(own=False):
                theirs, plain = record(program, inputs, seed=k)
            if theirs.digest != (first or tape).digest:
                raise Refused("the recording", "torch's kernels in numpy's place", CHANGING)
        try:
            same = same_bits(replay(first or tape, inputs), plain)
        except ReplayFailed as failure:
            raise Refused("the recording", "a replay", str(failure)) from None
        if not same:
            raise OtherBits("a replay")
        if first is None and points > 1:
            check(tape, inputs)
        first = first or tape
    assert first is not None
    return first


def _bare(program: Callable[..., Any], inputs: Mapping[str, Tensor]) -> Tensor:
    with torch.no_grad():
        result = program(**{name: value.detach().clone() for name, value in inputs.items()})
    if not isinstance(result, Tensor):
        raise NoTensor(f"returned {type(result).__name__}, expected one tensor")
    return result.detach()


@contextlib.contextmanager
def _without_fast_paths() -> Iterator[None]:
    before = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        yield
    finally:
        torch.backends.mha.set_fastpath_enabled(before)
