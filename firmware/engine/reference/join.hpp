// One of the tensors that stand side by side in another: CONCATENATION and PACK call it for each.
//
//   input   [rows][run]
//   output  [rows][stride], written from `start` on in each row
#pragma once

#include <cstdint>

namespace reference {

struct Joined {
  std::int32_t rows;
  std::int32_t run;
  std::int32_t start;
  std::int32_t stride;
};

void join(const Joined& joined, const float* input, float* output);
void join(const Joined& joined, const std::int8_t* input, std::int8_t* output);
void join(const Joined& joined, const std::int16_t* input, std::int16_t* output);

}  // namespace reference
