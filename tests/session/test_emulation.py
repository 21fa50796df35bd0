"""A program that knows nothing of this project: what is heard of it, where it ends, what its functions cost."""

from __future__ import annotations

import math
import shutil
import signal
import socket
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import c_programs
import snippets
from renode_mnist.errors import ElfError, RenodeMnistError, TargetError, TargetTimeout
from renode_mnist.session import deadline
from renode_mnist.session import emulation as emulation_module
from renode_mnist.session.emulation import Emulation, Over, Reason
from renode_mnist.session.emulation_opening import open_emulation
from renode_mnist.session.target_options import ProgramOptions, TargetOptions
from renode_mnist.targets.embedded_elf import EmbeddedElf

ECHO = """
static volatile char received;
void usart1(void) { received = (char)REGISTER(USART1 + 0x24); }
__attribute__((noinline)) static int add(int a, int b) { return a + b; }
__attribute__((noinline)) static int down(int n) { return n ? add(down(n - 1), n) : 0; }
__attribute__((noinline)) static void never(void) { put('!'); }
int main(void) {
  usart1_on();
  REGISTER(0xE000E104) = 1 << 5;
  print("ready\\nsum ");
  print_hex(down(6));
  for (;;) {
    while (!received) __asm volatile("wfi");
    char character = received;
    received = 0;
    if (character == '~') never();
    if (character == '\\r') print("\\r\\n"); else put(character);
  }
}
"""


@pytest.fixture
def echo() -> Emulation:
    return open_emulation(c_programs.build(ECHO))


def end_of(
    body: str, seconds: float | None = 5.0, before: str = "", wall: float | None = 20.0
) -> tuple[Emulation, Over]:
    """A program whose `main` has this body, run to its end."""
    emulation = open_emulation(c_programs.build(f"{before}\nint main(void) {{ {body} }}"))
    with emulation:
        return emulation, emulation.run(seconds, wall_seconds=wall)


# Lines


def test_lines_are_awaited_one_behind_the_other(echo: Emulation) -> None:
    with echo:
        assert echo.wait_for_line("ready") == "ready"
        assert echo.wait_for_line("sum 0*(.*)", "usart1") == "sum 00000015"
        echo.write_line("hello", "USART1")
        assert echo.wait_for_line("h.*o") == "hello"
        with pytest.raises(TargetTimeout, match=r"no line that 'ready' matches came on any UART: .*'hello'"):
            echo.wait_for_line("ready", seconds=0.1)


def test_what_does_not_match_as_a_whole_does_not_match(echo: Emulation) -> None:
    with echo, pytest.raises(TargetTimeout):
        echo.wait_for_line("read", seconds=0.5)


def test_a_wait_tells_at_once_that_nothing_can_come(echo: Emulation) -> None:
    with echo, pytest.raises(TargetTimeout, match=r"sleeps \(WFI\) at .* in main.*nothing is to come"):
        echo.wait_for_line("other", seconds=1e6)


def test_uarts_that_are_not_there_are_refused_by_name(echo: Emulation) -> None:
    with echo:
        with pytest.raises(TargetError, match=r"no UART 'usart9'. Choose one of: USART1"):
            echo.write_line("x", "usart9")
        with pytest.raises(TargetError, match="no UART 'usart9'"):
            echo.wait_for_line("x", "usart9")


def test_control_characters_of_the_last_lines_are_escaped() -> None:
    with (
        open_emulation(
            c_programs.build('int main(void) { usart1_on(); print("foo\\r!\\r\\n\\x1b[2J"); }')
        ) as emulation,
        pytest.raises(TargetTimeout) as silence,
    ):
        emulation.wait_for_line("bar")
    assert str(silence.value).endswith(r"The last lines were 'foo\r!', '\x1b[2J'.")


def test_the_end_of_a_line_can_be_chosen(echo: Emulation) -> None:
    with echo:
        echo.wait_for_line("sum .*")
        echo.write_line("a", "usart1", ending="\r")
        assert echo.wait_for_line(".*a") == "a"


def test_a_pattern_that_is_no_expression_is_refused_with_it(echo: Emulation) -> None:
    with echo, pytest.raises(RenodeMnistError, match=r"'\(ready' is no regular expression \(missing \)"):
        echo.wait_for_line("(ready")


