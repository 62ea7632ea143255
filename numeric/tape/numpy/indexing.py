"""numpy's indexing in torch's terms: torch has no negative steps, and takes no lists of numpy's kinds."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch


def torch_index(key: Any, shape: tuple[int, ...]) -> tuple[Any, list[int]]:
    """The key for torch, its steps made forward, and the dimensions of the result to be reversed.

    key: slices, integers, None, Ellipsis, and lists or arrays of plain integers or booleans. shape: of what is indexed.
    """
    several = key if isinstance(key, tuple) else (key,)
    out: list[Any] = []
    flips: list[int] = []
    place, dim = 0, 0
    named = sum(1 for k in several if k is not None and k is not Ellipsis)
    for k in several:
        if isinstance(k, (list, np.ndarray)) and np.ndim(k):
            array = np.asarray(k)
            out.append(torch.as_tensor(array if array.dtype == bool else array.astype(np.int64)))
            place, dim = place + (array.ndim if array.dtype == bool else 1), dim + 1
        elif isinstance(k, slice):
            step = 1 if k.step is None else int(k.step)
            if step < 0:
                reached = range(*k.indices(shape[place]))
                k = slice(reached[-1], reached[0] + 1, -step) if len(reached) else slice(0, 0)
                flips.append(dim)
            out.append(k)
            place, dim = place + 1, dim + 1
        elif k is Ellipsis:
            out.append(k)
            skipped = len(shape) - named
            place, dim = place + skipped, dim + skipped
        elif k is None:
            out.append(k)
            dim += 1
        else:
            out.append(int(k))
            place += 1
    return tuple(out), flips
