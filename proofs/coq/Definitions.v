(* Definitions shared by the theorems: the regression problem, its learners, and the sequence layers.

   A context is a pair of streams x : nat -> 'cV_f (inputs) and y : nat -> 'cV_m (targets), of which the first N
   entries count; f, m and N are arbitrary and may be 0. Division by zero is 0, as everywhere in mathcomp.
   Nothing is proved here; the learner's side and the layer's side never refer to each other. *)
From mathcomp Require Import all_ssreflect all_algebra.

Set Implicit Arguments.
Unset Strict Implicit.
Unset Printing Implicit Defensive.
Import GRing.Theory.
Local Open Scope ring_scope.

(* ------------------------------------------------------------------------------------------------ *)
(* Matrices over a commutative ring                                                                  *)

Section Matrices.
Variable R : comRingType.

(* The inner product of two matrices, and the squared Euclidean norm of a vector. *)
Definition inner m f (A B : 'M[R]_(m, f)) : R := \tr (A *m B^T).
Definition square_norm m (v : 'cV[R]_m) : R := \sum_i v i 0 ^+ 2.

(* The k-th power of a square matrix of any size (mathcomp's own power wants a size that is a successor). *)
Fixpoint matrix_power n (A : 'M[R]_n) (k : nat) : 'M[R]_n :=
  if k is j.+1 then matrix_power A j *m A else 1%:M.

(* 1 + A + ... + A^(k-1). *)
Definition geometric_sum n (A : 'M[R]_n) (k : nat) : 'M[R]_n := \sum_(j < k) matrix_power A j.

(* Sums over the context: G = sum x x^T and B = sum y x^T. *)
Definition input_moment f (N : nat) (x : nat -> 'cV[R]_f) : 'M[R]_f := \sum_(i < N) x i *m (x i)^T.
Definition cross_moment m f (N : nat) (y : nat -> 'cV[R]_m) (x : nat -> 'cV[R]_f) : 'M[R]_(m, f) :=
  \sum_(i < N) y i *m (x i)^T.

End Matrices.

(* ------------------------------------------------------------------------------------------------ *)
(* Layers                                                                                            *)

Section Layers.
Variable R : comRingType.

(* Diagonal recurrence on a matrix state: Z_(t+1) = a_t * Z_t + u_t, entry by entry. *)
Fixpoint gated_state p q (a u : nat -> 'M[R]_(p, q)) (Z0 : 'M[R]_(p, q)) (t : nat) : 'M[R]_(p, q) :=
  if t is s.+1 then \matrix_(i, j) (a s i j * gated_state a u Z0 s i j + u s i j) else Z0.

(* The GD-SSM's state: transition 1, input gate = the product of value and key; 'Z_t' after t pairs. *)
Definition gd_ssm_state m f (v : nat -> 'cV[R]_m) (k : nat -> 'cV[R]_f) (t : nat) : 'M[R]_(m, f) :=
  gated_state (fun=> const_mx 1) (fun s => v s *m (k s)^T) 0 t.

(* The GD-SSM from W0: values are the residuals y - W0 x, the output gate multiplies the state by the query. *)
Definition gd_ssm_output m f (N : nat) (c : R) (W0 : 'M[R]_(m, f)) (x : nat -> 'cV[R]_f) (y : nat -> 'cV[R]_m)
    (xq : 'cV[R]_f) : 'cV[R]_m :=
  W0 *m xq + c *: (gd_ssm_state (fun s => y s - W0 *m x s) x N *m xq).

(* Two passes: every token j holds a residual r_j and reads the FINAL state; the query holds a prediction. A layer
   moves both along the state. The stack repeats one and the same layer k times. *)
Definition two_pass_layer m f (N : nat) (c : R) (x : nat -> 'cV[R]_f) (xq : 'cV[R]_f)
    (s : (nat -> 'cV[R]_m) * 'cV[R]_m) : (nat -> 'cV[R]_m) * 'cV[R]_m :=
  (fun j => s.1 j - c *: (gd_ssm_state s.1 x N *m x j), s.2 + c *: (gd_ssm_state s.1 x N *m xq)).

(* Causal: token j reads the state of its own prefix, itself included; only the query reads the final state. *)
Definition causal_layer m f (N : nat) (c : R) (x : nat -> 'cV[R]_f) (xq : 'cV[R]_f)
    (s : (nat -> 'cV[R]_m) * 'cV[R]_m) : (nat -> 'cV[R]_m) * 'cV[R]_m :=
  (fun j => s.1 j - c *: (gd_ssm_state s.1 x j.+1 *m x j), s.2 + c *: (gd_ssm_state s.1 x N *m xq)).

(* What both stacks start from, at weights W0. *)
Definition stack_start m f (W0 : 'M[R]_(m, f)) (x : nat -> 'cV[R]_f) (y : nat -> 'cV[R]_m) (xq : 'cV[R]_f) :
    (nat -> 'cV[R]_m) * 'cV[R]_m :=
  (fun j => y j - W0 *m x j, W0 *m xq).

Definition two_pass_stack m f (N : nat) (c : R) (W0 : 'M[R]_(m, f)) x y xq (k : nat) :=
  iter k (two_pass_layer N c x xq) (stack_start W0 x y xq).
Definition causal_stack m f (N : nat) (c : R) (W0 : 'M[R]_(m, f)) x y xq (k : nat) :=
  iter k (causal_layer N c x xq) (stack_start W0 x y xq).

(* A stream's first N entries as the columns of a matrix, the Gram matrix, and the part of it on or above the diagonal:
   entry (s, t) is x_s . x_t if token t may read token s. *)
Definition columns m (N : nat) (v : nat -> 'cV[R]_m) : 'M[R]_(m, N) := \matrix_(i, j) v j i 0.
Definition gram f (N : nat) (x : nat -> 'cV[R]_f) : 'M[R]_N := \matrix_(s, t) ((x s)^T *m x t) 0 0.
Definition causal_gram f (N : nat) (x : nat -> 'cV[R]_f) : 'M[R]_N :=
  \matrix_(s, t) if (s <= t)%N then ((x s)^T *m x t) 0 0 else 0.

(* Two accumulators, Z2 = -c sum x x^T and Z3 = -c sum y x^T, and one matrix product a step:
   E_0 = -W0, E_(j+1) = E_j (1 + Z2) + Z3. *)
Definition two_accumulators m f (N : nat) (c : R) (W0 : 'M[R]_(m, f)) (x : nat -> 'cV[R]_f) (y : nat -> 'cV[R]_m)
    (k : nat) : 'M[R]_(m, f) :=
  iter k (fun E => E *m (1%:M - c *: gd_ssm_state x x N) - c *: gd_ssm_state y x N) (- W0).

(* The delta rule as published: W <- W (1 - beta k k^T) + beta v k^T, token after token. *)
Fixpoint delta_rule m f (beta : nat -> R) (x : nat -> 'cV[R]_f) (y : nat -> 'cV[R]_m) (W0 : 'M[R]_(m, f)) (t : nat) :
    'M[R]_(m, f) :=
  if t is s.+1 then
    delta_rule beta x y W0 s *m (1%:M - beta s *: (x s *m (x s)^T)) + beta s *: (y s *m (x s)^T)
  else W0.

(* Linear self-attention with a residual connection; tokens 0..N-1 are keys and values, every token is a query. *)
Definition lsa_layer d (N : nat) (WK WQ WV P : 'M[R]_d) (e : nat -> 'cV[R]_d) (j : nat) : 'cV[R]_d :=
  e j + P *m (\sum_(i < N) (WV *m e i) *m (WK *m e i)^T *m (WQ *m e j)).

(* The constructed weights, and the tokens: (x_j, y_j) for the context, (xq, -W0 xq) for the query at place N. *)
Definition lsa_key f m : 'M[R]_(f + m) := block_mx 1%:M 0 0 0.
Definition lsa_value m f (W0 : 'M[R]_(m, f)) : 'M[R]_(f + m) := block_mx 0 0 W0 (- 1%:M).
Definition lsa_tokens m f (N : nat) (W0 : 'M[R]_(m, f)) (x : nat -> 'cV[R]_f) (y : nat -> 'cV[R]_m) (xq : 'cV[R]_f)
    (j : nat) : 'cV[R]_(f + m) :=
  if (j < N)%N then col_mx (x j) (y j) else col_mx xq (- (W0 *m xq)).
Definition lsa_stack m f (N : nat) (c : R) (W0 : 'M[R]_(m, f)) x y xq (k : nat) : nat -> 'cV[R]_(f + m) :=
  iter k (lsa_layer N (lsa_key f m) (lsa_key f m) (lsa_value W0) c%:M) (lsa_tokens N W0 x y xq).

(* A layer with a scalar decay g_t a token (RetNet: constant; Mamba-2: a function of the token), from W0. *)
Definition discounted_state m f (g : nat -> R) (v : nat -> 'cV[R]_m) (k : nat -> 'cV[R]_f) (t : nat) :
    'M[R]_(m, f) :=
  gated_state (fun s => const_mx (g s)) (fun s => v s *m (k s)^T) 0 t.
Definition discounted_output m f (N : nat) (c : R) (g : nat -> R) (W0 : 'M[R]_(m, f)) (x : nat -> 'cV[R]_f)
    (y : nat -> 'cV[R]_m) (xq : 'cV[R]_f) : 'cV[R]_m :=
  W0 *m xq + c *: (discounted_state g (fun s => y s - W0 *m x s) x N *m xq).

(* A linear time-invariant SSM of any state size n: h_(t+1) = A h_t + B u_t + b. *)
Fixpoint lti_state n d (A : 'M[R]_n) (B : 'M[R]_(n, d)) (b h0 : 'cV[R]_n) (u : nat -> 'cV[R]_d) (t : nat) :
    'cV[R]_n :=
  if t is s.+1 then A *m lti_state A B b h0 u s + B *m u s + b else h0.

(* Its output after T tokens, with a skip from token number q and a constant. *)
Definition lti_output n d m (A : 'M[R]_n) (B : 'M[R]_(n, d)) (b h0 : 'cV[R]_n) (C : 'M[R]_(m, n)) (D : 'M[R]_(m, d))
    (e : 'cV[R]_m) (T q : nat) (u : nat -> 'cV[R]_d) : 'cV[R]_m :=
  C *m lti_state A B b h0 u T + D *m u q + e.

(* Such systems one after another, without a non-linearity between them: a stack from width d to width m. Every place of
   one layer's output is the next one's input. *)
Inductive lti_stack : nat -> nat -> Type :=
  | no_layer d : lti_stack d d
  | first_layer n d w m (A : 'M[R]_n) (B : 'M[R]_(n, d)) (b h0 : 'cV[R]_n) (C : 'M[R]_(w, n)) (D : 'M[R]_(w, d))
      (e : 'cV[R]_w) (rest : lti_stack w m) : lti_stack d m.
Fixpoint stack_output d m (s : lti_stack d m) : (nat -> 'cV[R]_d) -> nat -> 'cV[R]_m :=
  match s with
  | no_layer _ => id
  | first_layer n d w m A B b h0 C D e rest => fun u => stack_output rest (fun t => lti_output A B b h0 C D e t.+1 t u)
  end.

(* An LTI state with a multiplicative output gate and no input gate: sums P of products of two functionals that are affine
   in the state after T tokens and in token number q. *)
Definition output_gated n d p m (A : 'M[R]_n) (B : 'M[R]_(n, d)) (b h0 : 'cV[R]_n) (C G : 'M[R]_(p, n))
    (D H : 'M[R]_(p, d)) (e g : 'cV[R]_p) (P : 'M[R]_(m, p)) (T q : nat) (u : nat -> 'cV[R]_d) : 'cV[R]_m :=
  P *m \col_i (lti_output A B b h0 C D e T q u i 0 * lti_output A B b h0 G H g T q u i 0).

(* The most general layer with one gate at each end: any entrywise transition (input-independent, it may change with
   time), the input gate any quadratic form of the token an entry, the output gate any linear form of token number q
   an entry; the state starts anywhere. *)
Definition quadratic_gate d p q (Q : 'I_p -> 'I_q -> 'M[R]_d) (u : 'cV[R]_d) : 'M[R]_(p, q) :=
  \matrix_(i, j) (u^T *m Q i j *m u) 0 0.
Definition gated_layer d p q m (a : nat -> 'M[R]_(p, q)) (Q : 'I_p -> 'I_q -> 'M[R]_d)
    (D : 'I_m -> 'I_p -> 'I_q -> 'rV[R]_d) (S0 : 'M[R]_(p, q)) (T r : nat) (u : nat -> 'cV[R]_d) : 'cV[R]_m :=
  \col_l \sum_i \sum_j gated_state a (fun s => quadratic_gate Q (u s)) S0 T i j * (D l i j *m u r) 0 0.

(* What such a layer may see of the problem at place t: x_t, y_t and the next input; the query follows the context. *)
Definition window m f (N : nat) (x : nat -> 'cV[R]_f) (y : nat -> 'cV[R]_m) (xq : 'cV[R]_f) (t : nat) :
    'cV[R]_(f + (m + f)) :=
  let input s := if (s < N)%N then x s else if s == N then xq else 0 in
  col_mx (input t) (col_mx (if (t < N)%N then y t else 0) (input t.+1)).

(* The published GD-SSM layer. Tokens e_0, e_1, ... of width d; window t holds the tokens 2t, 2t + 1 and 2t + 2 as rows.
   Input gate Z^T w Z, entrywise decay (the state is the transpose of what the recurrence stacks), output C S Z^T D. *)
Definition token_window d (e : nat -> 'cV[R]_d) (t : nat) : 'M[R]_(3, d) := \matrix_(a, j) e (t.*2 + a)%N j 0.
Definition gd_ssm_layer d (w : 'M[R]_3) (decay C : 'M[R]_d) (D : 'cV[R]_3) (e : nat -> 'cV[R]_d) (t : nat) :
    'cV[R]_d :=
  C *m gated_state (fun=> decay^T) (fun s => ((token_window e s)^T *m w *m token_window e s)^T) 0 t.+1
    *m ((token_window e t)^T *m D).

(* The tokens x_0, y_0, x_1, y_1, ..., xq of a problem with f = m = d, and the input that follows pair t. *)
Definition interleaved d (N : nat) (x y : nat -> 'cV[R]_d) (xq : 'cV[R]_d) (j : nat) : 'cV[R]_d :=
  if odd j then y j./2 else if (j./2 < N)%N then x j./2 else xq.
Definition next_input f (N : nat) (x : nat -> 'cV[R]_f) (xq : 'cV[R]_f) (t : nat) : 'cV[R]_f :=
  if (t.+1 < N)%N then x t.+1 else xq.

(* The published weights: w = e_1 e_2^T, one decay a in every entry, C = -c, D = e_3. *)
Definition published_layer d (c a : R) (e : nat -> 'cV[R]_d) (t : nat) : 'cV[R]_d :=
  gd_ssm_layer (delta_mx 0 1) (const_mx a) (- c)%:M (delta_mx (inord 2) 0) e t.

(* Gated linear attention: a decay for each key channel (the entries of alpha_t) and a rate r_t a token; and key number t
   as it has faded after N tokens, channel by channel. *)
Definition gated_attention m f (alpha : nat -> 'cV[R]_f) (r : nat -> R) (v : nat -> 'cV[R]_m) (k : nat -> 'cV[R]_f)
    (t : nat) : 'M[R]_(m, f) :=
  gated_state (fun s => \matrix_(i, j) alpha s j 0) (fun s => r s *: (v s *m (k s)^T)) 0 t.
Definition faded_key f (N : nat) (alpha k : nat -> 'cV[R]_f) (t : nat) : 'cV[R]_f :=
  \col_j (\prod_(t.+1 <= s < N) alpha s j 0 * k t j 0).

End Layers.

(* ------------------------------------------------------------------------------------------------ *)
(* Learners                                                                                          *)

Section Learner.
Variable F : fieldType.
Variables (f m N : nat) (x : nat -> 'cV[F]_f) (y : nat -> 'cV[F]_m).

(* L(W) = 1/(2N) sum |W x_i - y_i|^2 *)
Definition loss (W : 'M[F]_(m, f)) : F := (2 * N%:R)^-1 * \sum_(i < N) square_norm (W *m x i - y i).

(* Its gradient, written as it is known; LossGradient.v proves that it is the gradient of the loss. *)
Definition gradient (W : 'M[F]_(m, f)) : 'M[F]_(m, f) := N%:R^-1 *: \sum_(i < N) (W *m x i - y i) *m (x i)^T.

Definition gd_step (eta : F) (W : 'M[F]_(m, f)) : 'M[F]_(m, f) := W - eta *: gradient W.

(* k steps with the same step size. *)
Definition gd (eta : F) (k : nat) (W0 : 'M[F]_(m, f)) : 'M[F]_(m, f) := iter k (gd_step eta) W0.

(* The same with a weight for each example: L_w(W) = 1/(2N) sum w_i |W x_i - y_i|^2. *)
Definition weighted_loss (w : nat -> F) (W : 'M[F]_(m, f)) : F :=
  (2 * N%:R)^-1 * \sum_(i < N) w i * square_norm (W *m x i - y i).
Definition weighted_gradient (w : nat -> F) (W : 'M[F]_(m, f)) : 'M[F]_(m, f) :=
  N%:R^-1 *: \sum_(i < N) w i *: ((W *m x i - y i) *m (x i)^T).
Definition weighted_gd_step (w : nat -> F) (eta : F) (W : 'M[F]_(m, f)) : 'M[F]_(m, f) :=
  W - eta *: weighted_gradient w W.

End Learner.

(* Online gradient descent: token after token, a step on the loss of that token alone. *)
Fixpoint online_gd (F : fieldType) f m (beta : nat -> F) (x : nat -> 'cV[F]_f) (y : nat -> 'cV[F]_m)
    (W0 : 'M[F]_(m, f)) (t : nat) : 'M[F]_(m, f) :=
  if t is s.+1 then gd_step 1 (fun=> x s) (fun=> y s) (beta s) (online_gd beta x y W0 s) else W0.

(* Discount of example i in a context of N: the product of the later decays. *)
Definition discount (R : ringType) (g : nat -> R) (N i : nat) : R := \prod_(i.+1 <= s < N) g s.

(* Newton-Schulz iteration for the inverse of S: M <- M (2 - S M), from a multiple of the identity. *)
Definition newton_schulz (R : comRingType) n (a : R) (S : 'M[R]_n) (k : nat) : 'M[R]_n :=
  iter k (fun M => M *m (2%:R *: 1%:M - S *m M)) (a *: 1%:M).
