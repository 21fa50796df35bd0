"""The ADCs: sequences, their times, flags, injected channels, DMA, and what they see."""

from __future__ import annotations

import math
import re
from pathlib import Path

import numpy as np
import pytest

import c_programs
import snippets
from renode_mnist.errors import TargetError
from renode_mnist.stm32f746 import snapshot
from renode_mnist.stm32f746.analog import Constant, Function, Samples, Source
from renode_mnist.stm32f746.analog_sources import analog_sources
from renode_mnist.stm32f746.machine import Machine
from renode_mnist.stm32f746.peripherals.adc import Adc
from renode_mnist.stm32f746.surroundings import Surroundings

HEAD = """
#include "interrupts.h"
#define ADC1 0x40012000u
#define ADC3 0x40012200u
#define COMMON 0x40012300u
#define SR 0x00
#define CR1 0x04
#define CR2 0x08
#define SQR1 0x2C
#define SQR3 0x34
#define JSQR 0x38
#define JDR1 0x3C
#define DR 0x4C
static volatile uint32_t seen[8], count;
static volatile uint16_t buffer[8];
static void on(void) { REGISTER(RCC + 0x44) |= 7 << 8; REGISTER(RCC + 0x30) |= 1 << 22; }
"""
WIRED: dict[str, Source] = {"PA0": Constant(1.65), "PA3": Constant(3.3), "PC2": Constant(0.33)}
HALF, FULL, TENTH = 2048, 4095, 410
HSI_PS = 62_500
BIT_PS = 2 * HSI_PS
"""ADCCLK: PCLK2 / 2."""


def machine_of(source: str, analog: dict[str, Source] | None = None, *, in_python: bool = False) -> Machine:
    surroundings = Surroundings(analog=WIRED if analog is None else analog)
    return Machine(c_programs.build(HEAD + source), python_models=in_python, surroundings=surroundings)


def ran(source: str, analog: dict[str, Source] | None = None, *, in_python: bool = False) -> list[int]:
    machine = machine_of(source, analog, in_python=in_python)
    machine.run_for(0.002)
    assert machine.log.text() == ""
    return words(machine, "seen", 8)


def words(machine: Machine, name: str, count: int) -> list[int]:
    return snippets.words(machine, snippets.symbol(machine.image.path, name), count)


def halves(machine: Machine, name: str = "buffer") -> list[int]:
    return [half for word in words(machine, name, 4) for half in (word & 0xFFFF, word >> 16)]


def adc_of(machine: Machine) -> Adc:
    adc = machine.bus.model("ADC")
    assert isinstance(adc, Adc)
    return adc


@pytest.mark.parametrize("in_python", [False, True])
def test_polling_as_the_vendor_does(in_python: bool) -> None:
    seen = ran(
        """
int main(void) {
  on();
  REGISTER(ADC1 + SQR3) = 3;
  REGISTER(ADC1 + CR2) = 1;
  REGISTER(ADC1 + CR2) |= 1 << 30;
  seen[3] = REGISTER(ADC1 + CR2);
  while (!(REGISTER(ADC1 + SR) & 2)) continue;
  seen[0] = REGISTER(ADC1 + SR);
  seen[1] = REGISTER(ADC1 + DR);
  seen[2] = REGISTER(ADC1 + SR);
  REGISTER(ADC3 + SQR3) = 12;
  REGISTER(ADC3 + CR1) = 1 << 24;
  REGISTER(ADC3 + CR2) = 1 | 1 << 30;
  while (!(REGISTER(ADC3 + SR) & 2)) continue;
  seen[4] = REGISTER(COMMON);
  seen[5] = REGISTER(ADC3 + DR);
  REGISTER(ADC1 + SR) = 0;
  seen[6] = REGISTER(ADC1 + SR);
  REGISTER(ADC1 + CR2) = 1 << 11 | 1 | 1 << 30;
  while (!(REGISTER(ADC1 + SR) & 2)) continue;
  seen[7] = REGISTER(ADC1 + DR);
}
""",
        in_python=in_python,
    )
    assert seen == [0x12, FULL, 0x10, 1, 0x12 << 16 | 0x10, TENTH >> 2, 0, FULL << 4]


