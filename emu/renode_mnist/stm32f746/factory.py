"""What a chip holds besides its program when it leaves the factory."""

from __future__ import annotations

from renode_mnist.stm32f746 import memory_map


def contents(unique_id: bytes) -> list[tuple[int, bytes]]:
    """Address and bytes: a blank one-time programmable area, option bytes, the device's electronic signature.

    Of the system memory the bootloader is not there: it reads as blank flash.
    """
    blank = [
        (memory.base, b"\xff" * memory.size_bytes) for memory in (memory_map.SYSTEM_MEMORY, memory_map.OPTION_BYTES)
    ]
    option_bytes = [(at, value.to_bytes(2, "little")) for at, value in memory_map.FACTORY_OPTION_BYTES.items()]
    size_kib = (memory_map.FLASH.size_bytes // 1024).to_bytes(2, "little")
    return [*blank, *option_bytes, (memory_map.FLASH_SIZE_KIB, size_kib), (memory_map.UNIQUE_ID, unique_id)]
