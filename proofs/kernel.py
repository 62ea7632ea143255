"""The kernel rung: theorems for all sizes in `proofs/coq`, checked by Coq, tied to the Python functions they are about.

A lemma is confirmed if its file compiles, Coq says that it rests on no axiom (or allowed ones), its statement and every
definition the statement rests on are the pinned ones, and its numeric ties agree (see `kernel_numeric`). Without Coq
the rung is not run, never weaker. Main definitions: `LEMMAS`, `check`, `kernel_check`, `run_mutants`.

    python -m proofs.kernel [LEMMA ...]             check, print a table; exit status 1 unless all are confirmed
    python -m proofs.kernel --pin                   write proofs/coq/pins.json anew, after reading what changed
    python -m proofs.kernel --mutants [--small]     false versions of the sources, each of which has to fail to compile
"""

from __future__ import annotations

import argparse
import json
import re
import shutil
import sys
import tempfile
import tomllib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

from numeric.finding import Counterexample, Finding, Verdict, combine
from proofs.claim import Check
from proofs.evidence import Settings
from proofs.kernel_coq import (
    SOURCES,
    CompileError,
    NotAvailable,
    Told,
    ask,
    below,
    compile_files,
    sources,
    tell,
    versions,
    workplace,
)
from proofs.kernel_numeric import TIES, Rows, agreement, coq_term, draw, parse, resolve

PINS = SOURCES / "pins.json"
MUTANTS = SOURCES / "mutants.toml"
TIE_FILES = ("Executable", "ExecutableGD", "ExecutableHippo", "ExecutableQ")
"""The files with the programs of the ties and the theorems that they compute the definitions."""
_PROVES = re.compile(r"^\s*(?:Theorem|Lemma|Corollary) (\w+)", re.MULTILINE)


@dataclass(frozen=True)
class Lemma:
    """A theorem of `proofs/coq`, whatever claims use it.

    file: its module. plain: the statement in words. ties: names in `TIES` that cover the definitions it speaks of.
    allowed_axioms: names that `Print Assumptions` may list.
    """

    file: str
    name: str
    plain: str
    ties: tuple[str, ...]
    allowed_axioms: tuple[str, ...] = ()

    @property
    def statement_sha256(self) -> str | None:
        """The pinned hash of the statement as Coq prints it, or None."""
        return _pinned("statements", self.name)

    @property
    def definitions_sha256(self) -> str | None:
        """The pinned hash of the definitions that the statement rests on, or None."""
        return _pinned("definitions", self.name)


def _lemmas(*rows: tuple[str, str, str, str]) -> Mapping[str, Lemma]:
    found = [Lemma(file, name, plain, tuple(ties.split())) for file, name, ties, plain in rows]
    return MappingProxyType({lemma.name: lemma for lemma in found})


