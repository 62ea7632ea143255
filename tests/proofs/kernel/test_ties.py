"""The ties of Coq's models to the code: run on fractions, and refuted where the code is broken."""

from __future__ import annotations

import functools
import importlib
import shutil
from collections.abc import Callable
from dataclasses import fields, is_dataclass, replace
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from numeric.finding import Verdict
from proofs import registry
from proofs.claim import Claim
from proofs.evidence import Rung, Settings
from proofs.kernel import coq as kernel_coq
from proofs.kernel import rung as kernel
from proofs.kernel.evaluation import Data, agreement, draw, literal, parse, python_rows, resolve
from proofs.kernel.findings import AtTie
from proofs.kernel.lemmas import LEMMAS
from proofs.kernel.ties import TIES
from reports.said import said

pytestmark = pytest.mark.usefixtures("coq_cache")

needs_coq = pytest.mark.skipif(not shutil.which("coqc"), reason=f"coqc is not installed: {kernel_coq.INSTALL}")
CLAIMS = {c.id: c for c in registry.select() if Rung.KERNEL in c.checks}


def lemmas(claim: Claim) -> tuple[str, ...]:
    used = claim.checks[Rung.KERNEL]
    assert isinstance(used, kernel.KernelCheck)
    return used.lemmas


def test_literal_and_parse_are_inverse_up_to_layout() -> None:
    array = np.array([[Fraction(1, 2), Fraction(-3)]], dtype=object)
    assert literal(array) == "[:: [:: (1 # 2)%Q; (-3 # 1)%Q]]"
    assert literal(4) == "4"
    told = "     = [:: [:: (1%Z, 2%Z); ((-3)%Z, 1%Z)]; [::]]\n     : seq (seq (Z * Z))"
    assert parse(told) == [[Fraction(1, 2), Fraction(-3)], []]
    with pytest.raises(ValueError, match="not a value"):
        parse("     = 3 : nat")


@pytest.mark.parametrize("name", TIES)
def test_python_side_runs_on_fractions(name: str) -> None:
    tie = TIES[name]
    data = draw(name, tie, seed=3)
    assert {k: str(v) for k, v in draw(name, tie, seed=3).items()} == {k: str(v) for k, v in data.items()}
    rows = python_rows(tie, data, resolve(tie.python))
    assert rows and all(isinstance(entry, Fraction) for row in rows for entry in row)
    assert agreement(name, tie, data, rows, resolve(tie.python)) is None
    rows[0][0] += 1
    found = agreement(name, tie, data, rows, resolve(tie.python))
    assert found is not None and found.right_name == tie.python


def test_missing_function_is_named() -> None:
    with pytest.raises(LookupError, match=r"constructions\.nowhere:step"):
        resolve("constructions.nowhere:step")
    with pytest.raises(AttributeError, match="no datum 'Z'"):
        Data(X=1).Z  # noqa: B018


def _spoiled(value: Any) -> Any:
    """The value with every number v in it replaced by 2v + 1."""
    if isinstance(value, tuple):
        return tuple(map(_spoiled, value))
    if is_dataclass(value) and not isinstance(value, type):
        return replace(value, **{f.name: _spoiled(getattr(value, f.name)) for f in fields(value)})
    if isinstance(value, list):
        return [2 * v + 1 for v in value]
    return 2 * value + 1


def _patched(monkeypatch: pytest.MonkeyPatch, reference: str, change: Callable[..., Any]) -> None:
    """Replaces the function called "module:function" by `change(the function)`."""
    module, _, name = reference.partition(":")
    function = resolve(reference)
    monkeypatch.setattr(importlib.import_module(module), name, functools.wraps(function)(change(function)))