@pytest.mark.parametrize(
    ("settings", "bits"),
    [
        ("", 3 + 12),
        ("REGISTER(ADC1 + 0x10) = 7;", 480 + 12),
        ("REGISTER(ADC1 + 0x10) = 2; REGISTER(ADC1 + CR1) = 3 << 24;", 28 + 6),
        ("REGISTER(COMMON + 4) = 3 << 16;", 4 * (3 + 12)),
    ],
)
def test_a_conversion_takes_its_sampling_and_a_cycle_a_bit(settings: str, bits: int) -> None:
    machine = machine_of(f"int main(void) {{ on(); {settings} REGISTER(ADC1 + CR2) = 1; }}")
    machine.run_for(0.001)
    machine.bus.write(0x4001_2008, 4, 1 | 1 << 30)
    start = machine.clock.now_ps()
    assert machine.scheduler.next_ps() == start + bits * BIT_PS
    machine.run_until(start + bits * BIT_PS - 1)
    assert machine.bus.read(0x4001_2000, 4) == 0x10
    machine.run_until(start + bits * BIT_PS)
    assert machine.bus.read(0x4001_2000, 4) == 0x12


SCAN_BY_DMA = """
static void half(void) { count++; REGISTER(0x40026408) = 0x3F; }
int main(void) {
  on();
  on_interrupt(56, half);
  REGISTER(0x40026418) = ADC1 + DR;
  REGISTER(0x4002641C) = (uint32_t)buffer;
  REGISTER(0x40026414) = 6;
  REGISTER(0x40026410) = 1 << 13 | 1 << 11 | 1 << 10 | %s | 1 << 4 | 1;
  REGISTER(ADC1 + CR1) = 1 << 8;
  REGISTER(ADC1 + SQR1) = 2 << 20;
  REGISTER(ADC1 + SQR3) = 3 | 12 << 5 | 0 << 10;
  REGISTER(ADC1 + CR2) = 1 | 1 << 1 | 1 << 8 | %s;
  REGISTER(ADC1 + CR2) |= 1 << 30;
}
"""


@pytest.mark.parametrize("in_python", [False, True])
def test_a_continuous_scan_by_dma_ends_without_overrun_where_dds_is_off(in_python: bool) -> None:
    machine = machine_of(SCAN_BY_DMA % ("0", "0"), in_python=in_python)
    machine.run_for(0.001)
    assert halves(machine) == [FULL, TENTH, HALF, FULL, TENTH, HALF, 0, 0]
    assert words(machine, "count", 1) == [1]
    assert machine.bus.read(0x4001_2000, 4) & 0x20 == 0


@pytest.mark.parametrize("in_python", [False, True])
def test_with_dds_a_circular_transfer_goes_on_and_one_that_ends_overruns(in_python: bool) -> None:
    machine = machine_of(SCAN_BY_DMA % ("1 << 8", "1 << 9"), in_python=in_python)
    machine.run_for(0.001)
    [before] = words(machine, "count", 1)
    machine.run_for(90 * 15 * BIT_PS / 1e12)
    assert words(machine, "count", 1) == [before + 15]
    machine = machine_of(SCAN_BY_DMA % ("0", "1 << 9"), in_python=in_python)
    machine.run_for(0.001)
    assert machine.bus.read(0x4001_2000, 4) & 0x20
    assert machine.scheduler.next_ps() is None, "an overrun ends conversions"


def test_each_conversion_of_a_scan_is_polled_with_eocs_and_a_lost_one_is_an_overrun() -> None:
    seen = ran(
        """
int main(void) {
  on();
  REGISTER(ADC1 + CR1) = 1 << 8;
  REGISTER(ADC1 + SQR1) = 1 << 20;
  REGISTER(ADC1 + SQR3) = 12 | 3 << 5;
  REGISTER(ADC1 + 0x0C) = REGISTER(ADC1 + 0x10) = 0x3FFFFFFF;
  REGISTER(ADC1 + CR2) = 1 | 1 << 10 | 1 << 30;
  for (int i = 0; i < 2; i++) {
    while (!(REGISTER(ADC1 + SR) & 2)) continue;
    seen[i] = REGISTER(ADC1 + DR);
  }
  REGISTER(ADC1 + CR2) |= 1 << 30;
  pause_for(1000);
  seen[2] = REGISTER(ADC1 + SR);
  seen[3] = REGISTER(ADC1 + DR);
}
"""
    )
    assert seen[:4] == [TENTH, FULL, 0x32, TENTH]


