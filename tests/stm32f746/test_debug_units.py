"""What a program tells its debugger: semihosting, ITM; and DWT's and ITM's lock."""

from __future__ import annotations

from pathlib import Path

import pytest

import c_programs
import snippets
from renode_mnist.stm32f746.machine import Halt, Machine
from renode_mnist.stm32f746.semihosting import Semihosting
from snippets import results

# Semihosting


def hosted(source: str, folder: Path | None = None) -> tuple[Machine, bytes, int | None]:
    """A program to its end, what it wrote, and its exit status."""
    said = bytearray()
    semihosting = Semihosting(said.extend, folder)
    machine = Machine(c_programs.build(source), semihosting=semihosting)
    halt = machine.run_until(10**12)
    assert (halt is Halt.EXIT) == (semihosting.exit_status is not None)
    return machine, bytes(said), semihosting.exit_status


OPEN = """
static uint32_t open(const char* name, uint32_t mode) {
  uint32_t length = 0;
  while (name[length]) length++;
  return SEMIHOSTING(1, ((uint32_t[]){(uint32_t)name, mode, length}));
}
"""


def test_text_of_all_three_kinds_and_the_exit_status() -> None:
    _, said, status = hosted(
        OPEN
        + """
int main(void) {
  SEMIHOSTING(4, "one ");
  SEMIHOSTING(3, "2");
  uint32_t out = open(":tt", 4), left = SEMIHOSTING(5, ((uint32_t[]){out, (uint32_t)" three", 6}));
  SEMIHOSTING(3, left ? "!" : "\\n");
  SEMIHOSTING(0x20, ((uint32_t[]){0x20026, 7}));
  SEMIHOSTING(4, "behind the end");
}
"""
    )
    assert (said, status) == (b"one 2 three\n", 7)


@pytest.mark.parametrize(("reason", "status"), [(0x20026, 0), (0x20023, 1)])
def test_exit_without_a_status_knows_well_and_not_well(reason: int, status: int) -> None:
    assert hosted(f"int main(void) {{ SEMIHOSTING(0x18, {reason:#x}); }}")[2] == status


def test_a_call_costs_nothing_and_the_clock_is_virtual() -> None:
    elf = snippets.build("""
function run
  ldr r5, =results
  mov r0, #0x10
  mov r1, #0
  bkpt 0xab
  str r0, [r5]
  ldr r2, =8000000
1: subs r2, #1
  bne 1b
  mov r0, #0x10
  bkpt 0xab
  str r0, [r5, #4]
  bx lr
""")
    machine = Machine(elf, semihosting=Semihosting(lambda _data: None))
    counts = snippets.run(machine, 2.0)
    assert results(machine, 2) == [0, 100]  # centiseconds: 16 million instructions at 16 MHz
    # start: 7 with the call of `run`; run: 4, 1 that loads the counter, the loop, 3
    assert counts.instructions == 7 + 4 + 1 + 2 * 8_000_000 + 3


def test_files_are_refused_without_a_folder_and_outside_of_it(tmp_path: Path) -> None:
    source = (
        OPEN
        + """
int main(void) {
  uint32_t inside = open("log.txt", 4), outside = open("../secret.txt", 0), absolute = open("SECRET", 0);
  uint32_t written = SEMIHOSTING(5, ((uint32_t[]){inside, (uint32_t)"kept", 4}));
  uint32_t reason = SEMIHOSTING(0x13, 0);
  SEMIHOSTING(2, ((uint32_t[]){inside}));
  uint32_t opened = (inside != -1u) | (outside != -1u) << 1 | (absolute != -1u) << 2;
  SEMIHOSTING(0x20, ((uint32_t[]){0x20026, opened | written << 4}));
}
"""
    )
    secret = tmp_path / "secret.txt"
    secret.write_text("secret")
    folder = tmp_path / "folder"
    folder.mkdir()
    source = source.replace("SECRET", str(secret))
    machine, _, status = hosted(source)
    assert status is not None
    assert status & 7 == 0
    assert "the file 'log.txt' is refused: no folder is given" in machine.log.text()
    machine, _, status = hosted(source, folder)
    assert status == 1
    assert (folder / "log.txt").read_text() == "kept"
    assert machine.log.text().count("is refused: it is not below") == 2


def test_a_link_does_not_lead_out_of_the_folder(tmp_path: Path) -> None:
    (tmp_path / "secret.txt").write_text("secret")
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "link").symlink_to(tmp_path / "secret.txt")
    source = OPEN + 'int main(void) { SEMIHOSTING(0x20, ((uint32_t[]){0x20026, open("link", 0) != -1u})); }'
    assert hosted(source, folder)[2] == 0


def test_reading_seeking_and_length(tmp_path: Path) -> None:
    (tmp_path / "data").write_bytes(b"0123456789")
    _, said, status = hosted(
        OPEN
        + """
static char buffer[16];
int main(void) {
  uint32_t file = open("data", 1), length = SEMIHOSTING(0x0C, &file);
  SEMIHOSTING(0x0A, ((uint32_t[]){file, 7}));
  uint32_t missing = SEMIHOSTING(6, ((uint32_t[]){file, (uint32_t)buffer, 8}));
  SEMIHOSTING(4, buffer);
  SEMIHOSTING(0x20, ((uint32_t[]){0x20026, length * 10 + missing}));
}
""",
        tmp_path,
    )
    assert (said, status) == (b"789", 105)


