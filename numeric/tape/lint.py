"""What code may hold so that a run on matrix words says something about every size: no way to hide a branch or a loop.

Main definitions: `offences`, `read`, `Offence`, `stateful`.
The language is what is left when everything is taken away that can tell one size from another, or one call from the
next, without the arithmetic seeing it: branches (but on `is None`), loops (but over literals; others run through the
primitives of the array namespace), comparisons, integer division, tests of types, mutable state, data-dependent
operations, slices with bounds, tables looked up (but by name: no size is a name). A guard that only raises may ask
anything: it changes no result.
Some of this tells sizes apart and no more, or would have to take numbers out of arrays first, which a recording shows;
and a list that each call makes anew can be filled without another call noticing.
What may keep something from call to call, or go on after what was raised, is marked (`Offence.lasts`).
"""

from __future__ import annotations

import ast
import builtins
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, is_dataclass
from enum import Enum, auto
from fractions import Fraction
from types import FunctionType, ModuleType

from numeric.finding import Said

MODULES = (
    *("__future__", "collections.abc", "typing", "dataclasses", "enum", "math", "fractions"),
    *("numpy", "torch", "scipy.linalg", "array_api_compat", "constructions"),
)
"""Where names may come from: nothing with a clock, a counter or a cache."""
CALLABLE = {"ValueError", "tuple", "zip", "range", "len"}
"""The built-in functions that may be called: errors to raise, and what walks over literals."""
DECORATORS = {"dataclass", "property", "staticmethod"}
CHOOSING = {
    *("min", "max", "amin", "amax", "minimum", "maximum", "where", "clip", "clamp", "sign", "abs", "absolute", "relu"),
    *("floor", "ceil", "round", "trunc", "remainder", "fmod", "floor_divide", "heaviside", "isfinite", "isnan"),
    *("argmin", "argmax", "argsort", "sort", "topk", "any", "all", "nonzero", "searchsorted", "count_nonzero"),
    *("equal", "not_equal", "less", "less_equal", "greater", "greater_equal", "isclose", "allclose", "eq", "ne"),
    *("lt", "le", "gt", "ge", "logical_and", "logical_or", "logical_not", "take", "gather", "index_select"),
}
"""Operations on arrays that choose by their data."""
MUTATING = {
    *("append", "extend", "insert", "pop", "popitem", "remove", "clear", "update", "setdefault", "add", "discard"),
    *("send", "throw", "item", "tolist", "get", "setflags", "fill", "copy_", "index", "count", "bit_length"),
}
"""Methods that keep state from call to call, look up, or turn an array into Python numbers."""
DRAWING = {"random", "rand", "randn", "randint", "normal", "rand_like", "randn_like", "manual_seed", "default_rng"}
"""What is different from call to call."""
_PLAIN = (
    *(
        ast.Module,
        ast.FunctionDef,
        ast.ClassDef,
        ast.arguments,
        ast.arg,
        ast.Return,
        ast.Assign,
        ast.AnnAssign,
        ast.Pass,
    ),
    *(ast.Tuple, ast.List, ast.Starred, ast.keyword, ast.Lambda, ast.Constant, ast.Name, ast.Import, ast.ImportFrom),
    *(
        ast.BinOp,
        ast.UnaryOp,
        ast.operator,
        ast.unaryop,
        ast.cmpop,
        ast.boolop,
        ast.expr_context,
        ast.alias,
        ast.comprehension,
        ast.Subscript,
    ),
    *(ast.Call, ast.Attribute, ast.Slice),
)


CHOICES = (ast.For, ast.While, ast.Break, ast.Continue, ast.If, ast.IfExp, ast.Compare, ast.BoolOp)
"""What decides or repeats by numbers of Python's, sizes mostly, and keeps nothing."""
COUNTING = frozenset(
    "min max sum int float bool abs round any all list slice enumerate reversed sorted isinstance bit_length".split()
)
"""Built-in functions, and a method of integers, that do."""


