"""Microbenchmarks of the core and its memories, on a chip and in the model, and the parameters that follow from them.

Their firmware is an engine of its own (``firmware/calibration/``): each benchmark is a layer by its name, and its
cycles are the output. So a session asks it as it asks a network.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from renode_mnist import version
from renode_mnist.errors import RenodeMnistError, TargetError
from renode_mnist.images import BuildConfig, ImageOptions, resolve_model
from renode_mnist.measure.calibration_subjects import FITS, ROUNDS, Fit, speaks_of
from renode_mnist.option import StrPath
from renode_mnist.program.build_id import build_id
from renode_mnist.session.opening import open_session
from renode_mnist.session.record import firmware_json, target_json
from renode_mnist.session.session import Session
from renode_mnist.session.target_options import TargetOptions
from renode_mnist.targets.base import CounterUnit, TargetIdentity
from renode_mnist.targets.embedded import EmbeddedTarget
from renode_mnist.timing import AdjustedParameters, adjusted, model_sha256, parameter_file
from renode_mnist.wire.messages import Stats

_ENGINE = "calibration"
_TIMEOUT_SECONDS = 60.0
"""Of silicon's time: a round is 3 ms at 216 MHz."""
_MOST_FITS = 6
"""Runs of the model until its parameters stand; they stand after one where each has its benchmark alone."""
_MOST_IN_VAIN = 2
SAME = 0.05
"""Cycles a unit that two figures may differ by and be called the same: both routines' loops end otherwise."""


class CalibrationError(RenodeMnistError):
    """A measurement that there cannot be, or that says nothing of the parameters."""


@dataclass(frozen=True)
class Timing:
    """What one microbenchmark took.

    Attributes:
        group: What it is about.
        name: Which it is.
        units: How many units the longer of its two routines has more than the shorter.
        cycles: What a unit takes: the difference of the shortest times of either, over the units.
        spread: By how much the rounds differ, a unit.
    """

    group: str
    name: str
    units: int
    cycles: float
    spread: float


@dataclass(frozen=True)
class Measurement:
    """All microbenchmarks on one target.

    Attributes:
        target: Where they ran.
        firmware: What ran.
        chip: What its registers say.
        timings: In the firmware's order.
    """

    target: TargetIdentity
    firmware: Stats
    chip: parameter_file.Chip
    timings: tuple[Timing, ...]

    @property
    def cycles(self) -> dict[str, float]:
        """By the benchmarks' names, which are unlike each other."""
        return {timing.name: timing.cycles for timing in self.timings}


@dataclass(frozen=True)
class Fitted:
    """A parameter as the measurement has it.

    Attributes:
        fit: By which benchmark.
        own: The model's own figure.
        value: The one with which the model comes nearest.
        left: Measured less modelled with it, in cycles a unit.
    """

    fit: Fit
    own: int
    value: int
    left: float


