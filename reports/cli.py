"""The `ssmproof` command.

Main definitions: `app`, `main`. Each command is a thin skin over a function of `proofs` or `reports`; whatever a user
can get wrong becomes one message and exit status 2. Exit status: 0 all confirmed or proved, 1 something refuted or a mutant
survived, 2 wrong usage, 3 undecided, 4 an audit agrees at all points drawn and is not proved.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, NoReturn

import typer

from numeric.tape.uncollected import seldom
from proofs.evidence import Rung, Settings
from reports.ending import INTERRUPTED, Wrong, crashing, end, guarded
from reports.given import pairs, whole
from reports.outputs import check_outputs, read_run, write_certificate, write_json, write_report

# Everything else is imported inside the commands: `ssmproof --help` should not wait for torch and sympy.
if TYPE_CHECKING:
    from numeric.deciding.witnesses import Witness
    from proofs.verify.run import Run
    from reports.terminal import Screen


_USAGE: Any = typer.BadParameter.__base__
"""What typer raises for wrong usage; click's own class, or typer's copy of it in later versions."""

app = typer.Typer(
    name="ssmproof",
    help="Settle which learning algorithm a sequence layer runs in context, with evidence anyone can re-check.",
    add_completion=False,
    invoke_without_command=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)

Patterns = Annotated[
    list[str] | None, typer.Argument(metavar="ID-PATTERN", help="Claim ids, * allowed; all if none is given.")
]
Rungs = Annotated[list[Rung] | None, typer.Option("--rung", help="Only this rung; may be repeated.")]
Profile = Annotated[Literal["quick", "full"], typer.Option(help="quick: cheap rungs. full: more and larger sizes.")]
Device = Annotated[Literal["cpu", "cuda", "auto"], typer.Option(help="Where tensors live.")]
Seed = Annotated[int | None, typer.Option("--seed", min=0, help="Draw the same points each time.")]
Jobs = Annotated[int, typer.Option("--jobs", min=1, help="Processes to use.")]
Cluster = Annotated[
    str | None,
    typer.Option(
        "--cluster",
        metavar="ADDRESS",
        help="Use the workers of the Dask scheduler there (tcp://HOST:8786), of one thread each, in place of processes here.",
    ),
]
Out = Annotated[Path | None, typer.Option("--out", help="Folder to write to; made if need be.")]
_GATE = (
    "An argument of the layer or a parameter of the learner: a number, an expression in the learner's parameters and N, f, "
    "m such as eta/N or log(decay), or free; readout: a factor of the prediction. May be repeated."
)
_SECONDS = "CPU seconds that one call of the target may take, and ten times as many on the clock; 60 by default."
Fresh = Annotated[
    bool, typer.Option("--fresh", help="Run all checks, also those whose evidence is kept from an earlier run.")
]
Json = Annotated[Path | None, typer.Option("--json", help="Write one JSON object to this file; - is standard output.")]
From = Annotated[Path | None, typer.Option("--from", help="Read the evidence from this JSON file; run nothing.")]
Formats = Annotated[str, typer.Option("--format", help="Some of md,tex,html,pdf, with commas between.")]


def _version(asked: bool) -> None:
    if asked:
        from importlib.metadata import version

        print(f"ssmproof {version('ssmproof')}")
        raise typer.Exit(0)


@app.callback()
def options(
    context: typer.Context,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and stop.")
    ] = False,
) -> None:
    """Settle which learning algorithm a sequence layer runs in context, with evidence anyone can re-check."""
    if context.invoked_subcommand is None:
        print(context.get_help(), file=sys.stderr)
        raise typer.Exit(2)


@app.command()
def verify(
    patterns: Patterns = None,
    rung: Rungs = None,
    profile: Profile = "quick",
    device: Device = "cpu",
    seed: Seed = None,
    jobs: Jobs = 1,
    cluster: Cluster = None,
    fresh: Fresh = False,
    out: Out = None,
    json: Json = None,
) -> None:
    """Look for the evidence of claims, and try to refute their mutants."""
    from reports.terminal import show_run

    screen = _screen(json)
    check_outputs(json, out)
    with _workers(jobs, cluster) as jobs:
        run = run_claims(screen, patterns or (), rung, _settings(profile, device, seed), jobs, fresh)
    show_run(screen, run)
    write_json(json, run.to_json())
    if out is not None:
        write_report(screen, run, out, "md,tex,html,pdf", evidence=True)
    raise typer.Exit(run.status)


@app.command()
def claims(
    patterns: Patterns = None,
    systems: Annotated[
        bool, typer.Option("--systems", help="What each system computes; with --from, how settled.")
    ] = False,
    graph: Annotated[
        Literal["text", "dot", "mermaid"] | None, typer.Option("--graph", help="Which claim rests on what.")
    ] = None,
    source: From = None,
    json: Json = None,
) -> None:
    """The registry as a table, the systems that it settles, or the graph of what rests on what."""
    from reports.terminal import show_claims, show_graph, show_systems

    if systems and graph:
        raise Wrong("--systems and --graph are two answers; ask for one")
    if source and not systems:
        raise Wrong("--from goes with --systems: claims are listed without evidence")
    screen = _screen(json)
    check_outputs(json, None)
    from proofs import registry

    found = registry.select(patterns or ())
    from proofs.verify.graph import graph as resting
    from proofs.verify.systems import rows as settled

    edges = resting(found)
    table = settled(found, read_run(source) if source else None)
    if systems:
        show_systems(screen, table)
    elif graph:
        show_graph(screen, edges, graph)
    else:
        show_claims(screen, found)
    data = [
        {"id": c.id, "kind": c.kind.value, "title": c.title, "rungs": [r.value for r in c.rungs], "source": c.source}
        | {"mutants": [m.id for m in c.mutants], "rests_on": list(edges.under(c.id))}
        for c in found
    ]
    write_json(json, {"schema": 1, "claims": data, "systems": [row.to_json() for row in table]})


@app.command()
def show(
    id: Annotated[str, typer.Argument(metavar="ID", help="One claim's id.")],
    source: From = None,
    profile: Profile = "quick",
    device: Device = "cpu",
    seed: Seed = None,
) -> None:
    """One claim: statement, derivation, parameters, evidence, mutants."""
    from reports.terminal import show_claim

    screen = _screen(None)
    if "*" in id:
        raise Wrong(f"show takes one claim's id, not the pattern {id!r}; list the ids with: ssmproof claims {id!r}")
    from proofs import registry

    claim = registry.claim(id)
    run = read_run(source) if source else run_claims(screen, [id], None, _settings(profile, device, seed), 1)
    from proofs.verify.fingerprints import stale
    from proofs.verify.graph import graph
    from reports.document import parameters
    from reports.said import said as told

    show_claim(screen, claim, run, parameters(claim), graph(registry.select()))
    for line in stale(run.of(id)):
        screen.say(f"stale: {told(line)}", "yellow")
    raise typer.Exit(0 if source else run.status)


@app.command()
def report(
    patterns: Patterns = None,
    formats: Formats = "md,tex,html,pdf",
    out: Annotated[Path, typer.Option("--out", help="Folder to write to; made if need be.")] = Path("out"),
    source: From = None,
    profile: Profile = "quick",
    device: Device = "cpu",
    seed: Seed = None,
    jobs: Jobs = 1,
    date: Annotated[str, typer.Option("--date", help="A date to print; none, so that the bytes can be compared.")] = "",
) -> None:
    """Write the report; without --from it verifies first."""
    from reports.write import formats as checked

    screen = _screen(None)
    checked(formats)
    check_outputs(None, out)
    run = (
        read_run(source) if source else run_claims(screen, patterns or (), None, _settings(profile, device, seed), jobs)
    )
    write_report(screen, run, out, formats, date=date)
    raise typer.Exit(run.status)


@app.command()
def audit(
    target: Annotated[str, typer.Argument(metavar="TARGET", help="package.module:callable or file.py:callable.")],
    against: Annotated[
        str | None, typer.Option(help="A learner's id, file.py:function, or another layer; none: identify.")
    ] = None,
    adapter: Annotated[str | None, typer.Option(help="How to call it: built in, or file.py:function.")] = None,
    gate: Annotated[list[str] | None, typer.Option(metavar="NAME=VALUE", help=_GATE)] = None,
    against_adapter: Annotated[
        str | None, typer.Option(help="How to call the other layer, if not as this one.")
    ] = None,
    against_gate: Annotated[
        list[str] | None, typer.Option(metavar="NAME=VALUE", help="As --gate, for the other layer.")
    ] = None,
    size: Annotated[list[str] | None, typer.Option(metavar="NAME=VALUE", help="Fix f, m, N; may be repeated.")] = None,
    accept: Annotated[
        Literal["proved", "sampled"], typer.Option(help="sampled: status 0 also for what agrees, and is not proved.")
    ] = "proved",
    gradients: Annotated[
        bool, typer.Option("--gradients", help="Hold the layer's backward pass against the learner's derivatives too.")
    ] = False,
    profile: Profile = "quick",
    seed: Seed = None,
    call_seconds: Annotated[
        float | None,
        typer.Option(envvar="SSMPROOF_CALL_SECONDS", help=_SECONDS),
    ] = None,
    certificate: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Leave what certificate_checker.py checks with Python alone; .json.gz. Only of a proof.",
        ),
    ] = None,
    out: Out = None,
    json: Json = None,
) -> None:
    """Settle which learner somebody's layer runs, or whether it runs the one named, or is another layer's function."""
    screen = _screen(json)
    check_outputs(json, out)
    if certificate is not None:
        check_outputs(certificate, None)
    if call_seconds is not None:
        os.environ["SSMPROOF_CALL_SECONDS"] = repr(call_seconds)  # for fresh processes of the audit too
    gates, others = pairs("--gate", gate or [], "beta=1"), pairs("--against-gate", against_gate or [], "beta=1")
    sizes = {name: whole(name, value) for name, value in pairs("--size", size or [], "N=1").items()}
    settings = _settings(profile, "cpu", seed)
    if against is None and (against_adapter or others):
        raise Wrong("--against-adapter and --against-gate are for another layer; name it with --against")
    if against is None and gradients:
        raise Wrong("--gradients are held against those of a learner or another layer; name it with --against")
    from numeric.deciding.witnesses import witnessed
    from proofs.audit.layers import names_a_layer
    from proofs.identify.ask import ask, ask_layers
    from reports.terminal import only_answers, working

    none: AbstractContextManager[list[Witness]] = nullcontext([])
    keeping = none if certificate is None else witnessed()  # recordings are large
    with working(screen.err, f"auditing {target}"), only_answers(), keeping as witnesses:
        if against is not None and (against_adapter or others or names_a_layer(against)):
            found = ask_layers(
                target, against, adapter, against_adapter, gates, others, settings, sizes or None, gradients
            )
        else:
            found = ask(target, against, adapter, gates, settings, sizes or None, gradients)
    from reports.answers import lines
    from reports.answers_json import to_json

    for line in lines(found):
        screen.say(line)
    write_json(json, to_json(found))
    if out is not None:
        from proofs.verify.run import Run, environment

        write_report(screen, Run((), (), environment(settings)), out, "md,tex,html,pdf", audits=[found])
    certified = certificate is None or write_certificate(screen, certificate, found, witnesses)
    status = 0 if found.accepted(sampled=accept == "sampled") else found.status
    raise typer.Exit(status if certified else status or 3)


@app.command()
def contract(
    target: Annotated[str, typer.Argument(metavar="TARGET", help="package.module:callable or file.py:callable.")],
    adapter: Annotated[str | None, typer.Option(help="How to call it: built in, or file.py:function.")] = None,
    gate: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=VALUE", help="An argument: a number, or an expression in variables: g=log(decay)."),
    ] = None,
    size: Annotated[list[str] | None, typer.Option(metavar="NAME=VALUE", help="Fix f, m, N; may be repeated.")] = None,
    only: Annotated[
        list[str] | None, typer.Option(metavar="CONTRACT", help="Only this contract; may be repeated.")
    ] = None,
    accept: Annotated[
        Literal["proved", "sampled"], typer.Option(help="sampled: status 0 also for what agrees, and is not proved.")
    ] = "proved",
    seed: Seed = None,
    call_seconds: Annotated[float | None, typer.Option(envvar="SSMPROOF_CALL_SECONDS", help=_SECONDS)] = None,
    json: Json = None,
) -> None:
    """Check what every operator promises: causal, heads and entries apart, states handed on, packed, padded, linear ..."""
    screen = _screen(json)
    check_outputs(json, None)
    if call_seconds is not None:
        os.environ["SSMPROOF_CALL_SECONDS"] = repr(call_seconds)
    gates = pairs("--gate", gate or [], "beta=1")
    sizes = {name: whole(name, value) for name, value in pairs("--size", size or [], "N=1").items()}
    from proofs.contract.check import contracts
    from reports.contracts import lines, to_json
    from reports.terminal import only_answers, working

    with working(screen.err, f"checking {target}"), only_answers():
        found = contracts(target, adapter, gates, _settings("quick", "cpu", seed), sizes or None, only or ())
    for line in lines(found):
        screen.say(line)
    write_json(json, to_json(found))
    raise typer.Exit(0 if found.accepted(sampled=accept == "sampled") else found.status)


@app.command()
def bench(
    operators: Annotated[
        bool, typer.Option("--contracts", help="The contracts of some fifty operators instead, as a table: minutes.")
    ] = False,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Draws the points of --contracts.")] = 0,
    json: Json = None,
) -> None:
    """Time to verdict, with the naive baseline beside it; or what many operators keep of what they promise."""
    from proofs.bench import timings as benchmarks
    from proofs.verify.records import plain
    from proofs.verify.run import environment
    from reports.terminal import show_bench

    screen = _screen(json)
    check_outputs(json, None)
    if operators:
        from reports.contracts import benched

        data = benched(screen, seed)
        write_json(json, {"schema": 1, "environment": environment(Settings()), "operators": data})
        raise typer.Exit(0)
    rows = benchmarks.run(screen.tell)
    show_bench(screen, rows)
    data = [plain(row.to_json()) for row in rows]
    write_json(json, {"schema": 1, "environment": environment(Settings()), "rows": data})
    raise typer.Exit(0 if all(row.passed for row in rows) else 1)


@app.command()
def soundness(
    names: Annotated[
        bool, typer.Option("--identify", help="Identify them instead, and check every name by plain calls.")
    ] = False,
    replays: Annotated[
        bool,
        typer.Option(
            "--conformance", help="Compare replays of recordings with torch, on PyTorch's samples of its operators."
        ),
    ] = False,
    claims: Annotated[
        bool,
        typer.Option("--claims", help="Perturb the functions under each claim instead: which rung does not notice?"),
    ] = False,
    mutants: Annotated[
        int | None, typer.Option("--mutants", min=0, help="How many mutants, or claims; all by default.")
    ] = None,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Draws the mutants or claims, if not all.")] = 0,
    jobs: Jobs = 1,
    cluster: Cluster = None,
    json: Json = None,
) -> None:
    """Audit true layers and broken ones, or identify them: is anything missed, refuted that is true, or misnamed?"""
    from proofs.bench import claims as soundness_claims
    from proofs.bench import names as soundness_names
    from proofs.bench import soundness as audits
    from reports import soundness as said
    from reports.conformance import conforming
    from reports.terminal import show_sights, watching

    screen = _screen(json)
    check_outputs(json, None)
    if sum((names, claims, replays)) > 1:
        raise Wrong("--identify, --claims and --conformance are benches of their own; ask for one")
    found: Any
    lines: Iterable[str] = ()
    if replays and (jobs > 1 or cluster):
        raise Wrong("--conformance runs in one process; leave --jobs and --cluster out")
    with watching(screen.err) as progress, _workers(jobs, cluster) as jobs:
        if replays:
            found, lines = conforming(seed, progress)
        elif claims:
            found = soundness_claims.run(mutants, seed, jobs, progress)
        else:
            found = (soundness_names if names else audits).run(mutants, seed, jobs, progress)
            lines = (said.names if names else said.audits)(found)
    if claims:
        show_sights(screen, found)
    for line in lines:
        screen.say(line)
    write_json(json, {"schema": 1, **found.to_json()})
    raise typer.Exit(0 if found.passed else 1)


@app.command()
def new(
    kind: Annotated[Literal["claim", "learner", "layer"], typer.Argument(help="What to begin.")],
    name: Annotated[str, typer.Argument(help="Its name; of a claim its id, such as gd.my_claim.")],
) -> None:
    """Begin a claim, a learner or a layer: a file from a template, whose checks fail until it is filled in."""
    from reports.new import Kind, after
    from reports.new import new as begin

    path = begin(Kind(kind), name)
    screen = _screen(None)
    screen.say(f"wrote {path}")
    screen.say(after(Kind(kind), name))


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; the exit status. A user's mistake is one line on standard error, never a traceback."""
    return guarded(lambda: _command(None if arguments is None else list(arguments)))


