"""Whole programs on matrix words: what is confirmed, what is refuted, and that no way to cheat ends confirmed."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import pytest

from constructions import autograd_descent, delta_rule, online_descent
from constructions.namespace import namespace, zeros
from numeric.finding import Finding, Refusal, Verdict
from numeric.words.session import Invariant, Iterated
from numeric.words.whole import Spec, decide
from reports.said import said

MEMORY = {"K": ("N", "f"), "V": ("N", "m"), "beta": ("N",), "W0": ("m", "f")}
SUMS = {"X": ("N", "f"), "Y": ("N", "m")}
SMALL = ({"f": 2, "m": 1, "N": 3}, {"f": 1, "m": 2, "N": 1}, {"f": 3, "m": 2, "N": 2})


def verdict(left: Any, right: Any, shapes: Any = MEMORY, **spec: Any) -> Finding:
    return decide(left, right, shapes, Spec(**spec), SMALL, second_opinion=False)


def layer(K: Any, V: Any, beta: Any, W0: Any) -> Any:
    return delta_rule.layer(W0, K, V, beta)


def learner(K: Any, V: Any, beta: Any, W0: Any) -> Any:
    return online_descent.online(W0, K, V, beta)


def sums(X: Any, Y: Any) -> Any:
    """Y^T X, token by token."""

    def token(S: Any, x: Any, y: Any) -> Any:
        return S + y[:, None] @ x[None, :]

    return namespace(X).fold(token, zeros((Y.shape[1], X.shape[1]), X), X, Y)


def product(X: Any, Y: Any) -> Any:
    return Y.mT @ X


def test_two_recurrences_with_one_step_are_one():
    found = verdict(layer, learner)
    assert found.verdict is Verdict.CONFIRMED and found.figures["steps"] == 1, found.reason
    names = [step["name"] for step in found.settings["steps"]]
    assert names[0] == "delta_rule.layer and online_descent.online: one step"


def test_an_invariant_gives_the_closed_form():
    found = verdict(sums, product, SUMS, invariants={"test_whole.sums": Invariant(product)})
    assert found.verdict is Verdict.CONFIRMED and found.figures["invariants"] == 1, found.reason


def test_a_wrong_invariant_is_not_inductive_and_refutes_nothing():
    found = verdict(sums, product, SUMS, invariants={"test_whole.sums": Invariant(lambda X, Y: 2 * (Y.mT @ X))})
    assert found.verdict is Verdict.UNDECIDED and "not inductive" in said(found.reason)


def test_a_false_statement_is_refuted_by_the_programs_themselves():
    found = verdict(sums, lambda X, Y: 2 * (Y.mT @ X), SUMS, invariants={"test_whole.sums": Invariant(product)})
    assert found.verdict is Verdict.REFUTED and found.counterexample is not None


def capped(X: Any, Y: Any) -> Any:
    """Y^T X of at most two tokens, which no words see."""
    return Y[: min(X.shape[0], 2), :].mT @ X[: min(X.shape[0], 2), :]


def branching(X: Any, Y: Any) -> Any:
    """Twice Y^T X by a branch that words take without noticing it."""
    return 2 * (Y.mT @ X) if X is not Y and True else Y.mT @ X


def wordless(X: Any, Y: Any) -> Any:
    """Twice Y^T X, by a product that has no words."""
    return namespace(X).sum(2 * Y[:, :, None] * X[:, None, :], axis=0)


@pytest.mark.parametrize(
    ("left", "refused"),
    [(capped, Refusal.LINT), (branching, Refusal.LINT), (wordless, Refusal.WORDS), (lambda X, Y: 2 * (Y.mT @ X), None)],
)
def test_what_is_refused_is_not_called_refuted_by_the_words(left: Any, refused: Refusal | None):
    """The counterexample of plain runs stands; that the words saw nothing of the code is said with it."""
    found = verdict(left, product, SUMS)
    assert found.verdict is Verdict.REFUTED and found.counterexample is not None
    assert found.refused is refused
    assert verdict(product, product, SUMS).refused is None


def test_different_letters_refute_nothing():
    """Both are the Gram matrix, since the second's state stays symmetric; no congruence says so."""

    def gram(X: Any) -> Any:
        def token(S: Any, x: Any) -> Any:
            return S + x[:, None] @ x[None, :]

        return namespace(X).fold(token, zeros((X.shape[1], X.shape[1]), X), X)

    def symmetrised(X: Any) -> Any:
        def token(S: Any, x: Any) -> Any:
            return (S + S.mT) / 2 + x[:, None] @ x[None, :]

        return namespace(X).fold(token, zeros((X.shape[1], X.shape[1]), X), X)

    assert verdict(gram, symmetrised, {"X": ("N", "f")}).verdict is Verdict.UNDECIDED