@pytest.mark.parametrize("in_python", [False, True])
def test_an_injected_sequence_interrupts_a_regular_one(in_python: bool) -> None:
    machine = machine_of(
        """
static void done(void) {
  if (REGISTER(ADC1 + SR) & 4) {
    seen[0] = REGISTER(ADC1 + JDR1);
    seen[1] = REGISTER(ADC1 + JDR1 + 4);
    REGISTER(ADC1 + SR) = ~(4u | 8);
    seen[2] = ++count;
  } else {
    seen[3] = REGISTER(ADC1 + DR);
    seen[4] = ++count;
  }
}
int main(void) {
  on();
  on_interrupt(18, done);
  REGISTER(ADC1 + 0x10) = 7;
  REGISTER(ADC1 + CR1) = 1 << 5 | 1 << 7 | 1 << 8;
  REGISTER(ADC1 + JSQR) = 1 << 20 | 3 << 10 | 12 << 15;
  REGISTER(ADC1 + 0x14) = 95;
  REGISTER(ADC1 + 0x18) = 411;
  REGISTER(ADC1 + CR2) = 1;
  REGISTER(ADC1 + CR2) |= 1 << 30;
  REGISTER(ADC1 + CR2) |= 1 << 22;
}
""",
        in_python=in_python,
    )
    machine.run_for(0.002)
    assert words(machine, "seen", 5) == [FULL - 95, 0xFFFF, 1, HALF, 2]


@pytest.mark.parametrize("in_python", [False, True])
def test_a_timers_trigger_output_samples_at_its_rate_into_memory(in_python: bool) -> None:
    taken: list[float] = []

    def volts(seconds: float) -> float:
        taken.append(seconds)
        return 0.1 * len(taken)

    machine = machine_of(
        """
int main(void) {
  on();
  REGISTER(RCC + 0x40) |= 1;                       /* TIM2 */
  REGISTER(0x40026400 + 0x18) = ADC1 + DR;         /* DMA2, stream 0 */
  REGISTER(0x40026400 + 0x1C) = (uint32_t)buffer;
  REGISTER(0x40026400 + 0x14) = 8;
  REGISTER(0x40026400 + 0x10) = 1 << 11 | 1 << 13 | 1 << 10 | 1;
  REGISTER(ADC1 + SQR3) = 0;
  REGISTER(ADC1 + CR2) = 1 | 1 << 8 | 1 << 28 | 11 << 24; /* DMA, rising edges of TIM2_TRGO */
  REGISTER(0x40000000 + 0x2C) = 1599;              /* 10 kHz of 16 MHz */
  REGISTER(0x40000000 + 0x04) = 2 << 4;            /* TRGO at the update */
  REGISTER(0x40000000 + 0x00) = 1;
  for (;;) __asm volatile("wfi");
}
""",
        {"PA0": Function(volts)},
        in_python=in_python,
    )
    machine.run_for(0.00085)
    assert machine.log.text() == ""
    assert halves(machine) == [124, 248, 372, 496, 620, 745, 869, 993]
    steps = np.diff(np.round(np.array(taken) * 1e9))
    assert steps.tolist() == [100_000] * 7, "nanoseconds"


def test_discontinuous_groups_wait_for_a_trigger_each() -> None:
    machine = machine_of(
        """
int main(void) {
  on();
  REGISTER(ADC1 + CR1) = 1 << 8 | 1 << 11 | 1 << 13;
  REGISTER(ADC1 + SQR1) = 2 << 20;
  REGISTER(ADC1 + SQR3) = 12 | 0 << 5 | 3 << 10;
  REGISTER(ADC1 + CR2) = 1 | 1 << 28 | 11 << 24;
}
"""
    )
    machine.run_for(0.001)
    adc, found = adc_of(machine), []
    for source in ("TIM2_TRGO", "TIM3_CC4", "TIM2_TRGO", "TIM2_TRGO"):
        adc.trigger(source)
        machine.run_for(0.0001)
        found.append((machine.bus.read(0x4001_2000, 4) & 2, machine.bus.read(0x4001_204C, 4)))
    assert found == [(0, HALF), (0, HALF), (2, FULL), (0, HALF)]


