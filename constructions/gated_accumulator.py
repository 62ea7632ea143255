"""The diagonal recurrence z_t = a_t * z_{t-1} + u_t (entrywise), as a loop, as a parallel scan, and in closed form.

Shapes: decay (T, ...) or one decay (...) for all times, inputs (T, ...), initial (...). Every form returns all T
states. Source: the state equation of a diagonal SSM; the parallel form is the associative scan of Blelloch 1990.
"""

from __future__ import annotations

from constructions.namespace import Array, namespace


def accumulate(state: Array, write: Array, decay: Array) -> Array:
    """One step: decay * state + write."""
    return decay * state + write


def recurrence(decay: Array, inputs: Array, initial: Array) -> Array:
    """All states (T, ...), one step after another. `decay` is (T, ...) or has one axis less (constant in time)."""
    xp = namespace(inputs)
    states = []
    state = initial
    for t in range(inputs.shape[0]):
        state = accumulate(state, inputs[t, ...], decay[t, ...] if decay.ndim == inputs.ndim else decay)
        states.append(state)
    return xp.stack(states)


def combine(first: tuple[Array, Array], second: tuple[Array, Array]) -> tuple[Array, Array]:
    """Two steps (decay, write) as one: the associative product of the scan."""
    (a, u), (b, v) = first, second
    return b * a, b * u + v


def parallel_scan(decay: Array, inputs: Array, initial: Array) -> Array:
    """The same states by doubling: log2(T) rounds, each of whole-array operations."""
    xp = namespace(inputs)
    total = inputs.shape[0]
    if decay.ndim < inputs.ndim:
        decay = xp.stack([decay] * total)
    first = accumulate(initial, inputs[0, ...], decay[0, ...])[None, ...]
    state = xp.concat([first, inputs[1:, ...]], axis=0)
    reach = 1
    while reach < total:
        earlier, later = (decay[:-reach, ...], state[:-reach, ...]), (decay[reach:, ...], state[reach:, ...])
        product, moved = combine(earlier, later)
        state = xp.concat([state[:reach, ...], moved], axis=0)
        decay = xp.concat([decay[:reach, ...], product], axis=0)
        reach *= 2
    return state


def closed_form(decay: Array, inputs: Array, initial: Array) -> Array:
    """All states: z_t = (prod_{s<=t} a_s) z_0 + sum_{r<=t} (prod_{r<s<=t} a_s) u_r, written out."""
    xp = namespace(inputs)
    states = []
    for t in range(inputs.shape[0]):
        state = initial
        for s in range(t + 1):
            state = state * decay[s, ...]
        for r in range(t + 1):
            term = inputs[r, ...]
            for s in range(r + 1, t + 1):
                term = term * decay[s, ...]
            state = state + term
        states.append(state)
    return xp.stack(states)
