"""The real runtimes that generated code is compared with."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy.typing as npt
from ai_edge_litert.interpreter import Interpreter, OpResolverType
from tflite_micro import runtime
from tflite_micro.tensorflow.lite.micro.python import schema_py_generated as schema

from random_networks import Network

Tensors = tuple[npt.NDArray[Any], ...]
"""One array an input, or an output, of a network."""


def tflite_micro(network: Network) -> list[npt.NDArray[Any]]:
    """What TensorFlow Lite Micro computes."""
    return [answer for (answer,) in tflite_micro_on(network.content, [(values,) for values in network.inputs])]


def tflite_micro_on(content: bytes, inputs: Iterable[Tensors]) -> list[Tensors]:
    """What TensorFlow Lite Micro makes of each set of inputs."""
    interpreter = runtime.Interpreter.from_bytes(content, arena_size=1 << 20)
    outputs = range(output_count(content))
    results = []
    for tensors in inputs:
        for position, values in enumerate(tensors):
            interpreter.set_input(values, position)
        interpreter.invoke()
        results.append(tuple(interpreter.get_output(position) for position in outputs))
    return results


def output_count(content: bytes) -> int:
    """Outputs of a model."""
    return int(schema.Model.GetRootAs(content, 0).Subgraphs(0).OutputsLength())


def litert(network: Network) -> list[npt.NDArray[Any]]:
    """What LiteRT computes without XNNPACK, whose results depend on the machine."""
    return [answer for (answer,) in litert_on(network.content, [(values,) for values in network.inputs])]


def litert_plain(network: Network) -> list[npt.NDArray[Any]]:
    """What LiteRT's reference kernels compute, which TensorFlow Lite Micro shares where it has the operator."""
    inputs = [(values,) for values in network.inputs]
    return [answer for (answer,) in litert_on(network.content, inputs, reference=True)]


def litert_on(content: bytes, inputs: Iterable[Tensors], **how: Any) -> list[Tensors]:
    """What LiteRT makes of each set of inputs."""
    interpreter = litert_interpreter(content, **how)
    sources = [detail["index"] for detail in interpreter.get_input_details()]
    answers = [detail["index"] for detail in interpreter.get_output_details()]
    results = []
    for tensors in inputs:
        for index, values in zip(sources, tensors, strict=True):
            interpreter.set_tensor(index, values)
        interpreter.invoke()
        results.append(tuple(interpreter.get_tensor(index) for index in answers))
    return results


def litert_interpreter(content: bytes, *, reference: bool = False, **how: Any) -> Any:
    """LiteRT's interpreter without delegates, ready for inputs; with its reference kernels or its optimised ones."""
    kernels = OpResolverType.BUILTIN_REF if reference else OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES
    interpreter = Interpreter(model_content=content, experimental_op_resolver_type=kernels, **how)
    interpreter.allocate_tensors()
    return interpreter
