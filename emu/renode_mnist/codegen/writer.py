"""Writes a plan as C++: ``model.cpp``, ``weights.cpp``, ``weights.hpp`` and ``model_config.hpp``.

The result is deterministic, is formatted to be read, and implements ``engine/engine.hpp``.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from renode_mnist.codegen.graph import ElementType, Graph, Tensor
from renode_mnist.codegen.planning import Placement, Plan
from renode_mnist.codegen.program import (
    ARENA_ALIGNMENT,
    C_TYPES,
    Buffer,
    Constant,
    Parameter,
    StateBuffer,
    Step,
    Value,
)

_COLUMNS = 116
_LONGEST_TEXT = 64
"""Bytes of a name that the firmware sends; as in firmware/app/messages.cpp."""
_PICTURE_ELEMENTS = 28 * 28
_MOST_CLASSES = 256
"""The article's reply has the class as one byte."""
_PICTURE_TYPES = (ElementType.FLOAT32, ElementType.INT8, ElementType.UINT8)


def files(plan: Plan) -> dict[str, str]:
    """The four files of an ahead-of-time engine, by name."""
    return {
        "model_config.hpp": model_config(plan),
        "weights.hpp": _weights_header(plan),
        "weights.cpp": _weights_source(plan),
        "model.cpp": _model(plan),
    }


def write(texts: Mapping[str, str], directory: Path) -> None:
    """Writes files; one whose content is already right keeps its time stamp.

    Args:
        texts: By file name.
        directory: Made if it is missing.
    """
    directory.mkdir(parents=True, exist_ok=True)
    for name, text in texts.items():
        path = directory / name
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")


def banner(plan: Plan, what: str) -> str:
    """The head of a generated file."""
    return (
        f"// {what}\n"
        f"// Made by renode_mnist.codegen from {_comment(plan.graph.name)} for engine {plan.engine} "
        f"(objective: {plan.objective.value}).\n"
        "// Do not edit: the build writes it again.\n"
    )


def takes_picture(graph: Graph) -> bool:
    """Whether the article's message can be sent to the model: 784 pixels in one frame, and an answer of scores."""
    sizes = [tensor.element_count for tensor in (*graph.inputs, *graph.outputs)]
    types = [tensor.type in _PICTURE_TYPES for tensor in (*graph.inputs, *graph.outputs)]
    return len(sizes) == 2 and sizes[0] == _PICTURE_ELEMENTS and sizes[1] <= _MOST_CLASSES and all(types)


def model_config(plan: Plan, **more: int) -> str:
    """``model_config.hpp``.

    Args:
        plan: What the sizes are of.
        more: Constants that an engine adds, or states otherwise.
    """
    graph = plan.graph
    edge = (*graph.inputs, *graph.outputs)
    layers = [_sent(name) for step in plan.steps for name in (step.name, step.op)]
    constants = {
        "kInputCount": len(graph.inputs),
        "kOutputCount": len(graph.outputs),
        "kMostInputBytes": max(tensor.byte_count for tensor in graph.inputs),
        "kMostOutputBytes": max(tensor.byte_count for tensor in graph.outputs),
        "kOutputElements": graph.outputs[0].element_count,
        "kEdgeTextBytes": sum(_sent(tensor.name) for tensor in edge),
        "kEdgeDimensions": sum(len(tensor.shape) for tensor in edge),
        "kLayerCount": len(plan.steps),
        "kLayerTextBytes": sum(layers),
        "kArenaBytes": plan.arena_bytes,
        "kStateBytes": plan.state_bytes,
        "kWeightsBytes": plan.weights_bytes,
        **more,
    }
    lines = "".join(f"inline constexpr std::size_t {name} = {value};\n" for name, value in constants.items())
    picture = "true" if takes_picture(graph) else "false"
    return (
        banner(plan, "Sizes that the application needs at compile time.")
        + "#pragma once\n\n#include <cstddef>\n\nnamespace model_config {\n\n"
        + lines
        + "// Whether one message can hold the input, as the article's does, and the scores.\n"
        + f"inline constexpr bool kTakesPicture = {picture};\n"
        + "\n}  // namespace model_config\n"
    )


def _sent(name: str) -> int:
    """Bytes of a name on the wire."""
    return min(len(name.encode()), _LONGEST_TEXT)


def _array_type(constant: Constant) -> str:
    return f"const {C_TYPES[constant.values.dtype.name]} {constant.name}[{constant.values.size}]"


