"""TTT-Linear: mini-batches of gradient descent on |x + LN(W x) - y|^2 / 2, read out as x_q + LN(W x_q).

LN divides by the root of variance plus eps, then scales by gamma and shifts by bias. f and m are equal.
"""

from __future__ import annotations

from typing import Any

from constructions.autograd_descent import descend
from constructions.learners import Class, Domain, Each, Learner, Parameter
from constructions.namespace import namespace


def model(W: Any, X: Any, gamma: Any, bias: Any, eps: Any) -> Any:
    """x + LN(W x) for each row of X (n, f)."""
    z = X @ W.mT
    centred = z - z.mean(-1, keepdim=True)
    return X + gamma * centred / ((centred * centred).mean(-1, keepdim=True) + eps).sqrt() + bias


def _loss(W: Any, X: Any, Y: Any, gamma: Any, bias: Any, eps: Any) -> Any:
    error = model(W, X, gamma, bias, eps) - Y
    return (error * error).sum() / 2


def predict(X: Any, Y: Any, x_q: Any, W0: Any, eta: Any, gamma: Any, bias: Any, eps: Any, size: int) -> Any:
    """The prediction (m,); eta and eps 0-d, gamma and bias (m,) or 0-d; the gradient is autograd's."""

    def batch(W: Any, X: Any, Y: Any) -> Any:
        return descend(W, X, Y, gamma, bias, eps, eta=eta, of=_loss)

    W = namespace(X).chunks(batch, W0, X, Y, size=size)
    return model(W, x_q[None, :], gamma, bias, eps)[0, :]


LEARNER = Learner(
    "ttt_layer_norm",
    title="mini-batch gradient descent on a linear model with layer norm (TTT-Linear)",
    latex=r"W_{j+1} = W_j - \eta \nabla \sum_{i \in B_j} \tfrac12 \lVert f_W(x_i) - y_i \rVert^2, \quad "
    r"f_W(x) = x + \mathrm{LN}(W x)",
    source="arXiv 2407.04620, section 2.7",
    call=predict,
    parameters=(
        Parameter("eta", r"\eta", "step size on the summed loss of a batch"),
        Parameter("gamma", r"\gamma", "scale of the layer norm", Domain.REAL, each=Each.CHANNEL),
        Parameter("bias", "b", "shift of the layer norm", Domain.REAL, neutral=0, each=Each.CHANNEL),
        Parameter("eps", r"\epsilon", "what is added to the variance"),
        Parameter("size", "b", "number of tokens a batch", Domain.COUNT),
    ),
    kind=Class.TRANSCENDENTAL,
)
