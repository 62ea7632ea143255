"""The structured primitives on plain arrays: every loop of a construction is one of these.

    fold, chunks          a recurrence over tokens, one by one or some at a time
    iterate               a step repeated
    prefixes              a function of the first t tokens, for every t
    associative_scan      all partial products of an associative operation, by doubling
    interleave, windows, following, pad, keep, drop, last, earlier      tokens put in order, cut out, made as wide
    decay_mask, decay_to_end, decay_from_start, decay_total      products of decays between two tokens
They belong to the array namespace that `namespace` returns, so that another arithmetic can
bring its own. Shapes: tokens (N, ...), one row a token.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

from array_api_compat import array_namespace, device, is_torch_array

Array = Any
"""A numpy array, a torch tensor, an exact tensor, or any array of the array API standard."""


def namespace(*arrays: Array) -> Any:
    """The array namespace of the arguments, with the structured primitives (Python numbers are passed over).

    An arithmetic that brings primitives of its own keeps them.
    """
    plain = array_namespace(*(a for a in arrays if hasattr(a, "shape")))
    return plain if hasattr(plain, "fold") else _structured(plain)


@cache
def _structured(plain: Any) -> Structured:
    return Structured(plain)


def power_of_two(count: Any) -> Any:
    """2^count for a count of steps, a number or a symbol."""
    return 2**count


class Structured:
    """An array namespace with the primitives added; anything else is the namespace's own."""

    def __init__(self, plain: Any) -> None:
        self._plain = plain

    def __getattr__(self, name: str) -> Any:
        return getattr(self._plain, name)

    def constant(self, value: Any, like: Array) -> Array:
        """Numbers (nested tuples, or one number) as an array of `like`'s dtype and device."""
        return self._plain.asarray(value, dtype=like.dtype, device=device(like))

    # ---------------------------------------------------------------------------------------------- recurrences

    def fold(
        self, step: Callable[..., Any], start: Any, *tokens: Array, read: Callable[..., Array] | None = None,
        **each: Array,
    ) -> Any:  # fmt: skip
        """The last state of `state = step(state, *tokens_t)` from `start`; with `read` also all read(state, *tokens_t).

        The state is an array or a tuple of them. `read` sees the state after the token; its values are stacked. each:
        parameters with one value a token, or 0-d and for all tokens; both functions get the token's by name.
        """
        state, rows = start, []
        for t in range(_length(tokens)):
            now, own = [x[t, ...] for x in tokens], {name: x[t, ...] if x.ndim else x for name, x in each.items()}
            state = step(state, *now, **own)
            rows.append(None if read is None else read(state, *now, **own))
        return state if read is None else (state, self._plain.stack(rows))

    def chunks(
        self, step: Callable[..., Any], start: Any, *tokens: Array, size: int, read: Callable[..., Array] | None = None
    ) -> Any:
        """As `fold`, `size` tokens at a time: `step` and `read` see (n, ...) arrays, n = size but in the last chunk.

        `read` sees the state before the chunk; its rows are put after each other.
        """
        state, rows = start, []
        for t in range(0, _length(tokens), size):
            now = [x[t : t + size, ...] for x in tokens]
            rows.append(None if read is None else read(state, *now))
            state = step(state, *now)
        return state if read is None else (state, self._plain.concat(rows))

    def iterate(self, step: Callable[[Any], Any], start: Any, count: int) -> Any:
        """`count` times state = step(state), from `start`."""
        for _ in range(count):
            start = step(start)
        return start

    def prefixes(self, function: Callable[..., Array], *tokens: Array) -> Array:
        """function(t, first t rows of each) for t = 1, ..., N, stacked."""
        return self._plain.stack([function(t, *(x[:t, ...] for x in tokens)) for t in range(1, _length(tokens) + 1)])

    def associative_scan(
        self, operation: Callable[[Any, Any], Any], neutral: tuple[Any, ...], *tokens: Array
    ) -> tuple[Array, ...]:
        """All products start o x_1 o ... o x_t of an associative operation on tuples, by doubling: log2(N) rounds.

        `neutral` is its neutral element, which only an arithmetic with a proof to give needs.
        """
        found, reach, total = tuple(tokens), 1, _length(tokens)
        while reach < total:
            earlier, later = tuple(x[:-reach, ...] for x in found), tuple(x[reach:, ...] for x in found)
            moved = operation(earlier, later)
            found = tuple(self._plain.concat([x[:reach, ...], y], axis=0) for x, y in zip(found, moved, strict=True))
            reach *= 2
        return found

    def gradient(self, of: Callable[[Array], Array], at: Array) -> Array:
        """The gradient of a scalar function, by torch.autograd; TypeError for arrays that have none."""
        if not is_torch_array(at):
            raise TypeError(f"no automatic gradient for {type(at).__name__}: use torch tensors")
        import torch

        with torch.enable_grad():
            leaf = at.detach().requires_grad_()
            (found,) = torch.autograd.grad(of(leaf), leaf)
        return found

    # ------------------------------------------------------------------------------------------ tokens in order

    def interleave(self, X: Array, Y: Array, last: Array) -> Array:
        """The sequence x_1, y_1, ..., x_N, y_N, last: (2N + 1, d) from X, Y (N, d) and last (d,).

        Raises ValueError for no tokens or different numbers of x and y.
        """
        if X.shape[0] == 0 or X.shape[0] != Y.shape[0]:
            raise ValueError(f"X has {X.shape[0]} rows and Y {Y.shape[0]}; both need the same number, at least 1")
        pairs = self._plain.stack([X, Y], axis=1)
        return self._plain.concat([self._plain.reshape(pairs, (2 * X.shape[0], X.shape[1])), last[None, :]], axis=0)

    def windows(self, sequence: Array, width: int, stride: int) -> Array:
        """Windows (T, width, d) of rows, `stride` apart; trailing rows that fill no window are dropped."""
        count = (sequence.shape[0] - width) // stride + 1
        if count < 1:
            raise ValueError(f"a sequence of {sequence.shape[0]} tokens has no window of {width}")
        stop = stride * (count - 1) + 1
        return self._plain.stack([sequence[k : k + stop : stride, :] for k in range(width)], axis=1)

    def following(self, X: Array, last: Array) -> Array:
        """x_2, ..., x_N, last: what comes after each token, (N, ...)."""
        return self._plain.concat([X[1:, ...], last[None, ...]], axis=0)

    def pad(self, *arrays: Array, width: int | None = None) -> tuple[Array, ...]:
        """Each array with zeros appended along its last axis, up to `width` or to the widest. ValueError if wider."""
        wide = max(x.shape[-1] for x in arrays) if width is None else width
        return tuple(self._padded(x, wide - x.shape[-1]) for x in arrays)

    def _padded(self, x: Array, missing: int) -> Array:
        if missing < 0:
            raise ValueError(
                f"an axis of length {x.shape[-1]} does not fit into width {x.shape[-1] + missing}; choose a larger width"
            )
        zeros = self._plain.zeros((*x.shape[:-1], missing), dtype=x.dtype, device=device(x))
        return self._plain.concat([x, zeros], axis=-1) if missing else x

    def per_token(self, value: Array, like: Array) -> Array:
        """A parameter with one value a token: as it is, or the one value for each row of `like`."""
        return self._decays(value, like)

    def keep(self, x: Array, width: int) -> Array:
        """The first `width` entries of the last axis."""
        return x[..., :width]

    def drop(self, x: Array, width: int) -> Array:
        """All but the first `width` entries of the last axis."""
        return x[..., width:]

    def last(self, x: Array) -> Array:
        """The last token."""
        return x[-1, ...]

    def earlier(self, x: Array) -> Array:
        """All tokens but the last."""
        return x[:-1, ...]

    # ------------------------------------------------------------------------------------------- products of decays

    def _decays(self, decay: Array, like: Array) -> Array:
        """One decay a token, for decays (N, ...) or one number for all N rows of `like`."""
        if decay.ndim:
            return decay
        return decay * self._plain.ones(like.shape[:1], dtype=like.dtype, device=device(like))

    def decay_mask(self, decay: Array, like: Array) -> Array:
        """(N, N): entry [t, s] is the product of the decays of the tokens after s up to t, 0 for s > t.

        decay: 0-d, or (N,); `like` has N rows.
        """
        a = self._decays(decay, like)
        one, rows, count = a[:1] * 0 + 1, list[Array](), a.shape[0]
        for t in range(count):
            rows.append(self._plain.concat([rows[-1] * a[t], one]) if rows else one)
        return self._plain.stack([self._plain.concat([row, 0 * a[t + 1 :]]) for t, row in enumerate(rows)])

    def decay_to_end(self, decay: Array, like: Array) -> Array:
        """(N, ...): for each token the product of the decays of all later ones; the last one's is 1."""
        a = self._decays(decay, like)
        found = [a[0] * 0 + 1]
        for t in range(a.shape[0] - 1, 0, -1):
            found.append(found[-1] * a[t])
        return self._plain.stack(found[::-1])

    def decay_from_start(self, decay: Array, like: Array) -> Array:
        """(N, ...): for each token the product of the decays up to its own."""
        a = self._decays(decay, like)
        found = [a[0] * 0 + a[0]]
        for t in range(1, a.shape[0]):
            found.append(found[-1] * a[t])
        return self._plain.stack(found)

    def decay_total(self, decay: Array, like: Array) -> Array:
        """The product of all decays."""
        return self.decay_from_start(decay, like)[-1, ...]


def _length(tokens: tuple[Array, ...]) -> int:
    """The number of tokens. Raises ValueError if the sequences differ in length, or if there are none."""
    lengths = {int(x.shape[0]) for x in tokens}
    if len(lengths) != 1 or lengths == {0}:
        raise ValueError(f"sequences of lengths {[int(x.shape[0]) for x in tokens]}; they need one length, at least 1")
    return lengths.pop()
