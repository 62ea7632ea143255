"""A layer whose paper claims one step of gradient descent on the mean squared loss, and whose code divides by the wrong
size: by the number of features instead of the number of tokens. No test on square data would notice.

    ssmproof audit examples/divided_by_the_width.py:predict --against gd

The answer is a counterexample in small whole numbers.
"""

import torch


def predict(X, Y, x_q, eta):  # type: ignore[no-untyped-def]
    """Context X (N, f), Y (N, m), query x_q (f,), step size eta -> prediction (m,)."""
    state = torch.zeros(Y.shape[1], X.shape[1], dtype=X.dtype)
    for x, y in zip(X, Y, strict=True):
        state = state + torch.outer(y, x)
    return eta / X.shape[-1] * (state @ x_q)
