"""torch.optim.SGD on a stated loss, as it is called: an oracle that shares nothing with the written learner but the loss."""

from __future__ import annotations

from inspect import unwrap
from typing import Any

import torch
from torch import Tensor

from constructions.autograd_descent import Loss
from constructions.gradient_descent import loss


class SGD(torch.optim.SGD):
    """torch.optim.SGD, each method without the wrapper that only tells torch's compiler to leave it alone.

    The wrapper imports that compiler, which takes longer than most claims.
    """

    add_param_group = unwrap(torch.optim.SGD.add_param_group)
    zero_grad = unwrap(torch.optim.SGD.zero_grad)
    step = torch.no_grad()(unwrap(torch.optim.SGD.step))


def sgd(W: Tensor, *data: Any, eta: Any, steps: int = 1, of: Loss = loss) -> Tensor:
    """`steps` steps of torch.optim.SGD at learning rate 1 on eta times the loss, which is step size eta.

    The learning rate stays a Python number because the optimiser takes no other; eta may be an indeterminate.
    """
    with torch.enable_grad():
        weight = torch.nn.Parameter(W.detach().clone())
        optimiser = SGD([weight], lr=1.0, foreach=False)
        for _ in range(steps):
            optimiser.zero_grad()
            (eta * of(weight, *data)).backward()
            optimiser.step()
    return weight.detach()
