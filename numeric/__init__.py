"""The arithmetics, and the engines on them. Knows no claim."""
