"""The public name of `numeric.deciding.float_identity`: do two programs agree in floating point, within derived bounds?"""

from numeric.deciding.float_identity import check, decide

__all__ = ["check", "decide"]
