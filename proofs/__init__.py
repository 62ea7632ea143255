"""Claims and their evidence: one file per claim below `proofs/gd`, `proofs/hippo`, ..."""

from importlib.util import find_spec
from pathlib import Path

_home = Path(__file__).resolve().parent.parent
for _name in ("constructions", "numeric", "reports"):
    _spec = find_spec(_name)
    _at = Path(_spec.origin).resolve().parent.parent if _spec and _spec.origin else None
    if _at != _home:
        raise ImportError(
            f"'{_name}' is found in {_at}, not in {_home}: the current folder has a folder of that name. "
            "Start Python with -P, or from another folder."
        )
