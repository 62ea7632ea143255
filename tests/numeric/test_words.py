"""Matrix words against exact integer matrices, and the rules of the normal form one by one."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from array_api_compat import array_namespace
from hypothesis import given
from hypothesis import strategies as st

from numeric.words import ShapeError, Unsupported, Words, eye, lift, matrix, scalar, size, trace, zeros
from numeric.words.blocks import blocks
from numeric.words.derivation import evaluate, example, rewrite
from numeric.words.printing import formula
from numeric.words.second_opinion import second_opinion

# --------------------------------------------------------------------- random expressions, read by two arithmetics

DIMENSIONS = ("1", "N", "f")
KINDS = {"S": ("N", "symmetric"), "D": ("N", "diagonal"), "Z": ("N", "diagonal")}


def letter(name: str, rows: str, cols: str) -> Words:
    literal = {"1": 1}
    kind = KINDS[name][1] if name in KINDS else "general"
    return matrix(name if name in KINDS else f"{name}{rows.replace('1', 'o')}{cols.replace('1', 'o')}",
                  literal.get(rows, rows), literal.get(cols, cols), kind)  # type: ignore[arg-type]  # fmt: skip


@st.composite
def expressions(draw: st.DrawFn, rows: str, cols: str, depth: int) -> tuple[Any, ...]:
    """A tree of operations whose value has the shape (rows, cols)."""
    options = ["letter", "transposed letter"]
    if rows == cols == "N":
        options += ["kind"]
    if depth:
        options += ["sum", "product", "product", "transpose", "scale", "form"]
    option = draw(st.sampled_from(options))
    below = depth - 1
    match option:
        case "letter" | "transposed letter":
            return option, draw(st.sampled_from("AB")), rows, cols
        case "kind":
            return option, draw(st.sampled_from(sorted(KINDS)))
        case "sum":
            return option, draw(expressions(rows, cols, below)), draw(expressions(rows, cols, below))
        case "product":
            inner = draw(st.sampled_from(DIMENSIONS))
            return option, draw(expressions(rows, inner, below)), draw(expressions(inner, cols, below))
        case "transpose":
            return option, draw(expressions(cols, rows, below))
        case "form":
            return option, draw(expressions("1", "1", below)), draw(expressions(rows, cols, below))
    number = draw(st.sampled_from([-2, 3, "eta", "1/N", "trace"]))
    inner = draw(st.sampled_from(DIMENSIONS))
    return option, number, draw(expressions(rows, cols, below)), draw(expressions(inner, inner, min(below, 1)))


class Exact:
    """The same operations on object arrays of Python integers and fractions."""

    def __init__(self, seed: int, sizes: dict[str, int]) -> None:
        self.draw, self.sizes, self.values = np.random.default_rng(seed), sizes, dict[str, Any]()
        self.eta = Fraction(int(self.draw.integers(1, 5)), 7)

    def letter(self, name: str, rows: str, cols: str) -> Any:
        known = symbolic.letter(name, rows, cols).origin[1].name
        if known not in self.values:
            entries = self.draw.integers(-3, 4, (self.sizes[rows], self.sizes[cols])).astype(object)
            if name == "S":
                entries = entries + entries.T
            self.values[known] = entries * np.eye(len(entries), dtype=int) if name in "DZ" else entries
        return self.values[known]

    def number(self, name: Any) -> Any:
        return {"eta": self.eta, "1/N": Fraction(1, self.sizes["N"])}.get(name, name)

    trace = staticmethod(np.trace)

    @staticmethod
    def form(a: Any) -> Any:
        return a[0, 0]


class Symbolic:
    letter = staticmethod(letter)
    trace = staticmethod(trace)

    @staticmethod
    def number(name: Any) -> Any:
        return {"eta": scalar("eta"), "1/N": 1 / size("N")}.get(name, name)

    @staticmethod
    def form(a: Words) -> Words:
        return a


symbolic = Symbolic()


def run(tree: tuple[Any, ...], on: Any) -> Any:
    match tree:
        case ("letter", name, rows, cols):
            return on.letter(name, rows, cols)
        case ("transposed letter", name, rows, cols):
            return on.letter(name, cols, rows).T
        case ("kind", name):
            return on.letter(name, "N", "N")
        case ("sum", a, b):
            return run(a, on) + run(b, on)
        case ("product", a, b):
            return run(a, on) @ run(b, on)
        case ("transpose", a):
            return run(a, on).T
        case ("form", a, b):
            return on.form(run(a, on)) * run(b, on)
        case ("scale", "trace", a, b):
            return on.trace(run(b, on)) * run(a, on)
        case ("scale", number, a, _):
            return on.number(number) * run(a, on)
    raise AssertionError(tree)


shapes = st.tuples(st.sampled_from(DIMENSIONS), st.sampled_from(DIMENSIONS))
some_sizes = st.fixed_dictionaries({"1": st.just(1), "N": st.integers(1, 3), "f": st.integers(1, 3)})


@given(shapes.flatmap(lambda s: expressions(*s, depth=3)), some_sizes, st.integers(0, 2**31))
def test_a_random_expression_has_the_value_that_exact_matrices_give(
    tree: tuple[Any, ...], sizes: dict[str, int], seed: int
) -> None:
    on = Exact(seed, sizes)
    expected, x = run(tree, on), run(tree, symbolic)
    values = {**on.values, "eta": on.eta, "N": sizes["N"], "f": sizes["f"]}
    assert np.array_equal(evaluate(x, values), expected)
    assert np.array_equal(evaluate(x.T, values), expected.T)


@given(shapes.flatmap(lambda s: st.tuples(*[expressions(*s, depth=2)] * 2)))
def test_equal_normal_forms_and_only_those_agree_at_all_small_integers(trees: tuple[Any, Any]) -> None:
    left, right = (run(tree, symbolic) for tree in trees)
    assert (left == right) == (example(left, right) is None)


@given(expressions("N", "f", depth=2), expressions("f", "N", depth=2))
def test_laws_of_transposes_and_traces(a: tuple[Any, ...], b: tuple[Any, ...]) -> None:
    x, y = run(a, symbolic), run(b, symbolic)
    assert (x @ y).T == y.T @ x.T
    assert trace(x @ y) == trace(y @ x) == trace(x.T @ y.T)
    assert trace(x @ y + x @ x.T) - trace(x @ x.T) == trace(y @ x)


@given(expressions("N", "f", depth=2), st.integers(0, 2**31))
def test_gradient_is_the_linear_term_of_the_exact_expansion(tree: tuple[Any, ...], seed: int) -> None:
    a = letter("A", "N", "f")
    loss = trace(run(tree, symbolic).T @ run(tree, symbolic))
    h, t = matrix("H", "N", "f"), scalar("t")
    moved = loss.substitute(a, a + t * h)
    assert moved.coefficients(t).get(1, zero()) == trace(loss.gradient(a).T @ h)
    assert moved.coefficients(t).get(0, zero()) == loss
    assert moved.substitute(t, 0) == loss


@given(expressions("N", "f", depth=2))
def test_sympy_never_contradicts(tree: tuple[Any, ...]) -> None:
    x, y = run(tree, symbolic), run(tree, symbolic)
    assert second_opinion(x, y + y - y)[0] in (True, None)
    assert second_opinion(x, y + letter("A", "N", "f"))[0] in (False, None)


def zero() -> Words:
    return scalar(0)


# ------------------------------------------------------------------------------------------- functions for arrays

eta = scalar("eta")
W, X, Y, q = matrix("W", "m", "f"), matrix("X", "N", "f"), matrix("Y", "N", "m"), matrix("q", "f", 1)
SYMMETRIC = matrix("S", "f", "f", "symmetric")
k, v = matrix("k", "f", 1), matrix("v", "m", 1)


def loss(w: Any, x: Any, y: Any) -> Any:
    xp = array_namespace(w, x, y)
    r = x @ w.mT - y
    return xp.sum(r * r) / (2 * x.shape[0])


def gradient(w: Any, x: Any, y: Any) -> Any:
    return ((w @ x.mT - y.mT) @ x) / x.shape[0]


def test_the_functions_that_run_on_arrays_run_on_words() -> None:
    assert W.ndim == 2 and W.shape == (size("m"), size("f"))
    assert loss(W, X, Y).shape == ()
    assert loss(W, X, Y).gradient(W) == gradient(W, X, Y)
    values = {"W": [[1, 2]], "X": [[3, 4], [5, -6], [0, 1]], "Y": [[7], [8], [2]]}
    arrays = [np.vectorize(Fraction, otypes=[object])(values[name]) for name in ("W", "X", "Y")]
    assert evaluate(loss(W, X, Y), values) == loss(*arrays) == Fraction(241, 6)
    assert np.array_equal(evaluate(gradient(W, X, Y), values), gradient(*arrays))


def test_a_size_is_the_scalar_of_the_same_name() -> None:
    n = scalar("N")
    assert eye("f") / X.shape[0] == eye("f") / n
    assert X.shape[0] + 1 == n + 1 and X.shape[0] + 1 != n
    assert q.shape[1] == 1
    assert trace(eye("N")) == n
    for hidden in (lambda: n == 100, lambda: n != X.shape[1], lambda: bool(n), lambda: n > 100, lambda: n in (3, 4)):
        with pytest.raises(Unsupported):  # a symbol that told sizes apart could hide a branch
            hidden()


@pytest.mark.parametrize("factor", [3, Fraction(1, 3), 0.5, np.int64(2), np.float64(0.25), eta, size("N")])
def test_scalars_of_every_kind(factor: Any) -> None:
    assert factor * W == W * factor == W + (factor - 1) * W
    assert (W / factor) * factor == W
    assert W - W * factor == (1 - factor) * W


def test_powers_and_reciprocals_of_scalars() -> None:
    assert (1 + eta) ** 3 == 1 + 3 * eta + 3 * eta**2 + eta**3
    assert (1 / eta) * eta == 1
    assert 1 / (1 - eta) - 1 == eta / (1 - eta)
    assert eta - eta + 1 != 0
    assert (scalar(-1) / -1).value.one and (eta / -eta + 2).value.one


# ---------------------------------------------------------------------------------------------- the normal form


def test_one_by_one_factors_commute_and_equal_their_transpose() -> None:
    s = matrix("A", "f", "f")
    assert W @ k @ k.T @ q == (k.T @ q) * (W @ k) == (W @ k) * (q.T @ k)
    assert (k.T @ s @ q) == (q.T @ s.T @ k)
    assert (k.T @ s @ q) != (q.T @ s @ k)
    assert (k.T @ k) @ (q.T @ q) == (q.T @ q) @ (k.T @ k)
    assert trace(k @ q.T) == (q.T @ k) and trace(k @ k.T @ q @ q.T) == (k.T @ q) ** 2
    assert v @ k.T @ q @ k.T == (q.T @ k) * (v @ k.T)
    assert (v @ k.T) @ (q @ k.T) == (q.T @ k) * (v @ k.T)
    assert v @ k.T != (k @ v.T).T + v @ q.T


def test_division_by_a_one_by_one_form() -> None:
    p, lam = matrix("P", "f", "f", "symmetric"), scalar("lam")
    gain = p @ k / (lam + k.T @ p @ k)
    after = p - gain @ k.T @ p
    assert after == after.T
    assert after @ k == lam * gain
    assert (after @ k) * (lam + (k.T @ p @ k)) == lam * (p @ k)


def test_diagonal_letters_commute_with_each_other_only() -> None:
    d, e = matrix("D", "N", "N", "diagonal"), matrix("Z", "N", "N", "diagonal")
    s = matrix("S", "N", "N", "symmetric")
    assert X.T @ d @ e @ X == X.T @ e @ d @ X
    assert Y.T @ d @ X == (X.T @ d @ Y).T
    assert d @ s @ e != e @ s @ d
    assert e @ s @ d == (d @ s @ e).T
    assert trace(e @ d @ matrix("M", "N", "N")) == trace(d @ e @ matrix("M", "N", "N"))
    assert trace(e @ d @ s) == trace(d @ s @ e) == trace(s @ d @ e)
    assert trace(d @ e @ d) == trace(e @ d @ d)
    assert s == s.T and d == d.T
    assert d @ s != s @ d


def test_identity_and_zero() -> None:
    assert eye("m") @ W == W == W @ eye("f")
    assert (W - W).is_zero and W + zeros("m", "f") == W
    assert (zeros("f", 0) @ zeros(0, "m")).is_zero
    assert matrix("X0", 0, "f").is_zero


def test_trace_is_cyclic_and_knows_transposes() -> None:
    a, b = matrix("A", "f", "f"), matrix("B", "f", "f")
    assert trace(a @ b @ b) == trace(b @ a @ b) == trace(b.T @ b.T @ a.T)
    assert trace(a @ b @ a @ b.T) == trace(a.T @ b @ a.T @ b.T)
    assert not (trace(a @ a @ b @ b) - trace(a @ b @ a @ b)).is_zero


def test_gradients() -> None:
    a, b = matrix("A", "f", "f"), matrix("B", "f", "f")
    lam = scalar("lam")
    assert trace(a @ b).gradient(a) == b.T
    assert (trace(a) ** 2).gradient(a) == 2 * trace(a) * eye("f")
    assert (lam + trace(a @ b) + trace(b @ a) - 1).gradient(a) == 2 * b.T
    assert (q.T @ a @ k).gradient(a) == q @ k.T
    assert (1 / trace(a)).gradient(a) == -eye("f") / trace(a) ** 2
    assert (trace(a @ b) / trace(a)).gradient(a) == b.T / trace(a) - trace(a @ b) / trace(a) ** 2 * eye("f")
    assert (k.T @ k).gradient(k) == 2 * k
    ridge = loss(W, X, Y) + lam / 2 * trace(W @ W.T)
    assert ridge.gradient(W) == gradient(W, X, Y) + lam * W


def test_substitution_and_coefficients() -> None:
    h, t = matrix("H", "m", "f"), scalar("t")
    assert (W @ X.T).substitute(W, W + t * h).coefficients(t)[1] == h @ X.T
    assert gradient(W, X, Y).substitute(eta, 3) == gradient(W, X, Y)
    assert (eta / size("P") * W).substitute(eta, eta * size("P") / 2) == eta / 2 * W
    assert ((1 + t) ** 2 * W).coefficients(t) == {0: W, 1: 2 * W, 2: W}
    with pytest.raises(Unsupported, match="dimension"):
        W.substitute(size("f"), 3)
    with pytest.raises(Unsupported, match="denominator"):
        (W / (1 + t)).coefficients(t)
    with pytest.raises(ShapeError):
        W.substitute(W, X)


def test_blocks_collapse_and_append_a_token() -> None:
    x, y = matrix("x", "f", 1), matrix("y", "m", 1)
    longer, targets = blocks([[X], [x.T]]), blocks([[Y], [y.T]])
    assert longer.shape == (size("N") + 1, size("f"))
    assert targets.T @ longer == Y.T @ X + y @ x.T
    assert loss(W, longer, targets) * 2 * (size("N") + 1) == loss(W, X, Y) * 2 * size("N") + trace(
        (W @ x - y).T @ (W @ x - y)
    )
    d, a = matrix("D", "N", "N", "diagonal"), scalar("a")
    weights = blocks([[a * d, 0], [0, 1]])
    assert targets.T @ weights @ longer == a * (Y.T @ d @ X) + y @ x.T
    assert trace(weights) == a * trace(d) + 1
    assert eye(size("N") + 1) @ longer == longer and longer.T @ eye(size("N") + 1) == longer.T


def test_a_window_of_rows_with_numbers_between() -> None:
    x, y, later = matrix("x", "f", 1), matrix("y", "f", 1), matrix("z", "f", 1)
    window = blocks([[x.T], [y.T], [later.T]])
    weights = blocks([[0, 1, 0], [0, 0, 0], [0, 0, 0]])
    assert window.T @ weights @ window == x @ y.T
    assert window.T @ blocks([[0], [0], [1]]) == later
    assert scalar("c") * (y @ x.T) == (window.T @ (scalar("c") * weights) @ window).T
    assert (weights - weights).is_zero
    values = {"x": [[1], [2]], "y": [[3], [4]], "z": [[5], [6]]}
    assert evaluate(window, values).tolist() == [[1, 2], [3, 4], [5, 6]]


def test_rewriting_by_declared_inverses() -> None:
    a, inverse = matrix("A", "f", "f"), matrix("A^-1", "f", "f")
    rules = [(a @ inverse, eye("f")), (inverse @ a, eye("f"))]
    assert rewrite(inverse.T @ a.T @ k, rules) == k
    assert rewrite(W @ a @ a @ inverse @ inverse, rules) == W
    assert rewrite(trace(inverse @ W.T @ W @ a), rules) == trace(W @ W.T)
    assert rewrite(trace(a @ inverse), rules) == size("f")
    b, first = matrix("B", "f", "f"), matrix("A0", "f", "f")
    assert rewrite(trace(inverse @ first @ first @ a), rules) == trace(first @ first)
    assert rewrite(trace(b.T @ first @ b), [(b @ b.T, eye("f"))]) == trace(first)
    assert rewrite(k.T @ a @ inverse @ k, rules) == k.T @ k
    unit = [(k.T @ k, lift(1))]
    assert rewrite(W @ k @ k.T @ k, unit) == W @ k
    ridge, lam = matrix("R", "f", "f", "symmetric"), scalar("lam")
    assert rewrite(Y.T @ X @ ridge @ X.T @ X - Y.T @ X + lam * Y.T @ X @ ridge,
                   [(ridge @ X.T @ X, eye("f") - lam * ridge)]).is_zero  # fmt: skip
    with pytest.raises(Unsupported, match="circle"):
        rewrite(a, [(a, a @ a)])
    with pytest.raises(Unsupported, match="one word"):
        rewrite(a, [(a + inverse, eye("f"))])


# ------------------------------------------------------------------------------------------------------- refusals


@pytest.mark.parametrize(
    ("wrong", "error", "words"),
    [
        (lambda: X @ Y, ShapeError, r"\(N, f\) and \(N, m\)"),
        (lambda: X + Y, ShapeError, r"\(N, f\) and \(N, m\)"),
        (lambda: X @ Y.T @ q, ShapeError, "inner sizes differ"),
        (lambda: X * Y, ShapeError, "differ"),
        (lambda: trace(X), ShapeError, "not square"),
        (lambda: matrix("D", "N", "f", "diagonal"), ShapeError, "not square"),
        (lambda: blocks([[X], [Y]]), ShapeError, "blocks"),
        (lambda: blocks([[X], [q.T]]) @ X, ShapeError, "inner sizes differ"),
        (lambda: W + 1, Unsupported, "broadcast"),
        (lambda: W + v, Unsupported, "broadcast"),
        (lambda: W * 0.1, Unsupported, "write Fraction"),
        (lambda: W * float("nan"), Unsupported, "nan"),
        (lambda: 1 / W, Unsupported, "only scalars"),
        (lambda: W**3, Unsupported, "power"),
        (lambda: X.__array_namespace__().sum(W), Unsupported, "entrywise products"),
        (lambda: W / (eta - eta), ZeroDivisionError, "zero"),
        (lambda: W / zeros(0, "f").shape[0], ZeroDivisionError, "zero"),
        (lambda: trace(SYMMETRIC).gradient(SYMMETRIC), Unsupported, "symm"),
        (lambda: blocks([[X.T, q]]) @ blocks([[q.T], [X]]), Unsupported, "different places"),
        (lambda: blocks([[X], [q.T]]) + blocks([[q.T], [X]]), Unsupported, "different places"),
        (lambda: blocks([[X], [q.T]]) * X, ShapeError, "differ"),
        (lambda: W.gradient(W), Unsupported, "gradient"),
        (lambda: trace(W @ W.T).gradient(W + W), Unsupported, "expected a letter"),
        (lambda: matrix("2W", "m", "f"), ValueError, "is no name"),
        (lambda: matrix("Z", size("N") + 1, "m") @ blocks([[X.T, q]]), ShapeError, "inner"),
        (lambda: matrix("X", "f", size("N") + 1) @ blocks([[X], [q.T]]), Unsupported, "not cut into blocks"),
        (lambda: evaluate(W @ X.T, {"W": [[1]], "X": [[1, 2]]}), ShapeError, "W has shape|X has shape"),
    ],
)  # fmt: skip
def test_wrong_use_is_refused_with_a_reason(wrong: Any, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        wrong()


@pytest.mark.parametrize(
    "outside",
    [lambda: W[0], lambda: np.exp(W), lambda: list(range(X.shape[0])), lambda: W < 1, lambda: np.ones((2, 2)) * W,
     lambda: float(eta), lambda: {W: 1}, lambda: W @ 2.5, lambda: W.sum()],
)  # fmt: skip
def test_what_arrays_can_and_words_cannot_raises(outside: Any) -> None:
    with pytest.raises((TypeError, AttributeError, ValueError)):
        outside()


# ----------------------------------------------------------------------------------------------------------- text


@pytest.mark.parametrize(
    ("x", "plain", "tex"),
    [
        (2 * eta / size("N") * Y.T @ X @ q, "2*eta/N * Y^T X q", r"\frac{2 \eta}{N} \, Y^{\top} X q"),
        (-W, "-W", "-W"),
        (eye("f") - eta * X.T @ X, "I - eta * X^T X", r"I - \eta \, X^{\top} X"),
        ((1 + eta) * matrix("W0", "m", "f"), "(eta + 1) * W0", r"\left(\eta + 1\right) \, W_{0}"),
        ((k.T @ k) ** 2 * W, "(k^T k)^2 * W", r"\left(k^{\top} k\right)^{2} \, W"),
        (trace(X.T @ X), "Tr(X X^T)", r"\operatorname{tr}\left(X X^{\top}\right)"),
        (matrix("A^-1", "f", "f").T, "A^-1^T", r"{A^{-1}}^{\top}"),
        (matrix("x_q'", "f", 1).T, "x_q'^T", None),
        (zeros("m", "f"), "0", "0"),
        (((k.T @ k) * eta - 1) * W, "((k^T k)*eta - 1) * W", r"\left(\eta \left(k^{\top} k\right) - 1\right) \, W"),
        (blocks([[X], [q.T]]), "[X; q^T]", r"\begin{bmatrix} X \\ q^{\top} \end{bmatrix}"),
        (size("N") + 1, "N + 1", "N + 1"),
    ],
)
def test_text(x: Any, plain: str, tex: str | None) -> None:
    assert repr(x) == plain
    assert x._repr_latex_() == f"${x.latex()}$"
    assert well_formed(x.latex())
    if tex is not None:
        assert x.latex() == tex


def well_formed(tex: str) -> bool:
    return tex.count("{") == tex.count("}") and tex.count(r"\left") == tex.count(r"\right")


@pytest.mark.parametrize(
    ("x", "tex"),
    [
        (gradient(W, X, Y), r"\frac{\left(W X^{\top} - Y^{\top}\right) X}{N}"),
        ((W - eta * W).T @ -v, r"\left(W - \eta \, W\right)^{\top} \left(-v\right)"),
        (loss(W, X, Y).gradient(W),
         r"\nabla_{W} \frac{\operatorname{tr}\left({\left(X W^{\top} - Y\right)}^{\top} "
         r"\left(X W^{\top} - Y\right)\right)}{2 \, N}"),
        ((eta * W).coefficients(eta)[1], r"\left[\eta\right] \eta \, W"),
        (W.substitute(W, W + W), r"\left. W \right|_{W = W + W}"),
        ((k.T @ k) * v / (1 + eta) ** 2, r"\frac{\left(k^{\top} k\right) \, v}{\left(\eta + 1\right)^{2}}"),
        (blocks([[Y], [v.T]]).T @ blocks([[X], [q.T]]), r"{\begin{bmatrix} Y \\ v^{\top} \end{bmatrix}}^{\top} "
         r"\begin{bmatrix} X \\ q^{\top} \end{bmatrix}"),
        (rewrite(W, []), "W"),
        ((eta * 2) * 3, r"3 \cdot 2 \, \eta"),
    ],
)  # fmt: skip
def test_formulas_are_as_they_were_written(x: Any, tex: str) -> None:
    assert well_formed(formula(x))
    assert formula(x) == tex


def test_a_long_formula_is_given_in_normal_form() -> None:
    w = W
    for _ in range(100):
        w = w + eta * w
    assert formula(w) == w.latex()


# -------------------------------------------------------------------------------------------- the second opinion


def test_sympy_agrees_where_it_can_and_abstains_where_it_cannot() -> None:
    d, e = matrix("D", "N", "N", "diagonal"), matrix("E", "N", "N", "diagonal")
    s = matrix("S", "f", "f", "symmetric")
    assert second_opinion(gradient(W, X, Y), loss(W, X, Y).gradient(W))[0] is True
    assert second_opinion(W @ X.T @ X, W @ X.T @ X + W)[0] is False
    assert second_opinion(d @ e, e @ d)[0] is None
    assert second_opinion((k.T @ q) * k, k @ q.T @ k)[0] is None
    assert second_opinion((s @ W.T).T, W @ s)[0] is True
    assert second_opinion(trace(W @ W.T @ W @ W.T), trace(W.T @ W @ W.T @ W))[0] is True
    assert second_opinion(trace(W @ W.T) / 2, trace(W @ W.T))[0] is False
    longer, targets = blocks([[X], [q.T]]), blocks([[Y], [v.T]])
    assert second_opinion(targets.T @ longer, Y.T @ X + v @ q.T)[0] is True
    assert second_opinion(targets.T @ longer, Y.T @ X - v @ q.T)[0] is False


def test_sympy_is_not_misled_by_the_derivative_of_a_sum_of_traces() -> None:
    ridge = loss(W, X, Y) + scalar("lam") / 2 * trace(W @ W.T) - 1
    assert second_opinion(ridge.gradient(W), gradient(W, X, Y) + scalar("lam") * W)[0] is True
    assert second_opinion(ridge.gradient(W), zeros("m", "f"))[0] is False
