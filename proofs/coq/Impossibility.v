(* What one layer cannot do, whatever its size and weights.

   1. A linear time-invariant SSM: its output is affine in the tokens, a gradient step has degree 3.
   2. A stack of such systems: the same. An LTI state with an output gate only: degree 2.
   3. One layer with a quadratic input gate and a linear output gate: its output has only parts of degree 3 and 1 in
      the tokens, k >= 2 steps have degree 2k + 1.
   All of them may see x_t, y_t and x_(t+1) at place t, and the query at the places N - 1 and N (`window`). The
   statements are about exact equality on all problems, over any field of characteristic 0. *)
From mathcomp Require Import all_ssreflect all_algebra.
From ssmproof Require Import Characteristic Definitions GatedAccumulator OneStep SeveralSteps.

Set Implicit Arguments.
Unset Strict Implicit.
Unset Printing Implicit Defensive.
Import GRing.Theory.
Local Open Scope ring_scope.

Section Scaling.
Variable R : comRingType.

(* Scaling the whole problem scales what a layer sees. *)
Lemma window_scale f m N (x : nat -> 'cV[R]_f) (y : nat -> 'cV[R]_m) xq s t :
  window N (fun i => s *: x i) (fun i => s *: y i) (s *: xq) t = s *: window N x y xq t.
Proof. by rewrite /window !scale_col_mx; congr (col_mx _ (col_mx _ _)); do ?case: ifP; rewrite ?scaler0. Qed.

