"""Runs a matrix of models and engines and keeps what each layer cost, with the identity of each row."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np

from renode_mnist import paths
from renode_mnist.build import BuildConfig, Engine, Fpu, Objective, build, resolve_model
from renode_mnist.errors import RenodeMnistError
from renode_mnist.model import preprocess
from renode_mnist.opening import ClockModel, TargetOptions, open_session
from renode_mnist.report.layer_functions import layer_functions
from renode_mnist.report.record import firmware_json
from renode_mnist.report.symbols import Symbols
from renode_mnist.session import PICTURE_SHAPE, Session
from renode_mnist.targets.base import CounterUnit, NotesCounterReads
from renode_mnist.wire.messages import Inference

FORMAT = "renode-mnist bench 1"

_DIGIT = "7.png"
_SEED = 0
"""Of the input of a model that takes no digit."""


class BenchError(RenodeMnistError):
    """A benchmark file that cannot be read, or rows that cannot be compared."""


@dataclass(frozen=True)
class Case:
    """One column of the table, clocks aside.

    Attributes:
        model: A committed model's name, or a ``.tflite`` file.
    """

    model: str
    engine: Engine
    objective: Objective = "instructions"
    fpu: Fpu = "hard"

    @property
    def name(self) -> str:
        """As in ``budgets.toml``: ``int8/m7``, ``int8/m7-cycles``, ``float32/reference-soft``."""
        parts = [Path(self.model).stem.removeprefix("mnist_"), self.engine]
        suffix = f"-{self.objective}" if self.objective != "instructions" else ""
        suffix += "-soft" if self.fpu == "soft" else ""
        return "/".join(parts) + suffix


@dataclass(frozen=True)
class LayerCost:
    """A step of the program.

    Attributes:
        counts: By unit: ``instructions``, ``cycles_modelled``, ``cycles_measured``.
        functions: Instructions by function with code of its own, most first; empty where the target can't tell.
    """

    name: str
    op: str
    macs: int
    counts: Mapping[str, int]
    functions: Mapping[str, int] = field(default_factory=dict)


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

    @property
    def macs(self) -> int:
        """Multiply-accumulates that the model asks for."""
        return sum(layer.macs for layer in self.layers)

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


@dataclass(frozen=True)
class Refused:
    """A case that does not exist, with the reason."""

    case: str
    reason: str


def cases(
    models: Sequence[str], engines: Sequence[Engine], objectives: Sequence[Objective], fpus: Sequence[Fpu]
) -> list[Case]:
    """The matrix; only engine ``m7`` knows objectives."""
    return [
        Case(model, engine, objective, fpu)
        for model, engine, objective, fpu in product(models, engines, objectives, fpus)
        if engine == "m7" or objective == objectives[0]
    ]


def run(
    wanted: Sequence[Case],
    clocks_mhz: Sequence[int],
    target: str = "embedded",
    options: TargetOptions | None = None,
    progress: Callable[[Case], None] = lambda case: None,
) -> tuple[list[Row], list[Refused]]:
    """Builds and runs each case; what an engine refuses is told beside the rows.

    Args:
        wanted: The matrix.
        clocks_mhz: On an emulated target they share a run, since its counts do not depend on the clock.
        target: ``embedded``, ``renode`` or ``board``.
        options: Of the target.
        progress: Called before each case.
    """
    rows: list[Row] = []
    refused: list[Refused] = []
    for case in wanted:
        progress(case)
        try:
            rows += _measure(case, clocks_mhz, target, options or TargetOptions())
        except RenodeMnistError as error:
            refused.append(Refused(case.name, str(error)))
    return rows, refused


def _measure(case: Case, clocks_mhz: Sequence[int], target: str, options: TargetOptions) -> Iterator[Row]:
    if target == "board":
        for clock in clocks_mhz:
            yield _row(case, clock, target, [options])
        return
    # The firmware's counter is one, so each way of counting is a run of its own.
    models: list[ClockModel] = ["instructions", "m7"] if target == "embedded" else ["instructions"]
    row = _row(case, clocks_mhz[0], target, [replace(options, clock_model=model) for model in models])
    for clock in clocks_mhz:
        yield replace(row, clock_mhz=clock)


def _row(case: Case, clock_mhz: int, target: str, runs: Sequence[TargetOptions]) -> Row:
    config = BuildConfig(
        resolve_model(case.model), case.engine, case.objective, runs[0].board, clock_mhz=clock_mhz, fpu=case.fpu
    )
    elf = build(config).elf
    results: dict[str, Inference] = {}
    functions: list[dict[str, int]] = []
    for options in runs:
        with open_session(target, elf, options) as session:
            _infer(session)  # warms up what there is: caches and ART on silicon
            identity = session.target.identity()
            if identity.counter_unit is CounterUnit.INSTRUCTIONS and isinstance(session.target, NotesCounterReads):
                with session.target.counter_reads() as reads:
                    result = _infer(session)
                functions = layer_functions(reads, Symbols.of(elf), len(result.layers))
            else:
                result = _infer(session)
            results[str(identity.counter_unit)] = result
            firmware = session.client.stats()
    last = next(reversed(results.values()))
    return Row(
        case=case.name,
        clock_mhz=clock_mhz,
        counts={unit: inference.counter for unit, inference in results.items()},
        layers=tuple(
            LayerCost(
                layer.name,
                layer.op,
                layer.macs,
                {unit: result.layers[i].counter for unit, result in results.items()},
                functions[i] if functions else {},
            )
            for i, layer in enumerate(last.layers)
        ),
        flash_bytes=firmware.flash_bytes,
        weights_bytes=firmware.weights_bytes,
        ram_bytes=firmware.ram_static_bytes + firmware.stack_used_bytes,
        target={**vars(identity), "counter_unit": str(identity.counter_unit)},
        firmware=firmware_json(firmware),
    )


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
    """Reads what ``save`` wrote.

    Raises:
        BenchError: The file cannot be read or is no such file.
    """
    try:
        content = json.loads(file.read_text())
        if content["format"] != FORMAT:
            raise ValueError(f"its format is '{content['format']}', not '{FORMAT}'")
        return [
            Row(**{**row, "layers": tuple(LayerCost(**layer) for layer in row["layers"])}) for row in content["rows"]
        ]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BenchError(
            f"{file} is no benchmark: {error}", "Name a file made by `renode-mnist bench --json`."
        ) from error