def _weights_header(plan: Plan) -> str:
    declarations = "".join(
        f"// {_comment(constant.comment)}\nextern {_array_type(constant)};\n\n" for constant in plan.constants
    )
    return (
        banner(plan, "What the network has learnt, kept in flash.")
        + "#pragma once\n\n#include <cstdint>\n\nnamespace engine::weights {\n\n"
        + declarations
        + "}  // namespace engine::weights\n"
    )


def _weights_source(plan: Plan) -> str:
    definitions = "".join(
        f"alignas({constant.alignment}) {_array_type(constant)} = {{\n{_elements(constant)}}};\n\n"
        for constant in plan.constants
    )
    return (
        banner(plan, "What the network has learnt, kept in flash.")
        + '#include "weights.hpp"\n\n#include <limits>\n\nnamespace engine::weights {\n\n'
        + definitions
        + "}  // namespace engine::weights\n"
    )


def _elements(constant: Constant) -> str:
    return _wrap(map(_number, constant.values.reshape(-1)))


def _number(value: Any) -> str:
    """A NumPy scalar as C++."""
    if value.dtype.kind == "b":
        return "true" if value else "false"
    return _float(float(value), single=value) if value.dtype.kind == "f" else _integer(int(value))


def _wrap(words: Iterable[str]) -> str:
    lines: list[str] = []
    line = ""
    for word in words:
        if len(line) + len(word) + 2 > _COLUMNS:
            lines.append(line)
            line = ""
        line = f"{line} {word}," if line else f"    {word},"
    return "\n".join([*lines, line]) + "\n"


def _float(value: float, single: np.float32 | None = None) -> str:
    """The shortest text that reads back as the same float."""
    if math.isinf(value):
        return f"{'-' if value < 0 else ''}std::numeric_limits<float>::infinity()"
    if math.isnan(value):
        return "std::numeric_limits<float>::quiet_NaN()"
    text = str(np.float32(value) if single is None else single)
    return f"{text}F" if any(mark in text for mark in ".e") else f"{text}.0F"


def _integer(value: int) -> str:
    # -2147483648 is a unary minus on a literal that does not fit an int.
    return "-2147483647 - 1" if value == -(1 << 31) else str(value)


def _value(value: Value) -> str:
    match value:
        case bool():
            return "true" if value else "false"
        case int():
            return _integer(value)
        case float():
            return _float(value)
        case str():
            return value
        case Mapping():
            return "{" + ", ".join(f"/*{name}=*/{_value(entry)}" for name, entry in value.items()) + "}"
        case _:
            return "{" + ", ".join(_value(entry) for entry in value) + "}"


def _parameter(parameter: Parameter) -> str:
    """One field a line where the whole does not fit on one; ``Value`` trees are shallow."""
    head = f"constexpr {parameter.type} {parameter.name}"
    text = f"{head}{{{_value(parameter.value)[1:-1]}}};" if isinstance(parameter.value, Mapping) else (
        f"{head} = {_value(parameter.value)};"
    )  # fmt: skip
    if len(text) <= _COLUMNS or not isinstance(parameter.value, Mapping):
        return text + "\n"
    return f"{head}{{\n{_fields(parameter.value, 4)}}};\n"


def _fields(fields: Mapping[str, Value], indent: int) -> str:
    """Numbers fill lines; a struct that needs more than its line opens a block."""
    text, line = "", " " * (indent - 1)
    for name, entry in fields.items():
        word = f"/*{name}=*/{_value(entry)},"
        if isinstance(entry, Mapping) and indent + len(word) > _COLUMNS:
            text += f"{line}\n" if line.strip() else ""
            text += f"{' ' * indent}/*{name}=*/{{\n{_fields(entry, indent + 4)}{' ' * indent}}},\n"
            line = " " * (indent - 1)
            continue
        if len(line) + 1 + len(word) > _COLUMNS:
            text += f"{line}\n"
            line = " " * (indent - 1)
        line += f" {word}"
    return text + (f"{line}\n" if line.strip() else "")


def _call(step: Step) -> str:
    """The statement, with its arguments on lines of their own where it is long."""
    if len(step.call) + 2 <= _COLUMNS or "\n" in step.call:
        return f"  {step.call}\n"
    head, arguments = step.call.split("(", 1)
    text, line = f"  {head}(\n", " " * 5
    for word in arguments.split(", "):
        if len(line) + len(word) + 2 > _COLUMNS:
            text += f"{line}\n"
            line = " " * 5
        line += f" {word}" if word.endswith(";") else f" {word},"
    return f"{text}{line}\n"


