"""numpy and array-API code in every carrier: each function against numpy's own, loops that write, what is refused."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any

import array_api_compat
import numpy as np
import pytest
import torch

from numeric.entropy import Entropy
from numeric.exact_identity import decide
from numeric.finding import Verdict
from numeric.finite_field import FiniteField
from numeric.float_identity import decide as decide_floats
from numeric.handles import Handles, Rationals, as_fraction
from numeric.interpreter import Interpreter, Refused
from numeric.numpy_programs import Substituted, as_program
from numeric.polynomial_identity import decide as decide_polynomials
from numeric.programs import run

P61 = 2305843009213693921
A = np.array([[1.0, -2, 3, 4], [2, 5, -1, 2], [-3, 1, 2, -4]])
B = np.array([[2.0, 1, -1, 3], [1, 4, 2, -2], [3, -1, 5, 1]])
V = np.array([2.0, -1, 4])
Q = np.array([[2.0, 1, 0], [1, 4, 2], [1, 0, 8]])
MASK = np.array([[True, False, True, True], [False, False, True, False], [True, True, False, True]])

Case = Callable[[Any, Any, Any, Any], Any]


def filled(target: Any, change: Callable[[Any], Any]) -> Any:
    change(target)
    return target


def put(target: Any, key: Any, value: Any) -> Any:
    target[key] = value
    return target


CASES: dict[str, Case] = {
    "operators": lambda a, b, v, q: (2 * a - b / 2 + 1 - a * b) ** 2 - (3 - a) + (-b) + (+a),
    "one over": lambda a, b, v, q: 4 / (a * a * 0 + 2) + 1.5,
    "matmul": lambda a, b, v, q: a.T @ q @ b + (v @ a) @ b.T @ b,
    "plain on the left": lambda a, b, v, q: A * b,
    "plain matrix product": lambda a, b, v, q: A.T @ b,
    "in place": lambda a, b, v, q: filled(a.copy(), lambda x: [x.__iadd__(b), x.__imul__(2), x.__isub__(1)]),
    "in place through views": lambda a, b, v, q: filled(
        a.copy(), lambda x: put(x, 1, x[1] * 3)[:, ::2].__iadd__(b[:, 1::2])
    ),
    "reversed": lambda a, b, v, q: a[::-1] + b[:, ::-1] + a[::-2, None][0, 0],
    "reversed write": lambda a, b, v, q: put(a.copy(), (slice(None, None, -1), 0), v),
    "shift within itself": lambda a, b, v, q: filled(
        a.copy(), lambda x: put(x, (slice(None), slice(1, None)), x[:, :-1])
    ),
    "fancy": lambda a, b, v, q: a[[2, 0]] + b[np.array([0, 1])] + a[MASK].sum() + a[..., 1][None, :2, None],
    "masked write": lambda a, b, v, q: put(a.copy(), MASK, 0.0),
    "zeros written": lambda a, b, v, q: put(np.zeros((3, 4)), slice(1, None), a[1:]) + np.zeros_like(a),
    "empty written": lambda a, b, v, q: put(np.empty((3, 4)), Ellipsis, a * 2) + put(np.empty_like(a), Ellipsis, b),
    "identity": lambda a, b, v, q: (np.identity(3) + np.eye(3, k=1)) @ a + np.full((3, 4), 0.5) + np.ones(4),
    "list of rows": lambda a, b, v, q: np.array([a[0], b[1], a[2] * 2]),
    "list of numbers": lambda a, b, v, q: np.array([v[0] * v[1], v[2]]) + np.asarray([1.0, 2.0]),
    "array": lambda a, b, v, q: np.array(a, dtype="float64") + np.asarray(b) + np.array([1.5, 0.0, 2.0, 4.0]),
    "sum": lambda a, b, v, q: np.sum(a, axis=1) + b.sum(1) * np.sum(v) + a.mean(axis=1) * 4 + np.sum(a, axis=(0, 1)),
    "keepdims": lambda a, b, v, q: a - np.mean(b, axis=1, keepdims=True) * 4 + a.sum(0, keepdims=True),
    "prod": lambda a, b, v, q: np.prod(a, axis=0) + v.prod() + np.multiply.reduce(b, axis=0),
    "var": lambda a, b, v, q: np.var(a, axis=1) * 16 + b.var(axis=1) * 4,
    "cumsum": lambda a, b, v, q: np.cumsum(a, axis=0) + b.cumsum(1) + np.add.accumulate(a, axis=1),
    "flat cumsum": lambda a, b, v, q: np.cumsum(a) + np.cumprod(b),
    "dot": lambda a, b, v, q: np.dot(q, v) * np.dot(v, v) + np.dot(2, v) + q.dot(v) + np.vdot(v, v) + np.inner(q, v),
    "outer": lambda a, b, v, q: np.outer(v, a[0]) + np.multiply.outer(v, b[1]),
    "einsum": lambda a, b, v, q: np.einsum("ij,kj,k->i", a, b, v) + np.einsum("ii->i", q),
    "tensordot": lambda a, b, v, q: np.tensordot(a, b, axes=([1], [1])) + np.tensordot(q, q, axes=1),
    "kron": lambda a, b, v, q: np.kron(q, a[:2]),
    "trace": lambda a, b, v, q: np.trace(q) * q.diagonal() + np.diag(q) + np.diag(np.diag(v)) + q.trace(),
    "joined": lambda a, b, v, q: np.concatenate([a, b]) + np.vstack([b, a]) + np.stack([a, b]).reshape(6, 4),
    "columns": lambda a, b, v, q: np.hstack([a, b])[:, :5] + np.column_stack([v, v, a[:, :3]]),
    "append": lambda a, b, v, q: np.append(v, 1.0) * np.append(a, b, axis=0)[0, :4],
    "shapes": lambda a, b, v, q: (
        np.reshape(a, (2, 6)) + a.reshape(-1, 6) + np.ravel(b).reshape((2, 6)) + a.flatten()[0]
    ),
    "axes": lambda a, b, v, q: (
        np.transpose(a)[:, None].squeeze(1) + np.swapaxes(b, 0, 1) + np.moveaxis(a, 0, 1) + b.transpose()
    ),
    "expanded": lambda a, b, v, q: (
        np.expand_dims(v, 1) * a + v[:, np.newaxis] + np.broadcast_to(v[:1], (3, 4)) + np.atleast_2d(a)
    ),
    "repeated": lambda a, b, v, q: np.tile(v, 2) + np.repeat(v, 2) + np.tile(v, (2, 2))[0],
    "rolled": lambda a, b, v, q: np.roll(a, 1, axis=0) + np.roll(b, -1) + np.flip(a, 1) + np.flipud(b) + np.fliplr(a),
    "padded": lambda a, b, v, q: (
        np.pad(v, 1) + np.pad(a, ((1, 1), (0, 1)))[:, 1] + np.pad(v, (2, 0), constant_values=3)
    ),
    "triangles": lambda a, b, v, q: np.tril(q) @ np.triu(q, 1) + np.tril(np.ones((3, 3))) * q,
    "where": lambda a, b, v, q: np.where(MASK, a, b) + np.where(MASK, 0, a),
    "solve": lambda a, b, v, q: np.linalg.solve(q * 0 + np.diag(np.array([1.0, 2.0, 4.0])), a) + v[:, None],
    "inverse": lambda a, b, v, q: np.linalg.inv(q * 0 + 2 * np.eye(3)) @ a,
    "matrix power": lambda a, b, v, q: np.linalg.matrix_power(q, 3),
    "convolve": lambda a, b, v, q: np.convolve(v, a[0]) + np.convolve(b[0], v, mode="full"),
    "convolve same": lambda a, b, v, q: np.convolve(a[0], v, mode="same")[:2] + np.convolve(a[0], v, mode="valid"),
    "delete": lambda a, b, v, q: np.delete(a, 1, axis=0) + b.take([0, 2], axis=0) + np.take(b, [1, 2], axis=0),
    "integers beside": lambda a, b, v, q: a * np.arange(4) + np.arange(3)[:, None] + np.ones((3, 4), dtype=int),
    "power": lambda a, b, v, q: np.power(v, 2) + v**3 + np.square(v) + np.negative(v) + np.positive(v),
    "out": lambda a, b, v, q: filled(np.zeros((3, 4)), lambda o: np.add(a, b, out=o)),
    "asked": lambda a, b, v, q: v * len(a) + a.shape[1] * np.size(a, 0) - np.ndim(a) + a.size,
}


def inputs() -> dict[str, np.ndarray]:
    return {"a": A.copy(), "b": B.copy(), "v": V.copy(), "q": Q.copy()}


@pytest.mark.parametrize("name", CASES)
def test_functions_are_numpys_own(name: str) -> None:
    """All numbers are small dyadic rationals, so numpy's float64 is exact."""
    want = np.asarray(CASES[name](**inputs()))
    for carrier in (Handles(Rationals()), FiniteField(P61)):
        parts = {n: carrier.lift(torch.tensor(x)) for n, x in inputs().items()}
        got = run(as_program(CASES[name]), Interpreter(carrier), parts)
        assert tuple(got.shape) == want.shape
        if isinstance(carrier, Handles):
            found = [as_fraction(x) for x in carrier.get(got.parts).reshape(-1)]
            assert found == [Fraction(x) for x in want.reshape(-1).tolist()]
        else:
            assert torch.equal(got.parts[0], carrier.lift(torch.tensor(want))[0])


