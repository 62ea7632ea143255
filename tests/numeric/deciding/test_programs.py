"""Tapes that programs keep: how many recordings one takes, and when it is dropped."""

from __future__ import annotations

import torch
from torch import Tensor

from numeric.deciding.programs import forget, lightly, recorded


class Counted:
    """x + 1, and how often it ran."""

    calls = 0

    def __call__(self, x: Tensor) -> Tensor:
        self.calls += 1
        return x + 1


def test_a_light_recording_is_cheaper_and_stands_for_no_full_one() -> None:
    program = Counted()
    held = recorded(program)
    with lightly():
        light = held.at({"x": (2,)})
        cheap = program.calls
        assert held.at({"x": (2,)}) is light and program.calls == cheap
        assert held.at({"x": (2,)}, torch.float32) is not light
    before = program.calls
    full = held.at({"x": (2,)})
    assert program.calls - before > 2 * cheap and full.digest == light.digest
    with lightly():
        assert held.at({"x": (2,)}) is full


def test_forgotten_tapes_are_recorded_again() -> None:
    change = [1.0]
    held = recorded(lambda x: x * change[0])
    kept = held.at({"x": (2,)})
    change[0] = 2.0
    assert held.at({"x": (2,)}) is kept
    forget()
    assert held.at({"x": (2,)}).digest != kept.digest
