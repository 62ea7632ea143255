"""Drawing figures from their CSV, the same bytes each time.

Main definitions: `draw`, `Picture`, `picture`, `FORMATS`. What is drawn is a `proofs.figure.Figure`; the numbers come
from the CSV text alone, so the file beside a picture holds everything that is in it.
"""

from __future__ import annotations

import io
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from proofs.figure import Figure, Panel, Series, from_csv
from reports.write import EPOCH

FORMATS = ("svg", "pdf", "png")

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
"""Okabe and Ito's palette, which colour-blind readers can tell apart; the yellow is left out, too pale on white."""

MARKERS = ("o", "s", "^", "D", "v", "P", "X")
"""One a colour, for readers who see none."""

_WIDTH = 6.5
"""Inches: the text width of the report's pages."""

_STYLE: Mapping[str, Any] = {
    "font.family": "DejaVu Sans",
    "font.size": 8.5,
    "axes.titlesize": 8.5,
    "axes.linewidth": 0.7,
    "axes.grid": True,
    "grid.color": "#DDDDDD",
    "grid.linewidth": 0.5,
    "legend.frameon": False,
    "legend.fontsize": 8,
    "lines.linewidth": 1.1,
    "lines.markersize": 3.8,
    "svg.hashsalt": "ssmproof",
    "svg.fonttype": "path",
    "path.simplify": False,
}

_NO_METADATA: Mapping[str, Mapping[str, Any]] = {"svg": {"Date": None, "Creator": None}, "png": {"Software": None}}


@dataclass(frozen=True)
class Picture:
    """One figure of a report: its files' stem and its files by name (data, then drawings); or why it could not be made."""

    stem: str
    figure: Figure
    files: Mapping[str, bytes]
    reason: str = ""


def picture(stem: str, figure: Figure, others: Iterable[str] = ()) -> Picture:
    """The figure's CSV, its SVG and `others` of the formats; what goes wrong becomes the reason, not an exception."""
    try:
        csv = figure.csv()
        files = {f"{stem}.csv": csv.encode(), f"{stem}.svg": draw(figure, csv, "svg")}
        for kind in others:
            drawn = _converted(files[f"{stem}.svg"]) if kind == "pdf" else draw(figure, csv, kind)
            files[f"{stem}.{kind}"] = drawn
    except Exception as error:
        # the report of everything else must not be lost for one figure
        return Picture(stem, figure, {}, f"{type(error).__name__}: {' '.join(str(error).split())}")
    return Picture(stem, figure, files)


