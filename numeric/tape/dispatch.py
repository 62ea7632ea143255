"""The dispatch mode that this project's modes are made of.

Main definition: `Dispatch`.
"""

from __future__ import annotations

from torch.utils._python_dispatch import TorchDispatchMode


class Dispatch(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Sees what torch does inside a `with` block, in calls that nothing compiles."""

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        return False  # else torch imports its compiler at the first call, which takes longer than most audits

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
