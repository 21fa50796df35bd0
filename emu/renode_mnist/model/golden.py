"""Golden vectors: inputs of a model with LiteRT's answers, and which model and tools made them, in one ``.npz`` file.

The file holds an array a tensor, ``input_0`` and so on and ``output_0`` and so on, samples along the first axis, as
the tensors store them, and ``golden.json``: identities, the tensors' names, types and scales. NumPy alone reads it.
"""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from renode_mnist import outside, version
from renode_mnist.codegen.graph import Graph
from renode_mnist.errors import CheckFailed, DataError
from renode_mnist.model import difference, interface, tensor_files, yardstick
from renode_mnist.model.difference import FLOAT_BOUND_ULP, Difference, Verdict
from renode_mnist.model.inputs import Samples, Tensors
from renode_mnist.model.interface import TensorSpec
from renode_mnist.model.yardstick import Yardstick

FORMAT = 1
_IDENTITY = "golden.json"


@dataclass(frozen=True)
class GoldenIdentity:
    """What vectors were made from, and by what.

    Attributes:
        model_name: File name.
        model_sha256: Of the whole file.
        yardstick: Runtime, version and kernels that answered.
        tool: renode-mnist with its version and commit.
        notes: How the inputs came to be.
    """

    model_name: str
    model_sha256: str
    yardstick: str
    tool: str
    notes: tuple[str, ...]


@dataclass(frozen=True)
class GoldenVectors:
    """Inputs and the answers that they must have.

    Attributes:
        identity: Of model and tools.
        input_specs: What the model takes.
        output_specs: What it answers.
        inputs: A set a sample.
        outputs: The answers to each.
    """

    identity: GoldenIdentity
    input_specs: tuple[TensorSpec, ...]
    output_specs: tuple[TensorSpec, ...]
    inputs: tuple[Tensors, ...]
    outputs: tuple[Tensors, ...]

    def __len__(self) -> int:
        return len(self.inputs)

    def answers_as(self, other: GoldenVectors) -> bool:
        """Whether the answers are the same to the bit."""
        return all(
            mine.tobytes() == theirs.tobytes()
            for ours, others in zip(self.outputs, other.outputs, strict=True)
            for mine, theirs in zip(ours, others, strict=True)
        )

    def check_model(self, sha256: str, name: str = "the model") -> None:
        """Refuses to judge another model's answers.

        Raises:
            DataError: The vectors are another model's.
        """
        if sha256 != self.identity.model_sha256:
            raise DataError(
                f"the golden vectors are of {self.identity.model_name} (SHA-256 {self.identity.model_sha256[:12]}…), "
                f"and {name} is another (SHA-256 {sha256[:12]}…)",
                "Make them of this model with `renode-mnist golden`.",
            )

    def differences(
        self, sample: int, answers: Sequence[npt.NDArray[Any]], float_bound_ulp: float = FLOAT_BOUND_ULP
    ) -> Iterator[tuple[TensorSpec, Difference]]:
        """Each output of one sample against what it must be; see `Difference.verdict`."""
        for spec, got, expected in zip(self.output_specs, answers, self.outputs[sample], strict=True):
            yield spec, difference.compare(spec, got, expected, float_bound_ulp)

    def check(
        self, sample: int, answers: Sequence[npt.NDArray[Any]], float_bound_ulp: float = FLOAT_BOUND_ULP
    ) -> None:
        """Whole numbers must be equal to the bit, floating-point ones within a bound.

        Args:
            sample: Which of them.
            answers: Its outputs, in the tensors' types.
            float_bound_ulp: In units in the last place of each output's largest magnitude.

        Raises:
            CheckFailed: Names the output and how far it is off.
        """
        for spec, found in self.differences(sample, answers, float_bound_ulp):
            if found.verdict is Verdict.DIFFERENT:
                raise CheckFailed(
                    f"output '{spec.name}' of golden sample {sample} is off by {difference.units_text(found)} "
                    f"({found.most_real:.6g}) in {found.differing:,} of {found.elements:,} elements",
                    "`renode-mnist verify` names the layer where it begins.",
                )


