"""The lines that an answer points at are the layer's own, whatever it is called through."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from numeric.tape.numpy.programs import as_program
from proofs.identify.sources import sources


def _of_numpy(X, Y, x_q):
    state = np.zeros((Y.shape[1], X.shape[1]))
    for x, y in zip(X, Y, strict=True):
        state += np.outer(y, x)
    return state @ x_q


class _Module(torch.nn.Module):
    def forward(self, X, Y, x_q):
        return Y.T @ X @ x_q


def test_the_lines_are_those_of_the_target():
    lines = Path(__file__).read_text().splitlines()
    found = sources(as_program(_of_numpy))
    assert found == sources(_of_numpy)
    assert [text for _, text in found] == ["state += np.outer(y, x)", "return state @ x_q"]
    for place, text in (*found, *sources(_Module())):
        file, _, line = place.rpartition(":")
        assert Path(file).name == Path(__file__).name
        assert lines[int(line) - 1].strip() == text
