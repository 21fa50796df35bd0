"""Engine ``reference`` as a program on this PC: what the firmware is held against where LiteRT can't be."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy.typing as npt

from renode_mnist import codegen
from renode_mnist.images import BuildConfig, build
from renode_mnist.measure.layer_tensors import TraceImage
from renode_mnist.model.inputs import Tensors
from renode_mnist.session.opening import open_session


class HostYardstick:
    """A `renode_mnist.model.yardstick.Yardstick`; open while used.

    Args:
        model: A ``.tflite`` file.
        why: It is taken in place of LiteRT.

    Raises:
        EnvironmentProblem: There is no compiler for this PC.
        ModelError: The engine can't compute the model.
    """

    def __init__(self, model: Path, why: str) -> None:
        self._plan = codegen.plan(codegen.load(model), "reference")
        program = build(BuildConfig(model, engine="reference", machine="host", trace=True)).elf
        self._session = open_session("host", program)
        self.name = f"engine reference on this PC ({why})"

    def __enter__(self) -> Self:
        """Starts the program."""
        self._session.__enter__()
        self._observer = TraceImage(self._session, self._plan)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Ends it."""
        self._session.__exit__(kind, error, trace)

    def tensors(self, inputs: Tensors) -> Mapping[int, npt.NDArray[Any]]:
        """See `Yardstick.tensors`; what the engine makes without a copy of its own is left out."""
        observed = self._observer.infer(inputs)
        outputs = zip(self._plan.graph.outputs, observed.outputs, strict=True)
        return {**observed.tensors, **{tensor.index: values for tensor, values in outputs}}