# ---------------------------------------------------------------------------------------------------- cheats

CALLS = itertools.count()


def counting(K: Any, V: Any, beta: Any, W0: Any) -> Any:
    calls = [0]

    def token(W: Any, k: Any, v: Any, b: Any) -> Any:
        calls[0] += 1
        return delta_rule.step(W, k[:, None], v[:, None], b) if calls[0] <= 100 else 2 * W

    return namespace(K).fold(token, W0, K, V, beta)


def counting_outside(K: Any, V: Any, beta: Any, W0: Any) -> Any:
    def token(W: Any, k: Any, v: Any, b: Any) -> Any:
        return delta_rule.step(W, k[:, None], v[:, None], b) + max(0, next(CALLS) - 100000) * W

    return namespace(K).fold(token, W0, K, V, beta)


TICK = itertools.count().__next__


def ticking(K: Any, V: Any, beta: Any, W0: Any) -> Any:
    def token(W: Any, k: Any, v: Any, b: Any) -> Any:
        return delta_rule.step(W, k[:, None], v[:, None], b) + 0 * TICK() * W

    return namespace(K).fold(token, W0, K, V, beta)


def changing(K: Any, V: Any, beta: Any, W0: Any) -> Any:
    def token(W: Any, k: Any, v: Any, b: Any) -> Any:
        return delta_rule.step(W, k[:, None], v[:, None], b) + 0 * next(CALLS) * W + next(CALLS) * W - next(CALLS) * W

    return namespace(K).fold(token, W0, K, V, beta)


def peeking(K: Any, V: Any, beta: Any, W0: Any) -> Any:
    gram = K.mT @ K

    def token(W: Any, k: Any, v: Any, b: Any) -> Any:
        return delta_rule.step(W, k[:, None], v[:, None], b) + W @ gram

    return namespace(K).fold(token, W0, K, V, beta)


def swallowing(K: Any, V: Any, beta: Any, W0: Any) -> Any:
    try:
        last = min(K.shape[0], 100)
    except TypeError:
        last = None
    return delta_rule.layer(W0, K[:last], V[:last], beta[:last]) if last else delta_rule.layer(W0, K, V, beta)


def asking(question: Callable[[Any, Any, Any], Any]) -> Callable[..., Any]:
    def program(K: Any, V: Any, beta: Any, W0: Any) -> Any:
        W = delta_rule.layer(W0, K, V, beta)
        return 2 * W if question(K.shape[0], K.shape[1], V.shape[1]) else W

    return program


def typed(K: Any, V: Any, beta: Any, W0: Any) -> Any:
    W = delta_rule.layer(W0, K, V, beta)
    return 2 * W if isinstance(K.shape[0], int) and K.shape[0] > 100 else W


def matched(K: Any, V: Any, beta: Any, W0: Any) -> Any:
    W = delta_rule.layer(W0, K, V, beta)
    match K.shape[0]:
        case int(n) if n > 100:
            return 2 * W
    return W


def looked_up(K: Any, V: Any, beta: Any, W0: Any) -> Any:
    W = delta_rule.layer(W0, K, V, beta)
    return {"100": 2 * W}.get(str(K.shape[0]), W)


