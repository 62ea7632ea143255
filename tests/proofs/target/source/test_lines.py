"""What no bare run reached is told: tests with one outcome, lines that never ran, and whose choice they are."""

import dis
import importlib.util
import sys

import pytest
import torch

from proofs.target.source.lines import Lines, homes
from proofs.target.source.options import Known, option
from reports.said import said

SOURCE = """
def layer(X, mode=None, scale=None):
    if scale is None: scale = 1
    if isinstance(X, str): X = len(X)
    if X < 0:
        raise ValueError("negative")
    assert X < 10**6
    rate = 2 if X > 40 else 1
    large = [k for k in range(X) if k > 50]
    if mode == "fast":
        rate = 3
    if not X > 2:
        rate = 4
    try:
        out = rate / X
    except ZeroDivisionError:
        out = 0
    for k in range(X):
        if k == 30 and X > 35 or k == 77:
            out += 1
    return out * scale
"""


def loaded(path, source):
    path.write_text(source)
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def layer(tmp_path_factory):
    return loaded(tmp_path_factory.mktemp("layers") / "branches.py", SOURCE).layer


def told(layer, *calls, options=frozenset({"mode", "scale"})):
    return {(u.condition, u.never): u for u in all_told(layer, *calls, options=options)}


def all_told(layer, *calls, options=frozenset()):
    lines = Lines(homes(layer))
    with lines.followed():
        for X in calls:
            layer(X)
    return lines.unrun(layer, options)


def test_a_branch_that_no_size_reached_is_told_with_its_condition(layer):
    found = told(layer, 5)
    assert found["X > 40", True].lines == (8, 8) and found["k > 50", True].lines == (9, 9)
    assert found["k == 30", True].lines == (19, 19) and found["", True].lines == (16, 17)
    assert found["X > 2", False].lines == (13, 13)
    assert not any("X < 0" in condition or "10**6" in condition for condition, _ in found)  # they only refuse
    assert "line 8 of branches.py ran in part: X > 40 was never true" in said(found["X > 40", True])


def test_sizes_beyond_leave_nothing_butoptions_and_the_handler(layer):
    found = told(layer, 2, 5, 33, 100)
    assert {u.condition for u in found.values() if not u.option} == {""}
    assert {u.condition for u in found.values() if u.option} == {
        "scale is not None",
        'mode == "fast"',
        "isinstance(X, str)",
    }


def test_anoption_that_the_audit_sets_is_none(layer):
    assert not told(layer, 5, 100, options=frozenset({"scale"}))['mode == "fast"', True].option


def test_other_tracers_and_other_files_are_left_alone(layer):
    seen = []

    def tracer(frame, event, arg):
        seen.append(event)

    before = sys.gettrace()
    sys.settrace(tracer)
    try:
        found = told(layer, 5)
        assert sys.gettrace() is tracer
    finally:
        sys.settrace(before)
    assert {u.file for u in found.values()} == {layer.__code__.co_filename}


LOOPS = """
def layer(X):
    k = out = 0
    while k < 4:
        out, k = out + X, k + 1
    while k < 4 + X and out < 10**6:
        out, k = out + 1, k + 1
    while X > 40:
        X = X - 40
    while True:
        out += 1
        if out > 3:
            break
    while out < 0:
        out += 1
    return out
"""


def test_a_loop_is_left_once_in_the_source(tmp_path):
    module = loaded(tmp_path / "loops.py", LOOPS)
    assert {u.condition for u in told(module.layer, 1, 5).values()} == {"out < 10**6", "X > 40", "out > 3", "out < 0"}
    again = {u.condition for u in told(module.layer, 1, 50).values()}
    assert "X > 40" in again  # its body never ran a second time
    assert "X > 40" not in {u.condition for u in told(module.layer, 1, 50, 100).values()}


PENDING = """
from collections import deque

def blocks(X):
    for k in range(X):
        yield k

def layer(X):
    out, pending, other = 0, deque(blocks(X)), 0
    while pending:
        out += pending.popleft()
    while other:
        other -= 1
    made = blocks(X)
    return out
"""


