(* LegT, the Legendre coefficients of a sliding window: closed forms of the two readouts for all N, and exactness of the
   system and of both readouts on polynomial inputs of degree below N. *)
From mathcomp Require Import all_ssreflect all_algebra.
From ssmproof Require Import Characteristic HippoDefinitions Legendre.

Set Implicit Arguments.
Unset Strict Implicit.
Unset Printing Implicit Defensive.
Import GRing.Theory.
Local Open Scope ring_scope.

Section Readouts.
Variable F : fieldType.
Variables (theta : F) (p q : nat -> F).
Hypothesis basis : forall n, p n * q n = n.*2.+1%:R.
Let A := legt_A theta p q.

Lemma square_succ N : (N.+1 ^ 2 = N ^ 2 + N.*2.+1)%N.
Proof. by rewrite -[N.+1]addn1 sqrnD exp1n muln1 -addnA add1n mul2n. Qed.

Lemma sum_odd N : \sum_(n < N) n.*2.+1%:R = (N ^ 2)%:R :> F.
Proof.
elim: N => [|N IH]; first by rewrite big_ord0.
by rewrite big_ord_recr /= IH -natrD square_succ.
Qed.

Lemma alternating_sum k N : (N <= k)%N ->
  \sum_(n < N) n.*2.+1%:R * (-1) ^+ (k - n) = - ((-1) ^+ (k - N) * N%:R) :> F.
Proof.
elim: N => [|N IH] N_le_k; first by rewrite big_ord0 mulr0 oppr0.
rewrite big_ord_recr /= IH ?(ltnW N_le_k) // -[(k - N)%N]prednK ?subn_gt0 // -subnS exprS !mulN1r mulrN !mulNr opprK.
by rewrite [_ * (-1) ^+ _]mulrC -mulrBr -mulrN; congr (_ * _); rewrite -addnn -addnS natrD opprD addrA subrr add0r.
Qed.

(* Column sums of A weighted by the right-end values. *)
Lemma signed_sum k N : (k <= N)%N ->
  \sum_(n < N) n.*2.+1%:R * (if (k <= n)%N then 1 else (-1) ^+ (k - n)) = (N ^ 2)%:R - (k * k.+1)%:R :> F.
Proof.
move=> /subnKC <-; elim: (N - k)%N => [|d IH]; last first.
  by rewrite addnS big_ord_recr /= IH leq_addr mulr1 addrAC -natrD square_succ.
rewrite addn0; have -> : \sum_(n < k) n.*2.+1%:R * (if (k <= n)%N then 1 else (-1) ^+ (k - n)) =
                         \sum_(n < k) n.*2.+1%:R * (-1) ^+ (k - n) :> F.
  by apply: eq_bigr => n _; rewrite leqNgt ltn_ord.
by rewrite alternating_sum // subnn mul1r mulnS natrD -mulnn opprD [RHS]addrC -addrA addNr addr0.
Qed.

(* Route i: the readout is the row of right-end values times A, and its direct term the same times B. *)
Theorem route_i_C_closed_form N k : (k <= N)%N -> \sum_(n < N) q n * A n k = route_i_C theta q N k.
Proof.
move=> k_N; rewrite /A /legt_A /route_i_C -opprB mulrN mulrN -signed_sum // !mulr_sumr -sumrN; apply: eq_bigr => n _.
rewrite mulrN -basis mulrCA; congr (- (_ * _)).
by rewrite -!mulrA mulrCA [in RHS]mulrCA; congr (_ * _); rewrite mulrCA.
Qed.

Theorem route_i_D_closed_form N : \sum_(n < N) q n * legt_B theta p n = route_i_D theta N.
Proof.
rewrite /route_i_D -sum_odd mulr_sumr; apply: eq_bigr => n _.
by rewrite /legt_B mulrCA -basis [q n * _]mulrC.
Qed.

