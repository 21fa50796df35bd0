"""The Python library: what a notebook or a script does with a target or a model is one call.

Everything public here can be had from ``renode_mnist`` itself. The calls are thin: each sets what lies below it
to work and hands back a typed result that shows itself, in a notebook as HTML.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping, Sequence
from dataclasses import KW_ONLY, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy.typing as npt

from renode_mnist import codegen, paths
from renode_mnist.errors import CheckFailed, DataError, ImageError
from renode_mnist.images import ENGINES, Board, BuildConfig, Engine, ImageOptions, Objective, build, resolve_model
from renode_mnist.library.arguments import takes
from renode_mnist.library.programs import open_program
from renode_mnist.measure.calibration_subjects import ROUNDS
from renode_mnist.measure.faults.fault import Place, places_named
from renode_mnist.model import inputs, interface
from renode_mnist.model.inputs import Samples
from renode_mnist.model.interface import TensorSpec
from renode_mnist.model.preprocess import Picture, name_of, to_pixels
from renode_mnist.model.strokes import draw_digit
from renode_mnist.option import StrPath, argument, inner, option
from renode_mnist.report.notebook import ShownConnection, ShownRecord
from renode_mnist.session.opening import elf_of, machine_of, prepare
from renode_mnist.session.record import Connection, Record
from renode_mnist.session.session import Session
from renode_mnist.session.target_options import OpenOptions, RunOptions, TargetOptions, which_target

if TYPE_CHECKING:
    from renode_mnist.measure.verify import Verification
    from renode_mnist.model.export import Variant
    from renode_mnist.report.benchmark import Benchmark
    from renode_mnist.report.calibration import ShownCalibration
    from renode_mnist.report.inspection import Inspection
    from renode_mnist.report.plots import Plot
    from renode_mnist.report.shown_campaign import ShownCampaign, ShownRetold
    from renode_mnist.report.shown_evaluation import ShownEvaluation
    from renode_mnist.report.training import Accuracy, Conversion, Training

__all__ = [
    "calibrate",
    "classify",
    "compare_engines",
    "convert",
    "digit_header",
    "draw_digit",
    "evaluate",
    "evaluate_on_pc",
    "infer",
    "inject_fault",
    "inject_faults",
    "inspect_model",
    "mnist_subset",
    "open_program",
    "open_target",
    "plot_layers",
    "sample",
    "train",
    "verify",
]


class ShownSession(Session):
    """A session whose answers show themselves in a notebook."""

    def classify(self, picture: Picture, name: str = "") -> Record:
        """See ``Session.classify``."""
        return ShownRecord.of(super().classify(picture, name))

    def check(self) -> Connection:
        """See ``Session.check``."""
        return ShownConnection.of(super().check())


@dataclass(frozen=True)
class _Classification(RunOptions):
    picture: Picture = field(
        metadata=argument(
            "A file, a Pillow image or an array of any size and polarity; uint8 of 28x28, white ink on black, is "
            "sent as it is."
        )
    )
    target: str = which_target()


Inputs = StrPath | npt.NDArray[Any] | Sequence[npt.NDArray[Any]] | Mapping[str, npt.NDArray[Any]]
"""A file, an array for the only input, or an array an input: in the model's order, or by name."""

_TAKEN = "a file (``.npy``, ``.npz``, ``.csv``, ``.json``, raw bytes, a picture), an array for the only input, or an "
_TAKEN += (
    "array an input, in the model's order or by name. Floating point is quantised, a tensor's own type is taken "
)
_TAKEN += "as it is."


@dataclass(frozen=True)
class _Inference(RunOptions):
    tensors: Inputs = field(metadata=argument(f"What the model is asked: {_TAKEN}"))
    target: str = which_target()


@dataclass(frozen=True)
class _Verified(RunOptions):
    model: StrPath = option(ImageOptions.model, "As in ``open_target``.")
    target: str = which_target()
    _: KW_ONLY
    data: Inputs | None = option(
        None, f"Inputs, a leading axis of N for N samples: {_TAKEN} Without it edge cases and seeded numbers."
    )
    count: int = option(4, "How many seeded samples, where no data is given.")
    against: StrPath | None = option(
        None, "The float model (``.tflite``, ``.keras``) that this one was quantised from."
    )