@pytest.mark.parametrize("seconds", [-1.0, math.nan, math.inf])
def test_times_that_are_none_are_refused(echo: Emulation, seconds: float) -> None:
    with echo:
        with pytest.raises(TargetError, match="are no time to run for"):
            echo.run(seconds)
        with pytest.raises(TargetError, match="are no time to run for"):
            echo.run_until_function("never", seconds)


def test_a_receiver_that_is_off_is_told() -> None:
    with open_emulation(c_programs.build(ECHO.replace("usart1_on();", ""))) as emulation:
        emulation.write_line("x", "usart1")
        with pytest.raises(TargetTimeout, match=r"USART1 was written to, but the program does not receive there"):
            emulation.wait_for_line("x", seconds=0.01)
        during = emulation.remarks()
    assert any(remark.startswith("USART1 was written to, but") for remark in during)
    assert emulation.remarks() == during


def test_a_receiver_that_is_on_is_not(echo: Emulation) -> None:
    with echo:
        echo.wait_for_line("ready")
        echo.run(0.01)
        echo.write_line("x", "usart1")
        echo.wait_for_line(".*x")
        assert echo.remarks() == ()


# Functions


def test_a_run_to_a_function_ends_before_its_first_instruction(echo: Emulation) -> None:
    with echo:
        echo.run_until_function("down")
        assert echo.place().function == "down"
        assert echo.text.heard["USART1"].startswith(b"ready")
        echo.write_line("x", "USART1", ending="")
        with pytest.raises(TargetTimeout, match="'never' was not entered"):
            echo.run_until_function("never", 0.1)
        with pytest.raises(TargetError, match=r"no function 'dow'. Did you mean down"):
            echo.run_until_function("dow")


def test_a_functions_cost_is_that_of_its_outermost_call(echo: Emulation) -> None:
    with echo:
        costs = echo.function_cost("add")  # of the innermost call of `down`
    with open_emulation(c_programs.build(ECHO)) as again:
        whole = again.function_cost("down")
    assert costs.instructions == 2  # adds, bx
    assert costs.cycles is None
    # Each of the six calls of `down` that go on takes the same, `add` included.
    with open_emulation(c_programs.build(ECHO.replace("down(6)", "down(5)"))) as shorter:
        five = shorter.function_cost("down")
    with open_emulation(c_programs.build(ECHO.replace("down(6)", "down(4)"))) as shorter:
        four = shorter.function_cost("down")
    assert whole.instructions - five.instructions == five.instructions - four.instructions > 5


def test_modelled_cycles_are_told_with_their_clock_model() -> None:
    with open_emulation(c_programs.build(ECHO), options=TargetOptions(clock_model="m7")) as emulation:
        cost = emulation.function_cost("down")
    assert cost.cycles is not None
    assert cost.cycles > cost.instructions


# Ends


@pytest.mark.parametrize(
    ("body", "reason", "said"),
    [
        ("while (!(REGISTER(RCC) & 1 << 17)) continue;", Reason.HANG, "it polls RCC.CR"),
        ("while (!(REGISTER(0x50060804) & 1)) continue;", Reason.HANG, "it polls RNG.SR"),
        ("for (;;) continue;", Reason.REST, "in main"),
        ("", Reason.REST, "sleeps (WFI)"),
        ("REGISTER(0x60000000) = 1;", Reason.FAULT, "store to 0x60000000; the core runs at"),
        ("((void (*)(void))0x20000000)();", Reason.FAULT, "bit 0 clear"),
        ("SEMIHOSTING(0x20, ((uint32_t[]){0x20026, 3}));", Reason.EXIT, "status 3"),
        ("usart1_on(); for (;;) put('x');", Reason.TIME, "0.05 s of virtual time are over"),
    ],
)
def test_each_end_is_told(body: str, reason: Reason, said: str) -> None:
    emulation, over = end_of(body, 0.05)
    assert over.reason is reason
    assert said in over.text
    assert emulation.over is over
    assert (over.status == 3) == (reason is Reason.EXIT)


def test_an_end_is_found_however_long_the_program_has_computed_before() -> None:
    emulation, over = end_of(
        "uint32_t x = 1; for (int i = 0; i < 3000000; i++) x = x * 1103515245 + 12345; REGISTER(0x20000000) = x; "
        "for (;;) continue;"
    )
    assert over.reason is Reason.REST
    assert emulation.target.now() < 1.5


