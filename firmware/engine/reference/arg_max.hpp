// ARG_MAX and ARG_MIN: of equal numbers the first.
//
//   input   [outer][count][inner]
//   output  [outer][inner]
#pragma once

#include <cstdint>

namespace reference {

struct Line {
  std::int32_t outer;
  std::int32_t count;
  std::int32_t inner;
};

void arg_max(const Line& line, const float* input, std::int32_t* output);
void arg_max(const Line& line, const std::int8_t* input, std::int32_t* output);
void arg_min(const Line& line, const float* input, std::int32_t* output);
void arg_min(const Line& line, const std::int8_t* input, std::int32_t* output);

}  // namespace reference
