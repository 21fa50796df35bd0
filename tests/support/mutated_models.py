"""The committed models with tables changed: each is refused with a reason, or computed as TensorFlow Lite Micro does.

Usage: mutated_models.py [--seconds N] [--seed S] [--size N]. A change is one that a converter or an editor could
make: a shape, a type, scales, an operator's options, inputs or code, a buffer; flatbuffers written anew around it are
sound, so that readers are asked about what they say (bytes are damaged by tests/outside). Reading, planning and the
runtime each have a process with limits of time and memory. Status 1 where a model ended a process of ours, was
refused by anything but a reason, or was computed otherwise; the models are kept in build/differential.
"""

from __future__ import annotations

import argparse
import random
import resource
import signal
import sys
import time
import traceback
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import flatbuffers
import numpy as np
from tflite_micro.tensorflow.lite.micro.python import schema_py_generated as schema

from apart import apart
from host_batch import HostBatch
from renode_mnist import codegen, paths
from renode_mnist.codegen.planning import Plan
from renode_mnist.codegen.reader import parse
from renode_mnist.errors import ModelError
from runtimes import Tensors, tflite_micro_on
from sample_engines import compare

MODELS = ("mnist_int8.tflite", "mnist_float32.tflite", "mnist_uint8.tflite", "motions/motions_int8.tflite")
ENGINES = ("reference", "m7")

_SECONDS = 20
"""Of one model in a process of its own: the slowest good one takes 2."""
_MEMORY_BYTES = 8 << 30
_TOLERANCE = 1e-5
"""Of float32, as engine m7 has it on good models."""

_GREAT = 1e12
"""A constant whose product with others, summed and multiplied three layers on, may be more than 3.4e38."""

_EDGES = (-1, 0, 1, 2, 3, 127, 128, 255, 1 << 16, (1 << 31) - 1, -(1 << 31))
_REALS = (0.0, -1.0, 1e-38, 1e38, float("inf"), float("nan"), 1.0, 1 / 256)

# Changes of one table


def _number(value: int, rng: random.Random) -> int:
    return rng.choice((value + 1, value - 1, value * 2, *_EDGES))


def _list(values: Any, change: Callable[[Any], Any], rng: random.Random) -> list[Any]:
    """One entry changed, left out, doubled, or the whole taken away."""
    found = list(values) if values is not None else []
    if not found:
        return [change(0)]
    at = rng.randrange(len(found))
    match rng.randrange(6):
        case 0:
            del found[at]
        case 1:
            found.insert(at, found[at])
        case 2 if rng.random() < 0.3:
            found.clear()
        case _:
            found[at] = change(found[at])
    return found


def _tensor(model: Any, rng: random.Random) -> Any:
    return rng.choice(rng.choice(model.subgraphs).tensors)


def _operator(model: Any, rng: random.Random) -> Any:
    return rng.choice(rng.choice(model.subgraphs).operators)


def _shape(model: Any, rng: random.Random) -> None:
    tensor = _tensor(model, rng)
    tensor.shape = _list(tensor.shape, lambda size: _number(int(size), rng), rng)


def _type(model: Any, rng: random.Random) -> None:
    _tensor(model, rng).type = rng.randrange(20)


def _scales(model: Any, rng: random.Random) -> None:
    parameters = _tensor(model, rng).quantization
    if parameters is not None:
        parameters.scale = _list(
            parameters.scale, lambda value: rng.choice((value * 2, value / 3, -value, *_REALS)), rng
        )


def _zero_points(model: Any, rng: random.Random) -> None:
    parameters = _tensor(model, rng).quantization
    if parameters is not None:
        parameters.zeroPoint = _list(parameters.zeroPoint, lambda value: _number(int(value), rng), rng)


def _axis(model: Any, rng: random.Random) -> None:
    parameters = _tensor(model, rng).quantization
    if parameters is not None:
        parameters.quantizedDimension = rng.choice((-1, 0, 1, 2, 3, 4, 100))


def _no_quantisation(model: Any, rng: random.Random) -> None:
    _tensor(model, rng).quantization = None


def _buffer_of(model: Any, rng: random.Random) -> None:
    _tensor(model, rng).buffer = rng.choice((0, 1, len(model.buffers) - 1, len(model.buffers), 1 << 30))


def _variable(model: Any, rng: random.Random) -> None:
    tensor = _tensor(model, rng)
    tensor.isVariable = not tensor.isVariable


def _content(model: Any, rng: random.Random) -> None:
    buffer = rng.choice(model.buffers)
    content = bytes(buffer.data) if buffer.data is not None else b""
    at = rng.randrange(len(content)) if content else 0
    changed = rng.choice((
        b"", content[:at], content + content[:4], content[:at] + rng.randbytes(4) + content[at + 4 :],
        rng.randbytes(len(content)), b"\x80" * len(content), b"\x7f" * len(content),
    ))  # fmt: skip
    buffer.data = np.frombuffer(changed, np.uint8) if changed else None


