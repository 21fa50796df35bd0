"""ELFs that the chip cannot run are refused, with what is wrong and what to do."""

from __future__ import annotations

import io
import shutil
import struct
import subprocess
from contextlib import suppress
from pathlib import Path

import pytest
from elftools.elf.elffile import ELFFile

import snippets
from renode_mnist.errors import ElfError
from renode_mnist.stm32f746 import elf
from renode_mnist.stm32f746.machine import Machine

GOOD = "function run\n bx lr\n"


def compiled(folder: Path, source: str, *options: str, compiler: str = "arm-none-eabi-gcc") -> Path:
    """``source`` in C, with the flags of the caller only."""
    file, output = folder / "program.c", folder / "program.elf"
    file.write_text(source)
    subprocess.run([str(shutil.which(compiler)), *options, str(file), "-o", str(output)], check=True)
    return output


def refused(path: Path, match: str) -> None:
    with pytest.raises(ElfError, match=match) as caught:
        elf.load(path)
    assert str(caught.value).endswith("."), "the message ends with what to do"
    assert str(path) in str(caught.value)


def edited(folder: Path, edit: dict[int, bytes]) -> Path:
    """A good ELF with other bytes at some offsets."""
    content = bytearray(snippets.build(GOOD).read_bytes())
    for offset, data in edit.items():
        content[offset : offset + len(data)] = data
    path = folder / "edited.elf"
    path.write_bytes(content)
    return path


def test_a_good_one_is_accepted() -> None:
    image = elf.load(snippets.build(GOOD))
    assert image.vector_table == 0x0800_0000
    assert image.warnings == ()


def test_a_missing_file(tmp_path: Path) -> None:
    refused(tmp_path / "no.elf", "does not exist")


def test_a_folder(tmp_path: Path) -> None:
    refused(tmp_path, "cannot be read")


