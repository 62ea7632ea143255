"""What is found, in words: `said` of a finding's data, one function a kind, in a file for each room that finds it.

A text is somebody else's, and is said as it is. Main definition: `said`.
"""

from reports.said import audits, identification, notes, numbers, parameters, targets
from reports.said.kinds import pasted, said, short

__all__ = ["audits", "identification", "notes", "numbers", "parameters", "pasted", "said", "short", "targets"]