LEMMAS: Mapping[str, Lemma] = _lemmas(
    (
        "GatedAccumulator",
        "gated_state_closed_form",
        "gated_state",
        "an entrywise gated recurrence holds its inputs, each times all later gates, and the start times all gates",
    ),
    (
        "GatedAccumulator",
        "gated_state_unit_gate",
        "gated_state",
        "with gate 1 the state is the start plus the sum of the inputs",
    ),
    ("GatedAccumulator", "gd_ssm_state_sum", "gd_ssm_state", "the GD-SSM state is the sum of value key^T"),
    ("GatedAccumulator", "lti_state_closed_form", "lti_output", "h_t = A^t h_0 + sum_i A^(t-1-i) (B u_i + b)"),
    ("LossGradient", "loss_expansion", "loss gradient", "L(W + tH) = L(W) + t <gradient, H> + t^2/(2N) sum |H x|^2"),
    ("LossGradient", "gradient_unique", "loss gradient", "a matrix with that expansion is the gradient"),
    (
        "OneStep",
        "one_step",
        "gd_ssm_output gd_step",
        "one GD-SSM layer with constant eta/N makes one gradient step, from any W0",
    ),
    (
        "OneStep",
        "one_step_from_zero",
        "gd_ssm_state gd_step",
        "from W0 = 0 the readout (eta/N) Z_N xq is the step's prediction",
    ),
    (
        "OneStep",
        "one_step_constant",
        "gd_ssm_output gd_step published_prediction",
        "a layer with constant c makes a step of size c N",
    ),
    ("SeveralSteps", "gd_closed_form", "closed_form gd", "W_k = W0 M^k + c B (1 + ... + M^(k-1)), M = 1 - c A"),
    (
        "SeveralSteps",
        "two_pass_stack_gd",
        "two_pass_stack gd",
        "k two-pass layers make k steps, in every token and at the query",
    ),
    ("SeveralSteps", "gd_gram_form", "gd", "k steps through the Gram matrix: M = sum_j (1 - c G)^j"),
    (
        "SeveralSteps",
        "causal_stack_closed_form",
        "causal_stack causal_gram",
        "k causal layers run the same sum with the causal part of G",
    ),
    ("SeveralSteps", "causal_stack_first", "causal_stack gd_step", "the first causal layer is an exact step"),
    (
        "SeveralSteps",
        "causal_stack_gap",
        "causal_stack gd",
        "two causal layers differ from two steps by c^2 sum_(t < s) r_s (x_s.x_t)(x_t.xq)",
    ),
    (
        "SeveralSteps",
        "causal_stack_not_gd",
        "causal_stack gd",
        "so for N >= 2 and every eta != 0 two causal layers are not two steps",
    ),
    (
        "SeveralSteps",
        "two_accumulators_gd",
        "two_accumulators gd",
        "E_(j+1) = E_j (1 + Z2) + Z3 from -W0 is minus k steps",
    ),
    ("DeltaRule", "delta_rule_step", "gd_step delta_rule", "one delta-rule write is one step on its token's loss"),
    ("DeltaRule", "delta_rule_online_gd", "delta_rule online_gd", "the delta rule is online gradient descent"),
    (
        "LinearSelfAttention",
        "lsa_stack_gd",
        "lsa_layer lsa_stack gd",
        "k linear self-attention layers make k steps, in every token",
    ),
    (
        "LinearSelfAttention",
        "lsa_one_layer",
        "lsa_layer lsa_stack gd_ssm_output",
        "one layer answers as the GD-SSM does",
    ),
    (
        "DiscountedGD",
        "weighted_loss_expansion",
        "weighted_loss",
        "the weighted gradient is the gradient of the weighted loss",
    ),
    (
        "DiscountedGD",
        "discounted_step",
        "discounted_state discounted_output weighted_loss",
        "a layer with a scalar decay a token makes one step on the discounted loss",
    ),
    ("DiscountedGD", "discount_constant", "discounted_state", "a constant decay a weights example i by a^(N-1-i)"),
    (
        "NewtonSchulz",
        "newton_schulz_closed_form",
        "newton_schulz closed_form",
        "M_k = a (1 + P + ... + P^(2^k - 1)), P = 1 - a S",
    ),
    ("NewtonSchulz", "newton_schulz_residual", "newton_schulz closed_form", "1 - S M_k = (1 - a S)^(2^k)"),
    (
        "NewtonSchulz",
        "newton_schulz_gd",
        "newton_schulz gd",
        "k Newton-Schulz iterations are 2^k gradient steps from 0",
    ),
    ("Impossibility", "lti_output_affine", "lti_output", "the output of a time-invariant SSM is affine in the tokens"),
    ("Impossibility", "lti_no_step", "lti_output window gd_step", "no LTI SSM of any size makes one step"),
    (
        "Impossibility",
        "gated_layer_degree",
        "gated_state",
        "a layer with one gate at each end has parts of degree 3 and 1 only",
    ),
    ("Impossibility", "gated_layer_no_steps", "gated_state window gd", "no such layer makes k >= 2 steps"),
    ("PublishedLayer", "published_layer_is_gated", "gd_ssm_layer window", "the published layer is such a layer"),
    (
        "PublishedLayer",
        "published_weights",
        "gd_ssm_layer gd_ssm_state published_prediction",
        "with the published weights its last row is minus c Z_N xq",
    ),
    (
        "PublishedLayer",
        "published_layer_no_steps",
        "gd_ssm_layer window gd",
        "no weights make one published layer do k >= 2 steps",
    ),
    ("Legendre", "legendre_derivative_difference", "legendre", "P'_(n+2) - P'_n = (2n + 3) P_(n+1)"),
    ("Legendre", "legendre_derivative_sum", "legendre", "P'_n = sum over k < n, n - k odd, of (2k + 1) P_k"),
    ("Legendre", "legendre_scaled_derivative", "legendre", "(X + 1) P'_n = n P_n + sum_(k < n) (2k + 1) P_k"),
    ("Legendre", "legendre_at_1", "legendre", "P_n(1) = 1"),
    ("Legendre", "legendre_at_minus_1", "legendre", "P_n(-1) = (-1)^n"),
    ("Legendre", "legendre_derivative_at_1", "legendre", "2 P'_n(1) = n (n + 1)"),
    ("LegT", "route_i_C_closed_form", "legt_A route_i_C", "row of end values times A: C_k = q_k (k(k+1) - N^2)/theta"),
    ("LegT", "route_i_D_closed_form", "legt_B route_i_D", "the same times B: D = N^2/theta"),
    ("LegT", "route_ii_C_closed_form", "legendre route_ii_C", "2/theta q_k P'_k(1) = q_k k(k+1)/theta"),
    (
        "LegT",
        "route_difference",
        "route_i_C route_i_D route_ii_C",
        "route i = route ii + N^2/theta (u - reconstruction)",
    ),
    (
        "LegT",
        "window_coefficients_exist",
        "legendre",
        "every polynomial of degree < N has Legendre coefficients on the window, polynomial in time",
    ),
    ("LegT", "legt_exact", "legt_A legt_B legendre", "those coefficients solve x' = A x + B u exactly"),
    ("LegT", "route_ii_exact", "route_ii_C legendre", "route ii gives u' exactly on degree < N"),
    ("LegT", "route_i_exact", "route_i_C route_i_D legendre", "route i gives u' exactly on degree < N"),
    ("LegS", "fundamental_theorem", "legendre", "the integral over [0, 1] of g' is g(1) - g(0)"),
    (
        "LegS",
        "legs_state_projection",
        "legendre",
        "the state is (p_n times) the integral of g(t u) P_n(2u - 1) over [0, 1]",
    ),
    ("LegS", "legs_ode", "legs_A legs_B legendre", "t x' = A x + B u for every polynomial input and every N"),
    ("LegS", "legs_route_i", "legs_A route_i_C", "row sums of LegS give LegT's C"),
    ("LegS", "legs_route_i_D", "legs_B route_i_D", "and LegT's D"),
)
"""Every theorem that may back a claim, by its name in Coq."""


