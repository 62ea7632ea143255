"""The kernel rung: theorems for all sizes in `proofs/coq`, checked by Coq, tied to the Python functions they are about.

A lemma is confirmed if its file compiles, Coq says that it rests on no axiom (or allowed ones), its statement and every
definition the statement rests on are the pinned ones, and its numeric ties agree (see `kernel_numeric`). Without Coq
the rung is not run, never weaker. Main definitions: `LEMMAS`, `check`, `kernel_check`, `run_mutants`.

    python -m proofs.kernel [LEMMA ...]             check, print a table; exit status 1 unless all are confirmed
    python -m proofs.kernel --pin                   write proofs/coq/pins.json anew, after reading what changed
    python -m proofs.kernel --mutants [--small]     false versions of the sources, each of which has to fail to compile

Compiled files are kept in the user's cache folder under a hash of the sources and of Coq's version; set
SSMPROOF_KERNEL_CACHE to a folder to use another, or to `off` for a temporary one.
"""

from __future__ import annotations

import argparse
import atexit
import contextlib
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

from numeric.finding import Counterexample, Finding, Verdict, combine
from proofs.claim import Check
from proofs.evidence import Settings
from proofs.kernel_numeric import TIES, Rows, agreement, coq_term, draw, parse, resolve

SOURCES = Path(__file__).resolve().parent / "coq"
PINS = SOURCES / "pins.json"
MUTANTS = SOURCES / "mutants.toml"
INSTALL = "apt-get install -y --no-install-recommends coq libcoq-mathcomp-algebra"
TIME_LIMIT = 600
"""Seconds for one run of coqc; none takes more than a few seconds on an idle machine."""
_REQUIRE = re.compile(r"^From ssmproof Require Import ([^.]*)\.", re.MULTILINE)
_DEFINES = re.compile(r"^\s*(?:Definition|Fixpoint|Record|Inductive) (\w+)", re.MULTILINE)
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


def _lemmas(*rows: tuple[str, str, str, str] | tuple[str, str, str, str, tuple[str, ...]]) -> Mapping[str, Lemma]:
    return MappingProxyType({row[1]: Lemma(row[0], row[1], row[2], tuple(row[3].split()), *row[4:]) for row in rows})


LEMMAS: Mapping[str, Lemma] = _lemmas(
    ("GatedAccumulator", "gated_state_closed_form",
     "an entrywise gated recurrence holds the sum of its inputs, each times all later gates", "gated_state"),
    ("GatedAccumulator", "gd_ssm_state_sum",
     "with gate 1 the state is the sum of value key^T", "gd_ssm_state"),
    ("LossGradient", "loss_expansion",
     "L(W + tH) = L(W) + t <gradient, H> + t^2/(2N) sum |H x|^2", "loss gradient"),
    ("LossGradient", "gradient_unique",
     "a matrix with that expansion is the gradient", "loss gradient"),
    ("OneStep", "one_step",
     "one GD-SSM layer with constant eta/N makes one gradient step from any W0", "gd_ssm_output gd_step"),
    ("OneStep", "one_step_from_zero",
     "from W0 = 0 the readout is (eta/N) Z_N xq", "gd_ssm_state gd_step"),
    ("OneStep", "one_step_constant",
     "a layer with constant c makes a step of size c N", "gd_ssm_output gd_step"),
)
"""Every theorem that may back a claim, by its name in Coq."""


# --------------------------------------------------------------------------------------------------------------------
# Coq


class NotAvailable(Exception):
    """Coq or a package is missing; the message says which and how to get it."""


class CompileError(Exception):
    """A source file does not compile. `lemma` is the one whose proof or statement failed, if any."""

    def __init__(self, file: str, lemma: str | None, message: str) -> None:
        super().__init__(f"{file}.v does not compile{f', in {lemma}' if lemma else ''}: {message}")
        self.file = file
        self.lemma = lemma


@dataclass(frozen=True)
class Told:
    """What Coq says about one theorem: its statement as shown, as hashed, the definitions below it, its axioms."""

    shown: str
    statement: str
    definitions: Mapping[str, str]
    axioms: tuple[str, ...]

    def hashes(self) -> dict[str, str]:
        """What is pinned."""
        below = "\n".join(f"{name} := {text}" for name, text in sorted(self.definitions.items()))
        return {"statements": _sha(self.statement), "definitions": _sha(below)}


