// What renode_mnist.codegen writes for a real model.
#pragma once

#include <cstddef>

namespace model_config {

inline constexpr std::size_t kInputElements = 784;
inline constexpr std::size_t kInputBytes = 784 * sizeof(float);
inline constexpr std::size_t kOutputElements = 10;
inline constexpr std::size_t kOutputBytes = 10 * sizeof(float);
inline constexpr std::size_t kLayerCount = 2;
inline constexpr std::size_t kArenaBytes = 784 * sizeof(float) + 10 * sizeof(float);

}  // namespace model_config
