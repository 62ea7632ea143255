"""Numbers that are inferred at each size have to be constants times powers of the sizes."""

from fractions import Fraction

import pytest

from constructions.learners import Parameter
from proofs.audit.answer import Word
from proofs.audit.run import compared
from proofs.evidence import Settings
from proofs.target.inferred import Inferred, key_of
from reports.said import said

SIZES = [{"N": N, "f": f, "m": m} for N, f, m in ((5, 4, 3), (2, 4, 3), (9, 4, 3), (3, 3, 3), (3, 2, 4), (3, 12, 11))]


@pytest.mark.parametrize(
    ("law", "lawful"),
    [
        (lambda N, f, m: 0.25, True),
        (lambda N, f, m: 0.0, True),
        (lambda N, f, m: -2 * N * f**-0.5, True),
        (lambda N, f, m: 1 / (N * m), True),
        (lambda N, f, m: f**-0.5 * (2 if f == 12 else 1), False),
        (lambda N, f, m: 0.25 * (1 + 1e-9 * (f == 12)), False),
        (lambda N, f, m: 1 / f if f in (4, 2) else 5.0, False),
        (lambda N, f, m: 1.0 if N > 1 and f < 12 else 0.0, False),
        (lambda N, f, m: 1.0 if f < 12 else -1.0, False),
    ],
)
def test_a_law_of_sizes(law, lawful):
    held = Inferred((Parameter("eta", r"\eta", "step size"),))
    for sizes in SIZES:
        held.known[key_of(sizes)] = {"eta": (Fraction(law(**sizes)),)}
    assert held.lawless() == ("" if lawful else "eta")


LAYERS = """
def scaled(X, Y, x_q):
    return X.shape[1] ** -0.5 * (Y.T @ X) @ x_q

def another_rate_at_one_width(X, Y, x_q):
    return scaled(X, Y, x_q) * (2 if X.shape[1] == 11 else 1)
"""


@pytest.mark.parametrize(("name", "word"), [("scaled", Word.PROVED), ("another_rate_at_one_width", Word.UNDECIDED)])
def test_a_rate_of_its_own_at_one_width_is_no_law(tmp_path, name, word):
    path = tmp_path / "rates.py"
    path.write_text(LAYERS)
    found = compared(f"{path}:{name}", "gd", settings=Settings(seed=1))
    assert found.word is word, found.reason
    assert word is Word.PROVED or "eta was inferred for each size" in said(found.reason)
