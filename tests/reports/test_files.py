"""Whole files or none: reports/files.py."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from reports.files import UnusableOutput, check_file, check_folder, json_text, write_all


def test_all_files_or_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_all(tmp_path, {"a": b"old", "b": b"old"})
    with pytest.raises(TypeError):
        write_all(tmp_path, {"a": b"new", "b": "not bytes"})  # type: ignore[dict-item]
    assert {p.name: p.read_bytes() for p in tmp_path.iterdir()} == {"a": b"old", "b": b"old"}
    assert write_all(tmp_path / "x" / "y", {"c": b"1"}) == [tmp_path / "x" / "y" / "c"]


def test_files_have_the_usual_permissions(tmp_path: Path) -> None:
    (path,) = write_all(tmp_path, {"a": b""})
    (tmp_path / "b").write_bytes(b"")
    assert path.stat().st_mode == (tmp_path / "b").stat().st_mode


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("", "is a folder; give a file name such as"),
        ("no/where.json", "there is no folder"),
        ("file/x.json", "there is no folder"),
    ],
)
def test_wrong_files(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UnusableOutput, match=text):
        check_file(tmp_path / name)


def test_wrong_folders(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for path in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(UnusableOutput, match="file is a file; give a folder"):
            check_folder(path)
    check_folder(tmp_path / "new" / "one")
    assert not (tmp_path / "new").exists()


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write anywhere")
def test_read_only_folders(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    for check, path in ((check_file, tmp_path / "x"), (check_folder, tmp_path / "x")):
        with pytest.raises(UnusableOutput, match="can't be written to; choose another"):
            check(path)


def test_json_is_strict_and_keeps_the_order() -> None:
    assert json_text({"b": "ü", "a": [1]}) == '{\n "b": "ü",\n "a": [\n  1\n ]\n}\n'
    with pytest.raises(ValueError):
        json_text(float("nan"))
