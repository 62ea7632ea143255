(* What a diagonal (entrywise gated) recurrence holds after t tokens: the closed form for any gates, and the two
   special cases used later: gate 1 (a plain sum) and a linear time-invariant system with a full matrix. *)
From mathcomp Require Import all_ssreflect all_algebra.
From ssmproof Require Import Definitions.

Set Implicit Arguments.
Unset Strict Implicit.
Unset Printing Implicit Defensive.
Import GRing.Theory.
Local Open Scope ring_scope.

Section GatedAccumulator.
Variable R : comRingType.

(* Token r is multiplied by every later gate, the start by all of them. *)
Theorem gated_state_closed_form p q (a u : nat -> 'M[R]_(p, q)) (Z0 : 'M[R]_(p, q)) (t : nat) i j :
  gated_state a u Z0 t i j =
    (\prod_(s < t) a s i j) * Z0 i j + \sum_(r < t) (\prod_(r.+1 <= s < t) a s i j) * u r i j.
Proof.
elim: t => [|t IH] /=; first by rewrite !big_ord0 mul1r addr0.
rewrite mxE IH !big_ord_recr /= mulrDr -addrA; congr (_ + _); first by rewrite mulrCA mulrA.
rewrite big_geq // mul1r mulr_sumr; congr (_ + _); apply: eq_bigr => r _.
by rewrite big_nat_recr ?ltn_ord //= mulrCA mulrA.
Qed.

(* Gate 1: the start plus the plain sum. *)
Theorem gated_state_unit_gate p q (u : nat -> 'M[R]_(p, q)) (Z0 : 'M[R]_(p, q)) (t : nat) :
  gated_state (fun=> const_mx 1) u Z0 t = Z0 + \sum_(r < t) u r.
Proof.
elim: t => [|t IH] /=; first by rewrite big_ord0 addr0.
by rewrite IH big_ord_recr addrA; apply/matrixP=> i j; rewrite [LHS]mxE !mxE mul1r.
Qed.

(* Only the inputs that have been read matter. *)
Lemma eq_gated_state p q (a u v : nat -> 'M[R]_(p, q)) Z0 t :
  (forall s, (s < t)%N -> u s = v s) -> gated_state a u Z0 t = gated_state a v Z0 t.
Proof. by elim: t => [//|t IH] eq_u /=; rewrite IH ?eq_u // => s /ltnW; apply: eq_u. Qed.

(* The GD-SSM's state after t pairs is the sum of value key^T over them. *)
Theorem gd_ssm_state_sum m f (v : nat -> 'cV[R]_m) (k : nat -> 'cV[R]_f) (t : nat) :
  gd_ssm_state v k t = \sum_(i < t) v i *m (k i)^T.
Proof. by rewrite /gd_ssm_state gated_state_unit_gate add0r. Qed.

Lemma eq_lti_state n d (A : 'M[R]_n) (B : 'M[R]_(n, d)) (b h0 : 'cV[R]_n) (u v : nat -> 'cV[R]_d) t :
  (forall s, (s < t)%N -> u s = v s) -> lti_state A B b h0 u t = lti_state A B b h0 v t.
Proof. by elim: t => [//|t IH] eq_u /=; rewrite IH ?eq_u // => s /ltnW; apply: eq_u. Qed.

(* A linear time-invariant SSM remembers the past through powers of one matrix. *)
Lemma lti_state_closed_form n d (A : 'M[R]_n) (B : 'M[R]_(n, d)) (b h0 : 'cV[R]_n) (u : nat -> 'cV[R]_d) t :
  lti_state A B b h0 u t =
    matrix_power A t *m h0 + \sum_(i < t) matrix_power A (t - i.+1) *m (B *m u i + b).
Proof.
have power_left k : A *m matrix_power A k = matrix_power A k.+1.
  by elim: k => [|k IH] /=; rewrite ?mulmx1 ?mul1mx // mulmxA IH.
elim: t => [|t IH] /=; first by rewrite big_ord0 addr0 mul1mx.
rewrite IH mulmxDr mulmxA power_left big_ord_recr /= subnn mul1mx -!addrA; congr (_ + (_ + _)).
rewrite mulmx_sumr; apply: eq_bigr => i _.
by rewrite mulmxA power_left subSS -subSn.
Qed.

End GatedAccumulator.
