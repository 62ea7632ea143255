"""Ball arithmetic encloses what float64 computes, for the functions that the exact arithmetics refuse."""

from __future__ import annotations

import flint
import pytest
import torch
import torch.nn.functional as F

from numeric.carriers.balls import Balls
from numeric.carriers.carrier import NoRule
from numeric.deciding.balls import ball, evaluate, evaluate_both
from numeric.deciding.programs import rational
from numeric.probing.box import generic
from numeric.tape.refusals import Refused

POINT = {"X": generic((5, 4), 1), "Y": generic((5, 3), 2), "q": generic((4,), 3)}


def elementary(X, Y, q):
    """Every function of one number."""
    squares = Y * Y + 1
    parts = [
        *(torch.exp(Y), torch.exp2(Y), torch.expm1(Y), torch.log(squares), torch.log2(squares), torch.log10(squares)),
        *(torch.log1p(Y * Y), torch.sqrt(squares), torch.rsqrt(squares), torch.sigmoid(Y), torch.tanh(Y), torch.sin(Y)),
        *(
            torch.cos(Y),
            F.silu(Y),
            torch.erf(Y),
            F.logsigmoid(Y),
            F.softplus(Y),
            F.gelu(Y),
            F.gelu(Y, approximate="tanh"),
        ),
        *(squares**0.5, squares**-1.5, squares**0.3, torch.relu(Y), Y.abs(), Y ** torch.arange(3)),
    ]
    return torch.stack([p.sum() for p in parts])


def normalised(X, Y, q):
    rows = F.layer_norm(Y, (3,)) + F.rms_norm(Y, (3,)) + F.normalize(Y, dim=-1)
    return rows.sum(0) + X.norm(dim=1).sum() + q.norm()


def attention(X, Y, q):
    own = torch.softmax(X @ q, 0) @ Y
    kernel = F.scaled_dot_product_attention(q[None, None, None], X[None, None], Y[None, None])[0, 0, 0]
    return own + kernel + F.log_softmax(Y, 1)[0] + torch.logsumexp(Y, 0)


def in_place(X, Y, q):
    Z = Y.clone()
    Z.exp_()
    Z[0].sigmoid_()
    return Z.sum(0)


def gradients(X, Y, q):
    with torch.enable_grad():
        W = X.new_zeros(3, 4).requires_grad_()
        out = F.layer_norm(X @ W.T + Y, (3,))
        loss = (out * Y).sum() + torch.tanh(X @ W.T).sum() + (torch.softmax(X @ W.T, 1) * Y).sum()
        (gradient,) = torch.autograd.grad(loss + torch.sigmoid(X @ W.T).sum(), W)
    return gradient @ q


@pytest.mark.parametrize("program", [elementary, normalised, attention, in_place, gradients])
def test_balls_enclose_what_float64_computes(program):
    balls, _ = evaluate(program, POINT)
    floats = program(**{name: torch.tensor(a.astype(float)) for name, a in POINT.items()}).detach().numpy()
    for enclosure, value in zip(balls, floats, strict=True):
        assert enclosure.rel_accuracy_bits() > 200
        assert abs(float(enclosure.mid()) - value) < 1e-13 * max(1.0, abs(value))


def test_rational_code_gets_its_rational_value():
    def program(X, Y, q):
        return Y.T @ X @ q / 7

    exact = rational(program, POINT)[0]
    for enclosure, value in zip(evaluate(program, POINT)[0], exact, strict=True):
        assert enclosure.overlaps(ball(value))
        assert float(enclosure.rad()) < 2.0**-240


def test_a_difference_of_2_to_minus_100_is_seen():
    def program(X, Y, q):
        return torch.exp(Y[0])

    def shifted(X, Y, q):
        return torch.exp(Y[0]) + 2.0**-100

    pairs = zip(evaluate(program, POINT)[0], evaluate(shifted, POINT)[0], strict=True)
    assert not any(a.overlaps(b) for a, b in pairs)


def test_what_balls_cannot_decide_is_refused():
    carrier = Balls()
    third = carrier.div(carrier.constant(1), carrier.constant(3))
    with pytest.raises(NoRule, match="too close to call"):
        carrier.compare("lt", third, carrier.mul(third, carrier.constant(1)))

    with pytest.raises(Refused, match=r"aten\.log"):
        evaluate(lambda X, Y, q: torch.log(-(Y * Y) - 1)[0], POINT)
    with pytest.raises(Refused, match="polygamma"):
        evaluate(lambda X, Y, q: torch.polygamma(2, Y)[0], POINT)


def test_precision_is_put_back():
    before = flint.ctx.prec
    evaluate(elementary, POINT)
    assert flint.ctx.prec == before


def scaled(X, Y, q):
    return torch.softmax(0.7071067811865476 * (X @ q), 0) @ Y


def divided(X, Y, q):
    return torch.softmax(X @ q / 2, 0) @ Y


def twice(X, Y, q):
    s = 0.7071067811865476
    return torch.softmax(s * (s * (X @ q)), 0) @ Y


def test_roots_that_the_code_rounds_can_be_read_as_roots():
    """The library scales queries and keys by 2**-0.5 each: as dyadic numbers, the two make no half."""
    apart = evaluate_both(twice, divided, POINT)
    assert not apart[2] and not any(a.overlaps(b) for a, b in zip(*apart[:2], strict=True))
    left, right, known = evaluate_both(twice, divided, POINT, read=True)
    assert {str(reading) for reading in known.values()} == {"(1/2)^(1/2)"}
    assert all(a.overlaps(b) and a.rad() < 2.0**-200 for a, b in zip(left, right, strict=True))
    left, right, _ = evaluate_both(scaled, divided, POINT, read=True)
    assert not any(a.overlaps(b) for a, b in zip(left, right, strict=True))
