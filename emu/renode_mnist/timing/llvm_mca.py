"""The same loop timed by LLVM's machine code analyser, for a cross-check where it is installed.

LLVM's model of this core has no early ALU and no banks, writes back in order (which stalls an integer
instruction behind a VFMA), takes LDM for one cycle, and refuses IT blocks. Loops that have none of these agree.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterable

from renode_mnist import remedies
from renode_mnist.errors import EnvironmentProblem

NAMES = ("llvm-mca", *(f"llvm-mca-{version}" for version in range(22, 13, -1)))


def find_llvm_mca() -> str | None:
    """The program's path, if there is one; LLVM 14 to 22 give the same figures for this core."""
    return next((path for name in NAMES if (path := shutil.which(name))), None)


def loop_cycles(instructions: Iterable[str], *, iterations: int = 100) -> float:
    """Cycles of one pass over ``instructions``, repeated, as llvm-mca sees it.

    Args:
        instructions: Assembly, an instruction each, no branches.
        iterations: How often; the start-up is shared among them.

    Raises:
        EnvironmentProblem: llvm-mca is not installed, or refuses an instruction.
    """
    program = find_llvm_mca()
    if program is None:
        raise EnvironmentProblem("llvm-mca is not installed", remedies.run_install("llvm-mca"))
    result = subprocess.run(
        [program, "-mtriple=thumbv7em-none-eabihf", "-mcpu=cortex-m7", f"-iterations={iterations}"],
        input="\n".join([".syntax unified", *instructions, ""]),
        capture_output=True,
        text=True,
        check=False,
    )
    total = next((line for line in result.stdout.splitlines() if line.startswith("Total Cycles:")), None)
    if result.returncode or total is None:
        reason = (result.stderr.strip().splitlines() or ["no reason given"])[0]
        raise EnvironmentProblem(
            f"llvm-mca refuses the loop: {reason}", "Leave out what it has no schedule for (IT, BL)."
        )
    return int(total.split()[-1]) / iterations
