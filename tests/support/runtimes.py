"""The real runtimes that generated code is compared with."""

from __future__ import annotations

from typing import Any

import numpy.typing as npt
from ai_edge_litert.interpreter import Interpreter, OpResolverType
from tflite_micro import runtime

from random_networks import Network


def tflite_micro(network: Network) -> list[npt.NDArray[Any]]:
    """What TensorFlow Lite Micro computes."""
    interpreter = runtime.Interpreter.from_bytes(network.content, arena_size=1 << 20)
    results = []
    for values in network.inputs:
        interpreter.set_input(values, 0)
        interpreter.invoke()
        results.append(interpreter.get_output(0))
    return results


def litert(network: Network) -> list[npt.NDArray[Any]]:
    """What LiteRT computes without XNNPACK, whose results depend on the machine."""
    interpreter = Interpreter(
        model_content=network.content,
        experimental_op_resolver_type=OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
    )
    interpreter.allocate_tensors()
    source, result = interpreter.get_input_details()[0]["index"], interpreter.get_output_details()[0]["index"]
    results = []
    for values in network.inputs:
        interpreter.set_tensor(source, values)
        interpreter.invoke()
        results.append(interpreter.get_tensor(result))
    return results
