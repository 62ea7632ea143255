(* The gradient is the gradient: the exact second-order expansion of the loss in every direction, and uniqueness of
   the matrix that has it. No calculus library is needed, since the loss is quadratic. *)
From mathcomp Require Import all_ssreflect all_algebra.
From ssmproof Require Import Definitions.

Set Implicit Arguments.
Unset Strict Implicit.
Unset Printing Implicit Defensive.
Import GRing.Theory.
Local Open Scope ring_scope.

Section InnerProduct.
Variable R : comRingType.

Lemma innerE m f (A B : 'M[R]_(m, f)) : inner A B = \sum_i \sum_j A i j * B i j.
Proof. by apply: eq_bigr => i _; rewrite mxE; apply: eq_bigr => j _; rewrite mxE. Qed.

Lemma innerDl m f (A B C : 'M[R]_(m, f)) : inner (A + B) C = inner A C + inner B C.
Proof. by rewrite /inner mulmxDl linearD. Qed.

Lemma innerZl m f c (A B : 'M[R]_(m, f)) : inner (c *: A) B = c * inner A B.
Proof. by rewrite /inner -scalemxAl linearZ. Qed.

Lemma inner_suml m f N (A : 'I_N -> 'M[R]_(m, f)) B : inner (\sum_(i < N) A i) B = \sum_(i < N) inner (A i) B.
Proof. by rewrite /inner mulmx_suml linear_sum. Qed.

Lemma inner_delta m f (A : 'M[R]_(m, f)) i j : inner A (delta_mx i j) = A i j.
Proof.
rewrite innerE (bigD1 i) //= (bigD1 j) //= !mxE !eqxx mulr1 !big1 ?addr0 // => [k neq|k neq].
  by rewrite big1 // => l _; rewrite mxE (negPf neq) mulr0.
by rewrite mxE (negPf neq) andbF mulr0.
Qed.

(* <r x^T, H> = <r, H x> *)
Lemma inner_outer m f (r : 'cV[R]_m) (x : 'cV[R]_f) (H : 'M[R]_(m, f)) : inner (r *m x^T) H = inner r (H *m x).
Proof. by rewrite /inner -mulmxA -trmx_mul. Qed.

Lemma square_normE m (v : 'cV[R]_m) : square_norm v = inner v v.
Proof. by rewrite innerE; apply: eq_bigr => i _; rewrite big_ord1 expr2. Qed.

Lemma innerC m f (A B : 'M[R]_(m, f)) : inner A B = inner B A.
Proof. by rewrite !innerE; apply: eq_bigr => i _; apply: eq_bigr => j _; rewrite mulrC. Qed.

Lemma square_norm_add m (v w : 'cV[R]_m) t :
  square_norm (v + t *: w) = square_norm v + t * (2%:R * inner v w) + t ^+ 2 * square_norm w.
Proof.
have innerDr A B C : inner A (B + C) = inner A B + inner A C :> R by rewrite innerC innerDl ![inner _ A]innerC.
have innerZr A c B : inner A (c *: B) = c * inner A B :> R by rewrite innerC innerZl innerC.
rewrite !square_normE innerDl !innerDr !innerZl !innerZr [inner w v]innerC expr2 -!mulrA -!addrA; congr (_ + _).
by rewrite addrA mulr_natl mulr2n mulrDr.
Qed.

End InnerProduct.

Section LossGradient.
Variable F : fieldType.
Hypothesis two_neq0 : 2%:R != 0 :> F.
Variables (f m N : nat) (x : nat -> 'cV[F]_f) (y : nat -> 'cV[F]_m).

(* L(W + tH) = L(W) + t <grad L(W), H> + t^2 (2N)^-1 sum |H x_i|^2, for every direction H and every t. *)
Theorem loss_expansion (W H : 'M[F]_(m, f)) (t : F) :
  loss N x y (W + t *: H) =
    loss N x y W + t * inner (gradient N x y W) H + t ^+ 2 * ((2 * N%:R)^-1 * \sum_(i < N) square_norm (H *m x i)).
Proof.
have split_residual i : (W + t *: H) *m x i - y i = (W *m x i - y i) + t *: (H *m x i).
  by rewrite mulmxDl -scalemxAl addrAC.
rewrite /loss; under eq_bigr do rewrite split_residual square_norm_add.
rewrite !big_split /= -!mulr_sumr !mulrDr; congr (_ + _ + _); last by rewrite mulrCA.
rewrite mulrCA; congr (_ * _); rewrite /gradient innerZl inner_suml.
rewrite mulrA invfM [2%:R^-1 * _]mulrC mulfVK //; congr (_ * _).
by apply: eq_bigr => i _; rewrite inner_outer.
Qed.

(* Any matrix with that expansion is the gradient. *)
Theorem gradient_unique (W G : 'M[F]_(m, f)) :
  (forall H t, loss N x y (W + t *: H) =
     loss N x y W + t * inner G H + t ^+ 2 * ((2 * N%:R)^-1 * \sum_(i < N) square_norm (H *m x i))) ->
  G = gradient N x y W.
Proof.
move=> expansion; apply/matrixP=> i j; rewrite -!inner_delta.
have := expansion (delta_mx i j) 1; rewrite loss_expansion => /addIr/addrI.
by rewrite !mul1r.
Qed.

End LossGradient.
