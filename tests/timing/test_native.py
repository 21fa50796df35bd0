"""The digest of the C part of the clock model is that of its sources."""

from __future__ import annotations

import hashlib

from renode_mnist import paths
from renode_mnist.timing import native


def test_figures_of_another_c_are_told_apart() -> None:
    folder = paths.package() / "stm32f746" / "native"
    found = hashlib.sha256(b"".join((folder / name).read_bytes() for name in native.SOURCES)).hexdigest()[:12]
    assert found == native.SHA256, "put this into timing/native.py, and measure anew what is kept (bench --update)"
