"""Labelled samples, as columns: what a network is asked, and what it should answer."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from renode_mnist.errors import DataError
from renode_mnist.model.inputs import Tensors


@dataclass(frozen=True)
class LabelledSet:
    """Samples with what they should come to.

    Attributes:
        name: Of the set, for reports.
        inputs: One array a tensor of the model, as it stores them; the first axis counts the samples.
        labels: (count,) int64, the index of each sample's class; None where nobody gives them.
        targets: (count, elements) float64, what the output should be in real numbers; None likewise.
        own_names: Of each sample; empty where they have none but their number.
        class_names: By index; empty where classes have none but their number.
        numbers: (count,) int64, each sample's place in the whole set, from 0.
        is_shuffled: Whether its first samples speak for all of them.
        notes: How it came to be, a line each.
    """

    name: str
    inputs: Tensors
    labels: npt.NDArray[np.int64] | None
    targets: npt.NDArray[np.float64] | None
    numbers: npt.NDArray[np.int64]
    own_names: Sequence[str] = ()
    class_names: tuple[str, ...] = ()
    is_shuffled: bool = False
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        """How many samples."""
        return len(self.inputs[0])

    def sample_name(self, position: int) -> str:
        """Of a sample: its file, or its number in the set."""
        return self.own_names[position] if self.own_names else f"#{self.numbers[position]}"

    def tensors(self, position: int) -> Tensors:
        """What one sample asks."""
        return tuple(column[position] for column in self.inputs)

    def only(self, count: int) -> LabelledSet:
        """So many of them; all where there are not more.

        Of a set that is shuffled the first, else evenly spread, since data is often sorted by class.

        Raises:
            DataError: ``count`` is below 1.
        """
        if count < 1:
            raise DataError(f"{count} samples of {self.name} are none", "Ask for at least one.")
        there = len(self)
        if count >= there:
            return self
        chosen = np.arange(count) if self.is_shuffled else np.arange(count) * there // count
        how = "the first" if self.is_shuffled else "evenly spread"
        return replace(
            self,
            inputs=tuple(column[chosen] for column in self.inputs),
            labels=None if self.labels is None else self.labels[chosen],
            targets=None if self.targets is None else self.targets[chosen],
            numbers=self.numbers[chosen],
            own_names=[self.own_names[int(each)] for each in chosen] if self.own_names else (),
            notes=(*self.notes, f"{count:,} of {there:,} samples, {how}"),
        )

    def sha256(self) -> str:
        """Of all that a network is asked and should answer; the same wherever it was read from."""
        found = hashlib.sha256()
        for array in (*self.inputs, self.labels, self.targets):
            if array is not None:
                found.update(repr((array.shape, array.dtype.str)).encode())
                found.update(np.ascontiguousarray(array).data)
        return found.hexdigest()


def class_labels(values: npt.NDArray[Any], count: int, origin: str) -> npt.NDArray[np.int64]:
    """Labels as whole numbers, one a sample.

    Raises:
        DataError: There are more or fewer, or one is no whole number from 0 on.
    """
    flat = np.asarray(values).reshape(-1)
    if len(flat) != count:
        raise DataError(f"{origin} holds {len(flat):,} labels for {count:,} samples", "Give one for each sample.")
    if flat.dtype.kind not in "biuf" or np.any(flat != np.rint(flat)) or np.any(flat < 0):
        raise DataError(f"{origin}: the labels are no whole numbers from 0 on", "Give the index of each class.")
    return flat.astype(np.int64)