@dataclass(frozen=True)
class Calibration:
    """A chip beside the model.

    Attributes:
        measured: On the target.
        modelled: The same image on the embedded target: modelled cycles, or instructions where the target counts
            those.
        fitted: The parameters; none where the target counts instructions.
        rounds: How often each benchmark ran.
    """

    measured: Measurement
    modelled: Measurement
    fitted: tuple[Fitted, ...]
    rounds: int

    @property
    def counts_cycles(self) -> bool:
        """Whether the target counts cycles, measured or modelled."""
        return _counts_cycles(self.measured)

    @property
    def parameters(self) -> dict[str, int]:
        """By name, those that are the model's own as well."""
        return {each.fit.parameter: each.value for each in self.fitted}

    def differs(self, timing: Timing) -> bool:
        """Whether measured and modelled differ by more than their rounds, and than the counter's steps allow."""
        other = next(each for each in self.modelled.timings if each.name == timing.name)
        steps = 2 * (self.measured.target.counter_step - 1) / timing.units
        return abs(timing.cycles - other.cycles) > max(SAME, steps, timing.spread + other.spread)

    def file(self) -> parameter_file.ParameterFile:
        """What ``--parameters`` takes.

        Raises:
            CalibrationError: The target counts instructions.
        """
        if not self.counts_cycles:
            raise CalibrationError(
                f"{_place(self.measured.target)} counts instructions, from which no parameter follows",
                "Measure on a board, or on an emulator that models cycles (`renode-mnist serve --clock-model m7`).",
            )
        target, firmware = self.measured.target, self.measured.firmware
        modelled = self.modelled.cycles
        return parameter_file.ParameterFile(
            format=parameter_file.FORMAT,
            measured=parameter_file.Measured(
                target=_place(target),
                unit=str(target.counter_unit),
                tool=f"{version.version()}, commit {version.commit()}",
                cycle_model=model_sha256()[: adjusted.IDENTITY_DIGITS],
                rounds=self.rounds,
                build_id=firmware.build_id,
                firmware_commit=firmware.commit,
                compiler=firmware.compiler,
            ),
            chip=self.measured.chip,
            parameters=self.parameters,
            benchmark=[
                parameter_file.Benchmark(
                    group=timing.group,
                    name=timing.name,
                    units=timing.units,
                    measured=round(timing.cycles, 4),
                    spread=round(timing.spread, 4),
                    modelled=round(modelled[timing.name], 4),
                )
                for timing in self.measured.timings
            ],
        )

    def save(self, file: StrPath) -> None:
        """Writes what ``--parameters`` takes.

        Raises:
            CalibrationError: The target counts instructions.
            ParameterError: It cannot be written.
        """
        parameter_file.save(Path(file), self.file())

    def to_json(self) -> dict[str, Any]:
        """Plain values, units in the names."""
        modelled = self.modelled.cycles
        unit = str(self.measured.target.counter_unit)
        against = str(self.modelled.target.counter_unit)
        left = {each.fit.parameter: each for each in self.fitted}
        return {
            "target": target_json(self.measured.target),
            "chip": self.measured.chip.model_dump(),
            "firmware": firmware_json(self.measured.firmware),
            "cycle_model_sha256": model_sha256(),
            "compared_with": against,
            "rounds": self.rounds,
            "benchmarks": [
                {
                    "group": timing.group,
                    "name": timing.name,
                    "units": timing.units,
                    f"{unit}_a_unit": timing.cycles,
                    "spread_a_unit": timing.spread,
                    f"embedded_{against}_a_unit": modelled[timing.name],
                    "difference_a_unit": timing.cycles - modelled[timing.name],
                    "speaks_of": speaks_of(timing.group, timing.name),
                }
                for timing in self.measured.timings
            ],
            "parameters": {
                name: {"own": each.own, "fitted": each.value, "by": each.fit.benchmark, "left_cycles": each.left}
                for name, each in left.items()
            },
        }


def config(options: ImageOptions) -> BuildConfig:
    """What is built: of the options, board and clock.

    Raises:
        BuildError: They are none.
    """
    return BuildConfig(
        resolve_model("int8"),  # which no build of this engine looks at
        engine="reference",
        board=options.board,
        clock_mhz=options.clock_mhz,
        definitions=(("ENGINE", _ENGINE),),
    )


def calibrate(
    target: str,
    elf: Path,
    options: TargetOptions,
    *,
    rounds: int = ROUNDS,
    starting: Callable[[str], object] = lambda what: None,
) -> Calibration:
    """Measures on a target, runs the same in the model, and finds the parameters.

    Args:
        target: One of ``CHIP_TARGETS``; ``embedded`` is its own board, with the options' parameters.
        elf: Built from `config`.
        options: Of the target.
        rounds: How often each benchmark runs, beside the first time.
        starting: Told what comes next.

    Raises:
        TargetError: It cannot be opened, or runs another image.
        CalibrationError: It has no cycle counter of the chip's.
    """
    starting(f"measuring on {target}")
    if target == "embedded":
        options = replace(options, clock_model="m7")
    with open_session(target, elf, options, timeout_seconds=_TIMEOUT_SECONDS) as session:
        measured = _measure(session, elf, rounds)
    starting("the same in the model")
    if not _counts_cycles(measured):
        with Session(EmbeddedTarget(elf, board=options.board)) as session:
            return Calibration(measured, _measure(session, elf, rounds), (), rounds)

    def model(values: Mapping[str, int]) -> Measurement:
        parameters = AdjustedParameters(values, "this fit") if values else None
        emulated = EmbeddedTarget(elf, board=options.board, clock_model="m7", parameters=parameters)
        with Session(emulated, timeout_seconds=_TIMEOUT_SECONDS) as session:
            return _measure(session, elf, rounds)

    modelled = model({})
    fitted = fit(measured.cycles, modelled.cycles, lambda values: model(values).cycles, starting)
    return Calibration(measured, modelled, fitted, rounds)


