// CRC-32 of IEEE 802.3 (reflected polynomial 0xEDB88320), the one of zlib.crc32.
#pragma once

#include <cstddef>
#include <cstdint>

namespace app::crc32 {

inline constexpr std::uint32_t kInitial = 0xFFFF'FFFF;

// What update() leaves after a message and its own checksum, little endian.
inline constexpr std::uint32_t kResidue = 0xDEBB'20E3;

// Takes one byte; start from kInitial. The checksum is the complement of the last result.
std::uint32_t update(std::uint32_t crc, std::uint8_t byte);

// Takes many.
std::uint32_t update(std::uint32_t crc, const void* bytes, std::size_t count);

}  // namespace app::crc32
