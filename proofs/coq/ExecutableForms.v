(* Programs for the closed forms and for the learners that theorems compare layers with (see Executable.v). *)
From mathcomp Require Import all_ssreflect all_algebra.
From ssmproof Require Import Definitions GatedAccumulator Executable ExecutableGD.

Set Implicit Arguments.
Unset Strict Implicit.
Unset Printing Implicit Defensive.
Import GRing.Theory.
Local Open Scope ring_scope.

Section Programs.
Variable K : arithmetic.
Notation T := (scalar K).
Implicit Types (c eta a : T) (A W X Y H : seq (seq T)).

(* The derivative of the loss in a direction: <gradient, H>; the weights w are a row. *)
Definition inner_exec m f A H : T := total m (fun i => total f (fun j => mul (at_ A i j) (at_ H i j))).
Definition slope_exec m f N W X Y H : T := inner_exec m f (gradient_exec m f N W X Y) H.
Definition weighted_rows m N (w : seq (seq T)) (R : seq (seq T)) : seq (seq T) :=
  rows_of N m (fun t => mat_scale m 1 (at_ w 0 t) (col R m t)).
Definition weighted_gradient_exec m f N w W X Y : seq (seq T) :=
  mat_scale m f (opp (inv (number K N))) (gd_ssm_state_exec m f (weighted_rows m N w (residuals m f N W X Y)) X N).
Definition weighted_slope_exec m f N w W X Y H : T := inner_exec m f (weighted_gradient_exec m f N w W X Y) H.
Definition weighted_gd_step_exec m f N w eta W X Y : seq (seq T) :=
  mat_sub m f W (mat_scale m f eta (weighted_gradient_exec m f N w W X Y)).

(* Discounts as a row: the products of the later entries of the row g, and the powers of one number. *)
Definition discount_exec (g : seq (seq T)) N : seq (seq T) :=
  tabulate 1 N (fun _ i => foldr (fun s => mul (at_ g 0 s)) (one K) (iota i.+1 (N - i.+1))).
Definition power_discount_exec a N : seq (seq T) := tabulate 1 N (fun _ i => iter (N - i.+1) (mul a) (one K)).

(* Sums of powers of 1 - c A, and the predictions made of them and the (causal) Gram matrix. *)
Definition power_sum_exec n c A k : seq (seq T) := geometric_sum_exec n (contraction_exec n c A) k.
Definition gram_exec f N X : seq (seq T) :=
  tabulate N N (fun s t => total f (fun i => mul (at_ X s i) (at_ X t i))).
Definition columns_exec m N X : seq (seq T) := tabulate m N (fun i t => at_ X t i).
Definition form_exec m f N c (M : seq (seq T)) W X Y xq : seq (seq T) :=
  mat_add m 1 (mat_mul m f 1 W (col xq f 0)) (mat_scale m 1 c (mat_mul m f 1 (mat_mul m N f
    (mat_mul m N N (columns_exec m N (residuals m f N W X Y)) M) (tabulate N f (at_ X))) (col xq f 0))).
Definition batch_matrix_exec f N c k X : seq (seq T) := power_sum_exec N c (gram_exec f N X) k.
Definition causal_matrix_exec f N c k X : seq (seq T) := power_sum_exec N c (causal_gram_exec f N X) k.
Definition gram_form_exec m f N c k W X Y xq := form_exec m f N c (batch_matrix_exec f N c k X) W X Y xq.
Definition causal_form_exec m f N c k W X Y xq := form_exec m f N c (causal_matrix_exec f N c k X) W X Y xq.

Definition newton_schulz_weights_exec m f N c k X Y : seq (seq T) :=
  mat_mul m f f (gd_ssm_state_exec m f Y X N) (newton_schulz_exec f c (gd_ssm_state_exec f f X X N) k).

