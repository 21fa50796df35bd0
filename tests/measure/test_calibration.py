"""Microbenchmarks of the core: on machines whose figures are known, what comes back are those."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from renode_mnist import calibrate, paths
from renode_mnist.errors import BuildError, TargetError
from renode_mnist.images import ImageOptions, build
from renode_mnist.measure import calibration, calibration_subjects
from renode_mnist.measure.calibration import Calibration, CalibrationError
from renode_mnist.measure.calibration_subjects import FITS, MOST_ROUNDS, speaks_of
from renode_mnist.report import calibration_table, grid
from renode_mnist.session.opening import lacks
from renode_mnist.session.target_options import TargetOptions
from renode_mnist.stm32f746 import chip_id
from renode_mnist.targets.base import CounterUnit
from renode_mnist.timing import adjusted, parameter_file
from served import call, served

SOURCE = paths.firmware() / "calibration"

OTHERS = {
    "axi_cycles": 9,
    "flash_beats": 6,
    "sram_beats": 11,
    "unaligned_cycles": 1,
    "integer_divide_cycles": 12,
    "fp_divide_cycles": 18,
    "fp_square_root_cycles": 16,
    "table_branch_cycles": 4,
    "store_to_load_cycles": 6,
    "fused_shadow_cycles": 4,
    "forwarding.word_loaded.early": 3,
    "forwarding.narrow_loaded.early": 4,
    "forwarding.alu.early": 3,
    "forwarding.saturated.early": 2,
    "forwarding.multiplied.multiplicand": 3,
    "forwarding.fp_calculated.fp_operand": 4,
    "forwarding.fp_fused.fp_fused_accumulator": 2,
    "forwarding.fp_fused.fp_operand": 6,
    "forwarding.fp_chained.fp_chained_accumulator": 5,
}
"""None is the model's own."""


def declared() -> list[tuple[str, str]]:
    """(Group, name) of the firmware's benchmarks."""
    text = (SOURCE / "routines.hpp").read_text(encoding="utf-8")
    return re.findall(r'\n  BENCHMARK\("([^"]+)",[\s\\]*"([^"]+)"', text)


