(* A layer with a scalar decay a token is one gradient step on the loss discounted by the later decays. *)
From mathcomp Require Import all_ssreflect all_algebra.
From ssmproof Require Import Definitions GatedAccumulator LossGradient.

Set Implicit Arguments.
Unset Strict Implicit.
Unset Printing Implicit Defensive.
Import GRing.Theory.
Local Open Scope ring_scope.

Section DiscountedGD.
Variable F : fieldType.
Variables (f m N : nat) (x : nat -> 'cV[F]_f) (y : nat -> 'cV[F]_m).

(* The weighted gradient is the gradient of the weighted loss. *)
Theorem weighted_loss_expansion (w : nat -> F) (W H : 'M[F]_(m, f)) (t : F) : 2%:R != 0 :> F ->
  weighted_loss N x y w (W + t *: H) =
    weighted_loss N x y w W + t * inner (weighted_gradient N x y w W) H
    + t ^+ 2 * ((2 * N%:R)^-1 * \sum_(i < N) w i * square_norm (H *m x i)).
Proof.
move=> two_neq0.
have split_residual i : (W + t *: H) *m x i - y i = (W *m x i - y i) + t *: (H *m x i).
  by rewrite mulmxDl -scalemxAl addrAC.
rewrite /weighted_loss; under eq_bigr do rewrite split_residual square_norm_add !mulrDr.
rewrite !big_split /= !mulrDr; congr (_ + _ + _); last first.
  by rewrite [RHS]mulrCA; congr (_ * _); rewrite mulr_sumr; apply: eq_bigr => i _; rewrite mulrCA.
rewrite /weighted_gradient innerZl inner_suml [2 * _]mulrC invfM -mulrA [RHS]mulrCA; congr (_ * _).
rewrite !mulr_sumr; apply: eq_bigr => i _; rewrite innerZl inner_outer.
by rewrite [t * (2 * _)]mulrCA [w i * (2 * _)]mulrCA mulKf // mulrCA.
Qed.

(* Example i counts with the product of the decays after it. *)
Theorem discounted_step (g : nat -> F) (eta : F) (W0 : 'M[F]_(m, f)) (xq : 'cV[F]_f) :
  discounted_output N (eta / N%:R) g W0 x y xq = weighted_gd_step N x y (discount g N) eta W0 *m xq.
Proof.
rewrite /discounted_output /weighted_gd_step /weighted_gradient scalerA mulmxBl -scalemxAl; congr (_ + _).
rewrite -scalerN -mulNmx; congr (_ *: (_ *m _)).
apply/matrixP=> i j; rewrite gated_state_closed_form !mxE mulr0 add0r summxE -sumrN; apply: eq_bigr => s _.
rewrite /discount; under eq_bigr do rewrite mxE.
by rewrite -[y s - _]opprB mulNmx !mxE mulrN.
Qed.

(* Gated linear attention is one step, of size 1 on the sum over tokens (N on the mean), on the faded keys. *)
Theorem gated_attention_step (alpha : nat -> 'cV[F]_f) (r : nat -> F) : N%:R != 0 :> F ->
  gated_attention alpha r y x N = weighted_gd_step N (faded_key N alpha x) y r N%:R 0.
Proof.
move=> N_neq0; rewrite /weighted_gd_step /weighted_gradient scalerA divff // scale1r sub0r -sumrN.
apply/matrixP=> i j; rewrite gated_state_closed_form [(0 : 'M_(_, _)) i j]mxE mulr0 add0r summxE.
apply: eq_bigr => s _; rewrite mul0mx sub0r mulNmx scalerN opprK !mxE !big_ord1 !mxE.
rewrite mulrCA; congr (_ * _); rewrite mulrCA; congr (_ * (_ * _)).
by apply: eq_bigr => k _; rewrite mxE.
Qed.

(* With one decay for all channels it is a step on the keys themselves, with discounted weights. *)
Theorem gated_attention_discounted (g r : nat -> F) : N%:R != 0 :> F ->
  gated_attention (fun s => const_mx (g s)) r y x N = weighted_gd_step N x y (fun t => discount g N t * r t) N%:R 0.
Proof.
move=> N_neq0; rewrite gated_attention_step // /weighted_gd_step /weighted_gradient; congr (_ - _ *: (_ *: _)).
apply: eq_bigr => s _; rewrite !mul0mx !sub0r !mulNmx !scalerN; congr (- _); apply/matrixP=> i j.
rewrite !mxE !big_ord1 !mxE -/(discount g N s).
have -> : \prod_(s.+1 <= k < N) (const_mx (g k) : 'cV[F]_f) j 0 = discount g N s.
  by apply: eq_bigr => k _; rewrite mxE.
by rewrite [discount g N s * r s]mulrC -[RHS]mulrA; congr (_ * _); rewrite mulrCA.
Qed.

(* A constant decay a discounts example i by a^(N-1-i). *)
Theorem discount_constant (a : F) (n i : nat) : discount (fun=> a) n i = a ^+ (n - i.+1).
Proof. by rewrite /discount prodr_const_nat. Qed.

End DiscountedGD.