def script() -> NoReturn:
    """The console script."""
    crashing()
    seldom()
    end(main())


def _command(arguments: list[str] | None) -> int | None:
    """The exit status that a command ends with; wrong usage is one line.

    Not click's standalone mode, in which a SystemExit of somebody else's code would pass for the command's own.
    """
    try:
        status = app(args=arguments, prog_name="ssmproof", standalone_mode=False)
    except _USAGE as mistake:
        path = mistake.ctx.command_path if mistake.ctx is not None else "ssmproof"
        raise Wrong(f"{mistake.format_message().rstrip('.')}; see: {path} --help") from None
    except typer.Abort:
        status = INTERRUPTED
    if status == INTERRUPTED:
        raise KeyboardInterrupt  # typer's versions say it in different ways
    return status if isinstance(status, int) else 0


@contextmanager
def _workers(jobs: int, cluster: str | None) -> Iterator[int]:
    """Inside, work goes to so many processes, or to the cluster. Raises Wrong, NoCluster."""
    if cluster is None:
        yield jobs
        return
    if jobs > 1:
        raise Wrong("--jobs is the number of processes here; a cluster has as many as it has workers")
    from proofs.verify.cluster import workers

    with workers(cluster) as number:
        yield number


def run_claims(
    screen: Screen,
    patterns: Sequence[str],
    rungs: Sequence[Rung] | None,
    settings: Settings,
    jobs: int,
    fresh: bool = False,
) -> Run:
    """`proofs.verify.run.verify` with progress on standard error; unless `fresh`, with what is kept of earlier runs."""
    from proofs.verify.kept import Kept
    from proofs.verify.run import environment
    from proofs.verify.run import verify as run_units
    from reports.terminal import watching
    from reports.words import counted

    kept = None if fresh else Kept(settings, environment(settings)["device"])
    with watching(screen.err) as progress:
        run = run_units(patterns, rungs, settings, jobs, progress, kept)
    if kept is not None and kept.used:
        screen.tell(f"{counted(kept.used, 'check')} from earlier runs, unchanged since; --fresh runs all again")
    return run


def _settings(profile: str, device: str, seed: int | None) -> Settings:
    return Settings(profile=profile, device=device, seed=seed)


def _screen(json: Path | None) -> Screen:
    from reports.terminal import screen

    return screen(answers_on_stderr=json is not None and str(json) == "-")
