"""Train, convert, measure and write down: the steps between a seed and the files in ``models/``."""

from __future__ import annotations

import hashlib
import platform
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from renode_mnist.errors import ModelError
from renode_mnist.model import data, export, keras_file, qat, train
from renode_mnist.model.card import Card, Converted, Trained

STEM = "mnist"
_QAT_SUFFIX = "_qat.h5"


@dataclass(frozen=True)
class TrainPlan:
    """What to train.

    Attributes:
        directory: Where the model files and the card go.
        epochs: Of the float training; quantisation-aware training adds ``qat.EPOCHS`` of its own.
        seed: Of every generator.
        quantisation_aware: Whether to fine-tune a second model for int8.
        data_directory: Folder of idx files; MNIST without one.
    """

    directory: Path
    epochs: int = 5
    seed: int = 1
    quantisation_aware: bool = False
    data_directory: Path | None = None

    def command(self) -> str:
        """The command line that does the same again, free of this machine's paths."""
        parts = [f"renode-mnist train --epochs {self.epochs} --seed {self.seed}"]
        parts += ["--qat"] if self.quantisation_aware else []
        parts += [f"--data {self.data_directory.resolve().name}"] if self.data_directory else []
        return " ".join([*parts, f"--output {self.directory.resolve().name}"])


def train_models(plan: TrainPlan, on_progress: Callable[[train.Progress], None] | None = None) -> Iterator[Trained]:
    """Trains, measures and saves what ``plan`` says, one model after the other, and keeps the card.

    Raises:
        DataError: No training data.
        EnvironmentProblem: TensorFlow or the quantisation toolkit is missing.
    """
    # What this machine lacks is told before anything is fetched, made or trained.
    train.import_keras()
    if plan.quantisation_aware:
        qat.import_toolkit()
    training, test = data.load("train", plan.data_directory), data.load("test", plan.data_directory)
    card = Card.load(plan.directory)
    if card.digests != training.digests | test.digests:
        card = Card(training.name, training.digests | test.digests, notes=card.notes)
    plan.directory.mkdir(parents=True, exist_ok=True)

    model = train.train(training, epochs=plan.epochs, seed=plan.seed, on_progress=on_progress)
    path = plan.directory / f"{STEM}.keras"
    model.save(path)
    method = f"rmsprop, batch {train.BATCH_SIZE}, from random weights"
    card.trained = {"float32": _trained(plan, path, model, plan.epochs, method, test)}
    card.save(plan.directory)
    yield card.trained["float32"]

    if plan.quantisation_aware:
        aware = qat.train(model, training, seed=plan.seed, on_progress=on_progress)
        path = plan.directory / f"{STEM}{_QAT_SUFFIX}"
        qat.save(aware, path)
        method = f"rmsprop at {qat.LEARNING_RATE:g}, batch {train.BATCH_SIZE}, from {STEM}.keras, as int8 rounds"
        card.trained["qat"] = _trained(plan, path, aware, qat.EPOCHS, method, test)
        card.save(plan.directory)
        yield card.trained["qat"]


def _trained(plan: TrainPlan, path: Path, model: Any, epochs: int, method: str, test: data.Split) -> Trained:
    result = train.evaluate(model, test)
    return Trained(
        file=path.name,
        command=plan.command(),
        method=method,
        seed=plan.seed,
        epochs=epochs,
        bytes=path.stat().st_size,
        weights_sha256=train.weights_digest(model.get_weights()),
        correct=result.correct,
        count=result.count,
        confusion=result.confusion.tolist(),
        versions=train.versions(),
        machine=platform.machine(),
    )