def lms(X: Any, Y: Any, x_q: Any, eta: Any) -> Any:
    w = np.zeros(X.shape[1])
    errors = np.zeros(len(X))
    for k in range(len(X)):
        errors[k] = Y[k] - np.dot(w, X[k])
        w += eta * errors[k] * X[k]
    return np.dot(w, x_q)


def lms_in_torch(X: Any, Y: Any, x_q: Any, eta: Any) -> Any:
    w = torch.zeros_like(x_q)
    for x, y in zip(X, Y, strict=True):
        w = w + eta * (y - w @ x) * x
    return w @ x_q


def generic(X: Any, Y: Any, x_q: Any, eta: Any) -> Any:
    xp = X.__array_namespace__()
    w = xp.zeros(X.shape[1])
    for k in range(X.shape[0]):
        w = w + eta * (Y[k] - xp.sum(w * X[k])) * X[k]
    return xp.sum(w * x_q)


def compatible(X: Any, Y: Any, x_q: Any, eta: Any) -> Any:
    xp = array_api_compat.array_namespace(X)
    w = xp.zeros_like(x_q)
    for k in range(X.shape[0]):
        w = w + eta * (Y[k] - xp.sum(w * X[k])) * X[k]
    return xp.sum(w * x_q)


SHAPES = {"X": ("N", "f"), "Y": ("N",), "x_q": ("f",), "eta": ()}
SIZES = {"N": 4, "f": 2}


