"""Claims planned, run and remembered; what they rest on; the table of systems."""
