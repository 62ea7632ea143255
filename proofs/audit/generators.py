"""Whether a target draws from a global generator that it does not seed: then no number of calls shows all that it does.

Main definition: `unseeded`.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor

from numeric.tape.dispatch import Dispatch
from proofs.audit import fresh
from proofs.audit.mode_runs import equal

NAMES = ("random", "numpy.random", "torch")


def unseeded(call: Callable[[], Tensor], plain: Tensor) -> tuple[str, ...]:
    """The global generators that the call draws from, whatever state it finds them in; without those of which the draws
    change nothing, whatever they are. plain: what it returns. The generators are left as they were."""
    before = random.getstate(), np.random.get_state(), torch.get_rng_state()
    seen: list[list[tuple[str, str]]] = []
    try:
        for seed in (1, 2):
            random.seed(seed)
            np.random.seed(seed)
            torch.manual_seed(seed)
            start = _states()
            call()
            seen.append(list(zip(start, _states(), strict=True)))
    except Exception:  # the target is anybody's code, and what it raises was said
        return ()
    finally:
        random.setstate(before[0])
        np.random.set_state(before[1])
        torch.set_rng_state(before[2])
    drawn = [n for n, (start, end), (_, other) in zip(NAMES, *seen, strict=True) if start != end and end != other]
    return tuple(n for n in drawn if not (n == "torch" and _overwritten(call, plain)))


class _Filled(Dispatch):  # type: ignore[no-untyped-call]
    """Puts one number in the place of all that torch draws."""

    def __init__(self, value: float) -> None:
        super().__init__()
        self.value = value

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        if torch.Tag.nondeterministic_seeded in getattr(func, "tags", ()):
            for tensor in fresh.leaves(result):
                tensor.fill_(self.value)
        return result


def _overwritten(call: Callable[[], Tensor], plain: Tensor) -> bool:
    """Whether what torch draws changes nothing, whatever it is, as the first weights of a module that sets its own."""
    outs = []
    for value in (0.0, 1.0, -1.0, 1000.0):
        try:
            with _Filled(value):
                outs.append(call().detach())
        except Exception:  # it does not run on such numbers
            return False
    return all(equal(out, plain) for out in outs)


def _states() -> tuple[str, str, str]:
    """The states of the global generators, to be compared."""
    state: Any = np.random.get_state()
    kind, key, *rest = state
    return repr(random.getstate()), repr((kind, key.tolist(), rest)), repr(torch.get_rng_state().tolist())
