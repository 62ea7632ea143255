(* Linear self-attention with the constructed weights: k layers are k steps of gradient descent, in every token. *)
From mathcomp Require Import all_ssreflect all_algebra.
From ssmproof Require Import Definitions GatedAccumulator OneStep.

Set Implicit Arguments.
Unset Strict Implicit.
Unset Printing Implicit Defensive.
Import GRing.Theory.
Local Open Scope ring_scope.

Section LinearSelfAttention.
Variable F : fieldType.
Variables (f m N : nat) (x : nat -> 'cV[F]_f) (y : nat -> 'cV[F]_m) (eta : F) (W0 : 'M[F]_(m, f)).
Let c := eta / N%:R.

(* With these weights a layer moves only the lower part of a token, by the values W0 x_i - y_i. *)
Lemma lsa_layer_col (e : nat -> 'cV[F]_(f + m)) (u : nat -> 'cV[F]_f) (v : nat -> 'cV[F]_m) j :
  (forall i, e i = col_mx (u i) (v i)) ->
  lsa_layer N (lsa_key F f m) (lsa_key F f m) (lsa_value W0) c%:M e j =
    col_mx (u j) (v j + c *: \sum_(i < N) (W0 *m u i - v i) *m (u i)^T *m u j).
Proof.
move=> split_e; rewrite /lsa_layer.
have term i : lsa_value W0 *m e i *m (lsa_key F f m *m e i)^T *m (lsa_key F f m *m e j)
              = col_mx 0 ((W0 *m u i - v i) *m (u i)^T *m u j).
  rewrite !split_e /lsa_value /lsa_key !mul_block_col !(mul1mx, mul0mx, mulNmx, addr0, add0r) tr_col_mx.
  by rewrite mul_col_row mul_block_col !(mul0mx, mulmx0, trmx0, addr0, add0r).
under eq_bigr do rewrite term.
have -> : \sum_(i < N) col_mx (0 : 'cV_f) ((W0 *m u i - v i) *m (u i)^T *m u j)
          = col_mx 0 (\sum_(i < N) (W0 *m u i - v i) *m (u i)^T *m u j).
  by elim/big_rec2: _ => [|i s _ _ ->]; rewrite ?col_mx0 // add_col_mx add0r.
by rewrite split_e mul_scalar_mx scale_col_mx scaler0 add_col_mx addr0.
Qed.

(* After k layers a context token holds y_j - (W_k - W0) x_j and the query holds -W_k xq. *)
Theorem lsa_stack_gd (xq : 'cV[F]_f) (k : nat) :
  (forall j, (j < N)%N -> lsa_stack N c W0 x y xq k j = col_mx (x j) (y j - (gd N x y eta k W0 - W0) *m x j)) /\
  lsa_stack N c W0 x y xq k N = col_mx xq (- (gd N x y eta k W0 *m xq)).
Proof.
pose u j := if (j < N)%N then x j else xq.
pose v k j := (if (j < N)%N then y j else - (W0 *m xq)) - (gd N x y eta k W0 - W0) *m u j.
suff holds j : lsa_stack N c W0 x y xq k j = col_mx (u j) (v k j).
  split=> [j j_N|]; rewrite holds /v /u ?j_N // ltnn mulmxBl opprB.
  by rewrite addrA addNr add0r.
elim: k j => [|k IH] j.
  by rewrite /v subrr mul0mx subr0 /lsa_stack /lsa_tokens /u /=; case: ifP.
rewrite /lsa_stack iterS -/(lsa_stack N c W0 x y xq k) (lsa_layer_col _ IH); congr col_mx.
have -> : \sum_(i < N) (W0 *m u i - v k i) *m (u i)^T *m u j
          = (\sum_(i < N) (gd N x y eta k W0 *m x i - y i) *m (x i)^T) *m u j.
  rewrite mulmx_suml; apply: eq_bigr => i _; rewrite /v /u ltn_ord; congr (_ *m _ *m _).
  by rewrite mulmxBl opprB addrA opprB opprD addrCA addrC -addrA subrK addrC.
rewrite scalemxAl /v -addrA; congr (_ + _).
rewrite -[gd N x y eta k.+1 W0]/(gd N x y eta k W0 - eta *: gradient N x y (gd N x y eta k W0)) /gradient scalerA.
by rewrite -/c -!mulNmx -mulmxDl !opprB -addrA [- gd _ _ _ _ _ _ + _]addrC.
Qed.

(* One layer, from any W0: the answer at the query is minus the GD-SSM's output. *)
Theorem lsa_one_layer (xq : 'cV[F]_f) :
  lsa_stack N c W0 x y xq 1 N = col_mx xq (- gd_ssm_output N c W0 x y xq).
Proof. by rewrite (proj2 (lsa_stack_gd xq 1)) one_step. Qed.

End LinearSelfAttention.
