"""A peripheral of a user's own: what docs/own-peripheral.md shows works, and what cannot be is refused in words."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import c_programs
import snippets
from renode_mnist import open_program, paths
from renode_mnist.errors import TargetError
from renode_mnist.stm32f746 import snapshot
from renode_mnist.stm32f746.machine import Machine
from renode_mnist.stm32f746.peripherals.own import own_peripheral

PAGE = (paths.root() / "docs" / "own-peripheral.md").read_text()
PLACE = "0x40013C00"


def block(language: str, index: int = 0) -> str:
    found: list[str] = re.findall(f"```{language}\n(.*?)```", PAGE, re.DOTALL)
    return found[index]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, empty; modules in it are found and forgotten."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    return tmp_path


def written(folder: Path, name: str, text: str) -> str:
    (folder / f"{name}.py").write_text(text)
    return name


def own(folder: Path, name: str, body: str, place: str = PLACE) -> str:
    """A class ``Own`` with a body of one's choice."""
    text = (
        "from renode_mnist.stm32f746.peripheral import Peripheral\n\n\nclass Own(Peripheral):\n"
        f"    def __init__(self):\n        super().__init__('OWN')\n\n{body}"
    )
    return f"{written(folder, name, text)}:Own@{place}"


def test_the_example_of_the_page_runs(folder: Path) -> None:
    written(folder, "thermometer", block("python"))
    elf = c_programs.build(f'#include "interrupts.h"\n{block("c")}')
    with open_program(elf, peripherals=[f"thermometer:Thermometer@{PLACE}"]) as program:
        assert program.wait_for_line("25 degrees") == "25 degrees"
        assert program.target.lacking() == ()


def test_the_example_of_a_device_runs(folder: Path) -> None:
    written(folder, "sensor", block("python", 1))
    with open_program(c_programs.build(block("c", 1)), devices=["sensor:Sensor@I2C1:0x48"]) as program:
        assert program.wait_for_line("0000005a") == "0000005a"
        assert program.wait_for_line(".*") == "00000015"
        assert program.target.lacking() == ()


@pytest.mark.parametrize("in_python", [False, True])
def test_its_time_passes_and_a_snapshot_keeps_it(folder: Path, in_python: bool) -> None:
    written(folder, "thermometer2", block("python"))
    elf = c_programs.build("int main(void) { REGISTER(0x40013C00) = 1; while (!REGISTER(0x40013C04)) continue; }")
    machine = Machine(
        elf, python_models=in_python, own_peripherals=[own_peripheral(f"thermometer2:Thermometer@{PLACE}")]
    )
    machine.run_for(99e-6)
    assert machine.own["THERMOMETER"].read(4) == 0
    if not in_python:
        twin = snapshot.copy(machine)
        twin.run_for(4e-6)
        assert twin.own["THERMOMETER"].read(4) == 25
    machine.run_for(4e-6)
    assert machine.own["THERMOMETER"].read(4) == 25


def test_it_stands_in_for_one_of_the_chips_with_its_clock_gate(folder: Path) -> None:
    text = (
        "from renode_mnist.stm32f746.peripheral import Peripheral\n\n\nclass Crc(Peripheral):\n"
        "    def __init__(self):\n        super().__init__('CRC', {0: 7})\n"
    )
    place = f"{written(folder, 'other_crc', text)}:Crc@0x40023000"
    elf = c_programs.build(
        """static volatile uint32_t seen[2];
int main(void) { seen[0] = REGISTER(0x40023000); REGISTER(RCC + 0x30) |= 1 << 12; seen[1] = REGISTER(0x40023000); }"""
    )
    machine = Machine(elf, own_peripherals=[own_peripheral(place)])
    machine.run_for(0.001)
    assert snippets.words(machine, snippets.symbol(elf, "seen"), 2) == [0, 7]