# --------------------------------------------------------------------------------------------------------------------
# Pins


@cache
def _pins() -> Mapping[str, Any]:
    return json.loads(PINS.read_text("utf-8")) if PINS.exists() else {}


def _pinned(kind: str, name: str) -> str | None:
    found = _pins().get(kind, {}).get(name)
    return str(found) if found else None


def _all_theorems() -> tuple[list[str], list[str]]:
    """Names and files of all lemmas and of the theorems behind all ties."""
    names = [*LEMMAS, *dict.fromkeys(t.theorem for t in TIES.values()), "binary_fractions_morphism"]
    files = dict.fromkeys([lemma.file for lemma in LEMMAS.values()] + [*TIE_FILES])
    return names, list(files)


def pin() -> dict[str, Any]:
    """Write the hashes of all statements and definitions as they are now; returns them."""
    names, files = _all_theorems()
    texts = sources()
    with workplace(texts) as folder:
        compile_files(files, texts, folder)
        told = tell(names, texts, folder, files)
    pins: dict[str, Any] = {"coq": versions()[0], "mathcomp": versions()[1], "statements": {}, "definitions": {}}
    for name in sorted(names):
        for kind, value in told[name].hashes().items():
            pins[kind][name] = value
    PINS.write_text(json.dumps(pins, indent=1, sort_keys=True) + "\n", "utf-8")
    _pins.cache_clear()
    return pins


