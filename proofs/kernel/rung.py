"""The kernel rung: theorems for all sizes in `proofs/coq`, checked by Coq, tied to the Python functions they are about.

A lemma is confirmed if its file compiles, Coq says that it rests on no axiom (or allowed ones), its statement and every
definition the statement rests on are the pinned ones, and its numeric ties agree (see `kernel_numeric`). Without Coq
the rung is not run, never weaker. Main definitions: `check`, `kernel_check`, `backed`, `run_mutants`; the theorems are in
`kernel_lemmas`, the ties in `kernel_ties`.

    python -m proofs.kernel [LEMMA ...]             check, print a table; exit status 1 unless all are confirmed
    python -m proofs.kernel --claims                which claims each lemma backs; exit status 1 if one backs none
    python -m proofs.kernel --recheck               Coq's independent checker on all compiled files (minutes)
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
from typing import Any

from numeric.finding import Counterexample, Finding, Said, Verdict, combine
from proofs import registry
from proofs.claim import Check
from proofs.evidence import Rung, Settings
from proofs.kernel import lemmas as kernel_lemmas
from proofs.kernel.coq import (
    SOURCES,
    CompileError,
    NotAvailable,
    Told,
    ask,
    below,
    compile_files,
    recheck,
    sources,
    tell,
    versions,
    workplace,
)
from proofs.kernel.evaluation import Rows, agreement, coq_term, draw, parse, resolve
from proofs.kernel.findings import Definitions, Kernel, NotAllowed, OtherFunction, Rests, StaleTheorem, TieFails
from proofs.kernel.lemmas import LEMMAS, pinned_hash, pinned_hashes
from proofs.kernel.ties import TIES
from proofs.shown import words

MUTANTS = SOURCES / "mutants.toml"
TIE_FILES = (
    "Executable", "ExecutableGD", "ExecutableForms", "ExecutableLayers", "ExecutableHippo", "ExecutableQ",
)  # fmt: skip
"""The files with the programs of the ties and the theorems that they compute the definitions."""
_PROVES = re.compile(r"^\s*(?:Theorem|Lemma|Corollary) (\w+)", re.MULTILINE)


# --------------------------------------------------------------------------------------------------------------------
# Pins


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
    kernel_lemmas.PINS.write_text(json.dumps(pins, indent=1, sort_keys=True) + "\n", "utf-8")
    pinned_hashes.cache_clear()
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
        "ties": {t: {"python": TIES[t].python, "sizes": [dict(s) for s in TIES[t].sizes]} for t in lemma.ties},
        "seed": seed,
    }
    told, tie_told, values = _told(lemma.file), _told(*TIE_FILES), _values(seed)
    for failure in (told, tie_told, values):
        if isinstance(failure, CompileError):
            return Finding(Verdict.UNDECIDED, str(failure), settings=settings)
    assert not isinstance(told, CompileError) and not isinstance(tie_told, CompileError)
    assert not isinstance(values, CompileError)
    settings["statements"] = {name: told[name].shown}
    settings["assumptions"] = {name: ", ".join(told[name].axioms) or "Closed under the global context"}
    reason = _departure(name, told[name], lemma.allowed_axioms)
    for tie in lemma.ties:
        reason = reason or _departure(TIES[tie].theorem, tie_told[TIES[tie].theorem], ())
    reason = reason or _departure("binary_fractions_morphism", tie_told["binary_fractions_morphism"], ())
    if reason is not None:
        return Finding(Verdict.UNDECIDED, reason, settings=settings)
    for tie in lemma.ties:
        try:
            differs = _compare(tie, values[tie], python.get(tie), seed)
        except Exception as error:  # whatever a Python function raises on fractions is a reason, not a crash
            return Finding(Verdict.UNDECIDED, TieFails(tie, type(error).__name__, str(error)), settings=settings)
        if differs:
            return Finding(
                Verdict.REFUTED,
                OtherFunction(TIES[tie].python, TIES[tie].definition),
                settings=settings,
                counterexample=differs,
            )
    axioms = len(told[name].axioms)
    return Finding(
        Verdict.CONFIRMED,
        Rests(tuple(told[name].axioms)),
        figures={"theorems": 1, "axioms": axioms, "numeric ties": len(lemma.ties)},
        settings=settings,
        trust=(Kernel(versions()[0]), Definitions(versions()[1]), *told[name].axioms),
    )


def _departure(name: str, told: Told, allowed: Sequence[str]) -> Said | None:
    """Why the theorem is not the one that was pinned, or rests on more than it may; None if all is well."""
    extra = [axiom for axiom in told.axioms if axiom not in allowed]
    if extra:
        return NotAllowed(name, tuple(extra))
    for kind, value in told.hashes().items():
        pinned = pinned_hash(kind, name)
        if pinned != value:
            below = None if kind == "statements" else tuple(sorted(told.definitions))
            made = (pinned_hashes()["coq"], pinned_hashes()["mathcomp"]) if pinned else None
            return StaleTheorem(name, below, made)
    return None


def _compare(name: str, coq: Sequence[Rows], function: Callable[..., Any] | None, seed: int) -> Counterexample | None:
    """The first sizes at which the two sides of a tie differ, or None."""
    tie, run = TIES[name], function or resolve(TIES[name].python)
    tried = (
        agreement(name, tie, draw(name, tie, seed, sizes), rows, run)
        for sizes, rows in zip(tie.sizes, coq, strict=True)
    )
    return next((found for found in tried if found), None)


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
def _values(seed: int) -> Mapping[str, Sequence[Rows]] | CompileError:
    """What every tie's Coq program gives on the numbers of this seed, at each of its sizes, or why it fails; once a process."""
    texts = sources()
    with workplace(texts) as folder:
        try:
            compile_files(TIE_FILES, texts, folder)
            terms = {
                f"{name} {k}": f"Eval vm_compute in {coq_term(tie, draw(name, tie, seed, sizes))}"
                for name, tie in TIES.items()
                for k, sizes in enumerate(tie.sizes)
            }
            told = ask(terms, TIE_FILES, folder)
            return {n: [parse(told[f"{n} {k}"]) for k in range(len(tie.sizes))] for n, tie in TIES.items()}
        except CompileError as failure:
            return failure


