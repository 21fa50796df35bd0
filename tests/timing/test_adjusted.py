"""The model with other figures than its own, and the file that they come from."""

from __future__ import annotations

from pathlib import Path

import pytest

from renode_mnist.timing import (
    AdjustedParameters,
    Block,
    BlockCosts,
    MemoryParameters,
    PipelineParameters,
    adjusted,
    model_sha256,
    parameter_file,
)
from renode_mnist.timing.operation import Port, Result
from renode_mnist.timing.parameter_file import ParameterError

HEAD = f'format = "{parameter_file.FORMAT}"\n'
CHAIN = bytes.fromhex("0968") * 4  # LDR R1, [R1]


def written(folder: Path, text: str) -> Path:
    file = folder / "chip.toml"
    file.write_text(HEAD + text)
    return file


def test_without_other_figures_it_is_the_model() -> None:
    own = {name: adjusted.own(name) for name in adjusted.NAMES}
    for parameters in (AdjustedParameters(), AdjustedParameters(own, "here")):
        assert parameters.pipeline == PipelineParameters()
        assert parameters.memory() == MemoryParameters()
        assert parameters.changed == {}
        assert parameters.identity == ""
        assert model_sha256(parameters) == model_sha256()


@pytest.mark.parametrize("name", adjusted.NAMES)
def test_each_figure_takes_effect_and_makes_another_model(name: str) -> None:
    parameters = AdjustedParameters({name: adjusted.own(name) + 1}, "here")
    changed = parameters.pipeline != PipelineParameters(), parameters.memory() != MemoryParameters()
    assert sorted(changed) == [False, True]
    assert f"{name} {adjusted.own(name) + 1} for {adjusted.own(name)}" in str(parameters)
    assert model_sha256(parameters) != model_sha256()


def test_the_identity_is_that_of_the_figures_alone() -> None:
    one = AdjustedParameters({"axi_cycles": 9, "flash_beats": 4}, "one file")
    other = AdjustedParameters({"axi_cycles": 9}, "another")
    assert one.identity == other.identity != AdjustedParameters({"axi_cycles": 8}).identity


def test_a_chain_of_loads_takes_what_the_parameter_says() -> None:
    slow = AdjustedParameters({"forwarding.word_loaded.early": 4})
    chain = Block(0, CHAIN)
    # Three waits, and the last one's own cycle.
    assert BlockCosts().block_cycles(chain) == 3 * 2 + 1
    assert BlockCosts(slow.pipeline).block_cycles(chain) == 3 * 4 + 1
    assert slow.pipeline.forwarding[Result.WORD_LOADED][Port.EARLY] == 4


def test_wait_states_of_another_clock_stand_beside_other_figures() -> None:
    memory = AdjustedParameters({"axi_cycles": 9}).memory(2)
    assert (memory.axi_cycles, memory.wait_states) == (9, 2)


def test_a_file_by_hand_needs_its_format_and_the_figures(tmp_path: Path) -> None:
    file = written(tmp_path, "[parameters]\naxi_cycles = 9\nforwarding.word_loaded.early = 3\n")
    parameters = parameter_file.load(file)
    assert parameters.changed == {"axi_cycles": 9, "forwarding.word_loaded.early": 3}
    assert "chip.toml (not told what it was measured on)" in str(parameters)


MEASURED = """[measured]
target = "board (/dev/ttyACM0)"
unit = "cycles_measured"
tool = "0"
cycle_model = "{model}"
rounds = 8
build_id = "00"
firmware_commit = "0"
compiler = "GNU"
[parameters]
axi_cycles = 9
"""


def test_a_file_is_for_the_model_that_it_was_fitted_for(tmp_path: Path) -> None:
    ours = model_sha256()[: adjusted.IDENTITY_DIGITS]
    parameters = parameter_file.load(written(tmp_path, MEASURED.format(model=ours)))
    assert parameters.source == "chip.toml (measured on board (/dev/ttyACM0))"
    with pytest.raises(ParameterError, match=f"is for model 0123456789ab of the cycles, and this is {ours}"):
        parameter_file.load(written(tmp_path, MEASURED.format(model="0123456789ab")))


def test_a_file_comes_back_as_it_was_written(tmp_path: Path) -> None:
    content = parameter_file.ParameterFile(
        format=parameter_file.FORMAT,
        chip=parameter_file.Chip(
            idcode="0x10010449", cpuid="0x410fc271", unique_id="0" * 24, flash_kib=1024, clock_hz=1, wait_states=7
        ),
        parameters={"axi_cycles": 9, "forwarding.alu.late": 1},
        benchmark=[
            parameter_file.Benchmark(group="data", name='a "line"', units=3, measured=1.5, spread=0.0, modelled=2.0)
        ],
    )
    file = tmp_path / "chip.toml"
    parameter_file.save(file, content)
    assert parameter_file.read(file) == content
    with pytest.raises(ParameterError, match="cannot write"):
        parameter_file.save(tmp_path / "nowhere" / "chip.toml", content)


CHIP = """[chip]
idcode = "{}"
cpuid = "0x410fc271"
unique_id = "000000000000000000000000"
flash_kib = 1024
clock_hz = 216000000
wait_states = 7
"""


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("[parameters]\naxi_cycle = 9\n", "the unknown parameter axi_cycle. Did you mean axi_cycles"),
        ("[parameters]\naxi_cycles = -1\n", "axi_cycles is -1. Allowed: whole numbers from 0 to 40"),
        ("[parameters]\nsram_beats = 1\n", "sram_beats is 1. Allowed: whole numbers from 2 to 40"),
        ("[parameters]\naxi_cycles = 9.5\n", r"parameters.axi_cycles is 9.5. Allowed: a whole number"),
        ("[parameters]\naxi_cycles = true\n", "parameters.axi_cycles is True"),
        ("", r"parameters is missing. Allowed: a table \[parameters\] of whole numbers"),
        ("parameters = 3\n", "parameters is 3"),
        ("[parameters]\n[chips]\n", "the unknown key chips. Allowed: format, measured, chip, parameters, benchmark"),
        ("[parameters]\n[chip]\nidcode = 3\n", 'chip.idcode is 3. Allowed: a string, as idcode = "0x10010449"'),
        ("[parameters]\n[chip]\ncolour = 3\n", "chip"),
        (f"[parameters]\n{CHIP.format('0x10010450')}", "is of another chip: its IDCODE is 0x10010450"),
        (f"[parameters]\n{CHIP.format('none')}", "chip.idcode is 'none'. Allowed: a number in quotes"),
        ("[parameters]\nforwarding.alu.late = 1\n'forwarding.alu.late' = 2\n", "with its name in quotes and without"),
        ("[parameters]\n[[benchmark]]\nunits = 1\n", "benchmark.1.group is missing. Allowed: a string"),
        ("[parameters\n", "chip.toml: "),
    ],
)
def test_a_file_that_is_none_is_refused(text: str, what: str, tmp_path: Path) -> None:
    with pytest.raises(ParameterError, match=what):
        parameter_file.load(written(tmp_path, text))


def test_what_is_no_file_of_parameters_says_how_to_make_one(tmp_path: Path) -> None:
    other = tmp_path / "budgets.toml"
    other.write_text("tolerance_percent = 2\n")
    with pytest.raises(ParameterError, match=r"its format is None\. Make one: `renode-mnist calibrate"):
        parameter_file.load(other)
    with pytest.raises(ParameterError, match="cannot read"):
        parameter_file.load(tmp_path / "nowhere.toml")
    other.write_bytes(b"\xff")
    with pytest.raises(ParameterError, match="it is no UTF-8 text"):
        parameter_file.load(other)
