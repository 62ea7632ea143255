r"""Blocks and the kernel give the outputs of the recurrence.

For any $A, B, C, D$, start $x_0$ and inputs $u_0, \dots, u_{T-1}$, the outputs $y_k = C x_k + D u_k$ of
$x_{k+1} = A x_k + B u_k$ are

$$ y_k = C A^k x_0 + \sum_{m=0}^{k} c_m u_{k-m}, \qquad c_0 = D, \quad c_m = C A^{m-1} B , $$

and the same holds inside each block of $K$ samples from the block's first state, with the next block's state
$A^K x + \sum_{j<K} A^{K-1-j} B u_j$. So $T$ samples take $T/K$ steps, or none at all.

Why.
Unroll the recurrence; powers of $A$ come by doubling. The two ways run on the polynomial ring as they are, for blocks
of two samples (the last one cut short) and for one block that holds all.

Assumes.
- the FFT itself has no polynomial: hippo.scan_rounding checks it against this

Source.
standard; the kernel as in arXiv 2111.00396, section 2.4
"""

from collections.abc import Callable
from typing import Any

from constructions import scan
from constructions.namespace import Array, namespace
from proofs.forms import Identity, Large, Short, claim

WHOLE = 1 << 20
"""A block that holds any input: then every output is the kernel's sum plus the start's share."""

Run = Callable[..., Array]


def definition(A: Array, B: Array, C: Array, D: Any, u: Array, start: Array) -> Array:
    """The outputs as the state space is defined, three times: one copy for each of the ways to run it."""
    x, found = start, []
    for k in range(u.shape[0]):
        found.append(C @ x + D * u[k])
        x = A @ x + B * u[k]
    y = namespace(u).stack(found)
    return namespace(u).stack([y, y, y])


def scans(run: Run = scan.blocked) -> Run:
    """Blocks of two samples, one block for all, and no blocks."""

    def every(A: Array, B: Array, C: Array, D: Any, u: Array, start: Array) -> Array:
        ways = [run(A, B, C, D, u, start, block=block) for block in (2, WHOLE)]
        return namespace(u).stack([*ways, scan.recurrence(A, B, C, D, u, start)])

    return every


def _late(A: Array, B: Array, C: Array, D: Any, u: Array, start: Array, block: int) -> Array:
    """The kernel C A^m B instead of C A^(m-1) B."""
    return scan.blocked(A, A @ B, C, D, u, start, block)


def _no_feedthrough(A: Array, B: Array, C: Array, D: Any, u: Array, start: Array, block: int) -> Array:
    return scan.blocked(A, B, C, 0 * D, u, start, block)


def _stale(A: Array, B: Array, C: Array, D: Any, u: Array, start: Array, block: int) -> Array:
    """Each block starts from the state of one sample earlier: its last input is not passed on."""
    xp, size, found, x = namespace(u), min(block, u.shape[0]), [], start
    for k in range(0, u.shape[0], size):
        part = u[k : k + size]
        found.append(scan.blocked(A, B, C, D, part, x, size if not size & (size - 1) else WHOLE))
        for i in range(part.shape[0]):
            x = A @ x + B * part[i] * int(i + 1 < part.shape[0])
    return xp.concat(found)


def _transposed(A: Array, B: Array, C: Array, D: Any, u: Array, start: Array, block: int) -> Array:
    """B and C exchanged: the kernel is that of the transposed system, right only for symmetric A."""
    return scan.blocked(A, C, B, D, u, start, block)


IDENTITY = Identity(
    shapes={"A": ("n", "n"), "B": ("n",), "C": ("n",), "D": (), "u": ("T",), "start": ("n",)},
    left=scans(),
    right=definition,
    names=("scan", "definition"),
    sizes=({"n": 3, "T": 7}, {"n": 4, "T": 16}, {"n": 2, "T": 1}),
    large=Large({"n": 3, "T": 130}, quick=True, short=Short.WORK),
    symbolic_sizes={"n": 2, "T": 3},
    numpy=True,
)

CLAIM = claim(
    __name__,
    IDENTITY.checks(),
    IDENTITY.mutant("late_kernel", "the kernel C A^m B, one power late", left=scans(_late)),
    IDENTITY.mutant("no_feedthrough", "D dropped", left=scans(_no_feedthrough)),
    IDENTITY.mutant("stale_block", "a block starts without the last input of the one before", left=scans(_stale)),
    IDENTITY.mutant("transposed", "B and C exchanged", left=scans(_transposed)),
)
