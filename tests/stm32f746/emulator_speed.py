"""How fast the embedded emulator runs, and what modelled cycles cost: `make bench-emulator`.

No test: it measures this machine. Counting alone and the M7's clock model take turns in one process, on the float
network with the plain C++ kernels (17.8 million instructions), by processor time, so that other load matters little.
"""

from __future__ import annotations

import sys
import time
from functools import partial
from pathlib import Path
from statistics import median

from renode_mnist import paths
from renode_mnist.build import BuildConfig, build, resolve_model
from renode_mnist.model import preprocess
from renode_mnist.session.session import Session
from renode_mnist.session.target_options import CLOCK_MODELS, ClockModel
from renode_mnist.stm32f746.blockcounter import PythonBlockCounter
from renode_mnist.targets.embedded import EmbeddedTarget

ROUNDS, FURTHER = 5, 3
ALLOWED_RATIO = 2.0
"""Of modelled cycles, with memory, to counting alone."""


def seconds(elf: Path, clock_model: ClockModel) -> tuple[float, float, int]:
    """Processor time of the network the first time on a target, the best of further times, and its instructions.

    The time between the firmware's own first and last read of its counter: what comes before and after is the serial
    line.
    """
    pixels = preprocess.read(paths.digits() / "7.png").pixels
    target = EmbeddedTarget(elf, clock_model=clock_model)
    with Session(target) as session:
        if isinstance(target.machine.core.counter, PythonBlockCounter):
            sys.exit("the C hook was not built: `make setup` builds it where a C compiler is installed")
        taken = []
        for _ in range(FURTHER + 1):
            reads: list[tuple[float, int]] = []
            note = partial(_note, reads, target)
            target.machine.dwt.on_count_read = note
            session.classify(pixels)
            taken.append(reads[-1][0] - reads[0][0])
    return taken[0], min(taken[1:]), reads[-1][1] - reads[0][1]


def _note(reads: list[tuple[float, int]], target: EmbeddedTarget) -> None:
    reads.append((time.process_time(), target.instructions()))


def main() -> int:
    """Prints both speeds and their ratio; 1 where the ratio is too high."""
    elf = build(BuildConfig(resolve_model("float32"), engine="reference")).elf
    runs: dict[ClockModel, list[tuple[float, float, int]]] = {model: [] for model in CLOCK_MODELS}
    for _ in range(ROUNDS):
        for model in CLOCK_MODELS:
            runs[model].append(seconds(elf, model))
    first = {model: median(run[0] for run in runs[model]) for model in CLOCK_MODELS}
    further = {model: median(run[1] for run in runs[model]) for model in CLOCK_MODELS}
    for model in CLOCK_MODELS:
        speed = runs[model][0][2] / further[model] / 1e6
        print(
            f"{model:12}  {speed:4.0f} M instructions/s, {further[model]:.4f} s; the first time {first[model]:.4f} s"
        )
    plain, modelled = (further[model] for model in CLOCK_MODELS)
    learning = first["m7"] - first["instructions"]
    print(f"modelled cycles cost {modelled / plain - 1:+.1%} (at most {ALLOWED_RATIO - 1:+.0%})", end="")
    print(f", and {learning:+.3f} s once to time all pairs of blocks")
    return modelled / plain > ALLOWED_RATIO


if __name__ == "__main__":
    sys.exit(main())
