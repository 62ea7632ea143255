"""The theorems of `proofs/coq` that may back a claim, with what they say and the numeric ties that cover them.

Main definitions: `Lemma`, `LEMMAS`, `pinned_hashes`. Adding a theorem is one row.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType
from typing import Any

from proofs.kernel.coq import SOURCES

PINS = SOURCES / "pins.json"
PROPERTIES = frozenset({"window_coefficients", "closed_solution"})
"""Definitions that are propositions: they have no value to compare; what they speak of has ties of its own."""


@cache
def pinned_hashes() -> Mapping[str, Any]:
    """The pinned hashes: `statements` and `definitions` by theorem, and the versions they were made with."""
    return json.loads(PINS.read_text("utf-8")) if PINS.exists() else {}


def pinned_hash(kind: str, name: str) -> str | None:
    """One of them, or None."""
    found = pinned_hashes().get(kind, {}).get(name)
    return str(found) if found else None


@dataclass(frozen=True)
class Lemma:
    """A theorem of `proofs/coq`, whatever claims use it.

    file: its module. plain: the statement in words. ties: names in `TIES` that cover the definitions it speaks of.
    allowed_axioms: names that `Print Assumptions` may list.
    """

    file: str
    name: str
    plain: str
    ties: tuple[str, ...]
    allowed_axioms: tuple[str, ...] = ()

    @property
    def statement_sha256(self) -> str | None:
        """The pinned hash of the statement as Coq prints it, or None."""
        return pinned_hash("statements", self.name)

    @property
    def definitions_sha256(self) -> str | None:
        """The pinned hash of the definitions that the statement rests on, or None."""
        return pinned_hash("definitions", self.name)


def _lemmas(*rows: tuple[str, str, str, str]) -> Mapping[str, Lemma]:
    found = [Lemma(file, name, plain, tuple(ties.split())) for file, name, ties, plain in rows]
    return MappingProxyType({lemma.name: lemma for lemma in found})


# fmt: off
LEMMAS: Mapping[str, Lemma] = _lemmas(
    ("GatedAccumulator", "gated_state_closed_form", "gated_state",
     "an entrywise gated recurrence holds its inputs, each times all later gates, and the start times all gates"),
    ("GatedAccumulator", "gated_state_unit_gate", "gated_state",
     "with gate 1 the state is the start plus the sum of the inputs"),
    ("GatedAccumulator", "gd_ssm_state_sum", "gd_ssm_state published_prediction",
     "the GD-SSM state is the sum of value key^T"),
    ("LossGradient", "loss_expansion", "loss gradient slope",
     "L(W + tH) = L(W) + t <gradient, H> + t^2/(2N) sum |H x|^2"),
    ("LossGradient", "gradient_unique", "loss gradient slope",
     "a matrix with that expansion is the gradient"),
    ("OneStep", "one_step", "gd_ssm_output gd_step gd_autograd",
     "one GD-SSM layer with constant eta/N makes one gradient step, from any W0"),
    ("OneStep", "one_step_from_zero", "gd_ssm_state gd_step published_prediction",
     "from W0 = 0 the readout (eta/N) Z_N xq is the step's prediction"),
    ("OneStep", "one_step_constant", "gd_ssm_output gd_step published_prediction",
     "a layer with constant c makes a step of size c N"),
    ("SeveralSteps", "gd_closed_form", "closed_form gd gd_autograd",
     "W_k = W0 M^k + c B (1 + ... + M^(k-1)), M = 1 - c A"),
    ("SeveralSteps", "two_pass_stack_gd", "two_pass_stack two_pass_residuals gd gd_autograd",
     "k two-pass layers make k steps, in every token and at the query"),
    ("SeveralSteps", "gd_gram_form", "gram_form batch_matrix gd gd_autograd",
     "k steps through the Gram matrix: M = sum_j (1 - c G)^j"),
    ("SeveralSteps", "causal_stack_closed_form", "causal_stack causal_residuals causal_gram causal_form causal_matrix power_sum",
     "k causal layers run the same sum with the causal part of G"),
    ("SeveralSteps", "causal_stack_first", "causal_stack gd_step",
     "the first causal layer is an exact step"),
    ("SeveralSteps", "causal_stack_gap", "causal_stack gd",
     "two causal layers differ from two steps by c^2 sum_(t < s) r_s (x_s.x_t)(x_t.xq)"),
    ("SeveralSteps", "causal_stack_not_gd", "causal_stack gd",
     "so for N >= 2 and every eta != 0 two causal layers are not two steps"),
    ("SeveralSteps", "two_accumulators_gd", "two_accumulators two_accumulators_once gd gd_autograd",
     "E_(j+1) = E_j (1 + Z2) + Z3 from -W0 is minus k steps"),
    ("DeltaRule", "delta_rule_step", "gd_step delta_rule",
     "one delta-rule write is one step on its token's loss"),
    ("DeltaRule", "delta_rule_online_gd", "delta_rule online_gd online_autograd",
     "the delta rule is online gradient descent"),
    ("LinearSelfAttention", "lsa_stack_gd", "lsa_layer lsa_stack gd gd_autograd",
     "k linear self-attention layers make k steps, in every token"),
    ("LinearSelfAttention", "lsa_one_layer", "lsa_layer lsa_stack gd_ssm_output",
     "one layer answers as the GD-SSM does"),
    ("DiscountedGD", "weighted_loss_expansion", "weighted_loss weighted_slope weighted_step",
     "the weighted gradient is the gradient of the weighted loss"),
    ("DiscountedGD", "discounted_step", "discounted_state discounted_output discount weighted_step published_rows",
     "a layer with a scalar decay a token makes one step on the discounted loss"),
    ("DiscountedGD", "discount_constant", "discount power_discount published_rows",
     "a constant decay a weights example i by a^(N-1-i)"),
    ("DiscountedGD", "gated_attention_step", "gated_attention faded_keys weighted_step",
     "gated linear attention makes one step on keys that have faded channel by channel"),
    ("DiscountedGD", "gated_attention_discounted", "gated_attention discount weighted_step",
     "with one decay for all channels it is a step on discounted least squares"),
    ("NewtonSchulz", "newton_schulz_closed_form", "newton_schulz closed_form",
     "M_k = a (1 + P + ... + P^(2^k - 1)), P = 1 - a S"),
    ("NewtonSchulz", "newton_schulz_residual", "newton_schulz closed_form",
     "1 - S M_k = (1 - a S)^(2^k)"),
    ("NewtonSchulz", "newton_schulz_gd", "newton_schulz_weights gd gd_autograd",
     "k Newton-Schulz iterations are 2^k gradient steps from 0"),
    ("Impossibility", "lti_output_affine", "lti_output",
     "the output of a time-invariant SSM is affine in the tokens"),
    ("Impossibility", "lti_stack_affine", "lti_stack",
     "so is the output of any stack of them"),
    ("Impossibility", "lti_no_step", "lti_output window gd_step",
     "no LTI SSM of any size makes one step"),
    ("Impossibility", "lti_stack_no_step", "lti_stack window gd_step",
     "nor does any stack of them"),
    ("Impossibility", "output_gated_no_step", "output_gated window gd_step",
     "nor does an LTI state with an output gate but no input gate"),
    ("FixedSizeState", "lti_readout_no_step", "lti_output gd_step",
     "an LTI state from which some readout makes one step has at least N (f + m) numbers"),
    ("Impossibility", "gated_layer_degree", "gated_layer",
     "a layer with one gate at each end has parts of degree 3 and 1 only"),
    ("Impossibility", "gated_layer_no_steps", "gated_layer window gd",
     "no such layer makes k >= 2 steps"),
    ("PublishedLayer", "published_layer_is_gated", "gd_ssm_layer gated_layer published_rows",
     "the published layer is such a layer"),
    ("PublishedLayer", "published_layer_degree", "gd_ssm_layer",
     "the published layer is homogeneous of degree 3, for all weights"),
    ("PublishedLayer", "published_rows", "published_rows discounted_state prefix_steps",
     "with the published weights and decay a row t is minus c times the discounted sum, read at the next input"),
    ("PublishedLayer", "published_layer_step", "published_rows prefix_steps",
     "with decay 1 row t is minus the prediction of a step on the first t pairs"),
    ("PublishedLayer", "published_layer_discounted", "published_rows weighted_step",
     "with decay a the last row is minus the prediction of a step on the discounted loss"),
    ("PublishedLayer", "published_layer_no_steps", "gd_ssm_layer published_rows gd",
     "no weights make one published layer do k >= 2 steps"),
    ("PublishedLayer", "published_layer_no_online", "gd_ssm_layer published_rows online_gd online_autograd",
     "nor an online pass over N >= 2 tokens"),
    ("Legendre", "legendre_derivative_difference", "legendre ends",
     "P'_(n+2) - P'_n = (2n + 3) P_(n+1)"),
    ("Legendre", "legendre_derivative_sum", "legendre ends",
     "P'_n = sum over k < n, n - k odd, of (2k + 1) P_k"),
    ("Legendre", "legendre_scaled_derivative", "legendre legs_state",
     "(X + 1) P'_n = n P_n + sum_(k < n) (2k + 1) P_k"),
    ("Legendre", "legendre_at_1", "legendre ends",
     "P_n(1) = 1"),
    ("Legendre", "legendre_at_minus_1", "legendre ends",
     "P_n(-1) = (-1)^n"),
    ("Legendre", "legendre_derivative_at_1", "legendre ends",
     "2 P'_n(1) = n (n + 1)"),
    ("LegT", "route_i_C_closed_form", "legt_A route_i_C",
     "row of end values times A: C_k = q_k (k(k+1) - N^2)/theta"),
    ("LegT", "route_i_D_closed_form", "legt_B route_i_D",
     "the same times B: D = N^2/theta"),
    ("LegT", "route_ii_C_closed_form", "legendre route_ii_C",
     "2/theta q_k P'_k(1) = q_k k(k+1)/theta"),
    ("LegT", "route_difference", "route_i_C route_i_D route_ii_C",
     "route i = route ii + N^2/theta (u - reconstruction)"),
    ("LegT", "route_iii_difference", "route_iii_C route_iii_D route_ii_C",
     "route iii = route ii + N(N+1)/theta (u - reconstruction)"),
    ("LegT", "window_coefficients_exist", "legendre legt_A",
     "every polynomial of degree < N has Legendre coefficients on the window, polynomial in time"),
    ("LegT", "legt_exact", "legt_A legt_B legendre",
     "those coefficients solve x' = A x + B u exactly"),
    ("LegT", "route_ii_exact", "route_ii_C legendre",
     "route ii gives u' exactly on degree < N"),
    ("LegT", "route_i_exact", "route_i_C route_i_D legendre",
     "route i gives u' exactly on degree < N"),
    ("LegTDegrees", "closed_solution_unique", "legt_A legt_B",
     "x' = A x + B u has at most one polynomial solution"),
    ("LegTDegrees", "closed_solution_exists", "legt_A legt_B",
     "it has one for every u of degree <= N"),
    ("LegTDegrees", "closed_routes_exact", "legt_A legt_B route_ii_C route_iii_C route_iii_D",
     "on it routes ii and iii give u' exactly for degree < N"),
    ("LegTDegrees", "closed_route_i_exact", "legt_A legt_B route_i_C route_i_D",
     "and route i for degree <= N"),
    ("LegTDegrees", "projected_route_iii_exact", "legendre route_iii_C route_iii_D",
     "from the exact coefficients route iii gives u' exactly for degree <= N"),
    ("LegTDegrees", "delayed_readout_exact", "legendre delayed_C delayed_D route_i_D",
     "with the delayed sample the derivative of the reconstruction's right end is exact, for every polynomial input"),
    ("LegS", "legs_state_projection", "legs_state legendre",
     "the state is (p_n times) the integral of g(t u) P_n(2u - 1) over [0, 1]"),
    ("LegS", "legs_ode", "legs_A legs_B legs_state",
     "t x' = A x + B u for every polynomial input and every N"),
    ("LegS", "legs_route_i", "legs_A legs_C",
     "row sums of LegS give LegT's C"),
    ("LegS", "legs_route_i_D", "legs_B legs_D",
     "and LegT's D"),
)
# fmt: on
"""Every theorem that may back a claim, by its name in Coq."""
