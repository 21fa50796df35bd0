"""Runs a matrix of models and engines and keeps what each layer cost, with the identity of each row."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from itertools import pairwise, product
from pathlib import Path
from typing import Any

import numpy as np

from renode_mnist import codegen, outside, paths
from renode_mnist.errors import EnvironmentProblem, RenodeMnistError, TargetError
from renode_mnist.images import (
    BuildConfig,
    Engine,
    Fpu,
    ImageOptions,
    Objective,
    Tree,
    aim,
    build,
    refuse_objective,
    resolve_model,
)
from renode_mnist.images.toolchain import ToolsMissing
from renode_mnist.model import preprocess
from renode_mnist.profile.layer_functions import layer_functions
from renode_mnist.program.build_id import build_id
from renode_mnist.program.symbols import Symbols
from renode_mnist.session.opening import open_session, require_target
from renode_mnist.session.record import firmware_json
from renode_mnist.session.session import PICTURE_SHAPE, Session
from renode_mnist.session.target_options import CHIP_TARGETS, ClockModel, TargetOptions
from renode_mnist.targets.base import CounterUnit, CycleSplit, NotesCounterReads, SplitsCycles
from renode_mnist.targets.embedded import EmbeddedTarget
from renode_mnist.wire.messages import Inference

FORMAT = "renode-mnist bench 1"

_DIGIT = "7.png"
_SEED = 0
"""Of the input of a model that takes no digit."""


class BenchError(RenodeMnistError):
    """A benchmark that there cannot be, a file of one that cannot be read, or rows that cannot be compared."""


@dataclass(frozen=True)
class Case:
    """One column of the table, clocks aside.

    Attributes:
        model: A committed model's name, or a ``.tflite`` file.
        max_flash: Bytes that the image may take; None for all of the chip's.
        max_ram: Likewise.
    """

    model: str
    engine: Engine
    objective: Objective = ImageOptions.objective
    fpu: Fpu = ImageOptions.fpu
    max_flash: int | None = None
    max_ram: int | None = None

    @property
    def name(self) -> str:
        """As in ``budgets.toml``: ``int8/m7``, ``int8/m7-flash``, ``float32/reference-soft``."""
        parts = [Path(self.model).stem.removeprefix("mnist_"), self.engine]
        suffix = f"-{self.objective}" if self.objective != ImageOptions.objective else ""
        suffix += "-soft" if self.fpu == "soft" else ""
        for memory, limit in (("flash", self.max_flash), ("ram", self.max_ram)):
            suffix += "" if limit is None else f"-max-{memory}-{limit}"
        return "/".join(parts) + suffix


@dataclass(frozen=True)
class LayerCost:
    """A step of the program.

    Attributes:
        counts: By unit: ``instructions``, ``cycles_modelled``, ``cycles_measured``.
        functions: Instructions by function with code of its own, most first; empty where the target can't tell.
        split: What the modelled cycles were spent on, by ``PARTS``; likewise.
        engine: Whose kernel computes it; empty where the interpreter chooses as it runs.
        fallback: Why that is another engine's than the case's; empty where it is its own.
        kernel: What computes it, in words that tell it from the engine's other ways.
        faster: What would take less time by estimate, and why it was not taken; empty where nothing would.
    """

    name: str
    op: str
    macs: int
    counts: Mapping[str, int]
    functions: Mapping[str, int] = field(default_factory=dict)
    split: Mapping[str, int] = field(default_factory=dict)
    engine: str = ""
    fallback: str = ""
    kernel: str = ""
    faster: str = ""


@dataclass(frozen=True)
class Row:
    """A case at a clock on a target.

    Attributes:
        case: See ``Case.name``.
        clock_mhz: At which cycles become time.
        counts: Of the whole inference, by unit.
        layers: In order.
        flash_bytes: The image; ``weights_bytes`` of it are the model's.
        ram_bytes: ``.data``, ``.bss`` and the stack's high-water mark.
        target: The target's identity.
        firmware: What the firmware said of itself.
        split: As a layer's, of the whole inference; more than the layers' sum, since it has what stands around them.
        memory: Accesses and lines missed, of the whole inference; empty where the target can't tell.
    """

    case: str
    clock_mhz: int
    counts: Mapping[str, int]
    layers: tuple[LayerCost, ...]
    flash_bytes: int
    weights_bytes: int
    ram_bytes: int
    target: Mapping[str, Any]
    firmware: Mapping[str, Any]
    split: Mapping[str, int] = field(default_factory=dict)
    memory: Mapping[str, int] = field(default_factory=dict)

    @property
    def macs(self) -> int:
        """Multiply-accumulates that the model asks for."""
        return sum(layer.macs for layer in self.layers)

    @property
    def fallbacks(self) -> int:
        """Layers that no kernel of the case's own engine computes."""
        return sum(1 for layer in self.layers if layer.fallback)

    @property
    def time_unit(self) -> str:
        """The count that time is told from: the best that there is."""
        return next(unit for unit in UNITS if unit in self.counts)

    def milliseconds(self, count: int) -> float:
        """A count as time at this row's clock, one cycle each."""
        return count / self.clock_mhz / 1e3


