"""Numbers that Python makes of a length cost the answer for every length; what layers usually compute does not."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import CodeType

import pytest

from proofs.target.source.length_numbers import MakesNumbers, hidden

HIDDEN = {
    "digits": "g = 1 + bin(T).count('1') // 6",
    "text": "g = len(str(T))",
    "formatted": "g = len(f'{T}')",
    "truth": "g = 1 + (T * 0.02 == 1)",
    "chosen": "g = [1, 2][T * 0.02 == 1]",
    "truth as a number": "g = float(T / 49 * 49 != T)",
    "negated": "g = -(T * 0.02 == 1)",
    "logarithm": "g = math.floor(math.log2(T))",
    "bits": "g = T.bit_length()",
    "shift": "g = T >> 6",
    "a power of two": "g = 1 + (0 if T & (T - 1) else 1)",
    "odd": "g = 1 + (T & 1)",
}
USUAL = {
    "chunks": "g = [X[t : t + 16] for t in range(0, T, 16)]",
    "scale": "g = 1 / math.sqrt(X.shape[1])",
    "mask": "mask = torch.arange(T)[:, None] >= torch.arange(T)\n    g = X.masked_fill(~mask[:, :1], 0)",
    "masks": "late, early = torch.arange(T) >= 2, torch.arange(T) < 9\n    g = X.masked_fill((late & early)[:, None], 0)",
    "branch": "g = 2 if T > 3 else 1",
    "message": "assert T > 0, f'{T} tokens'\n    g = 1",
}


def code(tmp_path: Path, body: str) -> CodeType:
    path = tmp_path / "layer.py"
    path.write_text(f"import math\nimport torch\n\ndef layer(X):\n    T = X.shape[0]\n    {body}\n    return g\n")
    spec = importlib.util.spec_from_file_location("layer", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    found: CodeType = module.layer.__code__
    return found


@pytest.mark.parametrize("name", HIDDEN)
def test_what_two_lengths_do_not_show_is_found(tmp_path: Path, name: str) -> None:
    assert hidden([code(tmp_path, HIDDEN[name])]) == MakesNumbers(6)


@pytest.mark.parametrize("name", USUAL)
def test_what_layers_usually_do_is_not(tmp_path: Path, name: str) -> None:
    assert hidden([code(tmp_path, USUAL[name])]) is None


def test_other_functions_of_the_file_do_not_count(tmp_path: Path) -> None:
    layer = code(tmp_path, "g = 1")
    text = Path(layer.co_filename).read_text() + "\n\ndef shown(T):\n    return str(T)\n"
    Path(layer.co_filename).write_text(text)
    assert hidden([layer]) is None
