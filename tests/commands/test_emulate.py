"""`renode-mnist emulate` as its user and a CI system meet it: what is shown, and each exit status."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

import c_programs
from renode_mnist.commands import program_end

GREETS = 'int main(void) { usart1_on(); print("hello\\nworld\\n"); for (;;) __asm volatile("wfi"); }'


def call(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", "from renode_mnist.cli import main; main()", "emulate", *map(str, arguments)],
        capture_output=True,
        text=True,
    )


def emulate(source: str, *arguments: str | Path, before: str = "") -> subprocess.CompletedProcess[str]:
    done = call(c_programs.build(f"{before}\n{source}"), *arguments)
    assert "Traceback" not in done.stderr
    return done


def test_text_then_what_the_run_took() -> None:
    done = emulate(GREETS, "--until", "world")
    assert done.returncode == 0, done.stderr
    hello, world, end, took = done.stdout.splitlines()
    assert (hello, world) == ("hello", "world")
    assert end.startswith("-- at 0.00")
    assert end.endswith("s of virtual time: 'world' was said")
    assert "instructions on embedded (Unicorn" in took
    assert "in main (program.c:2)" in took
    assert "; the main stack took at most " in took


def test_the_same_as_json() -> None:
    done = emulate(GREETS, "--json", "--clock-model", "m7")
    said = json.loads(done.stdout)
    assert (done.returncode, said["end"], said["exit_status"]) == (0, "rest", 0)
    assert (said["error"], said["program_status"], said["faults"], said["in_fault_handler"]) == (None, None, 0, False)
    assert said["text"] == {"USART1": "hello\nworld\n"}
    assert said["cycles_modelled"] > 1000 < said["instructions"] != said["cycles_modelled"]
    assert (said["function"], Path(said["file"]).name, said["line"]) == ("main", "program.c", 2)
    assert (said["not_modelled"], said["remarks"]) == ([], [])
    assert 0 < said["virtual_seconds"] < 0.05
    assert 0 < said["stack_bytes"] < 200


@pytest.mark.parametrize(
    ("body", "arguments", "status", "said"),
    [
        ('usart1_on(); print("x\\n"); for (;;) put(0);', ["--until", "y", "--for", "20ms"], 1, "'y' was not said"),
        ("for (;;) put(0);", ["--until", "y", "--for", "0.02"], 5, "'y' was not said"),
        ("usart1_on(); for (;;) put(0);", ["--for", "20ms"], 0, ""),
        ("for (;;) REGISTER(0x20000000)++;", ["--wall", "300ms"], 3, "0.3 s of this machine's time are over"),
        ("REGISTER(0x60000000) = 1;", [], 4, "store to 0x60000000"),
        ("while (!(REGISTER(RCC) & 1 << 17)) continue;", [], 5, "it polls RCC.CR"),
        ("", [], 0, ""),
        ("", ["--until", "y"], 5, "'y' was not said: the core sleeps (WFI)"),
        ("SEMIHOSTING(0x20, ((uint32_t[]){0x20026, 42}));", [], 42, "status 42"),
        ("SEMIHOSTING(0x20, ((uint32_t[]){0x20026, 1000}));", [], 255, "status 1000"),
        ("SEMIHOSTING(0x20, ((uint32_t[]){0x20026, -1u}));", [], 255, "status -1 (semihosting)"),
        ("SEMIHOSTING(0x18, 0x20026);", [], 0, ""),
        ("SEMIHOSTING(0x18, 0x20026);", ["--until", "y"], 1, "'y' was not said"),
        ("REGISTER(0x40006C00) = 1;", [], 0, ""),
        ("REGISTER(0x40006C00) = 1;", ["--strict"], 6, "CEC.CR, written by main+"),
        ("REGISTER(0xE000ED14) |= 1 << 3;", ["--strict"], 6, "CCR.UNALIGN_TRP is accepted"),
        ("REGISTER(0xE000ED14) |= 1 << 4;", ["--strict"], 6, "CCR.DIV_0_TRP is accepted"),
        ('usart1_on(); print("y"); for (;;);', ["--strict", "--until", "y"], 0, ""),
    ],
)
def test_each_exit_status(body: str, arguments: list[str], status: int, said: str) -> None:
    done = emulate(f"int main(void) {{ {body} }}", *arguments)
    assert done.returncode == status, done.stdout + done.stderr
    assert said in done.stderr
    assert bool(done.stderr) == bool(said)


def test_what_is_not_modelled_is_named_once_with_its_function() -> None:
    done = emulate(
        "int main(void) { set_up_tick(); set_up_tick(); }",
        before="__attribute__((noinline)) void set_up_tick(void) "
        "{ REGISTER(0x40006C00) = 1; REGISTER(0x40006C10) = 9; }",
    )
    named = [line for line in done.stdout.splitlines() if "CEC" in line]
    assert len(named) == 2
    assert named[1].startswith("-- CEC is not modelled: CEC.ISR, written by set_up_tick+")


PIN = """
int main(void) {
  usart1_on();
  REGISTER(RCC + 0x30) |= 1 << 8;
  for (uint32_t before = 0;;) {
    uint32_t level = REGISTER(0x40022010) >> 11 & 1;
    if (level != before) print(level ? "pressed\\n" : "released\\n");
    before = level;
  }
}
"""


def test_pins_are_driven_from_the_start_and_later() -> None:
    done = emulate(PIN, "--drive", "PI11=high@10ms", "--drive", "pi11=released@20ms", "--until", "released")
    assert done.stdout.splitlines()[:2] == ["pressed", "released"]
    assert done.returncode == 0
    done = emulate(PIN, "--drive", "PI11=high", "--until", "pressed")
    assert re.search("at 0.00.* 'pressed' was said", done.stdout)


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("PI11", "'PI11' says no level; give PI11=high, low or released."),
        ("PI11=up", "says no level"),
        ("PZ1=high", "there is no pin 'PZ1'"),
        ("PI11=high@soon", "'soon' is no duration"),
    ],
)
def test_what_drives_no_pin(value: str, said: str) -> None:
    done = emulate(PIN, "--drive", value)
    assert (done.returncode, said in done.stderr) == (2, True), done.stderr


def test_who_has_reset_the_chip_is_told() -> None:
    watchdog = "REGISTER(0x40003000) = 0x5555; REGISTER(0x40003008) = 99; REGISTER(0x40003000) = 0xCCCC;"
    done = emulate(f"int main(void) {{ {watchdog} for (;;) continue; }}", "--for", "60ms")
    assert "the independent watchdog has reset the chip 4 times; what is counted is since the last" in done.stdout
    source = "int main(void) { if (!(REGISTER(RCC + 0x74) & 1 << 28)) REGISTER(0xE000ED0C) = 0x05FA0004; }"
    assert "-- the program has reset the chip 1 time; what is" in emulate(source).stdout


BOTH = 'int main(void) { SEMIHOSTING(4, "one\\nrest"); usart1_on(); print("two\\n"); SEMIHOSTING(4, " of it"); }'


def test_places_stand_before_lines_once_there_are_two() -> None:
    assert emulate(BOTH).stdout.splitlines()[:3] == ["one", "USART1: two", "semihosting: rest of it"]


def test_one_place_alone() -> None:
    assert emulate(BOTH, "--uart", "usart1", "--until", "two").stdout.splitlines()[0] == "two"
    assert emulate(BOTH, "--uart", "usart1", "--until", "one").returncode == 5
    done = emulate(BOTH, "--uart", "usart9")
    assert done.returncode == 2
    assert "no UART 'usart9'. Choose one of: USART1" in done.stderr


def test_what_a_program_says_commands_neither_terminal_nor_ci() -> None:
    said = emulate('int main(void) { SEMIHOSTING(4, "\\x1b[2J::error::x\\n::warning::y\\n"); }').stdout
    assert "\x1b" not in said
    assert not any(line.startswith("::") for line in said.splitlines())


def test_files_below_a_folder(tmp_path: Path) -> None:
    source = """
