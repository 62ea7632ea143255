"""Flags: whose code does what a verdict may rest on: which cast, which constant."""

from __future__ import annotations

import pickle
from typing import Any

from numeric.deciding.comparison import Comparison
from numeric.deciding.exact_identity import decide
from numeric.deciding.float_identity import decide as decide_floats
from numeric.deciding.strategies import draw
from numeric.entropy import Entropy
from numeric.finding import Flag
from numeric.tape.notes import Cast, Constant

SHAPES = {"x": ("N",)}


def rounds(x: Any) -> Any:
    return 0.1 * x.float().double() / 3


def plain(x: Any) -> Any:
    return x / 30


def test_both_engines_say_what_a_flag_is_about() -> None:
    exactly = decide(
        Comparison(rounds, plain, SHAPES, {"N": 2}, names=("one", "other"), entropy=Entropy(1)), shrinking=False
    )
    draws = [draw("gaussian", {"N": 2}, SHAPES, Entropy(1).generator())]
    floats = decide_floats(Comparison(rounds, plain, names=("one", "other")), draws)
    for found in (exactly, floats):
        flags = [flag for flag in found.flags if isinstance(flag, Flag)]
        assert len(flags) == len(found.flags) and {flag.side for flag in flags} == {"one"}
        assert [flag.what.dtype for flag in flags if isinstance(flag.what, Cast)] == ["float32"]
        assert [flag.what.number for flag in flags if isinstance(flag.what, Constant)] == [0.1]


def test_flags_survive_the_way_between_processes() -> None:
    flag = Flag(Cast("float32", "a.py:3"), "layer")
    again = pickle.loads(pickle.dumps(flag))
    assert again == flag and vars(again) == vars(flag)
