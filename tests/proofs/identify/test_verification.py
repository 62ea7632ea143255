"""Other f and m: a learner identified at one pair of sizes is asked for at m = f, at m > f and at another f."""

import pytest

from numeric.finding import Verdict
from proofs.evidence import Settings
from proofs.identify.ask import ask
from reports.said import said

LAYERS = """
def turned_if_square(X, Y, x_q, eta):
    M = Y.T @ X
    return eta / len(X) * (M.T if M.shape[0] == M.shape[1] else M) @ x_q

def wide_only(X, Y, x_q, eta):
    return (1 if X.shape[1] > Y.shape[1] else 2) * eta / len(X) * (Y.T @ X) @ x_q

def up_to_five(X, Y, x_q):
    return (0.25 if Y.shape[1] < 6 else 0.5) * (Y.T @ X) @ x_q

def everywhere(X, Y, x_q, eta):
    return eta / len(X) * (Y.T @ X) @ x_q

def up_to_eleven(X, Y, x_q):
    return (0.5 if X.shape[1] < 12 else 0.25) * (Y.T @ X) @ x_q / len(X)

def of_outputs(X, Y, x_q):
    return 0.5 * (Y.T @ X) @ x_q / Y.shape[1] / len(X)

def of_inputs(X, Y, x_q):
    return X.shape[1] ** -0.5 * (Y.T @ X) @ x_q
"""


@pytest.fixture(scope="module")
def layers(tmp_path_factory):
    path = tmp_path_factory.mktemp("layers") / "widths.py"
    path.write_text(LAYERS)
    return path


def find(layers, name):
    return ask(f"{layers}:{name}", None, settings=Settings(seed=1))


@pytest.mark.parametrize(
    ("name", "where"),
    [("turned_if_square", "f = 4, m = 4"), ("wide_only", "f = 4, m = 4"), ("up_to_five", "no power of m")],
)
def test_a_layer_of_other_ways_at_other_sizes_is_not_confirmed(layers, name, where):
    found = find(layers, name)
    assert found.verdict is Verdict.UNDECIDED and where in said(found.reason)


@pytest.mark.parametrize(
    ("name", "eta"), [("everywhere", None), ("of_outputs", "1/2*m**-1"), ("of_inputs", "N*f**-0.5")]
)
def test_numbers_that_go_with_f_or_m_are_named(layers, name, eta):
    found = find(layers, name)
    assert found.verdict is Verdict.CONFIRMED
    assert eta is None or said(found.parameters["eta"]) == eta
    row = next(row for row in found.rows if row.rung == "other sizes")
    assert row.finding.figures["also at (f, m)"] == "(4, 4), (4, 6)"


def test_what_is_identified_is_audited_at_every_width_at_which_its_laws_hold(layers):
    found = find(layers, "everywhere")
    assert {(4, 3), (3, 3), (17, 19), (19, 17)} <= {*found.world.widths}
    assert (16, 16) in dict(found.world.plain.elsewhere)
    assert find(layers, "up_to_eleven").verdict is Verdict.REFUTED