def test_a_generator_that_ran_and_a_loop_on_a_name_that_ended_are_seen(tmp_path):
    module = loaded(tmp_path / "pending.py", PENDING)
    assert {u.condition for u in told(module.layer, 1, 5).values()} == {"other"}
    module = loaded(tmp_path / "alone.py", PENDING.replace("deque(blocks(X))", "deque([X])"))
    never = [u.lines for u in told(module.layer, 1, 5).values() if not u.condition]
    assert never == [(5, 6)]  # called, and never begun


EXISTING = """
def exists(x):
    return x is not None

def default(x, other):
    return x if exists(x) else other

def enough(x):
    return x is not None and x > 40

def late(x, other):
    return x if exists(x) else other

def layer(X, mode=None, scale=None):
    mode = default(mode, 1)
    if exists(X if X > 40 else None):
        X = 2
    if enough(X):
        X = 3
    for k in range(2):
        scale = late(scale, None)
    return X * mode
"""


def test_a_helper_that_tells_none_is_a_test_of_none(tmp_path):
    options = frozenset({"mode", "scale"})
    found = {u: u for u in all_told(loaded(tmp_path / "existing.py", EXISTING).layer, 1, 5, options=options)}
    assert {u.lines for u in found.values() if u.condition == "exists(x)" and u.option} == {(6, 6)}
    assert {u.lines for u in found.values() if u.condition == "exists(x)" and not u.option} == {(12, 12)}
    assert {"exists(X if X > 40 else None)", "enough(X)"} <= {u.condition for u in found.values() if not u.option}


SAYING = """
import logging
import warnings

log = logging.getLogger(__name__)
other = []

def layer(X):
    if X > 40:
        warnings.warn(
            f"{len(str(X))} digits")
    if X > 41:
        log.info("%d", X)
    if X > 42:
        log.info("%d", other.append(X))
    if X > 43:
        warnings.warn("many")
        X = X - 1
    if X > 44:
        warnings.warn("many"); X = X - 1
    if X > 45:
        other.append(X)
    return X
"""


def test_what_only_warns_or_logs_is_nothing_that_was_missed(tmp_path):
    found = told(loaded(tmp_path / "saying.py", SAYING).layer, 1, 5)
    assert {u.lines for u in found.values()} == {(15, 15), (18, 18), (20, 20), (22, 22)}


SETTLED = """
import torch
FAST, SEEN = False, 0

class Layer(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.bias, self.count = None, 0

    def forward(self, X):
        global SEEN
        self.count, SEEN = self.count + 1, SEEN + 1
        if self.bias is not None:
            X = X + self.bias

            X = X * 1
        with torch.no_grad():
            X = X * (2 if FAST else 1)
        if self.count > 50:
            X = X * 2
        if SEEN > 50:
            X = X * 3
        return X
"""


def test_what_is_set_before_all_calls_is_anoption(tmp_path):
    module = loaded(tmp_path / "settled.py", SETTLED)
    found = told(module.Layer().forward, torch.ones(3))
    assert {u.condition for u in found.values() if not u.option} == {"self.count > 50", "SEEN > 50"}
    assert {u.condition for u in found.values() if u.option} == {"self.bias is not None", "FAST"}


CONFIGURED = """
from dataclasses import dataclass
import torch

@dataclass
class Config:
    norm: bool = False
    count: int = 0
    late: int = 0

@dataclass
class Plan:
    blocks: int

    def run(self, X):
        if self.blocks:
            X = X * 5
        return X

CONFIG = Config()

class Layer(torch.nn.Module):
    scaled = False

    def __init__(self):
        super().__init__()
        self.config = CONFIG

    def forward(self, X):
        self.config.count += 1
        made = Config(late=len(X) // 30)
        if self.config.norm:
            X = X / 2
        if CONFIG.norm:
            X = X / 3
        if self.scaled:
            X = X * 3
        if self.config.count > 50:
            X = X * 2
        if made.late:
            X = X * 2
        return Plan(len(X) // 30).run(X)
"""