@cache
def versions() -> tuple[str, str]:
    """Versions of Coq and of mathcomp. Raises NotAvailable without coqc."""
    if not shutil.which("coqc"):
        raise NotAvailable(f"coqc is not installed; to enable this rung: {INSTALL}")
    told = subprocess.run(["coqc", "--version"], capture_output=True, text=True, check=False).stdout
    found = re.search(r"version (\S+)", told)
    package = "unknown"
    if shutil.which("dpkg-query"):
        asked = ["dpkg-query", "-W", "-f=${Version}", "libcoq-mathcomp-algebra"]
        package = subprocess.run(asked, capture_output=True, text=True, check=False).stdout.strip() or package
    return (found[1] if found else "unknown"), package.partition("-")[0].partition("+")[0]


def sources(folder: Path = SOURCES) -> dict[str, str]:
    """Text of every source file by module name."""
    return {path.stem: path.read_text("utf-8") for path in sorted(folder.glob("*.v"))}


def below(files: Iterable[str], texts: Mapping[str, str]) -> list[str]:
    """The files and all that they require, each after what it requires."""
    order: list[str] = []

    def visit(file: str) -> None:
        if file in order:
            return
        for line in _REQUIRE.findall(texts[file]):
            for required in line.split():
                visit(required)
        order.append(file)

    for file in files:
        visit(file)
    return order


def compile_files(files: Iterable[str], texts: Mapping[str, str], folder: Path) -> None:
    """Compile the files, and what they require, in `folder`; what is compiled there is not compiled again.

    Raises CompileError or NotAvailable.
    """
    for file in below(files, texts):
        done = folder / f"{file}.vo"
        if done.exists():
            continue
        (folder / f"{file}.v").write_text(texts[file], "utf-8")
        code, output = _coqc(folder, f"{file}.v")
        if code:
            done.unlink(missing_ok=True)
            raise _failure(file, texts[file], output)


def _coqc(folder: Path, file: str, cwd: Path | None = None) -> tuple[int, str]:
    versions()
    command = ["coqc", "-q", "-w", "none", "-Q", str(folder), "ssmproof", file]
    try:
        run = subprocess.run(
            command, cwd=cwd or folder, capture_output=True, text=True, timeout=TIME_LIMIT, check=False,
            env={k: v for k, v in os.environ.items() if not k.startswith("COQ")},
        )
    except subprocess.TimeoutExpired:
        return 1, f"coqc took longer than {TIME_LIMIT} s"
    return run.returncode, run.stdout + run.stderr


def _failure(file: str, text: str, output: str) -> Exception:
    if re.search(r"Cannot find a physical path bound to logical path\s+mathcomp|Unable to locate library.*mathcomp", output):
        return NotAvailable(f"Coq's mathematical components are not installed; to enable this rung: {INSTALL}")
    at = re.search(rf'File "\./{file}\.v", line (\d+)', output)
    lemma = None
    if at:
        before = "\n".join(text.splitlines()[: int(at[1])])
        names = [m[1] for m in re.finditer(r"^\s*(?:Theorem|Lemma|Corollary|Definition|Fixpoint) (\w+)", before, re.MULTILINE)]
        lemma = names[-1] if names else None
    error = output.partition("Error:")[2] or output
    return CompileError(file, lemma, " ".join(error.split())[:400])


@contextlib.contextmanager
def workplace(texts: Mapping[str, str]) -> Iterator[Path]:
    """The folder of compiled files for exactly these sources and this Coq, for one process at a time."""
    key = _sha(json.dumps([sorted(texts.items()), versions()]))[:24]
    setting = os.environ.get("SSMPROOF_KERNEL_CACHE", "")
    root = _temporary() if setting == "off" else Path(setting) if setting else _user_cache()
    try:
        folder = root / key
        folder.mkdir(parents=True, exist_ok=True)
        lock = (folder / "lock").open("w")
    except OSError:  # a cache that can't be written is no reason to fail
        folder = _temporary() / key
        folder.mkdir(parents=True, exist_ok=True)
        lock = (folder / "lock").open("w")
    with lock:
        with contextlib.suppress(ImportError):
            import fcntl

            fcntl.flock(lock, fcntl.LOCK_EX)
        yield folder


