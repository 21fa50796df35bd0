"""Trains the second example network: which of four activities a smart watch has recorded.

    python models/motions/train.py FOLDER      FOLDER has BasicMotions_TRAIN.ts and BasicMotions_TEST.ts

`make motions` brings the data and calls it. It writes beside itself ``motions.keras``, ``motions_float32.tflite``,
``motions_int8.tflite``, ``labels.txt`` and ``test.npz``, the forty labelled recordings that no training has seen.
The same machine and packages give the same ``.tflite`` files.
"""

from __future__ import annotations

import sys
from pathlib import Path

import keras
import numpy as np
import numpy.typing as npt
import tensorflow

HERE = Path(__file__).parent
CHANNELS, SAMPLES = 6, 100
EPOCHS, BATCH, SEED = 120, 8, 1

Recordings = npt.NDArray[np.float32]


def recordings(file: Path) -> tuple[Recordings, npt.NDArray[np.uint8], list[str]]:
    """A ``.ts`` file: (count, 100, 6) real numbers, a class for each, and the classes' names.

    A line is one recording: six dimensions of a hundred numbers, and the class, parted by colons.
    """
    names: list[str] = []
    values, classes = [], []
    for line in file.read_text().splitlines():
        if line.startswith("@classLabel"):
            names = line.split()[2:]
        elif line and line[0] not in "#@":
            *dimensions, name = line.split(":")
            values.append([[float(number) for number in dimension.split(",")] for dimension in dimensions])
            classes.append(names.index(name))
    found = np.array(values, np.float32).transpose(0, 2, 1)
    assert found.shape[1:] == (SAMPLES, CHANNELS), found.shape
    return found, np.array(classes, np.uint8), names


def network() -> keras.Model:
    """Two convolutions over time, the mean of what they find, four scores; 2,540 parameters once converted."""
    source = keras.Input(batch_shape=(1, SAMPLES, CHANNELS), name="motion")
    flow = keras.layers.Reshape((SAMPLES, 1, CHANNELS))(source)
    for filters in (16, 24):
        flow = keras.layers.Conv2D(filters, (5, 1), strides=(2, 1), use_bias=False)(flow)
        flow = keras.layers.BatchNormalization()(flow)
        flow = keras.layers.ReLU()(flow)
    flow = keras.layers.GlobalAveragePooling2D()(flow)
    return keras.Model(source, keras.layers.Dense(4, activation="softmax", name="activity")(flow))


def trained(values: Recordings, classes: npt.NDArray[np.uint8]) -> keras.Model:
    """Trained on a model of free batch size, then given a batch of one."""
    keras.utils.set_random_seed(SEED)
    fixed = network()
    source = keras.Input(shape=(SAMPLES, CHANNELS))
    free = keras.models.clone_model(fixed, input_tensors=source)
    free.compile(keras.optimizers.Adam(2e-3), "sparse_categorical_crossentropy")
    free.fit(values, classes, BATCH, EPOCHS, verbose=0)
    fixed.set_weights(free.get_weights())
    return fixed


def converted(model: keras.Model, samples: Recordings | None) -> bytes:
    """A ``.tflite`` file: float32, or int8 throughout with ranges from the samples."""
    function = tensorflow.function(
        lambda motion: model(motion, training=False),
        input_signature=[tensorflow.TensorSpec((1, SAMPLES, CHANNELS), tensorflow.float32, name="motion")],
    )
    converter = tensorflow.lite.TFLiteConverter.from_concrete_functions([function.get_concrete_function()])
    if samples is not None:
        converter.optimizations = [tensorflow.lite.Optimize.DEFAULT]
        converter.target_spec.supported_ops = [tensorflow.lite.OpsSet.TFLITE_BUILTINS_INT8]
        converter.inference_input_type = converter.inference_output_type = tensorflow.int8
        converter.representative_dataset = lambda: ([sample[np.newaxis]] for sample in samples)
    return bytes(converter.convert())


def main(folder: Path) -> None:
    """Writes the files."""
    values, classes, names = recordings(folder / "BasicMotions_TRAIN.ts")
    test_values, test_classes, _ = recordings(folder / "BasicMotions_TEST.ts")
    model = trained(values, classes)
    answers = [int(np.argmax(model(value[np.newaxis], training=False))) for value in test_values]
    print(f"float: {int(np.sum(np.array(answers) == test_classes))} of {len(test_classes)} test recordings right")
    model.save(HERE / "motions.keras")
    (HERE / "motions_float32.tflite").write_bytes(converted(model, None))
    (HERE / "motions_int8.tflite").write_bytes(converted(model, values))
    (HERE / "labels.txt").write_text("".join(f"{name}\n" for name in names))
    np.savez_compressed(HERE / "test.npz", motion=test_values, labels=test_classes)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