def test_two_of_one_class_have_places_and_names_of_their_own(folder: Path) -> None:
    first = own(folder, "twice", "    pass\n")
    second = "twice:Own@0x40014C00"
    elf = c_programs.build("int main(void) { REGISTER(0x40013C00) = 1; REGISTER(0x40014C00) = 2; }")
    machine = Machine(elf, own_peripherals=[own_peripheral(first), own_peripheral(second)])
    machine.run_for(0.001)
    assert {name: each.read(0) for name, each in machine.own.items()} == {"OWN": 1, "OWN@0x40014c00": 2}


def test_bits_that_it_does_not_model_are_named(folder: Path) -> None:
    place = own(folder, "partly", "    unmodelled = {4: {'FAST': 1 << 3}}\n")
    elf = c_programs.build("int main(void) { REGISTER(0x40013C04) = 7; REGISTER(0x40013C04) = 8; }")
    machine = Machine(elf, own_peripherals=[own_peripheral(place)])
    machine.run_for(0.001)
    [said] = machine.log.lacking
    assert said.startswith("OWN+0x4.FAST is not modelled: set by main")


LOOP = "int main(void) { for (;;) (void)REGISTER(0x40013C00); }"


@pytest.mark.parametrize("in_python", [False, True])
@pytest.mark.parametrize(
    ("name", "body", "said"),
    [
        ("raises", "    def read(self, offset):\n        return 1 // offset\n",
         r"Own.read of raises failed: ZeroDivisionError: .*\(raises.py line 9\)\. That is a class of your own"),
        ("nothing", "    def read(self, offset):\n        pass\n", "Own.read returned None and no register's value"),
        ("resets", "    def clock_changed(self):\n        [][0]\n", r"Own.clock_changed of resets failed: Index"),
        ("late", "    def connected(self, slot):\n        super().connected(slot)\n        slot.after(10)\n\n"
         "    def due(self, what):\n        raise ValueError('no\\nmore')\n",
         r"Own.due of late failed: ValueError: no more \(late.py line 13\)"),
        ("leaves", "    def read(self, offset):\n        raise SystemExit(3)\n",
         r"Own.read of leaves failed: SystemExit: 3 \(leaves.py line 9\)"),
        ("wide", "    def read(self, offset):\n        return 1 << 32\n",
         "Own.read returned 4294967296 and no regis"),
        ("position", "    interrupts = (42,)\n\n"
         "    def read(self, offset):\n        self.slot.set_interrupt(True, 42)\n",
         r"Own.read of position failed: ValueError: line 42 of 1: it is counted from 0"),
    ],
)  # fmt: skip
def test_what_fails_within_it_names_the_line(folder: Path, name: str, body: str, said: str, in_python: bool) -> None:
    own_one = own_peripheral(own(folder, f"{name}", body))
    elf = c_programs.build(f"int main(void) {{ REGISTER(RCC + 8) = 0x1000; {LOOP[17:]}")
    with pytest.raises(TargetError, match=said):
        Machine(elf, own_peripherals=[own_one], python_models=in_python).run_for(0.001)


@pytest.mark.parametrize(
    ("place", "said"),
    [
        ("nosuch_module:Own@0x40013C00", "there is no module nosuch_module"),
        ("json:Own@0x40013C00", r"json \(.*\) has no class Own"),
        ("json:JSONDecoder@0x40013C00", "JSONDecoder of json .* is no Peripheral"),
        ("json:loads@0x40013C00", "loads of json .* is no Peripheral"),
        ("json@0x40013C00", "'json' names no class"),
        ("json:Own", "'json:Own' names no peripheral and its address"),
        ("json:Own@here", "'here' in .* is no address"),
    ],
)
def test_what_is_no_peripheral_is_refused(place: str, said: str) -> None:
    with pytest.raises(TargetError, match=said):
        own_peripheral(place)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("import nosuch_thing", r"cannot be imported: ModuleNotFoundError: .*nosuch_thing"),
        ("x = (", r"cannot be imported: SyntaxError: .*\(broken\d.py line 1\)"),
        ("def f():\n    1 / 0\n\n\nf()", r"ZeroDivisionError: division by zero \(broken\d.py line 2\)"),
        ("raise SystemExit(3)", r"cannot be imported: SystemExit: 3 \(broken\d.py line 1\)"),
    ],
)
def test_a_module_that_fails_says_where(folder: Path, text: str, said: str, request: pytest.FixtureRequest) -> None:
    name = f"broken{len(text)}"
    with pytest.raises(TargetError, match=said.replace(r"\d", str(len(text)))):
        own_peripheral(f"{written(folder, name, text)}:Own@{PLACE}")


