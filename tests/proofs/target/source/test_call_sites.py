"""Arguments that no size decides, read from the calls: what is handed around, computed or bound again settles nothing."""

import pytest

from numeric.finding import Verdict
from proofs.audit.answer import Word
from proofs.audit.run import compared
from proofs.evidence import Settings
from proofs.target.source.call_sites import CallSites
from reports.said import said

SOURCE = """
LONG = "x" * 3000

def helper(X, late=False, scale=None, start=0):
    return X

def literal(X):
    return helper(X, False, scale=-1.0)

def passed(X, late=False):
    return inner(X, late)

def inner(X, late):
    return inner(X, late) if late else X

def computed(X, late=False):
    return compared(X, len(X) > len(LONG))

def compared(X, late=False):
    return X

def bound(X, late=False):
    late = len(X) > len(LONG)
    return after(X, late)

def after(X, late):
    return X

def handed(X):
    return list(map(around, [X], [len(X) > len(LONG)]))

def around(X, late=False):
    return X

def asked(X, mode=""):
    return told(X, mode == "late", mode == "late" or mode == LONG)

def told(X, late, later):
    return X

def spread(X):
    return unpacked(X, *[len(X) > len(LONG)])

def unpacked(X, late=False):
    return X

def looked_up(X):
    return getattr(Layer, "fetched")(X, len(X) > len(LONG))

def fetched(X, late=False):
    return X

class Layer:
    def called(self, X):
        return self.method(X, True)

    def method(self, X, late):
        return X
"""


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    path = tmp_path_factory.mktemp("layers") / "calls.py"
    path.write_text(SOURCE)
    names = {}
    exec(compile(SOURCE, str(path), "exec"), names)
    return names


def settled(names, function, **options):
    """options: for a target by its name, the arguments that its caller chooses."""
    codes = {names[name].__code__: frozenset(chosen) for name, chosen in options.items()}
    function = names["Layer"].method if function == "method" else names[function]
    ran = [
        f.__code__ for f in (*names.values(), names["Layer"].method, names["Layer"].called) if hasattr(f, "__code__")
    ]
    return CallSites(ran, codes).settled(function.__code__)


def test_a_caller_that_nothing_reaches_calls_nothing(source):
    alone = source["compared"].__code__
    assert CallSites([alone, source["literal"].__code__], {alone: frozenset({"late"})}).settled(alone) == {"late"}
    assert not CallSites([alone, source["computed"].__code__], {alone: frozenset({"late"})}).settled(alone)


@pytest.mark.parametrize(
    ("line", "found"), [("layer.eval()", {"late"}), ("builtins.eval('3')", set()), ("eval('3')", set())]
)
def test_a_module_set_to_evaluation_evaluates_no_text(tmp_path, line, found):
    path = tmp_path / "evaluated.py"
    path.write_text(f"def helper(X, late=False):\n    return X\n\ndef main(X):\n    {line}\n    return helper(X)\n")
    names = {}
    exec(compile(path.read_text(), str(path), "exec"), names)
    code = names["helper"].__code__
    assert CallSites([code, names["main"].__code__], {}).settled(code) == found


def test_what_calls_give_as_a_literal_or_pass_on_is_settled(source):
    assert settled(source, "helper") == {"late", "scale", "start"}
    assert settled(source, "inner", passed={"late"}) == {"late"}
    assert settled(source, "inner", passed=()) == frozenset()  # the caller's own was given a tensor
    assert settled(source, "method") == {"late"}
    assert settled(source, "passed", passed={"late"}) == {"late"}
    assert settled(source, "told", asked={"mode"}) == {"late"}  # a test of what is settled is; of other names it is not
    assert settled(source, "told", asked=()) == frozenset()


@pytest.mark.parametrize("name", ["compared", "after", "around", "unpacked", "fetched"])
def test_what_a_size_can_decide_is_not(source, name):
    chosen = {"computed": {"late"}, "bound": {"late"}}
    assert "late" not in settled(source, name, **chosen)


