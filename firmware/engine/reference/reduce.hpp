// What reductions share: which elements make a result.
#pragma once

#include "engine/reference/grid.hpp"
#include "engine/reference/types.hpp"

namespace reference {

// Folds elements into `first` by add(result, element), in order; `finish` takes results in the order of the
// outputs.
template <typename Result, typename T, typename Add, typename Finish>
void reduce(const Reduction& r, Result first, const T* input, Add add, Finish finish) {
  const std::int32_t strides[4] = {r.shape[1] * r.shape[2] * r.shape[3], r.shape[2] * r.shape[3], r.shape[3], 1};
  const std::int32_t none[4] = {};
  std::int32_t kept[4];
  std::int32_t folded[4];
  for (int i = 0; i < 4; ++i) {
    kept[i] = r.reduced[i] ? 1 : r.shape[i];
    folded[i] = r.reduced[i] ? r.shape[i] : 1;
  }
  for_each_element(kept, strides, none, [&](std::int32_t start, std::int32_t) {
    Result result = first;
    for_each_element(folded, strides, none,
                     [&](std::int32_t offset, std::int32_t) { result = add(result, input[start + offset]); });
    finish(result);
  });
}

}  // namespace reference
