"""Theorems for all sizes, checked by Coq and tied to the Python functions they are about."""
