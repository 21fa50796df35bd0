"""Which class was taken for which."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True)
class Confusion:
    """What a model made of a labelled set.

    Attributes:
        confusion: (classes, classes) counts, [label, answer].
    """

    confusion: npt.NDArray[np.int64]

    @property
    def correct(self) -> int:
        """Samples with the right class."""
        return int(np.trace(self.confusion))

    @property
    def count(self) -> int:
        """Samples with an answer."""
        return int(self.confusion.sum())

    @property
    def accuracy(self) -> float:
        """The share of samples with the right class, 0 to 1."""
        return self.correct / self.count
