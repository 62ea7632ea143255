"""Conventions of calling: each is one file, found by its name, and a new one is one new file."""

import sys

import pytest

from proofs.audit.answer import Word
from proofs.audit.run import compared
from proofs.evidence import Settings
from proofs.target import adapters
from proofs.target.loading import TargetError, load

COLUMNS = '''"""Layers of columns: f(X^T (f, N), Y^T (m, N), x_q (f, 1)) -> (m, 1)."""

from proofs.target.adapters import Adapter, BuiltIn, plain


def _columns(target):
    names = target.parameters[3:]

    def call(X, Y, x_q, **given):
        return target.call(X.T, Y.T, x_q[:, None], **plain(given))[:, 0]

    return Adapter("columns", call, names, tuple(n for n in names if n in target.required))


ADAPTER = BuiltIn({"": _columns})
'''
LAYER = """
def layer(X, Y, x_q, eta):
    return eta * Y @ X.T @ x_q / X.shape[1]
"""


def test_a_new_adapter_is_one_new_file(tmp_path, monkeypatch):
    folder = tmp_path / "adapters"
    folder.mkdir()
    (folder / "columns.py").write_text(COLUMNS)
    (tmp_path / "layer_of_columns.py").write_text(LAYER)
    monkeypatch.setattr(adapters, "__path__", [*adapters.__path__, str(folder)])
    adapters.library.cache_clear()
    try:
        assert "columns" in adapters.built_in()
        with pytest.raises(TargetError, match="no adapter 'column'; near names: columns"):
            adapters.adapt(load(f"{tmp_path / 'layer_of_columns.py'}:layer"), "column")
        found = compared(f"{tmp_path / 'layer_of_columns.py'}:layer", "gd", "columns", {}, Settings(seed=1), {"N": 5})
        assert found.word is Word.PROVED and found.adapter == "columns", str(found)
    finally:
        adapters.library.cache_clear()
        sys.modules.pop(f"{adapters.__name__}.columns", None)


def test_a_variant_is_named_after_its_convention():
    assert {"kv", "kv:BHTD:exclusive", "tokens:joint", "attention", "step:transposed"} <= {*adapters.built_in()}
    layouts = [adapters.named(name, v) for name, c in adapters.library().items() for v in c.layouts]
    assert {*layouts} <= {*adapters.built_in()}


@pytest.mark.parametrize("text", ["kv:BTHD", "step:last", "attn"])
def test_an_unknown_one_names_the_near_ones(text):
    def layer(X, Y, x_q):
        return x_q

    with pytest.raises(
        TargetError, match=r"no adapter '.*'; near names: (kv|step|attention).*; built in: attention, kv, "
    ):
        adapters.adapt(load(layer), text)
