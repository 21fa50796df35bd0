// Flash stands at two addresses (RM0385, 2.2): at 0x08000000 it is read over AXI and through the data cache, at
// 0x00200000 over the ITCM bus, whose ART accelerator keeps 64 lines of 32 bytes.
//
// A line that is missed costs 16 cycles at 216 MHz over AXI, of which 8 are the flash's own, and 8 over ITCM; and
// what is read there does not push anything out of the data cache. So weights that a kernel reads once, or that it
// reads again while they are among the last 2 kB, are read there.
#pragma once

#include <cstdint>

namespace m7 {

// The same constant, read over the ITCM bus; on a PC itself.
template <typename T>
inline const T* over_itcm(const T* constant) {
#if defined(__ARM_ARCH_7EM__)
  constexpr std::uintptr_t kApart = 0x08000000U - 0x00200000U;
  return reinterpret_cast<const T*>(reinterpret_cast<std::uintptr_t>(constant) - kApart);
#else
  return constant;
#endif
}

}  // namespace m7
