(* LegT's highest degrees of exactness. A solution of the closed system is unique among polynomials; route i is exact on
   it to degree N, routes ii and iii to degree N - 1. From the exact coefficients of the window route iii is exact to
   degree N. With the delayed sample at hand the derivative of the reconstruction's right end is exact in closed form. *)
From mathcomp Require Import all_ssreflect all_algebra.
From ssmproof Require Import Characteristic HippoDefinitions Legendre LegT.

Set Implicit Arguments.
Unset Strict Implicit.
Unset Printing Implicit Defensive.
Import GRing.Theory.
Local Open Scope ring_scope.

Section Degrees.
Variable F : fieldType.
Hypothesis char0 : [char F] =i pred0.
Variables (theta : F) (p q : nat -> F).
Hypothesis theta_neq0 : theta != 0.
Hypothesis basis : forall n, p n * q n = n.*2.+1%:R.
Let A := legt_A theta p q.
Let B := legt_B theta p.

Let p_neq0 n : p n != 0.
Proof. by apply: contraT => /negPn/eqP p0; have /eqP := basis n; rewrite p0 mul0r eq_sym (negPf (natr_neq0 char0 _)). Qed.
Let q_neq0 n : q n != 0 := q_neq0 char0 basis n.

(* z' = A z + B u *)
Definition closed_solution N (u : {poly F}) (z : nat -> {poly F}) : Prop :=
  forall n, (n < N)%N -> (z n)^`() = \sum_(k < N) legt_A theta p q n k *: z k + legt_B theta p n *: u.

(* A is injective: adjacent rows add up to twice the partial sums of the end values. *)
Lemma legt_A_injective N (v : nat -> F) :
  (forall n, (n < N)%N -> \sum_(k < N) A n k * v k = 0) -> forall n, (n < N)%N -> v n = 0.
Proof.
move=> kernel; pose y k := q k * v k; pose e n k : F := if (k <= n)%N then 1 else (-1) ^+ (k - n).
have rows n : (n < N)%N -> \sum_(k < N) e n k * y k = 0.
  move=> n_N; apply: (mulfI (p_neq0 n)); apply: (mulfI (invr_neq0 theta_neq0)); rewrite !mulr0.
  rewrite -[RHS]oppr0 -[X in _ = - X](kernel n n_N).
  rewrite !mulr_sumr -sumrN; apply: eq_bigr => k _; rewrite /A /legt_A /y -/(e n k) mulNr opprK -!mulrA.
  by congr (_ * (_ * _)); rewrite mulrCA.
have partial n : (n < N)%N -> \sum_(k < n.+1) y k = 0.
  move=> n_N; rewrite (big_ord_widen N y) // big_mkcond.
  case: (ltnP n.+1 N) => [n1_N|N_n1]; last first.
    rewrite -[RHS](rows n n_N); apply: eq_bigr => k _; rewrite /e.
    by rewrite ltnS; have -> : (k <= n)%N; [exact: leq_trans (ltn_ord k) N_n1 | rewrite mul1r].
  apply: (mulfI (natr_neq0 char0 1)); rewrite mulr0 -[RHS](addr0 0) -[X in _ = X + _](rows n n_N).
  rewrite -[X in _ = _ + X](rows n.+1 n1_N) -big_split mulr_sumr.
  apply: eq_bigr => k _; rewrite /= -mulrDl /e ltnS; case: (ltngtP k n.+1) => [k_n|n_k|->].
  - by rewrite -ltnS k_n -[1 + 1]/(2%:R).
  - rewrite leqNgt (ltn_trans (ltnSn n) n_k) /= -[(k - n)%N]prednK ?subn_gt0 ?(ltn_trans (ltnSn n)) //.
    by rewrite -subnS exprS mulN1r addNr mul0r mulr0.
  by rewrite ltnn subSnn expr1 addNr mul0r mulr0.
move=> n n_N; apply: (mulfI (q_neq0 n)); rewrite mulr0 -/(y n); case: n n_N => [|n] n_N.
  by have := partial 0%N n_N; rewrite big_ord_recl big_ord0 addr0.
by have := partial n.+1 n_N; rewrite big_ord_recr /= partial ?add0r // ltnW.
Qed.

(* Two polynomial solutions for the same input are the same. *)
Theorem closed_solution_unique N u z z' : closed_solution N u z -> closed_solution N u z' ->
  forall n, (n < N)%N -> z n = z' n.
Proof.
move=> sol sol'; pose d n := z n - z' n; suff zero : forall n, (n < N)%N -> d n = 0.
  by move=> n n_N; apply/eqP; rewrite -subr_eq0 -/(d n) zero.
have free n : (n < N)%N -> (d n)^`() = \sum_(k < N) A n k *: d k.
  move=> n_N; rewrite derivB sol // sol' // opprD addrACA subrr addr0 -sumrB.
  by apply: eq_bigr => k _; rewrite scalerBr.
pose s := \max_(n < N) size (d n).
suff coefs j i : (s <= i + j)%N -> forall n, (n < N)%N -> (d n)`_i = 0.
  by move=> n n_N; apply/polyP=> i; rewrite coef0 (coefs s i) // leq_addl.
elim: j i => [|j IH] i s_i n n_N.
  rewrite nth_default // (leq_trans _ (leq_trans s_i _)) ?addn0 //.
  exact: (leq_bigmax (Ordinal n_N)).
apply: (legt_A_injective (v := fun n => (d n)`_i)) n_N => k k_N; have := congr1 (fun g : {poly F} => g`_i) (free k k_N).
rewrite coef_deriv coef_sum (IH i.+1) ?addSnnS // mul0rn => sum0; rewrite [RHS]sum0.
by apply: eq_bigr => l _; rewrite coefZ.
Qed.

(* On degree below N the solution is made of the window's coefficients, and routes ii and iii are exact. *)
Lemma closed_solution_window N (u : {poly F}) z :
  (size u <= N)%N -> closed_solution N u z -> window_coefficients theta q N u z.
Proof.
move=> size_u sol; have [x window] := window_coefficients_exist char0 theta basis size_u.
have same : forall n, (n < N)%N -> z n = x n.
  by apply: (closed_solution_unique sol) => n n_N; apply: (legt_exact char0 theta_neq0 basis window).
by move=> t v; rewrite window; apply: eq_bigr => k _; rewrite same.
Qed.

Theorem closed_routes_exact N (u : {poly F}) z : (size u <= N)%N -> closed_solution N u z ->
  u^`() = \sum_(k < N) route_ii_C theta q k *: z k /\
  u^`() = \sum_(k < N) route_iii_C theta q N k *: z k + route_iii_D theta N *: u.
Proof.
move=> size_u sol; have window := closed_solution_window size_u sol.
have route_ii := route_ii_exact char0 theta_neq0 window; split=> //.
rewrite route_ii; apply: (poly_natural char0) => j; rewrite hornerD hornerZ !horner_sum.
under eq_bigr do rewrite hornerZ; under [X in _ = X + _]eq_bigr do rewrite hornerZ.
rewrite (route_iii_difference theta q N (fun k => (z k).[j%:R])).
by rewrite (window_right char0 window) subrr mulr0 addr0.
Qed.

(* The window's right end, as a polynomial. *)
Lemma window_end M u x : window_coefficients theta q M u x -> u = \sum_(k < M) q k *: x k.
Proof.
move=> window; apply: (poly_natural char0) => j; rewrite (window_right char0 window) horner_sum.
by apply: eq_bigr => k _; rewrite hornerZ.
Qed.

(* On degree N = M + 1 the solution differs from the coefficients of the window by one constant in its last entry. *)
Definition shifted (M : nat) (x : nat -> {poly F}) (k : nat) : {poly F} :=
  if k == M then x k - (q M.+1 / q M) *: x M.+1 else x k.

Lemma closed_solution_shifted M u x : window_coefficients theta q M.+2 u x ->
  closed_solution M.+1 u (shifted M x) /\ (x M.+1)^`() = 0.
Proof.
move=> window; have constant : (x M.+1)^`() = 0.
  apply: (poly_natural char0) => j; apply: (mulfI (half_theta_neq0 char0 theta_neq0)).
  rewrite (coefficient_derivative char0 basis window) // horner0 mulr0 big1 ?mulr0 // => k.
  by rewrite ltnNge -ltnS ltn_ord.
split=> // n n_M; have -> : (shifted M x n)^`() = (x n)^`().
  by rewrite /shifted; case: ifP => // _; rewrite derivB derivZ constant scaler0 subr0.
rewrite (legt_exact char0 theta_neq0 basis window) ?(leqW n_M) //; congr (_ + _); rewrite big_ord_recr /=.
rewrite [in LHS]big_ord_recr [in RHS]big_ord_recr /= /shifted eqxx scalerBr -!addrA; congr (_ + (_ + _)).
  by apply: eq_bigr => k _; rewrite (ltn_eqF (ltn_ord k)).
rewrite scalerA -scaleNr; congr (_ *: _); rewrite /legt_A [(M.+1 <= n)%N]leqNgt n_M /= mulNr opprK.
have -> : (if (M <= n)%N then 1 else (-1) ^+ (M - n)) = (-1) ^+ (M - n) :> F.
  by case: ifP => // M_n; rewrite (eqP M_n).
rewrite subSn // exprS mulN1r !mulrN opprK -!mulrA; congr (_ * (_ * _)).
by rewrite [RHS]mulrC -mulrA -mulrA mulVf ?q_neq0 // mulr1 mulrC.
Qed.

Theorem closed_solution_exists N (u : {poly F}) : (size u <= N.+1)%N -> exists z, closed_solution N u z.
Proof.
case: N => [|M] size_u; first by exists (fun=> 0).
have [x window] := window_coefficients_exist char0 theta basis size_u.
by exists (shifted M x); case: (closed_solution_shifted window).
Qed.

(* Route i is exact on it. *)
Theorem closed_route_i_exact N (u : {poly F}) z : (size u <= N.+1)%N -> closed_solution N u z ->
  u^`() = \sum_(k < N) route_i_C theta q N k *: z k + route_i_D theta N *: u.
Proof.
case: N => [|M] size_u sol.
  by rewrite big_ord0 /route_i_D mulr0 scale0r addr0 [u]size1_polyC // derivC.
have [x window] := window_coefficients_exist char0 theta basis size_u.
have [sol' constant] := closed_solution_shifted window.
have same := closed_solution_unique sol sol'.
have moved : \sum_(n < M.+1) q n *: (z n)^`() =
    \sum_(k < M.+1) route_i_C theta q M.+1 k *: z k + route_i_D theta M.+1 *: u.
  rewrite -(route_i_D_closed_form _ basis) scaler_suml.
  under [X in _ = X + _]eq_bigr => k _ do rewrite -(route_i_C_closed_form theta basis (ltnW (ltn_ord k))) scaler_suml.
  rewrite exchange_big -big_split; apply: eq_bigr => n _ /=; rewrite sol // scalerDr scalerA scaler_sumr; congr (_ + _).
  by apply: eq_bigr => k _; rewrite scalerA.
rewrite -moved.
have -> : u = \sum_(n < M.+1) q n *: z n + (2%:R * q M.+1) *: x M.+1.
  rewrite [LHS](window_end window) big_ord_recr [in RHS]big_ord_recr [in LHS]big_ord_recr /= same // /shifted eqxx.
  rewrite scalerBr scalerA mulrCA mulfV ?q_neq0 // mulr1 -!addrA; congr (_ + (_ + _)).
    by apply: eq_bigr => k _; rewrite same; [rewrite /shifted (ltn_eqF (ltn_ord k)) | apply: leqW].
  by rewrite -scaleNr -scalerDl mulr_natl mulr2n addrA addNr add0r.
rewrite derivD derivZ constant scaler0 addr0 linear_sum /=.
by apply: eq_bigr => n _; rewrite derivZ.
Qed.

(* From the exact coefficients route iii is exact on degree N. *)
Theorem projected_route_iii_exact N u x : window_coefficients theta q N.+1 u x ->
  u^`() = \sum_(k < N) route_iii_C theta q N k *: x k + route_iii_D theta N *: u.
Proof.
move=> window; rewrite [LHS](route_ii_exact char0 theta_neq0 window).
rewrite [in X in _ = _ + X](window_end window) scaler_sumr [in RHS]big_ord_recr [in LHS]big_ord_recr /= addrA.
congr (_ + _).
  rewrite -big_split; apply: eq_bigr => k _ /=; rewrite scalerA -scalerDl; congr (_ *: _).
  rewrite /route_iii_C /route_iii_D /route_ii_C -!mulrA -mulrDr; congr (_ * _).
  by rewrite [_%:R * q k]mulrC -mulrDr subrK.
by rewrite scalerA; congr (_ *: _); rewrite /route_ii_C /route_iii_D -!mulrA [q N * _]mulrC.
Qed.

(* The derivative of the reconstruction's right end, with the delayed sample, for a window of any degree M - 1 that is
   N - 1 or more. *)
Theorem delayed_readout_exact N M u x : (N <= M)%N -> window_coefficients theta q M u x ->
  (\sum_(k < N) q k *: x k)^`() =
    \sum_(k < N) delayed_C theta q N k *: x k + route_i_D theta N *: u + delayed_D theta N *: (u \Po ('X - theta%:P)).
Proof.
move=> N_M window; pose delayed k := delayed_D theta N * ((-1) ^+ k * q k).
have sample : u \Po ('X - theta%:P) = \sum_(k < M) ((-1) ^+ k * q k) *: x k.
  apply: (poly_natural char0) => j; rewrite horner_comp !hornerE horner_sum.
  have -> : j%:R - theta = j%:R + theta / 2%:R * (- 1 - 1).
    by rewrite -opprD mulrN -[1 + 1]/(2%:R) divfK ?(natr_neq0 char0).
  by rewrite window; apply: eq_bigr => k _; rewrite hornerZ legendre_at_minus_1 // mulrC [q k * _]mulrC.
have flip a b : (b <= a)%N -> (-1) ^+ a * (-1) ^+ b = (-1) ^+ (a - b) :> F.
  by move=> b_a; rewrite -{1}(subnK b_a) exprD -mulrA -expr2 sqrr_sign mulr1.
have column k : \sum_(n < N) q n * A n k = (if (k < N)%N then delayed_C theta q N k else 0) + delayed k.
  rewrite /delayed /delayed_D -!mulrA [_ ^+ k * _]mulrC [N%:R * _]mulrC -![in X in _ = _ + X]mulrA [_ ^+ N * _]mulrCA.
  rewrite [_ ^+ N * _]mulrA; case: ltnP => [k_N|N_k].
    rewrite route_i_C_closed_form ?(ltnW k_N) // /route_i_C /delayed_C (flip _ _ (ltnW k_N)) -mulrDr; congr (_ * _).
    by rewrite -mulrDr subrK.
  rewrite add0r mulrC [_ ^+ N * _]mulrC (flip _ _ N_k).
  have term (n : 'I_N) : q n * A n k = - (theta^-1 * q k) * (n.*2.+1%:R * (-1) ^+ (k - n)).
    rewrite /A /legt_A leqNgt (leq_trans (ltn_ord n) N_k) /= mulrN -mulNr -basis.
    rewrite !mulNr; congr (- _); rewrite mulrCA -[RHS]mulrA; congr (_ * _).
    by rewrite -!mulrA [LHS]mulrCA [RHS]mulrCA; congr (_ * _); rewrite mulrCA.
  under eq_bigr do rewrite term; rewrite -mulr_sumr alternating_sum // mulrNN -[LHS]mulrA; congr (_ * _).
  exact: mulrC.
have -> : (\sum_(k < N) q k *: x k)^`() = \sum_(n < N) q n *: (\sum_(k < M) A n k *: x k + B n *: u).
  rewrite linear_sum /=; apply: eq_bigr => n _; rewrite derivZ.
  by rewrite (legt_exact char0 theta_neq0 basis window) // (leq_trans (ltn_ord n)).
rewrite sample -(route_i_D_closed_form _ basis) scaler_suml scaler_sumr addrAC.
rewrite (big_ord_widen M (fun k => delayed_C theta q N k *: x k)) // [X in _ = X + _ + _]big_mkcond -big_split /=.
under eq_bigr do rewrite scalerDr scalerA scaler_sumr; rewrite big_split; congr (_ + _); rewrite exchange_big.
apply: eq_bigr => k _ /=; under eq_bigr do rewrite scalerA; rewrite -scaler_suml column scalerDl scalerA.
by case: ifP; rewrite ?scale0r.
Qed.

End Degrees.