def _index(model: Any, rng: random.Random) -> Callable[[Any], int]:
    most = max(len(graph.tensors) for graph in model.subgraphs)
    return lambda value: rng.choice((-1, 0, rng.randrange(most), rng.randrange(most), most, int(value), 1 << 30))


def _inputs(model: Any, rng: random.Random) -> None:
    operator = _operator(model, rng)
    operator.inputs = _list(operator.inputs, _index(model, rng), rng)


def _outputs(model: Any, rng: random.Random) -> None:
    operator = _operator(model, rng)
    operator.outputs = _list(operator.outputs, _index(model, rng), rng)


def _code(model: Any, rng: random.Random) -> None:
    code = rng.choice(model.operatorCodes)
    code.builtinCode = code.deprecatedBuiltinCode = rng.randrange(-1, 127)


def _code_of(model: Any, rng: random.Random) -> None:
    _operator(model, rng).opcodeIndex = rng.choice(
        (0, len(model.operatorCodes) - 1, len(model.operatorCodes), 1 << 20)
    )


def _option(model: Any, rng: random.Random) -> None:
    options = _operator(model, rng).builtinOptions
    if options is None or not vars(options):
        return
    name = rng.choice(sorted(vars(options)))
    value = getattr(options, name)
    match value:
        case bool():
            setattr(options, name, not value)
        case int():
            setattr(options, name, rng.choice((0, 1, 2, 3, 4, 5, value + 1, 100)))
        case float():
            setattr(options, name, rng.choice(_REALS))


def _no_options(model: Any, rng: random.Random) -> None:
    operator = _operator(model, rng)
    operator.builtinOptions, operator.builtinOptionsType = None, 0


def _order(model: Any, rng: random.Random) -> None:
    operators = rng.choice(model.subgraphs).operators
    at, other = rng.randrange(len(operators)), rng.randrange(len(operators))
    match rng.randrange(3):
        case 0:
            operators[at], operators[other] = operators[other], operators[at]
        case 1 if len(operators) > 1:
            del operators[at]
        case _:
            operators.insert(at, operators[other])


def _ends(model: Any, rng: random.Random) -> None:
    graph = rng.choice(model.subgraphs)
    if rng.random() < 0.5:
        graph.inputs = _list(graph.inputs, _index(model, rng), rng)
    else:
        graph.outputs = _list(graph.outputs, _index(model, rng), rng)


CHANGES = (
    _shape, _shape, _type, _scales, _zero_points, _axis, _no_quantisation, _buffer_of, _variable, _content, _content,
    _inputs, _outputs, _code, _code_of, _option, _option, _option, _no_options, _order, _ends,
)  # fmt: skip


class Mutant(NamedTuple):
    """A model that was changed.

    Attributes:
        origin: The committed one.
        changes: What was done to it, by name.
    """

    origin: str
    number: int
    changes: tuple[str, ...]
    content: bytes

    def __str__(self) -> str:
        return f"{self.origin}, seed {self.number} ({', '.join(self.changes)})"


def mutant(number: int) -> Mutant | None:
    """The model of a seed; None where its changes cannot be written down, as a number beyond its field's type."""
    rng = random.Random(number)
    origin = MODELS[number % len(MODELS)]
    content = (paths.models() / origin).read_bytes()
    model = schema.ModelT.InitFromObj(schema.Model.GetRootAs(content, 0))
    changes = [rng.choice(CHANGES) for _ in range(rng.choice((1, 1, 1, 2, 3)))]
    builder = flatbuffers.Builder(len(content))
    try:
        for change in changes:
            change(model, rng)
        builder.Finish(model.Pack(builder), b"TFL3")
    except (TypeError, ValueError, OverflowError, IndexError):
        return None
    return Mutant(origin, number, tuple(each.__name__.removeprefix("_") for each in changes), bytes(builder.Output()))


# What comes of one


@dataclass
class Found:
    """What some mutants came to.

    Attributes:
        beyond: Models whose real numbers leave what float32 holds: the runtimes clamp them there and engines do not
            (docs/testing.md), so that nothing is compared.
    """

    read: int = 0
    beyond: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    runtime_refused: int = 0
    equal: Counter[str] = field(default_factory=Counter)
    wrong: list[tuple[Mutant, str]] = field(default_factory=list)


def _limited(seconds: int) -> None:
    signal.signal(signal.SIGALRM, signal.SIG_DFL)  # C++ that loops is ended by it too
    signal.alarm(seconds)
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY_BYTES, _MEMORY_BYTES))


def _planned(content: bytes) -> dict[str, Plan] | str | tuple[str, str]:
    """Plans by engine; why the model is refused; or what else was raised, with its traceback."""
    _limited(_SECONDS)
    try:
        graph = parse(content, "mutant.tflite")
        return {engine: codegen.plan(graph, engine) for engine in ENGINES}
    except ModelError as error:
        return str(error)
    except Exception as error:  # noqa: BLE001: that is what is looked for
        return type(error).__name__, traceback.format_exc()