def sources(model_path: Path, variants: Sequence[export.Variant] | None) -> dict[export.Variant, Path]:
    """The Keras file that each variant comes from.

    Args:
        model_path: A plain model, with a companion ``<its name>_qat.h5`` or without, or a companion itself.
        variants: What is asked for; None asks for all that can be made.

    Raises:
        ModelError: A variant can't be made from what is there.
    """
    if not model_path.is_file():
        raise ModelError(f"There is no file {model_path}", "Make one with `renode-mnist train`.")
    if qat.is_quantisation_aware(model_path):
        if unfit := [variant for variant in variants or () if variant != "qat"]:
            raise ModelError(
                f"{model_path.name} is quantisation-aware, it can't become {', '.join(unfit)}",
                "Give the plain .keras file for those.",
            )
        return {"qat": model_path}
    companion = model_path.with_name(model_path.stem + _QAT_SUFFIX)
    found: dict[export.Variant, Path] = dict.fromkeys(export.VARIANTS, model_path)
    if companion.is_file():
        found["qat"] = companion
    else:
        del found["qat"]
    if variants is None:
        return found
    if unknown := [variant for variant in variants if variant not in export.VARIANTS]:
        raise ModelError(f"There is no variant {', '.join(unknown)}", f"Choose from: {', '.join(export.VARIANTS)}.")
    if missing := [variant for variant in variants if variant not in found]:
        raise ModelError(
            f"{', '.join(missing)} needs {companion}, which is not there",
            "Make it with `renode-mnist train --qat`.",
        )
    return {variant: found[variant] for variant in variants}


def export_models(
    model_path: Path,
    variants: Sequence[export.Variant] | None,
    directory: Path,
    data_directory: Path | None = None,
) -> Iterator[tuple[export.Variant, Path, Converted]]:
    """Converts, measures on the test set and saves each variant, and keeps the card in ``directory``.

    Args:
        model_path: A model file of ``train_models``, or any Keras model from 28x28x1 to ten classes.
        variants: See ``sources``.
        directory: Where the .tflite files go.
        data_directory: Folder of idx files; MNIST without one.

    Yields:
        Variant, path of the .tflite file, and its record.

    Raises:
        DataError: No data.
        EnvironmentProblem: TensorFlow or LiteRT is missing.
        ModelError: A model that can't be read or converted.
    """
    plan = sources(model_path, variants)
    train.import_keras()
    export.import_interpreter()
    training, test = data.load("train", data_directory), data.load("test", data_directory)
    models = {path: keras_file.load(path) for path in dict.fromkeys(plan.values())}
    directory.mkdir(parents=True, exist_ok=True)
    stem = model_path.stem.removesuffix("_qat")
    for variant, source in plan.items():
        model = models[source]
        tflite = export.convert(model, variant, training)
        result = export.evaluate(tflite, test)
        path = directory / f"{stem}_{variant}.tflite"
        path.write_bytes(tflite)
        record = Converted(
            file=path.name,
            command=f"renode-mnist export {directory.resolve().name}/{stem}.keras --variant all",
            source=source.name,
            source_weights_sha256=train.weights_digest(model.get_weights()),
            bytes=len(tflite),
            sha256=hashlib.sha256(tflite).hexdigest(),
            correct=result.correct,
            count=result.count,
            versions=train.versions(),
        )
        _keep(directory, variant, record)
        yield variant, path, record


def _keep(directory: Path, variant: export.Variant, record: Converted) -> None:
    """Enters a conversion into the card beside its model; a folder without that model's card gets none."""
    card = Card.load(directory)
    if record.source_weights_sha256 in {trained.weights_sha256 for trained in card.trained.values()}:
        known = card.converted | {variant: record}
        card.converted = {name: known[name] for name in export.VARIANTS if name in known}
        card.save(directory)


def write_samples(directory: Path, data_directory: Path | None = None) -> list[int]:
    """Writes a typical test picture of each class, and enters them into the card of the folder above, if any.

    Returns:
        Their indices in the test set.
    """
    indices = data.write_samples(data.load("test", data_directory), directory)
    above = directory.resolve().parent
    card = Card.load(above)
    if card.trained:
        card.samples = indices
        card.save(above)
    return indices
