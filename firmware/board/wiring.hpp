// Which UARTs and pins a board uses for the binary line and the console (BOARD in CMake).
#pragma once

#include <cstdint>

namespace board {

enum class Bus : std::uint8_t { kApb1, kApb2 };

struct Pin {
  char port;
  std::uint8_t number;
};

struct Stream {
  std::uintptr_t dma;      // base address; RM0385, 2.2.2
  std::uint8_t number;     // RM0385, tables 25 and 26
  std::uint8_t interrupt;  // RM0385, table 46
};

struct Wiring {
  std::uintptr_t usart;    // base address; RM0385, 2.2.2
  std::uint8_t interrupt;  // RM0385, table 46
  Bus bus;
  std::uint8_t enable_bit;  // in RCC_APBxENR; RM0385, 5.3.13 and 5.3.14
  Pin transmit;
  Pin receive;
  std::uint8_t alternate;    // DS10916, table 12
  std::uint8_t dma_channel;  // of both streams
  Stream receive_stream;
  Stream transmit_stream;
};

inline constexpr std::uintptr_t kDma1 = 0x4002'6000;
inline constexpr std::uintptr_t kDma2 = 0x4002'6400;

inline constexpr Wiring kUsart6 = {0x4001'1400,   71, Bus::kApb2, 5, {'C', 6}, {'C', 7}, 8, 5, {kDma2, 1, 57},
                                   {kDma2, 6, 69}};

inline constexpr Wiring kConsole = kUsart6;

#if defined(BOARD_DISCO_F746NG)
// 32F746GDISCOVERY (UM1907): USART1 is the ST-LINK's virtual COM port, USART6 the Arduino header's D1 and D0.
inline constexpr Wiring kBinary = {0x4001'1000,   37, Bus::kApb2, 4, {'A', 9}, {'B', 7}, 7, 4, {kDma2, 2, 58},
                                   {kDma2, 7, 70}};
#elif defined(BOARD_NUCLEO_F746ZG)
// NUCLEO-F746ZG (UM1974): USART3 is the ST-LINK's virtual COM port.
inline constexpr Wiring kBinary = {0x4000'4800,   39, Bus::kApb1, 18, {'D', 8}, {'D', 9}, 7, 4, {kDma1, 1, 12},
                                   {kDma1, 3, 14}};
#elif defined(BOARD_ARTICLE)
// The article's 32F746GDISCOVERY: UART7 on the Arduino header's A4 and A5.
inline constexpr Wiring kBinary = {0x4000'7800,   82, Bus::kApb1, 30, {'F', 7}, {'F', 6}, 8, 5, {kDma1, 3, 14},
                                   {kDma1, 1, 12}};
#else
#error "No BOARD_... is defined: CMake does that from the option BOARD"
#endif

}  // namespace board
