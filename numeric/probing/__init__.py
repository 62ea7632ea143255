"""Closed boxes and the questions they are asked."""