UNITS = tuple(
    str(unit) for unit in (CounterUnit.CYCLES_MEASURED, CounterUnit.CYCLES_MODELLED, CounterUnit.INSTRUCTIONS)
)
"""Best first: silicon, then the model of it, then instructions."""


PARTS = ("issue", "operands", "branches", "code", "data")
"""What modelled cycles are spent on: instructions issued, waits for operands, branches that went the other way, waits
for code, waits for data."""


@dataclass(frozen=True)
class Refused:
    """A case that does not exist, with the reason.

    Attributes:
        case: See ``Case.name``.
        reason: A sentence, with what to do.
        for_want_of_tools: Whether it would be there on a machine that has a compiler.
    """

    case: str
    reason: str
    for_want_of_tools: bool = False


def cases(
    models: Sequence[str],
    engines: Sequence[Engine],
    objectives: Sequence[Objective],
    fpus: Sequence[Fpu],
    max_flash: int | None = None,
    max_ram: int | None = None,
) -> list[Case]:
    """The matrix; only engine ``m7`` knows objectives, of which the others have the default.

    Raises:
        BenchError: It is empty.
        BuildError: Another objective than the default is asked of engines that have none.
    """
    if not (models and engines and objectives and fpus):
        raise BenchError("there is no case to run", "Name at least one model and one engine.")
    if "m7" not in engines:
        for objective in objectives:
            refuse_objective(engines[0], objective)
    return [
        Case(model, engine, objective if engine == "m7" else ImageOptions.objective, fpu, max_flash, max_ram)
        for model, engine, objective, fpu in product(models, engines, objectives, fpus)
        if engine == "m7" or objective == objectives[0]
    ]


def run(
    wanted: Sequence[Case],
    clocks_mhz: Sequence[int],
    target: str = "embedded",
    options: TargetOptions | None = None,
    progress: Callable[[Case], None] = lambda case: None,
    tree: Tree | None = None,
) -> tuple[list[Row], list[Refused]]:
    """Builds and runs each case; what an engine refuses, or this machine cannot build, is told beside the rows.

    Args:
        wanted: The matrix.
        clocks_mhz: On an emulated target they share an image: instructions do not depend on the clock, and modelled
            cycles by the wait states of the flash only.
        target: One of ``opening.CHIP_TARGETS``.
        options: Of the target.
        progress: Called before each case.
        tree: The sources of the firmware; by default this installation's own.

    Raises:
        BenchError: Another target: a PC's nanoseconds are no cost on the chip.
        EnvironmentProblem: The target lacks something on this machine.
    """
    if target not in CHIP_TARGETS:
        raise BenchError(
            f"there is no benchmark on the target '{target}'", f"Choose one of: {', '.join(CHIP_TARGETS)}."
        )
    require_target(target, options)  # of no case's own: no other could run either
    rows: list[Row] = []
    refused: list[Refused] = []
    for case in wanted:
        progress(case)
        try:
            rows += _measure(case, clocks_mhz, target, options or TargetOptions(), tree)
        except ToolsMissing as error:
            refused.append(Refused(case.name, error.in_short, for_want_of_tools=True))
        except RenodeMnistError as error:
            refused.append(Refused(case.name, str(error), isinstance(error, EnvironmentProblem)))
    return rows, refused


