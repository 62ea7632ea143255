"""Somebody else's layer: loaded, called, limited in time, its gates, adapters and learners, and its source read."""
