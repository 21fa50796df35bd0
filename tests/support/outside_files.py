"""What reads files of outside, a good file of each kind, and damaged ones by the thousand.

Usage: outside_files.py [--seconds N] [--seed S]. Each kind's good file is damaged (damaged.py) and read, in processes
with limits of time and memory, until the time is over. Status 1 where one was neither read nor refused in a line.
"""

from __future__ import annotations

import argparse
import resource
import signal
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from apart import apart
from damaged import mutated
from renode_mnist import paths
from renode_mnist.codegen import reader
from renode_mnist.errors import RenodeMnistError
from renode_mnist.images import BuildConfig, build, resolve_model
from renode_mnist.measure import bench, budgets, history
from renode_mnist.model import golden, preprocess, tensor_files
from renode_mnist.model.card import Card
from renode_mnist.plain_text import harmless
from renode_mnist.program import sections, symbols
from renode_mnist.program.build_id import build_id
from renode_mnist.program.footprint import footprint
from renode_mnist.session import recording
from renode_mnist.session.labels import labels_for
from renode_mnist.stm32f746 import elf
from renode_mnist.timing import parameter_file
from renode_mnist.timing.image import CodeImage

READERS: dict[str, Callable[[Path], object]] = {
    ".json": tensor_files.read,
    ".csv": tensor_files.read,
    ".npy": tensor_files.read,
    ".npz": tensor_files.read,
    ".png": preprocess.read,
    ".tflite": reader.load,
    ".elf": elf.load,
    ".toml": budgets.load,
    ".parameters": parameter_file.read,
    ".jsonl": recording.load,
    ".history": history.load,
    ".bench": bench.load,
    ".golden.npz": golden.read,
    ".labels": lambda file: labels_for(file, file),
    ".card": lambda file: Card.load(file.parent),
}
"""By the end of a file's name."""


def samples(folder: Path) -> dict[str, bytes]:
    """A good file of each kind that has one, by the end of its name."""
    np.savez(folder / "whole.npz", image=np.zeros((3, 4), np.int8), labels=np.arange(3))
    np.save(folder / "whole.npy", np.zeros((3, 4), np.float32))
    return {
        ".json": b'{"image": [[1, 2.5], [3, 4]], "labels": [1, 2]}',
        ".csv": b"a,b,label\n1,2,3\n4,5,6\n",
        ".npy": (folder / "whole.npy").read_bytes(),
        ".npz": (folder / "whole.npz").read_bytes(),
        ".png": (paths.digits() / "7.png").read_bytes(),
        ".tflite": resolve_model("int8").read_bytes(),
        ".toml": paths.budgets().read_bytes(),
        ".jsonl": b'{"format": "renode-mnist session 1", "target": {"target": "host", "version": "1"}}\n'
        b'{"direction": "sent", "seconds": 0, "bytes": "00"}\n{"direction": "reset", "seconds": 1, "bytes": ""}\n',
    }


def _loaded(file: Path) -> Any:
    return elf.load(file).symbol_at(0x0800_0400)


ELF_READERS: dict[str, Callable[[Path], object]] = {
    "loader": _loaded,
    "symbols": symbols.Symbols.of,
    "variable": lambda file: symbols.address_of_data(file, "arena"),
    "sections": sections.loaded_bytes,
    "build ID": build_id,
    "footprint": footprint,
    "code": CodeImage,
}


def image() -> bytes:
    """An ELF that all of them read."""
    return build(BuildConfig(resolve_model("int8"))).elf.read_bytes()


_SECONDS = 20
_MEMORY_BYTES = 8 << 30
_EACH = 200
"""Files that a process reads, so that a hang is told by its seed within a minute."""


def _read(read: Callable[[Path], object], whole: bytes, name: str, first: int) -> Counter[str]:
    """What became of some damaged files: read, refused, or what was raised, with its seed."""
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY_BYTES, _MEMORY_BYTES))
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    found: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / name
        for seed in range(first, first + _EACH):
            file.write_bytes(mutated(whole, seed))
            signal.alarm(_SECONDS)
            try:
                read(file)
                found["read"] += 1
            except RenodeMnistError as refusal:
                shown = harmless(str(refusal))  # as the command line does it
                found["refused" if len(shown.splitlines()) == 1 else f"seed {seed}: {shown!r}"] += 1
            except Exception:  # noqa: BLE001: that is what is looked for
                found[f"seed {seed}: {traceback.format_exc()}"] += 1
    return found


def main() -> int:
    """Runs, prints what came of it, and returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])  # type: ignore[union-attr]
    parser.add_argument("--seconds", type=float, default=600, help="no round begins after that")
    parser.add_argument("--seed", type=int, default=1000, help="of the first file; tests read those below 1000")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        good = {f"file{kind}": (READERS[kind], whole) for kind, whole in samples(Path(folder)).items()}
    whole = image()
    good |= {f"{name}.elf": (read, whole) for name, read in ELF_READERS.items()}
    totals: dict[str, Counter[str]] = {name: Counter() for name in good}
    seed, end = asked.seed, time.monotonic() + asked.seconds
    while time.monotonic() < end:
        for name, (read, content) in good.items():
            found = apart(_read, [(read, content, name, seed)])[0]
            hung = f"seeds from {seed} on: more than {_SECONDS} s or {_MEMORY_BYTES >> 30} GiB"
            totals[name].update(found if found is not None else {hung: 1})
        seed += _EACH
    wrong = 0
    for name, total in totals.items():
        print(f"{name}: {total.pop('read', 0)} read, {total.pop('refused', 0)} refused, {len(total)} wrong")
        for what in total:
            print(what)
        wrong += len(total)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