(* Route ii: the derivative at the right end of basis function k on a window of length theta is 2/theta q_k P'_k(1). *)
Theorem route_ii_C_closed_form (char0 : [char F] =i pred0) k :
  2%:R / theta * q k * (legendre F k)^`().[1] = route_ii_C theta q k.
Proof. by rewrite /route_ii_C -legendre_derivative_at_1 // [2%:R / theta]mulrC -!mulrA [2%:R * _]mulrCA. Qed.

(* The others feed back the reconstruction's error at its right end. *)
Lemma readout_difference (g : F) N (x : nat -> F) (u : F) :
  \sum_(k < N) theta^-1 * (q k * ((k * k.+1)%:R - g)) * x k + theta^-1 * g * u =
    \sum_(k < N) route_ii_C theta q k * x k + theta^-1 * g * (u - \sum_(k < N) q k * x k).
Proof.
rewrite mulrBr [theta^-1 * g * u - _]addrC addrA; congr (_ + _); rewrite mulr_sumr -sumrB; apply: eq_bigr => k _.
rewrite /route_ii_C -!mulrA -mulrBr; congr (_ * _).
by rewrite mulrBl mulrBr [g * (q k * _)]mulrCA.
Qed.

Theorem route_difference N (x : nat -> F) (u : F) :
  \sum_(k < N) route_i_C theta q N k * x k + route_i_D theta N * u =
    \sum_(k < N) route_ii_C theta q k * x k + route_i_D theta N * (u - \sum_(k < N) q k * x k).
Proof. exact: readout_difference. Qed.

Theorem route_iii_difference N (x : nat -> F) (u : F) :
  \sum_(k < N) route_iii_C theta q N k * x k + route_iii_D theta N * u =
    \sum_(k < N) route_ii_C theta q k * x k + route_iii_D theta N * (u - \sum_(k < N) q k * x k).
Proof. exact: readout_difference. Qed.

End Readouts.

(* ------------------------------------------------------------------------------------------------ *)
(* Exactness on polynomials                                                                          *)

Section Exactness.
Variable F : fieldType.
Hypothesis char0 : [char F] =i pred0.
Notation P := (legendre F).

(* Independence and spanning of the Legendre polynomials below N. *)
Lemma legendre_independent N (d : nat -> F) n : \sum_(k < N) d k *: P k = 0 -> (n < N)%N -> d n = 0.
Proof.
elim: N => [//|N IH] sum0; have top : d N = 0.
  have /polyP/(_ N) := sum0; rewrite big_ord_recr coefD coef_sum /= coefZ coef0.
  rewrite big1 => [|k _]; last by rewrite coefZ nth_default ?mulr0 // size_legendre.
  have : lead_coef (P N) != 0 by rewrite lead_coef_eq0 -size_poly_gt0 size_legendre.
  by rewrite lead_coefE size_legendre //= add0r => lead /eqP; rewrite mulf_eq0 (negPf lead) orbF => /eqP.
rewrite ltnS leq_eqVlt => /orP[/eqP -> //|]; apply: IH.
by move: sum0; rewrite big_ord_recr /= top scale0r addr0.
Qed.

Lemma legendre_span N (g : {poly F}) : (size g <= N)%N -> exists d : nat -> F, g = \sum_(k < N) d k *: P k.
Proof.
elim: N g => [|N IH] g size_g.
  by exists (fun=> 0); rewrite big_ord0; apply/eqP; rewrite -size_poly_leq0.
pose a := g`_N / lead_coef (P N).
have lead : lead_coef (P N) != 0 by rewrite lead_coef_eq0 -size_poly_gt0 size_legendre.
have /IH[d def_d] : (size (g - a *: P N)%R <= N)%N.
  apply/leq_sizeP => j; rewrite leq_eqVlt coefB coefZ => /orP[/eqP <-|lt_j].
    by rewrite (_ : (P N)`_N = lead_coef (P N)) ?divfK ?subrr // lead_coefE size_legendre.
  by rewrite !nth_default ?size_legendre ?mulr0 ?subr0 // (leq_trans size_g).
exists (fun k => if k == N then a else d k); rewrite big_ord_recr /= eqxx.
rewrite -[LHS](subrK (a *: P N)) def_d; congr (_ + _); apply: eq_bigr => k _.
by rewrite (negPf (_ : (k : nat) != N)) // neq_ltn ltn_ord.
Qed.

Variables (theta : F) (p q : nat -> F) (N : nat).
Hypothesis theta_neq0 : theta != 0.
Hypothesis basis : forall n, p n * q n = n.*2.+1%:R.

Lemma q_neq0 n : q n != 0.
Proof.
by apply: contraT => /negPn/eqP q0; have /eqP := basis n; rewrite q0 mulr0 eq_sym (negPf (natr_neq0 char0 _)). Qed.

(* x_k(t) are the coefficients of u on the window [t - theta, t], seen from -1 to 1. *)
Definition window_coefficients (u : {poly F}) (x : nat -> {poly F}) : Prop :=
  forall t v : F, u.[t + theta / 2%:R * (v - 1)] = \sum_(k < N) (x k).[t] * (q k * (P k).[v]).

(* Every polynomial of degree below N has them. *)
Theorem window_coefficients_exist (u : {poly F}) : (size u <= N)%N -> exists x, window_coefficients u x.
Proof.
move=> size_u.
have small (i : 'I_(size u)) : (size (((theta / 2%:R) *: ('X - 1)) ^+ i : {poly F})%R <= N)%N.
  apply: leq_trans (size_exp_leq _ _) _; apply: leq_trans (_ : i.+1 <= N)%N; last exact: leq_trans (ltn_ord i) size_u.
  rewrite ltnS -[X in (_ <= X)%N]mul1n leq_mul2r; apply/orP; right.
  have : (size ((theta / 2%:R) *: ('X - 1) : {poly F})%R <= 2)%N.
    by rewrite (leq_trans (size_scale_leq _ _)) // -[1]/1%:P size_XsubC.
  by case: (size _) => [|[|[]]].
have /fin_all_exists[d def_d] := fun i => legendre_span (small i).
exists (fun k => \sum_(i < size u) (d i k / q k) *: u^`N(i)) => t v.
rewrite nderiv_taylor; last exact: mulrC.
have power (i : 'I_(size u)) : (theta / 2%:R * (v - 1)) ^+ i = \sum_(k < N) d i k * (P k).[v].
  have := congr1 (horner^~ v) (def_d i); rewrite horner_exp !hornerE => ->.
  by rewrite horner_sum; apply: eq_bigr => k _; rewrite hornerZ.
under eq_bigr do rewrite power mulr_sumr; rewrite exchange_big; apply: eq_bigr => k _ /=.
rewrite horner_sum mulr_suml; apply: eq_bigr => i _; rewrite hornerZ mulrCA !mulrA; congr (_ * _).
by rewrite -!mulrA; congr (_ * _); rewrite mulrCA mulVf ?q_neq0 // mulr1.
Qed.

Variables (u : {poly F}) (x : nat -> {poly F}).
Hypothesis window : window_coefficients u x.

Lemma half_theta_neq0 : theta / 2%:R != 0.
Proof. by rewrite mulf_neq0 // invr_neq0 // natr_neq0. Qed.

(* The right end of the window: *)
Lemma window_right t : u.[t] = \sum_(k < N) q k * (x k).[t].
Proof.
have := window t 1; rewrite subrr mulr0 addr0 => ->.
by apply: eq_bigr => k _; rewrite legendre_at_1 // mulr1 mulrC.
Qed.

(* Differentiating the window in v: *)
Lemma window_derivative_v t v :
  theta / 2%:R * u^`().[t + theta / 2%:R * (v - 1)] = \sum_(k < N) (x k).[t] * (q k * (P k)^`().[v]).
Proof.
pose a : {poly F} := (theta / 2%:R) *: ('X - 1) + t%:P.
have at_v w : a.[w] = t + theta / 2%:R * (w - 1) by rewrite /a !hornerE addrC.
have same : u \Po a = \sum_(k < N) ((x k).[t] * q k) *: P k.
  apply: (poly_natural char0) => n; rewrite horner_comp at_v window horner_sum.
  by apply: eq_bigr => k _; rewrite hornerZ mulrA.
have := congr1 (fun g => g^`().[v]) same; rewrite deriv_comp hornerM horner_comp at_v.
have -> : a^`() = (theta / 2%:R)%:P by rewrite /a derivD derivC derivZ derivB derivX derivC subr0 addr0 alg_polyC.
by rewrite hornerC mulrC => ->; rewrite linear_sum /= horner_sum; apply: eq_bigr => k _; rewrite derivZ hornerZ mulrA.
Qed.

(* and in t: *)
Lemma window_derivative_t t v :
  u^`().[t + theta / 2%:R * (v - 1)] = \sum_(k < N) (x k)^`().[t] * (q k * (P k).[v]).
Proof.
pose a : {poly F} := 'X + (theta / 2%:R * (v - 1))%:P.
have at_t s : a.[s] = s + theta / 2%:R * (v - 1) by rewrite /a !hornerE.
have same : u \Po a = \sum_(k < N) (q k * (P k).[v]) *: x k.
  apply: (poly_natural char0) => n; rewrite horner_comp at_t window horner_sum.
  by apply: eq_bigr => k _; rewrite hornerZ mulrC.
have := congr1 (fun g => g^`().[t]) same; rewrite deriv_comp hornerM horner_comp at_t.
rewrite /a derivD derivX derivC addr0 hornerC mulr1 => ->.
by rewrite linear_sum /= horner_sum; apply: eq_bigr => k _; rewrite derivZ hornerZ mulrC.
Qed.

Lemma legendre_derivative_value k v : (k < N)%N ->
  (P k)^`().[v] = \sum_(n < N) if (n < k)%N && odd (k - n) then n.*2.+1%:R * (P n).[v] else 0.
Proof.
move=> k_N; rewrite legendre_derivative_sum // horner_sum.
rewrite (big_ord_widen_cond N (fun n => odd (k - n)) (fun n => (n.*2.+1%:R * P n).[v])) ?(ltnW k_N) // -big_mkcond.
by apply: eq_big => [n|n _]; rewrite 1?andbC // !mulr_natl hornerMn.
Qed.

(* So coefficient n moves by the later ones of the other parity. *)
Lemma coefficient_derivative t n : (n < N)%N ->
  theta / 2%:R * (x n)^`().[t] = p n * \sum_(k < N | (n < k)%N && odd (k - n)) q k * (x k).[t].
Proof.
move=> n_N; apply: (mulIf (q_neq0 n)).
pose rest n := \sum_(k < N | (n < k)%N && odd (k - n)) q k * (x k).[t].
pose d n := theta / 2%:R * (x n)^`().[t] * q n - n.*2.+1%:R * rest n.
suff : d n = 0 by move/eqP; rewrite /d subr_eq0 => /eqP ->; rewrite -basis -/(rest n) mulrAC.
apply: (legendre_independent (N := N)) n_N; apply: (poly_natural char0) => j; rewrite horner0 horner_sum.
have := window_derivative_v t j%:R; rewrite window_derivative_t mulr_sumr => /eqP; rewrite -subr_eq0 => /eqP moved.
have later : \sum_(k < N) (x k).[t] * (q k * (P k)^`().[j%:R]) = \sum_(n < N) n.*2.+1%:R * rest n * (P n).[j%:R].
  under eq_bigr do rewrite legendre_derivative_value // !mulr_sumr.
  rewrite exchange_big; apply: eq_bigr => i _ /=; rewrite /rest [X in _ = _ * X * _]big_mkcond mulr_sumr mulr_suml.
  apply: eq_bigr => k _; case: ifP => _; last by rewrite !mulr0 mul0r.
  by rewrite mulrA [(x k).[t] * _]mulrC mulrA [_ * i.*2.+1%:R]mulrC.
rewrite -[RHS]moved later -sumrB; apply: eq_bigr => k _; rewrite /d hornerZ mulrBl; congr (_ - _).
by rewrite -!mulrA.
Qed.

(* Derivatives of polynomials are compared point by point. *)
Theorem legt_exact n : (n < N)%N ->
  (x n)^`() = \sum_(k < N) legt_A theta p q n k *: x k + legt_B theta p n *: u.
Proof.
move=> n_N; apply: (poly_natural char0) => j; set t := j%:R; apply: (mulfI half_theta_neq0).
rewrite coefficient_derivative // hornerD hornerZ horner_sum window_right.
rewrite [X in _ = _ * (_ + X)]mulr_sumr -big_split [RHS]mulr_sumr [LHS]mulr_sumr [LHS]big_mkcond.
apply: eq_bigr => k _; rewrite /= hornerZ /legt_A /legt_B; set a := q k * _.
have -> : - (theta^-1 * (p n * q k * (if (k <= n)%N then 1 else (-1) ^+ (k - n)))) * (x k).[t] + theta^-1 * p n * a
          = theta^-1 * (p n * a * (1 - (if (k <= n)%N then 1 else (-1) ^+ (k - n)))).
  rewrite mulNr mulrBr mulr1 mulrBr [_ + _]addrC -!mulrA; congr (_ - _ * (_ * _)).
  by congr (_ * _); rewrite mulrC.
rewrite [RHS]mulrA [theta / _ / _]mulrAC divff // mul1r ltnNge; case: leqP => [_|n_k] /=; first by rewrite subrr !mulr0.
rewrite -signr_odd; case: odd; rewrite /= ?expr1 ?expr0 ?subrr ?mulr0 //.
by rewrite opprK -[1 + 1]/2%:R mulrCA [2%:R^-1 * _]mulrC mulrA mulrK ?unitfE ?natr_neq0.
Qed.

(* Both readouts give the input's derivative exactly. *)
Theorem route_ii_exact : u^`() = \sum_(k < N) route_ii_C theta q k *: x k.
Proof.
apply: (poly_natural char0) => j; set t := j%:R; apply: (mulfI half_theta_neq0); rewrite horner_sum.
have := window_derivative_v t 1; rewrite subrr mulr0 addr0 => ->; rewrite mulr_sumr; apply: eq_bigr => k _.
have cancel a : theta / 2%:R * (2%:R / theta * a) = a.
  by rewrite mulrA mulf_div [theta * _]mulrC divff ?mul1r // mulf_neq0 ?natr_neq0.
rewrite hornerZ -route_ii_C_closed_form // -[LHS]cancel; congr (_ * _).
by rewrite -[RHS]mulrA -[RHS]mulrA; congr (_ * _); rewrite mulrCA [_ * (x k).[t]]mulrC.
Qed.

Theorem route_i_exact : u^`() = \sum_(k < N) route_i_C theta q N k *: x k + route_i_D theta N *: u.
Proof.
rewrite route_ii_exact; apply: (poly_natural char0) => j; rewrite hornerD hornerZ !horner_sum.
under eq_bigr do rewrite hornerZ; under [X in _ = X + _]eq_bigr do rewrite hornerZ.
rewrite (route_difference theta q N (fun k => (x k).[j%:R])).
by rewrite window_right subrr mulr0 addr0.
Qed.

End Exactness.
