"""Claims of the form "these two programs compute the same": one set of sides, checked on every rung that applies.

An `Identity` turns a layer and a learner into the claim's checks, and a replaced part into a mutant's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import partial
from typing import Any

import torch

from constructions.namespace import Array
from numeric.deciding import exact_identity, float_identity, polynomial_identity
from numeric.deciding.comparison import Comparison
from numeric.deciding.programs import Program, Recorded, Shapes, Sizes, recorded
from numeric.entropy import Entropy
from numeric.finding import Finding, Flag, Verdict, combine
from numeric.words import derivation, whole
from numeric.words.derivation import Obligation
from numeric.words.whole import Spec
from proofs.claim import Check, Mutant, covering
from proofs.evidence import Rung, Settings

Derive = Callable[..., Iterable[Obligation]]

ALL: Callable[[Sizes], bool] = lambda sizes: True  # noqa: E731

EXACTLY = (Rung.EXACT, Rung.SYMBOLIC)
EVERYWHERE = (*EXACTLY, Rung.UNIVERSAL)
"""The rungs of most mutants: a false program that differs in a coefficient, not in digits."""

POINTWISE = (Rung.SAMPLED, Rung.EXACT, Rung.SYMBOLIC)
"""The rungs that run on numbers: on words a slip of arithmetic has no meaning."""


class Short(StrEnum):
    """What keeps a large case below 100 tokens, or its width at 16 or less."""

    STATED = "the statement is about that many tokens"
    DEGREE = (
        "degrees grow exponentially with the tokens or the width: beyond, no prime is long enough for the exact rung"
    )
    WORK = "work grows faster than linearly with the tokens or the width: more is not affordable in a run of all claims"


@dataclass(frozen=True)
class Large:
    """A claim's one large case, where code that is right for few tokens, narrow layers or few steps only is refuted.

    left, right: the programs with more steps, where they take any. quick: whether the quick profile can afford it.
    short: why it is no larger, where it has fewer than 100 tokens or no width beyond 16; evidence is flagged with it.
    """

    sizes: Sizes
    left: Program | None = None
    right: Program | None = None
    quick: bool = False
    short: Short | None = None


@dataclass(frozen=True)
class Identity:
    """left(**inputs) == right(**inputs) for all inputs of the given shapes.

    shapes: each input's shape in words. sizes: the sizes checked (quick takes the first, full all).
    symbolic_sizes: the sizes of the symbolic rung. derive: the steps of the universal rung, if there is one.
    numpy: both sides run on numpy arrays too (no autograd, no torch functions), which the sampled rung does then.
    admits: which sizes make sense, for counterexamples.
    positive: inputs that are drawn in (0, 1] when sampled (decays), all others have any sign.
    large: the large case of the sampled and the exact rung; None for mutants, which fall at small sizes.
    second_opinion: whether SymPy is asked about the derivation's steps too.
    whole: how both programs run on words themselves, in place of a derivation; then every mutant runs there too; with a
    derivation beside it, that shows what the statement says beyond the equation of the programs.
    only: the one size at which the words are held against plain runs, where not every size makes sense.
    rungs: where it is checked, if not on all that it has. part: what a rung settles of the statement, if not all.
    """

    shapes: Shapes
    left: Program
    right: Program
    sizes: tuple[Sizes, ...]
    symbolic_sizes: Sizes | None = None
    derive: Derive | None = None
    names: tuple[str, str] = ("layer", "learner")
    numpy: bool = False
    admits: Callable[[Sizes], bool] = ALL
    positive: tuple[str, ...] = ()
    large: Large | None = None
    second_opinion: bool = True
    whole: Spec | None = None
    only: Sizes | None = None
    rungs: tuple[Rung, ...] = tuple(Rung)
    part: Mapping[Rung, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        # one recording of each side serves all rungs
        object.__setattr__(self, "left", recorded(self.left, self.positive, own=True))
        object.__setattr__(self, "right", recorded(self.right, self.positive, own=True))
        if self.large is not None:
            left, right = (p and recorded(p, self.positive, own=True) for p in (self.large.left, self.large.right))
            object.__setattr__(self, "large", replace(self.large, left=left, right=right))

    def checks(self) -> dict[Rung, Check]:
        """The checks by rung: sampled and exact, symbolic and universal where they are given; of `rungs` alone."""
        found: dict[Rung, Check] = {Rung.SAMPLED: self.sampled, Rung.EXACT: self.exact}
        if self.symbolic_sizes is not None:
            found[Rung.SYMBOLIC] = self.symbolic
        if self.derive is not None or self.whole is not None:
            found[Rung.UNIVERSAL] = self.universal
        return {
            rung: covering(self.part[rung], check) if rung in self.part else check
            for rung, check in found.items()
            if rung in self.rungs
        }

    def sampled(self, settings: Settings, shrinking: bool = True) -> Finding:
        """Float runs on every backend there is, against the derived rounding bounds; at the large case an ordinary draw."""
        shrinking = shrinking and not settings.verdict_only
        small = float_identity.check(
            self._asked(self.left, self.right, self.sizes[0], Entropy(settings.seed)),
            device=settings.device,
            numpy=self.numpy,
            positive=self.positive,
            thorough=settings.profile == "full",
            shrinking=shrinking,
        )
        large = self._large(settings)
        if large is None or small.verdict is Verdict.REFUTED:
            return small
        asked = self._asked(*large, Entropy(settings.seed).child("large"))
        return self._flagged([small, float_identity.large(asked, positive=self.positive, shrinking=shrinking)])

    def exact(self, settings: Settings) -> Finding:
        """Schwartz-Zippel at the chosen sizes, and at the large ones."""
        full, large = settings.profile == "full", self._large(settings)
        chosen = [(self.left, self.right, sizes) for sizes in (self.sizes if full else self.sizes[:1])]
        chosen += [large] if large else []
        entropy = Entropy(settings.seed)
        found = [
            exact_identity.decide(
                self._asked(*case, entropy.child(k)),
                target_log2=settings.target_log2,
                shrinking=not settings.verdict_only,
            )
            for k, case in enumerate(chosen)
        ]
        return self._flagged(found) if large else combine(found)

    def _large(self, settings: Settings) -> tuple[Program, Program, Sizes] | None:
        """The programs and sizes of the large case, where there is one that the profile affords."""
        large = self.large
        if large is None or not (large.quick or settings.profile == "full"):
            return None
        return large.left or self.left, large.right or self.right, large.sizes

    def _asked(self, left: Program, right: Program, sizes: Sizes, entropy: Entropy) -> Comparison:
        return Comparison(left, right, self.shapes, sizes, self.names, self.admits, entropy)

    def _flagged(self, findings: list[Finding]) -> Finding:
        """All findings as one, with what keeps the large case small."""
        found = combine(findings)
        if found.verdict is not Verdict.CONFIRMED or self.large is None or self.large.short is None:
            return found
        sizes = ", ".join(f"{name} = {size}" for name, size in self.large.sizes.items())
        return replace(found, flags=(*found.flags, Flag(f"largest case {sizes}: {self.large.short}")))

    def symbolic(self, settings: Settings) -> Finding:
        """Coefficients compared at the small sizes."""
        assert self.symbolic_sizes is not None
        return polynomial_identity.decide(
            self._asked(self.left, self.right, self.symbolic_sizes, Entropy(settings.seed)),
            shrinking=False,  # the exact rung shows the numbers
        )

    def universal(self, settings: Settings) -> Finding:
        """Both programs on words of symbolic size, or the derivation for all sizes, step by step."""
        limit, found = 24 if settings.profile == "full" else 12, list[Finding]()
        asked = self.second_opinion and not settings.verdict_only
        if self.whole is not None:
            found.append(
                whole.decide(
                    self.left,
                    self.right,
                    self.shapes,
                    self.whole,
                    self.small(),
                    names=self.names,
                    entropy=Entropy(settings.seed),
                    second_opinion=asked,
                    limit=limit,
                )
            )
        if self.derive is not None:
            found.append(derivation.decide(self.derive, second_opinion=asked, limit=limit))
        return combine(found)

    def small(self) -> tuple[Sizes, ...]:
        """Where the words are held against plain runs: three small sizes, all dimensions different, or the only one."""
        assert self.whole is not None
        if self.only:
            return ({**dict.fromkeys(self.whole.counts.values(), 2), **self.only},)
        names = sorted({*self.sizes[0], *self.whole.counts.values()})
        found = [{name: 1 + (j + i) % len(names) for i, name in enumerate(names)} for j in range(3)]
        return tuple(sizes for sizes in found if self.admits(sizes))

    def mutant(
        self,
        id: str,
        description: str,
        *,
        left: Program | Mapping[str, Any] | None = None,
        right: Program | Mapping[str, Any] | None = None,
        derive: Derive | Mapping[str, Any] | None = None,
        sizes: Sizes | None = None,
        rungs: Iterable[Rung] | None = None,
        blind: Mapping[Rung, str] | None = None,
    ) -> Mutant:
        """The identity with a part replaced. It is checked on the rungs whose part was replaced, or on `rungs`.

        left, right, derive: another program or other steps, or what the identity's own take in place of their defaults."""
        if isinstance(left, Mapping):
            left = partial(bare(self.left), **left)
        if isinstance(right, Mapping):
            right = partial(bare(self.right), **right)
        if isinstance(derive, Mapping):
            assert self.derive is not None
            derive = partial(self.derive, **derive)
        changed = replace(
            self,
            left=left or self.left,
            right=right or self.right,
            derive=derive,
            sizes=(sizes,) if sizes else self.sizes[:1],
            symbolic_sizes=sizes or self.symbolic_sizes if self.symbolic_sizes else None,
            part={},
            large=None,  # a false program falls at small sizes already
            only=sizes or self.only,
            second_opinion=False,  # the step that fails shows numbers, and the others are the claim's own
        )
        checks = changed.checks()
        if left is None and right is None:
            checks = {rung: check for rung, check in checks.items() if rung is Rung.UNIVERSAL}
        wanted = checks if rungs is None else {rung: checks[rung] for rung in rungs}
        if Rung.SAMPLED in wanted and Rung.EXACT in wanted:  # the exact rung makes the counterexample small
            wanted = {**wanted, Rung.SAMPLED: partial(changed.sampled, shrinking=False)}
        return Mutant(id, description, wanted, blind or {})

    def slips(self, rungs: Iterable[Rung] = POINTWISE) -> tuple[Mutant, ...]:
        """Mutants that any identity has: the left program with a slip of arithmetic, nearly right at ordinary points.

        They try the engines, not the claim's mathematics. Each runs on those of `rungs` that may see it or have to refuse
        it; a branch is none of the sampled rung's, which answers for its draws. Where the left side is 0 a factor is no slip.
        """
        counted = next((name for name, shape in self.shapes.items() if shape[:1] == ("N",)), None)

        def more_tokens(**inputs: Array) -> Array:
            count = inputs[counted].shape[0] if counted else 1
            return self.left(**inputs) * (count / (count + 1e-8))

        def narrowed(**inputs: Array) -> Array:
            return self.left(**{name: a.to(torch.float32).to(a.dtype) for name, a in inputs.items()})

        def clamped(**inputs: Array) -> Array:
            return self.left(**inputs).clamp(-1e6, 1e6)

        def branching(**inputs: Array) -> Array:
            result = self.left(**inputs)
            return 2 * result if next(iter(inputs.values())).max() > 1e6 else result

        def offset(**inputs: Array) -> Array:
            return (self.left(**inputs) + 2.0**40) - 2.0**40

        on_torch, had = replace(self, numpy=False), [rung for rung in self.checks() if rung in rungs]
        rounding = {Rung.EXACT: NO_ROUNDING, Rung.SYMBOLIC: NO_ROUNDING}
        order = {Rung.SAMPLED: NO_ORDER, Rung.SYMBOLIC: NO_ORDER}
        slips: tuple[tuple[str, str, Program, tuple[Rung, ...], Mapping[Rung, str]], ...] = (
            ("N_plus_epsilon", "divided by N + 1e-8 in place of N", more_tokens, POINTWISE, {}),
            ("float32_cast", "the inputs rounded to float32 inside", narrowed, POINTWISE, rounding),
            ("clamp", "outputs clamped to +-1e6", clamped, POINTWISE, order),
            ("branch", "another path where an input exceeds 1e6", branching, EXACTLY, order),
            ("offset", "2^40 added and taken off again", offset, (Rung.SAMPLED,), {Rung.SAMPLED: OWN_BOUND}),
        )
        found = []
        for id, description, left, where, why in slips:
            at = [rung for rung in had if rung in where]
            blind = {rung: why[rung] for rung in at if rung in why}
            if at and (id == "offset" or len(blind) < len(at)):
                found.append(on_torch.mutant(id, description, left=left, rungs=at, blind=blind))
        return tuple(found)


def bare(program: Program) -> Program:
    """The program itself, without its tapes."""
    return program.program if isinstance(program, Recorded) else program


NO_ROUNDING = "exact arithmetic has no rounding, and there the code is right"
NO_ORDER = "a comparison of data has no rounding bound and no polynomial, so the operation is refused by name"
OWN_BOUND = "its digits are lost within its own rounding bound, and that this bound says too little is noticed"
"""Why a rung can't refute a mutant, worded once."""
