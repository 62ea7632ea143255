"""Callables are asked about as files are: identified, by an adapter of the user's too, and with gates that can be told apart."""

from __future__ import annotations

import pytest
import torch

from proofs.audit.answer import Word
from proofs.evidence import Settings
from proofs.identify.ask import ask
from proofs.identify.run import identify
from proofs.target.loading import TargetError
from reports.answers import every


@pytest.mark.slow
def test_callables_are_named_as_their_files_are():
    def delta(X, Y, x_q, beta):
        W = X.new_zeros(Y.shape[1], X.shape[1])
        for x, y in zip(X, Y, strict=True):
            W = W + beta * torch.outer(y - W @ x, x)
        return W @ x_q

    def turned(layer, X, Y, x_q, beta):
        return layer(X, Y, x_q, beta)

    found = ask(delta, None, settings=Settings(seed=1))
    assert found.word is Word.PROVED and found.learner.id == "online_gd", str(found)
    assert every(found) == ("beta",)
    other = identify(delta, turned, settings=Settings(seed=1))
    assert other.learner == found.learner and other.parameters == found.parameters
    with pytest.raises(TargetError, match="needs 7 gates"):
        identify(lambda X, Y, x_q, a, b, c, d, e, f, g: Y[0])
