"""Which learner does this target run?"""

from proofs.identify.run import identify

__all__ = ["identify"]
