"""What a call leaves for the next is found wherever it is held; it is a doubt where the same call changes it and uses it."""

from __future__ import annotations

from pathlib import Path

import pytest

from numeric.entropy import Entropy
from proofs.audit.answer import Word
from proofs.audit.kept import Kept, kept
from proofs.audit.preflight import preflight
from proofs.audit.run import compared
from proofs.audit.world import Same
from proofs.evidence import Settings
from proofs.target.adapters import adapt
from proofs.target.case import Case
from proofs.target.learners import learner
from proofs.target.loading import load
from proofs.target.source.lines import Lines, homes
from proofs.target.source.outside import outside
from reports.said import said

HEAD = """
import contextvars, ctypes, functools, itertools, os, random, sys, time, types
from time import perf_counter
import torch
N, SEEN, TABLE, CACHE, C, RNG = 0, [], {"n": 0}, {}, itertools.count(), random.Random(0)
HELD, SPACE, CONTEXT = ctypes.c_long(0), types.SimpleNamespace(n=0), contextvars.ContextVar('n', default=0)

def good(X, Y, x_q, eta): return eta / len(X) * (Y.T @ (X @ x_q))

class Count:
    n = 0

class Slot:
    __slots__ = ("n",)

SLOT = Slot()
SLOT.n = 0

def counter():
    n = 0
    while True:
        n += 1
        yield n

G = counter()

@functools.lru_cache(None)
def rate(n): return 1 + len(SEEN) // 100000

@functools.lru_cache(None)
def ones(n): return torch.ones(n, 1, dtype=torch.float64)
"""
COUNTS = {
    "a global": "global N\n    N += 1\n    return N",
    "globals of a function": "good.__globals__['N'] += 1\n    return good.__globals__['N']",
    "a list": "SEEN.append(0)\n    return len(SEEN)",
    "a table": "TABLE['n'] += 1\n    return TABLE['n']",
    "a class": "Count.n += 1\n    return Count.n",
    "a slot": "SLOT.n += 1\n    return SLOT.n",
    "a function": "layer.n = getattr(layer, 'n', 0) + 1\n    return layer.n",
    "a default": "seen.append(0)\n    return len(seen)",
    "an iterator": "return next(C)",
    "a generator": "return next(G)",
    "draws": "return int(RNG.random() > 2)",
    "memory": "HELD.value += 1\n    return HELD.value",
    "a namespace": "SPACE.n += 1\n    return SPACE.n",
    "a context": "CONTEXT.set(CONTEXT.get() + 1)\n    return CONTEXT.get()",
    "a library": "torch.n_of_calls = getattr(torch, 'n_of_calls', 0) + 1\n    return torch.n_of_calls",
    "behind a cache": "SEEN.append(0)\n    return rate(len(X))",
}
COUNTING = "\ndef layer(X, Y, x_q, eta, seen=[]):\n    return good(X, Y, x_q, eta) * max(1, count(X, seen) // 100000)\n"
MODULES = {
    "an attribute": "self.n = getattr(self, 'n', 0) + 1\n        return self.n",
    "setattr": "setattr(self, 'n', getattr(self, 'n', 0) + 1)\n        return self.n",
    "vars": "vars(self)['n'] = vars(self).get('n', 0) + 1\n        return vars(self)['n']",
    "a buffer": "self.count.add_(1)\n        return self.count",
}
MODULE = """
class Layer(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.register_buffer("count", torch.zeros(()))

    def more(self):
        BODY

    def forward(self, X, Y, x_q, eta):
        return good(X, Y, x_q, eta) * torch.clamp(torch.as_tensor(self.more() / 100000), min=1)
"""
HARMLESS = {
    "none": "return good(X, Y, x_q, eta)",
    "a counter that is only counted": "TABLE['n'] += 1\n    return good(X, Y, x_q, eta)",
    "a log": "SEEN.append(float(eta))\n    return good(X, Y, x_q, eta)",
    "the last scores": "layer.scores = X @ x_q\n    return eta / len(X) * (Y.T @ layer.scores)",
    "time that it takes": "start = time.time()\n    out = good(X, Y, x_q, eta)\n    layer.took = time.time() - start\n"
    "    return out",
}
MEMORIES = {
    "a table by length": "if len(X) not in CACHE:\n        CACHE[len(X)] = torch.ones(len(X), 1, dtype=torch.float64)\n"
    "    return good(X, Y * CACHE[len(X)], x_q, eta)",
    "a cache by length": "return good(X, Y * ones(len(X)), x_q, eta)",
}
OUTSIDE = {
    "time": "time.time() // 4e9",
    "a clock by its name": "perf_counter() // 4e9",
    "the process": "os.getpid() // 10**9",
    "the environment": "float(os.environ.get('SCALE_OF_IT', '1'))",
    "modules": "('deepspeed' in sys.modules)",
    "threads": "torch.get_num_threads() // 640",
    "addresses": "X.data_ptr() // 10**30",
    "identities": "id(X) // 10**30",
}


def case(folder: Path, source: str, name: str = "layer") -> tuple[Case, object, dict[str, int]]:
    path = folder / "keeping.py"
    path.write_text(HEAD + source)
    target = load(f"{path}:{name}")
    found, sizes = preflight(Case.of(target.text, adapt(target, None), learner("gd"), {}), {}, Entropy(0))
    return found, target.call, sizes


def looked(folder: Path, source: str, name: str = "layer") -> tuple[Kept, ...]:
    return kept(*case(folder, source, name))