class Lacking(Enum):
    """What the language lacks, of what stands at a place."""

    ASSIGNMENT = auto()
    """To what is no name."""
    ATTRIBUTE = auto()
    """One that chooses by data, keeps state, or draws."""
    CALL = auto()
    """Of a built-in function."""
    COMPREHENSION = auto()
    """Over what is no literal."""
    DECORATOR = auto()
    DEFAULT = auto()
    """A default value that can keep state."""
    GUARD = auto()
    """What keeps something, in the question before a raise."""
    IMPORT = auto()
    INTEGERS = auto()
    """Their arithmetic."""
    NAME = auto()
    """With two underscores."""
    POWER = auto()
    """Of an exponent that is no number."""
    SLICE = auto()
    """With bounds."""
    STATEMENT = auto()
    """Or an expression, of a kind that there is not."""
    TABLE = auto()
    """One that is looked up, not by name."""
    TRUTH = auto()
    """A value's truth."""
    WRITING = auto()
    """In place."""


@dataclass(frozen=True)
class Offence(Said):
    """A place that is no construction: line, what is there that the language lacks, and its code. lasts: it may matter to
    another call."""

    line: int
    lacking: Lacking
    shown: str
    lasts: bool = True


@dataclass(frozen=True)
class Holds(Said):
    """A name that a function reads is that of a value which can keep state: this module, or of this type."""

    name: str
    module: str = ""
    kind: str = ""


def stateful(name: str, value: object) -> Holds | None:
    """What is wrong with a global or captured value that a function reads: it can be called or asked, and keeps state."""
    if isinstance(value, ModuleType):
        allowed = (*MODULES, "proofs", "numeric")
        known = any(value.__name__ == m or value.__name__.startswith(m + ".") for m in allowed)
        return None if known else Holds(name, module=value.__name__)
    frozen = is_dataclass(value) and not isinstance(value, type) and type(value).__dataclass_params__.frozen  # type: ignore[attr-defined]
    if isinstance(value, _IMMUTABLE) or frozen or type(value).__module__ in ("typing", "collections.abc", "types"):
        return None
    library = type(value).__module__.partition(".")[0]
    if library in ("numeric", "numpy", "constructions") or (library == "torch" and not callable(value)):
        return None  # torch's modules, and what it compiles, keep state
    return Holds(name, kind=type(value).__name__)


_IMMUTABLE = (FunctionType, type, int, float, complex, str, bytes, type(None), tuple, frozenset, list, dict, Fraction)
"""Values that a function may read: lists and dictionaries are not changed by what the lint lets pass."""


@dataclass(frozen=True)
class Module:
    """A module's source, read once for one question after the other.

    constants, tables: its names that stand for one number, and those of tables that are looked up by name. functions: by
    name and first line.
    """

    tree: ast.Module
    constants: frozenset[str]
    tables: frozenset[str]
    functions: Mapping[tuple[str, int], tuple[ast.AST, ...]]

    def offences(self, function: tuple[str, int] | None = None) -> list[Offence]:
        """Every place that the language lacks, by line: of the whole module, or of one function."""
        found = _Lint(self.constants, self.tables)
        for root in [self.tree] if function is None else self.functions.get(function, ()):
            found.body(root)
        return sorted(dict.fromkeys(found.offences), key=lambda offence: offence.line)


def read(source: str) -> Module:
    """The module of this source. Raises SyntaxError if it is no Python."""
    tree = ast.parse(source)
    stored: Counter[str] = Counter()
    functions: dict[tuple[str, int], tuple[ast.AST, ...]] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.arg):
            stored[node.arg] += 1
        elif isinstance(node, ast.Name):
            stored[node.id] += not isinstance(node.ctx, ast.Load)
        elif (place := _place(node)) is not None:
            functions[place] = (*functions.get(place, ()), node)
    values = {
        target.id: node.value
        for node in tree.body
        if isinstance(node, (ast.Assign, ast.AnnAssign)) and node.value is not None
        for target in (node.targets if isinstance(node, ast.Assign) else [node.target])
        if isinstance(target, ast.Name) and stored[target.id] == 1
    }
    constants = {n for n, v in values.items() if isinstance(v, ast.Constant) and isinstance(v.value, int)}
    tables = {name for name, value in values.items() if _by_name(value)}
    return Module(tree, frozenset(constants), frozenset(tables), functions)