def test_the_watchdog_looks_at_one_channel_or_all() -> None:
    seen = ran(
        """
static void convert(int channel, uint32_t control) {
  REGISTER(ADC1 + SR) = 0;
  REGISTER(ADC1 + SQR3) = channel;
  REGISTER(ADC1 + CR1) = control;
  REGISTER(ADC1 + CR2) = 1 | 1 << 30;
  while (!(REGISTER(ADC1 + SR) & 2)) continue;
  seen[count++] = REGISTER(ADC1 + SR) & 1;
}
int main(void) {
  on();
  REGISTER(ADC1 + 0x24) = 3000;
  REGISTER(ADC1 + 0x28) = 1000;
  convert(0, 1 << 23);
  convert(3, 1 << 23);
  convert(12, 1 << 23);
  convert(12, 1 << 23 | 1 << 9 | 3);
  convert(3, 1 << 23 | 1 << 9 | 3);
  convert(3, 0);
}
"""
    )
    assert seen[:6] == [0, 1, 1, 0, 1, 0]


def test_reference_temperature_and_battery_fit_the_factorys_words() -> None:
    seen = ran(
        """
static uint32_t convert(int channel) {
  REGISTER(ADC1 + SQR3) = channel;
  REGISTER(ADC1 + CR2) = 1 | 1 << 30;
  while (!(REGISTER(ADC1 + SR) & 2)) continue;
  return REGISTER(ADC1 + DR);
}
int main(void) {
  on();
  seen[0] = convert(17);
  REGISTER(COMMON + 4) = 1 << 23;
  seen[1] = convert(17);
  seen[2] = convert(18);
  REGISTER(COMMON + 4) |= 1 << 22;
  seen[3] = convert(18);
  volatile uint16_t* words = (volatile uint16_t*)0x1FF0F44A;
  seen[4] = words[0];
  seen[5] = words[1];
  seen[6] = words[2];
  seen[7] = 30 + (80 * ((int32_t)seen[2] - (int32_t)seen[5])) / (int32_t)(seen[6] - seen[5]);
}
"""
    )
    assert seen[:4] == [0, seen[4], 943, 1024]  # 0.76 V, 3.3 V / 4
    assert seen[4:7] == [1502, 959, 1207]
    assert seen[7] == 25


READS = """
int main(void) {
  on();
  for (int i = 0; i < 4; i++) {
    REGISTER(ADC1 + CR2) = 1 | 1 << 30;
    while (!(REGISTER(ADC1 + SR) & 2)) continue;
    seen[i] = REGISTER(ADC1 + DR);
  }
}
"""


def test_samples_come_one_a_conversion_and_the_last_stays_which_is_said() -> None:
    machine = machine_of(READS, {"PA0": Samples([0.33, 1.65, 3.3])})
    machine.run_for(0.001)
    assert words(machine, "seen", 4) == [TENTH, HALF, FULL, FULL]
    assert "PA0: its 3 values are used up at a conversion more: the last one stays" in machine.log.text()


def test_an_input_without_a_source_is_named() -> None:
    machine = machine_of(READS, {})
    machine.run_for(0.001)
    assert words(machine, "seen", 4) == [0, 0, 0, 0]
    assert machine.log.text().count("PA0 is converted, and nothing is wired to it: it reads 0 V") == 1


def test_a_function_sees_virtual_time_and_its_failure_names_the_line() -> None:
    moments: list[float] = []

    def ramp(seconds: float) -> float:
        moments.append(seconds)
        return 3.3 if len(moments) > 2 else 0.0

    machine = machine_of(READS, {"PA0": Function(ramp)})
    machine.run_for(0.001)
    assert words(machine, "seen", 4) == [0, 0, FULL, FULL]
    assert moments == sorted(moments)
    assert 15 * BIT_PS / 1e12 < moments[0] < 1e-4
    with pytest.raises(TargetError, match=r"failed: ZeroDivisionError: .* \(test_adc.py line \d+"):
        machine_of(READS, {"PA0": Function(lambda seconds: seconds / 0.0)}).run_for(0.001)


@pytest.mark.parametrize(
    ("returned", "said"), [(math.nan, "nan"), (-math.inf, "-inf"), (None, "None"), ("1.5", "'1.5'"), (1j, "1j")]
)
def test_what_a_function_returns_is_a_voltage_or_named(returned: object, said: str) -> None:
    def source(seconds: float) -> object:
        return returned

    with pytest.raises(TargetError, match=rf"^source of .*test_adc returned {said} and no voltage. Return a number"):
        machine_of(READS, {"PA0": Function(source)}).run_for(0.001)  # type: ignore[arg-type]


def test_a_function_that_would_end_the_command_is_named() -> None:
    def leaves(seconds: float) -> float:
        raise SystemExit(3)

    with pytest.raises(TargetError, match=r"^leaves of .*test_adc failed: SystemExit: 3"):
        machine_of(READS, {"PA0": Function(leaves)}).run_for(0.001)


