"""Faults in the emulated chip: what is drawn, where it is put, what it comes to, and that it can be repeated."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from unicorn import arm_const as arm

from renode_mnist import cli, paths
from renode_mnist.errors import DataError
from renode_mnist.images import BuildConfig, resolve_model
from renode_mnist.measure.evaluation.evaluate import Interrupted, Progress, Workers
from renode_mnist.measure.faults import draw, faults, inject, job, station, trial
from renode_mnist.measure.faults.bench_chip import BenchChip
from renode_mnist.measure.faults.campaign import Campaign
from renode_mnist.measure.faults.draw import Draw
from renode_mnist.measure.faults.fault import SHARES, Fault, Finding, Outcome, Place, rotation
from renode_mnist.measure.faults.image_map import Stretch, at
from renode_mnist.measure.faults.line import FaultyLine
from renode_mnist.measure.faults.station import Station
from renode_mnist.measure.faults.tally import Share
from renode_mnist.measure.faults.trace import instruction_address
from renode_mnist.report import fault_charts, faults_page
from renode_mnist.report import faults as report
from renode_mnist.stm32f746 import snapshot
from renode_mnist.stm32f746.rcc import CSR
from renode_mnist.wire import frame, messages
from renode_mnist.wire.client import Client
from renode_mnist.wire.messages import ErrorCode, ErrorReport

SEED = 3
COUNT = 40
"""A round: each place has its faults."""


@pytest.fixture(autouse=True)
def own_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(job, "CHUNK_FAULTS", 10)
    monkeypatch.setenv("RENODE_MNIST_CACHE", str(tmp_path / "cache"))


@pytest.fixture(scope="module")
def config() -> BuildConfig:
    return BuildConfig(resolve_model("int8"))


@pytest.fixture(scope="module")
def bench(config: BuildConfig) -> Iterator[Station]:
    cargo, *_ = faults.prepared(config, None, seed=SEED, places=(), elf=None)
    opened = Station(cargo)
    yield opened
    opened.close()


@pytest.fixture
def chip(bench: Station) -> BenchChip:
    return bench.chip


def tried(chip: BenchChip, place: Place, kind: str = "flip", part: str = "", at: int = 0, **more: int) -> Finding:
    return trial.tried(chip, Fault(0, place, kind, part, 7, at, **more))


# What is drawn


def test_intervals_are_wilsons() -> None:
    for count, of, expected in ((0, 10, (0.0, 0.277533)), (5, 10, (0.236593, 0.763407)), (10, 10, (0.722467, 1.0))):
        assert Share(count, of).interval == pytest.approx(expected, abs=1e-6)
    assert Share(0, 0).interval == (0.0, 1.0)


def test_places_take_turns_in_their_shares_and_no_stretch_is_of_one_place() -> None:
    turns = rotation(Place)
    assert Counter(turns) == SHARES
    assert len(turns) == 40
    assert all(Counter(turns[first : first + 12])[Place.WEIGHTS] <= 4 for first in range(28))
    assert rotation([Place.CODE]) == (Place.CODE,) * 4
    assert rotation([Place.CLOCK, Place.RESET]) == (Place.RESET, Place.CLOCK)


def test_a_fault_depends_on_seed_and_number_alone(bench: Station) -> None:
    drawer = bench.draw
    assert drawer.fault(17) == drawer.fault(17)
    backwards = [drawer.fault(number) for number in reversed(range(40))]
    assert backwards[::-1] == [drawer.fault(number) for number in range(40)]
    other = Draw(SEED + 1, drawer.places, drawer.image, drawer.subjects)
    assert [other.fault(number) for number in range(40)] != backwards[::-1]
    assert Counter(fault.place for fault in backwards) == SHARES


def test_what_is_drawn_lies_where_it_should(bench: Station) -> None:
    found = [bench.draw.fault(number) for number in range(2000)]
    image, subject = bench.draw.image, bench.draw.subjects[0]
    assert {fault.sample for fault in found} == set(range(10))
    for fault in found:
        if fault.place in (Place.ARENA, Place.SESSION, Place.WIRE):
            assert any(each.address <= fault.address < each.end for each in image.ram[fault.place])
        elif fault.place is Place.STACK:
            assert subject.stack.address <= fault.address < subject.stack.end
        elif fault.place is Place.WEIGHTS:
            (array,) = (each for each in image.weights if each.address <= fault.address < each.end)
            assert array.name == fault.part
        elif fault.place is Place.CODE:
            assert image.code.address <= fault.address < image.code.end
        elif fault.place is Place.REQUEST:
            assert fault.at < sum(size for _, size in subject.requests)
    layers = Counter(each.part.split(" ")[0] for each in found if each.place is Place.WEIGHTS)
    assert set(layers) == {"Conv2d0", "Conv2d2", "Conv2d4", "FullyConnected6", "FullyConnected7", "Softmax8"}
    assert max(layers.values()) < 2 * min(layers.values()), "layers take turns whatever their size"
    assert {fault.part for fault in found if fault.place is Place.REQUEST} == {"write", "run", "read"}


def test_bytes_of_several_stretches_are_one_row() -> None:
    stretches = (Stretch("a", 100, 3), Stretch("b", 200, 2))
    assert [at(stretches, offset)[1] for offset in range(5)] == [100, 101, 102, 200, 201]
    assert [at(stretches, offset)[0].name for offset in (2, 3)] == ["a", "b"]


def test_an_instruction_within_an_it_block_stands_for_the_it() -> None:
    # nop; ite eq; mov.w r0, #1 (32 bits); movne r0, #0; nop
    code = bytes.fromhex("00bf 0cbf 4ff00100 0020 00bf".replace(" ", ""))
    assert [instruction_address(code, 0x100, offset) - 0x100 for offset in range(5)] == [0, 2, 2, 2, 10]


# Where it is put


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_a_register_flips_before_just_that_instruction(chip: BenchChip, monkeypatch: Any, share: float) -> None:
    sample = chip.samples[7]
    instruction = round(share * sample.subject.instructions)
    moment = sample.trace.moment(instruction)
    block = moment.block & ~1
    code = chip.machine.core.memory.peek(block, moment.size_bytes)
    assert code is not None
    seen = []

    def flip(machine: Any, fault: Fault) -> None:
        address, _size, instructions, _ = machine.core.counter.current()
        seen.append((machine.core.pc & ~1, machine.core.counter.instructions - instructions, address & ~1))
        before = machine.core.read(arm.UC_ARM_REG_S0 + 31)
        original(machine, fault)
        assert machine.core.read(arm.UC_ARM_REG_S0 + 31) == before ^ 1 << 5

    original = inject.flip_register
    monkeypatch.setattr(inject, "flip_register", flip)
    begun = _instructions_at_request(chip)
    tried(chip, Place.REGISTERS, part="S31", at=instruction, bit=5)
    ((pc, counted, counted_block),) = seen
    assert pc == instruction_address(code, block, moment.offset)
    if pc != block:  # else it stands before the block, which is not counted yet
        assert (counted - begun, counted_block) == (instruction - moment.offset, block)


def _instructions_at_request(chip: BenchChip) -> int:
    snapshot.restore(chip.machine, chip.samples[7].written)
    return chip.machine.core.counter.instructions


def test_a_trial_leaves_nothing_behind(chip: BenchChip) -> None:
    masked = tried(chip, Place.CLOCK, "never", "HSE")
    for number in range(12):
        trial.tried(chip, Fault(0, Place.CODE, "flip", "", 7, 0, address=0x0800_0200 + 997 * number, bit=number % 8))
        tried(chip, Place.REGISTERS, part="PC", at=1000 * number, bit=12)
    assert tried(chip, Place.CLOCK, "never", "HSE") == masked
    line = FaultyLine(chip.machine, chip.machine.usarts["USART1"], timed=True)
    client = Client(line, firmware=chip.firmware, layers=chip.samples[7].answer.layers)
    snapshot.restore(chip.machine, chip.samples[7].written)
    begun_ps = chip.machine.clock.now_ps()
    answer, expected = client.run(), chip.samples[7].answer
    assert (answer.tensors, answer.layers, answer.counter) == (expected.tensors, expected.layers, expected.counter)
    assert line.last_reply_ps - begun_ps == chip.samples[7].subject.reply_window_ps[1]


# What it comes to


def test_a_bias_of_the_last_layer_gives_another_class_in_silence_and_a_check_tells(
    bench: Station, chip: BenchChip
) -> None:
    array = next(each for each in bench.draw.image.weights if each.name == "FullyConnected7 Biases")
    bias = array.address + 4 * 7  # of the right class; far below what it is where its highest set bits are cleared
    is_negative = chip.machine.core.memory.peek(bias + 3, 1) >= b"\x80"
    found = tried(chip, Place.WEIGHTS, part=array.name, address=bias + (2 if is_negative else 3), bit=7)
    assert (found.outcome, found.class_differs, found.found_by_check) == (Outcome.SILENT, True, True)
    assert tried(chip, Place.WEIGHTS, part=array.name, address=bias, bit=0).outcome is Outcome.MASKED


@pytest.mark.parametrize("kind", draw.REQUEST_KINDS)
def test_a_damaged_request_is_asked_again_and_answered_right(chip: BenchChip, kind: str) -> None:
    seen: list[tuple[str, bytes]] = []
    fault = Fault(0, Place.REQUEST, kind, "write", 7, 400, bit=2, length=5, salt=1)
    found, answer = trial.watched(chip, fault, lambda direction, each, _: seen.append((direction, each)))
    assert found.outcome is Outcome.CORRECTED
    assert answer is not None
    assert answer.tensors == chip.samples[7].answer.tensors
    first = next(each for direction, each in seen if direction == "received")
    body = messages.decode_reply(_payload(first)).body
    assert isinstance(body, ErrorReport)
    expected = (
        {ErrorCode.RECEIVE_OVERRUN} if kind == "overrun" else {ErrorCode.BAD_CHECKSUM, ErrorCode.FRAME_MALFORMED}
    )
    assert body.code in expected


def _payload(raw: bytes) -> bytes:
    (found,) = frame.FrameDecoder().feed(raw)
    assert isinstance(found, bytes)
    return found


@pytest.mark.parametrize("kind", draw.LINE_KINDS)
def test_a_damaged_reply_is_asked_for_again(chip: BenchChip, kind: str) -> None:
    assert tried(chip, Place.REPLY, kind, "run", 100, bit=2, length=5, salt=1).outcome is Outcome.CORRECTED


def test_resets_are_told_by_an_error_since_the_inputs_are_gone(chip: BenchChip) -> None:
    for place, kind, moment in ((Place.RESET, "reset", 700_000), (Place.SUPPLY, "dip", 11_000_000_000)):
        found = tried(chip, place, kind, at=moment, salt=5)
        assert (found.outcome, found.how) == (Outcome.DETECTED, "OUT_OF_ORDER"), place


def test_after_a_dip_of_the_supply_ram_is_lost_and_the_flags_say_so(chip: BenchChip) -> None:
    snapshot.restore(chip.machine, chip.booted)
    before = chip.machine.core.memory.peek(0x2001_8000, 64)
    inject.power_on_reset(chip.machine, 5)
    assert chip.machine.core.memory.peek(0x2001_8000, 64) != before
    assert chip.machine.rcc.read(CSR) == 0x0E00_0000, "power, brown-out and pin (RM0385 5.3.21)"
    client, _ = chip.talk()
    assert client.stats().reset_cause is messages.ResetCause.POWER_ON


def test_oscillators_that_do_not_start(chip: BenchChip) -> None:
    assert tried(chip, Place.CLOCK, "never", "HSE").outcome is Outcome.MASKED, "this firmware begins with HSI"
    assert tried(chip, Place.CLOCK, "never", "PLL").outcome is Outcome.MASKED, "it goes on with HSI"
    client, _ = chip.talk()
    assert client.stats().clock_problem is messages.ClockProblem.PLL
    assert tried(chip, Place.CLOCK, "late", "PLL", at=10**9).outcome is Outcome.MASKED, "1 ms is waited for"


def test_a_jump_to_nowhere_is_a_fault_that_the_firmware_reports(chip: BenchChip) -> None:
    found = tried(chip, Place.REGISTERS, part="PC", at=500_000, bit=30)
    assert (found.outcome, found.how) == (Outcome.DETECTED, "HARD_FAULT")


def test_code_that_cannot_start_again_hangs(bench: Station, chip: BenchChip) -> None:
    function = next(each for each in bench.draw.image.functions.functions if each.name == "start_program")
    outcomes = [
        tried(chip, Place.CODE, part="start_program", address=function.address + offset, bit=7)
        for offset in range(min(function.size_bytes, 24))
    ]
    assert {each.outcome for each in outcomes} == {Outcome.MASKED}, "it is not executed before the next reset"


# That all of it can be repeated


def campaign(config: BuildConfig, **more: Any) -> Campaign:
    return faults.run(config, count=COUNT, seed=SEED, **more)


def test_the_same_bytes_by_one_worker_by_two_and_after_an_interruption(
    config: BuildConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    alone = json.dumps(report.to_json(campaign(config)))
    assert json.dumps(report.to_json(campaign(config, workers=Workers(2)))) == alone
    answer, asked = station.answer, []

    def interrupted(cargo: job.Cargo, chunk: job.Chunk) -> job.Worked:
        if len(asked) == 2:
            raise KeyboardInterrupt
        asked.append(chunk.number)
        return answer(cargo, chunk)

    monkeypatch.setattr(station, "answer", interrupted)
    with pytest.raises(Interrupted, match=r"20 of 40 faults are tried.*--resume"):
        campaign(config)
    monkeypatch.setattr(station, "answer", answer)
    told: list[Progress] = []
    assert json.dumps(report.to_json(campaign(config, resume=True, progress=told.append))) == alone
    assert told[-1] == Progress("trying faults", 40, 40, 20)
    assert not list((paths.cache() / "faults").glob("*/*.json")), "a campaign that is done keeps nothing"


def test_one_fault_alone_comes_to_what_it_came_to(config: BuildConfig, bench: Station) -> None:
    found = bench.answer(job.Chunk(0, range(COUNT))).findings
    cargo, *_ = faults.prepared(config, None, seed=SEED, places=(), elf=None)
    for number in (5, 22, 37):
        assert faults.again(cargo, number).finding == found[number]
    assert [Finding.from_json(json.loads(json.dumps(each.to_json()))) for each in found] == list(found)


# How it is shown


def invoke(*arguments: str) -> Any:
    return CliRunner().invoke(cli.app, ["faults", *arguments])


def test_the_command_shows_tables_and_fails_on_what_it_is_told_to(tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    arguments = ("--count", "40", "--seed", "1", "--workers", "1")
    shown = invoke(*arguments, "--html", str(page))
    assert shown.exit_code == 0, shown.output
    assert "40 faults: " in shown.stdout
    assert "weights" in shown.stdout
    html = page.read_text()
    assert html.count('<ul class="chart">') == html.count('<table class="field"') == 1
    assert "Which bits matter" in html
    found = json.loads(invoke(*arguments, "--json").stdout)
    assert found["schema"] == "renode-mnist/faults/1"
    assert sum(each["faults"] for each in found["places"]) == 40 == len(found["faults"])
    outcomes = found["total"]["outcomes"]
    assert sum(each["count"] for each in outcomes.values()) == 40
    assert outcomes["detected"]["count"] > 0
    assert invoke(*arguments, "--fail-on", "detected").exit_code == 1
    clean = ("--place", "reply", "--count", "20", "--workers", "1")
    assert invoke(*clean, "--fail-on", "silent", "--fail-on", "hang").exit_code == 0


def test_the_command_retells_one() -> None:
    shown = invoke("--only", "3", "--place", "reset", "--place", "clock", "-v")
    assert shown.exit_code == 0, shown.output
    first, outcome, *rest = shown.stdout.splitlines()
    assert first.startswith("fault 3: clock, input ")
    assert outcome.split()[0] in set(Outcome)
    assert any(" sent " in line for line in rest)


def test_samples_without_inputs_and_a_place_that_is_not_there_are_refused(config: BuildConfig) -> None:
    assert "--samples is of --inputs" in str(invoke("--samples", "2").exception)
    by_interrupt = BuildConfig(config.model, uart="interrupt")
    with pytest.raises(DataError, match="no place 'wire'"):
        faults.prepared(by_interrupt, None, seed=1, places=(Place.WIRE,), elf=None)


def test_colours_begin_at_none_and_tell_what_was_not_tried(config: BuildConfig) -> None:
    found = faults.run(config, count=3, seed=SEED, places=(Place.WEIGHTS,))
    shown = fault_charts.bits(found)
    silent = 100 * max(each.outcome is Outcome.SILENT for each in found.at(Place.WEIGHTS))
    assert shown.most == max(1, silent)
    cells = [cell for _, row in shown.rows for cell in row]
    assert {len(row) for _, row in shown.rows} == {32}
    assert sum(cell[1] for cell in cells if cell) == 3
    assert cells.count(None) >= len(cells) - 3
    assert faults_page.render(found).count('<td class="none"') == cells.count(None)


def test_charts_are_of_a_campaign_with_weights_only(config: BuildConfig) -> None:
    found = faults.run(config, count=10, seed=SEED, places=(Place.REPLY,))
    html = faults_page.render(found)
    assert "Which layers matter" not in html
    assert 'class="field"' not in html
    assert "Reply, by part" in html
