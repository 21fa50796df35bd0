// One inference: the input brought into the model's form, the layers timed, the output in real numbers.
#pragma once

#include <cstddef>
#include <cstdint>

#include "engine/engine.hpp"
#include "model_config.hpp"

namespace app::inference {

// Readies the engine. Afterwards problem() is nullptr, or what is wrong with it.
void start();
const char* problem();

enum class Loaded : std::uint8_t { kYes, kWrongSize, kNotFinite };

// Each fills the input tensor. A real number becomes real / scale + zero_point, rounded half away from zero
// and clamped, as TensorFlow Lite's QUANTIZE has it.
Loaded load_pixels(const std::uint8_t* pixels, std::size_t count);  // [0, 255] stands for [0, 1]
Loaded load_reals(const float* reals, std::size_t count);
Loaded load_tensor(const std::uint8_t* bytes, std::size_t count);  // as the model stores it

struct Result {
  std::uint64_t layers[model_config::kLayerCount];  // differences of port::counter()
  std::uint64_t total;                              // from before the first layer to after the last
};

// Runs the network on what was loaded.
const Result& run();

// Of the last run, until the next load.
const Result& result();
float score(std::size_t index);
std::size_t best();  // index of the highest score, the first of equals

// A counter difference at the nominal clock.
float milliseconds(std::uint64_t counter);

}  // namespace app::inference
