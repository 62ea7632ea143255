"""Targets that do not return, at ordinary and at far points: one message that says where, and no verdict."""

import signal
import threading
import time

import pytest

from proofs.evidence import Settings
from proofs.identify.ask import ask
from proofs.target.deadline import VARIABLE, Late, limited
from proofs.target.loading import TargetError
from reports import cli

LAYERS = """
import time
import torch

def right(X, Y, x_q, eta):
    return eta / len(X) * (Y.T @ X) @ x_q

def far(X, Y, x_q, eta):
    r = X.detach().numpy().max()
    while r > 1e9: pass
    return right(X, Y, x_q, eta)

def ordinary(X, Y, x_q, eta):
    k = 0
    while True:
        try: k += 1
        except Exception: pass

def asleep(X, Y, x_q, eta):
    time.sleep(1000)
"""


@pytest.fixture(scope="module")
def layers(tmp_path_factory):
    path = tmp_path_factory.mktemp("layers") / "endless.py"
    path.write_text(LAYERS)
    return path


@pytest.mark.parametrize("name", ["far", "ordinary", "asleep"])
@pytest.mark.parametrize("against", ["gd", None])
def test_a_call_that_does_not_return_is_no_verdict(layers, monkeypatch, name, against):
    monkeypatch.setenv(VARIABLE, "0.2")
    started, handler = time.thread_time(), signal.getsignal(signal.SIGALRM)
    with pytest.raises(TargetError, match="did not return within") as raised:
        ask(f"{layers}:{name}", against, settings=Settings(seed=1))
    assert time.thread_time() - started < 20
    said = str(raised.value)
    assert name in said and VARIABLE in said and "with inputs of" in said
    largest = float(said.split("numbers up to ")[1].split(":")[0])
    assert (largest > 1e9) is (name == "far")
    assert signal.getsignal(signal.SIGALRM) is handler


def test_the_command_says_it_in_a_line(layers, monkeypatch, capsys):
    monkeypatch.setenv(VARIABLE, "0.2")
    assert cli.main(["audit", f"{layers}:ordinary", "--against", "gd", "--seed", "1"]) == 2
    said = capsys.readouterr().err
    assert "did not return within 0.2 s of CPU time" in said and "Traceback" not in said


def test_a_timer_that_runs_is_given_back(monkeypatch):
    fired = []
    before = signal.signal(signal.SIGALRM, lambda *_: fired.append(True))
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.2)
        with limited("it", lambda: "there"):
            time.sleep(0.05)
        assert not fired and 0 < signal.getitimer(signal.ITIMER_REAL)[0] <= 0.2
        time.sleep(0.3)
        assert fired
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def test_other_threads_have_no_limit_and_no_error(monkeypatch):
    monkeypatch.setenv(VARIABLE, "0.1")
    found = []

    def run():
        with limited("it", lambda: "there"):
            found.append(sum(range(10**6)))

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert found


def test_no_exception_of_a_target_stops_it():
    assert not issubclass(Late, Exception)


@pytest.mark.parametrize("text", ["0", "-1", "soon", "nan"])
def test_a_limit_that_is_no_number_of_seconds_is_refused(layers, monkeypatch, text):
    monkeypatch.setenv(VARIABLE, text)
    with pytest.raises(TargetError, match=VARIABLE):
        ask(f"{layers}:right", "gd", settings=Settings(seed=1))
