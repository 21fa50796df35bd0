"""Networks of tests as files in one place: a build's name holds its model's, so that several tests share one."""

from __future__ import annotations

from pathlib import Path

import edge_networks
from renode_mnist import paths


def network_file(name: str) -> Path:
    """A network of `edge_networks` by its function's name."""
    file = paths.builds() / "networks-of-tests" / f"{name}.tflite"
    content: bytes = getattr(edge_networks, name)()
    if not file.exists() or file.read_bytes() != content:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
    return file
