"""The public name of `numeric.deciding.strategies`: test problems that are hard on rounding, for Hypothesis."""

from numeric.deciding.strategies import draw, problems

__all__ = ["draw", "problems"]
