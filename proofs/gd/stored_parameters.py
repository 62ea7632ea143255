r"""What the published GD-SSM stores and what it uses.

With inputs and targets of width $f$ the published code's trained mode stores, and its outputs depend on,

$$ \begin{array}{lll}
 & \text{stored} & \text{used} \\
\text{one layer, raw tokens} & 3f^2 + f + 12 & 2f^2 + f + 12 \\
\text{three-layer block} & 9f^2 + 3f + 36 & 6f^2 + 3f + 30 \\
\text{constructed tokens} & 10f^2 + 2f & 4f^2 + 2f
\end{array} $$

parameters: 322 and 222, 966 and 660 for $f = 10$. Dead are the input matrix $B$ ($f^2$ a layer) and the readouts $D$ of
the first two layers of a block; on constructed tokens $C$ and the imaginary half of $B$. The input side has 9
parameters with an effect, not $mf$; the recurrence $f^2 + f$, not $f^2$.

Why.
Counted: the sizes of the stored arrays, and the entries whose gradient is not $0$ at a random point. One layer stores
$9 + f^2 + f + f^2 + f^2 + 3$.

Assumes.
- targets padded to width $f$
- trained mode; the analytic mode stores a dummy only

Source.
the published code of arXiv 2410.11687; counts derived here

Departs.
- the source states $f^2$ recurrent and $mf$ input parameters; see the table of disputed counts

Systems.
- GD-SSM, vector target: stores $3f^2 + f + 12$ parameters, of which $2f^2 + f + 12$ have an effect
"""

# Over 120 lines: each count has a layer of its own, and the tables are part of the claim.

from collections.abc import Callable, Mapping

import torch

from constructions import gd_ssm, published_parameters
from constructions.namespace import Array
from numeric.entropy import Entropy
from numeric.finding import Counterexample, Finding, Verdict
from proofs.forms import Kind, Rung, Settings, Witness, both, checked, claim

Formula = Callable[[int], int]
LARGEST = 5
TOKENS = 4
Parts = Mapping[str, torch.Tensor]


def drawn(shapes: Mapping[str, tuple[int, ...]], generator: torch.Generator) -> dict[str, torch.Tensor]:
    """Normal parameters that keep their gradients."""
    return {n: torch.randn(s, generator=generator, dtype=torch.float64).requires_grad_() for n, s in shapes.items()}


def used(
    outputs: torch.Tensor, layers: list[dict[str, torch.Tensor]], generator: torch.Generator
) -> list[dict[str, int]]:
    """For each layer and array how many entries move a random combination of the outputs, to first order."""
    total = (torch.randn(outputs.shape, generator=generator, dtype=torch.float64) * outputs).sum()
    arrays = [p for parts in layers for p in parts.values()]
    moves = iter(torch.autograd.grad(total, arrays, allow_unused=True))
    return [{n: 0 if (g := next(moves)) is None else int(g.count_nonzero()) for n in parts} for parts in layers]


def counts(f: int, entropy: Entropy) -> dict[str, int]:
    """All counts of the table at width f."""
    generator = torch.Generator().manual_seed(entropy.below(2**63))
    with torch.enable_grad():
        raw = torch.randn(2 * TOKENS + 1, f, generator=generator, dtype=torch.float64)
        one = drawn(published_parameters.shapes(f), generator)
        single = used(published_parameters.layer(raw, one, torch.exp), [one], generator)
        three = [drawn(published_parameters.shapes(f), generator) for _ in range(3)]
        block = used(published_parameters.block(raw, three, torch.exp), three, generator)
        made = torch.randn(TOKENS, 2 * f, generator=generator, dtype=torch.float64)
        token = drawn(published_parameters.constructed_shapes(f), generator)
        constructed = used(published_parameters.constructed(made, token, torch.exp), [token], generator)

    def size(*layers: Parts) -> int:
        return sum(p.numel() for parts in layers for p in parts.values())

    return {
        "one layer, stored": size(one),
        "one layer, used": sum(single[0].values()),
        "one layer, input parameters used": single[0]["w_q"] + single[0]["B"],
        "one layer, decay parameters used": single[0]["Lambda_re"] + single[0]["log_step"],
        "three-layer block, stored": size(*three),
        "three-layer block, used": sum(sum(part.values()) for part in block),
        "three-layer block, D used": sum(part["D"] for part in block),
        "constructed tokens, stored": size(token),
        "constructed tokens, used": sum(constructed[0].values()),
        "constructed tokens, B used": constructed[0]["B"],
    }


TABLE: dict[str, Formula] = {
    "one layer, stored": lambda f: 3 * f**2 + f + 12,
    "one layer, used": lambda f: 2 * f**2 + f + 12,
    "one layer, input parameters used": lambda f: 9,
    "one layer, decay parameters used": lambda f: f**2 + f,
    "three-layer block, stored": lambda f: 9 * f**2 + 3 * f + 36,
    "three-layer block, used": lambda f: 6 * f**2 + 3 * f + 30,
    "three-layer block, D used": lambda f: 3,
    "constructed tokens, stored": lambda f: 10 * f**2 + 2 * f,
    "constructed tokens, used": lambda f: 4 * f**2 + 2 * f,
    "constructed tokens, B used": lambda f: 2 * f**2,
}


