"""Derivations that hold, their mutants, and what the engine answers where it can't decide."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from fractions import Fraction
from typing import Any

import pytest
from array_api_compat import array_namespace

from numeric.finding import Finding, Verdict
from numeric.words import Words, eye, matrix, scalar, size, trace, zeros
from numeric.words import second_opinion as sympys
from numeric.words.blocks import blocks
from numeric.words.derivation import (
    Companion,
    Derivation,
    Obligation,
    coefficient,
    decide,
    evaluate,
    invariance,
    loss_expansion,
    step_induction,
    token_induction,
)
from reports.said import said

eta, N, P = scalar("eta"), size("N"), size("P")
W, W0, H = matrix("W", "m", "f"), matrix("W0", "m", "f"), matrix("H", "m", "f")
X, Y = matrix("X", "N", "f"), matrix("Y", "N", "m")
x, y, q = matrix("x", "f", 1), matrix("y", "m", 1), matrix("q", "f", 1)
k, v = matrix("k", "f", 1), matrix("v", "m", 1)


def loss(w: Any) -> Any:
    r = X @ w.mT - Y
    return array_namespace(w).sum(r * r) / (2 * X.shape[0])


def gradient(w: Any) -> Any:
    return ((w @ X.mT - Y.mT) @ X) / X.shape[0]


def one(left: Any, right: Any) -> Derivation:
    return lambda: [Obligation("statement", left, right, "It is the statement.")]


def confirmed(derive: Derivation, **options: Any) -> Finding:
    finding = decide(derive, **options)
    assert finding.verdict is Verdict.CONFIRMED, finding.reason
    assert finding.figures["steps"] + finding.figures["steps that can't fail"] == len(finding.settings["steps"]) > 0
    return finding


def refuted(derive: Derivation, *reasons: str) -> Finding:
    finding = decide(derive)
    assert finding.verdict is Verdict.REFUTED, (finding.verdict, finding.reason)
    assert all(reason in said(finding.reason) for reason in reasons), finding.reason
    return finding


# ----------------------------------------------------------------------------------------------------- one GD step


def one_step(w: Words = W0, step: Words = eta / N, sign: int = 1, data: Words | None = None) -> Words:
    """What a layer with state Y^T X and gate q puts out: W0 q - step (W0 X^T - Y^T) X q."""
    products = Y.T @ X if data is None else data
    return w @ q - step * (W0 @ X.T @ X - sign * products) @ q


GD = (W0 - eta * gradient(W0)) @ q


def test_one_step_of_gradient_descent() -> None:
    finding = confirmed(one(GD, one_step()))
    assert finding.figures["second opinion agrees"] == 1
    assert any("SymPy" in line for line in map(said, finding.trust)) and any(
        "numeric/words" in line for line in map(said, finding.trust)
    )
    assert finding.settings["steps"][0]["second opinion"] == "equal"
    assert r"\eta" in finding.settings["steps"][0]["latex"]


def test_a_sign_error_leaves_a_readable_difference_and_a_small_counterexample() -> None:
    finding = refuted(one(GD, one_step(sign=-1)), "statement fails; what is left over: 2*eta/N * Y^T X q")
    found = finding.counterexample
    assert found is not None and dict(found.sizes) == {"N": 1, "f": 1, "m": 1}
    assert found.inputs["Y"] == [["1"]] and found.left != found.right


MUTANTS: dict[str, Callable[[], Words]] = {
    "missing W0 q": lambda: one_step(w=W0 - W0),
    "missing W0 in the residual": lambda: W0 @ q + eta / N * Y.T @ X @ q,
    "eta for eta/N": lambda: one_step(step=eta),
    "eta/P for eta/N": lambda: one_step(step=eta / P),
    "eta/(N + 1) for eta/N": lambda: one_step(step=eta / (N + 1)),
    "a factor 2": lambda: one_step(step=2 * eta / N),
    "another step size": lambda: one_step(step=scalar("eta2") / N),
}


@pytest.mark.parametrize("name", MUTANTS)
def test_mutants_of_one_step_are_refuted_with_a_counterexample(name: str) -> None:
    finding = refuted(one(GD, MUTANTS[name]()), "what is left over")
    found = finding.counterexample
    assert found is not None
    inputs = {n: _numbers(value) for n, value in found.inputs.items()} | dict(found.sizes)
    assert (evaluate(GD, inputs) != evaluate(MUTANTS[name](), inputs)).any()


def _numbers(x: Any) -> Any:
    return [_numbers(entry) for entry in x] if isinstance(x, list) else Fraction(x)


def test_a_transposed_product_is_refuted_by_its_shape() -> None:
    finding = refuted(lambda: one(GD, one_step(data=X.T @ Y))(), "shapes differ", "(m, f)", "(f, m)")
    assert finding.counterexample is None


def test_a_transposed_product_of_equal_sizes_is_refuted_by_its_difference() -> None:
    square = matrix("Y", "N", "f")
    finding = refuted(one(square.T @ X, X.T @ square), "left over: -X^T Y + Y^T X")
    found = finding.counterexample
    assert found is not None and found.sizes["f"] > 1  # at f = 1 the mutant is true


def test_sides_of_different_shape_are_refuted() -> None:
    refuted(one(W, W.T), "shapes differ", "(m, f)", "(f, m)")
    refuted(one(k, eye(1)), "shapes differ")


# ---------------------------------------------------------------------------------------------------- gradients


def test_gradient_from_the_loss() -> None:
    finding = confirmed(lambda: loss_expansion(loss, W, gradient(W)))
    assert [step["name"].split()[0] for step in finding.settings["steps"]] == [
        "gradient", "the", "slope", "remainder", "uniqueness",
    ]  # fmt: skip
    assert finding.figures["second opinion agrees"] == 5
    confirmed(lambda: loss_expansion(loss, W))


def test_ridge_and_discounted_losses() -> None:
    lam, d = scalar("lam"), matrix("D", "N", "N", "diagonal")
    ridge = confirmed(lambda: loss_expansion(lambda w: loss(w) + lam / 2 * trace(w @ w.T), W, gradient(W) + lam * W))
    assert ridge.figures["second opinion agrees"] == 5

    def discounted(w: Any) -> Any:
        r = X @ w.mT - Y
        return trace(r.mT @ d @ r) / 2

    confirmed(lambda: loss_expansion(discounted, W, W @ X.T @ d @ X - Y.T @ d @ X))
    refuted(lambda: loss_expansion(discounted, W, W @ X.T @ X - Y.T @ d @ X))


@pytest.mark.parametrize(
    "wrong",
    [-gradient(W), gradient(W) * N, gradient(W) * N / P, 2 * gradient(W), W @ X.T @ X / N, gradient(W) + W],
)  # fmt: skip
def test_wrong_gradients_are_refuted(wrong: Words) -> None:
    refuted(lambda: loss_expansion(loss, W, wrong), "gradient of the loss fails")


def test_a_loss_that_is_not_quadratic() -> None:
    def squared(w: Any) -> Any:
        return loss(w) ** 2

    confirmed(lambda: loss_expansion(squared, W, 2 * loss(W) * gradient(W), quadratic=False), second_opinion=False)
    refuted(lambda: loss_expansion(squared, W), "remainder")


def test_the_direction_has_a_name_of_its_own() -> None:
    finding = decide(lambda: loss_expansion(lambda w: trace(w @ H.T), W))
    assert finding.verdict is Verdict.UNDECIDED and "give other names" in said(finding.reason)
    confirmed(lambda: loss_expansion(lambda w: trace(w @ H.T), W, H, direction="Z"))


def test_a_zero_gradient_is_never_evidence() -> None:
    finding = decide(lambda: loss_expansion(lambda w: loss(W0), W, zeros("m", "f")))
    assert finding.verdict is Verdict.UNDECIDED and "does not depend" in said(finding.reason)


# --------------------------------------------------------------------------------------------------- inductions


def test_tokens_one_by_one() -> None:
    def derive(step: Callable[..., Any]) -> Derivation:
        return lambda: token_induction(step, lambda xs, ys: ys.mT @ xs, (X, Y), (x, y))

    finding = confirmed(derive(lambda s, x, y: s + y @ x.mT))
    assert finding.figures["steps that can't fail"] == 1 and finding.figures["second opinion agrees"] == 2
    refuted(derive(lambda s, x, y: s - y @ x.mT), "step of N fails", "2 * y x^T")
    refuted(derive(lambda s, x, y: y @ x.mT), "step of N fails")
    refuted(derive(lambda s, x, y: s + x @ y.mT), "shapes differ")
    a = scalar("a")
    refuted(derive(lambda s, x, y: a * s + y @ x.mT), "step of N fails")


def test_tokens_with_a_scalar_decay() -> None:
    a, d = scalar("a"), matrix("D", "N", "N", "diagonal")
    weights = Companion(d, blocks([[a * d, 0], [0, 1]]), zeros(0, 0))

    def derive(step: Callable[..., Any]) -> Derivation:
        return lambda: token_induction(step, lambda xs, ys, d: ys.mT @ d @ xs, (X, Y), (x, y), companions=[weights])

    confirmed(derive(lambda s, x, y: s * a + y @ x.mT))
    refuted(derive(lambda s, x, y: (s + y @ x.mT) * a), "step of N fails")


def test_the_base_case_counts() -> None:
    def derive(start: Words) -> Derivation:
        return lambda: token_induction(
            lambda s, x, y: s + y @ x.mT, lambda xs, ys: W0 + ys.mT @ xs, (X, Y), (x, y), start
        )

    confirmed(derive(W0))
    refuted(derive(W), "base case of N fails")


def test_a_state_of_several_matrices() -> None:
    confirmed(
        lambda: token_induction(
            lambda a, b, x, y: (a + x @ x.mT, b + y @ x.mT), lambda xs, ys: (xs.mT @ xs, ys.mT @ xs), (X, Y), (x, y)
        )
    )
    refuted(
        lambda: token_induction(
            lambda a, b, x, y: (a + x @ x.mT, b), lambda xs, ys: (xs.mT @ xs, ys.mT @ xs), (X, Y), (x, y)
        ),
        "component 2",
    )


def test_closed_form_of_k_steps() -> None:
    """W_k = W0 M^k + eta/N Y^T X sum_{j<k} M^j, with M = I - eta/N X^T X; M^k and the sum are letters."""
    m = eye("f") - eta / N * X.T @ X
    power, total = matrix("M_k", "f", "f"), matrix("S_k", "f", "f")
    companions = [Companion(power, power @ m, eye("f")), Companion(total, total @ m + eye("f"), zeros("f", "f"))]

    def derive(closed: Callable[..., Any]) -> Derivation:
        return lambda: step_induction(lambda w: w - eta * gradient(w), closed, companions, W0)

    confirmed(derive(lambda power, total: W0 @ power + eta / N * Y.T @ X @ total))
    refuted(derive(lambda power, total: W0 + eta / N * Y.T @ X @ total), "step of k fails")
    refuted(derive(lambda power, total: W0 @ power + eta * Y.T @ X @ total), "step of k fails")
    refuted(derive(lambda power, total: eta / N * Y.T @ X @ total), "base case of k fails")


def test_residual_invariant_and_prediction_step() -> None:
    """A layer that carries the residual R = W X^T - Y^T, and one that carries the prediction p = W q, follow GD."""
    r, p = matrix("R", "m", "N"), matrix("p", "m", 1)

    def step(r: Any, p: Any, w: Any, sign: int = -1) -> Any:
        g = r @ X / N
        return r + sign * eta * g @ X.T, p - eta * g @ q, w - eta * g

    def derive(sign: int) -> Derivation:
        return lambda: [
            *invariance(lambda *s: step(*s, sign=sign), lambda r, p, w: r - w @ X.T, (r, p, W),
                        (W0 @ X.T - Y.T, W0 @ q, W0), -Y.T, name="the residual"),
            *invariance(lambda *s: step(*s, sign=sign), lambda r, p, w: p - w @ q, (r, p, W), name="the prediction"),
        ]  # fmt: skip

    finding = confirmed(derive(-1))
    assert finding.figures["steps"] == 3 and finding.figures["second opinion agrees"] == 3
    refuted(derive(1), "the residual after a step fails")


def test_delta_rule() -> None:
    b = scalar("b")

    def token_loss(w: Any) -> Any:
        r = w @ k - v
        return trace(r.T @ r) / 2

    def derive() -> Iterator[Obligation]:
        yield from loss_expansion(token_loss, W, (W @ k - v) @ k.T)
        form = W @ (eye("f") - b * k @ k.T) + b * v @ k.T
        yield Obligation("delta rule", W - b * token_loss(W).gradient(W), form, "One step on one token.")
        # the key read back: only here do 1x1 factors matter
        back = (1 - b * (k.T @ k)) * (W @ k) + b * (k.T @ k) * v
        yield Obligation("read-out", form @ k, back, "The new memory, asked at its own key.")

    finding = confirmed(derive)
    assert finding.figures["second opinion abstains"] >= 1 and any(
        "'read-out'" in flag for flag in map(said, finding.flags)
    )
    refuted(one(W @ (eye("f") - b * k @ k.T) @ k, (1 - b) * (W @ k)), "k^T k")


def test_k_unrolled_steps_are_quick() -> None:
    start = time.process_time()
    for steps in range(1, 11):
        w, layer, gram, products = W0, W0, X.T @ X, Y.T @ X
        for _ in range(steps):
            w, layer = w - eta * gradient(w), layer - eta / N * (layer @ gram - products)
        assert w @ q == layer @ q
        assert w @ q != (layer + eta**steps * W0) @ q
    assert time.process_time() - start < 1


# -------------------------------------------------------------------------------------------- assumptions, refusals


INVERSE = matrix("A^-1", "f", "f")
A = matrix("A", "f", "f")
RULES = ((A @ INVERSE, eye("f")), (INVERSE @ A, eye("f")))
AT = {"A": [[2, 1], [1, 1]], "A^-1": [[1, -1], [-1, 2]], "q": [[1], [0]]}


def given(left: Words, right: Words, where: Any = None) -> Derivation:
    return lambda: [Obligation("inverse", left, right, "It is the statement.", RULES, where)]


def test_equations_under_assumptions() -> None:
    finding = confirmed(given(A @ INVERSE.T.T @ q, q))
    assert r"\text{given }" in finding.settings["steps"][0]["latex"]
    open_question = decide(given(A @ q, INVERSE @ q))
    assert open_question.verdict is Verdict.UNDECIDED and "does not follow" in said(open_question.reason)
    finding = decide(given(A @ q, INVERSE @ q, AT))
    assert finding.verdict is Verdict.REFUTED and finding.counterexample is not None
    assert finding.counterexample.left == [["2"], ["1"]]


def test_values_that_break_the_assumptions_refute_nothing() -> None:
    finding = decide(given(A @ q, INVERSE @ q, {**AT, "A^-1": [[1, 0], [0, 1]]}))
    assert finding.verdict is Verdict.UNDECIDED and "do not satisfy" in said(finding.reason)


@pytest.mark.parametrize(
    ("derive", "reason"),
    [
        (list, "no steps"),
        (lambda: one(W, W + 1)(), "broadcast"),
        (lambda: one(W, W * 0.1)(), "write Fraction"),
        (lambda: one(W, W.exp())(), "exp"),
        (lambda: one(W, array_namespace(W).einsum("ij,jk", W, X.T))(), "einsum"),
        (lambda: one(W[0], W)(), "entries and slices"),
        (lambda: one(W, sum(W for _ in range(X.shape[0])))(), "whole number"),
        (lambda: one(W / (eta - eta), W)(), "ZeroDivisionError"),
        (one(W, matrix("W", "m", "f") + matrix("Z", "m", "f") @ matrix("W", "f", "f")), "two matrices are called W"),
        (one(W @ matrix("W", "f", "f"), W @ matrix("W", "f", "f")), "two matrices are called W"),
        (one(W * scalar("W"), W * scalar("W")), "share a name"),
        (lambda: one(W, "W")(), "no matrix of words"),
    ],
)  # fmt: skip
def test_what_is_outside_the_class_is_undecided_with_its_reason(derive: Derivation, reason: str) -> None:
    finding = decide(derive)
    assert finding.verdict is Verdict.UNDECIDED and reason in said(finding.reason), finding


def test_a_derivation_in_which_nothing_can_fail_confirms_nothing() -> None:
    def hollow() -> Iterator[Obligation]:
        yield Obligation("a letter is itself", W, W, "It compares a letter with itself.")
        yield Obligation("one calculation", X @ W.mT, X @ W.mT, "The same, written twice.")
        yield Obligation("no tokens", zeros("m", 0) @ zeros(0, "f"), zeros("m", "f"), "Nothing is nothing.")

    finding = decide(hollow)
    assert finding.verdict is Verdict.UNDECIDED and "no step can fail" in said(finding.reason)

    def earned() -> Iterator[Obligation]:
        yield from hollow()
        yield Obligation(
            "no term of degree 3", coefficient(eta * eta * W, eta, 3), zeros("m", "f"), "It is of degree 2."
        )

    finding = decide(earned)
    assert finding.verdict is Verdict.CONFIRMED
    assert (finding.figures["steps"], finding.figures["steps that can't fail"]) == (1, 3)


def test_a_failure_names_the_step_and_keeps_what_was_found() -> None:
    def derive() -> Iterator[Obligation]:
        yield Obligation("fine", W, W + W - W, "It is fine.")
        yield Obligation("broken", X @ Y, X, "It is not even a product.")

    finding = decide(derive)
    assert finding.verdict is Verdict.REFUTED and "after 'fine'" in said(finding.reason)
    assert [step["verdict"] for step in finding.settings["steps"]] == ["confirmed"]


def test_a_difference_at_fixed_sizes_that_no_numbers_show_is_undecided() -> None:
    """The Cayley-Hamilton identity of 2x2 matrices: true at that size, false as an identity of words."""
    a = matrix("A", 2, 2)
    determinant = (trace(a) ** 2 - trace(a @ a)) / 2
    finding = decide(one(a @ a - trace(a) * a + determinant * eye(2), zeros(2, 2)))
    assert finding.verdict is Verdict.UNDECIDED and "fixed size" in said(finding.reason)
    free = matrix("A", "f", "f")
    half = (trace(free) ** 2 - trace(free @ free)) / 2
    finding = refuted(one(free @ free - trace(free) * free + half * eye("f"), zeros("f", "f")))
    assert finding.counterexample is not None and finding.counterexample.sizes["f"] != 2


def test_a_difference_that_small_numbers_do_not_show_is_refuted_all_the_same() -> None:
    finding = refuted(one((eta - 1) * (eta - 2) * (eta - 3) * W, zeros("m", "f")), "left over")
    assert finding.counterexample is None


def test_a_contradicting_second_opinion_leaves_it_open(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sympys, "second_opinion", lambda left, right: (False, "something"))
    finding = decide(one(W, W + W - W))
    assert finding.verdict is Verdict.UNDECIDED and "SymPy leaves over something" in said(finding.reason)
    assert decide(one(W, W + W - W), second_opinion=False).verdict is Verdict.CONFIRMED


def test_the_second_opinion_is_not_asked_about_large_expansions() -> None:
    w = layer = W0
    for _ in range(5):
        w, layer = w - eta * gradient(w), layer - eta / N * (layer @ X.T @ X - Y.T @ X)
    finding = confirmed(one(w, layer))
    assert finding.figures["second opinion not asked"] == 1
    assert not any("SymPy" in line for line in map(said, finding.trust))


def test_obligations_say_why() -> None:
    with pytest.raises(ValueError, match="reason why"):
        Obligation("statement", W, W, " ")


def test_numbers_and_blocks_are_sides_too() -> None:
    confirmed(one(3, size("N") - N + 3))
    confirmed(one(blocks([[X], [x.T]]) * 2, blocks([[X + X], [2 * x.T]])))
    refuted(one(blocks([[X], [x.T]]), blocks([[X], [-x.T]])), "left over: [0; 2 * x^T]")
    confirmed(one(blocks([[X], [x.T]]) - blocks([[X], [x.T]]), zeros(size("N") + 1, "f")))


def test_the_second_opinion_abstains_on_powers_that_sympy_collects() -> None:
    P, A, one = matrix("P", "n", "n"), matrix("A", "n", "n"), eye("n")

    def derive(sign: int = 1) -> Iterator[Obligation]:
        residual = one - P @ A
        yield Obligation("square", residual @ residual, one - 2 * (P @ A) + sign * (P @ A @ P @ A), "Multiplied out.")

    assert decide(derive).verdict is Verdict.CONFIRMED
    assert decide(lambda: derive(-1)).verdict is Verdict.REFUTED


def test_scalars_given_for_assumptions_are_numbers() -> None:
    a, k = scalar("a"), matrix("k", 1, 1)
    found = decide(lambda: [Obligation("twice", a, 2 * a, "False.", ((k, eye(1)),), {"a": 2, "k": [[1]]})])
    assert found.verdict is Verdict.REFUTED
    assert found.counterexample is not None
    missing = decide(lambda: [Obligation("twice", a, 2 * a, "False.", ((k, eye(1)),), {"k": [[1]]})])
    assert missing.verdict is Verdict.UNDECIDED
