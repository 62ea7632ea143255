"""Claims about layers that run gradient descent in context."""

CHAPTER = "Gradient descent in context"
