"""Claims about state-space models whose output is the derivative of their input."""