def make(graph: Graph, samples: Samples, judge: Yardstick) -> GoldenVectors:
    """Asks the yardstick for the answers."""
    identity = GoldenIdentity(
        graph.name,
        graph.sha256,
        judge.name,
        f"renode-mnist {version.version()}, commit {version.commit()}",
        samples.notes,
    )
    answers = tuple(yardstick.outputs(graph, judge.tensors(tensors)) for tensors in samples.sets)
    return GoldenVectors(identity, interface.inputs(graph), interface.outputs(graph), samples.sets, answers)


def write(vectors: GoldenVectors, path: Path) -> None:
    """Writes the file; the same vectors give the same bytes.

    Raises:
        DataError: It can't be written.
    """
    if path.suffix != ".npz":
        raise DataError(f"golden vectors are not written as {path.name}", "Name a file that ends in .npz.")
    arrays: dict[str, npt.NDArray[Any]] = {}
    described = {"format": FORMAT, **asdict(vectors.identity)}
    for role, specs, sets in (
        ("input", vectors.input_specs, vectors.inputs),
        ("output", vectors.output_specs, vectors.outputs),
    ):
        described[f"{role}s"] = [_described(spec) for spec in specs]
        for position in range(len(specs)):
            arrays[_key(role, position)] = np.stack([tensors[position] for tensors in sets])
    arrays[_IDENTITY] = np.frombuffer(json.dumps(described, indent=2, sort_keys=True).encode(), np.uint8)
    stream = io.BytesIO()
    tensor_files.save_npz(stream, arrays)
    tensor_files.write_bytes(path, stream.getvalue())


def read(path: Path) -> GoldenVectors:
    """Reads vectors back.

    Raises:
        DataError: It is no such file, of another version, or its parts contradict each other.
    """
    if path.suffix != ".npz":
        raise _no_vectors(path, "its name does not end in .npz")
    arrays = tensor_files.read(path).by_name
    raw = arrays.get(_IDENTITY)
    if not isinstance(raw, np.ndarray) or raw.dtype != np.uint8:
        raise _no_vectors(path, f"it has no {_IDENTITY}")
    with outside.reading(lambda why: _no_vectors(path, f"{_IDENTITY}: {why}")):
        described = json.loads(raw.tobytes())
        if described["format"] != FORMAT:
            raise _no_vectors(path, f"format {described['format']} instead of {FORMAT}")
        notes = tuple(map(str, described["notes"]))
        names = ("model_name", "model_sha256", "yardstick", "tool")
        identity = GoldenIdentity(**{name: str(described[name]) for name in names}, notes=notes)
        specs = {role: tuple(map(_spec, described[f"{role}s"])) for role in ("input", "output")}
    columns = {
        role: [_column(arrays, role, position, spec, path) for position, spec in enumerate(specs[role])]
        for role in specs
    }
    counts = {len(column) for role in columns.values() for column in role}
    if len(counts) != 1 or counts == {0}:
        raise _no_vectors(path, "its tensors have different numbers of samples, or none")
    sets = {role: tuple(zip(*columns[role], strict=True)) for role in columns}
    return GoldenVectors(identity, specs["input"], specs["output"], sets["input"], sets["output"])


def sha256_of(path: Path) -> str:
    """Of a model file, for `GoldenVectors.check_model`."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _key(role: str, position: int) -> str:
    # Not the name: a model may give two tensors one, or one that no archive takes.
    return f"{role}_{position}"


def _column(arrays: Any, role: str, position: int, spec: TensorSpec, path: Path) -> npt.NDArray[Any]:
    array = arrays.get(_key(role, position))
    if not isinstance(array, np.ndarray):
        raise _no_vectors(path, f"it has no array for the {role} {spec}")
    if array.dtype != spec.dtype or array.shape[1:] != spec.shape or not array.ndim:
        raise _no_vectors(path, f"the {role} {spec} has {array.dtype} of {array.shape}")
    return array


def _described(spec: TensorSpec) -> dict[str, Any]:
    return {
        "name": spec.name,
        "type": spec.dtype.name,
        "shape": list(spec.shape),
        "scale": spec.scale,
        "zero_point": spec.zero_point,
    }


def _spec(values: Any) -> TensorSpec:
    shape = tuple(int(length) for length in values["shape"])
    name, kind = str(values["name"]), np.dtype(str(values["type"]))
    return TensorSpec(name, kind, shape, float(values["scale"]), int(values["zero_point"]))


def _no_vectors(path: Path, why: str) -> DataError:
    return DataError(f"{path} holds no golden vectors ({why})", "Make them with `renode-mnist golden`.")
