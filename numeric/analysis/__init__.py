"""Exact and enclosed analysis: rational matrices, Legendre series, Peano kernels, Taylor series, norms, rates."""
