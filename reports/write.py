"""One Markdown text with dollar mathematics -> report.md, .tex, .html, .pdf. Wheels only, no network, no TeX.

Main definitions: `FORMATS`, `render`, `write`, `Rendered`, `UnknownFormat`.
"""

from __future__ import annotations

import base64
import datetime
import html
import re
import subprocess
import tempfile
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from proofs.mistake import UserMistake
from reports.files import write_all
from reports.formulas import listed, one_line

FORMATS = ("md", "tex", "html", "pdf")
EPOCH = datetime.datetime(1980, 1, 1, tzinfo=datetime.UTC)
"""The date inside the PDF when none is given, so that the same text gives the same bytes."""

_TEMPLATES = Path(__file__).parent / "templates"
_READ = "gfm+tex_math_dollars"
"""GitHub's own dialect, so that the page there and the other formats can't differ."""

_TYPST_MATHS = re.compile(r"(?<!\\)\$(?:[^$\\]|\\.)+\$", re.DOTALL)
_RENAMED = {
    r"\b(dot|times|plus|minus|div)\.circle\b": r"\1.o",
    r"\bsect\b": "inter",
    r"\btack\.r\.double\b": "tack.rr",
    r"\b(lt|gt)\.tri\b": r"\1.closed",
    r'(?<=delim: )"\|\|"': '"‖"',
    r"#h\(0em\)": "thick",
    r"#h\(-1em\)": "#h(-0.1667em)",
}


class UnknownFormat(UserMistake, ValueError):
    """A format that reports are not written in."""


@dataclass(frozen=True)
class Rendered:
    """The bytes of each format, the formats that could not be made (with the reason), and the engine's warnings."""

    files: Mapping[str, bytes]
    missing: Mapping[str, str]
    warnings: tuple[str, ...]


def formats(names: str | Iterable[str]) -> tuple[str, ...]:
    """The formats in `names` ("md,pdf" or a sequence), each once. Raises UnknownFormat."""
    asked = [n.strip() for n in (names.split(",") if isinstance(names, str) else names)]
    for name in asked:
        if name not in FORMATS:
            raise UnknownFormat(f"format is {name!r}; expected some of {','.join(FORMATS)}, with commas between")
    return tuple(f for f in FORMATS if f in asked)


def render(
    text: str,
    names: Iterable[str] = FORMATS,
    when: datetime.datetime = EPOCH,
    pictures: Mapping[str, bytes] | None = None,
) -> Rendered:
    """`text` in each format, as report.md and so on. Markdown always works; the others say why if they don't.

    pictures: the files that the text shows, by the names it has for them, as SVG. HTML and PDF hold them; Markdown
    needs them beside it, and LaTeX the same as PDF files.
    """
    text, pictures = _spelled_out(text), pictures or {}
    wanted = formats(names)
    files: dict[str, bytes] = {}
    missing: dict[str, str] = {}
    warnings: list[str] = []
    for name in wanted:
        try:
            files[f"report.{name}"], said = _make(name, text, when, pictures)
        except (ImportError, OSError, RuntimeError) as error:
            missing[name] = f"{type(error).__name__}: {error}"
        else:
            warnings += [f"report.{name}: {warning}" for warning in said]
    return Rendered(files, missing, tuple(warnings))


def _make(name: str, text: str, when: datetime.datetime, pictures: Mapping[str, bytes]) -> tuple[bytes, list[str]]:
    if name == "tex":
        for shown in pictures:
            text = text.replace(f"]({shown})", f"]({shown.removesuffix('.svg')}.pdf)")  # LaTeX reads no SVG
        return _latex(text)
    if name == "html":
        return _html(text, pictures)
    return _pdf(text, when, pictures) if name == "pdf" else (text.encode(), [])


def write(text: str, out: Path, names: Iterable[str] = FORMATS, when: datetime.datetime = EPOCH) -> Rendered:
    """`render`, then write all files into `out`, whole or not at all."""
    rendered = render(text, names, when)
    write_all(out, rendered.files)
    return rendered


def _pandoc(text: str, to: str, *extra: str) -> tuple[str, list[str]]:
    """The converted text and pandoc's warnings: a formula that it can't convert is one."""
    import pypandoc  # only here: a check of a claim needs no document converter

    # The first heading becomes the title; without the shift pandoc would invent one.
    command = [pypandoc.get_pandoc_path(), "--from", _READ, "--to", to, "--standalone", "--shift-heading-level-by=-1"]
    done = subprocess.run([*command, *extra], input=text.encode(), capture_output=True, check=False)
    said = done.stderr.decode("utf-8", "replace")
    if done.returncode:
        raise RuntimeError(f"pandoc ended with status {done.returncode}: {said.strip()}")
    warnings = re.split(r"^\[WARNING\]", said, flags=re.MULTILINE)
    warnings = re.split(r"^\[WARNING\]", said, flags=re.MULTILINE)
    return done.stdout.decode(), [" ".join(w.split()) for w in warnings if w.strip()]


def _html(text: str, pictures: Mapping[str, bytes]) -> tuple[bytes, list[str]]:
    font = base64.b64encode((_TEMPLATES / "stix-two-math.woff2").read_bytes()).decode()
    face = f'@font-face{{font-family:"STIX Two Math";src:url(data:font/woff2;base64,{font}) format("woff2")}}'
    style = f"<style>{face}\n{(_TEMPLATES / 'report.css').read_text('utf-8')}</style>"
    options = ["--mathml", "--toc", "--toc-depth=1", "-M", "document-css=false", "-M", "lang=en"]
    with tempfile.TemporaryDirectory() as folder:
        head = Path(folder) / "head.html"
        head.write_text(style, "utf-8")
        page, warnings = _pandoc(text, "html5", *options, f"--include-in-header={head}")
    lost = [f"not taken for a formula: {formula}" for formula in _lost(text, page)]
    for shown, data in pictures.items():
        held = f"data:image/svg+xml;base64,{base64.b64encode(data).decode()}"
        page = page.replace(f'src="{shown}"', f'src="{held}"')
    return page.encode(), [*warnings, *lost]


