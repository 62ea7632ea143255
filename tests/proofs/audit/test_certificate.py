"""Certificates: what is listed is what was recorded; bounds hold; and nothing that was tampered with passes the checker."""

from __future__ import annotations

import contextlib
import copy
import json
import math
import random
import subprocess
import sys
from collections.abc import Callable, Iterator
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from numeric.carriers.listing import Listing
from numeric.deciding.comparison import Comparison
from numeric.deciding.exact_identity import decide
from numeric.deciding.programs import rational, recorded, replayed
from numeric.deciding.witnesses import witnessed
from numeric.entropy import Entropy
from numeric.finding import Verdict
from proofs.audit import certificate_checker as checker
from proofs.audit.answer import Word
from proofs.audit.certificate import identity_of, sealed
from proofs.audit.rows import Check, Row
from proofs.bench.targets import INSTALLED, Installed
from proofs.evidence import Settings
from reports.certificates import certificate

SHAPES = {"X": ("N", "f"), "Y": ("N", "m"), "x_q": ("f",), "decay": ("N",), "beta": ("N",)}


def recurrent(X: Any, Y: Any, x_q: Any, decay: Any, beta: Any) -> Any:
    """Normalised steps that decay, one a token, read with a scale of f**-0.5."""
    state = X.new_zeros(X.shape[1], Y.shape[1])
    for x, y, d, b in zip(X, Y, decay, beta, strict=True):
        state = d * state
        state = state + torch.outer(x, b * y) / (1 + b * b)
    return x_q @ state * X.shape[1] ** -0.5


def parallel(X: Any, Y: Any, x_q: Any, decay: Any, beta: Any) -> Any:
    """The same at once: decays as differences of summed logarithms, and another way to write the scale."""
    summed = decay.log().cumsum(0)
    weights = (summed[-1] - summed).exp() * beta / (1 + beta**2)
    return (x_q / math.sqrt(X.shape[1])) @ X.T @ (weights[:, None] * Y)


@cache
def _identity(N: int = 3, f: int = 3, m: int = 2) -> dict[str, Any]:
    sizes = {"f": f, "m": m, "N": N}
    with witnessed() as kept:
        asked = Comparison(recurrent, parallel, SHAPES, sizes, entropy=Entropy(1))
        found = decide(asked, positive=("decay",), rounded=True)
    assert found.verdict is Verdict.CONFIRMED
    (witness,) = kept
    assert witness.finding is found
    identity, logarithms = identity_of(Row(Check.EXACT, sizes, found), witness)
    assert logarithms and identity["roots"] == [[3, 2]]
    return identity


def _statement() -> dict[str, Any]:
    about = {"A": "recurrent", "B": "parallel"}
    return {"form": checker.FORM, "about": about, "assumes": ["a constant"], "identities": [_identity()]}


def _fresh() -> dict[str, Any]:
    return copy.deepcopy(_statement())


def _written(statement: dict[str, Any], claims: dict[str, Any]) -> bytes:
    return checker.plain({**statement, "claims": claims}).encode()


@cache
def _claims() -> dict[str, Any]:
    return checker.claims_of(_statement())


def _passes(data: bytes) -> bool:
    try:
        checker.check(data)
    except Exception:  # as the command takes it: whatever a file brings about
        return False
    return True


def _forged(statement: dict[str, Any]) -> bool:
    """Whether a forger who recomputes every claim for a statement gets it through."""
    try:
        return _passes(_written(statement, checker.claims_of(statement)))
    except Exception:  # the checker's own functions reject it
        return False