@pytest.mark.parametrize("content", [b"", b"\x00\x00\x05\x20\xd9\x00\x00\x08" * 100, b"MZ" + bytes(60)])
def test_what_is_no_elf(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "firmware.bin"
    path.write_bytes(content)
    refused(path, "is empty" if not content else "is no ELF file")


@pytest.mark.parametrize("kept", [10, 52, 60, 300, 2000, -1])
def test_a_truncated_one(tmp_path: Path, kept: int) -> None:
    path = tmp_path / "short.elf"
    path.write_bytes(snippets.build(GOOD).read_bytes()[:kept])
    refused(path, "truncated")


@pytest.mark.parametrize("offset", range(16, 52, 2))
def test_damaged_headers_never_end_in_a_traceback(tmp_path: Path, offset: int) -> None:
    for value in (b"\x00\x00", b"\xff\xff", b"\x34\x12"):
        with suppress(ElfError):  # some of these fields do not matter
            Machine(edited(tmp_path, {offset: value}))


def test_one_for_this_pc(tmp_path: Path) -> None:
    refused(compiled(tmp_path, "int main(void) { return 0; }", compiler="gcc"), "not for a 32-bit Arm core")


def test_one_for_a_cortex_a(tmp_path: Path) -> None:
    path = compiled(tmp_path, "void _start(void) {}", "-mcpu=cortex-a9", "-nostdlib", "-Ttext=0x08000000")
    refused(path, r"for another core \(7-A\)")


def test_one_for_a_cortex_m33(tmp_path: Path) -> None:
    path = compiled(tmp_path, "void _start(void) {}", "-mcpu=cortex-m33", "-mthumb", "-nostdlib", "-Ttext=0x08000000")
    refused(path, r"for another core \(v8-M\.mainline\)")


@pytest.mark.parametrize(
    ("architecture", "name"),
    [
        ("armv8-a", r"v8-A"),
        ("armv8-r", r"v8-R"),
        ("armv8-m.base", r"v8-M\.baseline"),
        ("armv8-m.main", r"v8-M\.mainline"),
        ("armv8.1-m.main", r"v8\.1-M\.mainline"),
    ],
)
def test_one_for_a_later_architecture(tmp_path: Path, architecture: str, name: str) -> None:
    options = (f"-march={architecture}", "-mthumb", "-mfloat-abi=soft", "-nostdlib", "-Ttext=0x08000000")
    refused(compiled(tmp_path, "void _start(void) {}", *options), rf"for another core \({name}\)")


def test_one_of_32_bits_for_another_machine(tmp_path: Path) -> None:
    refused(edited(tmp_path, {18: struct.pack("<H", 3)}), "is for x86, not for a 32-bit Arm core")


def test_one_for_a_cortex_r(tmp_path: Path) -> None:
    path = compiled(tmp_path, "void _start(void) {}", "-march=armv7-r", "-mthumb", "-nostdlib", "-Ttext=0x08000000")
    refused(path, r"for another core \(7-R\)")


def test_an_object_file(tmp_path: Path) -> None:
    refused(compiled(tmp_path, "void f(void) {}", *snippets.FLAGS, "-c"), "not linked as a program")


@pytest.mark.parametrize(
    ("section", "message"),
    [
        (".space 1024 * 1024", r"go \d+ bytes beyond flash, which ends at 0x08100000"),
        (".bss\n .space 321 * 1024", r"go \d+ bytes beyond SRAM2, which ends at 0x20050000"),
    ],
)
def test_one_that_does_not_fit(tmp_path: Path, section: str, message: str) -> None:
    script = tmp_path / "large.ld"
    script.write_text((snippets.FOLDER / "snippet.ld").read_text().replace("1M", "8M").replace("320K", "8M"))
    path = snippets.build(GOOD + section + "\n", "-T", str(script))
    refused(path, message)


def test_one_for_another_memory_map(tmp_path: Path) -> None:
    script = tmp_path / "other.ld"
    script.write_text((snippets.FOLDER / "snippet.ld").read_text().replace("0x08000000", "0x10000000"))
    refused(snippets.build(GOOD, "-T", str(script)), "at 0x10000000, where the STM32F746 has no memory")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ((0x1234_5678, 0x0800_00D9), "stack pointer of 0x12345678, which is not in RAM"),
        ((0x2005_0000, 0x0800_00D8), "starts at 0x080000d8, which is no Thumb code"),
        ((0x2005_0000, 0x9000_0001), "starts at 0x90000001, which is no Thumb code"),
    ],
)
def test_one_without_a_vector_table(tmp_path: Path, words: tuple[int, int], message: str) -> None:
    content = snippets.build(GOOD).read_bytes()
    start = content.index(struct.pack("<I", 0x2005_0000))
    refused(edited(tmp_path, {start: struct.pack("<2I", *words)}), message)


DOUBLES = [
    "vadd.f64 d0, d1, d2",
    "vmla.f64 d0, d1, d2",
    "vfma.f64 d0, d1, d2",
    "vdiv.f64 d7, d1, d2",
    "vsqrt.f64 d0, d1",
    "vneg.f64 d3, d4",
    "vcmp.f64 d0, #0.0",
    "vcvt.f64.f32 d0, s1",
    "vcvt.f32.f64 s0, d1",
    "vcvt.f64.s32 d0, s2",
    "vmov.f64 d0, #1.0",
    "vmov.f64 d0, d1",
    "vmaxnm.f64 d0, d1, d2",
    "vseleq.f64 d0, d1, d2",
    "vrinta.f64 d0, d1",
]


@pytest.mark.parametrize("instruction", DOUBLES)
def test_one_with_double_precision_instructions(instruction: str) -> None:
    size = "  .type run, %function\n  .size run, . - run\n"
    path = snippets.build(f"  .fpu fpv5-d16\nfunction run\n nop\n{instruction}\n bx lr\n{size}")
    refused(path, rf"double-precision FPU instruction at 0x{snippets.symbol(path, 'run') + 2:08x} in run\+0x2")


