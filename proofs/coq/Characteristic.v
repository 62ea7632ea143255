(* Fields of characteristic 0: the naturals are distinct in them, and polynomials are known by their values there. *)
From mathcomp Require Import all_ssreflect all_algebra.

Set Implicit Arguments.
Unset Strict Implicit.
Unset Printing Implicit Defensive.
Import GRing.Theory.
Local Open Scope ring_scope.

Section Characteristic.
Variable F : fieldType.
Hypothesis char0 : [char F] =i pred0.

Lemma natr_neq0 n : n.+1%:R != 0 :> F.
Proof. by move/charf0P: char0 => ->. Qed.

Lemma natr_inj : injective (fun n : nat => n%:R : F).
Proof.
move=> i j; wlog le_ij : i j / (i <= j)%N => [gen eq_ij|/esym/eqP].
  by case: (leqP i j) => [|/ltnW] le_ij; [apply: gen|apply/esym/gen].
rewrite -subr_eq0 -natrB //; move/charf0P: char0 => ->; rewrite subn_eq0 => le_ji.
by apply/eqP; rewrite eqn_leq le_ij.
Qed.

(* Polynomials that agree at all natural numbers are equal. *)
Lemma poly_natural (g h : {poly F}) : (forall n : nat, g.[n%:R] = h.[n%:R]) -> g = h.
Proof.
move=> agree; apply/eqP; rewrite -subr_eq0; apply: contraT => /max_poly_roots few.
have := few [seq n%:R | n <- iota 0 (size (g - h)%R)]; rewrite size_map size_iota ltnn => -> //.
  by apply/allP=> _ /mapP[n _ ->]; rewrite rootE !hornerE agree subrr.
by rewrite (map_inj_uniq natr_inj) iota_uniq.
Qed.

End Characteristic.
