(* Programs for the derivative-computing systems (see Executable.v), in the coefficient basis p n = 2n + 1, q n = 1,
   each with its theorem. *)
From mathcomp Require Import all_ssreflect all_algebra.
From ssmproof Require Import Characteristic HippoDefinitions LegS Executable.

Set Implicit Arguments.
Unset Strict Implicit.
Unset Printing Implicit Defensive.
Import GRing.Theory.
Local Open Scope ring_scope.

Section Programs.
Variable K : arithmetic.
Notation T := (scalar K).

Definition number_odd (n : nat) : T := number K n.*2.+1.
Definition sign_exec (d : nat) : T := if odd d then opp (one K) else one K.

(* P_0(v), ..., P_n(v), newest first. *)
Fixpoint legendre_values (v : T) (n : nat) : seq T :=
  match n with
  | 0 => [:: one K]
  | 1 => [:: v; one K]
  | (k.+1 as l).+1 =>
    let s := legendre_values v l in
    mul (inv (number K k.+2)) (add (mul (number K k.*2.+3) (mul v (nth (zero K) s 0)))
                                   (opp (mul (number K k.+1) (nth (zero K) s 1)))) :: s
  end.
Definition legendre_exec (v : T) (n : nat) : seq (seq T) := [:: rev (legendre_values v n)].

(* P_0, ..., P_(N-1) at both ends, -1 in the second row. *)
Definition ends_exec (N : nat) : seq (seq T) :=
  tabulate 2 N (fun i k => if i == 0%N then nth (zero K) (legendre_values (one K) k) 0
                           else nth (zero K) (legendre_values (opp (one K)) k) 0).

Definition legt_A_exec (N : nat) (theta : T) : seq (seq T) := tabulate N N (fun n k =>
  opp (mul (inv theta) (mul (number_odd n) (if (k <= n)%N then one K else sign_exec (k - n))))).
Definition legt_B_exec (N : nat) (theta : T) : seq (seq T) := tabulate N 1 (fun n _ => mul (inv theta) (number_odd n)).
Definition route_i_C_exec (N : nat) (theta : T) : seq (seq T) := tabulate N 1 (fun k _ =>
  mul (inv theta) (add (number K (k * k.+1)) (opp (number K (N ^ 2))))).
Definition route_i_D_exec (N : nat) (theta : T) : T := mul (inv theta) (number K (N ^ 2)).
Definition route_ii_C_exec (N : nat) (theta : T) : seq (seq T) := tabulate N 1 (fun k _ =>
  mul (inv theta) (number K (k * k.+1))).
Definition route_iii_C_exec (N : nat) (theta : T) : seq (seq T) := tabulate N 1 (fun k _ =>
  mul (inv theta) (add (number K (k * k.+1)) (opp (number K (N * N.+1))))).
Definition route_iii_D_exec (N : nat) (theta : T) : T := mul (inv theta) (number K (N * N.+1)).
Definition delayed_C_exec (N : nat) (theta : T) : seq (seq T) := tabulate N 1 (fun k _ =>
  mul (inv theta) (add (add (number K (k * k.+1)) (opp (number K (N ^ 2))))
                       (opp (mul (sign_exec (N - k)) (number K N))))).
Definition delayed_D_exec (N : nat) (theta : T) : T := mul (inv theta) (mul (sign_exec N) (number K N)).
Definition legs_A_exec (N : nat) : seq (seq T) := tabulate N N (fun n k =>
  if (k < n)%N then opp (number_odd n) else if k == n then opp (number K n.+1) else zero K).
Definition legs_B_exec (N : nat) : seq (seq T) := tabulate N 1 (fun n _ => number_odd n).

(* The LegS state at t = 1 for the input u(t) = t^i: (2n + 1) times the moment of order i, from the moments before it. *)
Fixpoint moments_exec (i n : nat) : seq T :=
  if n is k.+1 then
    let s := moments_exec i k in
    rcons s (mul (inv (number K (i + k.+1)))
                 (add (one K) (opp (total k (fun l => mul (number_odd l) (nth (zero K) s l))))))
  else [::].
