"""What an ELF says of itself, for those who do not run it."""

from __future__ import annotations

from pathlib import Path

from elftools.common.exceptions import ELFError
from elftools.elf.elffile import ELFFile

from renode_mnist.errors import ElfError


def unreadable(elf: Path, error: Exception) -> ElfError:
    """Why a file is no ELF that can be read."""
    # What pyelftools says of a file without an ELF's first four bytes tells no user anything.
    why = "is no ELF file" if "Magic number" in str(error) else f"cannot be read: {error}"
    return ElfError(f"{elf} {why}", "Build it with `renode-mnist build`.")


def build_id(elf: Path) -> str:
    """The GNU build ID, hexadecimal; the firmware reports the same in ``Stats``.

    Raises:
        ElfError: This is no ELF, or it was linked without one.
    """
    try:
        with elf.open("rb") as file:
            notes = ELFFile(file).get_section_by_name(".note.gnu.build-id")
            if notes is not None:
                return next(str(note["n_desc"]) for note in notes.iter_notes())
    except (OSError, ELFError, StopIteration) as error:
        raise unreadable(elf, error) from error
    raise ElfError(f"{elf} has no build ID", "Link it with -Wl,--build-id, or build it with `renode-mnist build`.")
