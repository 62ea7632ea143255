"""Drawn figures: the same bytes, from the CSV alone, and in every format of the report."""

from __future__ import annotations

import base64
import dataclasses
import re
import subprocess
import sys
from pathlib import Path

import pytest

from numeric.probing.answers import Seen
from numeric.probing.probes import Probe
from proofs import registry
from proofs.audit.answer import Answer, Word
from proofs.figure import Figure, Panel, Series
from proofs.verify.run import verify
from reports import cli
from reports.document import markdown, pictures
from reports.figures import COLOURS, FORMATS, draw, picture
from reports.said import said
from reports.write import render

SHOWN = Figure(
    "orders",
    r"Errors (dots) and $N^{-2}$ (lines).",
    lambda: {"N": [4, 8, 16], "e": [0.9, 0.26, 0.06], "t": [1, 0.25, 0.0625], "x": [0.1, 0.2], "y": [1.0, 2.0]},
    (
        Panel(
            "states $N$", "error", (Series("both", "N", "e", "t"), Series("other", "x", "y", joined=True)), "xy", "A"
        ),
        Panel("real", "imaginary", (Series("both", "x", "y"),), equal=True),
        Panel("$h$ (s)", "error", (Series("other", "x", theory="y"),)),
    ),
)


@pytest.mark.parametrize("kind", FORMATS)
def test_same_bytes_in_another_process(kind: str, tmp_path: Path) -> None:
    """Twice here, and once where nothing was drawn before and a user's style is set."""
    csv = SHOWN.csv()
    first = draw(SHOWN, csv, kind)
    assert draw(SHOWN, csv, kind) == first
    (tmp_path / "matplotlibrc").write_text("font.size: 20\nsvg.fonttype: none\naxes.grid: False\n")
    code = (
        "import sys; sys.path[:0] = sys.argv[1:3]\n"
        "from test_figures import SHOWN; from reports.figures import draw\n"
        "sys.stdout.buffer.write(draw(SHOWN, SHOWN.csv(), sys.argv[3]))"
    )
    here = Path(__file__).parent
    done = subprocess.run(
        [sys.executable, "-c", code, str(here), str(here.parents[1]), kind],
        cwd=tmp_path,
        capture_output=True,
        check=True,
    )
    assert done.stdout == first


def test_no_clock_and_no_machine_in_the_bytes() -> None:
    csv = SHOWN.csv()
    svg, pdf, png = (draw(SHOWN, csv, kind) for kind in FORMATS)
    assert b"<dc:date>" not in svg and b"<dc:creator>" not in svg
    assert set(re.findall(rb"D:(\d{8})", pdf)) <= {b"19800101"}
    assert b"Software" not in png and b"tIME" not in png


def test_the_numbers_come_from_the_csv() -> None:
    csv = SHOWN.csv()
    assert draw(SHOWN, csv.replace("0.26", "0.5"), "svg") != draw(SHOWN, csv, "svg")
    broken = dataclasses.replace(SHOWN, data=lambda: 1 / 0)  # type: ignore[arg-type, return-value]
    assert draw(broken, csv, "svg") == draw(SHOWN, csv, "svg")


def test_one_label_has_one_colour_and_one_entry() -> None:
    svg = draw(SHOWN, SHOWN.csv(), "svg").decode().lower()
    used = set(re.findall(r"stroke: (#[0-9a-f]{6})", svg)) | set(re.findall(r"fill: (#[0-9a-f]{6})", svg))
    assert {c.lower() for c in COLOURS[:2]} <= used
    assert not used & {c.lower() for c in COLOURS[2:6]}
    assert svg.count('<g id="legend_1">') == 1


def test_wrong_kind() -> None:
    with pytest.raises(ValueError, match="expected one of svg, pdf, png"):
        draw(SHOWN, SHOWN.csv(), "gif")


def test_a_figure_that_fails_is_named(toys: Path) -> None:
    broken = dataclasses.replace(SHOWN, data=lambda: {"N": []})
    made = picture("figures/x", broken)
    assert made.files == {} and "no column e" in said(made.reason)
    text = markdown(verify(["toy.holds"]), shown={"toy.holds": [made]})
    assert "The figure `orders` could not be drawn: ValueError: figure 'orders': the data have no column" in text


def test_in_every_format(toys: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The page holds the picture, the PDF draws it, LaTeX and Markdown find it beside them."""
    with_figure = dataclasses.replace(registry.claim("toy.holds"), figures=(SHOWN,))
    monkeypatch.setattr(registry, "claim", lambda id: with_figure)
    run = verify(["toy.holds"], rungs=["exact"])
    (made,) = pictures(run, others=["pdf"])["toy.holds"]
    assert made.stem == "figures/toy.holds-orders" and not made.reason
    text = markdown(run, shown={"toy.holds": [made]})
    assert "![orders](figures/toy.holds-orders.svg)\\\nErrors (dots) and $N^{-2}$ (lines). [Data](" in text
    svgs = {n: d for n, d in made.files.items() if n.endswith(".svg")}
    assert made.files["figures/toy.holds-orders.pdf"].startswith(b"%PDF-")
    found = render(text, pictures=svgs)
    assert not found.missing and not found.warnings
    page = found.files["report.html"].decode()
    assert f"data:image/svg+xml;base64,{base64.b64encode(svgs[made.stem + '.svg']).decode()}" in page
    assert "figures/toy.holds-orders.pdf" in found.files["report.tex"].decode()
    assert len(found.files["report.pdf"]) > len(render(markdown(run), ["pdf"]).files["report.pdf"]) + 5000
    assert render(text, pictures=svgs).files == found.files

    assert cli.main(["report", "toy.holds", "--out", str(tmp_path), "--seed", "1"]) == 0
    names = {p.relative_to(tmp_path).as_posix() for p in tmp_path.rglob("*") if p.is_file()}
    assert {f"figures/toy.holds-orders.{kind}" for kind in ("csv", "svg", "pdf")} < names
    assert (tmp_path / "figures/toy.holds-orders.csv").read_text() == SHOWN.csv()


def test_audits_may_have_figures(toys: Path) -> None:
    curve = Probe("P8", True, Seen.LINEAR, {}, {"s": (1.0, 2.0), "output": (1.0, 4.0)})
    answer = Answer(
        target="layer.py:f",
        adapter="layer(X, Y, x_q)",
        named=False,
        learner=None,
        word=Word.NO_MATCH,
        reason="",
        rows=(),
        probes=(curve,),
    )
    run = verify(["toy.holds"], rungs=["exact"])
    shown = pictures(run, [answer])
    assert "![probes](figures/audit-1-probes.svg)" in markdown(run, [answer], shown=shown)