def test_what_is_not_served_gets_minus_one_and_a_line() -> None:
    machine, _, status = hosted(
        'int main(void) { SEMIHOSTING(0x20, ((uint32_t[]){0x20026, SEMIHOSTING(0x12, "rm") == -1u})); }'
    )
    assert status == 1
    assert "SYS_SYSTEM is not served" in machine.log.text()


def test_without_a_debugger_the_fault_says_what_was_to_be_printed() -> None:
    machine = Machine(c_programs.build('int main(void) { SEMIHOSTING(4, "compressed model\\n"); }'))
    machine.run_for(0.001)
    assert "BKPT without a debugger, a semihosting call: SYS_WRITE0 of 'compressed model'" in machine.log.text()


# ITM

SWO = """
  REGISTER(0xE000EDFC) |= 1 << 24;
  REGISTER(0xE0000FB0) = 0xC5ACCE55;
  REGISTER(0xE0000E80) = 0x10001;
"""


def test_itm_sends_as_many_bytes_as_are_written_and_is_always_ready() -> None:
    machine = Machine(
        c_programs.build(
            f"""
int main(void) {{
{SWO}
  REGISTER(0xE0000E00) = 3;
  for (const char* text = "text"; *text; text++) {{
    while (!REGISTER(0xE0000000)) continue;
    *(volatile uint8_t*)0xE0000000 = (uint8_t)*text;
  }}
  *(volatile uint16_t*)0xE0000000 = 'a' | 'b' << 8;
  REGISTER(0xE0000000) = 'c' | 'd' << 8 | 'e' << 16 | 'f' << 24;
  REGISTER(0xE0000004) = 1;
  REGISTER(0xE0000008) = 1;
}}
"""
        )
    )
    sent = bytearray()
    machine.itm.sent = sent.extend
    machine.run_for(0.001)
    assert sent == b"textabcdef"
    assert machine.log.text().count("ITM's stimulus port 1 sends") == 1
    assert "port 2" not in machine.log.text()  # not enabled


@pytest.mark.parametrize("without", ["1 << 24", "0x10001", "E00) = 3"])
def test_itm_is_silent_unless_all_of_it_is_on(without: str) -> None:
    source = f"int main(void) {{ {SWO} REGISTER(0xE0000E00) = 3; REGISTER(0xE0000000) = 'x'; }}"
    switched_off = {"E00) = 3": "E00) = 0"}.get(without, "0")
    machine = Machine(c_programs.build(source.replace(without, switched_off)))
    sent = bytearray()
    machine.itm.sent = sent.extend
    machine.run_for(0.001)
    assert sent == b""


# Locks

COUNT = """
function run
  poke 0xE000EDFC, 0x01000000
  poke 0xE0001000, 1
  poke 0xE0001004, 0
  nop
  ldr r4, =0xE0001000
  ldr r0, [r4, #4]
  ldr r1, =0xE0001FB4
  ldr r1, [r1]
  ldr r5, =results
  strd r0, r1, [r5]
  bx lr
"""


@pytest.mark.parametrize("in_python", [False, True])
def test_a_probe_has_left_dwt_unlocked(in_python: bool) -> None:
    machine = Machine(snippets.build(COUNT), python_models=in_python)
    snippets.run(machine)
    assert results(machine, 2) == [3, 1]
    assert "locked" not in machine.log.text()


@pytest.mark.parametrize("in_python", [False, True])
def test_without_a_probe_dwt_is_locked_and_says_so_once_a_register(in_python: bool) -> None:
    machine = Machine(snippets.build(COUNT), python_models=in_python, trace_locked=True)
    snippets.run(machine)
    assert results(machine, 2) == [0, 3]
    said = machine.log.text()
    assert said.count("DWT is locked and ignores what run+") == 2
    assert "writes to DWT.CTRL: write 0xC5ACCE55 to DWT.LAR (0xe0001fb0) first" in said


def test_a_reset_leaves_the_lock_as_the_probe_did() -> None:
    machine = Machine(snippets.build(COUNT.replace("poke 0xE0001000, 1", "poke 0xE0001FB0, 0\n  poke 0xE0001000, 1")))
    snippets.run(machine)
    assert results(machine, 2)[1] == 3
    machine.reset()
    assert machine.read_memory(0xE000_1FB4, 4) == bytes((1, 0, 0, 0))


def test_a_debuggers_write_to_a_locked_unit_is_not_the_programs() -> None:
    machine = Machine(snippets.build(COUNT), trace_locked=True)
    machine.write_memory(0xE000_1000, bytes(4))
    machine.read_memory(0x4000_0000, 4)  # TIM2, which is not modelled
    assert machine.log.text() == ""


@pytest.mark.parametrize("in_python", [False, True])
@pytest.mark.parametrize("divider", [139, 16000])
def test_lines_are_finished_without_the_core(in_python: bool, divider: int) -> None:
    said = bytearray()
    body = f'usart1_on(); REGISTER(USART1 + 12) = {divider}; print("ab"); SEMIHOSTING(0x18, 0x20026);'
    elf = c_programs.build(f"int main(void) {{ {body} }}")
    machine = Machine(elf, semihosting=Semihosting(said.extend), python_models=in_python)
    machine.usarts["USART1"].transmitted = said.append
    assert machine.run_until(10**12) is Halt.EXIT
    instructions, begun_ps = machine.instructions(), machine.clock.now_ps()
    assert said == b""
    machine.finish_lines()
    assert (said, machine.instructions()) == (b"ab", instructions)
    assert machine.clock.now_ps() - begun_ps < 20 * divider * 62_500
