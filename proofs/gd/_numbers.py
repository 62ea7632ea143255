"""Fixed exact numbers for measurements that need a problem but no chance."""

from __future__ import annotations

import numpy as np
from flint import fmpq

from constructions.namespace import Array


def numbers(rows: int, cols: int, which: int) -> Array:
    """Fractions between -1 and 1 without a pattern that matters, another set for each `which`: (rows, cols)."""
    return np.array(
        [[fmpq((7 * i * i + 5 * i + 3 * j * j + which) % 17 - 8, 8) for j in range(cols)] for i in range(rows)]
    )