# --------------------------------------------------------------------------------------------------------------------
# The check


def check(
    names: Iterable[str] = (), *, python: Mapping[str, Callable[..., Any]] | None = None, seed: int = 0
) -> dict[str, Finding]:
    """A finding for each lemma (none named: for all).

    python: functions that replace those of the ties of that name. seed: of the numbers on which the ties are run.
    Raises KeyError for an unknown lemma.
    """
    wanted = list(dict.fromkeys(names)) or list(LEMMAS)
    for name in wanted:
        if name not in LEMMAS:
            raise KeyError(f"no lemma {name!r}; there are {', '.join(LEMMAS)}")
    try:
        versions()
        return {name: _judge(name, python or {}, seed) for name in wanted}
    except NotAvailable as missing:
        return {name: Finding(Verdict.NOT_RUN, str(missing)) for name in wanted}


def _judge(name: str, python: Mapping[str, Callable[..., Any]], seed: int) -> Finding:
    lemma = LEMMAS[name]
    settings: dict[str, Any] = {
        "engine": f"Coq {versions()[0]}, mathcomp {versions()[1]}",
        "lemmas": {name: f"{lemma.file}.v"},
        "ties": {tie: TIES[tie].python for tie in lemma.ties},
        "seed": seed,
    }
    told, tie_told, values = _told(lemma.file), _told(*TIE_FILES), _values(seed)
    for failure in (told, tie_told, values):
        if isinstance(failure, CompileError):
            return Finding(Verdict.UNDECIDED, str(failure), settings=settings)
    assert not isinstance(told, CompileError) and not isinstance(tie_told, CompileError)
    assert not isinstance(values, CompileError)
    settings["statements"] = {name: told[name].shown}
    reason = _departure(name, told[name], lemma.allowed_axioms)
    for tie in lemma.ties:
        reason = reason or _departure(TIES[tie].theorem, tie_told[TIES[tie].theorem], ())
    reason = reason or _departure("binary_fractions_morphism", tie_told["binary_fractions_morphism"], ())
    if reason:
        return Finding(Verdict.UNDECIDED, reason, settings=settings)
    for tie in lemma.ties:
        try:
            differs = _compare(tie, values[tie], python.get(tie), seed)
        except Exception as error:  # whatever a Python function raises on fractions is a reason, not a crash
            return Finding(Verdict.UNDECIDED, f"numeric tie {tie}: {type(error).__name__}: {error}", settings=settings)
        if differs:
            return Finding(
                Verdict.REFUTED,
                f"the theorem is about another function: {TIES[tie].python} differs from Coq's {TIES[tie].definition}",
                settings=settings,
                counterexample=differs,
            )
    axioms = len(told[name].axioms)
    return Finding(
        Verdict.CONFIRMED,
        f"rests on the allowed axioms {', '.join(told[name].axioms)}" if axioms else "closed under the global context",
        figures={"theorems": 1, "axioms": axioms, "numeric ties": len(lemma.ties)},
        settings=settings,
        trust=(f"Coq's kernel {versions()[0]}", f"mathcomp {versions()[1]}'s definitions", *told[name].axioms),
    )


