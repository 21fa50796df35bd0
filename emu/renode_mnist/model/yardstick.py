"""What the PC computes, to hold the firmware against: LiteRT's reference kernels, every tensor kept.

Its default interpreter is no yardstick. It gives most of a network to XNNPACK, whose int8 arithmetic rounds otherwise
and depends on the machine; its optimised kernels without delegates differ in some operators too. The reference
kernels (``OpResolverType.BUILTIN_REF``) are those that TensorFlow Lite Micro's are made from.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping, Sequence
from importlib import metadata
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from renode_mnist import remedies
from renode_mnist.codegen.graph import ElementType, Graph
from renode_mnist.errors import EnvironmentProblem, ModelError
from renode_mnist.model._quiet import quiet
from renode_mnist.model.inputs import Tensors


class LacksKernel(ModelError):
    """LiteRT's reference kernels leave out an operator that its optimised ones have."""


class Yardstick(Protocol):
    """Computes a network on this PC."""

    @property
    def name(self) -> str:
        """Runtime, version and kernels."""
        ...

    def tensors(self, inputs: Tensors) -> Mapping[int, npt.NDArray[Any]]:
        """One inference from the initial state: each tensor that is no constant, by its index in the file."""
        ...


class LiteRt:
    """LiteRT's reference kernels.

    Args:
        content: A ``.tflite`` file.
        graph: The same, read.

    Raises:
        EnvironmentProblem: LiteRT is not installed.
        LacksKernel: Its reference kernels leave out one of the model's operators.
        ModelError: It can't compute the model, or not as TensorFlow Lite Micro does.
    """

    def __init__(self, content: bytes, graph: Graph) -> None:
        if reason := unfit(graph):
            raise ModelError(
                f"LiteRT can't judge {graph.name}: {reason}",
                "`renode-mnist verify` takes engine reference on this PC for it.",
            )
        self._graph = graph
        self._runtime = _Runtime(content, graph, reference=True, experimental_preserve_all_tensors=True)
        self.name = f"LiteRT {version()}, reference kernels"

    def tensors(self, inputs: Tensors) -> Mapping[int, npt.NDArray[Any]]:
        """See `Yardstick.tensors`."""
        interpreter = self._runtime.invoked(inputs)
        found = {}
        for tensor in self._graph.tensors:
            # Reading a handle of a variable ends the process.
            if not tensor.is_constant and tensor.type.dtype is not None:
                # A variable that lives between inferences, or a tensor that nothing writes, may have none.
                try:
                    found[tensor.index] = interpreter.get_tensor(tensor.index)
                except ValueError:
                    continue
        return found


class LiteRtDefault:
    """LiteRT as `Interpreter(model_path=...)` gives it: with XNNPACK where that takes an operator. Outputs only."""

    def __init__(self, content: bytes, graph: Graph) -> None:
        self._runtime = _Runtime(content, graph, reference=False)

    def outputs(self, inputs: Tensors) -> Tensors:
        """One inference from the initial state."""
        interpreter = self._runtime.invoked(inputs)
        return tuple(interpreter.get_tensor(each["index"]) for each in interpreter.get_output_details())


def unfit(graph: Graph) -> str:
    """Why LiteRT computes a network otherwise than TensorFlow Lite Micro; empty where it does not."""
    for operator in graph.operators:
        state = operator.optional_input(4) if operator.op == "SVDF" else None
        if state is not None and state.type is ElementType.INT8:
            return f"its SVDF takes the int8 state of '{operator.name}' for int16"
        if operator.op == "UNIDIRECTIONAL_SEQUENCE_LSTM" and operator.input.type is ElementType.INT8:
            return f"it rounds the int8 gates of '{operator.name}' otherwise"
        if operator.op == "FULLY_CONNECTED" and operator.input.type is ElementType.INT16:
            return f"in int16 it multiplies the sums of '{operator.name}' in double, where a result may be a step off"
    return ""


def rounds_once(graph: Graph) -> str:
    """Where LiteRT may be a step off TensorFlow Lite Micro, and why; empty where it may not.

    Its FULLY_CONNECTED in int8 rounds a sum's product with the output's factor once, TensorFlow Lite Micro's twice:
    of 25,600 results of dense layers with random weights 48 were a step apart (LiteRT 2.3.0).
    """
    for operator in graph.operators:
        if operator.op == "FULLY_CONNECTED" and operator.input.type is ElementType.INT8:
            return f"LiteRT's reference kernels round the int8 sums of '{operator.name}' once, not twice"
    return ""


def outputs(graph: Graph, tensors: Mapping[int, npt.NDArray[Any]]) -> Tensors:
    """Of all tensors those that the network hands out."""
    return tuple(tensors[tensor.index] for tensor in graph.outputs)


def version() -> str:
    """Of the LiteRT that is installed; empty where there is none."""
    try:
        return metadata.version("ai-edge-litert")
    except metadata.PackageNotFoundError:
        return ""


class _Runtime:
    """An interpreter that begins each inference from the initial state."""

    def __init__(self, content: bytes, graph: Graph, *, reference: bool, **how: Any) -> None:
        self._make = functools.partial(_interpreter, content, reference=reference, **how)
        self._used = False
        # ``reset_all_variables`` leaves those alone that operators read and assign: each inference has them anew.
        self._is_used_up = any(operator.op == "VAR_HANDLE" for operator in graph.operators)
        self._interpreter = self._make()

    def invoked(self, inputs: Tensors) -> Any:
        """The interpreter after an inference."""
        if self._used and self._is_used_up:
            self._interpreter = self._make()
        self._used = True
        _invoke(self._interpreter, inputs)
        return self._interpreter


def _interpreter(content: bytes, *, reference: bool, **how: Any) -> Any:
    try:
        with quiet():
            from ai_edge_litert.interpreter import Interpreter, OpResolverType
    except ImportError as error:
        raise EnvironmentProblem(f"LiteRT's kernels need {error.name}", remedies.run_extra("verify")) from None
    kernels = OpResolverType.BUILTIN_REF if reference else OpResolverType.AUTO
    try:
        with quiet():
            interpreter = Interpreter(model_content=content, experimental_op_resolver_type=kernels, **how)
            interpreter.allocate_tensors()
    except (ValueError, RuntimeError) as error:
        if missing := re.search(r"Didn't find op for builtin opcode '(\w+)'", str(error)):
            raise LacksKernel(
                f"the {'reference ' if reference else ''}kernels of LiteRT {version()} have no {missing[1]} as the "
                "model has it",
                "`renode-mnist verify` takes engine reference on this PC for it.",
            ) from None
        raise ModelError(f"LiteRT can't run the model ({' '.join(str(error).split())})", "Export it again.") from None
    return interpreter


def _invoke(interpreter: Any, inputs: Tensors) -> None:
    interpreter.reset_all_variables()
    for detail, values in zip(interpreter.get_input_details(), inputs, strict=True):
        # Where the batch is None in the file, LiteRT holds 1.
        interpreter.set_tensor(detail["index"], values.reshape(detail["shape"]))
    try:
        interpreter.invoke()
    except RuntimeError as error:
        raise ModelError(
            f"LiteRT can't run the model ({error})", "Look for inputs out of an index's range."
        ) from None


def equal_bits(left: Sequence[npt.NDArray[Any]], right: Sequence[npt.NDArray[Any]]) -> bool:
    """Whether arrays hold the same bytes, one by one."""
    return all(np.array_equal(a.view(np.uint8), b.view(np.uint8)) for a, b in zip(left, right, strict=True))