@pytest.mark.parametrize(
    ("place", "said"),
    [
        ("0x40013C04", "OWN cannot be at 0x40013c04 with 1024 bytes"),
        ("0x60000000", "Its address and size must be multiples of 1024"),
        ("0x40011000", "OWN cannot be at 0x40011000: USART1 is there"),
        ("0x40020400", "GPIOB is there"),
        ("0x40023800", "RCC is there"),
        ("0x40026400", "DMA2 is there"),
        ("0xE000E000", "the core's own bus is there"),
    ],
)
def test_an_address_where_it_cannot_be_is_refused(folder: Path, place: str, said: str) -> None:
    taken = own(folder, "placed", "    pass\n", place)
    with pytest.raises(TargetError, match=said):
        Machine(c_programs.build(LOOP), own_peripherals=[own_peripheral(taken)])


def test_two_at_one_address_and_a_name_of_another_place_are_refused(folder: Path) -> None:
    elf, first = c_programs.build(LOOP), own_peripheral(own(folder, "shared", "    pass\n"))
    with pytest.raises(TargetError, match="cannot be at 0x40013c00: OWN is there"):
        Machine(elf, own_peripherals=[first, first])
    named_crc = "from renode_mnist.stm32f746.peripheral import Peripheral\n\n\nclass Own(Peripheral):\n"
    named_crc += "    def __init__(self):\n        super().__init__('CRC')\n"
    with pytest.raises(TargetError, match="cannot be called CRC, which the chip has elsewhere"):
        Machine(elf, own_peripherals=[own_peripheral(f"{written(folder, 'misnamed', named_crc)}:Own@{PLACE}")])


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("    def __init__(self, more):\n        pass\n", "Own cannot be made: TypeError"),
        ("    def __init__(self):\n        pass\n", "Own has no name"),
    ],
)
def test_a_class_that_cannot_be_made_says_so(folder: Path, body: str, said: str) -> None:
    text = f"from renode_mnist.stm32f746.peripheral import Peripheral\n\n\nclass Own(Peripheral):\n{body}"
    place = own_peripheral(f"{written(folder, f'unmade{len(body)}', text)}:Own@{PLACE}")
    with pytest.raises(TargetError, match=said):
        Machine(c_programs.build(LOOP), own_peripherals=[place])


@pytest.mark.parametrize(
    ("interrupts", "said"),
    [
        ("(98,)", "OWN has its interrupt at position 98, which the NVIC does not have. Positions go from 0 to 97"),
        ("(0, -1)", "at position -1"),
        ("42", r"the interrupts of OWN are 42\. Give a tuple"),
    ],
)
def test_an_interrupt_that_can_never_come_is_refused(folder: Path, interrupts: str, said: str) -> None:
    place = own(folder, f"never{len(interrupts)}", f"    interrupts = {interrupts}\n")
    with pytest.raises(TargetError, match=said):
        Machine(c_programs.build(LOOP), own_peripherals=[own_peripheral(place)])


def test_a_loop_that_polls_it_is_told_by_its_name(folder: Path) -> None:
    elf = c_programs.build("int main(void) { while (!REGISTER(0x40013C04)) continue; }")
    place = own(folder, "polled", "    steady = True\n")
    with open_program(elf, peripherals=[place]) as program:
        over = program.run(1.0)
    assert "it polls OWN+0x4 (0x40013c04), which reads 0x0" in over.text


def test_renode_takes_none() -> None:
    with pytest.raises(TargetError, match="the target renode takes no peripherals of your own"):
        open_program(c_programs.build(LOOP), "renode", peripherals=["json:Own@0x40013C00"])