@dataclass(frozen=True)
class KernelCheck:
    """The check of a claim that rests on theorems: what `kernel_check` makes. `states`: the part of the claim they state."""

    lemmas: tuple[str, ...]
    states: str
    python: Mapping[str, Callable[..., Any]] | None

    def __call__(self, settings: Settings) -> Finding:
        seed = (settings.seed or 0) if settings.profile == "full" else 0
        found = check(self.lemmas, python=self.python, seed=seed)
        whole = combine(list(found.values()))
        if whole.verdict is not Verdict.CONFIRMED:
            return whole
        merged: dict[str, Any] = {"engine": found[self.lemmas[0]].settings["engine"], "seed": seed}
        for key in ("lemmas", "statements", "assumptions", "ties"):
            merged[key] = {k: v for finding in found.values() for k, v in finding.settings[key].items()}
        figures = {
            "theorems": len(found),
            "axioms": sum(int(f.figures["axioms"] or 0) for f in found.values()),
            "numeric ties": len(merged["ties"]),
        }
        return Finding(Verdict.CONFIRMED, whole.reason, figures, merged, whole.trust, part=self.states)

    def checks(self) -> dict[Rung, Check]:
        """The check on its rung, as the forms of `proofs.forms` give theirs."""
        return {Rung.KERNEL: self}


def kernel_check(*lemmas: str, states: str = "", python: Mapping[str, Callable[..., Any]] | None = None) -> KernelCheck:
    """The check of a claim that rests on these lemmas: `IDENTITY.checks() | kernel_check("one_step", ...).checks()`.

    The finding's settings hold the Coq statements under "statements". states: where the theorems are not the whole
    claim, which part they state; the finding carries it. python: as for `check`, for mutants.
    The numbers of the ties are the same in every quick run; a full run draws them from its seed.
    Raises KeyError for an unknown lemma.
    """
    if not lemmas or any(name not in LEMMAS for name in lemmas):
        raise KeyError(f"{', '.join(lemmas) or 'no lemma named'}: name some of {', '.join(LEMMAS)}")
    return KernelCheck(lemmas, states, python)


def backed() -> dict[str, tuple[str, ...]]:
    """The ids of the claims that each lemma backs; an empty tuple for a lemma that backs none."""
    found: dict[str, list[str]] = {name: [] for name in LEMMAS}
    for claim in registry.select():
        used = claim.checks.get(Rung.KERNEL)
        for name in used.lemmas if isinstance(used, KernelCheck) else ():
            found[name].append(claim.id)
    return {name: tuple(ids) for name, ids in found.items()}


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
    parser.add_argument("--claims", action="store_true", help="which claims each lemma backs")
    parser.add_argument("--recheck", action="store_true", help="Coq's independent checker, on all compiled files")
    parser.add_argument("--pin", action="store_true", help="write pins.json anew")
    parser.add_argument("--mutants", action="store_true", help="false versions of the sources have to fail")
    parser.add_argument("--small", action="store_true", help="with --mutants: the small part of the table")
    parser.add_argument("--seed", type=int, default=0, help="of the numbers on which both sides are run")
    options = parser.parse_args(arguments)
    if options.claims:
        return _print_claims()
    try:
        versions()
        if options.recheck:
            return _print_recheck()
        if options.pin:
            print(f"{len(pin()['statements'])} statements pinned in {kernel_lemmas.PINS.name}")
            return 0
        if options.mutants:
            return _print_mutants(options.small)
        found = check(options.lemma, seed=options.seed)
    except (NotAvailable, CompileError, KeyError) as error:
        print(error.args[0], file=sys.stderr)
        return 2
    for name, finding in found.items():
        print(f"{finding.verdict.value:10} {LEMMAS[name].file}.{name}: {words(finding.reason)}")
        if finding.counterexample:
            print(words(finding.counterexample))
    good = sum(finding.verdict is Verdict.CONFIRMED for finding in found.values())
    print(f"{good} of {len(found)} lemmas confirmed by Coq {versions()[0]}, mathcomp {versions()[1]}")
    return 0 if good == len(found) else 1


def _print_claims() -> int:
    table = backed()
    for name, ids in table.items():
        print(f"{LEMMAS[name].file}.{name}: {', '.join(ids) or 'BACKS NO CLAIM'}")
    idle = sum(not ids for ids in table.values())
    print(f"{len(table)} lemmas, {idle} back no claim")
    return 1 if idle else 0


def _print_recheck() -> int:
    texts = sources()
    with workplace(texts) as folder:
        compile_files(texts, texts, folder)
        axioms = recheck(texts, folder)
    print(f"coqchk: {len(texts)} files and all they rest on; axioms: {', '.join(axioms) or 'none'}")
    return 1 if axioms else 0


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
