"""The same in Renode, as far as it goes there; skipped, with the reason, where that is not installed."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

import c_programs
import snippets
from renode_mnist.errors import EnvironmentProblem, TargetError, TargetTimeout
from renode_mnist.renode_install import locate
from renode_mnist.session.emulation import Emulation, Reason
from renode_mnist.session.emulation_opening import open_emulation
from renode_mnist.session.target_options import ProgramOptions


@pytest.fixture(scope="module", autouse=True)
def installed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    try:
        locate.find()
    except EnvironmentProblem as problem:
        pytest.skip(str(problem))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tempfile, "tempdir", str(tmp_path_factory.mktemp("renode")))
        yield


def program(source: str, **options: object) -> Emulation:
    return open_emulation(c_programs.build(source), "renode", program=ProgramOptions(**options))  # type: ignore[arg-type]


UNITS = """
static volatile char received;
void usart1(void) { received = (char)REGISTER(USART1 + 0x24); }
__attribute__((noinline)) int down(int n) { return n ? down(n - 1) + n : 0; }
static void print_line(const char* name, uint32_t value) { print(name); print_hex(value); }
int main(void) {
  usart1_on();
  REGISTER(0xE000E104) = 1 << 5;
  print("ready\\n");
  SEMIHOSTING(4, "hosted\\n");
  REGISTER(0xE000EDFC) |= 1 << 24;
  REGISTER(0xE0000E80) = 0x10001;
  REGISTER(0xE0000E00) = 1;
  for (const char* text = "trace\\n"; *text; text++) {
    while (!REGISTER(0xE0000000)) continue;
    *(volatile uint8_t*)0xE0000000 = (uint8_t)*text;
  }
  REGISTER(RCC + 0x40) |= 1 << 28;
  REGISTER(PWR + 4) |= 1 << 9;
  REGISTER(0x40023C04) = 0x45670123;
  REGISTER(0x40023C04) = 0xCDEF89AB;
  print_line("brr ", REGISTER(PWR + 4) & 0x208);
  print_line("lock ", REGISTER(0x40023C10));
  print_line("id ", REGISTER(0xE0042000));
  print_line("otp ", REGISTER(0x1FF0F000) & REGISTER(0x1FF0F3FC));
  print_line("boot ", REGISTER(0x1FFF0010));
  REGISTER(0xE0001000) |= 1;
  pause_for(1000);
  REGISTER(0xE0001004) = 0;
  pause_for(1000);
  uint32_t zeroed = REGISTER(0xE0001004), before = zeroed;
  pause_for(1000);
  uint32_t difference = REGISTER(0xE0001004) - before;
  print_line("zeroed ", zeroed);
  print_line("difference ", difference);
  REGISTER(0x40006C00) = 1;
  print_hex(down(6));
  for (;;) {
    while (!received) __asm volatile("wfi");
    char character = received;
    received = 0;
    if (character == '\\r') print("\\r\\n"); else put(character);
  }
}
"""


def values(emulation: Emulation) -> dict[str, str]:
    lines = emulation.text.heard["USART1"].decode().splitlines()
    return dict(line.split(" ") for line in lines if " " in line)


def test_both_emulators_say_the_same() -> None:
    with open_emulation(c_programs.build(UNITS)) as embedded:
        embedded.wait_for_line("00000015")
    with program(UNITS) as renode:
        renode.wait_for_line("00000015")
        renode.write_line("echo", "usart1")
        assert renode.wait_for_line("echo") == "echo"
        lacking, place = renode.target.lacking(), renode.place()
    ours, theirs = values(embedded), values(renode)
    for name in ("zeroed", "difference"):  # in Renode to the beginning of a straight piece of code
        assert abs(int(ours.pop(name), 16) - int(theirs.pop(name), 16)) < 30
    assert ours == theirs
    assert bytes(renode.text.heard["semihosting"]) == b"hosted\n"
    assert bytes(renode.text.heard["ITM"]) == b"trace\n"
    assert [line for line in lacking if "CEC" in line] == [
        line.replace("keeps what is written and does nothing", "does nothing in Renode")
        for line in embedded.target.lacking()
    ]
    assert place.function == "main"


PINS = """
int main(void) {
  usart1_on();
  REGISTER(RCC + 0x30) |= 1 << 8;
  REGISTER(0x40020000) |= 1 << 2;
  REGISTER(0x40020018) = 1 << 1;
  for (uint32_t before = 0;;) {
    uint32_t level = REGISTER(0x40022010) >> 11 & 1;
    if (level != before) print(level ? "pressed\\n" : "released\\n");
    before = level;
  }
}
"""


def test_pins_are_driven_and_read() -> None:
    with program(PINS) as renode:
        renode.drive("PI11", True)
        renode.wait_for_line("pressed")
        assert renode.pin("PA1")
        assert not renode.pin("PA2")
        renode.drive("PI11", False, at_seconds=renode.target.now() + 0.02)
        begun = renode.target.now()
        renode.wait_for_line("released")
        assert 0.02 <= renode.target.now() - begun <= 0.035
        with pytest.raises(TargetError, match="Renode cannot release PI11"):
            renode.drive("PI11", None)


def test_functions_are_stopped_at_and_cost_what_they_do_on_the_embedded_target() -> None:
    with open_emulation(c_programs.build(UNITS)) as embedded:
        expected = embedded.function_cost("down")
    with program(UNITS) as renode:
        renode.run_until_function("down")
        assert renode.place().function == "down"
    with program(UNITS) as renode:
        assert renode.function_cost("down").instructions == expected.instructions
        with pytest.raises(TargetTimeout, match="'down' was not entered"):
            renode.run_until_function("down", 0.01)


def test_a_program_ends_by_semihosting_and_its_files_stay_below_a_folder(tmp_path: Path) -> None:
    source = """
