"""Which compiler made an ELF, by what compilers leave in it."""

from __future__ import annotations

import re
from pathlib import Path

from renode_mnist.program.opened import opened

UNKNOWN = "unknown compiler"
_GCC = re.compile(r"GCC: \(.*\) (\S+.*)")


def compiler_of(elf: Path) -> str:
    """The compilers of its parts, from section .comment: "GNU 12.2.1 20221205"; several where a library has another.

    Raises:
        ElfError: It cannot be read.
    """
    with opened(elf) as file:
        section = file.get_section_by_name(".comment")
        content = section.data() if section is not None else b""
    texts = (part.decode("utf-8", "replace").strip() for part in content.split(b"\0"))
    names = {_GCC.sub(r"GNU \1", text) for text in texts if text}
    return ", ".join(sorted(names)) or UNKNOWN
