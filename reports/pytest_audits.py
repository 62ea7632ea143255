"""pytest plugin: audits of one's own layers as tests, and a table of their verdicts at the end of the run.

    @pytest.mark.icl_audit("mylayers:delta_rule", against="online_gd", adapter="kv")
    def test_delta_rule(): ...

    def test_in_code(assert_learner):
        assert_learner(my_function, "gd:2", gates={"rate": "eta"})

    @pytest.mark.icl_same("mylayers:recurrent", "mylayers:chunked", adapter="kv")
    def test_one_function(): ...

    def test_one_function_in_code(assert_same_layer):
        assert_same_layer(recurrent, chunked, adapter="kv", gates={"g": "log(decay)"})

    def test_contracts(assert_contracts):
        assert_contracts(chunked, adapter="kv", only=("causal", "split", "packed"))

All take what `ssmproof audit` takes, `gradients=True` too, but the last one, which takes what `ssmproof contract` does. The
marker's audit runs before the test's body and ends it unless the answer is `expect` (default: proved); without `against` the
learner is identified, and `learner` says which it has to be. What only agrees at the points drawn passes with
`accept="sampled"`, or with `pytest --icl-accept sampled` for all.
Run with `--strict-markers`: without the plugin a marker does nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:  # the plugin is loaded by every pytest run, so it imports nothing heavy before an audit is asked for
    from proofs.audit.answer import Answer
    from proofs.contract.findings import Contracts

OPTIONS = ("against", "adapter", "gates", "sizes", "seed", "accept", "gradients", "expect", "learner")
SAME_OPTIONS = (
    "adapter",
    "against_adapter",
    "gates",
    "against_gates",
    "sizes",
    "seed",
    "accept",
    "gradients",
    "expect",
)
CONTRACT_OPTIONS = ("adapter", "gates", "sizes", "only", "seed", "accept")
SAME_ANSWERS = {"same": "proved", "different": "refuted", "agrees": "agrees", "undecided": "undecided"}
"""What `icl_same` may expect, and the word it is."""
ANSWERS = ("proved", "agrees", "refuted", "biased", "no match", "undecided")
ACCEPT = ("proved", "sampled")
KEY = "icl_audit"


def assert_learner(
    layer: str | Callable[..., Any],
    learner: str,
    *,
    adapter: str | None = None,
    gates: Mapping[str, str] | None = None,
    sizes: Mapping[str, int] | None = None,
    seed: int = 0,
    accept: str = "proved",
    gradients: bool = False,
) -> Answer:
    """Assert that `layer` runs `learner` in context; the audit, for further assertions.

    layer: a function, a module, or text such as `package.module:name`. Raises AssertionError with the audit's answer
    (reason, counterexample) unless it is proved, or with accept="sampled" agrees; TargetError if the layer can't be audited
    as given.
    """
    if accept not in ACCEPT:
        raise ValueError(f"accept is {accept!r}; expected one of {', '.join(ACCEPT)}")
    return _accepted(_compare(layer, learner, adapter, gates, sizes, seed, gradients), accept)


def assert_same_layer(
    layer: str | Callable[..., Any],
    other: str | Callable[..., Any],
    *,
    adapter: str | None = None,
    against_adapter: str | None = None,
    gates: Mapping[str, str] | None = None,
    against_gates: Mapping[str, str] | None = None,
    sizes: Mapping[str, int] | None = None,
    seed: int = 0,
    accept: str = "proved",
    gradients: bool = False,
) -> Answer:
    """Assert that two layers are one function of data, gates and state; the answer, for further assertions.

    layer, other, adapter, gates: as for `proofs.audit.layers.same`. Raises AssertionError as `assert_learner` does.
    """
    if accept not in ACCEPT:
        raise ValueError(f"accept is {accept!r}; expected one of {', '.join(ACCEPT)}")
    found = _same(layer, other, adapter, against_adapter, gates, against_gates, sizes, seed, gradients)
    return _accepted(found, accept)


def _same(
    layer: str | Callable[..., Any],
    other: str | Callable[..., Any],
    adapter: str | None = None,
    against_adapter: str | None = None,
    gates: Mapping[str, str] | None = None,
    against_gates: Mapping[str, str] | None = None,
    sizes: Mapping[str, int] | None = None,
    seed: int = 0,
    gradients: bool = False,
) -> Answer:
    from proofs.audit.layers import same
    from proofs.evidence import Settings

    return same(layer, other, adapter, against_adapter, gates, against_gates, Settings(seed=seed), sizes, gradients)


@pytest.fixture(name="assert_same_layer")
def _assert_same_layer(request: pytest.FixtureRequest) -> Callable[..., Answer]:
    """`assert_same_layer(layer, other, adapter=..., gates=..., sizes=...)`, whose verdict also enters the table."""

    def run(layer: str | Callable[..., Any], other: str | Callable[..., Any], **options: Any) -> Answer:
        __tracebackhide__ = True
        wrong = [o for o in options if o not in SAME_OPTIONS[:-1]]
        if wrong:
            raise TypeError(f"assert_same_layer has no option {wrong[0]!r}; it has {', '.join(SAME_OPTIONS[:-1])}")
        accept = options.pop("accept", request.config.getoption("icl_accept"))
        if accept not in ACCEPT:
            raise ValueError(f"accept is {accept!r}; expected one of {', '.join(ACCEPT)}")
        with _user_mistakes(request.node, layer, _text(other)):
            found = _same(layer, other, **options)
        _note(request.node, found)
        return _accepted(found, accept)

    return run


def assert_contracts(
    layer: str | Callable[..., Any],
    *,
    adapter: str | None = None,
    gates: Mapping[str, str] | None = None,
    sizes: Mapping[str, int] | None = None,
    only: Iterable[str] = (),
    seed: int = 0,
    accept: str = "proved",
) -> Contracts:
    """Assert that `layer` keeps what every operator promises, or the contracts named in `only`; what was found of each.

    layer, adapter, gates, sizes: as for `proofs.contract.contracts`. Raises AssertionError with what is broken or undecided
    unless all that apply are proved, or with accept="sampled" agree at the points drawn, which is all that some can.
    """
    if accept not in ACCEPT:
        raise ValueError(f"accept is {accept!r}; expected one of {', '.join(ACCEPT)}")
    return _kept(_contracts(layer, adapter, gates, sizes, only, seed), accept)


def _contracts(
    layer: str | Callable[..., Any],
    adapter: str | None = None,
    gates: Mapping[str, str] | None = None,
    sizes: Mapping[str, int] | None = None,
    only: Iterable[str] = (),
    seed: int = 0,
) -> Contracts:
    from proofs.contract.check import contracts
    from proofs.evidence import Settings

    return contracts(layer, adapter, gates, Settings(seed=seed), sizes, only)


@pytest.fixture(name="assert_contracts")
def _assert_contracts(request: pytest.FixtureRequest) -> Callable[..., Contracts]:
    """`assert_contracts(layer, adapter=..., gates=..., only=...)`, whose verdict also enters the table."""

    def run(layer: str | Callable[..., Any], **options: Any) -> Contracts:
        __tracebackhide__ = True
        wrong = [o for o in options if o not in CONTRACT_OPTIONS]
        if wrong:
            raise TypeError(f"assert_contracts has no option {wrong[0]!r}; it has {', '.join(CONTRACT_OPTIONS)}")
        accept = options.pop("accept", request.config.getoption("icl_accept"))
        if accept not in ACCEPT:
            raise ValueError(f"accept is {accept!r}; expected one of {', '.join(ACCEPT)}")
        with _user_mistakes(request.node, layer, "contracts"):
            found = _contracts(layer, **options)
        request.node.user_properties.append((KEY, "|".join((found.target, "contracts", found.word.lower()))))
        return _kept(found, accept)

    return run


def _kept(found: Contracts, accept: str) -> Contracts:
    """What was found, if it is accepted."""
    __tracebackhide__ = True
    if not found.accepted(sampled=accept == "sampled"):
        from reports.contracts import lines

        raise AssertionError("\n".join(["", *lines(found)]))
    return found


def _accepted(found: Answer, accept: str) -> Answer:
    """The audit, if it is accepted; raised by hand, so that pytest prints its answer once."""
    __tracebackhide__ = True
    if not found.accepted(sampled=accept == "sampled"):
        raise AssertionError(_said(found))
    return found


@pytest.fixture(name="assert_learner")
def _assert_learner(request: pytest.FixtureRequest) -> Callable[..., Answer]:
    """`assert_learner(layer, learner, adapter=..., gates=..., sizes=...)`, whose verdict also enters the table."""

    def run(layer: str | Callable[..., Any], learner: str, **options: Any) -> Answer:
        __tracebackhide__ = True
        wrong = [o for o in options if o not in OPTIONS[1:7]]
        if wrong:
            raise TypeError(f"assert_learner has no option {wrong[0]!r}; it has {', '.join(OPTIONS[1:7])}")
        accept = options.pop("accept", request.config.getoption("icl_accept"))
        with _user_mistakes(request.node, layer, learner):
            found = _compare(layer, learner, **options)
        _note(request.node, found)
        return _accepted(found, accept)

    return run


def _compare(
    layer: str | Callable[..., Any],
    against: str,
    adapter: str | None = None,
    gates: Mapping[str, str] | None = None,
    sizes: Mapping[str, int] | None = None,
    seed: int = 0,
    gradients: bool = False,
) -> Answer:
    from proofs.evidence import Settings
    from proofs.identify.ask import ask
    from proofs.target.loading import TargetError

    if not isinstance(against, str):  # for None the audit identifies, and an assertion would hold for any learner
        raise TargetError(f"learner {against!r}: expected a library id such as gd, or path/to/file.py:function")
    return ask(layer, against, adapter, gates, Settings(seed=seed), sizes, gradients)


def _marked(target: Any, options: dict[str, Any]) -> Answer:
    against = options.pop("against", None)
    if against is not None:
        return _compare(target, against, **options)
    from proofs.evidence import Settings
    from proofs.identify.run import identify

    seed = options.pop("seed", 0)
    return identify(target, settings=Settings(seed=seed), **options)


def _said(found: Answer) -> str:
    """The answer's lines, after the message that they belong to."""
    from reports.answers import lines

    return "\n".join(["", *lines(found)])


