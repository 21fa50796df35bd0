// What renode_mnist.codegen writes for a real model.
#pragma once

#include <cstddef>
#include <cstdint>

#include "calibration/routines.hpp"

namespace model_config {

#define CALIBRATION_COUNT(...) +1
inline constexpr std::size_t kLayerCount = 0 CALIBRATION_BENCHMARKS(CALIBRATION_COUNT);
#undef CALIBRATION_COUNT
#define CALIBRATION_TEXT(group, name, ...) +sizeof(group) - 1 + sizeof(name) - 1
inline constexpr std::size_t kLayerTextBytes = 0 CALIBRATION_BENCHMARKS(CALIBRATION_TEXT);
#undef CALIBRATION_TEXT

inline constexpr std::size_t kMostRounds = 1000;
inline constexpr std::size_t kExtremes = 4;
inline constexpr std::size_t kChipWords = 8;

inline constexpr std::size_t kInputCount = 1;
inline constexpr std::size_t kOutputCount = 3;
inline constexpr std::size_t kMostInputBytes = sizeof(std::int32_t);
inline constexpr std::size_t kMostOutputBytes = kLayerCount * kExtremes * sizeof(std::int32_t);
inline constexpr std::size_t kOutputElements = kLayerCount * kExtremes;
inline constexpr std::size_t kEdgeTextBytes = sizeof(
    "rounds"
    "cycles"
    "units"
    "chip");
inline constexpr std::size_t kEdgeDimensions = 1 + 2 + 1 + 1;
inline constexpr std::size_t kArenaBytes = 16 * 1024;
inline constexpr std::size_t kStateBytes = 0;
inline constexpr bool kTakesPicture = false;

}  // namespace model_config
