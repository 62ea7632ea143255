"""Does an operator keep what every operator of its kind promises, whatever it computes?"""

from proofs.contract.check import contracts

__all__ = ["contracts"]
