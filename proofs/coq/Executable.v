(* The definitions as programs on lists, over any arithmetic, and the theorem for each that it computes the definition.

   mathcomp's matrices and sums are made for proofs, not for evaluation. Here an array is a list of rows, an entry is a
   scalar of an `arithmetic`, and `phi` maps such scalars to a field so that the operations agree. Each theorem
   `..._execE` says: the program's result, seen through phi, is the definition's value on the data seen through phi.
   ExecutableQ.v gives the arithmetic that is evaluated: binary fractions. *)
From mathcomp Require Import all_ssreflect all_algebra.
From ssmproof Require Import Definitions GatedAccumulator.

Set Implicit Arguments.
Unset Strict Implicit.
Unset Printing Implicit Defensive.
Import GRing.Theory.
Local Open Scope ring_scope.

Record arithmetic := Arithmetic {
  scalar : Type;
  zero : scalar;
  one : scalar;
  add : scalar -> scalar -> scalar;
  mul : scalar -> scalar -> scalar;
  opp : scalar -> scalar;
  inv : scalar -> scalar
}.

Section Programs.
Variable K : arithmetic.
Notation T := (scalar K).
Implicit Types (c : T) (A B W X Y : seq (seq T)).

(* Arrays: entry, the array of a function, and a sum. Entries outside are 0. *)
Definition at_ (A : seq (seq T)) (i j : nat) : T := nth (zero K) (nth [::] A i) j.
Definition tabulate (p q : nat) (g : nat -> nat -> T) : seq (seq T) := mkseq (fun i => mkseq (g i) q) p.
Definition total (n : nat) (g : nat -> T) : T := foldr (fun i s => add (g i) s) (zero K) (iota 0 n).
Definition number (n : nat) : T := total n (fun=> one K).

Definition mat_add p q A B := tabulate p q (fun i j => add (at_ A i j) (at_ B i j)).
Definition mat_sub p q A B := tabulate p q (fun i j => add (at_ A i j) (opp (at_ B i j))).
Definition mat_scale p q c A := tabulate p q (fun i j => mul c (at_ A i j)).
Definition mat_mul p n q A B := tabulate p q (fun i j => total n (fun k => mul (at_ A i k) (at_ B k j))).
Definition mat_id n := tabulate n n (fun i j => if i == j then one K else zero K).
Definition mat_zero p q := tabulate p q (fun _ _ => zero K).
(* Row t of X as a column; v k^T of rows t of V and X; rows from columns. *)
Definition col X p t := tabulate p 1 (fun i _ => at_ X t i).
Definition outer p q V X t := tabulate p q (fun i j => mul (at_ V t i) (at_ X t j)).
Definition rows_of n p (g : nat -> seq (seq T)) := mkseq (fun t => mkseq (fun i => at_ (g t) i 0) p) n.

(* Layers *)
Definition gated_state_exec p q (a u : seq (seq (seq T))) (Z0 : seq (seq T)) (t : nat) : seq (seq T) :=
  foldl (fun Z s => tabulate p q (fun i j =>
    add (mul (at_ (nth [::] a s) i j) (at_ Z i j)) (at_ (nth [::] u s) i j))) Z0 (iota 0 t).
Definition gd_ssm_state_exec p q V X t : seq (seq T) :=
  foldl (fun Z s => mat_add p q Z (outer p q V X s)) (mat_zero p q) (iota 0 t).
(* Residuals y_t - W x_t, as rows. *)
Definition residuals m f N W X Y : seq (seq T) :=
  rows_of N m (fun t => mat_sub m 1 (col Y m t) (mat_mul m f 1 W (col X f t))).
Definition gd_ssm_output_exec m f N c W X Y xq : seq (seq T) :=
  mat_add m 1 (mat_mul m f 1 W (col xq f 0))
    (mat_scale m 1 c (mat_mul m f 1 (gd_ssm_state_exec m f (residuals m f N W X Y) X N) (col xq f 0))).

(* Learners *)
Definition loss_exec m f N W X Y : T :=
  let R := residuals m f N W X Y in
  mul (inv (mul (number 2) (number N))) (total N (fun t => total m (fun i => mul (at_ R t i) (at_ R t i)))).
Definition gradient_exec m f N W X Y : seq (seq T) :=
  mat_scale m f (opp (inv (number N))) (gd_ssm_state_exec m f (residuals m f N W X Y) X N).
