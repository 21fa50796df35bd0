"""What is written for the interpreter: the operators that it must know, and sizes."""

from __future__ import annotations

from dataclasses import replace

from renode_mnist.codegen.graph import ElementType, Graph, Operator
from renode_mnist.codegen.planning import Plan
from renode_mnist.codegen.tflm import arena, registration
from renode_mnist.codegen.writer import banner, description, model_config


def files(plan: Plan) -> dict[str, str]:
    """The generated files, by name."""
    kinds = list(dict.fromkeys(operator.op for operator in plan.graph.operators))
    sized = replace(plan, arena_bytes=arena.aligned(arena.activation_bytes(plan)))
    return {
        "model_config.hpp": model_config(
            sized,
            # The file stands in flash as it is; its weights are read in place.
            kWeightsBytes=plan.graph.file_bytes,
            kBookkeepingBytes=arena.bookkeeping_bytes(plan.graph),
            kOperatorKinds=len(kinds),
        ),
        "model.cpp": _model(plan, kinds),
    }


def _model(plan: Plan, kinds: list[str]) -> str:
    added = "".join(f"      {_added(plan.graph, number, op)},\n" for number, op in enumerate(kinds))
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


def _added(graph: Graph, number: int, op: str) -> str:
    method = f"resolver.{registration.method(op)}"
    if registration.of(op).fixed:
        return f"marked_there<{number}>(resolver, {method}(), tflite::BuiltinOperator_{op})"
    return f"{method}(marked<{number}>({_kernel(graph, op)}))"


def _kernel(graph: Graph, op: str) -> str:
    int8 = all(_is_int8(operator) for operator in graph.operators if operator.op == op)
    suffix = "_INT8" if int8 and registration.of(op).int8 else ""
    return f"tflite::Register_{op}{suffix}()"


def _is_int8(operator: Operator) -> bool:
    """Also its weights: a kernel for int8 alone would read packed ones of 4 bits as if they were int8."""
    ends = operator.input.type is ElementType.INT8 and operator.output.type is ElementType.INT8
    return ends and not any(tensor is not None and tensor.type is ElementType.INT4 for tensor in operator.inputs)
