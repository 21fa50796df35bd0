// Weights of 4 bits, two a byte, the first in the lower half: read as a pointer to them would be.
#pragma once

#include <cstdint>

namespace reference {

class PackedInt4 {
 public:
  constexpr explicit PackedInt4(const std::uint8_t* bytes, std::int32_t first = 0) : bytes_(bytes), first_(first) {}

  PackedInt4 operator+(std::int32_t count) const { return PackedInt4(bytes_, first_ + count); }

  PackedInt4& operator+=(std::int32_t count) {
    first_ += count;
    return *this;
  }

  std::int32_t operator[](std::int32_t i) const {
    const std::int32_t at = first_ + i;
    return at % 2 != 0 ? upper(bytes_[at / 2]) : lower(bytes_[at / 2]);
  }

  std::int32_t operator*() const { return (*this)[0]; }

  // The byte that holds the first number, and whether that is its upper half.
  const std::uint8_t* byte() const { return bytes_ + first_ / 2; }
  bool begins_above() const { return first_ % 2 != 0; }

  static std::int32_t upper(std::uint8_t byte) { return static_cast<std::int8_t>(byte) >> 4; }
  static std::int32_t lower(std::uint8_t byte) { return static_cast<std::int8_t>(byte << 4) >> 4; }

 private:
  const std::uint8_t* bytes_;
  std::int32_t first_;
};

}  // namespace reference
