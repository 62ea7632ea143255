"""Markdown to TeX, HTML and PDF: reports/write.py, with the real converters."""

from __future__ import annotations

import datetime
import re
import sys
from pathlib import Path

import pytest

from proofs import registry
from proofs.evidence import Settings
from proofs.verify.run import verify
from reports.document import markdown
from reports.formulas import listed
from reports.write import FORMATS, UnknownFormat, formats, render, write

TEXT = r"""# A title

Let $x \in \mathbb{R}^n$ and $\norm{x - \norm{y} z}_F \le 1$; it costs \$5 or $6.

$$\norm{W x_i - y_i}^2 = \Bigl(\sum_{i=1}^N a_i\Bigr)^2$$

| a | b |
|:--|:--|
| $\lvert x \rvert$ | `code $notmaths$` |

```python
price = "$1$"
```
"""


@pytest.fixture(scope="module")
def rendered() -> dict[str, bytes]:
    made = render(TEXT)
    assert made.missing == {} and made.warnings == ()
    return dict(made.files)


def test_formulas_are_counted_outside_code_and_prices() -> None:
    assert len(listed(TEXT)) == 4


def test_every_format_is_made(rendered: dict[str, bytes]) -> None:
    assert list(rendered) == [f"report.{f}" for f in FORMATS]
    assert rendered["report.pdf"].startswith(b"%PDF-")


def test_markdown_needs_no_macros(rendered: dict[str, bytes]) -> None:
    text = rendered["report.md"].decode()
    assert r"\norm" not in text
    assert r"\lVert x - \lVert y\rVert z\rVert_F" in text


def test_a_norm_may_end_a_formula() -> None:
    made = render("# T\n\nWith $S = \\norm{A}$, $\\norm{x}y$.\n", ["md", "html"])
    assert "$S = \\lVert A\\rVert$, $\\lVert x\\rVert y$" in made.files["report.md"].decode()
    assert not made.warnings


def test_html_has_every_formula_as_mathml_and_its_own_font(rendered: dict[str, bytes]) -> None:
    page = rendered["report.html"].decode()
    assert len(re.findall(r"<math[ >]", page)) == len(listed(TEXT))
    assert "font/woff2;base64," in page
    assert "<script" not in page and not re.findall(r'(?:src|href)="https?:', page)
    assert "<title>A title</title>" in page


def test_latex_has_every_formula_and_no_leftover(rendered: dict[str, bytes]) -> None:
    text = rendered["report.tex"].decode()
    assert len(re.findall(r"\\\(|\\\[", text)) == len(listed(TEXT))
    assert r"\title{A title}" in text


def test_the_same_text_gives_the_same_bytes(rendered: dict[str, bytes]) -> None:
    assert dict(render(TEXT).files) == rendered


def test_the_date_is_an_argument(rendered: dict[str, bytes]) -> None:
    later = render(TEXT, ["pdf"], datetime.datetime(2024, 5, 6, tzinfo=datetime.UTC)).files["report.pdf"]
    assert later != rendered["report.pdf"] and b"D:20240506" in later


@pytest.mark.parametrize(
    ("names", "expected"),
    [("md", ("md",)), ("pdf, md", ("md", "pdf")), (["html", "html"], ("html",)), ("md,tex,html,pdf", FORMATS)],
)
def test_formats(names: str | list[str], expected: tuple[str, ...]) -> None:
    assert formats(names) == expected


@pytest.mark.parametrize("names", ["docx", "md,,pdf", "", "MD"])
def test_unknown_formats(names: str) -> None:
    with pytest.raises(UnknownFormat, match=r"^format is '.*'; expected some of md,tex,html,pdf, with commas between$"):
        formats(names)


SPLIT = """# T

> Quoted
>
$$ a
+ b
- c
> d
= e $$

- a list with $x
  > 1$ and

  $$
  f
  - g
  $$
"""


def test_lines_of_a_formula_may_begin_with_any_sign() -> None:
    made = render(SPLIT, ["md", "html", "pdf"])
    assert made.warnings == () and made.missing == {}
    assert len(re.findall(r"<math[ >]", made.files["report.html"].decode())) == len(listed(SPLIT)) == 3
    assert "$$ a + b - c > d = e $$" in made.files["report.md"].decode()


def test_a_formula_that_was_not_recognised_is_told() -> None:
    made = render("# T\n\n$$a %\n+ b$$\n", ["html"])
    assert made.warnings == ("report.html: not taken for a formula: a % + b",)


def test_a_formula_that_cannot_be_converted_is_told() -> None:
    made = render("# T\n\n$$x \\right)$$\n", ["html", "tex"])
    assert len(made.warnings) == 1
    assert made.warnings[0].startswith("report.html: Could not convert TeX math")


