"""Matrix words as text and as LaTeX: normal forms, and calculations as they were written.

Main definitions: `text`, `formula`.
"""

from __future__ import annotations

import re
from functools import cache
from typing import Any

import sympy

from numeric.words.letters import Atom, Ratio, Word, plain, plain_atom


def text(x: Any, tex: bool = False) -> str:
    """Plain text such as `2*eta/N * Y^T X q`, or LaTeX without dollar signs."""
    out = ""
    for word, coefficient in sorted(x.terms.items(), key=lambda item: (len(item[0]), _word(item[0], False))):
        letters = _word(word, tex) if word else "" if x.small else "I"
        # most words stand alone, and need no SymPy
        minus, printed = (False, letters) if letters and coefficient.one else _multiple(coefficient, letters, tex)
        out += (" - " if minus else " + ") + printed
    out = "-" + out[3:] if out.startswith(" - ") else out[3:] or "0"
    # SymPy puts a form in brackets of its own before it takes a power
    return re.sub(r"\\left\(\\left\(((?:(?!\\left|\\right).)*)\\right\)\\right\)", r"\\left(\1\\right)", out)


def _multiple(coefficient: Ratio, letters: str, tex: bool) -> tuple[bool, str]:
    """Whether a minus stands before it, and a coefficient with what it multiplies."""
    number = sympy.sympify(coefficient.at(lambda atom: sympy.Symbol(_atom(atom, tex))))
    minus = number.could_extract_minus_sign()
    number = -number if minus else number
    printed = sympy.latex(number) if tex else str(number).replace("**", "^")
    if number.is_Add and (letters or minus):
        printed = rf"\left({printed}\right)" if tex else f"({printed})"
    if letters:
        printed = letters if number == 1 else printed + (r" \, " if tex else " * ") + letters
    return bool(minus), printed


def _word(word: Word, tex: bool) -> str:
    if not tex:
        return plain(word)
    names = [_name(x.name) for x in word]
    # a name with a superscript of its own needs braces before it takes a second one
    double = [x.transposed and ("^" in n or "'" in n) for n, x in zip(names, word, strict=True)]
    names = [f"{{{n}}}" if needed else n for n, needed in zip(names, double, strict=True)]
    return " ".join(rf"{n}^{{\top}}" if x.transposed else n for n, x in zip(names, word, strict=True))


@cache
def _name(name: str) -> str:
    return str(sympy.latex(sympy.Symbol(name)))


def _atom(atom: Atom, tex: bool) -> str:
    if not tex:
        return plain_atom(atom)
    if atom.kind == "name":
        return _name(atom.name)
    inside = rf"\left({_word(atom.word, True)}\right)"
    return inside if atom.kind == "form" else r"\operatorname{tr}" + inside


def formula(x: Any, limit: int = 60) -> str:
    """LaTeX of `x` as it was written, before the normal form; the normal form if that has more than `limit` leaves."""

    def leaves(part: Any, known: dict[int, int]) -> int:
        if id(part) not in known:
            below = [*_parts(part)]
            known[id(part)] = sum(leaves(p, known) for p in below) or 1
        return known[id(part)]

    try:
        return _written(x)[0] if leaves(x, {}) <= limit else str(x.latex())
    except RecursionError:
        return str(x.latex())


def _parts(x: Any) -> list[Any]:
    """The operands that `x` was made of."""
    kind, *parts = x.origin
    flat = [entry for row in parts[0] for entry in row] if kind == "blocks" else parts
    return [part for part in flat if hasattr(part, "origin")]


_SUM, _PRODUCT, _FRACTION, _ATOM = range(4)


def _written(x: Any) -> tuple[str, int]:
    """LaTeX, and how tightly it binds."""
    kind, *parts = x.origin

    def wrapped(part: Any, level: int) -> str:
        tex, found = _written(part)
        return tex if found >= level else rf"\left({tex}\right)"

    def is_minus(part: Any) -> bool:
        return bool(part.origin[0] == "scale" and part.origin[1].origin == ("number", -1))

    match kind:
        case "letter" | "word" | "name" | "value" | "zeros" | "number":
            tex = x.latex()
            loose = len(x.terms) > 1 or tex.startswith("-") or " " in repr(x)
            return tex, _SUM if loose and kind != "word" else _PRODUCT if loose else _ATOM
        case "blocks":
            rows = r" \\ ".join(" & ".join(_written(entry)[0] for entry in row) for row in parts[0])
            return rf"\begin{{bmatrix}} {rows} \end{{bmatrix}}", _ATOM
        case "add":
            a, b = parts
            if is_minus(b):
                return f"{_written(a)[0]} - {wrapped(b.origin[2], _PRODUCT)}", _SUM
            return f"{_written(a)[0]} + {wrapped(b, _PRODUCT)}", _SUM
        case "scale" if is_minus(x):
            return f"-{wrapped(parts[1], _PRODUCT)}", _SUM
        case "scale" if parts[0].origin[0] == "invert":
            return rf"\frac{{{_written(parts[1])[0]}}}{{{_written(parts[0].origin[1])[0]}}}", _FRACTION
        case "scale" if parts[0] is parts[1]:
            return f"{wrapped(parts[0], _ATOM)}^{{2}}", _PRODUCT
        case "scale":
            number, body = parts if parts[1].origin[0] != "number" else parts[::-1]
            factor = wrapped(number, _ATOM if number.ndim else _PRODUCT)
            inner = wrapped(body, _PRODUCT)
            between = r"\cdot" if inner[:1].isdigit() else r"\,"
            return f"{factor} {between} {inner}", _PRODUCT
        case "invert":
            return rf"\frac{{1}}{{{_written(parts[0])[0]}}}", _FRACTION
        case "matmul":
            return f"{wrapped(parts[0], _PRODUCT)} {wrapped(parts[1], _PRODUCT)}", _PRODUCT
        case "transpose" if x.ndim:
            inner = wrapped(parts[0], _ATOM)
            return (rf"{{{inner}}}^{{\top}}" if "^" in inner or "'" in inner else rf"{inner}^{{\top}}"), _PRODUCT
        case "trace":
            return rf"\operatorname{{tr}}\left({_written(parts[0])[0]}\right)", _ATOM
        case "gradient":
            return rf"\nabla_{{{parts[1].latex()}}} {wrapped(parts[0], _PRODUCT)}", _PRODUCT
        case "coefficient":
            power = "" if parts[2] == 1 else f"^{{{parts[2]}}}"
            return rf"\left[{parts[1].latex()}{power}\right] {wrapped(parts[0], _PRODUCT)}", _PRODUCT
        case "substitute":
            equation = f"{parts[1].latex()} = {_written(parts[2])[0]}"
            return rf"\left. {_written(parts[0])[0]} \right|_{{{equation}}}", _PRODUCT
    return _written(parts[0])
