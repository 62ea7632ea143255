"""SymPy's second opinion on equalities of matrix words, which does not use their normal form.

Main definitions: `second_opinion`, `work`.
It redoes the calculation from its origin (the operations that were applied, not their results) with SymPy's matrix
symbols, `expand`, `Derivative` and `block_collapse`; shapes are checked here, since SymPy lets wrong symbolic ones pass.
"""

from __future__ import annotations

import math
from typing import Any

import sympy
from sympy.matrices.expressions.matexpr import MatrixExpr

from numeric.finding import Told
from numeric.words.findings import NoRule, OtherShapes, Raised
from numeric.words.letters import Atom, Ratio, ShapeError, Word


class Abstain(Exception):
    """SymPy can't decide this; the message says why."""


def work(x: Any, known: dict[int, int] | None = None) -> int:
    """How many terms a blind expansion of `x` may have: an estimate from its origin, before anything is expanded.

    RecursionError if the calculation is nested too deeply to be read.
    """
    known = {} if known is None else known
    if id(x) not in known:
        kind, *parts = x.origin
        counts = [work(part, known) for part in parts if hasattr(part, "origin")]
        if kind == "blocks":
            known[id(x)] = max(sum(work(entry, known) for entry in row) for row in x.origin[1])
        elif kind == "add":
            known[id(x)] = sum(counts)
        else:
            known[id(x)] = math.prod(counts)
    return known[id(x)]


def second_opinion(left: Any, right: Any) -> tuple[bool | None, Told]:
    """Whether SymPy finds left = right, and what it saw; None with the reason where it can't say.

    "Equal" is always decisive. "Different" is not where SymPy lacks a rule the words have (1x1 factors commute and
    equal their transpose; diagonal matrices commute), and is then reported as None.
    """
    reader = _Reader()
    try:
        a, b = reader.read(left), reader.read(right)
        if not left.ndim or not right.ndim:
            zero, shown = reader.vanishes(_scalar(a) - _scalar(b))
        else:
            if not _same(a.shape, b.shape):
                return False, OtherShapes(str(a.shape), str(b.shape))
            difference = _cancelled(reader.expanded(a - b))
            zero, shown = bool(difference.is_ZeroMatrix), str(difference)
            if not zero and difference.has(sympy.MatPow):
                raise Abstain(
                    f"SymPy collects products into powers that it does not multiply out; it is left with {shown}"
                )
    except Abstain as reason:
        return None, str(reason)
    except ShapeError as error:
        return False, str(error)
    except (NotImplementedError, TypeError, ValueError, AttributeError, RecursionError) as error:
        return None, Raised(type(error).__name__, str(error))
    if zero:
        return True, "0"
    forms = any(atom.kind == "form" for x in (left, right) for c in x.terms.values() for atom in c.used())
    if forms or reader.diagonal:
        return None, NoRule(shown)
    return False, shown


def _same(a: Any, b: Any) -> bool:
    return all(sympy.expand(x - y) == 0 for x, y in zip(a, b, strict=True))


def _cancelled(x: Any) -> Any:
    """A sum of products of matrices with each coefficient as one reduced fraction."""

    def term(part: Any) -> Any:
        if not isinstance(part, sympy.MatMul):
            return part
        number, matrices = part.as_coeff_matrices()
        return sympy.MatMul(sympy.cancel(number), *matrices).doit()

    parts = x.args if isinstance(x, sympy.MatAdd) else [x]
    return sympy.MatAdd(sympy.ZeroMatrix(*x.shape), *map(term, parts)).doit()


def _scalar(x: Any) -> Any:
    return sympy.Trace(x) if isinstance(x, MatrixExpr) else x


def _symbol(name: str) -> Any:
    return sympy.Symbol(name, integer=True, positive=True)