def offences(source: str) -> list[Offence]:
    """Every place of a module that the language lacks, by line. Raises SyntaxError if the source is no Python."""
    return read(source).offences()


def _place(node: ast.AST) -> tuple[str, int] | None:
    """The name and first line of a function, as its code object has them."""
    if isinstance(node, ast.Lambda):
        return "<lambda>", node.lineno
    if not isinstance(node, ast.FunctionDef):
        return None
    return node.name, min([node.lineno, *(d.lineno for d in node.decorator_list)])


class _Lint:
    """One walk over a module; each node is met once, with what its surroundings allow."""

    def __init__(self, constants: frozenset[str], tables: frozenset[str]) -> None:
        self.constants = constants
        self.tables = tables
        self.offences: list[Offence] = []
        self.fresh: frozenset[str] = frozenset()
        """Names of the function around that are always those of lists made in the same call."""

    def say(self, node: ast.AST, lacking: Lacking, shown: str = "", lasts: bool = True) -> None:
        self.offences.append(Offence(getattr(node, "lineno", 0), lacking, shown or _shown(node), lasts))

    def body(self, root: ast.AST) -> None:
        """A function; or a module, whose own statements run once and may be anything but what lasts."""
        if not isinstance(root, ast.Module):
            return self.visit(root)
        for node in root.body:
            if isinstance(node, (ast.Assign, ast.AnnAssign)):
                self.each([part for part in ast.walk(node) if isinstance(part, ast.Lambda)])
            else:
                self.visit(node)
        return None

    def visit(self, node: ast.AST) -> None:
        """`node` and all below it."""
        match node:
            case ast.Expr(value=ast.Constant(value=str())):
                return None
            case ast.If(test=test, body=body, orelse=[]) if all(isinstance(s, ast.Raise) for s in body):
                return self.guard(test)
            case ast.If(test=test, body=body, orelse=other) if _is_none(test):
                return self.each([*body, *other])
            case ast.IfExp(test=test, body=yes, orelse=no) if _is_none(test):
                return self.each([yes, no])
            case ast.Raise():
                return None
            case ast.Dict(values=values) if _by_name(node):
                return self.each(values)
            case ast.For(target=target, iter=over, body=body, orelse=[]) if self.literal(over):
                self.target(target)
                return self.each([target, over, *body])
            case ast.ListComp(elt=elt, generators=parts) | ast.GeneratorExp(elt=elt, generators=parts):
                if not all(self.literal(part.iter) and not part.ifs and not part.is_async for part in parts):
                    self.say(node, Lacking.COMPREHENSION, lasts=False)
                return self.each([elt, *(n for part in parts for n in (part.iter, *part.ifs))])
            case ast.FunctionDef() | ast.Lambda():
                before, self.fresh = self.fresh, _fresh(node)
                self.particular(node)
                self.each(list(self.below(node)))
                self.fresh = before
                return None
            case ast.Expr(
                value=ast.Call(func=ast.Attribute(value=ast.Name(id=name), attr="append"), args=[value], keywords=[])
            ) if name in self.fresh:
                self.say(node, Lacking.STATEMENT, f"Expr: {_shown(node)}", lasts=False)
                return self.visit(value)
            case _ if isinstance(node, CHOICES):
                self.say(node, Lacking.STATEMENT, f"{type(node).__name__}: {_shown(node)}", lasts=False)
                self.target(node.target) if isinstance(node, ast.For) else None
                return self.each(list(self.below(node)))
            case _ if not isinstance(node, _PLAIN):
                return self.say(node, Lacking.STATEMENT, f"{type(node).__name__}: {_shown(node)}")
        self.particular(node)
        return self.each(list(self.below(node)))

    def each(self, nodes: Sequence[ast.AST]) -> None:
        for node in nodes:
            self.visit(node)

    def below(self, node: ast.AST) -> Iterator[ast.AST]:
        """The parts of a node that hold code; annotations hold none."""
        for name, value in ast.iter_fields(node):
            if name in ("annotation", "returns", "type_params", "decorator_list", "bases"):
                continue
            for part in value if isinstance(value, list) else [value]:
                if isinstance(part, ast.AST):
                    yield part

    def literal(self, node: ast.expr) -> bool:
        """Whether a walk over it has one length, whatever the sizes: a display, `range` of numbers, `zip` of displays."""
        match node:
            case ast.Tuple(elts=parts) | ast.List(elts=parts):
                return not any(isinstance(part, ast.Starred) for part in parts)
            case ast.Call(func=ast.Name(id="range"), args=args, keywords=[]):
                return all(self.number(arg) for arg in args)
            case ast.Call(func=ast.Name(id="zip"), args=args):
                return any(self.literal(arg) for arg in args)
        return False

    def number(self, node: ast.expr) -> bool:
        return isinstance(node, ast.Constant) or (isinstance(node, ast.Name) and node.id in self.constants)

    def place(self, index: ast.expr) -> bool:
        """Whether it is a place of an array, or one fixed entry: no list or table takes several indices at once."""
        if isinstance(index, ast.UnaryOp) and isinstance(index.op, ast.USub):
            index = index.operand
        return isinstance(index, (ast.Tuple, ast.Slice)) or self.number(index)

    def named(self, table: ast.expr) -> bool:
        return _by_name(table) or (isinstance(table, ast.Name) and table.id in self.tables)

    def guard(self, test: ast.expr) -> None:
        """A question before a raise: it may compare, but keeps no state."""
        for node in ast.walk(test):
            if isinstance(node, (ast.NamedExpr, ast.Await, ast.Yield, ast.YieldFrom)):
                self.say(node, Lacking.GUARD)

    def particular(self, node: ast.AST) -> None:
        """What is refused of the kinds of nodes that are there."""
        match node:
            case ast.FunctionDef(decorator_list=decorators, args=args) if self.defaults(args):
                for d in decorators:
                    name = d.func if isinstance(d, ast.Call) else d
                    if not (isinstance(name, ast.Name) and name.id in DECORATORS):
                        self.say(d, Lacking.DECORATOR)
            case ast.Assign(targets=targets):
                for target in targets:
                    self.target(target)
            case ast.AnnAssign(target=target):
                self.target(target)
            case ast.Import(names=names):
                for alias in names:
                    self.module(node, alias.name)
            case ast.ImportFrom(module=name):
                self.module(node, name or "")
            case ast.BinOp(op=ast.FloorDiv() | ast.Mod() | ast.BitAnd() | ast.BitOr() | ast.BitXor()):
                self.say(node, Lacking.INTEGERS, lasts=False)
            case ast.BinOp(op=ast.LShift() | ast.RShift()):
                self.say(node, Lacking.INTEGERS, lasts=False)
            case ast.BinOp(op=ast.Pow(), right=ast.UnaryOp(op=ast.USub(), operand=ast.Constant())):
                return
            case ast.BinOp(op=ast.Pow(), right=power) if not isinstance(power, ast.Constant):
                self.say(node, Lacking.POWER, lasts=False)
            case ast.UnaryOp(op=ast.Not() | ast.Invert()):
                self.say(node, Lacking.TRUTH, lasts=False)
            case ast.Call(func=ast.Name(id=name)) if hasattr(builtins, name) and name not in CALLABLE:
                self.say(node, Lacking.CALL, name, lasts=name not in COUNTING)
            case ast.Call(func=ast.Name(id="len" | "range" as name)):
                if not all(self.number(arg) or self.literal(arg) for arg in node.args):
                    self.say(node, Lacking.CALL, name, lasts=False)
            case ast.Name(id=name) if name.startswith("__"):
                self.say(node, Lacking.NAME, name)
            case ast.Attribute(attr=name) if name in CHOOSING | MUTATING | DRAWING or name.startswith("__"):
                self.say(node, Lacking.ATTRIBUTE, name, lasts=name not in CHOOSING and name not in COUNTING)
            case ast.Attribute(attr=name) if name.endswith("_") or name.startswith("set_"):
                self.say(node, Lacking.WRITING, name)
            case ast.keyword(arg="out"):
                self.say(node, Lacking.WRITING, "out")
            case ast.Subscript(value=table, slice=index) if not (self.place(index) or self.named(table)):
                self.say(node, Lacking.TABLE, lasts=False)
            case ast.Slice(lower=lower, upper=upper, step=step) if lower or upper or step:
                self.say(node, Lacking.SLICE, lasts=False)

    def defaults(self, args: ast.arguments) -> bool:
        for value in (*args.defaults, *(d for d in args.kw_defaults if d)):
            if isinstance(value, (ast.List, ast.Dict, ast.Set, ast.Call)):
                self.say(value, Lacking.DEFAULT)
        return True

    def target(self, node: ast.expr) -> None:
        if isinstance(node, (ast.Tuple, ast.List)):
            for part in node.elts:
                self.target(part)
        elif isinstance(node, ast.Subscript) and isinstance(node.value, ast.Name) and node.value.id in self.fresh:
            self.say(node, Lacking.ASSIGNMENT, lasts=False)
        elif not isinstance(node.value if isinstance(node, ast.Starred) else node, ast.Name):
            self.say(node, Lacking.ASSIGNMENT)

    def module(self, node: ast.AST, name: str) -> None:
        if not any(name == allowed or name.startswith(allowed + ".") for allowed in MODULES):
            self.say(node, Lacking.IMPORT, name)


