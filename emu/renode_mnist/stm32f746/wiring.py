"""Which peripheral has which interrupts, clock and DMA requests (RM0385 5.3, 8.3.3, 10.1.2)."""

from __future__ import annotations

from typing import NamedTuple

USARTS = ("USART1", "USART2", "USART3", "UART4", "UART5", "USART6", "UART7", "UART8")
DMAS = ("DMA1", "DMA2")

INTERRUPT_COUNT = 98

_VECTORS = (
    "WWDG PVD TAMP_STAMP RTC_WKUP FLASH RCC EXTI0 EXTI1 EXTI2 EXTI3 EXTI4 "
    "DMA1_Stream0 DMA1_Stream1 DMA1_Stream2 DMA1_Stream3 DMA1_Stream4 DMA1_Stream5 DMA1_Stream6 ADC "
    "CAN1_TX CAN1_RX0 CAN1_RX1 CAN1_SCE EXTI9_5 TIM1_BRK_TIM9 TIM1_UP_TIM10 TIM1_TRG_COM_TIM11 TIM1_CC TIM2 TIM3 "
    "TIM4 I2C1_EV I2C1_ER I2C2_EV I2C2_ER SPI1 SPI2 USART1 USART2 USART3 EXTI15_10 RTC_Alarm OTG_FS_WKUP "
    "TIM8_BRK_TIM12 TIM8_UP_TIM13 TIM8_TRG_COM_TIM14 TIM8_CC DMA1_Stream7 FMC SDMMC1 TIM5 SPI3 UART4 UART5 TIM6_DAC "
    "TIM7 DMA2_Stream0 DMA2_Stream1 DMA2_Stream2 DMA2_Stream3 DMA2_Stream4 ETH ETH_WKUP CAN2_TX CAN2_RX0 CAN2_RX1 "
    "CAN2_SCE OTG_FS DMA2_Stream5 DMA2_Stream6 DMA2_Stream7 USART6 I2C3_EV I2C3_ER OTG_HS_EP1_OUT OTG_HS_EP1_IN "
    "OTG_HS_WKUP OTG_HS DCMI - RNG FPU UART7 UART8 SPI4 SPI5 SPI6 SAI1 LTDC LTDC_ER DMA2D SAI2 QUADSPI LPTIM1 CEC "
    "I2C4_EV I2C4_ER SPDIFRX"
)
"""The vector table behind the core's own exceptions, by position (RM0385 table 46); ``-`` is a hole."""

_NAMES = tuple(_VECTORS.split())

POSITIONS = {name: position for position, name in enumerate(_NAMES) if name != "-"}
"""Of an interrupt in the NVIC, by its vector's name."""

_LINES: dict[str, str] = {
    "EXTI": "EXTI0 EXTI1 EXTI2 EXTI3 EXTI4 EXTI9_5 EXTI15_10 PVD RTC_Alarm TAMP_STAMP RTC_WKUP",
    "TIM1": "TIM1_UP_TIM10 TIM1_CC TIM1_TRG_COM_TIM11 TIM1_BRK_TIM9",
    "TIM8": "TIM8_UP_TIM13 TIM8_CC TIM8_TRG_COM_TIM14 TIM8_BRK_TIM12",
    "TIM6": "TIM6_DAC",
    "DAC": "TIM6_DAC",
    "TIM9": "TIM1_BRK_TIM9",
    "TIM10": "TIM1_UP_TIM10",
    "TIM11": "TIM1_TRG_COM_TIM11",
    "TIM12": "TIM8_BRK_TIM12",
    "TIM13": "TIM8_UP_TIM13",
    "TIM14": "TIM8_TRG_COM_TIM14",
    "LTDC": "LTDC LTDC_ER",
    **{f"I2C{number}": f"I2C{number}_EV I2C{number}_ER" for number in range(1, 5)},
    **{dma: " ".join(f"{dma}_Stream{stream}" for stream in range(8)) for dma in DMAS},
}
"""Of those that have others than the one of their own name."""


def interrupts(peripheral: str) -> tuple[int, ...]:
    """Positions of a peripheral's interrupt lines, in the order in which it numbers them; none where it has none."""
    if (names := _LINES.get(peripheral)) is not None:
        return tuple(POSITIONS[name] for name in names.split())
    return (POSITIONS[peripheral],) if peripheral in POSITIONS else ()


def interrupt_name(position: int) -> str:
    """The vector's name; empty where there is none."""
    name = _NAMES[position] if position < len(_NAMES) else "-"
    return "" if name == "-" else name


class ClockBits(NamedTuple):
    """What of an enable register of the RCC gives a peripheral its clock.

    Attributes:
        bus: Which of them: ``AHB1`` and so on.
        mask: Any of these bits.
    """

    bus: str
    mask: int


