"""Coq as a checked service: compile the sources of `proofs/coq`, ask what theorems say and rest on.

Nothing here knows a lemma. Main definitions: `sources`, `workplace`, `compile_files`, `ask`, `tell`, `Told`, and two
errors: `NotAvailable` (Coq or a package is missing) and `CompileError` (a source does not check).

Compiled files are kept in the user's cache folder under a hash of all sources and of Coq's version; set
SSMPROOF_KERNEL_CACHE to a folder to use another, or to `off` for a temporary one.
"""

from __future__ import annotations

import atexit
import contextlib
import hashlib
import json
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

SOURCES = Path(__file__).resolve().parents[1] / "coq"
INSTALL = "apt-get install -y --no-install-recommends coq libcoq-mathcomp-algebra"
TIME_LIMIT = 600
"""Seconds for one run of coqc; none takes more than a few seconds on an idle machine."""
_REQUIRE = re.compile(r"^From ssmproof Require Import ([^.]*)\.", re.MULTILINE)
_DEFINES = re.compile(r"^\s*(?:Definition|Fixpoint|Record|Inductive) (\w+)", re.MULTILINE)
_NAMES = re.compile(r"^\s*(?:Theorem|Lemma|Corollary|Definition|Fixpoint) (\w+)", re.MULTILINE)
_NO_MATHCOMP = re.compile(r"Cannot find a physical path bound to logical path\s+(\S+\s+with\s+prefix\s+)?mathcomp")


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
        return {"statements": sha256(self.statement), "definitions": sha256(below)}


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


@cache
def _installed() -> str:
    """Which build of mathcomp is there, for where no package manager knows its version."""
    where = subprocess.run(["coqc", "-where"], capture_output=True, text=True, check=False).stdout.strip()
    found = Path(where) / "user-contrib" / "mathcomp" / "algebra" / "ssralg.vo"
    return f"{where} {found.stat().st_size} {found.stat().st_mtime_ns}" if found.exists() else where


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
            command,
            cwd=cwd or folder,
            capture_output=True,
            text=True,
            timeout=TIME_LIMIT,
            check=False,
            env={k: v for k, v in os.environ.items() if not k.startswith("COQ")},
        )
    except subprocess.TimeoutExpired:
        return 1, f"coqc took longer than {TIME_LIMIT} s"
    return run.returncode, run.stdout + run.stderr


def _failure(file: str, text: str, output: str) -> Exception:
    if _NO_MATHCOMP.search(output):
        return NotAvailable(f"Coq's mathematical components are not installed; to enable this rung: {INSTALL}")
    at = re.search(rf'File "\./{file}\.v", line (\d+)', output)
    lemma = None
    if at:
        before = "\n".join(text.splitlines()[: int(at[1])])
        names = _NAMES.findall(before)
        lemma = names[-1] if names else None
    error = output.partition("Error:")[2] or output
    return CompileError(file, lemma, " ".join(error.split())[:400])


@contextlib.contextmanager
def workplace(texts: Mapping[str, str]) -> Iterator[Path]:
    """The folder of compiled files for exactly these sources and this Coq, for one process at a time."""
    key = sha256(json.dumps([sorted(texts.items()), versions(), _installed()]))[:24]
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


def recheck(files: Iterable[str], folder: Path) -> tuple[str, ...]:
    """The axioms that Coq's independent checker finds below the compiled files; it takes minutes.

    Raises NotAvailable without coqchk, CompileError if it rejects a file or relies on an unsafe feature.
    """
    if not shutil.which("coqchk"):
        raise NotAvailable(f"coqchk is not installed; it comes with Coq: {INSTALL}")
    command = ["coqchk", "-silent", "-o", "-Q", str(folder), "ssmproof", *(f"ssmproof.{file}" for file in files)]
    run = subprocess.run(command, capture_output=True, text=True, timeout=6 * TIME_LIMIT, check=False)
    told = run.stdout + run.stderr
    if run.returncode:
        raise CompileError("coqchk", None, " ".join(told.split())[-400:])
    parts = {}
    for part in told.split("\n* ")[1:]:
        name, _, content = part.partition(":")
        parts[name.strip()] = content.split()
    unsafe = [name for name, content in parts.items() if name.startswith("Constants/") and content != ["<none>"]]
    if unsafe or "Axioms" not in parts:
        raise CompileError("coqchk", None, "; ".join(unsafe) or "no list of axioms")
    return () if parts["Axioms"] == ["<none>"] else tuple(parts["Axioms"])


def ask(queries: Mapping[str, str], files: Sequence[str], folder: Path) -> dict[str, str]:
    """What Coq prints for each query (a command without its full stop), the files loaded; one run of coqc.

    Answers are kept beside the compiled files. Raises CompileError for a query that Coq refuses.
    """
    lines = [
        "From Coq Require Import ZArith QArith.",
        "From mathcomp Require Import all_ssreflect all_algebra.",
        f"From ssmproof Require Import {' '.join(files)}.",
        "Unset Printing Implicit Defensive. Set Printing Depth 1000000.",
    ]
    for k, command in enumerate(queries.values()):
        if command.startswith("#"):  # to be hashed: nothing hidden, nothing that depends on a notation or a scope
            settings = "Set Printing Width 100000. Set Printing Implicit. Unset Printing Notations."
        else:
            settings = "Set Printing Width 85. Unset Printing Implicit. Set Printing Notations."
        if command.startswith("Check"):
            settings += " Open Scope ring_scope."
        lines.append(f'{settings} Redirect "{k}" {command.lstrip("#")}.')
        if command.startswith("Check"):
            lines.append("Close Scope ring_scope.")
    kept = folder / f"answers-{sha256(json.dumps([list(queries), lines]))[:24]}.json"
    if kept.exists():
        return dict(json.loads(kept.read_text("utf-8")))
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
        waiting = [statement]
        while waiting:
            for word in set(re.findall(r"\w+", waiting.pop())) & bodies.keys() - reached.keys():
                reached[word] = bodies[word]
                waiting.append(bodies[word])
        axioms = _axioms(answers[f"axioms {name}"])
        shown = answers[f"shown {name}"].partition(":")[2].strip().replace("\n       ", "\n")  # Coq indents by 7
        told[name] = Told(shown, statement, reached, axioms)
    return told


def _axioms(told: str) -> tuple[str, ...]:
    """Names in what `Print Assumptions` prints: the first word of lines not indented, no headings."""
    if told == "Closed under the global context":
        return ()
    words = re.findall(r"^(\S+)", told, re.MULTILINE)
    return tuple(word for word in words if not word.endswith(":")) or ("unreadable",)


def _flat(text: str) -> str:
    return " ".join(text.split())


def sha256(text: str) -> str:
    """Hexadecimal hash of a text."""
    return hashlib.sha256(text.encode()).hexdigest()
