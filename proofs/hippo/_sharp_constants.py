"""The sharp constants of the readouts' errors for K bounded derivatives, and their figures.

Main definitions: `sharp`, `columns`, `panels`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache

from flint import arb

from numeric.analysis import peano
from proofs.figure import Columns, Panel, Series


@cache
def sharp(name: str, K: int, N: int) -> arb:
    """The sharp constant: the kernel's L1 norm."""
    return peano.l1_norm(peano.functional(name, K, N))


def columns(
    sizes: Sequence[int], orders: Sequence[int], beside: str, form: Callable[[str, int, int], float]
) -> Columns:
    """Sharp constants, and a form of theirs (named `beside`) to draw beside them."""
    found: dict[str, list[float]] = {"N": [float(N) for N in sizes]}
    for K in orders:
        for name in peano.FUNCTIONALS:
            found[f"{name}, K = {K}"] = [float(sharp(name, K, N)) for N in sizes]
            found[f"{name}, K = {K}, {beside}"] = [form(name, K, N) for N in sizes]
    return found


def panels(orders: Sequence[int], beside: str) -> tuple[Panel, ...]:
    """One panel an order K of `columns`."""
    return tuple(
        Panel(
            "states $N$",
            "largest error",
            tuple(Series(text, "N", f"{name}, K = {K}", f"{name}, K = {K}, {beside}") for name, text in _NAMES.items()),
            "xy",
            f"$K = {K}$",
        )
        for K in orders
    )


_NAMES = {
    "value": "value",
    "i": "route (i)",
    "ii": "route (ii)",
    "iii": "route (iii)",
    "true": "with the delayed sample",
}
