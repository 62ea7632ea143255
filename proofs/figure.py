"""Figures: data first, as columns of numbers, then what is drawn from them.

Main definitions: `Figure`, `Panel`, `Series`, `csv_text`, `from_csv`. A claim lists its figures (`Claim.figures`), and so
may an audit; `reports.figures` writes the columns as CSV and draws from the CSV alone.
"""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from proofs.shown import Form, shown

Columns = Mapping[str, Iterable[float]]
"""Name -> numbers. Columns may differ in length; NaN and infinity stand for "nothing here"."""

DIGITS = 10
"""Significant digits of the CSV: what the last bits of a library's sum may change stays out of the bytes."""


@dataclass(frozen=True)
class Series:
    """One colour of a panel: dots where something was measured, a line where theory says what it should be.

    x, measured, theory: names of columns. joined: the dots are joined by a thin line, for what has no theory.
    """

    label: str
    x: str
    measured: str = ""
    theory: str = ""
    joined: bool = False

    def __post_init__(self) -> None:
        if not (self.measured or self.theory):
            raise ValueError(f"series {self.label!r} has neither measured nor theory; name at least one column")

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns it is drawn from."""
        return tuple(name for name in (self.x, self.measured, self.theory) if name)


@dataclass(frozen=True)
class Panel:
    """One pair of axes. x, y: labels with units, dollar mathematics allowed. log: "", "x", "y" or "xy".

    equal: both axes have one scale (for the complex plane).
    """

    x: str
    y: str
    series: tuple[Series, ...]
    log: str = ""
    title: str = ""
    equal: bool = False

    def __post_init__(self) -> None:
        if self.log not in ("", "x", "y", "xy"):
            raise ValueError(f"log is {self.log!r}; expected '', 'x', 'y' or 'xy'")
        if not self.series:
            raise ValueError("a panel has no series; give at least one")


@dataclass(frozen=True)
class Figure:
    """What is drawn, and where its numbers come from.

    name: a file name's stem, unique within its claim. caption: Markdown with dollar mathematics; says what dots and lines
    are. data: computes the columns; called when the figure is wanted, with no arguments and no hidden randomness.
    """

    name: str
    caption: str
    data: Callable[[], Columns]
    panels: tuple[Panel, ...]

    def __post_init__(self) -> None:
        if not self.name or set(self.name) - set("abcdefghijklmnopqrstuvwxyz0123456789_"):
            raise ValueError(f"name is {self.name!r}; expected small letters, digits and _, for it names files")
        if not self.panels:
            raise ValueError(f"figure {self.name!r} has no panels; give at least one")

    def csv(self) -> str:
        """The data as CSV text. Raises ValueError if a panel names a column that the data lack."""
        columns = self.data()
        wanted = dict.fromkeys(name for panel in self.panels for series in panel.series for name in series.columns)
        missing = [name for name in wanted if name not in columns]
        if missing:
            raise ValueError(
                f"figure {self.name!r}: the data have no column {', '.join(missing)}; found {list(columns)}"
            )
        return csv_text(columns)

    def _repr_svg_(self) -> str:
        return str(shown(Form.FIGURE, self))


def one(x: str, y: str, series: Iterable[Series], log: str = "", title: str = "") -> tuple[Panel, ...]:
    """A single panel, for figures that need no more."""
    return (Panel(x, y, tuple(series), log, title),)


def with_lines(x: str, columns: Mapping[str, str] | Iterable[str], line: str = "order") -> tuple[Series, ...]:
    """A series for each column and the line beside it, which is the column `column, line`. columns: label by column, or
    the columns, which are their own labels."""
    labels = columns if isinstance(columns, Mapping) else {column: column for column in columns}
    return tuple(Series(label, x, column, f"{column}, {line}") for column, label in labels.items())


def through_last(x: Sequence[float], y: Sequence[float], order: float) -> list[float]:
    """c x^order through the last point: the line of a proved order where its constant is not at hand."""
    return [y[-1] * (v / x[-1]) ** order for v in x]


def csv_text(columns: Columns) -> str:
    """One line of names, then one line a row; columns that end early leave their cells empty."""
    lists = {name: [_cell(v) for v in values] for name, values in columns.items()}
    rows = max((len(v) for v in lists.values()), default=0)
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(lists)
    writer.writerows([cells[k] if k < len(cells) else "" for cells in lists.values()] for k in range(rows))
    return stream.getvalue()


def from_csv(text: str) -> dict[str, list[float]]:
    """The columns of `csv_text`, NaN where a cell is empty, the empty cells at a column's end left out."""
    names, *rows = csv.reader(io.StringIO(text))
    found = {}
    for k, name in enumerate(names):
        cells = [row[k] for row in rows]
        while cells and not cells[-1]:
            cells.pop()
        found[name] = [float(c) if c else math.nan for c in cells]
    return found


def _cell(value: float) -> str:
    number = float(value)
    return f"{number:.{DIGITS}g}" if math.isfinite(number) else ""
