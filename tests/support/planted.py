"""Builds an image with a defect: one number of the constants in its generated C++ is another than the model's."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

from filelock import FileLock

from renode_mnist import paths
from renode_mnist.images import BuildConfig, Tree, make, toolchain


def with_defect(name: str, config: BuildConfig, constant: str, place: int, change: int) -> Path:
    """The ELF of a build copy.

    Args:
        name: Of the copy's folder, which is kept; the repository's kernels and the build's own folder stay untouched.
        config: What to build.
        constant: Name of an array in the build's weights.cpp.
        place: Which of its elements.
        change: What is added to it.
    """
    folder = paths.builds() / "tests" / f"defect-{name}"
    folder.mkdir(parents=True, exist_ok=True)
    weights = folder / "generated" / "weights.cpp"
    with FileLock(folder.with_suffix(".lock")):
        weights.unlink(missing_ok=True)  # generated anew, where an earlier run has changed it
        elf = make(config, folder, Tree.here())
        weights.write_text(changed(weights.read_text(), constant, place, change))
        subprocess.run([toolchain.find("cmake"), "--build", str(folder)], check=True, capture_output=True)
    return elf


def changed(text: str, constant: str, place: int, change: int) -> str:
    """C++ with one element of an array changed."""
    found = re.search(rf"\b{constant}\[\d+\] = {{\n(.*?)}};", text, re.DOTALL)
    assert found is not None, constant
    numbers = [int(word) for word in re.findall(r"-?\d+", found[1])]
    numbers[place] += change
    body = "\n".join(f"    {number}," for number in numbers)
    return f"{text[: found.start(1)]}{body}\n{text[found.end(1) :]}"
