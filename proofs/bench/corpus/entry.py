"""What the soundness bench knows of a true layer."""

from __future__ import annotations

import inspect
import textwrap
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any


@dataclass(frozen=True)
class Entry:
    """One true layer: the learner it runs, how it is called, and its gates in that learner's parameters.

    axes: for gates that are neither one number (layers without an adapter) nor one a token and head (operators), the
    axes of their values, such as `N` or `Nf`. exact: whether the audit can end in a proof; softmax, a root or a layer
    norm is outside rational functions. named: whether the bench of identification has it too. text: the layer's source,
    read from its file by default. module: the code that stands before it in a file of its own.
    """

    layer: Callable[..., Any]
    against: str
    gates: Mapping[str, str] = field(default_factory=dict)
    adapter: str | None = None
    exact: bool = True
    axes: Mapping[str, str] = field(default_factory=dict)
    named: bool = False
    text: str = ""
    module: str = "import torch\n"

    def __post_init__(self) -> None:
        object.__setattr__(self, "gates", MappingProxyType(dict(self.gates)))
        object.__setattr__(self, "axes", MappingProxyType(dict(self.axes)))

    @property
    def name(self) -> str:
        """The layer's name."""
        return self.layer.__name__

    @property
    def source(self) -> str:
        """The layer's source, from its own first column."""
        return self.text or textwrap.dedent(inspect.getsource(self.layer))