@pytest.mark.parametrize("seconds", [0.01, 0.013, 1e-13])
def test_runs_one_behind_the_other_come_to_their_ends(seconds: float) -> None:
    with open_emulation(c_programs.build("int main(void) { usart1_on(); for (;;) put('x'); }")) as emulation:
        run, called = emulation.target.run, 0

        def counted(*arguments: Any) -> Any:
            nonlocal called
            called += 1
            assert called < 1000, "it goes round without an end"
            return run(*arguments)

        emulation.target.run = counted  # type: ignore[method-assign]
        for _ in range(100):
            assert emulation.run(seconds).reason is Reason.TIME


SENDS = 'usart1_on(); print("ab"); while (!(REGISTER(USART1 + 0x1C) & 1 << 6)) continue;'


def test_a_loop_whose_event_has_just_come_is_not_said_to_be_endless() -> None:
    slowly = SENDS.replace("on();", "on(); REGISTER(USART1 + 12) = 16000;")
    body = f"{slowly} for (;;) REGISTER(0x20000000)++;"
    with open_emulation(c_programs.build(f"int main(void) {{ {body} }}")) as emulation:
        target = emulation.target
        assert isinstance(target, EmbeddedElf)
        machine = target.machine
        machine.run_for(0.015)  # the second byte is on the line, and the core waits for TC
        assert machine.loop is not None
        due = machine.scheduler.next_ps()
        assert due is not None
        machine.run_until(due)
        assert machine.scheduler.next_ps() is None
        assert machine.loop is None, "TC is set now"
        assert emulation.run(0.0).reason is Reason.TIME


def test_a_fault_handler_that_resets_the_chip_is_no_end_however_long_that_goes_on() -> None:
    emulation, over = end_of(
        "REGISTER(0x60000000) = 1;",
        0.5,
        before="void hard_fault(void) { pause_for(40000); REGISTER(0xE000ED0C) = 0x05FA0004; for (;;) continue; }",
    )
    assert over.reason is Reason.TIME, over.text
    assert "reset the chip" in emulation.target.remarks()[0]


def test_what_is_on_the_lines_at_an_exit_is_heard_and_the_exit_stays_the_end() -> None:
    body = 'usart1_on(); print("almost done"); SEMIHOSTING(0x20, ((uint32_t[]){0x20026, 7})); print("!");'
    with open_emulation(c_programs.build(f"int main(void) {{ {body} }}")) as emulation:
        assert emulation.run(1.0, emulation.text.wait_for(b"done", "")).reason is Reason.TEXT
        count = emulation.count()
        for _ in range(2):
            over = emulation.run(1.0)
            assert (over.reason, over.status) == (Reason.EXIT, 7)
        assert emulation.count() == count
    assert bytes(emulation.text.heard["USART1"]) == b"almost done"


def test_a_lockup_is_a_fault() -> None:
    _, over = end_of("REGISTER(0x60000000) = 1;", before="void hard_fault(void) { REGISTER(0x60000000) = 1; }")
    assert over.reason is Reason.FAULT
    assert "it locked up" in over.text


def test_a_handler_that_comes_back_is_no_end() -> None:
    _, over = end_of(
        "REGISTER(0x60000000) = 1; SEMIHOSTING(0x18, 0x20026);",
        before='void __attribute__((naked)) hard_fault(void) { __asm volatile("ldr r0, [sp, #24]\\n adds r0, #2\\n '
        'str r0, [sp, #24]\\n bx lr"); }',
    )
    assert over.reason is Reason.EXIT


def test_a_handler_that_reports_may_take_its_time() -> None:
    emulation, over = end_of(
        "REGISTER(0x60000000) = 1;",
        before='void hard_fault(void) { usart1_on(); for (int i = 0; i < 100; i++) print("fault report "); for (;;) '
        "REGISTER(0x20000000)++; }",
    )
    assert over.reason is Reason.FAULT
    assert len(emulation.text.heard["USART1"]) == 1300


def test_the_walls_time_has_a_message_of_its_own() -> None:
    _, over = end_of("for (;;) REGISTER(0x20000000)++;", None, wall=0.5)
    assert over.reason is Reason.WALL
    assert "0.5 s of this machine's time are over" in over.text