def powered(K: Any, V: Any, beta: Any, W0: Any) -> Any:
    return delta_rule.layer(W0, K, V, beta) + (K.shape[0] // 100) * W0


CHEATS = {
    "a counter in the closure": counting,
    "a counter outside": counting_outside,
    "a counter's own method": ticking,
    "a step that changes": changing,
    "a step that reads the whole sequence": peeking,
    "a swallowed refusal": swallowing,
    "a test of the type": typed,
    "a match on the type": matched,
    "a table": looked_up,
    "an integer division": powered,
    "N == 100": asking(lambda N, f, m: N == 100),
    "N != 100": asking(lambda N, f, m: N != 100),
    "N > 100": asking(lambda N, f, m: N > 100),
    "N in (100,)": asking(lambda N, f, m: N in (100,)),
    "f == m": asking(lambda N, f, m: f == m and f == 100),
    "N - 100": asking(lambda N, f, m: N - 100 and False),
    "no branch, but a condition": asking(lambda N, f, m: None),
}


@pytest.mark.parametrize("left", CHEATS.values(), ids=CHEATS)
def test_no_cheat_is_confirmed(left: Callable[..., Any]):
    found = verdict(left, learner)
    assert found.verdict is not Verdict.CONFIRMED
    assert found.reason


def test_an_invariant_that_tells_its_uses_apart_is_no_invariant():
    """It is right for the first tokens and the next, and wrong for all of them: the lint refuses the test."""

    def cheating(X: Any, Y: Any) -> Any:
        return Y.mT @ X if "_t" in repr(X) or "X_t" in repr(Y.mT @ X) else 2 * (Y.mT @ X)

    found = verdict(sums, lambda X, Y: 2 * (Y.mT @ X), SUMS, invariants={"test_whole.sums": Invariant(cheating)})
    assert found.verdict is Verdict.REFUTED
    found = verdict(sums, product, SUMS, invariants={"test_whole.sums": Invariant(cheating)})
    assert found.verdict is not Verdict.CONFIRMED


def test_a_false_relation_is_not_carried():
    def iterated(X: Any, k: Any = 2) -> Any:
        def once(P: Any) -> Any:
            return P @ (X.mT @ X)

        return namespace(X).iterate(once, X.mT @ X, k)

    name = "test_whole.test_a_false_relation_is_not_carried"
    power = Iterated(lambda X: X.mT @ X, lambda P, X: P @ X.mT @ X)
    false = Invariant(lambda P: 2 * P, companions={"P": power}, relations=lambda P, X: [(P @ X.mT, 0 * X.mT)])
    found = decide(iterated, iterated, {"X": ("N", "f")}, Spec({name: false}, {"k": "k"}),
                   ({"N": 2, "f": 1, "k": 2},), second_opinion=False)  # fmt: skip
    assert found.verdict is Verdict.UNDECIDED and "relation" in said(found.reason)


def test_a_walk_over_the_tokens_in_a_step_is_refused():
    """Its tokens would have the letters of the outer ones; the two programs differ."""

    def nested(read: Callable[..., Any]) -> Callable[..., Any]:
        def program(X: Any) -> Any:
            xp, none = namespace(X), zeros((X.shape[1], X.shape[1]), X)

            def token(S: Any, x: Any) -> Any:
                def other(P: Any, z: Any) -> Any:
                    return P + read(z, x)[:, None] @ x[None, :]

                return S + xp.fold(other, none, X)

            return xp.fold(token, none, X)

        return program

    inner, outer = nested(lambda z, x: z), nested(lambda z, x: x)
    found = verdict(inner, outer, {"X": ("N", "f")})
    assert found.verdict is Verdict.REFUTED and "in the step of another" in said(found.reason)
    found = verdict(inner, inner, {"X": ("N", "f")})
    assert found.verdict is Verdict.UNDECIDED


def test_the_words_are_held_against_the_plain_run(monkeypatch):
    """A primitive whose words stand for something else than its loop is seen at small sizes."""
    from numeric.words.algebra import NAMESPACE

    fold = NAMESPACE.fold
    monkeypatch.setattr(
        NAMESPACE, "fold", lambda step, start, *tokens, **named: 2 * fold(step, start, *tokens, **named)
    )
    found = verdict(layer, learner)
    assert found.verdict is Verdict.UNDECIDED and "the plain run gives" in said(found.reason)


def test_what_is_no_recurrence_is_told():
    found = verdict(layer, learner, invariants={"nobody.asks": Invariant(product)})
    assert found.verdict is Verdict.UNDECIDED and "never asked" in said(found.reason)
    found = decide(layer, learner, MEMORY, Spec(), (), second_opinion=False)
    assert found.verdict is Verdict.UNDECIDED and "no small sizes" in said(found.reason)


def test_gradients_on_words_are_those_of_autograd():
    def by_hand(X: Any, Y: Any, W0: Any) -> Any:
        return (W0 @ X.mT - Y.mT) @ X / X.shape[0]

    found = verdict(lambda X, Y, W0: autograd_descent.gradient(W0, X, Y), by_hand, {**SUMS, "W0": ("m", "f")})
    assert found.verdict is Verdict.CONFIRMED, found.reason
