"""How answers and figures show themselves: importing this registers it in `proofs.shown`.

An entry point of the distribution names it, so that a notebook finds it; what makes a form is imported when it is wanted.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from proofs.shown import Form, register

if TYPE_CHECKING:
    from numeric.finding import Told
    from proofs.audit.answer import Answer
    from proofs.figure import Figure


def _text(answer: Answer) -> str:
    from reports.answers import lines

    return "\n".join(lines(answer))


def _json(answer: Answer) -> dict[str, Any]:
    from reports.answers_json import to_json

    return to_json(answer)


def _svg(figure: Figure) -> str:
    from reports.figures import draw

    return draw(figure, figure.csv(), "svg").decode()


def _words(found: Told) -> str:
    from reports.said import said

    return said(found)


register({Form.ANSWER: _text, Form.ANSWER_JSON: _json, Form.FIGURE: _svg, Form.WORDS: _words})
