"""States and parameters of GD-SSM, linear self-attention and their disputed comparison, counted on the
constructions."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from constructions import gated_rnn, gd_ssm, linear_attention
from numeric.finding import Counterexample, Finding, Verdict
from proofs.claim import Check, Claim, Mutant, System
from proofs.evidence import Kind, Rung, Settings

Count = Callable[[int, int], int]
LARGEST = 5


def gd_ssm_parameters(f: int, m: int) -> int:
    """Entries of w_q, the decay, C and D of the construction at width max(f, m)."""
    weights = gd_ssm.published(np.asarray(1.0), max(f, m))
    return sum(int(array.size) for array in (weights.w_q, weights.decay, weights.C, weights.D))


def gd_ssm_state(f: int, m: int) -> int:
    """State entries that are ever different from 0: those of B, in a state of width max(f, m)."""
    width = max(f, m)
    X, Y = np.ones((2, f)), np.ones((2, m))
    Z = gd_ssm.windows(gd_ssm.tokens(X, Y, np.ones(f)))
    weights = gd_ssm.published(np.asarray(1.0), width)
    return int(np.count_nonzero(gd_ssm.input_gate(Z, weights.w_q)[0, ...]))


def attention_parameters(f: int, m: int) -> int:
    """Entries of W_K, W_Q, W_V and P."""
    weights = linear_attention.descent_weights(np.ones((m, f)), np.asarray(1.0))
    return sum(int(array.size) for array in (weights.key, weights.query, weights.value, weights.out))


def attention_without_out(f: int, m: int) -> int:
    """Entries of W_K, W_Q and W_V."""
    weights = linear_attention.descent_weights(np.ones((m, f)), np.asarray(1.0))
    return sum(int(array.size) for array in (weights.key, weights.query, weights.value))


def key_rank(f: int, m: int) -> int:
    """The rank of W_K^T W_Q that a descent step needs."""
    weights = linear_attention.descent_weights(np.ones((m, f)), np.asarray(1.0))
    return int(np.linalg.matrix_rank(weights.key.T @ weights.query))


TABLE: dict[str, tuple[Count, Count]] = {
    "GD-SSM, parameters with any decay": (gd_ssm_parameters, lambda f, m: 2 * max(f, m) ** 2 + 12),
    "GD-SSM, state entries in use": (gd_ssm_state, lambda f, m: m * f),
    "linear self-attention, W_K, W_Q, W_V and P": (attention_parameters, lambda f, m: 4 * (f + m) ** 2),
    "linear self-attention without P": (attention_without_out, lambda f, m: 3 * (f + m) ** 2),
    "linear self-attention, rank of W_K^T W_Q": (key_rank, lambda f, m: f),
    "gated network, neurons": (lambda f, m: gated_rnn.descent_weights(f, m, np.eye(1)).neurons, lambda f, m: m * f + f),
}


def check(changes: dict[str, Count] | None = None) -> Check:
    """Every count of the table on arrays built for all sizes up to LARGEST."""

    def decide(settings: Settings) -> Finding:
        figures: dict[str, int | str] = {"sizes": f"1 to {LARGEST}"}
        for name, (counted, formula) in TABLE.items():
            claimed = (changes or {}).get(name, formula)
            for f in range(1, LARGEST + 1):
                for m in range(1, LARGEST + 1):
                    found, expected = counted(f, m), claimed(f, m)
                    if found != expected:
                        return Finding(
                            Verdict.REFUTED,
                            reason=f"{name}: {found} counted, {expected} claimed",
                            counterexample=Counterexample(
                                {"f": f, "m": m}, {}, str(found), str(expected), "counted", "claimed"
                            ),
                        )
            figures[f"{name}, f = m = {LARGEST}"] = found
        return Finding(
            Verdict.CONFIRMED,
            figures=figures,
            settings={"engine": "array sizes"},
            trust=("the counts are polynomials of degree 2 in each size on either side of f = m, as the shapes show",),
        )

    return decide


def table() -> str:
    """The counts as a Markdown table."""
    sizes = ((2, 1), (10, 1), (5, 5), (10, 10))
    rows = ["| what | " + " | ".join(f"f = {f}, m = {m}" for f, m in sizes) + " |", "|---" * (len(sizes) + 1) + "|"]
    rows += [
        f"| {name} | " + " | ".join(str(counted(f, m)) for f, m in sizes) + " |" for name, (counted, _) in TABLE.items()
    ]
    return "Counted on the constructions' own arrays:\n\n" + "\n".join(rows)


CLAIM = Claim(
    __name__,
    title="States and parameters of GD-SSM and linear self-attention",
    kind=Kind.COUNT,
    statement=r"""For one gradient-descent step with $f$ inputs and $m$ outputs, $P = \max(f, m)$:

- GD-SSM with a free decay for each state entry stores $2P^2 + 12$ numbers ($w_q$: 9, decay: $P^2$, $C$: $P^2$, $D$:
3), and $mf$ of
  its $P^2$ state entries are ever used;
- linear self-attention stores $4(f+m)^2$ numbers ($W_K$, $W_Q$, $W_V$, $P$), $3(f+m)^2$ without $P$: this is $12f^2$
for $m = f$ only;
- the product $W_K^\top W_Q$ of the step has rank $f$, so three $m \times f$ maps ($3mf$ numbers) cannot do it for $m
< f$;
- the gated network has $mf + f$ neurons.

All three keep $mf$ numbers for the step; counts of stored parameters compare storage formats, not what the step
needs.""",
    derivation=r"""Counted on the arrays that the constructions build. A product through $m$ dimensions has rank at
    most $m$.""",
    assumptions=("the construction's parameters; the published code stores dead ones too",),
    source="arXiv 2410.11687 (its comparison of sizes); counts derived here",
    departures=(
        r"the source counts $mf$ input parameters for GD-SSM (its $w_q$ has 9), $12f^2$ for attention (only if $m = f$ and without "
        r"$P$), and $O(f^4)$ neurons for the gated network (they are $f^2 + f$, see gd.gated_rnn_counts)",
    ),
    parameters=table,
    systems=(
        System(
            "GD-SSM, vector target",
            r"$mf$ states and $2P^2 + 12$ parameters for one step, $P = \max(f, m)$",
            figures="GD-SSM",
        ),
        System(
            "LSA (linear self-attention)", "$4(f+m)^2$ parameters for one step", figures="linear self-attention, W_K"
        ),
    ),
    checks={Rung.EXACT: check()},
    mutants=(
        Mutant(
            "twelve_f_squared",
            "attention has 12 f^2 numbers for every m",
            {Rung.EXACT: check({"linear self-attention without P": lambda f, m: 12 * f**2})},
        ),
        Mutant(
            "all_state_used",
            "all P^2 state entries are used",
            {Rung.EXACT: check({"GD-SSM, state entries in use": lambda f, m: max(f, m) ** 2})},
        ),
        Mutant(
            "rank_m",
            "W_K^T W_Q of rank min(f, m) suffices",
            {Rung.EXACT: check({"linear self-attention, rank of W_K^T W_Q": min})},
        ),
    ),
)