def _user_cache() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "ssmproof" / "coq"


@cache
def _temporary() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="ssmproof-coq-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def ask(queries: Mapping[str, str], files: Sequence[str], folder: Path) -> dict[str, str]:
    """What Coq prints for each query (a command without its full stop), the files loaded; one run of coqc.

    Answers are kept beside the compiled files. Raises CompileError for a query that Coq refuses.
    """
    kept = folder / f"answers-{_sha(json.dumps([sorted(queries.items()), list(files)]))[:24]}.json"
    if kept.exists():
        return dict(json.loads(kept.read_text("utf-8")))
    lines = [
        "From Coq Require Import ZArith QArith.",
        "From mathcomp Require Import all_ssreflect all_algebra.",
        f"From ssmproof Require Import {' '.join(files)}.",
        "Unset Printing Implicit Defensive. Set Printing Depth 1000000.",
    ]
    for k, command in enumerate(queries.values()):
        hashed = command.startswith("#")
        settings = (
            "Set Printing Implicit. Unset Printing Notations."
            if hashed
            else "Unset Printing Implicit. Set Printing Notations."
        )
        lines.append(f'Set Printing Width {100000 if hashed else 110}. {settings} Redirect "{k}" {command.lstrip("#")}.')
    with tempfile.TemporaryDirectory(prefix="ssmproof-ask-") as here:
        place = Path(here)
        (place / "Questions.v").write_text("\n".join(lines) + "\n", "utf-8")
        code, output = _coqc(folder, "Questions.v", cwd=place)
        if code:
            raise _failure("Questions", "", output)
        answers = {name: (place / f"{k}.out").read_text("utf-8").strip() for k, name in enumerate(queries)}
    partial = kept.with_suffix(f".{os.getpid()}")
    partial.write_text(json.dumps(answers), "utf-8")
    partial.replace(kept)
    return answers


def tell(names: Sequence[str], texts: Mapping[str, str], folder: Path, files: Sequence[str]) -> dict[str, Told]:
    """What Coq says about theorems of the (compiled) files."""
    loaded = below(files, texts)
    defined = [name for file in loaded for name in _DEFINES.findall(texts[file])]
    queries = {f"definition {d}": f"#Print {d}" for d in defined}
    for name in names:
        queries |= {f"shown {name}": f"Check {name}", f"statement {name}": f"#Check {name}"}
        queries[f"axioms {name}"] = f"Print Assumptions {name}"
    answers = ask(queries, loaded, folder)
    bodies = {d: _flat(answers[f"definition {d}"].partition("\n\nArguments")[0]) for d in defined}
    told = {}
    for name in names:
        statement = _flat(answers[f"statement {name}"])
        reached: dict[str, str] = {}
        todo = [statement]
        while todo:
            for word in set(re.findall(r"\w+", todo.pop())) & bodies.keys() - reached.keys():
                reached[word] = bodies[word]
                todo.append(bodies[word])
        closed = answers[f"axioms {name}"] == "Closed under the global context"
        axioms = () if closed else tuple(re.findall(r"^(\S+)\s*:", answers[f"axioms {name}"], re.MULTILINE)) or ("?",)
        told[name] = Told(answers[f"shown {name}"].partition(":")[2].strip(), statement, reached, axioms)
    return told


def _flat(text: str) -> str:
    return " ".join(text.split())


def _sha(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


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


TIE_FILES = ("Executable", "ExecutableQ")


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
    told, tie_told, values = _told_in(lemma.file), _told_in(*TIE_FILES), _values(seed)
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
        "closed under the global context" if not axioms else f"rests on the allowed axioms {', '.join(told[name].axioms)}",
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
            what = "statement" if kind == "statements" else f"definitions below it ({', '.join(sorted(told.definitions))})"
            made = f"pinned with Coq {_pins().get('coq')}, mathcomp {_pins().get('mathcomp')}" if pinned else "not pinned"
            return f"stale {kind[:-1]}: the {what} of {name} changed ({made}); read it, then python -m proofs.kernel --pin"
    return ""


def _compare(name: str, coq: Rows, function: Callable[..., Any] | None, seed: int) -> Counterexample | None:
    tie = TIES[name]
    return agreement(name, tie, draw(name, tie, seed), coq, function or resolve(tie.python))


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
