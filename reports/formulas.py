r"""Formulas in a Markdown text: finding them, keeping each on one line, breaking wide ones for a page.

Main definitions: `listed`, `one_line`, `broken`.
A formula is `$...$` or `$$...$$` outside code.
"""

from __future__ import annotations

import re

WIDTH = 56
"""Visible characters that fit on a line of an A4 page."""

_MATHS = re.compile(r"\$\$(?:[^$\\]|\\.)+\$\$|(?<![\\$])\$(?=\S)(?:[^$\\]|\\.)+?(?<=\S)\$(?!\d)", re.DOTALL)
_CODE = re.compile(r"(^```.*?^```|`[^`\n]+`)", re.DOTALL | re.MULTILINE)
_TOKEN = re.compile(r"\\(?:left|right|begin|end)(?![a-zA-Z])|\\[a-zA-Z]+|\\.|[{}]| (?:=|\+|-) | ?\\quad ?|.", re.DOTALL)
_OPENING = ("{", r"\left", r"\begin")
_CLOSING = ("}", r"\right", r"\end")


def listed(text: str) -> list[str]:
    """Every formula of a Markdown text, with its dollars."""
    return [formula for part in _CODE.split(text)[::2] for formula in _MATHS.findall(part)]


def one_line(text: str) -> str:
    """`text` with each formula on one line, for a line that begins with +, -, > or # is a list, a quotation, a heading.

    A formula with a TeX comment is left as it is.
    """

    def joined(found: re.Match[str]) -> str:
        return found[0] if re.search(r"(?<!\\)%", found[0]) else " ".join(found[0].split())

    parts = _CODE.split(text)
    parts[::2] = [_MATHS.sub(joined, part) for part in parts[::2]]
    return "".join(parts)


def broken(latex: str, width: int = WIDTH) -> str:
    """`latex` in an `aligned` environment of several lines if it is wider than `width`, else as it is.

    It is cut at the top level only, never inside a fraction, bracket or matrix: at `=`, then at `+` and `-`.
    """
    latex = latex.strip()
    if visible(latex) <= width or r"\begin{aligned}" in latex:
        return latex
    parts = _parts(latex)
    if len(parts) < 2:
        return latex
    lines: list[str] = []
    line = ""
    for part in parts:
        sign = part.lstrip()[:1]
        if not line:
            line = "& " + part
        elif sign == "=":
            lines.append(line)
            line = "&" + part.lstrip()
        elif visible(line) + visible(part) > width or part.lstrip().startswith(r"\quad"):
            lines.append(line)
            line = r"&\quad " + part.lstrip().removeprefix(r"\quad").lstrip()
        else:
            line += part
    return r"\begin{aligned} " + r" \\ ".join([*lines, line]) + r" \end{aligned}"


def visible(latex: str) -> int:
    """About how many characters wide a formula is printed; the longer of numerator and denominator counts."""
    text = latex
    while True:
        flat = re.sub(r"\\frac\{([^{}]*)\}\{([^{}]*)\}", lambda m: max(m[1], m[2], key=len), text)
        flat = re.sub(r"\\(?:operatorname|mathrm|text)\{([^{}]*)\}", r"\1", flat)
        flat = re.sub(r"[_^]\{([^{}]*)\}", lambda m: m[1][: (len(m[1]) + 1) // 2] if "\\" not in m[1] else "x", flat)
        flat = re.sub(r"\{([^{}]*)\}", r"\1", flat)
        if flat == text:
            break
        text = flat
    text = re.sub(r"\\(?:left|right|,|;|!|quad)(?![a-zA-Z])", "", text)
    return len(re.sub(r"\s|&", "", re.sub(r"\\[a-zA-Z]+", "x", text)))


def _parts(latex: str) -> list[str]:
    """The formula cut before each sign of the top level; uncut if its brackets don't match."""
    depth, parts, signs = 0, [""], {" = ", " + ", " - "}
    for token in _TOKEN.findall(latex):
        if token in _OPENING:
            depth += 1
        elif token in _CLOSING:
            depth -= 1
        elif depth == 0 and parts[-1].strip() and (token in signs or token.strip() == r"\quad"):
            parts.append("")
            # what follows a \quad is a condition: its equals sign does not belong under the first one
            signs = signs if token in signs else signs - {" = "}
        if depth < 0:
            return [latex]
        parts[-1] += token
    return parts if depth == 0 else [latex]
