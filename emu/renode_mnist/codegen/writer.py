"""Writes a plan as C++: ``model.cpp``, ``weights.cpp``, ``weights.hpp`` and ``model_config.hpp``.

The result is deterministic, is formatted to be read, and implements ``engine/engine.hpp``.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np

from renode_mnist.codegen.graph import Tensor
from renode_mnist.codegen.planning import Placement, Plan
from renode_mnist.codegen.program import ARENA_ALIGNMENT, C_TYPES, Constant, Parameter, Step, Value

_COLUMNS = 116
_ELEMENT_TYPES = {"FLOAT32": "kFloat32", "INT8": "kInt8", "UINT8": "kUint8"}


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


def model_config(plan: Plan, **more: int) -> str:
    """``model_config.hpp``.

    Args:
        plan: What the sizes are of.
        more: Constants that an engine adds, or states otherwise.
    """
    constants = {
        "kInputElements": plan.graph.inputs[0].element_count,
        "kInputBytes": plan.program.input.byte_count,
        "kOutputElements": plan.graph.outputs[0].element_count,
        "kOutputBytes": plan.program.output.byte_count,
        "kLayerCount": len(plan.steps),
        "kArenaBytes": plan.arena_bytes,
        "kWeightsBytes": plan.weights_bytes,
        **more,
    }
    lines = "".join(f"inline constexpr std::size_t {name} = {value};\n" for name, value in constants.items())
    return (
        banner(plan, "Sizes that the application needs at compile time.")
        + "#pragma once\n\n#include <cstddef>\n\nnamespace model_config {\n\n"
        + lines
        + "\n}  // namespace model_config\n"
    )


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
    flat = constant.values.reshape(-1)
    if flat.dtype.kind == "f":
        return _wrap(_float(float(value), single=value) for value in flat)
    return _wrap(_integer(int(value)) for value in flat)


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


def _tensor_info(tensor: Tensor) -> str:
    quantisation = tensor.quantisation if tensor.type.value != "FLOAT32" else None
    shape = [*tensor.shape, 0, 0, 0, 0][:4]
    return (
        f"{{/*type=*/ElementType::{_ELEMENT_TYPES[tensor.type.value]}, /*rank=*/{len(tensor.shape)}, "
        f"/*shape=*/{{{', '.join(map(str, shape))}}},\n"
        f"     /*element_count=*/{tensor.element_count}, /*byte_count=*/{tensor.byte_count}, "
        f"/*scale=*/{_float(quantisation.scale if quantisation else 0.0)}, "
        f"/*zero_point=*/{quantisation.zero_point if quantisation else 0}}}"
    )


def description(plan: Plan) -> str:
    """``kModel``, the ``ModelInfo``, and the table of layers that it points to; for namespace ``engine``."""
    graph = plan.graph
    layers = "".join(f"    {{{_string(step.name)}, {_string(step.op)}, {step.macs}}},\n" for step in plan.steps)
    return f"""constexpr LayerInfo kLayers[model_config::kLayerCount] = {{
{layers}}};

constexpr ModelInfo kModel{{
    /*name=*/{_string(graph.name)},
    /*sha256=*/{_string(graph.sha256)},
    /*input=*/
    {_tensor_info(graph.inputs[0])},
    /*output=*/
    {_tensor_info(graph.outputs[0])},
    /*layers=*/kLayers,
    /*layer_count=*/model_config::kLayerCount,
    /*weights_bytes=*/model_config::kWeightsBytes,
    /*arena_bytes=*/model_config::kArenaBytes,
}};
"""


def _model(plan: Plan) -> str:
    own_headers = sorted({header for step in plan.steps for header in step.headers} | {"engine/engine.hpp"})
    includes = "#include <cstddef>\n#include <cstdint>\n#include <limits>\n\n" + "".join(
        f'#include "{header}"\n' for header in [*own_headers, "model_config.hpp", "weights.hpp"]
    )
    buffers = "".join(_buffer(placement) for placement in plan.placements)
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

{description(plan)}
{_step_declarations(plan)}}}  // namespace

const ModelInfo& model() {{ return kModel; }}

const char* init() {{ return nullptr; }}

void* input() {{ return arena + {plan.placement(plan.program.input).offset}; }}

const void* output() {{ return arena + {plan.placement(plan.program.output).offset}; }}

void invoke(LayerDone done, void* context) {{
{buffers}
  const auto finished = [done, context](std::size_t step) {{
    if (done != nullptr) done(context, step);
  }};
{calls}}}

}}  // namespace engine
"""
    )


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
    for number, step in enumerate(plan.steps):
        if step.parameters or step.declarations:
            text += f"// {_comment(_describe(plan, number))}\n"
            text += "".join(_parameter(parameter) for parameter in step.parameters)
            text += f"{step.declarations.rstrip()}\n" if step.declarations else ""
            text += "\n"
    return text
