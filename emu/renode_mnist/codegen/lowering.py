"""From operators to steps: which buffer holds which tensor, and what a step's call is put together from.

All kernels of all engines are called in one form, ``function(inputs, constants, scratch, outputs)``, with names that
follow from the operator: ``conv_2d_0_panel``, ``kConv2d0Weights``. ``Parts`` makes both; an engine adds its own
parameters to it in a class of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from renode_mnist.codegen.graph import NHWC, ElementType, Graph, Operator, Tensor
from renode_mnist.codegen.objective import Objective
from renode_mnist.codegen.program import Buffer, Constant, Parameter, Program, StateBuffer, Step, Value


def stem(operator: Operator) -> str:
    """``conv_2d_0``: the operator and its number in the model."""
    return f"{operator.op.lower()}_{operator.index}"


class Lowering:
    """Keeps track of which buffer holds which tensor.

    Attributes:
        graph: As the engine's passes left it.
        objective: What to make small where there is a choice.
    """

    def __init__(self, graph: Graph, objective: Objective = Objective.TIME) -> None:
        self.graph = graph
        self.objective = objective
        self._buffers: dict[Tensor, Buffer] = {}
        for position, tensor in enumerate(graph.inputs):
            self._buffers[tensor] = self._made(f"model_input{f'_{position}' if position else ''}", tensor)
        self._state: dict[Tensor, StateBuffer] = {}
        self._tables: dict[str, Constant] = {}
        self._parameters: dict[tuple[str, str], Parameter] = {}

    def buffer(self, tensor: Tensor) -> Buffer:
        """The buffer that holds an activation; made, with the tensor's name, where no step has yet."""
        root = self.graph.root(tensor)
        if root not in self._buffers:
            self._buffers[root] = self._made(f"tensor_{root.index}", root)
        return self._buffers[root]

    def result(self, operator: Operator, position: int = 0) -> Buffer:
        """The buffer of one of an operator's outputs, made with the operator's name."""
        tensor = operator.outputs[position]
        if tensor not in self._buffers:
            self._buffers[tensor] = self._made(f"{stem(operator)}_out{position or ''}", tensor)
        return self._buffers[tensor]

    def table(self, name: str, values: npt.NDArray[Any], comment: str) -> Constant:
        """A flash array that steps share: of a name there is one."""
        return self._tables.setdefault(name, Constant(name, values, comment))

    def parameter(self, name: str, type_name: str, value: Value) -> Parameter:
        """A ``constexpr`` that steps share, under the first one's name, where its value is the same.

        A kernel is a template over such values: by the same names it is the same code.
        """
        key = (type_name, repr(value))
        if key not in self._parameters:
            # A layer whose first plan was given up for another may have used the name.
            taken = sum(1 for parameter in self._parameters.values() if parameter.name.rstrip("_") == name)
            self._parameters[key] = Parameter(name + "_" * taken, type_name, value)
        return self._parameters[key]

    def state(self, tensor: Tensor) -> StateBuffer:
        """The variable that holds a tensor that lives between inferences (``Tensor.is_variable``).

        Where nothing is said of what it holds at first, it begins as TensorFlow Lite Micro resets it: all zero point
        in int8, else all bits 0 (micro_interpreter_graph.cc, ``ResetTensorData``).
        """
        if tensor not in self._state:
            quantised = tensor.type is ElementType.INT8 and tensor.quantisation is not None
            value = tensor.quantisation.zero_point if quantised and tensor.quantisation else 0
            initial = (
                tensor.initial if tensor.initial is not None else np.full(tensor.shape, value, tensor.type.dtype)
            )
            self._state[tensor] = StateBuffer(f"state_{tensor.index}", initial, tensor)
        return self._state[tensor]

    def program(self, steps: Sequence[Step]) -> Program:
        """The steps, with where the model's inputs and outputs stand."""
        inputs = tuple(self.buffer(tensor) for tensor in self.graph.inputs)
        return Program(tuple(steps), inputs, tuple(self.buffer(tensor) for tensor in self.graph.outputs))

    def _made(self, name: str, tensor: Tensor) -> Buffer:
        dtype = tensor.type.dtype
        assert dtype is not None
        layout = self.graph.layouts.get(tensor, NHWC)
        return Buffer(name, dtype.name, tensor.element_count, layout=layout, tensor=tensor)


