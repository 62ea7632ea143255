(* k iterations of Newton-Schulz for the inverse of the input moment are 2^k steps of gradient descent from 0. *)
From mathcomp Require Import all_ssreflect all_algebra.
From ssmproof Require Import Definitions OneStep SeveralSteps.

Set Implicit Arguments.
Unset Strict Implicit.
Unset Printing Implicit Defensive.
Import GRing.Theory.
Local Open Scope ring_scope.

Section NewtonSchulz.
Variable R : comRingType.
Variables (n : nat) (S : 'M[R]_n) (a : R).
Let P : 'M[R]_n := 1%:M - a *: S.

Lemma matrix_powerD j k : matrix_power P (j + k) = matrix_power P j *m matrix_power P k.
Proof. by elim: k => [|k IH]; rewrite ?addn0 ?mulmx1 // addnS /= IH mulmxA. Qed.

Lemma geometric_sumD j k : geometric_sum P (j + k) = geometric_sum P j + matrix_power P j *m geometric_sum P k.
Proof.
rewrite /geometric_sum big_split_ord mulmx_sumr; congr (_ + _).
by apply: eq_bigr => i _; rewrite -matrix_powerD.
Qed.

(* S times the sum of the powers telescopes. *)
Lemma moment_geometric_sum k : a *: (S *m geometric_sum P k) = 1%:M - matrix_power P k.
Proof.
elim: k => [|k IH]; first by rewrite /geometric_sum big_ord0 mulmx0 scaler0 subrr.
have commutes : S *m matrix_power P k = matrix_power P k *m S.
  elim: (k) => [|j IHj] /=; rewrite ?mulmx1 ?mul1mx // mulmxA IHj -!mulmxA; congr (_ *m _).
  by rewrite mulmxBr mulmxBl mulmx1 mul1mx -scalemxAr -scalemxAl.
rewrite -addn1 geometric_sumD mulmxDr scalerDr IH [geometric_sum P 1]/geometric_sum big_ord1 mulmx1 commutes.
by rewrite addn1 /= mulmxBr mulmx1 -scalemxAr opprB addrA addrAC.
Qed.

(* M_k = a (1 + P + ... + P^(2^k - 1)). *)
Theorem newton_schulz_closed_form k : newton_schulz a S k = a *: geometric_sum P (2 ^ k).
Proof.
elim: k => [|k IH]; first by rewrite /geometric_sum big_ord1.
rewrite /newton_schulz iterS -/(newton_schulz a S k) IH -scalemxAr moment_geometric_sum.
have -> : 2%:R *: 1%:M - (1%:M - matrix_power P (2 ^ k)) = 1%:M + matrix_power P (2 ^ k) :> 'M[R]_n.
  by rewrite opprB mulr2n scalerDl !scale1r addrACA subrr addr0 addrC.
rewrite expnS mul2n -addnn geometric_sumD -scalemxAl mulmxDr mulmx1; congr (_ *: (_ + _)).
by rewrite /geometric_sum mulmx_suml mulmx_sumr; apply: eq_bigr => i _; rewrite -!matrix_powerD addnC.
Qed.

(* The residual is squared by every iteration. *)
Theorem newton_schulz_residual k : 1%:M - S *m newton_schulz a S k = matrix_power P (2 ^ k).
Proof. by rewrite newton_schulz_closed_form -scalemxAr moment_geometric_sum opprB addrC subrK. Qed.

End NewtonSchulz.

(* B M_k with M_0 = (eta/N) 1 are the weights after 2^k steps from 0. *)
Theorem newton_schulz_gd (F : fieldType) f m N (x : nat -> 'cV[F]_f) (y : nat -> 'cV[F]_m) (eta : F) (k : nat) :
  cross_moment N y x *m newton_schulz (eta / N%:R) (input_moment N x) k = gd N x y eta (2 ^ k) 0.
Proof. by rewrite newton_schulz_closed_form gd_closed_form mul0mx add0r -scalemxAr. Qed.
