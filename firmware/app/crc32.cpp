#include "crc32.hpp"

#include <array>
#include <cstring>

namespace app::crc32 {
namespace {

// A step of eight bits: 1 kB of flash, which a check of the image (image.cpp) has back at its first megabyte; steps
// of four bits, with 64 bytes of table, take twice as long.
constexpr std::array<std::uint32_t, 256> make_table() {
  std::array<std::uint32_t, 256> table{};
  for (std::uint32_t i = 0; i < table.size(); ++i) {
    std::uint32_t crc = i;
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1) != 0 ? 0xEDB8'8320 : 0);
    table[i] = crc;
  }
  return table;
}
constexpr auto kTable = make_table();

std::uint32_t step(std::uint32_t crc) { return (crc >> 8) ^ kTable[crc & 0xFF]; }

}  // namespace

std::uint32_t update(std::uint32_t crc, std::uint8_t byte) { return step(crc ^ byte); }

std::uint32_t update(std::uint32_t crc, const void* bytes, std::size_t count) {
  const auto* at = static_cast<const std::uint8_t*>(bytes);
  // A word's load in the place of four of a byte; little endian, as both places that this runs in are.
  for (; count >= sizeof(std::uint32_t); count -= sizeof(std::uint32_t), at += sizeof(std::uint32_t)) {
    std::uint32_t word;
    std::memcpy(&word, at, sizeof(word));
    crc = step(step(step(step(crc ^ word))));
  }
  for (; count > 0; --count) crc = update(crc, *at++);
  return crc;
}

}  // namespace app::crc32
