"""The firmware's checksum of its own code and model: put there after the link, checked at a start and on request."""

from __future__ import annotations

import shutil
import struct
import zlib
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from renode_mnist.errors import BuildError, ElfError, FirmwareError, TargetTimeout
from renode_mnist.images import BuildConfig, build, resolve_model
from renode_mnist.program import seal
from renode_mnist.program.opened import opened
from renode_mnist.session.opening import open_session
from renode_mnist.session.session import Session
from renode_mnist.stream import Deadline
from renode_mnist.targets.base import HasConsole, ReachesMemory
from renode_mnist.wire.messages import ErrorCode, ResetCause

FLASH = 0x0800_0000


@pytest.fixture(scope="module")
def image() -> Path:
    return build(BuildConfig(resolve_model("int8"))).elf


@pytest.fixture
def session(image: Path) -> Iterator[Session]:
    with open_session("embedded", image) as opened_session:
        yield opened_session


def flip(session: Session, address: int) -> None:
    target = session.target
    assert isinstance(target, ReachesMemory)
    target.write_memory(address, bytes([target.read_memory(address, 1)[0] ^ 0x10]))


def sections(image: Path) -> dict[str, tuple[int, int]]:
    with opened(image) as file:
        return {each.name: (int(each["sh_addr"]), int(each["sh_size"])) for each in file.iter_sections()}


def test_it_is_the_crc_of_all_that_is_in_flash(session: Session, image: Path) -> None:
    found = session.check_image()
    target = session.target
    assert isinstance(target, ReachesMemory)
    content = target.read_memory(FLASH, session.firmware.flash_bytes - 4)
    assert found.whole
    assert found.byte_count == len(content)
    assert found.computed == zlib.crc32(content) == seal.seal_of(image).computed
    assert 4 * len(content) < found.counter < 4.01 * len(content), "four instructions a byte"


@pytest.mark.parametrize("section", [".vectors", ".text", ".weights", ".rodata", ".data", ".image_check"])
def test_a_flipped_bit_is_found_wherever_it_is(session: Session, image: Path, section: str) -> None:
    there = sections(image)
    address, size = there[section]
    if section == ".data":  # its initial values, behind the constants
        address = sum(there[".rodata"])
    flip(session, address + size // 2)
    assert not session.check_image().whole
    flip(session, address + size // 2)
    assert session.check_image().whole


def test_a_damaged_image_answers_but_computes_nothing_from_its_start_on(session: Session, image: Path) -> None:
    address, size = sections(image)[".weights"]
    flip(session, address + size // 3)
    session.client.infer(bytes(784))  # nobody has asked yet
    session.reset()
    assert session.firmware.reset_cause is ResetCause.SOFTWARE
    for _ in range(2):
        with pytest.raises(FirmwareError, match="IMAGE_DAMAGED: code or model in flash") as refused:
            session.client.infer(bytes(784))
        assert refused.value.code == ErrorCode.IMAGE_DAMAGED
    flip(session, address + size // 3)
    assert session.check_image().whole
    session.client.infer(bytes(784))


def test_the_console_tells(session: Session, image: Path) -> None:
    assert isinstance(session.target, HasConsole)
    line = session.target.console
    address, _ = sections(image)[".rodata"]

    def said(command: bytes) -> str:
        line.send(command + b"\r")
        found = b""
        with suppress(TargetTimeout):
            while True:
                found += line.receive(Deadline.after(line, 0.1))
        return found.decode()

    stated = f"0x{seal.seal_of(image).computed:08x}"
    shown = said(b"CMD=3")
    assert f"Image: as built, CRC-32 {stated} of " in shown
    assert shown.rstrip().endswith(f"stated {stated}")
    assert "Last reset: power-on" in said(b"CMD=1")
    flip(session, address)
    assert f"Image: damaged, CRC-32 0x{seal_with_flip(image, address):08x}" in said(b"CMD=3")
    assert "CMD=3 checks it again" in said(b"CMD=2")


def seal_with_flip(image: Path, address: int) -> int:
    with opened(image) as file:
        segments = [each for each in file.iter_segments("PT_LOAD") if each["p_filesz"]]
        flash = bytearray(b"".join(each.data() for each in sorted(segments, key=lambda each: each["p_paddr"])))
    flash[address - FLASH] ^= 0x10
    return zlib.crc32(bytes(flash[:-4]))


def test_on_a_pc_it_is_of_the_program_in_memory(host_program: Path, tmp_path: Path) -> None:
    with open_session("host", host_program) as session:
        assert session.check_image().whole
    damaged = tmp_path / "damaged"
    shutil.copy(host_program, damaged)
    content = damaged.read_bytes()
    damaged.write_bytes(content.replace(b"usage: %s", b"Usage: %s"))
    with open_session("host", damaged) as session:
        assert not session.check_image().whole
        with pytest.raises(FirmwareError, match="IMAGE_DAMAGED"):
            session.client.infer(bytes(784))


def test_what_is_sealed_stays_and_what_is_not_is_sealed(image: Path, tmp_path: Path) -> None:
    copied = tmp_path / "firmware.elf"
    shutil.copy(image, copied)
    found = seal.seal_of(copied)
    assert found.stated == found.computed == seal.seal(copied)
    content = bytearray(image.read_bytes())
    content[found.offset : found.offset + 4] = b"\xff\xff\xff\xff"
    copied.write_bytes(content)
    assert seal.seal_of(copied).stated == 0xFFFF_FFFF
    seal.seal(copied)
    assert copied.read_bytes() == image.read_bytes()


def test_an_image_with_a_hole_in_flash_and_one_without_a_place_are_refused(image: Path, tmp_path: Path) -> None:
    damaged = tmp_path / "firmware.elf"
    content = bytearray(image.read_bytes())
    headers, size = struct.unpack_from("<I", content, 28)[0], struct.unpack_from("<H", content, 42)[0]
    second = headers + size + 12  # p_paddr of .data
    struct.pack_into("<I", content, second, struct.unpack_from("<I", content, second)[0] + 4)
    damaged.write_bytes(content)
    with pytest.raises(ElfError, match=r"leaves flash from 0x080\w+ to 0x080\w+ open"):
        seal.seal(damaged)
    damaged.write_bytes(image.read_bytes().replace(b".image_check", b".image_chuck"))
    with pytest.raises(ElfError, match="no place for a checksum"):
        seal.seal(damaged)


def test_a_watchdog_that_cannot_be_is_refused() -> None:
    with pytest.raises(BuildError, match=r'WATCHDOG_MS cannot be "100"\. Give 0, or milliseconds from 250 to 32768'):
        build(BuildConfig(resolve_model("int8"), engine="reference", watchdog_ms=100))
