(* Programs on lists for the rest of the gradient-descent family (see Executable.v), each with its theorem. *)
From mathcomp Require Import all_ssreflect all_algebra.
From ssmproof Require Import Definitions GatedAccumulator Executable.

Set Implicit Arguments.
Unset Strict Implicit.
Unset Printing Implicit Defensive.
Import GRing.Theory.
Local Open Scope ring_scope.

Section Programs.
Variable K : arithmetic.
Notation T := (scalar K).
Implicit Types (c : T) (A B W X Y E : seq (seq T)).

(* Powers and moments *)
Definition matrix_power_exec n A k : seq (seq T) := iter k (fun M => mat_mul n n n M A) (mat_id K n).
Definition geometric_sum_exec n A k : seq (seq T) :=
  foldl (fun M j => mat_add n n M (matrix_power_exec n A j)) (mat_zero K n n) (iota 0 k).
Definition contraction_exec n c A : seq (seq T) := mat_sub n n (mat_id K n) (mat_scale n n c A).
(* W0 (1 - c G)^k + c B (1 + ... + (1 - c G)^(k-1)) from the data *)
Definition closed_form_exec m f N c k W X Y : seq (seq T) :=
  let M := contraction_exec f c (gd_ssm_state_exec f f X X N) in
  mat_add m f (mat_mul m f f W (matrix_power_exec f M k))
    (mat_scale m f c (mat_mul m f f (gd_ssm_state_exec m f Y X N) (geometric_sum_exec f M k))).
Definition causal_gram_exec f N X : seq (seq T) :=
  tabulate N N (fun s t => if (s <= t)%N then total f (fun i => mul (at_ X s i) (at_ X t i)) else zero K).

(* Stacks: rows of residuals and the prediction *)
Definition stack_layer_exec m f N (causal : bool) c X xq (s : seq (seq T) * seq (seq T)) :=
  (rows_of N m (fun t => mat_sub m 1 (col s.1 m t)
     (mat_scale m 1 c (mat_mul m f 1 (gd_ssm_state_exec m f s.1 X (if causal then t.+1 else N)) (col X f t)))),
   mat_add m 1 s.2 (mat_scale m 1 c (mat_mul m f 1 (gd_ssm_state_exec m f s.1 X N) (col xq f 0)))).
Definition stack_exec m f N causal c k W X Y xq :=
  iter k (stack_layer_exec m f N causal c X xq) (residuals m f N W X Y, mat_mul m f 1 W (col xq f 0)).
Definition two_pass_stack_exec m f N c k W X Y xq : seq (seq T) := (stack_exec m f N false c k W X Y xq).2.
Definition causal_stack_exec m f N c k W X Y xq : seq (seq T) := (stack_exec m f N true c k W X Y xq).2.
Definition two_pass_residuals_exec m f N c k W X Y xq : seq (seq T) := (stack_exec m f N false c k W X Y xq).1.
Definition causal_residuals_exec m f N c k W X Y xq : seq (seq T) := (stack_exec m f N true c k W X Y xq).1.
Definition two_accumulators_exec m f N c k W X Y : seq (seq T) :=
  iter k (fun E => mat_sub m f (mat_mul m f f E (contraction_exec f c (gd_ssm_state_exec f f X X N)))
                     (mat_scale m f c (gd_ssm_state_exec m f Y X N))) (mat_sub m f (mat_zero K m f) W).

(* Token by token; beta is a row of step sizes *)
Definition delta_rule_exec m f (beta : seq (seq T)) X Y W t : seq (seq T) :=
  foldl (fun W s => mat_add m f (mat_mul m f f W (contraction_exec f (at_ beta 0 s) (outer f f X X s)))
                      (mat_scale m f (at_ beta 0 s) (outer m f Y X s))) W (iota 0 t).
Definition online_gd_exec m f (beta : seq (seq T)) X Y W t : seq (seq T) :=
  foldl (fun W s => gd_step_exec m f 1 (at_ beta 0 s) W [:: nth [::] X s] [:: nth [::] Y s]) W (iota 0 t).

