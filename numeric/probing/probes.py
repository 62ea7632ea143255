"""Probes: what a closed box reveals about the learner inside, one question each, exact wherever the code runs exactly.

Main definitions: `ask`, `broken`, `Probe`. A probe's id is its number in the list below; `holds` is the answer to a
yes-no question, None where the box could not answer.

P0 prior, P1 superposition, P2 outputs mixed, P3 inputs rotated, P4 tokens permuted, P5 tokens doubled, P6 constant
targets, P7 inputs scaled, P8 degree in the scale of the inputs, P9 null tokens appended, P10 interactions between
tokens, P11 the bilinear form of one token, P12 the response to one token.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Any

import flint
import numpy as np

from numeric.deciding.balls import BITS
from numeric.deciding.programs import WrongResult
from numeric.finding import Quantity, Said, frozen
from numeric.probing.answers import (
    AllBut,
    Blocks,
    Degree,
    Forgets,
    Gives,
    Multiple,
    NoAnswer,
    NoDegree,
    NoRecurrence,
    Rational,
    Response,
    Seen,
)
from numeric.probing.box import HALF_THE_DIGITS, Arithmetic, Box, Undefined, as_floats, generic

SLOPE = "step size times readout scale"
"""What a probe calls the response to one token."""
_TOKENS = 4
"""Tokens of the probe contexts."""
NEARLY = 2.0**-7
"""Relative gap below which an equality holds but for an epsilon: no reason to rule a learner out."""
_ROUNDED = 2.0**-48
"""Relative gap that the rounding of a code's constants leaves, one constant a context length."""
_RANK = 5
"""Largest Hankel matrix of P9: ranks below it are seen."""
_LOW = 7
"""Largest degree of P12 by which learners are ruled out: differences of higher order are all rounding in float64."""
_SHORT = 2
"""Largest order of a recurrence by which P9 rules learners out: more decays are too close to tell in float64."""


@dataclass(frozen=True)
class Probe:
    """One question, by its id, and its answer.

    holds: yes, no, or None where nothing was decided (`answer` says why). figures: single numbers. columns: the numbers
    of a small plot by name, the first one on the horizontal axis. grid: a matrix, where the answer is one.
    """

    id: str
    holds: bool | None
    answer: Said
    figures: Mapping[str, Quantity] = field(default_factory=dict)
    columns: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    grid: tuple[tuple[float, ...], ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "figures", frozen(self.figures))
        object.__setattr__(self, "columns", frozen(self.columns))


def ask(box: Box) -> tuple[Probe, ...]:
    """All probes of one box, in order."""
    return tuple(_answered(box, id, question) for id, question in (*_EQUALITIES, *_READINGS))


def broken(box: Box, probes: Iterable[Probe]) -> Probe | None:
    """The first of another box's answers that no learner like this one gives; None if all may be.

    box: a learner with generic numbers. What holds for generic numbers holds for all, so it has to hold for the other
    box too (but for an epsilon). For superposition, rotations, order, interactions, the degree of one token and what
    null tokens change the converse counts as well: where a learner has the property at special numbers only, it is a
    simpler learner there.
    """
    known = {p.id: p for p in probes}
    close = any(0 < _gap(p) < NEARLY for p in known.values())
    for id, question in _EQUALITIES:
        probe = known.get(id)
        if probe is None or probe.holds is None or id in _CHANGING:
            continue
        # a last token that is read a little is read
        off = not probe.holds if id == "P0n" else _gap(probe) >= NEARLY
        if off or id in _BOTH_WAYS:
            own = _answered(box, id, question)
            if own.holds is not None and own.holds is off:
                return probe
    pattern = known.get("P10")
    if pattern is not None and not close and pattern.holds is not None:
        own = _answered(box, "P10", _interactions)
        if own.holds is not None and dict(own.figures) != dict(pattern.figures):
            return pattern
    for id, other in (("P12", _steeper), ("P9", _forgets_otherwise)):
        probe = known.get(id)
        try:
            if probe is not None and other(box, probe):
                return probe
        except (Undefined, WrongResult):
            continue
    return None


def _gap(probe: Probe) -> float:
    gap = probe.figures.get("gap")
    return gap if isinstance(gap, float) else 0.0


Question = Callable[[Box], "Probe"]


