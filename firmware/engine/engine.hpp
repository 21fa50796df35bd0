// What computes the network. One engine is linked into an image; `app/` sees only this header.
//
// For the ahead-of-time engines (reference, m7, cmsis-nn) the definitions come from the C++ that
// renode_mnist.codegen emits out of a .tflite file; for `tflm` from engine/tflm/.
#pragma once

#include <cstddef>
#include <cstdint>

namespace engine {

// As in schema/mnist.fbs.
enum class ElementType : std::uint8_t {
  kFloat32 = 0,
  kInt8 = 1,
  kUint8 = 2,
  kInt16 = 3,
  kInt32 = 4,
  kBool = 5,
  kInt64 = 6,
};

struct TensorInfo {
  const char* name;  // in the model
  ElementType type;
  std::uint8_t rank;           // 0 (a scalar) to 8
  const std::uint32_t* shape;  // batch first, channels last
  std::size_t element_count;
  std::size_t byte_count;
  float scale;  // real = scale * (stored - zero_point); 0 where what is stored is the number itself
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
  const TensorInfo* inputs;
  std::size_t input_count;
  const TensorInfo* outputs;
  std::size_t output_count;
  const LayerInfo* layers;
  std::size_t layer_count;
  std::size_t weights_bytes;
  std::size_t arena_bytes;  // activations and scratch, in .bss
  std::size_t state_bytes;  // variables that live between inferences, beside it
};

// "reference", "m7", "cmsis-nn", "tflm (cmsis-nn kernels)" or "tflm (reference kernels)".
extern const char kEngineName[];

const ModelInfo& model();

// Called once after reset, before anything else. Returns nullptr, or what is wrong.
const char* init();

// Where an input tensor is to be written before invoke(), `model().inputs[index].byte_count` bytes, aligned to 8.
// Its content is undefined after invoke().
void* input(std::size_t index);

// Where an output tensor stands after invoke(), valid until the next write to an input().
const void* output(std::size_t index);

// Gives the variables that live between inferences their initial values, as init() does. Inputs stay.
void reset_state();

struct Memory {
  const std::uint8_t* bytes;
  std::size_t count;
};

// Activations and scratch, laid out as codegen's plan says; empty where it does not (tflm). For traces.
Memory arena_memory();

// Called after each step with its index, in order: 0 to layer_count - 1.
using LayerDone = void (*)(void* context, std::size_t layer);

// Computes outputs from inputs and state. Uses no heap and does not fail.
void invoke(LayerDone done, void* context);

}  // namespace engine