def _answered(content: bytes, inputs: Tensors) -> Tensors | None:
    _limited(_SECONDS)
    try:
        return tflite_micro_on(content, [inputs])[0]
    except (RuntimeError, ValueError):
        return None


def _inferred(library: HostBatch, key: str, inputs: Tensors) -> Tensors:
    _limited(_SECONDS)
    return library(key, inputs)


def inputs_of(plan: Plan, number: int) -> Tensors:
    """Inputs of a model that can be read, the same for the same seed."""
    random_numbers = np.random.default_rng(number)
    found = []
    for source in plan.graph.inputs:
        dtype = source.type.dtype
        assert dtype is not None
        if dtype.kind == "f":
            found.append(random_numbers.random(source.shape).astype(dtype))
        elif dtype.kind == "b":
            found.append(random_numbers.integers(0, 2, source.shape).astype(dtype))
        else:
            limits = np.iinfo(dtype)
            found.append(random_numbers.integers(limits.min, limits.max, source.shape, dtype, endpoint=True))
    return tuple(found)


def held(mutants: Sequence[Mutant], name: str) -> Found:
    """Reads, plans, computes and compares.

    Args:
        mutants: What to hold to TensorFlow Lite Micro.
        name: Of the library that is compiled.
    """
    found = Found(read=len(mutants))
    good: list[tuple[Mutant, dict[str, Plan], Tensors, Tensors | None]] = []
    for each in mutants:
        plans = apart(_planned, [(each.content,)])[0]
        if plans is None:
            found.wrong.append((each, f"reading it takes more than {_SECONDS} s or {_MEMORY_BYTES >> 30} GiB"))
        elif isinstance(plans, tuple):
            found.wrong.append((each, f"{plans[0]}\n{plans[1]}"))
        elif isinstance(plans, str):
            found.refused[each.changes[0] if len(each.changes) == 1 else "several"] += 1
        else:
            inputs = inputs_of(plans["reference"], each.number)
            answer = apart(_answered, [(each.content, inputs)])[0]
            found.runtime_refused += answer is None
            good.append((each, plans, inputs, answer))
    for each, plans, inputs, answer in good:
        if answer is not None and _beyond_float32(plans["reference"]):
            found.beyond += 1
        elif answer is not None:
            _compare(each, plans, inputs, answer, name, found)
    return found


def _beyond_float32(plan: Plan) -> bool:
    reals = [t.data for t in plan.graph.tensors if t.data is not None and t.data.dtype == np.float32]
    with np.errstate(invalid="ignore"):
        return any(not (np.abs(values) < _GREAT).all() for values in reals)


def _compare(each: Mutant, plans: dict[str, Plan], inputs: Tensors, answer: Tensors, name: str, found: Found) -> None:
    try:
        library = HostBatch(name, plans)
    except AssertionError as error:
        found.wrong.append((each, f"its C++ does not compile: {str(error)[-1500:]}"))
        return
    for engine in plans:
        got = apart(_inferred, [(library, engine, inputs)])[0]
        wrong = "ends the program" if got is None else compare(got, answer, _TOLERANCE)
        if wrong:
            found.wrong.append((each, f"{engine}: {wrong}"))
        else:
            found.equal[engine] += 1


def _kept(each: Mutant, what: str) -> Path:
    folder = paths.root() / "build" / "differential" / f"mutant-{each.number}"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "network.tflite").write_bytes(each.content)
    (folder / "difference.txt").write_text(f"{each}\n{what}\n")
    return folder


def main() -> int:
    """Runs, prints what came of it, and returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])  # type: ignore[union-attr]
    parser.add_argument("--seconds", type=float, default=600, help="no batch begins after that")
    parser.add_argument("--seed", type=int, default=1, help="of the first model; each has the next")
    parser.add_argument("--size", type=int, default=40, help="models a batch")
    asked = parser.parse_args()
    end, number, total = time.monotonic() + asked.seconds, asked.seed, Found()
    while time.monotonic() < end:
        some = [each for each in map(mutant, range(number, number + asked.size)) if each is not None]
        number += asked.size
        found = apart(held, [(some, "mutated")])[0]
        assert found is not None
        for each, what in found.wrong:
            print(f"{each}: {what.splitlines()[0]}\n  {_kept(each, what)}", flush=True)
        total.read += found.read
        total.beyond += found.beyond
        total.runtime_refused += found.runtime_refused
        total.refused.update(found.refused)
        total.equal.update(found.equal)
        total.wrong += found.wrong
    equal = ", ".join(f"{engine} {count}" for engine, count in total.equal.items())
    print(f"{total.read} models read, {sum(total.refused.values())} refused with a reason")
    print(f"  computed as TensorFlow Lite Micro does: {equal}; that does not answer to {total.runtime_refused} more")
    print(f"  not compared, as numbers leave float32: {total.beyond}")
    print(f"  wrong: {len(total.wrong)}")
    return 1 if total.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
