"""`python -m reports`: the main job. With arguments it is the `ssmproof` command.

The main job verifies every claim, audits layers that other people wrote, and writes the report into ./out/.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from numeric.tape.uncollected import seldom
from proofs.evidence import Settings
from reports import cli, outputs
from reports.ending import crashing, end, guarded

if TYPE_CHECKING:
    from proofs.audit.answer import Answer
    from reports.terminal import Screen


def main_job(out: Path = Path("out"), settings: Settings | None = None, jobs: int | None = None) -> int:
    """Verify all claims on the cheap rungs, audit real layers, write evidence and report; the exit status.

    jobs: processes; None takes one a core, at most four, since each of them loads torch.
    """
    from reports.terminal import screen, show_run

    settings = settings or Settings()
    shown = screen()
    outputs.check_outputs(None, out)
    run = cli.run_claims(shown, (), None, settings, jobs or min(os.cpu_count() or 1, 4), fresh=True)
    show_run(shown, run)
    audits, status = audit_targets(shown, settings)
    outputs.write_report(shown, run, out, "md,tex,html,pdf", audits=audits, evidence=True)
    return run.status or status


def audit_targets(shown: Screen, settings: Settings) -> tuple[list[Answer], int]:
    """Audits of the installed third-party layers in `proofs.bench.targets`; 1 if one ends unlike its entry says, 3 if one raises.

    Layers are optional: one that is not installed is named with the reason, and fails nothing.
    """
    from proofs.bench.targets import INSTALLED
    from reports.answers import lines

    audits: list[Answer] = []
    status = 0
    for case in INSTALLED:
        missing = case.missing()
        if missing:
            shown.say(f"\naudit {case.title}: not run, {missing}")
            continue
        shown.say(f"\naudit {case.title}:", "bold")
        try:
            audit = case.audit(settings)
        except Exception as error:  # somebody else's code: the report of everything else must not be lost for it
            shown.say(f"  could not be made: {type(error).__name__}: {error}", "bold red")
            status = status or 3
            continue
        audits.append(audit)
        for line in lines(audit):
            shown.say(f"  {line}")
        if audit.word is not case.expected:
            shown.say(f"  expected {case.expected}, found {audit.word}", "bold red")
            status = 1
    return audits, status


if __name__ == "__main__":
    crashing()
    seldom()
    end(cli.main(sys.argv[1:]) if sys.argv[1:] else guarded(main_job))
