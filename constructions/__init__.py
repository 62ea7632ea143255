"""What is claimed about: one file per layer, learner, basis, discretisation. Definitions only."""
