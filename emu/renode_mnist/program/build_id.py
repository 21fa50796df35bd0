"""What an ELF says of itself, for those who do not run it."""

from __future__ import annotations

from pathlib import Path

from renode_mnist.errors import ElfError
from renode_mnist.program.opened import opened


def build_id(elf: Path) -> str:
    """The GNU build ID, hexadecimal; the firmware reports the same in ``Stats``.

    Raises:
        ElfError: This is no ELF, or it was linked without one.
    """
    with opened(elf) as file:
        notes = file.get_section_by_name(".note.gnu.build-id")
        found = next((str(note["n_desc"]) for note in notes.iter_notes()), "") if notes is not None else ""
    if found:
        return found
    raise ElfError(f"{elf} has no build ID", "Link it with -Wl,--build-id, or build it with `renode-mnist build`.")
