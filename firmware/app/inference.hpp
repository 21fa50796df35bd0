// One inference: the inputs brought into the model's form, the layers timed, the outputs read.
#pragma once

#include <cstddef>
#include <cstdint>

#include "engine/engine.hpp"
#include "model_config.hpp"

namespace app::inference {

// Readies the engine. Afterwards problem() is nullptr, or what is wrong with it.
void start();
const char* problem();

inline constexpr std::size_t kPictureElements = 784;

enum class Loaded : std::uint8_t { kYes, kNoSuchTensor, kWrongSize, kBeyond, kBadValue };

// Of a model that takes the article's picture (model_config::kTakesPicture); each fills its input. A real number
// becomes real / scale + zero_point, rounded half away from zero and clamped, as TensorFlow Lite's QUANTIZE has it.
Loaded load_pixels(const std::uint8_t* pixels, std::size_t count);  // [0, 255] stands for [0, 1]
Loaded load_reals(const float* reals, std::size_t count);

// Of any model: some of an input's bytes as the model stores them, whole elements. Offset 0 begins anew; any other
// may be at most what was written so far (else kBeyond), so that a piece can be sent again.
Loaded write(std::size_t index, std::size_t offset, const std::uint8_t* bytes, std::size_t count);

// Bytes of an input that were written since the last run.
std::size_t written(std::size_t index);

// Whether every input was written whole since the last run, which uses them up: the arena has other uses for them.
bool ready();

// Whether the outputs are those of the last run: no input was written since.
bool answered();

struct Result {
  std::uint64_t layers[model_config::kLayerCount];  // differences of port::counter()
  std::uint64_t total;                              // from before the first layer to after the last
};

// Whether regions of the arena can be sent between layers. Of an image that is used the marks stay as cheap as they
// are.
inline constexpr bool kTrace = APP_TRACE != 0;

// Called after a layer, in a time that is not counted; only where kTrace is set.
using AfterLayer = void (*)(void* context, std::size_t layer);

// Runs the network on what was loaded.
const Result& run(AfterLayer after = nullptr, void* context = nullptr);

// Of the last run.
const Result& result();

// Of the first output, until an input is written: an element as a real number, and the index of the highest, the
// first of equals.
float score(std::size_t index);
std::size_t best();

// A counter difference at the nominal clock.
float milliseconds(std::uint64_t counter);

}  // namespace app::inference
