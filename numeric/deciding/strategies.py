"""Test problems that are hard on rounding, for Hypothesis and for runs with a fixed seed; both share the flavours.

Main definitions: `problems` and `arrays_for` (Hypothesis strategies), `draw` (a numpy generator), `FLAVOURS`.

    from hypothesis import given
    from numeric.deciding.strategies import problems

    @given(problems())
    def test_layer(problem):
        layer(**problem)

A draw is made in two steps: plain raw numbers of ordinary size, then the flavour, which scales and arranges them. So
Hypothesis shrinks what is simple to shrink, sizes first and then entries towards 0 and 1, whatever the flavour.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from hypothesis import strategies as st

from numeric.deciding.programs import Shapes, Sizes, concrete

Arrays = dict[str, np.ndarray]

PROBLEM: Shapes = {"X": ("N", "f"), "Y": ("N", "m"), "x_q": ("f",), "W0": ("m", "f"), "eta": ()}
"""The in-context regression problem: context X (N, f), targets Y (N, m), query x_q (f,), start W0 (m, f), step eta."""

TOKENS = "N"
"""The axis whose entries are tokens."""


@dataclass(frozen=True)
class Raw:
    """What is drawn before the flavour: entries of ordinary size, decimal exponents, and for each token another one."""

    entries: Arrays
    exponents: Arrays
    partners: np.ndarray


@dataclass(frozen=True)
class Flavour:
    """One kind of difficulty.

    scales: entries are multiplied by powers of ten with these exponents, by dtype (none: not at all).
    by_array: one exponent for all entries of an input. whole: entries are integers from -4 to 4.
    arrange: puts the entries into relations.
    """

    name: str
    describes: str
    scales: Mapping[str, Sequence[int]] = field(default_factory=dict)
    by_array: bool = False
    whole: bool = False
    arrange: Callable[[Arrays, Raw, Shapes], Arrays] | None = None


def _token_inputs(shapes: Shapes) -> list[str]:
    return [name for name, axes in shapes.items() if axes[:1] == (TOKENS,)]


def _cancelling(arrays: Arrays, raw: Raw, shapes: Shapes) -> Arrays:
    """Targets that the start almost fits, and tokens that almost cancel their neighbours."""
    out = dict(arrays)
    for name in _token_inputs(shapes):
        array = out[name].copy()
        pairs = array.shape[0] // 2
        array[1 : 2 * pairs : 2] = -array[: 2 * pairs : 2] * (1 + 2.0**-40)
        out[name] = array
    if {"X", "Y", "W0"} <= set(out) and out["X"].shape[:1] == out["Y"].shape[:1]:
        out["Y"] = out["X"] @ out["W0"].T * (1 + 1e-13)
    return out


def _repeating(arrays: Arrays, raw: Raw, shapes: Shapes) -> Arrays:
    """Duplicate tokens, and tokens that are zero."""
    out = dict(arrays)
    for name in _token_inputs(shapes):
        array = out[name][raw.partners]
        array[raw.partners == 0] = 0
        out[name] = array
    return out


FLAVOURS: Mapping[str, Flavour] = {
    flavour.name: flavour
    for flavour in (
        Flavour("dyadic", "small integers: floating point is exact there", whole=True),
        Flavour("gaussian", "entries of ordinary size"),
        Flavour("repeated", "duplicate and zero tokens", arrange=_repeating),
        Flavour("cancellation", "Y = X W0^T (1 + 1e-13), tokens opposite to their neighbours", arrange=_cancelling),
        Flavour("log-uniform", "entries from 1e-8 to 1e8", {"float64": range(-8, 9), "float32": range(-8, 9)}),
        Flavour(
            "badly scaled",
            "entries from 1e-150 to 1e150 (1e-18 to 1e18 for float32)",
            {"float64": range(-150, 151), "float32": range(-18, 19)},
        ),
        Flavour(
            "underflow",
            "each input tiny, ordinary or huge: products underflow and are scaled back",
            {"float64": (0, -170, 150), "float32": (0, -25, 18)},
            by_array=True,
        ),
        Flavour(
            "subnormal",
            "each input subnormal, ordinary or huge",
            {"float64": (0, -312, 150), "float32": (0, -41, 18)},
            by_array=True,
        ),
    )
}
"""By name, simplest first."""

DTYPES = ("float64", "float32")


def _lookup(flavour: str) -> Flavour:
    if flavour not in FLAVOURS:
        raise ValueError(f"flavour is {flavour!r}; expected one of {', '.join(FLAVOURS)}")
    return FLAVOURS[flavour]


def _scales(flavour: Flavour, dtype: str) -> Sequence[int]:
    if dtype not in DTYPES:
        raise ValueError(f"dtype is {dtype!r}; expected float64 or float32")
    return flavour.scales.get(dtype, (0,))


def _assemble(
    flavour: Flavour, raw: Raw, inputs: Shapes, dtype: str, positive: Sequence[str], multiples: Mapping[str, int]
) -> Arrays:
    arrays = {}
    for name, entries in raw.entries.items():
        if name in positive:
            # a decay: (0, 1], a power of two where all is to be exact
            arrays[name] = 2.0 ** -np.abs(entries) if flavour.whole else 1 / (1 + np.abs(entries))
            continue
        # in two steps, since 10**-312 alone is subnormal
        exponent = raw.exponents[name]
        half = np.trunc(exponent / 2)
        arrays[name] = entries * 10.0**half * 10.0 ** (exponent - half) * multiples.get(name, 1)
    if flavour.arrange is not None:
        arrays = flavour.arrange(arrays, raw, inputs)
    return {name: np.asarray(array.astype(dtype), dtype=np.float64) for name, array in arrays.items()}


def draw(
    flavour: str,
    sizes: Sizes,
    inputs: Shapes,
    generator: np.random.Generator,
    *,
    dtype: str = "float64",
    positive: Sequence[str] = (),
    multiples: Mapping[str, int] | None = None,
) -> Arrays:
    """One problem of a flavour: float64 arrays by name, each entry a number of `dtype`.

    inputs: each input's shape in words; sizes: the words' values. positive: inputs that lie in (0, 1] and are not
    scaled (decays). multiples: inputs whose entries are multiplied by an integer (eta by N, so that eta/N is dyadic).
    """
    kind = _lookup(flavour)
    scales = np.asarray(_scales(kind, dtype), dtype=float)
    entries, exponents = {}, {}
    for name, shape in concrete(inputs, sizes).items():
        entries[name] = (
            generator.integers(-4, 5, shape).astype(float) if kind.whole else generator.standard_normal(shape)
        ).reshape(shape)
        exponents[name] = np.broadcast_to(generator.choice(scales, () if kind.by_array else shape), shape)
    tokens = sizes.get(TOKENS, 0)
    partners = generator.integers(0, tokens, tokens) if tokens else np.zeros(0, dtype=np.int64)
    return _assemble(kind, Raw(entries, exponents, partners), inputs, dtype, positive, multiples or {})


Pairs = list[tuple[float, float]]


def _several(
    draw_from: st.DrawFn, number: st.SearchStrategy[float], exponent: st.SearchStrategy[float] | None, count: int
) -> Pairs:
    # numbers with their decimal exponents
    return [(draw_from(number), 0.0 if exponent is None else draw_from(exponent)) for _ in range(count)]


@st.composite
def _token(
    draw_from: st.DrawFn,
    number: st.SearchStrategy[float],
    exponent: st.SearchStrategy[float] | None,
    widths: tuple[int, ...],
) -> list[Pairs]:
    return [_several(draw_from, number, exponent, width) for width in widths]


@st.composite
def arrays_for(
    draw_from: st.DrawFn,
    inputs: Shapes,
    sizes: Mapping[str, tuple[int, int]],
    *,
    flavours: Sequence[str] = tuple(FLAVOURS),
    dtype: str = "float64",
    positive: Sequence[str] = (),
    multiples: Callable[[Sizes], Mapping[str, int]] = lambda sizes: {},
) -> Arrays:
    """Hypothesis strategy: named float64 arrays of the given shapes in words.

    sizes: the smallest and largest value of each word. They are drawn first, then the flavour, then the entries; but
    tokens (the word "N", where it only stands first) are drawn one by one, so that single ones can be dropped.
    multiples: from the sizes drawn, inputs whose entries are multiplied by an integer.
    """
    listed = TOKENS in sizes and not any(TOKENS in axes[1:] for axes in inputs.values())
    values = {
        name: draw_from(st.integers(low, high)) for name, (low, high) in sizes.items() if name != TOKENS or not listed
    }
    kind = _lookup(draw_from(st.sampled_from(tuple(flavours))))
    number = _SMALL if kind.whole else _ORDINARY
    exponent = _exponent(_scales(kind, dtype)) if kind.scales else None
    each = None if kind.by_array else exponent
    pairs: dict[str, Pairs] = {}
    token_inputs = [name for name in _token_inputs(inputs) if listed]
    for name, shape in concrete({n: a for n, a in inputs.items() if n not in token_inputs}, values).items():
        pairs[name] = _several(draw_from, number, each, math.prod(shape))
    if listed:
        widths = {name: math.prod(concrete({name: inputs[name][1:]}, values)[name]) for name in token_inputs}
        low, high = sizes[TOKENS]
        rows = draw_from(st.lists(_token(number, each, tuple(widths.values())), min_size=low, max_size=high))
        values[TOKENS] = len(rows)
        pairs |= {name: [pair for row in rows for pair in row[k]] for k, name in enumerate(widths)}
    entries, exponents = {}, {}
    for name, shape in concrete(inputs, values).items():
        both = np.array(pairs[name], dtype=np.float64).reshape(*shape, 2)
        entries[name], exponents[name] = both[..., 0], both[..., 1]
        if kind.by_array:
            exponents[name] = np.full(shape, draw_from(exponent) if exponent is not None else 0.0)
    tokens = values.get(TOKENS, 0)
    partners = np.arange(tokens)
    if kind.arrange is _repeating:
        place = st.integers(0, max(0, tokens - 1))
        partners = np.array([draw_from(place) for _ in range(tokens)], dtype=np.int64)
    return _assemble(kind, Raw(entries, exponents, partners), inputs, dtype, positive, multiples(values))


def _number(code: int) -> float:
    """Small codes are small integers, for shrinking; others are numbers from -4 to 4 that fill a float's digits."""
    return float(code) if abs(code) <= 4 else math.copysign(4 * math.modf(abs(code) * _GOLDEN)[0], code)