def test_what_a_single_precision_fpu_does_with_doubles_is_allowed() -> None:
    code = """
function run
  vldr d0, [sp]
  vstr d0, [sp, #-8]
  vpush {d0-d3}
  vpop {d0-d3}
  vmov r0, r1, d0
  vmov d0, r0, r1
  vadd.f32 s0, s1, s2
  vcvt.f32.s32 s0, s1
  bx lr
"""
    assert elf.load(snippets.build(code)).warnings == ()


def test_data_that_looks_like_such_an_instruction_is_allowed() -> None:
    code = "function run\n b 1f\n .align 2\n .word 0x0B00EE30, 0x0B00EE30\n1: bx lr\n"
    assert elf.load(snippets.build(code)).warnings == ()


def test_the_second_half_of_an_instruction_begins_none() -> None:
    # E9C0 EE30, of 32 bits as all from E800 on; its second half and LSRS would be VADD.F64 d0, d0, d0.
    code = "function run\n strd lr, lr, [r0, #192]\n lsrs r0, r0, #12\n bx lr\n"
    path = snippets.build(code)
    assert bytes.fromhex("c0e930ee000b") in path.read_bytes()
    assert elf.load(path).warnings == ()


def test_without_symbols_data_and_code_cannot_be_told_apart() -> None:
    code = "function run\n b 1f\n .align 2\n .word 0x0B00EE30, 0x0B00EE30\n1: bx lr\n"
    path = snippets.build(code, "-s")
    (warning,) = elf.load(path).warnings
    assert "has no symbols to tell code from data" in warning
    assert warning in Machine(path).log.text()


def test_one_linked_to_the_flash_on_the_itcm_bus(tmp_path: Path) -> None:
    script = tmp_path / "itcm.ld"
    script.write_text((snippets.FOLDER / "snippet.ld").read_text().replace("0x08000000", "0x00200000"))
    machine = Machine(snippets.build(GOOD, "-T", str(script)))
    snippets.run(machine)
    assert machine.core.pc < 0x0030_0000
    assert machine.core.memory.peek(0x0800_0000, 64) == machine.core.memory.peek(0x0020_0000, 64)


def test_a_handler_that_many_weak_names_share_is_called_by_its_own(tmp_path: Path) -> None:
    weak = "".join(f'void {name}(void) __attribute__((weak, alias("default_handler")));' for name in ("a", "z"))
    vectors = '__attribute__((section(".isr"), used)) const unsigned vectors[] = {0x20001000, 0x08000009};'
    file = compiled(
        tmp_path,
        f"{vectors} void default_handler(void) {{ for (;;) continue; }} {weak}",
        "-mcpu=cortex-m7", "-mthumb", "-mfloat-abi=soft", "-nostdlib", "-Wl,-e,default_handler",
        "-Wl,--section-start=.isr=0x08000000", "-Wl,-Ttext=0x08000008",
    )  # fmt: skip
    image = elf.load(file, ours=False)
    start = image.function("default_handler")
    assert start is not None
    assert image.symbol_at(start) == " in default_handler+0x0"
    assert image.function("z") == start


def linked(folder: Path, flash: str, assembly: str = GOOD) -> elf.Image:
    """The same program at another place."""
    script = folder / "elsewhere.ld"
    script.write_text((snippets.FOLDER / "snippet.ld").read_text().replace("0x08000000", flash))
    return elf.load(snippets.build(assembly, "-T", str(script)))


@pytest.mark.parametrize(
    ("flash", "boots_at"), [("0x08000000", 0x0020_0000), ("0x00200000", 0x0020_0000), ("0x08008000", 0x0800_8000)]
)
def test_an_image_boots_by_the_flashs_alias_or_where_it_is_linked(tmp_path: Path, flash: str, boots_at: int) -> None:
    image = linked(tmp_path, flash)
    assert image.vector_table == int(flash, 16)
    assert image.boot_address == boots_at


SIZED = "  .type {0}, %function\n{0}:\n  nop\n  bx lr\n  .size {0}, . - {0}\n  nop\n"


