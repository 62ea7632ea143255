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
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

import numpy as np
import torch

from numeric.finding import Said
from proofs.target.source.branches import Branch, source_of
from proofs.target.source.call_sites import CallSites
from proofs.target.source.options import Known, arguments, option
from proofs.target.source.settled import plain, reached, unchanged
from proofs.target.source.unreached import Held, references

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
class Unrun(Said):
    """Code that no bare call ran. lines: first and last; condition: the test that would have led there, with the outcome
    it never had, empty where none did. option: whether types, numbers of axes, arguments that the audit did not set, or
    literals that the target's code gives its helpers decide it, and no size. named: a function, and the line of code that
    ran in which it is named and may be called. part: whether the line ran, and a part of it did not."""

    file: str
    lines: tuple[int, int]
    condition: str = ""
    never: bool = True
    option: bool = False
    named: tuple[str, int] | None = None
    part: bool = False


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
        self._before: dict[int, Any] = {}
        self.held: dict[CodeType, Held] = {}
        self._own: dict[str, bool] = {}

    @contextmanager
    def followed(self) -> Iterator[None]:
        """Follow the targets' code that runs in this block."""
        before = sys.gettrace()
        sys.settrace(_as_it_is(self._entered))
        try:
            yield
        finally:
            sys.settrace(before)

    def _entered(self, frame: FrameType, event: str, arg: Any) -> Callable[..., Any] | None:
        code = frame.f_code
        if not self.own(code.co_filename):
            return None
        frame.f_trace_opcodes, frame.f_trace_lines = True, False
        steps = self.steps.setdefault(code, set())
        if code not in self._settled:
            self._before = self._before or reached(frame, self.own)
            self._settled[code], self.held[code] = plain(frame, self._before), Held.of(frame)
        last = -1

        def step(frame: FrameType, event: str, arg: Any) -> Any:
            nonlocal last
            if event == "opcode":
                steps.add((last, frame.f_lasti))
                last = frame.f_lasti
            return step

        return _as_it_is(step)

    def executed(self, code: CodeType) -> frozenset[int]:
        """The offsets of the instructions that ran."""
        return frozenset(at for _, at in self.steps[code])

    def own(self, file: str) -> bool:
        """Whether a file is the target's."""
        if file not in self._own:
            self._own[file] = own(file, self.roots)
        return self._own[file]

    def unrun(
        self,
        call: Any,
        options: frozenset[str] = frozenset(),
        through: Any = None,
        constant: Mapping[tuple[Any, ...], bool] | None = None,
        varied: frozenset[str] = frozenset(),
    ) -> tuple[Unrun, ...]:
        """Tests with one outcome and lines that never ran, in the code objects that ran.

        call: the target. options: names of its arguments that are no data and no tensors, which only the caller chooses.
        through: the adapter by which it is called, where a user wrote that. constant: comparisons that had one outcome
        wherever they were looked at, by file and place. varied: names of its arguments that were given in some calls and
        left out in others, so that a way which no call took with one of them may be taken with it.
        """
        found: dict[Unrun, None] = {}
        adapter = next(_entries(through), None) if through is not None else None
        entries = tuple(_entries(call))

        def knowing(chosen: frozenset[str], varied: frozenset[str]) -> Callable[[CodeType], Known]:
            sites = CallSites(self.steps, dict.fromkeys(entries, chosen), adapter)
            given = CallSites(self.steps, {code: arguments(code) - varied for code in entries}, adapter)
            left = {code: unchanged(self._settled[code], self.steps) for code in self.steps}

            def known(code: CodeType) -> Known:
                asked = given.settled(code)
                return Known(sites.settled(code), asked, left[code], sites.made(code, asked))

            return known

        tests = knowing(options - varied, varied)
        # outcomes of comparisons that are no test are known of calls that leave out what varies
        others = knowing(options | varied, frozenset()) if varied else tests
        for code, steps in self.steps.items():
            known = tests(code)
            found |= dict.fromkeys(_unrun(code, steps, known))
            found |= dict.fromkeys(_one_way(code, steps, others(code), constant or {}))
            for r in references(code, self.executed(code), self.held[code], self.steps.__contains__, self.own):
                chosen = bool(r.key) and option(code, r.at, r.key, known)
                named = r.name, _line(r.at) or code.co_firstlineno
                found |= {Unrun(r.code.co_filename, r.lines, option=chosen, named=named): None}
        return tuple(sorted(found, key=lambda u: (u.file, u.lines, u.condition)))


