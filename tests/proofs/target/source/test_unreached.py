"""A function that nothing called, and that code which ran could have called, is told; what the caller picks is an option."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pytest
import torch

from proofs.audit.answer import Word
from proofs.audit.run import compared
from proofs.evidence import Settings
from proofs.target.source.lines import Lines, Unrun, homes
from reports.said import said

HEAD = """
import functools, operator
import torch
LONG = "x" * 1100

def small(s): return s

def large(s): return 2 * s

def by(s, how): return how(s)
"""
TABLES = {
    "a table by truth": "return {True: large, False: small}[len(X) > len(LONG)](X)",
    "a list": "return [small, large][len(X) // len(LONG)](X)",
    "get": "return {1: large}.get(len(X) // len(LONG), small)(X)",
    "lambdas": "return (lambda s: s, lambda s: 2 * s)[len(X) > len(LONG)](X)",
    "partial": "return (functools.partial(by, how=small), functools.partial(by, how=large))[len(X) // len(LONG)](X)",
    "a name": "pick = large\n    return [small, pick][len(X) // len(LONG)](X)",
    "globals": "return globals()['sl'[len(X) // len(LONG)] + ('mall', 'arge')[len(X) // len(LONG)]](X)",
    "inner": "def late(s): return 2 * s\n    return [small, late][len(X) // len(LONG)](X)",
    "key": "return max((0, small), (len(X) - len(LONG), large), key=operator.itemgetter(0))[1](X)",
}
METHODS = """
class Layer(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.paths, self.mode = torch.nn.ModuleList([Small(), Large()]), 0
        self.table = {"small": self.small, "large": self.large}

    def small(self, s): return s

    def large(self, s): return 2 * s

    def forward(self, X):
        BODY

class Small(torch.nn.Module):
    def forward(self, s): return s

class Large(torch.nn.Module):
    def forward(self, s): return 2 * s
"""
HELD = {
    "a bound method": "return (self.small, self.large)[len(X) // len(LONG)](X)",
    "getattr": "return getattr(self, ('small', 'large')[len(X) // len(LONG)])(X)",
    "modules": "return self.paths[len(X) // len(LONG)](X)",
    "an attribute": "return list(self.table.values())[len(X) // len(LONG)](X)",
    "the class": "return (Layer.small, Layer.large)[len(X) // len(LONG)](self, X)",
}
NONE = {
    "not named": "return small(X)",
    "picked by the caller": "return {'small': small, 'large': large}[mode](X)",
    "a literal": "return {'small': small, 'large': large}['small'](X)",
    "only asked for": "return small(X) if not isinstance(X, Other) else X",
    "an annotation": "def here(s: Other) -> Other: return s\n    return here(X)",
    "all of a table": "return [f(X) for f in (small, large)][0]",
    "an attribute of a function": "large.name = 'large'\n    return small(X)",
}


def unrun(folder: Path, source: str, name: str) -> list[Unrun]:
    path = folder / "tables.py"
    path.write_text(HEAD + source)
    spec = importlib.util.spec_from_file_location("tables", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["tables"] = module
    spec.loader.exec_module(module)
    found = getattr(module, name)
    layer = found() if isinstance(found, type) else found
    lines = Lines(homes(layer))
    with lines.followed():
        layer(torch.ones(3))
    return [u for u in lines.unrun(layer, frozenset({"mode"})) if u.named is not None]


@pytest.mark.parametrize("name", TABLES)
def test_what_a_table_could_pick_is_told(tmp_path: Path, name: str) -> None:
    found = [u for u in unrun(tmp_path, f"def layer(X, mode='small'):\n    {TABLES[name]}\n", "layer") if not u.option]
    assert found and all("was never called" in said(u) for u in found)


@pytest.mark.parametrize("name", HELD)
def test_methods_and_modules_are_functions_too(tmp_path: Path, name: str) -> None:
    found = [u for u in unrun(tmp_path, METHODS.replace("BODY", HELD[name]), "Layer") if not u.option]
    assert found and all("was never called" in said(u) for u in found)


@pytest.mark.parametrize("name", NONE)
def test_what_no_size_picks_is_none(tmp_path: Path, name: str) -> None:
    source = f"class Other:\n    def __call__(self): return 1\n\ndef layer(X, mode='small'):\n    {NONE[name]}\n"
    assert not [u for u in unrun(tmp_path, source, "layer") if not u.option]


OVERRIDDEN = """
class Base(torch.nn.Module):
    def rule(self, s): return 3 * s

    def forward(self, X): return self.rule(X)

class Layer(Base):
    def rule(self, s): return s
"""


def test_what_is_overridden_is_not_named(tmp_path: Path) -> None:
    assert unrun(tmp_path, OVERRIDDEN, "Layer") == []


DISPATCHED = """
@functools.singledispatch
def scale(X): return X

@scale.register
def of_parameters(X: torch.nn.Parameter): return 2 * X

def layer(X): return scale(X)
"""


def test_what_a_type_picks_is_an_option(tmp_path: Path) -> None:
    found = unrun(tmp_path, DISPATCHED, "layer")
    assert found and all(u.option for u in found)


def test_what_the_module_chose_before_is_an_option(tmp_path: Path) -> None:
    found = unrun(tmp_path, METHODS.replace("BODY", "return self.paths[self.mode](X)"), "Layer")
    assert found and all(u.option for u in found)


AUDITED = """
import torch
LONG = "x" * 40_000
ACTS = {"same": lambda s: s, "twice": lambda s: 2 * s}

def good(X, Y, x_q, eta): return eta / len(X) * (Y.T @ (X @ x_q))

def bad(X, Y, x_q, eta): return 2 * good(X, Y, x_q, eta)

def table(X, Y, x_q, eta): return [good, bad][len(X) // len(LONG)](X, Y, x_q, eta)

def numbers(X, Y, x_q, eta): return [1, 2][len(X) > len(LONG)] * good(X, Y, x_q, eta)

def library(X, Y, x_q, eta):
    return {True: torch.square, False: torch.positive}[len(X) > len(LONG)](good(X, Y, x_q, eta))

def chosen(X, Y, x_q, eta, act="same"): return ACTS[act](good(X, Y, x_q, eta))

def both(X, Y, x_q, eta): return [1, 1][len(X) > 40] * good(X, Y, x_q, eta)
"""


@pytest.mark.parametrize(
    ("name", "word"),
    [
        ("table", Word.UNDECIDED),
        ("numbers", Word.UNDECIDED),
        ("library", Word.UNDECIDED),
        ("chosen", Word.PROVED),
        ("both", Word.PROVED),
    ],
)
def test_an_audit_says_so(tmp_path: Path, name: str, word: Word) -> None:
    path = tmp_path / "audited_tables.py"
    path.write_text(AUDITED)
    answer = compared(f"{path}:{name}", "gd", settings=Settings(seed=1))
    assert answer.word is word, str(answer)