int main(void) {
  uint32_t file = SEMIHOSTING(1, ((uint32_t[]){(uint32_t)"log", 4, 3}));
  SEMIHOSTING(5, ((uint32_t[]){file, (uint32_t)"kept", 4}));
  SEMIHOSTING(0x18, 0x20026);
}
"""
    done = emulate(source)
    assert "-- semihosting: the file 'log' is refused: no folder is given for files" in done.stdout
    assert emulate(source, "--files", tmp_path).returncode == 0
    assert (tmp_path / "log").read_text() == "kept"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--for", "soon"], "'soon' is no duration"),
        (["--for", "-1s"], "'-1s' is no duration"),
        (["--wall", "0"], "'0' is no duration"),
        (["--target", "host"], "'host' is not one of"),
        (["--until", ""], "'--until': it is empty; is it a variable that is not set?"),
        (["--uart", ""], "'--uart': it is empty"),
        (["--target", "renode", "--clock-model", "m7"], "the target renode has no clock model"),
        (["--parameters", __file__], "Mend it, or measure again"),
    ],
)
def test_calls_that_are_wrong(arguments: list[str], said: str) -> None:
    done = emulate(GREETS, *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr


@pytest.mark.parametrize(
    ("body", "arguments", "status", "program_status", "error"),
    [
        ("SEMIHOSTING(0x20, ((uint32_t[]){0x20026, 1000}));", [], 255, 1000, "it ended with status 1000"),
        ("SEMIHOSTING(0x18, 0x20026);", [], 0, 0, None),
        ("REGISTER(0x60000000) = 1;", [], 4, None, "HARD_FAULT at 0x"),
        ("REGISTER(0x40006C00) = 1;", ["--strict"], 6, None, "the program used what is not modelled: CEC is not"),
        ("", ["--until", "y"], 5, None, "'y' was not said: the core sleeps"),
    ],
)
def test_json_tells_the_commands_status_and_the_programs(
    body: str, arguments: list[str], status: int, program_status: int | None, error: str | None
) -> None:
    done = emulate(f"int main(void) {{ {body} }}", "--json", *arguments)
    said = json.loads(done.stdout)
    assert "status" not in said
    assert (done.returncode, said["exit_status"], said["program_status"]) == (status, status, program_status)
    assert said["error"] == error or (said["error"] or "").startswith(error or "?")


def test_each_json_field_is_in_the_documentation() -> None:
    page = (Path(__file__).parents[2] / "docs" / "emulate.md").read_text()
    said = json.loads(emulate(GREETS, "--json").stdout)
    assert [name for name in said if f"`{name}`" not in page] == []


def test_the_text_that_was_not_said_is_named_where_the_time_is_over() -> None:
    done = emulate("int main(void) { usart1_on(); for (;;) put(0); }", "--until", "ready", "--for", "5ms")
    assert (
        "-- at 0.005000 s of virtual time: 0.005 s of virtual time are over, and 'ready' was not said" in done.stdout
    )


FAULTS = "int main(void) { for (;;) { REGISTER(0x60000000) = 1; pause_for(99); } }"
COMES_BACK = (
    'void __attribute__((naked)) hard_fault(void) { __asm volatile("ldr r0, [sp, #24]\\n adds r0, #2\\n '
    'str r0, [sp, #24]\\n bx lr"); }'
)


def test_a_remark_that_repeats_is_one_line_with_its_number() -> None:
    done = emulate(FAULTS, "--for", "1ms", before=COMES_BACK)
    assert done.returncode == 0
    found = [line for line in done.stdout.splitlines() if "HARD_FAULT" in line]
    assert len(found) == 1
    counted = re.search(
        r"HARD_FAULT at 0x0800\w+ in main \(program.c:2\): store to 0x60000000 \((\d+) times\)", found[0]
    )
    assert counted is not None
    assert int(counted[1]) > 20
    assert done.stdout.splitlines()[-1].startswith(f"-- it took {counted[1]} faults")


def test_a_run_that_time_ends_in_a_faults_handler_says_so_at_last() -> None:
    reports = "void hard_fault(void) { for (;;) REGISTER(0x20000000)++; }"
    done = emulate("int main(void) { REGISTER(0x60000000) = 1; }", "--for", "1ms", before=reports)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines()[-1] == "-- it took 1 fault, and at the end it was in a fault's handler"


def test_the_error_of_a_fault_is_its_first_half() -> None:
    done = emulate("int main(void) { REGISTER(0x60000000) = 1; }")
    whole = done.stdout.splitlines()[0].partition("virtual time: ")[2]
    assert "in main (program.c:2): store to 0x60000000; the core runs at" in whole
    assert whole.count("store to") == 1
    assert done.stderr == f"error: {whole.partition('; the core')[0]}. Look there with --gdb.\n"


def test_a_terminal_gets_lines_wrapped_and_a_pipe_does_not(monkeypatch: pytest.MonkeyPatch) -> None:
    shown: list[str] = []
    monkeypatch.setattr(program_end.click, "echo", lambda line, err: shown.append(line))
    monkeypatch.setenv("COLUMNS", "40")
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    program_end.mark("word " * 20)
    monkeypatch.setattr(sys.stdout, "isatty", lambda: False, raising=False)
    program_end.mark("word " * 20)
    wrapped, whole = shown
    assert max(map(len, wrapped.splitlines())) <= 40
    assert " ".join(wrapped.split()) == whole == f"-- {'word ' * 19}word"


def test_what_is_interrupted_tells_how_far_it_came() -> None:
    elf = c_programs.build('int main(void) { usart1_on(); print("on\\n"); for (;;) REGISTER(0x20000000)++; }')
    call = [sys.executable, "-u", "-c", "from renode_mnist.cli import main; main()", "emulate", str(elf)]
    with subprocess.Popen(call, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as running:
        assert running.stdout is not None
        assert running.stdout.readline() == "on\n"
        running.send_signal(signal.SIGINT)
        said, errors = running.communicate(timeout=60)
    assert (running.returncode, errors.strip()) == (130, "Interrupted.")
    assert re.fullmatch(
        r"-- interrupted at \d\.\d{6} s of virtual time\n-- \d+ instructions on .* in main \(program.c:1\)\n",
        said,
    )


def test_what_is_no_elf_for_this_chip_is_refused() -> None:
    done = call(__file__)
    assert (done.returncode, done.stdout) == (2, "")
    assert "is no ELF file" in done.stderr


SURROUNDED = """
static void wait(uint32_t status, uint32_t flag) {
  while (!(REGISTER(status) & flag)) continue;
}
int main(void) {
  usart1_on();
  REGISTER(0x40013C00) = 7;
  print_hex(REGISTER(0x40013C00));
  REGISTER(RCC + 0x44) |= 1 << 8;
  REGISTER(0x40012008) = 1;
  REGISTER(0x40012008) = 1 | 1 << 30;
  wait(0x40012000, 2);
  print_hex(REGISTER(0x4001204C));
  REGISTER(RCC + 0x40) |= 1 << 21;
  REGISTER(0x40005410) = 79 | 79 << 8;
  REGISTER(0x40005400) = 1;
  REGISTER(0x40005404) = 0x48 << 1 | 1 << 10 | 1 << 16 | 1 << 25 | 1 << 13;
  wait(0x40005418, 4);
  print_hex(REGISTER(0x40005424));
}
"""
AROUND = """
from renode_mnist.stm32f746.devices import I2cDevice
from renode_mnist.stm32f746.peripheral import Peripheral


class Doubler(Peripheral):
    def __init__(self):
        super().__init__("DOUBLER")

    def read(self, offset):
        return 2 * self.registers[offset]


class Sensor(I2cDevice):
    def read(self):
        return 0x5A


class Broken(Peripheral):
    def __init__(self):
        super().__init__("BROKEN")

    def read(self, offset):
        return self.nothing


def volts(seconds):
    return 1.65
"""


def test_what_is_around_the_chip(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "around.py").write_text(AROUND)
    wired = ("--device", "around:Sensor@I2C1:0x48", "--analog", "PA0=around:volts", "--strict")
    done = emulate(SURROUNDED, "--peripheral", "around:Doubler@0x40013C00", *wired)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[:3] == ["0000000e", "00000800", "0000005a"]
    done = emulate(SURROUNDED, "--peripheral", "around:Broken@0x40013C00")
    assert done.returncode == 2
    assert "Broken.read of around failed: AttributeError: 'Broken' object has no attribute 'nothing'" in done.stderr
    assert "(around.py line 24)" in done.stderr
    done = emulate(SURROUNDED, "--peripheral", "around:Nobody@0x40013C00")
    assert (done.returncode, "has no class Nobody" in done.stderr) == (2, True)
