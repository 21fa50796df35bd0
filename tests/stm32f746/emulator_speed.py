"""How fast the embedded emulator runs, and what counting and modelled cycles cost: `make bench-emulator`.

No test: it measures this machine, by processor time and as the best of some turns, so that other load matters little.
With BESIDE=FOLDER the same is measured on another checkout in the same run, in turns.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Literal

import psutil
import unicorn
from unicorn import arm_const as arm

import snippets
import speed_programs
from renode_mnist import open_program, paths
from renode_mnist.images import BuildConfig, build, resolve_model
from renode_mnist.model import preprocess
from renode_mnist.renode_install import locate
from renode_mnist.session.session import Session
from renode_mnist.stm32f746 import elf, memory_map
from renode_mnist.stm32f746.blockcounter import PythonBlockCounter
from renode_mnist.stm32f746.core import ClockModel
from renode_mnist.stm32f746.machine import Machine
from renode_mnist.targets.embedded import EmbeddedTarget
from renode_mnist.timing import LiveCosts

TURNS = 3
RENODE_TIMES = 20
"""As long as for the embedded emulator: Renode's processor time is told in steps of 10 ms."""
EXCEPTIONS = 100_000
POLL_FOR_CPU_SECONDS = 0.5

GOALS = {
    "classification": (15.0, "ms", "a classification (int8 digits, 1,600 bytes of request and reply)"),
    "exceptions": (1.0, "s", "100,000 exceptions"),
    "polling": (1.0, "s", "a second of virtual time at 216 MHz that polls a pin, with 1000 ticks"),
    "start": (50.0, "ms", "start of a target"),
}
"""What at most: figure, unit, of what."""
ALLOWED_RATIO = 2.0
"""Of modelled cycles, with memory, to counting alone, on the float network."""
NETWORK = "float network"


def _taken(work: Callable[[], object]) -> float:
    begin = time.process_time()
    work()
    return time.process_time() - begin


def classification(firmware: Path, times: int = 10) -> float:
    """Milliseconds."""
    pixels = preprocess.read(paths.digits() / "7.png").pixels
    with Session(EmbeddedTarget(firmware)) as session:
        session.classify(pixels)  # translates
        return _taken(lambda: [session.classify(pixels) for _ in range(times)]) / times * 1e3


def start(firmware: Path, times: int = 5) -> float:
    """Milliseconds."""

    def once() -> None:
        with EmbeddedTarget(firmware):
            pass

    once()
    return min(_taken(once) for _ in range(times)) * 1e3


def exceptions() -> float:
    """Seconds."""
    machine = Machine(snippets.build(speed_programs.exceptions(EXCEPTIONS)))
    return _taken(lambda: snippets.run(machine, 10.0))


def polling() -> float:
    """Seconds, from as much of it as takes `POLL_FOR_CPU_SECONDS`."""
    machine = Machine(snippets.build(speed_programs.POLLING))
    machine.run_for(0.001)
    taken, virtual = 0.0, 0.0
    while taken < POLL_FOR_CPU_SECONDS and virtual < 1.0:
        taken += _taken(lambda: machine.run_for(0.001))
        virtual += 0.001
    return taken / virtual


def network(firmware: Path, times: int = 3) -> dict[str, float]:
    """Million instructions a second within the float network, between the firmware's own reads of its counter."""
    pixels = preprocess.read(paths.digits() / "7.png").pixels
    models: dict[str, Literal["instructions", "m7"]] = {"counting": "instructions", "modelled": "m7"}
    speeds = {}
    for name, model in models.items():
        target = EmbeddedTarget(firmware, clock_model=model)
        reads: list[tuple[float, int]] = []
        with Session(target) as session:
            target.machine.dwt.on_count_read = partial(_note, reads, target)
            for _ in range(times + 1):  # the first one translates
                session.classify(pixels)
        each = len(reads) // (times + 1)
        rounds = [(reads[at], reads[at + each - 1]) for at in range(each, len(reads), each)]
        speeds[name] = max((end[1] - begin[1]) / (end[0] - begin[0]) / 1e6 for begin, end in rounds)
    return speeds


def _note(reads: list[tuple[float, int]], target: EmbeddedTarget) -> None:
    reads.append((time.process_time(), target.instructions()))


def plain_loop(program: str) -> dict[str, float]:
    """Million instructions a second: bare Unicorn, counting, modelled cycles."""
    image = snippets.build(program)
    models: dict[str, ClockModel | None] = {"counting": None, "modelled": LiveCosts}
    speeds = {}
    for name, model in models.items():
        machine = Machine(image, clock_model=model)
        if isinstance(machine.core.counter, PythonBlockCounter):
            sys.exit("the C hook was not built: `make setup` builds it where a C compiler is installed")
        seconds = _taken(lambda machine=machine: snippets.run(machine, 60.0))
        speeds[name] = machine.instructions() / seconds / 1e6
    speeds["bare"] = machine.instructions() / _taken(lambda: _bare(image)) / 1e6
    return speeds


