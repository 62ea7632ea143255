"""Words are made in `reports` only: below it no sentence is written, and what is found is data.

A sentence is a text, or an f-string, of four words or more. What may stand there all the same is listed, with the reason.
"""

from __future__ import annotations

import ast
import importlib
import pkgutil
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from numeric.finding import Said
from reports.said import rooms

ROOT = Path(__file__).resolve().parent.parent
LEAST = 4
"""Words that make a sentence."""
WORD = re.compile(r"(?<![\w\\])(?:[A-Za-z][a-z']*|\{\})(?![\w(\[])")
"""A word, or a place in an f-string: no name with an underscore, no LaTeX, no call."""

CONTENT = {
    "proofs/gd/": "claims: titles, statements and mutants are what they are",
    "proofs/hippo/": "claims",
    "proofs/forms/": "what claims are made of: the mutants that many share, and why a case of theirs is short",
    "proofs/kernel/lemmas.py": "what each theorem states",
    "proofs/kernel/ties.py": "the names of ties, beside them",
    "proofs/target/adapters/": "an adapter is one file, which says how it calls and what to look at",
    "proofs/audit/certificate_checker.py": "a program of its own, which no other part of the project is there to speak for",
    "proofs/bench/hidden_mistakes.py": "mistakes: their code and their names",
    "proofs/bench/targets.py": "the names of other people's layers",
    "proofs/bench/contracts.py": "the names of other people's layers",
    "proofs/bench/forwards.py": "the names of measurements",
    "proofs/bench/timings.py": "the names of measurements",
    "numeric/deciding/strategies.py": "what each flavour of inputs is",
    "numeric/tape/refusals.py": "messages of refusals, which are exceptions: by operation, what to write instead",
    "numeric/tape/acceptance.py": "messages of refusals",
    "numeric/tape/local_check.py": "messages of refusals",
    "numeric/tape/planning.py": "messages of refusals",
    "numeric/tape/recorder.py": "ways out for data, which refusals quote",
    "numeric/tape/numpy/": "ways out for data",
    "numeric/tape/rules/": "messages of refusals",
    "numeric/deciding/backends.py": "messages of a backend that can't run: what to set",
    "proofs/audit/fresh.py": "the code that another process runs",
    "proofs/_setup.py": "runs before anything is installed",
    "proofs/kernel/coq.py": "Coq's language, and messages of a Coq that is not there",
}
"""Files, or folders, whose texts are their content."""
NAMES = {
    "proofs/audit/far_calls.py": {"each entry and head alone"},
    "proofs/audit/induction.py": {"GF(p), one token from an indeterminate memory"},
    "proofs/audit/modes.py": {
        "inputs that require grad",
        "{} alone requires grad",
        "each argument alone requires grad",
        "slices of wider arrays",
        "inputs that are parameters",
        "start and gates that are parameters",
        "gates that are Python numbers",
        "fresh process, after calls at other {}",
        "numbers of {}'s generator",
    },
    "proofs/audit/results.py": {"results held over a later call", "one state for two continuations"},
    "proofs/audit/rows.py": {"sampled, float64 to first order", "fresh gates and sizes"},
    "proofs/audit/switches.py": {"float32 products in another precision"},
    "proofs/audit/together.py": {"two of these at once"},
    "proofs/audit/whole.py": {"state handed in and out"},
    "proofs/contract/findings.py": {"inputs that require grad"},
    "proofs/contract/promises.py": {"slices of wider arrays"},
    "proofs/verify/run.py": {"{}, what its rungs see"},
    "numeric/carriers/a_priori.py": {"a-priori rounding bound"},
    "numeric/carriers/balls.py": {"balls of {} bits (Arb)"},
    "numeric/carriers/finite_field.py": {"GF(p), {} primes of {} bits"},
    "numeric/carriers/rounded.py": {"one operation's rounding bound"},
    "numeric/carriers/handles.py": {
        "polynomials in {} variables over Q (FLINT)",
        "polynomials in {} variables over Q (SymEngine)",
    },
    "numeric/deciding/exact_identity.py": {"plain calls at integer points"},
    "numeric/deciding/float_identity.py": {"floating point against rounding bounds"},
    "numeric/words/derivation.py": {"term free of ${}$"},
    "numeric/words/whole.py": {"matrix words, whole programs"},
    "proofs/kernel/rung.py": {"Coq {}, mathcomp {}", "Closed under the global context", "fails in {}{}"},
    "numeric/probing/box.py": {"balls of {} bits"},
    "numeric/probing/probes.py": {"step size times readout scale"},
}
"""Names of checks, modes, engines and terms: what rows, steps and JSON identify them by."""
CODE = {
    "proofs/claim.py": {"**{}** — {}\n\n{}\n\n*Source:* {}"},
    "proofs/kernel/evaluation.py": {"{} ({} (K := binary_fractions) {})"},
    "proofs/target/source/options.py": {"return {} is not None"},
    "proofs/target/source/outside.py": {
        "maxsize float_info stderr stdout version_info byteorder intern",
        "signature isfunction isclass ismethod unwrap",
    },
    "proofs/verify/graph.py": {'  node [fontname="sans-serif"];'},
}
"""Text for machines: Markdown, Coq, Python, lists of names, Graphviz."""
PARTS = {
    "proofs/identify/subject.py": "the end of a mistake's message: with what the target would run",
    "proofs/target/case.py": "where a target was called, in the message of one that does not end",
    "proofs/target/learners.py": "where a learner was called, in that message",
    "proofs/registry.py": "the message of an id that there is not",
    "proofs/target/source/lines.py": "conditions as code would have them, of exceptions that were never raised",
}
"""Files that make a part of a message which is raised elsewhere."""
STEPS = ("owe", "Obligation", "Equation", "_equations")
"""Calls that state a step of a derivation: its name, and why it holds, are mathematics."""
COMMANDS = {"proofs/kernel/rung.py": ("print", ".add_argument", ".ArgumentParser")}
"""Files that are a command of their own, python -m proofs.kernel, and the calls that make its words."""
MACHINES = (".split", ".compile", ".parse", "_writes_only")
"""Functions whose texts are read by machines: lists of names, patterns, code."""