def _lost(text: str, page: str) -> list[str]:
    """Formulas of the text that are none on the page: a blank line inside is enough for that."""
    there = Counter(
        _words(html.unescape(tex)) for tex in re.findall(r"<annotation [^>]*>(.*?)</annotation>", page, re.S)
    )
    there += Counter(
        _words(html.unescape(tex)) for tex in re.findall(r'<span class="math[^>]*>(.*?)</span>', page, re.S)
    )
    return list((Counter(_words(formula) for formula in listed(text)) - there).elements())


def _words(tex: str) -> str:
    return " ".join(tex.strip().strip("$").split())


def _latex(text: str) -> tuple[bytes, list[str]]:
    head, widths = _TEMPLATES / "report.tex", _TEMPLATES / "widths.lua"
    options = ["-V", "geometry:margin=2.2cm", f"--include-in-header={head}", f"--lua-filter={widths}"]
    source, warnings = _pandoc(text, "latex", *options)
    return source.encode(), warnings


def _renamed(maths: re.Match[str]) -> str:
    r"""pandoc still writes some symbols by names that Typst has given up, and rounds a space down to whole ems.

    `\;` of 5/18 em becomes 0 and `\!` of -1/6 em becomes -1; other spaces below 1 em that it has no name for come out as `\;`.
    """
    text = maths[0]
    for old, new in _RENAMED.items():
        text = re.sub(old, new, text)
    return text


def _pdf(text: str, when: datetime.datetime, pictures: Mapping[str, bytes]) -> tuple[bytes, list[str]]:
    """The PDF; a formula that its engine refuses is shown as TeX, with a warning, and loses nothing else."""
    import typst

    try:
        return _compiled(text, when, pictures)
    except typst.TypstError as error:
        refused = _refused(list(dict.fromkeys(listed(text))), when)
        if not refused:
            raise
        for formula in refused:
            # after its fence or backticks a formula is code, which the engine takes as it is
            text = text.replace(formula, f"`{formula.strip('$').strip()}`")
        pdf, warnings = _compiled(text, when, pictures)
        return pdf, [*warnings, *(f"the PDF shows {formula} as TeX: {error}" for formula in refused)]


def _refused(candidates: list[str], when: datetime.datetime) -> list[str]:
    """Which formulas the PDF engine does not take, found by halving."""
    import typst

    try:
        _compiled("\n\n".join(candidates), when, {})
    except typst.TypstError:
        half = len(candidates) // 2
        return _refused(candidates[:half], when) + _refused(candidates[half:], when) if half else candidates
    return []


def _compiled(text: str, when: datetime.datetime, pictures: Mapping[str, bytes]) -> tuple[bytes, list[str]]:
    import typst

    source, warnings = _typst(text)
    with tempfile.TemporaryDirectory() as folder:
        main = Path(folder) / "report.typ"
        main.write_text(source, "utf-8")
        for shown, data in pictures.items():
            (Path(folder) / shown).parent.mkdir(exist_ok=True)
            (Path(folder) / shown).write_bytes(data)
        pdf, warned = typst.compile_with_warnings(str(main), ignore_system_fonts=True, timestamp=when)
    if not isinstance(pdf, bytes):
        raise RuntimeError("the PDF engine returned no document")
    return pdf, [*warnings, *(w.message for w in warned)]


def _typst(text: str) -> tuple[str, list[str]]:
    """The source for the PDF engine."""
    options = [f"--include-in-header={_TEMPLATES / 'report.typ'}", "-V", "papersize=a4", "-M", "lang=en"]
    options += [f"--lua-filter={_TEMPLATES / 'widths.lua'}"]  # a long id would run into the next column
    options += ["-V", "mainfont=New Computer Modern", "-V", "margin.x=2.2cm", "-V", "margin.y=2.2cm"]
    source, warnings = _pandoc(text, "typst", *options)
    return _TYPST_MATHS.sub(_renamed, source), warnings


def _spelled_out(text: str) -> str:
    r"""`text` without what one of the formats gets wrong.

    GitHub has no macros, so `\norm{x}` is written out (`\left\lVert ... \right\rVert_F` misplaces the F in the PDF);
    on the way to the PDF pandoc makes no difference between `vmatrix` and `Vmatrix`.
    """
    for name, left, right in (("vmatrix", r"\lvert", r"\rvert"), ("Vmatrix", r"\lVert", r"\rVert")):
        text = text.replace(rf"\begin{{{name}}}", rf"\left{left} \begin{{matrix}}")
        text = text.replace(rf"\end{{{name}}}", rf"\end{{matrix}} \right{right}")
    return _expand_norms(one_line(text))


def _expand_norms(text: str) -> str:
    start = text.find(r"\norm{")
    while start >= 0:
        opened = start + len(r"\norm{")
        depth, end = 1, opened
        while depth and end < len(text):
            depth += {"{": 1, "}": -1}.get(text[end], 0)
            end += 1
        space = " " if text[end : end + 1].isalpha() else ""  # before a closing $ a space would end the formula
        text = f"{text[:start]}\\lVert {text[opened : end - 1]}\\rVert{space}{text[end:]}"
        start = text.find(r"\norm{", start)
    return text
