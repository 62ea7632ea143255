"""Every integer of a target's code is found, wherever it is written, and none of a library's."""

from proofs.target.loading import load
from proofs.target.source.integers import integers

SOURCE = """
import functools
import torch

CHUNK = 48
OTHER = 1000

def helper(x, window=21):
    return x[-window:]

@functools.lru_cache(None)
def cached(n):
    return n * 33

def closing(n):
    def layer(X, Y, x_q):
        return helper(X) + n + CHUNK
    return layer

closed = closing(77)

def layer(X, Y, x_q, *, limit=55):
    if len(X) > 40.0 or len(X[:18]) > 2**6:
        return cached(X)
    return 0.5 * helper(X) + CHUNK + torch.pi

class Module(torch.nn.Module):
    depth = 12
    def __init__(self):
        super().__init__()
        self.size, self.flag = 130, True
        self.inner = torch.nn.Linear(3, 7)
    def forward(self, X, Y, x_q):
        return self.inner(X)[:, : self.size] + self.more()
    def more(self):
        return 19
"""


def test_literals_defaults_closures_and_attributes(tmp_path):
    path = tmp_path / "numbers.py"
    path.write_text(SOURCE)
    assert integers(load(f"{path}:layer").call) == (18, 21, 33, 40, 48, 55, 64)
    assert integers(load(f"{path}:closed").call) == (21, 48, 77)
    assert set(integers(load(f"{path}:Module").call)) >= {12, 19, 130, 3, 7} - {1000}
    assert 1000 not in integers(load(f"{path}:Module").call)


def test_libraries_have_none():
    import torch

    assert integers(torch.optim.SGD) == ()


def test_a_type_that_counts_no_further_is_an_integer(tmp_path):
    path = tmp_path / "counting.py"
    path.write_text("import torch\ndef layer(X):\n    return X / torch.tensor(len(X), dtype=torch.float16)\n")
    assert integers(load(f"{path}:layer").call) == (2048,)
