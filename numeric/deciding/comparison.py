"""What every engine is asked: whether two programs are one function of the same inputs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from numeric.deciding.programs import Program, Recorded, Shapes, Sizes, recorded
from numeric.entropy import Entropy


@dataclass(frozen=True)
class Comparison:
    """Two programs, and what is known of their inputs.

    shapes: each input's shape in words. sizes: the numbers that the words stand for. names: what findings call the
    programs. admits: which sizes make sense, for a counterexample. entropy: where points come from; None for the engine's.
    """

    left: Program
    right: Program
    shapes: Shapes = field(default_factory=dict)
    sizes: Sizes = field(default_factory=dict)
    names: tuple[str, str] = ("left", "right")
    admits: Callable[[Sizes], bool] = lambda sizes: True
    entropy: Entropy | None = None

    def recorded(self, positive: Sequence[str] = ()) -> Comparison:
        """The same with tapes. positive: inputs that are recorded between 0 and 1."""
        return replace(self, left=recorded(self.left, positive), right=recorded(self.right, positive))

    @property
    def tapes(self) -> tuple[Recorded, Recorded]:
        """Both programs with their tapes."""
        return recorded(self.left), recorded(self.right)