@pytest.fixture(scope="module")
def others(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file of figures of which none is the model's own."""
    file = tmp_path_factory.mktemp("others") / "others.toml"
    parameter_file.save(file, parameter_file.ParameterFile(format=parameter_file.FORMAT, parameters=OTHERS))
    return file


@pytest.fixture(scope="module")
def elf() -> Path:
    return build(calibration.config(ImageOptions())).elf


# What the benchmarks are about ------------------------------------------------------------------------------------


def test_each_benchmark_has_a_name_of_its_own_and_something_to_speak_of() -> None:
    names = [name for _, name in declared()]
    assert len(set(names)) == len(names) > 100
    assert all(speaks_of(group, name) for group, name in declared())
    with pytest.raises(KeyError):
        speaks_of("another group", "another name")


def test_nothing_is_said_of_a_benchmark_that_the_firmware_lacks() -> None:
    groups, names = ({each[part] for each in declared()} for part in (0, 1))
    fitted = {name for fit in FITS for name in (fit.benchmark, fit.beside) if name}
    assert fitted | set(calibration_subjects._BY_NAME) <= names
    assert set(calibration_subjects._BY_GROUP) <= groups
    assert [fit.parameter for fit in FITS if fit.parameter not in adjusted.NAMES] == []
    assert len({fit.parameter for fit in FITS}) == len(FITS) == len(OTHERS)


def test_the_command_knows_how_many_rounds_the_firmware_runs() -> None:
    assert f"kMostRounds = {MOST_ROUNDS};" in (SOURCE / "model_config.hpp").read_text(encoding="utf-8")


# The fit, on models whose figures are chosen here -----------------------------------------------------------------


class Synthetic:
    """Cycles of each parameter's benchmark; a line behind the other waits for the bus as well."""

    def __init__(self) -> None:
        self.runs = 0

    def __call__(self, values: Mapping[str, int]) -> dict[str, float]:
        self.runs += 1
        figures = {name: adjusted.own(name) for name in adjusted.NAMES} | dict(values)
        cycles = {fit.benchmark: float(figures[fit.parameter]) for fit in FITS}
        axi = figures["axi_cycles"]
        cycles["line of DTCM, 60 cycles apart"] = 61.0
        cycles["line of flash, 60 cycles apart"] = 61 + axi + 8
        cycles["line of SRAM1, 60 cycles apart"] = 61 + axi + 2
        cycles["line of flash after line"] = axi + 8 + figures["flash_beats"]
        cycles["line of SRAM1 after line"] = axi + figures["sram_beats"]
        return cycles


@pytest.mark.parametrize("seed", range(20))
def test_the_fit_finds_the_figures_of_any_machine(seed: int) -> None:
    chosen = random.Random(seed)
    figures = {fit.parameter: chosen.randint(max(1, adjusted.least(fit.parameter)), 40) for fit in FITS}
    model = Synthetic()
    found = calibration.fit(Synthetic()(figures), Synthetic()({}), model)
    assert {each.fit.parameter: each.value for each in found} == figures
    assert {each.left for each in found} == {0.0}
    assert model.runs == 1


def test_the_fit_says_what_no_whole_number_explains() -> None:
    measured = Synthetic()({"axi_cycles": 9})
    measured["VDIV"] = 17.6
    found = {each.fit.parameter: each for each in calibration.fit(measured, Synthetic()({}), Synthetic())}
    assert (found["axi_cycles"].value, found["axi_cycles"].left) == (9, 0)
    assert found["fp_divide_cycles"].value == 18
    assert found["fp_divide_cycles"].left == pytest.approx(-0.4)


def test_a_figure_that_its_benchmark_does_not_follow_stays() -> None:
    measured = Synthetic()({"axi_cycles": 9})
    measured["VDIV"] = 30.0
    model = Synthetic()
    stiff = {"VDIV": 16.0}
    found = calibration.fit(measured, Synthetic()({}), lambda values: {**model(values), **stiff})
    by_name = {each.fit.parameter: each for each in found}
    assert (by_name["fp_divide_cycles"].value, by_name["fp_divide_cycles"].left) == (16, 14.0)
    assert by_name["axi_cycles"].value == 9
    assert model.runs <= 3


def test_no_figure_is_fitted_below_what_the_model_works_with() -> None:
    measured = dict.fromkeys(Synthetic()({}), 0.0)
    found = calibration.fit(measured, Synthetic()({}), Synthetic())
    assert all(each.value >= adjusted.least(each.fit.parameter) for each in found)


# On an emulated chip ----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def recovered(others: Path) -> Calibration:
    """A machine with other figures than the model's, measured from outside."""
    return calibrate("embedded", rounds=2, parameters=others)


def test_a_machine_with_other_figures_gives_them_back(recovered: Calibration) -> None:
    assert recovered.parameters == OTHERS
    assert {each.left for each in recovered.fitted} == {0.0}


def test_what_other_figures_have_no_part_in_does_not_differ(recovered: Calibration) -> None:
    measured, modelled = recovered.measured.cycles, recovered.modelled.cycles
    pairs = [timing.name for timing in recovered.measured.timings if timing.group == "a pair"]
    alike = {name for name in measured if abs(measured[name] - modelled[name]) < 0.05}
    assert set(pairs) - alike == {"VFMA, VADD"}
    assert {"32 B over ITCM", "LDR of SRAM1, 32 B apart, cached", "MRS", "DSB"} <= alike
    # 4 more across the bus, and 2 beats more of the line.
    assert measured["line of flash after line"] - modelled["line of flash after line"] == pytest.approx(6, abs=0.1)
    assert measured["SDIV, quotient of 17 bits"] - modelled["SDIV, quotient of 17 bits"] == pytest.approx(5, abs=0.02)


def test_the_chip_says_what_it_is(recovered: Calibration) -> None:
    chip = recovered.measured.chip
    assert (chip.idcode, chip.cpuid, chip.flash_kib) == ("0x10016449", "0x410fc271", 1024)
    assert (chip.clock_hz, chip.wait_states) == (216_000_000, 7)
    emulator = chip_id.emulator(bytes.fromhex(chip.unique_id))
    assert emulator is not None
    identity = adjusted.AdjustedParameters(OTHERS).identity
    assert emulator.name == f"embedded emulator, clock model m7 with parameters {identity[:5]}…"
    assert emulator.models_cycles


def test_the_file_gives_the_figures_back(recovered: Calibration, tmp_path: Path) -> None:
    file = tmp_path / "chip.toml"
    recovered.save(file)
    parameters = parameter_file.load(file)
    assert parameters.values == OTHERS
    assert parameters.source.startswith("chip.toml (measured on embedded (Unicorn")
    content = parameter_file.read(file)
    assert content.chip == recovered.measured.chip
    assert [(each.group, each.name) for each in content.benchmark] == declared()


def test_tables_and_json_say_the_same(recovered: Calibration) -> None:
    wide, narrow = (grid.text(calibration_table.benchmarks(recovered, width)) for width in (140, 80))
    (line,) = (line for line in wide.splitlines() if "line of flash, 60 cycles apart" in line)
    measured, spread, modelled, differs = re.findall(r"[-+]?\d+\.\d\d", line.partition("apart")[2])
    assert (measured, modelled, differs) == ("78.00", "74.00", "+4.00")
    assert float(spread) < 0.5
    assert "axi_cycles" in line
    assert "VDIV: speaks of fp_divide_cycles." in narrow
    assert "say nothing of silicon" in narrow
    assert "axi_cycles" in repr(recovered)
    assert "forwarding.alu.early" in repr(recovered)
    values = json.loads(json.dumps(recovered.to_json()))
    assert values["parameters"]["axi_cycles"] == {
        "own": 5, "fitted": 9, "by": "line of flash, 60 cycles apart", "left_cycles": 0.0
    }  # fmt: skip
    assert len(values["benchmarks"]) == len(declared())
    assert values["target"]["cycle_parameters"].startswith("parameters ")


def test_what_counts_instructions_has_no_timing(elf: Path, tmp_path: Path) -> None:
    file = tmp_path / "chip.toml"
    with served("--elf", str(elf)) as board:
        done = call("calibrate", "--target", "board", "--port", board.binary, "--rounds", "1", "--output", file)
    assert done.returncode == 2
    assert "this target's counter counts no cycles" in done.stdout
    assert "0 of 115 differ by more than rounds do" in done.stdout
    assert "counts instructions, from which no parameter follows" in done.stderr
    assert not file.exists()


@pytest.mark.long
def test_a_served_machine_is_a_board(elf: Path, tmp_path: Path) -> None:
    given, file = tmp_path / "axi9.toml", tmp_path / "chip.toml"
    given.write_text(f'format = "{parameter_file.FORMAT}"\n[parameters]\naxi_cycles = 9\n')
    for arguments, axi in (((), 5), (("--parameters", str(given)), 9)):
        with served("--elf", str(elf), "--clock-model", "m7", *arguments) as board:
            done = call("calibrate", "--target", "board", "--port", board.binary, "--output", file)
        assert done.returncode == 0, done.stderr
        assert ("\n0 of 115 differ by more than rounds do." in done.stdout) is (axi == 5)
        content = parameter_file.read(file)
        own = {name: adjusted.own(name) for name in content.parameters}
        assert content.parameters == {**own, "axi_cycles": axi}
        assert content.measured is not None
        assert content.measured.unit == "cycles_modelled"


@pytest.mark.long
def test_renode_counts_the_instructions_that_the_embedded_emulator_does() -> None:
    if problem := lacks("renode"):
        pytest.skip(str(problem))
    found = calibrate("renode", rounds=2)
    assert found.measured.target.counter_unit is CounterUnit.INSTRUCTIONS
    assert found.fitted == ()
    for timing in found.measured.timings:
        assert not found.differs(timing), timing.name
    with pytest.raises(CalibrationError, match="Measure on a board"):
        found.file()


def test_another_image_is_not_measured(elf: Path) -> None:
    network = build(replace(calibration.config(ImageOptions()), definitions=())).elf
    with pytest.raises(CalibrationError, match="holds no microbenchmarks but engine reference"):
        calibration.calibrate("embedded", network, TargetOptions())
    with (
        served("--elf", str(network)) as board,
        pytest.raises(TargetError, match=r"board runs another image \(engine reference"),
    ):
        calibration.calibrate("board", elf, TargetOptions(port=board.binary))


def test_the_microbenchmarks_are_for_the_chip() -> None:
    with pytest.raises(BuildError, match="measures the chip, and this builds for the PC"):
        build(replace(calibration.config(ImageOptions()), machine="host"))


def test_a_narrow_terminal_has_room_for_the_tables(recovered: Calibration) -> None:
    console = Console(width=80, color_system=None)
    for table in (calibration_table.benchmarks(recovered, 80), calibration_table.parameters(recovered)):
        with console.capture() as captured:
            console.print(grid.table(table, boxed=False))
        assert "…" not in captured.get()
        words = set(captured.get().split())
        figures = [cell for row in table.rows for cell in row[1:] if cell.strip("+-.0123456789") == ""]
        assert words.issuperset(figure for figure in figures if figure), (
            "a long name may take two lines, no figure does"
        )
