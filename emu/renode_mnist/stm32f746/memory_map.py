"""Where everything is: memories and peripherals (RM0385 2.2.2, table 1; DS10916 table 13)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple


@dataclass(frozen=True)
class Memory:
    """A memory of the chip.

    Attributes:
        name: As RM0385 calls it.
        base: First address.
        size_bytes: True size on the STM32F746.
        writable: Whether a store succeeds (flash is written through its controller only).
        alias_of: Name of the memory that this is a second view of.
    """

    name: str
    base: int
    size_bytes: int
    writable: bool = True
    alias_of: str = ""

    @property
    def end(self) -> int:
        """First address behind it."""
        return self.base + self.size_bytes

    def holds(self, address: int) -> bool:
        """Whether ``address`` lies inside."""
        return self.base <= address < self.end


KIB = 1024

ITCM = Memory("ITCM-RAM", 0x0000_0000, 16 * KIB)
FLASH_ITCM = Memory("flash on the ITCM bus", 0x0020_0000, 1024 * KIB, writable=False, alias_of="flash")
FLASH = Memory("flash", 0x0800_0000, 1024 * KIB, writable=False)
SYSTEM_MEMORY = Memory("system memory", 0x1FF0_0000, 62 * KIB, writable=False)
"""With the one-time programmable area behind it, and the device electronic signature."""
OPTION_BYTES = Memory("option bytes", 0x1FFF_0000, KIB, writable=False)
DTCM = Memory("DTCM-RAM", 0x2000_0000, 64 * KIB)
SRAM1 = Memory("SRAM1", 0x2001_0000, 240 * KIB)
SRAM2 = Memory("SRAM2", 0x2004_C000, 16 * KIB)

RAM_BYTES = DTCM.size_bytes + SRAM1.size_bytes + SRAM2.size_bytes
"""The three follow one another, and the linker script takes them as one."""

MEMORIES = (ITCM, FLASH_ITCM, FLASH, SYSTEM_MEMORY, OPTION_BYTES, DTCM, SRAM1, SRAM2)
"""As many as native/counter.h has room for."""

UNIQUE_ID = 0x1FF0_F420
"""96 bits (RM0385 41.1)."""
FLASH_SIZE_KIB = 0x1FF0_F442
"""16 bits (RM0385 41.2)."""

FACTORY_OPTION_BYTES = {0x1FFF_0000: 0xAAFF, 0x1FFF_0008: 0xC0FF, 0x1FFF_0010: 0x0080, 0x1FFF_0018: 0x0040}
"""Half-words: protection and user options, write protection, BOOT_ADD0, BOOT_ADD1 (RM0385 table 7)."""

PRIVATE_PERIPHERAL_BUS = 0xE000_0000
"""The core's own registers, 1 MiB (DDI 0403E B3.1)."""

EXTERNAL_WINDOWS = ((0x9000_0000, 0x100_0000), (0xC000_0000, 0x200_0000), (0xD000_0000, 0x200_0000))
"""QUADSPI and both banks of SDRAM, as much of each as is served: (base, size in bytes)."""

BUS_WINDOWS = (
    (0x4000_0000, 0x8_0000),
    (0x5000_0000, 0x6_0C00),
    (0xA000_0000, 0x2000),
    (PRIVATE_PERIPHERAL_BUS, 0x10_0000),
)
"""Address ranges with peripherals in them: (base, size in bytes). All else faults."""


class PeripheralRange(NamedTuple):
    """A peripheral's place in the address space."""

    name: str
    base: int
    size_bytes: int
    apb: bool
    """On an APB: narrow writes reach it duplicated over 32 bits (RM0385 2.1.12)."""


def _row(base: int, names: str, *, apb: bool) -> list[PeripheralRange]:
    """Peripherals of 1 KiB one after the other; ``-`` is a hole."""
    return [
        PeripheralRange(name, base + index * KIB, KIB, apb) for index, name in enumerate(names.split()) if name != "-"
    ]


WINDOWS = (*BUS_WINDOWS, *EXTERNAL_WINDOWS)
"""All that the core reaches without a memory of the chip being there."""

PERIPHERALS: tuple[PeripheralRange, ...] = (
    *_row(
        0x4000_0000,
        "TIM2 TIM3 TIM4 TIM5 TIM6 TIM7 TIM12 TIM13 TIM14 LPTIM1 RTC WWDG IWDG - SPI2 SPI3 "
        "SPDIFRX USART2 USART3 UART4 UART5 I2C1 I2C2 I2C3 I2C4 CAN1 CAN2 CEC PWR DAC UART7 UART8",
        apb=True,
    ),
    *_row(
        0x4001_0000,
        "TIM1 TIM8 - - USART1 USART6 - - ADC - - SDMMC1 SPI1 SPI4 SYSCFG EXTI "
        "TIM9 TIM10 TIM11 - SPI5 SPI6 SAI1 SAI2 - - LTDC",
        apb=True,
    ),
    *_row(
        0x4002_0000,
        "GPIOA GPIOB GPIOC GPIOD GPIOE GPIOF GPIOG GPIOH GPIOI GPIOJ GPIOK - CRC - RCC FLASH",
        apb=False,
    ),
    PeripheralRange("BKPSRAM", 0x4002_4000, 4 * KIB, False),
    *_row(0x4002_6000, "DMA1 DMA2", apb=False),
    PeripheralRange("ETH", 0x4002_8000, 5 * KIB, False),
    PeripheralRange("DMA2D", 0x4002_B000, 3 * KIB, False),
    PeripheralRange("OTG_HS", 0x4004_0000, 256 * KIB, False),
    PeripheralRange("OTG_FS", 0x5000_0000, 256 * KIB, False),
    PeripheralRange("DCMI", 0x5005_0000, KIB, False),
    PeripheralRange("RNG", 0x5006_0800, KIB, False),
    PeripheralRange("FMC", 0xA000_0000, 4 * KIB, False),
    PeripheralRange("QUADSPI", 0xA000_1000, 4 * KIB, False),
    PeripheralRange("ITM", 0xE000_0000, 4 * KIB, False),
    PeripheralRange("DWT", 0xE000_1000, 4 * KIB, False),
    PeripheralRange("FPB", 0xE000_2000, 4 * KIB, False),
    PeripheralRange("SCS", 0xE000_E000, 4 * KIB, False),
    PeripheralRange("TPIU", 0xE004_0000, 4 * KIB, False),
    PeripheralRange("ETM", 0xE004_1000, 4 * KIB, False),
    PeripheralRange("DBGMCU", 0xE004_2000, 4 * KIB, False),
)

_PAGE_SHIFT = 10
_MEMORY_OF_PAGE = {
    page: memory for memory in MEMORIES for page in range(memory.base >> _PAGE_SHIFT, memory.end >> _PAGE_SHIFT)
}


def memory_at(address: int) -> Memory | None:
    """The memory that holds ``address``."""
    return _MEMORY_OF_PAGE.get(address >> _PAGE_SHIFT)


def peripheral_at(address: int) -> PeripheralRange | None:
    """The peripheral that ``address`` belongs to."""
    return next((p for p in PERIPHERALS if p.base <= address < p.base + p.size_bytes), None)


def name_of(address: int) -> str:
    """What an address is, for a message."""
    memory = memory_at(address)
    if memory:
        return memory.name
    peripheral = peripheral_at(address)
    return peripheral.name if peripheral else "no memory and no peripheral"
