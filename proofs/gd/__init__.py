"""Claims about layers that run gradient descent in context."""
