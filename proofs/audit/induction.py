"""Every context length at once: one token from an arbitrary memory, where a target takes its memory and returns it.

Five statements, each decided on the exact rung for indeterminate memory, token, gates and N (a mean's divisor), give
the layer's prediction = the learner's for every N, at the f and m they were made at:
  (1) a call on T tokens is a call on T - 1 tokens and then one on the last token, from any memory;
  (2) without a memory given, the layer starts from the zero memory;
  (3) one token takes the memory c W to c W', where W' is the learner's own step from W;
  (4) what is read there is the learner's W' x_q, times the readout factor;
  (5) the learner's prediction after N tokens is its own step, folded.
(1) and (5) are decided for some T, past every integer of the code; that further tokens are treated like these is seen
on recordings beyond every one, which are copies of one block a token (`proofs.audit.loops`).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from constructions.learners import Each
from numeric.deciding import exact_identity
from numeric.deciding.comparison import Comparison
from numeric.deciding.programs import Program, Shapes, Sizes
from numeric.entropy import Entropy
from numeric.finding import Finding, Key, Quantity, Said, Told, Verdict
from numeric.tape.blocks import Loop
from numeric.trust import Trust
from proofs.audit.loops import looped
from proofs.audit.notes import LargeInteger, NotEvery
from proofs.target.calling import called, prediction
from proofs.target.case import Case
from proofs.target.gates import value
from proofs.target.loading import TargetError
from proofs.target.source.length_numbers import hidden

TOKENS = (2, 5)
"""Numbers of tokens at which calls are taken apart, whatever the code says."""
_LARGEST = 16
"""Integers c up to here are passed there too, by c + 1 and 2 c + 1 tokens; a larger one leaves long calls open."""
_PER_TOKEN = (Each.TOKEN, Each.TOKEN_CHANNEL)


@dataclass(frozen=True)
class Memory:
    """How the layer's memory S holds the learner's weights W: W = c S or c S^T."""

    transposed: bool
    factor: str

    def weights(self, S: Tensor, c: Any) -> Tensor:
        """W for this S and c."""
        turned = S.mT if self.transposed else S
        return turned if c is None else c * turned

    def number(self, case: Case, X: Any, Y: Any, inputs: dict[str, Any], N: Any) -> Any:
        """c at these inputs, None for 1. Raises TargetError where it is no single number."""
        if self.factor == "1":
            return None
        found = value(self.factor, case.names(X, Y, inputs, N))
        if found.axes:
            raise TargetError(f"{self.factor} is no single number")
        return found.tensor(X)


@dataclass(frozen=True)
class FromAnyMemory(Said):
    """One token takes W as the memory holds it to the learner's next W; calls on so many tokens are calls on one."""

    memory: Memory
    tokens: tuple[int, ...]


@dataclass(frozen=True)
class BlockRepeats(Said):
    """That longer calls repeat the block of so many operations that so many tokens repeat."""

    operations: int
    tokens: int


def every_length(
    case: Case, sizes: Sizes, entropy: Entropy, target_log2: float, integers: Sequence[int] = ()
) -> Finding | None:
    """The finding for every N, or None where the target or the learner has no memory to start from, or (1) to (5) fail,
    or recordings beyond every one of the code's `integers` are no loop over tokens.

    A failure is no refutation: the memory may hold the weights in another way.
    """
    if case.adapter.stateful is None or case.chosen.step is None:
        return None
    if "W0" in case.adapter.named and not case.starts:
        return None
    if integers and max(integers) > _LARGEST:
        case.note(NotEvery(LargeInteger(max(integers), 2 * _LARGEST + 1)))
        return None
    numbers = hidden(case.lines.steps)
    if numbers is not None:
        case.note(NotEvery(numbers))
        return None
    tokens = tuple(sorted({*TOKENS, *(T for c in integers for T in (c + 1, 2 * c + 1))}))
    found_loop = looped(case, sizes, integers, entropy.child("loop"))
    if not isinstance(found_loop, Loop):
        case.note(NotEvery(found_loop))
        return None
    for memory in memories(case):
        try:
            found = _attempt(case, sizes, entropy, target_log2, memory, found_loop, tokens)
        except Exception:  # whatever the target raises on a memory: it takes none of this form
            continue
        if found is not None:
            return found
    return None


def memories(case: Case) -> Iterator[Memory]:
    """The ways in which a memory may hold the weights."""
    factors = ["1", *(case.gates[g] for g in case.adapter.single if g in case.gates)]
    if "eta" in case.inferred.names:
        factors.append("eta/N")
    for factor in dict.fromkeys(factors):
        yield Memory(False, factor)
        if not case.starts:  # a start W0 is a matrix of weights as it is
            yield Memory(True, factor)


def _attempt(
    case: Case,
    sizes: Sizes,
    entropy: Entropy,
    target_log2: float,
    memory: Memory,
    repeats: Loop,
    tokens: Sequence[int],
) -> Finding | None:
    f, m = sizes["f"], sizes["m"]
    state = ("f", "m") if memory.transposed else ("m", "f")
    base: dict[str, tuple[str | int, ...]] = {"x_q": ("f",), "total": (), "S": state, "W0": ("m", "f")}
    gates = {name: tuple(axes) for name, axes in case.axes.items()}
    figures: dict[str, Quantity] = {}
    worst = -float("inf")
    flags: dict[Told, None] = {}
    statements = list(_statements(case, memory, tokens))
    share = math.log2(len(statements))  # each of them has its part of the probability
    for number, (left, right, T, sides) in enumerate(statements):
        shapes: Shapes = {**base, "X": ("N", "f"), "Y": ("N", "m"), **gates}
        found = exact_identity.decide(
            Comparison(left, right, shapes, {"f": f, "m": m, "N": T}, entropy=entropy.child(number), names=sides),
            target_log2=target_log2 - share,
            shrinking=False,
            positive=case.positive,
        )
        if found.verdict is not Verdict.CONFIRMED:
            return None
        worst = max(worst, float(found.figures[Key.CHANCE] or 0.0))
        flags |= dict.fromkeys(found.flags)
    figures[Key.CHANCE] = round(worst + share, 2)
    return Finding(
        Verdict.CONFIRMED,
        reason=FromAnyMemory(memory, tuple(tokens)),
        figures=figures,
        settings={"sizes": {"f": f, "m": m}, "engine": "GF(p), one token from an indeterminate memory"},
        trust=(BlockRepeats(repeats.block, repeats.blocks), Trust.SCHWARTZ_ZIPPEL, entropy.trust),
        flags=tuple(flags),
    )