def _text(target: Any) -> str:
    return target if isinstance(target, str) else getattr(target, "__qualname__", type(target).__name__)


def _named(found: Answer) -> str:
    """The learner's id with its counts, or the other layer; `no match` if there is none."""
    return found.other or ("no match" if found.learner is None else found.learner.id)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add `--icl-accept`."""
    group = parser.getgroup("audits", "audits of layers")
    group.addoption("--icl-accept", choices=ACCEPT, default="proved", help="sampled: what agrees, unproved, passes too")


def pytest_configure(config: pytest.Config) -> None:
    """Register the marker, and the table's keeper in the process that sees every report."""
    config.addinivalue_line(
        "markers",
        "icl_audit(target, against=None, adapter=None, gates=None, sizes=None, seed=0, accept='proved', gradients=False, "
        "expect='proved', learner=None): audit the target before the test's body; without `against` identify it",
    )
    config.addinivalue_line(
        "markers",
        "icl_same(target, other, adapter=None, against_adapter=None, gates=None, against_gates=None, sizes=None, seed=0, "
        "accept='proved', gradients=False, expect='same'): whether both are one function, before the test's body",
    )
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(_Table(), "ssmproof-audits")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Wrong markers are a usage error before anything runs."""
    for item in items:
        for marker in item.iter_markers("icl_audit"):
            _checked(item.nodeid, marker)
        for marker in item.iter_markers("icl_same"):
            _checked_same(item.nodeid, marker)


def _checked(nodeid: str, marker: pytest.Mark) -> tuple[Any, dict[str, Any]]:
    given = ", ".join([*map(repr, marker.args), *(f"{k}={v!r}" for k, v in marker.kwargs.items())])
    options = dict(marker.kwargs)
    wrong = [k for k in options if k not in OPTIONS]
    allowed = options.get("expect", "proved") in ANSWERS and options.get("accept", "proved") in ACCEPT
    if len(marker.args) != 1 or wrong or not allowed:
        raise pytest.UsageError(
            f"{nodeid}: the marker is icl_audit({given}); expected one target and options of "
            f"{', '.join(OPTIONS)}; expect is one of {', '.join(ANSWERS)}, accept of {', '.join(ACCEPT)}"
        )
    if not any(isinstance(options.get(name), str) for name in ("against", "learner")):
        raise pytest.UsageError(
            f"{nodeid}: icl_audit({given}) names no learner; give against= to compare, or learner= to identify it as that"
        )
    if options.get("gradients") and not isinstance(options.get("against"), str):
        raise pytest.UsageError(f"{nodeid}: icl_audit({given}): gradients are held against a learner's; give against=")
    _checked_seed(f"{nodeid}: icl_audit({given})", options)
    return marker.args[0], options


def _checked_same(nodeid: str, marker: pytest.Mark) -> tuple[tuple[Any, ...], dict[str, Any]]:
    given = ", ".join([*map(repr, marker.args), *(f"{k}={v!r}" for k, v in marker.kwargs.items())])
    options = dict(marker.kwargs)
    allowed = options.get("expect", "same") in SAME_ANSWERS and options.get("accept", "proved") in ACCEPT
    if len(marker.args) != 2 or any(k not in SAME_OPTIONS for k in options) or not allowed:
        raise pytest.UsageError(
            f"{nodeid}: the marker is icl_same({given}); expected two targets and options of "
            f"{', '.join(SAME_OPTIONS)}; expect is one of {', '.join(SAME_ANSWERS)}, accept of {', '.join(ACCEPT)}"
        )
    _checked_seed(f"{nodeid}: icl_same({given})", options)
    return marker.args, options


def _checked_seed(where: str, options: Mapping[str, Any]) -> None:
    if "seed" in options:
        from proofs.evidence import Settings

        try:
            Settings(seed=options["seed"])
        except ValueError as error:
            raise pytest.UsageError(f"{where}: {error}") from None


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None]:
    """The marker's audits, then the test."""
    for marker in item.iter_markers("icl_audit"):
        target, options = _checked(item.nodeid, marker)
        expect, learner = options.pop("expect", "proved"), options.pop("learner", None)
        accept = options.pop("accept", item.config.getoption("icl_accept"))
        with _user_mistakes(item, target, options.get("against") or "identify"):
            found = _marked(target, options)
        _note(item, found)
        passed = found.accepted(sampled=accept == "sampled") if expect == "proved" else found.word.lower() == expect
        if not passed:
            pytest.fail(f"expected {expect}{_said(found)}", pytrace=False)
        if learner is not None and _named(found) != learner:
            pytest.fail(f"expected the learner {learner}{_said(found)}", pytrace=False)
    for marker in item.iter_markers("icl_same"):
        (target, other), options = _checked_same(item.nodeid, marker)
        expect = options.pop("expect", "same")
        accept = options.pop("accept", item.config.getoption("icl_accept"))
        with _user_mistakes(item, target, _text(other)):
            found = _same(target, other, **options)
        _note(item, found)
        held = found.accepted(sampled=accept == "sampled") if expect == "same" else False
        if not held and found.word.lower() != SAME_ANSWERS[expect]:
            pytest.fail(f"expected {expect}{_said(found)}", pytrace=False)
    return (yield)


