"""The firmware images that a wheel carries, so that a machine without a compiler runs the committed models.

``index.json`` beside the images tells of each what it was made from. An image is taken only where all of that is what
would be built now; the compiler alone may be another than this machine's, and the image says which.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from renode_mnist import paths

INDEX = "index.json"


@dataclass(frozen=True)
class Prebuilt:
    """One image of the wheel.

    Attributes:
        elf: With symbols and debug information, which is compressed.
        made_from: As ``identity`` of ``images.stamp`` tells it.
        compiler: The first line of what it says of itself.
    """

    elf: Path
    made_from: dict[str, Any]
    compiler: str


@cache
def images(folder: Path | None = None) -> tuple[Prebuilt, ...]:
    """Those of a folder, by default of this wheel; none in a checkout and where the wheel was built without."""
    folder = folder or paths.prebuilt()
    if not (index := folder / INDEX).is_file():
        return ()
    entries = json.loads(index.read_text(encoding="utf-8"))
    return tuple(Prebuilt(folder / entry["elf"], entry["made_from"], entry["compiler"]) for entry in entries)


def find(made_from: dict[str, Any]) -> Path | None:
    """The image that was made from exactly this."""
    return next((image.elf for image in images() if image.made_from == made_from), None)


def write_index(folder: Path, entries: list[Prebuilt]) -> None:
    """Writes down what the images of a folder are, in their order."""
    content = [{"elf": image.elf.name, "made_from": image.made_from, "compiler": image.compiler} for image in entries]
    (folder / INDEX).write_text(json.dumps(content, indent=1, sort_keys=True) + "\n", encoding="utf-8")
