"""The diagonal recurrence z_t = a_t * z_{t-1} + u_t (entrywise), as a loop, as a parallel scan, and in closed form.

Shapes: inputs (T, ...), initial (...), decay (T, ...), or one decay (...) for all times; T states (T, ...).
Source: the state equation of a diagonal SSM; the parallel form is the associative scan of Blelloch 1990.
"""

from __future__ import annotations

from constructions.namespace import Array, namespace


def accumulate(state: Array, write: Array, decay: Array) -> Array:
    """One step: decay * state + write."""
    return decay * state + write


def recurrence(decay: Array, inputs: Array, initial: Array) -> Array:
    """All states (T, ...), one step after another, with one decay (...) for all times."""

    def token(state: Array, write: Array) -> Array:
        return accumulate(state, write, decay)

    return namespace(inputs).fold(token, initial, inputs, read=state_after)[1]


def last_state(decay: Array, inputs: Array, initial: Array) -> Array:
    """The state after the last input, with one decay (...) for all times."""

    def token(state: Array, write: Array) -> Array:
        return accumulate(state, write, decay)

    return namespace(inputs).fold(token, initial, inputs)


def gated_recurrence(decay: Array, inputs: Array, initial: Array) -> Array:
    """All states (T, ...) with decays (T, ...)."""

    def token(state: Array, write: Array, decay: Array) -> Array:
        return accumulate(state, write, decay)

    return namespace(inputs).fold(token, initial, inputs, decay, read=state_after)[1]


def state_after(state: Array, *token: Array) -> Array:
    """What a recurrence gives that gives its states."""
    return state


def combine(first: tuple[Array, Array], second: tuple[Array, Array]) -> tuple[Array, Array]:
    """Two steps (decay, write) as one: the associative product of the scan."""
    (a, u), (b, v) = first, second
    return b * a, b * u + v


def parallel_scan(decay: Array, inputs: Array, initial: Array) -> Array:
    """The same states by doubling: log2(T) rounds, each of whole-array operations; decays (T, ...)."""
    product, state = namespace(inputs).associative_scan(combine, (1, 0 * initial), decay, inputs)
    return product * initial + state


def closed_form(decay: Array, inputs: Array, initial: Array) -> Array:
    """All states: z_t = (prod_{s<=t} a_s) z_0 + sum_{r<=t} (prod_{r<s<=t} a_s) u_r, written out."""
    xp = namespace(inputs)

    def state(t: int, decay: Array, inputs: Array) -> Array:
        return xp.decay_total(decay, inputs) * initial + xp.sum(xp.decay_to_end(decay, inputs) * inputs, axis=0)

    return xp.prefixes(state, decay, inputs)