@contextmanager
def _user_mistakes(item: pytest.Item, target: Any, learner: str) -> Iterator[None]:
    """A target that can't be audited as given fails the test with the one message, and is in the table too."""
    try:
        yield
    except ValueError as error:
        from proofs.mistake import UserMistake

        if not isinstance(error, UserMistake):
            raise
        item.user_properties.append((KEY, "|".join((_text(target), learner, "not run"))))
        raise pytest.fail.Exception(str(error), pytrace=False) from None


def _note(item: pytest.Item, found: Answer) -> None:
    row = (found.target, _named(found), found.word.lower())
    item.user_properties.append((KEY, "|".join(row)))


class _Table:
    """Verdicts by target, filled from the reports."""

    def __init__(self) -> None:
        self.rows: list[tuple[str, ...]] = []

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.when == "call":
            self.rows += [tuple(str(v).rsplit("|", 2)) for k, v in report.user_properties if k == KEY]

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        if self.rows:
            terminalreporter.section("audits")
            width = max(len(r[0]) for r in self.rows)
            for target, learner, verdict in dict.fromkeys(self.rows):
                terminalreporter.line(
                    f"{verdict:<10} {target:<{width}}  {learner}",
                    red=verdict in ("refuted", "biased", "no match", "not run"),
                )