def told(refused: Sequence[Refused]) -> list[str]:
    """A sentence for each reason, with the cases that it is of."""
    by_reason: dict[str, list[str]] = {}
    for refusal in refused:
        by_reason.setdefault(refusal.reason, []).append(refusal.case)
    return [f"{', '.join(cases)}: {reason}" for reason, cases in by_reason.items()]


def _measure(
    case: Case, clocks_mhz: Sequence[int], target: str, options: TargetOptions, tree: Tree | None
) -> Iterator[Row]:
    if target == "board":
        for clock in clocks_mhz:
            yield _row(case, clock, target, [options], tree)
        return
    row = _row(case, clocks_mhz[0], target, [_counting(options, model) for model in _clock_models(target)], tree)
    yield row
    for clock in clocks_mhz[1:]:
        yield _at(clock, row, case, options, tree) if target == "embedded" else replace(row, clock_mhz=clock)


def _clock_models(target: str) -> list[ClockModel]:
    """The firmware's counter is one, so each way of counting is a run of its own."""
    return ["instructions", "m7"] if target == "embedded" else ["instructions"]


def _counting(options: TargetOptions, model: ClockModel) -> TargetOptions:
    return replace(options, clock_model=model, parameters=options.parameters if model == "m7" else None)


def _at(clock_mhz: int, row: Row, case: Case, options: TargetOptions, tree: Tree | None) -> Row:
    """A row at another clock: the same image, with the wait states that the flash wants there."""
    from renode_mnist.timing import AdjustedParameters, LiveCosts, parameter_file, wait_states

    own = AdjustedParameters() if options.parameters is None else parameter_file.load(options.parameters)
    timing = own.memory(wait_states(clock_mhz * 1_000_000))
    elf = build(_config(case, row.clock_mhz, options, tree), tree=tree).elf
    costs = partial(LiveCosts, parameters=own.pipeline, memory=timing)
    target = EmbeddedTarget(elf, board=options.board, clock_model=costs)
    with Session(target) as session:
        _infer(session)
        result, splits = _split(session)
    unit = str(CounterUnit.CYCLES_MODELLED)
    layers = tuple(
        replace(layer, counts={**layer.counts, unit: found.counter}, split=splits[number].parts if splits else {})
        for number, (layer, found) in enumerate(zip(row.layers, result.layers, strict=True))
    )
    counts = {**row.counts, unit: result.counter}
    split, memory = _whole(splits)
    return replace(row, clock_mhz=clock_mhz, counts=counts, layers=layers, split=split, memory=memory)


def _config(case: Case, clock_mhz: int, options: TargetOptions, tree: Tree | None) -> BuildConfig:
    return BuildConfig(
        resolve_model(case.model, tree),
        engine=case.engine,
        objective=case.objective,
        board=options.board,
        clock_mhz=clock_mhz,
        fpu=case.fpu,
        max_flash=case.max_flash,
        max_ram=case.max_ram,
    )


def _row(case: Case, clock_mhz: int, target: str, runs: Sequence[TargetOptions], tree: Tree | None) -> Row:
    config = _config(case, clock_mhz, runs[0], tree)
    elf = build(config, tree=tree).elf
    return _row_of_image(elf, case.name, clock_mhz, target, runs, partial(_kernels, config))


def image_row(elf: Path, target: str = "embedded", options: TargetOptions | None = None) -> Row:
    """A row of an ELF that came from elsewhere and speaks this project's protocol.

    Its case is named after the model and the engine that it says it is of.

    Raises:
        RenodeMnistError: The target cannot be had or cannot run it, or nothing answers there.
    """
    require_target(target, options)
    given = options or TargetOptions()
    runs = [given] if target == "board" else [_counting(given, model) for model in _clock_models(target)]
    return _row_of_image(elf, "", 0, target, runs, lambda layers: [("", "", "", "")] * layers)


