"""How the program has set memories up: what a clock model asks for."""

from __future__ import annotations

from itertools import groupby, pairwise

from renode_mnist.stm32f746 import memory_map
from renode_mnist.stm32f746.flash import FlashInterface
from renode_mnist.stm32f746.memory_timing import BehindBus, MemorySettings, Stretch
from renode_mnist.stm32f746.mpu import Caching, Mpu
from renode_mnist.stm32f746.scs import CCR_DATA_CACHE, CCR_INSTRUCTION_CACHE

_BUSES = {
    memory_map.ITCM.name: BehindBus.TIGHTLY_COUPLED,
    memory_map.FLASH_ITCM.name: BehindBus.FLASH_OVER_ITCM,
    memory_map.FLASH.name: BehindBus.FLASH_OVER_AXI,
    memory_map.SYSTEM_MEMORY.name: BehindBus.FLASH_OVER_AXI,
    memory_map.OPTION_BYTES.name: BehindBus.FLASH_OVER_AXI,
    memory_map.DTCM.name: BehindBus.TIGHTLY_COUPLED,
    memory_map.SRAM1.name: BehindBus.SRAM_OVER_AXI,
    memory_map.SRAM2.name: BehindBus.SRAM_OVER_AXI,
}


def memory_settings(flash: FlashInterface, mpu: Mpu, control: int) -> MemorySettings:
    """Flash, caches and regions as they are; ``control`` is CCR."""
    return MemorySettings(
        wait_states=flash.wait_states,
        art=flash.accelerates,
        art_prefetch=flash.prefetches,
        instruction_cache=bool(control & CCR_INSTRUCTION_CACHE),
        data_cache=bool(control & CCR_DATA_CACHE),
        stretches=_stretches(mpu),
    )


def _stretches(mpu: Mpu) -> list[Stretch]:
    borders = mpu.borders()
    found = []
    for memory in memory_map.MEMORIES:
        bus = _BUSES[memory.name]
        if bus is BehindBus.TIGHTLY_COUPLED:  # no cache has any of it, whatever a region says
            found.append(Stretch(memory.base, memory.end, bus, cacheable=False, write_back=False))
            continue
        marks = sorted({memory.base, memory.end, *(at for at in borders if memory.holds(at))})
        for caching, parts in groupby(pairwise(marks), lambda part: mpu.caching(part[0])):
            begins, ends = zip(*parts, strict=True)
            cached = caching is not Caching.NONE
            found.append(Stretch(begins[0], ends[-1], bus, cached, caching is Caching.WRITE_BACK))
    return found
