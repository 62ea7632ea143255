"""The true layers of the soundness bench: they are what their entries say, by plain float64 calls, and can be broken."""

from __future__ import annotations

import ast
import builtins
import inspect
import symtable
import textwrap

import pytest
import torch

from constructions.learners import library
from numeric.entropy import Entropy
from proofs.audit.inference import infer
from proofs.audit.preflight import preflight
from proofs.bench.corpus import CORPUS
from proofs.bench.mutations import mutations
from proofs.bench.soundness import difference, draws
from proofs.target.adapters import adapt, built_in
from proofs.target.case import Case
from proofs.target.learners import learner
from proofs.target.loading import load

LENGTHS = (1, 2, 7, 18)
BEYOND = {"delta_chunk_64": 65, "sixteens_padded": 33, "delta_chunk_16": 33, "linear_attention_chunk": 33}
"""A length with a second and a third chunk, where the others have none."""
EACH = pytest.mark.parametrize("entry", CORPUS, ids=lambda entry: entry.name)


def test_at_least_sixty_layers_each_with_its_own_name_and_every_learner_has_one() -> None:
    assert len({entry.name for entry in CORPUS}) == len(CORPUS) >= 61
    assert {entry.against.split(":")[0] for entry in CORPUS} == set(library())
    assert {entry.adapter for entry in CORPUS} <= {None, *built_in()}


@EACH
def test_the_layer_is_its_learner_on_float64_draws(entry) -> None:
    chosen = learner(entry.against)
    case = Case.of(entry.name, adapt(load(entry.layer), entry.adapter), chosen, entry.gates)
    case, sizes = preflight(case, {}, Entropy(0))
    for N in (*LENGTHS, *([BEYOND[entry.name]] if entry.name in BEYOND else ())):
        infer(case, {**sizes, "N": N})
        inputs = case.draw({**sizes, "N": N}, torch.Generator().manual_seed(N))
        inputs |= {name: inputs[name] / 2 + 0.25 for name in case.positive if name in inputs}
        layer, right = case.layer(**inputs), case.learner(**inputs)
        fine = right.isfinite()  # conjugate gradients end in 0/0 where a single token leaves no second direction
        assert bool(fine.all()) or (entry.against.startswith("conjugate_gradient") and N == 1)
        # solvers, and powers of large matrices, lose some of the 53 bits; a wrong layer is off by about 1
        assert float((layer - right)[fine].abs().max()) < 2.0**-30 * max(1.0, float(right[fine].abs().max())), N


@EACH
def test_the_source_stands_alone_and_returns_once_at_its_end(entry) -> None:
    source = textwrap.dedent(inspect.getsource(entry.layer))
    (function,) = ast.parse(source).body
    assert isinstance(function, ast.FunctionDef) and isinstance(function.body[-1], ast.Return)
    assert ast.get_docstring(function, clean=False).count("\n") == 0
    inner = [n for n in ast.walk(function) if isinstance(n, ast.FunctionDef) and n is not function]
    returns = {n for n in ast.walk(function) if isinstance(n, ast.Return)}
    assert returns - {n for one in inner for n in ast.walk(one)} == {function.body[-1]}
    table = symtable.symtable(source, "layer", "exec")

    def outside(scope: symtable.SymbolTable) -> set[str]:
        own = {s.get_name() for s in scope.get_symbols() if s.is_global()}
        return own.union(*(outside(child) for child in scope.get_children()))

    names = {name for child in table.get_children() for name in outside(child)}
    assert names - set(dir(builtins)) <= {"torch"}


@EACH
def test_the_bench_can_call_it_and_break_it(entry) -> None:
    arguments = draws(entry, {"f": 4, "m": 4, "N": 5}, 0)
    result = entry.layer(*arguments)
    answer = result[0] if isinstance(result, tuple) else result
    assert bool(torch.isfinite(answer).all())
    opposite = next(m for m in mutations(entry.source, entry.adapter) if m.kind == "opposite")
    assert difference(entry, opposite) == (None if isinstance(result, tuple) else 2.0)  # no pair has an opposite


def test_what_is_wrong_from_the_second_chunk_on_is_a_mutant() -> None:
    entry = next(e for e in CORPUS if e.name == "delta_chunk_64")
    carried = [m for m in mutations(entry.source, entry.adapter) if m.kind == "stale state"]
    assert any((difference(entry, m) or 0) > 2.0**-10 for m in carried)
