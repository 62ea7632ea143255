"""Plain calls at many sizes: what is wrong at some lengths, at some widths, in the middle or in the state after is found."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from numeric.entropy import Entropy
from numeric.finding import Verdict
from proofs.audit import sweep as swept
from proofs.audit.answer import Word
from proofs.audit.compared import How
from proofs.audit.far_calls import GROUPS
from proofs.audit.preflight import preflight
from proofs.audit.reasons import NotSeen
from proofs.audit.sweep import CLOSE, PART, Swept, apart, sweep
from proofs.audit.whole import Found
from proofs.audit.world import Refusal
from proofs.evidence import Settings
from proofs.identify.ask import ask
from proofs.target.adapters import adapt
from proofs.target.case import Case
from proofs.target.learners import learner
from proofs.target.loading import load
from reports.said.kinds import ranges

LAYERS = """
import torch

def step(X, Y, x_q):
    return Y.T @ (X @ x_q) / len(X)

def good(X, Y, x_q):
    return step(X, Y, x_q)

def powers_of_two(X, Y, x_q):
    n = len(X)
    return step(X, Y, x_q) * (2 if n > 4 and n & (n - 1) == 0 else 1)

def tiles(X, Y, x_q):
    tile = (2 * X.shape[1] - 1) * Y.shape[1]
    return step(X, Y, x_q) * (2 if len(X) % tile == 0 else 1)

def square(X, Y, x_q):
    return step(X, Y, x_q) * (2 if X.shape[1] == Y.shape[1] and len(X) > 30 else 1)

def scalar(X, Y, x_q):
    return step(X, Y, x_q) * (2 if Y.shape[1] == 1 and len(X) > 4 else 1)

def wide_and_late(X, Y, x_q):
    return step(X, Y, x_q) * (2 if X.shape[1] >= 16 and len(X) > 2 * 32 else 1)

def epsilon(X, Y, x_q):
    return step(X, Y, x_q) * (1 + 1e-8 if len(X) == 23 else 1)

def with_a_logarithm(X, Y, x_q, eta):
    return step(X, Y, x_q) * (1 - torch.exp(torch.log(1 - eta)))

def cut_targets(X, Y, x_q):
    return step(X, Y, x_q)[: 8 * X.shape[1] - 1]

def many_targets(X, Y, x_q):
    return step(X, Y, x_q) * (2 if Y.shape[1] > 7 * X.shape[1] else 1)

def square_blocks(X, Y, x_q):
    return step(X, Y, x_q) * (2 if 1 < X.shape[1] == Y.shape[1] and len(X) > 16 * X.shape[1] else 1)

def width(X, Y, x_q):
    return step(X, Y, x_q) * {64: 1, 96: 1, 128: 1.01, 256: 1}.get(X.shape[1], 1)

def two_ways(X, Y, x_q):
    if len(X) % 37 == 0:
        return torch.einsum("nm,n->m", Y, X @ x_q) / len(X)
    return step(X, Y, x_q)

def two_ways_if_even(X, Y, x_q):
    if X.shape[1] % 2 == Y.shape[1] % 2 == len(X) % 2 == 0:
        return torch.einsum("nm,n->m", Y, X @ x_q) / len(X)
    return step(X, Y, x_q)

def linear(q, k, v, size=16, skip=False, start=None):
    S = k.new_zeros(k.shape[0], k.shape[2], k.shape[3], v.shape[3]) if start is None else start
    out, states = [], [S]
    for i in range(0, k.shape[1], size):
        Q, K, V = (a[:, i : i + size].transpose(1, 2) for a in (q, k, v))
        s = (Q @ K.mT).tril()
        if skip and 0 < i < k.shape[1] - size:
            s[..., -1, -1] = 0
        out.append((Q @ S + s @ V).transpose(1, 2))
        S = S + K.mT @ V
        states.append(S)
    return torch.cat(out, 1), states

def chunks(q, k, v, initial_state=None):
    out, states = linear(q, k, v, start=initial_state)
    return out, states[-1]

def chunk_ends(q, k, v, initial_state=None):
    out, states = linear(q, k, v, skip=True, start=initial_state)
    return out, states[-1]

