"""Back-end of engine ``tflm``: TensorFlow Lite Micro's interpreter over the file itself.

Nothing is computed by generated code. It says which operators the interpreter must know, what the application has
to know of the model at compile time, and how large the arena must be at most.
"""

from __future__ import annotations

from dataclasses import replace

from renode_mnist.codegen import cmsis_nn, geometry
from renode_mnist.codegen.emit import banner, description, model_config
from renode_mnist.codegen.graph import ElementType, Graph, Operator, Tensor
from renode_mnist.codegen.memory import Lifetime, first_fit
from renode_mnist.codegen.plan import Buffer, Objective, Plan, Program, Step
from renode_mnist.codegen.support import Kind, kind
from renode_mnist.errors import ModelError

_ARENA_ALIGNMENT = 16

# By operator: the resolver's method, and the kernel's name in Register_<kernel>().
_REGISTRATIONS = {
    "ADD": ("AddAdd", "ADD"),
    "AVERAGE_POOL_2D": ("AddAveragePool2D", "AVERAGE_POOL_2D"),
    "CONV_2D": ("AddConv2D", "CONV_2D"),
    "DEPTHWISE_CONV_2D": ("AddDepthwiseConv2D", "DEPTHWISE_CONV_2D"),
    "DEQUANTIZE": ("AddDequantize", "DEQUANTIZE"),
    "FULLY_CONNECTED": ("AddFullyConnected", "FULLY_CONNECTED"),
    "MAX_POOL_2D": ("AddMaxPool2D", "MAX_POOL_2D"),
    "MEAN": ("AddMean", "MEAN"),
    "PAD": ("AddPad", "PAD"),
    "QUANTIZE": ("AddQuantize", "QUANTIZE"),
    "RELU": ("AddRelu", "RELU"),
    "RELU6": ("AddRelu6", "RELU6"),
    "RESHAPE": ("AddReshape", "RESHAPE"),
    "SOFTMAX": ("AddSoftmax", "SOFTMAX"),
}
# Those with a registration for int8 alone, which leaves the kernels for other types out of the image.
_INT8_ONLY = {
    "ADD",
    "AVERAGE_POOL_2D",
    "CONV_2D",
    "DEPTHWISE_CONV_2D",
    "FULLY_CONNECTED",
    "MAX_POOL_2D",
    "PAD",
    "SOFTMAX",
}


class Tflm:
    """The back-end; its steps are the interpreter's, so that they have names and sizes but no calls."""

    name = "tflm"

    def lower(self, graph: Graph, objective: Objective) -> Program:
        """One step an operator, RESHAPE too; the objective makes no difference here."""
        buffers: dict[Tensor, Buffer] = {}

        def buffer(tensor: Tensor) -> Buffer:
            if tensor not in buffers:
                dtype = tensor.type.dtype
                assert dtype is not None
                buffers[tensor] = Buffer(f"tensor_{tensor.index}", dtype.name, tensor.element_count, tensor=tensor)
            return buffers[tensor]

        steps = []
        source = buffer(graph.inputs[0])
        for operator in graph.operators:
            if kind(operator) is Kind.HYBRID:
                raise ModelError(
                    f"Engine tflm cannot compute {operator}: TensorFlow Lite Micro has no hybrid kernels (float32 "
                    "activations with int8 weights)",
                    "Choose engine reference for this model, or export it as int8",
                )
            flowing = [tensor for tensor in operator.inputs if tensor is not None and not tensor.is_constant]
            scratch_bytes = _scratch_bytes(operator)
            scratch = Buffer(f"scratch_{operator.index}", "int8", scratch_bytes)
            steps.append(
                Step(
                    name=operator.name,
                    operators=(operator,),
                    reads=tuple(buffer(tensor) for tensor in dict.fromkeys(flowing)),
                    writes=tuple(buffer(tensor) for tensor in operator.outputs),
                    call="",
                    scratch=(scratch,) if scratch_bytes else (),
                )
            )
        return Program(tuple(steps), source, buffer(graph.outputs[0]))


