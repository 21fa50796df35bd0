// What computes the network. One engine is linked into an image; `app/` sees only this header.
//
// For the ahead-of-time engines (reference, m7, cmsis-nn) the definitions come from the C++ that
// renode_mnist.codegen emits out of a .tflite file; for `tflm` from engine/tflm/.
#pragma once

#include <cstddef>
#include <cstdint>

namespace engine {

enum class ElementType : std::uint8_t { kFloat32 = 0, kInt8 = 1, kUint8 = 2 };

struct TensorInfo {
  ElementType type;
  std::uint8_t rank;      // 1 to 4
  std::int32_t shape[4];  // batch first, channels last; unused ones are 0
  std::size_t element_count;
  std::size_t byte_count;
  float scale;  // real = scale * (stored - zero_point); 0 for kFloat32
  std::int32_t zero_point;
};

// One step of the program: an operator of the model, or several fused into one.
struct LayerInfo {
  const char* name;    // of the step's output tensor in the model
  const char* op;      // TensorFlow Lite operator names, joined by '+' where fused
  std::uint32_t macs;  // multiply-accumulates the model asks for
};

struct ModelInfo {
  const char* name;    // file name without directory
  const char* sha256;  // of the .tflite file, 64 hexadecimal digits
  TensorInfo input;
  TensorInfo output;
  const LayerInfo* layers;
  std::size_t layer_count;
  std::size_t weights_bytes;
  std::size_t arena_bytes;  // activations and scratch, in .bss
};

// "reference", "m7", "cmsis-nn", "tflm (cmsis-nn kernels)" or "tflm (reference kernels)".
extern const char kEngineName[];

const ModelInfo& model();

// Called once after reset, before anything else. Returns nullptr, or what is wrong.
const char* init();

// Where the input tensor is to be written before invoke(), `model().input.byte_count` bytes, aligned to 8.
// Its content is undefined after invoke().
void* input();

// Where the output tensor stands after invoke(), valid until the next write to input().
const void* output();

// Called after each step with its index, in order: 0 to layer_count - 1.
using LayerDone = void (*)(void* context, std::size_t layer);

// Computes output() from input(). Uses no heap and does not fail.
void invoke(LayerDone done, void* context);

}  // namespace engine