int main(void) {
  uint32_t file = SEMIHOSTING(1, ((uint32_t[]){(uint32_t)"log", 4, 3}));
  SEMIHOSTING(5, ((uint32_t[]){file, (uint32_t)"kept", 4}));
  SEMIHOSTING(0x20, ((uint32_t[]){0x20026, SEMIHOSTING(1, ((uint32_t[]){(uint32_t)"../log", 4, 6})) == -1u ? 7 : 8}));
  SEMIHOSTING(4, "behind the end");
}
"""
    with program(source, files=tmp_path) as renode:
        over = renode.run(1.0)
        assert "is refused: it is not below" in renode.target.remarks()[0]
    assert (over.reason, over.status) == (Reason.EXIT, 7)
    assert (tmp_path / "log").read_text() == "kept"
    assert "semihosting" not in renode.text.heard


def test_an_interrupt_that_comes_just_before_a_wfi_is_handled() -> None:
    source = """
static int sent;
void usart1(void) {
  REGISTER(USART1 + 0x28) = 'a';
  if (++sent == 5) REGISTER(USART1) &= ~0x80u;
}
int main(void) {
  usart1_on();
  REGISTER(0xE000E104) = 1 << 5;
  REGISTER(USART1) |= 0x80;
  for (;;) __asm volatile("wfi");
}
"""
    with program(source) as renode:
        renode.run(0.01)
        assert bytes(renode.text.heard["USART1"]) == b"aaaaa"
        assert renode.place().function == "main"


def test_what_is_said_before_an_exit_ends_a_run_and_the_exit_stays_the_end() -> None:
    source = 'int main(void) { usart1_on(); print("done"); SEMIHOSTING(0x20, ((uint32_t[]){0x20026, 7})); }'
    with program(source) as renode:
        assert renode.run(1.0, renode.text.wait_for(b"done", "")).reason is Reason.TEXT
        assert renode.run(1.0).reason is Reason.EXIT
        now = renode.target.now()
        assert (renode.run(1.0).status, renode.target.now()) == (7, now)


def test_a_fault_that_does_not_end_is_the_end() -> None:
    with program('int main(void) { __asm volatile("udf #0"); }') as renode:
        over = renode.run(1.0)
    assert over.reason is Reason.FAULT
    assert "it is in the handler of UsageFault" in over.text
    assert "in hard_fault+" in over.text


def test_what_renode_does_not_find_is_as_the_page_says() -> None:
    source = (
        "int main(void) { usart1_on(); REGISTER(0xE000ED24) |= 7 << 16; REGISTER(0x60000000) = 1; print_hex(7); "
        '__asm volatile("udf #0"); }'
    )
    with program(source) as renode:
        over = renode.run(0.1)
        assert over.reason is Reason.TIME
        assert bytes(renode.text.heard["USART1"]) == b"00000007\n"
        assert renode.in_fault_handler()
        assert renode.faults() == 0
        assert renode.remarks() == ()  # SHCSR is no finding
        named = [line for line in renode.target.lacking() if "0x60000000" in line]
    assert named[0].startswith("the fault at an address without memory is not modelled: 0x60000000, written by main+")


@pytest.mark.parametrize("target", ["embedded", "renode"])
@pytest.mark.parametrize("origin", ["0x08010000", "0x20010000", "0x00000000"])
def test_an_image_behind_a_bootloader_in_ram_or_in_itcm_starts(target: str, origin: str, tmp_path: Path) -> None:
    script = (snippets.FOLDER / "c_program.ld").read_text()
    length = "16K" if origin == "0x00000000" else "64K"
    script = script.replace("ORIGIN = 0x08000000, LENGTH = 1M", f"ORIGIN = {origin}, LENGTH = {length}")
    script = script.replace("ORIGIN = 0x20000000, LENGTH = 320K", "ORIGIN = 0x20020000, LENGTH = 64K")
    (tmp_path / "script.ld").write_text(script)
    elf = c_programs.build(
        "int main(void) { usart1_on(); print_hex(REGISTER(0xE000ED08)); }", "-T", str(tmp_path / "script.ld")
    )
    with open_emulation(elf, target) as emulation:
        assert emulation.wait_for_line(".*", seconds=0.05) == origin.removeprefix("0x")


def test_a_locked_unit_ignores_writes_and_says_so() -> None:
    source = (
        "int main(void) { REGISTER(0xE0001000) = 1; pause_for(99); REGISTER(0x20000000) = REGISTER(0xE0001004); }"
    )
    for locked in (False, True):
        with program(source, trace_locked=locked) as renode:
            renode.run(0.01)
            count = int.from_bytes(renode.target.read_memory(0x2000_0000, 4), "little")
            remarks = "\n".join(renode.target.remarks())
        assert (count == 0, "DWT is locked and ignores a write" in remarks) == (locked, locked)
