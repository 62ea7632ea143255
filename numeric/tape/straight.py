"""Code that can't choose: everything that ran is in the language of `numeric.tape.lint`, so that no call matters to another.

Main definitions: `watched`, `outside`, `chooses`.
At one size such code can do something else than before only by numbers that it takes out of arrays: by methods, for which
`chooses` watches, or by operations, which a recording shows. Where there are none, each call does the same operations.
"""

from __future__ import annotations

import sys
import sysconfig
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, is_dataclass
from functools import cache, lru_cache
from importlib.util import find_spec
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

import torch
from torch import Tensor

import numeric
from numeric.finding import Said
from numeric.tape.lint import Holds, Module, Offence, read, stateful

TRUSTED = ("constructions/primitives.py", "constructions/namespace.py")
"""The primitives themselves: their loops are over tokens and steps, and the values at small sizes test them."""
_ROOT, _ENGINE = Path(numeric.__file__).parents[1], Path(numeric.__file__).parent
_LIBRARIES = (
    *(Path(sysconfig.get_paths()[name]).resolve() for name in ("stdlib", "platstdlib")),
    *(
        Path(folder).resolve()
        for name in ("torch", "numpy", "scipy", "array_api_compat", "opt_einsum")
        if (spec := find_spec(name)) is not None
        for folder in spec.submodule_search_locations or ()
    ),
)
"""What is not asked: Python's own, and arrays. What these decide by numbers they have to take from an array first."""
_HANDING_OUT = frozenset(
    "item tolist numpy data_ptr untyped_storage storage apply_ map_ map2_ __array__ __dlpack__ __contains__".split()
)
"""Methods of a tensor that hand out its numbers, and may leave no operation."""


@dataclass(frozen=True)
class NoSource(Said):
    """A function that ran has no source to read."""

    name: str


@dataclass(frozen=True)
class KeepsState(Said):
    """A function that ran could keep state from call to call."""

    file: str
    line: int
    name: str
    what: Holds


@dataclass(frozen=True)
class Hides(Said):
    """A line could hide a branch or a loop."""

    file: str
    offence: Offence


@dataclass(frozen=True)
class HandsOut(Said):
    """A function takes numbers of a tensor by this method."""

    name: str
    method: str


@dataclass
class Ran:
    """What ran: the code of Python functions, each with the first value it read that can keep state (or nothing); and by
    which methods numbers left a tensor, with the code that took them."""

    codes: dict[CodeType, Holds | None] = field(default_factory=dict)
    handed: list[HandsOut] = field(default_factory=list)


@contextmanager
def watched(written: Collection[CodeType] = ()) -> Iterator[Ran]:
    """Notes what runs inside the block. written: constructors that Python wrote for named tuples, which have no source."""
    found = Ran()
    ran = found.codes

    def note(frame: FrameType, event: str, argument: Any) -> None:
        if event == "c_call":
            if argument.__name__ in _HANDING_OUT and isinstance(getattr(argument, "__self__", None), Tensor):
                found.handed.append(HandsOut(frame.f_code.co_name, argument.__name__))
            return
        if event != "call":
            return
        code = frame.f_code
        if code in ran and (ran[code] or not code.co_freevars):  # nothing new to be read
            return
        if code in written or _of_data_class(frame):
            return
        read = {n: frame.f_globals[n] for n in code.co_names if n in frame.f_globals} if code not in ran else {}
        read |= {n: frame.f_locals[n] for n in code.co_freevars if n in frame.f_locals}
        ran[code] = next(filter(None, (stateful(name, value) for name, value in read.items())), None)

    before = sys.getprofile()
    sys.setprofile(note)
    try:
        yield found
    finally:
        sys.setprofile(before)


def _of_data_class(frame: FrameType) -> bool:
    """Whether it is a constructor that Python wrote for a data class."""
    code, made = frame.f_code, frame.f_locals.get("self")
    if code.co_filename != "<string>" or not is_dataclass(made):
        return False
    return any(getattr(getattr(type(made), n, None), "__code__", None) is code for n in ("__init__", "__eq__"))


def outside(ran: Ran, sized: bool = False) -> Said | None:
    """The first place outside the language in what ran, or None. Engine and array libraries are not asked.

    sized: about calls at one size, so that only what may last from call to call is.
    """
    if ran.handed:
        return ran.handed[0]
    places = list[tuple[Path, int, str]]()
    for code, state in ran.codes.items():
        path = _asked(code.co_filename)
        if path is None:
            continue
        if not path.is_file():
            return NoSource(code.co_name)
        if state:
            return KeepsState(path.name, code.co_firstlineno, code.co_name, state)
        places.append((path, code.co_firstlineno, code.co_name))
    for path, line, name in sorted(places):
        found = _offence(path, path.stat().st_mtime_ns, name, line, sized)
        if found is not None:
            return found
    return None


@cache
def _asked(file: str) -> Path | None:
    """Where code lies that has to be in the language; None where that is not asked."""
    if file.startswith("<frozen "):
        return None
    path = Path(file).resolve()
    if not path.is_relative_to(_ENGINE) and not any(path.is_relative_to(folder) for folder in _LIBRARIES):
        inside = path.relative_to(_ROOT).as_posix() if path.is_relative_to(_ROOT) else ""
        return None if inside in TRUSTED else path
    return None


@cache
def _offence(path: Path, changed: int, name: str, line: int, sized: bool) -> Hides | None:
    for offence in _module(path, changed).offences((name, line)):
        if offence.lasts or not sized:
            return Hides(path.name, offence)
    return None


@lru_cache(maxsize=32)  # a claim runs a few files, and their trees are large
def _module(path: Path, changed: int) -> Module:
    return read(path.read_text(encoding="utf-8"))


def chooses(program: Callable[..., Any], inputs: Mapping[str, Tensor]) -> Said | None:
    """Why a call may do something else with other numbers, or after other calls; None where it can't.

    Raises what the program raises.
    """
    with torch.no_grad(), watched() as ran:
        program(**{name: value.clone() for name, value in inputs.items()})
    return outside(ran, sized=True)
