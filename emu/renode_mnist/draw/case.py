"""A drawing as a test case: the input tensor of the model on the page, alone or with the answer that it must have."""

from __future__ import annotations

import io
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from PIL import Image

from renode_mnist import codegen
from renode_mnist.codegen.graph import Graph
from renode_mnist.errors import ModelError
from renode_mnist.images import BuildConfig
from renode_mnist.measure.verify_image import golden_vectors
from renode_mnist.model import golden, interface, picture_tensor
from renode_mnist.model.inputs import Samples, Tensors
from renode_mnist.session.session import PICTURE_SHAPE

_NAME = "a drawing (`renode-mnist draw`)"


def tensors(graph: Graph, pixels: bytes) -> Tensors:
    """What `run --input` makes of the picture: one array, as the model's only input stores it.

    Args:
        graph: The model.
        pixels: 28x28, white ink on black, row by row.

    Raises:
        ModelError: The model takes more than one tensor.
        DataError: It takes no picture.
    """
    specs = interface.inputs(graph)
    if len(specs) != 1:
        raise ModelError(f"{graph.name} takes {len(specs)} tensors", "Draw for a model that takes one picture.")
    image = Image.frombytes("L", PICTURE_SHAPE, pixels)
    reals, _ = picture_tensor.to_reals(image, specs[0], picture_tensor.usual_range(specs[0]), "the drawing")
    return (specs[0].quantise(reals),)


def npy(model: Path, pixels: bytes) -> bytes:
    """A file for `run --input`: the tensor, whose first axis is the batch.

    Raises:
        RenodeMnistError: As `tensors`, or the model cannot be read.
    """
    stream = io.BytesIO()
    np.save(stream, tensors(codegen.load(model), pixels)[0], allow_pickle=False)
    return stream.getvalue()


def golden_file(model: Path, pixels: bytes) -> bytes:
    """A file for `test --golden`: the tensor with the yardstick's answer, as `renode-mnist golden` writes it.

    Raises:
        EnvironmentProblem: This machine has no yardstick.
        RenodeMnistError: As `npy`.
    """
    graph = codegen.load(model)
    samples = Samples((tensors(graph, pixels),), ("a drawing",), (_NAME,))
    vectors = golden_vectors(BuildConfig(model), model.read_bytes(), graph, samples)
    with TemporaryDirectory() as folder:
        file = Path(folder) / "drawing.npz"
        golden.write(vectors, file)
        return file.read_bytes()