@checked(Rung.EXACT)
def check(settings: Settings, changes: Mapping[str, Formula] | None = None) -> Finding:
    """Every count of the table at all widths up to LARGEST (full: and at 10) against its polynomial."""
    entropy = Entropy(settings.seed)
    widths = [*range(1, LARGEST + 1), *([10] if settings.profile == "full" else [])]
    found: dict[str, int] = {}
    for f in widths:
        found = counts(f, entropy.child("stored", f))
        for name, formula in {**TABLE, **(changes or {})}.items():
            if found[name] != formula(f):
                return Finding(
                    Verdict.REFUTED,
                    reason=f"{name}: {found[name]} counted, {formula(f)} claimed",
                    counterexample=Counterexample(
                        {"f": f}, {}, str(found[name]), str(formula(f)), "counted", "claimed"
                    ),
                )
    return Finding(
        Verdict.CONFIRMED,
        figures={f"{name}, f = {widths[-1]}": n for name, n in found.items()},
        settings={"engine": "array sizes; torch.autograd", "seed": entropy.seed, "widths": widths},
        trust=(
            "an entry whose gradient is exactly 0 at a random point has no effect",
            "the counts are polynomials of degree 2 in the width, as the shapes show",
            "that the construction stores what the published code stores",
        ),
    )


def table() -> str:
    """Counted at three widths, and the disputed statements, as Markdown tables."""
    widths = (2, 5, 10)
    found = [counts(f, Entropy(f"table {f}")) for f in widths]
    rows = ["| what | " + " | ".join(f"f = {f}" for f in widths) + " |", "|---" * (len(widths) + 1) + "|"]
    rows += [f"| {name} | " + " | ".join(str(column[name]) for column in found) + " |" for name in TABLE]
    disputed = [
        "| the source says | counted |",
        "|---|---|",
        "| $f^2$ recurrent parameters | $f^2 + f$ stored and used (decays and step sizes); a step needs none, all decays are 1 |",
        "| $mf$ input parameters | 9 used (the window weights); the stored input matrix of $f^2$ entries is dead |",
        "| three layers per step | three layers are two steps (gd.three_layer_block), with two of three $D$ dead |",
    ]
    return "Counted on the published parameters:\n\n" + "\n".join(rows) + "\n\nDisputed:\n\n" + "\n".join(disputed)


def plus_one(z: Array) -> Array:
    """In place of the exponential, for rational decays."""
    return 1 + z


def one_layer(U: Array, **stored: Array) -> Array:
    """The published layer's outputs: (N, P)."""
    return published_parameters.layer(U, stored, plus_one)


def three_layers(U: Array, **stored: Array) -> Array:
    """The block's, with the same parameters in all layers: (N, P)."""
    return published_parameters.block(U, [stored] * 3, plus_one)


def constructed(U: Array, **stored: Array) -> Array:
    """The layer's on constructed tokens: (N,)."""
    return published_parameters.constructed(U, stored, plus_one)


RAW = {
    "U": [[1], [2], [3], [4], [5]],
    "w_q": gd_ssm.PAIR,
    "Lambda_re": [[1]],
    "log_step": [1],
    "B": [[1]],
    "C": [[2]],
    "D": gd_ssm.QUERY,
}
MADE = {
    "U": [[1, 2], [3, 4]],
    "Lambda_re": [1],
    "log_step": [1],
    "B": [[[1, 0], [1, 0]]],
    "C": [[[1, 1]], [[1, 1]]],
    "D": [[0, 1]],
}
RUNS = (
    Witness(one_layer, RAW, [[12], [180]], "one layer's outputs for the tokens 1 to 5, decay 3"),
    Witness(three_layers, RAW, [[456], [6840]], "the block's outputs for the tokens 1 to 5, decay 3"),
    Witness(constructed, MADE, [6, 64], "outputs for the constructed tokens (1, 2), (3, 4), decay 3"),
)
"""Which entries have an effect is the same for many functions, so it does not tell which layer it is of: states 2 and 18 times
C = 2, the block's 4 + 36 * 4 + 4 and 36 + 36 * 36 + 36, read at 3 and 5; states 3 and 16 read at 2 and 4."""

CLAIM = claim(
    __name__,
    {Rung.EXACT: both(check.check(), *RUNS)},
    check.mutant("all_used", "a layer uses all it stores", changes={"one layer, used": TABLE["one layer, stored"]}),
    check.mutant(
        "input_mf", "the input side uses f^2 (m = f)", changes={"one layer, input parameters used": lambda f: f**2}
    ),
    check.mutant("all_readouts", "every D of the block is read", changes={"three-layer block, D used": lambda f: 9}),
    check.mutant("complex_B", "both halves of B are used", changes={"constructed tokens, B used": lambda f: 4 * f**2}),
    kind=Kind.COUNT,
    parameters=table,
)
