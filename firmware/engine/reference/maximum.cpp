#include "engine/reference/maximum.hpp"

#include "engine/reference/grid.hpp"

namespace reference {
namespace {

// The second where neither is greater, as where one is no number.
template <typename T>
void greater(const Broadcast& shape, const T* first, const T* second, T* output) {
  for_each_element(
      shape, [&](std::int32_t a, std::int32_t b) { *output++ = first[a] > second[b] ? first[a] : second[b]; });
}

template <typename T>
void smaller(const Broadcast& shape, const T* first, const T* second, T* output) {
  for_each_element(
      shape, [&](std::int32_t a, std::int32_t b) { *output++ = first[a] < second[b] ? first[a] : second[b]; });
}

}  // namespace

void maximum(const Broadcast& shape, const float* first, const float* second, float* output) {
  greater(shape, first, second, output);
}

void maximum(const Broadcast& shape, const std::int8_t* first, const std::int8_t* second, std::int8_t* output) {
  greater(shape, first, second, output);
}

void maximum(const Broadcast& shape, const std::int16_t* first, const std::int16_t* second, std::int16_t* output) {
  greater(shape, first, second, output);
}

void minimum(const Broadcast& shape, const float* first, const float* second, float* output) {
  smaller(shape, first, second, output);
}

void minimum(const Broadcast& shape, const std::int8_t* first, const std::int8_t* second, std::int8_t* output) {
  smaller(shape, first, second, output);
}

void minimum(const Broadcast& shape, const std::int16_t* first, const std::int16_t* second, std::int16_t* output) {
  smaller(shape, first, second, output);
}

}  // namespace reference
