"""Constructions hold no branch and no loop of their own; the files that still do are listed, and the list only shrinks."""

from __future__ import annotations

from pathlib import Path

import pytest

import constructions
from numeric.tape.lint import offences
from reports.said import said

HOME = Path(constructions.__file__).parent
PRIMITIVES = "it is the array namespace: its loops are what the primitives mean"
CHOICES = "it chooses"
ORACLE = "torch's own optimiser, as it is called"
REGISTRY = "the learners' registry, and what their parameters have in common"
REASONS = {
    PRIMITIVES: ("primitives",),
    CHOICES: ("scan", "trade_off"),
    ORACLE: ("optimiser",),
    REGISTRY: ("learners/__init__",),
}
LEFT = {f"{name}.py": reason for reason, names in REASONS.items() for name in names}
FILES = sorted(path.relative_to(HOME).as_posix() for path in HOME.rglob("*.py"))


def source(name: str) -> str:
    return (HOME / name).read_text(encoding="utf-8")


@pytest.mark.parametrize("name", FILES)
def test_a_construction_has_no_branch_and_no_loop(name):
    found = offences(source(name))
    if name in LEFT:
        assert found, f"{name} is clean: take it off the list"
    else:
        assert not found, "\n".join(f"{name}:{o.line}: {said(o)}" for o in found)


def test_the_list_names_files_that_exist():
    assert set(LEFT) <= set(FILES)


PLANTED = {
    "at most 100 tokens": (
        "delta_rule.py",
        "return namespace(W)",
        "K = K[: min(K.shape[0], 100), :]\n    return namespace(W)",
    ),
    "another factor for numpy": (
        "delta_rule.py",
        "return namespace(W)",
        "W = 2 * W if isinstance(W, float) else W\n    return namespace(W)",
    ),
    "at most 4 iterations": ("newton_schulz.py", "iterations)\n", "min(iterations, 4))\n"),
    "another width for f m > 400": (
        "gd_ssm.py",
        "    width = sequence.shape[1]\n",
        "    width = sequence.shape[1] + (sequence.shape[1] > 400)\n",
    ),
    "at most 64 windows": (
        "gd_ssm.py",
        "    Z = windows(sequence, stride)\n",
        "    Z = windows(sequence, stride)[:64, ...]\n",
    ),
    "at most 5 layers": ("causal_stack.py", "start(X, Y, x_q, W0), layers)", "start(X, Y, x_q, W0), min(layers, 5))"),
    "at most 7 steps": ("causal_stack.py", "(one, 0 * one), count)", "(one, 0 * one), min(count, 7))"),
    "values clipped where it works": (
        "longhorn.py",
        "    return namespace",
        "    try:\n        V = V.clip(-1, 1)\n    except AttributeError:\n        pass\n    return namespace",
    ),
    "a small number after 3 tokens": (
        "momentum_rule.py",
        "    return namespace",
        "    K = K + 2.0**-200 * (K.shape[0] > 3)\n    return namespace",
    ),
    "a short last chunk": (
        "retnet.py",
        "Q, K, V, size=size, read=outputs)",
        "Q, K, V, size=size - (K.shape[0] > 6), read=outputs)",
    ),
    "a wrong mask for N > 40": (
        "retnet.py",
        "namespace(K).decay_mask(gamma, K)",
        "namespace(K).decay_mask(gamma * (1 - K.shape[0] // 40), K)",
    ),
    "doubling wrong past 32": (
        "gated_accumulator.py",
        "product * initial + state",
        "product * initial + state * (1 + decay.shape[0] // 33)",
    ),
    "another context at width > 30": (
        "linear_attention.py",
        "attend(E, namespace(E).earlier(E), weights)",
        "attend(E, E if E.shape[1] > 30 else namespace(E).earlier(E), weights)",
    ),
}


@pytest.mark.parametrize(("name", "old", "new"), PLANTED.values(), ids=PLANTED)
def test_planted_breaks_are_seen(name, old, new):
    text = source(name)
    assert old in text, "the planted text has no place any more"
    assert len(offences(text.replace(old, new, 1))) > len(offences(text))


HIDDEN = {
    "a loop": "for t in range(n):\n        x = x + t",
    "a loop over a table": "for t in TABLE:\n        x = x + t",
    "while": "while n:\n        n = n - 1",
    "if": "if n > 3:\n        x = 2 * x",
    "a conditional": "x = x if n else 2 * x",
    "a choice by None of something else": "x = x if (n > 3) is None else 2 * x",
    "and": "x = n and 2 * x",
    "a comparison": "x = x * (n == 3)",
    "integer division": "x = x * (n // 3)",
    "a remainder": "x = x * (n % 3)",
    "a power": "x = x * 0**n",
    "a table": "x = [x, 2 * x][n]\n    x = {3: 2}.get(n, 1) * x",
    "a display with places": "x = [x, 2 * x][n]",
    "a display with a name": "both = [x, 2 * x]\n    x = both[n]",
    "a dictionary by sizes": "x = {3: 2 * x, 4: x}[n]",
    "names made of sizes": "x = {'3': 2 * x, '4': x}[f'{n}']",
    "a constant's name for a size": "THREE = n\n    for _ in range(THREE):\n        x = 2 * x",
    "a table's name for another": "BY_NAME = (x, 2 * x)\n    x = BY_NAME[n]",
    "a comprehension": "x = sum([x for _ in range(n)])",
    "a filter": "x = [y for y in (1, 2, 3) if y < n]",
    "global": "global COUNT\n    COUNT = 1",
    "a counter": "calls[0] += 1",
    "an attribute": "f.calls = 1",
    "a list that grows": "CALLS.append(1)",
    "a match": "match n:\n        case 3:\n            x = 2 * x",
    "with": "with x:\n        pass",
    "assert": "assert n < 3",
    "walrus": "x = (y := x)",
    "clip": "x = x.clip(-1, 1)",
    "writing in place": "x = HELD.add_(x)",
    "writing into": "x = xp.multiply(x, 2, out=HELD)",
    "a setting": "y = xp.set_default_dtype(x)",
    "where": "x = xp.where(x > 0, x, 0)",
    "a slice": "x = x[:64]",
    "hasattr": "x = 2 * x * hasattr(x, 'numpy')",
    "exec": "exec('x = 1')",
    "dunder": "x = x.__class__(x)",
    "a raise that is not all": "if n > 3:\n        x = 2 * x\n        raise ValueError",
}


