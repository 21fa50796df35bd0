#include "engine/reference/floor_div.hpp"

#include <cmath>

#include "engine/reference/grid.hpp"

namespace reference {

void floor_div(const Broadcast& shape, const float* first, const float* second, float* output) {
  for_each_element(shape, [&](std::int32_t a, std::int32_t b) {
    // In float32 the quotient may be rounded up to a whole number.
    *output++ = static_cast<float>(std::floor(static_cast<double>(first[a]) / static_cast<double>(second[b])));
  });
}

void floor_mod(const Broadcast& shape, const float* first, const float* second, float* output) {
  for_each_element(shape, [&](std::int32_t a, std::int32_t b) {
    const float rest = std::fmod(first[a], second[b]);
    const bool crosses = rest != 0.0F && (second[b] < 0.0F) != (rest < 0.0F);
    *output++ = crosses ? rest + second[b] : rest;
  });
}

}  // namespace reference
