"""In words: what each probe asks, and what it finds."""

from __future__ import annotations

from numeric.probing.answers import (
    AllBut,
    Blocks,
    Degree,
    Forgets,
    Gives,
    Multiple,
    NoAnswer,
    NoDegree,
    NoRecurrence,
    Rational,
    Response,
    Seen,
)
from numeric.probing.probes import number
from reports.said.kinds import listed, said

TITLES = {
    "P0": "targets 0",
    "P0q": "query 0",
    "P0n": "the last token's target moved",
    "P1": "superposition in the targets",
    "P1q": "superposition in the query",
    "P2": "outputs mixed",
    "P3": "inputs rotated",
    "P4": "tokens permuted",
    "P5": "tokens doubled",
    "P6": "constant targets",
    "P7": "inputs and query times 3",
    "P7x": "inputs times 3",
    "P7q": "query times 3",
    "P8": "degree in the scale of the inputs",
    "P9": "null tokens appended",
    "P10": "interactions between tokens",
    "P11": "one token's bilinear form",
    "P12": "response to one token",
}
"""What is asked, by the probe's id."""

_SEEN = {
    Seen.NO_PRIOR: "targets 0 give 0",
    Seen.PRIOR: "targets 0 give {}: a prior or a bias",
    Seen.NOTHING_ASKED: "the query 0 gives 0",
    Seen.OFFSET: "the query 0 gives {}",
    Seen.LINEAR: "linear (up to a constant)",
    Seen.NO_MEMORY: "not linear: no linear memory of the targets",
    Seen.NOT_IN_QUERY: "not linear: a softmax, a norm, or few steps of CG",
    Seen.WEIGHTED_SUM: "the output is a sum of a_i y_i with numbers a_i",
    Seen.UNLIKE_OUTPUTS: "outputs are not treated alike",
    Seen.ISOTROPIC: "no direction of the inputs is preferred",
    Seen.ANISOTROPIC: "a preconditioner, channel gates or a basis",
    Seen.BATCH: "the order does not matter: a batch method",
    Seen.ONLINE: "the order matters: an online method",
    Seen.MEAN: "no change: a mean loss, a smoother, or an exact solver",
    Seen.SUM: "twice the output: a sum over tokens",
    Seen.STEPS: "steps that interact, or a solver with a fixed prior",
    Seen.SMOOTHER: "targets 1 give 1: weights that sum to 1, a smoother",
    Seen.NO_SMOOTHER: "targets 1 give {}",
    Seen.NORMALISED: "no change: they are normalised",
    Seen.SCALES: "the output changes",
    Seen.LAST_UNREAD: "the last token is not read",
    Seen.LAST_READ: "the last token counts",
    Seen.NEEDS_EXACT: "needs exact numbers: a fit in float64 finds a lower bound only",
    Seen.NO_LOW_DEGREE: "nor a rational function of low degree",
    Seen.KEEPS: "no change: nothing decays",
    Seen.MEAN_OVER_TOKENS: "the output goes as 1/N: a mean over tokens",
    Seen.ADD_UP: "none: tokens add up, one step",
    Seen.BOTH_WAYS: "in both directions: several steps, or a solver",
    Seen.WITH_LATER: "each token with all later ones: online",
    Seen.WITH_SOME_LATER: "with some later tokens only",
    Seen.DIAGONAL: "diagonal, not a multiple of 1",
    Seen.NOT_DIAGONAL: "not diagonal",
    Seen.NO_POLYNOMIAL: "no polynomial in s",
}


@said.register
def _(answer: Seen) -> str:
    return _SEEN[answer]


@said.register
def _(answer: Gives) -> str:
    return _SEEN[answer.what].format(f"[{listed(map(number, answer.output))}]")


@said.register
def _(answer: AllBut) -> str:
    return f"{said(answer.what)}, but for a relative {answer.gap:.2g}: an epsilon"


@said.register
def _(answer: NoAnswer) -> str:
    return f"no answer: {answer.why}"


@said.register
def _(answer: Degree) -> str:
    text = f"a polynomial of degree {answer.degree}"
    if answer.alone:
        return f"{text} in s"
    return f"{text}: 2u-1 for u = {(answer.degree + 1) // 2} updates in sequence" if answer.degree % 2 else text


@said.register
def _(answer: Rational) -> str:
    return f"a rational function, numerator of degree {answer.numerator} over {answer.denominator}"


@said.register
def _(answer: NoDegree) -> str:
    return f"no polynomial of degree {answer.degree} or less: {said(answer.why)}"


@said.register
def _(answer: NoRecurrence) -> str:
    return f"no recurrence of order {answer.order} or less"


@said.register
def _(answer: Forgets) -> str:
    alone = len(answer.factors) == 1
    kind = "a decay" if alone else "decay and momentum, or decays that differ by channel"
    return f"{kind}: factors {listed(map(number, answer.factors))} a token"


@said.register
def _(answer: Blocks) -> str:
    return f"between blocks of {answer.width} tokens: mini-batches of {answer.width}"


@said.register
def _(answer: Multiple) -> str:
    return f"{number(answer.size)} times the identity"


@said.register
def _(answer: Response) -> str:
    return f"{answer.output:.6g} at s = 1"
