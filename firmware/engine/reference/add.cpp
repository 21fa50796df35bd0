#include "engine/reference/add.hpp"

#include "engine/reference/fixed_point.hpp"
#include "engine/reference/grid.hpp"

namespace reference {
namespace {

// In int8 there is room for 20 more bits, in int16 for 15.
template <int kBits, typename T>
void add_stored(const Broadcast& shape, const AddScaling& s, const T* first, const T* second, T* output) {
  constexpr std::int32_t kMoreBits = 1 << kBits;
  for_each_element(shape, [&](std::int32_t a, std::int32_t b) {
    const std::int32_t sum = multiply((first[a] - s.first_zero_point) * kMoreBits, s.first) +
                             multiply((second[b] - s.second_zero_point) * kMoreBits, s.second);
    const std::int32_t stored = multiply(sum, s.output) + s.output_zero_point;
    *output++ = static_cast<T>(clamp(stored, s.min, s.max));
  });
}

}  // namespace

void add(const Broadcast& shape, const Clamp& range, const float* first, const float* second, float* output) {
  for_each_element(shape, [&](std::int32_t a, std::int32_t b) { *output++ = clamp(first[a] + second[b], range); });
}

void add(const Broadcast& shape, const AddScaling& s, const std::int8_t* first, const std::int8_t* second,
         std::int8_t* output) {
  add_stored<20>(shape, s, first, second, output);
}

void add(const Broadcast& shape, const AddScaling& s, const std::int16_t* first, const std::int16_t* second,
         std::int16_t* output) {
  add_stored<15>(shape, s, first, second, output);
}

}  // namespace reference