@pytest.mark.parametrize("body", HIDDEN.values(), ids=HIDDEN)
def test_what_is_no_construction(body):
    top = "THREE = 3\nBY_NAME = {'a': 1}\n"
    assert offences(f"{top}def f(x, n, xp, calls):\n    {body}\n    return x\n")


@pytest.mark.parametrize(
    "body",
    [
        "if n > 3:\n        x = 2 * x",
        "for t in range(n):\n        x = x + t",
        "while n:\n        n = n - 1",
        "x = [y for y in (1, 2, 3) if y < n] if n else x[:64]",
        "x = min(n, 4) * [x, 2 * x][n // 2] ** n",
        "x = xp.where(x > 0, x, 0)",
        "rows = []\n    rows.append(x)",
        "rows: list = [x]\n    for t in range(n):\n        rows.append(x + rows[-1])",
        "rows = [x for _ in range(n)]\n    rows[0] = 2 * x",
        "y, rows = x, []\n    rows.append(y)",
        "x = x[slice(n.bit_length())]",
    ],
)
def test_what_chooses_by_a_size_lasts_for_no_other_call(body):
    found = offences(f"def f(x, n, xp, calls):\n    {body}\n    return x\n")
    assert found and not any(o.lasts for o in found)


LASTING = ("a counter", "an attribute", "a list that grows", "global", "with", "walrus", "exec",
           "dunder", "writing in place", "writing into", "a setting", "hasattr")  # fmt: skip


@pytest.mark.parametrize("name", LASTING)
def test_what_may_last_is_marked(name):
    found = offences(f"def f(x, n, xp, calls):\n    {HIDDEN[name]}\n    return x\n")
    assert any(o.lasts for o in found)


@pytest.mark.parametrize(
    "text",
    [
        "def f(x, y):\n    z, rows = [], x\n    rows.append(y)\n    return z\n",
        "def f(x, y):\n    *rows, z = [], x\n    rows[0] = y\n    y[0] = z\n    return z\n",
        "def f(x, rows):\n    rows.append(x)\n    return x\n",
        "def f(x, rows=[]):\n    rows.append(x)\n    return x\n",
        "ROWS = []\ndef f(x):\n    ROWS.append(x)\n    return x\n",
        "ROWS = []\ndef f(x):\n    rows = []\n    rows = ROWS\n    rows.append(x)\n    return x\n",
        "ROWS = []\ndef f(x):\n    rows = []\n    rows, y = ROWS, x\n    rows[0] = x\n    return x\n",
        "ROWS = [[]]\ndef f(x):\n    rows = []\n    for rows in ROWS:\n        rows.append(x)\n    return x\n",
        "ROWS = [[]]\ndef f(x):\n    rows = [ROWS]\n    rows[0].append(x)\n    return x\n",
        "def f(x):\n    global rows\n    rows = [x]\n    rows.append(x)\n    return x\n",
        "def f(x):\n    rows = other = [x]\n    rows.append(x)\n    return other\n",
        "def f():\n    rows = [0]\n    def g(x):\n        rows.append(x)\n        return x\n    return g\n",
        "def f():\n    rows = [0]\n    def g(x):\n        rows[0] = rows[0] + 1\n        return x\n    return g\n",
        "def f():\n    rows = [0]\n    return lambda x: rows.append(x)\n",
        "def f(x):\n    rows = []\n    import held as rows\n    rows.append(x)\n    return x\n",
    ],
)
def test_a_list_that_may_be_anothers_lasts(text):
    assert any(o.lasts for o in offences(text))


@pytest.mark.parametrize(
    "text",
    [
        "import time\n",
        "from random import random\n",
        "def f(x, y=[]):\n    return x\n",
        "@cache\ndef f(x):\n    return x\n",
        "g = lambda x, n: x if n > 3 else 2 * x\n",
        "THREE = 3\ndef f(x, THREE):\n    for _ in range(THREE):\n        x = 2 * x\n    return x\n",
    ],
)
def test_what_lasts_is_no_construction(text):
    assert offences(text)


def test_what_a_construction_may_hold():
    assert not offences('''
"""Words."""
from constructions.namespace import namespace
THREE = 3
NAMES = {"a": 1}
def f(x, y=None, n=3):
    """Words."""
    if x.shape[0] == 0 or x.shape[0] > 100:
        raise ValueError(f"{x.shape}")
    if y is None:
        y = x
    z = 1 if y is None else y
    parts = [z[..., 0] for _ in (1, 2)]
    (a, b), *c = (x, y), z
    for k in range(THREE):
        a = a + k
    step = lambda s, t: s + t**-2 * t**2
    x = {"i": x, "ii": 2 * x}[n] * NAMES[n] * x[0] * x[-1] * x[k, ...] * x[:, k]
    return namespace(x).fold(step, a, b, read=lambda s, t: s), x[:, None, ...], parts
''')
