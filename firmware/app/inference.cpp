#include "inference.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include "port.hpp"

namespace app::inference {
namespace {

using engine::ElementType;

const char* trouble = "the engine has not been started";
Result last;
std::size_t written_bytes[model_config::kInputCount];
bool outputs_stand = false;

// Between the counter's reads: the sums are 64 bits wide, so that only a single layer must not outlast the
// counter.
class Stopwatch {
 public:
  Stopwatch() : last_(port::counter()) {}

  std::uint32_t lap() {
    const std::uint32_t now = port::counter();
    const std::uint32_t passed = now - last_;
    last_ = now;
    return passed;
  }

 private:
  std::uint32_t last_;
};

// Of the run under way, where kTrace is set. Not beside the stopwatch: what stands between its reads is counted.
[[maybe_unused]] AfterLayer after_layer;
[[maybe_unused]] void* after_layer_context;

void layer_done(void* context, std::size_t layer) {
  auto* stopwatch = static_cast<Stopwatch*>(context);
  const std::uint32_t passed = stopwatch->lap();
  last.total += passed;
  if (layer < model_config::kLayerCount) last.layers[layer] = passed;
  if constexpr (kTrace) {
    if (after_layer == nullptr) return;
    after_layer(after_layer_context, layer);
    stopwatch->lap();
  }
}

template <typename Stored>
Stored quantise(float real, const engine::TensorInfo& tensor) {
  constexpr auto kLowest = static_cast<float>(std::numeric_limits<Stored>::min());
  constexpr auto kHighest = static_cast<float>(std::numeric_limits<Stored>::max());
  const float stored = std::round(real / tensor.scale) + static_cast<float>(tensor.zero_point);
  // Clamped before the conversion: a large real number would leave the integers' range.
  if (stored <= kLowest) return std::numeric_limits<Stored>::min();
  if (stored >= kHighest) return std::numeric_limits<Stored>::max();
  return static_cast<Stored>(stored);
}

// Of a model that takes a picture; codegen's takes_picture has the types.
void store(std::size_t index, float real) {
  const engine::TensorInfo& tensor = engine::model().inputs[0];
  void* input = engine::input(0);
  switch (tensor.type) {
    case ElementType::kInt8:
      static_cast<std::int8_t*>(input)[index] = quantise<std::int8_t>(real, tensor);
      break;
    case ElementType::kUint8:
      static_cast<std::uint8_t*>(input)[index] = quantise<std::uint8_t>(real, tensor);
      break;
    default:
      static_cast<float*>(input)[index] = real;
      break;
  }
}

template <typename Stored>
float real(const void* values, std::size_t index, const engine::TensorInfo& tensor) {
  const auto stored = static_cast<const Stored*>(values)[index];
  if (tensor.scale == 0.0F) return static_cast<float>(stored);
  return tensor.scale * static_cast<float>(stored - tensor.zero_point);
}

void loaded() {
  outputs_stand = false;
  std::fill_n(written_bytes, model_config::kInputCount, 0);
}

bool all_finite(const std::uint8_t* bytes, std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) {
    float value;
    std::memcpy(&value, bytes + i * sizeof(float), sizeof(float));
    if (!std::isfinite(value)) return false;
  }
  return true;
}

// Any other byte is no bool to C++, and reading it as one undefined.
bool all_bool(const std::uint8_t* bytes, std::size_t count) {
  return std::all_of(bytes, bytes + count, [](std::uint8_t byte) { return byte <= 1; });
}

}  // namespace

void start() {
  trouble = engine::init();
  loaded();
}

const char* problem() { return trouble; }

Loaded load_pixels(const std::uint8_t* pixels, std::size_t count) {
  if (count != kPictureElements) return Loaded::kWrongSize;
  loaded();
  for (std::size_t i = 0; i < count; ++i) store(i, static_cast<float>(pixels[i]) / 255.0F);
  return Loaded::kYes;
}

Loaded load_reals(const float* reals, std::size_t count) {
  if (count != kPictureElements) return Loaded::kWrongSize;
  if (!all_finite(reinterpret_cast<const std::uint8_t*>(reals), count)) return Loaded::kBadValue;
  loaded();
  for (std::size_t i = 0; i < count; ++i) store(i, reals[i]);
  return Loaded::kYes;
}

Loaded write(std::size_t index, std::size_t offset, const std::uint8_t* bytes, std::size_t count) {
  if (index >= model_config::kInputCount) return Loaded::kNoSuchTensor;
  const engine::TensorInfo& tensor = engine::model().inputs[index];
  const std::size_t element = tensor.byte_count / tensor.element_count;
  const bool whole = offset % element == 0 && count % element == 0;
  if (!whole || count == 0 || offset > tensor.byte_count || count > tensor.byte_count - offset) {
    return Loaded::kWrongSize;
  }
  if (offset > written_bytes[index]) return Loaded::kBeyond;
  if (tensor.type == ElementType::kFloat32 && !all_finite(bytes, count / element)) return Loaded::kBadValue;
  if (tensor.type == ElementType::kBool && !all_bool(bytes, count)) return Loaded::kBadValue;
  if (outputs_stand) loaded();
  std::memcpy(static_cast<std::uint8_t*>(engine::input(index)) + offset, bytes, count);
  written_bytes[index] = offset == 0 ? count : std::max(written_bytes[index], offset + count);
  return Loaded::kYes;
}

std::size_t written(std::size_t index) { return written_bytes[index]; }

bool ready() {
  const engine::ModelInfo& model = engine::model();
  for (std::size_t i = 0; i < model_config::kInputCount; ++i) {
    if (written_bytes[i] != model.inputs[i].byte_count) return false;
  }
  return true;
}

bool answered() { return outputs_stand; }

const Result& run([[maybe_unused]] AfterLayer after, [[maybe_unused]] void* context) {
  last = Result{};
  if constexpr (kTrace) {
    after_layer = after;
    after_layer_context = context;
  }
  Stopwatch stopwatch;
  engine::invoke(layer_done, &stopwatch);
  last.total += stopwatch.lap();
  loaded();
  outputs_stand = true;
  return last;
}

const Result& result() { return last; }

float score(std::size_t index) {
  const engine::TensorInfo& tensor = engine::model().outputs[0];
  const void* output = engine::output(0);
  switch (tensor.type) {
    case ElementType::kInt8:
      return real<std::int8_t>(output, index, tensor);
    case ElementType::kUint8:
      return real<std::uint8_t>(output, index, tensor);
    default:
      return static_cast<const float*>(output)[index];
  }
}

std::size_t best() {
  std::size_t winner = 0;
  for (std::size_t i = 1; i < model_config::kOutputElements; ++i) {
    if (score(i) > score(winner)) winner = i;
  }
  return winner;
}

float milliseconds(std::uint64_t counter) {
  // In two halves: the library's conversion of 64 bits brings 600 bytes of software floating point.
  const auto high = static_cast<float>(static_cast<std::uint32_t>(counter >> 32));
  const auto low = static_cast<float>(static_cast<std::uint32_t>(counter));
  return (high * 4294967296.0F + low) / (static_cast<float>(port::counter_hz()) / 1000.0F);
}

}  // namespace app::inference