def _as_it_is(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function, which torch's compiler does not take for a part of the target, where a target has begun that."""
    compiler: Any = sys.modules.get("torch._dynamo")
    made: Callable[..., Any] = function if compiler is None else compiler.disable(function)
    return made


def _entries(call: Any) -> Iterator[CodeType]:
    """The code of a target that is called from outside."""
    inner = inspect.unwrap(call) if callable(call) and not isinstance(call, type) else call
    inner = getattr(inner, "func", inner)
    for thing in (inner, *_wrapped(inner)):
        for part in (thing, *(getattr(thing, name, None) for name in ("forward", "__call__", "__init__"))):
            code = getattr(part, "__code__", None)
            if isinstance(code, CodeType):
                yield code


def _unrun(code: CodeType, steps: set[tuple[int, int]], known: Known) -> Iterator[Unrun]:
    instructions = [i for i in dis.get_instructions(code) if i.opname != "EXTENDED_ARG"]
    ran = {at for _, at in steps}
    refusing = source_of(code).refusals
    before = [None, *(i.opname for i in instructions)]
    told_of = [i for i, last in zip(instructions, before, strict=False) if last != "RETURN_GENERATOR"]
    place = {i.offset: _line(i) for i in told_of if i.opname not in _SILENT}
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
            caught = instructions[k - 1].opname in ("CHECK_EXC_MATCH", "CHECK_EG_MATCH")
            if caught and not outcome:  # another exception goes on its way
                continue
            text = "an exception that is caught here" if caught else _source(code, instruction)
            chain = _chain(code, instruction)
            if chain is not None:  # the jump is the whole chain's, after one of its operands
                text = ast.unparse(_operand(chain, instructions[k + 1]))
            test = _statement(code, instruction)
            if test is not None and goal in where:  # the jump is the whole statement's, and may be turned round
                text, outcome = _told(test, where[goal])
            first = place.get(goal) or _line(instruction) or code.co_firstlineno
            part = first not in silent
            block = (_line(instruction) or first,) * 2 if part else _block(first, silent, lines)
            told |= set(range(block[0], block[1] + 1))
            if goal in where:
                told |= _behind(code, instruction, where[goal])
            yield Unrun(code.co_filename, block, text, outcome, option(code, instruction, text, known), part=part)
    for line, text in source_of(code).contexts:
        if line in lines:
            yield Unrun(code.co_filename, (line, line), f"an exception inside `{text}`", part=True)
    while silent:
        block = _block(silent[0], silent, lines)
        if silent[0] not in told:
            yield Unrun(code.co_filename, block)
        silent = [line for line in silent if line > block[1]]


def _one_way(
    code: CodeType, steps: set[tuple[int, int]], known: Known, constant: Mapping[tuple[Any, ...], bool]
) -> Iterator[Unrun]:
    """Comparisons that are no test and had one outcome: what they choose otherwise was never chosen."""
    instructions = [i for i in dis.get_instructions(code) if i.opname != "EXTENDED_ARG"]
    ran, refusing = {at for _, at in steps}, source_of(code).refusals
    for instruction, following in zip(instructions, instructions[1:], strict=False):
        compares = instruction.opname in ("COMPARE_OP", "IS_OP", "CONTAINS_OP") and not _tests(following)
        at, line = instruction.positions, _line(instruction)
        if not compares or at is None or line is None or instruction.offset not in ran or line in refusing:
            continue
        outcome = constant.get((code.co_filename, at.lineno, at.col_offset, at.end_lineno, at.end_col_offset))
        if outcome is not None:
            text = _source(code, instruction)
            yield Unrun(
                code.co_filename, (line, line), text, not outcome, option(code, instruction, text, known), part=True
            )


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

    whole = _statement(code, instruction)  # the place of a jump where the test is a name alone
    loops = [
        n
        for n in source_of(code).branches.values()
        if isinstance(n, ast.While) and (n is whole or _within(instruction, n.test))
    ]
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


def _chain(code: CodeType, instruction: dis.Instruction) -> ast.BoolOp | None:
    """The `and` or `or`, no test of a statement, that is all of an instruction's place."""
    at = instruction.positions
    if at is None:
        return None
    return source_of(code).chains.get((at.lineno, at.col_offset, at.end_lineno, at.end_col_offset))


def _operand(chain: ast.BoolOp, following: dis.Instruction) -> ast.expr:
    """The operand that is tested, given the first instruction of the next one."""
    before = [value for value in chain.values if not _within(following, value) and not _after(following, value)]
    return before[-1] if before else chain.values[0]


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
