"""Complex numbers as pairs of real ones, so that code with a complex state needs no arithmetic of its own.

What is no polynomial of real and imaginary part (abs, angle, polar, exp) is refused.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from numeric.carriers.carrier import NoRule
from numeric.tape.moves import Move, is_move, move
from numeric.tape.numbers import Numbers, Pair, concatenated, stacked
from numeric.tape.refusals import WHY
from numeric.tape.rules import arithmetic
from numeric.tape.storage_tape import Constant, Operation, given

_REFUSED = {
    "abs": "algebraic (a root), not rational: the absolute value of a complex number",
    "angle": "transcendental: the angle of a complex number",
    "sgn": "algebraic (a root), not rational: the direction of a complex number",
    "polar": "transcendental: give the number itself as real and imaginary part",
    "exp": "transcendental: the exp of a complex number; give the factor as a complex gate, by its parts",
    "log": "transcendental: the log of a complex number",
}
Half = Numbers | None


def rule(operation: Operation, log: bool) -> Callable[..., Any] | None:
    """The rule of an operation with a complex operand or result."""
    base = operation.base
    if log:
        raise NoRule("mixes a logarithm with complex numbers")
    if base in _REFUSED:
        raise NoRule(_REFUSED[base])
    if base in ("fill", "copy", "clone", "contiguous", "resolve_conj", "resolve_neg", "_to_copy", "zero"):
        return _copied
    if is_move(operation):
        index_map = move(operation)
        return lambda m, op: _gathered(m, index_map)
    if base in _RULES:
        found = _RULES[base]
        return lambda m, op: found(m, *op.args, **given(op))
    raise NoRule(WHY.get(base, "no exact rule for it on complex numbers"))


def _copied(m: Any, operation: Operation) -> Pair:
    out = operation.outputs[0]
    assert out is not None
    if not out.dtype.is_complex:
        raise NoRule(f"a conversion of complex numbers to {out.dtype} drops the imaginary part; take .real")
    if operation.base == "zero":
        return Pair(None, None)
    return m.pair(operation.args[1] if operation.base in ("fill", "copy") else operation.args[0])


def _gathered(m: Any, moved: Move) -> list[Pair]:
    pairs = [m.pair(s) for s in moved.sources]
    pools = []
    for name in ("real", "imaginary"):
        zero = Numbers(m.carrier, m.carrier.zeros(())).reshape(1)
        flat = []
        for source, pair in zip(moved.sources, pairs, strict=True):
            half, size = getattr(pair, name), _size(source)
            flat.append(zero.expand((size,)) if half is None else half.reshape(-1))
        pools.append(concatenated([zero, *flat], 0))
    return [
        Pair(*(pool.moved(lambda p, i=i, s=s: p.index_select(1, i).reshape(p.shape[0], *s)) for pool in pools))
        for i, s in zip(moved.maps, moved.sizes, strict=True)
    ]


def _size(source: Any) -> int:
    if isinstance(source, Constant):
        return source.value.numel()
    return source.numel if hasattr(source, "numel") else 1


def _sum(a: Half, b: Half) -> Half:
    return b if a is None else a if b is None else a + b


def _difference(a: Half, b: Half) -> Half:
    if b is None:
        return a
    return -b if a is None else a - b


def _times(product: Callable[[Numbers, Numbers], Numbers], a: Half, b: Half) -> Half:
    return None if a is None or b is None else product(a, b)


def product(by: Callable[[Numbers, Numbers], Numbers], a: Pair, b: Pair) -> Pair:
    """(a + ib)(c + id) by a bilinear product of reals."""
    return Pair(
        _difference(_times(by, a.real, b.real), _times(by, a.imaginary, b.imaginary)),
        _sum(_times(by, a.real, b.imaginary), _times(by, a.imaginary, b.real)),
    )


def _each(function: Callable[[Numbers], Numbers]) -> Callable[[Pair], Pair]:
    return lambda a: Pair(*(None if h is None else function(h) for h in (a.real, a.imaginary)))


def _scaled(m: Any, a: Pair, factor: Any) -> Pair:
    return a if isinstance(factor, (int, float)) and factor == 1 else product(Numbers.__mul__, a, m.pair(factor))


def _add(m: Any, a: Any, b: Any, *, alpha: Any = 1) -> Pair:
    left, right = m.pair(a), _scaled(m, m.pair(b), alpha)
    return Pair(_sum(left.real, right.real), _sum(left.imaginary, right.imaginary))


def _sub(m: Any, a: Any, b: Any, *, alpha: Any = 1) -> Pair:
    left, right = m.pair(a), _scaled(m, m.pair(b), alpha)
    return Pair(_difference(left.real, right.real), _difference(left.imaginary, right.imaginary))


def quotient(a: Pair, b: Pair) -> Pair:
    """a/b, by b's conjugate."""
    c, d = b.real, b.imaginary
    if d is None:
        assert c is not None
        return _each(lambda h: h / c)(a)
    size = d * d if c is None else c * c + d * d
    top = product(Numbers.__mul__, a, Pair(c, -d))
    return _each(lambda h: h / size)(top)


def _div(m: Any, a: Any, b: Any, *, rounding_mode: Any = None) -> Pair:
    if isinstance(b, (int, float)) or (isinstance(b, Constant) and not b.value.dtype.is_complex):
        value = b.value if isinstance(b, Constant) else float(b)
        return _each(lambda h: h.over(value))(m.pair(a))
    return quotient(m.pair(a), m.pair(b))