(* Linear self-attention, tokens as rows *)
Definition lsa_layer_exec d N WK WQ WV P E : seq (seq T) :=
  rows_of N.+1 d (fun j => mat_add d 1 (col E d j) (mat_mul d d 1 P
    (foldl (fun S i => mat_add d 1 S (mat_mul d d 1 (tabulate d d (fun a b =>
        mul (at_ (mat_mul d d 1 WV (col E d i)) a 0) (at_ (mat_mul d d 1 WK (col E d i)) b 0)))
        (mat_mul d d 1 WQ (col E d j)))) (mat_zero K d 1) (iota 0 N)))).
Definition lsa_key_exec f m : seq (seq T) :=
  tabulate (f + m) (f + m) (fun i j => if (i < f)%N && (i == j) then one K else zero K).
Definition lsa_value_exec f m W : seq (seq T) :=
  tabulate (f + m) (f + m) (fun i j =>
    if (i < f)%N then zero K else if (j < f)%N then at_ W (i - f) j else if i == j then opp (one K) else zero K).
Definition lsa_tokens_exec m f N W X Y xq : seq (seq T) :=
  tabulate N.+1 (f + m) (fun t i => if (t < N)%N then if (i < f)%N then at_ X t i else at_ Y t (i - f)
    else if (i < f)%N then at_ xq 0 i else opp (at_ (mat_mul m f 1 W (col xq f 0)) (i - f) 0)).
Definition lsa_stack_exec m f N c k W X Y xq : seq (seq T) :=
  iter k (lsa_layer_exec (f + m) N (lsa_key_exec f m) (lsa_key_exec f m) (lsa_value_exec f m W)
            (mat_scale (f + m) (f + m) c (mat_id K (f + m)))) (lsa_tokens_exec m f N W X Y xq).

(* Decay: g and w are rows *)
Definition discounted_state_exec m f (g : seq (seq T)) V X t : seq (seq T) :=
  foldl (fun Z s => mat_add m f (mat_scale m f (at_ g 0 s) Z) (outer m f V X s)) (mat_zero K m f) (iota 0 t).
Definition discounted_output_exec m f N c (g : seq (seq T)) W X Y xq : seq (seq T) :=
  mat_add m 1 (mat_mul m f 1 W (col xq f 0))
    (mat_scale m 1 c (mat_mul m f 1 (discounted_state_exec m f g (residuals m f N W X Y) X N) (col xq f 0))).
Definition weighted_loss_exec m f N (w : seq (seq T)) W X Y : T :=
  let R := residuals m f N W X Y in
  mul (inv (mul (number K 2) (number K N)))
    (total N (fun t => mul (at_ w 0 t) (total m (fun i => mul (at_ R t i) (at_ R t i))))).

Definition lti_output_exec n d m A B b C D e (t r : nat) (U : seq (seq T)) : seq (seq T) :=
  let h := foldl (fun h s => mat_add n 1 (mat_add n 1 (mat_mul n n 1 A h) (mat_mul n d 1 B (col U d s))) (col b n 0))
             (mat_zero K n 1) (iota 0 t) in
  mat_add m 1 (mat_add m 1 (mat_mul m n 1 C h) (mat_mul m d 1 D (col U d r))) (col e m 0).

(* The published layer on tokens given as rows; D is a row of 3. *)
Definition window_entry E (t a j : nat) : T := at_ E (t.*2 + a) j.
Definition input_gate_exec d (w E : seq (seq T)) t : seq (seq T) :=
  tabulate d d (fun i j => total 3 (fun b => mul (total 3 (fun a => mul (window_entry E t a j) (at_ w a b)))
                                                 (window_entry E t b i))).
Definition gd_ssm_layer_exec d (w decay C D E : seq (seq T)) t : seq (seq T) :=
  let S := foldl (fun S s => let g := input_gate_exec d w E s in
             tabulate d d (fun i j => add (mul (at_ decay j i) (at_ S i j)) (at_ g i j)))
             (mat_zero K d d) (iota 0 t.+1) in
  mat_mul d d 1 (mat_mul d d d C S)
    (tabulate d 1 (fun j _ => total 3 (fun a => mul (window_entry E t a j) (at_ D 0 a)))).

