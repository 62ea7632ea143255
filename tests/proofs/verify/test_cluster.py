"""A cluster answers as this machine does, whatever happens to its workers; what can't be used is said in one line."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from distributed import LocalCluster

from proofs.evidence import Settings
from proofs.verify.cluster import NoCluster, workers
from proofs.verify.run import Run, _WorkersFailed, spread, verify
from reports.cli import main

CLAIMS = ["gd.degrees", "gd.optimal_step", "gd.weight_decay"]


@pytest.fixture(scope="module")
def cluster() -> Iterator[LocalCluster]:
    with LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=":0") as found:
        yield found


def without_times(run: Run) -> str:
    rows = run.to_json()
    for row in (*rows["evidence"], *rows["mutants"]):
        row["seconds"] = 0
    return json.dumps(rows, sort_keys=True)


def test_a_lost_worker_changes_nothing(cluster: LocalCluster) -> None:
    """One of two is killed when the first answer is there: the run is that of one process, byte by byte."""
    killed: list[int] = []

    def kill(done: int, total: int, *_: Any) -> None:
        if not killed:
            killed.append(next(iter(cluster.workers.values())).process.pid)
            os.kill(killed[0], signal.SIGKILL)

    with workers(cluster.scheduler_address) as number:
        assert number == 2
        many = verify(CLAIMS, settings=Settings(seed=3), jobs=number, progress=kill)
    assert killed and without_times(many) == without_times(verify(CLAIMS, settings=Settings(seed=3)))


def test_the_command_takes_it(cluster: LocalCluster, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    told, address = tmp_path / "found.json", cluster.scheduler_address
    asked = ["verify", "gd.degrees", "--seed", "3", "--fresh", "--json", str(told), "--cluster", address]
    assert main(asked) == 0
    found = Run.from_json(json.loads(told.read_text()))
    assert without_times(found) == without_times(verify(["gd.degrees"], settings=Settings(seed=3)))
    assert main([*asked, "--jobs", "2"]) == 2
    assert "as many as it has workers" in capsys.readouterr().err


def test_work_that_costs_every_worker_ends(cluster: LocalCluster) -> None:
    with workers(cluster.scheduler_address) as number, pytest.raises(_WorkersFailed, match="KilledWorker"):
        list(spread(signal.raise_signal, [(signal.SIGKILL,)], number))


@pytest.mark.slow
def test_the_bench_takes_it(cluster: LocalCluster, tmp_path: Path) -> None:
    found = []
    for where in (["--cluster", cluster.scheduler_address], []):
        told = tmp_path / f"{len(where)}.json"
        assert main(["soundness", "--mutants", "1", "--seed", "2", "--json", str(told), *where]) == 0
        found.append(told.read_bytes())
    assert found[0] == found[1]


def test_what_cannot_be_used_is_said(cluster: LocalCluster, monkeypatch: pytest.MonkeyPatch) -> None:
    for address, wrong in (
        ("nowhere", "is no scheduler's address"),
        ("tcp://127.0.0.1:1", "no Dask scheduler answers"),
    ):
        with pytest.raises(NoCluster, match=wrong), workers(address):
            pass
    for lacking, threads, processes in (("has no workers", 0, True), ("has 2 threads", 2, False)):
        unusable = LocalCluster(
            n_workers=min(threads, 1), threads_per_worker=threads or 1, processes=processes, dashboard_address=":0"
        )
        with unusable, pytest.raises(NoCluster, match=lacking), workers(unusable.scheduler_address):
            pass
    monkeypatch.setattr("proofs.verify.cluster.version", lambda name: "0")
    with (
        pytest.raises(NoCluster, match="differs from this machine in torch, numpy"),
        workers(cluster.scheduler_address),
    ):
        pass