(* Row t: a step of size eta (t + 1)/N from 0 on the first t + 1 pairs, asked at the next input. *)
Definition prefix_steps_exec m f N eta X Y xq : seq (seq T) :=
  rows_of N m (fun t => mat_mul m f 1
    (gd_step_exec m f t.+1 (mul (mul eta (number K t.+1)) (inv (number K N))) (mat_zero K m f) X Y)
    (if (t.+1 < N)%N then col X f t.+1 else col xq f 0)).

End Programs.

Section Refinement.
Variables (K : arithmetic) (F : fieldType) (phi : scalar K -> F).
Hypothesis phiM : morphism phi.
Notation T := (scalar K).
Notation mat := (mat phi).
Notation stream := (stream phi).
Implicit Types (c eta a : T) (A W X Y H xq : seq (seq T)).

Let phiE := (phi_zero phiM, phi_one phiM, phi_add phiM, phi_mul phiM, phi_opp phiM, phi_inv phiM).
Let addE := (mat_addE phiM). Let subE := (mat_subE phiM). Let scaleE := (mat_scaleE phiM). Let mulE := (mat_mulE phiM).
Let zeroE := (mat_zeroE phiM). Let stateE := (gd_ssm_state_execE phiM). Let numberE := (phi_number phiM).

Lemma inner_execE m f A H : phi (inner_exec m f A H) = inner (mat m f A) (mat m f H).
Proof.
rewrite /inner_exec (phi_total phiM); apply: eq_bigr => i _; rewrite (phi_total phiM) mxE.
by apply: eq_bigr => j _; rewrite phiE !mxE.
Qed.

Theorem slope_execE m f N W X Y H :
  phi (slope_exec m f N W X Y H) = inner (gradient N (stream f X) (stream m Y) (mat m f W)) (mat m f H).
Proof. by rewrite inner_execE gradient_execE. Qed.

Lemma weighted_gradient_execE m f N w W X Y :
  mat m f (weighted_gradient_exec m f N w W X Y) =
    weighted_gradient N (stream f X) (stream m Y) (fun s => phi (at_ w 0 s)) (mat m f W).
Proof.
rewrite scaleE stateE !(numberE, phiE) scaleNr -scalerN; congr (_ *: _); rewrite gd_ssm_state_sum -sumrN.
apply: eq_bigr => t _; rewrite stream_rows // scaleE colE (residualsE phiM) //.
by rewrite -scalemxAl -[LHS]scalerN -[stream m Y t - _]opprB mulNmx opprK.
Qed.

Theorem weighted_slope_execE m f N w W X Y H :
  phi (weighted_slope_exec m f N w W X Y H) =
    inner (weighted_gradient N (stream f X) (stream m Y) (fun s => phi (at_ w 0 s)) (mat m f W)) (mat m f H).
Proof. by rewrite inner_execE weighted_gradient_execE. Qed.

Theorem weighted_gd_step_execE m f N w eta W X Y :
  mat m f (weighted_gd_step_exec m f N w eta W X Y) =
    weighted_gd_step N (stream f X) (stream m Y) (fun s => phi (at_ w 0 s)) (phi eta) (mat m f W).
Proof. by rewrite subE scaleE weighted_gradient_execE. Qed.