@dataclass(frozen=True)
class _Evaluation(RunOptions):
    model: StrPath = option(ImageOptions.model, "As in ``open_target``.")
    target: str = which_target()
    _: KW_ONLY
    data: StrPath | None = option(
        None,
        "Labelled samples: an ``.npz`` with ``labels`` beside the inputs, a ``.csv`` with a column of labels, a "
        "folder with a folder of pictures a class, or four idx files; the MNIST test set without it.",
    )
    images: int | None = option(None, "How many samples; all without it.")
    label_key: str | None = option(None, "Array or column with the labels, or a file; the usual names without it.")
    target_key: str | None = option(None, "Likewise, what the output should be in real numbers: for regressions.")
    output: str | None = option(None, "Name or number of the output that is scored, where there are several.")
    reference: bool = option(True, "Whether each answer is held to LiteRT's reference kernels.")
    workers: int | None = option(1, "Processes on this machine; None is one a core where Dask is installed.")
    scheduler: str | None = option(None, "A scheduler of Dask, whose workers answer; ``workers`` is None then.")
    resume: bool = option(False, "Go on where the same call was ended.")


@dataclass(frozen=True, kw_only=True)
class _Faults(ImageOptions):
    trace: bool = field(default=False, metadata=inner("a traced image is no image for use"))
    data: Inputs | None = option(
        None, f"Inputs, a leading axis of N for N samples: {_TAKEN} Without it the ten digits, or seeded numbers."
    )
    samples: int | None = option(None, "How many of the data's, evenly spread; all without it, 64 at most.")
    seed: int = option(1, "Of the faults: the same seed, places, image and inputs give the same.")
    places: Sequence[str] = option((), "Where to put them; everywhere without it.", choices=tuple(map(str, Place)))
    elf: StrPath | None = option(None, "An image of this model to use in place of building one.")


@dataclass(frozen=True)
class _Campaign(_Faults):
    model: StrPath = option(ImageOptions.model, "As in ``open_target``.")
    _: KW_ONLY
    count: int = option(1000, "How many faults.")
    workers: int | None = option(1, "Processes on this machine; None is one a core where Dask is installed.")
    scheduler: str | None = option(None, "A scheduler of Dask, whose workers try them; ``workers`` is None then.")
    resume: bool = option(False, "Go on where the same call was ended.")


@dataclass(frozen=True)
class _OneFault(_Faults):
    number: int = field(metadata=argument("Of the fault, from 0 on, as ``findings`` of ``inject_faults`` has it."))


@takes(OpenOptions)
def open_target(asked: OpenOptions) -> Session:
    """A target that runs the firmware, built first where it must be; to be used as a context manager.

    Returns:
        A session: ``session.classify(picture)`` gives a ``Record``, ``session.check()`` a ``Connection``.

    Raises:
        RenodeMnistError: The model, the build or the target refuses; the message ends with what to do next.
    """
    return _open(asked, asked.target)


def _open(asked: RunOptions, target: str) -> Session:
    if target == "auto":
        from renode_mnist.targets import auto

        target = auto.choose().target
    opened, programmer = prepare(target, elf_of(asked, target), TargetOptions.of(asked, asked.board))
    return ShownSession(opened, programmer=programmer)


@takes(_Classification)
def classify(asked: _Classification) -> Record:
    """Classifies one picture of a digit by the firmware on a target.

    Raises:
        RenodeMnistError: As ``open_target``, or it is no picture of a digit.
    """
    with _open(asked, asked.target) as session:
        return session.classify(asked.picture)


@takes(_Inference)
def infer(asked: _Inference) -> Record:
    """Runs any network once on a target.

    Returns:
        A record: ``outputs`` as the model's tensors store them, ``reals`` as real numbers, and what each layer cost.

    Raises:
        RenodeMnistError: As ``open_target``, or the tensors do not fit the model.
    """
    with _open(asked, asked.target) as session:
        if asked.elf is None:
            specs = interface.inputs(codegen.load(resolve_model(os.fspath(asked.model))))
        else:
            specs = tuple(map(TensorSpec.of_firmware, session.firmware.inputs))
        samples = _samples(specs, asked.tensors)
        if len(samples.sets) > 1:
            raise DataError(f"{len(samples.sets)} samples are given", "Give one, or call `verify`.")
        return session.infer(samples.sets[0], samples.names[0])


def _samples(specs: Sequence[TensorSpec], given: Inputs) -> Samples:
    if isinstance(given, str | os.PathLike):
        return inputs.from_files(specs, {"": Path(given)})
    return inputs.from_arrays(specs, given)