def _row_of_image(
    elf: Path,
    name: str,
    clock_mhz: int,
    target: str,
    runs: Sequence[TargetOptions],
    kernels_of: Callable[[int], list[tuple[str, str, str, str]]],
) -> Row:
    """A row of an image; without a name and a clock, those that it says itself."""
    results: dict[str, Inference] = {}
    functions: list[dict[str, int]] = []
    splits: list[CycleSplit] = []
    for options in runs:
        with open_session(target, elf, options) as session:
            if target == "board" and session.firmware.build_id != build_id(elf):
                raise TargetError(
                    f"the board runs another image than this case's (build {session.firmware.build_id})",
                    "Let it be programmed: `--flash openocd`.",
                )
            _infer(session)  # warms up what there is: caches and ART on silicon
            identity = session.identity()
            if identity.counter_unit is CounterUnit.INSTRUCTIONS and isinstance(session.target, NotesCounterReads):
                with session.target.counter_reads() as reads:
                    result = _infer(session)
                functions = layer_functions(reads, Symbols.of(elf), len(result.layers))
            elif identity.counter_unit is CounterUnit.CYCLES_MODELLED and isinstance(session.target, SplitsCycles):
                result, splits = _split(session)
            else:
                result = _infer(session)
            results[str(identity.counter_unit)] = result
            firmware = session.client.stats()
    last = next(reversed(results.values()))
    split, memory = _whole(splits)
    kernels = kernels_of(len(last.layers))
    return Row(
        case=name or f"{Path(firmware.model_name).stem.removeprefix('mnist_') or elf.stem}/{firmware.engine}",
        clock_mhz=clock_mhz or round(firmware.freq_hz / 1e6),
        counts={unit: inference.counter for unit, inference in results.items()},
        layers=tuple(
            LayerCost(
                layer.name,
                layer.op,
                layer.macs,
                {unit: result.layers[i].counter for unit, result in results.items()},
                functions[i] if functions else {},
                splits[i].parts if splits else {},
                *kernels[i],
            )
            for i, layer in enumerate(last.layers)
        ),
        flash_bytes=firmware.flash_bytes,
        weights_bytes=firmware.weights_bytes,
        ram_bytes=firmware.ram_bytes,
        target={
            **{name: value for name, value in vars(identity).items() if value != "" or name != "cycle_parameters"},
            "counter_unit": str(identity.counter_unit),
            **_cycle_model(results, target, runs[-1]),
        },
        firmware=firmware_json(firmware),
        split=split,
        memory=memory,
    )


def _kernels(config: BuildConfig, layers: int) -> list[tuple[str, str, str, str]]:
    """Whose kernel computes each layer, why it is another engine's, which it is, and what would be faster."""
    graph = codegen.load(config.model)
    plan = codegen.plan(graph, config.engine, aim(config))
    if config.engine == codegen.INTERPRETER or len(plan.steps) != layers:  # the latter of another tree's generator
        return [("", "", "", "")] * layers
    return [(step.engine, step.fallback, step.kernel, step.faster) for step in plan.steps]


def _split(session: Session) -> tuple[Inference, list[CycleSplit]]:
    """An inference, and what its layers' and its own cycles were spent on."""
    assert isinstance(session.target, SplitsCycles)
    with session.target.cycle_splits() as noted:
        result = _infer(session)
    return result, _differences(noted, len(result.layers))


def _whole(splits: Sequence[CycleSplit]) -> tuple[dict[str, int], dict[str, int]]:
    """A row's ``split`` and ``memory``."""
    return (splits[-1].parts, splits[-1].memory) if splits else ({}, {})


def _differences(noted: Sequence[CycleSplit], layers: int) -> list[CycleSplit]:
    """Of each layer, and last of the whole inference; none where the reads are not the firmware's stopwatch's."""
    if len(noted) != layers + 2:
        return []
    each = [after.since(before) for before, after in pairwise(noted[:-1])]
    return [*each, noted[-1].since(noted[0])]


