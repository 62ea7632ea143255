"""Does this target run the named learner, exactly?"""

from proofs.audit.run import audit

__all__ = ["audit"]