def _departure(name: str, told: Told, allowed: Sequence[str]) -> str:
    """Why the theorem is not the one that was pinned, or rests on more than it may; empty if all is well."""
    extra = [axiom for axiom in told.axioms if axiom not in allowed]
    if extra:
        return f"{name} rests on axioms that are not allowed: {', '.join(extra)}"
    for kind, value in told.hashes().items():
        pinned = _pinned(kind, name)
        if pinned != value:
            named = ", ".join(sorted(told.definitions))
            what = "statement" if kind == "statements" else f"definitions below the statement ({named})"
            made = f"pinned with Coq {_pins()['coq']}, mathcomp {_pins()['mathcomp']}" if pinned else "not pinned"
            return (
                f"stale {kind[:-1]}: the {what} of {name} changed ({made}); read it, then python -m proofs.kernel --pin"
            )
    return ""


def _compare(name: str, coq: Rows, function: Callable[..., Any] | None, seed: int) -> Counterexample | None:
    tie = TIES[name]
    return agreement(name, tie, draw(name, tie, seed), coq, function or resolve(tie.python))


def _told(*files: str) -> Mapping[str, Told] | CompileError:
    """What Coq says about the files' theorems: of all files at once, or, where one fails, of these alone."""
    everything = _told_in(*_all_theorems()[1])
    return _told_in(*files) if isinstance(everything, CompileError) else everything


@cache
def _told_in(*files: str) -> Mapping[str, Told] | CompileError:
    """What Coq says about every lemma and tie theorem of the files, or why they fail; once a process."""
    texts = sources()
    everything = _all_theorems()[0]
    with workplace(texts) as folder:
        try:
            compile_files(files, texts, folder)
            names = [name for file in files for name in _PROVES.findall(texts[file]) if name in everything]
            return tell(names, texts, folder, files)
        except CompileError as failure:
            return failure


@cache
def _values(seed: int) -> Mapping[str, Rows] | CompileError:
    """What every tie's Coq program gives on the numbers of this seed, or why it fails; once a process."""
    texts = sources()
    with workplace(texts) as folder:
        try:
            compile_files(TIE_FILES, texts, folder)
            terms = {name: f"Eval vm_compute in {coq_term(tie, draw(name, tie, seed))}" for name, tie in TIES.items()}
            return {name: parse(told) for name, told in ask(terms, TIE_FILES, folder).items()}
        except CompileError as failure:
            return failure


def kernel_check(*lemmas: str, python: Mapping[str, Callable[..., Any]] | None = None) -> Check:
    """The check of a claim that rests on these lemmas: `Rung.KERNEL: kernel_check("one_step", ...)`.

    The finding's settings hold the Coq statements under "statements". python: as for `check`, for mutants.
    Raises KeyError for an unknown lemma.
    """
    if not lemmas or any(name not in LEMMAS for name in lemmas):
        raise KeyError(f"{', '.join(lemmas) or 'no lemma named'}: name some of {', '.join(LEMMAS)}")

    def run(settings: Settings) -> Finding:
        found = check(lemmas, python=python, seed=settings.seed or 0)
        whole = combine(list(found.values()))
        if whole.verdict is not Verdict.CONFIRMED:
            return whole
        merged: dict[str, Any] = {"engine": found[lemmas[0]].settings["engine"], "seed": settings.seed or 0}
        for key in ("lemmas", "statements", "ties"):
            merged[key] = {k: v for finding in found.values() for k, v in finding.settings[key].items()}
        figures = {
            "theorems": len(found),
            "axioms": sum(int(f.figures["axioms"] or 0) for f in found.values()),
            "numeric ties": len(merged["ties"]),
        }
        return Finding(Verdict.CONFIRMED, whole.reason, figures, merged, whole.trust)

    return run


# --------------------------------------------------------------------------------------------------------------------
# Mutants of the sources


