"""Registers by the names that the manuals give them."""

from __future__ import annotations

from renode_mnist.stm32f746 import memory_map

_USART = "CR1 CR2 CR3 BRR GTPR RTOR RQR ISR ICR RDR TDR"
_REGISTERS = {
    "USART": _USART,
    "UART": _USART,
    "GPIO": "MODER OTYPER OSPEEDR PUPDR IDR ODR BSRR LCKR AFRL AFRH",
    "RCC": "CR PLLCFGR CFGR CIR AHB1RSTR AHB2RSTR AHB3RSTR - APB1RSTR APB2RSTR - - AHB1ENR AHB2ENR AHB3ENR - APB1ENR "
    "APB2ENR - - AHB1LPENR AHB2LPENR AHB3LPENR - APB1LPENR APB2LPENR - - BDCR CSR - - SSCGR PLLI2SCFGR PLLSAICFGR "
    "DCKCFGR1 DCKCFGR2",
    "PWR": "CR1 CSR1 CR2 CSR2",
    "FLASH": "ACR KEYR OPTKEYR SR CR OPTCR OPTCR1",
    "I2C": "CR1 CR2 OAR1 OAR2 TIMINGR TIMEOUTR ISR ICR PECR RXDR TXDR",
    "SPI": "CR1 CR2 SR DR CRCPR RXCRCR TXCRCR I2SCFGR I2SPR",
    "TIM": "CR1 CR2 SMCR DIER SR EGR CCMR1 CCMR2 CCER CNT PSC ARR RCR CCR1 CCR2 CCR3 CCR4 BDTR DCR DMAR OR CCMR3 "
    "CCR5 CCR6",
    "LPTIM": "ISR ICR IER CFGR CR CMP ARR CNT",
    "DMA": "LISR HISR LIFCR HIFCR "
    + " ".join(f"S{stream}{name}" for stream in range(8) for name in ("CR", "NDTR", "PAR", "M0AR", "M1AR", "FCR")),
    "DMA2D": "CR ISR IFCR FGMAR FGOR BGMAR BGOR FGPFCCR FGCOLR BGPFCCR BGCOLR FGCMAR BGCMAR OPFCCR OCOLR OMAR OOR "
    "NLR LWR AMTCR",
    "RNG": "CR SR DR",
    "CRC": "DR IDR CR - INIT POL",
    "RTC": "TR DR CR ISR PRER WUTR - ALRMAR ALRMBR WPR SSR SHIFTR TSTR TSDR TSSSR CALR TAMPCR ALRMASSR ALRMBSSR OR "
    + " ".join(f"BKP{number}R" for number in range(32)),
    "WWDG": "CR CFR SR",
    "IWDG": "KR PR RLR SR WINR",
    "EXTI": "IMR EMR RTSR FTSR SWIER PR",
    "SYSCFG": "MEMRMP PMC EXTICR1 EXTICR2 EXTICR3 EXTICR4 - - CMPCR",
    "ADC": "SR CR1 CR2 SMPR1 SMPR2 JOFR1 JOFR2 JOFR3 JOFR4 HTR LTR SQR1 SQR2 SQR3 JSQR JDR1 JDR2 JDR3 JDR4 DR",
    "DAC": "CR SWTRIGR DHR12R1 DHR12L1 DHR8R1 DHR12R2 DHR12L2 DHR8R2 DHR12RD DHR12LD DHR8RD DOR1 DOR2 SR",
    "SDMMC": "POWER CLKCR ARG CMD RESPCMD RESP1 RESP2 RESP3 RESP4 DTIMER DLEN DCTRL DCOUNT STA ICR MASK",
    "LTDC": "- - SSCR BPCR AWCR TWCR GCR - - SRCR - BCCR - IER ISR ICR LIPCR CPSR CDSR",
    "QUADSPI": "CR DCR SR FCR DLR CCR AR ABR DR PSMKR PSMAR PIR LPTR",
    "FMC": "BCR1 BTR1 BCR2 BTR2 BCR3 BTR3 BCR4 BTR4",
    "DCMI": "CR SR RIS IER MIS ICR ESCR ESUR CWSTRT CWSIZE DR",
    "CEC": "CR CFGR TXDR RXDR ISR IER",
    "DBGMCU": "IDCODE CR APB1FZ APB2FZ",
    "DWT": "CTRL CYCCNT CPICNT EXCCNT SLEEPCNT LSUCNT FOLDCNT PCSR COMP0 MASK0 FUNCTION0",
}
"""Registers by the peripheral's name up to its number, one each 4 bytes (RM0385; ``-`` is a hole)."""