NEW_NAMES = [r"\odot \otimes \ominus \oplus", r"\cap \sqcap \bigcap \bigotimes \bigodot", r"\models \lhd \rhd"]
MATRICES = [rf"\begin{{{n}}} a & b \\ c & d \end{{{n}}}" for n in ("vmatrix", "Vmatrix", "pmatrix", "bmatrix", "cases")]


def test_symbols_whose_names_the_pdf_engine_changed() -> None:
    text = "# T\n\nA sect of the plus.circle costs 5.\n\n" + "\n\n".join(f"$${f}$$" for f in NEW_NAMES + MATRICES)
    made = render(text, ["pdf", "html", "tex"])
    assert made.missing == {} and made.warnings == ()


@pytest.mark.parametrize(
    ("space", "made"),
    [
        (r"\,", "thin"),
        (r"\:", "med"),
        (r"\ ", "med"),
        ("~", "med"),
        (r"\;", "thick"),
        (r"\enspace ", "thick"),
        (r"\quad ", "quad"),
        (r"\qquad ", "#h(2em)"),
        (r"\!", "#h(-0.1667em)"),
    ],
)
def test_a_space_in_a_formula_is_kept_in_the_pdf(space: str, made: str) -> None:
    from reports.write import _typst

    source, warnings = _typst(f"# T\n\n$(w {space} b)$, $$\\begin{{pmatrix}} w {space} b \\\\ c \\end{{pmatrix}}$$\n")
    assert not warnings and f"w {made} b \\)$" in source and f"vec(w {made} b, c)" in source


def test_every_space_of_the_claims_is_kept_in_the_pdf() -> None:
    from reports.write import _spelled_out, _typst

    claims = registry.select()
    told = [t for c in claims for t in (c.title, c.statement, c.derivation, *c.assumptions, *c.departures)]
    formulas = [formula for text in told for formula in listed(text)]
    source, warnings = _typst(_spelled_out("\n\n".join(formulas) + "\n"))
    assert len(formulas) > 1000 and any(r"\;" in formula for formula in formulas)
    assert not warnings and not re.findall(r"h\((?:0|-1)em\)", source)


def test_a_formula_that_the_pdf_engine_refuses_is_shown_as_tex(monkeypatch: pytest.MonkeyPatch) -> None:
    from reports import write as module

    monkeypatch.setattr(module, "_RENAMED", {})
    made = render("# T\n\nGood $x$, bad $a \\odot b$, bad\n\n$$\n\\bigotimes_i x_i\n$$\n", ["pdf"])
    assert list(made.files) == ["report.pdf"]
    assert made.warnings == (
        r"report.pdf: the PDF shows $a \odot b$ as TeX: unknown symbol modifier",
        r"report.pdf: the PDF shows $$ \bigotimes_i x_i $$ as TeX: unknown symbol modifier",
    )


def test_a_wide_formula_is_made_smaller_in_the_pdf() -> None:
    wide = " + ".join(f"x_{{{k}}}" for k in range(60))
    made = render(f"# T\n\n$${wide}$$\n", ["pdf"])
    assert made.warnings == () and made.missing == {}


def test_without_a_converter_the_markdown_is_still_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pypandoc", None)
    made = write(TEXT, tmp_path / "new" / "folder")
    assert list(made.files) == ["report.md"]
    assert set(made.missing) == {"tex", "html", "pdf"} and "pypandoc" in made.missing["pdf"]
    assert [p.name for p in (tmp_path / "new" / "folder").iterdir()] == ["report.md"]


def test_the_whole_report(tmp_path: Path, toys: Path) -> None:
    """Every claim, formula and table of a real report arrives in every format, and nothing else is left behind."""
    run = verify(["toy.*"], settings=Settings(seed=3))
    text = markdown(run)
    made = write(text, tmp_path)
    assert made.missing == {} and made.warnings == ()
    assert sorted(p.name for p in tmp_path.iterdir()) == [f"report.{f}" for f in sorted(FORMATS)]
    page = (tmp_path / "report.html").read_text("utf-8")
    assert len(re.findall(r"<math[ >]", page)) == len(listed(text)) > 20
    assert not re.findall(r"\$[^$<]*\\", re.sub(r"<annotation.*?</annotation>", "", page))
    for claim in run.claims:
        assert f'href="#{claim.replace(".", "")}"' in page and f'id="{claim.replace(".", "")}"' in page
    again = render(text)
    assert {n: (tmp_path / n).read_bytes() for n in made.files} == dict(again.files)


def test_maths_in_the_pdf_source_is_typst(toys: Path) -> None:
    """pandoc passes TeX that it can't translate through: no backslash may be left in the formulas."""
    from reports.write import _spelled_out, _typst

    source, warnings = _typst(_spelled_out(markdown(verify(["toy.holds"]))))
    assert warnings == []
    maths = re.findall(r"(?<!\\)\$(.+?)(?<!\\)\$", source, re.DOTALL)
    assert len(maths) > 10
    assert not [m for m in maths if re.search(r"\\[a-zA-Z]", m)]
