"""Files of outside: whatever is in them, they are read or refused in one line."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from elftools.elf.elffile import ELFFile

from damaged import mutated
from outside_files import ELF_READERS, READERS, image, samples
from renode_mnist import outside, paths
from renode_mnist.codegen import reader
from renode_mnist.errors import DataError, RenodeMnistError
from renode_mnist.model import tensor_files

SEEDS = range(150)
BOMBS = {
    "brackets": b"[" * 100_000,
    "brackets in an object": b'{"format": ' + b"[" * 100_000,
    "digits": b"tolerance_percent = " + b"9" * 5_000,
    "digits in an object": b'{"format": ' + b"9" * 5_000 + b"}",
    "zeros": bytes(5_000),
    "nothing": b"",
    "no text": b"\xff\xfe\x00\xd8",
}


def refusals(read: Callable[[], object]) -> Iterator[RenodeMnistError]:
    """What a reader refuses; whatever else it raises is a failure."""
    found = None
    try:
        read()
    except RenodeMnistError as refusal:
        found = refusal
    if found is not None:
        assert len(str(found).splitlines()) == 1
        yield found


@pytest.mark.parametrize("bomb", BOMBS)
@pytest.mark.parametrize("kind", READERS)
def test_a_bomb_is_refused_in_one_line(kind: str, bomb: str, tmp_path: Path) -> None:
    file = tmp_path / ("card.json" if kind == ".card" else f"file{kind}")
    file.write_bytes(BOMBS[bomb])
    for refusal in refusals(lambda: READERS[kind](file)):
        assert str(file) in str(refusal) or file.name in str(refusal)


@pytest.mark.parametrize("kind", [".json", ".csv", ".npy", ".npz", ".png", ".tflite", ".toml", ".jsonl"])
def test_a_damaged_file_is_read_or_refused(kind: str, tmp_path: Path) -> None:
    whole = samples(tmp_path)[kind]
    file = tmp_path / f"file{kind}"
    file.write_bytes(whole)
    READERS[kind](file)
    refused = 0
    for seed in SEEDS:
        file.write_bytes(mutated(whole, seed))
        refused += len(list(refusals(lambda: READERS[kind](file))))
    assert refused > len(SEEDS) / 5, "the mutations find nothing to damage"


@pytest.mark.parametrize("by", ELF_READERS)
def test_a_damaged_elf_is_read_or_refused(by: str, tmp_path: Path) -> None:
    whole = image()
    file = tmp_path / "firmware.elf"
    file.write_bytes(whole)
    ELF_READERS[by](file)
    for seed in range(40):
        file.write_bytes(mutated(whole, seed))
        list(refusals(lambda: ELF_READERS[by](file)))


@pytest.mark.parametrize("section", [".ARM.attributes", ".note.gnu.build-id", ".symtab"])
def test_an_elf_with_a_section_of_another_type_is_read_or_refused(section: str, tmp_path: Path) -> None:
    whole = bytearray(image())
    file = tmp_path / "firmware.elf"
    file.write_bytes(whole)
    with file.open("rb") as stream:
        parsed = ELFFile(stream)
        header = parsed["e_shoff"] + parsed.get_section_index(section) * parsed["e_shentsize"]
    kind_at, size_at = header + 4, header + 20  # sh_type and sh_size of Elf32_Shdr
    for at, values in ((kind_at, (0, 2, 3, 7, 8, 0xFF)), (size_at, (0, 1, 0xFF))):
        for value in values:
            file.write_bytes(whole[:at] + bytes([value]) + whole[at + 1 :])
            for read in ELF_READERS.values():
                list(refusals(lambda read=read: read(file)))  # type: ignore[misc]


def test_a_file_has_an_end(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="more than 100 bytes"):
        outside.content(Path("/dev/zero"), 100)
    (tmp_path / "whole").write_bytes(bytes(100))
    assert outside.content(tmp_path / "whole", 100) == bytes(100)
    (tmp_path / "endless.npy").symlink_to("/dev/zero")
    with pytest.raises(DataError, match=r"endless\.npy can't be read .it has more than"):
        tensor_files.read(tmp_path / "endless.npy")


def test_a_model_that_was_cut_off_says_where_it_ends() -> None:
    content = (paths.models() / "motions" / "motions_int8.tflite").read_bytes()
    for size in (*range(8, len(content), 997), len(content) - 1):
        (refusal,) = refusals(lambda size=size: reader.parse(content[:size], "cut.tflite"))  # type: ignore[misc]
        said = (
            rf"cut\.tflite is damaged: a table goes on at byte [\d,]+, but the file ends at byte {size:,}\. Export "
        )
        assert re.match(said, str(refusal))


def test_no_refusal_of_a_model_is_in_the_words_of_a_parser() -> None:
    content = (paths.models() / "motions" / "motions_int8.tflite").read_bytes()
    for seed in SEEDS:
        for refusal in refusals(lambda seed=seed: reader.parse(mutated(content, seed), "changed.tflite")):  # type: ignore[misc]
            assert not re.search(r"unpack_from|uint\d|int\d+ |buffer of|NoneType|not supported between", str(refusal))