@takes(_Verified)
def verify(asked: _Verified) -> Verification:
    """Holds the firmware to what the PC computes, tensor by tensor (docs/any-model.md).

    Returns:
        ``verdict``, ``first`` (where they part, None where they do not), and ``rows``, one a tensor.

    Raises:
        RenodeMnistError: As ``open_target``, the data does not fit, or there is no yardstick.
    """
    from renode_mnist.measure.verify_image import verify_image
    from renode_mnist.report.notebook import ShownVerification
    from renode_mnist.targets import auto

    target = auto.choose().target if asked.target == "auto" else asked.target
    config = BuildConfig.of(asked, machine_of(target))
    specs = interface.inputs(codegen.load(config.model))
    if asked.data is None:
        samples = inputs.edge_cases(specs) + inputs.seeded(specs, asked.count)
    else:
        samples = _samples(specs, asked.data)
    options = TargetOptions.of(asked, asked.board)
    against = None if asked.against is None else resolve_model(os.fspath(asked.against))
    found = verify_image(config, target, options, samples, elf=_path(asked.elf), against=against)
    return ShownVerification.of(found)


def sample(digit: int) -> Path:
    """The file of a sample digit, a typical one of the MNIST test set.

    Raises:
        ImageError: There is none.
    """
    file = paths.digits() / f"{digit}.png"
    if not file.is_file():
        raise ImageError(f"there is no sample digit {digit!r}", "Take one of 0 to 9.")
    return file


def compare_engines(
    *models: StrPath,
    engines: Sequence[Engine] = ENGINES,
    objectives: Sequence[Objective] = (BuildConfig.objective,),
    max_flash: int | None = BuildConfig.max_flash,
    max_ram: int | None = BuildConfig.max_ram,
    clock_mhz: int = BuildConfig.clock_mhz,
    target: str = "embedded",
    board: Board = BuildConfig.board,
    port: str | None = None,
    baud: int = TargetOptions.baud,
    flash: str = TargetOptions.flash,
    parameters: StrPath | None = TargetOptions.parameters,
) -> Benchmark:
    """Runs models on engines and keeps what each layer cost; on the embedded target in two units.

    Args:
        *models: As in ``open_target``; ``int8`` where there are none.
        engines: Which; one that refuses a model is listed with its reason.
        objectives: Of engine ``m7``.
        max_flash: See ``open_target``.
        max_ram: See ``open_target``.
        clock_mhz: At which counts become time.
        target: ``embedded``, ``renode`` or ``board``.
        board: See ``open_target``; so are the rest.
        port: Of a board.
        baud: Of a board.
        flash: What gives a board each image.
        parameters: See ``open_target``.

    Raises:
        BenchError: There is no benchmark on that target.
        CheckFailed: No case could be run.
    """
    names = [os.fspath(model) for model in models or ("int8",)]
    from renode_mnist.measure import bench
    from renode_mnist.report.benchmark import Benchmark

    cases = bench.cases(names, engines, objectives, [BuildConfig.fpu], max_flash, max_ram)
    rows, refused = bench.run(
        cases,
        [clock_mhz],
        target,
        TargetOptions(board=board, port=port, baud=baud, flash=flash, parameters=parameters),
    )
    if not rows:
        raise CheckFailed("no case could be run: " + " ".join(bench.told(refused)))
    return Benchmark(tuple(rows), tuple(refused))


def calibrate(
    target: str = "embedded",
    *,
    board: Board = BuildConfig.board,
    clock_mhz: int = BuildConfig.clock_mhz,
    rounds: int = ROUNDS,
    port: str | None = None,
    baud: int = TargetOptions.baud,
    flash: str = TargetOptions.flash,
    parameters: StrPath | None = TargetOptions.parameters,
) -> ShownCalibration:
    """Measures core and memories by microbenchmarks, and holds the model of the cycles against them.

    Args:
        target: ``embedded``, ``renode`` or ``board``.
        board: See ``open_target``; so is the clock.
        clock_mhz: Of the core.
        rounds: How often each benchmark runs; the least counts.
        port: Of a board; see ``open_target``, also for the rest.
        baud: Of a board.
        flash: What gives a board its image.
        parameters: Those of an embedded target that plays the board.

    Returns:
        ``measured`` and ``modelled`` with the timings of both, ``parameters``, and ``save`` for ``--parameters``.

    Raises:
        RenodeMnistError: As ``open_target``.
    """
    from renode_mnist.measure import calibration
    from renode_mnist.report.calibration import ShownCalibration

    options = TargetOptions(board=board, port=port, baud=baud, flash=flash, parameters=parameters)
    elf = build(calibration.config(ImageOptions(board=board, clock_mhz=clock_mhz))).elf
    return ShownCalibration.of(calibration.calibrate(target, elf, options, rounds=rounds))


