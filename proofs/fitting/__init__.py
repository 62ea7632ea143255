"""The library of learners with their numbers open, and how these numbers are found."""