class Parts:
    """Collects what the step of one operator, or of several fused, is made of.

    Attributes:
        operator: What the step computes.
        stem: Head of the names of its buffers.
        prefix: Head of the names of its constants and parameters.
        owner: Whose the constants are, for the reader of the C++.
    """

    def __init__(self, lowering: Lowering, operator: Operator) -> None:
        self.lowering = lowering
        self.operator = operator
        self.stem = stem(operator)
        self.prefix = "k" + "".join(word.capitalize() for word in self.stem.split("_"))
        self.owner = str(operator.parts[0])
        self._parameters: list[Parameter] = []
        self._constants: list[Constant] = []
        self._scratch: list[Buffer] = []
        self._state: list[StateBuffer] = []

    def parameter(self, suffix: str, type_name: str, value: Value) -> str:
        """The name of a new ``constexpr``."""
        self._parameters.append(Parameter(self.prefix + suffix, type_name, value))
        return self._parameters[-1].name

    def shared_parameter(self, suffix: str, type_name: str, value: Value) -> str:
        """The name of a ``constexpr`` that other steps may use too."""
        self._parameters.append(self.lowering.parameter(self.prefix + suffix, type_name, value))
        return self._parameters[-1].name

    def constant(self, suffix: str, values: npt.NDArray[Any], comment: str) -> str:
        """The name of a new flash array."""
        self._constants.append(Constant(self.prefix + suffix, values, f"{self.owner}: {comment}"))
        return self._constants[-1].name

    def table(self, name: str, values: npt.NDArray[Any], comment: str) -> str:
        """The name of a flash array that other steps may use too."""
        self._constants.append(self.lowering.table(name, values, comment))
        return name

    def scratch(self, suffix: str, dtype: str, count: int, layout: str = NHWC) -> str:
        """The name of a new buffer that lives in this step only."""
        self._scratch.append(Buffer(f"{self.stem}_{suffix}", dtype, count, layout=layout))
        return self._scratch[-1].name

    def state(self, position: int | None = None) -> str:
        """The name of the variable that an input is, else the output, which lives between inferences."""
        tensor = self.operator.output if position is None else self.operator.tensor(position)
        self._state.append(self.lowering.state(tensor))
        return self._state[-1].name

    def source(self, position: int | None = None) -> str:
        """The name of what holds an input, else what flows: a buffer, or an array in flash where it is constant."""
        position = self.operator.flow if position is None else position
        tensor = self.operator.tensor(position)
        if tensor.data is not None:
            return self.constant(f"Input{position or ''}", tensor.data, f"input {tensor}")
        return self.lowering.buffer(tensor).name

    def step(
        self,
        function: str,
        arguments: Sequence[str],
        header: str,
        *,
        writes: Sequence[Buffer] = (),
        reads: Sequence[Tensor] = (),
        in_place: bool = False,
    ) -> Step:
        """The call ``<function>(<arguments>, <outputs>)``.

        Args:
            function: With its namespace and template arguments.
            arguments: Names and expressions, but for the output.
            header: What declares it, relative to ``firmware/``.
            writes: Buffers of the outputs; where none is given the first output's, with the operator's name, unless
                that is a variable.
            reads: Inputs that are neither constants nor variables; the first where nothing is given.
            in_place: Whether the first output may stand where the input that flows stood, if that is no constant.
        """
        outputs = tuple(writes)
        if not writes and not self.operator.output.is_variable:
            outputs = (self.lowering.result(self.operator),)
        flowing = [
            tensor for tensor in reads or (self.operator.input,) if not tensor.is_constant and not tensor.is_variable
        ]
        sources = dict.fromkeys(self.lowering.buffer(tensor) for tensor in flowing)
        return Step(
            name=self.operator.name,
            operators=self.operator.parts,
            reads=tuple(sources),
            writes=outputs,
            call=f"{function}({', '.join([*arguments, *(buffer.name for buffer in outputs)])});",
            scratch=tuple(self._scratch),
            state=tuple(self._state),
            constants=tuple(self._constants),
            parameters=tuple(self._parameters),
            headers=(header,),
            in_place=in_place and not self.operator.input.is_constant,
        )
