(* The arithmetic that is evaluated: fractions of binary integers, kept in lowest terms. They map to every field of
   characteristic 0 so that all operations agree, division by zero included. *)
From Coq Require Import ZArith QArith Qcanon Lia.
From mathcomp Require Import all_ssreflect all_algebra.
From ssmproof Require Import Executable.

Set Implicit Arguments.
Unset Strict Implicit.
Unset Printing Implicit Defensive.
Import GRing.Theory.
Local Open Scope ring_scope.

(* Qinv of the standard library gives 0 for 0. *)
Definition binary_fractions : arithmetic :=
  @Arithmetic Q (0 # 1)%Q (1 # 1)%Q (fun a b => Qred (Qplus a b)) (fun a b => Qred (Qmult a b)) Qopp Qinv.

(* How a result is printed: numerator and denominator. *)
Definition parts (q : Q) : Z * Z := let r := Qred q in (Qnum r, Zpos (Qden r)).
Definition show_scalar (q : Q) : seq (seq (Z * Z)) := [:: [:: parts q]].
Definition show (A : seq (seq Q)) : seq (seq (Z * Z)) := map (map parts) A.

Section Embedding.
Variable F : fieldType.
Hypothesis char0 : [char F] =i pred0.

(* An integer is the difference of its positive and its negative part. *)
Definition of_Z (z : Z) : F := (Z.to_nat z)%:R - (Z.to_nat (- z))%:R.
Definition of_Q (q : Q) : F := of_Z (Qnum q) / of_Z (Zpos (Qden q)).

Lemma of_Z_pos p : of_Z (Zpos p) = (Pos.to_nat p)%:R.
Proof. by rewrite /of_Z /= subr0. Qed.

Lemma of_Z_opp z : of_Z (- z) = - of_Z z.
Proof. by rewrite /of_Z opprB Z.opp_involutive. Qed.

Lemma of_Z_add a b : of_Z (a + b) = of_Z a + of_Z b.
Proof.
apply/eqP; rewrite /of_Z addrACA -opprD -!natrD subr_eq addrAC eq_sym subr_eq -!natrD; apply/eqP.
by congr _%:R; rewrite -!plusE; lia.
Qed.

Lemma of_Z_mul a b : of_Z (a * b) = of_Z a * of_Z b.
Proof.
have pos p q : of_Z (Zpos p * Zpos q) = of_Z (Zpos p) * of_Z (Zpos q).
  by rewrite !of_Z_pos -natrM Pos2Nat.inj_mul.
case: a b => [|p|p] [|q|q]; rewrite ?(mulr0, mul0r, Z.mul_0_r) ?[of_Z 0]subrr ?(mulr0, mul0r) ?pos //.
- by rewrite -[Zneg q]/(Z.opp (Zpos q)) Z.mul_opp_r !of_Z_opp pos mulrN.
- by rewrite -[Zneg p]/(Z.opp (Zpos p)) Z.mul_opp_l !of_Z_opp pos mulNr.
- by rewrite -[Zneg p]/(Z.opp (Zpos p)) -[Zneg q]/(Z.opp (Zpos q)) !of_Z_opp mulrNN.
Qed.

Lemma of_Z_pos_neq0 p : of_Z (Zpos p) != 0.
Proof. by rewrite of_Z_pos; move/charf0P: char0 => ->; apply/eqP=> /= eq0; have := Pos2Nat.is_pos p; lia. Qed.

Lemma of_Q_eq a b : Qeq a b -> of_Q a = of_Q b.
Proof.
rewrite /Qeq /of_Q => eq_ab; apply/eqP; rewrite eqr_div ?of_Z_pos_neq0 //.
by rewrite -!of_Z_mul eq_ab.
Qed.

Theorem binary_fractions_morphism : morphism (K := binary_fractions) of_Q.
Proof.
split=> [||a b|a b|a|a].
- by rewrite /of_Q /of_Z /= subrr mul0r.
- by rewrite /of_Q /of_Z /= subr0 divr1.
- change (of_Q (Qred (Qplus a b)) = of_Q a + of_Q b).
  rewrite (of_Q_eq (Qred_correct _)) /of_Q addf_div ?of_Z_pos_neq0 //=.
  by rewrite of_Z_add Pos2Z.inj_mul !of_Z_mul.
- change (of_Q (Qred (Qmult a b)) = of_Q a * of_Q b).
  by rewrite (of_Q_eq (Qred_correct _)) /of_Q /= Pos2Z.inj_mul !of_Z_mul mulf_div.
- by rewrite /of_Q /= of_Z_opp mulNr.
case: a => [[|p|p] d]; rewrite /of_Q /= ?invf_div //.
  by rewrite [of_Z 0]subrr mul0r invr0 mulr0.
by rewrite -[Zneg p]/(Z.opp (Zpos p)) -[Zneg d]/(Z.opp (Zpos d)) !of_Z_opp invrN mulrN mulNr.
Qed.

End Embedding.
