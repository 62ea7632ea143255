"""How what is found here is shown to a person: `reports`, the room above, makes words and pictures and registers them here.

`reports.shown` does so when it is imported; a notebook that imports `proofs` alone finds it by the entry points of the
group `ssmproof.shown` that the installed distribution declares.
Main definitions: `Form`, `register`, `shown`, `words`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import Enum, auto
from importlib.metadata import entry_points
from typing import Any

from numeric.finding import Told
from proofs.mistake import UserMistake

GROUP = "ssmproof.shown"
"""Packages to import, each of which registers what it makes."""


class Form(Enum):
    """What is made of what: the text of an answer, its JSON object, a figure as SVG, the words of what was found."""

    ANSWER = auto()
    ANSWER_JSON = auto()
    FIGURE = auto()
    WORDS = auto()


class NotShown(UserMistake):
    """Nothing that is installed makes such a form."""


_MAKERS: dict[Form, Callable[[Any], Any]] = {}


def register(makers: Mapping[Form, Callable[[Any], Any]]) -> None:
    """Have these forms made so from now on."""
    _MAKERS.update(makers)


def words(found: Told) -> str:
    """The words of what was found; a text is said as it is. Raises NotShown."""
    return found if isinstance(found, str) else str(shown(Form.WORDS, found))


def shown(form: Form, thing: Any) -> Any:
    """The thing in this form. Raises NotShown."""
    if form not in _MAKERS:
        for entry in entry_points(group=GROUP):
            entry.load()
    if form not in _MAKERS:
        raise NotShown(
            f"nothing installed makes {form.name}; expected an entry point of the group {GROUP}: "
            "install the project anew (pip install -e .), or import reports.shown first"
        )
    return _MAKERS[form](thing)
