"""Which lines of a target ran: branches that no bare call took say where a verdict ends.

A target's own code is followed instruction by instruction while it is called plainly. What is left is data: tests with
one outcome only, and lines that never ran. Lines that only raise are refusals, and a target that refuses says so itself.
Main definitions: `Lines`, `Unrun`.
"""

from __future__ import annotations

import ast
import dis
import inspect
import linecache
import sys
import sysconfig
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

import numpy as np
import torch
from torch import Tensor

from proofs.target.source.branches import Branch, source_of
from proofs.target.source.call_sites import CallSites

_HOUSE = Path(__file__).resolve().parents[3]
_FOREIGN = tuple(str(Path(module.__file__ or "").resolve().parent) + "/" for module in (torch, np))
_ROOMS = tuple(f"{_HOUSE / room}/" for room in ("constructions", "numeric", "proofs", "reports"))
_STANDARD = str(Path(sysconfig.get_paths()["stdlib"]).resolve()) + "/"
_INSTALLED = ("/site-packages/", "/dist-packages/")
_TARGETS = (f"{_HOUSE / 'proofs' / 'bench' / 'corpus'}/", str(_HOUSE / "proofs" / "bench" / "foreign.py"))
"""A folder and a file of this package that hold targets."""
_SILENT = ("RESUME", "MAKE_CELL", "COPY_FREE_VARS", "RETURN_GENERATOR", "NOP")
"""Instructions of which no event tells."""


@dataclass(frozen=True)
class Unrun:
    """Code that no bare call ran. lines: first and last; condition: the test that would have led there, with the outcome
    it never had, empty where none did. option: whether types, numbers of axes, arguments that the audit did not set, or
    literals that the target's code gives its helpers decide it, and no size."""

    file: str
    lines: tuple[int, int]
    condition: str = ""
    never: bool = True
    option: bool = False

    def line(self) -> str:
        """What never ran, in a line."""
        first, last = self.lines
        where = f"line {first}" if first == last else f"lines {first} to {last}"
        outcome = f": {self.condition} was {'never' if self.never else 'always'} true" if self.condition else ""
        return f"{where} of {Path(self.file).name} never ran{outcome}"

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        return {
            "file": self.file,
            "lines": list(self.lines),
            "condition": self.condition,
            "never": self.never,
            "option": self.option,
        }


def homes(call: Any) -> tuple[str, ...]:
    """The folders whose files are a target's own: that of its file, or its package where that is an installed one."""
    inner = inspect.unwrap(call) if callable(call) and not isinstance(call, type) else call
    inner = getattr(inner, "func", inner)
    found = []
    for thing in (inner, type(inner), *_wrapped(inner)):
        try:
            path = Path(inspect.getfile(thing)).resolve()
        except (TypeError, OSError):
            continue
        parts = path.parts
        installed = next((k for k, part in enumerate(parts) if f"/{part}/" in _INSTALLED), None)
        home = path.parent if installed is None else Path(*parts[: installed + 2])
        found.append(f"{home}/" if installed is None or home.is_dir() else str(home))
    return tuple(home for home in dict.fromkeys(found) if not home.startswith((*_FOREIGN, *_ROOMS, _STANDARD)))


def _wrapped(function: Any) -> Iterator[Any]:
    """What a wrapper of this package holds."""
    for cell in getattr(function, "__closure__", None) or ():
        try:
            if callable(cell.cell_contents):
                yield cell.cell_contents
        except ValueError:  # not filled yet
            continue


def own(file: str, roots: tuple[str, ...]) -> bool:
    """Whether a file holds a target's own code: one in these folders, and no library's or this package's."""
    if file.startswith("<"):
        return False
    path = str(Path(file).resolve())
    if path.startswith(_TARGETS):
        return True
    installed = any(part in path for part in _INSTALLED)
    ours = path.startswith((*_FOREIGN, *_ROOMS)) or (path.startswith(_STANDARD) and not installed)
    return path.startswith(roots) and not ours and (not installed or any(part in "".join(roots) for part in _INSTALLED))