@pytest.mark.parametrize("program", [lms, generic, compatible])
def test_loops_are_the_learner(program: Callable[..., Any]) -> None:
    found = decide(as_program(program), lms_in_torch, SHAPES, SIZES, entropy=Entropy(1))
    assert found.verdict is Verdict.CONFIRMED, found.reason
    assert float(found.figures["failure probability, log2"]) <= -100


def test_loop_as_polynomials_and_in_floats() -> None:
    small = {"N": 2, "f": 2}
    assert decide_polynomials(as_program(lms), lms_in_torch, SHAPES, small).verdict is Verdict.CONFIRMED
    generator = np.random.default_rng(1)
    draws = [{n: generator.standard_normal(s) for n, s in {"X": (4, 2), "Y": (4,), "x_q": (2,), "eta": ()}.items()}]
    for backend in ("torch cpu", "numpy"):
        left = as_program(lms)
        right = lms_in_torch if backend == "torch cpu" else as_program(compatible)
        found = decide_floats(left, right, draws, backend=backend)
        assert found.verdict is Verdict.CONFIRMED, found.reason


def wrong_by_one(X: Any, Y: Any, x_q: Any, eta: Any) -> Any:
    return lms(X[:-1], Y[:-1], x_q, eta)


def stale(X: Any, Y: Any, x_q: Any, eta: Any) -> Any:
    w = np.zeros(X.shape[1])
    for k in range(len(X)):
        w += eta * (Y[k] - np.dot(np.zeros(X.shape[1]), X[k])) * X[k]
    return np.dot(w, x_q)


