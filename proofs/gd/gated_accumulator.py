r"""The state of a gated accumulator.

Entrywise, the recurrence $z_t = a_t \, z_{t-1} + u_t$ has the states

$$ z_t = \Bigl( \prod_{s=1}^{t} a_s \Bigr) z_0 + \sum_{r=1}^{t} \Bigl( \prod_{s=r+1}^{t} a_s \Bigr) u_r . $$

Why.
By induction on $t$. Multiplying the formula for $z_t$ by $a_{t+1}$ appends $a_{t+1}$ to every product; adding $u_{t+1}$
adds the term $r = t+1$ with the empty product.

Source.
the state equation of a diagonal SSM; derived here
"""

from collections.abc import Iterator

from constructions.gated_accumulator import accumulate, closed_form, gated_recurrence
from constructions.namespace import Array, namespace
from numeric.words import matrix, scalar, zeros
from numeric.words.blocks import blocks
from numeric.words.derivation import Obligation
from proofs.forms import Identity, Large, claim
from proofs.kernel.rung import kernel_check


def gate_before_write(a: Array, u: Array, z0: Array) -> Array:
    """The input is added before the gate acts, so the newest input is gated too."""
    states, state = [], z0
    for t in range(u.shape[0]):
        state = a[t, ...] * (state + u[t, ...])
        states.append(state)
    return namespace(u).stack(states)


def derive(gates_newest: bool = False) -> Iterator[Obligation]:
    """Induction on t for one entry: p is the product of the gates, w (1, t) the weights of the inputs U (t, 1)."""
    start, a, p, u = scalar("z_0"), scalar("a"), scalar("p"), matrix("u", 1, 1)
    w, U = matrix("w", 1, "t"), matrix("U", "t", 1)
    one = matrix("u", 1, 1) * 0 + blocks([[1]])
    yield Obligation(
        "no input yet",
        start * one + zeros(1, 0) @ zeros(0, 1),
        start * one,
        r"At $t = 0$ the product is empty, $p = 1$, the sum has no terms, and the state is $z_0$.",
    )
    newest = a if gates_newest else 1
    yield Obligation(
        "one more input",
        accumulate(p * start * one + w @ U, u, a),
        (a * p) * start * one + blocks([[a * w, newest * one]]) @ blocks([[U], [u]]),
        r"Multiplying by $a_{t+1}$ appends it to $p$ and to every weight; the newest input has the empty product, 1.",
    )


IDENTITY = Identity(
    shapes={"a": ("T", "d", "e"), "u": ("T", "d", "e"), "z0": ("d", "e")},
    left=lambda a, u, z0: gated_recurrence(a, u, z0),
    right=lambda a, u, z0: closed_form(a, u, z0),
    names=("recurrence", "closed form"),
    sizes=({"T": 6, "d": 3, "e": 2}, {"T": 24, "d": 4, "e": 4}),
    large=Large({"T": 130, "d": 17, "e": 18}),
    symbolic_sizes={"T": 4, "d": 1, "e": 2},
    positive=("a",),
    derive=derive,
    numpy=True,
)

CLAIM = claim(
    __name__,
    IDENTITY.checks() | kernel_check("gated_state_closed_form", "gated_state_unit_gate").checks(),
    IDENTITY.mutant(
        "gate_before_write",
        "the gate acts on the newest input too",
        left=gate_before_write,
        derive={"gates_newest": True},
    ),
    IDENTITY.mutant(
        "start_dropped", "the start z_0 is forgotten", left=lambda a, u, z0: gated_recurrence(a, u, 0 * z0)
    ),
    IDENTITY.mutant(
        "stale_gate",
        "step t uses the gate of step t-1",
        left=lambda a, u, z0: gated_recurrence(namespace(a).concat([a[:1, ...], a[:-1, ...]], axis=0), u, z0),
    ),
)
