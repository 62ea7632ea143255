"""pytest plugin: which claims the tests speak about, and a table of claims by rung at the end of the run.

Mark a test with `@pytest.mark.claim("gd.one_step_tokens", "exact")`. A claim holds on a rung if one of its tests
passed and none failed; a skipped claim never counts as held. A test whose rung covers only a part of the claim says so
with `record_property("claim part", "the part")`, and one of which nobody has measured what it covers with
`record_property("claim unmeasured", "what was not measured")`: how far that claim is settled is open, and counted so.
`--claims-json PATH` writes the same as data.
Standard library and pytest only: the plugin is loaded by every pytest run in an environment that has the project.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path

import pytest

RUNGS = ("sampled", "measured", "exact", "symbolic", "universal", "kernel")
"""The values of `proofs.evidence.Rung`, written again because importing it here would cost every pytest run."""

STATES = ("holds", "fails", "not run")

GRADES = ("for all sizes", "in part", "at listed sizes", "measured")
"""The values of `proofs.evidence.Grade`, for the same reason."""

_SIZES = dict(zip(RUNGS, (3, 3, 2, 2, 0, 0), strict=True))
"""The place in GRADES of a rung that holds for the whole claim."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add `--claims-json`."""
    group = parser.getgroup("claims", "claims and their evidence")
    group.addoption("--claims-json", metavar="PATH", default=None, help="write the claims by rung to this file")


def pytest_configure(config: pytest.Config) -> None:
    """Register the marker, and the table's keeper in the process that sees every report."""
    config.addinivalue_line("markers", "claim(id, rung): the test is evidence for a claim on a rung")
    if not hasattr(config, "workerinput"):  # xdist's workers report to the controller, which keeps the table
        target = config.getoption("claims_json")
        if target is not None and not Path(target).absolute().parent.is_dir():
            raise pytest.UsageError(f"--claims-json {target}: there is no folder {Path(target).absolute().parent}")
        config.pluginmanager.register(_Table(target), "ssmproof-claims")


def pytest_collection_modifyitems(items: Sequence[pytest.Item]) -> None:
    """Put claim and rung where they travel with the report, also between processes and into JUnit files."""
    for item in items:
        for marker in item.iter_markers("claim"):
            item.user_properties += [("claim", "|".join(_checked(item.nodeid, marker)))]


def _checked(nodeid: str, marker: pytest.Mark) -> tuple[str, str]:
    arguments = [*marker.args, *(marker.kwargs[k] for k in ("id", "rung") if k in marker.kwargs)]
    if len(arguments) != 2 or not all(isinstance(a, str) for a in arguments) or arguments[1] not in RUNGS:
        raise pytest.UsageError(
            f"{nodeid}: the marker is claim{tuple(arguments)}; "
            f"expected @pytest.mark.claim(id, rung) with a rung of {', '.join(RUNGS)}"
        )
    return arguments[0], arguments[1]


class _Table:
    """Outcomes by claim and rung, filled from the reports."""

    def __init__(self, target: str | None) -> None:
        self.target = target
        self.outcomes: dict[tuple[str, str], list[str]] = {}
        self.parts: dict[tuple[str, str], dict[str, None]] = {}
        self.unmeasured: dict[str, dict[str, None]] = {}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        # a failing set-up or tear-down fails the claim; an expected failure ends as "skipped"
        if report.when == "call" or report.outcome != "passed":
            parts, unmeasured = (
                {str(value): None for name, value in report.user_properties if name == property}
                for property in ("claim part", "claim unmeasured")
            )
            for name, value in report.user_properties:
                if name == "claim":
                    claim, _, rung = str(value).rpartition("|")
                    self.outcomes.setdefault((claim, rung), []).append(report.outcome)
                    self.parts.setdefault((claim, rung), {}).update(parts)
                    self.unmeasured.setdefault(claim, {}).update(unmeasured)

    def state(self, key: tuple[str, str]) -> str:
        """One of STATES."""
        seen = self.outcomes[key]
        if "failed" in seen:
            return "fails"
        return "holds" if "passed" in seen else "not run"

    def grades(self) -> tuple[dict[str, int], dict[str, int]]:
        """How many claims that hold on some rung, and fail on none, hold how far; and of how many it is open, by what was
        not measured."""
        found, left = dict.fromkeys(GRADES, 0), dict[str, int]()
        for claim in dict.fromkeys(c for c, _ in self.outcomes):
            states = {rung: self.state((c, rung)) for c, rung in self.outcomes if c == claim}
            held = [rung for rung, state in states.items() if state == "holds"]
            if not held or "fails" in states.values():
                continue
            if self.unmeasured[claim]:
                why = "; ".join(self.unmeasured[claim])
                left[why] = left.get(why, 0) + 1
                continue
            whole = [_SIZES[rung] for rung in held if not self.parts[claim, rung]]
            partly = any(_SIZES[rung] == 0 and self.parts[claim, rung] for rung in held)
            best = min(whole, default=1)
            found[GRADES[1 if best and (partly or not whole) else best]] += 1
        return found, left

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        keys = sorted(self.outcomes, key=lambda k: (RUNGS.index(k[1]), k[0]))
        if not keys:
            return
        terminalreporter.section("claims by rung")
        terminalreporter.line(f"{'rung':<10}" + "".join(f"{s:>9}" for s in STATES))
        for rung in dict.fromkeys(r for _, r in keys):
            states = [self.state(k) for k in keys if k[1] == rung]
            terminalreporter.line(f"{rung:<10}" + "".join(f"{states.count(s):>9}" for s in STATES))
        grades, left = self.grades()
        terminalreporter.line(", ".join(f"{grades[g]} {g}" for g in GRADES))
        for why, count in left.items():
            terminalreporter.line(f"{count} hold, but how far is open: {why}")
        for key in keys:
            if self.state(key) != "holds":
                terminalreporter.line(f"  {key[0]} ({key[1]}): {self.state(key)}", red=self.state(key) == "fails")

    def pytest_sessionfinish(self) -> None:
        if self.target is None:
            return
        rows = [
            {"claim": claim, "rung": rung, "state": self.state((claim, rung)), "tests": len(self.outcomes[claim, rung])}
            | {"part": "; ".join(self.parts[claim, rung])}
            for claim, rung in sorted(self.outcomes, key=lambda k: (k[0], RUNGS.index(k[1])))
        ]
        path = Path(self.target)
        part = path.with_name(f".{path.name}.{os.getpid()}.part")
        grades, left = self.grades()
        data = {"schema": 2, "settled": grades, "open": sum(left.values()), "claims": rows}
        part.write_text(json.dumps(data, indent=1) + "\n", "utf-8")
        os.replace(part, path)
