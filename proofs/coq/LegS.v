(* LegS, the Legendre coefficients of the whole past: the published equation t x' = A x + B u holds exactly for every
   polynomial input and every number of states, and route i has the same closed form as for LegT.
   Integrals and derivatives are those of polynomials; no analysis is needed. *)
From mathcomp Require Import all_ssreflect all_algebra.
From ssmproof Require Import Characteristic HippoDefinitions Legendre LegT.

Set Implicit Arguments.
Unset Strict Implicit.
Unset Printing Implicit Defensive.
Import GRing.Theory.
Local Open Scope ring_scope.

Section LegS.
Variable F : fieldType.
Hypothesis char0 : [char F] =i pred0.
Notation P := (legendre F).
Notation L := (shifted_legendre F).

(* The integral over [0, 1] is linear, and the fundamental theorem holds. *)
Lemma integral_widen n (g : {poly F}) : (size g <= n)%N -> unit_integral g = \sum_(i < n) g`_i / i.+1%:R.
Proof.
move=> size_g; rewrite /unit_integral (big_ord_widen n (fun i => g`_i / i.+1%:R)) // big_mkcond /=.
by apply: eq_bigr => i _; case: ltnP => // /(nth_default 0) ->; rewrite mul0r.
Qed.

Lemma integralD (g h : {poly F}) : unit_integral (g + h) = unit_integral g + unit_integral h.
Proof.
pose n := maxn (size g) (size h).
rewrite !(integral_widen (n := n)) ?leq_maxl ?leq_maxr ?size_add // -big_split.
by apply: eq_bigr => i _; rewrite coefD mulrDl.
Qed.

Lemma integralZ c (g : {poly F}) : unit_integral (c *: g) = c * unit_integral g.
Proof.
rewrite !(integral_widen (n := size g)) ?size_scale_leq // mulr_sumr.
by apply: eq_bigr => i _; rewrite coefZ mulrA.
Qed.

Lemma integral_sum I (r : seq I) (Q : pred I) (g : I -> {poly F}) :
  unit_integral (\sum_(i <- r | Q i) g i) = \sum_(i <- r | Q i) unit_integral (g i).
Proof.
elim/big_rec2: _ => [|i a b _ <-]; last by rewrite integralD.
by rewrite /unit_integral size_poly0 big_ord0.
Qed.

Lemma fundamental_theorem (g : {poly F}) : unit_integral g^`() = g.[1] - g.[0].
Proof.
rewrite (integral_widen (n := (size g).-1)); last by rewrite (leq_trans (size_poly _ _)).
rewrite horner_coef0 horner_coef; under [X in _ = X - _]eq_bigr do rewrite expr1n mulr1.
case size_g: (size g) => [|n]; first by rewrite !big_ord0 nth_default ?subr0 // size_g.
rewrite big_ord_recl addrAC subrr add0r; apply: eq_bigr => i _.
by rewrite coef_deriv -mulr_natr mulfK ?natr_neq0.
Qed.

(* Moments of the shifted polynomials: (i + n + 1) M_n + sum_(k < n) (2k + 1) M_k = 1. *)
Definition moment (n i : nat) : F := unit_integral ('X^i * L n).

Lemma shifted_scaled_derivative n : 'X * (L n)^`() = n%:R *: L n + \sum_(k < n) k.*2.+1%:R *: L k.
Proof.
pose s : {poly F} := 2%:R *: 'X - 1.
have s_succ : s + 1 = 2%:R *: 'X by rewrite subrK.
rewrite /shifted_legendre deriv_comp -/s.
have -> : s^`() = 2%:R%:P by rewrite derivB derivZ derivX -[1 in X in _ - X]/1%:P derivC subr0 alg_polyC.
rewrite mulrC -mulrA [2%:R%:P * _]mul_polyC -s_succ.
have := congr1 (fun g => g \Po s) (legendre_scaled_derivative char0 n).
rewrite comp_polyM comp_polyD comp_polyX comp_polyC mulrC => ->.
rewrite comp_polyD mulr_natl -scaler_nat comp_polyZ linear_sum /=; congr (_ + _).
by apply: eq_bigr => k _; rewrite mulr_natl -scaler_nat comp_polyZ.
Qed.

Lemma moment_recursion n i : i%:R * moment n i = 1 - n.+1%:R * moment n i - \sum_(k < n) k.*2.+1%:R * moment k i.
Proof.
have at_1 : (L n).[1] = 1.
  by rewrite /shifted_legendre horner_comp !hornerE -[1 + 1 - 1]/(2%:R - 1) addrK legendre_at_1.
have := fundamental_theorem ('X^(i.+1) * L n).
rewrite !hornerM !hornerXn expr1n expr0n mul0r subr0 mul1r at_1 derivM derivXn /=.
rewrite -scaler_nat -scalerAl exprSr -mulrA shifted_scaled_derivative mulrDr mulr_sumr.
rewrite !integralD integralZ integral_sum.
rewrite -scalerAr integralZ -!/(moment _ _) => whole.
do 2!apply: (canRL (addrK _)); rewrite -[RHS]whole.
have -> : \sum_(k < n) unit_integral ('X^i * (k.*2.+1%:R *: L k)) = \sum_(k < n) k.*2.+1%:R * moment k i.
  by apply: eq_bigr => k _; rewrite -scalerAr integralZ.
by rewrite addrAC addrA -!mulrDl -!natrD addnS addSn.
Qed.

Variables (p q : nat -> F).
Hypothesis basis : forall n, p n * q n = n.*2.+1%:R.

(* The state for the input g: coefficient n of g on [0, t], a polynomial in t. *)
Definition legs_state (g : {poly F}) (n : nat) : {poly F} := \poly_(i < size g) (g`_i * (p n * moment n i)).