class Lines:
    """What ran: for each code object the steps from instruction to instruction, by offset. roots: see `homes`."""

    def __init__(self, roots: tuple[str, ...]) -> None:
        self.roots = roots
        self.steps: dict[CodeType, set[tuple[int, int]]] = {}
        self._settled: dict[CodeType, frozenset[str]] = {}
        self._own: dict[str, bool] = {}

    @contextmanager
    def followed(self) -> Iterator[None]:
        """Follow the targets' code that runs in this block."""
        before = sys.gettrace()
        sys.settrace(self._entered)
        try:
            yield
        finally:
            sys.settrace(before)

    def _entered(self, frame: FrameType, event: str, arg: Any) -> Callable[..., Any] | None:
        code = frame.f_code
        if code.co_filename not in self._own:
            self._own[code.co_filename] = own(code.co_filename, self.roots)
        if not self._own[code.co_filename]:
            return None
        frame.f_trace_opcodes, frame.f_trace_lines = True, False
        steps = self.steps.setdefault(code, set())
        if code not in self._settled:
            self._settled[code] = _plain(frame)
        last = -1

        def step(frame: FrameType, event: str, arg: Any) -> Any:
            nonlocal last
            if event == "opcode":
                steps.add((last, frame.f_lasti))
                last = frame.f_lasti
            return step

        return step

    def unrun(self, call: Any, options: frozenset[str] = frozenset(), own: Any = None) -> tuple[Unrun, ...]:
        """Tests with one outcome and lines that never ran, in the code objects that ran.

        call: the target. options: names of its arguments that are no data and no tensors, which only the caller chooses.
        own: the adapter by which it is called, where a user wrote that.
        """
        found: dict[Unrun, None] = {}
        changed = frozenset(name for code in self.steps for name in _changed(code))
        through = next(_entries(own), None) if own is not None else None
        entries = tuple(_entries(call))
        sites = CallSites(self.steps, dict.fromkeys(entries, options), through)
        given = CallSites(self.steps, {code: _arguments(code) for code in entries}, through)
        for code, steps in self.steps.items():
            known = _Known(sites.settled(code), given.settled(code), self._settled[code] - changed)
            found |= dict.fromkeys(_unrun(code, steps, known))
        return tuple(sorted(found, key=lambda u: (u.file, u.lines, u.condition)))


def _entries(call: Any) -> Iterator[CodeType]:
    """The code of a target that is called from outside."""
    inner = inspect.unwrap(call) if callable(call) and not isinstance(call, type) else call
    inner = getattr(inner, "func", inner)
    for thing in (inner, *_wrapped(inner)):
        for part in (thing, *(getattr(thing, name, None) for name in ("forward", "__call__", "__init__"))):
            code = getattr(part, "__code__", None)
            if isinstance(code, CodeType):
                yield code


_SIMPLE = (bool, int, float, str, type(None), Enum, torch.nn.Module, torch.dtype)


def _plain(frame: FrameType) -> frozenset[str]:
    """What a function finds set when it is called: plain globals, what it closes over, and attributes of its module."""
    code = frame.f_code
    found: dict[str, Any] = {}
    found |= {name: frame.f_globals[name] for name in code.co_names if name in frame.f_globals}
    found |= {name: frame.f_locals[name] for name in code.co_freevars if name in frame.f_locals}
    if code.co_argcount and code.co_varnames[0] == "self":
        held = getattr(frame.f_locals.get("self"), "__dict__", {})
        modules = held.get("_modules") or {}
        found |= {
            f"self.{name}": {**held, **modules}[name] for name in code.co_names if name in held or name in modules
        }
    return frozenset(name for name, value in found.items() if isinstance(value, _SIMPLE))