(* The state of a time-invariant system is affine in the tokens. *)
Lemma lti_state_affine n d (A : 'M[R]_n) (B : 'M[R]_(n, d)) b h0 (u0 u1 u2 : nat -> 'cV[R]_d) t :
  (forall s, u2 s + u0 s = u1 s + u1 s) ->
  lti_state A B b h0 u2 t + lti_state A B b h0 u0 t = lti_state A B b h0 u1 t + lti_state A B b h0 u1 t.
Proof.
move=> affine; elim: t => [//|t IH] /=.
have regroup (h k w z c c' : 'cV[R]_n) : h + w + c + (k + z + c') = (h + k) + (w + z) + (c + c').
  by rewrite addrACA; congr (_ + _); rewrite addrACA.
by rewrite !regroup -!mulmxDr IH affine.
Qed.

Theorem lti_output_affine n d m (A : 'M[R]_n) (B : 'M[R]_(n, d)) b h0 (C : 'M[R]_(m, n)) D e T q
    (u0 u1 u2 : nat -> 'cV[R]_d) : (forall s, u2 s + u0 s = u1 s + u1 s) ->
  lti_output A B b h0 C D e T q u2 + lti_output A B b h0 C D e T q u0
  = lti_output A B b h0 C D e T q u1 + lti_output A B b h0 C D e T q u1.
Proof.
move=> affine; rewrite /lti_output.
have regroup (h k w z c c' : 'cV[R]_m) : h + w + c + (k + z + c') = (h + k) + (w + z) + (c + c').
  by rewrite addrACA; congr (_ + _); rewrite addrACA.
by rewrite !regroup -!mulmxDr (lti_state_affine _ _ _ _ _ affine) affine.
Qed.

(* A stack of such systems is affine too. *)
Theorem lti_stack_affine d m (s : lti_stack R d m) (u0 u1 u2 : nat -> 'cV[R]_d) :
  (forall t, u2 t + u0 t = u1 t + u1 t) ->
  forall t, stack_output s u2 t + stack_output s u0 t = stack_output s u1 t + stack_output s u1 t.
Proof.
elim: s u0 u1 u2 => [//|n c w k A B b h0 C D e rest IH] u0 u1 u2 affine /=.
by apply: IH => t; apply: lti_output_affine.
Qed.

(* Along a line through the tokens 0 the output of one system moves along a line. *)
Lemma lti_output_line n d m (A : 'M[R]_n) (B : 'M[R]_(n, d)) b h0 (C : 'M[R]_(m, n)) D e T q (u v : nat -> 'cV[R]_d) s :
  (forall t, v t = s *: u t) ->
  let o w := lti_output A B b h0 C D e T q w in o v = o (fun=> 0) + s *: (o u - o (fun=> 0)).
Proof.
move=> scaled o; pose h := lti_state A B b h0.
have state t : h v t = h (fun=> 0) t + s *: (h u t - h (fun=> 0) t).
  elim: t => [|t IH]; first by rewrite /= subrr scaler0 addr0.
  rewrite /h /= -/h IH scaled !mulmx0 addr0 mulmxDr -!scalemxAr mulmxBr -!addrA; congr (_ + _).
  rewrite [b + _]addrC addrA addrA; congr (_ + b).
  by rewrite -scalerDr; congr (_ *: _); rewrite [_ + b]addrC opprD addNKr addrAC.
rewrite /o /lti_output -/h state scaled !mulmx0 addr0 mulmxDr -!scalemxAr mulmxBr -!addrA; congr (_ + _).
rewrite [e + _]addrC addrA addrA; congr (_ + e).
by rewrite -scalerDr; congr (_ *: _); rewrite [_ + e]addrC opprD addNKr addrAC.
Qed.

(* The output of a layer with one gate at each end has a part of degree 3 and a part of degree 1 in the tokens. *)
Theorem gated_layer_degree d p q m (a : nat -> 'M[R]_(p, q)) Q (D : 'I_m -> 'I_p -> 'I_q -> 'rV[R]_d) S0 T r
    (u v : nat -> 'cV[R]_d) (s : R) : (forall t, v t = s *: u t) ->
  gated_layer a Q D S0 T r v =
    s ^+ 3 *: gated_layer a Q D 0 T r u
    + s *: (\col_l \sum_i \sum_j (\prod_(t < T) a t i j) * S0 i j * (D l i j *m u r) 0 0).
Proof.
move=> scaled; apply/colP=> l; rewrite !mxE !mulr_sumr -big_split; apply: eq_bigr => i _.
rewrite !mulr_sumr -big_split; apply: eq_bigr => j _; rewrite !gated_state_closed_form [(0 : 'M_(_, _)) i j]mxE.
rewrite mulr0 add0r scaled -scalemxAr [X in _ * X = _]mxE /= mulrDl addrC; congr (_ + _); last by rewrite mulrCA.
have drive t : quadratic_gate Q (v t) i j = s ^+ 2 * quadratic_gate Q (u t) i j.
  by rewrite [LHS]mxE [X in _ = _ * X]mxE scaled -scalemxAr [_^T]linearZ /= -!scalemxAl scalerA -expr2 [LHS]mxE.
under eq_bigr do rewrite drive mulrCA; rewrite -mulr_sumr exprSr -!mulrA; congr (_ * _).
by congr (_ * _); rewrite mulrCA.
Qed.

End Scaling.

Section Witness.
Variable F : fieldType.
Variables (f m N : nat).
Let e : 'cV[F]_f.+1 := delta_mx 0 0.
Let d : 'cV[F]_m.+1 := delta_mx 0 0.

(* One example and the query along one direction, everything of size s; the other examples are 0. *)
Definition witness_x (t : nat) : 'cV[F]_f.+1 := if t == 0%N then e else 0.
Definition witness_y (t : nat) : 'cV[F]_m.+1 := if t == 0%N then d else 0.

Let x s t := s *: witness_x t.
Let y s t := s *: witness_y t.

(* k steps from 0 give one number times d e^T. *)
Lemma witness_gd (eta s : F) (k : nat) : (0 < N)%N ->
  gd N (x s) (y s) eta k 0 = (1 - (1 - eta / N%:R * s ^+ 2) ^+ k) *: (d *m e^T).
Proof.
move=> N_gt0; set c := eta / N%:R.
have moment p q (v : nat -> 'cV[F]_p) (w : nat -> 'cV[F]_q) :
    \sum_(i < N) (s *: (if i == 0%N :> nat then v 0%N else 0)) *m (s *: (if i == 0%N :> nat then w 0%N else 0))^T
    = s ^+ 2 *: (v 0%N *m (w 0%N)^T).
  rewrite (bigD1 (Ordinal N_gt0)) //= big1 ?addr0 => [|i]; last first.
    by rewrite -val_eqE /= => /negPf ->; rewrite !scaler0 mul0mx.
  by rewrite linearZ /= -scalemxAl -scalemxAr scalerA -expr2.
have A : input_moment N (x s) = s ^+ 2 *: (e *m e^T) by apply: (moment _ _ (fun=> e) (fun=> e)).
have B : cross_moment N (y s) (x s) = s ^+ 2 *: (d *m e^T) by apply: (moment _ _ (fun=> d) (fun=> e)).
have unit_e : e^T *m e = 1%:M by rewrite trmx_delta mul_delta_mx; apply/matrixP=> i j; rewrite !mxE !ord1.
elim: k => [|k IH]; first by rewrite subrr scale0r.
rewrite -[gd N _ _ eta k.+1 0]/(gd_step N (x s) (y s) eta (gd N (x s) (y s) eta k 0)) gd_step_affine IH A B -/c.
rewrite !scalerA mulmxBr mulmx1 -scalemxAl -scalemxAr mulmxA -[d *m _ *m _]mulmxA unit_e mulmx1 !scalerA.
rewrite -scalerBl -scalerDl; congr (_ *: _); set z := c * _; rewrite exprS; set g := (1 - z) ^+ k.
by rewrite !mulrBl !mul1r !opprB addrA subrK [z * g]mulrC -addrA [- g + _]addrC.
Qed.

End Witness.

Section Impossibility.
Variable F : fieldType.
Hypothesis char0 : [char F] =i pred0.
Variables (f m N : nat) (eta : F).
Hypotheses (N_gt0 : (0 < N)%N) (eta_neq0 : eta != 0).

Lemma rate_neq0 : eta / N%:R != 0.
Proof. by rewrite mulf_neq0 // invr_neq0 //; case: N N_gt0 => // n _; apply: natr_neq0. Qed.

(* The answer of k steps on the witness, in its one coordinate that is not 0. *)
Lemma witness_answer (s : F) (k : nat) :
  (gd N (fun t => s *: witness_x F f t) (fun t => s *: witness_y F m t) eta k 0 *m (s *: witness_x F f 0)) 0 0
  = (1 - (1 - eta / N%:R * s ^+ 2) ^+ k) * s.
Proof.
rewrite witness_gd // -scalemxAr -!scalemxAl /witness_x /= -mulmxA trmx_delta mul_delta_mx mul_delta_mx.
by rewrite !mxE !eqxx mulr1 mulrC.
Qed.

(* Nothing that is affine in what it sees of the problem makes one step. *)
Lemma affine_no_step (L : (nat -> 'cV[F]_(f.+1 + (m.+1 + f.+1))) -> 'cV[F]_m.+1) :
  (forall u0 u1 u2, (forall s, u2 s + u0 s = u1 s + u1 s) -> L u2 + L u0 = L u1 + L u1) ->
  ~ (forall (x : nat -> 'cV[F]_f.+1) (y : nat -> 'cV[F]_m.+1) xq,
       L (window N x y xq) = gd_step N x y eta 0 *m xq).
Proof.
move=> L_affine same.
pose u s := window N (fun t => s *: witness_x F f t) (fun t => s *: witness_y F m t) (s *: witness_x F f 0).
have affine t : u 2%:R t + u 0 t = u 1 t + u 1 t.
  by rewrite /u !window_scale scale0r addr0 !scale1r scaler_nat mulr2n.
have value s : L (u s) 0 0 = eta / N%:R * s ^+ 2 * s.
  by rewrite same; apply: etrans (witness_answer s 1) _; rewrite expr1 subKr.
have /matrixP/(_ 0 0) := L_affine _ _ _ affine.
rewrite [LHS]mxE [RHS]mxE !value !mulr0 addr0 expr1n !mulr1 => /eqP.
rewrite -mulr2n -[X in _ == X]mulr_natr -mulrA -exprSr -subr_eq0 -mulrBr mulf_eq0 (negPf rate_neq0) /=.
by rewrite -natrX -natrB //; apply/negP; apply: natr_neq0.
Qed.

(* No linear time-invariant SSM of any state size makes one step, however its input and output weights are chosen, *)
Theorem lti_no_step n (A : 'M[F]_n) B b h0 (C : 'M[F]_(m.+1, n)) D e (T q : nat) :
  ~ (forall (x : nat -> 'cV[F]_f.+1) (y : nat -> 'cV[F]_m.+1) xq,
       lti_output A B b h0 C D e T q (window N x y xq) = gd_step N x y eta 0 *m xq).
Proof. by apply: affine_no_step => u0 u1 u2; apply: lti_output_affine. Qed.

(* nor does any stack of such systems, read at any place. *)
Theorem lti_stack_no_step (s : lti_stack F (f.+1 + (m.+1 + f.+1)) m.+1) (T : nat) :
  ~ (forall (x : nat -> 'cV[F]_f.+1) (y : nat -> 'cV[F]_m.+1) xq,
       stack_output s (window N x y xq) T = gd_step N x y eta 0 *m xq).
Proof. by apply: (affine_no_step (L := fun u => stack_output s u T)) => u0 u1 u2 /lti_stack_affine. Qed.

(* Without an input gate the output has degree 2 in the tokens, a step has degree 3. *)
Theorem output_gated_no_step n p (A : 'M[F]_n) B b h0 (C G : 'M[F]_(p, n)) D H e g (P : 'M[F]_(m.+1, p)) (T q : nat) :
  ~ (forall (x : nat -> 'cV[F]_f.+1) (y : nat -> 'cV[F]_m.+1) xq,
       output_gated A B b h0 C G D H e g P T q (window N x y xq) = gd_step N x y eta 0 *m xq).
Proof.
move=> same; pose u s := window N (fun t => s *: witness_x F f t) (fun t => s *: witness_y F m t) (s *: witness_x F f 0).
have scaled s t : u s t = s *: u 1 t by rewrite /u !window_scale scale1r.
have line (M : 'M[F]_(p, n)) E a s i : lti_output A B b h0 M E a T q (u s) i 0 =
    ((lti_output A B b h0 M E a T q (fun=> 0) i 0)%:P
     + (lti_output A B b h0 M E a T q (u 1) - lti_output A B b h0 M E a T q (fun=> 0)) i 0 *: 'X).[s].
  rewrite (lti_output_line _ _ _ _ _ _ _ _ _ (scaled s)) !hornerE [LHS]mxE [X in _ + X = _]mxE.
  by rewrite mulrC.
pose a (M : 'M[F]_(p, n)) E c i : {poly F} := (lti_output A B b h0 M E c T q (fun=> 0) i 0)%:P
     + (lti_output A B b h0 M E c T q (u 1) - lti_output A B b h0 M E c T q (fun=> 0)) i 0 *: 'X.
have few M E c i : (size (a M E c i) <= 2)%N.
  rewrite (leq_trans (size_add _ _)) // geq_max (leq_trans (size_polyC_leq1 _)) //.
  by rewrite (leq_trans (size_scale_leq _ _)) // size_polyX.
pose total := \sum_i P 0 i *: (a C D e i * a G H g i).
have : total = (eta / N%:R) *: 'X^3.
  apply: (poly_natural char0) => k; have := congr1 (fun v : 'cV_m.+1 => v 0 0) (same _ _ _ : _ (u k%:R) = _).
  rewrite (witness_answer k%:R 1) expr1 subKr -mulrA -exprSr hornerZ hornerXn => <-.
  rewrite /total horner_sum /output_gated [RHS]mxE; apply: eq_bigr => i _.
  by rewrite hornerZ hornerM /a -!line; congr (_ * _); rewrite mxE.
have small : (size total <= 3)%N.
  rewrite (leq_trans (size_sum _ _ _)) //; apply/bigmax_leqP => i _; rewrite (leq_trans (size_scale_leq _ _)) //.
  rewrite (leq_trans (size_mul_leq _ _)) // -subn1 leq_subLR (leq_trans (leq_add (few _ _ _ _) (few _ _ _ _))) //.
move/(congr1 (fun g : {poly F} => g`_3)); rewrite nth_default // coefZ coefXn mulr1 => /esym/eqP.
by rewrite (negPf rate_neq0).
Qed.

(* One layer with a quadratic input gate and a linear output gate makes no k >= 2 steps, whatever its state size,
   transition, gates, start and places of reading. *)
Theorem gated_layer_no_steps p q (a : nat -> 'M[F]_(p, q)) Q D S0 (T r k : nat) : (1 < k)%N ->
  ~ (forall (x : nat -> 'cV[F]_f.+1) (y : nat -> 'cV[F]_m.+1) xq,
       gated_layer a Q D S0 T r (window N x y xq) = gd N x y eta k 0 *m xq).
Proof.
move=> k_gt1 same; set c := eta / N%:R.
pose u := window N (witness_x F f) (witness_y F m) (witness_x F f 0).
pose L := (\col_l \sum_i \sum_j (\prod_(t < T) a t i j) * S0 i j * (D l i j *m u r) 0 0) 0 0.
pose G := gated_layer a Q D 0 T r u 0 0.
(* The layer's answer at size s is G s^3 + L s, the learner's (1 - (1 - c s^2)^k) s. *)
pose P : {poly F} := (1 - c *: 'X) ^+ k - 1 + G *: 'X + L%:P.
have value z : P.[z] = (1 - c * z) ^+ k - 1 + G * z + L by rewrite /P !hornerE horner_exp !hornerE.
have root_P n : root P (n.+1%:R ^+ 2).
  pose s : F := n.+1%:R.
  have scaled t : window N (fun t => s *: witness_x F f t) (fun t => s *: witness_y F m t) (s *: witness_x F f 0) t
                  = s *: u t by rewrite window_scale.
  have := witness_answer s k; rewrite -same (gated_layer_degree _ _ _ _ _ _ scaled).
  rewrite [LHS]mxE [X in X + _ = _]mxE [X in _ + X = _]mxE -/G -/L => answer.
  apply/rootP; rewrite value; apply: (mulIf (natr_neq0 char0 n)); rewrite mul0r -/s -/c.
  rewrite !mulrDl mulN1r -[(1 - _) ^+ _ * s - s]opprB -[X in X - _ * s]mul1r -mulrBl -answer.
  apply/eqP; rewrite -addrA addrC subr_eq0 -mulrA -exprSr [G * _]mulrC [L * _]mulrC.
  exact: eqxx.
have size_base : size (1 - c *: 'X : {poly F}) = 2%N.
  by rewrite addrC -scaleNr size_addl size_scale ?oppr_eq0 ?rate_neq0 // ?size_polyX // size_poly1.
have size_P : size P = k.+1.
  have base_neq0 : 1 - c *: 'X != 0 :> {poly F} by rewrite -size_poly_gt0 size_base.
  have size_power : size ((1 - c *: 'X : {poly F}) ^+ k) = k.+1.
    by rewrite -[LHS]prednK ?size_exp ?size_base ?mul1n // size_poly_gt0 expf_neq0.
  rewrite /P -!addrA size_addl size_power // ltnS (leq_trans (size_add _ _)) // geq_max size_opp size_poly1.
  rewrite (ltnW k_gt1) (leq_trans (size_add _ _)) // geq_max (leq_trans (size_scale_leq _ _)) ?size_polyX //=.
  by rewrite (leq_trans (size_polyC_leq1 _)) // ltnW.
pose zs := [seq (n.+1%:R ^+ 2 : F) | n <- iota 0 k.+1].
have /max_poly_roots : P != 0 by rewrite -size_poly_gt0 size_P.
move=> /(_ zs); rewrite size_P size_map size_iota ltnn => few.
suff : false by []; apply: few; first by apply/allP=> _ /mapP[n _ ->].
rewrite map_inj_uniq ?iota_uniq // => i j; rewrite -!natrX => /(natr_inj char0)/eqP.
by rewrite eqn_sqr eqSS => /eqP.
Qed.

End Impossibility.
