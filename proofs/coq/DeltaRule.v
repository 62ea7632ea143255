(* The delta rule is online gradient descent: each write is one step on the loss of its own token. *)
From mathcomp Require Import all_ssreflect all_algebra.
From ssmproof Require Import Definitions.

Set Implicit Arguments.
Unset Strict Implicit.
Unset Printing Implicit Defensive.
Import GRing.Theory.
Local Open Scope ring_scope.

Section DeltaRule.
Variable F : fieldType.
Variables (f m : nat) (x : nat -> 'cV[F]_f) (y : nat -> 'cV[F]_m).

(* One write = one gradient step of size beta on 1/2 |W x - y|^2. *)
Theorem delta_rule_step (beta : F) (W : 'M[F]_(m, f)) (t : nat) :
  W *m (1%:M - beta *: (x t *m (x t)^T)) + beta *: (y t *m (x t)^T)
  = gd_step 1 (fun=> x t) (fun=> y t) beta W.
Proof.
rewrite /gd_step /gradient big_ord1 invr1 scale1r mulmxBr mulmx1 -scalemxAr mulmxBl scalerBr opprB mulmxA.
by rewrite addrA addrAC.
Qed.

(* The whole run, with a step size for each token. *)
Theorem delta_rule_online_gd (beta : nat -> F) (W0 : 'M[F]_(m, f)) (t : nat) :
  delta_rule beta x y W0 t = online_gd beta x y W0 t.
Proof. by elim: t => [//|t IH] /=; rewrite IH delta_rule_step. Qed.

End DeltaRule.