def _answered(box: Box, id: str, question: Question) -> Probe:
    try:
        found = question(box)
    except (Undefined, WrongResult) as error:
        return Probe(id, None, NoAnswer(str(error)))
    return replace(found, id=id)


def _equal(box: Box, pairs: Sequence[tuple[Any, Any]], yes: Seen, no: Said) -> Probe:
    """Whether the pairs agree; the largest relative gap is a figure, and named where it is small."""
    gap = max(box.gap(a, b) for a, b in pairs)
    if gap == 0:
        return Probe("", True, yes, {"gap": 0.0})
    return Probe("", False, AllBut(yes, gap) if gap < NEARLY else no, {"gap": gap})


def _context(box: Box, N: int = _TOKENS, salt: int = 1) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    return generic((N, box.f), salt), generic((N, box.m), salt + 100), generic((box.f,), salt + 200)


def _no_prior(box: Box) -> Probe:
    X, Y, q = _context(box)
    value, usual = box(X, 0 * Y, q), box(X, Y, q)
    return _equal(box, [(value + usual, usual)], Seen.NO_PRIOR, _gives(Seen.PRIOR, value))


def _query_at_zero(box: Box) -> Probe:
    X, Y, q = _context(box)
    value, usual = box(X, Y, 0 * q), box(X, Y, q)
    return _equal(box, [(value + usual, usual)], Seen.NOTHING_ASKED, _gives(Seen.OFFSET, value))


def _linear_in_targets(box: Box) -> Probe:
    X, Y, q = _context(box)
    Z = generic(Y.shape, 7)
    # affine: f(Y + 2Z) = f(Y) + 2 (f(Z) - f(0))
    whole, one, other, none = (box(X, V, q) for V in (Y + 2 * Z, Y, Z, 0 * Y))
    pair = (whole, one + 2 * other - 2 * none)
    return _equal(box, [pair], Seen.LINEAR, Seen.NO_MEMORY)


def _linear_in_query(box: Box) -> Probe:
    X, Y, q = _context(box)
    r = generic(q.shape, 8)
    whole, one, other, none = (box(X, Y, v) for v in (q + 2 * r, q, r, 0 * q))
    pair = (whole, one + 2 * other - 2 * none)
    return _equal(box, [pair], Seen.LINEAR, Seen.NOT_IN_QUERY)


def _outputs_mixed(box: Box) -> Probe:
    X, Y, q = _context(box)
    mix = generic((box.m, box.m), 9)
    pair = (box(X, Y @ mix.T, q), _times(mix, box(X, Y, q)))
    return _equal(box, [pair], Seen.WEIGHTED_SUM, Seen.UNLIKE_OUTPUTS)


def _rotated(box: Box) -> Probe:
    if box.f < 2:
        raise Undefined("needs f >= 2")
    X, Y, q = _context(box)
    R = np.array([[Fraction(int(i == j)) for j in range(box.f)] for i in range(box.f)], dtype=object)
    R[0, 0], R[0, 1], R[1, 0], R[1, 1] = Fraction(3, 5), Fraction(4, 5), Fraction(-4, 5), Fraction(3, 5)
    pair = (box(X @ R, Y, q @ R), box(X, Y, q))
    return _equal(box, [pair], Seen.ISOTROPIC, Seen.ANISOTROPIC)


def _permuted(box: Box) -> Probe:
    X, Y, q = _context(box)
    value = box(X, Y, q)
    pairs = [(box(X[p], Y[p], q), value) for p in ([3, 2, 1, 0], [0, 1, 3, 2])]
    return _equal(box, pairs, Seen.BATCH, Seen.ONLINE)


def _doubled(box: Box) -> Probe:
    X, Y, q = _context(box)
    once, twice = box(X, Y, q), box(np.concatenate([X, X]), np.concatenate([Y, Y]), q)
    sums = box.same(twice, 2 * once)
    return _equal(box, [(twice, once)], Seen.MEAN, Seen.SUM if sums else Seen.STEPS)


def _constant_targets(box: Box) -> Probe:
    X, Y, q = _context(box)
    value = box(X, np.full(Y.shape, Fraction(1), dtype=object), q)
    pair = (value, 0 * value + 1)
    return _equal(box, [pair], Seen.SMOOTHER, _gives(Seen.NO_SMOOTHER, value))


