"""How long claim files are: a long one says why, beneath its docstring, which is printed and so holds no such remark."""

import re
from pathlib import Path

import pytest

import proofs
from proofs import registry

REASON = re.compile(r'^"""\n\n# Over 120 lines: \S.*\.$', re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("id", registry.ids())
def test_a_long_claim_says_why(id: str) -> None:
    text = Path(proofs.__path__[0], f"{id.replace('.', '/')}.py").read_text("utf-8")
    lines, said = text.count("\n"), bool(REASON.search(text))
    assert lines <= 250
    assert said == (lines > 120), (
        f"{lines} lines; the comment '# Over 120 lines: ...' {'is' if said else 'is not'} there"
    )
