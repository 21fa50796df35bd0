// What reductions share: which elements make a result.
#pragma once

#include "engine/reference/grid.hpp"
#include "engine/reference/types.hpp"

namespace reference {

// Folds elements into `first` by add(result, element), in order; `finish` takes results in the order of the
// outputs.
template <typename Result, typename T, typename Add, typename Finish>
void reduce(const Reduction& r, Result first, const T* input, Add add, Finish finish) {
  constexpr std::int32_t kNone[3] = {};
  auto make = [&](std::int32_t start, std::int32_t) {
    Result result = first;
    auto fold = [&](std::int32_t offset, std::int32_t) { result = add(result, input[start + offset]); };
    for_each_element(r.folded_shape, r.folded_strides, kNone, fold);
    finish(result);
  };
  for_each_element(r.shape, r.strides, kNone, make);
}

}  // namespace reference
