"""Reads a ``.tflite`` file: the one place that knows the flatbuffer.

It takes any well-formed model, also one with operators that no engine computes, so that ``inspect`` can show it;
what can be built is decided in ``check``. How the options of an operator are read stands with the operator.
"""

from __future__ import annotations

import hashlib
import math
import os
import re
import struct
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
import tflite

from renode_mnist import outside
from renode_mnist.codegen import operators
from renode_mnist.codegen.graph import REMEDY, ElementType, Flaw, Graph, Operator, Quantisation, Tensor
from renode_mnist.errors import ModelError
from renode_mnist.plain_text import one_line

_IDENTIFIER = b"TFL3"
_SUPPORTED_VERSION = 3
# More than any tensor that this chip's 1 MiB of flash or 320 KiB of RAM could hold, and little enough that
# no product of dimensions taken from a broken file makes Python busy.
_MOST_ELEMENTS = 1 << 28
_ELEMENT_TYPES = {value: ElementType(name) for name, value in vars(tflite.TensorType).items() if name.isupper()}


def load(path: Path | str, name: str = "") -> Graph:
    """Reads a ``.tflite`` file.

    Args:
        path: Of the file.
        name: What to call it; its file's own name without it, where bytes that are no UTF-8 are replaced.

    Raises:
        ModelError: The file can't be read, is no model, or contradicts itself.
    """
    path = Path(path)
    try:
        content = outside.content(path)
    except OSError as error:
        raise ModelError(
            f"Cannot read the model {path}: {error.strerror}", "Give the path of a .tflite file"
        ) from error
    return parse(content, name or os.fsencode(path.name).decode("utf-8", errors="replace"))


def parse(content: bytes, name: str) -> Graph:
    """Reads a model from memory; see ``load``."""
    if len(content) < 8 or content[4:8] != _IDENTIFIER:
        raise ModelError(
            f"{name} is no TensorFlow Lite model: its bytes 4 to 7 are {content[4:8]!r}, not {_IDENTIFIER!r}",
            "Give a .tflite file; `renode-mnist export` makes one from a Keras model",
        )
    # The flatbuffers package does not verify: broken offsets surface as whatever the access happens to raise.
    with outside.reading(lambda why: ModelError(f"{name} is damaged: {why}", REMEDY)):
        reader = _Reader(content, name)
        try:
            return reader.read()
        except struct.error as error:
            raise ModelError(f"{name} is damaged: {_where_it_ends(error, len(content))}", REMEDY) from error
        except TypeError as error:
            if _NO_OFFSET.match(str(error)) is None:
                raise
            raise ModelError(f"{name} is damaged: an offset in it leads out of the file", REMEDY) from error


_NO_OFFSET = re.compile(r"bad number -?\d+ for type ")
"""How flatbuffers says that an offset is none."""


def _where_it_ends(error: struct.error, size: int) -> str:
    """What `struct` says of a read behind the end, in words of the file."""
    found = re.search(r"at offset (\d+)", str(error))
    goes_on = f"a table goes on at byte {int(found[1]):,}" if found else "an offset in it leads out of the file"
    return f"{goes_on}, but the file ends at byte {size:,}"


T = TypeVar("T")


