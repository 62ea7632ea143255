(* Definitions for the derivative-computing state-space systems: Legendre polynomials and the LegT and LegS matrices.

   A basis is known by two numbers for each n: q n, the value of basis function n at the right end of the window, and
   p n with p n * q n = 2n + 1. The orthonormal basis has p n = q n = sqrt(2n + 1), the coefficient basis of plain
   Legendre polynomials p n = 2n + 1, q n = 1; every statement holds for both. *)
From mathcomp Require Import all_ssreflect all_algebra.

Set Implicit Arguments.
Unset Strict Implicit.
Unset Printing Implicit Defensive.
Import GRing.Theory.
Local Open Scope ring_scope.

Section Legendre.
Variable F : fieldType.

(* Bonnet's recurrence: (n + 2) P_(n+2) = (2n + 3) X P_(n+1) - (n + 1) P_n. *)
Fixpoint legendre (n : nat) : {poly F} :=
  match n with
  | 0 => 1
  | 1 => 'X
  | (k.+1 as l).+1 => k.+2%:R^-1 *: (k.*2.+3%:R *: ('X * legendre l) - k.+1%:R *: legendre k)
  end.

(* The same on [0, 1]: P_n(2u - 1). *)
Definition shifted_legendre (n : nat) : {poly F} := legendre n \Po (2%:R *: 'X - 1).

(* The integral over [0, 1] of a polynomial. *)
Definition unit_integral (g : {poly F}) : F := \sum_(i < size g) g`_i / i.+1%:R.

End Legendre.

Section Systems.
Variable F : fieldType.
Variables (theta : F) (p q : nat -> F).

(* LegT, window [t - theta, t]: x' = A x + B u. *)
Definition legt_A (n k : nat) : F := - (theta^-1 * (p n * q k * (if (k <= n)%N then 1 else (-1) ^+ (k - n)))).
Definition legt_B (n : nat) : F := theta^-1 * p n.

(* Readouts y = C x + D u of the input's derivative. Route i differentiates the reconstruction's right-end value in
   time, route ii differentiates the reconstructed polynomial at its right end (D = 0), route iii adds to it N (N + 1)
   times the error of the reconstruction's right end. *)
Definition route_i_C (N k : nat) : F := theta^-1 * (q k * ((k * k.+1)%:R - (N ^ 2)%:R)).
Definition route_i_D (N : nat) : F := theta^-1 * (N ^ 2)%:R.
Definition route_ii_C (k : nat) : F := theta^-1 * (q k * (k * k.+1)%:R).
Definition route_iii_C (N k : nat) : F := theta^-1 * (q k * ((k * k.+1)%:R - (N * N.+1)%:R)).
Definition route_iii_D (N : nat) : F := theta^-1 * (N * N.+1)%:R.

(* Where the delayed sample u(t - theta) is known: y = sum_k C_k x_k + N^2/theta u + delayed_D u(t - theta). *)
Definition delayed_C (N k : nat) : F := theta^-1 * (q k * ((k * k.+1)%:R - (N ^ 2)%:R - (-1) ^+ (N - k) * N%:R)).
Definition delayed_D (N : nat) : F := theta^-1 * ((-1) ^+ N * N%:R).

(* LegS, window [0, t]: t x' = A x + B u, without theta. *)
Definition legs_A (n k : nat) : F :=
  if (k < n)%N then - (p n * q k) else if k == n then - n.+1%:R else 0.
Definition legs_B (n : nat) : F := p n.

End Systems.
