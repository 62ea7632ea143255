"""Tests of arguments that a target's own code writes as literals are options; those of anything computed are not."""

import importlib.util

import pytest

from proofs.target.source.lines import Lines, homes

SOURCE = """
import functools

def helper(X, fault, rate=1, *, plain=True):
    if fault == "other":
        X = X + 1
    if rate > 3:
        X = X + 2
    if not plain:
        X = X + 3
    return X

class Part:
    def run(self, X, fault):
        if fault == "other":
            X = X + 1
        return X

def literal(X):
    return helper(X, "none") + helper(X, fault="none", plain=True)

def method(X):
    part = Part()
    return part.run(X, "none")

def computed(X):
    return helper(X, ("none", "other")[X > 100])

def variable(X):
    fault = "none"
    if len(str(X)) > 1: fault = "none"
    return helper(X, fault)

def partial(X):
    late = functools.partial(helper, X)
    return late(str("none"), "none" and 2)

def starred(X):
    return helper(*(X, "none"))

def stored(X):
    def inner(X, fault):
        fault = fault if X < 100 else "other"
        if fault == "other":
            X = X + 1
        return X
    return inner(X, "none")
"""


@pytest.fixture(scope="module")
def layers(tmp_path_factory):
    path = tmp_path_factory.mktemp("layers") / "literal_arguments.py"
    path.write_text(SOURCE)
    spec = importlib.util.spec_from_file_location("literal_arguments", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def opens(layers, name):
    layer = getattr(layers, name)
    lines = Lines(homes(layer))
    with lines.followed():
        layer(50)
    return {u.condition for u in lines.unrun(layer) if not u.option}


def test_literals_and_defaults_of_own_helpers_decide_no_size(layers):
    assert opens(layers, "literal") == set()


def test_a_method_may_be_called_by_others(layers):
    assert 'fault == "other"' in opens(layers, "method")


@pytest.mark.parametrize("name", ["computed", "variable", "partial", "starred"])
def test_what_is_computed_may_be_another_elsewhere(layers, name):
    assert 'fault == "other"' in opens(layers, name)


def test_an_argument_that_is_set_anew_is_no_literal(layers):
    assert 'fault == "other"' in opens(layers, "stored")


def test_one_call_without_a_literal_opens_them_all(layers):
    lines = Lines(homes(layers.literal))
    with lines.followed():
        layers.literal(50)
        layers.computed(50)
    assert 'fault == "other"' in {u.condition for u in lines.unrun(layers.literal) if not u.option}