class _Reader:
    """Walks over the flatbuffer; every count and index is checked before it is used."""

    def __init__(self, content: bytes, name: str) -> None:
        self._content = content
        self._name = name

    def read(self) -> Graph:
        model = tflite.Model.GetRootAs(self._content, 0)
        if model.Version() != _SUPPORTED_VERSION:
            raise self._error(f"schema version {model.Version()} instead of {_SUPPORTED_VERSION}")
        self._buffers = self._vector(model.BuffersLength(), model.Buffers, "buffers")
        self._codes = self._vector(model.OperatorCodesLength(), model.OperatorCodes, "operator codes")
        if not 1 <= model.SubgraphsLength() <= len(self._content):
            raise self._error("it holds no graph")
        graph = self._graph(model.Subgraphs(0), is_called=False)
        numbers = {number for operator in graph.operators for number in _calls(operator)}
        if beyond := [number for number in numbers if not 0 <= number < model.SubgraphsLength()]:
            raise self._error(f"an operator names subgraph {beyond[0]} of {model.SubgraphsLength()}")
        called = {number: self._graph(model.Subgraphs(number), is_called=True) for number in sorted(numbers)}
        return replace(graph, called=called)

    def _graph(self, subgraph: Any, *, is_called: bool) -> Graph:
        """One subgraph; only the network itself must have inputs and outputs."""
        if subgraph is None:
            raise self._error("a subgraph is missing")
        self._entries = set(self._vector(subgraph.InputsLength(), subgraph.Inputs, "graph inputs"))
        # A broken vector of tables can name one valid table very often: tensors are limited by file size / 4.
        tables = self._vector(subgraph.TensorsLength(), subgraph.Tensors, "tensors")
        self._tensors = tuple(self._tensor(i, table) for i, table in enumerate(tables))
        inputs = self._references(subgraph.InputsLength(), subgraph.Inputs, "graph inputs")
        outputs = self._references(subgraph.OutputsLength(), subgraph.Outputs, "graph outputs")
        tables = self._vector(subgraph.OperatorsLength(), subgraph.Operators, "operators")
        operators = tuple(self._operator(i, table) for i, table in enumerate(tables))
        graph = Graph(
            name=self._name,
            sha256=hashlib.sha256(self._content).hexdigest(),
            file_bytes=len(self._content),
            tensors=self._tensors,
            operators=operators,
            inputs=self._present(inputs, "graph inputs", may_be_none=is_called),
            outputs=self._present(outputs, "graph outputs", may_be_none=is_called),
            rewrites=() if is_called else self._batches(subgraph),
        )
        self._check_order(graph)
        return graph

    def _error(self, what: str) -> ModelError:
        return ModelError(f"{self._name} is damaged: {one_line(what)}", REMEDY)  # of damage, names may be anything

    def _vector(self, length: int, item: Callable[[int], T | None], what: str) -> list[T]:
        if not 0 <= length <= len(self._content) // 4:
            raise self._error(f"{length} {what} in {len(self._content)} bytes")
        items = [item(i) for i in range(length)]
        if any(entry is None for entry in items):
            raise self._error(f"an entry of its {what} is missing")
        return [entry for entry in items if entry is not None]

    def _references(self, length: int, item: Callable[[int], int], what: str) -> tuple[Tensor | None, ...]:
        found: list[Tensor | None] = []
        for index in self._vector(length, item, what):
            if not -1 <= index < len(self._tensors):
                raise self._error(f"{what} name tensor {index}, but there are {len(self._tensors)}")
            found.append(self._tensors[index] if index >= 0 else None)
        return tuple(found)

    def _present(
        self, tensors: tuple[Tensor | None, ...], what: str, *, may_be_none: bool = False
    ) -> tuple[Tensor, ...]:
        present = tuple(tensor for tensor in tensors if tensor is not None)
        if not (present or may_be_none) or len(present) != len(tensors):
            raise self._error(f"its {what} are missing")
        return present

    def _batches(self, subgraph: Any) -> tuple[str, ...]:
        """Says which inputs may have any batch; the converter writes 1 beside that, and so is built."""
        free = []
        for position in range(subgraph.InputsLength()):
            table = subgraph.Tensors(subgraph.Inputs(position))
            if table.ShapeSignatureLength() and table.ShapeSignature(0) < 0:
                free.append(self._tensors[subgraph.Inputs(position)])
        if not free:
            return ()
        names = ", ".join(f"'{tensor.name}'" for tensor in free)
        return (f"batch: {names} may have any; taken as {', '.join(str(tensor.shape[0]) for tensor in free)}",)

    def _text(self, raw: bytes | None) -> str:
        return raw.decode("utf-8", errors="replace") if raw else ""

    def _tensor(self, index: int, table: Any) -> Tensor:
        name = self._text(table.Name()) or f"tensor{index}"
        code = table.Type()
        if code not in _ELEMENT_TYPES:
            raise self._error(f"tensor '{name}' has the unknown element type {code}")
        element_type = _ELEMENT_TYPES[code]
        shape = tuple(int(n) for n in self._vector(table.ShapeLength(), table.Shape, f"dimensions of '{name}'"))
        flaw = None
        if any(n < 1 for n in shape) or math.prod(shape) > _MOST_ELEMENTS:
            flaw = Flaw(f"has the shape {list(shape)}", "Export the model with every dimension fixed, the batch too")
        elif index in self._entries and (open_shape := self._open(table)) is not None:
            flaw = Flaw(f"has the shape {open_shape}", "Export the model with every dimension but the batch fixed")
        elif table.Sparsity() is not None:
            flaw = Flaw("is stored sparse", "Export the model with dense weights")
        elif table.IsVariable() and self._has_values(table.Buffer()):
            # TensorFlow Lite Micro gives a variable memory of its own, and forgets what the file has for it.
            flaw = Flaw("is a variable, and has a constant's values", "Export the model again")
        return Tensor(
            index=index,
            name=name,
            type=element_type,
            shape=shape,
            quantisation=self._quantisation(table.Quantization(), name),
            data=None if flaw else self._data(table.Buffer(), name, element_type, shape),
            flaw=flaw,
            is_variable=bool(table.IsVariable()),
            is_open=any(table.ShapeSignature(i) < 0 for i in range(min(table.ShapeSignatureLength(), len(shape)))),
        )

    def _has_values(self, buffer: int) -> bool:
        return 0 < buffer < len(self._buffers) and self._buffers[buffer].DataLength() > 0

    def _open(self, table: Any) -> list[int] | None:
        """The shape as the model's author left it, where another dimension than the batch is not fixed."""
        length = table.ShapeSignatureLength()
        signature = [table.ShapeSignature(i) for i in range(length)] if 0 < length <= table.ShapeLength() else []
        return signature if any(n < 0 for n in signature[1:]) else None

    def _quantisation(self, table: Any, name: str) -> Quantisation | None:
        if table is None or table.ScaleLength() == 0:
            return None
        what = f"of the quantisation of '{name}'"
        scales = tuple(float(s) for s in self._vector(table.ScaleLength(), table.Scale, f"scales {what}"))
        zeros = tuple(int(z) for z in self._vector(table.ZeroPointLength(), table.ZeroPoint, f"zero points {what}"))
        if len(zeros) == 1:
            zeros *= len(scales)
        if len(zeros) != len(scales):
            raise self._error(f"'{name}' has {len(scales)} scales and {len(zeros)} zero points")
        return Quantisation(scales, zeros, table.QuantizedDimension())

    def _data(
        self, buffer: int, name: str, element_type: ElementType, shape: tuple[int, ...]
    ) -> npt.NDArray[Any] | None:
        if not 0 <= buffer < len(self._buffers):
            raise self._error(f"'{name}' names buffer {buffer}, but there are {len(self._buffers)}")
        table = self._buffers[buffer]
        if buffer == 0 or table.DataLength() == 0:
            return None
        dtype = element_type.dtype
        count = math.prod(shape)
        halves = element_type is ElementType.INT4
        if dtype is None and not halves:
            return np.empty(0, np.uint8)
        if table.DataLength() > len(self._content):
            raise self._error(f"the data of '{name}' reaches beyond the end of the file")
        raw: bytes = table.DataAsNumpy().tobytes()
        if len(raw) != (-(-count // 2) if dtype is None else count * dtype.itemsize):
            raise self._error(f"'{name}' holds {len(raw)} bytes, but its shape is {list(shape)}")
        values = _unpacked(raw)[:count] if dtype is None else np.frombuffer(raw, dtype)
        return values.reshape(shape)

    def _operator(self, index: int, table: Any) -> Operator:
        code = table.OpcodeIndex()
        if not 0 <= code < len(self._codes):
            raise self._error(f"operator {index} names operator code {code} of {len(self._codes)}")
        op = self._op_name(self._codes[code])
        inputs = self._references(table.InputsLength(), table.Inputs, f"inputs of operator {index}")
        outputs = self._references(table.OutputsLength(), table.Outputs, f"outputs of operator {index}")
        definition = operators.find(op)
        return Operator(
            index=index,
            op=op,
            inputs=inputs,
            outputs=self._present(
                outputs,
                f"outputs of operator {index}",
                may_be_none=definition is None or not definition.has_outputs,
            ),
            options=self._options(op, table),
            flow=definition.flow if definition else 0,
        )

    def _op_name(self, code: Any) -> str:
        # Files from before 2020 have only the 8-bit field; later ones fill both where the number fits.
        number = max(code.BuiltinCode(), code.DeprecatedBuiltinCode())
        if number == tflite.BuiltinOperator.CUSTOM:
            return f"CUSTOM:{self._text(code.CustomCode())}"
        if number not in _OP_NAMES:
            return f"BUILTIN:{number}"
        return _OP_NAMES[number]

    def _options(self, op: str, table: Any) -> object:
        definition = operators.find(op)
        if definition is None or definition.options is None:
            return None
        kind = definition.options.table
        raw = table.BuiltinOptions()
        if table.BuiltinOptionsType() != getattr(tflite.BuiltinOptions, kind) or raw is None:
            raise self._error(f"operator {op} has no options")
        options = getattr(tflite, kind)()
        options.Init(raw.Bytes, raw.Pos)
        return definition.options.read(options)

    def _check_order(self, graph: Graph) -> None:
        ready = {t.index for t in graph.tensors if t.is_constant or t.is_variable}
        ready |= {t.index for t in graph.inputs}
        for operator in graph.operators:
            # Where a tensor of an operator that nothing computes comes from is of no interest.
            read = operator.inputs if operators.find(operator.op) else ()
            for tensor in read:
                if tensor is not None and not tensor.flaw and tensor.index not in ready:
                    raise self._error(f"{operator} reads '{tensor.name}' before anything wrote it")
            for tensor in operator.outputs:
                if tensor.index in ready:
                    raise self._error(f"{operator} writes '{tensor.name}', which is already written")
                ready.add(tensor.index)
        for tensor in graph.outputs:
            if tensor.index not in ready:
                raise self._error(f"nothing writes the output '{tensor.name}'")


def _unpacked(raw: bytes) -> npt.NDArray[np.int8]:
    """Numbers of 4 bits, two a byte, the first in the lower half."""
    pairs = np.frombuffer(raw, np.int8)
    values = np.stack([(pairs << 4) >> 4, pairs >> 4], axis=1).reshape(-1)
    values.flags.writeable = False
    return values


def _calls(operator: Operator) -> tuple[int, ...]:
    definition = operators.find(operator.op)
    return definition.calls(operator) if definition is not None else ()


_OP_NAMES: dict[int, str] = {value: name for name, value in vars(tflite.BuiltinOperator).items() if name.isupper()}