def _changed(code: CodeType) -> Iterator[str]:
    """Names that a function sets for others, or that are its own variables there."""
    yield from code.co_cellvars
    for instruction in dis.get_instructions(code):
        if instruction.opname in ("STORE_GLOBAL", "STORE_DEREF", "STORE_NAME"):
            yield instruction.argval
        elif instruction.opname == "STORE_ATTR":
            yield f"self.{instruction.argval}"


@dataclass(frozen=True)
class _Known:
    """What no size decides in a function: arguments that are options, arguments that are as the target's caller gave
    them (so that only the caller makes them None), and what was set before all calls."""

    options: frozenset[str]
    given: frozenset[str]
    settled: frozenset[str]


def _arguments(code: CodeType) -> frozenset[str]:
    return frozenset(code.co_varnames[: code.co_argcount + code.co_kwonlyargcount])


def _unrun(code: CodeType, steps: set[tuple[int, int]], known: _Known) -> Iterator[Unrun]:
    instructions = [i for i in dis.get_instructions(code) if i.opname != "EXTENDED_ARG"]
    ran = {at for _, at in steps}
    refusing = source_of(code).refusals
    place = {i.offset: _line(i) for i in instructions if i.opname not in _SILENT}
    where = {i.offset: i for i in instructions}
    lines = {line for offset, line in place.items() if offset in ran and line}
    silent = sorted({line for line in place.values() if line} - lines - refusing)
    told: set[int] = set()
    for k, instruction in enumerate(instructions[:-1]):
        leaving = any(i.opname == "WITH_EXCEPT_START" for i in instructions[max(0, k - 2) : k])
        if instruction.offset not in ran or leaving or not _tests(instruction):  # leaving: whether a with swallows
            continue
        for goal, outcome in _outcomes(instruction, instructions[k + 1].offset):
            if (instruction.offset, goal) in steps or place.get(goal) in refusing:
                continue
            if goal in where and _left(code, instruction, where[goal], instructions, steps):
                continue
            text = _source(code, instruction)
            test = _statement(code, instruction)
            if test is not None and goal in where:  # the jump is the whole statement's, and may be turned round
                text, outcome = _told(test, where[goal])
            first = place.get(goal) or _line(instruction) or code.co_firstlineno
            block = _block(first, silent, lines) if first in silent else (_line(instruction) or first,) * 2
            told |= set(range(block[0], block[1] + 1))
            if goal in where:
                told |= _behind(code, instruction, where[goal])
            yield Unrun(code.co_filename, block, text, outcome, _option(code, instruction, text, known))
    for line, text in source_of(code).contexts:
        if line in lines:
            yield Unrun(code.co_filename, (line, line), f"an exception inside `{text}`")
    while silent:
        block = _block(silent[0], silent, lines)
        if silent[0] not in told:
            yield Unrun(code.co_filename, block)
        silent = [line for line in silent if line > block[1]]


def _left(
    code: CodeType,
    instruction: dis.Instruction,
    goal: dis.Instruction,
    instructions: list[dis.Instruction],
    steps: set[tuple[int, int]],
) -> bool:
    """Whether a loop was left by another copy of this test, which leads out of it too.

    The test of a `while` is compiled twice, before the loop and at its end; that the loop was never skipped altogether is
    no branch of the source, as it is none of a `for`.
    """

    def leaves(at: dis.Instruction) -> bool:
        return not _within(at, loop.test) and not any(_within(at, part) for part in loop.body)

    loops = [n for n in source_of(code).branches.values() if isinstance(n, ast.While) and _within(instruction, n.test)]
    if not loops:
        return False
    loop = max(loops, key=lambda node: (node.lineno, node.col_offset))
    where = {i.offset: i for i in instructions}
    copies = [i for i in instructions if i.positions == instruction.positions and i is not instruction and _tests(i)]
    return leaves(goal) and any(
        at == copy.offset and to in where and leaves(where[to]) for copy in copies for at, to in steps
    )