def _scaled_by_3(which: str) -> Question:
    def question(box: Box) -> Probe:
        X, Y, q = _context(box)
        moved = box(3 * X if "X" in which else X, Y, 3 * q if "q" in which else q)
        return _equal(box, [(moved, box(X, Y, q))], Seen.NORMALISED, Seen.SCALES)

    return question


def _last_token(box: Box) -> Probe:
    X, Y, q = _context(box)
    keys, values = X.copy(), Y.copy()
    keys[-1], values[-1] = keys[-1] + generic((box.f,), 12), values[-1] + generic((box.m,), 11)
    return _equal(box, [(box(X, Y, q), box(keys, values, q))], Seen.LAST_UNREAD, Seen.LAST_READ)


def _degree(box: Box) -> Probe:
    if box.arithmetic is Arithmetic.FLOAT:
        return Probe("", None, Seen.NEEDS_EXACT)
    X, Y, q = _context(box)
    most = 20 if box.arithmetic is Arithmetic.EXACT else 2 * _TOKENS + 4
    values = [box(s * X, Y, q)[0] for s in range(1, most + 1)]
    columns = {"s": tuple(float(s) for s in range(1, 9)), "f(s X, Y, x_q)": tuple(as_floats(values[:8]))}
    degree = _polynomial_degree(box, values)
    if degree is not None:
        return Probe("", True, Degree(degree), {"degree": degree}, columns)
    if box.arithmetic is Arithmetic.EXACT:
        top = _rational_degree(values)
        if top is not None:
            return Probe("", False, Rational(*top), {"numerator": top[0], "denominator": top[1]}, columns)
    return Probe("", None, NoDegree(most - 2, box.refused or Seen.NO_LOW_DEGREE), {}, columns)


def _polynomial_degree(box: Box, values: list[Any]) -> int | None:
    """By differences at equal spacing, which vanish from the degree on; the last two have to."""
    rows = list(values)
    for degree in range(-1, len(values) - 2):
        if all(box.same(row, 0 * row) for row in rows):
            return max(0, degree)
        rows = [b - a for a, b in zip(rows, rows[1:], strict=False)]
    return None


def _rational_degree(values: list[Fraction]) -> tuple[int, int] | None:
    """Numerator and denominator degree of the rational function of least degree through the points 1, 2, 3, ...

    Thiele's continued fraction ends after as many terms as the degrees need; at least two points check it. None if a
    difference vanishes before.
    """
    known: list[Fraction] = []
    before = [Fraction(0)] * len(values)
    row = list(values)
    for level in range(len(values) - 2):
        known.append(row[0])
        if all(v == row[0] for v in row):
            return (level + 1) // 2, level // 2
        gaps = [b - a for a, b in zip(row, row[1:], strict=False)]
        if any(g == 0 for g in gaps):
            return None
        following = [Fraction(level + 1) / g + (b if level else 0) for g, b in zip(gaps, before[1:], strict=False)]
        before, row = row, following
    return None


def _padded(box: Box, count: int) -> list[Any]:
    """The output after 3 tokens and 0, 1, ..., `count` - 1 null ones."""
    X, Y, q = _context(box, 3)
    series = []
    for nulls in range(count):
        pad = np.full((nulls, 1), Fraction(0), dtype=object)
        series.append(box(np.concatenate([X, pad.repeat(box.f, 1)]), np.concatenate([Y, pad.repeat(box.m, 1)]), q)[0])
    return series


def _null_tokens(box: Box) -> Probe:
    series = _padded(box, 2 * _RANK)
    columns = {
        "null tokens": tuple(float(k) for k in range(len(series))),
        "output": tuple(float(v) for v in as_floats(series)),
    }
    if all(box.same(v, series[0]) for v in series):
        return Probe("", True, Seen.KEEPS, {"rank": 1, "roots": "1"}, columns)
    if all(box.gap((3 + k) * v, 3 * series[0]) < _ROUNDED for k, v in enumerate(series)):
        return Probe("", False, Seen.MEAN_OVER_TOKENS, {}, columns)
    rank = _hankel_rank(box, series)
    if rank is None:
        return Probe("", False, NoRecurrence(_RANK - 1), {}, columns)
    roots = _roots(as_floats(series), rank)
    shown = ", ".join(number(r) for r in roots)
    return Probe("", False, Forgets(tuple(roots.tolist())), {"rank": rank, "roots": shown}, columns)


