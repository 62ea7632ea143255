"""The published strategies: shapes, flavours, repeatability, and that failures shrink to small problems."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, find, given, settings
from hypothesis import strategies as st

from numeric.deciding.strategies import FLAVOURS, PROBLEM, Arrays, arrays_for, draw, problems

SIZES = {"N": 6, "f": 3, "m": 2}
SHAPES = {"X": (6, 3), "Y": (6, 2), "x_q": (3,), "W0": (2, 3), "eta": ()}
QUIET = settings(max_examples=2000, database=None, derandomize=True, suppress_health_check=list(HealthCheck))


def entries(problem: Arrays) -> np.ndarray:
    values = np.abs(np.concatenate([a.reshape(-1) for a in problem.values()]))
    return values[values > 0]


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("flavour", FLAVOURS)
def test_draw(flavour: str, dtype: str) -> None:
    one = draw(flavour, SIZES, PROBLEM, np.random.default_rng(4), dtype=dtype)
    two = draw(flavour, SIZES, PROBLEM, np.random.default_rng(4), dtype=dtype)
    assert {n: a.shape for n, a in one.items()} == SHAPES
    for name, array in one.items():
        assert array.dtype == np.float64 and np.isfinite(array).all()
        assert (array == two[name]).all() and (array.astype(dtype) == array).all()


def many(flavour: str, dtype: str = "float64") -> list[Arrays]:
    generator = np.random.default_rng(0)
    return [draw(flavour, SIZES, PROBLEM, generator, dtype=dtype) for _ in range(40)]


def test_flavours_are_what_they_say() -> None:
    dyadic = many("dyadic")
    assert all((entries(p) == np.round(entries(p))).all() and entries(p).max() <= 4 for p in dyadic)
    assert max(entries(p).max() for p in many("gaussian")) < 10
    repeated = many("repeated")
    assert all(len({tuple(x) for x in p["X"].tolist()}) < 6 for p in repeated[:10])
    assert any((p["X"] == 0).all(1).any() and (p["Y"] == 0).all(1).any() for p in repeated)
    for p in many("cancellation")[:5]:
        near = p["X"] @ p["W0"].T
        assert (np.abs(p["Y"] - near) <= 2e-13 * np.abs(near)).all() and (p["Y"] != near).any()
        assert (np.abs(p["X"][1] + p["X"][0]) <= 1e-11 * np.abs(p["X"][0])).all()
    wide = np.concatenate([entries(p) for p in many("log-uniform")])
    assert wide.min() < 1e-7 and wide.max() > 1e7
    scaled = np.concatenate([entries(p) for p in many("badly scaled")])
    assert scaled.min() < 1e-140 and scaled.max() > 1e140
    with np.errstate(all="ignore"):
        lost = [p for p in many("underflow") if ((p["X"] != 0).any() and not (p["X"] * p["x_q"]).any())]
    assert lost and any(np.abs(p["eta"]) > 1e140 for p in lost)
    for dtype in ("float64", "float32"):
        assert any(entries(p).min() < np.finfo(dtype).tiny for p in many("subnormal", dtype))


def test_positive_inputs_are_not_scaled() -> None:
    shapes = {**PROBLEM, "decay": ("f",)}
    for flavour in FLAVOURS:
        a = draw(flavour, SIZES, shapes, np.random.default_rng(1), positive=("decay",))["decay"]
        assert a.shape == (3,) and (a > 0).all() and (a <= 1).all()


def test_multiples() -> None:
    a = draw("dyadic", SIZES, PROBLEM, np.random.default_rng(1), multiples={"eta": 6})
    assert float(a["eta"]) % 6 == 0


@pytest.mark.parametrize("wrong", [{"flavour": "spicy"}, {"dtype": "float16"}])
def test_unknown_names(wrong: dict[str, str]) -> None:
    options = {"flavour": "gaussian", "dtype": "float64"} | wrong
    with pytest.raises(ValueError, match="expected"):
        draw(options["flavour"], SIZES, PROBLEM, np.random.default_rng(0), dtype=options["dtype"])


@given(problems(f=(2, 3), m=(1, 2), N=(1, 4)))
def test_problems_have_the_shapes_asked_for(problem: Arrays) -> None:
    (N, f), m = problem["X"].shape, problem["Y"].shape[1]
    assert 1 <= N <= 4 and 2 <= f <= 3 and 1 <= m <= 2
    assert problem["Y"].shape == (N, m) and problem["W0"].shape == (m, f)
    assert problem["x_q"].shape == (f,) and problem["eta"].shape == ()
    assert all(np.isfinite(a).all() and a.dtype == np.float64 for a in problem.values())


@given(problems(flavours=("dyadic",), momentum=(), heads=("m", 2)))
def test_extra_inputs_and_exact_steps(problem: Arrays) -> None:
    assert problem["momentum"].shape == () and problem["heads"].shape == (problem["Y"].shape[1], 2)
    assert float(problem["eta"]) % problem["X"].shape[0] == 0
    assert all((a == np.round(a)).all() for a in problem.values())


@given(st.data())
def test_arrays_for_any_inputs(data: st.DataObject) -> None:
    got = data.draw(
        arrays_for({"k": ("T", "d"), "v": ("T", "d"), "g": ("T",)}, {"T": (1, 3), "d": (2, 2)}, dtype="float32")
    )
    assert got["k"].shape == got["v"].shape == (got["g"].shape[0], 2)
    assert all((a.astype(np.float32) == a).all() for a in got.values())


def test_every_flavour_is_drawn() -> None:
    only = settings(QUIET, max_examples=20, phases=[Phase.generate])
    for flavour in FLAVOURS:
        assert len(entries(find(problems(flavours=(flavour,)), lambda p: len(entries(p)) > 0, settings=only)))


def test_failures_shrink_to_small_problems() -> None:
    """A false statement about matrices that holds for vectors: the smallest witness has one token and tiny entries."""

    def breaks(p: Arrays) -> bool:
        return bool((p["W0"].shape == (2, 2)) and (p["W0"] != p["W0"].T).any() and (p["X"] != 0).any())

    found = find(problems(f=(1, 4), m=(1, 4)), breaks, settings=QUIET)
    assert found["X"].shape == (1, 2) and found["Y"].shape == (1, 2)
    assert np.count_nonzero(found["W0"]) == 1 and np.count_nonzero(found["X"]) == 1
    assert not found["Y"].any() and not found["x_q"].any()
    assert set(np.abs(found["W0"]).reshape(-1)) <= {0.0, 1.0} and set(np.abs(found["X"]).reshape(-1)) <= {0.0, 1.0}