(* Windows as rows: x_t, y_t, x_(t+1) *)
Definition window_exec f m N X Y xq : seq (seq T) :=
  let input s i := if (s < N)%N then at_ X s i else if s == N then at_ xq 0 i else zero K in
  tabulate N (f + (m + f)) (fun t i => if (i < f)%N then input t i
    else if (i - f < m)%N then at_ Y t (i - f) else input t.+1 (i - f - m)%N).

Definition newton_schulz_exec n a S k : seq (seq T) :=
  iter k (fun M => mat_mul n n n M (mat_sub n n (mat_scale n n (number K 2) (mat_id K n)) (mat_mul n n n S M)))
    (mat_scale n n a (mat_id K n)).

End Programs.

Section Refinement.
Variables (K : arithmetic) (F : fieldType) (phi : scalar K -> F).
Hypothesis phiM : morphism phi.
Notation T := (scalar K).
Notation mat := (mat phi).
Notation stream := (stream phi).
Implicit Types (c : T) (A B W X Y V E xq : seq (seq T)).

Let phiE := (phi_zero phiM, phi_one phiM, phi_add phiM, phi_mul phiM, phi_opp phiM, phi_inv phiM).
Let addE := (mat_addE phiM). Let subE := (mat_subE phiM). Let scaleE := (mat_scaleE phiM). Let mulE := (mat_mulE phiM).
Let idE := (mat_idE phiM). Let zeroE := (mat_zeroE phiM). Let stateE := (gd_ssm_state_execE phiM).

Lemma contraction_execE n c A : mat n n (contraction_exec n c A) = 1%:M - phi c *: mat n n A.
Proof. by rewrite subE idE scaleE. Qed.

Theorem matrix_power_execE n A k : mat n n (matrix_power_exec n A k) = matrix_power (mat n n A) k.
Proof. by elim: k => [|k IH]; [apply: idE | rewrite /matrix_power_exec iterS mulE IH]. Qed.

Theorem geometric_sum_execE n A k : mat n n (geometric_sum_exec n A k) = geometric_sum (mat n n A) k.
Proof.
rewrite /geometric_sum_exec /geometric_sum; elim: k => [|k IH]; first by rewrite big_ord0 zeroE.
by rewrite iota_last foldl_rcons addE IH big_ord_recr /= matrix_power_execE.
Qed.

Theorem closed_form_execE m f N c k W X Y : let G := 1%:M - phi c *: input_moment N (stream f X) in
  mat m f (closed_form_exec m f N c k W X Y) =
    mat m f W *m matrix_power G k + phi c *: (cross_moment N (stream m Y) (stream f X) *m geometric_sum G k).
Proof.
move=> G; rewrite addE scaleE !mulE matrix_power_execE geometric_sum_execE contraction_execE !stateE.
by rewrite !gd_ssm_state_sum.
Qed.

Theorem causal_gram_execE f N X : mat N N (causal_gram_exec f N X) = causal_gram N (stream f X).
Proof.
rewrite (mat_tabulate phi); apply/matrixP=> s t; rewrite !mxE; case: ifP => _; last by rewrite phiE.
by rewrite (phi_total phiM); apply: eq_bigr => i _; rewrite !mxE phiE.
Qed.

