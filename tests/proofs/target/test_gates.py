"""Gate expressions: exact values with their axes, and one message for whatever is no expression."""

from fractions import Fraction

import pytest
import torch

from constructions.learners import Domain
from proofs.target.gates import Value, is_logarithm, laid_out, mentioned, outside, value
from proofs.target.loading import TargetError

NAMES = {
    "N": Value(Fraction(5)),
    "eta": Value(torch.tensor(2.0, dtype=torch.float64)),
    "beta": laid_out(torch.tensor([1.0, 2.0, 3.0], dtype=torch.float64), ("N",)),
    "lam": laid_out(torch.tensor([1.0, 4.0], dtype=torch.float64), ("f",)),
}
LIKE = torch.zeros((), dtype=torch.float64)


@pytest.mark.parametrize(
    ("text", "expected", "axes"),
    [
        ("1/3", Fraction(1, 3), ()),
        ("0.1", Fraction(1, 10), ()),
        ("-N + 2*3", Fraction(1), ()),
        ("4**-0.5", Fraction(1, 2), ()),
        ("2**3", Fraction(8), ()),
        ("log(1)", Fraction(0), ()),
        ("eta/N", [0.4], ()),
        ("1/eta", [0.5], ()),
        ("eta - 1/2", [1.5], ()),
        ("1 - eta", [-1.0], ()),
        ("beta", [1.0, 2.0, 3.0], ("N",)),
        ("3*beta/eta", [1.5, 3.0, 4.5], ("N",)),
        ("lam/2", [0.5, 2.0], ("f",)),
        ("beta*lam", [[1.0, 4.0], [2.0, 8.0], [3.0, 12.0]], ("N", "f")),
        ("log(eta)", [0.6931471805599453], ()),
    ],
)
def test_values(text, expected, axes):
    found = value(text, NAMES)
    assert found.axes == axes
    if isinstance(expected, Fraction):
        assert found.held == expected
    else:
        assert (
            found.tensor(LIKE).reshape(-1).tolist() == torch.tensor(expected, dtype=torch.float64).reshape(-1).tolist()
        )


def test_shapes_follow_the_axes():
    shapes = {"eta": (), "beta": (3,), "lam": (2,), "beta*lam": (3, 2), "1/7": ()}
    assert {text: tuple(value(text, NAMES).tensor(LIKE).shape) for text in shapes} == shapes


@pytest.mark.parametrize(
    "text",
    ["", "nope", "1/0", "eta/", "__import__('os')", "eta.real", "True", "[1]", "'a'", "tan(eta)", "eta**2", "log(-1)"],
)
def test_what_is_no_expression_gets_one_message(text):
    with pytest.raises(TargetError, match=r"gate value .*use a number, one of N, eta") as caught:
        value(text, NAMES)
    assert "\n" not in str(caught.value)


def test_a_logarithm_is_told_from_what_names_one():
    assert is_logarithm("log(decay)") and is_logarithm(" log(1 - a) ")
    assert not any(map(is_logarithm, ("-log(decay)", "logit", "log", "exp(log(a))", "log(")))


def test_names_in_an_expression():
    assert mentioned("log(decay)*beta/N") == {"decay", "beta", "N"}
    assert mentioned("free") == {"free"} and mentioned("eta/") == set()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("10**1000000000", "beyond those of float64"),
        ("2**2**30", "beyond those of float64"),
        ("1e999999999", "beyond those of float64"),
        ("1e-999999999", "beyond those of float64"),
        ("2**2000", "beyond those of float64"),
        ("1" + "+1" * 5000, "characters; expected at most"),
        ("(" * 400 + "1" + ")" * 400, "gate value"),
    ],
)
def test_numbers_that_no_float_holds_end_at_once(text, message):
    with pytest.raises(TargetError, match=message):
        value(text, NAMES)


@pytest.mark.parametrize(
    ("text", "domain", "found"),
    [
        ("N-N", Domain.POSITIVE, 0),
        ("-N", Domain.POSITIVE, -5),
        ("f-4", Domain.POSITIVE, 0),
        ("f-4", None, 0),
        ("N-4", Domain.POSITIVE, None),
        ("N", Domain.UNIT, 5),
        ("rate-rate", Domain.POSITIVE, 0),
        ("0*eta", None, 0),
        ("1-decay", Domain.UNIT, None),
        ("decay-1/2", Domain.POSITIVE, None),  # positive for some: the user's business
        ("-log(decay)", Domain.POSITIVE, None),
        ("-5", Domain.REAL, None),
    ],
)
def test_expressions_outside_their_domain(text, domain, found):
    assert outside(text, domain, {"N": 5, "f": 4, "m": 3}) == found
