// The registers that the board code uses, named as in RM0385 (chip) and DDI 0403E / PM0253 (core).
#pragma once

#include <cstddef>
#include <cstdint>

namespace stm32f746 {

using Register = volatile std::uint32_t;

// RM0385, 5.3: reset and clock control.
struct Rcc {
  Register CR, PLLCFGR, CFGR, CIR, AHB1RSTR, AHB2RSTR, AHB3RSTR;
  std::uint32_t reserved0;
  Register APB1RSTR, APB2RSTR;
  std::uint32_t reserved1[2];
  Register AHB1ENR, AHB2ENR, AHB3ENR;
  std::uint32_t reserved2;
  Register APB1ENR, APB2ENR;
  std::uint32_t reserved3[11];
  Register CSR;
};
static_assert(offsetof(Rcc, AHB1ENR) == 0x30 && offsetof(Rcc, APB2ENR) == 0x44 && offsetof(Rcc, CSR) == 0x74);

// RM0385, 28.4: independent watchdog.
struct Iwdg {
  Register KR, PR, RLR, SR, WINR;
};

// RM0385, 4.4: power control.
struct Pwr {
  Register CR1, CSR1;
};

// RM0385, 3.7: flash interface.
struct Flash {
  Register ACR;
};

// RM0385, 6.4: general-purpose I/O.
struct Gpio {
  Register MODER, OTYPER, OSPEEDR, PUPDR, IDR, ODR, BSRR, LCKR, AFR[2];
};
static_assert(offsetof(Gpio, AFR) == 0x20);

// RM0385, 31.8: universal synchronous asynchronous receiver transmitter.
struct Usart {
  Register CR1, CR2, CR3, BRR, GTPR, RTOR, RQR, ISR, ICR, RDR, TDR;
};
static_assert(offsetof(Usart, TDR) == 0x28);

// RM0385, 8.5: DMA controller.
struct DmaStream {
  Register CR, NDTR, PAR, M0AR, M1AR, FCR;
};
struct Dma {
  Register LISR, HISR, LIFCR, HIFCR;
  DmaStream stream[8];
};
static_assert(offsetof(Dma, stream) == 0x10 && sizeof(Dma) == 0xD0);

// DDI 0403E, B3.3: system timer.
struct SysTick {
  Register CSR, RVR, CVR;
};

// PM0253, 4.3: system control block, from CPUID to BFAR, and the cache maintenance registers (4.8).
struct Scb {
  Register CPUID, ICSR, VTOR, AIRCR, SCR, CCR, SHPR[3], SHCSR, CFSR, HFSR, DFSR, MMFAR, BFAR;
};
static_assert(offsetof(Scb, BFAR) == 0x38);

// PM0253, 4.6: memory protection unit.
struct Mpu {
  Register TYPE, CTRL, RNR, RBAR, RASR;
};

// DDI 0403E, C1.8: data watchpoint and trace unit, of which only the cycle counter is used.
struct Dwt {
  Register CTRL, CYCCNT;
};

inline Rcc& rcc() { return *reinterpret_cast<Rcc*>(0x4002'3800); }
inline Iwdg& iwdg() { return *reinterpret_cast<Iwdg*>(0x4000'3000); }
inline Pwr& pwr() { return *reinterpret_cast<Pwr*>(0x4000'7000); }
inline Flash& flash() { return *reinterpret_cast<Flash*>(0x4002'3C00); }
inline Gpio& gpio(char port) {
  return *reinterpret_cast<Gpio*>(0x4002'0000 + 0x400U * static_cast<unsigned>(port - 'A'));
}
inline SysTick& systick() { return *reinterpret_cast<SysTick*>(0xE000'E010); }
inline Scb& scb() { return *reinterpret_cast<Scb*>(0xE000'ED00); }
inline Mpu& mpu() { return *reinterpret_cast<Mpu*>(0xE000'ED90); }
inline Dwt& dwt() { return *reinterpret_cast<Dwt*>(0xE000'1000); }
inline Register& dwt_lar() { return *reinterpret_cast<Register*>(0xE000'1FB0); }
inline Register& demcr() { return *reinterpret_cast<Register*>(0xE000'EDFC); }
inline Register& iciallu() { return *reinterpret_cast<Register*>(0xE000'EF50); }
inline Register& dcisw() { return *reinterpret_cast<Register*>(0xE000'EF60); }
inline void let_in(unsigned interrupt) {
  *reinterpret_cast<Register*>(0xE000'E100 + 4 * (interrupt / 32)) = 1U << (interrupt % 32);  // NVIC_ISER
}

inline constexpr std::size_t kInterrupts = 98;  // RM0385, table 46

inline void dsb() { asm volatile("dsb" ::: "memory"); }
inline void isb() { asm volatile("isb" ::: "memory"); }
inline void wfi() { asm volatile("wfi" ::: "memory"); }
inline void hold_off_interrupts() { asm volatile("cpsid i" ::: "memory"); }
inline void let_interrupts_in() { asm volatile("cpsie i\n\tisb" ::: "memory"); }

}  // namespace stm32f746
