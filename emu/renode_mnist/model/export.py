"""From a Keras model to .tflite files in every way the article tried, and to the C array of one of them."""

from __future__ import annotations

import hashlib
import re
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from renode_mnist import remedies
from renode_mnist.errors import EnvironmentProblem, ModelError
from renode_mnist.model._quiet import quiet
from renode_mnist.model.confusion import Confusion
from renode_mnist.model.data import CLASS_COUNT, SIDE, Pixels, Split
from renode_mnist.model.train import evaluation, import_keras, scale

Variant = Literal["float32", "size", "uint8", "int8", "qat"]

VARIANTS: dict[Variant, str] = {
    "float32": "as trained",
    "size": "dynamic range: int8 weights, float32 activations",
    "uint8": "int8 inside, uint8 in and out",
    "int8": "int8 inside, in and out",
    "qat": "as int8, from quantisation-aware training",
}

#: Training pictures that set the activation ranges of uint8 and int8: the first ones, a hundred a class.
REPRESENTATIVE_IMAGES = 1000


def convert(model: Any, variant: Variant, data: Split | None = None) -> bytes:
    """A .tflite file with the batch fixed at 1; the same model and data give the same bytes.

    Dense layers are quantised per tensor, as CMSIS-NN's fully connected wants it; convolutions per channel.

    Args:
        model: From ``keras_file.load``. ``qat`` takes a quantisation-aware one, all others a plain one.
        variant: What becomes of the numbers.
        data: Training pictures; ``uint8`` and ``int8`` take their activation ranges from the first 1000.

    Raises:
        ModelError: TensorFlow can't convert it.
    """
    import_keras()
    import tensorflow

    shape = (1, *model.input_shape[1:])
    # A plain function of fixed shape: no temporary SavedModel, no counters in the names: the same bytes.
    function = tensorflow.function(
        lambda image: model(image, training=False),
        input_signature=[tensorflow.TensorSpec(shape, tensorflow.float32, name="image")],
    )
    with quiet():
        converter = tensorflow.lite.TFLiteConverter.from_concrete_functions([function.get_concrete_function()])
    if variant != "float32":
        converter.optimizations = [tensorflow.lite.Optimize.DEFAULT]
        converter._experimental_disable_per_channel_quantization_for_dense_layers = True
    if variant in ("uint8", "int8", "qat"):
        kind = tensorflow.uint8 if variant == "uint8" else tensorflow.int8
        converter.inference_input_type = converter.inference_output_type = kind
    if variant in ("uint8", "int8"):
        if data is None or shape != (1, SIDE, SIDE, 1):
            raise ModelError(
                f"The variant {variant} needs training pictures of the model's input shape {shape}",
                f"Only models that take 1x{SIDE}x{SIDE}x1 can be quantised with MNIST or a set like it.",
            )
        converter.target_spec.supported_ops = [tensorflow.lite.OpsSet.TFLITE_BUILTINS_INT8]
        samples = scale(data.images[:REPRESENTATIVE_IMAGES])
        converter.representative_dataset = lambda: ([samples[i : i + 1]] for i in range(len(samples)))
    try:
        with quiet():
            return bytes(converter.convert())
    except Exception as error:
        # The converter passes on MLIR's diagnostics in a ConverterError, ValueError or RuntimeError.
        raise ModelError(
            f"TensorFlow can't convert the model to {variant}: {str(error).strip().splitlines()[0]}",
            "Use layers that TensorFlow Lite has built in.",
        ) from None


def evaluate(tflite: bytes, data: Split) -> Confusion:
    """Classifies every picture of ``data`` by LiteRT's own kernels, one at a time.

    Raises:
        ModelError: The model doesn't take 28x28 grey pictures to ten scores.
    """
    return evaluation(data.labels, scores(tflite, data.images).argmax(axis=1))