_FAR = {
    "FMC": {
        0x140: "SDCR1", 0x144: "SDCR2", 0x148: "SDTR1", 0x14C: "SDTR2", 0x150: "SDCMR", 0x154: "SDRTR", 0x158: "SDSR",
    },
    "DWT": {0xFB0: "LAR", 0xFB4: "LSR"},
    "ITM": {0xE00: "TER", 0xE40: "TPR", 0xE80: "TCR", 0xFB0: "LAR", 0xFB4: "LSR"},
    "TPIU": {0x000: "SSPSR", 0x004: "CSPSR", 0x010: "ACPR", 0x0F0: "SPPR", 0x300: "FFSR", 0x304: "FFCR"},
}  # fmt: skip
"""Registers that stand by themselves (RM0385 13.7.4, 40.15.2; DDI 0403E C1)."""

_LAYER = dict(
    zip(
        range(0, 0x34, 4),
        ["CR", "WHPCR", "WVPCR", "CKCR", "PFCR", "CACR", "DCCR", "BFCR", "-", "-", "CFBAR", "CFBLR", "CFBLNR"],
        strict=True,
    )
)
_LAYER[0x40] = "CLUTWR"

_CORE = {
    0x010: "SysTick.CTRL", 0x014: "SysTick.LOAD", 0x018: "SysTick.VAL", 0x01C: "SysTick.CALIB",
    0xD00: "SCB.CPUID", 0xD04: "SCB.ICSR", 0xD08: "SCB.VTOR", 0xD0C: "SCB.AIRCR", 0xD10: "SCB.SCR", 0xD14: "SCB.CCR",
    0xD24: "SCB.SHCSR", 0xD28: "SCB.CFSR", 0xD2C: "SCB.HFSR", 0xD88: "SCB.CPACR", 0xDF0: "DHCSR", 0xDFC: "DEMCR",
}  # fmt: skip


def register_name(address: int) -> str:
    """A register as the manual calls it, ``USART1.ISR``; where that is not known ``TIM6+0x2c``."""
    peripheral = memory_map.peripheral_at(address)
    if peripheral is None:
        return f"{address:#010x}"
    offset = (address & ~3) - peripheral.base
    if peripheral.name == "SCS":
        return _CORE.get(offset, f"the core's register {address:#010x}")
    if peripheral.name == "ITM" and offset < 0x80:
        return f"ITM.STIM{offset // 4}"
    if peripheral.name == "ADC":
        return _of_adc(offset)
    if peripheral.name == "LTDC" and offset >= 0x84:
        layer, inner = divmod(offset - 0x84, 0x80)
        return f"LTDC.L{layer + 1}{_LAYER.get(inner, f'+{inner:#x}')}"
    kind = peripheral.name if peripheral.name in _REGISTERS else peripheral.name.rstrip("0123456789")
    kind = "GPIO" if kind.startswith("GPIO") else kind
    names = _REGISTERS.get(kind, "").split()
    name = names[offset // 4] if offset // 4 < len(names) else _FAR.get(kind, {}).get(offset, "-")
    return f"{peripheral.name}.{name}" if name != "-" else f"{peripheral.name}+{offset:#x}"


def _of_adc(offset: int) -> str:
    unit, inner = divmod(offset, 0x100)
    names = ("CSR", "CCR", "CDR") if unit == 3 else _REGISTERS["ADC"].split()
    name = names[inner // 4] if inner // 4 < len(names) else f"+{inner:#x}"
    return f"ADC.{name}" if unit == 3 else f"ADC{unit + 1}.{name}"
