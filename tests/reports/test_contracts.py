"""`ssmproof contract`: its lines, its JSON object, its exit statuses; the table of many operators; the fixture of pytest."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from proofs.contract.findings import Contract
from reports.cli import main
from reports.contracts import table, world
from reports.pytest_audits import assert_contracts

LAYERS = Path(__file__).resolve().parents[1] / "proofs" / "contract" / "layers.py"


def layer(name: str) -> list[str]:
    return [f"{LAYERS}:{name}", "--adapter", "kv", "--seed", "1", "--size", "N=3"]


def test_a_broken_contract_is_said_with_its_counterexample(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    out = tmp_path / "found.json"
    status = main(["contract", *layer("lost_mask"), "--only", "causal", "--only", "packed", "--json", str(out)])
    said = capsys.readouterr().out
    assert status == 1 and said.startswith("CONTRACT BROKEN: ")
    for line in (
        "  broken          causal: no output depends on later tokens",
        "first at position 1, batch entry 1, head 1",
        "counterexample, run again as plain calls",
        "# later tokens changed: [1, 0]",
        "# the call is cut after 1 token",
        "  does not apply  packed: no argument cu_seqlens",
    ):
        assert line in said
    found = json.loads(out.read_text())
    causal, packed = found["contracts"]
    assert (found["schema"], found["status"], causal["kept"], packed["kept"]) == (1, 1, "broken", "does not apply")
    assert causal["first place"] == {"position": 1, "entry": 1, "head": 1} and causal["reproduced by plain calls"]
    assert causal["counterexample"]["as called"] == ["0", "0"]


def test_the_longest_call_is_always_told() -> None:
    found = assert_contracts(f"{LAYERS}:lost_mask", adapter="kv", sizes={"N": 3}, only=("linear",))
    assert "no compared call has more tokens than 3: longer ones may be another thing" in list(world(found))


@pytest.mark.parametrize(
    "name, options, status, word",
    [
        ("lost_mask", ["--only", "linear"], 0, "CONTRACTS KEPT: "),
        ("lost_mask", ["--only", "modes"], 4, "CONTRACTS KEPT AT ALL POINTS DRAWN: "),
        ("lost_mask", ["--only", "modes", "--accept", "sampled"], 0, "CONTRACTS KEPT AT ALL POINTS DRAWN: "),
        ("lost_mask", ["--only", "split"], 3, "CONTRACTS UNDECIDED: "),
    ],
)
def test_the_exit_status(
    capsys: pytest.CaptureFixture[str], name: str, options: list[str], status: int, word: str
) -> None:
    assert main(["contract", *layer(name), *options]) == status
    assert capsys.readouterr().out.startswith(word)


def test_wrong_usage_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["contract", *layer("lost_mask"), "--only", "casual"]) == 2
    assert "no contract 'casual'; there are causal" in capsys.readouterr().err


def test_asserted_in_a_test() -> None:
    found = assert_contracts(f"{LAYERS}:lost_mask", adapter="kv", sizes={"N": 2}, only=("heads",))
    assert found.status == 0
    with pytest.raises(AssertionError, match="CONTRACT BROKEN"):
        assert_contracts(f"{LAYERS}:lost_mask", adapter="kv", sizes={"N": 2}, only=("causal",))
    with pytest.raises(ValueError, match="accept is 'all'"):
        assert_contracts(f"{LAYERS}:lost_mask", accept="all")


def test_the_fixture_is_in_the_table(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        f"""
        def test_heads(assert_contracts):
            assert_contracts("{LAYERS}:lost_mask", adapter="kv", sizes={{"N": 2}}, only=("heads",))
        """
    )
    done = pytester.runpytest_inprocess("-p", "reports.pytest_audits")
    done.assert_outcomes(passed=1)
    done.stdout.fnmatch_lines(["proved*layers.py:lost_mask*contracts"])


def test_the_table_has_a_sign_for_each_contract() -> None:
    found = assert_contracts(f"{LAYERS}:lost_mask", adapter="kv", sizes={"N": 2}, only=("heads", "packed", "linear"))
    head, one, two, legend = table([("attention", found), ("missing", "not installed")])
    assert head.split() == [c.value[:6] for c in Contract]
    assert one.split() == ["attention", "=", ".", "="] and two == "missing    not installed"
    assert legend.startswith("= proved")
