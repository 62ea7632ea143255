(* Several steps. Two passes a layer: k layers are k steps. Causal layers are not: they run a recursion with the
   triangular part of the Gram matrix. Two accumulators and one product a step give k steps again, causally. *)
From mathcomp Require Import all_ssreflect all_algebra.
From ssmproof Require Import Definitions GatedAccumulator OneStep.

Set Implicit Arguments.
Unset Strict Implicit.
Unset Printing Implicit Defensive.
Import GRing.Theory.
Local Open Scope ring_scope.

Section Powers.
Variable R : comRingType.

Lemma geometric_sumS n (A : 'M[R]_n) k : geometric_sum A k.+1 = geometric_sum A k *m A + 1%:M.
Proof. by rewrite /geometric_sum big_ord_recl /= addrC mulmx_suml; congr (_ + _); apply: eq_bigr. Qed.

Lemma gd_ssm_state_columns m f N (v : nat -> 'cV[R]_m) (x : nat -> 'cV[R]_f) :
  gd_ssm_state v x N = columns N v *m (columns N x)^T.
Proof.
rewrite gd_ssm_state_sum /columns; apply/matrixP=> i j; rewrite summxE mxE.
by apply: eq_bigr => s _; rewrite !mxE big_ord1 mxE.
Qed.

(* v k^T x = (k . x) v *)
Lemma outer_mul m f (v : 'cV[R]_m) (k x : 'cV[R]_f) : v *m k^T *m x = (k^T *m x) 0 0 *: v.
Proof. by rewrite -mulmxA {1}[k^T *m x]mx11_scalar mul_mx_scalar. Qed.

End Powers.

Section SeveralSteps.
Variable F : fieldType.
Variables (f m N : nat) (x : nat -> 'cV[F]_f) (y : nat -> 'cV[F]_m).
Variables (eta : F) (W0 : 'M[F]_(m, f)).
Let c := eta / N%:R.

Lemma gd_step_affine (W : 'M[F]_(m, f)) :
  gd_step N x y eta W = W *m (1%:M - c *: input_moment N x) + c *: cross_moment N y x.
Proof.
rewrite /gd_step gradient_moments scalerA scalerBr mulmxBr mulmx1 -scalemxAr opprB.
by rewrite addrA addrAC.
Qed.

(* W_k = W0 M^k + c B (1 + M + ... + M^(k-1)) with M = 1 - c A, A = sum x x^T, B = sum y x^T, c = eta / N. *)
Theorem gd_closed_form (k : nat) :
  gd N x y eta k W0 =
    W0 *m matrix_power (1%:M - c *: input_moment N x) k
    + c *: (cross_moment N y x *m geometric_sum (1%:M - c *: input_moment N x) k).
Proof.
elim: k => [|k IH]; first by rewrite /geometric_sum big_ord0 mulmx0 scaler0 addr0 mulmx1.
rewrite /gd iterS -/(gd N x y eta k W0) gd_step_affine IH geometric_sumS /=; set M := 1%:M - _.
by rewrite mulmxDl mulmxDr scalerDr mulmx1 -scalemxAl !mulmxA addrA.
Qed.

(* k two-pass layers are k steps: every token ends with its residual at W_k, the query with the prediction of W_k. *)
Theorem two_pass_stack_gd (xq : 'cV[F]_f) (k : nat) :
  (forall j, (two_pass_stack N c W0 x y xq k).1 j = y j - gd N x y eta k W0 *m x j) /\
  (two_pass_stack N c W0 x y xq k).2 = gd N x y eta k W0 *m xq.
Proof.
elim: k => [//|k [IH1 IH2]].
have state : c *: gd_ssm_state (two_pass_stack N c W0 x y xq k).1 x N
             = - (eta *: gradient N x y (gd N x y eta k W0)).
  by rewrite -residual_state !gd_ssm_state_sum; congr (_ *: _); apply: eq_bigr => i _; rewrite IH1.
split=> [j|]; rewrite /two_pass_stack iterS -/(two_pass_stack _ _ _ _ _ _ k) /= scalemxAl state.
  by rewrite IH1 mulNmx opprK [in RHS]mulmxBl opprB addrA addrAC.
by rewrite IH2 mulNmx [in RHS]mulmxBl.
Qed.

(* A stack whose layers mix the residuals by a fixed matrix U. *)
Lemma stack_closed_form (layer : (nat -> 'cV[F]_m) * 'cV[F]_m -> (nat -> 'cV[F]_m) * 'cV[F]_m) (U : 'M[F]_N) xq k :
  (forall s, columns N (layer s).1 = columns N s.1 *m (1%:M - c *: U)) ->
  (forall s, (layer s).2 = s.2 + c *: (gd_ssm_state s.1 x N *m xq)) ->
  let s := iter k layer (stack_start W0 x y xq) in
  let R0 := columns N (fun j => y j - W0 *m x j) in
  columns N s.1 = R0 *m matrix_power (1%:M - c *: U) k /\
  s.2 = W0 *m xq + c *: (R0 *m geometric_sum (1%:M - c *: U) k *m (columns N x)^T *m xq).
Proof.
move=> mix read; elim: k => [|k [IH1 IH2]] /=.
  by rewrite /geometric_sum big_ord0 mulmx0 !mul0mx scaler0 addr0 mulmx1.
rewrite mix read IH1 IH2 gd_ssm_state_columns IH1 mulmxA; split=> //.
rewrite /geometric_sum big_ord_recr /=; set M := 1%:M - _.
by rewrite mulmxDr !mulmxDl scalerDr addrA.
Qed.

Lemma causal_layer_mix (xq : 'cV[F]_f) (s : (nat -> 'cV[F]_m) * 'cV[F]_m) :
  columns N (causal_layer N c x xq s).1 = columns N s.1 *m (1%:M - c *: causal_gram N x).
Proof.
have read (t : 'I_N) i : (gd_ssm_state s.1 x t.+1 *m x t) i 0 = (columns N s.1 *m causal_gram N x) i t.
  rewrite gd_ssm_state_sum mulmx_suml summxE (big_ord_widen N (fun r => (s.1 r *m (x r)^T *m x t) i 0)) // mxE.
  rewrite big_mkcond; apply: eq_bigr => r _; rewrite outer_mul !mxE ltnS mulrC.
  by case: ifP; rewrite ?mulr0.
rewrite mulmxBr mulmx1 -scalemxAr; apply/matrixP=> i t.
by rewrite [RHS]mxE [X in _ + X]mxE [X in _ - X]mxE -read !mxE.
Qed.

(* Causal layers: with U the causal part of the Gram matrix, the residuals are R0 (1 - c U)^k and the prediction is
   W0 xq + c R0 (1 + (1 - c U) + ... + (1 - c U)^(k-1)) X^T xq. *)
Theorem causal_stack_closed_form (xq : 'cV[F]_f) (k : nat) :
  let s := causal_stack N c W0 x y xq k in
  let R0 := columns N (fun j => y j - W0 *m x j) in
  columns N s.1 = R0 *m matrix_power (1%:M - c *: causal_gram N x) k /\
  s.2 = W0 *m xq + c *: (R0 *m geometric_sum (1%:M - c *: causal_gram N x) k *m (columns N x)^T *m xq).
Proof. by apply: stack_closed_form => // s; apply: causal_layer_mix. Qed.

(* Gradient descent is the same with the whole Gram matrix. *)
Theorem gd_gram_form (xq : 'cV[F]_f) (k : nat) :
  gd N x y eta k W0 *m xq =
    W0 *m xq + c *: (columns N (fun j => y j - W0 *m x j)
                     *m geometric_sum (1%:M - c *: gram N x) k *m (columns N x)^T *m xq).
Proof.
rewrite -(proj2 (two_pass_stack_gd xq k)); apply: (proj2 (stack_closed_form _ _ _)) => // s.
have read (t : 'I_N) i : (gd_ssm_state s.1 x N *m x t) i 0 = (columns N s.1 *m gram N x) i t.
  rewrite gd_ssm_state_sum mulmx_suml summxE mxE.
  by apply: eq_bigr => r _; rewrite outer_mul !mxE mulrC.
rewrite mulmxBr mulmx1 -scalemxAr; apply/matrixP=> i t.
by rewrite [RHS]mxE [X in _ + X]mxE [X in _ - X]mxE -read !mxE.
Qed.

(* The first causal layer is an exact step; *)
Theorem causal_stack_first (xq : 'cV[F]_f) : (causal_stack N c W0 x y xq 1).2 = gd_step N x y eta W0 *m xq.
Proof. by rewrite /= -one_step. Qed.

(* the second differs from a second step by what the later tokens would have told the earlier ones. *)
Theorem causal_stack_gap (xq : 'cV[F]_f) :
  (causal_stack N c W0 x y xq 2).2 =
    gd N x y eta 2 W0 *m xq
    + c ^+ 2 *: \sum_(t < N) \sum_(s < N | (t < s)%N)
        (((x s)^T *m x t) 0 0 * ((x t)^T *m xq) 0 0) *: (y s - W0 *m x s).
Proof.
rewrite -(proj2 (two_pass_stack_gd xq 2)) /= -!addrA; congr (_ + (_ + _)).
set r := fun s => y s - W0 *m x s.
have later (t : 'I_N) : gd_ssm_state r x N *m x t =
    gd_ssm_state r x t.+1 *m x t + \sum_(s < N | (t < s)%N) ((x s)^T *m x t) 0 0 *: r s.
  rewrite !gd_ssm_state_sum (bigID (fun s : 'I_N => (s < t.+1)%N)) /= mulmxDl.
  rewrite (big_ord_widen N (fun s => r s *m (x s)^T)) //.
  rewrite [X in _ + X]mulmx_suml; congr (_ + _).
  by apply: eq_big => [s|s _]; rewrite ?outer_mul // ltnS -ltnNge.
rewrite [X in _ *: (X *m xq) = _]gd_ssm_state_sum [X in _ = _ *: (X *m xq) + _]gd_ssm_state_sum !mulmx_suml expr2.
rewrite -scalerA -scalerDr; congr (_ *: _); rewrite [X in _ + X]scaler_sumr -big_split /=.
apply: eq_bigr => t _; rewrite later !outer_mul -/(r t) [c *: (_ + _)]scalerDr opprD addrA [in RHS]scalerBr -addrA.
rewrite -[LHS]addr0 -[RHS]addrA; congr (_ + _); apply/esym/eqP; rewrite addrC subr_eq0; apply/eqP.
rewrite [RHS]scalerA mulrC -scalerA; congr (_ *: _); rewrite scaler_sumr; apply: eq_bigr => s _.
by rewrite scalerA mulrC.
Qed.

End SeveralSteps.

(* So for every step size that is not 0 two causal layers are not two steps: the witness has two examples. *)
Theorem causal_stack_not_gd (f m N : nat) (F : fieldType) (eta : F) : (1 < N)%N -> N%:R != 0 :> F -> eta != 0 ->
  exists (x : nat -> 'cV[F]_f.+1) (y : nat -> 'cV[F]_m.+1) (xq : 'cV[F]_f.+1),
    (causal_stack N (eta / N%:R) 0 x y xq 2).2 <> gd N x y eta 2 0 *m xq.
Proof.
move=> N_gt1 N_neq0 eta_neq0; pose e : 'cV[F]_f.+1 := delta_mx 0 0.
have e_e : e^T *m e = 1%:M by rewrite trmx_delta mul_delta_mx; apply/matrixP=> i j; rewrite !mxE !ord1.
exists (fun t => if (t < 2)%N then e else 0), (fun t => if t == 1%N then delta_mx 0 0 else 0), e.
rewrite causal_stack_gap => /eqP; rewrite -subr_eq0 addrAC subrr add0r scaler_eq0 sqrf_eq0 mulf_eq0 invr_eq0.
rewrite (negPf N_neq0) (negPf eta_neq0) /=; apply/negP.
rewrite (bigD1 (Ordinal (ltnW N_gt1))) //= (bigD1 (Ordinal N_gt1)) //= !e_e !mxE mul1r scale1r mul0mx subr0.
rewrite !big1 ?addr0 => [|t t_neq0|s /andP[_ s_neq1]].
- by apply/eqP=> /matrixP/(_ 0 0)/eqP; rewrite !mxE oner_eq0.
- rewrite big1 // => s t_lt_s; rewrite mul0mx subr0; case: eqP => [s_eq1|]; last by rewrite scaler0.
  by case/eqP: t_neq0; apply/val_inj/eqP; rewrite /= -leqn0 -ltnS -s_eq1.
- by rewrite (_ : (val s == 1%N) = false) ?mul0mx ?subr0 ?scaler0 //; apply/negbTE.
Qed.

(* Two accumulators: E_k is minus the weights after k steps, from any start. *)
Theorem two_accumulators_gd (F : fieldType) f m N (x : nat -> 'cV[F]_f) (y : nat -> 'cV[F]_m) (eta : F) W0 (k : nat) :
  two_accumulators N (eta / N%:R) W0 x y k = - gd N x y eta k W0.
Proof.
elim: k => [//|k IH]; rewrite /two_accumulators iterS -/(two_accumulators _ _ _ _ _ k) IH.
rewrite -[gd N x y eta k.+1 W0]/(gd_step N x y eta (gd N x y eta k W0)).
by rewrite [in RHS]gd_step_affine [RHS]opprD mulNmx !gd_ssm_state_sum.
Qed.