def _power(m: Any, a: Any, exponent: Any) -> Pair:
    if isinstance(exponent, (float, complex)) and exponent == int(exponent.real):
        exponent = int(exponent.real)
    if not isinstance(exponent, int):
        raise NoRule("algebraic or transcendental: a power of a complex number that is no whole number")
    base = m.pair(a)
    result = Pair(m.numbers(1), None)
    for _ in range(abs(exponent)):
        result = product(Numbers.__mul__, result, base)
    if exponent == 0:  # a number to the power 0 is 1, with the operand's shape
        ones = Numbers(m.carrier, m.carrier.lift(torch.ones(base.real.shape, dtype=torch.float64)))
        return Pair(ones, None)
    return result if exponent >= 0 else quotient(Pair(m.numbers(1), None), result)


def _reduced(method: Callable[..., Numbers]) -> Callable[..., Pair]:
    def run(m: Any, a: Any, *args: Any, **kwargs: Any) -> Pair:
        kwargs.pop("dtype", None)
        return _each(lambda h: method(m, h, *args, **kwargs))(m.pair(a))

    return run


def _running_product(m: Any, a: Any, dim: int, *, dtype: Any = None) -> Pair:
    steps = _steps(m.pair(a), dim)
    halves = []
    for name in ("real", "imaginary"):
        held = [getattr(s, name) for s in steps]
        some = next(h for h in held if h is not None)
        zero = Numbers(m.carrier, m.carrier.zeros(some.shape))
        halves.append(stacked([zero if h is None else h for h in held], dim % (some.ndim + 1)))
    return Pair(*halves)


def _steps(value: Pair, dim: int) -> list[Pair]:
    count = next(h for h in (value.real, value.imaginary) if h is not None).shape[dim]
    slices = [
        Pair(*(None if h is None else h.select(dim, t) for h in (value.real, value.imaginary))) for t in range(count)
    ]
    found = [slices[0]]
    for item in slices[1:]:
        found.append(product(Numbers.__mul__, found[-1], item))
    return found


def _prod(m: Any, a: Any, dim: int | None = None, keepdim: bool = False, *, dtype: Any = None) -> Pair:
    value = m.pair(a)
    if dim is None:
        value, dim = _each(lambda h: h.reshape(-1))(value), 0
    last = _steps(value, dim)[-1]
    return _each(lambda h: h.unsqueeze(dim))(last) if keepdim else last


def _matmul(m: Any, a: Any, b: Any) -> Pair:
    return product(Numbers.__matmul__, m.pair(a), m.pair(b))


def _mv(m: Any, a: Any, v: Any) -> Pair:
    return product(lambda x, y: (x @ y.unsqueeze(-1)).squeeze(-1), m.pair(a), m.pair(v))


def _dot(m: Any, a: Any, b: Any) -> Pair:
    return product(lambda x, y: (x * y).sum([0]), m.pair(a), m.pair(b))


def _conjugate(m: Any, a: Any) -> Pair:
    value = m.pair(a)
    return Pair(value.real, None if value.imaginary is None else -value.imaginary)


def _started(start: Half, added: Half, length: int) -> Half:
    return added if start is None else start if added is None else start.accumulate(added, length)


def _accumulated(by: Callable[..., Pair]) -> Callable[..., Pair]:
    def run(m: Any, c: Any, a: Any, b: Any, *, beta: Any = 1, alpha: Any = 1) -> Pair:
        start, added = _scaled(m, m.pair(c), beta), _scaled(m, by(m, a, b), alpha)
        factor = m.pair(a)
        length = 2 * next(h for h in (factor.real, factor.imaginary) if h is not None).shape[-1]
        return Pair(_started(start.real, added.real, length), _started(start.imaginary, added.imaginary, length))

    return run


_RULES: dict[str, Callable[..., Any]] = {
    "complex": lambda m, a, b: Pair(m.numbers(a), m.numbers(b)),
    "add": _add,
    "sub": _sub,
    "rsub": lambda m, a, b, alpha=1: _sub(m, b, a, alpha=alpha),
    "mul": lambda m, a, b: product(Numbers.__mul__, m.pair(a), m.pair(b)),
    "div": _div,
    "true_divide": _div,
    "reciprocal": lambda m, a: quotient(Pair(m.numbers(1), None), m.pair(a)),
    "neg": lambda m, a: _each(Numbers.__neg__)(m.pair(a)),
    "sum": _reduced(arithmetic.sum),
    "mean": _reduced(arithmetic.mean),
    "cumsum": _reduced(arithmetic.cumsum),
    "trace": _reduced(arithmetic.trace),
    "mm": _matmul,
    "bmm": _matmul,
    "mv": _mv,
    "dot": _dot,
    "vdot": lambda m, a, b: product(lambda x, y: (x * y).sum([0]), _conjugate(m, a), m.pair(b)),
    "ger": lambda m, a, b: product(lambda x, y: x.unsqueeze(1) * y.unsqueeze(0), m.pair(a), m.pair(b)),
    "addmm": _accumulated(_matmul),
    "baddbmm": _accumulated(_matmul),
    "addmv": _accumulated(_mv),
    "pow": _power,
    "square": lambda m, a: _power(m, a, 2),
    "cumprod": _running_product,
    "prod": _prod,
    "_conj": _conjugate,
    "_conj_physical": _conjugate,
    "conj_physical": _conjugate,
}
