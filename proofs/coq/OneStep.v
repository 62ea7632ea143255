(* One GD-SSM layer performs exactly one step of gradient descent, from any start and for all sizes. *)
From mathcomp Require Import all_ssreflect all_algebra.
From ssmproof Require Import Definitions GatedAccumulator.

Set Implicit Arguments.
Unset Strict Implicit.
Unset Printing Implicit Defensive.
Import GRing.Theory.
Local Open Scope ring_scope.

Section OneStep.
Variable F : fieldType.
Variables (f m N : nat) (x : nat -> 'cV[F]_f) (y : nat -> 'cV[F]_m).

(* The gradient through the two moments. *)
Lemma gradient_moments (W : 'M[F]_(m, f)) :
  gradient N x y W = N%:R^-1 *: (W *m input_moment N x - cross_moment N y x).
Proof.
congr (_ *: _); rewrite /input_moment /cross_moment mulmx_sumr -sumrB.
by apply: eq_bigr => i _; rewrite mulmxBl mulmxA.
Qed.

(* The state that the layer accumulates at W is minus the gradient there, up to the step's constant. *)
Lemma residual_state (eta : F) (W : 'M[F]_(m, f)) :
  (eta / N%:R) *: gd_ssm_state (fun s => y s - W *m x s) x N = - (eta *: gradient N x y W).
Proof.
rewrite gd_ssm_state_sum /gradient scalerA -scalerN -sumrN; congr (_ *: _).
by apply: eq_bigr => i _; rewrite -[in RHS]mulNmx opprB.
Qed.

(* Readout of the layer at the query = prediction of the stepped weights, for every query. *)
Theorem one_step (eta : F) (W0 : 'M[F]_(m, f)) (xq : 'cV[F]_f) :
  gd_ssm_output N (eta / N%:R) W0 x y xq = gd_step N x y eta W0 *m xq.
Proof. by rewrite /gd_ssm_output scalemxAl residual_state -mulmxDl. Qed.

(* From W0 = 0 the values are the targets themselves and the readout is (eta/N) Z_N xq. *)
Theorem one_step_from_zero (eta : F) (xq : 'cV[F]_f) :
  (eta / N%:R) *: (gd_ssm_state y x N *m xq) = gd_step N x y eta 0 *m xq.
Proof.
rewrite -one_step /gd_ssm_output mul0mx add0r !gd_ssm_state_sum.
by congr (_ *: (_ *m _)); apply: eq_bigr => i _; rewrite mul0mx subr0.
Qed.

(* A layer whose constant c does not know N (such as lr / state size) is a step of size c N. *)
Theorem one_step_constant (c : F) (W0 : 'M[F]_(m, f)) (xq : 'cV[F]_f) : N%:R != 0 :> F ->
  gd_ssm_output N c W0 x y xq = gd_step N x y (c * N%:R) W0 *m xq.
Proof. by move=> N_neq0; rewrite -one_step mulfK. Qed.

End OneStep.
