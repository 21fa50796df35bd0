"""What a chip holds besides its program when it leaves the factory."""

from __future__ import annotations

from renode_mnist.stm32f746 import memory_map
from renode_mnist.stm32f746.analog import REFERENCE_VOLTS, code_of, temperature_volts

_CALIBRATION = {
    0x1FF0_F44A: code_of(REFERENCE_VOLTS),
    0x1FF0_F44C: code_of(temperature_volts(30)),
    0x1FF0_F44E: code_of(temperature_volts(110)),
}
"""VREFIN_CAL, TS_CAL1 and TS_CAL2: raw values at 3.3 V (DS10916), here of a typical chip."""


def contents(unique_id: bytes) -> list[tuple[int, bytes]]:
    """Address and bytes: blank flash and one-time programmable area, option bytes, the device's electronic signature.

    Of the system memory the bootloader is not there: it reads as blank flash.
    """
    blank = [
        (memory.base, b"\xff" * memory.size_bytes)
        for memory in (memory_map.FLASH, memory_map.SYSTEM_MEMORY, memory_map.OPTION_BYTES)
    ]
    option_bytes = [(at, value.to_bytes(2, "little")) for at, value in memory_map.FACTORY_OPTION_BYTES.items()]
    option_bytes += [(at, value.to_bytes(2, "little")) for at, value in _CALIBRATION.items()]
    size_kib = (memory_map.FLASH.size_bytes // 1024).to_bytes(2, "little")
    return [*blank, *option_bytes, (memory_map.FLASH_SIZE_KIB, size_kib), (memory_map.UNIQUE_ID, unique_id)]