def _fresh(function: ast.AST) -> frozenset[str]:
    """Names that a function, with all that is written inside it, binds to new lists and to nothing else."""
    made, bound = Counter[str](), Counter[str]()
    for node in ast.walk(function):
        match node:
            case ast.Assign(targets=[target], value=value) | ast.AnnAssign(target=target, value=value):
                made.update(_lists(target, value))
            case ast.Name(id=name, ctx=ast.Store() | ast.Del()) | ast.arg(arg=name):
                bound[name] += 1
            case ast.FunctionDef(name=name) | ast.ClassDef(name=name):
                bound[name] += 1
            case ast.alias(name=name, asname=other):
                bound[other or name.partition(".")[0]] += 1
    return frozenset(name for name, count in made.items() if count == bound[name])


def _lists(target: ast.expr, value: ast.expr | None) -> Iterator[str]:
    """The names that an assignment binds to lists written in it."""
    match target, value:
        case ast.Name(id=name), ast.List() | ast.ListComp():
            yield name
        case ast.Tuple(elts=targets), ast.Tuple(elts=values) if len(targets) == len(values):
            if not any(isinstance(part, ast.Starred) for part in (*targets, *values)):
                for part in zip(targets, values, strict=True):
                    yield from _lists(*part)


def _by_name(node: ast.expr) -> bool:
    """A dictionary whose keys are names, and which therefore has nothing to tell by a size."""
    return isinstance(node, ast.Dict) and all(
        isinstance(key, ast.Constant) and isinstance(key.value, str) for key in node.keys
    )


def _is_none(test: ast.expr) -> bool:
    """`x is None`, `x is not None`."""
    match test:
        case ast.Compare(
            left=ast.Name() | ast.Attribute(), ops=[ast.Is() | ast.IsNot()], comparators=[ast.Constant(None)]
        ):
            return True
    return False


def _shown(node: ast.AST) -> str:
    return ast.unparse(node).splitlines()[0][:60]
