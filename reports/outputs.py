"""What a command reads and writes besides the screen: runs, JSON objects, reports.

Main definitions: `read_run`, `write_json`, `write_report`, `check_outputs`.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reports.ending import Wrong
from reports.files import hush

# Everything else is imported inside: `ssmproof --help` should not wait for torch and sympy.
if TYPE_CHECKING:
    from numeric.deciding.witnesses import Witness
    from proofs.audit.answer import Answer
    from proofs.verify.run import Run
    from reports.terminal import Screen


def read_run(path: Path) -> Run:
    """The run in a JSON file. Raises Wrong."""
    import json as decoder

    from proofs.verify.run import Run

    try:
        return Run.from_json(decoder.loads(path.read_text("utf-8")))
    except OSError as error:
        made = path if path.suffix == ".json" else "run.json"  # never over somebody's code
        raise Wrong(f"{path} can't be read ({error.strerror}); make it with: ssmproof verify --json {made}") from error
    except ValueError as error:
        made = "give --from a file that this wrote: ssmproof verify --json run.json"
        raise Wrong(f"{path} holds no run ({error}); {made}") from error


def write_certificate(screen: Screen, path: Path, found: Answer, witnesses: Sequence[Witness]) -> bool:
    """Leave the certificate of an answer in a file, if it has one, and say so."""
    from reports.certificates import NoCertificate, certificate
    from reports.files import write_all

    try:
        data, told = certificate(found, witnesses)
    except NoCertificate as why:
        screen.say(f"  {'leaves':<9} {why}")
        return False
    write_all(path.parent, {path.name: data})
    for line in (f"{path.name}: {told[0]}", *told[1:]):
        screen.say(f"  {'leaves':<9} {line}")
    return True


def write_json(path: Path | None, data: Any) -> None:
    """The object to a file, whole or not at all, or to standard output for `-`."""
    from reports.files import json_text, write_all

    if path is None:
        return
    if str(path) == "-":
        with suppress(BrokenPipeError):
            sys.stdout.write(json_text(data))
            sys.stdout.flush()
            return
        hush(sys.stdout)
    else:
        write_all(path.parent, {path.name: json_text(data).encode()})


def write_report(
    screen: Screen,
    run: Run,
    out: Path,
    formats: str,
    audits: Sequence[Answer] = (),
    date: str = "",
    evidence: bool = False,
) -> None:
    """The report's files (and evidence.json) in `out`, and a line for each that says where it is."""
    from reports.document import FOLDER, markdown, pictures
    from reports.files import json_text, write_all
    from reports.words import counted
    from reports.write import formats as named
    from reports.write import render

    wanted = named(formats)
    shown = pictures(run, audits, ("pdf",) if "tex" in wanted else ())
    drawn = {name: data for owned in shown.values() for p in owned for name, data in p.files.items()}
    svgs = {name: data for name, data in drawn.items() if name.endswith(".svg")}
    made = render(markdown(run, audits, date, shown), wanted, pictures=svgs)
    files = dict(made.files)
    if evidence:
        files["evidence.json"] = json_text(run.to_json()).encode()
    for path in write_all(out, files | drawn)[: len(files)]:
        screen.say(f"wrote {path}")
    if svgs:
        screen.say(f"wrote {counted(len(svgs), 'figure')} with their data to {out / FOLDER}")
    for name, reason in made.missing.items():
        screen.tell(f"no report.{name}: {reason}")
    for warning in made.warnings:
        screen.tell(warning)


def check_outputs(json: Path | None, out: Path | None) -> None:
    """Raise UnusableOutput if a result could not be written: before minutes of work, not after."""
    from reports.files import check_file, check_folder

    if json is not None and str(json) != "-":
        check_file(json)
    if out is not None:
        check_folder(out)