def _forgets_otherwise(box: Box, probe: Probe) -> bool:
    """Whether a learner's outputs after null tokens are no recurrence as short as P9 found.

    One that does not forget is another too where the box does, by more than an epsilon. A learner whose outputs are no
    short recurrence, such as a mean, may be one at numbers that change with N.
    """
    rank = probe.figures.get("rank")
    if not isinstance(rank, int):
        return False
    series = _padded(box, 2 * _SHORT + 1)
    if all(box.same(v, series[0]) for v in series):
        return not probe.holds and bool((np.abs(_roots(np.array(probe.columns["output"]), rank) - 1) > NEARLY).all())
    own = _hankel_rank(box, series)
    return own is not None and own > (0 if probe.holds else rank)


def _hankel_rank(box: Box, series: list[Any]) -> int | None:
    """The order of the shortest linear recurrence; None if it takes more values to tell."""
    for size in range(1, (len(series) + 1) // 2 + 1):
        rows = [[series[i + j] for j in range(size)] for i in range(size)]
        if box.arithmetic is Arithmetic.FLOAT:
            singular = np.linalg.svd(np.array(rows, dtype=float), compute_uv=False)
            zero = bool(singular[-1] <= HALF_THE_DIGITS * singular[0])
        elif box.arithmetic is Arithmetic.EXACT:
            entries = [flint.fmpq(v.numerator, v.denominator) for row in rows for v in row]
            zero = flint.fmpq_mat(size, size, entries).det() == 0
        else:
            with flint.ctx.workprec(BITS):
                zero = bool(flint.arb_mat(size, size, [v for row in rows for v in row]).det().contains(0))
        if zero:
            return size - 1
    return None


def _roots(series: np.ndarray, rank: int) -> np.ndarray:
    """Prony's roots: the factors of the recurrence, largest first."""
    rows = np.array([[series[i + j] for j in range(rank)] for i in range(rank)])
    coefficients = np.linalg.solve(rows, series[rank : 2 * rank])
    found = np.roots([1.0, *(-coefficients[::-1])])
    return found[np.argsort(-np.abs(found))]


def _interactions(box: Box) -> Probe:
    X, Y, q = _context(box)
    n = _TOKENS

    def weight(i: int, gone: int | None) -> Any:
        keys = X.copy()
        if gone is not None:
            keys[gone] = 0 * keys[gone]
        only = 0 * Y
        only[i, 0] = Fraction(1)
        return box(keys, only, q)[0] - box(keys, 0 * Y, q)[0]

    met = [[i != j and not box.same(weight(i, j), weight(i, None)) for j in range(n)] for i in range(n)]
    grid = tuple(tuple(float(v) for v in row) for row in met)
    above = [met[i][j] for i in range(n) for j in range(i + 1, n)]
    below = [met[i][j] for i in range(n) for j in range(i)]
    if not any(above) and not any(below):
        return Probe("", False, Seen.ADD_UP, {"pattern": "none"}, grid=grid)
    if any(below):
        return Probe("", True, Seen.BOTH_WAYS, {"pattern": "both"}, grid=grid)
    if all(above):
        return Probe("", True, Seen.WITH_LATER, {"pattern": "online"}, grid=grid)
    for width in range(2, n):
        if all(met[i][j] == (i // width < j // width) for i in range(n) for j in range(i + 1, n)):
            return Probe("", True, Blocks(width), {"pattern": "blocks", "width": width}, grid=grid)
    return Probe("", True, Seen.WITH_SOME_LATER, {"pattern": "other"}, grid=grid)


def _bilinear_form(box: Box) -> Probe:
    f = box.f
    unit = [[Fraction(int(i == j)) for j in range(f)] for i in range(f)]
    target = np.full((1, box.m), Fraction(0), dtype=object)
    target[0, 0] = Fraction(1)

    def entry(i: int, j: int) -> Any:
        X, q = np.array([unit[i]], dtype=object), np.array(unit[j], dtype=object)
        return box(X, target, q)[0] - box(X, 0 * target, q)[0]

    B = [[entry(i, j) for j in range(f)] for i in range(f)]
    diagonal = all(box.same(B[i][j], 0 * B[i][j]) for i in range(f) for j in range(f) if i != j)
    scalar = diagonal and all(box.same(B[i][i], B[0][0]) for i in range(f))
    grid = tuple(tuple(float(v) for v in as_floats(row)) for row in B)
    mean = float(np.trace(np.array(grid))) / f
    answer = Multiple(mean) if scalar else Seen.DIAGONAL if diagonal else Seen.NOT_DIAGONAL
    return Probe("", scalar, answer, {SLOPE: mean}, grid=grid)


def _response(box: Box, s: Fraction) -> Any:
    """The output for one token s e with target 1 and query e, e the first unit vector."""
    x = np.array([[s] + [Fraction(0)] * (box.f - 1)], dtype=object)
    q = np.array([Fraction(1)] + [Fraction(0)] * (box.f - 1), dtype=object)
    return box(x, np.full((1, box.m), Fraction(1), dtype=object), q)[0]


def _steeper(box: Box, probe: Probe) -> bool:
    """Whether a learner's response to one token is no polynomial of the degree that P12 found, or less."""
    degree = probe.figures.get("degree")
    if not isinstance(degree, int) or not 0 < degree <= _LOW:
        return False  # a response that does not change may be that of a channel with factor 0
    values = as_floats([_response(box, Fraction(k, 4)) for k in range(1, degree + 3)])
    return bool(abs(np.diff(values, degree + 1)[0]) > HALF_THE_DIGITS * 2 ** (degree + 1) * np.abs(values).max())


def _single_token(box: Box) -> Probe:
    points = [Fraction(k, 4) for k in range(1, 15)]
    values = [_response(box, s) for s in points]
    columns = {"s": tuple(float(s) for s in points), "f(s e, 1, e)": tuple(float(v) for v in as_floats(values))}
    if box.arithmetic is Arithmetic.FLOAT:
        return Probe("", None, Response(columns["f(s e, 1, e)"][3]), {}, columns)
    degree = _polynomial_degree(box, values)
    if degree is not None:
        return Probe("", True, Degree(degree, alone=True), {"degree": degree}, columns)
    return Probe("", False, Seen.NO_POLYNOMIAL, {}, columns)


_EQUALITIES: tuple[tuple[str, Question], ...] = (
    ("P0", _no_prior),
    ("P0q", _query_at_zero),
    ("P0n", _last_token),
    ("P1", _linear_in_targets),
    ("P1q", _linear_in_query),
    ("P2", _outputs_mixed),
    ("P3", _rotated),
    ("P4", _permuted),
    ("P5", _doubled),
    ("P6", _constant_targets),
    ("P7", _scaled_by_3("Xq")),
    ("P7x", _scaled_by_3("X")),
    ("P7q", _scaled_by_3("q")),
)
_BOTH_WAYS = ("P1", "P1q", "P3", "P4", "P0n")
_CHANGING = ("P5",)
"""Probes whose answer a step size that grows with N changes."""
_READINGS: tuple[tuple[str, Question], ...] = (
    ("P8", _degree),
    ("P9", _null_tokens),
    ("P10", _interactions),
    ("P11", _bilinear_form),
    ("P12", _single_token),
)


def _times(matrix: np.ndarray, value: np.ndarray) -> np.ndarray:
    """matrix @ value for numbers of any kind."""
    if value.dtype != object:
        return np.asarray(matrix.astype(np.float64) @ value)
    out = np.empty(len(matrix), dtype=object)
    for i, row in enumerate(matrix):
        # Fractions do not meet balls in python-flint
        out[i] = sum((_scaled(c, v) for c, v in zip(row, value, strict=True)), 0 * value[0])
    return out


def _scaled(factor: Fraction, value: Any) -> Any:
    return value * factor.numerator / factor.denominator


def _gives(what: Seen, value: np.ndarray) -> Gives:
    return Gives(what, tuple(as_floats(value).tolist()))


def number(value: complex) -> str:
    """To six digits; a complex number to four."""
    value = complex(value) if abs(value) > 1e-12 else 0j
    return f"{value.real:.6g}" if abs(value.imag) < 1e-9 * (1 + abs(value)) else f"{value:.4g}"