def _comment(text: str) -> str:
    """Text from the model file must not end a comment line or continue it onto the next."""
    return " ".join(text.split()).replace("\\", "/").replace("??", "?")


def _string(text: str) -> str:
    """A C++ string literal; octal escapes cannot swallow the character after them."""
    return '"' + "".join(
        chr(byte) if 32 <= byte < 127 and chr(byte) not in '"\\?' else f"\\{byte:03o}"
        for byte in text.encode("utf-8")
    ) + '"'  # fmt: skip


def _tensor_info(tensor: Tensor, shape: str) -> str:
    quantisation = tensor.quantisation if tensor.type is not ElementType.FLOAT32 else None
    return (
        f"    {{/*name=*/{_string(tensor.name)}, /*type=*/ElementType::k{tensor.type.value.capitalize()},\n"
        f"     /*rank=*/{len(tensor.shape)}, /*shape=*/{shape if tensor.shape else 'nullptr'}, "
        f"/*element_count=*/{tensor.element_count}, /*byte_count=*/{tensor.byte_count},\n"
        f"     /*scale=*/{_float(quantisation.scale if quantisation else 0.0)}, "
        f"/*zero_point=*/{quantisation.zero_point if quantisation else 0}}},\n"
    )


def _edge(role: str, tensors: Sequence[Tensor]) -> str:
    """The inputs, or the outputs: their shapes, and ``kInputs`` or ``kOutputs``."""
    shapes = "".join(
        f"constexpr std::uint32_t k{role}Shape{position}[] = {{{', '.join(map(str, tensor.shape))}}};\n"
        for position, tensor in enumerate(tensors)
        if tensor.shape
    )
    entries = "".join(_tensor_info(tensor, f"k{role}Shape{position}") for position, tensor in enumerate(tensors))
    return f"{shapes}constexpr TensorInfo k{role}s[model_config::k{role}Count] = {{\n{entries}}};\n"


def description(plan: Plan) -> str:
    """``kModel``, the ``ModelInfo``, and the table of layers that it points to; for namespace ``engine``."""
    graph = plan.graph
    layers = "".join(f"    {{{_string(step.name)}, {_string(step.op)}, {step.macs}}},\n" for step in plan.steps)
    return f"""{_edge("Input", graph.inputs)}
{_edge("Output", graph.outputs)}
constexpr LayerInfo kLayers[model_config::kLayerCount] = {{
{layers}}};

constexpr ModelInfo kModel{{
    /*name=*/{_string(graph.name)},
    /*sha256=*/{_string(graph.sha256)},
    /*inputs=*/kInputs,
    /*input_count=*/model_config::kInputCount,
    /*outputs=*/kOutputs,
    /*output_count=*/model_config::kOutputCount,
    /*layers=*/kLayers,
    /*layer_count=*/model_config::kLayerCount,
    /*weights_bytes=*/model_config::kWeightsBytes,
    /*arena_bytes=*/model_config::kArenaBytes,
    /*state_bytes=*/model_config::kStateBytes,
}};
"""


def _model(plan: Plan) -> str:
    own_headers = sorted({header for step in plan.steps for header in step.headers} | {"engine/engine.hpp"})
    includes = "#include <algorithm>\n#include <cstddef>\n#include <cstdint>\n#include <limits>\n\n" + "".join(
        f'#include "{header}"\n' for header in [*own_headers, "model_config.hpp", "weights.hpp"]
    )
    named = {buffer for step in plan.steps for buffer in (*step.reads, *step.writes, *step.scratch)}
    # An input that no step reads has its place, and no name.
    buffers = "".join(_buffer(placement) for placement in plan.placements if placement.buffer in named)
    buffers += "".join(_variable(variable, offset) for variable, offset in plan.state_offsets.items())
    init = "  reset_state();\n  return nullptr;" if plan.program.state else "  return nullptr;"
    calls = "".join(
        f"\n  // {_comment(_describe(plan, number))}\n{_call(step)}  finished({number});\n"
        for number, step in enumerate(plan.steps)
    )
    return (
        banner(plan, "The network, step by step.")
        + f"""{includes}
namespace engine {{

const char kEngineName[] = {_string(plan.engine)};

namespace {{

using namespace weights;

alignas({ARENA_ALIGNMENT}) std::uint8_t arena[model_config::kArenaBytes];

template <typename T>
T* at(std::size_t offset) {{
  return static_cast<T*>(static_cast<void*>(arena + offset));
}}

{_state_memory(plan)}{description(plan)}
{_offsets(plan, "Input", plan.program.inputs)}{_offsets(plan, "Output", plan.program.outputs)}
{_step_declarations(plan)}}}  // namespace

const ModelInfo& model() {{ return kModel; }}

void reset_state() {{{_resetting(plan)}}}

const char* init() {{
{init}
}}

void* input(std::size_t index) {{ return arena + kInputOffsets[index]; }}

const void* output(std::size_t index) {{ return arena + kOutputOffsets[index]; }}

Memory arena_memory() {{ return {{arena, sizeof(arena)}}; }}

void invoke(LayerDone done, void* context) {{
{buffers}
  const auto finished = [done, context](std::size_t step) {{
    if (done != nullptr) done(context, step);
  }};
{calls}}}

}}  // namespace engine
"""
    )