def _scratch_bytes(operator: Operator) -> int:
    """What CMSIS-NN's kernels ask for; the reference kernels ask for nothing."""
    if kind(operator) is not Kind.INT8:
        return 0
    match operator.op:
        case "CONV_2D":
            return cmsis_nn.convolution_scratch_bytes(geometry.window(operator), operator.input.shape[3])
        case "DEPTHWISE_CONV_2D":
            batches, _, _, channels = operator.input.shape
            return cmsis_nn.depthwise_scratch_bytes(
                geometry.window(operator), batches, channels, operator.output.shape[3]
            )
        case "AVERAGE_POOL_2D":
            return cmsis_nn.average_pool_scratch_bytes(operator.input.shape[3])
        case "FULLY_CONNECTED":
            # One multiplier and one shift a channel, where it computes as a 1x1 convolution.
            return 8 * operator.output.shape[-1] if len(operator.output.shape) > 2 else 0
        case _:
            return 0


def activation_bytes(plan: Plan) -> int:
    """What ``GreedyMemoryPlanner`` makes of tensors and scratch memory: first fit, largest first."""
    lifetimes = [Lifetime(p.first, p.last, _aligned(p.buffer.byte_count), _ARENA_ALIGNMENT) for p in plan.placements]
    order = sorted(range(len(lifetimes)), key=lambda i: (-lifetimes[i].byte_count, -i))
    return first_fit(lifetimes, order)[1]


def _aligned(byte_count: int) -> int:
    return -(-byte_count // _ARENA_ALIGNMENT) * _ARENA_ALIGNMENT


def bookkeeping_bytes(graph: Graph) -> int:
    """Most that the interpreter takes beside activations, with pointers of 4 bytes.

    Measured with tflite-micro 90b983c2b and rounded up: the interpreter itself, then for each tensor its
    TfLiteEvalTensor and what the planner notes, for each operator its node, options and kernel data, and for each
    quantised channel a multiplier and a shift.
    """
    channels = sum(
        tensor.shape[tensor.quantisation.axis] if tensor.quantisation.per_channel else operator.output.shape[-1]
        for operator in graph.operators
        if kind(operator) is Kind.INT8
        for tensor in operator.inputs[1:2]
        if tensor is not None and tensor.quantisation is not None
    )
    return 1024 + 16 * len(graph.tensors) + 208 * len(graph.operators) + 8 * channels


def files(plan: Plan) -> dict[str, str]:
    """The generated files, by name."""
    kinds = list(dict.fromkeys(operator.op for operator in plan.graph.operators))
    sized = replace(plan, arena_bytes=_aligned(activation_bytes(plan)))
    return {
        "model_config.hpp": model_config(
            sized,
            # The file stands in flash as it is; its weights are read in place.
            kWeightsBytes=plan.graph.file_bytes,
            kBookkeepingBytes=bookkeeping_bytes(plan.graph),
            kOperatorKinds=len(kinds),
        ),
        "model.cpp": _model(plan, kinds),
    }


def _model(plan: Plan, kinds: list[str]) -> str:
    added = "".join(
        f"      resolver.{_REGISTRATIONS[op][0]}(marked<{number}>({_registration(plan.graph, op)})),\n"
        for number, op in enumerate(kinds)
    )
    return (
        banner(plan, "What TensorFlow Lite Micro has to know, and what the application does.")
        + f"""#include "engine/tflm/tflm.hpp"

namespace engine {{
namespace {{

{description(plan)}
}}  // namespace
}}  // namespace engine

namespace tflm {{

const engine::ModelInfo& description() {{ return engine::kModel; }}

bool add_operators(Resolver& resolver) {{
  const TfLiteStatus added[] = {{
{added}  }};
  for (const TfLiteStatus status : added) {{
    if (status != kTfLiteOk) return false;
  }}
  return true;
}}

}}  // namespace tflm
"""
    )


def _registration(graph: Graph, op: str) -> str:
    int8 = all(_is_int8(operator) for operator in graph.operators if operator.op == op)
    suffix = "_INT8" if int8 and op in _INT8_ONLY else ""
    return f"tflite::Register_{_REGISTRATIONS[op][1]}{suffix}()"


def _is_int8(operator: Operator) -> bool:
    return operator.input.type is ElementType.INT8 and operator.output.type is ElementType.INT8
