"""Engine ``tflm``: its steps are the interpreter's, so that they have names and sizes but no calls."""

from __future__ import annotations

from collections.abc import Collection

from renode_mnist.codegen import operators
from renode_mnist.codegen.graph import Graph, Operator
from renode_mnist.codegen.kernel import Kernel
from renode_mnist.codegen.lowering import Lowering
from renode_mnist.codegen.objective import Aim
from renode_mnist.codegen.operators import Kind
from renode_mnist.codegen.planning import Plan
from renode_mnist.codegen.program import Buffer, Program, Step
from renode_mnist.codegen.tflm import registration
from renode_mnist.codegen.tflm.files import files
from renode_mnist.errors import ModelError


class Tflm:
    """The engine; no pass is run, as the file is interpreted as it is."""

    name = "tflm"
    passes: Collection[str] = ()
    interprets = True

    def kernel(self, operator: Operator) -> Kernel | None:
        """None: it generates no calls."""
        return None

    def lower(self, graph: Graph, aim: Aim) -> Program:
        """One step an operator, RESHAPE too; the aim makes no difference here."""
        lowering = Lowering(graph, aim.objective)
        steps = []
        for operator in graph.operators:
            if operators.kind(operator) is Kind.HYBRID:
                raise ModelError(
                    f"Engine tflm cannot compute {operator}: TensorFlow Lite Micro has no hybrid kernels (float32 "
                    "activations with int8 weights)",
                    "Choose engine reference for this model, or export it as int8",
                )
            if why := registration.of(operator.op).refuses(operator):
                raise ModelError(
                    f"Engine tflm cannot compute {operator}: {why}", "Choose another engine for this model"
                )
            given = [tensor for tensor in operator.inputs if tensor is not None]
            flowing = [tensor for tensor in given if not tensor.is_constant and not tensor.is_variable]
            scratch_bytes = registration.scratch_bytes(operator)
            scratch = Buffer(f"scratch_{operator.index}", "int8", scratch_bytes)
            steps.append(
                Step(
                    name=operator.name,
                    operators=(operator,),
                    reads=tuple(lowering.buffer(tensor) for tensor in dict.fromkeys(flowing)),
                    writes=tuple(lowering.buffer(tensor) for tensor in operator.outputs),
                    call="",
                    scratch=(scratch,) if scratch_bytes else (),
                    state=tuple(lowering.state(tensor) for tensor in given if tensor.is_variable),
                    macs=operators.macs(operator),
                    engine=self.name,
                )
            )
        return lowering.program(steps)

    def files(self, plan: Plan) -> dict[str, str]:
        """See ``Engine.files``."""
        return files(plan)


ENGINE = Tflm()