def plot_layers(record: Record) -> Plot:
    """A matplotlib figure with a bar for each step of an inference."""
    from renode_mnist.report import plots

    return plots.steps(record)


def inspect_model(
    model: StrPath = "int8",
    objective: Objective = BuildConfig.objective,
    *,
    max_flash: int | None = None,
    max_ram: int | None = None,
) -> Inspection:
    """What a model holds, and what each engine needs for it: operators, MACs, flash, RAM, and whether it fits.

    Args:
        model: A committed model's name or a ``.tflite`` file.
        objective: Of engine ``m7``.
        max_flash: Bytes of flash that its image may take; None for the chip's.
        max_ram: Likewise of RAM.

    Raises:
        BuildError: There is no such objective.
        ModelError: It is no model.
    """
    from renode_mnist.measure.image_sizes import examined
    from renode_mnist.report.inspection import Inspection

    file = resolve_model(os.fspath(model))
    config = BuildConfig(file, objective=objective, max_flash=max_flash, max_ram=max_ram)
    return Inspection(examined(config))


def mnist_subset(folder: StrPath, *, training: int, test: int) -> Path:
    """Writes the first pictures of MNIST as a data set of its own, for ``train``, ``convert`` and ``evaluate``.

    Raises:
        DataError: MNIST can't be had.
    """
    from renode_mnist.model import data

    data.write_subset(Path(folder), training, test)
    return Path(folder)


def train(
    folder: StrPath, *, epochs: int = 5, seed: int = 1, quantisation_aware: bool = False, data: StrPath | None = None
) -> Training:
    """Trains the article's network; the same seed on the same machine gives the same weights.

    Args:
        folder: Where the model files and their card go.
        epochs: Of the plain training.
        seed: Of every generator.
        quantisation_aware: Whether to train a second network that is used to the rounding of int8.
        data: Folder with idx files (28x28 grey, ten classes); MNIST without it.

    Raises:
        DataError: No training data.
        EnvironmentProblem: TensorFlow is missing.
    """
    from renode_mnist.model import pipeline
    from renode_mnist.model.train import Progress
    from renode_mnist.report.training import Training

    plan = pipeline.TrainPlan(Path(folder), epochs, seed, quantisation_aware, _path(data))
    progress: list[Progress] = []
    records = tuple(pipeline.train_models(plan, progress.append))
    return Training(plan.directory, records, tuple(progress))


def convert(
    keras_file: StrPath,
    folder: StrPath | None = None,
    *,
    variants: Sequence[Variant] | None = None,
    data: StrPath | None = None,
) -> Conversion:
    """Converts a Keras model to ``.tflite`` files and measures each on the whole test set.

    Args:
        keras_file: As ``train`` writes it.
        folder: Where the files go; beside the model without it.
        variants: ``float32``, ``size``, ``uint8``, ``int8``, ``qat``; all that can be made without it.
        data: See ``train``.

    Raises:
        ModelError: A model that can't be read or converted.
    """
    from renode_mnist.model import pipeline
    from renode_mnist.report.training import Conversion

    source = Path(keras_file)
    output = _path(folder) or source.parent
    made = pipeline.export_models(source, variants, output, _path(data))
    records = {variant: record for variant, _, record in made}
    return Conversion(source, source.stat().st_size, output, records)


@takes(_Evaluation)
def evaluate(asked: _Evaluation) -> ShownEvaluation:
    """What the firmware itself scores over a data set, by as many workers as are asked for (docs/evaluate.md).

    Returns:
        ``correct``, ``accuracy`` and ``confusion`` of a classifier, ``numbers`` of a regression, ``against`` the
        reference, ``costs``, and every answer in ``answers``.

    Raises:
        RenodeMnistError: As ``open_target``, the data does not fit, or the cluster refuses.
    """
    from renode_mnist.measure.evaluation import evaluate as evaluating
    from renode_mnist.model.labelled_files import Where
    from renode_mnist.report.shown_evaluation import ShownEvaluation
    from renode_mnist.targets import auto

    target = auto.choose().target if asked.target == "auto" else asked.target
    found = evaluating.evaluate(
        BuildConfig.of(asked, machine_of(target)),
        target,
        TargetOptions.of(asked, asked.board),
        Where(_path(asked.data), asked.label_key, asked.target_key),
        images=asked.images,
        output=asked.output,
        elf=_path(asked.elf),
        with_reference=asked.reference,
        workers=evaluating.Workers(asked.workers, asked.scheduler),
        resume=asked.resume,
    )
    return ShownEvaluation.of(found)