def halved(X: Any, Y: Any, x_q: Any, eta: Any) -> Any:
    return lms(X, Y, x_q, eta * (1 - 2.0**-40))


@pytest.mark.parametrize("mutant", [wrong_by_one, stale, halved])
def test_wrong_loops_are_refuted(mutant: Callable[..., Any]) -> None:
    found = decide(as_program(mutant), lms_in_torch, SHAPES, SIZES, entropy=Entropy(1))
    assert found.verdict is Verdict.REFUTED and found.counterexample is not None


OUTER = np.zeros(3)
REFUSED: dict[str, tuple[Callable[[Any], Any], str, str]] = {
    "float": (lambda v: float(v[0]), "float()", "rounded to a float"),
    "branch": (lambda v: v if v[0] > 0 else -v, "gt", "data-dependent"),
    "truth": (lambda v: 1 if v[0] else 0, "bool()", "data-dependent"),
    "item": (lambda v: v[0].item(), "item()", "data-dependent"),
    "list": (lambda v: v.tolist(), "tolist()", "data-dependent"),
    "range": (lambda v: range(v[0]), "int()", "data-dependent"),
    "index": (lambda v: OUTER[v], "numpy.asarray", "data-dependent"),
    "outer array": (lambda v: np.add(v, 1, out=OUTER), "writing into a numpy array", "np.zeros"),
    "outer entry": (lambda v: OUTER.__setitem__(0, v[0]), "", "data-dependent"),
    "outer in place": (lambda v: OUTER.__iadd__(v), "writing into a numpy array", "np.zeros"),
    "norm": (lambda v: np.linalg.norm(v), "numpy.norm", "a root"),
    "sqrt": (lambda v: np.sqrt(v), "numpy.sqrt", "a root"),
    "tanh": (lambda v: np.tanh(v), "numpy.tanh", "transcendental"),
    "exp": (lambda v: np.exp(v), "exp", "log gate"),
    "absolute": (lambda v: np.abs(v), "abs", "piecewise"),
    "argmax": (lambda v: np.argmax(v), "numpy.argmax", "data-dependent"),
    "sorted": (lambda v: np.sort(v), "numpy.sort", "data-dependent"),
    "factorised": (lambda v: np.linalg.svd(np.outer(v, v)), "numpy.svd", "np.linalg.solve"),
    "least squares": (lambda v: np.linalg.lstsq(np.outer(v, v), v), "numpy.lstsq", "np.linalg.solve"),
    "random": (lambda v: v + np.random.normal(0, 1, 3), "numpy.random.normal", "random"),
    "generator": (lambda v: v + np.random.default_rng().normal(size=3), "default_rng", "random"),
    "where on data": (lambda v: np.where(v > 0, v, 0), "gt", "data-dependent"),
    "unknown": (lambda v: np.gradient(v), "", ""),
}


@pytest.mark.parametrize("name", REFUSED)
def test_ways_out_are_refused(name: str) -> None:
    code, operation, reason = REFUSED[name]
    carrier = FiniteField(P61)
    with pytest.raises(Refused) as caught:
        run(as_program(code), Interpreter(carrier), {"v": carrier.lift(torch.ones(3, dtype=torch.float64))})
    assert operation in caught.value.operation and reason in caught.value.reason
    file, _, line = caught.value.where.rpartition(":")
    assert __file__.endswith(file) and int(line) == code.__code__.co_firstlineno
    assert not OUTER.any()


def test_numpy_is_itself_again() -> None:
    before = (np.zeros, np.array, np.random.normal, np.random.default_rng)
    with pytest.raises(ZeroDivisionError), Substituted():
        assert np.zeros is not before[0]
        raise ZeroDivisionError
    assert (np.zeros, np.array, np.random.normal, np.random.default_rng) == before


def test_input_writes_are_reported() -> None:
    def writes(x: Any) -> Any:
        x *= 2
        return x

    found = decide(as_program(writes), lambda x: 2 * x, {"x": (3,)}, {}, entropy=Entropy(1))
    assert found.verdict is Verdict.CONFIRMED
    assert any("writes to its input x at" in flag and "test_numpy_arrays.py" in flag for flag in found.flags)