@pytest.mark.parametrize(
    ("body", "where"),
    [
        ("    def read(self, offset):\n        while True:\n            pass\n", "read"),
        ("    def write(self, offset, value):\n        while True:\n            pass\n", "write"),
        ("    def read(self, offset):\n        while True:\n            try:\n                [][0]\n"
         "            except Exception:\n                pass\n", "read"),
        ("    def write(self, offset, value):\n        self.slot.after(0)\n\n"
         "    def due(self, what):\n        self.slot.after(0)\n", ""),
    ],
)  # fmt: skip
def test_the_walls_time_ends_what_a_class_of_ones_own_never_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, body: str, where: str
) -> None:
    module = f"endless{len(body)}"
    (tmp_path / f"{module}.py").write_text(
        "from renode_mnist.stm32f746.peripheral import Peripheral\n\n\nclass Own(Peripheral):\n"
        f"    def __init__(self):\n        super().__init__('OWN')\n\n{body}"
    )
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(emulation_module, "_GRACE_SECONDS", 0.0)
    elf = c_programs.build("int main(void) { REGISTER(0x4000FC00) = 1; for (;;) (void)REGISTER(0x4000FC00); }")
    program = ProgramOptions(peripherals=(f"{module}:Own@0x4000FC00",))
    before = signal.getsignal(signal.SIGALRM)
    with open_emulation(elf, program=program) as emulation:
        over = emulation.run(None, wall_seconds=0.3)
        assert over.reason is Reason.WALL
        assert over.text.startswith("0.3 s of this machine's time are over, of virtual time 0.0000")
        assert not where or f"they went by in {where} ({module}.py line " in over.text
        assert emulation.target.now() < 0.001
    assert signal.getsignal(signal.SIGALRM) is before
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)


def test_a_timer_that_runs_already_is_left_alone() -> None:
    passed = []
    before = signal.signal(signal.SIGALRM, lambda *_: passed.append(1))
    signal.setitimer(signal.ITIMER_REAL, 600.0)
    try:
        with deadline.raised_after(0.001):
            assert signal.getitimer(signal.ITIMER_REAL)[0] > 1.0
        assert signal.getitimer(signal.ITIMER_REAL)[0] > 1.0
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert not passed


# What there is to see


def test_the_place_has_function_file_and_line() -> None:
    emulation, _ = end_of("REGISTER(0x20000000) = 1;\nfor (;;) continue;")
    place = emulation.place()
    assert (place.function, Path(place.file).name, place.line) == ("main", "program.c", 3)


@pytest.mark.parametrize("bytes_used", [40, 4000])
def test_the_deepest_stack_is_measured(bytes_used: int) -> None:
    emulation, _ = end_of(
        "use();",
        before=f"__attribute__((noinline)) void use(void) {{ volatile uint32_t array[{bytes_used} / 4];"
        f" for (int i = 0; i < {bytes_used} / 4; i++) array[i] = i; }}",
    )
    stack = emulation.stack()
    assert stack is not None
    assert bytes_used < stack.deepest_bytes < bytes_used + 40


def test_what_a_function_leaves_untouched_of_its_frame_is_stack_too() -> None:
    emulation, _ = end_of(
        "use();",
        before="__attribute__((noinline)) char use(void) { volatile char array[250000]; array[0] = 1; "
        "return array[0]; }",
    )
    stack = emulation.stack()
    assert stack is not None
    assert 250_000 < stack.deepest_bytes < 250_040


def test_a_heap_from_below_is_no_stack() -> None:
    emulation, _ = end_of(
        "use();",
        before="uint32_t* _sbrk(void) { return (uint32_t*)0x20000010; }"
        "__attribute__((noinline)) void use(void) { for (int i = 0; i < 500; i++) _sbrk()[i] = i; }",
    )
    stack = emulation.stack()
    assert stack is not None
    assert stack.deepest_bytes < 100


def test_an_overflow_of_the_stack_is_named() -> None:
    _, over = end_of(
        "deeper(0);",
        before="__attribute__((noinline)) int deeper(int n) { volatile char array[256]; array[0] = n; "
        "return deeper(n + 1) + array[0]; }",
    )
    assert over.reason is Reason.FAULT
    assert "stack overflow, " in over.text


def test_a_fault_on_another_stack_is_no_overflow() -> None:
    _, over = end_of(
        '__asm volatile("msr msp, %0" ::"r"(stack + 64)); REGISTER(0x60000000) = 1;', before="uint32_t stack[64];"
    )
    assert over.reason is Reason.FAULT
    assert "overflow" not in over.text