Theorem discount_execE (g : seq (seq T)) N (i : 'I_N) :
  phi (at_ (discount_exec g N) 0 i) = discount (fun s => phi (at_ g 0 s)) N i.
Proof.
rewrite (at_tabulate _ (0 : 'I_1)) /discount unlock /= /reducebig /index_iota.
by elim: (iota _ _) => [|s r IH] /=; rewrite ?phiE // IH.
Qed.

Theorem power_discount_execE a N (i : 'I_N) :
  phi (at_ (power_discount_exec a N) 0 i) = discount (fun=> phi a) N i.
Proof.
rewrite (at_tabulate _ (0 : 'I_1)) /discount prodr_const_nat.
by elim: (N - i.+1)%N => [|k IH]; rewrite /= phiE // IH exprS.
Qed.

Theorem power_sum_execE n c A k :
  mat n n (power_sum_exec n c A k) = geometric_sum (1%:M - phi c *: mat n n A) k.
Proof. by rewrite (geometric_sum_execE phiM) (contraction_execE phiM). Qed.

Lemma gram_execE f N X : mat N N (gram_exec f N X) = gram N (stream f X).
Proof.
rewrite (mat_tabulate phi); apply/matrixP=> s t; rewrite !mxE (phi_total phiM).
by apply: eq_bigr => i _; rewrite !mxE phiE.
Qed.

Theorem batch_matrix_execE f N c k X :
  mat N N (batch_matrix_exec f N c k X) = geometric_sum (1%:M - phi c *: gram N (stream f X)) k.
Proof. by rewrite power_sum_execE gram_execE. Qed.

Theorem causal_matrix_execE f N c k X :
  mat N N (causal_matrix_exec f N c k X) = geometric_sum (1%:M - phi c *: causal_gram N (stream f X)) k.
Proof. by rewrite power_sum_execE (causal_gram_execE phiM). Qed.

Lemma form_execE m f N c (M : seq (seq T)) W X Y xq :
  mat m 1 (form_exec m f N c M W X Y xq) =
    mat m f W *m stream f xq 0 + phi c *: (columns N (fun j => stream m Y j - mat m f W *m stream f X j)
      *m mat N N M *m (columns N (stream f X))^T *m stream f xq 0).
Proof.
have left : mat m N (columns_exec m N (residuals m f N W X Y)) =
    columns N (fun j => stream m Y j - mat m f W *m stream f X j).
  rewrite (mat_tabulate phi); apply/matrixP=> i t; rewrite mxE [RHS]mxE.
  by rewrite -(@residualsE _ _ _ phiM m f N W X Y t (ltn_ord t)) mxE.
have right : mat N f (tabulate N f (at_ X)) = (columns N (stream f X))^T.
  by rewrite (mat_tabulate phi); apply/matrixP=> t i; rewrite !mxE.
rewrite /form_exec addE scaleE !mulE right left !colE.
by [].
Qed.

Theorem gram_form_execE m f N c k W X Y xq :
  mat m 1 (gram_form_exec m f N c k W X Y xq) =
    mat m f W *m stream f xq 0 + phi c *: (columns N (fun j => stream m Y j - mat m f W *m stream f X j)
      *m geometric_sum (1%:M - phi c *: gram N (stream f X)) k *m (columns N (stream f X))^T *m stream f xq 0).
Proof. by rewrite form_execE batch_matrix_execE. Qed.

Theorem causal_form_execE m f N c k W X Y xq :
  mat m 1 (causal_form_exec m f N c k W X Y xq) =
    mat m f W *m stream f xq 0 + phi c *: (columns N (fun j => stream m Y j - mat m f W *m stream f X j)
      *m geometric_sum (1%:M - phi c *: causal_gram N (stream f X)) k *m (columns N (stream f X))^T *m stream f xq 0).
Proof. by rewrite form_execE causal_matrix_execE. Qed.

Theorem newton_schulz_weights_execE m f N c k X Y :
  mat m f (newton_schulz_weights_exec m f N c k X Y) =
    cross_moment N (stream m Y) (stream f X) *m newton_schulz (phi c) (input_moment N (stream f X)) k.
Proof. by rewrite mulE (newton_schulz_execE phiM) !stateE !gd_ssm_state_sum. Qed.

Theorem prefix_steps_execE m f N eta X Y xq t : (t < N)%N ->
  stream m (prefix_steps_exec m f N eta X Y xq) t =
    gd_step t.+1 (stream f X) (stream m Y) (phi eta * t.+1%:R / N%:R) 0 *m next_input N (stream f X) (stream f xq 0) t.
Proof.
move=> t_N; rewrite stream_rows // mulE (gd_step_execE phiM) zeroE !(numberE, phiE).
by rewrite /next_input; case: ifP => _; rewrite colE.
Qed.

End Refinement.