def scores(tflite: bytes, images: Pixels) -> NDArray[Any]:
    """The ten outputs for each picture, in the model's own output type.

    LiteRT without delegates: its int8 kernels equal TensorFlow Lite Micro's to the bit, XNNPACK's don't.

    Args:
        tflite: The model file.
        images: (count, 28, 28) uint8.

    Returns:
        (count, 10) float32, int8 or uint8.

    Raises:
        ModelError: The model doesn't take 28x28 grey pictures to ten scores, or LiteRT can't read it.
    """
    with quiet():
        interpreter = _interpreter(tflite)
    source, sink = interpreter.get_input_details()[0], interpreter.get_output_details()[0]
    if source["shape"].prod() != SIDE * SIDE or sink["shape"].prod() != CLASS_COUNT:
        raise ModelError(
            f"The model takes {source['shape'].tolist()} to {sink['shape'].tolist()}",
            f"Accuracy can be told only of models from {SIDE}x{SIDE}x1 to {CLASS_COUNT} classes.",
        )
    inputs = quantise(images, source["dtype"], source["quantization"]).reshape(len(images), *source["shape"])
    outputs = np.empty((len(images), CLASS_COUNT), sink["dtype"])
    for row, image in zip(outputs, inputs, strict=True):
        interpreter.set_tensor(source["index"], image)
        interpreter.invoke()
        row[:] = interpreter.get_tensor(sink["index"]).reshape(-1)
    return outputs


def quantise(images: Pixels, dtype: type, quantization: tuple[float, int]) -> NDArray[Any]:
    """Pictures as a model's input: scaled to [0, 1], then by the tensor's (scale, zero point), if any."""
    real = scale(images)
    step, zero_point = quantization
    if step == 0:
        return real.astype(dtype)
    limits = np.iinfo(dtype)
    levels: NDArray[np.float32] = np.rint(real / np.float32(step)) + np.float32(zero_point)
    return levels.clip(limits.min, limits.max).astype(dtype)


def import_interpreter() -> Any:
    """LiteRT's module ``interpreter``.

    Raises:
        EnvironmentProblem: It isn't installed.
    """
    try:
        with quiet():
            from ai_edge_litert import interpreter
    except ImportError as error:
        raise EnvironmentProblem(f"accuracy needs {error.name}", remedies.run_extra("train")) from None
    return interpreter


def _interpreter(tflite: bytes) -> Any:
    litert = import_interpreter()
    try:
        resolver = litert.OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES
        interpreter = litert.Interpreter(model_content=tflite, experimental_op_resolver_type=resolver)
        interpreter.allocate_tensors()
    except (ValueError, RuntimeError) as error:
        raise ModelError(f"LiteRT can't read the model ({error})", "Export it again.") from None
    return interpreter


def c_array(tflite: bytes, name: str) -> tuple[str, str]:
    """The model as C source, for firmware that links it into flash.

    Args:
        tflite: The model file.
        name: The array's name, a C identifier; the header's is ``<name>.h``.

    Returns:
        The text of ``<name>.h`` and ``<name>.c``.

    Raises:
        ModelError: ``name`` is no C identifier.
    """
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name):
        raise ModelError(f"{name!r} is no C identifier", "Name the model file with letters, digits and underscores.")
    digest = hashlib.sha256(tflite).hexdigest()
    guard = f"{name.upper()}_H"
    header = f"""\
/* {name}: a TensorFlow Lite model, {len(tflite)} bytes, SHA-256 {digest}.
 * Written by renode-mnist export --c-array. */
#ifndef {guard}
#define {guard}

#include <stddef.h>

#ifdef __cplusplus
extern "C" {{
#endif

/* Aligned to 16 bytes, as TensorFlow Lite Micro and the flatbuffer in it want. */
extern const unsigned char {name}[{len(tflite)}];
extern const size_t {name}_len;

#ifdef __cplusplus
}}
#endif

#endif /* {guard} */
"""
    lines = (tflite[i : i + 12] for i in range(0, len(tflite), 12))
    body = ",\n".join("    " + ", ".join(f"0x{byte:02x}" for byte in line) for line in lines)
    source = f"""\
/* Written by renode-mnist export --c-array; see {name}.h. */
#include "{name}.h"

const unsigned char {name}[{len(tflite)}] __attribute__((aligned(16))) = {{
{body}
}};

const size_t {name}_len = sizeof {name};
"""
    return header, source
