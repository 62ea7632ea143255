(* Programs for the layers of the theorems on what one layer can and cannot do (see Executable.v). *)
From mathcomp Require Import all_ssreflect all_algebra.
From ssmproof Require Import Definitions GatedAccumulator PublishedLayer Executable ExecutableGD.

Set Implicit Arguments.
Unset Strict Implicit.
Unset Printing Implicit Defensive.
Import GRing.Theory.
Local Open Scope ring_scope.

Section Programs.
Variable K : arithmetic.
Notation T := (scalar K).
Implicit Types (c a : T) (E X Y U : seq (seq T)).

(* The published layer's rows for a problem with f = m = d. *)
Definition interleaved_exec d N X Y xq : seq (seq T) :=
  tabulate N.*2.+1 d (fun j i => if odd j then at_ Y j./2 i else if (j./2 < N)%N then at_ X j./2 i else at_ xq 0 i).
Definition published_layer_exec d c a E t : seq (seq T) :=
  gd_ssm_layer_exec d (tabulate 3 3 (fun i j => if (i == 0%N) && (j == 1%N) then one K else zero K))
    (tabulate d d (fun _ _ => a)) (tabulate d d (fun i j => if i == j then opp c else zero K))
    (tabulate 1 3 (fun _ i => if i == 2%N then one K else zero K)) E t.
Definition published_rows_exec d N c a X Y xq : seq (seq T) :=
  rows_of N d (published_layer_exec d c a (interleaved_exec d N X Y xq)).

(* The published layer as one with a quadratic input gate and a linear output gate: row t < N. *)
Definition quadratic_exec d (Q : nat -> nat -> T) U t : T :=
  total d (fun v => mul (total d (fun u => mul (at_ U t u) (Q u v))) (at_ U t v)).
Definition published_gate_exec d w (i j u v : nat) : T :=
  total 3 (fun r => total 3 (fun s =>
    mul (at_ w r s) (if (u == r * d + j)%N && (v == s * d + i)%N then one K else zero K))).
Definition published_read_exec d (C D : seq (seq T)) (l i j u : nat) : T :=
  total 3 (fun r => mul (mul (at_ C l i) (at_ D 0 r)) (if (u == r * d + j)%N then one K else zero K)).
Definition gated_layer_exec d N w decay C D X Y xq t : seq (seq T) :=
  let U := window_exec d d N X Y xq in
  let S := foldl (fun S s => tabulate d d (fun i j => add (mul (at_ decay j i) (at_ S i j))
             (quadratic_exec (d + (d + d)) (published_gate_exec d w i j) U s))) (mat_zero K d d) (iota 0 t.+1) in
  tabulate d 1 (fun l _ => total d (fun i => total d (fun j =>
    mul (at_ S i j) (total (d + (d + d)) (fun u => mul (published_read_exec d C D l i j u) (at_ U t u)))))).

(* Two LTI systems, one after the other; and one with a multiplicative output gate. *)
Definition lti_rows_exec n d m A B b C D e count U : seq (seq T) :=
  rows_of count m (fun t => lti_output_exec n d m A B b C D e t.+1 t U).
Definition lti_stack_exec n d w A B b C D e n' m A' B' b' C' D' e' t U : seq (seq T) :=
  lti_output_exec n' w m A' B' b' C' D' e' t.+1 t (lti_rows_exec n d w A B b C D e t.+1 U).
Definition output_gated_exec n d p m A B b C G D H e g P t q U : seq (seq T) :=
  mat_mul m p 1 P (tabulate p 1 (fun i _ => mul (at_ (lti_output_exec n d p A B b C D e t q U) i 0)
                                                (at_ (lti_output_exec n d p A B b G H g t q U) i 0))).

(* Gated linear attention, and the keys as they have faded after N tokens. r is a row. *)
Definition gated_attention_exec m f (alpha r V X : seq (seq T)) N : seq (seq T) :=
  foldl (fun Z s => tabulate m f (fun i j => add (mul (at_ alpha s j) (at_ Z i j))
                                                 (mul (at_ r 0 s) (mul (at_ V s i) (at_ X s j)))))
    (mat_zero K m f) (iota 0 N).
Definition faded_keys_exec f N (alpha X : seq (seq T)) : seq (seq T) :=
  tabulate N f (fun t j => mul (foldr (fun s => mul (at_ alpha s j)) (one K) (iota t.+1 (N - t.+1))) (at_ X t j)).

End Programs.

Section Refinement.
Variables (K : arithmetic) (F : fieldType) (phi : scalar K -> F).
Hypothesis phiM : morphism phi.
Notation T := (scalar K).
Notation mat := (mat phi).
Notation stream := (stream phi).
Implicit Types (c a : T) (E X Y U xq : seq (seq T)).

Let phiE := (phi_zero phiM, phi_one phiM, phi_add phiM, phi_mul phiM, phi_opp phiM, phi_inv phiM).
Let zeroE := (mat_zeroE phiM).

Lemma phi_if (b : bool) : phi (if b then one K else zero K) = b%:R.
Proof. by case: b; rewrite phiE. Qed.

Lemma interleaved_execE d N X Y xq j : (j < N.*2.+1)%N ->
  stream d (interleaved_exec d N X Y xq) j = interleaved N (stream d X) (stream d Y) (stream d xq 0) j.
Proof.
move=> j_N; apply/colP=> i; rewrite [LHS]mxE (at_tabulate _ (Ordinal j_N)) /interleaved /=.
by do 2?case: ifP => _; rewrite [RHS]mxE.
Qed.

(* Equal tokens, equal rows: row t reads the tokens up to 2t + 2. *)
Lemma eq_gd_ssm_layer d (w : 'M[F]_3) (decay C : 'M[F]_d) (D : 'cV[F]_3) (e e' : nat -> 'cV[F]_d) t :
  (forall j, (j < t.+1.*2.+1)%N -> e j = e' j) -> gd_ssm_layer w decay C D e t = gd_ssm_layer w decay C D e' t.
Proof.
move=> eq_e; have eq_window s : (s <= t)%N -> token_window e s = token_window e' s.
  move=> s_t; apply/matrixP=> a j; rewrite !mxE eq_e //.
  rewrite ltnS (leq_trans (_ : _ <= s.*2 + 2)%N) //; first by rewrite leq_add2l -ltnS ltn_ord.
  by rewrite addn2 doubleS !ltnS leq_double.
rewrite /gd_ssm_layer eq_window //; congr (_ *m _ *m _); apply: eq_gated_state => s s_t.
by rewrite eq_window.
Qed.

Theorem published_rows_execE d N c a X Y xq t : (t < N)%N ->
  stream d (published_rows_exec d N c a X Y xq) t =
    published_layer (phi c) (phi a) (interleaved N (stream d X) (stream d Y) (stream d xq 0)) t.
Proof.
move=> t_N; rewrite stream_rows // (gd_ssm_layer_execE phiM) /published_layer.
have -> : mat 3 3 (tabulate 3 3 (fun i j => if (i == 0%N) && (j == 1%N) then one K else zero K)) = delta_mx 0 1.
  by rewrite (mat_tabulate phi); apply/matrixP=> i j; rewrite !mxE phi_if.
have -> : mat d d (tabulate d d (fun _ _ => a)) = const_mx (phi a).
  by rewrite (mat_tabulate phi); apply/matrixP=> i j; rewrite !mxE.
have -> : mat d d (tabulate d d (fun i j => if i == j then opp c else zero K)) = (- phi c)%:M.
  by rewrite (mat_tabulate phi); apply/matrixP=> i j; rewrite !mxE -val_eqE; case: eqP; rewrite phiE ?mulr1n ?mulr0n.
have -> : stream 3 (tabulate 1 3 (fun _ i => if i == 2%N then one K else zero K)) 0 = delta_mx (inord 2) 0.
  apply/colP=> i; rewrite [LHS]mxE (at_tabulate _ (0 : 'I_1)) phi_if !mxE andbT; congr (_%:R).
  by rewrite -val_eqE /= inordK.
apply: eq_gd_ssm_layer => j j_t; apply: interleaved_execE.
by rewrite (leq_trans j_t) // ltnS leq_double.
Qed.

Lemma place_val d (a : 'I_3) (j : 'I_d) : val (place a j) = (a * d + j)%N.
Proof.
by case: a => -[|[|[|//]]] a_3; rewrite /place /= ?mul0n ?mul1n // mulSn mul1n addnA.
Qed.

Theorem gated_layer_execE d N w decay C D X Y xq t : (t < N)%N ->
  mat d 1 (gated_layer_exec d N w decay C D X Y xq t) =
    gated_layer (fun=> (mat d d decay)^T) (published_Q (mat 3 3 w)) (published_D (mat d d C) (stream 3 D 0)) 0 t.+1 t
      (window N (stream d X) (stream d Y) (stream d xq 0)).
Proof.
move=> t_N; set U := window_exec d d N X Y xq; set u := window N _ _ _.
have seen s (j : 'I_(d + (d + d))) : (s < N)%N -> phi (at_ U s j) = u s j 0.
  by move=> s_N; rewrite /u -(window_execE phiM) // mxE.
have gate (i j : 'I_d) k l : phi (published_gate_exec d w i j k l) =
    \sum_(a < 3) \sum_(b < 3) mat 3 3 w a b * ((k == place a j) && (l == place b i))%:R.
  rewrite (phi_total phiM); apply: eq_bigr => a _; rewrite (phi_total phiM); apply: eq_bigr => b _.
  by rewrite phiE phi_if !mxE !place_val.
have driven s (i j : 'I_d) : (s < N)%N -> phi (quadratic_exec (d + (d + d)) (published_gate_exec d w i j) U s) =
    quadratic_gate (published_Q (mat 3 3 w)) (u s) i j.
  move=> s_N; rewrite (phi_total phiM) [RHS]mxE [RHS]mxE; apply: eq_bigr => v _; rewrite phiE seen //; congr (_ * _).
  rewrite (phi_total phiM) [RHS]mxE; apply: eq_bigr => k _; rewrite phiE seen // [_^T _ _]mxE; congr (_ * _).
  rewrite gate /published_Q summxE; apply: eq_bigr => a _; rewrite summxE; apply: eq_bigr => b _.
  by rewrite !mxE.
rewrite /gated_layer_exec -/U; set S := foldl _ _ _; have state : mat d d S =
    gated_state (fun=> (mat d d decay)^T) (fun s => quadratic_gate (published_Q (mat 3 3 w)) (u s)) 0 t.+1.
  rewrite /S; elim: t.+1 t_N => [|n IH] n_N; first by rewrite zeroE.
  rewrite iota_last foldl_rcons /= -IH ?(ltnW n_N) // (mat_tabulate phi); apply/matrixP=> i j.
  by rewrite mxE [RHS]mxE !phiE driven // [_^T _ _]mxE ![mat _ _ _ _ _]mxE.
rewrite (mat_tabulate phi); apply/colP=> l; rewrite mxE [RHS]mxE (phi_total phiM); apply: eq_bigr => i _.
rewrite (phi_total phiM); apply: eq_bigr => j _; rewrite phiE -state [mat _ _ S i j]mxE; congr (_ * _).
rewrite (phi_total phiM) [RHS]mxE; apply: eq_bigr => k _; rewrite phiE seen //; congr (_ * _).
rewrite (phi_total phiM) /published_D summxE; apply: eq_bigr => a _; rewrite !phiE phi_if !mxE.
by rewrite eqxx -val_eqE place_val.
Qed.

Theorem lti_stack_execE n d w (A B b C D e : seq (seq T)) n' m (A' B' b' C' D' e' : seq (seq T)) t U :
  mat m 1 (lti_stack_exec n d w A B b C D e n' m A' B' b' C' D' e' t U) =
    stack_output (first_layer (mat n n A) (mat n d B) (stream n b 0) 0 (mat w n C) (mat w d D) (stream w e 0)
      (first_layer (mat n' n' A') (mat n' w B') (stream n' b' 0) 0 (mat m n' C') (mat m w D') (stream m e' 0)
        (no_layer F m))) (stream d U) t.
Proof.
rewrite (lti_output_execE phiM) /=; have row s : (s < t.+1)%N -> stream w (lti_rows_exec n d w A B b C D e t.+1 U) s =
    lti_output (mat n n A) (mat n d B) (stream n b 0) 0 (mat w n C) (mat w d D) (stream w e 0) s.+1 s (stream d U).
  by move=> s_t; rewrite stream_rows // (lti_output_execE phiM).
by rewrite /lti_output (eq_lti_state _ _ _ _ row) row.
Qed.

Theorem output_gated_execE n d p m (A B b C G D H e g P : seq (seq T)) t q U :
  mat m 1 (output_gated_exec n d p m A B b C G D H e g P t q U) =
    output_gated (mat n n A) (mat n d B) (stream n b 0) 0 (mat p n C) (mat p n G) (mat p d D) (mat p d H)
      (stream p e 0) (stream p g 0) (mat m p P) t q (stream d U).
Proof.
rewrite (mat_mulE phiM) /output_gated; congr (_ *m _); rewrite (mat_tabulate phi); apply/matrixP=> i j.
by rewrite mxE [RHS]mxE phiE -!(lti_output_execE phiM) ![mat p 1 _ _ _]mxE.
Qed.

Theorem gated_attention_execE m f alpha r V X N :
  mat m f (gated_attention_exec m f alpha r V X N) =
    gated_attention (stream f alpha) (fun s => phi (at_ r 0 s)) (stream m V) (stream f X) N.
Proof.
rewrite /gated_attention_exec /gated_attention; elim: N => [|N IH]; first by rewrite zeroE.
rewrite iota_last foldl_rcons /= -IH (mat_tabulate phi); apply/matrixP=> i j.
by rewrite mxE [RHS]mxE !phiE !mxE big_ord1 !mxE.
Qed.

Theorem faded_keys_execE f N alpha X t : (t < N)%N ->
  stream f (faded_keys_exec f N alpha X) t = faded_key N (stream f alpha) (stream f X) t.
Proof.
move=> t_N; apply/colP=> j; rewrite [LHS]mxE (at_tabulate _ (Ordinal t_N)) [RHS]mxE phiE [stream f X t j 0]mxE.
congr (_ * _); rewrite /= unlock /= /reducebig /index_iota.
by elim: (iota _ _) => [|s l IH] /=; rewrite ?phiE // IH mxE.
Qed.

End Refinement.
