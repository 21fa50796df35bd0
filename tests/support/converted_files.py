"""Networks that TensorFlow's converter makes, which takes seconds: each is converted once for all workers."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from importlib import metadata
from pathlib import Path
from types import ModuleType

from filelock import FileLock

from renode_mnist import paths


def converted(name: str, source: ModuleType, convert: Callable[[], bytes]) -> Path:
    """The file of a network.

    Args:
        name: For the file's name.
        source: The module that holds the network's code; with another text it is converted again.
        convert: Makes the file's content.
    """
    assert source.__file__ is not None
    text = Path(source.__file__).read_bytes() + metadata.version("tensorflow-cpu").encode()
    folder = paths.root() / "build" / "converted-networks"
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"{name}-{hashlib.sha256(text).hexdigest()[:12]}.tflite"
    with FileLock(file.with_suffix(".lock")):
        if not file.exists():
            file.write_bytes(convert())
    return file