Definition legs_state_exec (N i : nat) : seq (seq T) :=
  tabulate N 1 (fun n _ => mul (number_odd n) (nth (zero K) (moments_exec i N) n)).

End Programs.

Arguments legs_A_exec {K} N.
Arguments legs_B_exec {K} N.
Arguments legs_state_exec {K} N i.
Arguments ends_exec {K} N.

Section Refinement.
Variables (K : arithmetic) (F : fieldType) (phi : scalar K -> F).
Hypothesis phiM : morphism phi.

Let phiE := (phi_zero phiM, phi_one phiM, phi_add phiM, phi_mul phiM, phi_opp phiM, phi_inv phiM).
Let numberE := phi_number phiM.
(* The coefficient basis. *)
Let p (n : nat) : F := n.*2.+1%:R.
Let q (n : nat) : F := 1.

Lemma sign_execE d : phi (sign_exec K d) = (-1) ^+ d.
Proof. by rewrite /sign_exec -signr_odd; case: odd; rewrite !phiE ?expr1. Qed.

Lemma legendre_valuesE v n : phi (nth (zero K) (legendre_values v n.+1) 0) = (legendre F n.+1).[phi v] /\
  phi (nth (zero K) (legendre_values v n.+1) 1) = (legendre F n).[phi v].
