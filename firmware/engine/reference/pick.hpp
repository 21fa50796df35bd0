// Runs of a tensor, each from where its indices say: RESIZE_NEAREST_NEIGHBOR and its like.
//
//   input   read at offsets[0][i] + offsets[1][j] + offsets[2][k]
//   output  [counts[0]][counts[1]][counts[2]][run]; not the input's memory
#pragma once

#include <cstdint>

namespace reference {

struct Picked {
  std::int32_t counts[3];
  const std::int32_t* offsets[3];  // in elements
  std::int32_t run;
};

void pick(const Picked& picked, const float* input, float* output);
void pick(const Picked& picked, const std::int8_t* input, std::int8_t* output);
void pick(const Picked& picked, const std::int16_t* input, std::int16_t* output);

}  // namespace reference