def test_what_a_configuration_holds_is_an_option_and_what_a_call_makes_is_none(tmp_path):
    module = loaded(tmp_path / "configured.py", CONFIGURED)
    found = told(module.Layer().forward, torch.ones(3))
    assert {u.condition for u in found.values() if not u.option} == {
        "self.config.count > 50",
        "made.late",
        "self.blocks",
    }
    assert {u.condition for u in found.values() if u.option} == {"self.config.norm", "CONFIG.norm", "self.scaled"}
    source = CONFIGURED.replace("made = ", 'setattr(CONFIG, "norm", len(X) > 30)\n        made = ')
    found = told(loaded(tmp_path / "by_name.py", source).Layer().forward, torch.ones(3))
    assert not any(u.option for u in found.values())


SWALLOWING = """
import contextlib
import torch

def layer(X):
    with torch.no_grad(), contextlib.nullcontext():
        out = 1
    with contextlib.suppress(ValueError), open(__file__):
        out = 2
    return out
"""


def test_contexts_that_may_swallow_an_error_are_told(tmp_path):
    module = loaded(tmp_path / "swallowing.py", SWALLOWING)
    lines = Lines(homes(module.layer))
    with lines.followed():
        module.layer(3)
    told = {(u.lines, u.condition, u.option) for u in lines.unrun(module.layer)}
    assert told == {
        ((8, 8), "an exception inside `contextlib.suppress(ValueError)`", False),
        ((8, 8), "an exception inside `open(__file__)`", False),
    }


def test_a_test_too_deep_to_read_is_nooption():
    lines = Lines(("/nowhere/",))
    assert lines.unrun(lambda X: X) == ()
    code = compile("def f(x):\n    return 1 if x" + "+0" * 900 + " else 2", "<deep>", "exec").co_consts[0]
    instruction = next(iter(dis.get_instructions(code)))
    assert not option(code, instruction, "x" + "+0" * 5000, Known(frozenset("x"), frozenset("x"), frozenset()))


CHAINS = """
def layer(X):
    short = X < 8888 or X == 77
    late = X > 7777 and X == 78
    several = X > 0 and X < 9999 and X == 5
    it = iter([1])
    try:
        while True:
            next(it)
    except StopIteration:
        pass
    return X
"""


def test_chains_tell_the_operand_that_was_never_otherwise(tmp_path):
    found = told(loaded(tmp_path / "chains.py", CHAINS).layer, 3, 5)
    assert set(found) == {("X < 8888", False), ("X > 7777", True), ("X > 0", False), ("X < 9999", False)}
    assert "line 3 of chains.py ran in part: X < 8888 was always true" in said(found["X < 8888", False])


CAUGHT = """
def layer(X):
    try:
        out = 1 / (X - 4)
    except ValueError: out = 3
    except ZeroDivisionError:
        out = 2
    return out
"""


def test_a_handler_that_caught_nothing_is_told(tmp_path):
    module = loaded(tmp_path / "caught.py", CAUGHT)
    found = told(module.layer, 3, 4)
    assert set(found) == {("an exception that is caught here", True)} and next(iter(found.values())).lines == (5, 5)


STATED = """
def fill(X, state):
    return 0 if state is None else state

def layer(X, state=None):
    S = fill(X, state)
    if X > 8 and state is not None:
        S = -S
    return S + X
"""


def test_an_argument_that_calls_give_and_leave_out_is_no_option(tmp_path):
    layer = loaded(tmp_path / "stated.py", STATED).layer
    lines = Lines(homes(layer))
    with lines.followed():
        layer(9)
        layer(3, 1)
    (left,) = lines.unrun(layer, frozenset({"state"}))
    assert left.condition == "state is not None" and left.option
    (open,) = lines.unrun(layer, frozenset({"state"}), varied=frozenset({"state"}))
    assert open.condition == "state is not None" and not open.option
    with lines.followed():
        layer(9, 1)
    assert not lines.unrun(layer, frozenset({"state"}), varied=frozenset({"state"}))
