// Where the linker script put things (stm32f746.ld).
#pragma once

#include <cstddef>
#include <cstdint>

extern "C" {
extern std::uint32_t __stack_guard[], __stack_bottom[], __stack_top[];
extern std::uint32_t __data_load[], __data_start[], __data_end[];
extern std::uint32_t __bss_start[], __bss_end[];
extern std::uint32_t __dma_start[], __dma_end[];
extern std::uint8_t __flash_start[], __flash_end[];
extern const std::uint32_t __build_id_note[];
extern void (*const __init_array_start[])();
extern void (*const __init_array_end[])();
}

namespace board {

// What reset fills the stack with, so that its high-water mark can be read.
inline constexpr std::uint32_t kStackPaint = 0xC5C5'C5C5;

inline std::uint32_t bytes_between(const void* start, const void* end) {
  return static_cast<std::uint32_t>(reinterpret_cast<std::uintptr_t>(end) -
                                    reinterpret_cast<std::uintptr_t>(start));
}

}  // namespace board