_BITS = {
    "AHB1": "GPIOA GPIOB GPIOC GPIOD GPIOE GPIOF GPIOG GPIOH GPIOI GPIOJ GPIOK - CRC - - - - - BKPSRAM - - "
    "DMA1 DMA2 DMA2D - ETH - - - OTG_HS - -",
    "AHB2": "DCMI - - - - - RNG OTG_FS",
    "AHB3": "FMC QUADSPI",
    "APB1": "TIM2 TIM3 TIM4 TIM5 TIM6 TIM7 TIM12 TIM13 TIM14 LPTIM1 - WWDG - - SPI2 SPI3 SPDIFRX USART2 USART3 "
    "UART4 UART5 I2C1 I2C2 I2C3 I2C4 CAN1 CAN2 CEC PWR DAC UART7 UART8",
    "APB2": "TIM1 TIM8 - - USART1 USART6 - - ADC - - SDMMC1 SPI1 SPI4 SYSCFG - TIM9 TIM10 TIM11 - SPI5 SPI6 SAI1 "
    "SAI2 - - LTDC",
}
_SEVERAL = {"ADC": 0b111 << 8}

CLOCKS = {
    name: ClockBits(bus, _SEVERAL.get(name, 1 << bit))
    for bus, names in _BITS.items()
    for bit, name in enumerate(names.split())
    if name != "-"
}
"""By peripheral (RM0385 5.3.10 to 5.3.14); what is not in it needs none, or has another switch."""


class Request(NamedTuple):
    """What a peripheral asks a DMA controller for.

    Attributes:
        peripheral: Its name.
        signal: ``RX``, ``TX``, ``UP``, ``CH1`` and so on; empty where it has but one.
    """

    peripheral: str
    signal: str


def _requests(dma: str, table: str) -> dict[tuple[str, int, int], tuple[Request, ...]]:
    found = {}
    for channel, row in enumerate(table.strip().splitlines()):
        for stream, cell in enumerate(row.split()):
            if cell != "-":
                asked = (each.partition("_") for each in cell.split("/"))
                found[dma, stream, channel] = tuple(Request(name, signal) for name, _, signal in asked)
    return found


DMA_REQUESTS = {
    **_requests(
        "DMA1",
        """
        SPI3_RX SPDIFRX_DT SPI3_RX SPI2_RX SPI2_TX SPI3_TX SPDIFRX_CS SPI3_TX
        I2C1_RX I2C3_RX TIM7_UP - TIM7_UP I2C1_RX I2C1_TX I2C1_TX
        TIM4_CH1 I2C4_RX - TIM4_CH2 - I2C4_TX TIM4_UP TIM4_CH3
        - TIM2_UP/TIM2_CH3 I2C3_RX - I2C3_TX TIM2_CH1 TIM2_CH2/TIM2_CH4 TIM2_UP/TIM2_CH4
        UART5_RX USART3_RX UART4_RX USART3_TX UART4_TX USART2_RX USART2_TX UART5_TX
        UART8_TX UART7_TX TIM3_CH4/TIM3_UP UART7_RX TIM3_CH1/TIM3_TRIG TIM3_CH2 UART8_RX TIM3_CH3
        TIM5_CH3/TIM5_UP TIM5_CH4/TIM5_TRIG TIM5_CH1 TIM5_CH4/TIM5_TRIG TIM5_CH2 - TIM5_UP -
        - TIM6_UP I2C2_RX I2C2_RX USART3_TX DAC_1 DAC_2 I2C2_TX
        """,
    ),
    **_requests(
        "DMA2",
        """
        ADC_1 SAI1_A TIM8_CH1/TIM8_CH2/TIM8_CH3 SAI1_A ADC_1 SAI1_B TIM1_CH1/TIM1_CH2/TIM1_CH3 SAI2_B
        - DCMI ADC_2 ADC_2 SAI1_B SPI6_TX SPI6_RX DCMI
        ADC_3 ADC_3 - SPI5_RX SPI5_TX - - -
        SPI1_RX - SPI1_RX SPI1_TX SAI2_A SPI1_TX SAI2_B QUADSPI
        SPI4_RX SPI4_TX USART1_RX SDMMC1 - USART1_RX SDMMC1 USART1_TX
        - USART6_RX USART6_RX SPI4_RX SPI4_TX - USART6_TX USART6_TX
        TIM1_TRIG TIM1_CH1 TIM1_CH2 TIM1_CH1 TIM1_CH4/TIM1_TRIG/TIM1_COM TIM1_UP TIM1_CH3 -
        - TIM8_UP TIM8_CH1 TIM8_CH2 TIM8_CH3 SPI5_RX SPI5_TX TIM8_CH4/TIM8_TRIG/TIM8_COM
        """,
    ),
}
"""Who asks by a controller's stream and channel (RM0385 8.3.3, tables 25 and 26)."""

REQUESTS = tuple(
    dict.fromkeys(
        [
            *(Request(name, signal) for name in USARTS for signal in ("RX", "TX")),
            *(request for asked in DMA_REQUESTS.values() for request in asked),
        ]
    )
)
"""Each once; the USARTs' come first, receiving before sending, as native/chip_dma.c numbers them."""