def test_an_address_is_in_the_function_that_holds_it(tmp_path: Path) -> None:
    code = "function run\n bx lr\n" + SIZED.format("_ZN3app12_GLOBAL__N_15checkEv") + SIZED.format("last")
    image = linked(tmp_path, "0x08000000", code)
    start = image.function("last")
    checked = image.function("app::(anonymous namespace)::check")
    assert start is not None
    assert checked is not None
    assert image.function("_ZN3app12_GLOBAL__N_15checkEv") == checked
    assert image.function("check") is None
    assert start == checked + 6
    assert image.symbol_at(checked + 2) == " in app::(anonymous namespace)::check+0x2"
    assert image.symbol_at(checked + 4) == "", "behind its size"
    assert image.symbol_at(start + 3) == " in last+0x3"
    assert image.symbol_at(start + 4) == ""
    assert image.symbol_at(0x07FF_FFFF) == "", "before all"
    # Assembly without .size goes on to the next function.
    run = image.function("run")
    assert run is not None
    assert image.symbol_at(checked - 1) == f" in run+{checked - 1 - run:#x}"
    assert image.functions()[-2:] == ["app::(anonymous namespace)::check", "last"]


@pytest.mark.parametrize(
    ("mangled", "name"),
    [
        ("main", "main"),
        ("_ZN5board3runEv", "board::run"),
        ("_ZNK5board4Line3runEv", "board::Line::run"),
        ("_ZL5localv", "local"),
        ("_ZN5boardL4hereEv", "board::here"),
        ("_ZN12_GLOBAL__N_14workEv", "(anonymous namespace)::work"),
        ("_Z", "_Z"),
        ("_ZN", "_ZN"),
        ("_Zx", "_Zx"),
        ("3run", "3run"),
    ],
)
def test_a_c_plus_plus_name_is_read(mangled: str, name: str) -> None:
    assert elf.readable(mangled) == name


def test_a_file_that_is_missing_is_told_by_whose_it_is(tmp_path: Path) -> None:
    with pytest.raises(ElfError, match="renode-mnist build"):
        elf.load(tmp_path / "no.elf")
    with pytest.raises(ElfError, match="the linker wrote"):
        elf.load(tmp_path / "no.elf", ours=False)


def test_what_does_not_fit_is_told_by_whose_it_is(tmp_path: Path) -> None:
    script = tmp_path / "large.ld"
    script.write_text((snippets.FOLDER / "snippet.ld").read_text().replace("1M", "8M"))
    path = snippets.build(GOOD + ".space 1024 * 1024 + 1\n", "-T", str(script))
    with pytest.raises(ElfError, match=r"Use a smaller model or engine, or see the linker's map"):
        elf.load(path)
    with pytest.raises(ElfError, match=r"0x08100000\. See the linker's map"):
        elf.load(path, ours=False)


def test_one_that_fills_flash_to_its_last_byte_fits(tmp_path: Path) -> None:
    used = sum(len(part.data) for part in elf.load(snippets.build(GOOD)).segments)
    image = elf.load(snippets.build(GOOD + f"  .space 1024 * 1024 - {used}\n"))
    assert sum(len(part.data) for part in image.segments) == 1 << 20


def first_segment(path: Path) -> int:
    """Where its program header stands in the file."""
    return int(ELFFile(io.BytesIO(path.read_bytes()))["e_phoff"])


def test_a_program_without_anything_to_load_is_told(tmp_path: Path) -> None:
    at = first_segment(snippets.build(GOOD))
    refused(edited(tmp_path, {at: b"\0\0\0\0"}), "holds nothing to load")


def test_a_first_segment_shorter_than_two_words_has_no_vector_table(tmp_path: Path) -> None:
    at = first_segment(snippets.build(GOOD))
    refused(edited(tmp_path, {at + 16: struct.pack("<II", 7, 7)}), "has no vector table at 0x08000000")
    path = edited(tmp_path, {at + 16: struct.pack("<II", 8, 8)})
    assert elf.load(path).vector_table == 0x0800_0000