def fit(
    measured: Mapping[str, float],
    modelled: Mapping[str, float],
    model: Callable[[Mapping[str, int]], Mapping[str, float]],
    starting: Callable[[str], object] = lambda what: None,
) -> tuple[Fitted, ...]:
    """Finds the whole numbers with which the model comes nearest.

    Each parameter is moved by what its own benchmark is off, all at once, until none is off by half a cycle. What one
    of them does to the benchmark of another is gone a run later. One whose benchmark comes no nearer in two runs does
    not explain it, and goes back to where it was nearest.

    Args:
        measured: Cycles a unit, by benchmark.
        modelled: The same by the model's own parameters.
        model: The same by others.
        starting: Told what comes next.
    """
    values = {each.parameter: adjusted.own(each.parameter) for each in FITS}
    left = {each.parameter: _off(each, measured, modelled) for each in FITS}
    nearest = {name: (abs(left[name]), values[name]) for name in values}
    in_vain = dict.fromkeys(values, 0)
    settled: set[str] = set()
    for number in range(1, _MOST_FITS + 1):
        moved = {name: _bounded(name, values[name] + round(left[name])) for name in values}
        moved = {name: value for name, value in moved.items() if value != values[name] and name not in settled}
        if not moved:
            break
        starting(f"fitting {', '.join(sorted(moved))}, run {number}")
        values |= moved
        found = model(values)
        before, left = left, {each.parameter: _off(each, measured, found) for each in FITS}
        for name in moved:
            in_vain[name] = in_vain[name] + 1 if abs(left[name]) >= abs(before[name]) else 0
            nearest[name] = min(nearest[name], (abs(left[name]), values[name]), key=lambda seen: seen[0])
            if in_vain[name] == _MOST_IN_VAIN:
                settled.add(name)
                values[name] = nearest[name][1]
    return tuple(
        Fitted(each, adjusted.own(each.parameter), values[each.parameter], left[each.parameter]) for each in FITS
    )


def _bounded(name: str, value: int) -> int:
    return min(adjusted.most(name), max(adjusted.least(name), value))


def _off(each: Fit, measured: Mapping[str, float], modelled: Mapping[str, float]) -> float:
    def of(cycles: Mapping[str, float]) -> float:
        return cycles[each.benchmark] - (cycles[each.beside] if each.beside else 0.0)

    return of(measured) - of(modelled)


def _counts_cycles(measurement: Measurement) -> bool:
    return measurement.target.counter_unit in (CounterUnit.CYCLES_MEASURED, CounterUnit.CYCLES_MODELLED)


def _place(target: TargetIdentity) -> str:
    return f"{target.target} ({target.version})"


def _measure(session: Session, elf: Path, rounds: int) -> Measurement:
    firmware = session.firmware
    if firmware.build_id != build_id(elf):
        raise TargetError(
            f"{session.target.identity().target} runs another image (engine {firmware.engine}, build "
            f"{firmware.build_id}) than the microbenchmarks'",
            f"Let a board be programmed (`--flash openocd`), or by hand, or start `serve --elf`, with {elf}.",
        )
    if firmware.engine != _ENGINE:
        raise CalibrationError(
            f"{elf} holds no microbenchmarks but engine {firmware.engine}", "Leave --elf out, and it is built."
        )
    inference = session.client.infer([np.array([rounds], np.int32).tobytes()])
    cycles, units, chip = (
        info.array(content) for info, content in zip(firmware.outputs, inference.tensors, strict=True)
    )
    return Measurement(
        session.identity(),
        firmware,
        _chip(firmware, chip),
        tuple(
            Timing(layer.op, layer.name, int(count), *_a_unit(extremes, int(count)))
            for layer, extremes, count in zip(inference.layers, cycles, units, strict=True)
        ),
    )


def _a_unit(extremes: Iterable[int], units: int) -> tuple[float, float]:
    """(Cycles, spread) of a unit, from the least and the most that the shorter and the longer routine took."""
    least_short, most_short, least_long, most_long = map(int, extremes)
    return (least_long - least_short) / units, (most_long - least_long + most_short - least_short) / units


def _chip(firmware: Stats, words: Iterable[int]) -> parameter_file.Chip:
    idcode, flash_kib, cpuid, _ccr, acr, *_ = (int(word) & 0xFFFF_FFFF for word in words)
    return parameter_file.Chip(
        idcode=f"0x{idcode:08x}",
        cpuid=f"0x{cpuid:08x}",
        unique_id=firmware.chip_id,
        flash_kib=flash_kib,
        clock_hz=firmware.freq_hz,
        wait_states=acr & 0xF,
    )
