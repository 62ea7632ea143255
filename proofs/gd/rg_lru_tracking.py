r"""Griffin's RG-LRU tracks a scaled mean, entry by entry.

For given gates $a_t = \frac{1 - \tau_t^2}{1 + \tau_t^2}$, $\tau_t > 0$, the recurrence
$h_t = a_t h_{t-1} + \sqrt{1 - a_t^2} \; i_t x_t$ is, entry by entry, online gradient descent of step $1 - a_t$,

$$ h_t = h_{t-1} - (1 - a_t) \, \nabla \tfrac12 \left( h_{t-1} - \frac{i_t x_t}{\tau_t} \right)^2, \qquad
   \tau_t = \sqrt{\frac{1 - a_t}{1 + a_t}} : $$

it tracks the mean of $i_t x_t / \tau_t$, not that of $i_t x_t$. The state is linear in the inputs and no entry meets
another, so for given gates the layer holds no product of a key with a value: regression in context has to come from the
attention beside it (Griffin, Samba) or from the gates.

Why.
$\sqrt{1 - a^2} = \frac{2\tau}{1 + \tau^2} = \frac{1 - a}{\tau}$, since $1 - a = \frac{2 \tau^2}{1 + \tau^2}$.

Assumes.
- gates given: in the layer they are sigmoids of the input
- $0 < |a_t| < 1$ or $a_t = 0$

Source.
arXiv 2402.19427 (layer); the reading derived here

Systems.
- Griffin (RG-LRU): for given gates online descent that tracks a mean, entry by entry; no product of key and value
"""

from collections.abc import Iterator

import torch

from constructions import rg_lru
from constructions.autograd_descent import descend
from constructions.namespace import Array
from numeric.words import scalar
from numeric.words.derivation import Obligation
from proofs.forms import Identity, Large, Short, claim


def layer(x: Array, t: Array, i: Array, h: Array) -> Array:
    """The last state: (d,)."""
    return rg_lru.layer(h, x, t, i)


def distance(h: torch.Tensor, target: torch.Tensor, rate: torch.Tensor) -> torch.Tensor:
    """1/2 sum_j rate_j (h_j - target_j)^2."""
    moved = h - target
    return (rate * moved * moved).sum() / 2


def learner(x: Array, t: Array, i: Array, h: Array, scaled: bool = True) -> Array:
    """One autograd step a token on 1/2 (1 - a) (h - i x/t)^2 (`scaled`: else on i x): (d,)."""
    for s in range(x.shape[0]):
        a = (1 - t[s, :] * t[s, :]) / (1 + t[s, :] * t[s, :])
        target = i[s, :] * x[s, :] / t[s, :] if scaled else i[s, :] * x[s, :]
        h = descend(h, target, 1 - a, eta=1, of=distance)
    return h


def derive(power: int = 1) -> Iterator[Obligation]:
    """One entry: the gates' relation, and the state's move against the step."""
    h, x, t, i = (scalar(name) for name in ("h", "x", "t", "i"))
    a, b = rg_lru.gates(t)
    yield Obligation("the input scale", b * b, 1 - a * a, r"So $b = 2t/(1 + t^2)$ is $\sqrt{1 - a^2}$ for $t > 0$.")
    yield Obligation(
        "one token",
        rg_lru.step(h, x, a, b * i),
        h - (1 - a) * (h - i * x / t**power),
        r"$b = (1 - a)/t$, so the update is a step of size $1 - a$ towards $i x/t$, from any $h$.",
    )


IDENTITY = Identity(
    shapes={"x": ("T", "d"), "t": ("T", "d"), "i": ("T", "d"), "h": ("d",)},
    left=layer,
    right=learner,
    sizes=({"T": 3, "d": 2}, {"T": 6, "d": 4}),
    large=Large({"T": 8, "d": 20}, short=Short.DEGREE),
    positive=("t", "i"),
    derive=derive,
)

CLAIM = claim(
    __name__,
    IDENTITY.checks(),
    IDENTITY.mutant("plain_mean", "it tracks the mean of i x", right={"scaled": False}),
    IDENTITY.mutant("square_scale", "it tracks i x / tau^2", derive={"power": 2}),
)
