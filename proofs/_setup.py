"""Make `.venv` once, install this project there, run a module in it. Standard library only.

Used by `python3 -m proofs` and `python3 -m tests`, which have to work with nothing but Python, git and a network.
Set SSMPROOF_HERE to any value to use the running interpreter as it is, with nothing installed.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
OLDEST = (3, 11)


class SetupFailed(Exception):
    """The environment could not be made; the message says what to do."""


def run(module: str, arguments: Sequence[str], root: Path = ROOT) -> int:
    """Run `python -m module arguments` in the project's environment, made first if need be; its exit status."""
    try:
        python = Path(sys.executable) if "SSMPROOF_HERE" in os.environ else provision(root)
    except SetupFailed as failed:
        print(f"set-up: {failed}", file=sys.stderr)
        return 2
    child = subprocess.Popen([str(python), "-m", module, *arguments], cwd=root)
    while True:
        try:
            return child.wait()
        except KeyboardInterrupt:  # the child got it too, and keeps what it has found before it ends
            continue


def provision(root: Path = ROOT) -> Path:
    """The interpreter of `root/.venv`, with the project and its test tools installed at the pinned versions.

    Does nothing when pins, pyproject.toml and place are those of the last time. Raises SetupFailed.
    """
    if sys.version_info < OLDEST:
        raise SetupFailed(f"this is Python {sys.version.split()[0]}; expected {OLDEST[0]}.{OLDEST[1]} or newer")
    home = root / ".venv"
    python = home / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    pins, targets = root / "proofs" / "constraints.txt", root / "proofs" / "targets.txt"
    # The place belongs to the fingerprint: an editable install points to it, and a checkout may be moved.
    wanted = _fingerprint(str(root), (root / "pyproject.toml").read_text("utf-8"), pins.read_text("utf-8"))
    stamp = home / "ssmproof-installed"
    if not _says(stamp, wanted) or not python.is_file():
        print(f"setting up {home} (once; a few minutes) ...", file=sys.stderr, flush=True)
        if not _has_pip(python):
            _call(
                [sys.executable, "-m", "venv", "--clear", str(home)],
                "no virtual environment could be made; on Debian or Ubuntu: apt-get install python3-venv",
            )
        _call(
            [*_pip(python), "--editable", f"{root}[dev]", "--constraint", str(pins)],
            "the packages could not be installed; is the network up?",
        )
        stamp.write_text(wanted, "utf-8")
    _targets(python, targets, home / "ssmproof-targets")
    return python


def _targets(python: Path, pins: Path, stamp: Path) -> None:
    """Other people's layers, without their dependencies. The project works without them, so failure is only told."""
    wanted = _fingerprint(pins.read_text("utf-8"))
    if _says(stamp, wanted):
        return
    try:
        _call([*_pip(python), "--no-deps", "--requirement", str(pins)], "the audit targets could not be installed")
    except SetupFailed as failed:
        print(f"set-up: {failed}; their audits will be 'not run'", file=sys.stderr)
    else:
        stamp.write_text(wanted, "utf-8")


def _pip(python: Path) -> list[str]:
    return [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]


def _has_pip(python: Path) -> bool:
    """False for a missing, half-made or broken environment, which is then made anew."""
    if not python.is_file():
        return False
    return subprocess.call([str(python), "-c", "import pip"], stderr=subprocess.DEVNULL) == 0


def _call(command: list[str], remedy: str) -> None:
    try:
        status = subprocess.call(command)
    except OSError as error:
        raise SetupFailed(f"{remedy} ({error})") from error
    if status:
        raise SetupFailed(f"{remedy} (exit status {status} of: {' '.join(command)})")


def _fingerprint(*texts: str) -> str:
    return hashlib.sha256("\0".join(texts).encode()).hexdigest()


def _says(stamp: Path, wanted: str) -> bool:
    return stamp.is_file() and stamp.read_text("utf-8") == wanted
