"""A memory layer with three knobs and no paper: which learning algorithm is it, and which knob is what?

    ssmproof audit examples/unknown_memory.py:Memory

No learner is named, so the layer is probed, and the answer names one with its parameters.
"""

import torch


class Memory(torch.nn.Module):
    """Tokens in, prediction out; the memory keeps a velocity and forgets."""

    def __init__(self) -> None:
        super().__init__()
        self.rate = torch.nn.Parameter(torch.tensor(0.25))
        self.keep = torch.nn.Parameter(torch.tensor(0.5))
        self.forget = torch.nn.Parameter(torch.tensor(0.125))

    def forward(self, X, Y, x_q):  # type: ignore[no-untyped-def]
        """Context X (N, f), Y (N, m), query x_q (f,) -> (m,)."""
        W = torch.zeros(Y.shape[-1], X.shape[-1], dtype=X.dtype)
        velocity = torch.zeros_like(W)
        for x, y in zip(X, Y, strict=True):
            surprise = torch.outer(W @ x - y, x)
            velocity = self.keep * velocity - self.rate * surprise
            W = (1 - self.forget) * W + velocity
        return W @ x_q
