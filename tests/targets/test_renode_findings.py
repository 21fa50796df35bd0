"""What is read out of Renode's log; the lines are of Renode 1.16.1."""

from __future__ import annotations

import pytest

from renode_mnist.targets.renode_findings import Findings
from renode_mnist.targets.renode_process import _EXPECTED


def lacking(line: str) -> tuple[str, ...]:
    return Findings.of(line, lambda _address: " in main+0x4c").lacking


def test_an_address_without_memory_lacks_its_fault() -> None:
    said = lacking(
        "12:00:00.0000 [WARNING] sysbus: [cpu: 0x80002B8] WriteDoubleWord to non existing peripheral at 0x60000000, "
        "value 0x1."
    )
    assert said == ("the fault at an address without memory is not modelled: 0x60000000, written by main+0x4c",)


def test_a_peripheral_that_is_not_there_is_named_by_its_register() -> None:
    said = lacking(
        "12:00:00.0000 [WARNING] sysbus: [cpu: 0x80002B8] ReadDoubleWord from non existing peripheral at 0x40007400."
    )
    assert said == ("DAC is not modelled: DAC.CR, read by main+0x4c, does nothing in Renode",)


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("Changing value of the SHCSR register to 0x10000, but only bits [16:18] are supported", True),
        ("Changing value of the SHCSR register to 0x70000, but only bits [16:18] are supported", True),
        ("Changing value of the SHCSR register to 0x70002, but only bits [16:18] are supported", False),
    ],
)
def test_enabling_the_handlers_of_faults_is_no_finding(line: str, expected: bool) -> None:
    assert bool(_EXPECTED.search(f"12:00:00.0000 [WARNING] nvic: {line}")) is expected