Definition gd_step_exec m f N eta W X Y : seq (seq T) := mat_sub m f W (mat_scale m f eta (gradient_exec m f N W X Y)).
Definition gd_exec m f N eta k W X Y : seq (seq T) := iter k (fun W => gd_step_exec m f N eta W X Y) W.

End Programs.

Record morphism (K : arithmetic) (F : fieldType) (phi : scalar K -> F) : Prop := Morphism {
  phi_zero : phi (zero K) = 0;
  phi_one : phi (one K) = 1;
  phi_add : forall a b, phi (add a b) = phi a + phi b;
  phi_mul : forall a b, phi (mul a b) = phi a * phi b;
  phi_opp : forall a, phi (opp a) = - phi a;
  phi_inv : forall a, phi (inv a) = (phi a)^-1
}.

Section Refinement.
Variables (K : arithmetic) (F : fieldType) (phi : scalar K -> F).
Hypothesis phiM : morphism phi.
Notation T := (scalar K).
Implicit Types (c : T) (A B W X Y V : seq (seq T)).

Let phiE := (phi_zero phiM, phi_one phiM, phi_add phiM, phi_mul phiM, phi_opp phiM, phi_inv phiM).

(* An array seen as a matrix, and its rows as a stream of columns. *)
Definition mat p q A : 'M[F]_(p, q) := \matrix_(i, j) phi (at_ A i j).
Definition stream p X (t : nat) : 'cV[F]_p := \col_i phi (at_ X t i).

Lemma at_tabulate p q g (i : 'I_p) (j : 'I_q) : at_ (tabulate p q g) i j = g i j :> T.
Proof. by rewrite /at_ /tabulate nth_mkseq // nth_mkseq. Qed.

Lemma mat_tabulate p q g : mat p q (tabulate p q g) = \matrix_(i, j) phi (g (i : nat) (j : nat)).
Proof. by apply/matrixP=> i j; rewrite !mxE at_tabulate. Qed.

Lemma phi_total n g : phi (total n g) = \sum_(i < n) phi (g i).
Proof.
rewrite /total -(big_mkord xpredT (fun i => phi (g i))) unlock /= /reducebig /index_iota subn0.
by elim: (iota 0 n) => [|i s IH] /=; rewrite phiE // IH.
Qed.

Lemma phi_number n : phi (number K n) = n%:R.
Proof. by rewrite phi_total phiE sumr_const card_ord. Qed.

Lemma mat_addE p q A B : mat p q (mat_add p q A B) = mat p q A + mat p q B.
Proof. by rewrite mat_tabulate; apply/matrixP=> i j; rewrite !mxE phiE. Qed.

Lemma mat_subE p q A B : mat p q (mat_sub p q A B) = mat p q A - mat p q B.
Proof. by rewrite mat_tabulate; apply/matrixP=> i j; rewrite !mxE !phiE. Qed.

Lemma mat_scaleE p q c A : mat p q (mat_scale p q c A) = phi c *: mat p q A.
Proof. by rewrite mat_tabulate; apply/matrixP=> i j; rewrite !mxE phiE. Qed.

Lemma mat_mulE p n q A B : mat p q (mat_mul p n q A B) = mat p n A *m mat n q B.
Proof.
rewrite mat_tabulate; apply/matrixP=> i j; rewrite !mxE phi_total.
by apply: eq_bigr => k _; rewrite !mxE phiE.
Qed.

Lemma mat_idE n : mat n n (mat_id K n) = 1%:M.
Proof. by rewrite mat_tabulate; apply/matrixP=> i j; rewrite !mxE -val_eqE; case: eqP; rewrite phiE. Qed.

Lemma mat_zeroE p q : mat p q (mat_zero K p q) = 0.
Proof. by rewrite mat_tabulate; apply/matrixP=> i j; rewrite !mxE phiE. Qed.

Lemma colE p X t : mat p 1 (col X p t) = stream p X t.
Proof. by rewrite mat_tabulate; apply/matrixP=> i j; rewrite !mxE. Qed.

Lemma outerE p q V X t : mat p q (outer p q V X t) = stream p V t *m (stream q X t)^T.
Proof. by rewrite mat_tabulate; apply/matrixP=> i j; rewrite !mxE big_ord1 !mxE phiE. Qed.

Lemma stream_rows n p (g : nat -> seq (seq T)) t : (t < n)%N -> stream p (rows_of n p g) t = mat p 1 (g t).
Proof. by move=> t_n; apply/matrixP=> i j; rewrite !mxE /at_ !nth_mkseq // ord1. Qed.