@takes(_Campaign)
def inject_faults(asked: _Campaign) -> ShownCampaign:
    """Puts faults into the emulated chip, one at a time, and tells what each came to (docs/faults.md).

    Returns:
        ``total``, ``by_place()`` and ``by_layer()`` with counts of each outcome and 95 % intervals, each fault in
        ``findings``, the silently wrong ones in ``silent``; ``to_json()``, and ``save(file)`` for the page.

    Raises:
        RenodeMnistError: As ``open_target``, the data does not fit, or the cluster refuses.
    """
    from renode_mnist.measure.evaluation.evaluate import Workers
    from renode_mnist.measure.faults import faults
    from renode_mnist.report.shown_campaign import ShownCampaign

    config = BuildConfig.of(asked)
    found = faults.run(
        config,
        _given_to_faults(asked, config),
        count=asked.count,
        seed=asked.seed,
        places=_places(asked),
        elf=_path(asked.elf),
        workers=Workers(asked.workers, asked.scheduler),
        resume=asked.resume,
    )
    return ShownCampaign.of(found)


@takes(_OneFault)
def inject_fault(asked: _OneFault) -> ShownRetold:
    """Tries one fault of a campaign again by itself: with the same options it comes to what it came to there.

    Returns:
        ``finding``, the outputs' bytes without it (``expected``) and with it (``answer``), the ``frames`` on the
        line, and the chip's ``log``; as text all of it in lines.

    Raises:
        RenodeMnistError: As ``inject_faults``.
    """
    from renode_mnist.measure.faults import faults
    from renode_mnist.report.shown_campaign import ShownRetold

    config = BuildConfig.of(asked)
    given = _given_to_faults(asked, config)
    cargo, _, _, _ = faults.prepared(config, given, seed=asked.seed, places=_places(asked), elf=_path(asked.elf))
    return ShownRetold.of(faults.again(cargo, asked.number))


def _places(asked: _Faults) -> tuple[Place, ...]:
    return places_named((asked.places,) if isinstance(asked.places, str) else asked.places)


def _given_to_faults(asked: _Faults, config: BuildConfig) -> Samples | None:
    if asked.samples is not None and asked.samples < 1:
        raise DataError(f"{asked.samples} samples are none", "Give at least one.")
    if asked.data is None:
        if asked.samples is not None:
            raise DataError("`samples` is of `data`, and there is none", "Give data, or leave it out.")
        return None
    found = _samples(interface.inputs(codegen.load(config.model)), asked.data)
    return found if asked.samples is None else found.spread(asked.samples)


def evaluate_on_pc(model: StrPath = "int8", *, images: int = 1000, data: StrPath | None = None) -> Accuracy:
    """Classifies the first pictures of a test set by LiteRT on this PC; nothing of this project computes.

    Args:
        model: As in ``open_target``.
        images: How many; all where there are fewer.
        data: Folder with idx files (28x28 grey, ten classes); MNIST without it.

    Raises:
        DataError: No test data.
        ModelError: The model does not take such pictures.
    """
    from renode_mnist.model import data as data_sets
    from renode_mnist.model import export
    from renode_mnist.model.train import versions
    from renode_mnist.report.training import Accuracy

    export.import_interpreter()  # what is missing is told before anything is fetched
    split = data_sets.load("test", _path(data)).first(images)
    file = resolve_model(os.fspath(model))
    content = file.read_bytes()
    digest = hashlib.sha256(content).hexdigest()
    result = export.evaluate(content, split)
    return Accuracy(file.name, digest, f"LiteRT {versions()['ai-edge-litert']}", split.name, result)


def digit_header(picture: Picture, file: StrPath | None = None) -> str:
    """A picture as the C++ header of the digit that the firmware's console classifies by ``CMD=2``.

    Args:
        picture: As in ``classify``.
        file: Where to write it as well.

    Raises:
        ImageError: It is no picture of a digit.
    """
    from renode_mnist.codegen import builtin_digit

    header = builtin_digit.emit(to_pixels(picture), name_of(picture) or "a picture")
    if file is not None:
        Path(file).write_text(header, encoding="utf-8")
    return header


def _path(given: StrPath | None) -> Path | None:
    return None if given is None else Path(given)
