// What renode_mnist.codegen writes for a real model.
#pragma once

#include <cstddef>

namespace model_config {

inline constexpr std::size_t kInputCount = 1;
inline constexpr std::size_t kOutputCount = 1;
inline constexpr std::size_t kMostInputBytes = 784 * sizeof(float);
inline constexpr std::size_t kMostOutputBytes = 10 * sizeof(float);
inline constexpr std::size_t kOutputElements = 10;
inline constexpr std::size_t kEdgeTextBytes = 10;
inline constexpr std::size_t kEdgeDimensions = 6;
inline constexpr std::size_t kLayerCount = 2;
inline constexpr std::size_t kLayerTextBytes = 20;
inline constexpr std::size_t kArenaBytes = 784 * sizeof(float) + 10 * sizeof(float);
inline constexpr std::size_t kStateBytes = 0;
inline constexpr bool kTakesPicture = true;

}  // namespace model_config
