(* A linear time-invariant state that is smaller than its context forgets a direction of it, so no readout whatever makes
   one step from it. *)
From mathcomp Require Import all_ssreflect all_algebra.
From ssmproof Require Import Definitions GatedAccumulator OneStep SeveralSteps.

Set Implicit Arguments.
Unset Strict Implicit.
Unset Printing Implicit Defensive.
Import GRing.Theory.
Local Open Scope ring_scope.

Section FixedSizeState.
Variable F : fieldType.
Variables (f m N n : nat).
Variables (A : 'M[F]_n) (B : 'M[F]_(n, f + m)) (b h0 : 'cV[F]_n).

(* What the state sees of a context whose joint tokens are the rows of U, without the part that is the same for all. *)
Definition reach (U : 'M[F]_(N, f + m)) : 'rV[F]_n :=
  (\sum_(i < N) matrix_power A (N - i.+1) *m (B *m (row i U)^T))^T.

Lemma reach_linear : linear reach.
Proof.
move=> c U V; rewrite /reach -[c *: _^T]linearZ -linearD; congr (_^T); rewrite scaler_sumr -big_split.
by apply: eq_bigr => i _; rewrite linearP [(_ + _)^T]linearP !mulmxDr -!scalemxAr.
Qed.

(* A direction that the state does not see. *)
Lemma forgotten : (n < N * (f + m))%N -> exists2 U : 'M[F]_(N, f + m), U != 0 & reach U = 0.
Proof.
move=> small; pose L := lin_mx (Linear reach_linear).
have /rowV0Pn[v v_kernel v_neq0] : kermx L != 0.
  rewrite kermx_eq0 /row_free neq_ltn (leq_ltn_trans (rank_leq_col _)) ?mul1n //.
exists (vec_mx v); first by rewrite vec_mx_eq0.
by apply: (can_inj mxvecK); rewrite linear0 -(sub_kermxP v_kernel) -{2}[v]vec_mxK mul_vec_lin.
Qed.

Let token (U : 'M[F]_(N, f + m)) (t : nat) : 'cV[F]_(f + m) := if insub t is Some i then (row i U)^T else 0.

Lemma state_moved (U V : 'M[F]_(N, f + m)) : reach V = 0 ->
  lti_state A B b h0 (token (U + V)) N = lti_state A B b h0 (token U) N.
Proof.
move=> unseen; have zero : \sum_(i < N) matrix_power A (N - i.+1) *m (B *m (row i V)^T) = 0.
  by rewrite -[LHS]trmxK -/(reach V) unseen trmx0.
rewrite !lti_state_closed_form; congr (_ + _); rewrite -[RHS]addr0 -[X in _ = _ + X]zero -big_split.
apply: eq_bigr => i _; rewrite /token valK.
have -> : (row i (U + V))^T = (row i U)^T + (row i V)^T by apply/matrixP=> k l; rewrite !mxE.
by rewrite !mulmxDr addrAC.
Qed.

End FixedSizeState.

(* No readout psi of the state and the query makes one step on all contexts, unless n >= N (f + m). *)
Theorem lti_readout_no_step (F : fieldType) f m N n (A : 'M[F]_n) B b h0 (eta : F)
    (psi : 'cV[F]_n -> 'cV[F]_f.+1 -> 'cV[F]_m.+1) : N%:R != 0 :> F -> eta != 0 ->
  (forall (x : nat -> 'cV[F]_f.+1) (y : nat -> 'cV[F]_m.+1) xq,
     psi (lti_state A B b h0 (fun t => col_mx (x t) (y t)) N) xq = gd_step N x y eta 0 *m xq) ->
  (N * (f.+1 + m.+1) <= n)%N.
Proof.
move=> N_neq0 eta_neq0 same; rewrite leqNgt; apply/negP => small.
have [V V_neq0 unseen] := forgotten A B small.
pose token (U : 'M[F]_(N, f.+1 + m.+1)) t : 'cV_(f.+1 + m.+1) := if insub t is Some i then (row i U)^T else 0.
pose rows (a : 'I_N -> 'cV[F]_f.+1) (c : 'I_N -> 'cV[F]_m.+1) : 'M[F]_(N, f.+1 + m.+1) :=
  \matrix_i (col_mx (a i) (c i))^T.
pose a0 i := usubmx (row i V)^T; pose c0 i := dsubmx (row i V)^T.
have V_rows : V = rows a0 c0 by apply/row_matrixP=> i; rewrite rowK vsubmxK trmxK.
have add a c a' c' : rows a c + rows a' c' = rows (fun i => a i + a' i) (fun i => c i + c' i).
  by apply/row_matrixP=> i; rewrite linearD /= !rowK -linearD add_col_mx.
have answer a c q : psi (lti_state A B b h0 (token (rows a c)) N) q =
    (eta / N%:R) *: \sum_(i < N) ((a i)^T *m q) 0 0 *: c i.
  pose x t := if insub t is Some i then a i else 0; pose y t := if insub t is Some i then c i else 0.
  have -> : lti_state A B b h0 (token (rows a c)) N = lti_state A B b h0 (fun t => col_mx (x t) (y t)) N.
    by apply: eq_lti_state => t t_N; rewrite /token /x /y insubT rowK trmxK.
  rewrite same -one_step_from_zero gd_ssm_state_sum mulmx_suml; congr (_ *: _); apply: eq_bigr => i _.
  by rewrite outer_mul /x /y valK.
have rate_neq0 : eta / N%:R != 0 by rewrite mulf_neq0 ?invr_eq0.
have moved (a : 'I_N -> 'cV[F]_f.+1) (c : 'I_N -> 'cV[F]_m.+1) (q : 'cV[F]_f.+1) :
      \sum_(i < N) ((a i + a0 i)^T *m q) 0 0 *: (c i + c0 i) = \sum_(i < N) ((a i)^T *m q) 0 0 *: c i.
  apply: (scalerI rate_neq0); apply: etrans (esym (answer (fun i => a i + a0 i) (fun i => c i + c0 i) q)) _.
  by rewrite -add -V_rows state_moved // answer.
have scaled0 p (q : 'cV[F]_f.+1) (v : 'cV[F]_p) : ((0 : 'cV[F]_f.+1)^T *m q) 0 0 *: v = 0.
  by rewrite trmx0 mul0mx mxE scale0r.
(* The targets c move freely where the inputs are those of V; *)
have a0_0 i : a0 i = 0.
  have all_c (c : 'I_N -> 'cV[F]_m.+1) (q : 'cV[F]_f.+1) : \sum_(k < N) ((a0 k)^T *m q) 0 0 *: (c k + c0 k) = 0.
    have none : \sum_(k < N) ((0 : 'cV[F]_f.+1)^T *m q) 0 0 *: c k = 0 by rewrite big1 // => k _; apply: scaled0.
    by rewrite -[RHS]none -[RHS](moved (fun=> 0)); apply: eq_bigr => k _; rewrite add0r.
  have free (c : 'I_N -> 'cV[F]_m.+1) (q : 'cV[F]_f.+1) : \sum_(k < N) ((a0 k)^T *m q) 0 0 *: c k = 0.
    rewrite -[RHS](subrr 0) -[X in _ = X - _](all_c c q) -[X in _ = _ - X](all_c (fun=> 0) q) -sumrB.
    by apply: eq_bigr => k _; rewrite -scalerBr add0r addrK.
  apply/colP=> j; rewrite [RHS]mxE; have := free (fun k => if k == i then delta_mx 0 0 else 0) (delta_mx j 0).
  rewrite (bigD1 i) //= eqxx big1 ?addr0 => [|k /negPf ->]; last exact: scaler0.
  by move/colP/(_ 0); rewrite mxE [delta_mx 0 0 _ _]mxE !eqxx mulr1 -colE !mxE.
(* then the inputs, where the targets are those of V. *)
have c0_0 i : c0 i = 0.
  have := moved (fun k => if k == i then delta_mx 0 0 else 0) (fun=> 0) (delta_mx 0 0).
  rewrite [RHS]big1 => [|k _]; last exact: scaler0.
  rewrite (bigD1 i) //= eqxx big1 ?addr0 => [|k /negPf ->]; last by rewrite a0_0 addr0 scaled0.
  by rewrite a0_0 addr0 add0r trmx_delta mul_delta_mx mxE !eqxx scale1r.
case/eqP: V_neq0; rewrite V_rows; apply/row_matrixP=> i; rewrite rowK a0_0 c0_0 col_mx0 trmx0.
by rewrite linear0.
Qed.
