"""Each primitive's words have the value of its plain loop at small sizes: the tie between the two definitions."""

from __future__ import annotations

from typing import Any

import pytest

from constructions.gated_accumulator import combine
from constructions.namespace import namespace, zeros
from numeric.finding import Verdict
from numeric.words.session import Invariant
from numeric.words.whole import Spec, decide
from reports.said import said

SHAPES = {"X": ("N", "f"), "Y": ("N", "m"), "x_q": ("f",), "a": ("N",), "u": ("N",), "A": ("N", "f"), "c": ()}
SMALL = ({"N": 3, "f": 2, "m": 1}, {"N": 1, "f": 1, "m": 2}, {"N": 4, "f": 3, "m": 4})


def fold(X: Any, Y: Any, a: Any) -> Any:
    def token(S: Any, x: Any, y: Any, a: Any) -> Any:
        return a * S + y[:, None] @ x[None, :]

    return namespace(X).fold(token, zeros((Y.shape[1], X.shape[1]), X), X, Y, a)


def read(X: Any, Y: Any, a: Any) -> Any:
    def token(S: Any, x: Any, y: Any, a: Any) -> Any:
        return a * S + y[:, None] @ x[None, :]

    def row(S: Any, x: Any, y: Any, a: Any) -> Any:
        return S @ x

    return namespace(X).fold(token, zeros((Y.shape[1], X.shape[1]), X), X, Y, a, read=row)[1]


def pairs(a: Any, u: Any, c: Any) -> Any:
    def token(at: tuple[Any, Any], a: Any, u: Any) -> tuple[Any, Any]:
        return at[0] * a, at[1] + at[0] * u

    return namespace(a).fold(token, (c, 0 * c), a, u)[1]


def iterate(X: Any, c: Any) -> Any:
    def once(S: Any) -> Any:
        return c * S @ S

    return namespace(X).iterate(once, X.mT @ X, 2)


def prefixes(X: Any, Y: Any) -> Any:
    def mean(t: Any, X: Any, Y: Any) -> Any:
        return Y.mT @ X / t

    return (namespace(X).prefixes(mean, X, Y) @ X[:, :, None])[:, :, 0]


def following(X: Any, x_q: Any) -> Any:
    return namespace(X).following(X, x_q)


def windows(X: Any, Y: Any, x_q: Any) -> Any:
    xp = namespace(X)
    Z = xp.windows(xp.interleave(*xp.pad(X, Y, x_q)), 3, 2)
    return (Z.mT @ xp.constant(((1, 2, 0), (0, 0, 0), (0, 3, 4)), X) @ Z @ xp.pad(x_q, Y)[0][:, None])[:, :, 0]


def kept(X: Any, Y: Any, x_q: Any) -> Any:
    xp = namespace(X)
    wide, _ = xp.pad(X, Y)
    return xp.keep(wide, X.shape[1]) @ x_q[:, None]


def cut(X: Any, Y: Any) -> Any:
    xp = namespace(X)
    both = xp.concat([X, 2 * Y], axis=1)
    return xp.drop(both, X.shape[1]).mT @ xp.keep(both, X.shape[1])


def apart(X: Any, x_q: Any) -> Any:
    xp = namespace(X)
    E = xp.concat([X, x_q[None, :]], axis=0)
    return xp.earlier(E).mT @ X @ xp.last(E)


def masked(X: Any, Y: Any, a: Any) -> Any:
    return (X @ X.mT * namespace(X).decay_mask(a, X)) @ Y


def masked_by_one(X: Any, Y: Any, c: Any) -> Any:
    return (X @ X.mT * namespace(X).decay_mask(c, X)) @ Y


def triangles(X: Any, Y: Any) -> Any:
    xp = namespace(X)
    return xp.tril(X @ X.mT) @ Y + 2 * (xp.tril(X @ X.mT, k=-1) @ Y)


def weights(X: Any, Y: Any, a: Any) -> Any:
    xp = namespace(X)
    late, early = xp.decay_to_end(a, X), xp.decay_from_start(a, X)
    return xp.decay_total(a, X) * (Y.mT @ (late[:, None] * X)) + (early[:, None] * Y).mT @ X


def by_channel(X: Any, Y: Any, A: Any) -> Any:
    return Y.mT @ (namespace(X).decay_to_end(A, X) * X)


def scan(a: Any, u: Any, c: Any) -> Any:
    product, state = namespace(a).associative_scan(combine, (1, 0 * c), a, u)
    return product * c + state


def last(X: Any, Y: Any, a: Any) -> Any:
    return namespace(X).last(read(X, Y, a))


