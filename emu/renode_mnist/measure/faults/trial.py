"""One fault, put in and watched."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack, suppress

import numpy as np

from renode_mnist.errors import FirmwareError, RenodeMnistError, TargetError, TargetTimeout, WireError
from renode_mnist.measure.faults import inject
from renode_mnist.measure.faults.bench_chip import BenchChip, Sample
from renode_mnist.measure.faults.fault import Fault, Finding, Outcome, Place
from renode_mnist.measure.faults.line import FaultyLine
from renode_mnist.stm32f746 import rcc, snapshot
from renode_mnist.wire.client import Client, Observer
from renode_mnist.wire.messages import CHECKED_SINCE, ErrorReport, Inference, ResetCause

_ON_LINE = (Place.REQUEST, Place.REPLY)


def tried(chip: BenchChip, fault: Fault) -> Finding:
    """Puts a fault into the chip and tells what came of it; the next trial begins by restoring the chip."""
    finding, _ = watched(chip, fault, None)
    return finding


def watched(chip: BenchChip, fault: Fault, observer: Observer | None) -> tuple[Finding, Inference | None]:
    """The same, with the answer if there was one; ``observer`` sees the frames."""
    sample = chip.samples[fault.sample]
    machine = chip.machine
    whole_talk = fault.place in (*_ON_LINE, Place.CLOCK)
    snapshot.restore(machine, chip.booted if whole_talk else sample.written)
    client, line = chip.talk(fault, observer, with_inputs=whole_talk)
    answers: list[Inference] = []
    with ExitStack() as armed:
        _arm(chip, fault, sample, line, armed)
        finding = _judged(chip, fault, sample, client, line, answers, whole_talk=whole_talk)
    machine.rcc.late_ps = {}
    if fault.place is Place.WEIGHTS and finding.outcome in (Outcome.MASKED, Outcome.SILENT):
        inject.flip_memory(machine, fault)  # back: then nothing has to be translated anew, as nothing executed it
    return finding, answers[0] if answers else None


def _arm(chip: BenchChip, fault: Fault, sample: Sample, line: FaultyLine, armed: ExitStack) -> None:
    machine = chip.machine
    match fault.place:
        case Place.REQUEST | Place.REPLY:
            pass  # the line does it
        case Place.WEIGHTS:
            inject.flip_memory(machine, fault)
        case Place.CODE:
            inject.flip_code(machine, fault)
        case Place.CLOCK:
            late_ps = None if fault.kind == "never" else fault.at
            machine.rcc.late_ps = {rcc.OSCILLATORS[fault.part]: late_ps}
            machine.reset()
            chip.wait_for_boot()
        case Place.SUPPLY:
            line.at(sample.begun_ps + fault.at, lambda: inject.power_on_reset(machine, fault.salt))
        case _:
            happens = _happening(chip, fault)
            moment = sample.trace.moment(fault.at)
            if inject.needs_between_blocks(fault):
                line.at(sample.begun_ps + moment.time_ps, happens)
            else:
                arm_it = armed.enter_context(inject.within_block(machine, moment))
                line.at(sample.begun_ps + moment.time_ps, lambda: arm_it(happens))


def _happening(chip: BenchChip, fault: Fault) -> Callable[[], None]:
    machine = chip.machine
    if fault.place is Place.RESET:
        return machine.reset
    if fault.place is Place.REGISTERS:
        return lambda: inject.flip_register(machine, fault)
    return lambda: inject.flip_memory(machine, fault)


def _judged(
    chip: BenchChip,
    fault: Fault,
    sample: Sample,
    client: Client,
    line: FaultyLine,
    answers: list[Inference],
    *,
    whole_talk: bool,
) -> Finding:
    expected_sends = sample.sends if whole_talk else sample.sends_to_run
    try:
        answer = client.infer(sample.tensors) if whole_talk else client.run()
    except FirmwareError as error:
        return _after_error(chip, fault, ErrorReport(error.code, "", 0, 0).code_name)
    except TargetTimeout:
        return _after_error(chip, fault, "timeout")
    except WireError:
        return _after_error(chip, fault, "unreadable reply")
    except TargetError:
        chip.outlast_lockup()
        return _after_error(chip, fault, "lockup")
    answers.append(answer)
    if answer.tensors == sample.answer.tensors:
        return Finding(fault, Outcome.MASKED if line.sends == expected_sends else Outcome.CORRECTED)
    return Finding(
        fault, Outcome.SILENT, "", _other_class(answer, sample.answer), _found_by_check(chip)
    )  # fmt: skip


def _other_class(answer: Inference, expected: Inference) -> bool | None:
    if expected.scores.size < 2:
        return None
    scores = np.nan_to_num(answer.scores, nan=-np.inf)
    return int(scores.argmax()) != expected.winner


def _after_error(chip: BenchChip, fault: Fault, how: str) -> Finding:
    """The client has an error: is the firmware there, and does it say that its watchdog has reset it?"""
    with suppress(RenodeMnistError):
        client, _ = chip.talk()
        bitten = client.stats(chip.probe_seconds).reset_cause is ResetCause.INDEPENDENT_WATCHDOG
        return Finding(fault, Outcome.WATCHDOG if bitten else Outcome.DETECTED, how)
    return Finding(fault, Outcome.HANG, how)


def _found_by_check(chip: BenchChip) -> bool | None:
    """Whether the firmware, asked now, says that its image is damaged; an error is no such answer."""
    if chip.firmware.protocol_version < CHECKED_SINCE:
        return None
    with suppress(RenodeMnistError):
        client, _ = chip.talk(with_inputs=True)
        return not client.check_image().whole
    return False
