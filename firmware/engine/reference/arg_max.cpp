#include "engine/reference/arg_max.hpp"

#include <functional>

namespace reference {
namespace {

template <typename T, typename Better>
void best(const Line& l, const T* input, std::int32_t* output, Better better) {
  for (std::int32_t i = 0; i < l.outer; ++i, input += l.count * l.inner) {
    for (std::int32_t j = 0; j < l.inner; ++j) {
      std::int32_t found = 0;
      for (std::int32_t k = 1; k < l.count; ++k) {
        if (better(input[k * l.inner + j], input[found * l.inner + j])) found = k;
      }
      *output++ = found;
    }
  }
}

}  // namespace

void arg_max(const Line& line, const float* input, std::int32_t* output) {
  best(line, input, output, std::greater<float>());
}

void arg_max(const Line& line, const std::int8_t* input, std::int32_t* output) {
  best(line, input, output, std::greater<std::int8_t>());
}

void arg_min(const Line& line, const float* input, std::int32_t* output) {
  best(line, input, output, std::less<float>());
}

void arg_min(const Line& line, const std::int8_t* input, std::int32_t* output) {
  best(line, input, output, std::less<std::int8_t>());
}

}  // namespace reference
