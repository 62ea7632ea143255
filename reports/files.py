"""Files written whole or not at all, and checked before the work starts.

Main definitions: `UnusableOutput`, `check_file`, `check_folder`, `write_all`, `json_text`, `hush`.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any

from proofs.mistake import UserMistake


class UnusableOutput(UserMistake, ValueError):
    """A place where nothing can be written; the message says what to give instead."""


def check_file(path: Path) -> None:
    """Raise UnusableOutput now, rather than after minutes of work."""
    if path.is_dir():
        raise UnusableOutput(f"{path} is a folder; give a file name such as {path / 'out.json'}")
    if not path.parent.is_dir():
        raise UnusableOutput(f"{path}: there is no folder {path.parent}; make it first")
    _check_writable(path, path.parent)


def check_folder(path: Path) -> None:
    """Raise UnusableOutput if `path` is no folder and none can be made there."""
    there = path
    while not there.exists():
        there = there.parent
    if not there.is_dir():
        raise UnusableOutput(f"{there} is a file; give a folder")
    _check_writable(path, there)


def _check_writable(path: Path, folder: Path) -> None:
    try:
        with tempfile.TemporaryDirectory(dir=folder):  # permissions say too little: nobody can write to /proc
            pass
    except OSError as error:
        raise UnusableOutput(f"{path}: the folder {folder} can't be written to; choose another") from error


def write_all(folder: Path, files: Mapping[str, bytes]) -> list[Path]:
    """Write every file, or none: all are complete on disk under other names before the first gets its own.

    A name may lie in a folder below, as in figures/x.svg.
    """
    folder.mkdir(parents=True, exist_ok=True)
    waiting: list[tuple[Path, Path]] = []
    try:
        for name, data in files.items():
            final = folder / name
            final.parent.mkdir(exist_ok=True)
            temporary = final.with_name(f".{final.name}.{os.getpid()}.part")
            waiting.append((temporary, final))
            with temporary.open("xb") as stream:
                stream.write(data)
        for temporary, final in waiting:
            os.replace(temporary, final)
    finally:
        for temporary, _ in waiting:
            temporary.unlink(missing_ok=True)
    return [final for _, final in waiting]


def json_text(data: Any) -> str:
    """Strict JSON, keys in the order given, one trailing newline."""
    return json.dumps(data, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def hush(stream: IO[str]) -> None:
    """Let what is still written to a stream go nowhere: its reader has gone."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, stream.fileno())
    os.close(nowhere)