class _Reader:
    """Translates origins, each once. Scalars become expressions, matrices matrix expressions."""

    def __init__(self) -> None:
        self.known: dict[int, Any] = {}
        self.letters: dict[str, Any] = {}
        self.symmetric: set[Any] = set()
        self.diagonal = False

    def read(self, x: Any) -> Any:
        if id(x) not in self.known:
            self.known[id(x)] = self._read(x)
        return self.known[id(x)]

    def _read(self, x: Any) -> Any:
        kind, *parts = x.origin
        if kind in ("name", "number", "value", "letter", "word", "zeros", "blocks"):
            return self._leaf(x)
        if kind == "gradient":
            return self.slope(_scalar(self.read(parts[0])), self.read(parts[1]))
        if kind == "substitute":
            return self.read(parts[0]).subs(self.read(parts[1]), self.read(parts[2])).doit()
        if kind == "coefficient":
            return self._coefficient(self.read(parts[0]), self.read(parts[1]), parts[2])
        operands = [self.read(part) for part in parts]
        a, b = operands[0], operands[-1]
        match kind:
            case "add" if isinstance(a, MatrixExpr) and isinstance(b, MatrixExpr):
                if not _same(a.shape, b.shape):
                    raise ShapeError(f"{a.shape} + {b.shape}")
                return a + b
            case "add":
                return self._shaped(_scalar(a) + _scalar(b), x.ndim)
            case "scale":
                return _scalar(a) * b if isinstance(b, MatrixExpr) else self._shaped(_scalar(a) * b, x.ndim)
            case "invert":
                return 1 / _scalar(a)
            case "transpose":
                return a.T if isinstance(a, MatrixExpr) else a
            case "trace":
                return sympy.Trace(a)
            case "matmul":
                if not _same(a.shape[1:], b.shape[:1]):
                    raise ShapeError(f"{a.shape} @ {b.shape}")
                product = a * b
                return sympy.block_collapse(product) if product.has(sympy.BlockMatrix) else product
        raise Abstain(f"no translation of {kind!r}")

    def _leaf(self, x: Any) -> Any:
        kind, *parts = x.origin
        match kind:
            case "name":
                return _symbol(parts[0].name)
            case "number":
                return sympy.Rational(*parts[0].as_integer_ratio())
            case "value":
                return self.ratio(parts[0])
            case "letter" | "word":
                word = parts[0] if kind == "word" else parts[:1]
                return self.word(word, x.rows)
            case "zeros":
                return sympy.ZeroMatrix(self.ratio(x.rows), self.ratio(x.cols))
        return sympy.BlockMatrix([[self.read(entry) for entry in row] for row in parts[0]])

    def _shaped(self, x: Any, ndim: int) -> Any:
        return x * sympy.Identity(1) if ndim else x

    def ratio(self, r: Ratio) -> Any:
        def atom(a: Atom) -> Any:
            return sympy.Trace(self.word(a.word, a.word[0].rows)) if a.word else _symbol(a.name)

        return sympy.sympify(r.at(atom))

    def word(self, word: Word, rows: Ratio) -> Any:
        out = sympy.Identity(self.ratio(rows))
        for x in word:
            shape = (x.cols, x.rows) if x.transposed else (x.rows, x.cols)
            letter = sympy.MatrixSymbol(x.name, *map(self.ratio, shape))
            if self.letters.setdefault(x.name, letter) != letter:
                raise Abstain(f"two matrices are called {x.name}")
            self.diagonal = self.diagonal or x.kind == "diagonal"
            if x.kind != "general":
                self.symmetric.add(letter)
            out = out * (letter.T if x.transposed else letter)
        return out.doit()

    def expanded(self, x: Any) -> Any:
        """The sum of products, transposes and traces carried out; for matrices always a matrix expression."""
        x = sympy.block_collapse(x) if x.has(sympy.BlockMatrix) else x
        x = sympy.expand(x.doit()).doit()
        x = x.xreplace({letter.T: letter for letter in self.symmetric})
        x = x.replace(sympy.Trace, lambda inside: sympy.Trace(sympy.expand(inside.doit()).doit()).doit())
        return sympy.expand(x).doit()

    def slope(self, scalar: Any, letter: Any) -> Any:
        # SymPy takes the derivative of a block matrix for zero
        scalar = self.expanded(scalar) if scalar.has(sympy.BlockMatrix) else scalar
        # not `.diff`: SymPy 1.14 takes the derivative of a sum of traces for zero (issues 26585 and 30527)
        out = sympy.Derivative(scalar, letter).doit()
        if not isinstance(out, MatrixExpr):
            if out != 0:
                raise Abstain(f"the derivative by {letter} is {out}, no matrix")
            out = sympy.ZeroMatrix(*letter.shape)
        if not _same(out.shape, letter.shape):
            raise Abstain(f"the derivative by {letter} has shape {out.shape}, not {letter.shape}")
        return out

    def vanishes(self, x: Any) -> tuple[bool, str]:
        """Whether a scalar expression is zero: all its derivatives by matrices are, and its value with none of them."""
        x = self.expanded(x)
        for letter in sorted(x.atoms(sympy.MatrixSymbol), key=str):
            if letter in self.symmetric:
                raise Abstain(f"a derivative by the symmetric {letter} would be needed")
            slope = self.expanded(self.slope(x, letter))
            if not slope.is_ZeroMatrix:
                return False, str(x)
            x = self.expanded(sympy.sympify(x).subs(letter, sympy.ZeroMatrix(*letter.shape)))
        return bool(sympy.cancel(x) == 0), str(x)

    def _coefficient(self, x: Any, t: Any, power: int) -> Any:
        terms, total = self.expanded(x), []
        parts = terms.args if isinstance(terms, (sympy.Add, sympy.MatAdd)) else [terms]
        for part in parts:
            factors = part.args if isinstance(part, (sympy.Mul, sympy.MatMul)) else [part]
            number = sympy.Mul(*(factor for factor in factors if not isinstance(factor, MatrixExpr)))
            rest, found = number.as_independent(t, as_Add=False)
            if found.as_base_exp()[0] not in (t, 1) or any(f.has(t) for f in factors if isinstance(f, MatrixExpr)):
                raise Abstain(f"no power of {t} stands before {part}")
            if (found.as_base_exp()[1] if found != 1 else 0) == power:
                matrices = [factor for factor in factors if isinstance(factor, MatrixExpr)]
                total.append(sympy.MatMul(rest, *matrices).doit() if matrices else rest)
        if not isinstance(x, MatrixExpr):
            return sympy.Add(*total)
        return sympy.MatAdd(sympy.ZeroMatrix(*x.shape), *total).doit()