def _offsets(plan: Plan, role: str, buffers: Sequence[Buffer]) -> str:
    """Where inputs or outputs stand in the arena."""
    offsets = ", ".join(str(plan.placement(buffer).offset) for buffer in buffers)
    return f"constexpr std::size_t k{role}Offsets[model_config::k{role}Count] = {{{offsets}}};\n"


def _state_memory(plan: Plan) -> str:
    """What lives between inferences, one array for all."""
    if not plan.program.state:
        return ""
    return f"""// Lives between inferences.
alignas({ARENA_ALIGNMENT}) std::uint8_t model_state[model_config::kStateBytes];

template <typename T>
T* state_at(std::size_t offset) {{
  return static_cast<T*>(static_cast<void*>(model_state + offset));
}}

"""


def _variable(variable: StateBuffer, offset: int) -> str:
    kind = C_TYPES[variable.initial.dtype.name]
    shape = "x".join(map(str, variable.initial.shape)) or "scalar"
    return (
        f"  auto* const {variable.name} = state_at<{kind}>({offset});"
        f"  // {variable.byte_count:,} B, {shape}, lives between inferences\n"
    )


def _resetting(plan: Plan) -> str:
    """The body of ``reset_state``."""
    lines = ""
    for variable, offset in plan.state_offsets.items():
        kind, count = C_TYPES[variable.initial.dtype.name], variable.initial.size
        to = f"state_at<{kind}>({offset})"
        flat = variable.initial.reshape(-1)
        if (flat == flat[0]).all():
            lines += f"  std::fill_n({to}, {count}, {kind}{{{_number(flat[0])}}});\n"
        else:
            values = _wrap(map(_number, flat))
            lines += f"  static constexpr {kind} k_{variable.name}[] = {{\n{values}  }};\n"
            lines += f"  std::copy_n(k_{variable.name}, {count}, {to});\n"
    return f"\n{lines}" if lines else ""


def _buffer(placement: Placement) -> str:
    buffer = placement.buffer
    steps = f"step {placement.first}"
    if placement.last > placement.first:
        steps = f"steps {placement.first} to {placement.last}"
    return (
        f"  auto* const {buffer.name} = at<{C_TYPES[buffer.dtype]}>({placement.offset});"
        f"  // {buffer.byte_count:,} B, {buffer.layout}, {steps}\n"
    )


def _describe(plan: Plan, number: int) -> str:
    step = plan.steps[number]
    macs = f", {step.macs:,} MACs" if step.macs else ""
    source, result = step.operators[0].input, step.operators[-1].output
    return f"{number}. {step.op}, {_shape(source)} -> {_shape(result)}{macs}"


def _shape(tensor: Tensor) -> str:
    return "x".join(map(str, tensor.shape)) or "scalar"


def _step_declarations(plan: Plan) -> str:
    text = ""
    told: set[str] = set()
    for number, step in enumerate(plan.steps):
        if step.parameters or step.declarations:
            new = [parameter for parameter in step.parameters if parameter.name not in told]
            told.update(parameter.name for parameter in new)
            text += f"// {_comment(_describe(plan, number))}\n"
            text += "".join(_parameter(parameter) for parameter in new)
            text += f"{step.declarations.rstrip()}\n" if step.declarations else ""
            text += "\n"
    return text