@pytest.mark.parametrize("name", COUNTS)
def test_a_counter_that_is_used_is_a_doubt(tmp_path: Path, name: str) -> None:
    body = COUNTS[name]
    found = looked(tmp_path, f"\ndef count(X, seen):\n    {body}\n{COUNTING}")
    assert [k for k in found if k.doubt], found
    assert "with each call, and calls use it" in next(said(k) for k in found if k.doubt)


def test_one_of_a_closure_too(tmp_path: Path) -> None:
    source = "def make():\n    n = 0\n    def count(X, seen):\n        nonlocal n\n        n += 1\n        return n\n"
    source += "    return count\n"
    found = looked(tmp_path, f"\n{source}\ncount = make()\n{COUNTING}")
    assert [k.name for k in found if k.doubt] == ["n"]


@pytest.mark.parametrize("name", MODULES)
def test_a_module_has_them_in_many_ways(tmp_path: Path, name: str) -> None:
    found = looked(tmp_path, MODULE.replace("BODY", MODULES[name]), "Layer")
    assert any(k.doubt for k in found), found


@pytest.mark.parametrize("name", HARMLESS)
def test_what_no_call_uses_is_no_doubt(tmp_path: Path, name: str) -> None:
    found = looked(tmp_path, f"\ndef layer(X, Y, x_q, eta):\n    {HARMLESS[name]}\n")
    assert not any(k.used for k in found) and bool(found) is (name != "none")


@pytest.mark.parametrize("name", MEMORIES)
def test_a_memory_is_used_and_does_not_count(tmp_path: Path, name: str) -> None:
    found = looked(tmp_path, f"\ndef layer(X, Y, x_q, eta):\n    {MEMORIES[name]}\n")
    assert [(k.counts, k.used) for k in found] == [(False, True)]
    assert ", and calls use it" in said(found[0])


def test_what_is_held_is_as_before(tmp_path: Path) -> None:
    found, call, at = case(tmp_path, f"\ndef count(X, seen):\n    {COUNTS['a table']}\n{COUNTING}")
    table = call.__globals__["TABLE"]  # type: ignore[attr-defined]
    kept(found, call, at)
    assert call.__globals__["TABLE"] is table and isinstance(table["n"], int)  # type: ignore[attr-defined]


@pytest.mark.parametrize("name", OUTSIDE)
def test_what_no_argument_gives_is_told(tmp_path: Path, name: str) -> None:
    found, _, _ = case(
        tmp_path, f"\ndef layer(X, Y, x_q, eta):\n    return good(X, Y, x_q, eta) * (1 + {OUTSIDE[name]})\n"
    )
    assert [said(f.told) for f in outside(found.lines)], name


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ("return good(X, Y, x_q, eta) * (1 + torch.compiler.is_compiling())", ["is_compiling"]),
        ("return good(X, Y, x_q, eta) * (1 + torch.cuda.is_available())", ["is_available"]),
        ("if torch.compiler.is_compiling():\n        return 0 * x_q\n    return good(X, Y, x_q, eta)", []),
        ("scale = 2 * torch.jit.is_scripting() if len(X) else 0\n    return good(X, Y, x_q, eta)", ["is_scripting"]),
    ],
)
def test_what_pytorch_says_of_itself_is_named_but_no_doubt(tmp_path: Path, body: str, told: list[str]) -> None:
    # a test of it has a side that never ran, which is named in its own line
    found, _, _ = case(tmp_path, f"\ndef layer(X, Y, x_q, eta):\n    {body}\n")
    assert [(f.told.name, f.told.constant) for f in outside(found.lines)] == [(name, True) for name in told]


def test_what_is_not_called_reads_nothing() -> None:
    assert outside(Lines(homes(lambda X: X))) == ()


AUDITED = """
def counter(X, Y, x_q, eta):
    TABLE["n"] += 1
    return good(X, Y, x_q, eta) * max(1, TABLE["n"] // 100000)

def timed(X, Y, x_q, eta):
    start = time.perf_counter()
    out = good(X, Y, x_q, eta)
    timed.took = time.perf_counter() - start
    return out

def clock(X, Y, x_q, eta):
    return good(X, Y, x_q, eta) * max(1, time.time() // 4e9)

def first_width(X, Y, x_q, eta):
    return good(X, Y, x_q, eta) * (1 + (CACHE.setdefault(len(X), X.shape[1]) > 40))

def first_length(X, Y, x_q, eta):
    return good(X, Y, x_q, eta) * (1 + CACHE.setdefault(X.shape[1], len(X)) // 200)

def masks(X, Y, x_q, eta):
    return good(X, Y * ones(len(X)), x_q, eta)

def compiled(X, Y, x_q, eta):
    return good(X, Y, x_q, eta) * (1 + torch.compiler.is_compiling())
"""


@pytest.mark.parametrize(
    ("name", "word"),
    [
        ("counter", Word.UNDECIDED),
        ("timed", Word.PROVED),
        ("clock", Word.UNDECIDED),
        ("first_width", Word.REFUTED),
        ("first_length", Word.REFUTED),
        ("masks", Word.PROVED),
        ("compiled", Word.PROVED),
    ],
)
def test_an_audit_says_so(tmp_path: Path, name: str, word: Word) -> None:
    path = tmp_path / "kept_audited.py"
    path.write_text(HEAD + AUDITED)
    answer = compared(f"{path}:{name}", "gd", settings=Settings(seed=1))
    assert answer.word is word, str(answer)
    if name == "masks":
        after = [m.same for m in answer.world.modes if m.name.startswith("fresh process, after calls at other ")]
        assert after == [Same.BITS] * 3
        assert not answer.world.every_length
    told = [o.name for o in answer.world.outside]
    assert told == {"clock": ["time.time"], "compiled": ["is_compiling"]}.get(name, [])
