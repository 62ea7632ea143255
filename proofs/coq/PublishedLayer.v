(* The published layer, as its code computes it from interleaved tokens: with the published weights its last row is
   minus the step's prediction, and with no weights at all does one layer make two steps. *)
From mathcomp Require Import all_ssreflect all_algebra.
From ssmproof Require Import Definitions GatedAccumulator OneStep Impossibility.

Set Implicit Arguments.
Unset Strict Implicit.
Unset Printing Implicit Defensive.
Import GRing.Theory.
Local Open Scope ring_scope.

Section PublishedLayer.
Variable R : comRingType.
Variables (d N : nat).

(* Where entry j of row a of a window stands in the joint token. *)
Definition place (a : 'I_3) (j : 'I_d) : 'I_(d + (d + d)) :=
  if a == 0 then lshift (d + d) j else if a == 1 then rshift d (lshift d j) else rshift d (rshift d j).

(* Windows of the interleaved tokens are the windows of the problem. *)
Lemma token_window_interleaved (x y : nat -> 'cV[R]_d) xq t a j : (t < N)%N ->
  token_window (interleaved N x y xq) t a j = window N x y xq t (place a j) 0.
Proof.
move=> t_N; rewrite mxE /interleaved /window /place.
have cases : (t.+1 < N)%N = false -> (t.+1 == N)%N by move=> /negbT; rewrite -leqNgt eqn_leq t_N => ->.
case: a => -[|[|[|//]]] a_3 /=.
- by rewrite addn0 odd_double doubleK col_mxEu t_N.
- by rewrite addn1 /= odd_double uphalf_double col_mxEd col_mxEu t_N.
by rewrite addn2 /= negbK odd_double doubleK !col_mxEd; case: ifP => // /cases ->.
Qed.

(* The published layer is one of the layers with a quadratic input gate and a linear output gate. *)
Definition published_Q (w : 'M[R]_3) (i j : 'I_d) : 'M[R]_(d + (d + d)) :=
  \sum_a \sum_b w a b *: delta_mx (place a j) (place b i).
Definition published_D (C : 'M[R]_d) (D : 'cV[R]_3) (l i j : 'I_d) : 'rV[R]_(d + (d + d)) :=
  \sum_a (C l i * D a 0) *: delta_mx 0 (place a j).

Lemma delta_form p (u : 'cV[R]_p) i j : (u^T *m delta_mx i j *m u) 0 0 = u i 0 * u j 0.
Proof.
rewrite -(mul_delta_mx (0 : 'I_1)) !mulmxA -mulmxA mxE big_ord1 mxE (bigD1 i) //= big1 => [|k /negPf neq].
  rewrite !mxE !eqxx mulr1 addr0; congr (_ * _).
  by rewrite (bigD1 j) //= big1 => [|k /negPf neq]; rewrite !mxE !eqxx ?neq ?mul1r ?addr0 ?mul0r.
by rewrite !mxE neq mulr0.
Qed.

Theorem published_layer_is_gated (w : 'M[R]_3) (decay C : 'M[R]_d) (D : 'cV[R]_3) x y xq t : (t < N)%N ->
  gd_ssm_layer w decay C D (interleaved N x y xq) t =
    gated_layer (fun=> decay^T) (published_Q w) (published_D C D) 0 t.+1 t (window N x y xq).
Proof.
move=> t_N; rewrite /gd_ssm_layer.
have -> : gated_state (fun=> decay^T) (fun s => ((token_window (interleaved N x y xq) s)^T *m w
              *m token_window (interleaved N x y xq) s)^T) 0 t.+1
          = gated_state (fun=> decay^T) (fun s => quadratic_gate (published_Q w) (window N x y xq s)) 0 t.+1.
  apply: eq_gated_state => s; rewrite ltnS => s_t; have s_N := leq_ltn_trans s_t t_N.
  apply/matrixP=> i j; rewrite [LHS]mxE [RHS]mxE /published_Q mulmx_sumr mulmx_suml summxE [LHS]mxE.
  under eq_bigr do rewrite mxE mulr_suml; rewrite exchange_big; apply: eq_bigr => a _.
  rewrite mulmx_sumr mulmx_suml summxE; apply: eq_bigr => b _.
  rewrite -scalemxAr -scalemxAl [RHS]mxE delta_form [_^T _ _]mxE !token_window_interleaved //.
  by rewrite mulrA [_ * w a b]mulrC.
set S := gated_state _ _ _ _; apply/colP=> l; rewrite -mulmxA [LHS]mxE [RHS]mxE.
apply: eq_bigr => i _; rewrite [(S *m _) i 0]mxE mulr_sumr; apply: eq_bigr => j _.
rewrite mulrCA; congr (_ * _); rewrite /published_D mulmx_suml summxE [X in _ * X]mxE mulr_sumr.
apply: eq_bigr => a _; rewrite [_^T _ _]mxE token_window_interleaved // -scalemxAl [RHS]mxE.
by rewrite -rowE [row _ _ 0 0]mxE -mulrA [_ * D a 0]mulrC.
Qed.

(* The published weights: w = e_1 e_2^T, no decay, C = -c, D = e_3. *)
Theorem published_weights (c : R) (x y : nat -> 'cV[R]_d) xq : (0 < N)%N ->
  gd_ssm_layer (delta_mx 0 1) (const_mx 1) (- c)%:M (delta_mx (inord 2) 0) (interleaved N x y xq) N.-1 =
    - (c *: (gd_ssm_state y x N *m xq)).
Proof.
move=> N_gt0; rewrite /gd_ssm_layer prednK //.
have -> : gated_state (fun=> (const_mx 1 : 'M[R]_d)^T) (fun s => ((token_window (interleaved N x y xq) s)^T
              *m delta_mx 0 1 *m token_window (interleaved N x y xq) s)^T) 0 N = gd_ssm_state y x N.
  rewrite /gd_ssm_state trmx_const; apply: eq_gated_state => s s_N; apply/matrixP=> i j.
  rewrite -(mul_delta_mx (0 : 'I_1)) mulmxA -mulmxA -rowE -colE [LHS]mxE mxE big_ord1 [RHS]mxE big_ord1.
  rewrite [col _ _ _ _]mxE [row _ _ _ _]mxE ![_^T _ _]mxE !token_window_interleaved // /place /window /= s_N.
  by rewrite col_mxEu col_mxEd col_mxEu mulrC.
rewrite -colE mul_scalar_mx -scalemxAl scaleNr; congr (- (_ *: (_ *m _))); apply/colP=> j.
rewrite !mxE /interleaved inordK // addn2 /= odd_double /= doubleK prednK // ltnn.
by [].
Qed.

End PublishedLayer.

(* No weights make one published layer do two or more steps, even from 0 and for one size. *)
Theorem published_layer_no_steps (F : fieldType) d N k (eta : F) (w : 'M[F]_3) (decay C : 'M[F]_d.+1) (D : 'cV[F]_3) :
  [char F] =i pred0 -> (0 < N)%N -> eta != 0 -> (1 < k)%N ->
  ~ (forall (x y : nat -> 'cV[F]_d.+1) xq,
       gd_ssm_layer w decay C D (interleaved N x y xq) N.-1 = gd N x y eta k 0 *m xq).
Proof.
move=> char0 N_gt0 eta_neq0 k_gt1 same.
apply: (gated_layer_no_steps char0 N_gt0 eta_neq0 (a := fun=> decay^T) (Q := published_Q w)
          (D := published_D C D) (S0 := 0) (T := N.-1.+1) (r := N.-1) k_gt1) => x y xq.
by rewrite -published_layer_is_gated ?same // prednK.
Qed.
