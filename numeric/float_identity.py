"""Do two programs agree in floating point, within derived bounds? `numeric.deciding.float_identity` for a user's own tests."""

from __future__ import annotations

from collections.abc import Sequence

from numeric.deciding import float_identity
from numeric.deciding.backends import Arrays
from numeric.deciding.comparison import Comparison
from numeric.deciding.programs import Program, Shapes, Sizes
from numeric.finding import Finding

__all__ = ["check", "decide"]


def decide(
    left: Program,
    right: Program,
    draws: Sequence[Arrays],
    *,
    shapes: Shapes | None = None,
    backend: str = "torch cpu",
    dtype: str = "float64",
) -> Finding:
    """Whether both agree within their rounding bounds at every output of every draw. shapes: makes a counterexample small."""
    return float_identity.decide(Comparison(left, right, shapes or {}), draws, backend=backend, dtype=dtype)


def check(left: Program, right: Program, shapes: Shapes, sizes: Sizes, *, device: str = "cpu") -> Finding:
    """The same at problems that are hard on rounding, on every backend, in both precisions."""
    return float_identity.check(Comparison(left, right, shapes, sizes), device=device)
