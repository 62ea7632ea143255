(* The published layer, as its code computes it from interleaved tokens: with the published weights its last row is
   minus the step's prediction, and with no weights at all does one layer make two steps. *)
From mathcomp Require Import all_ssreflect all_algebra.
From ssmproof Require Import Characteristic Definitions GatedAccumulator OneStep DeltaRule DiscountedGD Impossibility.

Set Implicit Arguments.
Unset Strict Implicit.
Unset Printing Implicit Defensive.
Import GRing.Theory.
Local Open Scope ring_scope.

Section PublishedLayer.
Variable R : comRingType.
Variables (d N : nat).

(* Where entry j of row a of a window stands in the joint token. *)
Definition place (a : 'I_3) (j : 'I_d) : 'I_(d + (d + d)) :=
  if a == 0 then lshift (d + d) j else if a == 1 then rshift d (lshift d j) else rshift d (rshift d j).

(* Windows of the interleaved tokens are the windows of the problem. *)
Lemma token_window_interleaved (x y : nat -> 'cV[R]_d) xq t a j : (t < N)%N ->
  token_window (interleaved N x y xq) t a j = window N x y xq t (place a j) 0.
Proof.
move=> t_N; rewrite mxE /interleaved /window /place.
have cases : (t.+1 < N)%N = false -> (t.+1 == N)%N by move=> /negbT; rewrite -leqNgt eqn_leq t_N => ->.
case: a => -[|[|[|//]]] a_3 /=.
- by rewrite addn0 odd_double doubleK col_mxEu t_N.
- by rewrite addn1 /= odd_double uphalf_double col_mxEd col_mxEu t_N.
by rewrite addn2 /= negbK odd_double doubleK !col_mxEd; case: ifP => // /cases ->.
Qed.

(* The published layer is one of the layers with a quadratic input gate and a linear output gate. *)
Definition published_Q (w : 'M[R]_3) (i j : 'I_d) : 'M[R]_(d + (d + d)) :=
  \sum_a \sum_b w a b *: delta_mx (place a j) (place b i).
Definition published_D (C : 'M[R]_d) (D : 'cV[R]_3) (l i j : 'I_d) : 'rV[R]_(d + (d + d)) :=
  \sum_a (C l i * D a 0) *: delta_mx 0 (place a j).

Lemma delta_form p (u : 'cV[R]_p) i j : (u^T *m delta_mx i j *m u) 0 0 = u i 0 * u j 0.
Proof.
rewrite -(mul_delta_mx (0 : 'I_1)) !mulmxA -mulmxA mxE big_ord1 mxE (bigD1 i) //= big1 => [|k /negPf neq].
  rewrite !mxE !eqxx mulr1 addr0; congr (_ * _).
  by rewrite (bigD1 j) //= big1 => [|k /negPf neq]; rewrite !mxE !eqxx ?neq ?mul1r ?addr0 ?mul0r.
by rewrite !mxE neq mulr0.
Qed.

Theorem published_layer_is_gated (w : 'M[R]_3) (decay C : 'M[R]_d) (D : 'cV[R]_3) x y xq t : (t < N)%N ->
  gd_ssm_layer w decay C D (interleaved N x y xq) t =
    gated_layer (fun=> decay^T) (published_Q w) (published_D C D) 0 t.+1 t (window N x y xq).
Proof.
move=> t_N; rewrite /gd_ssm_layer.
have -> : gated_state (fun=> decay^T) (fun s => ((token_window (interleaved N x y xq) s)^T *m w
              *m token_window (interleaved N x y xq) s)^T) 0 t.+1
          = gated_state (fun=> decay^T) (fun s => quadratic_gate (published_Q w) (window N x y xq s)) 0 t.+1.
  apply: eq_gated_state => s; rewrite ltnS => s_t; have s_N := leq_ltn_trans s_t t_N.
  apply/matrixP=> i j; rewrite [LHS]mxE [RHS]mxE /published_Q mulmx_sumr mulmx_suml summxE [LHS]mxE.
  under eq_bigr do rewrite mxE mulr_suml; rewrite exchange_big; apply: eq_bigr => a _.
  rewrite mulmx_sumr mulmx_suml summxE; apply: eq_bigr => b _.
  rewrite -scalemxAr -scalemxAl [RHS]mxE delta_form [_^T _ _]mxE !token_window_interleaved //.
  by rewrite mulrA [_ * w a b]mulrC.
set S := gated_state _ _ _ _; apply/colP=> l; rewrite -mulmxA [LHS]mxE [RHS]mxE.
apply: eq_bigr => i _; rewrite [(S *m _) i 0]mxE mulr_sumr; apply: eq_bigr => j _.
rewrite mulrCA; congr (_ * _); rewrite /published_D mulmx_suml summxE [X in _ * X]mxE mulr_sumr.
apply: eq_bigr => a _; rewrite [_^T _ _]mxE token_window_interleaved // -scalemxAl [RHS]mxE.
by rewrite -rowE [row _ _ 0 0]mxE -mulrA [_ * D a 0]mulrC.
Qed.

(* The published weights: row t is minus c times the (discounted) sum over the first t pairs, read at the next input. *)
Theorem published_rows (c a : R) (x y : nat -> 'cV[R]_d) xq t : (t < N)%N ->
  published_layer c a (interleaved N x y xq) t =
    - (c *: (discounted_state (fun=> a) y x t.+1 *m next_input N x xq t)).
Proof.
move=> t_N; rewrite /published_layer /gd_ssm_layer.
have -> : gated_state (fun=> (const_mx a : 'M[R]_d)^T) (fun s => ((token_window (interleaved N x y xq) s)^T
              *m delta_mx 0 1 *m token_window (interleaved N x y xq) s)^T) 0 t.+1
          = discounted_state (fun=> a) y x t.+1.
  rewrite /discounted_state trmx_const; apply: eq_gated_state => s; rewrite ltnS => s_t.
  have s_N := leq_ltn_trans s_t t_N; apply/matrixP=> i j.
  rewrite -(mul_delta_mx (0 : 'I_1)) mulmxA -mulmxA -rowE -colE [LHS]mxE mxE big_ord1 [RHS]mxE big_ord1.
  rewrite [col _ _ _ _]mxE [row _ _ _ _]mxE ![_^T _ _]mxE !token_window_interleaved // /place /window /= s_N.
  by rewrite col_mxEu col_mxEd col_mxEu mulrC.
rewrite -colE mul_scalar_mx -scalemxAl scaleNr; congr (- (_ *: (_ *m _))); apply/colP=> j.
rewrite !mxE /interleaved /next_input inordK // addn2 /= odd_double /= doubleK.
by [].
Qed.

(* The layer is homogeneous of degree 3 in the tokens, for all weights. *)
Theorem published_layer_degree (w : 'M[R]_3) (decay C : 'M[R]_d) (D : 'cV[R]_3) (e e' : nat -> 'cV[R]_d) (s : R) t :
  (forall j, e' j = s *: e j) -> gd_ssm_layer w decay C D e' t = s ^+ 3 *: gd_ssm_layer w decay C D e t.
Proof.
move=> scaled; rewrite /gd_ssm_layer.
have windows r : token_window e' r = s *: token_window e r by apply/matrixP=> i j; rewrite !mxE scaled mxE.
have -> : gated_state (fun=> decay^T) (fun r => ((token_window e' r)^T *m w *m token_window e' r)^T) 0 t.+1
          = s ^+ 2 *: gated_state (fun=> decay^T) (fun r => ((token_window e r)^T *m w *m token_window e r)^T) 0 t.+1.
  elim: t.+1 => [|n IH]; first by rewrite scaler0.
  apply/matrixP=> i j; rewrite /= [LHS]mxE IH windows [RHS]mxE [X in _ = _ * X]mxE mulrDr [X in _ * X + _]mxE mulrCA.
  congr (_ + _); rewrite -scalemxAr [(s *: token_window e n)^T]linearZ /= -!scalemxAl scalerA -expr2.
  by rewrite [LHS]mxE [X in _ = _ * X]mxE [LHS]mxE.
rewrite windows [(s *: _)^T]linearZ /= -scalemxAl -scalemxAr -scalemxAr -!scalemxAl scalerA.
by rewrite -exprS.
Qed.

End PublishedLayer.

(* No weights make one published layer do two or more steps, even from 0 and for one size. *)
Theorem published_layer_no_steps (F : fieldType) d N k (eta : F) (w : 'M[F]_3) (decay C : 'M[F]_d.+1) (D : 'cV[F]_3) :
  [char F] =i pred0 -> (0 < N)%N -> eta != 0 -> (1 < k)%N ->
  ~ (forall (x y : nat -> 'cV[F]_d.+1) xq,
       gd_ssm_layer w decay C D (interleaved N x y xq) N.-1 = gd N x y eta k 0 *m xq).
Proof.
move=> char0 N_gt0 eta_neq0 k_gt1 same.
apply: (gated_layer_no_steps char0 N_gt0 eta_neq0 (a := fun=> decay^T) (Q := published_Q w)
          (D := published_D C D) (S0 := 0) (T := N.-1.+1) (r := N.-1) k_gt1) => x y xq.
by rewrite -published_layer_is_gated ?same // prednK.
Qed.

(* With the published weights row t is minus the prediction of a step on the first t pairs, at the next input. *)
Theorem published_layer_step (F : fieldType) d N (x y : nat -> 'cV[F]_d) xq (eta : F) t :
  (t < N)%N -> t.+1%:R != 0 :> F ->
  - published_layer (eta / N%:R) 1 (interleaved N x y xq) t =
    gd_step t.+1 x y (eta * t.+1%:R / N%:R) 0 *m next_input N x xq t.
Proof.
move=> t_N t_neq0; rewrite published_rows // opprK -one_step_from_zero; congr (_ *: _).
by rewrite mulrAC mulfK.
Qed.

(* With decay a the last row is minus the prediction of a step on the discounted loss. *)
Theorem published_layer_discounted (F : fieldType) d N (x y : nat -> 'cV[F]_d) xq (eta a : F) : (0 < N)%N ->
  - published_layer (eta / N%:R) a (interleaved N x y xq) N.-1 =
    weighted_gd_step N x y (fun i => a ^+ (N - i.+1)) eta 0 *m xq.
Proof.
move=> N_gt0; have := discounted_step (f := d) (m := d) N x y (fun=> a) eta 0 xq.
rewrite /discounted_output mul0mx add0r published_rows ?prednK // opprK /next_input prednK // ltnn => step.
have -> : weighted_gd_step N x y (fun i => a ^+ (N - i.+1)) eta 0 = weighted_gd_step N x y (discount (fun=> a) N) eta 0.
  rewrite /weighted_gd_step /weighted_gradient; congr (_ - _ *: (_ *: _)).
  by apply: eq_bigr => i _; rewrite discount_constant.
rewrite -step; congr (_ *: (_ *m _)); apply: eq_gated_state => s _.
by rewrite mul0mx subr0.
Qed.

(* No weights make one published layer do an online pass over two or more tokens: its degree is 3 only. *)
Theorem published_layer_no_online (F : fieldType) d N (beta : F) (w : 'M[F]_3) (decay C : 'M[F]_d.+1) (D : 'cV[F]_3) :
  [char F] =i pred0 -> (1 < N)%N -> beta != 0 ->
  ~ (forall (x y : nat -> 'cV[F]_d.+1) xq,
       gd_ssm_layer w decay C D (interleaved N x y xq) N.-1 = online_gd (fun=> beta) x y 0 N *m xq).
Proof.
move=> char0 N_gt1 beta_neq0 same; pose e : 'cV[F]_d.+1 := delta_mx 0 0.
pose x (s : F) t := s *: (if (t < 2)%N then e else 0).
have e_e : e^T *m e = 1%:M by rewrite trmx_delta mul_delta_mx; apply/matrixP=> i j; rewrite !mxE !ord1.
have ee_ee : e *m e^T *m (e *m e^T) = e *m e^T by rewrite mulmxA -[e *m _ *m e]mulmxA e_e mulmx1.
pose z s := 1 - beta * s ^+ 2.
have token s g : g *: (e *m e^T) *m (1%:M - beta *: (s *: e *m (s *: e)^T)) + beta *: (s *: e *m (s *: e)^T)
                 = (g * z s + beta * s ^+ 2) *: (e *m e^T).
  have -> : s *: e *m (s *: e)^T = s ^+ 2 *: (e *m e^T).
    by rewrite [(s *: e)^T]linearZ /= -scalemxAl -scalemxAr scalerA -expr2.
  rewrite mulmxBr mulmx1 -!scalemxAr -!scalemxAl ee_ee.
  by rewrite !scalerA -scalerBl -scalerDl /z mulrBr mulr1 [beta * s ^+ 2 * g]mulrC.
have run s n : online_gd (fun=> beta) (x s) (x s) 0 n.+2 = (1 - z s ^+ 2) *: (e *m e^T).
  rewrite -delta_rule_online_gd; elim: n => [|n IH].
    have := token s 0; rewrite scale0r mul0r add0r /= /x /= => ->; rewrite token; congr (_ *: _).
    have -> : beta * s ^+ 2 = 1 - z s by rewrite /z subKr.
    by rewrite -{2}[1 - z s]mulr1 -mulrDr -[RHS]opprB subr_sqr_1 -mulNr opprB.
  have zero : x s n.+2 = 0 by rewrite /x /= scaler0.
  by rewrite -[LHS]/(delta_rule _ _ _ _ n.+2 *m _ + _) IH zero mul0mx !scaler0 subr0 mulmx1 addr0.
have value s : gd_ssm_layer w decay C D (interleaved N (x s) (x s) (s *: e)) N.-1 = ((1 - z s ^+ 2) * s) *: e.
  by rewrite same -[N](@subnK 2) // addn2 run -scalemxAr -scalemxAl -mulmxA e_e mulmx1 scalerA mulrC.
have scaled j : interleaved N (x 2%:R) (x 2%:R) (2%:R *: e) j = 2%:R *: interleaved N (x 1) (x 1) (1 *: e) j.
  by rewrite /interleaved /x; do 2?case: ifP => _; rewrite ?scale1r.
have := published_layer_degree w decay C D N.-1 scaled; rewrite !value scalerA => /matrixP/(_ 0 0).
rewrite !mxE !eqxx !mulr1 /z => /eqP; apply/negP.
have expand (b : F) : 1 - (1 - b) ^+ 2 = b * (2%:R - b).
  by rewrite -[LHS]opprB subr_sqr_1 [1 - b - 1]addrAC subrr add0r mulNr opprK addrAC.
rewrite !expand expr1n mulr1.
have -> : beta * 2%:R ^+ 2 * (2%:R - beta * 2%:R ^+ 2) * 2%:R = 2%:R ^+ 3 * (beta * (2%:R - beta * 2%:R ^+ 2)).
  rewrite [2%:R ^+ 3]exprSr [beta * 2%:R ^+ 2]mulrC -!mulrA; do 2!congr (_ * _).
  by rewrite [RHS]mulrCA; congr (_ * _); apply: mulrC.
rewrite -subr_eq0 -!mulrBr opprB [_ + (beta - _)]addrC addrA subrK -{2}[beta]mulr1 -mulrBr.
have -> : 1 - 2%:R ^+ 2 = - 3%:R :> F by rewrite -natrX -opprB -[1 in LHS]/(1%:R) -natrB.
by rewrite !mulf_neq0 ?expf_neq0 ?oppr_eq0 ?(natr_neq0 char0).
Qed.