def _behind(code: CodeType, instruction: dis.Instruction, goal: dis.Instruction) -> set[int]:
    """The body of a statement whose test was left at its first operand: only the operands that never ran lead there."""
    found: set[int] = set()
    whole = _statement(code, instruction)
    for node in source_of(code).branches.values():
        from_test = node is whole or _within(instruction, node.test)
        if isinstance(node, ast.If) and from_test and _within(goal, node.test):
            found |= set(range(node.body[0].lineno, (node.body[-1].end_lineno or 0) + 1))
    return found


def _block(first: int, silent: list[int], ran: set[int]) -> tuple[int, int]:
    """From a silent line to the last one that follows without a line that ran."""
    end = min((line for line in ran if line > first), default=max(silent) + 1)
    return first, max(line for line in silent if line < end)


def _line(instruction: dis.Instruction) -> int | None:
    return instruction.positions.lineno if instruction.positions is not None else None


def _tests(instruction: dis.Instruction) -> bool:
    name = instruction.opname
    return "JUMP" in name and "_IF_" in name


def _outcomes(instruction: dis.Instruction, following: int) -> tuple[tuple[int, bool], tuple[int, bool]]:
    """Where the test leads, with its value there."""
    name = instruction.opname
    jumps = "IF_TRUE" in name or "NOT_NONE" in name
    return (instruction.argval, jumps), (following, not jumps)


def _statement(code: CodeType, instruction: dis.Instruction) -> Branch | None:
    """The statement, or conditional expression, that is all of an instruction's place."""
    at = instruction.positions
    if at is None:
        return None
    return source_of(code).branches.get((at.lineno, at.col_offset, at.end_lineno, at.end_col_offset))


def _told(node: Branch, goal: dis.Instruction) -> tuple[str, bool]:
    """What was never so, for a statement of which a part never ran: its test, or one operand of that; and the value."""
    if isinstance(node.test, ast.BoolOp) and _within(goal, node.test):
        before = [v for v in node.test.values if not _within(goal, v) and not _after(goal, v)]
        if before:
            return ast.unparse(before[-1]), isinstance(node.test.op, ast.And)
    return ast.unparse(node.test), any(_within(goal, part) for part in _body(node))


def _after(instruction: dis.Instruction, node: Any) -> bool:
    """Whether a part of the source begins behind an instruction."""
    at = instruction.positions
    return at is not None and (node.lineno, node.col_offset) > (at.lineno or 0, at.col_offset or 0)


def _body(node: Branch) -> list[Any]:
    return [node.body] if isinstance(node, ast.IfExp) else [*node.body]


def _within(instruction: dis.Instruction, node: Any) -> bool:
    """Whether an instruction belongs to a part of the source."""
    at = instruction.positions
    if at is None or at.lineno is None or at.col_offset is None:
        return False
    first, last = (node.lineno, node.col_offset), (node.end_lineno, node.end_col_offset)
    return first <= (at.lineno, at.col_offset) <= last


def _source(code: CodeType, instruction: dis.Instruction) -> str:
    """The test as it is written, for a test of None as a comparison of which `never` tells the outcome."""
    where = instruction.positions
    if where is None or None in (where.lineno, where.end_lineno, where.col_offset, where.end_col_offset):
        return ""
    assert where.lineno and where.end_lineno and where.end_col_offset is not None
    lines = linecache.getlines(code.co_filename)[where.lineno - 1 : where.end_lineno]
    if not lines:
        return ""
    raw = [line.encode() for line in lines]
    raw[-1] = raw[-1][: where.end_col_offset]
    raw[0] = raw[0][where.col_offset :]
    text = " ".join(b"".join(raw).decode(errors="replace").split())
    return text if "NONE" not in instruction.opname else f"{_tested(text)} is not None"


def _tested(text: str) -> str:
    """What is compared with None."""
    try:
        node = ast.parse(text, mode="eval").body
    except SyntaxError:
        return text
    return ast.unparse(node.left) if isinstance(node, ast.Compare) else text