@dataclass(frozen=True)
class SourceMutant:
    """A false version of one source file: `find`, which occurs once, becomes `replace`; `breaks` should fail first."""

    id: str
    file: str
    find: str
    replace: str
    breaks: str
    small: bool = False


def mutants() -> list[SourceMutant]:
    """The table in `proofs/coq/mutants.toml`."""
    return [SourceMutant(**row) for row in tomllib.loads(MUTANTS.read_text("utf-8"))["mutant"]]


def run_mutant(mutant: SourceMutant) -> str | None:
    """Which lemma (or definition) fails to compile first in the false version; None if everything compiles."""
    texts = sources()
    if texts[mutant.file].count(mutant.find) != 1:
        count = texts[mutant.file].count(mutant.find)
        raise ValueError(f"mutant {mutant.id}: {mutant.find!r} occurs {count} times in {mutant.file}.v")
    homes = [file for file, text in texts.items() if mutant.breaks in _PROVES.findall(text)]
    if not homes:
        raise ValueError(f"mutant {mutant.id}: no lemma {mutant.breaks}")
    false = {**texts, mutant.file: texts[mutant.file].replace(mutant.find, mutant.replace)}
    with tempfile.TemporaryDirectory(prefix="ssmproof-mutant-") as here, workplace(texts) as kept:
        compile_files(homes, texts, kept)
        for file in below(homes, texts):
            if mutant.file not in below([file], texts):
                shutil.copy(kept / f"{file}.vo", here)
        try:
            compile_files(homes, false, Path(here))
        except CompileError as error:
            return error.lemma or error.file
    return None


def run_mutants(small: bool = False) -> dict[str, str | None]:
    """`run_mutant` for the table (the small part of it), by id."""
    return {mutant.id: run_mutant(mutant) for mutant in mutants() if mutant.small or not small}


# --------------------------------------------------------------------------------------------------------------------
# The command


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit status: 0 all as it should be, 1 not, 2 wrong usage or no Coq."""
    parser = argparse.ArgumentParser(prog="python -m proofs.kernel", description="Check the kernel-checked theorems.")
    parser.add_argument("lemma", nargs="*", help="names of theorems; none means all")
    parser.add_argument("--pin", action="store_true", help="write pins.json anew")
    parser.add_argument("--mutants", action="store_true", help="false versions of the sources have to fail")
    parser.add_argument("--small", action="store_true", help="with --mutants: the small part of the table")
    parser.add_argument("--seed", type=int, default=0, help="of the numbers on which both sides are run")
    options = parser.parse_args(arguments)
    try:
        versions()
        if options.pin:
            print(f"{len(pin()['statements'])} statements pinned in {PINS.name}")
            return 0
        if options.mutants:
            return _print_mutants(options.small)
        found = check(options.lemma, seed=options.seed)
    except (NotAvailable, CompileError, KeyError) as error:
        print(error.args[0], file=sys.stderr)
        return 2
    for name, finding in found.items():
        print(f"{finding.verdict.value:10} {LEMMAS[name].file}.{name}: {finding.reason}")
        if finding.counterexample:
            print(finding.counterexample)
    good = sum(finding.verdict is Verdict.CONFIRMED for finding in found.values())
    print(f"{good} of {len(found)} lemmas confirmed by Coq {versions()[0]}, mathcomp {versions()[1]}")
    return 0 if good == len(found) else 1


def _print_mutants(small: bool) -> int:
    table = [mutant for mutant in mutants() if mutant.small or not small]
    survived = 0
    for mutant in table:
        failed = run_mutant(mutant)
        survived += failed is None
        early = "" if failed == mutant.breaks else f" (before {mutant.breaks})"
        note = "SURVIVED" if failed is None else f"fails in {failed}{early}"
        print(f"{mutant.id:32} {mutant.file:20} {note}", flush=True)
    print(f"{len(table)} source mutants, {survived} survived")
    return 1 if survived else 0


if __name__ == "__main__":
    raise SystemExit(main())