def test_a_certificate_is_checked_by_python_alone(tmp_path: Path) -> None:
    """With no environment, isolated from the project, in its own words."""
    file = tmp_path / "a.json.gz"
    file.write_bytes(sealed(_statement()))
    command = ["env", "-i", sys.executable, "-I", "-S", checker.__file__, str(file)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 0 and done.stdout.startswith("CHECKED"), done.stdout + done.stderr
    assert (
        "exact, N=3 f=3 m=2: A = B, all of [m], for all X [N, f], Y [N, m], beta [N], decay [N], x_q [f]" in done.stdout
    )
    assert "assumes   a constant" in done.stdout and "not shown that A and B" in done.stdout
    file.write_bytes(b"{}")
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 1 and done.stdout.startswith("REJECTED") and done.stdout.count("\n") == 1


def test_the_checker_is_short_and_stands_alone() -> None:
    text = Path(checker.__file__).read_text(encoding="utf-8")
    imported = [line.split()[1] for line in text.splitlines() if line.startswith(("import ", "from "))]
    assert len(text.splitlines()) < 300
    assert set(imported) <= set(sys.stdlib_module_names)


# --- tampering ----------------------------------------------------------------------------------------------------------


def _values(identity: dict[str, Any], side: str) -> list[int] | None:
    """What a side computes at a point that no certificate has; None where it has no value."""
    M = 2**127 - 1
    draw = random.Random(5)
    sizes, variables = identity["sizes"], identity["variables"]
    values = {
        name: [draw.randrange(M) for _ in range(math.prod(sizes[a] for a in axes))] for name, axes in variables.items()
    }
    roots = [((q, k), pow(q, 1 + k, M)) for q, k in identity["roots"]]
    try:
        ran = checker.Side(side, identity[side], values, roots, {}, M)
        found: list[int] = ran.read(ran.out, [sum(math.prod(sizes[a] for a in p) for p in identity["output"])])[0]
    except Exception:  # no value
        return None
    return found


def _an_operation(side: dict[str, Any], draw: random.Random) -> None:
    line = draw.choice([line for line in side["code"] if line[0] in ("add", "sub", "mul", "div")])
    line[0] = draw.choice([op for op in ("add", "sub", "mul", "div") if op != line[0]])


def _a_constant(side: dict[str, Any], draw: random.Random) -> None:
    line = draw.choice([line for line in side["code"] if line[0] == "const"])
    k = draw.randrange(len(line[1]))
    value = line[1][k]
    changed = (
        [value[0] + draw.choice((-1, 1)), value[1]] if isinstance(value, list) else value + draw.choice((-1, 1, 7))
    )
    line[1][k] = changed


def _a_window(side: dict[str, Any], draw: random.Random) -> None:
    line = draw.choice([line for line in side["code"] if len(line) == 4])
    window = line[draw.choice((2, 3))]
    if draw.random() < 0.5 or not window[1]:
        window[0] += draw.choice((-2, -1, 1, 2))
    else:
        window[1][draw.randrange(len(window[1]))] += draw.choice((-1, 1))


def _an_address(side: dict[str, Any], draw: random.Random) -> None:
    lines = [line for line in side["code"] if line[0] == "copy"]
    if lines:
        addresses = draw.choice(lines)[2]
        addresses[draw.randrange(len(addresses))] += draw.choice((-1, 1))
    else:
        _a_window(side, draw)


def _out_of_range(side: dict[str, Any], draw: random.Random) -> None:
    line = draw.choice([line for line in side["code"] if len(line) == 4])
    line[draw.choice((2, 3))][0] = draw.choice((-1, 10**9, 1 << 70))


def _an_order(side: dict[str, Any], draw: random.Random) -> None:
    names = side["inputs"]
    i, j = draw.sample(range(len(names)), 2)
    names[i], names[j] = names[j], names[i]


def _a_line_less(side: dict[str, Any], draw: random.Random) -> None:
    del side["code"][draw.randrange(len(side["code"]))]


def _a_line_twice(side: dict[str, Any], draw: random.Random) -> None:
    k = draw.randrange(len(side["code"]))
    side["code"].insert(k, copy.deepcopy(side["code"][k]))


def _an_output(side: dict[str, Any], draw: random.Random) -> None:
    side["out"] = draw.choice(([side["out"][0] - 1, [1]], [side["out"][0], [0]], [0, [0]], [side["out"][0] + 1, [-1]]))


IN_SIDES: tuple[Callable[[dict[str, Any], random.Random], None], ...] = (
    _an_operation, _a_constant, _a_window, _an_address, _out_of_range, _an_order, _a_line_less, _a_line_twice, _an_output,
)  # fmt: skip


def _in_a_side(draw: random.Random, number: int, whole: dict[str, Any] | None = None) -> dict[str, Any] | None:
    """One change of one side's function; None where the side still has the same values at a point, since a change that leaves
    the function (two operands of a sum exchanged, something that is multiplied by 0) is no tampering."""
    statement = copy.deepcopy(whole or _statement())
    (identity,) = statement["identities"]
    side = draw.choice("AB")
    before = _values(identity, side)
    with contextlib.suppress(IndexError):  # there is nothing of this kind
        IN_SIDES[number % len(IN_SIDES)](identity[side], draw)
    return statement if _values(identity, side) != before else None


def _of_the_frame() -> Iterator[tuple[str, dict[str, Any]]]:
    """What a forger may change beside the code: labels of sizes, axes, roots, trials, and both sides at once."""

    def changed(name: str, change: Callable[[dict[str, Any]], object]) -> tuple[str, dict[str, Any]]:
        statement = _fresh()
        change(statement["identities"][0])
        return name, statement

    def both(change: Callable[[dict[str, Any]], object]) -> Callable[[dict[str, Any]], object]:
        return lambda i: [change(i[side]) for side in "AB"]

    yield changed("more tokens", lambda i: i["sizes"].update(N=4))
    yield changed("fewer tokens", lambda i: i["sizes"].update(N=2))
    yield changed("sizes exchanged", lambda i: i["sizes"].update(f=2, m=3))
    yield changed("a size more", lambda i: i["sizes"].update(H=1))
    yield changed("a size of 0", lambda i: i["sizes"].update(N=0))
    yield changed("a size that is no number", lambda i: i["sizes"].update(N=True))
    yield changed("an axis more", lambda i: i["variables"].update(beta=["N", "m"]))
    yield changed("an axis less", lambda i: i["variables"].update(X=["N"]))
    yield changed("a variable more", lambda i: i["variables"].update(Z=["N"]))
    yield changed("a variable less", lambda i: i["variables"].pop("beta"))
    yield changed("one output of two", lambda i: i.update(output=[[]]))
    yield changed("no output", lambda i: i.update(output=[]))
    yield changed("another output", lambda i: i.update(output=[["f"]]))
    yield changed("both outputs the same", both(lambda s: s.update(out=[s["out"][0], [0]])))
    yield changed("outputs that are 0", both(lambda s: s.update(out=[0, [0]])))
    yield changed("inputs for outputs", both(lambda s: s.update(out=[1, [1]])))
    yield changed("no code", both(lambda s: s.update(code=[], out=[1, [1]])))
    yield changed("a root of no prime", lambda i: i.update(roots=[[9, 2]]))
    yield changed("no root", lambda i: i.update(roots=[]))
    yield changed("a root twice", lambda i: i.update(roots=[[3, 2], [3, 2]]))
    yield changed("one trial", lambda i: i.update(trials=1))
    yield changed("no trials", lambda i: i.update(trials=0))
    yield changed("no number of trials", lambda i: i.update(trials=2.0))
    yield changed("both sides one", lambda i: i.pop("B"))
    yield changed("a divisor of 0", lambda i: i["A"]["code"].append(["div", [1], [1, [1]], [0, [0]]]))
    yield changed("a constant over 0", lambda i: i["A"]["code"].append(["const", [[1, 0]]]))
    yield changed("an operation of no kind", lambda i: i["A"]["code"].append(["exp", [1], [1, [1]], [1, [1]]]))
    yield changed("what was skipped", lambda i: i["A"]["code"].insert(0, ["skip", [1]]))
    statement = _fresh()
    yield "another form", {**statement, "form": "ssmproof certificate 2"}
    yield "no identities", {**statement, "identities": []}
    yield "more than there is", {**statement, "more": 1}
    yield "a text of two lines", {**statement, "assumes": ["a\n  CHECKED"]}


def _of_the_claims(draw: random.Random) -> dict[str, Any]:
    claims = copy.deepcopy(_claims())
    (one,) = claims["identities"]
    kind = draw.randrange(7)
    if kind == 0:
        one["degree"] -= draw.randint(1, one["degree"])
    elif kind == 1:
        one["height"] += draw.choice((-1, 1))
    elif kind == 2:
        one["chance"] -= draw.randint(1, 40)
    elif kind == 3:
        claims["chance"] -= draw.randint(1, 40)
    elif kind == 4:
        k = draw.randrange(len(one["primes"]))
        one["primes"][k] = draw.choice((one["primes"][k] + 2, 2**61 - 1, one["primes"][1 - k], 101, 2**80 - 65))
    elif kind == 5:
        claims["seed"] = f"{draw.getrandbits(256):064x}"
    else:
        one["primes"] = one["primes"][:1]
    return claims


def test_two_hundred_tampered_certificates_are_rejected() -> None:
    """100 changes of a side's function by a forger who recomputes all claims; the same and other changes with the claims as
    they were; changed claims."""
    draw = random.Random(14)
    assert _passes(_written(_statement(), _claims())) and _forged(_fresh())
    tampered, same, number = 0, 0, 0
    while tampered < 100:
        number += 1
        statement = _in_a_side(draw, number)
        if statement is None:
            same += 1
            continue
        tampered += 1
        assert not _forged(statement), statement
        assert not _passes(_written(statement, _claims()))
    assert same < number / 3
    for name, statement in _of_the_frame():
        assert not _forged(statement), name
        assert not _passes(_written(statement, _claims())), name
        tampered += 1
    for _ in range(70):
        claims = _of_the_claims(draw)
        assert not _passes(_written(_statement(), claims)), claims
        tampered += 1
    assert tampered >= 200


PROVED = [one for one in INSTALLED if one.expected is Word.PROVED]


@pytest.mark.slow
@pytest.mark.parametrize("one", PROVED, ids=lambda one: one.title)
def test_targets_leave_certificates_and_their_tampered_ones_are_rejected(one: Installed, tmp_path: Path) -> None:
    """Layers that nobody here wrote: checked by Python alone, and 20 changes of a side of each identity rejected."""
    if one.missing():
        pytest.skip(one.missing())
    with witnessed() as kept:
        answer = one.audit(Settings(seed=1))
    data, _ = certificate(answer, kept)
    file = tmp_path / "a.json.gz"
    file.write_bytes(data)
    command = ["env", "-i", sys.executable, "-I", "-S", checker.__file__, str(file)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    statement, _ = checker.check(data)
    draw = random.Random(14)
    for identity in statement["identities"]:
        alone = {**statement, "identities": [identity]}
        found = (_in_a_side(draw, number, alone) for number in range(20))
        assert not any(_forged(tampered) for tampered in found if tampered is not None)


def test_names_are_bound_to_the_claims() -> None:
    """What is not checked can't be changed without all claims: those who do make another statement, in their own words."""
    (identity,) = _statement()["identities"]
    other_scale = [{**identity, "roots": [[5, 2]]}]  # both sides with another number: true as well, of other programs
    for change in ({"about": {"A": "another"}}, {"assumes": []}, {"identities": other_scale}):
        statement = {**_statement(), **change}
        assert not _passes(_written(statement, _claims()))
        assert _forged(statement)


def test_what_is_equal_at_the_points_of_another_statement_is_rejected() -> None:
    """Nobody can choose points: a side that was made to agree at those of a statement is another statement. Nor primes."""
    primes = _claims()["identities"][0]["primes"]
    for number in (math.prod(primes), checker.below(math.prod(primes), _claims()["seed"], "0/x0/0")):
        statement = _fresh()
        side = statement["identities"][0]["A"]
        first, (out, (stride,)) = sum(_length(line) for line in side["code"]), side["out"]
        start = 1 + 3 * 3 + 3 * 2 + 3 + 3 + 3 + 1 + first
        where = 1 + sum(_entries(statement, name) for name in side["inputs"][: side["inputs"].index("X")])
        side["code"] += [["const", [number]]]
        if number == math.prod(primes):  # out + M x
            side["code"] += [["mul", [1], [start, [0]], [where, [0]]]]
        else:  # out + (x - what x is at the point)
            side["code"] += [["sub", [1], [where, [0]], [start, [0]]]]
        side["code"] += [["add", [2], [out, [stride]], [start + 1, [0]]]]
        side["out"] = [start + 2, [1]]
        assert not _forged(statement)
        assert not _passes(_written(statement, _claims()))
        honest = _fresh()  # with 0 in the place of the number the first is the same function
        honest["identities"][0]["A"] = copy.deepcopy(side)
        honest["identities"][0]["A"]["code"][-3] = ["const", [0]]
        assert _forged(honest) is (number == math.prod(primes))


def _length(line: list[Any]) -> int:
    op, shape = line[:2]
    if op == "const":
        return len(shape)
    return math.prod(shape[:-1] if op == "dot" else shape)


def _entries(statement: dict[str, Any], name: str) -> int:
    (identity,) = statement["identities"]
    return math.prod(identity["sizes"][a] for a in identity["variables"][name])


def test_malformed_files_are_rejected() -> None:
    data = _written(_statement(), _claims())
    for other in (b"", b"\x1f\x8b", b"[]", b"{}", b"null", b"\xff", b"[" * 100_000, data[:-1], data + b" ", data[1:]):
        assert not _passes(other)
    twice = data.replace(b'"form":', b'"form":"x","form":', 1)
    spaced = json.dumps(json.loads(data)).encode()
    point = data.replace(b'"trials":2', b'"trials":2.0', 1)
    assert not any(map(_passes, (twice, spaced, point))) and _passes(data)


def test_a_side_that_ignores_an_input_is_rejected() -> None:
    statement = _fresh()
    for side in "AB":
        statement["identities"][0][side] = {
            "inputs": ["X", "Y", "beta", "decay", "x_q"],
            "code": [["dot", [2, 3, 3], [1, [0, 3, 1]], [1, [1, 1, 3]]], ["dot", [2, 3], [28, [1, 0]], [10, [1, 2]]]],
            "out": [28, [1]],
        }
    with pytest.raises(ValueError, match="does not read beta, decay"):
        checker.claims_of(statement)


# --- what is listed, and its bounds ----------------------------------------------------------------------------------------

PROGRAMS: dict[str, Callable[..., Any]] = {
    "products": lambda a, b: torch.einsum("ij,kj->ik", a, b) @ (a * b) - a @ b.mT,
    "batches": lambda a, b: torch.bmm(a.expand(2, 3, 3), torch.stack([b, b.mT])),
    "running": lambda a, b: a.cumsum(0) + b.cumprod(1) * a.prod(0) - b.sum(1, keepdim=True) / a.mean(),
    "masks": lambda a, b: (a @ b.mT).tril(-1) + torch.where(torch.eye(3, dtype=torch.bool), a, b.flip(0)),
    "writes": lambda a, b: _writes(a, b),
    "powers": lambda a, b: (a**5 - 0.75) / (b**2 + 1) + (3 * a - 1) ** -2 + b / 3,
    "systems": lambda a, b: torch.linalg.solve(a @ a.mT + torch.eye(3, dtype=a.dtype), b) + torch.linalg.inv(a),
    "logarithms": lambda a, b: ((a * a).log().cumsum(0) - (b * b).log()).exp(),
    "complex": lambda a, b: (torch.complex(a, b) @ torch.complex(b, a)).imag,
}


def _writes(a: Any, b: Any) -> Any:
    out = torch.zeros(3, 3, dtype=a.dtype)
    for t in range(3):
        out[t] = out[t - 1] * a[t] + b[:, t]
        out[:, t] += out.T[t] @ a
    return out


@pytest.mark.parametrize("name", PROGRAMS)
def test_what_is_listed_is_what_was_recorded(name: str) -> None:
    """The checker's arithmetic on the code, against the recording replayed on rational numbers."""
    program = recorded(PROGRAMS[name])
    numbers = [Fraction(v) for v in (2, 3, -1, 5, 1, 4, 1, -2, 7, 3, 1, 2, -4, 1, 1, 2, 6, 5)]
    inputs = {"a": np.array(numbers[:9]).reshape(3, 3), "b": np.array(numbers[9:]).reshape(3, 3)}
    right, _ = rational(program, inputs)
    listing = Listing()
    tape = program.at({"a": (3, 3), "b": (3, 3)})
    (output,) = replayed(tape, listing, listing.inputs({n: w.size for n, w in tape.inputs.items()}))
    code, window = listing.finished(output[0])
    M = 2**127 - 1
    values = {n: [int(v) % M for v in a.reshape(-1)] for n, a in inputs.items()}
    side = checker.Side("A", {"inputs": list(tape.inputs), "code": code, "out": window}, values, [], {}, M)
    found = side.read(window, list(output[0].shape))[0]
    assert found == [v.numerator * pow(v.denominator, -1, M) % M for v in right.reshape(-1)]


def test_degrees_and_heights_are_bounds() -> None:
    """Random code, against its own exact numerators."""
    import sympy

    draw = random.Random(3)
    x, y = sympy.symbols("x y")
    for _ in range(25):
        code: list[list[Any]] = [["const", [2, [3, 4], [-1, 6]]]]
        held: list[Any] = [0, x, y, sympy.Integer(2), sympy.Rational(3, 4), sympy.Rational(-1, 6)]
        divides = draw.random() < 0.6
        for _ in range(7):
            op = draw.choice(("add", "sub", "mul", "mul", *(("div",) if divides else ())))
            a, b = draw.randrange(1, len(held)), draw.randrange(1, len(held))
            if op == "div" and sympy.cancel(held[b]) == 0:
                op = "mul"
            code.append([op, [], [a, []], [b, []]])
            left, right = held[a], held[b]
            made = {"add": left + right, "sub": left - right, "mul": left * right}
            held.append(sympy.cancel(made[op] if op in made else left / right))
        values = {"x": [12345], "y": [67891]}
        side = checker.Side("A", {"inputs": ["x", "y"], "code": code, "out": [0, []]}, values, [], {}, 2**127 - 1)
        for address, value in enumerate(held):
            (_, (degree, height, exponents, _), _) = side.read([address, []], [])
            top = sympy.fraction(sympy.cancel(value))[0]
            if value == 0:
                continue
            assert sympy.Poly(top, x, y).total_degree() <= degree + sum(
                -e * side.sizes[K][0] for K, e in exponents.items() if e < 0
            )
            if not divides:
                cleared = math.prod(K**e for K, e in exponents.items())
                norm = sum(abs(c) for c in sympy.Poly(value * cleared, x, y).coeffs())
                assert norm.is_integer and norm <= 2**height


@pytest.mark.parametrize(
    "n", [1, 2, 3, 41, 43, 45, 561, 2047, 3215031751, 2**61 - 1, 2**80 - 65, 2**80 - 67, 2**79 + 1]
)
def test_primes(n: int) -> None:
    from flint import fmpz

    assert checker.is_prime(n) is bool(fmpz(n).is_prime())