(* From here on the array operations are known by these equations only (evaluation is not concerned). *)
Opaque mat_add mat_sub mat_scale mat_mul mat_id mat_zero col outer rows_of total number.

Definition arrayE := (mat_addE, mat_subE, mat_scaleE, mat_mulE, mat_idE, mat_zeroE, colE, outerE).

Lemma iota_last t : iota 0 t.+1 = rcons (iota 0 t) t.
Proof. by rewrite -addn1 iotaD cats1. Qed.

Theorem gated_state_execE p q a u Z0 t :
  mat p q (gated_state_exec p q a u Z0 t) =
    gated_state (fun s => mat p q (nth [::] a s)) (fun s => mat p q (nth [::] u s)) (mat p q Z0) t.
Proof.
rewrite /gated_state_exec; elim: t => [//|t IH]; rewrite iota_last foldl_rcons mat_tabulate /= -IH.
by apply/matrixP=> i j; rewrite !mxE !phiE.
Qed.

Theorem gd_ssm_state_execE m f V X t :
  mat m f (gd_ssm_state_exec m f V X t) = gd_ssm_state (stream m V) (stream f X) t.
Proof.
rewrite /gd_ssm_state_exec /gd_ssm_state; elim: t => [|t IH]; first by rewrite mat_zeroE.
by rewrite iota_last foldl_rcons !arrayE IH /=; apply/matrixP=> i j; rewrite !mxE mul1r.
Qed.

Opaque gd_ssm_state_exec.

(* A stream may be replaced by one that agrees on the tokens that are read. *)
Lemma eq_gd_ssm_state m f (v v' : nat -> 'cV[F]_m) (k : nat -> 'cV[F]_f) t :
  (forall s, (s < t)%N -> v s = v' s) -> gd_ssm_state v k t = gd_ssm_state v' k t.
Proof. by move=> eq_v; apply: eq_gated_state => s /eq_v ->. Qed.

Lemma residualsE m f N W X Y t : (t < N)%N ->
  stream m (residuals m f N W X Y) t = stream m Y t - mat m f W *m stream f X t.
Proof. by move=> t_N; rewrite stream_rows // !arrayE. Qed.

Theorem gd_ssm_output_execE m f N c W X Y xq :
  mat m 1 (gd_ssm_output_exec m f N c W X Y xq) =
    gd_ssm_output N (phi c) (mat m f W) (stream f X) (stream m Y) (stream f xq 0).
Proof.
rewrite /gd_ssm_output mat_addE mat_scaleE !mat_mulE !colE gd_ssm_state_execE.
by rewrite (eq_gd_ssm_state _ (fun t => @residualsE m f N W X Y t)).
Qed.

Theorem loss_execE m f N W X Y :
  phi (loss_exec m f N W X Y) = loss N (stream f X) (stream m Y) (mat m f W).
Proof.
rewrite /loss_exec /loss !(phi_number, phiE) phi_total; congr (_ * _); apply: eq_bigr => t _.
rewrite phi_total /square_norm -opprB -(@residualsE m f N W X Y t (ltn_ord t)); apply: eq_bigr => i _.
by rewrite phiE // -expr2 !mxE sqrrN.
Qed.

Theorem gradient_execE m f N W X Y :
  mat m f (gradient_exec m f N W X Y) = gradient N (stream f X) (stream m Y) (mat m f W).
Proof.
rewrite /gradient_exec !arrayE gd_ssm_state_execE !(phi_number, phiE) scaleNr -scalerN; congr (_ *: _).
rewrite gd_ssm_state_sum -sumrN; apply: eq_bigr => t _.
by rewrite -mulNmx residualsE // opprB.
Qed.

Theorem gd_step_execE m f N eta W X Y :
  mat m f (gd_step_exec m f N eta W X Y) = gd_step N (stream f X) (stream m Y) (phi eta) (mat m f W).
Proof. by rewrite mat_subE mat_scaleE gradient_execE. Qed.

Theorem gd_execE m f N eta k W X Y :
  mat m f (gd_exec m f N eta k W X Y) = gd N (stream f X) (stream m Y) (phi eta) k (mat m f W).
Proof. by rewrite /gd_exec /gd; elim: k => [//|k IH]; rewrite !iterS gd_step_execE IH. Qed.

End Refinement.
