"""Breaking wide formulas: reports/formulas.py."""

from __future__ import annotations

import pytest

from reports.formulas import broken, listed, one_line, visible


@pytest.mark.parametrize(
    ("latex", "expected"),
    [
        ("a = b", "a = b"),
        (
            r"aa + bb = \frac{ccc + d}{e} - fff",
            r"\begin{aligned} & aa + bb \\ &= \frac{ccc + d}{e} - fff \end{aligned}",
        ),
        (
            "aaaa + bbbb + cccc = dddd + eeee + ffff",
            r"\begin{aligned} & aaaa + bbbb \\ &\quad + cccc \\ &= dddd + eeee \\ &\quad + ffff \end{aligned}",
        ),
        (
            r"aaaa = bbbb \quad \text{given } c = d",
            r"\begin{aligned} & aaaa \\ &= bbbb \\ &\quad \text{given } c = d \end{aligned}",
        ),
        (r"\left( aaaaaa + bbbbbb + cccccc \right)", r"\left( aaaaaa + bbbbbb + cccccc \right)"),
        (r"\begin{bmatrix} a + b & c \\ d & eee \end{bmatrix}", r"\begin{bmatrix} a + b & c \\ d & eee \end{bmatrix}"),
        (r"aaaaaa + bbbbbb \right) + cccccc + d", r"aaaaaa + bbbbbb \right) + cccccc + d"),
        (r"aaaaaa + bbbbbb \left( + cccccc + d", r"aaaaaa + bbbbbb \left( + cccccc + d"),
    ],
)
def test_broken(latex: str, expected: str) -> None:
    assert broken(latex, 11) == expected


def test_what_is_broken_stays_so() -> None:
    once = broken(" + ".join("x" * 9 for _ in range(20)))
    assert once.startswith(r"\begin{aligned}") and broken(once) == once


@pytest.mark.parametrize(
    ("latex", "width"),
    [("a + b", 3), (r"\frac{a + b}{2 N}", 3), (r"\operatorname{tr}\left(X^{\top} X\right)", 7), (r"w_{13} \, x", 3)],
)
def test_visible(latex: str, width: int) -> None:
    assert visible(latex) == width


def test_one_line_each() -> None:
    text = "a $x\n+ y$\n\n```\n$z\n+$\n```\n\n$$\nu\n- v\n$$\n`$w$` costs $5\nor $6"
    assert one_line(text) == "a $x + y$\n\n```\n$z\n+$\n```\n\n$$ u - v $$\n`$w$` costs $5\nor $6"
    assert listed(text) == ["$x\n+ y$", "$$\nu\n- v\n$$"]
    assert one_line("$$a %\nb$$") == "$$a %\nb$$"