Proof.
elim: n => [|n [IH1 IH0]]; first by rewrite /= hornerX hornerC phiE.
split; last exact: IH1.
rewrite -[legendre F n.+2]/(n.+2%:R^-1 *: (n.*2.+3%:R *: ('X * legendre F n.+1) - n.+1%:R *: legendre F n)).
rewrite hornerZ hornerD hornerN !hornerZ hornerM hornerX -IH1 -IH0.
by rewrite [legendre_values v n.+2]/= [nth _ (_ :: _) 0]/= !(numberE, phiE).
Qed.

Theorem legendre_execE v n k : (k <= n)%N -> phi (at_ (legendre_exec v n) 0 k) = (legendre F k).[phi v].
Proof.
have size_s j : size (legendre_values v j) = j.+1 by elim: j => [|[|j] IH] //=; rewrite -[in RHS]IH.
move=> k_n; rewrite /at_ /= nth_rev size_s // subSS.
have: nth (zero K) (legendre_values v n) (n - k) = nth (zero K) (legendre_values v k) 0.
  elim: n k_n => [|n IH]; first by rewrite leqn0 => /eqP ->.
  rewrite leq_eqVlt => /orP[/eqP -> | k_n]; first by rewrite subnn.
  by rewrite subSn // -IH //; case: n {IH k_n}.
move=> ->; case: k {k_n} => [|k]; first by rewrite /= hornerC phiE.
exact: (proj1 (legendre_valuesE v k)).
Qed.

Lemma legendre_first v k : phi (nth (zero K) (legendre_values v k) 0) = (legendre F k).[phi v].
Proof. by case: k => [|k]; [rewrite /= hornerC phiE | apply: (proj1 (legendre_valuesE v k))]. Qed.

Theorem ends_execE N (k : 'I_N) :
  phi (at_ (ends_exec N) 0 k) = (legendre F k).[1] /\ phi (at_ (ends_exec N) 1 k) = (legendre F k).[-1].
Proof.
by rewrite (at_tabulate _ (0 : 'I_2)) (at_tabulate _ (Ordinal (ltnSn 1))) /= !legendre_first !phiE.
Qed.

Theorem legt_A_execE N theta (n k : 'I_N) : phi (at_ (legt_A_exec N theta) n k) = legt_A (phi theta) p q n k.
Proof.
by rewrite at_tabulate /legt_A !(numberE, phiE) mulr1; case: ifP => _; rewrite ?sign_execE ?phiE.
Qed.

Theorem legt_B_execE N theta (n : 'I_N) : phi (at_ (legt_B_exec N theta) n 0) = legt_B (phi theta) p n.
Proof. by rewrite (@at_tabulate K N 1 _ n 0) !(numberE, phiE). Qed.

Theorem route_i_C_execE N theta (k : 'I_N) : phi (at_ (route_i_C_exec N theta) k 0) = route_i_C (phi theta) q N k.
Proof. by rewrite (@at_tabulate K N 1 _ k 0) !(numberE, phiE) /route_i_C mul1r. Qed.

Theorem route_i_D_execE N theta : phi (route_i_D_exec N theta) = route_i_D (phi theta) N.
Proof. by rewrite !(numberE, phiE). Qed.

Theorem route_ii_C_execE N theta (k : 'I_N) : phi (at_ (route_ii_C_exec N theta) k 0) = route_ii_C (phi theta) q k.
Proof. by rewrite (@at_tabulate K N 1 _ k 0) !(numberE, phiE) /route_ii_C mul1r. Qed.

Theorem route_iii_C_execE N theta (k : 'I_N) : phi (at_ (route_iii_C_exec N theta) k 0) = route_iii_C (phi theta) q N k.
Proof. by rewrite (@at_tabulate K N 1 _ k 0) !(numberE, phiE) /route_iii_C mul1r. Qed.

Theorem route_iii_D_execE N theta : phi (route_iii_D_exec N theta) = route_iii_D (phi theta) N.
Proof. by rewrite !(numberE, phiE). Qed.

Theorem delayed_C_execE N theta (k : 'I_N) : phi (at_ (delayed_C_exec N theta) k 0) = delayed_C (phi theta) q N k.
Proof. by rewrite (@at_tabulate K N 1 _ k 0) !(numberE, phiE) sign_execE /delayed_C mul1r. Qed.

Theorem delayed_D_execE N theta : phi (delayed_D_exec N theta) = delayed_D (phi theta) N.
Proof. by rewrite !(numberE, phiE) sign_execE. Qed.

Theorem legs_A_execE N (n k : 'I_N) : phi (at_ (legs_A_exec N) n k) = legs_A p q n k.
Proof.
by rewrite at_tabulate /legs_A mulr1; case: ifP => _; [|case: ifP => _]; rewrite !(numberE, phiE).
Qed.

Theorem legs_B_execE N (n : 'I_N) : phi (at_ (legs_B_exec N) n 0) = legs_B p n.
Proof. by rewrite (@at_tabulate K N 1 _ n 0) numberE. Qed.

Lemma size_moments i n : size (moments_exec K i n) = n.
Proof. by elim: n => [//|n IH] /=; rewrite size_rcons IH. Qed.

Theorem legs_state_execE (char0 : [char F] =i pred0) N i (n : 'I_N) :
  phi (at_ (legs_state_exec N i) n 0) = (legs_state p 'X^i n).[1].
Proof.
have moments k j : (j < k)%N -> phi (nth (zero K) (moments_exec K i k) j) = moment F j i.
  elim: k j => [//|k IH] j; rewrite ltnS leq_eqVlt nth_rcons size_moments => /orP[/eqP -> | j_k]; last by rewrite j_k IH.
  rewrite ltnn eqxx !(numberE, phiE) (phi_total phiM).
  have : (i + k.+1)%:R * moment F k i = 1 - \sum_(l < k) l.*2.+1%:R * moment F l i.
    by rewrite natrD mulrDl moment_recursion // addrAC subrK.
  have -> : \sum_(l < k) phi (mul (number_odd K l) (nth (zero K) (moments_exec K i k) l)) =
            \sum_(l < k) l.*2.+1%:R * moment F l i.
    by apply: eq_bigr => l _; rewrite phiE numberE IH.
  by move=> <-; rewrite mulrA mulVf ?mul1r // addnS (natr_neq0 char0).
rewrite (@at_tabulate K N 1 _ n 0) phiE numberE moments //.
rewrite /legs_state size_polyXn horner_poly (bigD1 ord_max) //= big1 => [|k neq]; last first.
  rewrite coefXn (_ : (k : nat) == i = false) ?mul0r //; apply/negbTE; apply: contra neq => /eqP k_i.
  by apply/eqP/val_inj.
by rewrite coefXn eqxx mul1r expr1n mulr1 addr0.
Qed.

End Refinement.
