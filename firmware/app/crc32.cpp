#include "crc32.hpp"

#include <array>

namespace app::crc32 {
namespace {

// Two steps of four bits: 64 bytes of table, where one step of eight would take 1 kB.
constexpr std::array<std::uint32_t, 16> make_table() {
  std::array<std::uint32_t, 16> table{};
  for (std::uint32_t i = 0; i < 16; ++i) {
    std::uint32_t crc = i;
    for (int bit = 0; bit < 4; ++bit) crc = (crc >> 1) ^ ((crc & 1) != 0 ? 0xEDB8'8320 : 0);
    table[i] = crc;
  }
  return table;
}
constexpr auto kTable = make_table();

}  // namespace

std::uint32_t update(std::uint32_t crc, std::uint8_t byte) {
  crc ^= byte;
  crc = (crc >> 4) ^ kTable[crc & 0xF];
  return (crc >> 4) ^ kTable[crc & 0xF];
}

}  // namespace app::crc32