def sentences(text: str, calls: tuple[str, ...] = ()) -> Iterator[tuple[int, str]]:
    """Line and text of each sentence of a module that is no docstring, no message of an exception raised there, no key of a
    table, no step of a derivation, and nothing that a machine reads; calls: further ones whose texts may stand."""
    tree = ast.parse(text)
    above = {child: node for node in ast.walk(tree) for child in ast.iter_child_nodes(node)}
    for node in ast.walk(tree):
        written = _text(node)
        if written is None or isinstance(above.get(node), (ast.Expr, ast.JoinedStr)):
            continue
        if len(WORD.findall(written)) >= LEAST and " " in written and not _allowed(node, above, calls):
            yield getattr(node, "lineno", 0), written


def _text(node: ast.AST) -> str | None:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        return "".join(str(part.value) if isinstance(part, ast.Constant) else "{}" for part in node.values)
    return None


def _allowed(node: ast.AST, above: dict[ast.AST, ast.AST], calls: tuple[str, ...]) -> bool:
    parent, statement = above.get(node), None
    if (isinstance(parent, ast.Dict) and node in parent.keys) or isinstance(parent, ast.Subscript):
        return True  # the name of a figure
    while parent is not None and not isinstance(parent, (ast.FunctionDef, ast.ClassDef)):
        if isinstance(parent, (ast.Raise, ast.Assert)):
            return True  # the message of a mistake, made where it is raised
        if isinstance(parent, ast.Call) and ast.unparse(parent.func).endswith(
            (*MACHINES, *STEPS, *calls, "super().__init__")
        ):
            return True  # an exception makes its message
        statement = statement or (parent if isinstance(parent, ast.stmt) else None)
        parent = above.get(parent)
    if not isinstance(parent, ast.FunctionDef) or not isinstance(statement, (ast.Assign, ast.AugAssign)):
        return False
    targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
    return {target.id for target in targets if isinstance(target, ast.Name)} & _stated(parent) != set()


def _stated(function: ast.FunctionDef) -> set[str]:
    """The names in what a function raises, and in the steps that it states."""
    stated = [
        node
        for node in ast.walk(function)
        if isinstance(node, ast.Raise) or (isinstance(node, ast.Call) and ast.unparse(node.func).endswith(STEPS))
    ]
    return {name.id for node in stated for name in ast.walk(node) if isinstance(name, ast.Name)}


def found(folder: str) -> dict[str, list[tuple[int, str]]]:
    """All sentences of a folder's files, without those that are listed."""
    out = {}
    for file in sorted((ROOT / folder).rglob("*.py")):
        name = file.relative_to(ROOT).as_posix()
        if name.startswith(tuple(CONTENT)) or name in PARTS:
            continue
        known = NAMES.get(name, set()) | CODE.get(name, set())
        written = sentences(file.read_text("utf-8"), COMMANDS.get(name, ()))
        left = [(line, text) for line, text in written if text not in known]
        if left:
            out[name] = left
    return out


@pytest.mark.parametrize("folder", ["numeric", "proofs"])
def test_no_sentence_is_written_below_reports(folder: str) -> None:
    assert found(folder) == {}


def test_what_is_listed_is_there() -> None:
    for name in (*CONTENT, *NAMES, *CODE, *PARTS):
        assert (ROOT / name).exists(), name
    for name, texts in (*NAMES.items(), *CODE.items()):
        assert texts <= {text for _, text in sentences((ROOT / name).read_text("utf-8"))}, name
    for name in PARTS:
        assert list(sentences((ROOT / name).read_text("utf-8"))), f"{name} has none any more"


@pytest.mark.parametrize(
    ("planted", "seen"),
    [
        ('reason = f"off by {gap:.2g} at N = {N}"', True),
        ('def f(why):\n    case.note("no answer for every N: " + why)', True),
        ('def f():\n    return f"a context of {length} tokens was left out: {why}"', True),
        ('class Why(StrEnum):\n    OFF = "it does not fit here"', True),
        ('Flag(f"{side}: cast to {dtype} at {place}")', True),
        ('def f():\n    """A docstring of four words."""', False),
        ('raise TargetError(f"{name} is random from call to call")', False),
        ('def f():\n    wrong = f"gate {name} is none of these"\n    raise TargetError(wrong)', False),
        ('assert held, "this can not be so"', False),
        ('figures = {"outputs with other bits": 3}', False),
        ('"add sub mul div truediv".split()', False),
        ('session.owe(f"{name}: one more token", left, right, "The step takes one more token.")', False),
        ('case.note("left out")', False),
    ],
)
def test_a_planted_one_is_seen(planted: str, seen: bool) -> None:
    assert bool(list(sentences(planted))) == seen


def kinds(kind: type) -> Iterator[type]:
    """All classes under a class."""
    for below in kind.__subclasses__():
        yield below
        yield from kinds(below)


def test_every_kind_has_words() -> None:
    for package in ("numeric", "proofs"):
        for module in pkgutil.walk_packages([str(ROOT / package)], f"{package}."):
            if not module.name.endswith("__main__"):
                importlib.import_module(module.name)
    unsaid = rooms.said.dispatch(object)
    own = {kind for kind in kinds(Said) if kind.__module__.startswith(("numeric", "proofs"))}
    assert own and {kind.__name__ for kind in own if rooms.said.dispatch(kind) is unsaid} == set()