def draw(figure: Figure, csv: str, kind: str) -> bytes:
    """The picture as SVG, PDF or PNG. Raises ValueError for another kind."""
    if kind not in FORMATS:
        raise ValueError(f"kind is {kind!r}; expected one of {', '.join(FORMATS)}")
    if kind == "pdf":
        return _converted(draw(figure, csv, "svg"))
    import matplotlib as mpl
    from matplotlib.figure import Figure as Sheet

    columns = from_csv(csv)
    labels = list(dict.fromkeys(s.label for panel in figure.panels for s in panel.series))
    across = min(len(figure.panels), 2)
    down = -(-len(figure.panels) // across)
    # a user's own style must not change the bytes
    plain: dict[Any, Any] = {k: v for k, v in mpl.rcParamsDefault.items() if not k.startswith("backend")}
    with mpl.rc_context(plain | dict(_STYLE)):
        rows_of_legend = -(-len(labels) // _columns(labels)) if len(labels) > 1 else 0
        height = down * (2.9 if across > 1 else 3.1) + 0.17 * rows_of_legend
        sheet = Sheet(figsize=(_WIDTH, height), layout="constrained")
        axes = sheet.subplots(down, across, squeeze=False).ravel()
        for ax, panel in zip(axes, figure.panels, strict=False):
            _fill(ax, panel, columns, labels)
        for ax in axes[len(figure.panels) :]:
            ax.remove()
        if len(labels) > 1:
            _legend(sheet, axes, labels)
        stream = io.BytesIO()
        sheet.savefig(stream, format=kind, dpi=200, metadata=dict(_NO_METADATA[kind]))
    return stream.getvalue()


def _converted(svg: bytes) -> bytes:
    """The SVG as a page of its own size: a hundredth of the time that matplotlib takes for its own PDF."""
    import typst

    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "picture.svg").write_bytes(svg)
        main = Path(folder) / "main.typ"
        main.write_text('#set page(width: auto, height: auto, margin: 0pt)\n#image("picture.svg")\n', "utf-8")
        pdf = typst.compile(str(main), ignore_system_fonts=True, timestamp=EPOCH)
    if not isinstance(pdf, bytes):
        raise RuntimeError("the PDF engine returned no document")
    return pdf


def _fill(ax: Any, panel: Panel, columns: Mapping[str, Sequence[float]], labels: list[str]) -> None:
    for series in panel.series:
        _plot(ax, series, columns, labels.index(series.label))
    if "x" in panel.log:
        ax.set_xscale("log")
        _ticks(ax, panel, columns)
    if "y" in panel.log:
        ax.set_yscale("log")
    if panel.equal:
        ax.set_aspect("equal", adjustable="datalim")
    ax.set_axisbelow(True)
    ax.set_xlabel(panel.x)
    ax.set_ylabel(panel.y)
    if panel.title:
        ax.set_title(panel.title)


def _ticks(ax: Any, panel: Panel, columns: Mapping[str, Sequence[float]]) -> None:
    """Sizes such as N are marked where they were measured; less than two decades have marks at 1, 2 and 5."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    places = sorted({v for series in panel.series for v in columns[series.x]})
    if len(places) <= 10 and all(v == round(v) and 1 <= v <= 9999 for v in places):
        ax.set_xticks(places, [f"{v:.0f}" for v in places])
        ax.set_xticks([], minor=True)
    elif places and places[0] > 0 and places[-1] < 100 * places[0]:
        ax.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        ax.xaxis.set_minor_formatter(NullFormatter())


def _plot(ax: Any, series: Series, columns: Mapping[str, Sequence[float]], number: int) -> None:
    colour, marker = COLOURS[number % len(COLOURS)], MARKERS[number % len(MARKERS)]
    dashes = "-" if number < len(COLOURS) else "--"
    if series.theory:
        x, y = _both(columns, series.x, series.theory)
        ax.plot(x, y, linestyle=dashes, color=colour, label=series.label)
    if series.measured:
        x, y = _both(columns, series.x, series.measured)
        size = None if len(x) <= 60 else 2.0
        line = dashes if series.joined else "none"
        ax.plot(x, y, linestyle=line, marker=marker, markersize=size, linewidth=0.7, color=colour, label=series.label)


def _both(columns: Mapping[str, Sequence[float]], x: str, y: str) -> tuple[Sequence[float], Sequence[float]]:
    shared = min(len(columns[x]), len(columns[y]))
    return columns[x][:shared], columns[y][:shared]


def _columns(labels: list[str]) -> int:
    longest = max(len(label.replace("$", "").replace("\\", "")) for label in labels)
    return int(max(1, min(len(labels), 4, 96 // (longest + 8))))


def _legend(sheet: Any, axes: Any, labels: list[str]) -> None:
    """One legend below all panels, where no data can be: a label's line and dots in one entry."""
    handles: dict[str, list[Any]] = {}
    for ax in axes:
        if ax.figure is None:
            continue
        seen: dict[str, list[Any]] = {}
        for handle, label in zip(*ax.get_legend_handles_labels(), strict=True):
            seen.setdefault(label, []).append(handle)
        for label, found in seen.items():
            handles.setdefault(label, found)
    entries = [tuple(handles[label]) for label in labels]
    sheet.legend(entries, labels, loc="outside lower center", ncols=_columns(labels))