Theorem legs_state_projection (g : {poly F}) n t :
  (legs_state g n).[t] = p n * unit_integral ((g \Po (t *: 'X)) * L n).
Proof.
rewrite /legs_state horner_poly comp_polyE mulr_suml integral_sum mulr_sumr; apply: eq_bigr => i _.
rewrite exprZn -!scalerAl !integralZ -/(moment n i) -mulrA [RHS]mulrCA; congr (_ * _).
by rewrite -mulrA; congr (_ * _); rewrite mulrC.
Qed.

(* t x' = A x + B u *)
Theorem legs_ode (g : {poly F}) N n : (n < N)%N ->
  'X * (legs_state g n)^`() = \sum_(k < N) legs_A p q n k *: legs_state g k + legs_B p n *: g.
Proof.
move=> n_N; apply/polyP=> i; rewrite coefXM coefD coefZ coef_sum.
have coefE k : (legs_state g k)`_i = g`_i * (p k * moment k i).
  by rewrite coef_poly; case: ltnP => // /(nth_default 0) ->; rewrite mul0r.
have -> : (if i == 0%N then 0 else ((legs_state g n)^`())`_i.-1) = g`_i * (p n * (i%:R * moment n i)).
  case: i coefE => [|i] coefE /=; first by rewrite mul0r !mulr0.
  by rewrite coef_deriv coefE -mulr_natl mulrCA; congr (_ * _); rewrite mulrCA.
rewrite moment_recursion; under eq_bigr do rewrite coefZ coefE.
have split_sum : \sum_(k < N) legs_A p q n k * (g`_i * (p k * moment k i))
    = - (g`_i * (p n * (n.+1%:R * moment n i))) - g`_i * (p n * \sum_(k < n) k.*2.+1%:R * moment k i).
  rewrite (bigD1 (Ordinal n_N)) //= {1}/legs_A ltnn eqxx mulNr; congr (_ + _).
    by congr (- _); rewrite mulrCA; congr (_ * _); rewrite mulrCA.
  rewrite !mulr_sumr -sumrN.
  rewrite [RHS](big_ord_widen N (fun k => - (g`_i * (p n * (k.*2.+1%:R * moment k i))))) ?(ltnW n_N) //.
  rewrite [LHS]big_mkcond [RHS]big_mkcond; apply: eq_bigr => k _; rewrite -val_eqE /= /legs_A.
  case: ltngtP => //= _; last by rewrite mul0r.
  rewrite mulNr -basis; congr (- _); rewrite mulrCA; congr (_ * _); rewrite -!mulrA; congr (_ * _).
  by rewrite mulrCA.
by rewrite split_sum /legs_B !mulrBr mulr1 [p n * g`_i]mulrC [RHS]addrC addrA.
Qed.

(* Route i for LegS at t = 1 has LegT's closed form at theta = 1, although the matrices differ. *)
Theorem legs_route_i N k : (k < N)%N -> \sum_(n < N) q n * legs_A p q n k = route_i_C 1 q N k.
Proof.
pose part n : F := if (k < n)%N then n.*2.+1%:R else if k == n then n.+1%:R else 0.
have term n : q n * legs_A p q n k = - (q k * part n).
  rewrite /legs_A /part; case: ltngtP => [_|_|->]; rewrite ?mulr0 ?oppr0 ?mulrN // -basis; congr (- _).
  by rewrite mulrA mulrC [q n * _]mulrC.
move=> k_N; under eq_bigr do rewrite term; rewrite sumrN -mulr_sumr /route_i_C invr1 mul1r -mulrN; congr (_ * _).
rewrite -[RHS]opprB; congr (- _); rewrite -(subnKC k_N); elim: (N - k.+1)%N => [|d IH].
  rewrite addn0 big_ord_recr big1 /= => [|n _]; last by rewrite /part ltnNge (ltnW (ltn_ord n)) /= gtn_eqF.
  by rewrite /part ltnn eqxx add0r -natrB ?leq_mul2r ?leqnSn ?orbT // -mulnn -mulnBl subSnn mul1n.
by rewrite addnS big_ord_recr /= IH /part ltn_addr // square_succ natrD addrAC.
Qed.

(* Route i's direct term is LegT's too. *)
Theorem legs_route_i_D N : \sum_(n < N) q n * legs_B p n = route_i_D 1 N.
Proof. by rewrite -(route_i_D_closed_form _ basis); apply: eq_bigr => n _; rewrite /legt_B invr1 mul1r. Qed.

End LegS.