_GOLDEN = (math.sqrt(5) - 1) / 2
_SMALL = st.integers(-4, 4).map(float)
_ORDINARY = st.integers(-999, 999).map(_number)


def _exponent(scales: Sequence[int]) -> st.SearchStrategy[float]:
    whole = isinstance(scales, range)
    return (st.integers(scales[0], scales[-1]) if whole else st.sampled_from(tuple(scales))).map(float)


def problems(
    *,
    inputs: Shapes | None = None,
    f: tuple[int, int] = (1, 4),
    m: tuple[int, int] = (1, 4),
    N: tuple[int, int] = (1, 6),
    flavours: Sequence[str] = tuple(FLAVOURS),
    dtype: str = "float64",
    **extra: tuple[str | int, ...],
) -> st.SearchStrategy[Arrays]:
    """Hypothesis strategy for the in-context regression problem: X (N, f), Y (N, m), x_q (f,), W0 (m, f), eta ().

    f, m, N: smallest and largest sizes. inputs: other inputs instead of these; extra: further ones, such as
    `momentum=()`. In the dyadic flavour eta is a multiple of N, so that eta/N is exact.
    """
    shapes = {**(PROBLEM if inputs is None else inputs), **extra}
    sizes = {"f": f, "m": m, "N": N}
    used = {word for shape in shapes.values() for word in shape if isinstance(word, str)}
    return arrays_for(
        shapes,
        {name: limits for name, limits in sizes.items() if name in used},
        flavours=flavours,
        dtype=dtype,
        multiples=lambda values: {"eta": values["N"]} if "eta" in shapes and "N" in values else {},
    )
