(* Legendre polynomials: derivatives, end points and degrees, for all n, over any field of characteristic 0. *)
From Coq Require Import Ring.
From mathcomp Require Import all_ssreflect all_algebra.
From ssmproof Require Import Characteristic HippoDefinitions.

Set Implicit Arguments.
Unset Strict Implicit.
Unset Printing Implicit Defensive.
Import GRing.Theory.
Local Open Scope ring_scope.

(* The standard library's `ring` for a mathcomp ring: the operations are given one name each first. *)
Section RingIdentities.
Variable R : comRingType.
Let T := GRing.ComRing.sort R.
Let plus : T -> T -> T := @GRing.add R.
Let times : T -> T -> T := @GRing.mul R.
Let minus : T -> T := @GRing.opp R.
Let nought : T := @GRing.zero R.
Let unity : T := @GRing.one R.

Let laws : @ring_theory T nought unity plus times (fun a b => plus a (minus b)) minus (@eq T).
Proof.
by split; [exact: add0r | exact: addrC | exact: addrA | exact: mul1r | exact: mulrC | exact: mulrA | exact: mulrDl
  | | exact: subrr].
Qed.

Add Ring mathcomp_ring : laws.

Ltac ring_identity :=
  match goal with |- @eq _ ?a ?b => change (@eq T a b) end;
  repeat change (@GRing.add _ ?a ?b) with (plus a b); repeat change (@GRing.mul _ ?a ?b) with (times a b);
  repeat change (@GRing.opp _ ?a) with (minus a); repeat change (GRing.zero _) with nought;
  repeat change (GRing.one _) with unity; ring.

(* The induction step below, freed of polynomials: N stands for n, P_i for P_(n+i) and D_i for its derivative. *)
Lemma derivative_step (N X P1 D0 D1 : R) : X * D1 = D0 + (N + 1) * P1 ->
  (N + N + 1 + 1 + 1) * (P1 + X * D1) - (N + 1) * D0 = (N + 1 + 1) * (D0 + (N + N + 1 + 1 + 1) * P1).
Proof. by move=> ->; ring_identity. Qed.

Lemma climb_step (N X P0 P1 P2 D0 D1 : R) : (N + 1 + 1) * P2 = (N + N + 1 + 1 + 1) * (X * P1) - (N + 1) * P0 ->
  D1 = X * D0 + (N + 1) * P0 -> X * (D0 + (N + N + 1 + 1 + 1) * P1) = D1 + (N + 1 + 1) * P2.
Proof. by move=> -> ->; ring_identity. Qed.

Lemma descend_step (N X P1 D0 D1 : R) : X * D1 = D0 + (N + 1) * P1 ->
  D0 + (N + N + 1 + 1 + 1) * P1 = X * D1 + (N + 1 + 1) * P1.
Proof. by move=> ->; ring_identity. Qed.

Lemma end_step (N : R) : (N + N + 1 + 1 + 1) - (N + 1) = N + 1 + 1.
Proof. by ring_identity. Qed.

Lemma end_derivative_step (N : R) : N * (N + 1) + (1 + 1) * (N + N + 1 + 1 + 1) = (N + 1 + 1) * (N + 1 + 1 + 1).
Proof. by ring_identity. Qed.

End RingIdentities.

Section LegendrePolynomials.
Variable F : fieldType.
Hypothesis char0 : [char F] =i pred0.
Notation P := (legendre F).

Lemma natr_succ (R : ringType) n : n.+1%:R = n%:R + 1 :> R.
Proof. by rewrite -addn1 natrD. Qed.

Lemma natr_odd (R : ringType) n : n.*2.+3%:R = n%:R + n%:R + 1 + 1 + 1 :> R.
Proof. by rewrite !natr_succ -addnn natrD. Qed.

Lemma legendreSS n : P n.+2 = n.+2%:R^-1 *: (n.*2.+3%:R *: ('X * P n.+1) - n.+1%:R *: P n).
Proof. by []. Qed.

Lemma bonnet n : n.+2%:R * P n.+2 = n.*2.+3%:R * ('X * P n.+1) - n.+1%:R * P n.
Proof.
rewrite mulr_natl -scaler_nat /= scalerA divff ?(natr_neq0 char0) // scale1r.
by rewrite !scaler_nat !mulr_natl.
Qed.

Lemma derivatives n : 'X * (P n.+1)^`() = (P n)^`() + n.+1%:R * P n.+1 /\ (P n.+1)^`() = 'X * (P n)^`() + n.+1%:R * P n.
Proof.
elim: n => [|n [climb descend]]; first by rewrite /= derivX derivC mulr0 !add0r !mulr1 mul1r.
have step : (P n.+2)^`() = (P n)^`() + n.*2.+3%:R * P n.+1.
  have n2_neq0 : n.+2%:R != 0 :> {poly F} by rewrite -[1]/1%:P -polyCMn polyC_eq0 (natr_neq0 char0).
  apply: (mulfI n2_neq0); have /(congr1 (@deriv F)) := bonnet n.
  have derive_natl k (g : {poly F}) : (k%:R * g)^`() = k%:R * g^`() by rewrite !mulr_natl derivMn.
  rewrite derivB !derive_natl derivM derivX mul1r => ->.
  by rewrite natr_odd !natr_succ; apply: derivative_step; rewrite climb natr_succ.
rewrite step; split.
  rewrite natr_odd !natr_succ; apply: (climb_step (P0 := P n)); last by rewrite descend natr_succ.
  by rewrite -!natr_succ -natr_odd bonnet.
by rewrite natr_odd !natr_succ; apply: descend_step; rewrite climb natr_succ.
Qed.

(* P'_(n+2) - P'_n = (2n + 3) P_(n+1) *)
Theorem legendre_derivative_difference n : (P n.+2)^`() = (P n)^`() + n.*2.+3%:R * P n.+1.
Proof.
have [climb descend] := derivatives n; rewrite (proj2 (derivatives n.+1)) climb -addrA -mulrDl.
by congr (_ + _ * _); rewrite natr_odd !natr_succ -!addrA; congr (_ + _); rewrite addrCA.
Qed.

(* P'_n = sum over k < n with n - k odd of (2k + 1) P_k *)
Theorem legendre_derivative_sum n : (P n)^`() = \sum_(k < n | odd (n - k)) k.*2.+1%:R * P k.
Proof.
elim/ltn_ind: n => -[|[|n]] IH; first by rewrite big_ord0 /= derivC.
  by rewrite big_mkcond big_ord_recl big_ord0 /= derivX mulr1 addr0.
rewrite legendre_derivative_difference IH // [RHS]big_mkcond !big_ord_recr /= subSn // !subSnn /= addr0 big_mkcond.
congr (_ + _); apply: eq_bigr => k _.
by rewrite !subSn ?(ltnW (ltn_ord k)) ?leqW ?(ltnW (ltn_ord k)) //= negbK.
Qed.

(* (X + 1) P'_n = n P_n + sum_(k < n) (2k + 1) P_k *)
Theorem legendre_scaled_derivative n : ('X + 1) * (P n)^`() = n%:R * P n + \sum_(k < n) k.*2.+1%:R * P k.
Proof.
have climb k : 'X * (P k)^`() = (if k is l.+1 then (P l)^`() else 0) + k%:R * P k.
  by case: k => [|k]; [rewrite derivC mulr0 mul0r addr0 | case: (derivatives k)].
rewrite mulrDl mul1r climb addrAC addrC; congr (_ + _).
elim: n => [|[|n] IH]; first by rewrite big_ord0 derivC addr0.
  by rewrite big_ord_recl big_ord0 derivX derivC add0r addr0 mulr1.
by rewrite legendre_derivative_difference [RHS]big_ord_recr -IH addrA [_ + (P n)^`()]addrC.
Qed.

(* End points. *)
Theorem legendre_at_1 n : (P n).[1] = 1.
Proof.
elim/ltn_ind: n => -[|[|n]] IH; [exact: hornerC | exact: hornerX |].
rewrite legendreSS hornerZ hornerD hornerN !hornerZ hornerM hornerX !IH // !mulr1.
apply: (mulfI (natr_neq0 char0 n.+1)).
by rewrite mulrA divff ?(natr_neq0 char0) // mul1r natr_odd !natr_succ end_step mulr1.
Qed.

Theorem legendre_at_minus_1 n : (P n).[-1] = (-1) ^+ n.
Proof.
elim/ltn_ind: n => -[|[|n]] IH; [exact: hornerC | by rewrite hornerX expr1 |].
rewrite legendreSS hornerZ hornerD hornerN !hornerZ hornerM hornerX !IH // exprS !mulN1r opprK.
rewrite -mulrBl natr_odd !natr_succ end_step -!natr_succ.
by rewrite mulrA mulVf ?(natr_neq0 char0) // mul1r !exprS !mulN1r opprK.
Qed.

(* P'_n(1) = n (n + 1) / 2 *)
Theorem legendre_derivative_at_1 n : 2%:R * (P n)^`().[1] = (n * n.+1)%:R.
Proof.
elim/ltn_ind: n => -[|[|n]] IH; first by rewrite derivC horner0 mulr0.
  by rewrite derivX hornerC mulr1.
have at_1 : (n.*2.+3%:R * P n.+1).[1] = n.*2.+3%:R by rewrite mulr_natl hornerMn legendre_at_1.
rewrite legendre_derivative_difference hornerD at_1 mulrDr IH //.
by rewrite !natrM natr_odd !natr_succ mulr0n add0r end_derivative_step.
Qed.

Lemma size_legendre n : size (P n) = n.+1.
Proof.
elim/ltn_ind: n => -[|[|n]] IH; [exact: size_poly1 | exact: size_polyX |].
have size_next : size ('X * P n.+1) = n.+3 by rewrite mulrC size_mulX -?size_poly_gt0 IH.
rewrite legendreSS size_scale ?invr_eq0 ?(natr_neq0 char0) // size_addl size_scale ?(natr_neq0 char0) // size_next //.
by rewrite size_opp size_scale ?(natr_neq0 char0) // IH.
Qed.

End LegendrePolynomials.
