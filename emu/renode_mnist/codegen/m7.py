"""Back-end of engine ``m7``: this project's kernels for the Cortex-M7.

A pass over the operators fuses what belongs together, and asks ``m7_int8`` or ``m7_float`` for the best step. What
they do not cover is computed by the plain kernels of engine ``reference``.
"""

from __future__ import annotations

from renode_mnist.codegen import m7_float, m7_int8
from renode_mnist.codegen.graph import Graph, Operator
from renode_mnist.codegen.m7_choice import fused_pool
from renode_mnist.codegen.plan import Objective, Program, Step
from renode_mnist.codegen.reference import Lowering
from renode_mnist.codegen.support import Kind, kind


class M7:
    """The back-end; see the module's text."""

    name = "m7"

    def lower(self, graph: Graph, objective: Objective) -> Program:
        """Fuses and chooses; see ``m7_int8.choose`` for what the objective means."""
        lowering = Lowering(graph)
        steps: list[Step] = []
        done: set[Operator] = set()
        for operator in graph.operators:
            if operator in done:
                continue
            step = _step(lowering, graph, operator, objective) or lowering.step(operator)
            if step is not None:
                steps.append(step)
                done.update(step.operators)
        return Program(tuple(steps), lowering.buffer(graph.inputs[0]), lowering.buffer(graph.outputs[0]))


def _step(lowering: Lowering, graph: Graph, operator: Operator, objective: Objective) -> Step | None:
    """A step with kernels of this engine, or None where it has none."""
    if kind(operator) is Kind.INT8:
        match operator.op:
            case "CONV_2D" | "FULLY_CONNECTED":
                return _int8(lowering, graph, operator, objective)
            case "DEPTHWISE_CONV_2D":
                return m7_int8.depthwise(lowering, operator, objective)
            case "ADD":
                return m7_int8.add(lowering, operator)
    if m7_float.accepts(operator):
        if operator.op == "FULLY_CONNECTED":
            return m7_float.dense(lowering, operator)
        return m7_float.conv(lowering, graph, operator, objective)
    return None


def _int8(lowering: Lowering, graph: Graph, operator: Operator, objective: Objective) -> Step | None:
    pool = None
    if operator.op == "CONV_2D" and operator.output not in graph.outputs:
        pool = fused_pool(graph.consumers(operator.output))
    layer = m7_int8.layer(operator, pool)
    return m7_int8.step(lowering, layer, objective) if layer is not None else None