def test_without_sections_nothing_is_overwritten(tmp_path: Path) -> None:
    elf = tmp_path / "bare.elf"
    content = bytearray(c_programs.build("int main(void) {}").read_bytes())
    content[0x20:0x24] = content[0x30:0x34] = bytes(4)  # e_shoff, e_shnum with e_shstrndx
    elf.write_bytes(content)
    with open_emulation(elf) as emulation:
        assert emulation.run(0.01).reason is Reason.REST
        assert emulation.stack() is None
        assert str(emulation.place()).startswith("0x080")


def test_what_is_not_modelled_and_what_else_is_odd_is_told_apart() -> None:
    emulation, _ = end_of(
        "REGISTER(RCC + 0x44) |= 1 << 4; REGISTER(USART1 + 12) = 139; REGISTER(USART1) = 9; put('x');"
        "REGISTER(0x40006C00) = 1; REGISTER(0x40006C00) |= 1;"
    )
    assert len(emulation.target.lacking()) == 1
    assert "CEC.CR, written by main+" in emulation.target.lacking()[0]
    assert emulation.target.remarks() == (
        "USART1 sends, but no pin is switched to USART1_TX (AF7 of PA9 or PB6): on a board nothing is heard",
    )


def test_an_option_starts_locked() -> None:
    def counts(locked: bool) -> tuple[str, ...]:
        body = "REGISTER(0xE000EDFC) |= 1 << 24; REGISTER(0xE0001000) |= 1;"
        elf = c_programs.build(f"int main(void) {{ {body} }}")
        with open_emulation(elf, program=ProgramOptions(trace_locked=locked)) as emulation:
            emulation.run(0.01)
            return emulation.target.remarks()

    assert counts(False) == ()
    assert "DWT is locked" in counts(True)[0]


@pytest.mark.skipif(shutil.which("gdb-multiarch") is None, reason="gdb-multiarch is not installed")
def test_a_program_exits_also_in_a_debugger() -> None:
    elf = c_programs.build(
        'int main(void) { SEMIHOSTING(4, "hosted"); SEMIHOSTING(0x18, 0x20026); SEMIHOSTING(4, "!"); }'
    )
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    debuggers: list[subprocess.Popen[str]] = []

    def attach(_command: str) -> None:
        commands = (f"target remote localhost:{port}", "break main", "continue", "continue")
        call = ["gdb-multiarch", "-batch", "-nx", str(elf), *(word for each in commands for word in ("-ex", each))]
        debuggers.append(subprocess.Popen(call, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True))

    with open_emulation(elf, options=TargetOptions(gdb_port=port), waiting=attach) as emulation:
        over = emulation.run(10.0)
    assert (over.reason, bytes(emulation.text.heard["semihosting"])) == (Reason.EXIT, b"hosted")
    assert "exited normally" in debuggers[0].communicate(timeout=30)[0]


def test_a_clock_model_of_renode_is_refused(echo: Emulation) -> None:
    with pytest.raises(TargetError, match="the target renode has no clock model"):
        open_emulation(echo.elf, "renode", TargetOptions(clock_model="m7"))


def test_files_that_are_none_are_refused_as_a_programs_own(tmp_path: Path) -> None:
    with pytest.raises(ElfError, match=r"does not exist\. Give the ELF that the linker wrote") as missing:
        open_emulation(tmp_path / "no.elf")
    large = (
        "static char many[1 << 19]; int main(void) { for (int i = 0; i < 1 << 19; i++) many[i] = 1; print(many); }"
    )
    script = (snippets.FOLDER / "c_program.ld").read_text().replace("LENGTH = 320K", "LENGTH = 1M")
    (tmp_path / "script.ld").write_text(script)
    with pytest.raises(ElfError, match="See the linker's map for what takes the room") as too_large:
        open_emulation(c_programs.build(large, "-T", str(tmp_path / "script.ld")))
    assert "renode-mnist build" not in str(missing.value)
    assert "model" not in str(too_large.value)


def test_targets_that_run_no_others_programs_are_refused(echo: Emulation) -> None:
    with pytest.raises(TargetError, match="runs no program but this project's firmware"):
        open_emulation(echo.elf, "host")


def test_a_listener_hears_as_it_comes() -> None:
    heard: list[tuple[str, bytes]] = []
    hear: Callable[[str, bytes], None] = lambda place, data: heard.append((place, data))  # noqa: E731
    elf = c_programs.build('int main(void) { SEMIHOSTING(4, "one"); usart1_on(); print("two"); }')
    with open_emulation(elf, hear=hear) as emulation:
        emulation.run(0.01)
    assert heard == [("semihosting", b"one"), *(("USART1", bytes((byte,))) for byte in b"two")]
