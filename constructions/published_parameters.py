"""What the published GD-SSM code stores as parameters, used or not, and the functions it makes of them.

Raw tokens, width P (inputs and targets padded to it): w_q (3, 3), Lambda_re (P, P), log_step (P,), C (P, P), D (3,) and an
input matrix B (P, P) that no output depends on; decay[a, b] = exp(Lambda_re[a, b] exp(log_step[b])). In the three-layer
block only the last layer's D is read. Constructed tokens of width H = 2P: Lambda_re (P,), log_step (P,), B (P, H, 2)
of which the real half is used, D (P, H), and C (H, P, 2) that no output depends on.
Source: the published code of arXiv 2410.11687 in trained mode (its main branch and its constructed-token branch).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from constructions import constructed_tokens, gd_ssm, three_layer_block
from constructions.gated_accumulator import recurrence
from constructions.namespace import Array, namespace, zeros

Stored = Mapping[str, Array]
Entrywise = Callable[[Array], Array]


def shapes(P: int) -> dict[str, tuple[int, ...]]:
    """The stored arrays of one layer on raw tokens."""
    return {"w_q": (3, 3), "Lambda_re": (P, P), "log_step": (P,), "B": (P, P), "C": (P, P), "D": (3,)}


def constructed_shapes(P: int) -> dict[str, tuple[int, ...]]:
    """The stored arrays of one layer on constructed tokens."""
    H = 2 * P
    return {"Lambda_re": (P,), "log_step": (P,), "B": (P, H, 2), "C": (H, P, 2), "D": (P, H)}


def decay(stored: Stored, exp: Entrywise) -> Array:
    """The decays, exp(Lambda_re exp(log_step)), the step sizes along the last axis."""
    return exp(stored["Lambda_re"] * exp(stored["log_step"]))


def layer(sequence: Array, stored: Stored, exp: Entrywise) -> Array:
    """One layer on raw tokens (2N+1, P): outputs (N, P)."""
    weights = gd_ssm.Parameters(stored["w_q"], decay(stored, exp), stored["C"], stored["D"])
    return gd_ssm.layer(sequence, weights)


def block(sequence: Array, layers: Sequence[Stored], exp: Entrywise) -> Array:
    """The three-layer block on raw tokens, before padding and skip: outputs (N, P)."""
    Z, width = gd_ssm.windows(sequence), sequence.shape[1]

    def states(stored: Stored) -> Array:
        writes = gd_ssm.input_gate(Z, stored["w_q"]).mT
        return stored["C"] @ recurrence(decay(stored, exp).mT, writes, zeros((width, width), sequence))

    one, two, three = layers
    first, second, third = states(one), states(two), states(three)
    explicit = three_layer_block.combine(first, namespace(first).last(first), second, third)
    return (explicit @ (Z.mT @ three["D"][:, None]))[..., 0]


def constructed(sequence: Array, stored: Stored, exp: Entrywise) -> Array:
    """One layer on constructed tokens (N, 2P): outputs (N,)."""
    weights = constructed_tokens.Weights(stored["B"][..., 0], stored["D"], decay(stored, exp))
    return constructed_tokens.layer(sequence, weights)