def _option(code: CodeType, instruction: dis.Instruction, text: str, known: _Known) -> bool:
    try:
        return _settled(code, instruction, text, known)
    except RecursionError:  # a test too deep to be looked through
        return False


def _settled(code: CodeType, instruction: dis.Instruction, text: str, known: _Known) -> bool:
    """Whether a test asks for no size: for types and numbers of axes, for what was set before all calls, for arguments
    that no call of the audit varies, or whether the caller gave one.
    """
    try:
        node = ast.parse(text, mode="eval").body
    except SyntaxError:
        return False
    asked = _Absent(known.given)
    test = _Settled(known.settled - set(code.co_varnames)).visit(asked.visit(_sizeless(node)))
    names = {name.id for name in ast.walk(test) if isinstance(name, ast.Name)}
    if not names <= known.options & _arguments(code):
        return False
    names |= asked.found
    stores = [i for i in dis.get_instructions(code) if i.opname.startswith("STORE_") and i.argval in names]
    loops = [i for i in dis.get_instructions(code) if "JUMP_BACKWARD" in i.opname]
    return all(store.offset > instruction.offset for store in stores) and not any(
        loop.argval <= instruction.offset <= loop.offset and any(store.offset <= loop.offset for store in stores)
        for loop in loops
    )


_RANKS = ("ndim", "dtype", "device", "is_cuda")
_TYPES = ("isinstance", "hasattr", "callable")


class _Sizeless(ast.NodeTransformer):
    """Takes out of a test what asks for types and numbers of axes."""

    def visit_Attribute(self, node: ast.Attribute) -> ast.AST:
        """x.ndim, and constants of torch such as torch.float32."""
        of_torch = isinstance(node.value, ast.Name) and node.value.id == "torch"
        return ast.Constant(None) if node.attr in _RANKS or of_torch else self.generic_visit(node)

    def visit_Call(self, node: ast.Call) -> ast.AST:
        """isinstance(x, ...), x.dim()."""
        typed = isinstance(node.func, ast.Name) and node.func.id in _TYPES
        ranked = isinstance(node.func, ast.Attribute) and node.func.attr == "dim" and not node.args
        return ast.Constant(None) if typed or ranked else self.generic_visit(node)


class _Absent(ast.NodeTransformer):
    """Takes out of a test what asks whether an argument was given. found: those arguments."""

    def __init__(self, names: frozenset[str]) -> None:
        self.names, self.found = names, set[str]()

    def visit_Compare(self, node: ast.Compare) -> ast.AST:
        """x is None, x is not None."""
        alone = isinstance(node.left, ast.Name) and node.left.id in self.names and len(node.ops) == 1
        if not (alone and isinstance(node.ops[0], (ast.Is, ast.IsNot)) and ast.unparse(node.comparators[0]) == "None"):
            return self.generic_visit(node)
        assert isinstance(node.left, ast.Name)
        self.found.add(node.left.id)
        return ast.Constant(None)


class _Settled(ast.NodeTransformer):
    """Takes out of a test what was set before all calls."""

    def __init__(self, names: frozenset[str]) -> None:
        self.names = names

    def visit_Name(self, node: ast.Name) -> ast.AST:
        """A global, or what a function closes over."""
        return ast.Constant(None) if node.id in self.names else node

    def visit_Attribute(self, node: ast.Attribute) -> ast.AST:
        """self.x."""
        return ast.Constant(None) if ast.unparse(node) in self.names else self.generic_visit(node)


def _sizeless(node: ast.AST) -> ast.AST:
    found: ast.AST = _Sizeless().visit(node)
    return found


def options_of(call: Callable[..., Any], data: frozenset[str], tensors: frozenset[str]) -> frozenset[str]:
    """The names of a target's arguments that are no data and were given no tensor."""
    function = call.forward if isinstance(call, torch.nn.Module) else call
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return frozenset()
    plain = {p.name for p in parameters if p.default is not p.empty and not isinstance(p.default, Tensor)}
    return frozenset(plain - data - tensors)
