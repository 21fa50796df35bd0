"""Networks of tests as files in one place: a build's name holds its model's, so that several tests share one."""

from __future__ import annotations

from pathlib import Path

from filelock import FileLock

import edge_networks
from renode_mnist import paths


def kept(name: str, content: bytes) -> Path:
    """A network as a file that is the same in every run, so that its images are built once."""
    file = paths.builds() / "tests" / "networks" / f"{name}.tflite"
    with FileLock(file.parent.with_suffix(".lock")):
        file.parent.mkdir(parents=True, exist_ok=True)
        if not file.exists() or file.read_bytes() != content:
            file.write_bytes(content)
    return file


def network_file(name: str) -> Path:
    """A network of `edge_networks` by its function's name."""
    content: bytes = getattr(edge_networks, name)()
    return kept(name, content)