def _cycle_model(results: Mapping[str, Inference], target: str, options: TargetOptions) -> dict[str, str]:
    """Which model the modelled cycles are of: they change with it, and with its parameters.

    Of an emulator behind a serial port nobody can tell.
    """
    if str(CounterUnit.CYCLES_MODELLED) not in results or target != "embedded":
        return {}
    from renode_mnist import timing
    from renode_mnist.timing import parameter_file

    parameters = None if options.parameters is None else parameter_file.load(options.parameters)
    return {"cycle_model_sha256": timing.model_sha256(parameters)}


def _infer(session: Session) -> Inference:
    """One inference on an input that is the same in every run: a sample digit, or noise for another shape."""
    wanted = session.firmware.input
    assert wanted is not None
    count = int(np.prod(wanted.shape))
    if wanted.shape[1:3] == PICTURE_SHAPE and count == np.prod(PICTURE_SHAPE):
        return session.client.classify(preprocess.read(paths.digits() / _DIGIT).pixels)
    noise = np.random.default_rng(_SEED).integers(0, 256, count, dtype=np.uint8)
    if wanted.dtype == np.float32:
        return session.client.infer((noise / np.float32(255)).astype(np.float32).tobytes())
    return session.client.infer(noise.tobytes())


def save(file: Path, rows: Sequence[Row], refused: Sequence[Refused] = ()) -> None:
    """Writes rows as JSON, each with its identity.

    Raises:
        BenchError: The file cannot be written.
    """
    content = {
        "format": FORMAT,
        "rows": [asdict(row) for row in rows],
        "refused": [asdict(refusal) for refusal in refused],
    }
    try:
        file.write_text(json.dumps(content, indent=1) + "\n")
    except OSError as error:
        raise BenchError(f"cannot write {file}: {error.strerror}", "Name another file.") from error


def load(file: Path) -> list[Row]:
    """Reads the rows that ``save`` wrote.

    Raises:
        BenchError: The file cannot be read or is no such file; the message names the row.
    """
    return [_row_of(file, number, row) for number, row in enumerate(_content(file)["rows"], 1)]


def load_refused(file: Path) -> list[Refused]:
    """Reads the refusals that ``save`` wrote.

    Raises:
        BenchError: As `load`.
    """
    with outside.reading(lambda why: _no_benchmark(file, f"its refusals: {why}")):
        return [Refused(**refusal) for refusal in _content(file).get("refused", [])]


def _content(file: Path) -> dict[str, Any]:
    try:
        raw = outside.content(file)
    except OSError as error:
        raise BenchError(f"cannot read {file}: {error.strerror}", "Check the path.") from error
    with outside.reading(lambda why: _no_benchmark(file, why)):
        content = json.loads(raw)
    if not isinstance(content, dict) or "format" not in content:
        raise _no_benchmark(file, "it has no format")
    if content["format"] != FORMAT:
        raise _no_benchmark(file, f"its format is {content['format']!r}, not '{FORMAT}'")
    if not isinstance(content.get("rows"), list) or not isinstance(content.get("refused", []), list):
        raise _no_benchmark(file, "it has no list of rows")
    return content


_OF_THE_TARGET = ("target", "version")
_OF_THE_FIRMWARE = ("commit", "compiler", "flags", "model_name", "model_sha256")
"""Parts of a row's identity without which it says nothing."""


def _row_of(file: Path, number: int, values: Any) -> Row:
    with outside.reading(lambda why: _no_benchmark(file, f"row {number}: {why}")):
        layers = tuple(LayerCost(**layer) for layer in values["layers"])
        row = Row(**{**values, "layers": layers})
        for counts in (row.counts, *(layer.counts for layer in layers)):
            if not counts or any(unit not in UNITS or not isinstance(n, int) or n < 0 for unit, n in counts.items()):
                raise ValueError(f"counts are {counts!r}, not whole numbers from 0 on by {', '.join(UNITS)}")
        for whole, names in ((row.target, _OF_THE_TARGET), (row.firmware, _OF_THE_FIRMWARE)):
            if missing := [name for name in names if name not in whole]:
                raise ValueError(f"its identity lacks {', '.join(missing)}")
    return row


def _no_benchmark(file: Path, why: str) -> BenchError:
    return BenchError(f"{file} is no benchmark: {why}", "Name a file made by `renode-mnist bench --json`.")