(* What the stacks keep: rows below N are the residuals, and the prediction. *)
Definition related m N (s : seq (seq T) * seq (seq T)) (r : (nat -> 'cV[F]_m) * 'cV[F]_m) :=
  (forall t, (t < N)%N -> stream m s.1 t = r.1 t) /\ mat m 1 s.2 = r.2.

Lemma related_state m f N X t s (r : (nat -> 'cV[F]_m) * 'cV[F]_m) : related N s r -> (t <= N)%N ->
  mat m f (gd_ssm_state_exec m f s.1 X t) = gd_ssm_state r.1 (stream f X) t.
Proof.
by move=> [rows _] t_N; rewrite stateE; apply: eq_gd_ssm_state => i i_t; rewrite rows // (leq_trans i_t).
Qed.

Lemma two_pass_related m f N c X xq s (r : (nat -> 'cV[F]_m) * 'cV[F]_m) : related N s r ->
  related N (stack_layer_exec m f N false c X xq s) (two_pass_layer N (phi c) (stream f X) (stream f xq 0) r).
Proof.
move=> rel; split=> [t t_N|] /=.
  by rewrite stream_rows // subE scaleE mulE !colE (related_state f X rel) // (proj1 rel).
by rewrite addE scaleE mulE colE (related_state f X rel) // (proj2 rel).
Qed.

Lemma causal_related m f N c X xq s (r : (nat -> 'cV[F]_m) * 'cV[F]_m) : related N s r ->
  related N (stack_layer_exec m f N true c X xq s) (causal_layer N (phi c) (stream f X) (stream f xq 0) r).
Proof.
move=> rel; split=> [t t_N|] /=.
  by rewrite stream_rows // subE scaleE mulE !colE (related_state f X rel) // (proj1 rel).
by rewrite addE scaleE mulE colE (related_state f X rel) // (proj2 rel).
Qed.

Lemma start_related m f N W X Y xq :
  related N (residuals m f N W X Y, mat_mul m f 1 W (col xq f 0))
    (stack_start (mat m f W) (stream f X) (stream m Y) (stream f xq 0)).
Proof. by split=> [t t_N|] /=; [apply: (residualsE phiM) | rewrite mulE colE]. Qed.

Lemma two_pass_stack_related m f N c k W X Y xq :
  related N (stack_exec m f N false c k W X Y xq)
    (two_pass_stack N (phi c) (mat m f W) (stream f X) (stream m Y) (stream f xq 0) k).
Proof.
by elim: k => [|k IH]; [apply: start_related | rewrite /stack_exec /two_pass_stack !iterS; apply: two_pass_related].
Qed.

Lemma causal_stack_related m f N c k W X Y xq :
  related N (stack_exec m f N true c k W X Y xq)
    (causal_stack N (phi c) (mat m f W) (stream f X) (stream m Y) (stream f xq 0) k).
Proof.
by elim: k => [|k IH]; [apply: start_related | rewrite /stack_exec /causal_stack !iterS; apply: causal_related].
Qed.

Theorem two_pass_stack_execE m f N c k W X Y xq :
  mat m 1 (two_pass_stack_exec m f N c k W X Y xq) =
    (two_pass_stack N (phi c) (mat m f W) (stream f X) (stream m Y) (stream f xq 0) k).2.
Proof. exact: (proj2 (two_pass_stack_related m f N c k W X Y xq)). Qed.

Theorem two_pass_residuals_execE m f N c k W X Y xq t : (t < N)%N ->
  stream m (two_pass_residuals_exec m f N c k W X Y xq) t =
    (two_pass_stack N (phi c) (mat m f W) (stream f X) (stream m Y) (stream f xq 0) k).1 t.
Proof. exact: (proj1 (two_pass_stack_related m f N c k W X Y xq)). Qed.

Theorem causal_stack_execE m f N c k W X Y xq :
  mat m 1 (causal_stack_exec m f N c k W X Y xq) =
    (causal_stack N (phi c) (mat m f W) (stream f X) (stream m Y) (stream f xq 0) k).2.
Proof. exact: (proj2 (causal_stack_related m f N c k W X Y xq)). Qed.

Theorem causal_residuals_execE m f N c k W X Y xq t : (t < N)%N ->
  stream m (causal_residuals_exec m f N c k W X Y xq) t =
    (causal_stack N (phi c) (mat m f W) (stream f X) (stream m Y) (stream f xq 0) k).1 t.
Proof. exact: (proj1 (causal_stack_related m f N c k W X Y xq)). Qed.

Theorem two_accumulators_execE m f N c k W X Y :
  mat m f (two_accumulators_exec m f N c k W X Y) =
    two_accumulators N (phi c) (mat m f W) (stream f X) (stream m Y) k.
Proof.
rewrite /two_accumulators_exec /two_accumulators; elim: k => [|k IH]; first by rewrite subE zeroE sub0r.
by rewrite !iterS subE mulE scaleE IH contraction_execE !stateE.
Qed.

Theorem delta_rule_execE m f beta X Y W t :
  mat m f (delta_rule_exec m f beta X Y W t) =
    delta_rule (fun s => phi (at_ beta 0 s)) (stream f X) (stream m Y) (mat m f W) t.
Proof.
rewrite /delta_rule_exec; elim: t => [//|t IH]; rewrite iota_last foldl_rcons addE mulE scaleE contraction_execE IH.
by rewrite !(outerE phiM).
Qed.

Theorem online_gd_execE m f beta X Y W t :
  mat m f (online_gd_exec m f beta X Y W t) =
    online_gd (fun s => phi (at_ beta 0 s)) (stream f X) (stream m Y) (mat m f W) t.
Proof.
rewrite /online_gd_exec; elim: t => [//|t IH]; rewrite iota_last foldl_rcons (gd_step_execE phiM) IH /=.
by rewrite /gd_step /gradient !big_ord1.
Qed.

Theorem lsa_layer_execE d N WK WQ WV P E t : (t < N.+1)%N ->
  stream d (lsa_layer_exec d N WK WQ WV P E) t =
    lsa_layer N (mat d d WK) (mat d d WQ) (mat d d WV) (mat d d P) (stream d E) t.
Proof.
move=> t_N; rewrite stream_rows // addE mulE colE /lsa_layer; congr (_ + _ *m _).
move: (N) => n; elim: n => [|n IH]; first by rewrite big_ord0 zeroE.
rewrite iota_last foldl_rcons addE IH big_ord_recr /= !mulE colE; congr (_ + _ *m _).
rewrite (mat_tabulate phi); apply/matrixP=> i j; rewrite [LHS]mxE [RHS]mxE big_ord1 [_^T _ _]mxE phiE.
have entry (M : seq (seq T)) (l : 'I_d) : phi (at_ (mat_mul d d 1 M (col E d n)) l 0) = (mat d d M *m stream d E n) l 0.
  by rewrite -colE -mulE mxE.
by rewrite !entry.
Qed.

Lemma lsa_key_execE f m : mat (f + m) (f + m) (lsa_key_exec K f m) = lsa_key F f m.
Proof.
rewrite (mat_tabulate phi) /lsa_key; apply/matrixP=> i j; rewrite [LHS]mxE.
have below (k : 'I_m) : (f + k < f)%N = false by rewrite ltnNge leq_addr.
case: (split_ordP i) => k ->; case: (split_ordP j) => l ->.
- by rewrite block_mxEul mxE -val_eqE /=; case: eqP; rewrite phiE.
- by rewrite block_mxEur mxE /= (ltn_eqF (ltn_addr l (ltn_ord k))) phiE.
- by rewrite block_mxEdl mxE /= ?below phiE.
by rewrite block_mxEdr mxE /= ?below phiE.
Qed.

Lemma lsa_value_execE f m W : mat (f + m) (f + m) (lsa_value_exec f m W) = lsa_value (mat m f W).
Proof.
rewrite (mat_tabulate phi) /lsa_value; apply/matrixP=> i j; rewrite [LHS]mxE.
have below (k : 'I_m) : (f + k < f)%N = false by rewrite ltnNge leq_addr.
case: (split_ordP i) => k ->; case: (split_ordP j) => l ->.
- by rewrite block_mxEul mxE /= ?ltn_ord phiE.
- by rewrite block_mxEur mxE /= ?ltn_ord phiE.
- by rewrite block_mxEdl mxE /= ?below ?ltn_ord addKn.
rewrite block_mxEdr !mxE /= ?below ?eqn_add2l -val_eqE.
by case: eqP; rewrite !phiE ?oppr0.
Qed.

Lemma lsa_tokens_execE m f N W X Y xq t : (t < N.+1)%N ->
  stream (f + m) (lsa_tokens_exec m f N W X Y xq) t =
    lsa_tokens N (mat m f W) (stream f X) (stream m Y) (stream f xq 0) t.
Proof.
move=> t_N; apply/colP=> i; rewrite [LHS]mxE.
have -> : at_ (lsa_tokens_exec m f N W X Y xq) t i = if (t < N)%N then if (i < f)%N then at_ X t i else at_ Y t (i - f)
    else if (i < f)%N then at_ xq 0 i else opp (at_ (mat_mul m f 1 W (col xq f 0)) (i - f) 0).
  exact: (at_tabulate _ (Ordinal t_N) i).
rewrite /lsa_tokens; case: ifP => _; case: (split_ordP i) => k -> /=; rewrite ?(col_mxEu, col_mxEd) ?ltn_ord.
- by rewrite mxE.
- by rewrite addKn mxE.
- by rewrite mxE.
by rewrite addKn phiE [RHS]mxE -colE -mulE mxE.
Qed.

(* Equal tokens, equal layers. *)
Lemma eq_lsa_layer d N WK WQ WV P (e e' : nat -> 'cV[F]_d) t : (t < N.+1)%N ->
  (forall s, (s < N.+1)%N -> e s = e' s) -> lsa_layer N WK WQ WV P e t = lsa_layer N WK WQ WV P e' t.
Proof.
move=> t_N eq_e; rewrite /lsa_layer eq_e //; congr (_ + _ *m _).
by apply: eq_bigr => i _; rewrite eq_e // ltnW // ltnS.
Qed.

Theorem lsa_stack_execE m f N c k W X Y xq t : (t < N.+1)%N ->
  stream (f + m) (lsa_stack_exec m f N c k W X Y xq) t =
    lsa_stack N (phi c) (mat m f W) (stream f X) (stream m Y) (stream f xq 0) k t.
Proof.
elim: k t => [|k IH] t t_N; first exact: lsa_tokens_execE.
rewrite /lsa_stack_exec iterS -/(lsa_stack_exec m f N c k W X Y xq) lsa_layer_execE //.
rewrite lsa_key_execE lsa_value_execE scaleE idE scalemx1 /lsa_stack iterS.
by apply: eq_lsa_layer => // s /IH.
Qed.

Theorem discounted_state_execE m f g V X t :
  mat m f (discounted_state_exec m f g V X t) = discounted_state (fun s => phi (at_ g 0 s)) (stream m V) (stream f X) t.
Proof.
rewrite /discounted_state_exec /discounted_state; elim: t => [|t IH]; first by rewrite zeroE.
rewrite iota_last foldl_rcons addE scaleE (outerE phiM) IH /=.
by apply/matrixP=> i j; rewrite [LHS]mxE [X in X + _]mxE [RHS]mxE [const_mx _ _ _]mxE.
Qed.

Lemma eq_discounted_state m f (g : nat -> F) (v v' : nat -> 'cV[F]_m) (k : nat -> 'cV[F]_f) t :
  (forall s, (s < t)%N -> v s = v' s) -> discounted_state g v k t = discounted_state g v' k t.
Proof. by move=> eq_v; apply: eq_gated_state => s /eq_v ->. Qed.

Theorem discounted_output_execE m f N c g W X Y xq :
  mat m 1 (discounted_output_exec m f N c g W X Y xq) =
    discounted_output N (phi c) (fun s => phi (at_ g 0 s)) (mat m f W) (stream f X) (stream m Y) (stream f xq 0).
Proof.
rewrite /discounted_output addE scaleE !mulE !colE discounted_state_execE.
by rewrite (eq_discounted_state _ _ (fun t => @residualsE _ _ _ phiM m f N W X Y t)).
Qed.

Theorem weighted_loss_execE m f N w W X Y :
  phi (weighted_loss_exec m f N w W X Y) =
    weighted_loss N (stream f X) (stream m Y) (fun s => phi (at_ w 0 s)) (mat m f W).
Proof.
rewrite /weighted_loss_exec /weighted_loss !(phi_number phiM, phiE) (phi_total phiM); congr (_ * _).
apply: eq_bigr => t _; rewrite phiE (phi_total phiM) /square_norm -opprB.
rewrite -(@residualsE _ _ _ phiM m f N W X Y t (ltn_ord t)); congr (_ * _); apply: eq_bigr => i _.
by rewrite phiE // -expr2 !mxE sqrrN.
Qed.

Theorem lti_output_execE n d m A B b C D e t r U :
  mat m 1 (lti_output_exec n d m A B b C D e t r U) =
    lti_output (mat n n A) (mat n d B) (stream n b 0) 0 (mat m n C) (mat m d D) (stream m e 0) t r (stream d U).
Proof.
rewrite /lti_output_exec /lti_output !addE !mulE !colE; congr (_ *m _ + _ + _).
elim: t => [|t IH]; first by rewrite zeroE.
by rewrite iota_last foldl_rcons !addE !mulE IH !colE.
Qed.

Theorem window_execE f m N X Y xq t : (t < N)%N ->
  stream (f + (m + f)) (window_exec f m N X Y xq) t = window N (stream f X) (stream m Y) (stream f xq 0) t.
Proof.
move=> t_N; apply/colP=> i; rewrite [LHS]mxE.
pose input s j := if (s < N)%N then at_ X s j else if s == N then at_ xq 0 j else zero K.
have -> : at_ (window_exec f m N X Y xq) t i = if (i < f)%N then input t i
    else if (i - f < m)%N then at_ Y t (i - f) else input t.+1 (i - f - m)%N.
  exact: (at_tabulate _ (Ordinal t_N) i).
have inputE s (j : 'I_f) : phi (input s j) =
    (if (s < N)%N then stream f X s else if s == N then stream f xq 0 else 0) j 0.
  by rewrite /input; do 2?case: ifP => _; rewrite ?phiE mxE.
rewrite /window; case: (split_ordP i) => k ->; rewrite ?(col_mxEu, col_mxEd) /= ?ltn_ord ?inputE //.
rewrite addKn.
case: (split_ordP k) => l ->; rewrite ?(col_mxEu, col_mxEd) /= ?ltn_ord ?t_N ?mxE //.
by rewrite addKn inputE.
Qed.

Theorem gd_ssm_layer_execE d w decay C D E t :
  mat d 1 (gd_ssm_layer_exec d w decay C D E t) =
    gd_ssm_layer (mat 3 3 w) (mat d d decay) (mat d d C) (stream 3 D 0) (stream d E) t.
Proof.
have entry s (a : 'I_3) (j : 'I_d) : phi (window_entry E s a j) = token_window (stream d E) s a j by rewrite !mxE.
rewrite /gd_ssm_layer_exec /gd_ssm_layer !mulE; congr (_ *m _ *m _); last first.
  rewrite (mat_tabulate phi); apply/matrixP=> i j; rewrite !ord1 mxE (phi_total phiM) [RHS]mxE.
  by apply: eq_bigr => a _; rewrite phiE !mxE.
elim: t.+1 => [|n IH]; first by rewrite zeroE.
rewrite iota_last foldl_rcons /= -IH (mat_tabulate phi); apply/matrixP=> i j; rewrite mxE [RHS]mxE !phiE.
rewrite [_^T _ _]mxE ![mat _ _ _ _ _]mxE; congr (_ + _).
rewrite at_tabulate (phi_total phiM) [RHS]mxE mxE; apply: eq_bigr => b _; rewrite phiE entry; congr (_ * _).
by rewrite (phi_total phiM) mxE; apply: eq_bigr => a _; rewrite phiE !mxE.
Qed.

Theorem newton_schulz_execE n a S k :
  mat n n (newton_schulz_exec n a S k) = newton_schulz (phi a) (mat n n S) k.
Proof.
rewrite /newton_schulz_exec /newton_schulz; elim: k => [|k IH]; first by rewrite scaleE idE.
by rewrite !iterS mulE subE scaleE idE mulE IH (phi_number phiM).
Qed.

End Refinement.