def chunks(X: Any, Y: Any, c: Any) -> Any:
    def after(S: Any, x: Any, y: Any) -> Any:
        return c * S + y.mT @ x

    def rows(S: Any, x: Any, y: Any) -> Any:
        return x @ S.mT + namespace(x).tril(x @ x.mT) @ y

    state, found = namespace(X).chunks(after, zeros((Y.shape[1], X.shape[1]), X), X, Y, size=2, read=rows)
    return found + 0 * (X @ state.mT) if state is None else found


def gradient(X: Any, Y: Any, c: Any) -> Any:
    def loss(W: Any) -> Any:
        residual = W @ X.mT - Y.mT
        return namespace(W).sum(residual * residual)

    return namespace(X).gradient(loss, c * (Y.mT @ X))


def last_exchanged(X: Any, Y: Any, a: Any) -> Any:
    def token(S: Any, x: Any, y: Any, a: Any) -> Any:
        return y[:, None] @ x[None, :] + a * S

    def row(S: Any, x: Any, y: Any, a: Any) -> Any:
        return S @ x

    xp = namespace(X)
    return xp.last(xp.fold(token, zeros((Y.shape[1], X.shape[1]), X), X, Y, a, read=row)[1])


def chunks_exchanged(X: Any, Y: Any, c: Any) -> Any:
    def after(S: Any, x: Any, y: Any) -> Any:
        return y.mT @ x + c * S

    def rows(S: Any, x: Any, y: Any) -> Any:
        return namespace(x).tril(x @ x.mT) @ y + x @ S.mT

    return namespace(X).chunks(after, zeros((Y.shape[1], X.shape[1]), X), X, Y, size=2, read=rows)[1]


OTHERWISE = {last: last_exchanged, chunks: chunks_exchanged}
"""Where the result has no sign to change."""

PROGRAMS = (fold, read, pairs, iterate, prefixes, following, windows, kept, cut, apart, masked, masked_by_one, triangles,
            weights, by_channel, scan, last, chunks, gradient)  # fmt: skip


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda p: p.__name__)
def test_words_have_the_value_of_the_loop(program):
    names = program.__code__.co_varnames[: program.__code__.co_argcount]

    def negated_twice(**inputs: Any) -> Any:  # a program beside itself has no step that can fail
        return 2 * program(**inputs) - program(**inputs)

    again = OTHERWISE.get(program, negated_twice)
    found = decide(program, again, {n: SHAPES[n] for n in names}, Spec(), SMALL, second_opinion=False)
    assert found.verdict is Verdict.CONFIRMED, found.reason


def test_an_operation_that_is_not_associative_is_no_scan():
    def swapped(first: tuple[Any, Any], second: tuple[Any, Any]) -> tuple[Any, Any]:
        return second[0] * first[0], first[0] * first[1] + second[1]

    def program(a: Any, u: Any, c: Any) -> Any:
        return namespace(a).associative_scan(swapped, (1, 0 * c), a, u)[1]

    found = decide(program, program, {n: SHAPES[n] for n in ("a", "u", "c")}, Spec(), SMALL, second_opinion=False)
    assert found.verdict is Verdict.UNDECIDED and "associative" in said(found.reason)


def test_the_doubling_joins_neighbours_only():
    """On intervals: every product that the scan forms joins two that touch, and the last of each is from the first token."""
    import numpy as np

    def joined(first: tuple[Any, Any], second: tuple[Any, Any]) -> tuple[Any, Any]:
        assert np.array_equal(first[1], second[0])
        return first[0], second[1]

    for count in (1, 2, 3, 7, 8, 9, 31, 32, 33, 100, 257):
        here = np.arange(count)
        low, high = namespace(here).associative_scan(joined, (0, 0), here, here + 1)
        assert np.all(low == 0) and np.array_equal(high, here + 1)


def test_rows_of_a_closed_form():
    def forgotten(X: Any, Y: Any, c: Any) -> Any:
        def token(S: Any, x: Any, y: Any) -> Any:
            return c * S + y[:, None] @ x[None, :]

        def row(S: Any, x: Any, y: Any) -> Any:
            return S @ x

        return namespace(X).fold(token, zeros((Y.shape[1], X.shape[1]), X), X, Y, read=row)[1]

    def state(X: Any, Y: Any, c: Any) -> Any:
        return Y.mT @ (namespace(X).decay_to_end(c, X)[:, None] * X)

    name = "test_primitives.test_rows_of_a_closed_form"
    for spec in (Invariant(state), Invariant(state, rows=masked_by_one)):
        found = decide(forgotten, masked_by_one, {n: SHAPES[n] for n in ("X", "Y", "c")}, Spec({name: spec}), SMALL,
                       second_opinion=False)  # fmt: skip
        assert found.verdict is Verdict.CONFIRMED, found.reason