LAYERS = """
LONG = "x" * 40_000

def helper(X, Y, x_q, eta, late=False):
    out = eta / len(X) * (Y.T @ X) @ x_q
    if late:
        out = 2 * out
    return out

def layer(X, Y, x_q, eta, late=False):
    return helper(X, Y, x_q, eta, late=len(X) > len(LONG))

def plain(X, Y, x_q, eta):
    return helper(X, Y, x_q, eta, False)

def given(X, Y, x_q, eta=None):
    if eta is None:
        eta = 0.25
    return helper(X, Y, x_q, eta)

def taken(X, Y, x_q, eta=None):
    eta = None if len(X) > len(LONG) else eta
    if eta is None:
        eta = 0.25
    return helper(X, Y, x_q, eta)

def adapter(target, X, Y, x_q, eta):
    return target(X, Y, x_q, eta, late=len(X) > len(LONG))

def other(target, X, Y, x_q, eta):
    return target(X, Y, x_q, eta) if len(X) < len(LONG) else target(X, Y, x_q, eta, late=True)
"""


@pytest.mark.parametrize(
    ("name", "adapter", "word"),
    [
        ("layer", None, Word.UNDECIDED),  # a size decides in the helper what the target's own option does not
        ("plain", None, Word.PROVED),
        ("given", None, Word.PROVED),  # that it is given is the caller's choice
        ("taken", None, Word.UNDECIDED),
        ("helper", "adapter", Word.UNDECIDED),
        ("helper", "other", Word.UNDECIDED),
    ],
)
def test_a_branch_is_an_option_where_only_the_caller_chooses_it(tmp_path, name, adapter, word):
    path = tmp_path / "late.py"
    path.write_text(LAYERS)
    sizes = {"N": 3, "f": 2, "m": 1}
    found = compared(f"{path}:{name}", "gd", adapter and f"{path}:{adapter}", {"eta": "eta"}, Settings(seed=1), sizes)
    assert found.word is word, str(found)
    assert (
        found.verdict is Verdict.CONFIRMED
        or "was never true" in said(found.reason)
        or "was always true" in said(found.reason)
    )


@pytest.mark.parametrize(
    ("body", "found"),
    [
        ("start, norm = (state, None) if False else (state, None)", set()),
        ("start, norm = state, None", {"start", "norm"}),
        (
            "if isinstance(state, tuple):\n        start, norm = state\n    else:\n        start, norm = state, None",
            {"start", "norm"},
        ),
        ("if len(X) > 40:\n        start = 1\n    else:\n        start = state", set()),  # a size decides
        ("start = late\n    for x in X:\n        start = True", set()),
        ("start = late\n    start = start or len(X) > 40", set()),
        ("start = late\n    start += 1", set()),
        ("start = late\n    [start := x for x in X]", set()),
        ("late = len(X) > 40\n    start = late", set()),
        ("start = late\n    def inner():\n        nonlocal start\n        start = True\n    inner()", set()),
        ("with X:\n        start = late", set()),
        ("start = next = late", {"start", "next"}),
        ("start, *norm = state, late", set()),
    ],
)  # fmt: skip
def test_variables_made_of_options_alone(tmp_path, body, found):
    path = tmp_path / "made.py"
    path.write_text(f"def main(X, state=None, late=False):\n    {body}\n    return X\n")
    names = {}
    exec(compile(path.read_text(), str(path), "exec"), names)
    code = names["main"].__code__
    assert CallSites([code], {code: frozenset({"state", "late"})}).made(code) == found


@pytest.mark.parametrize(
    ("body", "found"),
    [
        ("use, store = gate is not None, state is None", {"use", "store"}),
        ("use = gate is not None and not late", {"use"}),
        ("use = gate is not None\n    if len(X) > 40:\n        use = False", set()),  # a size decides
        ("use = gate is not None and len(X) < 40", set()),
        ("use = gate is not X", set()),
        ("gate = gate if len(X) < 40 else None\n    use = gate is not None", set()),  # no longer as it was given
        ("use = other is not None", set()),
    ],
)
def test_variables_made_of_whether_an_argument_was_given(tmp_path, body, found):
    path = tmp_path / "given.py"
    path.write_text(f"def main(X, gate=None, state=None, other=None, late=False):\n    {body}\n    return X\n")
    names = {}
    exec(compile(path.read_text(), str(path), "exec"), names)
    code = names["main"].__code__
    made = CallSites([code], {code: frozenset({"state", "late"})}).made(code, frozenset({"gate", "state"}))
    assert made == found