@needs_coq
@pytest.mark.parametrize("name", TIES)
def test_broken_python_function_is_refuted_by_its_tie(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    tie = TIES[name]
    using = [c for c in CLAIMS.values() if any(name in LEMMAS[n].ties for n in lemmas(c))]
    assert using, "a tie of no claim"
    _patched(monkeypatch, tie.python, lambda function: lambda *a, **k: _spoiled(function(*a, **k)))
    for claim in using:
        found = claim.checks[Rung.KERNEL](Settings())
        assert found.verdict is Verdict.REFUTED and found.counterexample is not None, f"{claim.id}: {found.reason}"
    values = kernel._values(0)
    assert not isinstance(values, kernel_coq.CompileError)
    seen = agreement(name, tie, draw(name, tie, 0), values[name][0], resolve(tie.python))
    assert seen is not None and seen.right_name == tie.python and seen.note == AtTie(name)


GD, C = "gd.", "constructions."
BROKEN: dict[str, tuple[str, Callable[..., Any], tuple[str, ...]]] = {
    "the gate acts on the newest input": (
        C + "gated_accumulator:accumulate", lambda f: lambda state, write, decay: decay * (state + write),
        (GD + "gated_accumulator", GD + "recency_weighted"),
    ),
    "a sign in the readout": (
        C + "gd_ssm:output_gate", lambda f: lambda *a: -f(*a),
        (GD + "one_step_tokens", GD + "recency_weighted", GD + "step_size", GD + "one_layer_degree"),
    ),
    "a transposed write": (
        C + "gd_ssm:input_gate", lambda f: lambda Z, w: f(Z, w.mT), (GD + "one_step_tokens", GD + "one_layer_degree"),
    ),
    "the published constant doubled": (
        C + "gd_ssm:published", lambda f: lambda *a: replace(f(*a), C=2 * f(*a).C),
        (GD + "one_step_tokens", GD + "step_size", GD + "recency_weighted", GD + "update_matrices"),
    ),
    "windows of the wrong stride": (
        C + "gd_ssm:windows", lambda f: lambda sequence, stride=2: f(sequence, 1), (GD + "lti_affine", GD + "one_layer_degree"),
    ),
    "the loss without its half": (
        C + "gradient_descent:loss", lambda f: lambda *a: 2 * f(*a), (GD + "loss_gradient",),
    ),
    "the gradient without 1/N": (
        C + "gradient_descent:gradient", lambda f: lambda W, X, Y: X.shape[0] * f(W, X, Y),
        (GD + "loss_gradient", GD + "one_step_start", GD + "closed_form_steps"),
    ),
    "weights on the inputs only": (
        C + "gradient_descent:weighted_loss", lambda f: lambda W, X, Y, w: f(W, X, w[:, None] * Y, w),
        (GD + "recency_weighted", GD + "gated_attention"),
    ),
    "the start not read": (
        C + "two_accumulators:read", lambda f: lambda W0, A, B, q, c: f(W0, A, B, q, c) - W0 @ q, (GD + "one_step_start",),
    ),
    "a stack with twice the step": (
        C + "residual_stack:layer", lambda f: lambda X, r, p, q, c: f(X, r, p, q, 2 * c), (GD + "stacked_steps",),
    ),
    "residuals that are not updated": (
        C + "residual_stack:layer", lambda f: lambda X, r, p, q, c: (r, f(X, r, p, q, c)[1]), (GD + "stacked_steps",),
    ),
    "W_0 without its power": (
        C + "closed_form_descent:combine", lambda f: lambda W0, B, P, S, c: f(0 * W0, B, P, S, c) + W0,
        (GD + "closed_form_steps",),
    ),
    "a token that does not see itself": (
        C + "causal_stack:correct", lambda f: lambda S, r, x, c: f(S - r @ x.mT, r, x, c), (GD + "causal_stack",),
    ),
    "one power less": (
        C + "causal_stack:powers_summed", lambda f: lambda T, c, k: f(T, c, k - 1), (GD + "causal_stack",),
    ),
    "E Z_2 for E (I + Z_2)": (
        C + "accumulator_steps:extend", lambda f: lambda E, Z_2, Z_3: E @ Z_2 + Z_3, (GD + "two_accumulator_steps",),
    ),
    "a write without beta": (
        C + "delta_rule:step", lambda f: lambda W, k, v, beta, alpha=1: alpha * (W - beta * (W @ k) @ k.mT) + v @ k.mT,
        (GD + "delta_rule",),
    ),
    "the online learner's loss without its half": (
        C + "online_descent:token_loss", lambda f: lambda *a: 2 * f(*a), (GD + "delta_rule",),
    ),
    "the residual connection dropped": (
        C + "linear_attention:attend", lambda f: lambda E, context, w: f(E, context, w) - E, (GD + "linear_attention",),
    ),
    "a key faded by its own gate": (
        C + "gated_linear_attention:step", lambda f: lambda W, k, v, gate, rate=1: (W + rate * v @ k.mT) @ gate,
        (GD + "gated_attention", GD + "recency_weighted"),
    ),
    "Newton-Schulz without its 2": (
        C + "newton_schulz:step", lambda f: lambda P, A: P - P @ A @ P, (GD + "newton_schulz",),
    ),
    "kernel residuals with another sign": (
        C + "kernel_descent:residual_step", lambda f: lambda r, kappa, c: f(r, kappa, -c), (GD + "kernel_descent",),
    ),
    "a table of one step less": (
        C + "update_matrices:powers_summed", lambda f: lambda T, c, k: f(T, c, k - 1), (GD + "update_matrices",),
    ),
    "an SSM without its bias": (
        C + "lti:step", lambda f: lambda h, u, A, B, b: f(h, u, A, B, 0 * b),
        (GD + "lti_affine", GD + "lti_readout", GD + "no_input_gate"),
    ),
    "a skip that is not read": (
        C + "lti:read", lambda f: lambda h, u, C, D, d: f(h, 0 * u, C, D, d), (GD + "lti_affine", GD + "no_input_gate"),
    ),
    "LegT without the sign flip": (
        C + "legt:above", lambda f: lambda n, parity: f(n, 1), ("hippo.legt_matrices", "hippo.legt_exactness"),
    ),
    "k(k-1) in the readouts": (
        C + "legt:readout", lambda f: lambda k, D: k * (k - 1) - D, ("hippo.legt_readout", "hippo.legt_exactness"),
    ),
    "gains of N - 1": (
        C + "legt:gain", lambda f: lambda N, route="i": f(N - 1, route), ("hippo.legt_readout", "hippo.legt_exactness"),
    ),
    "the delayed sample with another sign": (
        C + "legt:true_readout", lambda f: lambda k, N, parity: f(k, N, -parity), ("hippo.legt_readout",),
    ),
    "both ends the same": (
        C + "legt:ends", lambda f: lambda N: (f(N)[0], f(N)[0]), ("hippo.legt_matrices", "hippo.legt_readout"),
    ),
    "LegS with n on the diagonal": (
        C + "legs:diagonal", lambda f: lambda n: -n, ("hippo.legs_matrices", "hippo.legt_readout"),
    ),
}  # fmt: skip


@needs_coq
@pytest.mark.parametrize(("reference", "change", "ids"), [pytest.param(*row, id=name) for name, row in BROKEN.items()])
def test_broken_construction_is_refuted(
    reference: str, change: Callable[..., Any], ids: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    _patched(monkeypatch, reference, change)
    for id in ids:
        found = CLAIMS[id].checks[Rung.KERNEL](Settings())
        assert found.verdict is Verdict.REFUTED and found.counterexample is not None, f"{id}: {found.reason}"


def test_every_kernel_claim_has_a_broken_construction() -> None:
    assert {id for _, _, ids in BROKEN.values() for id in ids} == set(CLAIMS)


def _summed(W: Any, X: Any, Y: Any, eta: Any) -> Any:
    """A step on the summed loss: eta for eta/N."""
    return W - eta * ((W @ X.T - Y.T) @ X)


@needs_coq
def test_python_mutant_is_refuted_by_the_tie() -> None:
    found = kernel.kernel_check("one_step", python={"gd_step": _summed})(Settings())
    assert found.verdict is Verdict.REFUTED and found.counterexample is not None
    told = found.counterexample.to_json()
    tie, data = TIES["gd_step"], draw("gd_step", TIES["gd_step"], 0)
    assert told["Coq gd_step"] == [[str(e) for e in row] for row in python_rows(tie, data, resolve(tie.python))]
    assert told["Coq gd_step"] != told["constructions.gradient_descent:step"]
    assert told["inputs"]["eta"] == str(data["eta"])


@needs_coq
def test_python_failure_is_undecided() -> None:
    def broken(*_: Any) -> Any:
        raise TypeError("no fractions here")

    found = kernel.check(["one_step"], python={"gd_step": broken})["one_step"]
    assert found.verdict is Verdict.UNDECIDED and "no fractions here" in said(found.reason)
