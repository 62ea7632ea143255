"""The arithmetics in which a recorded program is replayed. Each number array is a tuple of tensors, its parts.

Axis 0 of every part counts trials: (K, *shape). What does not differ from trial to trial has K = 1 and broadcasts.

| carrier | file | parts | meaning |
|---|---|---|---|
| `FiniteField` | finite_field | residue (int64), one prime a trial | values at random points, all trials at once |
| `Handles` | handles | index (int64) into a list of ring elements | rationals, polynomials (FLINT, SymEngine) |
| `Balls` | balls | index into a list of Arb balls | enclosures of real numbers |
| `Degree`, `Constants` | degree | degree + 1 of the numerator, degree of the denominator (int64) | upper bounds |
| `Height` | degree | log2(1 + 1-norm) above, log2(1-norm) below (float64) | upper bounds |
| their Laurent forms | laurent | a third part: the power of the product of all logarithms' arguments (int64) | upper bounds |
| `Terms` | terms | number of monomials (float64) | upper bound as if none merged |
| `APriori` | a_priori | rounding count (int64), majorant, underflow (float64) | rounding bound in any order of operations |
| `Listing` | listing | address in a flat memory (int64) | straight line code, for who runs it elsewhere |
| `Running` | running | value (any float dtype), error (float64) | rounding bound of torch's own kernels |

All parts of the number zero are 0 in each of them.
"""
