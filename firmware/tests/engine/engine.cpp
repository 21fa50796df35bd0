// Engine `test`: output i is the sum of the pixels whose index is i modulo 10, and the first pixel can ask
// for trouble.
#include "engine/engine.hpp"

#include "model_config.hpp"

namespace {

constexpr std::size_t kPixels = 784;

alignas(8) float input_tensor[kPixels];
alignas(8) float output_tensor[model_config::kOutputElements];

constexpr engine::LayerInfo kLayers[model_config::kLayerCount] = {
    {"trouble", "CUSTOM", 0},
    {"sums", "SUM", 784},
};

constexpr std::uint32_t kInputShape[] = {1, 28, 28, 1};
constexpr std::uint32_t kOutputShape[] = {1, 10};

constexpr engine::TensorInfo kInputs[model_config::kInputCount] = {
    {"pixels", engine::ElementType::kFloat32, 4, kInputShape, 784, sizeof(input_tensor), 0.0F, 0}};
constexpr engine::TensorInfo kOutputs[model_config::kOutputCount] = {
    {"sums", engine::ElementType::kFloat32, 2, kOutputShape, 10, sizeof(output_tensor), 0.0F, 0}};

const engine::ModelInfo kModel = {
    "test",
    "0000000000000000000000000000000000000000000000000000000000000000",
    kInputs,
    model_config::kInputCount,
    kOutputs,
    model_config::kOutputCount,
    kLayers,
    model_config::kLayerCount,
    0,
    model_config::kArenaBytes,
    model_config::kStateBytes,
};

#ifdef __arm__

// What a first pixel of 1 to 6 asks for.
enum Trouble { kReadNowhere = 1, kWriteNowhere, kUndefined, kStackOverflow, kTakeLong, kTurnDeaf };

volatile std::uint32_t sink;

// Far outside of anything that answers: RM0385, 2.2.2, memory map.
volatile std::uint32_t* const kNowhere = reinterpret_cast<volatile std::uint32_t*>(0x6000'0000);

[[gnu::noinline]] std::uint32_t recurse(std::uint32_t depth) {
  if (depth == 1'000'000) return 0;  // 80 MB deep
  volatile std::uint32_t frame[16];
  frame[depth % 16] = depth;
  return recurse(depth + 1) + frame[(depth + 1) % 16];
}

// About 50 ms at 216 MHz, 600 bytes of line, at two cycles an iteration.
void take_long() {
  for (std::uint32_t i = 0; i < 6'000'000; ++i) asm volatile("");
}

void make_trouble(int kind) {
  switch (kind) {
    case kReadNowhere:
      sink = *kNowhere;
      break;
    case kWriteNowhere:
      *kNowhere = 1;
      break;
    case kUndefined:
      __builtin_trap();
    case kStackOverflow:
      sink = recurse(0);
      break;
    case kTakeLong:
      take_long();
      break;
    case kTurnDeaf:  // no interrupt is served meanwhile: the UART overruns
      asm volatile("cpsid i" ::: "memory");
      take_long();
      asm volatile("cpsie i" ::: "memory");
      break;
    default:
      break;
  }
}

#else

void make_trouble(int) {}

#endif

}  // namespace

namespace engine {

const char kEngineName[] = "test";

const ModelInfo& model() { return kModel; }

const char* init() { return nullptr; }

void* input(std::size_t) { return input_tensor; }

const void* output(std::size_t) { return output_tensor; }

void reset_state() {}

Memory arena_memory() { return {reinterpret_cast<const std::uint8_t*>(output_tensor), sizeof(output_tensor)}; }

void invoke(LayerDone done, void* context) {
  if (input_tensor[0] >= 1.0F && input_tensor[0] <= 6.0F) make_trouble(static_cast<int>(input_tensor[0]));
  done(context, 0);
  for (float& sum : output_tensor) sum = 0;
  for (std::size_t i = 0; i < kPixels; ++i) {
    output_tensor[i % model_config::kOutputElements] += input_tensor[i];
  }
  done(context, 1);
}

}  // namespace engine