def test_a_snapshot_keeps_a_conversion_under_way_and_the_place_in_the_samples() -> None:
    machine = machine_of(
        SCAN_BY_DMA % ("1 << 8", "1 << 9"), {"PA3": Samples([index / 1000 for index in range(3000)])}
    )
    machine.run_until(10**9 // 3)
    twin = snapshot.copy(machine)
    for each in (machine, twin):
        each.run_for(0.0005)
    assert halves(machine) == halves(twin)
    assert adc_of(machine).state() == adc_of(twin).state()


def test_dual_mode_is_named() -> None:
    machine = machine_of("int main(void) { on(); REGISTER(COMMON + 4) = 6; }")
    machine.run_for(0.001)
    [said] = machine.log.lacking
    assert re.fullmatch(r"ADC\.CCR\.MULTI is not modelled: set by main\+0x\w+, it does nothing", said)


@pytest.mark.parametrize(("rows", "volts"), [("0.5\n1.5\n", [0.5, 1.5]), ("volts\n0.5\n\n1.5", [0.5, 1.5])])
def test_a_column_of_a_file_is_a_value_a_conversion(tmp_path: Path, rows: str, volts: list[float]) -> None:
    (tmp_path / "a.csv").write_text(rows)
    np.save(tmp_path / "a.npy", np.array(volts, np.float32))
    for name in ("a.csv", "a.npy"):
        source = analog_sources([f"pa0={tmp_path / name}"])["PA0"]
        assert [source.volts(index, 0.0) for index in range(3)] == [*volts, volts[-1]]


def test_two_columns_are_a_curve(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("seconds,volts\n1,0\n2,3\n")
    source = analog_sources([f"PC5={tmp_path / 'a.csv'}"])["PC5"]
    assert [source.volts(0, at) for at in (0.0, 1.5, 9.0)] == [0.0, 1.5, 3.0]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("PA0", "'PA0' wires nothing to a pin"),
        ("PZ0=1", "wires nothing to a pin"),
        ("PA16=1", "wires nothing to a pin"),
        ("PA0=", "wires nothing to a pin"),
        ("PA0=nan", "nan V is no voltage"),
        ("PA9=1", "no ADC of the chip has a channel at PA9. Those that have are PA0 to PA7"),
        ("PF11=1", "no ADC of the chip has a channel at PF11"),
        ("PA0=high", "'high' is no voltage, no .csv or .npy file and no function"),
        ("PA0=none.csv", "none.csv cannot be read: No such file"),
        ("PA0=json:nothing", "has no function nothing"),
        ("PA0={bad.csv}", "bad.csv holds no voltages: could not convert string to float"),
        ("PA0={empty.csv}", r"empty.csv has the shape \(0,\)"),
        ("PA0={three.csv}", r"three.csv has the shape \(1, 3\)"),
        ("PA0={back.csv}", "the moments in .*back.csv do not increase"),
        ("PA0={inf.csv}", "holds what is no finite number"),
        ("PA0={text.npy}", "text.npy holds"),
    ],
)
def test_what_is_no_source_is_refused(tmp_path: Path, text: str, said: str) -> None:
    files = {
        "bad.csv": "1\nx\n",
        "empty.csv": "",
        "three.csv": "1,2,3\n",
        "back.csv": "1,2\n1,3\n",
        "inf.csv": "inf\n",
    }
    for name, content in files.items():
        (tmp_path / name).write_text(content)
    (tmp_path / "text.npy").write_bytes(b"no array")
    with pytest.raises(TargetError, match=said):
        analog_sources([text.replace("{", f"{tmp_path}/").replace("}", "")])


@pytest.mark.parametrize(
    ("volts", "code", "said"),
    [
        (1650.0, FULL, "PA0 has come to more than the supply's 3.3 V: it reads 4095"),
        (-0.5, 0, "PA0 has come to less than 0 V: it reads 0"),
    ],
)
def test_a_voltage_outside_the_supply_is_named_once(volts: float, code: int, said: str) -> None:
    machine = machine_of(READS, {"PA0": Constant(volts)})
    machine.run_for(0.001)
    assert words(machine, "seen", 4) == [code] * 4
    assert machine.log.text().count(said) == 1


def test_a_pin_is_wired_once() -> None:
    with pytest.raises(TargetError, match="PA0 is wired twice"):
        analog_sources(["PA0=1", "pa0=2"])