def renode_loop(program: str) -> float:
    """Million instructions a second of Renode's own processor time."""
    with open_program(snippets.build(program), target="renode") as emulation:
        emulation.run(0.05)  # translates
        renode = psutil.Process().children(recursive=True)
        before, begin = emulation.count().instructions, _processor_seconds(renode)
        emulation.run(1.0)
        return (emulation.count().instructions - before) / (_processor_seconds(renode) - begin) / 1e6


def _processor_seconds(processes: list[psutil.Process]) -> float:
    return float(sum(sum(process.cpu_times()[:2]) for process in processes))


def _bare(path: Path) -> None:
    engine = unicorn.Uc(unicorn.UC_ARCH_ARM, unicorn.UC_MODE_THUMB)
    engine.ctl_set_cpu_model(arm.UC_CPU_ARM_CORTEX_M7)
    for memory in (memory_map.FLASH, memory_map.DTCM, memory_map.SRAM1, memory_map.SRAM2):
        engine.mem_map(memory.base, memory.size_bytes)
    for segment in elf.load(path).segments:
        engine.mem_write(segment.address, segment.data)
    done = snippets.symbol(path, "unexpected")
    engine.reg_write(arm.UC_ARM_REG_LR, done | 1)
    engine.emu_start(snippets.symbol(path, "run") | 1, done)


def figures() -> dict[str, float]:
    """All, once."""
    firmware = build(BuildConfig(resolve_model("int8"), engine="m7")).elf
    found = {
        "classification": classification(firmware),
        "exceptions": exceptions(),
        "polling": polling(),
        "start": start(firmware),
    }
    reference = build(BuildConfig(resolve_model("float32"), engine="reference")).elf
    found |= {f"{NETWORK} {how}": speed for how, speed in network(reference).items()}
    for name, program in speed_programs.PLAIN_LOOPS.items():
        found |= {f"{name} {how}": speed for how, speed in plain_loop(program).items()}
    return found


def _figures_of(package: Path) -> dict[str, float]:
    support = Path(__file__).parents[1] / "support"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join((str(package), str(support)))}
    call = [sys.executable, __file__, "--figures"]
    found: dict[str, float] = json.loads(
        subprocess.run(call, env=environment, check=True, stdout=subprocess.PIPE).stdout
    )
    return found


def _best(turns: list[dict[str, float]]) -> dict[str, float]:
    """The shortest time, the highest speed."""
    return {name: (min if name in GOALS else max)(turn[name] for turn in turns) for name in turns[0]}


def main() -> int:
    """Prints all figures, with what they are to be; 1 where one is not."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--beside", type=Path, metavar="FOLDER", help="a checkout of another commit, built")
    parser.add_argument("--figures", action="store_true", help="print one round of figures as JSON")
    options = parser.parse_args()
    if options.figures:
        print(json.dumps(figures()))
        return 0
    packages = [Path(__file__).parents[2] / "emu", *([options.beside / "emu"] if options.beside else [])]
    rounds = [[_figures_of(package) for package in packages] for _ in range(TURNS)]
    mine, *other = (_best([turn[at] for turn in rounds]) for at in range(len(packages)))
    failed = _report_goals(mine, other[0] if other else None)
    failed = _report_loops(mine, other[0] if other else None) or failed
    _report_renode()
    return failed


def _report_goals(mine: dict[str, float], other: dict[str, float] | None) -> bool:
    failed = False
    for name, (most, unit, what) in GOALS.items():
        beside = f", beside it {other[name]:.2f} {unit}: {other[name] / mine[name]:.1f} times" if other else ""
        print(f"{mine[name]:8.2f} {unit:2}  {what} (at most {most:g} {unit}){beside}")
        failed |= mine[name] > most
    return failed


def _report_loops(mine: dict[str, float], other: dict[str, float] | None) -> bool:
    print("million instructions a second: bare Unicorn, counting, modelled cycles")
    for name in (*speed_programs.PLAIN_LOOPS, NETWORK):
        bare, counting, modelled = (mine.get(f"{name} {how}") for how in ("bare", "counting", "modelled"))
        assert counting
        assert modelled
        text = f"  {name:13} {bare or 0:5.0f} {counting:5.0f} {modelled:5.0f}"
        if bare:
            text += f"  counting takes {bare / counting:.2f} times as long as bare Unicorn,"
        text += f"  modelled cycles {counting / modelled:.2f} times as long as counting"
        if other:
            text += f", beside it {other[f'{name} counting']:.0f} and {other[f'{name} modelled']:.0f}"
        print(text)
    taken = mine[f"{NETWORK} counting"] / mine[f"{NETWORK} modelled"]
    print(f"modelled cycles cost the float network {taken - 1:+.1%} (at most {ALLOWED_RATIO - 1:+.0%})")
    return taken > ALLOWED_RATIO


def _report_renode() -> None:
    try:
        locate.find()
    except locate.NotInstalled as lacking:
        print(f"{lacking.what}: its speed is not measured")
        return
    speeds = {name: renode_loop(program) for name, program in speed_programs.plain_loops(RENODE_TIMES).items()}
    print(
        "Renode, million instructions a second: " + ", ".join(f"{name} {speed:.0f}" for name, speed in speeds.items())
    )


if __name__ == "__main__":
    sys.exit(main())