def test_a_symbol_table_that_was_damaged_since_is_told(tmp_path: Path) -> None:
    content = bytearray(snippets.build(GOOD).read_bytes())
    table = ELFFile(io.BytesIO(bytes(content))).get_section_by_name(".symtab")
    assert table is not None
    path = tmp_path / "symbols.elf"
    path.write_bytes(content)
    image = elf.load(path)
    at = content.index(struct.pack("<II", table["sh_offset"], table["sh_size"]))
    content[at : at + 8] = struct.pack("<II", table["sh_offset"], table["sh_size"] - 3)
    path.write_bytes(content)
    with pytest.raises(ElfError, match=r"damaged symbol table .*multiple of entry size"):
        image.functions()


def test_each_executable_section_is_looked_at(tmp_path: Path) -> None:
    """Behind one that is data, and one without such an instruction; the message names the right function."""
    script = tmp_path / "apart.ld"
    text = (snippets.FOLDER / "snippet.ld").read_text()
    script.write_text(
        text.replace("*(.text*) *(.rodata*) } > FLASH",
                     "*(.text*) } > FLASH\n  .constants : { *(.constants) } > FLASH\n  .more : { *(.more) } > FLASH")
    )  # fmt: skip
    code = (
        f'  .fpu fpv5-d16\n{GOOD}  .section .constants, "a"\n  .word 0x0B00EE30\n'
        '  .section .more, "ax"\n  .type late, %function\n  .thumb_func\nlate:\n vadd.f64 d0, d1, d2\n bx lr\n'
        "  .size late, . - late\n"
    )
    refused(snippets.build(code, "-T", str(script)), r"in late\+0x0")


def test_start_up_code_has_run_in_what_is_loaded() -> None:
    parts = elf.loaded(snippets.build(GOOD))
    assert parts[0][0] == 0x0800_0000
    assert parts[0][1] == elf.load(snippets.build(GOOD)).segments[0].data


def test_a_segment_that_goes_on_behind_the_file_is_told(tmp_path: Path) -> None:
    at = first_segment(snippets.build(GOOD))
    size = len(snippets.build(GOOD).read_bytes())
    path = edited(tmp_path, {at + 16: struct.pack("<II", size + 1, size + 1)})
    refused(path, rf"is truncated: {size} bytes, its headers speak of \d+")


def test_vectors_are_those_in_flash_though_code_stands_below_it(tmp_path: Path) -> None:
    script = tmp_path / "itcm.ld"
    text = (snippets.FOLDER / "snippet.ld").read_text()
    script.write_text(
        text.replace("MEMORY\n{", "MEMORY\n{\n  ITCM (rx) : ORIGIN = 0x00000000, LENGTH = 16K").replace(
            "  .bss", "  .fast : { *(.fast) } > ITCM\n  .bss"
        )
    )
    path = snippets.build(GOOD + '  .section .fast, "ax"\n  .word 1, 2, 3\n', "-T", str(script))
    image = elf.load(path)
    assert [part.address for part in image.segments] == [0, 0x0800_0000]
    assert image.vector_table == 0x0800_0000


def test_a_program_in_ram_alone_has_its_vectors_there(tmp_path: Path) -> None:
    image = linked(tmp_path, "0x20010000")
    assert image.vector_table == image.boot_address == 0x2001_0000


def test_what_cannot_be_checked_is_told_once(tmp_path: Path) -> None:
    script = tmp_path / "more.ld"
    text = (snippets.FOLDER / "snippet.ld").read_text()
    script.write_text(text.replace("  .bss", "  .more : { *(.more) } > FLASH\n  .bss"))
    data = "  .word 0x0B00EE30, 0x0B00EE30\n"
    path = snippets.build(f'function run\n b 1f\n .align 2\n{data}1: bx lr\n  .section .more, "ax"\n{data}', "-T",
                          str(script), "-s")  # fmt: skip
    (warning,) = elf.load(path).warnings
    assert "has no symbols to tell code from data" in warning
