"""A claim's docstring: what is read, and what is refused."""

import pytest

from proofs import registry
from proofs.forms.statement import read

GOOD = r'''r"""One is one.

For every $x$

$$ x = x . $$

Why.
By definition, \emph{always}.

Assumes.
- $x$ is a number
  of any kind
- nothing else

Source.
arXiv 0000.00000,
equation 1

Systems.
- A layer: nothing: it copies
"""
'''


def test_every_part_is_read():
    found = read(GOOD, "proofs.gd.one")
    assert found.title == "One is one"
    assert found.statement == "For every $x$\n\n$$ x = x . $$"
    assert found.derivation == r"By definition, \emph{always}."
    assert found.assumptions == ("$x$ is a number of any kind", "nothing else")
    assert found.source == "arXiv 0000.00000, equation 1"
    assert found.departures == ()
    assert [(s.name, s.computes) for s in found.systems] == [("A layer", "nothing: it copies")]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda s: s[1:], "raw string"),
        (lambda s: "x = 1\n" + s, "no docstring"),
        (lambda s: s.replace("Why.", "Because."), "Because"),
        (lambda s: s.replace("Why.\nBy definition, \\emph{always}.\n", ""), "lacks Why"),
        (lambda s: s.replace("Source.", "Why."), "each once"),
        (lambda s: s.replace("- $x$ is", "$x$ is"), "begin with"),
        (lambda s: s.replace("- A layer: nothing: it copies", ""), "no entries"),
        (lambda s: s.replace("A layer: nothing: it copies", "A layer"), "what it computes"),
        (lambda s: s.replace("One is one.", "One is one"), "full stop"),
        (lambda s: s.replace("For every $x$\n\n$$ x = x . $$\n", ""), "then the statement"),
    ],
)
def test_what_is_no_statement(change, message):
    with pytest.raises(ValueError, match=message):
        read(change(GOOD), "proofs.gd.one")


@pytest.mark.parametrize("id", ["gd.one_step_tokens", "gd.gated_delta", "gd.newton_schulz", "gd.linear_attention"])
def test_claims_that_are_written_so(id):
    claim = registry.claim(id)
    assert claim.title and claim.statement and claim.derivation and claim.source