def _statements(
    case: Case, memory: Memory, tokens: Sequence[int]
) -> Iterator[tuple[Program, Program, int, tuple[str, str]]]:
    """The two sides of each statement, the number of tokens, and whose code they are."""
    for T in tokens:
        yield _whole(case), _parted(case), T, ("layer", "layer")
    if not case.starts:
        yield _from_nothing(case), _from_zero(case), 1, ("layer", "layer")
    yield _next_memory(case, memory), _next_weights(case, memory), 1, ("layer", "learner")
    for T in (1, *tokens):
        yield _predicted(case), _folded(case), T, ("learner", "learner")


def _cut(inputs: dict[str, Any], case: Case, part: slice) -> dict[str, Any]:
    """The inputs of some of the tokens."""
    return {n: v[part] if n in ("X", "Y") or "N" in case.axes.get(n, ()) else v for n, v in inputs.items()}


def _run(case: Case, S: Any, inputs: dict[str, Any]) -> tuple[Tensor, Tensor]:
    assert case.adapter.stateful is not None
    with called(inputs["X"].dtype), case.copies({**inputs, "S": S}) as own:
        X, Y = own["X"], own["Y"]
        given = case.arguments(X, Y, own, own["total"])
        given.pop("W0", None)
        out, after = case.adapter.stateful(own["S"], X, Y, own["x_q"], **given)
    return prediction(out, Y.shape[1]), after


def _joined(out: Tensor, S: Tensor) -> Tensor:
    return torch.cat([out.reshape(-1), S.reshape(-1)])


def _whole(case: Case) -> Program:
    return lambda **inputs: _joined(*_run(case, inputs["S"], inputs))


def _parted(case: Case) -> Program:
    def program(**inputs: Any) -> Any:
        _, S = _run(case, inputs["S"], _cut(inputs, case, slice(None, -1)))
        return _joined(*_run(case, S, _cut(inputs, case, slice(-1, None))))

    return program


def _from_nothing(case: Case) -> Program:
    def program(**inputs: Any) -> Any:
        with called(inputs["X"].dtype), case.copies(inputs) as own:
            X, Y = own["X"], own["Y"]
            given = case.arguments(X, Y, own, own["total"])
            return prediction(case.adapter.call(X, Y, own["x_q"], **given), Y.shape[1])

    return program


def _from_zero(case: Case) -> Program:
    return lambda **inputs: _run(case, inputs["S"] * 0, inputs)[0]


def _factor(case: Case, memory: Memory, inputs: dict[str, Any]) -> Any:
    return memory.number(case, inputs["X"], inputs["Y"], inputs, inputs["total"])


def _next_memory(case: Case, memory: Memory) -> Program:
    def program(**inputs: Any) -> Any:
        out, after = _run(case, inputs["S"], inputs)
        return _joined(out, memory.weights(after, _factor(case, memory, inputs)))

    return program


def _step(case: Case, W: Any, inputs: dict[str, Any], t: int, N: Any) -> Any:
    X, Y = inputs["X"], inputs["Y"]
    values = case.parameters(X, Y, inputs, N)
    for parameter in case.chosen.parameters:
        held = values[parameter.name]
        if parameter.each in _PER_TOKEN and held.ndim:
            values[parameter.name] = held[t]
    assert case.chosen.step is not None
    return case.chosen.step(W, X[t, :], Y[t, :], inputs["W0"], N, **values)


def _next_weights(case: Case, memory: Memory) -> Program:
    def program(**inputs: Any) -> Any:
        inputs = _start(case, inputs)
        W = memory.weights(inputs["S"], _factor(case, memory, inputs))
        W = _step(case, W, inputs, 0, inputs["total"])
        out, factor = W @ inputs["x_q"], case.factor(inputs["X"], inputs["Y"], inputs, inputs["total"])
        return _joined(out if factor is None else factor * out, W)

    return program


def _start(case: Case, inputs: dict[str, Any]) -> dict[str, Any]:
    """The inputs with the start of the learner for W0: any matrix where the layer takes one, else 0."""
    return inputs if case.starts else inputs | {"W0": inputs["W0"] * 0}


def _predicted(case: Case) -> Program:
    def program(**inputs: Any) -> Any:
        X, Y, W0 = inputs["X"], inputs["Y"], _start(case, inputs)["W0"]
        return case.chosen.call(X, Y, inputs["x_q"], W0, **case.parameters(X, Y, inputs))

    return program


def _folded(case: Case) -> Program:
    def program(**inputs: Any) -> Any:
        inputs = _start(case, inputs)
        X, W = inputs["X"], inputs["W0"]
        for t in range(X.shape[0]):
            W = _step(case, W, inputs, t, X.new_full((), X.shape[0]))
        return W @ inputs["x_q"]

    return program