def old_state(q, k, v, initial_state=None):
    out, states = linear(q, k, v, start=initial_state)
    return out, states[max(1, k.shape[1] // 16)]

def tokens(Z, late=False):
    x, y = Z[:, 0::2], Z[:, 1::2]
    scores = (x[:, 1:] @ x[:, :-1].mT).tril()
    if late:
        scores[:, 16:, :17] = (x[:, 17:] @ x[:, :17].mT)
    out = torch.zeros_like(Z)
    at = torch.arange(1, y.shape[1] + 1, dtype=Z.dtype)[:, None]
    out[:, 2::2] = (scores @ y) / at
    return out

def late_tokens(Z):
    x, y = Z[:, 0::2], Z[:, 1::2]
    out = tokens(Z)
    if y.shape[1] > 20:
        out[:, 24] *= 2
    return out

def attends(query, keys, values, again=False):
    S = keys.mT @ values / keys.shape[1]
    if again:
        query = torch.cat([query[:, :16], query[:, : max(0, query.shape[1] - 16)]], 1)
    return query @ S

def attends_again(query, keys, values):
    return attends(query, keys, values, True)
"""


@pytest.fixture(scope="module")
def layers(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("layers") / "swept_layers.py"
    path.write_text(LAYERS)
    return path


def found(layers: Path, name: str, adapter: str | None = None, mentioned: tuple[int, ...] = (), **fixed: int) -> Swept:
    target = load(f"{layers}:{name}")
    gates = {"eta": "1"} | ({"readout": "N"} if adapter == "kv" else {})
    case, at = preflight(Case.of(name, adapt(target, adapter), learner("gd"), gates), fixed, Entropy(0))
    whole = Found(tokens=3, axes=("f", "m") if adapter == "kv" else None)
    kinds = (How.EXACT, How.FLOAT)
    return sweep(case, at, fixed, kinds, whole, mentioned, (21,), Entropy(1), -60.0)


@pytest.mark.parametrize(
    ("name", "adapter", "sizes"),
    [
        ("powers_of_two", None, {"N": 8}),
        ("tiles", None, {"N": 21}),
        ("square", None, {"f": 3, "m": 3, "N": 33}),
        ("scalar", None, {"m": 1, "N": 5}),
        ("epsilon", None, {"N": 23}),
        ("many_targets", None, {"f": 2, "m": 16}),
        ("square_blocks", None, {"f": 3, "m": 3, "N": 64}),
        ("width", None, {"f": 128, "m": 2}),
        ("chunk_ends", "kv", {"N": 33}),
        ("late_tokens", "tokens", {"N": 33}),
        ("attends_again", "attention", {"N": 33}),
        ("old_state", "kv", {"N": 66}),
    ],
)
def test_what_is_wrong_somewhere_is_found_there(
    layers: Path, name: str, adapter: str | None, sizes: dict[str, int]
) -> None:
    result = found(layers, name, adapter, (128,) if name == "width" else (16,) if adapter else ())
    (row,) = [r for r in result.rows if r.finding.verdict is Verdict.REFUTED]
    assert {k: row.sizes[k] for k in sizes} == sizes


@pytest.mark.parametrize(
    ("name", "adapter"), [("good", None), ("chunks", "kv"), ("tokens", "tokens"), ("attends", "attention")]
)
def test_true_layers_agree_everywhere(layers: Path, name: str, adapter: str | None) -> None:
    result = found(layers, name, adapter, (16,) if adapter else ())
    assert not result.refusals and all(r.finding.verdict is Verdict.CONFIRMED for r in result.rows)
    assert {*range(1, swept.EVERY + 1), 48, 64, 1024} <= {*result.plain.lengths}
    widths = {width for width, N in result.plain.elsewhere if {4, 40} <= {*N}}
    assert {*swept.WIDTHS} <= widths
    assert (result.plain.whole == (8, 33)) is (adapter is not None)
    assert (result.plain.handed == (66, 100, 34)) is (adapter == "kv")


@pytest.mark.parametrize(
    ("name", "sizes"), [("two_ways", {"f": 4, "m": 3, "N": 37}), ("two_ways_if_even", {"f": 2, "m": 6, "N": 4})]
)
def test_another_way_through_the_code_is_compared_on_the_rungs(layers: Path, name: str, sizes: dict[str, int]) -> None:
    result = found(layers, name)
    assert all(row.finding.verdict is Verdict.CONFIRMED for row in result.rows)
    assert sizes in [row.sizes for row in result.rows]


def test_variables_are_halved_where_the_layer_has_no_value(layers: Path) -> None:
    target = load(f"{layers}:with_a_logarithm")
    case, at = preflight(Case.of("with_a_logarithm", adapt(target, None), learner("gd"), {}), {}, Entropy(0))
    result = sweep(case, at, {}, (How.FLOAT,), Found(), (), (), Entropy(1), -60.0)
    assert not result.refusals and {*range(1, swept.EVERY + 1)} <= {*result.plain.lengths}


def test_a_result_of_another_length_is_a_doubt_where_widths_may_differ(layers: Path) -> None:
    refusals = found(layers, "cut_targets").refusals
    assert [(r.sizes, r.unlike) for r in refusals] == [({"f": 2, "m": 16, "N": 5}, True)]
    assert not any(r.unlike for r in found(layers, "cut_targets", None, (), m=3).refusals)


FITTED = """
def decayed(X, Y, x_q, late=False):
    W = X.new_zeros(Y.shape[1], X.shape[1])
    square = W.shape[0] == W.shape[1] > 1
    for t, (x, y) in enumerate(zip(X, Y)):
        W = 0.875 * (W.T if late and square and t == 7 else W)
        W = W + 0.5 * (y - W @ x)[:, None] * x
    return W @ x_q

def turned(X, Y, x_q):
    return decayed(X, Y, x_q, True)
"""


def test_numbers_of_a_fit_are_asked_at_other_widths(tmp_path: Path) -> None:
    path = tmp_path / "fitted.py"
    path.write_text(FITTED)
    true, false = (ask(f"{path}:{n}", "decay_then_step", settings=Settings(seed=1)) for n in ("decayed", "turned"))
    assert true.word is Word.PROVED and {(3, 3), (1, 1)} <= {*dict(true.world.plain.elsewhere)}
    assert false.word is Word.UNDECIDED and isinstance(false.reason, NotSeen)
    assert isinstance(false.reason.doubt, Refusal) and false.reason.doubt.sizes == {"f": 3, "m": 3, "N": 8}


def test_fixed_sizes_stay(layers: Path) -> None:
    plain = found(layers, "good", None, (), N=5, f=4, m=3).plain
    assert plain.lengths == () and plain.elsewhere == ()


def test_what_costs_too_much_is_not_said_to_agree(layers: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(swept, "_BUDGET", 800)
    assert 1 <= len(found(layers, "good").plain.lengths) < swept.EVERY


def test_a_wide_and_long_call_comes_before_what_is_too_dear(layers: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(swept, "_BUDGET", 2000)
    result = found(layers, "wide_and_late", None, (16, 32))
    (row,) = [r for r in result.rows if r.finding.verdict is Verdict.REFUTED]
    assert row.sizes == {"f": 18, "m": 2, "N": 65}
    plain = found(layers, "good", None, (16, 32)).plain
    assert 1024 not in plain.lengths
    assert dict(plain.elsewhere) == dict.fromkeys([(18, 2), (2, 18), (34, 2), (2, 34)], (65,))


def test_rows_are_held_against_their_own_size() -> None:
    other = torch.tensor([[1.0, 2.0], [1e-3, 2e-3]], dtype=torch.float64)
    assert 0 < apart(other * (1 + 1e-10), other) < CLOSE
    assert PART < apart(other + torch.tensor([[0.0, 0.0], [1e-7, 0.0]]), other) < 1e-4
    assert apart(other * torch.tensor([[1.0, float("nan")], [1.0, 1.0]]), other) == float("inf")
    assert apart(other, other * float("nan")) == 0 and apart(other[:1], other) == float("inf")


def test_a_layer_of_equal_widths_is_not_asked_where_one_channel_would_be_added_to_all_targets() -> None:
    target = load("proofs.bench.corpus.online:layer_norm_batches")
    chosen = learner("ttt_layer_norm:4")
    case, at = preflight(
        Case.of("layer_norm_batches", adapt(target, None), chosen, {"gamma": "1", "bias": "0"}), {}, Entropy(0)
    )
    result = sweep(case, at, {}, (How.BALLS,), Found(), (), (), Entropy(1), -60.0)
    assert at["f"] == at["m"] and not [r for r in result.rows if r.finding.verdict is Verdict.REFUTED]
    assert {(3, 3), (16, 16)} <= {width for width, _ in result.plain.elsewhere}


def test_runs_of_numbers_are_their_ends() -> None:
    assert ranges([1, 2, 3, 4, 6, 8, 9]) == "1 to 4, 6, 8, 9"


PARTS = """
import torch

def rows(q, k, v, S):
    out = []
    for t in range(k.shape[1]):
        S = S + torch.einsum("bhd,bhm->bhdm", k[:, t], v[:, t])
        out.append(torch.einsum("bhdm,bhd->bhm", S, q[:, t]))
    return torch.stack(out, 1), S

def begun(k, v, start):
    return k.new_zeros(k.shape[0], k.shape[2], k.shape[3], v.shape[3]) if start is None else start

def alone(q, k, v, initial_state=None):
    return rows(q, k, v, begun(k, v, initial_state))

def blocks(q, k, v, initial_state=None):
    S, block = begun(k, v, initial_state), 4 * k.shape[3]
    for t in range(0, k.shape[1], block):
        out, S = rows(q[:, t : t + block], k[:, t : t + block], v[:, t : t + block], S[:1].expand_as(S) if t else S)
        done = out if t == 0 else torch.cat([done, out], 1)
    return done, S

def full_block(q, k, v, initial_state=None):
    S = begun(k, v, None if k.shape[1] % (4 * k.shape[3]) == 0 else initial_state)
    return rows(q, k, v, S)

def groups(q, k, v, initial_state=None):
    if k.shape[2] % 16 == 0:
        k = k.roll(8, 2)
    return rows(q, k, v, begun(k, v, initial_state))

def middle_of_square(q, k, v, initial_state=None):
    out, S = rows(q, k, v, begun(k, v, initial_state))
    if k.shape[3] == v.shape[3]:
        out[:, 16:-1] *= 2
    return out, S

def tiles(q, k, v, initial_state=None):
    size, (B, T, H, D) = 32, k.shape
    parts = [rows(a, b, v, begun(b, v, None))[0] for a, b in zip(q.split(size, 3), k.split(size, 3))]
    out = torch.stack(parts).reshape(B, len(parts), T, H, v.shape[3]).sum(1)
    S = begun(k, v, initial_state)
    return out + torch.einsum("bihd,bhdm->bihm", q, S), S + torch.einsum("bihd,bihm->bhdm", k, v)

def first_tile_of_the_state(q, k, v, initial_state=None):
    S = begun(k, v, None)
    if initial_state is not None:
        S = torch.cat([initial_state[:, :, :32], S[:, :, 32:]], 2)
    return rows(q, k, v, S)

def unmasked_later_tiles(q, k, v, initial_state=None):
    S, low = begun(k, v, initial_state), torch.ones(k.shape[1], k.shape[1], dtype=k.dtype).tril()
    s = torch.einsum("bihd,bjhd->bhij", q, k)
    parts = [torch.einsum("bhij,bjhm->bihm", s if i else s * low, a) for i, a in enumerate(v.split(32, 3))]
    out = torch.cat(parts, 3) + torch.einsum("bihd,bhdm->bihm", q, S)
    return out, S + torch.einsum("bihd,bihm->bhdm", k, v)

def full_tiles_of_the_state(q, k, v, initial_state=None):
    out, S = rows(q, k, v, begun(k, v, initial_state))
    D = k.shape[3]
    return out, S if D % 32 else S.unflatten(2, (-1, 32)).flip(2).flatten(2, 3)

def entries_past_a_tile(q, k, v, initial_state=None):
    out, S = rows(q, k, v, begun(k, v, initial_state))
    return torch.cat([out[:32], 2 * out[32:]]), S

def heads_as_channels(q, k, v, initial_state=None):
    if k.shape[2] == k.shape[3] and k.shape[1] > 8:
        v = torch.cat([v[:, :8], v[:, 8:].flip(2)], 1)
    return rows(q, k, v, begun(k, v, initial_state))

def none_is_no_zeros(q, k, v, initial_state=None, output_final_state=False):
    out, S = rows(q, k, v, begun(k, v, initial_state))
    return out, S * (1 if initial_state is not None else 0.5) if output_final_state else None

def flag_changes_the_output(q, k, v, initial_state=None, output_final_state=False):
    out, S = rows(q, k, v, begun(k, v, initial_state))
    return out * (2 if initial_state is not None and not output_final_state else 1), S

def with_a_flag(q, k, v, initial_state=None, output_final_state=False):
    out, S = rows(q, k, v, begun(k, v, initial_state))
    return out, S if output_final_state else None

def without_a_state(q, k, v, initial_state=None):
    out, S = rows(q, k, v, begun(k, v, initial_state))
    return (out, S) if initial_state is not None else out

def scalar_sum(q, k, v, initial_state=None):
    return rows(q, k, v.sum(0, True).expand_as(v) if v.shape[3] == 1 else v, begun(k, v, initial_state))
"""


@pytest.mark.parametrize(
    ("name", "what"),
    [
        ("alone", ""),
        ("with_a_flag", ""),
        ("without_a_state", ""),
        ("blocks", "alone"),
        ("full_block", "handed"),
        ("scalar_sum", "alone"),
        ("groups", "alone"),
        ("middle_of_square", "positions"),
        ("tiles", "alone"),
        ("first_tile_of_the_state", "handed"),
        ("unmasked_later_tiles", "positions"),
        ("full_tiles_of_the_state", "handed"),
        ("entries_past_a_tile", "alone"),
        ("heads_as_channels", "alone"),
        ("none_is_no_zeros", "left out"),
        ("flag_changes_the_output", "left out"),
    ],
)
def test_entries_and_heads_are_as_each_alone_at_blocks_and_widths(tmp_path: Path, name: str, what: str) -> None:
    (tmp_path / "parts_layers.py").write_text(PARTS)
    target = load(f"{tmp_path / 'parts_layers.py'}:{name}")
    gates = {"eta": "1", "readout": "N"}
    case, at = preflight(Case.of(name, adapt(target, "kv"), learner("gd"), gates), {}, Entropy(0))
    whole = Found(batch=2, heads=2, tokens=3, axes=("f", "m"))
    result = sweep(case, at, {}, (How.FLOAT,), whole, (32,) if "tile" in name else (), (), Entropy(1), -60.0)
    refuted = [r for r in result.rows if r.finding.verdict is Verdict.REFUTED]
    assert bool(refuted) is bool(what) and all(what in r.variant for r in refuted)
    assert what or {5, 8, 16, 32, 33, 48, 64} <= {*result.plain.parts}


GROUPED = """
import torch

def repeat_kv(x, n):
    if n == 1:
        return x
    B, T, H, D = x.shape
    return x[:, :, :, None, :].expand(B, T, H, n, D).reshape(B, T, H * n, D)

def attend(q, k, v):
    return torch.einsum("bhij,bjhm->bihm", torch.einsum("bihd,bjhd->bhij", q, k).tril(), v)

def side_by_side(q, k, v):
    n = q.shape[2] // k.shape[2]
    return attend(q, repeat_kv(k, n), repeat_kv(v, n))

def tiled(q, k, v):
    n = q.shape[2] // k.shape[2]
    return attend(q, k.repeat(1, 1, n, 1), v.repeat(1, 1, n, 1))
"""


@pytest.mark.parametrize(
    ("name", "groups", "doubt"), [("side_by_side", (8, 33), False), ("tiled", (), True), ("attend", (), False)]
)
def test_heads_of_queries_that_share_keys_are_those_of_keys_repeated(
    tmp_path: Path, name: str, groups: tuple[int, ...], doubt: bool
) -> None:
    path = tmp_path / "grouped.py"
    path.write_text(GROUPED)
    target = load(f"{path}:{name}")
    case, at = preflight(
        Case.of(name, adapt(target, "kv"), learner("gd"), {"eta": "1", "readout": "N"}), {}, Entropy(0)
    )
    whole = Found(tokens=3, heads=2)
    result = sweep(case, at, {}, (How.FLOAT,), whole, (), (), Entropy(1), -60.0)
    assert result.plain.groups == groups
    assert [r.what for r in result.refusals if r.unlike] == ([GROUPS] if doubt else [])
