"""A claim, a learner or a layer begun: a file from a template, which passes the linters and fails its checks until it is filled in.

Main definitions: `new`, `after`.
"""

from __future__ import annotations

import keyword
from enum import StrEnum
from pathlib import Path

import jinja2

import constructions
import proofs
from proofs import registry
from reports.ending import Wrong
from reports.files import write_all


class Kind(StrEnum):
    """What can be begun."""

    CLAIM = "claim"
    LEARNER = "learner"
    LAYER = "layer"


def new(kind: Kind, name: str) -> Path:
    """Write the file for a claim `chapter.name`, a learner or a layer `name`; its path. Raises Wrong for a bad name."""
    folder, file = _place(kind, name)
    if not file.isidentifier() or keyword.iskeyword(file) or file.startswith("_"):
        raise Wrong(f"{name!r} can't name a file of Python; letters, digits and _ only, a letter first")
    path = folder / f"{file}.py"
    if path.exists():
        raise Wrong(f"{path} is there already; choose another name")
    loader = jinja2.FileSystemLoader(Path(__file__).parent / "templates" / "new")
    template = jinja2.Environment(
        loader=loader, autoescape=False, keep_trailing_newline=True, undefined=jinja2.StrictUndefined
    ).get_template(f"{kind}.py.j2")
    write_all(folder, {path.name: template.render(name=file, id=name).encode()})
    return path


def after(kind: Kind, name: str) -> str:
    """What to do with the file next."""
    if kind is Kind.CLAIM:
        return f"fill in what is in capitals and the two functions, then: ssmproof verify {name}"
    if kind is Kind.LEARNER:
        return (
            f"fill in what is in capitals and `predict`, then: ssmproof audit my_layer.py:layer --against {name}; tests: "
            "an independent oracle for it in tests/constructions/learners/test_library.py"
        )
    return f"fill in what is in capitals and `layer`, then begin a claim about it: ssmproof new claim gd.{name}"


def _place(kind: Kind, name: str) -> tuple[Path, str]:
    layers = Path(constructions.__path__[0])
    if kind is Kind.LAYER:
        return layers, name
    if kind is Kind.LEARNER:
        return layers / "learners", name
    chapters = sorted({id.partition(".")[0] for id in registry.ids()})
    chapter, dot, file = name.partition(".")
    if not dot or chapter not in chapters:
        raise Wrong(f"{name!r}: a claim's id is chapter.name, and the chapters are {', '.join(chapters)}")
    return next(Path(home) / chapter for home in proofs.__path__ if (Path(home) / chapter).is_dir()), file
